package jsonld

import (
	"slices"

	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// member is a member of an object, expanded.
type member struct {
	node strictjson.Node
	kw   keyword
	null bool // nothing defines the name
	like bool // the name has the form of a keyword
	def  *term
	name string
	iri  string
}

// place says what a value hangs on.
type place struct {
	mode     uint8
	reverse  bool // the value is the subject
	wrap     bool // each node gets a graph of its own (@container @graph)
	isList   bool // the value was taken for a list object, which hangs on its place itself
	noList   bool // the value was taken for no list object, and a list was begun for it
	s, p, g  rdfc.TermID
	tail     rdfc.TermID // of a list: its last node, 0 while empty
	head     rdfc.TermID
	mapID    string // @id from the key of an id map
	mapType  string // @type from the key of a type map
	mapGraph string // name of the graph, from the key of a graph map
}

const (
	onTop      uint8 = iota // nothing: the top of a document or graph
	onProperty              // a property of s
	onList                  // an ordered list
	onIncluded              // @included
)

// document reads the root. skip is a member of it that is no part of the data.
func (r *run) document(root strictjson.Node, ac *active, skip strictjson.Node) error {
	switch r.doc.Kind(root) {
	case strictjson.Object:
		return r.rootObject(root, ac, skip)
	case strictjson.Array:
		return r.items(root, ac, property{}, &place{}, false)
	}
	return r.fail(InvalidDocument, root, "expected an object or an array of objects")
}

func (r *run) rootObject(n strictjson.Node, ac *active, skip strictjson.Node) error {
	if c := r.doc.Get(n, "@context"); c != strictjson.None && c != skip {
		var err error
		if ac, err = r.enter(ac, source{doc: r.doc, node: c}); err != nil {
			return err
		}
	}
	typeCtx := ac
	if err := r.resolve(n, ac, n); err != nil {
		return err
	}
	ac, err := r.typeScoped(0, ac)
	if err != nil {
		return err
	}
	r.rootCtx = ac
	if ac != typeCtx {
		r.members = r.members[:0]
		if err := r.resolve(n, ac, n); err != nil {
			return err
		}
	}
	// A root with nothing but @graph stands for the default graph (section 9.1, step 8.1).
	if len(r.members) == 1 && r.members[0].kw == kwGraph {
		return r.items(r.members[0].node, ac, property{}, &place{}, false)
	}
	return r.dispatch(n, 0, ac, typeCtx, property{}, &place{})
}

// resolve expands the member names of the object at n and pushes them. At the root
// the members that the caller drops are left out.
func (r *run) resolve(n strictjson.Node, ac *active, root strictjson.Node) error {
	d := r.doc
	for c := d.First(n); c != strictjson.None; c = d.Next(c) {
		name := d.Name(c)
		if name == "@context" || n == root && r.drop != nil && r.dropped(name) {
			continue
		}
		m := member{node: c, name: name}
		if t := ac.lookup(name); t != nil {
			m.def, m.iri, m.kw, m.null = t, t.iri, t.kw, t.null
		} else {
			x, err := ac.expandIRI(name, true)
			m.iri, m.kw, m.null, m.like = x.iri, x.kw, x.null, err != nil
		}
		if len(r.members) >= maxMembers {
			return r.fail(LimitExceeded, n, "too many members")
		}
		r.members = append(r.members, m)
	}
	return nil
}

// property is the active property: its name and its definition in the active context.
type property struct {
	name string
	def  *term
}

// scope applies the property-scoped context, if there is one.
func (r *run) scope(ac *active, p property) (*active, error) {
	if p.def == nil || p.def.scope.doc == nil {
		return ac, nil
	}
	return r.scoped(ac, p.def.scope, overrideProtected)
}

// object expands an object (JSON-LD 1.1 API, section 5.1.2, from step 7 on).
func (r *run) object(n strictjson.Node, ac *active, p property, pl *place, fromMap bool) error {
	if r.depth++; r.depth > r.limits.Depth {
		return r.fail(LimitExceeded, n, "values nested too deeply")
	}
	defer func() { r.depth-- }()
	outer := ac
	if ac.prev != nil && !fromMap && r.reverts(n, ac) { // 7
		ac = r.previous(ac)
	}
	reverted := ac != outer
	ac, err := r.scope(ac, p) // 8
	if err != nil {
		return err
	}
	if p.def != nil && p.def.scope.doc != nil {
		if err := r.selfScoped(n, outer, ac, p, reverted); err != nil {
			return err
		}
	}
	if c := r.doc.Get(n, "@context"); c != strictjson.None { // 9
		if ac, err = r.enter(ac, source{doc: r.doc, node: c}); err != nil {
			return err
		}
	}
	typeCtx := ac // 10
	base := len(r.members)
	if err := r.resolve(n, ac, strictjson.None); err != nil {
		return err
	}
	if ac, err = r.typeScoped(base, ac); err != nil { // 11
		return err
	}
	if ac != typeCtx {
		r.members = r.members[:base]
		if err := r.resolve(n, ac, strictjson.None); err != nil {
			return err
		}
	}
	if ac != outer && p.def != nil { // for values within @set and @list
		p.def = ac.lookup(p.name)
	}
	err = r.dispatch(n, base, ac, typeCtx, p, pl)
	r.members = r.members[:base]
	return err
}

// selfScoped refuses an object whose property has a scoped context that defines the
// property anew: by the specification the scoped context is that of the outer
// definition, while jsonld.js and json-gold apply that of the inner one too.
func (r *run) selfScoped(n strictjson.Node, outer, scoped *active, p property, reverted bool) error {
	if reverted {
		var err error
		if scoped, err = r.scope(outer, p); err != nil {
			return err
		}
	}
	if inner := scoped.lookup(p.name); inner != nil && inner != p.def && (reverted || inner.scope.doc != nil) {
		return r.unsupported(n, "a scoped context that defines its own property anew")
	}
	return nil
}

// previous is the context before the type-scoped one.
func (r *run) previous(ac *active) *active {
	ac = ac.prev
	if ac.direction == "" || ac.dirOuter {
		return ac
	}
	k := kidKey{from: ac, flags: returned}
	if n := r.local[k]; n != nil {
		return n
	}
	n := ac.next() // its direction is refused from here on: see directionOf
	return r.keep(ac, k, n, false)
}

// reverts tells whether the object at n is read in the context before the type-scoped one.
func (r *run) reverts(n strictjson.Node, ac *active) bool {
	d := r.doc
	if ac.valueKey {
		for c := d.First(n); c != strictjson.None; c = d.Next(c) {
			if x, err := ac.expandIRI(d.Name(c), true); err == nil && x.kw == kwValue {
				return false
			}
		}
	} else if d.Get(n, "@value") != strictjson.None {
		return false
	}
	if d.Len(n) == 1 {
		if x, err := ac.expandIRI(d.Name(d.First(n)), true); err == nil && x.kw == kwID {
			return false
		}
	}
	return true
}

// typeScoped applies the type-scoped contexts of the object whose members begin at base.
func (r *run) typeScoped(base int, ac *active) (*active, error) {
	first, more := -1, false
	for i := base; i < len(r.members); i++ {
		if r.members[i].kw == kwType {
			more = first >= 0
			if first < 0 || r.members[i].name < r.members[first].name {
				first = i
			}
		}
	}
	if first < 0 {
		return ac, nil
	}
	if more {
		return ac, r.unsupported(r.members[first].node, "several members for @type")
	}
	d, v := r.doc, r.members[first].node
	start := len(r.types)
	if d.Kind(v) == strictjson.Array {
		for c := d.First(v); c != strictjson.None; c = d.Next(c) {
			r.pushType(c, ac)
		}
	} else {
		r.pushType(v, ac)
	}
	if len(r.types) == start {
		return ac, nil
	}
	return r.applyTypes(start, ac)
}

func (r *run) pushType(c strictjson.Node, ac *active) {
	if s, ok := r.doc.Str(c); ok {
		if t := ac.lookup(s); t != nil && t.scope.doc != nil {
			r.types = append(r.types, s)
		}
	}
}

// applyTypes applies the scoped contexts of the types from start on, and pops them.
func (r *run) applyTypes(start int, ac *active) (*active, error) {
	types := r.types[start:]
	slices.Sort(types)
	typeCtx := ac
	for _, s := range types {
		t := typeCtx.lookup(s)
		if t == nil || t.scope.doc == nil {
			continue
		}
		var err error
		if ac, err = r.scoped(ac, t.scope, noPropagate); err != nil {
			return nil, err
		}
	}
	r.types = r.types[:start]
	return ac, nil
}

// dispatch tells the kinds of objects apart.
func (r *run) dispatch(n strictjson.Node, base int, ac, typeCtx *active, p property, pl *place) error {
	var seen uint32
	for i := base; i < len(r.members); i++ {
		m := &r.members[i]
		if m.kw == noKeyword {
			if m.null || m.like || m.iri == "" {
				return r.undefined(m)
			}
			continue
		}
		bit := uint32(1) << m.kw
		if seen&bit != 0 && m.kw != kwType && m.kw != kwIncluded && m.kw != kwNest {
			return r.fail(InvalidDocument, m.node, "colliding keywords")
		}
		seen |= bit
		switch m.kw {
		case kwIndex:
			if _, ok := r.doc.Str(m.node); !ok {
				return r.fail(InvalidDocument, m.node, "invalid @index value")
			}
			return r.unsupported(m.node, "@index")
		case kwID, kwType, kwGraph, kwIncluded, kwNest, kwReverse, kwValue, kwList, kwSet, kwLanguage, kwDirection:
		default:
			return r.fail(InvalidDocument, m.node, "a keyword that has no place in an object")
		}
	}
	switch {
	case seen&(1<<kwValue) != 0:
		if pl.isList {
			return r.fail(InvalidDocument, n, "invalid value object")
		}
		return r.valueObject(n, base, typeCtx, pl)
	case seen&(1<<kwList|1<<kwSet) != 0:
		if len(r.members)-base != 1 {
			return r.fail(InvalidDocument, n, "invalid set or list object")
		}
		m := r.members[base]
		if pl.isList && m.kw != kwList || pl.noList && m.kw == kwList {
			return r.unsupported(n, "a list object that only its context makes one")
		}
		if r.opt.ByName && (m.kw == kwSet || p.def != nil && p.def.container&inList != 0) {
			return r.unsupported(n, "a member "+m.iri+" in a document that is read by its names")
		}
		if m.kw == kwSet && pl.mode == onList {
			return r.unsupported(n, "@set within a list") // jsonld.js and PyLD make it a list of its own
		}
		if m.kw == kwSet {
			pl.noList = pl.noList && r.doc.Kind(m.node) != strictjson.Array
			return r.items(m.node, ac, p, pl, false)
		}
		if p.name == "" {
			return r.fail(DroppedValue, n, "a list that hangs on nothing")
		}
		return r.list(m.node, ac, p, pl, n)
	case seen&(1<<kwLanguage|1<<kwDirection) != 0:
		if len(r.members)-base == 1 {
			return r.fail(DroppedValue, n, "an object with a language or direction and no value")
		}
		return r.fail(InvalidDocument, n, "a node object with a language or direction")
	}
	if pl.isList {
		return r.unsupported(n, "a list object that only its context makes one")
	}
	if r.opt.ByName {
		if err := r.byName(base, ac); err != nil {
			return err
		}
	}
	return r.nodeObject(n, base, ac, typeCtx, pl)
}

func (r *run) undefined(m *member) error {
	if m.like {
		return r.fail(KeywordLike, m.node, "expected a keyword or a term, found the form of a keyword")
	}
	return r.fail(UndefinedTerm, m.node, "expected a member that the context defines")
}

// items expands a value: an array element by element, or one item.
func (r *run) items(n strictjson.Node, ac *active, p property, pl *place, fromMap bool) error {
	switch r.doc.Kind(n) {
	case strictjson.Object:
		return r.object(n, ac, p, pl, fromMap)
	case strictjson.Array:
		if r.depth++; r.depth > r.limits.Depth {
			return r.fail(LimitExceeded, n, "values nested too deeply")
		}
		for c := r.doc.First(n); c != strictjson.None; c = r.doc.Next(c) {
			var err error
			if r.doc.Kind(c) == strictjson.Array && (pl.mode == onList || p.def != nil && p.def.container&inList != 0) {
				err = r.nestedList(c, ac, p, pl)
			} else {
				err = r.items(c, ac, p, pl, fromMap)
			}
			if err != nil {
				return err
			}
		}
		r.depth--
		return nil
	case strictjson.Null:
		return r.fail(NullValue, n, "null, which JSON-LD leaves out")
	}
	return r.scalar(n, ac, p, pl)
}

// nestedList expands an array within a list: a list of its own.
func (r *run) nestedList(n strictjson.Node, ac *active, p property, pl *place) error {
	if p.def == nil || p.def.container&inList == 0 {
		return r.unsupported(n, "an array within @list, of a property that is no list")
	}
	return r.list(n, ac, p, pl, n)
}

// list expands the value at n as the items of a new list, which hangs on pl.
func (r *run) list(n strictjson.Node, ac *active, p property, pl *place, at strictjson.Node) error {
	sub := place{mode: onList, g: pl.g, noList: pl.mode != onList && r.doc.Kind(n) == strictjson.Object && n == at}
	if pl.wrap || pl.mode == onTop {
		return r.fail(DroppedValue, at, "a list that hangs on nothing")
	}
	if pl.mode == onIncluded || pl.reverse || pl.mapID != "" || pl.mapType != "" {
		return r.fail(InvalidDocument, at, "expected a node, found a list")
	}
	if err := r.items(n, ac, p, &sub, false); err != nil {
		return err
	}
	if err := r.endList(&sub, n); err != nil {
		return err
	}
	return r.put(pl, sub.head, at)
}

// put hangs a term, which is no literal where none may be, on its place.
func (r *run) put(pl *place, o rdfc.TermID, n strictjson.Node) error {
	switch pl.mode {
	case onProperty:
		if pl.reverse {
			return r.add(o, pl.p, pl.s, pl.g, n)
		}
		return r.add(pl.s, pl.p, o, pl.g, n)
	case onList:
		b := r.blank(n, BlankCell)
		if pl.head == 0 {
			pl.head = b
			if r.first == 0 {
				r.first, r.rest = r.out.IRI(rdfFirst), r.out.IRI(rdfRest)
			}
		} else if err := r.add(pl.tail, r.rest, b, pl.g, n); err != nil {
			return err
		}
		pl.tail = b
		return r.add(b, r.first, o, pl.g, n)
	}
	return nil
}

func (r *run) endList(pl *place, n strictjson.Node) error {
	null := r.out.IRI(rdfNil)
	if pl.head == 0 {
		pl.head = null
		return nil
	}
	return r.add(pl.tail, r.rest, null, pl.g, n)
}

// add appends a quad, within the limit.
func (r *run) add(s, p, o, g rdfc.TermID, n strictjson.Node) error {
	if r.quads++; r.quads > r.limits.Quads {
		return r.fail(LimitExceeded, n, "too many statements")
	}
	r.out.Add(s, p, o, g)
	return nil
}

const (
	rdf      = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	rdfFirst = rdf + "first"
	rdfRest  = rdf + "rest"
	rdfNil   = rdf + "nil"
	rdfType  = rdf + "type"
	rdfJSON  = rdf + "JSON"

	rdfDirLangString = rdf + "dirLangString"
)
