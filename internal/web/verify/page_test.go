package verify_test

import (
	"context"
	"encoding/json"
	"flag"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/internal/web/verify"
	"github.com/chancery-dev/chancery/verifier"
)

var update = flag.Bool("update", false, "write docs/pictures anew")

// TestVerdicts: each kind of file gets its verdict, and nothing is asked of any server
// while it is made.
func TestVerdicts(t *testing.T) {
	ctx := tab(t)
	f := open(t, ctx, "?lang=en")
	requests := watch(t, ctx)
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"valid.json"}, "valid valid"},
		{[]string{"tampered.json"}, "invalid invalid signature_invalid"},
		{[]string{"revoked.json"}, "revoked invalid revoked"},
		{[]string{"badge.png"}, "valid valid"},
		{[]string{"diploma.pdf"}, "valid valid"},
		{[]string{"changed.pdf"}, "invalid invalid cms_digest"},
		{[]string{"evidence.cbor", "thesis.txt"}, "valid valid"},
		{[]string{"other.txt", "evidence.cbor"}, "invalid invalid evidence_document_mismatch"},
		{[]string{"valid.json", "valid.json.stamp"}, "valid valid"},
		{[]string{"thesis.txt.stamp", "thesis.txt"}, "valid valid"},
		{[]string{"revoked.json.stamp", "revoked.json"}, "revoked invalid revoked"},
		{[]string{"revoked.json", "revoked.json.stamp"}, "revoked invalid revoked"},
		{[]string{"tampered.json", "tampered.json.stamp"}, "invalid invalid signature_invalid"},
		{[]string{"changed.pdf", "changed.pdf.stamp"}, "invalid invalid cms_digest"},
		{[]string{"evidence.cbor"}, "undecided indeterminate evidence_document_missing"},
		{[]string{"stranger.json"}, "expired invalid expired"},
		{[]string{"thesis.txt"}, "invalid invalid unknown_content"},
	} {
		var paths []string
		for _, n := range c.files {
			paths = append(paths, f.path(n))
		}
		got := judge(t, ctx, "#files", paths...)
		if len(got) != 1 || got[0].String() != c.want {
			t.Errorf("%v: expected %s, found %v", c.files, c.want, got)
		}
		if c.files[0] == "stranger.json" && strings.Contains(got[0].Sentence, university) {
			t.Errorf("the verdict repeats a name that nobody vouches for: %s", got[0].Sentence)
		}
	}
	if all := requests(); len(all) > 0 {
		t.Errorf("the page made requests while it verified: %v", all)
	}
}

// TestColdLoad: how long a first verdict takes with nothing cached, and what the page
// weighs without the verifier.
func TestColdLoad(t *testing.T) {
	f := institution(t)
	best := time.Hour
	for range 3 {
		ctx := fresh(t)
		s := serve(t, verify.Config{Trust: func() []byte { return f.trust }})
		do(t, ctx, chromedp.Navigate("about:blank"))
		requests := watch(t, ctx)
		start := time.Now()
		do(t, ctx, chromedp.Navigate(s.URL+"/verify?lang=en"))
		got := judge(t, ctx, "#files", f.path("valid.json"))
		took := time.Since(start)
		best = min(best, took)
		if len(got) != 1 || got[0].String() != "valid valid" {
			t.Errorf("a file given at once: %v", got)
		}
		ready(t, ctx)
		weight, count := 0.0, 0
		for _, r := range requests() {
			if !strings.HasPrefix(r.url, s.URL) {
				t.Errorf("asked a stranger: %s", r.url)
			}
			if !strings.HasSuffix(r.url, ".wasm") {
				weight, count = weight+r.bytes, count+1
			}
		}
		t.Logf("%v: first verdict after %v, %d requests, %.0f bytes without the verifier", got, took.Round(time.Millisecond), count, weight)
		if weight > 100_000 || weight == 0 || count > 5 {
			t.Errorf("expected at most 100 kB in 5 requests, found %.0f bytes in %d", weight, count)
		}
		if best < time.Second {
			break
		}
	}
	if best > 2*time.Second {
		t.Errorf("expected the first verdict within 2 s, found %v", best)
	}
}

