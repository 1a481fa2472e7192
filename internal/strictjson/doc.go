package strictjson

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// has tells whether there is a value n. A Doc that Parse did not make, such as that of a zero
// value around it, has none.
func (d *Doc) has(n Node) bool { return d != nil && uint(n) < uint(len(d.nodes)) }

// Text returns the whole document as received.
func (d *Doc) Text() string {
	if d == nil {
		return ""
	}
	return d.text
}

// Size returns how many values the document holds.
func (d *Doc) Size() int {
	if d == nil {
		return 0
	}
	return len(d.nodes)
}

// Kind returns the kind of a value; that of None is Invalid.
func (d *Doc) Kind(n Node) Kind {
	if !d.has(n) {
		return Invalid
	}
	return d.nodes[n].kind
}

// Raw returns the text of a value exactly as received, and "" for None.
func (d *Doc) Raw(n Node) string {
	if !d.has(n) {
		return ""
	}
	return d.text[d.nodes[n].start:d.nodes[n].end]
}

// Offset returns where a value begins in the text, in bytes.
func (d *Doc) Offset(n Node) int {
	if !d.has(n) {
		return -1
	}
	return int(d.nodes[n].start)
}

// Str returns the string a node holds, unescaped; ok is false for other kinds.
func (d *Doc) Str(n Node) (s string, ok bool) {
	if !d.has(n) || d.nodes[n].kind != String {
		return "", false
	}
	x := &d.nodes[n]
	return unquote(d.text[x.start:x.end], x.flags&valueEscaped != 0), true
}

// String returns the string a node holds, and "" for every other kind.
func (d *Doc) String(n Node) string {
	s, _ := d.Str(n)
	return s
}

// Bool returns the value of a boolean; ok is false for other kinds.
func (d *Doc) Bool(n Node) (v, ok bool) {
	if !d.has(n) || d.nodes[n].kind != Bool {
		return false, false
	}
	return d.nodes[n].flags&isTrue != 0, true
}

// Float returns the value of a number; ok is false for other kinds.
func (d *Doc) Float(n Node) (f float64, ok bool) {
	if !d.has(n) || d.nodes[n].kind != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(d.Raw(n), 64)
	return f, err == nil
}

// Int returns the value of a number that is an integer; ok is false for others.
func (d *Doc) Int(n Node) (i int64, ok bool) {
	f, ok := d.Float(n)
	if !ok || f != float64(int64(f)) {
		return 0, false
	}
	return int64(f), true
}

// Time returns the instant of a string in RFC 3339 form with zone; ok is false for
// anything else.
func (d *Doc) Time(n Node) (t time.Time, ok bool) {
	s, ok := d.Str(n)
	if !ok {
		return time.Time{}, false
	}
	return ParseTime(s)
}

