package layout

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// pdfWriter carries out a drawing as a PDF document.
type pdfWriter struct {
	b       pdf.Builder
	s       *shaper
	fonts   map[*face]*pdfFont
	order   []*pdfFont
	symbols map[*symbol]pdf.Name
	images  map[*pixels]pdf.Name
	alphas  map[float64]pdf.Name
	xobject *pdf.Dict
	states  *pdf.Dict
	parents [][]*node // by page and MCID
	clear   bool      // some page uses transparency
}

func newPDFWriter(s *shaper) *pdfWriter {
	return &pdfWriter{b: pdf.Builder{Version: "1.7", Streams: true}, s: s, fonts: map[*face]*pdfFont{}, symbols: map[*symbol]pdf.Name{},
		images: map[*pixels]pdf.Name{}, alphas: map[float64]pdf.Name{}, xobject: pdf.NewDict(), states: pdf.NewDict()}
}

// content is a content stream being written.
type content struct{ bytes.Buffer }

// num writes a number with at most three decimals.
func (c *content) num(vs ...float64) {
	for _, v := range vs {
		c.Write(appendNum(c.AvailableBuffer(), v))
		c.WriteByte(' ')
	}
}

func appendNum(b []byte, v float64) []byte {
	n := int64(math.Round(v * 1000))
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/1000, 10)
	if frac := n % 1000; frac != 0 {
		digits := strconv.AppendInt(nil, 1000+frac, 10)
		b = append(append(b, '.'), bytes.TrimRight(digits[1:], "0")...)
	}
	return b
}

func (c *content) color(v rgb, operator string) {
	c.num(float64(v.R)/255, float64(v.G)/255, float64(v.B)/255)
	c.WriteString(operator + "\n")
}

func (c *content) path(p path) {
	p.each(func(seg byte, pts []point) {
		for _, q := range pts {
			c.num(q.X, q.Y)
		}
		c.WriteByte(seg)
		c.WriteByte('\n')
	})
}

func (c *content) matrix(m matrix) {
	// Rotations and small scales need more decimals than places do.
	for _, v := range [4]float64{m.a, m.b, m.c, m.d} {
		c.WriteString(strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(v, 'f', 6, 64), "0"), "."))
		c.WriteByte(' ')
	}
	c.num(m.e, m.f)
	c.WriteString("cm\n")
}

// ops writes operations; top is true on the page itself, where content is marked.
func (w *pdfWriter) ops(c *content, ops []op, top bool) {
	for _, o := range ops {
		switch o := o.(type) {
		case opBegin:
			w.begin(c, o)
		case opEnd:
			c.WriteString("EMC\n")
		case opPath:
			w.path(c, o)
		case opText:
			w.text(c, o)
		case opUse:
			c.WriteString("q\n")
			c.matrix(o.m)
			fmt.Fprintf(c, "/%s Do Q\n", w.symbol(o.symbol))
		case opImage:
			c.WriteString("q\n")
			c.matrix(o.m)
			fmt.Fprintf(c, "/%s Do Q\n", w.image(o.image))
		case opForm:
			c.WriteString("q\n")
			c.matrix(o.m)
			fmt.Fprintf(c, "/%s Do Q\n", w.imported(o.form))
		}
	}
}

func (w *pdfWriter) begin(c *content, o opBegin) {
	switch {
	case o.node != nil:
		page := len(w.parents) - 1
		id := len(w.parents[page])
		w.parents[page] = append(w.parents[page], o.node)
		o.node.marks = append(o.node.marks, mark{page, id})
		fmt.Fprintf(c, "/%s <</MCID %d>> BDC\n", o.node.role, id)
	case o.artifact == "Watermark":
		c.WriteString("/Artifact <</Type /Pagination /Subtype /Watermark>> BDC\n")
	case o.artifact != "":
		fmt.Fprintf(c, "/Artifact <</Type /%s>> BDC\n", o.artifact)
	default:
		c.WriteString("/Artifact BMC\n")
	}
}

func (w *pdfWriter) path(c *content, o opPath) {
	if o.fill == nil && o.stroke == nil || o.path.empty() {
		return
	}
	c.WriteString("q\n")
	if o.alpha > 0 && o.alpha < 1 {
		fmt.Fprintf(c, "/%s gs\n", w.alpha(o.alpha))
	}
	if o.fill != nil {
		c.color(*o.fill, "rg")
	}
	if o.stroke != nil {
		c.color(*o.stroke, "RG")
		c.num(o.width)
		c.WriteString("w\n")
		if o.round {
			c.WriteString("1 J 1 j\n")
		}
		if o.dash {
			c.WriteString("[2 2] 0 d\n")
		}
	}
	c.path(o.path)
	paint := "f"
	switch {
	case o.fill != nil && o.stroke != nil:
		paint = "B"
	case o.stroke != nil:
		paint = "S"
	}
	if o.evenOdd && o.fill != nil {
		paint += "*"
	}
	c.WriteString(paint + " Q\n")
}

