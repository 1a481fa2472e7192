package truestamp_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/truestamp"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(truestamp.Bundle), new(truestamp.Path), new(truestamp.Result), new(truestamp.Type), new(truestamp.Verdict),
	}, map[string]any{
		"Is": truestamp.Is, "KeyID": truestamp.KeyID, "Parse": truestamp.Parse,
	})
}
