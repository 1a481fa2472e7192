package proof_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/testvectors"
)

const onProof = `"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","verificationMethod":"did:key:z","proofPurpose":"assertionMethod","proofValue":"z1"`

func TestProofShapes(t *testing.T) {
	for name, v := range map[string]struct {
		text    string // of the proof member
		pointer string // of the fault; "-" for none
		want    error
	}{
		"one":                     {`{` + onProof + `}`, "-", nil},
		"list":                    {`[{` + onProof + `},{` + onProof + `}]`, "-", nil},
		"all members":             {`{` + onProof + `,"id":"urn:a","created":"2026-05-01T09:00:00Z","expires":"2026-05-01T09:00:00.5+02:00","domain":["a","b"],"challenge":"c","nonce":"n","previousProof":"urn:b"}`, "-", nil},
		"unknown suite":           {`{"type":"DataIntegrityProof","cryptosuite":"unknown-2099"}`, "-", nil},
		"unknown type":            {`{"type":"RsaSignature2018","jws":"x"}`, "-", nil},
		"empty list":              {`[]`, "", proof.ErrNoProof},
		"null":                    {`null`, "/proof", proof.ErrShape},
		"text":                    {`"x"`, "/proof", proof.ErrShape},
		"number":                  {`1`, "/proof", proof.ErrShape},
		"list of text":            {`["x"]`, "/proof/0", proof.ErrShape},
		"list in a list":          {`[[{` + onProof + `}]]`, "/proof/0", proof.ErrShape},
		"one good, one null":      {`[{` + onProof + `},null]`, "/proof/1", proof.ErrShape},
		"empty":                   {`{}`, "/proof", proof.ErrShape},
		"no type":                 {`{"cryptosuite":"eddsa-jcs-2022"}`, "/proof", proof.ErrShape},
		"type list":               {`{"type":["DataIntegrityProof"]}`, "/proof/type", proof.ErrShape},
		"type twice":              {`{"type":"DataIntegrityProof","@type":"DataIntegrityProof"}`, "/proof/@type", proof.ErrShape},
		"no cryptosuite":          {`{"type":"DataIntegrityProof"}`, "/proof", proof.ErrShape},
		"cryptosuite number":      {strings.Replace(`{`+onProof+`}`, `"eddsa-jcs-2022"`, `1`, 1), "/proof/cryptosuite", proof.ErrShape},
		"no method":               {strings.Replace(`{`+onProof+`}`, `"verificationMethod":"did:key:z",`, ``, 1), "/proof", proof.ErrShape},
		"method object":           {strings.Replace(`{`+onProof+`}`, `"did:key:z"`, `{"id":"did:key:z"}`, 1), "/proof/verificationMethod", proof.ErrShape},
		"method empty":            {strings.Replace(`{`+onProof+`}`, `"did:key:z"`, `""`, 1), "/proof/verificationMethod", proof.ErrShape},
		"no purpose":              {strings.Replace(`{`+onProof+`}`, `"proofPurpose":"assertionMethod",`, ``, 1), "/proof", proof.ErrShape},
		"purpose list":            {strings.Replace(`{`+onProof+`}`, `"assertionMethod"`, `["assertionMethod"]`, 1), "/proof/proofPurpose", proof.ErrShape},
		"no value":                {strings.Replace(`{`+onProof+`}`, `,"proofValue":"z1"`, ``, 1), "/proof", proof.ErrShape},
		"value null":              {strings.Replace(`{`+onProof+`}`, `"z1"`, `null`, 1), "/proof/proofValue", proof.ErrShape},
		"created without zone":    {`{` + onProof + `,"created":"2026-05-01T09:00:00"}`, "/proof/created", proof.ErrShape},
		"created day":             {`{` + onProof + `,"created":"2026-05-01"}`, "/proof/created", proof.ErrShape},
		"created number":          {`{` + onProof + `,"created":1777626000}`, "/proof/created", proof.ErrShape},
		"created impossible":      {`{` + onProof + `,"created":"2026-02-30T09:00:00Z"}`, "/proof/created", proof.ErrShape},
		"expires list":            {`{` + onProof + `,"expires":["2026-05-01T09:00:00Z"]}`, "/proof/expires", proof.ErrShape},
		"domain number":           {`{` + onProof + `,"domain":1}`, "/proof/domain", proof.ErrShape},
		"domain list of numbers":  {`{` + onProof + `,"domain":["a",1]}`, "/proof/domain/1", proof.ErrShape},
		"domain empty":            {`{` + onProof + `,"domain":[]}`, "/proof/domain", proof.ErrShape},
		"domain twice":            {`{` + onProof + `,"domain":["a","a"]}`, "/proof/domain/1", proof.ErrShape},
		"challenge list":          {`{` + onProof + `,"challenge":["a"]}`, "/proof/challenge", proof.ErrShape},
		"previousProof object":    {`{` + onProof + `,"previousProof":{}}`, "/proof/previousProof", proof.ErrShape},
		"previousProof list":      {`{` + onProof + `,"previousProof":[[]]}`, "/proof/previousProof/0", proof.ErrShape},
		"id list":                 {`{` + onProof + `,"id":["urn:a"]}`, "/proof/id", proof.ErrShape},
		"id twice":                {`[{` + onProof + `,"id":"urn:a"},{` + onProof + `,"id":"urn:a"}]`, "/proof/1", proof.ErrShape},
		"legacy without created":  {`{"type":"Ed25519Signature2020","verificationMethod":"did:key:z","proofPurpose":"assertionMethod","proofValue":"z1"}`, "/proof", proof.ErrShape},
		"too many":                {`[` + strings.Repeat(`{},`, 32) + `{}]`, "/proof", proof.ErrTooMany},
		"too many previousProofs": {`{` + onProof + `,"previousProof":[` + strings.Repeat(`"a",`, 32) + `"b"]}`, "/proof/previousProof", proof.ErrShape},
	} {
		_, err := proof.Proofs(parse(t, []byte(`{"proof":`+v.text+`}`)))
		if v.pointer == "-" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var at *proof.Error
		if !errors.Is(err, v.want) || v.pointer != "" && (!errors.As(err, &at) || at.Pointer != v.pointer) {
			t.Errorf("%s: got %v, want %v at %s", name, err, v.want, v.pointer)
		}
	}
	if _, err := proof.Proofs(parse(t, []byte(`{}`))); !errors.Is(err, proof.ErrNoProof) {
		t.Errorf("no member: %v", err)
	}
	if _, err := proof.Proofs(parse(t, []byte(`[]`))); !errors.Is(err, proof.ErrNoProof) {
		t.Errorf("no object: %v", err)
	}
	if _, err := proof.ParseConfig([]byte(`{` + onProof + `}`)); !errors.Is(err, proof.ErrShape) {
		t.Errorf("a configuration with a value: %v", err)
	}
}

