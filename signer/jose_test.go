package signer_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

func part(tb testing.TB, s chancery.Secured, i int) string {
	tb.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(string(s.Bytes), ".")[i])
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// What is signed here, this package and three others verify.
func TestJOSEByOthers(t *testing.T) {
	for _, a := range signer.Algorithms() {
		if a == signer.RSA4096 || a == signer.RSA3072 {
			continue // slow to generate, and no other case
		}
		k := key(t, a)
		for _, alg := range proof.AlgsOf(k.Signer.Public()) {
			out, err := (&signer.JOSE{Key: k, Alg: alg}).Sign(context.Background(), credential(t, alumni))
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			j, err := proof.ParseJWS(out.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Verify(k.Signer.Public(), []proof.Alg{alg}); err != nil {
				t.Errorf("%s: %v", alg, err)
			}
			if alg == proof.Ed25519 {
				continue // the others do not know the name of RFC 9864
			}
			g, err := jose.ParseSignedCompact(string(out.Bytes), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			if payload, err := g.Verify(k.Signer.Public()); err != nil || string(payload) != alumni {
				t.Errorf("go-jose %s: %v", alg, err)
			}
			ja, ok := jwa.LookupSignatureAlgorithm(string(alg))
			if !ok {
				t.Fatalf("jwx does not know %s", alg)
			}
			if _, err := jws.Verify(out.Bytes, jws.WithKey(ja, k.Signer.Public())); err != nil {
				t.Errorf("jwx %s: %v", alg, err)
			}
			if _, err := jwt.Parse(string(out.Bytes), func(*jwt.Token) (any, error) { return k.Signer.Public(), nil }, jwt.WithValidMethods([]string{string(alg)})); err != nil {
				t.Errorf("golang-jwt %s: %v", alg, err)
			}
		}
	}
}

func TestVCJWT(t *testing.T) {
	k := key(t, signer.Ed25519)
	out, err := (&signer.JOSE{Key: k}).Sign(context.Background(), credential(t, alumni))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := part(t, out, 0), `{"alg":"EdDSA","kid":"`+k.Method+`","typ":"vc+jwt","cty":"vc"}`; got != want || out.MediaType != chancery.MediaVCJWT {
		t.Errorf("header %s", got)
	}
	if part(t, out, 1) != alumni {
		t.Errorf("payload %s", part(t, out, 1))
	}
	env, err := signer.Envelop(out)
	if err != nil {
		t.Fatal(err)
	}
	back, ok, err := chancery.Unwrap(env)
	if err != nil || !ok || back.MediaType != chancery.MediaVCJWT || string(back.Bytes) != string(out.Bytes) {
		t.Errorf("enveloped: %v", err)
	}
	text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiablePresentation","verifiableCredential":[` + string(env) + `]}`
	p, err := chancery.ParsePresentation([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	vp, err := (&signer.JOSE{Key: k, Audience: []string{"https://a.example"}, Nonce: "n1"}).SignPresentation(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got := part(t, vp, 1); got != strings.TrimSuffix(text, "}")+`,"aud":"https://a.example","nonce":"n1"}` || !strings.Contains(part(t, vp, 0), `"typ":"vp+jwt","cty":"vp"`) {
		t.Errorf("presentation %s", got)
	}
	if env, err = signer.Envelop(vp); err != nil {
		t.Fatal(err)
	}
	if back, ok, err := chancery.Unwrap(env); err != nil || !ok || back.MediaType != chancery.MediaVPJWT {
		t.Errorf("enveloped presentation: %v", err)
	}
}

func TestOpenBadgeJWT(t *testing.T) {
	k := key(t, signer.RSA2048)
	s := &signer.JOSE{Key: k, Kind: signer.OpenBadgeJWT, EmbedKey: true}
	draft := strings.Replace(alumni, `"validFrom"`, `"validUntil": "2033-01-01T00:00:00.5Z", "validFrom"`, 1)
	out, err := s.Sign(context.Background(), credential(t, draft))
	if err != nil {
		t.Fatal(err)
	}
	if got := part(t, out, 0); !strings.HasPrefix(got, `{"alg":"RS256","jwk":{"e":"AQAB",`) || strings.Contains(got, `"kid"`) || out.MediaType != chancery.MediaJWT {
		t.Errorf("header %s", got)
	}
	c, err := proof.ReadClaims(proof.TokenJWT, []byte(part(t, out, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Issuer != "https://vc.example/issuers/5678" || c.ID != "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33" || c.Subject != "did:example:abcdefgh" ||
		c.NotBefore.Unix() != 1672531200 || c.Expires.Unix() != 1988150400 || len(c.Disagreements()) != 0 || c.Wrapped != "" {
		t.Errorf("claims %+v", c)
	}
	if fmt.Sprint(c.RegisteredClaimNames) != "[iss jti sub nbf exp]" {
		t.Errorf("claims %v", c.RegisteredClaimNames)
	}
	old, err := s.Sign(context.Background(), credential(t, oldModel))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = proof.ReadClaims(proof.TokenJWT, []byte(part(t, old, 1))); err != nil || c.Wrapped != "vc" || string(c.Text()) != oldModel {
		t.Errorf("1.1: %v, %s", err, c.Text())
	}
}

func TestJOSERefuses(t *testing.T) {
	k := key(t, signer.Ed25519)
	good := credential(t, alumni)
	for name, v := range map[string]struct {
		s signer.JOSE
		c *chancery.Credential
	}{
		"no key":             {signer.JOSE{}, good},
		"alg of another key": {signer.JOSE{Key: k, Alg: proof.ES256}, good},
		"alg none":           {signer.JOSE{Key: k, Alg: "none"}, good},
		"HS256":              {signer.JOSE{Key: k, Alg: "HS256"}, good},
		"presentation kind":  {signer.JOSE{Key: k, Kind: signer.VPJWT}, good},
		"audience":           {signer.JOSE{Key: k, Audience: []string{"a"}}, good},
		"1.1 as vc+jwt":      {signer.JOSE{Key: k}, credential(t, oldModel)},
		"undefined term":     {signer.JOSE{Key: k}, credential(t, strings.Replace(alumni, `, "https://www.w3.org/ns/credentials/examples/v2"`, "", 1))},
		"claim vc":           {signer.JOSE{Key: k}, credential(t, strings.Replace(alumni, `"issuer"`, `"vc": {"a": "b"}, "issuer"`, 1))},
		"claim iss":          {signer.JOSE{Key: k}, credential(t, strings.Replace(alumni, `"issuer"`, `"iss": "x", "issuer"`, 1))},
		"shape":              {signer.JOSE{Key: k}, credential(t, strings.Replace(alumni, "urn:uuid", "uuid ", 1))},
		"badge without id":   {signer.JOSE{Key: k, Kind: signer.OpenBadgeJWT}, credential(t, strings.Replace(alumni, `"id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",`, "", 1))},
		"badge without date": {signer.JOSE{Key: k, Kind: signer.OpenBadgeJWT}, credential(t, strings.Replace(alumni, `"validFrom": "2023-01-01T00:00:00Z",`, "", 1))},
		"badge to nobody":    {signer.JOSE{Key: k, Kind: signer.OpenBadgeJWT}, credential(t, strings.Replace(alumni, `"id": "did:example:abcdefgh", `, "", 1))},
		"broken key":         {signer.JOSE{Key: signer.Key{Signer: broken{k.Signer, nil}, Method: k.Method}}, good},
	} {
		out, err := v.s.Sign(context.Background(), v.c)
		if err == nil || out.Bytes != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, s := range map[string]chancery.Secured{
		"JSON": {MediaType: chancery.MediaVC, Bytes: []byte(alumni)}, "no JWS": {MediaType: chancery.MediaVCJWT, Bytes: []byte("a.b")},
	} {
		if _, err := signer.Envelop(s); err == nil {
			t.Errorf("%s was enveloped", name)
		}
	}
	badge, err := (&signer.JOSE{Key: k, Kind: signer.OpenBadgeJWT}).Sign(context.Background(), good)
	if err != nil {
		t.Fatal(err)
	}
	badge.MediaType = chancery.MediaVCJWT
	if _, err := signer.Envelop(badge); !errors.Is(err, proof.ErrMediaType) && !errors.Is(err, signer.ErrConfig) {
		t.Errorf("a JWT enveloped as vc+jwt: %v", err)
	}
}
