package verifier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

func mustValid(tb testing.TB, r *verifier.Report) {
	tb.Helper()
	if r.Outcome != verifier.Valid {
		tb.Fatal(explain(r))
	}
}

func TestPresentation(t *testing.T) {
	k, holder := newKey(t, "issuer"), newKey(t, "holder")
	embedded := sign(t, draft(t, k.did), k, proofOf{})
	jwt := jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, draft(t, k.did))
	enveloped := `{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,` + jwt + `"}`
	pres := `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:7","type":["VerifiablePresentation"],"holder":"` + holder.did + `","verifiableCredential":[` + embedded + `,` + enveloped + `]}`
	want := verifier.Expect{Domain: "verifier.example", Challenge: "c1"}
	signed := sign(t, pres, holder, proofOf{purpose: "authentication", members: `,"domain":["verifier.example","other.example"],"challenge":"c1"`})
	v := setup(t, verifier.Policy{})
	r := judgeExpecting(t, v, raw(signed), want)
	mustValid(t, r)
	if len(r.Sub) != 2 || r.Sub[1].Report.Outcome != verifier.Valid || r.Sub[1].Pointer != "/verifiableCredential/1" || r.Issuer.ID != holder.did || hasFinding(r, "challenge_not_checked") {
		t.Error(explain(r))
	}
	if r := judge(t, v, raw(signed)); r.Outcome != verifier.Valid || !hasFinding(r, "challenge_not_checked") || !hasFinding(r, "domain_not_checked") {
		t.Error("a replay is not reported: " + explain(r))
	}
	header := `{"alg":"EdDSA","typ":"vp+jwt","kid":"` + holder.method + `"}`
	mustValid(t, judgeExpecting(t, v, raw(jws(t, holder, header, with(t, pres, `"aud":"verifier.example"`, `"nonce":"c1"`))), want))
	envelope := `{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiablePresentation","id":"data:application/vp+jwt,` + jws(t, holder, header, pres) + `"}`
	mustValid(t, judge(t, v, raw(envelope)))
	// VC 1.1: the presentation in a vp claim, the credential a JWT with a vc claim.
	v1 := `{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiableCredential"],"credentialSubject":{"id":"did:example:subject"}}`
	old := jws(t, k, `{"alg":"EdDSA","typ":"JWT","kid":"`+k.method+`"}`, `{"iss":"`+k.did+`","nbf":1767225600,"exp":1798761600,"jti":"urn:uuid:1","sub":"did:example:subject","vc":`+v1+`}`)
	r = judge(t, v, raw(old))
	mustValid(t, r)
	if r.ID != "urn:uuid:1" || r.Issuer.ID != k.did || r.ValidFrom.Year() != 2026 || r.ValidUntil.Year() != 2027 {
		t.Errorf("%+v", r)
	}
	vp := `{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiablePresentation"],"verifiableCredential":["` + old + `"]}`
	r = judge(t, v, raw(jws(t, holder, `{"alg":"EdDSA","kid":"`+holder.method+`"}`, `{"iss":"`+holder.did+`","vp":`+vp+`}`)))
	mustValid(t, r)
	if len(r.Sub) != 1 || r.Issuer.ID != holder.did {
		t.Error(explain(r))
	}
}

