package anchor

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// Seal closes a batch now, with the items that wait, at most MaxItems of them: it builds
// the trees, signs the header and stores both. ErrEmpty means that none waits,
// ErrConflict that another process sealed a batch at the same time.
func (b *Batcher) Seal(ctx context.Context) (*Record, error) {
	b.seal.Lock()
	defer b.seal.Unlock()
	if b.c.Store == nil {
		return nil, errNoStore
	}
	q, err := b.c.Store.Queue(ctx)
	if err != nil {
		return nil, err
	}
	if q.Size == 0 {
		return nil, ErrEmpty
	}
	n := min(q.Size, uint64(b.c.MaxItems))
	header := evidence.Header{
		Issuer: b.c.Issuer, Tenant: b.c.Tenant, Seq: q.Seq, Size: n,
		Time: b.c.Clock().UTC().Truncate(time.Second), Promise: b.c.Promise,
	}
	if err := b.link(ctx, &header); err != nil {
		return nil, err
	}
	leaves, err := b.leaves(ctx, q.First, n)
	if err != nil {
		return nil, err
	}
	for i, h := range b.c.Trees {
		tree, err := merkle.FromLeafHashes(h, leaves[i])
		if err != nil {
			return nil, err
		}
		header.Roots = append(header.Roots, evidence.Root{Alg: h.String(), Root: tree.Root()})
	}
	r := &Record{Seq: q.Seq, First: q.First, Size: n, State: Sealed, SealedAt: header.Time}
	if r.Signed, err = b.sign(header); err != nil {
		return nil, err
	}
	if r.Digest, err = r.Signed.Digest(); err != nil {
		return nil, err
	}
	if err := b.c.Store.Seal(ctx, r, leaves); err != nil {
		return nil, err
	}
	b.digests = append(b.digests, r.Digest)
	if b.c.OnSeal != nil {
		b.c.OnSeal(r.clone())
	}
	return r, nil
}

// maxBack is by how much a clock may be set back without showing in headers.
const maxBack = 30 * time.Minute

// link sets what ties a batch to those before it.
func (b *Batcher) link(ctx context.Context, h *evidence.Header) error {
	if uint64(len(b.digests)) > h.Seq {
		b.digests = nil
	}
	more, err := b.c.Store.Digests(ctx, uint64(len(b.digests)))
	if err != nil {
		return err
	}
	b.digests = append(b.digests, more...)
	if uint64(len(b.digests)) != h.Seq {
		return fmt.Errorf("%w: expected %d earlier batches, found %d", ErrConflict, h.Seq, len(b.digests))
	}
	if h.Seq == 0 {
		return nil
	}
	prev, err := b.c.Store.Record(ctx, h.Seq-1)
	if err != nil {
		return err
	}
	if prev.Digest != b.digests[h.Seq-1] || prev.Signed.Header.Issuer != h.Issuer || !slices.Equal(prev.Signed.Header.Tenant, h.Tenant) {
		return fmt.Errorf("%w: the store holds batches of another issuer or tenant", ErrConfig)
	}
	h.Prev = b.digests[h.Seq-1][:]
	if h.Log, err = evidence.LogRoot(b.digests); err != nil {
		return err
	}
	// A clock that was set back a little must not make batches run backwards. One that had been
	// far ahead must not carry on in all that follow: verifiers refuse a header that claims more
	// than an hour after its anchors.
	if before := prev.Signed.Header.Time; h.Time.Before(before) && before.Sub(h.Time) <= maxBack {
		h.Time = before
	}
	return nil
}

// leaves hashes the leaves of all trees.
func (b *Batcher) leaves(ctx context.Context, first, n uint64) ([][]byte, error) {
	out := make([][]byte, len(b.c.Trees))
	for i, h := range b.c.Trees {
		out[i] = make([]byte, 0, n*uint64(h.Size()))
	}
	count := uint64(0)
	for it, err := range b.c.Store.Items(ctx, first, n) {
		if err != nil {
			return nil, err
		}
		count++
		for i, h := range b.c.Trees {
			data, err := evidence.LeafData(h, it.Subject, it.Salt, b.c.Tenant)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], h.LeafHash(data)...)
		}
	}
	if count != n {
		return nil, fmt.Errorf("anchor: expected %d items from the store, found %d", n, count)
	}
	return out, ctx.Err()
}

func (b *Batcher) sign(h evidence.Header) (evidence.SignedHeader, error) {
	s := evidence.SignedHeader{Header: h, Signature: evidence.Signature{Alg: b.alg, Method: b.c.Method}}
	message, err := h.SigningInput()
	if err != nil {
		return s, err
	}
	var opts crypto.SignerOpts = evidence.HashFor(b.alg)
	if b.alg == "PS256" {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	sig, err := crypto.SignMessage(b.c.Key, rand.Reader, message, opts)
	if err != nil {
		return s, fmt.Errorf("anchor: signing the batch header: %w", err)
	}
	s.Signature.Value, err = evidence.RawSignature(b.c.Key.Public(), sig)
	return s, err
}
