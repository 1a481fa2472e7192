package evidence

import (
	"crypto"
	"testing"
	"time"
)

// TestLater: what was made after the time to judge at proves nothing then, and clocks that
// differ by a little do no harm.
func TestLater(t *testing.T) {
	w := smallWorld()
	claimed := worldTime.Add(-100 * time.Hour)
	early := plan{change: func(h *Header) { h.Time = claimed }}
	chain, stamp := w.bundle(t, early, w.ethAnchor(t, ethPlan{})), w.bundle(t, early, w.tsaAnchor(t))
	renewed := *w.bundle(t, plan{}, w.tsaAnchor(t))
	made := worldTime.Add(24 * time.Hour)
	renewed.Renewals = []Renewal{{Type: RenewTimestamp, Token: NewPart(w.token(t, made, crypto.SHA512, renewed.Anchors[0].Timestamp.Token.Bytes))}}
	for name, c := range map[string]struct {
		b    *Bundle
		now  time.Time
		want Outcome
		code Code
	}{
		"block":                       {chain, worldNow, Valid, ""},
		"block, judged before":        {chain, worldTime.Add(-50 * time.Hour), Indeterminate, FinalityUndecided},
		"block, batch in the future":  {chain, claimed.Add(-2 * time.Hour), Invalid, TimeWrong},
		"timestamp":                   {stamp, worldNow, Valid, ""},
		"timestamp, judged before":    {stamp, worldTime.Add(-50 * time.Hour), Indeterminate, TimestampOpen},
		"renewal":                     {&renewed, worldNow, Valid, ""},
		"renewal, by a slow clock":    {&renewed, made.Add(-time.Minute), Valid, ""},
		"renewal, judged long before": {&renewed, made.Add(-20 * time.Hour), Indeterminate, TimestampOpen},
	} {
		trust := w.trust()
		trust.Now = c.now
		r, _ := c.b.Verify(Input{Digest: c.b.Subject.Digest}, trust)
		if r.Outcome != c.want || r.Code != c.code {
			t.Errorf("%s: expected %s %q, found %s", name, c.want, string(c.code), describe(r))
		}
	}
}
