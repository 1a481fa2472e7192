package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// OIDCIssuer is an OpenID Provider whose tokens are taken as keys.
type OIDCIssuer struct {
	// Issuer is its URL, exactly as tokens say it. Required; https, or http on loopback.
	Issuer string
	// Audience is what tokens must be made for. Required: a token for another program
	// must not work here.
	Audience string
	// JWKS is the URL of its keys. "": by discovery (/.well-known/openid-configuration).
	JWKS string
	// Algorithms are those that tokens may be signed with. nil: RS256, ES256, EdDSA.
	// Symmetric ones and none are refused.
	Algorithms []string
	// Rules give callers a tenant, an environment and permissions. The first whose Claim
	// has Value decides; a token that none fits is refused.
	Rules []OIDCRule
}

// OIDCRule maps tokens to callers.
type OIDCRule struct {
	// Claim and Value select tokens: a claim that is that string, or a list that holds it,
	// such as groups and registrars. Claim "": every token of the issuer.
	Claim, Value string
	// Tenant and Environment are the caller's. Required.
	Tenant      string
	Environment service.Environment
	// Permissions are what the caller may do. None: nothing but what any key may.
	Permissions []service.Permission
}

// OIDCConfig says whose tokens are taken.
type OIDCConfig struct {
	// Issuers may name one issuer several times, with another audience each: the first whose
	// audience a token has decides.
	Issuers []OIDCIssuer
	// Client fetches discovery documents and keys. Required; it should have a timeout. What
	// it is answered has a bound, and it takes no redirect that leaves https.
	Client *http.Client
	// Clock tells the time. Required.
	Clock func() time.Time
	// Later has a provider that cannot be reached be asked again when a token of its comes,
	// which is refused until then. It is called with each such fault. nil: the fault is that
	// of NewOIDC.
	Later func(issuer string, err error)
}

// discoverEvery is how long a provider that could not be reached is left alone.
const discoverEvery = 5 * time.Second

// maxToken bounds the tokens that are looked at.
const maxToken = 8 << 10

// oidcVerifier implements OIDC with the verifier of coreos/go-oidc, which caches keys and
// fetches them again when a token names one that is not known.
type oidcVerifier struct {
	issuers map[string][]*oidcIssuer
	ctx     context.Context // carries the client
	client  *http.Client
	clock   func() time.Time
	later   func(string, error)
}

type oidcIssuer struct {
	OIDCIssuer
	verifier atomic.Pointer[oidc.IDTokenVerifier] // nil: not discovered yet
	mu       sync.Mutex                           // of discovering
	tried    time.Time
}

// NewOIDC discovers the issuers and returns what Config.OIDC wants. Discovery dials; an
// issuer that cannot be reached is an error that names it, but for Later. ctx bounds
// discovery only.
func NewOIDC(ctx context.Context, c OIDCConfig) (OIDC, error) {
	v, err := c.verifier(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range c.Issuers {
		if err := i.check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(v.issuers[i.Issuer], func(o *oidcIssuer) bool { return o.Audience == i.Audience }) {
			return nil, fmt.Errorf("httpapi: OIDC: %s stands twice with one audience", i.Issuer)
		}
		one := &oidcIssuer{OIDCIssuer: i}
		if err := v.discover(ctx, one); err != nil {
			var fault *providerError
			if c.Later == nil || !errors.As(err, &fault) || !fault.away {
				return nil, err
			}
			c.Later(i.Issuer, err)
		}
		v.issuers[i.Issuer] = append(v.issuers[i.Issuer], one)
	}
	return v, nil
}

func (c OIDCConfig) verifier(ctx context.Context) (*oidcVerifier, error) {
	if c.Client == nil || c.Clock == nil {
		return nil, errors.New("httpapi: OIDC: expected a client and a clock")
	}
	client := providerClient(c.Client)
	return &oidcVerifier{issuers: map[string][]*oidcIssuer{}, clock: c.Clock, client: client, later: c.Later, ctx: oidc.ClientContext(context.WithoutCancel(ctx), client)}, nil
}

// discover finds the keys of an issuer, if need be, and makes its verifier. What is wrong
// with the provider is a *providerError.
func (v *oidcVerifier) discover(ctx context.Context, i *oidcIssuer) error {
	i.tried = v.clock()
	jwks, err := v.jwks(ctx, i)
	if err != nil {
		return err
	}
	i.verifier.Store(oidc.NewVerifier(i.Issuer, remoteKeys{oidc.NewRemoteKeySet(v.ctx, jwks)}, &oidc.Config{
		ClientID: i.Audience, SupportedSigningAlgs: i.Algorithms, Now: v.clock,
	}))
	return nil
}

// jwks is the address of an issuer's keys.
func (v *oidcVerifier) jwks(ctx context.Context, i *oidcIssuer) (string, error) {
	if i.JWKS != "" {
		return i.JWKS, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, v.client), i.Issuer)
	if err != nil {
		return "", i.fault(err)
	}
	var found struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := p.Claims(&found); err != nil || !mayLead(i.Issuer, found.JWKS) {
		return "", &providerError{issuer: i.Issuer, err: errors.New("expected an https jwks_uri in the discovery document")}
	}
	return found.JWKS, nil
}

