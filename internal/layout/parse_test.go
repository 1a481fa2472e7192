package layout

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

const small = `{"format":"chancery-template/1","name":"x","page":{"size":"A4"},"colors":{"ink":"#14213D"},"elements":[{"kind":"text","box":[20,20,100,20],"text":"{a}","color":"ink"}]}`

func TestParse(t *testing.T) {
	if _, err := Parse([]byte(small)); err != nil {
		t.Fatal(err)
	}
	element := func(e string) string { return small[:strings.Index(small, `[{`)] + "[" + e + "]}" }
	for _, c := range []struct{ text, pointer string }{
		{`[]`, ""}, {`{}`, ""},
		{strings.Replace(small, `template/1`, `template/2`, 1), "/format"},
		{strings.Replace(small, `"name":"x",`, ``, 1), ""},
		{strings.Replace(small, `"name":"x"`, `"name":"x\u0000"`, 1), "/name"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","extra":1`, 1), "/extra"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","lang":"e"`, 1), "/lang"},
		{strings.Replace(small, `{"size":"A4"}`, `{"size":"A3"}`, 1), "/page/size"},
		{strings.Replace(small, `{"size":"A4"}`, `{"width":10,"height":100}`, 1), "/page/width"},
		{strings.Replace(small, `{"size":"A4"}`, `{"width":100}`, 1), "/page"},
		{strings.Replace(small, `{"size":"A4"}`, `{"size":"A4","width":100,"height":100}`, 1), "/page"},
		{strings.Replace(small, `#14213D`, `#14213`, 1), "/colors/ink"},
		{strings.Replace(small, `#14213D`, `#14213G`, 1), "/colors/ink"},
		{strings.Replace(small, `"color":"ink"`, `"color":"blue"`, 1), "/elements/0/color"},
		{strings.Replace(small, `"{a}"`, `"{a"`, 1), "/elements/0/text"},
		{strings.Replace(small, `"{a}"`, `"a}"`, 1), "/elements/0/text"},
		{strings.Replace(small, `"{a}"`, `"{a b}"`, 1), "/elements/0/text"},
		{strings.Replace(small, `"{a}"`, `"{}"`, 1), "/elements/0/text"},
		{strings.Replace(small, `[20,20,100,20]`, `[20,20,100]`, 1), "/elements/0/box"},
		{strings.Replace(small, `[20,20,100,20]`, `[200,20,100,20]`, 1), "/elements/0/box"},
		{strings.Replace(small, `[20,20,100,20]`, `[-1,20,100,20]`, 1), "/elements/0/box"},
		{strings.Replace(small, `[20,20,100,20]`, `[20,20,0,20]`, 1), "/elements/0/box"},
		{strings.Replace(small, `[20,20,100,20]`, `[20,20,"1",20]`, 1), "/elements/0/box/2"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"video"`, 1), "/elements/0/kind"},
		{strings.Replace(small, `"kind":"text",`, ``, 1), "/elements/0"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","depth":3`, 1), "/elements/0/depth"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","font":"Arial"`, 1), "/elements/0/font"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","role":"Sect"`, 1), "/elements/0/role"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","size":1000`, 1), "/elements/0/size"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","size":8,"minSize":9`, 1), "/elements/0"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","lines":99`, 1), "/elements/0/lines"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","features":["x"]`, 1), "/elements/0/features"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","optional":"yes"`, 1), "/elements/0/optional"},
		{strings.Replace(small, `"kind":"text"`, `"kind":"text","when":"a b"`, 1), "/elements/0/when"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","defaults":{"id":"1"}`, 1), "/defaults/id"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","defaults":{"a":1}`, 1), "/defaults/a"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","assets":{"a":{"type":"image/gif","data":""}}`, 1), "/assets/a/type"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","assets":{"a":{"type":"image/png","data":"!"}}`, 1), "/assets/a/data"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","assets":{"a":{"type":"image/png","data":"aGVsbG8="}}`, 1), "/assets/a"},
		{strings.Replace(small, `"name":"x"`, `"name":"x","background":{"asset":"none"}`, 1), "/background/asset"},
		{element(`{"kind":"qr","box":[10,10,10,10],"color":"ink"}`), "/elements/0"},
		{element(`{"kind":"border","box":[10,10,20,20],"color":"ink","accent":"ink"}`), "/elements/0"},
		{element(`{"kind":"signature","box":[10,10,20,20],"name":"a.b"}`), "/elements/0/name"},
		{element(`{"kind":"signature","box":[10,10,20,20],"name":"a"},{"kind":"signature","box":[10,10,20,20],"name":"a"}`), "/elements/1"},
		{element(`1`), "/elements/0"},
		{element(strings.Repeat(`{"kind":"rect","box":[10,10,20,20]},`, 200) + `{"kind":"rect","box":[10,10,20,20]}`), "/elements"},
	} {
		var te *TemplateError
		if _, err := Parse([]byte(c.text)); !errors.As(err, &te) || te.Pointer != c.pointer {
			t.Errorf("%s: expected a TemplateError at %q, found %v", c.text, c.pointer, err)
		}
	}
	var je *strictjson.Error
	for _, bad := range []string{"", "{", small + " x", strings.Replace(small, `"name":"x"`, `"name":"x","name":"y"`, 1), strings.Repeat("[", 100)} {
		if _, err := Parse([]byte(bad)); !errors.As(err, &je) {
			t.Errorf("%.40q: expected a strictjson.Error, found %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add(builtin(f, Diploma, "A4").JSON())
	f.Add(builtin(f, Certificate, "Letter-landscape").JSON())
	f.Add(backgroundTemplate("image/svg+xml", []byte(armsSVG)))
	r := latin(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		tm, err := Parse(b)
		if err != nil {
			return
		}
		fields, o := testFields(), testOptions()
		required, _ := tm.Fields()
		for _, name := range required {
			if len(fields.Text) < maxFields {
				fields.Text[name] = "Text"
			}
		}
		_, _ = r.Render(context.Background(), tm, fields, o)
	})
}

func FuzzText(f *testing.F) {
	for _, n := range names {
		f.Add(n, "en")
	}
	f.Add("\u202e\u2066a\u0300\u0301\u200d\n\nb", "ar")
	r := latin(f)
	tm := builtin(f, Certificate, "A4")
	f.Fuzz(func(t *testing.T, s, lang string) {
		fields, o := testFields(), testOptions()
		fields.Text["recipient"] = s
		fields.Facts[0] = Fact{Label: s, Value: s}
		fields.Langs = map[string]string{"recipient": lang}
		b, err := r.Render(context.Background(), tm, fields, o)
		if err == nil {
			open(t, b)
		}
	})
}

func FuzzSVG(f *testing.F) {
	f.Add([]byte(armsSVG))
	f.Add([]byte(`<svg width="10" height="5"><path d="M0 0h1v1H0zM1 1a2 2 0 01 3 3q1 1 2 0t1 1s1 1 2 2"/><ellipse rx="2" ry="1"/></svg>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPicture(b)
		if err != nil || p.vector == nil {
			return
		}
		d := &drawing{width: 100, height: 100, pages: [][]op{p.ops(0, 0, 100, 100, "center", "middle", false)}, root: &node{role: "Document"}}
		s := newShaper(nil)
		if _, err := rasterize(context.Background(), s, d, 0, 36); err != nil {
			t.Fatal(err)
		}
	})
}

