package pdf

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Stream is a stream object: a dictionary and data that stay in the file until asked for.
type Stream struct {
	Dict *Dict

	doc   *Document // nil for a stream made by the caller
	rev   *Revision // as of which references in the dictionary are followed
	ref   Ref
	span  Span
	data  []byte
	plain bool // not encrypted whatever the document says
}

// NewStream makes a stream of the given data, which must already be encoded as the
// dictionary's /Filter says. /Length is set when the stream is written.
func NewStream(dict *Dict, data []byte) *Stream {
	if dict == nil {
		dict = NewDict()
	}
	return &Stream{Dict: dict, data: data, span: NoSpan}
}

// RawSpan returns the place of the data in the file, as they are stored: filtered
// and, in an encrypted file, encrypted.
func (s *Stream) RawSpan() Span { return s.span }

// RawLen returns the number of bytes stored.
func (s *Stream) RawLen() int64 {
	if s.doc == nil {
		return int64(len(s.data))
	}
	return s.span.Len()
}

// Raw returns the data decrypted but not unfiltered.
func (s *Stream) Raw() (io.Reader, error) {
	if s.doc == nil {
		return bytes.NewReader(s.data), nil
	}
	stored, err := s.stored()
	if err != nil {
		return nil, err
	}
	if s.doc.crypt == nil || s.plain {
		return stored, nil
	}
	return s.doc.crypt.decryptStream(stored, s)
}

// stored returns the data as they lie in the file.
func (s *Stream) stored() (io.Reader, error) {
	const inMemory = 256 << 10
	if n := s.span.Len(); n <= inMemory {
		b := make([]byte, n)
		if err := s.doc.src.readFull(b, s.span.Start); err != nil {
			return nil, err
		}
		return bytes.NewReader(b), nil
	}
	return bufio.NewReaderSize(io.NewSectionReader(s.doc.src.r, s.span.Start, s.span.Len()), 32<<10), nil
}

// filter is one decoding step.
type filter struct {
	name  Name
	parms *Dict
}

// filters returns the steps of /Filter and /DecodeParms in order.
func (s *Stream) filters() ([]filter, error) {
	resolve := func(o Object) (Object, error) {
		if ref, ok := o.(Ref); ok && s.rev != nil {
			return s.rev.Resolve(ref)
		}
		return o, nil
	}
	f, err := resolve(s.Dict.Get("Filter"))
	if err != nil {
		return nil, err
	}
	p, err := resolve(s.Dict.Get("DecodeParms"))
	if err != nil {
		return nil, err
	}
	at := s.Dict.SpanOf("Filter").Start
	var names []Object
	switch f := f.(type) {
	case nil, Null:
		return nil, nil
	case Name:
		names = []Object{f}
		if _, ok := p.(*Array); !ok {
			p = NewArray(p)
		}
	case *Array:
		names = f.items
	default:
		return nil, errAt(CodeFilter, at, "/Filter is neither a name nor an array")
	}
	parms, _ := p.(*Array)
	if len(names) > maxFilters {
		return nil, errAt(CodeLimit, at, "more than %d filters on one stream", maxFilters)
	}
	if d, ok := p.(*Dict); ok && len(names) == 1 {
		parms = NewArray(d)
	}
	out := make([]filter, len(names))
	for i := range names {
		n, err := resolve(names[i])
		if err != nil {
			return nil, err
		}
		q, err := resolve(parms.At(i))
		if err != nil {
			return nil, err
		}
		var ok bool
		if out[i].name, ok = n.(Name); !ok {
			return nil, errAt(CodeFilter, at, "/Filter holds something else than names")
		}
		switch q := q.(type) {
		case nil, Null:
		case *Dict:
			out[i].parms = q
		default:
			return nil, errAt(CodeFilter, at, "/DecodeParms holds something else than dictionaries")
		}
	}
	return out, nil
}

