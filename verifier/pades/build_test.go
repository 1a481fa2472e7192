package pades_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// n, i and r shorten the writing of objects.
func n(s string) pdf.Name { return pdf.Name(s) }

func dict(kv ...any) *pdf.Dict {
	d := pdf.NewDict()
	for i := 0; i < len(kv); i += 2 {
		d.Set(pdf.Name(kv[i].(string)), object(kv[i+1]))
	}
	return d
}

func arr(items ...any) *pdf.Array {
	a := pdf.NewArray()
	for _, x := range items {
		a.Append(object(x))
	}
	return a
}

// object turns Go values into PDF objects: strings are names where they begin with a
// slash, else text.
func object(x any) pdf.Object {
	switch x := x.(type) {
	case pdf.Object:
		return x
	case int:
		return pdf.Integer(x)
	case float64:
		return pdf.Real(x)
	case bool:
		return pdf.Bool(x)
	case string:
		if len(x) > 0 && x[0] == '/' {
			return pdf.Name(x[1:])
		}
		return pdf.EncodeText(x)
	}
	panic(fmt.Sprintf("object of %T", x))
}

func stream(d *pdf.Dict, data string) *pdf.Stream { return pdf.NewStream(d, []byte(data)) }

// form is an appearance or form XObject of a size.
func formX(w, h int, font pdf.Ref, content string) *pdf.Stream {
	return stream(dict("Type", "/XObject", "Subtype", "/Form", "BBox", arr(0, 0, w, h), "Resources", dict("Font", dict("Helv", font))), content)
}

// textAP is what a text field of value s shows.
func textAP(font pdf.Ref, s string) *pdf.Stream {
	return formX(200, 20, font, "/Tx BMC q BT /Helv 12 Tf 0 g 2 5 Td ("+s+") Tj ET Q EMC")
}

// sample is the document that attacks are built on: a page of text and an image, with a
// form of text fields, a check box, a read-only field, a field over text, a shared
// appearance, and an empty signature field.
type sample struct {
	bytes []byte

	catalog, pages, page, page2, content, content2, font, image, form, info                                       pdf.Ref
	name, nameAP, agree, fixed, over, shared, sharedAP, seal, odd, note, link, hidden, hiddenContent, layer, desc pdf.Ref
}

