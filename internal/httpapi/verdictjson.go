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

// appendVerdict appends the envelope of a verdict that has no report. How deep each member
// stands is known, so that its name is written with the line that it begins.
func appendVerdict(b []byte, v *verdict.Verdict) []byte {
	b = appendText(append(b, "{\n  \"data\": {\n    \"outcome\": "...), v.Outcome)
	b = appendOptional(append(b, ",\n    \"reason\": "...), v.Reason)
	b = appendOptional(append(b, ",\n    \"lifecycle\": "...), v.Lifecycle)
	b = append(b, ",\n    \"checks\": ["...)
	for i := range v.Checks {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCheck(b, &v.Checks[i])
	}
	if len(v.Checks) > 0 {
		b = append(b, "\n    "...)
	}
	b = append(b, ']')
	if v.Environment != "" {
		b = appendText(append(b, ",\n    \"environment\": "...), v.Environment)
	}
	b = appendParty(append(b, ",\n    \"subject\": "...), v.Subject)
	b = appendParty(append(b, ",\n    \"issuer\": "...), v.Issuer)
	b = append(b, ",\n    \"evaluatedAt\": \""...)
	b = v.EvaluatedAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = strconv.AppendBool(append(b, "\",\n    \"offline\": "...), v.Offline)
	b = appendList(append(b, ",\n    \"trustInputs\": ["...), v.TrustInputs)
	if len(v.Insecure) > 0 {
		b = appendList(append(b, ",\n    \"insecure\": ["...), v.Insecure)
	}
	return append(b, "\n  },\n  \"meta\": {}\n}\n"...)
}

func appendCheck(b []byte, c *verdict.Check) []byte {
	b = appendText(append(b, "\n      {\n        \"id\": "...), c.ID)
	b = appendText(append(b, ",\n        \"result\": "...), c.Result)
	b = strconv.AppendBool(append(b, ",\n        \"required\": "...), c.Required)
	b = appendOptional(append(b, ",\n        \"code\": "...), c.Code)
	b = appendOptional(append(b, ",\n        \"detail\": "...), c.Detail)
	b = append(b, ",\n        \"evidence\": "...)
	if c.Evidence == nil {
		return append(b, "null\n      }"...)
	}
	b = append(b, '{')
	for i, f := range c.Evidence {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, "\n          "...), f.Name)
		b = appendText(append(b, ": "...), f.Value)
	}
	if len(c.Evidence) > 0 {
		b = append(b, "\n        "...)
	}
	return append(b, "}\n      }"...)
}

func appendParty(b []byte, p *verdict.Party) []byte {
	if p == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	begin := len(b)
	for _, m := range [...]struct{ name, value string }{{"\n      \"id\": ", p.ID}, {"\n      \"name\": ", p.Name}, {"\n      \"type\": ", p.Type}} {
		if m.value == "" {
			continue
		}
		if len(b) > begin {
			b = append(b, ',')
		}
		b = appendText(append(b, m.name...), m.value)
	}
	if len(b) > begin {
		b = append(b, "\n    "...)
	}
	return append(b, '}')
}

// appendList appends the texts of an array that was begun, and its end.
func appendList(b []byte, values []string) []byte {
	for i, s := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, "\n      "...), s)
	}
	if len(values) > 0 {
		b = append(b, "\n    "...)
	}
	return append(b, ']')
}

func appendOptional(b []byte, s *string) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	return appendText(b, *s)
}

// appendText appends a text; what is not UTF-8 in it is replaced, as everywhere in answers.
func appendText(b []byte, s string) []byte {
	if !isPlain(s) {
		b, _ = jsontext.AppendQuote(b, s)
		return b
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
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
