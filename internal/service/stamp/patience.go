package stamp

import (
	"context"
	"crypto"
	"errors"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/anchor"
)

// Patience with servers that do not answer is for one run over all open batches of a
// scope, not for each batch: otherwise the first few batches use up the run's time, and
// those behind wait for ever, also for what other servers would give them. What one server
// has let pass without an answer it is not asked again in the run.

// chainTime is how much of runTime may be spent on the chain: what is left is for
// timestamps, which wait for no chain.
const chainTime = runTime * 3 / 4

// patience is how much is left of it for one kind of question. The zero value is ready.
type patience struct {
	mu   sync.Mutex
	gone error // why there is none left
}

// ask makes a call, unless one before it was not answered in time.
func ask[T any](ctx context.Context, p *patience, call func(context.Context) (T, error)) (T, error) {
	p.mu.Lock()
	gone := p.gone
	p.mu.Unlock()
	var zero T
	if gone != nil {
		return zero, gone
	}
	v, err := call(ctx)
	if err != nil && errors.Is(err, context.DeadlineExceeded) {
		p.mu.Lock()
		p.gone = err
		p.mu.Unlock()
	}
	return v, err
}

// patientChain is a chain during one run.
type patientChain struct {
	anchor.Chain
	until time.Time // later calls fail; the run itself goes on

	nonce, sign, broadcast, find, proven patience
}

func (c *patientChain) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, c.until)
}

// NextNonce implements anchor.Chain.
func (c *patientChain) NextNonce(ctx context.Context) (uint64, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	return ask(ctx, &c.nonce, c.Chain.NextNonce)
}

// Sign implements anchor.Chain.
func (c *patientChain) Sign(ctx context.Context, r anchor.SignRequest) (tx anchor.Tx, height uint64, err error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	tx, err = ask(ctx, &c.sign, func(ctx context.Context) (made anchor.Tx, err error) {
		made, height, err = c.Chain.Sign(ctx, r)
		return made, err
	})
	return tx, height, err
}

// Broadcast implements anchor.Chain.
func (c *patientChain) Broadcast(ctx context.Context, raw []byte) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	_, err := ask(ctx, &c.broadcast, func(ctx context.Context) (struct{}, error) { return struct{}{}, c.Chain.Broadcast(ctx, raw) })
	return err
}

// Find implements anchor.Chain.
func (c *patientChain) Find(ctx context.Context, q anchor.Query) (anchor.Sighting, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	return ask(ctx, &c.find, func(ctx context.Context) (anchor.Sighting, error) { return c.Chain.Find(ctx, q) })
}

// Prove implements anchor.Chain.
func (c *patientChain) Prove(ctx context.Context, p anchor.Place, tx anchor.Tx) (*anchor.Proof, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	return ask(ctx, &c.proven, func(ctx context.Context) (*anchor.Proof, error) { return c.Chain.Prove(ctx, p, tx) })
}

// patientTimestamper is a timestamping authority during one run.
type patientTimestamper struct {
	anchor.Timestamper
	patience
}

// Timestamp implements anchor.Timestamper.
func (t *patientTimestamper) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
	return ask(ctx, &t.patience, func(ctx context.Context) ([]byte, error) { return t.Timestamper.Timestamp(ctx, hash, digest) })
}
