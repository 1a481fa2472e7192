package httpapi

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// oauthError is an error of the token endpoint (RFC 6749, 5.2).
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// token answers POST /v1/oauth/token. Errors of the request are those of RFC 6749; what is
// not about the request (too many, not available) is a problem as elsewhere.
func (c *call) token() error {
	h := c.w.Header()
	h["Pragma"] = []string{"no-cache"}
	var err error
	if c.media, _, err = c.mediaType(); err != nil {
		return err
	}
	if c.body, err = c.readAll(16 << 10); err != nil {
		return err
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil || len(form) > maxParameters {
		return c.oauthFault(http.StatusBadRequest, "invalid_request", "the form cannot be read")
	}
	for _, values := range form {
		if len(values) > 1 {
			return c.oauthFault(http.StatusBadRequest, "invalid_request", "a parameter is given more than once")
		}
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return c.oauthFault(http.StatusBadRequest, "invalid_request", "expected grant_type")
	default:
		return c.oauthFault(http.StatusBadRequest, "unsupported_grant_type", "expected client_credentials")
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if said := c.r.Header["Authorization"]; said != nil {
		user, password, ok := c.r.BasicAuth()
		switch {
		case len(said) != 1 || form.Has("client_secret"):
			return c.oauthFault(http.StatusBadRequest, "invalid_request", "expected one way to authenticate: HTTP Basic or the form")
		case !ok:
			return c.notClient("expected HTTP Basic, or the form")
		}
		// RFC 6749, 2.3.1: both are form-encoded before they are put into Basic.
		var err1, err2 error
		user, err1 = url.QueryUnescape(user)
		password, err2 = url.QueryUnescape(password)
		if err1 != nil || err2 != nil || form.Has("client_id") && id != user {
			return c.oauthFault(http.StatusBadRequest, "invalid_request", "the credentials cannot be read")
		}
		id, secret = user, password
	}
	var scopes []service.Permission
	for s := range strings.FieldsSeq(form.Get("scope")) {
		scopes = append(scopes, service.Permission(s))
	}
	from, now := byAddress(c.x.addr), c.a.Clock()
	shown := "client " + id + " " + secret // is no token: those have no spaces
	if wait, empty := c.a.guesses.empty(h, from, now); empty && !c.a.known.has(shown) {
		return tooMany(wait)
	}
	t, err := c.a.Keys.Token(c.ctx, id, secret, scopes)
	if err == nil {
		c.a.known.note(shown)
		c.a.writeJSON(c.w, c.r, http.StatusOK, jsonType, t)
		return nil
	}
	switch e := asError(err); e.Code {
	case service.CodeKey, service.CodeTokenExpired:
		c.a.guesses.take(h, from, now)
		c.a.known.forget(shown)
		return c.notClient("the id or the secret is wrong, or the key may not be used any more")
	case service.CodeScope, service.CodeValidation:
		return c.oauthFault(http.StatusBadRequest, "invalid_scope", "a scope is not known, or the key lacks it")
	case service.CodeParameter, service.CodeBody:
		return c.oauthFault(http.StatusBadRequest, "invalid_request", e.Detail)
	}
	return err
}

// notClient refuses who has not shown to be a client, and names the scheme that is taken here
// (RFC 6749, 5.2; RFC 9110, 15.5.2).
func (c *call) notClient(description string) error {
	c.w.Header().Set("WWW-Authenticate", `Basic realm="chancery"`)
	return c.oauthFault(http.StatusUnauthorized, "invalid_client", description)
}

func (c *call) oauthFault(status int, code, description string) error {
	c.a.writeJSON(c.w, c.r, status, jsonType, oauthError{code, description})
	return nil
}
