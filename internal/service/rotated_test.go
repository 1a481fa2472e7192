package service_test

import (
	"bytes"
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
