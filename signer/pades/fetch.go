package pades

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
)

// Fetcher is a RevocationSource and IssuerSource that asks where certificates say: OCSP responders
// (authority information access), then CRL distribution points. Addresses come from certificates,
// which others wrote: the client given decides which may be dialled. Do not copy it after use.
type Fetcher struct {
	// HTTP makes requests; required. Give it a transport that refuses private addresses unless
	// the authorities are inside, and bound its redirects.
	HTTP *http.Client
	// Clock tells whether an answer is current; required.
	Clock func() time.Time
	// PreferCRL asks distribution points first, for authorities whose OCSP is slow.
	PreferCRL bool
	// Timeout of one request; 0 means 30 seconds.
	Timeout time.Duration
	// MaxOCSP and MaxCRL bound answers in bytes; 0 means 256 KB and 32 MB.
	MaxOCSP, MaxCRL int64
	// KeepFor is how long an answer is used again, for signing many files in a row; 0: not at all.
	KeepFor time.Duration

	mu   sync.Mutex
	kept map[[32]byte]kept
}

type kept struct {
	rev Revocation
	at  time.Time
}

// maxAddresses bounds how many addresses of one certificate are tried, maxKept what is remembered.
const (
	maxAddresses = 3
	maxKept      = 256
)

// Revocation implements RevocationSource: the first answer that says something. Errors are *Error.
func (f *Fetcher) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (Revocation, error) {
	if f.HTTP == nil || f.Clock == nil {
		return Revocation{}, fail(BadConfig, "Fetcher needs HTTP and Clock")
	}
	key := sha256.Sum256(cert.Raw)
	if rev, ok := f.remembered(key); ok {
		return rev, nil
	}
	ways := []func(context.Context, *x509.Certificate, *x509.Certificate) (Revocation, error){f.ocsp, f.crl}
	if f.PreferCRL {
		ways[0], ways[1] = ways[1], ways[0]
	}
	var last error
	for _, ask := range ways {
		rev, err := ask(ctx, cert, issuer)
		if err == nil {
			f.remember(key, rev)
			return rev, nil
		}
		if last == nil || !isNoAddress(err) {
			last = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return Revocation{}, last
}

func isNoAddress(err error) bool { e, ok := err.(*Error); return ok && e.Detail == noAddress }

const noAddress = "the certificate names no address to ask"

func (f *Fetcher) remembered(key [32]byte) (Revocation, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, ok := f.kept[key]
	if age := f.Clock().Sub(k.at); !ok || age < 0 || age >= f.KeepFor {
		return Revocation{}, false
	}
	return k.rev, true
}

func (f *Fetcher) remember(key [32]byte, rev Revocation) {
	if f.KeepFor <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept == nil || len(f.kept) >= maxKept {
		f.kept = make(map[[32]byte]kept)
	}
	f.kept[key] = kept{rev, f.Clock()}
}

// settles reports whether data says good or revoked about the certificate.
func (f *Fetcher) settles(rev Revocation, cert, issuer *x509.Certificate) error {
	store, err := revocation.NewStore(rev.OCSP, rev.CRLs)
	if err != nil {
		return wrap(NoRevocation, err, "")
	}
	ans := store.Check(revocation.Query{Certificate: cert, Issuer: issuer, At: f.Clock(), InsecureUncheckedResponder: true})
	if ans.Status == revocation.Unknown {
		e := fail(NoRevocation, "the answer says nothing: %s", ans.Reason)
		if len(ans.Rejected) > 0 {
			e.Err = ans.Rejected[0].Err
		}
		return e
	}
	return nil
}

func (f *Fetcher) ocsp(ctx context.Context, cert, issuer *x509.Certificate) (Revocation, error) {
	query, err := revocation.NewRequest(cert, issuer, nil)
	if err != nil {
		return Revocation{}, wrap(NoRevocation, err, "")
	}
	limit := f.MaxOCSP
	if limit <= 0 {
		limit = defaultOCSPBytes
	}
	return firstOf(cert.OCSPServer, func(u string) (Revocation, error) {
		call := httpCall{client: f.HTTP, url: u, body: query, contentType: "application/ocsp-request", accept: "application/ocsp-response",
			limit: limit, timeout: f.Timeout, reason: NoRevocation}
		b, err := call.do(ctx)
		if err != nil {
			return Revocation{}, err
		}
		rev := Revocation{OCSP: [][]byte{b}}
		return rev, f.settles(rev, cert, issuer)
	})
}

func (f *Fetcher) crl(ctx context.Context, cert, issuer *x509.Certificate) (Revocation, error) {
	limit := f.MaxCRL
	if limit <= 0 {
		limit = defaultCRLBytes
	}
	return firstOf(cert.CRLDistributionPoints, func(u string) (Revocation, error) {
		call := httpCall{client: f.HTTP, url: u, limit: limit, timeout: f.Timeout, reason: NoRevocation, anyType: true}
		b, err := call.do(ctx)
		if err != nil {
			return Revocation{}, err
		}
		rev := Revocation{CRLs: [][]byte{fromPEM(b, "X509 CRL")}}
		return rev, f.settles(rev, cert, issuer)
	})
}

// Issuer implements IssuerSource.
func (f *Fetcher) Issuer(ctx context.Context, cert *x509.Certificate) (*x509.Certificate, error) {
	if f.HTTP == nil {
		return nil, fail(BadConfig, "Fetcher needs HTTP")
	}
	return firstOf(cert.IssuingCertificateURL, func(u string) (*x509.Certificate, error) {
		call := httpCall{client: f.HTTP, url: u, limit: defaultCertBytes, timeout: f.Timeout, reason: BadChain, anyType: true}
		b, err := call.do(ctx)
		if err != nil {
			return nil, err
		}
		c, err := x509.ParseCertificate(fromPEM(b, "CERTIFICATE"))
		if err != nil {
			return nil, wrap(BadChain, err, "issuer's certificate")
		}
		if !issued(c, cert) {
			return nil, fail(BadChain, "the address for the issuer's certificate has another one")
		}
		return c, nil
	})
}

// firstOf tries addresses until one gives an answer.
func firstOf[T any](addresses []string, ask func(string) (T, error)) (T, error) {
	var zero T
	err := error(fail(NoRevocation, noAddress))
	tried := 0
	for _, a := range addresses {
		u, perr := url.Parse(a)
		if perr != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			continue // ldap and the like
		}
		if tried++; tried > maxAddresses {
			break
		}
		var got T
		if got, err = ask(a); err == nil {
			return got, nil
		}
	}
	return zero, err
}

func fromPEM(b []byte, typ string) []byte {
	if block, _ := pem.Decode(b); block != nil && block.Type == typ {
		return block.Bytes
	}
	return b
}
