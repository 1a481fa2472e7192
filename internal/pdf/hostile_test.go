package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Each file tries to cost more than it weighs. Whatever the answer, it comes soon
// and within memory. (The time leaves room for the race detector: without it none takes half a second.)
func TestHostileFilesAreBounded(t *testing.T) {
	zeros := func(n int) string { return string(Deflate(make([]byte, n))) }
	xrefStream := func(dict, data string) []byte {
		a := newAsm().doc()
		at := a.Len()
		a.stream(4, "/Type/XRef/Root 1 0 R"+dict, data)
		fmt.Fprintf(a, "startxref\n%d\n%%%%EOF\n", at)
		return a.Bytes()
	}
	chain := func(n int) []byte {
		a := newAsm().doc().table("")
		for range n {
			a.table("")
		}
		return a.Bytes()
	}
	tests := []struct {
		name string
		file []byte
		code Code
	}{
		{"subsection of 4 billion", replaced(newAsm().doc().table("").Bytes(), "xref\n0 1\n", "xref\n0 4294967295\n"), CodeXref},
		{"subsection of 8 million", replaced(newAsm().doc().table("").Bytes(), "xref\n0 1\n", "xref\n0 8000000\n"), CodeLimit},
		{"xref stream bomb", xrefStream("/Size 8388608/W[1 8 8]/Filter/FlateDecode", zeros(40<<20)), CodeLimit},
		{"xref stream of nothing", xrefStream("/Size 8388608/W[0 0 0]", ""), CodeXref},
		{"xref stream of wide fields", xrefStream("/Size 1/W[1 1000000000 1]", ""), CodeXref},
		{"xref stream decodes to more", xrefStream("/Size 4/W[1 1 1]/Filter/FlateDecode", zeros(60<<20)), CodeLimit},
		{"xref stream index overlaps", xrefStream("/Size 4/W[1 1 1]/Index[0 2 1 2]", strings.Repeat("\x00", 12)), CodeDuplicate},
		{"2000 revisions", chain(2000), CodeLimit},
		{"object stream bomb", objStmFile("/N 1/First 4/Filter/FlateDecode", zeros(100<<20)), CodeLimit},
		{"object stream of many objects", objStmFile("/N 2000000/First 4", "4 0 1"), CodeObjStm},
		{"object stream in itself", objStmFile("/N 1/First 4/Extends 5 0 R", "5 0 1"), CodeXrefEntry},
		{"array of a million", newAsm().doc().obj(4, "["+strings.Repeat("1 ", 1<<20)+"]").table("").Bytes(), CodeLimit},
		{"brackets", newAsm().doc().obj(4, strings.Repeat("[", 1<<20)).table("").Bytes(), CodeLimit},
		{"object of 20 MB", newAsm().doc().obj(4, "("+strings.Repeat("a", 20<<20)+")").table("").Bytes(), CodeLimit},
		{"comment of 20 MB", newAsm().doc().obj(4, "%"+strings.Repeat("a", 20<<20)+"\n1").table("").Bytes(), CodeLimit},
		{"page tree of depth 1000", deepPages(1000), CodeLimit},
		{"fields of depth 1000", deepFields(1000), CodeLimit},
		{"unclosed strings in unreached bytes", unclosed(20000), ""},
		{"lengths of lengths", lengthChain(100), CodeLoop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := everything(tt.file, Options{})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if tt.code != "" && !errors.Is(err, tt.code) || tt.code == "" && err != nil {
				t.Errorf("got %v, want %v", err, tt.code)
			}
			mb := (after.TotalAlloc - before.TotalAlloc) >> 20
			if took > 10*time.Second || mb > 400 {
				t.Errorf("took %v and allocated %d MiB in all", took, mb)
			}
			t.Logf("%d KB: %v, %d MiB allocated in all: %v", len(tt.file)>>10, took.Round(time.Millisecond), mb, err)
		})
	}
}

// objStmFile has object 4 in object stream 5, shown by cross-reference stream 6.
func objStmFile(dict, data string) []byte {
	a := newAsm().doc()
	a.stream(5, "/Type/ObjStm"+dict, data)
	at := a.Len()
	var rec []byte
	add := func(kind byte, n, i int) { rec = append(rec, kind, byte(n>>16), byte(n>>8), byte(n), byte(i)) }
	add(0, 0, 0)
	add(1, a.at[1], 0)
	add(1, a.at[2], 0)
	add(1, a.at[3], 0)
	add(2, 5, 0)
	add(1, a.at[5], 0)
	add(1, at, 0)
	a.stream(6, "/Type/XRef/Root 1 0 R/Size 7/W[1 3 1]", string(rec))
	fmt.Fprintf(a, "startxref\n%d\n%%%%EOF\n", at)
	return a.Bytes()
}

func deepPages(n int) []byte {
	a := newAsm().obj(1, "<</Type/Catalog/Pages 2 0 R>>")
	for i := range n {
		parent := ""
		if i > 0 {
			parent = fmt.Sprintf("/Parent %d 0 R", i+1)
		}
		a.obj(i+2, fmt.Sprintf("<</Type/Pages%s/Kids[%d 0 R]/Count 1>>", parent, i+3))
	}
	return a.obj(n+2, fmt.Sprintf("<</Type/Page/Parent %d 0 R>>", n+1)).table("").Bytes()
}

func deepFields(n int) []byte {
	a := form("[5 0 R]")
	for i := range n {
		parent := ""
		if i > 0 {
			parent = fmt.Sprintf("/Parent %d 0 R", i+4)
		}
		a.obj(i+5, fmt.Sprintf("<</T(%s)%s/Kids[%d 0 R]>>", strings.Repeat("n", 100), parent, i+6))
	}
	return a.obj(n+5, fmt.Sprintf("<</T(a)/Parent %d 0 R>>", n+4)).table("").Bytes()
}

// unclosed puts many beginnings of objects between the objects.
func unclosed(n int) []byte {
	a := newAsm().doc()
	a.WriteString(strings.Repeat("7 0 obj (\n", n))
	return a.table("").Bytes()
}

func lengthChain(n int) []byte {
	a := newAsm().doc()
	for i := range n {
		a.obj(4+i, fmt.Sprintf("<</Length %d 0 R>>\nstream\nab\nendstream", 5+i))
	}
	return a.obj(4+n, "2").table("").Bytes()
}

// Decoding again and again what does not fit the cache ends at a budget.
func TestInflateBudget(t *testing.T) {
	b := sample(t, kinds[1], 2000)
	d := mustOpenWith(t, b, Options{Limits: Limits{CacheBytes: 1, InflateBytes: 1 << 20}})
	var err error
	for i := 0; i < 100000 && err == nil; i++ {
		_, err = d.Latest().Get(Ref{Num: uint32(1 + i*997%4000)})
	}
	if !errors.Is(err, CodeLimit) {
		t.Errorf("got %v", err)
	}
}

type failingReader struct {
	b    []byte
	from int64
}

func (f failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, errors.New("disk on fire")
	}
	return copy(p, f.b[off:]), nil
}

func TestReaderErrorsAreReported(t *testing.T) {
	b := sample(t, kinds[0], 400)
	if _, err := Open(failingReader{b, 10}, int64(len(b)), Options{}); !errors.Is(err, CodeIO) {
		t.Errorf("got %v", err)
	}
	// The size given is larger than the file.
	if _, err := Open(bytes.NewReader(b), int64(len(b))+100, Options{}); !errors.Is(err, CodeIO) {
		t.Errorf("got %v", err)
	}
}
