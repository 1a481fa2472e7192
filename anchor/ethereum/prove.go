package ethereum

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient/gethclient"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
	"github.com/ethereum/go-ethereum/triedb"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/proof/evidence"
)

const (
	// fewHeaders is up to where a chain of headers is smaller than a history proof.
	fewHeaders = 8
	// maxHeaders is the longest chain of headers, where no history proof is to be had.
	maxHeaders = 96
)

// Prove implements anchor.Chain.
func (c *Chain) Prove(ctx context.Context, p anchor.Place, tx anchor.Tx) (*anchor.Proof, error) {
	in, final, err := c.standing(ctx, p.Block)
	switch {
	case err != nil:
		return nil, err
	case !in:
		return nil, anchor.ErrReorganised
	case !final:
		return nil, anchor.ErrPending
	}
	block, err := c.block(ctx, p.Block.Hash)
	if err != nil {
		return nil, err
	}
	mined := &evidence.TxProof{Index: p.TxIndex}
	if mined.Header, err = rlp.EncodeToBytes(block.Header()); err != nil {
		return nil, err
	}
	if mined.Nodes, err = TransactionProof(block.Transactions(), p.TxIndex); err != nil {
		return nil, err
	}
	if err := check(mined, tx, block.Hash()); err != nil {
		return nil, err
	}
	enc, err := mined.Encode()
	if err != nil {
		return nil, err
	}
	out := &evidence.Eth{ChainID: c.c.ChainID, GenesisHash: c.c.Genesis, Tx: evidence.NewPart(enc)}
	target, pack, rests, err := c.target(ctx, block)
	if err != nil {
		return nil, err
	}
	out.Pack = pack
	if out.Link, err = c.link(ctx, block.Header(), target); err != nil {
		return nil, err
	}
	return &anchor.Proof{Eth: out, RestsOn: rests, Final: evidence.Block{Number: target.Number.Uint64(), Hash: target.Hash()}}, nil
}

// check verifies with the verifying side's own code what was built.
func check(p *evidence.TxProof, tx anchor.Tx, blockHash common.Hash) error {
	h, err := ethereum.ParseHeader(p.Header)
	if err != nil {
		return err
	}
	raw, err := ethereum.ProveTransaction(h.TransactionsRoot, p.Index, p.Nodes)
	if err != nil {
		return err
	}
	if h.Hash != ethereum.Hash(blockHash) || !bytes.Equal(raw, tx.Raw) {
		return errors.New("ethereum: the proof is about another transaction")
	}
	return nil
}

// nodeList collects the nodes of a trie proof in the order from root to leaf.
type nodeList [][]byte

func (l *nodeList) Put(_, value []byte) error { *l = append(*l, bytes.Clone(value)); return nil }
func (l *nodeList) Delete([]byte) error       { return errors.New("ethereum: a proof only grows") }

// TransactionProof rebuilds the transaction trie of a block and returns the nodes from
// its root to the transaction at an index.
func TransactionProof(txs types.Transactions, index uint64) ([][]byte, error) {
	if index >= uint64(len(txs)) {
		return nil, fmt.Errorf("ethereum: expected an index below %d, found %d", len(txs), index)
	}
	db := triedb.NewDatabase(rawdb.NewMemoryDatabase(), nil)
	defer db.Close()
	t := trie.NewEmpty(db)
	for i, tx := range txs {
		raw, err := tx.MarshalBinary()
		if err != nil {
			return nil, err
		}
		if err := t.Update(rlp.AppendUint64(nil, uint64(i)), raw); err != nil {
			return nil, err
		}
	}
	var nodes nodeList
	err := t.Prove(rlp.AppendUint64(nil, index), &nodes)
	return nodes, err
}

// target returns the final block that the proof is to lead to: the one that the finality
// pack proves, or the newest that Agree nodes hold final, or where no link reaches these, the
// block itself, which Agree nodes hold final too.
func (c *Chain) target(ctx context.Context, block *types.Block) (*types.Header, *evidence.Part, string, error) {
	word := fmt.Sprintf("the word of %d of %d endpoints", c.c.Agree, len(c.nodes))
	if c.c.Beacon != nil {
		pack, err := c.finality(ctx, block.NumberU64())
		if err != nil {
			return nil, nil, "", err
		}
		if pack.final.BlockNumber-block.NumberU64() > ethereum.HistoryWindow {
			// Nobody looked for more than a day, and no link reaches as far. The block is final all the
			// same, and a proof that needs it pinned is better than none for ever.
			return block.Header(), nil, word, nil
		}
		h, err := c.headerAt(ctx, pack.final.BlockNumber)
		if err != nil {
			return nil, nil, "", err
		}
		if h.Hash() != common.Hash(pack.final.BlockHash) {
			return nil, nil, "", fmt.Errorf("ethereum: the endpoints have another block %d than the finality pack", pack.final.BlockNumber)
		}
		part := evidence.NewPart(pack.bytes)
		return h, &part, fmt.Sprintf("%d of %d signers of period %d", pack.final.Signers, pack.final.CommitteeSize, pack.final.Period), nil
	}
	number, err := agreed(ctx, c, "the final block", func(ctx context.Context, r RPC) (uint64, error) {
		h, err := finalized(ctx, r)
		if err != nil || h == nil {
			return 0, err
		}
		return h.Number.Uint64(), nil
	})
	if err != nil {
		return nil, nil, "", err
	}
	if number < block.NumberU64() {
		return nil, nil, "", anchor.ErrPending
	}
	if number-block.NumberU64() > ethereum.HistoryWindow {
		return block.Header(), nil, word, nil // out of reach of a link: the block itself is as final
	}
	h, err := c.headerAt(ctx, number)
	return h, nil, word, err
}

