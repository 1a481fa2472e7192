package proof

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

const sdConfig = `{"type":"DataIntegrityProof","cryptosuite":"ecdsa-sd-2023","created":"2026-05-01T12:00:00Z","verificationMethod":"https://vc.example/issuers/5678#k","proofPurpose":"assertionMethod"}`

var sdIssuer = sync.OnceValue(func() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

func parseText(tb testing.TB, text string) *strictjson.Doc {
	tb.Helper()
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return d
}

// withProof puts a proof with a proofValue onto a document.
func withProof(tb testing.TB, doc, value string) string {
	tb.Helper()
	own := strings.TrimSuffix(sdConfig, "}") + `,"proofValue":"` + value + `"}`
	return string(parseText(tb, doc).Rewrite(0, []strictjson.Member{{Name: "proof", Value: own}}))
}

// issueBase signs a document as issuers do.
func issueBase(tb testing.TB, doc string, issuer *ecdsa.PrivateKey, pointers ...string) string {
	tb.Helper()
	config, err := ParseConfig([]byte(sdConfig))
	if err != nil {
		tb.Fatal(err)
	}
	hmacKey := make([]byte, 32)
	rand.Read(hmacKey)
	base, err := NewSDBase(Input{Doc: parseText(tb, doc), Proof: config}, hmacKey, pointers)
	if err != nil {
		tb.Fatal(err)
	}
	scoped, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	var signatures [][]byte
	for _, line := range base.NonMandatory {
		signatures = append(signatures, es256(tb, scoped, line))
	}
	data, err := base.SignData(&scoped.PublicKey)
	if err != nil {
		tb.Fatal(err)
	}
	value, err := base.ProofValue(es256(tb, issuer, data), &scoped.PublicKey, signatures)
	if err != nil {
		tb.Fatal(err)
	}
	return withProof(tb, doc, value)
}

func sdInput(tb testing.TB, text string) Input {
	tb.Helper()
	d := parseText(tb, text)
	all, err := Proofs(d)
	if err != nil {
		tb.Fatal(err)
	}
	return Input{Doc: d, Proof: all[0], Key: sdIssuer().Public()}
}

func deriveText(tb testing.TB, base string, pointers ...string) string {
	tb.Helper()
	b, err := DeriveSD(sdInput(tb, base), pointers)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// verifyText judges the one proof of a document, from its text.
func verifyText(text string, key crypto.PublicKey) error {
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		return err
	}
	all, err := Proofs(d)
	if err != nil {
		return err
	}
	h, err := ecdsaSD{}.Hash(Input{Doc: d, Proof: all[0], Key: key})
	if err != nil {
		return err
	}
	return ecdsaSD{}.Verify(key, h, all[0].ProofValue)
}

func diploma(name, degree string) string {
	return `{"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential"],"issuer":"https://vc.example/issuers/5678","validUntil":"2027-01-01T00:00:00Z",` +
		`"credentialSubject":{"name":"` + name + `","degree":{"type":"ExampleBachelorDegree","name":"` + degree + `"},"alumniOf":"The School"},"evidence":[{"type":"Evidence","name":"one"},{"type":"Evidence","name":"two"}]}`
}

// forged is a derived document taken apart.
type forged struct {
	doc string // without proof
	v   sdDerivedValue
}

func takeApart(tb testing.TB, derived string) forged {
	tb.Helper()
	in := sdInput(tb, derived)
	v, err := parseSDDerived(in.Proof.ProofValue)
	if err != nil {
		tb.Fatal(err)
	}
	return forged{string(in.Doc.Rewrite(0, nil, "proof")), v}
}

func (f forged) text(tb testing.TB) string { return withProof(tb, f.doc, f.v.encode()) }

// TestSDForgeries: what a holder might do to a derived document.
func TestSDForgeries(t *testing.T) {
	base := issueBase(t, diploma("Aina Rahman", "BSc"), sdIssuer(), "/issuer", "/validUntil")
	all := []string{"/credentialSubject", "/evidence"}
	good := deriveText(t, base, all...)
	if err := verifyText(good, sdIssuer().Public()); err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) func(*forged) {
		return func(f *forged) {
			if !strings.Contains(f.doc, old) {
				t.Errorf("%q is not in %s", old, f.doc)
			}
			f.doc = strings.Replace(f.doc, old, new, 1)
		}
	}
	attacker, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	attackerKey, err := sdKeyBytes(&attacker.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	last := func(f *forged) int { return len(f.v.mandatory) - 1 }
	for name, change := range map[string]func(*forged){
		"mandatory member left out": replace(`"validUntil":"2027-01-01T00:00:00Z",`, ""),
		"mandatory member left out, index too": func(f *forged) {
			replace(`"validUntil":"2027-01-01T00:00:00Z",`, "")(f)
			f.v.mandatory = f.v.mandatory[:last(f)]
		},
		"mandatory member changed":              replace("2027", "2099"),
		"member changed":                        replace("BSc", "PhD"),
		"member added":                          replace(`"alumniOf"`, `"familyName":"x","alumniOf"`),
		"undefined member added":                replace(`"@context"`, `"@context":["https://www.w3.org/ns/credentials/v2"],"x"`),
		"unselected without its signature gone": replace(`,"alumniOf":"The School"`, ""),
		"members moved to another node":         replace(`"name":"one"},{"type":"Evidence","name":"two"`, `"name":["one","two"]},{"type":"Evidence"`),
		"values of two nodes exchanged":         replace(`"name":"Aina Rahman","degree":{"type":"ExampleBachelorDegree","name":"BSc"}`, `"name":"BSc","degree":{"type":"ExampleBachelorDegree","name":"Aina Rahman"}`),
		"an index left out":                     func(f *forged) { f.v.mandatory = f.v.mandatory[:last(f)] },
		"an index added":                        func(f *forged) { f.v.mandatory = append(f.v.mandatory, f.v.mandatory[last(f)]+1) },
		"an index beyond the end":               func(f *forged) { f.v.mandatory[last(f)] = 10_000 },
		"an index twice":                        func(f *forged) { f.v.mandatory = append(f.v.mandatory, f.v.mandatory[last(f)]) },
		"indexes in another order":              func(f *forged) { slices.Reverse(f.v.mandatory) },
		"no index":                              func(f *forged) { f.v.mandatory = nil },
		"mandatory statement signed by itself": func(f *forged) {
			f.v.mandatory = f.v.mandatory[1:]
			f.v.signatures = slices.Insert(f.v.signatures, 0, f.v.baseSignature)
		},
		"statement made mandatory":                func(f *forged) { f.v.mandatory = []int{0, 1, 2, 3, 4, 5}; f.v.signatures = f.v.signatures[3:] },
		"a signature left out":                    func(f *forged) { f.v.signatures = f.v.signatures[1:] },
		"a signature twice":                       func(f *forged) { f.v.signatures[1] = f.v.signatures[0] },
		"a signature added":                       func(f *forged) { f.v.signatures = append(f.v.signatures, f.v.signatures[0]) },
		"signatures in another order":             func(f *forged) { f.v.signatures[0], f.v.signatures[1] = f.v.signatures[1], f.v.signatures[0] },
		"no signature":                            func(f *forged) { f.v.signatures = nil },
		"a signature of zeros":                    func(f *forged) { f.v.signatures[0] = make([]byte, 64) },
		"a base signature of zeros":               func(f *forged) { f.v.baseSignature = make([]byte, 64) },
		"the base signature of a statement":       func(f *forged) { f.v.baseSignature = f.v.signatures[0] },
		"labels exchanged":                        func(f *forged) { f.v.labels[0], f.v.labels[1] = f.v.labels[1], f.v.labels[0] },
		"a label twice":                           func(f *forged) { f.v.labels[0] = f.v.labels[1] },
		"a label of another node":                 func(f *forged) { f.v.labels[0] = bytes.Repeat([]byte{7}, 32) },
		"a label left out":                        func(f *forged) { f.v.labels = f.v.labels[:len(f.v.labels)-1] },
		"a label added":                           func(f *forged) { f.v.labels = append(f.v.labels, bytes.Repeat([]byte{7}, 32)) },
		"no label":                                func(f *forged) { f.v.labels = nil },
		"a proof key of the attacker's":           func(f *forged) { f.v.publicKey = attackerKey },
		"all signed with a key of the attacker's": func(f *forged) { f.v.publicKey = attackerKey; resign(t, f, attacker) },
		"a node split in two":                     replace(`"evidence":[{"type":"Evidence","name":"one"}`, `"evidence":[{"type":"Evidence"},{"name":"one"}`),
		"a node merged":                           replace(`{"type":"Evidence","name":"one"},{"type":"Evidence","name":"two"}`, `{"type":"Evidence","name":["one","two"]}`),
		"a blank node given an identifier":        replace(`"degree":{`, `"degree":{"id":"urn:x",`),
		"an identifier left out":                  replace(`"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",`, ""),
	} {
		f := takeApart(t, good)
		change(&f)
		text := f.text(t)
		if text == good {
			t.Errorf("%s: nothing changed", name)
		}
		if err := verifyText(text, sdIssuer().Public()); err == nil {
			t.Errorf("%s: verifies\n%s", name, text)
		}
	}
	// The labels of blank nodes in the document's own text are no part of what is signed.
	f := takeApart(t, good)
	replace(`"degree":{`, `"degree":{"id":"_:x",`)(&f)
	if err := verifyText(f.text(t), sdIssuer().Public()); err != nil {
		t.Errorf("a blank node with a label: %v", err)
	}
	for name, change := range map[string][2]string{"purpose": {"assertionMethod", "authentication"}, "created": {"12:00:00Z", "12:00:01Z"}, "method": {"5678#k", "5678#j"},
		"expires": {`"created"`, `"expires":"2030-01-01T00:00:00Z","created"`}, "challenge": {`"created"`, `"challenge":"c","created"`}, "id": {`"type":"DataI`, `"id":"urn:p","type":"DataI`},
		"previousProof": {`"created"`, `"previousProof":"urn:p","created"`}, "suite": {"ecdsa-sd-2023", "ecdsa-rdfc-2019"}, "derived as base": {`"u2V0B`, `"u2V0A`}} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Errorf("%s: nothing changed", name)
		}
		if verifyText(text, sdIssuer().Public()) == nil {
			t.Errorf("%s of the proof can be changed", name)
		}
	}
	if verifyText(good, attacker.Public()) == nil {
		t.Error("verifies with another key")
	}
}

