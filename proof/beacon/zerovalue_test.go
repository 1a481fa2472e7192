package beacon_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/beacon"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(beacon.Bootstrap), new(beacon.Error), new(beacon.ExecutionHeader), new(beacon.FinalityUpdate), new(beacon.Header), new(beacon.Network),
		new(beacon.Pack), new(beacon.Reason), new(beacon.SyncCommittee), new(beacon.Update),
	}, map[string]any{
		"Indeterminate": beacon.Indeterminate, "Mainnet": beacon.Mainnet, "MainnetPreset": beacon.MainnetPreset, "MinimalPreset": beacon.MinimalPreset,
		"ParsePack": beacon.ParsePack, "Verify": beacon.Verify,
	})
}
