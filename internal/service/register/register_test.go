package register_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/portfolio"
	"github.com/chancery-dev/chancery/internal/service/register"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

const base = "https://chancery.example"

var start = time.Date(2026, 6, 30, 8, 15, 0, 0, time.UTC)

// house is a whole installation in memory, that anchors by timestamps.
type house struct {
	*testing.T
	now      atomic.Int64
	tsa      *padestest.World
	store    *memstore.Store
	files    *blob.Memory
	core     *service.Service
	stamps   *stamp.Stamps
	batches  *batch.Batches
	docs     *document.Documents
	register *register.Register
	shelves  *portfolio.Portfolios
	caller   service.Caller
	handlers map[string]service.JobHandler
}

func (h *house) clock() time.Time { return time.UnixMicro(h.now.Load()).UTC() }

// late finds the signer of batches when there is a core.
type late struct{ h *house }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHouse(t *testing.T, change ...func(*service.Config)) *house {
	t.Helper()
	h := &house{T: t, files: blob.NewMemory(0), tsa: padestest.New(t, padestest.P256)}
	h.now.Store(start.UnixMicro())
	h.store = memstore.New(h.clock)
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	check(t, err)
	timestamper := anchor.TimestamperFunc(func(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
		ts, err := h.tsa.TSA.Timestamp(ctx, hash, digest)
		if err != nil {
			return nil, err
		}
		return ts.Token, nil
	})
	signers := &late{h}
	h.stamps, err = stamp.New(stamp.Config{Store: h.store, Signers: signers, Timestamper: timestamper, Clock: h.clock, MaxAge: time.Minute, Every: time.Second})
	check(t, err)
	core := service.Config{Store: h.store, Blobs: h.files, Sealer: ring, Clock: h.clock, BaseURL: base, Stamper: h.stamps}
	for _, f := range change {
		f(&core)
	}
	h.core, err = service.New(core)
	check(t, err)
	h.batches, err = batch.New(batch.Config{Store: h.store, Blobs: h.files, Sealer: ring, Issuing: h.core, Clock: h.clock})
	check(t, err)
	h.docs, err = document.New(document.Config{Store: h.store, Blobs: h.files, Sealer: ring, Signing: h.core, BaseURL: base, Clock: h.clock, Mailer: noMail{}})
	check(t, err)
	h.shelves, err = portfolio.New(portfolio.Config{Store: h.store, BaseURL: base, Clock: h.clock})
	check(t, err)
	h.register, err = register.New(register.Config{
		Store: h.store, Blobs: h.files, Schemas: h.core, Rows: h.batches, Signers: h.docs, Stamper: h.stamps, BaseURL: base, Clock: h.clock,
		TSARoots: h.tsa.TSARoot.Chain(),
	})
	check(t, err)
	_, err = h.core.CreateTenant(t.Context(), "academy", "Academy")
	check(t, err)
	h.caller = service.System(service.Scope{Tenant: "academy", Environment: service.Live})
	h.handlers = map[string]service.JobHandler{}
	for _, jobs := range []func() (map[string]service.JobHandler, map[string]time.Duration){h.stamps.Jobs, h.batches.Jobs, h.docs.Jobs, h.register.Jobs, h.core.Jobs} {
		handlers, _ := jobs()
		for kind, f := range handlers {
			h.handlers[kind] = f
		}
	}
	return h
}

// run does the jobs that are due, for a moment.
func (h *house) run(d time.Duration) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), d)
	defer cancel()
	check(h.T, h.store.Work(ctx, service.WorkConfig{Handlers: h.handlers, OnError: func(r service.Run, err error, _ bool) {
		if ctx.Err() == nil {
			h.Errorf("%s: %v", r.Kind, err)
		}
	}}))
}

func (h *house) pass(d time.Duration) {
	h.now.Add(d.Microseconds())
	h.tsa.Now = h.clock()
}

func (h *house) issuer(method string) service.Issuer {
	h.Helper()
	i, err := h.core.CreateIssuer(h.Context(), h.caller, service.NewIssuer{Key: "academy" + method[4:], Name: "Academy", Method: method}, service.Idempotency{})
	check(h.T, err)
	return i.Value
}

