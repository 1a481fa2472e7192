package serving

import (
	"context"
	"crypto"
	"errors"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/signer/pades"
)

// Timestamps of batches are not held up by authorities that do not say whether the certificates of
// the timestamping authority were revoked: evidence without their word is told from one with it.
const (
	stampStatusTime = 5 * time.Second // for all questions about one timestamp
	stampStatusRest = 5 * time.Minute // after one was not answered in time
)

// bytesOnly is what Tokens returns.
type bytesOnly struct {
	t          pades.Timestamper
	revocation pades.RevocationSource // nil: nobody is asked
	clock      func() time.Time

	mu   sync.Mutex
	rest time.Time // nobody is asked until then
}

// Tokens makes an anchor.Timestamper of a pades.Timestamper. Where revocation is not nil, the
// tokens carry what it says of their authority; that of a revoked one is an error.
func Tokens(t pades.Timestamper, revocation pades.RevocationSource, clock func() time.Time) anchor.Timestamper {
	return &bytesOnly{t: t, revocation: revocation, clock: clock}
}

// Timestamp implements anchor.Timestamper.
func (b *bytesOnly) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
	stamp, err := b.t.Timestamp(ctx, hash, digest)
	if err != nil {
		return nil, err
	}
	if b.revocation == nil || b.resting() {
		return stamp.Token, nil
	}
	bound, cancel := context.WithTimeout(ctx, stampStatusTime)
	defer cancel()
	token, err := stamp.WithRevocation(bound, b.revocation, b.clock())
	if errors.Is(bound.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		b.mu.Lock()
		b.rest = b.clock().Add(stampStatusRest)
		b.mu.Unlock()
	}
	return token, err
}

func (b *bytesOnly) resting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock().Before(b.rest)
}
