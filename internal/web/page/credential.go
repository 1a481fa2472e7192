package page

import (
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/words"
	"github.com/chancery-dev/chancery/verifier"
)

// Bounds on what one page shows; the files have all of it.
const (
	maxText   = 400 // runes of one text
	maxTech   = 600 // of one technical text
	maxClaims = 60
	maxChecks = 60
	maxFacts  = 40
)

// sheet is the certificate as the page shows it.
type sheet struct {
	State               State
	Stamp               string // word across it where it does not hold
	Test                bool
	Sealed              bool // nothing speaks against it
	Institution, Kind   string
	InstitutionURL      string
	Picture, PictureAlt string
	Achievement, Name   string
	NoName              string // said instead of the name
	Claims, Dates       []pair
	Number, Address     string
	Code                template.HTML
	URL                 string
	Word, Sentence      string
	Href                string // of the page, where the sheet stands elsewhere
}

type pair struct {
	Label, Value string
	Copy         bool // technical: monospace, with a button
}

type checkView struct {
	Result      string
	Explanation words.Explanation
	Required    bool
	Facts       []pair
}

type download struct{ Label, Href, Media, Size string }

// credentialPage is the content of the page of a credential.
type credentialPage struct {
	sheet
	Checked, CheckedISO     string
	Count, Advice           string
	Checks                  []checkView
	Downloads               []download
	PNG                     bool
	LinkedIn, Wallet, Embed string
	WalletCode              template.HTML
	Facts                   []pair
	Newer                   string
	TestWord, TestNote      string
	Hints                   []string // of an unknown credential
}

// files are the artefacts in the order in which they are offered.
var files = []string{"pdf", "vc", "vc.jwt", "svg", "png", "evidence"}

// Files returns the names of artefacts that pages link to, as /c/{id}/{name}.
func Files() []string { return slices.Clone(files) }

// Credential renders the page of a credential.
func (r *Renderer) Credential(q Request, v service.PublicView) ([]byte, error) {
	path := "/c/" + url.PathEscape(v.PublicID)
	s := r.sheet(q, v)
	title := s.Achievement
	if s.Institution != "" {
		title = q.Lang.Text("page.title", "type", s.Achievement, "issuer", s.Institution)
	}
	if v.Test { // the title is what other sites show of a link
		title = q.Lang.Text("test.word") + " · " + title
	}
	f := r.frame(q, path, title)
	f.Class = "credential " + s.Class()
	f.Description = s.preview(q.Lang)
	if v.Image == "png" && s.Picture != "" {
		f.Picture = r.base.String() + path + "/png"
	}
	f.Content = r.credentialPage(q, v, s, f)
	return r.render("credential.html", f)
}

// Embed renders the small frame for other websites.
func (r *Renderer) Embed(q Request, v service.PublicView) ([]byte, error) {
	path := "/c/" + url.PathEscape(v.PublicID)
	s := r.sheet(q, v)
	f := r.frame(q, path, s.Achievement)
	f.Class = "embed " + s.Class()
	s.Href = r.link(path, f.query)
	f.Content = s
	return r.render("embed.html", f)
}

// UnknownCredential renders the page for a public id that is not known.
func (r *Renderer) UnknownCredential(q Request, publicID string) ([]byte, error) {
	verdict := service.Verdict{Report: verifier.NewNotFound(q.Now)}
	f := r.frame(q, "/c/"+url.PathEscape(publicID), q.Lang.Text("state.unknown"))
	f.Class = "credential s-unknown"
	f.Content = credentialPage{
		sheet:   sheet{State: Unknown, Word: q.Lang.Text("state.unknown"), Sentence: strings.TrimPrefix(sentence(q.Lang, Unknown, verdict, Facts{}), q.Lang.Text("state.unknown")+". "), Number: groups(words.Clean(publicID, 128))},
		Checked: q.Lang.Text("page.checked", "datetime", q.Lang.DateTime(q.Now)), CheckedISO: q.Now.UTC().Format(time.RFC3339),
		Hints: []string{q.Lang.Text("unknown.1"), q.Lang.Text("unknown.2"), q.Lang.Text("unknown.3")},
	}
	return r.render("unknown.html", f)
}

// sheet makes the certificate of a view.
func (r *Renderer) sheet(q Request, v service.PublicView) sheet {
	s := r.summary(q, v)
	target := s.URL
	if v.Digest != "" {
		target += "#" + v.Digest // the fragment never reaches a server's log
	}
	s.Code = qrCode(target, q.Lang.Text("cert.qr"))
	return s
}

