package chainpoint_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/chainpoint"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(chainpoint.Proof), new(chainpoint.Verdict),
	}, map[string]any{
		"Is": chainpoint.Is, "IsDoc": chainpoint.IsDoc, "Parse": chainpoint.Parse,
	})
}
