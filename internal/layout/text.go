package layout

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/harfbuzz"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/segmenter"
	"golang.org/x/text/unicode/norm"
)

// textStyle is what shaping depends on, size apart: text is shaped in thousandths of an em.
type textStyle struct {
	chain    []*face // the embedded font asked for, and those that stand in for it
	features []harfbuzz.Feature
	tracking float64 // added after each cluster, thousandths of an em
	lang     string
	base     int // paragraph direction: -1 by first strong character, 0, 1
}

// part is a glyph of a cluster, at its place.
type part struct {
	gid  uint32
	x, y float64
}

// cluster is the smallest piece of shaped text that stands for characters: a letter, a
// ligature, a syllable of Devanagari. Each becomes one glyph of the embedded font, so that
// what a reader copies out is what went in, whatever shaping did in between.
type cluster struct {
	face  *face
	parts []part
	width float64 // the glyph's own width, thousandths of an em
	text  string
	key   string // equal for clusters that are the same glyph with the same text
}

// placed is a cluster at its place on the line, in thousandths of an em.
type placed struct {
	*cluster
	x float64
	// advance is how far it moves the pen, kerning and tracking included.
	advance float64
	// from is the index of its first character in the line's text, by which the PDF is in
	// the order of reading.
	from int
}

// shapedLine is a line of text in visual order.
type shapedLine struct {
	glyphs []placed
	width  float64 // thousandths of an em
	rtl    bool    // the paragraph's direction
}

// shaper holds what one goroutine needs to shape text and draw glyphs.
type shaper struct {
	index     *fontIndex
	fits      map[fitKey]bool
	buf       *harfbuzz.Buffer
	fonts     map[*face]*harfbuzz.Font
	outlines  map[glyphID]path
	ornaments map[ornamentKey]*symbol
	seg       segmenter.Segmenter
	packed    bytes.Buffer
	zip       *zlib.Writer // its tables are large
}

// deflate compresses data for /FlateDecode.
func (s *shaper) deflate(data []byte) []byte {
	s.packed.Reset()
	if s.zip == nil {
		s.zip = zlib.NewWriter(&s.packed)
	}
	s.zip.Reset(&s.packed)
	s.zip.Write(data) // a bytes.Buffer does not fail
	s.zip.Close()
	return bytes.Clone(s.packed.Bytes())
}

type glyphID struct {
	face *face
	gid  uint32
}

// fitKey is a text in an element of a template. Most texts of a template are the same on
// all of its pages.
type fitKey struct {
	t                         *Template
	element, text, lang, page string
}

// fitted remembers that a text fits.
func (s *shaper) fitted(k fitKey) {
	if s.fits == nil || len(s.fits) >= maxFits {
		s.fits = map[fitKey]bool{}
	}
	s.fits[k] = true
}

func newShaper(ix *fontIndex) *shaper {
	return &shaper{index: ix, buf: harfbuzz.NewBuffer(), fonts: map[*face]*harfbuzz.Font{}, outlines: map[glyphID]path{}, ornaments: map[ornamentKey]*symbol{}}
}

func (s *shaper) hb(f *face) *harfbuzz.Font {
	h, ok := s.fonts[f]
	if !ok {
		h = harfbuzz.NewFont(font.NewFace(f.font))
		s.fonts[f] = h
	}
	return h
}

// run is a stretch of text with one level, script and font.
type run struct {
	from, to int
	level    uint8
	script   language.Script
	face     *face
}

// line shapes one line, which holds no line breaks. It fails with MissingFontError.
func (s *shaper) line(text []rune, st textStyle) (shapedLine, error) {
	levels, base := bidiLevels(text, st.base)
	out := shapedLine{rtl: base == 1}
	runs, err := s.runs(text, levels, st)
	if err != nil {
		return out, err
	}
	order := make([]uint8, len(runs))
	for i, r := range runs {
		order[i] = r.level
	}
	pen := 0.0
	for _, i := range visualOrder(order) {
		if pen, err = s.shape(text, runs[i], st, pen, &out.glyphs); err != nil {
			return out, err
		}
	}
	if len(out.glyphs) > 0 {
		pen -= st.tracking // none after the last
	}
	out.width = pen
	return out, nil
}

func (s *shaper) runs(text []rune, levels []uint8, st textStyle) ([]run, error) {
	of := scriptsOf(text)
	region := regionOf(text, st.lang)
	var runs []run
	s.seg.Init(text)
	it := s.seg.GraphemeIterator()
	for it.Next() {
		g := it.Grapheme()
		from, to := g.Offset, g.Offset+len(g.Text)
		script := of[from]
		for k := from; k < to && !script.Strong(); k++ {
			script = of[k]
		}
		var last *face
		if n := len(runs); n > 0 {
			last = runs[n-1].face
		}
		f, err := s.choose(g.Text, script, region, st, last)
		if err != nil {
			return nil, err
		}
		if n := len(runs); n > 0 && runs[n-1].face == f && runs[n-1].level == levels[from] && runs[n-1].script == script {
			runs[n-1].to = to
			continue
		}
		runs = append(runs, run{from, to, levels[from], script, f})
	}
	return runs, nil
}

