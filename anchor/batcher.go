package anchor

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// BatcherConfig says whose batches are made and when they are closed.
type BatcherConfig struct {
	// Store is required.
	Store Store
	// Issuer is who signs, a DID or https URL. Required.
	Issuer string
	// Key signs batch headers: Ed25519, ECDSA on P-256, P-384 or P-521, or RSA of 2048 to
	// 8192 bits. Required.
	Key crypto.Signer
	// Method is the verification method of Key, as verifiers name it. Required.
	Method string
	// Tenant is the blinded name of whose batches these are, evidence.TenantSize bytes.
	// Nil: the issuer's own.
	Tenant []byte
	// Trees are the hashes of the trees, one or two. Nil: SHA-256 alone.
	Trees []merkle.Hash
	// Promise lists the anchors that headers promise (evidence.PromiseTimestamp,
	// PromiseChain). Evidence without one of them is indeterminate to verifiers. Nil: none.
	Promise []string
	// MaxItems is the largest number of items of a batch. 0: 1,000,000.
	MaxItems int
	// MaxAge is how long the first item of a batch waits before Run closes it. 0: one hour.
	MaxAge time.Duration
	// Clock tells the time. Required.
	Clock func() time.Time
	// Rand is where salts come from. Nil: crypto/rand.
	Rand io.Reader
	// OnSeal is called with each sealed batch, after it is stored. Nil: nobody is told.
	OnSeal func(*Record)
}

// MaxBatch bounds BatcherConfig.MaxItems: the trees of a batch are in memory while it is
// sealed, 64 bytes for each item and tree.
const MaxBatch = 1 << 26

// Batcher collects items and seals batches. It is safe for many writers: items that are
// added at the same time are written together.
type Batcher struct {
	c    BatcherConfig
	alg  string
	full chan struct{} // wakes Run

	mu    sync.Mutex // guards group
	group *group     // joined by those who wait for write
	write sync.Mutex // held while a group is written

	seal    sync.Mutex // held while a batch is sealed
	digests [][32]byte // of all batches; guarded by seal
}

// group is what is written to the store at once.
type group struct {
	items  []Item
	done   bool
	stored []Item
	err    error
}

