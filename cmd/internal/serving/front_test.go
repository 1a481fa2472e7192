package serving_test

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// TestFrontDoor looks at the assembled service as visitors do, in one browser: what was
// issued over HTTP is seen on its page, taken from it, and judged without a server.
func TestFrontDoor(t *testing.T) {
	ctx := startBrowser(t)
	o := openOffice(t)
	f := &front{office: o, browser: ctx, files: t.TempDir()}
	f.tab = newTab(t, ctx)
	for _, step := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"Page", f.page}, {"Download", f.download}, {"Verify", f.verify}, {"Tampered", f.tampered}, {"Offline", f.offline}, {"Upload", f.upload},
		{"Reference", f.reference}, {"Weight", f.weight}, {"Accessible", f.accessible}, {"Test", f.test}, {"Revoked", f.revoked}, {"Ended", f.ended},
	} {
		if !t.Run(step.name, func(t *testing.T) { f.tab.on(t); step.do(t) }) && step.name == "Download" {
			t.Fatal("without files there is nothing to verify")
		}
	}
}

// front is the state that one step hands to the next.
type front struct {
	office  *office
	browser context.Context
	tab     *tab
	files   string
	names   map[string]string // file by the ending of its name
}

// word is what the page of a credential says at a glance.
func (f *front) word() string {
	return eval[string](f.tab, `document.querySelector('.ruling .word').textContent`)
}

// page: the page of a credential says that it is valid, whose it is and why.
func (f *front) page(t *testing.T) {
	f.tab.open(f.office.valid.VerificationURL + "?lang=en")
	if got := f.word(); got != "Valid" {
		t.Errorf("the page says %q", got)
	}
	text := eval[string](f.tab, `document.body.innerText`)
	for _, want := range []string{"Zoë Ångström", university, "Lichens of the northern fells"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "is in a public blockchain") || !strings.Contains(text, "That list is not in a public blockchain") {
		t.Error("the page speaks of a chain that there is not")
	}
	if failed := eval[int](f.tab, `document.querySelectorAll('.checks li:not(.r-pass, .r-skipped)').length`); failed != 0 {
		t.Errorf("%d checks did not pass: %s", failed, eval[string](f.tab, `document.querySelector('.checks').innerText`))
	}
	if drawn := eval[int](f.tab, `document.querySelector('img.picture').naturalWidth`); drawn < 100 {
		t.Errorf("the badge is %d pixels wide", drawn)
	}
	f.tab.quiet("page")
}

