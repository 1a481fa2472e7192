package proof

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// TokenKind says how the payload of a JWS is to be read.
type TokenKind uint8

// The kinds of tokens. The zero value is none.
const (
	// TokenVC: the payload is a credential (VC-JOSE-COSE 3.1.1); claims vc and vp are
	// refused.
	TokenVC TokenKind = iota + 1
	// TokenVP: the payload is a presentation (VC-JOSE-COSE 3.1.2); claims vc and vp
	// are refused.
	TokenVP
	// TokenJWT: a JWT whose payload decides: a credential at the top with registered
	// claims beside it (Open Badges 3.0), or in a vc or vp claim (VC Data Model 1.1).
	TokenJWT
)

func (k TokenKind) String() string {
	switch k {
	case TokenVC:
		return "vc+jwt"
	case TokenVP:
		return "vp+jwt"
	case TokenJWT:
		return "jwt"
	}
	return "unknown"
}

// tokenTypes is the table of media types, each with or without "application/": what
// typ, or the type of the container, means, and what cty may then say.
var tokenTypes = map[string]struct {
	kind TokenKind
	cty  []string
}{
	"vc+jwt":    {TokenVC, []string{"", "vc", "vc+ld+json"}},
	"vp+jwt":    {TokenVP, []string{"", "vp", "vp+ld+json"}},
	"vc+ld+jwt": {TokenVC, []string{"", "vc", "vc+ld+json"}}, // drafts of 2023 and 2024
	"vp+ld+jwt": {TokenVP, []string{"", "vp", "vp+ld+json"}},
	"jwt":       {TokenJWT, []string{""}},
	"":          {TokenJWT, []string{"", "vc", "vp", "vc+ld+json", "vp+ld+json"}},
}

// KindOf decides how a token is read, by the media type it was handed over with
// (application/vc+jwt, application/vp+jwt, application/jwt, or "" where none is known)
// and its header's typ and cty. Types are compared without regard to case and to
// "application/". An error wraps ErrMediaType: an unknown type, such as that of an
// SD-JWT, or types that contradict each other.
func KindOf(container, typ, cty string) (TokenKind, error) {
	outer, okOuter := tokenTypes[bareType(container)]
	inner, okInner := tokenTypes[bareType(typ)]
	if !okOuter || !okInner {
		return 0, fmt.Errorf("%w: expected vc+jwt, vp+jwt or JWT", ErrMediaType)
	}
	kind := inner.kind
	if outer.kind != TokenJWT {
		if bareType(typ) == "" {
			inner, kind = outer, outer.kind
		}
		if kind != outer.kind {
			return 0, fmt.Errorf("%w: expected a token of type %s, found %s", ErrMediaType, outer.kind, kind)
		}
	}
	for _, c := range inner.cty {
		if bareType(cty) != c {
			continue
		}
		if kind == TokenJWT && strings.HasPrefix(c, "vc") { // typ absent, cty says it
			kind = TokenVC
		} else if kind == TokenJWT && strings.HasPrefix(c, "vp") {
			kind = TokenVP
		}
		return kind, nil
	}
	return 0, fmt.Errorf("%w: cty does not fit a token of type %s", ErrMediaType, kind)
}

func bareType(s string) string {
	return strings.TrimPrefix(strings.ToLower(s), "application/")
}

// Claims are the registered claims of a JWT payload (RFC 7519 4.1), as far as
// credentials use them.
type Claims struct {
	Issuer, Subject, ID  string
	Audience             []string
	Nonce                string // OpenID and VC Data Model 1.1 presentations
	NotBefore, Expires   time.Time
	HasNotBefore         bool
	HasExpires           bool
	Wrapped              string // "vc" or "vp" where the document is in such a claim, "" where it is the payload
	Doc                  *strictjson.Doc
	Document             strictjson.Node // where the credential or presentation is in Doc
	RegisteredClaimNames []string        // which of iss, sub, jti, aud, nbf, exp, iat there are
}

// ReadClaims reads the payload of a token as strict JSON. For TokenVC and TokenVP the
// payload is the document, and a vc or vp claim is refused; for TokenJWT it may be in
// either. Times are NumericDates; iat is not read, since tokens in the field carry
// text there. Errors wrap ErrClaims or are *chancery.JSONError.
func ReadClaims(kind TokenKind, payload []byte) (*Claims, error) {
	d, err := strictjson.Parse(payload, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	if d.Kind(0) != strictjson.Object {
		return nil, fmt.Errorf("%w: expected a JSON object as payload, found %s", ErrClaims, d.Kind(0))
	}
	c := &Claims{Doc: d}
	for n := d.First(0); n != strictjson.None; n = d.Next(n) {
		if err := c.claim(kind, n); err != nil {
			return nil, err
		}
	}
	if c.Wrapped != "" {
		for _, name := range []string{"credentialSubject", "verifiableCredential"} {
			if d.Get(0, name) != strictjson.None {
				return nil, fmt.Errorf("%w: expected one document, found %s beside the claim %s", ErrClaims, name, c.Wrapped)
			}
		}
	}
	return c, nil
}

func (c *Claims) claim(kind TokenKind, n strictjson.Node) error {
	d := c.Doc
	name := d.Name(n)
	var err error
	switch name {
	case "vc", "vp":
		if kind != TokenJWT {
			return fmt.Errorf("%w: expected the document as payload, found a claim %s (VC-JOSE-COSE 3.1.1)", ErrClaims, name)
		}
		if c.Wrapped != "" || d.Kind(n) != strictjson.Object {
			return fmt.Errorf("%w: expected one object in vc or vp", ErrClaims)
		}
		c.Wrapped, c.Document = name, n
		return nil
	case "iss":
		err = claimText(d, n, &c.Issuer)
	case "sub":
		err = claimText(d, n, &c.Subject)
	case "jti":
		err = claimText(d, n, &c.ID)
	case "nonce":
		return claimText(d, n, &c.Nonce)
	case "aud":
		d.Each(n, func(a strictjson.Node) bool {
			var s string
			err = claimText(d, a, &s)
			c.Audience = append(c.Audience, s)
			return err == nil
		})
	case "nbf":
		c.HasNotBefore = true
		err = claimTime(d, n, &c.NotBefore)
	case "exp":
		c.HasExpires = true
		err = claimTime(d, n, &c.Expires)
	case "iat":
	default:
		return nil
	}
	c.RegisteredClaimNames = append(c.RegisteredClaimNames, name)
	return err
}

func claimText(d *strictjson.Doc, n strictjson.Node, to *string) error {
	s, ok := d.Str(n)
	if !ok || s == "" {
		return fmt.Errorf("%w: expected text in %s, found %s", ErrClaims, d.Pointer(n), d.Kind(n))
	}
	*to = s
	return nil
}

// claimTime reads a NumericDate: seconds, possibly with a fraction, within the years
// that RFC 3339 can write.
func claimTime(d *strictjson.Doc, n strictjson.Node, to *time.Time) error {
	f, ok := d.Float(n)
	if !ok || f < 0 || f > 253402300799 {
		return fmt.Errorf("%w: expected seconds since 1970 in %s", ErrClaims, d.Pointer(n))
	}
	whole, part := math.Modf(f)
	*to = time.Unix(int64(whole), int64(part*1e9)).UTC()
	return nil
}
