package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// qpdf rewrites a file with the tool of that name.
func qpdf(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Skip("qpdf is not installed")
	}
	dir := t.TempDir()
	from, to := filepath.Join(dir, "in.pdf"), filepath.Join(dir, "out.pdf")
	if err := os.WriteFile(from, in, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qpdf", append(args, from, to)...).CombinedOutput(); err != nil {
		t.Fatalf("qpdf %v: %v\n%s", args, err, out)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRevisionsSeeTheirOwnTime(t *testing.T) {
	a := newAsm().doc().obj(4, "(one)").obj(5, "(five)").table("")
	first := a.Len()
	a.obj(4, "(two)").obj(6, "(new)").table("")
	second := a.Len()
	a.entry(5, "0000000000 00001 f \n").table("")
	d := mustOpen(t, a.Bytes())
	revs := d.Revisions()
	if len(revs) != 3 || revs[0].End != int64(first) || revs[1].Start != int64(first) || revs[1].End != int64(second) || revs[2].MarkerEnd != int64(a.Len()-1) {
		t.Fatalf("%d revisions, ends %d %d", len(revs), revs[0].End, revs[1].End)
	}
	for i, want := range [][]string{{"one", "five", ""}, {"two", "five", "new"}, {"two", "", "new"}} {
		for j, w := range want {
			o, err := revs[i].Get(Ref{Num: uint32(4 + j)})
			if err != nil {
				t.Fatal(err)
			}
			s, ok := o.(String)
			if ok != (w != "") || string(s.Value) != w {
				t.Errorf("revision %d object %d is %v, want %q", i, 4+j, o, w)
			}
		}
		n := 0
		for range revs[i].Objects() {
			n++
		}
		if want := []int{5, 6, 5}[i]; n != want {
			t.Errorf("revision %d has %d objects, want %d", i, n, want)
		}
	}
	if e, by, ok := revs[2].Entry(4); !ok || by != revs[1] || e.Kind != EntryInFile {
		t.Errorf("entry %v of %v", e, by)
	}
	if got := d.RevisionAt(int64(first)); got != revs[1] {
		t.Error("wrong revision for an offset")
	}
	if err := everything(a.Bytes(), Options{}); err != nil {
		t.Error(err)
	}
}

func TestLinearized(t *testing.T) {
	for _, mode := range []string{"disable", "generate"} {
		t.Run(mode, func(t *testing.T) {
			file := qpdf(t, sample(t, kinds[0], 4), "--linearize", "--object-streams="+mode)
			for round := range 2 {
				if err := everything(file, Options{}); err != nil {
					t.Fatal(err)
				}
				d := mustOpen(t, file)
				revs := d.Revisions()
				if len(revs) != round+1 || !revs[0].Linearized || len(revs[0].Sections) != 2 || d.Latest().End != int64(len(file)) {
					t.Fatalf("%d revisions: %+v", len(revs), revs[0])
				}
				if un, err := d.Latest().Unreached(Span{0, d.Size()}); err != nil || len(un) > 0 {
					t.Errorf("unreached: %v, %v", un, err)
				}
				if n, err := d.Latest().PageCount(); n != 4 || err != nil {
					t.Fatal(n, err)
				}
				u, err := d.NewUpdate()
				if err != nil {
					t.Fatal(err)
				}
				addSignature(t, u, "S", 10)
				file = finish(t, u)
			}
			if d := mustOpen(t, file); d.Latest().Kind != d.Revisions()[0].Kind {
				t.Error("the kind of cross-reference changed")
			}
		})
	}
}

func TestLinearizedForged(t *testing.T) {
	file := qpdf(t, sample(t, kinds[0], 1), "--linearize", "--object-streams=disable")
	d := mustOpen(t, file)
	l := d.Revisions()[0]
	// Bytes between the end of the linearized part and a main section moved behind them.
	main := l.Sections[1]
	tests := map[string]struct {
		file []byte
		code Code
	}{
		"not linearized": {replaced(file, "/Linearized", "/Linearizes"[:11]), CodeXrefChain},
		"other length":   {replaced(file, fmt.Sprintf("/L %d", len(file)), fmt.Sprintf("/L %d", len(file)-9)), CodeXrefChain},
		"other start":    {replaced(file, fmt.Sprintf("startxref\n%d\n", l.Startxref), fmt.Sprintf("startxref\n%d\n", main.Offset)), CodeTrailer},
	}
	for name, tt := range tests {
		_, err := Open(bytes.NewReader(tt.file), int64(len(tt.file)), Options{})
		if !errors.Is(err, tt.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hybrid writes a hybrid-reference file: object 4 is hidden in object stream 5, which
// only the cross-reference stream 6 shows.
func hybrid() *asm {
	a := newAsm().doc()
	a.stream(5, "/Type/ObjStm/N 1/First 4", "4 0 (hidden)")
	stm := a.at[5]
	delete(a.at, 5)
	at := a.Len()
	rec := func(kind byte, f2, f3 int) string {
		return string([]byte{kind, byte(f2 >> 8), byte(f2), byte(f3)})
	}
	a.stream(6, "/Type/XRef/Size 7/W[1 2 1]/Index[4 3]", rec(2, 5, 0)+rec(1, stm, 0)+rec(1, at, 0))
	delete(a.at, 6)
	a.entry(4, "0000000000 00000 f \n").entry(5, "0000000000 00000 f \n").entry(6, "0000000000 00000 f \n")
	return a.sized(7).table(fmt.Sprintf("/XRefStm %d", at))
}

func TestHybrid(t *testing.T) {
	file := hybrid().Bytes()
	if err := everything(file, Options{}); err != nil {
		t.Fatal(err)
	}
	d := mustOpen(t, file)
	if !d.Hybrid() || d.Latest().Kind != XrefHybrid || len(d.Revisions()) != 1 {
		t.Fatal("not seen as hybrid")
	}
	external(t, file)
	u, err := d.NewUpdate()
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Set(Ref{Num: 4}, String{Value: []byte("seen")}); err != nil {
		t.Fatal(err)
	}
	added := u.Add(Name("new"))
	out := finish(t, u)
	external(t, out)
	if err := everything(out, Options{}); err != nil {
		t.Fatal(err)
	}
	d = mustOpen(t, out)
	for i, want := range []string{"hidden", "seen"} {
		o, err := d.Revisions()[i].Get(Ref{Num: 4})
		if s, ok := o.(String); err != nil || !ok || string(s.Value) != want {
			t.Errorf("revision %d: %v, %v", i, o, err)
		}
	}
	if added.Num != 7 || d.Latest().Kind != XrefTable || d.Latest().Trailer.Has("XRefStm") {
		t.Errorf("new object %v, kind %v, trailer %v", added, d.Latest().Kind, d.Latest().Trailer)
	}
}

func TestHybridRepeated(t *testing.T) {
	stm := bytes.Index(hybrid().Bytes(), []byte("6 0 obj"))
	// A writer that copies the trailer names the old stream again: harmless at first,
	a := hybrid().obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 8 8]>>").table(fmt.Sprintf("/XRefStm %d", stm))
	if err := everything(a.Bytes(), Options{}); err != nil {
		t.Error(err)
	}
	// but after the hidden object was replaced it would come back.
	a = hybrid().obj(4, "(replaced)").table("").obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 8 8]>>").table(fmt.Sprintf("/XRefStm %d", stm))
	wantCode(t, a.Bytes(), CodeAmbiguous)
	// Table and stream of one section disagree.
	a = hybrid()
	b := replaced(a.Bytes(), "4 1\n0000000000 00000 f", "4 1\n0000000015 00000 n")
	wantCode(t, b, CodeAmbiguous)
}

// Object streams replaced under their objects.
func TestObjectStreamReplaced(t *testing.T) {
	b := sample(t, kinds[1], 1)
	d := mustOpen(t, b)
	var container uint32
	for e := range d.Latest().Entries() {
		if e.Kind == EntryInStream {
			container = e.Container
		}
	}
	u, err := d.NewUpdate()
	if err != nil {
		t.Fatal(err)
	}
	o, err := d.Latest().Get(Ref{Num: container})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Set(Ref{Num: container}, o); err != nil {
		t.Fatal(err)
	}
	wantCode(t, finish(t, u), CodeAmbiguous)
}

func TestChainRefused(t *testing.T) {
	two := func() *asm { return newAsm().doc().table("").obj(4, "1").table("") }
	b := two().Bytes()
	first := bytes.Index(b, []byte("xref\n0 1"))
	loop := replaced(b, "/Root 1 0 R/Size 4", "/Size 4/Prev 999/Root 1 0 R")
	second := bytes.Index(loop, []byte("xref\n4 1"))
	loop = replaced(loop, "/Prev 999", fmt.Sprintf("/Prev %d", second))
	loop = replaced(loop, fmt.Sprintf("startxref\n%d\n%%%%EOF\n", bytes.Index(b, []byte("xref\n4 1"))), fmt.Sprintf("startxref\n%d\n%%%%EOF\n", second))
	wantCode(t, loop, CodeXrefChain)
	// The newest section put before the end of the revision it follows.
	inner := newAsm().doc().table("")
	at := inner.Len()
	c := replaced(inner.Bytes(), "%%EOF\n", "")
	c = append(c, []byte(fmt.Sprintf("xref\n0 0\ntrailer\n<</Root 1 0 R/Size 4/Prev %d>>\nstartxref\n%d\n%%%%EOF\n", inner.prev, at-6))...)
	wantCode(t, c, CodeEOF)
	// startxref between two revisions names another section.
	wantCode(t, replaced(b, fmt.Sprintf("startxref\n%d", first), fmt.Sprintf("startxref\n%d", first-1)), CodeStartxref)
	// An entry of the first revision leads into the second.
	fwd := two()
	f := replaced(fwd.Bytes(), "3 1\n", "3 1\n")
	off := bytes.Index(f, []byte("4 0 obj"))
	g := replaced(f, fmt.Sprintf("3 1\n%010d", bytes.Index(f, []byte("3 0 obj"))), fmt.Sprintf("3 1\n%010d", off))
	wantCode(t, g, CodeXrefEntry)
}
