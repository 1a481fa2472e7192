package verifier_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// TestWorkOfManyValues: documents whose every value used to cost a walk over those
// before it, or that many proofs had canonicalised again.
func TestWorkOfManyValues(t *testing.T) {
	k := newKey(t, "issuer")
	many := func(n int, f func(int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = f(i)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	signed := parseJSON(t, sign(t, draft(t, k.did), k, proofOf{suite: "eddsa-jcs-2022"}))
	p := signed.Raw(signed.Get(0, "proof"))
	proofs := func(n int) string { return `"proof":` + many(n, func(int) string { return p }) }
	names := many(120_000, func(i int) string { return fmt.Sprintf(`{"n%d":{}}`, 120_000-i) })
	for name, text := range map[string]string{
		"related resources": with(t, draft(t, k.did), proofs(1), `"relatedResource":`+many(40_000, func(i int) string {
			return fmt.Sprintf(`{"id":"urn:x:%d","digestSRI":"sha256-JBjJADcPr0yDyZMHGjiBqDGCyzBJyZfBcL+Y0FF2t3o="}`, i)
		})),
		"status entries":      with(t, draft(t, k.did), proofs(1), `"credentialStatus":`+many(160_000, func(int) string { return `{"type":"X"}` })),
		"endorsements at end": with(t, badgeDraft(t, k.did), proofs(1), `"termsOfUse":{"type":"X","l":[`+strings.Trim(many(450_000, func(int) string { return "1" }), "[]")+`,`+strings.Trim(many(1000, func(int) string { return `{"endorsement":{"a":1}}` }), "[]")+`]}`),
		"proofs over names":   with(t, draft(t, k.did), proofs(32), `"credentialSubject":{"id":"urn:x:y","x":`+names+`}`),
	} {
		start := time.Now()
		r := judge(t, setup(t, verifier.Policy{Profile: verifier.Profile1EdTech}), vc(text))
		if took := time.Since(start); r.Outcome == verifier.Valid || took > 6*time.Second { // the machine may be busy; it was 2 to 10 s of one processor
			t.Errorf("%s: %v, %v", name, took, r.Outcome)
		}
	}
}
