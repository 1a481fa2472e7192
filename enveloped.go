package chancery

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Unwrap returns what an EnvelopedVerifiableCredential or
// EnvelopedVerifiablePresentation holds (VC Data Model 2.0, sections 4.14 and 4.13.1):
// the media type of its data: URL (RFC 2397) and its content: of a JWT the JWT, of other
// media types, which nothing here reads, what stands after the comma. ok is false for a
// document that is neither; a document that is, but has another context,
// another type beside it, or no usable data: URL, is a *ShapeError.
func Unwrap(b []byte) (s Secured, ok bool, err error) {
	doc, err := parseDoc(b)
	if err != nil {
		return Secured{}, false, err
	}
	switch {
	case hasType(doc, 0, "EnvelopedVerifiableCredential"):
		s, err = unwrap(doc, 0, "EnvelopedVerifiableCredential", MediaVCJWT)
	case hasType(doc, 0, "EnvelopedVerifiablePresentation"):
		s, err = unwrap(doc, 0, "EnvelopedVerifiablePresentation", MediaVPJWT)
	default:
		return Secured{}, false, nil
	}
	return s, true, err
}

// notEnvelopes are media types that are no enveloping security scheme: what has such a type
// is not secured by its envelope.
var notEnvelopes = []string{MediaVC, MediaVP, MediaPDF, MediaEvidence, MediaEvidenceParts, "application/octet-stream"}

// unread tells whether an envelope of a media type is in order, though nothing here reads
// it: one that COSE or SD-JWT make (VC-JOSE-COSE, 3.2 and 3.3), that a draft had, or of a
// scheme that is not known here, since the data model leaves open which there are. A verifier
// answers that it cannot say, not that they are bad.
func unread(kind, want string) bool {
	name, ok := strings.CutPrefix(kind, "application/")
	if !ok || name == "" || strings.HasSuffix(name, "json") || slices.Contains(notEnvelopes, kind) {
		return false
	}
	others := []string{"vp+", "vp-"}
	if want == MediaVPJWT {
		others = []string{"vc+", "vc-", "dc+"}
	}
	return !slices.ContainsFunc(others, func(p string) bool { return strings.HasPrefix(name, p) })
}

func unwrap(doc *strictjson.Doc, n strictjson.Node, typ, want string) (Secured, error) {
	if types := stringsOf(doc, doc.Get(n, "type")); len(types) != 1 {
		return Secured{}, &ShapeError{Pointer: doc.Pointer(n) + "/type", Detail: "expected " + typ + " as the only type", Section: "VC Data Model 2.0, 4.14"}
	}
	ctx := doc.Get(n, "@context")
	if n == 0 || ctx != strictjson.None {
		if ctxs := stringsOf(doc, ctx); len(ctxs) == 0 || ctxs[0] != ContextV2 {
			return Secured{}, &ShapeError{Pointer: doc.Pointer(n) + "/@context", Detail: "expected " + ContextV2, Section: "VC Data Model 2.0, 4.14"}
		}
	}
	id := doc.String(doc.Get(n, "id"))
	scheme, rest, _ := strings.Cut(id, ":")
	media, data, comma := strings.Cut(rest, ",")
	if !strings.EqualFold(scheme, "data") || !comma || data == "" {
		return Secured{}, &ShapeError{Pointer: doc.Pointer(n) + "/id", Detail: "expected a data: URL with content", Section: "VC Data Model 2.0, 4.14"}
	}
	kind, params, _ := strings.Cut(strings.ToLower(media), ";")
	kind = strings.TrimSpace(kind)
	switch {
	case kind == want || kind == MediaJWT:
		content, ok := contentOf(data, params)
		if !ok {
			return Secured{}, &ShapeError{Pointer: doc.Pointer(n) + "/id", Detail: "expected a data: URL of a JWT, as it is or in base64", Section: "RFC 2397, 3"}
		}
		return Secured{MediaType: kind, Bytes: content}, nil
	case unread(kind, want):
		return Secured{MediaType: kind, Bytes: []byte(data)}, nil
	}
	return Secured{}, &ShapeError{Pointer: doc.Pointer(n) + "/id", Detail: "expected the media type " + want + " in the data: URL", Section: "VC Data Model 2.0, 4.14"}
}

// contentOf returns what a data: URL holds whose content is text in ASCII, so that its
// charset says nothing.
func contentOf(data, params string) (content []byte, ok bool) {
	rest, inBase64 := strings.CutSuffix(";"+params, ";base64")
	rest = strings.TrimPrefix(rest, ";")
	if rest != "" && (!strings.HasPrefix(rest, "charset=") || strings.Contains(rest, ";")) {
		return nil, false
	}
	if !inBase64 {
		return []byte(data), true
	}
	if strings.ContainsAny(data, "\r\n") { // which the decoder skips
		return nil, false
	}
	content, err := base64.StdEncoding.Strict().DecodeString(data)
	return content, err == nil
}
