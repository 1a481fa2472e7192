package page

import (
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/words"
	"github.com/chancery-dev/chancery/verifier"
)

var lifecycles = []service.State{"", service.StateDraft, service.StateIssued, service.StateSuspended, service.StateRevoked, service.StateExpired, service.StateSuperseded, "other"}

// TestNeverValid: over every outcome, Reason and state of the register, a page is valid
// only where the report is and the register knows nothing against it.
func TestNeverValid(t *testing.T) {
	reasons := []verifier.Reason{"", "other"}
	for _, r := range verifier.Reasons() {
		reasons = append(reasons, r.Code)
	}
	for _, lifecycle := range lifecycles {
		for _, outcome := range []verifier.Outcome{verifier.Indeterminate, verifier.Valid, verifier.Invalid} {
			for _, reason := range reasons {
				v := service.Verdict{Report: &verifier.Report{Outcome: outcome, Reason: reason}, Lifecycle: lifecycle}
				got := StateOf(v)
				may := outcome == verifier.Valid && (lifecycle == "" || lifecycle == service.StateIssued || lifecycle == "other")
				if (got == Valid) != may {
					t.Errorf("%s %s %q: %s", outcome, reason, lifecycle, got)
				}
				if outcome == verifier.Indeterminate && got == Invalid {
					t.Errorf("what could not be checked is called not valid: %s %q", reason, lifecycle)
				}
				if icons[string(got)] == "" {
					t.Errorf("%s has no icon", got)
				}
				for _, lang := range words.Codes() {
					l, _ := words.For(lang)
					s := Sentence(v, lang)
					if !strings.HasPrefix(s, l.Text("state."+string(got))+". ") {
						t.Errorf("%s, %s: %q does not begin with the word", got, lang, s)
					}
					if strings.ContainsAny(s, "{}") || strings.Contains(s, "sentence.") || strings.Contains(s, "reason.") {
						t.Errorf("%s, %s: %q is not filled in", got, lang, s)
					}
				}
			}
		}
	}
	if StateOf(service.Verdict{}) != Undecided {
		t.Error("no report is not undecided")
	}
}

func TestStateOf(t *testing.T) {
	for _, c := range []struct {
		outcome   verifier.Outcome
		reason    verifier.Reason
		lifecycle service.State
		want      State
	}{
		{verifier.Valid, "", service.StateIssued, Valid},
		{verifier.Valid, "", service.StateRevoked, Revoked}, // the list lags behind the register
		{verifier.Valid, "", service.StateDraft, Undecided},
		{verifier.Invalid, verifier.CredentialRevoked, service.StateRevoked, Revoked},
		{verifier.Invalid, verifier.CredentialRevoked, service.StateSuperseded, Superseded},
		{verifier.Invalid, verifier.CredentialRevoked, service.StateIssued, Revoked},
		{verifier.Invalid, verifier.CredentialSuspended, "", Suspended},
		{verifier.Invalid, verifier.PeriodOver, "", Expired},
		{verifier.Invalid, verifier.NotYetValid, service.StateIssued, NotYet},
		{verifier.Invalid, verifier.SignatureInvalid, service.StateRevoked, Invalid}, // forged is worse than revoked
		{verifier.Indeterminate, verifier.StatusUnreachable, service.StateIssued, Undecided},
		{verifier.Indeterminate, verifier.StatusUnreachable, service.StateRevoked, Revoked},
		{verifier.Indeterminate, verifier.NotFound, "", Unknown},
		{verifier.Indeterminate, verifier.NotFound, service.StateIssued, Erased},
		{verifier.Indeterminate, verifier.NotFound, service.StateRevoked, Revoked},
		{verifier.Indeterminate, verifier.NotFound, service.StateDraft, Undecided},
		{verifier.Indeterminate, "", "", Undecided},
	} {
		v := service.Verdict{Report: &verifier.Report{Outcome: c.outcome, Reason: c.reason}, Lifecycle: c.lifecycle}
		if got := StateOf(v); got != c.want {
			t.Errorf("%s %s %s: %s, expected %s", c.outcome, c.reason, c.lifecycle, got, c.want)
		}
	}
}

