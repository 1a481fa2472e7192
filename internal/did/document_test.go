package did

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

const (
	edKey   = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
	p256Key = "zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP"
	edJWK   = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

// TestMakeAndRead: identifiers and documents of every kind of key are read back.
func TestMakeAndRead(t *testing.T) {
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := []crypto.PublicKey{ed, &p384.PublicKey, &p521.PublicKey, &r.PublicKey}
	for i, k := range keys {
		made := []func(crypto.PublicKey) (string, string, error){FromJWK}
		if i < 2 {
			made = append(made, FromKey)
		} else if _, _, err := FromKey(k); !errors.Is(err, multikey.ErrUnsupported) {
			t.Errorf("%T as did:key: %v", k, err)
		}
		for _, make := range made {
			did, method, err := make(k)
			if err != nil {
				t.Fatal(err)
			}
			d, err := ResolvePure(method)
			if err != nil || d.ID != did {
				t.Fatalf("%s: %v", method, err)
			}
			m, err := d.Method(method, Authentication)
			if err != nil || !multikey.Equal(m.Key, k) {
				t.Errorf("%s: %v", method, err)
			}
			text, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			back, err := ParseDocument(text, did)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if m2, err := back.Method(method, Authentication); err != nil || !multikey.Equal(m2.Key, k) || m2.Type != m.Type {
				t.Errorf("%s: got %+v, %v", text, m2, err)
			}
		}
	}
	d, err := NewDocument("did:web:example.com", keys...)
	if err != nil {
		t.Fatal(err)
	}
	d.Methods[0].Revoked = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	text, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseDocument(text, d.ID)
	if err != nil || len(back.Methods) != 4 {
		t.Fatalf("%s: %v", text, err)
	}
	for i, m := range back.Methods {
		if m.ID != d.Methods[i].ID || !multikey.Equal(m.Key, keys[i]) || !m.For(CapabilityDelegation) || m.For(KeyAgreement) || !m.Revoked.Equal(d.Methods[i].Revoked) {
			t.Errorf("got %+v", m)
		}
	}
	if _, err := NewDocument("did:web:example.com", ed, ed); !errors.Is(err, ErrDocument) {
		t.Errorf("one key twice: %v", err)
	}
	if _, err := NewDocument("example.com", ed); !errors.Is(err, ErrSyntax) {
		t.Errorf("relative identifier: %v", err)
	}
}

// doc writes a document about did:web:a with members in addition to its id.
func doc(members string) string { return `{"id":"did:web:a",` + members + `}` }

// vm writes a verification method.
func vm(id, typ, more string) string {
	return `{"id":"` + id + `","type":"` + typ + `","controller":"did:web:a",` + more + `}`
}

const material = `"publicKeyMultibase":"` + edKey + `"`

func TestParseDocument(t *testing.T) {
	ed25519Raw, err := multikey.DecodeMultibase(edKey)
	if err != nil {
		t.Fatal(err)
	}
	text := doc(`"@context":["https://www.w3.org/ns/did/v1"],"controller":["did:web:a","did:web:b"],"alsoKnownAs":"https://a.example",
		"verificationMethod":[` + strings.Join([]string{
		vm("#k1", "Multikey", material),
		vm("did:web:a#k2", "JsonWebKey", `"publicKeyJwk":`+edJWK),
		vm("did:web:a#k3", "JsonWebKey2020", `"publicKeyJwk":`+edJWK+`,"expires":"2031-01-01T00:00:00Z","revoked":"2030-06-01T02:00:00+02:00"`),
		vm("did:web:a#k4", "Ed25519VerificationKey2020", material),
		vm("did:web:a#k5", "Ed25519VerificationKey2018", `"publicKeyBase58":"`+multikey.EncodeBase58(ed25519Raw[2:])+`"`),
		vm("did:web:a#k6", "X25519KeyAgreementKey2020", `"publicKeyMultibase":"z6LSxxxx"`),
		vm("did:web:a#k7", "Multikey", `"publicKeyMultibase":"z6MkBroken"`),
		`{"id":"#k8","type":"Multikey",` + material + `}`,
		vm("did:web:b#k9", "Multikey", material),
		vm("did:web:a#k10", "Multikey", `"publicKeyMultibase":"`+p256Key+`"`),
	}, ",") + `],
		"assertionMethod":["#k1","did:web:a#k2","did:web:a#k3","#k4","#k5","#k6","#k7","#k8","did:web:b#k9","did:web:c#k",` + vm("#k11", "Multikey", material) + `],
		"authentication":"did:web:a#k10",
		"keyAgreement":[` + vm("#k12", "Multikey", material) + `]`)
	d, err := ParseDocument([]byte(text), "did:web:a")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Methods) != 12 || len(d.Controllers) != 2 || len(d.AlsoKnownAs) != 1 {
		t.Errorf("got %+v", d)
	}
	type ask struct {
		id string
		p  Purpose
	}
	for a, want := range map[ask]error{
		{"did:web:a#k1", AssertionMethod}:       nil,
		{"did:web:a#k1", Authentication}:        ErrPurpose,
		{"did:web:a#k1", "other"}:               ErrPurpose,
		{"did:web:a#k1", ""}:                    ErrPurpose,
		{"#k1", AssertionMethod}:                ErrNoMethod,
		{"did:web:a", AssertionMethod}:          ErrNoMethod,
		{"did:web:a#k2", AssertionMethod}:       nil,
		{"did:web:a#k3", AssertionMethod}:       nil,
		{"did:web:a#k4", AssertionMethod}:       nil,
		{"did:web:a#k5", AssertionMethod}:       nil,
		{"did:web:a#k6", AssertionMethod}:       ErrKey,
		{"did:web:a#k7", AssertionMethod}:       ErrKey,
		{"did:web:a#k8", AssertionMethod}:       ErrNoController,
		{"did:web:b#k9", AssertionMethod}:       ErrNoMethod,
		{"did:web:a#k10", AssertionMethod}:      ErrPurpose,
		{"did:web:a#k10", Authentication}:       nil,
		{"did:web:a#k11", AssertionMethod}:      nil,
		{"did:web:a#k11", Authentication}:       ErrPurpose,
		{"did:web:a#k12", KeyAgreement}:         nil,
		{"did:web:a#k12", AssertionMethod}:      ErrPurpose,
		{"did:web:c#k", AssertionMethod}:        ErrNoMethod,
		{"did:web:a#K1", AssertionMethod}:       ErrNoMethod,
		{"did:web:a#k1#k1", AssertionMethod}:    ErrNoMethod,
		{"", AssertionMethod}:                   ErrNoMethod,
		{"did:web:a#k1", CapabilityInvocation}:  ErrPurpose,
		{"did:web:a#k10", CapabilityDelegation}: ErrPurpose,
	} {
		m, err := d.Method(a.id, a.p)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%v: got %v, want %v", a, err, want)
		}
		if (m.Key != nil) != (err == nil || errors.Is(err, ErrNoController)) {
			t.Errorf("%v: got key %v with error %v", a, m.Key, err)
		}
	}
	m, err := d.Method("did:web:a#k3", AssertionMethod)
	if err != nil || m.Expires.Year() != 2031 || !m.Revoked.Equal(time.Date(2030, 6, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v, %v", m, err)
	}
	if !d.Refers("did:web:c#k", AssertionMethod) || d.Refers("did:web:c#k", Authentication) || d.Refers("did:web:a#k1", AssertionMethod) {
		t.Error("references to other documents are wrong")
	}
	if _, err := ParseDocument([]byte(text), "did:web:b"); !errors.Is(err, ErrIdentity) {
		t.Errorf("asked for another: %v", err)
	}
	same := doc(`"verificationMethod":[` + vm("#k", "Multikey", material) + `],"assertionMethod":[` + vm("#k", "Multikey", material) + `]`)
	if d, err := ParseDocument([]byte(same), ""); err != nil || len(d.Methods) != 1 || !d.Methods[0].For(AssertionMethod) {
		t.Errorf("one method twice in the same words: %v", err)
	}
}

