package verify_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/chancery-dev/chancery/internal/web/verify"
)

func get(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func handler(t *testing.T, c verify.Config) http.Handler {
	t.Helper()
	h, err := verify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHeaders: the page forbids everything but its own files, and sets no cookie.
func TestHeaders(t *testing.T) {
	h := handler(t, verify.Config{Upload: "/v1/verify"})
	w := get(h, "GET", "/verify")
	csp := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'", "style-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("Content-Security-Policy lacks %s: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe-inline") || strings.Contains(csp, "'unsafe-eval'") || strings.Contains(csp, "http") {
		t.Errorf("Content-Security-Policy allows too much: %s", csp)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Set-Cookie": "", "Content-Language": "en"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: expected %q, found %q", name, want, got)
		}
	}
	body := w.Body.String()
	if regexp.MustCompile(`<script(?: [^>]*)?>[^<]*[a-z]`).MatchString(strings.ReplaceAll(body, `<script type="application/json"`, "<data")) || strings.Contains(body, " style=") || regexp.MustCompile(` on[a-z]+=`).MatchString(body) {
		t.Error("the page has inline scripts or styles")
	}
	if regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(body) {
		t.Error("the page names another host")
	}
	tag := w.Header().Get("ETag")
	if again := get(h, "GET", "/verify", "If-None-Match", tag); again.Code != http.StatusNotModified {
		t.Errorf("the same page again: %d", again.Code)
	}
}

// TestRoutes: what is there, below which path, and nothing else.
func TestRoutes(t *testing.T) {
	trust := []byte(`{"version":1,"any":true}`)
	h := handler(t, verify.Config{Base: "/site", Trust: func() []byte { return trust }})
	for target, want := range map[string]int{
		"/site/verify": 200, "/site/verify/": 200, "/site/verify?lang=ar": 200, "/site/verify/trust.json": 200,
		"/verify": 404, "/site": 404, "/site/verify/nothing.js": 404, "/site/verify/../verify/x": 404, "/site/verifyx": 404, "/": 404,
	} {
		if w := get(h, "GET", target); w.Code != want {
			t.Errorf("%s: expected %d, found %d", target, want, w.Code)
		}
	}
	if w := get(h, "POST", "/site/verify"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", w.Code)
	}
	forms := handler(t, verify.Config{Base: "/site", Upload: "/site/v1/verify"})
	for path, want := range map[string]string{"/site/verify": "GET, HEAD, POST", "/site/verify/trust.json": "GET, HEAD"} {
		if w := get(forms, "PUT", path); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != want {
			t.Errorf("PUT %s: %d %s", path, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := get(forms, "GET", "/site/verify?lang=de"); !strings.Contains(w.Body.String(), `<form action="/site/verify?lang=de" method="post" enctype="multipart/form-data">`) {
		t.Error("no form for those without script")
	}
	if w := get(h, "GET", "/site/verify"); strings.Contains(w.Body.String(), "<form") {
		t.Error("a form that nobody answers")
	}
	if w := get(h, "GET", "/site/verify/trust.json"); !bytes.Equal(w.Body.Bytes(), trust) || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("trust: %s", w.Body)
	}
	for _, c := range []verify.Config{{}, {Trust: func() []byte { return nil }}} {
		if w := get(handler(t, c), "GET", "/verify/trust.json"); w.Code != 404 {
			t.Errorf("no trust: %d", w.Code)
		}
	}
}

// TestLanguages: the address decides, then the browser.
func TestLanguages(t *testing.T) {
	h := handler(t, verify.Config{})
	for _, c := range [][3]string{
		{"/verify", "", `<html lang="en" dir="ltr">`}, {"/verify", "de-AT,en;q=0.5", `<html lang="de" dir="ltr">`}, {"/verify", "ar", `<html lang="ar" dir="rtl">`},
		{"/verify?lang=de", "ar", `<html lang="de" dir="ltr">`}, {"/verify?lang=xx", "fr", `<html lang="en" dir="ltr">`}, {"/verify?lang=%22%3E", "", `<html lang="en" dir="ltr">`},
	} {
		if w := get(h, "GET", c[0], "Accept-Language", c[1]); !strings.Contains(w.Body.String(), c[2]) {
			t.Errorf("%v", c)
		}
	}
}

// TestAssets: files have names that change with their content, are kept for good, and
// come in the coding that the client takes, with the same content.
func TestAssets(t *testing.T) {
	h := handler(t, verify.Config{})
	body := get(h, "GET", "/verify").Body.String()
	names := regexp.MustCompile(`/verify/[a-z]+\.[0-9a-f]{20}\.[a-z]+`).FindAllString(body, -1)
	if len(names) != 4 {
		t.Fatalf("files of the page: %v", names)
	}
	for _, name := range names {
		plain := get(h, "GET", name)
		if plain.Code != 200 || !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") || plain.Header().Get("Content-Encoding") != "" {
			t.Fatalf("%s: %d %v", name, plain.Code, plain.Header())
		}
		sum := sha256.Sum256(plain.Body.Bytes())
		if !strings.Contains(name, hex.EncodeToString(sum[:])[:20]) {
			t.Errorf("%s is not named after its content", name)
		}
		tags := map[string]bool{plain.Header().Get("ETag"): true}
		for _, accept := range []string{"br", "gzip, br;q=0", "GZIP;q=0.5"} {
			w := get(h, "GET", name, "Accept-Encoding", accept)
			var in io.Reader = brotli.NewReader(w.Body)
			want := "br"
			if accept != "br" {
				want = "gzip"
				g, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatalf("%s %s: %v", name, accept, err)
				}
				in = g
			}
			b, err := io.ReadAll(in)
			if err != nil || !bytes.Equal(b, plain.Body.Bytes()) || w.Header().Get("Content-Encoding") != want {
				t.Errorf("%s %s: %s, %v", name, accept, w.Header().Get("Content-Encoding"), err)
			}
			tags[w.Header().Get("ETag")] = true
		}
		if len(tags) != 3 {
			t.Errorf("%s: tags %v", name, tags)
		}
		if w := get(h, "GET", name, "Accept-Encoding", "br", "If-None-Match", get(h, "HEAD", name, "Accept-Encoding", "br").Header().Get("ETag")); w.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", name, w.Code)
		}
	}
}

