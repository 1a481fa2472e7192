package stamp_test

import (
	"context"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/stamp"
)

// TestClosing: a batch is sealed as soon as it is full, also when some of its stamps have
// waited alone, and else when the oldest has waited long enough: by the jobs as they are
// queued, with nobody to run them by hand.
func TestClosing(t *testing.T) {
	f := setUp(t, func(_ *fixture, c *stamp.Config) { c.MaxItems, c.MaxAge = 3, time.Hour })
	handlers, _ := f.stamps.Jobs()
	work := func(done func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- f.store.Work(ctx, service.WorkConfig{Handlers: handlers}) }()
		for !done() && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond) // jobs that the last one has queued
		cancel()
		<-stopped
	}
	state := func(id string) string {
		s, err := f.stamps.GetStamp(t.Context(), f.caller, id)
		if err != nil {
			t.Fatal(err)
		}
		return s.State
	}
	queued := func(n int) func() bool {
		return func() bool {
			q, err := f.store.Anchors(scope).Queue(t.Context())
			return err == nil && int(q.Size) == n
		}
	}
	hash := func(text string) service.NewStamp { return service.NewStamp{Alg: "sha-256", Value: sum(text)} }
	first := f.create(hash("1"))[0].ID
	work(queued(1))
	if state(first) != "pending" {
		t.Fatalf("one of three: %s", state(first))
	}
	more := f.create(hash("2"), hash("3"), hash("4"))
	work(func() bool { return state(first) == "anchored" })
	if state(first) != "anchored" || state(more[1].ID) != "anchored" || state(more[2].ID) != "pending" {
		t.Fatalf("full: %s %s, and the one too many %s", state(first), state(more[1].ID), state(more[2].ID))
	}
	f.pass(59 * time.Minute)
	work(queued(1))
	if state(more[2].ID) != "pending" {
		t.Fatalf("young: %s", state(more[2].ID))
	}
	f.pass(2 * time.Minute)
	work(func() bool { return state(more[2].ID) == "anchored" })
	if state(more[2].ID) != "anchored" {
		t.Fatalf("old enough: %s", state(more[2].ID))
	}
}
