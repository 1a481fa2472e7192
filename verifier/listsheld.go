package verifier

import (
	"fmt"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// heldList is a status list that was judged for one entry and serves the others: a
// record of a thousand badges names the same list a thousand times.
type heldList struct {
	in     *run // on the list; what it found does not hang on the entry
	doc    Document
	digest string
	bits   *bitList // nil until it was expanded
	fault  error    // of reading it
	size   int      // as counted in listsHeld

	// Of a 1EdTechRevocationList, which has no proof.
	ids    *badge.RevocationList // nil for a document that is none
	issued bool                  // it names an issuer
	issuer string
}

// listsHeld are the lists of one document and all in it, by type of entry and address.
type listsHeld struct {
	byURL map[string]*heldList
	bytes int
}

// maxHeld bounds the bytes of lists that are kept; others are read again for each entry.
const maxHeld = 32 << 20

// keep notes a list for further entries, while there is room.
func (l *listsHeld) keep(key string, h *heldList, bytes int) {
	if l.bytes+bytes > maxHeld {
		if l.byURL[key] == h {
			delete(l.byURL, key)
			l.bytes -= h.size
		}
		return
	}
	l.bytes += bytes
	h.size += bytes
	if l.byURL == nil {
		l.byURL = map[string]*heldList{}
	}
	l.byURL[key] = h
}

func listKey(e chancery.StatusEntry) string { return e.Type + " " + e.ListCredential }

// heldList finds and judges the list that an entry points to.
func (c *run) heldList(e chancery.StatusEntry) (*heldList, error) {
	if h := c.work.lists.byURL[listKey(e)]; h != nil {
		return h, nil
	}
	doc, err := c.statusDocument(e.ListCredential)
	if err != nil {
		return nil, err
	}
	h := &heldList{doc: doc, digest: digestOf(doc.Bytes)}
	h.in = c.within(chancery.Secured{Bytes: doc.Bytes}, roleStatusList)
	h.in.open(chancery.Secured{Bytes: doc.Bytes}, 0)
	h.in.r.Decide()
	c.work.lists.keep(listKey(e), h, len(doc.Bytes))
	return h, nil
}

// expanded returns the values of a list that counts.
func (c *run) expanded(h *heldList, e chancery.StatusEntry, subject strictjson.Node) (*bitList, error) {
	if h.bits == nil && h.fault == nil {
		if h.bits, h.fault = readBitList(h.in.doc, subject, listKinds[e.Type]); h.bits != nil {
			h.bits.digest, h.bits.fetched = h.digest, h.doc.FetchedAt
			if !c.mayRead(len(h.bits.bits) / 2) {
				return nil, fmt.Errorf("%w: too many status lists, or too large ones, were to be read", ErrUnreachable)
			}
			c.work.lists.keep(listKey(e), h, len(h.bits.bits))
		}
	}
	return h.bits, h.fault
}

// idList finds and reads a list of revoked ids.
func (c *run) idList(url string) (*heldList, error) {
	if h := c.work.lists.byURL[url]; h != nil { // no key of another list, which has a space in it
		return h, nil
	}
	doc, err := c.unsignedList(url)
	if err != nil {
		return nil, err
	}
	h := &heldList{doc: doc, digest: digestOf(doc.Bytes)}
	var list *strictjson.Doc
	if list, h.fault = strictjson.Parse(doc.Bytes, strictjson.Limits{}); h.fault == nil {
		h.ids, _ = badge.ReadRevocationList(list)
		issuer := list.Get(0, "issuer")
		h.issued = issuer != strictjson.None
		if list.Kind(issuer) == strictjson.Object {
			issuer = list.Get(issuer, "id")
		}
		h.issuer = list.String(issuer)
	}
	c.work.lists.keep(url, h, len(doc.Bytes))
	return h, nil
}
