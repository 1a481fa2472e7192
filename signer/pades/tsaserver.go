package pades

import (
	"context"
	"crypto"
	"crypto/x509"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// LocalTSA is a timestamping authority in the process, for development and tests. Make it with
// NewLocalTSA. It is a Timestamper, and an http.Handler as RFC 3161, section 3.4 describes.
type LocalTSA struct {
	authority *tsp.Authority
	anchors   []*x509.Certificate
	clock     func() time.Time
	samples   samples
}

// LocalTSAConfig describes a LocalTSA.
type LocalTSAConfig struct {
	// Key signs tokens; it must be that of Chain[0]. Required.
	Key crypto.Signer
	// Chain is the authority's certificate, with the critical extended key usage timeStamping, its issuer's and so on
	// up to the one clients trust; required.
	Chain []*x509.Certificate
	// Policy tokens are issued under, in dotted form; empty means 1.3.6.1.4.1.13762.3, which is
	// commonly used for tests.
	Policy string
	// Clock is what the authority is about; required.
	Clock func() time.Time
	// Accuracy of the clock; 0 leaves it out of tokens.
	Accuracy time.Duration
	// PSS signs with RSASSA-PSS; needs an RSA key.
	PSS bool
}

// NewLocalTSA checks the configuration.
func NewLocalTSA(c LocalTSAConfig) (*LocalTSA, error) {
	if c.Key == nil || len(c.Chain) == 0 || c.Clock == nil {
		return nil, fail(BadConfig, "LocalTSAConfig needs Key, Chain and Clock")
	}
	policy := c.Policy
	if policy == "" {
		policy = "1.3.6.1.4.1.13762.3"
	}
	oid, ok := algo.ParseOID(policy)
	if !ok {
		return nil, fail(BadConfig, "LocalTSAConfig.Policy is no object identifier")
	}
	last := len(c.Chain) - 1
	rest := c.Chain[min(1, last):last]
	a, err := tsp.NewAuthority(tsp.AuthorityConfig{Certificate: c.Chain[0], Chain: rest, Key: cms.KeySigner(c.Key), Clock: c.Clock,
		Policy: oid, PSS: c.PSS, Accuracy: c.Accuracy})
	if err != nil {
		return nil, wrap(BadConfig, err, "")
	}
	return &LocalTSA{authority: a, anchors: c.Chain[last:], clock: c.Clock}, nil
}

// Timestamp implements Timestamper.
func (l *LocalTSA) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) (*Timestamp, error) {
	der, err := l.authority.Token(ctx, &tsp.Request{Hash: hash, Digest: digest, Certificates: true})
	if err != nil {
		return nil, wrap(BadTimestamp, err, "")
	}
	tok, err := tsp.ParseToken(der)
	if err != nil {
		return nil, wrap(BadTimestamp, err, "")
	}
	ts, err := verifyToken(tok, digest, l.anchors, nil, l.clock(), 0)
	if err != nil {
		return nil, err
	}
	l.samples.note(hash, ts)
	return ts, nil
}

// Sample implements Sampler.
func (l *LocalTSA) Sample(ctx context.Context, hash crypto.Hash) (*Timestamp, error) {
	if ts := l.samples.get(hash); ts != nil {
		return ts, nil
	}
	if !hash.Available() {
		return nil, fail(BadConfig, "expected a hash that is known")
	}
	return l.Timestamp(ctx, hash, algo.Sum(hash, nil))
}

// ServeHTTP answers a POST of a timestamp query with a timestamp reply. A request that cannot be
// served gets a reply that says so, with status 200, as clients expect.
func (l *LocalTSA) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "timestamp queries are posted", http.StatusMethodNotAllowed)
		return
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/timestamp-query" {
		http.Error(w, "expected application/timestamp-query", http.StatusUnsupportedMediaType)
		return
	}
	query, err := io.ReadAll(http.MaxBytesReader(w, r.Body, tsp.MaxRequestSize))
	if err != nil {
		http.Error(w, "timestamp query could not be read, or is too large", http.StatusBadRequest)
		return
	}
	reply, err := l.authority.Respond(r.Context(), query)
	if err != nil {
		if reply, err = tsp.SystemFailure(); err != nil {
			http.Error(w, "timestamp authority failed", http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(reply) // a client that went away needs no answer
}
