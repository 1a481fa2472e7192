package serving_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/mail"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// posted waits for n mails in a directory, and returns them.
func posted(t *testing.T, dir string, n int) (out []*netmail.Message) {
	t.Helper()
	var names []string
	until(t, "the mail", 10*time.Second, func() bool {
		names, _ = filepath.Glob(filepath.Join(dir, "*.eml"))
		return len(names) >= n
	})
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := netmail.ReadMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// TestMailFromAddress: an installation that is reached at an IPv6 address sends mail like
// others, of credentials and of invitations.
func TestMailFromAddress(t *testing.T) {
	for _, base := range []string{"http://[::1]:8080", "https://[2001:db8::1]"} {
		dir := t.TempDir()
		f := newFort(t, func(p *serving.Parts) {
			files, err := mail.NewFiles(dir, mail.From{Address: "office@example.com"}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			p.Mailer, p.BaseURL = files, base
		})
		start(t, f.s)
		f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"notify": true}))
		at := f.upload("north/test", "/v1/documents", padestest.Sample{Pages: 1}.Build(t)).header.Get("Location")
		f.ok("north/test", "POST", strings.TrimPrefix(at, base)+"/signatures", map[string]any{"kind": "thirdParty", "signer": map[string]any{"name": "Bo Chen", "email": "bo@example.com"}})
		for _, m := range posted(t, dir, 2) {
			if id := m.Header.Get("Message-ID"); !strings.HasSuffix(id, "@localhost>") {
				t.Errorf("%s: Message-ID %s", base, id)
			}
		}
	}
}

// slowPost takes its time with every mail.
type slowPost struct {
	letters
	each time.Duration
}

func (p *slowPost) Send(ctx context.Context, m service.Mail) error {
	time.Sleep(p.each)
	return p.letters.Send(ctx, m)
}

// TestMuchMail: much mail of one institution does not hold up that of another.
func TestMuchMail(t *testing.T) {
	post := &slowPost{each: 60 * time.Millisecond}
	f := newFort(t, func(p *serving.Parts) { p.Mailer = post })
	const mails = 60
	for range mails {
		f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"notify": true}))
	}
	f.ok("south/test", "POST", "/v1/credentials", aina(map[string]any{"notify": true, "recipient": map[string]any{"name": "Bo", "email": "bo@example.com"}}))
	start(t, f.s)
	post.to(t, "bo@example.com")
	post.mu.Lock()
	before := len(post.sent)
	post.mu.Unlock()
	if before > mails/2 {
		t.Errorf("the mail waited for %d of the other institution", before)
	}
	until(t, "all mail", 20*time.Second, func() bool {
		post.mu.Lock()
		defer post.mu.Unlock()
		return len(post.sent) == mails+1
	})
}

// TestMailOfHostileClaims: what stands in a mail for a name or a claim is text there: it
// fills no other place in, ends nothing, and makes neither a header nor a tag.
func TestMailOfHostileClaims(t *testing.T) {
	dir := t.TempDir()
	f := newFort(t, func(p *serving.Parts) {
		files, err := mail.NewFiles(dir, mail.From{Address: "office@example.com"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		p.Mailer = files
	})
	start(t, f.s)
	f.ok("north/live", "PATCH", "/v1/credential-types/training", map[string]any{"mail": map[string]any{
		"subject": "{{claims.trainer}} {{recipient.name}}", "text": "Dear {{recipient.name}},\n\n{{claims.trainer}}\n\n{{url}}"}})
	a := f.ok("north/live", "POST", "/v1/credentials", aina(map[string]any{
		"notify":    true,
		"recipient": map[string]any{"name": `=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5jb20=?= {{url}} "<b@example.com>`, "email": "aina@example.com"},
		"claims":    map[string]any{"trainer": "{{recipient.name}} {{url}}<a href=\"https://evil.example\">x</a>\n\n-- \n.\nQUIT"},
	}))
	m := posted(t, dir, 1)[0]
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != "aina@example.com" || strings.ContainsAny(to[0].Name, "\r\n") {
		t.Errorf("To is %v, %v", to, err)
	}
	for _, name := range []string{"Subject", "To"} {
		if v := m.Header.Get(name); strings.Contains(v, "=?utf-8?b?DQ") {
			t.Errorf("%s has an encoded word of the recipient's: %s", name, v)
		}
	}
	link := "/c/" + a.text("publicId")
	_, boundary, _ := strings.Cut(m.Header.Get("Content-Type"), "boundary=")
	r := multipart.NewReader(m.Body, strings.Trim(boundary, `"`))
	for n, kind := range []string{"text/plain", "text/html"} {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil || !strings.HasPrefix(p.Header.Get("Content-Type"), kind) {
			t.Fatalf("part %d: %v, %v", n, p.Header, err)
		}
		text := string(b)
		for _, filled := range []string{"{{recipient.name}}", "{{url}}"} {
			if !strings.Contains(text, filled) {
				t.Errorf("%s: %s in a claim was filled in", kind, filled)
			}
		}
		if kind == "text/html" && (strings.Count(text, "<a ") != 1 || !strings.Contains(text, link+`" style=`) || strings.Contains(text, "<b@")) {
			t.Errorf("a tag of the claim's: %s", text)
		}
		if strings.Count(text, link) == 0 {
			t.Errorf("%s: no link", kind)
		}
	}
}
