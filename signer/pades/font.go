package pades

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf16"

	"github.com/chancery-dev/chancery/internal/pdf"
	textfont "github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"golang.org/x/image/font/gofont/goregular"
)

// Font is a TrueType font for visible signatures. Parse once and use it for many files; it may be used
// by several goroutines at once.
type Font struct {
	shape  *textfont.Font
	upem   float64
	ascent float64 // per em
	desc   float64 // per em, negative below the line
	tables map[string][]byte
	loca   []uint32 // of every glyph, and the end
	hmtx   []uint16 // advances in font units
	bbox   [4]int16
}

// builtin is a clear sans serif with Latin, Greek and Cyrillic.
var builtin = sync.OnceValues(func() (*Font, error) { return ParseFont(goregular.TTF) })

// ParseFont reads a TrueType font (glyf outlines; OpenType fonts with CFF outlines are refused).
func ParseFont(ttf []byte) (*Font, error) {
	if len(ttf) > maxFontBytes {
		return nil, fail(BadAppearance, "font of %d bytes, at most %d are taken", len(ttf), maxFontBytes)
	}
	face, err := textfont.ParseTTF(bytes.NewReader(ttf))
	if err != nil {
		return nil, wrap(BadAppearance, err, "font")
	}
	ld, err := opentype.NewLoader(bytes.NewReader(ttf))
	if err != nil {
		return nil, wrap(BadAppearance, err, "font")
	}
	f := &Font{shape: face.Font, tables: make(map[string][]byte)}
	for _, tag := range []string{"head", "hhea", "maxp", "hmtx", "loca", "glyf"} {
		t, err := ld.RawTable(opentype.MustNewTag(tag))
		if err != nil {
			return nil, fail(BadAppearance, "font without table %s: TrueType outlines are needed", tag)
		}
		f.tables[tag] = t
	}
	for _, tag := range []string{"cvt ", "fpgm", "prep"} {
		if t, err := ld.RawTable(opentype.MustNewTag(tag)); err == nil {
			f.tables[tag] = t
		}
	}
	return f, f.read()
}

// read takes from the tables what embedding needs.
func (f *Font) read() error {
	head, hhea, maxp := f.tables["head"], f.tables["hhea"], f.tables["maxp"]
	if len(head) < 54 || len(hhea) < 36 || len(maxp) < 6 {
		return fail(BadAppearance, "font with a header cut short")
	}
	be := binary.BigEndian
	f.upem = float64(be.Uint16(head[18:]))
	if f.upem < 16 || f.upem > 16384 {
		return fail(BadAppearance, "font with %v units per em", f.upem)
	}
	for i := range f.bbox {
		f.bbox[i] = int16(be.Uint16(head[36+2*i:]))
	}
	f.ascent = float64(int16(be.Uint16(hhea[4:]))) / f.upem
	f.desc = float64(int16(be.Uint16(hhea[6:]))) / f.upem
	n, long := int(be.Uint16(maxp[4:])), be.Uint16(head[50:]) == 1
	loca, width := f.tables["loca"], 2
	if long {
		width = 4
	}
	if len(loca) < (n+1)*width || n == 0 {
		return fail(BadAppearance, "font with glyph locations cut short")
	}
	f.loca = make([]uint32, n+1)
	for i := range f.loca {
		if long {
			f.loca[i] = be.Uint32(loca[4*i:])
		} else {
			f.loca[i] = 2 * uint32(be.Uint16(loca[2*i:]))
		}
		if int(f.loca[i]) > len(f.tables["glyf"]) || i > 0 && f.loca[i] < f.loca[i-1] {
			return fail(BadAppearance, "font with a glyph outside its table")
		}
	}
	metrics, hmtx := int(be.Uint16(hhea[34:])), f.tables["hmtx"]
	if metrics == 0 || metrics > n || len(hmtx) < 4*metrics+2*(n-metrics) {
		return fail(BadAppearance, "font with widths cut short")
	}
	f.hmtx = make([]uint16, n)
	for i := range f.hmtx {
		f.hmtx[i] = be.Uint16(hmtx[4*min(i, metrics-1):])
	}
	return nil
}

// advance is the width of a glyph per em.
func (f *Font) advance(gid uint16) float64 {
	if int(gid) >= len(f.hmtx) {
		return 0
	}
	return float64(f.hmtx[gid]) / f.upem
}