func TestBadges(t *testing.T) {
	k, endorser := newKey(t, "issuer"), newKey(t, "endorser")
	endorsement := sign(t, `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:e","type":["VerifiableCredential","EndorsementCredential"],"name":"Endorsement","issuer":{"id":"`+endorser.did+`","type":["Profile"]},"validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc34","type":["EndorsementSubject"],"endorsementComment":"Well made."}}`, endorser, proofOf{})
	text := sign(t, with(t, badgeDraft(t, k.did), `"endorsement":[`+endorsement+`]`, `"evidence":[{"type":["Evidence"],"name":"Film"}]`), k, proofOf{})
	v := setup(t, verifier.Policy{})
	r := judge(t, v, vc(text))
	mustValid(t, r)
	if len(r.Sub) != 1 || r.Sub[0].Relation != "endorsement" || r.Sub[0].Report.Outcome != verifier.Valid || r.Subject.Type != "Teamwork" || r.Issuer.Name != "Example Academy" || !hasFinding(r, "evidence") {
		t.Error(explain(r))
	}
	// A bad endorsement is reported and does not decide: what others say is theirs.
	spoilt := sign(t, with(t, badgeDraft(t, k.did), `"endorsement":[`+strings.Replace(endorsement, "Well made.", "Badly made.", 1)+`]`), k, proofOf{})
	r = judge(t, v, vc(spoilt))
	mustValid(t, r)
	if r.Sub[0].Report.Reason != verifier.SignatureInvalid || !hasFinding(r, "endorsement_invalid") {
		t.Error(explain(r))
	}
	if c, ok := r.Check(verifier.CheckEndorsement); !ok || c.Required || c.Result != verifier.Fail {
		t.Error(explain(r))
	}
	// Baked, and found again.
	for _, image := range []string{string(plainPNG(t)), `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`} {
		var b bytes.Buffer
		if err := badge.Bake(&b, strings.NewReader(image), vc(text), badge.BakeOptions{}); err != nil {
			t.Fatal(err)
		}
		verified, err := v.Verify(context.Background(), chancery.Secured{Bytes: b.Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		if verified.Credential().ID() != r.ID || !bytes.Equal(verified.Secured().Bytes, b.Bytes()) || verified.Presentation() != nil {
			t.Error("another credential came out of the image")
		}
	}
	// The record that holds the badge.
	clr := sign(t, `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:c","type":["VerifiableCredential","ClrCredential"],"name":"Transcript","issuer":{"id":"`+k.did+`","type":["Profile"],"name":"Example Academy"},"validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"did:example:subject","type":["ClrSubject"],"verifiableCredential":[`+text+`]}}`, k, proofOf{})
	r = judge(t, v, vc(clr))
	mustValid(t, r)
	if len(r.Sub) != 1 || len(r.Sub[0].Report.Sub) != 1 {
		t.Error(explain(r))
	}
	// The recipient, by hash and by id; never in the report.
	hash := badge.HashIdentity("a@example.com", "salt")
	known := sign(t, strings.Replace(badgeDraft(t, k.did), `"type":["AchievementSubject"]`, `"type":["AchievementSubject"],"identifier":[{"type":"IdentityObject","hashed":true,"identityHash":"`+hash+`","identityType":"emailAddress","salt":"salt"}]`, 1), k, proofOf{})
	for _, who := range []verifier.Recipient{{Identity: "a@example.com", Type: "emailAddress"}, {Identity: "a@example.com"}, {Identity: "did:example:subject"}} {
		r := judgeExpecting(t, v, vc(known), verifier.Expect{Recipient: who})
		mustValid(t, r)
		if b, _ := r.MarshalJSON(); bytes.Contains(b, []byte("a@example.com")) {
			t.Error("the report names the recipient")
		}
	}
}

// TestContextVersions: a badge signed under any byte version of its context verifies,
// and the report names the version.
func TestContextVersions(t *testing.T) {
	k := newKey(t, "issuer")
	const url = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
	versions := ldcontext.Default().Versions(url)
	if len(versions) != 4 {
		t.Fatalf("%d versions", len(versions))
	}
	v := setup(t, verifier.Policy{})
	// Terms that came with later versions, so that the versions give other quads.
	for i, version := range versions {
		contexts := func(u string) *ldcontext.Version {
			if u == url {
				return version
			}
			return proof.Newest(nil)(u)
		}
		r := judge(t, v, vc(sign(t, badgeDraft(t, k.did), k, proofOf{contexts: contexts})))
		mustValid(t, r)
		if i == 0 && r.Contexts[1].SHA256 != version.Published.String() {
			t.Errorf("%+v", r.Contexts)
		}
	}
	// A caller's own newer version, under which a name means something else: what was
	// signed under the one before is found all the same, and said.
	changed := strings.Replace(versions[0].Doc.Text(), "https://purl.imsglobal.org/spec/vc/ob/vocab.html#Achievement\"", "https://example.com/Other\"", 1)
	newer := parseJSON(t, changed)
	canon, err := newer.CanonicalizeNode(0)
	if err != nil || changed == versions[0].Doc.Text() {
		t.Fatal("the context was not changed", err)
	}
	added, err := ldcontext.NewVersion(url, canon, sum256(canon))
	if err != nil {
		t.Fatal(err)
	}
	r := judge(t, setupTrust(t, verifier.Policy{}, &verifier.Trust{Any: true, Contexts: []*ldcontext.Version{added}}), vc(sign(t, badgeDraft(t, k.did), k, proofOf{})))
	mustValid(t, r)
	if !hasFinding(r, "older_context") || r.Contexts[1].SHA256 != versions[0].Published.String() {
		t.Errorf("%+v\n%s", r.Contexts, explain(r))
	}
}

func TestOpenBadges2(t *testing.T) {
	priv := rsaKey(t)
	signed, hosted := newOB2(t, priv, true), newOB2(t, priv, false)
	r := judge(t, setup(t, verifier.Policy{}, signed.docs(`"https://academy.example/other"`)...), signed.jws(t))
	mustValid(t, r)
	if r.Binding != verifier.BindingProfile || r.Issuer.Name != "Academy" || r.Subject.Type != "Robotics" || r.Lifecycle != verifier.Issued {
		t.Error(explain(r))
	}
	v := setup(t, verifier.Policy{}, hosted.docs("")...)
	mustValid(t, judge(t, v, raw(hosted.assertion)))
	mustValid(t, judge(t, v, chancery.Secured{MediaType: badge.MediaURL, Bytes: []byte(ob2Host + "assertion\n")}))
	mustValid(t, judgeExpecting(t, v, raw(hosted.assertion), verifier.Expect{Recipient: verifier.Recipient{Identity: "a@example.com", Type: "emailAddress"}}))
	if r := judge(t, v, chancery.Secured{MediaType: badge.MediaURL, Bytes: []byte("https://elsewhere.example/a")}); r.Reason != verifier.HostedUnavailable {
		t.Error(explain(r))
	}
	// Only the trusted.
	trust := &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: "did:example:other"}}, Documents: signed.docs("")}
	if r := judge(t, setupTrust(t, verifier.Policy{}, trust), signed.jws(t)); r.Reason != verifier.IssuerNotTrusted {
		t.Error(explain(r))
	}
}

