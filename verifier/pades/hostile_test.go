package pades_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// TestBitFlips: a bit that is flipped anywhere in the signed bytes is noticed.
func TestBitFlips(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	b := w.sign(sign.LevelT, s.bytes, sign.Request{})
	r := validate(t, b, w.config())
	gap := r.Signatures[0].ByteRange
	for i := 0; i < len(b); i += 37 {
		if int64(i) >= gap[1] && int64(i) < gap[2] {
			continue
		}
		c := bytes.Clone(b)
		c[i] ^= 1 << (i % 7)
		if r := validate(t, c, w.config()); r.Outcome != verifier.Invalid {
			t.Errorf("bit at byte %d\n%s", i, explain(r))
		}
	}
}

// TestCutAnywhere: a file that ends early is not valid.
func TestCutAnywhere(t *testing.T) {
	w := newWorld(t)
	b := w.sign(sign.LevelB, buildSample(t, true, nil).bytes, sign.Request{})
	for n := 0; n < len(b)-1; n += 101 {
		if r := validate(t, b[:n], w.config()); r.Outcome == verifier.Valid {
			t.Errorf("%d of %d bytes\n%s", n, len(b), explain(r))
		}
	}
}

// TestHostile: files made to cost time or memory end within both.
func TestHostile(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	signed := w.sign(sign.LevelB, s.bytes, sign.Request{})
	cases := map[string]func() []byte{
		"many revisions": func() []byte {
			b := signed
			for i := range 60 {
				b = update(t, b, func(u *pdf.Update) { fillField(t, u, s.name, s.font, fmt.Sprint(i), fmt.Sprint(i)) })
			}
			return b
		},
		"many fields": func() []byte {
			return update(t, signed, func(u *pdf.Update) {
				form := edit(t, u, s.form)
				list := form.Get("Fields").(*pdf.Array).Clone()
				for i := range 20_000 {
					list.Append(u.Add(dict("FT", "/Sig", "T", fmt.Sprintf("f%d", i), "V", dict("ByteRange", arr(0, 1, 2, 3)))))
				}
				form.Set("Fields", list)
			})
		},
		"deep nesting": func() []byte {
			return update(t, signed, func(u *pdf.Update) {
				var o pdf.Object = pdf.NewArray()
				for range 60 {
					o = pdf.NewArray(o)
				}
				edit(t, u, s.catalog).Set("X", o)
			})
		},
		"long chain of objects": func() []byte {
			return update(t, signed, func(u *pdf.Update) {
				next := u.Add(dict())
				for range 50_000 {
					next = u.Add(dict("Next", next))
				}
				edit(t, u, s.catalog).Set("Outlines", next)
			})
		},
		"huge content": func() []byte {
			big := buildSample(t, false, func(b *pdf.Builder, s *sample, _, page, _ *pdf.Dict) {
				page.Set("Contents", b.Add(pdf.NewStream(pdf.NewDict(n("Filter"), n("FlateDecode")), pdf.Deflate(bytes.Repeat([]byte("BT (x) Tj ET\n"), 3<<20)))))
			})
			b := w.sign(sign.LevelB, big.bytes, sign.Request{})
			return update(t, b, func(u *pdf.Update) { fillField(t, u, big.name, big.font, "Grace", "Grace") })
		},
		"form within itself": func() []byte {
			big := buildSample(t, false, func(b *pdf.Builder, s *sample, _, page, _ *pdf.Dict) {
				fm := b.Alloc()
				b.Set(fm, stream(dict("Type", "/XObject", "Subtype", "/Form", "BBox", arr(0, 0, 9, 9), "Resources", dict("XObject", dict("Fm", fm))), strings.Repeat("/Fm Do ", 40)))
				page.Set("Resources", dict("XObject", dict("Fm", fm)))
				page.Set("Contents", b.Add(stream(dict(), "/Fm Do")))
			})
			b := w.sign(sign.LevelB, big.bytes, sign.Request{})
			return update(t, b, func(u *pdf.Update) { fillField(t, u, big.name, big.font, "Grace", "Grace") })
		},
		"store of many items": func() []byte {
			return update(t, signed, func(u *pdf.Update) {
				list := pdf.NewArray()
				for i := range 5000 {
					list.Append(u.Add(stream(dict(), fmt.Sprint(i))))
				}
				edit(t, u, s.catalog).Set("DSS", dict("Certs", list, "CRLs", list, "OCSPs", list))
			})
		},
	}
	for name, build := range cases {
		t.Run(name, func(t *testing.T) {
			b := build()
			start := time.Now()
			r := validate(t, b, w.config())
			t.Logf("%d bytes, %v: %v %s", len(b), time.Since(start), r.Outcome, string(r.Reason))
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestMemory: what judging takes does not grow with the file.
func TestMemory(t *testing.T) {
	w := newWorld(t)
	used := func(size int) uint64 {
		b := w.sign(sign.LevelLT, padestest.Sample{Bulk: size}.Build(t), sign.Request{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := pades.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), w.offline())
		runtime.ReadMemStats(&after)
		if err != nil || r.Outcome != verifier.Valid {
			t.Fatal(err, explain(r))
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := used(100<<10), used(20<<20)
	t.Logf("100 KB: %d KB, 20 MB: %d KB", small>>10, large>>10)
	if large > 2*small+1<<20 {
		t.Errorf("expected the same memory, found %d and %d bytes", small, large)
	}
}

// failing is a file that cannot be read to its end.
type failing struct {
	io.ReaderAt
	from int64
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, fmt.Errorf("disk on fire")
	}
	return f.ReaderAt.ReadAt(p, off)
}

// TestReadErrors: a file that cannot be read is not a forged one.
func TestReadErrors(t *testing.T) {
	w := newWorld(t)
	b := w.sign(sign.LevelB, padestest.Sample{Bulk: 1 << 20}.Build(t), sign.Request{})
	for _, from := range []int64{0, 1000, 500_000, int64(len(b)) - 100} {
		if r, err := pades.Validate(context.Background(), failing{bytes.NewReader(b), from}, int64(len(b)), w.config()); err == nil {
			t.Errorf("readable to %d: expected an error, found %v %s", from, r.Outcome, string(r.Reason))
		}
	}
}
