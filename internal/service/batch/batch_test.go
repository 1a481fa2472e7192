package batch_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

var (
	scope = service.Scope{Tenant: "academy", Environment: service.Live}
	other = service.Scope{Tenant: "other", Environment: service.Live}
	start = time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC)
)

// bound is a Sealer that only checks that what it opens is in its place.
type bound struct{}

func (bound) Seal(plain []byte, place string) ([]byte, error) {
	return append([]byte(place+"\x00\x00"), plain...), nil
}

func (bound) Open(sealed []byte, place string) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte(place+"\x00\x00"))
	if !ok {
		return nil, errors.New("sealed for another place")
	}
	return plain, nil
}

// issuing makes credentials as the core does, as far as batches can tell: it refuses
// what has no name, takes a place in a status list and adds the credential.
type issuing struct {
	store  *memstore.Store
	commit func(ctx context.Context) error // called in each Commit
	signs  atomic.Int64
}

func (*issuing) BaseURL() string { return "https://chancery.example" }

func (*issuing) LoadType(_ context.Context, c service.Caller, ref string) (*service.LoadedType, error) {
	if ref != "course" {
		var v service.Invalid
		v.Add("type", "must be a type known here")
		return nil, v.Err()
	}
	return &service.LoadedType{Type: service.Type{ID: "t1", Key: "course", Version: 3}, Scope: c.Scope}, nil
}

func (i *issuing) LoadVersion(ctx context.Context, c service.Caller, id string, version int) (*service.LoadedType, error) {
	if id != "t1" || version != 3 {
		return nil, service.NotFound("credential type")
	}
	return i.LoadType(ctx, c, "course")
}

func (*issuing) Want(_ *service.LoadedType, w service.Wish) (service.Wanted, error) {
	return service.Wanted{Publish: w.Publish == nil || *w.Publish, BatchID: w.BatchID}, nil
}

func (*issuing) CheckItem(_ context.Context, _ service.Caller, _ *service.LoadedType, _ service.Wanted, in service.ItemInput) (*service.Checked, map[string][]string, error) {
	if in.Recipient.Name == "" {
		return nil, map[string][]string{"recipient.name": {"is required"}}, nil
	}
	c := &service.Checked{ID: in.ID, PublicID: service.PublicID(), Given: in.ID != ""}
	if in.ID == "" {
		c.ID = service.NewID()
	}
	return c, nil, nil
}

func (i *issuing) Sign(ctx context.Context, _ service.Caller, _ *service.LoadedType, _ service.Wanted, items []*service.Checked) ([]*service.Signed, error) {
	var out []*service.Signed
	for _, it := range items {
		i.signs.Add(1)
		s := &service.Signed{ID: it.ID, PublicID: it.PublicID}
		if strings.HasPrefix(it.ID, "unwritable") {
			var v service.Invalid
			v.Add("recipient.name", "has characters that no font here can write")
			s.Err = v.Err()
		}
		out = append(out, s)
	}
	return out, ctx.Err()
}

func (i *issuing) Commit(ctx context.Context, tx service.Tx, c service.Caller, signed []*service.Signed) error {
	first, n, err := tx.Take(ctx, c.Scope, "list", int64(len(signed)))
	if err != nil {
		return err
	}
	if n != int64(len(signed)) {
		return errors.New("the list is full")
	}
	for k, s := range signed {
		digest := fmt.Sprintf("%064x", first+int64(k))
		err := tx.AddCredential(ctx, c.Scope, service.StoredCredential{
			ID: s.ID, PublicID: s.PublicID, State: service.StateIssued, Issue: 1, TypeID: "t1", Created: start, IssuedAt: start,
			ListID: "list", Index: first + int64(k), Digest: digest, Body: []byte("{}"),
		})
		if err != nil {
			return err
		}
		a := service.StoredArtifact{Name: "vc", Issue: 1, MediaType: "application/vc", Digest: digest, Size: 2, Bytes: []byte("{}"), Created: start}
		if err := tx.AddArtifact(ctx, c.Scope, s.ID, a); err != nil {
			return err
		}
		if err := service.WriteAudit(ctx, tx, c, start, "credential.issue", s.ID, nil); err != nil {
			return err
		}
	}
	if i.commit != nil {
		return i.commit(ctx)
	}
	return nil
}

type noBlobs struct{ service.Blobs }

type fixture struct {
	t       *testing.T
	store   *memstore.Store
	issuing *issuing
	batches *batch.Batches
	now     atomic.Int64
	caller  service.Caller
}

