package chancery

import (
	"strconv"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// StatusEntry is one entry of credentialStatus as it is written. Which members are
// used depends on Type.
type StatusEntry struct {
	ID             string
	Type           string // BitstringStatusListEntry, StatusList2021Entry, 1EdTechRevocationList, …
	Purpose        string // statusPurpose
	ListIndex      string // statusListIndex, a decimal number as a string
	ListCredential string // statusListCredential, a URL
	Size           int    // statusSize in bits, 1 where absent
	Pointer        string // JSON pointer of the entry
}

// Status returns every status entry of the credential, in order.
func (c *Credential) Status() []StatusEntry {
	doc := c.doc
	var out []StatusEntry
	list := doc.Get(0, "credentialStatus")
	doc.Each(list, func(n strictjson.Node) bool {
		pointer := "/credentialStatus" // doc.Pointer would count each time
		if n != list {
			pointer += "/" + strconv.Itoa(len(out))
		}
		e := StatusEntry{
			ID:             doc.String(doc.Get(n, "id")),
			Purpose:        doc.String(doc.Get(n, "statusPurpose")),
			ListIndex:      doc.String(doc.Get(n, "statusListIndex")),
			ListCredential: doc.String(doc.Get(n, "statusListCredential")),
			Size:           1,
			Pointer:        pointer,
		}
		if i, ok := doc.Int(doc.Get(n, "statusListIndex")); ok && e.ListIndex == "" && i >= 0 {
			e.ListIndex = doc.Raw(doc.Get(n, "statusListIndex"))
		}
		if size := doc.Get(n, "statusSize"); size != strictjson.None {
			i, ok := doc.Int(size)
			if !ok || i < 1 || i > 64 {
				i = -1 // not a size: the check of the entry says so
			}
			e.Size = int(i)
		}
		for _, t := range stringsOf(doc, doc.Get(n, "type")) {
			switch {
			case e.Type == "" || knownStatus[t] && !knownStatus[e.Type]:
				e.Type = t
			case knownStatus[t]: // which way is meant cannot be told, and the order is not signed
				e.Type = "several"
			}
		}
		out = append(out, e)
		return true
	})
	return out
}

var knownStatus = map[string]bool{"BitstringStatusListEntry": true, "StatusList2021Entry": true, "1EdTechRevocationList": true}
