package pades_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// The edits below are what others do to a signed file; each is one update.

type editor func(tb testing.TB, s *sample, u *pdf.Update)

// fill puts a value into a text field, and what it shows.
func fill(value, shown string) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) { fillField(tb, u, s.name, s.font, value, shown) }
}

func fillField(tb testing.TB, u *pdf.Update, field, font pdf.Ref, value, shown string) {
	tb.Helper()
	d := edit(tb, u, field)
	d.Set("V", pdf.EncodeText(value))
	d.Set("AP", dict("N", u.Add(textAP(font, shown))))
}

// fillInPlace replaces the appearance stream instead of its reference.
func fillInPlace(value, shown string) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		edit(tb, u, s.name).Set("V", pdf.EncodeText(value))
		set(tb, u, s.nameAP, textAP(s.font, shown))
	}
}

// check switches the check box.
func checkBox(state string) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		d := edit(tb, u, s.agree)
		d.Set("V", pdf.Name(state))
		d.Set("AS", pdf.Name(state))
	}
}

// key sets a key of an object.
func key(of func(*sample) pdf.Ref, k string, v func(s *sample, u *pdf.Update) pdf.Object) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) { edit(tb, u, of(s)).Set(pdf.Name(k), v(s, u)) }
}

// val is a value that needs nothing.
func val(x any) func(*sample, *pdf.Update) pdf.Object {
	return func(*sample, *pdf.Update) pdf.Object { return object(x) }
}

// replace puts another object in the place of one.
func replace(of func(*sample) pdf.Ref, v func(s *sample, u *pdf.Update) pdf.Object) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) { set(tb, u, of(s), v(s, u)) }
}

// annotate adds an annotation to the first page.
func annotate(subtype string, rect *pdf.Array, appearance string, more ...any) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		a := dict("Type", "/Annot", "Subtype", subtype, "Rect", rect, "P", s.page, "Contents", "added", "F", 4)
		if appearance != "" {
			a.Set("AP", dict("N", u.Add(formX(100, 100, s.font, appearance))))
		}
		for k, v := range dict(more...).All() {
			a.Set(k, v)
		}
		addAnnot(tb, s, u, u.Add(a))
	}
}

func addAnnot(tb testing.TB, s *sample, u *pdf.Update, ref pdf.Ref) {
	tb.Helper()
	page := edit(tb, u, s.page)
	list := page.Get("Annots").(*pdf.Array).Clone()
	list.Append(ref)
	page.Set("Annots", list)
}

// without takes references out of an array.
func without(a *pdf.Array, refs ...pdf.Ref) *pdf.Array {
	out := pdf.NewArray()
next:
	for _, o := range a.All() {
		for _, r := range refs {
			if o == pdf.Object(r) {
				continue next
			}
		}
		out.Append(o)
	}
	return out
}

// lists changes a list that two places hold.
func relist(of func(*sample) pdf.Ref, k string, f func(s *sample, a *pdf.Array) *pdf.Array) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		d := edit(tb, u, of(s))
		d.Set(pdf.Name(k), f(s, d.Get(pdf.Name(k)).(*pdf.Array)))
	}
}

func both(edits ...editor) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		for _, e := range edits {
			e(tb, s, u)
		}
	}
}

// addField adds a form field with its widget.
func addField(kv ...any) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		d := dict("Type", "/Annot", "Subtype", "/Widget", "P", s.page, "F", 4)
		for k, v := range dict(kv...).All() {
			d.Set(k, v)
		}
		if d.Get("AP") == pdf.Object(pdf.Name("show")) {
			d.Set("AP", dict("N", u.Add(formX(100, 20, s.font, "1 g 0 0 100 20 re f"))))
		}
		ref := u.Add(d)
		form := edit(tb, u, s.form)
		list := form.Get("Fields").(*pdf.Array).Clone()
		list.Append(ref)
		form.Set("Fields", list)
		addAnnot(tb, s, u, ref)
	}
}

func catalogOf(s *sample) pdf.Ref { return s.catalog }
func pageOf(s *sample) pdf.Ref    { return s.page }
func formOf(s *sample) pdf.Ref    { return s.form }
func nameOf(s *sample) pdf.Ref    { return s.name }
