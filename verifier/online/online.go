// Package online fetches what a verification needs and does not find in the document,
// the trust file or the embedded contexts: DID documents of did:web, controller
// documents, key sets, status lists, and the parts of Open Badges 2.0 assertions.
//
// Make a Client with New and put it into verifier.Config as Keys, Status and
// Documents. It fetches and decides nothing: a document that cannot be had makes a
// verification indeterminate.
//
// The addresses come from documents by strangers. Only https is dialled, on the ports
// that the configuration lists; every address that a name resolves to is checked at
// the moment of connecting (so that neither DNS rebinding nor numeric hosts help) and
// must be a public unicast one; there are no redirects, no proxies, no cookies, no
// compressed bodies; bytes and time are bounded.
package online

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/netguard"
	"github.com/chancery-dev/chancery/verifier"
)

// Config says how a Client fetches.
type Config struct {
	// Clock gives the time at which a document was fetched. Required.
	Clock func() time.Time

	// Timeout bounds one fetch, from the look-up of the name to the last byte. Zero:
	// 10 seconds.
	Timeout time.Duration

	// MaxBytes bounds one document. Zero: 4 MB.
	MaxBytes int64

	// Ports are the TCP ports that may be dialled. Nil: 443.
	Ports []int

	// CacheTTL is how long documents other than status lists are kept. Zero: 5 minutes.
	// Negative: not at all.
	CacheTTL time.Duration

	// StatusTTL is how long status lists are kept; a list whose own ttl is shorter
	// counts as too old in between. Zero: 30 seconds. Negative: not at all.
	StatusTTL time.Duration

	// RootCAs verify servers. Nil: those of the system.
	RootCAs *x509.CertPool

	// InsecureAllowLoopback lets loopback addresses on any port be dialled. For tests
	// against servers on this machine.
	InsecureAllowLoopback bool
}

// Client fetches documents. It is safe for concurrent use. It implements
// verifier.KeyResolver, verifier.StatusSource and verifier.DocumentSource.
type Client struct {
	cfg   Config
	http  *http.Client
	cache cache
}

var (
	_ verifier.KeyResolver    = (*Client)(nil)
	_ verifier.StatusSource   = (*Client)(nil)
	_ verifier.DocumentSource = (*Client)(nil)
)

