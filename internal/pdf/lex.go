package pdf

import (
	"math"
	"strconv"
)

// lexer reads tokens and direct objects from a window that moves over a file, a
// decoded stream or a content stream.
type lexer struct {
	buf  []byte
	base int64 // absolute offset of buf[0]
	pos  int
	// fill returns bytes from an absolute offset on, none at the end.
	fill func(off int64) ([]byte, error)
	// stop is an absolute offset no token may reach beyond; 0 means none.
	stop    int64
	lim     *Limits
	nodes   int
	noSpans bool // offsets mean nothing in the file
	content bool // content stream: no references
	ioErr   error
	tok     []byte
	room    [48]byte // for most tokens
}

// memoryLexer reads b; offsets are relative to it.
func memoryLexer(b []byte, lim *Limits) *lexer {
	return &lexer{buf: b, lim: lim, noSpans: true}
}

func (l *lexer) off() int64 { return l.base + int64(l.pos) }

// seek moves to an absolute offset. It also renews the window, which any use of
// the same source by others may have taken away.
func (l *lexer) seek(off int64) {
	if l.fill == nil {
		l.pos = int(off - l.base)
		return
	}
	l.buf, l.base, l.pos = nil, off, 0
}

// rewind goes back to an offset while nobody else used the source.
func (l *lexer) rewind(off int64) {
	if off >= l.base && off <= l.base+int64(len(l.buf)) {
		l.pos = int(off - l.base)
		return
	}
	l.seek(off)
}

// peek returns the next byte, or -1 at the end.
func (l *lexer) peek() int {
	if l.pos < len(l.buf) {
		if l.stop > 0 && l.off() >= l.stop {
			return -1
		}
		return int(l.buf[l.pos])
	}
	if l.fill == nil || l.ioErr != nil {
		return -1
	}
	at := l.off()
	if l.stop > 0 && at >= l.stop {
		return -1
	}
	buf, err := l.fill(at)
	if err != nil {
		l.ioErr = err
		return -1
	}
	if len(buf) == 0 {
		return -1
	}
	l.buf, l.base, l.pos = buf, at, 0
	return int(buf[0])
}

func (l *lexer) fail(code Code, off int64, format string, args ...any) error {
	if l.ioErr != nil {
		return l.ioErr
	}
	if code == CodeSyntax && l.stop > 0 && l.off() >= l.stop {
		return errAt(CodeLimit, off, "object longer than its limit, which ends at byte %d", l.stop)
	}
	return errAt(code, off, format, args...)
}

// Character classes of ISO 32000-2, 7.2.3.
const (
	classRegular = iota
	classSpace
	classDelimiter
)

var class = func() (t [256]byte) {
	for _, c := range "\x00\t\n\f\r " {
		t[c] = classSpace
	}
	for _, c := range "()<>[]{}/%" {
		t[c] = classDelimiter
	}
	return t
}()

func isSpace(c int) bool { return c >= 0 && class[c] == classSpace }

// isEnd reports whether c ends a regular token.
func isEnd(c int) bool { return c < 0 || class[c] != classRegular }

func isDigit(c int) bool { return c >= '0' && c <= '9' }

// skipSpace skips white space and comments.
func (l *lexer) skipSpace() {
	for {
		c := l.peek()
		switch {
		case isSpace(c):
			l.pos++
		case c == '%':
			for c >= 0 && c != '\n' && c != '\r' {
				l.pos++
				c = l.peek()
			}
		default:
			return
		}
	}
}

// skipWhite skips white space only.
func (l *lexer) skipWhite() {
	for isSpace(l.peek()) {
		l.pos++
	}
}

// word reads a run of regular characters of at most limit bytes.
func (l *lexer) word(limit int) []byte {
	l.clearToken()
	for {
		c := l.peek()
		if isEnd(c) || len(l.tok) >= limit {
			return l.tok
		}
		l.tok = append(l.tok, byte(c))
		l.pos++
	}
}

func (l *lexer) clearToken() {
	if l.tok == nil {
		l.tok = l.room[:]
	}
	l.tok = l.tok[:0]
}

// keyword consumes the given word, which must be followed by a delimiter or space.
func (l *lexer) keyword(want string) error {
	at := l.off()
	got := l.word(len(want) + 1)
	if string(got) != want {
		return l.fail(CodeSyntax, at, "expected %q, found %q", want, clip(got))
	}
	return nil
}

func clip(b []byte) []byte {
	if len(b) > 20 {
		return b[:20]
	}
	return b
}

// unsigned reads a token of digits only.
func (l *lexer) unsigned(code Code, what string) (int64, error) {
	at := l.off()
	w := l.word(20)
	if len(w) == 0 || len(w) > 18 {
		return 0, l.fail(code, at, "expected %s, found %q", what, clip(w))
	}
	v := int64(0)
	for _, c := range w {
		if c < '0' || c > '9' {
			return 0, l.fail(code, at, "expected %s, found %q", what, clip(w))
		}
		v = v*10 + int64(c-'0')
	}
	return v, nil
}

