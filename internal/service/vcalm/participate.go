package vcalm

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// CurrentRequest is what an exchange asks for at present (VCALM 1.0, 3.6.5): an empty object
// where that is nothing. It changes nothing.
func (p *Plane) CurrentRequest(ctx context.Context, a Address) (Value, error) {
	e, _, err := p.at(ctx, a)
	if err != nil {
		return nil, err
	}
	if e.State == "complete" {
		return Value(`{"verifiablePresentationRequest":{}}`), nil
	}
	return p.request(a.ID, e)
}

// Participate makes the holder's next step (VCALM 1.0, 3.6.6). Without a presentation the
// answer asks for one; with a good one it holds the credential, of the workflow claim, or
// says where to go on. Whoever knows the URL may.
func (p *Plane) Participate(ctx context.Context, a Address, presentation Value) (Value, error) {
	e, s, err := p.at(ctx, a)
	if err != nil {
		return nil, err
	}
	if e.State == "complete" {
		return nil, &service.Error{Code: service.CodeState, Detail: "the exchange is complete"}
	}
	if presentation == nil {
		if err := p.step(ctx, s, a.ID, "pending", func(e *exchange) { e.State = "active" }); err != nil {
			return nil, err
		}
		return p.request(a.ID, e)
	}
	report, r, came, err := p.judgeStep(ctx, e, presentation)
	if err != nil {
		return nil, p.refused(ctx, s, a.ID, err)
	}
	holder := ""
	if sound(report) {
		holder = report.Issuer.ID
	}
	if e.Workflow == WorkflowVerify {
		return p.keep(ctx, s, a.ID, e, holder, came, r)
	}
	_, _, file, err := p.c.Credentials.Deliverable(ctx, s, e.Credential)
	if err != nil {
		return nil, err
	}
	if err := p.step(ctx, s, a.ID, "", func(e *exchange) { e.State, e.Holder, e.LastError = "complete", holder, nil }); err != nil {
		return nil, err
	}
	return deliver(file)
}

// judgeStep judges a presentation by what its exchange asks for. It returns what
// came, with the queries that are met.
func (p *Plane) judgeStep(ctx context.Context, e exchange, presentation Value) (*verifier.Report, Result, StepResults, error) {
	var none Result
	var came StepResults
	if len(presentation) > maxPresentation {
		return nil, none, came, &service.Error{Code: service.CodeTooLarge, Detail: "the presentation is larger than 1 MB"}
	}
	secured, err := securedOf(presentation, "verifiablePresentation")
	if err != nil {
		return nil, none, came, err
	}
	report, err := p.judge(ctx, secured, verifier.Expect{Challenge: e.Challenge, Domain: p.domain()})
	if err != nil {
		return nil, none, came, err
	}
	r := presentationResult(report, presentation, Options{Results: true, Problems: true, Challenge: e.Challenge, Domain: p.domain()}, false)
	if !r.Verified && (!e.Unsigned || !soundUnsigned(report)) {
		return nil, r, came, &BadRequest{Problem{Type: problemDI + "PROOF_VERIFICATION_ERROR", Title: "PROOF_VERIFICATION_ERROR", Detail: "the presentation does not verify for this exchange: " + string(report.Reason)}}
	}
	asked, err := e.queries()
	if err != nil {
		return nil, r, came, err
	}
	queries, err := readQueries(asked, "query")
	if err != nil {
		return nil, r, came, err
	}
	what, err := shownIn(secured, report)
	if err != nil {
		return nil, r, came, badRequest("verifiablePresentation: expected one that can be compared with the queries")
	}
	came.Presentation = presentation
	if came.Queries, err = what.meets(queries); err == nil {
		came.Matches = what.matches(queries, came.Queries)
	}
	return report, r, came, err
}

// soundUnsigned reports whether a presentation has no proof at all, and nothing else is
// wrong with it or with the credentials in it.
func soundUnsigned(r *verifier.Report) bool {
	signature, _ := r.Check(verifier.CheckSignature)
	if signature.Reason != verifier.NoProof || len(r.Proofs) != 0 || credentialsIn(r) == 0 {
		return false
	}
	for _, c := range r.Checks {
		switch {
		case c.ID == verifier.CheckSignature, c.ID == verifier.CheckHolder, c.ID == verifier.CheckInner, warnings[c.ID]:
		case c.Result == verifier.Fail, c.Required && c.Result != verifier.Pass:
			return false
		}
	}
	return soundInner(r)
}

func credentialsIn(r *verifier.Report) (n int) {
	for _, sub := range r.Sub {
		if sub.Relation == "credential" {
			n++
		}
	}
	return n
}

// refused keeps why a presentation was refused, for the coordinator.
func (p *Plane) refused(ctx context.Context, s service.Scope, id string, err error) error {
	var bad *BadRequest
	if !errors.As(err, &bad) {
		return err
	}
	kept := p.step(ctx, s, id, "", func(e *exchange) { e.State, e.LastError = "active", &bad.Problem })
	var known *service.Error
	if kept != nil && !errors.As(kept, &known) {
		return kept
	}
	return err
}

// step changes an exchange: from a state, or from any that is not complete.
func (p *Plane) step(ctx context.Context, s service.Scope, id, from string, f func(*exchange)) error {
	return p.stepWith(ctx, s, id, from, func(_ service.Tx, e *exchange) error { f(e); return nil })
}

