package layout

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// pdfFont collects the glyphs of one font that a document uses.
type pdfFont struct {
	face     *face
	name     pdf.Name
	cids     map[string]int
	clusters []*cluster // CID 1 and up
}

func (w *pdfWriter) font(f *face) *pdfFont {
	pf, ok := w.fonts[f]
	if !ok {
		pf = &pdfFont{face: f, name: pdf.Name("F" + strconv.Itoa(len(w.order))), cids: map[string]int{}}
		w.fonts[f] = pf
		w.order = append(w.order, pf)
	}
	return pf
}

func (f *pdfFont) cid(c *cluster) int {
	id, ok := f.cids[c.key]
	if !ok {
		f.clusters = append(f.clusters, c)
		id = len(f.clusters)
		f.cids[c.key] = id
	}
	return id
}

// fontDict writes the fonts and returns the resource dictionary.
func (w *pdfWriter) fontDict() *pdf.Dict {
	d := pdf.NewDict()
	for _, f := range w.order {
		d.Set(f.name, w.writeFont(f))
	}
	return d
}

func (w *pdfWriter) writeFont(f *pdfFont) pdf.Ref {
	glyphs := make([]cffGlyph, 1, len(f.clusters)+1)
	widths := pdf.NewArray()
	lo, hi := point{}, point{}
	for _, c := range f.clusters {
		g := cffGlyph{w.s.glyphPath(c), int(c.width)}
		if l, h, ok := g.outline.box(); ok {
			lo.X, lo.Y = min(lo.X, l.X), min(lo.Y, l.Y)
			hi.X, hi.Y = max(hi.X, h.X), max(hi.Y, h.Y)
		}
		glyphs = append(glyphs, g)
		widths.Append(pdf.Integer(int64(c.width)))
	}
	base := f.subsetTag() + "+" + f.face.name
	program := writeCFF(base, glyphs)

	angle := pdf.Integer(0)
	flags := pdf.Integer(4) // symbolic: the encoding is the font's own
	if f.face.italic {
		angle, flags = -12, flags|64
	}
	if f.face.serif {
		flags |= 2
	}
	file := w.b.Add(w.deflated(pdf.NewDict(pdf.Name("Subtype"), pdf.Name("CIDFontType0C")), program))
	descriptor := w.b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("FontDescriptor"), pdf.Name("FontName"), pdf.Name(base),
		pdf.Name("Flags"), flags, pdf.Name("FontBBox"), ints(math.Floor(lo.X), math.Floor(lo.Y), math.Ceil(hi.X), math.Ceil(hi.Y)),
		pdf.Name("ItalicAngle"), angle, pdf.Name("Ascent"), pdf.Integer(math.Round(f.face.ascent*1000)), pdf.Name("Descent"), pdf.Integer(math.Round(-f.face.descent*1000)),
		pdf.Name("CapHeight"), pdf.Integer(700), pdf.Name("StemV"), pdf.Integer(80), pdf.Name("FontFile3"), file))
	cidFont := w.b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Font"), pdf.Name("Subtype"), pdf.Name("CIDFontType0"), pdf.Name("BaseFont"), pdf.Name(base),
		pdf.Name("CIDSystemInfo"), pdf.NewDict(pdf.Name("Registry"), pdf.String{Value: []byte("Adobe")}, pdf.Name("Ordering"), pdf.String{Value: []byte("Identity")}, pdf.Name("Supplement"), pdf.Integer(0)),
		pdf.Name("FontDescriptor"), descriptor, pdf.Name("DW"), pdf.Integer(0), pdf.Name("W"), pdf.NewArray(pdf.Integer(1), widths)))
	return w.b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Font"), pdf.Name("Subtype"), pdf.Name("Type0"), pdf.Name("BaseFont"), pdf.Name(base+"-Identity-H"),
		pdf.Name("Encoding"), pdf.Name("Identity-H"), pdf.Name("DescendantFonts"), pdf.NewArray(cidFont), pdf.Name("ToUnicode"), w.b.Add(w.deflated(pdf.NewDict(), f.toUnicode()))))
}

func ints(vs ...float64) *pdf.Array {
	a := pdf.NewArray()
	for _, v := range vs {
		a.Append(pdf.Integer(int64(v)))
	}
	return a
}

// subsetTag is six capital letters that depend on the glyphs only.
func (f *pdfFont) subsetTag() string {
	h := sha256.New()
	for _, c := range f.clusters {
		fmt.Fprintf(h, "%d:%s", len(c.key), c.key)
	}
	sum := h.Sum(nil)
	tag := make([]byte, 6)
	for i := range tag {
		tag[i] = 'A' + sum[i]%26
	}
	return string(tag)
}

// toUnicode maps every glyph to its text (ISO 32000-1, 9.10.3).
func (f *pdfFont) toUnicode() []byte {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n")
	for from := 0; from < len(f.clusters); from += 100 {
		some := f.clusters[from:min(from+100, len(f.clusters))]
		fmt.Fprintf(&b, "%d beginbfchar\n", len(some))
		for i, c := range some {
			fmt.Fprintf(&b, "<%04x> <", from+i+1)
			for _, u := range utf16.Encode([]rune(c.text)) {
				fmt.Fprintf(&b, "%04x", u)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return []byte(b.String())
}
