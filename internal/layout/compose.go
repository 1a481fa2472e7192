package layout

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// composer turns a template and fields into a drawing.
type composer struct {
	t      *Template
	f      Fields
	o      Options
	s      *shaper
	chains map[string][]*face
	given  map[string]string
	// dry sets texts and draws no ornaments, to find out whether the page can be made: what
	// it leaves out cannot go wrong.
	dry bool
	d   *drawing
	// pictures are the images handed in with the fields, read once.
	pictures map[string]*picture
}

func (c *composer) compose() (*drawing, error) {
	c.d = &drawing{width: c.t.page.width * mm, height: c.t.page.height * mm, root: &node{role: "Document", lang: c.o.Lang}}
	if !c.dry {
		if err := c.background(); err != nil {
			return nil, err
		}
	}
	for i := range c.t.elements {
		e := &c.t.elements[i]
		if !c.wanted(e.when) {
			continue
		}
		if err := c.element(e); err != nil {
			return nil, err
		}
	}
	if c.o.TestWatermark && !c.dry {
		if err := c.watermark(); err != nil {
			return nil, err
		}
	}
	return c.d, nil
}

func (c *composer) draw(ops ...op) { c.d.ops = append(c.d.ops, ops...) }

// artifact draws what is no content: ornaments, rules, backgrounds.
func (c *composer) artifact(kind string, ops ...op) {
	c.draw(opBegin{artifact: kind})
	c.draw(ops...)
	c.draw(opEnd{})
}

func (c *composer) color(name string) *rgb {
	if name == "" {
		return nil
	}
	v := c.t.colors[name]
	return &v
}

// value returns a field's text; ok is false where it has none.
func (c *composer) value(name string) (string, bool) {
	if v, ok := c.given[name]; ok {
		return v, v != ""
	}
	if v, ok := c.f.Text[name]; ok {
		return v, v != ""
	}
	v := c.t.defaults[name]
	return v, v != ""
}

func (c *composer) wanted(when string) bool {
	if when == "" {
		return true
	}
	name, not := strings.CutPrefix(when, "!")
	_, has := c.value(name)
	if !has && c.f.Images[name].Data != nil {
		has = true
	}
	if !has && name == "facts" {
		has = len(c.f.Facts) > 0
	}
	return has != not
}

// fill puts fields into a pattern. It answers the language of the only field in it, if
// that has one.
func (c *composer) fill(p pattern) (text, lang, missing string) {
	var b strings.Builder
	fields := 0
	for _, piece := range p {
		if piece.field == "" {
			b.WriteString(piece.literal)
			continue
		}
		fields++
		v, ok := c.value(piece.field)
		if !ok {
			return "", "", piece.field
		}
		lang = c.f.Langs[piece.field]
		b.WriteString(v)
	}
	if fields != 1 {
		lang = ""
	}
	return b.String(), lang, ""
}

func (c *composer) background() error {
	b := c.t.background
	if b.color != "" {
		var p path
		p.rect(0, 0, c.d.width, c.d.height)
		c.artifact("Background", opPath{path: p, fill: c.color(b.color)})
	}
	if b.asset == "" {
		return nil
	}
	a := c.t.assets[b.asset]
	if a.form != nil {
		c.artifact("Background", opForm{form: a.form, preview: c.t.assets[b.preview], m: scale(c.d.width/a.form.width, c.d.height/a.form.height)})
		return nil
	}
	c.artifact("Background", a.image.ops(0, 0, c.d.width, c.d.height, "center", "middle", true)...)
	return nil
}

