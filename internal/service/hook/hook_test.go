package hook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/hook"
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

// receiver answers as it is told, and keeps what it gets.
type receiver struct {
	mu     sync.Mutex
	got    []hook.Message
	answer func(hook.Message) (hook.Sent, error)
	now    atomic.Int64
	at     atomic.Int32 // attempts that run
	most   atomic.Int32
}

func (r *receiver) Send(_ context.Context, m hook.Message) (hook.Sent, error) {
	if n := r.at.Add(1); n > r.most.Load() {
		r.most.Store(n)
	}
	defer r.at.Add(-1)
	r.mu.Lock()
	r.got = append(r.got, m)
	answer := r.answer
	r.mu.Unlock()
	return answer(m)
}

func (r *receiver) says(status int, edit func(*hook.Sent)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(m hook.Message) (hook.Sent, error) {
		s := hook.Sent{Attempt: service.Attempt{At: m.At, Status: status}, Delivered: status/100 == 2, Gone: status == 410}
		if edit != nil {
			edit(&s)
		}
		return s, nil
	}
}

type fixture struct {
	*testing.T
	store  *memstore.Store
	r      *receiver
	hooks  *hook.Hooks
	caller service.Caller
}

func (f *fixture) clock() time.Time     { return time.UnixMicro(f.r.now.Load()).UTC() }
func (f *fixture) pass(d time.Duration) { f.r.now.Add(d.Microseconds()) }

func setUp(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, r: &receiver{}, caller: service.System(scope)}
	f.r.now.Store(start.UnixMicro())
	f.r.says(204, nil)
	f.store = memstore.New(f.clock)
	var err error
	if f.hooks, err = hook.New(hook.Config{Store: f.store, Sealer: bound{}, Sender: f.r, Clock: f.clock}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) create(edit func(*service.NewWebhook)) service.Webhook {
	f.Helper()
	in := service.NewWebhook{URL: "https://client.example.com/hook", Events: []string{"*"}}
	if edit != nil {
		edit(&in)
	}
	res, err := f.hooks.CreateWebhook(f.Context(), f.caller, in, service.Idempotency{})
	if err != nil {
		f.Fatal(err)
	}
	return res.Value
}

func (f *fixture) emit(event string, n int) {
	f.Helper()
	for i := range n {
		err := f.store.Update(f.Context(), func(tx service.Tx) error {
			return service.Emit(f.Context(), tx, scope, f.clock(), event, map[string]any{"id": fmt.Sprintf("CX-%d", i)})
		})
		if err != nil {
			f.Fatal(err)
		}
	}
}

// attempt runs the job of a delivery once.
func (f *fixture) attempt(id string) error {
	handlers, _ := f.hooks.Jobs()
	args, _ := service.EncodeArgs(service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment, ID: id})
	return handlers[service.JobDeliver](f.Context(), service.Run{Kind: service.JobDeliver, Args: args, Attempt: 1, Attempts: 25})
}

func (f *fixture) deliveries(webhook string) []service.Delivery {
	f.Helper()
	l, err := f.hooks.Deliveries(f.Context(), f.caller, webhook, service.Page{Limit: 1000})
	if err != nil {
		f.Fatal(err)
	}
	return l.Items
}

func later(t testing.TB, err error) time.Duration {
	t.Helper()
	var l *service.Later
	if !errors.As(err, &l) {
		t.Fatalf("expected another attempt later, found %v", err)
	}
	return l.After
}

