package pdf

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// onlyReaderAt hides what else a reader can do.
type onlyReaderAt struct{ io.ReaderAt }

func prepared(t *testing.T, base io.ReaderAt, size int64) (*Tail, Span, Span) {
	t.Helper()
	d, err := Open(base, size, Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := d.NewUpdate()
	if err != nil {
		t.Fatal(err)
	}
	hex, text := NewHexHole(4), NewTextHole(10)
	u.Add(NewDict(Name("A"), hex, Name("B"), text))
	if hex.Span().Valid() {
		t.Error("a hole has a place before it is written")
	}
	tail, err := u.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Prepare(); !errors.Is(err, CodeUpdate) {
		t.Errorf("Prepare twice: %v", err)
	}
	return tail, hex.Span(), text.Span()
}

func TestTailTwoPhases(t *testing.T) {
	file := append(sample(t, kinds[0], 300), "  "...) // several copy buffers, no final end of line
	tail, hex, text := prepared(t, onlyReaderAt{bytes.NewReader(file)}, int64(len(file)))
	if tail.Bytes[0] != '\n' {
		t.Errorf("update begins with %q after a file without end of line", tail.Bytes[:2])
	}
	// In another process: only numbers and bytes are left.
	again := ResumeTail(bytes.NewReader(file), tail.BaseSize, bytes.Clone(tail.Bytes))
	for _, x := range []*Tail{tail, again} {
		if err := x.FillHex(hex, []byte{1, 2, 0xff}); err != nil {
			t.Fatal(err)
		}
		if err := x.FillText(text, "[1 2]"); err != nil {
			t.Fatal(err)
		}
	}
	var a, b bytes.Buffer
	n, err := tail.WriteTo(&a)
	if err != nil || n != tail.Size() {
		t.Fatal(n, err)
	}
	if _, err := again.WriteTo(&b); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("the resumed update differs: %v", err)
	}
	c, err := io.ReadAll(io.NewSectionReader(tail.ReaderAt(), 0, tail.Size()))
	if err != nil || !bytes.Equal(a.Bytes(), c) {
		t.Errorf("ReaderAt differs: %v", err)
	}
	if got := a.Bytes()[hex.Start:hex.End]; string(got) != "<0102ff00>" {
		t.Errorf("hole holds %q", got)
	}
	if got := a.Bytes()[text.Start:text.End]; string(got) != "[1 2]     " {
		t.Errorf("hole holds %q", got)
	}
	if !bytes.HasPrefix(a.Bytes(), file) {
		t.Error("input changed")
	}
}

func TestTailRefuses(t *testing.T) {
	file := sample(t, kinds[0], 1)
	tail, hex, text := prepared(t, bytes.NewReader(file), int64(len(file)))
	before := bytes.Clone(tail.Bytes)
	for name, err := range map[string]error{
		"hex too long":        tail.FillHex(hex, make([]byte, 5)),
		"text too long":       tail.FillText(text, "[1 2 3 4 5 6]"),
		"hex into text":       tail.FillHex(text, []byte{1}),
		"hole in the input":   tail.FillHex(Span{0, 10}, nil),
		"hole after the end":  tail.FillText(Span{tail.Size(), tail.Size() + 2}, "x"),
		"hole never prepared": tail.FillHex(NewHexHole(2).Span(), nil),
		"gap in the input":    tail.CopyExcept(io.Discard, Span{0, 10}),
	} {
		if !errors.Is(err, CodeUpdate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(before, tail.Bytes) {
		t.Error("a refused filling changed the update")
	}
	short := ResumeTail(onlyReaderAt{bytes.NewReader(file[:10])}, int64(len(file)), tail.Bytes)
	if err := short.CopyBase(io.Discard); !errors.Is(err, CodeIO) {
		t.Errorf("input cut short: %v", err)
	}
	if _, err := tail.WriteTo(failingWriter{}); !errors.Is(err, CodeIO) {
		t.Errorf("writer fails: %v", err)
	}
	short.base = onlyReaderAt{bytes.NewReader(file)}
	if err := short.CopyBase(failingWriter{}); !errors.Is(err, CodeIO) {
		t.Errorf("writer fails: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestUpdateRefuses(t *testing.T) {
	file := newAsm().doc().obj(4, "(x)").table("").entry(4, "0000000000 00001 f \n").table("").Bytes()
	fresh := func() *Update {
		u, err := mustOpen(t, file).NewUpdate()
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, ref := range map[string]Ref{"free object": {4, 0}, "unknown object": {77, 0}, "other generation": {3, 1}, "object 0": {}} {
		if err := fresh().Set(ref, Null{}); !errors.Is(err, CodeUpdate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	loop := NewArray()
	loop.Append(loop)
	hole := NewHexHole(1)
	for name, o := range map[string]Object{
		"direct stream":         NewArray(NewStream(nil, nil)),
		"reference to object 0": Ref{},
		"array in itself":       loop,
		"one hole twice":        NewArray(hole, hole),
		"name with zero":        Name("a\x00"),
		"no number":             Real(inf()),
		"nil array":             (*Array)(nil),
		"nil dictionary":        NewArray((*Dict)(nil)),
	} {
		u := fresh()
		u.Add(o)
		if _, err := u.Prepare(); !errors.Is(err, CodeUpdate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	u := fresh()
	u.Alloc()
	if _, err := u.Prepare(); !errors.Is(err, CodeUpdate) {
		t.Errorf("number never set: %v", err)
	}
	if _, err := fresh().Edit(u.Alloc()); err == nil {
		t.Error("edited an object of another update")
	}
}

func inf() float64 { x := 1e308; return x * 10 }

func TestUpdateChangesID(t *testing.T) {
	file := sample(t, kinds[0], 1)
	ids := func(content string) (string, string) {
		u, err := mustOpen(t, file).NewUpdate()
		if err != nil {
			t.Fatal(err)
		}
		u.Add(EncodeText(content))
		id := mustOpen(t, finish(t, u)).Latest().Trailer.Get("ID").(*Array)
		return string(id.At(0).(String).Value), string(id.At(1).(String).Value)
	}
	a0, a1 := ids("a")
	b0, b1 := ids("b")
	c0, c1 := ids("a")
	if a0 != "0123456789abcdef" || a0 != b0 || a0 != c0 || a1 == b1 || a1 != c1 || a1 == a0 {
		t.Errorf("identifiers %q %q, %q %q, %q %q", a0, a1, b0, b1, c0, c1)
	}
}
