package verifier_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/verifier"
)

// TestBakedPicture: who links this package learns too that a credential stands in another
// picture than in those that it names.
func TestBakedPicture(t *testing.T) {
	k := newKey(t, "issuer")
	var dark bytes.Buffer
	p := image.NewGray(image.Rect(0, 0, 2, 2))
	p.Set(1, 1, color.White)
	if err := png.Encode(&dark, p); err != nil {
		t.Fatal(err)
	}
	ownPNG, otherPNG := plainPNG(t), dark.Bytes()
	ownSVG, otherSVG := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>`), []byte(`<svg xmlns="http://www.w3.org/2000/svg"><text>Doctor</text></svg>`)
	resource := func(folder, media, ext string, picture []byte) string {
		sum := sum256(picture)
		return `{"id":"https://academy.example/` + folder + `/` + hex.EncodeToString(sum[:]) + ext + `","mediaType":"` + media + `","digestSRI":"sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `"}`
	}
	pngOnly := resource("pictures", chancery.MediaPNG, ".png", ownPNG)
	both := pngOnly + "," + resource("pictures", chancery.MediaSVG, ".svg", ownSVG)
	for _, c := range []struct {
		name, resources, media string
		picture                []byte
		want                   verifier.Reason
		told                   bool
	}{
		{"its own PNG", both, chancery.MediaPNG, ownPNG, "", true},
		{"its own SVG", both, chancery.MediaSVG, ownSVG, "", true},
		{"found by content", both, "", ownSVG, "", true},
		{"named as another kind by the caller", both, chancery.MediaPNG, ownSVG, "", true},
		{"another PNG", both, chancery.MediaPNG, otherPNG, verifier.RelatedResourceMismatch, true},
		{"another SVG", both, chancery.MediaSVG, otherSVG, verifier.RelatedResourceMismatch, true},
		{"another SVG, named as a PNG by the caller", both, chancery.MediaPNG, otherSVG, verifier.RelatedResourceMismatch, true},
		{"of a kind that it does not name", pngOnly, chancery.MediaSVG, ownSVG, verifier.RelatedResourceMismatch, true},
		{"named in another way", resource("logos", chancery.MediaPNG, ".png", ownPNG), chancery.MediaPNG, otherPNG, "", false},
	} {
		signed := sign(t, badgeDraft(t, k.did, `"relatedResource":[`+c.resources+`]`), k, proofOf{})
		var baked bytes.Buffer
		if err := badge.Bake(&baked, bytes.NewReader(c.picture), vc(signed), badge.BakeOptions{}); err != nil {
			t.Fatal(err)
		}
		v := setup(t, verifier.Policy{})
		r := judge(t, v, chancery.Secured{MediaType: c.media, Bytes: baked.Bytes()})
		if _, told := r.Check(verifier.CheckBadgeBinding); r.Reason != c.want || told != c.told || (r.Outcome == verifier.Valid) != (c.want == "") {
			t.Errorf("%s: expected %q, told %v\n%s", c.name, string(c.want), c.told, explain(r))
		}
		mustValid(t, judge(t, v, vc(signed)))
	}
}
