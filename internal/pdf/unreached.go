package pdf

import (
	"cmp"
	"errors"
	"slices"
)

// UnreachedKind says what was found outside the reach of the cross-references.
type UnreachedKind uint8

// The kinds of unreached content.
const (
	UnreachedObject   UnreachedKind = iota + 1 // "N G obj" that no entry leads to
	UnreachedInStream                          // object in an object stream that no entry leads to
	UnreachedXref                              // xref, trailer or startxref outside the chain
	UnreachedMarker                            // a %%EOF that ends no revision
	UnreachedBytes                             // anything else but white space and comments
)

// String returns a short name.
func (k UnreachedKind) String() string {
	return [...]string{"none", "object", "object in stream", "xref", "marker", "bytes"}[min(k, 5)]
}

// Unreached is content that lies in the file but that readers following the
// cross-references do not see: remains of editing, or a second document in waiting.
type Unreached struct {
	Kind UnreachedKind
	Ref  Ref  // UnreachedObject, UnreachedInStream
	Span Span // in the file; for UnreachedInStream that of the object stream
	// Index is the position in the object stream Container.
	Container Ref
	Index     int
	// Parsed is false for an UnreachedObject that is not well formed; Span is then its heading.
	Parsed bool
}

const (
	maxUnreached       = 64 << 10
	unreachedFailBytes = 16 << 20 // bytes spent on what turns out not to be an object
)

// Unreached lists what lies in the given part of the file but is not reached through
// the cross-references of this revision and those before it. A superseded version of
// an object is reached (through the older revision) and not listed; an object that only
// a later revision's entry leads to is listed, and so is one whose entry says it is free. It runs Check first. With
// CodeLimit the list is not complete.
func (r *Revision) Unreached(within Span) ([]Unreached, error) {
	d := r.doc
	if err := d.Check(); err != nil {
		return nil, err
	}
	within.Start, within.End = max(within.Start, 0), min(within.End, d.src.size)
	covered := d.sectionSpans(r.Index)
	for _, p := range d.checked {
		if p.rev <= r.Index {
			covered = append(covered, p.span)
		}
	}
	slices.SortFunc(covered, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	s := &scanner{doc: d, rev: r, budget: unreachedFailBytes}
	at := within.Start
	for _, c := range covered {
		if c.Start >= within.End {
			break
		}
		if c.Start > at {
			if err := s.gap(Span{at, c.Start}); err != nil {
				return s.out, err
			}
		}
		at = max(at, c.End)
	}
	if at < within.End {
		if err := s.gap(Span{at, within.End}); err != nil {
			return s.out, err
		}
	}
	err := s.objectStreams(within)
	return s.out, err
}

type scanner struct {
	doc    *Document
	rev    *Revision
	budget int64
	out    []Unreached
}

func (s *scanner) found(u Unreached) error {
	if n := len(s.out); u.Kind == UnreachedBytes && n > 0 && s.out[n-1].Kind == UnreachedBytes && s.out[n-1].Span.End >= u.Span.Start-2 {
		s.out[n-1].Span.End = u.Span.End
		return nil
	}
	if len(s.out) >= maxUnreached {
		return errAt(CodeLimit, u.Span.Start, "more than %d pieces of unreached content", maxUnreached)
	}
	s.out = append(s.out, u)
	return nil
}

// gap reads the bytes between reached objects.
func (s *scanner) gap(g Span) error {
	l := s.doc.lexerAt(g.Start)
	l.stop = g.End
	for {
		l.skipWhite()
		at := l.off()
		c := l.peek()
		var err error
		switch {
		case c < 0:
			return l.ioErr
		case c == '%':
			err = s.comment(l, at)
		case isDigit(c):
			err = s.tryObject(l, at, g.End)
		case class[c] == classDelimiter:
			l.pos++
			err = s.found(Unreached{Kind: UnreachedBytes, Span: Span{at, l.off()}})
		default:
			kind := UnreachedBytes
			switch string(l.word(64)) {
			case "xref", "trailer", "startxref":
				kind = UnreachedXref
			}
			err = s.found(Unreached{Kind: kind, Span: Span{at, l.off()}})
		}
		if err != nil {
			return err
		}
	}
}

func (s *scanner) comment(l *lexer, at int64) error {
	var head []byte
	for c := l.peek(); c >= 0 && c != '\r' && c != '\n'; c = l.peek() {
		if len(head) < 5 {
			head = append(head, byte(c))
		}
		l.pos++
	}
	if string(head) == "%%EOF" {
		return s.found(Unreached{Kind: UnreachedMarker, Span: Span{at, at + 5}})
	}
	return nil
}

// tryObject records an object, or the number that looked like the beginning of one.
func (s *scanner) tryObject(l *lexer, at, end int64) error {
	ref, err := l.header()
	if err != nil {
		l.seek(at)
		l.word(64)
		return s.found(Unreached{Kind: UnreachedBytes, Span: Span{at, l.off()}})
	}
	u := Unreached{Kind: UnreachedObject, Ref: ref, Span: Span{at, l.off()}}
	if s.budget > 0 {
		body := s.doc.lexerAt(l.off())
		body.stop = min(end, at+s.doc.lim.ObjectBytes)
		ind, err := s.doc.parseBody(body, at, ref, s.rev)
		if err == nil && ind.span.End <= end {
			u.Span, u.Parsed = ind.span, true
		} else {
			s.budget -= body.off() - at
			if errors.Is(err, CodeIO) {
				return err
			}
		}
	}
	l.seek(u.Span.End)
	return s.found(u)
}

// objectStreams lists positions of object streams no entry leads to.
func (s *scanner) objectStreams(within Span) error {
	type key struct {
		off int64
		pos int
	}
	reached := make(map[key]bool)
	for _, r := range s.doc.revs[:s.rev.Index+1] {
		for _, e := range r.entries {
			if loc, ok := r.Locate(e.Num); ok && e.Kind == EntryInStream {
				reached[key{loc.Offset, int(loc.Index)}] = true
			}
		}
	}
	for _, p := range s.doc.checked {
		if !p.objStm || p.rev > s.rev.Index || !within.Contains(p.span) {
			continue
		}
		st, err := s.doc.objStreamAt(s.doc.revs[p.rev], p.ref, p.span.Start)
		if err != nil {
			return err
		}
		for i, num := range st.nums {
			if reached[key{p.span.Start, i}] {
				continue
			}
			if err := s.found(Unreached{Kind: UnreachedInStream, Ref: Ref{Num: num}, Span: p.span, Container: p.ref, Index: i, Parsed: true}); err != nil {
				return err
			}
		}
	}
	return nil
}
