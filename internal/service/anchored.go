package service

import (
	"context"
	"errors"
	"slices"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// withOwnBatch adds to what a document is judged by what this installation knows of the
// batch that an evidence file is from, if the batch is its own: the chain and the account,
// and the block that its nodes said was final. Of batches by others it knows nothing.
func (s *Service) withOwnBatch(ctx context.Context, c verifier.Config, document []byte) (verifier.Config, error) {
	secured, err := chancery.Detect(document)
	if err != nil || secured.MediaType != chancery.MediaEvidence {
		return c, nil // the verifier says what it is
	}
	bundle, err := evidence.Parse(document)
	if err != nil {
		return c, nil
	}
	return s.withBatchOf(ctx, c, bundle)
}

// verifierOf is a verifier that knows the batch of a bundle, if it is our own.
func (s *Service) verifierOf(ctx context.Context, t *trustState, bundle *evidence.Bundle) (*verifier.Verifier, error) {
	c, err := s.withBatchOf(ctx, t.config, bundle)
	if err != nil {
		return nil, err
	}
	c.Handlers = t.handlers
	return verifier.New(c)
}

func (s *Service) withBatchOf(ctx context.Context, c verifier.Config, bundle *evidence.Bundle) (verifier.Config, error) {
	r, err := s.ownBatch(ctx, bundle)
	if err != nil || r == nil || r.FinalBy == nil {
		return c, err
	}
	trust := *c.Trust
	a := &trust.Anchoring
	a.Chains, a.Checkpoints = slices.Clone(a.Chains), slices.Clone(a.Checkpoints)
	known := slices.IndexFunc(a.Chains, func(t verifier.TrustedChain) bool {
		return t.ChainID == r.Account.ChainID && t.GenesisHash == r.Account.Genesis
	})
	if known < 0 {
		a.Chains = append(a.Chains, verifier.TrustedChain{ChainID: r.Account.ChainID, GenesisHash: r.Account.Genesis})
		known = len(a.Chains) - 1
	}
	chain := &a.Chains[known]
	if !slices.Contains(chain.Senders, r.Account.Address) {
		chain.Senders = append(slices.Clone(chain.Senders), r.Account.Address)
	}
	a.Checkpoints = append(a.Checkpoints, verifier.Checkpoint{ChainID: r.Account.ChainID, Number: r.FinalBy.Number, Hash: r.FinalBy.Hash})
	c.Trust = &trust
	return c, nil
}

// ownBatch finds the record of the very batch that a bundle is from; nil where it is not
// one of ours.
func (s *Service) ownBatch(ctx context.Context, b *evidence.Bundle) (*anchor.Record, error) {
	found, err := s.findIssuers(ctx, []string{b.Header.Issuer})
	if err != nil {
		return nil, err
	}
	issuer, ok := found[b.Header.Issuer]
	if !ok {
		return nil, nil
	}
	digest, err := (&evidence.SignedHeader{Header: b.Header, Signature: b.Signature}).Digest()
	if err != nil {
		return nil, nil
	}
	r, err := s.c.Store.Anchors(issuer.Scope).Record(ctx, b.Header.Seq)
	switch {
	case errors.Is(err, anchor.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case r.Digest != digest:
		return nil, nil
	}
	return r, nil
}
