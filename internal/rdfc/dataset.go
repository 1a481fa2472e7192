// Package rdfc canonicalises RDF datasets with RDFC-1.0
// (https://www.w3.org/TR/rdf-canon/) under a work budget.
//
// A dataset is built term by term, either by internal/jsonld or by ParseNQuads,
// and handed to Canonicalize, which returns the canonical N-Quads together with
// the identifier map that selective disclosure suites need. A caller that needs
// only the hash of the canonical form calls Digest, which never materialises it.
//
// Datasets may come from hostile documents: quads, blank nodes, output size and
// the work spent on telling blank nodes apart are all bounded (Options), and
// terms that have no N-Quads form are refused.
package rdfc

import (
	"hash/maphash"
)

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
	// table is an open-addressing hash table whose size is a power of two. An
	// entry holds the high half of a term's hash above its TermID; 0 is free.
	table []uint64
	used  int // interned terms, which leaves out the default graph and fresh blanks
}

// seed keys the hash table, so that a document cannot be made to collide in it.
var seed = maphash.MakeSeed()

// NewDataset returns an empty dataset with room for about n quads.
func NewDataset(n int) *Dataset {
	n = max(n, 8)
	size := 32
	for size < 3*n {
		size *= 2
	}
	return &Dataset{
		terms: make([]Term, 1, 2*n+1),
		quads: make([]Quad, 0, n),
		table: make([]uint64, size),
	}
}

// Reset empties the dataset and keeps its memory, without keeping any string.
func (d *Dataset) Reset() {
	clear(d.terms)
	d.terms = d.terms[:1]
	d.quads = d.quads[:0]
	clear(d.table)
	d.used = 0
}

// hashTerm mixes every member that distinguishes terms: were one left out,
// a document could fill the table with terms that differ in it alone.
func hashTerm(t *Term) uint64 {
	h := maphash.String(seed, t.Value)
	if t.Datatype != "" {
		h ^= maphash.String(seed, t.Datatype) * 0x9E3779B97F4A7C15
	}
	if t.Lang != "" {
		h ^= maphash.String(seed, t.Lang) * 0xC2B2AE3D27D4EB4F
	}
	return (h + uint64(t.Kind)) * 0xD6E8FEB86659FD93
}

// Intern returns the identifier of t, adding it when it is new.
func (d *Dataset) Intern(t Term) TermID {
	if t.Kind == Literal && (t.Lang != "" || t.Datatype == XSDString) {
		t.Datatype = ""
	}
	if 4*(d.used+1) > 3*len(d.table) {
		d.grow()
	}
	h := hashTerm(&t)
	mask := uint64(len(d.table) - 1)
	high := h &^ (1<<32 - 1)
	for i := h >> 40 & mask; ; i = (i + 1) & mask {
		e := d.table[i]
		if e == 0 {
			id := TermID(len(d.terms))
			d.terms = append(d.terms, t)
			d.table[i] = high | uint64(id)
			d.used++
			return id
		}
		if e&^(1<<32-1) == high && d.terms[uint32(e)] == t {
			return TermID(uint32(e))
		}
	}
}

// grow doubles the table. The index of an entry comes from bits that the entry
// keeps, so no term is hashed again; 24 bits of index suffice for any size that
// the limits allow, and a larger table only probes longer.
func (d *Dataset) grow() {
	old := d.table
	d.table = make([]uint64, 2*len(old))
	mask := uint64(len(d.table) - 1)
	for _, e := range old {
		if e == 0 {
			continue
		}
		i := e >> 40 & mask
		for d.table[i] != 0 {
			i = (i + 1) & mask
		}
		d.table[i] = e
	}
}

// IRI interns an IRI, given without angle brackets.
func (d *Dataset) IRI(iri string) TermID { return d.Intern(Term{Kind: IRI, Value: iri}) }

// Literal interns a literal. An empty datatype means xsd:string; with a language
// tag the datatype is rdf:langString whatever is given.
func (d *Dataset) Literal(lexical, datatype, lang string) TermID {
	return d.Intern(Term{Kind: Literal, Value: lexical, Datatype: datatype, Lang: lang})
}

// Blank interns a blank node by its label, given without "_:".
func (d *Dataset) Blank(label string) TermID { return d.Intern(Term{Kind: BlankNode, Value: label}) }

// NewBlank makes a blank node that no other call returns, without interning a
// label for it: its label is empty until canonicalisation names it.
func (d *Dataset) NewBlank() TermID {
	id := TermID(len(d.terms))
	d.terms = append(d.terms, Term{Kind: BlankNode})
	return id
}

// Add appends a quad. Duplicates are allowed and count once in the canonical form.
func (d *Dataset) Add(s, p, o, g TermID) { d.quads = append(d.quads, Quad{s, p, o, g}) }

// Term returns the term behind an identifier of this dataset.
func (d *Dataset) Term(id TermID) Term { return d.terms[id] }

// Quads returns the quads in the order they were added. The slice is the
// dataset's own.
func (d *Dataset) Quads() []Quad { return d.quads }

// Take returns the quads and leaves the dataset without any, its terms kept: what is
// added next is of the same terms and compares with what was taken.
func (d *Dataset) Take() []Quad {
	taken := d.quads
	d.quads = nil
	return taken
}

// Terms returns how many terms there are, the default graph's included.
func (d *Dataset) Terms() int { return len(d.terms) }