// closure adds the parts of composite glyphs.
func (f *Font) closure(used map[uint16]string) (map[uint16]bool, error) {
	all := map[uint16]bool{0: true}
	work := slices.Sorted(maps.Keys(used))
	for len(work) > 0 {
		gid := work[len(work)-1]
		work = work[:len(work)-1]
		if all[gid] && gid != 0 || int(gid)+1 >= len(f.loca) {
			continue
		}
		all[gid] = true
		g := f.tables["glyf"][f.loca[gid]:f.loca[gid+1]]
		if len(g) < 10 || int16(binary.BigEndian.Uint16(g)) >= 0 {
			continue
		}
		for g = g[10:]; ; {
			if len(g) < 4 {
				return nil, fail(BadAppearance, "font with a composite glyph cut short")
			}
			flags, part := binary.BigEndian.Uint16(g), binary.BigEndian.Uint16(g[2:])
			work = append(work, part)
			size := 6
			if flags&1 != 0 {
				size = 8
			}
			switch {
			case flags&8 != 0:
				size += 2
			case flags&0x40 != 0:
				size += 4
			case flags&0x80 != 0:
				size += 8
			}
			if flags&0x20 == 0 {
				break
			}
			if len(g) < size {
				return nil, fail(BadAppearance, "font with a composite glyph cut short")
			}
			g = g[size:]
		}
	}
	return all, nil
}

// subset writes a font program with the outlines of the used glyphs only; glyph numbers stay.
func (f *Font) subset(used map[uint16]string) ([]byte, error) {
	keep, err := f.closure(used)
	if err != nil {
		return nil, err
	}
	n := len(f.loca) - 1
	loca := make([]byte, 4*(n+1))
	hmtx := make([]byte, 4*n)
	var glyf []byte
	for i := range n {
		binary.BigEndian.PutUint32(loca[4*i:], uint32(len(glyf)))
		if keep[uint16(i)] {
			glyf = append(glyf, f.tables["glyf"][f.loca[i]:f.loca[i+1]]...)
			for len(glyf)%4 != 0 {
				glyf = append(glyf, 0)
			}
			binary.BigEndian.PutUint16(hmtx[4*i:], f.hmtx[i])
		}
	}
	f.sideBearings(hmtx, keep)
	binary.BigEndian.PutUint32(loca[4*n:], uint32(len(glyf)))
	head, hhea := bytes.Clone(f.tables["head"]), bytes.Clone(f.tables["hhea"])
	binary.BigEndian.PutUint32(head[8:], 0)
	binary.BigEndian.PutUint16(head[50:], 1)
	binary.BigEndian.PutUint16(hhea[34:], uint16(n))
	tables := map[string][]byte{"head": head, "hhea": hhea, "maxp": f.tables["maxp"], "hmtx": hmtx, "loca": loca, "glyf": glyf}
	for _, tag := range []string{"cvt ", "fpgm", "prep"} {
		if t := f.tables[tag]; t != nil {
			tables[tag] = t
		}
	}
	return assemble(tables), nil
}

func (f *Font) sideBearings(hmtx []byte, keep map[uint16]bool) {
	metrics := int(binary.BigEndian.Uint16(f.tables["hhea"][34:]))
	src := f.tables["hmtx"]
	for gid := range keep {
		i := int(gid)
		if i >= len(f.hmtx) {
			continue
		}
		at := 4*i + 2
		if i >= metrics {
			at = 4*metrics + 2*(i-metrics)
		}
		copy(hmtx[4*i+2:4*i+4], src[at:at+2])
	}
}

