package pdf

import (
	"io"
	"slices"
)

// Options say how to open a file. The zero value is right for files that are not
// encrypted, or encrypted with the empty user password.
type Options struct {
	// Password is the user or owner password of an encrypted file, UTF-8.
	// Empty means the empty password, as every PDF reader tries by itself.
	Password string
	// Limits bound the work; zero fields take their defaults.
	Limits Limits
}

// Document is an opened file. It is not safe for concurrent use.
type Document struct {
	src        *source
	lim        Limits
	version    string
	revs       []*Revision
	crypt      *crypt
	encryptRef Ref // of the encryption dictionary, if indirect
	entryCount int64
	mentions   []mention // by number and revision; nil for few revisions
	inflated   int64
	resolving  int
	objects    cache[objectKey, *indirect]
	objStreams cache[objectKey, *objStream]
	lastStream *objStream // kept however large, or each of its objects would decode it anew
	lastKey    objectKey
	inflater   inflater
	checked    []placed // by offset, nil before Check
}

type objectKey struct {
	offset int64 // of the object or of its object stream
	index  int32 // in the object stream, -1 in the file
	rev    int32 // -1 unless its extent depends on the revision looking
}

// Open reads the header, the last startxref and every cross-reference section of
// the file, oldest revision included, and prepares decryption. It reads no other
// object: call Document.Check to have every object looked at. The file must not change
// while the Document is in use. All errors are *Error.
func Open(r io.ReaderAt, size int64, o Options) (*Document, error) {
	d := &Document{src: newSource(r, size), lim: o.Limits.withDefaults()}
	d.objects.limit = d.lim.CacheBytes / 2
	d.objStreams.limit = d.lim.CacheBytes / 2
	if err := d.readHeader(); err != nil {
		return nil, err
	}
	if err := d.readRevisions(); err != nil {
		return nil, err
	}
	if err := d.openCrypt(o.Password); err != nil {
		return nil, err
	}
	return d, nil
}

// readHeader wants %PDF-M.m and an end of line at offset 0 (ISO 32000-2, 7.5.2).
func (d *Document) readHeader() error {
	var b [9]byte
	if d.src.size < int64(len(b)) {
		return errAt(CodeHeader, 0, "%d bytes are no PDF file", d.src.size)
	}
	win, err := d.src.window(0)
	if err != nil {
		return err
	}
	copy(b[:], win)
	v := string(b[5:8])
	if string(b[:5]) != "%PDF-" {
		return errAt(CodeHeader, 0, "expected %%PDF- at the first byte")
	}
	known := v == "2.0" || v[:2] == "1." && v[2] >= '0' && v[2] <= '7'
	if !known || !isSpace(int(b[8])) {
		return errAt(CodeHeader, 5, "expected a version 1.0 to 1.7 or 2.0 and an end of line")
	}
	d.version = v
	return nil
}

// HeaderVersion returns the version the header names, "1.0" to "1.7" or "2.0". The
// catalog's /Version may name a later one.
func (d *Document) HeaderVersion() string { return d.version }

// Size returns the size of the file in bytes.
func (d *Document) Size() int64 { return d.src.size }

// ReaderAt returns the file itself.
func (d *Document) ReaderAt() io.ReaderAt { return d.src.r }

// Revisions returns every revision, oldest first. There is always one.
func (d *Document) Revisions() []*Revision { return slices.Clone(d.revs) }

// Latest returns the newest revision.
func (d *Document) Latest() *Revision { return d.revs[len(d.revs)-1] }

// TrailingBytes returns the bytes between the end of the last revision and the end
// of the file. They belong to no revision and define nothing. The span is empty in a sound file.
func (d *Document) TrailingBytes() Span { return Span{d.Latest().End, d.src.size} }

// TrailingContent returns the offset of the first byte after the last revision that is not
// white space (ISO 32000-2, 7.2.3), -1 where there is none.
func (d *Document) TrailingContent() (int64, error) {
	t := d.TrailingBytes()
	buf := make([]byte, min(t.Len(), 4096))
	for at := t.Start; at < t.End; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), t.End-at)]
		if err := d.src.readFull(buf, at); err != nil {
			return 0, err
		}
		for i, c := range buf {
			if class[c] != classSpace {
				return at + int64(i), nil
			}
		}
	}
	return -1, nil
}

