package service_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

// post is a Mailer that keeps what it sends.
type post struct {
	mu   sync.Mutex
	sent []service.Mail
	err  error
}

func (p *post) Send(_ context.Context, m service.Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.sent = append(p.sent, m)
	return nil
}

const base = "https://chancery.example"

// world is an installation with a clock of its own.
type world struct {
	t      testing.TB
	ctx    context.Context
	mu     sync.Mutex
	now    time.Time
	config service.Config
	store  *memstore.Store
	blobs  *blob.Memory
	post   *post
	s      *service.Service
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t testing.TB, change ...func(*service.Config)) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), now: time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC), blobs: blob.NewMemory(0), post: &post{}}
	w.store = memstore.New(w.clock)
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	w.config = service.Config{Store: w.store, Blobs: w.blobs, Sealer: ring, Clock: w.clock, BaseURL: base, Mailer: w.post}
	for _, f := range change {
		f(&w.config)
	}
	w.s = w.again()
	return w
}

// again is another process on the same store.
func (w *world) again() *service.Service {
	w.t.Helper()
	s, err := service.New(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// tenant makes an institution and returns its system caller.
func (w *world) tenant(id string, e service.Environment) service.Caller {
	w.t.Helper()
	if _, err := w.s.CreateTenant(w.ctx, id, "Institution "+id); err != nil && code(err) != service.CodeDuplicate {
		w.t.Fatal(err)
	}
	return service.System(service.Scope{Tenant: id, Environment: e})
}

func (w *world) issuer(c service.Caller, change ...func(*service.NewIssuer)) service.Issuer {
	w.t.Helper()
	in := service.NewIssuer{Name: "Academy of " + c.Tenant}
	for _, f := range change {
		f(&in)
	}
	return must(w.s.CreateIssuer(w.ctx, c, in, service.Idempotency{}))(w.t).Value
}

// safety is the type of API.md.
func safety() service.NewType {
	return service.NewType{
		Key: "safety-training", DisplayName: "Safety Training Certificate", Kind: "certificate",
		Fields: []service.Field{
			{Key: "trainerName", Label: "Trainer", Type: "text", Required: true, Visibility: "public"},
			{Key: "room", Label: "Room", Type: "text", Visibility: "disclosed"},
			{Key: "identificationNo", Label: "Identification No.", Type: "text", Visibility: "private"},
		},
		Outputs: []string{"vc"}, Validity: &service.Validity{Years: 1},
	}
}

func (w *world) newType(c service.Caller, change ...func(*service.NewType)) service.Type {
	w.t.Helper()
	in := safety()
	for _, f := range change {
		f(&in)
	}
	return must(w.s.CreateType(w.ctx, c, in, service.Idempotency{}))(w.t).Value
}

// school is a tenant with an issuer and a type.
func (w *world) school(id string, change ...func(*service.NewType)) service.Caller {
	w.t.Helper()
	c := w.tenant(id, service.Test)
	w.issuer(c)
	w.newType(c, change...)
	return c
}

func aina() service.NewCredential {
	return service.NewCredential{Type: "safety-training", ItemInput: service.ItemInput{
		Recipient: service.Recipient{Name: "Aina Rahman", Email: "aina@example.com"},
		Claims:    map[string]any{"trainerName": "Dr. Weir", "room": "B 12"},
		Private:   map[string]any{"identificationNo": "900101-14-1234"},
	}}
}

func draft(in *service.NewCredential) { no := false; in.Publish = &no }

func (w *world) issue(c service.Caller, change ...func(*service.NewCredential)) service.Credential {
	w.t.Helper()
	in := aina()
	for _, f := range change {
		f(&in)
	}
	return must(w.s.Issue(w.ctx, c, in, service.Idempotency{}))(w.t).Value
}

func (w *world) file(c service.Caller, id, name string) []byte {
	w.t.Helper()
	return must(w.s.Artifact(w.ctx, c, id, name))(w.t).Bytes
}

func (w *world) verify(files ...[]byte) service.Verdict {
	w.t.Helper()
	var uploads []service.Upload
	for i, b := range files {
		uploads = append(uploads, service.Upload{Name: fmt.Sprintf("file-%d", i), Bytes: b})
	}
	return must(w.s.VerifyFiles(w.ctx, uploads, "api"))(w.t)
}

func (w *world) verifyID(publicID string) service.Verdict {
	w.t.Helper()
	return must(w.s.VerifyID(w.ctx, publicID, "api"))(w.t)
}

func (w *world) get(c service.Caller, id string) service.Credential {
	w.t.Helper()
	return must(w.s.GetCredential(w.ctx, c, id))(w.t)
}

// expect compares a verdict. "*" is any.
func expect(t testing.TB, what string, v service.Verdict, outcome, reason string, life service.State) {
	t.Helper()
	if v.Report.Outcome.String() == outcome && (reason == "*" || string(v.Report.Reason) == reason) && (life == "*" || v.Lifecycle == life) {
		return
	}
	t.Errorf("%s: expected %s %q, lifecycle %q, found %s %q, lifecycle %q", what, outcome, reason, life, v.Report.Outcome, v.Report.Reason, v.Lifecycle)
	for _, c := range v.Report.Checks {
		t.Logf("  %s %s required=%v %s %s", c.ID, c.Result, c.Required, c.Reason, c.Detail)
	}
	for _, sub := range v.Report.Sub {
		t.Logf("  sub %s: %s %s", sub.Relation, sub.Report.Outcome, sub.Report.Reason)
		for _, c := range sub.Report.Checks {
			t.Logf("    %s %s required=%v %s %s", c.ID, c.Result, c.Required, c.Reason, c.Detail)
		}
	}
}

// must returns a value where there is no error: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func code(err error) service.Code {
	var e *service.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// refused expects an error with a code, and of CodeValidation the named fields.
func refused(t testing.TB, what string, err error, want service.Code, fields ...string) {
	t.Helper()
	var e *service.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("%s: expected %s, found %v", what, want, err)
		return
	}
	for _, f := range fields {
		if e.Fields[f] == nil {
			t.Errorf("%s: expected a message about %s, found %v", what, f, e.Fields)
		}
	}
	if len(fields) != 0 && len(e.Fields) != len(fields) {
		t.Errorf("%s: expected messages about %v, found %v", what, fields, e.Fields)
	}
}

// work runs the jobs that are due.
func (w *world) work(kinds ...string) {
	w.t.Helper()
	handlers, _ := w.s.Jobs()
	for kind := range handlers {
		if len(kinds) != 0 && !slices.Contains(kinds, kind) {
			delete(handlers, kind)
		}
	}
	ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
	defer cancel()
	if err := w.store.Work(ctx, service.WorkConfig{Handlers: handlers}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		w.t.Fatal(err)
	}
}

// do runs a job that is done at intervals.
func (w *world) do(kind string) {
	w.t.Helper()
	handlers, every := w.s.Jobs()
	if every[kind] == 0 {
		w.t.Fatalf("%s is not done at intervals", kind)
	}
	if err := handlers[kind](w.ctx, service.Run{Kind: kind, Attempt: 1}); err != nil {
		w.t.Fatal(err)
	}
}

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}
