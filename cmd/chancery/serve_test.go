package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binaryDir string

// chanceryBinary builds the command once.
var chanceryBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "chancery-test")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	name := filepath.Join(dir, "chancery")
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return name, nil
})

// served is a chancery serve that runs as a process of its own.
type served struct {
	t      testing.TB
	args   []string
	env    []string // beside that of the test
	listen string
	base   string
	client *http.Client
	key    string
	cmd    *exec.Cmd
	done   chan struct{}
	log    *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var printedKey = regexp.MustCompile(`sk_(?:test|live)_[A-Za-z0-9_-]+`)

// freePort returns an address on loopback that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startService runs chancery serve with the given arguments.
func startService(t testing.TB, args ...string) *served {
	t.Helper()
	return startServiceWith(t, nil, args...)
}

// startServiceWith runs chancery serve with more variables. Rates are not limited.
func startServiceWith(t testing.TB, env []string, args ...string) *served {
	t.Helper()
	return startServiceOn(t, freePort(t), env, args...)
}

// startServiceOn is the same on an address, or on the socket of unix: and its path.
func startServiceOn(t testing.TB, listen string, env []string, args ...string) *served {
	t.Helper()
	s := &served{t: t, listen: listen, client: http.DefaultClient, log: &lockedBuffer{}, env: append([]string{"CHANCERY_LIMITS_PER_KEY=0", "CHANCERY_LIMITS_PER_ADDRESS=0"}, env...)}
	s.base = "http://" + listen
	if strings.HasPrefix(listen, "unix:") {
		s.base = "http://socket.example"
		s.client = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dialListen(listen) }}}
	}
	s.args = append([]string{"serve", "--listen", s.listen}, args...)
	t.Cleanup(s.kill)
	s.start()
	return s
}

// dialListen connects to what the setting listen names.
func dialListen(listen string) (net.Conn, error) {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		return net.Dial("unix", path)
	}
	return net.Dial("tcp", listen)
}

// startWorker runs a process that does jobs alone.
func startWorker(t testing.TB, env []string, args ...string) *served {
	t.Helper()
	s := &served{t: t, log: &lockedBuffer{}, env: env, args: append([]string{"serve", "--role", "worker"}, args...)}
	t.Cleanup(s.kill)
	s.start()
	return s
}

// start runs the process and waits until it is ready; the first time it reads the key.
func (s *served) start() {
	s.t.Helper()
	if s.client == nil {
		s.client = http.DefaultClient
	}
	binary, err := chanceryBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(binary, s.args...)
	s.cmd.Stderr = s.log
	s.cmd.Env = append(os.Environ(), s.env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	keys, working := make(chan string, 16), make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			if scanner.Text() == "Working" {
				close(working)
			}
			if k := printedKey.FindString(scanner.Text()); k != "" {
				select {
				case keys <- k:
				default:
				}
			}
		}
		cmd.Wait()
		close(done)
	}(s.cmd, s.done)
	if s.listen == "" {
		select {
		case <-working:
		case <-s.done:
			s.t.Fatalf("chancery serve ended:\n%s", s.log)
		case <-time.After(time.Minute):
			s.t.Fatalf("chancery serve does not work after a minute:\n%s", s.log)
		}
		return
	}
	deadline := time.Now().Add(60 * time.Second)
	for {
		answer, err := s.client.Get(s.base + "/readyz")
		if err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode == 200 {
				break
			}
		}
		select {
		case <-s.done:
			s.t.Fatalf("chancery serve ended:\n%s", s.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("chancery serve is not ready after a minute:\n%s", s.log)
		}
	}
	if s.key == "" {
		select {
		case s.key = <-keys:
		case <-time.After(5 * time.Second):
			s.t.Fatalf("chancery serve printed no key:\n%s", s.log)
		}
	}
}

// kill ends the process without warning, as a power cut would.
func (s *served) kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
}

// stop asks the process to end, and waits.
func (s *served) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.t.Fatal("chancery serve does not stop")
	}
}

// call makes a request with the key and returns status, body and header.
func (s *served) call(method, path, media string, body []byte, header ...string) (int, []byte, http.Header) {
	s.t.Helper()
	status, answer, h, err := s.try(method, path, media, body, header...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.log)
	}
	return status, answer, h
}

