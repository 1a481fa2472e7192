package serving

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/filelock"
	"github.com/chancery-dev/chancery/internal/httpapi"
	"github.com/chancery-dev/chancery/internal/mail"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
	"github.com/chancery-dev/chancery/internal/store/postgres"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
)

// Options are what a configuration does not say.
type Options struct {
	Now     func() time.Time
	Version string
	Stderr  io.Writer
	// Serve is for the process that serves, not for a command beside it: on SQLite there
	// is one such process.
	Serve bool
}

// Installation is a service that was opened from a configuration.
type Installation struct {
	*Service
	Config       *config.Config
	Logger       *slog.Logger
	Certificates []tls.Certificate

	trials    []trial // of what the parts cannot try themselves
	masterKey string  // where it came from
	lock      io.Closer
}

// Open opens everything that a configuration names: the database, with its tables brought
// up to date, the files, the keys. What cannot be opened is an error that says what it is.
func Open(ctx context.Context, c *config.Config, o Options) (*Installation, error) {
	in := &Installation{Config: c, Logger: newLogger(c.Log, o.Stderr)}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	p := Parts{
		BaseURL: BaseURL(c), Version: o.Version, Clock: o.Now, Logger: in.Logger,
		KeyRate:     httpapi.Rate{PerSecond: c.Limits.PerKey, Burst: c.Limits.PerKeyBurst},
		AddressRate: httpapi.Rate{PerSecond: c.Limits.PerAddress, Burst: c.Limits.AddressBurst},
		Origins:     c.CORS.Origins, NoVerificationLog: !c.Verify.Log, InsecureLoopback: c.Webhooks.InsecureLoopback,
		NoAPI: c.Role == "worker", NoWorker: c.Role == "api", TempDir: c.Data,
		BatchItems: c.Chain.BatchSize, BatchAge: c.Chain.BatchAge, KeepVerifications: c.Verify.Keep,
		WebhookPorts: c.Webhooks.Ports, WebhookTimeout: c.Webhooks.Timeout, Shutdown: c.Shutdown,
		MaxBody: c.Limits.MaxBody, Environments: environments(c.Environments), ProxyOnly: c.TLS.Cert == "" && !c.TLS.SelfSigned,
	}
	if c.Quota.Live > 0 {
		p.Quota = &monthly{live: c.Quota.Live, now: o.Now}
	}
	steps := []struct {
		name string
		open func(*opener) error
	}{
		{"data", (*opener).alone}, {"listen", (*opener).socket}, {"trustedProxies", (*opener).proxies}, {"masterKey", (*opener).sealer}, {"tls", (*opener).tls},
		{"verification", (*opener).trust}, {"mail", (*opener).mail}, {"blobs", (*opener).blobs}, {"tsa", (*opener).tsa},
		{"fonts", (*opener).fonts}, {"chain", (*opener).chain}, {"pkcs11", (*opener).token}, {"oidc", (*opener).oidc}, {"database", (*opener).database},
	}
	op := &opener{ctx: ctx, c: c, o: o, p: &p, in: in}
	for _, s := range steps {
		if err := s.open(op); err != nil {
			op.close()
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	var err error
	if in.Service, err = New(p); err != nil {
		op.close()
		return nil, err
	}
	if err := op.checkMasterKey(ctx, in.Core); err != nil {
		op.close()
		return nil, err
	}
	if err := op.agree(ctx); err != nil {
		op.close()
		return nil, err
	}
	if err := in.prepare(ctx); err != nil {
		op.close()
		return nil, err
	}
	if o.Serve && !p.NoAPI {
		in.tenantsOfTokens(ctx)
	}
	return in, nil
}

// Close closes the store.
func (in *Installation) Close() error {
	err := in.parts.Store.Close()
	if in.lock != nil {
		err = errors.Join(err, in.lock.Close())
	}
	return err
}

// BaseURL is the public address of an installation.
func BaseURL(c *config.Config) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	scheme := "http"
	if c.TLS.SelfSigned || c.TLS.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + c.Listen
}

func newLogger(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// quieter lowers what the job queue tells of its everyday work from info to debug.
type quieter struct{ slog.Handler }

func (q quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return q.Handler.Enabled(ctx, lowered(l))
}

func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lowered(r.Level)
	return q.Handler.Handle(ctx, r)
}

func (q quieter) WithAttrs(a []slog.Attr) slog.Handler { return quieter{q.Handler.WithAttrs(a)} }
func (q quieter) WithGroup(name string) slog.Handler   { return quieter{q.Handler.WithGroup(name)} }

func lowered(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return l - (slog.LevelInfo - slog.LevelDebug)
	}
	return l
}

