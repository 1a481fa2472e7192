package pdf

import (
	"bytes"
	"cmp"
	"container/heap"
	"errors"
	"iter"
	"slices"
	"sort"
)

// Revision is one generation of the document: the bytes an incremental update (or
// the first writer) put into the file, and the document as it was then.
type Revision struct {
	view
	Index int // 0 is the oldest

	// Start is where the bytes of this revision begin: 0, or the End of the one before.
	Start int64
	// MarkerEnd is the offset just after its %%EOF.
	MarkerEnd int64
	// End is the offset after the end of line that follows %%EOF, or MarkerEnd where
	// there is none. A signature that covers the revision may end at either.
	End int64
	// Startxref is the offset its startxref names: where its newest section begins.
	// For a linearized revision that is the first-page section.
	Startxref int64
	// Kind is the form of its newest section.
	Kind XrefKind
	// Trailer is the trailer of its newest section. It is shared: Clone before editing.
	Trailer *Dict
	// Linearized is true for a first revision of two sections (ISO 32000-2, annex F).
	Linearized bool
	// Sections are its cross-reference sections, newest first.
	Sections []*Section

	entries []Entry // sorted by number, what the sections say together
}

// Entries yields what this revision's own cross-reference says, by object number.
func (r *Revision) Entries() iter.Seq[Entry] { return slices.Values(r.entries) }

// NumEntries returns the number of Entries.
func (r *Revision) NumEntries() int { return len(r.entries) }

// Own returns this revision's own entry for an object number.
func (r *Revision) Own(num uint32) (Entry, bool) {
	i, ok := searchEntry(r.entries, num)
	if !ok {
		return Entry{}, false
	}
	return r.entries[i], true
}

func searchEntry(entries []Entry, num uint32) (int, bool) {
	return slices.BinarySearchFunc(entries, num, func(e Entry, n uint32) int { return cmp.Compare(e.Num, n) })
}

// mention says that a revision has an entry for a number.
type mention struct {
	num   uint32
	rev   uint32
	index uint32 // in the revision's entries
}

// indexFromRevisions is the number of revisions above which looking through each in turn takes too long.
const indexFromRevisions = 8

// indexEntries prepares looking up objects of files with many revisions.
func (d *Document) indexEntries() {
	if len(d.revs) <= indexFromRevisions {
		return
	}
	d.mentions = make([]mention, 0, d.entryCount)
	for _, r := range d.revs {
		for i, e := range r.entries {
			d.mentions = append(d.mentions, mention{e.Num, uint32(r.Index), uint32(i)})
		}
	}
	slices.SortFunc(d.mentions, func(a, b mention) int { return cmp.Or(cmp.Compare(a.num, b.num), cmp.Compare(a.rev, b.rev)) })
}

// Entry returns the entry in force for an object number as of this revision, and the
// revision that made it. There is none for numbers never mentioned.
func (r *Revision) Entry(num uint32) (Entry, *Revision, bool) {
	if all := r.doc.mentions; all != nil {
		// The last mention of the number up to this revision.
		i := sort.Search(len(all), func(i int) bool {
			return all[i].num > num || all[i].num == num && all[i].rev > uint32(r.Index)
		}) - 1
		if i < 0 || all[i].num != num {
			return Entry{}, nil, false
		}
		by := r.doc.revs[all[i].rev]
		return by.entries[all[i].index], by, true
	}
	for i := r.Index; i >= 0; i-- {
		if e, ok := r.doc.revs[i].Own(num); ok {
			return e, r.doc.revs[i], true
		}
	}
	return Entry{}, nil, false
}

// Location tells where the bytes of an object lie as of a revision. Two equal
// locations are the same bytes of the file. (An object whose stream length is a
// reference, and a container redefined later, may still differ: Container tells.)
type Location struct {
	Kind   EntryKind
	Offset int64  // of "N G obj", of the object itself or of the object stream that holds it
	Index  uint32 // position in the object stream
	Gen    uint16
}

