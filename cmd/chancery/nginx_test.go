package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const publicName = "credentials.example.edu"

// proxy is an nginx with docs/deployment/nginx.conf, of which only the places on this
// machine are other ones.
type proxy struct {
	t             *testing.T
	dir           string
	plain, secure string // addresses
	roots         *x509.CertPool
}

func startNginx(t *testing.T, upstream string) *proxy {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if _, err := os.Stat("/usr/sbin/nginx"); err != nil { // not in the path of everybody
			t.Skip("nginx is not installed: docs/deployment/nginx.conf is not tried")
		}
		program = "/usr/sbin/nginx"
	}
	p := &proxy{t: t, dir: t.TempDir(), plain: freePort(t), secure: freePort(t)}
	p.certificate()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deployment", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	conf := regexp.MustCompile(`(?m)^\s*listen \[::\].*\n`).ReplaceAllString(string(text), "") // not everywhere
	for _, swap := range [][2]string{
		{"listen 80;", "listen " + p.plain + ";"}, {"listen 443 ssl", "listen " + p.secure + " ssl"}, {"    server 127.0.0.1:8080;", "    server " + upstream + ";"},
		{"/etc/ssl/credentials.example.edu", filepath.Join(p.dir, "tls")}, {"/var/log/nginx", p.dir},
	} {
		if !strings.Contains(conf, swap[0]) {
			t.Fatalf("nginx.conf does not hold %q", swap[0])
		}
		conf = strings.ReplaceAll(conf, swap[0], swap[1])
	}
	main := fmt.Sprintf("daemon off;\npid %[1]s/pid;\nerror_log %[1]s/nginx.log;\nevents {}\nhttp {\nclient_body_temp_path %[1]s/body;\nproxy_temp_path %[1]s/proxy;\nfastcgi_temp_path %[1]s/f;\nuwsgi_temp_path %[1]s/u;\nscgi_temp_path %[1]s/s;\ninclude %[1]s/chancery.conf;\n}\n", p.dir)
	if os.Getuid() == 0 {
		main = "user root;\n" + main
	}
	p.write("chancery.conf", []byte(conf))
	p.write("main.conf", []byte(main))
	arguments := []string{"-p", p.dir, "-e", filepath.Join(p.dir, "nginx.log"), "-c", filepath.Join(p.dir, "main.conf")}
	if out, err := exec.Command(program, append(arguments, "-t")...).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	cmd := exec.Command(program, arguments...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt) // a fast stop of its workers too
		if err := cmd.Wait(); err != nil {
			t.Errorf("nginx: %v\n%s", err, p.read("nginx.log"))
		}
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.secure); err == nil {
			c.Close()
			return p
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("nginx does not listen\n%s", p.read("nginx.log"))
		}
	}
}

func (p *proxy) write(name string, text []byte) {
	if err := os.WriteFile(filepath.Join(p.dir, name), text, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proxy) read(name string) string {
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Error(err)
	}
	return string(b)
}

// certificate makes one for the public name.
func (p *proxy) certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{publicName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("tls.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.write("tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	p.roots = x509.NewCertPool()
	p.roots.AppendCertsFromPEM([]byte(p.read("tls.pem")))
}

// from is a client with an address of its own, for which the public name leads to nginx,
// or to another server.
func (p *proxy) from(address, other string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 5 * time.Second}
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: p.roots}, DialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
		switch {
		case other != "":
			host = other
		case strings.HasSuffix(host, ":80"):
			host = p.plain
		default:
			host = p.secure
		}
		return dialer.DialContext(ctx, network, host)
	}}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask makes a request; header are names and values.
func (p *proxy) ask(c *http.Client, method, url string, body []byte, header ...string) (*http.Response, string) {
	p.t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", method, url, err, p.read("nginx.log"))
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer, string(b)
}

