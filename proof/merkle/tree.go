package merkle

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/bits"
)

// Tree is a complete Merkle tree: one flat array of digests for each level. It takes
// about twice the size of its leaf hashes, is immutable, and safe for concurrent use.
type Tree struct {
	hash   Hash
	size   int
	levels [][]byte // levels[0] are the leaf hashes; the last level is the root alone
}

// Build makes the tree over n leaves. leaf returns the data of leaf i, hashed here with
// the leaf prefix; it is called once for each, in order, and what it returns is not kept.
func Build(h Hash, n int, leaf func(i int) []byte) (*Tree, error) {
	if h.Size() == 0 {
		return nil, ErrHash
	}
	if n < 1 || int64(n) > MaxSize || n > math.MaxInt/h.Size() {
		return nil, ErrSize
	}
	hashes := make([]byte, n*h.Size())
	buf := make([]byte, 1, 256)
	for i := range n {
		buf = append(buf[:1], leaf(i)...)
		h.sum(hashes[i*h.Size():], buf)
	}
	return FromLeafHashes(h, hashes)
}

// FromLeafHashes makes the tree over leaf hashes, given one after the other. It takes
// the slice over: the caller must not change it.
func FromLeafHashes(h Hash, hashes []byte) (*Tree, error) {
	size := h.Size()
	if size == 0 {
		return nil, ErrHash
	}
	if len(hashes) == 0 || int64(len(hashes)/size) > MaxSize {
		return nil, ErrSize
	}
	if len(hashes)%size != 0 {
		return nil, fmt.Errorf("%w: found %d bytes", ErrDigest, len(hashes))
	}
	t := &Tree{hash: h, size: len(hashes) / size, levels: [][]byte{hashes}}
	for level := hashes; len(level) > size; {
		next := make([]byte, (len(level)/size+1)/2*size)
		if h == SHA256 {
			joinLevelSHA256(next, level)
		} else {
			joinLevel(h, next, level)
		}
		t.levels = append(t.levels, next)
		level = next
	}
	return t, nil
}

// joinLevel hashes the pairs of a level. A last digest without a partner moves up as
// it is: this is the split at the largest power of two (RFC 9162, 2.1.1), seen from
// below.
func joinLevel(h Hash, next, level []byte) {
	j := newJoiner(h)
	size := h.Size()
	for len(level) >= 2*size {
		j.join(next, level[:size], level[size:2*size])
		next, level = next[size:], level[2*size:]
	}
	copy(next, level)
}

// joinLevelSHA256 is joinLevel for the common hash: both digests lie side by side in
// the level, so one copy of 64 bytes does.
func joinLevelSHA256(next, level []byte) {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = nodePrefix
	for len(level) >= 2*sha256.Size {
		copy(buf[1:], level[:2*sha256.Size])
		d := sha256.Sum256(buf[:])
		copy(next, d[:])
		next, level = next[sha256.Size:], level[2*sha256.Size:]
	}
	copy(next, level)
}

// Hash returns the tree's hash function.
func (t *Tree) Hash() Hash { return t.hash }

// Size returns the number of leaves.
func (t *Tree) Size() int { return t.size }

// Root returns a copy of the root, nil for a Tree that Build did not make.
func (t *Tree) Root() []byte {
	if len(t.levels) == 0 {
		return nil
	}
	return append([]byte(nil), t.levels[len(t.levels)-1]...)
}

// LeafHashAt returns a copy of the hash of leaf i, nil where there is none.
func (t *Tree) LeafHashAt(i int) []byte {
	if i < 0 || i >= t.size {
		return nil
	}
	return append([]byte(nil), t.node(0, i)...)
}

func (t *Tree) node(level, i int) []byte {
	s := t.hash.Size()
	return t.levels[level][i*s : (i+1)*s]
}

// Inclusion returns the proof that leaf i is in the tree.
func (t *Tree) Inclusion(i int) (Inclusion, error) {
	if i < 0 || i >= t.size {
		return Inclusion{}, ErrSize
	}
	p := Inclusion{Hash: t.hash, Size: uint64(t.size), Index: uint64(i)}
	p.Path = make([]byte, 0, len(t.levels)*t.hash.Size())
	for level, n := 0, t.size; n > 1; level, n = level+1, (n+1)/2 {
		if sibling := i ^ 1; sibling < n {
			p.Path = append(p.Path, t.node(level, sibling)...)
		}
		i /= 2
	}
	return p, nil
}

// Consistency returns the proof that the tree over the first m leaves is a prefix of
// this one (RFC 9162, 2.1.4), its digests one after the other.
func (t *Tree) Consistency(m int) ([]byte, error) {
	if m < 1 || m > t.size {
		return nil, ErrSize
	}
	if m == t.size {
		return []byte{}, nil
	}
	return t.subproof(nil, m, 0, t.size, true), nil
}

// subproof is SUBPROOF of RFC 9162, 2.1.4.1 over the leaves from lo to hi.
func (t *Tree) subproof(out []byte, m, lo, hi int, complete bool) []byte {
	if m == hi-lo {
		if complete {
			return out
		}
		return append(out, t.subtree(lo, hi)...)
	}
	k := split(hi - lo)
	if m <= k {
		out = t.subproof(out, m, lo, lo+k, complete)
		return append(out, t.subtree(lo+k, hi)...)
	}
	out = t.subproof(out, m-k, lo+k, hi, false)
	return append(out, t.subtree(lo, lo+k)...)
}

// subtree returns the root over the leaves from lo to hi. Splitting gives two kinds of
// ranges only: perfect ones, and those that end where the tree ends.
func (t *Tree) subtree(lo, hi int) []byte {
	level := bits.Len(uint(hi - lo - 1))
	return t.node(level, lo>>level)
}

// split returns the largest power of two below n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}