func (h *house) courseOf(issuer string) {
	h.Helper()
	yes := true
	_, err := h.core.CreateType(h.Context(), h.caller, service.NewType{
		Key: "course", DisplayName: "Course", Kind: "certificate", Issuer: issuer, Outputs: []string{"vc", "pdf", "badge"}, Anchor: &yes,
		Fields: []service.Field{{Key: "trainer", Label: "Trainer", Type: "text", Visibility: "public"}, {Key: "number", Label: "Number", Type: "text", Visibility: "private"}},
	}, service.Idempotency{})
	check(h.T, err)
}

func (h *house) issue(id, name, email string) service.Credential {
	h.Helper()
	res, err := h.core.Issue(h.Context(), h.caller, wish(id, name, email), service.Idempotency{})
	check(h.T, err)
	return res.Value
}

func wish(id, name, email string) service.NewCredential {
	return service.NewCredential{Type: "course", ItemInput: service.ItemInput{
		ID: id, Recipient: service.Recipient{Name: name, Email: email},
		Claims: map[string]any{"trainer": "Unforgettable Trainer"}, Private: map[string]any{"number": "900101-14-1234"},
	}}
}

func (l *late) AnchorKey(ctx context.Context, s service.Scope, did string) (key signer.Key, issuer string, err error) {
	return l.h.core.AnchorKey(ctx, s, did)
}

func (noMail) Send(context.Context, service.Mail) error { return nil }

