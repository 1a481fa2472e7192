package webhook

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/service/hook"
	"github.com/chancery-dev/chancery/internal/webhook/signature"
)

var now = time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC)

func sender(t testing.TB, change func(*Config)) *Sender {
	t.Helper()
	c := Config{Clock: time.Now, Timeout: 2 * time.Second}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func secrets(t testing.TB) ([]string, []signature.Key) {
	t.Helper()
	var out []string
	var keys []signature.Key
	for _, a := range []string{signature.V1, signature.V1A} {
		s, err := signature.Generate(a, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text := s.Public()
		if text == "" {
			text = s.Reveal()
		}
		k, err := signature.ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		out, keys = append(out, s.Reveal()), append(keys, k)
	}
	return out, keys
}

// send makes an attempt that our side can make.
func send(t testing.TB, s *Sender, m hook.Message) hook.Sent {
	t.Helper()
	sent, err := s.Send(context.Background(), m)
	if err != nil {
		t.Errorf("%s: %v", m.URL, err)
	}
	return sent
}

// receiver is an https server on loopback and the pool that believes it.
func receiver(t testing.TB, h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

func TestDelivery(t *testing.T) {
	signs, keys := secrets(t)
	var got http.Header
	var body []byte
	srv, pool := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "thanks\x00\x1b[31m\u202e!")
	})
	s := sender(t, func(c *Config) {
		c.RootCAs, c.InsecureLoopback, c.Clock = pool, true, func() time.Time { return now }
	})
	r := send(t, s, hook.Message{At: now, URL: srv.URL + "/hook?x=1", ID: "msg_1", Body: []byte(`{"type":"credential.issued"}`), Secrets: signs})
	if !r.Delivered || r.Gone || r.Attempt.Status != 200 || r.Attempt.Problem != "" || !r.Attempt.At.Equal(now) {
		t.Fatalf("%+v", r)
	}
	if r.Attempt.Answer != "thanks  [31m !" {
		t.Errorf("%q", r.Attempt.Answer)
	}
	h := signature.Headers{ID: got.Get("webhook-id"), Timestamp: got.Get("webhook-timestamp"), Signature: got.Get("webhook-signature")}
	for _, k := range keys {
		if err := signature.Verify(h, body, now, 0, k); err != nil {
			t.Error(err)
		}
	}
	if got.Get("Content-Type") != "application/json" || got.Get("Accept-Encoding") != "" || got.Get("Cookie") != "" {
		t.Errorf("%v", got)
	}
}

