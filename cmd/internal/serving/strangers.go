package serving

import (
	"context"
	"crypto/x509"
	"net/http"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/netguard"
	"github.com/chancery-dev/chancery/signer/pades"
)

// strangers tell what is revoked of certificates that callers bring for remote signatures.
// Such a certificate names whatever address its maker likes: only public ones are asked.
// Those under roots that the operator configured are asked wherever they say.
type strangers struct {
	known  pades.RevocationSource // for what is under the roots
	others *pades.Fetcher
	roots  *x509.CertPool
	clock  func() time.Time
}

var strangerPorts = []int{80, 443, 8080, 8443}

func newStrangers(p Parts) *strangers {
	guard := netguard.Guard{Ports: strangerPorts, InsecureLoopback: p.InsecureLoopback}
	client := &http.Client{
		Timeout:       revocationTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: nil, DialContext: guard.Dialer(revocationTime).DialContext, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 16 << 10},
	}
	s := &strangers{known: p.Revocation, others: &pades.Fetcher{HTTP: client, Clock: p.Clock, KeepFor: 10 * time.Minute}, roots: x509.NewCertPool(), clock: p.Clock}
	for _, c := range p.TSARoots {
		s.roots.AddCert(c)
	}
	if p.Trust != nil {
		for _, c := range slices.Concat(p.Trust.Roots, p.Trust.TSARoots) {
			s.roots.AddCert(c)
		}
	}
	return s
}

// Revocation implements pades.RevocationSource.
func (s *strangers) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (pades.Revocation, error) {
	between := x509.NewCertPool()
	between.AddCert(issuer)
	_, err := cert.Verify(x509.VerifyOptions{Roots: s.roots, Intermediates: between, CurrentTime: s.clock(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err == nil {
		return s.known.Revocation(ctx, cert, issuer)
	}
	return s.others.Revocation(ctx, cert, issuer)
}
