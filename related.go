package chancery

import (
	"encoding/base64"
	"strings"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// related checks relatedResource: identifiers once each, at least one digest, and
// digests that are well formed and right where the bytes are known.
func (k *checker) related() {
	seen := map[string]bool{}
	k.each("relatedResource", sectionDigest, func(n strictjson.Node) {
		d := k.doc
		k.url(n, "id", true, sectionDigest)
		id := d.String(d.Get(n, "id"))
		if id != "" && seen[id] {
			k.fault(d.Get(n, "id"), sectionDigest, "expected each related resource once")
		}
		seen[id] = true
		sri, multibase := d.Get(n, "digestSRI"), d.Get(n, "digestMultibase")
		if sri == strictjson.None && multibase == strictjson.None {
			k.fault(n, sectionDigest, "expected digestSRI or digestMultibase")
		}
		d.Each(sri, func(v strictjson.Node) bool {
			// SRI 3.1 allows several digests divided by white space.
			for _, one := range words(d.String(v)) {
				k.digest(v, id, one, ParseDigestSRI)
			}
			return true
		})
		d.Each(multibase, func(v strictjson.Node) bool {
			k.digest(v, id, d.String(v), ParseDigestMultibase)
			return true
		})
	})
}

// words divides text at white space; text without any word is one empty word.
func words(s string) []string {
	if f := strings.Fields(s); len(f) > 0 {
		return f
	}
	return []string{""}
}

func (k *checker) digest(n strictjson.Node, id, text string, parse func(string) (ResourceDigest, bool)) {
	got, ok := parse(text)
	if !ok {
		k.fault(n, sectionDigest, "expected a SHA-256, SHA-384 or SHA-512 digest")
		return
	}
	versions := ldcontext.Default().Versions(id)
	if got.Bits != 256 || len(versions) == 0 || versions[0].Published == (ldcontext.Digest{}) {
		return // the bytes are not known here
	}
	if string(got.Sum) != string(versions[0].Published[:]) {
		k.fault(n, sectionDigest, "expected the digest of the context as it is published")
	}
}

// ResourceDigest is a digest of a related resource.
type ResourceDigest struct {
	Bits int // 256, 384 or 512: which SHA-2
	Sum  []byte
}

// ParseDigestSRI reads a digestSRI: Subresource Integrity with one digest (SHA-256,
// SHA-384 or SHA-512).
func ParseDigestSRI(s string) (ResourceDigest, bool) {
	for name, bits := range map[string]int{"sha256-": 256, "sha384-": 384, "sha512-": 512} {
		if b64, ok := strings.CutPrefix(s, name); ok {
			sum, err := base64.StdEncoding.Strict().DecodeString(b64)
			if err != nil || len(sum) != bits/8 || strings.ContainsAny(b64, "\r\n") {
				return ResourceDigest{}, false
			}
			return ResourceDigest{bits, sum}, true
		}
	}
	return ResourceDigest{}, false
}

// ParseDigestMultibase reads a digestMultibase: a multihash (sha2-256, sha2-384 or
// sha2-512) in base58-btc or base64url.
func ParseDigestMultibase(s string) (ResourceDigest, bool) {
	if len(s) > 200 {
		return ResourceDigest{}, false
	}
	b, err := multikey.DecodeMultibase(s)
	if err != nil || len(b) < 2 || int(b[1]) != len(b)-2 {
		return ResourceDigest{}, false
	}
	// Codes of the multihash table: sha2-256, sha2-384, sha2-512.
	bits := map[byte]int{0x12: 256, 0x20: 384, 0x13: 512}[b[0]]
	if bits == 0 || len(b)-2 != bits/8 {
		return ResourceDigest{}, false
	}
	return ResourceDigest{bits, b[2:]}, true
}
