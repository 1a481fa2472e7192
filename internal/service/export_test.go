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
