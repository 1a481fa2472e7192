package evidence_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/verifier/evidence"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(evidence.Handler),
	}, map[string]any{
		"ProvenTime": evidence.ProvenTime,
	})
}
