package badge

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// MediaURL is the media type of a payload that is nothing but the address of a
// hosted Open Badges 2.0 assertion (RFC 2483).
const MediaURL = "text/uri-list"

// readPayload tells what the text taken from an image is. What stands around it that
// cannot be part of it is left out, and said.
func readPayload(text []byte, fs *findings) (chancery.Secured, Kind, error) {
	if !utf8.Valid(text) {
		return chancery.Secured{}, Unknown, imageError("payload_not_utf8", 0, "expected the badge as UTF-8; other tools write Latin-1, which loses characters")
	}
	if rest, ok := bytes.CutPrefix(text, []byte("\xef\xbb\xbf")); ok {
		fs.add(Warning, "payload_byte_order_mark", "", "a byte-order mark stands before the badge")
		text = rest
	}
	trimmed := bytes.Trim(text, " \t\r\n")
	if len(trimmed) == 0 {
		return chancery.Secured{}, Unknown, imageError("payload_empty", 0, "expected a badge, found an empty text")
	}
	if trimmed[0] == '{' {
		doc, err := strictjson.Parse(trimmed, strictjson.Limits{})
		if err != nil {
			return chancery.Secured{}, Unknown, err
		}
		kind := KindOf(doc, 0)
		return chancery.Secured{MediaType: mediaOf(kind), Bytes: bytes.Clone(trimmed)}, kind, nil
	}
	if kind, err := jwsKind(trimmed); err == nil {
		if len(trimmed) != len(text) {
			fs.add(Note, "payload_white_space", "", "white space stands around the JWS")
		}
		return chancery.Secured{MediaType: chancery.MediaJWT, Bytes: bytes.Clone(trimmed)}, kind, nil
	}
	if isWebURL(string(trimmed)) {
		return chancery.Secured{MediaType: MediaURL, Bytes: bytes.Clone(trimmed)}, OB2URL, nil
	}
	return chancery.Secured{}, Unknown, imageError("payload_unknown", 0, "expected a JSON object, a compact JWS or the URL of a hosted assertion")
}

func mediaOf(k Kind) string {
	switch k {
	case OB3Achievement, OB3Endorsement, CLR, Credential:
		return chancery.MediaVC
	case Presentation:
		return chancery.MediaVP
	}
	return chancery.MediaJSON
}

// jwsKind tells what a compact JWS carries. An error means that the text is no
// compact JWS with a JSON object inside.
func jwsKind(jws []byte) (Kind, error) {
	doc, err := jwsPayload(jws)
	if err != nil {
		return Unknown, err
	}
	if vc := doc.Get(0, "vc"); doc.Kind(vc) == strictjson.Object && KindOf(doc, 0) == Unknown {
		return KindOf(doc, vc), nil
	}
	return KindOf(doc, 0), nil
}

// jwsPayload decodes the second part of a compact JWS (RFC 7515, section 7.1),
// unverified.
func jwsPayload(jws []byte) (*strictjson.Doc, error) {
	parts := bytes.SplitN(jws, []byte{'.'}, 4)
	if len(parts) != 3 || len(parts[0]) == 0 || len(parts[1]) == 0 {
		return nil, imageError("jws_syntax", 0, "expected a compact JWS of three parts")
	}
	var payload []byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.Strict().DecodeString(string(part))
		if err != nil || strings.ContainsAny(string(part), "\r\n") {
			return nil, imageError("jws_syntax", 0, "expected unpadded base64url in a compact JWS")
		}
		switch i {
		case 0:
			if _, err := strictjson.Parse(b, strictjson.Limits{}); err != nil {
				return nil, err
			}
		case 1:
			payload = b
		}
	}
	return strictjson.Parse(payload, strictjson.Limits{})
}

func isWebURL(s string) bool {
	if len(s) > 2048 || strings.ContainsAny(s, " \t\r\n<>\"") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