func TestProfiles(t *testing.T) {
	k, other := newKey(t, "issuer"), newKey(t, "other")
	foreign := sign(t, draft(t, "https://issuer.example/1"), k, proofOf{})
	strict, lenient, conformance := setup(t, verifier.Policy{}), setup(t, verifier.Policy{Profile: verifier.Profile1EdTech}), setup(t, verifier.Policy{Profile: verifier.ProfileConformance})
	for _, v := range []*verifier.Verifier{strict, lenient} {
		if r := judge(t, v, vc(foreign)); r.Reason != verifier.IssuerMismatch {
			t.Error(explain(r))
		}
	}
	r := judge(t, conformance, vc(foreign))
	mustValid(t, r)
	if !slices.Contains(r.Insecure, "InsecureNoIssuerBinding (profile conformance)") || r.Profile != "conformance" || r.Binding != verifier.BindingNone {
		t.Errorf("%v %s", r.Insecure, explain(r))
	}
	// The conformance profile still refuses what is wrong otherwise.
	if r := judge(t, conformance, vc(strings.Replace(foreign, "Aina", "Anna", 1))); r.Reason != verifier.SignatureInvalid {
		t.Error(explain(r))
	}
	// Any proof, but the issuer's.
	one := sign(t, badgeDraft(t, k.did), k, proofOf{})
	d := parseJSON(t, one)
	two := with(t, one, `"proof":[`+d.Raw(d.Get(0, "proof"))+`,{"type":"SomeProof"}]`)
	if r := judge(t, strict, vc(two)); r.Reason != verifier.ProofTypeUnknown {
		t.Error(explain(r))
	}
	r = judge(t, lenient, vc(two))
	mustValid(t, r)
	if !hasFinding(r, "proof_not_verified") || r.Proofs[1].Reason != verifier.ProofTypeUnknown || !slices.Contains(r.Insecure, "InsecureAnyProof (profile 1edtech)") {
		t.Error(explain(r))
	}
	stranger := strings.Replace(sign(t, one, other, proofOf{}), `"2026-05-01T00:00:00Z","verificationMethod":"`+k.method, `"2026-05-02T00:00:00Z","verificationMethod":"`+k.method, 1)
	if r := judge(t, lenient, vc(stranger)); r.Outcome != verifier.Invalid {
		t.Error("a stranger's good proof carried the issuer's bad one: " + explain(r))
	}
	// A type of the extensions context without that context.
	const schema = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
	untyped := sign(t, with(t, badgeDraft(t, k.did), `"credentialSchema":[{"id":"`+schema+`"}]`), k, proofOf{})
	typed := strings.Replace(untyped, `[{"id":"`+schema+`"}]`, `[{"id":"`+schema+`","type":"1EdTechJsonSchemaValidator2019"}]`, 1)
	if r := judge(t, strict, vc(typed)); r.Reason != verifier.UndefinedTerm {
		t.Error(explain(r))
	}
	r = judge(t, lenient, vc(typed))
	mustValid(t, r)
	if !hasFinding(r, "unsigned_type") {
		t.Error(explain(r))
	}
	for name, bad := range map[string]string{
		"another undefined type": strings.Replace(typed, "1EdTechJsonSchemaValidator2019", "SomeValidator", 1),
		"another undefined term": strings.Replace(typed, `"type":"1EdTech`, `"note":"x","type":"1EdTech`, 1),
		"changed":                strings.Replace(typed, "Works with others.", "Works alone.", 1),
		"id changed":             strings.Replace(typed, schema, strings.Replace(schema, "json/ob", "json-ld/ob", 1), 1),
	} {
		if r := judge(t, lenient, vc(bad)); r.Outcome == verifier.Valid {
			t.Errorf("%s: valid", name)
		}
	}
	if _, err := verifier.ParseProfile("lax"); err == nil {
		t.Error("an unknown profile was accepted")
	}
	for _, p := range []verifier.Profile{verifier.ProfileStrict, verifier.Profile1EdTech, verifier.ProfileConformance} {
		if got, err := verifier.ParseProfile(p.String()); err != nil || got != p {
			t.Error(p, got, err)
		}
	}
}

