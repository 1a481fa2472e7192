package page

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/words"
	"github.com/chancery-dev/chancery/verifier"
)

// Bounds on what the verdict on files shows of the documents inside them.
const (
	maxInside   = 100 // documents on the page
	maxNested   = 4   // one within the other
	maxFindings = 50
)

// judgedPage is the content of the verdict on files that were sent.
type judgedPage struct {
	judged
	Test                bool
	Advice              string
	Checked, CheckedISO string
	Sent                string
	Facts               []pair
}

// judged is what is shown of each document: of those that were sent, and of those inside.
type judged struct {
	T              func(key string, pairs ...string) string
	State          State
	Name           string // of a file in an archive
	Word, Sentence string
	Claims         []pair
	Unproven       bool // nothing confirms the claims
	Count          string
	Checks         []checkView
	Findings       []string
	InsideTitle    string
	Inside         []judged
}

// Judged renders the verdict on files that a visitor without script has sent. It says what
// the verify page says of a report in the browser.
func (r *Renderer) Judged(q Request, v service.Verdict) ([]byte, error) {
	l := q.Lang
	report := v.Report
	if report == nil {
		report = &verifier.Report{EvaluatedAt: q.Now}
	}
	state := StateOf(v)
	if state == Unknown || state == Erased {
		state = Undecided // which are said of numbers
	}
	left := maxInside
	p := judgedPage{
		judged: judgedOf(q, report, state, maxNested, &left), Test: v.Environment == service.Test,
		Checked: l.Text("page.checked", "datetime", l.DateTime(report.EvaluatedAt)), CheckedISO: report.EvaluatedAt.UTC().Format(time.RFC3339),
		Sent: l.Text("judged.sent", "host", r.base.Host), Facts: judgedFacts(l, report),
	}
	if p.Test {
		p.Word += " · " + l.Text("test.word")
	}
	if state != Valid {
		p.Advice = l.Advice(cause(report).Reason)
	}
	f := r.frame(q, "/verify", l.Text("page.verdict"))
	f.Class, f.Canonical = sheet{State: p.State, Test: p.Test}.Class(), ""
	f.Content = p
	return r.render("judged.html", f)
}

// NotJudged renders why nothing was judged: what names a text, such as "judged.nofile", and
// limit is in bytes.
func (r *Renderer) NotJudged(q Request, what string, limit int64) ([]byte, error) {
	f := r.frame(q, "/verify", q.Lang.Text(what))
	f.Class, f.Canonical = "plain", ""
	f.Content = struct{ Heading, Text string }{q.Lang.Text(what), q.Lang.Text(what+"text", "size", q.Lang.Size(limit))}
	return r.render("failure.html", f)
}

// judgedOf puts a report into words, and those on what is inside it.
func judgedOf(q Request, r *verifier.Report, state State, depth int, left *int) judged {
	l := q.Lang
	if state == Invalid {
		// A document falls with a credential inside it: what befell that one is said.
		state = StateOf(service.Verdict{Report: cause(r)})
	}
	d := judged{T: l.Text, State: state, Word: l.Text("state." + string(state)), Unproven: r.Outcome != verifier.Valid, Checks: alike(checkViews(l, r))}
	// The word stands above the sentence.
	d.Sentence = strings.TrimPrefix(judgedSentence(q, state, r), d.Word+". ")
	for _, c := range []struct{ key, value string }{
		{"fact.what", r.Subject.Type}, {"fact.subject", first(r.Subject.Name, r.Subject.ID)}, {"fact.issuer", first(r.Issuer.Name, r.Issuer.ID)},
		{"fact.from", l.Date(r.ValidFrom)}, {"fact.until", l.Date(r.ValidUntil)},
	} {
		if value := words.Clean(c.value, maxText); value != "" {
			d.Claims = append(d.Claims, pair{Label: l.Text(c.key), Value: value})
		}
	}
	passed, made := 0, 0
	for _, c := range r.Checks {
		if c.Result == verifier.Pass {
			passed++
		}
		if c.Result != verifier.Skipped || c.Required {
			made++
		}
	}
	d.Count = l.Text("page.checkscount", "passed", l.Number(strconv.Itoa(passed)), "all", l.Number(strconv.Itoa(made)))
	for _, f := range r.Findings {
		if f.Grade != verifier.GradeNote && len(d.Findings) < maxFindings {
			d.Findings = append(d.Findings, words.Clean(f.Message, maxTech))
		}
	}
	for _, s := range r.Insecure {
		d.Findings = append(d.Findings, l.Text("fact.insecure")+": "+words.Clean(s, maxTech))
	}
	d.InsideTitle = l.Text("inside")
	if isArchive(r) {
		d.InsideTitle = l.Text("inside.zip")
	}
	for _, s := range r.Sub {
		if s.Report == nil || depth == 0 || *left == 0 {
			continue
		}
		*left--
		inner := judgedOf(q, s.Report, fileState(s.Report), depth-1, left)
		inner.Name = nameInArchive(l, r, s)
		d.Inside = append(d.Inside, inner)
	}
	return d
}

// fileState is the state of a document by its report alone.
func fileState(r *verifier.Report) State {
	state := StateOf(service.Verdict{Report: r})
	if state == Unknown || state == Erased {
		return Undecided
	}
	return state
}

