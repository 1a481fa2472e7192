package pdf

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
)

// Update collects the objects of one incremental update (ISO 32000-2, 7.5.6): the
// bytes of the file stay as they are, the changed and new objects follow, then a
// cross-reference section of the kind the newest revision has. An Update resolves
// references like a Revision, its own changes included.
type Update struct {
	view
	trailerDict *Dict
	changed     map[uint32]pending
	next        uint32
	xrefStream  bool
	done        bool
}

type pending struct {
	ref Ref
	o   Object
}

// NewUpdate begins an update. It fails with CodeTrailing if bytes other than white
// space follow the newest revision: what they are for is not known, and a
// signature would cover them.
func (d *Document) NewUpdate() (*Update, error) {
	if err := d.checkTrailing(); err != nil {
		return nil, err
	}
	rev := d.Latest()
	u := &Update{changed: make(map[uint32]pending)}
	u.view = view{doc: d, get: u.Get, root: u.Trailer}
	u.xrefStream = rev.Kind == XrefStream
	u.next = uint32(max(1, d.trailerSize(rev.Trailer)))
	for _, r := range d.revs {
		u.next = max(u.next, uint32(d.trailerSize(r.Trailer)))
	}
	u.trailerDict = rev.Trailer.Clone()
	for _, key := range []Name{"Prev", "XRefStm", "Size"} {
		u.trailerDict.Delete(key)
	}
	if u.xrefStream {
		for _, key := range []Name{"Type", "Index", "W", "Length", "Filter", "DecodeParms", "DL", "F", "FFilter", "FDecodeParms"} {
			u.trailerDict.Delete(key)
		}
	}
	return u, nil
}

func (d *Document) checkTrailing() error {
	at, err := d.TrailingContent()
	if err == nil && at >= 0 {
		err = errAt(CodeTrailing, at, "bytes that belong to no revision follow the last %%%%EOF")
	}
	return err
}

// Trailer returns the trailer dictionary the update will have, to be edited as an
// object. /Size, /Prev and what describes a cross-reference stream are left out: Prepare writes them.
func (u *Update) Trailer() *Dict { return u.trailerDict }

// Alloc reserves a new object number.
func (u *Update) Alloc() Ref {
	ref := Ref{Num: u.next}
	u.next++
	u.changed[ref.Num] = pending{ref: ref}
	return ref
}

// Add makes a new indirect object.
func (u *Update) Add(o Object) Ref {
	ref := u.Alloc()
	u.changed[ref.Num] = pending{ref, o}
	return ref
}

// Set gives an object a new value: one in use in the newest revision, under its
// present generation, or one of Alloc. The value is written as it is when Prepare is called.
func (u *Update) Set(ref Ref, o Object) error {
	if p, ok := u.changed[ref.Num]; ok && p.ref == ref {
		u.changed[ref.Num] = pending{ref, o}
		return nil
	}
	loc, ok := u.doc.Latest().Locate(ref.Num)
	if !ok || loc.Gen != ref.Gen {
		return &Error{Code: CodeUpdate, Offset: -1, Object: ref, Msg: "object to replace is not in use"}
	}
	if ref == u.doc.encryptRef {
		return &Error{Code: CodeUpdate, Offset: -1, Object: ref, Msg: "the encryption dictionary cannot be replaced"}
	}
	u.changed[ref.Num] = pending{ref, o}
	return nil
}

// Get returns an object as the update leaves it. Objects not changed are shared with the Document.
func (u *Update) Get(ref Ref) (Object, error) {
	if p, ok := u.changed[ref.Num]; ok {
		if p.ref != ref || p.o == nil {
			return Null{}, nil
		}
		return p.o, nil
	}
	return u.doc.Latest().Get(ref)
}

// Edit returns the dictionary of an object for editing: the one given to Set or Add
// before, or a copy of that in the file, which is then part of the update. For a stream it is the stream's dictionary.
func (u *Update) Edit(ref Ref) (*Dict, error) {
	o, err := u.Get(ref)
	if err != nil {
		return nil, err
	}
	if _, mine := u.changed[ref.Num]; !mine {
		o = Clone(o)
		if err := u.Set(ref, o); err != nil {
			return nil, err
		}
	}
	switch o := o.(type) {
	case *Dict:
		return o, nil
	case *Stream:
		return o.Dict, nil
	}
	return nil, &Error{Code: CodeType, Offset: -1, Object: ref, Msg: "object to edit is no dictionary"}
}

// Changed returns the references of the objects in the update, ascending.
func (u *Update) Changed() []Ref {
	var out []Ref
	for _, n := range slices.Sorted(maps.Keys(u.changed)) {
		out = append(out, u.changed[n].ref)
	}
	return out
}

