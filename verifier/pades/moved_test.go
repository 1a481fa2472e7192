package pades_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// withNotes is the sample with annotations within the list of the first page: a link, a stamp with an
// appearance, and two widgets of no field. The list is an object of its own where apart.
func withNotes(tb testing.TB, streams, apart bool) (s *sample, look pdf.Ref) {
	tb.Helper()
	s = buildSample(tb, streams, func(b *pdf.Builder, s *sample, _, page, _ *pdf.Dict) {
		look = b.Add(formX(60, 20, s.font, "0 g 0 0 60 20 re S"))
		b.Add(dict("Taken", true)) // in use, but by nothing
		list := page.Get("Annots").(*pdf.Array)
		list.Append(dict("Type", "/Annot", "Subtype", "/Link", "Rect", arr(400, 10, 460, 30), "F", 4, "A", dict("S", "/URI", "URI", "https://example.edu/a")))
		list.Append(dict("Type", "/Annot", "Subtype", "/Stamp", "Rect", arr(300, 10, 360, 30), "F", 4, "P", s.page, "AP", dict("N", look)))
		list.Append(dict("Type", "/Annot", "Subtype", "/Widget", "Rect", arr(200, 10, 260, 30), "F", 4))
		list.Append(dict("Type", "/Annot", "Subtype", "/Widget", "FT", "/Sig", "T", "unseen", "Rect", arr(0, 0, 0, 0), "F", 4))
		if apart {
			page.Set("Annots", b.Add(list))
		}
	})
	return s, look
}

// plainly signs by hand: nothing but the signature is added.
func (w *world) plainly(s *sample, p sign.Permission) []byte {
	w.tb.Helper()
	h := handmade{message: forgery{cert: w.Signer.Certificate, key: w.Signer.Key, bag: w.Chain()[:2], ess: w.Signer.Certificate}.message(w.tb)}
	if p > 0 {
		h.extra = dict("Reference", arr(dict("Type", "/SigRef", "TransformMethod", "/DocMDP", "TransformParams", dict("P", int(p), "V", "/1.2"))))
	}
	return h.sign(w.tb, s.bytes, s.page)
}

// TestSignerMoves: our signer makes objects of the annotations, and seen from the file as it was before
// nothing but the signature has come.
func TestSignerMoves(t *testing.T) {
	w := newWorld(t)
	for _, apart := range []bool{false, true} {
		for _, streams := range []bool{false, true} {
			s, _ := withNotes(t, streams, apart)
			for _, req := range []sign.Request{{}, {Certify: sign.NoChanges}, {Visible: &sign.Appearance{Rect: [4]float64{350, 50, 550, 110}}}} {
				conf := w.config()
				if req.Certify == 0 { // a certification is more than the known file allows
					conf.Known = int64(len(s.bytes))
				}
				b := w.sign(sign.LevelLTA, s.bytes, req)
				doc, err := pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Options{})
				if err != nil {
					t.Fatal(err)
				}
				o, err := doc.Latest().Get(s.page)
				if err != nil {
					t.Fatal(err)
				}
				list, err := doc.Latest().ArrayAt(o.(*pdf.Dict), "Annots")
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := list.At(at).(pdf.Ref); !ok {
					t.Fatal("expected that the signer moves annotations")
				}
				count := 2
				for range 2 {
					r := validate(t, b, conf)
					if r.Outcome != verifier.Valid || len(r.Signatures) != count {
						t.Errorf("%+v: expected %d signatures\n%s", req, count, explain(r))
					}
					for _, c := range r.Since {
						if c.Reason != "" || c.Level > pades.ChangesForm || strings.Contains(c.Detail, "annotation") {
							t.Errorf("%+v: %+v", req, c)
						}
					}
					if req.Certify > 0 {
						break
					}
					b = w.sign(sign.LevelB, b, sign.Request{})
					count++
				}
			}
		}
	}
}

// at is where the first of the annotations within the list is.
const at = 9

// relisted changes the list of annotations of the first page, wherever it is.
func relisted(tb testing.TB, s *sample, u *pdf.Update, f func(*pdf.Array)) {
	tb.Helper()
	page := edit(tb, u, s.page)
	if ref, ok := page.Get("Annots").(pdf.Ref); ok {
		o, err := u.Get(ref)
		if err != nil {
			tb.Fatal(err)
		}
		list := o.(*pdf.Array).Clone()
		f(list)
		set(tb, u, ref, list)
		return
	}
	list := page.Get("Annots").(*pdf.Array).Clone()
	f(list)
	page.Set("Annots", list)
}

