package badge

import (
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// CheckJWT checks what Open Badges 3.0 (section 8.2) asks of a JWT beyond its
// signature: which header parameters there are, and that the registered claims repeat
// the credential. header and payload are the decoded first two parts. Pointers of
// findings begin with "/header" or "/payload".
//
// A JWT of VC-JOSE-COSE (typ vc+jwt), which repeats no claims, is held to the claims
// that it does make.
func CheckJWT(header, payload *strictjson.Doc, profile Profile) []Finding {
	c := &jwtCheck{findings: findings{profile: profile}, header: header, payload: payload}
	if header.Kind(0) != strictjson.Object || payload.Kind(0) != strictjson.Object {
		c.add(Error, "jwt_not_an_object", "", "expected a JSON object as header and as payload")
		return c.list
	}
	c.w3c = header.String(header.Get(0, "typ")) == "vc+jwt"
	c.checkHeader()
	c.claim("iss", issuerID(payload, c.credential()), "the id of the issuer", true)
	c.claim("jti", payload.String(payload.Get(c.credential(), "id")), "the id of the credential", true)
	c.claim("sub", payload.String(payload.Path(c.credential(), "credentialSubject", "id")), "the id of the subject", true)
	c.instant("nbf", "validFrom", "issuanceDate", true)
	c.instant("exp", "validUntil", "expirationDate", false)
	return c.list
}

// JWTCredential returns the node of the credential within the claims of a JWT: the
// claim vc where the data model 1.1 put it, and else the root.
func JWTCredential(payload *strictjson.Doc) strictjson.Node {
	if vc := payload.Get(0, "vc"); payload.Kind(vc) == strictjson.Object && payload.Get(0, "credentialSubject") == strictjson.None {
		return vc
	}
	return 0
}

type jwtCheck struct {
	findings
	header, payload *strictjson.Doc
	w3c             bool
}

func (c *jwtCheck) credential() strictjson.Node { return JWTCredential(c.payload) }

func (c *jwtCheck) checkHeader() {
	h := c.header
	for m := h.First(0); m != strictjson.None; m = h.Next(m) {
		if name := h.Name(m); !slices.Contains([]string{"alg", "kid", "jwk", "typ"}, name) && !(c.w3c && (name == "cty" || name == "iss")) {
			c.add(c.lenient(), "jwt_header_unknown", "/header"+h.Pointer(m), "expected only the header parameters alg, kid, jwk and typ")
		}
	}
	if typ, ok := h.Str(h.Get(0, "typ")); h.Get(0, "typ") >= 0 && (!ok || typ != "JWT" && !c.w3c) {
		c.add(c.lenient(), "jwt_typ", "/header/typ", "expected JWT, or vc+jwt")
	}
	if h.Get(0, "kid") < 0 && h.Get(0, "jwk") < 0 && !c.w3c {
		c.add(c.lenient(), "jwt_key_missing", "/header", "expected kid or jwk")
	}
	if h.Path(0, "jwk", "d") >= 0 {
		c.add(Error, "jwt_private_key", "/header/jwk/d", "expected a public key, found a private one")
	}
	switch alg, ok := h.Str(h.Get(0, "alg")); {
	case h.Get(0, "alg") == strictjson.None:
		c.add(Error, "jwt_alg", "/header", "expected the algorithm of a signature, found none")
	case !ok, alg == "none", strings.HasPrefix(alg, "HS"), alg == "":
		c.add(Error, "jwt_alg", "/header/alg", "expected the algorithm of a signature")
	}
}

// claim compares a claim with what it repeats.
func (c *jwtCheck) claim(name, want, words string, required bool) {
	v := c.payload.Get(0, name)
	got, ok := c.payload.Str(v)
	switch {
	case v == strictjson.None:
		if required && want != "" && !c.w3c {
			c.add(c.lenient(), "jwt_claim_missing", "/payload", "expected the claim "+name+", "+words)
		}
	case !ok:
		c.add(Error, "jwt_claim_type", "/payload/"+name, "expected a string")
	case got != want:
		c.add(Error, "jwt_claim_differs", "/payload/"+name, "expected "+words)
	}
}

// instant compares a NumericDate (RFC 7519) with a time of the credential, in whole
// seconds.
func (c *jwtCheck) instant(name, v2, v1 string, required bool) {
	at := c.payload.Get(0, name)
	ref := c.payload.Get(c.credential(), v2)
	if ref == strictjson.None {
		ref = c.payload.Get(c.credential(), v1)
	}
	want, _, known := ReadTime(c.payload.String(ref))
	got, ok := c.payload.Float(at)
	switch {
	case at == strictjson.None:
		if (required || known) && !c.w3c {
			c.add(c.lenient(), "jwt_claim_missing", "/payload", "expected the claim "+name)
		}
	case !ok || got < 0 || got > float64(maxInstant.Unix()):
		c.add(Error, "jwt_claim_type", "/payload/"+name, "expected a number of seconds since 1970")
	case !known || int64(got) != want.Unix():
		c.add(c.lenient(), "jwt_claim_differs", "/payload/"+name, "expected the time of "+v2)
	}
}
