package badge_test

import (
	"testing"

	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(badge.Draft), new(badge.DraftError), new(badge.Finding), new(badge.Grade), new(badge.ImageError), new(badge.RevocationList), new(badge.Scope),
		new(badge.UserSchema),
	}, map[string]any{
		"Bake": badge.Bake, "Check": badge.Check, "CheckAt": badge.CheckAt, "CheckJWT": badge.CheckJWT, "CheckOB2": badge.CheckOB2,
		"CheckSchema": badge.CheckSchema, "Endorsements": badge.Endorsements, "HashIdentity": badge.HashIdentity,
		"InOB2RevocationList": badge.InOB2RevocationList, "InRevocationList": badge.InRevocationList, "Inner": badge.Inner,
		"JWTCredential": badge.JWTCredential, "KindOf": badge.KindOf, "MatchIdentity": badge.MatchIdentity, "OwnsKey": badge.OwnsKey, "Read": badge.Read,
		"ReadAssertion": badge.ReadAssertion, "ReadRevocationList": badge.ReadRevocationList, "ReadSchema": badge.ReadSchema, "ReadScope": badge.ReadScope,
		"ReadTime": badge.ReadTime, "Same": badge.Same, "SameOrigin": badge.SameOrigin, "Schema": badge.Schema, "SchemaBinding": badge.SchemaBinding,
		"SchemaWork": badge.SchemaWork, "Supersedes": badge.Supersedes, "Unbake": badge.Unbake, "ValidateBadge": badge.ValidateBadge,
		"ValidateSchema": badge.ValidateSchema, "Worst": badge.Worst,
	})
}
