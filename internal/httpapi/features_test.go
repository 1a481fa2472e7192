package httpapi

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/internal/service/hook"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/portfolio"
	"github.com/chancery-dev/chancery/internal/service/register"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/internal/web"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
)

// The rows of docs/features.md that say what the service does, each as a subtest of its
// name: TestFeatures/D6. They call the HTTP API over the real use cases, with a memory
// store, a timestamping authority and mail and webhooks that are kept.

// inbox keeps mail and webhook messages.
type inbox struct {
	mu    sync.Mutex
	mails []service.Mail
	hooks []hook.Message
}

// Send implements service.Mailer.
func (b *inbox) Send(_ context.Context, m service.Mail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, m)
	return nil
}

// hookInbox implements hook.Sender.
type hookInbox struct{ *inbox }

func (b hookInbox) Send(_ context.Context, m hook.Message) (hook.Sent, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hooks = append(b.hooks, m)
	return hook.Sent{Attempt: service.Attempt{At: m.At, Status: 204, LatencyMS: 1}, Delivered: true}, nil
}

// mailTo waits for mail to an address.
func (f *featured) mailTo(t *testing.T, to string) service.Mail {
	t.Helper()
	var found service.Mail
	f.until(t, "mail", func() bool {
		f.inbox.mu.Lock()
		defer f.inbox.mu.Unlock()
		for _, m := range f.inbox.mails {
			if m.To == to {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// until waits for background work.
func (f *featured) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %s after ten seconds", what)
}

// ten is a quota of ten live credentials.
type ten struct {
	mu   sync.Mutex
	used int64
}

func (q *ten) Take(_ context.Context, _ service.Tx, s service.Scope, n int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used+n > 10 {
		return &service.Error{Code: service.CodeQuota, Detail: "the quota of live credentials is used up"}
	}
	q.used += n
	return nil
}

func (q *ten) Left(context.Context, service.Scope) (*int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := 10 - q.used
	return &left, nil
}

// featured is the whole service.
type featured struct {
	*api
	c                 *contract
	inbox             *inbox
	test, live, other string // keys: of one tenant's environments, and of another tenant
}

// answer is what an operation answered.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// at finds a member by its dotted path below data; numbers are indices.
func (a answer) at(path string) any {
	a.t.Helper()
	return a.member("data." + path)
}

func (a answer) member(path string) any {
	a.t.Helper()
	var v any
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
	for p := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[p]
		case []any:
			i := int(p[0] - '0')
			if len(p) != 1 || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// text finds a member that is a string.
func (a answer) text(path string) string {
	a.t.Helper()
	s, ok := a.at(path).(string)
	if !ok {
		a.t.Fatalf("no text at %s in %s", path, a.Body)
	}
	return s
}

// is compares members: path, value, path, value….
func (a answer) is(pairs ...any) {
	a.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := a.at(pairs[i].(string)); got != pairs[i+1] {
			a.t.Errorf("%s: expected %v, found %v in %s", pairs[i], pairs[i+1], got, a.Body)
		}
	}
}

// has looks for texts in the body, hasNot for their absence.
func (a answer) has(texts ...string) {
	a.t.Helper()
	for _, s := range texts {
		if !strings.Contains(a.Body.String(), s) {
			a.t.Errorf("expected %q in %s", s, a.Body)
		}
	}
}

func (a answer) hasNot(texts ...string) {
	a.t.Helper()
	for _, s := range texts {
		if strings.Contains(a.Body.String(), s) {
			a.t.Errorf("found %q in %s", s, a.Body)
		}
	}
}

// ask sends "METHOD /path" with a key and expects a status. Headers may follow.
func (f *featured) ask(t *testing.T, key, what, body string, want int, headers ...string) answer {
	t.Helper()
	method, path, _ := strings.Cut(what, " ")
	if body != "" {
		headers = append([]string{"Content-Type", jsonType}, headers...)
	}
	if key != "" {
		headers = append([]string{"Authorization", "Bearer " + key}, headers...)
	}
	w := ask(f.api, method, path, body, headers...)
	if w.Code != want {
		t.Fatalf("%s: expected %d, found %d: %s", what, want, w.Code, w.Body)
	}
	return answer{w, t}
}

// issue issues a credential of the type safety; more are further members of the request.
func (f *featured) issue(t *testing.T, more string) answer {
	t.Helper()
	if more != "" {
		more = "," + more
	}
	return f.ask(t, f.test, "POST /v1/credentials", `{"type":"safety","recipient":{"name":"Aina Rahman","email":"aina@example.com"},"claims":{"trainerName":"Academy"}`+more+`}`, 201)
}

// upload sends a file as multipart.
func (f *featured) upload(t *testing.T, key, what, part string, file []byte, want int) answer {
	t.Helper()
	const boundary = "xXxXchanceryXxXx"
	body := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + part + "\"; filename=\"f\"\r\nContent-Type: application/octet-stream\r\n\r\n" + string(file) + "\r\n--" + boundary + "--\r\n"
	return f.ask(t, key, what, body, want, "Content-Type", "multipart/form-data; boundary="+boundary)
}

// timestamping is an authority of our own, and its root.
func timestamping(t testing.TB) (*pades.LocalTSA, []*x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(serial int64, name string, parent *x509.Certificate, by crypto.Signer, of crypto.PublicKey, extra ...pkix.Extension) *x509.Certificate {
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
			BasicConstraintsValid: true, IsCA: parent == nil, KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: extra}
		if parent == nil {
			c.KeyUsage, parent = x509.KeyUsageCertSign, c
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, of, by)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := certificate(1, "Root", nil, rootKey, rootKey.Public())
	leaf := certificate(2, "Authority", root, rootKey, key.Public(), pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage})
	tsa, err := pades.NewLocalTSA(pades.LocalTSAConfig{Key: key, Chain: []*x509.Certificate{leaf, root}, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return tsa, []*x509.Certificate{root}
}

type tokenOnly struct{ t pades.Timestamper }

func (b tokenOnly) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
	s, err := b.t.Timestamp(ctx, hash, digest)
	if err != nil {
		return nil, err
	}
	return s.Token, nil
}

type lateSigners struct{ core *service.Service }

func (l *lateSigners) AnchorKey(ctx context.Context, s service.Scope, did string) (signer.Key, string, error) {
	return l.core.AnchorKey(ctx, s, did)
}

// sure is a value that must have come without an error.
func sure[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// startFeatured starts the whole service with its background work, two tenants, an
// issuer and the type safety.
func startFeatured(t *testing.T) *featured {
	t.Helper()
	f := &featured{inbox: &inbox{}}
	store, files, late := memstore.New(time.Now), blob.NewMemory(0), &lateSigners{}
	ring := sure(service.NewKeyRing(service.GenerateMasterKey()))
	tsa, roots := timestamping(t)
	stamps := sure(stamp.New(stamp.Config{Store: store, Signers: late, Timestamper: tokenOnly{tsa}, Clock: time.Now, MaxAge: 20 * time.Millisecond, Every: 20 * time.Millisecond}))
	core := sure(service.New(service.Config{Store: store, Blobs: files, Sealer: ring, Clock: time.Now, BaseURL: exampleHost, Mailer: f.inbox, Stamper: stamps, TSA: tsa, TSARoots: roots, Quota: &ten{}}))
	late.core = core
	batches := sure(batch.New(batch.Config{Store: store, Blobs: files, Sealer: ring, Issuing: core, Clock: time.Now}))
	hooks := sure(hook.New(hook.Config{Store: store, Sealer: ring, Sender: hookInbox{f.inbox}, Clock: time.Now}))
	portfolios := sure(portfolio.New(portfolio.Config{Store: store, BaseURL: exampleHost, Clock: time.Now}))
	documents := sure(document.New(document.Config{Store: store, Blobs: files, Sealer: ring, Signing: core, Mailer: f.inbox, BaseURL: exampleHost, Clock: time.Now, TSA: tsa}))
	registry := sure(register.New(register.Config{Store: store, Blobs: files, Schemas: core, Rows: batches, Signers: documents, BaseURL: exampleHost, TSARoots: roots, Clock: time.Now, Stamper: stamps}))
	pages := sure(web.New(web.Config{Public: core, Verifying: core, Documents: documents, BaseURL: exampleHost, Clock: time.Now}))
	h := sure(New(Config{Keys: core, Issuers: core, Types: core, Credentials: core, Verifying: core, Public: core, Batches: batches, Stamps: stamps, Documents: documents, Webhooks: hooks, Portfolios: portfolios, Registry: registry, BaseURL: exampleHost, Clock: time.Now, Web: pages, KeyRate: Rate{PerSecond: 1e6, Burst: 1e6}}))
	f.api = h.(*api)
	f.c = contractOf(t, f.api)

	work := service.WorkConfig{Handlers: map[string]service.JobHandler{}, Every: map[string]time.Duration{}}
	for _, part := range []func() (map[string]service.JobHandler, map[string]time.Duration){core.Jobs, batches.Jobs, hooks.Jobs, documents.Jobs, registry.Jobs, stamps.Jobs} {
		handlers, every := part()
		for k, v := range handlers {
			work.Handlers[k] = v
		}
		for k, v := range every {
			work.Every[k] = v
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { store.Work(ctx, work) })
	wg.Go(func() { core.Run(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })

	for _, k := range []struct {
		tenant string
		e      service.Environment
		key    *string
	}{{"tenant-a", service.Test, &f.test}, {"tenant-a", service.Live, &f.live}, {"tenant-b", service.Test, &f.other}} {
		if k.key != &f.live {
			sure(core.CreateTenant(context.Background(), k.tenant, k.tenant))
		}
		*k.key = sure(core.CreateFirstKey(context.Background(), service.Scope{Tenant: k.tenant, Environment: k.e}, service.NewKey{Name: "first", Scopes: service.Permissions()})).Secret
	}
	for _, key := range []string{f.test, f.live} {
		f.ask(t, key, "POST /v1/issuers", `{"key":"academy","name":"Academy"}`, 201)
		f.ask(t, key, "POST /v1/credential-types", `{"key":"safety","displayName":"Safety Training","kind":"certificate","issuer":"academy","fields":[{"key":"trainerName","label":"Trainer","type":"text","required":true,"visibility":"public"},{"key":"idNo","label":"Id","type":"text","visibility":"private"}],"outputs":["vc"],"validity":{"years":1}}`, 201)
	}
	return f
}
