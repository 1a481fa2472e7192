package bitcoin_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/bitcoin"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(bitcoin.Hash), new(bitcoin.Header), new(bitcoin.Known), new(bitcoin.Network), new(bitcoin.Output), new(bitcoin.Transaction),
	}, map[string]any{
		"BranchRoot": bitcoin.BranchRoot, "DoubleSHA256": bitcoin.DoubleSHA256, "NewKnown": bitcoin.NewKnown, "ParseHash": bitcoin.ParseHash,
		"ParseHeader": bitcoin.ParseHeader, "ParseNetwork": bitcoin.ParseNetwork, "ParseTransaction": bitcoin.ParseTransaction,
		"ParseTxOutProof": bitcoin.ParseTxOutProof,
	})
}
