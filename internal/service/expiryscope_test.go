package service_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestExpiryEnds: an end that is now, and a new version whose predecessor is revoked, end what
// people have as a revocation does: who may only issue changes the end of drafts alone.
func TestExpiryEnds(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	waiting := w.issue(c, draft)
	old := w.file(c, got.ID, "vc")
	w.pass(time.Hour)
	issuing := c
	issuing.Permissions = []service.Permission{service.MayIssue, service.MayRead}
	for name, until := range map[string]time.Time{"now": w.clock(), "past": w.clock().Add(-time.Minute), "later": w.clock().AddDate(3, 0, 0)} {
		_, err := w.s.SetExpiry(w.ctx, issuing, got.ID, &until, once)
		refused(t, name, err, service.CodeScope)
	}
	_, err := w.s.SetExpiry(w.ctx, issuing, got.ID, nil, once)
	refused(t, "for ever", err, service.CodeScope)
	if now := w.get(c, got.ID); now.Version != 1 || now.State != service.StateIssued {
		t.Errorf("changed to %+v", now)
	}
	expect(t, "what people have", w.verify(old), "valid", "", "*")
	later := w.clock().AddDate(2, 0, 0)
	if changed := must(w.s.SetExpiry(w.ctx, issuing, waiting.ID, &later, once))(t).Value; !changed.ValidUntil.Equal(later) {
		t.Errorf("the draft ends %v", changed.ValidUntil)
	}
	status := c
	status.Permissions = []service.Permission{service.MayStatus}
	_, err = w.s.SetExpiry(w.ctx, status, got.ID, &later, once)
	refused(t, "without the scope to issue", err, service.CodeScope)
	must(w.s.SetExpiry(w.ctx, c, got.ID, &later, once))(t)
}
