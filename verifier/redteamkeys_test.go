package verifier_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/verifier"
)

// TestRevokedKey: a key that the trust file calls stolen counts nowhere, whatever else is
// said of it.
func TestRevokedKey(t *testing.T) {
	k := newKey(t, "issuer")
	web := k.as("did:web:academy.example", "k0")
	document := pin(verifier.KindController, web.did, controller(web.did, []signKey{k}, "assertionMethod", "authentication"))
	good := verifier.TrustedKey{Method: "k0", Key: k.priv.Public()}
	stolen := verifier.TrustedKey{Method: "old", Key: k.priv.Public(), Revoked: day("2026-03-01")}
	retired := verifier.TrustedKey{Method: "old", Key: k.priv.Public(), Until: day("2026-03-01")}
	login := func(k verifier.TrustedKey) verifier.TrustedKey { k.Purposes = []string{"authentication"}; return k }
	text := sign(t, draft(t, web.did), web, proofOf{created: "2026-02-01T00:00:00Z"})
	for _, c := range []struct {
		name   string
		issuer string
		keys   []verifier.TrustedKey
		want   verifier.Reason
	}{
		{"listed in the document alone", web.did, nil, ""},
		{"pinned", web.did, []verifier.TrustedKey{good}, ""},
		{"stolen", web.did, []verifier.TrustedKey{stolen}, verifier.KeyRevoked},
		{"stolen, of another purpose", web.did, []verifier.TrustedKey{login(stolen)}, verifier.KeyRevoked},
		{"retired, of another purpose", web.did, []verifier.TrustedKey{login(retired)}, verifier.KeyTimeUnproven},
		{"retired for another purpose, pinned for this one", web.did, []verifier.TrustedKey{login(retired), {Method: "other", Key: k.priv.Public()}}, ""},
		{"stolen under one method, good under another", web.did, []verifier.TrustedKey{good, stolen}, verifier.KeyRevoked},
		{"stolen, as the key of another", "did:web:other.example", []verifier.TrustedKey{stolen}, verifier.KeyRevoked},
		{"of another purpose", web.did, []verifier.TrustedKey{login(good)}, verifier.KeyPurpose},
	} {
		t.Run(c.name, func(t *testing.T) {
			trust := &verifier.Trust{Any: true, Documents: []verifier.PinnedDocument{document}}
			if c.keys != nil {
				trust.Issuers = []verifier.TrustedIssuer{{ID: c.issuer, Keys: c.keys}}
			}
			if r := judge(t, setupTrust(t, verifier.Policy{}, trust), vc(text)); r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) {
				t.Errorf("expected %q\n%s", string(c.want), explain(r))
			}
		})
	}
}

// TestProofOfAnother: that somebody else's method ends like one that is pinned does not
// make his signature a bad one of the issuer's.
func TestProofOfAnother(t *testing.T) {
	k, witness := newKey(t, "issuer"), newKey(t, "witness")
	web, other := k.as("did:web:academy.example", "key-1"), witness.as("did:web:notary.example", "key-1")
	text := sign(t, draft(t, web.did), web, proofOf{})
	first := parseJSON(t, text)
	second := parseJSON(t, sign(t, draft(t, web.did), other, proofOf{}))
	both := strings.Replace(text, first.Raw(first.Get(0, "proof")), "["+first.Raw(first.Get(0, "proof"))+","+second.Raw(second.Get(0, "proof"))+"]", 1)
	trust := pinned(web, func(k *verifier.TrustedKey) { k.Method = "key-1" })
	if r := judge(t, setupTrust(t, verifier.Policy{}, trust), vc(text)); r.Outcome != verifier.Valid {
		t.Error(explain(r))
	}
	if r := judge(t, setupTrust(t, verifier.Policy{}, trust), vc(both)); r.Reason != verifier.KeyUnavailable {
		t.Error(explain(r))
	}
	trust.Documents = append(trust.Documents, pin(verifier.KindController, other.did, strings.ReplaceAll(controller(other.did, []signKey{witness}, "assertionMethod"), "#k0", "#key-1")))
	if r := judge(t, setupTrust(t, verifier.Policy{}, trust), vc(both)); r.Outcome != verifier.Valid {
		t.Error(explain(r))
	}
}

// TestDerivedTime: the time from which a credential counts is not when it was signed.
func TestDerivedTime(t *testing.T) {
	k := newKey(t, "issuer")
	for _, c := range []struct {
		name, created string
		key           func(*verifier.TrustedKey)
		want          verifier.Reason
	}{
		{"since", "-", func(k *verifier.TrustedKey) { k.From = day("2026-01-01") }, ""},
		{"counts from before the key", "-", func(k *verifier.TrustedKey) { k.From = day("2026-05-15") }, verifier.KeyTimeUnproven},
		{"counts from after the key", "-", func(k *verifier.TrustedKey) { k.Until, k.History = day("2025-12-31"), true }, verifier.KeyTimeUnproven},
		{"made before the key", "2026-05-01T00:00:00Z", func(k *verifier.TrustedKey) { k.From = day("2026-05-15") }, verifier.KeyOutsideValidity},
	} {
		text := sign(t, with(t, draft(t, k.did), `"validFrom":"2026-01-01T00:00:00Z"`), k, proofOf{created: c.created})
		if r := judge(t, setupTrust(t, verifier.Policy{}, pinned(k, c.key)), vc(text)); r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) {
			t.Errorf("%s: expected %q\n%s", c.name, string(c.want), explain(r))
		}
	}
	// What is proven to be older than the key is not by it, whatever it claims.
	text := sign(t, draft(t, k.did), k, proofOf{created: "2026-05-01T00:00:00Z"})
	trust := pinned(k, func(k *verifier.TrustedKey) { k.From = day("2026-04-01") })
	if r := judgeExpecting(t, setupTrust(t, verifier.Policy{}, trust), vc(text), verifier.Expect{ExistedAt: day("2026-03-01")}); r.Reason != verifier.KeyOutsideValidity {
		t.Error(explain(r))
	}
}

