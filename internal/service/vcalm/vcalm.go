// Package vcalm is the W3C plane of the service: Verifiable Credential API for Lifecycle
// Management 1.0 (VCALM), one Instance for each issuer. It holds what the operations do;
// package httpapi/vcalm holds their paths and bodies.
//
// Where VCALM contradicts itself, the schema components and the test suites are followed:
// a verification answers {verified, credential, problemDetails, results} and nothing more.
// verified speaks of cryptography, data model and contexts; status and validity are
// warnings. The stricter verdict of this engine is the one of service.Verifying.
package vcalm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// Core is what the plane needs of the service's core.
type Core interface {
	// SigningKey returns the current key of an issuer and its DID.
	SigningKey(ctx context.Context, s service.Scope, issuer string) (key signer.Key, did string, err error)
	// TakeStatus takes a status index that was never given out and returns the text of the
	// credentialStatus member that names it.
	TakeStatus(ctx context.Context, s service.Scope, issuer string) (service.StatusPlace, error)
	// SetStatus sets a bit and publishes the list, in one transaction.
	SetStatus(ctx context.Context, tx service.Tx, s service.Scope, place service.StatusPlace, purpose string, value bool) error
	// StatusChanged is called after that transaction.
	StatusChanged()
	// CountLive counts credentials against the quota of a scope, in the transaction that
	// issues them.
	CountLive(ctx context.Context, tx service.Tx, s service.Scope, n int64) error
	// AddStatusList begins a list and publishes it. It returns its URL for the purpose.
	AddStatusList(ctx context.Context, tx service.Tx, s service.Scope, n service.NewStatusList) (url string, published []byte, err error)
	// StatusListAdded is called after that transaction: the issuer's next indices are taken
	// from that list.
	StatusListAdded(s service.Scope, issuer string)
	// StatusListAt returns a published list by the path of its URL, without a slash at its
	// beginning, and how long it may be kept.
	StatusListAt(ctx context.Context, path string) (service.File, time.Duration, error)
}

// Instance is one issuer's set of endpoints.
type Instance struct {
	// Name is in the path: /vc/{name}. Required.
	Name string
	// Scope and Issuer say whose. Required.
	Scope  service.Scope
	Issuer string
	// Suite is the cryptosuite to sign with, Ed25519Signature2020, or vc+jwt. "": the
	// RDFC suite of the key's type.
	Suite string
	// FailureStatus is the HTTP status of a verification that fails, 200 or 400. 0: 200.
	FailureStatus int
	// Open asks for no key. For test installations only.
	Open bool
	// NoStatus issues credentials without status entries.
	NoStatus bool
}

// Directory finds instances.
type Directory interface {
	// Instance finds one of a scope by its name, service.ErrNotFound where there is none.
	Instance(ctx context.Context, s service.Scope, name string) (*Instance, error)
	// Open lists those that are open.
	Open() []*Instance
}

// Config is what a Plane is made of.
type Config struct {
	// Store is required.
	Store service.Store
	// Sealer seals the answers that are kept for Idempotency-Keys. Required.
	Sealer service.Sealer
	// Core is required.
	Core Core
	// Directory is required.
	Directory Directory
	// Verifier judges what is handed in. It should trust any issuer: whom to trust is for
	// the caller of this plane to decide. Required.
	Verifier *verifier.Verifier
	// Credentials hands out issued credentials in exchanges. Required for them.
	Credentials Deliverer
	// BaseURL is the public address, without a slash at the end. Required.
	BaseURL string
	// Clock tells the time. Required.
	Clock func() time.Time
	// Logger is told of faults. Required.
	Logger *slog.Logger
}

// Deliverer finds an issued credential for a wallet.
type Deliverer interface {
	// Deliverable returns the signed credential with that id, or public id where s is zero,
	// the issuer it belongs to, and its scope. Private ones are found by id only.
	Deliverable(ctx context.Context, s service.Scope, id string) (service.Scope, string, service.File, error)
}

// Plane does what the operations of VCALM ask. It is safe for concurrent use.
type Plane struct{ c Config }

// New checks the configuration.
func New(c Config) (*Plane, error) {
	switch {
	case c.Store == nil, c.Sealer == nil, c.Core == nil, c.Directory == nil, c.Verifier == nil, c.Clock == nil, c.Logger == nil:
		return nil, errors.New("vcalm: expected a store, a sealer, a core, a directory, a verifier, a clock and a logger")
	case c.BaseURL == "":
		return nil, errors.New("vcalm: expected a base URL")
	}
	return &Plane{c: c}, nil
}

