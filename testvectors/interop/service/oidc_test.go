package service_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
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
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-dev/chancery/testvectors/interop"
)

// idp is an oidc-provider behind a front of the test's, at an address that stays: the process
// behind it comes and goes, and the front answers wrongly where a test asks for that.
type idp struct {
	t      *testing.T
	issuer string
	port   int
	keys   []jose.JSONWebKey
	stop   func()
	front  atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool] // true: it has answered
	asked  atomic.Int32                                                      // how often the keys were asked for
}

const (
	resource   = "urn:chancery"
	deskSecret = "a secret: of +the desk & 100%"
)

func signingKey(t *testing.T, kid string, alg jose.SignatureAlgorithm) jose.JSONWebKey {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.EdDSA, "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: string(alg), Use: "sig"}
}

// allKeys are keys of each kind; those without alg serve what their type can.
func allKeys(t *testing.T, name string) []jose.JSONWebKey {
	keys := []jose.JSONWebKey{signingKey(t, name+"-rs", jose.RS256), signingKey(t, name+"-ps", jose.PS256), signingKey(t, name+"-es", jose.ES256), signingKey(t, name+"-ed", ""), signingKey(t, name+"-384", jose.ES384)}
	keys[3] = signingKey(t, name+"-ed", jose.EdDSA)
	keys[3].Algorithm = ""
	return keys
}

// startIDP runs a provider with keys.
func startIDP(t *testing.T, keys ...jose.JSONWebKey) *idp {
	t.Helper()
	p := &idp{t: t, port: freePort(t)}
	back := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", p.port)}
	pass := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(back); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { w.WriteHeader(http.StatusBadGateway) },
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.issuer = "http://" + l.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks" {
			p.asked.Add(1)
		}
		if f := p.front.Load(); f != nil && (*f)(w, r) {
			return
		}
		pass.ServeHTTP(w, r)
	})}
	go server.Serve(l)
	t.Cleanup(func() { _ = server.Close() })
	p.begin(keys...)
	return p
}

// begin starts the process behind the front, and ends the one before.
func (p *idp) begin(keys ...jose.JSONWebKey) {
	p.t.Helper()
	if p.stop != nil {
		p.stop()
	}
	p.keys = keys
	cmd := exec.Command("node", "provider.mjs")
	cmd.Dir = interop.NPM(p.t, ".", "provider.mjs")
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	complaints := &log{}
	cmd.Stderr = complaints
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := false
	p.stop = func() {
		if !ended {
			ended = true
			_ = in.Close()
			_ = cmd.Wait()
		}
	}
	p.t.Cleanup(func() {
		p.stop()
		if p.t.Failed() {
			p.t.Logf("provider: %s", complaints)
		}
	})
	b, err := json.Marshal(object{"issuer": p.issuer, "port": p.port, "jwks": jose.JSONWebKeySet{Keys: keys}})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := in.Write(append(b, '\n')); err != nil {
		p.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		p.stop()
		p.t.Fatalf("provider: %q %v\n%s", line, err, complaints)
	}
}

// answers makes the front answer what f does; nil: what the provider does.
func (p *idp) answers(f func(w http.ResponseWriter, r *http.Request) bool) {
	if f == nil {
		p.front.Store(nil)
		return
	}
	p.front.Store(&f)
}

// tokens is what a token endpoint answers.
type tokens struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Error   string
}

func (p *idp) endpoint(name string) string {
	p.t.Helper()
	res, err := http.Get(p.issuer + "/.well-known/openid-configuration")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var found map[string]any
	if err := json.NewDecoder(res.Body).Decode(&found); err != nil {
		p.t.Fatal(err)
	}
	at, _ := found[name].(string)
	if !strings.HasPrefix(at, p.issuer+"/") {
		p.t.Fatalf("%s: %v", name, found[name])
	}
	return at
}

// token asks the token endpoint; with a header, as pairs.
func (p *idp) token(form url.Values, header ...string) tokens {
	p.t.Helper()
	r, err := http.NewRequest("POST", p.endpoint("token_endpoint"), strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var out tokens
	if err := json.Unmarshal(b, &out); err != nil || res.StatusCode != 200 {
		p.t.Fatalf("token endpoint: %d %s", res.StatusCode, b)
	}
	return out
}

// desk is a token that a program gets for itself (client credentials).
func (p *idp) desk(of string) string {
	p.t.Helper()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("desk:"+url.QueryEscape(deskSecret)))
	return p.token(url.Values{"grant_type": {"client_credentials"}, "resource": {of}, "scope": {"anything"}}, "Authorization", basic).Access
}

