package pdf

import (
	"bytes"
	"crypto/rand"
	"io"
	"math"
	"slices"
	"strconv"
)

// encoder serializes objects. base is the file offset of buf[0].
type encoder struct {
	buf   []byte
	base  int64
	crypt *crypt
	ref   Ref // the indirect object being written, for its key
	depth int
	holes []*Hole
	plain bool // write strings as they are
}

func newEncoder(base int64, c *crypt) *encoder {
	e := &encoder{base: base}
	if c != nil {
		k := *c
		k.rand = rand.Reader
		e.crypt = &k
	}
	return e
}

func (e *encoder) off() int64 { return e.base + int64(len(e.buf)) }

func (e *encoder) text(s string) { e.buf = append(e.buf, s...) }

func (e *encoder) int(n int64) { e.buf = strconv.AppendInt(e.buf, n, 10) }

func (e *encoder) fail(msg string) error {
	return &Error{Code: CodeUpdate, Offset: -1, Object: e.ref, Msg: msg}
}

// indirect writes "N G obj … endobj".
func (e *encoder) indirect(ref Ref, o Object) error {
	e.ref = ref
	e.int(int64(ref.Num))
	e.text(" ")
	e.int(int64(ref.Gen))
	e.text(" obj\n")
	var err error
	if st, ok := o.(*Stream); ok {
		err = e.stream(st)
	} else {
		err = e.object(o)
	}
	e.text("\nendobj\n")
	return err
}

// object writes a direct object.
func (e *encoder) object(o Object) error {
	if e.depth > (Limits{}).withDefaults().Depth {
		return e.fail("object nested too deeply, perhaps in itself")
	}
	e.depth++
	defer func() { e.depth-- }()
	switch o := o.(type) {
	case nil, Null:
		e.text("null")
	case Bool:
		e.buf = strconv.AppendBool(e.buf, bool(o))
	case Integer:
		e.int(int64(o))
	case Real:
		if math.IsNaN(float64(o)) || math.IsInf(float64(o), 0) {
			return e.fail("real number without a value")
		}
		from := len(e.buf)
		e.buf = strconv.AppendFloat(e.buf, float64(o), 'f', -1, 64)
		if len(e.buf)-from > maxNumberBytes {
			return e.fail("real number too long to write")
		}
		for _, c := range e.buf[from:] {
			if c == '.' {
				return nil
			}
		}
		e.text(".0") // or a reader would see an integer
	case Name:
		return e.name(o)
	case String:
		return e.string(o)
	case Ref:
		if o.Num == 0 {
			return e.fail("reference to object 0")
		}
		e.int(int64(o.Num))
		e.text(" ")
		e.int(int64(o.Gen))
		e.text(" R")
	case *Array:
		return e.array(o)
	case *Dict:
		return e.dict(o)
	case *Hole:
		return e.hole(o)
	case *Stream:
		return e.fail("a stream must be an indirect object")
	}
	return nil
}

func (e *encoder) array(a *Array) error {
	if a == nil {
		return e.fail("nil array")
	}
	e.text("[")
	for i, o := range a.items {
		if i > 0 {
			e.text(" ")
		}
		if err := e.object(o); err != nil {
			return err
		}
	}
	e.text("]")
	return nil
}

func (e *encoder) dict(d *Dict) error {
	if d == nil {
		return e.fail("nil dictionary")
	}
	sig := e.crypt != nil && isSignature(d)
	e.text("<<")
	for k, v := range d.All() {
		if err := e.name(k); err != nil {
			return err
		}
		e.text(" ")
		was := e.plain
		e.plain = was || sig && k == "Contents"
		err := e.object(v)
		e.plain = was
		if err != nil {
			return err
		}
	}
	e.text(">>")
	return nil
}

const hexDigits = "0123456789abcdef"

func (e *encoder) name(n Name) error {
	if len(n) > maxNameBytes {
		return e.fail("name too long")
	}
	e.text("/")
	for i := range len(n) {
		c := n[i]
		switch {
		case c == 0:
			return e.fail("name with a zero byte")
		case c <= ' ' || c > '~' || c == '#' || class[c] != classRegular:
			e.buf = append(e.buf, '#', hexDigits[c>>4], hexDigits[c&15])
		default:
			e.buf = append(e.buf, c)
		}
	}
	return nil
}

func (e *encoder) string(s String) error {
	b := s.Value
	if e.crypt != nil && !e.plain && e.crypt.strings != methodNone {
		var err error
		if b, err = e.crypt.seal(e.crypt.strings, b, e.ref); err != nil {
			return err
		}
		s.Hex = true
	}
	if s.Hex {
		e.text("<")
		for _, c := range b {
			e.buf = append(e.buf, hexDigits[c>>4], hexDigits[c&15])
		}
		e.text(">")
		return nil
	}
	e.text("(")
	for _, c := range b {
		switch c {
		case '(', ')', '\\':
			e.buf = append(e.buf, '\\', c)
		case '\r':
			e.text(`\r`) // a bare one would be read as a line feed
		case '\n':
			e.text(`\n`)
		default:
			e.buf = append(e.buf, c)
		}
	}
	e.text(")")
	return nil
}

// stream writes dictionary and data. /Length is always direct.
func (e *encoder) stream(s *Stream) error {
	r, err := s.Raw()
	if err != nil {
		return err
	}
	data := s.data
	if s.doc != nil {
		if data, err = io.ReadAll(r); err != nil {
			return asError(err, s)
		}
	}
	if e.crypt != nil && !s.plain {
		m, err := e.crypt.streamMethod(s.Dict)
		if err != nil {
			return err
		}
		if data, err = e.crypt.seal(m, data, e.ref); err != nil {
			return err
		}
	}
	d := &Dict{entries: append([]dictEntry(nil), s.Dict.entries...), span: NoSpan}
	d.reindex()
	d.Set("Length", Integer(len(data)))
	if s.plain { // a cross-reference stream: its strings are not encrypted either
		was := e.plain
		e.plain = true
		defer func() { e.plain = was }()
	}
	if err := e.dict(d); err != nil {
		return err
	}
	e.text("\nstream\n")
	e.buf = append(e.buf, data...)
	e.text("\nendstream")
	return nil
}

// Hole is an Object that takes up a fixed number of bytes in an update and is filled
// in once the offsets are known: a signature's /Contents and /ByteRange. Use each
// Hole once.
type Hole struct {
	hex  bool
	n    int
	span Span
}

// NewHexHole makes room for a hexadecimal string of n bytes: a token of 2n+2
// characters, zero until filled. It is never encrypted.
func NewHexHole(n int) *Hole { return &Hole{hex: true, n: n, span: NoSpan} }

// NewTextHole makes room for any object written in at most width characters (at least
// 4); it reads null until filled.
func NewTextHole(width int) *Hole { return &Hole{n: max(width, 4), span: NoSpan} }

// Span returns where the token lies in the updated file, delimiters included. It is
// NoSpan before Update.Prepare.
func (h *Hole) Span() Span { return h.span }

func (e *encoder) hole(h *Hole) error {
	for _, other := range e.holes {
		if other == h {
			return e.fail("the same hole twice")
		}
	}
	e.holes = append(e.holes, h)
	start := e.off()
	if h.hex {
		e.buf = slices.Grow(e.buf, 2*h.n+2+4096) // and room for what follows
		e.text("<")
		e.buf = append(e.buf, bytes.Repeat([]byte{'0'}, 2*h.n)...)
		e.text(">")
	} else {
		e.text("null")
		for range h.n - 4 {
			e.buf = append(e.buf, ' ')
		}
	}
	h.span = Span{start, e.off()}
	return nil
}
