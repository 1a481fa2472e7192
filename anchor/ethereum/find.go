package ethereum

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/trie"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// maxScan bounds the blocks that one Find reads in search of a transaction that the
// nodes do not show by its hash.
const maxScan = 256

// Find implements anchor.Chain.
func (c *Chain) Find(ctx context.Context, q anchor.Query) (anchor.Sighting, error) {
	var out anchor.Sighting
	candidates, err := c.candidates(ctx, q)
	if err != nil {
		return out, err
	}
	for _, hash := range candidates {
		block, err := c.block(ctx, hash)
		if err != nil {
			continue // of a fork that the nodes forgot, or invented
		}
		if place, ok := placeOf(block, q.Txs); ok {
			in, final, err := c.standing(ctx, place.Block)
			if err != nil {
				return out, err
			}
			if in {
				out.Place, out.Final = &place, final
				return out, nil
			}
		}
	}
	if out.Next, err = c.minedNonce(ctx); err != nil {
		return out, err
	}
	if out.Next <= q.Nonce {
		return out, nil
	}
	// The nonce is used, and the nodes do not show by what: look into the blocks.
	block, err := c.userOf(ctx, q)
	if err != nil || block == nil {
		return out, err
	}
	place, ours := placeOf(block, q.Txs)
	if !ours {
		place.Block = evidence.Block{Number: block.NumberU64(), Hash: block.Hash()}
	}
	in, final, err := c.standing(ctx, place.Block)
	switch {
	case err != nil || !in:
		return out, err
	case ours:
		out.Place, out.Final = &place, final
	default:
		out.Taken, out.TakenFinal = true, final
	}
	return out, nil
}

