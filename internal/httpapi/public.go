package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

// schemaAge is how long schemas may be kept: one version of a type never changes.
const schemaAge = 24 * time.Hour

// addPublic registers what verifiers fetch.
func (a *api) addPublic() {
	public := operation{Tag: "Published", Public: true}

	o := public
	o.Path, o.ID, o.Summary = "/c/{publicId}/{name}", "getPublicArtifact", "Read a public file of a credential"
	o.Description = "`name` is vc, vc.jwt, pdf, png, svg or evidence. Not there where the issuer keeps it private."
	bytesOf(a, o, artifactTypes, func(c *call) (service.File, []string, error) {
		f, err := a.Public.PublicArtifact(c.ctx, c.id("publicId"), c.id("name"))
		if strings.HasPrefix(f.MediaType, "image/svg") {
			c.w.Header()["Content-Security-Policy"] = []string{"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}
		}
		return c.artifact(f), []string{"public, no-cache"}, err
	})

	o = public
	o.Path, o.Pattern, o.ID, o.Summary = "/status/{list}", "/status/{list...}", "getStatusList", "Read a status list"
	o.Description = "A signed Bitstring Status List credential. It may be kept as long as Cache-Control says."
	bytesOf(a, o, slices.Concat([]string{"application/vc"}, credentialNames, []string{jsonType}), func(c *call) (service.File, []string, error) {
		f, age, err := a.Public.StatusList(c.ctx, c.id("list"))
		return c.named(f, credentialNames), maxAge(age), err
	})

	a.addDIDs(public)

	o = public
	o.Path, o.ID, o.Summary = "/schemas/{id}", "getSchema", "Read the JSON Schema of a version of a credential type"
	o.Description = "One version never changes, so that it may be kept."
	bytesOf(a, o, []string{"application/schema+json", jsonType}, func(c *call) (service.File, []string, error) {
		f, err := a.Public.Schema(c.ctx, c.id("id"))
		return f, maxAge(schemaAge), err
	})
	a.addContexts(public)
}

// Other names by which clients ask for the same JSON.
var (
	credentialNames = []string{"application/vc+ld+json", "application/ld+json"}
	didNames        = []string{"application/did+ld+json", "application/ld+json"}
)

// named gives a file the first of some names that Accept allows, where it allows neither
// the file's own nor that of JSON.
func (c *call) named(f service.File, names []string) service.File {
	header := c.r.Header["Accept"]
	if f.MediaType == "" || accepts(header, f.MediaType) || accepts(header, jsonType) {
		return f
	}
	for _, name := range names {
		if accepts(header, name) {
			f.MediaType = name
			break
		}
	}
	return f
}

// addDIDs registers where did:web looks for DID documents, and the key sets beside them.
func (a *api) addDIDs(public operation) {
	for _, d := range []struct{ path, id, under string }{
		{"/.well-known/did.json", "getOwnDIDDocument", ""},
		{"/i/{id}/did.json", "getDIDDocument", "i"},
	} {
		o := public
		o.Path, o.ID, o.Summary = d.path, d.id, "Read a DID document"
		o.Description = "What `did:web` resolves to, with the keys of the issuer that are in force."
		bytesOf(a, o, slices.Concat([]string{"application/did+json"}, didNames, []string{jsonType}), func(c *call) (service.File, []string, error) {
			f, err := a.Public.DIDDocument(c.ctx, didPath(d.under, c))
			return c.named(f, didNames), maxAge(a.PublicAge), err
		})
		o.Path, o.ID, o.Summary = strings.TrimSuffix(d.path, "did.json")+"jwks.json", strings.Replace(d.id, "DIDDocument", "JWKS", 1), "Read public keys as a JWK Set"
		o.Description = "The keys of the DID document beside it, for libraries of JOSE."
		bytesOf(a, o, []string{"application/jwk-set+json", jsonType}, func(c *call) (service.File, []string, error) {
			f, err := a.Public.JWKS(c.ctx, didPath(d.under, c))
			return f, maxAge(a.PublicAge), err
		})
	}
}

func didPath(under string, c *call) string {
	if under == "" {
		return ""
	}
	return under + "/" + c.id("id")
}

// addOperations registers what the operator and tools ask for.
func (a *api) addOperations() {
	plain := func(text string) []reply {
		return []reply{{Status: http.StatusOK, Description: text, Content: []content{{Type: "text/plain; charset=utf-8", Schema: &huma.Schema{Type: "string"}, Example: "ok\n"}}}}
	}
	write := func(c *call, s string) error {
		c.w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
		c.w.WriteHeader(http.StatusOK)
		c.w.Write([]byte(s))
		return nil
	}
	o := operation{Method: http.MethodGet, Tag: "Operation", Public: true, Unlimited: true}
	o.Path, o.ID, o.Summary, o.Out = "/livez", "getLive", "Whether the process answers", plain("it does")
	o.Description = "Asks nothing of anybody: neither database nor files."
	o.Run = func(c *call) error { return write(c, "ok\n") }
	a.add(o)
	o.Path, o.ID, o.Summary, o.Out = "/readyz", "getReady", "Whether requests can be served", plain("they can; else 503")
	o.Description = "503 where database, files or the signer do not answer, and once the process has been asked to end."
	o.Run = func(c *call) error {
		for name, check := range a.Ready {
			if err := check(c.ctx); err != nil {
				return &service.Error{Code: service.CodeUnavailable, Detail: "not ready: " + name, Err: err}
			}
		}
		return write(c, "ok\n")
	}
	a.add(o)
	if a.ServeMetrics && a.Metrics != nil {
		h := MetricsHandler(a.Metrics)
		o.Path, o.ID, o.Summary = "/metrics", "getMetrics", "Metrics in Prometheus' text format"
		o.Description = "For the operator; off unless the configuration says so."
		o.Out = plain("metrics")
		o.Run = func(c *call) error { h.ServeHTTP(c.w, c.r); return nil }
		a.add(o)
	}
	o = operation{Method: http.MethodGet, Tag: "Operation", Public: true, Path: "/openapi.json", ID: "getOpenAPI", Summary: "This document", Description: "OpenAPI 3.1, for programs; people read it at `/docs`."}
	bytesOf(a, o, []string{"application/vnd.oai.openapi+json", jsonType}, func(c *call) (service.File, []string, error) {
		f := a.openAPI
		if !accepts(c.r.Header["Accept"], f.MediaType) {
			f.MediaType = jsonType
		}
		return f, maxAge(a.PublicAge), nil
	})
	a.addReference()
}