// opener opens the parts one after the other.
type opener struct {
	ctx context.Context
	c   *config.Config
	o   Options
	p   *Parts
	in  *Installation

	ring *service.KeyRing
}

func (op *opener) close() {
	if op.p.Store != nil {
		op.p.Store.Close()
	}
	if op.in.lock != nil {
		op.in.lock.Close()
	}
}

// try has Installation.Try find out whether what settings name works.
func (op *opener) try(settings string, try func(context.Context) error) {
	op.in.trials = append(op.in.trials, trial{settings, try})
}

// alone makes this the one process that serves from a data directory with SQLite: two would
// each believe what they keep in memory, such as rates and signers.
func (op *opener) alone() error {
	if !op.o.Serve || op.c.Database.Postgres.Set() {
		return nil
	}
	name := serveLock(op.c.Data)
	lock, err := filelock.Take(name)
	if errors.Is(err, filelock.ErrHeld) {
		by := ""
		if text, _ := os.ReadFile(name); len(text) != 0 && len(text) < 20 {
			by = ", process " + strings.TrimSpace(string(text))
		}
		return &HintError{fmt.Errorf("expected a directory of its own, found that another chancery serve uses %s%s", op.c.Data, by),
			"end the other one first; several processes share the work on PostgreSQL (database.postgres), not on SQLite"}
	}
	if err != nil {
		return err
	}
	op.in.lock = lock
	return errors.Join(lock.Truncate(0), second(lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)))
}

// serveLock names the lock, which is where the database is: one that a link in the data
// directory leads to may be that of another data directory.
func serveLock(data string) string {
	database := filepath.Join(data, "chancery.db")
	if to, err := os.Readlink(database); err == nil { // also where it leads to nothing yet
		if database = to; !filepath.IsAbs(to) {
			database = filepath.Join(data, to)
		}
	}
	if to, err := filepath.EvalSymlinks(database); err == nil {
		database = to
	}
	data = filepath.Dir(database)
	return filepath.Join(data, "serve.lock")
}

// unserved is for a command beside the process that serves: the tables are not changed for
// another version of the program under its hands.
func (op *opener) unserved() func() error {
	if op.o.Serve {
		return nil
	}
	return Unserved(op.c.Data)
}

// Unserved returns what a command asks before it changes the tables of a data directory with
// SQLite: an error where a process serves from it.
func Unserved(data string) func() error {
	return func() error {
		lock, err := filelock.Take(serveLock(data))
		if errors.Is(err, filelock.ErrHeld) {
			return &store.InUseError{}
		}
		if err != nil {
			return err
		}
		return lock.Close()
	}
}

// agree makes sure that the processes that share a database write the same address into
// credentials and status lists: a list of one address is not believed at another, so that a
// worker without publicURL would undo the credentials of the others.
func (op *opener) agree(ctx context.Context) error {
	st, ok := op.p.Store.(*postgres.Store)
	if !ok || !op.o.Serve {
		return nil
	}
	err := st.Agree(ctx, op.p.BaseURL)
	var others *postgres.DisagreementError
	if errors.As(err, &others) {
		return &HintError{fmt.Errorf("publicURL: expected the address of the other processes that serve from this database, %d of which have another one than %s", others.Others, op.p.BaseURL),
			"give all processes on one PostgreSQL the same configuration, workers too; to change the address, end them all first"}
	}
	return err
}

func second[T any](_ T, err error) error { return err }

func (op *opener) path(name, otherwise string) string {
	if name != "" {
		return name
	}
	return filepath.Join(op.c.Data, otherwise)
}

func (op *opener) proxies() error {
	for _, text := range op.c.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil { // a single proxy
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return err
		}
		op.p.Trusted = append(op.p.Trusted, prefix)
	}
	return nil
}

func environments(names []string) []service.Environment {
	out := make([]service.Environment, len(names))
	for i, name := range names {
		out[i] = service.Environment(name)
	}
	return out
}

func (op *opener) tls() error {
	c := op.c.TLS
	switch {
	case c.SelfSigned:
		cert, err := selfSigned(op.c.Listen, op.o.Now())
		op.in.Certificates = []tls.Certificate{cert}
		return err
	case c.Cert != "":
		cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		op.in.Certificates = []tls.Certificate{cert}
		op.try("tls", func(context.Context) error { return op.certificate(cert.Leaf) })
		return err
	}
	return nil
}

