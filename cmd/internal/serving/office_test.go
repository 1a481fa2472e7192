package serving_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/httpapi/client"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

const university = "Universität Grünau"

// office is an assembled service that answers on loopback, with a timestamping authority,
// and an institution with two diplomas, a portfolio and an invitation to sign.
type office struct {
	url           string
	api, test     *client.Client // of the two environments
	key           string
	valid, second service.Credential
	token         string // of the invitation
	post          *letters
	requests      atomic.Int64
	verified      atomic.Int64 // POST /v1/verify
	stop          func() error
}

// letters is a Mailer that keeps what it sends.
type letters struct {
	mu   sync.Mutex
	sent []service.Mail
}

func (l *letters) Send(_ context.Context, m service.Mail) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, m)
	return nil
}

// to is the letter to an address, which may be on its way.
func (l *letters) to(t *testing.T, address string) (out service.Mail) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		l.mu.Lock()
		i := slices.IndexFunc(l.sent, func(m service.Mail) bool { return m.To == address })
		if i >= 0 {
			out = l.sent[i]
		}
		l.mu.Unlock()
		if i >= 0 {
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("no letter to %s", address)
		}
	}
}

// after is what the newest letter has after a prefix, up to the next space.
func (l *letters) after(prefix string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.sent) - 1; i >= 0; i-- {
		if _, rest, ok := strings.Cut(l.sent[i].Text, prefix); ok {
			return strings.Fields(rest)[0]
		}
	}
	return ""
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// authority makes a timestamping authority and its root.
func authority(t *testing.T) (*pades.LocalTSA, *x509.Certificate) {
	t.Helper()
	ca := must[*testca.Authority](t)(testca.NewRoot(testca.Config{Clock: time.Now, Subject: pkix.Name{CommonName: "Timestamping root"}}))
	leaf := must[*testca.Leaf](t)(ca.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Timestamping authority"}}))
	chain := append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...)
	return must[*pades.LocalTSA](t)(pades.NewLocalTSA(pades.LocalTSAConfig{Key: leaf.Key, Chain: chain, Clock: time.Now})), ca.Certificate
}

// openOffice assembles a service and has it issue.
func openOffice(t *testing.T) *office {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	post := &letters{}
	o := &office{url: "http://" + listener.Addr().String(), post: post}
	tsa, root := authority(t)
	s := must[*serving.Service](t)(serving.New(serving.Parts{
		Store: memstore.New(time.Now), Blobs: must[*blob.Dir](t)(blob.OpenDir(blob.DirConfig{Path: t.TempDir(), Clock: time.Now})),
		Sealer: must[*service.KeyRing](t)(service.NewKeyRing(service.GenerateMasterKey())), Mailer: post, TSA: tsa, TSARoots: []*x509.Certificate{root},
		BaseURL: o.url, Version: "test", Clock: time.Now, BatchAge: 50 * time.Millisecond, BatchEvery: 100 * time.Millisecond, TempDir: t.TempDir(),
	}))
	inner := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.requests.Add(1)
		if r.Method == http.MethodPost && r.URL.Path == "/v1/verify" {
			o.verified.Add(1)
		}
		inner.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- s.Run(ctx) }()
	go func() { done <- s.Serve(ctx, listener, nil, 0) }()
	o.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-done, <-done)
	})
	t.Cleanup(func() {
		if err := o.stop(); err != nil {
			t.Errorf("ending the service: %v", err)
		}
	})
	o.found(t, s)
	o.issue(t)
	o.publish(t, post)
	return o
}

