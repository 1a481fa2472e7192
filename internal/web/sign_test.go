package web

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/service"
)

func upload(t *testing.T, h http.Handler, path, field string, content []byte, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile(field, "signed.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, base+path, &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestSign: an invited signer reads, sends back, declines.
func TestSign(t *testing.T) {
	f := examples()
	h := handler(f, base)
	w := get(t, h, "/sign/tok123")
	for _, want := range []string{"Universität Grünau asks Prof. Dr. Ida Falk to sign", "25 November 2026, 21:03 UTC", digest, `action="/sign/tok123"`, `enctype="multipart/form-data"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(w.Body.String(), "og:url") || strings.Contains(w.Body.String(), "canonical") {
		t.Error("the secret address is made known")
	}
	if w := get(t, h, "/sign/tok123/file"); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || w.Body.String() != "%PDF-1.7 example" {
		t.Errorf("download: %d %v", w.Code, w.Header())
	}
	if w := get(t, h, "/sign/tok123/file?inline=1"); !strings.HasPrefix(w.Header().Get("Content-Disposition"), "inline") || w.Header().Get("Cache-Control") != "no-store" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'self'") {
		t.Errorf("shown within the page: %v", w.Header())
	}

	if w := upload(t, h, "/sign/tok123?lang=de", "file", []byte("%PDF-1.7 signed"), "Origin", base); w.Code != 200 || !strings.Contains(w.Body.String(), "Danke.") {
		t.Errorf("signed: %d %s", w.Code, w.Body)
	}
	if len(f.signed) != 1 || string(f.signed[0].Bytes) != "%PDF-1.7 signed" || f.signed[0].Name != "signed.pdf" {
		t.Errorf("the service was given %v", f.signed)
	}
	for name, c := range map[string]struct {
		field   string
		content []byte
		headers []string
		status  int
		says    string
	}{
		"another site":    {"file", []byte("x"), []string{"Sec-Fetch-Site", "cross-site"}, 403, "another website"},
		"another origin":  {"file", []byte("x"), []string{"Origin", "https://evil.example"}, 403, "another website"},
		"no file":         {"other", []byte("x"), nil, 422, "Choose the signed file first"},
		"empty file":      {"file", nil, nil, 422, "Choose the signed file first"},
		"too large":       {"file", bytes.Repeat([]byte("x"), limits.DocumentBytes+1), nil, 413, "larger than 10 MB"},
		"far too large":   {"other", bytes.Repeat([]byte("x"), 2*limits.DocumentBytes), nil, 413, "larger than 10 MB"},
		"not a form":      {"file", []byte("x"), []string{"Content-Type", "text/plain"}, 422, "Choose the signed file first"},
		"largest allowed": {"file", bytes.Repeat([]byte("x"), limits.DocumentBytes), nil, 200, "Thank you"},
	} {
		if w := upload(t, h, "/sign/tok123", c.field, c.content, c.headers...); w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d, expected %d and %q", name, w.Code, c.status, c.says)
		}
	}
	f.signErr = &service.Error{Code: service.CodeValidation, Detail: "the document was changed <b>"}
	if w := upload(t, h, "/sign/tok123", "file", []byte("x")); w.Code != 422 || !strings.Contains(w.Body.String(), "The file was not accepted.") || !strings.Contains(w.Body.String(), "changed &lt;b&gt;") {
		t.Errorf("refused: %d %s", w.Code, w.Body)
	}
	f.signErr = &service.Error{Code: service.CodeState, Detail: "used"}
	if w := upload(t, h, "/sign/tok123", "file", []byte("x")); w.Code != 410 || !strings.Contains(w.Body.String(), "This invitation has been used") {
		t.Errorf("used: %d", w.Code)
	}
	f.signErr = nil
	r := httptest.NewRequest(http.MethodPost, base+"/sign/tok123/decline", strings.NewReader("reason="+large(5000)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "You have declined") || len(f.declined) != 1 || len(f.declined[0]) != maxReason {
		t.Errorf("declined: %d %d", w.Code, len(f.declined))
	}
	in := f.invited["tok123"]
	in.Signature.State = "signed"
	f.invited["tok123"] = in
	if w := get(t, h, "/sign/tok123"); w.Code != 410 || strings.Contains(w.Body.String(), "Zoë") {
		t.Errorf("after the end: %d", w.Code)
	}
}
