package verifying

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
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

// extensions of the pictures that credentials are baked into.
var extensions = map[string]string{chancery.MediaPNG: ".png", chancery.MediaSVG: ".svg"}

// picture holds a baked picture against those that its credential names as the services of
// this project do, under /pictures/ and their own digest: where it names any, the picture
// around it has to be one of them. What other issuers name may be any picture.
func picture(r *verifier.Report, image []byte) {
	if extensions[r.MediaType] == "" {
		return
	}
	baked, err := badge.Unbake(bytes.NewReader(image))
	if err != nil {
		return // the report says so
	}
	var named []string
	any := false
	Resources(baked.Payload, func(id, media, digest string) bool {
		if ext := extensions[media]; ext != "" && path.Base(id) == digest+ext && path.Base(path.Dir(id)) == "pictures" {
			any = true
			if media == r.MediaType {
				named = append(named, digest)
			}
		}
		return true
	})
	if !any {
		return
	}
	check := verifier.Check{ID: verifier.CheckBadgeBinding, Required: true, Reason: verifier.RelatedResourceMismatch, Detail: "the credential names no picture of this kind"}
	if len(named) != 0 {
		check.Detail = "the picture is not the one that the credential names"
		if bare, ok := unbaked(image, baked.Payload, r.MediaType); ok {
			sum := sha256.Sum256(bare)
			if slices.Contains(named, hex.EncodeToString(sum[:])) {
				check.Result, check.Reason, check.Detail = verifier.Pass, "", "the picture is the one that the credential names"
			}
		}
	}
	r.Add(check)
	r.Decide()
}

// pictureInside does the same for a picture that evidence is about: who seals one need not
// be its issuer.
func (in *Input) pictureInside(r *verifier.Report, proof []byte) error {
	own, inside := judgedInside(r)
	if !inside || extensions[own.MediaType] == "" {
		return nil
	}
	var image []byte
	if in.Document != nil {
		var err error
		if image, err = in.Document.Content(); err != nil {
			return err
		}
	} else if bundle, err := evidence.Parse(proof); err == nil {
		image = bundle.Content
	}
	before := own.Outcome
	picture(own, image)
	if own.Outcome != before {
		reason := verifier.InnerIndeterminate
		if own.Outcome == verifier.Invalid {
			reason = verifier.InnerInvalid
		}
		r.Add(verifier.Check{ID: verifier.CheckInner, Required: true, Reason: reason, Detail: evidence.SubjectBadge + ": " + string(own.Reason)})
		r.Decide()
	}
	return nil
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
