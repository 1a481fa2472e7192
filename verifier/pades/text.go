package pades

import (
	"errors"
	"io"
	"strings"
	"unicode"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// judgeText judges a text or choice field that was filled in: what it shows now is its
// value, and what it showed when signed was its value then. A field that showed one
// thing and held another was made to change its face.
func (s *step) judgeText(field int32, value bool, shown []int32) error {
	a := &s.g.annots[field]
	bad := func(reason verifier.Reason, detail string) error {
		s.add(Change{Reason: reason, Field: a.name, Page: int(a.page) + 1, Detail: detail})
		return nil
	}
	widgets := s.g.shows[field]
	newField := s.current(field)
	formatted := s.hasFormat(newField)
	for _, i := range widgets {
		old, now := s.g.annots[i].dict, s.current(i)
		if s.onlyNormal(old, now) {
			continue
		}
		return bad(verifier.PDFChanged, "appearances other than the normal one were changed")
	}
	if plainText(a) {
		for _, i := range widgets {
			was := s.shows(s.old, a.dict, s.g.annots[i].dict, a.ft)
			is := s.shows(s.new, newField, s.current(i), a.ft)
			switch {
			case (was == differs) && !s.g.needAP && !formatted:
				return bad(verifier.PDFShadow, "a field that showed something else than its value when signed was changed")
			case is == differs && !s.g.needAP && !formatted:
				return bad(verifier.PDFAppearance, "the field shows something else than its value")
			case is == unknown && !value && !s.g.needAP && s.hasFace(s.old, s.g.annots[i].dict) && !s.hasFace(s.new, s.current(i)):
				// Some readers draw the value by themselves then, others show nothing. Who fills in
				// a new value may leave it to them, who keeps the value has nothing to take away.
				return bad(verifier.PDFAppearance, "the field kept its value and no longer shows it")
			case is != agrees, was == unknown:
				s.g.v.find(verifier.GradeWarning, "pdf_appearance_unchecked", "field "+a.name+": whether it shows its value could not be checked")
			}
		}
	}
	if value && len(shown) == 0 {
		shown = widgets // readers draw it anew
	}
	for _, i := range shown {
		s.covers(s.g.annots[i].page, s.g.annots[i].rect, a.name, field)
	}
	return nil
}

// judgeDrawn judges the fields of a form whose values readers drew when it was signed, and
// are told to draw no more: what shows from then on are the appearances that are there.
func (s *step) judgeDrawn() {
	if !s.g.needAP || !s.undrawn {
		return
	}
	for i := range s.g.annots {
		a := &s.g.annots[i]
		field := s.g.fieldOf(int32(i))
		if !a.isWidget || field < 0 || !plainText(a) || s.hasFormat(s.current(field)) {
			continue
		}
		if s.g.annots[field].parent >= 0 && !s.current(field).Has("V") {
			continue // the value is another field's
		}
		now := s.current(int32(i))
		v, _, err := s.new.StringAt(s.current(field), "V")
		lacks := err != nil || len(v.Value) > 0 && !now.Has("AP")
		if lacks || s.shows(s.new, s.current(field), now, a.ft) == differs {
			s.add(Change{Reason: verifier.PDFShadow, Field: a.name, Page: int(a.page) + 1, Detail: "readers drew the field's value, and are told to show something else"})
		}
	}
}

// plainText tells the fields whose appearance is the text of their value.
func plainText(a *annot) bool {
	const password, richtext, fileSelect, combo = 1 << 13, 1 << 25, 1 << 20, 1 << 17
	return a.ft == "Tx" && a.ff&(password|fileSelect|richtext) == 0 || a.ft == "Ch" && a.ff&combo != 0
}

// current is a field or widget as it is now.
func (s *step) current(i int32) *pdf.Dict {
	if t := s.touched[i]; t != nil && t.dict != nil {
		return t.dict
	}
	return s.g.annots[i].dict
}

// hasFormat tells whether a script formats the field's value for showing.
func (s *step) hasFormat(field *pdf.Dict) bool {
	aa, err := s.new.DictAt(field, "AA")
	return err == nil && aa != nil && aa.Has("F")
}

// onlyNormal tells whether two states of a widget differ in the normal appearance at most.
func (s *step) onlyNormal(was, is *pdf.Dict) bool {
	a, err1 := s.old.DictAt(was, "AP")
	b, err2 := s.new.DictAt(is, "AP")
	if err1 != nil || err2 != nil {
		return false
	}
	if a == nil {
		a = pdf.NewDict()
	}
	if b == nil {
		b = pdf.NewDict()
	}
	for _, key := range differing(a, b) {
		if key != "N" && b.Has(key) {
			return false
		}
	}
	return true
}

// match is how what a field shows compares with its value.
type match int

const (
	unknown match = iota
	agrees
	differs
)

// shows compares the text in a widget's normal appearance with the field's value.
func (s *step) shows(rev *pdf.Revision, field, widget *pdf.Dict, ft pdf.Name) match {
	o, err := rev.Resolve(field.Get("V"))
	if err != nil {
		return unknown
	}
	want := ""
	switch x := o.(type) {
	case nil, pdf.Null:
	case pdf.String:
		want = pdf.TextString(x)
	default:
		return unknown
	}
	ap, err := rev.DictAt(widget, "AP")
	if err != nil {
		return unknown
	}
	var face pdf.Object
	if ap != nil {
		if face, err = rev.Resolve(ap.Get("N")); err != nil {
			return unknown
		}
	}
	n, ok := face.(*pdf.Stream)
	switch _, null := face.(pdf.Null); {
	case ok:
	case face != nil && !null:
		return differs // a text has one face, and here readers may find several, or none
	case want == "":
		return agrees
	default:
		return unknown
	}
	text, ok := appearanceText(s.g.v, rev, n)
	if !ok {
		return unknown
	}
	got := squeeze(text)
	if got == squeeze(want) {
		return agrees
	}
	if ft == "Ch" && s.optionShown(rev, field, want, got) {
		return agrees
	}
	return differs
}

// optionShown tells whether a choice shows the text of the option whose value it has
// (ISO 32000-2, table 234).
func (s *step) optionShown(rev *pdf.Revision, field *pdf.Dict, want, got string) bool {
	opt, err := rev.ArrayAt(field, "Opt")
	if err != nil || opt == nil {
		return false
	}
	for _, o := range opt.All() {
		o, err := rev.Resolve(o)
		pair, ok := o.(*pdf.Array)
		if err != nil || !ok || pair.Len() != 2 {
			continue
		}
		export, ok1 := pair.At(0).(pdf.String)
		text, ok2 := pair.At(1).(pdf.String)
		if ok1 && ok2 && pdf.TextString(export) == want && squeeze(pdf.TextString(text)) == got {
			return true
		}
	}
	return false
}

// hasFace tells whether a widget has a normal appearance.
func (s *step) hasFace(rev *pdf.Revision, widget *pdf.Dict) bool {
	ap, err := rev.DictAt(widget, "AP")
	if err != nil || ap == nil {
		return err != nil
	}
	n, err := rev.Resolve(ap.Get("N"))
	_, null := n.(pdf.Null)
	return err != nil || n != nil && !null
}

// squeeze leaves white space out: where lines break is not the value's business.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == 0xa0 || r == 0xad {
			return -1
		}
		return r
	}, s)
}