// Encodings of a good signature that are not the one form of it.
func TestProofValues(t *testing.T) {
	for _, c := range signedCases() {
		text, value := signText(t, goldenFor(c.suite), c.suite, c.key)
		d := parse(t, []byte(text))
		all, err := proof.Proofs(d)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := proof.SuiteByName(all[0].Type, all[0].Cryptosuite)
		h, err := s.Hash(proof.Input{Doc: d, Proof: all[0], Key: c.key.Public(), Contexts: contexts(t)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(c.key.Public(), h, value); err != nil {
			t.Fatal(err)
		}
		raw, err := multikey.DecodeBase58(value[1:])
		if err != nil {
			t.Fatal(err)
		}
		z := multikey.EncodeMultibase58
		for name, v := range map[string]struct {
			value string
			want  error
		}{
			"empty":              {"", proof.ErrProofValue},
			"prefix only":        {"z", proof.ErrProofValue},
			"no prefix":          {value[1:], proof.ErrProofValue},
			"upper prefix":       {"Z" + value[1:], proof.ErrProofValue},
			"base64url":          {multikey.EncodeMultibase64(raw), proof.ErrProofValue},
			"base16":             {fmt.Sprintf("f%x", raw), proof.ErrProofValue},
			"leading one":        {"z1" + value[1:], proof.ErrProofValue},
			"space before":       {" " + value, proof.ErrProofValue},
			"line end":           {value + "\n", proof.ErrProofValue},
			"not of base58":      {value[:len(value)-1] + "0", proof.ErrProofValue},
			"byte missing":       {z(raw[:len(raw)-1]), proof.ErrProofValue},
			"first byte missing": {z(raw[1:]), proof.ErrProofValue},
			"byte more":          {z(append(bytes.Clone(raw), 0)), proof.ErrProofValue},
			"zero byte before":   {z(append([]byte{0}, raw...)), proof.ErrProofValue},
			"huge":               {"z" + strings.Repeat("2", 100_000), proof.ErrProofValue},
			"all zero":           {z(make([]byte, len(raw))), nil},
			"all ones":           {z(bytes.Repeat([]byte{0xff}, len(raw))), nil},
			"bit flipped":        {z(append([]byte{raw[0] ^ 1}, raw[1:]...)), nil},
			"last bit flipped":   {z(append(bytes.Clone(raw[:len(raw)-1]), raw[len(raw)-1]^1)), nil},
		} {
			err := s.Verify(c.key.Public(), h, v.value)
			if !errors.Is(err, proof.ErrProofValue) && (v.want != nil || !errors.Is(err, proof.ErrSignature)) {
				t.Errorf("%s %s: %s: %v", c.suite, c.name, name, err)
			}
		}
		if k, ok := c.key.(*ecdsa.PrivateKey); ok {
			checkECDSAEdges(t, s, k, h, raw)
		}
	}
}

// checkECDSAEdges: r and s outside of 1..n-1 are refused; the other of the two valid
// values of s is taken, as the cryptosuites do not choose between them.
func checkECDSAEdges(t *testing.T, s proof.Suite, k *ecdsa.PrivateKey, h proof.Hashed, raw []byte) {
	t.Helper()
	half := len(raw) / 2
	order := k.Params().N
	n := order.Bytes()
	zero := make([]byte, half)
	with := func(r, s []byte) string {
		return multikey.EncodeMultibase58(append(bytes.Clone(r), s...))
	}
	for name, value := range map[string]string{
		"r zero": with(zero, raw[half:]), "s zero": with(raw[:half], zero), "r the order": with(n, raw[half:]), "s the order": with(raw[:half], n),
	} {
		if err := s.Verify(k.Public(), h, value); !errors.Is(err, proof.ErrProofValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := new(big.Int).Sub(order, new(big.Int).SetBytes(raw[half:]))
	if err := s.Verify(k.Public(), h, with(raw[:half], other.FillBytes(make([]byte, half)))); err != nil {
		t.Errorf("the other s: %v", err)
	}
	if err := s.Verify(k.Public(), h, with(raw[half:], raw[:half])); err == nil {
		t.Error("r and s exchanged")
	}
}

// Policy on Ed25519: S+L is refused, and so is an R that is another encoding of the
// same point; a signature by a key of small order is no signature of ours, since such
// keys are refused when they are decoded.
func TestEd25519Policy(t *testing.T) {
	k := testKeys().ed
	text, value := signText(t, goldenFor(proof.EdDSAJCS2022), proof.EdDSAJCS2022, k)
	d := parse(t, []byte(text))
	all, err := proof.Proofs(d)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := proof.SuiteByName(all[0].Type, all[0].Cryptosuite)
	h, err := s.Hash(proof.Input{Doc: d, Proof: all[0]})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := multikey.DecodeBase58(value[1:])
	if err != nil {
		t.Fatal(err)
	}
	reversed := func(b []byte) []byte {
		out := make([]byte, len(b))
		for i := range b {
			out[len(b)-1-i] = b[i]
		}
		return out
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	more := new(big.Int).Add(new(big.Int).SetBytes(reversed(raw[32:])), order)
	malleable := append(bytes.Clone(raw[:32]), reversed(more.FillBytes(make([]byte, 32)))...)
	if err := s.Verify(k.Public(), h, multikey.EncodeMultibase58(malleable)); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("S+L: %v", err)
	}
	// The identity as key and as R with S = 0 fits any message where small orders are
	// not refused; decoding is what refuses them.
	identity := append([]byte{1}, make([]byte, 31)...)
	if _, err := multikey.ParseEd25519(identity); err == nil {
		t.Error("a key of small order is decoded")
	}
	if err := s.Verify(ed25519.PublicKey(identity[:31]), h, value); !errors.Is(err, proof.ErrKeyType) {
		t.Errorf("a short key: %v", err)
	}
}

func TestHashRefuses(t *testing.T) {
	k := testKeys()
	text, _ := signText(t, goldenFor(proof.EdDSARDFC2022), proof.EdDSARDFC2022, k.ed)
	d := parse(t, []byte(text))
	all, err := proof.Proofs(d)
	if err != nil {
		t.Fatal(err)
	}
	rdfc, _ := proof.SuiteByName(proof.TypeDataIntegrity, proof.EdDSARDFC2022)
	jcs, _ := proof.SuiteByName(proof.TypeDataIntegrity, proof.EdDSAJCS2022)
	ec, _ := proof.SuiteByName(proof.TypeDataIntegrity, proof.ECDSARDFC2019)
	if _, err := jcs.Hash(proof.Input{Doc: d, Proof: all[0]}); !errors.Is(err, proof.ErrSuite) {
		t.Errorf("another suite: %v", err)
	}
	if _, err := rdfc.Hash(proof.Input{Doc: d, Root: d.Get(0, "id"), Proof: all[0]}); !errors.Is(err, proof.ErrShape) {
		t.Errorf("no object: %v", err)
	}
	if _, err := rdfc.Hash(proof.Input{Doc: d, Proof: all[0], Contexts: func(string) *ldcontext.Version { return nil }}); err == nil {
		t.Error("unknown contexts were taken")
	}
	named := all[0]
	named.PreviousProof = []string{"urn:a"}
	if _, err := rdfc.Hash(proof.Input{Doc: d, Proof: named}); !errors.Is(err, proof.ErrPreviousProof) {
		t.Errorf("previous proofs not given: %v", err)
	}
	config, err := proof.ParseConfig([]byte(strings.Replace(`{`+onProof+`}`, `,"proofValue":"z1"`, ``, 1)))
	if err != nil {
		t.Fatal(err)
	}
	config.Cryptosuite = proof.ECDSARDFC2019
	for name, key := range map[string]any{"none": nil, "Ed25519": k.ed.Public(), "P-521": k.p521.Public(), "P-224": &ecdsa.PublicKey{Curve: elliptic.P224()}, "no point": &ecdsa.PublicKey{Curve: elliptic.P384()}, "nothing": (*ecdsa.PublicKey)(nil)} {
		if _, err := ec.Hash(proof.Input{Doc: d, Proof: config, Key: key}); !errors.Is(err, proof.ErrKeyType) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A proof's own @context: for RDFC suites the document's, for JCS suites what was
// signed, which may only be less than the document's where the caller insists.
func TestProofContext(t *testing.T) {
	k := testKeys().ed
	text, _ := signText(t, goldenFor(proof.EdDSAJCS2022), proof.EdDSAJCS2022, k)
	d := parse(t, []byte(text))
	more := string(d.Rewrite(0, []strictjson.Member{{Name: "@context", Value: strings.TrimSuffix(d.Raw(d.Get(0, "@context")), "]") + `,{"name":"urn:x:name"}]`}}))
	for _, insecure := range []bool{false, true} {
		e := parse(t, []byte(more))
		all, err := proof.Proofs(e)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := proof.SuiteByName(all[0].Type, all[0].Cryptosuite)
		h, err := s.Hash(proof.Input{Doc: e, Proof: all[0], InsecureContextSuffix: insecure})
		if err == nil {
			err = s.Verify(k.Public(), h, all[0].ProofValue)
		}
		if insecure && err != nil || !insecure && !errors.Is(err, proof.ErrContext) {
			t.Errorf("insecure %v: %v", insecure, err)
		}
	}
	text, _ = signText(t, goldenFor(proof.EdDSARDFC2022), proof.EdDSARDFC2022, k)
	d = parse(t, []byte(text))
	own := func(context string) string {
		p := d.Rewrite(d.Get(0, "proof"), []strictjson.Member{{Name: "@context", Value: context}})
		return string(d.Rewrite(0, []strictjson.Member{{Name: "proof", Value: string(p)}}))
	}
	resolver := contexts(t)
	if err := verifyReceived([]byte(own(d.Raw(d.Get(0, "@context")))), k.Public(), resolver); err != nil {
		t.Errorf("the same context: %v", err)
	}
	for _, context := range []string{`"https://www.w3.org/ns/credentials/v2"`, `[]`, `null`, `{"x":"urn:x"}`, `["https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json","https://www.w3.org/ns/credentials/v2"]`} {
		if err := verifyReceived([]byte(own(context)), k.Public(), resolver); !errors.Is(err, proof.ErrContext) {
			t.Errorf("%s: %v", context, err)
		}
	}
}

// The legacy name eddsa-2022 means the rules of eddsa-rdfc-2022: 1EdTech's own sample.
func TestLegacyCryptosuite(t *testing.T) {
	if err := check(t, testvectors.ReadShared(t, "badges", "1edtech-validator", "ob30", "simple-eddsa-2022.json")); err != nil {
		t.Error(err)
	}
}

// Text in the middle of a document that hides a second proof member is refused.
func TestHiddenProof(t *testing.T) {
	k := testKeys().ed
	for _, suite := range []string{proof.EdDSARDFC2022, proof.EdDSAJCS2022} {
		text, _ := signText(t, goldenFor(suite), suite, k)
		for _, name := range []string{`proof`, `\u0070roof`, `Proof`, `@proof`, `https://w3id.org/security#proof`, `sec:proof`} {
			hidden := strings.Replace(text, `"name":`, `"`+name+`":"x","name":`, 1)
			if err := verifyReceived([]byte(hidden), k.Public(), contexts(t)); err == nil {
				t.Errorf("%s: a second member %s was taken", suite, name)
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, c := range signedCases() {
		text, _ := signText(f, goldenFor(c.suite), c.suite, c.key)
		f.Add([]byte(text))
	}
	resolver := proof.Newest(nil)
	other, _, _ := ed25519.GenerateKey(nil)
	f.Fuzz(func(t *testing.T, b []byte) {
		if verifyReceived(b, other, resolver) == nil {
			t.Fatal("a signature that nobody made")
		}
		_ = verifyReceived(b, testKeys().p384.Public(), resolver)
	})
}
