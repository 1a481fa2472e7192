package blockcerts

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/proof/bitcoin"
	"github.com/chancery-dev/chancery/proof/ethereum"
)

// Verdict is what became of something that was checked.
type Verdict uint8

// The verdicts. The zero value claims nothing.
const (
	Undecided Verdict = iota
	Confirmed
	Refuted
)

func (v Verdict) String() string { return [...]string{"undecided", "confirmed", "refuted"}[v%3] }

// Input is what the caller brings. Transactions are evidence and need not be trusted;
// headers are trust.
type Input struct {
	// Contexts are the JSON-LD contexts known. Required.
	Contexts jsonld.Resolver
	// Bitcoin are the pinned headers of Bitcoin. Nil: none.
	Bitcoin *bitcoin.Known
	// Ethereum returns the pinned header of a block. Nil: none is.
	Ethereum func(chainID, number uint64) (ethereum.Header, bool)
	// BitcoinTransactions and EthereumTransactions are the transactions that anchors
	// may name, found by identifier.
	BitcoinTransactions  []BitcoinTransaction
	EthereumTransactions []EthereumTransaction
}

// BitcoinTransaction is a transaction and the proof that it is in a block.
type BitcoinTransaction struct {
	Raw        []byte
	TxOutProof []byte // as Bitcoin Core's gettxoutproof gives it
	// Previous is the transaction that the first input spends. It tells who sent this
	// one, which the transaction alone does not. Nil: the sender stays unknown.
	Previous []byte
}

// EthereumTransaction is the proof that a transaction is in a block.
type EthereumTransaction struct {
	ChainID uint64
	Block   uint64
	Index   uint64   // in the block
	Nodes   [][]byte // of the transaction trie, from the root
}

// Judged is an anchor and what became of it.
type Judged struct {
	Anchor
	Verdict Verdict
	Detail  string
	// Network is that of the pinned header where Confirmed: "eip155:1", "bitcoin", …; before, that
	// of a header that could confirm the anchor; "" where none can.
	Network string
	// Of a confirmed anchor:
	Block uint64    // height
	Time  time.Time // of the block
	// Sender is who sent the transaction: an address with 0x on Ethereum, on Bitcoin
	// the hash of the public key in hex. "" where it is not known.
	Sender string
}

// Result is what Check found of one proof.
type Result struct {
	Digest    [32]byte // of the certificate; zero where DigestErr is set
	DigestErr error    // the certificate could not be canonicalised
	// Covered tells whether the target hash is the digest, so that the proof is about
	// this certificate.
	Covered Verdict
	// Included tells whether the path leads from the target hash to the Merkle root.
	Included bool
	// Chained tells whether the previous proof that a ChainedProof2021 names is the
	// one before it.
	Chained bool
	Anchors []Judged
}

// Check judges proof i of a certificate. One without a Receipt confirms nothing.
func (c *Certificate) Check(i int, in Input) *Result {
	if i < 0 || i >= len(c.Proofs) || c.Proofs[i].Receipt == nil {
		return &Result{DigestErr: ErrNoProof}
	}
	r := &Result{Chained: c.ChainHolds(i)}
	receipt := c.Proofs[i].Receipt
	r.Included = receipt.Root() == receipt.MerkleRoot
	r.Digest, r.DigestErr = c.Digest(i, in.Contexts)
	switch {
	case r.DigestErr == nil && r.Digest == receipt.TargetHash:
		r.Covered = Confirmed
	case r.DigestErr == nil, !open(r.DigestErr):
		r.Covered = Refuted
	}
	for _, a := range receipt.Anchors {
		r.Anchors = append(r.Anchors, in.judge(a, receipt.MerkleRoot))
	}
	return r
}

// open tells whether canonicalising failed for what is not known or not done here, so
// that another verifier may decide. What no context defines is covered by nothing, and
// the document is at fault.
func open(err error) bool {
	var le *jsonld.Error
	if errors.As(err, &le) {
		return le.Code == jsonld.UnsupportedThing || le.Code == jsonld.UnknownContext || le.Code == jsonld.LimitExceeded
	}
	return errors.Is(err, rdfc.ErrBudget) || errors.Is(err, rdfc.ErrTooLarge)
}

func (in Input) judge(a Anchor, root [32]byte) Judged {
	switch {
	case a.Chain == "btc":
		return in.judgeBitcoin(a, root)
	case a.Chain == "mocknet":
		return Judged{Anchor: a, Detail: "a mock anchor, which is on no blockchain"}
	}
	return in.judgeEthereum(a, root)
}

