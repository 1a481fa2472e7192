package proof_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/chancery-dev/chancery/internal/cputime"
	"github.com/chancery-dev/chancery/proof"
)

type keys struct {
	ed         ed25519.PrivateKey
	ed2        ed25519.PrivateKey
	p256, p521 *ecdsa.PrivateKey
	p384       *ecdsa.PrivateKey
	rsa        *rsa.PrivateKey
}

var testKeys = sync.OnceValue(func() keys {
	var k keys
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	_, k.ed2, _ = ed25519.GenerateKey(rand.Reader)
	k.p256, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.p384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	k.p521, _ = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	return k
})

func (k keys) signers() map[string]crypto.Signer {
	return map[string]crypto.Signer{"Ed25519": k.ed, "P-256": k.p256, "P-384": k.p384, "P-521": k.p521, "RSA": k.rsa}
}

var allAlgs = []proof.Alg{proof.EdDSA, proof.Ed25519, proof.ES256, proof.ES384, proof.ES512, proof.RS256, proof.RS384, proof.RS512, proof.PS256, proof.PS384, proof.PS512}

// sign makes a JWS with go-jose, whatever the algorithm's name is.
func sign(tb testing.TB, key crypto.Signer, alg proof.Alg, payload string) string {
	tb.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, (&jose.SignerOptions{}).WithType("vc+jwt"))
	if err != nil {
		tb.Fatal(err)
	}
	j, err := s.Sign([]byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	text, err := j.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// raw makes a JWS of any header, signed with Ed25519 or, for a secret, HMAC.
func raw(header string, payload string, signer func([]byte) []byte) string {
	e := base64.RawURLEncoding.EncodeToString
	in := e([]byte(header)) + "." + e([]byte(payload))
	return in + "." + e(signer([]byte(in)))
}

func ed(k ed25519.PrivateKey) func([]byte) []byte {
	return func(b []byte) []byte { return ed25519.Sign(k, b) }
}

func verifyJWS(text string, key crypto.PublicKey, allowed ...proof.Alg) error {
	j, err := proof.ParseJWS([]byte(text))
	if err != nil {
		return err
	}
	return j.Verify(key, allowed)
}

// Only the algorithms of a key verify with it, whatever is allowed; and what three
// other implementations sign, verifies.
func TestJWSKeyAlgorithmMatrix(t *testing.T) {
	for signerName, signer := range testKeys().signers() {
		for _, alg := range proof.AlgsOf(signer.Public()) {
			if alg == proof.Ed25519 {
				continue // go-jose does not know the name
			}
			text := sign(t, signer, alg, `{"a":1}`)
			for keyName, other := range testKeys().signers() {
				err := verifyJWS(text, other.Public(), allAlgs...)
				if (err == nil) != (keyName == signerName) {
					t.Errorf("%s by %s, key %s: %v", alg, signerName, keyName, err)
				}
			}
			for _, only := range allAlgs {
				err := verifyJWS(text, signer.Public(), only)
				if (err == nil) != (only == alg) || err != nil && !errors.Is(err, proof.ErrAlgorithm) {
					t.Errorf("%s, allowed %s: %v", alg, only, err)
				}
			}
			if err := verifyJWS(text, signer.Public()); !errors.Is(err, proof.ErrAlgorithm) {
				t.Errorf("nothing allowed: %v", err)
			}
		}
	}
	k := testKeys()
	if err := verifyJWS(sign(t, k.ed, proof.EdDSA, "x"), k.ed2.Public(), proof.EdDSA); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if err := verifyJWS(raw(`{"alg":"Ed25519"}`, "x", ed(k.ed)), k.ed.Public(), proof.Ed25519); err != nil {
		t.Errorf("RFC 9864 name: %v", err)
	}
}

func TestJWSByOthers(t *testing.T) {
	k := testKeys()
	for alg, key := range map[jwt.SigningMethod]crypto.Signer{
		jwt.SigningMethodEdDSA: k.ed, jwt.SigningMethodES256: k.p256, jwt.SigningMethodES384: k.p384,
		jwt.SigningMethodES512: k.p521, jwt.SigningMethodRS256: k.rsa, jwt.SigningMethodPS256: k.rsa,
	} {
		text, err := jwt.NewWithClaims(alg, jwt.MapClaims{"iss": "https://issuer.example"}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifyJWS(text, key.Public(), proof.Alg(alg.Alg())); err != nil {
			t.Errorf("golang-jwt %s: %v", alg.Alg(), err)
		}
	}
	for _, v := range []struct {
		alg jwa.SignatureAlgorithm
		key crypto.Signer
	}{{jwa.EdDSA(), k.ed}, {jwa.ES256(), k.p256}, {jwa.ES384(), k.p384}, {jwa.RS256(), k.rsa}, {jwa.PS512(), k.rsa}} {
		text, err := jws.Sign([]byte(`{"iss":"https://issuer.example"}`), jws.WithKey(v.alg, v.key))
		if err != nil {
			t.Fatal(err)
		}
		if err := verifyJWS(string(text), v.key.Public(), proof.Alg(v.alg.String())); err != nil {
			t.Errorf("jwx %s: %v", v.alg, err)
		}
	}
}

func TestJWSRefused(t *testing.T) {
	k := testKeys()
	good := sign(t, k.ed, proof.EdDSA, `{"a":1}`)
	parts := strings.Split(good, ".")
	spki, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	hs := func(secret []byte) func([]byte) []byte {
		return func(b []byte) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write(b)
			return m.Sum(nil)
		}
	}
	head := func(s string) string { return raw(s, `{"a":1}`, ed(k.ed)) }
	for name, v := range map[string]struct {
		text string
		want error
	}{
		"empty":                    {"", proof.ErrJWS},
		"one part":                 {parts[0], proof.ErrJWS},
		"two parts":                {parts[0] + "." + parts[1], proof.ErrJWS},
		"four parts":               {good + ".", proof.ErrJWS},
		"five parts":               {good + ".a.b", proof.ErrJWS},
		"JSON serialisation":       {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, proof.ErrJWS},
		"no header":                {"." + parts[1] + "." + parts[2], proof.ErrJWS},
		"detached payload":         {parts[0] + ".." + parts[2], proof.ErrSignature},
		"no signature":             {parts[0] + "." + parts[1] + ".", proof.ErrProofValue},
		"alg none":                 {head(`{"alg":"none"}`), proof.ErrAlgorithm},
		"alg None":                 {head(`{"alg":"None"}`), proof.ErrAlgorithm},
		"alg nOnE, no signature":   {raw(`{"alg":"nOnE"}`, "{}", func([]byte) []byte { return nil }), proof.ErrAlgorithm},
		"alg empty":                {head(`{"alg":""}`), proof.ErrAlgorithm},
		"alg absent":               {head(`{"typ":"JWT"}`), proof.ErrAlgorithm},
		"alg number":               {head(`{"alg":256}`), proof.ErrJWS},
		"alg lower case":           {head(`{"alg":"eddsa"}`), proof.ErrAlgorithm},
		"Alg":                      {head(`{"Alg":"EdDSA"}`), proof.ErrAlgorithm},
		"HS256 with SPKI":          {raw(`{"alg":"HS256"}`, "{}", hs(spki)), proof.ErrAlgorithm},
		"HS256 with key bytes":     {raw(`{"alg":"HS256"}`, "{}", hs(k.ed.Public().(ed25519.PublicKey))), proof.ErrAlgorithm},
		"ES256K":                   {head(`{"alg":"ES256K"}`), proof.ErrAlgorithm},
		"Ed448":                    {head(`{"alg":"Ed448"}`), proof.ErrAlgorithm},
		"alg twice":                {head(`{"alg":"none","alg":"EdDSA"}`), proof.ErrJWS},
		"alg twice, escaped":       {head(`{"alg":"EdDSA","\u0061lg":"none"}`), proof.ErrJWS},
		"kid twice":                {head(`{"alg":"EdDSA","kid":"a","kid":"b"}`), proof.ErrJWS},
		"crit":                     {head(`{"alg":"EdDSA","crit":["exp"],"exp":1}`), proof.ErrJWSHeader},
		"crit empty":               {head(`{"alg":"EdDSA","crit":[]}`), proof.ErrJWSHeader},
		"b64 false":                {head(`{"alg":"EdDSA","b64":false,"crit":["b64"]}`), proof.ErrJWSHeader},
		"b64 false without crit":   {head(`{"alg":"EdDSA","b64":false}`), proof.ErrJWSHeader},
		"b64 true":                 {head(`{"alg":"EdDSA","b64":true}`), proof.ErrJWSHeader},
		"zip":                      {head(`{"alg":"EdDSA","zip":"DEF"}`), proof.ErrJWSHeader},
		"private jwk":              {head(`{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}}`), proof.ErrJWSHeader},
		"jwk text":                 {head(`{"alg":"EdDSA","jwk":"{}"}`), proof.ErrJWS},
		"typ list":                 {head(`{"alg":"EdDSA","typ":["JWT"]}`), proof.ErrJWS},
		"header list":              {head(`["alg","EdDSA"]`), proof.ErrJWS},
		"header with tail":         {head(`{"alg":"EdDSA"}{}`), proof.ErrJWS},
		"header with BOM":          {head("\ufeff" + `{"alg":"EdDSA"}`), proof.ErrJWS},
		"padding":                  {parts[0] + "." + parts[1] + "." + parts[2] + "==", proof.ErrJWS},
		"line end":                 {good + "\n", proof.ErrJWS},
		"line end inside":          {good[:len(good)-4] + "\r\n" + good[len(good)-4:], proof.ErrJWS},
		"line end in the header":   {good[:4] + "\n" + good[4:], proof.ErrJWS},
		"space before":             {" " + good, proof.ErrJWS},
		"base64 with plus":         {parts[0] + "." + parts[1] + ".+" + parts[2][1:], proof.ErrJWS},
		"base64 with slash":        {parts[0] + "." + parts[1] + "./" + parts[2][1:], proof.ErrJWS},
		"bits hang over":           {good[:len(good)-1] + nextDigit(good[len(good)-1]), proof.ErrJWS},
		"payload of another":       {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"a":2}`)) + "." + parts[2], proof.ErrSignature},
		"header of another":        {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA"}`)) + "." + parts[1] + "." + parts[2], proof.ErrSignature},
		"signature of zeros":       {parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), proof.ErrSignature},
		"signature one byte short": {parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 63)), proof.ErrProofValue},
		"signature too long":       {parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 65)), proof.ErrProofValue},
		"header too large":         {head(`{"alg":"EdDSA","x":"` + strings.Repeat("a", 70000) + `"}`), proof.ErrJWS},
	} {
		if err := verifyJWS(v.text, k.ed.Public(), allAlgs...); !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
	}
}

