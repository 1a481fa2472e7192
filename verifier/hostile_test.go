package verifier_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
)

// countingSource answers every question with the same bytes, and counts.
type countingSource struct {
	asked *atomic.Int64
	text  string
}

func (s countingSource) answer() (verifier.Document, error) {
	s.asked.Add(1)
	return verifier.Document{Bytes: []byte(s.text)}, nil
}

func (s countingSource) Controller(context.Context, string) (verifier.Document, error) {
	return s.answer()
}
func (s countingSource) JWKS(context.Context, string) (verifier.Document, error) { return s.answer() }
func (s countingSource) StatusList(context.Context, string) (verifier.Document, error) {
	return s.answer()
}
func (s countingSource) Document(context.Context, string) (verifier.Document, error) {
	return s.answer()
}

// TestFetchesAreBounded: a document cannot make a verifier ask without end.
func TestFetchesAreBounded(t *testing.T) {
	k := newKey(t, "issuer")
	var inner []string
	for i := range 60 {
		var entries []string
		for j := range 10 {
			entries = append(entries, strings.ReplaceAll(entry(7, "revocation", ""), listURL, fmt.Sprintf("https://victim.example/%d/%d", i, j)))
		}
		inner = append(inner, sign(t, with(t, draft(t, k.did), `"credentialStatus":[`+strings.Join(entries, ",")+`]`), k, proofOf{}))
	}
	pres := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[` + strings.Join(inner, ",") + `]}`
	signed := sign(t, pres, k, proofOf{purpose: "authentication", suite: "eddsa-jcs-2022"})
	for name, answer := range map[string]string{"nothing": "{}", "the presentation itself": signed, "one of its credentials": inner[0]} {
		var asked atomic.Int64
		s := countingSource{&asked, answer}
		v, err := verifier.New(verifier.Config{Trust: verifier.TrustAny(), Clock: clockAt(now), Keys: s, Status: s, Documents: s})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r := judge(t, v, raw(signed))
		if r.Outcome == verifier.Valid || asked.Load() != 256 || time.Since(start) > 5*time.Second {
			t.Errorf("%s: %d questions, %v, %v", name, asked.Load(), r.Outcome, time.Since(start))
		}
	}
}

// TestWorkIsBounded: many proofs over a large document end soon.
func TestWorkIsBounded(t *testing.T) {
	k := newKey(t, "issuer")
	var subjects []string
	for i := range 12_000 {
		subjects = append(subjects, fmt.Sprintf(`{"id":"urn:x:%d","name":"%s"}`, i, strings.Repeat("x", 20)))
	}
	one := sign(t, badgeDraft(t, k.did), k, proofOf{})
	d := parseJSON(t, one)
	p := d.Raw(d.Get(0, "proof"))
	proofs := strings.TrimSuffix(strings.Repeat(p+",", 32), ",")
	text := with(t, badgeDraft(t, k.did), `"credentialSubject":[`+strings.Join(subjects, ",")+`]`, `"proof":[`+proofs+`]`)
	start := time.Now()
	r := judge(t, setup(t, verifier.Policy{}), vc(text))
	if r.Outcome == verifier.Valid {
		t.Error(explain(r))
	}
	t.Logf("%d bytes, 32 proofs: %v, %s", len(text), time.Since(start), string(r.Reason))
	if took := time.Since(start); took > 10*time.Second { // the machine may be busy
		t.Errorf("took %v", took)
	}
}

// TestDeepNesting: records within records are judged to a depth, and no further.
func TestDeepNesting(t *testing.T) {
	k := newKey(t, "issuer")
	text := sign(t, badgeDraft(t, k.did), k, proofOf{})
	for range 8 {
		text = sign(t, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[`+text+`]}`, k, proofOf{purpose: "authentication", suite: "eddsa-jcs-2022"})
	}
	if r := judge(t, setup(t, verifier.Policy{}), raw(text)); r.Outcome == verifier.Valid {
		t.Error(explain(r))
	}
	envelope := "eyJ.e.e"
	for range 6 {
		envelope = b64([]byte(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,` + envelope + `"}`))
	}
	if r := judge(t, setup(t, verifier.Policy{}), raw(jwtOf(`{"alg":"EdDSA"}`, envelope))); r.Outcome == verifier.Valid {
		t.Error(explain(r))
	}
}

// TestListsOfOtherKinds: what stands in for a status list is not judged in its place.
func TestListsOfOtherKinds(t *testing.T) {
	k := newKey(t, "issuer")
	credential := vc(sign(t, with(t, draft(t, k.did), `"credentialStatus":`+entry(7, "revocation", "")), k, proofOf{}))
	pres := sign(t, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"]}`, k, proofOf{purpose: "authentication"})
	for name, list := range map[string]string{
		"presentation":    pres,
		"JWT of one":      jws(t, k, `{"alg":"EdDSA","typ":"vp+jwt","kid":"`+k.method+`"}`, pres),
		"assertion":       newOB2(t, rsaKey(t), false).assertion,
		"the credential":  string(credential.Bytes),
		"an image":        string(plainPNG(t)),
		"an open badge":   sign(t, badgeDraft(t, k.did), k, proofOf{}),
		"an empty object": "{}",
	} {
		r := judge(t, setup(t, verifier.Policy{}, pin(verifier.KindStatusList, listURL, list)), credential)
		if r.Reason != verifier.StatusListType {
			t.Errorf("%s: %s", name, explain(r))
		}
	}
}

// TestProvenTimeIsTheDocuments: that a credential is old says nothing of a list that
// was fetched today, signed with the stolen key.
func TestProvenTimeIsTheDocuments(t *testing.T) {
	k, keeper := newKey(t, "issuer"), newKey(t, "keeper")
	credential := vc(sign(t, with(t, draft(t, k.did), `"credentialStatus":`+entry(7, "revocation", "")), k, proofOf{}))
	trust := &verifier.Trust{
		Issuers: []verifier.TrustedIssuer{
			{ID: k.did, StatusIssuers: []string{keeper.did}},
			{ID: keeper.did, Keys: []verifier.TrustedKey{{Method: keeper.method, Key: keeper.priv.Public(), Revoked: day("2026-05-15")}}},
		},
		Documents: []verifier.PinnedDocument{pin(verifier.KindStatusList, listURL, statusList(t, keeper, listBits(9)))},
	}
	r := judgeExpecting(t, setupTrust(t, verifier.Policy{}, trust), credential, verifier.Expect{ExistedAt: day("2026-05-10")})
	if r.Reason != verifier.StatusListSignature {
		t.Error(explain(r))
	}
}

// TestRecipientOfPresentation: who a presentation is for is decided by its
// credentials, not left out.
func TestRecipientOfPresentation(t *testing.T) {
	k := newKey(t, "issuer")
	pres := sign(t, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[`+sign(t, draft(t, k.did), k, proofOf{})+`]}`, k, proofOf{purpose: "authentication"})
	v := setup(t, verifier.Policy{})
	mustValid(t, judgeExpecting(t, v, raw(pres), verifier.Expect{Recipient: verifier.Recipient{Identity: "did:example:subject"}}))
	if r := judgeExpecting(t, v, raw(pres), verifier.Expect{Recipient: verifier.Recipient{Identity: "did:example:other"}}); r.Reason != verifier.InnerInvalid {
		t.Error(explain(r))
	}
}

// TestUnknownContextUnderJWT: the signature covers the text, but nobody here knows
// what it means.
func TestUnknownContextUnderJWT(t *testing.T) {
	k := newKey(t, "issuer")
	text := jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, with(t, draft(t, k.did), `"@context":["https://www.w3.org/ns/credentials/v2","https://example.com/unknown"]`))
	if r := judge(t, setup(t, verifier.Policy{}), chancery.Secured{Bytes: []byte(text)}); r.Reason != verifier.UnknownContext {
		t.Error(explain(r))
	}
	r := judge(t, setup(t, verifier.Policy{Profile: verifier.ProfileConformance}), chancery.Secured{Bytes: []byte(text)})
	mustValid(t, r)
	if !hasFinding(r, "unknown_context") {
		t.Error(explain(r))
	}
}
