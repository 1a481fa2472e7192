package pdf

// object reads one direct object or reference. White space has been skipped.
func (l *lexer) object(depth int) (Object, error) {
	at := l.off()
	if l.nodes++; l.nodes > l.lim.Nodes {
		return nil, l.fail(CodeLimit, at, "more than %d values in one object", l.lim.Nodes)
	}
	if depth > l.lim.Depth {
		return nil, l.fail(CodeLimit, at, "nested deeper than %d", l.lim.Depth)
	}
	c := l.peek()
	switch {
	case c == '/':
		return l.name()
	case c == '(':
		return l.literalString()
	case c == '<':
		l.pos++
		if l.peek() != '<' {
			return l.hexString(at)
		}
		l.pos++
		return l.dict(at, depth)
	case c == '[':
		return l.array(depth)
	case isDigit(c) && !l.content:
		return l.numberOrRef()
	case isDigit(c) || c == '+' || c == '-' || c == '.':
		return l.number()
	case c < 0:
		return nil, l.fail(CodeSyntax, at, "expected an object, found the end")
	}
	switch w := l.word(6); string(w) {
	case "true":
		return Bool(true), nil
	case "false":
		return Bool(false), nil
	case "null":
		return Null{}, nil
	default:
		return nil, l.fail(CodeSyntax, at, "expected an object, found %q", clip(w))
	}
}

// numberOrRef looks ahead for "G R" after an integer.
func (l *lexer) numberOrRef() (Object, error) {
	at := l.off()
	o, err := l.number()
	num, ok := o.(Integer)
	if err != nil || !ok || num > maxObjectNumber {
		return o, err
	}
	after := l.off()
	l.skipSpace()
	if !isDigit(l.peek()) {
		l.rewind(after)
		return o, nil
	}
	gen, w := int64(0), l.word(6)
	for _, c := range w {
		if !isDigit(int(c)) {
			l.rewind(after)
			return o, nil
		}
		gen = gen*10 + int64(c-'0')
	}
	l.skipSpace()
	if l.peek() != 'R' || gen > 65535 || len(w) > 5 {
		l.rewind(after)
		return o, nil
	}
	l.pos++
	if !isEnd(l.peek()) {
		l.rewind(after)
		return o, nil
	}
	if num == 0 {
		return nil, l.fail(CodeSyntax, at, "reference to object 0, which is always free")
	}
	return Ref{Num: uint32(num), Gen: uint16(gen)}, nil
}

func (l *lexer) spanFrom(start int64) Span {
	if l.noSpans {
		return NoSpan
	}
	return Span{start, l.off()}
}

func (l *lexer) array(depth int) (Object, error) {
	at := l.off()
	l.pos++
	a := &Array{}
	for {
		l.skipSpace()
		if l.peek() == ']' {
			l.pos++
			a.span = l.spanFrom(at)
			return a, nil
		}
		start := l.off()
		o, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		a.items = append(a.items, o)
		if !l.noSpans {
			a.spans = append(a.spans, l.spanFrom(start))
		}
	}
}

// dict reads the entries and >>; the << has been read.
func (l *lexer) dict(at int64, depth int) (Object, error) {
	d := &Dict{entries: make([]dictEntry, 0, 4)}
	for {
		l.skipSpace()
		start := l.off()
		switch l.peek() {
		case '>':
			l.pos++
			if l.peek() != '>' {
				return nil, l.fail(CodeSyntax, start, "expected >>")
			}
			l.pos++
			d.span = l.spanFrom(at)
			return d, nil
		case '/':
		default:
			return nil, l.fail(CodeSyntax, start, "expected a key or >> in a dictionary")
		}
		key, err := l.name()
		if err != nil {
			return nil, err
		}
		e := dictEntry{key: key, keySpan: l.spanFrom(start)}
		l.skipSpace()
		valueAt := l.off()
		if e.value, err = l.object(depth + 1); err != nil {
			return nil, err
		}
		e.span = l.spanFrom(valueAt)
		if !d.add(e) {
			return nil, l.fail(CodeDuplicate, start, "dictionary key %q twice", clip([]byte(key)))
		}
	}
}

// header reads "N G obj".
func (l *lexer) header() (Ref, error) {
	at := l.off()
	if !isDigit(l.peek()) {
		return Ref{}, l.fail(CodeSyntax, at, "expected \"N G obj\"")
	}
	num, err := l.unsigned(CodeSyntax, "an object number")
	if err != nil {
		return Ref{}, err
	}
	l.skipSpace()
	gen, err := l.unsigned(CodeSyntax, "a generation number")
	if err != nil {
		return Ref{}, err
	}
	l.skipSpace()
	if err := l.keyword("obj"); err != nil {
		return Ref{}, err
	}
	if num == 0 || num > maxObjectNumber || gen > 65535 {
		return Ref{}, l.fail(CodeSyntax, at, "object number %d, generation %d out of range", num, gen)
	}
	return Ref{Num: uint32(num), Gen: uint16(gen)}, nil
}

// indirect is an indirect object as it stands in the file.
type indirect struct {
	ref    Ref
	value  Object
	span   Span // from "N G obj" to "endobj"
	byView bool // its extent depends on another object (/Length is a reference)
}

// streamStart reads what follows the keyword stream and returns the offset of the first data byte.
func (l *lexer) streamStart() (int64, error) {
	at := l.off()
	switch l.peek() {
	case '\r':
		l.pos++
		if l.peek() != '\n' {
			return 0, l.fail(CodeStream, at, "keyword stream followed by a lone carriage return")
		}
	case '\n':
	default:
		return 0, l.fail(CodeStream, at, "keyword stream not followed by an end of line")
	}
	l.pos++
	return l.off(), nil
}

// streamEnd checks that endstream follows the data with at most one end of line between.
func (l *lexer) streamEnd(end int64) error {
	l.seek(end)
	if l.peek() == '\r' {
		l.pos++
	}
	if l.peek() == '\n' {
		l.pos++
	}
	if got := l.word(10); string(got) != "endstream" {
		return l.fail(CodeStream, end, "expected endstream where /Length says the data end, found %q", clip(got))
	}
	return nil
}
