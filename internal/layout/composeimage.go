package layout

import (
	"math"
	"strings"
)

func (c *composer) image(e *element) error {
	var pic *picture
	if a := c.t.assets[e.image]; a != nil && a.image != nil {
		pic = a.image
	}
	alt, lang, missing := c.fill(e.alt)
	if img, ok := c.f.Images[e.image]; ok && img.Data != nil {
		pic = c.pictures[e.image]
		if img.Alt != "" {
			alt, missing = img.Alt, ""
		}
	}
	if pic == nil {
		if e.optional || e.when != "" {
			return nil
		}
		return &FieldError{Field: e.image, Msg: "expected an image, which the template needs, found none"}
	}
	if missing != "" {
		return &FieldError{Field: missing, Msg: "expected a value for the text that describes an image, found none"}
	}
	x, y, w, h := c.t.rect(e.box)
	if alt == "" || c.page > 0 {
		c.artifact("", pic.ops(x, y, w, h, e.align, e.valign, false)...)
		return nil
	}
	n := c.d.root.child("Figure")
	n.alt, n.lang, n.bbox = alt, lang, &[4]float64{x, y, x + w, y + h}
	c.draw(opBegin{node: n})
	c.draw(pic.ops(x, y, w, h, e.align, e.valign, false)...)
	c.draw(opEnd{})
	return nil
}

func (c *composer) qr(e *element) error {
	if c.o.VerifyURL == "" {
		return &OptionError{"VerifyURL", "expected an address, which the template's QR code needs, found none"}
	}
	x, y, w, h := c.t.rect(e.box)
	side := min(w, h)
	if c.dry { // 1000 bytes fit a QR code
		return nil
	}
	ops, err := qrCode(c.o.VerifyURL, x+(w-side)/2, y+(h-side)/2, side, *c.color(e.color))
	if err != nil {
		return err
	}
	if c.page > 0 { // the same as on the first
		c.artifact(artifactPage, ops...)
		return nil
	}
	alt, _, _ := c.fill(e.alt)
	if alt == "" {
		alt = c.o.VerifyURL
	}
	n := c.d.root.child("Link")
	fig := n.child("Figure")
	fig.alt, fig.bbox = alt, &[4]float64{x, y, x + w, y + h}
	c.draw(opBegin{node: fig})
	c.draw(ops...)
	c.draw(opEnd{})
	n.link = &linkArea{x + (w-side)/2, y + (h-side)/2, side, side, c.o.VerifyURL, alt}
	return nil
}

func (c *composer) seal(e *element) error {
	x, y, w, h := c.t.rect(e.box)
	r := min(w, h) / 2
	cx, cy := x+w/2, y+h/2
	paper := rgb{255, 255, 255}
	if c.t.background.color != "" {
		paper = *c.color(c.t.background.color)
	}
	var ops []op
	if !c.dry {
		ops = sealOrnament(cx, cy, r, *c.color(e.color), paper)
	}
	text, lang, missing := c.fill(e.text)
	if missing != "" && !e.optional {
		return &FieldError{Field: missing, Msg: "expected a value, which the template needs, found none"}
	}
	if text = strings.TrimSpace(text); text != "" && missing == "" {
		f, err := c.s.fit(text, c.style(e, lang), room{width: r * 0.8, height: r * 0.8, size: r * 0.62, min: 1, lines: 1, leading: 1, elementPointer: e.pointer})
		if err != nil {
			return err
		}
		if !c.dry {
			ops = append(ops, opPath{path: c.inked(f, cx, cy), fill: &paper})
		}
	}
	c.artifact("", ops...)
	return nil
}

// inked returns one line of text as a path whose ink is centred on a point: lettering that
// is drawn, not read.
func (c *composer) inked(f fitted, cx, cy float64) path {
	var p path
	k := f.size / 1000
	for _, g := range f.lines[0].glyphs {
		p.add(c.s.glyphPath(g.cluster), scale(k, k).mul(translate(g.x*k, 0)))
	}
	var out path
	if lo, hi, ok := p.box(); ok {
		out.add(p, translate(cx-(lo.X+hi.X)/2, cy-(lo.Y+hi.Y)/2))
	}
	return out
}

// watermark writes TEST across the page.
func (c *composer) watermark() error {
	diagonal := math.Hypot(c.d.width, c.d.height)
	st := textStyle{chain: c.chains["sans-bold"], tracking: 80, lang: "en", base: 0}
	f, err := c.s.fit(testLabel, st, room{width: diagonal * 0.62, height: diagonal, size: diagonal, min: 1, lines: 1, leading: 1})
	if err != nil {
		return err
	}
	var p path
	p.add(c.inked(f, 0, 0), rotate(math.Atan2(c.d.height, c.d.width)).mul(translate(c.d.width/2, c.d.height/2)))
	c.artifact("Watermark", opPath{path: p, fill: &rgb{0x8A, 0x1C, 0x1C}, alpha: 0.10})
	return nil
}

const testLabel = "TEST"
