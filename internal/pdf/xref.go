package pdf

import (
	"cmp"
	"slices"
)

// XrefKind is the form of a cross-reference section (ISO 32000-2, 7.5.4 and 7.5.8).
type XrefKind uint8

// The forms of cross-reference sections.
const (
	XrefTable  XrefKind = iota + 1 // the keyword xref and a trailer
	XrefStream                     // a stream of /Type /XRef
	XrefHybrid                     // a table whose trailer names a stream with /XRefStm
)

// String returns "table", "stream" or "hybrid".
func (k XrefKind) String() string {
	return [...]string{"none", "table", "stream", "hybrid"}[min(k, 3)]
}

// EntryKind says what a cross-reference entry says about an object number.
type EntryKind uint8

// The kinds of cross-reference entries.
const (
	EntryFree     EntryKind = iota // the number is not in use
	EntryInFile                    // the object begins at Offset
	EntryInStream                  // the object is number Index of object stream Container
)

// Entry is one cross-reference entry.
type Entry struct {
	Offset    int64  // EntryInFile: byte offset of "N G obj"; EntryFree: next free object
	Num       uint32 // object number
	Container uint32 // EntryInStream: number of the object stream
	Index     uint32 // EntryInStream: position within it
	Gen       uint16 // generation; for EntryFree the one a reuse would get
	Kind      EntryKind
}

// Section is one cross-reference section as it stands in the file. A revision has
// one, a linearized first revision two.
type Section struct {
	Kind    XrefKind
	Offset  int64 // of the keyword xref, or of "N G obj" of the stream
	End     int64 // end of the trailer dictionary, or of endobj
	Trailer *Dict // the trailer, or the stream's dictionary
	Prev    int64 // /Prev, or -1
	XRefStm int64 // /XRefStm, or -1
	Stream  Ref   // object of the cross-reference stream (also that of /XRefStm), else zero

	startxref  int64 // value of the startxref that follows
	keywordAt  int64 // offset of that startxref
	markerEnd  int64 // end of %%EOF
	eolEnd     int64 // end of the end of line after it
	xrefStmEnd int64 // end of the stream /XRefStm leads to
	entries    []Entry
}

// readSection reads the section at off. Every entry counts against Limits.Entries.
func (d *Document) readSection(off int64) (*Section, error) {
	if off < 0 || off >= d.src.size {
		return nil, errAt(CodeStartxref, off, "cross-reference offset outside the file of %d bytes", d.src.size)
	}
	l := d.lexerAt(off)
	var s *Section
	var err error
	switch c := l.peek(); {
	case c == 'x':
		s, err = d.readTable(l)
	case isDigit(c):
		s, err = d.readXrefStream(off)
	default:
		if l.ioErr != nil {
			return nil, l.ioErr
		}
		return nil, errAt(CodeStartxref, off, "neither a cross-reference table nor a cross-reference stream begins here")
	}
	if err != nil {
		return nil, err
	}
	if byNum := func(a, b Entry) int { return cmp.Compare(a.Num, b.Num) }; !slices.IsSortedFunc(s.entries, byNum) {
		slices.SortFunc(s.entries, byNum)
	}
	for i := 1; i < len(s.entries); i++ {
		if s.entries[i].Num == s.entries[i-1].Num {
			return nil, errAt(CodeDuplicate, off, "object %d twice in one cross-reference section", s.entries[i].Num)
		}
	}
	if size := d.trailerSize; len(s.entries) > 0 && int64(s.entries[len(s.entries)-1].Num) >= size(s.Trailer) {
		return nil, errAt(CodeXref, off, "entry for object %d, but /Size is %d", s.entries[len(s.entries)-1].Num, size(s.Trailer))
	}
	return s, nil
}

func (d *Document) trailerSize(t *Dict) int64 {
	n, _ := t.Get("Size").(Integer)
	return int64(n)
}

// readTable reads "xref", subsections and the trailer (ISO 32000-2, 7.5.4, 7.5.5).
func (d *Document) readTable(l *lexer) (*Section, error) {
	s := &Section{Kind: XrefTable, Offset: l.off()}
	if err := l.keyword("xref"); err != nil {
		return nil, asCode(err, CodeXref)
	}
	for {
		l.skipSpace()
		if !isDigit(l.peek()) {
			break
		}
		if err := d.readSubsection(l, s); err != nil {
			return nil, err
		}
	}
	if err := l.keyword("trailer"); err != nil {
		return nil, asCode(err, CodeXref)
	}
	l.skipSpace()
	at := l.off()
	l.stop = at + d.lim.ObjectBytes
	o, err := l.object(0)
	if err != nil {
		return nil, err
	}
	l.stop = 0
	t, ok := o.(*Dict)
	if !ok {
		return nil, errAt(CodeTrailer, at, "the trailer is no dictionary")
	}
	s.Trailer, s.End = t, l.off()
	return s, d.readTrailerKeys(s)
}

