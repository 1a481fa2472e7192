package serving

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/service"
)

// opened is an installation of a configuration in a directory of its own.
func opened(t *testing.T, text string) *Installation {
	t.Helper()
	c, err := config.Load(config.Source{Name: "test.toml", File: []byte(text), Settings: map[string]string{"data": t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := Open(context.Background(), c, Options{Now: time.Now, Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func (in *Installation) asked(key, method, path, body, from, forwarded string) int {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = from
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	in.Handler.ServeHTTP(w, r)
	return w.Code
}

// TestSettingsHold: what is set is in force.
func TestSettingsHold(t *testing.T) {
	in := opened(t, `
environments = ["live"]
trustedProxies = ["10.0.0.1", "2001:db8::/32"]
[limits]
maxBody = 65536
perAddress = 1.0
perAddressBurst = 2
`)
	const peer = "127.0.0.1:1"
	secret, err := in.FirstKey(t.Context())
	if err != nil || !strings.HasPrefix(secret, "sk_live_") {
		t.Fatalf("first key of an installation without test: %.8s, %v", secret, err)
	}
	if _, err := in.Core.CreateFirstKey(t.Context(), service.Scope{Tenant: "dev", Environment: service.Test}, service.NewKey{Name: "x", Scopes: service.Permissions()}); err == nil {
		t.Error("a key of an environment that is not offered was made")
	}
	large := `{"key":"x","displayName":"` + strings.Repeat("a", 70_000) + `"}`
	for path, want := range map[string]int{"/v1/credential-types": 413, "/v1/credentials": 413, "/v1/api-keys": 413} {
		if got := in.asked(secret, http.MethodPost, path, large, peer, ""); got != want {
			t.Errorf("%s with more than limits.maxBody: %d", path, got)
		}
	}
	form := httptest.NewRequest(http.MethodPost, "/verify", strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"+large+"\r\n--b--\r\n"))
	form.RemoteAddr = peer
	form.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	w := httptest.NewRecorder()
	if in.Handler.ServeHTTP(w, form); w.Code != 413 {
		t.Errorf("the form of the page with more than limits.maxBody: %d", w.Code)
	}
	for n, from := range []struct{ peer, forwarded string }{{"10.0.0.1:1", "198.51.100.%d"}, {"[2001:db8::7]:1", "198.51.101.%d"}} {
		for i := range 4 { // each of another address behind the proxy
			if got := in.asked("", http.MethodGet, "/v1/verify/x", "", from.peer, strings.Replace(from.forwarded, "%d", string(rune('1'+i)), 1)); got != 200 {
				t.Errorf("proxy %d, address %d: %d", n, i, got)
			}
		}
	}
	if got := in.asked("", http.MethodGet, "/v1/verify/x", "", "10.0.0.2:1", "127.0.0.1"); got != 403 {
		t.Errorf("in the clear, from who is no proxy: %d", got)
	}
	if got := in.asked("", http.MethodGet, "/livez", "", "10.0.0.2:1", ""); got != 200 {
		t.Errorf("a probe: %d", got)
	}
}

// TestTooManyPages: a reader who has asked for more pages than his network may is told so on
// one, in his language; a program by a problem.
func TestTooManyPages(t *testing.T) {
	in := opened(t, "[limits]\nperAddress = 0.1\nperAddressBurst = 2\n")
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for i, c := range []struct {
		method, path, accept, lang string
		status                     int
		media, text                string
	}{
		{"GET", "/", browser, "en", 200, "text/html", ""},
		{"GET", "/verify", browser, "en", 200, "text/html", ""},
		{"GET", "/c/x", browser, "en", 429, "text/html", "Too many requests"},
		{"POST", "/verify", browser, "de", 429, "text/html", "Zu viele Anfragen"},
		{"GET", "/nothing", "text/html", "ar", 429, "text/html", "طلبات أكثر مما ينبغي"},
		{"GET", "/c/x", "*/*", "", 429, "application/problem+json", "RATE_LIMITED"},
		{"GET", "/c/x", "application/json", "", 429, "application/json", "RATE_LIMITED"},
		{"GET", "/v1/verify/x", browser, "", 429, "application/problem+json", "RATE_LIMITED"},
		{"GET", "/assets/none.css", browser, "en", 404, "text/html", ""},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Accept", c.accept)
		r.Header.Set("Accept-Language", c.lang)
		w := httptest.NewRecorder()
		in.Handler.ServeHTTP(w, r)
		if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), c.media) || !strings.Contains(w.Body.String(), c.text) || (w.Header().Get("Retry-After") == "10") != (c.status == 429) {
			t.Errorf("%d, %s %s: %d %v %s", i, c.method, c.path, w.Code, w.Header(), w.Body)
		}
	}
}

// TestDatabaseIsPrivate: it holds personal data, wherever it lies.
func TestDatabaseIsPrivate(t *testing.T) {
	in := opened(t, "")
	var found []string
	err := filepath.WalkDir(in.Config.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), "chancery.db") && d.Name() != "master.key" {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: others may read it: %s", d.Name(), info.Mode())
		}
		found = append(found, d.Name())
		return err
	})
	if err != nil || len(found) < 3 {
		t.Errorf("found %v, %v", found, err)
	}
}
