// Package mail sends mail: SMTP hands it to a server, Files writes it into a directory.
// Both are a service.Mailer.
//
// What a Mail holds comes from customers. Addresses that are not plain ones are refused;
// line ends and other control characters of names, subjects and file names become spaces,
// so that no text can add a header; bytes are bounded. A mail that will never be taken is
// service.ErrMailRefused, every other error is worth another attempt. Errors hold no
// address and no text of the server, which likes to repeat addresses.
//
// The Message-ID is the caller's and the same on every attempt. Where a connection breaks
// after the last byte was sent, the server may have taken the mail, and an attempt after
// that delivers it twice with one Message-ID: SMTP allows no better.
package mail

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	netmail "net/mail"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/chancery-dev/chancery/internal/service"
)

// Bounds on one mail.
const (
	maxBytes   = 25 << 20 // encoded; what large providers take
	maxFiles   = 20
	maxSubject = 400 // characters
	maxName    = 200
)

// From says who sends.
type From struct {
	// Address is what bounces return to and what recipients see. Required.
	Address string
	// Name is shown beside it. "": the address alone.
	Name string
	// ReplyTo is where answers go. "": Address.
	ReplyTo string
}

// message is a mail in its form for the wire.
type message struct {
	from, to string
	ascii    bool // both addresses
	bytes    []byte
}

var messageID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{0,127}@[A-Za-z0-9][A-Za-z0-9.-]{0,126}$`)

// compose checks a mail and writes it (RFC 5322, 2045 to 2047).
func compose(f From, m service.Mail, at time.Time) (*message, error) {
	refuse := func(format string, args ...any) (*message, error) {
		return nil, fmt.Errorf("mail: %w: "+format, append([]any{service.ErrMailRefused}, args...)...)
	}
	id := strings.TrimSuffix(strings.TrimPrefix(m.MessageID, "<"), ">")
	if !messageID.MatchString(id) {
		return refuse("expected a Message-ID of the form id@host")
	}
	if err := checkAddress(m.To); err != nil {
		return refuse("%w", err)
	}
	m.To, f.Address, f.ReplyTo = plainHost(m.To), plainHost(f.Address), plainHost(f.ReplyTo)
	if m.Text == "" && m.HTML == "" {
		return refuse("expected a text")
	}
	if len(m.Files) > maxFiles {
		return refuse("expected at most %d files, found %d", maxFiles, len(m.Files))
	}
	size := len(m.Text) + len(m.HTML)
	for _, file := range m.Files {
		size += len(file.Bytes) + len(file.Bytes)/3
	}
	if size > maxBytes {
		return refuse("expected at most %d bytes, files in base64", maxBytes)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	addresses(msg, f, m)
	msg.Subject(oneLine(m.Subject, maxSubject))
	msg.SetMessageIDWithValue(id)
	msg.SetDateWithValue(at)
	// What keeps answering machines quiet (RFC 3834, 5).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Text != "" {
		msg.SetBodyString(gomail.TypeTextPlain, valid(m.Text))
		if m.HTML != "" {
			msg.AddAlternativeString(gomail.TypeTextHTML, valid(m.HTML))
		}
	} else {
		msg.SetBodyString(gomail.TypeTextHTML, valid(m.HTML))
	}
	for _, file := range m.Files {
		msg.AttachReadSeeker(fileName(file.Name), bytes.NewReader(file.Bytes), gomail.WithFileContentType(gomail.ContentType(mediaType(file.MediaType))))
	}
	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return nil, errors.New("mail: the message cannot be written")
	}
	return &message{from: f.Address, to: m.To, ascii: isASCII(f.Address) && isASCII(m.To), bytes: out.Bytes()}, nil
}

// addresses sets them as structures: go-mail's own functions write a name between quotes
// and parse that again.
func addresses(msg *gomail.Msg, f From, m service.Mail) {
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, &netmail.Address{Name: displayName(f.Name), Address: f.Address})
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &netmail.Address{Name: displayName(m.ToName), Address: m.To})
	if f.ReplyTo != "" {
		msg.SetAddrHeaderFromMailAddress(gomail.HeaderReplyTo, &netmail.Address{Address: f.ReplyTo})
	}
}

func (f From) check() error {
	if err := checkAddress(f.Address); err != nil {
		return fmt.Errorf("mail: From.Address: %w", err)
	}
	if f.ReplyTo != "" {
		if err := checkAddress(f.ReplyTo); err != nil {
			return fmt.Errorf("mail: From.ReplyTo: %w", err)
		}
	}
	return nil
}

var errAddress = errors.New("expected an address of the form local@host")

// checkAddress takes local@host with a dot-atom before it (RFC 5321, 4.1.2, without quoted
// strings and address literals, which nobody has), and letters beyond ASCII (RFC 6531).
func checkAddress(a string) error {
	if len(a) > 254 || !utf8.ValidString(a) {
		return errAddress
	}
	local, host, ok := strings.Cut(a, "@")
	if !ok || len(local) > 64 || !dotAtom(local, "!#$%&'*+/=?^_`{|}~-") || !dotAtom(host, "-") {
		return errAddress
	}
	return nil
}

func dotAtom(s, also string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" || len(part) > 64 || strings.ContainsFunc(part, func(r rune) bool {
			if r < 0x80 {
				return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(also, r)
			}
			return !unicode.In(r, unicode.L, unicode.M, unicode.Nd)
		}) {
			return false
		}
	}
	return true
}

// plainHost writes the host of an address in ASCII (RFC 5890, A-labels), which every server
// takes. Where what stands before it is not ASCII either, that would not help, and the
// address stays as it was given.
func plainHost(a string) string {
	local, host, _ := strings.Cut(a, "@")
	if isASCII(host) || !isASCII(local) {
		return a
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return a
	}
	return local + "@" + ascii
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// oneLine makes what a header may hold: one line of at most n characters, none of which read
// as an encoded word (RFC 2047): programs would read what is encoded in it, line ends and
// marks of direction too, also between quotes.
func oneLine(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return ' '
		}
		return r
	}, valid(s))
	s = strings.ReplaceAll(strings.TrimSpace(s), "=?", "= ?")
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n-1]) + "…"
	}
	return s
}

// displayName is a name without backslashes: net/mail writes them into encoded words in a
// form that it does not read itself.
func displayName(s string) string {
	return oneLine(strings.ReplaceAll(s, `\`, " "), maxName)
}

func valid(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// fileName is a name without folders and without what shells and systems mind. It is
// short, since go-mail writes it on one line, of which RFC 5322 allows 998 bytes.
func fileName(s string) string {
	s = oneLine(s, 4000)
	ext := path.Ext(s)
	if len(ext) > 10 || !isASCII(ext) {
		ext = ""
	}
	s = oneLine(strings.TrimSuffix(s, ext), 50) + ext
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, s)
	if s = strings.TrimLeft(s, ". "); s == "" {
		return "attachment"
	}
	return s
}

func mediaType(s string) string {
	t, p, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(t, "/") {
		return "application/octet-stream"
	}
	for name := range p { // go-mail adds the name itself
		if name != "charset" {
			delete(p, name)
		}
	}
	if t = mime.FormatMediaType(t, p); t == "" || len(t) > 200 {
		return "application/octet-stream"
	}
	return t
}
