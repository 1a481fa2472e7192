package memstore

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

const (
	defaultAttempts = 25
	// stopAfter is how long jobs may go on when work ends.
	stopAfter = 30 * time.Second
)

type kindKey struct{ kind, key string }

type job struct {
	service.Job
	seq     uint64
	attempt int // that have begun
}

// queue holds the jobs that wait, in the order in which they are due.
type queue struct {
	mu      sync.Mutex
	seq     uint64
	waiting []*job
	keys    map[kindKey]int // how many wait
	changed chan struct{}   // closed and renewed when jobs are added
}

func (q *queue) init() {
	q.keys = map[kindKey]int{}
	q.changed = make(chan struct{})
}

// Enqueue implements service.Tx.
func (t *tx) Enqueue(ctx context.Context, j service.Job) error {
	if err := t.writing(ctx); err != nil {
		return err
	}
	if j.Key != "" {
		if t.s.jobs.has(kindKey{j.Kind, j.Key}) || slices.ContainsFunc(t.jobs, func(o service.Job) bool { return o.Kind == j.Kind && o.Key == j.Key }) {
			return nil
		}
	}
	if j.At.IsZero() {
		j.At = t.s.now()
	}
	if j.Attempts <= 0 {
		j.Attempts = defaultAttempts
	}
	j.Args, j.At = slices.Clone(j.Args), micro(j.At)
	if len(j.Args) == 0 {
		j.Args = []byte("{}")
	}
	t.jobs = append(t.jobs, j)
	return nil
}

func (q *queue) has(k kindKey) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.keys[k] > 0
}

func (q *queue) add(jobs []service.Job) {
	if len(jobs) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range jobs {
		q.seq++
		q.wait(&job{Job: j, seq: q.seq})
	}
}

// wait puts a job where it belongs. The lock is held.
func (q *queue) wait(j *job) {
	i, _ := slices.BinarySearchFunc(q.waiting, j, func(a, b *job) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.seq, b.seq)) })
	q.waiting = slices.Insert(q.waiting, i, j)
	q.keys[kindKey{j.Kind, j.Key}]++
	close(q.changed)
	q.changed = make(chan struct{})
}

// next takes the first job that is due, or tells how long the first one waits yet
// (negative: there is none) and when to look again.
func (q *queue) next(now time.Time, kinds map[string]service.JobHandler) (*job, time.Duration, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, j := range q.waiting {
		if kinds[j.Kind] == nil {
			continue
		}
		if j.At.After(now) {
			return nil, j.At.Sub(now), q.changed
		}
		q.waiting = slices.Delete(q.waiting, i, i+1)
		k := kindKey{j.Kind, j.Key}
		if q.keys[k]--; q.keys[k] == 0 {
			delete(q.keys, k)
		}
		j.attempt++
		return j, 0, nil
	}
	return nil, -1, q.changed
}

func (q *queue) again(j *job, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j.At = at
	q.wait(j)
}

// Work implements service.Store.
func (s *Store) Work(ctx context.Context, c service.WorkConfig) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	// Jobs that run when ctx ends may go on for a while.
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-run.Done():
		case <-time.After(stopAfter):
			cancel()
		}
	})()
	var wg sync.WaitGroup
	for lane, handlers := range service.Lanes(c.Handlers) {
		own := c
		own.Handlers = handlers
		n := service.LaneWidth(lane, 2*runtime.GOMAXPROCS(0))
		if c.Concurrency > 0 {
			n = c.Concurrency
		}
		for range n {
			wg.Go(func() { s.worker(ctx, run, own) })
		}
	}
	for kind, every := range c.Every {
		wg.Go(func() { s.periodic(ctx, kind, every) })
	}
	wg.Wait()
	return nil
}

func (s *Store) periodic(ctx context.Context, kind string, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		// Where one is waiting still, another would find nothing to do.
		err := s.Update(ctx, func(tx service.Tx) error { return tx.Enqueue(ctx, service.Job{Kind: kind, Key: "periodic"}) })
		if err != nil {
			return // closed, or ctx has ended
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Store) worker(ctx, run context.Context, c service.WorkConfig) {
	for ctx.Err() == nil {
		j, wait, changed := s.jobs.next(s.now(), c.Handlers)
		if j != nil {
			s.run(run, c, j)
			continue
		}
		timer := time.NewTimer(wait)
		if wait < 0 {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *Store) run(ctx context.Context, c service.WorkConfig, j *job) {
	r := service.Run{Kind: j.Kind, Args: slices.Clone(j.Args), Attempt: j.attempt, Attempts: j.Attempts}
	err := c.Handlers[j.Kind](ctx, r)
	if err == nil {
		return
	}
	var later *service.Later
	var giveUp *service.GiveUp
	switch {
	case errors.As(err, &later):
		j.attempt--
		s.jobs.again(j, s.now().Add(later.After))
		return
	case ctx.Err() != nil && !errors.As(err, &giveUp):
		// It was interrupted, which says nothing about the job.
		j.attempt--
		s.jobs.again(j, s.now())
		return
	}
	last := errors.As(err, &giveUp) || j.attempt >= j.Attempts
	if c.OnError != nil {
		c.OnError(r, err, last)
	}
	if last {
		return
	}
	wait := Wait
	if c.Wait != nil {
		wait = c.Wait
	}
	s.jobs.again(j, s.now().Add(wait(j.Kind, j.attempt)))
}

// Wait is the default of service.WorkConfig.Wait: failed⁴ seconds, a tenth more or less.
func Wait(_ string, failed int) time.Duration {
	f := float64(max(min(failed, 100), 1))
	return time.Duration(f * f * f * f * (0.9 + 0.2*rand.Float64()) * float64(time.Second))
}
