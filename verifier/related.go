package verifier

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/ldcontext"
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

// related compares one resource. known is false where its bytes are not at hand, or their
// digest by no hash that the credential uses.
func (c *run) related(n strictjson.Node, id string) (same, known bool, fault string) {
	digests, fault := c.digestsOf(n)
	if fault != "" {
		return false, false, fault
	}
	match := func(digests []string, candidates ...string) bool {
		for _, want := range digests {
			if !slices.Contains(candidates, want) {
				return false
			}
		}
		return true
	}
	if versions := c.v.contexts.Versions(id); len(versions) > 0 {
		// Only SHA-256 digests of the published bytes are known for contexts, and not of
		// every one; any version that is known may be meant.
		sha256s, all := slices.DeleteFunc(digests, func(d string) bool { return len(d) != 2*sha256.Size }), true
		for _, v := range versions {
			same = same || match(sha256s, v.Published.String())
			all = all && v.Published != ldcontext.Digest{}
		}
		return same, len(sha256s) > 0 && (same || all), ""
	}
	for _, kind := range pinnedKinds {
		i, ok := c.v.cfg.Trust.docs[kind+" "+id]
		if !ok {
			continue
		}
		text := c.v.cfg.Trust.Documents[i].Document
		if !c.mayRead(2 * len(text)) {
			c.fail(CheckRelatedResource, WorkLimit, "too many documents, or too large ones, were to be compared")
			return true, true, ""
		}
		a, b, e := sha256.Sum256(text), sha512.Sum384(text), sha512.Sum512(text)
		same, known = same || match(digests, hex.EncodeToString(a[:]), hex.EncodeToString(b[:]), hex.EncodeToString(e[:])), true
	}
	return same, known, ""
}

// Names tells whether the credential names a file by its digests (relatedResource, VC Data
// Model 2.0, 5.3), such as the PDF that it was issued with, and under which address: then the file
// is, to the byte, the one that the issuer meant. All digests of the resource must be the file's. It
// says nothing of a signature in the file: package pades does. Presentations and Open Badges 2.0 name none.
func (v *Verified) Names(file []byte) (id string, ok bool) {
	if v.credential == nil {
		return "", false
	}
	c := &run{doc: v.credential.Document()}
	a, b, e := sha256.Sum256(file), sha512.Sum384(file), sha512.Sum512(file)
	of := []string{hex.EncodeToString(a[:]), hex.EncodeToString(b[:]), hex.EncodeToString(e[:])}
	c.doc.Each(c.doc.Get(0, "relatedResource"), func(n strictjson.Node) bool {
		digests, fault := c.digestsOf(n)
		other := func(d string) bool { return !slices.Contains(of, d) }
		if fault == "" && len(digests) > 0 && !slices.ContainsFunc(digests, other) {
			id, ok = c.doc.String(c.doc.Get(n, "id")), true
		}
		return !ok
	})
	return id, ok
}

// digestsOf reads the digests that the credential gives for a resource, in hex. Both
// members hold one or several; those of digestSRI may stand in one text.
func (c *run) digestsOf(n strictjson.Node) (out []string, fault string) {
	doc := c.doc
	for _, name := range []string{"digestSRI", "digestMultibase"} {
		d := doc.Get(n, name)
		if d == strictjson.None {
			continue
		}
		before := len(out)
		doc.Each(d, func(e strictjson.Node) bool {
			texts := []string{doc.String(e)}
			if name == "digestSRI" {
				texts = strings.Fields(texts[0])
			}
			if len(texts) == 0 {
				fault = "expected a digest in " + name
			}
			for _, text := range texts {
				h, ok := digestHex(name, text)
				if !ok || len(out) > 32 {
					fault = "expected a digest in " + name
				}
				out = append(out, h)
			}
			return fault == ""
		})
		if len(out) == before {
			fault = "expected a digest in " + name
		}
	}
	return out, fault
}

// digestHex reads a digest: digestSRI as in Subresource Integrity, digestMultibase as
// a multihash in base64url or base58.
func digestHex(name, s string) (string, bool) {
	if name == "digestSRI" {
		alg, b64, ok := strings.Cut(s, "-")
		size := map[string]int{"sha256": 32, "sha384": 48, "sha512": 64}[alg]
		b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(b64)) // either alphabet (SRI, 3.5)
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
