package pdf

import (
	"fmt"
	"iter"
	"slices"
)

// Object is one of Null, Bool, Integer, Real, String, Name, *Array, *Dict,
// *Stream, Ref, or (only when writing) *Hole. A nil Object means "absent".
type Object interface{ pdfObject() }

// Null is the null object.
type Null struct{}

// Bool is true or false.
type Bool bool

// Integer is an integer number.
type Integer int64

// Real is a number written with a decimal point.
type Real float64

// Name is a name without its slash and with #xx decoded.
type Name string

// String is a string object. Value holds the decoded (and decrypted) bytes.
type String struct {
	Value []byte
	Hex   bool // written as <…>; when writing: write it so
}

// Ref is a reference to an indirect object.
type Ref struct {
	Num uint32
	Gen uint16
}

// String returns "N G R".
func (r Ref) String() string { return fmt.Sprintf("%d %d R", r.Num, r.Gen) }

func (Null) pdfObject()    {}
func (Bool) pdfObject()    {}
func (Integer) pdfObject() {}
func (Real) pdfObject()    {}
func (Name) pdfObject()    {}
func (String) pdfObject()  {}
func (Ref) pdfObject()     {}
func (*Array) pdfObject()  {}
func (*Dict) pdfObject()   {}
func (*Stream) pdfObject() {}
func (*Hole) pdfObject()   {}

// Span is the half-open byte range [Start,End) of a token or object in the file.
// Objects made by the caller, and objects inside object streams, have no place
// of their own in the file: their Span is NoSpan.
type Span struct{ Start, End int64 }

// NoSpan is the Span of what has no place in the file.
var NoSpan = Span{-1, -1}

// Valid reports whether s is a place in the file.
func (s Span) Valid() bool { return s.Start >= 0 && s.End >= s.Start }

// Len returns the number of bytes.
func (s Span) Len() int64 { return s.End - s.Start }

// Contains reports whether t lies within s.
func (s Span) Contains(t Span) bool { return s.Start <= t.Start && t.End <= s.End }

// Array is an array object.
type Array struct {
	items []Object
	spans []Span // empty, or one per item
	span  Span
}

// NewArray makes an array of the given objects.
func NewArray(items ...Object) *Array {
	return &Array{items: items, span: NoSpan}
}

// Len returns the number of items.
func (a *Array) Len() int {
	if a == nil {
		return 0
	}
	return len(a.items)
}

// At returns item i, or nil if there is none.
func (a *Array) At(i int) Object {
	if a == nil || i < 0 || i >= len(a.items) {
		return nil
	}
	return a.items[i]
}

// All yields the items.
func (a *Array) All() iter.Seq2[int, Object] {
	return func(yield func(int, Object) bool) {
		for i := range a.Len() {
			if !yield(i, a.items[i]) {
				return
			}
		}
	}
}

// Append adds items at the end.
func (a *Array) Append(items ...Object) {
	a.spans = nil
	a.items = append(a.items, items...)
}

// Set replaces item i, which must exist.
func (a *Array) Set(i int, o Object) {
	if a.spans != nil {
		a.spans[i] = NoSpan
	}
	a.items[i] = o
}

// Span returns the bytes from [ to ].
func (a *Array) Span() Span { return a.span }

// SpanOf returns the bytes of item i.
func (a *Array) SpanOf(i int) Span {
	if i < 0 || i >= len(a.spans) {
		return NoSpan
	}
	return a.spans[i]
}

// Clone returns a deep copy that remembers no file offsets.
func (a *Array) Clone() *Array {
	c := &Array{items: make([]Object, len(a.items)), span: NoSpan}
	for i, o := range a.items {
		c.items[i] = Clone(o)
	}
	return c
}

type dictEntry struct {
	key     Name
	value   Object
	keySpan Span
	span    Span
}

// indexFrom is the size above which a dictionary keeps an index.
const indexFrom = 12

// Dict is a dictionary that keeps the order of its keys.
type Dict struct {
	entries []dictEntry
	index   map[Name]int // only above indexFrom entries
	span    Span
}

// NewDict makes a dictionary from key, value, key, value …; keys are Name.
// It panics on a key that is no Name or on an odd count, which are programming errors.
func NewDict(kv ...Object) *Dict {
	d := &Dict{span: NoSpan}
	for i := 0; i < len(kv); i += 2 {
		d.Set(kv[i].(Name), kv[i+1])
	}
	return d
}

func (d *Dict) find(key Name) int {
	if d == nil {
		return -1
	}
	if d.index != nil {
		if i, ok := d.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if d.entries[i].key == key {
			return i
		}
	}
	return -1
}

