package ethereum_test

import (
	"context"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
)

// TestReorg has the batch's block replaced: the same transaction comes back in another
// block, and the proof is of that one.
func TestReorg(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 3)
	a := newAnchorer(t, store, s.chain(t, nil), s.clock)
	genesis := s.commit(1)
	step(t, a)
	s.commit(1)
	step(t, a)
	first := record(t, store, 0)
	if first.State != anchor.Mined {
		t.Fatalf("found %s", first.State)
	}
	if err := s.Fork(genesis); err != nil {
		t.Fatal(err)
	}
	s.Rollback()
	s.commit(3) // the longer fork does not hold the transaction
	err := a.Step(t.Context())
	r := record(t, store, 0)
	if err != nil || r.State == anchor.Final {
		t.Fatalf("found %s, %v", r.State, err)
	}
	if r.State == anchor.Mined && r.Place.Block == first.Place.Block {
		t.Fatal("still in the block that is gone")
	}
	step(t, a)
	s.commit(1)
	step(t, a)
	if r = record(t, store, 0); r.State != anchor.Mined || r.Place.Block == first.Place.Block {
		t.Fatalf("found %s at %+v, first at %+v", r.State, r.Place, first.Place)
	}
	s.finalize(t, r.Place.Block.Number)
	step(t, a)
	r = record(t, store, 0)
	if len(r.Txs) != 1 {
		t.Fatalf("expected the same transaction, found %d", len(r.Txs))
	}
	res := s.verify(t, store, r, "item-1")
	if res.Facts.OnChain[0].BlockHash != r.Place.Block.Hash {
		t.Fatal("the proof is of another block")
	}
}

// TestReplace leaves a transaction waiting until it is replaced, twice.
func TestReplace(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 3)
	a := newAnchorer(t, store, s.chain(t, nil), s.clock)
	for range 3 {
		step(t, a)
		step(t, a) // changes nothing
		s.now = s.now.Add(4 * time.Minute)
	}
	r := record(t, store, 0)
	if len(r.Txs) != 3 {
		t.Fatalf("expected three transactions, found %d", len(r.Txs))
	}
	var last *types.Transaction
	for _, tx := range r.Txs {
		next := new(types.Transaction)
		if err := next.UnmarshalBinary(tx.Raw); err != nil {
			t.Fatal(err)
		}
		if last != nil && (next.Nonce() != last.Nonce() || !tenthMore(next.GasTipCap(), last.GasTipCap()) || !tenthMore(next.GasFeeCap(), last.GasFeeCap())) {
			t.Fatalf("nonce %d, tip %v, cap %v after nonce %d, tip %v, cap %v", next.Nonce(), next.GasTipCap(), next.GasFeeCap(), last.Nonce(), last.GasTipCap(), last.GasFeeCap())
		}
		last = next
	}
	s.Commit()
	step(t, a)
	if r = record(t, store, 0); r.State != anchor.Mined || r.Place.Tx != 2 {
		t.Fatalf("found %s, %+v", r.State, r.Place)
	}
	s.finalize(t, 1)
	step(t, a)
	s.verify(t, store, record(t, store, 0), "item-0")
}

func tenthMore(a, b *big.Int) bool {
	return new(big.Int).Mul(a, big.NewInt(100)).Cmp(new(big.Int).Mul(b, big.NewInt(110))) >= 0
}

// TestGap has a node lie about the account's nonce. What is reported is what can be done:
// nothing by itself, unless gaps may be filled.
func TestGap(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 3)
	liar := &hostile{RPC: s.rpc, nonce: func(n uint64) (uint64, error) { return n + 2, nil }}
	wrong := newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.Endpoints[0].RPC = liar }), s.clock)
	_ = wrong.Step(t.Context()) // what the liar says next does not matter
	r := record(t, store, 0)
	if !r.HasNonce || r.Nonce != 2 {
		t.Fatalf("expected nonce 2, found %d", r.Nonce)
	}
	chain := s.chain(t, nil)
	a := newAnchorer(t, store, chain, s.clock)
	for range 3 {
		if err := a.Step(t.Context()); err == nil {
			t.Fatal("the gap is not reported")
		}
		s.Commit()
		s.now = s.now.Add(10 * time.Minute)
	}
	if r = record(t, store, 0); r.Problem != anchor.ProblemNonceGap || r.State != anchor.Sent || len(r.Fillers) != 0 {
		t.Fatalf("found %s, %q, %d fillers", r.State, r.Problem, len(r.Fillers))
	}
	fill, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Chain: chain, Clock: s.clock, FillGaps: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if err := fill.Step(t.Context()); err != nil {
			t.Log(err)
		}
		s.Commit()
	}
	r = record(t, store, 0)
	if r.State != anchor.Mined || len(r.Fillers) != 2 || r.Problem != "" {
		t.Fatalf("found %s, %d fillers, %q", r.State, len(r.Fillers), r.Problem)
	}
	s.finalize(t, r.Place.Block.Number)
	step(t, fill)
	s.verify(t, store, record(t, store, 0), "item-2")
}

