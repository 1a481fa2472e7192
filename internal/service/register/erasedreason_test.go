package register_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestReasonAfterErasure: who revokes what was issued to somebody erased may name him in the
// reason. It is not kept: no second erasure would find it, since nobody is known whom the
// credential is about.
func TestReasonAfterErasure(t *testing.T) {
	h := newHouse(t)
	h.courseOf(h.issuer("did:web").ID)
	subject := h.issue("CX-1", "Aina Rahman", "aina@example.com").Recipient.ID
	_, err := h.register.Erase(t.Context(), h.caller, subject)
	check(t, err)
	const reason = "asked for by Aina Rahman"
	for n, do := range []func(context.Context, service.Caller, string, string, service.Idempotency) (service.Result[service.Credential], error){
		h.core.Suspend, h.core.Reinstate, h.core.Revoke,
	} {
		out, err := do(t.Context(), h.caller, "CX-1", reason, service.Idempotency{})
		check(t, err)
		if out.Value.Reason != "" {
			t.Errorf("step %d: answers %q", n, out.Value.Reason)
		}
		if _, err := do(t.Context(), h.caller, "CX-1", reason, service.Idempotency{}); err != nil {
			t.Errorf("step %d, again: %v", n, err)
		}
		check(t, h.store.View(t.Context(), func(tx service.Tx) error {
			c, err := tx.Credential(t.Context(), h.caller.Scope, "CX-1")
			if bytes.Contains(c.Body, []byte("Aina")) {
				t.Errorf("step %d: kept: %s", n, c.Body)
			}
			return err
		}))
	}
}
