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
	// Client fetches discovery documents and keys. Required; it should have a timeout and
	// take no redirects to elsewhere.
	Client *http.Client
	// Clock tells the time. Required.
	Clock func() time.Time
}

// maxToken bounds the tokens that are looked at.
const maxToken = 8 << 10

// oidcVerifier implements OIDC with the verifier of coreos/go-oidc, which caches keys and
// fetches them again when a token names one that is not known.
type oidcVerifier struct {
	issuers map[string][]*oidcIssuer
	ctx     context.Context // carries the client
	clock   func() time.Time
}

type oidcIssuer struct {
	OIDCIssuer
	verifier *oidc.IDTokenVerifier
}

// NewOIDC discovers the issuers and returns what Config.OIDC wants. Discovery dials; an
// issuer that cannot be reached is an error that names it. ctx bounds discovery only.
func NewOIDC(ctx context.Context, c OIDCConfig) (OIDC, error) {
	if c.Client == nil || c.Clock == nil {
		return nil, errors.New("httpapi: OIDC: expected a client and a clock")
	}
	v := &oidcVerifier{issuers: map[string][]*oidcIssuer{}, clock: c.Clock, ctx: oidc.ClientContext(context.WithoutCancel(ctx), c.Client)}
	for _, i := range c.Issuers {
		if err := i.check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(v.issuers[i.Issuer], func(o *oidcIssuer) bool { return o.Audience == i.Audience }) {
			return nil, fmt.Errorf("httpapi: OIDC: %s stands twice with one audience", i.Issuer)
		}
		if i.JWKS == "" {
			p, err := oidc.NewProvider(oidc.ClientContext(ctx, c.Client), i.Issuer)
			if err != nil {
				return nil, fmt.Errorf("httpapi: OIDC: %s: %w", i.Issuer, err)
			}
			var found struct {
				JWKS string `json:"jwks_uri"`
			}
			if err := p.Claims(&found); err != nil || !safeURL(found.JWKS) {
				return nil, fmt.Errorf("httpapi: OIDC: %s: expected an https jwks_uri", i.Issuer)
			}
			i.JWKS = found.JWKS
		}
		v.issuers[i.Issuer] = append(v.issuers[i.Issuer], &oidcIssuer{i, oidc.NewVerifier(i.Issuer, remoteKeys{oidc.NewRemoteKeySet(v.ctx, i.JWKS)}, &oidc.Config{
			ClientID: i.Audience, SupportedSigningAlgs: i.Algorithms, Now: c.Clock,
		})})
	}
	return v, nil
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
	away := &keysAway{}
	verified, err := i.verifier.Verify(context.WithValue(ctx, keysAwayKey{}, away), token)
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