// stepWith is step, with what else belongs into its transaction.
func (p *Plane) stepWith(ctx context.Context, s service.Scope, id, from string, f func(service.Tx, *exchange) error) error {
	err := p.c.Store.Update(ctx, func(tx service.Tx) error {
		r, e, err := service.Get[exchange](ctx, tx, s, service.KindExchange, id)
		if err != nil {
			return err
		}
		if from != "" && e.State != from {
			return nil
		}
		if e.State == "complete" {
			return service.ErrConflict
		}
		if err := f(tx, &e); err != nil {
			return err
		}
		r.Updated = p.c.Clock()
		if e.State == "complete" { // who the holder is does not belong into a log that lasts
			by := service.Caller{Scope: s, Actor: "wallet"}
			action, subject := "vcalm.deliver", e.Credential
			if e.Workflow == WorkflowVerify {
				action, subject = "vcalm.present", e.Issuer
			}
			if err := service.WriteAudit(ctx, tx, by, r.Updated, action, subject, nil); err != nil {
				return err
			}
		}
		return service.Put(ctx, tx, s, r, e)
	})
	if errors.Is(err, service.ErrConflict) {
		return &service.Error{Code: service.CodeState, Detail: "the exchange went on at the same moment", Err: err}
	}
	return err
}

// kindPresented keeps what was presented in an exchange, by its id.
const kindPresented service.Kind = "vcalm-presentation"

// maxPresentation is the largest presentation that an exchange takes, in bytes.
const maxPresentation = 1 << 20

// presented is the body of a kindPresented record. What it holds is about people: it is
// sealed, and removed with the exchange.
type presented struct {
	Until  int64  `json:"until"` // unix seconds
	Sealed []byte `json:"sealed"`
}

func presentedContext(s service.Scope, id string) string {
	return "presented\x00" + s.Tenant + "\x00" + string(s.Environment) + "\x00" + id
}

// keep ends an exchange of the workflow verify: what came is kept for its coordinator.
func (p *Plane) keep(ctx context.Context, s service.Scope, id string, e exchange, holder string, came StepResults, r Result) (Value, error) {
	verdict, err := marshal(r)
	if err != nil {
		return nil, err
	}
	came.Verified = verdict
	plain, err := marshal(came)
	if err != nil {
		return nil, err
	}
	body := presented{Until: e.Until}
	if body.Sealed, err = p.c.Sealer.Seal(plain, presentedContext(s, id)); err != nil {
		return nil, err
	}
	err = p.stepWith(ctx, s, id, "", func(tx service.Tx, e *exchange) error {
		e.State, e.Holder, e.LastError = "complete", holder, nil
		now := p.c.Clock()
		return service.Put(ctx, tx, s, service.Record{Kind: kindPresented, ID: id, Parent: e.Issuer, Created: now, Updated: now}, body)
	})
	switch {
	case err != nil:
		return nil, err
	case e.Redirect != "":
		return marshal(map[string]string{"redirectUrl": e.Redirect})
	}
	return Value(`{}`), nil
}

// presented reads what was presented in an exchange.
func (p *Plane) presented(ctx context.Context, s service.Scope, id string, to *StepResults) error {
	var body presented
	err := p.c.Store.View(ctx, func(tx service.Tx) (err error) {
		_, body, err = service.Get[presented](ctx, tx, s, kindPresented, id)
		return err
	})
	if err != nil {
		return err
	}
	plain, err := p.c.Sealer.Open(body.Sealed, presentedContext(s, id))
	if err != nil {
		return err
	}
	var r StepResults
	if err := json.Unmarshal(plain, &r); err != nil {
		return err
	}
	to.Presentation, to.Verified, to.Queries, to.Matches = r.Presentation, r.Verified, r.Queries, r.Matches
	return nil
}

// domain is what presentations are made for: the host of the public address.
func (p *Plane) domain() string {
	u, err := url.Parse(p.c.BaseURL)
	if err != nil {
		return p.c.BaseURL
	}
	return u.Host
}

// queries are what an exchange asks for: of the workflow claim, who the holder is.
func (e exchange) queries() (Value, error) {
	if e.Query != nil {
		return e.Query, nil
	}
	type object = map[string]any
	suites := []object{}
	for _, s := range []string{proof.EdDSARDFC2022, proof.EdDSAJCS2022, proof.ECDSARDFC2019, proof.ECDSAJCS2019, proof.TypeEd25519Signature2020} {
		suites = append(suites, object{"cryptosuite": s})
	}
	return marshal([]object{{"type": queryDIDAuthentication, "acceptedMethods": []object{{"method": "key"}, {"method": "jwk"}}, "acceptedCryptosuites": suites}})
}

func (p *Plane) request(id string, e exchange) (Value, error) {
	type object = map[string]any
	query, err := e.queries()
	if err != nil {
		return nil, err
	}
	return marshal(object{"verifiablePresentationRequest": object{
		"query":     query,
		"challenge": e.Challenge,
		"domain":    p.domain(),
		"interact":  object{"service": []object{{"type": "UnmediatedHttpPresentationService2021", "serviceEndpoint": p.exchangeURL(e.Instance, e.workflow(), id)}}},
	}})
}

// deliver puts the stored credential, byte for byte, into a presentation.
func deliver(f service.File) (Value, error) {
	text := f.Bytes
	if !strings.HasPrefix(f.MediaType, chancery.MediaVC) || strings.HasPrefix(f.MediaType, chancery.MediaVCJWT) {
		return nil, errors.New("vcalm: expected a credential with an embedded proof to hand out")
	}
	if _, err := strictjson.Parse(text, strictjson.Limits{}); err != nil {
		return nil, err
	}
	out := []byte(`{"verifiablePresentation":{"@context":["` + chancery.ContextV2 + `"],"type":["VerifiablePresentation"],"verifiableCredential":[`)
	out = append(append(out, text...), `]}}`...)
	if !jsontext.Value(out).IsValid() {
		return nil, errors.New("vcalm: the presentation is not JSON")
	}
	return out, nil
}
