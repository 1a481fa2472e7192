package vcalm

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// WorkflowClaim is the one workflow: the holder shows who he is by a presentation, and
// gets the credential that the exchange was made for.
const WorkflowClaim = "claim"

// ExchangeLife is how long an exchange waits for the wallet, where its coordinator does not
// say, and MaxExchangeLife how long it waits at most.
const (
	ExchangeLife    = 15 * time.Minute
	MaxExchangeLife = 24 * time.Hour
)

// exchange is the body of a KindExchange record, whose id nobody can guess.
type exchange struct {
	Issuer     string `json:"issuer"`
	Instance   string `json:"instance"`
	Credential string `json:"credential"` // id of the credential that is handed out
	Challenge  string `json:"challenge"`
	State      string `json:"state"` // pending, active, complete
	Until      int64  `json:"until"` // unix seconds
	Holder     string `json:"holder,omitempty"`
	Invite     string `json:"invite,omitempty"` // URL that a wallet answered the invitation with
}

// Protocols are the ways to go on that an interaction URL offers.
type Protocols struct {
	Protocols struct {
		VCAPI  string `json:"vcapi"`
		Invite string `json:"inviteRequest"`
	} `json:"protocols"`
}

// ExchangeState is what the coordinator of an exchange sees of it: not the challenge, nor
// what is handed out.
type ExchangeState struct {
	ID        string            `json:"id"`
	State     string            `json:"state"`
	Expires   time.Time         `json:"expires"`
	Sequence  int               `json:"sequence"`
	Variables ExchangeVariables `json:"variables"`
}

// ExchangeVariables are what an exchange learned.
type ExchangeVariables struct {
	Holder string `json:"holder,omitempty"`
	Invite string `json:"inviteResponse,omitempty"`
}

// NewExchange asks for an exchange.
type NewExchange struct {
	Workflow   string
	Credential string // id of the issued credential that is handed out
	// Expires is when it ends, at most MaxExchangeLife from now. Zero: after ExchangeLife.
	Expires time.Time
	// Idempotency is what a repeated call is known by: it gets the answer of the first.
	Idempotency service.Idempotency
}

// CreateExchange begins an exchange that hands out an issued credential (VCALM 1.0, 3.6.4)
// and returns its URL.
func (p *Plane) CreateExchange(ctx context.Context, in *Instance, caller *service.Caller, n NewExchange) (service.Result[string], error) {
	var none service.Result[string]
	if err := in.Need(caller, service.MayIssue); err != nil {
		return none, err
	}
	if n.Workflow != WorkflowClaim || p.c.Credentials == nil {
		return none, service.NotFound("workflow")
	}
	if out, found, err := service.Replayed[string](ctx, p.c.Store, p.c.Clock(), in.Scope, n.Idempotency, p.c.Sealer); err != nil || found {
		out.Value = p.exchangeURL(in.Name, out.Value)
		return out, err
	}
	if left := n.Expires.Sub(p.c.Clock()); !n.Expires.IsZero() && (left <= 0 || left > MaxExchangeLife) {
		return none, badRequest("expires: expected a time within a day from now")
	}
	_, issuer, _, err := p.c.Credentials.Deliverable(ctx, in.Scope, n.Credential)
	switch {
	case service.IsNotFound(err), err == nil && issuer != in.Issuer:
		return none, &service.Error{Code: service.CodeValidation, Detail: "variables.credential: expected the id of an issued credential", Fields: map[string][]string{"variables.credential": {"expected the id of an issued credential of this issuer"}}}
	case err != nil:
		return none, err
	}
	c := in.caller(caller)
	out, err := p.addExchange(ctx, in, in.Scope, n, &c)
	out.Value = p.exchangeURL(in.Name, out.Value)
	return out, err
}

// addExchange stores an exchange and returns its id. by is who asked for it, nil for nobody
// in particular.
func (p *Plane) addExchange(ctx context.Context, in *Instance, s service.Scope, n NewExchange, by *service.Caller) (service.Result[string], error) {
	id, now := randomID(), p.c.Clock()
	if n.Expires.IsZero() {
		n.Expires = now.Add(ExchangeLife)
	}
	e := exchange{Issuer: in.Issuer, Instance: in.Name, Credential: n.Credential, Challenge: randomID(), State: "pending", Until: n.Expires.Unix()}
	return service.Once(ctx, p.c.Store, now, s, n.Idempotency, p.c.Sealer, func(tx service.Tx) (service.Result[string], error) {
		err := service.Put(ctx, tx, s, service.Record{Kind: service.KindExchange, ID: id, Lookup: id, Parent: in.Issuer, Created: now, Updated: now}, e)
		if err == nil && by != nil {
			err = service.WriteAudit(ctx, tx, *by, now, "vcalm.exchange", n.Credential, nil)
		}
		return service.Result[string]{Value: id, Created: true}, err
	})
}

