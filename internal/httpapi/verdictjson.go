package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/httpapi/verdict"
)

// writeVerdict answers a verdict without a report: what writeJSON would write, to the byte,
// which a test holds it to. Verifying is the busiest operation by far, and finding out by
// reflection what a verdict is made of took a tenth of its time.
func writeVerdict(w http.ResponseWriter, status int, v *verdict.Verdict) {
	buf := takeBuffer()
	defer freeBuffer(buf)
	buf.Write(appendVerdict(buf.AvailableBuffer(), v))
	send(w, status, jsonTypes, buf)
}

var jsonTypes = []string{jsonType}

// appendVerdict appends the envelope of a verdict that has no report.
func appendVerdict(b []byte, v *verdict.Verdict) []byte {
	o := indented{b: append(b, "{\n  \"data\": {"...), depth: 2}
	o.text("outcome", v.Outcome)
	o.optional("reason", v.Reason)
	o.optional("lifecycle", v.Lifecycle)
	o.name("checks")
	if o.open('[', len(v.Checks)) {
		for i := range v.Checks {
			o.item()
			o.open('{', 1)
			o.check(&v.Checks[i])
			o.close('}')
		}
		o.close(']')
	}
	if v.Environment != "" {
		o.text("environment", v.Environment)
	}
	o.party("subject", v.Subject)
	o.party("issuer", v.Issuer)
	o.name("evaluatedAt")
	o.b = append(o.b, '"')
	o.b = v.EvaluatedAt.UTC().AppendFormat(o.b, time.RFC3339Nano)
	o.b = append(o.b, '"')
	o.name("offline")
	o.b = strconv.AppendBool(o.b, v.Offline)
	o.list("trustInputs", v.TrustInputs)
	if len(v.Insecure) > 0 {
		o.list("insecure", v.Insecure)
	}
	return append(o.b, "\n  },\n  \"meta\": {}\n}\n"...)
}

// indented writes JSON with two spaces for each level.
type indented struct {
	b     []byte
	depth int
	more  bool // something came before in the object or array that is open
}

const spaces = "\n                " // as deep as a verdict is

func (o *indented) item() {
	if o.more {
		o.b = append(o.b, ',')
	}
	o.more = true
	o.b = append(o.b, spaces[:1+2*o.depth]...)
}

// name begins a member. Names are ours and need no escapes.
func (o *indented) name(s string) {
	o.item()
	o.b = append(o.b, '"')
	o.b = append(o.b, s...)
	o.b = append(o.b, `": `...)
}

// string writes a text; what is not UTF-8 in it is replaced, as everywhere in answers.
func (o *indented) string(s string) {
	if !isPlain(s) {
		o.b, _ = jsontext.AppendQuote(o.b, s)
		return
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, s...)
	o.b = append(o.b, '"')
}

// isPlain reports whether a text is of ASCII alone and nothing in it has to be escaped. It
// looks at eight bytes at a time; for some plain texts it says no.
func isPlain(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		quote, slash := x^ones*'"', x^ones*'\\'
		// In each term the top bit of a byte is set where it is below a space, a quote or a
		// backslash, or where it is set anyhow.
		if (x|(x-ones*' ')|(quote-ones)|(slash-ones))&tops != 0 {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}

func (o *indented) text(name, s string) {
	o.name(name)
	o.string(s)
}

func (o *indented) optional(name string, s *string) {
	o.name(name)
	if s == nil {
		o.b = append(o.b, "null"...)
		return
	}
	o.string(*s)
}

// open begins an object or array of n things. Where there are none it is written whole,
// and open answers false.
func (o *indented) open(c byte, n int) bool {
	o.b = append(o.b, c)
	if n == 0 {
		o.b = append(o.b, c+2) // in ASCII the closing one follows by two
		return false
	}
	o.depth++
	o.more = false
	return true
}

func (o *indented) close(c byte) {
	o.depth--
	o.more = true
	o.b = append(o.b, spaces[:1+2*o.depth]...)
	o.b = append(o.b, c)
}

func (o *indented) list(name string, values []string) {
	o.name(name)
	if o.open('[', len(values)) {
		for _, s := range values {
			o.item()
			o.string(s)
		}
		o.close(']')
	}
}

func (o *indented) party(name string, p *verdict.Party) {
	o.name(name)
	if p == nil {
		o.b = append(o.b, "null"...)
		return
	}
	n := 0
	for _, s := range []string{p.ID, p.Name, p.Type} {
		if s != "" {
			n++
		}
	}
	if !o.open('{', n) {
		return
	}
	for _, m := range [...][2]string{{"id", p.ID}, {"name", p.Name}, {"type", p.Type}} {
		if m[1] != "" {
			o.text(m[0], m[1])
		}
	}
	o.close('}')
}

func (o *indented) check(c *verdict.Check) {
	o.text("id", c.ID)
	o.text("result", c.Result)
	o.name("required")
	o.b = strconv.AppendBool(o.b, c.Required)
	o.optional("code", c.Code)
	o.optional("detail", c.Detail)
	o.name("evidence")
	if c.Evidence == nil {
		o.b = append(o.b, "null"...)
		return
	}
	if !o.open('{', len(c.Evidence)) {
		return
	}
	for _, f := range c.Evidence {
		o.item()
		o.string(f.Name)
		o.b = append(o.b, ": "...)
		o.string(f.Value)
	}
	o.close('}')
}
