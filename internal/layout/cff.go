package layout

import (
	"encoding/binary"
	"math"
)

// cffGlyph is a glyph of a font program: its outline in thousandths of an em and its
// advance width.
type cffGlyph struct {
	outline path
	width   int
}

// Operators of CFF dictionaries; those above 1200 are 12 followed by the rest.
const (
	cffFontBBox      = 5
	cffCharset       = 15
	cffCharStrings   = 17
	cffPrivate       = 18
	cffDefaultWidth  = 20
	cffNominalWidth  = 21
	cffROS           = 1230
	cffCIDCount      = 1234
	cffFDArray       = 1236
	cffFDSelect      = 1237
	cffFirstString   = 391 // SIDs below are the standard strings
	charStringEnd    = 14
	charStringRMove  = 21
	charStringRLine  = 5
	charStringRCurve = 8
)

// writeCFF makes a CID-keyed CFF font (Adobe Technical Note #5176) in which CID and glyph
// index are the same number and the em is 1000 units. Outlines are written as they are,
// without hints or subroutines: a certificate holds a hundred glyphs or two. There must be
// at least two glyphs, .notdef being the first.
func writeCFF(name string, glyphs []cffGlyph) []byte {
	lo, hi := point{}, point{}
	strings := make([][]byte, len(glyphs))
	for i, g := range glyphs {
		strings[i] = charString(g)
		if l, h, ok := g.outline.box(); ok {
			lo.X, lo.Y = min(lo.X, l.X), min(lo.Y, l.Y)
			hi.X, hi.Y = max(hi.X, h.X), max(hi.Y, h.Y)
		}
	}
	charset := binary.BigEndian.AppendUint16([]byte{2, 0, 1}, uint16(len(glyphs)-2)) // CIDs 1 to n-1
	fdSelect := binary.BigEndian.AppendUint16([]byte{3, 0, 1, 0, 0, 0}, uint16(len(glyphs)))
	chars := cffIndex(strings)
	private := cffDict(cffDict(nil, cffDefaultWidth, 0), cffNominalWidth, 0)
	names := cffIndex([][]byte{[]byte("Adobe"), []byte("Identity")})

	// Operands take five bytes whatever they are, so the length does not depend on offsets.
	top := func(charsetAt, fdSelectAt, charsAt, fdAt int) []byte {
		// Registry, ordering, supplement: "Adobe", "Identity", 0, in the short form some
		// readers look for.
		d := append(charNumber(charNumber(charNumber(nil, cffFirstString), cffFirstString+1), 0), 12, cffROS-1200)
		d = cffDict(d, cffFontBBox, int(math.Floor(lo.X)), int(math.Floor(lo.Y)), int(math.Ceil(hi.X)), int(math.Ceil(hi.Y)))
		d = cffDict(d, cffCIDCount, len(glyphs))
		d = cffDict(d, cffCharset, charsetAt)
		d = cffDict(d, cffFDSelect, fdSelectAt)
		d = cffDict(d, cffCharStrings, charsAt)
		d = cffDict(d, cffFDArray, fdAt)
		return cffIndex([][]byte{d})
	}
	out := append([]byte{1, 0, 4, 4}, cffIndex([][]byte{[]byte(name)})...)
	charsetAt := len(out) + len(top(0, 0, 0, 0)) + len(names) + 2
	fdSelectAt := charsetAt + len(charset)
	charsAt := fdSelectAt + len(fdSelect)
	privateAt := charsAt + len(chars)
	fdAt := privateAt + len(private)

	out = append(out, top(charsetAt, fdSelectAt, charsAt, fdAt)...)
	out = append(out, names...)
	out = append(out, 0, 0) // no global subroutines
	out = append(out, charset...)
	out = append(out, fdSelect...)
	out = append(out, chars...)
	out = append(out, private...)
	return append(out, cffIndex([][]byte{cffDict(nil, cffPrivate, len(private), privateAt)})...)
}

// cffIndex writes an INDEX with offsets of four bytes.
func cffIndex(items [][]byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(items)))
	out = append(out, 4)
	at := 1
	for _, it := range items {
		out = binary.BigEndian.AppendUint32(out, uint32(at))
		at += len(it)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(at))
	for _, it := range items {
		out = append(out, it...)
	}
	return out
}

func cffDict(d []byte, op int, operands ...int) []byte {
	for _, v := range operands {
		d = binary.BigEndian.AppendUint32(append(d, 29), uint32(int32(v)))
	}
	if op >= 1200 {
		return append(d, 12, byte(op-1200))
	}
	return append(d, byte(op))
}

// charString writes a Type 2 charstring (Technical Note #5177). Places are rounded to whole
// units before differences are taken, so errors do not add up.
func charString(g cffGlyph) []byte {
	var out []byte
	if g.width != 0 { // 0 is the default
		out = charNumber(out, g.width)
	}
	x, y := 0, 0
	delta := func(p point) {
		nx, ny := int(math.Round(p.X)), int(math.Round(p.Y))
		out = charNumber(charNumber(out, nx-x), ny-y)
		x, y = nx, ny
	}
	const stack = 48 // operands an interpreter holds
	pending, operands := byte(0), 0
	flush := func() {
		if operands > 0 {
			out = append(out, pending)
		}
		operands = 0
	}
	g.outline.each(func(seg byte, pts []point) {
		op := byte(charStringRMove)
		switch seg {
		case segClose:
			return // charstrings close by themselves
		case segLine:
			op = charStringRLine
		case segCurve:
			op = charStringRCurve
		}
		if op != pending || op == charStringRMove || operands+2*len(pts) > stack {
			flush()
		}
		pending = op
		for _, p := range pts {
			delta(p)
		}
		operands += 2 * len(pts)
	})
	flush()
	return append(out, charStringEnd)
}

func charNumber(out []byte, v int) []byte {
	switch {
	case v >= -107 && v <= 107:
		return append(out, byte(v+139))
	case v >= 108 && v <= 1131:
		v -= 108
		return append(out, byte(v>>8+247), byte(v))
	case v >= -1131 && v <= -108:
		v = -v - 108
		return append(out, byte(v>>8+251), byte(v))
	}
	v = max(math.MinInt16, min(math.MaxInt16, v))
	return append(out, 28, byte(v>>8), byte(v))
}