// buildSample writes the document. streams chooses a cross-reference stream and object streams.
func buildSample(tb testing.TB, streams bool, tweak func(b *pdf.Builder, s *sample, cat, page, form *pdf.Dict)) *sample {
	tb.Helper()
	b := &pdf.Builder{Streams: streams}
	s := &sample{}
	s.catalog, s.pages, s.page, s.page2, s.form = b.Alloc(), b.Alloc(), b.Alloc(), b.Alloc(), b.Alloc()
	s.desc = b.Add(dict("Type", "/FontDescriptor", "FontName", "/Helvetica", "Flags", 32))
	s.font = b.Add(dict("Type", "/Font", "Subtype", "/Type1", "BaseFont", "/Helvetica", "FontDescriptor", s.desc))
	s.image = b.Add(stream(dict("Type", "/XObject", "Subtype", "/Image", "Width", 1, "Height", 1, "ColorSpace", "/DeviceGray", "BitsPerComponent", 8), "\x80"))
	s.content = b.Add(stream(dict(), "BT /Helv 24 Tf 72 720 Td (Diploma) Tj ET BT /Helv 14 Tf 72 500 Td (awarded to Ada Lovelace with honours) Tj ET q 80 0 0 80 400 300 cm /Im Do Q /Fm Do /OC /L BDC BT /Helv 10 Tf 72 60 Td (layer) Tj ET EMC"))
	s.content2 = b.Add(stream(dict(), "BT /Helv 12 Tf 72 700 Td (Second page) Tj ET"))
	s.sharedAP = b.Add(textAP(s.font, "shared"))
	s.nameAP = b.Add(textAP(s.font, "Ada"))
	s.layer = b.Add(dict("Type", "/OCG", "Name", "Layer"))
	widget := func(kv ...any) pdf.Ref {
		d := dict("Type", "/Annot", "Subtype", "/Widget", "P", s.page, "F", 4)
		more := dict(kv...)
		for k, v := range more.All() {
			d.Set(k, v)
		}
		return b.Add(d)
	}
	s.name = widget("FT", "/Tx", "T", "name", "V", "Ada", "DA", pdf.EncodeText("/Helv 12 Tf 0 g"), "Rect", arr(72, 600, 272, 620), "AP", dict("N", s.nameAP))
	state := func(c string) pdf.Ref { return b.Add(formX(20, 20, s.font, c)) }
	s.agree = widget("FT", "/Btn", "T", "agree", "V", "/Off", "AS", "/Off", "Rect", arr(300, 600, 320, 620), "AP", dict("N", dict("Yes", state("0 0 20 20 re f"), "Off", state(""))))
	s.fixed = widget("FT", "/Tx", "T", "fixed", "Ff", 1, "V", "42", "DA", pdf.EncodeText("/Helv 12 Tf 0 g"), "Rect", arr(72, 560, 272, 580), "AP", dict("N", b.Add(textAP(s.font, "42"))))
	s.over = widget("FT", "/Tx", "T", "over", "DA", pdf.EncodeText("/Helv 12 Tf 0 g"), "Rect", arr(60, 495, 400, 515))
	s.shared = widget("FT", "/Tx", "T", "shared", "V", "shared", "DA", pdf.EncodeText("/Helv 12 Tf 0 g"), "Rect", arr(72, 440, 272, 460), "AP", dict("N", s.sharedAP))
	s.odd = widget("FT", "/Tx", "T", "odd", "V", "1000", "DA", pdf.EncodeText("/Helv 12 Tf 0 g"), "Rect", arr(72, 400, 272, 420), "AP", dict("N", b.Add(textAP(s.font, "10"))))
	s.seal = widget("FT", "/Sig", "T", "Registrar", "Rect", arr(72, 160, 322, 230))
	s.note = b.Add(dict("Type", "/Annot", "Subtype", "/FreeText", "Contents", "covering note", "Rect", arr(60, 715, 200, 745), "DA", pdf.EncodeText("/Helv 12 Tf"), "P", s.page, "AP", dict("N", b.Add(formX(140, 30, s.font, "1 g 0 0 140 30 re f")))))
	s.link = b.Add(dict("Type", "/Annot", "Subtype", "/Link", "Rect", arr(500, 10, 560, 30), "A", dict("S", "/URI", "URI", "https://example.edu/")))
	s.hiddenContent = b.Add(stream(dict(), "BT /Helv 24 Tf 72 720 Td (Forged diploma) Tj ET"))
	s.hidden = b.Add(dict("Type", "/Page", "Parent", s.pages, "MediaBox", arr(0, 0, 595, 842), "Contents", s.hiddenContent, "Resources", dict("Font", dict("Helv", s.font))))
	resources := dict("Font", dict("Helv", s.font), "XObject", dict("Im", s.image, "Fm", s.sharedAP), "Properties", dict("L", s.layer))
	page := dict("Type", "/Page", "Parent", s.pages, "MediaBox", arr(0, 0, 595, 842), "Contents", s.content, "Resources", resources,
		"Annots", arr(s.name, s.agree, s.fixed, s.over, s.shared, s.odd, s.seal, s.note, s.link))
	form := dict("Fields", arr(s.name, s.agree, s.fixed, s.over, s.shared, s.odd, s.seal), "DA", pdf.EncodeText("/Helv 0 Tf 0 g"), "DR", dict("Font", dict("Helv", s.font)))
	cat := dict("Type", "/Catalog", "Pages", s.pages, "AcroForm", s.form, "OCProperties", dict("OCGs", arr(s.layer), "D", dict("ON", arr(s.layer))))
	if tweak != nil {
		tweak(b, s, cat, page, form)
	}
	b.Set(s.page, page)
	b.Set(s.page2, dict("Type", "/Page", "Parent", s.pages, "MediaBox", arr(0, 0, 595, 842), "Contents", s.content2, "Resources", dict("Font", dict("Helv", s.font))))
	b.Set(s.pages, dict("Type", "/Pages", "Kids", arr(s.page, s.page2), "Count", 2))
	b.Set(s.form, form)
	b.Set(s.catalog, cat)
	s.info = b.Add(dict("Title", "Diploma", "Producer", "test"))
	b.Trailer().Set("Root", s.catalog)
	b.Trailer().Set("Info", s.info)
	id := pdf.String{Value: []byte("0123456789abcdef"), Hex: true}
	b.Trailer().Set("ID", pdf.NewArray(id, id))
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		tb.Fatal(err)
	}
	s.bytes = out.Bytes()
	return s
}