// appearanceText reads the text that an appearance shows. It answers false where fonts
// cannot be read, or where what is drawn is not all text: images and nested forms.
func appearanceText(v *validation, rev *pdf.Revision, n *pdf.Stream) (string, bool) {
	r, err := n.OpenWithin(maxContent, &v.contentLeft)
	if err != nil {
		return "", false
	}
	res, err := rev.DictAt(n.Dict, "Resources")
	if err != nil {
		return "", false
	}
	var fonts *pdf.Dict
	if res != nil {
		if fonts, err = rev.DictAt(res, "Font"); err != nil {
			return "", false
		}
	}
	sc := pdf.NewContentScanner(r, pdf.Limits{})
	var out strings.Builder
	simple := true
	for count := 0; count < maxMarks; count++ {
		op, err := sc.Next()
		if errors.Is(err, io.EOF) {
			return out.String(), true
		}
		if err != nil {
			return "", false
		}
		switch op.Operator {
		case "Do", "BI", "sh":
			return "", false
		case "Tf":
			simple = len(op.Operands) == 2 && simpleFont(rev, fonts, op.Operands[0])
		case "Tj", "'", "\"", "TJ":
			for _, o := range shownStrings(op) {
				t, ok := asciiText(o)
				if !simple || !ok {
					return "", false
				}
				out.WriteString(t)
			}
		}
	}
	return "", false
}

// shownStrings are the strings an operator shows.
func shownStrings(op pdf.Operation) [][]byte {
	if len(op.Operands) == 0 {
		return nil
	}
	switch last := op.Operands[len(op.Operands)-1].(type) {
	case pdf.String:
		return [][]byte{last.Value}
	case *pdf.Array:
		var out [][]byte
		for _, e := range last.All() {
			if s, ok := e.(pdf.String); ok {
				out = append(out, s.Value)
			}
		}
		return out
	}
	return nil
}

// simpleFont tells whether codes of the font can be read as Latin text: a simple font
// without an encoding of its own.
func simpleFont(rev *pdf.Revision, fonts *pdf.Dict, name pdf.Object) bool {
	key, ok := name.(pdf.Name)
	if !ok {
		return false
	}
	if fonts == nil {
		return true // taken from the form's default resources
	}
	f, err := rev.DictAt(fonts, key)
	if err != nil {
		return false
	}
	if f == nil {
		return true
	}
	sub, err := rev.NameAt(f, "Subtype")
	return err == nil && (sub == "Type1" || sub == "TrueType" || sub == "MMType1")
}

// asciiText reads codes in the range where all Latin encodings agree.
func asciiText(b []byte) (string, bool) {
	for _, c := range b {
		if c >= 0x7f || c < 0x20 && c != '\t' && c != '\r' && c != '\n' {
			return "", false
		}
	}
	return string(b), true
}
