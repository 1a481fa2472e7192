package ethereum_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	geth "github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
)

// flapping is what stands before several nodes and asks another one each time: some are behind,
// some are of another chain, some fail, some lose what they are sent, and some answer with what
// is not so.
type flapping struct {
	ethereum.RPC
	mu   sync.Mutex
	rng  *rand.Rand
	calm bool
}

var errFlap = errors.New("connection reset")

// node picks one: how many blocks it is behind, and whether it fails.
func (f *flapping) node() (behind uint64, mood int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calm {
		return 0, 0
	}
	if f.rng.IntN(3) == 0 {
		behind = uint64(f.rng.IntN(12))
	}
	return behind, f.rng.IntN(16)
}

func (f *flapping) head(ctx context.Context, behind uint64) (*types.Header, error) {
	h, err := f.RPC.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, err
	}
	n := h.Number.Uint64()
	return f.RPC.HeaderByNumber(ctx, new(big.Int).SetUint64(n-min(n, behind)))
}

func (f *flapping) ChainID(ctx context.Context) (*big.Int, error) {
	switch _, mood := f.node(); mood {
	case 1:
		return nil, errFlap
	case 2:
		return big.NewInt(1), nil
	}
	return f.RPC.ChainID(ctx)
}

func (f *flapping) HeaderByNumber(ctx context.Context, n *big.Int) (*types.Header, error) {
	behind, mood := f.node()
	if mood == 1 {
		return nil, errFlap
	}
	head, err := f.head(ctx, behind)
	if err != nil || n == nil {
		return head, err
	}
	if n.Sign() >= 0 && n.Cmp(head.Number) > 0 {
		return nil, geth.NotFound
	}
	if n.Sign() < 0 && mood == 3 { // behind with what is final, too
		return f.RPC.HeaderByNumber(ctx, new(big.Int))
	}
	return f.RPC.HeaderByNumber(ctx, n)
}

func (f *flapping) BlockByHash(ctx context.Context, hash common.Hash) (*types.Block, error) {
	switch _, mood := f.node(); mood {
	case 1:
		return nil, errFlap
	case 2:
		return nil, geth.NotFound
	}
	return f.RPC.BlockByHash(ctx, hash)
}

func (f *flapping) TransactionReceipt(ctx context.Context, hash common.Hash) (*types.Receipt, error) {
	behind, mood := f.node()
	r, err := f.RPC.TransactionReceipt(ctx, hash)
	switch {
	case mood == 1:
		return nil, errFlap
	case mood == 2:
		return nil, geth.NotFound
	case mood == 3 && r != nil: // it failed, in another block, at another place
		c := *r
		c.Status, c.BlockHash, c.TransactionIndex = 0, common.Hash{byte(behind), 1}, 77
		return &c, nil
	case err == nil && behind > 0:
		return nil, geth.NotFound
	}
	return r, err
}

func (f *flapping) NonceAt(ctx context.Context, a common.Address, n *big.Int) (uint64, error) {
	behind, mood := f.node()
	if mood == 1 {
		return 0, errFlap
	}
	if n == nil {
		head, err := f.head(ctx, behind)
		if err != nil {
			return 0, err
		}
		n = head.Number
	}
	return f.RPC.NonceAt(ctx, a, n)
}

func (f *flapping) PendingNonceAt(ctx context.Context, a common.Address) (uint64, error) {
	behind, mood := f.node()
	switch {
	case mood == 1:
		return 0, errFlap
	case mood == 2 || behind > 0: // it knows nothing that waits
		return f.NonceAt(ctx, a, nil)
	}
	return f.RPC.PendingNonceAt(ctx, a)
}

func (f *flapping) SendTransaction(ctx context.Context, tx *types.Transaction) error {
	switch _, mood := f.node(); mood {
	case 1:
		return errFlap
	case 2, 3, 4:
		return nil // lost
	}
	return f.RPC.SendTransaction(ctx, tx)
}

// TestFlapping asks nothing but what changes its mind with every call, by two anchorers that work
// on one store and a third that has another store and the same key, while blocks are replaced.
// Nothing is called final that is not, nothing is twice in the chain, and once all is calm
// everything is anchored.
func TestFlapping(t *testing.T) {
	for seed := range uint64(2) {
		s := newSim(t)
		rng := rand.New(rand.NewPCG(seed, 1))
		f := &flapping{RPC: s.rpc, rng: rand.New(rand.NewPCG(seed, 2))}
		one := func(c *ethereum.Config) { c.Endpoints[0].RPC, c.Rest = f, time.Nanosecond }
		stores := []anchor.Store{anchor.NewMemStore(), anchor.NewMemStore()}
		batchers := []*anchor.Batcher{newBatcher(t, stores[0], s.clock), newBatcher(t, stores[1], s.clock)}
		anchorers := []*anchor.Anchorer{newAnchorer(t, stores[0], s.chain(t, one), s.clock), newAnchorer(t, stores[0], s.chain(t, one), s.clock), newAnchorer(t, stores[1], s.chain(t, one), s.clock)}
		check := func() {
			for _, store := range stores {
				digests, err := store.Digests(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				for seq, d := range digests {
					r, n := record(t, store, uint64(seq)), s.onChain(t, d)
					if n > 1 || r.State == anchor.Final && n == 0 {
						t.Fatalf("seed %d: batch %d is %s and %d times in the chain", seed, seq, r.State, n)
					}
				}
			}
		}
		sent := 0
		for i := range 60 {
			if i%15 == 0 {
				for k, b := range batchers {
					sealed(t, b, fmt.Sprintf("%d-%d", k, i), 1)
				}
			}
			_ = anchorers[rng.IntN(3)].Step(t.Context()) // what it reports is in the records
			s.now = s.now.Add(time.Duration(rng.IntN(120)) * time.Second)
			head, err := s.Client().HeaderByNumber(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			height := head.Number.Uint64()
			if depth := uint64(1 + rng.IntN(4)); rng.IntN(5) == 0 && height%32 > depth { // not below what is final
				parent, err := s.Client().HeaderByNumber(t.Context(), new(big.Int).SetUint64(height-depth))
				if err != nil {
					t.Fatal(err)
				}
				s.Rollback() // what waits is lost
				if err := s.Fork(parent.Hash()); err != nil {
					t.Fatal(err)
				}
				s.commit(int(depth) + 1)
			} else if rng.IntN(2) == 0 {
				s.commit(1)
			}
		}
		check()
		f.calm = true
		open := 1
		for range 40 {
			open = 0
			for k, a := range anchorers {
				if err := a.Step(t.Context()); err != nil {
					t.Log(err)
				}
				list, err := stores[k/2].Open(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				open += len(list)
			}
			if open == 0 {
				break
			}
			s.commit(8)
			s.now = s.now.Add(time.Minute)
		}
		check()
		if open > 0 {
			t.Fatalf("seed %d: %d batches are open", seed, open)
		}
		for _, store := range stores {
			for seq := range uint64(4) {
				r := record(t, store, seq)
				if s.onChain(t, r.Digest) != 1 || r.Problem != "" {
					t.Fatalf("seed %d: batch %d: %q", seed, seq, r.Problem)
				}
				sent += len(r.Txs) + len(r.Dead)
			}
		}
		t.Logf("seed %d: 8 batches, %d transactions signed", seed, sent)
	}
}
