package hook_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/hook"
)

const years = 10 * 365 * 24 * time.Hour

// TestClockAhead: what failed while the clock was years ahead is tried again when it is
// right, and so is what the circuit of its endpoint held back.
func TestClockAhead(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.pass(years)
	f.emit(service.EventIssued, 12)
	ids := f.deliveries(w.ID)
	f.r.says(500, nil)
	for i := range 10 {
		later(t, f.attempt(ids[i].ID))
	}
	if !f.paused(w.ID) {
		t.Fatal("ten failures did not open the circuit")
	}
	f.pass(-years)
	f.r.says(204, nil)
	for _, id := range []string{ids[11].ID, ids[0].ID} {
		if err := f.attempt(id); err != nil {
			t.Errorf("not tried when the clock was right again: %v", err)
		}
	}
	if n := len(f.r.got); n != 12 {
		t.Errorf("expected 12 attempts, found %d", n)
	}
}

// TestClockBackWithinAttempts: attempts of a process that was killed while the clock was ahead
// are made again.
func TestClockBackWithinAttempts(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 2)
	ids := f.deliveries(w.ID)
	for _, d := range ids {
		err := f.store.Update(f.Context(), func(tx service.Tx) error {
			r, stored, err := service.Get[service.StoredDelivery](f.Context(), tx, scope, service.KindDelivery, d.ID)
			if err != nil {
				return err
			}
			stored.NextAt = f.clock().Add(years).Unix()
			return service.Put(f.Context(), tx, scope, r, stored)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.attempt(ids[0].ID); err != nil {
		t.Errorf("one delivery: %v", err)
	}
	args, err := json.Marshal(service.ManyDeliveries{ScopedID: service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment, ID: w.ID}, Deliveries: []string{ids[1].ID}})
	if err != nil {
		t.Fatal(err)
	}
	handlers, _ := f.hooks.Jobs()
	if err := handlers[service.JobDeliverMany](f.Context(), service.Run{Kind: service.JobDeliverMany, Args: args, Attempt: 1, Attempts: 25}); err != nil {
		t.Errorf("many: %v", err)
	}
	if n := len(f.r.got); n != 2 {
		t.Errorf("expected both to be delivered, found %d", n)
	}
}

// TestLeap: what waited when the clock leapt is not given up for its age, unless its endpoint
// has been failing.
func TestLeap(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 2)
	ids := f.deliveries(w.ID)
	f.pass(years)
	if err := f.attempt(ids[0].ID); err != nil || len(f.r.got) != 1 {
		t.Errorf("not tried: %v, %d attempts", err, len(f.r.got))
	}
	f.pass(-years)
	f.r.says(500, nil)
	later(t, f.attempt(ids[1].ID))
	f.pass(8 * 24 * time.Hour)
	if err := f.attempt(ids[1].ID); err != nil || len(f.r.got) != 2 {
		t.Errorf("an endpoint that failed is asked after a week: %v, %d attempts", err, len(f.r.got))
	}
	for _, d := range f.deliveries(w.ID) {
		if want := map[string]string{ids[0].ID: "delivered", ids[1].ID: "failed"}[d.ID]; d.State != want {
			t.Errorf("expected %s, found %s", want, d.State)
		}
	}
}

// TestRotatedAhead: a secret that was replaced while the clock was ahead does not sign for
// years when the clock is right.
func TestRotatedAhead(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.pass(years)
	rotated, err := f.hooks.RotateSecret(t.Context(), f.caller, w.ID, service.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	signing := func(when string, want ...string) {
		t.Helper()
		f.emit(service.EventIssued, 1)
		i := slices.IndexFunc(f.deliveries(w.ID), func(d service.Delivery) bool { return d.State == "pending" })
		if err := f.attempt(f.deliveries(w.ID)[i].ID); err != nil {
			t.Fatal(err)
		}
		if got := f.r.got[len(f.r.got)-1]; !slices.Equal(got.Secrets, want) {
			t.Errorf("%s: expected %d secrets, found %d", when, len(want), len(got.Secrets))
		}
	}
	signing("ahead", rotated.Value.SigningSecret, w.SigningSecret)
	f.pass(-time.Hour) // a clock that goes back a little cuts nobody short
	signing("an hour back", rotated.Value.SigningSecret, w.SigningSecret)
	f.pass(time.Hour - years)
	signing("right", rotated.Value.SigningSecret)
}

// TestCleanKeepsPending: what is old by a clock that is ahead, and was not delivered, is not
// removed with what was. It has a job, also where the one that it had was lost.
func TestCleanKeepsPending(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 3)
	ids := f.deliveries(w.ID)
	if err := f.attempt(ids[0].ID); err != nil {
		t.Fatal(err)
	}
	f.r.says(500, nil)
	later(t, f.attempt(ids[1].ID))
	f.r.says(204, nil)
	f.pass(years)
	handlers, _ := f.hooks.Jobs()
	if err := handlers[hook.JobClean](f.Context(), service.Run{Kind: hook.JobClean}); err != nil {
		t.Fatal(err)
	}
	f.pass(-years)
	var left []string
	for _, d := range f.deliveries(w.ID) {
		left = append(left, d.ID)
	}
	if slices.Contains(left, ids[0].ID) || !slices.Contains(left, ids[1].ID) || !slices.Contains(left, ids[2].ID) {
		t.Fatalf("expected what was not delivered to be left, found %d of 3", len(left))
	}
	f.pass(time.Minute)
	ctx, stop := context.WithTimeout(f.Context(), 20*time.Second)
	defer stop()
	err := f.store.Work(ctx, service.WorkConfig{Handlers: map[string]service.JobHandler{service.JobDeliver: func(ctx context.Context, r service.Run) error {
		err := handlers[service.JobDeliver](ctx, r)
		if !slices.ContainsFunc(f.deliveries(w.ID), func(d service.Delivery) bool { return d.State != "delivered" }) {
			stop()
		}
		return err
	}}})
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	for _, d := range f.deliveries(w.ID) {
		if d.State != "delivered" {
			t.Errorf("expected delivered, found %s", d.State)
		}
	}
}