// answered is the page's answer to one request of the verifier.
type answered struct {
	Error string
	Cases []struct {
		File, Document int
		Report         string
	}
}

// TestVectors: every vector gets the same report in the browser as from the library.
func TestVectors(t *testing.T) {
	vectors := loadVectors(t)
	h, err := verify.New(verify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(vectors)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/verify", h)
	mux.Handle("/verify/", h)
	mux.HandleFunc("/vectors.json", func(w http.ResponseWriter, r *http.Request) { w.Write(all) })
	s := httptest.NewServer(mux)
	defer s.Close()
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(s.URL+"/verify"))
	ready(t, ctx)
	start := time.Now()
	got := eval[[]answered](t, ctx, `(async () => {
		const unpack = (b64) => Uint8Array.from(atob(b64 || ''), (c) => c.charCodeAt(0));
		const out = [];
		for (const v of await (await fetch('/vectors.json')).json())
			out.push(await verifyPage.ask({kind: 'judge', files: [{name: v.Path, buffer: unpack(v.File).buffer}],
				request: {trust: unpack(v.Trust), at: v.At, profile: v.Profile, insecure: v.Insecure || [], expect: v.Expect}}));
		return out.map((a) => ({Error: a.error || '', Cases: (a.cases || []).map((c) => ({File: c.file, Document: c.document, Report: c.report}))}));
	})()`)
	t.Logf("%d vectors in the browser in %v", len(got), time.Since(start).Round(time.Millisecond))
	for i, v := range vectors {
		a := got[i]
		if a.Error != "" || len(a.Cases) != 1 {
			t.Errorf("%s: %+v", v.Path, a)
			continue
		}
		report, err := verifying.Judge(t.Context(), v.config(t), verifying.Input{File: verifying.Bytes(v.Path, v.File)})
		if err != nil {
			t.Fatalf("%s: %v", v.Path, err)
		}
		want, err := report.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if a.Cases[0].Report != string(want) {
			t.Errorf("%s: browser and library differ:\n%s\n%s", v.Path, a.Cases[0].Report, want)
		}
		if v.reason != string(verifier.UnsupportedMediaType) && (report.Outcome.String() != v.outcome || string(report.Reason) != v.reason) {
			t.Errorf("%s: expected %s %s, found %s %s", v.Path, v.outcome, v.reason, report.Outcome, report.Reason)
		}
	}
}

// TestAccessible: axe-core finds nothing, in both themes and three languages.
func TestAccessible(t *testing.T) {
	name := os.Getenv("CHANCERY_AXE")
	if name == "" {
		name = filepath.Join("..", "..", "..", "bin", "npm", "node_modules", "axe-core", "axe.min.js")
	}
	axe, err := os.ReadFile(name)
	if err != nil {
		t.Skip("axe-core is not there: npm install axe-core@4.14.1 in bin/npm, or name axe.min.js in CHANCERY_AXE")
	}
	ctx := tab(t)
	looked := 0
	for _, lang := range []string{"en", "de", "ar"} {
		f := open(t, ctx, "?lang="+lang)
		eval[bool](t, ctx, string(axe)+"; true")
		for _, theme := range []string{"light", "dark"} {
			dress(t, ctx, 1280, theme)
			for _, state := range []string{"start", "verdicts", "code"} {
				switch state {
				case "start":
					eval[bool](t, ctx, `document.getElementById('clear').click() ?? true`)
				case "code":
					judge(t, ctx, "#picture", f.path("code.png"))
				default:
					if got := judge(t, ctx, "#files", f.path("valid.json"), f.path("revoked.json"), f.path("changed.pdf"), f.path("evidence.cbor")); len(got) != 4 {
						t.Errorf("expected four verdicts, found %v", got)
					}
				}
				eval[bool](t, ctx, `document.querySelectorAll('details').forEach((d) => { d.open = true; }) ?? true`)
				found := eval[[]string](t, ctx, `axe.run({resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html + ' ' + (n.any[0] || n.all[0] || n.none[0] || {}).message).join(' | ')))`)
				for _, v := range found {
					t.Errorf("%s %s %q: %s", lang, theme, state, v)
				}
				looked++
			}
		}
	}
	if looked != 18 {
		t.Errorf("looked at %d states", looked)
	}
}

