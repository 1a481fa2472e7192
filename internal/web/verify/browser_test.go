package verify_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/chancery-dev/chancery/internal/web/verify"
)

const chromium = "/usr/bin/chromium"

func TestMain(m *testing.M) {
	code := m.Run()
	if stopBrowser != nil {
		stopBrowser()
	}
	if theServer != nil {
		theServer.Close()
	}
	if theFixture != nil {
		os.RemoveAll(theFixture.dir)
	}
	os.Exit(code)
}

var (
	started     sync.Once
	theBrowser  context.Context
	stopBrowser func()
)

func flags() []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-device-scale-factor", "1"), chromedp.Flag("hide-scrollbars", true))
}

// tab opens a page in a browser that all tests share; fresh opens one with nothing cached.
func tab(t *testing.T) context.Context   { return newTab(t) }
func fresh(t *testing.T) context.Context { return newTab(t, chromedp.WithNewBrowserContext()) }

func newTab(t *testing.T, options ...chromedp.ContextOption) context.Context {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("%s is not there: install Debian's package chromium", chromium)
	}
	started.Do(func() {
		dir, err := os.MkdirTemp("", "chancery-chromium-")
		if err != nil {
			t.Fatal(err)
		}
		allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(flags(), chromedp.UserDataDir(dir))...)
		browser, cancelBrowser := chromedp.NewContext(allocator)
		stopBrowser = func() { cancelBrowser(); cancelAllocator(); os.RemoveAll(dir) }
		if err := chromedp.Do(browser, chromedp.Navigate("about:blank")); err != nil {
			t.Fatal(err)
		}
		theBrowser = browser
	})
	if theBrowser == nil {
		t.Fatal("the browser did not start")
	}
	ctx, cancel := chromedp.NewContext(theBrowser, options...)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 60*time.Second)
	t.Cleanup(stop)
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval evaluates a script, and waits where it gives a promise.
func eval[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.200s: %v", script, err)
	}
	return v
}

// serve starts a server with the page.
func serve(t *testing.T, c verify.Config) *httptest.Server {
	t.Helper()
	h, err := verify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

var (
	opened    sync.Once
	theServer *httptest.Server
)

// open opens the page of the fixture's institution and waits until it is ready.
func open(t *testing.T, ctx context.Context, query string) *fixture {
	t.Helper()
	f := institution(t)
	opened.Do(func() {
		h, err := verify.New(verify.Config{Trust: func() []byte { return f.trust }, Upload: "/v1/verify"})
		if err != nil {
			t.Fatal(err)
		}
		theServer = httptest.NewServer(h)
	})
	do(t, ctx, chromedp.Navigate(theServer.URL+"/verify"+query))
	ready(t, ctx)
	return f
}

func ready(t *testing.T, ctx context.Context) {
	t.Helper()
	eval[bool](t, ctx, `verifyPage.ready.then(() => true)`)
}

// verdict is what the page shows of one document.
type verdict struct{ State, Outcome, Reason, Sentence string }

const readVerdicts = `[...document.querySelectorAll('#cards > article')].map((a) => ({State: a.dataset.state || '', Outcome: a.dataset.outcome || '', Reason: a.dataset.reason || '', Sentence: a.querySelector('h2').textContent}))`

// judge hands files to the page and waits for the verdicts.
func judge(t *testing.T, ctx context.Context, selector string, files ...string) []verdict {
	t.Helper()
	eval[bool](t, ctx, `document.getElementById('clear').click() ?? true`)
	do(t, ctx, chromedp.SetUploadFiles(chromedp.CSS(selector), files))
	return verdicts(t, ctx)
}

func verdicts(t *testing.T, ctx context.Context) []verdict {
	t.Helper()
	return eval[[]verdict](t, ctx, `new Promise((resolve, reject) => {
		const look = () => { const found = `+readVerdicts+`; if (found.length) { clearInterval(timer); resolve(found); } };
		const timer = setInterval(look, 5);
		setTimeout(() => reject(new Error('no verdict: ' + document.body.innerText)), 20000);
		look();
	})`)
}

// dress chooses width and theme.
func dress(t *testing.T, ctx context.Context, width int64, theme string) {
	t.Helper()
	do(t, ctx, chromedp.EmulateViewport(width, 900))
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}); err != nil {
		t.Fatal(err)
	}
}

// request is one that the page made.
type request struct {
	url   string
	bytes float64
}

// watch records every request from now on.
func watch(t *testing.T, ctx context.Context) func() []request {
	t.Helper()
	var mu sync.Mutex
	var all []*request
	byID := map[network.RequestID]*request{}
	if err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, "data:") && !strings.HasPrefix(e.Request.URL, "blob:") {
				r := &request{url: e.Request.URL}
				all, byID[e.RequestID] = append(all, r), r
			}
		case *network.EventLoadingFinished:
			if r := byID[e.RequestID]; r != nil {
				r.bytes = e.EncodedDataLength
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return func() []request {
		mu.Lock()
		defer mu.Unlock()
		out := make([]request, len(all))
		for i, r := range all {
			out[i] = *r
		}
		return out
	}
}

func (v verdict) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", v.State, v.Outcome, v.Reason))
}
