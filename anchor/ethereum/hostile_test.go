package ethereum_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient/gethclient"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// hostile is a node whose answers are changed; nil members leave them alone.
type hostile struct {
	ethereum.RPC
	chainID   func(*big.Int) (*big.Int, error)
	header    func(number *big.Int, h *types.Header) (*types.Header, error)
	block     func(*types.Block) (*types.Block, error)
	receipt   func(*types.Receipt, error) (*types.Receipt, error)
	nonce     func(uint64) (uint64, error)
	tip       func() (*big.Int, error)
	send      func(*types.Transaction) error
	proof     func(*gethclient.AccountResult) (*gethclient.AccountResult, error)
	everyCall func(ctx context.Context) error
}

func (h *hostile) before(ctx context.Context) error {
	if h.everyCall != nil {
		return h.everyCall(ctx)
	}
	return nil
}

func (h *hostile) ChainID(ctx context.Context) (*big.Int, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	id, err := h.RPC.ChainID(ctx)
	if h.chainID != nil && err == nil {
		return h.chainID(id)
	}
	return id, err
}

func (h *hostile) HeaderByNumber(ctx context.Context, n *big.Int) (*types.Header, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	out, err := h.RPC.HeaderByNumber(ctx, n)
	if h.header != nil && err == nil {
		return h.header(n, out)
	}
	return out, err
}

func (h *hostile) BlockByHash(ctx context.Context, hash common.Hash) (*types.Block, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	out, err := h.RPC.BlockByHash(ctx, hash)
	if h.block != nil && err == nil {
		return h.block(out)
	}
	return out, err
}

func (h *hostile) TransactionReceipt(ctx context.Context, hash common.Hash) (*types.Receipt, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	out, err := h.RPC.TransactionReceipt(ctx, hash)
	if h.receipt != nil {
		return h.receipt(out, err)
	}
	return out, err
}

func (h *hostile) NonceAt(ctx context.Context, a common.Address, n *big.Int) (uint64, error) {
	if err := h.before(ctx); err != nil {
		return 0, err
	}
	out, err := h.RPC.NonceAt(ctx, a, n)
	if h.nonce != nil && err == nil {
		return h.nonce(out)
	}
	return out, err
}

func (h *hostile) PendingNonceAt(ctx context.Context, a common.Address) (uint64, error) {
	if err := h.before(ctx); err != nil {
		return 0, err
	}
	out, err := h.RPC.PendingNonceAt(ctx, a)
	if h.nonce != nil && err == nil {
		return h.nonce(out)
	}
	return out, err
}

func (h *hostile) SuggestGasTipCap(ctx context.Context) (*big.Int, error) {
	if h.tip != nil {
		return h.tip()
	}
	return h.RPC.SuggestGasTipCap(ctx)
}

func (h *hostile) SendTransaction(ctx context.Context, tx *types.Transaction) error {
	if err := h.before(ctx); err != nil {
		return err
	}
	if h.send != nil {
		return h.send(tx)
	}
	return h.RPC.SendTransaction(ctx, tx)
}

func (h *hostile) GetProof(ctx context.Context, a common.Address, keys []string, n *big.Int) (*gethclient.AccountResult, error) {
	out, err := h.RPC.GetProof(ctx, a, keys, n)
	if h.proof != nil && err == nil {
		return h.proof(out)
	}
	return out, err
}

// patience is short only where it is bound to be lost.
func patience(name string) time.Duration {
	if name == "stalls" || name == "hangs" {
		return 100 * time.Millisecond
	}
	return 10 * time.Second
}

