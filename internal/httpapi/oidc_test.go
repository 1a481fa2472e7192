package httpapi

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/internal/service"
)

// provider is an OpenID Provider on loopback.
type provider struct {
	*httptest.Server
	keys map[string]crypto.Signer
	jwks jose.JSONWebKeySet
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{keys: map[string]crypto.Signer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":%q,"token_endpoint":%q,"response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`, p.URL, p.URL+"/keys", p.URL+"/auth", p.URL+"/token")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		stdjson.NewEncoder(w).Encode(p.jwks)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) add(t *testing.T, kid string, alg jose.SignatureAlgorithm, key crypto.Signer) {
	t.Helper()
	p.keys[kid] = key
	p.jwks.Keys = append(p.jwks.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: string(alg), Use: "sig"})
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, kid string, key any, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := stdjson.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestOIDC(t *testing.T) {
	p := newProvider(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.add(t, "r", jose.RS256, rsaKey)
	p.add(t, "e", jose.ES256, ecKey)
	clock := func() time.Time { return clockTime }
	config := OIDCConfig{Client: p.Client(), Clock: clock, Issuers: []OIDCIssuer{{Issuer: p.URL, Audience: "chancery", Rules: []OIDCRule{
		{Claim: "groups", Value: "registrars", Tenant: "tenant-a", Environment: service.Live, Permissions: []service.Permission{service.MayIssue, service.MayRead}},
		{Claim: "org", Value: "b", Tenant: "tenant-b", Environment: service.Test},
	}}}}
	v, err := NewOIDC(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := start(t, func(c *Config) { c.OIDC = v })

	claims := func(change map[string]any) map[string]any {
		m := map[string]any{"iss": p.URL, "aud": "chancery", "sub": "aina@example.com", "exp": clockTime.Add(time.Hour).Unix(), "iat": clockTime.Unix(), "groups": []string{"staff", "registrars"}}
		for k, x := range change {
			if m[k] = x; x == nil {
				delete(m, k)
			}
		}
		return m
	}
	p.add(t, "late", jose.EdDSA, edKey) // keys that come later are found
	for name, token := range map[string]string{
		"RS256": sign(t, jose.RS256, "r", rsaKey, claims(nil)), "ES256": sign(t, jose.ES256, "e", ecKey, claims(nil)), "a new key": sign(t, jose.EdDSA, "late", edKey, claims(nil)),
		"several audiences": sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"aud": []string{"x", "chancery"}})),
	} {
		c, err := v.Authenticate(context.Background(), token)
		if err != nil || c.Tenant != "tenant-a" || c.Environment != service.Live || !c.May(service.MayIssue) || c.May(service.MayKeys) || !strings.HasPrefix(c.Actor, "oidc:") || strings.Contains(c.Actor, "aina") {
			t.Errorf("%s: %+v %v", name, c, err)
		}
		if w := ask(a, "GET", "/v1/me", "", "Authorization", "Bearer "+token); w.Code != 200 {
			t.Errorf("%s over HTTP: %d %s", name, w.Code, w.Body)
		}
	}
	if c, err := v.Authenticate(context.Background(), sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"groups": nil, "org": "b"}))); err != nil || c.Tenant != "tenant-b" || len(c.Permissions) != 0 {
		t.Errorf("second rule: %+v %v", c, err)
	}
	good := sign(t, jose.RS256, "r", rsaKey, claims(nil))
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"other key":              sign(t, jose.RS256, "r", other, claims(nil)),
		"unknown key id":         sign(t, jose.RS256, "none", other, claims(nil)),
		"algorithm not taken":    sign(t, jose.RS512, "r", rsaKey, claims(nil)),
		"public key as a secret": sign(t, jose.HS256, "r", []byte(strings.Repeat("k", 32)), claims(nil)),
		"none":                   "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"other payload":          parts[0] + "." + strings.Split(sign(t, jose.RS256, "r", other, claims(map[string]any{"sub": "x"})), ".")[1] + "." + parts[2],
		"other audience":         sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"aud": "portal"})),
		"no audience":            sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"aud": nil})),
		"other issuer":           sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"iss": p.URL + "/"})),
		"not yet":                sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"nbf": clockTime.Add(3 * time.Minute).Unix()})),
		"no rule":                sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"groups": []string{"staff"}})),
		"group as a substring":   sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"groups": "registrars-not"})),
		"no subject":             sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"sub": ""})),
		"no expiry":              sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"exp": nil})),
	} {
		if c, err := v.Authenticate(context.Background(), token); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
		w := ask(a, "GET", "/v1/me", "", "Authorization", "Bearer "+token)
		if w.Code != 401 {
			t.Errorf("%s over HTTP: %d", name, w.Code)
		}
	}
	w := ask(a, "GET", "/v1/me", "", "Authorization", "Bearer "+sign(t, jose.RS256, "r", rsaKey, claims(map[string]any{"exp": clockTime.Add(-time.Second).Unix()})))
	if p := problemIn(t, w); p.Code != service.CodeTokenExpired {
		t.Errorf("expired: %s", w.Body)
	}
	for _, token := range []string{"", "a.b.c", "a.b", strings.Repeat("a", 9000), "..", "eyJ.e30.x"} {
		if v.Handles(token) {
			t.Errorf("handles %.20q", token)
		}
	}
}

// TestOIDCAudiences: one provider may serve several programs, each with its rules.
func TestOIDCAudiences(t *testing.T) {
	p := newProvider(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.add(t, "e", jose.ES256, key)
	one := func(audience, tenant string) OIDCIssuer {
		return OIDCIssuer{Issuer: p.URL, Audience: audience, Rules: []OIDCRule{{Tenant: tenant, Environment: service.Test}}}
	}
	config := OIDCConfig{Client: p.Client(), Clock: func() time.Time { return clockTime }, Issuers: []OIDCIssuer{one("portal", "tenant-a"), one("office", "tenant-b")}}
	v, err := NewOIDC(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	for audience, tenant := range map[string]string{"portal": "tenant-a", "office": "tenant-b", "other": ""} {
		token := sign(t, jose.ES256, "e", key, map[string]any{"iss": p.URL, "aud": audience, "sub": "x", "exp": clockTime.Add(time.Hour).Unix()})
		c, err := v.Authenticate(context.Background(), token)
		if c.Tenant != tenant || (err == nil) != (tenant != "") || !v.Handles(token) {
			t.Errorf("%s: %+v %v", audience, c, err)
		}
	}
	config.Issuers = append(config.Issuers, one("portal", "tenant-b"))
	if _, err := NewOIDC(context.Background(), config); err == nil {
		t.Error("an issuer and audience that stand twice are taken")
	}
}

// TestOIDCAway: that a provider cannot be reached is not the caller's fault.
func TestOIDCAway(t *testing.T) {
	p := newProvider(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.add(t, "e", jose.ES256, key)
	now := clockTime.Add(-2 * keysHold)
	v, err := NewOIDC(context.Background(), OIDCConfig{Client: p.Client(), Clock: func() time.Time { return now },
		Issuers: []OIDCIssuer{{Issuer: p.URL, Audience: "x", Rules: []OIDCRule{{Tenant: "tenant-a", Environment: service.Test}}}}})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	now = clockTime // its keys are too old by now
	a, _ := start(t, func(c *Config) { c.OIDC, c.AddressRate = v, Rate{PerSecond: 1, Burst: 1} })
	token := sign(t, jose.ES256, "e", key, map[string]any{"iss": p.URL, "aud": "x", "sub": "x", "exp": clockTime.Add(time.Hour).Unix()})
	for range 3 { // it is no guess at a key either
		w := ask(a, "GET", "/v1/me", "", "Authorization", "Bearer "+token)
		if problem := problemIn(t, w); w.Code != 503 || problem.Code != service.CodeUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), p.URL) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// TestOIDCLater: a provider that is away when the service starts is asked again later.
func TestOIDCLater(t *testing.T) {
	p := newProvider(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.add(t, "e", jose.ES256, key)
	address := p.Listener.Addr().String()
	down := true
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if down {
			return nil, fmt.Errorf("no route to %s", address)
		}
		return p.Client().Transport.RoundTrip(r)
	})}
	now := clockTime
	var told []string
	config := OIDCConfig{Client: client, Clock: func() time.Time { return now }, Issuers: []OIDCIssuer{{Issuer: p.URL, Audience: "x", Rules: []OIDCRule{{Tenant: "tenant-a", Environment: service.Test}}}}}
	if _, err := NewOIDC(context.Background(), config); err == nil {
		t.Error("a provider that is away is taken, though nobody is told later")
	}
	config.Later = func(issuer string, err error) { told = append(told, issuer+": "+err.Error()) }
	v, err := NewOIDC(context.Background(), config)
	if err != nil || len(told) != 1 || !strings.Contains(told[0], "no route") {
		t.Fatalf("%v, told %v", err, told)
	}
	token := sign(t, jose.ES256, "e", key, map[string]any{"iss": p.URL, "aud": "x", "sub": "x", "exp": clockTime.Add(time.Hour).Unix()})
	ask := func(want service.Code) {
		t.Helper()
		_, err := v.Authenticate(context.Background(), token)
		if err != nil && asError(err).Code != want || err == nil && want != "" {
			t.Errorf("expected %q, found %v", want, err)
		}
	}
	ask(service.CodeUnavailable)
	now = now.Add(askAgain)
	ask(service.CodeUnavailable)
	if len(told) != 2 {
		t.Errorf("told %v", told)
	}
	down = false
	ask(service.CodeUnavailable) // left alone for a while
	now = now.Add(askAgain)
	ask("")
	ask("")
	p.Close()
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }))
	defer wrong.Close()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502) }))
	defer busy.Close()
	config.Client = wrong.Client()
	for address, taken := range map[string]bool{wrong.URL: false, busy.URL: true} {
		config.Issuers[0].Issuer = address
		if _, err := NewOIDC(context.Background(), config); (err == nil) != taken {
			t.Errorf("a provider that answers wrongly: %v", err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOIDCConfig(t *testing.T) {
	p := newProvider(t)
	rules := []OIDCRule{{Tenant: "a", Environment: service.Test}}
	for name, i := range map[string]OIDCIssuer{
		"http": {Issuer: "http://idp.example", Audience: "x", Rules: rules}, "no audience": {Issuer: p.URL, Rules: rules}, "no rules": {Issuer: p.URL, Audience: "x"},
		"no tenant": {Issuer: p.URL, Audience: "x", Rules: []OIDCRule{{Environment: service.Test}}}, "no environment": {Issuer: p.URL, Audience: "x", Rules: []OIDCRule{{Tenant: "a"}}},
		"symmetric": {Issuer: p.URL, Audience: "x", Rules: rules, Algorithms: []string{"HS256"}}, "none": {Issuer: p.URL, Audience: "x", Rules: rules, Algorithms: []string{"none"}},
		"permission": {Issuer: p.URL, Audience: "x", Rules: []OIDCRule{{Tenant: "a", Environment: service.Test, Permissions: []service.Permission{"all"}}}},
		"not there":  {Issuer: p.URL + "/nowhere", Audience: "x", Rules: rules}, "keys over http": {Issuer: p.URL, JWKS: "http://idp.example/keys", Audience: "x", Rules: rules},
	} {
		if _, err := NewOIDC(context.Background(), OIDCConfig{Client: p.Client(), Clock: time.Now, Issuers: []OIDCIssuer{i}}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := NewOIDC(context.Background(), OIDCConfig{}); err == nil {
		t.Error("no client is accepted")
	}
}
