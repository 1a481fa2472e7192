package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/page"
	"github.com/chancery-dev/chancery/internal/web/words"
)

func get(t *testing.T, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, base+path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// nodes returns the elements of a document for which want answers true.
func nodes(t *testing.T, b []byte, want func(*html.Node) bool) []*html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var out []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && want(n) {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func class(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return slices.Contains(strings.Fields(attr(n, "class")), name) }
}

// TestStates: each state says its word, has an icon of its own, and the right status;
// in each language and direction.
func TestStates(t *testing.T) {
	h := handler(examples(), base)
	for _, code := range words.Codes() {
		l, _ := words.For(code)
		drawn := map[string]string{}
		for _, state := range page.States() {
			id, status := string(state), http.StatusOK
			if state == page.Unknown {
				id, status = "nobody", http.StatusNotFound
			}
			w := get(t, h, "/c/"+id, "Accept-Language", code)
			if w.Code != status {
				t.Errorf("%s: %d, expected %d", id, w.Code, status)
			}
			b := w.Body.Bytes()
			root := nodes(t, b, func(n *html.Node) bool { return n.Data == "html" })[0]
			if attr(root, "lang") != code || attr(root, "dir") != l.Direction() {
				t.Errorf("%s: lang %s dir %s, expected %s %s", id, attr(root, "lang"), attr(root, "dir"), code, l.Direction())
			}
			verdict := nodes(t, b, class("verdict"))[0]
			words := nodes(t, b, class("word"))
			if len(words) != 1 || text(words[0]) != l.Text("state."+string(state)) {
				t.Errorf("%s in %s does not say its word: %s", id, code, text(verdict))
			}
			var icon bytes.Buffer
			for n := range verdict.Descendants() {
				if n.Type == html.ElementNode && n.Data == "svg" {
					if err := html.Render(&icon, n); err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			if other, twice := drawn[icon.String()]; twice || icon.Len() < 100 {
				t.Errorf("%s has the icon of %s", id, other)
			}
			drawn[icon.String()] = id
			sealed := strings.Contains(w.Body.String(), "linkedin.com")
			if sealed != (state == page.Valid) {
				t.Errorf("%s: offered to LinkedIn: %t", id, sealed)
			}
			if len(nodes(t, b, func(n *html.Node) bool { return n.Data == "h1" })) != 1 {
				t.Errorf("%s has not one heading", id)
			}
		}
	}
}

// TestCredentialPage: everything that the page promises is on it.
func TestCredentialPage(t *testing.T) {
	h := handler(examples(), base)
	b := get(t, h, "/c/valid").Body.Bytes()
	body := string(b)
	for _, want := range []string{
		"Issued by Universität Grünau on 30 June 2026 and not revoked when checked just now.", "9 of 9 checks passed", "Zoë Ångström", "Bachelor of Science",
		"The lichens of the northern fells", "eddsa-rdfc-2022 by did:web:gruenau.example#k1", "96 kB", "3.1 kB", `href="/c/valid/evidence"`, `href="/c/valid/vc.jwt"`,
		"https://www.linkedin.com/profile/add?certId=valid&amp;certUrl=https%3A%2F%2Fgruenau.example%2Fc%2Fvalid&amp;issueMonth=6&amp;issueYear=2026&amp;name=Bachelor&#43;of&#43;Science",
		"&lt;iframe src=&#34;https://gruenau.example/c/valid/embed&#34;", "https://gruenau.example/interactions/Zk3rW8pQ?iuv=1", "25107311",
		`<meta property="og:title" content="Bachelor of Science – Universität Grünau">`, `<meta name="robots" content="noindex">`, "Some phones remove the credential",
		`<link rel="canonical" href="https://gruenau.example/c/valid">`, `datetime="2026-11-22T21:02:58Z"`,
	} {
		if !strings.Contains(body, want) && !strings.Contains(strings.ReplaceAll(body, "+", "&#43;"), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	// The certificate's own words are set apart from the page's direction.
	for _, n := range nodes(t, b, func(n *html.Node) bool { return class("name")(n) || n.Data == "h1" || class("institution")(n) }) {
		if attr(n, "dir") != "auto" {
			t.Errorf("%s has no direction of its own", text(n))
		}
	}
	if !strings.Contains(get(t, h, "/c/superseded?lang=de").Body.String(), `href="/c/valid?lang=de"`) {
		t.Error("no way to the newer credential, or the language is lost on it")
	}
	if b := get(t, h, "/c/test").Body.String(); !strings.Contains(b, "watermark") || !strings.Contains(b, "is-test") || strings.Contains(b, "linkedin") {
		t.Error("the test environment is not marked")
	}
	failed := get(t, h, "/c/invalid").Body.String()
	if strings.Index(failed, "Is it unchanged?") > strings.Index(failed, "Can it be read?") {
		t.Error("the check that failed does not come first")
	}
}

// TestHidden: of a person whose name is hidden the page tells nothing, in no member.
func TestHidden(t *testing.T) {
	f := examples()
	v := f.views["hidden"]
	v.Verdict.Report.ID = "urn:person:Ångström"
	f.views["hidden"] = v
	f.portfolios["p"] = service.PublicPortfolioView{Title: "x", Items: []service.PublicView{v}}
	h := handler(f, base)
	for _, path := range []string{"/c/hidden", "/c/hidden/embed", "/p/p"} {
		body := get(t, h, path).Body.String()
		for _, secret := range []string{"Zoë", "Ångström", "lichens", "distinction", "/hidden/svg"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s tells %s", path, secret)
			}
		}
	}
	if !strings.Contains(get(t, h, "/c/hidden").Body.String(), "The holder’s name is not shown here.") {
		t.Error("the page does not say that the name is hidden")
	}
}

// TestHeaders: the policy of each kind of answer.
func TestHeaders(t *testing.T) {
	h := handler(examples(), base)
	for path, status := range map[string]int{"/": 200, "/c/valid": 200, "/c/nobody": 404, "/c/valid/embed": 200, "/p/zoe": 200, "/p/nobody": 404, "/sign/tok123": 200, "/sign/other": 404, "/nowhere": 404, "/c?id=va%20lid": 303, "/c/valid/svg": 200} {
		w := get(t, h, path, "Cookie", "a=b")
		if w.Code != status {
			t.Errorf("%s: %d, expected %d", path, w.Code, status)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe-eval") || strings.Contains(csp, "http:") || !strings.Contains(path, "/svg") && strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if framed := strings.HasSuffix(path, "/embed"); strings.Contains(csp, "frame-ancestors 'none'") == framed || strings.Contains(csp, "frame-ancestors *") != framed {
			t.Errorf("%s: may be framed? %q", path, csp)
		}
		for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if w.Header().Get(key) != want {
				t.Errorf("%s: %s is %q", path, key, w.Header().Get(key))
			}
		}
		if len(w.Result().Cookies()) != 0 {
			t.Errorf("%s sets a cookie", path)
		}
		if !strings.Contains(path, "/svg") && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %s", path, w.Header().Get("Cache-Control"))
		}
	}
	if l := get(t, h, "/c?id=va%20lid").Header().Get("Location"); l != "/c/valid" {
		t.Errorf("a number in groups leads to %q", l)
	}
	if w := get(t, h, "/verify"); w.Body.String() != "verify page" || w.Header().Get("Content-Security-Policy") != "" {
		t.Error("/verify is not the handler that was given")
	}
}

// TestHead: HEAD answers as GET does, without the body.
func TestHead(t *testing.T) {
	server := httptest.NewServer(handler(examples(), base))
	defer server.Close()
	for path, status := range map[string]int{"/c/valid": 200, "/": 200, "/c/nobody": 404, "/c/valid/svg": 200} {
		resp, err := server.Client().Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || len(b) != 0 || resp.StatusCode != status || resp.ContentLength < 100 {
			t.Errorf("%s: %d, %d bytes announced, %d sent, %v", path, resp.StatusCode, resp.ContentLength, len(b), err)
		}
	}
}

func TestMethods(t *testing.T) {
	h := handler(examples(), base)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, base+"/c/valid", nil))
		if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

func TestAssets(t *testing.T) {
	h := handler(examples(), base)
	for _, n := range nodes(t, get(t, h, "/").Body.Bytes(), func(n *html.Node) bool {
		return n.Data == "script" || n.Data == "link" && attr(n, "rel") == "stylesheet"
	}) {
		path := attr(n, "src") + attr(n, "href")
		plain, zipped := get(t, h, path), get(t, h, path, "Accept-Encoding", "br, gzip;q=0.5")
		if plain.Code != 200 || !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", path, plain.Code, plain.Header())
		}
		if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len() >= plain.Body.Len() || zipped.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Errorf("%s is not compressed: %v", path, zipped.Header())
		}
		if w := get(t, h, path, "If-None-Match", plain.Header().Get("ETag")); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("%s again: %d", path, w.Code)
		}
		if w := get(t, h, path, "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed against the reader's will", path)
		}
		if strings.Contains(plain.Body.String(), "{{") || strings.Contains(plain.Body.String(), "@import") {
			t.Errorf("%s is not filled in", path)
		}
	}
	for _, path := range []string{"/assets/page.css", "/assets/", "/assets/generate.sh", "/assets/..%2fpage.go"} {
		if w := get(t, h, path); w.Code != 404 && w.Code != 301 && w.Code != 307 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestFiles: exact bytes, and nothing of them runs.
func TestFiles(t *testing.T) {
	f := examples()
	f.files["valid/vc"] = service.File{Name: "../a\"b\r\nX: y.json", MediaType: "text/html", Digest: digest, Bytes: []byte("<script>alert(1)</script>")}
	h := handler(f, base)
	w := get(t, h, "/c/valid/vc")
	if w.Header().Get("Content-Type") != "application/octet-stream" || w.Header().Get("Content-Disposition") != `attachment; filename="_a_b__X__y.json"` || w.Body.String() != "<script>alert(1)</script>" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "; sandbox;") {
		t.Error("a file opened by itself is not in a sandbox")
	}
	w = get(t, h, "/c/valid/svg")
	if w.Body.String() != badge || w.Header().Get("Content-Type") != "image/svg+xml" {
		t.Error("not the exact picture")
	}
	if w := get(t, h, "/c/valid/svg", "If-None-Match", w.Header().Get("ETag"), "Accept-Encoding", "gzip"); w.Code != 304 {
		t.Errorf("again: %d", w.Code)
	}
	for _, path := range []string{"/c/valid/pdf", "/c/valid/secret", "/c/valid/", "/c/valid/vc%2f..", "/c/a%20b/vc", "/c/" + large(200)} {
		if w := get(t, h, path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestFaults: what goes wrong with us is said plainly, and nothing more of it.
func TestFaults(t *testing.T) {
	var logged bytes.Buffer
	f := examples()
	h, err := New(Config{Public: f, Verifying: f, BaseURL: base, Clock: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	f.err = errors.New("secret of the database")
	w := get(t, h, "/c/valid", "Accept-Language", "de")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), "Hier ist etwas schiefgegangen") || !strings.Contains(logged.String(), "secret") {
		t.Errorf("%d %s; logged %s", w.Code, w.Body, &logged)
	}
	f.err = &service.Error{Code: service.CodeUnavailable, RetryAfter: 7 * time.Second}
	if w := get(t, h, "/c/valid"); w.Code != 503 || w.Header().Get("Retry-After") != "8" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	f.err = nil
	for _, path := range []string{"/sign/tok123", "/verify"} {
		if w := get(t, h, path); w.Code != 404 {
			t.Errorf("%s without a handler: %d", path, w.Code)
		}
	}
	// A view without a report of its own is judged by Verifying.
	v := f.views["valid"]
	f.verdict, v.Verdict = f.views["revoked"].Verdict, service.Verdict{}
	f.views["valid"] = v
	if w := get(t, h, "/c/valid"); !strings.Contains(w.Body.String(), "s-revoked") {
		t.Error("the verdict is not asked for")
	}
	for _, c := range []Config{{}, {Public: f}, {Public: f, Verifying: f, BaseURL: base}, {Public: f, Verifying: f, Clock: time.Now, BaseURL: "ftp://x"}, {Public: f, Verifying: f, Clock: time.Now, BaseURL: "https://u:p@x"}, {Public: f, Verifying: f, Clock: time.Now, BaseURL: ""}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// TestLanguage: what the reader picks counts more than what the browser says, and stays.
func TestLanguage(t *testing.T) {
	h := handler(examples(), base)
	w := get(t, h, "/?lang=ar", "Accept-Language", "de")
	if !strings.Contains(w.Body.String(), `<html lang="ar" dir="rtl">`) || !strings.Contains(w.Body.String(), `href="/verify?lang=ar"`) || w.Header().Get("Vary") != "Accept-Language" {
		t.Error("the language is not kept")
	}
	if w := get(t, h, "/", "Accept-Language", "fr-FR, de;q=0.3"); !strings.Contains(w.Body.String(), `<html lang="de" dir="ltr">`) {
		t.Error("Accept-Language does not count")
	}
	if w := get(t, h, "/c/valid?lang=xx"); !strings.Contains(w.Body.String(), `<html lang="en"`) {
		t.Error("an unknown language is not English")
	}
}
