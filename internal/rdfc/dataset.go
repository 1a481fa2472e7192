// Package rdfc canonicalises RDF datasets with RDFC-1.0
// (https://www.w3.org/TR/rdf-canon/) under a work budget.
//
// A dataset is built term by term, either by internal/jsonld or by ParseNQuads,
// and handed to Canonicalize, which returns the canonical N-Quads together with
// the identifier map that selective disclosure suites need.
package rdfc

// TermKind tells the three kinds of RDF terms apart.
type TermKind uint8

// The kinds of terms. The zero kind belongs to the default graph's "term" and
// appears nowhere else.
const (
	DefaultGraph TermKind = iota
	IRI
	BlankNode
	Literal
)

// Well-known datatypes.
const (
	XSDString     = "http://www.w3.org/2001/XMLSchema#string"
	RDFLangString = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
)

// Term is an RDF term. Value holds the IRI, the blank node's label without "_:",
// or the literal's lexical form. Datatype and Lang are for literals only; an
// empty Datatype means xsd:string, a non-empty Lang means rdf:langString.
type Term struct {
	Kind     TermKind
	Value    string
	Datatype string
	Lang     string
}

// TermID names a term within one Dataset. 0 is the default graph.
type TermID uint32

// Quad is a statement in terms of its dataset's terms. G is 0 in the default graph.
type Quad struct{ S, P, O, G TermID }

// Dataset is a set of quads over interned terms: equal terms share one TermID,
// so that quads compare by value. The zero Dataset is not ready; use NewDataset.
// It may be reused after Reset and is not safe for concurrent use.
type Dataset struct {
	terms []Term
	quads []Quad
	index map[Term]TermID
	fresh int
}

// NewDataset returns an empty dataset with room for about n quads.
func NewDataset(n int) *Dataset {
	d := &Dataset{
		terms: make([]Term, 1, 2*n+1),
		quads: make([]Quad, 0, n),
		index: make(map[Term]TermID, 2*n),
	}
	return d
}

// Reset empties the dataset and keeps its memory.
func (d *Dataset) Reset() {
	clear(d.terms[:cap(d.terms)])
	d.terms = d.terms[:1]
	d.quads = d.quads[:0]
	clear(d.index)
	d.fresh = 0
}

// Intern returns the identifier of t, adding it when it is new.
func (d *Dataset) Intern(t Term) TermID {
	if id, ok := d.index[t]; ok {
		return id
	}
	id := TermID(len(d.terms))
	d.terms = append(d.terms, t)
	d.index[t] = id
	return id
}

// IRI interns an IRI, given without angle brackets.
func (d *Dataset) IRI(iri string) TermID { return d.Intern(Term{Kind: IRI, Value: iri}) }

// Literal interns a literal. An empty datatype means xsd:string; with a language
// tag the datatype is rdf:langString whatever is given.
func (d *Dataset) Literal(lexical, datatype, lang string) TermID {
	if lang != "" || datatype == XSDString {
		datatype = ""
	}
	return d.Intern(Term{Kind: Literal, Value: lexical, Datatype: datatype, Lang: lang})
}

// Blank interns a blank node by its label, given without "_:".
func (d *Dataset) Blank(label string) TermID { return d.Intern(Term{Kind: BlankNode, Value: label}) }

// NewBlank makes a blank node that no other call returns, without interning a
// label for it: its label is empty until canonicalisation names it.
func (d *Dataset) NewBlank() TermID {
	id := TermID(len(d.terms))
	d.terms = append(d.terms, Term{Kind: BlankNode})
	d.fresh++
	return id
}

// Add appends a quad. Duplicates are allowed and count once in the canonical form.
func (d *Dataset) Add(s, p, o, g TermID) { d.quads = append(d.quads, Quad{s, p, o, g}) }

// Term returns the term behind an identifier of this dataset.
func (d *Dataset) Term(id TermID) Term { return d.terms[id] }

// Quads returns the quads in the order they were added. The slice is the
// dataset's own.
func (d *Dataset) Quads() []Quad { return d.quads }

// Terms returns how many terms there are, the default graph's included.
func (d *Dataset) Terms() int { return len(d.terms) }