// TestNginx: docs/deployment/nginx.conf before a service, as a browser and a client of the
// API see it.
func TestNginx(t *testing.T) {
	listen := freePort(t) // the proxy's upstream is known before the service is there
	p := startNginx(t, listen)
	const site = "https://" + publicName
	s := &served{t: t, listen: listen, base: "http://" + listen, log: &lockedBuffer{}, args: []string{"serve", "--listen", listen, "--data", t.TempDir()},
		env: []string{"CHANCERY_LIMITS_PER_KEY=0", "CHANCERY_LIMITS_PER_ADDRESS=0.1", "CHANCERY_LIMITS_PER_ADDRESS_BURST=30", "CHANCERY_TRUSTED_PROXIES=127.0.0.1/32", "CHANCERY_PUBLIC_URL=" + site}}
	t.Cleanup(s.kill)
	s.start()
	id, public := s.issue(s.trainingType("vc", "pdf", "badge"), "Aina Rahman")
	client := p.from("127.0.0.2", "")

	t.Run("pages", func(t *testing.T) {
		for _, path := range []string{"/c/" + public, "/c/" + public + "/embed", "/verify", "/openapi.json", "/livez"} {
			answer, body := p.ask(client, "GET", site+path, nil)
			if answer.StatusCode != 200 || answer.Proto != "HTTP/2.0" || answer.Header.Get("Strict-Transport-Security") == "" || len(answer.Header["Content-Type"]) != 1 {
				t.Errorf("%s: %s %s %v %.200s", path, answer.Proto, answer.Status, answer.Header, body)
			}
			if strings.Contains(body, listen) {
				t.Errorf("%s names the address behind the proxy", path)
			}
		}
		if _, body := p.ask(client, "GET", site+"/c/"+public+"?lang=en", nil); !strings.Contains(body, "Valid") || !strings.Contains(body, site+"/c/"+public) {
			t.Errorf("the page: %.300s", body)
		}
		answer, _ := p.ask(client, "GET", "http://"+publicName+"/c/"+public+"?lang=de", nil)
		if answer.StatusCode != 308 || answer.Header.Get("Location") != site+"/c/"+public+"?lang=de" {
			t.Errorf("without TLS: %s to %s", answer.Status, answer.Header.Get("Location"))
		}
	})
	t.Run("old TLS", func(t *testing.T) {
		if c, err := tls.Dial("tcp", p.secure, &tls.Config{RootCAs: p.roots, ServerName: publicName, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
			c.Close()
			t.Error("TLS 1.1 is spoken")
		}
	})
	upload := func(size int, content []byte) (*http.Response, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		part, err := w.CreateFormFile("file", "file")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(content)
		part.Write(bytes.Repeat([]byte(" "), size))
		w.Close()
		return p.ask(p.from("127.0.0.3", ""), "POST", site+"/v1/verify", b.Bytes(), "Content-Type", w.FormDataContentType())
	}
	t.Run("uploads", func(t *testing.T) {
		_, file, _ := s.call("GET", "/v1/credentials/"+id+"/artifacts/pdf", "", nil, "Accept", "*/*")
		var verdict struct {
			Data struct{ Outcome, Environment string }
		}
		answer, body := upload(0, file)
		if err := json.Unmarshal([]byte(body), &verdict); err != nil || answer.StatusCode != 200 || verdict.Data.Outcome != "valid" {
			t.Errorf("a PDF: %s %.300s", answer.Status, body)
		}
		if answer, body = upload(9<<20, []byte("{}")); answer.StatusCode != 200 {
			t.Errorf("9 MB: %s %.300s", answer.Status, body)
		}
		// The service says so, in its own words, however early it knows.
		for _, size := range []int{11 << 20, 60 << 20} {
			if answer, body = upload(size, []byte("{}")); answer.StatusCode != 413 || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d MB: %s %.300s", size>>20, answer.Status, body)
			}
		}
	})
	t.Run("logs", func(t *testing.T) {
		p.ask(client, "GET", site+"/sign/SECRET-TOKEN", nil)
		p.ask(client, "GET", site+"/v1/invitations/SECRET-TOKEN", nil)
		p.ask(client, "GET", site+"/c/"+public+"/pdf?expires=1&signature=SECRET-SIGNATURE", nil)
		p.ask(client, "GET", "http://"+publicName+"/sign/SECRET-TOKEN", nil)
		if log := p.read("chancery.log"); !strings.Contains(log, `"GET /c/`+public+`/pdf"`) || !strings.Contains(log, "127.0.0.2") {
			t.Errorf("the log does not hold the requests: %s", log)
		}
	})
	t.Run("addresses", func(t *testing.T) { p.addresses(t, s, site) })
	s.stop()
	if answer, _ := p.ask(client, "GET", site+"/sign/SECRET-TOKEN", nil); answer.StatusCode != 502 {
		t.Errorf("without a service: %s", answer.Status)
	}
	for _, name := range []string{"chancery.log", "chancery.error.log", "nginx.log"} {
		if log := p.read(name); strings.Contains(log, "SECRET") {
			t.Errorf("%s holds secrets: %s", name, log)
		}
	}
}

