package httpapi

import (
	"context"

	"github.com/chancery-dev/chancery/internal/service"
)

// contexts is what a service.Public may have besides: the JSON-LD contexts that
// verifications go by.
type contexts interface {
	Contexts(ctx context.Context) (service.File, error)
	Context(ctx context.Context, digest string) (service.File, error)
}

// addContexts registers where JSON-LD contexts are found.
func (a *api) addContexts(public operation) {
	source, ok := a.Public.(contexts)
	if !ok {
		return
	}
	o := public
	o.Path, o.ID, o.Summary = "/contexts", "listContexts", "List the JSON-LD contexts that are known here"
	o.Description = "Of each version: the URL that credentials name, the SHA-256 of its RFC 8785 form (`jcsSha256`) and of the publisher's own bytes (`sha256`), and where it is found here."
	bytesOf(a, o, []string{jsonType}, func(c *call) (service.File, []string, error) {
		f, err := source.Contexts(c.ctx)
		return f, maxAge(a.PublicAge), err
	})
	o = public
	o.Path, o.ID, o.Summary = "/contexts/{digest}", "getContext", "Read a JSON-LD context"
	o.Description = "`digest` is the SHA-256 of its RFC 8785 form in lower-case hexadecimal; the answer is that form. What is there never changes."
	bytesOf(a, o, []string{"application/ld+json", jsonType}, func(c *call) (service.File, []string, error) {
		f, err := source.Context(c.ctx, c.id("digest"))
		return f, forever, err
	})
}

// forever is for what has its digest for an address.
var forever = []string{"public, max-age=31536000, immutable"}
