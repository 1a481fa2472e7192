package httpapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/internal/service"
)

// scripted is a provider that answers what the test says: discovery, then keys.
func scripted(t *testing.T, discovery, keys func(base string, w http.ResponseWriter, r *http.Request)) *httptest.Server {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			discovery(s.URL, w, r)
			return
		}
		keys(s.URL, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

type answering = func(base string, w http.ResponseWriter, r *http.Request)

func says(text string) answering {
	return func(base string, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, strings.ReplaceAll(text, "BASE", base))
	}
}

func status(code int) answering {
	return func(_ string, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, "secret words of the provider")
	}
}

func leads(to string) answering {
	return func(base string, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.ReplaceAll(to, "BASE", base), http.StatusFound)
	}
}

func endless(_ string, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for chunk := make([]byte, 64<<10); r.Context().Err() == nil; {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func breaksOff(_ string, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, "{")
}

const goodDiscovery = `{"issuer":"BASE","jwks_uri":"BASE/keys"}`

func jwk(t *testing.T, key any, alg, use string) string {
	t.Helper()
	b, err := jose.JSONWebKey{Key: key, KeyID: "k", Algorithm: alg, Use: use}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOIDCCheck: what is wrong with a provider is told before a token comes, by what it is
// and whose it is, and nothing else of what it answers.
func TestOIDCCheck(t *testing.T) {
	ec := func(c elliptic.Curve) *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	p256 := ec(elliptic.P256())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := jwk(t, p256.Public(), "ES256", "sig")
	keys := func(list ...string) answering { return says(`{"keys":[` + strings.Join(list, ",") + `]}`) }
	none := "hold none that a token may be signed with: expected a public key for one of RS256, PS256, ES256, EdDSA, Ed25519, found "
	for name, c := range map[string]struct {
		discovery, keys answering
		want            string // "": all is well
	}{
		"ES256":                   {says(goodDiscovery), keys(good), ""},
		"RS256, no alg":           {says(goodDiscovery), keys(jwk(t, rsaKey.Public(), "", "")), ""},
		"EdDSA":                   {says(goodDiscovery), keys(jwk(t, ed, "EdDSA", "sig")), ""},
		"one of several":          {says(goodDiscovery), keys(`{"kty":"new"}`, jwk(t, p256.Public(), "ECDH-ES", "enc"), good), ""},
		"keys: of one that moved": {leads("BASE/elsewhere"), says(goodDiscovery), "are malformed: expected a JSON Web Key Set"},
		"404":                     {status(404), keys(good), "the discovery document cannot be had: the provider answers 404"},
		"500":                     {status(500), keys(good), "the discovery document cannot be had: the provider answers 500"},
		"no JSON":                 {says("<!doctype html>secret words of the provider"), keys(good), "the discovery document is malformed"},
		"empty":                   {says(""), keys(good), "the discovery document is malformed"},
		"endless":                 {endless, keys(good), "the discovery document cannot be had: expected at most 1048576 bytes"},
		"breaks off":              {breaksOff, keys(good), "the discovery document cannot be had: the answer breaks off"},
		"another issuer":          {says(`{"issuer":"https://login.example.com","jwks_uri":"BASE/keys"}`), keys(good), `to the letter, found that of "https://login.example.com"`},
		"with a slash":            {says(`{"issuer":"BASE/","jwks_uri":"BASE/keys"}`), keys(good), "to the letter, found that of \"http://127.0.0.1:"},
		"an issuer without end":   {says(`{"issuer":"https://` + strings.Repeat("a", 100_000) + `","jwks_uri":"BASE/keys"}`), keys(good), "aaa…\""},
		"no issuer":               {says(`{"jwks_uri":"BASE/keys"}`), keys(good), `found that of ""`},
		"no jwks_uri":             {says(`{"issuer":"BASE"}`), keys(good), "expected an https jwks_uri"},
		"keys over http":          {says(`{"issuer":"BASE","jwks_uri":"http://login.example.com/keys"}`), keys(good), "expected an https jwks_uri"},
		"keys in a file":          {says(`{"issuer":"BASE","jwks_uri":"file:///etc/passwd"}`), keys(good), "expected an https jwks_uri"},
		"led elsewhere":           {leads("http://login.example.com/"), keys(good), "a redirect that leaves https is not followed"},
		"led in a circle":         {leads("BASE/.well-known/openid-configuration"), keys(good), "a redirect that leaves https is not followed"},
		"keys: 404":               {says(goodDiscovery), status(404), "cannot be had: the provider answers 404"},
		"keys: led elsewhere":     {says(goodDiscovery), leads("http://login.example.com/"), "a redirect that leaves https is not followed"},
		"keys: endless":           {says(goodDiscovery), endless, "cannot be had: expected at most 1048576 bytes"},
		"keys: break off":         {says(goodDiscovery), breaksOff, "cannot be had: the answer breaks off"},
		"keys: no JSON":           {says(goodDiscovery), says("secret words of the provider"), "are malformed: expected a JSON Web Key Set"},
		"keys: a list":            {says(goodDiscovery), says("[]"), "are malformed: expected a JSON Web Key Set"},
		"keys: an object":         {says(goodDiscovery), says(`{"keys":{}}`), "are malformed: expected a JSON Web Key Set"},
		"keys: none":              {says(goodDiscovery), keys(), none + "0 others"},
		"keys: nonsense":          {says(goodDiscovery), keys("1", "{}", `{"kty":"EC"}`), none + "3 others"},
		"keys: symmetric":         {says(goodDiscovery), keys(jwk(t, []byte("secret words of the provider"), "HS256", "sig")), none + "1 others"},
		"keys: private":           {says(goodDiscovery), keys(jwk(t, p256, "ES256", "sig")), none + "1 others"},
		"keys: for encryption":    {says(goodDiscovery), keys(jwk(t, p256.Public(), "", "enc")), none + "1 others"},
		"keys: another curve":     {says(goodDiscovery), keys(jwk(t, ec(elliptic.P384()).Public(), "", "sig")), none + "1 others"},
		"keys: another algorithm": {says(goodDiscovery), keys(jwk(t, rsaKey.Public(), "RS512", "sig")), none + "1 others"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := scripted(t, c.discovery, c.keys)
			config := OIDCConfig{Client: &http.Client{Timeout: 10 * time.Second}, Clock: time.Now,
				Issuers: []OIDCIssuer{{Issuer: p.URL, Audience: "x", Rules: []OIDCRule{{Tenant: "tenant-a", Environment: service.Test}}}}}
			err := config.Check(context.Background())
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				if _, err := NewOIDC(context.Background(), config); err != nil {
					t.Error("serving: ", err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "httpapi: OIDC: "+p.URL+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("expected %q, found %v", c.want, err)
			}
			if text := fmt.Sprint(err); strings.Contains(text, "secret") || len(text) > 500 || strings.Contains(text, "\n") {
				t.Errorf("told %d bytes: %.600s", len(text), text)
			}
			if _, err := NewOIDC(context.Background(), config); !strings.HasPrefix(name, "keys: ") && err == nil {
				t.Error("the service takes what the check refuses")
			}
		})
	}
}

// TestOIDCCheckAll: each provider is asked, once, and each fault told.
func TestOIDCCheckAll(t *testing.T) {
	asked := 0
	one := scripted(t, func(base string, w http.ResponseWriter, r *http.Request) {
		asked++
		status(503)(base, w, r)
	}, status(404))
	gone := httptest.NewServer(nil)
	gone.Close()
	rules := []OIDCRule{{Tenant: "tenant-a", Environment: service.Test}}
	config := OIDCConfig{Client: &http.Client{Timeout: 5 * time.Second}, Clock: time.Now, Issuers: []OIDCIssuer{
		{Issuer: one.URL, Audience: "x", Rules: rules}, {Issuer: one.URL, Audience: "y", Rules: rules}, {Issuer: gone.URL, Audience: "x", Rules: rules},
		{Issuer: "https://named.example.com", JWKS: gone.URL + "/keys", Audience: "x", Rules: rules}, {Issuer: "https://nothing.example.com", Rules: rules},
	}}
	err := config.Check(context.Background())
	if err == nil {
		t.Fatal("all is well")
	}
	for _, want := range []string{one.URL + ": the discovery document cannot be had: the provider answers 503", gone.URL + ": the discovery document cannot be had: dial tcp",
		"https://named.example.com: its keys (" + gone.URL + "/keys) cannot be had: dial tcp", "https://nothing.example.com: expected an audience"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q in %v", want, err)
		}
	}
	if lines := strings.Count(err.Error(), "\n") + 1; asked != 1 || lines != 4 {
		t.Errorf("asked %d times, %d lines: %v", asked, lines, err)
	}
	if err := (OIDCConfig{}).Check(context.Background()); err == nil {
		t.Error("no client is accepted")
	}
}

// TestMayLead: https leads nowhere else.
func TestMayLead(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"https://a.example", "https://b.example/keys", true}, {"https://a.example", "http://a.example/keys", false}, {"https://a.example", "http://127.0.0.1/keys", false},
		{"https://a.example", "http://localhost/keys", false}, {"https://a.example", "https:///keys", false}, {"https://a.example", "", false}, {"https://a.example", "HTTP://127.0.0.1/", false},
		{"http://127.0.0.1:1", "http://127.0.0.1:2/keys", true}, {"http://127.0.0.1:1", "http://a.example/keys", false}, {"http://127.0.0.1:1", "https://a.example/keys", true},
		{"http://127.0.0.1:1", "file:///keys", false}, {"https://a.example", "javascript:https://", false},
	} {
		if got := mayLead(c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %v", c.from, c.to, got)
		}
	}
}
