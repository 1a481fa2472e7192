package online_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/verifier/online"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(online.Client),
	}, map[string]any{
		"New": online.New,
	})
}
