package verifier

import (
	"time"

	"github.com/chancery-dev/chancery/badge"
)

// assertionRecipient is checkRecipient for an Open Badges 2.0 assertion.
func (c *run) assertionRecipient() {
	want := c.expect.Recipient
	if want.Identity == "" {
		return
	}
	kind := want.Type
	if kind == "emailAddress" {
		kind = "email"
	}
	c.recipient(badge.MatchIdentity(c.doc, badge.ReadAssertion(c.doc, 0).Recipient, kind, want.Identity))
}

// issuedOn is when an Open Badges 2.0 assertion says it was issued.
func (c *run) issuedOn() time.Time {
	if n, ok := c.doc.Int(c.doc.Get(0, "issuedOn")); ok {
		return unix(n)
	}
	t, _, _ := badge.ReadTime(c.doc.String(c.doc.Get(0, "issuedOn")))
	return t
}

// unix reads the times of version 1.0, within the years that RFC 3339 can write.
func unix(n int64) time.Time {
	return time.Unix(min(max(n, 0), 253402300799), 0).UTC()
}
