package httpapi

import (
	"github.com/chancery-dev/chancery/internal/service"
)

func (a *api) addIssuers() {
	issuers := operation{Path: "/v1/issuers", Tag: "Issuers"}
	at := func(c *call, i service.Issuer) string { return a.location("/v1/issuers", i.ID) }

	o := issuers
	o.ID, o.Scope, o.Summary = "createIssuer", service.MayKeys, "Register an issuer"
	o.Description = "Makes a DID and its first key. Each environment has issuers of its own."
	create(a, o, exampleNewIssuer, exampleIssuer, func(c *call, in service.NewIssuer) (service.Result[service.Issuer], error) {
		return a.Issuers.CreateIssuer(c.ctx, c.caller, in, c.idempotency())
	}, at)
	o = issuers
	o.ID, o.Scope, o.Summary = "listIssuers", service.MayRead, "List issuers"
	listing(a, o, exampleIssuer, func(c *call, p service.Page) (service.List[service.Issuer], error) {
		return a.Issuers.ListIssuers(c.ctx, c.caller, p)
	})
	o = issuers
	o.Path, o.ID, o.Scope, o.Summary = "/v1/issuers/{id}", "getIssuer", service.MayRead, "Read an issuer with the history of its keys"
	get(a, o, exampleIssuer, func(c *call) (service.Issuer, error) { return a.Issuers.GetIssuer(c.ctx, c.caller, c.id("id")) })
	o = issuers
	o.Path, o.ID, o.Scope, o.Summary = "/v1/issuers/{id}/keys", "rotateIssuerKey", service.MayKeys, "Give an issuer a new key"
	o.Description = "The old key stays published with the end of its use, so that what it signed still verifies, unless it is `compromised`. With `compromised` and the `key` of before nothing new is made: that key is no longer believed. What is `compromised` ends all that the key signed: say so with a key that has the scope `status`, too."
	o.Optional = true
	create(a, o, service.RotateKey{KeyType: "Ed25519"}, exampleIssuer, func(c *call, in service.RotateKey) (service.Result[service.Issuer], error) {
		return a.Issuers.RotateKey(c.ctx, c.caller, c.id("id"), in, c.idempotency())
	}, at)
}
