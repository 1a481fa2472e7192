// Package bitcoin checks what a Bitcoin block commits to: a block header by its proof
// of work, a transaction by its Merkle branch or by the proof that Bitcoin Core's
// gettxoutproof gives, and the data in its OP_RETURN outputs.
//
//	known := bitcoin.NewKnown()
//	header, err := known.Add(bitcoin.Mainnet, 358391, raw) // what the auditor pins
//
// Caveats. A header says neither its height nor its network: both are statements of
// whoever pins it. Proof of work is checked against the target that the header itself
// names, and against the easiest one its network allows; whether the header is on the
// chain with the most work is not known here. The time in a header may be about two
// hours off. Scripts and signatures of transactions are not run: a block that is
// pinned is one whose transactions the network has accepted.
package bitcoin

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/scrypt"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrHeader: bytes are no block header, or its proof of work does not hold.
	ErrHeader = errors.New("bitcoin: malformed block header or missing proof of work")
	// ErrTransaction: bytes are not one transaction.
	ErrTransaction = errors.New("bitcoin: malformed transaction")
	// ErrBranch: a Merkle branch or partial tree is malformed or does not hold.
	ErrBranch = errors.New("bitcoin: the Merkle branch does not hold")
)

// Hash is a double SHA-256 digest in the order in which it is hashed and stored.
// String gives the reverse, as people and explorers write it.
type Hash [32]byte

func (h Hash) String() string {
	b := h
	slices.Reverse(b[:])
	return hex.EncodeToString(b[:])
}

// ParseHash reads the order that String writes.
func ParseHash(s string) (h Hash, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return Hash{}, fmt.Errorf("%w: expected a hash of 64 hex digits", ErrBranch)
	}
	slices.Reverse(b)
	return Hash(b), nil
}

// DoubleSHA256 is the hash of blocks, transactions and tree nodes.
func DoubleSHA256(b []byte) Hash {
	once := sha256.Sum256(b)
	return sha256.Sum256(once[:])
}

// Network is a chain of blocks in Bitcoin's format.
type Network uint8

// The networks. The zero value is none of them.
const (
	Mainnet Network = iota + 1
	Testnet         // testnet3 and testnet4
	Regtest         // anyone can make blocks of it at no cost: it proves nothing
	Litecoin
)

var networks = []struct {
	network Network
	name    string
	limit   uint32 // the easiest target allowed, in compact form
}{
	{Mainnet, "bitcoin", 0x1d00ffff},
	{Testnet, "bitcoin-testnet", 0x1d00ffff},
	{Regtest, "bitcoin-regtest", 0x207fffff},
	{Litecoin, "litecoin", 0x1e0fffff},
}

func (n Network) String() string {
	for _, row := range networks {
		if row.network == n {
			return row.name
		}
	}
	return "unknown network"
}

// ParseNetwork finds a network by the name that String gives.
func ParseNetwork(name string) (Network, bool) {
	for _, row := range networks {
		if row.name == name {
			return row.network, true
		}
	}
	return 0, false
}

// HeaderSize is the length of a block header.
const HeaderSize = 80

// Header is a block header.
type Header struct {
	Hash       Hash // of the 80 bytes
	Previous   Hash
	MerkleRoot Hash
	Time       time.Time // as the miner says, UTC
	Bits       uint32    // target in compact form

	raw [HeaderSize]byte
}

// Raw returns the 80 bytes.
func (h Header) Raw() []byte { return h.raw[:] }

// ParseHeader reads a block header of exactly 80 bytes. Proof of work is not checked.
func ParseHeader(b []byte) (Header, error) {
	if len(b) != HeaderSize {
		return Header{}, fmt.Errorf("%w: expected %d bytes, found %d", ErrHeader, HeaderSize, len(b))
	}
	h := Header{
		Hash: DoubleSHA256(b), Previous: Hash(b[4:36]), MerkleRoot: Hash(b[36:68]),
		Time: time.Unix(int64(binary.LittleEndian.Uint32(b[68:])), 0).UTC(),
		Bits: binary.LittleEndian.Uint32(b[72:]),
	}
	copy(h.raw[:], b)
	return h, nil
}

