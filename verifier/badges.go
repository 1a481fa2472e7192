package verifier

import (
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// badgeProfile is the grading of findings that goes with the policy's profile.
func (c *run) badgeProfile() badge.Profile {
	if c.lenient() {
		return badge.OneEdTech
	}
	return badge.Strict
}

// checkBadge judges the rules of Open Badges 3.0 and CLR 2.0 that no schema expresses.
func (c *run) checkBadge() {
	switch c.kind() {
	case badge.OB3Achievement, badge.OB3Endorsement, badge.CLR:
	default:
		return
	}
	findings := badge.Check(c.doc, c.badgeProfile())
	if c.role == roleTop || c.role == roleInner || c.role == roleEndorsement {
		for _, f := range findings {
			c.r.find(f.Grade, f.Code, f.Pointer, f.Message)
		}
	}
	if f, bad := worstError(findings); bad {
		c.fail(CheckBadge, BadgeInvalid, f.Code+" at "+f.Pointer+": "+f.Message)
		return
	}
	c.pass(CheckBadge, string(c.kind()))
}

func worstError(findings []badge.Finding) (badge.Finding, bool) {
	for _, f := range findings {
		if f.Grade == badge.Error {
			return f, true
		}
	}
	return badge.Finding{}, false
}

// badgeClaims judges the header and claims of the Open Badges form of a JWT (Open
// Badges 3.0, 8.2). It answers what is wrong, "" where nothing is.
func (c *run) badgeClaims() string {
	findings := badge.CheckJWT(c.token.jws.Header, c.token.claims.Doc, c.badgeProfile())
	for _, f := range findings {
		c.r.find(f.Grade, f.Code, f.Pointer, f.Message)
	}
	if f, bad := worstError(findings); bad {
		return f.Code + " at " + f.Pointer + ": " + f.Message
	}
	return ""
}

// checkRecipient judges whether the credential is for whom the caller expects (Open
// Badges 3.0, 9.6): by the subject's id, or by any of its identifiers.
func (c *run) checkRecipient() {
	want := c.expect.Recipient
	if want.Identity == "" {
		return
	}
	doc, match := c.doc, false
	for _, subject := range children(doc, []strictjson.Node{0}, "credentialSubject") {
		match = match || want.Type == "" && sameID(doc.String(doc.Get(subject, "id")), want.Identity) ||
			badge.MatchIdentity(doc, subject, want.Type, want.Identity)
	}
	c.recipient(match)
}

func (c *run) recipient(match bool) {
	if !match {
		c.fail(CheckRecipient, RecipientMismatch, "")
		return
	}
	c.pass(CheckRecipient, "")
}