// add appends an entry; it reports false if the key is there already.
func (d *Dict) add(e dictEntry) bool {
	if d.find(e.key) >= 0 {
		return false
	}
	d.entries = append(d.entries, e)
	if d.index != nil {
		d.index[e.key] = len(d.entries) - 1
	} else if len(d.entries) > indexFrom {
		d.reindex()
	}
	return true
}

func (d *Dict) reindex() {
	d.index = nil
	if len(d.entries) <= indexFrom {
		return
	}
	d.index = make(map[Name]int, 2*len(d.entries))
	for i := range d.entries {
		d.index[d.entries[i].key] = i
	}
}

// Get returns the value of key as it stands (a Ref is not followed), or nil if absent.
func (d *Dict) Get(key Name) Object {
	if i := d.find(key); i >= 0 {
		return d.entries[i].value
	}
	return nil
}

// Has reports whether key is present.
func (d *Dict) Has(key Name) bool { return d.find(key) >= 0 }

// Len returns the number of keys.
func (d *Dict) Len() int {
	if d == nil {
		return 0
	}
	return len(d.entries)
}

// All yields keys and values in file order.
func (d *Dict) All() iter.Seq2[Name, Object] {
	return func(yield func(Name, Object) bool) {
		for i := range d.Len() {
			if !yield(d.entries[i].key, d.entries[i].value) {
				return
			}
		}
	}
}

// Set replaces the value of key in place, or appends it.
func (d *Dict) Set(key Name, value Object) {
	e := dictEntry{key: key, value: value, keySpan: NoSpan, span: NoSpan}
	if i := d.find(key); i >= 0 {
		d.entries[i] = e
		return
	}
	d.add(e)
}

// Delete removes key.
func (d *Dict) Delete(key Name) {
	if i := d.find(key); i >= 0 {
		d.entries = slices.Delete(d.entries, i, i+1)
		d.reindex()
	}
}

// Span returns the bytes from << to >>.
func (d *Dict) Span() Span { return d.span }

// SpanOf returns the bytes of the value of key: for a hexadecimal string from <
// to > inclusive, for an array from [ to ] inclusive, for a reference the reference
// itself: whoever checks a signature's gap also wants Get to be a String.
func (d *Dict) SpanOf(key Name) Span {
	if i := d.find(key); i >= 0 {
		return d.entries[i].span
	}
	return NoSpan
}

// KeySpan returns the bytes of the key itself, slash included.
func (d *Dict) KeySpan(key Name) Span {
	if i := d.find(key); i >= 0 {
		return d.entries[i].keySpan
	}
	return NoSpan
}

// Clone returns a deep copy that remembers no file offsets.
func (d *Dict) Clone() *Dict {
	c := &Dict{entries: make([]dictEntry, len(d.entries)), span: NoSpan}
	for i, e := range d.entries {
		c.entries[i] = dictEntry{key: e.key, value: Clone(e.value), keySpan: NoSpan, span: NoSpan}
	}
	c.reindex()
	return c
}

// Clone returns a deep copy of o that the caller may change. Objects handed out by
// a Document are shared and must be cloned before they are edited. Stream data are not copied.
func Clone(o Object) Object {
	switch o := o.(type) {
	case *Array:
		return o.Clone()
	case *Dict:
		return o.Clone()
	case *Stream:
		c := *o
		c.Dict = o.Dict.Clone()
		return &c
	case String:
		return String{Value: slices.Clone(o.Value), Hex: o.Hex}
	}
	return o
}

// Equal reports whether a and b are the same value, without following references.
// Integer 1 and Real 1.0 differ, (a) and <61> do not. Dictionaries compare without
// regard to order. Streams compare by dictionary and by being the same bytes of the
// same file or the same data in memory; their content is not read.
func Equal(a, b Object) bool {
	switch a := a.(type) {
	case String:
		b, ok := b.(String)
		return ok && string(a.Value) == string(b.Value)
	case *Array:
		b, ok := b.(*Array)
		return ok && slices.EqualFunc(a.items, b.items, Equal)
	case *Dict:
		b, ok := b.(*Dict)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for k, v := range a.All() {
			if w := b.Get(k); w == nil || !Equal(v, w) {
				return false
			}
		}
		return true
	case *Stream:
		b, ok := b.(*Stream)
		return ok && a.doc == b.doc && a.span == b.span && string(a.data) == string(b.data) && Equal(a.Dict, b.Dict)
	case *Hole:
		return false
	}
	if _, ok := b.(String); ok {
		return false
	}
	return a == b
}
