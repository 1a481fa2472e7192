// Package service_test runs peers by others against a chancery serve that is a process of
// its own: schema-driven tests of the whole API, linters of its document, relying parties,
// a wallet, a receiver of webhooks and an OpenID Provider.
package service_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/testvectors/interop"
)

// command builds the command once.
var command = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "chancery-interop")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "chancery")
	out, err := exec.Command("go", "build", "-o", name, "github.com/chancery-dev/chancery/cmd/chancery").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv("CHANCERY_INTEROP") == "1" {
		if name, err := command(); err == nil {
			os.RemoveAll(filepath.Dir(name))
		}
	}
	os.Exit(code)
}

// service is a running chancery serve.
type service struct {
	t    testing.TB
	base string
	key  string
	ca   string // file with its certificate, where it is its own
	http *http.Client
	log  *log
}

type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

var printedKey = regexp.MustCompile(`sk_(?:test|live)_[A-Za-z0-9_-]+`)

// serve runs chancery serve on a port with more variables and arguments, without limits
// of rate, and waits until it is ready.
func serve(t testing.TB, port int, env []string, args ...string) *service {
	t.Helper()
	binary, err := command()
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, log: &log{}, http: &http.Client{Timeout: 30 * time.Second}}
	cmd := exec.Command(binary, append([]string{"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port)}, args...)...)
	cmd.Env = append(append(os.Environ(), "CHANCERY_LIMITS_PER_KEY=0", "CHANCERY_LIMITS_PER_ADDRESS=0"), env...)
	cmd.Stderr = s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	ready := make(chan string, 1)
	go func() {
		defer close(done)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			if k := printedKey.FindString(scanner.Text()); k != "" {
				s.key = k
			}
			if base, ok := strings.CutPrefix(scanner.Text(), "Serving on "); ok {
				ready <- base
			}
		}
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			t.Errorf("chancery serve does not stop")
		}
	})
	select {
	case s.base = <-ready:
	case <-done:
		t.Fatalf("chancery serve ended:\n%s", s.log)
	case <-time.After(time.Minute):
		t.Fatalf("chancery serve is not ready after a minute:\n%s", s.log)
	}
	if strings.HasPrefix(s.base, "https:") {
		s.trustItself(t)
	}
	return s
}

// trustItself writes the certificate that the service shows into a file for the peers.
func (s *service) trustItself(t testing.TB) {
	t.Helper()
	insecure := &tls.Config{InsecureSkipVerify: true}
	var conn *tls.Conn
	var err error
	for range 100 {
		if conn, err = tls.Dial("tcp", strings.TrimPrefix(s.base, "https://"), insecure); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.ca = filepath.Join(t.TempDir(), "service.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw})
	if err := os.WriteFile(s.ca, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	s.http.Transport = &http.Transport{TLSClientConfig: insecure}
}

// ask makes a request with a token ("": none).
func (s *service) ask(method, path, token, media string, body []byte) (int, []byte) {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.base + path
	}
	r, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	r.Header.Set("Accept", "*/*")
	answer, err := s.http.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.log)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, b
}

// object is a JSON object.
type object = map[string]any

// data makes a request that must succeed, and decodes the data member of the answer.
func (s *service) data(method, path string, in any, into any) {
	s.t.Helper()
	var body []byte
	media := ""
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			s.t.Fatal(err)
		}
		media = "application/json"
	}
	status, answer := s.ask(method, path, s.key, media, body)
	if status/100 != 2 {
		s.t.Fatalf("%s %s: %d: %s", method, path, status, answer)
	}
	if err := json.Unmarshal(answer, &struct{ Data any }{into}); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}

// file reads an artefact, with the key.
func (s *service) file(path string) []byte {
	s.t.Helper()
	status, b := s.ask("GET", path, s.key, "", nil)
	if status != 200 {
		s.t.Fatalf("%s: %d: %s", path, status, b)
	}
	return b
}

// credential is what the tests read of one.
type credential struct {
	ID, PublicID, State, VerificationURL, StatusList string
	Issuer                                           struct{ ID string }
	Digest                                           struct{ Value string }
	Artifacts                                        map[string]struct{ URL, Digest string }
}

func (s *service) issue(kind, id string) credential {
	s.t.Helper()
	var c credential
	s.data("POST", "/v1/credentials", object{
		"id": id, "type": kind, "recipient": object{"name": "Zoë Grünau", "email": "zoe@example.com"}, "claims": object{"skill": "Grün & Söhne"},
	}, &c)
	return c
}

// peer is a running peer.mjs.
type peer struct {
	in  io.Writer
	out *bufio.Reader
}

// startPeer runs the peer; s may be nil where it needs no service yet.
func startPeer(t *testing.T, s *service) *peer {
	t.Helper()
	cmd := exec.Command("node", "peer.mjs")
	cmd.Dir = interop.NPM(t, ".", "peer.mjs")
	cmd.Env = os.Environ()
	base := ""
	if s != nil {
		base, cmd.Env = s.base, append(cmd.Env, "NODE_EXTRA_CA_CERTS="+s.ca)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	complaints := &log{}
	cmd.Stderr = complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("peer: %s", complaints)
		}
	})
	p := &peer{in, bufio.NewReaderSize(out, 1<<20)}
	documents := map[string]json.RawMessage{}
	set := ldcontext.Default()
	for _, url := range set.URLs() {
		documents[url] = json.RawMessage(set.Versions(url)[0].Doc.Text())
	}
	p.ask(t, object{"op": "start", "contexts": documents, "base": base})
	return p
}

// answer is what the peer says; which members are there depends on the operation.
type answer struct {
	Failed, Error, Text, Holder string
	Document                    json.RawMessage
	Verified                    bool
	Loaded                      []string
	Status, Again               int
	Deliveries                  []delivery
}

type delivery struct {
	ID, Type, Credential string
	Retry                bool
	Accepted, Forged     []bool // by each of the secrets
}

func (p *peer) ask(t *testing.T, request object) answer {
	t.Helper()
	b, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatal(err)
	}
	if a.Failed != "" {
		t.Fatalf("peer: %v: %s", request["op"], a.Failed)
	}
	return a
}

// run runs a program with a limit of time, and returns what it prints.
func run(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