// link leads from a block to a final one.
func (c *Chain) link(ctx context.Context, from, to *types.Header) (*evidence.Part, error) {
	gap := to.Number.Uint64() - from.Number.Uint64()
	switch {
	case to.Number.Cmp(from.Number) < 0:
		return nil, anchor.ErrPending
	case gap == 0 && to.Hash() != from.Hash():
		return nil, anchor.ErrReorganised
	case gap == 0:
		return nil, nil
	case gap > ethereum.HistoryWindow:
		return nil, fmt.Errorf("ethereum: block %v is more than %d blocks older than the final block %v", from.Number, ethereum.HistoryWindow, to.Number)
	}
	var link *evidence.Link
	var err error
	if gap > fewHeaders {
		if link, err = c.history(ctx, from, to); err != nil && gap > maxHeaders {
			return nil, err
		}
	}
	if link == nil {
		if link, err = c.headers(ctx, from, to); err != nil {
			return nil, err
		}
	}
	b, err := link.Encode()
	if err != nil {
		return nil, err
	}
	part := evidence.NewPart(b)
	return &part, nil
}

// headers links by the headers of all blocks between, the final one's last.
func (c *Chain) headers(ctx context.Context, from, to *types.Header) (*evidence.Link, error) {
	link := &evidence.Link{}
	for n := from.Number.Uint64() + 1; n <= to.Number.Uint64(); n++ {
		h, err := c.headerAt(ctx, n)
		if err != nil {
			return nil, err
		}
		b, err := rlp.EncodeToBytes(h)
		if err != nil {
			return nil, err
		}
		link.Headers = append(link.Headers, b)
	}
	chain, err := ethereum.ParseChain(link.Headers)
	if err != nil {
		return nil, err
	}
	if chain[0].ParentHash != ethereum.Hash(from.Hash()) || chain[len(chain)-1].Hash != ethereum.Hash(to.Hash()) {
		return nil, anchor.ErrReorganised
	}
	return link, nil
}

// history links by the history contract (EIP-2935): the first proof that holds is taken,
// whoever gave it.
func (c *Chain) history(ctx context.Context, from, to *types.Header) (*evidence.Link, error) {
	raw, err := rlp.EncodeToBytes(to)
	if err != nil {
		return nil, err
	}
	newer, err := ethereum.ParseHeader(raw)
	if err != nil {
		return nil, err
	}
	slot := ethereum.HistorySlot(from.Number.Uint64())
	answers := ask(ctx, c, func(ctx context.Context, r RPC) (*evidence.History, error) {
		res, err := r.GetProof(ctx, common.Address(ethereum.HistoryContract), []string{hexutil.Encode(slot[:])}, new(big.Int).Set(to.Number))
		if err != nil {
			return nil, err
		}
		h, err := historyOf(res)
		if err != nil {
			return nil, err
		}
		h.Header = raw
		hash, err := ethereum.ProveHistory(newer, from.Number.Uint64(), h.AccountProof, h.StorageProof)
		if err == nil && hash != ethereum.Hash(from.Hash()) {
			err = anchor.ErrReorganised
		}
		return h, err
	})
	for _, a := range answers {
		if a.err == nil {
			return &evidence.Link{History: a.v}, nil
		}
	}
	return nil, c.tooFew("a history proof", outcomes(answers))
}

func historyOf(res *gethclient.AccountResult) (*evidence.History, error) {
	if res == nil || len(res.StorageProof) != 1 {
		return nil, errLie
	}
	h := &evidence.History{}
	for _, part := range []struct {
		from []string
		to   *[][]byte
	}{{res.AccountProof, &h.AccountProof}, {res.StorageProof[0].Proof, &h.StorageProof}} {
		if len(part.from) > ethereum.MaxTrieNodes {
			return nil, errLie
		}
		for _, s := range part.from {
			b, err := hexutil.Decode(s)
			if err != nil {
				return nil, errLie
			}
			*part.to = append(*part.to, b)
		}
	}
	return h, nil
}
