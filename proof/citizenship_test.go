package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/testvectors"
)

// canonicalText makes the canonical form of a document by a suite, with a proof
// configuration that does not matter.
func canonicalText(tb testing.TB, doc []byte, name string, key crypto.PublicKey) (string, proof.Hashed) {
	tb.Helper()
	s, ok := proof.SuiteByName(proof.TypeDataIntegrity, name)
	if !ok {
		tb.Fatalf("no suite %s", name)
	}
	p, err := proof.ParseConfig([]byte(`{"type":"DataIntegrityProof","cryptosuite":"` + name + `","verificationMethod":"https://example.com/1","proofPurpose":"assertionMethod"}`))
	if err != nil {
		tb.Fatal(err)
	}
	h, err := s.Hash(proof.Input{Doc: parse(tb, doc), Proof: p, Key: key, Contexts: proof.Newest(nil)})
	if err != nil {
		tb.Fatal(err)
	}
	c, err := h.CanonicalDocument()
	if err != nil {
		tb.Fatal(err)
	}
	return string(c.Text), h
}

func p384(tb testing.TB) crypto.PublicKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k.Public()
}

// TestEmploymentForms compares the canonical forms of the employment document, which
// several specifications share, with those they publish; those that come with proofs
// are in TestSpecificationVectors.
func TestEmploymentForms(t *testing.T) {
	const quantum = "di-quantum-safe/testVectors/"
	edKey := make(ed25519.PublicKey, ed25519.PublicKeySize)
	for _, tt := range []struct {
		doc, suite, want string
		key              crypto.PublicKey
		hash             func(string) []byte
	}{
		{quantum + "inputs/employmentAuth.json", proof.EdDSARDFC2022, quantum + "commonAlgs/transform-rdfc-sha256.txt", edKey, sum256},
		{quantum + "inputs/employmentAuth.json", proof.ECDSARDFC2019, quantum + "commonAlgs/transform-rdfc-sha384.txt", p384(t), sum384},
		{quantum + "inputs/employmentAuth.json", proof.EdDSAJCS2022, quantum + "commonAlgs/transform-jcs-sha256.txt", edKey, sum256},
		{quantum + "inputs/employmentAuth.json", proof.ECDSAJCS2019, quantum + "commonAlgs/transform-jcs-sha256.txt", p384(t), sum384},
		{"vc-di-ecdsa/TestVectors/ecdsa-sd-2023/employ/addSignedSDBase.json", proof.EdDSARDFC2022, "vc-di-ecdsa/TestVectors/ecdsa-sd-2023/employ/addBaseDocCanon.json", edKey, sum256},
		{"vc-di-bbs/TestVectors/prc/addSignedSDBase.json", proof.EdDSARDFC2022, "vc-di-bbs/TestVectors/prc/addBaseDocCanon.json", edKey, sum256},
		{"vc-di-ecdsa/TestVectors/ecdsa-sd-2023/prc/addSignedSDBase.json", proof.EdDSARDFC2022, "vc-di-ecdsa/TestVectors/ecdsa-sd-2023/prc/addBaseDocCanon.json", edKey, sum256},
	} {
		t.Run(tt.suite+" "+tt.want, func(t *testing.T) {
			want := string(testvectors.ReadShared(t, "w3c", tt.want))
			if strings.HasSuffix(tt.want, ".json") { // a list of lines
				d := parse(t, []byte(want))
				want = ""
				d.Each(0, func(n strictjson.Node) bool { want += d.String(n); return true })
			}
			got, h := canonicalText(t, testvectors.ReadShared(t, "w3c", tt.doc), tt.suite, tt.key)
			if strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("expected\n%s\nfound\n%s", want, got)
			}
			if hex.EncodeToString(h.Document) != hex.EncodeToString(tt.hash(got)) {
				t.Errorf("expected the hash of the canonical form, found %x", h.Document)
			}
		})
	}
}

func sum256(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }
func sum384(s string) []byte { h := sha512.Sum384([]byte(s)); return h[:] }

// TestExamplesContext: the first examples context brings another with it, and the
// specification's own example is read under both.
func TestExamplesContext(t *testing.T) {
	doc := `{"@context":["https://www.w3.org/2018/credentials/v1","https://www.w3.org/2018/credentials/examples/v1","https://w3id.org/security/data-integrity/v2"],` +
		`"id":"http://example.edu/credentials/3732","type":["VerifiableCredential","UniversityDegreeCredential"],"issuer":"https://example.edu/issuers/14",` +
		`"issuanceDate":"2010-01-01T19:23:24Z","credentialSubject":{"id":"did:example:ebfeb1f712ebc6f1c276e12ec21","degree":{"type":"BachelorDegree","name":"Bachelor of Science"}}}`
	const want = `<did:example:ebfeb1f712ebc6f1c276e12ec21> <https://example.org/examples#degree> _:c14n0 .
<http://example.edu/credentials/3732> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://example.org/examples#UniversityDegreeCredential> .
<http://example.edu/credentials/3732> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiableCredential> .
<http://example.edu/credentials/3732> <https://www.w3.org/2018/credentials#credentialSubject> <did:example:ebfeb1f712ebc6f1c276e12ec21> .
<http://example.edu/credentials/3732> <https://www.w3.org/2018/credentials#issuanceDate> "2010-01-01T19:23:24Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
<http://example.edu/credentials/3732> <https://www.w3.org/2018/credentials#issuer> <https://example.edu/issuers/14> .
_:c14n0 <http://schema.org/name> "Bachelor of Science"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#HTML> .
_:c14n0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://example.org/examples#BachelorDegree> .
`
	got, _ := canonicalText(t, []byte(doc), proof.EdDSARDFC2022, make(ed25519.PublicKey, ed25519.PublicKeySize))
	if got != want {
		t.Errorf("expected\n%s\nfound\n%s", want, got)
	}
}
