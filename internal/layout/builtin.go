package layout

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Names of the templates that ship with the program.
const (
	Diploma     = "diploma"     // serif, centred, with border and seal
	Certificate = "certificate" // modern, left-aligned, facts in a sidebar
)

// BuiltinNames lists the arguments Builtin takes.
func BuiltinNames() (names, sizes []string) {
	return []string{Diploma, Certificate}, []string{"A4", "A4-landscape", "Letter", "Letter-landscape"}
}

// Builtin returns a template that ships with the program. size is A4 or Letter for
// portrait, A4-landscape or Letter-landscape.
func Builtin(name, size string) (*Template, error) {
	if t, ok := builtins()[name+"/"+size]; ok {
		return t, nil
	}
	return nil, &TemplateError{Msg: "expected diploma or certificate in A4, A4-landscape, Letter or Letter-landscape, found another name or size"}
}

// builtins are written as text and parsed like anybody's: what ships shows what templates
// can do.
var builtins = sync.OnceValue(func() map[string]*Template {
	out := map[string]*Template{}
	names, sizes := BuiltinNames()
	for _, size := range sizes {
		base, orientation, _ := strings.Cut(size, "-")
		if orientation == "" {
			orientation = "portrait"
		}
		w, h := pageSizes[base][0], pageSizes[base][1]
		if orientation == "landscape" {
			w, h = h, w
		}
		for _, name := range names {
			b := &builder{w: w, h: h, landscape: orientation == "landscape"}
			if name == Diploma {
				b.diploma()
			} else {
				b.certificate()
			}
			t, err := Parse(b.json(name, base, orientation))
			if err != nil {
				panic("layout: template " + name + " does not parse: " + err.Error()) // kept from happening by TestBuiltin
			}
			out[name+"/"+size] = t
		}
	}
	return out
})

// builder writes a template.
type builder struct {
	w, h      float64
	landscape bool
	lines     []string
}

func num(v float64) string { return strconv.FormatFloat(float64(int(v*100+0.5))/100, 'f', -1, 64) }

// add writes an element; kv are names and values: strings are quoted unless they begin
// with [ or are numbers or booleans already.
func (b *builder) add(kind string, kv ...any) {
	parts := []string{`"kind": ` + strictjson.Quote(kind)}
	for i := 0; i < len(kv); i += 2 {
		v := ""
		switch x := kv[i+1].(type) {
		case string:
			v = strictjson.Quote(x)
		case raw:
			v = string(x)
		case float64:
			v = num(x)
		case int:
			v = strconv.Itoa(x)
		case bool:
			v = strconv.FormatBool(x)
		}
		parts = append(parts, strictjson.Quote(kv[i].(string))+": "+v)
	}
	b.lines = append(b.lines, "    {"+strings.Join(parts, ", ")+"}")
}

type raw string

func box(x, y, w, h float64) raw {
	return raw(fmt.Sprintf("[%s, %s, %s, %s]", num(x), num(y), num(w), num(h)))
}

func pair(x, y float64) raw { return raw(fmt.Sprintf("[%s, %s]", num(x), num(y))) }

func (b *builder) text(box raw, text, font string, size float64, color string, more ...any) {
	b.add(kindText, append([]any{"box", box, "text", text, "font", font, "size", size, "color", color}, more...)...)
}

func (b *builder) json(name, size, orientation string) []byte {
	defaults, translations := shipped(name)
	return []byte(fmt.Sprintf(`{
  "format": %q,
  "name": %q,
  "lang": "en",
  "page": {"size": %q, "orientation": %q},
  "colors": {"ink": "#14213D", "paper": "#FBFAF6", "rule": "#C9C3B5", "seal": "#8A1C1C", "gold": "#A98434", "soft": "#5A6378", "panel": "#F1EEE5"},
  "defaults": %s,
  "translations": %s,
  "background": {"color": "paper"},
  "elements": [
%s
  ]
}
`, Format, Word("heading."+name, "en"), size, orientation, defaults, translations, strings.Join(b.lines, ",\n")))
}

// foot draws QR code, address, identifier and the line that says how to check, from y on.
func (b *builder) foot(x, y, w float64) { b.footOf(x, y, w) }

