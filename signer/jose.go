package signer

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// JOSEKind says what kind of JWS to make.
type JOSEKind uint8

// The kinds of JWS. The zero value is VCJWT for credentials and VPJWT for
// presentations.
const (
	// VCJWT: the payload is a credential of the data model 2.0, as it is
	// (VC-JOSE-COSE 3.1.1); typ vc+jwt, cty vc.
	VCJWT JOSEKind = iota + 1

	// VPJWT: the payload is a presentation (VC-JOSE-COSE 3.1.2); typ vp+jwt, cty vp.
	VPJWT

	// OpenBadgeJWT: the form of Open Badges 3.0, 8.2: typ JWT and the claims iss, jti,
	// sub, nbf and, with an end of validity, exp. A credential of the data model 2.0
	// is the payload, with the claims beside its members; one of 1.1 is in a vc claim.
	OpenBadgeJWT
)

// JOSE secures documents with a compact JWS.
type JOSE struct {
	// Key signs; its Method becomes kid. Required.
	Key Key

	// Alg is the algorithm. Empty: the first that fits the key (proof.AlgsOf).
	Alg proof.Alg

	// Kind is the kind of JWS. Zero: VCJWT from Sign, VPJWT from SignPresentation.
	Kind JOSEKind

	// EmbedKey puts the public key into the header (jwk) instead of kid, as Open Badges
	// allow. Such a key proves nothing by itself; verifiers have to find it elsewhere.
	EmbedKey bool

	// Audience and Nonce bind a presentation to whom asked for it (claims aud and
	// nonce). Empty: no such claim. Not for credentials.
	Audience []string
	Nonce    string

	// Contexts are the known JSON-LD contexts (chancery.Contexts). nil: the embedded ones.
	Contexts *chancery.ContextSet
}

// Sign secures a credential. Embedded proofs that it carries become part of the
// payload. The bytes of the payload are those of the credential, except that
// OpenBadgeJWT adds its claims.
//
// Errors: ErrConfig, ErrKey, ErrSigning, chancery.ShapeErrors, *chancery.ShapeError and
// those of JSON-LD.
func (s *JOSE) Sign(ctx context.Context, c *chancery.Credential) (chancery.Secured, error) {
	if len(s.Audience) > 0 || s.Nonce != "" {
		return chancery.Secured{}, fmt.Errorf("%w: expected Audience and Nonce for presentations only", ErrConfig)
	}
	if c == nil || c.Document() == nil {
		return chancery.Secured{}, errNothing
	}
	if err := chancery.CheckIssue(c); err != nil {
		return chancery.Secured{}, err
	}
	if err := s.Key.signsFor(c.Issuer()); err != nil {
		return chancery.Secured{}, err
	}
	if err := safe(c.Document(), s.Contexts); err != nil {
		return chancery.Secured{}, err
	}
	switch s.Kind {
	case 0, VCJWT:
		if c.Model() != chancery.Model2_0 {
			return chancery.Secured{}, fmt.Errorf("%w: expected a credential of the data model 2.0 for vc+jwt", ErrConfig)
		}
		if err := noClaims(c.Document()); err != nil {
			return chancery.Secured{}, err
		}
		return s.jws(ctx, chancery.MediaVCJWT, "vc+jwt", "vc", c.Raw())
	case OpenBadgeJWT:
		payload, err := openBadgeClaims(c)
		if err != nil {
			return chancery.Secured{}, err
		}
		return s.jws(ctx, chancery.MediaJWT, "JWT", "", payload)
	}
	return chancery.Secured{}, fmt.Errorf("%w: expected VCJWT or OpenBadgeJWT for a credential", ErrConfig)
}

// SignPresentation secures a presentation.
func (s *JOSE) SignPresentation(ctx context.Context, p *chancery.Presentation) (chancery.Secured, error) {
	if s.Kind != 0 && s.Kind != VPJWT {
		return chancery.Secured{}, fmt.Errorf("%w: expected VPJWT for a presentation", ErrConfig)
	}
	if p == nil || p.Document() == nil {
		return chancery.Secured{}, errNothing
	}
	if p.Model() != chancery.Model2_0 {
		return chancery.Secured{}, fmt.Errorf("%w: expected a presentation of the data model 2.0 for vp+jwt", ErrConfig)
	}
	d := p.Document()
	if err := checkUTF8(append(slices.Clone(s.Audience), s.Nonce)); err != nil {
		return chancery.Secured{}, err
	}
	if err := noClaims(d); err != nil {
		return chancery.Secured{}, err
	}
	if err := safe(d, s.Contexts); err != nil {
		return chancery.Secured{}, err
	}
	var claims []strictjson.Member
	if len(s.Audience) == 1 {
		claims = append(claims, strictjson.Member{Name: "aud", Value: strictjson.Quote(s.Audience[0])})
	} else if len(s.Audience) > 1 {
		claims = append(claims, strictjson.Member{Name: "aud", Value: "[" + strings.Join(quoteAll(s.Audience), ",") + "]"})
	}
	if s.Nonce != "" {
		claims = append(claims, strictjson.Member{Name: "nonce", Value: strictjson.Quote(s.Nonce)})
	}
	payload := p.Raw()
	if len(claims) > 0 {
		payload = d.Rewrite(0, claims)
	}
	return s.jws(ctx, chancery.MediaVPJWT, "vp+jwt", "vp", payload)
}