// Locate returns the location of an object as of this revision; ok is false if it is free or unknown.
func (r *Revision) Locate(num uint32) (loc Location, ok bool) {
	e, _, found := r.Entry(num)
	if !found || e.Kind == EntryFree {
		return Location{}, false
	}
	if e.Kind == EntryInFile {
		return Location{Kind: EntryInFile, Offset: e.Offset, Gen: e.Gen}, true
	}
	c, _, found := r.Entry(e.Container)
	if !found || c.Kind != EntryInFile {
		return Location{}, false
	}
	return Location{Kind: EntryInStream, Offset: c.Offset, Index: e.Index}, true
}

// Objects yields the numbers in use as of this revision, ascending, with their entries.
func (r *Revision) Objects() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		h := make(entryHeap, 0, r.Index+1)
		for i := r.Index; i >= 0; i-- {
			if es := r.doc.revs[i].entries; len(es) > 0 {
				h = append(h, entryCursor{rest: es, rev: i})
			}
		}
		heap.Init(&h)
		for last := int64(-1); len(h) > 0; {
			e := h[0].rest[0]
			if h[0].rest = h[0].rest[1:]; len(h[0].rest) == 0 {
				heap.Pop(&h)
			} else {
				heap.Fix(&h, 0)
			}
			if int64(e.Num) == last {
				continue // superseded
			}
			last = int64(e.Num)
			if e.Kind != EntryFree && !yield(e) {
				return
			}
		}
	}
}

// entryHeap merges the entries of revisions by number, the newest first among equals.
type entryHeap []entryCursor

type entryCursor struct {
	rest []Entry
	rev  int
}

