package vcalm

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// core is a Core with one key, whose status lists are counters.
type core struct {
	key     signer.Key
	mu      sync.Mutex
	next    int64
	set     map[int64]bool
	changed int
	fail    error
}

func (c *core) SigningKey(context.Context, service.Scope, string) (signer.Key, string, error) {
	did, _, _ := strings.Cut(c.key.Method, "#")
	return c.key, did, c.fail
}

func (c *core) TakeStatus(context.Context, service.Scope, string) (service.StatusPlace, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	return service.StatusPlace{List: "l", Index: c.next, Entries: fmt.Sprintf(`{"id":"https://c.example/status/l#%d","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"%d","statusListCredential":"https://c.example/status/l"}`, c.next, c.next)}, c.fail
}

func (c *core) SetStatus(_ context.Context, _ service.Tx, _ service.Scope, p service.StatusPlace, _ string, value bool) error {
	c.set[p.Index] = value
	return c.fail
}

func (c *core) StatusChanged()                                                    { c.changed++ }
func (c *core) CountLive(context.Context, service.Tx, service.Scope, int64) error { return nil }
func (c *core) StatusListAdded(service.Scope, string)                             {}
func (c *core) AddStatusList(context.Context, service.Tx, service.Scope, service.NewStatusList) (string, []byte, error) {
	return "https://c.example/status/l", []byte(`{}`), c.fail
}

func (c *core) StatusListAt(context.Context, string) (service.File, time.Duration, error) {
	return service.File{}, 0, service.NotFound("status list")
}

type noDirectory struct{ list []*Instance }

func (d noDirectory) Open() []*Instance { return d.list }
func (d noDirectory) Instance(_ context.Context, s service.Scope, name string) (*Instance, error) {
	return &Instance{Name: name, Scope: service.Scope{Tenant: "somebody else", Environment: s.Environment}}, nil
}