// summary is a sheet without its code, which takes as long as verifying does, for where many
// stand on one page.
func (r *Renderer) summary(q Request, v service.PublicView) sheet {
	l := q.Lang
	report := v.Verdict.Report
	if report == nil {
		report = &verifier.Report{}
	}
	state := StateOf(v.Verdict)
	s := sheet{
		Test: v.Test, Institution: issuerName(v.Verdict), InstitutionURL: webURL(v.IssuerURL),
		Achievement: words.Clean(first(v.Type, v.Verdict.Subject.Type, report.Subject.Type), maxText),
		Name:        words.Clean(first(v.Verdict.Subject.Name, report.Subject.Name), maxName),
		Number:      groups(words.Clean(v.PublicID, 128)), URL: webURL(v.URL),
	}
	if s.URL == "" {
		s.URL = r.base.String() + "/c/" + url.PathEscape(v.PublicID)
	}
	s.Address = strings.TrimPrefix(strings.TrimPrefix(s.URL, "https://"), "http://")
	if s.Achievement == "" {
		s.Achievement = l.Text("page.embedtitle")
	}
	if key := "kind." + v.Kind; l.Has(key) {
		s.Kind = l.Text(key)
	}
	switch {
	case v.Verdict.Hidden:
		s.Name, s.NoName = "", l.Text("cert.hidden")
	case report.Reason == verifier.NotFound:
		s.Name, s.NoName = "", l.Text("cert.erased")
	}
	s.State, s.Word = state, l.Text("state."+string(state))
	// The word stands above the sentence; together they read as Sentence.
	s.Sentence = strings.TrimPrefix(sentence(l, state, v.Verdict, Facts{v.IssuedAt, v.Until, v.RevokedAt, q.Now}), s.Word+". ")
	if v.Test {
		s.Word += " · " + l.Text("test.word")
	}
	s.Sealed = state == Valid && !v.Test
	if state != Valid && state != Undecided && state != Erased {
		s.Stamp = l.Text("state." + string(state))
	}
	if !v.Verdict.Hidden {
		for _, c := range v.Claims[:min(len(v.Claims), maxClaims)] {
			label, value := words.Clean(first(c.Label, c.Key), maxText), words.Clean(claimText(l, c), maxText)
			if label != "" && value != "" {
				s.Claims = append(s.Claims, pair{Label: label, Value: value})
			}
		}
		if v.Image == "png" || v.Image == "svg" {
			s.Picture = r.link("/c/"+url.PathEscape(v.PublicID)+"/"+v.Image, "")
			s.PictureAlt = l.Text("cert.picture") + ": " + s.Achievement
		}
	}
	for _, d := range []struct {
		key string
		t   time.Time
	}{{"cert.issuedon", v.IssuedAt}, {"cert.validuntil", v.Until}, {"cert.revokedon", v.RevokedAt}} {
		if !d.t.IsZero() {
			s.Dates = append(s.Dates, pair{Label: l.Text(d.key), Value: l.Date(d.t)})
		}
	}
	return s
}

// claimText writes a value as the reader's language does. It stays as it was signed where
// it is not what its field says.
func claimText(l words.Language, c service.PublicClaim) string {
	switch c.Type {
	case "date":
		if t, err := time.Parse(time.DateOnly, c.Value); err == nil {
			return l.Date(t)
		}
	case "boolean":
		switch c.Value {
		case "true":
			return l.Text("claim.yes")
		case "false":
			return l.Text("claim.no")
		}
	}
	return c.Value
}

// Class is what the style sheet knows the state by.
func (s sheet) Class() string {
	if s.Test {
		return "s-" + string(s.State) + " is-test"
	}
	return "s-" + string(s.State)
}

// preview is what other sites show of a link: nothing of a person whose name is hidden.
func (s sheet) preview(l words.Language) string {
	parts := []string{}
	for _, p := range []string{s.Name, s.Institution} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(append(parts, l.Text("page.openfull")), " · ")
}

func (r *Renderer) credentialPage(q Request, v service.PublicView, s sheet, f frame) credentialPage {
	l := q.Lang
	report := v.Verdict.Report
	if report == nil {
		report = &verifier.Report{EvaluatedAt: q.Now}
	}
	p := credentialPage{
		sheet:   s,
		Checked: l.Text("page.checked", "datetime", l.DateTime(report.EvaluatedAt)), CheckedISO: report.EvaluatedAt.UTC().Format(time.RFC3339),
		Checks: checkViews(l, report), Facts: r.facts(l, v, report),
	}
	passed := 0
	for _, c := range p.Checks {
		if c.Result == verifier.Pass.String() {
			passed++
		}
	}
	p.Count = l.Text("page.checkscount", "passed", l.Number(strconv.Itoa(passed)), "all", l.Number(strconv.Itoa(len(p.Checks))))
	switch s.State {
	case Valid, Superseded:
	case Revoked:
		p.Advice = l.Advice(verifier.CredentialRevoked)
	case Suspended:
		p.Advice = l.Advice(verifier.CredentialSuspended)
	case Expired:
		p.Advice = l.Advice(verifier.PeriodOver)
	case Erased:
		p.Advice = l.Text("advice.ask_issuer")
	default:
		if p.Advice = l.Advice(report.Reason); p.Advice == "" {
			p.Advice = l.Text("advice.later")
		}
	}
	base := r.link("/c/"+url.PathEscape(v.PublicID)+"/", "")
	for _, name := range files {
		a, ok := v.Artifacts[name]
		if !ok || v.Verdict.Hidden { // each file says whom it is about
			continue
		}
		d := download{Label: l.Text("file." + name), Href: base + name, Media: words.Clean(a.MediaType, 80)}
		if a.Size > 0 {
			d.Size = l.Size(a.Size)
		}
		p.PNG = p.PNG || name == "png"
		p.Downloads = append(p.Downloads, d)
	}
	if v.SupersededBy != "" {
		p.Newer = r.link("/c/"+url.PathEscape(v.SupersededBy), f.query)
	}
	for i := range p.Checks {
		if p.Checks[i].Explanation.Advice == p.Advice {
			p.Checks[i].Explanation.Advice = "" // said with the verdict
		}
	}
	if s.Sealed {
		p.LinkedIn = linkedIn(s, v)
		p.Wallet = webURL(v.Interaction)
		p.WalletCode = qrCode(p.Wallet, l.Text("cert.walletqr"))
	}
	p.Embed = `<iframe src="` + template.HTMLEscapeString(s.URL) + `/embed" title="` + template.HTMLEscapeString(s.Achievement) +
		`" width="380" height="150" loading="lazy" style="border:0"></iframe>`
	return p
}