func TestAnswers(t *testing.T) {
	signs, _ := secrets(t)
	var elsewhere atomic.Int64
	srv, pool := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is a client that goes away seen
		switch r.URL.Path {
		case "/elsewhere":
			elsewhere.Add(1)
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/date":
			w.Header().Set("Retry-After", now.Add(time.Hour).Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/never":
			w.Header().Set("Retry-After", "99999999999999999999")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/accepted":
			w.WriteHeader(http.StatusAccepted)
		case "/endless":
			w.WriteHeader(http.StatusInternalServerError)
			for {
				if _, err := w.Write([]byte(strings.Repeat("é", 4096))); err != nil {
					return
				}
			}
		case "/slow":
			<-r.Context().Done()
		case "/drip":
			w.WriteHeader(http.StatusOK)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("."))
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		case "/headers":
			for i := range 40 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1000))
			}
			w.WriteHeader(http.StatusOK)
		case "/drop":
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
		case "/nonsense":
			c, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(c, "\x00\x01\x02 not HTTP\r\n\r\n")
			c.Close()
		}
	})
	s := sender(t, func(c *Config) {
		c.RootCAs, c.InsecureLoopback, c.Timeout, c.Clock = pool, true, time.Second, func() time.Time { return now }
	})
	for _, c := range []struct {
		path      string
		status    int
		delivered bool
		gone      bool
		wait      time.Duration
		problem   string
	}{
		{"/", 200, true, false, 0, ""},
		{"/accepted", 202, true, false, 0, ""},
		{"/redirect", 307, false, false, 0, "redirects"},
		{"/gone", 410, false, true, 0, "wants no more"},
		{"/busy", 429, false, false, 2 * time.Minute, "answers 429"},
		{"/date", 503, false, false, time.Hour, "answers 503"},
		{"/never", 503, false, false, 24 * time.Hour, "answers 503"},
		{"/endless", 500, false, false, 0, "answers 500"},
		{"/slow", 0, false, false, 0, "no answer in time"},
		{"/drip", 200, true, false, 0, ""},
		{"/headers", 0, false, false, 0, "malformed"},
		{"/drop", 0, false, false, 0, "broke off"},
		{"/nonsense", 0, false, false, 0, "malformed"},
	} {
		start := time.Now()
		r := send(t, s, hook.Message{At: now, URL: srv.URL + c.path, ID: "msg_1", Body: []byte("{}"), Secrets: signs})
		if r.Attempt.Status != c.status || r.Delivered != c.delivered || r.Gone != c.gone || r.RetryAfter != c.wait || !strings.Contains(r.Attempt.Problem, c.problem) || (c.problem == "") != (r.Attempt.Problem == "") {
			t.Errorf("%s: %+v", c.path, r)
		}
		if len(r.Attempt.Answer) > maxAnswer || !utf8.ValidString(r.Attempt.Answer) {
			t.Errorf("%s: an answer of %d bytes", c.path, len(r.Attempt.Answer))
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%s took %v", c.path, d)
		}
		if strings.Contains(r.Attempt.Problem, "127.0.0.1") {
			t.Errorf("%s: the problem holds an address: %s", c.path, r.Attempt.Problem)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Send(stopped, hook.Message{At: now, URL: srv.URL, ID: "msg_1", Body: []byte("{}"), Secrets: signs}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// A server whose certificate nobody vouches for.
	strange := sender(t, func(c *Config) { c.InsecureLoopback = true })
	if r := send(t, strange, hook.Message{At: now, URL: srv.URL, ID: "msg_1", Body: []byte("{}"), Secrets: signs}); r.Delivered || !strings.Contains(r.Attempt.Problem, "certificate") {
		t.Errorf("%+v", r)
	}
	// Nobody there.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if r := send(t, strange, hook.Message{At: now, URL: "https://" + address, ID: "msg_1", Body: []byte("{}"), Secrets: signs}); r.Delivered || r.Attempt.Problem != "no connection" {
		t.Errorf("%+v", r)
	}
	// http, to loopback only.
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	if r := send(t, strange, hook.Message{At: now, URL: plain.URL, ID: "msg_1", Body: []byte("{}"), Secrets: signs}); !r.Delivered {
		t.Errorf("%+v", r)
	}
	if r := send(t, strange, hook.Message{At: now, URL: "http://example.com/", ID: "msg_1", Body: []byte("{}"), Secrets: signs}); r.Attempt.Status != 0 || !strings.Contains(r.Attempt.Problem, "expected https") {
		t.Errorf("%+v", r)
	}
}

// hostile are addresses that lead into a network of one's own, %d is a port of loopback
// where somebody listens.
var hostile = []string{
	"http://127.0.0.1:%d/", "https://127.0.0.1:%d/", "https://localhost:%d/", "https://LOCALHOST.:%d/", "https://a.localhost:%d/", "https://127.1:%d/", "https://2130706433:%d/",
	"https://0x7f000001:%d/", "https://0177.0.0.1:%d/", "https://0x7f.1:%d/", "https://0:%d/", "https://0.0.0.0:%d/", "https://[::]:%d/", "https://[::1]:%d/",
	"https://[::ffff:127.0.0.1]:%d/", "https://[::ffff:7f00:1]:%d/", "https://[0:0:0:0:0:ffff:127.0.0.1]:%d/", "https://[::127.0.0.1]:%d/", "https://[64:ff9b::7f00:1]:%d/", "https://[2002:7f00:1::]:%d/",
	"https://[fe80::1%%25lo]:%d/", "https://[::1%%25lo]:%d/", "https://①②⑦.⓪.⓪.①:%d/", "https://127。0。0。1:%d/", "https://loc\u00adalhost:%d/", "https://user@127.0.0.1:%d/",
	"https://example.com@127.0.0.1:%d/", "https://127.0.0.1:%d\\@example.com/", "https://example.com:443@127.0.0.1:%d/", "https://127.0.0.1:%d#@example.com/", "//127.0.0.1:%d/",
	"https:127.0.0.1:%d", "https:/127.0.0.1:%d/", "https:///127.0.0.1:%d/", "gopher://127.0.0.1:%d/_x", "file:///etc/passwd?%d", "ftp://127.0.0.1:%d/", "javascript:%d",
	"https://127.0.0.1:%d\r\nHost: example.com/", " https://127.0.0.1:%d/", "https://127.0.0.1 :%d/", "https://169.254.169.254/latest/meta-data/%d", "https://[fd00:ec2::254]/%d",
	"https://168.63.129.16/%d", "https://100.100.100.200/%d", "https://10.0.0.1/%d", "https://192.168.1.1/%d", "https://172.16.0.1/%d", "https://metadata.google.internal/%d",
	"https://[::ffff:169.254.169.254]/%d", "https://127.0.0.1:0%d/", "https://127.0.0.1:-%d/", "https://127.0.0.1:%d%%00/", "https://%d", "", "https://", "https://:%d/", "unix:///run/docker.sock?%d",
}

// TestHostileAddresses: nothing of one's own network is connected to, whatever the address
// looks like; with the port of a listener among those that may be dialled, so that only
// the address stands in the way.
func TestHostileAddresses(t *testing.T) {
	signs, _ := secrets(t)
	var reached atomic.Int64
	listen := func(network, address string) int {
		l, err := net.Listen(network, address)
		if err != nil {
			return 0
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				reached.Add(1)
				c.Close()
			}
		}()
		return l.Addr().(*net.TCPAddr).Port
	}
	port := listen("tcp", "127.0.0.1:0")
	if port == 0 {
		t.Skip("no loopback")
	}
	listen("tcp6", fmt.Sprintf("[::1]:%d", port))
	s := sender(t, func(c *Config) { c.Ports, c.Timeout = []int{443, port}, 500*time.Millisecond })
	var done sync.WaitGroup
	for _, form := range hostile {
		address := form
		if strings.Contains(form, "%d") {
			address = fmt.Sprintf(form, port)
		}
		done.Go(func() {
			r := send(t, s, hook.Message{At: now, URL: address, ID: "msg_1", Body: []byte("{}"), Secrets: signs})
			if r.Delivered || r.Attempt.Status != 0 || r.Attempt.Problem == "" {
				t.Errorf("%q: %+v", address, r)
			}
			if strings.Contains(r.Attempt.Problem, "127.") || strings.Contains(r.Attempt.Problem, "169.") {
				t.Errorf("%q: the problem holds an address: %s", address, r.Attempt.Problem)
			}
		})
	}
	done.Wait()
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	if len(hostile) < 20 {
		t.Errorf("only %d addresses", len(hostile))
	}
}

