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
	t, _ := c.assertionTime("issuedOn")
	return t
}

// assertionTime reads a time of an assertion. Those of version 1 may be seconds since 1970
// or a date alone, which is read as its beginning.
func (c *run) assertionTime(name string) (t time.Time, ok bool) {
	n := c.doc.Get(0, name)
	if at, isInt := c.doc.Int(n); isInt {
		return unix(at), true
	}
	if t, _, ok = badge.ReadTime(c.doc.String(n)); !ok && badge.ReadAssertion(c.doc, 0).UID != "" {
		var err error
		t, err = time.Parse(time.DateOnly, c.doc.String(n))
		ok = err == nil
	}
	return t, ok
}

// unix reads the times of version 1.0, within the years that RFC 3339 can write.
func unix(n int64) time.Time {
	return time.Unix(min(max(n, 0), 253402300799), 0).UTC()
}
