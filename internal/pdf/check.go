package pdf

import (
	"cmp"
	"slices"
)

// placed is an object of the file that some revision's cross-reference reaches.
type placed struct {
	span   Span
	ref    Ref
	rev    int  // oldest revision whose entry leads here
	objStm bool // an object stream
}

// Check looks at every object of every revision: each cross-reference entry leads to
// an object of its number and generation that parses to its end, within its
// revision; no two share bytes; no object stream is replaced under objects that stay
// in it. It reads the file once, without stream data other than object streams, and
// remembers the places for Revision.Unreached.
func (d *Document) Check() error {
	if d.checked != nil {
		return nil
	}
	places, err := d.entryPlaces()
	if err != nil {
		return err
	}
	out := places[:0]
	for _, p := range places {
		if n := len(out); n > 0 && out[n-1].span.Start == p.span.Start {
			if out[n-1].ref != p.ref {
				return &Error{Code: CodeOverlap, Offset: p.span.Start, Object: p.ref, Msg: "two objects begin at the same byte"}
			}
			continue // repeated by a later revision
		}
		if err := d.checkPlaced(&p); err != nil {
			return inObject(err, p.ref)
		}
		if n := len(out); n > 0 && out[n-1].span.End > p.span.Start {
			return &Error{Code: CodeOverlap, Offset: p.span.Start, Object: p.ref, Msg: "begins within object " + out[n-1].ref.String()}
		}
		out = append(out, p)
	}
	if err := d.checkSections(out); err != nil {
		return err
	}
	if err := d.checkInStreams(); err != nil {
		return err
	}
	d.checked = slices.Clip(out)
	if d.checked == nil {
		d.checked = []placed{}
	}
	return nil
}

// entryPlaces returns every in-file entry of every revision by offset, the oldest revision first.
func (d *Document) entryPlaces() ([]placed, error) {
	n := 0
	for _, r := range d.revs {
		n += len(r.entries)
	}
	out := make([]placed, 0, n)
	for _, r := range d.revs {
		for _, e := range r.entries {
			if e.Kind == EntryInFile {
				out = append(out, placed{span: Span{e.Offset, e.Offset}, ref: Ref{e.Num, e.Gen}, rev: r.Index})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b placed) int { return cmp.Compare(a.span.Start, b.span.Start) })
	return out, nil
}

func (d *Document) checkPlaced(p *placed) error {
	r := d.revs[p.rev]
	ind, err := d.objectAt(p.ref, p.span.Start, r)
	if err != nil {
		return err
	}
	if ind.span.End > r.End {
		return &Error{Code: CodeXrefEntry, Offset: p.span.Start, Object: p.ref, Msg: "object ends beyond its revision"}
	}
	p.span = ind.span
	st, ok := ind.value.(*Stream)
	p.objStm = ok && st.Dict.Get("Type") == Name("ObjStm")
	if latest := d.Latest(); ind.byView && latest != r {
		if loc, ok := latest.Locate(p.ref.Num); ok && loc.Kind == EntryInFile && loc.Offset == p.span.Start {
			again, err := d.parseIndirect(p.span.Start, latest)
			if err != nil {
				return err
			}
			if again.span != ind.span {
				return &Error{Code: CodeAmbiguous, Offset: p.span.Start, Object: p.ref, Msg: "a later revision changes the length of this stream without replacing it"}
			}
		}
	}
	return nil
}

// sectionSpans returns the bytes of the cross-reference sections of revisions up to
// last, each with its startxref and %%EOF, by offset.
func (d *Document) sectionSpans(last int) []Span {
	var out []Span
	for _, r := range d.revs[:last+1] {
		for _, s := range r.Sections {
			out = append(out, Span{s.Offset, s.markerEnd})
			if s.XRefStm >= 0 {
				out = append(out, Span{s.XRefStm, s.xrefStmEnd})
			}
		}
	}
	slices.SortFunc(out, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	return slices.Compact(out)
}

// checkSections wants no object within a cross-reference section; a cross-reference
// stream is itself an object.
func (d *Document) checkSections(objects []placed) error {
	prev := Span{-1, -1}
	for _, s := range d.sectionSpans(len(d.revs) - 1) {
		if s.Start < prev.End {
			return errAt(CodeOverlap, s.Start, "cross-reference sections share bytes")
		}
		prev = s
		i, _ := slices.BinarySearchFunc(objects, s.Start, func(p placed, at int64) int { return cmp.Compare(p.span.Start, at) })
		if i > 0 && objects[i-1].span.End > s.Start {
			return &Error{Code: CodeOverlap, Offset: s.Start, Object: objects[i-1].ref, Msg: "a cross-reference section lies within this object"}
		}
		if i < len(objects) && objects[i].span.Start == s.Start {
			i++
		}
		if i < len(objects) && objects[i].span.Start < s.End {
			return &Error{Code: CodeOverlap, Offset: objects[i].span.Start, Object: objects[i].ref, Msg: "lies within a cross-reference section"}
		}
	}
	return nil
}

// checkInStreams checks the entries that lead into object streams.
func (d *Document) checkInStreams() error {
	type member struct {
		num uint32
		rev int
	}
	members := make(map[uint32][]member) // by container
	for _, r := range d.revs {
		for _, e := range r.entries {
			// Members that stay although their container is replaced would change unseen.
			if len(members[e.Num]) == 0 {
				continue
			}
			was, _ := d.revs[r.Index-1].Locate(e.Num)
			if is, _ := r.Locate(e.Num); is == was {
				continue // the same entry repeated
			}
			for _, m := range members[e.Num] {
				if _, by, _ := r.Entry(m.num); by.Index == m.rev {
					return &Error{Code: CodeAmbiguous, Offset: -1, Object: Ref{e.Num, e.Gen}, Msg: "object stream replaced while object " + Ref{Num: m.num}.String() + " stays in it"}
				}
			}
			delete(members, e.Num) // what is overridden once stays overridden
		}
		var byContainer []Entry
		for _, e := range r.entries {
			if e.Kind == EntryInStream {
				byContainer = append(byContainer, e)
			}
		}
		slices.SortFunc(byContainer, func(a, b Entry) int {
			return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Index, b.Index))
		})
		for _, e := range byContainer {
			ref := Ref{Num: e.Num}
			loc, ok := r.Locate(e.Num)
			if !ok {
				return &Error{Code: CodeXrefEntry, Offset: -1, Object: ref, Msg: "its object stream is no object of the file"}
			}
			if _, _, err := d.loadFromStream(r, ref, Ref{Num: e.Container}, loc); err != nil {
				return inObject(err, ref)
			}
			members[e.Container] = append(members[e.Container], member{e.Num, r.Index})
		}
	}
	return nil
}
