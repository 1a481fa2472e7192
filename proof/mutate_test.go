package proof_test

import (
	"crypto"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// value is a JSON value that can be changed and written again.
type value struct {
	kind  strictjson.Kind
	raw   string // scalars, as written
	names []string
	kids  []*value
}

func tree(d *strictjson.Doc, n strictjson.Node) *value {
	v := &value{kind: d.Kind(n), raw: d.Raw(n)}
	for c := d.First(n); c != strictjson.None; c = d.Next(c) {
		v.names = append(v.names, d.Name(c))
		v.kids = append(v.kids, tree(d, c))
	}
	return v
}

func (v *value) String() string {
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v *value) write(b *strings.Builder) {
	if v.kind != strictjson.Object && v.kind != strictjson.Array {
		b.WriteString(v.raw)
		return
	}
	open, end := "{", "}"
	if v.kind == strictjson.Array {
		open, end = "[", "]"
	}
	b.WriteString(open)
	for i, k := range v.kids {
		if i > 0 {
			b.WriteByte(',')
		}
		if v.kind == strictjson.Object {
			b.WriteString(strictjson.Quote(v.names[i]) + ":")
		}
		k.write(b)
	}
	b.WriteString(end)
}

// mutation is one changed text. neutral means that the change may be without meaning:
// order and repetition within sets, a list of one instead of a single value, a keyword
// that holds nothing, the case of a language tag. It may then verify, as long as what is
// signed is the same to the byte.
type mutation struct {
	what, text string
	neutral    bool
}

// mutations calls f with every single change of the document at root.
func mutations(root *value, f func(mutation)) {
	var walk func(v *value, at string)
	emit := func(what, at string, neutral bool) { f(mutation{what + " at " + at, root.String(), neutral}) }
	with := func(v *value, what, at string, neutral bool, to value) {
		old := *v
		*v = to
		emit(what, at, neutral)
		*v = old
	}
	scalar := func(kind strictjson.Kind, raw string) value { return value{kind: kind, raw: raw} }
	walk = func(v *value, at string) {
		for _, other := range []string{`null`, `true`, `false`, `0`, `7`, `"x"`, `""`, `"https://other.example/"`, `"did:example:other"`, `"2031-01-01T00:00:00Z"`, `{}`, `[]`, `[[]]`, `{"id":"urn:x"}`, `{"@value":"x"}`, `{"@id":"urn:x"}`} {
			if other != v.raw {
				with(v, "replaced by "+other, at, false, scalar(strictjson.Null, other))
			}
		}
		with(v, "put into a list", at, true, value{kind: strictjson.Array, names: []string{""}, kids: []*value{{v.kind, v.raw, v.names, v.kids}}})
		if v.kind == strictjson.String && len(v.raw) > 3 {
			s := v.raw
			for _, changed := range []string{s[:len(s)-1] + `x"`, s[:len(s)-1] + ` "`, `" ` + s[1:], `"x` + s[1:], s[:len(s)-2] + `"`, `"` + s[2:], s[:len(s)-1] + `\u0000"`, strings.ToUpper(s), `"` + swapCase(s[1:2]) + s[2:]} {
				if changed != s {
					language := strings.HasSuffix(at, "@language") && strings.EqualFold(changed, s)
					with(v, "changed to "+changed, at, language, scalar(v.kind, changed))
				}
			}
		}
		if v.kind == strictjson.Number {
			for _, changed := range []string{v.raw + "1", "-" + v.raw, "1" + v.raw, `"` + v.raw + `"`} {
				with(v, "changed to "+changed, at, false, scalar(v.kind, changed))
			}
		}
		for i := range v.kids {
			keep := *v
			without := func(i int) value {
				return value{kind: v.kind, names: append(append([]string{}, v.names[:i]...), v.names[i+1:]...), kids: append(append([]*value{}, v.kids[:i]...), v.kids[i+1:]...)}
			}
			place := fmt.Sprintf("%s/%d%s", at, i, v.names[i])
			with(v, "deleted", place, false, without(i))
			twice := value{kind: v.kind, names: append(append([]string{}, keep.names...), keep.names[i]), kids: append(append([]*value{}, keep.kids...), keep.kids[i])}
			with(v, "repeated", place, v.kind == strictjson.Array, twice)
			if v.kind == strictjson.Object {
				for _, name := range []string{v.names[i] + "x", "x" + v.names[i], strings.ToUpper(v.names[i]), "@" + v.names[i], "urn:x:" + v.names[i], "nonce"} {
					renamed := value{kind: v.kind, names: append([]string{}, v.names...), kids: v.kids}
					renamed.names[i] = name
					// Keyword and alias are the same name in every context used here.
					alias := name == "@id" || name == "@type"
					if name != v.names[i] {
						with(v, "renamed to "+name, place, alias, renamed)
					}
				}
			}
			if i > 0 {
				swapped := value{kind: v.kind, names: append([]string{}, v.names...), kids: append([]*value{}, v.kids...)}
				swapped.kids[i], swapped.kids[i-1] = swapped.kids[i-1], swapped.kids[i]
				with(v, "swapped with the one before", place, v.kind == strictjson.Array, swapped)
			}
		}
		if v.kind == strictjson.Object || v.kind == strictjson.Array {
			for name, text := range map[string]string{"extra": `"x"`, "name": `"x"`, "id": `"urn:x"`, "type": `"Image"`, "@type": `"Image"`, "@graph": `[]`, "@included": `[{"id":"urn:y"}]`, "@index": `"x"`, "@nest": `{}`, "@reverse": `{}`, "@context": `{"name":"urn:x:name"}`, "https://schema.org/name": `"x"`, "urn:x:y": `"x"`, "expires": `"2031-01-01T00:00:00Z"`, "domain": `"x.example"`} {
				if v.kind == strictjson.Array && name != "extra" {
					continue
				}
				more := value{kind: v.kind, names: append(append([]string{}, v.names...), name), kids: append(append([]*value{}, v.kids...), &value{kind: strictjson.String, raw: text})}
				empty := name == "@graph" || name == "@nest" || name == "@reverse"
				with(v, "added "+name, at, empty, more)
			}
		}
		for i, k := range v.kids {
			walk(k, fmt.Sprintf("%s/%d%s", at, i, v.names[i]))
		}
	}
	walk(root, "")
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

// golden is a badge with every kind of value: numbers, booleans, sets, ordered lists,
// languages, nested identifiers and blank nodes.
const golden = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"%s],
"id":"https://issuer.example/credentials/1","type":["VerifiableCredential","OpenBadgeCredential"],"name":{"@value":"Brevet","@language":"fr"},
"issuer":{"id":"https://issuer.example/","type":["Profile"],"name":"Institute"},"validFrom":"2026-05-01T09:00:00Z",
"credentialSubject":{"id":"did:example:subject","type":["AchievementSubject"],"creditsEarned":6.5,
"identifier":[{"type":"IdentityObject","hashed":false,"identityHash":"a@example.com","identityType":"emailAddress"}],
"achievement":{"id":"urn:uuid:4e1f0f43-0f77-4e52-9a1d-2d0a8c1c4b01","type":["Achievement"],"name":"Water","description":"Runs a plant.","criteria":{"narrative":"Passed."},"tag":["water","safety"],
"resultDescription":[{"id":"urn:uuid:4e1f0f43-0f77-4e52-9a1d-2d0a8c1c4b02","type":["ResultDescription"],"name":"Examination","resultType":"LetterGrade","allowedValue":["A","B","C"]}]}}}`

type signedCase struct {
	suite string
	key   crypto.Signer
	name  string
}

func signedCases() []signedCase {
	k := testKeys()
	return []signedCase{
		{proof.EdDSARDFC2022, k.ed, "Ed25519"}, {proof.EdDSAJCS2022, k.ed, "Ed25519"}, {proof.TypeEd25519Signature2020, k.ed, "Ed25519"},
		{proof.ECDSARDFC2019, k.p256, "P-256"}, {proof.ECDSARDFC2019, k.p384, "P-384"},
		{proof.ECDSAJCS2019, k.p256, "P-256"}, {proof.ECDSAJCS2019, k.p384, "P-384"},
	}
}

func goldenFor(suite string) string {
	if suite == proof.TypeEd25519Signature2020 {
		return fmt.Sprintf(golden, `,"https://w3id.org/security/suites/ed25519-2020/v1"`)
	}
	return fmt.Sprintf(golden, "")
}

// canonicalForms returns what is signed by the first proof, whoever signed it.
func canonicalForms(tb testing.TB, text string, key crypto.PublicKey) string {
	tb.Helper()
	d := parse(tb, []byte(text))
	all, err := proof.Proofs(d)
	if err != nil {
		tb.Fatal(err)
	}
	s, ok := proof.SuiteByName(all[0].Type, all[0].Cryptosuite)
	if !ok {
		tb.Fatal("suite unknown")
	}
	h, err := s.Hash(proof.Input{Doc: d, Proof: all[0], Key: key, Contexts: contexts(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := h.CanonicalDocument()
	if err != nil {
		tb.Fatal(err)
	}
	conf, err := h.CanonicalProof()
	if err != nil {
		tb.Fatal(err)
	}
	return string(doc.Text) + "\x00" + string(conf.Text)
}

// Every single change of a signed credential fails or is refused, inside the proof as
// well as outside. What may pass is a change whose canonical form is the same to the
// byte: order and repetition in a set, or a single value written as a list.
func TestMutateEveryLeaf(t *testing.T) {
	resolver := contexts(t)
	for _, c := range signedCases() {
		t.Run(c.suite+" "+c.name, func(t *testing.T) {
			text, _ := signText(t, goldenFor(c.suite), c.suite, c.key)
			if err := verifyReceived([]byte(text), c.key.Public(), resolver); err != nil {
				t.Fatalf("golden: %v", err)
			}
			want := canonicalForms(t, text, c.key.Public())
			d := parse(t, []byte(text))
			tried, passed := 0, 0
			mutations(tree(d, 0), func(m mutation) {
				tried++
				if err := verifyReceived([]byte(m.text), c.key.Public(), resolver); err != nil {
					return
				}
				passed++
				if !m.neutral {
					t.Errorf("verifies: %s", m.what)
				} else if canonicalForms(t, m.text, c.key.Public()) != want {
					t.Errorf("verifies with another canonical form: %s", m.what)
				}
			})
			t.Logf("%d changes, %d without meaning", tried, passed)
			if tried < 1500 {
				t.Errorf("only %d changes tried", tried)
			}
		})
	}
}

// The order of members never matters; that of sets not for RDFC suites.
func TestShuffle(t *testing.T) {
	resolver := contexts(t)
	ordered := map[string]bool{"@context": true, "allowedValue": true}
	for _, c := range signedCases() {
		text, _ := signText(t, goldenFor(c.suite), c.suite, c.key)
		s, _ := proof.SuiteByName(proof.TypeDataIntegrity, c.suite)
		sets := s == nil || s.Canonicalization() == proof.RDFC
		d := parse(t, []byte(text))
		rapid.Check(t, func(rt *rapid.T) {
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			root := tree(d, 0)
			var shuffle func(v *value, name string)
			shuffle = func(v *value, name string) {
				if v.kind == strictjson.Object || v.kind == strictjson.Array && sets && !ordered[name] {
					r.Shuffle(len(v.kids), func(i, j int) {
						v.kids[i], v.kids[j] = v.kids[j], v.kids[i]
						v.names[i], v.names[j] = v.names[j], v.names[i]
					})
				}
				for i, k := range v.kids {
					shuffle(k, v.names[i])
				}
			}
			shuffle(root, "")
			if err := verifyReceived([]byte(root.String()), c.key.Public(), resolver); err != nil {
				rt.Fatalf("%s: %v\n%s", c.suite, err, root)
			}
		})
	}
}

// Another suite's name, or another key, never verifies.
func TestConfusionMatrix(t *testing.T) {
	resolver := contexts(t)
	for _, c := range signedCases() {
		text, _ := signText(t, goldenFor(c.suite), c.suite, c.key)
		for name, key := range map[string]crypto.Signer{"Ed25519": testKeys().ed, "another Ed25519": testKeys().ed2, "P-256": testKeys().p256, "P-384": testKeys().p384, "P-521": testKeys().p521, "RSA": testKeys().rsa} {
			if err := verifyReceived([]byte(text), key.Public(), resolver); (err == nil) != (name == c.name) {
				t.Errorf("%s by %s, key %s: %v", c.suite, c.name, name, err)
			}
			for _, other := range proof.Suites() {
				claimed := strings.Replace(text, `"cryptosuite":"`+c.suite+`"`, `"cryptosuite":"`+other.Name()+`"`, 1)
				if other.ProofType() != proof.TypeDataIntegrity {
					claimed = strings.Replace(text, `"type":"DataIntegrityProof","cryptosuite":"`+c.suite+`"`, `"type":"`+other.Name()+`"`, 1)
				}
				if claimed != text && verifyReceived([]byte(claimed), key.Public(), resolver) == nil {
					t.Errorf("%s by %s verifies as %s with %s", c.suite, c.name, other.Name(), name)
				}
			}
		}
	}
}

func TestUnknownSuites(t *testing.T) {
	for _, v := range [][2]string{{"DataIntegrityProof", ""}, {"DataIntegrityProof", "eddsa-rdfc-2023"}, {"DataIntegrityProof", "EDDSA-RDFC-2022"}, {"DataIntegrityProof", "eddsa-rdf-2022"}, {"eddsa-rdfc-2022", ""},
		{"eddsa-rdfc-2022", "eddsa-rdfc-2022"}, {"Ed25519Signature2020", "eddsa-rdfc-2022"}, {"Ed25519Signature2018", ""}, {"DataIntegrityProof", "Ed25519Signature2020"}, {"", ""}} {
		if s, ok := proof.SuiteByName(v[0], v[1]); ok {
			t.Errorf("%q is %s", v, s.Name())
		}
	}

}