func (p *Plane) exchangeURL(instance, id string) string {
	return p.c.BaseURL + "/vc/" + instance + "/workflows/" + WorkflowClaim + "/exchanges/" + id
}

// Interaction answers an interaction URL (VCALM 1.0, 3.7): of an exchange by its id, or of
// a public credential by its public id, for which an exchange is begun.
func (p *Plane) Interaction(ctx context.Context, id string) (Protocols, error) {
	var out Protocols
	e, _, err := p.find(ctx, id)
	name := e.Instance
	if service.IsNotFound(err) && p.c.Credentials != nil {
		s, issuer, file, err2 := p.c.Credentials.Deliverable(ctx, service.Scope{}, id)
		if err2 != nil {
			return out, err2
		}
		in := &Instance{Name: issuer, Scope: s, Issuer: issuer}
		name = issuer
		var made service.Result[string]
		made, err = p.addExchange(ctx, in, s, NewExchange{Credential: file.Name}, nil)
		id = made.Value
	}
	if err != nil {
		return out, err
	}
	out.Protocols.VCAPI = p.exchangeURL(name, id)
	out.Protocols.Invite = p.exchangeURL(name, id) + "/invite-request/response"
	return out, nil
}

// find reads an exchange that is still open to its holder.
func (p *Plane) find(ctx context.Context, id string) (e exchange, s service.Scope, err error) {
	err = p.c.Store.View(ctx, func(tx service.Tx) error {
		scope, r, err := tx.Find(ctx, service.KindExchange, id)
		if errors.Is(err, service.ErrNotFound) {
			return service.NotFound("exchange")
		}
		if err != nil {
			return err
		}
		s = scope
		_, e, err = service.Get[exchange](ctx, tx, scope, service.KindExchange, r.ID)
		return err
	})
	if err == nil && p.c.Clock().Unix() > e.Until {
		return e, s, service.NotFound("exchange")
	}
	return e, s, err
}

// Exchange reads an exchange for its coordinator (VCALM 1.0, 3.6.5).
func (p *Plane) Exchange(ctx context.Context, in *Instance, caller *service.Caller, id string) (ExchangeState, error) {
	if err := in.Need(caller, service.MayRead); err != nil {
		return ExchangeState{}, err
	}
	e, s, err := p.find(ctx, id)
	if err != nil {
		return ExchangeState{}, err
	}
	if s != in.Scope || e.Issuer != in.Issuer {
		return ExchangeState{}, service.NotFound("exchange")
	}
	steps := map[string]int{"pending": 0, "active": 1, "complete": 2}
	return ExchangeState{ID: id, State: e.State, Expires: time.Unix(e.Until, 0).UTC(), Sequence: steps[e.State], Variables: ExchangeVariables{e.Holder, e.Invite}}, nil
}

// Participate makes the holder's next step (VCALM 1.0, 3.6.6). Without a presentation the
// answer asks for one; with a good one it holds the credential. Whoever knows the URL may.
func (p *Plane) Participate(ctx context.Context, name, id string, presentation Value) (Value, error) {
	e, s, err := p.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.Instance != name {
		return nil, service.NotFound("exchange")
	}
	if e.State == "complete" {
		return nil, &service.Error{Code: service.CodeState, Detail: "the exchange is complete"}
	}
	if presentation == nil {
		if err := p.step(ctx, s, id, "pending", func(e *exchange) { e.State = "active" }); err != nil {
			return nil, err
		}
		return p.request(name, id, e)
	}
	secured, err := securedOf(presentation, "verifiablePresentation")
	if err != nil {
		return nil, err
	}
	report, err := p.judge(ctx, secured, verifier.Expect{Challenge: e.Challenge, Domain: p.domain()})
	if err != nil {
		return nil, err
	}
	if r := presentationResult(report, presentation, Options{Problems: true}, false); !r.Verified {
		return nil, &BadRequest{Problem{Type: problemDI + "PROOF_VERIFICATION_ERROR", Title: "PROOF_VERIFICATION_ERROR", Detail: "the presentation does not verify for this exchange: " + string(report.Reason)}}
	}
	_, _, file, err := p.c.Credentials.Deliverable(ctx, s, e.Credential)
	if err != nil {
		return nil, err
	}
	if err := p.step(ctx, s, id, "", func(e *exchange) { e.State, e.Holder = "complete", report.Issuer.ID }); err != nil {
		return nil, err
	}
	return deliver(file)
}