// login takes somebody through the authorization code flow with PKCE, as a browser does.
func (p *idp) login(who, client, of string, header ...string) tokens {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	const back = "http://127.0.0.1/signed-in"
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back) {
			return http.ErrUseLastResponse
		}
		if len(via) > 10 {
			return errors.New("too many redirects")
		}
		return nil
	}}
	verifier := base64.RawURLEncoding.EncodeToString([]byte(rand.Text() + rand.Text()))
	sum := sha256.Sum256([]byte(verifier))
	res, err := browser.Get(p.endpoint("authorization_endpoint") + "?" + url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {back}, "scope": {"openid anything"}, "resource": {of}, "state": {"s"}, "nonce": {rand.Text()},
		"login_hint": {who}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	at, err := url.Parse(res.Header.Get("Location"))
	if err != nil || at.Query().Get("code") == "" || at.Query().Get("state") != "s" {
		p.t.Fatalf("login: %d %s %s", res.StatusCode, res.Header.Get("Location"), body)
	}
	return p.token(url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {back}, "code": {at.Query().Get("code")}, "code_verifier": {verifier}, "resource": {of}}, header...)
}

// provider's rules for the service: registrars of the audience urn:chancery, everybody in
// weiss of the same, and who signs in to the portal with an ID token.
func (p *idp) config(dir string, more string) string {
	p.t.Helper()
	rule := func(audience, tokens, value, tenant, scopes string) string {
		return fmt.Sprintf("[[oidc]]\nissuer = %q\naudience = %q\ntokens = %q\nclaim = \"groups\"\nvalue = %q\ntenant = %q\nscopes = [%s]\n", p.issuer, audience, tokens, value, tenant, scopes)
	}
	conf := filepath.Join(dir, "chancery.toml")
	role := func(path, value, tenant string) string {
		return strings.Replace(rule(resource, "access", value, tenant, `"read"`), `"groups"`, strconv.Quote(path), 1)
	}
	text := fmt.Sprintf("data = %q\n%s", filepath.Join(dir, "data"), more) + rule(resource, "access", "registrars", "gruenau", `"types", "read"`) + rule(resource, "access", "weiss", "weiss", `"read"`) + rule(resource, "access", "readers", "nowhere", `"types", "keys", "read"`) +
		role("/realm_access/roles", "registrar", "gruenau") + role("/resource_access/chancery.web/roles", "editor", "weiss") +
		rule("portal", "id", "registrars", "gruenau", `"read"`) + rule("urn:typed", "at+jwt", "registrars", "gruenau", `"read"`)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return conf
}

// served runs the service with the provider's tokens, for two tenants and a key of one.
func (p *idp) served() (s *service, conf, key string) {
	p.t.Helper()
	conf = p.config(p.t.TempDir(), "")
	binary, err := command()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, id := range []string{"gruenau", "weiss"} {
		if out, err := run(p.t, nil, binary, "tenants", "create", "Universität "+id, "--id", id, "--config", conf); err != nil {
			p.t.Fatalf("tenants create: %v\n%s", err, out)
		}
	}
	out, err := run(p.t, nil, binary, "keys", "create", "--tenant", "gruenau", "--environment", "test", "--name", "registry", "--scope", "read", "--config", conf)
	if err != nil {
		p.t.Fatalf("keys create: %v\n%s", err, out)
	}
	return serve(p.t, freePort(p.t), nil, "--config", conf), conf, printedKey.FindString(out)
}

// me asks who a token is for.
func (s *service) me(token string) (status int, tenant, code string, scopes []string) {
	s.t.Helper()
	status, b := s.ask("GET", "/v1/me", token, "", nil)
	var a struct {
		Code string
		Data struct {
			Tenant struct{ ID string }
			Scopes []string
		}
	}
	if err := json.Unmarshal(b, &a); err != nil {
		s.t.Fatalf("/v1/me: %s", b)
	}
	slices.Sort(a.Data.Scopes)
	return status, a.Data.Tenant.ID, a.Code, a.Data.Scopes
}

