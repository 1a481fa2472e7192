package online

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// server answers by path, and counts.
func server(t *testing.T, pages map[string]http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var hits atomic.Int64
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		if h := pages[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s, &hits
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
}

func client(t *testing.T, s *httptest.Server, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{Clock: time.Now, Timeout: 2 * time.Second, InsecureAllowLoopback: true}
	if s != nil {
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AddCert(s.Certificate())
	}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestFetch(t *testing.T) {
	s, _ := server(t, map[string]http.HandlerFunc{
		"/list": text("a list"), "/issuer": text("a controller document"), "/.well-known/did.json": text("a DID document"),
		"/a/b/did.json": text("another"), "/.well-known/jwks.json": text("keys"),
	})
	c := client(t, s, nil)
	ctx := context.Background()
	host := strings.TrimPrefix(s.URL, "https://")
	local := strings.Replace(host, "127.0.0.1", "localhost", 1)
	get := func(name, want string, f func() (verifier.Document, error)) {
		d, err := f()
		if err != nil || string(d.Bytes) != want || d.FetchedAt.IsZero() {
			t.Errorf("%s: %v %q", name, err, d.Bytes)
		}
	}
	get("list", "a list", func() (verifier.Document, error) { return c.StatusList(ctx, s.URL+"/list") })
	get("fragment", "a list", func() (verifier.Document, error) { return c.Document(ctx, s.URL+"/list#7") })
	get("controller", "a controller document", func() (verifier.Document, error) { return c.Controller(ctx, s.URL+"/issuer") })
	get("keys", "keys", func() (verifier.Document, error) { return c.JWKS(ctx, host) })
	// The test server's certificate names example.com and 127.0.0.1 only, so did:web,
	// which forbids IP addresses, is tried as far as the name.
	if _, err := c.Controller(ctx, "did:web:"+strings.Replace(local, ":", "%3A", 1)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("did:web: %v", err)
	}
	for _, id := range []string{"did:ion:abc", "did:key:z6Mk", "did:webs:x"} {
		if _, err := c.Controller(ctx, id); !errors.Is(err, verifier.ErrUnsupported) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestRefusedAnswers(t *testing.T) {
	big := strings.Repeat("x", 2000)
	s, hits := server(t, map[string]http.HandlerFunc{
		"/gone":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) },
		"/error":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"/redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/list", http.StatusFound) },
		"/list":     text("x"),
		"/big":      text(big),
		"/chunked": func(w http.ResponseWriter, _ *http.Request) {
			for range 20 {
				fmt.Fprint(w, big[:100])
				w.(http.Flusher).Flush()
			}
		},
		"/packed": func(w http.ResponseWriter, _ *http.Request) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			fmt.Fprint(z, big)
			z.Close()
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(b.Bytes())
		},
		"/slow": func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		},
		"/trickle": func(w http.ResponseWriter, r *http.Request) {
			for range 50 {
				if r.Context().Err() != nil {
					return
				}
				fmt.Fprint(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		},
		"/cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "x")
		},
		"/headers": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100<<10)) },
	})
	for path, want := range map[string]error{
		"/gone": verifier.ErrGone, "/error": verifier.ErrUnreachable, "/redirect": verifier.ErrUnreachable, "/absent": verifier.ErrUnreachable,
		"/big": verifier.ErrUnreachable, "/chunked": verifier.ErrUnreachable, "/packed": verifier.ErrUnreachable, "/slow": verifier.ErrUnreachable,
		"/trickle": verifier.ErrUnreachable, "/cut": verifier.ErrUnreachable, "/headers": verifier.ErrUnreachable,
	} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			c := client(t, s, func(cfg *Config) { cfg.MaxBytes, cfg.Timeout = 1000, 300*time.Millisecond })
			start := time.Now()
			if _, err := c.Document(context.Background(), s.URL+path); !errors.Is(err, want) {
				t.Errorf("expected %v, found %v", want, err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	t.Cleanup(func() {
		if hits.Load() == 0 {
			t.Error("the server was not asked at all")
		}
	})
}

func TestUntrustedCertificate(t *testing.T) {
	s, hits := server(t, map[string]http.HandlerFunc{"/list": text("x")})
	c := client(t, nil, func(cfg *Config) { cfg.RootCAs = x509.NewCertPool() })
	if _, err := c.Document(context.Background(), s.URL+"/list"); !errors.Is(err, verifier.ErrUnreachable) || hits.Load() != 0 {
		t.Errorf("%v, %d requests", err, hits.Load())
	}
}

// TestHostileAddresses: none of them leads to a connection. A listener on loopback
// stands for whatever should not be reached, on the port that is allowed.
func TestHostileAddresses(t *testing.T) {
	var l net.Listener
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var reached atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			conn.Close()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	c := client(t, nil, func(cfg *Config) {
		cfg.InsecureAllowLoopback, cfg.Ports, cfg.Timeout = false, []int{443, port}, 500*time.Millisecond
	})
	addresses := []string{
		"https://127.0.0.1:%d/", "https://localhost:%d/", "https://[::1]:%d/", "https://0.0.0.0:%d/", "https://[::]:%d/",
		"https://2130706433:%d/", "https://0x7f000001:%d/", "https://0177.0.0.1:%d/", "https://127.1:%d/",
		"https://[::ffff:127.0.0.1]:%d/", "https://[64:ff9b::7f00:1]:%d/", "https://[2002:7f00:1::]:%d/", "https://[fe80::1%%25lo]:%d/",
		"https://169.254.169.254:%d/latest/meta-data/", "https://[fd00:ec2::254]:%d/", "https://10.0.0.1:%d/", "https://172.16.0.1:%d/", "https://192.168.0.1:%d/", "https://100.64.0.1:%d/",
		"http://127.0.0.1:%d/", "file:///etc/passwd?%d", "gopher://127.0.0.1:%d/", "https://user:pass@127.0.0.1:%d/", "https://127.0.0.1.:%d/", "https:///x?%d", "ftp://127.0.0.1:%d/",
		"https://①②⑦.⓪.⓪.①:%d/", "https://localhost.localdomain:%d/",
	}
	var done sync.WaitGroup
	for _, a := range addresses {
		done.Go(func() {
			address := fmt.Sprintf(a, port)
			if _, err := c.Document(context.Background(), address); !errors.Is(err, verifier.ErrUnreachable) {
				t.Errorf("%s: %v", address, err)
			}
		})
	}
	for _, id := range []string{"did:web:127.0.0.1", "did:web:localhost%3A8443", "did:web:..%2f..", "did:web:user%40evil.example", "did:web:[::1]"} {
		done.Go(func() {
			if _, err := c.Controller(context.Background(), id); !errors.Is(err, verifier.ErrUnreachable) {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	done.Wait()
	if reached.Load() != 0 {
		t.Errorf("%d connections", reached.Load())
	}
}

func TestPorts(t *testing.T) {
	c := client(t, nil, func(cfg *Config) { cfg.InsecureAllowLoopback = false })
	if _, err := c.Document(context.Background(), "https://example.com:8443/"); !errors.Is(err, verifier.ErrUnreachable) || !strings.Contains(err.Error(), "ports") {
		t.Error(err)
	}
}

func TestCache(t *testing.T) {
	s, hits := server(t, map[string]http.HandlerFunc{"/list": text("x")})
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	c := client(t, s, func(cfg *Config) { cfg.Clock = func() time.Time { return at } })
	ctx := context.Background()
	step := func(name string, want int64, f func() error) {
		t.Helper()
		if err := f(); err != nil && !strings.HasPrefix(name, "absent") {
			t.Errorf("%s: %v", name, err)
		}
		if got := hits.Load(); got != want {
			t.Errorf("%s: expected %d requests, found %d", name, want, got)
		}
	}
	list := func() error { d, err := c.StatusList(ctx, s.URL+"/list"); _ = d; return err }
	absent := func() error { _, err := c.StatusList(ctx, s.URL+"/absent"); return err }
	step("first", 1, list)
	step("again", 1, list)
	at = at.Add(31 * time.Second)
	step("later", 2, list)
	step("absent", 3, absent)
	step("absent again", 3, absent)
	at = at.Add(11 * time.Second)
	step("absent later", 4, absent)
	var wait sync.WaitGroup
	at = at.Add(time.Hour)
	for range 20 {
		wait.Go(func() { _ = list() })
	}
	wait.Wait()
	step("twenty at once", 5, list)

	none := client(t, s, func(cfg *Config) { cfg.StatusTTL = -1 })
	for range 2 {
		if _, err := none.StatusList(ctx, s.URL+"/list"); err != nil {
			t.Error(err)
		}
	}
	step("without cache", 7, func() error { return nil })
	// What was fetched as another document is kept for longer, and is no status list.
	step("list as a document", 8, func() error { _, err := c.Document(ctx, s.URL+"/list"); return err })
	at = at.Add(31 * time.Second)
	step("document of before", 8, func() error { _, err := c.Document(ctx, s.URL+"/list"); return err })
	step("list of before", 9, list)
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Document(stopped, s.URL+"/list"); !errors.Is(err, verifier.ErrUnreachable) {
		t.Error(err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c cache
	now := time.Now()
	big := make([]byte, 1<<20)
	for i := range 3000 {
		_, _ = c.do(context.Background(), fmt.Sprint(i), func() time.Time { return now }, time.Hour, func() (verifier.Document, error) {
			return verifier.Document{Bytes: big}, nil
		})
		if len(c.entries) > maxCached || c.bytes > maxCachedBytes || c.bytes != len(c.entries)<<20 {
			t.Fatalf("%d entries, %d bytes", len(c.entries), c.bytes)
		}
	}
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{}); !errors.Is(err, verifier.ErrNoClock) {
		t.Error(err)
	}
	if _, err := New(Config{Clock: time.Now, MaxBytes: -1}); err == nil {
		t.Error("negative bounds were accepted")
	}
}
