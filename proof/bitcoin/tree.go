package bitcoin

import (
	"encoding/binary"
	"fmt"
)

// maxBlockTransactions bounds the transactions of a block: none is smaller than 60
// bytes.
const maxBlockTransactions = MaxTransaction / 60

// MaxBranch bounds a Merkle branch.
const MaxBranch = 17 // 2^17 > maxBlockTransactions

// BranchRoot returns the root to which a branch leads from the transaction at an
// index. The branch holds siblings from the leaf upwards. It is an error when the
// index does not fit the branch, or when two children of a node are equal on the
// right, which is how a block can be read with transactions doubled (CVE-2012-2459).
func BranchRoot(id Hash, index uint32, branch []Hash) (Hash, error) {
	if len(branch) > MaxBranch || uint64(index)>>len(branch) != 0 {
		return Hash{}, fmt.Errorf("%w: expected an index below 2^%d and at most %d siblings", ErrBranch, len(branch), MaxBranch)
	}
	at := id
	for _, sibling := range branch {
		if index&1 == 1 {
			if sibling == at {
				return Hash{}, fmt.Errorf("%w: expected different children", ErrBranch)
			}
			at = parent(sibling, at)
		} else {
			at = parent(at, sibling)
		}
		index >>= 1
	}
	return at, nil
}

func parent(left, right Hash) Hash {
	var b [64]byte
	copy(b[:32], left[:])
	copy(b[32:], right[:])
	return DoubleSHA256(b[:])
}

// TxOutProof is a block header with the part of its tree that leads to some
// transactions (BIP 37 merkleblock), as Bitcoin Core's gettxoutproof gives it.
type TxOutProof struct {
	Header       Header
	Transactions uint32 // in the block
	Matches      []Hash // identifiers of the transactions it proves
}

// ParseTxOutProof reads a proof and checks that its tree has the header's root. Proof
// of work is not checked. All hashes and flags must be used.
func ParseTxOutProof(b []byte) (*TxOutProof, error) {
	bad := func(detail string) error { return fmt.Errorf("%w: %s", ErrBranch, detail) }
	if len(b) < HeaderSize+6 || len(b) > HeaderSize+64+33*maxBlockTransactions {
		return nil, bad("expected a header and a partial tree")
	}
	h, err := ParseHeader(b[:HeaderSize])
	if err != nil {
		return nil, err
	}
	p := &TxOutProof{Header: h, Transactions: binary.LittleEndian.Uint32(b[HeaderSize:])}
	r := &reader{b: b[HeaderSize+4:]}
	if p.Transactions == 0 || p.Transactions > maxBlockTransactions {
		return nil, bad("expected a possible number of transactions")
	}
	count := r.size()
	if count > uint64(p.Transactions) || count > uint64(len(r.b))/32 {
		return nil, bad("expected at most a hash for each transaction")
	}
	t := &partial{hashes: r.take(32 * count), total: p.Transactions}
	t.flags = r.take(r.size())
	if r.bad || len(r.b) != 0 {
		return nil, bad("expected hashes, flags and nothing after them")
	}
	height := 0
	for t.width(height) > 1 {
		height++
	}
	root := t.walk(height, 0)
	unused := false
	for i := t.flag; i < 8*len(t.flags); i++ {
		unused = unused || t.flags[i/8]>>(i%8)&1 == 1
	}
	switch {
	case t.bad, len(t.hashes) != 0, (t.flag+7)/8 != len(t.flags), unused:
		return nil, bad("expected a well-formed partial tree")
	case root != h.MerkleRoot:
		return nil, bad("expected the root of the header")
	}
	p.Matches = t.matches
	return p, nil
}

// partial walks a partial tree depth first (BIP 37, "Parsing a partial merkle tree").
type partial struct {
	hashes, flags []byte
	flag          int
	total         uint32
	matches       []Hash
	bad           bool
}

// width is the number of nodes at a height above the leaves.
func (t *partial) width(height int) uint32 { return (t.total + 1<<height - 1) >> height }

func (t *partial) next() Hash {
	if len(t.hashes) < 32 {
		t.bad = true
		return Hash{}
	}
	h := Hash(t.hashes[:32])
	t.hashes = t.hashes[32:]
	return h
}

func (t *partial) walk(height int, pos uint32) Hash {
	if t.bad || t.flag >= 8*len(t.flags) {
		t.bad = true
		return Hash{}
	}
	set := t.flags[t.flag/8]>>(t.flag%8)&1 == 1
	t.flag++
	if height == 0 || !set {
		h := t.next()
		if set {
			t.matches = append(t.matches, h)
		}
		return h
	}
	left := t.walk(height-1, 2*pos)
	if 2*pos+1 >= t.width(height-1) {
		return parent(left, left)
	}
	right := t.walk(height-1, 2*pos+1)
	if left == right {
		t.bad = true
	}
	return parent(left, right)
}