// nextDigit returns a base64url digit that differs in the unused bits only.
func nextDigit(c byte) string {
	const a = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(a[strings.IndexByte(a, c)^1])
}

// A key in the header, or the way to one, changes nothing: what verifies is the key
// that was passed.
func TestJWSHeaderKeys(t *testing.T) {
	k := testKeys()
	x := base64.RawURLEncoding.EncodeToString(k.ed2.Public().(ed25519.PublicKey))
	header := `{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"` + x + `"},"jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/","x5c":["AA"],"kid":"../../etc/passwd"}`
	forged := raw(header, "{}", ed(k.ed2))
	j, err := proof.ParseJWS([]byte(forged))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(j.Ignored); got != "[jku x5u x5c]" || j.KeyID != "../../etc/passwd" || j.Header.String(j.Header.Get(j.JWK, "x")) != x {
		t.Errorf("header reported as %s, %q", got, j.KeyID)
	}
	if err := j.Verify(k.ed.Public(), allAlgs); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("forged: %v", err)
	}
	if err := verifyJWS(raw(header, "{}", ed(k.ed)), k.ed.Public(), allAlgs...); err != nil {
		t.Errorf("right key: %v", err)
	}
}

func TestJWSECDSAEncodings(t *testing.T) {
	k := testKeys()
	text := sign(t, k.p256, proof.ES256, `{}`)
	in := text[:strings.LastIndexByte(text, '.')]
	digest := sha256.Sum256([]byte(in))
	asn1, err := ecdsa.SignASN1(rand.Reader, k.p256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	with := func(sig []byte) error {
		return verifyJWS(in+"."+base64.RawURLEncoding.EncodeToString(sig), k.p256.Public(), proof.ES256)
	}
	order := elliptic.P256().Params().N.Bytes()
	one := append(make([]byte, 31), 1)
	for name, sig := range map[string][]byte{
		"ASN.1":                 asn1,
		"r and s zero":          make([]byte, 64),
		"r zero":                append(make([]byte, 32), one...),
		"s zero":                append(bytes.Clone(one), make([]byte, 32)...),
		"r the order":           append(bytes.Clone(order), one...),
		"s the order":           append(bytes.Clone(one), order...),
		"r and s all ones":      bytes.Repeat([]byte{0xff}, 64),
		"r and s one byte more": make([]byte, 66),
	} {
		if err := with(sig); !errors.Is(err, proof.ErrProofValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := with(append(bytes.Clone(one), one...)); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("r = s = 1: %v", err)
	}
}

func TestJWSKeySizes(t *testing.T) {
	small := &rsa.PublicKey{N: testKeys().rsa.N, E: 65537}
	text := sign(t, testKeys().rsa, proof.RS256, "{}")
	for name, key := range map[string]crypto.PublicKey{
		"nil": nil, "no RSA": (*rsa.PublicKey)(nil), "no ECDSA": (*ecdsa.PublicKey)(nil), "P-224": &ecdsa.PublicKey{Curve: elliptic.P224()},
		"P-256 without a point": &ecdsa.PublicKey{Curve: elliptic.P256()}, "no curve": &ecdsa.PublicKey{},
		"RSA without modulus": &rsa.PublicKey{E: 3}, "short Ed25519": ed25519.PublicKey{1}, "secret": []byte("secret"), "private key": testKeys().rsa,
	} {
		if err := verifyJWS(text, key, allAlgs...); !errors.Is(err, proof.ErrKeyType) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := verifyJWS(text, small, proof.RS256); err != nil {
		t.Error(err)
	}
}

// Ten megabytes of dots cost nothing.
func TestJWSDots(t *testing.T) {
	dots := bytes.Repeat([]byte{'.'}, 10<<20)
	trick := append([]byte("e."), bytes.Repeat([]byte{'.'}, 10<<20)...)
	for _, b := range [][]byte{dots, trick} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := cputime.Now()
		_, err := proof.ParseJWS(b)
		took := cputime.Since(start)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, proof.ErrJWS) {
			t.Error(err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
			t.Errorf("%d bytes allocated", used)
		}
		if took > 50*time.Millisecond { // the measure is 1 ms; a loaded machine may pause
			t.Errorf("took %v", took)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, v := range []struct {
		container, typ, cty string
		want                proof.TokenKind
	}{
		{"application/vc+jwt", "vc+jwt", "vc", proof.TokenVC},
		{"application/vc+jwt", "application/VC+JWT", "", proof.TokenVC},
		{"application/vc+jwt", "", "", proof.TokenVC},
		{"", "vc+jwt", "", proof.TokenVC},
		{"application/jwt", "vc+jwt", "application/vc", proof.TokenVC},
		{"application/vp+jwt", "vp+jwt", "vp", proof.TokenVP},
		{"application/jwt", "JWT", "", proof.TokenJWT},
		{"", "", "", proof.TokenJWT},
		{"", "", "vc", proof.TokenVC},
		{"application/vc+jwt", "vp+jwt", "", 0},
		{"application/vp+jwt", "vc+jwt", "", 0},
		{"application/vc+jwt", "JWT", "", 0},
		{"", "vc+jwt", "vp", 0},
		{"application/vc+jwt", "", "vp", 0},
		{"", "vc+sd-jwt", "", 0},
		{"", "dc+sd-jwt", "", 0},
		{"application/vc", "vc+jwt", "", 0},
		{"", "JWT", "JWT", 0},
		{"", "at+jwt", "", 0},
	} {
		got, err := proof.KindOf(v.container, v.typ, v.cty)
		if got != v.want || (err == nil) != (v.want != 0) || err != nil && !errors.Is(err, proof.ErrMediaType) {
			t.Errorf("%q, %q, %q: got %v, %v", v.container, v.typ, v.cty, got, err)
		}
	}
}

func TestReadClaims(t *testing.T) {
	for _, v := range []struct {
		kind          proof.TokenKind
		payload       string
		text          string // "": refused
		disagreements string
	}{
		{proof.TokenVC, `{"id":"urn:a"}`, `{"id":"urn:a"}`, "[]"},
		{proof.TokenVC, `{"id":"urn:a","iat":"2024-01-01T00:00:00Z"}`, `{"id":"urn:a","iat":"2024-01-01T00:00:00Z"}`, "[]"},
		{proof.TokenVC, `{"vc":{}}`, "", ""},
		{proof.TokenVP, `{"vp":{}}`, "", ""},
		{proof.TokenVC, `[]`, "", ""},
		{proof.TokenVC, `{"a":1,"a":2}`, "", ""},
		{proof.TokenJWT, `{"vc":{},"vp":{}}`, "", ""},
		{proof.TokenJWT, `{"vc":"x"}`, "", ""},
		{proof.TokenJWT, `{"vc":{},"nbf":"1"}`, "", ""},
		{proof.TokenJWT, `{"vc":{},"exp":-1}`, "", ""},
		{proof.TokenJWT, `{"vc":{},"exp":1e300}`, "", ""},
		{proof.TokenJWT, `{"vc":{},"iss":7}`, "", ""},
		{proof.TokenJWT, `{"iss":"did:a","jti":"urn:a","sub":"did:b","nbf":0,"vc":{"@context":["https://www.w3.org/2018/credentials/v1"],"credentialSubject":{"x":1}}}`,
			`{"@context":["https://www.w3.org/2018/credentials/v1"],"credentialSubject":{"x":1,"id":"did:b"},"id":"urn:a","issuer":"did:a","issuanceDate":"1970-01-01T00:00:00Z"}`, "[]"},
		{proof.TokenJWT, `{"iss":"did:a","jti":"urn:a","sub":"did:b","nbf":1,"exp":2,"vc":{"@context":"https://www.w3.org/ns/credentials/v2","id":"urn:b","issuer":{"id":"did:c"},"validFrom":"1970-01-01T00:00:02Z","validUntil":"1970-01-01T00:00:02Z","credentialSubject":{"id":"did:d"}}}`,
			`{"@context":"https://www.w3.org/ns/credentials/v2","id":"urn:b","issuer":{"id":"did:c"},"validFrom":"1970-01-01T00:00:02Z","validUntil":"1970-01-01T00:00:02Z","credentialSubject":{"id":"did:d"}}`, "[iss jti sub nbf]"},
		{proof.TokenJWT, `{"iss":"did:a","vp":{"type":"VerifiablePresentation"}}`, `{"type":"VerifiablePresentation","holder":"did:a"}`, "[]"},
	} {
		c, err := proof.ReadClaims(v.kind, []byte(v.payload))
		if (err == nil) != (v.text != "") {
			t.Errorf("%s: %v", v.payload, err)
			continue
		}
		if err != nil {
			continue
		}
		if got := string(c.Text()); got != v.text {
			t.Errorf("%s:\ngot  %s\nwant %s", v.payload, got, v.text)
		}
		if got := fmt.Sprint(c.Disagreements()); got != v.disagreements {
			t.Errorf("%s: disagreements %s", v.payload, got)
		}
	}
}

func FuzzParseJWS(f *testing.F) {
	f.Add([]byte(raw(`{"alg":"EdDSA"}`, "{}", ed(testKeys().ed))))
	f.Add([]byte("a.b.c"))
	key := testKeys().ed2.Public()
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := proof.ParseJWS(b)
		if err != nil {
			return
		}
		if j.Verify(key, allAlgs) == nil {
			t.Fatal("a signature that nobody made")
		}
		kind, err := proof.KindOf("", j.Typ, j.Cty)
		if err != nil {
			return
		}
		if c, err := proof.ReadClaims(kind, j.Payload); err == nil {
			c.Text()
			c.Disagreements()
		}
	})
}
