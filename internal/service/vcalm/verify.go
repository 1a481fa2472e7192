package vcalm

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// Options are what a caller wants to know, and what a presentation must answer.
type Options struct {
	Results, Problems, Document bool
	Challenge                   string
	Domain                      string
}

// Result is the answer to a verification, in the form of VCALM's components: members
// that were not asked for are left out.
type Result struct {
	Verified     bool      `json:"verified"`
	Credential   Value     `json:"credential,omitzero"`
	Presentation Value     `json:"verifiablePresentation,omitzero"`
	Problems     []Problem `json:"problemDetails,omitzero"`
	Results      any       `json:"results,omitzero"`
}

// credentialResults are the results of one credential, by members of the data model.
type credentialResults struct {
	ValidFrom  *textResult    `json:"validFrom,omitzero"`
	ValidUntil *textResult    `json:"validUntil,omitzero"`
	Schema     []objectResult `json:"credentialSchema,omitzero"`
	Status     []objectResult `json:"credentialStatus,omitzero"`
	Proof      []objectResult `json:"proof,omitzero"`
}

type textResult struct {
	Verified bool   `json:"verified"`
	Input    string `json:"input"`
}

type objectResult struct {
	Value    *uint64   `json:"value,omitzero"` // of a status entry: what its list says
	Verified bool      `json:"verified"`
	Input    Value     `json:"input"`
	Problems []Problem `json:"problemDetails,omitzero"`
}

type presentationResults struct {
	Presentation struct {
		Challenge *textResult    `json:"challenge,omitzero"`
		Domain    *textResult    `json:"domain,omitzero"`
		Holder    *textResult    `json:"holder,omitzero"`
		Proof     []objectResult `json:"proof,omitzero"`
	} `json:"presentation"`
	Credentials []Result `json:"credentials"`
}

// VerifyCredential judges a credential, secured by a proof or enveloped (VCALM 1.0, 3.3.1).
func (p *Plane) VerifyCredential(ctx context.Context, in *Instance, caller *service.Caller, document Value, o Options) (Result, error) {
	if err := in.Need(caller, service.MayRead); err != nil {
		return Result{}, err
	}
	secured, err := securedOf(document, "verifiableCredential")
	if err != nil {
		return Result{}, err
	}
	report, err := p.judge(ctx, secured, verifier.Expect{})
	if err != nil {
		return Result{}, err
	}
	return credentialResult(report, document, secured, o), nil
}

// securedOf reads what was handed in: an object with proof, or an envelope.
func securedOf(document Value, member string) (chancery.Secured, error) {
	if document.Kind() != '{' {
		return chancery.Secured{}, badRequest(member + ": expected an object")
	}
	inner, ok, err := chancery.Unwrap(document)
	switch {
	case err != nil:
		return chancery.Secured{}, badRequest(member + ": " + bounded(err))
	case ok:
		return inner, nil
	}
	media := chancery.MediaVC
	if member == "verifiablePresentation" {
		media = chancery.MediaVP
	}
	return chancery.Secured{MediaType: media, Bytes: document}, nil
}

func (p *Plane) judge(ctx context.Context, s chancery.Secured, e verifier.Expect) (*verifier.Report, error) {
	verified, err := p.c.Verifier.VerifyExpecting(ctx, s, e)
	if err == nil {
		return verified.Report(), nil
	}
	var fault *verifier.Error
	if errors.As(err, &fault) && fault.Report != nil && fault.Reason != verifier.Canceled {
		return fault.Report, nil
	}
	return nil, err
}

// warnings are the checks that do not decide verified: status and validity are for the
// caller to weigh, as is whom to trust.
var warnings = map[string]bool{
	verifier.CheckStatus: true, verifier.CheckValidity: true, verifier.CheckIssuerTrust: true, verifier.CheckEndorsement: true,
}

// sound reports whether no check of cryptography, data model or context failed, or could
// not be made, in the document or in a credential within.
func sound(r *verifier.Report) bool {
	signed := false
	for _, c := range r.Checks {
		if warnings[c.ID] || c.ID == verifier.CheckInner && judgedInner(r) {
			continue
		}
		if c.Result == verifier.Fail || c.Required && c.Result != verifier.Pass {
			return false
		}
		signed = signed || c.ID == verifier.CheckSignature && c.Result == verifier.Pass
	}
	return signed && soundInner(r)
}

