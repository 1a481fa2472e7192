package pades

import (
	"fmt"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// step is what one revision did to the document before it.
type step struct {
	g         *graph
	old, new  *pdf.Revision
	certified int // permission of a certification before it, 0 without one

	changes  []Change
	level    ChangeLevel
	touched  map[int32]*touch   // by field or annotation
	fresh    map[pdf.Ref]string // widgets of signature fields that it adds, and their fields' names
	lists    []pageList         // lists of annotations to compare
	listed   map[uint32]int     // how often object numbers are in these
	formed   map[uint32]bool    // object numbers of new fields and their widgets
	overlaps []Overlap
	undrawn  bool // readers are told to draw values no more
}

// pageList is a page's list of annotations, before and after.
type pageList struct {
	page    int32
	was, is pdf.Object
}

// touch collects what happened to one field or annotation.
type touch struct {
	dict                               *pdf.Dict // as it is now, nil if unchanged
	value, shown, state, becomesWidget bool
}

// judgeChanges compares each revision after the oldest signature with the one before
// it, and judges what follows each signature by the rules in force for it
// (docs/formats/pdf-changes.md).
func (v *validation) judgeChanges() error {
	first, last := -1, -1
	for _, it := range v.items {
		if it.ok {
			if first < 0 {
				first = it.rev.Index
			}
			last = it.rev.Index
		}
	}
	known := v.knownRevision()
	if known >= 0 && (first < 0 || known < first) {
		first = known
	}
	if first < 0 {
		return nil
	}
	if err := v.readPermissions(); err != nil {
		return err
	}
	revs := v.doc.Revisions()
	steps := map[int]*step{} // by the revision that was changed
	for i := first; i+1 < len(revs); i++ {
		if i > last && steps[i-1] != nil && steps[i-1].level == ChangesOther {
			break // nothing later can be judged better
		}
		s, err := v.compare(revs[i], revs[i+1])
		if err != nil {
			return err
		}
		steps[i] = s
		v.res.Overlaps = append(v.res.Overlaps, s.overlaps...)
	}
	for _, it := range v.items {
		if it.ok {
			v.judgeFollowing(it, steps)
		}
	}
	if known >= 0 {
		v.judgeSince(known, steps)
	}
	return v.ctx.Err()
}

// judgeFollowing applies certification and locks to what follows a signature.
func (v *validation) judgeFollowing(it *item, steps map[int]*step) {
	allowed := v.allowed(it)
	var worst *Change
	var reason verifier.Reason
	for i := it.rev.Index; ; i++ {
		s, ok := steps[i]
		if !ok {
			break
		}
		it.sig.Changes = max(it.sig.Changes, s.level)
		for n := range s.changes {
			c := &s.changes[n]
			if len(it.sig.ChangeList) < maxChanges {
				it.sig.ChangeList = append(it.sig.ChangeList, *c)
			}
			// What is never allowed says more than what this signature forbids.
			if r := v.forbids(it, *c, allowed); r != "" && (worst == nil || worst.Reason == "" && c.Reason != "") {
				worst, reason = c, r
			}
		}
	}
	if worst != nil {
		v.check(verifier.CheckPDFIntegrity, reason, fmt.Sprintf("after %s, revision %d: %s", it.sig.Field, worst.Revision, worst.Detail))
		return
	}
	v.check(verifier.CheckPDFIntegrity, "", fmt.Sprintf("after %s: %s", it.sig.Field, it.sig.Changes))
}

// forbids tells why a change must not follow a signature, "" where it may.
func (v *validation) forbids(it *item, c Change, allowed ChangeLevel) verifier.Reason {
	switch {
	case c.Reason != "":
		return c.Reason
	case c.Level > allowed && (v.res.Certified > 0 || allowed < ChangesForm):
		return verifier.PDFNotPermitted
	case c.Level > allowed:
		return verifier.PDFChanged
	case c.Level == ChangesForm && c.Field != "" && v.locks(it, c.Field):
		return verifier.PDFFieldLocked
	}
	return ""
}

// compare finds out what a revision changed. Every entry of its cross-reference is
// looked at: objects that were in use may change only as their role allows, and what
// becomes visible through them is looked at as well.
func (v *validation) compare(from, to *pdf.Revision) (*step, error) {
	g, err := v.newGraph(from)
	if err != nil {
		return nil, err
	}
	s := &step{g: g, old: from, new: to, certified: v.certifiedAt(from.Index), touched: map[int32]*touch{},
		fresh: map[pdf.Ref]string{}, formed: map[uint32]bool{}}
	s.trailer()
	if err := s.fields(); err != nil {
		return nil, err
	}
	for e := range to.Entries() {
		was, wasLive := from.Locate(e.Num)
		is, live := to.Locate(e.Num)
		if wasLive == live && was == is {
			continue
		}
		if err := s.entry(e, live, is); err != nil {
			return nil, err
		}
	}
	s.countListed()
	for _, l := range s.lists {
		s.annots(l)
	}
	if err := s.judgeTouched(); err != nil {
		return nil, err
	}
	s.judgeDrawn()
	return s, v.ctx.Err()
}

// add records a change.
func (s *step) add(c Change) {
	c.Revision, c.Detail = s.new.Index, clip(c.Detail)
	if c.Reason != "" {
		c.Level = ChangesOther
	}
	s.level = max(s.level, c.Level)
	if len(s.changes) < maxChanges || c.Reason != "" && s.changes[0].Reason == "" {
		s.changes = append(s.changes, c)
	}
}

func (s *step) other(reason verifier.Reason, format string, args ...any) {
	s.add(Change{Reason: reason, Detail: fmt.Sprintf(format, args...)})
}

// entry judges one object number whose object is another than before.
func (s *step) entry(e pdf.Entry, live bool, is pdf.Location) error {
	r, known := s.g.roles[e.Num]
	if live && is.Offset < s.new.Start {
		s.other(verifier.PDFShadow, "object %d now leads to bytes that an earlier revision holds", e.Num)
		return nil
	}
	if !known {
		return nil // nothing in the document as it was uses it
	}
	now, err := s.now(e, live)
	if err != nil {
		return err
	}
	was, wasLive := pdf.Object(pdf.Null{}), false
	if old, _, ok := s.old.Entry(e.Num); ok && old.Kind != pdf.EntryFree {
		if was, err = s.old.Get(pdf.Ref{Num: e.Num, Gen: old.Gen}); err != nil {
			return err
		}
		wasLive = true
	}
	same, err := s.sameObject(was, now)
	if err != nil || same {
		return err
	}
	if r.frozen {
		reason, what := verifier.PDFChanged, "changed"
		if !wasLive {
			reason, what = verifier.PDFShadow, "brought to life"
		}
		s.other(reason, "object %d, which the document uses, was %s", e.Num, what)
		return nil
	}
	return s.byRole(e.Num, r, was, now)
}

// now is an object as of the new revision.
func (s *step) now(e pdf.Entry, live bool) (pdf.Object, error) {
	if !live {
		return pdf.Null{}, nil
	}
	gen := e.Gen
	if e.Kind == pdf.EntryInStream {
		gen = 0
	}
	return s.new.Get(pdf.Ref{Num: e.Num, Gen: gen})
}

// byRole compares an object of a role that may change.
func (s *step) byRole(num uint32, r role, was, now pdf.Object) error {
	oldDict, _ := was.(*pdf.Dict)
	newDict, isDict := now.(*pdf.Dict)
	switch r.kind {
	case kindCatalog, kindForm, kindAnnot, kindPage:
		if oldDict == nil || !isDict {
			s.other(verifier.PDFChanged, "object %d is no longer a dictionary", num)
			return nil
		}
	}
	switch r.kind {
	case kindCatalog:
		s.catalog(oldDict, newDict)
	case kindForm:
		s.form(oldDict, newDict)
	case kindFields: // the field lists are compared as a whole
		return nil
	case kindAnnot:
		s.annot(r.owner, oldDict, newDict)
	case kindPage:
		s.page(r.owner, oldDict, newDict)
	case kindAnnots:
		s.lists = append(s.lists, pageList{r.owner, was, now})
	case kindAP:
		s.touch(r.owner).shown = true
	case kindShown:
		s.touch(r.owner).shown = true
	case kindValue:
		s.touch(r.owner).value = true
	case kindStore, kindExtend:
		s.add(Change{Level: ChangesLTA, Detail: "validation data"})
	case kindMeta:
		s.add(Change{Level: ChangesLTA, Detail: "metadata"})
	case kindInfo:
		s.info(oldDict, newDict)
	default:
		s.other(verifier.PDFChanged, "object %d was changed", num)
	}
	return nil
}

func (s *step) touch(i int32) *touch {
	t := s.touched[i]
	if t == nil {
		t = &touch{}
		s.touched[i] = t
	}
	return t
}

// trailer compares what of the trailer readers go by.
func (s *step) trailer() {
	for _, key := range []pdf.Name{"Root", "Encrypt"} {
		was, is := s.old.Trailer.Get(key), s.new.Trailer.Get(key)
		if !equal(was, is) && (key != "Root" || !s.catalogMoved(was, is)) {
			s.other(verifier.PDFChanged, "the trailer's /%s was changed", key)
		}
	}
	was, is := s.old.Trailer.Get("Info"), s.new.Trailer.Get("Info")
	if is == nil || equal(was, is) {
		return
	}
	oldDict, err1 := s.old.DictAt(s.old.Trailer, "Info")
	newDict, err2 := s.new.DictAt(s.new.Trailer, "Info")
	if err1 != nil || err2 != nil || newDict == nil {
		s.other(verifier.PDFChanged, "the document information is no dictionary")
		return
	}
	s.info(oldDict, newDict)
}

// catalogMoved tells whether the catalog is another object now, under a number that nothing had
// used or named, and judges what changed in it as if it had been written again in its place.
func (s *step) catalogMoved(was, is pdf.Object) bool {
	from, ok1 := was.(pdf.Ref)
	to, ok2 := is.(pdf.Ref)
	if !ok1 || !ok2 || to.Gen != 0 {
		return false
	}
	_, _, mentioned := s.old.Entry(to.Num) // free too: it was something else once
	if _, named := s.g.roles[to.Num]; named || mentioned {
		return false
	}
	old, err1 := s.old.Get(from)
	now, err2 := s.new.Get(to)
	oldDict, ok1 := old.(*pdf.Dict)
	newDict, ok2 := now.(*pdf.Dict)
	if err1 != nil || err2 != nil || !ok1 || !ok2 {
		return false
	}
	s.catalog(oldDict, newDict)
	return true
}

// info compares document information dictionaries: times and tools may change freely,
// what readers show as the title is a change of the form's level.
func (s *step) info(was, is *pdf.Dict) {
	if was == nil {
		was = pdf.NewDict()
	}
	if is == nil {
		s.other(verifier.PDFChanged, "the document information was removed")
		return
	}
	level := ChangesLTA
	for _, key := range differing(was, is) {
		switch key {
		case "ModDate", "Producer", "CreationDate", "Creator":
		default:
			level = ChangesForm
		}
	}
	s.add(Change{Level: level, Detail: "document information"})
}

// catalog compares the keys of the catalog.
func (s *step) catalog(was, is *pdf.Dict) {
	for _, key := range differing(was, is) {
		switch key {
		case "DSS", "Extensions", "Version":
			if is.Has(key) {
				s.add(Change{Level: ChangesLTA, Detail: "catalog /" + string(key)})
				continue
			}
		case "Metadata":
			if is.Has(key) {
				s.add(Change{Level: ChangesLTA, Detail: "metadata"})
				continue
			}
		case "AcroForm":
			oldForm, err1 := s.old.DictAt(was, "AcroForm")
			newForm, err2 := s.new.DictAt(is, "AcroForm")
			if err1 == nil && err2 == nil && newForm != nil {
				if oldForm == nil {
					oldForm = pdf.NewDict()
				}
				s.form(oldForm, newForm)
				continue
			}
		case "Perms":
			if !s.permsKept(was, is) {
				s.other(verifier.PDFCertification, "the catalog's /Perms were changed after a signature")
			}
			continue
		}
		s.other(verifier.PDFChanged, "the catalog's /%s was changed", clipName(string(key)))
	}
}

// permsKept tells whether /Perms says the same, written in another way.
func (s *step) permsKept(was, is *pdf.Dict) bool {
	a, err1 := s.old.DictAt(was, "Perms")
	b, err2 := s.new.DictAt(is, "Perms")
	return err1 == nil && err2 == nil && a != nil && b != nil && pdf.Equal(a, b)
}

// form compares the keys of the form dictionary; its fields are compared elsewhere.
func (s *step) form(was, is *pdf.Dict) {
	for _, key := range differing(was, is) {
		switch key {
		case "Fields":
			continue
		case "SigFlags":
			a, err1 := s.old.IntAt(was, key)
			b, err2 := s.new.IntAt(is, key)
			if err1 == nil && err2 == nil && a&^b == 0 {
				s.add(Change{Level: ChangesLTA, Detail: "form flags"})
				continue
			}
		case "NeedAppearances":
			// Switched on, readers would draw values anew where others show the signed
			// appearance; off is what a tool does that has drawn them.
			if on, err := s.new.BoolAt(is, key); err == nil && !on {
				s.add(Change{Level: ChangesForm, Detail: "form /NeedAppearances"})
				s.undrawn = true
				continue
			}
		case "DA", "Q":
			if !was.Has(key) {
				s.add(Change{Level: ChangesLTA, Detail: "form /" + string(key)})
				continue
			}
		case "DR":
			if s.resourcesAdded(was, is) {
				s.add(Change{Level: ChangesForm, Detail: "form resources added"})
				continue
			}
		}
		s.other(verifier.PDFChanged, "the form's /%s was changed", clipName(string(key)))
	}
}

// resourcesAdded tells whether the new default resources hold all the old ones as they were.
func (s *step) resourcesAdded(was, is *pdf.Dict) bool {
	a, err1 := s.old.DictAt(was, "DR")
	b, err2 := s.new.DictAt(is, "DR")
	if err1 != nil || err2 != nil || b == nil {
		return false
	}
	if a == nil {
		return true
	}
	for key, old := range a.All() {
		if equal(old, b.Get(key)) {
			continue
		}
		x, err1 := s.old.DictAt(a, key)
		y, err2 := s.new.DictAt(b, key)
		if err1 != nil || err2 != nil || x == nil || y == nil {
			return false
		}
		for name, o := range x.All() {
			if !equal(o, y.Get(name)) {
				return false
			}
		}
	}
	return true
}

// page compares the keys of a page. Only annotations, and what tools note about the
// page, may change.
func (s *step) page(i int32, was, is *pdf.Dict) {
	for _, key := range differing(was, is) {
		switch key {
		case "Annots":
			s.lists = append(s.lists, pageList{i, was.Get(key), is.Get(key)})
			continue
		case "LastModified":
			s.add(Change{Level: ChangesLTA, Page: int(i) + 1, Detail: "page /LastModified"})
			continue
		case "Tabs", "StructParents":
			if !was.Has(key) {
				s.add(Change{Level: ChangesLTA, Page: int(i) + 1, Detail: "page /" + string(key)})
				continue
			}
		}
		s.add(Change{Reason: verifier.PDFChanged, Page: int(i) + 1, Detail: "the page's /" + clipName(string(key)) + " was changed"})
	}
}

// differing lists the keys whose values differ, those of was first.
func differing(was, is *pdf.Dict) []pdf.Name {
	var out []pdf.Name
	for key, o := range was.All() {
		if !equal(o, is.Get(key)) {
			out = append(out, key)
		}
	}
	for key, o := range is.All() {
		if !was.Has(key) && !equal(nil, o) {
			out = append(out, key)
		}
	}
	return out
}

// equal compares values where nil, an absent key, is the same as null.
func equal(a, b pdf.Object) bool {
	if a == nil {
		a = pdf.Null{}
	}
	if b == nil {
		b = pdf.Null{}
	}
	return pdf.Equal(a, b)
}
