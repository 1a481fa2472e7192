package verifier_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/verifier"
)

// pinned is a trust file with one issuer and one key, changed by f.
func pinned(k signKey, f func(*verifier.TrustedKey)) *verifier.Trust {
	key := verifier.TrustedKey{Method: k.method, Key: k.priv.Public()}
	if f != nil {
		f(&key)
	}
	return &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: k.did, Name: "Example Academy", Keys: []verifier.TrustedKey{key}}}}
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func keyRefusals(tb testing.TB) []refusal {
	k, other := newKey(tb, "issuer"), newKey(tb, "other")
	web := k.as("did:web:academy.example", "k0")
	https := k.as("https://academy.example/issuers/1", k.multibase())
	good := draft(tb, k.did)
	signed := sign(tb, good, k, proofOf{})
	webSigned := sign(tb, draft(tb, web.did), web, proofOf{})
	cut := func(old, new string) chancery.Secured { return vc(strings.Replace(signed, old, new, 1)) }
	doc := func(text string) []verifier.PinnedDocument {
		return []verifier.PinnedDocument{pin(verifier.KindController, web.did, text)}
	}
	down := func(err error) func(*verifier.Config) {
		return func(c *verifier.Config) { c.Keys = failingKeys{err} }
	}
	one := `{"id":"did:web:academy.example","verificationMethod":[{"id":"did:web:academy.example#k0","type":"Multikey","controller":"did:web:academy.example","publicKeyMultibase":"` + k.multibase() + `"}],"assertionMethod":["did:web:academy.example#k0"]}`
	jwk, err := multikey.EncodePublicJWK(k.priv.Public())
	if err != nil {
		tb.Fatal(err)
	}
	bad := multikey.EncodeMultibase58(append([]byte{0xed, 1}, make([]byte, 31)...))
	return []refusal{
		{name: "method is no URL", want: verifier.MethodMalformed, s: cut(k.method, "key-1")},
		{name: "method is an http URL", want: verifier.MethodMalformed, s: cut(k.method, "http://academy.example/#k")},
		{name: "did:key with a bad key", want: verifier.MethodMalformed, s: cut(k.method, "did:key:"+bad+"#"+bad)},
		{name: "did:key with another fragment", want: verifier.MethodNotFound, s: cut(k.method, k.did+"#"+other.multibase())},
		{name: "did:key of a kind of key that is not known", want: verifier.MethodUnsupported, s: cut(k.method, "did:key:z6MkBad#z6MkBad")},
		{name: "unknown DID method", want: verifier.MethodUnsupported, s: cut(k.method, "did:ion:abc#k")},
		{name: "unknown DID method, source does not know it", want: verifier.MethodUnsupported, s: cut(k.method, "did:ion:abc#k"), config: down(verifier.ErrUnsupported)},
		{name: "did:web offline", want: verifier.KeyUnavailable, s: vc(webSigned)},
		{name: "controller document offline, no key in the fragment", want: verifier.KeyUnavailable, s: cut(k.method, "https://academy.example/issuers/1#key-1")},
		{name: "did:web down", want: verifier.KeyUnreachable, s: vc(webSigned), config: down(verifier.ErrUnreachable)},
		{name: "did:web fails in another way", want: verifier.KeyUnreachable, s: vc(webSigned), config: down(errors.New("broken"))},
		{name: "DID document is no JSON", want: verifier.KeyDocumentMalformed, s: vc(webSigned), docs: doc("<html>")},
		{name: "DID document of another", want: verifier.KeyDocumentMalformed, s: vc(webSigned), docs: doc(strings.ReplaceAll(one, "academy.example", "evil.example"))},
		{name: "DID document with a duplicate name", want: verifier.KeyDocumentMalformed, s: vc(webSigned), docs: doc(strings.Replace(one, `"type"`, `"id":"did:web:academy.example#k0","type"`, 1))},
		{name: "DID document with a bad key", want: verifier.KeyDocumentMalformed, s: vc(webSigned), docs: doc(strings.Replace(one, k.multibase(), bad, 1))},
		{name: "key not in the DID document", want: verifier.MethodNotFound, s: vc(webSigned), docs: doc(strings.ReplaceAll(one, "#k0", "#k9"))},
		{name: "key for authentication only", want: verifier.KeyPurpose, s: vc(webSigned), docs: doc(strings.Replace(one, `"assertionMethod"`, `"authentication"`, 1))},
		{name: "key pinned for authentication only", want: verifier.KeyPurpose, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) { t.Purposes = []string{"authentication"} })},
		{name: "signed before the key was used", want: verifier.KeyOutsideValidity, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) { t.From = day("2026-05-15") })},
		{name: "signed after the key was retired", want: verifier.KeyOutsideValidity, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) { t.Until, t.History = day("2026-04-01"), true })},
		{name: "signed when the key was retired", want: verifier.KeyOutsideValidity, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) { t.Until, t.History = day("2026-05-01"), true })},
		{name: "retired under another method", want: verifier.KeyOutsideValidity, s: vc(webSigned), docs: doc(one),
			trust: pinned(web.as(web.did, "old"), func(t *verifier.TrustedKey) { t.Until, t.History = day("2026-04-01"), true })},
		{name: "retired key, no history", want: verifier.KeyTimeUnproven, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) { t.Until = day("2026-05-15") })},
		{name: "retired key, no time claimed", want: verifier.KeyTimeUnproven, trust: pinned(k, func(t *verifier.TrustedKey) { t.Until, t.History = day("2026-05-15"), true }),
			s: vc(sign(tb, with(tb, good, "-validFrom"), k, proofOf{created: "-"}))},
		{name: "key expired by its own document", want: verifier.KeyTimeUnproven, s: vc(webSigned), docs: doc(strings.Replace(one, `"type":"Multikey"`, `"type":"Multikey","expires":"2026-05-15T00:00:00Z"`, 1))},
		{name: "revoked key", want: verifier.KeyRevoked, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) { t.Revoked = day("2026-05-15") })},
		{name: "revoked key with history", want: verifier.KeyRevoked, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) {
			t.Revoked, t.Until, t.History = day("2026-05-15"), day("2026-05-15"), true
		})},
		{name: "key revoked by its own document", want: verifier.KeyRevoked, s: vc(webSigned), docs: doc(strings.Replace(one, `"type":"Multikey"`, `"type":"Multikey","revoked":"2026-05-15T00:00:00Z"`, 1))},
		{name: "revoked key, bytes that existed only later", want: verifier.KeyRevoked, s: vc(signed), trust: pinned(k, func(t *verifier.TrustedKey) { t.Revoked = day("2026-05-15") }),
			policy: verifier.Policy{Expect: verifier.Expect{ExistedAt: day("2026-05-16")}}},

		{name: "another's key", want: verifier.IssuerMismatch, s: vc(sign(tb, good, other, proofOf{})), check: verifier.CheckIssuerBinding},
		{name: "another's key in a JWT", want: verifier.IssuerMismatch, s: raw(jws(tb, other, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+other.method+`"}`, good)), check: verifier.CheckIssuerBinding},
		{name: "method that another controls", want: verifier.IssuerMismatch, s: vc(webSigned), docs: doc(strings.Replace(one, `"controller":"did:web:academy.example"`, `"controller":"did:web:evil.example"`, 1)), check: verifier.CheckIssuerBinding},
		{name: "document elsewhere claims to be the issuer's", want: verifier.KeyPurpose,
			s:    vc(sign(tb, draft(tb, web.did), k.as("https://evil.example/key", "k0"), proofOf{})),
			docs: append(doc(one), pin(verifier.KindController, "https://evil.example/key", `{"id":"https://evil.example/key","verificationMethod":[{"id":"https://evil.example/key#k0","type":"Multikey","controller":"did:web:academy.example","publicKeyMultibase":"`+k.multibase()+`"}],"assertionMethod":["https://evil.example/key#k0"]}`))},
		{name: "key in the method's fragment", want: verifier.IssuerSelfAsserted, s: vc(sign(tb, draft(tb, https.did), https, proofOf{})), check: verifier.CheckIssuerBinding},
		{name: "key in the JWT's header", want: verifier.IssuerSelfAsserted, check: verifier.CheckIssuerBinding,
			s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","jwk":`+string(jwk)+`}`, draft(tb, https.did)))},
		{name: "key in the fragment, 1edtech", want: verifier.IssuerSelfAsserted, policy: verifier.Policy{Profile: verifier.Profile1EdTech}, s: vc(sign(tb, draft(tb, https.did), https, proofOf{}))},
		{name: "method without controller", want: verifier.ControllerMissing, s: vc(webSigned), docs: doc(strings.Replace(one, `"controller":"did:web:academy.example",`, ``, 1))},
		{name: "issuer not in the trust file", want: verifier.IssuerNotTrusted, s: vc(sign(tb, draft(tb, other.did), other, proofOf{})), trust: pinned(k, nil), check: verifier.CheckIssuerTrust},
		{name: "presentation by another than its holder", want: verifier.HolderMismatch, check: verifier.CheckHolder,
			s: raw(sign(tb, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"`+k.did+`"}`, other, proofOf{purpose: "authentication"}))},
		{name: "for someone else", want: verifier.RecipientMismatch, s: vc(signed), policy: verifier.Policy{Expect: verifier.Expect{Recipient: verifier.Recipient{Identity: "a@example.com", Type: "emailAddress"}}}, check: verifier.CheckRecipient},
		{name: "for another subject", want: verifier.RecipientMismatch, s: vc(signed), policy: verifier.Policy{Expect: verifier.Expect{Recipient: verifier.Recipient{Identity: "did:example:other"}}}, check: verifier.CheckRecipient},

		{name: "expired", want: verifier.PeriodOver, s: vc(sign(tb, with(tb, good, `"validUntil":"2026-05-31T00:00:00Z"`), k, proofOf{})), check: verifier.CheckValidity},
		{name: "expired JWT", want: verifier.PeriodOver, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, with(tb, good, `"exp":1764547200`, `"validFrom":"2025-01-01T00:00:00Z"`))), check: verifier.CheckValidity},
		{name: "not yet valid", want: verifier.NotYetValid, s: vc(sign(tb, with(tb, good, `"validFrom":"2026-06-01T12:00:01Z"`), k, proofOf{})), check: verifier.CheckValidity},
		{name: "not yet valid JWT", want: verifier.NotYetValid, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, with(tb, good, `"nbf":1790000000`))), check: verifier.CheckValidity},
		{name: "ends before it begins", want: verifier.ValidityMalformed, s: vc(sign(tb, with(tb, good, `"validUntil":"2025-01-01T00:00:00Z"`), k, proofOf{})), check: verifier.CheckValidity},
		{name: "validFrom is no time", want: verifier.ValidityMalformed, s: vc(sign(tb, with(tb, good, `"validFrom":"today"`), k, proofOf{})), check: verifier.CheckValidity},
		{name: "validFrom without zone", want: verifier.ValidityMalformed, s: vc(sign(tb, with(tb, good, `"validFrom":"2026-01-01T00:00:00"`), k, proofOf{})), check: verifier.CheckValidity},
		{name: "validUntil a number", want: verifier.ValidityMalformed, s: vc(sign(tb, with(tb, good, `"validUntil":"1"`), k, proofOf{})), check: verifier.CheckValidity},
	}
}
