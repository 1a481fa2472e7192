// Package serving puts the service together from its parts: for `chancery serve`, which
// reads them from a configuration, and for the tour, which makes them itself.
package serving

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/httpapi"
	vcalmhttp "github.com/chancery-dev/chancery/internal/httpapi/vcalm"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/batch"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/internal/service/hook"
	"github.com/chancery-dev/chancery/internal/service/portfolio"
	"github.com/chancery-dev/chancery/internal/service/register"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/internal/web"
	"github.com/chancery-dev/chancery/internal/web/verify"
	"github.com/chancery-dev/chancery/internal/webhook"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
	vpades "github.com/chancery-dev/chancery/verifier/pades"
)

// Parts are what installations differ in.
type Parts struct {
	Store       service.Store
	Blobs       service.Blobs
	Sealer      service.Sealer
	Mailer      service.Mailer // nil: no mail
	Quota       service.Quota
	KeyProvider service.KeyProvider

	Chain      anchor.Chain           // nil: no chain
	TSA        pades.Timestamper      // nil: no timestamps
	TSARoots   []*x509.Certificate    // at which its timestamps end, for exports
	Revocation pades.RevocationSource // for seals of level B-LT, and of who timestamps batches
	Trust      *verifier.Trust        // nil: only the issuers kept here
	TrustFile  []byte                 // the text of Trust, for the verify page
	Online     *online.Client         // nil: nothing is fetched
	Profile    verifier.Profile       // of the W3C plane
	Instances  []*vcalm.Instance      // open ones of the W3C plane
	FontDirs   []string
	BatchItems int           // closes a batch of stamps; 0: a million
	BatchAge   time.Duration // likewise; 0: an hour
	BatchEvery time.Duration // 0: 15 seconds

	BaseURL           string
	Version           string
	Clock             func() time.Time
	Logger            *slog.Logger
	KeyRate           httpapi.Rate
	AddressRate       httpapi.Rate
	Trusted           []netip.Prefix
	Origins           []string
	OIDC              httpapi.OIDC
	ServeMetrics      bool
	NoVerificationLog bool
	KeepVerifications time.Duration // how long lines of the verification log are kept; 0: for ever
	InsecureLoopback  bool          // webhooks to this machine, for development
	WebhookPorts      []int
	WebhookTimeout    time.Duration
	TempDir           string
	Shutdown          time.Duration // how long requests in flight may take to end; 0: 30 seconds
	RequestTimeout    time.Duration // of what does not stream; 0: 30 seconds

	MaxBody      int64                 // of a request; 0: 10 MB
	Environments []service.Environment // that are offered; nil: both
	ProxyOnly    bool                  // in the clear from Trusted and from this machine only

	NoAPI    bool // only do jobs
	NoWorker bool // only serve requests
}

// Service is the assembled service.
type Service struct {
	Core      *service.Service
	Batches   *batch.Batches
	Stamps    *stamp.Stamps
	Documents *document.Documents
	Hooks     *hook.Hooks
	Portfolio *portfolio.Portfolios
	Register  *register.Register
	Handler   http.Handler
	Metrics   *prometheus.Registry

	parts    Parts
	api      httpapi.Config
	sender   *webhook.Sender
	handlers map[string]service.JobHandler
	every    map[string]time.Duration
	draining sync.Once
	drained  chan struct{}
	page     pageTrust
	measures measures
}

// late gives the stamps their signers, which the core is, made after them.
type late struct{ core *service.Service }

// AnchorKey implements stamp.Signers.
func (l *late) AnchorKey(ctx context.Context, s service.Scope, did string) (signer.Key, string, error) {
	return l.core.AnchorKey(ctx, s, did)
}