// download: every file that the page offers can be had with a click.
func (f *front) download(t *testing.T) {
	yes := true
	if _, err := chromedp.CallBrowser(f.tab.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: f.files, EventsEnabled: &yes, BrowserContextID: chromedp.FromContext(f.tab.ctx).BrowserContextID,
	}); err != nil {
		t.Fatal(err)
	}
	links := eval[int](f.tab, `document.querySelectorAll('.downloads a[download]').length`)
	if links != 6 {
		t.Errorf("the page offers %d files: %s", links, eval[string](f.tab, `document.querySelector('.downloads').innerText`))
	}
	f.names = map[string]string{}
	for i := range links {
		eval[bool](f.tab, `document.querySelectorAll('.downloads a[download]')[`+string(rune('0'+i))+`].click() ?? true`)
		for deadline := time.Now().Add(10 * time.Second); len(f.names) <= i; time.Sleep(5 * time.Millisecond) {
			list, err := os.ReadDir(f.files)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if ext := filepath.Ext(e.Name()); ext != ".crdownload" && !strings.HasPrefix(e.Name(), ".") {
					f.names[strings.TrimPrefix(ext, ".")] = filepath.Join(f.files, e.Name())
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("file %d did not come; there are %v", i+1, f.names)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(f.names)); !slices.Equal(got, []string{"cbor", "json", "jwt", "pdf", "png", "svg"}) {
		t.Errorf("the files are %v", f.names)
	}
	for ext, name := range map[string]string{"json": "vc", "jwt": "vc.jwt", "pdf": "pdf", "png": "png", "svg": "svg", "cbor": "evidence"} {
		want, err := f.office.api.Artifact(t.Context(), f.office.valid.ID, name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.names[ext]); err != nil || !bytes.Equal(got, want.Bytes) {
			t.Errorf("%s is not the file of the issuer: %v", ext, err)
		}
	}
	f.tab.quiet("downloads")
}

// sets are what a visitor drops on the verify page: each file, the evidence with what it is
// about.
func (f *front) sets() [][]string {
	return [][]string{{f.names["json"]}, {f.names["jwt"]}, {f.names["pdf"]}, {f.names["png"]}, {f.names["svg"]}, {f.names["cbor"], f.names["json"]}}
}

// alone fails where anything was asked of any server while f ran.
func (f *front) alone(t *testing.T, do func()) {
	t.Helper()
	before := f.office.requests.Load()
	f.tab.forget()
	do()
	f.tab.mu.Lock()
	defer f.tab.mu.Unlock()
	if n := f.office.requests.Load() - before; n != 0 || len(f.tab.requests) != 0 {
		t.Errorf("the server got %d requests while the page verified, the page sent %v", n, f.tab.requests)
	}
}

// verify: what was downloaded is valid on the verify page, and nothing leaves it.
func (f *front) verify(t *testing.T) {
	f.tab.openVerify(f.office)
	f.tab.quiet("verify")
	f.alone(t, func() {
		for _, files := range f.sets() {
			f.tab.expect("valid valid", files...)
		}
		eval[bool](f.tab, `document.getElementById('clear').click() ?? true`)
		f.drop(t, f.names["pdf"])
		if got := f.tab.verdicts(); len(got) != 1 || got[0].String() != "valid valid" {
			t.Errorf("dropped: %v", got)
		}
	})
	f.tab.quiet("verifying")
}

// drop lets a file fall onto the page.
func (f *front) drop(t *testing.T, file string) {
	t.Helper()
	at := eval[[]float64](f.tab, `(() => { document.getElementById('drop').scrollIntoView(); const r = document.getElementById('drop').getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
	for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		if _, err := chromedp.Call(f.tab.ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: at[0], Y: at[1], Data: &input.DragData{Items: []*input.DragDataItem{}, Files: []string{file}, DragOperationsMask: 1}}); err != nil {
			t.Fatal(err)
		}
	}
}

// tampered: of each file a copy that differs in one place is invalid.
func (f *front) tampered(t *testing.T) {
	change := func(ext, from, to string) []string {
		b, err := os.ReadFile(f.names[ext])
		if err != nil {
			t.Fatal(err)
		}
		if from == "" { // anywhere
			b[len(b)/4] ^= 1
		} else if len(from) != len(to) || !bytes.Contains(b, []byte(from)) {
			t.Fatalf("%s does not hold %q", ext, from)
		}
		name := filepath.Join(t.TempDir(), "tampered."+ext)
		if err := os.WriteFile(name, bytes.Replace(b, []byte(from), []byte(to), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{name}
	}
	jwt, err := os.ReadFile(f.names["jwt"])
	if err != nil {
		t.Fatal(err)
	}
	signature := string(jwt[bytes.LastIndexByte(jwt, '.')+1:])[:8]
	other := "AAAAAAAA"
	f.alone(t, func() {
		for _, files := range [][]string{
			change("json", "Lichens of", "Mildews of"), change("jwt", signature, other), change("svg", "Lichens of", "Mildews of"),
			change("png", "IDAT", "IDAU"), change("pdf", "", ""), change("cbor", "", ""),
		} {
			if got := f.tab.judge(files...); len(got) != 1 || got[0].Outcome != "invalid" {
				t.Errorf("%s: expected invalid, found %v", filepath.Base(files[0]), got)
			}
		}
	})
	f.tab.quiet("tampered")
}

// offline: the page that was loaded decides with the network cut off.
func (f *front) offline(t *testing.T) {
	f.tab.openVerify(f.office)
	f.tab.offline(true)
	defer f.tab.offline(false)
	if got := eval[string](f.tab, `fetch('/livez').then(() => 'sent', () => 'cut off')`); got != "cut off" {
		t.Fatalf("the network is there: %s", got)
	}
	f.alone(t, func() {
		for _, files := range f.sets() {
			f.tab.expect("valid valid", files...)
		}
	})
	f.tab.forget()
}

// upload: without WebAssembly the page offers to send a file, sends it when told to, and
// shows what the service says.
func (f *front) upload(t *testing.T) {
	b := newTab(t, f.browser)
	b.before("delete globalThis.WebAssembly;")
	b.openVerify(f.office)
	before := f.office.verified.Load()
	if got := b.judge(f.names["pdf"]); len(got) != 1 || got[0].State != "upload" || f.office.verified.Load() != before {
		t.Fatalf("expected to be asked, found %v after %d uploads", got, f.office.verified.Load()-before)
	}
	eval[bool](b, `document.getElementById('send').click() ?? true`)
	b.await(`document.querySelector('[data-outcome]')`)
	if got := b.verdicts(); got[0].String() != "valid valid" || f.office.verified.Load() != before+1 {
		t.Errorf("after agreeing: %v, %d uploads", got, f.office.verified.Load()-before)
	}
	b.quiet("upload")
}

// reference: the form beside an operation runs it, without a key and with one.
func (f *front) reference(t *testing.T) {
	f.tab.open(f.office.url + "/docs")
	run := func(id, fill string) string {
		eval[bool](f.tab, `(() => { const d = document.getElementById('`+id+`'); d.open = true; return true; })()`)
		f.tab.await(`document.querySelector('#` + id + ` form.try')`)
		eval[bool](f.tab, `(() => { const form = document.querySelector('#`+id+` form.try'); `+fill+`; form.querySelector('button').click(); return true; })()`)
		f.tab.await(`!['', '…'].includes(document.querySelector('#` + id + ` form.try pre').textContent)`)
		return eval[string](f.tab, `document.querySelector('#`+id+` form.try pre').textContent`)
	}
	if got := run("verifyById", `form.elements.publicId.value = `+quote(f.office.valid.PublicID)); !strings.HasPrefix(got, "200") || !strings.Contains(got, `"outcome": "valid"`) {
		t.Errorf("verifyById: %s", got)
	}
	eval[bool](f.tab, `document.getElementById('token').value = `+quote(f.office.key)+`, true`)
	if got := run("getMe", ""); !strings.HasPrefix(got, "200") || !strings.Contains(got, university) {
		t.Errorf("getMe: %s", got)
	}
	f.tab.quiet("docs")
}

// places are the pages of the house.
func (f *front) places() map[string]string {
	return map[string]string{
		"/": "/", "/verify": "/verify", "/c/{id}": "/c/" + f.office.valid.PublicID, "/c/{id}/embed": "/c/" + f.office.valid.PublicID + "/embed",
		"/p/{slug}": "/p/zoe-angstrom", "/sign/{token}": "/sign/" + f.office.token,
	}
}

// weight: each page weighs at most 100 kB without the verifier, in at most 5 requests.
func (f *front) weight(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(f.places())) {
		b := newTab(t, f.browser)
		b.open(f.office.url + f.places()[name] + "?lang=en")
		if name == "/verify" {
			eval[bool](b, `verifyPage.ready.then(() => true)`)
		}
		eval[bool](b, `new Promise((resolve) => setTimeout(() => resolve(true), 50))`) // what is loaded late
		bytes, requests := b.weight(f.office.url)
		t.Logf("%-14s %d requests, %5.1f kB", name, requests, bytes/1000)
		if bytes > 100_000 || requests > 5 || bytes < 1000 || requests < 3 {
			t.Errorf("%s: %.0f bytes in %d requests; allowed are 100,000 in 5", name, bytes, requests)
		}
		if name == "/p/{slug}" { // what is kept is not asked for again
			picture := eval[string](b, `document.querySelector('.cards img').src`)
			answer, err := http.Get(picture)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != 200 || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") || eval[int](b, `document.querySelectorAll('.cards img[loading=lazy]').length`) != 2 {
				t.Errorf("pictures: %s, %s %v", picture, answer.Status, answer.Header)
			}
		}
		b.quiet(name)
	}
}

// accessible: axe-core finds nothing on any page, in both themes and in every language
// that the page has.
func (f *front) accessible(t *testing.T) {
	source := axe(t)
	if source == "" {
		t.Skip("CHANCERY_AXE is not set to axe.min.js: accessibility is not looked at")
	}
	looked := 0
	for name, path := range f.places() {
		for _, lang := range []string{"en", "de", "ar"} {
			f.tab.open(f.office.url + path + "?lang=" + lang)
			if name == "/verify" {
				eval[bool](f.tab, `verifyPage.ready.then(() => true)`)
				f.tab.expect("valid valid", f.names["pdf"])
			}
			if got := eval[string](f.tab, `document.documentElement.lang`); got != lang {
				t.Errorf("%s in %s is in %s", name, lang, got)
			}
			f.tab.accessible(source, name+" in "+lang, "details:not(.preview)")
			looked += 2
		}
	}
	f.tab.open(f.office.url + "/docs")
	// All hundred operations unfolded take half a minute: these have every part that there is.
	f.tab.accessible(source, "/docs", "#issueCredential, #verify, #getPicture, #createToken")
	f.tab.quiet("pages")
	t.Logf("%d pages looked at", looked+2)
}

// test: what comes from the test environment is marked wherever it is shown, however valid.
func (f *front) test(t *testing.T) {
	ctx, api := t.Context(), f.office.test
	issuer := must[service.Issuer](t)(api.CreateIssuer(ctx, service.NewIssuer{Key: "gruenau", Name: university}, ""))
	kind := must[service.Type](t)(api.CreateType(ctx, service.NewType{Key: "trial", DisplayName: "Trial", Kind: "certificate", Issuer: issuer.ID, Outputs: []string{"vc", "vc.jwt", "pdf", "badge"}}, ""))
	made := must[service.Credential](t)(api.Issue(ctx, service.NewCredential{Type: kind.ID, Notify: true, ItemInput: service.ItemInput{Recipient: service.Recipient{Name: "Try Out", Email: "try@students.example"}}}, ""))
	must[service.Portfolio](t)(api.PutPortfolio(ctx, "try-out", service.PortfolioInput{Title: "Try Out", SubjectID: made.Recipient.ID, Public: true, Items: []service.PortfolioItem{{Credential: made.ID, Visible: true}}}))
	documents := must[[]service.Document](t)(api.AddDocuments(ctx, []service.Upload{{Name: "trial.pdf", Bytes: padestest.Sample{}.Build(t)}}, ""))
	must[service.Signature](t)(api.AddSignature(ctx, documents[0].ID, service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: "Ida Falk", Email: "falk@try.example"}}, ""))

	seen := func(selector string) string {
		return eval[string](f.tab, `((e) => e && e.getClientRects().length ? e.innerText : 'not shown')(document.querySelector(`+quote(selector)+`))`)
	}
	f.tab.open(made.VerificationURL + "?lang=en")
	if title := eval[string](f.tab, `document.title`); f.word() != "Valid · TEST" || !strings.HasPrefix(title, "TEST · ") || !strings.HasPrefix(seen(".verdict .test"), "TEST Made in") || seen(".sheet .watermark") == "not shown" {
		t.Errorf("the page says %q, its title is %q, it notes %q", f.word(), title, seen(".verdict .test"))
	}
	for place, selector := range map[string]string{made.VerificationURL + "/embed": ".card .word", f.office.url + "/p/try-out": ".cards .word"} {
		f.tab.open(place + "?lang=en")
		if got := seen(selector); !strings.HasSuffix(strings.TrimSpace(got), "Valid · TEST") {
			t.Errorf("%s says %q", place, got)
		}
	}
	if got := f.office.post.to(t, "try@students.example"); !strings.HasPrefix(got.Subject, "[TEST] ") || !strings.HasPrefix(got.Text, "TEST: ") || !strings.Contains(got.HTML, ">TEST: ") {
		t.Errorf("the mail: %q, %q", got.Subject, got.Text)
	}
	if got := f.office.post.to(t, "falk@try.example"); !strings.HasPrefix(got.Subject, "[TEST] ") || !strings.HasPrefix(got.Text, "TEST: ") {
		t.Errorf("the invitation: %q, %q", got.Subject, got.Text)
	}

	dir := t.TempDir()
	time.Sleep(1100 * time.Millisecond) // a trust file is kept for a second
	f.tab.openVerify(f.office)
	marked := func(b *tab, what string, want bool) {
		t.Helper()
		word := eval[string](b, `document.querySelector('.card .verdict .word').textContent`)
		note := eval[bool](b, `!!document.querySelector('.card > .test')?.getClientRects().length`)
		if note != want || strings.HasSuffix(word, " · TEST") != want {
			t.Errorf("%s: the verify page says %q, with a note: %v", what, word, note)
		}
	}
	for _, name := range []string{"vc", "vc.jwt", "pdf", "png", "svg"} {
		file := filepath.Join(dir, "trial."+strings.TrimPrefix(name, "vc."))
		if err := os.WriteFile(file, must[service.File](t)(api.Artifact(ctx, made.ID, name)).Bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		f.tab.expect("valid valid", file)
		marked(f.tab, name, true)
	}
	if source := axe(t); source != "" {
		f.tab.accessible(source, "a verdict of test", "details")
		f.tab.open(made.VerificationURL + "?lang=en")
		f.tab.accessible(source, "a page of test", "details")
		f.tab.openVerify(f.office)
	}
	f.tab.expect("valid valid", f.names["json"])
	marked(f.tab, "a live one", false)
	eval[bool](f.tab, `document.getElementById('trustany').click() ?? true`)
	f.tab.await(`document.getElementById('trustany').hidden`)
	f.tab.judge(filepath.Join(dir, "trial.vc")) // whose key is not known any more
	marked(f.tab, "with every issuer accepted", true)
	f.tab.quiet("test")

	b := newTab(t, f.browser) // where the server judges
	b.before("delete globalThis.WebAssembly;")
	b.openVerify(f.office)
	b.judge(filepath.Join(dir, "trial.png"))
	eval[bool](b, `document.getElementById('send').click() ?? true`)
	b.await(`document.querySelector('[data-outcome]')`)
	marked(b, "judged by the server", true)
	b.quiet("test, by the server")
}

// revoked: the page and, with the trust of now, the verify page say so.
func (f *front) revoked(t *testing.T) {
	f.tab.open(f.office.valid.VerificationURL + "?lang=en")
	if _, err := f.office.api.Revoke(t.Context(), f.office.valid.ID, "issued to the wrong person", ""); err != nil {
		t.Fatal(err)
	}
	f.tab.do(chromedp.Reload())
	if got := f.word(); got != "Revoked" {
		t.Errorf("after the revocation the page says %q", got)
	}
	f.tab.open(f.office.second.VerificationURL + "?lang=en")
	if got := f.word(); got != "Valid" {
		t.Errorf("the other one is %q", got)
	}
	time.Sleep(1100 * time.Millisecond) // a trust file is kept for a second
	f.tab.openVerify(f.office)
	f.alone(t, func() {
		for _, ext := range []string{"json", "jwt", "png", "svg"} {
			f.tab.expect("revoked invalid revoked", f.names[ext])
		}
		f.tab.expect("revoked invalid inner_invalid", f.names["pdf"]) // what is in it was
	})
	f.tab.quiet("revoked")
}

// ended: the service is gone, and the page that was loaded decides as before.
func (f *front) ended(t *testing.T) {
	if err := f.office.stop(); err != nil {
		t.Fatal(err)
	}
	f.alone(t, func() {
		f.tab.expect("revoked invalid revoked", f.names["png"])
		f.tab.expect("revoked invalid inner_invalid", f.names["pdf"])
	})
	f.tab.quiet("ended")
}
