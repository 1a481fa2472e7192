package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
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
	// Tokens says which of its tokens are taken. "": AccessTokens.
	Tokens TokenKind
	// Algorithms are those that tokens may be signed with (RFC 7518, 8037, 9864). nil: RS256,
	// PS256, ES256, EdDSA and Ed25519. Symmetric ones and none are refused.
	Algorithms []string
	// Rules give callers a tenant, an environment and permissions. The first whose Claim
	// has Value decides; a token that none fits is refused.
	Rules []OIDCRule
}

// OIDCRule maps tokens to callers.
type OIDCRule struct {
	// Claim and Value select tokens: a claim that is that string, or a list that holds it,
	// such as groups and registrars. scope and scp may also be such lists in one string, with
	// spaces between (RFC 8693, 4.2). A Claim that begins with / is the path to a claim within
	// others, the names of members as a JSON Pointer has them (RFC 6901):
	// /realm_access/roles. "": every token of the issuer.
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
	// which is refused until then. It is called with each such fault, of several providers at
	// once. nil: the fault is that of NewOIDC.
	Later func(issuer string, err error)
	// Tenant reports whether there is a tenant of that id: tokens for one that is not there
	// are refused. nil: not asked.
	Tenant func(ctx context.Context, id string) (bool, error)
}

// TokenKind says which tokens of a provider are taken as keys.
type TokenKind string

const (
	// AccessTokens are taken, and what does not say what it is; what says that it is
	// something else is refused: ID tokens, logout tokens, security events, proofs.
	AccessTokens TokenKind = "access"
	// TypedAccessTokens are those of RFC 9068, whose typ is at+jwt. Nothing else is taken.
	TypedAccessTokens TokenKind = "at+jwt"
	// IDTokens are taken and nothing that says it is an access token. They are made for the
	// program that somebody logs in to, whose client id the audience is then.
	IDTokens TokenKind = "id"
)

type oidcVerifier struct {
	issuers map[string][]*oidcIssuer
	clock   func() time.Time
	tenant  func(context.Context, string) (bool, error)
	there   sync.Map // tenants that are there: they stay
}

type oidcIssuer struct {
	OIDCIssuer
	algs  []proof.Alg
	paths [][]string // of the rules' claims
	keys  *providerKeys
}

