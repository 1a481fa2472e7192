package service

import (
	"context"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// OwnBatch is ownBatch, for tests.
func (s *Service) OwnBatch(ctx context.Context, b *evidence.Bundle) (*anchor.Record, error) {
	return s.ownBatch(ctx, b)
}

// HoldPreviews takes all turns to draw previews, for tests. free gives them back.
func HoldPreviews() (free func()) {
	for range cap(previews) {
		previews <- struct{}{}
	}
	return func() {
		for range cap(previews) {
			<-previews
		}
	}
}
