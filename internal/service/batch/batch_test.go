package batch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

// TestStorm has every range issued by several goroutines at once, whose contexts end and
// whose commits fail at random, as often as it takes: each row is issued once.
func TestStorm(t *testing.T) {
	const n, chunk = 1500, 50
	f := setUp(t, chunk)
	b := f.create(service.NewBatch{}, of(n, nil))
	if b.State != "queued" || b.Done || b.Counts != (service.Counts{Total: n, Queued: n}) {
		t.Fatalf("found %+v", b)
	}
	f.issuing.commit = func(context.Context) error {
		switch rand.IntN(4) {
		case 0:
			return service.ErrUnavailable
		case 1:
			return context.Canceled
		}
		return nil
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				for from := int64(0); from < n; from += chunk {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
					f.batches.IssueRows(ctx, scope, b.ID, from, from+chunk)
					cancel()
				}
			}
		})
	}
	wg.Wait()
	mid := f.get(b.ID)
	t.Logf("after the storm: %+v", mid.Counts)
	f.issuing.commit = nil
	f.work(0, func() bool { return f.get(b.ID).FinishedAt != nil })
	f.once(b.ID, n)
	if got := f.get(b.ID); got.State != "done" || !got.Done || got.Counts != (service.Counts{Total: n, Issued: n}) || got.FinishedAt == nil {
		t.Errorf("found %+v", got)
	}
	// Again, after the end: nothing changes.
	for from := int64(0); from < n; from += chunk {
		if err := f.batches.IssueRows(t.Context(), scope, b.ID, from, from+chunk); err != nil {
			t.Fatal(err)
		}
	}
	f.once(b.ID, n)
}

// TestRefuse: what is wrong with a submission is said, and nothing of it is stored.
func TestRefuse(t *testing.T) {
	dup := func(field string) func(i int, in *service.ItemInput) {
		return func(i int, in *service.ItemInput) {
			if i == 3 || i == 40 {
				if field == "id" {
					in.ID = "same"
				} else {
					in.IdempotencyKey = "same"
				}
			}
		}
	}
	rowError := func() (service.ItemInput, error) {
		var v service.Invalid
		v.Add("validFrom", "must have a zone")
		return service.ItemInput{}, v.Err()
	}
	readFault := errors.New("connection lost")
	for name, c := range map[string]struct {
		in    service.NewBatch
		next  func() (service.ItemInput, error)
		code  service.Code
		field string
		err   error
	}{
		"no rows":          {next: of(0, nil), code: service.CodeValidation, field: "items"},
		"unknown type":     {in: service.NewBatch{Type: "nothing"}, next: of(1, nil), code: service.CodeValidation, field: "type"},
		"unknown mode":     {in: service.NewBatch{Mode: "some"}, next: of(1, nil), code: service.CodeValidation, field: "mode"},
		"name with a line": {in: service.NewBatch{Name: "a\nb"}, next: of(1, nil), code: service.CodeValidation, field: "name"},
		"bad row":          {next: of(55, func(i int, in *service.ItemInput) { in.Recipient.Name = strings.Repeat("x", i%55) }), code: service.CodeValidation, field: "items[0].recipient.name"},
		"last row bad":     {next: of(55, func(i int, in *service.ItemInput) { in.Recipient.Name = strings.Repeat("x", 54-i) }), code: service.CodeValidation, field: "items[54].recipient.name"},
		"dry run, bad row": {in: service.NewBatch{DryRun: true, Mode: "partial"}, next: of(12, func(i int, in *service.ItemInput) { in.Recipient.Name = strings.Repeat("x", 11-i) }), code: service.CodeValidation, field: "items[11].recipient.name"},
		"same id":          {next: of(50, dup("id")), code: service.CodeValidation, field: "items[40].id"},
		"same key":         {next: of(50, dup("key")), code: service.CodeValidation, field: "items[40].idempotencyKey"},
		"key with a blank": {next: of(1, func(_ int, in *service.ItemInput) { in.IdempotencyKey = "a b" }), code: service.CodeValidation, field: "items[0].idempotencyKey"},
		"id of another":    {next: of(30, func(i int, in *service.ItemInput) { in.ID = fmt.Sprintf("row-%d", i-4) }), code: service.CodeValidation, field: "items[29].id"},
		"row that is broken": {next: func() func() (service.ItemInput, error) {
			g, n := of(20, nil), 0
			return func() (service.ItemInput, error) {
				n++
				if n == 5 {
					return rowError()
				}
				return g()
			}
		}(), code: service.CodeValidation, field: "items[4].validFrom"},
		"lost midway": {next: func() func() (service.ItemInput, error) {
			g, n := of(50, nil), 0
			return func() (service.ItemInput, error) {
				n++
				if n == 35 {
					return service.ItemInput{}, readFault
				}
				return g()
			}
		}(), err: readFault},
	} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, 10)
			err := f.store.Update(t.Context(), func(tx service.Tx) error {
				return tx.AddCredential(t.Context(), scope, service.StoredCredential{ID: "row-25", PublicID: "p", State: service.StateIssued, Created: start, Body: []byte("{}")})
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.in.Type == "" {
				c.in.Type = "course"
			}
			var ids []string
			watch := &watched{Store: f.store, rows: &ids}
			b := f.open(watch, 10)
			_, err = b.CreateBatch(t.Context(), f.caller, c.in, c.next, service.Idempotency{Key: "k", Route: "POST /v1/batches"})
			var e *service.Error
			if c.err != nil {
				if !errors.Is(err, c.err) {
					t.Fatalf("expected %v, found %v", c.err, err)
				}
			} else if !errors.As(err, &e) || e.Code != c.code || e.Fields[c.field] == nil {
				t.Fatalf("expected %s at %s, found %v", c.code, c.field, err)
			}
			f.empty(ids)
		})
	}
}

