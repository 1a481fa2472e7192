package httpapi

import (
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

// authenticate finds the caller. Tenant and environment come from the token; X-Tenant may
// only agree. Addresses that try bad tokens too often are answered 429 before any look-up.
func (c *call) authenticate() error {
	h, now, from := c.w.Header(), c.a.Clock(), byAddress(c.x.addr)
	if wait, empty := c.a.guesses.empty(h, from, now); empty {
		return tooMany(wait)
	}
	token, err := bearer(c.r.Header["Authorization"])
	if err == nil {
		if c.a.OIDC != nil && c.a.OIDC.Handles(token) {
			c.caller, err = c.a.OIDC.Authenticate(c.ctx, token)
		} else {
			c.caller, err = c.a.Keys.Authenticate(c.ctx, token)
		}
	}
	if err != nil {
		if e := asError(err); e.Code == service.CodeKey || e.Code == service.CodeTokenExpired {
			c.a.guesses.take(h, from, now)
		}
		return err
	}
	c.caller.Source = c.x.source
	c.caller.RequestID = c.x.id
	c.x.caller = c.caller
	if wait, ok := c.a.keys.take(h, bucketKey{tenant: c.caller.Tenant, actor: c.caller.Actor}, now); !ok {
		return tooMany(wait)
	}
	if said, ok := c.r.Header["X-Tenant"]; ok && (len(said) != 1 || said[0] != c.caller.Tenant) {
		return service.NotFound("tenant")
	}
	if c.op.Scope == "" {
		return nil
	}
	err = c.caller.Need(c.op.Scope)
	if err != nil {
		h["Www-Authenticate"] = []string{`Bearer realm="chancery", error="insufficient_scope", scope="` + string(c.op.Scope) + `"`}
	}
	return err
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
