package signer_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/signer"
)

// The draft is that of package proof: 88 quads, 3.1 kB with its proof. Measured is the
// engine's path from its bytes to those of the signed badge, checks of issuing
// included.
func BenchmarkTargetIssueEdDSARDFC(b *testing.B) {
	draft, err := os.ReadFile("../proof/testdata/badge.json")
	if err != nil {
		b.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed([]byte("a fixed seed for measurements!!!"))
	k, err := signer.NewKey(private)
	if err != nil {
		b.Fatal(err)
	}
	did, _, err := signer.Identifier(private.Public())
	if err != nil {
		b.Fatal(err)
	}
	draft = bytes.ReplaceAll(draft, []byte("did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"), []byte(did))
	s := &signer.DataIntegrity{Key: k, Created: at}
	message := make([]byte, 64)
	raw := func() { ed25519.Sign(private, message) }
	ours := func() {
		c, err := chancery.Parse(draft)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Sign(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
	for range 50 {
		raw()
		ours()
	}
	const inner = 20
	var ratios, rawTimes, ourTimes []float64
	b.ResetTimer()
	for range max(b.N/inner, 15) {
		start := time.Now()
		for range inner {
			raw()
		}
		mid := time.Now()
		for range inner {
			ours()
		}
		r, o := float64(mid.Sub(start)), float64(time.Since(mid))
		ratios, rawTimes, ourTimes = append(ratios, o/r), append(rawTimes, r/inner), append(ourTimes, o/inner)
	}
	b.StopTimer()
	median := func(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }
	b.ReportMetric(median(ratios), "x_raw")
	b.ReportMetric(6, "x_limit")
	b.ReportMetric(median(rawTimes)/1e3, "raw_µs")
	b.ReportMetric(median(ourTimes)/1e3, "ours_µs")
	b.ReportMetric(0, "ns/op")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 200 {
		ours()
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/200/1e3, "kB_op")
}
