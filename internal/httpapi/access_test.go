package httpapi

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestInProgress: while a call runs, another with its key waits a little, and is then told
// to come again. Nobody else waits, and afterwards there is the answer.
func TestInProgress(t *testing.T) {
	a, f := start(t)
	a.running.wait = 30 * time.Millisecond
	f.block = make(chan struct{})
	const body = `{"type":"x","recipient":{"name":"Aina"}}`
	first := make(chan *httptest.ResponseRecorder)
	go func() {
		first <- ask(a, "POST", "/v1/credentials", body, jsonA("Idempotency-Key", "one")...)
	}()
	for {
		a.running.mu.Lock()
		n := len(a.running.ends)
		a.running.mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	for _, sent := range []string{body, `{"type":"y"}`} {
		w := ask(a, "POST", "/v1/credentials", sent, jsonA("Idempotency-Key", "one")...)
		if p := problemIn(t, w); w.Code != 409 || p.Code != service.CodeInProgress || w.Header().Get("Retry-After") != "1" {
			t.Errorf("while it runs: %d %s", w.Code, w.Body)
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"another route":  ask(a, "POST", "/v1/webhooks", `{"url":"https://x.example","events":[]}`, jsonA("Idempotency-Key", "one")...),
		"another tenant": ask(a, "POST", "/v1/webhooks", `{"url":"https://x.example","events":[]}`, "Authorization", "Bearer "+keyB, "Content-Type", jsonType, "Idempotency-Key", "one"),
	} {
		if w.Code == 409 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	a.running.wait = time.Minute
	second := make(chan *httptest.ResponseRecorder)
	go func() {
		second <- ask(a, "POST", "/v1/credentials", body, jsonA("Idempotency-Key", "one")...)
	}()
	close(f.block)
	if w := <-first; w.Code != 201 || w.Header().Get("Idempotency-Replayed") != "" {
		t.Errorf("the first: %d %v", w.Code, w.Header())
	}
	if w := <-second; w.Code != 201 || w.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("one that waited: %d %v", w.Code, w.Header())
	}
}

// TestFailedIsNotInTheWay: what failed, or fell over, is tried again under the same key.
func TestFailedIsNotInTheWay(t *testing.T) {
	a, f := start(t)
	a.running.wait = time.Millisecond
	const body = `{"type":"x","recipient":{"name":"Aina"}}`
	send := func(want int) {
		t.Helper()
		if w := ask(a, "POST", "/v1/credentials", body, jsonA("Idempotency-Key", "one")...); w.Code != want || w.Header().Get("Idempotency-Replayed") != "" {
			t.Errorf("expected %d, found %d %v", want, w.Code, w.Header())
		}
	}
	f.err = service.ErrUnavailable
	send(503)
	f.err = &service.Error{Code: service.CodeQuota, Detail: "used up"}
	send(402)
	f.err, f.panics = nil, true
	send(500)
	f.panics = false
	if w := ask(a, "POST", "/v1/credentials", `{`, jsonA("Idempotency-Key", "one")...); w.Code != 400 {
		t.Error(w.Code)
	}
	send(201)
	if len(a.running.ends) != 0 {
		t.Errorf("%d are left", len(a.running.ends))
	}
}

// TestGuessesShutOutGuesses: who tries bad keys shuts out further ones from the address, not
// the programs beside it whose keys are good; and a key that is bad now is one of the bad.
func TestGuessesShutOutGuesses(t *testing.T) {
	a, f := start(t, func(c *Config) { c.AddressRate = Rate{PerSecond: 0.001, Burst: 2} })
	get := func(key string) int {
		return ask(a, "GET", "/v1/me", "", "Authorization", "Bearer "+key).Code
	}
	for i, c := range []struct {
		key  string
		want int
	}{{keyA, 200}, {"guess", 401}, {"guess", 401}, {"guess", 429}, {keyB, 429}, {keyA, 200}, {keyA, 200}} {
		if got := get(c.key); got != c.want {
			t.Errorf("call %d with %s: %d", i, c.key, got)
		}
	}
	f.mu.Lock()
	f.revoked = keyA
	f.mu.Unlock()
	for i, want := range []int{401, 429, 429} {
		if got := get(keyA); got != want {
			t.Errorf("call %d with a revoked key: %d", i, got)
		}
	}
	// Nor does it shut out programs that want a token for a secret that was good before.
	a, _ = start(t, func(c *Config) { c.AddressRate = Rate{PerSecond: 0.001, Burst: 5} })
	want := func(secret string) int {
		return ask(a, "POST", "/v1/oauth/token", "grant_type=client_credentials&client_id=k7Q2x9AbCd&client_secret="+secret, "Content-Type", formType).Code
	}
	if got := want("s3cret"); got != 200 {
		t.Fatalf("a token: %d", got)
	}
	for range 5 {
		get("guess")
	}
	if good, bad, good2 := want("s3cret"), want("secret"), want("s3cret"); good != 200 || bad != 429 || good2 != 200 {
		t.Errorf("tokens beside guesses: %d, %d, %d", good, bad, good2)
	}
	for i := range 2 * maxKnown {
		a.known.note(fmt.Sprint(i))
	}
	if len(a.known.tokens) > maxKnown {
		t.Errorf("%d tokens are remembered", len(a.known.tokens))
	}
}

// TestProxyOnly: T5: in the clear there are this machine, proxies and probes, nobody else.
func TestProxyOnly(t *testing.T) {
	for _, only := range []bool{true, false} {
		a, _ := start(t, func(c *Config) {
			c.ProxyOnly, c.Trusted = only, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			c.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
			c.VCALM = c.Web
		})
		for _, c := range []struct {
			peer, path string
			tls        bool
			refused    bool
		}{
			{"203.0.113.9:1", "/v1/me", false, true}, {"203.0.113.9:1", "/v1/verify/x", false, true}, {"203.0.113.9:1", "/c/x", false, true}, {"203.0.113.9:1", "/vc", false, true}, {"203.0.113.9:1", "/v1/none", false, true},
			{"[2001:db8::1]:1", "/v1/me", false, true}, {"", "/v1/me", false, true},
			{"203.0.113.9:1", "/v1/me", true, false}, {"10.1.2.3:1", "/v1/me", false, false}, {"[::ffff:10.1.2.3]:1", "/v1/me", false, false},
			{"127.0.0.1:1", "/v1/me", false, false}, {"[::1]:1", "/v1/me", false, false}, {"203.0.113.9:1", "/livez", false, false}, {"203.0.113.9:1", "/readyz", false, false},
		} {
			r := httptest.NewRequest("GET", c.path, nil)
			r.RemoteAddr = c.peer
			r.Header.Set("X-Forwarded-For", "127.0.0.1")
			r.Header.Set("X-Forwarded-Proto", "https") // anybody can say so
			r.Header.Set("Authorization", "Bearer "+keyA)
			if c.tls {
				r.TLS = &tls.ConnectionState{}
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if refused := w.Code == 403; refused != (c.refused && only) || refused && problemIn(t, w).Code != codeTLS {
				t.Errorf("only %v: %+v: %d %s", only, c, w.Code, w.Body)
			}
		}
	}
}

// TestPagesAreCounted: whatever needs no key has the limits of the public plane, pages and
// paths where nothing is among them.
func TestPagesAreCounted(t *testing.T) {
	a, _ := start(t, func(c *Config) {
		c.AddressRate = Rate{PerSecond: 1, Burst: 2}
		c.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("page")) })
	})
	for n, target := range []string{"GET /c/abc", "GET /", "GET /v1/nothing", "GET /c/abc/embed", "POST /v1/me", "GET /c/abc?signature=x", "POST /verify"} {
		method, path, _ := strings.Cut(target, " ")
		from := fmt.Sprintf("192.0.%d.1:1", n)
		for i := range 3 {
			r := httptest.NewRequest(method, path, nil)
			r.RemoteAddr = from
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if (w.Code == 429) != (i == 2) || w.Header().Get("RateLimit") == "" || w.Header().Get("RateLimit-Policy") == "" {
				t.Errorf("%s: call %d: %d %v", target, i, w.Code, w.Header())
			}
		}
	}
	for range 5 {
		if w := ask(a, "GET", "/assets/page.css", ""); w.Code != 200 {
			t.Errorf("what pages are drawn with is counted: %d", w.Code)
		}
	}
}