// footOf is a foot whose elements have more members.
func (b *builder) footOf(x, y, w float64, more ...any) {
	const qrSide = 27 // 22 mm of modules and the quiet zone around them
	b.add(kindQR, append([]any{"box", box(x, y, qrSide, qrSide), "color", "ink", "alt", "{label.qr} {verify.url}"}, more...)...)
	tx := x + qrSide + 3
	tw := w - qrSide - 3
	with := func(kv ...any) []any { return append(kv, more...) }
	b.text(box(tx, y+2.2, tw, 5), "{test} · {label.test}", "sans-bold", 8.5, "seal", with("when", "test", "valign", "middle", "minSize", 4.0)...)
	b.text(box(tx, y+8, tw, 5), "{verify.short}", "sans-bold", 9, "ink", with("link", true, "valign", "middle", "minSize", 3.0)...)
	b.text(box(tx, y+13.4, tw, 5), "{label.id} {id.groups}", "mono", 8.5, "ink", with("when", "id", "valign", "middle", "minSize", 3.0)...)
	b.text(box(tx, y+18.6, tw, 6.6), "{label.check} {verify.host}{label.comma} {label.offline}", "sans", 7.5, "soft", with("lines", 2, "wrapBelow", 7.0, "minSize", 3.0, "role", "P")...)
}

// further draws the pages on which facts go on: whose they are above, how to check them
// below, and a table in between.
func (b *builder) further() (flow raw) {
	m := 20.0 // margins
	w := b.w - 2*m
	on := []any{"pages", "further"}
	text := func(box raw, text, font string, size float64, color string, more ...any) {
		b.text(box, text, font, size, color, append(append([]any{"valign", "middle", "minSize", 3.0}, more...), on...)...)
	}
	text(box(m, 13, w-24, 5), "{institution}", "sans-bold", 8.5, "soft")
	text(box(b.w-m-22, 13, 22, 5), "{page.number} / {page.count}", "sans", 8.5, "soft", "align", "right")
	text(box(m, 18.5, w, 7.5), "{achievement}", "serif", 16, "ink", "wrapBelow", 3.0)
	text(box(m, 26, w, 6.5), "{recipient}", "serif", 13, "ink", "wrapBelow", 3.0)
	b.add(kindRule, append([]any{"from", pair(m, 34.5), "to", pair(b.w-m, 34.5), "width", 0.8, "color", "ink"}, on...)...)
	footY := b.h - 10 - 27
	b.footOf(m-2, footY, w+2, on...)
	columns := 1
	if b.landscape {
		columns = 2
	}
	return raw(fmt.Sprintf(`{"box": %s, "columns": %d, "size": 9.5, "headings": ["{label.fact}", "{label.value}"]}`, box(m, 38, w, footY-3-38), columns))
}

// signatory draws a line to sign on, with name and office below.
func (b *builder) signatory(field string, x, y, w float64, font, align string) {
	b.add(kindRule, "from", pair(x, y), "to", pair(x+w, y), "width", 0.5, "color", "ink", "when", field+".name")
	b.text(box(x, y+1.8, w, 5.4), "{"+field+".name}", font, 10.5, "ink", "when", field+".name", "align", align, "lines", 2, "wrapBelow", 7.5, "leading", 1.05, "minSize", 3.5)
	b.text(box(x, y+6.9, w, 8), "{"+field+".title}", font, 9, "soft", "when", field+".title", "align", align, "lines", 2, "wrapBelow", 8.0, "leading", 1.15, "minSize", 3.0)
}

