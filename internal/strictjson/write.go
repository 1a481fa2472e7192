package strictjson

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Member is a name and the JSON text of its value.
type Member struct {
	Name  string
	Value string
}

// Quote returns s as a JSON string in the minimal form of RFC 8785. Invalid UTF-8
// becomes U+FFFD: callers quote text of their own.
func Quote(s string) string {
	b, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\ufffd"))
	if err != nil { // only invalid UTF-8 is refused, and there is none
		return `""`
	}
	return string(b)
}

// Rewrite returns the object at n with members replaced in place, added at the end,
// or dropped; everything else keeps the bytes it was received with.
func (d *Doc) Rewrite(n Node, set []Member, drop ...string) []byte {
	out := make([]byte, 0, len(d.Raw(n))+64)
	out = append(out, '{')
	done := make([]bool, len(set))
	comma := func() {
		if len(out) > 1 {
			out = append(out, ',')
		}
	}
	for c := d.First(n); c != None; c = d.Next(c) {
		name := d.Name(c)
		if slices.Contains(drop, name) {
			continue
		}
		comma()
		x := &d.nodes[c]
		out = append(out, d.text[x.name:x.name+int32(x.nameLen)]...)
		out = append(out, ':')
		value := d.Raw(c)
		for i, m := range set {
			if m.Name == name {
				value, done[i] = m.Value, true
			}
		}
		out = append(out, value...)
	}
	for i, m := range set {
		if !done[i] {
			comma()
			out = append(out, Quote(m.Name)...)
			out = append(out, ':')
			out = append(out, m.Value...)
		}
	}
	return append(out, '}')
}

// Canonicalize returns the JCS form (RFC 8785) of b, which must have passed Parse:
// what Parse refuses has no canonical form that means the same.
func Canonicalize(b []byte) ([]byte, error) {
	v := jsontext.Value(slices.Clone(b))
	if err := v.Canonicalize(); err != nil {
		return nil, syntaxError(err)
	}
	return v, nil
}

// CanonicalizeNode returns the JCS form (RFC 8785) of one value of a document.
func (d *Doc) CanonicalizeNode(n Node) ([]byte, error) {
	return Canonicalize([]byte(d.Raw(n)))
}