// TestAudit: a chain without faults verifies; of each line each change is found.
func TestAudit(t *testing.T) {
	h := newHouse(t)
	s := h.caller.Scope
	for n := range 1202 { // and the one of the tenant
		check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
			return service.WriteAudit(t.Context(), tx, h.caller, start.Add(time.Duration(n%7)*time.Second), "test.line", fmt.Sprintf("thing-%d", n), map[string]any{"n": n})
		}))
	}
	handlers, _ := h.register.Jobs()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := handlers[register.JobChain](t.Context(), service.Run{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n, headHash, err := h.register.VerifyAudit(t.Context(), s)
	if err != nil || n != 1203 || len(headHash) != 32 {
		t.Fatalf("found %d lines, %v", n, err)
	}
	list, err := h.register.Audit(t.Context(), h.caller, service.Page{Limit: 10, WithTotal: true})
	if err != nil || len(list.Items) != 10 || list.Items[0].Seq != 1203 || list.Items[0].Hash != hex.EncodeToString(headHash) || list.Items[0].Detail["n"] == nil {
		t.Fatalf("found %+v, %v", list.Items, err)
	}
	var lines []service.AuditEntry
	check(t, h.store.View(t.Context(), func(tx service.Tx) (err error) { lines, err = tx.AuditFrom(t.Context(), s, 1, 50); return err }))
	previous := []byte(nil)
	for _, e := range lines {
		want, err := register.HashLine(s, e, previous)
		if err != nil || !bytes.Equal(want, e.Hash) {
			t.Fatalf("line %d: %v", e.Seq, err)
		}
		for name, change := range map[string]func(*service.AuditEntry){
			"id": func(e *service.AuditEntry) { e.ID += "x" }, "time": func(e *service.AuditEntry) { e.At = e.At.Add(time.Microsecond) },
			"actor": func(e *service.AuditEntry) { e.Actor = "key:other" }, "action": func(e *service.AuditEntry) { e.Action = "other" },
			"subject": func(e *service.AuditEntry) { e.Subject = "" }, "source": func(e *service.AuditEntry) { e.Source = "x" },
			"request": func(e *service.AuditEntry) { e.Request = "x" }, "detail": func(e *service.AuditEntry) { e.Detail = []byte(`{"x":1}`) },
			"number": func(e *service.AuditEntry) { e.Seq++ },
			"moved":  func(e *service.AuditEntry) { e.Actor += "\",\"" },
		} {
			other := e
			change(&other)
			if got, err := register.HashLine(s, other, previous); err != nil || bytes.Equal(got, e.Hash) {
				t.Errorf("%s changed, and the hash is the same (%v)", name, err)
			}
		}
		if got, _ := register.HashLine(service.Scope{Tenant: "other", Environment: s.Environment}, e, previous); bytes.Equal(got, e.Hash) {
			t.Error("the hash does not say whose line it is")
		}
		previous = e.Hash
	}
	stranger := service.System(service.Scope{Tenant: "other", Environment: service.Live})
	if l, err := h.register.Audit(t.Context(), stranger, service.Page{}); err != nil || len(l.Items) != 0 {
		t.Errorf("a stranger reads %d lines (%v)", len(l.Items), err)
	}
	reader := h.caller
	reader.Permissions = []service.Permission{service.MayRead}
	if _, err := h.register.Audit(t.Context(), reader, service.Page{}); err == nil {
		t.Error("reading without the scope")
	}
}

// changed is a store in which the log was changed by hand.
type changed struct {
	*memstore.Store
	edit func([]service.AuditEntry) []service.AuditEntry
}

type changedTx struct {
	service.Tx
	edit func([]service.AuditEntry) []service.AuditEntry
}

func (c *changed) View(ctx context.Context, f func(service.Tx) error) error {
	return c.Store.View(ctx, func(tx service.Tx) error { return f(&changedTx{tx, c.edit}) })
}

func (c *changedTx) AuditFrom(ctx context.Context, s service.Scope, from int64, n int) ([]service.AuditEntry, error) {
	all, err := c.Tx.AuditFrom(ctx, s, 1, 1000)
	var out []service.AuditEntry
	for _, e := range c.edit(all) {
		if e.Seq >= from && len(out) < n {
			out = append(out, e)
		}
	}
	return out, err
}

func TestAuditChanged(t *testing.T) {
	h := newHouse(t)
	h.issuer("did:web")
	for n := range 20 {
		check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
			return service.WriteAudit(t.Context(), tx, h.caller, start, "test.line", fmt.Sprintf("thing-%d", n), nil)
		}))
	}
	handlers, _ := h.register.Jobs()
	check(t, handlers[register.JobAnchor](t.Context(), service.Run{}))
	check(t, handlers[register.JobAnchor](t.Context(), service.Run{})) // nothing new: no second stamp
	if err := h.store.View(t.Context(), func(tx service.Tx) error {
		l, err := tx.List(t.Context(), h.caller.Scope, service.KindStamp, nil, service.Page{})
		if len(l.Items) != 1 {
			t.Errorf("expected one stamp of the head, found %d", len(l.Items))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func([]service.AuditEntry) []service.AuditEntry{
		"a line taken out": func(a []service.AuditEntry) []service.AuditEntry { return append(a[:5:5], a[6:]...) },
		"first taken out":  func(a []service.AuditEntry) []service.AuditEntry { return a[1:] },
		"last taken out":   func(a []service.AuditEntry) []service.AuditEntry { return a[:len(a)-1] },
		"all taken out":    func(a []service.AuditEntry) []service.AuditEntry { return nil },
		"a line changed":   func(a []service.AuditEntry) []service.AuditEntry { a[3].Action = "nothing"; return a },
		"two lines changed": func(a []service.AuditEntry) []service.AuditEntry {
			a[3].Subject, a[4].Subject = a[4].Subject, a[3].Subject
			return a
		},
		"a hash changed": func(a []service.AuditEntry) []service.AuditEntry { a[3].Hash = bytes.Repeat([]byte{1}, 32); return a },
		"all hashes made anew": func(a []service.AuditEntry) []service.AuditEntry {
			a[3].Actor = "key:somebody else"
			var previous []byte
			for n := range a {
				previous, _ = register.HashLine(h.caller.Scope, a[n], previous)
				a[n].Hash = previous
			}
			return a
		},
		"a hash taken out": func(a []service.AuditEntry) []service.AuditEntry { a[3].Hash = nil; return a },
	} {
		g, err := register.New(register.Config{Store: &changed{h.store, edit}, Blobs: h.files, Schemas: h.core, Rows: h.batches, Signers: h.docs, BaseURL: base, Clock: h.clock})
		check(t, err)
		if _, _, err := g.VerifyAudit(t.Context(), h.caller.Scope); !errors.Is(err, register.ErrAudit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := h.register.VerifyAudit(t.Context(), h.caller.Scope); err != nil {
		t.Error(err)
	}
}