func (c *composer) element(e *element) error {
	x, y, w, h := c.t.rect(e.box)
	if c.dry {
		switch e.kind {
		case kindRule, kindRect, kindBorder, kindSignature:
			return nil
		}
	}
	switch e.kind {
	case kindText:
		return c.text(e)
	case kindFacts:
		return c.facts(e)
	case kindRule:
		var p path
		p.move(e.from[0]*mm, c.d.height-e.from[1]*mm)
		p.line(e.to[0]*mm, c.d.height-e.to[1]*mm)
		c.artifact("", opPath{path: p, stroke: c.color(e.color), width: e.width, dash: e.dash})
	case kindRect:
		var p path
		p.roundRect(x, y, w, h, e.radius*mm)
		c.artifact("", opPath{path: p, fill: c.color(e.color), stroke: c.color(e.stroke), width: e.width})
	case kindBorder:
		c.artifact("", c.s.guillocheBorder(x, y, w, h, e.depth*mm, *c.color(e.color), *c.color(e.color2))...)
	case kindSeal:
		return c.seal(e)
	case kindImage:
		return c.image(e)
	case kindQR:
		return c.qr(e)
	case kindSignature:
		if e.name == c.o.SignatureField {
			n := c.d.root.child("Form")
			n.field = e.name
		}
		c.d.boxes = append(c.d.boxes, SignatureBox{e.name, [4]float64{x, y, x + w, y + h}})
	}
	return nil
}

func (c *composer) style(e *element, lang string) textStyle {
	feats, _ := parseFeatures(e.features)
	if lang == "" {
		lang = c.o.Lang
	}
	if e.tracking != 0 { // letters that are spaced do not join
		more, _ := parseFeatures([]string{"-liga", "-clig"})
		feats = append(feats, more...)
	}
	return textStyle{chain: c.chains[e.font], features: feats, tracking: e.tracking, lang: lang, base: -1}
}

