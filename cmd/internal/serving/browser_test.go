package serving_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const chromium = "/usr/bin/chromium"

// tab is a page in a browser, and what it asked for and complained of.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string
	weights  map[network.RequestID]float64
	names    map[network.RequestID]string
	problems []string
}

// startBrowser starts Chromium, or skips the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("%s is not there: install Debian's package chromium", chromium)
	}
	if testing.Short() {
		t.Skip("no browser in short mode")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true), chromedp.UserDataDir(t.TempDir()))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	limited, cancelTime := context.WithTimeout(allocated, 2*time.Minute)
	t.Cleanup(cancelTime)
	browser, cancel := chromedp.NewContext(limited)
	t.Cleanup(func() { _ = chromedp.Cancel(browser); cancel() })
	if err := chromedp.Do(browser, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return browser
}

// newTab opens a page with nothing cached.
func newTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, weights: map[network.RequestID]float64{}, names: map[network.RequestID]string{}}
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate("about:blank"))
	return b
}

func (b *tab) event(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u := ev.Request.URL; !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") && u != "about:blank" {
			b.requests, b.names[ev.RequestID] = append(b.requests, u), u
		}
	case *network.EventLoadingFinished:
		b.weights[ev.RequestID] += ev.EncodedDataLength
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception: "+ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			b.problems = append(b.problems, "console: "+string(ev.Type))
		}
	case *log.EventEntryAdded: // where violations of the policy are told, too
		if ev.Entry.Level == log.EntryLevelVerbose || ev.Entry.Level == log.EntryLevelInfo {
			return // advice
		}
		b.problems = append(b.problems, fmt.Sprintf("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL))
	}
}

// on fails in the name of another test from now on.
func (b *tab) on(t *testing.T) { b.t = t }

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval evaluates a script, and waits where it gives a promise.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.200s: %v", script, err)
	}
	return v
}

// await waits until a script gives a truth.
func (b *tab) await(condition string) {
	b.t.Helper()
	eval[bool](b, `new Promise((resolve, reject) => {
		const timer = setInterval(() => { if (`+condition+`) { clearInterval(timer); resolve(true); } }, 5);
		setTimeout(() => { clearInterval(timer); reject(new Error('not within 15 s: `+strings.ReplaceAll(condition, "'", "")+`: ' + document.body.innerText.slice(0, 500))); }, 15000);
	})`)
}

// open goes to a page and waits until it is drawn with its font.
func (b *tab) open(url string) {
	b.t.Helper()
	b.forget()
	b.do(chromedp.Navigate(url))
	eval[bool](b, `document.fonts.ready.then(() => true)`)
}

// openVerify goes to the verify page and waits until the verifier and its trust are there.
func (b *tab) openVerify(o *office) {
	b.t.Helper()
	b.open(o.url + "/verify?lang=en")
	eval[bool](b, `verifyPage.ready.then(() => true)`)
}

// forget forgets what was asked for and complained of so far.
func (b *tab) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests, b.problems = nil, nil
	clear(b.weights)
	clear(b.names)
}

// quiet fails where the page complained: errors, warnings, violations of its policy.
func (b *tab) quiet(what string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("%s: %s", what, p)
	}
	b.problems = nil
}

// weight is what the page has weighed since it was opened, without the verifier, and the
// number of its requests.
func (b *tab) weight(origin string) (bytes float64, requests int) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, name := range b.names {
		if !strings.HasPrefix(name, origin+"/") {
			b.t.Errorf("asked another host: %s", name)
		}
		if !strings.HasSuffix(name, ".wasm") {
			bytes, requests = bytes+b.weights[id], requests+1
		}
	}
	return bytes, requests
}

// verdict is what the verify page shows of one document.
type verdict struct{ State, Outcome, Reason string }

func (v verdict) String() string {
	return strings.TrimSpace(v.State + " " + v.Outcome + " " + v.Reason)
}

const readVerdicts = `[...document.querySelectorAll('#cards > article')].map((a) => ({State: a.dataset.state || '', Outcome: a.dataset.outcome || '', Reason: a.dataset.reason || ''}))`

// judge hands files to the verify page and reads its verdicts.
func (b *tab) judge(files ...string) []verdict {
	b.t.Helper()
	eval[bool](b, `document.getElementById('clear').click() ?? true`)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#files"), files))
	return b.verdicts()
}

func (b *tab) verdicts() []verdict {
	b.t.Helper()
	b.await(`document.querySelector('#cards > article')`)
	return eval[[]verdict](b, readVerdicts)
}

// expect hands over files of which each set gets one verdict.
func (b *tab) expect(want string, files ...string) {
	b.t.Helper()
	if got := b.judge(files...); len(got) != 1 || got[0].String() != want {
		b.t.Errorf("%v: expected %s, found %v", files, want, got)
	}
}

// before runs a script before those of any page.
func (b *tab) before(script string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		b.t.Fatal(err)
	}
}

// offline cuts the network off, or puts it back.
func (b *tab) offline(yes bool) {
	b.t.Helper()
	params := network.EmulateNetworkConditionsByRuleParams{}
	if yes {
		params.MatchedNetworkConditions = []*network.Conditions{{Offline: true, DownloadThroughput: -1, UploadThroughput: -1}}
	}
	if _, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, params); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) theme(name string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}); err != nil {
		b.t.Fatal(err)
	}
}

// accessible fails where axe-core finds a violation on the page, with some of its parts
// unfolded, in both themes.
func (b *tab) accessible(axe, what, unfold string) {
	b.t.Helper()
	eval[bool](b, axe+"; true")
	eval[bool](b, `document.querySelectorAll(`+quote(unfold)+`).forEach((d) => { d.open = true; }) ?? true`)
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		for _, v := range eval[[]string](b, `axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 5).map((n) => n.html + ' ' + (n.any.concat(n.all, n.none)[0] || {}).message).join(' | ')))`) {
			b.t.Errorf("%s, %s: %s", what, theme, v)
		}
	}
	b.theme("light")
}

func quote(s string) string {
	b, _ := json.Marshal(s) // of a string: no error
	return string(b)
}
