package pdf

import (
	"io"
	"strings"
)

// Operation is an operator of a content stream with the operands before it.
type Operation struct {
	Operator string
	Operands []Object
	// Offset is where the operator begins in the decoded content.
	Offset int64
	// Image holds the data of an inline image; Operator is then "BI" and Operands is
	// one *Dict with the keys as they stand, abbreviations included.
	Image []byte
}

const (
	maxOperands    = 8192 // ISO 32000-1 says 33 for DeviceN and the like; arrays count as one
	maxInlineImage = 1 << 20
)

// ContentScanner splits a content stream into operations (ISO 32000-2, 7.8.2). It
// reads forward only and holds one operation at a time.
type ContentScanner struct {
	l   *lexer
	lim Limits
	r   io.Reader
	buf []byte
	end bool
}

// NewContentScanner scans decoded content. For a page whose /Contents is an array,
// join the streams with a space between: operations may not span them, but some do.
func NewContentScanner(r io.Reader, lim Limits) *ContentScanner {
	s := &ContentScanner{r: r, lim: lim.withDefaults(), buf: make([]byte, 16<<10)}
	s.l = &lexer{lim: &s.lim, fill: s.fill, content: true, noSpans: true}
	return s
}

// Content returns the decoded content of a page, its streams joined by spaces, each
// decoding to at most limit bytes (0: Limits.StreamBytes). A page without /Contents is empty.
func (v *view) Content(page *Dict, limit int64) (io.Reader, error) {
	return v.ContentWithin(page, limit, nil)
}

// ContentWithin is Content with the bound that several share; see Stream.OpenWithin.
func (v *view) ContentWithin(page *Dict, limit int64, left *int64) (io.Reader, error) {
	o, err := v.at(page, "Contents")
	if err != nil {
		return nil, err
	}
	var parts []Object
	switch o := o.(type) {
	case nil:
	case *Stream:
		parts = []Object{o}
	case *Array:
		parts = o.items
	default:
		return nil, wrongType(page, "Contents", "stream or array")
	}
	var readers []io.Reader
	for _, p := range parts {
		o, err := v.Resolve(p)
		if err != nil {
			return nil, err
		}
		st, ok := o.(*Stream)
		if !ok {
			return nil, wrongType(page, "Contents", "array of streams")
		}
		readers = append(readers, &lazyStream{s: st, limit: limit, left: left}, strings.NewReader(" "))
	}
	return io.MultiReader(readers...), nil
}

// lazyStream opens a stream when it is first read.
type lazyStream struct {
	s     *Stream
	limit int64
	left  *int64
	r     io.Reader
}

func (l *lazyStream) Read(p []byte) (int, error) {
	if l.r == nil {
		var err error
		if l.r, err = l.s.OpenWithin(l.limit, l.left); err != nil {
			return 0, err
		}
	}
	return l.r.Read(p)
}

// fill ignores the offset: the lexer goes only forward here.
func (s *ContentScanner) fill(int64) ([]byte, error) {
	if s.end {
		return nil, nil
	}
	for {
		n, err := s.r.Read(s.buf)
		if err != nil && err != io.EOF {
			if _, ours := err.(*Error); !ours {
				err = &Error{Code: CodeIO, Offset: -1, Msg: "reading the content failed", Err: err}
			}
			return nil, err
		}
		s.end = err == io.EOF
		if n > 0 || s.end {
			return s.buf[:n], nil
		}
	}
}

// Next returns the next operation, or io.EOF after the last. Operands without an operator at the end are an error.
func (s *ContentScanner) Next() (Operation, error) {
	l := s.l
	var args []Object
	for {
		l.skipSpace()
		at := l.off()
		c := l.peek()
		if c < 0 {
			if l.ioErr != nil {
				return Operation{}, l.ioErr
			}
			if len(args) > 0 {
				return Operation{}, errAt(CodeSyntax, -1, "content ends after operands without an operator")
			}
			return Operation{}, io.EOF
		}
		if class[c] == classRegular && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			w := string(l.word(32))
			switch w {
			case "true":
				args = append(args, Bool(true))
			case "false":
				args = append(args, Bool(false))
			case "null":
				args = append(args, Null{})
			case "BI":
				if len(args) > 0 {
					return Operation{}, errAt(CodeSyntax, -1, "operands before BI, decoded byte %d", at)
				}
				return s.inlineImage(at)
			default:
				return Operation{Operator: w, Operands: args, Offset: at}, nil
			}
			continue
		}
		if len(args) >= maxOperands {
			return Operation{}, errAt(CodeLimit, -1, "more than %d operands, decoded byte %d", maxOperands, at)
		}
		l.nodes = 0
		l.stop = at + s.lim.ObjectBytes
		o, err := l.object(0)
		l.stop = 0
		if err != nil {
			return Operation{}, withoutOffset(err, "content stream")
		}
		args = append(args, o)
	}
}

// inlineImage reads key and value pairs, ID, data and EI. The end of the data is the
// first EI that stands between white space and is followed by white space or the end
// (ISO 32000-2, 8.9.7).
func (s *ContentScanner) inlineImage(at int64) (Operation, error) {
	l := s.l
	d := NewDict()
	fail := func(code Code, msg string) (Operation, error) {
		return Operation{}, withoutOffset(l.fail(code, at, "%s", msg), "content stream")
	}
	for {
		l.skipSpace()
		if l.peek() != '/' {
			break
		}
		key, err := l.name()
		if err != nil {
			return Operation{}, withoutOffset(err, "content stream")
		}
		l.skipSpace()
		l.nodes = 0
		o, err := l.object(0)
		if err != nil {
			return Operation{}, withoutOffset(err, "content stream")
		}
		if d.Has(key) {
			return fail(CodeDuplicate, "key twice in an inline image")
		}
		if d.Len() >= 64 {
			return fail(CodeLimit, "inline image with more than 64 keys")
		}
		d.Set(key, o)
	}
	if string(l.word(3)) != "ID" || !isSpace(l.peek()) {
		return fail(CodeSyntax, "expected ID in an inline image")
	}
	l.pos++
	var data []byte
	for {
		c := l.peek()
		if n := len(data); (isSpace(c) || c < 0) && n >= 2 && string(data[n-2:]) == "EI" && (n == 2 || isSpace(int(data[n-3]))) {
			return Operation{Operator: "BI", Operands: []Object{d}, Offset: at, Image: data[:max(0, n-3)]}, nil
		}
		if c < 0 {
			return fail(CodeSyntax, "inline image not closed")
		}
		if len(data) >= maxInlineImage {
			return fail(CodeLimit, "inline image too long")
		}
		data = append(data, byte(c))
		l.pos++
	}
}
