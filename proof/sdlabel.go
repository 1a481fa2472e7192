package proof

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// sdLine is a statement of a document: a line of N-Quads in which blank nodes have the
// labels that the issuer gave them.
type sdLine struct {
	text []byte // with its line feed
	quad rdfc.Quad
}

// sdLines makes the labelled lines of a canonical form, in code point order
// (labelReplacementCanonicalizeNQuads, ECDSA Cryptosuites 3.4.1).
func sdLines(c *rdfc.Canonical, labels []string) []sdLine {
	label := func(n int) string { return labels[n] }
	lines := make([]sdLine, c.Len())
	// One piece of memory for all of them; labels are longer than what they replace.
	text := make([]byte, 0, len(c.NQuads)+c.Len()*2*sdHMAC)
	for i := range lines {
		from := len(text)
		text = c.AppendLine(text, i, label)
		lines[i] = sdLine{text[from:len(text):len(text)], c.Quad(i)}
	}
	slices.SortFunc(lines, func(a, b sdLine) int { return bytes.Compare(a.text, b.text) })
	return lines
}

// hmacLabels makes the label of every blank node from its canonical identifier
// (createHmacIdLabelMapFunction, ECDSA Cryptosuites 3.4.4). Without the key, which is in
// the base proof alone, labels say nothing of what was left out.
func hmacLabels(key []byte, count int) []string {
	labels := make([]string, count)
	mac := hmac.New(sha256.New, key)
	var sum [sha256.Size]byte
	for n := range labels {
		mac.Reset()
		mac.Write(strconv.AppendInt([]byte("c14n"), int64(n), 10))
		labels[n] = multikey.EncodeMultibase64(mac.Sum(sum[:0]))
	}
	return labels
}

// sdDocument is a whole document, labelled, of which parts are to be selected
// (canonicalizeAndGroup, ECDSA Cryptosuites 3.4.16).
//
// The specification finds the statements of a part by giving every blank node of the
// document an identifier ("skolemising"), which cannot be done to ordered lists and
// values. Here the part is read into the same dataset, and each of its blank nodes is the
// one that the same JSON value of the whole document stands for.
type sdDocument struct {
	in     *Input
	set    *rdfc.Dataset
	blanks map[sdBlank]rdfc.TermID
	known  map[rdfc.Quad]bool
	whole  *rdfc.Canonical
	labels []string
	lines  []sdLine
}

// sdBlank names a blank node by the value it stands for.
type sdBlank struct {
	n    strictjson.Node
	role jsonld.BlankRole
}

func newSDDocument(in *Input, hmacKey []byte) (*sdDocument, error) {
	d := &sdDocument{in: in, set: rdfc.NewDataset(256), blanks: map[sdBlank]rdfc.TermID{}, known: map[rdfc.Quad]bool{}}
	opt := jsonld.Options{Contexts: in.Contexts, DropRoot: dropProof, ByName: true, Limits: sdLimits, Blank: func(n strictjson.Node, role jsonld.BlankRole) rdfc.TermID {
		id := d.set.NewBlank()
		d.blanks[sdBlank{n, role}] = id
		return id
	}}
	if _, err := jsonld.ToQuads(in.Doc, in.Root, opt, d.set); err != nil {
		return nil, err
	}
	var err error
	if d.whole, err = d.canonical(); err != nil {
		return nil, err
	}
	for _, q := range d.set.Take() {
		d.known[q] = true
	}
	d.labels = hmacLabels(hmacKey, d.whole.Blanks())
	d.lines = sdLines(d.whole, d.labels)
	return d, nil
}

func (d *sdDocument) canonical() (*rdfc.Canonical, error) {
	return canonicalSD(d.in, d.set)
}

// canonicalSD canonicalises a document of this suite, within its bounds.
func canonicalSD(in *Input, set *rdfc.Dataset) (*rdfc.Canonical, error) {
	work := in.Work
	work.Hash = crypto.SHA256
	work.MaxQuads, work.MaxBlankNodes = limits.SDQuads, limits.SDBlankNodes
	c, err := rdfc.Canonicalize(set, work)
	if err != nil {
		return nil, fmt.Errorf("proof: document: %w", err)
	}
	return c, nil
}

// sdLimits stops the reading of a document that is too large for this suite.
var sdLimits = jsonld.Limits{Quads: limits.SDQuads}

// sdPart is a selected part of a document.
type sdPart struct {
	text   []byte // the JSON of the part, without proof
	quads  map[rdfc.Quad]bool
	labels [][]byte // of the blank nodes by their canonical identifiers in the part
}

// part reads the part of the document that pointers select (selectCanonicalNQuads, ECDSA
// Cryptosuites 3.4.15). All it says must be statements of the document: an element of an
// ordered list alone, or a member of a JSON literal, would say something else.
func (d *sdDocument) part(pointers []string) (*sdPart, error) {
	p := &sdPart{quads: map[rdfc.Quad]bool{}}
	s, err := selectPointers(d.in.Doc, d.in.Root, pointers)
	if err != nil || s == nil {
		return p, err
	}
	p.text = s.text
	doc, err := strictjson.Parse(s.text, strictjson.Limits{})
	if err != nil {
		return nil, fmt.Errorf("proof: selected document: %w", err)
	}
	if doc.Size() != len(s.from) {
		return nil, fmt.Errorf("%w: expected %d values in the selected document, found %d", ErrPointer, len(s.from), doc.Size())
	}
	opt := jsonld.Options{Contexts: d.in.Contexts, ByName: true, Limits: sdLimits, Blank: func(n strictjson.Node, role jsonld.BlankRole) rdfc.TermID {
		if id, ok := d.blanks[sdBlank{s.from[n], role}]; ok {
			return id
		}
		return d.set.NewBlank() // no statement about it is known
	}}
	if _, err := jsonld.ToQuads(doc, 0, opt, d.set); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPointer, err)
	}
	c, err := d.canonical()
	if err != nil {
		return nil, err
	}
	for _, q := range d.set.Take() {
		if !d.known[q] {
			return nil, fmt.Errorf("%w: a part of an ordered list or of a value cannot be disclosed without the rest of it", ErrPointer)
		}
		p.quads[q] = true
	}
	p.labels = make([][]byte, c.Blanks())
	for _, id := range d.blanksOf(p.quads) {
		n, _ := c.Index(id)
		was, _ := d.whole.Index(id)
		// The label is multibase of 32 bytes that were made just now.
		if p.labels[n], err = multikey.DecodeBase64URL(d.labels[was][1:]); err != nil {
			return nil, fmt.Errorf("proof: label: %w", err)
		}
	}
	return p, nil
}

// blanksOf returns the blank nodes in statements, with repetitions.
func (d *sdDocument) blanksOf(quads map[rdfc.Quad]bool) []rdfc.TermID {
	var out []rdfc.TermID
	for q := range quads {
		for _, id := range [...]rdfc.TermID{q.S, q.O, q.G} {
			if d.set.Term(id).Kind == rdfc.BlankNode {
				out = append(out, id)
			}
		}
	}
	return out
}