// watched notes to which batches rows are added.
type watched struct {
	*memstore.Store
	rows *[]string
	fail func() error
	drop bool // rows are not kept
}

func (w *watched) Update(ctx context.Context, f func(service.Tx) error) error {
	if w.fail != nil {
		if err := w.fail(); err != nil {
			return err
		}
	}
	return w.Store.Update(ctx, func(tx service.Tx) error { return f(&watchedTx{tx, w}) })
}

type watchedTx struct {
	service.Tx
	w *watched
}

func (t *watchedTx) AddRows(ctx context.Context, s service.Scope, id string, rows []service.Row) error {
	*t.w.rows = append(*t.w.rows, id)
	if t.w.drop {
		return nil
	}
	return t.Tx.AddRows(ctx, s, id, rows)
}

// empty checks that nothing is left of batches.
func (f *fixture) empty(ids []string) {
	f.t.Helper()
	f.view(func(tx service.Tx) error {
		for _, id := range ids {
			if rows, err := tx.Rows(f.t.Context(), scope, id, "", 0, 1); err != nil || len(rows) != 0 {
				f.t.Errorf("rows are left of a batch that was not accepted: %v", err)
			}
		}
		for _, k := range []service.Kind{service.KindBatch, service.KindSetting} {
			if l, err := tx.List(f.t.Context(), scope, k, nil, service.Page{}); err != nil || len(l.Items) != 0 {
				f.t.Errorf("found %d records of kind %s (%v)", len(l.Items), k, err)
			}
		}
		return nil
	})
}

