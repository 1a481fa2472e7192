package rdfc

import (
	"bytes"
	"crypto/sha512"
	"fmt"
	"math"
	"slices"
	"sync"
)

// termInfo is what canonicalisation knows about a term that occurs in a quad:
// where its text lies, which ends in a space, or which blank node it is.
type termInfo struct {
	off, end uint32
	blank    int32 // index into scratch.blanks, or -1
	state    state
}

// state tells what a term has been found to be.
type state uint8

const (
	unseen   state = iota
	resource       // an IRI or a blank node
	literal
)

// digest is a SHA-384, or a SHA-256 with zeros after it.
type digest [sha512.Size384]byte

// blankInfo is a blank node that occurs in a quad.
type blankInfo struct {
	hash   digest // first-degree hash
	lo, hi uint32 // its quads: scratch.mention[lo:hi]
	issued int32  // n of c14nN, or -1
	rank   int32  // place of c14nN among all of them in code point order
	temp   int32  // n of the temporary identifier bN, or -1
	group  int32  // the group it is the subject of, or -1
}

// hashKey is a blank node with the first bytes of its hash, to sort by.
type hashKey struct {
	prefix uint64
	blank  uint32
}

// scratch holds the working memory of one canonicalisation. All of it is indices
// and bytes: no string of the caller is kept alive by the pool.
type scratch struct {
	opt Options

	text    []byte // the texts of terms, one after the other
	terms   []termInfo
	quads   []Quad   // distinct, grouped by subject
	groups  []group  // one for each distinct subject
	starts  []uint32 // by TermID, while grouping
	blanks  []blankInfo
	mention []uint32  // indices of quads, grouped by blank node
	order   []hashKey // blank nodes in the order of their first-degree hashes
	shared  []span    // parts of order that have one hash in common
	named   []uint32  // groups whose subject is an IRI
	canon   []uint32  // blank nodes by the n of c14nN
	buf     []byte
	out     []byte
	size    int // bytes of the canonical form, or slightly more

	nd ndegree
}

// span is a range of indices: from lo up to hi.
type span struct{ lo, hi int }

// group is the quads of one subject: scratch.quads[lo:hi].
type group struct {
	subject TermID
	lo, hi  uint32
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// maxKept bounds what a scratch may hold on to between uses.
const maxKept = 1 << 18

// release returns s to the pool, unless a large dataset has grown it.
func (s *scratch) release() {
	kept := cap(s.text) + cap(s.out) + cap(s.buf) + 16*(cap(s.terms)+cap(s.quads)) +
		80*cap(s.blanks) + 16*(cap(s.order)+cap(s.shared)+cap(s.groups)) +
		4*(cap(s.mention)+cap(s.starts)+cap(s.named)+cap(s.canon))
	if kept <= maxKept && s.nd.small() {
		scratchPool.Put(s)
	}
}

// resize returns b with length n and unspecified content.
func resize[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n, n+n/4)
	}
	return b[:n]
}

// run computes everything up to the canonical identifiers. The steps are those of
// rdf-canon section 4.4.3.
func (s *scratch) run(d *Dataset, opt Options) error {
	s.opt = opt
	if n := len(d.quads); n > opt.MaxQuads {
		return fmt.Errorf("%w: expected at most %d quads, found %d", ErrTooLarge, opt.MaxQuads, n)
	}
	if err := s.load(d); err != nil {
		return err
	}
	s.group(d)
	if err := s.measure(); err != nil {
		return err
	}
	s.mentions()    // step 2
	s.firstDegree() // step 3
	s.issueUnique() // step 4
	if len(s.shared) > 0 {
		if err := s.issueShared(); err != nil { // step 5
			return err
		}
	}
	s.rank()
	return nil
}

// load validates the quads, writes out the text of every term in them and counts
// the quads of each subject.
func (s *scratch) load(d *Dataset) error {
	s.text = s.text[:0]
	s.blanks = s.blanks[:0]
	s.terms = resize(s.terms, len(d.terms))
	clear(s.terms)
	for i := range s.terms {
		s.terms[i].blank = -1
	}
	s.starts = resize(s.starts, len(d.terms)+1)
	clear(s.starts)
	limit := TermID(len(d.terms))
	for i := range d.quads {
		q := &d.quads[i]
		if q.S >= limit || q.P >= limit || q.O >= limit || q.G >= limit {
			return fmt.Errorf("%w: a quad names a term that is not of its dataset", ErrTerm)
		}
		if s.terms[q.S].state != resource {
			if err := s.see(d, q.S, false); err != nil {
				return err
			}
		}
		if s.terms[q.P].state != resource {
			if err := s.see(d, q.P, false); err != nil {
				return err
			}
		}
		if s.terms[q.P].blank >= 0 {
			return fmt.Errorf("%w: expected an IRI as predicate, found a blank node", ErrTerm)
		}
		if s.terms[q.O].state == unseen {
			if err := s.see(d, q.O, true); err != nil {
				return err
			}
		}
		if q.G != 0 && s.terms[q.G].state != resource {
			if err := s.see(d, q.G, false); err != nil {
				return err
			}
		}
		s.starts[q.S+1]++
	}
	return nil
}

