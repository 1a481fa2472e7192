package pades_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/signer/pades"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(pades.Error), new(pades.Fetcher), new(pades.Level), new(pades.LocalTSA), new(pades.Prepared), new(pades.Reason), new(pades.Renewal),
		new(pades.Signer), new(pades.TSAClient), new(pades.Timestamp),
	}, map[string]any{
		"NewLocalTSA": pades.NewLocalTSA, "ParseFont": pades.ParseFont, "ParseLevel": pades.ParseLevel, "SignBatch": pades.SignBatch,
		"UnmarshalPrepared": pades.UnmarshalPrepared,
	})
}
