package anchor

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/chancery-dev/chancery/proof/evidence"
)

// State is how far a batch has come. The zero value is none.
type State uint8

// The states, in order. Only Mined goes back, to Sent, when the chain reorganises; and
// Sent to Sealed, when the account's key was used elsewhere for the batch's nonce.
const (
	Sealed State = iota + 1 // the signed header and the leaves are stored
	Sent                    // nonce and raw transaction are stored; broadcast since, or about to be
	Mined                   // in a block that is not final yet
	Final                   // in a final block; the proof is stored
)

// String returns "sealed", "sent", "mined" or "final".
func (s State) String() string {
	if s < Sealed || s > Final {
		return "none"
	}
	return [...]string{"sealed", "sent", "mined", "final"}[s-Sealed]
}

// Problem says what keeps a batch from going on. "" is nothing.
type Problem string

// The problems. All but ProblemRejected and ProblemLost may pass by themselves.
const (
	ProblemUnreachable Problem = "unreachable" // endpoints do not answer, or do not agree
	ProblemFees        Problem = "fee_cap"     // the chain asks for more than the configured maximum
	ProblemFunds       Problem = "funds"       // the account cannot pay
	ProblemNonceGap    Problem = "nonce_gap"   // an earlier nonce of the account is not used, and no batch holds it
	ProblemNonceTaken  Problem = "nonce_taken" // another transaction of the account has the nonce; waits until it is final
	ProblemUnderpriced Problem = "underpriced" // the nodes hold a better paid transaction with the nonce
	ProblemRejected    Problem = "rejected"    // the nodes refuse the transaction
	ProblemProof       Problem = "proof"       // final, but the proof cannot be built
	ProblemTimestamp   Problem = "timestamp"   // the authority does not answer, or wrongly
	ProblemLost        Problem = "wrong_chain" // the chain is not the one that the batch was signed for
)

// Account is an account on a chain.
type Account struct {
	ChainID uint64
	Genesis [32]byte
	Address [20]byte
}

// String returns the account's name after CAIP-10, such as "eip155:1:0x…".
func (a Account) String() string { return fmt.Sprintf("eip155:%d:0x%x", a.ChainID, a.Address) }

// Tx is a signed transaction.
type Tx struct {
	Hash [32]byte
	Raw  []byte // as it is broadcast
	Time time.Time
}

// Place is where a transaction stands in the chain.
type Place struct {
	Tx      uint64         // index in Record.Txs
	Block   evidence.Block // that holds it
	TxIndex uint64         // in that block
	Time    time.Time      // of the block, as it says
}

// Record is what is stored about a batch. Its members but Version belong to the
// Batcher and the Anchorer: others only read them.
type Record struct {
	Seq    uint64                // Header.Seq
	First  uint64                // position in the store of the batch's first item
	Size   uint64                // number of items
	Signed evidence.SignedHeader `cbor:"-"` // with the roots of the batch's trees
	Digest [32]byte              // Signed.Digest: what is anchored

	State    State
	Done     bool // nothing is left to do: final and timestamped, as far as each is configured
	SealedAt time.Time

	Account  Account // that the nonce belongs to
	HasNonce bool
	Nonce    uint64
	From     uint64    // the chain's height when the first transaction was stored
	Txs      []Tx      // with Nonce, each stored before it was broadcast; at most one is mined
	Place    *Place    // set when mined
	Dead     []Spent   // with nonces that were taken: they can never be mined
	Fillers  []Spent   // without calldata, to close gaps before Nonce
	FinalAt  time.Time // when it was found to be final
	Eth      *evidence.Eth
	FinalBy  *evidence.Block // the final block that Eth leads to
	RestsOn  string          // on whose word the block is final, for people

	Token     []byte // RFC 3161, DER; nil: none yet
	Problem   Problem
	Detail    string
	TSProblem string // why there is no Token yet, "" where nothing went wrong

	// Version counts changes. Stores set it; Update compares it.
	Version uint64
}

// Spent is a transaction that is not, or no longer, to anchor the batch.
type Spent struct {
	Nonce uint64
	Tx    Tx
}

// wireRecord is the stored form: the signed header in its own encoding.
type wireRecord struct {
	Version uint8
	Signed  []byte
	Rest    Record
}

const recordVersion = 1

var (
	recordEncoding = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339Nano}.EncMode())
	recordDecoding = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels: 16, MaxArrayElements: 1 << 16, IndefLength: cbor.IndefLengthForbidden,
	}.DecMode())
)

// must is for options that are constants.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// MaxRecord bounds the encoding of a record in bytes: the largest part is a finality
// pack.
const MaxRecord = 16 << 20

var errRecord = errors.New("anchor: malformed record")

// Encode returns the record as bytes, for stores. ParseRecord is its inverse.
func (r *Record) Encode() ([]byte, error) {
	signed, err := r.Signed.Encode()
	if err != nil {
		return nil, err
	}
	w := wireRecord{Version: recordVersion, Signed: signed, Rest: *r}
	return recordEncoding.Marshal(w)
}

// ParseRecord reads what Encode wrote, and checks that it fits together.
func ParseRecord(b []byte) (*Record, error) {
	if len(b) > MaxRecord {
		return nil, fmt.Errorf("%w: %d bytes", errRecord, len(b))
	}
	var w wireRecord
	if err := recordDecoding.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	signed, err := evidence.ReadSignedHeader(w.Signed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	r := &w.Rest
	r.Signed = *signed
	digest, err := r.Signed.Digest()
	switch {
	case err != nil:
		return nil, err
	case w.Version != recordVersion:
		return nil, fmt.Errorf("%w: expected version %d, found %d", errRecord, recordVersion, w.Version)
	case digest != r.Digest || r.Seq != signed.Header.Seq || r.Size != signed.Header.Size:
		return nil, fmt.Errorf("%w: it does not fit its signed header", errRecord)
	case r.State < Sealed || r.State > Final:
		return nil, fmt.Errorf("%w: unknown state %d", errRecord, r.State)
	}
	return r, nil
}

// clone returns a copy that shares no memory that is ever changed.
func (r *Record) clone() *Record {
	out := *r
	out.Txs, out.Dead, out.Fillers = slices.Clone(r.Txs), slices.Clone(r.Dead), slices.Clone(r.Fillers)
	if r.Place != nil {
		p := *r.Place
		out.Place = &p
	}
	return &out
}

// chains are the promises of the header about chains.
func (r *Record) chains() []string {
	return slices.DeleteFunc(slices.Clone(r.Signed.Header.Promise), func(p string) bool { return p == evidence.PromiseTimestamp })
}

// owed is a promise of the header that the batch does not keep yet, and what to call it where
// nothing will; "" where there is none.
func (r *Record) owed() (string, Problem) {
	for _, p := range r.Signed.Header.Promise {
		switch {
		case p == evidence.PromiseTimestamp && r.Token == nil:
			return p, ProblemTimestamp
		case p != evidence.PromiseTimestamp && (r.State != Final || p != evidence.PromiseChain(r.Account.ChainID)):
			return p, ProblemLost
		}
	}
	return "", ""
}

// anchors returns what the batch can show so far.
func (r *Record) anchors() []evidence.Anchor {
	var out []evidence.Anchor
	if r.State == Final && r.Eth != nil {
		out = append(out, evidence.Anchor{Type: evidence.AnchorEth, Eth: r.Eth})
	}
	if r.Token != nil {
		out = append(out, evidence.Anchor{Type: evidence.AnchorTimestamp, Timestamp: &evidence.Timestamp{Token: evidence.Part{SHA256: sha256.Sum256(r.Token), Bytes: r.Token}}})
	}
	return out
}
