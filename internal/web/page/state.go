package page

import (
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/words"
	"github.com/chancery-dev/chancery/verifier"
)

// State is what a page says of a credential at a glance. Each has an icon of its own
// shape, a word and a colour.
type State string

// The states of a page. Valid is the only one that speaks for the credential.
const (
	Valid      State = "valid"
	Invalid    State = "invalid"
	Revoked    State = "revoked"
	Suspended  State = "suspended"
	Expired    State = "expired"
	Superseded State = "superseded"
	NotYet     State = "notyet"
	Undecided  State = "undecided"
	Unknown    State = "unknown"
	Erased     State = "erased"
)

// States returns all states.
func States() []State {
	return []State{Valid, Invalid, Revoked, Suspended, Expired, Superseded, NotYet, Undecided, Unknown, Erased}
}

// StateOf tells the state of a verdict. Where report and register disagree the worse
// one counts: nothing is Valid but what the report finds valid and the register knows
// nothing against.
func StateOf(v service.Verdict) State {
	r := v.Report
	if r == nil {
		return Undecided
	}
	ended := map[service.State]State{
		service.StateRevoked: Revoked, service.StateSuspended: Suspended,
		service.StateSuperseded: Superseded, service.StateExpired: Expired,
	}[v.Lifecycle]
	switch r.Outcome {
	case verifier.Valid:
		if ended != "" {
			return ended
		}
		if v.Lifecycle == service.StateDraft {
			return Undecided
		}
		return Valid
	case verifier.Invalid:
		switch r.Reason {
		case verifier.CredentialRevoked, verifier.CredentialSuspended, verifier.PeriodOver:
			// The replaced one is revoked on its list: the register knows better why.
			if ended != "" {
				return ended
			}
			return map[verifier.Reason]State{verifier.CredentialRevoked: Revoked, verifier.CredentialSuspended: Suspended, verifier.PeriodOver: Expired}[r.Reason]
		case verifier.NotYetValid:
			return NotYet
		}
		return Invalid
	}
	switch {
	case ended != "":
		return ended
	case r.Reason == verifier.NotFound && v.Lifecycle == "":
		return Unknown
	case r.Reason == verifier.NotFound && v.Lifecycle != service.StateDraft:
		return Erased // the register knows it, and holds nothing of it any more
	}
	return Undecided
}

// Facts are what a sentence says beside the verdict.
type Facts struct {
	IssuedAt  time.Time // zero: validFrom of the report
	Until     time.Time // zero: validUntil of the report
	RevokedAt time.Time // zero: not said
	// Now is when the sentence is read, to write "just now". Zero: the time of the check
	// is written out, as a mail or a file needs it.
	Now time.Time
}

// maxName bounds a name in a sentence, in runes.
const maxName = 160

// Sentence says a verdict in one or two plain sentences of a language ("en", "de",
// "ar"; others: English), such as "Valid. Issued by Universität Grünau on 30 June 2026
// and not revoked when checked on 1 July 2026, 09:00 UTC." It is plain text: escape it.
func Sentence(v service.Verdict, lang string) string {
	l, _ := words.For(lang)
	return sentence(l, StateOf(v), v, Facts{})
}

func sentence(l words.Language, state State, v service.Verdict, f Facts) string {
	r := v.Report
	if r == nil {
		r = &verifier.Report{}
	}
	if f.IssuedAt.IsZero() {
		f.IssuedAt = r.ValidFrom
	}
	if f.Until.IsZero() {
		f.Until = r.ValidUntil
	}
	issuer := issuerName(v)
	by, subject := issuer, issuer
	if issuer == "" {
		by, subject = l.Text("someone"), l.Text("someone.start")
	}
	checked := l.Text("sentence.at", "datetime", l.DateTime(r.EvaluatedAt))
	if !f.Now.IsZero() && f.Now.Sub(r.EvaluatedAt) < time.Minute {
		checked = l.Text("sentence.justnow")
	}
	dated := func(key string, t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return l.Text(key, "date", l.Date(t))
	}
	switch state {
	case Valid:
		key := "sentence.valid"
		if c, ok := r.Check(verifier.CheckStatus); !ok || c.Result != verifier.Pass {
			key = "sentence.valid.nostatus"
		}
		return l.Text(key, "issuer", by, "date", l.Date(f.IssuedAt), "checked", checked)
	case Revoked:
		return l.Text("sentence.revoked", "issuer", subject, "on", dated("sentence.on", f.RevokedAt))
	case Suspended, Superseded, Erased:
		return l.Text("sentence."+string(state), "issuer", subject)
	case Expired:
		return l.Text("sentence.expired", "issuer", by, "until", dated("sentence.until", f.Until))
	case NotYet:
		return l.Text("sentence.notyet", "issuer", by, "from", l.Date(r.ValidFrom))
	case Unknown:
		return l.Text("sentence.unknown")
	case Invalid:
		return l.Text("sentence.invalid", "check", l.Explain(decisive(r)).Title, "reason", l.Reason(r.Reason))
	}
	reason := l.Reason(r.Reason)
	if reason == "" {
		reason = l.Text("noreason")
	}
	return l.Text("sentence.undecided", "reason", reason)
}

// decisive is the check that the outcome rests on; the zero Check where none is.
func decisive(r *verifier.Report) verifier.Check {
	for _, c := range r.Checks {
		if c.Required && c.Result != verifier.Pass && c.Reason == r.Reason {
			return c
		}
	}
	return verifier.Check{}
}

// issuerName is what the issuer is called: by the register, else by the document, else
// its identifier; "" where nothing is known.
func issuerName(v service.Verdict) string {
	candidates := []string{v.Issuer.Name}
	if v.Report != nil {
		candidates = append(candidates, v.Report.Issuer.Name, v.Issuer.ID, v.Report.Issuer.ID)
	}
	for _, c := range candidates {
		if c = words.Clean(c, maxName); c != "" {
			return c
		}
	}
	return ""
}

// Checks says each check of a verdict in plain text, one a line: how it came out, what
// was asked, what was found. It is for mails and terminals; escape it in HTML.
func Checks(v service.Verdict, lang string) string {
	if v.Report == nil {
		return ""
	}
	l, _ := words.For(lang)
	var b strings.Builder
	for _, c := range v.Report.Checks {
		e := l.Explain(c)
		b.WriteString(e.Result + ": " + e.Title + " " + e.Text + "\n")
	}
	return b.String()
}