func (b *builder) diploma() {
	const edge, depth = 8.0, 9.0
	b.add(kindBorder, "box", box(edge, edge, b.w-2*edge, b.h-2*edge), "depth", depth, "color", "ink", "accent", "gold")
	in := edge + depth + 7 // margin of the text
	w := b.w - 2*in
	footY := b.h - edge - depth - 4 - 27
	// y places the rest in the height left above the foot.
	ref := 297 - edge - depth - 4 - 27
	if b.landscape {
		ref = 210 - edge - depth - 4 - 27
	}
	y := func(v float64) float64 { return 20 + (v-20)*(footY-20)/(ref-20) }
	centred := func(from, to float64, text, font string, size float64, color string, more ...any) {
		b.text(box(in, y(from), w, y(to)-y(from)), text, font, size, color, append([]any{"align", "center", "valign", "middle"}, more...)...)
	}
	small := raw(`["smcp", "c2sc"]`)
	arms := func(from, to float64) {
		b.add(kindImage, "box", box(in, y(from), w, y(to)-y(from)), "image", "arms", "alt", "{institution}", "when", "arms", "align", "center", "valign", "middle")
	}
	sigW := min(66.0, w*0.36)
	if b.landscape {
		arms(20.5, 37.5)
		centred(38.5, 48, "{institution}", "serif", 21, "ink", "when", "arms", "role", "H1", "features", small, "tracking", 60, "minSize", 8.0)
		centred(26, 42, "{institution}", "serif", 26, "ink", "when", "!arms", "role", "H1", "features", small, "tracking", 70, "minSize", 8.0, "lines", 2, "wrapBelow", 18.0)
		centred(49, 55, "{label.awards}", "serif-italic", 13, "soft")
		centred(55.5, 71, "{achievement}", "serif", 25, "ink", "role", "H2", "lines", 2, "wrapBelow", 18.0, "leading", 1.12, "minSize", 7.0)
		centred(71.5, 77.5, "{label.to}", "serif-italic", 13, "soft")
		centred(78.5, 100.5, "{recipient}", "serif", 46, "ink", "role", "H2", "lines", 2, "wrapBelow", 30.0, "leading", 1.1, "minSize", 9.0)
		centred(103.5, 114.5, "{description}", "serif-italic", 13, "ink", "optional", true, "lines", 3, "wrapBelow", 12.0, "leading", 1.2, "minSize", 5.0)
		centred(115.5, 121, "{date}", "serif", 13, "ink", "minSize", 6.0)
		b.add(kindSeal, "box", box(b.w/2-14.5, y(123), 29, 29), "color", "seal", "text", "{seal}", "optional", true)
		b.signatory("signatory1", in+4, y(143), sigW, "serif", "center")
		b.signatory("signatory2", b.w-in-4-sigW, y(143), sigW, "serif", "center")
	} else {
		arms(27, 52)
		centred(55, 70, "{institution}", "serif", 22, "ink", "when", "arms", "role", "H1", "features", small, "tracking", 60, "lines", 2, "wrapBelow", 17.0, "minSize", 8.0)
		centred(36, 62, "{institution}", "serif", 25, "ink", "when", "!arms", "role", "H1", "features", small, "tracking", 60, "lines", 2, "wrapBelow", 18.0, "minSize", 8.0)
		centred(77, 84, "{label.awards}", "serif-italic", 14, "soft")
		centred(85, 107, "{achievement}", "serif", 26, "ink", "role", "H2", "lines", 2, "wrapBelow", 20.0, "leading", 1.15, "minSize", 7.0)
		centred(109, 116, "{label.to}", "serif-italic", 14, "soft")
		centred(118, 148, "{recipient}", "serif", 44, "ink", "role", "H2", "lines", 2, "wrapBelow", 30.0, "leading", 1.12, "minSize", 9.0)
		centred(151, 171, "{description}", "serif-italic", 13.5, "ink", "optional", true, "lines", 4, "wrapBelow", 12.5, "leading", 1.25, "minSize", 5.0)
		centred(173, 181, "{date}", "serif", 13.5, "ink", "minSize", 6.0)
		b.add(kindSeal, "box", box(b.w/2-17, y(186), 34, 34), "color", "seal", "text", "{seal}", "optional", true)
		sigW = 56
		b.signatory("signatory1", in, y(222), sigW, "serif", "center")
		b.signatory("signatory2", b.w-in-sigW, y(222), sigW, "serif", "center")
	}
	fx := edge + depth + 4
	sw := 60.0
	if !b.landscape {
		sw = 50
	}
	b.foot(fx, footY, b.w-2*fx-sw-3)
	b.add(kindSignature, "name", "Signature1", "box", box(b.w-fx-sw, footY+3, sw, 21))
	b.text(box(b.w-fx-sw, footY+24.5, sw, 4), "{label.list} {page.number} / {page.count}", "sans", 7.5, "soft", "when", "page.count", "align", "right", "valign", "middle", "minSize", 3.0)
	flow := b.further()
	b.add(kindFacts, "flow", flow, "color", "ink", "labelColor", "soft", "ruleColor", "rule")
}