// TestListBrought: a list that came with the credential says by its id which list it is.
func TestListBrought(t *testing.T) {
	k := newKey(t, "issuer")
	credential := vc(sign(t, with(t, draft(t, k.did), `"credentialStatus":`+entry(7, "revocation", "")), k, proofOf{}))
	until := `"validUntil":"2026-07-01T00:00:00Z"`
	for list, want := range map[string]verifier.Reason{
		statusList(t, k, listBits(), until):                                            "",
		statusList(t, k, listBits(), until, "-id"):                                     verifier.StatusListType,
		statusList(t, k, listBits(), until, `"id":"https://academy.example/status/8"`): verifier.StatusListType,
	} {
		v := setup(t, verifier.Policy{}).Beside([]verifier.PinnedDocument{pin(verifier.KindStatusList, listURL, list)})
		if r := judge(t, v, credential); r.Reason != want || (want == "") != (r.Outcome == verifier.Valid) {
			t.Errorf("expected %q\n%s", string(want), explain(r))
		}
	}
	// What the auditor took from the address need not repeat it.
	v := setup(t, verifier.Policy{}, pin(verifier.KindStatusList, listURL, statusList(t, k, listBits(), "-id")))
	if r := judge(t, v, credential); r.Outcome != verifier.Valid {
		t.Error(explain(r))
	}
}

// TestPresentationWithin: a presentation does not stand for a credential.
func TestPresentationWithin(t *testing.T) {
	k := newKey(t, "issuer")
	token := func(inner string) string {
		return jws(t, k, `{"alg":"EdDSA","kid":"`+k.method+`"}`, inner)
	}
	vp := func(inner string) string {
		return `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + k.did + `"` + inner + `}`
	}
	envelope := func(data string) string {
		return `,"verifiableCredential":[{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/jwt,` + data + `"}]`
	}
	for inner, want := range map[string]verifier.Reason{draft(t, k.did): "", vp(""): verifier.InnerInvalid} {
		r := judge(t, setup(t, verifier.Policy{}), raw(sign(t, vp(envelope(token(inner))), k, proofOf{purpose: "authentication"})))
		if r.Reason != want || (want == "") != (r.Outcome == verifier.Valid) {
			t.Errorf("expected %q\n%s", string(want), explain(r))
		}
	}
}

// TestKeyAlgorithm: an RSA key that is published for one algorithm serves for no other.
func TestKeyAlgorithm(t *testing.T) {
	priv := rsaKey(t)
	const issuer = "https://academy.example/issuers/1"
	jwk, err := multikey.EncodePublicJWK(priv.Public())
	if err != nil {
		t.Fatal(err)
	}
	k := signKey{did: issuer, method: issuer + "#k0", priv: priv}
	for _, header := range []string{`"kid":"k0"`, `"jwk":` + string(jwk)} {
		token := raw(jws(t, k, `{"alg":"RS256","typ":"vc+jwt",`+header+`}`, draft(t, issuer)))
		for member, want := range map[string]verifier.Reason{``: "", `"alg":"RS256",`: "", `"alg":"PS256",`: verifier.JOSEAlgorithm, `"alg":"RSA-OAEP",`: verifier.JOSEAlgorithm} {
			set := `{"keys":[` + strings.Replace(string(jwk), "{", `{`+member+`"kid":"k0",`, 1) + `]}`
			r := judge(t, setup(t, verifier.Policy{}, pin(verifier.KindJWKS, "https://academy.example/.well-known/jwks.json", set)), token)
			if r.Reason != want || (want == "") != (r.Outcome == verifier.Valid) {
				t.Errorf("%s: expected %q\n%s", member, string(want), explain(r))
			}
		}
	}
}

// TestNobodysKey: under a key of small order anybody can sign, also in a badge of version 2.
func TestNobodysKey(t *testing.T) {
	identity, sig := make([]byte, ed25519.PublicKeySize), make([]byte, ed25519.SignatureSize)
	identity[0], sig[0] = 1, 1 // R is the identity, s is zero
	spki, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(identity))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})))
	if err != nil {
		t.Fatal(err)
	}
	o := newOB2(t, rsaKey(t), true)
	o.key = strings.Replace(o.key, o.pem, string(text), 1)
	token := b64([]byte(`{"alg":"EdDSA"}`)) + "." + b64([]byte(o.assertion)) + "." + b64(sig)
	if r := judge(t, setup(t, verifier.Policy{}, o.docs("")...), raw(token)); r.Reason != verifier.KeyDocumentMalformed {
		t.Error(explain(r))
	}
}