func TestParseDocumentRefuses(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`"did:web:b#k",`, maxMethods+1), ",")
	for name, text := range map[string]string{
		"no id":                  `{"verificationMethod":[]}`,
		"id null":                `{"id":null}`,
		"id a number":            `{"id":1}`,
		"id empty":               `{"id":""}`,
		"id relative":            `{"id":"a"}`,
		"id a fragment":          `{"id":"#a"}`,
		"id with fragment":       `{"id":"did:web:a#k"}`,
		"id malformed":           `{"id":"did:web:"}`,
		"id with user name":      `{"id":"https://a@b/"}`,
		"array":                  `[]`,
		"string":                 `"did:web:a"`,
		"methods a string":       doc(`"verificationMethod":"#k"`),
		"method a string":        doc(`"verificationMethod":["#k"]`),
		"method null":            doc(`"verificationMethod":[null]`),
		"method without id":      doc(`"verificationMethod":[{"type":"Multikey",` + material + `}]`),
		"method without type":    doc(`"verificationMethod":[{"id":"#k",` + material + `}]`),
		"type an array":          doc(`"verificationMethod":[{"id":"#k","type":["Multikey"],` + material + `}]`),
		"controller a list":      doc(`"verificationMethod":[{"id":"#k","type":"Multikey","controller":["did:web:a"],` + material + `}]`),
		"controller relative":    doc(`"verificationMethod":[{"id":"#k","type":"Multikey","controller":"a",` + material + `}]`),
		"controller empty":       doc(`"verificationMethod":[{"id":"#k","type":"Multikey","controller":"",` + material + `}]`),
		"relative method id":     doc(`"verificationMethod":[` + vm("k", "Multikey", material) + `]`),
		"method id only #":       doc(`"verificationMethod":[` + vm("#", "Multikey", material) + `]`),
		"method id two #":        doc(`"verificationMethod":[` + vm("#a#b", "Multikey", material) + `]`),
		"method id with space":   doc(`"verificationMethod":[` + vm("did:web:a#k k", "Multikey", material) + `]`),
		"one id, two keys":       doc(`"verificationMethod":[` + vm("#k", "Multikey", material) + `,` + vm("did:web:a#k", "Multikey", `"publicKeyMultibase":"`+p256Key+`"`) + `]`),
		"one id, embedded too":   doc(`"verificationMethod":[` + vm("#k", "Multikey", material) + `],"assertionMethod":[` + vm("#k", "Multikey", `"publicKeyMultibase":"`+p256Key+`"`) + `]`),
		"one id, revoked once":   doc(`"verificationMethod":[` + vm("#k", "Multikey", material) + `,` + vm("#k", "Multikey", material+`,"revoked":"2020-01-01T00:00:00Z"`) + `]`),
		"relationship a number":  doc(`"assertionMethod":[1]`),
		"relationship relative":  doc(`"assertionMethod":["k"]`),
		"relationship null":      doc(`"assertionMethod":null`),
		"expires a date":         doc(`"verificationMethod":[` + vm("#k", "Multikey", material+`,"expires":"2020-01-01"`) + `]`),
		"expires without zone":   doc(`"verificationMethod":[` + vm("#k", "Multikey", material+`,"expires":"2020-01-01T00:00:00"`) + `]`),
		"revoked true":           doc(`"verificationMethod":[` + vm("#k", "Multikey", material+`,"revoked":true`) + `]`),
		"revoked null":           doc(`"verificationMethod":[` + vm("#k", "Multikey", material+`,"revoked":null`) + `]`),
		"controllers of numbers": doc(`"controller":[1]`),
		"too many references":    doc(`"assertionMethod":[` + many + `]`),
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := ParseDocument([]byte(text), ""); !errors.Is(err, ErrDocument) || d != nil {
				t.Errorf("got %v, %v, want ErrDocument", d, err)
			}
		})
	}
	for name, text := range map[string]string{
		"empty": "", "duplicate name": `{"id":"did:web:a","id":"did:web:b"}`, "trailing": doc(`"a":1`) + "{}",
		"byte-order mark": "\ufeff" + doc(`"a":1`), "surrogate": doc(`"a":"\ud800"`), "deep": doc(`"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)),
		"large": doc(`"a":"` + strings.Repeat("x", maxDocument) + `"`),
	} {
		var je *strictjson.Error
		if _, err := ParseDocument([]byte(text), ""); !errors.As(err, &je) {
			t.Errorf("%s: got %v, want a JSON error", name, err)
		}
	}
}

// TestKeyForms: a method's type decides which member holds its key, and another
// member beside it is not a choice.
func TestKeyForms(t *testing.T) {
	base58 := `"publicKeyBase58":"` + multikey.EncodeBase58(make([]byte, 32)) + `"`
	for name, tt := range map[string]struct {
		typ, more string
		err       error
	}{
		"two forms":             {"Multikey", material + `,"publicKeyJwk":` + edJWK, multikey.ErrInvalidKey},
		"the other form":        {"Multikey", `"publicKeyJwk":` + edJWK, multikey.ErrInvalidKey},
		"no key":                {"Multikey", `"a":1`, multikey.ErrInvalidKey},
		"multibase in JWK":      {"JsonWebKey", material, multikey.ErrInvalidKey},
		"key a number":          {"Multikey", `"publicKeyMultibase":1`, multikey.ErrInvalidKey},
		"key an array":          {"Multikey", `"publicKeyMultibase":["` + edKey + `"]`, multikey.ErrInvalidKey},
		"JWK a string":          {"JsonWebKey", `"publicKeyJwk":"` + edKey + `"`, multikey.ErrInvalidKey},
		"private JWK":           {"JsonWebKey", `"publicKeyJwk":` + strings.Replace(edJWK, "{", `{"d":"AA",`, 1), multikey.ErrPrivate},
		"secret beside":         {"Multikey", material + `,"secretKeyMultibase":"z"`, multikey.ErrPrivate},
		"private beside":        {"Multikey", material + `,"privateKeyJwk":{}`, multikey.ErrPrivate},
		"P-256 as Ed25519 2020": {"Ed25519VerificationKey2020", `"publicKeyMultibase":"` + p256Key + `"`, multikey.ErrInvalidKey},
		"2018 in multibase":     {"Ed25519VerificationKey2018", material, multikey.ErrInvalidKey},
		"2018 small order":      {"Ed25519VerificationKey2018", base58, multikey.ErrInvalidKey},
		"2018 with prefix":      {"Ed25519VerificationKey2018", `"publicKeyBase58":"` + edKey[1:] + `"`, multikey.ErrInvalidKey},
		"2018 not base58":       {"Ed25519VerificationKey2018", `"publicKeyBase58":"0"`, multikey.ErrEncoding},
		"PEM":                   {"RsaVerificationKey2018", `"publicKeyPem":"x"`, multikey.ErrUnsupported},
		"type of other case":    {"multikey", material, multikey.ErrUnsupported},
		"base64url multibase":   {"Multikey", `"publicKeyMultibase":"u7QEB"`, multikey.ErrEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDocument([]byte(doc(`"assertionMethod":[`+vm("#k", tt.typ, tt.more)+`]`)), "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Method("did:web:a#k", AssertionMethod); !errors.Is(err, ErrKey) || !errors.Is(err, tt.err) {
				t.Errorf("got %v, want ErrKey and %v", err, tt.err)
			}
		})
	}
}

// TestManyMethods: the index finds what the search over few methods finds.
func TestManyMethods(t *testing.T) {
	for _, n := range []int{1, fewMethods, fewMethods + 1, 200} {
		var all []string
		for i := range n {
			all = append(all, vm(fmt.Sprintf("#k%d", i), "Multikey", material))
		}
		d, err := ParseDocument([]byte(doc(`"assertionMethod":["#k0"],"verificationMethod":[`+strings.Join(all, ",")+`]`)), "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			m, err := d.Method(fmt.Sprintf("did:web:a#k%d", i), AssertionMethod)
			if i == 0 && (err != nil || m.ID != "did:web:a#k0") || i > 0 && !errors.Is(err, ErrPurpose) {
				t.Errorf("%d of %d: %v, %v", i, n, m, err)
			}
		}
	}
}

// TestDocumentsByOthers: the DID documents among the conformance data are read.
func TestDocumentsByOthers(t *testing.T) {
	for _, name := range []string{"legacy", "oidf"} {
		b := testvectors.ReadShared(t, "badges", "dcc-fixtures", "dids", name, "did.json")
		id := "did:web:digitalcredentials.github.io:vc-test-fixtures:dids:" + name
		d, err := ParseDocument(b, id)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, err := d.Method(id+"#z6MkjXe1vZvPRqFuc9nRBtZ3e1Y9XKDFSbjFAfzLfW2bD6cZ", AssertionMethod)
		if err != nil || m.Controller != id {
			t.Errorf("%s: %v, %v", name, m, err)
		}
		if _, err := d.Method(m.ID, Authentication); !errors.Is(err, ErrPurpose) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDocument: methods that a document yields have a key, are listed for what was
// asked, and lie in the document.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(doc(`"verificationMethod":[` + vm("#k", "Multikey", material) + `],"assertionMethod":["#k"]`)))
	f.Add([]byte(doc(`"assertionMethod":` + vm("#k", "JsonWebKey", `"publicKeyJwk":`+edJWK))))
	f.Add([]byte(`{"keys":[` + edJWK + `]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ParseJWKS(b)
		d, err := ParseDocument(b, "")
		if err != nil {
			return
		}
		for i := range d.Methods {
			id := d.Methods[i].ID
			for _, p := range purposes {
				m, err := d.Method(id, p)
				if err != nil && !errors.Is(err, ErrNoController) {
					continue
				}
				if m.Key == nil || m.ID != id || !m.For(p) || !strings.HasPrefix(id, d.ID) {
					t.Fatalf("got %+v from a document of %s", m, d.ID)
				}
				if m.Type == TypeEd25519VerificationKey2018 {
					continue
				}
				if _, err := m.appendJSON(nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestParseDocumentFor: the key of the method that is asked for is read, and no other.
func TestParseDocumentFor(t *testing.T) {
	const id = "did:web:example.com"
	key := `"type":"Multikey","controller":"` + id + `","publicKeyMultibase":"z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"}`
	text := `{"id":"` + id + `","verificationMethod":[{"id":"#a",` + key + `,{"id":"` + id + `#b",` + key + `],"assertionMethod":["#a","#b"]}`
	d, err := ParseDocumentFor([]byte(text), id, id+"#b")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := d.Method(id+"#b", AssertionMethod); err != nil || m.Key == nil {
		t.Errorf("expected the key that was asked for, found %v", err)
	}
	if _, err := d.Method(id+"#a", AssertionMethod); !errors.Is(err, ErrKey) || d.Methods[0].Key != nil {
		t.Errorf("expected no key that was not asked for, found %v", err)
	}
}
