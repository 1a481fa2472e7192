package jsonld

import (
	"crypto/ed25519"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

func parseBadge(b *testing.B) *strictjson.Doc {
	d, err := strictjson.Parse([]byte(readBadge(b)), strictjson.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	return d
}

func BenchmarkToQuads(b *testing.B) {
	d := parseBadge(b)
	ds := rdfc.NewDataset(128)
	opt := Options{Contexts: newest, DropRoot: []string{"proof"}}
	b.ReportAllocs()
	for b.Loop() {
		ds.Reset()
		if _, err := ToQuads(d, 0, opt, ds); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(ds.Quads())), "quads")
}

func BenchmarkProofToQuads(b *testing.B) {
	d := parseBadge(b)
	ds := rdfc.NewDataset(128)
	opt := Options{Contexts: newest, DropRoot: []string{"proofValue"}}
	b.ReportAllocs()
	for b.Loop() {
		ds.Reset()
		if err := ProofToQuads(d, 0, d.Get(0, "proof"), opt, ds); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile measures the first document that names a stack of contexts.
func BenchmarkCompile(b *testing.B) {
	d := parseBadge(b)
	for b.Loop() {
		forest.mu.Lock()
		forest.root.Store(&active{shared: true})
		forest.count = 0
		forest.mu.Unlock()
		if _, err := RootContext(d, 0, Options{Contexts: newest}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTargetToQuads holds the share of this package in the verification of an
// 88-quad Open Badge: document and proof configuration to quads in at most 35/55 of
// an Ed25519 verification, with at most 12 kB allocated.
func BenchmarkTargetToQuads(b *testing.B) {
	d := parseBadge(b)
	ds := rdfc.NewDataset(128)
	doc := Options{Contexts: newest, DropRoot: []string{"proof"}}
	proof := Options{Contexts: newest, DropRoot: []string{"proofValue"}}
	ours := func() {
		ds.Reset()
		if _, err := ToQuads(d, 0, doc, ds); err != nil {
			b.Fatal(err)
		}
		if n := len(ds.Quads()); n != 88 {
			b.Fatalf("expected 88 quads, found %d", n)
		}
		ds.Reset()
		if err := ProofToQuads(d, 0, d.Get(0, "proof"), proof, ds); err != nil {
			b.Fatal(err)
		}
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, 64)
	signature := ed25519.Sign(private, message)
	raw := func() {
		if !ed25519.Verify(public, message, signature) {
			b.Fatal("does not verify")
		}
	}
	const rounds, each = 15, 200
	var ratios []float64
	var bytes uint64
	for b.Loop() {
		ratios, bytes = ratios[:0], 0
		for range rounds {
			t0 := time.Now()
			for range each {
				raw()
			}
			t1 := time.Now()
			for range each {
				ours()
			}
			ratios = append(ratios, float64(time.Since(t1))/float64(t1.Sub(t0)))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range each {
			ours()
		}
		runtime.ReadMemStats(&after)
		bytes = (after.TotalAlloc - before.TotalAlloc) / each
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[rounds/2], "x_raw")
	b.ReportMetric(35.0/55, "x_limit")
	b.ReportMetric(float64(bytes)/1000, "kB_op")
	b.ReportMetric(12, "kB_limit")
}
