package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/limits"
)

// parts sends files as a form, each with its own name.
func (f *featured) parts(t *testing.T, want int, headers []string, files ...[3]string) answer {
	t.Helper()
	body, ct := form(t, files...)
	return f.ask(t, f.test, "POST /v1/documents", body, want, append([]string{"Content-Type", ct}, headers...)...)
}

// TestDocumentFiles: several files in one call are stored in their order, or none is.
func TestDocumentFiles(t *testing.T) {
	f := startFeatured(t)
	one, two := string(plainPDF("one of several")), string(plainPDF("two of several"))
	a := f.parts(t, 201, nil, [3]string{"files[]", "one.pdf", one}, [3]string{"files[]", "notes.txt", "some text"}, [3]string{"file", "two.pdf", two}, [3]string{"files[]", "again.pdf", one})
	a.is("0.name", "one.pdf", "1.name", "notes.txt", "2.name", "two.pdf", "3.name", "one.pdf", "0.mediaType", "application/pdf", "1.mediaType", "application/octet-stream",
		"3.id", a.text("0.id"), "4", nil)
	if location := a.Header().Get("Location"); !strings.HasSuffix(location, "/v1/documents/"+a.text("0.id")) {
		t.Errorf("Location %q", location)
	}
	f.parts(t, 200, nil, [3]string{"files[]", "another name.pdf", two}, [3]string{"files[]", "one.pdf", one}).is("0.id", a.text("2.id"), "0.name", "two.pdf", "1.id", a.text("0.id"))
	f.parts(t, 201, nil, [3]string{"files[]", "", "one that is new"}, [3]string{"files[]", "one.pdf", one}).is("0.name", "document", "1.id", a.text("0.id"))

	key := []string{"Idempotency-Key", "several"}
	three := [3]string{"files[]", "three.pdf", string(plainPDF("three"))}
	first := f.parts(t, 201, key, three, [3]string{"files[]", "n.txt", "four"})
	again := f.parts(t, 201, key, three, [3]string{"files[]", "n.txt", "four"})
	if first.Body.String() != again.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %s", again.Body)
	}
	f.parts(t, 422, key, three, [3]string{"files[]", "n.txt", "five"}).has("IDEMPOTENCY_MISMATCH")

	fresh := func(n int) [3]string { return [3]string{"files[]", "fresh.txt", fmt.Sprintf("fresh %d", n)} }
	for n, c := range []struct {
		bad  [3]string
		want int
		says string
	}{
		{[3]string{"files[]", "empty.pdf", ""}, 422, `"files[1]"`},
		{[3]string{"files[]", "broken.pdf", "%PDF-1.7\nbroken"}, 422, `"files[1]"`},
		{[3]string{"files[]", "cut.pdf", two[:len(two)-30]}, 422, "no PDF that can be kept"},
		{[3]string{"document", "x.pdf", one}, 422, "files[]"},
	} {
		f.parts(t, c.want, nil, fresh(n), c.bad).has(c.says)
		f.parts(t, 201, nil, fresh(n)) // was not stored by the call before
	}
	f.parts(t, 422, nil, [3]string{"file", "empty", ""}).has(`"file"`, "is empty")
	f.parts(t, 422, nil).has("file is required")
	f.ask(t, f.test, "POST /v1/documents", `{"file":"x"}`, 415)
}

// TestDocumentSize: 10 MB of a file are taken, whatever the form around it, and not one
// byte more.
func TestDocumentSize(t *testing.T) {
	f := startFeatured(t)
	large := strings.Repeat("x", limits.DocumentBytes)
	f.parts(t, 201, nil, [3]string{"file", strings.Repeat("n", 150) + ".bin", large}).is("0.size", float64(limits.DocumentBytes))
	f.parts(t, 413, nil, [3]string{"file", "a.bin", large + "x"}).has("PAYLOAD_TOO_LARGE")
	f.parts(t, 413, nil, [3]string{"file", "a.bin", large + strings.Repeat("x", 70<<10)}).has("PAYLOAD_TOO_LARGE")
	f.parts(t, 413, nil, [3]string{"files[]", "a.bin", large[1:]}, [3]string{"files[]", "b.bin", large[:80<<10]}).has("PAYLOAD_TOO_LARGE")
	f.parts(t, 413, nil, [3]string{"files[]", "a.txt", "small"}, [3]string{"files[]", "b.bin", large + "x"}).has("files[1]")
}