func asCode(err error, code Code) error {
	if e, ok := err.(*Error); ok && e.Code == CodeSyntax {
		e.Code = code
	}
	return err
}

func (d *Document) readSubsection(l *lexer, s *Section) error {
	at := l.off()
	first, err := l.unsigned(CodeXref, "the first object number of a subsection")
	if err != nil {
		return err
	}
	if l.peek() != ' ' {
		return l.fail(CodeXref, l.off(), "expected one space in the subsection heading")
	}
	l.pos++
	count, err := l.unsigned(CodeXref, "the number of entries of a subsection")
	if err != nil {
		return err
	}
	if first > maxObjectNumber || count > maxObjectNumber+1-first {
		return errAt(CodeXref, at, "subsection %d %d reaches beyond object number %d", first, count, maxObjectNumber)
	}
	if err := d.countEntries(at, count); err != nil {
		return err
	}
	l.skipWhite()
	s.entries = slices.Grow(s.entries, int(min(count, 1024)))
	for i := range count {
		e, err := readTableEntry(l)
		if err != nil {
			return err
		}
		e.Num = uint32(first + i)
		if e.Num == 0 && e.Kind != EntryFree {
			return errAt(CodeXref, at, "object 0 must be free")
		}
		s.entries = append(s.entries, e)
	}
	return nil
}

// readTableEntry reads one entry of exactly 20 bytes: "nnnnnnnnnn ggggg n" and a
// two-byte end of line.
func readTableEntry(l *lexer) (Entry, error) {
	at := l.off()
	var b [20]byte
	if l.pos+20 <= len(l.buf) {
		copy(b[:], l.buf[l.pos:])
		l.pos += 20
	} else {
		for i := range b {
			c := l.peek()
			if c < 0 {
				return Entry{}, l.fail(CodeXref, at, "cross-reference entry cut short")
			}
			b[i] = byte(c)
			l.pos++
		}
	}
	eol := string(b[18:])
	if b[10] != ' ' || b[16] != ' ' || (eol != "\r\n" && eol != " \n" && eol != " \r") {
		return Entry{}, errAt(CodeXref, at, "cross-reference entry is not of the form \"nnnnnnnnnn ggggg n\" with a two-byte end of line")
	}
	var n, g int64
	for i, c := range b[:16] {
		if i == 10 {
			continue
		}
		if c < '0' || c > '9' {
			return Entry{}, errAt(CodeXref, at, "cross-reference entry with a character other than a digit")
		}
		if i < 10 {
			n = n*10 + int64(c-'0')
		} else {
			g = g*10 + int64(c-'0')
		}
	}
	if g > 65535 {
		return Entry{}, errAt(CodeXref, at, "generation %d out of range", g)
	}
	e := Entry{Offset: n, Gen: uint16(g)}
	switch b[17] {
	case 'n':
		e.Kind = EntryInFile
	case 'f':
	default:
		return Entry{}, errAt(CodeXref, at, "cross-reference entry neither n nor f")
	}
	return e, nil
}

func (d *Document) countEntries(at, n int64) error {
	if d.entryCount += n; d.entryCount > int64(d.lim.Entries) {
		return errAt(CodeLimit, at, "more than %d cross-reference entries", d.lim.Entries)
	}
	return nil
}

// readTrailerKeys checks and takes over /Size, /Prev and /XRefStm.
func (d *Document) readTrailerKeys(s *Section) error {
	at := s.Trailer.span.Start
	size, ok := s.Trailer.Get("Size").(Integer)
	if !ok || size < 0 || size > maxObjectNumber+1 {
		return errAt(CodeTrailer, at, "/Size missing, not a direct integer or out of range")
	}
	var err error
	if s.Prev, err = offsetKey(s.Trailer, "Prev"); err != nil {
		return err
	}
	s.XRefStm = -1
	if s.Kind == XrefTable {
		if s.XRefStm, err = offsetKey(s.Trailer, "XRefStm"); err != nil {
			return err
		}
		if s.XRefStm >= 0 {
			s.Kind = XrefHybrid
		}
	}
	return nil
}

func offsetKey(t *Dict, key Name) (int64, error) {
	switch v := t.Get(key).(type) {
	case nil:
		return -1, nil
	case Integer:
		if v >= 0 {
			return int64(v), nil
		}
	}
	return 0, errAt(CodeTrailer, t.SpanOf(key).Start, "/%s is no direct offset", key)
}