// TestFormReachesPages: what a browser posts to a page is the pages' to answer, and whoever
// posts to the API has JSON of it, a browser too.
func TestFormReachesPages(t *testing.T) {
	a, _ := start(t, func(c *Config) {
		c.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", strings.Contains(string(body), "diploma.pdf"), err)
		})
	})
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	form := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"diploma.pdf\"\r\n\r\n%PDF\r\n--b--\r\n"
	for _, accept := range []string{browser, "text/html", "*/*"} {
		if w := ask(a, "POST", "/verify?lang=de", form, "Accept", accept, "Content-Type", "multipart/form-data; boundary=b"); w.Body.String() != "POST /verify true <nil>" {
			t.Errorf("%s: %d %s", accept, w.Code, w.Body)
		}
	}
	for _, accept := range []string{browser, "*/*", jsonType} {
		w := ask(a, "POST", "/v1/verify", form, "Accept", accept, "Content-Type", "multipart/form-data; boundary=b")
		if w.Code != 200 || w.Header().Get("Content-Type") != jsonType || !strings.Contains(w.Body.String(), `"outcome"`) {
			t.Errorf("%s: %d %v %s", accept, w.Code, w.Header(), w.Body)
		}
	}
}

// TestUnknownForPrograms: who asks for JSON gets it, also where people would get a page.
func TestUnknownForPrograms(t *testing.T) {
	a, _ := start(t, func(c *Config) {
		c.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) })
	})
	w := ask(a, "GET", "/nothing", "", "Accept", "application/json")
	if w.Code != 404 || w.Header().Get("Content-Type") != jsonType || problemIn(t, w).Code != codeNotFound {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, accept := range []string{"text/html", "*/*", "text/html,application/json;q=0.9"} {
		if w := ask(a, "GET", "/nothing", "", "Accept", accept); w.Body.Len() != 0 {
			t.Errorf("%s: %s", accept, w.Body)
		}
	}
}
