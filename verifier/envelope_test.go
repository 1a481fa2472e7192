package verifier_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/verifier"
)

// TestEnvelopeForms: data: URLs as RFC 2397 has them, and those that hold something else
// than they say.
func TestEnvelopeForms(t *testing.T) {
	k := newKey(t, "issuer")
	v := setup(t, verifier.Policy{})
	token := jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, draft(t, k.did))
	in64 := base64.StdEncoding.EncodeToString([]byte(token))
	for url, want := range map[string]verifier.Reason{
		"data:application/vc+jwt," + token: "", "DATA:Application/VC+JWT," + token: "", "data:application/vc+jwt;charset=utf-8," + token: "", "data:application/jwt;charset=US-ASCII," + token: "",
		"data:application/vc+jwt;base64," + in64: "", "data:application/vc+jwt;charset=utf-8;base64," + in64: "",

		// What says base64 and is not, or is and does not say so.
		"data:application/vc+jwt;base64," + token: verifier.ModelInvalid, "data:application/vc+jwt;charset=utf-8;base64," + token: verifier.ModelInvalid, "data:application/vc+jwt," + in64: verifier.JOSEMalformed,
		"data:application/vc+jwt;base64," + strings.TrimRight(in64, "=") + "!": verifier.ModelInvalid, "data:application/vc+jwt;base64;charset=utf-8," + in64: verifier.ModelInvalid, `data:application/vc+jwt;base64,\n` + in64: verifier.ModelInvalid,
		"data:application/vc+jwt;base64;base64," + in64: verifier.ModelInvalid, "data:application/vc+jwt;base64url," + in64: verifier.ModelInvalid, "data:application/vc+jwt;x=y," + token: verifier.ModelInvalid,

		// Other schemes, and types that drafts had: nothing here reads them.
		"data:application/vc+sd-jwt;charset=utf-8," + token: verifier.UnsupportedMediaType, "data:application/dc+sd-jwt," + token: verifier.UnsupportedMediaType, "data:application/vc+cose;base64," + in64: verifier.UnsupportedMediaType,
		"data:application/vc+ld+json+jwt," + token: verifier.UnsupportedMediaType, "data:application/vc+ld+jwt," + token: verifier.UnsupportedMediaType, "data:application/vc-ld+jwt," + token: verifier.UnsupportedMediaType,
		"data:application/vc+ld+json+sd-jwt;x=y," + token: verifier.UnsupportedMediaType, "data:application/x.acme.sealed," + token: verifier.UnsupportedMediaType,

		// What is no envelope (VC Data Model 2.0, 4.14), or one of something else.
		"data:application/vc+ld+json," + token: verifier.ModelInvalid, "data:application/vc," + token: verifier.ModelInvalid, "data:application/json," + token: verifier.ModelInvalid, "data:application/ld+json," + token: verifier.ModelInvalid,
		"data:application/pdf;base64,JVBERi0=": verifier.ModelInvalid, "data:image/png;base64,iVBORw0KGgo=": verifier.ModelInvalid, "data:application/vnd.chancery.evidence+cbor;base64,2dn3": verifier.ModelInvalid, "data:text/plain," + token: verifier.ModelInvalid,
		"data:," + token: verifier.ModelInvalid, "data:application/," + token: verifier.ModelInvalid, "data:application/vc+jwt,": verifier.ModelInvalid, "data:application/vc+jwt": verifier.ModelInvalid,
		"data:application/vp+jwt," + token: verifier.ModelInvalid, "data:application/vp+ld+json+jwt," + token: verifier.ModelInvalid, "dota:application/vc+jwt," + token: verifier.ModelInvalid,
	} {
		r := judge(t, v, raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"`+url+`"}`))
		if r.Reason != want {
			t.Errorf("%s: expected %q, found %s", strings.ReplaceAll(strings.ReplaceAll(url, token, "…"), in64, "…64"), want, explain(r))
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
