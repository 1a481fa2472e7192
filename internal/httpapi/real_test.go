package httpapi

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/hook"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/portfolio"
)

// deaf is a Sender for webhooks that are not to be delivered.
type deaf struct{}

func (deaf) Send(context.Context, hook.Message) (hook.Sent, error) { return hook.Sent{}, nil }

// real is the handler over the real use cases, with two tenants.
type real struct {
	*api
	c          *contract
	keyA, keyB string
}

func startReal(t *testing.T) *real {
	t.Helper()
	ctx := context.Background()
	clock := func() time.Time { return clockTime }
	store, files := memstore.New(clock), blob.NewMemory(0)
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	core, err := service.New(service.Config{Store: store, Blobs: files, Sealer: ring, Clock: clock, BaseURL: exampleHost})
	if err != nil {
		t.Fatal(err)
	}
	batches, err := batch.New(batch.Config{Store: store, Blobs: files, Sealer: ring, Issuing: core, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := hook.New(hook.Config{Store: store, Sealer: ring, Sender: deaf{}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	portfolios, err := portfolio.New(portfolio.Config{Store: store, BaseURL: exampleHost, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Keys: core, Issuers: core, Types: core, Credentials: core, Verifying: core, Public: core, Batches: batches, Webhooks: hooks, Portfolios: portfolios, BaseURL: exampleHost, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	r := &real{api: h.(*api)}
	r.c = contractOf(t, r.api)
	for name, key := range map[string]*string{"tenant-a": &r.keyA, "tenant-b": &r.keyB} {
		if _, err := core.CreateTenant(ctx, name, name); err != nil {
			t.Fatal(err)
		}
		k, err := core.CreateFirstKey(ctx, service.Scope{Tenant: name, Environment: service.Test}, service.NewKey{Name: "first", Scopes: service.Permissions()})
		if err != nil {
			t.Fatal(err)
		}
		*key = k.Secret
	}
	return r
}

// do calls an operation with a body and checks the answer by the document.
func (r *real) do(t *testing.T, key, method, template string, params map[string]string, body string, want int, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	o := r.c.find(t, method, template)
	if key != "" {
		headers = append(headers, "Authorization", "Bearer "+key)
	}
	if body != "" {
		headers = append([]string{"Content-Type", jsonType}, headers...)
	}
	w := ask(r.api, method, o.fill(params), body, headers...)
	r.c.check(t, o, w)
	if w.Code != want {
		t.Fatalf("%s: %d, want %d: %s", o.name(), w.Code, want, w.Body)
	}
	return w
}

func member(t *testing.T, w *httptest.ResponseRecorder, path ...string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	for _, p := range append([]string{"data"}, path...) {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	s, ok := v.(string)
	if !ok {
		t.Fatalf("no %v in %s", path, w.Body)
	}
	return s
}

// TestRealService: an issuer, a type, a credential; issued once by a hundred equal
// requests, verified by its exact bytes, revoked; and nothing of it for another tenant.
func TestRealService(t *testing.T) {
	if testing.Short() {
		t.Skip("issues and verifies")
	}
	r := startReal(t)
	issuer := r.do(t, r.keyA, "POST", "/v1/issuers", nil, `{"key":"academy","name":"Academy"}`, 201)
	r.do(t, r.keyA, "POST", "/v1/credential-types", nil, `{"key":"safety","displayName":"Safety Training","kind":"certificate","issuer":"academy","fields":[{"key":"trainerName","type":"text","required":true}],"outputs":["vc"],"validity":{"years":1}}`, 201)

	body := `{"id":"CX-1","type":"safety","recipient":{"name":"Aina Rahman","email":"aina@example.com"},"claims":{"trainerName":"Academy"}}`
	anonymous := strings.Replace(body, `"id":"CX-1",`, "", 1)
	if answers := r.hundred(t, anonymous, "none"); len(answers) != 1 || !strings.HasPrefix(answers[0], "201") {
		t.Errorf("%d different answers, the first %s", len(answers), answers[0])
	}
	// With an id of the client's own the credential may also be found by that: 200.
	for _, answer := range r.hundred(t, body, "one") {
		if !strings.HasPrefix(answer, "201") && !strings.HasPrefix(answer, "200") {
			t.Errorf("%s", answer)
		}
	}
	list := r.do(t, r.keyA, "GET", "/v1/credentials", nil, "", 200)
	if n := strings.Count(list.Body.String(), `"publicId"`); n != 2 {
		t.Fatalf("%d credentials: %s", n, list.Body)
	}
	r.do(t, r.keyA, "POST", "/v1/credentials", nil, strings.Replace(body, "Aina", "Other", 1), 422, "Idempotency-Key", "one")
	r.do(t, r.keyA, "POST", "/v1/credentials", nil, strings.Replace(body, "Aina", "Other", 1), 409)
	r.do(t, r.keyA, "POST", "/v1/credentials", nil, body, 200)

	one := map[string]string{"id": "CX-1", "name": "vc"}
	got := r.do(t, r.keyA, "GET", "/v1/credentials/{id}", one, "", 200)
	one["publicId"] = member(t, got, "publicId")
	vc := r.do(t, r.keyA, "GET", "/v1/credentials/{id}/artifacts/{name}", one, "", 200)
	public := r.do(t, "", "GET", "/c/{publicId}/{name}", one, "", 200)
	if vc.Body.String() != public.Body.String() || !jsontext.Value(vc.Body.Bytes()).IsValid() {
		t.Error("the public file is another")
	}
	verdict := r.do(t, "", "POST", "/v1/verify", nil, `{"credential":`+vc.Body.String()+`}`, 200)
	if member(t, verdict, "outcome") != "valid" {
		t.Errorf("%s", verdict.Body)
	}
	tampered := strings.Replace(vc.Body.String(), "Academy", "Akademy", 1)
	if w := r.do(t, "", "POST", "/v1/verify", nil, `{"credential":`+tampered+`}`, 200); member(t, w, "outcome") != "invalid" {
		t.Errorf("tampered: %s", w.Body)
	}
	if w := r.do(t, "", "GET", "/v1/verify/{publicId}", one, "", 200); member(t, w, "outcome") != "valid" || strings.Contains(w.Body.String(), "@example.com") {
		t.Errorf("by id: %s", w.Body)
	}
	r.foreign(t, one, member(t, issuer, "id"))
	r.do(t, r.keyA, "POST", "/v1/credentials/{id}/revoke", one, `{"reason":"a mistake"}`, 200)
	r.do(t, r.keyA, "POST", "/v1/credentials/{id}/revoke", one, `{"reason":"a mistake"}`, 200)
	if w := r.do(t, r.keyA, "POST", "/v1/credentials/{id}/revoke", one, `{"reason":"another"}`, 409); problemIn(t, w).Code != service.CodeRevoked {
		t.Errorf("%s", w.Body)
	}
	for _, w := range []*httptest.ResponseRecorder{r.do(t, "", "GET", "/v1/verify/{publicId}", one, "", 200), r.do(t, "", "POST", "/v1/verify", nil, `{"credential":`+vc.Body.String()+`}`, 200)} {
		if member(t, w, "outcome") != "invalid" || member(t, w, "reason") != "revoked" || member(t, w, "lifecycle") != "revoked" {
			t.Errorf("revoked: %s", w.Body)
		}
	}
	lines := r.do(t, r.keyA, "POST", "/v1/batches", nil, `{"type":"safety","dryRun":true,"items":[{"recipient":{"name":"A"},"claims":{"trainerName":"x"}},{"recipient":{"name":"B"},"claims":{}},{"recipent":{}}]}`, 200)
	if !strings.Contains(lines.Body.String(), `"items[1].claims.trainerName"`) || !strings.Contains(lines.Body.String(), `"items[2].recipent"`) {
		t.Errorf("dry run: %s", lines.Body)
	}
	r.do(t, r.keyA, "POST", "/v1/batches", nil, `{"type":"safety","items":[{"recipient":{"name":"A"},"claims":{"trainerName":"x"}}]}`, 202)
}

// hundred sends the same request a hundred times at once, and returns the different answers.
func (r *real) hundred(t *testing.T, body, key string) []string {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for range 100 {
		wg.Go(func() {
			w := ask(r.api, "POST", "/v1/credentials", body, "Authorization", "Bearer "+r.keyA, "Content-Type", jsonType, "Idempotency-Key", key)
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprint(w.Code, " ", w.Body)]++
		})
	}
	wg.Wait()
	return sortedKeys(answers)
}

// foreign calls every operation on objects with the other tenant's key.
func (r *real) foreign(t *testing.T, one map[string]string, issuer string) {
	t.Helper()
	ids := map[string]string{"issuers": issuer, "credential-types": "safety", "credentials": "CX-1"}
	called := 0
	for _, o := range r.c.operations() {
		if o.public() || !strings.Contains(o.path, "{") {
			continue
		}
		params := map[string]string{"name": "vc"}
		for kind, id := range ids {
			if strings.HasPrefix(o.path, "/v1/"+kind+"/") {
				params["id"] = id
			}
		}
		if o.id() == "putPortfolio" { // makes one, of the caller's own; a foreign credential in it is 422
			continue
		}
		w := r.c.call(t, r.api, o, r.keyB, params)
		r.c.check(t, o, w)
		called++
		if want := 404; w.Code != want {
			t.Errorf("%s with a foreign key: %d %s", o.name(), w.Code, w.Body)
		}
	}
	if called < 25 {
		t.Errorf("only %d operations", called)
	}
	w := r.do(t, r.keyB, "PUT", "/v1/portfolios/{slug}", nil, `{"title":"x","subjectId":"x","public":true,"items":[{"credential":"CX-1","visible":true}]}`, 422)
	if strings.Contains(w.Body.String(), "Aina") {
		t.Errorf("%s", w.Body)
	}
	r.do(t, r.keyB, "POST", "/v1/credentials", nil, `{"type":"safety","recipient":{"name":"x"},"claims":{"trainerName":"x"}}`, 422)
}

// TestRealServiceHostile sends the hostile bodies to the real use cases.
func TestRealServiceHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("many requests")
	}
	r := startReal(t)
	r.do(t, r.keyA, "POST", "/v1/issuers", nil, `{"key":"academy","name":"Academy"}`, 201)
	for _, o := range r.c.operations() {
		if _, ok := o.bodies()[jsonType]; !ok {
			continue
		}
		example, _ := o.example(t, jsonType)
		for _, at := range jsonAttacks(t, example) {
			at.headers = append([]string{"Authorization", "Bearer " + r.keyA}, at.headers...)
			w := ask(r.api, o.method, o.fill(nil)+at.query, at.body, at.headers...)
			if w.Code == 201 || w.Code == 200 { // what was stored may be shown to its owner
				r.c.check(t, o, w)
				continue
			}
			r.c.harmless(t, o, at.name, w)
		}
	}
}