func (h entryHeap) Len() int { return len(h) }
func (h entryHeap) Less(i, j int) bool {
	a, b := h[i].rest[0].Num, h[j].rest[0].Num
	return a < b || a == b && h[i].rev > h[j].rev
}
func (h entryHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *entryHeap) Push(x any)   { *h = append(*h, x.(entryCursor)) }
func (h *entryHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// readTail reads startxref and %%EOF after a section.
func (d *Document) readTail(s *Section) error {
	l := d.lexerAt(s.End)
	l.skipSpace()
	s.keywordAt = l.off()
	if got := l.word(10); string(got) != "startxref" {
		return l.fail(CodeStartxref, s.keywordAt, "expected startxref after the cross-reference section at %d, found %q", s.Offset, clip(got))
	}
	l.skipWhite()
	var err error
	if s.startxref, err = l.unsigned(CodeStartxref, "the offset after startxref"); err != nil {
		return err
	}
	l.skipWhite()
	at := l.off()
	for _, c := range "%%EOF" {
		if l.peek() != int(c) {
			return l.fail(CodeEOF, at, "expected %%%%EOF after startxref")
		}
		l.pos++
	}
	s.markerEnd = l.off()
	if l.peek() == '\r' {
		l.pos++
	}
	if l.peek() == '\n' {
		l.pos++
	}
	s.eolEnd = l.off()
	return l.ioErr
}

// findStartxref returns the offset of the last startxref keyword of the file.
func (d *Document) findStartxref() (int64, error) {
	n := min(d.src.size, d.lim.TrailingBytes+64)
	tail := make([]byte, min(n, 1<<10))
	for {
		from := d.src.size - int64(len(tail))
		if err := d.src.readFull(tail, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndex(tail, []byte("startxref")); i >= 0 {
			return from + int64(i), nil
		}
		if int64(len(tail)) >= n {
			return 0, errAt(CodeStartxref, from, "no startxref in the last %d bytes", len(tail))
		}
		tail = make([]byte, min(n, int64(len(tail))*8))
	}
}

// readChain follows startxref and /Prev to the oldest section.
func (d *Document) readChain() ([]*Section, error) {
	at, err := d.findStartxref()
	if err != nil {
		return nil, err
	}
	probe := &Section{End: at}
	if err := d.readTail(probe); err != nil {
		return nil, err
	}
	var chain []*Section
	seen := make(map[int64]bool)
	for off := probe.startxref; off >= 0; {
		if seen[off] {
			return nil, errAt(CodeXrefChain, off, "/Prev comes back to this section")
		}
		seen[off] = true
		if len(chain) >= d.lim.Revisions {
			return nil, errAt(CodeLimit, off, "more than %d cross-reference sections", d.lim.Revisions)
		}
		s, err := d.readSection(off)
		if err != nil {
			return nil, err
		}
		// The first-page section of a linearized file may do without: some writers leave
		// its startxref out where the section is a stream.
		if err := d.readTail(s); err != nil {
			if s.Prev <= s.Offset || errors.Is(err, CodeIO) {
				return nil, err
			}
			s.keywordAt, s.startxref, s.markerEnd, s.eolEnd = -1, 0, s.End, s.End
		}
		chain = append(chain, s)
		off = s.Prev
	}
	newest := chain[0]
	if n := len(chain); n == 2 && chain[1].Offset > chain[0].Offset {
		newest = chain[1] // linearized and never updated
	}
	if newest.keywordAt != at {
		return nil, errAt(CodeStartxref, at, "the last startxref does not follow the section it leads to, which ends at %d", newest.End)
	}
	return chain, nil
}

// readRevisions groups the chain into revisions and checks that they lie one after the other.
func (d *Document) readRevisions() error {
	chain, err := d.readChain()
	if err != nil {
		return err
	}
	for i := len(chain) - 1; i >= 0; i-- {
		r := &Revision{Index: len(d.revs)}
		r.view = view{doc: d, get: r.Get, root: r.trailer}
		s := chain[i]
		r.Sections = []*Section{s}
		if i == len(chain)-1 && i > 0 && chain[i-1].Offset < s.Offset {
			i--
			if err := d.checkLinearized(chain[i], s); err != nil {
				return err
			}
			r.Sections, r.Linearized = []*Section{chain[i], s}, true
			r.MarkerEnd, r.End = s.markerEnd, s.eolEnd
			s = chain[i]
		} else {
			if s.startxref != s.Offset {
				return errAt(CodeStartxref, s.keywordAt, "startxref says %d, but the section before it begins at %d", s.startxref, s.Offset)
			}
			r.MarkerEnd, r.End = s.markerEnd, s.eolEnd
		}
		r.Startxref, r.Kind, r.Trailer = s.Offset, s.Kind, s.Trailer
		if n := len(d.revs); n > 0 {
			r.Start = d.revs[n-1].End
			if s.Offset < r.Start {
				return errAt(CodeXrefChain, s.Offset, "section overlaps the revision before it, which ends at %d", r.Start)
			}
		}
		d.revs = append(d.revs, r)
		if err := d.mergeEntries(r); err != nil {
			return err
		}
	}
	d.indexEntries()
	return nil
}

// checkLinearized decides whether two sections, of which the one nearer the front
// names the later one with /Prev, are the two halves of a linearized revision.
func (d *Document) checkLinearized(first, main *Section) error {
	ind, err := d.firstObject()
	if err != nil {
		return err
	}
	p, ok := ind.value.(*Dict)
	if !ok || !p.Has("Linearized") {
		return errAt(CodeXrefChain, first.Offset, "/Prev %d points forward in a file that is not linearized", main.Offset)
	}
	if main.startxref != first.Offset {
		return errAt(CodeStartxref, main.keywordAt, "startxref of the linearized part says %d, the first-page section is at %d", main.startxref, first.Offset)
	}
	if first.startxref != 0 && first.startxref != main.Offset {
		return errAt(CodeStartxref, first.keywordAt, "startxref of the first-page section says %d, expected 0", first.startxref)
	}
	if length, ok := p.Get("L").(Integer); !ok || int64(length) < main.markerEnd || int64(length) > main.eolEnd {
		return errAt(CodeXrefChain, p.span.Start, "linearized length is not the end %d of the part that ends with the main section", main.eolEnd)
	}
	return nil
}

// firstObject parses the object after the header comments.
func (d *Document) firstObject() (*indirect, error) {
	l := d.lexerAt(0)
	l.skipSpace()
	if l.ioErr != nil {
		return nil, l.ioErr
	}
	return d.parseIndirect(l.off(), nil)
}

// mergeEntries combines the sections of a revision. What two sections of one
// revision say about a number must be the same, or one of them must say "free".
func (d *Document) mergeEntries(r *Revision) error {
	for _, s := range r.Sections {
		if r.entries == nil {
			r.entries = s.entries
		} else if err := d.merge(r, s.entries, s.Offset); err != nil {
			return err
		}
		s.entries = nil
	}
	for _, s := range r.Sections {
		if s.XRefStm < 0 {
			continue
		}
		if s.XRefStm >= r.End {
			return errAt(CodeXrefChain, s.XRefStm, "/XRefStm points beyond its revision, which ends at %d", r.End)
		}
		x, err := d.readSection(s.XRefStm)
		if err != nil {
			return err
		}
		if x.Kind != XrefStream {
			return errAt(CodeXref, s.XRefStm, "/XRefStm does not lead to a stream")
		}
		s.Stream, s.xrefStmEnd = x.Stream, x.End
		if last := d.lastXRefStm(r.Index, s.XRefStm); last >= 0 {
			if err := d.checkRepeated(r, last, x); err != nil {
				return err
			}
			continue
		}
		if err := d.merge(r, x.entries, x.Offset); err != nil {
			return err
		}
	}
	for i := range r.entries {
		if e := &r.entries[i]; e.Kind == EntryInFile && e.Offset >= r.End {
			return &Error{Code: CodeXrefEntry, Offset: e.Offset, Object: Ref{e.Num, e.Gen}, Msg: "entry points beyond its revision"}
		}
	}
	return d.checkTrailer(r)
}

// lastXRefStm returns the newest revision before the given one that names the stream, or -1.
func (d *Document) lastXRefStm(before int, off int64) int {
	for i := before - 1; i >= 0; i-- {
		if slices.ContainsFunc(d.revs[i].Sections, func(s *Section) bool { return s.XRefStm == off }) {
			return i
		}
	}
	return -1
}

// checkRepeated judges a hybrid section that names the stream of an earlier revision
// again, as writers do that copy the trailer. By the rules of lookup it would undo
// what came between, unless it changes nothing. Nothing before last can differ from
// it: that revision applied it, or was judged here itself.
func (d *Document) checkRepeated(r *Revision, last int, x *Section) error {
	for _, between := range d.revs[last:r.Index] {
		for _, e := range between.entries {
			i, ok := searchEntry(x.entries, e.Num)
			if !ok || x.entries[i] == e || x.entries[i].Kind|e.Kind == EntryFree {
				continue
			}
			if own, ok := r.Own(e.Num); ok && own.Kind != EntryFree {
				continue
			}
			return errAt(CodeAmbiguous, x.Offset, "/XRefStm of an earlier revision, named again, would bring back an old object %d", e.Num)
		}
	}
	return nil
}

func (d *Document) merge(r *Revision, more []Entry, at int64) error {
	out := make([]Entry, 0, len(r.entries)+len(more))
	a, b := r.entries, more
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Num < b[0].Num:
			out, a = append(out, a[0]), a[1:]
		case a[0].Num > b[0].Num:
			out, b = append(out, b[0]), b[1:]
		default:
			e := a[0]
			switch {
			case b[0].Kind == EntryFree:
			case e.Kind == EntryFree:
				e = b[0]
			case e != b[0]:
				return errAt(CodeAmbiguous, at, "two sections of one revision give different places for object %d", e.Num)
			}
			out, a, b = append(out, e), a[1:], b[1:]
		}
	}
	r.entries = append(append(out, a...), b...)
	return nil
}

// checkTrailer checks what every revision's trailer must hold.
func (d *Document) checkTrailer(r *Revision) error {
	at := r.Trailer.span.Start
	root, ok := r.Trailer.Get("Root").(Ref)
	if !ok {
		return errAt(CodeTrailer, at, "/Root missing or no reference")
	}
	if e, _, ok := r.Entry(root.Num); !ok || e.Kind == EntryFree || e.Gen != root.Gen {
		return errAt(CodeTrailer, at, "/Root %v is not in use", root)
	}
	if r.Index == 0 {
		return nil
	}
	before := d.revs[r.Index-1].Trailer
	if a, b := before.Get("Encrypt"), r.Trailer.Get("Encrypt"); (a == nil) != (b == nil) || a != nil && !Equal(a, b) {
		return errAt(CodeEncryption, at, "/Encrypt differs from that of the revision before")
	}
	return nil
}

// revisionAt returns the revision whose bytes hold offset off.
func (d *Document) revisionAt(off int64) *Revision {
	i := sort.Search(len(d.revs), func(i int) bool { return d.revs[i].End > off })
	if i == len(d.revs) {
		return nil
	}
	return d.revs[i]
}