// New makes a Client. It answers an error for a configuration without a clock or with
// impossible bounds.
func New(cfg Config) (*Client, error) {
	if cfg.Clock == nil {
		return nil, verifier.ErrNoClock
	}
	if cfg.Timeout < 0 || cfg.MaxBytes < 0 {
		return nil, errors.New("online: expected bounds of 0 or more")
	}
	def := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	def(&cfg.Timeout, 10*time.Second)
	def(&cfg.CacheTTL, 5*time.Minute)
	def(&cfg.StatusTTL, 30*time.Second)
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 4 << 20
	}
	if cfg.Ports == nil {
		cfg.Ports = []int{443}
	}
	guard := netguard.Guard{Ports: cfg.Ports, InsecureLoopback: cfg.InsecureAllowLoopback}
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            guard.Dialer(cfg.Timeout).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    cfg.Timeout,
		ResponseHeaderTimeout:  cfg.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
	}
	return &Client{cfg: cfg, http: &http.Client{
		Transport:     transport,
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close gives up connections that are kept open.
func (c *Client) Close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// Controller fetches the document of a did:web (did:web method specification, 2.5.2)
// or the controller document at an https URL. Other DIDs are verifier.ErrUnsupported.
func (c *Client) Controller(ctx context.Context, id string) (verifier.Document, error) {
	address := id
	if strings.HasPrefix(id, "did:") {
		if !strings.HasPrefix(id, "did:web:") {
			return verifier.Document{}, verifier.ErrUnsupported
		}
		var err error
		if address, err = did.WebURL(id); err != nil {
			return verifier.Document{}, fmt.Errorf("%w: %w", verifier.ErrUnreachable, err)
		}
	}
	return c.get(ctx, address, "application/did+ld+json, application/did+json, application/cid, application/json", c.cfg.CacheTTL)
}

// JWKS fetches the key set of an authority (host, or host and port).
func (c *Client) JWKS(ctx context.Context, authority string) (verifier.Document, error) {
	return c.get(ctx, "https://"+authority+"/.well-known/jwks.json", "application/jwk-set+json, application/json", c.cfg.CacheTTL)
}

// StatusList fetches a status list.
func (c *Client) StatusList(ctx context.Context, address string) (verifier.Document, error) {
	return c.get(ctx, address, "application/vc, application/vc+jwt, application/vc+ld+json, application/json", c.cfg.StatusTTL)
}

// Document fetches another document.
func (c *Client) Document(ctx context.Context, address string) (verifier.Document, error) {
	return c.get(ctx, address, "application/ld+json, application/schema+json, application/json", c.cfg.CacheTTL)
}

func (c *Client) get(ctx context.Context, address, accept string, ttl time.Duration) (verifier.Document, error) {
	if c.http == nil { // New did not make it
		return verifier.Document{}, fmt.Errorf("%w: %w", verifier.ErrUnreachable, verifier.ErrNoClock)
	}
	if err := ctx.Err(); err != nil {
		return verifier.Document{}, fmt.Errorf("%w: %w", verifier.ErrUnreachable, err)
	}
	u, err := c.check(address)
	if err != nil {
		return verifier.Document{}, err
	}
	// What was fetched as something else may be kept for longer, and be another form of it.
	return c.cache.do(ctx, accept+" "+u.String(), c.cfg.Clock, ttl, func() (verifier.Document, error) {
		return c.fetch(ctx, u, accept)
	})
}

// check refuses addresses that are not dialled whatever they resolve to.
func (c *Client) check(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: expected a URL", verifier.ErrUnreachable)
	case u.Scheme != "https":
		return nil, fmt.Errorf("%w: expected https, found the scheme %q", verifier.ErrUnreachable, u.Scheme)
	case u.User != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, fmt.Errorf("%w: expected a host and no user", verifier.ErrUnreachable)
	}
	port := 443
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, fmt.Errorf("%w: expected a port number", verifier.ErrUnreachable)
		}
	}
	if !slices.Contains(c.cfg.Ports, port) && !c.cfg.InsecureAllowLoopback {
		return nil, fmt.Errorf("%w: expected one of the ports %v, found %d", verifier.ErrUnreachable, c.cfg.Ports, port)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

func (c *Client) fetch(ctx context.Context, u *url.URL, accept string) (verifier.Document, error) {
	down := func(format string, args ...any) (verifier.Document, error) {
		return verifier.Document{}, fmt.Errorf("%w: "+format, append([]any{verifier.ErrUnreachable}, args...)...)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return down("%w", err)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "chancery")
	res, err := c.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the address, which may be personal
		}
		return down("%w", err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusGone:
		return verifier.Document{}, verifier.ErrGone
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return down("the server redirects, which is not followed")
	case res.StatusCode != http.StatusOK:
		return down("the server answers %d", res.StatusCode)
	case res.Header.Get("Content-Encoding") != "" && !strings.EqualFold(res.Header.Get("Content-Encoding"), "identity"):
		return down("expected a body that is not compressed")
	case res.ContentLength > c.cfg.MaxBytes:
		return down("expected at most %d bytes", c.cfg.MaxBytes)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, c.cfg.MaxBytes+1))
	switch {
	case err != nil:
		return down("the answer broke off")
	case int64(len(body)) > c.cfg.MaxBytes:
		return down("expected at most %d bytes", c.cfg.MaxBytes)
	}
	return verifier.Document{URL: u.String(), MediaType: res.Header.Get("Content-Type"), Bytes: body, FetchedAt: c.cfg.Clock()}, nil
}
