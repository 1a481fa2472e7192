package pdf

import (
	"bytes"
	"io"
	"sync"
)

// Tail is a finished update: what is to follow the bytes of the original file. It is
// plain data, so a two-phase signer may store BaseSize, Bytes and the spans of its
// holes, and go on with ResumeTail in another process.
type Tail struct {
	// BaseSize is the size of the original file, and so the offset of Bytes[0].
	BaseSize int64
	// Bytes are the update, from an end of line where the original lacks one to %%EOF.
	Bytes []byte

	base io.ReaderAt
}

// ResumeTail makes a Tail again from stored state and the unchanged original.
func ResumeTail(base io.ReaderAt, baseSize int64, b []byte) *Tail {
	return &Tail{base: base, BaseSize: baseSize, Bytes: b}
}

// Size returns the size of the updated file.
func (t *Tail) Size() int64 { return t.BaseSize + int64(len(t.Bytes)) }

// at returns the bytes of a span of the tail.
func (t *Tail) at(s Span) ([]byte, error) {
	if !s.Valid() || s.Start < t.BaseSize || s.End > t.Size() {
		return nil, errAt(CodeUpdate, s.Start, "span [%d,%d) is not within the update", s.Start, s.End)
	}
	return t.Bytes[s.Start-t.BaseSize : s.End-t.BaseSize], nil
}

// FillHex writes data as the hexadecimal string of a hole of NewHexHole, padded with
// zero bytes. Data that do not fit are an error, and the hole stays as it was.
func (t *Tail) FillHex(hole Span, data []byte) error {
	b, err := t.at(hole)
	if err != nil {
		return err
	}
	if len(b) < 2 || b[0] != '<' || b[len(b)-1] != '>' {
		return errAt(CodeUpdate, hole.Start, "no hexadecimal string lies here")
	}
	b = b[1 : len(b)-1]
	if len(b) < 2*len(data) {
		return errAt(CodeUpdate, hole.Start, "%d bytes do not fit into the %d reserved", len(data), len(b)/2)
	}
	for i, c := range data {
		b[2*i], b[2*i+1] = hexDigits[c>>4], hexDigits[c&15]
	}
	for i := 2 * len(data); i < len(b); i++ {
		b[i] = '0'
	}
	return nil
}

// FillText writes an object's text into a hole of NewTextHole, padded with spaces.
func (t *Tail) FillText(hole Span, text string) error {
	b, err := t.at(hole)
	if err != nil {
		return err
	}
	if len(text) > len(b) {
		return errAt(CodeUpdate, hole.Start, "%d characters do not fit into the %d reserved", len(text), len(b))
	}
	for i := copy(b, text); i < len(b); i++ {
		b[i] = ' '
	}
	return nil
}

// ByteRange returns the four numbers that cover the updated file except the gap, which
// is the span of the signature's /Contents.
func (t *Tail) ByteRange(gap Span) [4]int64 {
	return [4]int64{0, gap.Start, gap.End, t.Size() - gap.End}
}

// copyBuffers keep signing many small files from allocating a buffer for each.
var copyBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// CopyBase streams the original file to w, which may be an io.MultiWriter of the
// output and a hash.
func (t *Tail) CopyBase(w io.Writer) error {
	if r, ok := t.base.(*bytes.Reader); ok && r.Size() == t.BaseSize {
		whole := *r // a file in memory needs no buffer
		if _, err := whole.Seek(0, io.SeekStart); err != nil {
			return &Error{Code: CodeIO, Offset: 0, Msg: "reading the original failed", Err: err}
		}
		if _, err := whole.WriteTo(w); err != nil {
			return &Error{Code: CodeIO, Offset: 0, Msg: "writing failed", Err: err}
		}
		return nil
	}
	pooled := copyBuffers.Get().(*[64 << 10]byte)
	defer copyBuffers.Put(pooled)
	buf := pooled[:]
	for at := int64(0); at < t.BaseSize; {
		p := buf[:min(int64(len(buf)), t.BaseSize-at)]
		n, err := t.base.ReadAt(p, at)
		if n < len(p) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return &Error{Code: CodeIO, Offset: at, Msg: "reading the original failed", Err: err}
		}
		if _, err := w.Write(p); err != nil {
			return &Error{Code: CodeIO, Offset: at, Msg: "writing failed", Err: err}
		}
		at += int64(n)
	}
	return nil
}

// CopyExcept writes the update's bytes to w, leaving out the gap; after CopyBase this
// is what a signature covers.
func (t *Tail) CopyExcept(w io.Writer, gap Span) error {
	if _, err := t.at(gap); err != nil {
		return err
	}
	for _, p := range [][]byte{t.Bytes[:gap.Start-t.BaseSize], t.Bytes[gap.End-t.BaseSize:]} {
		if _, err := w.Write(p); err != nil {
			return &Error{Code: CodeIO, Offset: gap.Start, Msg: "writing failed", Err: err}
		}
	}
	return nil
}

// WriteTo writes the whole updated file.
func (t *Tail) WriteTo(w io.Writer) (int64, error) {
	if err := t.CopyBase(w); err != nil {
		return 0, err
	}
	n, err := w.Write(t.Bytes)
	if err != nil {
		err = &Error{Code: CodeIO, Offset: t.BaseSize, Msg: "writing failed", Err: err}
	}
	return t.BaseSize + int64(n), err
}

// ReaderAt gives random access to the updated file as it is now, so that a further
// update can be put on top of one that is not written yet. Filling holes afterwards shows.
func (t *Tail) ReaderAt() io.ReaderAt { return (*tailReader)(t) }

type tailReader Tail

func (t *tailReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errAt(CodeIO, off, "negative offset")
	}
	n := 0
	if off < t.BaseSize {
		q := p[:min(int64(len(p)), t.BaseSize-off)]
		var err error
		if n, err = t.base.ReadAt(q, off); n < len(q) {
			return n, err
		}
	}
	if n < len(p) {
		if at := off + int64(n) - t.BaseSize; at < int64(len(t.Bytes)) {
			n += copy(p[n:], t.Bytes[at:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
