package anchor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// Status is where an item stands.
type Status struct {
	Item  Item
	Index uint64  // in the batch
	Batch *Record // nil: it waits for one
}

// Lookup finds an item and its batch.
func Lookup(ctx context.Context, s Store, id string) (Status, error) {
	if s == nil {
		return Status{}, errNoStore
	}
	it, pos, err := s.Item(ctx, id)
	if err != nil {
		return Status{}, err
	}
	st := Status{Item: it}
	seq, err := s.Holding(ctx, pos)
	if errors.Is(err, ErrPending) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	if st.Batch, err = s.Record(ctx, seq); err != nil {
		return st, err
	}
	st.Index = pos - st.Batch.First
	return st, nil
}

var errNoStore = fmt.Errorf("%w: expected a store", ErrConfig)

// Prover hands out evidence. It keeps the trees of the batch asked for last, and is safe
// for concurrent use.
type Prover struct {
	// Store holds the items and batches. Required.
	Store Store

	mu    sync.Mutex
	seq   uint64
	trees []*merkle.Tree
}

// Bundle returns the evidence of an item, with the anchors that its batch has by now:
// ErrPending where it has none. content, where not nil, is the document, which goes
// inside. ErrErased means that the item can no longer be proven.
//
// A batch that is not Done may get more anchors; the header's Promise tells verifiers
// which to expect.
func (p *Prover) Bundle(ctx context.Context, id string, content []byte) (*evidence.Bundle, error) {
	if p.Store == nil {
		return nil, errNoStore
	}
	st, err := Lookup(ctx, p.Store, id)
	if err != nil {
		return nil, err
	}
	if st.Batch == nil {
		return nil, fmt.Errorf("%w: the item waits for a batch", ErrPending)
	}
	if st.Item.Erased() {
		return nil, ErrErased
	}
	b, err := p.batch(ctx, st.Batch)
	if err != nil {
		return nil, err
	}
	return b.Bundle(evidence.Item{Index: int(st.Index), Subject: st.Item.Subject, Salt: st.Item.Salt, Content: content})
}

// Batch returns a batch with its trees, from which bundles are made.
func (p *Prover) Batch(ctx context.Context, seq uint64) (*evidence.Batch, error) {
	if p.Store == nil {
		return nil, errNoStore
	}
	r, err := p.Store.Record(ctx, seq)
	if err != nil {
		return nil, err
	}
	return p.batch(ctx, r)
}

// Proven is the evidence of one item.
type Proven struct {
	ID     string
	Bundle *evidence.Bundle
}

// All yields the evidence of every item of a batch, but for those that were erased.
func (p *Prover) All(ctx context.Context, seq uint64) iter.Seq2[Proven, error] {
	return func(yield func(Proven, error) bool) {
		if p.Store == nil {
			yield(Proven{}, errNoStore)
			return
		}
		r, err := p.Store.Record(ctx, seq)
		if err != nil {
			yield(Proven{}, err)
			return
		}
		b, err := p.batch(ctx, r)
		if err != nil {
			yield(Proven{}, err)
			return
		}
		index := -1
		for it, err := range p.Store.Items(ctx, r.First, r.Size) {
			index++
			if err == nil && it.Erased() {
				continue
			}
			out := Proven{ID: it.ID}
			if err == nil {
				out.Bundle, err = b.Bundle(evidence.Item{Index: index, Subject: it.Subject, Salt: it.Salt})
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

func (p *Prover) batch(ctx context.Context, r *Record) (*evidence.Batch, error) {
	anchors := r.anchors()
	if len(anchors) == 0 {
		return nil, fmt.Errorf("%w: batch %d is %s", ErrPending, r.Seq, r.State)
	}
	trees, err := p.treesOf(ctx, r)
	if err != nil {
		return nil, err
	}
	return &evidence.Batch{SignedHeader: r.Signed, Trees: trees, Anchors: anchors}, nil
}

// treesOf builds the trees from the stored leaves. The lock is held so that requests for
// one batch build them once.
func (p *Prover) treesOf(ctx context.Context, r *Record) ([]*merkle.Tree, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trees != nil && p.seq == r.Seq {
		return p.trees, nil
	}
	p.trees = nil
	trees, err := Trees(ctx, p.Store, r)
	if err != nil {
		return nil, err
	}
	p.trees, p.seq = trees, r.Seq
	return trees, nil
}

// Trees builds the trees of a batch from the store's leaves, and checks that they have
// the roots that the header has.
func Trees(ctx context.Context, s Store, r *Record) ([]*merkle.Tree, error) {
	switch {
	case s == nil:
		return nil, errNoStore
	case r == nil:
		return nil, errNoRecord
	}
	leaves, err := s.Leaves(ctx, r.Seq)
	if err != nil {
		return nil, err
	}
	roots := r.Signed.Header.Roots
	if len(leaves) != len(roots) {
		return nil, fmt.Errorf("anchor: expected the leaves of %d trees, found %d", len(roots), len(leaves))
	}
	trees := make([]*merkle.Tree, len(roots))
	for i, root := range roots {
		h, err := merkle.ParseHash(root.Alg)
		if err != nil {
			return nil, err
		}
		if trees[i], err = merkle.FromLeafHashes(h, leaves[i]); err != nil {
			return nil, err
		}
		if string(trees[i].Root()) != string(root.Root) || uint64(trees[i].Size()) != r.Size {
			return nil, fmt.Errorf("anchor: the stored leaves of batch %d do not have the root that was signed", r.Seq)
		}
	}
	return trees, nil
}
