package pdf

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"
)

// sparse is a file of which only some parts are stored; the rest is zeros. It counts what is read.
type sparse struct {
	parts map[int64][]byte
	size  int64
	read  int64
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.size-off))
	clear(p[:n])
	for at, b := range s.parts {
		if at < off+int64(n) && off < at+int64(len(b)) {
			if at >= off {
				copy(p[at-off:n], b)
			} else {
				copy(p[:n], b[off-at:])
			}
		}
	}
	s.read += int64(n)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// bigFile has one stream of n bytes before everything else.
func bigFile(n int64, stream bool) *sparse {
	s := &sparse{parts: make(map[int64][]byte)}
	head := fmt.Sprintf("%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n4 0 obj\n<</Length %d>>\nstream\n", n)
	s.parts[0] = []byte(head)
	base := int64(len(head)) + n
	a := &asm{}
	at := map[int]int64{4: 15}
	obj := func(num int, body string) {
		at[num] = base + int64(a.Len())
		fmt.Fprintf(a, "%d 0 obj\n%s\nendobj\n", num, body)
	}
	a.WriteString("\nendstream\nendobj\n")
	obj(1, "<</Type/Catalog/Pages 2 0 R/Big 4 0 R>>")
	obj(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>")
	obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
	start := base + int64(a.Len())
	e := newEncoder(start, nil)
	entries := []Entry{{Gen: 65535}}
	for i := 1; i <= 4; i++ {
		entries = append(entries, Entry{Kind: EntryInFile, Num: uint32(i), Offset: at[i]})
	}
	x := &xrefWriter{encoder: e, trailer: NewDict(Name("Root"), Ref{Num: 1}), entries: entries, size: 5, prev: -1}
	if err := x.write(stream); err != nil {
		panic(err)
	}
	a.Write(e.buf)
	s.parts[base] = a.Bytes()
	s.size = base + int64(a.Len())
	return s
}

func TestOffsetsBeyond4GiB(t *testing.T) {
	for _, n := range []int64{5 << 30, 9_999_999_000} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d stream=%v", n, stream), func(t *testing.T) {
				f := bigFile(n, stream)
				d, err := Open(f, f.size, Options{})
				if err != nil {
					t.Fatal(err)
				}
				u, err := d.NewUpdate()
				if err != nil {
					t.Fatal(err)
				}
				hole := NewHexHole(8)
				ref := u.Add(NewDict(Name("Contents"), hole))
				u.Add(String{Value: make([]byte, 2000)})
				u.Add(Null{})
				tail, err := u.Prepare()
				if err != nil {
					if n > 9e9 && !stream && errors.Is(err, CodeUpdate) {
						return // ten digits cannot hold it, and the kind of table must stay
					}
					t.Fatal(err)
				}
				if n > 9e9 && !stream {
					t.Error("an offset of eleven digits was written")
				}
				d2, err := Open(tail.ReaderAt(), tail.Size(), Options{})
				if err != nil {
					t.Fatal(err)
				}
				if err := d2.Check(); err != nil {
					t.Fatal(err)
				}
				o, err := d2.Latest().Get(ref)
				if err != nil {
					t.Fatal(err)
				}
				if got := o.(*Dict).SpanOf("Contents"); got != hole.Span() || got.Start < n {
					t.Errorf("span %v, the writer says %v", got, hole.Span())
				}
				if f.read > 1<<20 {
					t.Errorf("%d bytes of the file were read", f.read)
				}
			})
		}
	}
}

