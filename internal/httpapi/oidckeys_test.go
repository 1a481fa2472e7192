package httpapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/proof"
)

// TestOIDCUnknownKeys: tokens by keys that nobody knows do not make the service ask the
// provider for each.
func TestOIDCUnknownKeys(t *testing.T) {
	p := newIDP(t)
	v := p.verifier()
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := p.token(plainHeader, p.claims())
	p.want("good", v, good, "")
	p.now.Add(10)
	before := p.asked.Load()
	for i := range 100 {
		p.want("unknown", v, p.signed(mine, fmt.Sprintf(`{"alg":"ES256","kid":"%d"}`, i), p.claims()), service.CodeKey)
		p.want("known", v, p.signed(mine, plainHeader, p.claims()), service.CodeKey)
		p.want("no name", v, p.signed(mine, `{"alg":"ES256"}`, p.claims()), service.CodeKey)
	}
	if n := p.asked.Load() - before; n != 1 {
		t.Errorf("the keys were asked for %d times, expected once", n)
	}
	p.want("good", v, good, "")
	// A new key is found all the same, seconds later.
	p.publish(p.jwk(mine.Public(), "new", "ES256", "sig"))
	p.now.Add(10)
	p.want("rotated", v, p.signed(mine, `{"alg":"ES256","kid":"new"}`, p.claims()), "")
	p.want("the key before", v, good, service.CodeKey)
}

// TestOIDCRemovedKey: a key that the provider has taken away is not believed for ever.
func TestOIDCRemovedKey(t *testing.T) {
	p := newIDP(t)
	v := p.verifier()
	token := p.token(plainHeader, p.claims())
	p.want("before", v, token, "")
	p.publish(p.jwk(p.rsa.Public(), "r", "RS256", "sig"))
	p.now.Add(int64(keysFresh/time.Second) + 1)
	p.want("after", v, token, service.CodeKey)
	p.want("its other key", v, p.signed(p.rsa, `{"alg":"RS256","kid":"r"}`, p.claims()), "")
	// All keys taken away is an answer, too.
	p.publish()
	p.now.Add(int64(keysFresh/time.Second) + 1)
	p.want("none", v, p.signed(p.rsa, `{"alg":"RS256","kid":"r"}`, p.claims()), service.CodeKey)
}

