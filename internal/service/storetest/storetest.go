// Package storetest holds the checks that every implementation of service.Store passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	anchortest "github.com/chancery-dev/chancery/anchor/storetest"
	"github.com/chancery-dev/chancery/internal/service"
)

// Suite makes stores. Each function is called several times in a test.
type Suite struct {
	// New returns an empty store, which is closed at the end of the test.
	New func(t *testing.T) service.Store
	// Reopen closes a store and returns one over the same data. Nil: the store is not
	// durable, and what needs this is skipped.
	Reopen func(t *testing.T, s service.Store) service.Store
	// Parallel runs checks side by side.
	Parallel bool
}

// Scopes of the tests.
var (
	ScopeA = service.Scope{Tenant: "a", Environment: service.Live}
	ScopeB = service.Scope{Tenant: "a", Environment: service.Test}
	ScopeC = service.Scope{Tenant: "b", Environment: service.Live}
	base   = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
)

// Run runs all checks.
func Run(t *testing.T, su Suite) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, Suite)
	}{
		{"Rollback", testRollback}, {"ReadOnly", testReadOnly}, {"DeadTx", testDeadTx}, {"Goexit", testGoexit}, {"Snapshot", testSnapshot}, {"Cancelled", testCancelled}, {"Closed", testClosed},
		{"Records", testRecords}, {"GetList", testGetList}, {"RecordPages", testRecordPages}, {"Lookup", testLookup}, {"LookupChange", testLookupChange}, {"RecordRace", testRecordRace}, {"BadCursors", testBadCursors}, {"Text", testText},
		{"Answers", testAnswers}, {"OnceRace", testOnceRace},
		{"Credentials", testCredentials}, {"CredentialKeys", testCredentialKeys}, {"CredentialFilters", testCredentialFilters}, {"CredentialPages", testCredentialPages}, {"Claims", testClaims},
		{"Artifacts", testArtifacts}, {"SlotRace", testSlotRace},
		{"Lists", testLists}, {"TakeRace", testTakeRace}, {"BitRace", testBitRace}, {"Publications", testPublications},
		{"Rows", testRows}, {"RowRace", testRowRace},
		{"Audit", testAudit}, {"ChainRace", testChainRace}, {"Verifications", testVerifications}, {"VerificationPages", testVerificationPages}, {"Counters", testCounters},
		{"Jobs", testJobs}, {"JobKeys", testJobKeys}, {"JobFailures", testJobFailures}, {"JobKinds", testJobKinds}, {"JobPeriodic", testJobPeriodic}, {"JobStop", testJobStop}, {"JobLanes", testJobLanes}, {"JobWakeup", testJobWakeup},
		{"Foreign", testForeign}, {"Durable", testDurable}, {"Writers", testWriters},
	} {
		t.Run(c.name, func(t *testing.T) {
			if su.Parallel {
				t.Parallel()
			}
			c.f(t, su)
		})
	}
	t.Run("Anchors", func(t *testing.T) {
		if su.Parallel {
			t.Parallel()
		}
		testAnchors(t, su)
	})
	t.Run("AnchorAccounts", func(t *testing.T) {
		if su.Parallel {
			t.Parallel()
		}
		testAnchorAccounts(t, su)
	})
}

// testAnchorAccounts has batches of several scopes share an account: none has a nonce of
// another.
func testAnchorAccounts(t *testing.T, su Suite) {
	st, ctx := su.New(t), t.Context()
	var nonces []uint64
	for seq := range uint64(3) {
		for _, scope := range []service.Scope{ScopeA, ScopeC} {
			s := st.Anchors(scope)
			_, err := s.Add(ctx, anchortest.Items(fmt.Sprint(seq), 1))
			check(t, err)
			r, leaves := anchortest.Record(t, seq, seq, 1)
			check(t, s.Seal(ctx, r, leaves))
			r, err = s.Reserve(ctx, r, anchor.Account{ChainID: 1}, 5)
			check(t, err)
			nonces = append(nonces, r.Nonce)
		}
	}
	equal(t, "nonces", fmt.Sprint(nonces), "[5 6 7 8 9 10]")
}

