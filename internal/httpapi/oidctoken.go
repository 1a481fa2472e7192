package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// maxToken bounds the tokens that are looked at.
const maxToken = 8 << 10

// jwt is a token of which nothing is believed yet. Its claims are read once, from the bytes
// that the signature is over, and every member of them has one meaning.
type jwt struct {
	*proof.JWS
	claims *strictjson.Doc
}

// parseToken reads a JWT in the compact form; nil where it is none.
func parseToken(token string) *jwt {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return nil
	}
	jws, err := proof.ParseJWS([]byte(token))
	if err != nil {
		return nil
	}
	d, err := strictjson.Parse(jws.Payload, strictjson.Limits{Bytes: maxToken, Depth: 16})
	if err != nil || d.Kind(0) != strictjson.Object {
		return nil
	}
	return &jwt{jws, d}
}

func (t *jwt) claim(name string) strictjson.Node { return t.claims.Get(0, name) }

// String is a claim that is a string, "" for every other.
func (t *jwt) String(name string) string { return t.claims.String(t.claim(name)) }

// audience reports whether a token is made for an audience: aud is a string, or a list of
// strings (RFC 7519, 4.1.3).
func (t *jwt) audience(want string) bool {
	found, strings := false, true
	t.claims.Each(t.claim("aud"), func(m strictjson.Node) bool {
		s, ok := t.claims.Str(m)
		found, strings = found || ok && s == want, strings && ok
		return true
	})
	return found && strings
}

// is reports why a token is not of a kind (RFC 8725, 3.11 and 3.12). What other tokens of a
// provider are for, they say in typ, or by claims that access tokens do not have.
func (t *jwt) is(kind TokenKind, audience string) error {
	typ := strings.TrimPrefix(strings.ToLower(t.Typ), "application/")
	if typ != "" && typ != "jwt" && typ != "at+jwt" {
		return errors.New("httpapi: OIDC: expected typ at+jwt or JWT")
	}
	for _, name := range []string{"cnf", "events"} {
		// cnf binds the token to a key that is not asked for here (RFC 7800): who stole the
		// token does not have it. events is that of logout tokens and others (RFC 8417).
		if t.claim(name) != strictjson.None {
			return fmt.Errorf("httpapi: OIDC: a token with %s is not taken", name)
		}
	}
	said := t.String("typ") // as Keycloak has it
	identifies := said == "ID" || typ != "at+jwt" && said != "Bearer" && t.claim("nonce") != strictjson.None
	for _, name := range []string{"at_hash", "c_hash", "s_hash"} {
		identifies = identifies || t.claim(name) != strictjson.None
	}
	switch {
	case kind == IDTokens:
		if typ == "at+jwt" || said != "" && said != "ID" {
			return errors.New("httpapi: OIDC: expected an ID token")
		}
		return t.authorized(audience)
	case kind == TypedAccessTokens && typ != "at+jwt":
		return errors.New("httpapi: OIDC: expected typ at+jwt")
	case identifies, said != "" && said != "Bearer":
		return errors.New("httpapi: OIDC: expected an access token, found another")
	}
	return nil
}

// authorized holds an ID token to OpenID Connect Core 1.0, 3.1.3.7, 4 and 5: it is made for
// one program, which azp names where there are more audiences.
func (t *jwt) authorized(client string) error {
	azp := t.claim("azp")
	if azp == strictjson.None && t.claims.Len(t.claim("aud")) > 1 || azp != strictjson.None && t.String("azp") != client {
		return errors.New("httpapi: OIDC: the ID token is for another program")
	}
	return nil
}

// aheadBy is how far a provider's clock may be ahead.
const aheadBy = time.Minute

// lastTime is the last second that is taken for a time: times in milliseconds are none.
const lastTime = 253402300799 // 9999-12-31T23:59:59Z

// times reports whether a token has expired. One without an end, for later, or with a time
// that is none is an error (RFC 7519, 4.1.4 to 4.1.6).
func (t *jwt) times(now time.Time) (expired bool, err error) {
	seconds := float64(now.UnixNano()) / 1e9
	for _, name := range []string{"exp", "nbf", "iat"} {
		n := t.claim(name)
		if n == strictjson.None && name != "exp" {
			continue
		}
		at, ok := t.claims.Float(n)
		switch {
		case !ok || at < -lastTime || at > lastTime:
			return false, fmt.Errorf("httpapi: OIDC: expected %s to be a time in seconds", name)
		case name == "exp":
			expired = seconds >= at
		case at > seconds+aheadBy.Seconds():
			return false, fmt.Errorf("httpapi: OIDC: %s is in the future", name)
		}
	}
	return expired, nil
}
