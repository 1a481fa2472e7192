package web

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/chancery-dev/chancery/internal/web/words"
)

var (
	update = flag.Bool("update", false, "write docs/pictures anew")
	shots  = flag.String("shots", "", "folder to write screenshots of every page to")
)

// TestBrowser looks at the pages as readers do, in one browser.
func TestBrowser(t *testing.T) {
	b := openBrowser(t)
	t.Run("Print", b.testPrint)
	t.Run("Accessible", b.testAccessible)
	t.Run("Shots", b.testShots)
	t.Run("Picture", b.testPicture)
	t.Run("Weight", b.testWeight)
	t.Run("Script", b.testScript) // last: it leaves script switched off
}

// browser is Chromium with the example pages.
type browser struct {
	ctx context.Context
	url string
	mu  sync.Mutex
	// what the current page has asked for and complained of
	requests []string
	bytes    float64
	problems []string
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium in PATH: pages are not looked at in a browser")
	}
	if testing.Short() {
		t.Skip("no browser in short mode")
	}
	var h http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	h = handler(examples(), server.URL)

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true), chromedp.UserDataDir(t.TempDir()))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	limited, cancelTime := context.WithTimeout(allocated, 3*time.Minute)
	t.Cleanup(cancelTime)
	ctx, cancel := chromedp.NewContext(limited)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() })
	b := &browser{ctx: ctx, url: server.URL}
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) event(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(ev.Request.URL, "data:") {
			b.requests = append(b.requests, ev.Request.URL)
		}
	case *network.EventLoadingFinished:
		b.bytes += ev.EncodedDataLength
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception: "+ev.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		// That an unknown credential is answered with 404 is right.
		if !strings.Contains(ev.Entry.Text, "status of 404") && !strings.Contains(ev.Entry.Text, "status of 410") {
			b.problems = append(b.problems, string(ev.Entry.Source)+": "+ev.Entry.Text)
		}
	}
}

// open goes to a page and waits until it is drawn with its font.
func (b *browser) open(t *testing.T, path string) {
	t.Helper()
	b.mu.Lock()
	b.requests, b.bytes, b.problems = nil, 0, nil
	b.mu.Unlock()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.url+path)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.requests {
		if !strings.HasPrefix(u, b.url+"/") {
			t.Errorf("%s asks another host: %s", path, u)
		}
	}
	for _, p := range b.problems {
		t.Errorf("%s: %s", path, p)
	}
}

func (b *browser) media(t *testing.T, media, scheme string) {
	t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
		t.Fatal(err)
	}
}

func (b *browser) width(t *testing.T, w, h int64) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(w, h)); err != nil {
		t.Fatal(err)
	}
}

func (b *browser) shot(t *testing.T, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	p, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), p, 0o644); err != nil {
		t.Fatal(err)
	}
}

