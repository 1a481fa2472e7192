package verifier_test

import (
	"context"
	"crypto/ed25519"
	"iter"
	"runtime"
	"slices"
	"sync"
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

// BenchmarkTargetVerifyAll compares one worker with two. What the machine itself gains
// from a second goroutine, by raw signature checks in the same rounds, is the measure
// of what could be gained: on a quiet machine of two processors x_machine is 2, and
// x_speedup the plain ratio.
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
			for _, err := range v.VerifyAll(context.Background(), many(30, text)) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	message := make([]byte, 64)
	sig, public := ed25519.Sign(k.priv.(ed25519.PrivateKey), message), k.priv.Public().(ed25519.PublicKey)
	raw := func(goroutines int) func() {
		return func() {
			var wait sync.WaitGroup
			for range goroutines {
				wait.Go(func() {
					for range 60 / goroutines {
						ed25519.Verify(public, message, sig)
					}
				})
			}
			wait.Wait()
		}
	}
	// The least time of many short rounds is what the machine can do when nothing else
	// runs on its second core.
	runs := []func(){run(1), run(2), raw(1), raw(2)}
	best := []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour}
	for b.Loop() {
		for range 300 {
			for i, f := range runs {
				best[i] = min(best[i], median(1, f))
			}
		}
	}
	machine := float64(best[2]) / float64(best[3])
	b.ReportMetric(float64(best[0])/float64(best[1])*2/machine, "x_speedup")
	b.ReportMetric(machine, "x_machine")
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