func setUp(t *testing.T, chunk int) *fixture {
	t.Helper()
	f := &fixture{t: t, caller: service.System(scope)}
	f.now.Store(start.UnixMicro())
	f.store = memstore.New(f.clock)
	f.issuing = &issuing{store: f.store}
	f.batches = f.open(f.store, chunk)
	err := f.store.Update(t.Context(), func(tx service.Tx) error {
		if err := tx.AddList(t.Context(), scope, service.StoredList{ID: "list", IssuerID: "i1", Entries: 1 << 17, Created: start}); err != nil {
			return err
		}
		hook := service.StoredWebhook{URL: "https://client.example", Events: []string{"*"}, Active: true, Algorithm: "v1"}
		return service.Put(t.Context(), tx, scope, service.Record{Kind: service.KindWebhook, ID: "hook", Created: start, Updated: start}, hook)
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) clock() time.Time { return time.UnixMicro(f.now.Load()).UTC() }

func (f *fixture) open(store service.Store, chunk int) *batch.Batches {
	f.t.Helper()
	b, err := batch.New(batch.Config{Store: store, Blobs: noBlobs{}, Sealer: bound{}, Issuing: f.issuing, Clock: f.clock, Chunk: chunk})
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// of yields n rows; edit may change them.
func of(n int, edit func(i int, in *service.ItemInput)) func() (service.ItemInput, error) {
	i := 0
	return func() (service.ItemInput, error) {
		if i == n {
			return service.ItemInput{}, io.EOF
		}
		in := service.ItemInput{Recipient: service.Recipient{Name: fmt.Sprintf("Person %d", i), Email: fmt.Sprintf("p%d@example.com", i)}}
		if edit != nil {
			edit(i, &in)
		}
		i++
		return in, nil
	}
}

func (f *fixture) create(in service.NewBatch, next func() (service.ItemInput, error)) service.Batch {
	f.t.Helper()
	if in.Type == "" {
		in.Type = "course"
	}
	res, err := f.batches.CreateBatch(f.t.Context(), f.caller, in, next, service.Idempotency{})
	if err != nil {
		f.t.Fatal(err)
	}
	return res.Value
}

func (f *fixture) get(id string) service.Batch {
	f.t.Helper()
	b, err := f.batches.GetBatch(f.t.Context(), f.caller, id)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// work runs jobs until the condition holds.
func (f *fixture) work(wait time.Duration, until func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 15*time.Second)
	defer cancel()
	handlers, every := f.batches.Jobs()
	done := make(chan error, 1)
	go func() {
		done <- f.store.Work(ctx, service.WorkConfig{Handlers: handlers, Every: every, Wait: func(string, int) time.Duration { return wait }})
	}()
	for !until() && ctx.Err() == nil {
		time.Sleep(2 * time.Millisecond)
	}
	failed := ctx.Err() != nil
	cancel()
	<-done
	if failed {
		f.t.Fatal("the jobs did not get there")
	}
}

func (f *fixture) view(do func(tx service.Tx) error) {
	f.t.Helper()
	if err := f.store.View(f.t.Context(), do); err != nil {
		f.t.Fatal(err)
	}
}

// once checks that every one of n rows has one credential, with an index of its own, and
// that the end was told once.
func (f *fixture) once(id string, n int) {
	f.t.Helper()
	f.view(func(tx service.Tx) error {
		indices, ids := map[int64]bool{}, map[string]bool{}
		for p := (service.Page{Limit: 1000}); ; {
			list, err := tx.Credentials(f.t.Context(), scope, service.CredentialQuery{Now: start}, p)
			if err != nil {
				return err
			}
			for _, c := range list.Items {
				indices[c.Index], ids[c.ID] = true, true
			}
			if p.Cursor = list.Next; p.Cursor == "" {
				break
			}
		}
		if len(ids) != n || len(indices) != n {
			f.t.Errorf("expected %d credentials with indices of their own, found %d with %d", n, len(ids), len(indices))
		}
		rows, err := tx.Rows(f.t.Context(), scope, id, "issued", 0, n+1)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !ids[r.CredentialID] {
				f.t.Errorf("row %d has no credential", r.Index)
			}
			if len(r.Body) != 0 {
				f.t.Errorf("row %d keeps what was sent", r.Index)
			}
		}
		if len(rows) != n {
			f.t.Errorf("expected %d issued rows, found %d", n, len(rows))
		}
		told, err := tx.List(f.t.Context(), scope, service.KindDelivery, nil, service.Page{Limit: 1000})
		if err != nil {
			return err
		}
		ends := 0
		for _, r := range told.Items {
			var d service.StoredDelivery
			if err := json.Unmarshal(r.Body, &d); err != nil {
				return err
			}
			if d.Event == service.EventBatchDone && strings.Contains(d.Body, id) {
				ends++
			}
		}
		if ends != 1 {
			f.t.Errorf("expected one batch.completed, found %d", ends)
		}
		return nil
	})
}

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

func TestPartial(t *testing.T) {
	f := setUp(t, 10)
	b := f.create(service.NewBatch{Mode: "partial", Name: "May"}, of(45, func(i int, in *service.ItemInput) {
		if i%5 == 0 {
			in.Recipient.Name = ""
		}
		if i == 7 {
			in.ID = "unwritable-7" // found when it is drawn
		}
	}))
	if b.Counts != (service.Counts{Total: 45, Queued: 36, Failed: 9}) || b.State != "queued" {
		t.Fatalf("found %+v", b)
	}
	f.work(0, func() bool { return f.get(b.ID).FinishedAt != nil })
	f.once(b.ID, 35)
	if got := f.get(b.ID); got.Counts != (service.Counts{Total: 45, Issued: 35, Failed: 10}) {
		t.Fatalf("found %+v", got)
	}
	seen := 0
	for p := (service.Page{Limit: 3}); ; {
		l, err := f.batches.BatchItems(t.Context(), f.caller, b.ID, "failed", p)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range l.Items {
			seen++
			if it.Errors["recipient.name"] == nil || it.Credential != nil {
				t.Errorf("found %+v", it)
			}
		}
		if p.Cursor = l.Next; p.Cursor == "" {
			break
		}
	}
	if seen != 10 {
		t.Errorf("expected 10 failed rows, found %d", seen)
	}
	l, err := f.batches.BatchItems(t.Context(), f.caller, b.ID, "issued", service.Page{Limit: 1, WithTotal: true})
	if err != nil || l.Total != 35 || !strings.HasPrefix(l.Items[0].Credential.Name, "https://chancery.example/c/") {
		t.Errorf("found %+v, %v", l, err)
	}
	for _, bad := range []service.Page{{Cursor: "x"}, {Cursor: "-1"}, {Cursor: "01"}} {
		if _, err := f.batches.BatchItems(t.Context(), f.caller, b.ID, "", bad); err == nil {
			t.Errorf("cursor %q is taken", bad.Cursor)
		}
	}
	if _, err := f.batches.BatchItems(t.Context(), f.caller, b.ID, "lost", service.Page{}); err == nil {
		t.Error("an unknown state is taken")
	}
}

// TestAllRowsBad: a partial batch of bad rows alone is done at once.
func TestAllRowsBad(t *testing.T) {
	f := setUp(t, 10)
	b := f.create(service.NewBatch{Mode: "partial"}, of(12, func(_ int, in *service.ItemInput) { in.Recipient.Name = "" }))
	if !b.Done || b.State != "done" || b.Counts.Failed != 12 || b.FinishedAt == nil {
		t.Fatalf("found %+v", b)
	}
	f.once(b.ID, 0)
}

func TestHaltAndResume(t *testing.T) {
	f := setUp(t, 10)
	var broken atomic.Bool
	broken.Store(true)
	f.issuing.commit = func(context.Context) error {
		if broken.Load() {
			return errors.New("the list cannot be signed: secret detail")
		}
		return nil
	}
	b := f.create(service.NewBatch{}, of(30, nil))
	f.work(0, func() bool { return f.get(b.ID).State == "halted" })
	got := f.get(b.ID)
	if got.Done || got.Counts.Queued != 30 || got.Problem == "" || strings.Contains(got.Problem, "secret") {
		t.Fatalf("found %+v", got)
	}
	if err := f.batches.IssueRows(t.Context(), scope, b.ID, 0, 10); err == nil {
		t.Fatal("a halted batch goes on")
	}
	broken.Store(false)
	if got, err := f.batches.ResumeBatch(t.Context(), f.caller, b.ID); err != nil || got.State != "queued" || got.Problem != "" {
		t.Fatalf("found %+v, %v", got, err)
	}
	f.work(0, func() bool { return f.get(b.ID).FinishedAt != nil })
	f.once(b.ID, 30)
	var e *service.Error
	if _, err := f.batches.ResumeBatch(t.Context(), f.caller, b.ID); !errors.As(err, &e) || e.Code != service.CodeState {
		t.Errorf("resuming what is done: %v", err)
	}
}

// TestQuota: what no further attempt can end otherwise halts the batch at once, with the
// reason for the caller.
func TestQuota(t *testing.T) {
	f := setUp(t, 10)
	commits := atomic.Int64{}
	f.issuing.commit = func(context.Context) error {
		commits.Add(1)
		return &service.Error{Code: service.CodeQuota, Detail: "no live credentials are left this month"}
	}
	b := f.create(service.NewBatch{}, of(5, nil))
	f.work(0, func() bool { return f.get(b.ID).State == "halted" })
	if got := f.get(b.ID); got.Problem != "no live credentials are left this month" || commits.Load() != 1 {
		t.Errorf("found %+v after %d attempts", got, commits.Load())
	}
}

// TestKeysAcrossBatches: a key or id that two batches bring is used by one of them, also
// where both were accepted before either was issued.
func TestKeysAcrossBatches(t *testing.T) {
	f := setUp(t, 10)
	edit := func(i int, in *service.ItemInput) {
		if i == 1 {
			in.IdempotencyKey = "row-key"
		}
		if i == 2 {
			in.ID = "CX-1"
		}
	}
	a, b := f.create(service.NewBatch{}, of(5, edit)), f.create(service.NewBatch{}, of(5, edit))
	done := func() bool { return f.get(a.ID).FinishedAt != nil && f.get(b.ID).FinishedAt != nil }
	f.work(0, done)
	x, y := f.get(a.ID).Counts, f.get(b.ID).Counts
	if x.Issued+y.Issued != 8 || x.Failed+y.Failed != 2 {
		t.Fatalf("found %+v and %+v", x, y)
	}
	_, err := f.batches.CreateBatch(t.Context(), f.caller, service.NewBatch{Type: "course"}, of(5, edit), service.Idempotency{})
	var e *service.Error
	if !errors.As(err, &e) || e.Fields["items[1].idempotencyKey"] == nil || e.Fields["items[2].id"] == nil {
		t.Fatalf("found %v", err)
	}
	f.now.Add((25 * time.Hour).Microseconds())
	if c := f.create(service.NewBatch{}, of(2, edit)); c.Counts.Queued != 2 {
		t.Errorf("a key is kept for longer than a day: %+v", c)
	}
}

func TestIdempotent(t *testing.T) {
	f := setUp(t, 10)
	key := service.Idempotency{Key: "one", Route: "POST /v1/batches", Digest: [32]byte{1}}
	var first service.Batch
	var wg sync.WaitGroup
	ids := sync.Map{}
	for range 8 {
		wg.Go(func() {
			res, err := f.batches.CreateBatch(t.Context(), f.caller, service.NewBatch{Type: "course"}, of(35, nil), key)
			if err != nil {
				t.Error(err)
			}
			ids.Store(res.Value.ID, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	l, err := f.batches.ListBatches(t.Context(), f.caller, service.Page{})
	if err != nil || len(l.Items) != 1 || n != 1 {
		t.Fatalf("expected one batch, found %d under %d ids (%v)", len(l.Items), n, err)
	}
	first = l.Items[0]
	f.view(func(tx service.Tx) error {
		if s, err := tx.List(t.Context(), scope, service.KindSetting, nil, service.Page{}); err != nil || len(s.Items) != 0 {
			t.Errorf("markers are left: %v", err)
		}
		return nil
	})
	other := key
	other.Digest = [32]byte{2}
	var e *service.Error
	if _, err := f.batches.CreateBatch(t.Context(), f.caller, service.NewBatch{Type: "course"}, of(1, nil), other); !errors.As(err, &e) || e.Code != service.CodeMismatch {
		t.Errorf("another request under the key: %v", err)
	}
	f.work(0, func() bool { return f.get(first.ID).FinishedAt != nil })
	f.once(first.ID, 35)
}

func TestForeign(t *testing.T) {
	f := setUp(t, 10)
	b := f.create(service.NewBatch{}, of(3, nil))
	stranger := service.System(other)
	test := service.System(service.Scope{Tenant: scope.Tenant, Environment: service.Test})
	for _, c := range []service.Caller{stranger, test} {
		_, err1 := f.batches.GetBatch(t.Context(), c, b.ID)
		_, err2 := f.batches.BatchItems(t.Context(), c, b.ID, "", service.Page{})
		_, err3 := f.batches.ResumeBatch(t.Context(), c, b.ID)
		var out bytes.Buffer
		err4 := f.batches.WriteBatch(t.Context(), c, b.ID, &out)
		for i, err := range []error{err1, err2, err3, err4} {
			if !service.IsNotFound(err) {
				t.Errorf("call %d: expected not found, found %v", i, err)
			}
		}
		if out.Len() != 0 {
			t.Error("something is written for a stranger")
		}
	}
	nobody := f.caller
	nobody.Permissions = []service.Permission{service.MayAudit}
	if _, err := f.batches.GetBatch(t.Context(), nobody, b.ID); err == nil {
		t.Error("reading without the scope")
	}
	nobody.Permissions = []service.Permission{service.MayRead}
	if _, err := f.batches.CreateBatch(t.Context(), nobody, service.NewBatch{Type: "course"}, of(1, nil), service.Idempotency{}); err == nil {
		t.Error("issuing without the scope")
	}
}

func TestResults(t *testing.T) {
	f := setUp(t, 10)
	b := f.create(service.NewBatch{Mode: "partial"}, of(120, func(i int, in *service.ItemInput) {
		switch i {
		case 0:
			in.ID = ".."
		case 1:
			in.ID = "-formula"
		case 2:
			in.Recipient.Name = ""
		}
	}))
	f.work(0, func() bool { return f.get(b.ID).FinishedAt != nil })
	var out bytes.Buffer
	if err := f.batches.WriteBatch(t.Context(), f.caller, b.ID, &out); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	vcs := 0
	for _, file := range z.File {
		if strings.Contains(file.Name, "../") || strings.HasPrefix(file.Name, "/") {
			t.Errorf("a file leads out of its folder: %s", file.Name)
		}
		if strings.HasPrefix(file.Name, "vc/") {
			vcs++
		}
		if file.Name != "results.csv" {
			continue
		}
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if len(lines) != 121 || !strings.HasPrefix(lines[3], "2,failed,") || !strings.Contains(lines[3], "recipient.name is required") || !strings.Contains(lines[2], "'-formula") {
			t.Errorf("found\n%s\n%s\n%s", lines[0], lines[2], lines[3])
		}
		if strings.Contains(string(text), "example.com,") || strings.Contains(string(text), "Person") {
			t.Error("the table holds personal data")
		}
	}
	if vcs != 119 {
		t.Errorf("expected 119 credentials, found %d", vcs)
	}
}

func TestEraseRows(t *testing.T) {
	f := setUp(t, 10)
	b := f.create(service.NewBatch{}, of(33, nil))
	n, err := f.batches.EraseRows(t.Context(), scope, func(r service.Recipient) bool { return r.Email == "p21@example.com" || r.Email == "p5@example.com" })
	if err != nil || n != 2 {
		t.Fatalf("expected 2 rows, found %d (%v)", n, err)
	}
	f.view(func(tx service.Tx) error {
		rows, err := tx.Rows(t.Context(), scope, b.ID, "failed", 0, 10)
		for _, r := range rows {
			if len(r.Body) != 0 || strings.Contains(string(r.Errors), "Person") {
				t.Errorf("row %d keeps what was sent", r.Index)
			}
		}
		return err
	})
	f.work(0, func() bool { return f.get(b.ID).FinishedAt != nil })
	f.once(b.ID, 31)
}

func TestConfig(t *testing.T) {
	ok := batch.Config{Store: memstore.New(time.Now), Blobs: noBlobs{}, Sealer: bound{}, Issuing: &issuing{}, Clock: time.Now}
	if _, err := batch.New(ok); err != nil {
		t.Fatal(err)
	}
	for i, spoil := range []func(*batch.Config){
		func(c *batch.Config) { c.Store = nil }, func(c *batch.Config) { c.Blobs = nil }, func(c *batch.Config) { c.Sealer = nil },
		func(c *batch.Config) { c.Issuing = nil }, func(c *batch.Config) { c.Clock = nil }, func(c *batch.Config) { c.Chunk = -1 },
		func(c *batch.Config) { c.Chunk = 1 << 20 }, func(c *batch.Config) { c.MaxRows = -1 }, func(c *batch.Config) { c.Faults = -1 },
	} {
		c := ok
		spoil(&c)
		if _, err := batch.New(c); err == nil {
			t.Errorf("configuration %d is taken", i)
		}
	}
	c := ok
	c.MaxRows = 3
	b, err := batch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var e *service.Error
	if _, err := b.CreateBatch(t.Context(), service.System(scope), service.NewBatch{Type: "course"}, of(4, nil), service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeTooLarge {
		t.Errorf("a batch over the limit: %v", err)
	}
}