func (b *builder) certificate() {
	side, gap, left := 74.0, 14.0, 24.0
	if !b.landscape {
		side, gap, left = 60, 10, 20
	}
	sx := b.w - side // the sidebar's edge
	mw := sx - gap - left
	pad := 8.0
	b.add(kindRect, "box", box(0, 0, 5, b.h), "fill", "ink")
	b.add(kindRect, "box", box(sx, 0, side, b.h), "fill", "panel")
	b.add(kindRule, "from", pair(sx, 0), "to", pair(sx, b.h), "width", 0.6, "color", "rule")
	y := func(v float64) float64 { return v * b.h / 297 }
	if b.landscape {
		y = func(v float64) float64 { return v * b.h / 210 }
	}
	item := func(from, to float64, text, font string, size float64, color string, more ...any) {
		b.text(box(left, y(from), mw, y(to)-y(from)), text, font, size, color, more...)
	}
	b.add(kindImage, "box", box(left, y(18), 18, 18), "image", "arms", "alt", "{institution}", "when", "arms", "valign", "middle")
	b.text(box(left+22, y(18), mw-22, 18), "{institution}", "sans-bold", 15, "ink", "when", "arms", "role", "H1", "valign", "middle", "lines", 2, "wrapBelow", 13.0, "minSize", 6.0)
	b.text(box(left, y(18), mw, 18), "{institution}", "sans-bold", 17, "ink", "when", "!arms", "role", "H1", "valign", "middle", "lines", 2, "wrapBelow", 14.0, "minSize", 6.0)
	var sigY float64
	if b.landscape {
		item(50, 56, "{heading}", "sans-bold", 9, "seal", "tracking", 120, "role", "P", "valign", "middle")
		item(57, 84, "{achievement}", "serif", 31, "ink", "role", "H2", "lines", 2, "wrapBelow", 25.0, "leading", 1.12, "valign", "top", "minSize", 6.0)
		item(88, 94, "{label.awarded}", "serif-italic", 13, "soft", "valign", "middle")
		item(95, 120, "{recipient}", "serif", 45, "ink", "role", "H2", "lines", 2, "wrapBelow", 31.0, "leading", 1.08, "valign", "top", "minSize", 9.0)
		item(120.5, 126, "{date}", "serif", 13, "ink", "optional", true, "valign", "middle", "minSize", 6.0)
		item(129, 149, "{description}", "sans", 10, "ink", "optional", true, "lines", 4, "wrapBelow", 9.5, "leading", 1.4, "minSize", 5.0)
		sigY = y(176)
	} else {
		item(64, 70, "{heading}", "sans-bold", 9, "seal", "tracking", 120, "role", "P", "valign", "middle")
		item(72, 106, "{achievement}", "serif", 27, "ink", "role", "H2", "lines", 3, "wrapBelow", 22.0, "leading", 1.14, "valign", "top", "minSize", 6.0)
		item(112, 118, "{label.awarded}", "serif-italic", 13, "soft", "valign", "middle")
		item(120, 148, "{recipient}", "serif", 40, "ink", "role", "H2", "lines", 2, "wrapBelow", 27.0, "leading", 1.1, "valign", "top", "minSize", 9.0)
		item(150, 156, "{date}", "serif", 13, "ink", "optional", true, "valign", "middle", "minSize", 6.0)
		item(161, 192, "{description}", "sans", 10, "ink", "optional", true, "lines", 6, "wrapBelow", 9.5, "leading", 1.45, "minSize", 5.0)
		sigY = y(240)
	}
	sw := (mw - 12) / 2
	b.signatory("signatory1", left, sigY, sw, "sans", "start")
	b.signatory("signatory2", left+sw+12, sigY, sw, "sans", "start")
	b.add(kindSignature, "name", "Signature1", "box", box(left, sigY-24, min(60, mw), 21))

	// Facts above, QR code and how to check below.
	foot := b.h - 65
	b.add(kindFacts, "box", box(sx+pad, y(18)+1, side-2*pad, foot-8-y(18)-1), "size", 10.5, "minSize", 7.0, "color", "ink", "labelColor", "soft", "ruleColor", "rule", "flow", b.further(), "note", "{label.list}")
	b.add(kindQR, "box", box(sx+pad-1, foot, 27, 27), "color", "ink", "alt", "{label.qr} {verify.url}")
	fw := side - 2*pad
	b.text(box(sx+pad, foot+29, fw, 7.4), "{verify.short}", "sans-bold", 8.5, "ink", "link", true, "valign", "middle", "lines", 2, "wrapBelow", 7.0, "minSize", 3.0)
	b.text(box(sx+pad, foot+37, fw, 5), "{label.id} {id.groups}", "mono", 7.5, "ink", "when", "id", "valign", "middle", "minSize", 3.0)
	b.text(box(sx+pad, foot+43, fw, 8.5), "{label.check} {verify.host}{label.comma} {label.offline}", "sans", 7, "soft", "lines", 3, "wrapBelow", 6.2, "minSize", 3.0)
	b.text(box(left, b.h-13, mw, 5), "{test} · {label.test}", "sans-bold", 8.5, "seal", "when", "test", "valign", "middle", "minSize", 4.0)
	b.text(box(sx+pad, b.h-13, fw, 5), "{page.number} / {page.count}", "sans", 7.5, "soft", "when", "page.count", "role", roleArtifact, "align", "right", "valign", "middle", "minSize", 3.0)
}