// moveAnnots makes objects of what lies within the list, as our signer does; change is told of each.
func moveAnnots(change func(s *sample, u *pdf.Update, n int, d *pdf.Dict)) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		relisted(tb, s, u, func(list *pdf.Array) {
			for i := at; i < list.Len(); i++ {
				if d, ok := list.At(i).(*pdf.Dict); ok {
					d = d.Clone()
					if change != nil {
						change(s, u, i-at, d)
					}
					list.Set(i, u.Add(d))
				}
			}
		})
	}
}

// setMoved sets a key of the nth of them.
func setMoved(n int, k string, v any) editor {
	return moveAnnots(func(_ *sample, _ *pdf.Update, i int, d *pdf.Dict) {
		if i == n {
			d.Set(pdf.Name(k), object(v))
		}
	})
}

// later edits the object that the nth of them has become.
func later(n int, f func(tb testing.TB, s *sample, u *pdf.Update, ref pdf.Ref)) editor {
	return func(tb testing.TB, s *sample, u *pdf.Update) {
		var ref pdf.Ref
		relisted(tb, s, u, func(list *pdf.Array) { ref = list.At(at + n).(pdf.Ref) })
		f(tb, s, u, ref)
	}
}

func setLater(n int, k string, v any) editor {
	return later(n, func(tb testing.TB, _ *sample, u *pdf.Update, ref pdf.Ref) {
		edit(tb, u, ref).Set(pdf.Name(k), object(v))
	})
}

