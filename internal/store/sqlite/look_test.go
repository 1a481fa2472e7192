package sqlite

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// asked counts how often the database is asked for jobs, and has some to give.
type asked struct {
	riverdriver.Executor
	times, jobs int
}

func (a *asked) JobGetAvailable(_ context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	a.times++
	n := min(a.jobs, p.MaxToLock)
	a.jobs -= n
	return &riverdriver.JobGetAvailableResult{Jobs: make([]*rivertype.JobRow, n)}, nil
}

// TestLooking: the database is asked at first, when jobs were added, while there are more,
// and now and then; and each queue by itself.
func TestLooking(t *testing.T) {
	inner := &asked{jobs: 3}
	e := &executor{Executor: inner, d: &looking{stirred: &atomic.Uint64{}, queues: &sync.Map{}}}
	look := func(queue string, times, wantAsked, wantFound int) {
		t.Helper()
		before, found := inner.times, 0
		for range times {
			r, err := e.JobGetAvailable(t.Context(), &riverdriver.JobGetAvailableParams{Queue: queue, MaxToLock: 2})
			if err != nil {
				t.Fatal(err)
			}
			found += len(r.Jobs)
		}
		if inner.times-before != wantAsked || found != wantFound {
			t.Errorf("%d looks into %q: asked %d times, found %d jobs, expected %d and %d", times, queue, inner.times-before, found, wantAsked, wantFound)
		}
	}
	look("a", 10, 3, 3) // two, one, none
	inner.jobs = 1
	look("a", lookAnyhow-10, 0, 0)
	look("b", 1, 1, 1)
	inner.jobs = 1 // put back by River, which tells nobody
	look("a", lookAnyhow, 2, 1)
	inner.jobs = 2
	e.d.stirred.Add(1)
	look("a", 5, 2, 2)
	look("b", 5, 1, 0)
}
