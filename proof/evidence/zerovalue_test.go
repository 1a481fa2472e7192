package evidence_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(evidence.Batch), new(evidence.Bundle), new(evidence.Code), new(evidence.Error), new(evidence.Header), new(evidence.Link), new(evidence.Outcome),
		new(evidence.PinnedKeys), new(evidence.Result), new(evidence.SignedHeader), new(evidence.StepResult), new(evidence.TxProof),
	}, map[string]any{
		"AlgFor": evidence.AlgFor, "Codes": evidence.Codes, "DigestAlgs": evidence.DigestAlgs, "EncodeParts": evidence.EncodeParts,
		"FromJSON": evidence.FromJSON, "HashFor": evidence.HashFor, "LeafData": evidence.LeafData, "LogRoot": evidence.LogRoot, "LogTree": evidence.LogTree,
		"MaterialDigest": evidence.MaterialDigest, "NewMaterial": evidence.NewMaterial, "NewPart": evidence.NewPart, "Parse": evidence.Parse,
		"ParseLink": evidence.ParseLink, "ParseParts": evidence.ParseParts, "ParseTxProof": evidence.ParseTxProof, "PromiseChain": evidence.PromiseChain,
		"RawSignature": evidence.RawSignature, "ReadSignedHeader": evidence.ReadSignedHeader, "SumDigest": evidence.SumDigest,
		"VerifyLog": evidence.VerifyLog, "VerifyNext": evidence.VerifyNext,
	})
}
