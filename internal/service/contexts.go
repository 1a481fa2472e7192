package service

import (
	"context"
	"encoding/hex"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/ldcontext"
)

// The JSON-LD contexts that credentials name are other publishers', who may edit or lose
// them. The versions that verifications here go by are published as well, each under the
// digest that gives it its meaning, so that somebody who verifies later need not trust an
// address to say what it said then.

// publishedContext is one version in the list of contexts.
type publishedContext struct {
	URL     string `json:"url"`     // that credentials name
	Version string `json:"version"` // a short name
	JCS     string `json:"jcsSha256"`
	// Published is the SHA-256 of the publisher's own bytes, which relatedResource digests
	// speak of; "" where they are not known.
	Published string `json:"sha256,omitempty"`
	Document  string `json:"document"` // address here
	Source    string `json:"source"`
	Licence   string `json:"licence"`
}

// contextFiles are the RFC 8785 forms by their digests in hex.
var contextFiles = sync.OnceValues(func() (map[string][]byte, error) {
	out := map[string][]byte{}
	set := ldcontext.Default()
	for _, url := range set.URLs() {
		for _, v := range set.Versions(url) {
			text := jsontext.Value(v.Doc.Raw(0))
			if err := text.Canonicalize(); err != nil {
				return nil, err
			}
			out[hex.EncodeToString(v.JCS[:])] = text
		}
	}
	return out, nil
})

// Context is a JSON-LD context by the SHA-256 of its RFC 8785 form in lower-case hex, which
// is what it is answered in.
func (s *Service) Context(_ context.Context, digest string) (File, error) {
	files, err := contextFiles()
	if err != nil {
		return File{}, err
	}
	b, ok := files[digest]
	if !ok {
		return File{}, NotFound("context")
	}
	return File{Name: digest + ".jsonld", MediaType: "application/ld+json", Digest: digest, Bytes: b}, nil
}

// Contexts is the list of the contexts that are published.
func (s *Service) Contexts(context.Context) (File, error) {
	list := []publishedContext{}
	set := ldcontext.Default()
	for _, url := range set.URLs() {
		for _, v := range set.Versions(url) {
			one := publishedContext{URL: url, Version: v.Name, JCS: v.JCS.String(), Document: s.baseURL + "/contexts/" + v.JCS.String(), Source: v.Source, Licence: v.Licence}
			if v.Published != (ldcontext.Digest{}) {
				one.Published = v.Published.String()
			}
			list = append(list, one)
		}
	}
	b, err := json.Marshal(map[string]any{"contexts": list}, json.Deterministic(true), jsontext.WithIndent("  "))
	return File{MediaType: "application/json", Digest: digestHexOf(b), Bytes: b}, err
}
