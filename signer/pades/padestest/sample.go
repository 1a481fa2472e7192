package padestest

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// Sample describes a small document.
type Sample struct {
	Streams bool   // cross-reference stream and object streams
	Form    string // "": none, "direct", "indirect"
	Notes   bool   // the first page has an annotation within its list, as older documents do
	Pages   int
	Version string
	Bulk    int // bytes of an incompressible stream
}

// Build writes it: catalog, pages, and in a form a text field "name" and an empty signature field "Registrar".
func (s Sample) Build(t testing.TB) []byte {
	t.Helper()
	b := &pdf.Builder{Version: s.Version, Streams: s.Streams}
	n := pdf.Name("Type")
	pagesRef := b.Alloc()
	kids := pdf.NewArray()
	var first *pdf.Dict
	font := b.Add(pdf.NewDict(n, pdf.Name("Font"), pdf.Name("Subtype"), pdf.Name("Type1"), pdf.Name("BaseFont"), pdf.Name("Helvetica")))
	for range max(1, s.Pages) {
		content := b.Add(pdf.NewStream(pdf.NewDict(), []byte("BT /F1 24 Tf 72 720 Td (Diploma) Tj ET")))
		page := pdf.NewDict(n, pdf.Name("Page"), pdf.Name("Parent"), pagesRef, pdf.Name("MediaBox"),
			pdf.NewArray(pdf.Integer(0), pdf.Integer(0), pdf.Integer(595), pdf.Integer(842)), pdf.Name("Contents"), content,
			pdf.Name("Resources"), pdf.NewDict(pdf.Name("Font"), pdf.NewDict(pdf.Name("F1"), font)))
		if first == nil {
			first = page
		}
		kids.Append(b.Add(page))
	}
	b.Set(pagesRef, pdf.NewDict(n, pdf.Name("Pages"), pdf.Name("Kids"), kids, pdf.Name("Count"), pdf.Integer(kids.Len())))
	if s.Bulk > 0 {
		data := make([]byte, s.Bulk)
		if _, err := rand.Read(data); err != nil {
			t.Fatal(err)
		}
		b.Add(pdf.NewStream(pdf.NewDict(), data))
	}
	if s.Notes {
		first.Set("Annots", pdf.NewArray(pdf.NewDict(n, pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Link"), pdf.Name("Rect"),
			pdf.NewArray(pdf.Integer(72), pdf.Integer(40), pdf.Integer(172), pdf.Integer(55)), pdf.Name("Border"), pdf.NewArray(pdf.Integer(0), pdf.Integer(0), pdf.Integer(0)),
			pdf.Name("A"), pdf.NewDict(pdf.Name("S"), pdf.Name("URI"), pdf.Name("URI"), pdf.EncodeText("https://example.edu/")))))
	}
	cat := pdf.NewDict(n, pdf.Name("Catalog"), pdf.Name("Pages"), pagesRef, pdf.Name("Lang"), pdf.EncodeText("en"))
	if s.Form != "" {
		page := kids.At(0)
		text := pdf.NewDict(n, pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Widget"), pdf.Name("FT"), pdf.Name("Tx"), pdf.Name("T"), pdf.EncodeText("name"),
			pdf.Name("Rect"), pdf.NewArray(pdf.Integer(72), pdf.Integer(600), pdf.Integer(272), pdf.Integer(620)), pdf.Name("P"), page, pdf.Name("DA"), pdf.EncodeText("/Helv 12 Tf 0 g"))
		textRef := b.Add(text)
		empty := pdf.NewDict(n, pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Widget"), pdf.Name("FT"), pdf.Name("Sig"), pdf.Name("T"), pdf.EncodeText("Registrar"),
			pdf.Name("Rect"), pdf.NewArray(pdf.Integer(72), pdf.Integer(72), pdf.Integer(322), pdf.Integer(142)), pdf.Name("P"), page, pdf.Name("F"), pdf.Integer(4))
		emptyRef := b.Add(empty)
		form := pdf.NewDict(pdf.Name("Fields"), pdf.NewArray(textRef, emptyRef), pdf.Name("DA"), pdf.EncodeText("/Helv 0 Tf 0 g"), pdf.Name("DR"),
			pdf.NewDict(pdf.Name("Font"), pdf.NewDict(pdf.Name("Helv"), font)), pdf.Name("NeedAppearances"), pdf.Bool(false))
		if s.Form == "direct" {
			cat.Set("AcroForm", form)
		} else {
			cat.Set("AcroForm", b.Add(form))
		}
		// The page's annotations, as an object of their own.
		annots := b.Add(pdf.NewArray(textRef, emptyRef))
		first.Set("Annots", annots)
	}
	b.Trailer().Set("Root", b.Add(cat))
	id := pdf.String{Value: []byte("0123456789abcdef"), Hex: true}
	b.Trailer().Set("ID", pdf.NewArray(id, id))
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
