package ethereum

import (
	"bytes"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// Transaction is what the evidence needs of a transaction. All of it is bound by Hash.
type Transaction struct {
	Type    uint8 // 0 legacy, 1 EIP-2930, 2 EIP-1559, 3 EIP-4844, 4 EIP-7702
	Hash    Hash
	ChainID uint64 // 0 for a legacy transaction that is not bound to a chain
	Nonce   uint64
	To      *Address // nil creates a contract
	Data    []byte

	signing Hash
	r, s    []byte
	odd     bool
}

// txLayout says where the fields of a typed transaction stand, and how many there are.
type txLayout struct{ chainID, nonce, to, data, total int }

var layouts = map[uint8]txLayout{
	1: {chainID: 0, nonce: 1, to: 4, data: 6, total: 11}, // EIP-2930
	2: {chainID: 0, nonce: 1, to: 5, data: 7, total: 12}, // EIP-1559
	3: {chainID: 0, nonce: 1, to: 5, data: 7, total: 14}, // EIP-4844
	4: {chainID: 0, nonce: 1, to: 5, data: 7, total: 13}, // EIP-7702
}

// ParseTransaction decodes a transaction as it stands in a block (EIP-2718). Errors wrap
// ErrTransaction; those about a type that is not known wrap ErrTransactionType.
func ParseTransaction(b []byte) (*Transaction, error) {
	if len(b) == 0 || len(b) > MaxNodeBytes {
		return nil, fmt.Errorf("%w: expected 1 to %d bytes, found %d", ErrTransaction, MaxNodeBytes, len(b))
	}
	tx := &Transaction{Hash: Keccak256(b)}
	if b[0] >= 0xc0 {
		return tx, tx.legacy(b)
	}
	const lastType = 0x7f // what follows up to a list's first byte is no type (EIP-2718)
	layout, known := layouts[b[0]]
	switch {
	case b[0] > lastType:
		return nil, fmt.Errorf("%w: expected a list or a type, found byte %#x", ErrTransaction, b[0])
	case !known:
		return nil, fmt.Errorf("%w: type %d", ErrTransactionType, b[0])
	}
	tx.Type = b[0]
	items, err := decodeList(b[1:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTransaction, err)
	}
	if len(items) != layout.total {
		return nil, fmt.Errorf("%w: expected %d fields, found %d", ErrTransaction, layout.total, len(items))
	}
	if err := tx.fields(items, layout); err != nil {
		return nil, err
	}
	if tx.ChainID, err = items[layout.chainID].uint64(); err != nil {
		return nil, fmt.Errorf("%w: chain id: %w", ErrTransaction, err)
	}
	parity, err := items[layout.total-3].uint64()
	if err != nil || parity > 1 {
		return nil, fmt.Errorf("%w: expected a y parity of 0 or 1", ErrTransaction)
	}
	tx.odd = parity == 1
	unsigned := make([][]byte, layout.total-3)
	for i := range unsigned {
		unsigned[i] = items[i].raw
	}
	tx.signing = Keccak256(append([]byte{tx.Type}, appendList(nil, unsigned...)...))
	return tx, nil
}

// legacy decodes a transaction from before EIP-2718, bound to a chain (EIP-155) or not.
func (tx *Transaction) legacy(b []byte) error {
	items, err := decodeList(b)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTransaction, err)
	}
	const total = 9
	if len(items) != total {
		return fmt.Errorf("%w: expected %d fields, found %d", ErrTransaction, total, len(items))
	}
	if err := tx.fields(items, txLayout{nonce: 0, to: 3, data: 5, total: total}); err != nil {
		return err
	}
	v, err := items[6].uint64()
	if err != nil {
		return fmt.Errorf("%w: v: %w", ErrTransaction, err)
	}
	unsigned := make([][]byte, 0, total)
	for _, it := range items[:6] {
		unsigned = append(unsigned, it.raw)
	}
	switch {
	case v == 27 || v == 28:
		tx.odd = v == 28
	case v >= 37: // 35 and 36 would name chain 0, which is no chain
		tx.ChainID, tx.odd = (v-35)/2, (v-35)%2 == 1
		unsigned = append(unsigned, appendUint(nil, tx.ChainID), []byte{0x80}, []byte{0x80})
	default:
		return fmt.Errorf("%w: expected v of 27, 28 or at least 37", ErrTransaction)
	}
	tx.signing = Keccak256(appendList(nil, unsigned...))
	return nil
}

// fields reads what all types have.
func (tx *Transaction) fields(items []item, l txLayout) (err error) {
	if tx.Nonce, err = items[l.nonce].uint64(); err != nil {
		return fmt.Errorf("%w: nonce: %w", ErrTransaction, err)
	}
	switch to := items[l.to]; {
	case to.list || len(to.payload) != 0 && len(to.payload) != len(Address{}):
		return fmt.Errorf("%w: expected an address", ErrTransaction)
	case len(to.payload) != 0:
		address := Address(to.payload)
		tx.To = &address
	}
	if items[l.data].list {
		return fmt.Errorf("%w: expected bytes of data", ErrTransaction)
	}
	tx.Data = items[l.data].payload
	if tx.r, err = items[l.total-2].big(); err != nil {
		return fmt.Errorf("%w: r: %w", ErrTransaction, err)
	}
	if tx.s, err = items[l.total-1].big(); err != nil {
		return fmt.Errorf("%w: s: %w", ErrTransaction, err)
	}
	return nil
}

// halfN is half the order of secp256k1: since EIP-2 no signature in a block has an s
// above it.
var halfN = func() []byte {
	return []byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0}
}()

// Sender recovers the address that signed the transaction.
func (tx *Transaction) Sender() (Address, error) {
	var sig [65]byte
	sig[0] = 27
	if tx.odd {
		sig[0] = 28
	}
	copy(sig[33-len(tx.r):33], tx.r)
	copy(sig[65-len(tx.s):], tx.s)
	if len(tx.r) == 0 || len(tx.s) == 0 || bytes.Compare(sig[33:], halfN) > 0 {
		return Address{}, fmt.Errorf("%w: r or s is out of range", ErrSignature)
	}
	key, _, err := ecdsa.RecoverCompact(sig[:], tx.signing[:])
	if err != nil {
		return Address{}, fmt.Errorf("%w: no public key fits", ErrSignature)
	}
	return AddressOf(key), nil
}

// AddressOf returns the address of a public key: the last 20 bytes of its digest. Nil: the
// zero address, which is nobody's.
func AddressOf(key *secp256k1.PublicKey) (a Address) {
	if key == nil {
		return a
	}
	h := Keccak256(key.SerializeUncompressed()[1:])
	copy(a[:], h[12:])
	return a
}
