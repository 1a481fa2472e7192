package register_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// takes is a quota of which a test says what becomes of the transaction that asks it.
type takes struct{ answer func() error }

func (q *takes) Take(context.Context, service.Tx, service.Scope, int64) error { return q.answer() }

func (q *takes) Left(context.Context, service.Scope) (*int64, error) { return nil, nil }

// away is a store that can be away.
type away struct {
	service.Store
	down bool
}

func (a *away) Update(ctx context.Context, f func(service.Tx) error) error {
	if a.down {
		return service.ErrUnavailable
	}
	return a.Store.Update(ctx, f)
}

// TestRefusedLeavesNoFile: the page and the badge are made before the transaction that makes
// them somebody's. Where it is refused, nobody is known whom they name, and so nobody whom an
// erasure would find them by: they are removed a while later. What was committed stays.
func TestRefusedLeavesNoFile(t *testing.T) {
	quota, store := &takes{func() error { return nil }}, &away{}
	h := newHouse(t, func(c *service.Config) {
		store.Store, c.Store, c.Quota = c.Store, store, quota
	})
	h.courseOf(h.issuer("did:web").ID)
	h.issue("CX-1", "Aina Rahman", "aina@example.com")
	before := slices.Collect(maps.Keys(h.files.Files()))
	count := func(want int) {
		t.Helper()
		if n := len(h.files.Files()); n != want {
			t.Fatalf("expected %d files, found %d", want, n)
		}
	}
	refuse := func(id string, answer func() error) {
		t.Helper()
		quota.answer = answer
		if _, err := h.core.Issue(t.Context(), h.caller, wish(id, "Berta Lund", "berta@example.com"), service.Idempotency{}); err == nil {
			t.Fatal("expected a refusal")
		}
		quota.answer = func() error { return nil }
	}
	refuse("CX-2", func() error { return &service.Error{Code: service.CodeQuota, Detail: "used up"} })
	// The database goes away, so that the removal cannot be put down either.
	refuse("CX-3", func() error { store.down = true; return service.ErrUnavailable })
	store.down = false
	count(len(before) + 6)
	h.run(300 * time.Millisecond)
	count(len(before) + 6) // a transaction whose answer was lost may still be under way
	h.pass(time.Minute)
	kept := h.issue("CX-4", "Dora Lund", "dora@example.com")
	h.pass(6 * time.Minute)
	for range 20 {
		if h.run(300 * time.Millisecond); len(h.files.Files()) == len(before)+3 {
			break
		}
	}
	count(len(before) + 3)
	left := h.files.Files()
	for _, digest := range before {
		if left[digest] == nil {
			t.Error("a file of somebody was removed")
		}
	}
	for name := range kept.Artifacts {
		if _, err := h.core.Artifact(t.Context(), h.caller, kept.ID, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCommittedStays: the answer of a commit is lost, and what it has written is kept.
func TestCommittedStays(t *testing.T) {
	lost := &lostAnswer{}
	h := newHouse(t, func(c *service.Config) { lost.Store, c.Store = c.Store, lost })
	h.courseOf(h.issuer("did:web").ID)
	h.issue("CX-1", "Aina Rahman", "aina@example.com") // takes places of the status list
	lost.next = true
	if _, err := h.core.Issue(t.Context(), h.caller, wish("CX-2", "Aina Rahman", "aina@example.com"), service.Idempotency{}); err == nil {
		t.Fatal("expected an error")
	}
	before := len(h.files.Files())
	h.pass(6 * time.Minute)
	for range 3 {
		h.run(300 * time.Millisecond)
	}
	if n := len(h.files.Files()); n != before {
		t.Errorf("%d files of %d are left", n, before)
	}
	c, err := h.core.GetCredential(t.Context(), h.caller, "CX-2")
	check(t, err)
	if len(c.Artifacts) < 4 {
		t.Errorf("found %v", c.Artifacts)
	}
}

// lostAnswer commits, and says once that nobody knows.
type lostAnswer struct {
	service.Store
	next bool
}

func (l *lostAnswer) Update(ctx context.Context, f func(service.Tx) error) error {
	err := l.Store.Update(ctx, f)
	if err == nil && l.next {
		l.next, err = false, service.ErrUnavailable
	}
	return err
}
