package verifier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/ldcontext"
)

// Config is everything a Verifier decides by.
type Config struct {
	// Trust says whom to believe. Required, and not empty: New answers ErrNoTrust.
	Trust *Trust

	// Policy is what is demanded. Zero is the strictest.
	Policy Policy

	// Clock gives the instant to judge at. Required.
	Clock func() time.Time

	// Keys finds the documents that hold keys. Nil: only did:key, did:jwk and what the
	// trust file pins.
	Keys KeyResolver

	// Status finds status lists. Nil: only those in the trust file; others are
	// StatusUnreachable.
	Status StatusSource

	// Documents finds the parts of Open Badges 2.0 assertions and schemas. Nil: only
	// those in the trust file.
	Documents DocumentSource

	// Contexts are the JSON-LD contexts known (chancery.Contexts). Nil: those embedded.
	// Those of the trust file are added.
	Contexts *chancery.ContextSet

	// Handlers judge documents of further media types: chancery.MediaPDF by package
	// verifier/pades, chancery.MediaEvidence by verifier/evidence, formats of others by
	// verifier/foreign. Nil, or none for a type: UnsupportedMediaType.
	Handlers map[string]Handler

	// Workers bounds how many documents VerifyAll judges at once. Zero: as many as
	// there are processors.
	Workers int
}

// Document is a document that a source found.
type Document struct {
	URL       string // where it was asked for
	MediaType string // as the server said, "" where not known
	Bytes     []byte
	FetchedAt time.Time // when these bytes were current; zero where not known

	brought bool // it came with the document that is judged: see Beside
}

// KeyResolver finds documents that hold keys. Implementations are safe for
// concurrent use, return errors that match one of the Err… sentinels below, and give
// up when ctx ends.
type KeyResolver interface {
	// Controller returns the DID document of a DID, or the controller document at an
	// https URL. url has no fragment.
	Controller(ctx context.Context, url string) (Document, error)
	// JWKS returns the key set at https://authority/.well-known/jwks.json.
	JWKS(ctx context.Context, authority string) (Document, error)
}

// StatusSource finds status lists; the rules of KeyResolver hold.
type StatusSource interface {
	StatusList(ctx context.Context, url string) (Document, error)
}

// DocumentSource finds other documents; the rules of KeyResolver hold.
type DocumentSource interface {
	Document(ctx context.Context, url string) (Document, error)
}

// What sources answer. Everything else counts as ErrUnreachable.
var (
	// ErrNotHeld is the answer of a source that fetches nothing and does not hold the
	// document: the verdict is that of a Verifier without a source.
	ErrNotHeld     = errors.New("verifier: not in the trust file, and no source to ask")
	ErrUnreachable = errors.New("verifier: the document could not be fetched")
	ErrGone        = errors.New("verifier: the document was taken down for good (HTTP 410)")
	ErrUnsupported = errors.New("verifier: this source does not know addresses of this kind")
)

// Handler judges documents of a media type that this package does not read.
type Handler interface {
	// Examine returns a report with its checks added and what describes the document
	// filled in. The Verifier decides by the checks (Report.Decide) and fills in the
	// rest. v is there to judge credentials within the document. e is what is expected
	// of the document: what the handler cannot compare it must let fail. An error means
	// that the judging was given up, not that the document is bad: it becomes Canceled.
	Examine(ctx context.Context, v *Verifier, s chancery.Secured, e Expect) (*Report, error)
}

// ErrNoTrust is what New answers without a Trust that names anyone.
var ErrNoTrust = errors.New("verifier: expected a trust file that names issuers or roots, or says any")

// ErrNoClock is what New answers without a clock.
var ErrNoClock = errors.New("verifier: expected a clock")

// Verifier judges documents by one Config. It is immutable and safe for concurrent
// use. New makes one: the zero value trusts nobody, and every document is IssuerNotTrusted.
type Verifier struct {
	cfg      Config
	policy   Policy
	insecure []string
	contexts *ldcontext.Set
	beside   []PinnedDocument // see Beside
}

// New makes a Verifier. It answers ErrNoTrust, ErrNoClock, or what is wrong with the
// policy or the trust file's contexts.
func New(c Config) (*Verifier, error) {
	if c.Trust == nil || c.Trust.empty() {
		return nil, ErrNoTrust
	}
	if c.Clock == nil {
		return nil, ErrNoClock
	}
	if int(c.Policy.Profile) >= len(profileNames) {
		return nil, fmt.Errorf("verifier: expected a known profile, found %d", c.Policy.Profile)
	}
	if c.Policy.ClockSkew < 0 || c.Policy.ClockSkew > time.Hour {
		return nil, fmt.Errorf("verifier: expected a clock skew between 0 and 1h, found %v", c.Policy.ClockSkew)
	}
	trust, err := c.Trust.prepare()
	if err != nil {
		return nil, err
	}
	c.Trust = trust
	v := &Verifier{cfg: c, contexts: c.Contexts}
	v.policy, v.insecure = c.Policy.effective()
	if trust.Any {
		v.insecure = append(v.insecure, "any issuer is trusted")
	}
	if v.contexts == nil {
		v.contexts = ldcontext.Default()
	}
	if len(trust.Contexts) > 0 {
		v.contexts = v.contexts.With(trust.Contexts...)
	}
	return v, nil
}

// made tells whether New made the verifier.
func (v *Verifier) made() bool { return v != nil && v.cfg.Trust != nil }

// Trust returns what the verifier trusts, for a Handler.
func (v *Verifier) Trust() *Trust {
	if !v.made() {
		return &Trust{}
	}
	return v.cfg.Trust
}

// Now returns the instant to judge at, for a Handler.
func (v *Verifier) Now() time.Time {
	if !v.made() {
		return time.Time{}
	}
	return v.cfg.Clock()
}

// Policy returns the policy in force, with what its profile sets.
func (v *Verifier) Policy() Policy {
	if !v.made() {
		return Policy{}
	}
	return v.policy
}
