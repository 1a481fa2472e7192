package service_test

import (
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// under is the same store, opened with another master key.
func (w *world) under(key *service.KeyRing) *service.Service {
	w.t.Helper()
	own := w.config.Sealer
	defer func() { w.config.Sealer = own }()
	w.config.Sealer = key
	return w.again()
}

func ring(t *testing.T) *service.KeyRing {
	t.Helper()
	return must(service.NewKeyRing(service.GenerateMasterKey()))(t)
}

// TestMasterKey: a store is opened with the key that its secrets are sealed under, and with
// no other; a new store takes the first.
func TestMasterKey(t *testing.T) {
	refused := func(t *testing.T, w *world) {
		t.Helper()
		var wrong *service.WrongMasterKeyError
		err := w.under(ring(t)).CheckMasterKey(w.ctx)
		if !errors.As(err, &wrong) || wrong.Sealed != w.config.Sealer.(*service.KeyRing).KeyID() {
			t.Fatalf("expected that it names the key of the store, found %v", err)
		}
		for range 2 { // the second time by what the first has written
			if err := w.again().CheckMasterKey(w.ctx); err != nil {
				t.Fatal("the right key after the wrong one:", err)
			}
			if err := w.under(ring(t)).CheckMasterKey(w.ctx); !errors.As(err, &wrong) {
				t.Fatal(err)
			}
		}
	}
	t.Run("new store", func(t *testing.T) {
		w := newWorld(t)
		if err := w.s.CheckMasterKey(w.ctx); err != nil {
			t.Fatal(err)
		}
		refused(t, w)
	})
	t.Run("of issuers alone", func(t *testing.T) {
		w := newWorld(t)
		w.issuer(w.tenant("north", service.Live))
		refused(t, w)
	})
	t.Run("of tokens", func(t *testing.T) {
		w := newWorld(t)
		must(w.s.SubjectID(w.ctx, service.Scope{Tenant: "north", Environment: service.Test}, "a@example.com"))(t)
		refused(t, w)
	})
	t.Run("with an old key in the ring", func(t *testing.T) {
		w := newWorld(t)
		old, next := service.GenerateMasterKey(), service.GenerateMasterKey()
		w.config.Sealer = must(service.NewKeyRing(old))(t)
		if err := w.again().CheckMasterKey(w.ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.under(must(service.NewKeyRing(next, old))(t)).CheckMasterKey(w.ctx); err != nil {
			t.Error(err)
		}
	})
}
