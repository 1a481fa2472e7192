package pdf

import "fmt"

// objStream is a decoded object stream (ISO 32000-2, 7.5.7).
type objStream struct {
	ref   Ref
	data  []byte
	first int
	nums  []uint32
	offs  []int
}

func (d *Document) loadFromStream(r *Revision, ref, container Ref, loc Location) (*indirect, int64, error) {
	s, err := d.objStreamAt(r, container, loc.Offset)
	if err != nil {
		return nil, 0, err
	}
	i := int(loc.Index)
	if i >= len(s.nums) || s.nums[i] != ref.Num {
		return nil, 0, &Error{Code: CodeXrefEntry, Offset: loc.Offset, Object: ref,
			Msg: fmt.Sprintf("position %d of the object stream holds another object or none", i)}
	}
	o, n, err := s.parse(i, &d.lim)
	if err != nil {
		return nil, 0, withoutOffset(err, "object stream "+container.String())
	}
	return &indirect{ref: ref, value: o, span: NoSpan}, 4*int64(n) + 200, nil
}

// objStreamAt returns the object stream container, which lies at off as of r.
func (d *Document) objStreamAt(r *Revision, container Ref, off int64) (*objStream, error) {
	key := objectKey{off, -1, -1}
	byView := objectKey{off, -1, int32(r.Index)}
	for _, k := range []objectKey{key, byView} {
		if d.lastStream != nil && d.lastKey == k && d.lastStream.ref == container {
			return d.lastStream, nil
		}
		if s, ok := d.objStreams.get(k); ok && s.ref == container {
			return s, nil
		}
	}
	ind, err := d.load(r, container, Location{Kind: EntryInFile, Offset: off})
	if err != nil {
		return nil, err
	}
	st, ok := ind.value.(*Stream)
	if !ok || st.Dict.Get("Type") != Name("ObjStm") {
		return nil, &Error{Code: CodeObjStm, Offset: off, Object: container, Msg: "expected an object stream, found another object"}
	}
	s, err := d.readObjStream(r, st)
	if err != nil {
		return nil, inObject(err, container)
	}
	if ind.byView {
		key = byView
	}
	d.lastStream, d.lastKey = s, key
	d.objStreams.put(key, s, int64(len(s.data)+12*len(s.nums)))
	return s, nil
}

func (d *Document) readObjStream(r *Revision, st *Stream) (*objStream, error) {
	at := st.Dict.span.Start
	n, err := r.IntAt(st.Dict, "N")
	if err != nil {
		return nil, err
	}
	first, err := r.IntAt(st.Dict, "First")
	if err != nil {
		return nil, err
	}
	if n < 0 || first < 0 || n > int64(d.lim.Entries) {
		return nil, errAt(CodeObjStm, at, "/N or /First out of range")
	}
	data, err := d.inflate(st, d.lim.ObjectBytes)
	if err != nil {
		return nil, err
	}
	if first > int64(len(data)) || n > int64(len(data)) {
		return nil, errAt(CodeObjStm, at, "/N or /First larger than the %d decoded bytes", len(data))
	}
	s := &objStream{ref: st.ref, data: data, first: int(first), nums: make([]uint32, n), offs: make([]int, n)}
	l := memoryLexer(data[:first], &d.lim)
	seen := make(map[uint32]bool, n)
	for i := range s.nums {
		l.skipSpace()
		num, err := l.unsigned(CodeObjStm, "an object number in the object stream")
		if err != nil {
			return nil, withoutOffset(err, "object stream")
		}
		l.skipSpace()
		off, err := l.unsigned(CodeObjStm, "an offset in the object stream")
		if err != nil {
			return nil, withoutOffset(err, "object stream")
		}
		if num == 0 || num > maxObjectNumber || off > int64(len(data))-first || i > 0 && int(off) <= s.offs[i-1] {
			return nil, errAt(CodeObjStm, at, "object stream header: object number or offset of position %d out of range or order", i)
		}
		if seen[uint32(num)] {
			return nil, errAt(CodeDuplicate, at, "object %d twice in one object stream", num)
		}
		seen[uint32(num)] = true
		s.nums[i], s.offs[i] = uint32(num), int(off)
	}
	return s, nil
}

// parse parses the object at position i, which must end where the next one begins,
// and returns the number of its bytes.
func (s *objStream) parse(i int, lim *Limits) (Object, int, error) {
	from, to := s.first+s.offs[i], len(s.data)
	if i+1 < len(s.offs) {
		to = s.first + s.offs[i+1]
	}
	l := memoryLexer(s.data[from:to], lim)
	l.base = int64(from)
	l.skipSpace()
	o, err := l.object(0)
	if err != nil {
		return nil, 0, err
	}
	l.skipSpace()
	if l.peek() >= 0 {
		return nil, 0, errAt(CodeObjStm, l.off(), "expected the end of object %d", s.nums[i])
	}
	if _, ok := o.(Ref); ok {
		return nil, 0, errAt(CodeObjStm, int64(from), "object %d in an object stream is a bare reference", s.nums[i])
	}
	return o, to - from, nil
}
