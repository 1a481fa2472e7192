package httpapi

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/chancery-dev/chancery/internal/service"
)

// api is the handler that New makes.
type api struct {
	Config
	mux       *http.ServeMux
	direct    map[endpoint]*operation // those whose path has no parts that vary
	huma      huma.API
	registry  huma.Registry
	inputs    []*huma.Schema // of bodies
	origins   map[string]bool
	keys      *limiter // by key
	addresses *limiter // by address, where no key is needed
	guesses   *limiter // by address, of bad keys
	known     *known   // tokens that were good before
	running   running
	metrics   *metrics
	date      dates
	openAPI   service.File // of /openapi.json
	reference service.File // of /docs
}

// New returns the handler of everything that is configured.
func New(c Config) (http.Handler, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	a := &api{
		Config:    c,
		mux:       http.NewServeMux(),
		direct:    map[endpoint]*operation{},
		origins:   map[string]bool{},
		keys:      newLimiter("key", c.KeyRate),
		addresses: newLimiter("address", c.AddressRate),
		guesses:   newLimiter("address", c.AddressRate),
		known:     newKnown(),
		running:   running{wait: runningWait, ends: map[runningKey]chan struct{}{}},
	}
	for _, o := range c.Origins {
		a.origins[strings.ToLower(strings.TrimSuffix(o, "/"))] = true
	}
	if a.metrics, err = newMetrics(c.Metrics); err != nil {
		return nil, err
	}
	a.huma = NewAPI(a.mux, "Chancery", c.Version)
	a.registry = a.huma.OpenAPI().Components.Schemas
	a.describe()
	a.addAll()
	if plane, ok := c.VCALM.(described); ok {
		plane.Describe(a.huma.OpenAPI())
	}
	if c.VCALM != nil {
		a.VCALM = bounded{a, c.VCALM}
	}
	a.finish()
	return a, a.publish()
}

// described is a mounted handler that adds its operations to the OpenAPI document, with
// schemas of names of their own. Its problems are Problem, in the same responses.
type described interface {
	Describe(doc *huma.OpenAPI)
}

// bounded gives the work of a mounted handler the time that operations have.
type bounded struct {
	a *api
	h http.Handler
}

// ServeHTTP implements http.Handler.
func (b bounded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := withDeadline(r.Context(), b.a.Clock, b.a.Clock().Add(b.a.Timeout))
	defer ctx.end()
	b.h.ServeHTTP(w, r.WithContext(ctx))
}

func unwrap(hc huma.Context) (*http.Request, http.ResponseWriter) { return humago.Unwrap(hc) }

// addAll registers the operations of every use case that is there.
func (a *api) addAll() {
	for _, part := range []struct {
		there bool
		add   func()
	}{
		{a.Keys != nil, a.addKeys},
		{a.Issuers != nil, a.addIssuers},
		{a.Types != nil, a.addTypes},
		{a.Credentials != nil, a.addCredentials},
		{a.Credentials != nil, a.addLifecycle},
		{a.Batches != nil, a.addBatches},
		{a.Verifying != nil, a.addVerifying},
		{a.Documents != nil, a.addDocuments},
		{a.Documents != nil, a.addInvitations},
		{a.Stamps != nil, a.addStamps},
		{a.Webhooks != nil, a.addWebhooks},
		{a.Portfolios != nil, a.addPortfolios},
		{a.Registry != nil, a.addRegistry},
		{a.Public != nil, a.addPublic},
		{a.Public != nil, a.addPictures},
		{true, a.addOperations},
	} {
		if part.there {
			part.add()
		}
	}
}
