package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

// form sends parts to /verify as browsers do: name, file name and content of each.
func form(t *testing.T, h http.Handler, path string, parts [][3]string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, p := range parts {
		w, err := m.CreateFormFile(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(p[2])); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return post(h, path, m.FormDataContentType(), b.Bytes(), headers...)
}

func post(h http.Handler, path, contentType string, body []byte, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, base+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestJudge: what the form of the verify page posts is judged as it came, and answered by a
// page that says the verdict, in the language of the form.
func TestJudge(t *testing.T) {
	f := examples()
	f.judged = exampleView("x").Verdict
	f.judged.Report.Checks[7].Required = true
	h := handler(f, base)
	w := form(t, h, "/verify?lang=en", [][3]string{{"file", "evidence.cbor", "one"}, {"file", "Zoë.pdf", "two"}, {"file", "", ""}})
	if len(f.sent) != 2 || string(f.sent[0].Bytes) != "one" || string(f.sent[1].Bytes) != "two" || f.sent[1].Name != "Zoë.pdf" {
		t.Fatalf("judged is %q", f.sent)
	}
	if !slices.Equal(f.sources, []string{"web"}) {
		t.Errorf("the log is told %q", f.sources)
	}
	body := w.Body.String()
	for _, want := range []string{
		`<h1 class="word">Valid</h1>`, "Issued by Universität Grünau on 30 June 2026 and not revoked when checked just now.", "Is it unchanged?", "Passed",
		"9 of 9 checks passed", "Checked by gruenau.example, where the file was sent. It is not kept.", "What the document says of itself", "Zoë Ångström", `href="/verify?lang=en"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, no := range []string{"canonical", "og:url", "not confirmed", "Zoë.pdf"} {
		if strings.Contains(body, no) {
			t.Errorf("the page has %s", no)
		}
	}
	head := w.Header()
	if w.Code != 200 || head.Get("Cache-Control") != "no-store" || head.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") ||
		!strings.Contains(head.Get("Content-Security-Policy"), "frame-ancestors 'none'") || head.Get("Referrer-Policy") != "no-referrer" || head.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", w.Code, head)
	}
	if w := form(t, h, "/verify?lang=ar", [][3]string{{"file", "a", "a"}}); !strings.Contains(w.Body.String(), `dir="rtl"`) || !strings.Contains(w.Body.String(), "gruenau.example") {
		t.Error("not in Arabic")
	}
}

// report is a verdict of the verifier to be shown: change makes it what it is.
func report(change func(v *service.Verdict, r *verifier.Report)) service.Verdict {
	v := exampleView("x").Verdict
	v.Lifecycle, v.Subject, v.Issuer = "", verifier.Party{}, service.Named{}
	change(&v, v.Report)
	v.Report.Decide()
	return v
}

func fails(r *verifier.Report, id string, reason verifier.Reason) {
	r.Checks = slices.DeleteFunc(r.Checks, func(c verifier.Check) bool { return c.ID == id })
	r.Add(verifier.Check{ID: id, Required: true, Reason: reason})
}

// TestJudgedWords: the page says what the verify page says of the same report in the
// browser, and of none that it is valid but of those that are.
func TestJudgedWords(t *testing.T) {
	untrusted := func(r *verifier.Report) { fails(r, verifier.CheckIssuerTrust, verifier.IssuerNotTrusted) }
	inner := report(func(_ *service.Verdict, r *verifier.Report) {
		fails(r, verifier.CheckStatus, verifier.CredentialRevoked)
	}).Report
	for name, test := range map[string]struct {
		verdict  service.Verdict
		state    string
		has, not []string
	}{
		"no list": {report(func(_ *service.Verdict, r *verifier.Report) { r.Checks[7].Evidence = nil }), "valid", []string{"its issuer keeps no list of revocations"}, nil},
		"revoked": {report(func(_ *service.Verdict, r *verifier.Report) {
			fails(r, verifier.CheckStatus, verifier.CredentialRevoked)
		}), "revoked",
			[]string{"Universität Grünau withdrew this credential", "only what the file says"}, []string{">Valid<"}},
		"revoked in the register only": {report(func(v *service.Verdict, _ *verifier.Report) { v.Lifecycle = service.StateRevoked }), "revoked", nil, []string{">Valid<"}},
		"forged": {report(func(_ *service.Verdict, r *verifier.Report) {
			fails(r, verifier.CheckSignature, verifier.SignatureInvalid)
			untrusted(r)
		}), "invalid", []string{"Is it unchanged?"}, []string{"Universität Grünau withdrew"}},
		"a stranger's, revoked": {report(func(_ *service.Verdict, r *verifier.Report) {
			untrusted(r)
			fails(r, verifier.CheckStatus, verifier.CredentialRevoked)
		}), "revoked", []string{"The issuer withdrew"}, []string{"Grünau withdrew"}},
		"not found": {report(func(_ *service.Verdict, r *verifier.Report) { fails(r, verifier.CheckBadgeBinding, verifier.NotFound) }), "undecided", nil, []string{">Unknown<", ">Valid<"}},
		"nothing":   {service.Verdict{}, "undecided", nil, []string{">Valid<"}},
		"test":      {report(func(v *service.Verdict, _ *verifier.Report) { v.Environment = service.Test }), "valid is-test", []string{"Valid · TEST", "proves nothing about anybody"}, nil},
		"pdf": {report(func(_ *service.Verdict, r *verifier.Report) { r.MediaType = "application/pdf" }), "valid",
			[]string{"The signatures in the PDF are genuine, and nothing was changed"}, nil},
		"pdf around one": {report(func(_ *service.Verdict, r *verifier.Report) {
			r.MediaType, r.Sub = "application/pdf", []verifier.SubReport{{Relation: "credential", Report: exampleReport()}}
		}), "valid", []string{"the credential inside was issued by Universität Grünau on 30 June 2026", "Inside the document", `<details class="s-valid">`}, nil},
		"pdf around a revoked one": {report(func(_ *service.Verdict, r *verifier.Report) {
			r.MediaType, r.Sub, r.Checks = "application/pdf", []verifier.SubReport{{Relation: "credential", Report: inner}}, nil
			r.Add(verifier.Check{ID: verifier.CheckInner, Required: true, Reason: verifier.CredentialRevoked})
		}), "revoked", []string{`<details class="s-revoked">`}, []string{">Valid<"}},
		"archive": {report(func(_ *service.Verdict, r *verifier.Report) {
			r.MediaType, r.Sub = "application/zip", []verifier.SubReport{{Relation: "file", Pointer: "/files/1", Report: exampleReport()}, {Relation: "file", Pointer: "/files/2", Report: exampleReport()}}
			r.Checks[0].Evidence = []verifier.Fact{{Name: "file.1", Value: "x"}, {Name: "name.2", Value: "b<i>.json"}}
		}), "valid", []string{"Each file in the archive was checked", "In the archive", "b&lt;i&gt;.json", "<bdi>3</bdi>"}, nil},
		"evidence": {report(func(_ *service.Verdict, r *verifier.Report) {
			r.Model = "Evidence 1"
			r.Checks[0].Evidence = []verifier.Fact{{Name: "existedBefore", Value: "2026-07-01T10:00:00Z"}}
		}), "valid", []string{"this document existed by 1 July 2026, 10:00 UTC"}, nil},
		"weakened": {report(func(_ *service.Verdict, r *verifier.Report) { r.Insecure = []string{"any issuer is trusted"} }), "valid", []string{"Weakened checks: any issuer is trusted"}, nil},
	} {
		f := examples()
		f.judged = test.verdict
		body := form(t, handler(f, base), "/verify", [][3]string{{"file", "a", "a"}}).Body.String()
		if !strings.Contains(body, `<body class="s-`+test.state+`">`) {
			t.Errorf("%s: expected %s, found %s", name, test.state, between(body, "<body", ">"))
		}
		for _, want := range test.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %s: %s", name, want, between(body, `<p class="sentence">`, "</p>"))
			}
		}
		for _, no := range test.not {
			if strings.Contains(body, no) {
				t.Errorf("%s: the page has %s", name, no)
			}
		}
	}
}

// TestJudgedAlike: a check that is made for each signature is shown once, with the facts of all.
func TestJudgedAlike(t *testing.T) {
	f := examples()
	f.judged = report(func(_ *service.Verdict, r *verifier.Report) {
		for i := range 3 {
			r.Add(verifier.Check{ID: verifier.CheckPDFIntegrity, Result: verifier.Pass, Required: true, Detail: fmt.Sprint("signature", i)})
		}
		r.Add(verifier.Check{ID: verifier.CheckPDFIntegrity, Required: true, Reason: verifier.PDFLocked})
	})
	body := form(t, handler(f, base), "/verify", [][3]string{{"file", "a", "a"}}).Body.String()
	if n := strings.Count(body, "Is the PDF unchanged?</strong>"); n != 2 || !strings.Contains(body, "signature0") || !strings.Contains(body, "signature2") || !strings.Contains(body, "12 of 13 checks passed") {
		t.Errorf("shown %d times: %s", n, body)
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// TestJudgeBounds: documents inside one another end, and so do their number.
func TestJudgeBounds(t *testing.T) {
	deep := exampleReport()
	for range 50 {
		r := exampleReport()
		r.Sub = []verifier.SubReport{{Relation: "credential", Report: deep}}
		deep = r
	}
	wide := exampleReport()
	for range 1000 {
		wide.Sub = append(wide.Sub, verifier.SubReport{Relation: "file", Pointer: "/files/0", Report: exampleReport()})
	}
	for name, r := range map[string]*verifier.Report{"deep": deep, "wide": wide} {
		f := examples()
		f.judged = service.Verdict{Report: r}
		body := form(t, handler(f, base), "/verify", [][3]string{{"file", "a", "a"}}).Body.String()
		if n := strings.Count(body, `<details class="s-valid">`); n < 4 || n > 100 {
			t.Errorf("%s: %d documents are shown", name, n)
		}
	}
}

// TestJudgeRefused: what cannot be judged is told by a page, and what another site sends is
// not judged.
func TestJudgeRefused(t *testing.T) {
	one := [][3]string{{"file", "a", "a"}}
	var many [][3]string
	for i := range 65 {
		many = append(many, [3]string{"file", fmt.Sprint(i), "a"})
	}
	f := examples()
	f.judged = exampleView("x").Verdict
	small, err := New(Config{Public: f, Verifying: f, BaseURL: base, MaxBody: 1000, Clock: func() time.Time { return now }, Verify: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	whole := form(t, small, "/verify", one)
	if whole.Code != 200 || len(f.sent) != 1 {
		t.Fatalf("%d %s", whole.Code, whole.Body)
	}
	for name, test := range map[string]struct {
		parts   [][3]string
		headers []string
		status  int
		says    string
	}{
		"none":                   {nil, nil, 422, "No file was sent"},
		"none chosen":            {[][3]string{{"file", "", ""}}, nil, 422, "No file was sent"},
		"another part":           {[][3]string{{"text", "a", "a"}}, nil, 400, "That was not accepted"},
		"too large":              {[][3]string{{"file", "a", large(1001)}}, nil, 413, "At most 1.0 kB can be sent"},
		"too large together":     {[][3]string{{"file", "a", large(600)}, {"file", "b", large(600)}}, nil, 413, "too large"},
		"far too large":          {[][3]string{{"file", "a", large(200_000)}}, nil, 413, "too large"},
		"too many":               {many, nil, 413, "at most 64 files"},
		"another site":           {one, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 303, ""},
		"a neighbour":            {one, []string{"Sec-Fetch-Site", "same-site"}, 303, ""},
		"another, old browser":   {one, []string{"Origin", "https://evil.example"}, 303, ""},
		"another, of our origin": {one, []string{"Sec-Fetch-Site", "cross-site", "Origin", base}, 303, ""},
		"ours":                   {one, []string{"Sec-Fetch-Site", "same-origin", "Origin", "null"}, 200, "Valid"},
		"ours, old browser":      {one, []string{"Origin", "null"}, 200, "Valid"},
		"ours, older":            {one, []string{"Origin", base}, 200, "Valid"},
	} {
		f.sent = nil
		w := form(t, small, "/verify", test.parts, test.headers...)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) || (len(f.sent) != 0) != (test.status == 200) {
			t.Errorf("%s: %d, judged %d, %s", name, w.Code, len(f.sent), between(w.Body.String(), "<main", "</main>"))
		}
		if test.status == 303 && w.Header().Get("Location") != "/verify" {
			t.Errorf("%s: leads to %q", name, w.Header().Get("Location"))
		}
	}
	f.sent = nil
	for _, c := range [][2]string{{"text/plain", "a"}, {"multipart/form-data", "a"}, {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf"}, {"application/x-www-form-urlencoded", "file=a"}} {
		if w := post(small, "/verify", c[0], []byte(c[1])); w.Code != 400 || len(f.sent) != 0 {
			t.Errorf("%s: %d", c[0], w.Code)
		}
	}
	for err, want := range map[error]int{
		&service.Error{Code: service.CodeTooLarge, Detail: "secret"}:    413,
		&service.Error{Code: service.CodeBody, Detail: "secret"}:        422,
		&service.Error{Code: service.CodeUnavailable, Detail: "secret"}: 503,
		errors.New("secret"): 500,
	} {
		f.err = err
		if w := form(t, small, "/verify", one); w.Code != want || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), "<html") {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
}

// slow waits until it is told that nobody waits any more.
type slow struct{ *fake }

func (slow) VerifyFiles(ctx context.Context, _ []service.Upload, _ string) (service.Verdict, error) {
	if _, ok := ctx.Deadline(); !ok {
		return service.Verdict{}, errors.New("no end")
	}
	return service.Verdict{}, context.DeadlineExceeded
}

// TestJudgeEnds: judging has an end, and a view that brings no report is noted as asked on
// the web.
func TestJudgeEnds(t *testing.T) {
	f := examples()
	h, err := New(Config{Public: f, Verifying: slow{f}, BaseURL: base, Clock: func() time.Time { return now }, Verify: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	if w := form(t, h, "/verify", [][3]string{{"file", "a", "a"}}); w.Code != 500 && w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
	v := f.views["valid"]
	f.verdict, v.Verdict.Report = v.Verdict, nil
	f.views["valid"] = v
	get(t, handler(f, base), "/c/valid")
	if !slices.Equal(f.sources, []string{"web"}) {
		t.Errorf("the log is told %q", f.sources)
	}
}
