package jsonld

import (
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// need defines a term of the local context, if it has one of that name and it is not
// defined yet.
func (l *localContext) need(name string) error {
	i := l.find(name)
	if i < 0 || settingNames[name] || l.entries[i].state == defined {
		return nil
	}
	e := &l.entries[i]
	if e.state == underway {
		return l.bad(e.src, "cyclic IRI mapping")
	}
	if l.r.depth++; l.r.depth > l.r.limits.Depth {
		return l.r.contextError(e.src, LimitExceeded, "terms depend on each other too deeply")
	}
	defer func() { l.r.depth-- }()
	e.state = underway
	def, err := l.term(name, e)
	if err != nil {
		return err
	}
	previous := l.result.lookup(name)
	if previous != nil && previous.protected && l.flags&overrideProtected == 0 { // 27
		if !sameTerm(previous, def) {
			return l.r.contextError(e.src, ProtectedTerm, "protected term redefinition")
		}
		def = previous
	}
	if previous == nil || !repeats(previous, def) {
		if l.r.opt.ByName && def.inline && previous != nil && !previous.inline {
			return l.unsupported(e.src, "another meaning for a term of a known context")
		}
		l.set(name, previous, def)
	}
	l.entries[i].state = defined
	if def.scope.doc != nil {
		l.scopes = append(l.scopes, def.scope)
	}
	return nil
}

// repeats tells whether a definition is the one that is there already.
func repeats(previous, def *term) bool {
	d := *def
	d.inline = previous.inline
	return *previous == d
}

func (l *localContext) set(name string, previous, def *term) {
	a := l.result
	if previous == nil {
		a.size++
	} else if previous.protected {
		a.guarded--
	}
	if def.protected {
		a.guarded++
	}
	if def.kw == kwValue {
		a.valueKey = true
	}
	if a.own == nil {
		a.own = make(map[string]*term, min(len(l.entries), 64))
	}
	a.own[name] = def
}

// sameTerm compares two definitions but for their protection.
func sameTerm(a, b *term) bool {
	if a == b {
		return true
	}
	x, y := *a, *b
	x.protected, y.protected = false, false
	x.inline, y.inline = false, false
	x.scope, y.scope = source{}, source{}
	if x != y || (a.scope.doc == nil) != (b.scope.doc == nil) {
		return false
	}
	return a.scope.doc == nil || a.scope == b.scope || equalJSON(a.scope.doc, a.scope.node, b.scope.doc, b.scope.node)
}

// term is Create Term Definition (section 4.2.2), but for the protection of an
// existing definition.
func (l *localContext) term(name string, e *entry) (*term, error) {
	d, n := e.src.doc, e.src.node
	if name == "" { // 2
		return nil, l.bad(e.src, "invalid term definition: the empty term")
	}
	kind := d.Kind(n)
	if kw := isKeyword(name); kw == kwType { // 4
		if kind != strictjson.Object || d.Len(n) == 0 {
			return nil, l.bad(e.src, "keyword redefinition")
		}
		for c := d.First(n); c != strictjson.None; c = d.Next(c) {
			if m := d.Name(c); m != "@protected" && (m != "@container" || d.String(c) != "@set") {
				return nil, l.bad(e.src, "keyword redefinition")
			}
		}
	} else if kw != 0 { // 5
		return nil, l.bad(e.src, "keyword redefinition")
	} else if keywordLike(name) {
		return nil, l.r.contextError(e.src, KeywordLike, "expected a term, found the form of a keyword")
	}
	t := &term{protected: l.protect, inline: e.src.url == ""}
	m := members{node: n}
	switch kind {
	case strictjson.Null: // 7
		t.null = true
		return t, nil
	case strictjson.String: // 8
		m.simple, m.id = true, n
	case strictjson.Object: // 9
		if err := l.collect(e.src, &m); err != nil {
			return nil, err
		}
	default:
		return nil, l.bad(e.src, "invalid term definition")
	}
	if err := l.mapping(name, e, t, &m); err != nil {
		return nil, err
	}
	if m.simple || t.null && d.Len(n) == 1 {
		return t, nil
	}
	return t, l.attributes(name, e.src, t, &m)
}

// members are the members of a term definition, None where absent.
type members struct {
	node                                                  strictjson.Node
	id, typ, reverse, container, index, context, language strictjson.Node
	direction, nest, prefix, protected                    strictjson.Node
	simple                                                bool
}

// collect sorts the members of a term definition, and refuses others (step 26).
func (l *localContext) collect(s source, m *members) error {
	none := strictjson.None
	*m = members{node: s.node, id: none, typ: none, reverse: none, container: none, index: none, context: none, language: none,
		direction: none, nest: none, prefix: none, protected: none}
	for c := s.doc.First(s.node); c != none; c = s.doc.Next(c) {
		switch isKeyword(s.doc.Name(c)) {
		case kwID:
			m.id = c
		case kwType:
			m.typ = c
		case kwReverse:
			m.reverse = c
		case kwContainer:
			m.container = c
		case kwIndex:
			m.index = c
		case kwContext:
			m.context = c
		case kwLanguage:
			m.language = c
		case kwDirection:
			m.direction = c
		case kwNest:
			m.nest = c
		case kwPrefix:
			m.prefix = c
		case kwProtected:
			m.protected = c
		default:
			return l.bad(source{s.doc, c, s.url}, "invalid term definition: unknown member")
		}
	}
	return nil
}

// mapping finds the IRI mapping (steps 11 to 18).
func (l *localContext) mapping(name string, e *entry, t *term, m *members) error {
	d := e.src.doc
	at := func(n strictjson.Node) source { return source{d, n, e.src.url} }
	if !m.simple {
		if m.protected != strictjson.None { // 11
			b, ok := d.Bool(m.protected)
			if !ok {
				return l.bad(at(m.protected), "invalid @protected value")
			}
			t.protected = b
		}
		if m.typ != strictjson.None { // 12
			if err := l.typeMapping(at(m.typ), t); err != nil {
				return err
			}
		}
		if m.reverse != strictjson.None { // 13
			if m.id != strictjson.None || m.nest != strictjson.None {
				return l.bad(at(m.reverse), "invalid reverse property")
			}
			t.reverse = true
			return l.iri(at(m.reverse), t, true)
		}
	}
	if m.id != strictjson.None && (d.Kind(m.id) != strictjson.String || d.String(m.id) != name) { // 14
		if d.Kind(m.id) == strictjson.Null { // 14.1
			t.null = true
			return nil
		}
		if err := l.iri(at(m.id), t, false); err != nil {
			return err
		}
		if strings.LastIndexByte(name[:len(name)-1], ':') > 0 || strings.IndexByte(name, '/') >= 0 { // 14.2.4
			x, err := expandCompact(l.result, name, true, l)
			if err != nil {
				return l.at(e.src, err)
			}
			if x.iri != t.iri {
				return l.bad(e.src, "invalid IRI mapping: the term has the form of another IRI")
			}
		} else if m.simple && strings.IndexByte(name, ':') < 0 && t.kw == 0 {
			t.prefix = isBlank(t.iri) || strings.IndexByte(":/?#[]@", t.iri[len(t.iri)-1]) >= 0 // 14.2.5
		}
		return nil
	}
	return l.ownName(name, e, t)
}

// ownName finds the IRI mapping of a term that does not give one (steps 15 to 18).
func (l *localContext) ownName(name string, e *entry, t *term) error {
	switch i := strings.IndexByte(name, ':'); {
	case i > 0: // 15
		prefix, suffix := name[:i], name[i+1:]
		if err := l.need(prefix); err != nil {
			return err
		}
		if p := l.result.lookup(prefix); p != nil {
			if p.null || p.kw != 0 {
				return l.bad(e.src, "invalid IRI mapping: the prefix is no IRI")
			}
			t.iri = p.iri + suffix
		} else {
			t.iri = name
		}
	case strings.IndexByte(name, '/') >= 0: // 16
		x, err := expandCompact(l.result, name, true, nil)
		if err != nil {
			return l.at(e.src, err)
		}
		if !x.absolute() {
			return l.bad(e.src, "invalid IRI mapping: a relative IRI")
		}
		t.iri = x.iri
	case isKeyword(name) == kwType: // 17
		t.iri, t.kw = name, kwType
		return nil
	case l.result.hasVocab: // 18
		t.iri = l.result.vocab + name
	default:
		return l.bad(e.src, "invalid IRI mapping: no @id and no vocabulary")
	}
	return l.checkIRI(e.src, t)
}

// iri sets the IRI mapping from the string at s.
func (l *localContext) iri(s source, t *term, reverse bool) error {
	value, ok := s.doc.Str(s.node)
	if !ok {
		return l.bad(s, "invalid IRI mapping: expected a string")
	}
	x, err := expandIRI(l.result, value, true, l)
	if err != nil {
		return l.at(s, err)
	}
	if x.kw != 0 && !reverse {
		if x.kw == kwContext {
			return l.bad(s, "invalid keyword alias")
		}
		t.iri, t.kw = x.iri, x.kw
		return nil
	}
	if !x.absolute() {
		return l.bad(s, "invalid IRI mapping: expected an absolute IRI")
	}
	t.iri = x.iri
	return l.checkIRI(s, t)
}

func (l *localContext) checkIRI(s source, t *term) error {
	if scheme(t.iri) == 0 && !isBlank(t.iri) {
		return l.bad(s, "invalid IRI mapping: expected an absolute IRI")
	}
	if !validIRI(t.iri) {
		return l.r.contextError(s, InvalidIRI, "a term's IRI holds a character that IRIs exclude")
	}
	return nil
}

func (l *localContext) typeMapping(s source, t *term) error {
	value, ok := s.doc.Str(s.node)
	if !ok {
		return l.bad(s, "invalid type mapping: expected a string")
	}
	x, err := expandIRI(l.result, value, true, l)
	if err != nil {
		return l.at(s, err)
	}
	t.datatype = x.iri
	switch {
	case x.kw == kwID:
		t.typ = typeID
	case x.kw == kwVocab:
		t.typ = typeVocab
	case x.kw == kwJSON:
		t.typ = typeJSON
	case x.kw == kwNone:
		t.typ = typeUntyped
	case x.absolute() && !isBlank(x.iri):
		t.typ = typeIRI
		if !validIRI(x.iri) {
			return l.r.contextError(s, InvalidIRI, "a datatype holds a character that IRIs exclude")
		}
	default:
		return l.bad(s, "invalid type mapping: expected an absolute IRI")
	}
	return nil
}

// attributes reads the rest of a term definition (steps 19 to 25).
func (l *localContext) attributes(name string, s source, t *term, m *members) error {
	d, none := s.doc, strictjson.None
	at := func(n strictjson.Node) source { return source{d, n, s.url} }
	if m.container != none { // 19
		if err := l.containerMapping(at(m.container), t); err != nil {
			return err
		}
	}
	if m.index != none { // 20
		index, ok := d.Str(m.index)
		if !ok || t.container&inIndex == 0 || isKeyword(index) != 0 {
			return l.bad(at(m.index), "invalid term definition: invalid @index")
		}
		x, err := expandIRI(l.result, index, true, l)
		if err != nil {
			return l.at(at(m.index), err)
		}
		if !x.absolute() {
			return l.bad(at(m.index), "invalid term definition: invalid @index")
		}
		t.index = index
	}
	if m.context != none { // 21
		t.scope = at(m.context)
	}
	if m.language != none && m.typ == none { // 22
		lang, err := l.lang(at(m.language), "invalid language mapping")
		if err != nil {
			return err
		}
		t.language, t.hasLang = lang, true
	}
	if m.direction != none && m.typ == none { // 23
		dir, err := l.direction(at(m.direction))
		if err != nil {
			return err
		}
		t.direction, t.hasDir = dir, true
	}
	if m.nest != none { // 24
		nest, ok := d.Str(m.nest)
		if kw := isKeyword(nest); !ok || kw != 0 && kw != kwNest {
			return l.bad(at(m.nest), "invalid @nest value")
		}
		t.nest = nest
	}
	if m.prefix != none { // 25
		b, ok := d.Bool(m.prefix)
		if strings.ContainsAny(name, ":/") {
			return l.bad(at(m.prefix), "invalid term definition: @prefix on a compact or relative IRI")
		}
		if !ok {
			return l.bad(at(m.prefix), "invalid @prefix value")
		}
		if b && t.kw != 0 {
			return l.bad(at(m.prefix), "invalid term definition: a keyword as prefix")
		}
		t.prefix = b
	}
	if t.reverse && (m.context != none || m.language != none || m.direction != none || m.prefix != none || m.index != none) {
		return l.unsupported(s, "a reverse term with other attributes")
	}
	return nil
}

// containerMapping reads @container (step 19).
func (l *localContext) containerMapping(s source, t *term) error {
	var c container
	count, ok := 0, true
	if s.doc.Kind(s.node) == strictjson.Null && t.reverse {
		return nil
	}
	s.doc.Each(s.node, func(n strictjson.Node) bool {
		one := containers[s.doc.String(n)]
		ok = ok && one != 0 && c&one == 0
		c |= one
		count++
		return ok
	})
	rest := c &^ inSet
	switch {
	case !ok || count == 0:
		ok = false
	case count == 1:
	case c&inGraph != 0 && c&(inID|inIndex) != 0:
		ok = rest == inGraph|inID || rest == inGraph|inIndex
	default:
		ok = count == 2 && c&inSet != 0 && rest&inList == 0
	}
	if !ok {
		return l.bad(s, "invalid container mapping")
	}
	if t.reverse && c&^(inSet|inIndex) != 0 {
		return l.bad(s, "invalid reverse property")
	}
	if c&inType != 0 {
		switch t.typ {
		case typeNone:
			t.typ, t.datatype = typeID, "@id"
		case typeID, typeVocab:
		default:
			return l.bad(s, "invalid type mapping")
		}
	}
	t.container = c
	return nil
}
