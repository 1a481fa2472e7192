package batch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
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
	most   atomic.Int64 // items in one call of Sign
}

func (*issuing) Discard(context.Context, ...*service.Signed) {}

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

func (*issuing) CheckPage(context.Context, *service.LoadedType, service.Wanted, *service.Checked) (map[string][]string, error) {
	return nil, nil
}

func (i *issuing) Sign(ctx context.Context, _ service.Caller, _ *service.LoadedType, _ service.Wanted, items []*service.Checked) ([]*service.Signed, error) {
	var out []*service.Signed
	if n := int64(len(items)); n > i.most.Load() {
		i.most.Store(n)
	}
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
	// AtOnce: the clock stands still, and what waits for its turn would wait for ever.
	b, err := batch.New(batch.Config{Store: store, Blobs: noBlobs{}, Sealer: bound{}, Issuing: f.issuing, Clock: f.clock, Chunk: chunk, AtOnce: 1000})
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
