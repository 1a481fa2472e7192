package rdfc

import (
	"fmt"
	"math/bits"
	"unicode/utf8"
)

const hexUpper = "0123456789ABCDEF"

// iriForbidden marks the ASCII characters that the IRIREF production of N-Quads
// excludes. A term that held one would change the meaning of its line.
var iriForbidden = func() (t [256]bool) {
	for c := range 0x21 {
		t[c] = true
	}
	for _, c := range []byte("<>\"{}|^`\\") {
		t[c] = true
	}
	return t
}()

// literalEscape holds what the canonical form writes for a byte of a literal: 0
// for itself, 'u' for \u00XX, otherwise the letter after the backslash
// (rdf-canon section 5, canonical N-Quads).
var literalEscape = func() (t [256]byte) {
	for c := range 0x20 {
		t[c] = 'u'
	}
	t[0x7f] = 'u'
	t['\b'], t['\t'], t['\n'], t['\f'], t['\r'] = 'b', 't', 'n', 'f', 'r'
	t['"'], t['\\'] = '"', '\\'
	return t
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// hasZero has the high bit set of the lowest zero byte of x, and zero if there is none.
func hasZero(x uint64) uint64 { return (x - ones) &^ x & highs }

// plainPrefix returns how many leading bytes of s are sure to need no escape in a
// literal, looking at eight at a time.
func plainPrefix(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := le64(s[i:])
		ctl := (w - 0x20*ones) &^ w & highs
		bad := ctl | hasZero(w^'"'*ones) | hasZero(w^'\\'*ones) | hasZero(w^0x7f*ones)
		if bad != 0 {
			return i + bits.TrailingZeros64(bad)/8
		}
	}
	for i < len(s) && literalEscape[s[i]] == 0 {
		i++
	}
	return i
}

// le64 reads eight bytes of a string in little-endian order.
func le64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// validIRI reports whether s may stand between angle brackets.
func validIRI(s string) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := le64(s[i:])
		// A quick look that may suspect too much (such as "~") but never too
		// little: below 0x21, above 0x7a, < or >, \ or ^, ", `.
		suspect := (w-0x21*ones)&^w&highs |
			((w&^highs)+5*ones)&^w&highs |
			hasZero((w|0x02*ones)^0x3e*ones) | hasZero((w|0x02*ones)^0x5e*ones) |
			hasZero(w^0x22*ones) | hasZero(w^0x60*ones)
		if suspect != 0 && anyForbidden(s[i:i+8]) {
			return false
		}
	}
	return s != "" && !anyForbidden(s[i:]) && utf8.ValidString(s)
}

func anyForbidden(s string) bool {
	for i := 0; i < len(s); i++ {
		if iriForbidden[s[i]] {
			return true
		}
	}
	return false
}

// validLang reports whether s is a LANGTAG of N-Quads, without its "@".
func validLang(s string) bool {
	part := 0
	first := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9' && !first:
			part++
		case c == '-' && part > 0:
			part, first = 0, false
		default:
			return false
		}
	}
	return part > 0
}

// appendLiteral appends the lexical form s, escaped and in quotes.
func appendLiteral(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		c := s[n]
		if e := literalEscape[c]; e == 'u' {
			dst = append(dst, '\\', 'u', '0', '0', hexUpper[c>>4], hexUpper[c&15])
		} else if e != 0 {
			dst = append(dst, '\\', e)
		} else {
			dst = append(dst, c)
		}
		s = s[n+1:]
	}
}

// appendTerm appends the canonical N-Quads form of an IRI or a literal.
func appendTerm(dst []byte, t *Term) ([]byte, error) {
	switch t.Kind {
	case IRI:
		if !validIRI(t.Value) {
			return dst, fmt.Errorf("%w: an IRI is empty, not UTF-8, or holds a character that IRIs exclude", ErrTerm)
		}
		dst = append(dst, '<')
		dst = append(dst, t.Value...)
		return append(dst, '>'), nil
	case Literal:
		if !utf8.ValidString(t.Value) {
			return dst, fmt.Errorf("%w: a literal is not UTF-8", ErrTerm)
		}
		dst = appendLiteral(dst, t.Value)
		switch {
		case t.Lang != "":
			if !validLang(t.Lang) {
				return dst, fmt.Errorf("%w: expected a language tag such as en or en-GB, found another form", ErrTerm)
			}
			dst = append(dst, '@')
			dst = append(dst, t.Lang...)
		case t.Datatype != "":
			if !validIRI(t.Datatype) {
				return dst, fmt.Errorf("%w: a datatype is not an IRI", ErrTerm)
			}
			dst = append(dst, '^', '^', '<')
			dst = append(dst, t.Datatype...)
			dst = append(dst, '>')
		}
		return dst, nil
	}
	return dst, fmt.Errorf("%w: expected an IRI or a literal", ErrTerm)
}

// appendUint appends n in decimal.
func appendUint(dst []byte, n uint32) []byte {
	if n < 10 {
		return append(dst, '0'+byte(n))
	}
	var b [10]byte
	i := len(b)
	for n > 0 {
		i--
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return append(dst, b[i:]...)
}

// appendHex appends b in lower-case hexadecimal.
func appendHex(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range b {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}
