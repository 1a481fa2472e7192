package ethereum_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/ethereum"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(ethereum.Transaction),
	}, map[string]any{
		"AddressOf": ethereum.AddressOf, "HistorySlot": ethereum.HistorySlot, "Keccak256": ethereum.Keccak256, "ParseChain": ethereum.ParseChain,
		"ParseHeader": ethereum.ParseHeader, "ParseTransaction": ethereum.ParseTransaction, "ProveAccount": ethereum.ProveAccount,
		"ProveHistory": ethereum.ProveHistory, "ProveStorage": ethereum.ProveStorage, "ProveTransaction": ethereum.ProveTransaction,
		"ProveTrie": ethereum.ProveTrie,
	})
}