// Filters returns the names in /Filter, in order of decoding.
func (s *Stream) Filters() ([]Name, error) {
	fs, err := s.filters()
	if err != nil {
		return nil, err
	}
	var names []Name
	for _, f := range fs {
		names = append(names, f.name)
	}
	return names, nil
}

// Open returns a reader of the decoded data. Reading more than limit bytes (0: that
// of Limits.StreamBytes) fails with CodeLimit, malformed data with CodeFilter, and a filter
// for images (DCTDecode, JPXDecode, CCITTFaxDecode, JBIG2Decode) or an unknown one with CodeFilterKind.
func (s *Stream) Open(limit int64) (io.Reader, error) { return s.OpenWithin(limit, nil) }

// OpenWithin is Open for callers who open many streams, or one many times: what any step
// of decoding gives is taken off *left too, and the error is CodeLimit once that is used up.
// A file of some kilobytes can name a stream of megabytes a thousand times.
func (s *Stream) OpenWithin(limit int64, left *int64) (io.Reader, error) {
	if limit <= 0 {
		limit = Limits{}.withDefaults().StreamBytes
		if s.doc != nil {
			limit = s.doc.lim.StreamBytes
		}
	}
	fs, err := s.filters()
	if err != nil {
		return nil, inObject(err, s.ref)
	}
	r, err := s.Raw()
	if err != nil {
		return nil, inObject(err, s.ref)
	}
	if left != nil { // what is stored counts like a step: it may decode to nothing
		r = &capped{r: r, left: max(limit, s.RawLen()), shared: left, s: s}
	}
	for _, f := range fs {
		if f.name == "Crypt" {
			continue // Raw saw to it
		}
		if r, err = s.decoder(r, f); err != nil {
			return nil, inObject(err, s.ref)
		}
		// Every step is capped, not only the last: an intermediate bomb costs time.
		r = &capped{r: r, left: limit, shared: left, s: s}
	}
	if len(fs) == 0 {
		r = &capped{r: r, left: limit, s: s}
	}
	return r, nil
}

// Decode returns the decoded data in memory; see Open.
func (s *Stream) Decode(limit int64) ([]byte, error) { return s.DecodeWithin(limit, nil) }

// DecodeWithin is Decode with the bound that several share; see OpenWithin.
func (s *Stream) DecodeWithin(limit int64, left *int64) ([]byte, error) {
	r, err := s.OpenWithin(limit, left)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(r); err != nil {
		return nil, inObject(asError(err, s), s.ref)
	}
	return buf.Bytes(), nil
}

func asError(err error, s *Stream) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Code: CodeFilter, Offset: s.span.Start, Object: s.ref, Msg: "stream data do not decode", Err: err}
}

// capped turns the errors of a decoder into ours and stops at a limit.
type capped struct {
	r      io.Reader
	left   int64
	shared *int64 // with others, may be nil
	s      *Stream
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, &Error{Code: CodeLimit, Offset: c.s.span.Start, Object: c.s.ref, Msg: "stream decodes to more bytes than its limit"}
	}
	if c.shared != nil && *c.shared <= 0 {
		return 0, &Error{Code: CodeLimit, Offset: c.s.span.Start, Object: c.s.ref, Msg: "streams decode to more bytes than the limit for all of them"}
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	if c.shared != nil {
		*c.shared -= int64(n)
	}
	if c.left < 0 {
		n--
		err = nil
	}
	if err != nil && err != io.EOF {
		err = asError(err, c.s)
	}
	return n, err
}

// inflate decodes a stream needed to reach objects, against the total budget.
func (d *Document) inflate(s *Stream, limit int64) ([]byte, error) {
	left := d.lim.InflateBytes - d.inflated
	if left <= 0 {
		return nil, errAt(CodeLimit, s.span.Start, "more than %d bytes decoded to reach objects", d.lim.InflateBytes)
	}
	b, err := s.Decode(min(limit, left))
	d.inflated += int64(len(b)) + 1024
	if err != nil {
		d.inflated += min(limit, left) / 4
	}
	return b, err
}