// resign signs all statements that are not mandatory with another key.
func resign(tb testing.TB, f *forged, key *ecdsa.PrivateKey) {
	tb.Helper()
	h, err := ecdsaSD{}.Hash(sdInput(tb, f.text(tb)))
	if err != nil {
		tb.Fatal(err)
	}
	for i, line := range h.sd.lines {
		f.v.signatures[i] = es256(tb, key, line)
	}
}

// TestSDSplices: parts of the proofs of two documents by one issuer never verify together.
func TestSDSplices(t *testing.T) {
	one := takeApart(t, deriveText(t, issueBase(t, diploma("Aina Rahman", "BSc"), sdIssuer(), "/issuer"), "/credentialSubject"))
	two := takeApart(t, deriveText(t, issueBase(t, diploma("Aina Rahman", "PhD"), sdIssuer(), "/issuer"), "/credentialSubject"))
	for mask := range 1 << 6 {
		f := one
		f.v.signatures = slices.Clone(one.v.signatures)
		for bit, take := range []func(){
			func() { f.doc = two.doc },
			func() { f.v.baseSignature = two.v.baseSignature },
			func() { f.v.publicKey = two.v.publicKey },
			func() { f.v.signatures = slices.Clone(two.v.signatures) },
			func() { f.v.labels = two.v.labels },
			func() { f.v.mandatory = two.v.mandatory },
		} {
			if mask>>bit&1 == 1 {
				take()
			}
		}
		same := mask|1<<5 == 1<<5 || mask|1<<5 == 1<<6-1
		if slices.Equal(one.v.mandatory, two.v.mandatory) && same {
			continue
		}
		if verifyText(f.text(t), sdIssuer().Public()) == nil {
			t.Errorf("%06b verifies", mask)
		}
	}
	// Single signatures of the other document, one by one.
	for i := range one.v.signatures {
		for _, s := range two.v.signatures {
			f := one
			f.v.signatures = slices.Clone(one.v.signatures)
			f.v.signatures[i] = s
			if verifyText(f.text(t), sdIssuer().Public()) == nil {
				t.Errorf("a signature of another document as %d", i)
			}
		}
	}
}

