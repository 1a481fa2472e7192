package evidence

import (
	"encoding/hex"
	"strings"
)

// fields reads or writes the members of one map, so that each type describes its
// members once, in both directions and for both views. The first error is kept.
type fields struct {
	m     *value
	write bool
	json  bool // byte strings are texts in hex
	where string
	seen  int
	err   *error
}

func (f *fields) fail(name, format string, args ...any) {
	if *f.err == nil {
		*f.err = malformed(f.where+name+": "+format, args...)
	}
}

// put adds a member when writing. Without a map, the members are only checked.
func (f *fields) put(name string, v value) {
	if f.m != nil {
		f.m.put(name, v)
	}
}

// get finds a member when reading.
func (f *fields) get(name string) *value {
	for i, k := range f.m.keys {
		if k == name {
			f.seen++
			return &f.m.list[i]
		}
	}
	return nil
}

// need finds a member of a kind.
func (f *fields) need(name string, kind byte, optional bool) *value {
	v := f.get(name)
	switch {
	case v == nil && !optional:
		f.fail(name, "expected the member")
	case v != nil && v.kind != kind:
		f.fail(name, "expected another type")
		return nil
	}
	return v
}

// uint is a required number.
func (f *fields) uint(name string, p *uint64) {
	if f.write {
		if *p > maxUint {
			f.fail(name, "expected at most 2^53-1")
		}
		f.put(name, value{kind: kindUint, n: *p})
	} else if v := f.need(name, kindUint, false); v != nil {
		*p = v.n
	}
}

// text is a text of 1 to maxText bytes without control characters; "" is left out
// where it is optional.
func (f *fields) text(name string, p *string, optional bool) {
	if f.write {
		if *p == "" && optional {
			return
		}
		f.put(name, value{kind: kindText, b: []byte(*p)})
	} else if v := f.need(name, kindText, optional); v != nil {
		*p = string(v.b)
	} else {
		return
	}
	f.plain(name, *p)
}

// plain checks a text that is shown to people.
func (f *fields) plain(name, s string) {
	if s == "" || len(s) > maxText || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		f.fail(name, "expected a text of 1 to %d bytes without control characters", maxText)
	}
}

// raw converts one byte string between its forms.
func (f *fields) raw(name string, v *value, p *[]byte, least, most int) {
	if f.write {
		*v = value{kind: kindBytes, b: *p}
	} else if !f.json {
		if v.kind != kindBytes {
			f.fail(name, "expected a byte string")
			return
		}
		*p = v.b
	} else {
		b, err := hex.DecodeString(string(v.b))
		if v.kind != kindText || err != nil || hex.EncodeToString(b) != string(v.b) {
			f.fail(name, "expected lower-case hex digits")
			return
		}
		*p = b
	}
	if len(*p) < least || len(*p) > most {
		f.fail(name, "expected %d to %d bytes, found %d", least, most, len(*p))
	}
}

// bytes is a byte string of least to most bytes; nil is left out where it is optional.
func (f *fields) bytes(name string, p *[]byte, least, most int, optional bool) {
	if f.write {
		if *p == nil && optional {
			return
		}
		var v value
		f.raw(name, &v, p, least, most)
		f.put(name, v)
		return
	}
	v := f.get(name)
	if v == nil {
		if !optional {
			f.fail(name, "expected the member")
		}
		return
	}
	f.raw(name, v, p, least, most)
}

// hash is a required byte string of 32 bytes.
func (f *fields) hash(name string, p *[32]byte) {
	b := p[:]
	f.bytes(name, &b, 32, 32, false)
	if !f.write && len(b) == 32 {
		copy(p[:], b)
	}
}

// list is an array of up to most elements; none is left out where it is optional.
// item reads or writes element i.
func (f *fields) list(name string, n int, most int, optional bool, grow func(n int), item func(i int, v *value)) {
	var v *value
	if f.write {
		if n == 0 && optional {
			return
		}
		if v = (&value{kind: kindArray}); n <= most {
			v.list = make([]value, n)
		}
	} else {
		if v = f.need(name, kindArray, optional); v == nil {
			return
		}
		n = len(v.list)
		if n == 0 && optional {
			f.fail(name, "expected an element, or no list")
		}
	}
	if n > most {
		if *f.err == nil {
			*f.err = ErrTooLarge
		}
		return
	}
	if !f.write {
		grow(n)
	}
	for i := 0; i < n && *f.err == nil; i++ {
		item(i, &v.list[i])
	}
	if f.write {
		f.put(name, *v)
	}
}

// byteStrings is an array of byte strings.
func (f *fields) byteStrings(name string, p *[][]byte, most, leastBytes, mostBytes int, optional bool) {
	f.list(name, len(*p), most, optional, func(n int) { *p = make([][]byte, n) }, func(i int, v *value) {
		f.raw(name, v, &(*p)[i], leastBytes, mostBytes)
	})
}

// texts is an optional array of texts.
func (f *fields) texts(name string, p *[]string, most int) {
	f.list(name, len(*p), most, true, func(n int) { *p = make([]string, n) }, func(i int, v *value) {
		if f.write {
			*v = value{kind: kindText, b: []byte((*p)[i])}
		} else if v.kind != kindText {
			f.fail(name, "expected texts")
		} else {
			(*p)[i] = string(v.b)
		}
		f.plain(name, (*p)[i])
	})
}

// visitor is a type that describes its members.
type visitor interface{ visit(*fields) }

// in reads or writes the members of a map that is v.
func (f *fields) in(name string, v *value, x visitor) {
	m := v
	if f.write && f.m == nil {
		m = nil
	} else if f.write {
		*v = newMap()
	} else if v.kind != kindMap {
		f.fail(name, "expected a map")
		return
	}
	sub := fields{m: m, write: f.write, json: f.json, where: join(f.where, name), err: f.err}
	x.visit(&sub)
	if !f.write && *f.err == nil && sub.seen != len(v.keys) {
		*f.err = unsupported("%s%s has a member that is not known", f.where, name)
	}
}

// object is a required map.
func (f *fields) object(name string, x visitor) {
	if f.write {
		var v value
		f.in(name, &v, x)
		f.put(name, v)
	} else if v := f.need(name, kindMap, false); v != nil {
		f.in(name, v, x)
	}
}

// has tells whether an optional member is there: when writing, whether there is
// something to write.
func (f *fields) has(name string, present bool) bool {
	if f.write {
		return present
	}
	for _, k := range f.m.keys {
		if k == name {
			return true
		}
	}
	return false
}

// write makes the data item of x.
func write(x visitor) (value, error) {
	var err error
	v := newMap()
	x.visit(&fields{m: &v, write: true, err: &err})
	return v, err
}

// newMap has room for the members of most maps.
func newMap() value {
	const room = 10
	return value{kind: kindMap, keys: make([]string, 0, room), list: make([]value, 0, room)}
}

// check tells whether x has the form that it must have to be written.
func check(x visitor) error {
	var err error
	x.visit(&fields{write: true, err: &err})
	return err
}

// read fills x from a data item, all of which it must know.
func read(x visitor, v *value, json bool) error {
	var err error
	root := fields{json: json, err: &err}
	root.in("", v, x)
	return err
}

func join(where, name string) string {
	if name == "" {
		return where
	}
	return where + name + "."
}