// cause is the report that decided: a document falls with a credential inside it, and a
// proof with the document that it is about.
func cause(r *verifier.Report) *verifier.Report {
	for range maxNested {
		if r.Outcome != verifier.Invalid {
			break
		}
		i := slices.IndexFunc(r.Checks, func(c verifier.Check) bool { return c.Required && c.Result == verifier.Fail })
		if i < 0 || r.Checks[i].ID != verifier.CheckInner {
			break
		}
		j := slices.IndexFunc(r.Sub, func(s verifier.SubReport) bool { return s.Report != nil && s.Report.Outcome == verifier.Invalid })
		if j < 0 {
			break
		}
		r = r.Sub[j].Report
	}
	return r
}

// judgedSentence says the verdict on a file. A name that nothing ties to a trusted issuer is
// the document's own word: it is not put into the verdict.
func judgedSentence(q Request, state State, r *verifier.Report) string {
	l, c := q.Lang, *cause(r)
	trusted, _ := c.Check(verifier.CheckIssuerTrust)
	if r.Outcome != verifier.Valid && trusted.Result != verifier.Pass {
		c.Issuer = verifier.Party{}
	}
	if state == Valid {
		return validSentence(q, &c)
	}
	if state == NotYet && c.ValidFrom.IsZero() {
		return l.Text("state.notyet") + ". " + l.Reason(c.Reason)
	}
	return sentence(l, state, service.Verdict{Report: &c}, Facts{Now: q.Now})
}

func validSentence(q Request, r *verifier.Report) string {
	l, issuer := q.Lang, issuerName(service.Verdict{Report: r})
	switch {
	case isArchive(r):
		return l.Text("valid.zip")
	case r.MediaType == mediaPDF:
		for _, s := range r.Sub {
			if in := s.Report; in != nil && in.Outcome == verifier.Valid && in.Issuer.Name != "" && !in.ValidFrom.IsZero() {
				return l.Text("valid.pdf.inside", "issuer", words.Clean(in.Issuer.Name, maxName), "date", l.Date(in.ValidFrom))
			}
		}
		return l.Text("valid.pdf")
	case strings.HasPrefix(r.Model, "Evidence"):
		if at := existedBefore(r); !at.IsZero() && issuer != "" {
			return l.Text("valid.proof.time", "issuer", issuer, "date", l.DateTime(at))
		}
		return l.Text("valid.proof")
	case issuer == "":
		return l.Text("valid.proof")
	case r.ValidFrom.IsZero():
		return l.Text("valid.plain", "issuer", issuer)
	}
	key := "sentence.valid.nostatus"
	if c, ok := r.Check(verifier.CheckStatus); ok && c.Result == verifier.Pass && c.Required && len(c.Evidence) > 0 {
		key = "sentence.valid"
	}
	return l.Text(key, "issuer", issuer, "date", l.Date(r.ValidFrom), "checked", l.Text("sentence.justnow"))
}

// mediaPDF is the type of PDFs (RFC 8118).
const mediaPDF = "application/pdf"

// existedBefore is the time by which evidence shows that its document existed, zero where
// it shows none.
func existedBefore(r *verifier.Report) time.Time {
	for _, c := range r.Checks {
		for _, f := range c.Evidence {
			if strings.HasPrefix(f.Name, "existedBefore") {
				if t, err := time.Parse(time.RFC3339, f.Value); err == nil {
					return t
				}
			}
		}
	}
	return time.Time{}
}

// fact is a fact of a report's checks, "" where there is none of that name.
func fact(r *verifier.Report, name string) string {
	for _, c := range r.Checks {
		for _, f := range c.Evidence {
			if f.Name == name {
				return f.Value
			}
		}
	}
	return ""
}

// isArchive reports whether a report is on several files: what became of each is a fact of
// it, and so is how each is called.
func isArchive(r *verifier.Report) bool {
	return r.MediaType == "application/zip" || fact(r, "file.1") != ""
}

// nameInArchive is how a file among several is called, else its number, "" of what is inside
// another way.
func nameInArchive(l words.Language, r *verifier.Report, s verifier.SubReport) string {
	if s.Relation != "file" {
		return ""
	}
	n, err := strconv.Atoi(s.Pointer[strings.LastIndexByte(s.Pointer, '/')+1:])
	if err != nil {
		return ""
	}
	number := strconv.Itoa(n + 1)
	return first(words.Clean(fact(r, "name."+number), maxName), l.Number(number))
}

// alike puts checks together that say the same: a PDF is looked at once for each signature.
func alike(list []checkView) []checkView {
	var out []checkView
	for _, c := range list {
		i := slices.IndexFunc(out, func(o checkView) bool { return o.Explanation == c.Explanation && o.Result == c.Result })
		if i < 0 {
			out = append(out, c)
			continue
		}
		out[i].Facts = append(out[i].Facts, c.Facts...)
	}
	return out
}

func judgedFacts(l words.Language, r *verifier.Report) []pair {
	var out []pair
	add := func(key, value string) {
		if value = words.Clean(value, maxTech); value != "" {
			out = append(out, pair{Label: l.Text(key), Value: value, Copy: true})
		}
	}
	add("fact.code", string(r.Reason))
	add("fact.digest", strings.TrimPrefix(r.Digest, "sha-256:"))
	add("fact.id", r.ID)
	add("fact.issuer", r.Issuer.ID)
	add("fact.media", r.MediaType)
	add("fact.model", r.Model)
	add("fact.profile", r.Profile)
	for _, d := range r.TrustInputs[:min(len(r.TrustInputs), maxFacts)] {
		add("fact.inputs", d)
	}
	return out
}