// TestSavedFile: the page as one file works from a disk, with its trust file, and asks
// nobody; also where the browser refuses workers.
func TestSavedFile(t *testing.T) {
	f := institution(t)
	b, err := verify.File(verify.FileConfig{Trust: f.trust})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := verify.File(verify.FileConfig{Trust: f.trust}); err != nil || string(again) != string(b) {
		t.Errorf("two files differ: %v", err)
	}
	t.Logf("%d bytes", len(b))
	f.write(t, "verify.html", b)
	for _, worker := range []bool{true, false} {
		ctx := fresh(t)
		if !worker {
			before(t, ctx, "globalThis.Worker = class { constructor() { throw new Error('refused'); } };")
		}
		requests := watch(t, ctx)
		do(t, ctx, chromedp.Navigate("file://"+f.path("verify.html")))
		ready(t, ctx)
		if text := eval[string](t, ctx, `document.getElementById('trusttext').textContent + document.getElementById('trustfacts').textContent`); !strings.Contains(text, "saved in this page") || !strings.Contains(text, university) {
			t.Errorf("trust in force: %q", text)
		}
		for file, want := range map[string]string{"valid.json": "valid valid", "diploma.pdf": "valid valid", "revoked.json": "revoked invalid revoked", "tampered.json": "invalid invalid signature_invalid"} {
			if got := judge(t, ctx, "#files", f.path(file)); len(got) != 1 || got[0].String() != want {
				t.Errorf("%s: expected %s, found %v", file, want, got)
			}
		}
		eval[bool](t, ctx, `document.querySelector('[data-lang=ar]').click() ?? true`)
		if dir := eval[string](t, ctx, `document.documentElement.dir`); dir != "rtl" {
			t.Errorf("in Arabic the page is %s", dir)
		}
		for _, r := range requests() {
			if !strings.HasPrefix(r.url, "file://"+f.dir) {
				t.Errorf("asked for %s", r.url)
			}
		}
		if refused := eval[string](t, ctx, `fetch('https://example.org/').then(() => 'sent', () => 'refused')`); refused != "refused" {
			t.Error("the saved page may reach the network")
		}
	}
	for _, bad := range []verify.FileConfig{{Trust: []byte("{}")}, {Lang: "xx"}} {
		if _, err := verify.File(bad); err == nil {
			t.Errorf("saved a page with %+v", bad)
		}
	}
}

