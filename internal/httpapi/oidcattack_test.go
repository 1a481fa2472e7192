package httpapi

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/internal/service"
)

// idp is a provider whose every answer and token the test chooses.
type idp struct {
	t     *testing.T
	base  string
	keys  atomic.Pointer[string] // what /keys answers
	first *string                // the same at first
	asked atomic.Int32           // how often /keys was asked
	wait  atomic.Int64           // how long it takes, in milliseconds
	fails atomic.Int32           // the status that it answers, 0: 200
	now   atomic.Int64           // seconds after clockTime
	key   *ecdsa.PrivateKey
	rsa   *rsa.PrivateKey
}

var idpRSA = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{t: t}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if p.rsa, err = idpRSA(); err != nil {
		t.Fatal(err)
	}
	s := scripted(t, says(goodDiscovery), func(_ string, w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		select {
		case <-time.After(time.Duration(p.wait.Load()) * time.Millisecond):
		case <-r.Context().Done():
		}
		if n := p.fails.Load(); n != 0 {
			w.WriteHeader(int(n))
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, *p.keys.Load())
	})
	p.base = s.URL
	p.publish(p.jwk(p.key.Public(), "e", "ES256", "sig"), p.jwk(p.rsa.Public(), "r", "RS256", "sig"))
	p.first = p.keys.Load()
	return p
}

func (p *idp) jwk(key any, kid, alg, use string) string {
	p.t.Helper()
	b, err := jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: use}.MarshalJSON()
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func (p *idp) publish(keys ...string) {
	text := `{"keys":[` + strings.Join(keys, ",") + `]}`
	p.keys.Store(&text)
}

func (p *idp) clock() time.Time { return clockTime.Add(time.Duration(p.now.Load()) * time.Second) }

func (p *idp) verifier(change ...func(*OIDCIssuer)) *oidcVerifier {
	p.t.Helper()
	i := OIDCIssuer{Issuer: p.base, Audience: "chancery", Rules: []OIDCRule{{Claim: "groups", Value: "registrars", Tenant: "tenant-a", Environment: service.Test, Permissions: []service.Permission{service.MayRead}}}}
	for _, f := range change {
		f(&i)
	}
	v, err := NewOIDC(context.Background(), OIDCConfig{Client: &http.Client{Timeout: 10 * time.Second}, Clock: p.clock, Issuers: []OIDCIssuer{i}})
	if err != nil {
		p.t.Fatal(err)
	}
	return v.(*oidcVerifier)
}

// claims is the text of good claims, of which those named are replaced or, "", left out; the
// last part of it is what stands after them.
func (p *idp) claims(change ...string) string {
	at := clockTime.Unix()
	members := [][2]string{{"iss", fmt.Sprintf("%q", p.base)}, {"aud", `"chancery"`}, {"sub", `"aina"`}, {"exp", fmt.Sprint(at + 3600)}, {"iat", fmt.Sprint(at)}, {"groups", `["registrars"]`}}
	more := ""
	for i := 0; i+1 < len(change); i += 2 {
		found := false
		for k := range members {
			if members[k][0] == change[i] {
				members[k][1], found = change[i+1], true
			}
		}
		if !found {
			more += fmt.Sprintf(",%q:%s", change[i], change[i+1])
		}
	}
	var out []string
	for _, m := range members {
		if m[1] != "" {
			out = append(out, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(out, ",") + more + "}"
}

// token signs any text of a header and of claims.
func (p *idp) token(header, claims string) string {
	p.t.Helper()
	return p.signed(p.key, header, claims)
}

func (p *idp) signed(key any, header, claims string) string {
	p.t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	return text + "." + b64(rawSignature(p.t, key, header, text))
}

const plainHeader = `{"alg":"ES256","kid":"e","typ":"JWT"}`

func (p *idp) want(name string, v *oidcVerifier, token string, want service.Code) {
	p.t.Helper()
	c, err := v.Authenticate(context.Background(), token)
	if err == nil {
		p.oracle(name, token)
	}
	switch {
	case want == "" && (err != nil || c.Tenant != "tenant-a"):
		p.t.Errorf("%s: expected to be let in, found %+v, %v (%v)", name, c, err, asError(err).Err)
	case want != "" && (err == nil || asError(err).Code != want || c.Tenant != "" || len(c.Permissions) != 0):
		p.t.Errorf("%s: expected %s, found %+v, %v", name, want, c, err)
	}
}

// oracle expects another implementation to take a token that was taken here: we refuse more,
// and let nobody in whom it would not.
func (p *idp) oracle(name, token string) {
	p.t.Helper()
	head := header(token)
	if p.fails.Load() != 0 || p.keys.Load() != p.first || strings.Contains(head, `"Ed25519"`) || strings.Contains(head, `"x5c"`) {
		// It does without keys that are away or stand beside broken ones, does not know the names
		// of RFC 9864, and reads certificates that we leave alone.
		return
	}
	p.asked.Add(-1) // it asks for keys itself
	wait := p.wait.Swap(0)
	defer p.wait.Store(wait)
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: 10 * time.Second})
	peer := oidc.NewVerifier(p.base, oidc.NewRemoteKeySet(ctx, p.base+"/keys"), &oidc.Config{
		ClientID: "chancery", Now: p.clock, SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA},
	})
	if _, err := peer.Verify(ctx, token); err != nil {
		p.t.Errorf("%s: let in here, refused by the oracle: %v", name, err)
	}
}