// soundInner reports whether all that is judged within a document is sound, and is
// credentials: nothing else may be in their place.
func soundInner(r *verifier.Report) bool {
	for _, sub := range r.Sub {
		if sub.Relation == "credential" && (isPresentation(sub.Report) || !sound(sub.Report)) {
			return false
		}
	}
	return true
}

// judgedInner reports whether credentials within have reports of their own, which then say
// more than the check that sums them up. Where they cannot be read there are none.
func judgedInner(r *verifier.Report) bool { return credentialsIn(r) > 0 }

// isPresentation reports whether what was judged is a presentation: an envelope tells only
// what it is called.
func isPresentation(r *verifier.Report) bool {
	_, ok := r.Check(verifier.CheckHolder)
	return ok
}

// otherKind is the problem of a document that was handed in as one of another kind.
func otherKind(expected, found string) Problem {
	return Problem{Type: problemVCDM + "MALFORMED_VALUE_ERROR", Title: "MALFORMED_VALUE_ERROR", Detail: "expected a " + expected + ", found a " + found}
}

func credentialResult(r *verifier.Report, document Value, s chancery.Secured, o Options) Result {
	out := Result{Verified: sound(r) && !isPresentation(r)}
	if o.Document {
		out.Credential = document
	}
	if o.Problems {
		out.Problems = problems(r, r.Checks)
		if isPresentation(r) {
			out.Problems = append(out.Problems, otherKind("credential", "presentation"))
		}
	}
	if o.Results {
		out.Results = resultsOf(r, s)
	}
	return out
}

func problems(r *verifier.Report, checks []verifier.Check) []Problem {
	out := []Problem{}
	for _, c := range checks {
		if c.Result == verifier.Pass || c.Result == verifier.Skipped || c.Reason == "" {
			continue
		}
		out = append(out, problemOf(c))
	}
	return out
}

// problemOf names the problem as the specification of the check does.
func problemOf(c verifier.Check) Problem {
	namespace, title := problemVCDM, "MALFORMED_VALUE_ERROR"
	switch c.ID {
	case verifier.CheckDocument:
		title = "PARSING_ERROR"
	case verifier.CheckSignature, verifier.CheckIssuerBinding, verifier.CheckHolder:
		title = "CRYPTOGRAPHIC_SECURITY_ERROR"
		switch c.Reason {
		case verifier.DomainMismatch:
			namespace, title = problemDI, "INVALID_DOMAIN_ERROR"
		case verifier.ChallengeMismatch:
			namespace, title = problemDI, "INVALID_CHALLENGE_ERROR"
		case verifier.SignatureInvalid:
			namespace, title = problemDI, "PROOF_VERIFICATION_ERROR"
		}
	case verifier.CheckValidity:
		title = "RANGE_ERROR"
	case verifier.CheckStatus:
		namespace, title = problemStatus, "STATUS_VERIFICATION_ERROR"
		switch c.Reason {
		case verifier.StatusUnreachable:
			title = "STATUS_RETRIEVAL_ERROR"
		case verifier.StatusListTooShort:
			title = "STATUS_LIST_LENGTH_ERROR"
		case verifier.CredentialRevoked, verifier.CredentialSuspended:
			namespace, title = problemVCALM, strings.ToUpper(string(c.Reason))
		}
	}
	return Problem{Type: namespace + title, Title: title, Detail: string(c.Reason) + ": " + c.Reason.Text()}
}

// resultsOf lists the members that were judged, with what was read in them.
func resultsOf(r *verifier.Report, s chancery.Secured) credentialResults {
	var out credentialResults
	c, err := parsed(s)
	if err != nil {
		return out
	}
	doc := c.Document()
	from, until := "validFrom", "validUntil"
	if c.Model() == chancery.Model1_1 {
		from, until = "issuanceDate", "expirationDate"
	}
	validity, _ := r.Check(verifier.CheckValidity)
	judged := func(name string, bad verifier.Reason) *textResult {
		n := doc.Get(0, name)
		if n == strictjson.None {
			return nil
		}
		ok := validity.Result == verifier.Pass || validity.Result == verifier.Fail && validity.Reason != bad && validity.Reason != verifier.ValidityMalformed
		return &textResult{Verified: ok, Input: doc.String(n)}
	}
	out.ValidFrom = judged(from, verifier.NotYetValid)
	out.ValidUntil = judged(until, verifier.PeriodOver)
	out.Schema = objects(doc, "credentialSchema", passed(r, verifier.CheckSchema))
	out.Status = objects(doc, "credentialStatus", passed(r, verifier.CheckStatus))
	statusValues(r, doc, out.Status)
	out.Proof = proofResults(r, doc)
	return out
}

