package pades

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/go-text/typesetting/di"
	textfont "github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

// shapeSize is the size text is shaped at; results are scaled.
const shapeSize = 1000

// typesetter shapes text with fonts and remembers which glyphs were used.
type typesetter struct {
	fonts []*Font
	faces []*textfont.Face
	used  []map[uint16]string
	seg   shaping.Segmenter
	hb    shaping.HarfbuzzShaper
}

func newTypesetter(fonts []*Font) (*typesetter, error) {
	def, err := builtin()
	if err != nil {
		return nil, err
	}
	t := &typesetter{fonts: append(slices.Clone(fonts), def)}
	for _, f := range t.fonts {
		if f == nil {
			return nil, fail(BadAppearance, "nil font")
		}
		t.faces = append(t.faces, textfont.NewFace(f.shape))
		t.used = append(t.used, make(map[uint16]string))
	}
	return t, nil
}

// ResolveFace implements shaping.Fontmap: the first font that has the character.
func (t *typesetter) ResolveFace(r rune) *textfont.Face {
	for _, f := range t.faces {
		if _, ok := f.NominalGlyph(r); ok {
			return f
		}
	}
	return t.faces[0]
}

// line is shaped text, its runs from left to right.
type line struct {
	text  string
	runs  []run
	rtl   bool    // some of it runs from right to left
	width float64 // per em
}

type run struct {
	font   int
	glyphs []glyph
}

type glyph struct {
	id            uint16
	advance, x, y float64 // per em
	natural       float64 // advance the font states, which is what viewers move by
}

// shape shapes one line. Characters no font has are refused: a name with a box in it is no name.
func (t *typesetter) shape(text string) (*line, error) {
	if len(text) > maxText || !utf8.ValidString(text) {
		return nil, fail(BadAppearance, "line of %d bytes, at most %d of UTF-8 are taken", len(text), maxText)
	}
	runes := []rune(text)
	for _, r := range runes {
		if unicode.IsControl(r) {
			return nil, fail(BadAppearance, "control character in a line of text")
		}
	}
	dir := direction(runes)
	in := shaping.Input{Text: runes, RunEnd: len(runes), Direction: dir, Size: fixed.I(shapeSize), Face: t.faces[0], Language: language.NewLanguage("und")}
	l := &line{text: text}
	var rtl []bool
	for _, part := range t.seg.Split(in, t) {
		out := t.hb.Shape(part)
		r := run{font: slices.Index(t.faces, out.Face)}
		for _, g := range out.Glyphs {
			if g.GlyphID == 0 || g.GlyphID > 0xffff || r.font < 0 {
				return nil, fail(BadAppearance, "no font has the character U+%04X", runes[g.ClusterIndex])
			}
			r.glyphs = append(r.glyphs, glyph{uint16(g.GlyphID), em(g.XAdvance), em(g.XOffset), em(g.YOffset),
				t.fonts[r.font].advance(uint16(g.GlyphID))})
			l.width += em(g.XAdvance)
			t.use(r.font, g, runes)
		}
		l.runs = append(l.runs, r)
		rtl = append(rtl, part.Direction == di.DirectionRTL)
		l.rtl = l.rtl || part.Direction == di.DirectionRTL
	}
	reorder(l.runs, rtl, dir == di.DirectionRTL)
	return l, nil
}

func em(v fixed.Int26_6) float64 { return float64(v) / 64 / shapeSize }

// use notes what text a glyph stands for: the first glyph of a cluster for all of it.
func (t *typesetter) use(font int, g shaping.Glyph, runes []rune) {
	m := t.used[font]
	text := string(runes[g.ClusterIndex:min(len(runes), g.ClusterIndex+g.RuneCount)])
	if m[uint16(g.GlyphID)] == "" {
		m[uint16(g.GlyphID)] = text
	}
}

// direction is that of the first strong character.
func direction(text []rune) di.Direction {
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko):
			return di.DirectionRTL
		case unicode.IsLetter(r):
			return di.DirectionLTR
		}
	}
	return di.DirectionLTR
}

// reorder puts runs of one line into visual order (Unicode bidirectional algorithm, rule L2, for the
// two levels a line without embeddings has).
func reorder(runs []run, rtl []bool, paragraphRTL bool) {
	if paragraphRTL {
		slices.Reverse(runs)
		slices.Reverse(rtl)
	}
	for i := 0; i < len(runs); {
		j := i
		for j < len(runs) && rtl[j] == rtl[i] {
			j++
		}
		if rtl[i] != paragraphRTL {
			slices.Reverse(runs[i:j])
		}
		i = j
	}
}

// show writes the operators that draw a line at (x, y), wrapped in the text they stand for. Where
// something runs from right to left the wrapping is left out: readers put what they extract from left to
// right into logical order, and do so with replacement text too, which is in that order already.
func (l *line) show(b *bytes.Buffer, x, y, size float64) {
	if !l.rtl {
		b.WriteString("/Span <</ActualText ")
		b.WriteString(utf16Hex(l.text))
		b.WriteString(">> BDC\n")
	}
	b.WriteString("BT\n")
	op(b, "Td", x, y)
	for _, r := range l.runs {
		b.WriteString("/F" + strconv.Itoa(r.font) + " ")
		op(b, "Tf", size)
		b.WriteString("[")
		rise := 0.0
		for _, g := range r.glyphs {
			if g.y != rise {
				b.WriteString("] TJ ")
				op(b, "Ts", g.y*size)
				b.WriteString("[")
				rise = g.y
			}
			adjust(b, -g.x)
			b.WriteString("<" + hex.EncodeToString([]byte{byte(g.id >> 8), byte(g.id)}) + ">")
			adjust(b, g.natural+g.x-g.advance)
		}
		b.WriteString("] TJ\n")
		if rise != 0 {
			op(b, "Ts", 0)
		}
	}
	b.WriteString("ET\n")
	if !l.rtl {
		b.WriteString("EMC\n")
	}
}

func utf16Hex(s string) string {
	out := []byte{0xfe, 0xff}
	for _, r := range s {
		if r > 0xffff {
			r -= 0x10000
			hi, lo := 0xd800+r>>10, 0xdc00+r&0x3ff
			out = append(out, byte(hi>>8), byte(hi), byte(lo>>8), byte(lo))
			continue
		}
		out = append(out, byte(r>>8), byte(r))
	}
	return "<" + hex.EncodeToString(out) + ">"
}

// adjust writes a displacement per em to the left within TJ.
func adjust(b *bytes.Buffer, v float64) {
	if v > 0.0005 || v < -0.0005 {
		b.WriteString(decimal(v * 1000))
		b.WriteByte(' ')
	}
}

// decimal writes a number as content streams take it.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'f', 3, 64)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// op writes an operator with numbers before it.
func op(b *bytes.Buffer, name string, operands ...float64) {
	for _, v := range operands {
		b.WriteString(decimal(v))
		b.WriteByte(' ')
	}
	b.WriteString(name)
	b.WriteByte('\n')
}

// fontResources embeds the fonts that were used.
func (t *typesetter) fontResources(up *pdf.Update) (*pdf.Dict, error) {
	d := pdf.NewDict()
	for i, f := range t.fonts {
		if len(t.used[i]) == 0 {
			continue
		}
		ref, err := f.embed(up, t.used[i])
		if err != nil {
			return nil, err
		}
		d.Set(pdf.Name("F"+strconv.Itoa(i)), ref)
	}
	return d, nil
}
