package merkle_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(merkle.Hash), new(merkle.Inclusion), new(merkle.Tree),
	}, map[string]any{
		"Build": merkle.Build, "FromLeafHashes": merkle.FromLeafHashes, "ParseHash": merkle.ParseHash, "VerifyConsistency": merkle.VerifyConsistency,
	})
}
