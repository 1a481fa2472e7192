package batch_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

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

// TestManyEndpoints: a transaction does not grow with the endpoints that are told of its rows:
// whoever else writes waits for it.
func TestManyEndpoints(t *testing.T) {
	f := setUp(t, 500)
	for n := range 50 {
		events := []string{"*"}
		if n%2 == 0 {
			events = []string{"batch.completed"}
		}
		err := f.store.Update(t.Context(), func(tx service.Tx) error {
			hook := service.StoredWebhook{URL: "https://client.example", Events: events, Active: true, Algorithm: "v1"}
			return service.Put(t.Context(), tx, scope, service.Record{Kind: service.KindWebhook, ID: fmt.Sprintf("hook-%d", n), Created: start, Updated: start}, hook)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b := f.create(service.NewBatch{}, of(60, nil))
	f.work(0, func() bool { return f.get(b.ID).FinishedAt != nil })
	// 26 endpoints listen, each to two events of a row.
	if n := f.issuing.most.Load(); n == 0 || n > 1000/52 {
		t.Errorf("%d rows at once", n)
	}
	if n := f.get(b.ID).Counts; n.Issued != 60 {
		t.Errorf("found %+v", n)
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
