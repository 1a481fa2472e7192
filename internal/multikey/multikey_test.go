package multikey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/testvectors"
)

// pair is a key pair as the specification vectors write it.
type pair struct {
	Public  string `json:"publicKeyMultibase"`
	Secret  string `json:"secretKeyMultibase"`
	Private string `json:"privateKeyMultibase"`
}

// TestSpecificationKeys: every key pair of the vectors is read, fits together, and
// is written as it was.
func TestSpecificationKeys(t *testing.T) {
	var pairs []pair
	one := func(elem ...string) {
		var p pair
		if err := json.Unmarshal(testvectors.ReadShared(t, elem...), &p); err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p)
	}
	several := func(elem ...string) {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(testvectors.ReadShared(t, elem...), &m); err != nil {
			t.Fatal(err)
		}
		for _, raw := range m {
			var p pair
			if json.Unmarshal(raw, &p) == nil && p.Public != "" {
				pairs = append(pairs, p)
			}
		}
	}
	one("w3c", "vc-di-eddsa", "TestVectors", "keyPair.json")
	one("w3c", "vc-di-ecdsa", "TestVectors", "p256KeyPair.json")
	one("w3c", "vc-di-ecdsa", "TestVectors", "p384KeyPair.json")
	several("w3c", "vc-di-eddsa", "TestVectors", "proof-set-chain", "multiKeyPairs.json")
	several("w3c", "vc-di-ecdsa", "TestVectors", "ecdsa-sd-2023", "SDKeyMaterial.json")
	if len(pairs) != 9 {
		t.Errorf("found %d key pairs, want 9", len(pairs))
	}
	for _, p := range pairs {
		pub, err := Parse(p.Public)
		if err != nil {
			t.Errorf("%s: %v", p.Public, err)
			continue
		}
		if got, err := Encode(pub); err != nil || got != p.Public {
			t.Errorf("%s: written as %s, %v", p.Public, got, err)
		}
		secret, err := ParseSecret(p.Secret + p.Private)
		if err != nil {
			t.Errorf("secret of %s: %v", p.Public, err)
			continue
		}
		if !Equal(secret.Public(), pub) {
			t.Errorf("%s: secret is of another key", p.Public)
		}
		if got, err := EncodeSecret(secret); err != nil || got != p.Secret+p.Private {
			t.Errorf("secret of %s is written differently: %v", p.Public, err)
		}
		if _, err := Parse(p.Secret + p.Private); !errors.Is(err, ErrPrivate) {
			t.Errorf("secret of %s taken for a public key: %v", p.Public, err)
		}
	}
}

func TestBLS(t *testing.T) {
	var m struct {
		Public string `json:"publicKeyHex"`
	}
	if err := json.Unmarshal(testvectors.ReadShared(t, "w3c", "vc-di-bbs", "TestVectors", "BBSKeyMaterial.json"), &m); err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(m.Public)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Encode(BLS12381G2(b))
	if err != nil || !strings.HasPrefix(s, "zUC7") {
		t.Fatalf("got %s, %v", s, err)
	}
	k, err := Parse(s)
	if err != nil || !Equal(k, BLS12381G2(b)) {
		t.Errorf("got %v, %v", k, err)
	}
	b[0] |= 0x40
	if _, err := Parse(EncodeMultibase58(append([]byte{0xeb, 1}, b...))); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("infinity: %v", err)
	}
}

