package verifier

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// checkRelatedResources compares the digests of related resources with the documents
// at hand: contexts and what the trust file pins (VC Data Model 2.0, 5.3). A resource
// that is not at hand was not used either; it is noted.
func (c *run) checkRelatedResources() {
	list := c.doc.Get(0, "relatedResource")
	if list == strictjson.None {
		return
	}
	doc, seen, fault := c.doc, map[string]bool{}, ""
	mismatch := false
	compared := 0
	doc.Each(list, func(n strictjson.Node) bool {
		id := doc.String(doc.Get(n, "id"))
		switch {
		case doc.Kind(n) != strictjson.Object || !isURL(id):
			fault = "expected an object with a URL as id"
		case seen[id]:
			fault = "expected each id once"
		case doc.Get(n, "digestSRI") == strictjson.None && doc.Get(n, "digestMultibase") == strictjson.None:
			fault = "expected digestSRI or digestMultibase"
		case doc.Get(n, "mediaType") != strictjson.None && doc.Kind(doc.Get(n, "mediaType")) != strictjson.String:
			// In a list of one it says the same in RDF, and who looks for a picture by its
			// media type would not find it.
			fault = "expected a media type as text"
		}
		seen[id] = true
		if fault != "" {
			fault += fmt.Sprintf(" at %q", doc.Pointer(n))
			return false
		}
		same, known, bad := c.related(n, id)
		switch {
		case bad != "":
			fault = bad + fmt.Sprintf(" at %q", doc.Pointer(n))
		case !known && len(c.r.Findings) < maxFindings: // a pointer costs time
			c.r.find(GradeNote, "related_resource_not_at_hand", doc.Pointer(n), "the digest of this resource was not compared")
		case known && !same:
			mismatch, fault = true, fmt.Sprintf("other digest at %q", doc.Pointer(n))
		case known:
			compared++
		}
		return fault == ""
	})
	switch {
	case mismatch:
		c.fail(CheckRelatedResource, RelatedResourceMismatch, fault)
	case fault != "":
		c.fail(CheckRelatedResource, ModelInvalid, fault)
	default:
		c.pass(CheckRelatedResource, fmt.Sprintf("%d compared", compared))
	}
}

// related compares one resource. known is false where its bytes are not at hand.
func (c *run) related(n strictjson.Node, id string) (same, known bool, fault string) {
	doc := c.doc
	var digests []string // hex of SHA-256 or SHA-384 that the credential gives
	for _, name := range []string{"digestSRI", "digestMultibase"} {
		d := doc.Get(n, name)
		if d == strictjson.None {
			continue
		}
		h, ok := digestHex(name, doc.String(d))
		if !ok {
			return false, false, "expected a digest in " + name
		}
		digests = append(digests, h)
	}
	match := func(candidates ...string) bool {
		for _, want := range digests {
			found := false
			for _, have := range candidates {
				found = found || have == want
			}
			if !found {
				return false
			}
		}
		return true
	}
	for _, v := range c.v.contexts.Versions(id) {
		known = true
		// Only SHA-256 digests of the published bytes are known for contexts; any
		// version that is known may be meant.
		if match(v.Published.String()) {
			return true, true, ""
		}
	}
	if known {
		for _, d := range digests {
			if len(d) != 64 {
				return false, false, "" // another hash than the table holds
			}
		}
		return false, true, ""
	}
	for _, p := range c.v.cfg.Trust.Documents {
		if p.URL == id {
			a, b, e := sha256.Sum256(p.Document), sha512.Sum384(p.Document), sha512.Sum512(p.Document)
			return match(hex.EncodeToString(a[:]), hex.EncodeToString(b[:]), hex.EncodeToString(e[:])), true, ""
		}
	}
	return false, false, ""
}

// digestHex reads a digest: digestSRI as in Subresource Integrity, digestMultibase as
// a multihash in base64url or base58.
func digestHex(name, s string) (string, bool) {
	if name == "digestSRI" {
		alg, b64, ok := strings.Cut(s, "-")
		size := map[string]int{"sha256": 32, "sha384": 48, "sha512": 64}[alg]
		b, err := base64.StdEncoding.DecodeString(b64)
		return hex.EncodeToString(b), ok && err == nil && size != 0 && len(b) == size
	}
	b, err := multikey.DecodeMultibase(s)
	if err != nil || len(b) < 3 {
		return "", false
	}
	// Multihash: code and length, both below 128 for the hashes known here.
	size := map[byte]int{0x12: 32, 0x20: 48, 0x13: 64}[b[0]]
	return hex.EncodeToString(b[2:]), size != 0 && int(b[1]) == size && len(b) == size+2
}