// RevisionAt returns the revision within whose bytes the offset lies, or nil for trailing bytes.
func (d *Document) RevisionAt(off int64) *Revision { return d.revisionAt(off) }

// Hybrid reports whether any revision has a hybrid cross-reference.
func (d *Document) Hybrid() bool {
	return slices.ContainsFunc(d.revs, func(r *Revision) bool { return r.Kind == XrefHybrid })
}

func (d *Document) lexerAt(off int64) *lexer {
	return &lexer{fill: d.src.window, base: off, lim: &d.lim}
}

// parseIndirect parses the indirect object at off. The stream length may be a
// reference only where r says as of which revision to follow it.
func (d *Document) parseIndirect(off int64, r *Revision) (*indirect, error) {
	l := d.lexerAt(off)
	l.stop = off + d.lim.ObjectBytes
	ref, err := l.header()
	if err != nil {
		return nil, err
	}
	ind, err := d.parseBody(l, off, ref, r)
	if err != nil {
		return nil, inObject(err, ref)
	}
	return ind, nil
}

// objectAt parses the object an entry says is ref.
func (d *Document) objectAt(ref Ref, off int64, r *Revision) (*indirect, error) {
	ind, err := d.parseIndirect(off, r)
	if err != nil {
		if e, ok := err.(*Error); ok && e.Object.Num == 0 && e.Code == CodeSyntax {
			e.Code = CodeXrefEntry // no "N G obj" where the entry points
		}
		return nil, inObject(err, ref)
	}
	if ind.ref != ref {
		return nil, &Error{Code: CodeXrefEntry, Offset: off, Object: ref, Msg: "the entry leads to object " + ind.ref.String()}
	}
	return ind, nil
}

func (d *Document) parseBody(l *lexer, off int64, ref Ref, r *Revision) (*indirect, error) {
	l.skipSpace()
	o, err := l.object(0)
	if err != nil {
		return nil, err
	}
	l.skipSpace()
	at := l.off()
	ind := &indirect{ref: ref, value: o}
	switch got := l.word(7); string(got) {
	case "endobj":
		ind.span = l.spanFrom(off)
		return ind, nil
	case "stream":
	default:
		return nil, l.fail(CodeSyntax, at, "expected endobj or stream, found %q", clip(got))
	}
	dict, ok := o.(*Dict)
	if !ok {
		return nil, errAt(CodeStream, at, "keyword stream after an object that is no dictionary")
	}
	l.stop = 0
	start, err := l.streamStart()
	if err != nil {
		return nil, err
	}
	length, byView, err := d.streamLength(dict, r)
	if err != nil {
		return nil, err
	}
	if length > d.src.size-start {
		return nil, errAt(CodeStream, start, "/Length %d reaches beyond the end of the file", length)
	}
	if err := l.streamEnd(start + length); err != nil {
		return nil, err
	}
	l.skipSpace()
	if err := l.keyword("endobj"); err != nil {
		return nil, err
	}
	ind.byView = byView || hasRef(dict.Get("Filter")) || hasRef(dict.Get("DecodeParms"))
	ind.value = &Stream{Dict: dict, doc: d, rev: r, ref: ref, span: Span{start, start + length}}
	ind.span = l.spanFrom(off)
	return ind, nil
}

func hasRef(o Object) bool {
	switch o := o.(type) {
	case Ref:
		return true
	case *Array:
		return slices.ContainsFunc(o.items, hasRef)
	}
	return false
}

func (d *Document) streamLength(dict *Dict, r *Revision) (n int64, byView bool, err error) {
	at := dict.SpanOf("Length").Start
	o := dict.Get("Length")
	if ref, ok := o.(Ref); ok {
		if r == nil {
			return 0, false, errAt(CodeStream, at, "/Length must be direct here")
		}
		byView = true
		if o, err = r.Resolve(ref); err != nil {
			return 0, false, err
		}
	}
	v, ok := o.(Integer)
	if !ok || v < 0 {
		return 0, false, errAt(CodeStream, at, "/Length missing or no non-negative integer")
	}
	return int64(v), byView, nil
}

