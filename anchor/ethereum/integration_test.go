package ethereum_test

import (
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// TestThousand takes 1,000 items into one transaction, and each item's evidence through
// a verifier that has nothing but its trust.
func TestThousand(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	b := newBatcher(t, store, s.clock)
	sealed(t, b, "item", 1000)
	a := newAnchorer(t, store, s.chain(t, nil), s.clock)
	p := &anchor.Prover{Store: store}
	if _, err := p.Bundle(t.Context(), "item-0", nil); !errors.Is(err, anchor.ErrPending) {
		t.Fatalf("evidence before anything is anchored: %v", err)
	}
	step(t, a)
	r := record(t, store, 0)
	if r.State != anchor.Sent || len(r.Txs) != 1 {
		t.Fatalf("found state %s", r.State)
	}
	s.Commit()
	step(t, a)
	if r = record(t, store, 0); r.State != anchor.Mined || r.Place.Block.Number != 1 {
		t.Fatalf("found state %s", r.State)
	}
	if _, err := p.Bundle(t.Context(), "item-0", nil); !errors.Is(err, anchor.ErrPending) {
		t.Fatalf("evidence before the block is final: %v", err)
	}
	s.finalize(t, 1)
	step(t, a)
	if r = record(t, store, 0); r.State != anchor.Final || !r.Done || r.FinalBy.Number != 32 {
		t.Fatalf("found state %s, done %t, final by %+v", r.State, r.Done, r.FinalBy)
	}
	if n := s.onChain(t, r.Digest); n != 1 {
		t.Fatalf("expected one transaction, found %d", n)
	}
	receipt, err := s.Client().TransactionReceipt(t.Context(), r.Txs[0].Hash)
	if err != nil {
		t.Fatal(err)
	}
	zeros := uint64(0)
	for _, c := range r.Digest {
		if c == 0 {
			zeros++
		}
	}
	// 21,000 and, at the floor price of EIP-7623, 40 for each byte but 10 for a zero.
	if want := 22_280 - 30*zeros; receipt.GasUsed != want {
		t.Errorf("expected %d gas, found %d", want, receipt.GasUsed)
	}
	trust, n := s.trust(*r.FinalBy), 0
	for proven, err := range p.All(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		file, err := proven.Bundle.Encode()
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := evidence.Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		res, err := bundle.Verify(evidence.Input{Document: document(proven.ID)}, trust)
		if err != nil {
			t.Fatalf("%s: %v", proven.ID, err)
		}
		if on := res.Facts.OnChain; len(on) != 1 || common.Hash(on[0].BlockHash) != common.Hash(r.Place.Block.Hash) {
			t.Fatalf("%s: facts %+v", proven.ID, res.Facts)
		}
		if _, err := bundle.Verify(evidence.Input{Document: document("another")}, trust); err == nil {
			t.Fatalf("%s proves another document", proven.ID)
		}
		if n == 0 {
			t.Logf("evidence of one of 1,000 items: %d bytes", len(file))
			if res, _ := bundle.Verify(evidence.Input{Document: document(proven.ID)}, s.trust()); res.Outcome != evidence.Indeterminate {
				t.Fatalf("without trust in the final block: expected indeterminate, found %s", res.Outcome)
			}
		}
		n++
	}
	if n != 1000 {
		t.Fatalf("expected 1000 items, found %d", n)
	}
}
