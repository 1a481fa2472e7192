package rdfc

import (
	"bytes"
	"fmt"
	"slices"
)

// ndegree is the working memory of Hash N-Degree Quads. The issuer of temporary
// identifiers exists once: blankInfo.temp holds what was issued, order the
// sequence. Where the specification copies an issuer, this one is rolled back to
// an earlier length, and the choice that won is played back.
type ndegree struct {
	work    int // steps left
	order   []uint32
	entries []related // a stack: each call has its part on top
	frames  []*frame  // by depth of recursion
}

// related is a blank node related to the one being hashed, with the hash of how.
type related struct {
	hash  digest
	blank uint32
}

// frame is the memory of one call.
type frame struct {
	data, path, best []byte
	perm, recurse    []uint32
	bestIssued       []uint32
}

// small reports whether so little is held that it may be kept for the next use.
func (n *ndegree) small() bool {
	if len(n.frames) > 64 {
		return false
	}
	kept := 56*cap(n.entries) + 4*cap(n.order)
	for _, f := range n.frames {
		kept += cap(f.data) + cap(f.path) + cap(f.best) + 4*(cap(f.perm)+cap(f.recurse)+cap(f.bestIssued))
	}
	return kept <= maxKept
}

// spend takes steps from the budget.
func (s *scratch) spend(steps int) error {
	s.nd.work -= steps
	if s.nd.work < 0 {
		return fmt.Errorf("%w: more than %d steps to tell %d blank nodes apart", ErrBudget, s.opt.MaxWork, len(s.blanks))
	}
	return nil
}

// issueTemp gives a blank node the next temporary identifier.
func (s *scratch) issueTemp(b uint32) {
	s.blanks[b].temp = int32(len(s.nd.order))
	s.nd.order = append(s.nd.order, b)
}

// rollback takes back the temporary identifiers issued since mark.
func (s *scratch) rollback(mark int) {
	for _, b := range s.nd.order[mark:] {
		s.blanks[b].temp = -1
	}
	s.nd.order = s.nd.order[:mark]
}

// issueShared issues canonical identifiers to blank nodes with equal first-degree
// hashes (rdf-canon section 4.4.3 step 5).
func (s *scratch) issueShared() error {
	s.nd.work = s.opt.MaxWork
	type result struct {
		hash  digest
		order []uint32
	}
	var results []result
	for _, sh := range s.shared {
		results = results[:0]
		for _, k := range s.order[sh.lo:sh.hi] {
			if s.blanks[k.blank].issued >= 0 {
				continue
			}
			s.issueTemp(k.blank)
			hash, err := s.nDegree(k.blank, 0)
			if err != nil {
				s.rollback(0)
				s.nd.entries = s.nd.entries[:0]
				return err
			}
			results = append(results, result{hash, slices.Clone(s.nd.order)})
			s.rollback(0)
		}
		slices.SortStableFunc(results, func(a, b result) int { return bytes.Compare(a.hash[:], b.hash[:]) })
		for _, r := range results {
			for _, b := range r.order {
				s.issue(b)
			}
		}
	}
	return nil
}

// nDegree is Hash N-Degree Quads (rdf-canon section 4.8) of a blank node. On
// return the temporary issuer is the one that the algorithm returns.
func (s *scratch) nDegree(b uint32, depth int) (digest, error) {
	if depth == len(s.nd.frames) {
		s.nd.frames = append(s.nd.frames, new(frame))
	}
	f := s.nd.frames[depth]
	base := len(s.nd.entries)
	if err := s.relate(b); err != nil { // steps 1 to 3
		return digest{}, err
	}
	f.data = f.data[:0] // step 4
	for lo := base; lo < len(s.nd.entries); {
		hi := lo + 1
		for hi < len(s.nd.entries) && s.nd.entries[hi].hash == s.nd.entries[lo].hash {
			hi++
		}
		f.data = s.appendDigest(f.data, &s.nd.entries[lo].hash) // step 5.1
		f.perm = f.perm[:0]
		for _, e := range s.nd.entries[lo:hi] {
			f.perm = append(f.perm, e.blank)
		}
		if err := s.choose(f, depth); err != nil { // steps 5.2 to 5.4
			return digest{}, err
		}
		f.data = append(f.data, f.best...) // step 5.5
		for _, b := range f.bestIssued {   // step 5.6
			s.issueTemp(b)
		}
		lo = hi
	}
	s.nd.entries = s.nd.entries[:base]
	var h digest
	s.sum(&h, f.data)
	return h, nil // step 6
}

// relate pushes the blank nodes related to b, ordered by how they are related:
// the map Hn of steps 1 to 3.
func (s *scratch) relate(b uint32) error {
	info := &s.blanks[b]
	if err := s.spend(1 + int(info.hi-info.lo)/8); err != nil {
		return err
	}
	base := len(s.nd.entries)
	for _, n := range s.mention[info.lo:info.hi] {
		q := &s.quads[n]
		for i, id := range [...]TermID{q.S, q.O, q.G} {
			r := s.terms[id].blank
			if r < 0 || uint32(r) == b {
				continue
			}
			if err := s.spend(1 + int(s.terms[q.P].end-s.terms[q.P].off)/256); err != nil {
				return err
			}
			e := related{blank: uint32(r)}
			s.hashRelated(&e.hash, uint32(r), q, "sog"[i])
			s.nd.entries = append(s.nd.entries, e)
		}
	}
	slices.SortFunc(s.nd.entries[base:], func(x, y related) int {
		if c := bytes.Compare(x.hash[:], y.hash[:]); c != 0 {
			return c
		}
		return int(x.blank) - int(y.blank)
	})
	return nil
}