// New assembles the service. It dials nothing.
func New(p Parts) (*Service, error) {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.TSA != nil {
		p.TSA = timestamps{p.TSA}
	}
	if p.Revocation != nil {
		p.Revocation = newRevocations(p.Revocation)
	}
	s := &Service{parts: p, handlers: map[string]service.JobHandler{}, every: map[string]time.Duration{}, drained: make(chan struct{}), measures: newMeasures()}
	if err := s.assemble(); err != nil {
		return nil, err
	}
	if p.NoAPI {
		_, err := s.plane() // which has a job
		return s, err
	}
	return s, s.serve()
}

func (s *Service) assemble() error {
	p, signers := s.parts, &late{}
	var stamper service.Stamper
	var err error
	if p.Chain != nil || p.TSA != nil {
		c := stamp.Config{Store: p.Store, Signers: signers, Chain: p.Chain, Clock: p.Clock, MaxItems: p.BatchItems, MaxAge: p.BatchAge, Every: p.BatchEvery,
			OnError: func(sc service.Scope, err error) {
				s.measures.anchoring.Inc()
				p.Logger.Warn("anchoring", "tenant", sc.Tenant, "environment", sc.Environment, "error", logged(err))
			}}
		if p.TSA != nil {
			c.Timestamper = Tokens(p.TSA, p.Revocation, p.Clock)
		}
		if s.Stamps, err = stamp.New(c); err != nil {
			return err
		}
		stamper = s.Stamps
	}
	c := service.Config{
		Store: p.Store, Blobs: p.Blobs, Sealer: p.Sealer, Clock: p.Clock, BaseURL: p.BaseURL, Stamper: stamper, Mailer: p.Mailer, Quota: p.Quota,
		KeyProvider: p.KeyProvider, TSA: p.TSA, Revocation: p.Revocation, TSARoots: p.TSARoots, Trust: p.Trust, FontDirs: p.FontDirs,
		Limits:            service.Limits{RequestsPerSecond: p.KeyRate.PerSecond, Burst: p.KeyRate.Burst},
		NoVerificationLog: p.NoVerificationLog, KeepVerifications: p.KeepVerifications, Logger: p.Logger, Environments: p.Environments,
	}
	if p.Online != nil {
		c.Online, c.SignerRevocation = p.Online, p.Online
	}
	if s.Core, err = service.New(c); err != nil {
		return err
	}
	signers.core = s.Core
	return s.useCases()
}

// jobs adds the background work of a part.
func (s *Service) jobs(handlers map[string]service.JobHandler, every map[string]time.Duration) {
	for kind, h := range handlers {
		s.handlers[kind] = h
	}
	for kind, d := range every {
		s.every[kind] = d
	}
}

func (s *Service) useCases() error {
	p := s.parts
	var err error
	if s.sender, err = webhook.New(webhook.Config{Clock: p.Clock, InsecureLoopback: p.InsecureLoopback, Ports: p.WebhookPorts, Timeout: p.WebhookTimeout, UserAgent: "chancery"}); err != nil {
		return err
	}
	if s.Hooks, err = hook.New(hook.Config{Store: p.Store, Sealer: p.Sealer, Sender: s.sender, Clock: p.Clock, InsecureLoopback: p.InsecureLoopback}); err != nil {
		return err
	}
	if s.Batches, err = batch.New(batch.Config{Store: p.Store, Blobs: p.Blobs, Sealer: p.Sealer, Issuing: s.Core, TempDir: p.TempDir, Clock: p.Clock}); err != nil {
		return err
	}
	if s.Portfolio, err = portfolio.New(portfolio.Config{Store: p.Store, BaseURL: p.BaseURL, Clock: p.Clock}); err != nil {
		return err
	}
	dc := document.Config{
		Store: p.Store, Blobs: p.Blobs, Sealer: p.Sealer, Signing: s.Core, Mailer: p.Mailer, BaseURL: p.BaseURL, Clock: p.Clock,
		TSA: p.TSA,
	}
	if p.Revocation != nil {
		dc.Revocation = newRevocations(newStrangers(p))
	}
	if p.Online != nil {
		dc.SignerRevocation = p.Online
	}
	if p.Trust != nil {
		for _, cert := range p.Trust.Roots {
			dc.Roots = append(dc.Roots, vpades.Anchor{Certificate: cert})
		}
		for _, cert := range p.Trust.TSARoots {
			dc.TSARoots = append(dc.TSARoots, vpades.Anchor{Certificate: cert})
		}
	}
	if s.Documents, err = document.New(dc); err != nil {
		return err
	}
	rc := register.Config{Store: p.Store, Blobs: p.Blobs, Schemas: s.Core, Rows: s.Batches, Signers: s.Documents, BaseURL: p.BaseURL, TSARoots: p.TSARoots, TempDir: p.TempDir, Clock: p.Clock}
	if s.Stamps != nil {
		rc.Stamper = s.Stamps
	}
	if s.Register, err = register.New(rc); err != nil {
		return err
	}
	s.jobs(s.Core.Jobs())
	s.jobs(s.Hooks.Jobs())
	s.jobs(s.Batches.Jobs())
	s.jobs(s.Documents.Jobs())
	s.jobs(s.Register.Jobs())
	if s.Stamps != nil {
		s.jobs(s.Stamps.Jobs())
	}
	return nil
}

