package rdfc

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrSyntax: a text is not N-Quads. The error is a *SyntaxError.
var ErrSyntax = errors.New("rdfc: invalid N-Quads")

// SyntaxError says where a text is not N-Quads. It is ErrSyntax to errors.Is.
type SyntaxError struct {
	Line   int // counted from 1
	Offset int // in bytes, from the start of the text
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("rdfc: N-Quads line %d, byte %d: %s", e.Line, e.Offset, e.Reason)
}

// Is reports whether target is ErrSyntax.
func (e *SyntaxError) Is(target error) bool { return target == ErrSyntax }

// Limits bound ParseNQuads. The zero Limits are ready to use.
type Limits struct {
	MaxBytes int // of the text; zero means DefaultMaxBytes
	MaxQuads int // zero means DefaultMaxQuads
}

// ParseNQuads parses an RDF 1.1 N-Quads document
// (https://www.w3.org/TR/n-quads/#sec-grammar) strictly: UTF-8, absolute IRIs,
// nothing repaired. Errors: *SyntaxError, ErrTooLarge.
func ParseNQuads(b []byte, lim Limits) (*Dataset, error) {
	if lim.MaxBytes <= 0 {
		lim.MaxBytes = DefaultMaxBytes
	}
	if lim.MaxQuads <= 0 {
		lim.MaxQuads = DefaultMaxQuads
	}
	if len(b) > lim.MaxBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes of N-Quads, found %d", ErrTooLarge, lim.MaxBytes, len(b))
	}
	p := &nquadsParser{s: string(b), line: 1, d: NewDataset(min(len(b)/128, lim.MaxQuads))}
	for p.nextStatement() {
		if len(p.d.quads) == lim.MaxQuads {
			return nil, fmt.Errorf("%w: expected at most %d quads", ErrTooLarge, lim.MaxQuads)
		}
		p.statement()
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.d, nil
}

// nquadsParser reads s from pos on. Once err is set, reading has stopped.
type nquadsParser struct {
	s    string
	pos  int
	line int
	d    *Dataset
	err  *SyntaxError
}

func (p *nquadsParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{Line: p.line, Offset: p.pos, Reason: fmt.Sprintf(format, args...)}
	}
}

// peek returns the next byte, or 0 at the end. A zero byte in the text is no
// token of the grammar outside a literal, so the two need not be told apart.
func (p *nquadsParser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *nquadsParser) space() {
	for c := p.peek(); c == ' ' || c == '\t'; c = p.peek() {
		p.pos++
	}
}

// nextStatement skips empty lines and comments.
func (p *nquadsParser) nextStatement() bool {
	for p.err == nil {
		p.space()
		switch {
		case p.pos == len(p.s):
			return false
		case p.peek() == '#':
			p.comment()
		case p.peek() == '\n' || p.peek() == '\r':
			p.newline()
		default:
			return true
		}
	}
	return false
}

func (p *nquadsParser) newline() {
	if p.peek() == '\n' || p.pos+1 == len(p.s) || p.s[p.pos+1] != '\n' {
		p.line++
	}
	p.pos++
}

func (p *nquadsParser) comment() {
	start := p.pos
	for p.pos < len(p.s) && p.s[p.pos] != '\n' && p.s[p.pos] != '\r' {
		p.pos++
	}
	if !utf8.ValidString(p.s[start:p.pos]) {
		p.fail("comment is not UTF-8")
	}
}

func (p *nquadsParser) statement() {
	subject := p.resource("subject")
	p.space()
	predicate := p.iri("predicate")
	p.space()
	var object TermID
	if p.peek() == '"' {
		object = p.literal()
	} else {
		object = p.resource("object")
	}
	p.space()
	var graph TermID
	if p.err == nil && p.peek() != '.' {
		graph = p.resource("graph name or \".\"")
		p.space()
	}
	if p.err != nil {
		return
	}
	if p.peek() != '.' {
		p.fail("expected \".\"")
		return
	}
	p.pos++
	p.space()
	if p.peek() == '#' {
		p.comment()
	}
	if p.pos < len(p.s) && p.peek() != '\n' && p.peek() != '\r' {
		p.fail("expected the end of the line")
		return
	}
	p.d.Add(subject, predicate, object, graph)
}

func (p *nquadsParser) resource(what string) TermID {
	if p.peek() == '_' {
		return p.blank()
	}
	return p.iri(what)
}

func (p *nquadsParser) iri(what string) TermID {
	if p.err != nil {
		return 0
	}
	v, ok := p.iriRef(what)
	if !ok {
		return 0
	}
	return p.d.IRI(v)
}

// iriRef reads <...>, decodes its escapes and demands an absolute IRI.
func (p *nquadsParser) iriRef(what string) (string, bool) {
	if p.peek() != '<' {
		p.fail("expected %s", what)
		return "", false
	}
	p.pos++
	start := p.pos
	var decoded []byte
	for {
		c := p.peek()
		switch {
		case p.pos == len(p.s):
			p.fail("IRI has no end")
			return "", false
		case c == '>':
			v := p.s[start:p.pos]
			if decoded != nil {
				v = string(append(decoded, v...))
			}
			if !validIRI(v) || !hasScheme(v) {
				p.fail("expected an absolute IRI")
				return "", false
			}
			p.pos++
			return v, true
		case c == '\\':
			decoded = append(decoded, p.s[start:p.pos]...)
			r, ok := p.uchar()
			if !ok {
				return "", false
			}
			decoded = utf8.AppendRune(decoded, r)
			start = p.pos
		case iriForbidden[c]:
			p.fail("character %q is not allowed in an IRI", c)
			return "", false
		default:
			p.pos++
		}
	}
}

