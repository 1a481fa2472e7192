package badge

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// White space and line ends of ECMA-262 (section 12.2 and 12.3), of which Go's \s and dot
// know a part only. notSpace is all the rest, for use within a class.
const (
	space    = `\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	notSpace = `\x00-\x08\x0e-\x1f!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
	anything = `\x00-\x{10ffff}`
	notEnd   = `[^\n\r\x{2028}\x{2029}]`
)

var errPattern = errors.New("badge: expected a regular expression of ECMA-262 without look-around and back references")

// ecmaPattern writes a regular expression of ECMA-262, which JSON Schema has (section 6.4),
// with the flag u, as one of Go's that matches the same texts. What Go knows and ECMA-262
// does not is an error where it is read differently there.
func ecmaPattern(p string) (string, error) {
	if !utf8.ValidString(p) {
		return "", errPattern
	}
	var b strings.Builder
	for class := false; p != ""; {
		r, size := utf8.DecodeRuneInString(p)
		rest := p[size:]
		switch {
		case r == '\\':
			text, n, err := ecmaEscape(rest, class)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			rest = rest[n:]
		case class && r == '[':
			b.WriteString(`\[`) // no class of POSIX
		case class:
			class = r != ']'
			b.WriteRune(r)
		case r == '.':
			b.WriteString(notEnd)
		case r == '[' && strings.HasPrefix(rest, "]"):
			b.WriteString(`[^` + anything + `]`)
			rest = rest[1:]
		case r == '[' && strings.HasPrefix(rest, "^]"):
			b.WriteString(`[` + anything + `]`)
			rest = rest[2:]
		default:
			class = r == '['
			b.WriteRune(r)
		}
		p = rest
	}
	return b.String(), nil
}

// ecmaEscape writes what follows a backslash, and how long that is.
func ecmaEscape(p string, class bool) (text string, n int, err error) {
	r, size := utf8.DecodeRuneInString(p)
	switch {
	case p == "":
		return "", 0, errPattern
	case r == 's' && class:
		return space, 1, nil
	case r == 'S' && class:
		return notSpace, 1, nil
	case r == 's':
		return `[` + space + `]`, 1, nil
	case r == 'S':
		return `[^` + space + `]`, 1, nil
	case r == 'u':
		return ecmaUnicode(p)
	case r == 'c' && len(p) > 1 && (p[1]|0x20 >= 'a' && p[1]|0x20 <= 'z'):
		return fmt.Sprintf(`\x%02x`, p[1]&0x1f), 2, nil
	case r == '0' && (len(p) == 1 || p[1] < '0' || p[1] > '9'):
		return `\x00`, 1, nil
	case r == 'b' && class:
		return `\x08`, 1, nil
	case r == 'x' && len(p) > 2 && isHex(p[1:3]):
		return `\` + p[:3], 3, nil
	case (r == 'p' || r == 'P') && strings.HasPrefix(p[1:], "{"):
		return `\` + p[:1], 1, nil
	case strings.ContainsRune("dDwWBbnrtvf", r):
		return `\` + p[:1], 1, nil
	case strings.ContainsRune(`^$\.*+?()[]{}|/-`, r):
		return `\` + p[:1], 1, nil
	case r < utf8.RuneSelf && (r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9'):
		return "", 0, errPattern
	}
	return regexp.QuoteMeta(p[:size]), size, nil // other programs take it for itself
}

// ecmaUnicode writes an escape that begins with u: four digits, two times four of a pair
// of surrogates, or any in braces.
func ecmaUnicode(p string) (text string, n int, err error) {
	digits, n := "", 0
	if end := strings.IndexByte(p, '}'); strings.HasPrefix(p, "u{") && end > 0 {
		digits, n = p[2:end], end+1
	} else if len(p) >= 5 {
		digits, n = p[1:5], 5
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || !isHex(digits) || v > utf8.MaxRune {
		return "", 0, errPattern
	}
	if v >= 0xd800 && v < 0xdc00 && n == 5 && len(p) >= 11 && p[5:7] == `\u` && isHex(p[7:11]) {
		low, _ := strconv.ParseUint(p[7:11], 16, 32)
		if low >= 0xdc00 && low < 0xe000 {
			v, n = 0x10000+(v-0xd800)<<10+(low-0xdc00), 11
		}
	}
	if v >= 0xd800 && v < 0xe000 { // half a character, which no text here has
		return "", 0, errPattern
	}
	return fmt.Sprintf(`\x{%x}`, v), n, nil
}

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// ecmaRegexp is a pattern with the text that it was written as.
type ecmaRegexp struct {
	*regexp.Regexp
	text string
}

func (r ecmaRegexp) String() string { return r.text }

// compilePattern is the engine of regular expressions of schemas.
func compilePattern(p string) (jsonschema.Regexp, error) {
	text, err := ecmaPattern(p)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errPattern
	}
	return ecmaRegexp{re, p}, nil
}
