package chancery

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// Media types of what this module makes and reads.
const (
	MediaVC       = "application/vc"     // credential with embedded proof (VC Data Model 2.0, section 6.3)
	MediaVP       = "application/vp"     // presentation
	MediaVCJWT    = "application/vc+jwt" // compact JWS over a credential (VC-JOSE-COSE)
	MediaVPJWT    = "application/vp+jwt" // compact JWS over a presentation
	MediaJWT      = "application/jwt"    // compact JWS whose header decides: Open Badges, VC 1.1
	MediaJSON     = "application/json"   // JSON that is neither credential nor presentation, such as an Open Badges 2.0 assertion
	MediaPNG      = "image/png"
	MediaSVG      = "image/svg+xml"
	MediaPDF      = "application/pdf"
	MediaEvidence = "application/vnd.chancery.evidence+cbor"
	// MediaEvidenceParts is what the evidence of a batch shares, in a file of its own. It
	// is given beside evidence, and by itself there is nothing in it to verify.
	MediaEvidenceParts = "application/vnd.chancery.evidence-parts+cbor"
)

// Secured is a document as it is handed over: its bytes, and what they are. The
// bytes are exactly those that were made or received.
type Secured struct {
	MediaType string
	Bytes     []byte
}

// ErrUnknownContent is what Detect answers for bytes of no known kind.
var ErrUnknownContent = errors.New("chancery: expected a credential (JSON or JWT), PNG, SVG, PDF or evidence, found something else")

// Detect tells by content, never by name, what b is. It looks at as little as it
// needs; whatever it answers is still to be parsed. White space around a JWT is left
// out of Bytes, all else is kept.
func Detect(b []byte) (Secured, error) {
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return Secured{MediaPNG, b}, nil
	case bytes.HasPrefix(b, []byte("%PDF-")):
		return Secured{MediaPDF, b}, nil
	case bytes.HasPrefix(b, []byte("\xd9\xd9\xf7\x83\x6echancery-parts")): // evidence.md, section 3
		return Secured{MediaEvidenceParts, b}, nil
	case isEvidence(b):
		return Secured{MediaEvidence, b}, nil
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(text) == 0:
		return Secured{}, ErrUnknownContent
	case text[0] == '{':
		return Secured{detectJSON(b), b}, nil
	case text[0] == '<' || bytes.HasPrefix(b, []byte("\xff\xfe<")) || bytes.HasPrefix(b, []byte("\xfe\xff\x00<")):
		return Secured{MediaSVG, b}, nil
	}
	if jwt := bytes.TrimSpace(b); isCompactJWS(jwt) {
		return Secured{MediaJWT, jwt}, nil
	}
	return Secured{}, ErrUnknownContent
}

// isEvidence recognises the bundle by the self-describing CBOR tag 55799 that every
// evidence file begins with.
func isEvidence(b []byte) bool { return bytes.HasPrefix(b, []byte{0xd9, 0xd9, 0xf7}) }

// detectJSON tells presentations and credentials apart by their type member.
func detectJSON(b []byte) string {
	c, err := parseDoc(b)
	if err != nil {
		return MediaVC // its parser says what is wrong
	}
	switch {
	case hasType(c, 0, "VerifiablePresentation"), hasType(c, 0, "EnvelopedVerifiablePresentation"):
		return MediaVP
	case hasType(c, 0, "VerifiableCredential"), hasType(c, 0, "EnvelopedVerifiableCredential"), c.Get(0, "credentialSubject") >= 0:
		return MediaVC
	}
	return MediaJSON
}

func isCompactJWS(b []byte) bool {
	if bytes.Count(b, []byte{'.'}) != 2 || !utf8.Valid(b) {
		return false
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	for _, c := range b {
		if strings.IndexByte(alphabet, c) < 0 {
			return false
		}
	}
	return bytes.HasPrefix(b, []byte("ey"))
}