// hashRelated is Hash Related Blank Node (section 4.7).
func (s *scratch) hashRelated(h *digest, r uint32, q *Quad, position byte) {
	buf := append(s.buf[:0], position)
	if position != 'g' {
		p := s.bytesOf(q.P)
		buf = append(buf, p[:len(p)-1]...)
	}
	if info := &s.blanks[r]; info.issued >= 0 || info.temp >= 0 {
		buf = s.appendIssued(buf, info)
	} else {
		buf = s.appendDigest(buf, &info.hash)
	}
	s.buf = buf
	s.sum(h, buf)
}

// appendIssued appends the canonical or else the temporary identifier.
func (s *scratch) appendIssued(dst []byte, b *blankInfo) []byte {
	if b.issued >= 0 {
		return appendUint(append(dst, "_:c14n"...), uint32(b.issued))
	}
	return appendUint(append(dst, "_:b"...), uint32(b.temp))
}

// choose tries the permutations of f.perm, which is in ascending order, and leaves
// the least path in f.best and the identifiers issued along it in f.bestIssued.
// The issuer is left as it was found.
func (s *scratch) choose(f *frame, depth int) error {
	mark := len(s.nd.order)
	f.best, f.bestIssued = f.best[:0], f.bestIssued[:0]
	chosen := false
	for {
		less := !chosen // whether the path is already known to be less than the best
		skip, err := s.walk(f, &less)
		if err != nil {
			return err
		}
		if !skip {
			skip, err = s.descend(f, depth, &less)
			if err != nil {
				return err
			}
		}
		if !skip && (less || len(f.path) < len(f.best)) { // step 5.4.6
			chosen = true
			f.best, f.path = f.path, f.best
			f.bestIssued = append(f.bestIssued[:0], s.nd.order[mark:]...)
		}
		if err := s.spend((len(s.nd.order) - mark) / 8); err != nil {
			return err
		}
		s.rollback(mark)
		if !nextPermutation(f.perm) {
			return nil
		}
	}
}

// walk is steps 5.4.1 to 5.4.4: it names the permutation's members and notes those
// to descend into.
func (s *scratch) walk(f *frame, less *bool) (skip bool, err error) {
	f.path, f.recurse = f.path[:0], f.recurse[:0]
	for i, r := range f.perm {
		if err := s.spend(1); err != nil {
			return false, err
		}
		info := &s.blanks[r]
		if info.issued < 0 && info.temp < 0 {
			f.recurse = append(f.recurse, r)
			s.issueTemp(r)
		}
		from := len(f.path)
		f.path = s.appendIssued(f.path, info)
		if worse(f, from, less) {
			// Every permutation that begins in this way is as bad: take the last
			// of them, so that the next one differs here or earlier.
			slices.SortFunc(f.perm[i+1:], func(a, b uint32) int { return int(b) - int(a) })
			return true, nil
		}
	}
	return false, nil
}

// descend is step 5.4.5: it hashes the members that were named on the way.
func (s *scratch) descend(f *frame, depth int, less *bool) (skip bool, err error) {
	for _, r := range f.recurse {
		h, err := s.nDegree(r, depth+1)
		if err != nil {
			return false, err
		}
		from := len(f.path)
		f.path = s.appendIssued(f.path, &s.blanks[r])
		f.path = append(f.path, '<')
		f.path = s.appendDigest(f.path, &h)
		f.path = append(f.path, '>')
		if worse(f, from, less) {
			return true, nil
		}
	}
	return false, nil
}

// worse reports whether the path, extended since from, can no longer come out less
// than the best. Up to from they are equal, unless less says that the path is
// already the lesser. The specification stops only once the path is as long as
// the best; stopping at the first greater byte chooses the same.
func worse(f *frame, from int, less *bool) bool {
	if *less {
		return false
	}
	if from > len(f.best) {
		return true
	}
	to := min(len(f.path), len(f.best))
	if to < from {
		return true
	}
	switch c := bytes.Compare(f.path[from:to], f.best[from:to]); {
	case c > 0:
		return true
	case c < 0:
		*less = true
		return false
	}
	return len(f.path) > len(f.best)
}

// nextPermutation puts p into the next order, and reports false after the last.
// Members that occur twice are not told apart.
func nextPermutation(p []uint32) bool {
	i := len(p) - 2
	for i >= 0 && p[i] >= p[i+1] {
		i--
	}
	if i < 0 {
		return false
	}
	j := len(p) - 1
	for p[j] <= p[i] {
		j--
	}
	p[i], p[j] = p[j], p[i]
	slices.Reverse(p[i+1:])
	return true
}