func TestSwitches(t *testing.T) {
	k, other := newKey(t, "issuer"), newKey(t, "other")
	withStatus := vc(sign(t, with(t, draft(t, k.did), `"credentialStatus":`+entry(7, "revocation", "")), k, proofOf{}))
	r := judge(t, setup(t, verifier.Policy{InsecureNoStatus: true}), withStatus)
	mustValid(t, r)
	if !slices.Contains(r.Insecure, "InsecureNoStatus") || r.Lifecycle != "" {
		t.Error(explain(r))
	}
	r = judge(t, setup(t, verifier.Policy{InsecureNoIssuerBinding: true}), vc(sign(t, draft(t, k.did), other, proofOf{})))
	mustValid(t, r)
	if !slices.Contains(r.Insecure, "InsecureNoIssuerBinding") {
		t.Error(r.Insecure)
	}
	// A skewed clock.
	early := vc(sign(t, with(t, draft(t, k.did), `"validFrom":"2026-06-01T12:00:30Z"`), k, proofOf{created: "2026-06-01T12:00:30Z"}))
	mustValid(t, judge(t, setup(t, verifier.Policy{ClockSkew: time.Minute}), early))
	if r := judge(t, setup(t, verifier.Policy{ClockSkew: 10 * time.Second}), early); r.Outcome != verifier.Invalid {
		t.Error(explain(r))
	}
	// A keeper of status lists whom the trust file names.
	list := statusList(t, other, listBits(9))
	trust := verifier.TrustAny()
	trust.Documents = []verifier.PinnedDocument{pin(verifier.KindStatusList, listURL, list)}
	if r := judge(t, setupTrust(t, verifier.Policy{}, trust), withStatus); r.Reason != verifier.StatusListIssuer {
		t.Error(explain(r))
	}
	trust.Issuers = []verifier.TrustedIssuer{{ID: k.did, StatusIssuers: []string{other.did}}}
	mustValid(t, judge(t, setupTrust(t, verifier.Policy{}, trust), withStatus))
}

func TestJWKSAndController(t *testing.T) {
	k := newKey(t, "issuer")
	issuer := "https://academy.example/issuers/1"
	jwk, err := multikey.EncodePublicJWK(k.priv.Public())
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(string(jwk), "{", `{"kid":"key-1",`, 1)
	keys := pin(verifier.KindJWKS, "https://academy.example/.well-known/jwks.json", `{"keys":[`+named+`]}`)
	byKid := raw(jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"key-1"}`, draft(t, issuer)))
	r := judge(t, setup(t, verifier.Policy{}, keys), byKid)
	mustValid(t, r)
	if r.Binding != verifier.BindingJWKS {
		t.Error(r.Binding)
	}
	other := raw(jws(t, newKey(t, "other"), `{"alg":"EdDSA","typ":"vc+jwt","kid":"key-1"}`, draft(t, issuer)))
	if r := judge(t, setup(t, verifier.Policy{}, keys), other); r.Reason != verifier.SignatureInvalid {
		t.Error(explain(r))
	}
	if r := judge(t, setup(t, verifier.Policy{}, keys), raw(jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"key-9"}`, draft(t, issuer)))); r.Reason != verifier.MethodNotFound {
		t.Error(explain(r))
	}
	if r := judge(t, setup(t, verifier.Policy{}), byKid); r.Reason != verifier.KeyUnavailable {
		t.Error(explain(r))
	}
	web := k.as(issuer, "k0")
	text := vc(sign(t, draft(t, issuer), web, proofOf{}))
	r = judge(t, setup(t, verifier.Policy{}, pin(verifier.KindController, issuer, controller(issuer, []signKey{k}, "assertionMethod"))), text)
	mustValid(t, r)
	if r.Binding != verifier.BindingController || len(r.TrustInputs) < 2 {
		t.Error(explain(r), r.TrustInputs)
	}
}