// ParseTime reads a date and time with zone in the form of RFC 3339, section 5.6, with
// upper case T and Z. time.Parse alone takes more: a decimal comma, hours of one digit,
// offsets of 24 hours and beyond.
func ParseTime(s string) (t time.Time, ok bool) {
	const layout = "2006-01-02T15:04:05Z"
	if len(s) < len(layout) || s[13] != ':' || s[19] == ',' {
		return time.Time{}, false
	}
	if zone := s[len(s)-6:]; s[len(s)-1] != 'Z' && (zone[1:3] > "23" || zone[4:] > "59") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// Name returns the member name of a value within an object, unescaped, and "" for
// elements of arrays and the root.
func (d *Doc) Name(n Node) string {
	if !d.has(n) || d.nodes[n].name < 0 {
		return ""
	}
	x := &d.nodes[n]
	return unquote(d.text[x.name:x.name+int32(x.nameLen)], x.flags&nameEscaped != 0)
}

// Parent returns the array or object that holds a value, and None for the root.
func (d *Doc) Parent(n Node) Node {
	if !d.has(n) {
		return None
	}
	return d.nodes[n].parent
}

// First returns the first child of an array or object, and None without one.
func (d *Doc) First(n Node) Node {
	if !d.has(n) || d.nodes[n].count == 0 {
		return None
	}
	return n + 1
}

// Next returns the sibling after n, and None after the last one.
func (d *Doc) Next(n Node) Node {
	if !d.has(n) {
		return None
	}
	return d.nodes[n].next
}

// Len returns how many children an array or object has.
func (d *Doc) Len(n Node) int {
	if !d.has(n) {
		return 0
	}
	return int(d.nodes[n].count)
}

// Get returns the member of an object by name, and None where there is none.
func (d *Doc) Get(n Node, name string) Node {
	if d.Kind(n) != Object {
		return None
	}
	for c := d.First(n); c != None; c = d.Next(c) {
		x := &d.nodes[c]
		if x.flags&nameEscaped == 0 {
			if int(x.nameLen)-2 == len(name) && d.text[x.name+1:x.name+1+int32(len(name))] == name {
				return c
			}
		} else if d.Name(c) == name {
			return c
		}
	}
	return None
}

// Path follows member names from n, and answers None when one is missing.
func (d *Doc) Path(n Node, names ...string) Node {
	for _, name := range names {
		n = d.Get(n, name)
	}
	return n
}

// Index returns element i of an array, counted from 0, and None outside of it.
func (d *Doc) Index(n Node, i int) Node {
	if d.Kind(n) != Array || i < 0 {
		return None
	}
	c := d.First(n)
	for ; c != None && i > 0; i-- {
		c = d.Next(c)
	}
	return c
}

// Each calls f for every element of an array, or once for a value that is not an
// array: JSON-LD writes a single value and a list of one alike. It does nothing for
// None and stops when f answers false.
func (d *Doc) Each(n Node, f func(Node) bool) {
	if !d.has(n) {
		return
	}
	if d.nodes[n].kind != Array {
		f(n)
		return
	}
	for c := d.First(n); c != None; c = d.Next(c) {
		if !f(c) {
			return
		}
	}
}

var (
	pointerEscape   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// Pointer returns the JSON pointer (RFC 6901) of a value, "" for the root.
func (d *Doc) Pointer(n Node) string {
	if n == 0 || !d.has(n) {
		return ""
	}
	parent := d.nodes[n].parent
	var token string
	if d.nodes[n].name >= 0 {
		token = pointerEscape.Replace(d.Name(n))
	} else {
		i := 0
		for c := d.First(parent); c != n && c != None; c = d.Next(c) {
			i++
		}
		token = strconv.Itoa(i)
	}
	return d.Pointer(parent) + "/" + token
}

// Lookup returns the value a JSON pointer (RFC 6901) names, and None when there is
// none or the pointer is malformed.
func (d *Doc) Lookup(pointer string) Node {
	if pointer == "" {
		return 0
	}
	if pointer[0] != '/' {
		return None
	}
	n := Node(0)
	for token := range strings.SplitSeq(pointer[1:], "/") {
		switch d.Kind(n) {
		case Object:
			n = d.Get(n, pointerUnescape.Replace(token))
		case Array:
			i, err := strconv.Atoi(token)
			if err != nil || strconv.Itoa(i) != token {
				return None
			}
			n = d.Index(n, i)
		default:
			return None
		}
	}
	return n
}

// Any returns a value as Go's generic types (map[string]any, []any, string,
// float64, bool, nil), for schema validators and templates.
func (d *Doc) Any(n Node) any {
	switch d.Kind(n) {
	case Object:
		m := make(map[string]any, d.Len(n))
		for c := d.First(n); c != None; c = d.Next(c) {
			m[d.Name(c)] = d.Any(c)
		}
		return m
	case Array:
		a := make([]any, 0, d.Len(n))
		for c := d.First(n); c != None; c = d.Next(c) {
			a = append(a, d.Any(c))
		}
		return a
	case String:
		return d.String(n)
	case Number:
		f, _ := d.Float(n)
		return f
	case Bool:
		b, _ := d.Bool(n)
		return b
	}
	return nil
}

func unquote(quoted string, escaped bool) string {
	if !escaped {
		return quoted[1 : len(quoted)-1]
	}
	b, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil { // cannot be: Parse has read this text
		return ""
	}
	return string(b)
}
