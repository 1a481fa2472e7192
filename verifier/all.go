package verifier

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/chancery-dev/chancery"
)

// VerifyAll judges every document of in, several at a time, and yields the results in
// the order of in: a *Verified, or the *Error that Verify answers. It takes documents
// from in on the caller's goroutine, ahead of what it has yielded by at most twice the
// number of workers. When the consumer stops or ctx ends, no further document is
// taken; those taken are yielded as Canceled after ctx has ended.
func (v *Verifier) VerifyAll(ctx context.Context, in iter.Seq[chancery.Secured]) iter.Seq2[*Verified, error] {
	workers := 0
	if v.made() {
		workers = v.cfg.Workers
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	type answer struct {
		verified *Verified
		err      error
	}
	type job struct {
		secured chancery.Secured
		done    chan answer
	}
	return func(yield func(*Verified, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		jobs := make(chan job, 2*workers)
		defer running.Wait()
		defer close(jobs)
		defer cancel()
		for range workers {
			running.Go(func() {
				for j := range jobs {
					verified, err := v.Verify(ctx, j.secured)
					j.done <- answer{verified, err}
				}
			})
		}
		next, stop := iter.Pull(in)
		defer stop()
		var queue []chan answer
		more := true
		for {
			for more && len(queue) < 2*workers && ctx.Err() == nil {
				var s chancery.Secured
				if s, more = next(); more {
					done := make(chan answer, 1)
					queue = append(queue, done)
					jobs <- job{s, done}
				}
			}
			if len(queue) == 0 {
				return
			}
			a := <-queue[0]
			queue = queue[1:]
			if !yield(a.verified, a.err) {
				return
			}
		}
	}
}
