package service_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestPublishedAfterRotation: no process publishes a DID document or key set of before, once another
// process has signed with a new key, or has said that a key is compromised.
func TestPublishedAfterRotation(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{Limit: 1}))(t).Items[0]
	here, other := w.s, w.again()
	vc := w.file(c, w.issue(c).ID, "vc")
	learn := func() {
		w.s = other
		w.pass(2 * time.Second)
		expect(t, "before", w.verify(vc), "valid", "", "*")
		must(other.DIDDocument(w.ctx, "i/"+issuer.ID))(t)
		w.s = here
		w.pass(20 * time.Millisecond)
	}
	published := func(what, multibase, method string, want bool) {
		t.Helper()
		document := must(other.DIDDocument(w.ctx, "i/"+issuer.ID))(t).Bytes
		if bytes.Contains(document, []byte(multibase)) != want {
			t.Errorf("%s: expected the key in the DID document: %v, found\n%s", what, want, document)
		}
		set := must(other.JWKS(w.ctx, "i/"+issuer.ID))(t).Bytes
		if bytes.Contains(set, []byte(method)) != want {
			t.Errorf("%s: expected the key in the key set: %v, found\n%s", what, want, set)
		}
	}
	learn()
	keys := must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{}, once))(t).Value.Keys
	published("rotated", keys[0].PublicKey, keys[0].ID, true)
	published("rotated", keys[1].PublicKey, keys[1].ID, true)
	signed := w.file(c, w.issue(c).ID, "vc")
	w.s = other
	expect(t, "by the new key", w.verify(signed), "valid", "", "*")
	learn()
	must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{Compromised: true, Key: keys[0].ID}, once))(t)
	published("compromised", keys[0].PublicKey, keys[0].ID, false)
	published("compromised", keys[1].PublicKey, keys[1].ID, true)
}

// contested is a store in which others are always quicker, for a while.
type contested struct {
	service.Store
	left int
}

func (c *contested) Update(ctx context.Context, f func(service.Tx) error) error {
	if c.left > 0 {
		c.left--
		return service.ErrConflict
	}
	return c.Store.Update(ctx, f)
}

// TestRotatedAmidOthers: a key is exchanged, and one that is known to others is given up,
// however much others do with the issuer meanwhile; what is contested for ever is said to be.
func TestRotatedAmidOthers(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	store := &contested{Store: w.store}
	w.config.Store = store
	w.s = w.again()
	for n, in := range []service.RotateKey{{}, {Compromised: true}, {Compromised: true, Key: issuer.Keys[0].ID}} {
		store.left = 7
		if _, err := w.s.RotateKey(w.ctx, c, issuer.ID, in, once); err != nil || store.left != 0 {
			t.Errorf("%d: %v", n, err)
		}
		expect(t, "issued after it", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
	}
	store.left = 1 << 30
	if _, err := w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{}, once); !errors.Is(err, service.ErrConflict) {
		t.Errorf("expected a conflict, found %v", err)
	}
}
