package pades_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
)

// attack is something done to a signed file.
type attack struct {
	class, name string
	edit        editor                                               // as an update, or
	raw         func(tb testing.TB, s *sample, signed []byte) []byte // on the bytes
	want        verifier.Reason
	// by is the Reason where it depends on the certification; a Reason "" means that the
	// change is allowed under it, and the file valid.
	by map[sign.Permission]verifier.Reason
}

const (
	changed      = verifier.PDFChanged
	notPermitted = verifier.PDFNotPermitted
	overlay      = verifier.PDFOverlay
	shadowed     = verifier.PDFShadow
	appearance   = verifier.PDFAppearance
)

// forms is for changes that only P=1 forbids.
var forms = map[sign.Permission]verifier.Reason{0: "", 1: notPermitted, 2: "", 3: ""}

// anyP is for what is no change to a reader.
var anyP = map[sign.Permission]verifier.Reason{0: "", 1: "", 2: "", 3: ""}

// notes is for annotations.
var notes = map[sign.Permission]verifier.Reason{0: changed, 1: notPermitted, 2: notPermitted, 3: ""}

func (a attack) expected(p sign.Permission) verifier.Reason {
	if a.by != nil {
		return a.by[p]
	}
	return a.want
}

var byteRange = regexp.MustCompile(`/ByteRange\s*\[[0-9 ]*\] *`)

// patchRange writes another ByteRange over the one that is there, in the same place.
func patchRange(f func(r [4]int64) string) func(testing.TB, *sample, []byte) []byte {
	return func(tb testing.TB, _ *sample, signed []byte) []byte {
		at := byteRange.FindIndex(signed)
		if at == nil {
			tb.Fatal("no ByteRange")
		}
		var r [4]int64
		text := string(signed[at[0]:at[1]])
		if _, err := fmt.Sscanf(text[bytes.IndexByte([]byte(text), '['):], "[%d %d %d %d]", &r[0], &r[1], &r[2], &r[3]); err != nil {
			tb.Fatal(err)
		}
		s := f(r)
		if len(s) > len(text) {
			tb.Fatalf("%q does not fit into %q", s, text)
		}
		out := slices.Clone(signed)
		copy(out[at[0]:at[1]], fmt.Sprintf("%-*s", len(text), s))
		return out
	}
}

var hexContents = regexp.MustCompile(`/Contents\s*<[0-9a-fA-F]{200,}>`)

// patchContents changes the hexadecimal digits of /Contents.
func patchContents(f func(hex []byte)) func(testing.TB, *sample, []byte) []byte {
	return func(tb testing.TB, _ *sample, signed []byte) []byte {
		at := hexContents.FindIndex(signed)
		if at == nil {
			tb.Fatal("no Contents")
		}
		out := slices.Clone(signed)
		hex := out[at[0]:at[1]]
		f(hex[bytes.IndexByte(hex, '<')+1 : len(hex)-1])
		return out
	}
}

func appendText(text string) func(testing.TB, *sample, []byte) []byte {
	return func(_ testing.TB, _ *sample, signed []byte) []byte { return append(slices.Clone(signed), text...) }
}

func swap(from, to string) func(testing.TB, *sample, []byte) []byte {
	return func(tb testing.TB, _ *sample, signed []byte) []byte {
		if !bytes.Contains(signed, []byte(from)) || len(from) != len(to) {
			tb.Fatalf("no %q to replace by %q", from, to)
		}
		return bytes.Replace(slices.Clone(signed), []byte(from), []byte(to), 1)
	}
}

func script(*sample, *pdf.Update) pdf.Object {
	return dict("S", "/JavaScript", "JS", "app.alert(1)")
}

func drawn(content string) func(s *sample, u *pdf.Update) pdf.Object {
	return func(*sample, *pdf.Update) pdf.Object { return stream(dict(), content) }
}

const forged = "BT /Helv 24 Tf 72 720 Td (Doctorate) Tj ET"

