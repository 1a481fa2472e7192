package serving

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
)

// timestamps are of an authority elsewhere. That it fails is no fault of this installation:
// callers are told to try again, as they are when the database is away.
type timestamps struct{ pades.Timestamper }

// Timestamp implements pades.Timestamper.
func (t timestamps) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) (*pades.Timestamp, error) {
	stamp, err := t.Timestamper.Timestamp(ctx, hash, digest)
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("timestamp authority: %w: %w", service.ErrUnavailable, err)
	}
	return stamp, err
}