// TestManyPixels: the pictures of one template are bounded together, before they are
// unpacked, and those of 16 bits a sample are kept with 8.
func TestManyPixels(t *testing.T) {
	data := func(img image.Image) string {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	half := data(image.NewGray(image.Rect(0, 0, 2900, 2900)))
	assets := `"assets":{"a":{"type":"image/png","data":"` + half + `"},"b":{"type":"image/png","data":"` + half + `"}}`
	var te *TemplateError
	if _, err := Parse([]byte(strings.Replace(small, `"name":"x"`, `"name":"x",`+assets, 1))); !errors.As(err, &te) || te.Pointer != "/assets/b" {
		t.Errorf("expected a TemplateError at /assets/b, found %v", err)
	}
	wide := image.NewNRGBA64(image.Rect(0, 0, 2, 1))
	wide.SetNRGBA64(0, 0, color.NRGBA64{0x1234, 0x5678, 0x9abc, 0x8000})
	wide.SetNRGBA64(1, 0, color.NRGBA64{0xffff, 0, 0x0102, 0xffff})
	gray := image.NewGray16(image.Rect(0, 0, 2, 1))
	gray.SetGray16(1, 0, color.Gray16{0x7f80})
	for _, img := range []image.Image{wide, gray} {
		raw, err := base64.StdEncoding.DecodeString(data(img))
		if err != nil {
			t.Fatal(err)
		}
		p, err := readPNG(raw)
		if err != nil {
			t.Fatal(err)
		}
		if m := p.pixels.image.ColorModel(); m != color.NRGBAModel && m != color.GrayModel {
			t.Errorf("expected 8 bits a sample, found %T", p.pixels.image)
		}
		for x := range 2 {
			want, found := color.NRGBAModel.Convert(img.At(x, 0)), color.NRGBAModel.Convert(p.pixels.image.At(x, 0))
			if want != found {
				t.Errorf("expected %v, found %v", want, found)
			}
		}
	}
}