var attacks = []attack{
	{class: "USF", name: "contents zero", raw: patchContents(func(h []byte) { fillBytes(h, '0') }), want: verifier.CMSMalformed},
	{class: "USF", name: "contents garbage", raw: patchContents(func(h []byte) { fillBytes(h, 'e') }), want: verifier.CMSMalformed},
	{class: "USF", name: "contents cut", raw: patchContents(func(h []byte) { fillBytes(h[400:], '0') }), want: verifier.CMSMalformed},
	{class: "USF", name: "byte range missing", raw: patchRange(func(r [4]int64) string { return "" }), want: verifier.PDFByteRange},
	{class: "USF", name: "byte range null", raw: patchRange(func(r [4]int64) string { return "/ByteRange null" }), want: verifier.PDFByteRange},
	{class: "USF", name: "byte range negative", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[0 -1 %d %d]", r[2], r[3]) }), want: verifier.PDFByteRange},
	{class: "USF", name: "byte range oversized", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[0 %d %d 99999999]", r[1], r[2]) }), want: verifier.PDFByteRange},
	{class: "USF", name: "byte range of two numbers", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[0 %d]", r[1]) }), want: verifier.PDFByteRange},
	{class: "USF", name: "byte range empty second part", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[0 %d %d 0]", r[1], r[2]) }), want: verifier.PDFByteRange},
	{class: "USF", name: "byte range not from the start", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[9 %d %d %d]", r[1]-9, r[2], r[3]) }), want: verifier.PDFByteRange},
	{class: "USF", name: "subfilter unknown", raw: swap("/ETSI.CAdES.detached", "/ETSI.CAdES.detacheX"), want: verifier.PDFSignatureKind},
	{class: "USF", name: "signed text changed", raw: swap("(Diploma)", "(Diplomb)"), want: verifier.CMSDigest},

	{class: "SWA", name: "gap wider", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[0 %d %d %d]", r[1], r[2]+10, r[3]-10) }), want: verifier.PDFGap},
	{class: "SWA", name: "gap begins earlier", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[0 %d %d %d]", r[1]-10, r[2], r[3]) }), want: verifier.PDFGap},
	{class: "SWA", name: "ends before the revision", raw: patchRange(func(r [4]int64) string { return fmt.Sprintf("/ByteRange[0 %d %d %d]", r[1], r[2], r[3]-20) }), want: verifier.PDFCoverage},
	{class: "SWA", name: "copied signature dictionary", edit: copySignature, want: verifier.PDFGap},

	{class: "ISA", name: "content replaced", edit: replace(func(s *sample) pdf.Ref { return s.content }, drawn(forged)), want: changed},
	{class: "ISA", name: "content redirected", edit: key(pageOf, "Contents", func(s *sample, u *pdf.Update) pdf.Object { return u.Add(stream(dict(), forged)) }), want: changed},
	{class: "ISA", name: "content redirected to old object", edit: key(pageOf, "Contents", func(s *sample, u *pdf.Update) pdf.Object { return s.hiddenContent }), want: changed},
	{class: "ISA", name: "page swapped", edit: swapPage, want: changed},
	{class: "ISA", name: "page added", edit: addPage, want: changed},
	{class: "ISA", name: "page order", edit: key(func(s *sample) pdf.Ref { return s.pages }, "Kids", func(s *sample, _ *pdf.Update) pdf.Object { return arr(s.page2, s.page) }), want: changed},
	{class: "ISA", name: "image replaced", edit: replace(func(s *sample) pdf.Ref { return s.image }, func(*sample, *pdf.Update) pdf.Object {
		return stream(dict("Type", "/XObject", "Subtype", "/Image", "Width", 1, "Height", 1, "ColorSpace", "/DeviceGray", "BitsPerComponent", 8), "\x00")
	}), want: changed},
	{class: "ISA", name: "font redefined", edit: key(func(s *sample) pdf.Ref { return s.font }, "BaseFont", val("/Symbol")), want: changed},
	{class: "ISA", name: "font descriptor redefined", edit: key(func(s *sample) pdf.Ref { return s.desc }, "FontName", val("/Symbol")), want: changed},
	{class: "ISA", name: "resources changed", edit: key(pageOf, "Resources", func(s *sample, _ *pdf.Update) pdf.Object { return dict("Font", dict("Helv", s.font)) }), want: changed},
	{class: "ISA", name: "crop box added", edit: key(pageOf, "CropBox", val(arr(0, 0, 300, 300))), want: changed},
	{class: "ISA", name: "page rotated", edit: key(pageOf, "Rotate", val(180)), want: changed},
	{class: "ISA", name: "page actions", edit: key(pageOf, "AA", func(s *sample, u *pdf.Update) pdf.Object { return dict("O", script(s, u)) }), want: changed},
	{class: "ISA", name: "open action", edit: key(catalogOf, "OpenAction", script), want: changed},
	{class: "ISA", name: "document actions", edit: key(catalogOf, "AA", func(s *sample, u *pdf.Update) pdf.Object { return dict("WC", script(s, u)) }), want: changed},
	{class: "ISA", name: "embedded file", edit: key(catalogOf, "Names", func(s *sample, u *pdf.Update) pdf.Object {
		return dict("EmbeddedFiles", dict("Names", arr("x", dict("Type", "/Filespec", "F", "x.txt"))))
	}), want: changed},
	{class: "ISA", name: "scripts in names", edit: key(catalogOf, "Names", func(s *sample, u *pdf.Update) pdf.Object {
		return dict("JavaScript", dict("Names", arr("a", script(s, u))))
	}), want: changed},
	{class: "ISA", name: "layers switched", edit: key(catalogOf, "OCProperties", func(s *sample, _ *pdf.Update) pdf.Object {
		return dict("OCGs", arr(s.layer), "D", dict("OFF", arr(s.layer)))
	}), want: changed},
	{class: "ISA", name: "layer redefined", edit: key(func(s *sample) pdf.Ref { return s.layer }, "Usage", val(dict("View", dict("ViewState", "/OFF")))), want: changed},
	{class: "ISA", name: "catalog moved", edit: moveRoot(nil), by: anyP},
	{class: "ISA", name: "catalog moved, with validation data", edit: moveRoot(func(_ *sample, _ *pdf.Update, d *pdf.Dict) { d.Set("DSS", dict("Certs", arr())) }), by: anyP},
	{class: "ISA", name: "catalog moved, with an open action", edit: moveRoot(func(s *sample, u *pdf.Update, d *pdf.Dict) { d.Set("OpenAction", script(s, u)) }), want: changed},
	{class: "ISA", name: "catalog moved, with other pages", edit: moveRoot(func(s *sample, u *pdf.Update, d *pdf.Dict) {
		d.Set("Pages", u.Add(dict("Type", "/Pages", "Kids", arr(s.hidden), "Count", 1)))
	}), want: changed},
	{class: "ISA", name: "catalog moved, with files", edit: moveRoot(func(_ *sample, _ *pdf.Update, d *pdf.Dict) {
		d.Set("Names", dict("EmbeddedFiles", dict("Names", arr("x", dict("Type", "/Filespec", "F", "x.txt")))))
	}), want: changed},
	{class: "ISA", name: "catalog moved, without its form", edit: moveRoot(func(_ *sample, _ *pdf.Update, d *pdf.Dict) { d.Delete("AcroForm") }), want: verifier.NoSignature},
	{class: "ISA", name: "catalog moved, page changed", edit: func(tb testing.TB, s *sample, u *pdf.Update) {
		moveRoot(nil)(tb, s, u)
		edit(tb, u, s.page).Set("Contents", u.Add(stream(dict(), forged)))
	}, want: changed},
	{class: "ISA", name: "catalog moved onto an object", edit: func(tb testing.TB, s *sample, u *pdf.Update) {
		if err := u.Set(s.hidden, catalogNow(tb, s, u)); err != nil {
			tb.Fatal(err)
		}
		u.Trailer().Set("Root", s.hidden)
	}, want: changed},
	{class: "ISA", name: "catalog moved, and the old one changed", edit: func(tb testing.TB, s *sample, u *pdf.Update) {
		moveRoot(nil)(tb, s, u)
		edit(tb, u, s.catalog).Set("OpenAction", script(s, u))
	}, want: changed},
	{class: "ISA", name: "catalog moved, changed later", raw: func(tb testing.TB, s *sample, signed []byte) []byte {
		var at pdf.Ref
		moved := update(tb, signed, func(u *pdf.Update) {
			moveRoot(nil)(tb, s, u)
			at = u.Trailer().Get("Root").(pdf.Ref)
		})
		return update(tb, moved, func(u *pdf.Update) { edit(tb, u, at).Set("OpenAction", script(s, u)) })
	}, want: changed},
	{class: "ISA", name: "catalog moved, and page changed later", raw: func(tb testing.TB, s *sample, signed []byte) []byte {
		moved := update(tb, signed, func(u *pdf.Update) { moveRoot(nil)(tb, s, u) })
		return update(tb, moved, func(u *pdf.Update) { edit(tb, u, s.page).Set("Rotate", pdf.Integer(180)) })
	}, want: changed},
	{class: "ISA", name: "object without xref", raw: appendText("4 0 obj\n<</Type/Page>>\nendobj\n"), want: verifier.PDFUnreached},
	{class: "ISA", name: "objects and trailer without xref", raw: appendText("4 0 obj\n<</Type/Page>>\nendobj\ntrailer\n<</Root 1 0 R>>\n"), want: verifier.PDFUnreached},
	{class: "ISA", name: "xref to nothing", raw: appendText("\nstartxref\n9\n%%EOF\n"), want: verifier.PDFMalformed},
	{class: "trailing bytes", name: "a comment", raw: appendText("% hello\n"), want: changed},
	{class: "trailing bytes", name: "words", raw: appendText("hello world\n"), want: changed},
	{class: "trailing bytes", name: "a digit", raw: appendText("\n7"), want: changed},
	{class: "trailing bytes", name: "after white space", raw: appendText(strings.Repeat("\x00", 5000) + "x"), want: changed},
	{class: "trailing bytes", name: "as many as are read", raw: appendText(strings.Repeat("x", 64<<10-100)), want: changed},
	{class: "trailing bytes", name: "an end marker", raw: appendText("%%EOF\n"), want: changed},
	{class: "trailing bytes", name: "an archive", raw: appendText("PK\x05\x06" + strings.Repeat("\x00", 18)), want: changed},
	{class: "trailing bytes", name: "a page", raw: appendText("<html><script>alert(1)</script></html>"), want: changed},
	{class: "trailing bytes", name: "a string", raw: appendText("(hello)"), want: changed},
	{class: "trailing bytes", name: "before an update", raw: junkThenUpdate, want: changed},
	{class: "ISA", name: "signature field cleared", edit: func(tb testing.TB, s *sample, u *pdf.Update) { edit(tb, u, s.seal).Set("V", pdf.Null{}) }, want: verifier.NoSignature},
	{class: "ISA", name: "signature nulled", edit: nullSignature, want: verifier.PDFSignatureMalformed},
	{class: "ISA", name: "signature field removed", edit: both(relist(formOf, "Fields", func(s *sample, a *pdf.Array) *pdf.Array { return without(a, s.seal) }),
		relist(pageOf, "Annots", func(s *sample, a *pdf.Array) *pdf.Array { return without(a, s.seal) })), want: verifier.NoSignature},

	{class: "shadow hide", name: "covering image emptied", edit: replace(func(s *sample) pdf.Ref { return s.image }, func(*sample, *pdf.Update) pdf.Object {
		return stream(dict("Type", "/XObject", "Subtype", "/Form", "BBox", arr(0, 0, 1, 1)), "")
	}), want: changed},
	{class: "shadow hide", name: "covering note removed", edit: relist(pageOf, "Annots", func(s *sample, a *pdf.Array) *pdf.Array { return without(a, s.note) }),
		by: map[sign.Permission]verifier.Reason{0: overlay, 1: overlay, 2: overlay, 3: overlay}},
	{class: "shadow hide", name: "covering note emptied", edit: key(func(s *sample) pdf.Ref { return s.note }, "AP", func(s *sample, u *pdf.Update) pdf.Object {
		return dict("N", u.Add(formX(140, 30, s.font, "")))
	}), want: overlay},
	{class: "shadow hide", name: "field order", edit: relist(formOf, "Fields", func(s *sample, a *pdf.Array) *pdf.Array {
		out := without(a, s.name)
		out.Append(s.name)
		return out
	}), want: changed},
	{class: "shadow hide", name: "drawing order", edit: relist(pageOf, "Annots", func(s *sample, a *pdf.Array) *pdf.Array {
		out := without(a, s.name)
		out.Append(s.name)
		return out
	}), want: changed},
	{class: "shadow hide", name: "field hidden", edit: key(nameOf, "F", val(6)), want: changed},
	{class: "shadow hide", name: "field moved", edit: key(nameOf, "Rect", val(arr(72, 720, 272, 740))), want: changed},
	{class: "shadow replace", name: "field with two faces", edit: func(tb testing.TB, s *sample, u *pdf.Update) { fillField(tb, u, s.odd, s.font, "1000", "1000") }, want: shadowed},
	{class: "shadow replace", name: "field over text filled", edit: func(tb testing.TB, s *sample, u *pdf.Update) { fillField(tb, u, s.over, s.font, "Eve", "Eve") }, want: overlay},
	{class: "shadow replace", name: "value drawn anew", edit: key(formOf, "NeedAppearances", val(true)), want: changed},
	{class: "shadow replace", name: "default resources redefined", edit: key(formOf, "DR", func(s *sample, u *pdf.Update) pdf.Object {
		return dict("Font", dict("Helv", u.Add(dict("Type", "/Font", "Subtype", "/Type1", "BaseFont", "/Symbol"))))
	}), want: changed},
	{class: "shadow hide-and-replace", name: "xref only", raw: switchBack, want: shadowed},

	{class: "sneaky form", name: "appearance shared with the page", edit: func(tb testing.TB, s *sample, u *pdf.Update) {
		edit(tb, u, s.shared).Set("V", pdf.EncodeText("other"))
		set(tb, u, s.sharedAP, textAP(s.font, "other"))
	}, want: changed},
	{class: "sneaky form", name: "shows something else", edit: fill("Ada", "Eve"), want: appearance},
	{class: "sneaky form", name: "shows something else, in place", edit: fillInPlace("Ada", "Eve"), want: appearance},
	{class: "sneaky form", name: "value behind the face", edit: key(nameOf, "V", val("Eve")), want: appearance},
	{class: "sneaky form", name: "face removed", edit: key(nameOf, "AP", val(dict())), want: appearance},
	{class: "sneaky form", name: "face null", edit: key(nameOf, "AP", val(dict("N", pdf.Null{}))), want: appearance},
	{class: "sneaky form", name: "read-only field", edit: func(tb testing.TB, s *sample, u *pdf.Update) { fillField(tb, u, s.fixed, s.font, "43", "43") }, want: changed},
	{class: "sneaky form", name: "read-only field in white", edit: key(func(s *sample) pdf.Ref { return s.fixed }, "DA", val("/Helv 12 Tf 1 g")), want: changed},
	{class: "sneaky form", name: "read-only lifted", edit: key(func(s *sample) pdf.Ref { return s.fixed }, "Ff", val(0)), want: changed},
	{class: "sneaky form", name: "field script", edit: key(nameOf, "AA", func(s *sample, u *pdf.Update) pdf.Object { return dict("K", script(s, u)) }), want: changed},
	{class: "sneaky form", name: "rollover appearance", edit: key(nameOf, "AP", func(s *sample, u *pdf.Update) pdf.Object {
		return dict("N", s.nameAP, "R", u.Add(textAP(s.font, "Eve")))
	}), want: changed},
	{class: "sneaky form", name: "check box drawn anew", edit: key(func(s *sample) pdf.Ref { return s.agree }, "AP", func(s *sample, u *pdf.Update) pdf.Object {
		return dict("N", dict("Yes", u.Add(textAP(s.font, "Eve"))))
	}), want: changed},
	{class: "sneaky form", name: "check box without such a state", edit: checkBox("Maybe"), want: appearance},
	{class: "sneaky form", name: "text field added", edit: addField("FT", "/Tx", "T", "new", "V", "Eve", "Rect", arr(300, 50, 400, 70), "AP", "/show"), want: changed},
	{class: "sneaky form", name: "field of a name twice", edit: addField("FT", "/Tx", "T", "name", "V", "Eve", "Rect", arr(300, 50, 400, 70)), want: changed},
	{class: "sneaky form", name: "field kind", edit: key(nameOf, "FT", val("/Btn")), want: changed},
	{class: "sneaky form", name: "field removed", edit: relist(formOf, "Fields", func(s *sample, a *pdf.Array) *pdf.Array { return without(a, s.fixed) }), want: changed},
	{class: "sneaky form", name: "calculation order", edit: key(formOf, "CO", func(s *sample, _ *pdf.Update) pdf.Object { return arr(s.name) }), want: changed},
	{class: "sneaky form", name: "XFA", edit: key(formOf, "XFA", func(s *sample, u *pdf.Update) pdf.Object { return u.Add(stream(dict(), "<xdp/>")) }), want: changed},

	{class: "signature looks", name: "its appearance", edit: key(func(s *sample) pdf.Ref { return s.seal }, "AP", func(s *sample, u *pdf.Update) pdf.Object {
		return dict("N", u.Add(formX(250, 70, s.font, "0 g 0 0 10 10 re f")))
	}), want: changed},
	{class: "signature looks", name: "its rectangle", edit: key(func(s *sample) pdf.Ref { return s.seal }, "Rect", val(arr(60, 490, 500, 520))), want: changed},
	{class: "SSA", name: "unsigned field over text", edit: addField("FT", "/Sig", "T", "new", "Rect", arr(60, 490, 400, 520), "AP", "/show"), want: changed},

	{class: "EAA", name: "note over text", edit: annotate("/FreeText", arr(60, 490, 400, 520), "1 g 0 0 100 100 re f"), want: overlay},
	{class: "EAA", name: "stamp over image", edit: annotate("/Stamp", arr(390, 290, 490, 390), "1 g 0 0 100 100 re f"), want: overlay},
	{class: "EAA", name: "highlight that writes", edit: annotate("/Highlight", arr(60, 490, 400, 520), "1 g 0 0 100 100 re f BT /Helv 20 Tf 0 0 Td (Eve) Tj ET"), want: overlay},
	{class: "EAA", name: "highlight that paints over", edit: annotate("/Highlight", arr(60, 490, 400, 520), "1 g 0 0 100 100 re f"), want: overlay},
	{class: "EAA", name: "ink beyond its rectangle", edit: annotate("/Ink", arr(0, 0, 5, 5), "", "InkList", arr(arr(60, 490, 400, 520))), want: overlay},
	{class: "EAA", name: "line as thick as text", edit: annotate("/StrikeOut", arr(60, 490, 400, 520), "1 G 2 0 0 2 0 0 cm 40 w 0 25 m 100 25 l S"), want: overlay},
	{class: "EAA", name: "popup that draws", edit: annotate("/Popup", arr(60, 490, 400, 520), "1 g 0 0 100 100 re f"), want: overlay},
	{class: "EAA", name: "link", edit: annotate("/Link", arr(60, 100, 100, 120), ""), want: changed},
	{class: "EAA", name: "note that acts", edit: annotate("/Text", arr(500, 800, 520, 820), "", "A", dict("S", "/URI", "URI", "https://evil.example/")), want: changed},
	{class: "EAA", name: "file attached", edit: annotate("/FileAttachment", arr(500, 800, 520, 820), "", "FS", dict("F", "x.exe")), want: changed},

	{class: "permission", name: "form filled", edit: fill("Grace", "Grace"), by: forms},
	{class: "permission", name: "form filled in place", edit: fillInPlace("Grace", "Grace"), by: forms},
	{class: "permission", name: "face removed for another value", edit: both(key(nameOf, "AP", val(pdf.Null{})), key(nameOf, "V", val("Eve"))), by: forms},
	{class: "permission", name: "form emptied", edit: both(key(nameOf, "AP", val(dict())), key(nameOf, "V", val(""))), by: forms},
	{class: "permission", name: "box checked", edit: checkBox("Yes"), by: forms},
	{class: "permission", name: "note beside the text", edit: annotate("/FreeText", arr(400, 50, 500, 80), "BT /Helv 10 Tf 0 0 Td (seen) Tj ET"), by: notes},
	{class: "permission", name: "sticky note", edit: annotate("/Text", arr(500, 800, 520, 820), ""), by: notes},
	{class: "permission", name: "highlight", edit: annotate("/Highlight", arr(60, 490, 400, 520), ""), by: notes},
	{class: "permission", name: "struck out", edit: annotate("/StrikeOut", arr(60, 490, 400, 520), "1 0 0 RG 0.5 w 0 50 m 100 50 l S"), by: notes},
	{class: "permission", name: "title", edit: key(func(s *sample) pdf.Ref { return s.info }, "Title", val("Doctorate")), by: forms},
	{class: "certification", name: "perms for another", edit: perms, want: verifier.PDFCertification},
	{class: "parser", name: "header gone", raw: func(_ testing.TB, _ *sample, b []byte) []byte { return b[9:] }, want: verifier.PDFMalformed},
	{class: "parser", name: "truncated", raw: func(_ testing.TB, _ *sample, b []byte) []byte { return b[:len(b)-40] }, want: verifier.NoSignature},
	{class: "parser", name: "page tree loop", edit: key(func(s *sample) pdf.Ref { return s.pages }, "Kids", func(s *sample, _ *pdf.Update) pdf.Object { return arr(s.pages) }), want: changed},
	{class: "parser", name: "field loop", edit: key(nameOf, "Kids", func(s *sample, _ *pdf.Update) pdf.Object { return arr(s.name) }), want: verifier.PDFMalformed},
}

func fillBytes(b []byte, c byte) {
	for i := range b {
		b[i] = c
	}
}

func perms(tb testing.TB, s *sample, u *pdf.Update) {
	edit(tb, u, s.catalog).Set("Perms", dict("DocMDP", u.Add(dict("Type", "/Sig"))))
}

func nullSignature(tb testing.TB, s *sample, u *pdf.Update) {
	set(tb, u, edit(tb, u, s.seal).Get("V").(pdf.Ref), pdf.Null{})
}

// copySignature writes the signature dictionary again.
func copySignature(tb testing.TB, s *sample, u *pdf.Update) {
	ref := edit(tb, u, s.seal).Get("V").(pdf.Ref)
	o, err := u.Get(ref)
	if err != nil {
		tb.Fatal(err)
	}
	d := o.(*pdf.Dict).Clone()
	d.Set("Copied", pdf.Bool(true))
	set(tb, u, ref, d)
}

func swapPage(tb testing.TB, s *sample, u *pdf.Update) {
	edit(tb, u, s.pages).Set("Kids", arr(s.hidden, s.page2))
}

func addPage(tb testing.TB, s *sample, u *pdf.Update) {
	d := edit(tb, u, s.pages)
	d.Set("Kids", arr(s.page, s.page2, s.hidden))
	d.Set("Count", pdf.Integer(3))
}

func catalogNow(tb testing.TB, s *sample, u *pdf.Update) *pdf.Dict {
	tb.Helper()
	o, err := u.Get(s.catalog)
	if err != nil {
		tb.Fatal(err)
	}
	return o.(*pdf.Dict).Clone()
}

// moveRoot makes the catalog an object of another number, with f having changed it.
func moveRoot(f func(*sample, *pdf.Update, *pdf.Dict)) func(testing.TB, *sample, *pdf.Update) {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		d := catalogNow(tb, s, u)
		if f != nil {
			f(s, u, d)
		}
		u.Trailer().Set("Root", u.Add(d))
	}
}

// switchBack appends nothing but a cross-reference that gives the page the content an
// earlier revision had.
func switchBack(tb testing.TB, s *sample, signed []byte) []byte {
	tb.Helper()
	doc, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)), pdf.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	first, last := doc.Revisions()[0], doc.Latest()
	was, ok := first.Locate(s.content2.Num)
	if is, _ := last.Locate(s.content2.Num); !ok || is == was {
		tb.Fatal("expected content that was replaced before signing")
	}
	size := last.Trailer.Get("Size").(pdf.Integer)
	out := bytes.NewBuffer(slices.Clone(signed))
	at := out.Len()
	if last.Kind == pdf.XrefStream {
		rec := fmt.Sprintf("\x01%s\x00\x01%s\x00", be(was.Offset), be(int64(at)))
		fmt.Fprintf(out, "%d 0 obj\n<</Type/XRef/Size %d/Prev %d/Root %v/ID[<00><00>]/W[1 4 1]/Index[%d 1 %d 1]/Length %d>>\nstream\n%s\nendstream\nendobj\n",
			size, size+1, last.Startxref, s.catalog, s.content2.Num, size, len(rec), rec)
	} else {
		fmt.Fprintf(out, "xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size %d/Prev %d/Root %v>>\n", s.content2.Num, was.Offset, size, last.Startxref, s.catalog)
	}
	fmt.Fprintf(out, "startxref\n%d\n%%%%EOF\n", at)
	return out.Bytes()
}

// junkThenUpdate appends bytes that belong to nothing, and an update that is allowed: the
// file ends as it should.
func junkThenUpdate(tb testing.TB, s *sample, signed []byte) []byte {
	tb.Helper()
	doc, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)), pdf.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	last := doc.Latest()
	size := last.Trailer.Get("Size").(pdf.Integer)
	out := bytes.NewBuffer(slices.Clone(signed))
	out.WriteString("hello world\n")
	at := out.Len()
	fmt.Fprintf(out, "%d 0 obj\n", size)
	if last.Kind == pdf.XrefStream {
		rec := fmt.Sprintf("\x01%s\x00", be(int64(at)))
		fmt.Fprintf(out, "<</Type/XRef/Size %d/Prev %d/Root %v/ID[<00><00>]/W[1 4 1]/Index[%d 1]/Length %d>>\nstream\n%s\nendstream\nendobj\n",
			size+1, last.Startxref, s.catalog, size, len(rec), rec)
	} else {
		fmt.Fprint(out, "null\nendobj\n")
		xref := out.Len()
		fmt.Fprintf(out, "xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size %d/Prev %d/Root %v>>\n", size, at, size+1, last.Startxref, s.catalog)
		at = xref
	}
	fmt.Fprintf(out, "startxref\n%d\n%%%%EOF\n", at)
	return out.Bytes()
}

// TestStampByAnybody: a document timestamp that does not count does not make what lies
// before it signed.
func TestStampByAnybody(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	for _, b := range bases(t, w) {
		junk := junkThenUpdate(t, b.sample, b.signed)
		stamped := w.renewBy(other, junk)
		r := validate(t, stamped, w.config())
		if len(r.Signatures) != 2 || !hasFinding(r, "timestamp_ignored") || r.Outcome != verifier.Invalid || r.Reason != changed {
			t.Errorf("%s\n%s", b, explain(r))
		}
		if r := validate(t, w.renewBy(other, b.signed), w.config()); r.Outcome != verifier.Valid {
			t.Errorf("%s, nothing but a timestamp by a stranger\n%s", b, explain(r))
		}
	}
}

func be(v int64) string { return string([]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}) }

// TestBroughtToLife: a page names an object that is not there; what appears under its
// number later was never signed.
func TestBroughtToLife(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, func(_ *pdf.Builder, s *sample, _, page, _ *pdf.Dict) {
		page.Get("Resources").(*pdf.Dict).Get("XObject").(*pdf.Dict).Set("Ghost", pdf.Ref{Num: 5000})
	})
	signed := w.sign(sign.LevelB, s.bytes, sign.Request{})
	if r := validate(t, signed, w.config()); r.Outcome != verifier.Valid {
		t.Fatal(explain(r))
	}
	doc, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)), pdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := bytes.NewBuffer(slices.Clone(signed))
	at := b.Len()
	b.WriteString("5000 0 obj\n<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 13>>\nstream\n0 0 9 9 re f \nendstream\nendobj\n")
	xref := b.Len()
	fmt.Fprintf(b, "xref\n5000 1\n%010d 00000 n \ntrailer\n<</Size 5001/Prev %d/Root %v>>\nstartxref\n%d\n%%%%EOF\n", at, doc.Latest().Startxref, s.catalog, xref)
	if r := validate(t, b.Bytes(), w.config()); r.Reason != shadowed {
		t.Error(explain(r))
	}
}

