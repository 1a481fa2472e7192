package beacon

import "encoding/binary"

// reader reads SSZ fields in order. The first failure sticks; end reports it, or bytes
// left over.
type reader struct {
	b    []byte
	what string // container being read, for messages
	err  error
	size int // bytes at the start
}

func newReader(b []byte, what string) *reader { return &reader{b: b, what: what, size: len(b)} }

func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b) {
		r.err = fail(ErrMalformed, "%s ends early: expected %d bytes at %d, found %d", r.what, n, r.size-len(r.b), len(r.b))
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) fill(dst []byte) { copy(dst, r.take(len(dst))) }

func (r *reader) root() (v Root) {
	r.fill(v[:])
	return v
}

func (r *reader) roots(n int) []Root {
	b := r.take(32 * n)
	if b == nil {
		return nil
	}
	out := make([]Root, n)
	for i := range out {
		copy(out[i][:], b[32*i:])
	}
	return out
}

func (r *reader) u64() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *reader) u16() int {
	b := r.take(2)
	if b == nil {
		return 0
	}
	return int(binary.LittleEndian.Uint16(b))
}

func (r *reader) u8() int {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return int(b[0])
}

func (r *reader) offset() int {
	b := r.take(4)
	if b == nil {
		return 0
	}
	v := binary.LittleEndian.Uint32(b)
	if v > 1<<24 {
		r.err = fail(ErrMalformed, "%s: offset %d out of range", r.what, v)
		return 0
	}
	return int(v)
}

// tail splits the rest at the offsets of the variable parts. The first must point right
// behind the fixed part, each next one not before the one preceding it.
func (r *reader) tail(offsets ...int) [][]byte {
	if r.err != nil {
		return make([][]byte, len(offsets))
	}
	parts := make([][]byte, len(offsets))
	at := r.size - len(r.b)
	for i, off := range offsets {
		end := r.size
		if i+1 < len(offsets) {
			end = offsets[i+1]
		}
		if off != at || end < off || end > r.size {
			r.err = fail(ErrMalformed, "%s: expected offset %d of part %d, found %d to %d of %d", r.what, at, i, off, end, r.size)
			return parts
		}
		parts[i] = r.take(end - off)
		at = end
	}
	return parts
}

func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = fail(ErrMalformed, "%s: %d bytes left over", r.what, len(r.b))
	}
	return r.err
}

func appendU64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

func appendOffset(b []byte, v int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(v)) }

func appendRoots(b []byte, roots []Root) []byte {
	for i := range roots {
		b = append(b, roots[i][:]...)
	}
	return b
}