func evaluate[T any](t *testing.T, b *browser, script string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// everyPage are the paths of all kinds of pages and all states.
func everyPage() []string {
	return []string{
		"/c/valid", "/c/diploma", "/c/invalid", "/c/revoked", "/c/suspended", "/c/expired", "/c/superseded", "/c/notyet", "/c/undecided", "/c/erased", "/c/hidden",
		"/c/test", "/c/arabic", "/c/long", "/c/nobody", "/c/valid/embed", "/c/revoked/embed", "/c/test/embed", "/p/zoe", "/", "/sign/tok123", "/nowhere",
	}
}

// languagesOf are the languages to look at a page in: all, or one where the page is of a
// kind that others show.
func languagesOf(path string) []string {
	switch path {
	case "/c/arabic":
		return []string{"ar"}
	case "/c/long", "/c/diploma", "/c/revoked/embed", "/c/test/embed", "/nowhere":
		return []string{"de"}
	}
	return words.Codes()
}

// testAccessible: axe-core finds nothing on any page, in any language and theme; no page
// is wider than a phone.
func (b *browser) testAccessible(t *testing.T) {
	source := os.Getenv("CHANCERY_AXE")
	if source == "" {
		t.Skip("CHANCERY_AXE is not set to axe.min.js: accessibility is not looked at")
	}
	axe, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const run = `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ") + " " + (n.any.concat(n.all, n.none)[0] || {}).message).join("; ")))`
	checked := 0
	b.media(t, "", "light")
	for _, path := range everyPage() {
		for _, lang := range languagesOf(path) {
			b.width(t, 360, 780)
			b.open(t, path+"?lang="+lang)
			if w := evaluate[int](t, b, `document.documentElement.scrollWidth`); w > 360 {
				t.Errorf("%s in %s is %d pixels wide on a phone", path, lang, w)
			}
			evaluate[chromedp.Void](t, b, string(axe)+"\n;0")
			// What folds out is looked at unfolded.
			evaluate[int](t, b, `document.querySelectorAll("details:not(.preview)").forEach(d => { d.open = true }), 0`)
			for _, theme := range []string{"light", "dark"} {
				b.media(t, "", theme)
				for _, violation := range evaluate[[]string](t, b, run, chromedp.EvalAwaitPromise) {
					t.Errorf("%s in %s, %s: %s", path, lang, theme, violation)
				}
				checked++
			}
			b.media(t, "", "light")
		}
	}
	t.Logf("%d pages looked at", checked)
}

// testWeight: at most 100 kB and 5 requests, the script among them.
func (b *browser) testWeight(t *testing.T) {
	if _, err := chromedp.Call(b.ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		t.Fatal(err)
	}
	for _, path := range everyPage() {
		b.open(t, path)
		b.mu.Lock()
		requests, size := len(b.requests), b.bytes
		b.mu.Unlock()
		t.Logf("%-18s %d requests, %.1f kB", path, requests, size/1000)
		limit := 5
		if path == "/p/zoe" {
			limit += 3 // its pictures
		}
		if requests > limit || size > 100_000 || requests < 3 {
			t.Errorf("%s: %d requests, %.0f bytes; allowed are %d and 100,000", path, requests, size, limit)
		}
	}
}

var pdfPages = regexp.MustCompile(`/Type\s*/Page[^s]`)

// testPrint: certificate and verdict fit one page, in every state.
func (b *browser) testPrint(t *testing.T) {
	b.media(t, "", "dark") // paper is white all the same
	for _, path := range everyPage() {
		if !strings.HasPrefix(path, "/c/") || strings.HasSuffix(path, "/embed") {
			continue
		}
		languages := words.Codes()
		if path != "/c/valid" && path != "/c/invalid" {
			languages = []string{"de"} // the longest words
		}
		for _, lang := range languages {
			b.open(t, path+"?lang="+lang)
			pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground()))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(pdfPages.FindAll(pdf, -1)); n != 1 {
				t.Errorf("%s in %s prints on %d pages", path, lang, n)
			}
			if *shots != "" {
				if err := os.WriteFile(filepath.Join(*shots, strings.ReplaceAll(path[1:], "/", "-")+"-"+lang+".pdf"), pdf, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// testScript: the script adds buttons, and everything is there without it.
func (b *browser) testScript(t *testing.T) {
	b.open(t, "/c/valid")
	if n := evaluate[int](t, b, `document.querySelectorAll("button.copy").length`); n < 5 {
		t.Errorf("%d buttons to copy", n)
	}
	evaluate[int](t, b, `document.querySelectorAll("details").forEach(d => { d.open = true }), navigator.clipboard.writeText = (s) => { window.copied = s; return Promise.resolve() }, document.querySelector("dd .copy").click(), 0`)
	if got := evaluate[string](t, b, `new Promise(r => setTimeout(() => r(window.copied + "|" + document.querySelector("[role=status]").textContent), 50))`, chromedp.EvalAwaitPromise); !strings.HasSuffix(got, "|Copied") || len(got) < 10 {
		t.Errorf("copied %q", got)
	}
	if evaluate[bool](t, b, `document.querySelector("[data-print]").hidden`) {
		t.Error("no button to print")
	}
	if !evaluate[bool](t, b, `[...document.images].every(i => i.complete && i.naturalWidth > 0)`) {
		t.Error("a picture is not shown")
	}
	if !evaluate[bool](t, b, `document.fonts.check("20px Garamond")`) {
		t.Error("the font is not loaded")
	}

	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.url+"/c/valid")); err != nil {
		t.Fatal(err)
	}
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("main")))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Issued by Universität Grünau", "Is it unchanged?", "Credential (JSON)", "Zoë Ångström", "LinkedIn"} {
		if !strings.Contains(text, want) {
			t.Errorf("without script the page lacks %q", want)
		}
	}
	if strings.Contains(text, "Print") {
		t.Error("a button without effect is shown")
	}
}

// testShots writes pictures of pages to look at, with -shots.
func (b *browser) testShots(t *testing.T) {
	if *shots == "" {
		t.Skip("without -shots no screenshots are written")
	}
	for _, path := range everyPage() {
		for _, c := range []struct {
			lang, theme string
			width       int64
		}{{"en", "light", 360}, {"en", "light", 768}, {"en", "light", 1440}, {"de", "dark", 360}, {"de", "dark", 1440}, {"ar", "light", 360}, {"ar", "light", 1440}} {
			b.media(t, "", c.theme)
			b.width(t, c.width, 900)
			b.open(t, path+"?lang="+c.lang)
			b.shot(t, fmt.Sprintf("%s-%d-%s-%s", strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"), c.width, c.theme, c.lang))
		}
	}
}

// pictures are those in the docs: the page of a diploma, and one on a phone, from right to
// left, in the dark.
var pictures = []struct {
	name, path, theme string
	width, height     int
}{
	{"page.png", "/c/Zk3rW8qYb1nT5uVxA9cDeF", "light", 1280, 960},
	{"phone.png", "/c/mN4vT7wQx2Rb8cYhK5dLpJ?lang=ar", "dark", 390, 844},
}

func pictureFile(name string) string { return filepath.Join("..", "..", "docs", "pictures", name) }

// testPicture makes the pictures anew, with -update.
func (b *browser) testPicture(t *testing.T) {
	if !*update {
		t.Skip("without -update the pictures stay")
	}
	for _, c := range pictures {
		b.media(t, "", c.theme)
		b.width(t, int64(c.width), int64(c.height))
		b.open(t, c.path)
		// The address is that of the example, not of this machine.
		evaluate[int](t, b, `document.querySelector(".home bdi").textContent = "gruenau.example", 0`)
		p, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pictureFile(c.name), p, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPicture: the pictures in the docs are there. Browsers differ in how they draw
// letters, so that their size is all that is compared.
func TestPicture(t *testing.T) {
	for _, want := range pictures {
		p, err := os.ReadFile(pictureFile(want.name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(bytes.NewReader(p))
		if err != nil || c.Width != want.width || c.Height != want.height {
			t.Errorf("docs/pictures/%s is %d by %d, expected %d by %d: run with -update (%v)", want.name, c.Width, c.Height, want.width, want.height, err)
		}
	}
}
