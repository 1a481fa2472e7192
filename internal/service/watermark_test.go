package service_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/service"
)

// pictures are of many kinds; each is to carry the word when it comes from the test
// environment.
func pictures(t *testing.T) map[string]string {
	t.Helper()
	encoded := func(img image.Image) string {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
	}
	blue, palette := image.NewNRGBA(image.Rect(0, 0, 300, 200)), image.NewPaletted(image.Rect(0, 0, 64, 64), color.Palette{color.Transparent, color.Black})
	for i := range blue.Pix {
		blue.Pix[i] = []uint8{0x20, 0x40, 0xC0, 0xFF}[i%4]
	}
	noise := image.NewPaletted(image.Rect(0, 0, 1200, 600), nil)
	for range 256 {
		noise.Palette = append(noise.Palette, color.NRGBA{uint8(rand.Uint32()), uint8(rand.Uint32()), uint8(rand.Uint32()), 0xFF})
	}
	for i := range noise.Pix {
		noise.Pix[i] = uint8(rand.Uint32() & 0x1f) // what fits into the bound packed, and not unpacked and packed again
	}
	svg := func(text string) string {
		return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(text))
	}
	const ns = `xmlns="http://www.w3.org/2000/svg"`
	return map[string]string{
		"drawn": "", "blue": encoded(blue), "palette": encoded(palette), "16 bits": encoded(image.NewGray16(image.Rect(0, 0, 50, 90))), "small": encoded(image.NewNRGBA(image.Rect(0, 0, 40, 60))),
		"noise":         encoded(noise),
		"SVG":           svg(`<svg ` + ns + ` viewBox="0 0 10 10"><rect width="10" height="10" fill="blue"/></svg>`),
		"SVG elsewhere": svg(`<?xml version="1.0"?><!-- </svg> --><svg ` + ns + ` viewBox="-50,-50 100 100" width="300"><style>path{fill:none!ie;display:none}</style><circle r="50" fill="blue"/></svg >`),
		"SVG prefix":    svg(`<s:svg xmlns:s="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><s:rect width="10" height="10"/></s:svg>`),
	}
}

// TestBadgesOfTest: the picture of a badge of the test environment says so, whoever's it
// is, in the files and at the address that the credential names; that of a live one is as
// it was given.
func TestBadgesOfTest(t *testing.T) {
	for name, picture := range pictures(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			files := map[service.Environment]map[string][]byte{}
			for _, e := range []service.Environment{service.Test, service.Live} {
				c := w.tenant("north", e)
				w.issuer(c, func(i *service.NewIssuer) { i.Key = "academy" })
				in := service.NewType{Key: "badge", DisplayName: "Badge", Kind: "badge", Outputs: []string{"vc", "badge"}, Achievement: &service.Achievement{Image: picture}}
				must(w.s.CreateType(w.ctx, c, in, service.Idempotency{}))(t)
				made := must(w.s.Issue(w.ctx, c, service.NewCredential{Type: "badge", ItemInput: service.ItemInput{Recipient: service.Recipient{Name: "Aina", Email: "aina@example.com"}}}, service.Idempotency{}))(t).Value
				files[e] = map[string][]byte{}
				for _, form := range []string{"png", "svg"} {
					if _, ok := made.Artifacts[form]; !ok {
						continue
					}
					baked := w.file(c, made.ID, form)
					expect(t, form, w.verify(baked), "valid", "", "*")
					files[e][form] = baked
				}
			}
			if len(files[service.Test]) == 0 || len(files[service.Test]) != len(files[service.Live]) {
				t.Fatalf("found %d and %d files", len(files[service.Test]), len(files[service.Live]))
			}
			for form, live := range files[service.Live] {
				test := files[service.Test][form]
				if dir := os.Getenv("CHANCERY_LOOK"); dir != "" { // to be looked at
					os.WriteFile(dir+"/"+strings.ReplaceAll(name, " ", "-")+"."+form, test, 0o600)
				}
				if form == "svg" {
					if bytes.Contains(live, []byte("fill-opacity:.93")) || bytes.Count(test, []byte("fill-opacity:.93")) != 1 {
						t.Error("expected the word in the SVG of test alone")
					}
					continue
				}
				if inked(t, live) != strings.Contains(name, "drawn") || !inked(t, test) {
					t.Errorf("expected the word in the PNG of test alone: %v, %v", inked(t, live), inked(t, test))
				}
				if _, err := badge.Unbake(bytes.NewReader(test)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// inked reports whether a PNG has a dot in the ink of the word.
func inked(t *testing.T, b []byte) bool {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA); c == (color.NRGBA{0x8A, 0x1C, 0x1C, 0xFF}) {
				return true
			}
		}
	}
	return false
}

// TestPicturesThatCannotBeMarked are refused in test: they are no pictures.
func TestPicturesThatCannotBeMarked(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	w.issuer(c, func(i *service.NewIssuer) { i.Key = "academy" })
	var whole bytes.Buffer
	if err := png.Encode(&whole, image.NewNRGBA(image.Rect(0, 0, 40, 40))); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		chancery.MediaPNG: bytes.Replace(whole.Bytes(), []byte("IDAT"), []byte("IDAX"), 1),
		chancery.MediaSVG: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`),
	} {
		in := service.NewType{Key: "x", DisplayName: "X", Kind: "badge", Outputs: []string{"badge"}, Achievement: &service.Achievement{Image: "data:" + name + ";base64," + base64.StdEncoding.EncodeToString(file)}}
		if _, err := w.s.CreateType(w.ctx, c, in, service.Idempotency{}); code(err) != service.CodeValidation {
			t.Errorf("%s: %v", name, err)
		}
	}
}
