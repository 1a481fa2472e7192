package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// Timestamp is a timestamp token (RFC 3161) whoever returns it has verified.
type Timestamp struct {
	Token []byte // ContentInfo in DER
	Time  time.Time
	// Path are the authority's certificate, its issuer's and so on up to the trusted one.
	Path []*x509.Certificate
}

// Timestamper gets timestamps. Timestamp returns a token over the given digest that has been verified
// against the caller's trusted authorities. It may be called by several goroutines at once.
type Timestamper interface {
	Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) (*Timestamp, error)
}

// Sampler is a Timestamper that can tell what its tokens look like. Sample returns a token over
// anything, from which the room for a real one and the certificates to collect are known beforehand;
// it may be an old one. With a Timestamper that is no Sampler each signature costs a token more.
type Sampler interface {
	Timestamper
	Sample(ctx context.Context, hash crypto.Hash) (*Timestamp, error)
}

// sample asks for a token to measure.
func sample(ctx context.Context, t Timestamper, hash crypto.Hash) (*Timestamp, error) {
	if s, ok := t.(Sampler); ok {
		ts, err := s.Sample(ctx, hash)
		return ts, checkTimestamp(ts, err, hash, nil)
	}
	digest := algo.Sum(hash, nil)
	ts, err := t.Timestamp(ctx, hash, digest)
	return ts, checkTimestamp(ts, err, hash, digest)
}

// stamp asks for a token and checks that it is over the digest, whatever the Timestamper did.
func stamp(ctx context.Context, t Timestamper, hash crypto.Hash, digest []byte) (*Timestamp, error) {
	ts, err := t.Timestamp(ctx, hash, digest)
	return ts, checkTimestamp(ts, err, hash, digest)
}

func checkTimestamp(ts *Timestamp, err error, hash crypto.Hash, digest []byte) error {
	if err != nil {
		if e, ok := err.(*Error); ok {
			return e
		}
		return wrap(BadTimestamp, err, "")
	}
	if ts == nil {
		return fail(BadTimestamp, "the Timestamper returned nothing")
	}
	tok, err := tsp.ParseToken(ts.Token)
	if err != nil {
		return wrap(BadTimestamp, err, "")
	}
	if len(tok.DER()) != len(ts.Token) {
		return fail(BadTimestamp, "bytes after the token")
	}
	if tok.Info.Hash != hash || digest != nil && !bytes.Equal(tok.Info.Imprint, digest) {
		return fail(BadTimestamp, "the token is over something else")
	}
	return nil
}

// samples keeps the longest token seen for each hash.
type samples struct {
	mu   sync.Mutex
	seen map[crypto.Hash]*Timestamp
}

func (s *samples) note(hash crypto.Hash, ts *Timestamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[crypto.Hash]*Timestamp)
	}
	if old := s.seen[hash]; old == nil || len(ts.Token) > len(old.Token) {
		s.seen[hash] = ts
	}
}

func (s *samples) get(hash crypto.Hash) *Timestamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[hash]
}

// TSAClient asks an authority over HTTP (RFC 3161, section 3.4). It remembers the longest answer, so
// only the first signature costs a request to learn the size of a token. Do not copy it after use.
type TSAClient struct {
	// URL of the authority, http or https; required.
	URL string
	// HTTP makes the request; required. It decides which addresses may be dialled, and redirects.
	HTTP *http.Client
	// Anchors are the certificates the authority's path must end at; required.
	Anchors []*x509.Certificate
	// Intermediates are further certificates for the path; those in the token are used anyway.
	Intermediates []*x509.Certificate
	// Policy is the TSA policy to ask for, in dotted form; empty leaves it to the authority.
	Policy string
	// Clock gives the time tokens are judged at; required.
	Clock func() time.Time
	// Skew is how far the authority's clock may be off in either direction; 0 means five minutes.
	Skew time.Duration
	// Timeout of one request; 0 means 30 seconds.
	Timeout time.Duration
	// MaxBytes of an answer; 0 means 256 KB.
	MaxBytes int64
	// User and Password for HTTP basic authentication, where User is not empty.
	User, Password string
	// Random makes nonces; nil means crypto/rand.
	Random io.Reader

	samples samples
}

