package rdfc

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"slices"
)

// mentions lists the quads that each blank node occurs in, once each.
func (s *scratch) mentions() {
	each := func(visit func(b int32, quad int)) {
		for i := range s.quads {
			q := &s.quads[i]
			a, b := s.terms[q.S].blank, s.terms[q.O].blank
			if a >= 0 {
				visit(a, i)
			}
			if b >= 0 && b != a {
				visit(b, i)
			}
			if q.G != 0 {
				if g := s.terms[q.G].blank; g >= 0 && g != a && g != b {
					visit(g, i)
				}
			}
		}
	}
	each(func(b int32, _ int) { s.blanks[b].hi++ })
	total := uint32(0)
	for i := range s.blanks {
		b := &s.blanks[i]
		b.lo = total
		total += b.hi
		b.hi = b.lo
	}
	s.mention = resize(s.mention, int(total))
	each(func(b int32, quad int) {
		info := &s.blanks[b]
		s.mention[info.hi] = uint32(quad)
		info.hi++
	})
}

// firstDegree computes Hash First Degree Quads (rdf-canon section 4.6) of every
// blank node.
func (s *scratch) firstDegree() {
	for i := range s.blanks {
		b := &s.blanks[i]
		list := s.mention[b.lo:b.hi]
		self := int32(i)
		if len(list) <= 12 {
			for i := 1; i < len(list); i++ {
				for j := i; j > 0 && s.compareMasked(list[j], list[j-1], self) < 0; j-- {
					list[j], list[j-1] = list[j-1], list[j]
				}
			}
		} else {
			slices.SortFunc(list, func(x, y uint32) int { return s.compareMasked(x, y, self) })
		}
		buf := s.buf[:0]
		for _, n := range list {
			q := &s.quads[n]
			buf = s.appendMasked(buf, q.S, self)
			buf = append(buf, s.bytesOf(q.P)...)
			buf = s.appendMasked(buf, q.O, self)
			if q.G != 0 {
				buf = s.appendMasked(buf, q.G, self)
			}
			buf = append(buf, '.', '\n')
		}
		s.buf = buf
		s.sum(&b.hash, buf)
	}
}

// sum hashes b into d with the hash of the options.
func (s *scratch) sum(d *digest, b []byte) {
	if s.opt.Hash == crypto.SHA384 {
		*d = sha512.Sum384(b)
		return
	}
	h := sha256.Sum256(b)
	copy(d[:], h[:])
}

// appendDigest appends d in hexadecimal.
func (s *scratch) appendDigest(dst []byte, d *digest) []byte {
	return appendHex(dst, d[:s.opt.Hash.Size()])
}

// appendMasked appends a term with a space after it, blank nodes as "_:a" for the
// one being hashed and "_:z" for any other.
func (s *scratch) appendMasked(dst []byte, id TermID, self int32) []byte {
	switch t := &s.terms[id]; t.blank {
	case -1:
		return append(dst, s.text[t.off:t.end]...)
	case self:
		return append(dst, "_:a "...)
	default:
		return append(dst, "_:z "...)
	}
}

// compareMasked orders two quads by the lines that appendMasked makes of them.
func (s *scratch) compareMasked(x, y uint32, self int32) int {
	a, b := &s.quads[x], &s.quads[y]
	if c := s.compareMaskedTerm(a.S, b.S, self); c != 0 {
		return c
	}
	if a.P != b.P {
		return bytes.Compare(s.bytesOf(a.P), s.bytesOf(b.P))
	}
	if c := s.compareMaskedTerm(a.O, b.O, self); c != 0 {
		return c
	}
	return s.compareMaskedTerm(a.G, b.G, self)
}

func (s *scratch) compareMaskedTerm(a, b TermID, self int32) int {
	if a == b {
		return 0
	}
	x, y := &s.terms[a], &s.terms[b]
	if x.blank < 0 || y.blank < 0 {
		return s.compareText(x, y)
	}
	switch self {
	case x.blank:
		return -1
	case y.blank:
		return 1
	}
	return 0
}

// issueUnique sorts the blank nodes by hash and issues canonical identifiers to
// those whose hash no other shares (section 4.4.3 step 4). The others are left in
// scratch.shared.
func (s *scratch) issueUnique() {
	s.order = s.order[:0]
	for i := range s.blanks {
		prefix := binary.BigEndian.Uint64(s.blanks[i].hash[:8])
		s.order = append(s.order, hashKey{prefix, uint32(i)})
	}
	slices.SortFunc(s.order, func(a, b hashKey) int {
		switch {
		case a.prefix < b.prefix:
			return -1
		case a.prefix > b.prefix:
			return 1
		}
		return bytes.Compare(s.blanks[a.blank].hash[:], s.blanks[b.blank].hash[:])
	})
	s.shared, s.canon = s.shared[:0], s.canon[:0]
	for lo := 0; lo < len(s.order); {
		hash := &s.blanks[s.order[lo].blank].hash
		hi := lo + 1
		for hi < len(s.order) && s.blanks[s.order[hi].blank].hash == *hash {
			hi++
		}
		if hi == lo+1 {
			s.issue(s.order[lo].blank)
		} else {
			s.shared = append(s.shared, span{lo, hi})
		}
		lo = hi
	}
}

// issue gives a blank node the next canonical identifier, unless it has one.
func (s *scratch) issue(b uint32) {
	if info := &s.blanks[b]; info.issued < 0 {
		info.issued = int32(len(s.canon))
		s.canon = append(s.canon, b)
	}
}