// before runs a script before those of any page.
func before(t *testing.T, ctx context.Context, script string) {
	t.Helper()
	do(t, ctx, chromedp.Navigate("about:blank"))
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutWebAssembly: the page says so, and sends nothing before the visitor agrees.
func TestWithoutWebAssembly(t *testing.T) {
	f := institution(t)
	h, err := verify.New(verify.Config{Trust: func() []byte { return f.trust }, Upload: "/v1/verify"})
	if err != nil {
		t.Fatal(err)
	}
	var uploads atomic.Int32
	mux := http.NewServeMux()
	mux.Handle("/verify", h)
	mux.Handle("/verify/", h)
	mux.HandleFunc("POST /v1/verify", func(w http.ResponseWriter, r *http.Request) {
		uploads.Add(1)
		part, _, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b, _ := io.ReadAll(part)
		trust, _ := verifier.ParseTrust(f.trust)
		report, err := verifying.Judge(r.Context(), verifier.Config{Trust: trust, Clock: time.Now}, verifying.Input{File: verifying.Bytes("", b)})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		text, _ := report.MarshalJSON()
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"data":` + string(text) + `}`))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	ctx := fresh(t)
	before(t, ctx, "delete globalThis.WebAssembly;")
	do(t, ctx, chromedp.Navigate(s.URL+"/verify?lang=en"))
	ready(t, ctx)
	got := judge(t, ctx, "#files", f.path("valid.json"))
	if len(got) != 1 || got[0].State != "upload" || uploads.Load() != 0 {
		t.Fatalf("expected to be asked, found %v after %d uploads", got, uploads.Load())
	}
	eval[bool](t, ctx, `new Promise((resolve) => { document.getElementById('send').click(); const timer = setInterval(() => document.querySelector('[data-outcome]') && (clearInterval(timer), resolve(true)), 5); })`)
	if got := verdicts(t, ctx); got[0].String() != "valid valid" || uploads.Load() != 1 {
		t.Errorf("after agreeing: %v, %d uploads", got, uploads.Load())
	}
}

// TestWithoutScript: what works is shown, and nothing that would not, nor that the file
// stays where it is.
func TestWithoutScript(t *testing.T) {
	s := serve(t, verify.Config{Upload: "/v1/verify"})
	for _, off := range []bool{true, false} {
		ctx := fresh(t)
		do(t, ctx, chromedp.Navigate("about:blank"))
		if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}); err != nil {
			t.Fatal(err)
		}
		do(t, ctx, chromedp.Navigate(s.URL+"/verify?lang=en"))
		text := eval[string](t, ctx, `document.body.innerText`)
		if strings.Contains(text, "stays on this device") == off || strings.Contains(text, "send the file to this website") != off {
			t.Errorf("script off is %v: %s", off, text)
		}
		// Without script the elements of noscript are elements; with it they are text.
		form := eval[string](t, ctx, `(f => f ? f.getAttribute("action") + " " + f.method + " " + f.enctype + " " + f.querySelector("input").name : "")(document.querySelector("form"))`)
		if want := map[bool]string{true: "/verify?lang=en post multipart/form-data file"}[off]; form != want {
			t.Errorf("script off is %v: the form is %q, expected %q", off, form, want)
		}
	}
}

// TestStamped: a document that was stamped by one office is shown by what decides: who
// stamped it is not said to have issued or revoked it. The reports are the verifier's own,
// as a server gives them.
func TestStamped(t *testing.T) {
	f := institution(t)
	h, err := verify.New(verify.Config{Trust: func() []byte { return f.trust }, Upload: "/v1/verify"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/verify", h)
	mux.Handle("/verify/", h)
	mux.HandleFunc("POST /v1/verify", func(w http.ResponseWriter, r *http.Request) {
		_, part, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		trust, _ := verifier.ParseTrust(f.trust)
		document := verifying.Bytes(part.Filename, f.files[part.Filename])
		report, err := verifying.Judge(r.Context(), verifier.Config{Trust: trust, Clock: time.Now}, verifying.Input{File: verifying.Bytes("", f.files[part.Filename+".stamp"]), Document: &document})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		text, _ := report.MarshalJSON()
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"data":` + string(text) + `}`))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	ctx := fresh(t)
	before(t, ctx, "delete globalThis.WebAssembly;")
	do(t, ctx, chromedp.Navigate(s.URL+"/verify?lang=en"))
	ready(t, ctx)
	for name, c := range map[string]struct{ want, says string }{
		"valid.json":    {"valid valid", office},
		"thesis.txt":    {"valid valid", office},
		"revoked.json":  {"revoked invalid revoked", university},
		"tampered.json": {"invalid invalid signature_invalid", ""},
		"stranger.json": {"expired invalid expired", ""},
		"changed.pdf":   {"invalid invalid cms_digest", ""},
	} {
		judge(t, ctx, "#files", f.path(name)) // is asked
		eval[bool](t, ctx, `new Promise((resolve) => { document.getElementById('send').click(); const timer = setInterval(() => document.querySelector('[data-outcome]') && (clearInterval(timer), resolve(true)), 5); })`)
		got := verdicts(t, ctx)
		if len(got) != 1 || got[0].String() != c.want || !strings.Contains(got[0].Sentence, c.says) {
			t.Errorf("%s: expected %s, %q, found %v: %s", name, c.want, c.says, got, got[0].Sentence)
		}
		if c.says != office && strings.Contains(got[0].Sentence, office) {
			t.Errorf("%s: the office stands for the issuer: %s", name, got[0].Sentence)
		}
	}
}