// see writes out a term the first time it occurs. object tells whether a literal
// may stand here.
func (s *scratch) see(d *Dataset, id TermID, object bool) error {
	t := &d.terms[id]
	info := &s.terms[id]
	info.state = resource
	if t.Kind == Literal {
		if !object {
			return fmt.Errorf("%w: expected an IRI or a blank node, found a literal", ErrTerm)
		}
		info.state = literal
	}
	if t.Kind == BlankNode {
		if len(s.blanks) == s.opt.MaxBlankNodes {
			return fmt.Errorf("%w: expected at most %d blank nodes", ErrTooLarge, s.opt.MaxBlankNodes)
		}
		info.blank = int32(len(s.blanks))
		s.blanks = append(s.blanks, blankInfo{issued: -1, temp: -1, group: -1})
		return nil
	}
	// Escaping makes a byte at most six; a text that alone exceeds the limit is
	// not even copied.
	if n := len(t.Value) + len(t.Datatype); n > s.opt.MaxBytes || len(s.text) > s.opt.MaxBytes {
		return fmt.Errorf("%w: expected at most %d bytes", ErrTooLarge, s.opt.MaxBytes)
	}
	info.off = uint32(len(s.text))
	var err error
	s.text, err = appendTerm(s.text, t)
	if err != nil {
		return err
	}
	s.text = append(s.text, ' ')
	if uint64(len(s.text)) > math.MaxUint32 {
		return fmt.Errorf("%w: more than 4 GiB", ErrTooLarge)
	}
	info.end = uint32(len(s.text))
	return nil
}

// bytesOf returns the text of an IRI or a literal with a space after it.
func (s *scratch) bytesOf(id TermID) []byte {
	t := &s.terms[id]
	return s.text[t.off:t.end]
}

// group puts the quads of each subject side by side, sorts each group and drops
// duplicates. The order within a group is that of the canonical form as far as it
// does not depend on blank nodes, which leaves the later sorts little to do.
func (s *scratch) group(d *Dataset) {
	for i := 1; i < len(s.starts); i++ {
		s.starts[i] += s.starts[i-1]
	}
	s.quads = resize(s.quads, len(d.quads))
	for _, q := range d.quads {
		s.quads[s.starts[q.S]] = q
		s.starts[q.S]++
	}
	s.groups, s.named = s.groups[:0], s.named[:0]
	n := 0
	for lo := 0; lo < len(s.quads); {
		subject := s.quads[lo].S
		hi := int(s.starts[subject])
		g := s.quads[lo:hi]
		if len(g) <= 12 {
			for i := 1; i < len(g); i++ {
				for j := i; j > 0 && s.compareInput(&g[j], &g[j-1]) < 0; j-- {
					g[j], g[j-1] = g[j-1], g[j]
				}
			}
		} else {
			slices.SortFunc(g, func(a, b Quad) int { return s.compareInput(&a, &b) })
		}
		first := n
		for i, q := range g {
			if i == 0 || q != s.quads[n-1] {
				s.quads[n] = q
				n++
			}
		}
		if b := s.terms[subject].blank; b >= 0 {
			s.blanks[b].group = int32(len(s.groups))
		} else {
			s.named = append(s.named, uint32(len(s.groups)))
		}
		s.groups = append(s.groups, group{subject, uint32(first), uint32(n)})
		lo = hi
	}
	s.quads = s.quads[:n]
}

// measure bounds the size of the canonical form from above, before anything is
// hashed: one long IRI may occur in many quads.
func (s *scratch) measure() error {
	size := 0
	label := len("_:c14n ") + len(appendUint(s.buf[:0], uint32(len(s.blanks))))
	for i := range s.quads {
		q := &s.quads[i]
		for _, id := range [...]TermID{q.S, q.P, q.O, q.G} {
			if t := &s.terms[id]; t.blank >= 0 {
				size += label
			} else {
				size += int(t.end - t.off)
			}
		}
		size += len(".\n")
		if size > s.opt.MaxBytes {
			return fmt.Errorf("%w: expected at most %d bytes of canonical form", ErrTooLarge, s.opt.MaxBytes)
		}
	}
	s.size = size
	return nil
}

// compareInput orders the quads of one subject by predicate, object and graph.
// Blank nodes come last, in the order of their indices, so that the order is total.
func (s *scratch) compareInput(a, b *Quad) int {
	if a.P != b.P {
		return bytes.Compare(s.bytesOf(a.P), s.bytesOf(b.P))
	}
	if a.O != b.O {
		x, y := &s.terms[a.O], &s.terms[b.O]
		if x.blank >= 0 && y.blank >= 0 {
			return int(x.blank - y.blank)
		}
		return s.compareText(x, y)
	}
	if a.G == b.G {
		return 0
	}
	x, y := &s.terms[a.G], &s.terms[b.G]
	if x.blank >= 0 && y.blank >= 0 {
		return int(x.blank - y.blank)
	}
	return s.compareText(x, y)
}

// compareText orders two terms that are not both blank nodes. Every text ends in
// a space, and no text but that space is a prefix of another, so comparing lines
// term by term is comparing them whole. Blank nodes ("_") come after IRIs ("<") and literals
// (quote); the default graph, whose text is empty because "." follows, comes first.
func (s *scratch) compareText(x, y *termInfo) int {
	switch {
	case x.blank >= 0:
		return 1
	case y.blank >= 0:
		return -1
	}
	return bytes.Compare(s.text[x.off:x.end], s.text[y.off:y.end])
}
