package service_test

import (
	"context"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// quota allows two.
type quota struct{ left int64 }

func (q *quota) Take(_ context.Context, _ service.Tx, _ service.Scope, n int64) error {
	if q.left < n {
		return &service.Error{Code: service.CodeQuota, Detail: "used up"}
	}
	q.left -= n
	return nil
}

func (q *quota) Left(context.Context, service.Scope) (*int64, error) { return &q.left, nil }

// TestQuota: C20: live issuing is counted, test issuing is not, and a refusal stores nothing.
func TestQuota(t *testing.T) {
	q := &quota{left: 1}
	w := newWorld(t, func(c *service.Config) { c.Quota = q })
	c := w.school("north")
	w.issue(c)
	w.issue(c)
	live := service.System(service.Scope{Tenant: "north", Environment: service.Live})
	w.issuer(live)
	w.newType(live)
	w.issue(live, draft)
	got := w.issue(live)
	_, err := w.s.Issue(w.ctx, live, aina(), once)
	refused(t, "used up", err, service.CodeQuota)
	if n := must(w.s.ListCredentials(w.ctx, live, service.CredentialFilter{State: service.StateIssued}, service.Page{WithTotal: true}))(t).Total; n != 1 {
		t.Errorf("expected one, found %d", n)
	}
	until := w.clock().AddDate(3, 0, 0)
	must(w.s.SetExpiry(w.ctx, live, got.ID, &until, once))(t)
	if me := must(w.s.Me(w.ctx, live))(t); me.Limits.QuotaLeft == nil || *me.Limits.QuotaLeft != 0 {
		t.Errorf("unexpected %+v", me.Limits)
	}
}
