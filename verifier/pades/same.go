package pades

import (
	"bytes"
	"errors"
	"io"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// sameObject tells whether an object was merely written again.
func (s *step) sameObject(was, is pdf.Object) (bool, error) {
	if equal(was, is) {
		return true, nil
	}
	a, ok1 := was.(*pdf.Stream)
	b, ok2 := is.(*pdf.Stream)
	if !ok1 || !ok2 || a.RawLen() != b.RawLen() || !sameStreamDict(a.Dict, b.Dict) {
		return false, nil
	}
	x, err := a.Raw()
	if err != nil {
		return false, err
	}
	y, err := b.Raw()
	if err != nil {
		return false, err
	}
	return sameBytes(x, y)
}

// sameStreamDict compares stream dictionaries; how the length is written does not matter.
func sameStreamDict(a, b *pdf.Dict) bool {
	for _, key := range differing(a, b) {
		if key != "Length" {
			return false
		}
	}
	return true
}

func sameBytes(x, y io.Reader) (bool, error) {
	var a, b [32 << 10]byte
	for {
		n, err1 := io.ReadFull(x, a[:])
		m, err2 := io.ReadFull(y, b[:])
		if n != m || !bytes.Equal(a[:n], b[:m]) {
			return false, nil
		}
		end1 := errors.Is(err1, io.EOF) || errors.Is(err1, io.ErrUnexpectedEOF)
		end2 := errors.Is(err2, io.EOF) || errors.Is(err2, io.ErrUnexpectedEOF)
		switch {
		case end1 && end2:
			return true, nil
		case err1 != nil && !end1:
			return false, err1
		case err2 != nil && !end2:
			return false, err2
		case end1 != end2:
			return false, nil
		}
	}
}