// readXrefStream reads a cross-reference stream (ISO 32000-2, 7.5.8).
func (d *Document) readXrefStream(off int64) (*Section, error) {
	ind, err := d.parseIndirect(off, nil)
	if err != nil {
		return nil, err
	}
	st, ok := ind.value.(*Stream)
	if !ok || st.Dict.Get("Type") != Name("XRef") {
		return nil, errAt(CodeXref, off, "expected a cross-reference stream, found another object")
	}
	s := &Section{Kind: XrefStream, Offset: off, End: ind.span.End, Trailer: st.Dict, Stream: ind.ref}
	if err := d.readTrailerKeys(s); err != nil {
		return nil, err
	}
	w, width, err := streamWidths(st.Dict)
	if err != nil {
		return nil, err
	}
	index, total, err := d.streamIndex(st.Dict, off)
	if err != nil {
		return nil, err
	}
	st.plain = true // never encrypted (ISO 32000-2, 7.6.2)
	data, err := d.inflate(st, min(d.lim.StreamBytes, total*width+1))
	if err != nil {
		return nil, inObject(err, ind.ref)
	}
	if int64(len(data)) != total*width {
		return nil, errAt(CodeXref, off, "cross-reference stream does not hold the %d bytes /W and /Index announce", total*width)
	}
	s.entries = make([]Entry, 0, total)
	for i := 0; i < len(index); i += 2 {
		for n := range index[i+1] {
			e, err := streamEntry(data[:width], w, off)
			if err != nil {
				return nil, err
			}
			data = data[width:]
			e.Num = uint32(index[i] + n)
			if e.Num == 0 && e.Kind != EntryFree {
				return nil, errAt(CodeXref, off, "object 0 must be free")
			}
			s.entries = append(s.entries, e)
		}
	}
	return s, nil
}

// streamWidths reads /W and adds it up.
func streamWidths(t *Dict) (w []int64, sum int64, err error) {
	if w, err = intArray(t, "W", 3, 3); err != nil {
		return nil, 0, err
	}
	for _, n := range w {
		if n > 8 {
			return nil, 0, errAt(CodeXref, t.SpanOf("W").Start, "field of %d bytes", n)
		}
		sum += n
	}
	if w[1] == 0 {
		return nil, 0, errAt(CodeXref, t.SpanOf("W").Start, "second field of no width")
	}
	return w, sum, nil
}

// streamIndex reads /Index, pairs of first number and count, and adds the counts up.
func (d *Document) streamIndex(t *Dict, off int64) (index []int64, total int64, err error) {
	index = []int64{0, d.trailerSize(t)}
	at := t.SpanOf("Index").Start
	if t.Has("Index") {
		if index, err = intArray(t, "Index", 2, 2*d.lim.Entries); err != nil {
			return nil, 0, err
		}
		if len(index)%2 != 0 {
			return nil, 0, errAt(CodeXref, at, "/Index of odd length")
		}
	}
	for i := 0; i < len(index); i += 2 {
		if index[i] > maxObjectNumber || index[i+1] > maxObjectNumber+1-index[i] {
			return nil, 0, errAt(CodeXref, at, "/Index reaches beyond object number %d", maxObjectNumber)
		}
		if err := d.countEntries(off, index[i+1]); err != nil {
			return nil, 0, err
		}
		total += index[i+1]
	}
	return index, total, nil
}

func streamEntry(b []byte, w []int64, at int64) (Entry, error) {
	var f [3]uint64
	f[0] = 1 // the default when the field has no width
	for i, n := range w {
		if n > 0 {
			f[i] = 0
		}
		for _, c := range b[:n] {
			f[i] = f[i]<<8 | uint64(c)
		}
		b = b[n:]
	}
	if f[1] > 1<<62 {
		return Entry{}, errAt(CodeXref, at, "cross-reference stream entry out of range")
	}
	switch f[0] {
	case 0, 1:
		if f[2] > 65535 {
			return Entry{}, errAt(CodeXref, at, "generation %d out of range", f[2])
		}
		return Entry{Kind: EntryKind(f[0]), Offset: int64(f[1]), Gen: uint16(f[2])}, nil
	case 2:
		if f[1] == 0 || f[1] > maxObjectNumber || f[2] > maxObjectNumber {
			return Entry{}, errAt(CodeXref, at, "object stream %d, index %d out of range", f[1], f[2])
		}
		return Entry{Kind: EntryInStream, Container: uint32(f[1]), Index: uint32(f[2])}, nil
	}
	return Entry{}, errAt(CodeXref, at, "cross-reference stream entry of unknown type %d", f[0])
}

// intArray returns a direct array of minLen to maxLen non-negative integers.
func intArray(t *Dict, key Name, minLen, maxLen int) ([]int64, error) {
	a, ok := t.Get(key).(*Array)
	if !ok || a.Len() < minLen || a.Len() > maxLen {
		return nil, errAt(CodeXref, t.SpanOf(key).Start, "/%s is no direct array of a permitted length", key)
	}
	out := make([]int64, a.Len())
	for i, o := range a.All() {
		n, ok := o.(Integer)
		if !ok || n < 0 {
			return nil, errAt(CodeXref, t.SpanOf(key).Start, "/%s holds something else than a non-negative integer", key)
		}
		out[i] = int64(n)
	}
	return out, nil
}
