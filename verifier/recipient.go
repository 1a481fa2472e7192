package verifier

import (
	"crypto/md5" //nolint:gosec // the identity hashes of badges may be MD5
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// assertionRecipient is checkRecipient for an Open Badges 2.0 assertion.
func (c *run) assertionRecipient() {
	want := c.expect.Recipient
	if want.Identity == "" || c.role != roleTop {
		return
	}
	doc := c.doc
	match := false
	doc.Each(doc.Get(0, "recipient"), func(n strictjson.Node) bool {
		kind := doc.String(doc.Get(n, "type"))
		if want.Type == "" || kind == want.Type || want.Type == "emailAddress" && kind == "email" {
			match = match || sameIdentity(doc, n, doc.String(doc.Get(n, "identity")), want.Identity)
		}
		return !match
	})
	if !match {
		c.fail(CheckRecipient, RecipientMismatch, "")
		return
	}
	c.pass(CheckRecipient, "")
}

// sameIdentity compares an identity with an identity object, in plain text or hashed
// as algorithm$hex over identity and salt (Open Badges 3.0, 9.6; 2.0, IdentityObject).
func sameIdentity(doc *strictjson.Doc, n strictjson.Node, stated, identity string) bool {
	hashed, ok := doc.Bool(doc.Get(n, "hashed"))
	if !ok || !hashed {
		return stated == identity
	}
	text := []byte(identity + doc.String(doc.Get(n, "salt")))
	algorithm, hash, _ := strings.Cut(stated, "$")
	switch algorithm {
	case "sha256":
		sum := sha256.Sum256(text)
		return strings.EqualFold(hash, hex.EncodeToString(sum[:]))
	case "md5":
		sum := md5.Sum(text) //nolint:gosec // see above
		return strings.EqualFold(hash, hex.EncodeToString(sum[:]))
	}
	return false
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