// farAhead is a node that invents waiting transactions.
type farAhead struct {
	ethereum.RPC
	by uint64
}

func (f *farAhead) PendingNonceAt(ctx context.Context, a common.Address) (uint64, error) {
	n, err := f.RPC.PendingNonceAt(ctx, a)
	return n + f.by, err
}

// TestFarAhead: a nonce that can never be reached is not reserved, and the batch goes on when the
// node is right again.
func TestFarAhead(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 3)
	node := &farAhead{s.rpc, 1 << 40}
	a := newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.Endpoints[0].RPC = node }), s.clock)
	if err := a.Step(t.Context()); err == nil {
		t.Fatal("nothing is reported")
	}
	if r := record(t, store, 0); r.HasNonce || r.Problem != anchor.ProblemUnreachable {
		t.Fatalf("found nonce %d, %q", r.Nonce, r.Problem)
	}
	node.by = 0
	step(t, a)
	s.Commit()
	step(t, a)
	if r := record(t, store, 0); r.State != anchor.Mined || r.Nonce != 0 || r.Problem != "" {
		t.Fatalf("found %s, nonce %d, %q", r.State, r.Nonce, r.Problem)
	}
}

// TestForeignNonce has other software use the account, for the very nonce that is
// reserved, with a transaction that pays more.
func TestForeignNonce(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 2)
	chain := s.chain(t, nil)
	blocked := &hostile{RPC: s.rpc, send: func(*types.Transaction) error { return errors.New("no") }}
	_ = newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.Endpoints[0].RPC = blocked }), s.clock).Step(t.Context())
	foreign, _, err := chain.Sign(t.Context(), anchor.SignRequest{Digest: [32]byte{1}, Nonce: 0})
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Broadcast(t.Context(), foreign.Raw); err != nil {
		t.Fatal(err)
	}
	s.Commit()
	a := newAnchorer(t, store, chain, s.clock)
	if err := a.Step(t.Context()); !errors.Is(err, anchor.ErrNonceUsed) {
		t.Fatalf("expected the nonce to be reported as used, found %v", err)
	}
	if r := record(t, store, 0); r.Problem != anchor.ProblemNonceTaken || r.Nonce != 0 {
		t.Fatalf("found %q with nonce %d", r.Problem, r.Nonce)
	}
	s.finalize(t, 1)
	step(t, a)
	s.Commit()
	step(t, a)
	r := record(t, store, 0)
	if r.State != anchor.Mined || r.Nonce != 1 || len(r.Dead) != 1 {
		t.Fatalf("found %s with nonce %d and %d dead", r.State, r.Nonce, len(r.Dead))
	}
	s.finalize(t, r.Place.Block.Number)
	step(t, a)
	s.verify(t, store, record(t, store, 0), "item-0")
}

// TestBlind hides receipts: transactions are found in the blocks themselves.
func TestBlind(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 2)
	blind := &hostile{RPC: s.rpc, receipt: func(*types.Receipt, error) (*types.Receipt, error) { return nil, errors.New("not found") }}
	a := newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.Endpoints[0].RPC = blind }), s.clock)
	s.commit(3)
	step(t, a)
	s.commit(5)
	step(t, a)
	r := record(t, store, 0)
	if r.State != anchor.Mined || r.Place.Block.Number != 4 {
		t.Fatalf("found %s at %+v", r.State, r.Place)
	}
	s.finalize(t, 4)
	step(t, a)
	s.verify(t, store, record(t, store, 0), "item-0")
}

// TestLinks proves batches whose final block is near, far, and the very same.
func TestLinks(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	b := newBatcher(t, store, s.clock)
	a := newAnchorer(t, store, s.chain(t, nil), s.clock)
	anchored := func(id string, before, after int) *anchor.Record {
		t.Helper()
		sealedAt := sealed(t, b, id, 1)
		s.commit(before)
		step(t, a)
		s.commit(1)
		step(t, a)
		s.commit(after)
		step(t, a)
		r := record(t, store, sealedAt.Seq)
		if !r.Done {
			t.Fatalf("%s: found %s, %s", id, r.State, r.Detail)
		}
		s.verify(t, store, r, id+"-0")
		return r
	}
	if r := anchored("same", 31, 0); r.Eth.Link != nil || r.Place.Block.Number != 32 || *r.FinalBy != r.Place.Block {
		t.Fatalf("expected no link, found one of %d bytes", len(r.Eth.Link.Bytes))
	}
	near := anchored("near", 28, 4) // 61, final by 64
	far := anchored("far", 2, 60)   // 68, final by 128
	if near.Eth.Link == nil || far.Eth.Link == nil {
		t.Fatal("expected links")
	}
	t.Logf("link by %d headers: %d bytes; by history over %d blocks: %d bytes",
		near.FinalBy.Number-near.Place.Block.Number, len(near.Eth.Link.Bytes), far.FinalBy.Number-far.Place.Block.Number, len(far.Eth.Link.Bytes))
}