// Prepare writes the update's bytes and closes the Update. The second element of the
// trailer's /ID, where there is one, becomes a digest of the update (ISO 32000-2, 14.4),
// so that equal updates are equal bytes.
func (u *Update) Prepare() (*Tail, error) {
	if u.done {
		return nil, &Error{Code: CodeUpdate, Offset: -1, Msg: "Prepare called twice"}
	}
	u.done = true
	top := u.next - 1
	if u.xrefStream {
		top++ // the stream's own
	}
	if top > maxObjectNumber {
		return nil, &Error{Code: CodeLimit, Offset: -1, Msg: "the file has no object numbers left"}
	}
	d := u.doc
	e := newEncoder(d.src.size, d.crypt)
	if last, err := d.src.window(d.src.size - 1); err != nil {
		return nil, err
	} else if c := last[0]; c != '\n' && c != '\r' {
		e.text("\n")
	}
	entries := make([]Entry, 0, len(u.changed)+1)
	for _, ref := range u.Changed() {
		o := u.changed[ref.Num].o
		if o == nil {
			return nil, &Error{Code: CodeUpdate, Offset: -1, Object: ref, Msg: "number allocated but never set"}
		}
		entries = append(entries, Entry{Kind: EntryInFile, Num: ref.Num, Gen: ref.Gen, Offset: e.off()})
		if err := e.indirect(ref, o); err != nil {
			return nil, err
		}
	}
	u.updateID(e.buf)
	x := &xrefWriter{encoder: e, trailer: u.trailerDict, entries: entries, size: u.next, prev: d.Latest().Startxref}
	if err := x.write(u.xrefStream); err != nil {
		return nil, err
	}
	return &Tail{base: d.src.r, BaseSize: d.src.size, Bytes: e.buf}, nil
}

func (u *Update) updateID(body []byte) {
	id, ok := u.trailerDict.Get("ID").(*Array)
	if !ok || id.Len() != 2 || !Equal(id, u.doc.Latest().Trailer.Get("ID")) {
		return // none, or the caller set another
	}
	old, ok := id.At(1).(String)
	if !ok {
		return
	}
	h := sha256.New()
	h.Write(old.Value)
	h.Write(body)
	id.Set(1, String{Value: h.Sum(nil)[:16], Hex: true})
}

// xrefWriter writes a cross-reference section, startxref and %%EOF.
type xrefWriter struct {
	*encoder
	trailer *Dict
	entries []Entry // ascending
	size    uint32
	prev    int64 // -1: none
}

func (x *xrefWriter) write(stream bool) error {
	at := x.off()
	x.ref = Ref{}
	x.plain = true
	var err error
	if stream {
		err = x.stream(at)
	} else {
		err = x.table()
	}
	if err != nil {
		return err
	}
	x.text("startxref\n")
	x.int(at)
	x.text("\n%%EOF\n")
	return nil
}

// runs calls f for each run of consecutive numbers.
func (x *xrefWriter) runs(f func(run []Entry)) {
	for from, i := 0, 1; i <= len(x.entries); i++ {
		if i == len(x.entries) || x.entries[i].Num != x.entries[i-1].Num+1 {
			f(x.entries[from:i])
			from = i
		}
	}
}

func (x *xrefWriter) table() error {
	x.text("xref\n")
	var err error
	x.runs(func(run []Entry) {
		x.int(int64(run[0].Num))
		x.text(" ")
		x.int(int64(len(run)))
		x.text("\n")
		for _, e := range run {
			if e.Offset > maxTableOffset {
				err = x.fail("offset of more than ten digits cannot stand in a cross-reference table")
			}
			x.buf = appendPadded(x.buf, e.Offset, maxXrefDigits)
			x.text(" ")
			x.buf = appendPadded(x.buf, int64(e.Gen), 5)
			if e.Kind == EntryFree {
				x.text(" f \n")
			} else {
				x.text(" n \n")
			}
		}
	})
	if err != nil {
		return err
	}
	t := x.trailer.Clone()
	t.Set("Size", Integer(x.size))
	if x.prev >= 0 {
		t.Set("Prev", Integer(x.prev))
	}
	x.text("trailer\n")
	if err := x.dict(t); err != nil {
		return err
	}
	x.text("\n")
	return nil
}

func appendPadded(b []byte, n int64, width int) []byte {
	from := len(b)
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; i >= from && n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

func (x *xrefWriter) stream(at int64) error {
	self := Ref{Num: x.size}
	x.size++
	x.entries = append(x.entries, Entry{Kind: EntryInFile, Num: self.Num, Offset: at})
	width, widest := 1, int64(0)
	for _, e := range x.entries {
		widest = max(widest, e.Offset, int64(e.Container))
	}
	for widest>>(8*width) > 0 {
		width++
	}
	var data bytes.Buffer
	index := NewArray()
	x.runs(func(run []Entry) {
		index.Append(Integer(run[0].Num), Integer(len(run)))
		for _, e := range run {
			second, third := e.Offset, int64(e.Gen)
			if e.Kind == EntryInStream {
				second, third = int64(e.Container), int64(e.Index)
			}
			data.WriteByte(byte(e.Kind))
			for i := width - 1; i >= 0; i-- {
				data.WriteByte(byte(second >> (8 * i)))
			}
			data.Write([]byte{byte(third >> 16), byte(third >> 8), byte(third)})
		}
	})
	t := x.trailer.Clone()
	t.Set("Type", Name("XRef"))
	t.Set("Size", Integer(x.size))
	t.Set("Index", index)
	t.Set("W", NewArray(Integer(1), Integer(width), Integer(3)))
	if x.prev >= 0 {
		t.Set("Prev", Integer(x.prev))
	}
	raw := data.Bytes()
	if len(raw) > 256 {
		raw = Deflate(raw)
		t.Set("Filter", Name("FlateDecode"))
	}
	st := NewStream(t, raw)
	st.plain = true
	return x.indirect(self, st)
}
