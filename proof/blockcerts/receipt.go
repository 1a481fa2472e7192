// Package blockcerts reads and judges Blockcerts: version 2 with MerkleProof2017, and
// version 3 with MerkleProof2019, also within ChainedProof2021 and as a
// DataIntegrityProof.
//
//	c, err := blockcerts.Parse(file)
//	r := c.Check(i, blockcerts.Input{Contexts: …, Bitcoin: known, Transactions: txs})
//
// A certificate's digest (SHA-256 of its canonical RDF) leads by a Merkle path to a
// root that a blockchain transaction is said to hold. The transaction is only named.
// Whoever checks must bring it, with the proof that it is in a block, and pin the
// block's header; without that an anchor stays undecided.
//
// Caveats. Leaves and inner nodes are hashed alike and the tree's size is not said.
// The members of a proof beside proofValue (created, verificationMethod, purpose) are
// covered by nothing. Who issued is known only from who sent the transaction.
package blockcerts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/proof/internal/cbor"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrMalformed: the document or its proof is not formed as Blockcerts are.
	ErrMalformed = errors.New("blockcerts: malformed")
	// ErrUnsupported: a kind of proof, chain or encoding that is not known.
	ErrUnsupported = errors.New("blockcerts: unsupported")
	// ErrNoProof: the document has no proof of the kinds that are read here.
	ErrNoProof = errors.New("blockcerts: no Merkle proof")
)

// Limits.
const (
	MaxPath       = 64
	MaxAnchors    = 16
	MaxProofValue = 16 << 10 // characters
)

// Encoding says how digests stand in a proof.
type Encoding uint8

// The encodings. Both stand in byte strings that hold CBOR themselves.
const (
	TextHex Encoding = iota // texts of hex digits, as cert-issuer writes them
	Binary                  // byte strings, as @vaultie/lds-merkle-proof-2019 does
	JSON                    // MerkleProof2017
)

// Receipt is a Merkle proof. Nothing in it is trusted.
type Receipt struct {
	MerkleRoot, TargetHash [32]byte
	Path                   []Step
	Anchors                []Anchor
	Encoding               Encoding

	order []uint8 // in which the members of a MerkleProof2019 stand
}

// Step is a sibling on the way to the root.
type Step struct {
	Left    bool // the sibling stands on the left
	Sibling [32]byte
}

// Anchor names a transaction.
type Anchor struct {
	Chain   string   // "btc", "eth", "mtc", "mocknet"
	Network string   // "mainnet", "testnet", "ropsten", …; "" where version 2 does not say
	TxID    [32]byte // in the order in which people write it

	prefixed bool   // written with 0x before it
	mock     []byte // of mocknet: the whole entry, whose form varies
}

// String is the anchor in its textual form, blink:eth:mainnet:0x….
func (a Anchor) String() string {
	id := hex.EncodeToString(a.TxID[:])
	if a.Chain != "btc" {
		id = "0x" + id
	}
	network := a.Network
	if network == "" {
		network = "unknown"
	}
	return "blink:" + a.Chain + ":" + network + ":" + id
}

// ParseAnchor reads the form that String writes, for chains and networks of the table.
func ParseAnchor(s string) (Anchor, error) {
	part := strings.Split(s, ":")
	if len(part) != 4 || part[0] != "blink" {
		return Anchor{}, fmt.Errorf("%w: expected blink:chain:network:transaction", ErrMalformed)
	}
	if _, _, ok := networkCodes(part[1], part[2]); !ok {
		return Anchor{}, fmt.Errorf("%w: expected a chain and network of the table", ErrUnsupported)
	}
	a := Anchor{Chain: part[1], Network: part[2]}
	id, prefixed := strings.CutPrefix(part[3], "0x")
	a.prefixed = prefixed
	var ok bool
	if a.TxID, ok = digestOf(id); !ok {
		return Anchor{}, fmt.Errorf("%w: expected a transaction of 64 hex digits", ErrMalformed)
	}
	return a, nil
}

