package verifier_test

import (
	"context"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/verifier"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(verifier.Error), new(verifier.Outcome), new(verifier.Profile), new(verifier.Reason), new(verifier.Report), new(verifier.ReportError),
		new(verifier.Result), new(verifier.Trust), new(verifier.TrustError), new(verifier.Verified), new(verifier.Verifier),
	}, map[string]any{
		"New": verifier.New, "NewNotFound": verifier.NewNotFound, "ParseProfile": verifier.ParseProfile, "ParseReport": verifier.ParseReport,
		"ParseTrust": verifier.ParseTrust, "Reasons": verifier.Reasons, "ReasonsMarkdown": verifier.ReasonsMarkdown, "TrustAny": verifier.TrustAny,
	})
}

// TestZeroVerifier: a Verifier that nobody gave trust finds nothing valid, and says why.
func TestZeroVerifier(t *testing.T) {
	good := vc(goldens(t)[0].text)
	for name, v := range map[string]*verifier.Verifier{"zero": {}, "nil": nil} {
		if r := judge(t, v, good); r.Outcome != verifier.Indeterminate || r.Reason != verifier.IssuerNotTrusted {
			t.Errorf("%s: %s %s", name, r.Outcome, r.Reason)
		}
		n := 0
		for verified, err := range v.VerifyAll(context.Background(), slices.Values([]chancery.Secured{good, {}})) {
			if n++; verified != nil || err == nil {
				t.Errorf("%s: %v %v", name, verified, err)
			}
		}
		if n != 2 {
			t.Errorf("%s: %d answers", name, n)
		}
		if v.Beside([]verifier.PinnedDocument{{}}) != v || len(v.Trust().Issuers) != 0 || !v.Now().IsZero() {
			t.Errorf("%s: it knows something", name)
		}
	}
}
