// Package merkle has the Merkle trees of RFC 9162 (section 2.1): building them over
// millions of leaves, inclusion proofs in which index and size are bound, and
// consistency proofs.
//
// Build a Tree from leaf data or leaf hashes, hand out Inclusion proofs, and check
// them with Inclusion.Root, which needs the leaf alone. A proof shows that a leaf is
// in the tree with a certain root; who vouches for the root, and for the size that
// goes with it, is the caller's business.
package merkle

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"fmt"
)

// Hash is the hash function of a tree.
type Hash uint8

// The hash functions. The zero value is none.
const (
	SHA256 Hash = iota + 1
	SHA512
	SHA3_256
)

var hashNames = map[Hash]string{SHA256: "sha-256", SHA512: "sha-512", SHA3_256: "sha3-256"}

// String returns the name used in evidence, such as "sha-256".
func (h Hash) String() string {
	if n, ok := hashNames[h]; ok {
		return n
	}
	return "unknown"
}

// ParseHash finds a hash function by its name.
func ParseHash(name string) (Hash, error) {
	for h, n := range hashNames {
		if n == name {
			return h, nil
		}
	}
	return 0, fmt.Errorf("merkle: expected sha-256, sha-512 or sha3-256, found a hash of %d letters", len(name))
}

// Size returns the length of a digest in bytes, 0 for an unknown hash.
func (h Hash) Size() int {
	switch h {
	case SHA256, SHA3_256:
		return 32
	case SHA512:
		return 64
	}
	return 0
}

// The prefixes that keep leaves and nodes apart (RFC 9162, 2.1.1): without them a
// node could be passed off as a leaf.
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// Errors of proofs. They wrap nothing: a proof is good or it is not.
var (
	ErrHash     = errors.New("merkle: expected a known hash function")
	ErrSize     = errors.New("merkle: expected an index below the size of the tree, and a size between 1 and 2^40")
	ErrPath     = errors.New("merkle: the path does not have the length that index and size ask for")
	ErrDigest   = errors.New("merkle: expected digests of the length of the hash function")
	ErrMismatch = errors.New("merkle: the proof leads to another root")
)

// MaxSize bounds the number of leaves of a tree.
const MaxSize = 1 << 40

// LeafHash returns the hash of leaf data (RFC 9162, 2.1.1), nil for an unknown hash.
func (h Hash) LeafHash(data []byte) []byte {
	out := make([]byte, h.Size())
	if len(out) == 0 {
		return nil
	}
	buf := make([]byte, 1, 1+len(data))
	buf[0] = leafPrefix
	h.sum(out, append(buf, data...))
	return out
}

// sum puts the digest of data into dst, which has room for it.
func (h Hash) sum(dst, data []byte) {
	switch h {
	case SHA256:
		d := sha256.Sum256(data)
		copy(dst, d[:])
	case SHA512:
		d := sha512.Sum512(data)
		copy(dst, d[:])
	case SHA3_256:
		d := sha3.Sum256(data)
		copy(dst, d[:])
	}
}

// joiner hashes pairs of digests, reusing one buffer.
type joiner struct {
	hash Hash
	size int
	buf  [1 + 2*64]byte
}

func newJoiner(h Hash) *joiner {
	j := &joiner{hash: h, size: h.Size()}
	j.buf[0] = nodePrefix
	return j
}

// join puts the hash of the node over left and right into dst. They may overlap.
func (j *joiner) join(dst, left, right []byte) {
	copy(j.buf[1:], left)
	copy(j.buf[1+j.size:], right)
	j.hash.sum(dst, j.buf[:1+2*j.size])
}