// TestFeeCap has the chain ask for more than may be paid: the batch waits, and says so.
func TestFeeCap(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 1)
	poor := newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.MaxFee = big.NewInt(1000) }), s.clock)
	if err := poor.Step(t.Context()); !errors.Is(err, anchor.ErrFees) {
		t.Fatalf("expected ErrFees, found %v", err)
	}
	if r := record(t, store, 0); r.Problem != anchor.ProblemFees || r.State != anchor.Sealed {
		t.Fatalf("found %s, %q", r.State, r.Problem)
	}
	a := newAnchorer(t, store, s.chain(t, nil), s.clock)
	step(t, a)
	s.Commit()
	step(t, a)
	if r := record(t, store, 0); r.State != anchor.Mined || r.Problem != "" {
		t.Fatalf("found %s, %q", r.State, r.Problem)
	}
}

// TestFunds uses an account that has nothing.
func TestFunds(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	sealed(t, newBatcher(t, store, s.clock), "item", 1)
	a := newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.Key = testKey(t, 2) }), s.clock)
	if err := a.Step(t.Context()); !errors.Is(err, anchor.ErrFunds) {
		t.Fatalf("expected ErrFunds, found %v", err)
	}
	if r := record(t, store, 0); r.Problem != anchor.ProblemFunds || r.State != anchor.Sent {
		t.Fatalf("found %s, %q", r.State, r.Problem)
	}
	// Another account must not take the batch over while the first may still send it.
	other := newAnchorer(t, store, s.chain(t, nil), s.clock)
	if err := other.Step(t.Context()); !errors.Is(err, anchor.ErrWrongChain) {
		t.Fatalf("expected ErrWrongChain, found %v", err)
	}
}

func TestConfig(t *testing.T) {
	rpc, err := ethereum.Dial("http://127.0.0.1:1", nil)
	if !errors.Is(err, anchor.ErrConfig) {
		t.Fatalf("no HTTP client: found %v, %v", rpc, err)
	}
	good := ethereum.Config{ChainID: 1, Genesis: [32]byte{1}, Key: testKey(t, 1), Clock: time.Now, Endpoints: []ethereum.Endpoint{{RPC: &hostile{}}}}
	if _, err := ethereum.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ethereum.Config){
		"no chain ID":    func(c *ethereum.Config) { c.ChainID = 0 },
		"no genesis":     func(c *ethereum.Config) { c.Genesis = [32]byte{} },
		"no key":         func(c *ethereum.Config) { c.Key = nil },
		"no clock":       func(c *ethereum.Config) { c.Clock = nil },
		"no endpoint":    func(c *ethereum.Config) { c.Endpoints = nil },
		"no RPC":         func(c *ethereum.Config) { c.Endpoints = []ethereum.Endpoint{{Name: "x"}} },
		"too many agree": func(c *ethereum.Config) { c.Agree = 2 },
		"none agree":     func(c *ethereum.Config) { c.Agree = -1 },
		"free":           func(c *ethereum.Config) { c.MaxFee = new(big.Int) },
		"tip over":       func(c *ethereum.Config) { c.Tip, c.MaxTip = big.NewInt(2), big.NewInt(1) },
		"beacon":         func(c *ethereum.Config) { c.Beacon = &ethereum.Beacon{} },
	} {
		c := good
		change(&c)
		if _, err := ethereum.New(c); !errors.Is(err, anchor.ErrConfig) {
			t.Errorf("%s: expected ErrConfig, found %v", name, err)
		}
	}
}

// TestTransactionProof rebuilds tries of many sizes and has the verifying side walk them.
func TestTransactionProof(t *testing.T) {
	for _, n := range []int{1, 2, 10, 127, 128, 129, 150, 300} {
		txs := blockOf(t, n)
		for _, i := range []int{0, n / 2, n - 1, min(n-1, 127), min(n-1, 128)} {
			if err := walk(txs, i); err != nil {
				t.Errorf("%d of %d: %v", i, n, err)
			}
		}
		if _, err := ethereum.TransactionProof(txs, uint64(n)); err == nil {
			t.Errorf("a proof of transaction %d of %d", n, n)
		}
	}
}
