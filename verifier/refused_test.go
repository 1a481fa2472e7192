package verifier_test

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"errors"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// refusal is a document that is not valid, and the one reason why.
type refusal struct {
	name   string
	want   verifier.Reason
	s      chancery.Secured
	trust  *verifier.Trust // nil: anyone
	docs   []verifier.PinnedDocument
	policy verifier.Policy
	config func(*verifier.Config)
	ctx    context.Context
	check  string // the check that must have it, "" for any
}

func plainPNG(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func bakedPNG(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := badge.Bake(&b, bytes.NewReader(plainPNG(tb)), vc(text), badge.BakeOptions{}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// failingKeys is a source of keys that is down.
type failingKeys struct{ err error }

func (f failingKeys) Controller(context.Context, string) (verifier.Document, error) {
	return verifier.Document{}, f.err
}
func (f failingKeys) JWKS(context.Context, string) (verifier.Document, error) {
	return verifier.Document{}, f.err
}

func raw(text string) chancery.Secured { return chancery.Secured{Bytes: []byte(text)} }

func inputRefusals(tb testing.TB) []refusal {
	k := newKey(tb, "issuer")
	good := sign(tb, badgeDraft(tb, k.did), k, proofOf{})
	broken := bakedPNG(tb, good)
	broken[len(broken)-30] ^= 1
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	return []refusal{
		{name: "text", want: verifier.UnknownContent, s: raw("hello")},
		{name: "empty", want: verifier.UnknownContent, s: raw("")},
		{name: "PDF without handler", want: verifier.UnsupportedMediaType, s: raw("%PDF-1.7\n")},
		{name: "evidence without handler", want: verifier.UnsupportedMediaType, s: raw("\xd9\xd9\xf7\xa0")},
		{name: "parts of evidence without the evidence", want: verifier.UnknownContent, s: raw("\xd9\xd9\xf7\x83\x6echancery-parts\x01\x80")},
		{name: "handler gives up", want: verifier.Canceled, s: raw("%PDF-1.7\n"), config: func(c *verifier.Config) {
			c.Handlers = map[string]verifier.Handler{chancery.MediaPDF: handlerFunc(func() (*verifier.Report, error) { return nil, errors.New("x") })}
		}},
		{name: "11 MB", want: verifier.TooLarge, s: raw(`{"type":"VerifiableCredential","x":"` + strings.Repeat("x", 11<<20) + `"}`)},
		{name: "11 MB of dots", want: verifier.TooLarge, s: chancery.Secured{MediaType: chancery.MediaJWT, Bytes: bytes.Repeat([]byte{'.'}, 11<<20)}},
		{name: "duplicate name", want: verifier.MalformedJSON, s: raw(strings.Replace(good, `"name":"Teamwork"`, `"name":"Teamwork","name":"Teamwork"`, 1))},
		{name: "trailing data", want: verifier.MalformedJSON, s: raw(good + "{}")},
		{name: "number outside of doubles", want: verifier.MalformedJSON, s: raw(strings.Replace(good, `"Teamwork"`, `9007199254740993`, 1))},
		{name: "lone surrogate", want: verifier.MalformedJSON, s: raw(strings.Replace(good, `"Teamwork"`, `"\ud800"`, 1))},
		{name: "duplicate name in a JWT", want: verifier.MalformedJSON, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt"}`, `{"a":1,"a":2}`))},
		{name: "broken PNG", want: verifier.ImageMalformed, s: raw(string(broken))},
		{name: "SVG with a document type", want: verifier.ImageMalformed, s: raw(`<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>`)},
		{name: "PNG without badge", want: verifier.NoCredential, s: raw(string(plainPNG(tb)))},
		{name: "SVG without badge", want: verifier.NoCredential, s: raw(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
		{name: "other JSON", want: verifier.NotACredential, s: raw(`{"a":1}`)},
		{name: "stopped", want: verifier.Canceled, s: vc(good), ctx: stopped},
	}
}

func modelRefusals(tb testing.TB) []refusal {
	k := newKey(tb, "issuer")
	good := draft(tb, k.did)
	list := []refusal{}
	// Faults of the data model, signed as they are: JCS signs any JSON.
	for name, members := range map[string][]string{
		"issuer is no URL":           {`"issuer":"Academy"`},
		"issuer without id":          {`"issuer":{"name":"Academy"}`},
		"issuer missing":             {"-issuer"},
		"subject missing":            {"-credentialSubject"},
		"subject empty":              {`"credentialSubject":{}`},
		"subject a string":           {`"credentialSubject":"x"`},
		"subject list empty":         {`"credentialSubject":[]`},
		"subject id is no URL":       {`"credentialSubject":{"id":"subject"}`},
		"id is no URL":               {`"id":"58172aac"`},
		"type missing":               {"-type"},
		"type of something else":     {`"type":["Credential"]`},
		"type a number":              {`"type":["VerifiableCredential",1]`},
		"context missing":            {"-@context"},
		"context in another order":   {`"@context":["https://www.w3.org/ns/credentials/examples/v2","https://www.w3.org/ns/credentials/v2"]`},
		"context a number":           {`"@context":["https://www.w3.org/ns/credentials/v2",1]`},
		"status without type":        {`"credentialStatus":{"id":"https://example.com/s"}`},
		"status a string":            {`"credentialStatus":"https://example.com/s"`},
		"schema without type":        {`"credentialSchema":{"id":"https://example.com/s"}`},
		"schema without id":          {`"credentialSchema":{"type":"JsonSchema"}`},
		"schema id is no URL":        {`"credentialSchema":{"id":"s","type":"JsonSchema"}`},
		"refresh without type":       {`"refreshService":{"id":"https://example.com/s"}`},
		"terms of use without type":  {`"termsOfUse":{"id":"https://example.com/s"}`},
		"evidence without type":      {`"evidence":[{"id":"https://example.com/s"}]`},
		"evidence a number":          {`"evidence":[1]`},
		"name a number":              {`"name":1`},
		"description without @value": {`"description":{"text":"x"}`},
		"resource id twice":          {`"relatedResource":[{"id":"https://example.com/a","digestMultibase":"uEiBZVc7eatf9Poy7B60n5n-dUYMS6BGXbyhqGoHIZqLaQg"},{"id":"https://example.com/a","digestMultibase":"uEiBZVc7eatf9Poy7B60n5n-dUYMS6BGXbyhqGoHIZqLaQg"}]`},
		"resource without digest":    {`"relatedResource":[{"id":"https://example.com/a"}]`},
		"resource with a bad digest": {`"relatedResource":[{"id":"https://example.com/a","digestSRI":"md5-AAAA"}]`},
	} {
		list = append(list, refusal{name: name, want: verifier.ModelInvalid, s: vc(sign(tb, with(tb, good, members...), k, proofOf{suite: proof.EdDSAJCS2022}))})
	}
	v1 := with(tb, badgeDraft(tb, k.did), `"@context":["https://www.w3.org/2018/credentials/v1","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json"]`, "-validFrom")
	inline := with(tb, badgeDraft(tb, k.did), `"@context":["https://www.w3.org/2018/credentials/v1","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json","https://w3id.org/security/data-integrity/v2"]`, "-validFrom", `"issuanceDate":"2026-01-01T00:00:00Z"`, `"description":"Honoured"`)
	inlineNested := with(tb, draft(tb, k.did), `"credentialSubject":{"@context":{"name":"https://evil.example/colour"},"id":"did:example:subject","name":"x"}`)
	signed := sign(tb, good, k, proofOf{})
	clique := cliqueDraft(tb, k.did, 11)
	return append(list,
		refusal{name: "VC 1.1 without issuanceDate", want: verifier.ModelInvalid, s: vc(sign(tb, v1, k, proofOf{suite: proof.EdDSAJCS2022}))},
		refusal{name: "envelope with a second type", want: verifier.ModelInvalid, s: raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":["EnvelopedVerifiableCredential","X"],"id":"data:application/vc+jwt,e.e.e"}`)},
		refusal{name: "envelope of SD-JWT", want: verifier.UnsupportedMediaType, s: raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+sd-jwt,e.e.e~"}`)},
		refusal{name: "envelope of COSE", want: verifier.UnsupportedMediaType, s: raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+cose;base64,0oRY"}`)},
		refusal{name: "envelope of a presentation in COSE", want: verifier.UnsupportedMediaType, s: raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiablePresentation","id":"data:application/vp+cose;base64,0oRY"}`)},
		refusal{name: "envelope of a credential around a presentation", want: verifier.ModelInvalid, s: raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vp+cose;base64,0oRY"}`)},
		refusal{name: "envelope of text", want: verifier.ModelInvalid, s: raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:text/plain,e.e.e"}`)},
		refusal{name: "envelope without data", want: verifier.ModelInvalid, s: raw(`{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"https://example.com/"}`)},
		refusal{name: "holder is no URL", want: verifier.ModelInvalid, s: raw(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiablePresentation","holder":"me"}`)},
		refusal{name: "context not pinned", want: verifier.UnknownContext, s: vc(with(tb, signed, `"@context":["https://www.w3.org/ns/credentials/v2","https://example.com/unknown"]`)), check: verifier.CheckContext},
		refusal{name: "inline context changes a shown member", want: verifier.ContextRedefinition, s: vc(with(tb, sign(tb, inline, k, proofOf{}), `"@context":["https://www.w3.org/2018/credentials/v1","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json","https://w3id.org/security/data-integrity/v2",{"description":"https://evil.example/colour"}]`)), check: verifier.CheckContext},
		refusal{name: "nested context changes a shown member", want: verifier.ContextRedefinition, s: vc(sign(tb, inlineNested, k, proofOf{suite: proof.EdDSAJCS2022})), check: verifier.CheckContext},
		refusal{name: "inline context against a protected term", want: verifier.ContextRedefinition, s: vc(with(tb, signed, `"@context":["https://www.w3.org/ns/credentials/v2",{"VerifiableCredential":"https://evil.example/x"}]`))},
		refusal{name: "member that no context defines", want: verifier.UndefinedTerm, s: vc(with(tb, signed, `"grade":"A"`)), check: verifier.CheckContext},
		refusal{name: "type that no context defines", want: verifier.UndefinedTerm, s: vc(with(tb, signed, `"type":["VerifiableCredential","Diploma"]`)), check: verifier.CheckContext},
		refusal{name: "undefined member in a JWT", want: verifier.UndefinedTerm, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, with(tb, good, `"grade":"A"`))), check: verifier.CheckContext},
		refusal{name: "undefined member under JCS", want: verifier.UndefinedTerm, s: vc(sign(tb, with(tb, good, `"grade":"A"`), k, proofOf{suite: proof.EdDSAJCS2022})), check: verifier.CheckContext},
		refusal{name: "JSON-LD that is not supported", want: verifier.UnsupportedJSONLD, s: vc(with(tb, signed, `"@context":["https://www.w3.org/ns/credentials/v2",{"@base":"https://example.com/"}]`)), check: verifier.CheckContext},
		refusal{name: "clique of blank nodes", want: verifier.WorkLimit, s: vc(with(tb, clique, `"proof":`+parseJSON(tb, signed).Raw(parseJSON(tb, signed).Get(0, "proof")))), check: verifier.CheckContext},
		refusal{name: "context with another digest", want: verifier.RelatedResourceMismatch, s: vc(sign(tb, with(tb, good, `"relatedResource":[{"id":"https://www.w3.org/ns/credentials/v2","digestSRI":"sha256-JBjJADcPr0yDyZMHGjiBqDGCyzBJyZfBcL+Y0FF2t3o="}]`), k, proofOf{})), check: verifier.CheckRelatedResource},
		refusal{name: "pinned resource with another digest", want: verifier.RelatedResourceMismatch, docs: []verifier.PinnedDocument{pin(verifier.KindSchema, "https://example.com/a", "{}")}, s: vc(sign(tb, with(tb, good, `"relatedResource":[{"id":"https://example.com/a","digestSRI":"sha256-JBjJADcPr0yDyZMHGjiBqDGCyzBJyZfBcL+Y0FF2t3o="}]`), k, proofOf{})), check: verifier.CheckRelatedResource},
	)
}

// cliqueDraft is a credential whose subjects are n blank nodes that all refer to each
// other.
func cliqueDraft(tb testing.TB, issuer string, n int) string {
	var nodes []string
	for i := range n {
		var refs []string
		for j := range n {
			if i != j {
				refs = append(refs, fmt.Sprintf(`{"id":"_:n%d"}`, j))
			}
		}
		nodes = append(nodes, fmt.Sprintf(`{"id":"_:n%d","https://example.com/knows":[%s]}`, i, strings.Join(refs, ",")))
	}
	return with(tb, draft(tb, issuer), `"credentialSubject":{"https://example.com/knows":[`+strings.Join(nodes, ",")+`]}`)
}

func proofRefusals(tb testing.TB) []refusal {
	k, other := newKey(tb, "issuer"), newKey(tb, "other")
	p256 := newECKey(tb, elliptic.P256())
	good := draft(tb, k.did)
	signed := sign(tb, good, k, proofOf{})
	header := `{"alg":"EdDSA","typ":"vc+jwt","kid":"` + k.method + `"}`
	jwt := jws(tb, k, header, good)
	cut := func(s, old, new string) string {
		if !strings.Contains(s, old) {
			tb.Fatalf("no %s in %s", old, s)
		}
		return strings.Replace(s, old, new, 1)
	}
	chain := sign(tb, sign(tb, good, k, proofOf{members: `,"id":"urn:proof:1"`}), other, proofOf{members: `,"previousProof":"urn:proof:1"`})
	chainDoc := parseJSON(tb, chain)
	second := chainDoc.Raw(chainDoc.Index(chainDoc.Get(0, "proof"), 1))
	first := chainDoc.Raw(chainDoc.Index(chainDoc.Get(0, "proof"), 0))
	pres := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + k.did + `"}`
	asking := verifier.Policy{Expect: verifier.Expect{Domain: "verifier.example", Challenge: "c1"}}
	badgeJWT := with(tb, badgeDraft(tb, k.did), `"iss":"`+k.did+`"`, `"jti":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc34"`, `"sub":"did:example:subject"`, `"nbf":1767225600`)
	return []refusal{
		{name: "no proof", want: verifier.NoProof, s: vc(good)},
		{name: "empty list of proofs", want: verifier.NoProof, s: vc(with(tb, good, `"proof":[]`))},
		{name: "proof a string", want: verifier.ModelInvalid, s: vc(with(tb, good, `"proof":"x"`))},
		{name: "proof without proofValue", want: verifier.ProofMalformed, s: vc(with(tb, good, `"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","verificationMethod":"`+k.method+`","proofPurpose":"assertionMethod"}`))},
		{name: "proof without cryptosuite", want: verifier.ProofMalformed, s: vc(cut(signed, `"cryptosuite":"eddsa-rdfc-2022",`, ``))},
		{name: "proofValue in another base", want: verifier.ProofMalformed, s: vc(cut(signed, `"proofValue":"z`, `"proofValue":"u`))},
		{name: "proofs with one id", want: verifier.ProofMalformed, s: vc(with(tb, good, `"proof":[`+first+`,`+first+`]`))},
		{name: "created is no time", want: verifier.ProofMalformed, s: vc(cut(signed, "2026-05-01T00:00:00Z", "yesterday"))},
		{name: "unknown cryptosuite", want: verifier.ProofTypeUnknown, s: vc(cut(signed, "eddsa-rdfc-2022", "eddsa-rdfc-2099"))},
		{name: "unknown proof type", want: verifier.ProofTypeUnknown, s: vc(cut(signed, `"DataIntegrityProof"`, `"RsaSignature2018"`))},
		{name: "one unknown among good ones", want: verifier.ProofTypeUnknown, s: vc(with(tb, good, `"proof":[`+first+`,{"type":"RsaSignature2018"}]`))},
		{name: "changed text", want: verifier.SignatureInvalid, s: vc(cut(signed, "Aina", "Anna")), check: verifier.CheckSignature},
		{name: "changed proof", want: verifier.SignatureInvalid, s: vc(cut(signed, "2026-05-01", "2026-05-02")), check: verifier.CheckSignature},
		{name: "another's proof", want: verifier.SignatureInvalid, s: vc(cut(sign(tb, good, other, proofOf{}), other.method, k.method))},
		{name: "one bad among good ones", want: verifier.SignatureInvalid, s: vc(cut(sign(tb, signed, other, proofOf{}), `"2026-05-01T00:00:00Z","verificationMethod":"`+other.method, `"2026-05-02T00:00:00Z","verificationMethod":"`+other.method))},
		{name: "changed JWT", want: verifier.SignatureInvalid, s: raw(cut(jwt, ".", "."+"")[:len(jwt)-3] + flip(jwt[len(jwt)-3:]))},
		{name: "P-256 key under an EdDSA suite", want: verifier.KeyTypeMismatch, s: vc(cut(signed, k.method, p256.method))},
		{name: "credential signed for authentication", want: verifier.ProofPurposeMismatch, s: vc(sign(tb, good, k, proofOf{purpose: "authentication"}))},
		{name: "presentation signed for assertion", want: verifier.ProofPurposeMismatch, s: raw(sign(tb, pres, k, proofOf{}))},
		{name: "proof expired", want: verifier.ProofExpired, s: vc(sign(tb, good, k, proofOf{members: `,"expires":"2026-05-31T00:00:00Z"`}))},
		{name: "proof expires now", want: verifier.ProofExpired, s: vc(sign(tb, good, k, proofOf{members: `,"expires":"` + now.Format(time.RFC3339) + `"`}))},
		{name: "proof of tomorrow", want: verifier.ProofCreatedInFuture, s: vc(sign(tb, good, k, proofOf{created: "2026-06-02T12:00:00Z"}))},
		{name: "other domain", want: verifier.DomainMismatch, policy: asking, s: raw(sign(tb, pres, k, proofOf{purpose: "authentication", members: `,"domain":"evil.example","challenge":"c1"`}))},
		{name: "no domain", want: verifier.DomainMismatch, policy: asking, s: raw(sign(tb, pres, k, proofOf{purpose: "authentication", members: `,"challenge":"c1"`}))},
		{name: "other challenge", want: verifier.ChallengeMismatch, policy: asking, s: raw(sign(tb, pres, k, proofOf{purpose: "authentication", members: `,"domain":["x.example","verifier.example"],"challenge":"c2"`}))},
		{name: "other audience of a JWT", want: verifier.DomainMismatch, policy: asking, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vp+jwt","kid":"`+k.method+`"}`, with(tb, pres, `"aud":"evil.example"`, `"nonce":"c1"`)))},
		{name: "other nonce of a JWT", want: verifier.ChallengeMismatch, policy: asking, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vp+jwt","kid":"`+k.method+`"}`, with(tb, pres, `"aud":"verifier.example"`)))},
		{name: "previous proof taken away", want: verifier.PreviousProofMissing, s: vc(with(tb, good, `"proof":`+second))},
		{name: "edge of a chain taken away", want: verifier.SignatureInvalid, s: vc(cut(chain, `,"previousProof":"urn:proof:1"`, ``))},
		{name: "first of a chain changed", want: verifier.SignatureInvalid, s: vc(cut(chain, `"created":"2026-05-01T00:00:00Z"`, `"created":"2026-05-01T00:00:01Z"`))},
		{name: "chain in a circle", want: verifier.PreviousProofCycle, s: vc(with(tb, good, `"proof":[`+cut(first, `"id":"urn:proof:1"`, `"id":"urn:proof:1","previousProof":"urn:proof:2"`)+`,`+cut(second, `"previousProof"`, `"id":"urn:proof:2","previousProof"`)+`]`))},
		{name: "critical header", want: verifier.JOSEMalformed, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","crit":["b64"],"b64":false}`, good))},
		{name: "duplicate header", want: verifier.JOSEMalformed, s: raw(jwtOf(`{"alg":"EdDSA","alg":"EdDSA"}`, good))},
		{name: "private key in the header", want: verifier.JOSEMalformed, s: raw(jwtOf(`{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA"}}`, good))},
		{name: "alg none", want: verifier.JOSEAlgorithm, s: chancery.Secured{MediaType: chancery.MediaJWT, Bytes: []byte(jwtOf(`{"alg":"none"}`, good))}},
		{name: "alg HS256", want: verifier.JOSEAlgorithm, s: raw(jwtOf(`{"alg":"HS256","kid":"`+k.method+`"}`, good))},
		{name: "algorithm of another key", want: verifier.JOSEAlgorithm, s: raw(jwtOf(`{"alg":"ES256","typ":"vc+jwt","kid":"`+k.method+`"}`, good))},
		{name: "presentation type in a credential's container", want: verifier.JOSEType, s: chancery.Secured{MediaType: chancery.MediaVCJWT, Bytes: []byte(jws(tb, k, `{"alg":"EdDSA","typ":"vp+jwt"}`, good))}},
		{name: "SD-JWT type", want: verifier.JOSEType, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"dc+sd-jwt"}`, good))},
		{name: "cty of a presentation", want: verifier.JOSEType, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"vc+jwt","cty":"vp"}`, good))},
		{name: "vc claim in vc+jwt", want: verifier.JOSEClaims, s: raw(jws(tb, k, header, with(tb, good, `"vc":{}`)))},
		{name: "iss of another", want: verifier.JOSEClaims, s: raw(jws(tb, k, header, with(tb, good, `"iss":"did:example:other"`)))},
		{name: "jti of another", want: verifier.JOSEClaims, s: raw(jws(tb, k, header, with(tb, good, `"jti":"urn:x:y"`)))},
		{name: "sub of another", want: verifier.JOSEClaims, s: raw(jws(tb, k, header, with(tb, good, `"sub":"did:example:other"`)))},
		{name: "badge JWT with another nbf", want: verifier.JOSEClaims, s: raw(jws(tb, k, `{"alg":"EdDSA","typ":"JWT","kid":"`+k.method+`"}`, with(tb, badgeJWT, `"nbf":1767225601`)))},
	}
}

func jwtOf(header, payload string) string {
	return b64([]byte(header)) + "." + b64([]byte(payload)) + "." + b64(make([]byte, 64))
}

func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

type handlerFunc func() (*verifier.Report, error)

func (f handlerFunc) Examine(context.Context, *verifier.Verifier, chancery.Secured, verifier.Expect) (*verifier.Report, error) {
	return f()
}