// TestMovedAnnotations: an annotation that lay within a page's list may become an object of its own, at its
// place and as it was. Everything else is what it was before: a change.
func TestMovedAnnotations(t *testing.T) {
	w := newWorld(t)
	never := map[sign.Permission]verifier.Reason{0: changed, 1: changed, 3: changed}
	note := map[sign.Permission]verifier.Reason{0: changed, 1: notPermitted, 3: ""}
	covers := map[sign.Permission]verifier.Reason{0: overlay, 1: overlay, 3: overlay}
	alive := map[sign.Permission]verifier.Reason{0: shadowed, 1: shadowed, 3: shadowed}
	none := map[sign.Permission]verifier.Reason{0: "", 1: "", 3: ""}
	swapped := func(i, j int) editor {
		return both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
			relisted(tb, s, u, func(l *pdf.Array) { x, y := l.At(at+i), l.At(at+j); l.Set(at+i, y); l.Set(at+j, x) })
		})
	}
	for _, apart := range []bool{false, true} {
		for _, streams := range []bool{false, true} {
			s, look := withNotes(t, streams, apart)
			for _, c := range []struct {
				name  string
				first editor // in a revision of its own
				edit  editor
				by    map[sign.Permission]verifier.Reason
			}{
				{"all", nil, moveAnnots(nil), none},
				{"one after the other", func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { l.Set(at+2, u.Add(l.At(at+2))) })
				}, moveAnnots(nil), none},
				{"keys in another order", nil, moveAnnots(func(_ *sample, _ *pdf.Update, _ int, d *pdf.Dict) {
					f := d.Get("F")
					d.Delete("F")
					d.Set("F", f)
				}), none},
				{"the list moved too", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					page := edit(tb, u, s.page)
					if l, ok := page.Get("Annots").(*pdf.Array); ok {
						page.Set("Annots", u.Add(l))
					}
				}), none},

				{"another rectangle", nil, setMoved(0, "Rect", arr(400, 10, 460, 31)), never},
				{"another address", nil, setMoved(0, "A", dict("S", "/URI", "URI", "https://example.edu/b")), never},
				{"an action by reference", nil, moveAnnots(func(_ *sample, u *pdf.Update, i int, d *pdf.Dict) {
					if i == 0 {
						d.Set("A", u.Add(d.Get("A")))
					}
				}), never},
				{"other flags", nil, setMoved(0, "F", 6), never},
				{"a number of another kind", nil, setMoved(0, "F", 4.0), never},
				{"a key more", nil, setMoved(0, "H", "/N"), never},
				{"a key that is null", nil, setMoved(0, "H", pdf.Null{}), never},
				{"a key less", nil, moveAnnots(func(_ *sample, _ *pdf.Update, _ int, d *pdf.Dict) { d.Delete("F") }), never},
				{"an appearance for a link", nil, setMoved(0, "AP", dict("N", look)), never},
				{"a stamp with another appearance", nil, moveAnnots(func(s *sample, u *pdf.Update, i int, d *pdf.Dict) {
					if i == 1 {
						d.Set("AP", dict("N", u.Add(formX(60, 20, s.font, forged))))
					}
				}), covers},
				{"the appearance redrawn", nil, both(moveAnnots(nil), replace(func(*sample) pdf.Ref { return look }, drawn(forged))), note},
				{"a widget that holds a value", nil, setMoved(2, "V", "x"), never},

				{"then another rectangle", moveAnnots(nil), setLater(0, "Rect", arr(400, 10, 460, 31)), never},
				{"then another address", moveAnnots(nil), setLater(0, "A", dict("S", "/URI", "URI", "https://example.edu/b")), never},
				{"then other flags", moveAnnots(nil), setLater(0, "F", 6), never},
				{"then a stamp redrawn", moveAnnots(nil), replace(func(*sample) pdf.Ref { return look }, drawn(forged)), note},
				{"then another stamp", moveAnnots(nil), setLater(1, "Contents", "x"), note},
				{"then a widget with a value", moveAnnots(nil), setLater(2, "V", "x"), never},
				{"then a stream", moveAnnots(nil), later(0, func(tb testing.TB, _ *sample, u *pdf.Update, ref pdf.Ref) { set(tb, u, ref, stream(dict(), forged)) }), never},
				{"then null", moveAnnots(nil), later(0, func(tb testing.TB, _ *sample, u *pdf.Update, ref pdf.Ref) { set(tb, u, ref, pdf.Null{}) }), never},
				{"then removed", moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { l.Set(at, l.At(0)) })
				}, never},
				{"then within the list again", moveAnnots(nil), later(0, func(tb testing.TB, s *sample, u *pdf.Update, ref pdf.Ref) {
					d := edit(tb, u, ref).Clone()
					relisted(tb, s, u, func(l *pdf.Array) { l.Set(at, d) })
				}), never},

				{"in another order", nil, swapped(0, 1), covers},
				{"one place on", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) {
						l.Append(l.At(at + 2))
						l.Set(at+2, l.At(at+1))
						l.Set(at+1, l.At(at))
						l.Set(at, u.Add(dict("Type", "/Annot", "Subtype", "/Text", "Rect", arr(500, 800, 520, 820))))
					})
				}), never},
				{"one object at two places", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { l.Append(l.At(at)) })
				}), never},
				{"one object on two pages", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { edit(tb, u, s.page2).Set("Annots", arr(l.At(at))) })
				}), never},
				{"one stamp on two pages", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { edit(tb, u, s.page2).Set("Annots", arr(l.At(at+1))) })
				}), covers},
				{"a signature field as well", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { addToForm(tb, u, s, l.At(at+3)) })
				}), never},
				{"an object that was there", nil, func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) {
						ref := pdf.Ref{Num: look.Num + 1} // used by nothing
						set(tb, u, ref, l.At(at))
						l.Set(at, ref)
					})
				}, alive},
				{"a reference to the object", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { l.Set(at, u.Add(l.At(at))) })
				}), never},
				{"a field as well", nil, both(moveAnnots(nil), func(tb testing.TB, s *sample, u *pdf.Update) {
					relisted(tb, s, u, func(l *pdf.Array) { addToForm(tb, u, s, l.At(at+2)) })
				}), never},
			} {
				for p, want := range c.by {
					b := w.plainly(s, p)
					if c.first != nil {
						b = update(t, b, func(u *pdf.Update) { c.first(t, s, u) })
					}
					if r := validate(t, b, w.config()); r.Outcome != verifier.Valid {
						t.Fatal(explain(r))
					}
					b = update(t, b, func(u *pdf.Update) { c.edit(t, s, u) })
					if r := validate(t, b, w.config()); r.Reason != want || (want == "") != (r.Outcome == verifier.Valid) {
						t.Errorf("%s, apart %t, streams %t, P%d: expected %q\n%s", c.name, apart, streams, p, string(want), explain(r))
					}
				}
			}
		}
	}
}

func addToForm(tb testing.TB, u *pdf.Update, s *sample, field pdf.Object) {
	tb.Helper()
	form := edit(tb, u, s.form)
	list := form.Get("Fields").(*pdf.Array).Clone()
	list.Append(field)
	form.Set("Fields", list)
}