// target expands the compact form; ok is false for negative, zero and overlong ones.
func target(bits uint32) (t *big.Int, ok bool) {
	mantissa, exponent := bits&0x007fffff, uint(bits>>24)
	if bits&0x00800000 != 0 || mantissa == 0 || exponent > 34 {
		return nil, false
	}
	t = big.NewInt(int64(mantissa))
	if exponent <= 3 {
		t.Rsh(t, 8*(3-exponent))
	} else {
		t.Lsh(t, 8*(exponent-3))
	}
	return t, t.Sign() > 0 && t.BitLen() <= 256
}

// CheckWork checks that the header's hash (on Litecoin: its scrypt hash) is at most
// the target it names, and that target no easier than the network allows.
func (h Header) CheckWork(n Network) error {
	var limit *big.Int
	for _, row := range networks {
		if row.network == n {
			limit, _ = target(row.limit)
		}
	}
	if limit == nil {
		return fmt.Errorf("%w: expected a known network", ErrHeader)
	}
	goal, ok := target(h.Bits)
	if !ok || goal.Cmp(limit) > 0 {
		return fmt.Errorf("%w: expected a target that %s allows", ErrHeader, n)
	}
	work := h.Hash
	if n == Litecoin {
		sum, err := scrypt.Key(h.raw[:], h.raw[:], 1024, 1, 1, 32)
		if err != nil {
			return fmt.Errorf("%w: %v", ErrHeader, err)
		}
		work = Hash(sum)
	}
	slices.Reverse(work[:])
	if new(big.Int).SetBytes(work[:]).Cmp(goal) > 0 {
		return fmt.Errorf("%w: expected the hash to meet its target", ErrHeader)
	}
	return nil
}

// Known are the blocks that an auditor pins. The zero value is not ready; use NewKnown.
// It is safe for concurrent use once nothing is added any more.
type Known struct {
	byHeight map[place]Header
	byHash   map[Hash]place
}

type place struct {
	network Network
	height  uint64
}

// NewKnown returns an empty set.
func NewKnown() *Known {
	return &Known{byHeight: make(map[place]Header), byHash: make(map[Hash]place)}
}

// Add pins the header of the block at a height. It checks the proof of work, and that
// pinned neighbours link. ErrHeader otherwise, or when another header is pinned there.
func (k *Known) Add(n Network, height uint64, header []byte) (Header, error) {
	h, err := ParseHeader(header)
	if err != nil {
		return Header{}, err
	}
	if err := h.CheckWork(n); err != nil {
		return Header{}, err
	}
	at := place{n, height}
	if other, twice := k.byHeight[at]; twice && other.Hash != h.Hash {
		return Header{}, fmt.Errorf("%w: expected one header for block %d of %s", ErrHeader, height, n)
	}
	if p, twice := k.byHash[h.Hash]; twice && p != at {
		return Header{}, fmt.Errorf("%w: expected one height for a header, found %d and %d", ErrHeader, p.height, height)
	}
	if before, ok := k.byHeight[place{n, height - 1}]; height > 0 && ok && before.Hash != h.Previous {
		return Header{}, fmt.Errorf("%w: expected block %d of %s to follow the one before it", ErrHeader, height, n)
	}
	if after, ok := k.byHeight[place{n, height + 1}]; ok && after.Previous != h.Hash {
		return Header{}, fmt.Errorf("%w: expected block %d of %s to precede the one after it", ErrHeader, height, n)
	}
	k.byHeight[at], k.byHash[h.Hash] = h, at
	return h, nil
}

// At returns the pinned header at a height. A nil Known has none.
func (k *Known) At(n Network, height uint64) (Header, bool) {
	if k == nil {
		return Header{}, false
	}
	h, ok := k.byHeight[place{n, height}]
	return h, ok
}

// Find returns where a block is pinned.
func (k *Known) Find(hash Hash) (n Network, height uint64, ok bool) {
	if k == nil {
		return 0, 0, false
	}
	p, ok := k.byHash[hash]
	return p.network, p.height, ok
}
