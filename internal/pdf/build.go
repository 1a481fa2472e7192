package pdf

import "io"

// Builder writes a small document from scratch: one revision, everything in memory.
// It serves tests and generated pages; it does not rewrite existing files.
type Builder struct {
	// Version is that of the header; empty means "1.7".
	Version string
	// Streams writes a cross-reference stream, and objects that are no streams into
	// object streams; false writes a cross-reference table.
	Streams bool

	trailer *Dict
	objects []Object // number i+1
}

// Trailer returns the trailer for editing; the caller must set /Root.
func (b *Builder) Trailer() *Dict {
	if b.trailer == nil {
		b.trailer = NewDict()
	}
	return b.trailer
}

// Alloc reserves the next object number.
func (b *Builder) Alloc() Ref {
	b.objects = append(b.objects, nil)
	return Ref{Num: uint32(len(b.objects))}
}

// Add makes a new indirect object.
func (b *Builder) Add(o Object) Ref {
	b.objects = append(b.objects, o)
	return Ref{Num: uint32(len(b.objects))}
}

// Set gives a number of Alloc its object.
func (b *Builder) Set(ref Ref, o Object) { b.objects[ref.Num-1] = o }

// perObjectStream keeps object streams short enough that reading one object decodes little.
const perObjectStream = 100

// WriteTo writes the document.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	e := newEncoder(0, nil)
	v := b.Version
	if v == "" {
		v = "1.7"
	}
	e.text("%PDF-" + v + "\n%\xe2\xe3\xcf\xd3\n")
	entries := make([]Entry, len(b.objects)+1)
	entries[0] = Entry{Gen: 65535}
	var packed []uint32
	for i, o := range b.objects {
		num := uint32(i + 1)
		if o == nil {
			return 0, &Error{Code: CodeUpdate, Offset: -1, Object: Ref{Num: num}, Msg: "number allocated but never set"}
		}
		_, isStream := o.(*Stream)
		_, isRef := o.(Ref)
		if b.Streams && !isStream && !isRef && !isSignatureObject(o) {
			packed = append(packed, num)
			continue
		}
		entries[num] = Entry{Kind: EntryInFile, Num: num, Offset: e.off()}
		if err := e.indirect(Ref{Num: num}, o); err != nil {
			return 0, err
		}
	}
	for len(packed) > 0 {
		some := packed[:min(len(packed), perObjectStream)]
		packed = packed[len(some):]
		container := uint32(len(entries))
		st, err := b.pack(some)
		if err != nil {
			return 0, err
		}
		for i, num := range some {
			entries[num] = Entry{Kind: EntryInStream, Num: num, Container: container, Index: uint32(i)}
		}
		entries = append(entries, Entry{Kind: EntryInFile, Num: container, Offset: e.off()})
		if err := e.indirect(Ref{Num: container}, st); err != nil {
			return 0, err
		}
	}
	x := &xrefWriter{encoder: e, trailer: b.Trailer(), entries: entries, size: uint32(len(entries)), prev: -1}
	if err := x.write(b.Streams); err != nil {
		return 0, err
	}
	n, err := w.Write(e.buf)
	if err != nil {
		err = &Error{Code: CodeIO, Offset: int64(n), Msg: "writing failed", Err: err}
	}
	return int64(n), err
}

func isSignatureObject(o Object) bool {
	d, ok := o.(*Dict)
	return ok && isSignature(d)
}

// pack puts objects into an object stream.
func (b *Builder) pack(nums []uint32) (*Stream, error) {
	head, body := newEncoder(0, nil), newEncoder(0, nil)
	for _, num := range nums {
		head.int(int64(num))
		head.text(" ")
		head.int(body.off())
		head.text(" ")
		body.ref = Ref{Num: num}
		if err := body.object(b.objects[num-1]); err != nil {
			return nil, err
		}
		body.text("\n")
	}
	d := NewDict(Name("Type"), Name("ObjStm"), Name("N"), Integer(len(nums)), Name("First"), Integer(len(head.buf)),
		Name("Filter"), Name("FlateDecode"))
	return NewStream(d, Deflate(append(head.buf, body.buf...))), nil
}