func stall(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// hang does not even notice that its time is over.
func hang(release <-chan struct{}) func(context.Context) error {
	return func(context.Context) error { <-release; return errors.New("too late") }
}

// liars are ways in which a node can be wrong.
func liars(t *testing.T) map[string]*hostile {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	other := types.NewTx(&types.LegacyTx{Nonce: 99, Gas: 21000})
	return map[string]*hostile{
		"stalls":           {everyCall: stall},
		"hangs":            {everyCall: hang(release)},
		"fails":            {everyCall: func(context.Context) error { return errors.New("connection refused") }},
		"other chain ID":   {chainID: func(*big.Int) (*big.Int, error) { return big.NewInt(1), nil }},
		"huge chain ID":    {chainID: func(*big.Int) (*big.Int, error) { return new(big.Int).Lsh(big.NewInt(1), 80), nil }},
		"other genesis":    {header: changeHeader(func(n *big.Int) bool { return n != nil && n.Sign() == 0 }, func(h *types.Header) { h.Extra = []byte("x") })},
		"other headers":    {header: changeHeader(func(n *big.Int) bool { return n != nil && n.Sign() > 0 }, func(h *types.Header) { h.Extra = []byte("x") })},
		"final too early":  {header: func(n *big.Int, h *types.Header) (*types.Header, error) { return finalIs(n, h, 1<<40) }},
		"never final":      {header: func(n *big.Int, h *types.Header) (*types.Header, error) { return finalIs(n, h, 0) }},
		"head in the sky":  {header: changeHeader(func(n *big.Int) bool { return n == nil }, func(h *types.Header) { h.Number = big.NewInt(1 << 50) })},
		"free base fee":    {header: changeHeader(func(n *big.Int) bool { return n == nil }, func(h *types.Header) { h.BaseFee = new(big.Int) })},
		"dear base fee":    {header: changeHeader(func(n *big.Int) bool { return n == nil }, func(h *types.Header) { h.BaseFee = new(big.Int).Lsh(big.NewInt(1), 100) })},
		"no base fee":      {header: changeHeader(func(n *big.Int) bool { return n == nil }, func(h *types.Header) { h.BaseFee = nil })},
		"negative tip":     {tip: func() (*big.Int, error) { return big.NewInt(-1), nil }},
		"dear tip":         {tip: func() (*big.Int, error) { return new(big.Int).Lsh(big.NewInt(1), 200), nil }},
		"forgets receipts": {receipt: func(*types.Receipt, error) (*types.Receipt, error) { return nil, errors.New("not found") }},
		"invents receipts": {receipt: func(*types.Receipt, error) (*types.Receipt, error) {
			return &types.Receipt{BlockHash: common.Hash{1}}, nil
		}},
		"no receipt":   {receipt: func(*types.Receipt, error) (*types.Receipt, error) { return nil, nil }},
		"empty blocks": {block: func(b *types.Block) (*types.Block, error) { return types.NewBlockWithHeader(b.Header()), nil }},
		"other transactions": {block: func(b *types.Block) (*types.Block, error) {
			return b.WithBody(types.Body{Transactions: types.Transactions{other}}), nil
		}},
		"no block":   {block: func(b *types.Block) (*types.Block, error) { return nil, nil }},
		"nonce high": {nonce: func(n uint64) (uint64, error) { return n + 1000, nil }},
		"nonce low":  {nonce: func(uint64) (uint64, error) { return 0, nil }},
		"swallows":   {send: func(*types.Transaction) error { return nil }},
		"refuses":    {send: func(*types.Transaction) error { return errors.New("no") }},
		"breaks proofs": {proof: func(p *gethclient.AccountResult) (*gethclient.AccountResult, error) {
			p.AccountProof = p.AccountProof[:1]
			return p, nil
		}},
		"proof of nothing": {proof: func(p *gethclient.AccountResult) (*gethclient.AccountResult, error) { return nil, nil }},
	}
}

func changeHeader(which func(*big.Int) bool, change func(*types.Header)) func(*big.Int, *types.Header) (*types.Header, error) {
	return func(n *big.Int, h *types.Header) (*types.Header, error) {
		if which(n) {
			h = types.CopyHeader(h)
			change(h)
		}
		return h, nil
	}
}

func finalIs(n *big.Int, h *types.Header, number int64) (*types.Header, error) {
	if n != nil && n.Sign() < 0 {
		h = types.CopyHeader(h)
		h.Number = big.NewInt(number)
	}
	return h, nil
}

// TestOneLiar gives the anchorer three nodes of which one is wrong in every way that is
// known: the batch is anchored once, and its proof verifies.
func TestOneLiar(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	b := newBatcher(t, store, s.clock)
	for name, liar := range liars(t) {
		t.Run(name, func(t *testing.T) {
			liar.RPC = s.rpc
			chain := s.chain(t, func(c *ethereum.Config) {
				c.Timeout = patience(name)
				c.Endpoints = []ethereum.Endpoint{{Name: "liar", RPC: liar}, {Name: "a", RPC: s.rpc}, {Name: "b", RPC: s.rpc}}
			})
			a := newAnchorer(t, store, chain, s.clock)
			r := sealed(t, b, name2id(name), 2)
			step(t, a)
			s.Commit()
			step(t, a)
			if r = record(t, store, r.Seq); r.State != anchor.Mined {
				t.Fatalf("expected the batch mined, found %s", r.State)
			}
			s.finalize(t, r.Place.Block.Number)
			s.commit(3) // and some blocks on
			step(t, a)
			if r = record(t, store, r.Seq); !r.Done || r.Problem != "" {
				t.Fatalf("found %s, %s: %s", r.State, r.Problem, r.Detail)
			}
			s.verify(t, store, r, name2id(name)+"-0")
		})
	}
}

func name2id(name string) string { return strings.ReplaceAll(name, " ", "-") }

// verify checks that a batch is on the chain once and that an item's evidence is valid.
func (s *sim) verify(t testing.TB, store anchor.Store, r *anchor.Record, id string) *evidence.Result {
	t.Helper()
	if n := s.onChain(t, r.Digest); n != 1 {
		t.Fatalf("expected batch %d once on the chain, found %d", r.Seq, n)
	}
	bundle, err := (&anchor.Prover{Store: store}).Bundle(t.Context(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := bundle.Verify(evidence.Input{Document: document(id)}, s.trust(*r.FinalBy))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestOnlyLiars asks a single node that is wrong. Whatever it says, a batch becomes final
// only with a proof that holds; otherwise what is wrong is reported, and once the node
// tells the truth the batch is anchored, once.
func TestOnlyLiars(t *testing.T) {
	s := newSim(t)
	store := anchor.NewMemStore()
	b := newBatcher(t, store, s.clock)
	harmless := map[string]bool{ // the work goes on in spite of them
		"forgets receipts": true, "no receipt": true, "invents receipts": true, "free base fee": true, "dear tip": true,
		"swallows":      true,                           // found out by the replacement
		"breaks proofs": true, "proof of nothing": true, // headers do
		"nonce low": true, "head in the sky": true,
		"final too early": true, // where the node alone is asked, finality is its word
	}
	for name, liar := range liars(t) {
		if name == "nonce high" {
			continue // see TestGap
		}
		t.Run(name, func(t *testing.T) {
			liar.RPC = s.rpc
			wrong := s.chain(t, func(c *ethereum.Config) {
				c.Timeout, c.Rest = patience(name), time.Millisecond
				c.Endpoints = []ethereum.Endpoint{{Name: "liar", RPC: liar}}
			})
			r := sealed(t, b, name2id(name), 1)
			var errs []error
			a := newAnchorer(t, store, wrong, s.clock)
			for range 3 {
				if err := a.Step(t.Context()); err != nil {
					errs = append(errs, err)
				}
				s.Commit()
			}
			r = record(t, store, r.Seq)
			if !harmless[name] && r.State != anchor.Final && (len(errs) == 0 || r.Problem == "") && name != "never final" {
				t.Errorf("nothing is reported; the batch is %s", r.State)
			}
			// Another node is found.
			s.now = s.now.Add(10 * time.Minute)
			honest := newAnchorer(t, store, s.chain(t, nil), s.clock)
			for range 4 {
				if err := honest.Step(t.Context()); err != nil {
					t.Log(err)
				}
				s.Commit()
				if r = record(t, store, r.Seq); r.Place != nil {
					s.finalize(t, r.Place.Block.Number)
				}
			}
			if r = record(t, store, r.Seq); !r.Done {
				t.Fatalf("found %s, %s: %s", r.State, r.Problem, r.Detail)
			}
			s.verify(t, store, r, name2id(name)+"-0")
		})
	}
}