func parsed(s chancery.Secured) (*chancery.Credential, error) {
	if s.MediaType == chancery.MediaVC {
		return chancery.Parse(s.Bytes)
	}
	return nil, chancery.ErrUnknownContent
}

func passed(r *verifier.Report, id string) bool {
	c, ok := r.Check(id)
	return ok && c.Result == verifier.Pass
}

// objects are the results of a member that is an object, or a list of them: what else is
// there has no result of its own.
func objects(doc *strictjson.Doc, member string, verified bool) (out []objectResult) {
	doc.Each(doc.Get(0, member), func(e strictjson.Node) bool {
		if doc.Kind(e) == strictjson.Object {
			out = append(out, objectResult{Verified: verified, Input: Value(doc.Raw(e))})
		}
		return true
	})
	return out
}

// statusValues adds what lists say of status entries. What was read is told by list and
// purpose: of two entries that have both in common nothing is said.
func statusValues(r *verifier.Report, doc *strictjson.Doc, entries []objectResult) {
	type source struct{ list, purpose string }
	read, named := map[source]uint64{}, map[source]int{}
	for _, c := range r.Checks {
		if c.ID != verifier.CheckStatus {
			continue
		}
		var s source
		for _, f := range c.Evidence { // in this order, for each entry
			switch f.Name {
			case "list":
				s = source{list: f.Value}
			case "purpose":
				s.purpose = f.Value
			case "value":
				if v, err := strconv.ParseUint(f.Value, 0, 64); err == nil {
					read[s] = v
				}
			}
		}
	}
	sources, i := make([]source, len(entries)), 0
	doc.Each(doc.Get(0, "credentialStatus"), func(e strictjson.Node) bool {
		if doc.Kind(e) != strictjson.Object {
			return true
		}
		sources[i] = source{doc.String(doc.Get(e, "statusListCredential")), doc.String(doc.Get(e, "statusPurpose"))}
		named[sources[i]]++
		i++
		return i < len(sources)
	})
	for i, s := range sources {
		if v, ok := read[s]; ok && named[s] == 1 {
			entries[i].Value = &v
		}
	}
}

func proofResults(r *verifier.Report, doc *strictjson.Doc) []objectResult {
	var out []objectResult
	for _, pr := range r.Proofs {
		n := doc.Lookup(pr.Pointer)
		if pr.Pointer == "" || n == strictjson.None {
			continue
		}
		res := objectResult{Verified: pr.Result == verifier.Pass, Input: Value(doc.Raw(n))}
		if !res.Verified && pr.Reason != "" {
			res.Problems = []Problem{problemOf(verifier.Check{ID: verifier.CheckSignature, Reason: pr.Reason})}
		}
		out = append(out, res)
	}
	return out
}

// VerifyPresentation judges a presentation and the credentials in it (VCALM 1.0, 3.3.2).
// A challenge that this plane gave out counts once.
func (p *Plane) VerifyPresentation(ctx context.Context, in *Instance, caller *service.Caller, document Value, o Options) (Result, error) {
	if err := in.Need(caller, service.MayRead); err != nil {
		return Result{}, err
	}
	secured, err := securedOf(document, "verifiablePresentation")
	if err != nil {
		return Result{}, err
	}
	report, err := p.judge(ctx, secured, verifier.Expect{Challenge: o.Challenge, Domain: o.Domain})
	if err != nil {
		return Result{}, err
	}
	used := false
	if sound(report) && isPresentation(report) && o.Challenge != "" {
		if used, err = p.useChallenge(ctx, in, o.Challenge); err != nil {
			return Result{}, err
		}
	}
	return presentationResult(report, document, o, used), nil
}

