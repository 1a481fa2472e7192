package service

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
	vpades "github.com/chancery-dev/chancery/verifier/pades"
)

// Config is what a Service is made of.
type Config struct {
	// Store keeps everything but files. Required.
	Store Store
	// Blobs keep files. Required.
	Blobs Blobs
	// Sealer encrypts secrets at rest. Required.
	Sealer Sealer
	// Clock tells the time. Required.
	Clock func() time.Time
	// BaseURL is the address under which the service is public: https, or http on a
	// loopback address; a path is allowed. Required. DIDs, ids of credentials and status
	// lists begin with it: it must not change while credentials are to be verified.
	BaseURL string

	// Stamper anchors. Nil: anchoring is refused.
	Stamper Stamper
	// Mailer sends mail to recipients. Nil: asking for it is refused.
	Mailer Mailer
	// Quota limits live credentials. Nil: no limit.
	Quota Quota
	// KeyProvider opens keys held elsewhere. Nil: only keys that are sealed in the store.
	KeyProvider KeyProvider

	// TSA timestamps the seals of PDFs, Revocation finds what a seal of level B-LT needs.
	// Nil: seals of level B-B; with a TSA B-T, with both and certificates that name an
	// authority B-LTA.
	TSA        pades.Timestamper
	Revocation pades.RevocationSource
	// TSARoots are the certificates at which the TSA's timestamps end. Nil: they are judged by Trust
	// alone.
	TSARoots []*x509.Certificate

	// Trust says which issuers outside of this installation are believed, and which roots,
	// chains and timestamping authorities. Nil: none but the issuers kept here.
	Trust *verifier.Trust
	// Online finds documents of issuers outside. Nil: nothing is fetched.
	Online Online
	// SignerRevocation answers for certificates of PDF signers and of timestamping authorities.
	// Nil: what the file holds.
	SignerRevocation vpades.RevocationSource

	// Environments are those that are offered: keys of others are not valid, and none are
	// made. Nil: both. What was published in another stays published.
	Environments []Environment
	// FontDirs hold fonts for scripts beyond Latin, Greek and Cyrillic. Nil: none.
	FontDirs []string
	// Limits are told to callers (GET /v1/me). They are enforced above.
	Limits Limits
	// NoVerificationLog keeps no verification log for anyone. False: it is kept, unless a
	// tenant has switched it off.
	NoVerificationLog bool
	// KeepVerifications is how long its lines are kept. 0: for ever.
	KeepVerifications time.Duration
	// Logger is told of faults. Nil: nothing is logged.
	Logger *slog.Logger
}

// Online fetches documents for verifications, such as verifier/online.Client does.
type Online interface {
	verifier.KeyResolver
	verifier.StatusSource
	verifier.DocumentSource
}

// Service holds the use cases of the core: it implements Keys, Issuers, Types,
// Credentials, Verifying and Public. It is safe for concurrent use. Jobs are its part of
// the work that is done later, and Run writes its verification log.
type Service struct {
	c       Config
	baseURL string // without a slash at the end
	log     *slog.Logger
	render  *layout.Renderer

	installed atomic.Pointer[installation]
	installMu sync.Mutex

	keys    keyCache
	types   typeCache
	signers signerCache
	lists   listCache
	trust   trustCache
	verlog  verificationLog
	seen    lastUsed
	mailing Turns // of institutions

	discarded discarded
}

var (
	_ Keys        = (*Service)(nil)
	_ Issuers     = (*Service)(nil)
	_ Types       = (*Service)(nil)
	_ Credentials = (*Service)(nil)
	_ Verifying   = (*Service)(nil)
	_ Public      = (*Service)(nil)
)

// New checks the configuration. It reads and writes nothing.
func New(c Config) (*Service, error) {
	switch {
	case c.Store == nil, c.Blobs == nil, c.Sealer == nil, c.Clock == nil:
		return nil, errors.New("service: expected a store, blobs, a sealer and a clock")
	}
	base, err := checkBaseURL(c.BaseURL)
	if err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	render, err := layout.New(layout.Config{FontDirs: c.FontDirs})
	if err != nil {
		return nil, fmt.Errorf("service: fonts: %w", err)
	}
	s := &Service{c: c, baseURL: base, log: c.Logger, render: render}
	s.keys.init()
	s.types.init()
	s.signers.init()
	s.lists.init()
	s.verlog.init()
	s.seen.init()
	if err := s.trust.init(s); err != nil {
		return nil, err
	}
	return s, nil
}

// checkBaseURL returns the address without a slash at the end.
func checkBaseURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("service: expected a base URL of scheme, host and path")
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return "", errors.New("service: expected a base URL with https, or with http on a loopback address")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func loopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// BaseURL is the public address, without a slash at the end.
func (s *Service) BaseURL() string { return s.baseURL }

func (s *Service) now() time.Time { return s.c.Clock().UTC().Truncate(time.Microsecond) }

// view runs f on a state that does not change.
func (s *Service) view(ctx context.Context, f func(Tx) error) error { return s.c.Store.View(ctx, f) }

// update runs f until it meets no other change, three times at most.
func (s *Service) update(ctx context.Context, f func(Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := s.c.Store.Update(ctx, f)
		if attempt < 3 && errors.Is(err, ErrConflict) {
			continue
		}
		return err
	}
}