// TestCode: a code that leads elsewhere is not followed without a warning, and what it
// holds else is shown as text.
func TestCode(t *testing.T) {
	ctx := tab(t)
	f := open(t, ctx, "?lang=en")
	got := judge(t, ctx, "#picture", f.path("code.png"))
	if len(got) != 1 || got[0].State != "code-elsewhere" {
		t.Errorf("a code of another website: %v", got)
	}
	href := eval[string](t, ctx, `document.querySelector('#cards a').href`)
	if text := eval[string](t, ctx, `document.getElementById('cards').textContent`); href != "https://elsewhere.example/c/Zk3rW8#abc" || !strings.Contains(text, "Careful") {
		t.Errorf("%s: %q", href, text)
	}
	address := eval[string](t, ctx, `location.origin`)
	f.code(t, address+"/c/Zk3rW8#abc", "here.png")
	if got := judge(t, ctx, "#picture", f.path("here.png")); len(got) != 1 || got[0].State != "code-here" {
		t.Errorf("a code of this website: %v", got)
	}
	for _, text := range []string{"javascript:alert(1)//c/x", "http://elsewhere.example/c/x", "https://user@elsewhere.example/c/x", "https://elsewhere.example/other", "hello"} {
		f.code(t, text, "other.png")
		if got := judge(t, ctx, "#picture", f.path("other.png")); len(got) != 1 || got[0].State != "code" {
			t.Errorf("%s: %v", text, got)
		}
		if n := eval[int](t, ctx, `document.querySelectorAll('#cards a').length`); n != 0 {
			t.Errorf("%s became a link", text)
		}
	}
}

// TestPasteAndTrust: text can be pasted; without trust nothing is valid; the visitor's own
// trust file, and every issuer, come into force when chosen, and are named.
func TestPasteAndTrust(t *testing.T) {
	f := institution(t)
	s := serve(t, verify.Config{})
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(s.URL+"/verify?lang=en"))
	ready(t, ctx)
	paste := func() verdict {
		t.Helper()
		text, _ := json.Marshal(string(f.files["valid.json"]))
		eval[bool](t, ctx, `document.getElementById('clear').click(); document.getElementById('text').value = `+string(text)+`; document.getElementById('checktext').click(); true`)
		return verdicts(t, ctx)[0]
	}
	force := func() string { return eval[string](t, ctx, `document.getElementById('trusttext').textContent`) }
	if got := paste(); got.Outcome != "indeterminate" || !strings.Contains(force(), "No trust file") {
		t.Errorf("without trust: %v, %q", got, force())
	}
	do(t, ctx, chromedp.SetUploadFiles(chromedp.CSS("#trustfile"), []string{f.path("valid.json")}))
	if fault := eval[string](t, ctx, `new Promise((resolve) => { const timer = setInterval(() => { const s = document.getElementById('trustfault').textContent; if (s) { clearInterval(timer); resolve(s); } }, 5); })`); !strings.Contains(fault, "not a trust file") {
		t.Errorf("a file that is none: %q", fault)
	}
	do(t, ctx, chromedp.SetUploadFiles(chromedp.CSS("#trustfile"), []string{f.path("trust.json")}))
	eval[bool](t, ctx, `new Promise((resolve) => { const timer = setInterval(() => document.getElementById('trusttext').textContent.includes('trust.json') && (clearInterval(timer), resolve(true)), 5); })`)
	if got := paste(); got.String() != "valid valid" {
		t.Errorf("with a trust file: %v", got)
	}
	facts := eval[string](t, ctx, `document.getElementById('trustfacts').textContent`)
	trust, err := verifier.ParseTrust(f.trust)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(facts, trust.Digest()) || !strings.Contains(facts, university) {
		t.Errorf("trust in force is not shown: %q", facts)
	}
	eval[bool](t, ctx, `document.getElementById('trustany').click() ?? new Promise((resolve) => { const timer = setInterval(() => document.getElementById('trustany').hidden && (clearInterval(timer), resolve(true)), 5); })`)
	if got := paste(); got.Outcome != "valid" && got.Reason != "status_unreachable" {
		t.Errorf("with every issuer: %v", got)
	}
	if text := eval[string](t, ctx, `document.getElementById('cards').textContent`); !strings.Contains(text, "not whether to believe them") {
		t.Error("the verdict does not say that every issuer is accepted")
	}
	if got := judge(t, ctx, "#files", f.path("trust.json")); got[0].Outcome != "invalid" || !strings.Contains(eval[string](t, ctx, `document.getElementById('cards').textContent`), "is a trust file") {
		t.Errorf("a trust file among the documents: %v", got)
	}
}

