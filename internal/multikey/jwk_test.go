package multikey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

// The key and the thumbprint of RFC 7638 section 3.1, and those of RFC 8037
// appendix A.
const (
	rfc7638   = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	rfc8037   = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfc8037d  = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfc7517ec = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}`
)

func TestRFCKeys(t *testing.T) {
	for text, want := range map[string]string{
		rfc7638: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		rfc8037: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		k, err := ParsePublicJWKBytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Thumbprint(k.Key); err != nil || got != want {
			t.Errorf("got thumbprint %s, %v, want %s", got, err, want)
		}
	}
	k, err := ParsePublicJWKBytes([]byte(rfc7517ec))
	if err != nil || k.ID != "1" || k.Use != "enc" {
		t.Errorf("got %+v, %v", k, err)
	}
	secret, k, err := ParsePrivateJWK([]byte(rfc8037d))
	if err != nil || !Equal(secret.Public(), k.Key) {
		t.Errorf("got %v", err)
	}
}

// TestAgainstJOSE: keys and thumbprints of every kind agree with go-jose's, both ways.
func TestAgainstJOSE(t *testing.T) {
	var keys []crypto.Signer
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys = append(keys, ed)
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		for range 20 { // among which some have a coordinate that begins with zero
			k, err := ecdsa.GenerateKey(c, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, k)
		}
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys = append(keys, r)
	for i, k := range keys {
		ours, err := EncodePublicJWK(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		var theirs jose.JSONWebKey
		if err := theirs.UnmarshalJSON(ours); err != nil {
			t.Fatalf("%s: %v", ours, err)
		}
		if !Equal(theirs.Key, k.Public()) {
			t.Fatalf("%s is read as another key", ours)
		}
		sum, err := theirs.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Thumbprint(k.Public()); err != nil || got != EncodeBase64URL(sum) {
			t.Fatalf("%s: got thumbprint %s, %v", ours, got, err)
		}
		public, err := jose.JSONWebKey{Key: k.Public(), KeyID: "a", Algorithm: "b", Use: "sig"}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParsePublicJWKBytes(public)
		if err != nil || !Equal(back.Key, k.Public()) || back.ID != "a" || back.Alg != "b" || back.Use != "sig" {
			t.Fatalf("%s: %+v, %v", public, back, err)
		}
		private, err := jose.JSONWebKey{Key: k}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParsePublicJWKBytes(private); !errors.Is(err, ErrPrivate) {
			t.Fatalf("private key taken for a public one: %v", err)
		}
		signer, _, err := ParsePrivateJWK(private)
		if err != nil || !Equal(signer.Public(), k.Public()) {
			t.Fatalf("private key of %s: %v", public, err)
		}
		for j, other := range keys {
			if i != j && Equal(other.Public(), k.Public()) {
				t.Fatal("two keys are equal")
			}
		}
	}
}

// change returns a JWK with members set, or dropped where the value is nil.
func change(t *testing.T, jwk string, set map[string]any) string {
	var m map[string]any
	if err := json.Unmarshal([]byte(jwk), &m); err != nil {
		t.Fatal(err)
	}
	for name, v := range set {
		if m[name] = v; v == nil {
			delete(m, name)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestJWKRefuses(t *testing.T) {
	x := "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
	rsaOf := func(bits int) string {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return EncodeBase64URL(n.Add(n, big.NewInt(1)).Bytes())
	}
	type set = map[string]any
	tests := map[string]struct {
		jwk string
		err error
	}{
		"no kty":                 {change(t, rfc7517ec, set{"kty": nil}), ErrInvalidKey},
		"kty a number":           {change(t, rfc7517ec, set{"kty": 1}), ErrInvalidKey},
		"kty of other case":      {change(t, rfc7517ec, set{"kty": "ec"}), ErrUnsupported},
		"kty oct":                {`{"kty":"oct"}`, ErrUnsupported},
		"symmetric":              {`{"kty":"oct","k":"AAAA"}`, ErrPrivate},
		"kty OKP for EC":         {change(t, rfc7517ec, set{"kty": "OKP"}), ErrUnsupported},
		"no crv":                 {change(t, rfc7517ec, set{"crv": nil}), ErrInvalidKey},
		"secp256k1":              {change(t, rfc7517ec, set{"crv": "secp256k1"}), ErrUnsupported},
		"X25519":                 {change(t, rfc8037, set{"crv": "X25519"}), ErrUnsupported},
		"Ed448":                  {change(t, rfc8037, set{"crv": "Ed448"}), ErrUnsupported},
		"OKP no crv":             {change(t, rfc8037, set{"crv": nil}), ErrInvalidKey},
		"P-384 of P-256 lengths": {change(t, rfc7517ec, set{"crv": "P-384"}), ErrInvalidKey},
		"no x":                   {change(t, rfc7517ec, set{"x": nil}), ErrInvalidKey},
		"no y":                   {change(t, rfc7517ec, set{"y": nil}), ErrInvalidKey},
		"x empty":                {change(t, rfc7517ec, set{"x": ""}), ErrInvalidKey},
		"x null":                 {strings.Replace(rfc7517ec, `"`+x+`"`, "null", 1), ErrInvalidKey},
		"x a byte short":         {change(t, rfc7517ec, set{"x": x[4:]}), ErrInvalidKey},
		"x a byte long":          {change(t, rfc7517ec, set{"x": "AAAA" + x}), ErrInvalidKey},
		"x padded":               {change(t, rfc7517ec, set{"x": x + "="}), ErrEncoding},
		"x with loose bits":      {change(t, rfc7517ec, set{"x": x[:len(x)-1] + "5"}), ErrEncoding},
		"x in plain base64":      {change(t, rfc7517ec, set{"x": "+" + x[1:]}), ErrEncoding},
		"x with newline":         {change(t, rfc7517ec, set{"x": x[:42] + "\n"}), ErrEncoding},
		"not on the curve":       {change(t, rfc7517ec, set{"y": x}), ErrInvalidKey},
		"zero point":             {change(t, rfc7517ec, set{"x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)}), ErrInvalidKey},
		"d":                      {change(t, rfc7517ec, set{"d": x}), ErrPrivate},
		"d null":                 {change(t, rfc7517ec, set{"d": 0}), ErrPrivate},
		"d of Ed25519":           {rfc8037d, ErrPrivate},
		"p":                      {change(t, rfc7638, set{"p": "AQ"}), ErrPrivate},
		"oth":                    {change(t, rfc7638, set{"oth": []any{}}), ErrPrivate},
		"Ed25519 short":          {change(t, rfc8037, set{"x": "AAAA"}), ErrInvalidKey},
		"Ed25519 small order":    {change(t, rfc8037, set{"x": strings.Repeat("A", 43)}), ErrInvalidKey},
		"RSA 2047 bits":          {change(t, rfc7638, set{"n": rsaOf(2047)}), ErrInvalidKey},
		"RSA 1024 bits":          {change(t, rfc7638, set{"n": rsaOf(1024)}), ErrInvalidKey},
		"RSA 8193 bits":          {change(t, rfc7638, set{"n": rsaOf(8193)}), ErrInvalidKey},
		"RSA a megabyte":         {change(t, rfc7638, set{"n": strings.Repeat("A", 60_000)}), ErrInvalidKey},
		"RSA leading zero":       {change(t, rfc7638, set{"n": EncodeBase64URL(append([]byte{0}, make([]byte, 256)...))}), ErrInvalidKey},
		"RSA even":               {change(t, rfc7638, set{"n": EncodeBase64URL(append([]byte{0x80}, make([]byte, 255)...))}), ErrInvalidKey},
		"RSA e 1":                {change(t, rfc7638, set{"e": "AQ"}), ErrInvalidKey},
		"RSA e even":             {change(t, rfc7638, set{"e": "BA"}), ErrInvalidKey},
		"RSA e empty":            {change(t, rfc7638, set{"e": ""}), ErrInvalidKey},
		"RSA e leading zero":     {change(t, rfc7638, set{"e": "AAEAAQ"}), ErrInvalidKey},
		"RSA e large":            {change(t, rfc7638, set{"e": "_____w"}), ErrInvalidKey},
		"RSA e larger":           {change(t, rfc7638, set{"e": "AQAAAAAAAAAB"}), ErrInvalidKey},
		"RSA no n":               {change(t, rfc7638, set{"n": nil}), ErrInvalidKey},
		"kid a number":           {change(t, rfc7638, set{"kid": 1}), ErrInvalidKey},
		"key_ops a string":       {change(t, rfc7638, set{"key_ops": "verify"}), ErrInvalidKey},
		"key_ops of numbers":     {change(t, rfc7638, set{"key_ops": []int{1}}), ErrInvalidKey},
		"array":                  {`[]`, ErrInvalidKey},
		"string":                 {`"x"`, ErrInvalidKey},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if k, err := ParsePublicJWKBytes([]byte(tt.jwk)); !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v, want %v", k, err, tt.err)
			}
		})
	}
	for _, text := range []string{"", "{", `{"kty":"EC","kty":"OKP"}`, rfc8037 + "{}", "\xff"} {
		if _, err := ParsePublicJWKBytes([]byte(text)); err == nil {
			t.Errorf("%q accepted", text)
		}
	}
	if k, err := ParsePublicJWKBytes([]byte(change(t, rfc7638, set{"n": rsaOf(8192), "key_ops": []string{"verify"}}))); err != nil || len(k.Ops) != 1 {
		t.Errorf("8192 bits: %v", err)
	}
}

func TestPrivateJWKRefuses(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d, err := other.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no d":             rfc7517ec,
		"another key's d":  change(t, rfc7517ec, map[string]any{"d": EncodeBase64URL(d)}),
		"zero d":           change(t, rfc7517ec, map[string]any{"d": strings.Repeat("A", 43)}),
		"other Ed25519":    change(t, rfc8037d, map[string]any{"d": strings.Repeat("A", 43)}),
		"RSA, wrong prime": change(t, rfc7638, map[string]any{"d": "Aw", "p": "Aw", "q": "BQ"}),
		"RSA, three":       change(t, rfc7638, map[string]any{"d": "Aw", "p": "Aw", "q": "BQ", "oth": []any{}}),
		"RSA, no primes":   change(t, rfc7638, map[string]any{"d": "Aw"}),
	} {
		signer, _, err := ParsePrivateJWK([]byte(text))
		if err == nil || signer != nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), EncodeBase64URL(d)) {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
}

// FuzzJWK: what parses is written to a form that parses to the same key, and no
// form with a secret parses as public.
func FuzzJWK(f *testing.F) {
	for _, s := range []string{rfc7638, rfc8037, rfc8037d, rfc7517ec} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := ParsePrivateJWK(b); err == nil {
			if _, err := ParsePublicJWKBytes(b); !errors.Is(err, ErrPrivate) {
				t.Fatal("a private key is accepted as a public one")
			}
		}
		k, err := ParsePublicJWKBytes(b)
		if err != nil {
			return
		}
		text, err := EncodePublicJWK(k.Key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePublicJWKBytes(text)
		if err != nil || !Equal(k.Key, again.Key) {
			t.Fatal(fmt.Errorf("%s: %w", text, err))
		}
	})
}