// candidates returns the hashes of blocks in which the nodes say that the transactions
// are.
func (c *Chain) candidates(ctx context.Context, q anchor.Query) ([]common.Hash, error) {
	var out []common.Hash
	seen := map[common.Hash]bool{}
	add := func(h common.Hash) {
		if h != (common.Hash{}) && !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	if q.At != nil {
		add(q.At.Block.Hash)
	}
	answers := ask(ctx, c, func(ctx context.Context, r RPC) ([]common.Hash, error) {
		var found []common.Hash
		for i := len(q.Txs) - 1; i >= 0; i-- {
			receipt, err := r.TransactionReceipt(ctx, q.Txs[i].Hash)
			// A node that answers with an error of its own, such as that it is still
			// indexing, gives no hint. What matters is looked for in the blocks.
			var answered rpc.Error
			switch {
			case err == nil && receipt != nil:
				found = append(found, receipt.BlockHash)
			case err == nil || notFound(err) || errors.As(err, &answered):
			default:
				return nil, err
			}
		}
		return found, nil
	})
	good := 0
	for _, a := range answers {
		if a.err == nil {
			good++
			for _, h := range a.v {
				add(h)
			}
		}
	}
	if good < c.c.Agree {
		return nil, c.tooFew("where the transaction is", outcomes(answers))
	}
	return out, nil
}

var errBlock = errors.New("ethereum: no endpoint has the block")

// block gets a block from any node, and recomputes what its hash commits to.
func (c *Chain) block(ctx context.Context, hash common.Hash) (*types.Block, error) {
	answers := ask(ctx, c, func(ctx context.Context, r RPC) (*types.Block, error) {
		b, err := r.BlockByHash(ctx, hash)
		if err != nil {
			return nil, err
		}
		return b, checkBlock(b, hash)
	})
	for _, a := range answers {
		if a.err == nil {
			return a.v, nil
		}
	}
	return nil, fmt.Errorf("%w %s: %w", errBlock, hash, c.tooFew("a block", outcomes(answers)))
}

var errLie = errors.New("ethereum: the endpoint's answer does not have the hash that was asked for")

func checkBlock(b *types.Block, hash common.Hash) error {
	if b == nil || b.Hash() != hash || b.Number() == nil || !b.Number().IsUint64() {
		return errLie
	}
	if types.DeriveSha(b.Transactions(), trie.NewStackTrie(nil)) != b.TxHash() {
		return fmt.Errorf("%w: the transactions are others", errLie)
	}
	return nil
}

// placeOf looks for one of a batch's transactions in a block.
func placeOf(b *types.Block, txs []anchor.Tx) (anchor.Place, bool) {
	for i, tx := range b.Transactions() {
		for j := range txs {
			if tx.Hash() == txs[j].Hash {
				return anchor.Place{
					Tx: uint64(j), TxIndex: uint64(i), Time: time.Unix(int64(min(b.Time(), 1<<40)), 0).UTC(),
					Block: evidence.Block{Number: b.NumberU64(), Hash: b.Hash()},
				}, true
			}
		}
	}
	return anchor.Place{}, false
}

// view is what one node says about a block.
type view struct{ in, final bool }

// standing tells whether Agree nodes have a block in their chain, and hold it final.
func (c *Chain) standing(ctx context.Context, b evidence.Block) (in, final bool, err error) {
	answers := ask(ctx, c, func(ctx context.Context, r RPC) (view, error) {
		h, err := r.HeaderByNumber(ctx, new(big.Int).SetUint64(b.Number))
		if notFound(err) {
			return view{}, nil
		}
		if err != nil || h.Hash() != b.Hash {
			return view{}, err
		}
		f, err := finalized(ctx, r)
		if err != nil {
			return view{}, err
		}
		return view{in: true, final: f != nil && f.Number.Uint64() >= b.Number}, nil
	})
	good, ins, finals := 0, 0, 0
	for _, a := range answers {
		if a.err != nil {
			continue
		}
		good++
		if a.v.in {
			ins++
		}
		if a.v.final {
			finals++
		}
	}
	if good < c.c.Agree {
		return false, false, c.tooFew("the chain", outcomes(answers))
	}
	// Neither in nor out by enough voices: undecided, not out.
	if outs := good - ins; ins < c.c.Agree && ins > 0 && outs < c.c.Agree {
		return false, false, c.tooFew("whether the block is in the chain", outcomes(answers))
	}
	return ins >= c.c.Agree, finals >= c.c.Agree, nil
}

// finalized returns a node's finalized header: nil while it has none.
func finalized(ctx context.Context, r RPC) (*types.Header, error) {
	h, err := r.HeaderByNumber(ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if h == nil || h.Number == nil || !h.Number.IsUint64() {
		return nil, errLie
	}
	return h, nil
}

// userOf finds the block that holds the account's transaction with the nonce: nil where
// it is not found, or not yet.
func (c *Chain) userOf(ctx context.Context, q anchor.Query) (*types.Block, error) {
	height, err := agreed(ctx, c, "the height", func(ctx context.Context, r RPC) (uint64, error) {
		h, err := r.HeaderByNumber(ctx, nil)
		if err != nil {
			return 0, err
		}
		return h.Number.Uint64(), nil
	})
	if err != nil {
		return nil, err
	}
	lo, hi := c.usedBetween(ctx, q, height)
	lo = c.scanFrom(q.Nonce, lo, hi)
	end := min(hi, lo+maxScan-1)
	for n := lo; n <= end; n++ {
		b, err := c.blockAt(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, tx := range b.Transactions() {
			from, err := types.Sender(types.LatestSignerForChainID(c.chainID), tx)
			if err == nil && from == c.address && tx.Nonce() == q.Nonce {
				return b, nil
			}
		}
		c.scanned(q.Nonce, n)
	}
	return nil, nil
}

// usedBetween halves the heights between which the nonce was used. Nodes have the states of
// their last blocks only: where one is not to be had, a later one is asked for, and what lies
// below stays in question.
func (c *Chain) usedBetween(ctx context.Context, q anchor.Query, height uint64) (lo, hi uint64) {
	lo, hi = min(q.From, height-min(height, maxScan)), height
	for from := lo; from < hi; {
		mid := from + (hi-from)/2
		nonce, err := agreed(ctx, c, "the nonce", func(ctx context.Context, r RPC) (uint64, error) {
			return r.NonceAt(ctx, c.address, new(big.Int).SetUint64(mid))
		})
		var answered rpc.Error
		switch {
		case errors.As(err, &answered):
			from = mid + 1
		case err != nil:
			return lo, hi
		case nonce > q.Nonce:
			hi = mid
		default:
			lo, from = mid+1, mid+1
		}
	}
	return lo, hi
}

// maxScans bounds the searches that are remembered.
const maxScans = 1024

// scanFrom returns where a search goes on that did not come to its end before: blocks are many,
// and one call reads few. It begins anew after the end, since the chain may be another by then.
func (c *Chain) scanFrom(nonce, lo, hi uint64) uint64 {
	c.scans.Lock()
	defer c.scans.Unlock()
	if next := c.scan[nonce]; next > lo && next <= hi {
		return next
	}
	return lo
}

func (c *Chain) scanned(nonce, number uint64) {
	c.scans.Lock()
	defer c.scans.Unlock()
	if c.scan == nil || len(c.scan) >= maxScans {
		c.scan = map[uint64]uint64{}
	}
	c.scan[nonce] = number + 1
}

// headerAt returns the header that Agree nodes have at a height.
func (c *Chain) headerAt(ctx context.Context, number uint64) (*types.Header, error) {
	answers := ask(ctx, c, func(ctx context.Context, r RPC) (*types.Header, error) {
		h, err := r.HeaderByNumber(ctx, new(big.Int).SetUint64(number))
		if err == nil && (h == nil || h.Number == nil || h.Number.Cmp(new(big.Int).SetUint64(number)) != 0) {
			err = errLie
		}
		return h, err
	})
	votes := map[common.Hash]int{}
	for _, a := range answers {
		if a.err != nil {
			continue
		}
		hash := a.v.Hash()
		if votes[hash]++; votes[hash] >= c.c.Agree {
			return a.v, nil
		}
	}
	return nil, c.tooFew(fmt.Sprintf("block %d", number), outcomes(answers))
}

func (c *Chain) blockAt(ctx context.Context, number uint64) (*types.Block, error) {
	h, err := c.headerAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.block(ctx, h.Hash())
}
