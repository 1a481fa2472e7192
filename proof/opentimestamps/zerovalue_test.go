package opentimestamps_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/opentimestamps"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(opentimestamps.File), new(opentimestamps.Kind), new(opentimestamps.Op), new(opentimestamps.Verdict),
	}, map[string]any{
		"Is": opentimestamps.Is, "NewBlockAttestation": opentimestamps.NewBlockAttestation, "Parse": opentimestamps.Parse,
	})
}
