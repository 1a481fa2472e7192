// Package chancery holds the nouns of the engine: credentials and presentations of
// the W3C data models 2.0 and 1.1, drafts of them, and Secured, the form in which
// they are handed over.
//
// Parse reads a credential and checks its shape only. Nothing in a Credential is
// trusted: package verifier decides, package signer makes. See the examples there.
package chancery

import (
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Base contexts of the two data models.
const (
	ContextV2 = "https://www.w3.org/ns/credentials/v2"
	ContextV1 = "https://www.w3.org/2018/credentials/v1"
)

// ModelVersion is a version of the W3C Verifiable Credentials Data Model.
type ModelVersion uint8

// The versions read and made. The zero value is neither.
const (
	ModelUnknown ModelVersion = iota
	Model1_1
	Model2_0
)

func (v ModelVersion) String() string {
	return [...]string{"unknown", "1.1", "2.0"}[v]
}

// ShapeError says which part of a document does not have the form its data model
// asks for.
type ShapeError struct {
	Pointer string // JSON pointer (RFC 6901) of the place
	Detail  string // what was expected and what was found, without values of the document
	Section string // the specification's section, where one rule decides
}

func (e *ShapeError) Error() string {
	if e.Section != "" {
		return fmt.Sprintf("chancery: %s at %q (%s)", e.Detail, e.Pointer, e.Section)
	}
	return fmt.Sprintf("chancery: %s at %q", e.Detail, e.Pointer)
}

// Credential is a parsed credential of which nothing is trusted yet. It keeps the
// bytes it was parsed from, is immutable, and safe for concurrent use.
type Credential struct {
	doc   *strictjson.Doc
	model ModelVersion
}

// Parse reads a credential, secured or not. The text must be one strict JSON object
// of at most 10 MB with a known base context first, a type VerifiableCredential, an
// issuer with an identifier and a credentialSubject; everything else is left to the
// checks at issue and verification. Errors are *ShapeError or
// *JSONError, both with a JSON pointer.
func Parse(b []byte) (*Credential, error) {
	doc, err := parseDoc(b)
	if err != nil {
		return nil, err
	}
	c := &Credential{doc: doc}
	if c.model, err = checkHead(doc, "VerifiableCredential"); err != nil {
		return nil, err
	}
	issuer := doc.Get(0, "issuer")
	switch doc.Kind(issuer) {
	case strictjson.String:
	case strictjson.Object:
		if id := doc.Get(issuer, "id"); doc.Kind(id) != strictjson.String {
			return nil, shape(doc, issuer, "expected an issuer with an id", "VC Data Model 2.0, 4.7")
		}
	default:
		return nil, &ShapeError{Pointer: "/issuer", Detail: "expected an issuer: a URL, or an object with an id", Section: "VC Data Model 2.0, 4.7"}
	}
	subject := doc.Get(0, "credentialSubject")
	if k := doc.Kind(subject); k != strictjson.Object && (k != strictjson.Array || doc.Len(subject) == 0) {
		return nil, &ShapeError{Pointer: "/credentialSubject", Detail: "expected an object or a list of objects", Section: "VC Data Model 2.0, 4.8"}
	}
	var bad error
	doc.Each(subject, func(n strictjson.Node) bool {
		if doc.Kind(n) != strictjson.Object {
			bad = shape(doc, n, "expected an object", "VC Data Model 2.0, 4.8")
		}
		return bad == nil
	})
	if bad != nil {
		return nil, bad
	}
	return c, nil
}

func parseDoc(b []byte) (*strictjson.Doc, error) {
	return strictjson.Parse(b, strictjson.Limits{})
}

// checkHead checks what credentials and presentations have in common.
func checkHead(doc *strictjson.Doc, wantType string) (ModelVersion, error) {
	if doc.Kind(0) != strictjson.Object {
		return 0, &ShapeError{Detail: "expected a JSON object, found " + doc.Kind(0).String()}
	}
	ctx := doc.Get(0, "@context")
	first := ctx
	if doc.Kind(ctx) == strictjson.Array {
		first = doc.First(ctx)
	}
	model := ModelUnknown
	switch doc.String(first) {
	case ContextV2:
		model = Model2_0
	case ContextV1:
		model = Model1_1
	default:
		return 0, &ShapeError{Pointer: "/@context", Detail: "expected " + ContextV2 + " or " + ContextV1 + " as the first context", Section: "VC Data Model 2.0, 4.3"}
	}
	if !hasType(doc, 0, wantType) {
		return 0, &ShapeError{Pointer: "/type", Detail: "expected the type " + wantType, Section: "VC Data Model 2.0, 4.5"}
	}
	return model, nil
}

// hasType tells whether a node's type member names a type, as a string or in a list.
func hasType(doc *strictjson.Doc, n strictjson.Node, want string) bool {
	found := false
	doc.Each(doc.Get(n, "type"), func(t strictjson.Node) bool {
		found = doc.String(t) == want && doc.Kind(t) == strictjson.String
		return !found
	})
	return found
}

func shape(doc *strictjson.Doc, n strictjson.Node, detail, section string) *ShapeError {
	return &ShapeError{Pointer: doc.Pointer(n), Detail: detail + ", found " + doc.Kind(n).String(), Section: section}
}

// Document returns the parsed text, for the packages of this module.
func (c *Credential) Document() *strictjson.Doc { return c.doc }

// Raw returns a copy of exactly the bytes that were parsed.
func (c *Credential) Raw() []byte { return []byte(c.doc.Text()) }

// Model returns the version of the data model that the first context names.
func (c *Credential) Model() ModelVersion { return c.model }

// ID returns the credential's identifier, "" without one.
func (c *Credential) ID() string { return c.doc.String(c.doc.Get(0, "id")) }

// Contexts returns the URLs of the context list; inline contexts are left out.
func (c *Credential) Contexts() []string { return stringsOf(c.doc, c.doc.Get(0, "@context")) }

// Types returns the credential's types as they are written.
func (c *Credential) Types() []string { return stringsOf(c.doc, c.doc.Get(0, "type")) }

// HasType tells whether the credential has a type, as it is written.
func (c *Credential) HasType(t string) bool { return hasType(c.doc, 0, t) }

// Issuer returns the issuer's identifier.
func (c *Credential) Issuer() string { return idOf(c.doc, c.doc.Get(0, "issuer")) }

// SubjectIDs returns the identifiers of the subjects that have one.
func (c *Credential) SubjectIDs() []string {
	var ids []string
	c.doc.Each(c.doc.Get(0, "credentialSubject"), func(n strictjson.Node) bool {
		if id := c.doc.String(c.doc.Get(n, "id")); id != "" {
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// ValidFrom returns the instant from which the credential claims to be valid:
// validFrom in the data model 2.0, issuanceDate in 1.1. ok is false where it is
// absent or not a time with zone.
func (c *Credential) ValidFrom() (t time.Time, ok bool) {
	if c.model == Model1_1 {
		return c.doc.Time(c.doc.Get(0, "issuanceDate"))
	}
	return c.doc.Time(c.doc.Get(0, "validFrom"))
}

// ValidUntil returns the instant after which the credential claims to be valid no
// more: validUntil in the data model 2.0, expirationDate in 1.1.
func (c *Credential) ValidUntil() (t time.Time, ok bool) {
	if c.model == Model1_1 {
		return c.doc.Time(c.doc.Get(0, "expirationDate"))
	}
	return c.doc.Time(c.doc.Get(0, "validUntil"))
}

// HasProof tells whether there is a proof member that is not an empty list.
func (c *Credential) HasProof() bool {
	p := c.doc.Get(0, "proof")
	return p != strictjson.None && (c.doc.Kind(p) != strictjson.Array || c.doc.Len(p) > 0)
}

func stringsOf(doc *strictjson.Doc, n strictjson.Node) []string {
	var out []string
	doc.Each(n, func(e strictjson.Node) bool {
		if s, ok := doc.Str(e); ok {
			out = append(out, s)
		}
		return true
	})
	return out
}

// idOf returns the identifier of a value that is a URL or an object with an id.
func idOf(doc *strictjson.Doc, n strictjson.Node) string {
	if doc.Kind(n) == strictjson.Object {
		n = doc.Get(n, "id")
	}
	return doc.String(n)
}
