package vcalm

import (
	"context"
	"net/url"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// Protocols are the ways to go on that an interaction URL offers.
type Protocols struct {
	Protocols struct {
		VCAPI  string `json:"vcapi"`
		Invite string `json:"inviteRequest"`
	} `json:"protocols"`
}

func (p *Plane) protocolsOf(url string) (out Protocols) {
	out.Protocols.VCAPI = url
	out.Protocols.Invite = url + "/invite-request/response"
	return out
}

// Protocols tells the protocols of an exchange (VCALM 1.0, 3.6.4).
func (p *Plane) Protocols(ctx context.Context, a Address) (Protocols, error) {
	e, _, err := p.at(ctx, a)
	if err != nil {
		return Protocols{}, err
	}
	return p.protocolsOf(p.exchangeURL(e.Instance, e.workflow(), a.ID)), nil
}

// Interaction answers an interaction URL (VCALM 1.0, 3.7): of an exchange by its id, or of
// a public credential by its public id, for which an exchange is begun.
func (p *Plane) Interaction(ctx context.Context, id string) (Protocols, error) {
	e, _, err := p.find(ctx, id)
	if service.IsNotFound(err) && p.c.Credentials != nil {
		s, issuer, file, err := p.c.Credentials.Deliverable(ctx, service.Scope{}, id)
		if err != nil {
			return Protocols{}, err
		}
		in := &Instance{Name: issuer, Scope: s, Issuer: issuer}
		made, err := p.addExchange(ctx, in, exchange{Workflow: WorkflowClaim, Credential: file.Name}, time.Time{}, service.Idempotency{}, nil)
		return p.protocolsOf(p.exchangeURL(issuer, WorkflowClaim, made.Value)), err
	}
	if err != nil {
		return Protocols{}, err
	}
	return p.protocolsOf(p.exchangeURL(e.Instance, e.workflow(), id)), nil
}

// InteractionPage is what a page at an interaction URL shows to people.
type InteractionPage struct {
	// Credential is the address of the page of the credential that is offered, "" where it
	// has none.
	Credential string
}

// InteractionPage answers an interaction URL that a person opened. It begins nothing.
func (p *Plane) InteractionPage(ctx context.Context, id string) (InteractionPage, error) {
	_, _, err := p.find(ctx, id)
	if service.IsNotFound(err) && p.c.Credentials != nil {
		_, _, _, err := p.c.Credentials.Deliverable(ctx, service.Scope{}, id)
		return InteractionPage{Credential: p.c.BaseURL + "/c/" + id}, err
	}
	return InteractionPage{}, err
}

// InviteResponse is a wallet's answer to an invitation.
type InviteResponse struct {
	URL       string `json:"url"` // at which it wants to go on
	Purpose   string `json:"purpose"`
	Reference string `json:"referenceId"`
}

// Invited takes a wallet's answer to an invitation (VCALM 1.0, 3.7.5) for the coordinator to
// read. It is not followed.
func (p *Plane) Invited(ctx context.Context, a Address, in InviteResponse) error {
	_, s, err := p.at(ctx, a)
	if err != nil {
		return err
	}
	if !httpsURL(in.URL) {
		return badRequest("url: expected an https URL")
	}
	return p.step(ctx, s, a.ID, "", func(e *exchange) { e.Invite, e.Purpose, e.Reference = in.URL, in.Purpose, in.Reference })
}

func httpsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && len(s) <= 2048
}