// Timestamp implements Timestamper. Errors are *Error with BadTimestamp, TooLarge or BadConfig.
func (c *TSAClient) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) (*Timestamp, error) {
	req, err := c.request(hash, digest)
	if err != nil {
		return nil, err
	}
	der, err := req.Marshal()
	if err != nil {
		return nil, wrap(BadConfig, err, "timestamp request")
	}
	body, err := c.post(ctx, der)
	if err != nil {
		return nil, err
	}
	resp, err := tsp.ParseResponse(body)
	if err != nil {
		return nil, wrap(BadTimestamp, err, "answer of the authority")
	}
	tok, err := resp.Token(req)
	if err != nil {
		return nil, wrap(BadTimestamp, err, "answer of the authority")
	}
	ts, err := verifyToken(tok, digest, c.Anchors, c.Intermediates, c.Clock(), c.Skew)
	if err != nil {
		return nil, err
	}
	c.samples.note(hash, ts)
	return ts, nil
}

// Sample implements Sampler.
func (c *TSAClient) Sample(ctx context.Context, hash crypto.Hash) (*Timestamp, error) {
	if ts := c.samples.get(hash); ts != nil {
		return ts, nil
	}
	if !hash.Available() {
		return nil, fail(BadConfig, "expected a hash that is known")
	}
	return c.Timestamp(ctx, hash, algo.Sum(hash, nil))
}

func (c *TSAClient) request(hash crypto.Hash, digest []byte) (*tsp.Request, error) {
	switch {
	case c.HTTP == nil:
		return nil, fail(BadConfig, "TSAClient.HTTP is nil")
	case c.Clock == nil:
		return nil, fail(BadConfig, "TSAClient.Clock is nil")
	case len(c.Anchors) == 0:
		return nil, fail(BadConfig, "TSAClient.Anchors is empty, whom to trust must be said")
	case !hash.Available() || len(digest) != hash.Size():
		return nil, fail(BadConfig, "digest of %d bytes does not fit the hash", len(digest))
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fail(BadConfig, "TSAClient.URL is no http or https URL")
	}
	req := &tsp.Request{Hash: hash, Digest: digest, Certificates: true}
	if c.Policy != "" {
		oid, ok := algo.ParseOID(c.Policy)
		if !ok {
			return nil, fail(BadConfig, "TSAClient.Policy is no object identifier")
		}
		req.Policy = oid
	}
	random := c.Random
	if random == nil {
		random = rand.Reader
	}
	var nonce [16]byte
	if _, err := io.ReadFull(random, nonce[:]); err != nil {
		return nil, wrap(BadConfig, err, "no random nonce")
	}
	nonce[0] |= 0x40 // never short, never negative
	nonce[0] &= 0x7f
	req.Nonce = new(big.Int).SetBytes(nonce[:])
	return req, nil
}

func (c *TSAClient) post(ctx context.Context, der []byte) ([]byte, error) {
	limit := c.MaxBytes
	if limit <= 0 {
		limit = defaultTSABytes
	}
	call := httpCall{client: c.HTTP, url: c.URL, body: der, contentType: "application/timestamp-query",
		accept: "application/timestamp-reply", limit: limit, timeout: c.Timeout, user: c.User, password: c.Password, reason: BadTimestamp}
	return call.do(ctx)
}

// verifyToken checks a token against anchors.
func verifyToken(tok *tsp.Token, digest []byte, anchors, extra []*x509.Certificate, now time.Time, skew time.Duration) (*Timestamp, error) {
	if skew <= 0 {
		skew = 5 * time.Minute
	}
	v, err := tok.Verify(tsp.VerifyConfig{Imprint: digest, Anchors: toAnchors(anchors), Candidates: extra, At: now, Skew: skew})
	if err != nil {
		return nil, wrap(BadTimestamp, err, "token of the authority")
	}
	if v.Time.Before(now.Add(-skew)) {
		return nil, fail(BadTimestamp, "the token was made %s before now, at most %s are forgiven", now.Sub(v.Time).Round(time.Second), skew)
	}
	return &Timestamp{Token: tok.DER(), Time: v.Time, Path: v.Path.Certificates}, nil
}

func toAnchors(certs []*x509.Certificate) []chain.Anchor {
	out := make([]chain.Anchor, len(certs))
	for i, c := range certs {
		out[i] = chain.Anchor{Certificate: c}
	}
	return out
}
