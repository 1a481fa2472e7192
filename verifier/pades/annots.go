package pades

import (
	"slices"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// markup are the annotations that a certification with P=3 lets come and go. Links,
// files and everything that plays or acts are not among them.
var markup = map[pdf.Name]bool{"Text": true, "FreeText": true, "Highlight": true, "Underline": true, "Squiggly": true, "StrikeOut": true,
	"Stamp": true, "Ink": true, "Line": true, "Square": true, "Circle": true, "Polygon": true, "PolyLine": true, "Caret": true, "Popup": true}

// textMarkup lie over text by their nature.
var textMarkup = map[pdf.Name]bool{"Highlight": true, "Underline": true, "Squiggly": true, "StrikeOut": true, "Popup": true, "Caret": true}

// annots compares a page's list of annotations: those that were there keep their
// order, which is the order they are drawn in; widgets come with their fields only.
func (s *step) annots(l pageList) {
	page, was, is := l.page, l.was, l.is
	bad := func(detail string) {
		s.add(Change{Reason: verifier.PDFChanged, Page: int(page) + 1, Detail: detail})
	}
	before, ok1 := items(s.old, was)
	now, ok2 := items(s.new, is)
	if !ok1 || !ok2 {
		bad("the page's list of annotations is no list")
		return
	}
	place := make(map[pdf.Ref]int, len(before))
	for i, o := range before {
		if ref, ok := o.(pdf.Ref); ok {
			place[ref] = i
		}
	}
	next := 0
	for k, o := range now {
		at := -1
		if ref, ok := o.(pdf.Ref); ok {
			if i, ok := place[ref]; ok && i >= next {
				at = i - next
			} else if !ok && k >= next && k < len(before) && s.becameObject(before[k], ref) {
				at = k - next
			}
		} else if !s.g.v.spend(len(before) - next) {
			return
		} else {
			at = slices.IndexFunc(before[next:], func(b pdf.Object) bool { return pdf.Equal(b, o) })
		}
		if at < 0 {
			s.newAnnotation(page, o)
			continue
		}
		for _, gone := range before[next : next+at] {
			s.goneAnnotation(page, gone)
		}
		next += at + 1
	}
	for _, gone := range before[next:] {
		s.goneAnnotation(page, gone)
	}
}

// becameObject tells whether an annotation that lay within a page's list is at its place as an object
// of its own now, and as it was: nothing on the page is another then. The number was not in use, nor
// named by anything, and stands for nothing else now: neither in a list, nor in the form. From this
// revision on the object has the role of an annotation, so that its changes are judged as those of any other.
func (s *step) becameObject(was pdf.Object, ref pdf.Ref) bool {
	a, ok := was.(*pdf.Dict)
	if !ok || ref.Gen != 0 || s.formed[ref.Num] || s.listed[ref.Num] != 1 {
		return false
	}
	_, _, mentioned := s.old.Entry(ref.Num) // free too: it was something else once
	if _, named := s.g.roles[ref.Num]; named || mentioned {
		return false
	}
	o, err := s.new.Get(ref) // no reference that leads to it
	b, ok := o.(*pdf.Dict)
	return err == nil && ok && pdf.Equal(a, b)
}

// countListed counts how often object numbers are in the lists of annotations that the revision wrote.
func (s *step) countListed() {
	s.listed = map[uint32]int{}
	for _, l := range s.lists {
		now, _ := items(s.new, l.is)
		if !s.g.v.spend(len(now) / 8) {
			return
		}
		for _, o := range now {
			if ref, ok := o.(pdf.Ref); ok {
				s.listed[ref.Num]++
			}
		}
	}
}

// items returns the elements of an array, none where it is absent.
func items(rev *pdf.Revision, o pdf.Object) ([]pdf.Object, bool) {
	o, err := rev.Resolve(o)
	if err != nil {
		return nil, false
	}
	switch o := o.(type) {
	case nil, pdf.Null:
		return nil, true
	case *pdf.Array:
		out := make([]pdf.Object, 0, o.Len())
		for _, e := range o.All() {
			out = append(out, e)
		}
		return out, true
	}
	return nil, false
}

// newAnnotation judges an annotation that a page did not have.
func (s *step) newAnnotation(page int32, o pdf.Object) {
	ref, isRef := o.(pdf.Ref)
	c := Change{Page: int(page) + 1}
	bad := func(detail string) {
		c.Reason, c.Detail = verifier.PDFChanged, detail
		s.add(c)
	}
	x, err := s.new.Resolve(o)
	d, ok := x.(*pdf.Dict)
	if err != nil || !ok {
		bad("something that is no annotation was added to a page")
		return
	}
	if isRef {
		if i, ok := s.g.byRef[ref]; ok {
			// A signature field without a widget may become one where it is signed.
			if t := s.touched[i]; s.g.annots[i].ft == "Sig" && s.g.annots[i].page < 0 && (t != nil && t.becomesWidget || !s.visible(d)) && s.samePage(d, page) {
				s.widgetCovers(page, d, s.g.annots[i].name)
				return
			}
			bad("an annotation of the signed document was moved, or shown a second time")
			return
		}
		if name, ok := s.fresh[ref]; ok {
			if !s.samePage(d, page) {
				bad("the widget of a new signature field is on another page than it says")
			}
			s.widgetCovers(page, d, name)
			return
		}
		if s.wasLive(ref) {
			c.Reason, c.Detail = verifier.PDFShadow, "an object of the signed document became an annotation"
			s.add(c)
			return
		}
	}
	sub, err := s.new.NameAt(d, "Subtype")
	if err != nil || !markup[sub] || d.Has("A") || d.Has("AA") || d.Has("FT") {
		bad("an annotation /" + clipName(string(sub)) + " was added")
		return
	}
	c.Level, c.Detail = ChangesAnnotations, "an annotation /"+string(sub)+" was added"
	s.add(c)
	s.annotationCovers(page, d, sub, -1)
}

// widgetCovers looks what the widget of a new signature lies over.
func (s *step) widgetCovers(page int32, d *pdf.Dict, name string) {
	if s.visible(d) {
		s.covers(page, rectOf(s.new, d), name, -1)
	}
}

// samePage tells whether an annotation names the page it is listed on, or none.
func (s *step) samePage(d *pdf.Dict, page int32) bool {
	ref, ok := d.Get("P").(pdf.Ref)
	if !ok {
		return !d.Has("P")
	}
	i, known := s.g.pageOf[ref]
	return known && i == page
}

// goneAnnotation judges an annotation that a page no longer has.
func (s *step) goneAnnotation(page int32, o pdf.Object) {
	x, err := s.old.Resolve(o)
	d, ok := x.(*pdf.Dict)
	if err != nil || !ok {
		return // it was nothing before
	}
	sub, err := s.old.NameAt(d, "Subtype")
	if err != nil || !markup[sub] {
		s.add(Change{Reason: verifier.PDFChanged, Page: int(page) + 1, Detail: "an annotation /" + clipName(string(sub)) + " was removed or moved"})
		return
	}
	s.add(Change{Level: ChangesAnnotations, Page: int(page) + 1, Detail: "an annotation /" + string(sub) + " was removed"})
	s.annotationCovers(page, d, sub, s.indexOf(page, o, d))
}

// annotation compares an annotation that is no widget.
func (s *step) annotation(i int32, was, is *pdf.Dict) {
	a := &s.g.annots[i]
	c := Change{Level: ChangesAnnotations, Page: int(a.page) + 1, Detail: "an annotation /" + clipName(string(a.subtype)) + " was changed"}
	sub, err := s.new.NameAt(is, "Subtype")
	if err != nil || sub != a.subtype || !markup[sub] || !equal(was.Get("A"), is.Get("A")) || !equal(was.Get("AA"), is.Get("AA")) || is.Has("FT") {
		c.Reason = verifier.PDFChanged
	}
	s.add(c)
	if c.Reason == "" {
		s.annotationCovers(a.page, was, sub, i)
		s.annotationCovers(a.page, is, sub, i)
	}
}

// annotationShown judges an annotation whose appearance was changed in place.
func (s *step) annotationShown(i int32) {
	a := &s.g.annots[i]
	if !markup[a.subtype] {
		s.add(Change{Reason: verifier.PDFChanged, Page: int(a.page) + 1, Detail: "the appearance of an annotation /" + clipName(string(a.subtype)) + " was changed"})
		return
	}
	s.add(Change{Level: ChangesAnnotations, Page: int(a.page) + 1, Detail: "the appearance of an annotation was changed"})
	s.annotationCovers(a.page, a.dict, a.subtype, i)
}

// noteIcon is the size up to which the icon of a note may lie over text.
const noteIcon = 32

// annotationCovers looks whether a markup annotation hides what was signed. Marks on
// text may lie over it if they draw no text or image of their own.
func (s *step) annotationCovers(page int32, d *pdf.Dict, sub pdf.Name, self int32) {
	r := rectOf(s.new, d)
	if sub == "Popup" && !d.Has("AP") || sub == "Text" && r[2]-r[0] <= noteIcon && r[3]-r[1] <= noteIcon {
		return
	}
	if textMarkup[sub] && s.drawsLines(d) {
		return
	}
	s.covers(page, s.extent(d, r), "", self)
}

// extent widens a rectangle by the points that a shape is drawn through: where there is
// no appearance, readers draw by these.
func (s *step) extent(d *pdf.Dict, r [4]float64) [4]float64 {
	if d.Has("AP") {
		return r
	}
	grow := func(n []float64) {
		for i := 0; i+1 < len(n); i += 2 {
			r = [4]float64{min(r[0], n[i]), min(r[1], n[i+1]), max(r[2], n[i]), max(r[3], n[i+1])}
		}
	}
	for _, key := range []pdf.Name{"L", "Vertices", "CL", "QuadPoints"} {
		if n, err := s.new.NumbersAt(d, key); err == nil {
			grow(n)
		}
	}
	if lines, err := s.new.ArrayAt(d, "InkList"); err == nil && lines != nil {
		for i := range lines.Len() {
			if n, err := s.new.NumbersAt(pdf.NewDict(pdf.Name("L"), lines.At(i)), "L"); err == nil {
				grow(n)
			}
		}
	}
	return r
}

// indexOf finds an annotation of the document as it was.
func (s *step) indexOf(page int32, o pdf.Object, d *pdf.Dict) int32 {
	if ref, ok := o.(pdf.Ref); ok {
		if i, ok := s.g.byRef[ref]; ok {
			return i
		}
		return -1
	}
	for _, i := range s.g.onPage[page] {
		if s.g.annots[i].ref == (pdf.Ref{}) && pdf.Equal(s.g.annots[i].dict, d) {
			return i
		}
	}
	return -1
}
