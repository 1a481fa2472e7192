package pdf

import (
	"errors"
	"io"
)

// lzwReader decodes LZWDecode (ISO 32000-2, 7.4.4).
type lzwReader struct {
	r      io.ByteReader
	bits   uint32
	nbits  uint
	early  int
	width  uint
	next   int // next code to be defined
	prev   int // -1 after a clear code
	prefix [4096]uint16
	suffix [4096]byte
	length [4096]uint16
	out    []byte
	buf    [4097]byte
	done   bool
}

func newLZW(r io.ByteReader, early bool) *lzwReader {
	l := &lzwReader{r: r, width: 9, next: 258, prev: -1}
	if early {
		l.early = 1
	}
	for i := range 256 {
		l.suffix[i], l.length[i] = byte(i), 1
	}
	return l
}

func (l *lzwReader) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if l.done {
			return 0, io.EOF
		}
		if err := l.step(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

func (l *lzwReader) code() (int, error) {
	for l.nbits < l.width {
		c, err := l.r.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		l.bits = l.bits<<8 | uint32(c)
		l.nbits += 8
	}
	l.nbits -= l.width
	return int(l.bits >> l.nbits & (1<<l.width - 1)), nil
}

func (l *lzwReader) step() error {
	code, err := l.code()
	if err != nil {
		return err
	}
	switch {
	case code == 256:
		l.width, l.next, l.prev = 9, 258, -1
		return nil
	case code == 257:
		l.done = true
		return nil
	case l.prev < 0:
		if code > 255 {
			return errors.New("LZW code before any literal")
		}
		l.buf[0] = byte(code)
		l.out, l.prev = l.buf[:1], code
		return nil
	case code > l.next:
		return errors.New("LZW code not yet defined")
	}
	l.emit(code)
	if l.next < 4096 {
		l.prefix[l.next], l.suffix[l.next] = uint16(l.prev), l.out[0]
		l.length[l.next] = l.length[l.prev] + 1
		l.next++
		if l.next+l.early >= 1<<l.width && l.width < 12 {
			l.width++
		}
	}
	l.prev = code
	return nil
}

// emit writes the string of a code; the code about to be defined is the previous
// string and its own first byte.
func (l *lzwReader) emit(code int) {
	n := 0
	if code == l.next {
		n = int(l.length[l.prev])
		l.expand(l.prev, n)
		l.buf[n] = l.buf[0]
		n++
	} else {
		n = int(l.length[code])
		l.expand(code, n)
	}
	l.out = l.buf[:n]
}

func (l *lzwReader) expand(code, n int) {
	for i := n - 1; i >= 0; i-- {
		l.buf[i] = l.suffix[code]
		code = int(l.prefix[code])
	}
}
