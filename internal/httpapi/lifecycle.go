package httpapi

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

// Reason says why a state changes. It stays with the tenant: the page shows the notice
// and the date only.
type Reason struct {
	Reason string `json:"reason,omitempty"`
}

// Expiry sets the end of a credential.
type Expiry struct {
	ValidUntil *time.Time `json:"validUntil" doc:"null: for ever"`
}

func credentialFilters() []*huma.Param {
	return []*huma.Param{
		query("type", "id or key of the type", nil),
		queryEnum("state", "state of the credential", states...),
		query("recipientEmail", "the whole address", nil),
		query("recipientName", "beginning of the name", nil),
		query("batchId", "of the batch it was issued in", nil),
		queryTime("issuedAfter", "issued at or after this instant"),
		queryTime("issuedBefore", "issued before this instant"),
		queryEnum("sort", "-issuedAt (the default): newest first", "issuedAt", "-issuedAt"),
		{Name: "claim.{key}", In: "query", Description: "value of a claim, whole; `{key}` stands for the claim's key", Schema: &huma.Schema{Type: "string"}},
	}
}

// addLifecycle registers what changes the state of a credential.
func (a *api) addLifecycle() {
	type result = service.Result[service.Credential]
	action := func(name, id string, scope service.Permission, summary, description string) operation {
		return operation{Path: "/v1/credentials/{id}/" + name, ID: id, Tag: "Credentials", Scope: scope, Summary: summary, Description: description}
	}
	plain := func(f func(*call, string, service.Idempotency) (result, error)) func(*call, none) (result, error) {
		return func(c *call, _ none) (result, error) {
			r, err := f(c, c.id("id"), c.idempotency())
			return filledResult(r), err
		}
	}
	reasoned := func(f func(*call, string, string, service.Idempotency) (result, error)) func(*call, Reason) (result, error) {
		return func(c *call, in Reason) (result, error) {
			r, err := f(c, c.id("id"), in.Reason, c.idempotency())
			return filledResult(r), err
		}
	}
	act(a, action("publish", "publishCredential", service.MayIssue, "Publish a draft", "Signs, renders, opens the page and mails the recipient, as the draft says."),
		none{}, exampleCredential, plain(func(c *call, id string, i service.Idempotency) (result, error) {
			return a.Credentials.Publish(c.ctx, c.caller, id, i)
		}))
	// A reason need not be given, nor a body then.
	reason := func(name, id, summary, description string) operation {
		o := action(name, id, service.MayStatus, summary, description)
		o.Optional = true
		return o
	}
	act(a, reason("revoke", "revokeCredential", "Revoke a credential", "One-way. Answers when the new status list is published. The same reason again is 200, another one 409. The page stays and says so."),
		Reason{"Issued with incorrect recipient details"}, revokedExample(), reasoned(func(c *call, id, reason string, i service.Idempotency) (result, error) {
			return a.Credentials.Revoke(c.ctx, c.caller, id, reason, i)
		}))
	act(a, reason("suspend", "suspendCredential", "Suspend a credential", "Until it is reinstated. Answers when the new status list is published."),
		Reason{"Under investigation"}, exampleCredential, reasoned(func(c *call, id, reason string, i service.Idempotency) (result, error) {
			return a.Credentials.Suspend(c.ctx, c.caller, id, reason, i)
		}))
	act(a, reason("reinstate", "reinstateCredential", "Reinstate a suspended credential", "Answers when the new status list is published."),
		Reason{"Investigation closed"}, exampleCredential, reasoned(func(c *call, id, reason string, i service.Idempotency) (result, error) {
			return a.Credentials.Reinstate(c.ctx, c.caller, id, reason, i)
		}))
	act(a, action("expiry", "setExpiry", service.MayIssue, "Set the end of a credential", "A draft is changed. An issued credential is signed again as a new version under the same public id, and the status entry of the version before is set. That needs the scope `status`, too."),
		Expiry{at("2028-05-10T08:00:00Z")}, exampleCredential, func(c *call, in Expiry) (result, error) {
			if len(c.body) == 0 || c.doc.Len(0) == 0 {
				return result{}, &service.Error{Code: service.CodeValidation, Detail: "validUntil is required", Fields: map[string][]string{"validUntil": {"is required; null: for ever"}}}
			}
			r, err := a.Credentials.SetExpiry(c.ctx, c.caller, c.id("id"), in.ValidUntil, c.idempotency())
			return filledResult(r), err
		})
	o := action("supersede", "supersedeCredential", service.MayIssue, "Issue a credential in place of another", "The other one is superseded: its status entry is set and its page leads to the new one. Needs the scope `status`, too.")
	o.MaxBody = a.MaxBody
	next, made := exampleNewCredential, exampleCredential
	next.ID, made.ID = "CX-CLIENT-0001-2", "CX-CLIENT-0001-2"
	create(a, o, next, made, func(c *call, in service.NewCredential) (result, error) {
		r, err := a.Credentials.Supersede(c.ctx, c.caller, c.id("id"), in, c.idempotency())
		return filledResult(r), err
	}, a.credentialAt)
	act(a, action("send", "sendCredential", service.MayIssue, "Mail the recipient (again)", ""),
		none{}, exampleCredential, plain(func(c *call, id string, i service.Idempotency) (result, error) {
			return a.Credentials.Send(c.ctx, c.caller, id, i)
		}))
}
