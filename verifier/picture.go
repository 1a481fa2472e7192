package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// extensions of the pictures that credentials are baked into.
var extensions = map[string]string{chancery.MediaPNG: ".png", chancery.MediaSVG: ".svg"}

// checkPicture holds the picture that a credential is baked into against those that the
// credential names as the services of this project do, under /pictures/ and their own
// digest: where it names any, the picture around it has to be one of them. What other
// issuers name may be any picture.
func (c *run) checkPicture(image []byte, baked *badge.Baked) {
	if c.cred == nil {
		return // the report says what it is instead, or that it cannot be read
	}
	var named []string
	any := false
	c.doc.Each(c.doc.Get(0, "relatedResource"), func(n strictjson.Node) bool {
		media := c.doc.String(c.doc.Get(n, "mediaType"))
		ext := extensions[media]
		if ext == "" {
			return true
		}
		digests, _ := c.digestsOf(n) // a fault is that of checkRelatedResources
		id := c.doc.String(c.doc.Get(n, "id"))
		for _, d := range digests {
			if len(d) == 2*sha256.Size && path.Base(id) == d+ext && path.Base(path.Dir(id)) == "pictures" {
				any = true
				if media == baked.Image {
					named = append(named, d)
				}
			}
		}
		return true
	})
	switch {
	case !any:
	case len(named) == 0:
		c.fail(CheckBadgeBinding, RelatedResourceMismatch, "the credential names no picture of this kind")
	default:
		if bare, ok := unbaked(image, baked.Payload, baked.Image); ok {
			sum := sha256.Sum256(bare)
			if slices.Contains(named, hex.EncodeToString(sum[:])) {
				c.pass(CheckBadgeBinding, "the picture is the one that the credential names")
				return
			}
		}
		c.fail(CheckBadgeBinding, RelatedResourceMismatch, "the picture is not the one that the credential names")
	}
}

// Smallest pictures, from which it is seen what baking adds to one.
const (
	smallSVG = `<svg xmlns="http://www.w3.org/2000/svg"></svg>`
	smallPNG = "\x89PNG\r\n\x1a\n" +
		"\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55" +
		"\x00\x00\x00\x0aIDAT\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01\x48\xaf\xa4\x71" +
		"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
	headPNG = 8 + 12 + 13 // signature and IHDR, after which the badge stands
)

// unbaked is the picture that baking a credential has made image of.
func unbaked(image []byte, s chancery.Secured, media string) ([]byte, bool) {
	small := smallPNG
	if media == chancery.MediaSVG {
		small = smallSVG
	}
	var baked bytes.Buffer
	if err := badge.Bake(&baked, strings.NewReader(small), s, badge.BakeOptions{}); err != nil {
		return nil, false
	}
	out := image
	if media == chancery.MediaPNG {
		out = without(out, baked.Bytes()[headPNG:baked.Len()-(len(small)-headPNG)])
	} else {
		// The declaration of the namespace stands before the end of the first tag, the
		// element after it.
		tag := strings.TrimSuffix(small, "></svg>")
		added := strings.TrimSuffix(strings.TrimPrefix(baked.String(), tag), "</svg>")
		declaration, element, _ := strings.Cut(added, ">")
		out = without(without(out, []byte(element)), []byte(declaration))
	}
	var again bytes.Buffer
	err := badge.Bake(&again, bytes.NewReader(out), s, badge.BakeOptions{})
	return out, err == nil && bytes.Equal(again.Bytes(), image)
}

// without cuts the first occurrence of a part.
func without(b, part []byte) []byte { return bytes.Replace(b, part, nil, 1) }
