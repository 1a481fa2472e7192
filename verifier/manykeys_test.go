package verifier_test

import (
	"crypto/elliptic"
	"fmt"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// TestManyKeys: an issuer with many keys that are pinned for any method. The document is
// hashed once for all of them, so that a large one stays within the work allowed.
func TestManyKeys(t *testing.T) {
	const id = "https://academy.example/i"
	keys := map[string]signKey{proof.EdDSARDFC2022: newKey(t, "issuer"), proof.EdDSAJCS2022: newKey(t, "issuer"), proof.ECDSARDFC2019: newECKey(t, elliptic.P384()), proof.ECDSAJCS2019: newECKey(t, elliptic.P256())}
	var pinned []verifier.TrustedKey
	for i := range 30 {
		for _, k := range []signKey{newKey(t, fmt.Sprint(i)), newECKey(t, elliptic.P256()), newECKey(t, elliptic.P384())} {
			pinned = append(pinned, verifier.TrustedKey{Key: k.priv.Public()})
		}
	}
	for suite, k := range keys {
		v := setupTrust(t, verifier.Policy{}, &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: id, Keys: append(pinned[:len(pinned):len(pinned)], verifier.TrustedKey{Key: k.priv.Public()})}}})
		large := `"credentialSubject":{"id":"did:example:subject","name":"` + strings.Repeat("x", 2<<20) + `"}`
		one := sign(t, draft(t, id, large), k, proofOf{suite: suite, method: id + "#q"})
		mustValid(t, judge(t, v, vc(one)))
		if r := judge(t, v, vc(strings.Replace(one, "xxxx", "xyxx", 1))); r.Outcome == verifier.Valid || r.Reason == verifier.WorkLimit {
			t.Errorf("%s: %s", suite, explain(r))
		}
		// Two proofs are hashed each for itself.
		two := sign(t, one, k, proofOf{suite: suite, method: id + "#q", created: "2026-05-02T00:00:00Z"})
		mustValid(t, judge(t, v, vc(two)))
		swapped := strings.Replace(strings.Replace(strings.Replace(two, "2026-05-01T", "2026-05-0x", 1), "2026-05-02T", "2026-05-01T", 1), "2026-05-0x", "2026-05-02T", 1)
		if r := judge(t, v, vc(swapped)); r.Outcome == verifier.Valid {
			t.Errorf("%s: proofs exchanged: %s", suite, explain(r))
		}
	}
}

// TestManyKeysWork: many proofs that may each mean any of many keys end soon.
func TestManyKeysWork(t *testing.T) {
	const id = "https://academy.example/i"
	var pinned []verifier.TrustedKey
	for i := range 2000 {
		pinned = append(pinned, verifier.TrustedKey{Method: id + "#q", Key: newKey(t, fmt.Sprint(i)).priv.Public()})
	}
	k := newKey(t, "evil")
	d := parseJSON(t, sign(t, draft(t, id), k, proofOf{method: id + "#q"}))
	p := d.Raw(d.Get(0, "proof"))
	text := with(t, d.Text(), `"proof":[`+strings.Repeat(p+",", 31)+p+`]`)
	v := setupTrust(t, verifier.Policy{}, &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: id, Keys: pinned}}})
	r := judge(t, v, vc(text))
	if r.Outcome == verifier.Valid || r.Proofs[31].Reason != verifier.WorkLimit {
		t.Error(explain(r))
	}
	for _, p := range r.Proofs { // what was not tried with every key is not called wrong
		if p.Reason != verifier.SignatureInvalid && p.Reason != verifier.WorkLimit {
			t.Error(p.Reason)
		}
	}
}