// testAnchors runs the checks of anchor.Store beside another scope of the same database.
func testAnchors(t *testing.T, su Suite) {
	inner := anchortest.Suite{New: func(t *testing.T) anchor.Store {
		st := su.New(t)
		_, err := st.Anchors(ScopeC).Add(t.Context(), anchortest.Items("a", 3)) // which nobody else sees
		check(t, err)
		return &anchors{Store: st.Anchors(ScopeA), st: st}
	}}
	if su.Reopen != nil {
		inner.Reopen = func(t *testing.T, s anchor.Store) anchor.Store {
			st := su.Reopen(t, s.(*anchors).st)
			return &anchors{Store: st.Anchors(ScopeA), st: st}
		}
	}
	anchortest.Run(t, inner)
}

type anchors struct {
	anchor.Store
	st service.Store
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("expected %v, found %v", sentinel, err)
	}
}

func equal[T comparable](t *testing.T, what string, got, expected T) {
	t.Helper()
	if got != expected {
		t.Fatalf("%s: expected %v, found %v", what, expected, got)
	}
}

func update(t *testing.T, st service.Store, f func(ctx context.Context, tx service.Tx) error) {
	t.Helper()
	check(t, try(t, st, f))
}

func try(t *testing.T, st service.Store, f func(ctx context.Context, tx service.Tx) error) error {
	t.Helper()
	ctx := t.Context()
	return st.Update(ctx, func(tx service.Tx) error { return f(ctx, tx) })
}

func view(t *testing.T, st service.Store, f func(ctx context.Context, tx service.Tx) error) {
	t.Helper()
	ctx := t.Context()
	check(t, st.View(ctx, func(tx service.Tx) error { return f(ctx, tx) }))
}

func record(id string) service.Record {
	return service.Record{Kind: service.KindIssuer, ID: id, Created: base, Updated: base, Body: []byte(`{"id":"` + id + `"}`)}
}

func put(t *testing.T, st service.Store, r service.Record) {
	t.Helper()
	update(t, st, func(ctx context.Context, tx service.Tx) error { return tx.Put(ctx, ScopeA, r) })
}

// has reports whether a record is there, or why that is not known.
func has(ctx context.Context, st service.Store, id string) (bool, error) {
	err := st.View(ctx, func(tx service.Tx) error {
		_, err := tx.Get(ctx, ScopeA, service.KindIssuer, id)
		return err
	})
	if errors.Is(err, service.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func absent(t *testing.T, st service.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		found, err := has(t.Context(), st, id)
		check(t, err)
		if found {
			t.Fatalf("%q was written", id)
		}
	}
}

func testRollback(t *testing.T, su Suite) {
	st := su.New(t)
	boom := errors.New("boom")
	want(t, try(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.Put(ctx, ScopeA, record("x")))
		check(t, tx.AddCredential(ctx, ScopeA, credential("c")))
		check(t, tx.AddArtifact(ctx, ScopeA, "c", artifact("vc", 1)))
		check(t, tx.AddAudit(ctx, ScopeA, audit("1")))
		check(t, tx.AddList(ctx, ScopeA, service.StoredList{ID: "l", IssuerID: "i", Entries: 10, Created: base}))
		check(t, tx.SetBit(ctx, ScopeA, "l", "revocation", 3, true))
		check(t, tx.AddRows(ctx, ScopeA, "b", []service.Row{{Index: 0, State: "queued", Key: "k"}}))
		check(t, tx.Remember(ctx, ScopeA, "r", "k", service.Answer{Expires: base.Add(time.Hour)}, base))
		check(t, tx.Enqueue(ctx, service.Job{Kind: "rolled-back", Key: "k"}))
		_, err := tx.Count(ctx, ScopeA, "n", 5)
		check(t, err)
		return boom
	}), boom)
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		_, err := tx.Get(ctx, ScopeA, service.KindIssuer, "x")
		want(t, err, service.ErrNotFound)
		_, err = tx.Credential(ctx, ScopeA, "c")
		want(t, err, service.ErrNotFound)
		_, _, err = tx.PublicCredential(ctx, "pub-c")
		want(t, err, service.ErrNotFound)
		_, _, err = tx.DigestCredential(ctx, digest("vc1"))
		want(t, err, service.ErrNotFound)
		_, _, err = tx.StatusList(ctx, "l")
		want(t, err, service.ErrNotFound)
		_, err = tx.OpenList(ctx, ScopeA, "i")
		want(t, err, service.ErrNotFound)
		_, err = tx.Recall(ctx, ScopeA, "r", "k", base)
		want(t, err, service.ErrNotFound)
		counts, err := tx.CountRows(ctx, ScopeA, "b")
		check(t, err)
		equal(t, "rows", counts, service.RowCounts{})
		scopes, err := tx.UnchainedScopes(ctx)
		check(t, err)
		equal(t, "scopes with entries", len(scopes), 0)
		return nil
	})
	// The very same can be done after it.
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.AddCredential(ctx, ScopeA, credential("c")))
		check(t, tx.AddRows(ctx, ScopeA, "b", []service.Row{{Index: 0, State: "queued", Key: "k"}}))
		n, err := tx.Count(ctx, ScopeA, "n", 1)
		equal(t, "counter", n, 1)
		return err
	})
}