// step changes an exchange: from a state, or from any that is not complete.
func (p *Plane) step(ctx context.Context, s service.Scope, id, from string, f func(*exchange)) error {
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
		f(&e)
		r.Updated = p.c.Clock()
		if e.State == "complete" { // who the holder is does not belong into a log that lasts
			by := service.Caller{Scope: s, Actor: "wallet"}
			if err := service.WriteAudit(ctx, tx, by, r.Updated, "vcalm.deliver", e.Credential, nil); err != nil {
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

// domain is what presentations are made for: the host of the public address.
func (p *Plane) domain() string {
	u, err := url.Parse(p.c.BaseURL)
	if err != nil {
		return p.c.BaseURL
	}
	return u.Host
}

func (p *Plane) request(name, id string, e exchange) (Value, error) {
	type object = map[string]any
	suites := []object{}
	for _, s := range []string{proof.EdDSARDFC2022, proof.EdDSAJCS2022, proof.ECDSARDFC2019, proof.ECDSAJCS2019, proof.TypeEd25519Signature2020} {
		suites = append(suites, object{"cryptosuite": s})
	}
	return marshal(object{"verifiablePresentationRequest": object{
		"query":     []object{{"type": "DIDAuthentication", "acceptedMethods": []object{{"method": "key"}, {"method": "jwk"}}, "acceptedCryptosuites": suites}},
		"challenge": e.Challenge,
		"domain":    p.domain(),
		"interact":  object{"service": []object{{"type": "UnmediatedHttpPresentationService2021", "serviceEndpoint": p.exchangeURL(name, id)}}},
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

// Invited takes a wallet's answer to an invitation (VCALM 1.0, 3.7.4): the URL at which it
// wants to go on, for the coordinator to read.
func (p *Plane) Invited(ctx context.Context, name, id, answer string) error {
	e, s, err := p.find(ctx, id)
	if err != nil {
		return err
	}
	if e.Instance != name {
		return service.NotFound("exchange")
	}
	u, err := url.Parse(answer)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(answer) > 2048 {
		return badRequest("url: expected an https URL")
	}
	return p.step(ctx, s, id, "", func(e *exchange) { e.Invite = answer })
}

// JobClean is the job that removes challenges and exchanges that have ended.
const JobClean = "vcalm.clean"

// Jobs are the jobs of the plane and how often they run.
func (p *Plane) Jobs() (map[string]service.JobHandler, map[string]time.Duration) {
	return map[string]service.JobHandler{JobClean: p.clean}, map[string]time.Duration{JobClean: time.Hour}
}

func (p *Plane) clean(ctx context.Context, _ service.Run) error {
	before := p.c.Clock().Add(-time.Hour)
	return errors.Join(p.cleanKind(ctx, service.KindChallenge, before), p.cleanKind(ctx, service.KindExchange, before))
}

// cleanKind removes what ended before a time.
func (p *Plane) cleanKind(ctx context.Context, k service.Kind, before time.Time) error {
	var scopes []service.Scope
	err := p.c.Store.View(ctx, func(tx service.Tx) (err error) { scopes, err = tx.Scopes(ctx, k); return err })
	if err != nil {
		return err
	}
	for _, s := range scopes {
		page := service.Page{Limit: service.MaxLimit}
		for {
			var old []string
			err := p.c.Store.View(ctx, func(tx service.Tx) error {
				old = old[:0]
				list, err := tx.List(ctx, s, k, nil, page)
				for _, r := range list.Items {
					var end struct {
						Until int64 `json:"until"`
					}
					if err := json.Unmarshal(r.Body, &end); err != nil {
						return err
					}
					if time.Unix(end.Until, 0).Before(before) {
						old = append(old, r.ID)
					}
				}
				page.Cursor = list.Next
				return err
			})
			if err != nil {
				return err
			}
			err = p.c.Store.Update(ctx, func(tx service.Tx) error {
				for _, id := range old {
					if err := tx.Delete(ctx, s, k, id); err != nil && !errors.Is(err, service.ErrNotFound) {
						return err
					}
				}
				return nil
			})
			if err != nil || page.Cursor == "" {
				if err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}