// NewOIDC asks the issuers for their keys and returns what Config.OIDC wants. One that
// cannot be reached is an error that names it, but for Later. ctx bounds that first asking
// only.
func NewOIDC(ctx context.Context, c OIDCConfig) (OIDC, error) {
	v, err := c.verifier()
	if err != nil {
		return nil, err
	}
	var all []*oidcIssuer
	for _, list := range v.issuers {
		all = append(all, list...)
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for n, i := range all { // all at once: nobody waits for each of those that do not answer
		wg.Go(func() {
			err := i.keys.first(ctx)
			var fault *providerError
			switch {
			case errors.As(err, &fault) && (c.Later == nil || !fault.away):
				errs[n] = fault
			case err != nil && fault == nil:
				errs[n] = fmt.Errorf("httpapi: OIDC: %s: %w", i.Issuer, err)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

// verifier checks the configuration and asks nobody.
func (c OIDCConfig) verifier() (*oidcVerifier, error) {
	if c.Client == nil || c.Clock == nil {
		return nil, errors.New("httpapi: OIDC: expected a client and a clock")
	}
	v := &oidcVerifier{issuers: map[string][]*oidcIssuer{}, clock: c.Clock, tenant: c.Tenant}
	client, sets := providerClient(c.Client), map[[2]string]*providerKeys{}
	for _, i := range c.Issuers {
		one, err := i.checked()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(v.issuers[i.Issuer], func(o *oidcIssuer) bool { return o.Audience == i.Audience }) {
			return nil, fmt.Errorf("httpapi: OIDC: %s stands twice with one audience", i.Issuer)
		}
		at := [2]string{i.Issuer, i.JWKS}
		if sets[at] == nil { // one issuer may stand there with several audiences
			sets[at] = &providerKeys{issuer: i.Issuer, address: i.JWKS, client: client, clock: c.Clock, later: c.Later}
		}
		one.keys = sets[at]
		v.issuers[i.Issuer] = append(v.issuers[i.Issuer], one)
	}
	return v, nil
}

var (
	asymmetric  = []proof.Alg{proof.RS256, proof.PS256, proof.ES256, proof.EdDSA, proof.Ed25519, proof.RS384, proof.RS512, proof.PS384, proof.PS512, proof.ES384, proof.ES512}
	usuallyAlgs = asymmetric[:5]
)

func (i OIDCIssuer) checked() (*oidcIssuer, error) {
	out := &oidcIssuer{OIDCIssuer: i}
	switch {
	case !safeURL(i.Issuer) || i.JWKS != "" && !safeURL(i.JWKS):
		return nil, errors.New("httpapi: OIDC: expected https URLs (http on loopback only)")
	case i.Audience == "":
		return nil, fmt.Errorf("httpapi: OIDC: %s: expected an audience", i.Issuer)
	case len(i.Rules) == 0:
		return nil, fmt.Errorf("httpapi: OIDC: %s: expected rules that give a tenant", i.Issuer)
	case !slices.Contains([]TokenKind{"", AccessTokens, TypedAccessTokens, IDTokens}, i.Tokens):
		return nil, fmt.Errorf("httpapi: OIDC: %s: tokens: expected access, at+jwt or id", i.Issuer)
	}
	for _, a := range i.Algorithms {
		if !slices.Contains(asymmetric, proof.Alg(a)) {
			return nil, fmt.Errorf("httpapi: OIDC: %s: the algorithm %s is not taken", i.Issuer, a)
		}
		out.algs = append(out.algs, proof.Alg(a))
	}
	if len(out.algs) == 0 {
		out.algs = usuallyAlgs
	}
	for _, r := range i.Rules {
		if r.Tenant == "" || !r.Environment.Valid() || r.Claim != "" && r.Value == "" {
			return nil, fmt.Errorf("httpapi: OIDC: %s: a rule lacks a tenant, an environment or a value", i.Issuer)
		}
		for _, p := range r.Permissions {
			if !slices.Contains(service.Permissions(), p) {
				return nil, fmt.Errorf("httpapi: OIDC: %s: %s is no permission", i.Issuer, p)
			}
		}
		path, err := r.path()
		if err != nil {
			return nil, fmt.Errorf("httpapi: OIDC: %s: %w", i.Issuer, err)
		}
		out.paths = append(out.paths, path)
	}
	return out, nil
}

// safeURL reports whether an address is one over https, or over http on this machine.
func safeURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || err == nil && ip.IsLoopback())
}

// Handles reads what the token says of its issuer; nothing is believed yet.
func (v *oidcVerifier) Handles(token string) bool {
	t := parseToken(token)
	return t != nil && v.issuers[t.String("iss")] != nil
}

// Authenticate checks signature, issuer, audience and times, and applies the rules.
func (v *oidcVerifier) Authenticate(ctx context.Context, token string) (service.Caller, error) {
	refused := func(why error) error {
		return &service.Error{Code: service.CodeKey, Detail: "the token is not valid here", Err: why}
	}
	var none service.Caller
	t := parseToken(token)
	if t == nil {
		return none, refused(nil)
	}
	i := v.issuer(t)
	if i == nil {
		return none, refused(errors.New("httpapi: OIDC: the token is for another audience"))
	}
	switch err := i.keys.verify(ctx, t.JWS, i.algs); {
	case errors.Is(err, errKeysAway):
		return none, &service.Error{Code: service.CodeUnavailable, Detail: "the keys of the token's issuer cannot be had at the moment", RetryAfter: askAgain, Err: err}
	case err != nil:
		return none, refused(err)
	}
	if err := t.is(i.Tokens, i.Audience); err != nil {
		return none, refused(err)
	}
	switch expired, err := t.times(v.clock()); {
	case err != nil:
		return none, refused(err)
	case expired:
		return none, &service.Error{Code: service.CodeTokenExpired, Detail: "the token has expired"}
	}
	subject := t.String("sub")
	if subject == "" || len(subject) > 255 {
		return none, refused(errors.New("httpapi: OIDC: expected sub to be of 1 to 255 bytes"))
	}
	for n, r := range i.Rules {
		if r.fits(t, i.paths[n]) {
			if ok, err := v.exists(ctx, r.Tenant); err != nil {
				return none, err
			} else if !ok {
				return none, refused(fmt.Errorf("httpapi: OIDC: a rule gives the tenant %s, which is not there", r.Tenant))
			}
			return service.Caller{Scope: service.Scope{Tenant: r.Tenant, Environment: r.Environment}, Actor: "oidc:" + pseudonym(i.Issuer, subject), Permissions: r.Permissions}, nil
		}
	}
	return none, refused(errors.New("httpapi: OIDC: no rule fits the token"))
}

// exists reports whether a tenant is there: what nobody has made must not begin to have
// issuers and keys because the configuration names it.
func (v *oidcVerifier) exists(ctx context.Context, tenant string) (bool, error) {
	if _, ok := v.there.Load(tenant); ok || v.tenant == nil {
		return true, nil
	}
	ok, err := v.tenant(ctx, tenant)
	if ok && err == nil {
		v.there.Store(tenant, true)
	}
	return ok, err
}

// issuer finds who is to judge a token, by what it says: it is verified afterwards.
func (v *oidcVerifier) issuer(t *jwt) *oidcIssuer {
	for _, i := range v.issuers[t.String("iss")] {
		if t.audience(i.Audience) {
			return i
		}
	}
	return nil
}

// path is the names of the members that lead to the claim of a rule. Members alone: of a
// list every string counts, none by its place.
func (r OIDCRule) path() ([]string, error) {
	rest, within := strings.CutPrefix(r.Claim, "/")
	if !within {
		return []string{r.Claim}, nil
	}
	names := strings.Split(rest, "/")
	for n, name := range names {
		plain := strings.NewReplacer("~0", "", "~1", "").Replace(name)
		if name == "" || strings.Contains(plain, "~") {
			return nil, errors.New("the claim of a rule is no path such as /realm_access/roles")
		}
		names[n] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return names, nil
}

func (r OIDCRule) fits(t *jwt, path []string) bool {
	if r.Claim == "" {
		return true
	}
	at, found := t.claims.Path(0, path...), false
	t.claims.Each(at, func(m strictjson.Node) bool {
		s, ok := t.claims.Str(m)
		found = ok && s == r.Value
		return !found
	})
	if r.Claim == "scope" || r.Claim == "scp" {
		found = found || slices.Contains(strings.Split(t.claims.String(at), " "), r.Value)
	}
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
