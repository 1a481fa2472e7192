package register_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/register"
)

// stuck is where files cannot be removed after a while.
type stuck struct {
	service.Blobs
	left int
}

func (s *stuck) Delete(ctx context.Context, digest string) error {
	if s.left--; s.left < 0 {
		return service.ErrUnavailable
	}
	return s.Blobs.Delete(ctx, digest)
}

// TestErasePartly: an erasure that fails in the middle has erased something: the audit log
// says so, and the sum of all attempts is what there was.
func TestErasePartly(t *testing.T) {
	h := newHouse(t)
	h.courseOf(h.issuer("did:web").ID)
	var subject string
	for _, id := range []string{"CX-1", "CX-2", "CX-3", "CX-4"} {
		subject = h.issue(id, "Aina Rahman", "aina@example.com").Recipient.ID
	}
	files := &stuck{Blobs: h.files, left: 4} // one credential, and a file of the next
	reg, err := register.New(register.Config{Store: h.store, Blobs: files, Schemas: h.core, Rows: h.batches, Signers: h.docs, BaseURL: base, Clock: h.clock})
	check(t, err)
	if _, err := reg.Erase(t.Context(), h.caller, subject); err == nil {
		t.Fatal("expected that it cannot be finished")
	}
	files.left = 1000
	_, err = reg.Erase(t.Context(), h.caller, subject)
	check(t, err)
	all, err := reg.Erase(t.Context(), h.caller, subject)
	check(t, err)
	if all.Credentials != 4 {
		t.Errorf("expected 4 credentials in all, found %+v", all)
	}
	var said []string
	check(t, h.store.View(t.Context(), func(tx service.Tx) error {
		lines, err := tx.Unchained(t.Context(), h.caller.Scope, 1000)
		for _, l := range lines {
			if l.Action == "subject.erase" {
				said = append(said, string(l.Detail))
			}
		}
		return err
	}))
	if len(said) != 2 || !strings.Contains(said[0], `"credentials":2`) || !strings.Contains(said[1], `"credentials":2`) {
		t.Errorf("the audit log says %q", said)
	}
}
