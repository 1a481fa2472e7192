package layout

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
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
	// translation holds the template's defaults in the language of the page.
	translation map[string]string
	// facts are those of the first page, and table the ones that go over further pages.
	facts *factList
	table *table
	page  int // from 0
}

func (c *composer) compose(ctx context.Context) (*drawing, error) {
	c.d = &drawing{width: c.t.page.width * mm, height: c.t.page.height * mm, root: &node{role: "Document", lang: c.o.Lang}}
	c.translation = c.t.translation(c.o.Lang)
	pages, err := c.plan(ctx)
	if err != nil {
		return nil, err
	}
	for c.page = range pages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if pages > 1 {
			c.given["page.number"], c.given["page.count"] = c.number(c.page+1), c.number(pages)
		}
		c.d.pages = append(c.d.pages, nil)
		if err := c.composePage(); err != nil {
			return nil, err
		}
	}
	c.d.plain = c.accessible()
	return c.d, nil
}

// composePage composes the page at c.page.
func (c *composer) composePage() error {
	if !c.dry {
		if err := c.background(); err != nil {
			return err
		}
	}
	for i := range c.t.elements {
		e := &c.t.elements[i]
		if e.further != (c.page > 0) || !c.wanted(e.when) {
			continue
		}
		if err := c.element(e); err != nil {
			return err
		}
	}
	if c.page > 0 && !c.dry {
		c.table.draw(c.page, c.d.root)
	}
	if c.o.TestWatermark && !c.dry {
		return c.watermark()
	}
	return nil
}

// plan sets the facts and answers how many pages there are.
func (c *composer) plan(ctx context.Context) (pages int, err error) {
	for i := range c.t.elements {
		e := &c.t.elements[i]
		if e.kind != kindFacts || e.flow == nil || len(c.f.Facts) == 0 || !c.wanted(e.when) {
			continue
		}
		if !e.noBox {
			var fit *FitError
			if c.facts, err = c.listFacts(e, "", c.f.Facts); err == nil || !errors.As(err, &fit) {
				return 1, err
			}
		}
		rest, err := c.leading(e)
		if err != nil {
			return 0, err
		}
		if c.table, err = c.paginate(ctx, e, rest); err != nil {
			return 0, err
		}
		return c.table.pages + 1, nil
	}
	return 1, nil
}

// number writes a number in the digits of the page's language.
func (c *composer) number(n int) string {
	v, _ := c.value("digits")
	d := digits(v)
	out := []rune(strconv.Itoa(n))
	for i, r := range out {
		out[i] = d[r-'0']
	}
	return string(out)
}

// word is the value of a field, and of one that the template does not know what the shipped
// ones say.
func (c *composer) word(name string) string {
	if v, ok := c.value(name); ok {
		return v
	}
	return Word(name, c.o.Lang)
}

// accessible reports whether the document is PDF/UA-1 (ISO 14289-1) by what a program can
// know: headings begin with the first level and skip none (7.4.2), and nothing comes from
// the PDF of somebody else.
func (c *composer) accessible() bool {
	level := 0
	for _, n := range c.d.root.kids {
		if len(n.role) != 2 || n.role[0] != 'H' {
			continue
		}
		next := int(n.role[1] - '0')
		if next > level+1 {
			return false
		}
		level = next
	}
	a := c.t.assets[c.t.background.asset]
	return a == nil || a.form == nil
}

func (c *composer) draw(ops ...op) {
	last := len(c.d.pages) - 1
	c.d.pages[last] = append(c.d.pages[last], ops...)
}

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
	if v := c.translation[name]; v != "" {
		return v, true
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

// langOf is the language of a field's text, "" where that is the page's. Wording that the
// template has in its own language only is in that one.
func (c *composer) langOf(name string) string {
	if lang := c.f.Langs[name]; lang != "" {
		return lang
	}
	if c.f.Text[name] == "" && c.translation[name] == "" && c.t.defaults[name] != "" && !inLanguage(c.o.Lang, c.t.lang) {
		return c.t.lang
	}
	return ""
}

// fill puts fields into a pattern. It answers the language of the fields in it, if they
// share one that is not the page's.
func (c *composer) fill(p pattern) (text, lang, missing string) {
	var b strings.Builder
	fields := 0
	for _, piece := range p {
		if piece.field == "" {
			b.WriteString(piece.literal)
			continue
		}
		v, ok := c.value(piece.field)
		if !ok {
			return "", "", piece.field
		}
		b.WriteString(v)
		if isGiven(piece.field) { // numbers and addresses
			continue
		}
		switch l := c.langOf(piece.field); {
		case fields == 0:
			lang = l
		case l != lang:
			lang = ""
		}
		fields++
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
	if b.asset == "" || c.page > 0 {
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
		return c.drawFacts(e)
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
	begin, link := opBegin{artifact: artifactPage}, false
	if e.role != roleArtifact && c.page == 0 {
		n := c.d.root
		if link = e.link && c.o.VerifyURL != ""; link {
			n = n.child("P").child("Link")
		} else {
			n = n.child(e.role)
		}
		if lang != "" && lang != c.o.Lang {
			n.lang = lang
		}
		begin = opBegin{node: n}
	}
	c.draw(begin)
	lo, hi := c.lines(f, c.chains[e.font][0], x, y, w, h, e.align, e.valign, e.leading, *c.color(e.color))
	c.draw(opEnd{})
	if link {
		begin.node.link = &linkArea{lo.X, lo.Y, hi.X - lo.X, hi.Y - lo.Y, c.o.VerifyURL, text}
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