// set and edit are updates that must not fail.
func set(tb testing.TB, u *pdf.Update, ref pdf.Ref, o pdf.Object) {
	tb.Helper()
	if err := u.Set(ref, o); err != nil {
		tb.Fatal(err)
	}
}

func edit(tb testing.TB, u *pdf.Update, ref pdf.Ref) *pdf.Dict {
	tb.Helper()
	d, err := u.Edit(ref)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// handmade puts a signature into a file by hand, with any CMS and any extra keys.
type handmade struct {
	field     string // of a new field
	subFilter string // default ETSI.CAdES.detached
	extra     *pdf.Dict
	room      int
	byteRange func(r [4]int64) [4]int64 // changes it before it is written and hashed
	message   func(digest []byte) []byte
	edit      func(u *pdf.Update, field, sig pdf.Ref)
}

func (h handmade) sign(tb testing.TB, in []byte, page pdf.Ref) []byte {
	tb.Helper()
	if h.subFilter == "" {
		h.subFilter = "/ETSI.CAdES.detached"
	}
	if h.room == 0 {
		h.room = 8192
	}
	if h.field == "" {
		h.field = "Signature1"
	}
	doc, err := pdf.Open(bytes.NewReader(in), int64(len(in)), pdf.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	u, err := doc.NewUpdate()
	if err != nil {
		tb.Fatal(err)
	}
	contents, rng := pdf.NewHexHole(h.room), pdf.NewTextHole(60)
	d := pdf.NewDict(n("Type"), n("Sig"), n("Filter"), n("Adobe.PPKLite"), n("SubFilter"), object(h.subFilter), n("M"), pdf.EncodeText("D:20260630101500+02'00'"), n("ByteRange"), rng, n("Contents"), contents)
	if h.extra != nil {
		for k, v := range h.extra.All() {
			d.Set(k, v)
		}
	}
	sig := u.Add(d)
	field := u.Add(dict("Type", "/Annot", "Subtype", "/Widget", "FT", "/Sig", "T", h.field, "F", 132, "Rect", arr(0, 0, 0, 0), "P", page, "V", sig))
	_, ref, err := u.AcroForm()
	if err != nil || ref == (pdf.Ref{}) {
		tb.Fatal("expected an indirect form", err)
	}
	form := edit(tb, u, ref)
	list := form.Get("Fields").(*pdf.Array).Clone()
	list.Append(field)
	form.Set("Fields", list)
	form.Set("SigFlags", pdf.Integer(3))
	if h.edit != nil {
		h.edit(u, field, sig)
	}
	tail, err := u.Prepare()
	if err != nil {
		tb.Fatal(err)
	}
	r := tail.ByteRange(contents.Span())
	if h.byteRange != nil {
		r = h.byteRange(r)
	}
	if err := tail.FillText(rng.Span(), fmt.Sprintf("[%d %d %d %d]", r[0], r[1], r[2], r[3])); err != nil {
		tb.Fatal(err)
	}
	var whole bytes.Buffer
	if _, err := tail.WriteTo(&whole); err != nil {
		tb.Fatal(err)
	}
	w := whole.Bytes()
	part := func(off, n int64) []byte {
		off, end := max(0, min(off, int64(len(w)))), max(0, min(off+n, int64(len(w))))
		return w[off:max(off, end)]
	}
	sum := sha256.Sum256(append(append([]byte{}, part(r[0], r[1])...), part(r[2], r[3])...))
	if err := tail.FillHex(contents.Span(), h.message(sum[:])); err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := tail.WriteTo(&out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
