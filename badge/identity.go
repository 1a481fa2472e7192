package badge

import (
	"crypto/md5" // Open Badges allows it; it is read with a warning and never written
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// HashIdentity returns the identityHash of Open Badges: "sha256$" and the digest, in
// hexadecimal, of the identity followed by the salt, both as UTF-8. A salt hides
// nothing from someone who knows the salt and can guess the identity.
func HashIdentity(identity, salt string) string {
	sum := sha256.Sum256([]byte(identity + salt))
	return "sha256$" + hex.EncodeToString(sum[:])
}

// hashForm splits algorithm$hex; ok is false for anything else.
func hashForm(s string) (algorithm string, sum []byte, ok bool) {
	algorithm, digits, found := strings.Cut(s, "$")
	sum, err := hex.DecodeString(digits)
	size := map[string]int{"md5": md5.Size, "sha256": sha256.Size}[algorithm]
	return algorithm, sum, found && err == nil && size > 0 && len(sum) == size
}

// hashMatches tells whether an identityHash is of the identity with the salt.
func hashMatches(identityHash, identity, salt string) bool {
	algorithm, sum, ok := hashForm(identityHash)
	if !ok {
		return false
	}
	if algorithm == "md5" {
		got := md5.Sum([]byte(identity + salt))
		return string(got[:]) == string(sum)
	}
	got := sha256.Sum256([]byte(identity + salt))
	return string(got[:]) == string(sum)
}

// MatchIdentity tells whether a subject carries an identity: whether one of its
// identifiers, of the type asked for, is the identity or its hash (Open Badges 3.0,
// section 2.6). An empty identityType matches any. For Open Badges 2.0, n is the
// assertion's recipient.
func MatchIdentity(doc *strictjson.Doc, n strictjson.Node, identityType, identity string) bool {
	if identity == "" {
		return false
	}
	if doc.Get(n, "identity") != strictjson.None {
		return matchOne(doc, n, "identity", "type", identityType, identity)
	}
	found := false
	doc.Each(doc.Get(n, "identifier"), func(o strictjson.Node) bool {
		found = matchOne(doc, o, "identityHash", "identityType", identityType, identity)
		return !found
	})
	return found
}

func matchOne(doc *strictjson.Doc, o strictjson.Node, valueName, typeName, identityType, identity string) bool {
	if identityType != "" && doc.String(doc.Get(o, typeName)) != identityType {
		return false
	}
	value, ok := doc.Str(doc.Get(o, valueName))
	hashed, isBool := doc.Bool(doc.Get(o, "hashed"))
	switch {
	case !ok || !isBool:
		return false
	case hashed:
		return hashMatches(value, identity, doc.String(doc.Get(o, "salt")))
	}
	return value == identity
}

func (c *checker) identityObject(n strictjson.Node) {
	hashed, _ := c.doc.Bool(c.doc.Get(n, "hashed"))
	v := c.doc.Get(n, "identityHash")
	value, ok := c.doc.Str(v)
	if !ok {
		return
	}
	algorithm, _, isHash := hashForm(value)
	switch {
	case hashed && !isHash:
		c.at(v, Error, "identity_hash_form", "expected sha256$ or md5$ and the digest in hexadecimal")
	case hashed && algorithm == "md5":
		c.at(v, Warning, "identity_hash_md5", "expected SHA-256; MD5 is broken")
	case !hashed && isHash:
		c.at(v, Warning, "identity_hash_plain", "expected a plain identity, since hashed is false, found what looks like a digest")
	case !hashed:
		c.at(v, Note, "identity_in_plain", "the identity can be read by everyone who has the badge")
	}
}

// Same tells whether two badges are equal (Open Badges 3.0, section 6): the ids of
// issuer and credential are equal after percent-decoding and trimming. Badges without
// either are equal to none.
func Same(a, b *strictjson.Doc) bool {
	ia, ca := identityOf(a)
	ib, cb := identityOf(b)
	return ia != "" && ca != "" && ia == ib && ca == cb
}

// Supersedes tells whether a is equal to b and valid from a later time, so that it
// takes b's place.
func Supersedes(a, b *strictjson.Doc) bool {
	ta, _, okA := ReadTime(validFrom(a))
	tb, _, okB := ReadTime(validFrom(b))
	return Same(a, b) && okA && okB && ta.After(tb)
}

func identityOf(doc *strictjson.Doc) (issuer, credential string) {
	return normalID(issuerID(doc, 0)), normalID(doc.String(doc.Get(0, "id")))
}

func normalID(id string) string {
	if s, err := url.PathUnescape(id); err == nil {
		id = s
	}
	return strings.TrimSpace(id)
}

func validFrom(doc *strictjson.Doc) string {
	if s, ok := doc.Str(doc.Get(0, "validFrom")); ok {
		return s
	}
	return doc.String(doc.Get(0, "issuanceDate"))
}

// issuerID returns the id of the issuer of the credential at n.
func issuerID(doc *strictjson.Doc, n strictjson.Node) string {
	i := doc.Get(n, "issuer")
	if doc.Kind(i) == strictjson.Object {
		i = doc.Get(i, "id")
	}
	return doc.String(i)
}