func TestHandler(t *testing.T) {
	handler := func(r *verifier.Report) *verifier.Verifier {
		v, err := verifier.New(verifier.Config{Trust: verifier.TrustAny(), Clock: clockAt(now), Handlers: map[string]verifier.Handler{chancery.MediaPDF: handlerFunc(func() (*verifier.Report, error) { return r, nil })}})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	good := &verifier.Report{}
	good.Add(verifier.Check{ID: verifier.CheckPDFIntegrity, Result: verifier.Pass, Required: true})
	r := judge(t, handler(good), raw("%PDF-1.7\n"))
	mustValid(t, r)
	if r.MediaType != chancery.MediaPDF || r.Digest == "" || !r.EvaluatedAt.Equal(now) {
		t.Errorf("%+v", r)
	}
	// A handler cannot make a document valid without a check that passed.
	if r := judge(t, handler(&verifier.Report{Outcome: verifier.Valid}), raw("%PDF-1.7\n")); r.Outcome != verifier.Indeterminate {
		t.Error(explain(r))
	}
}

func TestReportJSON(t *testing.T) {
	k := newKey(t, "issuer")
	text := sign(t, with(t, badgeDraft(t, k.did), `"credentialStatus":`+entry(7, "revocation", "")), k, proofOf{})
	v := setup(t, verifier.Policy{}, pin(verifier.KindStatusList, listURL, statusList(t, k, listBits())))
	r := judge(t, v, vc(text))
	mustValid(t, r)
	a, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(judge(t, v, vc(text)))
	if !bytes.Equal(a, b) {
		t.Error("the same document gave two reports")
	}
	d := parseJSON(t, string(a)) // strict: no duplicate names
	for path, want := range map[string]string{
		"/outcome": `"valid"`, "/reason": "null", "/lifecycle": `"issued"`, "/offline": "true", "/evaluatedAt": `"2026-06-01T12:00:00Z"`, "/binding": `"did"`,
		"/checks/0/id": `"model"`, "/checks/0/result": `"pass"`, "/checks/0/required": "true", "/checks/0/code": "null", "/checks/0/evidence": "null",
		"/subject/type": `"Teamwork"`, "/issuer/name": `"Example Academy"`, "/proofs/0/code": "null", "/proofs/0/byIssuer": "true", "/profile": `"strict"`,
	} {
		if got := d.Raw(d.Lookup(path)); got != want {
			t.Errorf("%s: expected %s, found %s", path, want, got)
		}
	}
	if d.Len(d.Get(0, "trustInputs")) < 2 {
		t.Errorf("%s", a)
	}
	bad := judge(t, setup(t, verifier.Policy{}), vc(text))
	c, _ := bad.MarshalJSON()
	d = parseJSON(t, string(c))
	if d.String(d.Lookup("/reason")) != "status_unreachable" || d.Raw(d.Lookup("/lifecycle")) != "null" {
		t.Errorf("%s", c)
	}
	for _, g := range refusals(t) {
		if g.ctx == nil {
			j, _ := g.run(t).MarshalJSON()
			parseJSON(t, string(j))
		}
	}
	empty, _ := verifier.NewNotFound(now).MarshalJSON()
	if d := parseJSON(t, string(empty)); d.String(d.Get(0, "reason")) != "not_found" || d.Len(d.Get(0, "checks")) != 0 || d.String(d.Get(0, "outcome")) != "indeterminate" {
		t.Errorf("%s", empty)
	}
}

func FuzzVerify(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add([]byte(g.text))
	}
	f.Add([]byte(`{"@context":["https://www.w3.org/2018/credentials/v1"],"type":"VerifiablePresentation","verifiableCredential":["e.e.e"]}`))
	for _, r := range allRefusals(f) {
		if len(r.s.Bytes) < 20_000 {
			f.Add(r.s.Bytes)
		}
	}
	priv := rsaKey(f)
	docs := append(newOB2(f, priv, true).docs(""), pin(verifier.KindStatusList, listURL, statusList(f, newKey(f, "issuer"), listBits(9))))
	v, lenient := setup(f, verifier.Policy{}, docs...), setup(f, verifier.Policy{Profile: verifier.Profile1EdTech}, docs...)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []*verifier.Verifier{v, lenient} {
			start := time.Now()
			r := judge(t, v, chancery.Secured{Bytes: b})
			if took := time.Since(start); took > 5*time.Second {
				t.Fatalf("took %v", took)
			}
			j, _ := r.MarshalJSON()
			parseJSON(t, string(j))
		}
	})
}
