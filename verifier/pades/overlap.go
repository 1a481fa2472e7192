package pades

import (
	"fmt"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// covers looks whether something that changed after signing, at rect of a page, lies
// over text or images of the page, or over another annotation. self is the index of the
// field or annotation that it is, -1 for what is new.
func (s *step) covers(page int32, rect [4]float64, name string, self int32) {
	if rect[2] <= rect[0] || rect[3] <= rect[1] || page < 0 {
		return
	}
	report := func(over string) {
		if len(s.overlaps) < maxNoted {
			s.overlaps = append(s.overlaps, Overlap{Revision: s.new.Index, Page: int(page) + 1, Field: name, Over: over, Rect: rect})
		}
		s.add(Change{Reason: verifier.PDFOverlay, Field: name, Page: int(page) + 1,
			Detail: fmt.Sprintf("%s of the page lies where this was changed (%.0f %.0f %.0f %.0f)", over, rect[0], rect[1], rect[2], rect[3])})
	}
	if !s.g.v.spend(len(s.g.onPage[page]) / 8) {
		return
	}
	for _, i := range s.g.onPage[page] {
		a := &s.g.annots[i]
		if self >= 0 && (i == self || s.g.fieldOf(i) == self) || a.subtype == "Link" || a.subtype == "Popup" || !s.shown(a) {
			continue
		}
		if share(a.rect, rect) > annotShare {
			report("an annotation")
			return
		}
	}
	s.coversContent(page, rect, name, report)
}

// coversContent looks at the page's own text and images.
func (s *step) coversContent(page int32, rect [4]float64, name string, report func(string)) {
	m, err := s.g.v.marksOf(s.old, s.g.pages[page])
	if err != nil {
		// Content that cannot be read may be what the change hides.
		s.g.v.check(verifier.CheckPDFIntegrity, verifier.PDFLimit, fmt.Sprintf("page %d: what lies below %s could not be found out: %v", page+1, name, err))
		return
	}
	if !s.g.v.spend((len(m.text) + len(m.images)) / 8) {
		return
	}
	glyphs := 0
	for _, t := range m.text {
		if share(t.box, rect) > textShare {
			glyphs += t.glyphs
		}
	}
	if glyphs >= leastGlyphs {
		report("text")
		return
	}
	for _, box := range m.images {
		// A picture behind a whole page is paper, not content that a field hides.
		if share(box, rect) > textShare || share(rect, box) > textShare && area(box) < paperShare*m.area {
			report("an image")
			return
		}
	}
}

// What counts as lying over something.
const (
	textShare   = 0.4 // of a line of text, or of an image, that is under the change
	annotShare  = 0.3 // of an annotation
	paperShare  = 0.5 // of the page: larger images are backgrounds
	leastGlyphs = 3   // fewer are marks such as a cross where to sign
	thinLine    = 4   // points: lines up to this underline, or strike out, and hide nothing
)

// shown tells whether an annotation draws anything.
func (s *step) shown(a *annot) bool {
	if a.rect[2] <= a.rect[0] || a.rect[3] <= a.rect[1] {
		return false
	}
	const hidden, noView = 2, 32
	if f, err := s.old.IntAt(a.dict, "F"); err == nil && f&(hidden|noView) != 0 {
		return false
	}
	ap, err := s.old.DictAt(a.dict, "AP")
	if err != nil || ap == nil {
		return err != nil
	}
	if n, err := s.old.StreamAt(ap, "N"); err == nil && n != nil && (a.isField || a.isWidget) {
		text, ok := appearanceText(s.g.v, s.old, n)
		return !ok || squeeze(text) != ""
	}
	return true
}

// share is the part of box that lies within rect.
func share(box, rect [4]float64) float64 {
	w := min(box[2], rect[2]) - max(box[0], rect[0])
	h := min(box[3], rect[3]) - max(box[1], rect[1])
	if w <= 0 || h <= 0 || area(box) <= 0 {
		return 0
	}
	return w * h / area(box)
}

func area(b [4]float64) float64 { return (b[2] - b[0]) * (b[3] - b[1]) }

// drawsLines tells whether an annotation's appearance draws no text, image or shading.
func (s *step) drawsLines(d *pdf.Dict) bool {
	ap, err := s.new.DictAt(d, "AP")
	if err != nil {
		return false
	}
	if ap == nil {
		return true
	}
	n, err := s.new.StreamAt(ap, "N")
	if err != nil || n == nil {
		return false
	}
	// The appearance is stretched from its box to the annotation's rectangle.
	fit, r := identity, rectOf(s.new, d)
	box, err := s.new.NumbersAt(n.Dict, "BBox")
	if err != nil || len(box) != 4 || box[2] == box[0] || box[3] == box[1] {
		return false
	}
	fit[0], fit[3] = (r[2]-r[0])/(box[2]-box[0]), (r[3]-r[1])/(box[3]-box[1])
	m := &marker{v: s.g.v, rev: s.new, m: &marks{}}
	if err := m.form(n, fit, 0); err != nil || m.painted {
		return false
	}
	return len(m.m.text) == 0 && len(m.m.images) == 0 && (!m.filled || m.blended)
}
