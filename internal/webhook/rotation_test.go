package webhook

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/hook"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/webhook/signature"
)

// sealer encrypts, and binds to the place.
type sealer struct{ cipher.AEAD }

func newSealer(t *testing.T) sealer {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return sealer{a}
}

func (s sealer) Seal(plain []byte, place string) ([]byte, error) {
	nonce := make([]byte, s.NonceSize())
	rand.Read(nonce)
	return s.AEAD.Seal(nonce, nonce, plain, []byte(place)), nil
}

func (s sealer) Open(sealed []byte, place string) ([]byte, error) {
	if len(sealed) < s.NonceSize() {
		return nil, errors.New("too short")
	}
	return s.AEAD.Open(nil, sealed[:s.NonceSize()], sealed[s.NonceSize():], []byte(place))
}

// TestRotatedTwice: receivers who hold any of three secrets of one day verify what is sent,
// and none of the secrets is stored in the clear.
func TestRotatedTwice(t *testing.T) {
	clock := now
	var headers signature.Headers
	var body []byte
	srv, pool := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		headers = signature.Headers{ID: r.Header.Get("webhook-id"), Timestamp: r.Header.Get("webhook-timestamp"), Signature: r.Header.Get("webhook-signature")}
		body, _ = io.ReadAll(r.Body)
	})
	at := func() time.Time { return clock }
	s := sender(t, func(c *Config) { c.RootCAs, c.InsecureLoopback, c.Clock = pool, true, at })
	store := memstore.New(at)
	hooks, err := hook.New(hook.Config{Store: store, Sealer: newSealer(t), Sender: s, Clock: at, InsecureLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, scope := context.Background(), service.Scope{Tenant: "academy", Environment: service.Live}
	caller := service.System(scope)
	made, err := hooks.CreateWebhook(ctx, caller, service.NewWebhook{URL: srv.URL, Events: []string{"*"}}, service.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{made.Value.SigningSecret}
	for range 2 {
		clock = clock.Add(10 * time.Hour)
		r, err := hooks.RotateSecret(ctx, caller, made.Value.ID, service.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, r.Value.SigningSecret)
	}
	handlers, _ := hooks.Jobs()
	deliver := func() {
		t.Helper()
		if err := store.Update(ctx, func(tx service.Tx) error {
			return service.Emit(ctx, tx, scope, clock, service.EventIssued, map[string]any{"id": "CX-1"})
		}); err != nil {
			t.Fatal(err)
		}
		l, err := hooks.Deliveries(ctx, caller, made.Value.ID, service.Page{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		args, err := service.EncodeArgs(service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment, ID: l.Items[0].ID})
		if err != nil {
			t.Fatal(err)
		}
		headers = signature.Headers{}
		if err := handlers[service.JobDeliver](ctx, service.Run{Kind: service.JobDeliver, Args: args, Attempt: 1, Attempts: 25}); err != nil {
			t.Fatal(err)
		}
	}
	// The first secret was replaced at 10:00 and ends a day later, the second at 20:00.
	for _, step := range []struct {
		after time.Duration // since the second rotation
		holds []bool
	}{
		{0, []bool{true, true, true}},
		{14*time.Hour - time.Second, []bool{true, true, true}},
		{14 * time.Hour, []bool{false, true, true}},
		{24*time.Hour - time.Second, []bool{false, true, true}},
		{24 * time.Hour, []bool{false, false, true}},
	} {
		clock = now.Add(20*time.Hour + step.after)
		deliver()
		for i, text := range secrets {
			key, err := signature.ParseKey(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := signature.Verify(headers, body, clock, 0, key); (err == nil) != step.holds[i] {
				t.Errorf("%v after the second rotation, a receiver with secret %d: %v", step.after, i+1, err)
			}
			if err := signature.Verify(headers, append(bytes.Clone(body), ' '), clock, 0, key); err == nil {
				t.Errorf("secret %d verifies another body", i+1)
			}
		}
	}
	var stored service.StoredWebhook
	if err := store.View(ctx, func(tx service.Tx) (err error) {
		_, stored, err = service.Get[service.StoredWebhook](ctx, tx, scope, service.KindWebhook, made.Value.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	kept := [][]byte{stored.Secret, stored.Old}
	for _, r := range stored.Older {
		kept = append(kept, r.Secret)
	}
	if len(kept) != 3 {
		t.Errorf("expected three secrets, found %d", len(kept))
	}
	for i, b := range kept {
		if bytes.Contains(b, []byte("whsec_")) || bytes.Contains(b, []byte(strings.TrimPrefix(secrets[2-i], "whsec_"))) {
			t.Errorf("secret %d is stored in the clear", 3-i)
		}
	}
}
