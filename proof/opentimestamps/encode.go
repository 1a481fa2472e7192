package opentimestamps

import (
	"fmt"
	"strings"
)

// reader takes bytes off the front, keeping the first error.
type reader struct {
	b     []byte
	err   error
	steps int
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

func (r *reader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.b)) {
		r.fail("expected %d more bytes", n)
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) one() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// uint reads a base-128 integer, least significant digits first, in its shortest form.
func (r *reader) uint() uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := r.one()
		if shift == 63 && b > 1 || shift > 63 || shift > 0 && b == 0 {
			r.fail("expected an integer of 64 bits in its shortest form")
		}
		if r.err != nil {
			return 0
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (r *reader) bytes(least, most uint64) []byte {
	n := r.uint()
	if n < least || n > most {
		r.fail("expected %d to %d bytes, found %d", least, most, n)
	}
	return r.take(n)
}

// Parse reads a proof: exactly the bytes that Encode writes. Slices in the result
// share memory with b. Errors wrap ErrMalformed, ErrTooLarge or ErrUnsupported. An
// attestation whose tag is not known is kept; an operation that is not known ends the
// reading, since what follows it cannot be found.
func Parse(b []byte) (*File, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes, found %d", ErrTooLarge, MaxBytes, len(b))
	}
	if !Is(b) {
		return nil, fmt.Errorf("%w: expected the magic bytes", ErrMalformed)
	}
	r := &reader{b: b[len(Magic):]}
	if v := r.uint(); r.err == nil && v != version {
		return nil, fmt.Errorf("%w: expected version %d, found %d", ErrUnsupported, version, v)
	}
	f := &File{HashOp: Op(r.one())}
	size := f.HashOp.digestSize()
	if r.err == nil && size == 0 {
		return nil, fmt.Errorf("%w: expected a hash of the file, found %s", ErrUnsupported, f.HashOp)
	}
	f.Digest = r.take(uint64(size))
	if r.err == nil {
		f.Root = r.node(f.Digest, 0)
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail("expected the end, found %d more bytes", len(r.b))
	}
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

// node reads a place: branches with 0xff before each but the last. Values are computed
// on the way, so that a proof whose operations cannot be run is refused here.
func (r *reader) node(value []byte, depth int) *Node {
	n := &Node{}
	for r.err == nil {
		tag := r.one()
		more := tag == 0xff
		if more {
			tag = r.one()
		}
		if tag == 0xff {
			r.fail("expected an operation or attestation after 0xff")
		}
		if r.err != nil {
			return nil
		}
		n.Branches = append(n.Branches, r.branch(tag, value, depth))
		if !more {
			return n
		}
	}
	return nil
}

func (r *reader) branch(tag byte, value []byte, depth int) Branch {
	if r.steps++; r.steps > MaxSteps || depth >= MaxDepth {
		r.err = fmt.Errorf("%w: expected at most %d steps and %d in a row", ErrTooLarge, MaxSteps, MaxDepth)
		return Branch{}
	}
	if tag == 0 {
		return Branch{Attestation: r.attestation()}
	}
	b := Branch{Op: Op(tag)}
	if b.Op == Append || b.Op == Prepend {
		b.Arg = r.bytes(1, MaxResult)
	}
	if r.err != nil {
		return Branch{}
	}
	next, err := b.Op.apply(b.Arg, value)
	if err != nil {
		r.err = err
		return Branch{}
	}
	b.Next = r.node(next, depth+1)
	return b
}

func (r *reader) attestation() *Attestation {
	a := &Attestation{}
	copy(a.Tag[:], r.take(8))
	a.Payload = r.bytes(0, MaxPayload)
	if r.err != nil {
		return nil
	}
	in := &reader{b: a.Payload}
	switch a.Kind = kinds[a.Tag]; a.Kind {
	case Bitcoin, Litecoin, Ethereum:
		a.Height = in.uint()
	case Pending:
		a.URI = string(in.bytes(0, MaxURI))
		if strings.ContainsFunc(a.URI, func(c rune) bool { return !uriCharacter(c) }) {
			in.fail("expected a URI of letters, digits and -._/:")
		}
	case Unknown:
		return a
	}
	if in.err == nil && len(in.b) > 0 {
		in.fail("expected the end of the attestation's payload")
	}
	r.err = in.err
	return a
}

func uriCharacter(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._/:", c)
}

func appendUint(out []byte, n uint64) []byte {
	for n >= 0x80 {
		out = append(out, byte(n)|0x80)
		n >>= 7
	}
	return append(out, byte(n))
}

func appendBytes(out, b []byte) []byte { return append(appendUint(out, uint64(len(b))), b...) }

// Encode writes a proof. For a parsed one the bytes are those that were parsed. The
// error is that of parsing what was written, for a File made by hand.
func (f *File) Encode() ([]byte, error) {
	out := append([]byte(Magic), version, byte(f.HashOp))
	out = append(out, f.Digest...)
	out, ok := appendNode(out, f.Root, 0)
	if !ok {
		return nil, fmt.Errorf("%w: expected nodes with branches, at most %d deep", ErrMalformed, MaxDepth)
	}
	if _, err := Parse(out); err != nil {
		return nil, err
	}
	return out, nil
}

func appendNode(out []byte, n *Node, depth int) ([]byte, bool) {
	if n == nil || len(n.Branches) == 0 || depth > MaxDepth || len(out) > MaxBytes {
		return nil, false
	}
	for i, b := range n.Branches {
		if i < len(n.Branches)-1 {
			out = append(out, 0xff)
		}
		if b.Attestation != nil {
			out = append(append(out, 0), b.Attestation.Tag[:]...)
			out = appendBytes(out, b.Attestation.Payload)
			continue
		}
		out = append(out, byte(b.Op))
		if b.Op == Append || b.Op == Prepend {
			out = appendBytes(out, b.Arg)
		}
		var ok bool
		if out, ok = appendNode(out, b.Next, depth+1); !ok {
			return nil, false
		}
	}
	return out, true
}

// NewBlockAttestation makes an attestation of a block of Bitcoin, Litecoin or
// Ethereum; ok is false for other kinds.
func NewBlockAttestation(k Kind, height uint64) (a *Attestation, ok bool) {
	for tag, kind := range kinds {
		if kind == k && k != Pending {
			return &Attestation{Kind: k, Tag: tag, Height: height, Payload: appendUint(nil, height)}, true
		}
	}
	return nil, false
}