func (s *served) try(method, path, media string, body []byte, header ...string) (int, []byte, http.Header, error) {
	if !strings.HasPrefix(path, "http") {
		path = s.base + path
	}
	r, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return answer.StatusCode, b, answer.Header, err
}

// data makes a request that must succeed and decodes the data member of the answer.
func (s *served) data(method, path string, in any, want int) map[string]any {
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
	status, answer, _ := s.call(method, path, media, body)
	if status != want {
		s.t.Fatalf("%s %s: %d, expected %d: %s", method, path, status, want, answer)
	}
	var out struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
	return out.Data
}

// trainingType makes a type with one field and returns its key.
func (s *served) trainingType(outputs ...string) string {
	s.t.Helper()
	s.data("POST", "/v1/credential-types", map[string]any{
		"key": "safety-training", "displayName": "Safety Training", "kind": "certificate", "outputs": outputs,
		"fields": []map[string]any{{"key": "trainerName", "label": "Trainer", "type": "text", "required": true, "visibility": "public"}},
	}, 201)
	return "safety-training"
}

// TestServeColdStart: from nothing to the first verified credential.
func TestServeColdStart(t *testing.T) {
	if _, err := chanceryBinary(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := startService(t, "--data", t.TempDir())
	kind := s.trainingType("vc", "pdf", "badge")
	made := s.data("POST", "/v1/credentials", map[string]any{
		"type": kind, "recipient": map[string]any{"name": "Aina Rahman", "email": "aina@example.com"}, "claims": map[string]any{"trainerName": "Academy"},
	}, 201)
	verdict := s.data("GET", "/v1/verify/"+made["publicId"].(string), nil, 200)
	took := time.Since(began)
	t.Logf("cold start to the first verified credential: %v", took.Round(time.Millisecond))
	if verdict["outcome"] != "valid" {
		t.Errorf("expected valid, found %v", verdict)
	}
	if took > 10*time.Second {
		t.Errorf("took %v, at most 10 s", took)
	}
	for _, name := range []string{"vc", "pdf", "png", "svg"} {
		status, file, _ := s.call("GET", "/v1/credentials/"+made["id"].(string)+"/artifacts/"+name, "", nil, "Accept", "*/*")
		if status != 200 {
			t.Fatalf("artifact %s: %d %s", name, status, file)
		}
		if got := s.upload(file); got["outcome"] != "valid" {
			t.Errorf("%s: expected valid, found %v: %v", name, got["outcome"], got["reason"])
		}
	}
	s.data("POST", "/v1/credentials/"+made["id"].(string)+"/revoke", map[string]any{"reason": "issued by mistake"}, 200)
	if verdict = s.data("GET", "/v1/verify/"+made["publicId"].(string), nil, 200); verdict["outcome"] != "invalid" || verdict["reason"] != "revoked" {
		t.Errorf("expected invalid, revoked, found %v, %v", verdict["outcome"], verdict["reason"])
	}
	s.stop()
}

// upload verifies a file by POST /v1/verify.
func (s *served) upload(file []byte) map[string]any {
	s.t.Helper()
	var b bytes.Buffer
	const boundary = "xXxXchanceryXxXx"
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\nContent-Type: application/octet-stream\r\n\r\n", boundary)
	b.Write(file)
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	status, answer, _ := s.call("POST", "/v1/verify", "multipart/form-data; boundary="+boundary, b.Bytes())
	if status != 200 {
		s.t.Fatalf("verify: %d %s", status, answer)
	}
	var out struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		s.t.Fatal(err)
	}
	return out.Data
}

// TestServeKilled: a batch of 10,000 rows, the process killed five times: every row once,
// unique status indices, right counts.
func TestServeKilled(t *testing.T) {
	rows := 10_000
	if testing.Short() {
		rows = 1_000
	}
	s := startService(t, "--data", t.TempDir())
	killed(t, rows, s, s)
}