func (w *pdfWriter) alpha(v float64) pdf.Name {
	w.clear = true
	name, ok := w.alphas[v]
	if !ok {
		name = pdf.Name("G" + strconv.Itoa(len(w.alphas)))
		w.alphas[v] = name
		w.states.Set(name, pdf.NewDict(pdf.Name("Type"), pdf.Name("ExtGState"), pdf.Name("ca"), pdf.Real(v), pdf.Name("CA"), pdf.Real(v)))
	}
	return name
}

// text shows glyphs, in one text object, a TJ for each font.
func (w *pdfWriter) text(c *content, o opText) {
	if len(o.glyphs) == 0 {
		return
	}
	c.WriteString("BT\n")
	c.color(o.color, "rg")
	for i := 0; i < len(o.glyphs); {
		f := w.font(o.glyphs[i].face)
		fmt.Fprintf(c, "/%s ", f.name)
		c.num(o.size)
		c.WriteString("Tf\n1 0 0 1 ")
		c.num(o.x+o.glyphs[i].x*o.size/1000, o.y)
		c.WriteString("Tm\n[<")
		pen := o.glyphs[i].x
		for ; i < len(o.glyphs) && o.glyphs[i].face == f.face; i++ {
			g := o.glyphs[i]
			if back := math.Round(pen - g.x); back != 0 {
				c.WriteString(">")
				c.Write(strconv.AppendInt(c.AvailableBuffer(), int64(back), 10))
				c.WriteString("<")
				pen -= back
			}
			fmt.Fprintf(c, "%04x", f.cid(g.cluster))
			pen += g.width
		}
		c.WriteString(">] TJ\n")
	}
	c.WriteString("ET\n")
}

func (w *pdfWriter) symbol(s *symbol) pdf.Name {
	if name, ok := w.symbols[s]; ok {
		return name
	}
	name := pdf.Name("X" + strconv.Itoa(w.xobject.Len()))
	w.symbols[s] = name
	packed := s.packed
	if packed == nil {
		var c content
		w.ops(&c, s.ops, false)
		packed = w.s.deflate(c.Bytes())
		if s.reused {
			s.packed = packed
		}
	}
	d := pdf.NewDict(pdf.Name("Type"), pdf.Name("XObject"), pdf.Name("Subtype"), pdf.Name("Form"),
		pdf.Name("BBox"), reals(s.lo.X, s.lo.Y, s.hi.X, s.hi.Y), pdf.Name("Resources"), pdf.NewDict(pdf.Name("ExtGState"), w.states))
	d.Set("Filter", pdf.Name("FlateDecode"))
	w.xobject.Set(name, w.b.Add(pdf.NewStream(d, packed)))
	return name
}

func reals(vs ...float64) *pdf.Array {
	a := pdf.NewArray()
	for _, v := range vs {
		a.Append(pdf.Real(math.Round(v*1000) / 1000))
	}
	return a
}

func (w *pdfWriter) deflated(d *pdf.Dict, data []byte) *pdf.Stream {
	d.Set("Filter", pdf.Name("FlateDecode"))
	return pdf.NewStream(d, w.s.deflate(data))
}

func (w *pdfWriter) image(p *pixels) pdf.Name {
	if name, ok := w.images[p]; ok {
		return name
	}
	name := pdf.Name("X" + strconv.Itoa(w.xobject.Len()))
	w.images[p] = name
	dict := func(space string) *pdf.Dict {
		return pdf.NewDict(pdf.Name("Type"), pdf.Name("XObject"), pdf.Name("Subtype"), pdf.Name("Image"),
			pdf.Name("Width"), pdf.Integer(p.width), pdf.Name("Height"), pdf.Integer(p.height),
			pdf.Name("ColorSpace"), pdf.Name(space), pdf.Name("BitsPerComponent"), pdf.Integer(8))
	}
	space := "DeviceRGB"
	if p.gray {
		space = "DeviceGray"
	}
	d := dict(space)
	if p.alpha != nil {
		w.clear = true
		mask := dict("DeviceGray")
		d.Set("SMask", w.b.Add(w.deflated(mask, p.alpha)))
	}
	st := w.deflated(d, p.samples)
	if p.jpeg != nil {
		d.Set("Filter", pdf.Name("DCTDecode"))
		st = pdf.NewStream(d, p.jpeg)
	}
	w.xobject.Set(name, w.b.Add(st))
	return name
}
