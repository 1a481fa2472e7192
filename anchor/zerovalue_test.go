package anchor_test

import (
	"testing"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(anchor.Account), new(anchor.Anchorer), new(anchor.Batcher), new(anchor.FileStore), new(anchor.Item), new(anchor.MemStore), new(anchor.Prover),
		new(anchor.Record), new(anchor.State), new(anchor.TimestamperFunc),
	}, map[string]any{
		"Digest": anchor.Digest, "Kinds": anchor.Kinds, "Lookup": anchor.Lookup, "NewAnchorer": anchor.NewAnchorer, "NewBatcher": anchor.NewBatcher,
		"NewHash": anchor.NewHash, "NewMemStore": anchor.NewMemStore, "OpenFileStore": anchor.OpenFileStore, "ParseRecord": anchor.ParseRecord,
		"Stamp": anchor.Stamp, "Trees": anchor.Trees,
	})
}
