package verifier_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// now is when the tests of this package take place.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func clockAt(t time.Time) func() time.Time { return func() time.Time { return t } }

// signKey is a key with the identifiers of its did:key.
type signKey struct {
	priv   crypto.Signer
	did    string
	method string
}

func newKey(tb testing.TB, seed string) signKey {
	tb.Helper()
	sum := sha256.Sum256([]byte(seed))
	return keyOf(tb, ed25519.NewKeyFromSeed(sum[:]))
}

func keyOf(tb testing.TB, priv crypto.Signer) signKey {
	tb.Helper()
	id, method, err := did.FromKey(priv.Public())
	if err != nil {
		id, method, err = did.FromJWK(priv.Public())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return signKey{priv, id, method}
}

func newECKey(tb testing.TB, curve elliptic.Curve) signKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return keyOf(tb, k)
}

func (k signKey) multibase() string { return strings.TrimPrefix(k.did, "did:key:") }

// as gives the key another identifier.
func (k signKey) as(id, fragment string) signKey {
	k.did, k.method = id, id+"#"+fragment
	return k
}

// proofOf says how a proof is made. Members are added to its configuration.
type proofOf struct {
	suite    string // default eddsa-rdfc-2022
	purpose  string // default assertionMethod
	created  string // default a month before now; "-" for none
	method   string // default that of the key
	members  string // further members, `,"name":value`
	contexts proof.Resolver
}

func parseJSON(tb testing.TB, text string) *strictjson.Doc {
	tb.Helper()
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return d
}

// sign adds a proof to a document.
func sign(tb testing.TB, doc string, k signKey, opt proofOf) string {
	tb.Helper()
	def := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	def(&opt.suite, proof.EdDSARDFC2022)
	def(&opt.purpose, "assertionMethod")
	def(&opt.created, "2026-05-01T00:00:00Z")
	def(&opt.method, k.method)
	config := `{"type":"DataIntegrityProof","cryptosuite":"` + opt.suite + `"`
	if opt.suite == proof.TypeEd25519Signature2020 {
		config = `{"type":"` + opt.suite + `"`
	}
	if opt.created != "-" {
		config += `,"created":"` + opt.created + `"`
	}
	config += `,"verificationMethod":"` + opt.method + `","proofPurpose":"` + opt.purpose + `"` + opt.members + `}`
	p, err := proof.ParseConfig([]byte(config))
	if err != nil {
		tb.Fatal(err)
	}
	d := parseJSON(tb, doc)
	all, err := proof.Proofs(d)
	if err != nil && !errors.Is(err, proof.ErrNoProof) {
		tb.Fatal(err)
	}
	previous, err := proof.Previous(p, all)
	if err != nil {
		tb.Fatal(err)
	}
	suite, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
	if !ok {
		tb.Fatalf("no suite %s", opt.suite)
	}
	h, err := suite.Hash(proof.Input{Doc: d, Proof: p, Previous: previous, Key: k.priv.Public(), Contexts: opt.contexts})
	if err != nil {
		tb.Fatal(err)
	}
	value, err := suite.ProofValue(k.priv.Public(), rawSignature(tb, k.priv, h.Data, h.HashFunc))
	if err != nil {
		tb.Fatal(err)
	}
	signed := strings.TrimSuffix(config, "}") + `,"proofValue":"` + value + `"}`
	existing := d.Get(0, "proof")
	if d.Kind(existing) == strictjson.Array {
		signed = strings.TrimSuffix(d.Raw(existing), "]") + "," + signed + "]"
	} else if existing != strictjson.None {
		signed = "[" + d.Raw(existing) + "," + signed + "]"
	}
	return string(d.Rewrite(0, []strictjson.Member{{Name: "proof", Value: signed}}))
}