// number reads an integer or real. A sign may stand only in front, a point only once.
func (l *lexer) number() (Object, error) {
	at := l.off()
	w := l.word(maxNumberBytes + 1)
	digits, points := 0, 0
	for i, c := range w {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		case (c == '+' || c == '-') && i == 0:
		default:
			return nil, l.fail(CodeNumber, at, "malformed number %q", clip(w))
		}
	}
	if digits == 0 || points > 1 || len(w) > maxNumberBytes {
		return nil, l.fail(CodeNumber, at, "malformed number %q", clip(w))
	}
	if points == 0 {
		if len(w) <= 18 {
			return Integer(smallInt(w)), nil
		}
		v, err := strconv.ParseInt(string(w), 10, 64)
		if err != nil {
			return nil, l.fail(CodeNumber, at, "integer %q out of range", clip(w))
		}
		return Integer(v), nil
	}
	v, err := strconv.ParseFloat(string(w), 64)
	if err != nil || math.IsInf(v, 0) {
		return nil, l.fail(CodeNumber, at, "real %q out of range", clip(w))
	}
	return Real(v), nil
}

func smallInt(w []byte) int64 {
	v, neg := int64(0), false
	for _, c := range w {
		switch c {
		case '-':
			neg = true
		case '+':
		default:
			v = v*10 + int64(c-'0')
		}
	}
	if neg {
		return -v
	}
	return v
}

func unhex(c int) int {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return -1
}

// name reads a name; the slash is next.
func (l *lexer) name() (Name, error) {
	at := l.off()
	l.pos++
	l.clearToken()
	for {
		c := l.peek()
		if isEnd(c) {
			return Name(l.tok), nil
		}
		l.pos++
		if c == '#' {
			h := unhex(l.peek())
			if h >= 0 {
				l.pos++
			}
			g := unhex(l.peek())
			if h < 0 || g < 0 || h|g == 0 {
				return "", l.fail(CodeSyntax, at, "name with a malformed # escape")
			}
			l.pos++
			c = h<<4 | g
		}
		if len(l.tok) >= maxNameBytes {
			return "", l.fail(CodeLimit, at, "name longer than %d bytes", maxNameBytes)
		}
		l.tok = append(l.tok, byte(c))
	}
}

// hexString reads <…>; the < has been read.
func (l *lexer) hexString(at int64) (String, error) {
	var out []byte
	high := -1
	for {
		// Fast path over the window: signature contents run to many kilobytes.
		for high < 0 && l.pos+1 < len(l.buf) && (l.stop == 0 || l.off()+2 <= l.stop) {
			h, g := unhex(int(l.buf[l.pos])), unhex(int(l.buf[l.pos+1]))
			if h < 0 || g < 0 {
				break
			}
			out = append(out, byte(h<<4|g))
			l.pos += 2
		}
		c := l.peek()
		switch {
		case c == '>':
			l.pos++
			if high >= 0 {
				out = append(out, byte(high<<4))
			}
			return String{Value: out, Hex: true}, nil
		case isSpace(c):
		default:
			h := unhex(c)
			if h < 0 {
				return String{}, l.fail(CodeSyntax, at, "hexadecimal string with another character, or not closed")
			}
			if high < 0 {
				high = h
			} else {
				out = append(out, byte(high<<4|h))
				high = -1
			}
		}
		l.pos++
	}
}

// literalString reads (…); the ( is next (ISO 32000-2, 7.3.4.2).
func (l *lexer) literalString() (String, error) {
	at := l.off()
	l.pos++
	out := make([]byte, 0, 32)
	for open := 1; ; {
		c := l.peek()
		if c < 0 {
			return String{}, l.fail(CodeSyntax, at, "string not closed")
		}
		l.pos++
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return String{Value: out}, nil
			}
		case '\r':
			if l.peek() == '\n' {
				l.pos++
			}
			c = '\n'
		case '\\':
			if c = l.escape(); c < 0 {
				continue
			}
		}
		out = append(out, byte(c))
	}
}

// escape reads what follows a backslash; -1 means it stands for nothing.
func (l *lexer) escape() int {
	c := l.peek()
	if c < 0 {
		return -1
	}
	l.pos++
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case '\n':
		return -1
	case '\r':
		if l.peek() == '\n' {
			l.pos++
		}
		return -1
	}
	if c < '0' || c > '7' {
		return c // a backslash before any other character is ignored
	}
	v := c - '0'
	for range 2 {
		d := l.peek()
		if d < '0' || d > '7' {
			break
		}
		l.pos++
		v = v<<3 | (d - '0')
	}
	return v & 0xff // high-order overflow is ignored, as the standard says
}