// Instance finds an instance for a caller: nil where none is known, which open instances
// allow. One of another tenant or environment is not found.
func (p *Plane) Instance(ctx context.Context, name string, caller *service.Caller) (*Instance, error) {
	for _, in := range p.c.Directory.Open() {
		if in.Name != name {
			continue
		}
		if in.Open || caller != nil && caller.Scope == in.Scope {
			return in, nil
		}
		break // with a key of another tenant it is not there
	}
	if caller == nil {
		return nil, &service.Error{Code: service.CodeKey, Detail: "expected a bearer token"}
	}
	in, err := p.c.Directory.Instance(ctx, caller.Scope, name)
	if errors.Is(err, service.ErrNotFound) || err == nil && in.Scope != caller.Scope {
		return nil, service.NotFound("issuer")
	}
	return in, err
}

// Need checks a permission, which open instances do not ask for.
func (in *Instance) Need(caller *service.Caller, m service.Permission) error {
	switch {
	case in.Open:
		return nil
	case caller == nil:
		return &service.Error{Code: service.CodeKey, Detail: "expected a bearer token"}
	}
	return caller.Need(m)
}

// caller is who acts on the instance, for the audit log of the instance's own scope: an open
// one can be called with the key of any tenant.
func (in *Instance) caller(c *service.Caller) service.Caller {
	if c != nil && c.Scope == in.Scope {
		return *c
	}
	return service.Caller{Scope: in.Scope, Actor: "vcalm:" + in.Name}
}

// Listing describes an open instance, for GET /vc.
type Listing struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	DID     string `json:"did"`
	KeyType string `json:"keyType"`
	Suite   string `json:"suite"`
}

// Listings describes the instances of the configuration, and those of a caller: his
// institution's issuers.
// caller is nil for nobody in particular.
func (p *Plane) Listings(ctx context.Context, caller *service.Caller) ([]Listing, error) {
	list := slices.Clone(p.c.Directory.Open())
	if caller != nil {
		if err := caller.Need(service.MayRead); err != nil {
			return nil, err
		}
		own, err := p.own(ctx, caller.Scope)
		if err != nil {
			return nil, err
		}
		list = append(list, own...)
	}
	out := make([]Listing, 0, len(list))
	for _, in := range list {
		key, did, err := p.c.Core.SigningKey(ctx, in.Scope, in.Issuer)
		if err != nil {
			return nil, fmt.Errorf("vcalm: instance %s: %w", in.Name, err)
		}
		out = append(out, Listing{Name: in.Name, URL: p.url(in), DID: did, KeyType: keyType(key), Suite: suiteOf(in, key)})
	}
	return out, nil
}

// own are the issuers of a scope, each of which is an instance.
func (p *Plane) own(ctx context.Context, s service.Scope) (out []*Instance, err error) {
	err = p.c.Store.View(ctx, func(tx service.Tx) error {
		records, err := tx.List(ctx, s, service.KindIssuer, nil, service.Page{Limit: service.MaxLimit})
		out = out[:0]
		for _, r := range records.Items {
			out = append(out, &Instance{Name: r.ID, Scope: s, Issuer: r.ID})
		}
		return err
	})
	return out, err
}

func (p *Plane) url(in *Instance) string { return p.URL("/vc/" + in.Name) }

// URL is the public address of a path of the installation.
func (p *Plane) URL(path string) string { return p.c.BaseURL + path }

// Problem is a problem in VCALM's form.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
}

// BadRequest is a request that VCALM answers with 400 and a problem of its own type.
type BadRequest struct{ Problem Problem }

func (e *BadRequest) Error() string { return "vcalm: " + e.Problem.Title + ": " + e.Problem.Detail }

// The types of problems.
const (
	problemVCALM  = "https://www.w3.org/TR/vcalm#"
	problemVCDM   = "https://www.w3.org/TR/vc-data-model#"
	problemDI     = "https://w3id.org/security#"
	problemStatus = "https://www.w3.org/ns/credentials/status-list#"
)

func badRequest(detail string) error {
	return &BadRequest{Problem{Type: problemVCDM + "MALFORMED_VALUE_ERROR", Title: "MALFORMED_VALUE_ERROR", Detail: detail}}
}

// UnknownOption refuses an option that is not known (VCALM 1.0, 2.4).
func UnknownOption() error {
	return &BadRequest{Problem{Type: problemVCALM + "UNKNOWN_OPTION_PROVIDED", Title: "UNKNOWN_OPTION_PROVIDED", Detail: "options has a member that is not known here"}}
}

// Value is JSON text, kept byte for byte.
type Value = jsontext.Value
