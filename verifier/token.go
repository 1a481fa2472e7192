package verifier

import (
	"crypto"
	"fmt"
	"slices"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// token is a JWT around the document.
type token struct {
	jws    *proof.JWS
	kind   proof.TokenKind
	claims *proof.Claims
	badge  bool // judged by the rules of Open Badges 3.0, 8.2
}

// openClaims reads the document in the payload of c.token.
func (c *run) openClaims() {
	cl := c.token.claims
	// What a JWT of selective disclosure (RFC 9901, 4.2) hides may be its end or its status.
	// Without its disclosures, and with another type, it looks like any other.
	for _, n := range []strictjson.Node{0, cl.Document} {
		if cl.Doc.Get(n, "_sd") != strictjson.None || cl.Doc.Get(n, "_sd_alg") != strictjson.None {
			c.fail(CheckDocument, UnsupportedMediaType, "a JWT of selective disclosure")
			return
		}
	}
	text := cl.Text()
	if cl.Wrapped == "" {
		// Registered claims stand beside the members of the document (VC-JOSE-COSE,
		// 3.1.3; Open Badges 3.0, 8.2.4.1). They are compared below, and are no part of
		// the data model.
		if names := claimNames(cl); len(names) > 0 {
			text = cl.Doc.Rewrite(0, nil, names...)
		}
	}
	wantPresentation := c.token.kind == proof.TokenVP || cl.Wrapped == "vp" ||
		c.token.kind == proof.TokenJWT && hasType(cl.Doc, cl.Document, "VerifiablePresentation")
	if wantPresentation && c.role != roleTop {
		c.fail(CheckDocument, NotACredential, "expected a credential, found a presentation")
		return
	}
	if wantPresentation {
		pres, err := chancery.ParsePresentation(text)
		if err != nil {
			c.refuse(err)
			return
		}
		c.pres, c.doc = pres, pres.Document()
		if detail := c.presentationClaims(); detail != "" {
			c.fail(CheckModel, JOSEClaims, detail)
			return
		}
		c.presentation()
		return
	}
	cred, err := chancery.Parse(text)
	if err != nil {
		c.refuse(err)
		return
	}
	c.cred, c.doc = cred, cred.Document()
	switch badge.KindOf(c.doc, 0) {
	case badge.OB3Achievement, badge.OB3Endorsement, badge.CLR:
		c.token.badge = c.token.kind == proof.TokenJWT
	}
	if detail := c.credentialClaims(); detail != "" {
		c.fail(CheckModel, JOSEClaims, detail)
		return
	}
	c.credential()
}

// claimNames names the registered claims that no document has as a member.
func claimNames(cl *proof.Claims) []string {
	names := cl.RegisteredClaimNames
	if cl.Nonce != "" {
		names = append(names[:len(names):len(names)], "nonce")
	}
	return names
}

// credentialClaims compares the registered claims with the credential. It answers
// what is wrong, "" where nothing is.
func (c *run) credentialClaims() string {
	if c.token.badge {
		return c.badgeClaims()
	}
	for _, name := range c.token.claims.Disagreements() {
		// A signature may end before its document does, and begin after; beside a
		// document that is the payload both periods are judged by checkValidity.
		if c.token.claims.Wrapped == "" && (name == "nbf" || name == "exp") {
			continue
		}
		return "expected " + name + " to agree with the credential"
	}
	return ""
}

func (c *run) presentationClaims() string {
	for _, name := range c.token.claims.Disagreements() {
		if name == "iss" || name == "jti" && c.token.claims.Wrapped != "" {
			return "expected " + name + " to agree with the presentation"
		}
	}
	return ""
}

// judgeToken judges the signature of the JWT (RFC 7515, 5.2) with what it says for
// whom and for which request it was made.
func (c *run) judgeToken() ProofReport {
	t := c.token
	r := ProofReport{Type: "JWS", Suite: string(t.jws.Alg), Purpose: c.purpose()}
	if reason, detail := c.tokenRules(); reason != "" {
		return r.refuse(reason, detail)
	}
	for _, name := range t.jws.Ignored {
		c.r.find(GradeWarning, "header_key_ignored", "", "the JWT's header member "+name+" was not followed")
	}
	q := keyQuery{owner: c.owner(), purpose: c.purpose(), claimed: c.documentTime(), derived: true, jose: true, alg: string(t.jws.Alg), kid: t.jws.KeyID, header: t.jws.Header, jwk: t.jws.JWK}
	q.method = joseMethod(q)
	if r.Method = q.method; r.Method == "" {
		r.Method = q.kid
	}
	return c.tryKeys(r, q, func(key crypto.PublicKey) (Reason, string) {
		allowed := proof.AlgsOf(key)
		if len(allowed) == 0 {
			return KeyTypeMismatch, fmt.Sprintf("found %T", key)
		}
		if !slices.Contains(allowed, t.jws.Alg) {
			return JOSEAlgorithm, fmt.Sprintf("expected one of %v, found %s", allowed, t.jws.Alg)
		}
		if err := t.jws.Verify(key, allowed); err != nil {
			return signatureReason(err), err.Error()
		}
		return "", ""
	})
}

// tokenRules compares aud and nonce with what is expected (VC Data Model 1.1, 6.3.1).
func (c *run) tokenRules() (Reason, string) {
	cl := c.token.claims
	missing := func(code, what string) bool { // accepted only for documents of the test suites
		if c.v.policy.Profile != ProfileConformance {
			return false
		}
		c.r.find(GradeWarning, code, "", "the JWT names no "+what)
		return true
	}
	switch {
	case c.expect.Domain != "" && !slices.Contains(cl.Audience, c.expect.Domain):
		if len(cl.Audience) > 0 || !missing("domain_absent", "audience") {
			return DomainMismatch, "aud"
		}
	case c.expect.Domain == "" && len(cl.Audience) > 0 && c.pres != nil:
		c.r.find(GradeWarning, "domain_not_checked", "", "the JWT is for an audience, and none was expected")
	}
	switch {
	case c.expect.Challenge != "" && cl.Nonce != c.expect.Challenge:
		if cl.Nonce != "" || !missing("challenge_absent", "nonce") {
			return ChallengeMismatch, "nonce"
		}
	case c.expect.Challenge == "" && cl.Nonce != "":
		c.r.find(GradeWarning, "challenge_not_checked", "", "the JWT answers a challenge, and none was expected: it may be a replay")
	}
	return "", ""
}