// found makes the institution and its key.
func (o *office) found(t *testing.T, s *serving.Service) {
	t.Helper()
	ctx := t.Context()
	tenant, err := s.Core.CreateTenant(ctx, "gruenau", university)
	if err != nil {
		t.Fatal(err)
	}
	key := must[service.APIKey](t)(s.Core.CreateFirstKey(ctx, service.Scope{Tenant: tenant.ID, Environment: service.Live}, service.NewKey{Name: "registry", Scopes: service.Permissions()}))
	o.key = key.Secret
	o.api = &client.Client{BaseURL: o.url, Token: key.Secret, HTTP: &http.Client{Timeout: 30 * time.Second}}
	key = must[service.APIKey](t)(s.Core.CreateFirstKey(ctx, service.Scope{Tenant: tenant.ID, Environment: service.Test}, service.NewKey{Name: "trying out", Scopes: service.Permissions()}))
	o.test = &client.Client{BaseURL: o.url, Token: key.Secret, HTTP: &http.Client{Timeout: 30 * time.Second}}
}

// issue issues two diplomas in every form, and waits until both are anchored.
func (o *office) issue(t *testing.T) {
	t.Helper()
	ctx, yes := t.Context(), true
	issuer := must[service.Issuer](t)(o.api.CreateIssuer(ctx, service.NewIssuer{Key: "gruenau", Name: university, URL: "https://gruenau.example/"}, ""))
	kind := must[service.Type](t)(o.api.CreateType(ctx, service.NewType{
		Key: "bsc", DisplayName: "Bachelor of Science", Kind: "diploma", Issuer: issuer.ID, Outputs: []string{"vc", "vc.jwt", "pdf", "badge"}, Anchor: &yes,
		Fields:      []service.Field{{Key: "thesis", Label: "Thesis", Type: "text", Required: true}},
		Achievement: &service.Achievement{Type: "BachelorDegree", Description: "A first degree in the natural sciences.", Criteria: "180 credits and a thesis."},
	}, ""))
	issue := func(name, thesis string) service.Credential {
		return must[service.Credential](t)(o.api.Issue(ctx, service.NewCredential{Type: kind.ID, ItemInput: service.ItemInput{
			Recipient: service.Recipient{Name: name, Email: "zoe@students.example"}, Claims: map[string]any{"thesis": thesis},
		}}, ""))
	}
	o.valid, o.second = issue("Zoë Ångström", "Lichens of the northern fells"), issue("Zoë Ångström", "Mosses of the southern moors")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(30 * time.Millisecond) {
		o.valid, o.second = must[service.Credential](t)(o.api.GetCredential(ctx, o.valid.ID)), must[service.Credential](t)(o.api.GetCredential(ctx, o.second.ID))
		if anchored(o.valid) && anchored(o.second) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not anchored: %+v", o.valid.Anchor)
		}
	}
}

func anchored(c service.Credential) bool { return c.Anchor != nil && c.Anchor.State == "anchored" }

// publish makes a portfolio, and asks for a signature on a document.
func (o *office) publish(t *testing.T, post *letters) {
	t.Helper()
	ctx := t.Context()
	must[service.Portfolio](t)(o.api.PutPortfolio(ctx, "zoe-angstrom", service.PortfolioInput{
		Title: "Zoë Ångström", SubjectID: o.valid.Recipient.ID, Public: true,
		Items: []service.PortfolioItem{{Credential: o.valid.ID, Visible: true}, {Credential: o.second.ID, Visible: true}},
	}))
	documents := must[[]service.Document](t)(o.api.AddDocuments(ctx, []service.Upload{{Name: "diploma.pdf", Bytes: padestest.Sample{}.Build(t)}}, ""))
	must[service.Signature](t)(o.api.AddSignature(ctx, documents[0].ID, service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: "Prof. Dr. Ida Falk", Email: "falk@gruenau.example"}}, ""))
	for deadline := time.Now().Add(20 * time.Second); o.token == ""; time.Sleep(30 * time.Millisecond) {
		if o.token = post.after(o.url + "/sign/"); time.Now().After(deadline) {
			t.Fatal("no letter invites to sign")
		}
	}
}

// axe reads axe-core, "" where it is not there.
func axe(t *testing.T) string {
	t.Helper()
	name := os.Getenv("CHANCERY_AXE")
	if name == "" {
		return ""
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
