package pades_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// TestGhosts: what an annotation, or a list of them, names and is not there when the document is signed
// must not be there later.
func TestGhosts(t *testing.T) {
	w := newWorld(t)
	ghost := pdf.Ref{Num: 5000}
	note := "<</Type/Annot/Subtype/FreeText/Contents(Eve)/Rect[60 480 400 530]/F 4>>"
	face := "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 13>>\nstream\n0 0 9 9 re f \nendstream"
	for _, c := range []struct {
		name string
		page func(b *pdf.Builder, s *sample) pdf.Object // an annotation
		body string
	}{
		{"an annotation", func(*pdf.Builder, *sample) pdf.Object { return ghost }, note},
		{"an appearance", func(b *pdf.Builder, s *sample) pdf.Object {
			return b.Add(dict("Type", "/Annot", "Subtype", "/Link", "Rect", arr(60, 480, 400, 530), "AP", dict("N", ghost)))
		}, face},
		{"an appearance of an annotation within the list", func(b *pdf.Builder, s *sample) pdf.Object {
			return dict("Type", "/Annot", "Subtype", "/Link", "Rect", arr(60, 480, 400, 530), "AP", dict("N", ghost))
		}, face},
		{"an appearance of a state", func(b *pdf.Builder, s *sample) pdf.Object {
			return b.Add(dict("Type", "/Annot", "Subtype", "/Stamp", "Rect", arr(60, 480, 400, 530), "AP", dict("N", dict("On", ghost)), "AS", "/On"))
		}, face},
		{"all appearances", func(b *pdf.Builder, s *sample) pdf.Object {
			return b.Add(dict("Type", "/Annot", "Subtype", "/Stamp", "Rect", arr(60, 480, 400, 530), "AP", ghost))
		}, "<</N 20 0 R>>"},
		{"an annotation by way of a reference", func(b *pdf.Builder, s *sample) pdf.Object { return b.Add(ghost) }, note},
		{"an appearance by way of a reference", func(b *pdf.Builder, s *sample) pdf.Object {
			return b.Add(dict("Type", "/Annot", "Subtype", "/Link", "Rect", arr(60, 480, 400, 530), "AP", dict("N", b.Add(ghost))))
		}, face},
		{"the field above", func(b *pdf.Builder, s *sample) pdf.Object {
			return b.Add(dict("Type", "/Annot", "Subtype", "/Widget", "Rect", arr(60, 480, 400, 530), "Parent", ghost))
		}, "<</FT/Tx/T(x)/V(Eve)>>"},
		{"a popup", func(b *pdf.Builder, s *sample) pdf.Object {
			return b.Add(dict("Type", "/Annot", "Subtype", "/Text", "Rect", arr(60, 480, 70, 490), "Popup", ghost))
		}, note},
		{"what it answers", func(b *pdf.Builder, s *sample) pdf.Object {
			return b.Add(dict("Type", "/Annot", "Subtype", "/Text", "Rect", arr(60, 480, 70, 490), "IRT", ghost))
		}, note},
	} {
		for _, apart := range []bool{false, true} {
			s := buildSample(t, false, func(b *pdf.Builder, s *sample, _, page, _ *pdf.Dict) {
				list := page.Get("Annots").(*pdf.Array)
				list.Append(c.page(b, s))
				if apart {
					page.Set("Annots", b.Add(list))
				}
			})
			signed := w.plainly(s, 0)
			if r := validate(t, signed, w.config()); r.Outcome != verifier.Valid {
				t.Fatal(explain(r))
			}
			doc, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)), pdf.Options{})
			if err != nil {
				t.Fatal(err)
			}
			b := bytes.NewBuffer(slices.Clone(signed))
			at := b.Len()
			fmt.Fprintf(b, "5000 0 obj\n%s\nendobj\n", c.body)
			xref := b.Len()
			fmt.Fprintf(b, "xref\n5000 1\n%010d 00000 n \ntrailer\n<</Size 5001/Prev %d/Root %v>>\nstartxref\n%d\n%%%%EOF\n", at, doc.Latest().Startxref, s.catalog, xref)
			if r := validate(t, b.Bytes(), w.config()); r.Reason != shadowed {
				t.Errorf("%s, apart %t\n%s", c.name, apart, explain(r))
			}
		}
	}
}

// TestChains: what is reached by way of a reference to a reference is part of the document too.
func TestChains(t *testing.T) {
	w := newWorld(t)
	var end pdf.Ref
	face := stream(dict("Type", "/XObject", "Subtype", "/Form", "BBox", arr(0, 0, 9, 9)), "")
	link := dict("Type", "/Annot", "Subtype", "/Link", "Rect", arr(60, 480, 400, 530))
	for name, tweak := range map[string]func(b *pdf.Builder, page *pdf.Dict){
		"list": func(b *pdf.Builder, page *pdf.Dict) {
			end = b.Add(page.Get("Annots"))
			page.Set("Annots", b.Add(end))
		},
		"annotation": func(b *pdf.Builder, page *pdf.Dict) {
			end = b.Add(link)
			page.Get("Annots").(*pdf.Array).Append(b.Add(end))
		},
		"appearance": func(b *pdf.Builder, page *pdf.Dict) {
			end = b.Add(face)
			d := link.Clone()
			d.Set("AP", dict("N", b.Add(end)))
			page.Get("Annots").(*pdf.Array).Append(b.Add(d))
		},
		"appearances": func(b *pdf.Builder, page *pdf.Dict) {
			end = b.Add(dict("N", b.Add(face)))
			d := link.Clone()
			d.Set("AP", b.Add(end))
			page.Get("Annots").(*pdf.Array).Append(b.Add(d))
		},
	} {
		s := buildSample(t, false, func(b *pdf.Builder, _ *sample, _, page, _ *pdf.Dict) { tweak(b, page) })
		signed := w.plainly(s, 0)
		if r := validate(t, signed, w.config()); r.Outcome != verifier.Valid {
			t.Fatal(explain(r))
		}
		b := update(t, signed, func(u *pdf.Update) { set(t, u, end, pdf.Null{}) })
		if r := validate(t, b, w.config()); r.Reason != changed {
			t.Errorf("%s\n%s", name, explain(r))
		}
	}
}
