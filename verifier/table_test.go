package verifier_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

var refusalsOnce []refusal

func refusals(tb testing.TB) []refusal {
	if refusalsOnce == nil {
		refusalsOnce = allRefusals(tb)
	}
	return refusalsOnce
}

func allRefusals(tb testing.TB) []refusal {
	return slices.Concat(inputRefusals(tb), modelRefusals(tb), proofRefusals(tb), keyRefusals(tb), statusRefusals(tb), schemaRefusals(tb), innerRefusals(tb), ob2Refusals(tb), redteamRefusals(tb), disclosedRefusals(tb))
}

// run judges a case and returns its report.
func (c refusal) run(tb testing.TB) *verifier.Report {
	tb.Helper()
	trust := c.trust
	if trust == nil {
		trust = verifier.TrustAny()
	}
	copied := *trust
	copied.Documents = append(slices.Clone(trust.Documents), c.docs...)
	cfg := verifier.Config{Trust: &copied, Policy: c.policy, Clock: clockAt(now)}
	if c.config != nil {
		c.config(&cfg)
	}
	v, err := verifier.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx := c.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	start := time.Now()
	verified, err := v.Verify(ctx, c.s)
	if took := time.Since(start); took > 2*time.Second {
		tb.Errorf("took %v", took)
	}
	var bad *verifier.Error
	if verified != nil || !errors.As(err, &bad) {
		tb.Fatalf("expected %s, found it valid", string(c.want))
	}
	return bad.Report
}

// TestRefused: one flaw each, one Reason each, and an outcome that is the Reason's.
func TestRefused(t *testing.T) {
	for _, c := range refusals(t) {
		t.Run(c.name, func(t *testing.T) {
			r := c.run(t)
			if r.Reason != c.want || r.Outcome != c.want.Outcome() || r.Outcome == verifier.Valid {
				t.Fatalf("expected %s\n%s", string(c.want), explain(r))
			}
			if c.check == "" {
				return
			}
			if !slices.ContainsFunc(r.Checks, func(k verifier.Check) bool { return k.ID == c.check && k.Reason == c.want && k.Required }) {
				t.Errorf("expected the check %s to say so\n%s", c.check, explain(r))
			}
		})
	}
}

// TestEveryReason fails for a Reason that no test brings about, and for a table whose
// rows are not complete.
func TestEveryReason(t *testing.T) {
	made := map[verifier.Reason]bool{verifier.NewNotFound(now).Reason: true}
	for _, c := range refusals(t) {
		made[c.want] = true
	}
	seen := map[verifier.Reason]bool{}
	for _, row := range verifier.Reasons() {
		if seen[row.Code] || row.Code == "" || row.Text == "" || row.Area == "" || row.Outcome == verifier.Valid {
			t.Errorf("%s: row is not complete, or there twice", string(row.Code))
		}
		seen[row.Code] = true
		if !made[row.Code] && ownAreas[row.Area] {
			t.Errorf("%s: no test brings it about", string(row.Code))
		}
	}
	for r := range made {
		if !seen[r] {
			t.Errorf("%s: not in the table", string(r))
		}
	}
}

// ownAreas are the areas whose Reasons this package makes; those of handlers have
// their tests beside the handler.
var ownAreas = map[string]bool{"input": true, "model": true, "proof": true, "key": true, "issuer": true, "validity": true, "status": true, "schema": true, "inner": true, "openBadges2": true}
