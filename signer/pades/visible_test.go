package pades_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

// seal draws a ring, transparent around it.
func seal() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, 120, 120))
	for y := range 120 {
		for x := range 120 {
			if d := (x-60)*(x-60) + (y-60)*(y-60); d < 58*58 && d > 40*40 || d < 12*12 {
				img.Set(x, y, color.NRGBA{20, 40, 110, 255})
			}
		}
	}
	return img
}

func pngSeal(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, png.Encode(&b, seal()))
	return b.Bytes()
}

func jpegSeal(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, jpeg.Encode(&b, seal(), nil))
	return b.Bytes()
}

var box = [4]float64{72, 72, 332, 152}

func TestVisible(t *testing.T) {
	w := newWorld(t, p256)
	for name, look := range map[string]pades.Appearance{
		"text":  {Rect: box},
		"png":   {Rect: box, Image: pngSeal(t)},
		"jpeg":  {Rect: box, Image: jpegSeal(t), Lines: []string{}},
		"qr":    {Rect: box, Image: pngSeal(t), QR: "https://verify.example/c/7K3M-9QXT-2WPA"},
		"pdf":   {Rect: box, PDF: sample{}.Build(t), QR: "https://verify.example/"},
		"greek": {Rect: box, Lines: []string{"Πανεπιστήμιο Αθηνών", "Университет Грюнау", "Żółć Ňuñez"}},
		"page":  {Rect: box, Page: 1, NoBox: true},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := sign(t, w.Pades(pades.LevelT, p256), sample{Pages: 2}.Build(t), pades.Request{Reason: "Verliehen am Tag der Promotion", Visible: &look})
			sigs := w.signatures(t, out, "")
			widget := sigs[0].field.Widgets[0].Dict
			rev := opened(t, out, "").Latest()
			ap, err := rev.DictAt(widget, "AP")
			check(t, err)
			n, err := rev.StreamAt(ap, "N")
			check(t, err)
			content, err := n.Decode(1 << 20)
			check(t, err)
			scan := pdf.NewContentScanner(bytes.NewReader(content), pdf.Limits{})
			for {
				if _, err := scan.Next(); err != nil {
					if err.Error() != "EOF" {
						t.Fatal(err)
					}
					break
				}
			}
			if dir := os.Getenv("CHANCERY_KEEP"); dir != "" {
				check(t, os.WriteFile(dir+"/visible-"+name+".pdf", out, 0o600))
			}
		})
	}
}

func TestVisibleRefused(t *testing.T) {
	w := newWorld(t, p256)
	in := sample{Form: "direct"}.Build(t)
	for name, c := range map[string]struct {
		req    pades.Request
		reason pades.Reason
	}{
		"no rectangle":          {pades.Request{Visible: &pades.Appearance{}}, pades.BadConfig},
		"upside down":           {pades.Request{Visible: &pades.Appearance{Rect: [4]float64{100, 100, 50, 50}}}, pades.BadConfig},
		"no such page":          {pades.Request{Visible: &pades.Appearance{Rect: box, Page: 7}}, pades.BadConfig},
		"not an image":          {pades.Request{Visible: &pades.Appearance{Rect: box, Image: []byte("GIF89a")}}, pades.BadAppearance},
		"broken PNG":            {pades.Request{Visible: &pades.Appearance{Rect: box, Image: pngSeal(t)[:200]}}, pades.BadAppearance},
		"broken JPEG":           {pades.Request{Visible: &pades.Appearance{Rect: box, Image: jpegSeal(t)[:300]}}, pades.BadAppearance},
		"no glyph":              {pades.Request{Visible: &pades.Appearance{Rect: box, Lines: []string{"漢字"}}}, pades.BadAppearance},
		"control character":     {pades.Request{Visible: &pades.Appearance{Rect: box, Lines: []string{"a\nb"}}}, pades.BadAppearance},
		"not UTF-8":             {pades.Request{Visible: &pades.Appearance{Rect: box, Lines: []string{"\xff"}}}, pades.BadAppearance},
		"too much text":         {pades.Request{Visible: &pades.Appearance{Rect: box, Lines: make([]string, 33)}}, pades.BadAppearance},
		"too small for text":    {pades.Request{Visible: &pades.Appearance{Rect: [4]float64{0, 0, 20, 10}}}, pades.BadAppearance},
		"too small for QR":      {pades.Request{Visible: &pades.Appearance{Rect: [4]float64{0, 0, 12, 12}, Lines: []string{}, QR: "https://verify.example/"}}, pades.BadAppearance},
		"PDF that is none":      {pades.Request{Visible: &pades.Appearance{Rect: box, PDF: []byte("%PDF-1.7 nothing")}}, pades.BadAppearance},
		"rectangle of a field":  {pades.Request{Field: "Registrar", Visible: &pades.Appearance{Rect: box}}, pades.BadConfig},
		"nil font":              {pades.Request{Visible: &pades.Appearance{Rect: box, Fonts: []*pades.Font{nil}}}, pades.BadAppearance},
		"not a number in there": {pades.Request{Visible: &pades.Appearance{Rect: [4]float64{0, 0, nan(), 50}}}, pades.BadConfig},
	} {
		t.Run(name, func(t *testing.T) { refused(t, w.Pades(pades.LevelB, p256), in, c.req, c.reason) })
	}
	if _, err := pades.ParseFont([]byte("OTTO")); err == nil {
		t.Fatal("a font that is none was taken")
	}
}
