package batch_test

import (
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
)

// The core is what batches are issued with.
var _ batch.Issuing = (*service.Service)(nil)
