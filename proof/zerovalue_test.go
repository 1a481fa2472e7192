package proof_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/proof"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(proof.Alg), new(proof.Canonicalization), new(proof.Claims), new(proof.Error), new(proof.Hashed), new(proof.JWS), new(proof.SDBase),
		new(proof.TokenKind),
	}, map[string]any{
		"AlgsOf": proof.AlgsOf, "DeriveSD": proof.DeriveSD, "IsBaseProof": proof.IsBaseProof, "KindOf": proof.KindOf, "NewSDBase": proof.NewSDBase,
		"Newest": proof.Newest, "ParseConfig": proof.ParseConfig, "ParseJWS": proof.ParseJWS, "Previous": proof.Previous, "Proofs": proof.Proofs,
		"ProofsAt": proof.ProofsAt, "ReadClaims": proof.ReadClaims, "SuiteByName": proof.SuiteByName, "Suites": proof.Suites,
		"VerifySDBase": proof.VerifySDBase,
	})
}