// TestKilledInSubmission: a process that ends between two chunks of rows leaves nothing
// that is seen, and the job removes the rest, but not under a submission that goes on.
func TestKilledInSubmission(t *testing.T) {
	f := setUp(t, 10)
	var ids []string
	updates := 0
	w := &watched{Store: f.store, rows: &ids, fail: func() error {
		if updates++; updates > 3 {
			return service.ErrUnavailable // from now on the process does nothing any more
		}
		return nil
	}}
	b := f.open(w, 10)
	_, err := b.CreateBatch(t.Context(), f.caller, service.NewBatch{Type: "course"}, of(100, nil), service.Idempotency{})
	if !errors.Is(err, service.ErrUnavailable) {
		t.Fatalf("found %v", err)
	}
	f.view(func(tx service.Tx) error {
		n, err := tx.CountRows(t.Context(), scope, ids[0])
		if err != nil || n.Total != 30 {
			t.Fatalf("expected 30 rows to be left behind, found %d (%v)", n.Total, err)
		}
		return nil
	})
	if l, err := f.batches.ListBatches(t.Context(), f.caller, service.Page{}); err != nil || len(l.Items) != 0 {
		t.Fatalf("half a batch is listed: %v", err)
	}
	if _, err := f.batches.GetBatch(t.Context(), f.caller, ids[0]); !service.IsNotFound(err) {
		t.Fatalf("half a batch is found: %v", err)
	}
	handlers, _ := f.batches.Jobs()
	args, _ := service.EncodeArgs(service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment, ID: ids[0]})
	run := service.Run{Kind: batch.JobAbandon, Args: args, Attempt: 1, Attempts: 25}
	var later *service.Later
	if err := handlers[batch.JobAbandon](t.Context(), run); !errors.As(err, &later) {
		t.Fatalf("rows of a fresh submission: expected to wait, found %v", err)
	}
	f.now.Add((time.Hour).Microseconds())
	if err := handlers[batch.JobAbandon](t.Context(), run); err != nil {
		t.Fatal(err)
	}
	f.empty(ids)
}

// TestTooSlow: a submission whose rows were removed meanwhile is refused, not accepted
// without its first rows.
func TestTooSlow(t *testing.T) {
	f := setUp(t, 10)
	var ids []string
	b := f.open(&watched{Store: f.store, rows: &ids}, 10)
	handlers, _ := b.Jobs()
	next := of(25, func(i int, _ *service.ItemInput) {
		if i == 22 {
			f.now.Add((2 * time.Hour).Microseconds())
			args, _ := service.EncodeArgs(service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment, ID: ids[0]})
			if err := handlers[batch.JobAbandon](t.Context(), service.Run{Args: args, Attempt: 1}); err != nil {
				t.Error(err)
			}
		}
	})
	_, err := b.CreateBatch(t.Context(), f.caller, service.NewBatch{Type: "course"}, next, service.Idempotency{})
	var e *service.Error
	if !errors.As(err, &e) || e.Code != service.CodeUnavailable {
		t.Fatalf("found %v", err)
	}
	f.empty(ids)
}

// TestMemory: what a submission holds of a row with an id and a key of its own is bounded by
// two hashes, however much the row says.
func TestMemory(t *testing.T) {
	const n = 100_000
	f := setUp(t, 500)
	var ids []string
	b := f.open(&watched{Store: f.store, rows: &ids, drop: true}, 500)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var before, after uint64
	text := strings.Repeat("x", 1000)
	next := of(n, func(i int, in *service.ItemInput) {
		in.ID, in.IdempotencyKey = fmt.Sprintf("row-%d", i), fmt.Sprintf("key-%d", i)
		in.Claims = map[string]any{"text": text + in.ID}
		switch i {
		case 1000:
			before = heap()
		case n - 1:
			after = heap()
		}
	})
	_, err := b.CreateBatch(t.Context(), f.caller, service.NewBatch{Type: "course"}, next, service.Idempotency{})
	if err == nil {
		t.Fatal("a batch whose rows are not there is accepted")
	}
	if grown := int64(after) - int64(before); grown > 24<<20 {
		t.Errorf("expected at most 24 MB for %d rows of a kilobyte, found %d", n, grown)
	} else {
		t.Logf("%d rows: %d kB more", n, grown>>10)
	}
}
