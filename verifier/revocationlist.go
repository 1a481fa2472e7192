package verifier

import (
	"fmt"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
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
	doc, err := c.unsignedList(e.ID)
	if err != nil {
		return no(StatusUnreachable, "%s", fetchFault(err))
	}
	list, err := strictjson.Parse(doc.Bytes, strictjson.Limits{})
	if err != nil {
		return no(StatusListMalformed, "%v", err)
	}
	rev, ok := badge.InRevocationList(list, id)
	if !ok {
		return no(StatusListType, "expected an object with a list revokedCredential")
	}
	if issuer := list.Get(0, "issuer"); issuer != strictjson.None {
		if list.Kind(issuer) == strictjson.Object {
			issuer = list.Get(issuer, "id")
		}
		if list.String(issuer) != c.cred.Issuer() {
			return no(StatusListIssuer, "expected the credential's issuer")
		}
	}
	digest := digestOf(doc.Bytes)
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
