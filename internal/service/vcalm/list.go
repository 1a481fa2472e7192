package vcalm

import (
	"context"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

// NewList asks for a status list.
type NewList struct {
	// Purpose is revocation or suspension.
	Purpose string
	// ID is the URL at which the list is to be published, below the status-lists of the
	// instance, or its last part alone. "": one of our choice.
	ID string
	// Idempotency is what a repeated call is known by: it gets the answer of the first.
	Idempotency service.Idempotency
}

// List is a status list as it is published.
type List struct {
	ID         string `json:"id"` // its URL
	Credential Value  `json:"verifiableCredential"`
}

// maxListName is the longest last part of an id that a caller chooses.
const maxListName = 128

// AddStatusList begins a status list (VCALM 1.0, Create Status List).
func (p *Plane) AddStatusList(ctx context.Context, in *Instance, caller *service.Caller, n NewList) (service.Result[List], error) {
	var none service.Result[List]
	if err := in.Need(caller, service.MayStatus); err != nil {
		return none, err
	}
	if n.Purpose != "revocation" && n.Purpose != "suspension" {
		return none, badRequest("statusPurpose: expected revocation or suspension")
	}
	path, err := p.listPath(in, n.ID)
	if err != nil {
		return none, err
	}
	out, err := service.Once(ctx, p.c.Store, p.c.Clock(), in.Scope, n.Idempotency, p.c.Sealer, func(tx service.Tx) (service.Result[List], error) {
		url, text, err := p.c.Core.AddStatusList(ctx, tx, in.Scope, service.NewStatusList{Issuer: in.Issuer, Purpose: n.Purpose, Path: path})
		if err != nil {
			return none, err
		}
		err = service.WriteAudit(ctx, tx, in.caller(caller), p.c.Clock(), "vcalm.list", in.Issuer, map[string]any{"purpose": n.Purpose})
		return service.Result[List]{Value: List{url, Value(text)}, Created: true}, err
	})
	if err == nil && !out.Replayed {
		p.c.Core.StatusListAdded(in.Scope, in.Issuer)
	}
	return out, err
}

// listPath is where a list with an id of the caller's is published, "" where there is none.
// Lists are at our own address alone: nobody could find one that is said to be elsewhere.
func (p *Plane) listPath(in *Instance, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	name := strings.TrimPrefix(id, p.url(in)+"/status-lists/")
	odd := strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")
	if odd != "" || len(name) > maxListName || strings.Trim(name[:min(1, len(name))], "-._") == "" {
		return "", badRequest("id: expected " + p.url(in) + "/status-lists/ and a name, or the name alone: a letter or digit, then at most 127 letters, digits and -._")
	}
	return listPath(in.Name, name), nil
}

func listPath(instance, name string) string { return "vc/" + instance + "/status-lists/" + name }

// StatusList returns a published list: one with an id that was chosen at an instance, or by
// the last part of its URL.
func (p *Plane) StatusList(ctx context.Context, instance, name string) (service.File, error) {
	f, _, err := p.c.Core.StatusListAt(ctx, listPath(instance, name))
	if service.IsNotFound(err) {
		f, _, err = p.c.Core.StatusListAt(ctx, "status/"+name)
	}
	return f, err
}
