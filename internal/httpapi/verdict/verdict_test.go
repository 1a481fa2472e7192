package verdict

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

var names = []string{verifier.CheckDocument, verifier.CheckModel, verifier.CheckContext, verifier.CheckRelatedResource, verifier.CheckSignature, verifier.CheckIssuerBinding, verifier.CheckIssuerTrust, verifier.CheckHolder,
	verifier.CheckValidity, verifier.CheckStatus, verifier.CheckSchema, verifier.CheckBadge, verifier.CheckRecipient, verifier.CheckInner, verifier.CheckEndorsement, verifier.CheckHosted, verifier.CheckAnchor, verifier.CheckTimestamp, verifier.CheckPDFIntegrity, verifier.CheckBadgeBinding}

var allowed = []string{"signature", "schema", "issuerTrust", "validity", "status", "anchor", "timestamp", "pdfIntegrity", "badgeBinding"}

// TestGatheringDecidesTheSame: whatever the checks of a report are, deciding by those that
// are shown gives the report's own outcome. What failed is never shown as passed.
func TestGatheringDecidesTheSame(t *testing.T) {
	reasons := []verifier.Reason{"", "", verifier.PeriodOver, verifier.CredentialRevoked, verifier.StatusUnreachable, verifier.NoProof}
	rapid.Check(t, func(t *rapid.T) {
		r := &verifier.Report{}
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			r.Add(verifier.Check{
				ID: rapid.SampledFrom(names).Draw(t, "id"), Result: verifier.Result(rapid.IntRange(0, 3).Draw(t, "result")), Required: rapid.Bool().Draw(t, "required"),
				Reason: rapid.SampledFrom(reasons).Draw(t, "reason"), Evidence: []verifier.Fact{{Name: "a", Value: "1"}},
			})
		}
		r.Decide()
		v := Of(service.Verdict{Report: r}, true)
		shown := &verifier.Report{}
		seen := map[string]bool{}
		for _, c := range v.Checks {
			if !slices.Contains(allowed, c.ID) || seen[c.ID] {
				t.Fatalf("check %s", c.ID)
			}
			seen[c.ID] = true
			result := map[string]verifier.Result{"pass": verifier.Pass, "fail": verifier.Fail, "skipped": verifier.Skipped, "indeterminate": verifier.Undecided}[c.Result]
			shown.Checks = append(shown.Checks, verifier.Check{ID: c.ID, Result: result, Required: c.Required})
			for _, native := range r.Checks {
				if native.Required && native.Result == verifier.Fail && gathers(c.ID, native.ID) && (c.Result != "fail" || !c.Required) {
					t.Fatalf("%s failed, %s says %s", native.ID, c.ID, c.Result)
				}
			}
		}
		shown.Decide()
		if shown.Outcome != r.Outcome || v.Outcome != r.Outcome.String() {
			t.Fatalf("%s by what is shown, %s by the report", shown.Outcome, r.Outcome)
		}
		if b, err := json.Marshal(v); err != nil || !strings.Contains(string(b), `"report":{`) {
			t.Fatalf("%s %v", b, err)
		}
	})
}

func gathers(group, id string) bool {
	for _, g := range groups {
		if g.id == group {
			return slices.Contains(g.gather, id)
		}
	}
	return false
}

func TestEveryCheckHasAPlace(t *testing.T) {
	for _, id := range names {
		if _, ok := places[id]; !ok {
			t.Errorf("%s is not gathered", id)
		}
	}
	r := &verifier.Report{Checks: []verifier.Check{{ID: "new", Result: verifier.Fail, Required: true}}}
	if c := Checks(r); len(c) != 1 || c[0].ID != "new" || c[0].Result != "fail" {
		t.Errorf("a check of a name to come is lost: %+v", c)
	}
}

// TestWithin: what became of the credential inside a page or evidence is told where a reader
// looks for it, and not in the place of the certificate's status alone.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		name, media   string
		inner, status verifier.Check
		want          string
	}{
		{"revoked", chancery.MediaPDF, verifier.Check{Required: true, Reason: verifier.InnerInvalid}, verifier.Check{Required: true, Reason: verifier.CredentialRevoked}, "fail true revoked"},
		{"unknown", chancery.MediaPDF, verifier.Check{Required: true, Reason: verifier.InnerIndeterminate}, verifier.Check{Required: true, Reason: verifier.StatusUnreachable}, "indeterminate true status_unreachable"},
		{"a stranger's", chancery.MediaPDF, verifier.Check{Reason: verifier.InnerIndeterminate}, verifier.Check{Required: true, Reason: verifier.StatusUnreachable}, "pass true "},
		{"good", chancery.MediaPDF, verifier.Check{Result: verifier.Pass}, verifier.Check{Required: true, Result: verifier.Pass}, "pass true "},
		{"of evidence", chancery.MediaEvidence, verifier.Check{Required: true, Reason: verifier.InnerInvalid}, verifier.Check{Required: true, Reason: verifier.CredentialRevoked}, "fail true revoked"},
		{"of a ZIP", "application/zip", verifier.Check{Required: true, Reason: verifier.InnerInvalid}, verifier.Check{Required: true, Reason: verifier.CredentialRevoked}, "pass true "},
	} {
		c.inner.ID, c.status.ID = verifier.CheckInner, verifier.CheckStatus
		inside := &verifier.Report{}
		inside.Add(c.status)
		inside.Decide()
		r := &verifier.Report{MediaType: c.media, Sub: []verifier.SubReport{{Relation: "credential", Report: inside}}}
		r.Add(verifier.Check{ID: verifier.CheckStatus, Required: true, Result: verifier.Pass, Detail: "of the certificate"})
		r.Add(c.inner)
		r.Decide()
		found := ""
		for _, check := range Of(service.Verdict{Report: r}, false).Checks {
			if check.ID == "status" {
				found = fmt.Sprint(check.Result, " ", check.Required, " ")
				if check.Code != nil {
					found += *check.Code
				}
			}
		}
		if found != c.want {
			t.Errorf("%s: expected %q, found %q", c.name, c.want, found)
		}
		if inside.Checks[0].Required != c.status.Required {
			t.Errorf("%s: the report was changed", c.name)
		}
	}
}

func TestWhatIsTold(t *testing.T) {
	r := &verifier.Report{Outcome: verifier.Valid, Lifecycle: verifier.Issued, Subject: verifier.Party{ID: "mailto:a@b.example", Name: "Aina", Type: "T"}, Issuer: verifier.Party{ID: "did:x", Name: "X"}}
	v := Of(service.Verdict{Report: r, Lifecycle: service.StateSuspended, Issuer: service.Named{ID: "did:x", Name: "Academy"}}, true)
	if *v.Lifecycle != "suspended" || v.Subject.ID != "" || v.Subject.Name != "Aina" || v.Issuer.Name != "Academy" || v.Checks == nil || v.TrustInputs == nil {
		t.Errorf("%+v", v)
	}
	if strings.Contains(fmt.Sprintf("%s", v.Report), "@") || r.Subject.ID == "" {
		t.Errorf("%s", v.Report)
	}
	v = Of(service.Verdict{Report: r, Hidden: true}, true)
	if v.Subject != nil || strings.Contains(fmt.Sprintf("%s", v.Report), "Aina") || v.Issuer.Name != "X" || *v.Lifecycle != "issued" {
		t.Errorf("%+v %s", v, v.Report)
	}
	if v = Of(service.Verdict{}, true); v.Outcome != "indeterminate" {
		t.Errorf("nothing: %+v", v)
	}
}
