package document_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	vpades "github.com/chancery-dev/chancery/verifier/pades"
)

var (
	scope = service.Scope{Tenant: "academy", Environment: service.Live}
	other = service.Scope{Tenant: "other", Environment: service.Live}
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

// post keeps mail, and refuses that to refused@….
type post struct {
	mu    sync.Mutex
	mails []service.Mail
}

func (p *post) Send(_ context.Context, m service.Mail) error {
	if strings.HasPrefix(m.To, "refused@") {
		return fmt.Errorf("550: %w", service.ErrMailRefused)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, m)
	return nil
}

// house is the institution's signer.
type house struct{ w *padestest.World }

func (h house) PDFSigner(_ context.Context, s service.Scope, _, level string) (*pades.Signer, error) {
	if s != scope {
		return nil, service.NotFound("issuer")
	}
	l := pades.LevelB
	if level != "" {
		l, _ = pades.ParseLevel(level)
	}
	return h.w.Pades(l, padestest.P256), nil
}

type fixture struct {
	*testing.T
	store  *memstore.Store
	blobs  *blob.Memory
	post   *post
	world  *padestest.World
	docs   *document.Documents
	caller service.Caller
	skew   atomic.Int64
	config document.Config
}

func setUp(t *testing.T, edit func(*document.Config)) *fixture {
	t.Helper()
	f := &fixture{T: t, blobs: blob.NewMemory(0), post: &post{}, world: padestest.New(t, padestest.P256), caller: service.System(scope)}
	clock := func() time.Time { return f.world.Clock().Add(time.Duration(f.skew.Load())) }
	f.store = memstore.New(clock)
	f.config = document.Config{
		Store: f.store, Blobs: f.blobs, Sealer: bound{}, Signing: house{f.world}, Mailer: f.post, BaseURL: "https://chancery.example", Clock: clock,
	}
	if edit != nil {
		edit(&f.config)
	}
	var err error
	if f.docs, err = document.New(f.config); err != nil {
		t.Fatal(err)
	}
	err = f.store.Update(t.Context(), func(tx service.Tx) error {
		hook := service.StoredWebhook{URL: "https://client.example", Events: []string{"*"}, Active: true, Algorithm: "v1"}
		return service.Put(t.Context(), tx, scope, service.Record{Kind: service.KindWebhook, ID: "hook", Created: clock(), Updated: clock()}, hook)
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) add(b []byte) service.Document {
	f.Helper()
	res, err := f.docs.AddDocument(f.Context(), f.caller, service.Upload{Name: "diploma.pdf", Bytes: b}, service.Idempotency{})
	if err != nil {
		f.Fatal(err)
	}
	return res.Value
}

func (f *fixture) file(id string) []byte {
	f.Helper()
	file, err := f.docs.DocumentFile(f.Context(), f.caller, id)
	if err != nil {
		f.Fatal(err)
	}
	return file.Bytes
}

// run does the jobs that are due.
func (f *fixture) run() {
	f.Helper()
	handlers, _ := f.docs.Jobs()
	ctx, cancel := context.WithTimeout(f.Context(), 80*time.Millisecond)
	defer cancel()
	if err := f.store.Work(ctx, service.WorkConfig{Handlers: handlers, Wait: func(string, int) time.Duration { return time.Millisecond }}); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) invite(id, email string) service.Signature {
	f.Helper()
	in := service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: "Aina Rahman", Email: email}}
	res, err := f.docs.AddSignature(f.Context(), f.caller, id, in, service.Idempotency{})
	if err != nil {
		f.Fatal(err)
	}
	f.run()
	return res.Value
}

// token is that of the newest mail to an address, "" without one.
func (f *fixture) token(email string) string {
	f.Helper()
	f.post.mu.Lock()
	defer f.post.mu.Unlock()
	out := ""
	for _, m := range f.post.mails {
		if m.To != email {
			continue
		}
		_, rest, ok := strings.Cut(m.Text, "https://chancery.example/sign/")
		if !ok {
			f.Fatal("a mail without a link")
		}
		out = strings.Fields(rest)[0]
		if !strings.Contains(m.HTML, `href="https://chancery.example/sign/`+out+`"`) {
			f.Fatal("a mail whose HTML does not say the same")
		}
	}
	return out
}

func sign(t *testing.T, s *pades.Signer, in []byte, req pades.Request) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, req); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (f *fixture) validate(file []byte) *vpades.Result {
	f.Helper()
	res, err := vpades.Validate(f.Context(), bytes.NewReader(file), int64(len(file)), vpades.Config{
		Roots: []vpades.Anchor{{Certificate: f.world.Root.Certificate}}, Clock: f.world.Clock,
		TSARoots: []vpades.Anchor{{Certificate: f.world.TSARoot.Certificate}},
	})
	if err != nil {
		f.Fatal(err)
	}
	return res
}

func validation(err error) string {
	var e *service.Error
	if !errors.As(err, &e) || e.Code != service.CodeValidation {
		return ""
	}
	return e.Error()
}

// events counts deliveries of a type.
func (f *fixture) events(kind string) (n int) {
	f.Helper()
	err := f.store.View(f.Context(), func(tx service.Tx) error {
		l, err := tx.List(f.Context(), scope, service.KindDelivery, nil, service.Page{Limit: 1000})
		for _, r := range l.Items {
			if strings.Contains(string(r.Body), kind) {
				n++
			}
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return n
}

// noTokens checks that a token is nowhere in the store.
func (f *fixture) noTokens(token string) {
	f.Helper()
	err := f.store.View(f.Context(), func(tx service.Tx) error {
		l, err := tx.List(f.Context(), scope, service.KindSignature, nil, service.Page{Limit: 1000})
		for _, r := range l.Items {
			if bytes.Contains(r.Body, []byte(token)) || bytes.Contains(r.Body, []byte(base64.StdEncoding.EncodeToString([]byte(token)))) {
				f.Error("a token is kept after its mail was sent")
			}
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
}

// edit adds an update that changes the page's content.
func edit(t *testing.T, in []byte) []byte {
	t.Helper()
	return revise(t, in, func(_ *pdf.Update, page *pdf.Dict) { page.Set("Rotate", pdf.Integer(180)) })
}

func timestamped(t *testing.T, w *padestest.World, in []byte) []byte {
	t.Helper()
	s := w.Pades(pades.LevelLTA, padestest.P256)
	signed := sign(t, s, in, pades.Request{})
	return append(bytes.Clone(in), signed[len(in)+10:]...)
}
