package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

const patience = 20 * time.Second

// work runs jobs until the test ends or stop is called, which waits for those that run.
func work(t *testing.T, st service.Store, c service.WorkConfig) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- st.Work(ctx, c) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Work: %v", err)
			}
		case <-time.After(patience):
			t.Error("Work does not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

func enqueue(t *testing.T, st service.Store, jobs ...service.Job) {
	t.Helper()
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		for _, j := range jobs {
			check(t, tx.Enqueue(ctx, j))
		}
		return nil
	})
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	end := time.After(patience)
	for !f() {
		select {
		case <-end:
			t.Fatalf("%s: not within %v", what, patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func recv[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
		panic("unreachable")
	}
}

func testJobs(t *testing.T, su Suite) {
	st := su.New(t)
	var mu sync.Mutex
	ran := map[string]int{}
	const n = 60
	for i := range n / 2 {
		enqueue(t, st, service.Job{Kind: "job", Args: fmt.Appendf(nil, `{"i":%d}`, i)})
	}
	work(t, st, service.WorkConfig{Handlers: map[string]service.JobHandler{"job": func(_ context.Context, r service.Run) error {
		mu.Lock()
		defer mu.Unlock()
		ran[string(r.Args)]++
		if r.Kind != "job" || r.Attempt != 1 || r.Attempts != 25 {
			t.Errorf("found %+v", r)
		}
		return nil
	}}})
	for i := range n / 2 {
		enqueue(t, st, service.Job{Kind: "job", Args: fmt.Appendf(nil, `{"i":%d}`, i+n/2)})
	}
	enqueue(t, st, service.Job{Kind: "job"})
	eventually(t, "all jobs", func() bool { mu.Lock(); defer mu.Unlock(); return len(ran) == n+1 })
	mu.Lock()
	defer mu.Unlock()
	for args, times := range ran {
		equal(t, args, times, 1)
	}
	equal(t, "without arguments", ran["{}"], 1)
}

func testJobKeys(t *testing.T, su Suite) {
	st := su.New(t)
	begun, goOn := make(chan string, 10), make(chan bool)
	for i := range 3 {
		enqueue(t, st, service.Job{Kind: "job", Key: "k", Args: fmt.Appendf(nil, `{"i":%d}`, i)})
	}
	enqueue(t, st, service.Job{Kind: "job", Key: "other"}, service.Job{Kind: "job", Key: "other"})
	work(t, st, service.WorkConfig{Concurrency: 1, Handlers: map[string]service.JobHandler{"job": func(_ context.Context, r service.Run) error {
		begun <- string(r.Args)
		<-goOn
		return nil
	}}})
	equal(t, "first", recv(t, "first", begun), `{"i":0}`)
	// It runs and does not wait any more: one more is added, and one only.
	enqueue(t, st, service.Job{Kind: "job", Key: "k", Args: []byte(`{"i":3}`)})
	enqueue(t, st, service.Job{Kind: "job", Key: "k", Args: []byte(`{"i":4}`)})
	goOn <- true
	seen := map[string]int{recv(t, "second", begun): 1}
	goOn <- true
	seen[recv(t, "third", begun)]++
	goOn <- true
	if seen["{}"] != 1 || seen[`{"i":3}`] != 1 {
		t.Fatalf("found %v", seen)
	}
	enqueue(t, st, service.Job{Kind: "job", Key: "k", Args: []byte(`{"i":5}`)})
	equal(t, "later", recv(t, "later", begun), `{"i":5}`)
	goOn <- true
	select {
	case args := <-begun:
		t.Fatalf("another job ran: %s", args)
	case <-time.After(150 * time.Millisecond):
	}
}

func testJobFailures(t *testing.T, su Suite) {
	st := su.New(t)
	type failure struct {
		kind    string
		attempt int
		last    bool
	}
	failures := make(chan failure, 100)
	var snoozed, flaky, worn atomic.Int64
	boom := errors.New("boom")
	done := make(chan service.Run, 10)
	work(t, st, service.WorkConfig{
		Handlers: map[string]service.JobHandler{
			"flaky": func(_ context.Context, r service.Run) error {
				if flaky.Add(1) < 3 {
					return fmt.Errorf("wrapped: %w", boom)
				}
				done <- r
				return nil
			},
			"later": func(_ context.Context, r service.Run) error {
				if snoozed.Add(1) < 4 {
					return fmt.Errorf("wrapped: %w", &service.Later{After: 10 * time.Millisecond})
				}
				done <- r
				return nil
			},
			"hopeless": func(context.Context, service.Run) error { return &service.GiveUp{Err: boom} },
			"worn":     func(context.Context, service.Run) error { worn.Add(1); return boom },
		},
		Wait: func(kind string, failed int) time.Duration {
			if kind != "flaky" && kind != "worn" || failed < 1 {
				t.Errorf("waits for %s after %d", kind, failed)
			}
			return 10 * time.Millisecond
		},
		OnError: func(r service.Run, err error, last bool) {
			if !errors.Is(err, boom) {
				t.Errorf("%s: found %v", r.Kind, err)
			}
			failures <- failure{r.Kind, r.Attempt, last}
		},
	})
	enqueue(t, st, service.Job{Kind: "flaky", Key: "k"})
	equal(t, "attempt", recv(t, "flaky", done).Attempt, 3)
	equal(t, "failure", recv(t, "failure", failures), failure{"flaky", 1, false})
	equal(t, "failure", recv(t, "failure", failures), failure{"flaky", 2, false})
	enqueue(t, st, service.Job{Kind: "later", Attempts: 2})
	equal(t, "attempt", recv(t, "later", done).Attempt, 1)
	enqueue(t, st, service.Job{Kind: "hopeless"})
	equal(t, "failure", recv(t, "failure", failures), failure{"hopeless", 1, true})
	enqueue(t, st, service.Job{Kind: "worn", Attempts: 2})
	equal(t, "failure", recv(t, "failure", failures), failure{"worn", 1, false})
	equal(t, "failure", recv(t, "failure", failures), failure{"worn", 2, true})
	time.Sleep(150 * time.Millisecond)
	equal(t, "attempts", worn.Load(), 2)
	equal(t, "failures", len(failures), 0)
}

func testJobKinds(t *testing.T, su Suite) {
	st := su.New(t)
	enqueue(t, st, service.Job{Kind: "theirs"}, service.Job{Kind: "ours"}, service.Job{Kind: "ours", At: base.AddDate(500, 0, 0), Args: []byte(`{"late":1}`)})
	ran := make(chan string, 10)
	note := func(_ context.Context, r service.Run) error { ran <- r.Kind + string(r.Args); return nil }
	stop := work(t, st, service.WorkConfig{Handlers: map[string]service.JobHandler{"ours": note}})
	equal(t, "job", recv(t, "ours", ran), "ours{}")
	time.Sleep(150 * time.Millisecond)
	equal(t, "jobs of others, or not due", len(ran), 0)
	stop()
	work(t, st, service.WorkConfig{Handlers: map[string]service.JobHandler{"theirs": note}})
	equal(t, "job", recv(t, "theirs", ran), "theirs{}")
}

func testJobPeriodic(t *testing.T, su Suite) {
	st := su.New(t)
	var n atomic.Int64
	args := make(chan string, 100)
	work(t, st, service.WorkConfig{
		Handlers: map[string]service.JobHandler{"tick": func(_ context.Context, r service.Run) error { n.Add(1); args <- string(r.Args); return nil }},
		Every:    map[string]time.Duration{"tick": 200 * time.Millisecond},
	})
	equal(t, "arguments", recv(t, "periodic", args), "{}")
	eventually(t, "periodic jobs", func() bool { return n.Load() >= 3 })
}

func testJobStop(t *testing.T, su Suite) {
	st := su.New(t)
	begun, goOn := make(chan bool), make(chan bool)
	var finished atomic.Bool
	stop := work(t, st, service.WorkConfig{Concurrency: 1, Handlers: map[string]service.JobHandler{"job": func(ctx context.Context, _ service.Run) error {
		begun <- true
		<-goOn
		finished.Store(ctx.Err() == nil)
		return nil
	}}})
	enqueue(t, st, service.Job{Kind: "job"})
	recv(t, "job", begun)
	stopped := make(chan bool)
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Fatal("Work ended before its job")
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	recv(t, "end of Work", stopped)
	if !finished.Load() {
		t.Fatal("the job was not waited for")
	}
	// What comes now waits for the next to work.
	enqueue(t, st, service.Job{Kind: "job", Args: []byte(`{"second":1}`)})
	again := make(chan string, 1)
	work(t, st, service.WorkConfig{Handlers: map[string]service.JobHandler{"job": func(_ context.Context, r service.Run) error { again <- string(r.Args); return nil }}})
	equal(t, "second", recv(t, "second", again), `{"second":1}`)
}

// testJobLanes has every job of one lane wait: those of other lanes run all the same.
func testJobLanes(t *testing.T, su Suite) {
	st := su.New(t)
	goOn, ran := make(chan bool), make(chan string, 10)
	defer close(goOn)
	hang := func(context.Context, service.Run) error { <-goOn; return nil }
	run := func(_ context.Context, r service.Run) error { ran <- r.Kind; return nil }
	for range 40 {
		enqueue(t, st, service.Job{Kind: service.JobMail}, service.Job{Kind: "batch.chunk"}, service.Job{Kind: "anchor.run"})
	}
	work(t, st, service.WorkConfig{Handlers: map[string]service.JobHandler{
		service.JobMail: hang, "batch.chunk": hang, "anchor.run": hang, service.JobDeliver: run, "job": run,
	}})
	for range 3 {
		for _, kind := range []string{service.JobDeliver, "job"} {
			enqueue(t, st, service.Job{Kind: kind})
			equal(t, "job", recv(t, kind, ran), kind)
		}
	}
}

// testJobWakeup has writers count and enqueue under one key: the last run sees the last
// count, though most jobs were not added.
func testJobWakeup(t *testing.T, su Suite) {
	st := su.New(t)
	var seen atomic.Int64
	work(t, st, service.WorkConfig{Concurrency: 4, Handlers: map[string]service.JobHandler{"sum": func(ctx context.Context, _ service.Run) error {
		return st.Update(ctx, func(tx service.Tx) error {
			n, err := tx.Count(ctx, ScopeA, "n", 0)
			for {
				old := seen.Load()
				if n <= old || seen.CompareAndSwap(old, n) {
					return err
				}
			}
		})
	}}})
	const writers, each = 6, 20
	parallel(t, writers, func(int) error {
		for range each {
			if err := st.Update(t.Context(), func(tx service.Tx) error {
				if err := tx.Enqueue(t.Context(), service.Job{Kind: "sum", Key: "k"}); err != nil {
					return err
				}
				_, err := tx.Count(t.Context(), ScopeA, "n", 1)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	eventually(t, "the last count", func() bool { return seen.Load() == writers*each })
}
