package service_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

// TestCompromisedEnds: to say that a key is known to others ends all that it signed, so that
// it needs the scope to change statuses, too; to give an issuer a new key does not.
func TestCompromisedEnds(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	keys := c
	keys.Permissions = []service.Permission{service.MayKeys, service.MayRead, service.MayIssue}
	for name, in := range map[string]service.RotateKey{"the one in use": {Compromised: true}, "by its id": {Compromised: true, Key: issuer.Keys[0].ID}} {
		_, err := w.s.RotateKey(w.ctx, keys, issuer.ID, in, once)
		refused(t, name, err, service.CodeScope)
	}
	expect(t, "what it signed", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	must(w.s.RotateKey(w.ctx, keys, issuer.ID, service.RotateKey{}, once))(t)
	expect(t, "after a new key", w.verifyID(got.PublicID), "valid", "", service.StateIssued)
	keys.Permissions = append(keys.Permissions, service.MayStatus)
	must(w.s.RotateKey(w.ctx, keys, issuer.ID, service.RotateKey{Compromised: true, Key: issuer.Keys[0].ID}, once))(t)
	if v := w.verifyID(got.PublicID); v.Report.Outcome == verifier.Valid {
		t.Error("what a compromised key signed is valid")
	}
}
