package verifying

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Resources calls f with the related resources of a credential, embedded or as a JWT, that
// are named by SHA-256 (digest, in hex), until it returns false.
func Resources(credential chancery.Secured, f func(id, media, digest string) bool) {
	text, claims := credential.Bytes, false
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		parts := bytes.Split(text, []byte("."))
		payload, err := base64.RawURLEncoding.DecodeString(string(parts[min(1, len(parts)-1)]))
		if len(parts) != 3 || err != nil {
			return
		}
		text, claims = payload, true
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return
	}
	root := strictjson.Node(0)
	if claims {
		root = badge.JWTCredential(doc)
	}
	doc.Each(doc.Get(root, "relatedResource"), func(n strictjson.Node) bool {
		on := true
		doc.Each(doc.Get(n, "digestSRI"), func(d strictjson.Node) bool { // one or several
			for _, text := range strings.Fields(doc.String(d)) {
				text, ok := strings.CutPrefix(text, "sha256-")
				sum, err := base64.StdEncoding.DecodeString(text)
				if on && ok && err == nil {
					on = f(doc.String(doc.Get(n, "id")), doc.String(doc.Get(n, "mediaType")), hex.EncodeToString(sum))
				}
			}
			return on
		})
		return on
	})
}
