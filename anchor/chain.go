package anchor

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/chancery-dev/chancery/proof/evidence"
)

// Errors of a Chain, for errors.Is. Any other error means that the chain could not be
// asked now, and is tried again.
var (
	// ErrFees: the chain asks for more than the configured maximum.
	ErrFees = errors.New("anchor: the fees are above the configured maximum")
	// ErrFunds: the account cannot pay.
	ErrFunds = errors.New("anchor: the account cannot pay for the transaction")
	// ErrNonceUsed: a transaction with this nonce is in the chain: this one or another.
	ErrNonceUsed = errors.New("anchor: the nonce is used")
	// ErrUnderpriced: the nodes hold a better paid transaction with this nonce.
	ErrUnderpriced = errors.New("anchor: a transaction with this nonce pays more")
	// ErrRejected: the nodes refuse the transaction as such.
	ErrRejected = errors.New("anchor: the transaction was refused")
	// ErrWrongChain: the endpoints are of another chain.
	ErrWrongChain = errors.New("anchor: the chain is another one")
	// ErrReorganised: the block that was asked about is no longer in the chain.
	ErrReorganised = errors.New("anchor: the block is not in the chain")
)

// Chain is an account on a blockchain. It keeps no state that matters: all of it is in
// the Store. Methods are safe for concurrent use.
type Chain interface {
	// Account says which account pays, on which chain. It is constant.
	Account() Account
	// NextNonce returns the lowest nonce that no transaction of the account has, in the
	// chain or, as far as the nodes know, waiting.
	NextNonce(ctx context.Context) (uint64, error)
	// Sign makes a transaction and returns it with the chain's height. It broadcasts
	// nothing.
	Sign(ctx context.Context, r SignRequest) (tx Tx, height uint64, err error)
	// Broadcast sends a transaction that Sign made. Sending it again is no error while it
	// waits.
	Broadcast(ctx context.Context, raw []byte) error
	// Find looks for a batch's transactions in the chain.
	Find(ctx context.Context, q Query) (Sighting, error)
	// Prove builds the proof that a transaction is in a final block. It is called when
	// Find has said so. ErrPending means that a part is not to be had yet, ErrReorganised
	// that Find has to be asked again.
	Prove(ctx context.Context, p Place, tx Tx) (*Proof, error)
}

// SignRequest says what transaction to make.
type SignRequest struct {
	Digest  [32]byte // the calldata
	Nonce   uint64
	Replace []byte // raw transaction with this nonce that must be outbid; nil: none
	Filler  bool   // no calldata: the transaction is there to use the nonce
}

// Query asks for transactions of the account with one nonce.
type Query struct {
	Nonce uint64
	Txs   []Tx
	From  uint64 // no block below this height holds any of them
	// At is where the transaction was last seen, nil for never: an answer says whether it
	// still is.
	At *Place
}

// Sighting is what was found.
type Sighting struct {
	Place *Place // of one of the transactions; nil: none is in the chain
	Final bool   // Place is in a final block, as the nodes say
	// Next is the account's nonce in the latest block: all below are used.
	Next uint64
	// Taken: another transaction of the account with the nonce is in the chain; for good
	// where TakenFinal is set too.
	Taken, TakenFinal bool
}

// Proof is a transaction in a final block.
type Proof struct {
	Eth     *evidence.Eth
	Final   evidence.Block
	RestsOn string // on whose word the block is final
}

// Timestamper gets RFC 3161 tokens. It is safe for concurrent use.
type Timestamper interface {
	// Timestamp returns a token over a digest, in DER, that was verified.
	Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error)
}

// TimestamperFunc makes a function a Timestamper. With one of package signer/pades:
//
//	anchor.TimestamperFunc(func(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
//		t, err := authority.Timestamp(ctx, hash, digest)
//		if err != nil {
//			return nil, err
//		}
//		return t.Token, nil
//	})
type TimestamperFunc func(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error)

// Timestamp implements Timestamper.
func (f TimestamperFunc) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
	if f == nil {
		return nil, fmt.Errorf("%w: expected a function that makes timestamps", ErrConfig)
	}
	return f(ctx, hash, digest)
}