// Indirect is an indirect object with its place in the file.
type Indirect struct {
	Ref   Ref
	Value Object
	// Span is from "N G obj" to "endobj", or NoSpan inside an object stream.
	Span     Span
	Location Location
}

// Get returns an indirect object as of this revision: Null for numbers that are free
// or unknown, as ISO 32000-2, 7.3.10 says. A reference whose generation is not the one
// in force is refused, because readers differ on it. The object is shared: Clone before editing.
func (r *Revision) Get(ref Ref) (Object, error) {
	ind, err := r.Object(ref)
	if err != nil {
		return nil, err
	}
	return ind.Value, nil
}

// Object is Get with the place of the object.
func (r *Revision) Object(ref Ref) (Indirect, error) {
	loc, ok := r.Locate(ref.Num)
	if !ok {
		e, _, found := r.Entry(ref.Num)
		if found && e.Kind == EntryInStream {
			return Indirect{}, &Error{Code: CodeXrefEntry, Offset: -1, Object: ref, Msg: "its object stream is no object of the file"}
		}
		return Indirect{Ref: ref, Value: Null{}, Span: NoSpan}, nil
	}
	if loc.Gen != ref.Gen {
		return Indirect{}, &Error{Code: CodeAmbiguous, Offset: loc.Offset, Object: ref,
			Msg: "the generation in force is another one"}
	}
	ind, err := r.doc.load(r, ref, loc)
	if err != nil {
		return Indirect{}, err
	}
	return Indirect{Ref: ref, Value: ind.value, Span: ind.span, Location: loc}, nil
}

func (d *Document) load(r *Revision, ref Ref, loc Location) (*indirect, error) {
	key := objectKey{loc.Offset, -1, -1}
	if loc.Kind == EntryInStream {
		key.index = int32(loc.Index)
	}
	byView := key
	byView.rev = int32(r.Index)
	for _, k := range []objectKey{key, byView} {
		if ind, ok := d.objects.get(k); ok && ind.ref == ref {
			return ind, nil
		}
	}
	if d.resolving >= maxResolving {
		return nil, &Error{Code: CodeLoop, Offset: loc.Offset, Object: ref, Msg: "stream lengths and object streams lead to each other too deeply"}
	}
	d.resolving++
	ind, cost, err := d.loadAt(r, ref, loc)
	d.resolving--
	if err != nil {
		return nil, inObject(err, ref)
	}
	if ind.byView {
		key = byView
	}
	d.objects.put(key, ind, cost)
	return ind, nil
}

// loadAt parses an object and returns a rough number of bytes it holds in memory.
func (d *Document) loadAt(r *Revision, ref Ref, loc Location) (*indirect, int64, error) {
	if loc.Kind == EntryInStream {
		e, _, _ := r.Entry(ref.Num)
		return d.loadFromStream(r, ref, Ref{Num: e.Container}, loc)
	}
	ind, err := d.objectAt(ref, loc.Offset, r)
	if err != nil {
		return nil, 0, err
	}
	cost := ind.span.Len()
	if st, ok := ind.value.(*Stream); ok {
		cost -= st.span.Len()
	}
	if d.crypt != nil && ref != d.encryptRef {
		if ind.value, err = d.crypt.decryptObject(ind.value, ref); err != nil {
			return nil, 0, err
		}
	}
	return ind, 4*cost + 200, nil
}

// cache keeps what was used lately, by two generations: when the young one is full
// it becomes the old one, and the old one is dropped.
type cache[K comparable, V any] struct {
	young, old map[K]cached[V]
	cost       int64
	limit      int64
}

type cached[V any] struct {
	v    V
	cost int64
}

func (c *cache[K, V]) get(k K) (V, bool) {
	e, ok := c.young[k]
	if !ok {
		if e, ok = c.old[k]; ok {
			delete(c.old, k)
			c.put(k, e.v, e.cost)
		}
	}
	return e.v, ok
}

func (c *cache[K, V]) put(k K, v V, cost int64) {
	if cost > c.limit/4 {
		return
	}
	if c.cost += cost; c.young == nil || c.cost > c.limit/2 {
		c.old, c.young, c.cost = c.young, make(map[K]cached[V]), cost
	}
	c.young[k] = cached[V]{v, cost}
}