// networkTable is the registry of MerkleProof2019. ChainID is that of Ethereum.
var networkTable = []struct {
	chain         string
	chainCode     int64
	network       string
	code, chainID int64
}{
	{"btc", 0, "mainnet", 1, 0}, {"btc", 0, "testnet", 3, 0},
	{"eth", 1, "mainnet", 1, 1}, {"eth", 1, "ropsten", 3, 3}, {"eth", 1, "rinkeby", 4, 4},
	{"eth", 1, "goerli", 5, 5}, {"eth", 1, "sepolia", 11155111, 11155111},
	{"mtc", 2, "mainnet", 137, 137}, {"mtc", 2, "mumbai", 80001, 80001},
	{"mocknet", -1, "mocknet", -1, 0},
}

func networkCodes(chain, network string) (chainCode, code int64, ok bool) {
	for _, row := range networkTable {
		if row.chain == chain && row.network == network {
			return row.chainCode, row.code, true
		}
	}
	return 0, 0, false
}

// ChainID is the EIP-155 chain id of an anchor on an Ethereum chain; ok is false for
// others.
func (a Anchor) ChainID() (id uint64, ok bool) {
	for _, row := range networkTable {
		if row.chain == a.Chain && row.network == a.Network && row.chainID > 0 {
			return uint64(row.chainID), true
		}
	}
	return 0, false
}

