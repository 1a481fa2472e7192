package service_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestRestored: the audit log of every scope says that the register was restored, and what
// that has ended.
func TestRestored(t *testing.T) {
	w := newWorld(t)
	north, south := w.school("north"), w.school("south")
	w.issue(north) // south has no list yet
	ended, err := w.s.Restored(w.ctx)
	if err != nil || ended != 1 {
		t.Fatalf("expected one list, found %d (%v)", ended, err)
	}
	if again, err := w.s.Restored(w.ctx); err != nil || again != 0 {
		t.Errorf("again: %d (%v)", again, err)
	}
	for c, lists := range map[string]string{"north": `"lists":1`, "south": `"lists":0`} {
		caller := map[string]service.Caller{"north": north, "south": south}[c]
		var said []string
		if err := w.store.View(w.ctx, func(tx service.Tx) error {
			lines, err := tx.Unchained(w.ctx, caller.Scope, 1000)
			for _, l := range lines {
				if l.Action == service.ActionRestored {
					said = append(said, l.Subject+string(l.Detail))
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(said) != 2 || !strings.HasPrefix(said[0], c) || !strings.Contains(said[0], lists) {
			t.Errorf("%s: found %q", c, said)
		}
	}
}