// ready returns the verifier of an issuer, which is discovered now where it was away
// before. Only one request at a time waits for that.
func (v *oidcVerifier) ready(ctx context.Context, i *oidcIssuer) (*oidc.IDTokenVerifier, error) {
	if verifier := i.verifier.Load(); verifier != nil {
		return verifier, nil
	}
	away := &service.Error{Code: service.CodeUnavailable, Detail: "the token's issuer cannot be reached at the moment", RetryAfter: discoverEvery}
	if !i.mu.TryLock() {
		return nil, away
	}
	defer i.mu.Unlock()
	if verifier := i.verifier.Load(); verifier != nil {
		return verifier, nil
	}
	if now := v.clock(); now.Before(i.tried.Add(discoverEvery)) && !now.Before(i.tried) {
		return nil, away
	}
	if err := v.discover(ctx, i); err != nil {
		v.later(i.Issuer, err)
		away.Err = err
		return nil, away
	}
	return i.verifier.Load(), nil
}

// remoteKeys tells apart that a signature is wrong and that the keys cannot be had; the
// verifier puts both into one error.
type remoteKeys struct{ *oidc.RemoteKeySet }

// keysAway is where remoteKeys says that keys cannot be had.
type keysAway struct{ err error }

type keysAwayKey struct{}

func (k remoteKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.RemoteKeySet.VerifySignature(ctx, token)
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys ") {
		if away, ok := ctx.Value(keysAwayKey{}).(*keysAway); ok {
			away.err = err
		}
	}
	return payload, err
}

func (i *OIDCIssuer) check() error {
	switch {
	case !safeURL(i.Issuer) || i.JWKS != "" && !safeURL(i.JWKS):
		return errors.New("httpapi: OIDC: expected https URLs (http on loopback only)")
	case i.Audience == "":
		return fmt.Errorf("httpapi: OIDC: %s: expected an audience", i.Issuer)
	case len(i.Rules) == 0:
		return fmt.Errorf("httpapi: OIDC: %s: expected rules that give a tenant", i.Issuer)
	}
	if len(i.Algorithms) == 0 {
		i.Algorithms = []string{oidc.RS256, oidc.ES256, oidc.EdDSA}
	}
	for _, a := range i.Algorithms {
		if strings.HasPrefix(a, "HS") || strings.EqualFold(a, "none") {
			return fmt.Errorf("httpapi: OIDC: %s: the algorithm %s is not taken", i.Issuer, a)
		}
	}
	for _, r := range i.Rules {
		if r.Tenant == "" || !r.Environment.Valid() || r.Claim != "" && r.Value == "" {
			return fmt.Errorf("httpapi: OIDC: %s: a rule lacks a tenant, an environment or a value", i.Issuer)
		}
		for _, p := range r.Permissions {
			if !slices.Contains(service.Permissions(), p) {
				return fmt.Errorf("httpapi: OIDC: %s: %s is no permission", i.Issuer, p)
			}
		}
	}
	return nil
}

func safeURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || host == "::1" || strings.HasPrefix(host, "127."))
}

// Handles reads what the token says of its issuer; nothing is believed yet.
func (v *oidcVerifier) Handles(token string) bool {
	d := tokenClaims(token)
	return d != nil && v.issuers[d.String(d.Get(0, "iss"))] != nil
}

// issuer finds who is to judge a token, by what it says.
func (v *oidcVerifier) issuer(token string) *oidcIssuer {
	d := tokenClaims(token)
	if d == nil {
		return nil
	}
	for _, i := range v.issuers[d.String(d.Get(0, "iss"))] {
		if (OIDCRule{Claim: "aud", Value: i.Audience}).fits(d) {
			return i
		}
	}
	return nil
}

// tokenClaims are the claims of a JWT, unverified; nil where it is none.
func tokenClaims(token string) *strictjson.Doc {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return nil
	}
	d, err := strictjson.Parse(payload, strictjson.Limits{Bytes: maxToken, Depth: 16})
	if err != nil || d.Kind(0) != strictjson.Object {
		return nil
	}
	return d
}

// Authenticate checks signature, issuer, audience and times, and applies the rules.
func (v *oidcVerifier) Authenticate(ctx context.Context, token string) (service.Caller, error) {
	refused := &service.Error{Code: service.CodeKey, Detail: "the token is not valid here"}
	i := v.issuer(token)
	if i == nil {
		return service.Caller{}, refused
	}
	verifier, err := v.ready(ctx, i)
	if err != nil {
		return service.Caller{}, err
	}
	away := &keysAway{}
	verified, err := verifier.Verify(context.WithValue(ctx, keysAwayKey{}, away), token)
	var expired *oidc.TokenExpiredError
	switch {
	case away.err != nil:
		return service.Caller{}, &service.Error{Code: service.CodeUnavailable, Detail: "the keys of the token's issuer cannot be had at the moment", RetryAfter: 5 * time.Second, Err: away.err}
	case errors.As(err, &expired):
		return service.Caller{}, &service.Error{Code: service.CodeTokenExpired, Detail: "the token has expired"}
	case err != nil:
		return service.Caller{}, &service.Error{Code: refused.Code, Detail: refused.Detail, Err: err}
	}
	// The claims that were verified are those that were parsed: the signature is over the
	// token's text, and the strict parser has seen that it has one meaning.
	d := tokenClaims(token)
	subject := verified.Subject
	if subject == "" || len(subject) > 255 || notYet(d, v.clock()) {
		return service.Caller{}, refused
	}
	for _, r := range i.Rules {
		if r.fits(d) {
			return service.Caller{Scope: service.Scope{Tenant: r.Tenant, Environment: r.Environment}, Actor: "oidc:" + pseudonym(i.Issuer, subject), Permissions: r.Permissions}, nil
		}
	}
	return service.Caller{}, refused
}

// notYet reports whether a token is for later; go-oidc lets nbf pass five minutes early.
func notYet(d *strictjson.Doc, now time.Time) bool {
	n := d.Get(0, "nbf")
	if n == strictjson.None {
		return false
	}
	at, ok := d.Float(n)
	return !ok || now.Add(time.Minute).Before(time.Unix(int64(at), 0))
}

func (r OIDCRule) fits(d *strictjson.Doc) bool {
	if r.Claim == "" {
		return true
	}
	found := false
	n := d.Get(0, r.Claim)
	if n == strictjson.None {
		return false
	}
	d.Each(n, func(m strictjson.Node) bool {
		s, ok := d.Str(m)
		found = found || ok && s == r.Value
		return !found
	})
	return found
}

// pseudonym stands for a subject in the audit log: subjects may be addresses of people.
func pseudonym(issuer, subject string) string {
	h := sha256.New()
	sized(h, len(issuer))
	io.WriteString(h, issuer)
	io.WriteString(h, subject)
	return hex.EncodeToString(h.Sum(nil)[:12])
}