func TestRefuse(t *testing.T) {
	f := setUp(t)
	for _, url := range []string{
		"", "client.example.com", "http://client.example.com/", "ftp://client.example.com", "https://", "https:///x", "https:client.example.com",
		"https://user:pass@client.example.com/", "https://client.example.com/#a", "https://client.example.com#", "https://client.example.com:0/", "https://client.example.com:65536/", "https://client.example.com:/",
		"https://localhost/", "https://localhost./", "https://a.localhost/", "https://printer.local/", "https://db.internal/", "https://intranet/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/",
		"https://0x7f000001/", "https://0177.0.0.1/", "https://10.0.0.1/", "https://172.16.3.4/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://0.0.0.0/", "https://168.63.129.16/",
		"https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001:db8::1]/", "https://[2001:2::1]/", "https://[100:0:0:1::1]/",
		"https://198.51.100.7/", "https://224.0.0.1/", "https://255.255.255.255/", "https://exa mple.com/", "https://exämple.com/", "https://a..example.com/", "https://-/", "https://example.com/\r\nHost: x", "https://" + strings.Repeat("a", 64) + ".example.com/",
		"https://example.com/" + strings.Repeat("a", 2048), "javascript:alert(1)", "https://example.123/", "https://1.2.3/",
	} {
		in := service.NewWebhook{URL: url, Events: []string{"*"}}
		var e *service.Error
		if _, err := f.hooks.CreateWebhook(t.Context(), f.caller, in, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeValidation || e.Fields["url"] == nil {
			t.Errorf("%q: found %v", url, err)
		} else if len(url) > 8 && strings.Contains(e.Error(), url) {
			t.Errorf("%q is repeated in the answer", url)
		}
	}
	for name, in := range map[string]service.NewWebhook{
		"no events": {URL: "https://c.example.com"}, "unknown event": {URL: "https://c.example.com", Events: []string{"credential.lost"}},
		"all and one": {URL: "https://c.example.com", Events: []string{"*", "credential.issued"}}, "unknown algorithm": {URL: "https://c.example.com", Events: []string{"*"}, Algorithm: "v2"},
		"many events":      {URL: "https://c.example.com", Events: slices.Repeat([]string{"credential.issued"}, 500)},
		"line in the text": {URL: "https://c.example.com", Events: []string{"*"}, Description: "a\nb"},
		"turned text":      {URL: "https://c.example.com", Events: []string{"*"}, Description: "a\u202eb"},
		"two paragraphs":   {URL: "https://c.example.com", Events: []string{"*"}, Description: "a\u2029b"},
		"long description": {URL: "https://c.example.com", Events: []string{"*"}, Description: strings.Repeat("ü", 501)},
	} {
		var e *service.Error
		if _, err := f.hooks.CreateWebhook(t.Context(), f.caller, in, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeValidation {
			t.Errorf("%s: found %v", name, err)
		}
	}
	for _, url := range []string{"https://client.example.com", "https://client.example.com:8443/a?b=c", "https://8.8.8.8/x", "https://[2606:4700::1111]/", "https://xn--exmple-cua.com/"} {
		f.create(func(in *service.NewWebhook) { in.URL = url })
	}
	loop, err := hook.New(hook.Config{Store: f.store, Sealer: bound{}, Sender: f.r, Clock: f.clock, InsecureLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	for url, fine := range map[string]bool{"http://127.0.0.1:8080/": true, "http://localhost:1/": true, "http://10.0.0.1/": false, "https://10.0.0.1/": false, "http://example.com/": false, "ftp://127.0.0.1/": false} {
		if _, err := loop.CreateWebhook(t.Context(), f.caller, service.NewWebhook{URL: url, Events: []string{"*"}}, service.Idempotency{}); (err == nil) != fine {
			t.Errorf("%s in development: found %v", url, err)
		}
	}
}

// picky dials few addresses.
type picky struct{ hook.Sender }

func (picky) CheckURL(address string) error {
	if strings.Contains(address, ":22") {
		return errors.New("webhook: address refused: expected one of the ports [443]")
	}
	return nil
}

// TestNeverDialled: an address that the sender would refuse at every attempt is refused
// when it is given, made or changed.
func TestNeverDialled(t *testing.T) {
	f := setUp(t)
	hooks, err := hook.New(hook.Config{Store: f.store, Sealer: bound{}, Sender: picky{f.r}, Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	ports := func(err error) bool {
		var e *service.Error
		return errors.As(err, &e) && len(e.Fields["url"]) == 1 && e.Fields["url"][0] == "is never dialled: expected one of the ports [443]"
	}
	in := service.NewWebhook{URL: "https://client.example.com:22/", Events: []string{"*"}}
	if _, err := hooks.CreateWebhook(t.Context(), f.caller, in, service.Idempotency{}); !ports(err) {
		t.Errorf("found %v", err)
	}
	bad := in.URL
	in.URL = "https://client.example.com/"
	w, err := hooks.CreateWebhook(t.Context(), f.caller, in, service.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hooks.ChangeWebhook(t.Context(), f.caller, w.Value.ID, service.WebhookChange{URL: &bad}); !ports(err) {
		t.Errorf("found %v", err)
	}
	in.URL = "https://10.0.0.1:22/" // what is wrong by its form is said once
	var e *service.Error
	if _, err := hooks.CreateWebhook(t.Context(), f.caller, in, service.Idempotency{}); !errors.As(err, &e) || len(e.Fields["url"]) != 1 {
		t.Errorf("found %v", err)
	}
}

func TestRetries(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventRevoked, 1)
	id := f.deliveries(w.ID)[0].ID
	f.r.says(500, func(s *hook.Sent) { s.Attempt.Answer = "oops\x00\xff" + strings.Repeat("x", 5000) })
	var total time.Duration
	attempts := 0
	for {
		err := f.attempt(id)
		attempts++
		if err == nil {
			break
		}
		wait := later(t, err)
		d := f.deliveries(w.ID)[0]
		if d.State != "pending" || attempts > 30 {
			t.Fatalf("found %s after %d attempts", d.State, attempts)
		}
		if err := f.attempt(id); later(t, err) <= 0 { // before it is due: no attempt
			t.Fatal("an attempt before its time")
		}
		total += wait
		f.pass(wait + time.Second)
		for f.paused(w.ID) { // the circuit
			f.pass(time.Hour)
		}
	}
	if total < 60*time.Hour || total > 100*time.Hour || attempts != 13 || len(f.r.got) != 13 {
		t.Errorf("expected 13 attempts over about three days, found %d over %v", attempts, total)
	}
	d := f.deliveries(w.ID)[0]
	if d.State != "failed" || len(d.Attempts) != 13 || d.NextAt != nil || len(d.Attempts[0].Answer) > 520 || strings.ContainsAny(d.Attempts[0].Answer, "\x00") {
		t.Errorf("found %s with %d attempts", d.State, len(d.Attempts))
	}
	for _, m := range f.r.got {
		if m.ID != id || !bytes.Equal(m.Body, f.r.got[0].Body) {
			t.Fatal("a repetition is not the same event")
		}
	}
	// Replayed: the same id again, from the first wait on.
	f.r.says(200, nil)
	if _, err := f.hooks.Replay(t.Context(), service.System(other), id); !service.IsNotFound(err) {
		t.Errorf("replayed by a stranger: %v", err)
	}
	f.pass(2 * time.Hour)
	if d, err := f.hooks.Replay(t.Context(), f.caller, id); err != nil || d.State != "pending" {
		t.Fatal(err)
	}
	if err := f.attempt(id); err != nil {
		t.Fatal(err)
	}
	if d := f.deliveries(w.ID)[0]; d.State != "delivered" || f.r.got[13].ID != id {
		t.Errorf("found %s", d.State)
	}
	if err := f.attempt(id); err != nil || len(f.r.got) != 14 {
		t.Error("what is delivered is sent again")
	}
}

// paused tells whether an attempt would wait for the circuit.
func (f *fixture) paused(id string) (paused bool) {
	f.Helper()
	err := f.store.View(f.Context(), func(tx service.Tx) error {
		_, s, err := service.Get[service.StoredWebhook](f.Context(), tx, scope, service.KindWebhook, id)
		paused = s.PausedTo > f.clock().Unix()
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return paused
}

func TestRetryAfter(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 2)
	ids := f.deliveries(w.ID)
	f.r.says(429, func(s *hook.Sent) { s.RetryAfter = 3 * time.Hour })
	if d := later(t, f.attempt(ids[0].ID)); d != 3*time.Hour {
		t.Errorf("expected to wait three hours, found %v", d)
	}
	f.r.says(503, func(s *hook.Sent) { s.RetryAfter = 1000 * time.Hour })
	if d := later(t, f.attempt(ids[1].ID)); d != 24*time.Hour {
		t.Errorf("expected to wait a day at most, found %v", d)
	}
}

func TestGone(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 2)
	ids := f.deliveries(w.ID)
	f.r.says(410, nil)
	if err := f.attempt(ids[0].ID); err != nil {
		t.Fatal(err)
	}
	got, _ := f.hooks.GetWebhook(t.Context(), f.caller, w.ID)
	if got.Active || !strings.Contains(got.Problem, "410") {
		t.Fatalf("found %+v", got)
	}
	if err := f.attempt(ids[1].ID); err != nil || len(f.r.got) != 1 {
		t.Error("an endpoint that is gone is asked again")
	}
	f.emit(service.EventIssued, 1)
	if n := len(f.deliveries(w.ID)); n != 2 {
		t.Errorf("events are queued for an endpoint that is off: %d", n)
	}
	var e *service.Error
	if _, err := f.hooks.Replay(t.Context(), f.caller, ids[1].ID); !errors.As(err, &e) || e.Code != service.CodeState {
		t.Errorf("replay to an endpoint that is off: %v", err)
	}
	on := true
	if got, err := f.hooks.ChangeWebhook(t.Context(), f.caller, w.ID, service.WebhookChange{Active: &on}); err != nil || !got.Active || got.Problem != "" {
		t.Errorf("found %+v, %v", got, err)
	}
}

// TestCircuit: after ten failures in a row all deliveries wait, then one is tried.
func TestCircuit(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 20)
	ids := f.deliveries(w.ID)
	f.r.says(0, func(s *hook.Sent) { s.Delivered = false })
	for i := range 10 {
		later(t, f.attempt(ids[i].ID))
	}
	for i := 10; i < 20; i++ {
		later(t, f.attempt(ids[i].ID))
	}
	if len(f.r.got) != 10 {
		t.Fatalf("expected ten attempts, found %d", len(f.r.got))
	}
	f.pass(6 * time.Minute)
	f.r.mu.Lock()
	release := make(chan struct{})
	f.r.answer = func(m hook.Message) (hook.Sent, error) {
		<-release
		return hook.Sent{Attempt: service.Attempt{Status: 200}, Delivered: true}, nil
	}
	f.r.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.attempt(ids[10].ID); err != nil {
			t.Error(err)
		}
	})
	for f.r.at.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	later(t, f.attempt(ids[11].ID)) // waits for the trial
	close(release)
	wg.Wait()
	if err := f.attempt(ids[12].ID); err != nil {
		t.Errorf("after the trial: %v", err)
	}
}

// TestOneAtATime: two jobs about one delivery make one attempt.
func TestOneAtATime(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 1)
	id := f.deliveries(w.ID)[0].ID
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var l *service.Later
			if err := f.attempt(id); err != nil && !errors.As(err, &l) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(f.r.got) != 1 {
		t.Errorf("expected one attempt, found %d", len(f.r.got))
	}
	// An attempt that could not be made is not counted.
	f.pass(time.Second)
	f.emit(service.EventIssued, 1)
	id = f.deliveries(w.ID)[0].ID
	f.r.mu.Lock()
	f.r.answer = func(hook.Message) (hook.Sent, error) { return hook.Sent{}, errors.New("no key") }
	f.r.mu.Unlock()
	if err := f.attempt(id); err == nil {
		t.Error("a fault of ours is silent")
	}
	f.r.says(200, nil)
	if err := f.attempt(id); err != nil {
		t.Errorf("after a fault of ours: %v", err)
	}
	if d := f.deliveries(w.ID)[0]; d.State != "delivered" || len(d.Attempts) != 1 {
		t.Errorf("found %+v", d)
	}
}

func TestCleanAndForeign(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	f.emit(service.EventIssued, 3)
	for _, d := range f.deliveries(w.ID) {
		if err := f.attempt(d.ID); err != nil {
			t.Fatal(err)
		}
	}
	f.pass(20 * 24 * time.Hour)
	f.emit(service.EventIssued, 2)
	f.pass(11 * 24 * time.Hour)
	handlers, _ := f.hooks.Jobs()
	if err := handlers[hook.JobClean](t.Context(), service.Run{}); err != nil {
		t.Fatal(err)
	}
	if n := len(f.deliveries(w.ID)); n != 2 {
		t.Errorf("expected two deliveries to be kept, found %d", n)
	}
	c := service.System(other)
	_, err1 := f.hooks.GetWebhook(t.Context(), c, w.ID)
	_, err2 := f.hooks.ChangeWebhook(t.Context(), c, w.ID, service.WebhookChange{})
	err3 := f.hooks.DeleteWebhook(t.Context(), c, w.ID)
	_, err4 := f.hooks.RotateSecret(t.Context(), c, w.ID, service.Idempotency{})
	_, err5 := f.hooks.Deliveries(t.Context(), c, w.ID, service.Page{})
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if !service.IsNotFound(err) {
			t.Errorf("call %d by a stranger: %v", i, err)
		}
	}
	id := f.deliveries(w.ID)[0].ID
	if err := f.hooks.DeleteWebhook(t.Context(), f.caller, w.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.attempt(id); err != nil || len(f.r.got) != 3 {
		t.Errorf("an endpoint that was deleted is asked: %v", err)
	}
	for range 50 {
		f.create(nil)
	}
	var e *service.Error
	if _, err := f.hooks.CreateWebhook(t.Context(), f.caller, service.NewWebhook{URL: "https://c.example.com", Events: []string{"*"}}, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeValidation {
		t.Errorf("one endpoint too many: %v", err)
	}
}