// checkViews puts the checks of a report into words, those that did not pass first.
func checkViews(l words.Language, report *verifier.Report) []checkView {
	var out []checkView
	for _, c := range report.Checks[:min(len(report.Checks), maxChecks)] {
		view := checkView{Result: c.Result.String(), Explanation: l.Explain(c), Required: c.Required}
		if c.Reason != "" {
			view.Facts = append(view.Facts, pair{Label: l.Text("fact.code"), Value: words.Clean(string(c.Reason), maxTech)})
		}
		if c.Detail != "" {
			view.Facts = append(view.Facts, pair{Label: l.Text("fact.detail"), Value: words.Clean(c.Detail, maxTech)})
		}
		for _, e := range c.Evidence[:min(len(c.Evidence), maxFacts)] {
			view.Facts = append(view.Facts, pair{Label: words.Clean(e.Name, 80), Value: words.Clean(e.Value, maxTech)})
		}
		out = append(out, view)
	}
	weight := map[string]int{"fail": 0, "indeterminate": 1, "pass": 2, "skipped": 3}
	slices.SortStableFunc(out, func(a, b checkView) int {
		// A failed check that the outcome does not hang on is not what the reader must see first.
		wa, wb := weight[a.Result], weight[b.Result]
		if !a.Required && wa < 2 {
			wa += 2
		}
		if !b.Required && wb < 2 {
			wb += 2
		}
		return wa - wb
	})
	return out
}

// facts are the technical facts of the whole.
func (r *Renderer) facts(l words.Language, v service.PublicView, report *verifier.Report) []pair {
	var out []pair
	add := func(key, value string, copied bool) {
		if value = words.Clean(value, maxTech); value != "" && len(out) < maxFacts {
			out = append(out, pair{l.Text(key), value, copied})
		}
	}
	add("fact.digest", v.Digest, true)
	add("fact.issuer", first(v.Verdict.Issuer.ID, report.Issuer.ID), true)
	if !v.Verdict.Hidden {
		add("fact.id", report.ID, true)
	}
	add("fact.model", report.Model, false)
	add("fact.media", report.MediaType, false)
	for _, p := range report.Proofs[:min(len(report.Proofs), 5)] {
		add("fact.proof", first(p.Suite, p.Type), false)
		add("fact.method", p.Method, true)
	}
	add("fact.binding", string(report.Binding), false)
	add("fact.profile", report.Profile, false)
	if v.Anchor != nil {
		if key := "anchor." + v.Anchor.State; l.Has(key) {
			add("fact.anchor", strings.TrimSpace(v.Anchor.Chain+" · "+l.Text(key)), false)
		}
		add("fact.transaction", v.Anchor.Transaction, true)
		if v.Anchor.Block > 0 {
			add("fact.block", strconv.FormatUint(v.Anchor.Block, 10), false)
		}
	}
	add("fact.insecure", strings.Join(report.Insecure, ", "), false)
	for _, digest := range report.TrustInputs[:min(len(report.TrustInputs), 12)] {
		add("fact.inputs", digest, true)
	}
	return out
}

// linkedIn is the link with which LinkedIn fills in its form for a certification.
func linkedIn(s sheet, v service.PublicView) string {
	values := url.Values{"startTask": {"CERTIFICATION_NAME"}, "name": {s.Achievement}, "certUrl": {s.URL}, "certId": {v.PublicID}}
	if s.Institution != "" {
		values.Set("organizationName", s.Institution)
	}
	for prefix, t := range map[string]time.Time{"issue": v.IssuedAt, "expiration": v.Until} {
		if !t.IsZero() {
			values.Set(prefix+"Year", strconv.Itoa(t.UTC().Year()))
			values.Set(prefix+"Month", strconv.Itoa(int(t.UTC().Month())))
		}
	}
	return "https://www.linkedin.com/profile/add?" + values.Encode()
}

// groups writes an id in groups of four, which are easier to read off.
func groups(id string) string {
	runes := []rune(id)
	var b strings.Builder
	for i, r := range runes {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func first(candidates ...string) string {
	for _, c := range candidates {
		if c != "" {
			return c
		}
	}
	return ""
}
