package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/service"
)

// Config says what is served, and how. A use case that is nil has no routes.
type Config struct {
	Keys        service.Keys
	Issuers     service.Issuers
	Types       service.Types
	Credentials service.Credentials
	Verifying   service.Verifying
	Public      service.Public
	Batches     service.Batches
	Stamps      service.Stamps
	Documents   service.Documents
	Webhooks    service.Webhooks
	Portfolios  service.Portfolios
	Registry    service.Registry

	// BaseURL is where the world finds this installation, such as https://chancery.example;
	// a path is allowed where a proxy takes it off again. The Host header is never
	// believed. Required.
	BaseURL string
	// Version is that of the program, for the OpenAPI document. "": 0.
	Version string
	// Clock tells the time. Required.
	Clock func() time.Time
	// Logger gets one line for each request, without personal data. nil: nothing is logged.
	Logger *slog.Logger
	// Metrics is where metrics are registered. nil: none are kept.
	Metrics *prometheus.Registry
	// ServeMetrics has /metrics answered by this handler, for everybody that reaches it.
	// Otherwise use MetricsHandler on another listener.
	ServeMetrics bool

	// KeyRate bounds each API key or token. The zero value does not.
	KeyRate Rate
	// AddressRate bounds each address (of IPv6: each /64) on what needs no key, and
	// attempts with bad keys. The zero value does not.
	AddressRate Rate
	// Trusted are the networks of reverse proxies whose X-Forwarded-For is believed. None:
	// the address is that of the connection.
	Trusted []netip.Prefix
	// ProxyOnly refuses requests in the clear that come neither from Trusted nor from this
	// machine, but for probes: keys must not travel without TLS.
	ProxyOnly bool
	// Origins are those whose scripts may call the product and W3C planes, such as
	// https://portal.example. None: no script may.
	Origins []string

	// MaxBody is the limit of bodies in bytes. 0: 10 MB.
	MaxBody int64
	// MaxBatch is the limit of a batch's body, which is kept in a file. 0: 256 MB.
	MaxBatch int64
	// TempDir is where the bodies of large batches are kept while they are read. "": the
	// system's.
	TempDir string
	// Timeout bounds the work on a request that does not stream. 0: 30 seconds.
	Timeout time.Duration
	// PublicAge is how long DID documents and key sets may be cached. 0: 5 minutes.
	PublicAge time.Duration

	// OIDC takes tokens of other issuers. nil: none.
	OIDC OIDC
	// Web answers what no operation does: the pages. nil: 404.
	Web http.Handler
	// VCALM answers /vc, /vc/… and /interactions/…; with a method Describe(*huma.OpenAPI) it
	// adds its operations to the document. nil: 404.
	VCALM http.Handler
	// Ready are checks by name that /readyz makes. Their errors are logged, not shown.
	Ready map[string]func(context.Context) error
}

// OIDC finds the callers of tokens that another issuer has given out.
type OIDC interface {
	// Handles reports whether a token says that it is of an issuer known here.
	Handles(token string) bool
	// Authenticate checks it. Any fault of it is service.CodeKey or service.CodeTokenExpired;
	// where its issuer's keys cannot be had, service.CodeUnavailable.
	Authenticate(ctx context.Context, token string) (service.Caller, error)
}

const (
	defaultMaxBody  = limits.DocumentBytes
	defaultMaxBatch = 256_000_000
	smallBody       = 1_000_000 // of operations that take a few members
	maxFiles        = 64        // files of one upload
	maxParameters   = 64        // in a query
)

func (c Config) checked() (Config, error) {
	u, err := url.Parse(c.BaseURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return c, errors.New("httpapi: BaseURL: expected a scheme and a host, such as https://chancery.example")
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Clock == nil {
		return c, errors.New("httpapi: expected a clock")
	}
	if c.Keys == nil && (c.Issuers != nil || c.Types != nil || c.Credentials != nil || c.Batches != nil || c.Stamps != nil || c.Documents != nil || c.Webhooks != nil || c.Portfolios != nil || c.Registry != nil) {
		return c, errors.New("httpapi: expected Keys, to tell who calls")
	}
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.TrimSuffix(o, "/") != u.Scheme+"://"+u.Host {
			return c, fmt.Errorf("httpapi: expected an origin such as https://portal.example, found %q", o)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "0"
	}
	c.MaxBody = orDefault(c.MaxBody, defaultMaxBody)
	c.MaxBatch = orDefault(c.MaxBatch, defaultMaxBatch)
	c.Timeout = orDefault(c.Timeout, 30*time.Second)
	c.PublicAge = orDefault(c.PublicAge, 5*time.Minute)
	return c, nil
}

func orDefault[T int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
