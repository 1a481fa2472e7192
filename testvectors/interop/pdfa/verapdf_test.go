package pdfa_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/testvectors/interop"
	"github.com/chancery-dev/chancery/testvectors/interop/pdfa"
)

const arms = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M1 1h8v5a4 4 0 0 1-8 0z" fill="#14213D" fill-opacity="0.9"/></svg>`

func fields() layout.Fields {
	return layout.Fields{Text: map[string]string{
		"institution": "Universität Grünau", "achievement": "Master of Science in Computational Physics", "recipient": "Ada Maria Łovelace",
		"description": "with distinction", "date": "Grünau, 30 June 2026", "signatory1.name": "Prof. Dr. Mária Szőke", "signatory1.title": "President", "seal": "G",
	}, Facts: []layout.Fact{{Label: "Issued", Value: "30 June 2026"}, {Label: "Credits", Value: "120 ECTS"}}}
}

func options() layout.Options {
	return layout.Options{Credential: []byte(`{"type":["VerifiableCredential"]}`), CredentialMediaType: "application/vc", VerifyURL: "https://verify.example.edu/c/7Q2MXK4D9F3HTB6N",
		ID: "7Q2MXK4D9F3HTB6N", Title: "Überprüfbar & <schön>", Author: "Universität Grünau", Created: time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)}
}

// TestPages has veraPDF judge documents of each shipped template, plain and with everything
// that can be on one: watermark, signature field, images with transparency, other scripts,
// facts that go over pages, a background that is a PDF page. All are PDF/A-3b and, but for the
// last, PDF/UA-1.
func TestPages(t *testing.T) {
	interop.Require(t, "java", "mvn")
	dir := t.TempDir()
	var files []string
	save := func(name string, r *layout.Renderer, tm *layout.Template, f layout.Fields, o layout.Options) []byte {
		t.Helper()
		b, err := r.Render(context.Background(), tm, f, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		file := filepath.Join(dir, name+".pdf")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		return b
	}
	r, err := layout.New(layout.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var photo bytes.Buffer
	img := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	img.SetNRGBA(3, 3, color.NRGBA{200, 10, 10, 128})
	if err := png.Encode(&photo, img); err != nil {
		t.Fatal(err)
	}
	var design []byte
	names, sizes := layout.BuiltinNames()
	for _, n := range names {
		for _, s := range sizes {
			tm, err := layout.Builtin(n, s)
			if err != nil {
				t.Fatal(err)
			}
			one := fields()
			one.Facts = nil
			design = save(n+"-"+s, r, tm, one, options())
			long := fields()
			for i := range 120 {
				long.Facts = append(long.Facts, layout.Fact{Label: fmt.Sprint("Course ", i+1), Value: strings.Repeat("1.3 (very good), ", 1+i%40)})
			}
			save(n+"-"+s+"-pages", r, tm, long, options())
			f, o := fields(), options()
			o.TestWatermark, o.SignatureField = true, "Signature1"
			f.Images = map[string]layout.Image{"arms": {Data: []byte(arms)}}
			save(n+"-"+s+"-svg", r, tm, f, o)
			f.Images = map[string]layout.Image{"arms": {Data: photo.Bytes()}}
			save(n+"-"+s+"-png", r, tm, f, o)
		}
	}
	tm, err := layout.Parse(fmt.Appendf(nil, `{"format":"chancery-template/1","name":"Background","page":{"size":"A4"},"colors":{"ink":"#000000"},"assets":{"bg":{"type":"application/pdf","data":%q}},
		"background":{"asset":"bg"},"elements":[{"kind":"text","box":[20,20,100,20],"text":"{recipient}","color":"ink"}]}`, base64.StdEncoding.EncodeToString(design)))
	if err != nil {
		t.Fatal(err)
	}
	save("background", r, tm, fields(), options())
	if _, err := os.Stat("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc"); err == nil {
		all, err := layout.New(layout.Config{FontDirs: []string{"/usr/share/fonts"}})
		if err != nil {
			t.Fatal(err)
		}
		tm, err := layout.Builtin(layout.Diploma, "A4")
		if err != nil {
			t.Fatal(err)
		}
		f := fields()
		f.Text["recipient"] = "محمد بن سلام 王小明 김민수 क्षितिज"
		f.Facts = slices.Repeat([]layout.Fact{{Label: "الجبر الخطي", Value: "ممتاز"}, {Label: "线性代数", Value: "优秀"}}, 40)
		o := options()
		o.Lang = "ar"
		save("scripts", all, tm, f, o)
	} else {
		t.Log("fonts-noto-cjk is not installed: no page of all scripts")
	}
	failed, err := pdfa.Validate(t.Context(), dir, "3b", files...)
	if err != nil {
		t.Fatal(err)
	}
	for file, rules := range failed {
		t.Errorf("%s is not PDF/A-3b: %s", filepath.Base(file), rules)
	}
	accessible := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return filepath.Base(f) == "background.pdf" })
	if failed, err = pdfa.Validate(t.Context(), dir, "ua1", accessible...); err != nil {
		t.Fatal(err)
	}
	for file, rules := range failed {
		t.Errorf("%s is not PDF/UA-1: %s", filepath.Base(file), rules)
	}
	// The validator must be able to say no.
	broken := filepath.Join(dir, "broken.pdf")
	if err := os.WriteFile(broken, bytes.Replace(design, []byte("<pdfaid:part>3<"), []byte("<pdfaid:part>1<"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	failed, err = pdfa.Validate(t.Context(), dir, "3b", broken)
	if err != nil || len(failed) != 1 {
		t.Errorf("expected a page of another part to fail, found %v, %v", failed, err)
	}
}
