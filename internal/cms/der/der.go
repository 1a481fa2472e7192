// Package der turns what others call DER into what is DER, or refuses it.
//
// Canonical is the one entry: it finds where the outermost element ends, checks the whole tree
// within limits, and converts the three freedoms of BER that real signers use (indefinite lengths,
// lengths longer than needed, OCTET STRINGs in segments) to DER. Each conversion has exactly one
// result, so no two readers can differ about what was meant. Everything else BER allows and DER
// does not is refused.
package der

import (
	"errors"
	"fmt"
)

// Limits on what is read. All are far above anything a signer writes.
const (
	MaxDepth    = 32        // nesting of elements
	MaxElements = 4_000_000 // elements in one message; a CRL inside has seven for each entry
)

var (
	// ErrSyntax: not BER, or cut short.
	ErrSyntax = errors.New("der: malformed encoding")
	// ErrTrailing: bytes other than zero padding follow the outermost element.
	ErrTrailing = errors.New("der: trailing bytes")
	// ErrUnsupported: a freedom of BER that is not converted.
	ErrUnsupported = errors.New("der: unsupported BER form")
	// ErrLimit: deeper or with more elements than allowed.
	ErrLimit = errors.New("der: too deep or too many elements")
)

// Result is what Canonical found.
type Result struct {
	DER     []byte // the outermost element in DER; aliases the input when it was DER already
	BER     bool   // true when something had to be converted
	Padding int    // number of zero bytes after the outermost element
}

// Canonical reads one element and the zero padding after it. It checks lengths, depth and count for
// all elements in it, including those inside values it does not otherwise understand.
func Canonical(b []byte) (Result, error) {
	w := walker{left: MaxElements}
	n, err := w.scan(b, 0)
	if err != nil {
		return Result{}, err
	}
	r := Result{DER: b[:n:n], BER: w.ber, Padding: len(b) - n}
	for i, c := range b[n:] {
		if c != 0 {
			return Result{}, fmt.Errorf("%w: byte 0x%02x at offset %d, after an element of %d bytes", ErrTrailing, c, n+i, n)
		}
	}
	if w.ber {
		if r.DER, _, err = convert(make([]byte, 0, n), b[:n]); err != nil {
			return Result{}, err
		}
	}
	return r, nil
}

type header struct {
	tag        byte
	length     int // of the content; -1 for indefinite
	size       int // of the header itself
	minimal    bool
	construct  bool
	indefinite bool
}

// readHeader reads identifier and length octets and checks that the content fits.
func readHeader(b []byte) (header, error) {
	if len(b) < 2 {
		return header{}, fmt.Errorf("%w: %d bytes left for a header", ErrSyntax, len(b))
	}
	h := header{tag: b[0], size: 2, minimal: true, construct: b[0]&0x20 != 0}
	if h.tag&0x1f == 0x1f {
		return header{}, fmt.Errorf("%w: tag number above 30", ErrUnsupported)
	}
	switch l := b[1]; {
	case l < 0x80:
		h.length = int(l)
	case l == 0x80:
		if !h.construct {
			return header{}, fmt.Errorf("%w: indefinite length on a primitive element", ErrSyntax)
		}
		h.length, h.indefinite = -1, true
		return h, nil
	default:
		n := int(l & 0x7f)
		if n > 4 || len(b) < 2+n {
			return header{}, fmt.Errorf("%w: length of %d octets", ErrSyntax, n)
		}
		v := 0
		for _, c := range b[2 : 2+n] {
			v = v<<8 | int(c)
		}
		if v < 0 || v > 1<<31-1 {
			return header{}, fmt.Errorf("%w: length too large", ErrSyntax)
		}
		h.length, h.size = v, 2+n
		h.minimal = b[2] != 0 && (n > 1 || v >= 0x80)
	}
	if h.length > len(b)-h.size {
		return header{}, fmt.Errorf("%w: length %d, %d bytes left", ErrSyntax, h.length, len(b)-h.size)
	}
	return h, nil
}

type walker struct {
	left int
	ber  bool
}