// TestSDHolderIsFree: what is not mandatory can be left out with its signature, and no
// more than that; this is what the suite is for.
func TestSDHolderIsFree(t *testing.T) {
	base := issueBase(t, diploma("Aina Rahman", "BSc"), sdIssuer(), "/issuer")
	if !IsBaseProof(sdInput(t, base).Proof) || IsBaseProof(sdInput(t, deriveText(t, base, "")).Proof) || IsBaseProof(Proof{Type: TypeDataIntegrity, Cryptosuite: ECDSARDFC2019, ProofValue: "u2V0A"}) {
		t.Error("base proofs are not told from others")
	}
	for _, pointers := range [][]string{{"/credentialSubject"}, {"/credentialSubject/degree/name"}, {"/evidence/1", "/credentialSubject/name"}, {"/type/0"}, {""}, {"/evidence", "/evidence/0/name", "/evidence"}} {
		text := deriveText(t, base, pointers...)
		if err := verifyText(text, sdIssuer().Public()); err != nil {
			t.Errorf("%q: %v", pointers, err)
		}
	}
	if _, err := DeriveSD(sdInput(t, issueBase(t, diploma("Aina Rahman", "BSc"), sdIssuer())), nil); !errors.Is(err, ErrPointer) {
		t.Errorf("nothing at all: %v", err)
	}
	if whole := deriveText(t, base, ""); len(takeApart(t, whole).v.signatures) != len(mustBase(t, base).signatures) {
		t.Error("the whole document has fewer statements than the document")
	}
}