func (s *service) wantMe(name, token string, want int, tenant string) {
	s.t.Helper()
	status, found, code, _ := s.me(token)
	if status != want || found != tenant {
		s.t.Errorf("%s: expected %d for %q, found %d %s for %q", name, want, tenant, status, code, found)
	}
}

// TestProvider: tokens of a real OpenID Provider, of every kind that it gives out.
func TestProvider(t *testing.T) {
	interop.Require(t, "node", "npm")
	p := startIDP(t, allKeys(t, "a")...)
	s, conf, _ := p.served()
	binary, _ := command()
	if out, err := run(t, nil, binary, "config", "check", "--open", "--config", conf); err != nil || !strings.Contains(out, "tenant=nowhere") || strings.Contains(out, "tenant=weiss") {
		t.Errorf("config check --open: %v\n%s", err, out)
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
		s.wantMe(alg, p.desk("urn:alg:"+alg), 200, "gruenau")
	}
	s.wantMe("ES384, which is not taken", p.desk("urn:alg:ES384"), 401, "")

	in := p.login("aina", "portal", "urn:alg:RS256")
	status, tenant, _, scopes := s.me(in.Access)
	if status != 200 || tenant != "gruenau" || !slices.Equal(scopes, []string{"read", "types"}) {
		t.Errorf("access token: %d %s %v", status, tenant, scopes)
	}
	if status, tenant, _, scopes = s.me(in.ID); status != 200 || tenant != "gruenau" || !slices.Equal(scopes, []string{"read"}) {
		t.Errorf("ID token where those are taken: %d %s %v", status, tenant, scopes)
	}
	if status, b := s.ask("POST", "/v1/api-keys", in.Access, "application/json", []byte(`{"name":"mine","scopes":["keys"]}`)); status != 403 {
		t.Errorf("a scope that the rule does not give: %d %s", status, b)
	}
	s.wantMe("a tenant of another group", p.login("weiss", "portal", "urn:alg:ES256").Access, 200, "weiss")
	s.wantMe("a group as a text", p.login("one", "portal", "urn:alg:ES256").Access, 200, "gruenau")
	s.wantMe("a role of the realm", p.login("kim", "portal", "urn:alg:ES256").Access, 200, "gruenau")
	s.wantMe("a role of a client", p.login("pat", "portal", "urn:alg:ES256").Access, 200, "weiss")
	for _, who := range []string{"lee", "boris", "object", "nested", "text", "words", "empty", "nothing", "letters", "capitals", "zero", "truth", "nobody"} {
		s.wantMe("groups of "+who, p.login(who, "portal", "urn:alg:ES256").Access, 401, "")
	}
	if status, b := s.ask("GET", "/v1/me", in.Access, "", nil); status != 200 || bytes.Contains(b, []byte("aina")) {
		t.Errorf("the subject is told: %d %s", status, b)
	}

	for _, c := range [][2]string{{"/v1/issuers", `{"key":"x","name":"Nobody"}`}, {"/v1/api-keys", `{"name":"mine","scopes":["keys"]}`}} {
		if status, b := s.ask("POST", c[0], p.login("boris", "portal", "urn:alg:ES256").Access, "application/json", []byte(c[1])); status != 401 {
			t.Errorf("for a tenant that nobody made: %s: %d %s", c[0], status, b)
		}
	}

	logout, err := http.Get(p.issuer + "/test/logout-token")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(logout.Body)
	logout.Body.Close()
	other := p.login("aina", "other", "urn:alg:RS256")
	for name, token := range map[string]string{
		"ID token of another program":      other.ID,
		"refresh token":                    in.Refresh,
		"opaque access token":              p.desk("urn:opaque:1"),
		"encrypted access token":           p.desk("urn:encrypted:1"),
		"access token of another audience": p.desk("urn:audience:another"),
		"ID token for our very audience":   p.login("aina", resource, "urn:alg:RS256").ID,
		"refreshed ID token for the same":  p.token(url.Values{"grant_type": {"refresh_token"}, "client_id": {resource}, "refresh_token": {p.login("aina", resource, "urn:alg:RS256").Refresh}}).ID,
		"access token where ID tokens are": p.desk("urn:audience:portal"),
		"logout token":                     string(b),
		"bound to a key (DPoP)":            p.bound(),
		"signature of another token":       in.Access[:strings.LastIndexByte(in.Access, '.')] + other.Access[strings.LastIndexByte(other.Access, '.'):],
		"payload of another token":         strings.Join([]string{strings.Split(in.Access, ".")[0], strings.Split(other.ID, ".")[1], strings.Split(in.Access, ".")[2]}, "."),
	} {
		s.wantMe(name, token, 401, "")
	}
	s.wantMe("typed", p.desk("urn:audience:typed"), 200, "gruenau")

	// A token that ends, and one got with the refresh token.
	short := p.login("aina", "portal", "urn:short:1")
	s.wantMe("short", short.Access, 200, "gruenau")
	time.Sleep(2200 * time.Millisecond)
	if status, _, code, _ := s.me(short.Access); status != 401 || code != "TOKEN_EXPIRED" {
		t.Errorf("expired: %d %s", status, code)
	}
	again := p.token(url.Values{"grant_type": {"refresh_token"}, "client_id": {"portal"}, "refresh_token": {short.Refresh}})
	s.wantMe("refreshed", again.Access, 200, "gruenau")
}