// hasScheme reports whether an IRI begins with a scheme and a colon (RFC 3986
// section 3.1), and so is not relative.
func hasScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case c == ':':
			return i > 0
		default:
			return false
		}
	}
	return false
}

// uchar reads \uXXXX or \UXXXXXXXX.
func (p *nquadsParser) uchar() (rune, bool) {
	n := 0
	if p.pos+1 < len(p.s) {
		switch p.s[p.pos+1] {
		case 'u':
			n = 4
		case 'U':
			n = 8
		}
	}
	if n == 0 || p.pos+2+n > len(p.s) {
		p.fail("invalid escape")
		return 0, false
	}
	v := uint32(0)
	for _, c := range []byte(p.s[p.pos+2 : p.pos+2+n]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			p.fail("expected %d hexadecimal digits in an escape", n)
			return 0, false
		}
		v = v<<4 | uint32(c)
	}
	if v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		p.fail("escape names no Unicode character")
		return 0, false
	}
	p.pos += 2 + n
	return rune(v), true
}

func (p *nquadsParser) literal() TermID {
	if p.err != nil {
		return 0
	}
	lexical, ok := p.quoted()
	if !ok {
		return 0
	}
	switch {
	case p.peek() == '@':
		p.pos++
		start := p.pos
		for c := p.peek(); c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-'; c = p.peek() {
			p.pos++
		}
		lang := p.s[start:p.pos]
		if !validLang(lang) {
			p.fail("expected a language tag")
			return 0
		}
		return p.d.Literal(lexical, "", lang)
	case p.pos+2 <= len(p.s) && p.s[p.pos:p.pos+2] == "^^":
		p.pos += 2
		datatype, ok := p.iriRef("datatype")
		if !ok {
			return 0
		}
		return p.d.Literal(lexical, datatype, "")
	}
	return p.d.Literal(lexical, "", "")
}

// quoted reads a string in quotes and decodes its escapes.
func (p *nquadsParser) quoted() (string, bool) {
	p.pos++
	start := p.pos
	var decoded []byte
	for {
		if p.pos == len(p.s) {
			p.fail("literal has no end")
			return "", false
		}
		switch p.s[p.pos] {
		case '"':
			v := p.s[start:p.pos]
			if decoded != nil {
				v = string(append(decoded, v...))
			}
			if !utf8.ValidString(v) {
				p.fail("literal is not UTF-8")
				return "", false
			}
			p.pos++
			return v, true
		case '\n', '\r':
			p.fail("literal has no end on its line")
			return "", false
		case '\\':
			decoded = append(decoded, p.s[start:p.pos]...)
			r, ok := p.echar()
			if !ok {
				return "", false
			}
			decoded = utf8.AppendRune(decoded, r)
			start = p.pos
		default:
			p.pos++
		}
	}
}

// echar reads an escape of a literal.
func (p *nquadsParser) echar() (rune, bool) {
	if p.pos+1 < len(p.s) {
		var r rune
		switch p.s[p.pos+1] {
		case 't':
			r = '\t'
		case 'b':
			r = '\b'
		case 'n':
			r = '\n'
		case 'r':
			r = '\r'
		case 'f':
			r = '\f'
		case '"', '\'', '\\':
			r = rune(p.s[p.pos+1])
		default:
			return p.uchar()
		}
		p.pos += 2
		return r, true
	}
	p.fail("invalid escape")
	return 0, false
}

// blank reads a blank node label.
func (p *nquadsParser) blank() TermID {
	if p.err != nil {
		return 0
	}
	if p.pos+1 >= len(p.s) || p.s[p.pos+1] != ':' {
		p.fail("expected \"_:\"")
		return 0
	}
	p.pos += 2
	start, end := p.pos, p.pos
	for p.pos < len(p.s) {
		r, n := utf8.DecodeRuneInString(p.s[p.pos:])
		if r == utf8.RuneError && n == 1 {
			p.fail("blank node label is not UTF-8")
			return 0
		}
		first := p.pos == start
		if !(isLabelStart(r) || !first && (isLabelRest(r) || r == '.')) {
			break
		}
		p.pos += n
		if r != '.' {
			end = p.pos
		}
	}
	p.pos = end // a label does not end in "."
	if start == end {
		p.fail("expected a blank node label")
		return 0
	}
	return p.d.Blank(p.s[start:end])
}

// isLabelStart is PN_CHARS_U or a digit.
func isLabelStart(r rune) bool {
	switch {
	case r|0x20 >= 'a' && r|0x20 <= 'z', r >= '0' && r <= '9', r == '_', r == ':':
		return true
	case r < 0xC0:
		return false
	}
	for _, x := range [...][2]rune{
		{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF}, {0x200C, 0x200D},
		{0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
	} {
		if r >= x[0] && r <= x[1] {
			return true
		}
	}
	return false
}

// isLabelRest is PN_CHARS without what isLabelStart has.
func isLabelRest(r rune) bool {
	return r == '-' || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}