// NewBatcher checks the configuration. Errors wrap ErrConfig.
func NewBatcher(c BatcherConfig) (*Batcher, error) {
	if c.MaxItems == 0 {
		c.MaxItems = 1_000_000
	}
	if c.MaxAge == 0 {
		c.MaxAge = time.Hour
	}
	if c.Trees == nil {
		c.Trees = []merkle.Hash{merkle.SHA256}
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	c.Promise = slices.Clone(c.Promise)
	slices.Sort(c.Promise)
	switch {
	case c.Store == nil || c.Clock == nil || c.Key == nil:
		return nil, fmt.Errorf("%w: expected a store, a clock and a key", ErrConfig)
	case c.Issuer == "" || c.Method == "":
		return nil, fmt.Errorf("%w: expected an issuer and a verification method", ErrConfig)
	case evidence.AlgFor(c.Key.Public()) == "":
		return nil, fmt.Errorf("%w: expected an Ed25519, NIST curve or RSA key, found %T", ErrConfig, c.Key.Public())
	case c.MaxItems < 1 || c.MaxItems > MaxBatch || c.MaxAge < 0:
		return nil, fmt.Errorf("%w: expected batches of 1 to %d items", ErrConfig, MaxBatch)
	}
	// A header of the configured kind must have a form.
	h := evidence.Header{Issuer: c.Issuer, Tenant: c.Tenant, Size: 1, Time: c.Clock(), Promise: c.Promise}
	for _, t := range c.Trees {
		h.Roots = append(h.Roots, evidence.Root{Alg: t.String(), Root: make([]byte, t.Size())})
	}
	if _, err := h.Encode(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &Batcher{c: c, alg: evidence.AlgFor(c.Key.Public()), full: make(chan struct{}, 1)}, nil
}

// Add stores items to be anchored, and returns them with their IDs and salts once they
// are durable. An item whose ID was added before with the same subject is returned as
// it was stored then; with another subject it is ErrConflict, and the other items are
// stored all the same. Unfit items are ErrItem, and nothing is stored.
func (b *Batcher) Add(ctx context.Context, items ...Item) ([]Item, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if b.c.Store == nil {
		return nil, errNoStore
	}
	mine := slices.Clone(items)
	now := b.c.Clock().UTC().Round(0)
	random := make([]byte, (evidence.SaltSize+16)*len(mine))
	if _, err := io.ReadFull(b.c.Rand, random); err != nil {
		return nil, fmt.Errorf("anchor: drawing salts: %w", err)
	}
	for i := range mine {
		it := &mine[i]
		if err := errors.Join(checkID(it.ID), checkSubject(&it.Subject)); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		draw := random[i*(evidence.SaltSize+16):]
		it.Salt, it.Added = slices.Clone(draw[:evidence.SaltSize]), now
		if it.ID == "" {
			it.ID = hex.EncodeToString(draw[evidence.SaltSize : evidence.SaltSize+16])
		}
		it.Subject.Digest = slices.Clone(it.Subject.Digest)
	}
	stored, err := b.store(ctx, mine)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		if !stored[i].Erased() && !sameSubject(&stored[i].Subject, &mine[i].Subject) {
			return stored, fmt.Errorf("%w: ID %q stands for another subject", ErrConflict, mine[i].ID)
		}
	}
	return stored, nil
}

// store joins the group that is written next, and writes it if nobody else does.
func (b *Batcher) store(ctx context.Context, items []Item) ([]Item, error) {
	b.mu.Lock()
	if b.group == nil {
		b.group = &group{}
	}
	g := b.group
	from := len(g.items)
	g.items = append(g.items, items...)
	b.mu.Unlock()

	b.write.Lock()
	defer b.write.Unlock()
	if !g.done {
		b.mu.Lock()
		b.group = nil
		b.mu.Unlock()
		// Others' items are in the group: this caller's end must not fail them.
		ctx := context.WithoutCancel(ctx)
		g.stored, g.err = b.c.Store.Add(ctx, g.items)
		if g.err == nil && len(g.stored) != len(g.items) {
			g.err = fmt.Errorf("anchor: the store returned %d of %d items", len(g.stored), len(g.items))
		}
		g.done = true
		if q, err := b.c.Store.Queue(ctx); err == nil && q.Size >= uint64(b.c.MaxItems) {
			select {
			case b.full <- struct{}{}:
			default:
			}
		}
	}
	if g.err != nil {
		return nil, g.err
	}
	return g.stored[from : from+len(items) : from+len(items)], nil
}

// Run seals batches as they become due, until the context ends, whose error it returns.
// every is how often ages are looked at. Errors of the store are passed to report, and
// tried again.
func (b *Batcher) Run(ctx context.Context, every time.Duration, report func(error)) error {
	if every <= 0 {
		return fmt.Errorf("%w: expected a positive time between looks", ErrConfig)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, err := b.SealDue(ctx); err != nil && ctx.Err() == nil && report != nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-b.full:
		}
	}
}

// SealDue seals batches as long as one is full, or its first item has reached MaxAge.
func (b *Batcher) SealDue(ctx context.Context) ([]*Record, error) {
	if b.c.Store == nil {
		return nil, errNoStore
	}
	var out []*Record
	for {
		q, err := b.c.Store.Queue(ctx)
		if err != nil {
			return out, err
		}
		// An item that is to come only later was added while the clock was far ahead.
		age := b.c.Clock().Sub(q.Oldest)
		due := q.Size >= uint64(b.c.MaxItems) || q.Size > 0 && (age >= b.c.MaxAge || age < -2*maxBack)
		if !due {
			return out, nil
		}
		r, err := b.Seal(ctx)
		if errors.Is(err, ErrEmpty) || errors.Is(err, ErrConflict) {
			continue // another process was first: look again
		}
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
}
