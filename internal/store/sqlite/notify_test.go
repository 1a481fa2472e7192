package sqlite

import (
	"context"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver"

	"github.com/chancery-dev/chancery/internal/cputime"
	"github.com/chancery-dev/chancery/internal/service"
)

func openForJobs(t *testing.T) *Store {
	t.Helper()
	return openByClock(t, time.Now)
}

func openByClock(t *testing.T, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "db"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // nothing is read from it any more
	return s
}

// TestTold: jobs begin when they are committed, long before anybody looks for them; those of
// a change that is undone never do; and one that waits for a while comes when it is due.
func TestTold(t *testing.T) {
	s := openForJobs(t)
	began := make(chan string, 16)
	var later atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	handler := func(_ context.Context, r service.Run) error {
		began <- r.Kind
		if r.Kind == "waits" && later.CompareAndSwap(false, true) {
			return &service.Later{After: 600 * time.Millisecond}
		}
		return nil
	}
	go func() {
		ended <- s.Work(ctx, service.WorkConfig{Handlers: map[string]service.JobHandler{"first": handler, "waits": handler, "undone": handler}})
	}()
	add := func(kind string, fail error) time.Time {
		t.Helper()
		err := s.Update(ctx, func(tx service.Tx) error {
			if err := tx.Enqueue(ctx, service.Job{Kind: kind}); err != nil {
				return err
			}
			return fail
		})
		if err != fail {
			t.Fatal(err)
		}
		return time.Now()
	}
	wait := func(kind string, since time.Time, atLeast, atMost time.Duration) {
		t.Helper()
		select {
		case got := <-began:
			if took := time.Since(since); got != kind || took < atLeast || took > atMost {
				t.Errorf("%s after %v, expected %s after %v to %v", got, took, kind, atLeast, atMost)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s never began", kind)
		}
	}
	wait("first", add("first", nil), 0, 10*time.Second) // the worker has begun
	// Looks that nobody asked for are a second apart: half of the jobs would take longer than
	// half of that. One may, on a busy machine.
	var took []time.Duration
	for range 9 {
		add("undone", context.Canceled)
		at := add("first", nil)
		wait("first", at, 0, 10*time.Second)
		took = append(took, time.Since(at))
		time.Sleep(20 * time.Millisecond)
	}
	if slices.Sort(took); took[7] > poll/4 {
		t.Errorf("jobs began after %v", took)
	}
	took = nil
	for range 3 {
		later.Store(false)
		at := add("waits", nil)
		wait("waits", at, 0, 10*time.Second)
		wait("waits", at, 600*time.Millisecond, 10*time.Second)
		took = append(took, time.Since(at))
	}
	if slices.Sort(took); took[1] > 600*time.Millisecond+poll/4 {
		t.Errorf("jobs that wait for 600 ms began again after %v", took)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestNotifications: what is notified is heard once, after its commit, by who listens then.
func TestNotifications(t *testing.T) {
	s := openForJobs(t)
	d := newRiverDriver(s)
	l := d.GetListener(&riverdriver.GetListenenerParams{})
	heard := func() (got []string) {
		t.Helper()
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			n, err := l.WaitForNotification(ctx)
			cancel()
			if err != nil {
				return got
			}
			got = append(got, n.Topic+" "+n.Payload)
		}
	}
	expect := func(when string, want ...string) {
		t.Helper()
		got := heard()
		if len(got) != len(want) {
			t.Fatalf("%s: heard %q, expected %q", when, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%s: heard %q, expected %q", when, got, want)
			}
		}
	}
	e := d.GetExecutor()
	say := func(e riverdriver.Executor, payloads ...string) {
		t.Helper()
		if err := e.NotifyMany(t.Context(), &riverdriver.NotifyManyParams{Topic: "a", Payload: payloads}); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	say(e, "1")
	expect("before it is connected")
	must(l.Connect(t.Context()))
	say(e, "1")
	expect("before it listens")
	must(l.Listen(t.Context(), "a"))
	say(e, "1", "2", "1")
	say(e, "2")
	expect("each once", "a 1", "a 2")

	tx, err := e.Begin(t.Context())
	must(err)
	inner, err := tx.Begin(t.Context())
	must(err)
	say(inner, "inner")
	must(inner.Commit(t.Context()))
	undone, err := tx.Begin(t.Context())
	must(err)
	say(undone, "undone")
	must(undone.Rollback(t.Context()))
	say(tx, "outer")
	expect("before the commit")
	must(tx.Commit(t.Context()))
	expect("after the commit", "a inner", "a outer")

	must(l.Unlisten(t.Context(), "a"))
	say(e, "3")
	expect("after Unlisten")
	must(l.Listen(t.Context(), "a"))
	say(e, "4")
	must(l.Close(t.Context()))
	must(l.Connect(t.Context()))
	must(l.Listen(t.Context(), "a"))
	expect("what was there before Close")
}

// TestNothingToFetch: looking into an empty queue costs little, and a job in it is fetched.
func TestNothingToFetch(t *testing.T) {
	s := openForJobs(t)
	fetch := func(e riverdriver.Executor) int {
		t.Helper()
		got, err := e.JobGetAvailable(t.Context(), &riverdriver.JobGetAvailableParams{ClientID: "a", MaxAttemptedBy: 10, MaxToLock: 10, Queue: "default"})
		if err != nil {
			t.Fatal(err)
		}
		return len(got.Jobs)
	}
	d := newRiverDriver(s)
	always := d.GetExecutor()
	due, err := s.writeDB.Prepare(dueText)
	if err != nil {
		t.Fatal(err)
	}
	defer due.Close() //nolint:errcheck // it was read
	d.due = due
	looks := d.GetExecutor()
	cost := func(e riverdriver.Executor) time.Duration {
		began := cputime.Now()
		for range 100 {
			if n := fetch(e); n != 0 {
				t.Fatalf("%d jobs from an empty queue", n)
			}
		}
		return cputime.Since(began)
	}
	if all, first := cost(always), cost(looks); first > all/4 {
		t.Errorf("100 looks into an empty queue took %v, and %v with River's statement", first, all)
	}
	err = s.Update(t.Context(), func(tx service.Tx) error { return tx.Enqueue(t.Context(), service.Job{Kind: "first"}) })
	if err != nil {
		t.Fatal(err)
	}
	if n := fetch(looks); n != 1 {
		t.Errorf("%d jobs, expected 1", n)
	}
	if n := fetch(looks); n != 0 {
		t.Errorf("%d jobs after the only one was fetched", n)
	}
}