// TestDocumentNames: a name comes back as one that a file can be saved under, and as
// nothing else.
func TestDocumentNames(t *testing.T) {
	f := startFeatured(t)
	n := 0
	for name, want := range map[string]string{
		"diploma.pdf": "diploma.pdf", "../../etc/passwd": "passwd", `C:\Users\x\..\thesis.pdf`: "thesis.pdf", "": "document", "..": "document", ".": "document", "/": "document",
		"Zeugnis für Ärzte.pdf": "Zeugnis für Ärzte.pdf", "شهادة.pdf": "شهادة.pdf", "a\u202efdp.exe": "afdp.exe", "a\x00b\r\nX-Evil: 1.pdf": "abX-Evil 1.pdf",
		`"; filename*=utf-8''evil.exe`: "; filename=utf-8''evil.exe", "<script>alert(1)</script>": "script", "a;b=c%41.pdf": "a;b=c%41.pdf", strings.Repeat("é", 300): "",
	} {
		n++
		content := fmt.Sprintf("content %d", n)
		body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "%0D", "\n", "%0A").Replace(name) + "\"\r\n\r\n" + content + "\r\n--b--\r\n"
		a := answer{ask(f.api, "POST", "/v1/documents", body, "Authorization", "Bearer "+f.test, "Content-Type", "multipart/form-data; boundary=b"), t}
		if a.Code == 400 && strings.ContainsAny(name, "\x00") {
			continue // no header
		}
		if a.Code != 201 {
			t.Errorf("%q: %d %s", name, a.Code, a.Body)
			continue
		}
		got := a.text("0.name")
		if want != "" && got != want && !strings.Contains(name, "\r") || len([]rune(got)) > 200 || strings.ContainsAny(got, "\r\n\x00/\\\"<>\u202e") {
			t.Errorf("%q: expected %q, found %q", name, want, got)
		}
		file := f.ask(t, f.test, "GET /v1/documents/"+a.text("0.id")+"/file", "", 200, "Accept", "*/*")
		kind, params, err := mime.ParseMediaType(file.Header().Get("Content-Disposition"))
		if err != nil || kind != "attachment" || params["filename"] != got || len(params) != 1 {
			t.Errorf("%q: %q: %s %v %v", name, file.Header().Get("Content-Disposition"), kind, params, err)
		}
		if file.Header().Get("X-Content-Type-Options") != "nosniff" || file.Header().Get("Content-Type") != "application/octet-stream" || file.Body.String() != content {
			t.Errorf("%q: %v", name, file.Header())
		}
	}
}

// TestDocumentFile: the file under its digest, that of the newest form.
func TestDocumentFile(t *testing.T) {
	f := startFeatured(t)
	page := plainPDF("to be read")
	id := f.upload(t, f.test, "POST /v1/documents", "file", page, 201).text("0.id")
	path := "GET /v1/documents/" + id + "/file"
	tag := func(b []byte) string { s := sha256.Sum256(b); return `"` + hex.EncodeToString(s[:]) + `"` }
	got := f.ask(t, f.test, path, "", 200, "Accept", "application/pdf")
	h := got.Header()
	if !bytes.Equal(got.Body.Bytes(), page) || h.Get("ETag") != tag(page) || h.Get("Content-Type") != "application/pdf" || h.Get("Content-Length") != fmt.Sprint(len(page)) ||
		!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || !strings.Contains(h.Get("Cache-Control"), "no-cache") || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("found %v", h)
	}
	for _, none := range []string{tag(page), "W/" + tag(page), `"x", ` + tag(page), "*"} {
		a := f.ask(t, f.test, path, "", 304, "Accept", "application/pdf", "If-None-Match", none)
		if a.Body.Len() != 0 || a.Header().Get("ETag") != tag(page) {
			t.Errorf("%s: %v %q", none, a.Header(), a.Body)
		}
	}
	f.ask(t, f.test, path, "", 200, "Accept", "application/pdf", "If-None-Match", `"0000"`)
	f.ask(t, f.test, path, "", 406, "Accept", "image/png")
	f.ask(t, f.other, path, "", 404, "If-None-Match", tag(page))
	f.ask(t, "", path, "", 401, "If-None-Match", tag(page))
	f.ask(t, f.test, "POST /v1/documents/"+id+"/signatures", `{"kind":"institutional","level":"B-B"}`, 201)
	signed := f.ask(t, f.test, path, "", 200, "Accept", "application/pdf", "If-None-Match", tag(page))
	if signed.Header().Get("ETag") != tag(signed.Body.Bytes()) || !bytes.HasPrefix(signed.Body.Bytes(), page) || signed.Body.Len() == len(page) {
		t.Errorf("after signing: %v", signed.Header())
	}
	f.ask(t, f.test, "GET /v1/documents/"+id, "", 200).is("digest.value", strings.Trim(tag(page), `"`))
	f.upload(t, f.test, "POST /v1/documents", "file", page, 200) // the existing one, by its content as it was uploaded
}