// assemble writes an sfnt file of the tables (OpenType specification, "Organization of an OpenType font").
func assemble(tables map[string][]byte) []byte {
	tags := slices.Sorted(maps.Keys(tables))
	pow, log := 1, 0
	for pow*2 <= len(tags) {
		pow, log = pow*2, log+1
	}
	be := binary.BigEndian
	out := be.AppendUint32(nil, 0x00010000)
	for _, v := range []int{len(tags), pow * 16, log, len(tags)*16 - pow*16} {
		out = be.AppendUint16(out, uint16(v))
	}
	offset, headAt := 12+16*len(tags), 0
	for _, tag := range tags {
		t := tables[tag]
		if tag == "head" {
			headAt = offset
		}
		out = append(out, tag...)
		out = be.AppendUint32(out, checksum(t))
		out = be.AppendUint32(out, uint32(offset))
		out = be.AppendUint32(out, uint32(len(t)))
		offset += (len(t) + 3) &^ 3
	}
	for _, tag := range tags {
		out = append(out, tables[tag]...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	be.PutUint32(out[headAt+8:], 0xB1B0AFBA-checksum(out))
	return out
}

func checksum(b []byte) uint32 {
	var sum uint32
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	var last [4]byte
	copy(last[:], b)
	return sum + binary.BigEndian.Uint32(last[:])
}

// embed writes the font with the used glyphs (by number, with the text each stands for) as a Type 0
// font (ISO 32000-2, 9.7), as PDF/A wants fonts: embedded, with widths and a way back to Unicode.
func (f *Font) embed(up *pdf.Update, used map[uint16]string) (pdf.Ref, error) {
	program, err := f.subset(used)
	if err != nil {
		return pdf.Ref{}, err
	}
	glyphs := slices.Sorted(maps.Keys(used))
	em := func(v float64) pdf.Object { return number(v * 1000) }
	name := pdf.Name(subsetTag(program) + "+Signature")
	file := up.Add(pdf.NewStream(pdf.NewDict(pdf.Name("Filter"), pdf.Name("FlateDecode"), pdf.Name("Length1"), pdf.Integer(len(program))), pdf.Deflate(program)))
	box := pdf.NewArray()
	for _, v := range f.bbox {
		box.Append(em(float64(v) / f.upem))
	}
	descriptor := up.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("FontDescriptor"), pdf.Name("FontName"), name, pdf.Name("Flags"), pdf.Integer(4),
		pdf.Name("FontBBox"), box, pdf.Name("ItalicAngle"), pdf.Integer(0), pdf.Name("Ascent"), em(f.ascent), pdf.Name("Descent"), em(f.desc),
		pdf.Name("CapHeight"), em(f.ascent), pdf.Name("StemV"), pdf.Integer(80), pdf.Name("FontFile2"), file))
	widths := pdf.NewArray()
	for _, g := range glyphs {
		widths.Append(pdf.Integer(g), pdf.NewArray(em(f.advance(g))))
	}
	info := pdf.NewDict(pdf.Name("Registry"), pdf.String{Value: []byte("Adobe")}, pdf.Name("Ordering"), pdf.String{Value: []byte("Identity")}, pdf.Name("Supplement"), pdf.Integer(0))
	descendant := up.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Font"), pdf.Name("Subtype"), pdf.Name("CIDFontType2"), pdf.Name("BaseFont"), name,
		pdf.Name("CIDSystemInfo"), info, pdf.Name("FontDescriptor"), descriptor, pdf.Name("DW"), pdf.Integer(0), pdf.Name("W"), widths,
		pdf.Name("CIDToGIDMap"), pdf.Name("Identity")))
	unicode := up.Add(pdf.NewStream(pdf.NewDict(pdf.Name("Filter"), pdf.Name("FlateDecode")), pdf.Deflate(toUnicode(glyphs, used))))
	return up.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Font"), pdf.Name("Subtype"), pdf.Name("Type0"), pdf.Name("BaseFont"), name,
		pdf.Name("Encoding"), pdf.Name("Identity-H"), pdf.Name("DescendantFonts"), pdf.NewArray(descendant), pdf.Name("ToUnicode"), unicode)), nil
}

// subsetTag makes the six letters that mark a subset from its content.
func subsetTag(program []byte) string {
	sum := checksum(program)
	var tag [6]byte
	for i := range tag {
		tag[i] = 'A' + byte(sum%26)
		sum /= 26
	}
	return string(tag[:])
}

func toUnicode(glyphs []uint16, used map[uint16]string) []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	var lines []string
	for _, g := range glyphs {
		if used[g] == "" {
			continue
		}
		line := fmt.Sprintf("<%04X> <", g)
		for _, u := range utf16.Encode([]rune(used[g])) {
			line += fmt.Sprintf("%04X", u)
		}
		lines = append(lines, line+">\n")
	}
	for block := range slices.Chunk(lines, 100) { // the most a block may have
		fmt.Fprintf(&b, "%d beginbfchar\n", len(block))
		for _, l := range block {
			b.WriteString(l)
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.Bytes()
}