func testReadOnly(t *testing.T, su Suite) {
	st := su.New(t)
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		if tx.Put(ctx, ScopeA, record("x")) == nil || tx.AddAudit(ctx, ScopeA, audit("1")) == nil || tx.Enqueue(ctx, service.Job{Kind: "k"}) == nil {
			t.Error("a View can write")
		}
		return nil
	})
	absent(t, st, "x")
}

func testDeadTx(t *testing.T, su Suite) {
	st := su.New(t)
	var kept service.Tx
	update(t, st, func(_ context.Context, tx service.Tx) error { kept = tx; return nil })
	if err := kept.Put(t.Context(), ScopeA, record("x")); err == nil {
		t.Fatal("a transaction writes after its end")
	}
	view(t, st, func(_ context.Context, tx service.Tx) error { kept = tx; return nil })
	if _, err := kept.Get(t.Context(), ScopeA, service.KindIssuer, "x"); err == nil || errors.Is(err, service.ErrNotFound) {
		t.Fatal("a transaction reads after its end")
	}
}

// testGoexit ends goroutines within transactions, as a panic would.
func testGoexit(t *testing.T, su Suite) {
	st := su.New(t)
	ctx := t.Context()
	for _, f := range []func(){
		func() {
			_ = st.Update(ctx, func(tx service.Tx) error {
				if err := tx.Put(ctx, ScopeA, record("x")); err != nil {
					t.Error(err)
				}
				runtime.Goexit()
				return nil
			})
		},
		func() { _ = st.View(ctx, func(service.Tx) error { runtime.Goexit(); return nil }) },
	} {
		for range 10 { // no connection is lost by it
			var wg sync.WaitGroup
			wg.Go(f)
			wg.Wait()
		}
	}
	absent(t, st, "x")
	put(t, st, record("y"))
}

// testSnapshot reads twice in a View with a write in between, where the store lets
// writers go on.
func testSnapshot(t *testing.T, su Suite) {
	st := su.New(t)
	put(t, st, record("before"))
	written := make(chan error, 1)
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		l, err := tx.List(ctx, ScopeA, service.KindIssuer, nil, service.Page{})
		check(t, err)
		equal(t, "records", len(l.Items), 1)
		go func() {
			written <- st.Update(ctx, func(tx service.Tx) error { return tx.Put(ctx, ScopeA, record("after")) })
		}()
		select {
		case err := <-written:
			check(t, err)
			written <- nil
		case <-time.After(300 * time.Millisecond): // writers wait for readers
		}
		l, err = tx.List(ctx, ScopeA, service.KindIssuer, nil, service.Page{})
		check(t, err)
		equal(t, "records in the same View", len(l.Items), 1)
		return nil
	})
	check(t, <-written)
	found, err := has(t.Context(), st, "after")
	check(t, err)
	equal(t, "what was committed is seen by a later View", found, true)
}