// bound is an access token bound to a key (RFC 9449), which a thief has without the key.
func (p *idp) bound() string {
	p.t.Helper()
	key := signingKey(p.t, "", jose.ES256)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		p.t.Fatal(err)
	}
	claims, _ := json.Marshal(object{"jti": rand.Text(), "htm": "POST", "htu": p.endpoint("token_endpoint"), "iat": time.Now().Unix()})
	jws, err := signer.Sign(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	proof, err := jws.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("desk:"+url.QueryEscape(deskSecret)))
	got := p.token(url.Values{"grant_type": {"client_credentials"}, "resource": {"urn:alg:RS256"}, "scope": {"anything"}}, "Authorization", basic, "DPoP", proof)
	if got.Type != "DPoP" {
		p.t.Fatalf("expected a bound token, found %s", got.Type)
	}
	return got.Access
}

// TestProviderKeys: a provider that is begun again with other keys, is away, and comes back.
func TestProviderKeys(t *testing.T) {
	interop.Require(t, "node", "npm")
	first, second := allKeys(t, "a"), allKeys(t, "b")
	p := startIDP(t, first...)
	s, _, key := p.served()
	before := p.desk("urn:alg:ES256")
	s.wantMe("before", before, 200, "gruenau")
	// Both sets: the new key leads.
	p.begin(append(slices.Clone(second), first...)...)
	both := p.desk("urn:alg:ES256")
	s.wantMe("a new key", both, 200, "gruenau")
	s.wantMe("the key before, still there", before, 200, "gruenau")
	// The old ones gone: known as soon as anybody asks for a key that is not known, and
	// seconds after the last time.
	p.begin(second...)
	time.Sleep(5200 * time.Millisecond)
	s.wantMe("a key that nobody has", forged(t, before, signingKey(t, "nobody's", jose.ES256)), 401, "")
	s.wantMe("a key that was taken away", before, 401, "")
	s.wantMe("a key that stayed", both, 200, "gruenau")

	// Many tokens by keys that nobody has, at once: the provider is asked once in a while.
	unknown := make([]string, 300)
	for i := range unknown {
		unknown[i] = forged(t, both, signingKey(t, fmt.Sprint("nobody's ", i), jose.EdDSA))
	}
	asked, began := p.asked.Load(), time.Now()
	for _, token := range unknown {
		s.wantMe("a key that nobody has", token, 401, "")
	}
	if n, most := p.asked.Load()-asked, int32(time.Since(began)/(5*time.Second))+1; n > most {
		t.Errorf("the provider was asked for its keys %d times, expected %d at most", n, most)
	}

	// Away: who is known is served, and others are told to come again.
	p.stop()
	time.Sleep(5200 * time.Millisecond)
	s.wantMe("a known key, the provider away", both, 200, "gruenau")
	status, _, code, _ := s.me(unknown[0])
	if status != 503 || code != "UNAVAILABLE" {
		t.Errorf("an unknown key, the provider away: %d %s", status, code)
	}
	s.wantMe("an API key meanwhile", key, 200, "gruenau")
	third := allKeys(t, "c")
	p.begin(third...)
	time.Sleep(5200 * time.Millisecond)
	s.wantMe("back, with other keys", p.desk("urn:alg:PS256"), 200, "gruenau")
	s.wantMe("all keys of before", both, 401, "")
}

