package beacon

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Root is a hash-tree-root, a block root or a block hash: 32 bytes.
type Root = [32]byte

func hashPair(l, r *Root) Root {
	var b [64]byte
	copy(b[:32], l[:])
	copy(b[32:], r[:])
	return sha256.Sum256(b[:])
}

// merkleize returns the root over chunks, padded with zero chunks to the next power of
// two (SSZ merkleize without limit). It overwrites chunks.
func merkleize(chunks []Root) Root {
	var zero Root
	for len(chunks) > 1 {
		n := len(chunks)
		for i := 0; i < n; i += 2 {
			right := &zero
			if i+1 < n {
				right = &chunks[i+1]
			}
			chunks[i/2] = hashPair(&chunks[i], right)
		}
		chunks = chunks[:(n+1)/2]
		zero = hashPair(&zero, &zero)
	}
	return chunks[0]
}

func uintChunk(v uint64) (c Root) {
	binary.LittleEndian.PutUint64(c[:], v)
	return c
}

// checkBranch tells whether leaf lies at the generalized index under root. The branch
// must be exactly as long as the index is deep.
func checkBranch(leaf Root, branch []Root, gindex uint64, root Root) bool {
	if len(branch) != depth(gindex) {
		return false
	}
	for i := range branch {
		if gindex>>i&1 == 1 {
			leaf = hashPair(&branch[i], &leaf)
		} else {
			leaf = hashPair(&leaf, &branch[i])
		}
	}
	return leaf == root
}

// depth is the length of a branch to a generalized index.
func depth(gindex uint64) int { return bits.Len64(gindex) - 1 }