func mustBase(tb testing.TB, text string) sdBaseValue {
	tb.Helper()
	v, err := parseSDBase(sdInput(tb, text).Proof.ProofValue)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// TestSDEveryByte: a derived proof with any byte of its value changed does not verify,
// and a base proof is no good to its holder.
func TestSDEveryByte(t *testing.T) {
	badge, err := os.ReadFile(filepath.Join("testdata", "badge.json"))
	if err != nil {
		t.Fatal(err)
	}
	base := issueBase(t, string(badge), sdIssuer(), "/issuer", "/validUntil")
	if err := VerifySDBase(sdInput(t, base)); err != nil {
		t.Fatal(err)
	}
	derived := deriveText(t, base, "/credentialSubject/achievement/resultDescription", "/evidence/1", "/evidence/6")
	changed := func(text string, verify func(Input) error, step int) {
		in := sdInput(t, text)
		raw, err := multikey.DecodeBase64URL(in.Proof.ProofValue[1:])
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(in); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(raw); i += step {
			for _, flip := range []byte{1, 0x20, 0x80} {
				b := slices.Clone(raw)
				b[i] ^= flip
				in.Proof.ProofValue = multikey.EncodeMultibase64(b)
				if verify(in) == nil {
					t.Errorf("verifies with byte %d of %d changed", i, len(raw))
				}
			}
		}
		for _, cut := range []int{0, 1, 3, 4, 70, len(raw) - 1} {
			in.Proof.ProofValue = multikey.EncodeMultibase64(raw[:cut])
			if verify(in) == nil {
				t.Errorf("verifies with %d bytes", cut)
			}
		}
		in.Proof.ProofValue = multikey.EncodeMultibase64(append(slices.Clone(raw), 0))
		if verify(in) == nil {
			t.Error("verifies with a byte more")
		}
	}
	changed(derived, func(in Input) error {
		h, err := ecdsaSD{}.Hash(in)
		if err != nil {
			return err
		}
		return ecdsaSD{}.Verify(in.Key, h, in.Proof.ProofValue)
	}, 17)
	changed(base, VerifySDBase, 401)
}

// TestSDHashIsOfItsValue: the proofValue that is verified is the one that was hashed.
func TestSDHashIsOfItsValue(t *testing.T) {
	base := issueBase(t, diploma("Aina Rahman", "BSc"), sdIssuer(), "/issuer")
	a, b := sdInput(t, deriveText(t, base, "/credentialSubject")), sdInput(t, deriveText(t, base, "/evidence"))
	h, err := ecdsaSD{}.Hash(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := (ecdsaSD{}).Verify(a.Key, h, b.Proof.ProofValue); !errors.Is(err, ErrProofValue) {
		t.Errorf("another value: %v", err)
	}
	if err := (ecdsaSD{}).Verify(a.Key, Hashed{}, a.Proof.ProofValue); !errors.Is(err, ErrProofValue) {
		t.Errorf("nothing hashed: %v", err)
	}
	if _, err := (ecdsaSD{}).ProofValue(a.Key, make([]byte, 64)); !errors.Is(err, ErrSuite) {
		t.Errorf("one signature: %v", err)
	}
	for _, key := range []crypto.PublicKey{nil, (*ecdsa.PublicKey)(nil), &ecdsa.PublicKey{}, 5} {
		if err := (ecdsaSD{}).Verify(key, h, a.Proof.ProofValue); !errors.Is(err, ErrKeyType) {
			t.Errorf("key %v: %v", key, err)
		}
		a.Key = key
		if err := VerifySDBase(a); !errors.Is(err, ErrKeyType) {
			t.Errorf("key %v: %v", key, err)
		}
	}
	if _, err := NewSDBase(Input{Doc: a.Doc, Proof: a.Proof}, make([]byte, 31), nil); !errors.Is(err, ErrShape) {
		t.Errorf("a short HMAC key: %v", err)
	}
}

// TestSDManyStatements: more statements than a verifier takes are not signed.
func TestSDManyStatements(t *testing.T) {
	var names strings.Builder
	for i := range 4200 {
		fmt.Fprintf(&names, `,"name %d"`, i)
	}
	doc := strings.Replace(diploma("Aina Rahman", "BSc"), `"name":"Aina Rahman"`, `"name":[`+names.String()[1:]+`]`, 1)
	config, err := ParseConfig([]byte(sdConfig))
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Doc: parseText(t, doc), Proof: config}
	if _, err := NewSDBase(in, make([]byte, 32), nil); err == nil {
		t.Error("signed too many statements")
	}
	if _, err := NewSDBase(in, make([]byte, 32), []string{"/credentialSubject/name"}); err != nil {
		t.Errorf("mandatory statements count: %v", err)
	}
}

// TestSDLargest: what can be issued can be derived from and verified, up to the bounds on
// a document, and nothing beyond them is issued.
func TestSDLargest(t *testing.T) {
	doc := func(n int) string {
		var nodes strings.Builder
		for i := range n {
			fmt.Fprintf(&nodes, `,{"type":"Evidence","name":"name %d"}`, i)
		}
		return strings.Replace(diploma("Aina Rahman", "BSc"), `{"type":"Evidence","name":"one"}`, nodes.String()[1:], 1)
	}
	base := issueBase(t, doc(5400), sdIssuer(), "/evidence", "/credentialSubject")
	if err := verifyText(deriveText(t, base, "/validUntil"), sdIssuer().Public()); err != nil {
		t.Error(err)
	}
	config, err := ParseConfig([]byte(sdConfig))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSDBase(Input{Doc: parseText(t, doc(5500)), Proof: config}, make([]byte, 32), []string{"/evidence"}); err == nil {
		t.Error("a document beyond the bounds was hashed")
	}
	// Nodes without a statement each of their own count as well.
	lists := strings.Replace(diploma("Aina Rahman", "BSc"), `"alumniOf":"The School"`, `"alumniOf":{"@list":[`+strings.Repeat(`"x",`, limits.SDBlankNodes)+`"x"]}`, 1)
	if _, err := NewSDBase(Input{Doc: parseText(t, lists), Proof: config}, make([]byte, 32), []string{"/credentialSubject"}); err == nil {
		t.Error("a document with too many nodes was hashed")
	}
	if _, err := (ecdsaSD{}).Hash(sdInput(t, withProof(t, doc(5500), sdInput(t, deriveText(t, base, "/validUntil")).Proof.ProofValue))); err == nil || errors.Is(err, ErrSignature) {
		t.Errorf("a document beyond the bounds: %v", err)
	}
}
