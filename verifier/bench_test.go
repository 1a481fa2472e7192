package verifier_test

import (
	"context"
	"crypto/ed25519"
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
)

// median runs f several times and returns the median time of one run.
func median(rounds int, f func()) time.Duration {
	times := make([]time.Duration, rounds)
	for i := range times {
		start := time.Now()
		f()
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[rounds/2]
}

func many(n int, text string) iter.Seq[chancery.Secured] {
	return func(yield func(chancery.Secured) bool) {
		for range n {
			if !yield(vc(text)) {
				return
			}
		}
	}
}

// BenchmarkTargetVerifyAll compares one worker with two, in interleaved rounds.
func BenchmarkTargetVerifyAll(b *testing.B) {
	if runtime.GOMAXPROCS(0) < 2 {
		b.Skip("needs two processors")
	}
	k := newKey(b, "issuer")
	text := sign(b, badgeDraft(b, k.did), k, proofOf{})
	run := func(workers int) func() {
		v, err := verifier.New(verifier.Config{Trust: verifier.TrustAny(), Clock: clockAt(now), Workers: workers})
		if err != nil {
			b.Fatal(err)
		}
		return func() {
			for _, err := range v.VerifyAll(context.Background(), many(100, text)) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	one, two := run(1), run(2)
	one()
	// The least time of many short rounds is what the machine can do when nothing else
	// runs on its second core.
	best := [2]time.Duration{time.Hour, time.Hour}
	for b.Loop() {
		for range 80 {
			best[0], best[1] = min(best[0], median(1, one)), min(best[1], median(1, two))
		}
	}
	b.ReportMetric(float64(best[0])/float64(best[1]), "x_speedup")
	b.ReportMetric(1.8, "x_limit")
}

// BenchmarkVerify gives the cost of the whole decision beside that of the signature.
func BenchmarkVerify(b *testing.B) {
	k := newKey(b, "issuer")
	v := setup(b, verifier.Policy{})
	message, sig := make([]byte, 64), ed25519.Sign(k.priv.(ed25519.PrivateKey), make([]byte, 64))
	public := k.priv.Public().(ed25519.PublicKey)
	for _, g := range goldens(b) {
		if g.trust != nil {
			continue
		}
		b.Run(g.name, func(b *testing.B) {
			s := chancery.Secured{MediaType: g.media, Bytes: []byte(g.text)}
			raw := median(50, func() { ed25519.Verify(public, message, sig) })
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(context.Background(), s); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(raw.Nanoseconds()), "x_raw")
		})
	}
}
