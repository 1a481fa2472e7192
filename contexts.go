package chancery

import (
	"fmt"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// JSONError says why a text is not one strict JSON value (RFC 8259 and 7493: no name
// twice, valid UTF-8, nothing after the end, within bounds), and where. Every function of
// this module that reads JSON answers it, wrapped or as it is; errors.As finds it.
type JSONError = strictjson.Error

// ContextSet is an immutable choice of JSON-LD contexts, safe for concurrent use, for the
// field Contexts of signers and of a verifier's Config. Contexts makes one; a nil *ContextSet
// stands for the embedded contexts alone.
type ContextSet = ldcontext.Set

// ContextFile is a JSON-LD context that is not embedded.
type ContextFile struct {
	// URL is what documents name it by. Required.
	URL string
	// Document is the context as it is published: strict JSON of at most 1 MB. Required.
	Document []byte
	// SHA256 is the digest of Document, or of its RFC 8785 form, from where the caller
	// trusts it to be. Required: what a context says decides what a signature covers.
	SHA256 [32]byte
}

// Contexts returns the embedded JSON-LD contexts with others, for documents that use terms
// of their own. Of several versions behind one URL the last added is signed with, and all
// are tried when verifying. Verifiers elsewhere need the same files in their trust files
// (docs/formats/trust.md, contexts). Errors are a *JSONError, wrapped, or say which digest
// was found.
func Contexts(added ...ContextFile) (*ContextSet, error) {
	set := ldcontext.Default()
	for _, f := range added {
		if f.URL == "" {
			return nil, fmt.Errorf("chancery: expected the URL of a context, found none")
		}
		v, err := ldcontext.NewVersion(f.URL, f.Document, f.SHA256)
		if err != nil {
			return nil, fmt.Errorf("chancery: %w", err)
		}
		set = set.With(v)
	}
	return set, nil
}