// certificate judges the certificate that clients will see. Where a proxy stands before the
// service, its name is between the two of them.
func (op *opener) certificate(leaf *x509.Certificate) error {
	if now := op.o.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return fmt.Errorf("expected a certificate that is valid now, found one from %s to %s", leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	public, err := url.Parse(op.c.PublicURL)
	if err != nil || op.c.PublicURL == "" || len(op.c.TrustedProxies) != 0 {
		return nil
	}
	if err := leaf.VerifyHostname(public.Hostname()); err != nil {
		return fmt.Errorf("expected a certificate for the host of publicURL: %w", err)
	}
	return nil
}

func (op *opener) trust() error {
	if op.c.Verify.Trust != "" {
		text, err := os.ReadFile(op.c.Verify.Trust)
		if err != nil {
			return err
		}
		if op.p.Trust, err = verifier.ParseTrust(text); err != nil {
			return err
		}
		op.p.TrustFile = text
	}
	profile := op.c.Profile
	if profile == "normal" {
		profile = ""
	}
	var err error
	if op.p.Profile, err = verifier.ParseProfile(profile); err != nil {
		return err
	}
	if op.c.Verify.Online {
		op.p.Online, err = online.New(online.Config{Clock: op.o.Now})
	}
	return err
}

func (op *opener) mail() error {
	c := op.c.Mail
	from := mail.From{Address: c.From, Name: c.FromName, ReplyTo: c.ReplyTo}
	var err error
	switch c.Kind {
	case "files":
		if from.Address == "" {
			from.Address = "chancery@localhost"
		}
		op.p.Mailer, err = mail.NewFiles(op.path(c.Dir, "mail"), from, op.o.Now)
	case "smtp":
		hello := c.Hello
		if hello == "" {
			hello, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(BaseURL(op.c), "https://"), "http://"), "/")
			if host, _, err := net.SplitHostPort(hello); err == nil {
				hello = host
			}
		}
		roots, err := authorities(c.CA)
		if err != nil {
			return err
		}
		op.p.Mailer, err = mail.NewSMTP(mail.Config{Host: c.Host, Port: c.Port, Security: mail.Security(c.Security), User: c.User, Password: c.Password.Reveal(), From: from, Hello: hello, Timeout: c.Timeout, RootCAs: roots, Clock: op.o.Now, InsecurePlain: c.InsecurePlain})
		return err
	}
	return err
}

// authorities reads certificates to believe instead of those of the system.
func authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: expected certificates (PEM)", name)
	}
	return pool, nil
}

func (op *opener) blobs() error {
	c := op.c.Blobs
	var err error
	if c.Kind == "s3" {
		roots, err := authorities(c.S3.CA)
		if err != nil {
			return err
		}
		op.p.Blobs, err = blob.NewS3(blob.S3Config{Endpoint: c.S3.Endpoint, Region: c.S3.Region, Bucket: c.S3.Bucket, Prefix: c.S3.Prefix, AccessKey: c.S3.AccessKey, SecretKey: c.S3.SecretKey.Reveal(), Timeout: c.S3.Timeout, MaxBytes: c.MaxBytes, Spool: op.c.Data, RootCAs: roots, InsecurePlain: c.S3.InsecurePlain})
		return err
	}
	op.p.Blobs, err = blob.OpenDir(blob.DirConfig{Path: op.path(c.Dir, "blobs"), MaxBytes: c.MaxBytes, Clock: op.o.Now})
	return err
}

func httpClient() *http.Client {
	return &http.Client{
		Timeout: time.Minute,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) >= 3 {
				return errors.New("too many redirects")
			}
			return nil
		},
	}
}

func (op *opener) database() error {
	if dsn := op.c.Database.Postgres; dsn.Set() {
		st, err := postgres.Open(op.ctx, postgres.Config{DSN: dsn.Reveal(), Now: op.o.Now, Logger: slog.New(quieter{op.in.Logger.Handler()}), Connections: op.c.Database.Connections})
		if err != nil {
			return err
		}
		op.p.Store = st
		return nil
	}
	// It holds personal data: nobody else may read it. What SQLite puts beside it has its mode.
	if err := writeNew(op.path("", "chancery.db"), nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	st, err := OpenSQLite(op.ctx, SQLiteConfig{Path: op.path("", "chancery.db"), Now: op.o.Now, Alone: op.unserved(), Logger: slog.New(quieter{op.in.Logger.Handler()})})
	if err != nil {
		return err
	}
	op.p.Store = st
	return nil
}
