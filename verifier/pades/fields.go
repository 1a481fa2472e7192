package pades

import (
	"fmt"
	"slices"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// fields compares the field trees: every field stays, in its order, with its widgets;
// only signature fields may come.
func (s *step) fields() error {
	now, err := s.new.Fields()
	if err != nil {
		return err
	}
	if s.g.v.nodes -= fieldCost * len(now); s.g.v.nodes < 0 {
		return &limitError{"too many fields to compare"}
	}
	var before []int32
	names := map[string]bool{}
	widgets := map[int32][]int32{}
	for i := range s.g.annots {
		a := &s.g.annots[i]
		if a.isField {
			before = append(before, int32(i))
			names[a.name] = true
		} else if a.isWidget && a.parent >= 0 {
			widgets[a.parent] = append(widgets[a.parent], int32(i))
		}
	}
	next := 0
	for i := range now {
		f := &now[i]
		if next < len(before) && s.sameField(before[next], f, widgets[before[next]]) {
			next++
			continue
		}
		if names[f.Name] {
			s.add(Change{Reason: verifier.PDFChanged, Field: f.Name, Detail: "a field was moved, replaced, or came a second time"})
			return nil
		}
		names[f.Name] = true
		s.newField(f)
	}
	if next < len(before) {
		s.add(Change{Reason: verifier.PDFChanged, Field: s.g.annots[before[next]].name, Detail: "a field was removed or moved"})
	}
	return nil
}

// sameField tells whether f is the field it was, with the same widgets. Fields and
// widgets that are no objects of their own are compared here, the others by their
// entries.
func (s *step) sameField(i int32, f *pdf.Field, widgets []int32) bool {
	a := &s.g.annots[i]
	if a.ref != f.Ref || a.name != f.Name || a.ft != f.FT || a.terminal != f.Terminal {
		return false
	}
	if f.Ref == (pdf.Ref{}) && !pdf.Equal(a.dict, f.Dict) {
		s.annot(i, a.dict, f.Dict)
	}
	own := f.Widgets
	if len(own) == 1 && own[0].Dict == f.Dict {
		own = nil
	}
	if len(own) != len(widgets) {
		return false
	}
	for n, w := range own {
		b := &s.g.annots[widgets[n]]
		if b.ref != w.Ref {
			return false
		}
		if w.Ref == (pdf.Ref{}) && !pdf.Equal(b.dict, w.Dict) {
			s.annot(widgets[n], b.dict, w.Dict)
		}
	}
	return true
}

// newFieldKeys are the keys a new signature field may have.
var newFieldKeys = map[pdf.Name]bool{"Type": true, "Subtype": true, "FT": true, "T": true, "TU": true, "V": true, "F": true, "Rect": true, "P": true,
	"AP": true, "MK": true, "DA": true, "Q": true, "Lock": true, "SV": true, "Ff": true, "Border": true, "BS": true, "H": true,
	"StructParent": true, "Kids": true, "NM": true, "M": true, "Parent": true, "DR": true, "TM": true}

// newField judges a field that was not there before: a signature field that is signed,
// or empty and invisible.
func (s *step) newField(f *pdf.Field) {
	bad := func(detail string) {
		s.add(Change{Reason: verifier.PDFChanged, Field: f.Name, Detail: detail})
	}
	s.formed[f.Ref.Num] = true
	for _, w := range f.Widgets {
		s.formed[w.Ref.Num] = true
	}
	if f.FT != "Sig" || !f.Terminal {
		bad("a form field was added that is no signature field")
		return
	}
	if f.Ref != (pdf.Ref{}) && s.wasLive(f.Ref) {
		bad("an object of the signed document became a signature field")
		return
	}
	for key := range f.Dict.All() {
		if !newFieldKeys[key] {
			bad("a signature field was added with /" + clipName(string(key)))
			return
		}
	}
	visible := false
	for _, w := range f.Widgets {
		if w.Ref != (pdf.Ref{}) && s.wasLive(w.Ref) {
			bad("an object of the signed document became a widget")
			return
		}
		if w.Dict.Has("A") || w.Dict.Has("AA") {
			bad("a signature field was added with actions")
			return
		}
		if w.Ref != (pdf.Ref{}) {
			s.fresh[w.Ref] = f.Name
		}
		visible = visible || s.visible(w.Dict)
	}
	c := Change{Level: ChangesForm, Field: f.Name, Detail: "a signature field was added"}
	stamp, signed := s.signatureKind(f.V)
	switch {
	case signed && stamp && !visible:
		c.Level, c.Detail = ChangesLTA, "a document timestamp was added"
	case !signed && visible:
		bad("a visible signature field was added that is not signed")
		return
	case stamp && visible:
		// Anybody can have one made, and it says nothing of who answers for what is shown.
		bad("a document timestamp was added that shows something")
		return
	case visible && s.certified > 0:
		s.add(Change{Reason: verifier.PDFNotPermitted, Field: f.Name, Detail: "a visible signature field was added to a certified document"})
		return
	case signed:
		c.Detail = "a signature was added"
	}
	s.add(c)
}

// wasLive tells whether an object number was in use.
func (s *step) wasLive(ref pdf.Ref) bool {
	_, ok := s.old.Locate(ref.Num)
	if !ok {
		_, ok = s.g.roles[ref.Num]
	}
	return ok
}

// signatureKind tells whether a value is a signature, and whether a document timestamp.
func (s *step) signatureKind(value pdf.Object) (stamp, signed bool) {
	o, err := s.new.Resolve(value)
	d, ok := o.(*pdf.Dict)
	if err != nil || !ok || !d.Has("ByteRange") {
		return false, false
	}
	sub, err := s.new.NameAt(d, "SubFilter")
	return err == nil && sub == "ETSI.RFC3161", true
}

// visible tells whether a widget shows anything.
func (s *step) visible(d *pdf.Dict) bool {
	r := rectOf(s.new, d)
	if r[2] <= r[0] || r[3] <= r[1] {
		return false
	}
	if d.Has("MK") { // borders and backgrounds are drawn without an appearance too
		return true
	}
	ap, err := s.new.DictAt(d, "AP")
	return err != nil || ap != nil && ap.Len() > 0
}

// rectOf reads /Rect, normalised; zero where there is none.
func rectOf(rev *pdf.Revision, d *pdf.Dict) [4]float64 {
	r, err := rev.NumbersAt(d, "Rect")
	if err != nil || len(r) != 4 {
		return [4]float64{}
	}
	return [4]float64{min(r[0], r[2]), min(r[1], r[3]), max(r[0], r[2]), max(r[1], r[3])}
}

// fillKeys are the keys that change in a field or its widgets when it is filled in.
var fillKeys = map[pdf.Name]bool{"I": true, "M": true, "NM": true, "DA": true, "DS": true, "TI": true, "Q": true}

// annot compares a field, widget or annotation.
func (s *step) annot(i int32, was, is *pdf.Dict) {
	a := &s.g.annots[i]
	if !a.isField && !a.isWidget {
		s.annotation(i, was, is)
		return
	}
	t := s.touch(i)
	t.dict = is
	for _, key := range differing(was, is) {
		switch key {
		case "V", "RV":
			t.value = true
		case "AP":
			t.shown = true
		case "AS":
			t.state = true
		case "Kids": // compared as trees
		case "P":
			if ref, ok := is.Get(key).(pdf.Ref); ok && !was.Has(key) && s.onPage(a, ref) {
				continue
			}
			s.locked(a, key)
		case "StructParent":
			if was.Has(key) {
				s.locked(a, key)
			}
		case "Ff":
			// Locking a field makes it read-only (ISO 32000-2, 12.7.4.5).
			x, err1 := s.old.IntAt(was, key)
			y, err2 := s.new.IntAt(is, key)
			if err1 != nil || err2 != nil || x|1 != y {
				s.locked(a, key)
				continue
			}
			s.lockedDown(a, "a field was made read-only")
		case "Type", "Subtype", "F", "Rect":
			switch {
			case key == "F" && s.flagsMayChange(i, was, is):
			case a.ft != "Sig" || was.Has("Subtype") || was.Has(key):
				s.locked(a, key)
			default:
				t.becomesWidget = true
			}
		default:
			// How a value is drawn is of no more concern to who fills in the form than the value
			// itself, where that is read-only.
			if !fillKeys[key] || a.ff&1 != 0 && a.ft != "Sig" && key != "M" && key != "NM" {
				s.locked(a, key)
				continue
			}
			s.add(Change{Level: ChangesForm, Field: a.name, Detail: "field /" + string(key)})
		}
	}
}

// flagsMayChange tells whether a widget's flags change only in that it can no longer be moved or
// edited, or together with the signature that is put into it: it may be printed then, or not.
func (s *step) flagsMayChange(i int32, was, is *pdf.Dict) bool {
	const printed, locked, contents = 4, 128, 512
	x, err1 := s.old.IntAt(was, "F")
	y, err2 := s.new.IntAt(is, "F")
	switch {
	case err1 != nil || err2 != nil || !was.Has("Subtype"):
		return false
	case s.signedNow(i, is):
		return (x^y)&^(printed|locked|contents) == 0
	case x&^y != 0 || y&^x&^(locked|contents) != 0:
		return false
	}
	if x != y {
		s.lockedDown(&s.g.annots[i], "a field was locked in its place")
	}
	return true
}

// lockedDown records that less may be done with a field than before. It names no field: signatures
// that lock fields do so to those that are locked already.
func (s *step) lockedDown(a *annot, detail string) {
	s.add(Change{Level: ChangesForm, Page: int(a.page) + 1, Detail: detail})
}

// signedNow tells whether a widget, as it is now, belongs to a signature field that was empty and holds
// a signature now.
func (s *step) signedNow(i int32, is *pdf.Dict) bool {
	field := s.g.fieldOf(i)
	if field < 0 || s.g.annots[field].ft != "Sig" {
		return false
	}
	f := &s.g.annots[field]
	was, err := s.old.Resolve(f.dict.Get("V"))
	if _, null := was.(pdf.Null); err != nil || was != nil && !null {
		return false
	}
	if field != i {
		o, err := s.new.Get(f.ref)
		d, ok := o.(*pdf.Dict)
		if err != nil || !ok {
			return false
		}
		is = d
	}
	_, signed := s.signatureKind(is.Get("V"))
	return signed
}

// locked records that a key changed which filling in does not change.
func (s *step) locked(a *annot, key pdf.Name) {
	s.add(Change{Reason: verifier.PDFChanged, Field: a.name, Page: int(a.page) + 1, Detail: "the field's /" + clipName(string(key)) + " was changed"})
}

func (s *step) onPage(a *annot, ref pdf.Ref) bool {
	i, ok := s.g.pageOf[ref]
	return ok && (a.page == i || a.page < 0)
}

// judgeTouched judges the fields whose value, appearance or state changed, each once.
func (s *step) judgeTouched() error {
	done := map[int32]bool{}
	for i := range s.g.annots {
		t := s.touched[int32(i)]
		if t == nil || !t.value && !t.shown && !t.state && !t.becomesWidget {
			continue
		}
		field := s.g.fieldOf(int32(i))
		if field < 0 {
			s.annotationShown(int32(i))
			continue
		}
		if done[field] {
			continue
		}
		done[field] = true
		if err := s.judgeField(field); err != nil {
			return err
		}
	}
	return nil
}

// parts are a field and its widgets.
func (s *step) parts(field int32) []int32 {
	widgets := s.g.shows[field]
	if slices.Contains(widgets, field) {
		return widgets
	}
	return append([]int32{field}, widgets...)
}

// judgeField judges filling in one field.
func (s *step) judgeField(field int32) error {
	a := &s.g.annots[field]
	value, shown, state := false, []int32(nil), []int32(nil)
	for _, i := range s.parts(field) {
		t := s.touched[i]
		if t == nil {
			continue
		}
		value = value || t.value
		if t.shown || t.becomesWidget {
			shown = append(shown, i)
		}
		if t.state {
			state = append(state, i)
		}
	}
	bad := func(reason verifier.Reason, detail string) error {
		s.add(Change{Reason: reason, Field: a.name, Page: int(a.page) + 1, Detail: detail})
		return nil
	}
	if !a.terminal {
		return bad(verifier.PDFChanged, "a field that has fields below it was changed")
	}
	if a.ft == "Sig" {
		return s.signField(field, value, shown, state)
	}
	if a.ff&1 != 0 {
		return bad(verifier.PDFChanged, "a read-only field was changed")
	}
	switch a.ft {
	case "Tx", "Ch":
		s.add(Change{Level: ChangesForm, Field: a.name, Page: int(a.page) + 1, Detail: "a field was filled in"})
		for _, i := range state {
			return bad(verifier.PDFChanged, fmt.Sprintf("the state of widget %d of a text field was changed", i))
		}
		return s.judgeText(field, value, shown)
	case "Btn":
		const push = 1 << 16
		if a.ff&push != 0 {
			return bad(verifier.PDFChanged, "a push button was changed")
		}
		if len(shown) > 0 {
			return bad(verifier.PDFChanged, "the appearances of a button were replaced")
		}
		s.add(Change{Level: ChangesForm, Field: a.name, Page: int(a.page) + 1, Detail: "a button was switched"})
		for _, i := range state {
			if !s.stateExists(i) {
				return bad(verifier.PDFAppearance, "a button was switched to a state that it does not have")
			}
			s.covers(s.g.annots[i].page, s.g.annots[i].rect, a.name, field)
		}
		return nil
	}
	return bad(verifier.PDFChanged, "a field of unknown kind was changed")
}

// signField judges filling in a signature field: once.
func (s *step) signField(field int32, value bool, shown, state []int32) error {
	a := &s.g.annots[field]
	was, err := s.old.Resolve(a.dict.Get("V"))
	if err != nil {
		return err
	}
	_, empty := was.(pdf.Null)
	if was != nil && !empty || !value || len(state) > 0 || s.touched[field] == nil || s.touched[field].dict == nil {
		s.add(Change{Reason: verifier.PDFChanged, Field: a.name, Page: int(a.page) + 1, Detail: "a signature or its appearance was changed"})
		return nil
	}
	v := s.touched[field].dict.Get("V")
	if ref, ok := v.(pdf.Ref); ok && s.wasLive(ref) {
		s.add(Change{Reason: verifier.PDFShadow, Field: a.name, Detail: "an object of the signed document became a signature"})
		return nil
	}
	stamp, signed := s.signatureKind(v)
	c := Change{Level: ChangesForm, Field: a.name, Page: int(a.page) + 1, Detail: "a signature field was signed"}
	if !signed {
		c.Reason, c.Detail = verifier.PDFChanged, "a signature field got a value that is no signature"
	}
	visible := false
	for _, i := range shown {
		if d := s.touched[i].dict; s.touched[i].becomesWidget && d != nil {
			visible = visible || s.visible(d) // what it covers is judged with the page's list
			continue
		}
		if rect := s.g.annots[i].rect; rect[2] > rect[0] && rect[3] > rect[1] {
			visible = true
			s.covers(s.g.annots[i].page, rect, a.name, field)
		}
	}
	if stamp {
		c.Level = ChangesLTA
		if visible {
			c.Reason, c.Detail = verifier.PDFChanged, "a signature field was filled with a document timestamp that shows something"
		}
	}
	s.add(c)
	return nil
}

// stateExists tells whether a widget's new state is one its appearances have.
func (s *step) stateExists(i int32) bool {
	d := s.touched[i].dict
	if d == nil {
		return false
	}
	state, err := s.new.NameAt(d, "AS")
	if err != nil {
		return false
	}
	if state == "Off" || state == "" {
		return true
	}
	ap, err := s.new.DictAt(d, "AP")
	if err != nil || ap == nil {
		return false
	}
	n, err := s.new.DictAt(ap, "N")
	return err == nil && n != nil && n.Has(state)
}
