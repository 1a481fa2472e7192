package verifier_test

import (
	"testing"

	"github.com/chancery-dev/chancery/verifier"
)

// TestEnvelopeForms: data: URLs as RFC 2397 has them, and those that hold something else
// than they say.
func TestEnvelopeForms(t *testing.T) {
	k := newKey(t, "issuer")
	v := setup(t, verifier.Policy{})
	token := jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, draft(t, k.did))
	for prefix, want := range map[string]verifier.Reason{
		"data:application/vc+jwt,": "", "DATA:Application/VC+JWT,": "", "data:application/vc+jwt;charset=utf-8,": "", "data:application/jwt;charset=US-ASCII,": "",
		"data:application/vc+jwt;base64,": verifier.ModelInvalid, "data:application/vc+jwt;charset=utf-8;base64,": verifier.ModelInvalid, "data:,": verifier.ModelInvalid,
		"data:application/vp+jwt,": verifier.ModelInvalid, "dota:application/vc+jwt,": verifier.ModelInvalid, "data:application/vc+sd-jwt;charset=utf-8,": verifier.UnsupportedMediaType,
	} {
		r := judge(t, v, raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"`+prefix+token+`"}`))
		if r.Reason != want {
			t.Errorf("%s: expected %q, found %s", prefix, want, explain(r))
		}
	}
}

// TestHiddenClaims: a JWT of selective disclosure that is handed over without its
// disclosures, of which one may be its end or its status.
func TestHiddenClaims(t *testing.T) {
	k := newKey(t, "issuer")
	v := setup(t, verifier.Policy{})
	v1 := `{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiableCredential"],"credentialSubject":{"id":"did:example:subject"}`
	for _, typ := range []string{`"typ":"vc+jwt",`, `"typ":"JWT",`, ``} {
		header := `{"alg":"EdDSA",` + typ + `"kid":"` + k.method + `"}`
		for _, payload := range []string{draft(t, k.did, `"_sd":["x"]`), draft(t, k.did, `"_sd_alg":"sha-256"`)} {
			if r := judge(t, v, raw(jws(t, k, header, payload))); r.Reason != verifier.UnsupportedMediaType {
				t.Error(typ, explain(r))
			}
		}
		mustValid(t, judge(t, v, raw(jws(t, k, header, draft(t, k.did)))))
	}
	for _, payload := range []string{`"vc":` + v1 + `,"_sd":["x"]}`, `"_sd":["x"],"vc":` + v1 + `}`} {
		text := `{"iss":"` + k.did + `","nbf":1767225600,` + payload + `}`
		if r := judge(t, v, raw(jws(t, k, `{"alg":"EdDSA","typ":"JWT","kid":"`+k.method+`"}`, text))); r.Reason != verifier.UnsupportedMediaType {
			t.Error(text, explain(r))
		}
	}
}