func header(token string) string {
	first, _, _ := strings.Cut(token, ".")
	b, _ := base64.RawURLEncoding.DecodeString(first)
	return string(b)
}

// rawSignature signs as a JWS does: RSA with PKCS#1, and PSS where the header says PS256.
func rawSignature(t *testing.T, key any, header, text string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	var err error
	switch k := key.(type) {
	case nil:
	case []byte:
		h := hmac.New(sha256.New, k)
		h.Write([]byte(text))
		sig = h.Sum(nil)
	case ed25519.PrivateKey:
		sig = ed25519.Sign(k, []byte(text))
	case *ecdsa.PrivateKey:
		r, s, e := ecdsa.Sign(rand.Reader, k, sum[:])
		if err = e; e == nil {
			sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case *rsa.PrivateKey:
		if strings.Contains(header, "PS256") {
			sig, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			sig, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestOIDCHeaders: what a token's header says chooses neither key nor algorithm, and a token
// that says it is something else is not taken for an access token.
func TestOIDCHeaders(t *testing.T) {
	p := newIDP(t)
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := p.verifier()
	good := p.claims()
	for _, h := range []string{plainHeader, `{"alg":"ES256","kid":"e"}`, `{"alg":"ES256"}`, `{"alg":"ES256","kid":"e","typ":"at+jwt"}`, `{"alg":"ES256","kid":"e","typ":"application/AT+JWT"}`,
		`{"alg":"ES256","kid":"e","jku":"https://evil.example/keys","x5u":"https://evil.example/c","x5c":["AAAA"]}`} {
		p.want(h, v, p.token(h, good), "")
	}
	own := p.jwk(mine.Public(), "e", "ES256", "sig")
	rsaText := p.jwk(p.rsa.Public(), "r", "RS256", "sig")
	for _, h := range []string{`{"alg":"ES256","kid":"e","jwk":` + own + `}`, `{"alg":"ES256","jwk":` + own + `}`, `{"alg":"ES256","kid":"e","jku":"` + p.base + `/mine"}`, plainHeader,
		`{"alg":"ES256","kid":"../e"}`, `{"alg":"ES256","kid":"' OR 1=1 --"}`, `{"alg":"ES256","kid":""}`} {
		p.want("my key: "+h, v, p.signed(mine, h, good), service.CodeKey)
	}
	for name, token := range map[string]string{
		"none":                    p.signed(nil, `{"alg":"none","kid":"e"}`, good),
		"None":                    p.signed(nil, `{"alg":"None","kid":"e"}`, good),
		"no alg":                  p.token(`{"kid":"e"}`, good),
		"HS256, the key's JSON":   p.signed([]byte(rsaText), `{"alg":"HS256","kid":"r"}`, good),
		"HS256, the modulus":      p.signed(p.rsa.N.Bytes(), `{"alg":"HS256","kid":"r"}`, good),
		"another key's kid":       p.token(`{"alg":"ES256","kid":"r"}`, good),
		"alg of another key":      p.token(`{"alg":"RS256","kid":"e"}`, good),
		"ES384 with P-256":        p.token(`{"alg":"ES384","kid":"e"}`, good),
		"alg twice":               p.token(`{"alg":"none","alg":"ES256","kid":"e"}`, good),
		"kid twice":               p.token(`{"alg":"ES256","kid":"x","kid":"e"}`, good),
		"kid is a list":           p.token(`{"alg":"ES256","kid":["e"]}`, good),
		"kid is null":             p.token(`{"alg":"ES256","kid":null}`, good),
		"Alg beside alg":          p.signed(nil, `{"alg":"none","Alg":"ES256","kid":"e"}`, good),
		"crit":                    p.token(`{"alg":"ES256","kid":"e","crit":["exp"],"exp":1}`, good),
		"crit, empty":             p.token(`{"alg":"ES256","kid":"e","crit":[]}`, good),
		"b64":                     p.token(`{"alg":"ES256","kid":"e","crit":["b64"],"b64":false}`, good),
		"b64 alone":               p.token(`{"alg":"ES256","kid":"e","b64":false}`, good),
		"compressed":              p.token(`{"alg":"ES256","kid":"e","zip":"DEF"}`, good),
		"logout token":            p.token(`{"alg":"ES256","kid":"e","typ":"logout+jwt"}`, good),
		"security event":          p.token(`{"alg":"ES256","kid":"e","typ":"secevent+jwt"}`, good),
		"proof of possession":     p.token(`{"alg":"ES256","kid":"e","typ":"dpop+jwt"}`, good),
		"introspection":           p.token(`{"alg":"ES256","kid":"e","typ":"application/token-introspection+jwt"}`, good),
		"credential":              p.token(`{"alg":"ES256","kid":"e","typ":"vc+jwt"}`, good),
		"at+jwt, nearly":          p.token(`{"alg":"ES256","kid":"e","typ":"at+jwt2"}`, good),
		"nested":                  p.token(`{"alg":"ES256","kid":"e","cty":"JWT"}`, p.token(plainHeader, good)),
		"header with more behind": p.token(plainHeader+"{}", good),
		"header in a list":        p.token("["+plainHeader+"]", good),
		"claims with more behind": p.token(plainHeader, good+" {}"),
		"signature of zeros":      strings.Join(append(strings.Split(p.token(plainHeader, good), ".")[:2], strings.Repeat("A", 86)), "."),
		"signature in ASN.1":      strings.Join(append(strings.Split(p.token(plainHeader, good), ".")[:2], base64.RawURLEncoding.EncodeToString(asn1Signature(t, p.key, plainHeader, good))), "."),
	} {
		p.want(name, v, token, service.CodeKey)
	}
	if n := p.asked.Load(); n > 2 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

func asn1Signature(t *testing.T, key *ecdsa.PrivateKey, header, claims string) []byte {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	sum := sha256.Sum256([]byte(b64([]byte(header)) + "." + b64([]byte(claims))))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestOIDCClaims: claims mean one thing, and only what they say as texts counts.
func TestOIDCClaims(t *testing.T) {
	p := newIDP(t)
	v := p.verifier()
	at := clockTime.Unix()
	for name, claims := range map[string]string{
		"one group":            p.claims("groups", `"registrars"`),
		"escaped":              p.claims("groups", `["\u0072egistrars"]`),
		"exp with a fraction":  p.claims("exp", fmt.Sprint(at)+".5"),
		"exp in other digits":  p.claims("exp", "18e8"),
		"nbf within a minute":  p.claims("nbf", fmt.Sprint(at+59)),
		"no iat":               p.claims("iat", ""),
		"more audiences":       p.claims("aud", `["portal","chancery"]`, "azp", `"portal"`),
		"a session of a login": p.claims("sid", `"x"`, "auth_time", fmt.Sprint(at), "acr", `"1"`, "scope", `"openid"`),
		"Bearer with a nonce":  p.claims("typ", `"Bearer"`, "nonce", `"n"`),
	} {
		p.want(name, v, p.token(plainHeader, claims), "")
	}
	for name, claims := range map[string]string{
		"groups is an object":     p.claims("groups", `{"registrars":"registrars"}`),
		"a list in a list":        p.claims("groups", `[["registrars"]]`),
		"an object in a list":     p.claims("groups", `[{"value":"registrars"}]`),
		"a list as text":          p.claims("groups", `"[\"registrars\"]"`),
		"words":                   p.claims("groups", `"staff registrars"`),
		"commas":                  p.claims("groups", `"staff,registrars"`),
		"empty":                   p.claims("groups", `""`),
		"an empty list":           p.claims("groups", `[]`),
		"null":                    p.claims("groups", `null`),
		"true":                    p.claims("groups", `true`),
		"other letters":           p.claims("groups", `["registr\u0430rs"]`),
		"capitals":                p.claims("groups", `["Registrars"]`),
		"a space behind":          p.claims("groups", `["registrars "]`),
		"nothing visible behind":  p.claims("groups", `["registrars\u200b"]`),
		"a zero behind":           p.claims("groups", `["registrars\u0000"]`),
		"Groups":                  p.claims("groups", "", "Groups", `["registrars"]`),
		"groups twice":            strings.Replace(p.claims(), `"groups"`, `"groups":["staff"],"groups"`, 1),
		"aud twice":               strings.Replace(p.claims(), `"aud"`, `"aud":"portal","aud"`, 1),
		"aud twice, escaped":      strings.Replace(p.claims(), `"aud"`, `"a\u0075d":"portal","aud"`, 1),
		"aud is an object":        p.claims("aud", `{"chancery":"chancery"}`),
		"aud in a list in a list": p.claims("aud", `[["chancery"]]`),
		"aud with a number":       p.claims("aud", `["chancery",1]`),
		"aud capital":             p.claims("aud", `"Chancery"`),
		"AUD beside aud":          p.claims("aud", `"portal"`, "AUD", `"chancery"`),
		"aud with a slash":        p.claims("aud", `"chancery/"`),
		"iss is a list":           p.claims("iss", fmt.Sprintf("[%q]", p.base)),
		"sub is a number":         p.claims("sub", `1`),
		"sub is a list":           p.claims("sub", `["aina"]`),
		"sub too long":            p.claims("sub", `"`+strings.Repeat("a", 256)+`"`),
		"nbf in the future":       p.claims("nbf", fmt.Sprint(at+120)),
		"nbf, huge":               p.claims("nbf", "1e30"),
		"nbf, hugest":             p.claims("nbf", "1e308"),
		"nbf beyond":              p.claims("nbf", "1e309"),
		"nbf a text":              p.claims("nbf", `"`+fmt.Sprint(at)+`"`),
		"nbf negative, huge":      p.claims("nbf", "-1e30"),
		"nbf null":                p.claims("nbf", "null"),
		"iat in the future":       p.claims("iat", fmt.Sprint(at+3000)),
		"iat, huge":               p.claims("iat", "1e30"),
		"iat a text":              p.claims("iat", `"now"`),
		"exp a text":              p.claims("exp", `"`+fmt.Sprint(at+3600)+`"`),
		"exp null":                p.claims("exp", "null"),
		"exp, huge":               p.claims("exp", "1e30"),
		"exp beyond":              p.claims("exp", "1e400"),
		"exp, digits":             p.claims("exp", "99999999999999999999999999"),
		"exp in milliseconds":     p.claims("exp", fmt.Sprint((at+3600)*1000)),
		"exp in a list":           p.claims("exp", fmt.Sprintf("[%d]", at+3600)),
		"exp NaN":                 p.claims("exp", "NaN"),
		"ID token: at_hash":       p.claims("at_hash", `"x"`),
		"ID token: c_hash":        p.claims("c_hash", `"x"`),
		"ID token: nonce":         p.claims("nonce", `"x"`),
		"ID token: typ":           p.claims("typ", `"ID"`),
		"refresh token: typ":      p.claims("typ", `"Refresh"`),
		"logout token: events":    p.claims("events", `{"http://schemas.openid.net/event/backchannel-logout":{}}`),
		"bound to a key":          p.claims("cnf", `{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`),
		"bound to a certificate":  p.claims("cnf", `{"x5t#S256":"x"}`),
		"a list":                  "[" + p.claims() + "]",
		"deep":                    p.claims("x", strings.Repeat("[", 40)+strings.Repeat("]", 40)),
		"not UTF-8":               p.claims("x", "\"\xff\""),
		"a lone surrogate":        p.claims("x", `"\ud800"`),
	} {
		p.want(name, v, p.token(plainHeader, claims), service.CodeKey)
	}
	for name, exp := range map[string]string{"past": fmt.Sprint(at - 1), "now": fmt.Sprint(at), "zero": "0", "negative": "-1"} {
		p.want("exp "+name, v, p.token(plainHeader, p.claims("exp", exp)), service.CodeTokenExpired)
		p.want("exp "+name+", EXP in the future", v, p.token(plainHeader, p.claims("exp", exp, "EXP", fmt.Sprint(at+3600), "Exp", fmt.Sprint(at+3600))), service.CodeTokenExpired)
	}
}

// TestOIDCKinds: a provider's tokens are taken for what the configuration says, and one kind
// for no other.
func TestOIDCKinds(t *testing.T) {
	p := newIDP(t)
	at := func(k TokenKind) *oidcVerifier { return p.verifier(func(i *OIDCIssuer) { i.Tokens = k }) }
	typed, plain := `{"alg":"ES256","kid":"e","typ":"at+jwt"}`, plainHeader
	for _, c := range []struct {
		name, header, claims string
		access, typed, id    bool
	}{
		{"access token of RFC 9068", typed, p.claims("client_id", `"portal"`), true, true, false},
		{"the same by its whole media type", `{"alg":"ES256","kid":"e","typ":"application/at+jwt"}`, p.claims(), true, true, false},
		{"access token of Keycloak", plain, p.claims("typ", `"Bearer"`, "azp", `"portal"`), true, false, false},
		{"token that says nothing", plain, p.claims(), true, false, true},
		{"ID token of a code flow", plain, p.claims("at_hash", `"x"`), false, false, true},
		{"ID token of a hybrid flow", plain, p.claims("c_hash", `"x"`, "nonce", `"n"`), false, false, true},
		{"ID token with a nonce", plain, p.claims("nonce", `"n"`), false, false, true},
		{"ID token of Keycloak", plain, p.claims("typ", `"ID"`, "azp", `"chancery"`), false, false, true},
		{"ID token for more programs", plain, p.claims("aud", `["chancery","portal"]`, "azp", `"chancery"`, "nonce", `"n"`), false, false, true},
		{"ID token for one of them, unsaid", plain, p.claims("aud", `["chancery","portal"]`, "nonce", `"n"`), false, false, false},
		{"ID token of another program", plain, p.claims("azp", `"portal"`, "nonce", `"n"`), false, false, false},
		{"ID token, azp a list", plain, p.claims("azp", `["chancery"]`, "nonce", `"n"`), false, false, false},
		{"ID token that calls itself at+jwt", typed, p.claims("at_hash", `"x"`), false, false, false},
		{"refresh token", plain, p.claims("typ", `"Refresh"`), false, false, false},
		{"logout token", `{"alg":"ES256","kid":"e","typ":"logout+jwt"}`, p.claims("events", `{}`), false, false, false},
		{"logout token of old", plain, p.claims("events", `{}`), false, false, false},
		{"bound token", typed, p.claims("cnf", `{"jkt":"x"}`), false, false, false},
	} {
		for kind, in := range map[TokenKind]bool{"": c.access, AccessTokens: c.access, TypedAccessTokens: c.typed, IDTokens: c.id} {
			want := service.CodeKey
			if in {
				want = ""
			}
			p.want(c.name+" as "+string(kind), at(kind), p.token(c.header, c.claims), want)
		}
	}
	if _, err := (OIDCIssuer{Issuer: p.base, Audience: "x", Tokens: "any", Rules: []OIDCRule{{Tenant: "a", Environment: service.Test}}}).checked(); err == nil {
		t.Error("tokens of any kind are accepted")
	}
}

// TestOIDCAddresses: only this machine is asked in the clear, by its own names.
func TestOIDCAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"https://login.example.com": true, "https://login.example.com:8443/realms/a": true, "http://localhost:1": true, "http://127.0.0.1:1": true, "http://127.1.2.3": true, "http://[::1]:1": true,
		"http://login.example.com": false, "http://127.login.example.com": false, "http://127.0.0.1.example.com": false, "http://localhost.example.com": false, "http://10.0.0.1": false,
		"http://0.0.0.0": false, "http://[::ffff:10.0.0.1]": false, "https://": false, "": false, "login.example.com": false, "ftp://login.example.com": false,
		"https://user:secret@login.example.com": false, "https://login.example.com/#x": false, "http://127.1": false,
	} {
		if safeURL(address) != want {
			t.Errorf("%s: expected %v", address, want)
		}
	}
}

// TestOIDCTenants: the configuration makes no tenant; one that is made later is found.
func TestOIDCTenants(t *testing.T) {
	p := newIDP(t)
	v := p.verifier()
	made, asked := false, 0
	var fault error
	v.tenant = func(_ context.Context, id string) (bool, error) {
		asked++
		return made && id == "tenant-a", fault
	}
	token := p.token(plainHeader, p.claims())
	p.want("not made", v, token, service.CodeKey)
	fault = &service.Error{Code: service.CodeUnavailable, Detail: "the database is away"}
	p.want("not known", v, token, service.CodeUnavailable)
	made, fault = true, nil
	for range 3 {
		p.want("made", v, token, "")
	}
	if asked != 3 {
		t.Errorf("asked %d times, expected 3", asked)
	}
}
