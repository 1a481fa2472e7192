package evidence

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
)

// The CBOR major types that bundles use (RFC 8949, 3.1).
const (
	kindUint  byte = 0
	kindBytes byte = 2
	kindText  byte = 3
	kindArray byte = 4
	kindMap   byte = 5
	// kindOther is what no bundle of this version holds: numbers that are negative, no
	// integers or too large, booleans and null. Members that are not known may be such.
	kindOther byte = 7
)

// Major types that are only ever part of kindOther.
const (
	kindNegative byte = 1
	kindSimple   byte = 7
)

// value is a data item: what CBOR and JSON views have in common. In the JSON view byte
// strings are texts in hex; which texts they are is known to the reader of the member.
type value struct {
	kind byte
	n    uint64
	b    []byte   // byte string or text; of kindOther the encoding
	keys []string // of a map, in the order of list
	list []value  // elements of an array, values of a map
}

// selfDescribed is the tag 55799 (RFC 8949, 3.4.6), by which files are recognised.
var selfDescribed = []byte{0xd9, 0xd9, 0xf7}

// cborReader reads deterministic CBOR (RFC 8949, 4.2.1) of the types above: shortest
// lengths, definite lengths, map keys that are texts in bytewise order of their
// encodings. Whether a float is in its shortest form is not looked at: no member that is
// known is one. Byte strings are slices of the input.
type cborReader struct {
	b      []byte
	values int
}

// parseCBOR reads exactly one item.
func parseCBOR(b []byte) (value, error) {
	r := &cborReader{b: b}
	v, err := r.item(0)
	if err == nil && len(r.b) > 0 {
		err = malformed("expected the end, found %d more bytes", len(r.b))
	}
	return v, err
}

// head reads major type and argument.
func (r *cborReader) head() (byte, uint64, error) {
	if len(r.b) == 0 {
		return 0, 0, malformed("expected more bytes, found the end")
	}
	major, info := r.b[0]>>5, r.b[0]&31
	r.b = r.b[1:]
	if info < 24 {
		return major, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, malformed("expected a definite length")
	}
	size := 1 << (info - 24)
	if len(r.b) < size {
		return 0, 0, malformed("expected more bytes, found the end")
	}
	var word [8]byte
	copy(word[8-size:], r.b[:size])
	n := binary.BigEndian.Uint64(word[:])
	r.b = r.b[size:]
	if major != 7 && (info == 24 && n < 24 || info > 24 && n>>(4*size) == 0) {
		return 0, 0, malformed("expected the shortest form of a number")
	}
	return major, n, nil
}

func (r *cborReader) item(depth int) (value, error) {
	start := r.b
	major, n, err := r.head()
	if err != nil {
		return value{}, err
	}
	if r.values++; r.values > maxValues || depth > maxDepth {
		return value{}, ErrTooLarge
	}
	v := value{kind: major}
	switch major {
	case kindUint:
		if v.n = n; n > maxUint {
			v.kind = kindOther
		}
	case kindNegative:
		v.kind = kindOther
	case kindSimple:
		// The simple values other than false, true and null, and the end of an indefinite
		// length, which head refuses, have no place in deterministic CBOR of plain data.
		if info := start[0] & 31; info < 20 || info > 22 && info < 25 {
			return value{}, malformed("expected plain data, found a simple value")
		}
		v.kind = kindOther
	case kindBytes, kindText:
		v.b, err = r.take(n)
		if err == nil && major == kindText && !utf8.Valid(v.b) {
			err = malformed("expected UTF-8")
		}
	case kindArray:
		if n > uint64(len(r.b)) {
			return value{}, malformed("expected %d elements, found the end", n)
		}
		if n > maxValues {
			return value{}, ErrTooLarge
		}
		v.list = make([]value, n)
		for i := range v.list {
			if v.list[i], err = r.item(depth + 1); err != nil {
				return value{}, err
			}
		}
	case kindMap:
		return r.mapping(n, depth)
	default:
		return value{}, malformed("expected no tags")
	}
	if v.kind == kindOther {
		v.b = start[:len(start)-len(r.b)]
	}
	return v, err
}

func (r *cborReader) mapping(n uint64, depth int) (value, error) {
	if n > maxMembers {
		return value{}, ErrTooLarge
	}
	if n > uint64(len(r.b)) {
		return value{}, malformed("expected %d members, found the end", n)
	}
	v := value{kind: kindMap, keys: make([]string, n), list: make([]value, n)}
	var before []byte
	for i := range v.keys {
		start := r.b
		major, size, err := r.head()
		if err != nil {
			return value{}, err
		}
		if major != kindText {
			return value{}, malformed("expected member names that are texts")
		}
		name, err := r.take(size)
		if err != nil {
			return value{}, err
		}
		if !utf8.Valid(name) {
			return value{}, malformed("expected UTF-8")
		}
		key := start[:len(start)-len(r.b)]
		if i > 0 && bytes.Compare(before, key) >= 0 {
			return value{}, malformed("expected member names once each and in order")
		}
		before, v.keys[i] = key, string(name)
		if v.list[i], err = r.item(depth + 1); err != nil {
			return value{}, err
		}
	}
	return v, nil
}

func (r *cborReader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) {
		return nil, malformed("expected %d bytes, found %d", n, len(r.b))
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out, nil
}

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major<<5|byte(n))
	case n < 1<<8:
		return append(b, major<<5|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major<<5|27), n)
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, kindText, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(appendHead(b, kindBytes, uint64(len(s))), s...)
}

// appendCBOR writes deterministic CBOR. The members of maps must be in order, as
// fields keeps them.
func (v *value) appendCBOR(b []byte) []byte {
	switch v.kind {
	case kindUint:
		return appendHead(b, kindUint, v.n)
	case kindBytes, kindText:
		return append(appendHead(b, v.kind, uint64(len(v.b))), v.b...)
	case kindOther:
		return append(b, v.b...)
	}
	b = appendHead(b, v.kind, uint64(len(v.list)))
	for i := range v.list {
		if v.kind == kindMap {
			b = appendText(b, v.keys[i])
		}
		b = v.list[i].appendCBOR(b)
	}
	return b
}

// put adds a member, keeping the order that CBOR wants: shorter names first, equal
// lengths in bytewise order, which is the order of the encoded names.
func (v *value) put(name string, member value) {
	i, _ := slices.BinarySearchFunc(v.keys, name, compareKeys)
	v.keys = slices.Insert(v.keys, i, name)
	v.list = slices.Insert(v.list, i, member)
}

func compareKeys(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
