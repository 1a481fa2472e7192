package layout

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

func latin(t testing.TB) *Renderer {
	t.Helper()
	r, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func builtin(t testing.TB, name, size string) *Template {
	t.Helper()
	tm, err := Builtin(name, size)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

// everyBuiltin runs f for each shipped template.
func everyBuiltin(t *testing.T, f func(t *testing.T, tm *Template)) {
	names, sizes := BuiltinNames()
	for _, n := range names {
		for _, s := range sizes {
			t.Run(n+"-"+s, func(t *testing.T) { f(t, builtin(t, n, s)) })
		}
	}
}

func open(t testing.TB, b []byte) *pdf.Revision {
	t.Helper()
	doc, err := pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Check(); err != nil {
		t.Fatal(err)
	}
	return doc.Latest()
}

func TestBuiltin(t *testing.T) {
	r := latin(t)
	everyBuiltin(t, func(t *testing.T, tm *Template) {
		again, err := Parse(tm.JSON())
		if err != nil {
			t.Fatal(err)
		}
		required, optional := tm.Fields()
		bare := Fields{Text: map[string]string{}}
		for _, name := range required {
			bare.Text[name] = "Text"
		}
		if _, err := r.Render(context.Background(), tm, bare, testOptions()); err != nil {
			t.Errorf("with %v alone, without %v: %v", required, optional, err)
		}
		for _, name := range required {
			f := testFields()
			delete(f.Text, name)
			var fe *FieldError
			if _, err := r.Render(context.Background(), tm, f, testOptions()); !errors.As(err, &fe) || fe.Field != name {
				t.Errorf("without %s: expected a FieldError that names it, found %v", name, err)
			}
		}
		a, err := r.Render(context.Background(), tm, testFields(), testOptions())
		if err != nil {
			t.Fatal(err)
		}
		b, err := latin(t).Render(context.Background(), again, testFields(), testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Error("expected equal bytes for equal inputs, found others")
		}
		if len(a) > 150<<10 {
			t.Errorf("expected less than 150 KB, found %d bytes", len(a))
		}
	})
	for _, bad := range [][2]string{{"diplom", "A4"}, {"diploma", "A5"}, {"", ""}} {
		if _, err := Builtin(bad[0], bad[1]); err == nil {
			t.Errorf("expected an error for %q", bad)
		}
	}
}

// TestBuiltinSays: what was achieved, who achieved it, when, and by whom is on every page.
func TestBuiltinSays(t *testing.T) {
	r := latin(t)
	everyBuiltin(t, func(t *testing.T, tm *Template) {
		preview := func(f Fields) []byte {
			b, err := r.Preview(context.Background(), tm, f, testOptions(), PreviewOptions{DPI: 40})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		want := preview(testFields())
		for _, name := range []string{"institution", "achievement", "recipient", "date", "description"} {
			f := testFields()
			f.Text[name] = "Another"
			if bytes.Equal(preview(f), want) {
				t.Errorf("%s is not on the page", name)
			}
		}
	})
}

func TestStructure(t *testing.T) {
	o := testOptions()
	o.SignatureField, o.TestWatermark = "Signature1", true
	b, err := latin(t).Render(context.Background(), builtin(t, Diploma, "A4"), testFields(), o)
	if err != nil {
		t.Fatal(err)
	}
	rev := open(t, b)
	cat, err := rev.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []pdf.Name{"AF", "Names", "MarkInfo", "StructTreeRoot", "Lang", "Metadata", "OutputIntents"} {
		if !cat.Has(key) {
			t.Errorf("expected /%s in the catalog", key)
		}
	}
	af, err := rev.ArrayAt(cat, "AF")
	if err != nil || af.Len() != 1 {
		t.Fatal("expected one associated file", err)
	}
	o1, err := rev.Resolve(af.At(0))
	if err != nil {
		t.Fatal(err)
	}
	spec := o1.(*pdf.Dict)
	if rel, _ := rev.NameAt(spec, "AFRelationship"); rel != "Data" {
		t.Errorf("expected /AFRelationship /Data, found %s", rel)
	}
	ef, _ := rev.DictAt(spec, "EF")
	st, err := rev.StreamAt(ef, "F")
	if err != nil {
		t.Fatal(err)
	}
	data, err := st.Decode(0)
	if err != nil || !bytes.Equal(data, o.Credential) {
		t.Errorf("expected the credential byte for byte, found %d bytes, %v", len(data), err)
	}
	if sub, _ := rev.NameAt(st.Dict, "Subtype"); sub != "application/vc" {
		t.Errorf("expected the media type, found %s", sub)
	}
	fields, err := rev.Fields()
	if err != nil || len(fields) != 1 || fields[0].Name != "Signature1" || fields[0].FT != "Sig" || fields[0].V != nil {
		t.Errorf("expected one empty signature field, found %v, %v", fields, err)
	}
	box := builtin(t, Diploma, "A4").SignatureBoxes()[0]
	rect, err := rev.NumbersAt(fields[0].Widgets[0].Dict, "Rect")
	if err != nil || math.Abs(rect[0]-box.Rect[0]) > 0.01 || math.Abs(rect[3]-box.Rect[3]) > 0.01 {
		t.Errorf("expected the box %v, found %v %v", box.Rect, rect, err)
	}
	o.Credential = nil
	b, err = latin(t).Render(context.Background(), builtin(t, Diploma, "A4"), testFields(), o)
	if err != nil {
		t.Fatal(err)
	}
	if cat, _ := open(t, b).Catalog(); cat.Has("AF") || cat.Has("Names") {
		t.Error("expected no associated file without a credential")
	}
}

func TestQR(t *testing.T) {
	r := latin(t)
	dir := t.TempDir()
	everyBuiltin(t, func(t *testing.T, tm *Template) {
		o := testOptions()
		b, err := r.Preview(context.Background(), tm, testFields(), o, PreviewOptions{DPI: 110})
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		bmp, err := gozxing.NewBinaryBitmapFromImage(img)
		if err != nil {
			t.Fatal(err)
		}
		res, err := qrcode.NewQRCodeReader().Decode(bmp, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
		if err != nil || res.GetText() != o.VerifyURL {
			t.Errorf("expected a QR code with the address, found %v, %v", res, err)
		}
		if zbar, err := exec.LookPath("zbarimg"); err == nil {
			file := filepath.Join(dir, filepath.Base(t.Name())+".png")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(zbar, "-q", "--raw", file).Output()
			if err != nil || strings.TrimSpace(string(out)) != o.VerifyURL {
				t.Errorf("zbarimg: expected the address, found %q, %v", out, err)
			}
		}
	})
}

// TestNames sets names of all lengths in every shipped template: none fails to fit, and
// no line leaves its box.
func TestNames(t *testing.T) {
	r := latin(t)
	texts := []string{"Li", "Ann", "Ø", strings.Repeat("Maximiliana-Theodora ", 3) + "von Hohen", strings.Repeat("W", 70), strings.Repeat("Wilhelmina ", 6) + "Ab",
		"Ἀριστοτέλης Παπαδόπουλος-Ἀλεξανδρινός τοῦ Κωνσταντίνου Βυζαντίου", "Константин Константинович Константинопольский-Задунайский-Петроградов"}
	everyBuiltin(t, func(t *testing.T, tm *Template) {
		for _, name := range texts {
			f := testFields()
			f.Text["recipient"], f.Text["achievement"], f.Text["institution"] = name, name+" "+name, name
			f.Text["description"] = strings.Repeat(name+", ", 3)
			f.Text["signatory1.name"], f.Text["signatory1.title"] = name, name
			for range 4 {
				f.Facts = append(f.Facts, Fact{Label: name, Value: name})
			}
			s := newShaper(nil)
			d, _, err := r.compose(context.Background(), s, tm, f, testOptions())
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			for _, o := range slices.Concat(d.pages...) {
				if tx, ok := o.(opText); ok {
					last := tx.glyphs[len(tx.glyphs)-1]
					right := tx.x + (last.x+last.width-400)*tx.size/1000
					if tx.x < 10 || right > d.width-8 || tx.y < 8 || tx.y > d.height-8 {
						t.Errorf("%q: text leaves the page: %g to %g at %g", name, tx.x, right, tx.y)
					}
				}
			}
		}
	})
	f := testFields()
	f.Text["recipient"] = strings.Repeat("W ", 290)
	var fe *FitError
	if _, err := r.Render(context.Background(), builtin(t, Diploma, "A4"), f, testOptions()); !errors.As(err, &fe) {
		t.Errorf("expected a FitError for a name of 290 letters, found %v", err)
	}
}

func TestMissingFont(t *testing.T) {
	r := latin(t)
	for _, c := range []struct{ text, script, pack string }{
		{"王小明", "Han (Chinese, Japanese, Korean)", "fonts-noto-cjk"}, {"김민수", "Hangul (Korean)", "fonts-noto-cjk"}, {"はなこ", "Kana (Japanese)", "fonts-noto-cjk"},
		{"محمد", "Arabic", "fonts-noto-core"}, {"क्षितिज", "Devanagari", "fonts-noto-core"}, {"דוד", "Hebrew", "fonts-noto-core"}, {"Ada 王", "Han (Chinese, Japanese, Korean)", "fonts-noto-cjk"},
		{"Ada 😀", "pictographs", "fonts-symbola"}, {"Zoë 👩‍🎓🎉", "pictographs", "fonts-symbola"}, {"王 🎉", "Han (Chinese, Japanese, Korean)", "fonts-noto-cjk"},
		{"Ada ⚒", "symbols", "fonts-noto-core"},
	} {
		f := testFields()
		f.Text["recipient"] = c.text
		var me *MissingFontError
		_, err := r.Render(context.Background(), builtin(t, Diploma, "A4"), f, testOptions())
		if !errors.As(err, &me) {
			t.Errorf("%q: expected a MissingFontError, found %v", c.text, err)
			continue
		}
		if me.Script != c.script && c.script != "symbols" || me.Package != c.pack {
			t.Errorf("%q: expected %s and %s, found %s and %s", c.text, c.script, c.pack, me.Script, me.Package)
		}
		if !strings.HasPrefix(err.Error(), "layout: ") {
			t.Errorf("message %q", err)
		}
	}
	if _, err := New(Config{FontDirs: []string{filepath.Join(t.TempDir(), "none")}}); err == nil {
		t.Error("expected an error for a font directory that does not exist")
	}
}

func TestFieldErrors(t *testing.T) {
	r := latin(t)
	tm := builtin(t, Certificate, "A4")
	for name, change := range map[string]func(*Fields, *Options){
		"control":      func(f *Fields, o *Options) { f.Text["recipient"] = "A\x00B" },
		"escape":       func(f *Fields, o *Options) { f.Text["recipient"] = "A\x1bB" },
		"utf8":         func(f *Fields, o *Options) { f.Text["recipient"] = "A\xffB" },
		"noncharacter": func(f *Fields, o *Options) { f.Text["recipient"] = "A\uFFFE" },
		"private":      func(f *Fields, o *Options) { f.Text["recipient"] = "A\uE000" },
		"long":         func(f *Fields, o *Options) { f.Text["recipient"] = strings.Repeat("A", 5000) },
		"fieldname":    func(f *Fields, o *Options) { f.Text["a b"] = "x" },
		"given":        func(f *Fields, o *Options) { f.Text["verify.url"] = "https://evil.example" },
		"fact":         func(f *Fields, o *Options) { f.Facts[0].Value = " " },
		"facts":        func(f *Fields, o *Options) { f.Facts = make([]Fact, 100) },
		"lang":         func(f *Fields, o *Options) { f.Langs = map[string]string{"recipient": "x y"} },
		"image":        func(f *Fields, o *Options) { f.Images = map[string]Image{"arms": {Data: []byte("GIF89a")}} },
		"created":      func(f *Fields, o *Options) { o.Created = time.Time{} },
		"url":          func(f *Fields, o *Options) { o.VerifyURL = "javascript:alert(1)" },
		"nourl":        func(f *Fields, o *Options) { o.VerifyURL = "" },
		"urlspace":     func(f *Fields, o *Options) { o.VerifyURL = "https://a.example/ b" },
		"mediatype":    func(f *Fields, o *Options) { o.CredentialMediaType = "" },
		"filename":     func(f *Fields, o *Options) { o.CredentialName = "../x" },
		"title":        func(f *Fields, o *Options) { o.Title = "a\nb" },
		"pagelang":     func(f *Fields, o *Options) { o.Lang = "1" },
		"signature":    func(f *Fields, o *Options) { o.SignatureField = "none" },
	} {
		f, o := testFields(), testOptions()
		change(&f, &o)
		b, err := r.Render(context.Background(), tm, f, o)
		var fe *FieldError
		var oe *OptionError
		if b != nil || !errors.As(err, &fe) && !errors.As(err, &oe) {
			t.Errorf("%s: expected a FieldError or OptionError, found %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Render(ctx, tm, testFields(), testOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("expected the context's error, found %v", err)
	}
	if _, err := r.Preview(context.Background(), tm, testFields(), testOptions(), PreviewOptions{DPI: 100_000}); err == nil {
		t.Error("expected an error for a preview of too many pixels")
	}
}

func TestConcurrent(t *testing.T) {
	r := latin(t)
	tm := builtin(t, Diploma, "A4-landscape")
	want, err := r.Render(context.Background(), tm, testFields(), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := r.Render(context.Background(), tm, testFields(), testOptions())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("expected the same bytes from each goroutine, %v", err)
			}
		})
	}
	wg.Wait()
}

const armsSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 120"><title>Arms</title>
<path d="M5 5h90v60c0 30-25 45-45 50C30 110 5 95 5 65z" fill="#14213D" stroke="#A98434" stroke-width="4"/>
<g transform="translate(50 55) rotate(15)" style="fill:#FBFAF6"><polygon points="0,-30 7,-9 29,-9 11,4 18,25 0,12 -18,25 -11,4 -29,-9 -7,-9"/></g>
<path fill-rule="evenodd" fill="gold" d="M40 90a10 10 0 1 0 20 0a10 10 0 1 0-20 0zM45 90a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"/></svg>`

func photo(t testing.TB, alpha bool) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for y := range 48 {
		for x := range 64 {
			a := uint8(255)
			if alpha && x < 20 {
				a = uint8(x * 12)
			}
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 4), uint8(y * 5), 90, a})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImages(t *testing.T) {
	r := latin(t)
	for name, data := range map[string][]byte{"svg": []byte(armsSVG), "png": photo(t, false), "alpha": photo(t, true)} {
		f := testFields()
		f.Images = map[string]Image{"arms": {Data: data, Alt: "Arms of the university"}}
		b, err := r.Render(context.Background(), builtin(t, Diploma, "A4-landscape"), f, testOptions())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		open(t, b)
		if _, err := r.Preview(context.Background(), builtin(t, Certificate, "A4"), f, testOptions(), PreviewOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := os.Getenv("LAYOUT_SAMPLES"); d != "" {
			os.WriteFile(filepath.Join(d, "arms-"+name+".pdf"), b, 0o644)
		}
	}
	for name, svg := range map[string]string{
		"text": `<svg viewBox="0 0 1 1"><text>x</text></svg>`, "gradient": `<svg viewBox="0 0 1 1"><rect width="1" height="1" fill="url(#a)"/></svg>`,
		"script": `<svg viewBox="0 0 1 1"><script>1</script></svg>`, "image": `<svg viewBox="0 0 1 1"><image href="http://x/"/></svg>`, "use": `<svg viewBox="0 0 1 1"><use href="#a"/></svg>`,
		"style": `<svg viewBox="0 0 1 1"><style>a{}</style></svg>`, "nobox": `<svg><rect width="1" height="1"/></svg>`, "flat": `<svg viewBox="0 0 0 1"/>`, "html": `<html/>`, "open": `<svg viewBox="0 0 1 1">`,
		"entity": `<!DOCTYPE svg [<!ENTITY a "b">]><svg viewBox="0 0 1 1"/>`, "path": `<svg viewBox="0 0 1 1"><path d="L 1 1"/></svg>`, "path2": `<svg viewBox="0 0 1 1"><path d="M 1"/></svg>`,
		"huge": `<svg viewBox="0 0 1 1"><path d="M 1e300 1"/></svg>`, "clip": `<svg viewBox="0 0 1 1"><rect clip-path="url(#x)" width="1" height="1"/></svg>`,
		"deep": `<svg viewBox="0 0 1 1">` + strings.Repeat("<g>", 100) + strings.Repeat("</g>", 100) + `</svg>`,
	} {
		if _, err := readPicture([]byte(svg)); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
	for _, cut := range []int{8, 20, 40, 100} {
		if _, err := readPicture(photo(t, true)[:cut]); err == nil {
			t.Errorf("expected an error for a PNG of %d bytes", cut)
		}
	}
}

// backgroundTemplate has a PDF page or image behind one line of text.
func backgroundTemplate(mediaType string, data []byte) []byte {
	return fmt.Appendf(nil, `{"format":"chancery-template/1","name":"x","page":{"width":100,"height":80},"colors":{"ink":"#000000"},
	"assets":{"bg":{"type":%q,"data":%q}},"background":{"asset":"bg"},"elements":[{"kind":"text","box":[10,10,80,20],"text":"{a}","color":"ink"}]}`, mediaType, base64.StdEncoding.EncodeToString(data))
}

func TestBackground(t *testing.T) {
	r := latin(t)
	onePage := testFields()
	onePage.Facts = nil
	design, err := r.Render(context.Background(), builtin(t, Diploma, "A4-landscape"), onePage, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	for mediaType, data := range map[string][]byte{"application/pdf": design, "image/png": photo(t, false), "image/svg+xml": []byte(armsSVG)} {
		tm, err := Parse(backgroundTemplate(mediaType, data))
		if err != nil {
			t.Errorf("%s: %v", mediaType, err)
			continue
		}
		b, err := r.Render(context.Background(), tm, Fields{Text: map[string]string{"a": "Hello"}}, Options{Created: created})
		if err != nil {
			t.Errorf("%s: %v", mediaType, err)
			continue
		}
		open(t, b)
		if d := os.Getenv("LAYOUT_SAMPLES"); d != "" {
			os.WriteFile(filepath.Join(d, "background-"+strings.NewReplacer("/", "-", "+", "-").Replace(mediaType)+".pdf"), b, 0o644)
		}
		if _, err := r.Preview(context.Background(), tm, Fields{Text: map[string]string{"a": "Hello"}}, Options{Created: created}, PreviewOptions{}); err != nil {
			t.Errorf("%s: %v", mediaType, err)
		}
	}
	page := func(content string, resources *pdf.Dict, pages int) []byte {
		b := pdf.Builder{}
		tree := b.Alloc()
		kids := pdf.NewArray()
		for range pages {
			kids.Append(b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Page"), pdf.Name("Parent"), tree, pdf.Name("MediaBox"), ints(0, 0, 100, 100),
				pdf.Name("Resources"), resources, pdf.Name("Contents"), b.Add(pdf.NewStream(pdf.NewDict(), []byte(content))))))
		}
		b.Set(tree, pdf.NewDict(pdf.Name("Type"), pdf.Name("Pages"), pdf.Name("Kids"), kids, pdf.Name("Count"), pdf.Integer(pages)))
		b.Trailer().Set("Root", b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Catalog"), pdf.Name("Pages"), tree)))
		var out bytes.Buffer
		if _, err := b.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	font := func(fd *pdf.Dict) *pdf.Dict {
		d := pdf.NewDict(pdf.Name("Type"), pdf.Name("Font"), pdf.Name("Subtype"), pdf.Name("Type1"), pdf.Name("BaseFont"), pdf.Name("Helvetica"))
		if fd != nil {
			d.Set("FontDescriptor", fd)
		}
		return pdf.NewDict(pdf.Name("Font"), pdf.NewDict(pdf.Name("F0"), d))
	}
	if _, err := Parse(backgroundTemplate("application/pdf", page("0 0 1 rg 0 0 50 50 re f", pdf.NewDict(), 1))); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string][]byte{
		"not a pdf": []byte("hello"), "empty": {}, "two pages": page("", pdf.NewDict(), 2), "no page": page("", pdf.NewDict(), 0), "cmyk": page("0 0 0 1 k", pdf.NewDict(), 1),
		"font": page("", font(nil), 1), "font without file": page("", font(pdf.NewDict(pdf.Name("Type"), pdf.Name("FontDescriptor"))), 1),
		"cmyk space": page("", pdf.NewDict(pdf.Name("ColorSpace"), pdf.NewDict(pdf.Name("C"), pdf.NewArray(pdf.Name("Indexed"), pdf.Name("DeviceCMYK")))), 1),
		"Q":          page("Q", pdf.NewDict(), 1), "q": page("q", pdf.NewDict(), 1), "cut": design[:len(design)/2],
	} {
		var te *TemplateError
		if _, err := Parse(backgroundTemplate("application/pdf", bad)); !errors.As(err, &te) || te.Pointer != "/assets/bg" {
			t.Errorf("%s: expected a TemplateError at /assets/bg, found %v", name, err)
		}
	}
}

// TestContentNumbers keeps numbers short and right.
func TestContentNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", -0.0001: "0", 1: "1", -1.5: "-1.5", 12.3456: "12.346", 0.05: "0.05", -0.0006: "-0.001", 100: "100"} {
		if got := string(appendNum(nil, v)); got != want {
			t.Errorf("%g: expected %s, found %s", v, want, got)
		}
	}
}

func TestProfile(t *testing.T) {
	p := sRGBProfile()
	if len(p) != int(p[0])<<24|int(p[1])<<16|int(p[2])<<8|int(p[3]) || string(p[36:40]) != "acsp" {
		t.Error("expected the size and signature of an ICC profile")
	}
	// The three primaries add up to the D50 white point.
	for row, want := range []float64{0.9642, 1, 0.8249} {
		sum := 0.0
		for _, tag := range []string{"rXYZ", "gXYZ", "bXYZ"} {
			i := bytes.Index(p[128:], []byte(tag)) + 128
			at := int(p[i+4])<<24 | int(p[i+5])<<16 | int(p[i+6])<<8 | int(p[i+7])
			v := p[at+8+4*row:]
			sum += float64(int32(uint32(v[0])<<24|uint32(v[1])<<16|uint32(v[2])<<8|uint32(v[3]))) / 65536
		}
		if math.Abs(sum-want) > 0.0005 {
			t.Errorf("row %d: expected %g, found %g", row, want, sum)
		}
	}
}