type world struct {
	*Plane
	core *core
	in   *Instance
	now  time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := signer.NewKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{core: &core{key: key, set: map[int64]bool{}}, now: time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	judge, err := verifier.New(verifier.Config{Trust: verifier.TrustAny(), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	w.in = &Instance{Name: "i", Scope: service.Scope{Tenant: "t", Environment: service.Test}, Issuer: "iss", Open: true}
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Store: memstore.New(clock), Sealer: ring, Core: w.core, Directory: noDirectory{[]*Instance{w.in}}, Verifier: judge, BaseURL: "https://c.example", Clock: clock, Logger: slog.New(slog.DiscardHandler)}
	if w.Plane, err = New(c); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) credential(id string) Value {
	did, _, _ := strings.Cut(w.core.key.Method, "#")
	return Value(`{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"` + id + `","type":["VerifiableCredential"],"issuer":"` + did + `","credentialSubject":{"id":"did:example:a"}}`)
}

// TestNewRefuses: what is required is asked for.
func TestNewRefuses(t *testing.T) {
	good := newWorld(t).c
	for name, change := range map[string]func(*Config){
		"store": func(c *Config) { c.Store = nil }, "sealer": func(c *Config) { c.Sealer = nil }, "core": func(c *Config) { c.Core = nil }, "directory": func(c *Config) { c.Directory = nil },
		"verifier": func(c *Config) { c.Verifier = nil }, "clock": func(c *Config) { c.Clock = nil }, "logger": func(c *Config) { c.Logger = nil }, "address": func(c *Config) { c.BaseURL = "" },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("no error without %s", name)
		}
	}
}

// TestInstance: an instance that is not open is its tenant's alone.
func TestInstance(t *testing.T) {
	w := newWorld(t)
	mine, other := service.System(w.in.Scope), service.System(service.Scope{Tenant: "u", Environment: service.Test})
	live := service.System(service.Scope{Tenant: "t", Environment: service.Live})
	closed := *w.in
	closed.Name, closed.Open = "closed", false
	w.c.Directory = noDirectory{[]*Instance{w.in, &closed}}
	for _, tt := range []struct {
		name   string
		caller *service.Caller
		want   service.Code
	}{{"i", nil, ""}, {"i", &other, ""}, {"closed", &mine, ""}, {"closed", nil, service.CodeKey}, {"closed", &other, "NOT_FOUND"}, {"closed", &live, "NOT_FOUND"}, {"none", nil, service.CodeKey}, {"none", &mine, "NOT_FOUND"}} {
		in, err := w.Instance(t.Context(), tt.name, tt.caller)
		var known *service.Error
		switch {
		case tt.want == "" && (err != nil || in.Name != tt.name):
			t.Errorf("%s: %v", tt.name, err)
		case tt.want == "NOT_FOUND" && !service.IsNotFound(err):
			t.Errorf("%s: expected not found, found %v", tt.name, err)
		case tt.want == service.CodeKey && (!errors.As(err, &known) || known.Code != service.CodeKey):
			t.Errorf("%s: expected %s, found %v", tt.name, tt.want, err)
		}
	}
	if err := closed.Need(nil, service.MayRead); err == nil {
		t.Error("no caller is needed")
	}
}

// TestSameID: credentials with one id of their own change their status together; there is
// a bound to how many.
func TestSameID(t *testing.T) {
	w := newWorld(t)
	for range maxSameID {
		if _, err := w.Issue(t.Context(), w.in, nil, w.credential("urn:uuid:a"), IssueOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var known *service.Error
	if _, err := w.Issue(t.Context(), w.in, nil, w.credential("urn:uuid:a"), IssueOptions{}); !errors.As(err, &known) || known.Code != service.CodeDuplicate {
		t.Errorf("expected a bound, found %v", err)
	}
	if err := w.SetStatus(t.Context(), w.in, nil, "urn:uuid:a", StatusEntry{Type: "BitstringStatusListEntry", Purpose: "revocation"}, true); err != nil {
		t.Fatal(err)
	}
	if len(w.core.set) != maxSameID || w.core.changed != 1 {
		t.Errorf("%d bits, %d announcements", len(w.core.set), w.core.changed)
	}
	if err := w.SetStatus(t.Context(), w.in, nil, "urn:uuid:a", StatusEntry{Type: "BitstringStatusListEntry", Purpose: "revocation", Index: "3"}, false); err != nil {
		t.Fatal(err)
	}
	if w.core.set[3] || !w.core.set[4] {
		t.Error("the entry that was named is not the one that changed")
	}
	w.core.fail = errors.New("disk full")
	if err := w.SetStatus(t.Context(), w.in, nil, "urn:uuid:a", StatusEntry{Type: "BitstringStatusListEntry", Purpose: "revocation"}, false); !errors.Is(err, w.core.fail) {
		t.Errorf("found %v", err)
	}
	if _, err := w.Issue(t.Context(), w.in, nil, w.credential("urn:uuid:b"), IssueOptions{}); !errors.Is(err, w.core.fail) {
		t.Errorf("found %v", err)
	}
}

// TestExchangesNeedADeliverer: without one there are no workflows.
func TestExchangesNeedADeliverer(t *testing.T) {
	w := newWorld(t)
	if _, err := w.CreateExchange(t.Context(), w.in, nil, NewExchange{Workflow: WorkflowClaim, Credential: "c"}); !service.IsNotFound(err) {
		t.Errorf("found %v", err)
	}
	if _, err := w.Interaction(t.Context(), "c"); !service.IsNotFound(err) {
		t.Errorf("found %v", err)
	}
}

// TestClean: challenges and exchanges that have ended are removed, the others are not.
func TestClean(t *testing.T) {
	w := newWorld(t)
	handlers, every := w.Jobs()
	if every[JobClean] <= 0 || handlers[JobClean] == nil {
		t.Fatal("no job")
	}
	add := func(n int) {
		for range n {
			if _, err := w.Challenge(t.Context(), w.in, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := w.addExchange(t.Context(), w.in, exchange{Credential: "c"}, time.Time{}, service.Idempotency{}, nil); err != nil {
				t.Fatal(err)
			}
			if err := w.c.Store.Update(t.Context(), func(tx service.Tx) error {
				return service.Put(t.Context(), tx, w.in.Scope, service.Record{Kind: kindPresented, ID: randomID(), Created: w.now, Updated: w.now}, presented{Until: w.now.Add(ExchangeLife).Unix()})
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(service.MaxLimit + 20)
	if _, err := w.addExchange(t.Context(), w.in, exchange{Credential: "c"}, w.now.Add(20*time.Hour), service.Idempotency{}, nil); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * time.Hour)
	add(3)
	for range 2 { // a job may run twice
		if err := handlers[JobClean](t.Context(), service.Run{}); err != nil {
			t.Fatal(err)
		}
		for _, k := range []service.Kind{service.KindChallenge, service.KindExchange, kindPresented} {
			err := w.c.Store.View(t.Context(), func(tx service.Tx) error {
				list, err := tx.List(t.Context(), w.in.Scope, k, nil, service.Page{Limit: service.MaxLimit})
				want := 3
				if k == service.KindExchange {
					want = 4 // one of them lasts
				}
				if len(list.Items) != want {
					t.Errorf("%d of %s are left, expected %d", len(list.Items), k, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestProblemsHoldNoValues: what is said about a document names members, never what they
// hold.
func TestProblemsHoldNoValues(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{
		`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"x","credentialSubject":{"secretName":"Aina"},"proof":{"type":"DataIntegrityProof","cryptosuite":"Aina","proofValue":"zAina"}}`,
		`{"@context":"Aina","proof":[5,"Aina"]}`, `{"type":"EnvelopedVerifiablePresentation"}`, `{"proof":{}}`, `{}`,
	} {
		r, err := w.VerifyCredential(t.Context(), w.in, nil, Value(text), Options{Problems: true, Results: true})
		if err != nil {
			var bad *BadRequest
			if !errors.As(err, &bad) || strings.Contains(err.Error(), "Aina") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		said, err := json.Marshal(r.Problems)
		if r.Verified || err != nil || strings.Contains(string(said), "Aina") || len(r.Problems) == 0 {
			t.Errorf("%s: %s", text, said)
		}
	}
	if err := badRequest(bounded(errors.New(strings.Repeat("x", 1000)))); len(err.Error()) > 400 {
		t.Errorf("%d bytes", len(err.Error()))
	}
}

// TestStatusValues: what a list says of an entry is told where it is plain whose it is.
func TestStatusValues(t *testing.T) {
	entry := func(list, purpose, index string) string {
		return fmt.Sprintf(`{"type":"BitstringStatusListEntry","statusListCredential":%q,"statusPurpose":%q,"statusListIndex":%q}`, list, purpose, index)
	}
	facts := func(list, purpose, value string) []verifier.Fact {
		return []verifier.Fact{{Name: "list", Value: list}, {Name: "listDigest", Value: "x"}, {Name: "purpose", Value: purpose}, {Name: "value", Value: value}}
	}
	one, two, three := entry("l1", "revocation", "1"), entry("l1", "suspension", "1"), entry("l1", "revocation", "2")
	for name, tt := range map[string]struct {
		status   string
		evidence [][]verifier.Fact
		want     string
	}{
		"none":             {`[]`, nil, ``},
		"alone":            {one, [][]verifier.Fact{facts("l1", "revocation", "0x1")}, `1`},
		"in a list":        {`[` + one + `]`, [][]verifier.Fact{facts("l1", "revocation", "0x0")}, `0`},
		"two purposes":     {`[` + one + `,` + two + `]`, [][]verifier.Fact{append(facts("l1", "suspension", "0x3"), facts("l1", "revocation", "0x0")...)}, `0 3`},
		"in two checks":    {`[` + one + `,` + two + `]`, [][]verifier.Fact{facts("l1", "suspension", "0x1"), facts("l1", "revocation", "0x1")}, `1 1`},
		"of one list":      {`[` + one + `,` + three + `]`, [][]verifier.Fact{append(facts("l1", "revocation", "0x0"), facts("l1", "revocation", "0x1")...)}, `- -`},
		"of another list":  {one, [][]verifier.Fact{facts("l2", "revocation", "0x1")}, `-`},
		"could not be had": {one, [][]verifier.Fact{nil}, `-`},
		"no number":        {one, [][]verifier.Fact{facts("l1", "revocation", "yes")}, `-`},
		"text":             {`"x"`, [][]verifier.Fact{facts("l1", "revocation", "0x1")}, ``},
		"text beside one":  {`["x",` + one + `]`, [][]verifier.Fact{facts("l1", "revocation", "0x1")}, `1`},
	} {
		doc, err := strictjson.Parse([]byte(`{"credentialStatus":`+tt.status+`}`), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		r := &verifier.Report{}
		for _, e := range tt.evidence {
			r.Add(verifier.Check{ID: verifier.CheckStatus, Evidence: e})
		}
		entries := objects(doc, "credentialStatus", true)
		statusValues(r, doc, entries)
		var got []string
		for _, e := range entries {
			if e.Value == nil {
				got = append(got, "-")
			} else {
				got = append(got, fmt.Sprint(*e.Value))
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, expected %s", name, got, tt.want)
		}
	}
}