func (in Input) judgeBitcoin(a Anchor, root [32]byte) Judged {
	j := Judged{Anchor: a, Network: "bitcoin", Detail: "the transaction was not brought"}
	if n, ok := bitcoinNetworks[a.Network]; ok {
		j.Network = n.String()
	}
	refute := func(detail string) Judged {
		j.Verdict, j.Detail, j.Sender = Refuted, detail, ""
		return j
	}
	for _, given := range in.BitcoinTransactions {
		tx, err := bitcoin.ParseTransaction(given.Raw)
		if err != nil || tx.ID.String() != hex.EncodeToString(a.TxID[:]) {
			continue
		}
		data := tx.OpReturn()
		if len(data) != 1 || !bytes.Equal(data[0], root[:]) {
			return refute("the transaction does not hold the Merkle root as its one OP_RETURN output")
		}
		p, err := bitcoin.ParseTxOutProof(given.TxOutProof)
		found := false
		if err == nil {
			for _, m := range p.Matches {
				found = found || m == tx.ID
			}
		}
		if !found {
			j.Detail = "the proof of the transaction in its block does not hold"
			continue
		}
		network, height, ok := in.Bitcoin.Find(p.Header.Hash)
		if !ok {
			j.Detail = "the block's header is not pinned"
			continue
		}
		if a.Network != "" && bitcoinNetworks[a.Network] != network {
			return refute("the transaction is in a block of another network")
		}
		j.Verdict, j.Detail = Confirmed, "the Merkle root is in a transaction of the pinned block"
		j.Network, j.Block, j.Time = network.String(), height, p.Header.Time
		j.Sender = bitcoinSender(tx, given.Previous)
		return j
	}
	return j
}

var bitcoinNetworks = map[string]bitcoin.Network{"mainnet": bitcoin.Mainnet, "testnet": bitcoin.Testnet, "regtest": bitcoin.Regtest}

// bitcoinSender is the key hash that guards what the first input spends. The network
// has checked that whoever sent the transaction could spend it. Looking at the input's
// own script instead would believe a key that anyone can write there.
func bitcoinSender(tx *bitcoin.Transaction, previous []byte) string {
	before, err := bitcoin.ParseTransaction(previous)
	first := tx.Inputs[0]
	if err != nil || before.ID != first.Previous || uint64(first.Index) >= uint64(len(before.Outputs)) {
		return ""
	}
	h, ok := before.Outputs[first.Index].KeyHash()
	if !ok {
		return ""
	}
	return hex.EncodeToString(h[:])
}

func (in Input) judgeEthereum(a Anchor, root [32]byte) Judged {
	j := Judged{Anchor: a, Network: "eip155", Detail: "the transaction was not brought"}
	chainID, named := a.ChainID()
	if named {
		j.Network = fmt.Sprintf("eip155:%d", chainID)
	}
	for _, given := range in.EthereumTransactions {
		if named && given.ChainID != chainID {
			continue
		}
		if in.Ethereum == nil {
			return j
		}
		header, ok := in.Ethereum(given.ChainID, given.Block)
		if !ok || header.Number != given.Block {
			j.Detail = "the block's header is not pinned"
			continue
		}
		raw, err := ethereum.ProveTransaction(header.TransactionsRoot, given.Index, given.Nodes)
		if err != nil {
			j.Detail = "the proof of the transaction in its block does not hold"
			continue
		}
		tx, err := ethereum.ParseTransaction(raw)
		if err != nil || tx.Hash != ethereum.Hash(a.TxID) {
			continue
		}
		switch {
		case !bytes.Equal(tx.Data, root[:]):
			j.Verdict, j.Detail = Refuted, "the transaction's data is not the Merkle root"
			return j
		case tx.ChainID != 0 && tx.ChainID != given.ChainID:
			j.Verdict, j.Detail = Refuted, "the transaction was signed for another chain"
			return j
		case header.Time > 1<<40:
			j.Detail = "the block's time is out of range"
			return j
		}
		j.Verdict, j.Detail = Confirmed, "the Merkle root is the data of a transaction of the pinned block"
		j.Network, j.Block, j.Time = fmt.Sprintf("eip155:%d", given.ChainID), header.Number, time.Unix(int64(header.Time), 0).UTC()
		if from, err := tx.Sender(); err == nil {
			j.Sender = "0x" + hex.EncodeToString(from[:])
		}
		return j
	}
	return j
}

// MethodIs tells whether a verification method or public key as Blockcerts write it
// (ecdsa-koblitz-pubkey:0x…, ecdsa-koblitz-pubkey:1…, with or without the prefix) is
// the sender of an anchor. The letter case of Ethereum addresses is not looked at.
func MethodIs(method, sender string) bool {
	return sender != "" && senderOf(method) == sender
}