// serve makes the handlers.
func (s *Service) serve() error {
	p := s.parts
	plane, err := s.plane()
	if err != nil {
		return err
	}
	page, err := verify.New(verify.Config{Trust: s.trustFile, Base: basePath(p.BaseURL), Upload: basePath(p.BaseURL) + "/v1/verify", Home: basePath(p.BaseURL) + "/"})
	if err != nil {
		return err
	}
	pages, err := web.New(web.Config{Public: s.Core, Verifying: s.Core, Documents: s.Documents, BaseURL: p.BaseURL, MaxBody: p.MaxBody, Verify: page, Count: httpapi.Count, Logger: p.Logger, Clock: p.Clock})
	if err != nil {
		return err
	}
	s.Metrics = prometheus.NewRegistry()
	s.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.measures.register(s.Metrics)
	s.api = httpapi.Config{
		Keys: s.Core, Issuers: s.Core, Types: s.Core, Credentials: s.Core, Verifying: s.Core, Public: s.Core,
		Batches: s.Batches, Documents: s.Documents, Webhooks: s.Hooks, Portfolios: s.Portfolio, Registry: s.Register,
		BaseURL: p.BaseURL, Version: p.Version, Clock: p.Clock, Logger: p.Logger, Metrics: s.Metrics, ServeMetrics: p.ServeMetrics,
		KeyRate: p.KeyRate, AddressRate: p.AddressRate, Trusted: p.Trusted, Origins: p.Origins, TempDir: p.TempDir, OIDC: p.OIDC, MaxBody: p.MaxBody, ProxyOnly: p.ProxyOnly,
		Web: pages, VCALM: plane,
		Ready:   map[string]func(context.Context) error{"database": soon(p.Store.Ready), "files": soon(p.Blobs.Ready), "signer": soon(s.Core.SignerReady), "drain": s.accepting},
		Timeout: p.RequestTimeout,
	}
	if s.Stamps != nil {
		s.api.Stamps = s.Stamps
	}
	s.Handler, err = httpapi.New(s.api)
	return err
}

// plane makes the W3C plane.
func (s *Service) plane() (http.Handler, error) {
	p := s.parts
	v, err := s.Core.PlaneVerifier(p.Profile)
	if err != nil {
		return nil, err
	}
	plane, err := vcalm.New(vcalm.Config{Store: p.Store, Sealer: p.Sealer, Core: s.Core, Directory: directory{s.Core, p.Instances}, Verifier: v, Credentials: s.Core, BaseURL: p.BaseURL, Clock: p.Clock, Logger: p.Logger})
	if err != nil {
		return nil, err
	}
	s.jobs(plane.Jobs())
	return vcalmhttp.New(vcalmhttp.Config{Plane: plane, Admit: httpapi.Admit, Logger: p.Logger, RequestID: func(r *http.Request) string { return httpapi.RequestID(r.Context()) }})
}