func digestOf(s string) (d [32]byte, ok bool) {
	if len(s) != 64 || s != strings.ToLower(s) {
		return d, false
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err == nil
}

// Root walks the path from TargetHash: SHA-256 of left and right, without prefixes.
func (r *Receipt) Root() [32]byte {
	at := r.TargetHash
	for _, s := range r.Path {
		left, right := at, s.Sibling
		if s.Left {
			left, right = right, left
		}
		at = sha256.Sum256(slices.Concat(left[:], right[:]))
	}
	return at
}

// The members of a MerkleProof2019 and of its anchors.
const (
	keyRoot, keyTarget, keyAnchors, keyPath = 0, 1, 2, 3
	keyChain, keyNetwork, keyTx             = 0, 1, 2
	keyLeft, keyRight                       = 0, 1
)

// DecodeProofValue reads the proofValue of a MerkleProof2019: multibase base58btc of a
// CBOR array of pairs. Both encodings of digests are read, but not mixed in one proof.
func DecodeProofValue(s string) (*Receipt, error) {
	if len(s) == 0 || s[0] != 'z' || len(s) > MaxProofValue {
		return nil, fmt.Errorf("%w: expected multibase base58btc of at most %d characters", ErrMalformed, MaxProofValue)
	}
	b, ok := decodeBase58(s[1:])
	if !ok {
		return nil, fmt.Errorf("%w: expected base58btc", ErrMalformed)
	}
	v, err := cbor.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	d := &decoder{encoding: JSON}
	out := &Receipt{}
	d.pairs(&v, 4, func(key int64, v *cbor.Value) {
		out.order = append(out.order, uint8(key))
		switch key {
		case keyRoot:
			out.MerkleRoot, _ = d.digest(v)
		case keyTarget:
			out.TargetHash, _ = d.digest(v)
		case keyAnchors:
			d.list(v, MaxAnchors, func(e *cbor.Value) { out.Anchors = append(out.Anchors, d.anchor(e)) })
		case keyPath:
			d.list(v, MaxPath, func(e *cbor.Value) { out.Path = append(out.Path, d.step(e)) })
		}
	})
	if d.err == nil && (!slices.Contains(out.order, keyRoot) || !slices.Contains(out.order, keyTarget) || len(out.Anchors) == 0) {
		d.fail("expected merkleRoot, targetHash and anchors")
	}
	if d.err != nil {
		return nil, d.err
	}
	out.Encoding = d.encoding
	return out, nil
}

type decoder struct {
	err      error
	encoding Encoding // of the digests so far; JSON where none was seen
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

// pairs calls f for each [key, value] of an array; keys are 0 to most-1, once each.
func (d *decoder) pairs(v *cbor.Value, most int64, f func(int64, *cbor.Value)) {
	if v.Kind != cbor.Array {
		d.fail("expected an array of pairs")
		return
	}
	seen := map[int64]bool{}
	for i := range v.List {
		p := &v.List[i]
		if p.Kind != cbor.Array || len(p.List) != 2 || p.List[0].Kind != cbor.Int {
			d.fail("expected a pair of a number and a value")
			return
		}
		key := p.List[0].Int
		if key < 0 || key >= most || seen[key] {
			d.fail("expected each member once and none that is not known")
			return
		}
		seen[key] = true
		if f(key, &p.List[1]); d.err != nil {
			return
		}
	}
}

func (d *decoder) list(v *cbor.Value, most int, f func(*cbor.Value)) {
	if v.Kind != cbor.Array || len(v.List) > most {
		d.fail("expected an array of at most %d", most)
		return
	}
	for i := range v.List {
		f(&v.List[i])
	}
}

// digest reads CBOR within a byte string: a text of hex digits or 32 bytes.
func (d *decoder) digest(v *cbor.Value) (out [32]byte, prefixed bool) {
	bad := "expected 32 bytes, or 64 hex digits, in CBOR within a byte string"
	if v.Kind != cbor.Bytes {
		d.fail("%s", bad)
		return
	}
	inner, err := cbor.Parse(v.Bytes)
	if err != nil {
		d.fail("%s", bad)
		return
	}
	encoding := TextHex
	switch inner.Kind {
	case cbor.Bytes:
		if encoding = Binary; len(inner.Bytes) != len(out) {
			d.fail("%s", bad)
			return
		}
		copy(out[:], inner.Bytes)
	case cbor.Text:
		text, zeroX := strings.CutPrefix(string(inner.Bytes), "0x")
		var ok bool
		if out, ok = digestOf(text); !ok {
			d.fail("%s", bad)
			return
		}
		prefixed = zeroX
	default:
		d.fail("%s", bad)
		return
	}
	if d.encoding != JSON && d.encoding != encoding {
		d.fail("expected one encoding of digests throughout")
	}
	d.encoding = encoding
	return out, prefixed
}

func (d *decoder) step(v *cbor.Value) (s Step) {
	if v.Kind != cbor.Array || len(v.List) != 2 || v.List[0].Kind != cbor.Int || v.List[0].Int != keyLeft && v.List[0].Int != keyRight {
		d.fail("expected left or right and a digest")
		return s
	}
	s.Left = v.List[0].Int == keyLeft
	var prefixed bool
	if s.Sibling, prefixed = d.digest(&v.List[1]); prefixed {
		d.fail("expected no 0x before a digest of the path")
	}
	return s
}

func (d *decoder) anchor(v *cbor.Value) (a Anchor) {
	if isMock(v) {
		return Anchor{Chain: "mocknet", Network: "mocknet", mock: v.Raw}
	}
	var chain, network *int64
	tx := false
	d.pairs(v, 3, func(key int64, v *cbor.Value) {
		switch {
		case key == keyTx:
			a.TxID, a.prefixed = d.digest(v)
			tx = true
		case v.Kind != cbor.Int:
			d.fail("expected a number for chain and network")
		case key == keyChain:
			chain = &v.Int
		case key == keyNetwork:
			network = &v.Int
		}
	})
	if d.err != nil {
		return a
	}
	if chain == nil || network == nil || !tx {
		d.fail("expected chain, network and transaction of an anchor")
		return a
	}
	for _, row := range networkTable {
		if row.chainCode == *chain && row.code == *network {
			a.Chain, a.Network = row.chain, row.network
			return a
		}
	}
	d.err = fmt.Errorf("%w: an anchor on a chain or network that is not in the table", ErrUnsupported)
	return a
}

// isMock recognises an anchor whose first pair is the chain -1. Issuers write anything
// behind it, and nothing of it is of use.
func isMock(v *cbor.Value) bool {
	if v.Kind != cbor.Array || len(v.List) == 0 || v.List[0].Kind != cbor.Array || len(v.List[0].List) != 2 {
		return false
	}
	key, chain := v.List[0].List[0], v.List[0].List[1]
	return key.Kind == cbor.Int && key.Int == keyChain && chain.Kind == cbor.Int && chain.Int == -1
}

// ProofValue writes the receipt as a MerkleProof2019 in an encoding, TextHex or
// Binary. A receipt that DecodeProofValue returned comes out as it was, in its own
// encoding.
func (r *Receipt) ProofValue(e Encoding) (string, error) {
	if e != TextHex && e != Binary {
		return "", fmt.Errorf("%w: expected the encoding TextHex or Binary", ErrUnsupported)
	}
	order := r.order
	if order == nil {
		order = []uint8{keyPath, keyRoot, keyTarget, keyAnchors}
	}
	out := head(nil, 4, len(order))
	for _, key := range order {
		out = head(head(out, 4, 2), 0, int(key))
		switch key {
		case keyRoot:
			out = appendDigest(out, r.MerkleRoot, e, false)
		case keyTarget:
			out = appendDigest(out, r.TargetHash, e, false)
		case keyPath:
			out = head(out, 4, len(r.Path))
			for _, s := range r.Path {
				side := keyRight
				if s.Left {
					side = keyLeft
				}
				out = appendDigest(head(head(out, 4, 2), 0, side), s.Sibling, e, false)
			}
		case keyAnchors:
			out = head(out, 4, len(r.Anchors))
			for _, a := range r.Anchors {
				if a.mock != nil {
					out = append(out, a.mock...)
					continue
				}
				chain, network, ok := networkCodes(a.Chain, a.Network)
				if !ok {
					return "", fmt.Errorf("%w: expected a chain and network of the table", ErrUnsupported)
				}
				out = number(head(head(head(out, 4, 3), 4, 2), 0, keyChain), chain)
				out = number(head(head(out, 4, 2), 0, keyNetwork), network)
				out = appendDigest(head(head(out, 4, 2), 0, keyTx), a.TxID, e, a.prefixed)
			}
		}
	}
	return "z" + encodeBase58(out), nil
}

func appendDigest(out []byte, d [32]byte, e Encoding, prefixed bool) []byte {
	var inner []byte
	if e == Binary {
		inner = append(head(nil, 2, len(d)), d[:]...)
	} else {
		text := hex.EncodeToString(d[:])
		if prefixed {
			text = "0x" + text
		}
		inner = append(head(nil, 3, len(text)), text...)
	}
	return append(head(out, 2, len(inner)), inner...)
}

func number(out []byte, n int64) []byte {
	if n < 0 {
		return head(out, 1, int(-1-n))
	}
	return head(out, 0, int(n))
}

// head writes a major type and its argument, below 2^32.
func head(out []byte, major byte, n int) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(out, major|byte(n))
	case n < 1<<8:
		return append(out, major|24, byte(n))
	case n < 1<<16:
		return append(out, major|25, byte(n>>8), byte(n))
	}
	return append(out, major|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// Equal tells whether two receipts say the same, whatever their encodings.
func (r *Receipt) Equal(o *Receipt) bool {
	if r == nil || o == nil {
		return r == o
	}
	same := func(a, b Anchor) bool {
		return a.Chain == b.Chain && a.Network == b.Network && bytes.Equal(a.TxID[:], b.TxID[:])
	}
	return r.MerkleRoot == o.MerkleRoot && r.TargetHash == o.TargetHash && slices.Equal(r.Path, o.Path) && slices.EqualFunc(r.Anchors, o.Anchors, same)
}