// choose finds the font for one grapheme cluster.
func (s *shaper) choose(g []rune, script language.Script, region string, st textStyle, last *face) (*face, error) {
	need := make([]rune, 0, 8)
	for _, r := range g {
		if !invisible(r) {
			need = append(need, r)
		}
	}
	if len(need) == 0 { // white space stays with the word before it where it can
		if last != nil && (last.has(g[0]) || g[0] != ' ') {
			return last, nil
		}
		return st.chain[0], nil
	}
	covers := func(f *face) bool { return coversAll(f, need) }
	info := infoOf(script, region)
	embedded := script == language.Latin || script == language.Greek || script == language.Cyrillic || !script.Strong()
	if embedded {
		for _, f := range st.chain {
			if covers(f) {
				return f, nil
			}
		}
	}
	if f := s.index.find(info, st.chain[0], covers); f != nil {
		return f, nil
	}
	for _, f := range st.chain {
		if covers(f) {
			return f, nil
		}
	}
	for _, other := range []language.Script{language.Common, language.Han} {
		if f := s.index.find(infoOf(other, region), st.chain[0], covers); f != nil {
			return f, nil
		}
	}
	if f := s.index.findAny(script, st.chain[0], covers); f != nil {
		return f, nil
	}
	return nil, missing(script, region, need, st.chain)
}

// missing blames the first character that no font of the text has. What belongs to no script,
// such as an emoji, is not said to be of the script of the words beside it.
func missing(script language.Script, region string, need []rune, chain []*face) error {
	char := need[0]
	for _, r := range need {
		if !invisible(r) && !slices.ContainsFunc(chain, func(f *face) bool { return f.has(r) }) {
			char = r
			break
		}
	}
	if own := language.LookupScript(char); own == language.Common {
		script = own
	}
	info := infoOf(script, region)
	if pictograph(char) {
		info.name, info.debPack = "pictographs", packPictographs
	}
	return &MissingFontError{Script: info.name, Package: info.debPack, Char: char}
}

// pictograph reports emoji and the like, which have no outlines in most fonts.
func pictograph(r rune) bool { return r >= 0x1F000 && r <= 0x1FAFF }

// coversAll reports whether f has the characters as they stand, composed or decomposed:
// the shaper tries all three.
func coversAll(f *face, need []rune) bool {
	all := func(rs []rune) bool {
		for _, r := range rs {
			if !f.has(r) && !invisible(r) {
				return false
			}
		}
		return true
	}
	if all(need) {
		return true
	}
	plain := true
	for _, r := range need {
		plain = plain && r < 0x80
	}
	if plain {
		return false
	}
	text := string(need)
	return all([]rune(norm.NFC.String(text))) || all([]rune(norm.NFD.String(text)))
}

// shape appends the clusters of a run, in visual order, from pen on.
func (s *shaper) shape(text []rune, r run, st textStyle, pen float64, out *[]placed) (float64, error) {
	h := s.hb(r.face)
	s.buf.Clear()
	s.buf.AddRunes(text, r.from, r.to-r.from)
	s.buf.Props.Direction = harfbuzz.LeftToRight
	if r.level&1 == 1 {
		s.buf.Props.Direction = harfbuzz.RightToLeft
	}
	s.buf.Props.Script = r.script
	s.buf.Props.Language = language.NewLanguage(st.lang)
	s.buf.Shape(h, st.features)

	k := 1000 / r.face.upem()
	info, pos := s.buf.Info, s.buf.Pos
	for i := 0; i < len(info); {
		end := i + 1
		for end < len(info) && info[end].Cluster == info[i].Cluster {
			end++
		}
		from, to := info[i].Cluster, r.to
		if r.level&1 == 0 && end < len(info) {
			to = info[end].Cluster
		} else if r.level&1 == 1 && i > 0 {
			to = info[i-1].Cluster
		}
		if from < r.from || to > r.to || to <= from {
			return pen, &ShapeError{}
		}
		chars := text[from:to]
		c := cluster{face: r.face, text: string(chars)}
		at, inked := 0.0, false
		for j := i; j < end; j++ {
			gid := uint32(info[j].Glyph)
			if gid == 0 && !allInvisible(chars) {
				return pen, missing(r.script, regionOf(text, st.lang), chars, st.chain)
			}
			c.width = at + math.Max(0, float64(h.GlyphHAdvance(info[j].Glyph))*k)
			p := part{gid, at + float64(pos[j].XOffset)*k, float64(pos[j].YOffset) * k}
			at += float64(pos[j].XAdvance) * k
			if o := s.outline(r.face, gid); !o.empty() && gid != 0 {
				c.parts = append(c.parts, p)
				inked = true
			}
		}
		if !inked && !blank(chars) {
			return pen, missing(r.script, regionOf(text, st.lang), chars, st.chain) // bitmaps and colour fonts have no outlines
		}
		moved := at
		if at != 0 { // spacing is part of the glyph, lest readers take it for white space
			moved += st.tracking
			c.width += st.tracking
		}
		c.width = math.Round(c.width)
		c.key = c.identity()
		spread(c, pen, moved, from, r.level&1 == 1, out)
		pen += moved
		i = end
	}
	return pen, nil
}

