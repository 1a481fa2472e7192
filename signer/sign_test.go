package signer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/testvectors"
)

var at = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// key makes one key for each algorithm, once.
var key = func() func(testing.TB, signer.Algorithm) signer.Key {
	var mu sync.Mutex
	made := map[signer.Algorithm]signer.Key{}
	return func(tb testing.TB, a signer.Algorithm) signer.Key {
		tb.Helper()
		mu.Lock()
		defer mu.Unlock()
		if k, ok := made[a]; ok {
			return k
		}
		s, err := signer.Generate(a)
		if err != nil {
			tb.Fatal(err)
		}
		k, err := signer.NewKey(s)
		if err != nil {
			tb.Fatal(err)
		}
		made[a] = k
		return k
	}
}()

func credential(tb testing.TB, text string) *chancery.Credential {
	tb.Helper()
	c, err := chancery.Parse([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// verify checks every proof of a document with one key each, found by method.
func verify(b []byte, keys ...signer.Key) error {
	d, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		return err
	}
	all, err := proof.Proofs(d)
	if err != nil {
		return err
	}
	for _, p := range all {
		var public crypto.PublicKey
		for _, k := range keys {
			if k.Method == p.VerificationMethod {
				public = k.Signer.Public()
			}
		}
		suite, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
		if !ok {
			return proof.ErrSuite
		}
		if err := suite.KeyAllowed(public); err != nil {
			return err
		}
		previous, err := proof.Previous(p, all)
		if err != nil {
			return err
		}
		h, err := suite.Hash(proof.Input{Doc: d, Proof: p, Previous: previous, Key: public})
		if err != nil {
			return err
		}
		if err := suite.Verify(public, h, p.ProofValue); err != nil {
			return err
		}
	}
	return nil
}

const alumni = `{
  "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
  "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
  "type": ["VerifiableCredential", "AlumniCredential"],
  "issuer": "https://vc.example/issuers/5678",
  "validFrom": "2023-01-01T00:00:00Z",
  "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"}
}
`

const oldModel = `{"@context":["https://www.w3.org/2018/credentials/v1"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential"],"issuer":"https://vc.example/issuers/5678","issuanceDate":"2023-01-01T00:00:00Z","credentialSubject":{"id":"did:example:abcdefgh"}}`

type suiteCase struct {
	suite string
	alg   signer.Algorithm
}

var suiteCases = []suiteCase{
	{proof.EdDSARDFC2022, signer.Ed25519}, {proof.EdDSAJCS2022, signer.Ed25519}, {proof.TypeEd25519Signature2020, signer.Ed25519},
	{proof.ECDSARDFC2019, signer.P256}, {proof.ECDSARDFC2019, signer.P384}, {proof.ECDSAJCS2019, signer.P256}, {proof.ECDSAJCS2019, signer.P384},
}

func TestSignEverySuite(t *testing.T) {
	for _, v := range suiteCases {
		for model, text := range map[string]string{"2.0": alumni, "1.1": oldModel} {
			k := key(t, v.alg)
			s := &signer.DataIntegrity{Key: k, Suite: v.suite, Created: at}
			out, err := s.Sign(context.Background(), credential(t, text))
			if err != nil {
				t.Errorf("%s %s %s: %v", v.suite, v.alg, model, err)
				continue
			}
			if err := verify(out.Bytes, k); err != nil || out.MediaType != chancery.MediaVC {
				t.Errorf("%s %s %s: %v\n%s", v.suite, v.alg, model, err, out.Bytes)
			}
			again, err := s.Sign(context.Background(), credential(t, text))
			if err != nil || string(again.Bytes) != string(out.Bytes) {
				t.Errorf("%s %s %s: signing again gives other bytes", v.suite, v.alg, model)
			}
			if _, err := s.Sign(context.Background(), credential(t, string(out.Bytes))); !errors.Is(err, signer.ErrSecured) {
				t.Errorf("signed twice: %v", err)
			}
			added, err := s.Add(context.Background(), out)
			if err != nil {
				t.Errorf("%s %s %s: adding: %v", v.suite, v.alg, model, err)
			} else if err := verify(added.Bytes, k); err != nil {
				t.Errorf("%s %s %s: set: %v", v.suite, v.alg, model, err)
			}
		}
	}
}

// A signed document keeps the bytes of its draft.
func TestSignKeepsBytes(t *testing.T) {
	s := &signer.DataIntegrity{Key: key(t, signer.Ed25519), Clock: func() time.Time { return at }}
	out, err := s.Sign(context.Background(), credential(t, alumni))
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(alumni, "\n}\n")
	if !ok || !strings.HasPrefix(string(out.Bytes), before+`,"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-05-01T12:00:00Z","verificationMethod":"did:key:`) ||
		!strings.HasSuffix(string(out.Bytes), "\"}\n}\n"+after) {
		t.Errorf("got\n%s", out.Bytes)
	}
}

func TestSignRefuses(t *testing.T) {
	ed, ec, rs := key(t, signer.Ed25519), key(t, signer.P256), key(t, signer.RSA2048)
	good := credential(t, alumni)
	for name, v := range map[string]struct {
		s    signer.DataIntegrity
		c    *chancery.Credential
		want error
	}{
		"no key":                {signer.DataIntegrity{}, good, signer.ErrConfig},
		"no method":             {signer.DataIntegrity{Key: signer.Key{Signer: ed.Signer}}, good, signer.ErrConfig},
		"unknown suite":         {signer.DataIntegrity{Key: ed, Suite: "eddsa-2099"}, good, signer.ErrConfig},
		"legacy name":           {signer.DataIntegrity{Key: ed, Suite: "eddsa-2022"}, good, signer.ErrConfig},
		"ECDSA key":             {signer.DataIntegrity{Key: ec, Suite: proof.EdDSARDFC2022}, good, proof.ErrKeyType},
		"Ed25519 key":           {signer.DataIntegrity{Key: ed, Suite: proof.ECDSAJCS2019}, good, proof.ErrKeyType},
		"RSA key":               {signer.DataIntegrity{Key: rs}, good, proof.ErrKeyType},
		"no created":            {signer.DataIntegrity{Key: ed, Suite: proof.TypeEd25519Signature2020}, good, proof.ErrShape},
		"no such proof":         {signer.DataIntegrity{Key: ed, PreviousProof: []string{"urn:a"}}, good, proof.ErrPreviousProof},
		"shape":                 {signer.DataIntegrity{Key: ed}, credential(t, strings.Replace(alumni, "urn:uuid", "uuid ", 1)), nil},
		"undefined term":        {signer.DataIntegrity{Key: ed}, credential(t, strings.Replace(alumni, `, "https://www.w3.org/ns/credentials/examples/v2"`, "", 1)), nil},
		"undefined term in JCS": {signer.DataIntegrity{Key: ed, Suite: proof.EdDSAJCS2022}, credential(t, strings.Replace(alumni, `, "https://www.w3.org/ns/credentials/examples/v2"`, "", 1)), nil},
		"undefined type":        {signer.DataIntegrity{Key: ed}, credential(t, strings.Replace(strings.Replace(alumni, `, "https://www.w3.org/ns/credentials/examples/v2"`, "", 1), `, "alumniOf": "The School of Examples"`, "", 1)), nil},
		"unknown context":       {signer.DataIntegrity{Key: ed}, credential(t, strings.Replace(alumni, "examples/v2", "examples/v9", 1)), nil},
		"purpose undefined":     {signer.DataIntegrity{Key: ed, Purpose: "no purpose"}, good, nil},
		"method relative":       {signer.DataIntegrity{Key: signer.Key{Signer: ed.Signer, Method: "#key"}}, good, nil},
		"key fails":             {signer.DataIntegrity{Key: signer.Key{Signer: broken{ed.Signer, errors.New("no")}, Method: ed.Method}}, good, signer.ErrSigning},
		"key gives nonsense":    {signer.DataIntegrity{Key: signer.Key{Signer: broken{ed.Signer, nil}, Method: ed.Method}}, good, signer.ErrSigning},
		"ECDSA gives nonsense":  {signer.DataIntegrity{Key: signer.Key{Signer: broken{ec.Signer, nil}, Method: ec.Method}}, good, signer.ErrSigning},
	} {
		out, err := v.s.Sign(context.Background(), v.c)
		if err == nil || v.want != nil && !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
		if out.Bytes != nil {
			t.Errorf("%s: something was returned", name)
		}
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&signer.DataIntegrity{Key: ed}).Sign(done, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// broken is a key that fails, or gives something that is no signature.
type broken struct {
	crypto.Signer
	err error
}

func (b broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return []byte{0x30, 0}, b.err
}

func TestSetsAndChains(t *testing.T) {
	a, b, c := key(t, signer.Ed25519), key(t, signer.P256), key(t, signer.P384)
	for _, suites := range [][3]string{
		{proof.EdDSARDFC2022, proof.ECDSARDFC2019, proof.ECDSARDFC2019},
		{proof.EdDSAJCS2022, proof.ECDSAJCS2019, proof.ECDSAJCS2019},
		{proof.EdDSAJCS2022, proof.ECDSARDFC2019, proof.ECDSAJCS2019},
	} {
		first := &signer.DataIntegrity{Key: a, Suite: suites[0], Created: at, ID: "urn:uuid:00000000-0000-4000-8000-000000000001"}
		second := &signer.DataIntegrity{Key: b, Suite: suites[1], Created: at, ID: "urn:uuid:00000000-0000-4000-8000-000000000002", PreviousProof: []string{first.ID}}
		third := &signer.DataIntegrity{Key: c, Suite: suites[2], Created: at, PreviousProof: []string{first.ID, second.ID}}
		out, err := first.Sign(context.Background(), credential(t, alumni))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*signer.DataIntegrity{second, third} {
			if out, err = s.Add(context.Background(), out); err != nil {
				t.Fatalf("%v: %v", suites, err)
			}
		}
		if err := verify(out.Bytes, a, b, c); err != nil {
			t.Errorf("%v: %v\n%s", suites, err, out.Bytes)
		}
		if _, err := second.Add(context.Background(), out); !errors.Is(err, signer.ErrConfig) {
			t.Errorf("an id used twice: %v", err)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	s := &signer.DataIntegrity{Key: key(t, signer.Ed25519)}
	for name, v := range map[string]chancery.Secured{
		"unsecured":   {MediaType: chancery.MediaVC, Bytes: []byte(alumni)},
		"empty list":  {MediaType: chancery.MediaVC, Bytes: []byte(strings.Replace(alumni, `"issuer"`, `"proof":[],"issuer"`, 1))},
		"JWT":         {MediaType: chancery.MediaVCJWT, Bytes: []byte("a.b.c")},
		"not JSON":    {MediaType: chancery.MediaVC, Bytes: []byte("x")},
		"other media": {MediaType: chancery.MediaPNG, Bytes: []byte(strings.Replace(alumni, `"issuer"`, `"proof":{"type":"x"},"issuer"`, 1))},
	} {
		if _, err := s.Add(context.Background(), v); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestSignPresentation(t *testing.T) {
	k := key(t, signer.Ed25519)
	inner, err := (&signer.DataIntegrity{Key: k, Created: at}).Sign(context.Background(), credential(t, alumni))
	if err != nil {
		t.Fatal(err)
	}
	text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiablePresentation","holder":"did:example:abcdefgh","verifiableCredential":[` + string(inner.Bytes) + `]}`
	p, err := chancery.ParsePresentation([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range []string{proof.EdDSARDFC2022, proof.EdDSAJCS2022} {
		s := &signer.DataIntegrity{Key: k, Suite: suite, Created: at, Expires: at.Add(time.Hour), Domain: []string{"a.example", "b.example"}, Challenge: "c1", Nonce: "n1"}
		out, err := s.SignPresentation(context.Background(), p)
		if err != nil {
			t.Fatalf("%s: %v", suite, err)
		}
		if err := verify(out.Bytes, k); err != nil || out.MediaType != chancery.MediaVP {
			t.Errorf("%s: %v", suite, err)
		}
		d, err := strictjson.Parse(out.Bytes, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := proof.Proofs(d)
		if err != nil {
			t.Fatal(err)
		}
		if q := all[0]; q.ProofPurpose != "authentication" || q.Challenge != "c1" || q.Nonce != "n1" || len(q.Domain) != 2 || !q.Expires.Equal(at.Add(time.Hour)) {
			t.Errorf("%s: %+v", suite, q)
		}
		for _, change := range [][2]string{{`"c1"`, `"c2"`}, {"a.example", "c.example"}, {"13:00:00Z", "14:00:00Z"}, {"The School", "A School"}, {"did:example:abcdefgh", "did:example:abcdefgi"}} {
			if !strings.Contains(string(out.Bytes), change[0]) {
				t.Fatalf("%s not found", change[0])
			}
			if verify([]byte(strings.Replace(string(out.Bytes), change[0], change[1], 1)), k) == nil {
				t.Errorf("%s: %s could be changed", suite, change[0])
			}
		}
	}
}

// Both 1EdTech documents, signed anew with the key that 1EdTech prints, are the same
// bytes again.
func TestBadgeVectorsSignedAnew(t *testing.T) {
	const secret = "zrv2bqTbNwCTsRrHFcJCPjVAduh4Ezcnoq1A3ZxH1GWTNkxipLVuaAoMFmze2gFN9oNXfJjufxSHWVZzsJiUsMHFMcx"
	raw, err := multikey.DecodeBase58(secret[1:])
	if err != nil || len(raw) != 66 {
		t.Fatalf("key: %v, %d bytes", err, len(raw))
	}
	private := ed25519.NewKeyFromSeed(raw[2:34])
	for _, name := range []string{"ob", "clr"} {
		signed := testvectors.ReadShared(t, "badges", "spec-vectors", name+"-signed.json")
		d, err := strictjson.Parse(signed, strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := proof.Proofs(d)
		if err != nil {
			t.Fatal(err)
		}
		want := all[0]
		s := &signer.DataIntegrity{Key: signer.Key{Signer: private, Method: want.VerificationMethod}, Suite: want.Cryptosuite, Created: want.Created}
		got, err := s.Sign(context.Background(), credential(t, string(d.Rewrite(0, nil, "proof"))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(string(got.Bytes), `"proofValue":"`+want.ProofValue+`"`) {
			t.Errorf("%s: another proofValue:\n%s", name, got.Bytes)
		}
	}
}

// The ECDSA vectors are deterministic (RFC 6979), and so are we.
func TestSpecificationVectorsSignedAnew(t *testing.T) {
	pair := func(name, member string) crypto.Signer {
		d, err := strictjson.Parse(testvectors.ReadShared(t, "w3c", name), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := multikey.ParseSecret(d.String(d.Get(0, member)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ed := pair("vc-di-eddsa/TestVectors/keyPair.json", "privateKeyMultibase")
	p256 := pair("vc-di-ecdsa/TestVectors/p256KeyPair.json", "secretKeyMultibase")
	p384 := pair("vc-di-ecdsa/TestVectors/p384KeyPair.json", "secretKeyMultibase")
	for _, v := range []struct {
		file string
		key  crypto.Signer
	}{
		{"vc-di-eddsa/TestVectors/eddsa-rdfc-2022/signedDataInt.json", ed},
		{"vc-di-eddsa/TestVectors/eddsa-jcs-2022/signedJCS.json", ed},
		{"vc-di-eddsa/TestVectors/Ed25519Signature2020/signedEdSig.json", ed},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p256/signedECDSAP256.json", p256},
		{"vc-di-ecdsa/TestVectors/ecdsa-rdfc-2019-p384/signedECDSAP384.json", p384},
		{"vc-di-ecdsa/TestVectors/ecdsa-jcs-2019-p256/signedJCSECDSAP256.json", p256},
		{"vc-di-ecdsa/TestVectors/ecdsa-jcs-2019-p384/signedJCSECDSAP384.json", p384},
	} {
		d, err := strictjson.Parse(testvectors.ReadShared(t, "w3c", v.file), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := proof.Proofs(d)
		if err != nil {
			t.Fatal(err)
		}
		want := all[0]
		suite := want.Cryptosuite
		if suite == "" {
			suite = want.Type
		}
		s := &signer.DataIntegrity{Key: signer.Key{Signer: v.key, Method: want.VerificationMethod}, Suite: suite, Created: want.Created}
		got, err := s.Sign(context.Background(), credential(t, string(d.Rewrite(0, nil, "proof"))))
		if err != nil {
			t.Errorf("%s: %v", v.file, err)
		} else if !strings.Contains(string(got.Bytes), `"proofValue":"`+want.ProofValue+`"`) {
			t.Errorf("%s: another proofValue, want %s:\n%s", v.file, want.ProofValue, got.Bytes)
		}
	}
}

// A signer in hardware may choose its own nonce.
type hardware struct{ *ecdsa.PrivateKey }

func (h hardware) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if r == nil {
		return nil, errors.New("no randomness")
	}
	return h.PrivateKey.Sign(rand.Reader, digest, o)
}

func TestOtherSigners(t *testing.T) {
	k := key(t, signer.P256)
	hw := signer.Key{Signer: hardware{k.Signer.(*ecdsa.PrivateKey)}, Method: k.Method}
	out, err := (&signer.DataIntegrity{Key: hw, Created: at}).Sign(context.Background(), credential(t, alumni))
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(out.Bytes, k); err != nil {
		t.Error(err)
	}
}

func TestIdentifier(t *testing.T) {
	for alg, prefix := range map[signer.Algorithm]string{signer.Ed25519: "did:key:z6Mk", signer.P256: "did:key:zDna", signer.P384: "did:key:z82L", signer.RSA2048: "did:jwk:"} {
		if k := key(t, alg); !strings.HasPrefix(k.Method, prefix) {
			t.Errorf("%s: %s", alg, k.Method)
		}
	}
	if _, err := signer.Generate("Ed448"); !errors.Is(err, signer.ErrConfig) {
		t.Error(err)
	}
}

// Contexts that define the proof are added where they are missing, once, and behind
// those that are there.
func TestContextsAdded(t *testing.T) {
	k := key(t, signer.Ed25519)
	const v1, di1, di2, ed2020 = `"https://www.w3.org/2018/credentials/v1"`, `"https://w3id.org/security/data-integrity/v1"`, `"https://w3id.org/security/data-integrity/v2"`, `"https://w3id.org/security/suites/ed25519-2020/v1"`
	for _, v := range []struct{ suite, before, after string }{
		{proof.EdDSARDFC2022, `[` + v1 + `]`, `[` + v1 + `,` + di2 + `]`},
		{proof.EdDSARDFC2022, v1, `[` + v1 + `,` + di2 + `]`},
		{proof.EdDSARDFC2022, `[ ` + v1 + ` , {"x":"urn:x"} ]`, `[ ` + v1 + ` , {"x":"urn:x"},` + di2 + ` ]`},
		{proof.EdDSARDFC2022, `[` + v1 + `,` + di1 + `]`, `[` + v1 + `,` + di1 + `]`},
		{proof.EdDSARDFC2022, `[` + v1 + `,` + di2 + `]`, `[` + v1 + `,` + di2 + `]`},
		{proof.EdDSAJCS2022, `[` + v1 + `]`, `[` + v1 + `,` + di2 + `]`},
		{proof.TypeEd25519Signature2020, `[` + v1 + `]`, `[` + v1 + `,` + ed2020 + `]`},
		{proof.TypeEd25519Signature2020, `[` + v1 + `,` + ed2020 + `]`, `[` + v1 + `,` + ed2020 + `]`},
	} {
		draft := strings.Replace(oldModel, `[`+v1+`]`, v.before, 1)
		out, err := (&signer.DataIntegrity{Key: k, Suite: v.suite, Created: at}).Sign(context.Background(), credential(t, draft))
		if err != nil {
			t.Errorf("%s %s: %v", v.suite, v.before, err)
			continue
		}
		if want := strings.Replace(draft, v.before, v.after, 1); !strings.HasPrefix(string(out.Bytes), strings.TrimSuffix(want, "}")+`,"proof":`) {
			t.Errorf("%s %s: got\n%s", v.suite, v.before, out.Bytes)
		}
		if err := verify(out.Bytes, k); err != nil {
			t.Errorf("%s %s: %v", v.suite, v.before, err)
		}
	}
}

// A base direction is signed: under RDFC suites as an i18n datatype (JSON-LD 1.1, 10.2), under
// JCS suites and JOSE as it is written.
func TestLanguageAndDirection(t *testing.T) {
	k := key(t, signer.Ed25519)
	draft := strings.Replace(alumni, `"issuer"`, `"name": [{"@value":"x","@language":"en","@direction":"ltr"},{"@value":"y","@language":"ar","@direction":"rtl"}], "issuer"`, 1)
	for _, suite := range []string{proof.EdDSARDFC2022, proof.EdDSAJCS2022} {
		out, err := (&signer.DataIntegrity{Key: k, Suite: suite}).Sign(context.Background(), credential(t, draft))
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(out.Bytes, k); err != nil {
			t.Errorf("%s: %v", suite, err)
		}
		for _, change := range []struct{ old, new string }{{`"rtl"`, `"ltr"`}, {`,"@direction":"rtl"`, ""}, {`"@language":"ar"`, `"@language":"fa"`}} {
			if verify([]byte(strings.Replace(string(out.Bytes), change.old, change.new, 1)), k) == nil {
				t.Errorf("%s: %s is not signed", suite, change.old)
			}
		}
	}
	if _, err := (&signer.JOSE{Key: k}).Sign(context.Background(), credential(t, draft)); err != nil {
		t.Error(err)
	}
	undefined := strings.Replace(draft, `, "https://www.w3.org/ns/credentials/examples/v2"`, "", 1)
	if _, err := (&signer.JOSE{Key: k}).Sign(context.Background(), credential(t, undefined)); err == nil {
		t.Error("an undefined term beside a direction was taken")
	}
}
