package blockcerts_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/blockcerts"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(blockcerts.Anchor), new(blockcerts.Certificate), new(blockcerts.Receipt), new(blockcerts.Verdict),
	}, map[string]any{
		"DecodeProofValue": blockcerts.DecodeProofValue, "FromDoc": blockcerts.FromDoc, "Is": blockcerts.Is, "MethodIs": blockcerts.MethodIs,
		"Parse": blockcerts.Parse, "ParseAnchor": blockcerts.ParseAnchor,
	})
}
