package verifier_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// goldens are documents that are valid, one for each way of securing them.
type golden struct {
	name   string
	text   string
	media  string
	trust  *verifier.Trust
	expect verifier.Expect
}

func goldens(tb testing.TB) []golden {
	tb.Helper()
	k := newKey(tb, "issuer")
	p256, p384 := newECKey(tb, elliptic.P256()), newECKey(tb, elliptic.P384())
	web := k.as("did:web:academy.example", "k0")
	pinnedWeb := verifier.TrustAny()
	pinnedWeb.Documents = []verifier.PinnedDocument{pin(verifier.KindController, web.did, controller(web.did, []signKey{k}, "assertionMethod", "authentication"))}
	v1 := with(tb, badgeDraft(tb, k.did), `"@context":["https://www.w3.org/2018/credentials/v1","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json","https://w3id.org/security/suites/ed25519-2020/v1"]`, `"issuanceDate":"2026-01-01T00:00:00Z"`, "-validFrom")
	plain := draft(tb, k.did)
	list := []golden{
		{name: "eddsa-rdfc-2022", text: sign(tb, plain, k, proofOf{}), media: chancery.MediaVC},
		{name: "eddsa-jcs-2022", text: sign(tb, plain, k, proofOf{suite: proof.EdDSAJCS2022}), media: chancery.MediaVC},
		{name: "ecdsa-rdfc-2019 P-256", text: sign(tb, draft(tb, p256.did), p256, proofOf{suite: proof.ECDSARDFC2019}), media: chancery.MediaVC},
		{name: "ecdsa-rdfc-2019 P-384", text: sign(tb, draft(tb, p384.did), p384, proofOf{suite: proof.ECDSARDFC2019}), media: chancery.MediaVC},
		{name: "ecdsa-jcs-2019 P-256", text: sign(tb, draft(tb, p256.did), p256, proofOf{suite: proof.ECDSAJCS2019}), media: chancery.MediaVC},
		{name: "Ed25519Signature2020 VC 1.1", text: sign(tb, v1, k, proofOf{suite: proof.TypeEd25519Signature2020}), media: chancery.MediaVC},
		{name: "Open Badge", text: sign(tb, badgeDraft(tb, k.did), k, proofOf{}), media: chancery.MediaVC},
		{name: "did:web pinned", text: sign(tb, draft(tb, web.did), web, proofOf{}), media: chancery.MediaVC, trust: pinnedWeb},
		{name: "vc+jwt EdDSA", text: jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, plain), media: chancery.MediaVCJWT},
		{name: "vc+jwt ES256", text: jws(tb, p256, `{"alg":"ES256","typ":"vc+jwt","cty":"vc","kid":"`+p256.method+`"}`, draft(tb, p256.did)), media: chancery.MediaVCJWT},
		{name: "vc+jwt enveloped", media: chancery.MediaVC, text: `{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,` +
			jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, plain) + `"}`},
		{name: "proof set", text: sign(tb, sign(tb, plain, k, proofOf{}), newKey(tb, "witness"), proofOf{}), media: chancery.MediaVC},
		{name: "proof chain", media: chancery.MediaVC, text: sign(tb, sign(tb, plain, k, proofOf{members: `,"id":"urn:proof:1"`}), newKey(tb, "witness"), proofOf{members: `,"previousProof":"urn:proof:1"`})},
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	jwk, err := multikey.EncodePublicJWK(rsaKey.Public())
	if err != nil {
		tb.Fatal(err)
	}
	issuer := "https://academy.example/issuers/1"
	keyset := verifier.TrustAny()
	keyset.Documents = []verifier.PinnedDocument{pin(verifier.KindJWKS, "https://academy.example/.well-known/jwks.json", `{"keys":[`+string(jwk)+`]}`)}
	claims := with(tb, badgeDraft(tb, issuer), `"iss":"`+issuer+`"`, `"jti":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc34"`, `"sub":"did:example:subject"`, `"nbf":1767225600`)
	list = append(list, golden{name: "Open Badges JWT RS256, JWKS", media: chancery.MediaJWT, trust: keyset,
		text: jws(tb, signKey{priv: rsaKey}, `{"alg":"RS256","typ":"JWT","jwk":`+string(jwk)+`}`, claims)})
	return append(list, disclosedGoldens(tb)...)
}

func (g golden) verifier(tb testing.TB) *verifier.Verifier {
	tb.Helper()
	if g.trust == nil {
		return setup(tb, verifier.Policy{})
	}
	return setupTrust(tb, verifier.Policy{}, g.trust)
}

func TestGoldens(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			r := judge(t, g.verifier(t), chancery.Secured{MediaType: g.media, Bytes: []byte(g.text)})
			if r.Outcome != verifier.Valid {
				t.Fatal(explain(r))
			}
			if r.Binding == verifier.BindingNone || r.Binding == verifier.BindingSelfAsserted {
				t.Errorf("binding %q", r.Binding)
			}
			// The kind is found by content as well.
			if r := judge(t, g.verifier(t), chancery.Secured{Bytes: []byte(g.text)}); r.Outcome != verifier.Valid {
				t.Error("by content:", explain(r))
			}
		})
	}
}
