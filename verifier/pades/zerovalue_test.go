package pades_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(pades.ChangeLevel), new(pades.Handler), new(pades.Result),
	}, map[string]any{
		"Validate": pades.Validate,
	})
}