// scan returns the size of the element at the start of b.
func (w *walker) scan(b []byte, depth int) (int, error) {
	if depth > MaxDepth {
		return 0, fmt.Errorf("%w: nesting above %d", ErrLimit, MaxDepth)
	}
	if w.left--; w.left < 0 {
		return 0, fmt.Errorf("%w: more than %d elements", ErrLimit, MaxElements)
	}
	h, err := readHeader(b)
	if err != nil {
		return 0, err
	}
	if h.tag == 0 {
		return 0, fmt.Errorf("%w: end-of-contents octets where an element belongs", ErrSyntax)
	}
	if !h.minimal || h.indefinite {
		w.ber = true
	}
	if h.construct && h.tag&0xc0 == 0 {
		switch h.tag {
		case 0x30, 0x31:
		case 0x24: // OCTET STRING in segments
			w.ber = true
		default: // other constructed strings, and universal types that are never constructed (EXTERNAL is not used)
			return 0, fmt.Errorf("%w: universal tag 0x%02x in constructed form", ErrUnsupported, h.tag)
		}
	}
	if !h.construct {
		if h.tag == 0x30 || h.tag == 0x31 || h.tag == 0x10 || h.tag == 0x11 {
			return 0, fmt.Errorf("%w: SEQUENCE or SET in primitive form", ErrSyntax)
		}
		return h.size + h.length, nil
	}
	return w.children(b, h, depth)
}

func (w *walker) children(b []byte, h header, depth int) (int, error) {
	end := len(b)
	if !h.indefinite {
		end = h.size + h.length
	}
	for pos := h.size; ; {
		if h.indefinite {
			if end-pos < 2 {
				return 0, fmt.Errorf("%w: indefinite length without an end", ErrSyntax)
			}
			if b[pos] == 0 && b[pos+1] == 0 {
				return pos + 2, nil
			}
		} else if pos == end {
			return end, nil
		}
		n, err := w.scan(b[pos:end], depth+1)
		if err != nil {
			return 0, err
		}
		if h.tag == 0x24 && b[pos] != 0x04 && b[pos] != 0x24 {
			return 0, fmt.Errorf("%w: segment of an OCTET STRING has tag 0x%02x", ErrSyntax, b[pos])
		}
		pos += n
	}
}

// convert appends the DER form of the element at the start of b, which scan has accepted, and returns
// the size of that element in b.
func convert(dst, b []byte) ([]byte, int, error) {
	h, err := readHeader(b)
	if err != nil {
		return nil, 0, err
	}
	if !h.construct {
		dst = appendHeader(dst, h.tag, h.length)
		return append(dst, b[h.size:h.size+h.length]...), h.size + h.length, nil
	}
	each := convert
	tag := h.tag
	if tag == 0x24 {
		each, tag = appendSegments, 0x04
	}
	content, n, err := eachChild(nil, b, h, each)
	if err != nil {
		return nil, 0, err
	}
	return append(appendHeader(dst, tag, len(content)), content...), n, nil
}

// appendSegments appends the octets of an OCTET STRING that may itself be in segments.
func appendSegments(dst, b []byte) ([]byte, int, error) {
	h, err := readHeader(b)
	if err != nil {
		return nil, 0, err
	}
	if !h.construct {
		return append(dst, b[h.size:h.size+h.length]...), h.size + h.length, nil
	}
	return eachChild(dst, b, h, appendSegments)
}

// eachChild applies f to each element inside the one at the start of b and returns the size of the latter.
func eachChild(dst, b []byte, h header, f func(dst, b []byte) ([]byte, int, error)) ([]byte, int, error) {
	end := len(b)
	if !h.indefinite {
		end = h.size + h.length
	}
	for pos := h.size; ; {
		switch {
		case !h.indefinite && pos == end:
			return dst, end, nil
		case h.indefinite && end-pos >= 2 && b[pos] == 0 && b[pos+1] == 0:
			return dst, pos + 2, nil
		}
		var n int
		var err error
		if dst, n, err = f(dst, b[pos:end]); err != nil {
			return nil, 0, err
		}
		pos += n
	}
}

func appendHeader(dst []byte, tag byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(dst, tag, byte(n))
	case n < 1<<8:
		return append(dst, tag, 0x81, byte(n))
	case n < 1<<16:
		return append(dst, tag, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		return append(dst, tag, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, tag, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