// killed gives s a batch, and kills victim, which does the jobs, five times meanwhile.
func killed(t *testing.T, rows int, s, victim *served) {
	kind := s.trainingType("vc")
	var b bytes.Buffer
	for i := range rows {
		fmt.Fprintf(&b, `{"id":"ROW-%05d","recipient":{"name":"Person %d","email":"p%d@example.com"},"claims":{"trainerName":"T%d"}}`+"\n", i, i, i, i)
	}
	status, answer, header := s.call("POST", "/v1/batches?type="+kind, "application/x-ndjson", b.Bytes(), "Idempotency-Key", "the-batch")
	if status != 202 {
		t.Fatalf("batch: %d %s", status, answer)
	}
	path := header.Get("Location")
	if path == "" {
		t.Fatal("no Location")
	}
	if i := strings.Index(path, "/v1/"); i > 0 {
		path = path[i:]
	}
	counts := func() (issued, failed, total float64, done bool) {
		d := s.data("GET", path, nil, 200)
		c := d["counts"].(map[string]any)
		return c["issued"].(float64), c["failed"].(float64), c["total"].(float64), d["done"].(bool)
	}
	began, amid := time.Now(), 0
	for kill := 1; kill <= 5; kill++ {
		for { // until another sixth is done
			issued, _, _, done := counts()
			if done || issued >= float64(rows*kill/6) {
				if !done {
					amid++
				}
				break
			}
			if time.Since(began) > 5*time.Minute {
				t.Fatalf("only %v rows after %v\n%s", issued, time.Since(began), s.log)
			}
			time.Sleep(10 * time.Millisecond)
		}
		victim.kill()
		victim.start()
	}
	for {
		issued, failed, total, done := counts()
		if done {
			t.Logf("%d rows, killed %d times while at work, in %v", rows, amid, time.Since(began).Round(time.Millisecond))
			if amid < 4 {
				t.Errorf("the batch was over at %d of five kills", 5-amid)
			}
			if issued != float64(rows) || failed != 0 || total != float64(rows) {
				t.Fatalf("expected %d issued and none failed, found %v, %v of %v", rows, issued, failed, total)
			}
			break
		}
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("not done: %v of %v\n%s", issued, total, s.log)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.checkRows(rows)
}

// checkRows reads every credential and its signed form.
func (s *served) checkRows(rows int) {
	t := s.t
	t.Helper()
	ids, places, publics := map[string]bool{}, map[string]bool{}, map[string]bool{}
	ascending, last := 0, -1
	cursor := ""
	for {
		status, answer, _ := s.call("GET", "/v1/credentials?limit=1000&sort=issuedAt&cursor="+cursor, "", nil)
		if status != 200 {
			t.Fatalf("list: %d %s", status, answer)
		}
		var page struct {
			Data []struct {
				ID, PublicID, State string
			} `json:"data"`
			Meta struct{ NextCursor *string }
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Data {
			if ids[c.ID] || publics[c.PublicID] || c.State != "issued" {
				t.Errorf("credential %s twice, or %s", c.ID, c.State)
			}
			ids[c.ID], publics[c.PublicID] = true, true
			status, vc, _ := s.call("GET", "/v1/credentials/"+c.ID+"/artifacts/vc", "", nil, "Accept", "*/*")
			if status != 200 {
				t.Fatalf("artifact of %s: %d", c.ID, status)
			}
			var signed struct {
				CredentialStatus struct{ StatusListIndex, StatusListCredential string }
			}
			if err := json.Unmarshal(vc, &signed); err != nil {
				t.Fatalf("artifact of %s: %v, %s", c.ID, err, vc)
			}
			place := signed.CredentialStatus.StatusListCredential + " " + signed.CredentialStatus.StatusListIndex
			if places[place] {
				t.Errorf("status place %s twice", place)
			}
			places[place] = true
			index, err := strconv.Atoi(signed.CredentialStatus.StatusListIndex)
			if err != nil {
				t.Fatalf("artifact of %s: %v, %s", c.ID, err, vc)
			}
			if index > last {
				ascending++
			}
			last = index
		}
		if page.Meta.NextCursor == nil || *page.Meta.NextCursor == "" {
			break
		}
		cursor = *page.Meta.NextCursor
	}
	if len(ids) != rows {
		t.Errorf("expected %d credentials, found %d", rows, len(ids))
	}
	// Of random indices about half are above the one before.
	if share := float64(ascending) / float64(rows); share < 0.4 || share > 0.6 {
		t.Errorf("status indices are not random: %.2f of them ascend", share)
	}
}