func testCancelled(t *testing.T, su Suite) {
	st := su.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, st.Update(ctx, func(tx service.Tx) error { return tx.Put(t.Context(), ScopeA, record("x")) }), context.Canceled)
	want(t, st.View(ctx, func(service.Tx) error { return nil }), context.Canceled)
	ctx, cancel = context.WithCancel(t.Context())
	err := st.Update(ctx, func(tx service.Tx) error {
		check(t, tx.Put(ctx, ScopeA, record("x")))
		cancel()
		return tx.Put(ctx, ScopeA, record("y"))
	})
	want(t, err, context.Canceled)
	absent(t, st, "x", "y")
}

func testClosed(t *testing.T, su Suite) {
	st := su.New(t)
	check(t, st.Ready(t.Context()))
	check(t, st.Close())
	want(t, st.View(t.Context(), func(service.Tx) error { return nil }), service.ErrUnavailable)
	want(t, st.Update(t.Context(), func(service.Tx) error { return nil }), service.ErrUnavailable)
	want(t, st.Ready(t.Context()), service.ErrUnavailable)
	check(t, st.Close())
}

func testDurable(t *testing.T, su Suite) {
	if su.Reopen == nil {
		t.Skip("the store is not durable")
	}
	st := su.New(t)
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		check(t, tx.AddCredential(ctx, ScopeA, credential("c")))
		check(t, tx.AddArtifact(ctx, ScopeA, "c", artifact("vc", 1)))
		return tx.Enqueue(ctx, service.Job{Kind: "kept", Args: []byte(`{"a":1}`), Key: "k"})
	})
	st = su.Reopen(t, st)
	view(t, st, func(ctx context.Context, tx service.Tx) error {
		c, err := tx.Credential(ctx, ScopeA, "c")
		check(t, err)
		sameCredential(t, c, stored(credential("c"), 1))
		return nil
	})
	ran := make(chan string, 10)
	work(t, st, service.WorkConfig{Handlers: map[string]service.JobHandler{"kept": func(_ context.Context, r service.Run) error {
		ran <- string(r.Args)
		return nil
	}}})
	equal(t, "arguments", recv(t, "the job", ran), `{"a":1}`)
}

var errRefused = errors.New("refused")

func testWriters(t *testing.T, su Suite) {
	st := su.New(t)
	const writers, each = 16, 25
	parallel(t, writers, func(w int) error {
		for i := range each {
			err := st.Update(t.Context(), func(tx service.Tx) error {
				if err := tx.Put(t.Context(), ScopeA, record(fmt.Sprintf("%d-%d", w, i))); err != nil {
					return err
				}
				if _, err := tx.Count(t.Context(), ScopeA, "n", 1); err != nil {
					return err
				}
				if i%5 == 4 {
					return errRefused // takes back only its own
				}
				return nil
			})
			if i%5 == 4 && !errors.Is(err, errRefused) || i%5 != 4 && err != nil {
				return fmt.Errorf("update %d: %w", i, err)
			}
		}
		return nil
	})
	update(t, st, func(ctx context.Context, tx service.Tx) error {
		n, err := tx.Count(ctx, ScopeA, "n", 0)
		check(t, err)
		equal(t, "counter", n, writers*each*4/5)
		l, err := tx.List(ctx, ScopeA, service.KindIssuer, nil, service.Page{Limit: 1, WithTotal: true})
		check(t, err)
		equal(t, "records", l.Total, writers*each*4/5)
		return nil
	})
}

// parallel runs f n times at once.
func parallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