// mk makes a Multikey text of hexadecimal bytes.
func mk(t *testing.T, h string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(h, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return EncodeMultibase58(b)
}

func TestParseRefuses(t *testing.T) {
	const good = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
	if _, err := Parse(good); err != nil {
		t.Fatal(err)
	}
	raw, err := DecodeMultibase(good)
	if err != nil {
		t.Fatal(err)
	}
	key := hex.EncodeToString(raw[2:])
	ff := strings.Repeat("ff", 30)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := p256.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		s   string
		err error
	}{
		"empty":                     {"", ErrEncoding},
		"only z":                    {"z", ErrEncoding},
		"base64url":                 {EncodeMultibase64(raw), ErrEncoding},
		"base58 without z":          {good[1:], ErrEncoding},
		"upper-case Z":              {"Z" + good[1:], ErrEncoding},
		"not of the alphabet":       {good[:20] + "0" + good[21:], ErrEncoding},
		"space after":               {good + " ", ErrEncoding},
		"newline after":             {good + "\n", ErrEncoding},
		"fragment after":            {good + "#", ErrEncoding},
		"too long":                  {"z" + strings.Repeat("2", 200), ErrEncoding},
		"leading zero":              {"z1" + good[1:], ErrUnsupported},
		"long varint of ed25519":    {mk(t, "ed8100"+key), ErrEncoding},
		"longer varint of ed25519":  {mk(t, "ed818000"+key), ErrEncoding},
		"endless varint":            {mk(t, strings.Repeat("ff", 12)), ErrEncoding},
		"code only":                 {mk(t, "ed01"), ErrInvalidKey},
		"ed25519 a byte short":      {mk(t, "ed01"+key[2:]), ErrInvalidKey},
		"ed25519 a byte long":       {mk(t, "ed01"+key+"00"), ErrInvalidKey},
		"ed25519 small order 1":     {mk(t, "ed01 01"+strings.Repeat("00", 31)), ErrInvalidKey},
		"ed25519 small order 4":     {mk(t, "ed01"+strings.Repeat("00", 31)+"80"), ErrInvalidKey},
		"ed25519 small order 8":     {mk(t, "ed01 26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"), ErrInvalidKey},
		"ed25519 y is p":            {mk(t, "ed01 ed"+ff+"7f"), ErrInvalidKey},
		"ed25519 y is p+1, signed":  {mk(t, "ed01 ee"+ff+"ff"), ErrInvalidKey},
		"P-256 uncompressed":        {mk(t, "8024"+hex.EncodeToString(point)), ErrInvalidKey},
		"P-256 hybrid":              {mk(t, "802406"+hex.EncodeToString(point[1:33])), ErrInvalidKey},
		"P-256 infinity":            {mk(t, "802400"), ErrInvalidKey},
		"P-256 x above p":           {mk(t, "802402"+strings.Repeat("ff", 32)), ErrInvalidKey},
		"P-256 not on curve":        {mk(t, "802402"+strings.Repeat("00", 31)+"01"), ErrInvalidKey},
		"P-256 point as P-384":      {mk(t, "812402"+hex.EncodeToString(point[1:33])), ErrInvalidKey},
		"P-384 x above p":           {mk(t, "812402"+strings.Repeat("ff", 48)), ErrInvalidKey},
		"P-521":                     {mk(t, "822402"+strings.Repeat("00", 66)), ErrUnsupported},
		"RSA":                       {mk(t, "852430820122"), ErrUnsupported},
		"secp256k1":                 {mk(t, "e701"+"02"+key), ErrUnsupported},
		"X25519":                    {mk(t, "ec01"+key), ErrUnsupported},
		"BLS G1":                    {mk(t, "ea01"+strings.Repeat("aa", 48)), ErrUnsupported},
		"BLS G2 short":              {mk(t, "eb01"+strings.Repeat("aa", 95)), ErrInvalidKey},
		"BLS G2 not compressed":     {mk(t, "eb01"+strings.Repeat("2a", 96)), ErrInvalidKey},
		"identity":                  {mk(t, "00"+key), ErrUnsupported},
		"private Ed25519":           {mk(t, "8026"+key), ErrPrivate},
		"private P-256":             {mk(t, "8626"+key), ErrPrivate},
		"BLS private":               {mk(t, "8a26"+key), ErrUnsupported},
		"byte-order mark":           {"\ufeff" + good, ErrEncoding},
		"look-alike of other bytes": {"z\u0430" + good[2:], ErrEncoding},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if k, err := Parse(tt.s); !errors.Is(err, tt.err) || k != nil {
				t.Errorf("got %v, %v, want %v", k, err, tt.err)
			}
		})
	}
	if len(smallOrder) != 5 {
		t.Errorf("%d points of small order, want 5", len(smallOrder))
	}
}

// TestSmallOrderMatters shows why such keys are refused: a signature anyone can
// write down verifies under the identity.
func TestSmallOrderMatters(t *testing.T) {
	identity := make([]byte, 32)
	identity[0] = 1
	sig := make([]byte, 64)
	sig[0] = 1 // R is the identity, s is zero
	if !ed25519.Verify(identity, []byte("any message"), sig) {
		t.Skip("Go refuses it by itself")
	}
	if _, err := ParseEd25519(identity); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("got %v, want ErrInvalidKey", err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key any
		err error
	}{
		"P-521":         {&p521.PublicKey, ErrUnsupported},
		"RSA":           {&rsa.PublicKey{}, ErrUnsupported},
		"nil":           {nil, ErrUnsupported},
		"string":        {"key", ErrUnsupported},
		"no curve":      {&ecdsa.PublicKey{}, ErrUnsupported},
		"short Ed25519": {ed25519.PublicKey{1}, ErrInvalidKey},
	} {
		if s, err := Encode(tt.key); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %q, %v, want %v", name, s, err, tt.err)
		}
	}
}

