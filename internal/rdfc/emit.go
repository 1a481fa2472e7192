package rdfc

import (
	"bytes"
	"slices"
)

// rank numbers the canonical identifiers in code point order: c14n10 comes
// before c14n2.
func (s *scratch) rank() {
	n := len(s.canon)
	if n == 0 {
		return
	}
	s.blanks[s.canon[0]].rank = 0
	cur := 1
	for rank := 1; rank < n; rank++ {
		s.blanks[s.canon[cur]].rank = int32(rank)
		s.order[rank].blank = s.canon[cur]
		cur = nextDecimal(cur, n)
	}
	s.order[0].blank = s.canon[0]
}

// nextDecimal returns the number after cur among 1 to n-1 in the order of their
// decimal texts.
func nextDecimal(cur, n int) int {
	if 10*cur < n {
		return 10 * cur
	}
	for cur%10 == 9 || cur+1 >= n {
		cur /= 10
		if cur == 0 {
			return 1
		}
	}
	return cur + 1
}

// emit appends the canonical form to dst and, where c is given, notes where each
// line ends and which quad it is.
func (s *scratch) emit(dst []byte, c *Canonical) []byte {
	slices.SortFunc(s.named, func(a, b uint32) int {
		return bytes.Compare(s.bytesOf(s.groups[a].subject), s.bytesOf(s.groups[b].subject))
	})
	for _, g := range s.named {
		dst = s.emitGroup(dst, c, &s.groups[g])
	}
	// rank has put the blank nodes into code point order.
	for _, k := range s.order {
		if g := s.blanks[k.blank].group; g >= 0 {
			dst = s.emitGroup(dst, c, &s.groups[g])
		}
	}
	return dst
}

// emitGroup appends the lines of one subject. They are in order already but for
// blank nodes among the objects and graphs of one predicate.
func (s *scratch) emitGroup(dst []byte, c *Canonical, g *group) []byte {
	quads := s.quads[g.lo:g.hi]
	for lo := 0; lo < len(quads); {
		hi := lo + 1
		for hi < len(quads) && quads[hi].P == quads[lo].P {
			hi++
		}
		if run := quads[lo:hi]; len(run) == 2 {
			if s.compareOutput(&run[0], &run[1]) > 0 {
				run[0], run[1] = run[1], run[0]
			}
		} else if len(run) > 2 {
			slices.SortFunc(run, func(a, b Quad) int { return s.compareOutput(&a, &b) })
		}
		lo = hi
	}
	for i := range quads {
		q := &quads[i]
		dst = s.appendFinal(dst, q.S)
		dst = append(dst, s.bytesOf(q.P)...)
		dst = s.appendFinal(dst, q.O)
		if q.G != 0 {
			dst = s.appendFinal(dst, q.G)
		}
		dst = append(dst, '.', '\n')
		if c != nil {
			c.ends = append(c.ends, uint32(len(dst)))
			c.quads = append(c.quads, *q)
		}
	}
	return dst
}

// appendFinal appends a term under its canonical identifier, with a space after it.
func (s *scratch) appendFinal(dst []byte, id TermID) []byte {
	t := &s.terms[id]
	if t.blank < 0 {
		return append(dst, s.text[t.off:t.end]...)
	}
	dst = append(dst, "_:c14n"...)
	return append(appendUint(dst, uint32(s.blanks[t.blank].issued)), ' ')
}

// compareOutput orders two quads of equal subject and predicate.
func (s *scratch) compareOutput(a, b *Quad) int {
	if a.O != b.O {
		return s.compareRanked(&s.terms[a.O], &s.terms[b.O])
	}
	if a.G == b.G {
		return 0
	}
	return s.compareRanked(&s.terms[a.G], &s.terms[b.G])
}

func (s *scratch) compareRanked(x, y *termInfo) int {
	if x.blank >= 0 && y.blank >= 0 {
		return int(s.blanks[x.blank].rank - s.blanks[y.blank].rank)
	}
	return s.compareText(x, y)
}