// TestProgram: the embedded program is the one that is recorded, and small enough.
func TestProgram(t *testing.T) {
	facts := verify.Build()
	b := verify.Program()
	sum := sha256.Sum256(b)
	if hex.EncodeToString(sum[:]) != facts.SHA256 || len(b) != facts.Bytes || !bytes.HasPrefix(b, []byte("\x00asm")) {
		t.Errorf("expected %+v, found %d bytes, %x", facts, len(b), sum)
	}
	t.Logf("%d bytes, %d compressed, by %s", facts.Bytes, facts.BrotliBytes, facts.Go)
	if facts.BrotliBytes > 2_500_000 {
		t.Errorf("expected at most 2.5 MB compressed, found %d", facts.BrotliBytes)
	}
}

// TestProgramIsCurrent compiles the verifier again, which takes long.
func TestProgramIsCurrent(t *testing.T) {
	if os.Getenv("CHANCERY_WASM") == "" {
		t.Skip("CHANCERY_WASM is not set: the verifier is not compiled again")
	}
	if out, err := exec.Command("go", "run", "./gen", "-check").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	list := exec.Command("go", "list", "-deps", "./wasm")
	list.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(string(out)) {
		if p == "net/http" || p == "crypto/tls" || strings.HasPrefix(p, "github.com/ethereum/") {
			t.Errorf("the verifier links %s", p)
		}
	}
}

// TestMessages: the page says the same in every language, and all that its script and
// template ask for is there.
func TestMessages(t *testing.T) {
	all := map[string]map[string]string{}
	for _, lang := range []string{"en", "de", "ar"} {
		b, err := os.ReadFile("messages/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		all[lang] = m
	}
	hole := regexp.MustCompile(`\{\w+\}`)
	for key, text := range all["en"] {
		for _, lang := range []string{"de", "ar"} {
			other, ok := all[lang][key]
			want, got := map[string]bool{}, map[string]bool{}
			for _, p := range hole.FindAllString(text, -1) {
				want[p] = true
			}
			for _, p := range hole.FindAllString(other, -1) {
				got[p] = true
			}
			if !ok || len(want) != len(got) {
				t.Errorf("%s %s: %q", lang, key, other)
			}
			for p := range want {
				if !got[p] {
					t.Errorf("%s %s lacks %s", lang, key, p)
				}
			}
		}
	}
	for lang, m := range all {
		if len(m) != len(all["en"]) {
			t.Errorf("%s has %d messages, English %d", lang, len(m), len(all["en"]))
		}
		h := handler(t, verify.Config{Upload: "/v1/verify", Home: "/"})
		body := get(h, "GET", "/verify?lang="+lang).Body.String()
		data := regexp.MustCompile(`(?s)id="words">(.*?)</script>`).FindStringSubmatch(body)
		words := map[string]map[string]string{}
		if err := json.Unmarshal([]byte(data[1]), &words); err != nil {
			t.Fatal(err)
		}
		script, err := os.ReadFile("assets/app.js")
		if err != nil {
			t.Fatal(err)
		}
		asked := regexp.MustCompile(`(?:say\(|row\(|words\[)"([a-z]+(?:\.[a-z]+)*)"[,)\]]|data-m(?:-label)?="([a-z.]+)"`).FindAllStringSubmatch(string(script)+body, -1)
		if len(asked) < 60 {
			t.Errorf("the script asks for %d messages", len(asked))
		}
		for _, a := range asked {
			if key := a[1] + a[2]; words[lang][key] == "" {
				t.Errorf("%s: no message %s", lang, key)
			}
		}
	}
}