// slowBase58 decodes by the definition.
func slowBase58(s string) []byte {
	n, zeros := new(big.Int), 0
	for i := range s {
		n.Mul(n, big.NewInt(58))
		n.Add(n, big.NewInt(int64(strings.IndexByte(base58Alphabet, s[i]))))
	}
	for zeros < len(s) && s[zeros] == '1' {
		zeros++
	}
	return append(make([]byte, zeros), n.Bytes()...)
}

func TestBase58(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0xff, 0x80, 0x10}), 0, 300).Draw(t, "bytes")
		s := EncodeBase58(b)
		back, err := DecodeBase58(s)
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("%x became %s, then %x, %v", b, s, back, err)
		}
		if slow := slowBase58(s); !bytes.Equal(slow, b) {
			t.Fatalf("%x became %s, which is %x", b, s, slow)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune(base58Alphabet+"111")), 0, 300, -1).Draw(t, "text")
		b, err := DecodeBase58(s)
		if err != nil || EncodeBase58(b) != s || !bytes.Equal(b, slowBase58(s)) {
			t.Fatalf("%s became %x, %v, then %s", s, b, err, EncodeBase58(b))
		}
	})
	for _, s := range []string{strings.Repeat("z", MaxBase58), strings.Repeat("1", MaxBase58)} {
		if b, err := DecodeBase58(s); err != nil || EncodeBase58(b) != s {
			t.Errorf("longest text: %v", err)
		}
		long := strings.Repeat(s, 10_000)
		start := time.Now()
		if _, err := DecodeBase58(long); !errors.Is(err, ErrEncoding) || time.Since(start) > 50*time.Millisecond {
			t.Errorf("10 MB: %v after %v", err, time.Since(start))
		}
	}
	for _, s := range []string{"0", "O", "I", "l", "2 ", "\x00", "é"} {
		if _, err := DecodeBase58(s); !errors.Is(err, ErrEncoding) {
			t.Errorf("%q: got %v, want ErrEncoding", s, err)
		}
	}
}

func TestBase64URL(t *testing.T) {
	for _, s := range []string{"AA==", "AB", "A", "AA\n", "\nAA", "A\rA", "A+", "A/", "AA ", "é", "AAB", "AA="} {
		if b, err := DecodeBase64URL(s); !errors.Is(err, ErrEncoding) {
			t.Errorf("%q: got %x, %v, want ErrEncoding", s, b, err)
		}
	}
	for s, want := range map[string]string{"": "", "AA": "\x00", "_-8": "\xff\xef", "AAA": "\x00\x00"} {
		if b, err := DecodeBase64URL(s); err != nil || string(b) != want || EncodeBase64URL(b) != s {
			t.Errorf("%q: got %x, %v", s, b, err)
		}
	}
	for _, s := range []string{"", "m" + "AA", "f00", "x", "Uxyz"} {
		if _, err := DecodeMultibase(s); !errors.Is(err, ErrEncoding) {
			t.Errorf("%q: got %v, want ErrEncoding", s, err)
		}
	}
	if b, err := DecodeMultibase("uAA"); err != nil || !bytes.Equal(b, []byte{0}) {
		t.Errorf("got %x, %v", b, err)
	}
}

// FuzzParse: what parses is written back to the same text.
func FuzzParse(f *testing.F) {
	f.Add("z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2")
	f.Add("zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP")
	f.Add("z82LkuBieyGShVBhvtE2zoiD6Kma4tJGFtkAhxR5pfkp5QPw4LutoYWhvQCnGjdVn14kujQ")
	f.Add("z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq")
	f.Fuzz(func(t *testing.T, s string) {
		if b, err := DecodeMultibase(s); err == nil {
			if again := s[:1] + map[byte]func([]byte) string{'z': EncodeBase58, 'u': EncodeBase64URL}[s[0]](b); again != s {
				t.Fatalf("%q decoded is written as %q", s, again)
			}
		}
		key, err := Parse(s)
		if err != nil {
			if key != nil {
				t.Fatal("a key and an error")
			}
			return
		}
		if again, err := Encode(key); err != nil || again != s {
			t.Fatalf("%q is written as %q, %v", s, again, err)
		}
	})
}

// BenchmarkDecodeProofValue is the base58 of an Ed25519 signature.
func BenchmarkDecodeProofValue(b *testing.B) {
	sig := make([]byte, 64)
	if _, err := rand.Read(sig); err != nil {
		b.Fatal(err)
	}
	s := EncodeMultibase58(sig)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeMultibase(s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse is what resolving a did:key costs.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"); err != nil {
			b.Fatal(err)
		}
	}
}
