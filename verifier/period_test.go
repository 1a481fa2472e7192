package verifier_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// TestPeriodTold: an end that is heeded is also told, in whatever form it is written, and
// within the years that reports can write.
func TestPeriodTold(t *testing.T) {
	k := newKey(t, "issuer")
	v := setup(t, verifier.Policy{})
	for end, want := range map[string]string{
		"2027-12-31T23:59:60Z": "2027-12-31T23:59:59Z", "2027-12-31T24:00:00Z": "2028-01-01T00:00:00Z", "2027-12-31T23:59:59z": "2027-12-31T23:59:59Z", "2027-12-31T23:59Z": "2027-12-31T23:59:00Z",
		"9999-12-31T23:59:59-12:00": "9999-12-31T23:59:59Z", "9999-12-31T24:00:00Z": "9999-12-31T23:59:59Z", "275760-09-13T00:00:00.000Z": "9999-12-31T23:59:59Z",
	} {
		r := judge(t, v, vc(sign(t, draft(t, k.did, `"validUntil":"`+end+`"`), k, proofOf{suite: "eddsa-jcs-2022"})))
		if r.Outcome != verifier.Valid || r.ValidUntil.Format(time.RFC3339) != want {
			t.Errorf("%s: told as %s\n%s", end, r.ValidUntil, explain(r))
		}
	}
	for _, end := range []string{"-0001-01-01T00:00:00Z", "-0000-12-31T00:00:00Z"} {
		r := judge(t, v, vc(sign(t, draft(t, k.did, `"validUntil":"`+end+`"`, "-validFrom"), k, proofOf{suite: "eddsa-jcs-2022"})))
		if r.Reason != verifier.PeriodOver || r.ValidUntil.Year() != 0 {
			t.Errorf("%s: %s", end, explain(r))
		}
	}
	v1 := sign(t, draft(t, k.did, `"@context":["https://www.w3.org/2018/credentials/v1"]`, "-validFrom", `"issuanceDate":"2026-01-01T00:00:00Z"`, `"credentialSubject":{"id":"did:example:subject"}`), k, proofOf{suite: "eddsa-jcs-2022"})
	if r := judge(t, v, vc(v1)); r.Outcome != verifier.Valid || r.ValidUntil.Year() != 2027 {
		t.Error(r.ValidUntil, explain(r))
	}
}