// noClaims refuses documents that hold what readers take for claims (VC-JOSE-COSE
// 3.1.1 and 3.1.2).
func noClaims(d *strictjson.Doc) error {
	for _, name := range []string{"vc", "vp", "iss", "sub", "jti", "nbf", "exp", "iat", "aud", "nonce"} {
		if n := d.Get(0, name); n != strictjson.None {
			return &chancery.ShapeError{Pointer: d.Pointer(n), Detail: "expected no member with the name of a claim", Section: "VC-JOSE-COSE 3.1"}
		}
	}
	return nil
}

// openBadgeClaims writes the payload of Open Badges 3.0, 8.2.4.1.
func openBadgeClaims(c *chancery.Credential) ([]byte, error) {
	const section = "Open Badges 3.0, 8.2"
	d := c.Document()
	if err := noClaims(d); err != nil {
		return nil, err
	}
	from, ok := c.ValidFrom()
	switch {
	case c.ID() == "":
		return nil, &chancery.ShapeError{Pointer: "/id", Detail: "expected an id, for the claim jti", Section: section}
	case !ok:
		return nil, &chancery.ShapeError{Pointer: "/validFrom", Detail: "expected a beginning of validity, for the claim nbf", Section: section}
	case len(c.SubjectIDs()) != 1:
		return nil, &chancery.ShapeError{Pointer: "/credentialSubject/id", Detail: "expected one subject with an id, for the claim sub", Section: section}
	}
	claims := []strictjson.Member{
		{Name: "iss", Value: strictjson.Quote(c.Issuer())},
		{Name: "jti", Value: strictjson.Quote(c.ID())},
		{Name: "sub", Value: strictjson.Quote(c.SubjectIDs()[0])},
		{Name: "nbf", Value: numericDate(from)},
	}
	if until, ok := c.ValidUntil(); ok {
		claims = append(claims, strictjson.Member{Name: "exp", Value: numericDate(until)})
	}
	if c.Model() == chancery.Model2_0 {
		return d.Rewrite(0, claims), nil
	}
	out := []byte{'{'}
	for _, m := range claims {
		out = append(out, strictjson.Quote(m.Name)+":"+m.Value+","...)
	}
	return append(append(append(out, `"vc":`...), d.Raw(0)...), '}'), nil
}

func numericDate(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// jws makes the compact serialisation (RFC 7515 7.1).
func (s *JOSE) jws(ctx context.Context, media, typ, cty string, payload []byte) (chancery.Secured, error) {
	if err := ctx.Err(); err != nil {
		return chancery.Secured{}, err
	}
	if err := s.Key.check(); err != nil {
		return chancery.Secured{}, err
	}
	public := s.Key.Signer.Public()
	fitting := proof.AlgsOf(public)
	alg := s.Alg
	if alg == "" {
		alg = fitting[0]
	}
	if !slices.Contains(fitting, alg) {
		return chancery.Secured{}, fmt.Errorf("%w: expected one of %v as algorithm", ErrConfig, fitting)
	}
	header := `{"alg":` + strictjson.Quote(string(alg))
	if s.EmbedKey {
		jwk, err := multikey.EncodePublicJWK(public)
		if err != nil {
			return chancery.Secured{}, fmt.Errorf("%w: %w", ErrKey, err)
		}
		header += `,"jwk":` + string(jwk)
	} else {
		header += `,"kid":` + strictjson.Quote(s.Key.Method)
	}
	header += `,"typ":` + strictjson.Quote(typ)
	if cty != "" {
		header += `,"cty":` + strictjson.Quote(cty)
	}
	header += "}"
	b64 := base64.RawURLEncoding
	out := make([]byte, 0, b64.EncodedLen(len(header))+b64.EncodedLen(len(payload))+800)
	out = b64.AppendEncode(out, []byte(header))
	out = append(out, '.')
	out = b64.AppendEncode(out, payload)
	var opts crypto.SignerOpts = alg.HashFunc()
	if _, ok := public.(*rsa.PublicKey); ok && alg[0] == 'P' {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: alg.HashFunc()}
	}
	sig, err := s.Key.sign(out, opts)
	if err != nil {
		return chancery.Secured{}, err
	}
	out = append(out, '.')
	return chancery.Secured{MediaType: media, Bytes: b64.AppendEncode(out, sig)}, nil
}

// Envelop wraps a vc+jwt or vp+jwt into an EnvelopedVerifiableCredential or
// EnvelopedVerifiablePresentation (VC Data Model 2.0, 4.14): JSON that can stand where
// a credential or presentation is expected.
func Envelop(s chancery.Secured) ([]byte, error) {
	typ, want := "EnvelopedVerifiableCredential", proof.TokenVC
	if s.MediaType == chancery.MediaVPJWT {
		typ, want = "EnvelopedVerifiablePresentation", proof.TokenVP
	}
	if s.MediaType != chancery.MediaVCJWT && s.MediaType != chancery.MediaVPJWT {
		return nil, fmt.Errorf("%w: expected %s or %s, found %q", ErrConfig, chancery.MediaVCJWT, chancery.MediaVPJWT, s.MediaType)
	}
	j, err := proof.ParseJWS(s.Bytes)
	if err != nil {
		return nil, err
	}
	if kind, err := proof.KindOf(s.MediaType, j.Typ, j.Cty); err != nil || kind != want {
		return nil, fmt.Errorf("%w: expected a token of type %s", ErrConfig, want)
	}
	return []byte(`{"@context":` + strictjson.Quote(chancery.ContextV2) + `,"id":` + strictjson.Quote("data:"+s.MediaType+","+string(s.Bytes)) +
		`,"type":` + strictjson.Quote(typ) + `}`), nil
}