func (c *composer) text(e *element) error {
	text, lang, missing := c.fill(e.text)
	if missing != "" {
		if e.optional {
			return nil
		}
		return &FieldError{Field: missing, Msg: "expected a value, which the template needs, found none"}
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if n := utf8.RuneCountInString(text); n > maxTextRunes {
		return &FitError{Element: e.pointer, Min: e.minSize, Fields: e.text.fields()}
	}
	known := fitKey{c.t, e.pointer, text, lang, c.o.Lang}
	if c.dry && c.s.fits[known] {
		return nil
	}
	x, y, w, h := c.t.rect(e.box)
	st := c.style(e, lang)
	if e.tracking != 0 && joined(text) {
		st.tracking = 0 // Arabic letters and Indic syllables hang together
	}
	f, err := c.s.fit(text, st, room{width: w, height: h, size: e.size, min: e.minSize, wrap: e.wrap, lines: e.lines, leading: e.leading, elementPointer: e.pointer})
	if err != nil {
		return about(err, e.text.fields()...)
	}
	if c.dry {
		c.s.fitted(known)
		return nil
	}
	n := c.d.root
	if e.link {
		n = n.child("P").child("Link")
	} else {
		n = n.child(e.role)
	}
	if lang != "" && lang != c.o.Lang {
		n.lang = lang
	}
	c.draw(opBegin{node: n})
	lo, hi := c.lines(f, c.chains[e.font][0], x, y, w, h, e.align, e.valign, e.leading, *c.color(e.color))
	c.draw(opEnd{})
	if e.link && c.o.VerifyURL != "" {
		n.link = &linkArea{lo.X, lo.Y, hi.X - lo.X, hi.Y - lo.Y, c.o.VerifyURL, text, n}
		c.d.links = append(c.d.links, *n.link)
	}
	return nil
}

// joined reports text in scripts whose letters touch.
func joined(text string) bool {
	for _, r := range text {
		if r >= 0x0600 && r <= 0x08FF || r >= 0x0900 && r <= 0x0DFF || r >= 0xFB50 && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFF || r >= 0x1800 && r <= 0x18AF {
			return true
		}
	}
	return false
}

// lines draws fitted text in a box and answers the rectangle it takes up.
func (c *composer) lines(f fitted, fc *face, x, y, w, h float64, align, valign string, leading float64, color rgb) (lo, hi point) {
	step := f.size * leading
	block := float64(len(f.lines)-1)*step + f.size
	// The line box is the em; the baseline lies so that ascent and descent are centred in it.
	asc, desc := min(fc.ascent, 1), min(fc.descent, 0.4)
	base := f.size * (asc + (1-asc-desc)/2)
	top := y + h
	switch valign {
	case "middle":
		top = y + h/2 + block/2
	case "bottom":
		top = y + block
	}
	lo, hi = point{math.Inf(1), top - block}, point{math.Inf(-1), top}
	for i, line := range f.lines {
		lw := line.width * f.size / 1000
		at := x
		switch side := align; {
		case side == "center":
			at = x + (w-lw)/2
		case side == "right", side == "end" && !f.lines[0].rtl, side == "start" && f.lines[0].rtl:
			at = x + w - lw
		}
		c.draw(opText{x: at, y: top - base - float64(i)*step, size: f.size, color: color, glyphs: line.glyphs})
		lo.X, hi.X = min(lo.X, at), max(hi.X, at+lw)
	}
	return lo, hi
}

// facts sets label and value pairs below each other.
func (c *composer) facts(e *element) error {
	if len(c.f.Facts) == 0 {
		return nil
	}
	x, y, w, h := c.t.rect(e.box)
	label, value := c.chains["sans-bold"], c.chains["sans"]
	type block struct {
		label, value fitted
		at           float64 // height it takes
	}
	var blocks []block
	k := 1.0
	for {
		blocks = blocks[:0]
		used := 0.0
		for _, fact := range c.f.Facts {
			size := e.size * k
			lt := textStyle{chain: label, tracking: 40, lang: c.o.Lang, base: -1}
			if joined(fact.Label) {
				lt.tracking = 0
			}
			lf, err := c.s.fit(fact.Label, lt, room{width: w, height: h, size: size * 0.68, min: 3, wrap: size * 0.6, lines: 2, leading: 1.25, elementPointer: e.pointer})
			if err != nil {
				return about(err, "facts")
			}
			vf, err := c.s.fit(fact.Value, textStyle{chain: value, lang: c.o.Lang, base: -1},
				room{width: w, height: h, size: size, min: 3, wrap: size * 0.92, lines: maxTextLines, leading: 1.3, elementPointer: e.pointer})
			if err != nil {
				return about(err, "facts")
			}
			b := block{label: lf, value: vf}
			b.at = lf.size*(float64(len(lf.lines)-1)*1.25+1) + size*0.3 + vf.size*(float64(len(vf.lines)-1)*1.3+1) + size*1.1
			blocks = append(blocks, b)
			used += b.at
		}
		if used-e.size*k*1.1 <= h {
			break
		}
		if k *= 0.94; e.size*k < e.minSize {
			return &FitError{Element: e.pointer, Min: e.minSize, Needed: e.size * k, Fields: []string{"facts"}}
		}
	}
	list := c.d.root.child("L")
	top := y + h
	for i, b := range blocks {
		size := e.size * k
		item := list.child("LI")
		if i > 0 && e.stroke != "" {
			var p path
			at := top + size*0.55
			p.move(x, at)
			p.line(x+w, at)
			c.artifact("", opPath{path: p, stroke: c.color(e.stroke), width: 0.4})
		}
		lh := b.label.size * (float64(len(b.label.lines)-1)*1.25 + 1)
		c.draw(opBegin{node: item.child("Lbl")})
		c.lines(b.label, label[0], x, top-lh, w, lh, "start", "top", 1.25, *c.color(e.color2))
		c.draw(opEnd{})
		vh := b.value.size * (float64(len(b.value.lines)-1)*1.3 + 1)
		c.draw(opBegin{node: item.child("LBody")})
		c.lines(b.value, value[0], x, top-lh-size*0.3-vh, w, vh, "start", "top", 1.3, *c.color(e.color))
		c.draw(opEnd{})
		top -= b.at
	}
	return nil
}

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
	if alt == "" {
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
	n.link = &linkArea{x + (w-side)/2, y + (h-side)/2, side, side, c.o.VerifyURL, alt, n}
	c.d.links = append(c.d.links, *n.link)
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

// badText says what is wrong with text from outside, or "".
func badText(s string, lineFeeds bool) string {
	if !utf8.ValidString(s) {
		return "expected UTF-8, found other bytes"
	}
	for _, r := range s {
		switch {
		case r == '\n' && lineFeeds:
		case r < 0x20 || r >= 0x7F && r < 0xA0 || r == 0x2028 || r == 0x2029:
			return fmt.Sprintf("expected text without control characters, found U+%04X", r)
		case r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF || r >= 0xE000 && r <= 0xF8FF || r >= 0xF0000 || r == 0xFFFC:
			return fmt.Sprintf("expected characters with a meaning, found U+%04X", r)
		}
	}
	return ""
}
