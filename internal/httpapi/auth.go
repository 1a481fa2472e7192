package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

// bearer takes the token out of an Authorization header: Bearer, exactly one space, and
// the token without quotes (RFC 6750, 2.1).
func bearer(header []string) (string, error) {
	missing := &service.Error{Code: service.CodeKey, Detail: "expected Authorization: Bearer and an API key or token"}
	if len(header) != 1 || len(header[0]) < 8 || !strings.EqualFold(header[0][:7], "Bearer ") {
		return "", missing
	}
	token := header[0][7:]
	if len(token) > 8<<10 {
		return "", missing
	}
	for i := 0; i < len(token); i++ {
		c := token[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~+/=", c) >= 0) {
			return "", missing
		}
	}
	return token, nil
}

// authenticate finds the caller, who must have the operation's scope.
func (c *call) authenticate() (err error) {
	h := c.w.Header()
	if c.caller, err = c.a.authenticate(h, c.r, c.x); err != nil || c.op.Scope == "" {
		return err
	}
	err = c.caller.Need(c.op.Scope)
	if err != nil {
		h["Www-Authenticate"] = []string{`Bearer realm="chancery", error="insufficient_scope", scope="` + string(c.op.Scope) + `"`}
	}
	return err
}

// authenticate finds the caller. Tenant and environment come from the token; X-Tenant may
// only agree. Addresses that try bad tokens too often are answered 429 before any look-up,
// but for tokens that were good before.
func (a *api) authenticate(h http.Header, r *http.Request, x *exchange) (service.Caller, error) {
	var none service.Caller
	now, from := a.Clock(), byAddress(x.addr)
	token, err := bearer(r.Header["Authorization"])
	if wait, empty := a.guesses.empty(h, from, now); empty && (err != nil || !a.known.has(token)) {
		return none, tooMany(wait)
	}
	var caller service.Caller
	if err == nil {
		if a.OIDC != nil && a.OIDC.Handles(token) {
			caller, err = a.OIDC.Authenticate(r.Context(), token)
		} else {
			caller, err = a.Keys.Authenticate(r.Context(), token)
		}
	}
	if err != nil {
		if e := asError(err); e.Code == service.CodeKey || e.Code == service.CodeTokenExpired {
			a.guesses.take(h, from, now)
			a.known.forget(token)
		}
		return none, err
	}
	a.known.note(token)
	caller.Source = x.source()
	caller.RequestID = x.id
	x.caller = caller
	if wait, ok := a.keys.take(h, bucketKey{tenant: caller.Tenant, actor: caller.Actor}, now); !ok {
		return none, tooMany(wait)
	}
	if said, ok := r.Header["X-Tenant"]; ok && (len(said) != 1 || said[0] != caller.Tenant) {
		return none, service.NotFound("tenant")
	}
	return caller, nil
}

// Admit is authentication and counting for a handler that is mounted (Config.VCALM), by the
// rules of the product plane: the same tokens, limits and X-Tenant. nil is a request without
// a token, or one that is public: it is counted by its address. What callers are told of
// limits and of a token that is refused goes into h.
func Admit(h http.Header, r *http.Request, public bool) (*service.Caller, error) {
	x := exchangeOf(r)
	if x == nil || x.api == nil {
		return nil, errors.New("httpapi: Admit: expected a request to a mounted handler")
	}
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		x.route = path // that of the mounted handler's mux
	}
	a := x.api
	if public || r.Header["Authorization"] == nil {
		if wait, ok := a.addresses.take(h, byAddress(x.addr), a.Clock()); !ok {
			return nil, tooMany(wait)
		}
		return nil, nil
	}
	caller, err := a.authenticate(h, r, x)
	if err != nil {
		if e := asError(err); e.Code == service.CodeKey || e.Code == service.CodeTokenExpired {
			h["Www-Authenticate"] = []string{challenge(r, e.Code)}
		}
		return nil, err
	}
	return &caller, nil
}

// Count has a request of the pages (Config.Web) count as n more of its address.
func Count(ctx context.Context, n int) {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && x.api != nil {
		x.api.addresses.more(byAddress(x.addr), n, x.api.Clock())
	}
}

// challenge is what WWW-Authenticate says of a refusal (RFC 6750, 3): nothing of an error
// where no token was shown.
func challenge(r *http.Request, c service.Code) string {
	const realm = `Bearer realm="chancery"`
	values := r.Header["Authorization"]
	switch {
	case c == service.CodeTokenExpired:
		return realm + `, error="invalid_token", error_description="the token has expired"`
	case len(values) != 0 && len(values[0]) >= 7 && strings.EqualFold(values[0][:7], "Bearer "):
		return realm + `, error="invalid_token"`
	}
	return realm
}