// TestTrustOnItsWay: until the trust file of the site is there nothing is said of it, and
// what the visitor chose meanwhile holds.
func TestTrustOnItsWay(t *testing.T) {
	f := institution(t)
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ chosen, then, fault string }{
		"nothing":            {"", "of this website is in force", ""},
		"a file":             {f.path("trust.json"), "Your own trust file is in force", ""},
		"a file that is not": {bad, "of this website is in force", "not a trust file"},
	} {
		t.Run(name, func(t *testing.T) {
			gate := make(chan struct{})
			s := serve(t, verify.Config{Trust: func() []byte { <-gate; return f.trust }})
			ctx := tab(t)
			do(t, ctx, chromedp.Navigate(s.URL+"/verify?lang=en"))
			text := func(id string) string { return eval[string](t, ctx, `document.getElementById('`+id+`').textContent`) }
			if got := text("trusttext"); got != "The trust file is being read." {
				t.Errorf("before: %q", got)
			}
			if c.chosen != "" {
				do(t, ctx, chromedp.SetUploadFiles(chromedp.CSS("#trustfile"), []string{c.chosen}))
			}
			if c.chosen != "" && c.fault == "" {
				eval[bool](t, ctx, `new Promise((resolve) => { const timer = setInterval(() => document.getElementById('trusttext').textContent.includes('trust.json') && (clearInterval(timer), resolve(true)), 5); })`)
			}
			close(gate)
			ready(t, ctx)
			eval[bool](t, ctx, `new Promise((resolve) => { const timer = setInterval(() => document.getElementById('trusttext').textContent.includes('in force') && document.getElementById('trustfault').textContent.includes('`+c.fault+`') && (clearInterval(timer), resolve(true)), 5); setTimeout(() => resolve(false), 10000); })`)
			if got := text("trusttext"); !strings.Contains(got, c.then) || !strings.Contains(text("trustfault"), c.fault) {
				t.Errorf("after: %q, %q", got, text("trustfault"))
			}
		})
	}
}

// TestPicture keeps the picture in the README true.
func TestPicture(t *testing.T) {
	ctx := tab(t)
	f := open(t, ctx, "?lang=en")
	dress(t, ctx, 1200, "light")
	do(t, ctx, chromedp.EmulateViewport(1200, 820))
	judge(t, ctx, "#files", f.path("valid.json"))
	eval[bool](t, ctx, `(scrollTo(0, 0), true)`)
	got, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "..", "docs", "pictures", "verify.png")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	// Fonts and their edges differ between machines, so that the pictures are compared by
	// eye's measure: the same size, and few places that differ much.
	a, err := png.Decode(strings.NewReader(string(got)))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if a.Bounds() != b.Bounds() {
		t.Fatalf("docs/pictures/verify.png: expected %v, found %v: run with -update", a.Bounds(), b.Bounds())
	}
	if d := different(a, b); d > 0.12 {
		t.Errorf("docs/pictures/verify.png differs in %.0f %% of its places: run with -update", 100*d)
	}
}

// different is the share of pixels that differ clearly.
func different(a, b image.Image) float64 {
	n, all := 0, 0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			far := func(p, q uint32) bool { return max(p, q)-min(p, q) > 0x3000 }
			if all++; far(r1, r2) || far(g1, g2) || far(b1, b2) {
				n++
			}
		}
	}
	return float64(n) / float64(all)
}
