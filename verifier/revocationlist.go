package verifier

import (
	"fmt"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
)

// revocationList judges an entry of the kind 1EdTechRevocationList: the entry's id is
// the address of a JSON list of revoked credentials, by their ids. The list is not
// signed; that it lies where the signed credential says is all that speaks for it.
func (c *run) revocationList(e chancery.StatusEntry) statusResult {
	no := func(r Reason, format string, args ...any) statusResult {
		return statusResult{reason: r, detail: e.Pointer + ": " + fmt.Sprintf(format, args...)}
	}
	id := c.cred.ID()
	if !isURL(e.ID) || id == "" {
		return no(StatusEntryMalformed, "expected a URL as id of the entry, and an id of the credential")
	}
	list, err := c.idList(e.ID)
	if err != nil {
		return no(StatusUnreachable, "%s", fetchFault(err))
	}
	if list.fault != nil {
		return no(StatusListMalformed, "%v", list.fault)
	}
	var rev badge.Revocation
	ok := list.ids != nil
	if ok {
		rev, ok = list.ids.Find(id)
	}
	if !ok {
		return no(StatusListType, "expected an object with a list revokedCredential")
	}
	if list.issued && list.issuer != c.cred.Issuer() {
		return no(StatusListIssuer, "expected the credential's issuer")
	}
	digest, doc := list.digest, list.doc
	c.r.input(digest)
	out := statusResult{evidence: []Fact{{"list", e.ID}, {"listDigest", digest}}}
	if !doc.FetchedAt.IsZero() {
		out.evidence = append(out.evidence, Fact{"listReadAt", stamp(doc.FetchedAt)})
	}
	if rev.Revoked {
		out.reason, out.detail = CredentialRevoked, "list "+e.ID
	}
	return out
}
