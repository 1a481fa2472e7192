package hook_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/hook"
)

// counting is a store that counts transactions and jobs.
type counting struct {
	service.Store
	updates, jobs atomic.Int64
}

func (c *counting) Update(ctx context.Context, f func(service.Tx) error) error {
	c.updates.Add(1)
	return c.Store.Update(ctx, func(tx service.Tx) error { return f(countingTx{tx, c}) })
}

type countingTx struct {
	service.Tx
	c *counting
}

func (t countingTx) Enqueue(ctx context.Context, j service.Job) error {
	t.c.jobs.Add(1)
	return t.Tx.Enqueue(ctx, j)
}

// together queues events in one transaction, and returns the ids of what is to be delivered
// to an endpoint, the first event first, and the jobs that were added for them.
func (f *fixture) together(w service.Webhook, events int) (ids []string, jobs int64) {
	f.Helper()
	c := &counting{Store: f.store}
	err := c.Update(f.Context(), func(tx service.Tx) error {
		hooks, err := service.ListHooks(f.Context(), tx, scope)
		if err != nil {
			return err
		}
		for i := range events {
			if err := hooks.Emit(f.Context(), tx, f.clock().Add(time.Duration(i)*time.Microsecond), service.EventIssued, map[string]any{"id": fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		return hooks.Flush(f.Context(), tx)
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, d := range f.deliveries(w.ID) {
		ids = append([]string{d.ID}, ids...)
	}
	return ids, c.jobs.Load()
}

// attempts runs the job of many deliveries once.
func (f *fixture) attempts(hooks *hook.Hooks, w service.Webhook, ids []string) error {
	handlers, _ := hooks.Jobs()
	args, _ := service.EncodeArgs(service.ManyDeliveries{ScopedID: service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment, ID: w.ID}, Deliveries: ids})
	return handlers[service.JobDeliverMany](f.Context(), service.Run{Kind: service.JobDeliverMany, Args: args, Attempt: 1, Attempts: 25})
}

func (f *fixture) states(w service.Webhook) map[string]int {
	out := map[string]int{}
	for _, d := range f.deliveries(w.ID) {
		out[d.State]++
	}
	return out
}

// TestTogether: what one transaction tells an endpoint is one job, whose attempts take a few
// transactions.
func TestTogether(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	ids, jobs := f.together(w, 250)
	if jobs != 3 {
		t.Errorf("expected three jobs for 250 deliveries, found %d", jobs)
	}
	c := &counting{Store: f.store}
	hooks, err := hook.New(hook.Config{Store: c, Sealer: bound{}, Sender: f.r, Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.attempts(hooks, w, ids); err != nil {
		t.Fatal(err)
	}
	if n := c.updates.Load(); n > 30 {
		t.Errorf("expected at most 30 transactions for 250 deliveries, found %d", n)
	}
	if s := f.states(w); s["delivered"] != 250 || len(f.r.got) != 250 {
		t.Errorf("found %v after %d attempts", s, len(f.r.got))
	}
	for i, m := range f.r.got {
		if m.ID != ids[i] || len(m.Secrets) != 1 || m.At.IsZero() {
			t.Fatalf("attempt %d: expected %s, signed, found %s", i, ids[i], m.ID)
		}
	}
	if err := f.attempts(hooks, w, ids); err != nil || len(f.r.got) != 250 {
		t.Errorf("the job is run again: %v, %d attempts", err, len(f.r.got))
	}
}

// TestTogetherFails: what fails goes on by itself, what was not tried is not counted, and
// nothing is tried while the circuit is open.
func TestTogetherFails(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	ids, _ := f.together(w, 60)
	n := 0
	f.r.answer = func(m hook.Message) (hook.Sent, error) {
		n++
		return hook.Sent{Attempt: service.Attempt{At: m.At, Status: 500}, Delivered: n <= 30}, nil
	}
	c := &counting{Store: f.store}
	hooks, err := hook.New(hook.Config{Store: c, Sealer: bound{}, Sender: f.r, Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	wait := later(t, f.attempts(hooks, w, ids))
	if wait < time.Minute || n != 40 {
		t.Fatalf("expected ten failures and a pause, found %d attempts and %v", n, wait)
	}
	tried := 0
	for _, d := range f.deliveries(w.ID) {
		if d.State == "pending" && (d.NextAt != nil) != (len(d.Attempts) == 1) {
			t.Errorf("found %+v", d)
		}
		tried += len(d.Attempts)
	}
	if tried != 40 {
		t.Errorf("expected 40 attempts to be kept, found %d", tried)
	}
	f.r.says(200, nil)
	later(t, f.attempts(hooks, w, ids))
	f.pass(6 * time.Minute)
	if err := f.attempts(hooks, w, ids); err != nil {
		t.Fatal(err)
	}
	if s := f.states(w); s["delivered"] != 50 || s["pending"] != 10 {
		t.Errorf("expected the ten that failed to be left to their own jobs, found %v", s)
	}
	for _, id := range ids {
		if err := f.attempt(id); err != nil {
			t.Error(err)
		}
	}
	if s := f.states(w); s["delivered"] != 60 {
		t.Errorf("found %v", s)
	}
	if n := c.jobs.Load(); n != 10 {
		t.Errorf("expected a job for each of the ten, found %d", n)
	}
}

// TestTogetherGone: an endpoint that wants nothing any more, one that is deleted, a fault of
// ours, and another job that has reserved what this one is about.
func TestTogetherGone(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	ids, _ := f.together(w, 20)
	f.r.answer = func(hook.Message) (hook.Sent, error) { return hook.Sent{}, errors.New("no key") }
	if err := f.attempts(f.hooks, w, ids); err == nil {
		t.Error("a fault of ours is silent")
	}
	// One that another job is at is left to it, and looked after.
	f.r.answer = func(m hook.Message) (hook.Sent, error) {
		f.r.says(200, nil)
		if wait := later(t, f.attempts(f.hooks, w, ids[:1])); wait < time.Minute {
			t.Errorf("expected to wait for the other attempt, found %v", wait)
		}
		f.r.says(410, nil)
		return hook.Sent{Attempt: service.Attempt{At: m.At, Status: 200}, Delivered: true}, nil
	}
	if err := f.attempts(f.hooks, w, ids); err != nil {
		t.Fatal(err)
	}
	if s := f.states(w); s["delivered"] != 1 || s["failed"] != 19 || len(f.r.got) != 3 {
		t.Errorf("found %v after %d attempts", s, len(f.r.got))
	}
	w = f.create(nil)
	ids, _ = f.together(w, 20)
	if err := f.hooks.DeleteWebhook(t.Context(), f.caller, w.ID); err != nil {
		t.Fatal(err)
	}
	got := len(f.r.got)
	if err := f.attempts(f.hooks, w, ids); err != nil || len(f.r.got) != got {
		t.Errorf("an endpoint that was deleted is asked: %v", err)
	}
}

// TestOneThatFails: an endpoint that has failed is asked one thing at a time, and what waits
// for it asks again soon.
func TestOneThatFails(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	ids, _ := f.together(w, 100)
	f.r.says(500, nil)
	later(t, f.attempt(ids[0]))
	release := make(chan struct{})
	f.r.mu.Lock()
	f.r.answer = func(m hook.Message) (hook.Sent, error) {
		if m.ID == ids[1] {
			<-release
		}
		return hook.Sent{Attempt: service.Attempt{At: m.At}, Delivered: true}, nil
	}
	f.r.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- f.attempt(ids[1]) }()
	for f.r.at.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	f.pass(3 * time.Second)
	for i, id := range ids[2:] {
		wait := time.Duration(0)
		if i%2 == 0 {
			wait = later(t, f.attempt(id))
		} else {
			wait = later(t, f.attempts(f.hooks, w, ids[2+i:]))
		}
		if wait > 20*time.Second {
			t.Fatalf("expected to ask again soon, found %v", wait)
		}
	}
	close(release)
	if err := <-done; err != nil || f.r.most.Load() != 1 {
		t.Errorf("found %d attempts at once, %v", f.r.most.Load(), err)
	}
}
