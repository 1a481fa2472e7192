// Package ldcontext is the closed table of JSON-LD contexts: embedded, pinned by
// digest, never fetched.
//
// A URL may have several known versions, because publishers edit contexts in place.
// Each is identified by the SHA-256 of its JCS form, which gives it meaning, and by
// that of the published bytes, which relatedResource digests refer to.
package ldcontext

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Version is one version of a context document. It is immutable; its address
// identifies it within the process, so that compiled forms can be kept by it.
type Version struct {
	URL       string
	Name      string // short name of the version, such as "3.0.3 of 2026-06-29"
	JCS       Digest // of the RFC 8785 form
	Published Digest // of the bytes as published; zero when they are not known
	Source    string // where the JSON came from: package and version, or a table of terms
	Licence   string
	Doc       *strictjson.Doc
}

// NewVersion parses a context document that a caller adds, with the digest that he
// pinned it by: that of its bytes or that of its JCS form.
func NewVersion(url string, document []byte, pinned Digest) (*Version, error) {
	doc, err := strictjson.Parse(document, strictjson.Limits{Bytes: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("ldcontext: context %q: %w", url, err)
	}
	canon, err := strictjson.Canonicalize(document)
	if err != nil {
		return nil, fmt.Errorf("ldcontext: context %q: %w", url, err)
	}
	v := &Version{URL: url, Name: "added by the caller", JCS: sha256.Sum256(canon), Published: sha256.Sum256(document), Source: "caller", Doc: doc}
	if pinned != v.JCS && pinned != v.Published {
		return nil, fmt.Errorf("ldcontext: context %q: expected SHA-256 %s, found %s", url, pinned, v.Published)
	}
	return v, nil
}

// Set is an immutable choice of known contexts, safe for concurrent use.
type Set struct{ byURL map[string][]*Version }

// Versions returns the known versions behind a URL, the newest first, and nil for
// an unknown one. The slice is shared: do not change it.
func (s *Set) Versions(url string) []*Version { return s.byURL[url] }

// URLs returns every known URL, sorted.
func (s *Set) URLs() []string { return slices.Sorted(maps.Keys(s.byURL)) }

// With returns a set that knows the added versions too, each before those already
// known for its URL.
func (s *Set) With(added ...*Version) *Set {
	out := &Set{byURL: maps.Clone(s.byURL)}
	for _, v := range added {
		out.byURL[v.URL] = append([]*Version{v}, out.byURL[v.URL]...)
	}
	return out
}
