package chancery

import (
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Unwrap returns what an EnvelopedVerifiableCredential or
// EnvelopedVerifiablePresentation holds (VC Data Model 2.0, sections 4.14 and 4.13.1):
// the media type of its data: URL (RFC 2397) and the bytes after the comma. ok is
// false for a document that is neither; a document that is, but has another context,
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

// unread are the media types of envelopes that are in order, but that nothing here reads
// (VC-JOSE-COSE, 3.2 and 3.3): a verifier answers that it cannot say, not that they are bad.
var unread = map[string][]string{
	MediaVCJWT: {"application/vc+cose", "application/vc+sd-jwt", "application/dc+sd-jwt"},
	MediaVPJWT: {"application/vp+cose", "application/vp+sd-jwt"},
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
	media = strings.ToLower(media)
	// A charset says nothing of a JWT; what is base64 on top of that is no form of the
	// specification.
	kind, params, _ := strings.Cut(media, ";")
	if kind = strings.TrimSpace(kind); (kind == want || kind == MediaJWT) && strings.HasPrefix(params, "charset=") && !strings.Contains(params, ";") {
		media = kind
	}
	if media != want && media != MediaJWT && !slices.Contains(unread[want], kind) {
		return Secured{}, &ShapeError{Pointer: doc.Pointer(n) + "/id", Detail: "expected the media type " + want + " in the data: URL", Section: "VC Data Model 2.0, 4.14"}
	}
	return Secured{MediaType: media, Bytes: []byte(data)}, nil
}