// addresses: rates are limited by the address that nginx sees, whatever a client says of
// its own; and the service believes nobody but the declared proxy.
func (p *proxy) addresses(t *testing.T, s *served, site string) {
	spend := func(c *http.Client, url string, header ...string) (taken int) {
		for n := range 80 {
			h := []string{"X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n), "X-Real-IP", "198.51.100.1", "Forwarded", "for=198.51.100.2"}
			if len(header) != 0 {
				h = header
			}
			answer, _ := p.ask(c, "GET", url, nil, h...)
			if answer.StatusCode == 429 {
				return taken
			}
			taken++
		}
		return taken
	}
	path := "/v1/verify/nobody-has-this"
	if n := spend(p.from("127.0.0.4", ""), site+path); n < 20 || n > 40 {
		t.Errorf("one client was let through %d times, allowed are 30", n)
	}
	if n := spend(p.from("127.0.0.5", ""), site+path); n < 20 || n > 40 {
		t.Errorf("another one was let through %d times", n)
	}
	// Straight to the service, from addresses that are no proxy.
	if n := spend(p.from("127.0.0.4", s.listen), "http://"+s.listen+path); n > 5 {
		t.Errorf("a client that goes around the proxy and lies was let through %d times more", n)
	}
	if n := spend(p.from("127.0.0.6", s.listen), "http://"+s.listen+path); n < 20 || n > 40 {
		t.Errorf("another one was let through %d times", n)
	}
	// The proxy's word counts.
	if n := spend(p.from("127.0.0.1", s.listen), "http://"+s.listen+path, "X-Forwarded-For", "127.0.0.5"); n > 5 {
		t.Errorf("what the proxy says is not believed: %d times more", n)
	}
}

// TestNginxSocket: the same before a Unix socket, as the comment in nginx.conf has it.
func TestNginxSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.sock")
	p := startNginx(t, "unix:"+path)
	const site = "https://" + publicName
	if !strings.Contains(deploymentFile(t, "nginx.conf"), "# server unix:/run/chancery/chancery.sock;") {
		t.Error("nginx.conf says nothing of sockets")
	}
	start := func() (*exec.Cmd, *lockedBuffer) {
		binary, err := chanceryBinary()
		if err != nil {
			t.Fatal(err)
		}
		log := &lockedBuffer{}
		cmd := exec.Command(binary, "serve", "--listen", "unix:"+path, "--data", filepath.Join(dir, "data"))
		cmd.Env = append(os.Environ(), "CHANCERY_LIMITS_PER_ADDRESS=0.1", "CHANCERY_LIMITS_PER_ADDRESS_BURST=30", "CHANCERY_PUBLIC_URL="+site)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); !strings.Contains(log.String(), "Serving on unix:"+path+" for "+site); time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				cmd.Process.Kill()
				t.Fatalf("it does not serve: %s", log)
			}
		}
		return cmd, log
	}
	cmd, _ := start()
	cmd.Process.Kill() // its socket stays
	cmd.Wait()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	cmd, log := start()
	defer cmd.Process.Kill()
	const page = site + "/v1/verify/nobody-has-this"
	for _, from := range []string{"127.0.0.7", "127.0.0.8"} { // each with a limit of its own
		taken := 0
		for n := range 60 {
			answer, body := p.ask(p.from(from, ""), "GET", page, nil, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n))
			if answer.StatusCode == 429 {
				break
			}
			if taken++; answer.StatusCode != 200 {
				t.Fatalf("%s: %s", answer.Status, body)
			}
		}
		if taken < 20 || taken > 40 {
			t.Errorf("%s was let through %d times, allowed are 30", from, taken)
		}
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, log)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}
