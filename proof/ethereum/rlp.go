// Package ethereum checks what an Ethereum execution block commits to: the block
// header by its hash, a transaction by its Merkle-Patricia proof, the account and
// storage slots behind a state root, and older block hashes through the history
// contract (EIP-2935).
//
// It decodes RLP and walks tries itself, so that verifying links neither go-ethereum
// nor anything that dials. Everything is decoded strictly: an encoding that is not the
// canonical one is refused, so that each fact has one form in bytes. Whether a block is
// final is not known here; see package beacon.
package ethereum

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/sha3"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrRLP: bytes are not canonical RLP of the form that is expected.
	ErrRLP = errors.New("ethereum: malformed RLP")
	// ErrProof: a trie proof does not lead from the root to the key.
	ErrProof = errors.New("ethereum: the trie proof does not hold")
	// ErrTransaction: a transaction is of a type that is not known, or malformed.
	ErrTransaction = errors.New("ethereum: malformed or unknown transaction")
	// ErrTransactionType: it is of a type that is not known (EIP-2718), so that nothing can be
	// said about it. Errors that wrap it wrap ErrTransaction, too.
	ErrTransactionType = fmt.Errorf("%w: its type is not known", ErrTransaction)
	// ErrHeader: a block header is malformed, or headers do not link.
	ErrHeader = errors.New("ethereum: malformed or unlinked block header")
	// ErrSignature: a transaction's signature yields no sender.
	ErrSignature = errors.New("ethereum: the transaction's signature does not hold")
)

// Hash is a Keccak-256 digest.
type Hash [32]byte

// Address is an account's address.
type Address [20]byte

// Keccak256 returns the digest of the concatenation of parts.
func Keccak256(parts ...[]byte) (h Hash) {
	k := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		k.Write(p)
	}
	k.Sum(h[:0])
	return h
}

// maxItems bounds the items of one RLP list: a block header has about 21, a
// transaction 14; access and authorization lists are kept undecoded.
const maxItems = 64

// item is one RLP value: its payload, and the whole encoding it came from.
type item struct {
	list    bool
	payload []byte
	raw     []byte
}

// decodeItem reads the first RLP value of b and returns what follows it. Only the
// canonical form is read: shortest lengths, single bytes below 0x80 as themselves.
func decodeItem(b []byte) (it item, rest []byte, err error) {
	if len(b) == 0 {
		return it, nil, fmt.Errorf("%w: expected a value, found the end", ErrRLP)
	}
	head, size := 1, 0
	switch c := b[0]; {
	case c < 0x80:
		return item{payload: b[:1], raw: b[:1]}, b[1:], nil
	case c < 0xb8:
		size = int(c - 0x80)
		if size == 1 && len(b) > 1 && b[1] < 0x80 {
			return it, nil, fmt.Errorf("%w: a single byte in a long form", ErrRLP)
		}
	case c < 0xc0:
		head, size, err = longSize(b, int(c-0xb7))
	case c < 0xf8:
		it.list = true
		size = int(c - 0xc0)
	default:
		it.list = true
		head, size, err = longSize(b, int(c-0xf7))
	}
	if err != nil {
		return it, nil, err
	}
	if size > len(b)-head {
		return it, nil, fmt.Errorf("%w: expected %d bytes, found %d", ErrRLP, size, len(b)-head)
	}
	it.payload, it.raw = b[head:head+size], b[:head+size]
	return it, b[head+size:], nil
}

// longSize reads a length of n bytes behind the first.
func longSize(b []byte, n int) (head, size int, err error) {
	if n > 4 || len(b) < 1+n || b[1] == 0 {
		return 0, 0, fmt.Errorf("%w: bad length", ErrRLP)
	}
	for _, c := range b[1 : 1+n] {
		size = size<<8 | int(c)
	}
	if size < 56 {
		return 0, 0, fmt.Errorf("%w: a short value in a long form", ErrRLP)
	}
	return 1 + n, size, nil
}

// decodeList reads b as exactly one list and returns its items.
func decodeList(b []byte) ([]item, error) {
	it, rest, err := decodeItem(b)
	switch {
	case err != nil:
		return nil, err
	case !it.list:
		return nil, fmt.Errorf("%w: expected a list", ErrRLP)
	case len(rest) > 0:
		return nil, fmt.Errorf("%w: %d bytes after the end", ErrRLP, len(rest))
	}
	items := make([]item, 0, 24)
	for p := it.payload; len(p) > 0; {
		if len(items) == maxItems {
			return nil, fmt.Errorf("%w: expected at most %d items", ErrRLP, maxItems)
		}
		var next item
		if next, p, err = decodeItem(p); err != nil {
			return nil, err
		}
		items = append(items, next)
	}
	return items, nil
}

// uint64 reads an unsigned integer in canonical form.
func (it item) uint64() (uint64, error) {
	if it.list || len(it.payload) > 8 || len(it.payload) > 0 && it.payload[0] == 0 {
		return 0, fmt.Errorf("%w: expected an integer of at most 64 bits", ErrRLP)
	}
	var v uint64
	for _, c := range it.payload {
		v = v<<8 | uint64(c)
	}
	return v, nil
}

// big checks that the item is an unsigned integer of at most 256 bits in canonical
// form and returns its big-endian bytes.
func (it item) big() ([]byte, error) {
	if it.list || len(it.payload) > 32 || len(it.payload) > 0 && it.payload[0] == 0 {
		return nil, fmt.Errorf("%w: expected an integer of at most 256 bits", ErrRLP)
	}
	return it.payload, nil
}

func (it item) hash() (h Hash, err error) {
	if it.list || len(it.payload) != len(h) {
		return h, fmt.Errorf("%w: expected 32 bytes", ErrRLP)
	}
	return Hash(it.payload), nil
}

// appendUint appends the canonical RLP of an unsigned integer.
func appendUint(b []byte, v uint64) []byte {
	switch {
	case v == 0:
		return append(b, 0x80)
	case v < 0x80:
		return append(b, byte(v))
	}
	n := 0
	for x := v; x > 0; x >>= 8 {
		n++
	}
	b = append(b, 0x80+byte(n))
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// appendList appends a list whose payload is the concatenation of encoded items.
func appendList(b []byte, payload ...[]byte) []byte {
	size := 0
	for _, p := range payload {
		size += len(p)
	}
	if size < 56 {
		b = append(b, 0xc0+byte(size))
	} else {
		n := 0
		for x := size; x > 0; x >>= 8 {
			n++
		}
		b = append(b, 0xf7+byte(n))
		for i := n - 1; i >= 0; i-- {
			b = append(b, byte(size>>(8*i)))
		}
	}
	for _, p := range payload {
		b = append(b, p...)
	}
	return b
}