func allInvisible(rs []rune) bool {
	for _, r := range rs {
		if !invisible(r) {
			return false
		}
	}
	return true
}

// blank reports text that may rightly leave no ink.
func blank(rs []rune) bool {
	for _, r := range rs {
		if !invisible(r) && r != 0x2800 && r != 0x3164 && r != 0x115F && r != 0x1160 && r != 0xFFA0 {
			return false
		}
	}
	return true
}

// spread appends a cluster. One that stands for several characters written right to left
// is followed by empty glyphs, one for each character but the last: software that extracts
// text puts glyphs in order by place, but does not turn round the characters of one glyph.
func spread(c cluster, x, advance float64, from int, rtl bool, out *[]placed) {
	chars := []rune(c.text)
	if !rtl || len(chars) == 1 {
		*out = append(*out, placed{&c, x, advance, from})
		return
	}
	n := float64(len(chars))
	whole := c.width
	for i := len(chars) - 1; i >= 0; i-- {
		piece := cluster{face: c.face, text: string(chars[i]), width: math.Round(whole / n)}
		if i == len(chars)-1 {
			piece.parts = c.parts
		}
		piece.key = piece.identity()
		*out = append(*out, placed{&piece, x + whole*float64(len(chars)-1-i)/n, advance / n, from + i})
	}
}

func (c *cluster) identity() string {
	b := make([]byte, 0, 8+8*len(c.parts)+len(c.text))
	b = binary.AppendVarint(b, int64(c.width))
	b = binary.AppendUvarint(b, uint64(len(c.parts)))
	for _, p := range c.parts {
		b = binary.AppendUvarint(b, uint64(p.gid))
		b = binary.AppendVarint(b, int64(math.Round(p.x)))
		b = binary.AppendVarint(b, int64(math.Round(p.y)))
	}
	return string(append(b, c.text...))
}

// outline returns a glyph's outline in thousandths of an em.
func (s *shaper) outline(f *face, gid uint32) path {
	id := glyphID{f, gid}
	if p, ok := s.outlines[id]; ok {
		return p
	}
	var p path
	k := 1000 / f.upem()
	var segs []font.Segment
	switch d := s.hb(f).Face().GlyphData(font.GID(gid)).(type) {
	case font.GlyphOutline:
		segs = d.Segments
	case font.GlyphSVG:
		segs = d.Outline.Segments
	case font.GlyphBitmap:
		if d.Outline != nil {
			segs = d.Outline.Segments
		}
	}
	var cur point
	for i, sg := range segs {
		pt := func(n int) point { return point{float64(sg.Args[n].X) * k, float64(sg.Args[n].Y) * k} }
		switch sg.Op {
		case opentype.SegmentOpMoveTo:
			if i > 0 {
				p.close()
			}
			cur = pt(0)
			p.move(cur.X, cur.Y)
		case opentype.SegmentOpLineTo:
			cur = pt(0)
			p.line(cur.X, cur.Y)
		case opentype.SegmentOpQuadTo:
			q, e := pt(0), pt(1)
			p.curve(cur.X+(q.X-cur.X)*2/3, cur.Y+(q.Y-cur.Y)*2/3, e.X+(q.X-e.X)*2/3, e.Y+(q.Y-e.Y)*2/3, e.X, e.Y)
			cur = e
		case opentype.SegmentOpCubeTo:
			a, b, e := pt(0), pt(1), pt(2)
			p.curve(a.X, a.Y, b.X, b.Y, e.X, e.Y)
			cur = e
		}
	}
	if !p.empty() {
		p.close()
	}
	if len(s.outlines) >= maxOutlines {
		clear(s.outlines)
	}
	s.outlines[id] = p
	return p
}

// glyphPath draws a cluster, in thousandths of an em.
func (s *shaper) glyphPath(c *cluster) path {
	if len(c.parts) == 1 && c.parts[0].x == 0 && c.parts[0].y == 0 {
		return s.outline(c.face, c.parts[0].gid)
	}
	var p path
	for _, g := range c.parts {
		p.add(s.outline(c.face, g.gid), translate(math.Round(g.x), math.Round(g.y)))
	}
	return p
}

// ShapeError says that the shaper gave an answer that does not fit the text.
type ShapeError struct{}

func (*ShapeError) Error() string {
	return "layout: expected glyphs in the order of the text, found clusters out of order"
}

// features reads OpenType feature tags; "-liga" switches one off.
func parseFeatures(tags []string) ([]harfbuzz.Feature, bool) {
	var out []harfbuzz.Feature
	for _, t := range tags {
		value := uint32(1)
		if rest, ok := strings.CutPrefix(t, "-"); ok {
			t, value = rest, 0
		}
		if len(t) != 4 || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, false
		}
		out = append(out, harfbuzz.Feature{Tag: opentype.MustNewTag(t), Value: value, Start: harfbuzz.FeatureGlobalStart, End: harfbuzz.FeatureGlobalEnd})
	}
	return slices.Clip(out), true
}
