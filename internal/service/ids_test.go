package service_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestIDs: ids of credentials are parts of paths. Those that clients and proxies take out
// of paths would name a credential that nobody can read or revoke.
func TestIDs(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	for _, id := range []string{".", "..", "a/b", `a\b`, "a b", "a%2fb", "é", strings.Repeat("x", 129)} {
		in := aina()
		in.ID = id
		_, err := w.s.Issue(w.ctx, c, in, once)
		refused(t, id, err, service.CodeValidation, "id")
		if v := must(w.s.Validate(w.ctx, c, in.Type, in.ItemInput))(t); v.Valid {
			t.Errorf("%s: validate says that it is valid", id)
		}
	}
	for _, id := range []string{"...", "-", "a..b", ".a", strings.Repeat("x", 128)} {
		if got := w.issue(c, func(in *service.NewCredential) { in.ID = id }); got.ID != id {
			t.Errorf("%s: found %s", id, got.ID)
		}
	}
}