// TestRebinding: a name that passes CheckURL is judged by what it resolves to when it is
// dialled. localhost stands for a name of a stranger that leads to loopback.
func TestRebinding(t *testing.T) {
	var reached atomic.Int64
	srv, pool := receiver(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	port := srv.Listener.Addr().(*net.TCPAddr).Port
	s := sender(t, func(c *Config) { c.Ports, c.RootCAs = []int{port}, pool })
	// Past parse, straight to the client.
	req, _ := http.NewRequest(http.MethodPost, fmt.Sprintf("https://localhost:%d/", port), nil)
	if res, err := s.secure.Do(req); err == nil {
		res.Body.Close()
		t.Error("it was dialled")
	} else if got := problem(err); got != "the address is not a public one" {
		t.Errorf("%s (%v)", got, err)
	}
	if reached.Load() != 0 {
		t.Error("it was reached")
	}
}

func TestNoProxy(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("HTTP_PROXY", proxy.URL)
	signs, _ := secrets(t)
	s := sender(t, func(c *Config) { c.InsecureLoopback, c.Timeout = true, 200*time.Millisecond })
	_ = send(t, s, hook.Message{At: now, URL: "https://127.0.0.1:1/", ID: "msg_1", Body: []byte("{}"), Secrets: signs})
	if tr := s.secure.Transport.(*http.Transport); tr.Proxy != nil || asked.Load() != 0 {
		t.Error("a proxy is used")
	}
}

func TestCheckURL(t *testing.T) {
	s := sender(t, nil)
	for _, good := range []string{"https://example.com/hook", "https://example.com:8443/", "https://xn--bcher-kva.example/x?y=z", "https://93.184.216.34/", "https://[2606:2800::1]/"} {
		if err := s.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, form := range append([]string{"https://example.com:22/", "https://bücher.example/", "https://" + strings.Repeat("a", maxURL)}, hostile...) {
		address := form
		if strings.Contains(form, "%d") {
			address = fmt.Sprintf(form, 443)
		}
		err := s.CheckURL(address)
		if err != nil && !errors.Is(err, ErrURL) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestRefused(t *testing.T) {
	signs, _ := secrets(t)
	s := sender(t, nil)
	for name, m := range map[string]hook.Message{
		"long body":   {URL: "https://example.com/", ID: "m", At: now, Body: make([]byte, MaxBody+1), Secrets: signs},
		"no secret":   {URL: "https://example.com/", ID: "m", At: now, Body: []byte("{}")},
		"bad secret":  {URL: "https://example.com/", ID: "m", At: now, Body: []byte("{}"), Secrets: []string{"whsec_x"}},
		"hostile id":  {URL: "https://example.com/", ID: "m\r\nx: y", At: now, Body: []byte("{}"), Secrets: signs},
		"before 1970": {URL: "https://example.com/", ID: "m", Body: []byte("{}"), Secrets: signs},
	} {
		if _, err := s.Send(context.Background(), m); err == nil || !strings.HasPrefix(err.Error(), "webhook: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]Config{"no clock": {}, "timeout": {Clock: time.Now, Timeout: -1}, "port": {Clock: time.Now, Ports: []int{0}}} {
		if _, err := New(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, "-1": 0, "1.5": 0, "soon": 0, "86401": 24 * time.Hour, "1e9": 0,
		now.Add(-time.Hour).Format(http.TimeFormat): 0, now.Add(99 * time.Hour).Format(http.TimeFormat): 24 * time.Hour,
	} {
		if got := retryAfter(v, now); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}

// TestOldTLS: what is older than TLS 1.2 is not spoken.
func TestOldTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	signs, _ := secrets(t)
	s := sender(t, func(c *Config) { c.RootCAs, c.InsecureLoopback = pool, true })
	if r := send(t, s, hook.Message{At: now, URL: srv.URL, ID: "m", Body: []byte("{}"), Secrets: signs}); r.Delivered {
		t.Error("TLS 1.1 was spoken")
	}
}
