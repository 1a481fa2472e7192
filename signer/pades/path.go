package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"

	"github.com/chancery-dev/chancery/internal/cms/algo"
)

// publicKey is algo.PublicKey, nil for keys that cannot be used.
func publicKey(c *x509.Certificate) crypto.PublicKey {
	pub, err := algo.PublicKey(c)
	if err != nil {
		return nil
	}
	return pub
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// issued reports whether a certificate is signed by another. It says nothing about trust.
func issued(issuer, c *x509.Certificate) bool {
	if !bytes.Equal(c.RawIssuer, issuer.RawSubject) {
		return false
	}
	scheme, err := algo.CertificateScheme(c)
	if err != nil {
		return false
	}
	pub := publicKey(issuer)
	return pub != nil && scheme.Verify(pub, c.RawTBSCertificate, c.Signature) == nil
}

// checkLinks refuses a chain whose names do not follow one another. The signatures are checked where
// the chain is put into a file for others to build their path from (links).
func checkLinks(chain []*x509.Certificate) error {
	for i := 1; i < len(chain); i++ {
		if !bytes.Equal(chain[i-1].RawIssuer, chain[i].RawSubject) {
			return fail(BadChain, "certificate %d of the chain does not name certificate %d as its issuer", i, i+1)
		}
	}
	return nil
}

func links(chain []*x509.Certificate) error {
	for i := 1; i < len(chain); i++ {
		if !issued(chain[i], chain[i-1]) {
			return fail(BadChain, "certificate %d of the chain is not signed by certificate %d", i, i+1)
		}
	}
	return nil
}

// IssuerSource may be implemented by a RevocationSource that can also find the certificate of an
// issuer, as the authority information access extension allows. A nil certificate means it does not know.
type IssuerSource interface {
	Issuer(ctx context.Context, cert *x509.Certificate) (*x509.Certificate, error)
}

// pathFinder builds paths for renewal, where only candidates are at hand.
type pathFinder struct {
	anchors    []*x509.Certificate
	candidates []*x509.Certificate
	issuers    IssuerSource // may be nil
}

// path goes upwards until an anchor, or without anchors until a self-signed certificate. Several
// certificates may be named and signed alike (renewed or cross-signed ones), so it tries them all, an
// anchor first, with a bound on the work.
func (p *pathFinder) path(ctx context.Context, cert *x509.Certificate) ([]*x509.Certificate, error) {
	budget := 256 // signature checks
	found, err := p.climb(ctx, []*x509.Certificate{cert}, &budget)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fail(BadChain, "no path from a certificate in the file to a trusted or self-signed one")
	}
	return found, nil
}

func (p *pathFinder) climb(ctx context.Context, path []*x509.Certificate, budget *int) ([]*x509.Certificate, error) {
	last := path[len(path)-1]
	if p.isAnchor(last) || len(p.anchors) == 0 && selfIssued(last) && issued(last, last) {
		return path, nil
	}
	if len(path) >= maxChain {
		return nil, nil
	}
	found := false
	for _, list := range [][]*x509.Certificate{p.anchors, p.candidates} {
		for _, c := range list {
			if !bytes.Equal(last.RawIssuer, c.RawSubject) || contains(path, c) {
				continue
			}
			if *budget--; *budget < 0 {
				return nil, fail(BadChain, "too many certificates of one name")
			}
			if !issued(c, last) {
				continue
			}
			found = true
			if done, err := p.climb(ctx, append(path[:len(path):len(path)], c), budget); done != nil || err != nil {
				return done, err
			}
		}
	}
	if found || p.issuers == nil || selfIssued(last) {
		return nil, nil
	}
	c, err := p.issuers.Issuer(ctx, last)
	if err != nil {
		return nil, wrap(BadChain, err, "issuer of a certificate")
	}
	if c == nil || contains(path, c) || !issued(c, last) {
		return nil, nil
	}
	p.candidates = append(p.candidates, c)
	return p.climb(ctx, append(path[:len(path):len(path)], c), budget)
}

func (p *pathFinder) isAnchor(c *x509.Certificate) bool { return contains(p.anchors, c) }

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, o := range list {
		if o.Equal(c) {
			return true
		}
	}
	return false
}
