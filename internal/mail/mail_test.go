package mail_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/mail"
	"github.com/chancery-dev/chancery/internal/mail/smtpsink"
	"github.com/chancery-dev/chancery/internal/service"
)

var now = time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

func letter() service.Mail {
	return service.Mail{
		MessageID: "<0192f0c4@chancery.example>", To: "aina@example.com", ToName: "Aína Rahman, “B.Sc.”", Subject: "Ihr Zeugnis — 証明書 — شهادة",
		Text: "Guten Tag Aína,\n.\nhier ist es: https://chancery.example/c/Zk3rW8\n", HTML: "<p>Guten Tag Aína</p>",
		Files: []service.File{{Name: "Zeugnis Ä.pdf", MediaType: "application/pdf", Bytes: []byte("%PDF-1.7\r\n.\r\nx")}},
	}
}

func sink(t testing.TB, c smtpsink.Config) *smtpsink.Sink {
	t.Helper()
	s, err := smtpsink.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mailer(t testing.TB, host string, port int, change func(*mail.Config)) *mail.SMTP {
	t.Helper()
	c := mail.Config{Host: host, Port: port, Security: mail.None, From: mail.From{Address: "noreply@chancery.example", Name: "Académie", ReplyTo: "office@chancery.example"}, Clock: clock, Timeout: 5 * time.Second}
	if change != nil {
		change(&c)
	}
	m, err := mail.NewSMTP(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// part is one leaf of a message.
type part struct {
	kind, name string
	body       []byte
}

func parts(t testing.TB, data []byte) (netmail.Header, []part) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var out []part
	var walk func(kind, encoding, disposition string, r io.Reader)
	walk = func(kind, encoding, disposition string, r io.Reader) {
		media, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if strings.HasPrefix(media, "multipart/") {
			mr := multipart.NewReader(r, params["boundary"])
			for {
				p, err := mr.NextPart()
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p)
			}
		}
		if encoding == "base64" {
			r = base64.NewDecoder(base64.StdEncoding, r)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		if disposition != "" {
			_, params, err := mime.ParseMediaType(disposition)
			if err != nil {
				t.Fatal(err)
			}
			if name, err = new(mime.WordDecoder).DecodeHeader(params["filename"]); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, part{media, name, body})
	}
	walk(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Header.Get("Content-Disposition"), m.Body)
	return m.Header, out
}

func TestDelivery(t *testing.T) {
	dir := t.TempDir()
	s := sink(t, smtpsink.Config{Dir: dir})
	if err := mailer(t, s.Host(), s.Port(), nil).Send(context.Background(), letter()); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()
	if len(got) != 1 || got[0].From != "noreply@chancery.example" || len(got[0].To) != 1 || got[0].To[0] != "aina@example.com" {
		t.Fatalf("%+v", got)
	}
	onDisk, err := os.ReadFile(filepath.Join(dir, "000001.eml"))
	if err != nil || !bytes.Equal(onDisk, got[0].Data) {
		t.Error("the file is not what came", err)
	}
	h, leaves := parts(t, got[0].Data)
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != letter().Subject {
		t.Errorf("%q, %v", subject, err)
	}
	to, err := h.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Name != letter().ToName || to[0].Address != letter().To {
		t.Errorf("%v, %v", to, err)
	}
	from, err := h.AddressList("From")
	if err != nil || from[0].Name != "Académie" || from[0].Address != "noreply@chancery.example" {
		t.Errorf("%v, %v", from, err)
	}
	for name, want := range map[string]string{"Message-Id": "<0192f0c4@chancery.example>", "Auto-Submitted": "auto-generated", "Reply-To": "<office@chancery.example>", "X-Mailer": "", "User-Agent": "", "Mime-Version": "1.0"} {
		if h.Get(name) != want {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	if date, err := h.Date(); err != nil || !date.Equal(now) {
		t.Errorf("%v, %v", date, err)
	}
	if len(leaves) != 3 || leaves[0].kind != "text/plain" || leaves[1].kind != "text/html" || leaves[2].kind != "application/pdf" {
		t.Fatalf("%+v", leaves)
	}
	if leaves[2].name != "Zeugnis Ä.pdf" || !bytes.Equal(leaves[2].body, letter().Files[0].Bytes) {
		t.Errorf("%q %q", leaves[2].name, leaves[2].body)
	}
	if !strings.Contains(string(leaves[0].body), "\n.\r\n") && !strings.Contains(string(leaves[0].body), "\n.\n") {
		t.Errorf("the line of one dot is gone: %q", leaves[0].body)
	}
}

// TestJudgement: 4xx is worth another attempt, 5xx about this mail is not.
func TestJudgement(t *testing.T) {
	at := func(step string, code int) smtpsink.Config {
		fail := smtpsink.Reject(code, "no: aina@example.com")
		switch step {
		case "from":
			return smtpsink.Config{From: func(string) error { return fail }}
		case "rcpt":
			return smtpsink.Config{Rcpt: func(string) error { return fail }}
		}
		return smtpsink.Config{Data: func(smtpsink.Message) error { return fail }}
	}
	for _, c := range []struct {
		name    string
		config  smtpsink.Config
		refused bool
	}{
		{"450 at RCPT", at("rcpt", 450), false},
		{"451 at DATA", at("data", 451), false},
		{"421 at MAIL", at("from", 421), false},
		{"550 at RCPT", at("rcpt", 550), true},
		{"553 at RCPT", at("rcpt", 553), true},
		{"554 at DATA", at("data", 554), true},
		{"550 at MAIL: about us", at("from", 550), false},
		{"530 at RCPT: about us", at("rcpt", 530), false},
		{"552 at MAIL: too large", at("from", 552), true},
		{"authentication is asked for", smtpsink.Config{User: "u", Password: "p"}, false},
		{"too large by what is announced", smtpsink.Config{MaxBytes: 100}, true},
	} {
		s := sink(t, c.config)
		err := mailer(t, s.Host(), s.Port(), nil).Send(context.Background(), letter())
		if err == nil || errors.Is(err, service.ErrMailRefused) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "aina") || !strings.HasPrefix(err.Error(), "mail: ")) {
			t.Errorf("%s: the error holds personal data or no name: %v", c.name, err)
		}
		if n := len(s.Messages()); n != 0 {
			t.Errorf("%s: %d messages", c.name, n)
		}
	}
}

func TestConfig(t *testing.T) {
	good := mail.Config{Host: "smtp.example.com", From: mail.From{Address: "a@example.com"}, Clock: clock}
	if _, err := mail.NewSMTP(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*mail.Config){
		"no clock": func(c *mail.Config) { c.Clock = nil }, "no host": func(c *mail.Config) { c.Host = "" }, "a host with a line end": func(c *mail.Config) { c.Host = "a\r\nb" },
		"port": func(c *mail.Config) { c.Port = 70000 }, "security": func(c *mail.Config) { c.Security = "ssl" }, "no sender": func(c *mail.Config) { c.From.Address = "" },
		"sender with a line end": func(c *mail.Config) { c.From.Address = "a@example.com\r\nBcc: b@example.com" }, "reply": func(c *mail.Config) { c.From.ReplyTo = "x" },
		"user alone": func(c *mail.Config) { c.User = "u" }, "timeout": func(c *mail.Config) { c.Timeout = -1 }, "hello": func(c *mail.Config) { c.Hello = "a\nb" },
		"in the clear, elsewhere": func(c *mail.Config) { c.Security = mail.None },
	} {
		c := good
		change(&c)
		if _, err := mail.NewSMTP(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	good.Security, good.InsecurePlain = mail.None, true
	if _, err := mail.NewSMTP(good); err != nil {
		t.Error(err)
	}
}

// TestRefused: what cannot be a mail is refused before anybody is asked.
func TestRefused(t *testing.T) {
	asked := false
	s := sink(t, smtpsink.Config{From: func(string) error { asked = true; return nil }})
	m := mailer(t, s.Host(), s.Port(), nil)
	files, err := mail.NewFiles(t.TempDir(), mail.From{Address: "a@example.com"}, clock)
	if err != nil {
		t.Fatal(err)
	}
	change := map[string]func(*service.Mail){
		"no text": func(m *service.Mail) { m.Text, m.HTML = "", "" }, "many files": func(m *service.Mail) { m.Files = make([]service.File, 21) },
		"too large": func(m *service.Mail) { m.Files = []service.File{{Bytes: make([]byte, 25<<20)}} },
	}
	for _, id := range []string{"", "<>", "x", "a b@c", "a@b>\r\nBcc: x@y", "a@b\nX: y", "../../etc/passwd@x", "a@b@c", "ä@b"} {
		change["id "+id] = func(m *service.Mail) { m.MessageID = id }
	}
	for _, to := range []string{"", "a", "a@", "@b", "a@b@c", "a b@c.d", "a@b c", "<a@b>", "A <a@b>", "a@b, c@d", "a@b\r\nRCPT TO:<c@d>", "a@b\n", "a\x00@b", "a@b..c", "a..b@c", ".a@b", "a.@b", `"a b"@c`, "a@[127.0.0.1]", "a@b>", "a@b SIZE=1", "a@b_c", strings.Repeat("a", 65) + "@b", "a@" + strings.Repeat("b.", 130) + "c", "a@b\xff", "a\u2028@b"} {
		change["to "+to] = func(m *service.Mail) { m.To = to }
	}
	for name, f := range change {
		l := letter()
		f(&l)
		for _, one := range []service.Mailer{m, files} {
			err := one.Send(context.Background(), l)
			if !errors.Is(err, service.ErrMailRefused) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	if asked {
		t.Error("the server was asked")
	}
}

// TestNoInjection: whatever names, subjects and file names hold, the headers are those of
// an ordinary mail and the parts as many as were put in.
func TestNoInjection(t *testing.T) {
	dir := t.TempDir()
	files, err := mail.NewFiles(dir, mail.From{Address: "a@example.com", Name: "A"}, clock)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"Date": true, "Mime-Version": true, "Message-Id": true, "Subject": true, "From": true, "To": true, "Auto-Submitted": true, "Content-Type": true, "Content-Transfer-Encoding": true}
	hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"x\r\nBcc: evil@example.com", "x\nBcc: e@e", "x\rBcc: e@e", "=?utf-8?q?x=0D=0ABcc:_e@e?=", "=?utf-8?b?4oCuZXhlLmdwag==?= x", "=?utf-7?q?+AA0-?=", "=\x00?utf-8?q?=0D?=", "==??utf-8?q?=0D?=", "\"; filename=\"evil.exe", "x\r\n\r\n<script>", "\u2028Bcc: e", strings.Repeat("x", 3000), strings.Repeat("語", 2000),
		"a\" <evil@example.com>, \"", "--boundary--", "\x00", "../../x", ".hidden", "\u202egpj.exe", "", " ", "\r\n.\r\nQUIT\r\n",
	}), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(rt *rapid.T) {
		l := service.Mail{
			MessageID: "x@y", To: "aina@example.com", ToName: hostile.Draw(rt, "name"), Subject: hostile.Draw(rt, "subject"), Text: "x" + hostile.Draw(rt, "text"), HTML: "<p>" + hostile.Draw(rt, "html"),
			Files: []service.File{{Name: hostile.Draw(rt, "file"), MediaType: hostile.Draw(rt, "type"), Bytes: []byte("content")}},
		}
		if err := files.Send(context.Background(), l); err != nil {
			rt.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, mail.EMLName("x@y")))
		if err != nil {
			rt.Fatal(err)
		}
		h, leaves := parts(t, data)
		for name, values := range h {
			if !known[name] || len(values) != 1 {
				rt.Fatalf("%s: %q", name, values)
			}
			// As programs read it which decode what is between quotes, too.
			read, err := new(mime.WordDecoder).DecodeHeader(values[0])
			if err != nil || strings.ContainsFunc(read, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				rt.Fatalf("%s is read as %q, %v", name, read, err)
			}
		}
		to, err := h.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != "aina@example.com" {
			rt.Fatalf("%v, %v", to, err)
		}
		if len(leaves) != 3 || string(leaves[2].body) != "content" || leaves[2].name == "" || strings.ContainsAny(leaves[2].name, "/\\\r\n\"\x00") || strings.HasPrefix(leaves[2].name, ".") {
			rt.Fatalf("%+v", leaves)
		}
		for line := range strings.Lines(string(data)) {
			if !strings.HasSuffix(line, "\r\n") || len(line) > 1000 {
				rt.Fatalf("a line of %d bytes: %q", len(line), line[:min(len(line), 80)])
			}
		}
	})
}

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	f, err := mail.NewFiles(dir, mail.From{Address: "a@example.com"}, clock)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Send(context.Background(), letter()); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "0192f0c4@chancery.example.eml" {
		t.Fatalf("%v, %v", entries, err)
	}
	if info, _ := entries[0].Info(); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Send(stopped, letter()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Send(context.Background(), letter()); err == nil || errors.Is(err, service.ErrMailRefused) {
		t.Error(err)
	}
	if _, err := mail.NewFiles("", mail.From{Address: "a@example.com"}, clock); err == nil {
		t.Error("no directory was accepted")
	}
}

// TestUnicodeAddress: only servers with SMTPUTF8 take addresses beyond ASCII.
func TestUnicodeAddress(t *testing.T) {
	s := sink(t, smtpsink.Config{})
	l := letter()
	l.To = "jürgen@bücher.example"
	if err := mailer(t, s.Host(), s.Port(), nil).Send(context.Background(), l); err != nil {
		t.Error(err)
	}
	if got := s.Messages(); len(got) != 1 || got[0].To[0] != l.To {
		t.Errorf("%+v", got)
	}
	// A server that takes ASCII alone.
	var mu sync.Mutex
	var said []string
	body := false
	host, port := talker(t, func(line string, w io.Writer, _ net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, strings.TrimSpace(line))
		switch {
		case body && strings.TrimSpace(line) != ".":
		case line == "":
			fmt.Fprint(w, "220 x\r\n")
		case strings.HasPrefix(line, "DATA"):
			body = true
			fmt.Fprint(w, "354 go on\r\n")
		case strings.HasPrefix(line, "EHLO"), strings.HasPrefix(line, "MAIL"), strings.HasPrefix(line, "RCPT"), strings.TrimSpace(line) == ".":
			fmt.Fprint(w, "250 x\r\n")
		case strings.HasPrefix(line, "QUIT"):
			fmt.Fprint(w, "221 x\r\n")
		}
	})
	if err := mailer(t, host, port, nil).Send(context.Background(), l); !errors.Is(err, service.ErrMailRefused) {
		t.Error(err)
	}
	// Such a server takes a host that is not ASCII as what it is in ASCII (RFC 5890).
	l.To = "juergen@Bücher.example"
	if err := mailer(t, host, port, nil).Send(context.Background(), l); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if all := strings.Join(said, "\n"); !strings.Contains(all, "RCPT TO:<juergen@xn--bcher-kva.example>") || !strings.Contains(all, "<juergen@xn--bcher-kva.example>\n") || strings.Contains(strings.ToLower(all), "@bücher") {
		t.Errorf("found %s", all)
	}
}

func TestSinkListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "nonsense"} {
		if s, err := smtpsink.Start(smtpsink.Config{Address: address}); err == nil {
			s.Close()
			t.Errorf("%s was accepted", address)
		}
	}
}
