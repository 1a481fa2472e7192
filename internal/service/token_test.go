package service_test

import (
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestTokenRepeats: a scope that is asked for again and again is given once: the token is
// one that can be used.
func TestTokenRepeats(t *testing.T) {
	w := newWorld(t)
	k := w.key(w.tenant("north", service.Test), service.MayIssue, service.MayRead)
	asked := slices.Repeat([]service.Permission{service.MayRead, service.MayIssue}, 1500)
	got := must(w.s.Token(w.ctx, k.ID, k.Secret, asked))(t)
	if got.Scope != "read issue" || len(got.AccessToken) > 1000 {
		t.Errorf("%d bytes for %.100q", len(got.AccessToken), got.Scope)
	}
	who := must(w.s.Authenticate(w.ctx, got.AccessToken))(t)
	if !slices.Equal(who.Permissions, []service.Permission{service.MayRead, service.MayIssue}) {
		t.Errorf("found %v", who.Permissions)
	}
	_, err := w.s.Token(w.ctx, k.ID, k.Secret, append(asked, service.MayKeys))
	refused(t, "one more", err, service.CodeScope)
}
