package pdf

import (
	"bytes"
	"io"
	"testing"
	"time"
)

func fuzzSeeds(f *testing.F) {
	for _, k := range kinds {
		f.Add(sample(f, k, 2))
	}
	f.Add(hybrid().Bytes())
	f.Add(newAsm().doc().table("").Bytes())
	f.Add(objStmFile("/N 1/First 4", "4 0 (x)"))
	f.Add(form("[5 0 R]").obj(5, "<</T(a)/FT/Sig/V 6 0 R/Kids[7 0 R]>>").obj(6, "<</Type/Sig/ByteRange[0 1 2 3]/Contents<00>>>").
		obj(7, "<</Subtype/Widget/Parent 5 0 R>>").table("").obj(6, "null").table("").Bytes())
	f.Add(deepPages(70))
	f.Add(unclosed(20))
}

// FuzzReader wants a typed answer to any bytes, soon.
func FuzzReader(f *testing.F) {
	fuzzSeeds(f)
	lim := Limits{Entries: 1 << 14, StreamBytes: 1 << 20, InflateBytes: 8 << 20, ObjectBytes: 1 << 20, TreeNodes: 1 << 12}
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Now()
		err := everything(b, Options{Limits: lim})
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("error of type %T: %v", err, err)
			}
		}
		s := NewContentScanner(bytes.NewReader(b), lim)
		for {
			if _, err := s.Next(); err != nil {
				if _, ok := err.(*Error); !ok && err != io.EOF {
					t.Fatalf("error of type %T: %v", err, err)
				}
				break
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}

// FuzzUpdate puts an update on whatever is accepted: the result must be accepted
// too, hold the input unchanged and differ in what was set only.
func FuzzUpdate(f *testing.F) {
	fuzzSeeds(f)
	lim := Limits{Entries: 1 << 14, StreamBytes: 1 << 20, InflateBytes: 8 << 20, ObjectBytes: 1 << 20, TreeNodes: 1 << 12}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Open(bytes.NewReader(b), int64(len(b)), Options{Limits: lim})
		if err != nil || d.Check() != nil {
			return
		}
		u, err := d.NewUpdate()
		if err != nil {
			return
		}
		root, err := u.CatalogRef()
		if err != nil {
			t.Fatal(err)
		}
		cat, err := u.Edit(root)
		if err != nil {
			return // a catalog that is no dictionary
		}
		hole := NewHexHole(4)
		ref := u.Add(NewDict(Name("Contents"), hole))
		cat.Set("Fuzz", ref)
		out, err := writeUpdate(u)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(out, b) {
			t.Fatal("input changed")
		}
		d2, err := Open(bytes.NewReader(out), int64(len(out)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d2.Check(); err != nil {
			t.Fatal(err)
		}
		if n, m := len(d.Revisions()), len(d2.Revisions()); m != n+1 {
			t.Fatalf("%d revisions after %d", m, n)
		}
		sameObjects(t, d.Latest(), d2.Latest(), map[uint32]bool{root.Num: true})
		o, err := d2.Latest().Get(ref)
		if err != nil {
			t.Fatal(err)
		}
		if s := o.(*Dict).SpanOf("Contents"); s != hole.Span() || string(out[s.Start:s.End]) != "<00000000>" {
			t.Fatalf("contents at %v, the writer says %v", s, hole.Span())
		}
	})
}
