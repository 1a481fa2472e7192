package jsonld

import (
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// nodeObject emits a node: its types, its properties, what it contains.
func (r *run) nodeObject(n strictjson.Node, base int, ac, typeCtx *active, pl *place) error {
	var s rdfc.TermID
	end := len(r.members)
	idOnly, graphs := true, false
	for i := base; i < end; i++ {
		switch m := &r.members[i]; m.kw {
		case kwID:
			var err error
			if s, err = r.nodeID(m.node, ac); err != nil {
				return err
			}
		case kwGraph:
			graphs = true
			idOnly = false
		default:
			idOnly = false
		}
	}
	if pl.mapID != "" && s == 0 {
		s = r.identifier(pl.mapID)
		idOnly = idOnly && end > base
	}
	if pl.mapGraph != "" && graphs {
		return r.unsupported(n, "a graph object in a graph map")
	}
	identified := s != 0
	if !identified {
		s = r.blank(n, BlankSubject)
	}
	if !r.hasRoot {
		r.rootID, r.hasRoot = s, true
	} else if r.opt.ByName && s == r.rootID && r.decides(base) {
		return r.unsupported(n, "a second description of the root")
	}
	g := pl.g
	if pl.wrap {
		if pl.mapGraph != "" {
			g = r.identifier(pl.mapGraph)
		} else {
			g = r.blank(n, BlankGraph)
		}
		if err := r.put(pl, g, n); err != nil {
			return err
		}
	} else if err := r.put(pl, s, n); err != nil {
		return err
	}
	if r.opt.ByName && identified {
		if err := r.agree(s, g, base, end); err != nil {
			return err
		}
	}
	if idOnly && pl.mapType == "" && (pl.wrap || pl.mode == onTop || pl.mode == onIncluded) {
		return r.fail(DroppedValue, n, "a node without properties that hangs on nothing")
	}
	if pl.mapType != "" {
		if err := r.hasType(s, pl.mapType, g, n); err != nil {
			return err
		}
	}
	for i := base; i < end; i++ {
		if err := r.nodeMember(s, r.members[i], ac, typeCtx, g); err != nil {
			return err
		}
	}
	return nil
}

// nodeMember emits one member of a node.
func (r *run) nodeMember(s rdfc.TermID, m member, ac, typeCtx *active, g rdfc.TermID) error {
	switch m.kw {
	case noKeyword:
		return r.property(s, m, ac, g, false)
	case kwType:
		return r.typeMember(s, m.node, typeCtx, g)
	case kwGraph:
		return r.items(m.node, ac, property{}, &place{g: s}, false)
	case kwIncluded:
		return r.included(m.node, ac, g)
	case kwReverse:
		return r.reverseMap(s, m.node, ac, g)
	case kwNest:
		return r.nested(s, m, ac, g)
	}
	return nil // @id, done
}

// identifier interns an absolute IRI or a blank node identifier.
func (r *run) identifier(id string) rdfc.TermID {
	if isBlank(id) {
		return r.out.Blank(id[2:])
	}
	return r.out.IRI(id)
}

// nodeID reads the value of @id.
func (r *run) nodeID(n strictjson.Node, ac *active) (rdfc.TermID, error) {
	v, ok := r.doc.Str(n)
	if !ok {
		return 0, r.fail(InvalidDocument, n, "invalid @id value: expected a string")
	}
	id, err := r.reference(n, v, ac, false)
	if err != nil {
		return 0, err
	}
	return r.identifier(id), nil
}

// reference expands a value that names a node.
func (r *run) reference(n strictjson.Node, v string, ac *active, vocab bool) (string, error) {
	x, err := ac.expandIRI(v, vocab)
	if err != nil {
		return "", r.fail(KeywordLike, n, "expected an identifier, found the form of a keyword")
	}
	if !x.absolute() {
		return "", r.fail(RelativeIRI, n, "expected an absolute IRI")
	}
	if !validIRI(x.iri) || isBlank(x.iri) && !validBlank(x.iri) {
		return "", r.fail(InvalidIRI, n, "an IRI holds a character that IRIs exclude")
	}
	if r.opt.ByName && !vocab && x.iri != v {
		return "", r.unsupported(n, "an identifier written with a prefix")
	}
	return x.iri, nil
}

// typeMember emits the values of @type.
func (r *run) typeMember(s rdfc.TermID, n strictjson.Node, typeCtx *active, g rdfc.TermID) error {
	d := r.doc
	if d.Kind(n) != strictjson.Array {
		return r.oneType(s, n, typeCtx, g)
	}
	for c := d.First(n); c != strictjson.None; c = d.Next(c) {
		if err := r.oneType(s, c, typeCtx, g); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) oneType(s rdfc.TermID, n strictjson.Node, typeCtx *active, g rdfc.TermID) error {
	v, ok := r.doc.Str(n)
	if !ok {
		return r.fail(InvalidDocument, n, "invalid type value: expected a string")
	}
	iri, err := r.typeIRI(n, v, typeCtx)
	if err != nil {
		return err
	}
	if r.opt.ByName {
		if err := r.nameOfType(n, v, iri, typeCtx); err != nil {
			return err
		}
	}
	return r.hasType(s, iri, g, n)
}

// typeIRI expands a type.
func (r *run) typeIRI(n strictjson.Node, v string, typeCtx *active) (string, error) {
	x, err := typeCtx.expandIRI(v, true)
	if err != nil {
		return "", r.fail(KeywordLike, n, "expected a type, found the form of a keyword")
	}
	if !x.absolute() {
		return "", r.fail(UndefinedType, n, "expected a type that the context defines")
	}
	if !validIRI(x.iri) || isBlank(x.iri) && !validBlank(x.iri) {
		return "", r.fail(InvalidIRI, n, "a type holds a character that IRIs exclude")
	}
	return x.iri, nil
}

func (r *run) hasType(s rdfc.TermID, iri string, g rdfc.TermID, n strictjson.Node) error {
	if r.rdfType == 0 {
		r.rdfType = r.out.IRI(rdfType)
	}
	return r.add(s, r.rdfType, r.identifier(iri), g, n)
}

// included emits @included: nodes of the same graph.
func (r *run) included(n strictjson.Node, ac *active, g rdfc.TermID) error {
	switch r.doc.Kind(n) {
	case strictjson.Object, strictjson.Array:
		return r.items(n, ac, property{}, &place{mode: onIncluded, g: g}, false)
	}
	return r.fail(InvalidDocument, n, "invalid @included value")
}

// reverseMap emits @reverse: an object of properties whose values are the subjects.
func (r *run) reverseMap(s rdfc.TermID, n strictjson.Node, ac *active, g rdfc.TermID) error {
	if r.doc.Kind(n) != strictjson.Object {
		return r.fail(InvalidDocument, n, "invalid @reverse value")
	}
	if r.doc.Get(n, "@context") != strictjson.None {
		return r.unsupported(n, "@context within @reverse")
	}
	if ac.prev != nil && r.reverts(n, ac) {
		ac = r.previous(ac)
	}
	return r.inner(s, n, ac, g, true)
}

// nested emits @nest: properties of the same node, in an object of their own.
func (r *run) nested(s rdfc.TermID, m member, ac *active, g rdfc.TermID) error {
	d := r.doc
	ac, err := r.scope(ac, property{m.name, m.def})
	if err != nil {
		return err
	}
	bad := strictjson.None
	d.Each(m.node, func(n strictjson.Node) bool {
		if d.Kind(n) != strictjson.Object {
			bad = n
		}
		return bad == strictjson.None
	})
	if bad != strictjson.None {
		return r.fail(InvalidDocument, bad, "invalid @nest value")
	}
	d.Each(m.node, func(n strictjson.Node) bool {
		if d.Get(n, "@context") != strictjson.None {
			err = r.unsupported(n, "@context within @nest")
		} else {
			err = r.inner(s, n, ac, g, false)
		}
		return err == nil
	})
	return err
}

// inner emits the properties of an object within a node.
func (r *run) inner(s rdfc.TermID, n strictjson.Node, ac *active, g rdfc.TermID, reversed bool) error {
	if r.depth++; r.depth > r.limits.Depth {
		return r.fail(LimitExceeded, n, "values nested too deeply")
	}
	defer func() { r.depth-- }()
	base := len(r.members)
	if err := r.resolve(n, ac, strictjson.None); err != nil {
		return err
	}
	for i := base; i < len(r.members); i++ {
		m := r.members[i]
		var err error
		switch {
		case m.kw == noKeyword && (m.null || m.like || m.iri == ""):
			err = r.undefined(&m)
		case m.kw == noKeyword:
			err = r.property(s, m, ac, g, reversed)
		case reversed:
			err = r.fail(InvalidDocument, m.node, "invalid reverse property map")
		case m.kw == kwNest:
			err = r.nested(s, m, ac, g)
		case m.kw == kwValue:
			err = r.fail(InvalidDocument, m.node, "invalid @nest value")
		default:
			err = r.unsupported(m.node, "keywords within @nest")
		}
		if err != nil {
			return err
		}
	}
	r.members = r.members[:base]
	return nil
}

// property emits the values of a property (section 5.1.2, steps 13.5 to 13.13).
func (r *run) property(s rdfc.TermID, m member, ac *active, g rdfc.TermID, reversed bool) error {
	if isBlank(m.iri) {
		return r.fail(BlankPredicate, m.node, "a property that is a blank node")
	}
	if m.def == nil {
		if scheme(m.iri) == 0 {
			return r.undefined(&m)
		}
		if !validIRI(m.iri) {
			return r.fail(InvalidIRI, m.node, "a property holds a character that IRIs exclude")
		}
	}
	pl := place{mode: onProperty, s: s, p: r.out.IRI(m.iri), g: g, reverse: reversed}
	if m.def == nil {
		return r.items(m.node, ac, property{name: m.name}, &pl, false)
	}
	def, p := m.def, property{m.name, m.def}
	if def.reverse {
		pl.reverse = !reversed
	}
	if def.typ == typeJSON { // 13.6
		return r.jsonProperty(m.node, def, &pl)
	}
	if c := def.container; c&^inSet != 0 {
		if r.doc.Kind(m.node) == strictjson.Object {
			switch {
			case c&inLanguage != 0:
				return r.languageMap(m.node, ac, p, &pl)
			case c&(inIndex|inID|inType) != 0:
				return r.keyedMap(m.node, ac, p, &pl)
			}
		}
		if c&inList != 0 {
			return r.listProperty(m.node, ac, p, &pl)
		}
		if c&inGraph != 0 {
			if c&(inID|inIndex) != 0 {
				return r.unsupported(m.node, "a graph map that is no object")
			}
			pl.wrap = true
		}
	}
	return r.items(m.node, ac, p, &pl, false)
}

// listProperty emits the value of a property whose container is @list.
func (r *run) listProperty(n strictjson.Node, ac *active, p property, pl *place) error {
	switch r.doc.Kind(n) {
	case strictjson.Null:
		return r.fail(NullValue, n, "null, which JSON-LD leaves out")
	case strictjson.Object:
		// An object that is a list itself is not wrapped in another one.
		if r.isList(n, ac, p) {
			pl.isList = true
			return r.object(n, ac, p, pl, false)
		}
	}
	return r.list(n, ac, p, pl, n)
}

// isList tells whether the object at n is a list object, as far as its names say.
func (r *run) isList(n strictjson.Node, ac *active, p property) bool {
	if inner, err := r.scope(ac, p); err == nil {
		ac = inner
	}
	for c := r.doc.First(n); c != strictjson.None; c = r.doc.Next(c) {
		if x, err := ac.expandIRI(r.doc.Name(c), true); err == nil && x.kw == kwList {
			return true
		}
	}
	return false
}

// jsonProperty emits a JSON literal, whatever kind of value it is.
func (r *run) jsonProperty(n strictjson.Node, def *term, pl *place) error {
	if def.container&^inSet != 0 {
		return r.unsupported(n, "@json in a container")
	}
	return r.jsonLiteral(n, pl)
}
