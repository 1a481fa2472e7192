package hook_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func TestSecret(t *testing.T) {
	f := setUp(t)
	key := service.Idempotency{Key: "k", Route: "POST /v1/webhooks"}
	in := service.NewWebhook{URL: "https://client.example.com", Events: []string{"*"}}
	a, err := f.hooks.CreateWebhook(t.Context(), f.caller, in, key)
	b, err2 := f.hooks.CreateWebhook(t.Context(), f.caller, in, key)
	if err != nil || err2 != nil || a.Value.SigningSecret != b.Value.SigningSecret || a.Value.ID != b.Value.ID || !b.Replayed || !strings.HasPrefix(a.Value.SigningSecret, "whsec_") {
		t.Fatalf("found %+v, %+v, %v, %v", a, b, err, err2)
	}
	got, err := f.hooks.GetWebhook(t.Context(), f.caller, a.Value.ID)
	if err != nil || got.SigningSecret != "" {
		t.Fatalf("the secret is shown twice: %+v, %v", got, err)
	}
	f.emit(service.EventIssued, 1)
	id := f.deliveries(got.ID)[0].ID
	rotated, err := f.hooks.RotateSecret(t.Context(), f.caller, got.ID, service.Idempotency{})
	if err != nil || rotated.Value.SigningSecret == a.Value.SigningSecret {
		t.Fatal("the secret was not rotated", err)
	}
	if err := f.attempt(id); err != nil {
		t.Fatal(err)
	}
	want := []string{rotated.Value.SigningSecret, a.Value.SigningSecret}
	if !slices.Equal(f.r.got[0].Secrets, want) {
		t.Error("expected the new and the old secret to sign")
	}
	f.pass(24*time.Hour + time.Second)
	f.emit(service.EventIssued, 1)
	if err := f.attempt(f.deliveries(got.ID)[0].ID); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.r.got[1].Secrets, want[:1]) {
		t.Error("expected the new secret alone after a day")
	}
	v1a := f.create(func(in *service.NewWebhook) { in.Algorithm = "v1a" })
	if v1a.SigningSecret != "" || !strings.HasPrefix(v1a.PublicKey, "whpk_") {
		t.Errorf("found %+v", v1a)
	}
}

// TestRotations: every replaced secret signs until its own day is over, however many come
// after it; a rotation that would cut one short is refused.
func TestRotations(t *testing.T) {
	f := setUp(t)
	w := f.create(nil)
	all := []string{w.SigningSecret} // the oldest first
	rotate := func() error {
		t.Helper()
		r, err := f.hooks.RotateSecret(t.Context(), f.caller, w.ID, service.Idempotency{})
		if err == nil {
			all = append(all, r.Value.SigningSecret)
		}
		return err
	}
	signing := func(when string, from int) {
		t.Helper()
		before := f.deliveries(w.ID)
		f.emit(service.EventIssued, 1)
		added := slices.DeleteFunc(f.deliveries(w.ID), func(d service.Delivery) bool {
			return slices.ContainsFunc(before, func(b service.Delivery) bool { return b.ID == d.ID })
		})
		if len(added) != 1 {
			t.Fatalf("expected one delivery, found %d", len(added))
		}
		if err := f.attempt(added[0].ID); err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(all[from:])
		slices.Reverse(want)
		if got := f.r.got[len(f.r.got)-1].Secrets; !slices.Equal(got, want) {
			t.Errorf("%s: expected %d secrets to sign, the newest first, found %d", when, len(want), len(got))
		}
	}
	for i := range 5 {
		if err := rotate(); err != nil {
			t.Fatalf("rotation %d: %v", i+1, err)
		}
		signing(fmt.Sprintf("after rotation %d", i+1), 0)
		f.pass(time.Hour)
	}
	var e *service.Error
	if err := rotate(); !errors.As(err, &e) || e.Code != service.CodeState || e.RetryAfter != 19*time.Hour {
		t.Fatalf("a sixth rotation within a day: %v", err)
	}
	signing("after a rotation that was refused", 0)
	f.pass(19*time.Hour - time.Second)
	signing("a second before the first has ended", 0)
	f.pass(time.Second)
	signing("when the first has ended", 1)
	if err := rotate(); err != nil {
		t.Fatal(err)
	}
	if err := rotate(); !errors.As(err, &e) || e.RetryAfter != time.Hour {
		t.Fatalf("a seventh: %v", err)
	}
	signing("after another", 1)
	f.pass(2 * time.Hour)
	signing("two hours later", 3)
	f.pass(24 * time.Hour)
	signing("when all have ended", 6)
	// Two at the same moment.
	for range 2 {
		if err := rotate(); err != nil {
			t.Fatalf("when no other signs: %v", err)
		}
	}
	f.pass(time.Second)
	signing("two at once", 6)
}