// directory finds the instances of the W3C plane: each issuer is one, for the keys of its
// tenant; those of the configuration are open.
type directory struct {
	core *service.Service
	open []*vcalm.Instance
}

func (d directory) Open() []*vcalm.Instance { return d.open }

func (d directory) Instance(ctx context.Context, s service.Scope, name string) (*vcalm.Instance, error) {
	issuer, err := d.core.GetIssuer(ctx, service.System(s), name)
	if err != nil {
		return nil, err
	}
	return &vcalm.Instance{Name: issuer.ID, Scope: s, Issuer: issuer.ID}, nil
}

func basePath(base string) string {
	_, rest, _ := strings.Cut(base, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return strings.TrimRight(rest[i:], "/")
	}
	return ""
}

// pageTrust keeps the trust file of the verify page for a moment.
type pageTrust struct {
	mu   sync.Mutex
	text []byte
	at   time.Time
}

// pageTrustAge is how long it is kept: a revocation is on the page that much later.
const pageTrustAge = time.Second

// trustFile is what the verify page judges by: the file of the configuration, or the
// issuers of this installation.
func (s *Service) trustFile() []byte {
	if s.parts.TrustFile != nil {
		return s.parts.TrustFile
	}
	s.page.mu.Lock()
	defer s.page.mu.Unlock()
	now := s.parts.Clock()
	if age := now.Sub(s.page.at); s.page.text != nil && age >= 0 && age < pageTrustAge {
		return s.page.text
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	text, err := s.Register.InstallationTrust(ctx)
	if err != nil {
		s.parts.Logger.Warn("trust file of the verify page", "error", err)
		return s.page.text
	}
	s.page.text, s.page.at = text, now
	return text
}

// accepting is not ready any more once the process has been asked to end.
func (s *Service) accepting(context.Context) error {
	select {
	case <-s.drained:
		return errors.New("ending")
	default:
		return nil
	}
}

// Run does the background work until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make(chan error, 2)
	run := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				errs <- err
			}
		})
	}
	run(s.Core.Run)
	if !s.parts.NoWorker {
		run(func(ctx context.Context) error {
			return s.parts.Store.Work(ctx, service.WorkConfig{Handlers: s.handlers, Every: s.every, OnError: s.jobFailed})
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	wg.Wait()
	s.sender.Close()
	return err
}

func (s *Service) jobFailed(r service.Run, err error, last bool) {
	level := slog.LevelWarn
	if last {
		level = slog.LevelError
	}
	s.measures.jobs.WithLabelValues(r.Kind, strconv.FormatBool(last)).Inc()
	s.parts.Logger.Log(context.Background(), level, "job failed", "kind", r.Kind, "attempt", r.Attempt, "given_up", last, "error", logged(err))
}

// Serve answers requests on a listener until ctx ends: then /readyz says so, for grace the
// listener still takes requests, and those in flight are finished.
func (s *Service) Serve(ctx context.Context, l net.Listener, certificates []tls.Certificate, grace time.Duration) error {
	server := httpapi.Server(s.api, s.Handler)
	if len(certificates) != 0 {
		server.TLSConfig.Certificates = certificates
	}
	done := make(chan error, 1)
	go func() {
		if len(certificates) != 0 {
			done <- server.ServeTLS(l, "", "")
			return
		}
		done <- server.Serve(l)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	s.draining.Do(func() { close(s.drained) })
	select {
	case <-time.After(grace):
	case err := <-done:
		return fmt.Errorf("serving: %w", err)
	}
	end, cancel := context.WithTimeout(context.Background(), cmp.Or(s.parts.Shutdown, 30*time.Second))
	defer cancel()
	err := server.Shutdown(end)
	if err != nil {
		server.Close()
	}
	return err
}