// TestOIDCProviderAway: who has a token is served while the provider is away, but not for
// long, and it is left alone meanwhile.
func TestOIDCProviderAway(t *testing.T) {
	for name, fail := range map[string]func(*idp){
		"503":      func(p *idp) { p.fails.Store(503) },
		"404":      func(p *idp) { p.fails.Store(404) },
		"garbage":  func(p *idp) { s := strings.Repeat("secret words of the provider ", 10_000); p.keys.Store(&s) },
		"a list":   func(p *idp) { s := `[]`; p.keys.Store(&s) },
		"too much": func(p *idp) { s := strings.Repeat(" ", maxProviderAnswer+1); p.keys.Store(&s) },
		"many keys": func(p *idp) {
			p.publish(strings.Repeat(p.jwk(p.key.Public(), "e", "", "")+",", maxProviderKeys) + `{}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t)
			v := p.verifier()
			p.now.Add(-600)
			token := p.token(plainHeader, p.claims("exp", fmt.Sprint(clockTime.Unix()+100_000)))
			p.now.Add(600)
			p.want("before", v, token, "")
			fail(p)
			before := p.asked.Load()
			p.now.Add(int64(keysFresh/time.Second) + 1)
			for range 20 {
				p.want("stale", v, token, "")
			}
			if n := p.asked.Load() - before; n != 1 {
				t.Errorf("asked %d times, expected once", n)
			}
			p.now.Add(int64(keysHold / time.Second))
			for range 20 {
				p.want("too old", v, token, service.CodeUnavailable)
			}
			if n := p.asked.Load() - before; n > 2 {
				t.Errorf("asked %d times", n)
			}
			p.now.Add(60)
			_, err := v.Authenticate(t.Context(), token)
			if e := asError(err); e.Err == nil || strings.Contains(e.Err.Error(), "secret") || len(e.Err.Error()) > 500 || e.RetryAfter <= 0 {
				t.Errorf("told: %.600v", e.Err)
			}
			p.fails.Store(0)
			p.publish(p.jwk(p.key.Public(), "e", "ES256", "sig"))
			p.now.Add(60)
			p.want("again", v, token, "")
		})
	}
}

// TestOIDCSlow: a provider that hangs holds up only who needs its answer, and all of those
// wait for one.
func TestOIDCSlow(t *testing.T) {
	p := newIDP(t)
	v := p.verifier()
	good := p.token(plainHeader, p.claims())
	p.want("before", v, good, "")
	p.now.Add(30)
	p.wait.Store(500)
	before, began := p.asked.Load(), time.Now()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			v.Authenticate(t.Context(), p.token(fmt.Sprintf(`{"alg":"ES256","kid":"%d"}`, i), p.claims()))
		})
	}
	time.Sleep(50 * time.Millisecond)
	p.want("during", v, good, "")
	if d := time.Since(began); d > 400*time.Millisecond {
		t.Errorf("a known key waited %v", d)
	}
	wg.Wait()
	if n := p.asked.Load() - before; n != 1 {
		t.Errorf("asked %d times, expected once", n)
	}
}

// TestOIDCSlowStart: of many providers that do not answer a start waits for all at once.
func TestOIDCSlowStart(t *testing.T) {
	const wait = 600 * time.Millisecond
	c := OIDCConfig{Client: &http.Client{Timeout: 10 * time.Second}, Clock: func() time.Time { return clockTime }}
	var all []*idp
	for range 6 {
		p := newIDP(t)
		p.wait.Store(int64(wait / time.Millisecond))
		rules := []OIDCRule{{Tenant: "tenant-a", Environment: service.Test}}
		c.Issuers = append(c.Issuers, OIDCIssuer{Issuer: p.base, Audience: "chancery", Rules: rules}, OIDCIssuer{Issuer: p.base, Audience: "portal", Rules: rules})
		all = append(all, p)
	}
	began := time.Now()
	v, err := NewOIDC(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 4*wait {
		t.Errorf("took %v for %d providers that take %v each", took, len(all), wait)
	}
	for _, p := range all {
		p.want("afterwards", v.(*oidcVerifier), p.token(plainHeader, p.claims()), "")
		if n := p.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	}
}

// TestOIDCKeySets: a key counts for what its provider says that it is for.
func TestOIDCKeySets(t *testing.T) {
	p := newIDP(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	pub, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := func(alg, use string) string { return p.jwk(p.key.Public(), "e", alg, use) }
	r := func(alg, use string) string { return p.jwk(p.rsa.Public(), "e", alg, use) }
	with := func(jwk, member string) string { return jwk[:len(jwk)-1] + "," + member + "}" }
	for _, c := range []struct {
		name   string
		keys   []string
		key    any
		header string
		want   service.Code
	}{
		{"ES256", []string{e("ES256", "sig")}, p.key, plainHeader, ""},
		{"nothing said", []string{e("", "")}, p.key, plainHeader, ""},
		{"RS256", []string{r("RS256", "sig")}, p.rsa, `{"alg":"RS256","kid":"e"}`, ""},
		{"PS256", []string{r("PS256", "sig")}, p.rsa, `{"alg":"PS256","kid":"e"}`, ""},
		{"EdDSA", []string{p.jwk(pub, "e", "EdDSA", "sig")}, ed, `{"alg":"EdDSA","kid":"e"}`, ""},
		{"Ed25519 by its new name", []string{p.jwk(pub, "e", "Ed25519", "sig")}, ed, `{"alg":"Ed25519","kid":"e"}`, ""},
		{"EdDSA, a key by the new name", []string{p.jwk(pub, "e", "Ed25519", "sig")}, ed, `{"alg":"EdDSA","kid":"e"}`, ""},
		{"two keys of one name", []string{r("RS256", "sig"), e("ES256", "sig")}, p.key, plainHeader, ""},
		{"no name in the token", []string{r("RS256", "sig"), e("ES256", "sig")}, p.key, `{"alg":"ES256"}`, ""},
		{"no name in the set", []string{strings.Replace(e("ES256", "sig"), `"kid":"e",`, "", 1)}, p.key, `{"alg":"ES256"}`, ""},
		{"beside one that is broken", []string{`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"b"}`, `{"kty":"RSA"}`, `1`, `null`, `{"kty":"EC","crv":"secp256k1","kid":"k"}`, e("ES256", "sig")}, p.key, plainHeader, ""},
		{"for verifying", []string{with(e("ES256", ""), `"key_ops":["verify"]`)}, p.key, plainHeader, ""},
		{"for encryption", []string{r("", "enc")}, p.rsa, `{"alg":"RS256","kid":"e"}`, service.CodeKey},
		{"for encryption by its algorithm", []string{r("RSA-OAEP", "")}, p.rsa, `{"alg":"RS256","kid":"e"}`, service.CodeKey},
		{"for encryption by key_ops", []string{with(r("", ""), `"key_ops":["encrypt"]`)}, p.rsa, `{"alg":"RS256","kid":"e"}`, service.CodeKey},
		{"PS256 by a key for RS256", []string{r("RS256", "sig")}, p.rsa, `{"alg":"PS256","kid":"e"}`, service.CodeKey},
		{"RS256 by a key for PS256", []string{r("PS256", "sig")}, p.rsa, `{"alg":"RS256","kid":"e"}`, service.CodeKey},
		{"RSA of 1024 bits", []string{p.jwk(small.Public(), "e", "RS256", "sig")}, small, `{"alg":"RS256","kid":"e"}`, service.CodeKey},
		{"a private key", []string{p.jwk(p.key, "e", "ES256", "sig")}, p.key, plainHeader, service.CodeKey},
		{"a symmetric key", []string{p.jwk([]byte("0123456789abcdef0123456789abcdef"), "e", "HS256", "sig")}, []byte("0123456789abcdef0123456789abcdef"), `{"alg":"HS256","kid":"e"}`, service.CodeKey},
		{"kid twice", []string{with(e("ES256", "sig"), `"kid":"x"`)}, p.key, plainHeader, service.CodeUnavailable},
	} {
		v := p.verifier()
		p.publish(c.keys...)
		p.now.Add(int64(keysFresh/time.Second) + 60)
		if c.want == service.CodeUnavailable { // what cannot be read says nothing: as if it were away
			p.now.Add(int64(keysHold / time.Second))
		}
		at := fmt.Sprint(p.clock().Unix() + 60)
		p.want(c.name, v, p.signed(c.key, c.header, p.claims("exp", at)), c.want)
		p.publish(e("ES256", "sig"), p.jwk(p.rsa.Public(), "r", "RS256", "sig"))
	}
}

// TestOIDCMixUp: with several providers each speaks for itself, also where their keys have
// the same names and one of them is hostile.
func TestOIDCMixUp(t *testing.T) {
	good, evil := newIDP(t), newIDP(t)
	rule := func(tenant string) []OIDCRule { return []OIDCRule{{Tenant: tenant, Environment: service.Test}} }
	v, err := NewOIDC(t.Context(), OIDCConfig{Client: &http.Client{Timeout: 10 * time.Second}, Clock: good.clock, Issuers: []OIDCIssuer{
		{Issuer: good.base, Audience: "chancery", Rules: rule("tenant-a")}, {Issuer: evil.base, Audience: "chancery", Rules: rule("tenant-b")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ token, tenant string }{
		"good":                             {good.token(plainHeader, good.claims()), "tenant-a"},
		"evil, for itself":                 {evil.token(plainHeader, evil.claims()), "tenant-b"},
		"evil, in the name of good":        {evil.token(plainHeader, good.claims()), ""},
		"evil, with both names":            {evil.token(plainHeader, good.claims("iss", fmt.Sprintf("[%q,%q]", good.base, evil.base))), ""},
		"evil, the name of good behind":    {evil.token(plainHeader, strings.Replace(evil.claims(), "{", fmt.Sprintf(`{"iss":%q,`, good.base), 1)), ""},
		"evil, the name of good, no kid":   {evil.token(`{"alg":"ES256"}`, good.claims()), ""},
		"evil, for the rules of good":      {evil.token(plainHeader, evil.claims("tenant", `"tenant-a"`)), "tenant-b"},
		"good, in the name of nobody":      {good.token(plainHeader, good.claims("iss", `""`)), ""},
		"good, in the name of nobody here": {good.token(plainHeader, good.claims("iss", `"https://login.example.com"`)), ""},
	} {
		got, err := v.Authenticate(t.Context(), c.token)
		if got.Tenant != c.tenant || (err == nil) != (c.tenant != "") {
			t.Errorf("%s: expected %q, found %+v %v", name, c.tenant, got, err)
		}
	}
}

// FuzzOIDC: whatever a caller or a provider says ends in an error or in something sound.
func FuzzOIDC(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUuY29tIiwiYXVkIjpbIngiXSwiZXhwIjoxZTl9.AAAA")
	f.Add("eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJleHAiOjFlMzA4LCJuYmYiOi0xLCJjbmYiOnt9fQ.")
	f.Add(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","key_ops":["verify"]},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`)
	f.Add(`{"issuer":"https://login.example.com","jwks_uri":"https://login.example.com/jwks"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if j := parseToken(text); j != nil {
			for _, kind := range []TokenKind{AccessTokens, TypedAccessTokens, IDTokens} {
				_ = j.is(kind, "x")
			}
			if expired, err := j.times(clockTime); err == nil && !expired {
				end, ok := j.claims.Float(j.claim("exp"))
				if !ok || end <= float64(clockTime.Unix()) || end > lastTime {
					t.Errorf("taken with exp %s", j.claims.Raw(j.claim("exp")))
				}
			}
			for _, r := range []OIDCRule{{Claim: "aud", Value: "x"}, {Claim: text, Value: "x"}, {Claim: "/" + text, Value: "x"}, {Claim: "scope", Value: "x"}} {
				if path, err := r.path(); err == nil {
					_ = r.fits(j, path)
				}
			}
		}
		keys, _, err := keysIn([]byte(text))
		if err != nil && keys != nil || len(keys) > maxProviderKeys {
			t.Errorf("%d keys and %v", len(keys), err)
		}
		for _, k := range keys {
			if k.Key == nil || k.Use == "enc" && serves(k, proof.RS256) {
				t.Errorf("found %+v", k)
			}
		}
		if at, err := discovered([]byte(text), "https://login.example.com"); err == nil && !strings.HasPrefix(at, "https://") {
			t.Errorf("keys at %q", at)
		}
	})
}
