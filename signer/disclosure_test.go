package signer_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

// badge is an Open Badge with an ordered list, references between its parts and nodes
// that cannot be told apart.
func badge(tb testing.TB) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("..", "proof", "testdata", "badge.json"))
	if err != nil {
		tb.Fatal(err)
	}
	// Its issuer is a key that nobody here has.
	return regexp.MustCompile(`did:key:[A-Za-z0-9]+`).ReplaceAllString(string(b), "did:web:issuer.example")
}

// statusEntry is put into documents that are to have a status.
const statusEntry = `"credentialStatus":{"id":"https://status.example/1#7","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://status.example/1"}`

func issueSD(tb testing.TB, text string, pointers ...string) chancery.Secured {
	tb.Helper()
	s := &signer.DataIntegrity{Key: key(tb, signer.P256), Suite: proof.ECDSASD2023, Created: at, MandatoryPointers: pointers}
	out, err := s.Sign(context.Background(), credential(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func derive(secured chancery.Secured, pointers ...string) (chancery.Secured, error) {
	return (&signer.Disclosure{Pointers: pointers}).Derive(context.Background(), secured)
}

// baseInput is the base proof of a document.
func baseInput(tb testing.TB, secured chancery.Secured) proof.Input {
	tb.Helper()
	d := document(tb, secured.Bytes)
	all, err := proof.Proofs(d)
	if err != nil {
		tb.Fatal(err)
	}
	return proof.Input{Doc: d, Proof: all[len(all)-1], Key: key(tb, signer.P256).Signer.Public()}
}

func document(tb testing.TB, b []byte) *strictjson.Doc {
	tb.Helper()
	d, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// selectable lists the pointers of a document that can be disclosed, and those that
// cannot, being inside an ordered list.
func selectable(d *strictjson.Doc) (good, bad []string) {
	for n := range strictjson.Node(d.Size()) {
		p := d.Pointer(n)
		switch {
		case strings.HasPrefix(p, "/proof"):
		case strings.Contains(p, "/allowedValue/"):
			bad = append(bad, p)
		default:
			good = append(good, p)
		}
	}
	return good, bad
}

func TestDeriveEveryPointer(t *testing.T) {
	secured := issueSD(t, badge(t))
	if err := proof.VerifySDBase(baseInput(t, secured)); err != nil {
		t.Fatal(err)
	}
	whole := document(t, secured.Bytes)
	good, bad := selectable(whole)
	if len(good) < 60 || len(bad) != 15 {
		t.Fatalf("%d pointers can be disclosed, %d cannot", len(good), len(bad))
	}
	for _, p := range good {
		out, err := derive(secured, p, "/credentialSubject/type")
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if err := verify(out.Bytes, key(t, signer.P256)); err != nil {
			t.Errorf("%s: %v\n%s", p, err, out.Bytes)
		}
		if d := document(t, out.Bytes); p != "" && strings.Contains(string(out.Bytes), "Operate rapid") != reveals(p, "/credentialSubject/achievement/alignment/0/targetName") || d.Get(0, "validUntil") == strictjson.None {
			t.Errorf("%s discloses\n%s", p, out.Bytes)
		}
	}
	for _, p := range bad {
		if out, err := derive(secured, p, "/credentialSubject/type"); !errors.Is(err, proof.ErrPointer) || out.Bytes != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// reveals tells whether a pointer names a value or something it lies in.
func reveals(pointer, value string) bool {
	return pointer == value || strings.HasPrefix(value, pointer+"/")
}

// TestDerivedText: the parts that were selected stand as they stood, in their order, and
// nothing else of them.
func TestDerivedText(t *testing.T) {
	secured := issueSD(t, alumni, "/credentialSubject/alumniOf")
	out, err := derive(secured)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",` +
		`"type":["VerifiableCredential","AlumniCredential"],"issuer":"https://vc.example/issuers/5678","validFrom":"2023-01-01T00:00:00Z",` +
		`"credentialSubject":{"id":"did:example:abcdefgh","alumniOf":"The School of Examples"},"proof":{"type":"DataIntegrityProof","cryptosuite":"ecdsa-sd-2023","created":"2026-05-01T12:00:00Z",`
	got := string(out.Bytes)
	if !strings.HasPrefix(got, want) {
		t.Errorf("expected\n%s…\nfound\n%s", want, got)
	}
	secured = issueSD(t, badge(t))
	if out, err = derive(secured, "/evidence/4", "/evidence/1/name", "/credentialSubject/result"); err != nil {
		t.Fatal(err)
	}
	d := document(t, out.Bytes)
	if n := d.Get(0, "evidence"); d.Len(n) != 2 || d.Raw(d.Index(n, 0)) != `{"type":["Evidence"],"name":"Log of 240 hours of supervised practice"}` || d.Raw(d.Index(n, 1)) != `{"type":["Evidence"]}` {
		t.Errorf("found evidence %s", d.Raw(n))
	}
	if strings.Contains(string(out.Bytes), "achievement\":") || d.Path(0, "credentialSubject", "result") == strictjson.None {
		t.Errorf("found %s", out.Bytes)
	}
}

// TestRandomDisclosures: whatever is mandatory and whatever is selected, what is derived
// verifies, holds what is mandatory and what was selected, and nothing of the rest.
func TestRandomDisclosures(t *testing.T) {
	text := badge(t)
	good, _ := selectable(document(t, []byte(text)))
	rapid.Check(t, func(rt *rapid.T) {
		mandatory := rapid.SliceOfNDistinct(rapid.SampledFrom(good), 0, 4, rapid.ID).Draw(rt, "mandatory")
		secured := issueSD(t, text, mandatory...)
		for range 4 {
			selected := rapid.SliceOfNDistinct(rapid.SampledFrom(good), 0, 6, rapid.ID).Draw(rt, "selected")
			out, err := derive(secured, selected...)
			var shape *chancery.ShapeError
			if errors.As(err, &shape) {
				continue // too little for a credential
			}
			if err != nil {
				rt.Fatal(err)
			}
			if err := verify(out.Bytes, key(t, signer.P256)); err != nil {
				rt.Fatalf("%v\n%s", err, out.Bytes)
			}
			count := 0
			whole, shown := document(t, []byte(text)), document(t, out.Bytes)
			for n := range strictjson.Node(whole.Size()) {
				p := whole.Pointer(n)
				wanted := slices.ContainsFunc(slices.Concat(mandatory, selected), func(s string) bool { return reveals(s, p) })
				if k := whole.Kind(n); wanted && k != strictjson.Object && k != strictjson.Array {
					count++
					if !strings.Contains(shown.Text(), whole.Raw(n)) {
						rt.Fatalf("%s is not in\n%s", p, shown.Text())
					}
				}
			}
		}
	})
}

func TestMandatoryByDefault(t *testing.T) {
	text := strings.Replace(alumni, `"credentialSubject"`, `"validUntil":"2033-01-01T00:00:00Z",`+statusEntry+`,"relatedResource":{"id":"https://example.com/pictures/1.png","mediaType":"image/png","digestSRI":"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},"name":"A name","credentialSubject"`, 1)
	members := []string{"type", "issuer", "validFrom", "validUntil", "credentialStatus", "relatedResource"}
	out, err := derive(issueSD(t, text), "/credentialSubject/alumniOf")
	if err != nil {
		t.Fatal(err)
	}
	d := document(t, out.Bytes)
	for _, name := range members {
		if d.Get(0, name) == strictjson.None {
			t.Errorf("%s could be left out", name)
		}
	}
	if d.Get(0, "name") != strictjson.None {
		t.Error("name could not be left out")
	}

	only := &signer.DataIntegrity{Key: key(t, signer.P256), Suite: proof.ECDSASD2023, Created: at, InsecureOnlyMandatoryPointers: true, MandatoryPointers: []string{"/issuer"}}
	secured, err := only.Sign(context.Background(), credential(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if out, err = derive(secured, "/credentialSubject/alumniOf"); err != nil {
		t.Fatal(err)
	}
	d = document(t, out.Bytes)
	for name, want := range map[string]bool{"type": true, "issuer": true, "validFrom": false, "validUntil": false, "credentialStatus": false} { // the type is always there
		if (d.Get(0, name) != strictjson.None) != want {
			t.Errorf("%s: %s", name, out.Bytes)
		}
	}
	if err := verify(out.Bytes, key(t, signer.P256)); err != nil {
		t.Error(err)
	}

	old := issueSD(t, oldModel)
	if out, err = derive(old, "/credentialSubject"); err != nil {
		t.Fatal(err)
	}
	if err := verify(out.Bytes, key(t, signer.P256)); err != nil || document(t, out.Bytes).Get(0, "issuanceDate") == strictjson.None {
		t.Errorf("%v %s", err, out.Bytes)
	}
}

// TestBaseProofsAreFresh: no two base proofs share the key of their statements or that of
// their labels, so that statements of two credentials cannot be mixed.
func TestBaseProofsAreFresh(t *testing.T) {
	seen := map[string]bool{}
	for range 4 {
		d := document(t, issueSD(t, badge(t)).Bytes)
		b, err := base64.RawURLEncoding.DecodeString(d.String(d.Path(0, "proof", "proofValue"))[1:])
		if err != nil {
			t.Fatal(err)
		}
		// Header and array 4 bytes, then strings of 64, 35 and 32, each after two more.
		for _, key := range []string{string(b[72:107]), string(b[109:141])} {
			if seen[key] || strings.Count(key, key[10:11]) == len(key) {
				t.Fatalf("a key is used twice, or is none: % x", key)
			}
			seen[key] = true
		}
	}
}

func TestSignSDRefuses(t *testing.T) {
	p256, good := key(t, signer.P256), credential(t, alumni)
	sd := func(change func(*signer.DataIntegrity)) signer.DataIntegrity {
		s := signer.DataIntegrity{Key: p256, Suite: proof.ECDSASD2023, Created: at}
		change(&s)
		return s
	}
	pointers := func(p ...string) signer.DataIntegrity {
		return sd(func(s *signer.DataIntegrity) { s.MandatoryPointers = p })
	}
	many := make([]string, 600)
	for i := range many {
		many[i] = "/issuer" + strings.Repeat(" ", i)
	}
	for name, v := range map[string]struct {
		s    signer.DataIntegrity
		want error
	}{
		"nothing there":          {pointers("/nothing"), proof.ErrPointer},
		"one of several":         {pointers("/issuer", "/credentialSubject/degree"), proof.ErrPointer},
		"no slash":               {pointers("issuer"), proof.ErrPointer},
		"fragment":               {pointers("#/issuer"), proof.ErrPointer},
		"bad escape":             {pointers("/credentialSubject/~2"), proof.ErrPointer},
		"escape at the end":      {pointers("/credentialSubject~"), proof.ErrPointer},
		"slash at the end":       {pointers("/issuer/"), proof.ErrPointer},
		"beyond a list":          {pointers("/type/2"), proof.ErrPointer},
		"before a list":          {pointers("/type/-1"), proof.ErrPointer},
		"after a list":           {pointers("/type/-"), proof.ErrPointer},
		"leading zero":           {pointers("/type/01"), proof.ErrPointer},
		"name in a list":         {pointers("/type/name"), proof.ErrPointer},
		"in a string":            {pointers("/issuer/id"), proof.ErrPointer},
		"the proof":              {pointers("/proof"), proof.ErrPointer},
		"not UTF-8":              {pointers("/\xff"), proof.ErrPointer},
		"too many":               {pointers(many...), proof.ErrPointer},
		"too deep":               {pointers(strings.Repeat("/a", 100)), proof.ErrPointer},
		"another suite":          {signer.DataIntegrity{Key: p256, MandatoryPointers: []string{"/issuer"}}, signer.ErrConfig},
		"P-384":                  {sd(func(s *signer.DataIntegrity) { s.Key = key(t, signer.P384) }), proof.ErrKeyType},
		"Ed25519":                {sd(func(s *signer.DataIntegrity) { s.Key = key(t, signer.Ed25519) }), proof.ErrKeyType},
		"a chain":                {sd(func(s *signer.DataIntegrity) { s.PreviousProof = []string{"urn:a"} }), proof.ErrPreviousProof},
		"a key that fails":       {sd(func(s *signer.DataIntegrity) { s.Key.Signer = broken{p256.Signer, errors.New("no")} }), signer.ErrSigning},
		"a key giving no matter": {sd(func(s *signer.DataIntegrity) { s.Key.Signer = broken{p256.Signer, nil} }), signer.ErrSigning},
	} {
		out, err := v.s.Sign(context.Background(), good)
		if !errors.Is(err, v.want) || out.Bytes != nil {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
	}
	s := pointers()
	pres, err := chancery.ParsePresentation([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"did:example:a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignPresentation(context.Background(), pres); !errors.Is(err, signer.ErrConfig) {
		t.Errorf("a presentation: %v", err)
	}
	// A base proof beside another proof is fine, one upon another is not.
	first := signer.DataIntegrity{Key: p256, Created: at, ID: "urn:proof:1"}
	one, err := first.Sign(context.Background(), good)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Add(context.Background(), one)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.VerifySDBase(baseInput(t, two)); err != nil {
		t.Error(err)
	}
	out, err := derive(two, "/credentialSubject")
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(out.Bytes, p256); err != nil || document(t, out.Bytes).Kind(document(t, out.Bytes).Get(0, "proof")) != strictjson.Object {
		t.Errorf("%v %s", err, out.Bytes)
	}
	s.PreviousProof = []string{"urn:proof:1"}
	if _, err := s.Add(context.Background(), one); !errors.Is(err, proof.ErrShape) {
		t.Errorf("upon another proof: %v", err)
	}
}

func TestDeriveRefuses(t *testing.T) {
	good := issueSD(t, alumni)
	derived, err := derive(good, "/credentialSubject")
	if err != nil {
		t.Fatal(err)
	}
	other, err := (&signer.DataIntegrity{Key: key(t, signer.P256), Created: at}).Sign(context.Background(), credential(t, alumni))
	if err != nil {
		t.Fatal(err)
	}
	twice, err := (&signer.DataIntegrity{Key: key(t, signer.P256), Suite: proof.ECDSASD2023, Created: at}).Add(context.Background(), good)
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) chancery.Secured {
		return chancery.Secured{MediaType: good.MediaType, Bytes: []byte(strings.Replace(string(good.Bytes), old, new, 1))}
	}
	many := slices.Repeat([]string{"/credentialSubject"}, 600)
	for name, v := range map[string]struct {
		in       chancery.Secured
		pointers []string
		want     error
	}{
		"nothing there":       {good, []string{"/credentialSubject/degree"}, proof.ErrPointer},
		"the proof":           {good, []string{"/proof/proofValue"}, proof.ErrPointer},
		"too many":            {good, many, proof.ErrPointer},
		"another suite":       {other, []string{"/credentialSubject"}, signer.ErrNoBaseProof},
		"two base proofs":     {twice, []string{"/credentialSubject"}, signer.ErrNoBaseProof},
		"derived already":     {derived, []string{"/credentialSubject"}, proof.ErrProofValue},
		"no proof":            {chancery.Secured{MediaType: chancery.MediaVC, Bytes: []byte(alumni)}, nil, proof.ErrNoProof},
		"a JWT":               {chancery.Secured{MediaType: chancery.MediaVCJWT, Bytes: []byte("a.b.c")}, nil, signer.ErrConfig},
		"changed":             {with("School of Examples", "School of Lies"), []string{"/credentialSubject"}, proof.ErrSignature},
		"a statement more":    {with(`"alumniOf"`, `"name":"x", "alumniOf"`), []string{"/credentialSubject"}, proof.ErrSignature},
		"a statement less":    {with(`, "alumniOf": "The School of Examples"`, ``), []string{"/credentialSubject"}, proof.ErrSignature},
		"changed, unselected": {with("School of Examples", "School of Lies"), []string{"/credentialSubject/id"}, nil},
	} {
		out, err := derive(v.in, v.pointers...)
		if v.want == nil { // what is not shown is not checked, and not passed on
			if err != nil || verify(out.Bytes, key(t, signer.P256)) != nil || strings.Contains(string(out.Bytes), "Lies") {
				t.Errorf("%s: %v %s", name, err, out.Bytes)
			}
			continue
		}
		if !errors.Is(err, v.want) || out.Bytes != nil {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
	}
	var shape *chancery.ShapeError
	if _, err := derive(good); !errors.As(err, &shape) || shape.Pointer != "/credentialSubject" {
		t.Errorf("without a subject: %v", err)
	}
	changed := with("2023-01-01", "2013-01-01") // mandatory: only the issuer's signature tells
	if _, err := derive(changed, "/credentialSubject"); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("a changed mandatory member under did:key: %v", err)
	}
	if _, err := derive(with("verificationMethod\":\"did:key:zDn", "verificationMethod\":\"did:key:zXn"), "/credentialSubject"); !errors.Is(err, signer.ErrKey) {
		t.Errorf("a did:key that is none: %v", err)
	}
	elsewhere := &signer.DataIntegrity{Key: signer.Key{Signer: key(t, signer.P256).Signer, Method: "https://vc.example/issuers/5678#key"}, Suite: proof.ECDSASD2023, Created: at}
	if other, err := elsewhere.Sign(context.Background(), credential(t, alumni)); err != nil {
		t.Error(err)
	} else if _, err := derive(other, "/credentialSubject"); err != nil {
		t.Errorf("a key that is elsewhere: %v", err)
	}
	if _, err := (&signer.Disclosure{Pointers: []string{"/credentialSubject"}, IssuerKey: key(t, signer.P256).Signer.Public()}).Derive(context.Background(), changed); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("a changed mandatory member: %v", err)
	}
	if _, err := (&signer.Disclosure{Pointers: []string{"/credentialSubject"}, IssuerKey: key(t, signer.P384).Signer.Public()}).Derive(context.Background(), good); !errors.Is(err, proof.ErrKeyType) {
		t.Errorf("a key of another type: %v", err)
	}
	if err := verify(good.Bytes, key(t, signer.P256)); !errors.Is(err, proof.ErrBaseProof) || !errors.Is(err, proof.ErrProofValue) {
		t.Errorf("a base proof shown to a verifier: %v", err)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&signer.Disclosure{}).Derive(done, good); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestDeriveUnderOlderContexts: a credential that was signed before a context was edited
// is disclosed under the version that it was signed under.
func TestDeriveUnderOlderContexts(t *testing.T) {
	const url = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
	secured := issueSD(t, badge(t))
	version := ldcontext.Default().Versions(url)[0]
	changed := strings.Replace(version.Doc.Text(), `"https://purl.imsglobal.org/spec/vc/ob/vocab.html#alignment"`, `"https://example.com/other"`, -1)
	canon, err := document(t, []byte(changed)).CanonicalizeNode(0)
	if err != nil || changed == version.Doc.Text() {
		t.Fatal("the context was not changed", err)
	}
	added, err := ldcontext.NewVersion(url, canon, sha256.Sum256(canon))
	if err != nil {
		t.Fatal(err)
	}
	set := ldcontext.Default().With(added)
	if set.Versions(url)[0] != added {
		t.Fatal("the edited context is not the newest")
	}
	out, err := (&signer.Disclosure{Pointers: []string{"/credentialSubject/achievement/alignment/1"}, Contexts: set}).Derive(context.Background(), secured)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(out.Bytes, key(t, signer.P256)); err != nil {
		t.Error(err)
	}
	// Under no version does a changed document fit.
	secured.Bytes = []byte(strings.Replace(string(secured.Bytes), "Dose disinfectant", "Drink disinfectant", 1))
	if _, err := (&signer.Disclosure{Pointers: []string{"/credentialSubject/achievement/alignment/1"}, Contexts: set}).Derive(context.Background(), secured); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("a changed document: %v", err)
	}
}