func TestOpeningReadsLittle(t *testing.T) {
	f := bigFile(50<<20, false)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := Open(f, f.size, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Latest().PageCount(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	kb := (after.TotalAlloc - before.TotalAlloc) >> 10
	t.Logf("50 MiB file: %d KiB read, %d KiB allocated", f.read>>10, kb)
	if f.read > 256<<10 || kb > 512 {
		t.Errorf("50 MiB file: %d KiB read, %d KiB allocated", f.read>>10, kb)
	}
}

// patterned is a file of n bytes with objects, for benchmarks.
func patterned(b *testing.B, n int) []byte {
	bu := &Builder{}
	pages := bu.Alloc()
	page := bu.Add(NewDict(Name("Type"), Name("Page"), Name("Parent"), pages))
	bu.Set(pages, NewDict(Name("Type"), Name("Pages"), Name("Kids"), NewArray(page), Name("Count"), Integer(1)))
	form := bu.Add(NewDict(Name("Fields"), NewArray()))
	bu.Trailer().Set("Root", bu.Add(NewDict(Name("Type"), Name("Catalog"), Name("Pages"), pages, Name("AcroForm"), form)))
	for i := range 60 {
		bu.Add(NewStream(NewDict(Name("Index"), Integer(i)), make([]byte, n/60)))
	}
	var out bytes.Buffer
	if _, err := bu.WriteTo(&out); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// sign is all of signing but the CMS: open, update with holes, copy and hash.
func sign(b *testing.B, file []byte, h hash.Hash) {
	d, err := Open(bytes.NewReader(file), int64(len(file)), Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Check(); err != nil {
		b.Fatal(err)
	}
	u, err := d.NewUpdate()
	if err != nil {
		b.Fatal(err)
	}
	c, br := addSignature(b, u, "S", 4000)
	tail, err := u.Prepare()
	if err != nil {
		b.Fatal(err)
	}
	r := tail.ByteRange(c.Span())
	if err := tail.FillText(br.Span(), fmt.Sprint(r)); err != nil {
		b.Fatal(err)
	}
	if err := tail.CopyBase(h); err != nil {
		b.Fatal(err)
	}
	if err := tail.CopyExcept(h, c.Span()); err != nil {
		b.Fatal(err)
	}
	if err := tail.FillHex(c.Span(), h.Sum(nil)); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkUpdate100KB(b *testing.B) {
	file := patterned(b, 100<<10)
	b.ReportAllocs()
	for b.Loop() {
		sign(b, file, discard{})
	}
}

// discard is a hash that costs nothing, so that the benchmark shows our part alone.
type discard struct{ hash.Hash }

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Sum([]byte) []byte           { return make([]byte, 32) }

// compare runs raw and ours in turn and reports the ratio of their medians.
func compare(b *testing.B, limit float64, kbLimit float64, raw, ours func()) {
	var r, o []float64
	var allocated uint64
	for b.Loop() {
		t := now()
		raw()
		r = append(r, since(t))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		t = now()
		ours()
		o = append(o, since(t))
		runtime.ReadMemStats(&after)
		allocated = after.TotalAlloc - before.TotalAlloc
	}
	b.ReportMetric(median(o)/median(r), "x_raw")
	b.ReportMetric(limit, "x_limit")
	b.ReportMetric(float64(allocated>>10), "kB_op")
	b.ReportMetric(kbLimit, "kB_limit")
}

// BenchmarkTargetUpdate50MB compares opening, checking, updating and hashing a file
// with hashing it, both through an io.ReaderAt as from a disk.
func BenchmarkTargetUpdate50MB(b *testing.B) {
	file := patterned(b, 50<<20)
	compare(b, 1.15, 2048, func() {
		if _, err := io.Copy(sha256.New(), io.NewSectionReader(bytes.NewReader(file), 0, int64(len(file)))); err != nil {
			b.Fatal(err)
		}
	}, func() { sign(b, file, sha256.New()) })
}

// BenchmarkTargetUpdate100KB is the same with an RSA-2048 signature on both sides.
func BenchmarkTargetUpdate100KB(b *testing.B) {
	file := patterned(b, 100<<10)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	rsaSign := func(sum []byte) {
		if _, err := key.Sign(rand.Reader, sum, crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
	compare(b, 1.2, 512, func() {
		sum := sha256.Sum256(file)
		rsaSign(sum[:])
	}, func() {
		h := sha256.New()
		sign(b, file, h)
		rsaSign(h.Sum(nil))
	})
}

// BenchmarkTargetCheck50MB is what a verifier does before any cryptography: open, check
// every object, look for unreached content. The limit leaves room for the rest of its work.
func BenchmarkTargetCheck50MB(b *testing.B) {
	file := patterned(b, 50<<20)
	compare(b, 0.1, 2048, func() { sha256.Sum256(file) }, func() {
		d := mustOpen(b, file)
		if un, err := d.Latest().Unreached(Span{0, d.Size()}); err != nil || len(un) > 0 {
			b.Fatal(un, err)
		}
	})
}

func now() time.Time             { return time.Now() }
func since(t time.Time) float64  { return time.Since(t).Seconds() }
func median(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
