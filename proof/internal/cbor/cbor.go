// Package cbor reads the CBOR (RFC 8949) of others' proofs: one item of definite
// lengths with numbers in their shortest form, within bounds. Our own evidence has a
// reader of its own, which demands the one deterministic encoding.
package cbor

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// ErrMalformed: the bytes are not one item of the kinds that are read.
var ErrMalformed = errors.New("cbor: malformed or unsupported CBOR")

// Bounds on one item.
const (
	maxDepth  = 32
	maxValues = 50_000
)

// Kind is the kind of a value.
type Kind uint8

// The kinds. Int holds -2^63 to 2^63-1.
const (
	Int Kind = iota
	Bytes
	Text
	Array
	Map
	Bool
	Null
	Float
)

// Value is an item. Bytes are slices of the input.
type Value struct {
	Kind  Kind
	Int   int64
	Float float64
	Bool  bool
	Bytes []byte // of Bytes and Text
	List  []Value
	Keys  []Value // of Map, beside List
	Raw   []byte  // the item as it stands in the input
}

// Get returns the member of a map whose key is a text, nil for none.
func (v *Value) Get(name string) *Value {
	for i := range v.Keys {
		if v.Keys[i].Kind == Text && string(v.Keys[i].Bytes) == name {
			return &v.List[i]
		}
	}
	return nil
}

// Parse reads exactly one item. Tags are refused. Keys of a map may be integers or
// texts, each once.
func Parse(b []byte) (Value, error) {
	r := reader{b: b}
	v, err := r.item(0)
	if err == nil && len(r.b) > 0 {
		err = ErrMalformed
	}
	return v, err
}

type reader struct {
	b      []byte
	values int
}

func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) {
		return nil, ErrMalformed
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out, nil
}

// head reads major type, additional information and argument.
func (r *reader) head() (major, info byte, n uint64, err error) {
	first, err := r.take(1)
	if err != nil {
		return 0, 0, 0, err
	}
	major, info = first[0]>>5, first[0]&31
	if info < 24 {
		return major, info, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, 0, ErrMalformed
	}
	size := 1 << (info - 24)
	word, err := r.take(uint64(size))
	if err != nil {
		return 0, 0, 0, err
	}
	var full [8]byte
	copy(full[8-size:], word)
	n = binary.BigEndian.Uint64(full[:])
	if major != 7 && (info == 24 && n < 24 || info > 24 && n>>(4*size) == 0) {
		return 0, 0, 0, ErrMalformed
	}
	return major, info, n, nil
}

func (r *reader) item(depth int) (Value, error) {
	start := r.b
	v, err := r.bare(depth)
	v.Raw = start[:len(start)-len(r.b)]
	return v, err
}

func (r *reader) bare(depth int) (Value, error) {
	major, info, n, err := r.head()
	if r.values++; err == nil && (depth > maxDepth || r.values > maxValues) {
		err = ErrMalformed
	}
	if err != nil {
		return Value{}, err
	}
	switch major {
	case 0, 1:
		if n > math.MaxInt64 {
			return Value{}, ErrMalformed
		}
		if major == 1 {
			return Value{Kind: Int, Int: -1 - int64(n)}, nil
		}
		return Value{Kind: Int, Int: int64(n)}, nil
	case 2, 3:
		b, err := r.take(n)
		if err != nil || major == 3 && !utf8.Valid(b) {
			return Value{}, ErrMalformed
		}
		return Value{Kind: Bytes + Kind(major-2), Bytes: b}, nil
	case 4, 5:
		return r.container(major, n, depth)
	case 7:
		return simple(info, n)
	}
	return Value{}, ErrMalformed
}

func (r *reader) container(major byte, n uint64, depth int) (Value, error) {
	v := Value{Kind: Array}
	if major == 5 {
		v.Kind = Map
	}
	if n > uint64(len(r.b)) {
		return Value{}, ErrMalformed
	}
	seen := map[string]bool{}
	for range n {
		if v.Kind == Map {
			key, err := r.item(depth + 1)
			if err != nil || key.Kind != Int && key.Kind != Text {
				return Value{}, ErrMalformed
			}
			name := string(binary.BigEndian.AppendUint64([]byte{byte(key.Kind)}, uint64(key.Int))) + string(key.Bytes)
			if seen[name] {
				return Value{}, ErrMalformed
			}
			seen[name] = true
			v.Keys = append(v.Keys, key)
		}
		element, err := r.item(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.List = append(v.List, element)
	}
	return v, nil
}

func simple(info byte, n uint64) (Value, error) {
	switch info {
	case 20, 21:
		return Value{Kind: Bool, Bool: info == 21}, nil
	case 22:
		return Value{Kind: Null}, nil
	case 25:
		return Value{Kind: Float, Float: half(uint16(n))}, nil
	case 26:
		return Value{Kind: Float, Float: float64(math.Float32frombits(uint32(n)))}, nil
	case 27:
		return Value{Kind: Float, Float: math.Float64frombits(n)}, nil
	}
	return Value{}, ErrMalformed
}

// half expands a number of 16 bits (RFC 8949, appendix D).
func half(h uint16) float64 {
	exponent, mantissa := int(h>>10&31), float64(h&1023)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(mantissa, -24)
	case 31:
		if f = math.Inf(1); mantissa != 0 {
			return math.NaN()
		}
	default:
		f = math.Ldexp(mantissa+1024, exponent-25)
	}
	if h>>15 == 1 {
		return -f
	}
	return f
}
