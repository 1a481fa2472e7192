// Package verdict is the one shape in which a verification is told to others (API.md, 7):
// by the API, the pages, the W3C plane and webhooks. Of makes it of what the service found.
//
// A report of package verifier has more checks than a reader wants to see; here they are
// gathered under nine names. What was decided, and why, stays that of the report. Caveat:
// a Verdict is for showing; whoever decides looks at Outcome alone.
package verdict

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

// Verdict is the answer to whether a document is what it says it is.
type Verdict struct {
	Outcome     string    `json:"outcome" enum:"valid,invalid,indeterminate"`
	Reason      *string   `json:"reason" doc:"of the first check that decided, as docs/reasons.md lists them; null when valid"`
	Lifecycle   *string   `json:"lifecycle" enum:"draft,issued,suspended,revoked,expired,superseded" doc:"null: not known here"`
	Checks      []Check   `json:"checks"`
	Environment string    `json:"environment,omitempty" enum:"test,live" doc:"of a credential that is known here: one of test was made for trying out, and is no real one; absent: not known here"`
	Subject     *Party    `json:"subject" doc:"as the document says; null where the issuer keeps it private"`
	Issuer      *Party    `json:"issuer"`
	EvaluatedAt time.Time `json:"evaluatedAt"`
	Offline     bool      `json:"offline" doc:"nothing could be fetched"`
	TrustInputs []string  `json:"trustInputs" doc:"digests of the keys, lists and documents that were used: same inputs, same verdict"`
	Insecure    []string  `json:"insecure,omitempty" doc:"switches in force that weaken a check"`
	Report      any       `json:"report,omitempty" doc:"the whole report (docs/formats/report.md), if asked for by report=true"`
}

// Check is one step of the decision.
type Check struct {
	ID       string  `json:"id" enum:"signature,schema,issuerTrust,validity,status,anchor,timestamp,pdfIntegrity,badgeBinding"`
	Result   string  `json:"result" enum:"pass,fail,indeterminate,skipped"`
	Required bool    `json:"required" doc:"the outcome hangs on it"`
	Code     *string `json:"code" doc:"reason why it did not pass"`
	Detail   *string `json:"detail"`
	Evidence Facts   `json:"evidence" doc:"what was used"`
}

// Party is whom a document is about, or who issued it.
type Party struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty" doc:"of a subject: the name of what was achieved"`
}

// groups are the names of checks as API.md has them, in its order, and what each gathers.
var groups = []struct {
	id     string
	gather []string
}{
	{verifier.CheckSignature, []string{verifier.CheckSignature, verifier.CheckHolder, verifier.CheckInner, verifier.CheckEndorsement, verifier.CheckHosted}},
	{verifier.CheckSchema, []string{verifier.CheckSchema, verifier.CheckDocument, verifier.CheckModel, verifier.CheckContext, verifier.CheckRelatedResource, verifier.CheckBadge}},
	{verifier.CheckIssuerTrust, []string{verifier.CheckIssuerTrust, verifier.CheckIssuerBinding}},
	{verifier.CheckValidity, []string{verifier.CheckValidity}},
	{verifier.CheckStatus, []string{verifier.CheckStatus}},
	{verifier.CheckAnchor, []string{verifier.CheckAnchor}},
	{verifier.CheckTimestamp, []string{verifier.CheckTimestamp}},
	{verifier.CheckPDFIntegrity, []string{verifier.CheckPDFIntegrity}},
	{verifier.CheckBadgeBinding, []string{verifier.CheckBadgeBinding, verifier.CheckRecipient}},
}

// Of makes the verdict of what the service found. full adds the whole report.
func Of(v service.Verdict, full bool) Verdict {
	r := v.Report
	if r == nil { // nothing was judged
		r = &verifier.Report{Outcome: verifier.Indeterminate}
	}
	out := Verdict{
		Outcome: r.Outcome.String(), Reason: text(string(r.Reason)), Lifecycle: text(string(v.Lifecycle)),
		Environment: string(v.Environment), Checks: Checks(r), EvaluatedAt: r.EvaluatedAt, Offline: r.Offline, TrustInputs: r.TrustInputs, Insecure: r.Insecure,
	}
	if out.Lifecycle == nil {
		out.Lifecycle = text(string(r.Lifecycle))
	}
	if out.TrustInputs == nil {
		out.TrustInputs = []string{}
	}
	subject := v.Subject
	if subject == (verifier.Party{}) {
		subject = r.Subject
	}
	subject = discreet(subject)
	if !v.Hidden && subject != (verifier.Party{}) {
		out.Subject = &Party{ID: subject.ID, Name: subject.Name, Type: subject.Type}
	}
	issuer := Party{ID: v.Issuer.ID, Name: v.Issuer.Name}
	if issuer == (Party{}) {
		issuer = Party{ID: r.Issuer.ID, Name: r.Issuer.Name}
	}
	if issuer != (Party{}) {
		out.Issuer = &issuer
	}
	if full {
		c := *r
		c.Subject = discreet(c.Subject)
		if v.Hidden {
			c.Subject, c.Sub = verifier.Party{}, nil
		}
		if b, err := c.MarshalJSON(); err == nil {
			out.Report = jsontext.Value(b)
		}
	}
	return out
}

