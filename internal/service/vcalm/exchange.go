package vcalm

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// The workflows. They are not configured; each has one step, of its own name.
const (
	// WorkflowClaim: the holder shows who he is by a presentation, and gets the credential
	// that the exchange was made for.
	WorkflowClaim = "claim"
	// WorkflowVerify: the holder presents what its coordinator asks for, who reads in the
	// exchange what came and whether it verifies.
	WorkflowVerify = "verify"
)

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
	Workflow   string `json:"workflow,omitempty"`   // "": claim
	Credential string `json:"credential,omitempty"` // id of the credential that is handed out
	Query      Value  `json:"query,omitzero"`       // what is asked for
	Unsigned   bool   `json:"unsigned,omitempty"`   // a presentation without a proof will do
	Redirect   string `json:"redirect,omitempty"`   // where the holder goes on
	Challenge  string `json:"challenge"`
	State      string `json:"state"` // pending, active, complete
	Until      int64  `json:"until"` // unix seconds
	Holder     string `json:"holder,omitempty"`
	Invite     string `json:"invite,omitempty"` // URL that a wallet answered the invitation with
	Purpose    string `json:"purpose,omitempty"`
	Reference  string `json:"reference,omitempty"`
	// LastError is why the newest presentation was refused.
	LastError *Problem `json:"lastError,omitzero"`
}

func (e exchange) workflow() string {
	if e.Workflow == "" {
		return WorkflowClaim
	}
	return e.Workflow
}

// ExchangeState is what the coordinator of an exchange sees of it: not the challenge, nor
// what is handed out.
type ExchangeState struct {
	ID        string            `json:"id"`
	State     string            `json:"state"`
	Step      string            `json:"step"`
	Expires   time.Time         `json:"expires"`
	Sequence  int               `json:"sequence"`
	LastError *Problem          `json:"lastError,omitzero"`
	Variables ExchangeVariables `json:"variables"`
}

// ExchangeVariables are what an exchange learned, by its steps.
type ExchangeVariables struct {
	Results map[string]StepResults `json:"results"`
}

// StepResults are what a step of an exchange learned.
type StepResults struct {
	// DID is the holder's, who made the proof of the presentation.
	DID string `json:"did,omitempty"`
	// Presentation is as it came, and Verified how it was judged. Of the workflow claim
	// they are not kept.
	Presentation Value `json:"verifiablePresentation,omitzero"`
	Verified     Value `json:"verifyPresentationResults,omitzero"`
	// Queries are the numbers of the queries that it meets, counted from 0.
	Queries []int `json:"satisfiedQueries,omitzero"`
	// Matches are what answers the queries in DCQL among them.
	Matches []DCQLMatch    `json:"dcqlMatches,omitzero"`
	Invite  *InviteResults `json:"inviteRequest,omitzero"`
}

// InviteResults are what an invitation brought.
type InviteResults struct {
	Response InviteResponse `json:"inviteResponse"`
}

// NewExchange asks for an exchange.
type NewExchange struct {
	Workflow string
	// Credential is the id of the issued credential that is handed out, for claim.
	Credential string
	// Request is the verifiable presentation request, for verify: its queries are sent to
	// wallets as they are, and what is presented has to meet them.
	Request Value
	// Unsigned takes a presentation without a proof, for verify: of the credentials in it
	// nobody knows who presents them.
	Unsigned bool
	// Redirect is where the holder goes on afterwards, for verify. "": nowhere.
	Redirect string
	// Expires is when it ends, at most MaxExchangeLife from now. Zero: after ExchangeLife.
	Expires time.Time
	// Idempotency is what a repeated call is known by: it gets the answer of the first.
	Idempotency service.Idempotency
}

// CreateExchange begins an exchange (VCALM 1.0, 3.6.3) and returns its URL.
func (p *Plane) CreateExchange(ctx context.Context, in *Instance, caller *service.Caller, n NewExchange) (service.Result[string], error) {
	var none service.Result[string]
	need := service.MayIssue
	if n.Workflow == WorkflowVerify {
		need = service.MayRead
	}
	if err := in.Need(caller, need); err != nil {
		return none, err
	}
	if n.Workflow != WorkflowVerify && (n.Workflow != WorkflowClaim || p.c.Credentials == nil) {
		return none, service.NotFound("workflow")
	}
	if out, found, err := service.Replayed[string](ctx, p.c.Store, p.c.Clock(), in.Scope, n.Idempotency, p.c.Sealer); err != nil || found {
		out.Value = p.exchangeURL(in.Name, n.Workflow, out.Value)
		return out, err
	}
	if left := n.Expires.Sub(p.c.Clock()); !n.Expires.IsZero() && (left <= 0 || left > MaxExchangeLife) {
		return none, badRequest("expires: expected a time within a day from now")
	}
	e := exchange{Workflow: n.Workflow, Credential: n.Credential, Unsigned: n.Unsigned, Redirect: n.Redirect}
	var err error
	if n.Workflow == WorkflowVerify {
		e.Query, err = p.query(n)
	} else {
		err = p.deliverable(ctx, in, n.Credential)
	}
	if err != nil {
		return none, err
	}
	c := in.caller(caller)
	out, err := p.addExchange(ctx, in, e, n.Expires, n.Idempotency, &c)
	out.Value = p.exchangeURL(in.Name, n.Workflow, out.Value)
	return out, err
}