// base is a signed file that attacks begin with.
type base struct {
	permission sign.Permission
	streams    bool
	level      sign.Level
	sample     *sample
	signed     []byte
}

func (b base) String() string {
	kind := "table"
	if b.streams {
		kind = "stream"
	}
	return fmt.Sprintf("P%d/%s/%v", b.permission, kind, b.level)
}

// bases are approval and each certification, with each kind of cross-reference, one
// kind with a timestamp. Each has a revision before it in which page 2 read otherwise.
func bases(tb testing.TB, w *world) []base {
	tb.Helper()
	var out []base
	for _, p := range []sign.Permission{0, 1, 2, 3} {
		for _, streams := range []bool{false, true} {
			s := buildSample(tb, streams, nil)
			in := update(tb, s.bytes, func(u *pdf.Update) {
				set(tb, u, s.content2, stream(dict(), "BT /Helv 12 Tf 72 700 Td (The second page) Tj ET"))
			})
			level := sign.LevelB
			if streams {
				level = sign.LevelT
			}
			out = append(out, base{p, streams, level, s, w.sign(level, in, sign.Request{Field: "Registrar", Certify: p, Visible: &sign.Appearance{}})})
		}
	}
	return out
}

func (a attack) apply(tb testing.TB, b base) []byte {
	tb.Helper()
	if a.raw != nil {
		return a.raw(tb, b.sample, b.signed)
	}
	return update(tb, b.signed, func(u *pdf.Update) { a.edit(tb, b.sample, u) })
}

// TestMatrix: each attack on each kind of file, beside its genuine twin.
func TestMatrix(t *testing.T) {
	w := newWorld(t)
	files, accepted, allowed := 0, 0, 0
	for _, b := range bases(t, w) {
		if r := validate(t, b.signed, w.config()); r.Outcome != verifier.Valid {
			t.Errorf("genuine %s\n%s", b, explain(r))
		}
		for _, a := range attacks {
			t.Run(fmt.Sprintf("%s/%s/%s", b, a.class, a.name), func(t *testing.T) {
				r := validate(t, a.apply(t, b), w.config())
				want := a.expected(b.permission)
				if want == "" {
					allowed++
				} else {
					files++
				}
				if want != "" && r.Outcome == verifier.Valid {
					accepted++
				}
				if r.Reason != want || (want == "") != (r.Outcome == verifier.Valid) || want != "" && r.Outcome != want.Outcome() {
					t.Errorf("expected %q\n%s", string(want), explain(r))
				}
			})
		}
	}
	t.Logf("%d attacked files, %d accepted; %d allowed changes", files, accepted, allowed)
	if files < 60 || accepted > 0 {
		t.Errorf("expected at least 60 attacked files and none accepted")
	}
}
