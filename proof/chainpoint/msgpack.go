package chainpoint

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Bounds on the binary form.
const (
	packDepth  = 64
	packValues = 100_000
)

// packReader turns MessagePack of the kinds that JSON has into JSON text, so that both
// forms are read by one reader.
type packReader struct {
	b      []byte
	out    []byte
	values int
	bad    bool
}

// packToJSON reads exactly one value.
func packToJSON(b []byte) ([]byte, bool) {
	r := &packReader{b: b}
	r.value(0)
	return r.out, !r.bad && len(r.b) == 0
}

func (r *packReader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *packReader) uint(size int) uint64 {
	var word [8]byte
	copy(word[8-size:], r.take(uint64(size)))
	return binary.BigEndian.Uint64(word[:])
}

func (r *packReader) value(depth int) {
	first := r.take(1)
	if r.values++; first == nil || depth > packDepth || r.values > packValues {
		r.bad = true
		return
	}
	switch c := first[0]; {
	case c <= 0x7f:
		r.out = strconv.AppendInt(r.out, int64(c), 10)
	case c <= 0x8f:
		r.mapping(uint64(c&15), depth)
	case c <= 0x9f:
		r.array(uint64(c&15), depth)
	case c <= 0xbf:
		r.text(uint64(c & 31))
	case c == 0xc0:
		r.out = append(r.out, "null"...)
	case c == 0xc2, c == 0xc3:
		r.out = strconv.AppendBool(r.out, c == 0xc3)
	case c >= 0xcc && c <= 0xcf: // unsigned
		r.out = strconv.AppendUint(r.out, r.uint(1<<(c-0xcc)), 10)
	case c >= 0xd9 && c <= 0xdb:
		r.text(r.uint(1 << (c - 0xd9)))
	case c == 0xdc, c == 0xdd:
		r.array(r.uint(2<<(c-0xdc)), depth)
	case c == 0xde, c == 0xdf:
		r.mapping(r.uint(2<<(c-0xde)), depth)
	default: // negative numbers, floats, byte strings, extensions: no proof holds any
		r.bad = true
	}
}

func (r *packReader) text(n uint64) {
	b := r.take(n)
	if !utf8.Valid(b) {
		r.bad = true
	}
	if !r.bad {
		r.out = append(r.out, strictjson.Quote(string(b))...)
	}
}

func (r *packReader) array(n uint64, depth int) {
	r.out = append(r.out, '[')
	for i := uint64(0); i < n && !r.bad; i++ {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		r.value(depth + 1)
	}
	r.out = append(r.out, ']')
}

func (r *packReader) mapping(n uint64, depth int) {
	r.out = append(r.out, '{')
	for i := uint64(0); i < n && !r.bad; i++ {
		if i > 0 {
			r.out = append(r.out, ',')
		}
		if len(r.b) == 0 || r.b[0]>>5 != 5 && (r.b[0] < 0xd9 || r.b[0] > 0xdb) {
			r.bad = true // names are texts
			return
		}
		r.value(depth + 1)
		r.out = append(r.out, ':')
		r.value(depth + 1)
	}
	r.out = append(r.out, '}')
}
