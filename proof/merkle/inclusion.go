package merkle

import (
	"bytes"
	"crypto/sha256"
	"math/bits"
)

// Inclusion is the proof that a leaf is at an index of a tree of a size (RFC 9162,
// 2.1.3). Path holds the digests from the leaf's sibling upwards, one after the other.
type Inclusion struct {
	Hash  Hash
	Size  uint64
	Index uint64
	Path  []byte
}

// Root returns the root that the proof leads to from a leaf hash. Index and Size decide
// how long the path must be and on which side each digest stands, so a proof for
// another place in the tree is refused with ErrPath or leads elsewhere.
func (p Inclusion) Root(leafHash []byte) ([]byte, error) {
	size := p.Hash.Size()
	switch {
	case size == 0:
		return nil, ErrHash
	case len(leafHash) != size || len(p.Path)%size != 0:
		return nil, ErrDigest
	case p.Size < 1 || p.Size > MaxSize || p.Index >= p.Size:
		return nil, ErrSize
	}
	// RFC 9162, 2.1.3.2: the inner part of the path is where the leaf's and the last
	// leaf's ways to the root differ; above it only left siblings remain.
	inner := bits.Len64(p.Index ^ (p.Size - 1))
	border := bits.OnesCount64(p.Index >> inner)
	if len(p.Path) != (inner+border)*size {
		return nil, ErrPath
	}
	if p.Hash == SHA256 {
		return p.rootSHA256(leafHash, inner), nil
	}
	j := newJoiner(p.Hash)
	out := append([]byte(nil), leafHash...)
	for i, path := 0, p.Path; len(path) > 0; i, path = i+1, path[size:] {
		if i < inner && p.Index>>i&1 == 0 {
			j.join(out, out, path[:size])
		} else {
			j.join(out, path[:size], out)
		}
	}
	return out, nil
}

func (p Inclusion) rootSHA256(leafHash []byte, inner int) []byte {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = nodePrefix
	at := [sha256.Size]byte(leafHash)
	for i, path := 0, p.Path; len(path) > 0; i, path = i+1, path[sha256.Size:] {
		if i < inner && p.Index>>i&1 == 0 {
			copy(buf[1:], at[:])
			copy(buf[1+sha256.Size:], path[:sha256.Size])
		} else {
			copy(buf[1:], path[:sha256.Size])
			copy(buf[1+sha256.Size:], at[:])
		}
		at = sha256.Sum256(buf[:])
	}
	return at[:]
}

// Verify checks that the proof leads from a leaf hash to a root.
func (p Inclusion) Verify(leafHash, root []byte) error {
	got, err := p.Root(leafHash)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, root) {
		return ErrMismatch
	}
	return nil
}

// VerifyConsistency checks that the tree of size m with root first is a prefix of the
// tree of size n with root second (RFC 9162, 2.1.4.2). path holds the digests of the
// proof, one after the other.
func VerifyConsistency(h Hash, m, n uint64, first, second, path []byte) error {
	size := h.Size()
	switch {
	case size == 0:
		return ErrHash
	case m < 1 || m > n || n > MaxSize:
		return ErrSize
	case len(first) != size || len(second) != size || len(path)%size != 0:
		return ErrDigest
	case m == n:
		if len(path) != 0 {
			return ErrPath
		}
		if !bytes.Equal(first, second) {
			return ErrMismatch
		}
		return nil
	}
	// The steps of RFC 9162, 2.1.4.2, in its own names.
	if m&(m-1) == 0 {
		path = append(append(make([]byte, 0, len(path)+size), first...), path...)
	}
	if len(path) == 0 {
		return ErrPath
	}
	fn, sn := m-1, n-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	j := newJoiner(h)
	fr := append([]byte(nil), path[:size]...)
	sr := append([]byte(nil), path[:size]...)
	for path = path[size:]; len(path) > 0; path = path[size:] {
		c := path[:size]
		if sn == 0 {
			return ErrPath
		}
		if fn&1 == 1 || fn == sn {
			j.join(fr, c, fr)
			j.join(sr, c, sr)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			j.join(sr, sr, c)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return ErrPath
	}
	if !bytes.Equal(fr, first) || !bytes.Equal(sr, second) {
		return ErrMismatch
	}
	return nil
}
