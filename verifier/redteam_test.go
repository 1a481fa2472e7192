package verifier_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/verifier"
)

const (
	vocabVC     = "https://www.w3.org/2018/credentials#"
	xsdDateTime = "http://www.w3.org/2001/XMLSchema#dateTime"
)

// redteamRefusals are genuine signatures of a trusted issuer over documents that were
// given another JSON form with the same RDF, so that the end of validity or the status
// stands where a reader by names does not look, and forgeries by others.
func redteamRefusals(tb testing.TB) []refusal {
	k := newKey(tb, "issuer")
	trust := &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: k.did}}}
	const id = "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33"
	expired := sign(tb, draft(tb, k.did, `"validUntil":"2026-02-01T00:00:00Z"`), k, proofOf{})
	status := entry(9, "revocation", "")
	revoked := sign(tb, draft(tb, k.did, `"credentialStatus":`+status), k, proofOf{})
	plain := sign(tb, draft(tb, k.did), k, proofOf{})
	stale := sign(tb, draft(tb, k.did), k, proofOf{members: `,"expires":"2026-05-31T00:00:00Z"`})
	end := `{"@value":"2026-02-01T00:00:00Z","@type":"` + xsdDateTime + `"}`
	inline := func(c string) string { return `"@context":["https://www.w3.org/ns/credentials/v2",` + c + `]` }
	hide := func(members ...string) string { return with(tb, expired, append(members, "-validUntil")...) }
	hideStatus := func(members ...string) string {
		return with(tb, revoked, append(members, "-credentialStatus")...)
	}
	hideExpires := func(members string) string {
		return strings.Replace(stale, `"expires":"2026-05-31T00:00:00Z"`, members, 1)
	}
	// A credential whose subject is the credential itself.
	selfish := sign(tb, draft(tb, k.did, `"validUntil":"2026-02-01T00:00:00Z"`, `"credentialSubject":{"id":"`+id+`","name":"x"}`), k, proofOf{})
	v1 := `"@context":["https://www.w3.org/2018/credentials/v1","https://w3id.org/security/data-integrity/v2"]`
	old := sign(tb, draft(tb, k.did, v1, "-validFrom", "-validUntil", `"issuanceDate":"2026-01-01T00:00:00Z"`, `"expirationDate":"2026-02-01T00:00:00Z"`, `"credentialSubject":{"id":"did:example:subject"}`), k, proofOf{})
	older := sign(tb, draft(tb, k.did, v1, "-validFrom", `"issuanceDate":"2026-01-01T00:00:00Z"`, `"validUntil":"2026-02-01T00:00:00Z"`, `"credentialSubject":{"id":"did:example:subject"}`), k, proofOf{})
	twoTypes := draft(tb, k.did, `"credentialStatus":`+strings.Replace(status, `"type":"BitstringStatusListEntry"`, `"type":["BitstringStatusListEntry","StatusList2021Entry"]`, 1),
		`"@context":["https://www.w3.org/ns/credentials/v2",{"StatusList2021Entry":"https://w3id.org/vc/status-list#StatusList2021Entry"}]`)
	// Another list of the issuer in the place of the one that says revoked.
	swapped := statusList(tb, k, listBits(), `"id":"https://academy.example/status/8"`, `"credentialSubject":{"id":"https://academy.example/status/8#list","type":"BitstringStatusList","statusPurpose":"revocation","encodedList":"`+encodeList(listBits())+`"}`)
	list := pin(verifier.KindStatusList, listURL, statusList(tb, k, listBits(9)))
	nested := with(tb, draft(tb, k.did), `"credentialSubject":{"@context":{"name":"https://evil.example/colour"},"id":"did:example:subject","https://example.com/knows":{"name":"x"}}`)
	ob301ctx := func(more string) string {
		return `"@context":["https://www.w3.org/2018/credentials/v1","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json","https://w3id.org/security/data-integrity/v2"` + more + `]`
	}
	ob301 := with(tb, badgeDraft(tb, k.did), ob301ctx(""), "-validFrom", `"issuanceDate":"2026-01-01T00:00:00Z"`)
	// Two places that describe one identifier: who signs does not sign which name stands where.
	both := with(tb, plain, `"issuer":{"id":"`+k.did+`","name":"Academy"}`, `"credentialSubject":{"id":"`+k.did+`","name":"Someone"}`)
	// A badge that its issuer's list of revoked ids names.
	const revocations = "https://academy.example/revocations"
	listed := func(more string) string {
		return `"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json","https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"` + more + `]`
	}
	withdrawn := sign(tb, badgeDraft(tb, k.did, listed(""), `"id":"https://academy.example/credentials/17"`,
		`"credentialStatus":{"id":"`+revocations+`","type":"1EdTechRevocationList"}`), k, proofOf{})
	ids := []verifier.PinnedDocument{pin(verifier.KindStatusList, revocations, `{"id":"`+revocations+`","revokedCredential":[{"id":"https://academy.example/credentials/17","revoked":true}]}`)}
	good := sign(tb, badgeDraft(tb, k.did, listed("")), k, proofOf{})
	openBadge := func(name, more string) string {
		return with(tb, good, listed(more), `"type":["VerifiableCredential","`+name+`"]`)
	}
	// A record whose badge is broken, under a context that has other names for what it is.
	const clrVocab = "https://purl.imsglobal.org/spec/vc/clr/vocab.html#"
	record := sign(tb, with(tb, badgeDraft(tb, k.did), `"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]`, `"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc35"`, `"type":["VerifiableCredential","ClrCredential"]`,
		`"credentialSubject":{"id":"did:example:subject","type":["ClrSubject"],"verifiableCredential":[`+strings.Replace(good, "Teamwork", "Teamwork!", 1)+`]}`), k, proofOf{})
	renamed := func(name, subject string) string {
		return with(tb, strings.Replace(strings.Replace(record, `"ClrSubject"`, `"`+subject+`"`, 1), `"verifiableCredential":[`, `"inside":[`, 1), `"type":["VerifiableCredential","`+name+`"]`,
			inline(`{"`+name+`":"`+clrVocab+`ClrCredential","`+subject+`":"`+clrVocab+`ClrSubject","Profile":"https://purl.imsglobal.org/spec/vc/ob/vocab.html#Profile","inside":"`+clrVocab+`verifiableCredential"}`))
	}
	const badgeIRI = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#OpenBadgeCredential"
	resource := func(media string) string {
		return `"relatedResource":{"id":"https://academy.example/pictures/1.png","mediaType":` + media + `,"digestSRI":"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}`
	}
	pictured := sign(tb, draft(tb, k.did, resource(`"image/png"`)), k, proofOf{})
	out := []refusal{
		{name: "id on the issuer's list", want: verifier.CredentialRevoked, s: vc(withdrawn), docs: ids},
		{name: "id with a prefix of the document's own", want: verifier.UnsupportedJSONLD, s: vc(with(tb, withdrawn, listed(`,{"p":"https://academy.example/credentials/"}`), `"id":"p:17"`)), docs: ids},
		{name: "id under a name of another context", want: verifier.UnsupportedJSONLD, s: vc(with(tb, plain, inline(`"https://www.w3.org/ns/odrl.jsonld"`), "-id", `"uid":"`+id+`"`))},
		{name: "type as an IRI", want: verifier.UnsupportedJSONLD, s: vc(openBadge(badgeIRI, ""))},
		{name: "type under another name", want: verifier.UnsupportedJSONLD, s: vc(openBadge("B", `,{"B":"`+badgeIRI+`"}`))},
		{name: "record with a broken badge", want: verifier.InnerInvalid, s: vc(record), check: verifier.CheckInner},
		{name: "record under another name", want: verifier.UnsupportedJSONLD, s: vc(renamed("R", "ClrSubject"))},
		{name: "record under its name in another context", want: verifier.BadgeInvalid, s: vc(renamed("ClrCredential", "ClrSubject")), check: verifier.CheckBadge},
		{name: "media type in a list", want: verifier.ModelInvalid, s: vc(with(tb, pictured, resource(`["image/png"]`)))},
		{name: "ended in the year 1", want: verifier.PeriodOver, s: vc(sign(tb, draft(tb, k.did, "-validFrom", `"validUntil":"0001-01-01T00:00:00Z"`), k, proofOf{}))},
		{name: "status beside the credential in a JWT", want: verifier.StatusTypeUnknown, check: verifier.CheckStatus,
			s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"JWT","kid":"`+k.method+`"}`, `{"iss":"`+k.did+`","nbf":1767225600,"status":{"status_list":{"idx":9,"uri":"https://academy.example/status/9"}},"vc":{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiableCredential"],"credentialSubject":{"id":"did:example:subject"}}}`))},
		{name: "two credentials in a JWT", want: verifier.JOSEClaims,
			s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"JWT","kid":"`+k.method+`"}`, `{"iss":"`+k.did+`","nbf":1767225600,"credentialSubject":{"id":"did:example:other"},"vc":{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiableCredential"],"credentialSubject":{"id":"did:example:subject"}}}`))},
		{name: "presentation of nothing, for someone", want: verifier.RecipientMismatch, check: verifier.CheckRecipient, policy: verifier.Policy{Expect: verifier.Expect{Recipient: verifier.Recipient{Identity: "did:example:subject"}}},
			s: raw(sign(tb, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"`+k.did+`"}`, k, proofOf{purpose: "authentication"}))},
		{name: "two names of one identifier", want: verifier.UnsupportedJSONLD, s: vc(both)},
		{name: "end as an IRI", want: verifier.UnsupportedJSONLD, s: vc(hide(`"` + vocabVC + `validUntil":` + end))},
		{name: "end in nest", want: verifier.UnsupportedJSONLD, s: vc(hide(`"@nest":{"validUntil":"2026-02-01T00:00:00Z"}`))},
		{name: "end in an alias of nest", want: verifier.UnsupportedJSONLD, s: vc(hide(inline(`{"n":"@nest"}`), `"n":{"validUntil":"2026-02-01T00:00:00Z"}`))},
		{name: "end in included", want: verifier.UnsupportedJSONLD, s: vc(hide(`"@included":{"id":"` + id + `","type":"VerifiableCredential","validUntil":"2026-02-01T00:00:00Z"}`))},
		{name: "end under another name", want: verifier.UnsupportedJSONLD, s: vc(hide(inline(`{"x":{"@id":"`+vocabVC+`validUntil","@type":"`+xsdDateTime+`"}}`), `"x":"2026-02-01T00:00:00Z"`))},
		{name: "end as a compact IRI", want: verifier.UnsupportedJSONLD, s: vc(hide(inline(`{"c":"`+vocabVC+`"}`), `"c:validUntil":`+end))},
		{name: "end by vocabulary", want: verifier.UnsupportedJSONLD, s: vc(hide(inline(`{"@vocab":"https://www.w3.org/2018/cred"}`), `"entials#validUntil":`+end))},
		{name: "end in a second description", want: verifier.UnsupportedJSONLD, s: vc(with(tb, selfish, "-validUntil", `"credentialSubject":{"id":"`+id+`","type":"VerifiableCredential","name":"x","validUntil":"2026-02-01T00:00:00Z"}`))},
		{name: "end in a second description as an IRI", want: verifier.UnsupportedJSONLD, s: vc(with(tb, selfish, "-validUntil", `"credentialSubject":{"id":"`+id+`","name":"x","`+vocabVC+`validUntil":`+end+`}`))},
		{name: "end in a set", want: verifier.ValidityMalformed, s: vc(hide(`"validUntil":{"@set":["2026-02-01T00:00:00Z"]}`))},
		{name: "end as a value object", want: verifier.ValidityMalformed, s: vc(hide(`"validUntil":` + end))},
		{name: "subject in a set", want: verifier.UnsupportedJSONLD, s: vc(with(tb, plain, `"credentialSubject":{"@set":[{"id":"did:example:subject","name":"Aina Rahman"}]}`))},
		{name: "id under a keyword", want: verifier.UnsupportedJSONLD, s: vc(with(tb, plain, "-id", `"@id":"`+id+`"`))},
		{name: "status as an IRI", want: verifier.UnsupportedJSONLD, s: vc(hideStatus(`"` + vocabVC + `credentialStatus":` + status))},
		{name: "status in nest", want: verifier.UnsupportedJSONLD, s: vc(hideStatus(`"@nest":{"credentialStatus":` + status + `}`))},
		{name: "status under another name", want: verifier.UnsupportedJSONLD, s: vc(hideStatus(inline(`{"st":"`+vocabVC+`credentialStatus"}`), `"st":`+status))},
		{name: "status in two halves", want: verifier.ModelInvalid, s: vc(hideStatus(`"credentialStatus":[{"id":"` + listURL + `#9"},` + status + `]`))},
		{name: "status of two types", want: verifier.StatusTypeUnknown, s: vc(sign(tb, twoTypes, k, proofOf{}))},
		{name: "status list swapped", want: verifier.StatusListType, s: vc(revoked), docs: []verifier.PinnedDocument{pin(verifier.KindStatusList, listURL, swapped)}},
		{name: "expiry of a proof as an IRI", want: verifier.UnsupportedJSONLD, s: vc(hideExpires(`"https://w3id.org/security#expiration":{"@value":"2026-05-31T00:00:00Z","@type":"` + xsdDateTime + `"}`))},
		{name: "expiry of a proof in nest", want: verifier.UnsupportedJSONLD, s: vc(hideExpires(`"@nest":{"expires":"2026-05-31T00:00:00Z"}`))},
		{name: "expirationDate in a credential of 2.0", want: verifier.UnsupportedJSONLD, s: vc(with(tb, old, `"@context":["https://www.w3.org/ns/credentials/v2",{"a":{"@id":"`+vocabVC+`issuanceDate","@type":"`+xsdDateTime+`"},"b":{"@id":"`+vocabVC+`expirationDate","@type":"`+xsdDateTime+`"}}]`, "-issuanceDate", "-expirationDate", `"a":"2026-01-01T00:00:00Z"`, `"b":"2026-02-01T00:00:00Z"`))},
		{name: "expirationDate by its name in 2.0", want: verifier.PeriodOver, s: vc(with(tb, old, `"@context":["https://www.w3.org/ns/credentials/v2",{"issuanceDate":{"@id":"`+vocabVC+`issuanceDate","@type":"`+xsdDateTime+`"},"expirationDate":{"@id":"`+vocabVC+`expirationDate","@type":"`+xsdDateTime+`"}}]`))},
		{name: "validUntil in a credential of 1.1", want: verifier.PeriodOver, s: vc(older)},
		{name: "unprotected term with another meaning", want: verifier.UnsupportedJSONLD, s: vc(with(tb, sign(tb, ob301, k, proofOf{}), ob301ctx(`,{"GeoCoordinates":"https://purl.imsglobal.org/spec/vc/ob/vocab.html#Profile"}`)))},
		{name: "context above what it changes", want: verifier.ContextRedefinition, s: vc(sign(tb, nested, k, proofOf{suite: "eddsa-jcs-2022"}))},
	}
	for i := range out {
		out[i].trust = trust
		if out[i].docs == nil {
			out[i].docs = []verifier.PinnedDocument{list}
		}
	}
	return append(out, forgedOB2(tb)...)
}

// forgedOB2 are badges whose issuer's profile stands inside of them and names the key
// of whoever made them.
func forgedOB2(tb testing.TB) []refusal {
	forged := func(signed, embedClass bool) (ob2, *verifier.Trust) {
		o := newOB2(tb, rsaKey(tb), signed)
		profile := with(tb, o.profile, `"publicKey":`+o.key, "-revocationList")
		o.class = with(tb, o.class, `"issuer":`+profile)
		if embedClass {
			o.assertion = with(tb, o.assertion, `"badge":`+o.class)
		}
		return o, &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: ob2Host + "profile"}}}
	}
	inside, trust := forged(true, true)
	linked, _ := forged(true, false)
	hosted, _ := forged(false, true)
	genuine := newOB2(tb, rsaKey(tb), true)
	return []refusal{
		{name: "OB 2.0 with its own profile", want: verifier.IssuerSelfAsserted, s: inside.jws(tb), trust: trust, check: verifier.CheckIssuerBinding},
		{name: "OB 2.0 with its own profile in a class elsewhere", want: verifier.IssuerSelfAsserted, s: linked.jws(tb), trust: trust, check: verifier.CheckIssuerBinding,
			docs: []verifier.PinnedDocument{pin(verifier.KindBadge, ob2Host+"class", linked.class)}},
		{name: "OB 2.0 with its own profile against the issuer's", want: verifier.SignatureInvalid, s: inside.jws(tb), trust: trust, check: verifier.CheckSignature, docs: genuine.docs("")},
		{name: "OB 2.0 hosted with its own profile", want: verifier.BadgePartsMissing, s: raw(hosted.assertion), trust: trust, check: verifier.CheckHosted,
			docs: []verifier.PinnedDocument{pin(verifier.KindBadge, ob2Host+"assertion", hosted.assertion)}},
	}
}

// TestTypesOfTheDocument: a type that only the document's own context defines is
// reported by what it stands for: the signature covers that, not the name.
func TestTypesOfTheDocument(t *testing.T) {
	k := newKey(t, "issuer")
	ctx := func(name string) string {
		return `"@context":["https://www.w3.org/ns/credentials/v2",{"` + name + `":"https://example.com/terms#Attendance","achievement":"https://example.com/terms#source"}]`
	}
	subject := `"credentialSubject":{"id":"did:example:subject","name":"x","achievement":{"name":"Doctor of Medicine"}}`
	signed := sign(t, draft(t, k.did, ctx("Attendance"), `"type":["VerifiableCredential","Attendance"]`, subject), k, proofOf{})
	forged := with(t, signed, ctx("Doctorate"), `"type":["VerifiableCredential","Doctorate"]`)
	r := judge(t, setup(t, verifier.Policy{}), vc(forged))
	if r.Outcome != verifier.Valid || len(r.Types) != 2 || r.Types[1] != "https://example.com/terms#Attendance" || r.Subject.Type != "" {
		t.Errorf("expected the type by its IRI and no achievement, found %v, %q\n%s", r.Types, r.Subject.Type, explain(r))
	}
}

// TestOB2OwnProfile: where the issuer's own profile is at hand, it counts and the
// embedded copy does not; a key that the trust file pins needs neither.
func TestOB2OwnProfile(t *testing.T) {
	o := newOB2(t, rsaKey(t), true)
	docs := o.docs("")
	o.class = with(t, o.class, `"issuer":`+with(t, o.profile, `"publicKey":`+o.key))
	o.assertion = with(t, o.assertion, `"badge":`+o.class)
	mustValid(t, judge(t, setup(t, verifier.Policy{}, docs...), o.jws(t)))
	trust := &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: ob2Host + "profile", Keys: []verifier.TrustedKey{{Key: o.priv.Public()}}}}, Documents: docs[4:]}
	if r := judge(t, setupTrust(t, verifier.Policy{}, trust), o.jws(t)); r.Outcome != verifier.Valid || r.Binding != verifier.BindingPinned {
		t.Error(explain(r))
	}
}

// TestKeyOperations: a key of the issuer's set that is not there to verify with does
// not bind a JWT that carries it in its header.
func TestKeyOperations(t *testing.T) {
	k := newKey(t, "issuer")
	const issuer = "https://academy.example/issuers/1"
	jwk, err := multikey.EncodePublicJWK(k.priv.Public())
	if err != nil {
		t.Fatal(err)
	}
	token := raw(jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","jwk":`+string(jwk)+`}`, draft(t, issuer)))
	for ops, want := range map[string]verifier.Reason{`["verify"]`: "", `["deriveKey"]`: verifier.IssuerSelfAsserted} {
		set := strings.Replace(string(jwk), "{", `{"key_ops":`+ops+`,`, 1)
		r := judge(t, setup(t, verifier.Policy{}, pin(verifier.KindJWKS, "https://academy.example/.well-known/jwks.json", `{"keys":[`+set+`]}`)), token)
		if r.Reason != want {
			t.Errorf("%s: %s", ops, explain(r))
		}
	}
}
