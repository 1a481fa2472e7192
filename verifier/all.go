package verifier

import (
	"context"
	"iter"
	"runtime"

	"github.com/chancery-dev/chancery"
)

// VerifyAll judges every document of in, several at a time, and yields the results in
// the order of in: a *Verified, or the *Error that Verify would have answered. It
// reads ahead of the consumer by at most twice the number of workers. When the
// consumer stops, or ctx ends, no further document is taken.
func (v *Verifier) VerifyAll(ctx context.Context, in iter.Seq[chancery.Secured]) iter.Seq2[*Verified, error] {
	workers := v.cfg.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return func(yield func(*Verified, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		type answer struct {
			verified *Verified
			err      error
		}
		type job struct {
			secured chancery.Secured
			done    chan answer
		}
		jobs := make(chan job)
		order := make(chan chan answer, 2*workers)
		for range workers {
			go func() {
				for j := range jobs {
					verified, err := v.Verify(ctx, j.secured)
					j.done <- answer{verified, err}
				}
			}()
		}
		go func() {
			defer close(order)
			defer close(jobs)
			for s := range in {
				done := make(chan answer, 1)
				select {
				case order <- done:
				case <-ctx.Done():
					return
				}
				// A worker always takes the job: order holds its place, and the
				// consumer waits for the answer, even one that says canceled.
				jobs <- job{s, done}
			}
		}()
		for done := range order {
			a := <-done
			if !yield(a.verified, a.err) {
				return
			}
		}
	}
}
