package jsonld

import (
	"strings"

	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Options.ByName: RDF knows nothing of the names and the nesting of the JSON that it
// came from, so that whoever holds a signed document can give it another JSON form with
// the same quads. A reader who asks for the member "validUntil" of the root would not
// find it under its IRI, under an alias that a context of the document gives it, within
// @nest, or at a second description of the root within @included: the signature would
// hold, and the end of validity would be gone. The same goes for values: an identifier
// written with a prefix is not the one that a revocation list holds, a type written as an
// IRI not the one whose rules apply. What follows, and reference, refuses every such form.

// reserved are the vocabularies whose properties decide about a document. The contexts
// that publish them are pinned; a document may not give them other names.
var reserved = []string{"https://www.w3.org/2018/credentials#", "https://www.w3.org/ns/credentials/status#"}

// ruled are the vocabularies whose types decide which rules a document is judged by. A
// holder who leaves out the context that names them could else give a record of badges
// another type, by which nobody looks at the badges in it.
var ruled = append([]string{"https://purl.imsglobal.org/spec/vc/ob/vocab.html#", "https://purl.imsglobal.org/spec/vc/clr/vocab.html#"}, reserved...)

// byName refuses members of a node object that readers by name would not find.
func (r *run) byName(base int, ac *active) error {
	for i := base; i < len(r.members); i++ {
		m := &r.members[i]
		switch m.kw {
		case kwGraph, kwIncluded, kwNest, kwReverse:
			return r.unsupported(m.node, "a member "+m.iri+" in a document that is read by its names")
		case kwID, kwType:
			// In the root no other name of a known context is taken either, such as the uid
			// of ODRL.
			name := m.iri[1:] // "id", "type"
			if m.name != name && (!r.hasRoot || m.name == m.iri || m.def == nil || m.def.inline) && ac.alias(name, m.kw) {
				return r.unsupported(m.node, m.iri+" under another name than "+name)
			}
		case noKeyword:
			if err := r.nameOf(m, ac); err != nil {
				return err
			}
		}
	}
	return nil
}

// alias tells whether a name stands for a keyword.
func (a *active) alias(name string, kw keyword) bool {
	t := a.lookup(name)
	return t != nil && t.kw == kw
}

// nameOf refuses a property that is written as an IRI, or under a name that a context
// of the document gives it, where a pinned context has a name for it.
func (r *run) nameOf(m *member, ac *active) error {
	if m.def != nil && !m.def.inline {
		return nil
	}
	if m.def != nil && m.def.reverse {
		return r.unsupported(m.node, "a reverse property that only the document defines")
	}
	for _, ns := range reserved {
		if rest, in := strings.CutPrefix(m.iri, ns); in && rest != m.name {
			return r.unsupported(m.node, "a property of the data model under another name than its own")
		}
	}
	for _, a := range []*active{ac, r.rootCtx} {
		if a == nil {
			continue
		}
		known, err := r.namesOf(a, m.node)
		if err != nil {
			return err
		}
		if known[m.iri] {
			return r.unsupported(m.node, "a property under another name than that of its context")
		}
	}
	return nil
}

// nameOfType refuses a type that is written as an IRI, or under a name of the document's
// own, where a pinned context has a name for it.
func (r *run) nameOfType(n strictjson.Node, name, iri string, ac *active) error {
	if t := ac.lookup(name); t != nil && !t.inline {
		return nil
	}
	for _, ns := range ruled {
		if rest, in := strings.CutPrefix(iri, ns); in && rest != name {
			return r.unsupported(n, "a type of Open Badges or of the data model under another name than its own")
		}
	}
	for _, a := range []*active{ac, r.rootCtx} {
		if a == nil {
			continue
		}
		known, err := r.namesOf(a, n)
		if err != nil {
			return err
		}
		if known[iri] {
			return r.unsupported(n, "a type under another name than that of its context")
		}
	}
	return nil
}

// namesOf returns the IRIs of all properties and classes that pinned contexts give a
// name in a. Few documents need it.
func (r *run) namesOf(a *active, n strictjson.Node) (map[string]bool, error) {
	if known, ok := r.named[a]; ok {
		return known, nil
	}
	if r.work += a.size; r.work > r.limits.ContextWork {
		return nil, r.fail(LimitExceeded, n, "too many contexts")
	}
	known := make(map[string]bool, a.size)
	for l := a; l != nil; l = l.up {
		for name, t := range l.own {
			if t.kw == 0 && !t.null && !t.inline && a.lookup(name) == t {
				known[t.iri] = true
			}
		}
	}
	if r.named == nil {
		r.named = make(map[*active]map[string]bool)
	}
	r.named[a] = known
	return known, nil
}

// decides tells whether an object has properties of the data model. In an object that
// describes the root a second time they would be said of the root, out of sight.
func (r *run) decides(base int) bool {
	for i := base; i < len(r.members); i++ {
		if m := &r.members[i]; m.kw == noKeyword && strings.HasPrefix(m.iri, reserved[0]) {
			return true
		}
	}
	return false
}

// saying is a property of a node in a graph.
type saying struct {
	g, s rdfc.TermID
	iri  string
}

// agree refuses a second description of a node that says something else under a name of
// the first: in RDF both values are the node's, so that they could be exchanged between
// the two places, and a reader of one place would read the other's, under the same
// signature.
func (r *run) agree(s, g rdfc.TermID, base, end int) error {
	for i := base; i < end; i++ {
		m := &r.members[i]
		if m.kw != noKeyword {
			continue
		}
		switch r.doc.Kind(m.node) {
		case strictjson.Object, strictjson.Array, strictjson.Null:
			continue
		}
		key := saying{g, s, m.iri}
		before, known := r.said[key]
		switch {
		case !known:
			if r.said == nil {
				r.said = make(map[saying]strictjson.Node)
			}
			r.said[key] = m.node
		case r.doc.Raw(before) != r.doc.Raw(m.node):
			return r.unsupported(m.node, "two descriptions of one identifier that differ in a property")
		}
	}
	return nil
}
