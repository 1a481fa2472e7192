package pades

import (
	"context"
	"crypto/sha1" //nolint:gosec // names VRI entries (ISO 32000-2, 12.8.4.4), secures nothing
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
)

// Revocation is what is known about one certificate, in DER: OCSPResponse and CertificateList.
type Revocation struct {
	OCSP [][]byte
	CRLs [][]byte
}

// RevocationSource gets revocation data. What it returns is verified before it is used; asked about a
// certificate nobody answers for, it returns an error. It may be called by several goroutines at once.
type RevocationSource interface {
	Revocation(ctx context.Context, cert, issuer *x509.Certificate) (Revocation, error)
}

// evidence is what goes into a document security store.
type evidence struct {
	certs, ocsp, crls bag
	vri               []vriEntry
}

// bag is a list of distinct elements in the order they came.
type bag struct {
	items [][]byte
	index map[[32]byte]int
}

func (b *bag) add(der []byte) int {
	k := sha256.Sum256(der)
	if i, ok := b.index[k]; ok {
		return i
	}
	if b.index == nil {
		b.index = make(map[[32]byte]int)
	}
	b.index[k] = len(b.items)
	b.items = append(b.items, der)
	return len(b.items) - 1
}

// vriEntry lists what belongs to one signature, as indices into the bags.
type vriEntry struct {
	key               string
	certs, ocsp, crls []int
}

// vriKey names a signature: the upper-case hexadecimal SHA-1 of the value of its /Contents
// (ISO 32000-2, 12.8.4.4), padding included.
func vriKey(contents []byte) string {
	sum := sha1.Sum(contents)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// gatherer collects and judges revocation data.
type gatherer struct {
	source   RevocationSource
	now      time.Time
	ev       evidence
	requests int
	// had is data that is in the file already.
	hadOCSP, hadCRLs [][]byte
	hadStore         *revocation.Store
	known            []time.Time // when they may be proven to have existed, besides now
	finder           pathFinder
	seen             map[string]*answer // by certificate
}

// answer is what was used for a certificate.
type answer struct{ certs, ocsp, crls []int }

// path adds a path and the data about each certificate in it but the last, which is trusted by itself.
// at is when the certificates' status matters. fresh asks the source even where the file has data.
func (g *gatherer) path(ctx context.Context, v *vriEntry, path []*x509.Certificate, at time.Time, fresh bool) error {
	for i, c := range path {
		v.certs = appendNew(v.certs, g.ev.certs.add(c.Raw))
		if i+1 == len(path) {
			break
		}
		a, err := g.certificate(ctx, c, path[i+1], at, fresh, 0)
		if err != nil {
			return err
		}
		v.certs = appendNew(v.certs, a.certs...)
		v.ocsp = appendNew(v.ocsp, a.ocsp...)
		v.crls = appendNew(v.crls, a.crls...)
	}
	return nil
}

func appendNew(list []int, items ...int) []int {
next:
	for _, n := range items {
		for _, m := range list {
			if m == n {
				continue next
			}
		}
		list = append(list, n)
	}
	return list
}

// certificate gets the data about one certificate and makes sure they say that it is good.
func (g *gatherer) certificate(ctx context.Context, cert, issuer *x509.Certificate, at time.Time, fresh bool, depth int) (*answer, error) {
	if a := g.seen[string(cert.Raw)]; a != nil {
		return a, nil
	}
	q := revocation.Query{Certificate: cert, Issuer: issuer, At: at, Known: g.now, InsecureUncheckedResponder: true}
	if !fresh {
		if ans, ok := g.inFile(q); ok {
			return g.use(ctx, cert, issuer, ans, g.hadOCSP, g.hadCRLs, at, depth)
		}
	}
	if g.requests++; g.requests > maxRequests {
		return nil, fail(NoRevocation, "more than %d certificates to ask about", maxRequests)
	}
	rev, err := g.source.Revocation(ctx, cert, issuer)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return nil, err
		}
		return nil, wrap(NoRevocation, err, serial(cert))
	}
	ans, err := judge(rev, q)
	if err != nil {
		return nil, err
	}
	return g.use(ctx, cert, issuer, ans, rev.OCSP, rev.CRLs, at, depth)
}

// judge verifies revocation data and refuses all but Good.
func judge(rev Revocation, q revocation.Query) (revocation.Answer, error) {
	store, err := revocation.NewStore(rev.OCSP, rev.CRLs)
	if err != nil {
		return revocation.Answer{}, wrap(NoRevocation, err, serial(q.Certificate))
	}
	ans := store.Check(q)
	switch ans.Status {
	case revocation.Good:
		return ans, nil
	case revocation.Revoked:
		return ans, fail(Revoked, "%s", serial(q.Certificate))
	}
	e := fail(NoRevocation, "%s: %s", serial(q.Certificate), ans.Reason)
	if len(ans.Rejected) > 0 {
		e.Err = ans.Rejected[0].Err
	}
	return ans, e
}

// serial names a certificate without personal data.
func serial(c *x509.Certificate) string {
	return "certificate with serial number " + c.SerialNumber.String()
}

// use puts the piece an answer rests on into the store. A delegated responder's certificate goes in too,
// and data about it where its issuer did not say that none are needed.
func (g *gatherer) use(ctx context.Context, cert, issuer *x509.Certificate, ans revocation.Answer, ocsp, crls [][]byte, at time.Time, depth int) (*answer, error) {
	a := &answer{}
	if ans.Source.Kind == revocation.OCSP {
		a.ocsp = append(a.ocsp, g.ev.ocsp.add(ocsp[ans.Source.Index]))
	} else {
		a.crls = append(a.crls, g.ev.crls.add(crls[ans.Source.Index]))
	}
	if r := ans.Signer; r != nil && !r.Equal(issuer) {
		a.certs = append(a.certs, g.ev.certs.add(r.Raw))
		if !hasNoCheck(r) {
			if depth > 0 {
				return nil, fail(NoRevocation, "an OCSP responder's own status is answered by a responder whose status would have to be asked for")
			}
			more, err := g.certificate(ctx, r, issuer, at, true, depth+1)
			if err != nil {
				return nil, err
			}
			a.certs, a.ocsp, a.crls = appendNew(a.certs, more.certs...), appendNew(a.ocsp, more.ocsp...), appendNew(a.crls, more.crls...)
		}
	}
	if g.seen == nil {
		g.seen = make(map[string]*answer)
	}
	g.seen[string(cert.Raw)] = a
	return a, nil
}

// hasNoCheck reports the extension id-pkix-ocsp-nocheck (RFC 6960, section 4.2.2.2.1).
func hasNoCheck(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.48.1.5" {
			return true
		}
	}
	return false
}

// checkNotRevoked asks about the signer's certificate before signing, so that nothing is signed with a
// certificate that is revoked already.
func (s *Signer) checkNotRevoked(ctx context.Context, now time.Time) error {
	if len(s.Chain) < 2 {
		return nil // trusted by itself
	}
	g := gatherer{source: s.Revocation, now: now}
	_, err := g.certificate(ctx, s.Chain[0], s.Chain[1], now, true, 0)
	return err
}