// discreet drops an id that is an e-mail address.
func discreet(p verifier.Party) verifier.Party {
	if strings.ContainsRune(p.ID, '@') {
		p.ID = ""
	}
	return p
}

// place is where a check goes: its group, and how late it comes within it.
type place int

func placeOf(group, turn int) place { return place(group<<8 | turn) }

func (p place) group() int { return int(p >> 8) }

// places are those of every name that a group gathers.
var places = func() map[string]place {
	m := map[string]place{}
	for i, g := range groups {
		for j, id := range g.gather {
			m[id] = placeOf(i, j)
		}
	}
	return m
}()

// Checks gathers the checks of a report under the nine names. A group came out as the
// worst of its required checks did, or of all where none is required: one that failed
// before one undecided, and that before one skipped. Names that no group has are kept.
func Checks(r *verifier.Report) []Check {
	type placed struct {
		place
		check *verifier.Check
	}
	var held [24]placed // more are rare
	sorted := held[:0]
	for i := range r.Checks {
		c := &r.Checks[i]
		at, ok := places[c.ID]
		if !ok {
			at = placeOf(len(groups)+i, 0) // alone, after the others
		}
		sorted = append(sorted, placed{at, c})
	}
	for _, c := range within(r) {
		sorted = append(sorted, placed{places[c.ID], c})
	}
	slices.SortStableFunc(sorted, func(a, b placed) int { return int(a.place - b.place) })
	n := 0
	for i := range sorted {
		if i == 0 || sorted[i].group() != sorted[i-1].group() {
			n++
		}
	}
	out := make([]Check, 0, n)
	members := make([]*verifier.Check, 0, len(held))
	for i := 0; i < len(sorted); {
		group := sorted[i].group()
		members = members[:0]
		for ; i < len(sorted) && sorted[i].group() == group; i++ {
			members = append(members, sorted[i].check)
		}
		id := members[0].ID
		if group < len(groups) {
			id = groups[group].id
		}
		out = append(out, gathered(id, members))
	}
	return out
}

// within are the checks on the period and the status of the credential that a page or
// evidence holds: a reader looks for them in their own places, where else only the
// certificate's would be. They are required as far as the credential inside is.
func within(r *verifier.Report) []*verifier.Check {
	if len(r.Sub) != 1 || r.Sub[0].Relation != "credential" || r.Sub[0].Report == nil || r.MediaType != chancery.MediaPDF && r.MediaType != chancery.MediaEvidence {
		return nil
	}
	inner, ok := r.Check(verifier.CheckInner)
	if !ok {
		return nil
	}
	var out []*verifier.Check
	for _, c := range r.Sub[0].Report.Checks {
		if c.ID == verifier.CheckValidity || c.ID == verifier.CheckStatus {
			c.Required = c.Required && inner.Required
			out = append(out, &c)
		}
	}
	return out
}

func gathered(id string, members []*verifier.Check) Check {
	required := slices.ContainsFunc(members, func(c *verifier.Check) bool { return c.Required })
	var worst *verifier.Check
	for _, c := range members {
		if c.Required == required && (worst == nil || badness(c.Result) > badness(worst.Result)) {
			worst = c
		}
	}
	return Check{ID: id, Result: worst.Result.String(), Required: required, Code: given((*string)(&worst.Reason)), Detail: given(&worst.Detail), Evidence: evidence(members)}
}

func badness(r verifier.Result) int {
	switch r {
	case verifier.Pass:
		return 0
	case verifier.Skipped:
		return 1
	case verifier.Fail:
		return 3
	}
	return 2
}

func evidence(members []*verifier.Check) Facts {
	n := 0
	for _, c := range members {
		n += len(c.Evidence)
	}
	if n == 0 {
		return nil
	}
	out := make(Facts, 0, n)
	for _, c := range members {
		for _, f := range c.Evidence {
			name := f.Name
			for n := 2; out.has(name); n++ {
				name = f.Name + "." + strconv.Itoa(n)
			}
			out = append(out, Fact{name, f.Value})
		}
	}
	slices.SortFunc(out, func(a, b Fact) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// given is s where it is not empty, with no copy made.
func given(s *string) *string {
	if *s == "" {
		return nil
	}
	return s
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