// rawSignature signs as JOSE and Data Integrity write it: r and s for ECDSA.
func rawSignature(tb testing.TB, priv crypto.Signer, data []byte, hash crypto.Hash) []byte {
	tb.Helper()
	switch k := priv.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(k, data)
	case *ecdsa.PrivateKey:
		h := hash.New()
		h.Write(data)
		r, s, err := ecdsa.Sign(rand.Reader, k, h.Sum(nil))
		if err != nil {
			tb.Fatal(err)
		}
		size := (k.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	h := hash.New()
	h.Write(data)
	b, err := priv.Sign(rand.Reader, h.Sum(nil), hash)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jws makes a compact JWS. The header is JSON text and names the algorithm.
func jws(tb testing.TB, k signKey, header, payload string) string {
	tb.Helper()
	alg := proof.Alg(parseJSON(tb, header).String(parseJSON(tb, header).Get(0, "alg")))
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	return text + "." + b64(rawSignature(tb, k.priv, []byte(text), alg.HashFunc()))
}

// draft is a credential of the data model 2.0 without proof. Members replace its own
// or are added.
func draft(tb testing.TB, issuer string, members ...string) string {
	tb.Helper()
	return with(tb, `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential"],"issuer":"`+issuer+`","validFrom":"2026-01-01T00:00:00Z","validUntil":"2027-01-01T00:00:00Z","credentialSubject":{"id":"did:example:subject","name":"Aina Rahman"}}`, members...)
}

// badgeDraft is an Open Badge 3.0 without proof.
func badgeDraft(tb testing.TB, issuer string, members ...string) string {
	tb.Helper()
	return with(tb, `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc34","type":["VerifiableCredential","OpenBadgeCredential"],"name":"Teamwork","issuer":{"id":"`+issuer+`","type":["Profile"],"name":"Example Academy"},"validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"did:example:subject","type":["AchievementSubject"],"achievement":{"id":"https://example.com/achievements/teamwork","type":["Achievement"],"name":"Teamwork","description":"Works with others.","criteria":{"narrative":"Named by peers."}}}}`, members...)
}

// with sets members of an object: `"name":value`, or `-name` to leave one out.
func with(tb testing.TB, doc string, members ...string) string {
	tb.Helper()
	d := parseJSON(tb, doc)
	var set []strictjson.Member
	var drop []string
	for _, m := range members {
		if name, ok := strings.CutPrefix(m, "-"); ok {
			drop = append(drop, name)
			continue
		}
		one := parseJSON(tb, "{"+m+"}")
		n := one.First(0)
		set = append(set, strictjson.Member{Name: one.Name(n), Value: one.Raw(n)})
	}
	return string(d.Rewrite(0, set, drop...))
}

// judge verifies and returns the report, whatever the outcome.
func judge(tb testing.TB, v *verifier.Verifier, s chancery.Secured) *verifier.Report {
	tb.Helper()
	return judgeExpecting(tb, v, s, v.Policy().Expect)
}

func judgeExpecting(tb testing.TB, v *verifier.Verifier, s chancery.Secured, e verifier.Expect) *verifier.Report {
	tb.Helper()
	r := judgeOnly(tb, v, s, e)
	sameRead(tb, r)
	return r
}

func judgeOnly(tb testing.TB, v *verifier.Verifier, s chancery.Secured, e verifier.Expect) *verifier.Report {
	tb.Helper()
	verified, err := v.VerifyExpecting(context.Background(), s, e)
	if err == nil {
		if verified.Report().Outcome != verifier.Valid || verified.Report().Reason != "" {
			tb.Fatalf("expected a valid report without error, found %v", verified.Report().Outcome)
		}
		return verified.Report()
	}
	var bad *verifier.Error
	if verified != nil || !errors.As(err, &bad) || bad.Report == nil || bad.Report.Outcome == verifier.Valid {
		tb.Fatalf("expected nothing but an *Error with a report that is not valid, found %v", err)
	}
	if bad.Reason != "" && !errors.Is(err, bad.Reason) {
		tb.Fatalf("expected the error to be its reason, found %v", err)
	}
	return bad.Report
}

// setup makes a verifier that trusts anyone, with further pinned documents.
func setup(tb testing.TB, policy verifier.Policy, docs ...verifier.PinnedDocument) *verifier.Verifier {
	tb.Helper()
	trust := verifier.TrustAny()
	trust.Documents = docs
	return setupTrust(tb, policy, trust)
}

func setupTrust(tb testing.TB, policy verifier.Policy, trust *verifier.Trust) *verifier.Verifier {
	tb.Helper()
	v, err := verifier.New(verifier.Config{Trust: trust, Policy: policy, Clock: clockAt(now)})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func pin(kind, url, document string) verifier.PinnedDocument {
	return verifier.PinnedDocument{Kind: kind, URL: url, Document: []byte(document)}
}

// controller is the document of an identifier whose keys serve the given purposes.
func controller(id string, keys []signKey, purposes ...string) string {
	var methods, refs []string
	for i, k := range keys {
		methods = append(methods, fmt.Sprintf(`{"id":"%s#k%d","type":"Multikey","controller":"%s","publicKeyMultibase":"%s"}`, id, i, id, k.multibase()))
		refs = append(refs, fmt.Sprintf(`"%s#k%d"`, id, i))
	}
	s := `{"@context":["https://www.w3.org/ns/did/v1","https://w3id.org/security/multikey/v1"],"id":"` + id + `","verificationMethod":[` + strings.Join(methods, ",") + `]`
	for _, p := range purposes {
		s += `,"` + p + `":[` + strings.Join(refs, ",") + `]`
	}
	return s + "}"
}

// encodeList packs a bitstring as status lists hold it.
func encodeList(bits []byte) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(bits)
	_ = z.Close()
	return "u" + b64(b.Bytes())
}

// listBits is a list of the least length with some entries set.
func listBits(set ...int) []byte {
	bits := make([]byte, 131072/8)
	for _, i := range set {
		bits[i/8] |= 0x80 >> (i % 8)
	}
	return bits
}

func vc(text string) chancery.Secured {
	return chancery.Secured{MediaType: chancery.MediaVC, Bytes: []byte(text)}
}

func explain(r *verifier.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %q\n", r.Outcome, string(r.Reason))
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "  %s %v required=%v %q %s\n", c.ID, c.Result, c.Required, string(c.Reason), c.Detail)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %v\n", f)
	}
	return b.String()
}

func sum256(b []byte) [32]byte { return sha256.Sum256(b) }