func presentationResult(r *verifier.Report, document Value, o Options, used bool) Result {
	out := Result{Verified: sound(r) && isPresentation(r) && !used}
	var res presentationResults
	res.Credentials = []Result{}
	vp, _ := chancery.ParsePresentation(document) // nil where it is enveloped
	var inner []Problem
	for _, sub := range r.Sub {
		if sub.Relation != "credential" {
			continue
		}
		one := Result{Verified: sound(sub.Report) && !isPresentation(sub.Report)}
		if o.Problems {
			one.Problems = problems(sub.Report, sub.Report.Checks)
			if isPresentation(sub.Report) {
				one.Problems = append(one.Problems, otherKind("credential", "presentation"))
			}
			inner = append(inner, one.Problems...)
		}
		if o.Results && vp != nil {
			if n := vp.Document().Lookup(sub.Pointer); vp.Document().Kind(n) == strictjson.Object {
				if secured, err := securedOf(Value(vp.Document().Raw(n)), "verifiableCredential"); err == nil {
					one.Results = resultsOf(sub.Report, secured)
				}
			}
		}
		res.Credentials = append(res.Credentials, one)
	}
	if o.Document {
		out.Presentation = document
	}
	if o.Problems {
		out.Problems = append(problems(r, own(r)), inner...)
		if _, ok := r.Check(verifier.CheckIssuerBinding); ok {
			out.Problems = append(out.Problems, otherKind("presentation", "credential"))
		}
		if used {
			out.Problems = append(out.Problems, Problem{Type: problemDI + "INVALID_CHALLENGE_ERROR", Title: "INVALID_CHALLENGE_ERROR", Detail: "the challenge was used before, is too old, or was given out to others"})
		}
	}
	if o.Results {
		challenge := r.Reason != verifier.ChallengeMismatch && !used
		if o.Challenge != "" {
			res.Presentation.Challenge = &textResult{Verified: challenge && passed(r, verifier.CheckSignature), Input: o.Challenge}
		}
		if o.Domain != "" {
			res.Presentation.Domain = &textResult{Verified: passed(r, verifier.CheckSignature), Input: o.Domain}
		}
		if vp != nil {
			res.Presentation.Proof = proofResults(r, vp.Document())
		}
		if c, _ := r.Check(verifier.CheckHolder); r.Issuer.ID != "" && c.Result != verifier.Skipped { // of a presentation: the holder, where it names one
			res.Presentation.Holder = &textResult{Verified: passed(r, verifier.CheckHolder), Input: r.Issuer.ID}
		}
		out.Results = res
	}
	return out
}

// own leaves out the check that sums up the inner documents, where those have reports.
func own(r *verifier.Report) []verifier.Check {
	out := make([]verifier.Check, 0, len(r.Checks))
	for _, c := range r.Checks {
		if c.ID != verifier.CheckInner || !judgedInner(r) {
			out = append(out, c)
		}
	}
	return out
}

// ChallengeLife is how long a challenge can be answered.
const ChallengeLife = 15 * time.Minute

// challenge is the body of a KindChallenge record.
type challenge struct {
	Until int64 `json:"until"` // unix seconds
	Used  bool  `json:"used"`
}

// Challenge gives out a challenge that is good for one presentation (VCALM 1.0, 3.3.3).
func (p *Plane) Challenge(ctx context.Context, in *Instance, caller *service.Caller) (string, error) {
	if err := in.Need(caller, service.MayRead); err != nil {
		return "", err
	}
	id := challengeMark + randomID()
	now := p.c.Clock()
	return id, p.c.Store.Update(ctx, func(tx service.Tx) error {
		r := service.Record{Kind: service.KindChallenge, ID: id, Parent: in.Issuer, Created: now, Updated: now}
		return service.Put(ctx, tx, in.Scope, r, challenge{Until: now.Add(ChallengeLife).Unix()})
	})
}

// challengeMark begins the challenges that Challenge gives out, and those alone: records of
// them do not last, and what is not there any more must not pass for one of somebody else.
const challengeMark = "zc"

// challengeLength is their length.
const challengeLength = len(challengeMark) + 65

// useChallenge uses up a challenge of ours; of others it knows nothing. It reports whether
// the challenge was used before, is too old, or was given out to others.
func (p *Plane) useChallenge(ctx context.Context, in *Instance, id string) (bad bool, err error) {
	if len(id) != challengeLength || !strings.HasPrefix(id, challengeMark) {
		return false, nil
	}
	err = p.c.Store.Update(ctx, func(tx service.Tx) error {
		r, c, err := service.Get[challenge](ctx, tx, in.Scope, service.KindChallenge, id)
		if errors.Is(err, service.ErrNotFound) {
			bad = true
			return nil
		}
		if err != nil {
			return err
		}
		now := p.c.Clock()
		if bad = c.Used || now.Unix() > c.Until; bad {
			return nil
		}
		c.Used = true
		r.Updated = now
		return service.Put(ctx, tx, in.Scope, r, c)
	})
	if errors.Is(err, service.ErrConflict) {
		return true, nil // somebody used it at the same moment
	}
	return bad, err
}
