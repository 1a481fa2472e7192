package ethereum_test

import (
	"context"
	"errors"
	"math/big"
	"testing"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// rpcError is what a node answers.
type rpcError string

func (e rpcError) Error() string { return string(e) }
func (rpcError) ErrorCode() int  { return -32000 }

// pruned is a node that keeps the states of its last blocks only, as nodes do.
type pruned struct {
	ethereum.RPC
	keeps int64
	reads int
}

func (p *pruned) NonceAt(ctx context.Context, a common.Address, n *big.Int) (uint64, error) {
	head, err := p.RPC.HeaderByNumber(ctx, nil)
	if err != nil {
		return 0, err
	}
	if n != nil && n.Int64() < head.Number.Int64()-p.keeps {
		return 0, rpcError("missing trie node: state is not available")
	}
	return p.RPC.NonceAt(ctx, a, n)
}

func (p *pruned) BlockByHash(ctx context.Context, hash common.Hash) (*types.Block, error) {
	p.reads++
	return p.RPC.BlockByHash(ctx, hash)
}

// TestAway has the anchorer away for hours, and meanwhile the account used elsewhere for the
// nonce of a batch, or the batch mined by a node that shows no receipts. Nodes keep the states of
// their last blocks only: what used the nonce is found in the blocks all the same.
func TestAway(t *testing.T) {
	for name, foreign := range map[string]bool{"nonce taken": true, "receipts gone": false} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			store := anchor.NewMemStore()
			sealed(t, newBatcher(t, store, s.clock), "item", 2)
			chain := s.chain(t, nil)
			blocked := &hostile{RPC: s.rpc, send: func(*types.Transaction) error { return errors.New("no") }}
			_ = newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.Endpoints[0].RPC = blocked }), s.clock).Step(t.Context())
			r := record(t, store, 0)
			if r.State != anchor.Sent {
				t.Fatalf("found %s", r.State)
			}
			tx := r.Txs[0]
			if foreign {
				var err error
				if tx, _, err = chain.Sign(t.Context(), anchor.SignRequest{Digest: [32]byte{1}, Nonce: 0}); err != nil {
					t.Fatal(err)
				}
			}
			s.commit(300)
			if err := chain.Broadcast(t.Context(), tx.Raw); err != nil {
				t.Fatal(err)
			}
			s.commit(40)
			blind := &pruned{RPC: &hostile{RPC: s.rpc, receipt: func(*types.Receipt, error) (*types.Receipt, error) { return nil, errors.New("not found") }}, keeps: 16}
			a := newAnchorer(t, store, s.chain(t, func(c *ethereum.Config) { c.Endpoints[0].RPC = blind }), s.clock)
			most := 0
			for range 6 {
				blind.reads = 0
				if err := a.Step(t.Context()); err != nil {
					t.Log(err)
				}
				most = max(most, blind.reads)
				s.commit(1)
				if r := record(t, store, 0); r.Place != nil {
					s.finalize(t, r.Place.Block.Number)
				}
			}
			r = record(t, store, 0)
			if !r.Done || r.Problem != "" || len(r.Dead) > 0 != foreign {
				t.Fatalf("found %s, %q %s, %d dead", r.State, r.Problem, r.Detail, len(r.Dead))
			}
			s.verify(t, store, r, "item-0")
			if most > 300 {
				t.Errorf("%d blocks read in one step", most)
			}
		})
	}
}