func TestSentence(t *testing.T) {
	at := time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)
	r := &verifier.Report{Outcome: verifier.Valid, ValidFrom: time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC), EvaluatedAt: at,
		Checks: []verifier.Check{{ID: verifier.CheckStatus, Result: verifier.Pass, Required: true}}}
	v := service.Verdict{Report: r, Issuer: service.Named{ID: "did:web:x", Name: "Universität\u202e Grünau\n"}}
	for lang, want := range map[string]string{
		"en": "Valid. Issued by Universität Grünau on 30 June 2026 and not revoked when checked on 1 July 2026, 09:00 UTC.",
		"de": "Gültig. Ausgestellt von Universität Grünau am 30. Juni 2026 und bei der Prüfung am 1. Juli 2026, 09:00 Uhr (UTC) nicht widerrufen.",
		"ar": "صالحة. أصدرتها \u2068Universität Grünau\u2069 في ٣٠ يونيو ٢٠٢٦ ولم تكن ملغاة عند التحقق منها في \u2068١ يوليو ٢٠٢٦، ٠٩:٠٠ (UTC)\u2069.",
		"fr": "Valid. Issued by Universität Grünau on 30 June 2026 and not revoked when checked on 1 July 2026, 09:00 UTC.",
	} {
		if got := Sentence(v, lang); got != want && strings.ReplaceAll(strings.ReplaceAll(got, "\u2068", ""), "\u2069", "") != strings.ReplaceAll(strings.ReplaceAll(want, "\u2068", ""), "\u2069", "") {
			t.Errorf("%s: %q, expected %q", lang, got, want)
		}
	}
	en, _ := words.For("en")
	if got := sentence(en, Valid, v, Facts{Now: at.Add(30 * time.Second)}); !strings.HasSuffix(got, "when checked just now.") {
		t.Errorf("%q", got)
	}
	if got := sentence(en, Valid, v, Facts{Now: at.Add(2 * time.Minute)}); strings.Contains(got, "just now") {
		t.Errorf("%q two minutes later", got)
	}
	// Nothing is said of a list that was not looked at.
	r.Checks[0].Result = verifier.Skipped
	if got := Sentence(v, "en"); strings.Contains(got, "not revoked") {
		t.Errorf("%q", got)
	}
	r.Outcome, r.Reason = verifier.Invalid, verifier.SignatureInvalid
	r.Checks = append(r.Checks, verifier.Check{ID: verifier.CheckSignature, Required: true, Result: verifier.Fail, Reason: verifier.SignatureInvalid})
	if got := Sentence(v, "en"); !strings.Contains(got, "Is it unchanged?") || !strings.Contains(got, "changed after signing") {
		t.Errorf("%q", got)
	}
	if got := Checks(v, "en"); got != "Not made: Has it been revoked? This check is needed for a verdict, and was not made.\nFailed: Is it unchanged? The signature does not fit the text: it was changed after signing, or signed with another key.\n" {
		t.Errorf("%q", got)
	}
	if Checks(service.Verdict{}, "en") != "" || Sentence(service.Verdict{}, "en") == "" {
		t.Error("a verdict without a report")
	}
}

func TestIconsDiffer(t *testing.T) {
	seen := map[string]string{}
	for name, drawing := range icons {
		if other, ok := seen[string(drawing)]; ok {
			t.Errorf("%s and %s are drawn alike", name, other)
		}
		seen[string(drawing)] = name
	}
	for _, s := range States() {
		if _, ok := icons[string(s)]; !ok {
			t.Errorf("%s has no icon", s)
		}
	}
}

func TestWebURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://x.example/a": "https://x.example/a", "http://x": "http://x", "javascript:alert(1)": "", "data:text/html,x": "", "//x": "", "/x": "", "": "",
		"https://u:p@x": "", "https://": "", "ftp://x": "", "https://x/" + strings.Repeat("a", 3000): "", "HTTPS://x": "https://x", "https://x/\">": "https://x/%22%3E", "ht\ttps://x": "",
	} {
		if got := webURL(in); got != want {
			t.Errorf("%q: %q, expected %q", in, got, want)
		}
	}
}

func TestQR(t *testing.T) {
	if qrCode("", "x") != "" || qrCode(strings.Repeat("a", maxQR+1), "x") != "" {
		t.Error("a code for nothing, or for too much")
	}
	got := string(qrCode("https://x.example/c/1#"+strings.Repeat("a", 64), `"><script>`))
	if !strings.Contains(got, `aria-label="&#34;&gt;&lt;script&gt;"`) || !strings.Contains(got, `viewBox="0 0 `) || len(got) > 12000 {
		t.Errorf("%d bytes: %.200s", len(got), got)
	}
}

// TestClaimText: dates and answers are in the reader's language, and what only looks like
// them is as it was signed.
func TestClaimText(t *testing.T) {
	for _, c := range []struct{ kind, value, en, ar string }{
		{"date", "2026-06-30", "30 June 2026", "٣٠ يونيو ٢٠٢٦"},
		{"date", "30.6.2026", "30.6.2026", "30.6.2026"},
		{"text", "2026-06-30", "2026-06-30", "2026-06-30"},
		{"boolean", "true", "Yes", "نعم"},
		{"boolean", "false", "No", "لا"},
		{"text", "true", "true", "true"},
		{"number", "40", "40", "40"},
	} {
		for lang, want := range map[string]string{"en": c.en, "ar": c.ar} {
			l, _ := words.For(lang)
			if got := claimText(l, service.PublicClaim{Type: c.kind, Value: c.value}); got != want {
				t.Errorf("%s %q in %s: %q, expected %q", c.kind, c.value, lang, got, want)
			}
		}
	}
}

// TestFrontLinks: the first page leads to the reference for people and to the one for programs.
func TestFrontLinks(t *testing.T) {
	r, err := New("https://chancery.example/at")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range words.Codes() {
		l, _ := words.For(code)
		b, err := r.Front(Request{Lang: l})
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range []string{`href="/at/docs">` + l.Text("front.reference"), `href="/at/openapi.json"`, `action="/at/c"`} {
			if !strings.Contains(string(b), link) {
				t.Errorf("%s: no %s", code, link)
			}
		}
	}
}