// forged is a token with the claims of another, by a key that is not the provider's.
func forged(t *testing.T, token string, key jose.JSONWebKey) string {
	t.Helper()
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestProviderForgeries: tokens of the provider, changed as attackers do who have its public
// keys and a token each.
func TestProviderForgeries(t *testing.T) {
	interop.Require(t, "node", "npm")
	keys := allKeys(t, "a")
	p := startIDP(t, keys...)
	s, _, _ := p.served()
	good := p.desk("urn:alg:RS256")
	s.wantMe("the token itself", good, 200, "gruenau")
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	hmacBy := func(secret []byte, header string) string {
		text := b64([]byte(header)) + "." + parts[1]
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return text + "." + b64(mac.Sum(nil))
	}
	public := keys[0].Key.(*rsa.PrivateKey).Public()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := jose.JSONWebKey{Key: public, KeyID: "a-rs", Algorithm: "RS256", Use: "sig"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	mine := signingKey(t, "a-rs", jose.RS256)
	embedded, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: mine.Key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := embedded.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := jws.CompactSerialize()
	elsewhere := `{"alg":"RS256","typ":"at+jwt","kid":"a-rs","jku":"` + s.base + `/jwks","x5u":"` + s.base + `/x5u"}`
	crypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: public}, (&jose.EncrypterOptions{Compression: jose.DEFLATE}).WithContentType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := crypter.Encrypt([]byte(strings.Repeat("a", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	bomb, _ := jwe.CompactSerialize()
	confused := keys[0] // the provider's own RSA key, said to be of another algorithm
	confused.Algorithm = "PS256"
	for name, token := range map[string]string{
		"none":                         b64([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"none, with the signature":     b64([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + "." + parts[2],
		"HS256 by the key's DER":       hmacBy(der, `{"alg":"HS256","typ":"at+jwt","kid":"a-rs"}`),
		"HS256 by the key's PEM":       hmacBy(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), `{"alg":"HS256","typ":"at+jwt","kid":"a-rs"}`),
		"HS256 by the key's JWK":       hmacBy(jwk, `{"alg":"HS256","typ":"at+jwt","kid":"a-rs"}`),
		"HS256 by an empty key":        hmacBy(nil, `{"alg":"HS256","typ":"at+jwt","kid":"/dev/null"}`),
		"a key of the attacker's":      forged(t, good, mine),
		"the same in the header":       own,
		"addresses in the header":      b64([]byte(elsewhere)) + "." + parts[1] + "." + parts[2],
		"PS256 by the key for RS256":   forged(t, good, confused),
		"compressed and encrypted":     bomb,
		"encrypted by nobody":          good + ".a.b",
		"without a signature":          parts[0] + "." + parts[1] + ".",
		"a longer signature":           good + "AA",
		"other bits at the end":        good[:len(good)-1] + flipped(good[len(good)-1]),
		"padding":                      good + "==",
		"another issuer":               forged(t, parts[0]+"."+b64(bytes.Replace(claims, []byte(p.issuer), []byte(p.issuer+"/"), 1))+".", keys[0]),
		"an issuer with capitals":      forged(t, parts[0]+"."+b64(bytes.Replace(claims, []byte("http://"), []byte("HTTP://"), 1))+".", keys[0]),
		"the provider's key, no typ":   forged(t, parts[0]+"."+b64(bytes.Replace(claims, []byte(`{`), []byte(`{"cnf":{"jkt":"x"},`), 1))+".", keys[0]),
		"claims with a second aud":     forged(t, parts[0]+"."+b64(bytes.Replace(claims, []byte(`{`), []byte(`{"aud":"portal",`), 1))+".", keys[0]),
		"claims with an end of nobody": forged(t, parts[0]+"."+b64(bytes.Replace(claims, []byte(`"exp":`), []byte(`"exp":1e3`), 1))+".", keys[0]),
	} {
		s.wantMe(name, token, 401, "")
	}
	s.wantMe("the token once more", good, 200, "gruenau")
	if text := s.log.String(); strings.Contains(text, parts[2]) || strings.Contains(text, "panic") {
		t.Errorf("log: %s", text)
	}
}

// TestProviderFaults: a provider that answers wrongly is told of by config check --open, and
// harms nobody who is served.
func TestProviderFaults(t *testing.T) {
	interop.Require(t, "node", "npm")
	p := startIDP(t, allKeys(t, "a")...)
	s, conf, key := p.served()
	binary, _ := command()
	good := p.desk("urn:alg:ES256")
	s.wantMe("before", good, 200, "gruenau")
	stranger := signingKey(t, "nobody's", jose.ES256)
	says := func(path, text string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, path) {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, text)
			return true
		}
	}
	leads := func(to string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, to, http.StatusFound)
			return true
		}
	}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for _, c := range []struct {
		name  string
		front func(w http.ResponseWriter, r *http.Request) bool
		want  string
	}{
		{"garbage", says("/", "<!doctype html>words of the provider"), "the discovery document is malformed"},
		{"keys: garbage", says("/jwks", "words of the provider"), "are malformed: expected a JSON Web Key Set"},
		{"keys: twice", says("/jwks", `{"keys":[],"keys":[]}`), "are malformed: expected a JSON Web Key Set"},
		{"keys: none", says("/jwks", `{"keys":[]}`), "hold none that a token may be signed with"},
		{"keys: huge", says("/jwks", `{"keys":[`+strings.Repeat(`{"kty":"RSA","n":"AQAB","e":"AQAB"},`, 100_000)+`{}]}`), "expected at most 1048576 bytes"},
		{"keys: many", says("/jwks", `{"keys":[`+strings.Repeat(`{},`, 1000)+`{}]}`), "expected at most 256 keys, found 1001"},
		{"redirected to itself", leads("/"), "too many redirects"},
		{"redirected away", leads("http://login.example.com/"), "a redirect that leaves https is not followed"},
		{"redirected to a file", leads("file:///etc/passwd"), "the discovery document cannot be had"},
		{"503", func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(503); return true }, "the provider answers 503"},
		{"packed", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 64<<20))
			z.Close()
			return true
		}, "expected at most 1048576 bytes"},
		{"away", func(w http.ResponseWriter, r *http.Request) bool {
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = c.Close()
			}
			return true
		}, "the discovery document cannot be had"},
		{"hanging", func(w http.ResponseWriter, r *http.Request) bool {
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return true
		}, "the discovery document cannot be had"},
	} {
		p.answers(c.front)
		began := time.Now()
		out, err := run(t, nil, binary, "config", "check", "--open", "--config", conf)
		if err == nil || !strings.Contains(out, c.want) || !strings.Contains(out, "oidc") || strings.Contains(out, "words of") || len(out) > 4000 {
			t.Errorf("%s: expected %q, found %v, %d bytes: %.2000s", c.name, c.want, err, len(out), out)
		}
		if d := time.Since(began); d > 60*time.Second {
			t.Errorf("%s: took %v", c.name, d)
		}
		began = time.Now()
		s.wantMe(c.name+": a known key", good, 200, "gruenau")
		s.wantMe(c.name+": an API key", key, 200, "gruenau")
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("%s: known keys waited %v", c.name, d)
		}
		if status, _, code, _ := s.me(forged(t, good, stranger)); status != 503 && status != 401 {
			t.Errorf("%s: an unknown key: %d %s", c.name, status, code)
		}
		p.answers(nil)
	}
	time.Sleep(5200 * time.Millisecond)
	s.wantMe("after", p.desk("urn:alg:RS256"), 200, "gruenau")
	if out, err := run(t, nil, binary, "config", "check", "--open", "--config", conf); err != nil {
		t.Errorf("config check --open: %v\n%s", err, out)
	}
	if text := s.log.String(); len(text) > 100_000 || strings.Contains(text, "words of") {
		t.Errorf("log: %d bytes: %.2000s", len(text), text)
	}

	// Begun while the provider is away: API keys work at once, and tokens when it is back.
	p.stop()
	data := t.TempDir()
	if out, err := run(t, nil, binary, "tenants", "create", "Grünau", "--id", "gruenau", "--config", conf, "--data", data); err != nil {
		t.Fatalf("tenants create, the provider away: %v\n%s", err, out)
	}
	late := serve(t, freePort(t), nil, "--config", conf, "--data", data)
	status, _, code, _ := late.me(good)
	if status != 503 || code != "UNAVAILABLE" {
		t.Errorf("begun without the provider: %d %s", status, code)
	}
	p.begin(p.keys...)
	time.Sleep(5200 * time.Millisecond)
	late.wantMe("the provider is back", p.desk("urn:alg:RS256"), 200, "gruenau")
}