// deliverable checks that an instance can hand out a credential.
func (p *Plane) deliverable(ctx context.Context, in *Instance, id string) error {
	_, issuer, _, err := p.c.Credentials.Deliverable(ctx, in.Scope, id)
	if service.IsNotFound(err) || err == nil && issuer != in.Issuer {
		return &service.Error{Code: service.CodeValidation, Detail: "variables.credential: expected the id of an issued credential", Fields: map[string][]string{"variables.credential": {"expected the id of an issued credential of this issuer"}}}
	}
	return err
}

// query checks a verifiable presentation request (VCALM 1.0, 3.4.1) and returns its queries
// as a list.
func (p *Plane) query(n NewExchange) (Value, error) {
	const at = "variables.verifiablePresentationRequest"
	doc, err := strictjson.Parse(n.Request, strictjson.Limits{})
	if err != nil || doc.Kind(0) != strictjson.Object || len(n.Request) > maxQuery {
		return nil, badRequest(at + ": expected an object of at most 64 kB")
	}
	for m := doc.First(0); m != strictjson.None; m = doc.Next(m) {
		switch doc.Name(m) {
		case "query":
		case "domain":
			if doc.String(m) != p.domain() {
				return nil, badRequest(at + ".domain: expected to be absent, or " + p.domain())
			}
		default: // the challenge is drawn here, and the place to answer to is here
			return nil, badRequest(at + ": expected no other members than query and domain")
		}
	}
	list, all := doc.Get(0, "query"), Value(nil)
	switch doc.Kind(list) {
	case strictjson.Object:
		all = Value("[" + doc.Raw(list) + "]")
	case strictjson.Array:
		all = Value(doc.Raw(list))
	}
	if all == nil {
		return nil, badRequest(at + ".query: expected 1 to 16 queries")
	}
	queries, err := readQueries(all, at+".query")
	if err != nil {
		return nil, err
	}
	for _, q := range queries {
		if q.kind == queryDIDAuthentication && n.Unsigned {
			return nil, badRequest(at + ".query: expected no DIDAuthentication, which is a proof, where presentations without a proof will do")
		}
		if q.dcql != nil && n.Unsigned && slices.ContainsFunc(q.dcql.credentials, func(c credentialQuery) bool { return c.bound }) {
			return nil, badRequest(at + ".query: expected require_cryptographic_holder_binding to be false where presentations without a proof will do")
		}
	}
	if n.Redirect != "" && !httpsURL(n.Redirect) {
		return nil, badRequest("variables.redirectUrl: expected an https URL")
	}
	return all, nil
}

// addExchange stores an exchange and returns its id. by is who asked for it, nil for nobody
// in particular.
func (p *Plane) addExchange(ctx context.Context, in *Instance, e exchange, expires time.Time, i service.Idempotency, by *service.Caller) (service.Result[string], error) {
	id, now := randomID(), p.c.Clock()
	if expires.IsZero() {
		expires = now.Add(ExchangeLife)
	}
	e.Issuer, e.Instance, e.Challenge, e.State, e.Until = in.Issuer, in.Name, randomID(), "pending", expires.Unix()
	return service.Once(ctx, p.c.Store, now, in.Scope, i, p.c.Sealer, func(tx service.Tx) (service.Result[string], error) {
		err := service.Put(ctx, tx, in.Scope, service.Record{Kind: service.KindExchange, ID: id, Lookup: id, Parent: in.Issuer, Created: now, Updated: now}, e)
		if err == nil && by != nil {
			subject := e.Credential
			if subject == "" {
				subject = in.Issuer
			}
			err = service.WriteAudit(ctx, tx, *by, now, "vcalm.exchange", subject, nil)
		}
		return service.Result[string]{Value: id, Created: true}, err
	})
}

func (p *Plane) exchangeURL(instance, workflow, id string) string {
	return p.c.BaseURL + "/vc/" + instance + "/workflows/" + workflow + "/exchanges/" + id
}

// Address is which exchange a path names.
type Address struct{ Instance, Workflow, ID string }

// at finds the exchange of an address.
func (p *Plane) at(ctx context.Context, a Address) (exchange, service.Scope, error) {
	e, s, err := p.find(ctx, a.ID)
	if err == nil && (e.Instance != a.Instance || e.workflow() != a.Workflow) {
		return exchange{}, s, service.NotFound("exchange")
	}
	return e, s, err
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

// Exchange reads an exchange for its coordinator (VCALM 1.0, 3.6.7).
func (p *Plane) Exchange(ctx context.Context, in *Instance, caller *service.Caller, a Address) (ExchangeState, error) {
	if err := in.Need(caller, service.MayRead); err != nil {
		return ExchangeState{}, err
	}
	e, s, err := p.find(ctx, a.ID)
	if err != nil {
		return ExchangeState{}, err
	}
	if s != in.Scope || e.Issuer != in.Issuer || e.workflow() != a.Workflow {
		return ExchangeState{}, service.NotFound("exchange")
	}
	r := StepResults{DID: e.Holder}
	if e.Invite != "" {
		r.Invite = &InviteResults{InviteResponse{e.Invite, e.Purpose, e.Reference}}
	}
	if e.Workflow == WorkflowVerify && e.State == "complete" {
		if err := p.presented(ctx, s, a.ID, &r); err != nil {
			return ExchangeState{}, err
		}
	}
	steps := map[string]int{"pending": 0, "active": 1, "complete": 2}
	return ExchangeState{
		ID: a.ID, State: e.State, Step: e.workflow(), Expires: time.Unix(e.Until, 0).UTC(), Sequence: steps[e.State], LastError: e.LastError,
		Variables: ExchangeVariables{Results: map[string]StepResults{e.workflow(): r}},
	}, nil
}
