package register_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestEraseIssuedMeanwhile: what was being issued while a person was erased, and was
// committed when the person's record was gone, is erased a while later, and counted. What is
// issued to the same person afterwards stays.
func TestEraseIssuedMeanwhile(t *testing.T) {
	h := newHouse(t)
	h.courseOf(h.issuer("did:web").ID)
	subject := h.issue("CX-1", "Aina Rahman", "aina@example.com").Recipient.ID
	_, err := h.register.Erase(t.Context(), h.caller, subject)
	check(t, err)
	h.issue("CX-2", "Aina Rahman", "aina@example.com")
	forget := func() {
		check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
			return tx.Delete(t.Context(), h.caller.Scope, service.KindSubject, subject)
		}))
	}
	forget() // as if the issue had found the record there before it was deleted
	name := func(id string) string {
		c, err := h.core.GetCredential(t.Context(), h.caller, id)
		check(t, err)
		return c.Recipient.Name
	}
	h.run(300 * time.Millisecond)
	if name("CX-2") == "" {
		t.Error("erased before the transactions of then have ended")
	}
	h.pass(6 * time.Minute)
	for range 20 {
		if h.run(300 * time.Millisecond); name("CX-2") == "" {
			break
		}
	}
	if found := name("CX-2"); found != "" {
		t.Errorf("what was issued meanwhile names %s", found)
	}
	out, err := h.register.Erase(t.Context(), h.caller, subject)
	check(t, err)
	if out.Credentials != 2 {
		t.Errorf("expected 2 erased, found %+v", out)
	}

	// Erased once more, and known again before the job.
	h.issue("CX-3", "Aina Rahman", "aina@example.com")
	_, err = h.register.Erase(t.Context(), h.caller, subject)
	check(t, err)
	h.issue("CX-4", "Aina Rahman", "aina@example.com")
	h.pass(6 * time.Minute)
	h.run(time.Second)
	if name("CX-3") != "" || name("CX-4") == "" {
		t.Errorf("found %q of before and %q of afterwards", name("CX-3"), name("CX-4"))
	}
}
