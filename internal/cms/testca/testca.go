// Package testca is a small certification authority: roots, intermediates, certificates for document
// signing, timestamping and OCSP, CRLs and OCSP responses.
//
// It serves tests, the demonstration and the development timestamp authority. It keeps its state in
// memory and its keys in the process: it is not an authority anyone outside should trust.
//
// NewRoot, then Authority.NewIntermediate and Authority.Issue; Authority.Revoke, CRL and OCSP for
// revocation. Every time comes from Config.Clock.
package testca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// Config describes an authority.
type Config struct {
	Clock    func() time.Time // required
	Subject  pkix.Name        // required
	Key      crypto.Signer    // nil: a new P-256 key
	Lifetime time.Duration    // of the authority's certificate; 0 means 20 years
	EKU      []asn1.ObjectIdentifier
	// PathLen limits further intermediates below; 0 means no limit.
	PathLen int
	// PermittedDNS sets a critical name constraint on DNS names; empty means none.
	PermittedDNS []string
	// OCSPURL and CRLURL are written into certificates the authority issues; empty leaves them out.
	OCSPURL, CRLURL string
	// PSS makes an RSA authority sign certificates, CRLs and OCSP responses with RSA-PSS.
	PSS bool
}

// Authority issues certificates. It may be used by several goroutines at once.
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	Parent      *Authority // nil for a root

	config Config

	mu      sync.Mutex
	serial  int64
	number  int64
	revoked []x509.RevocationListEntry
}

// Leaf is an issued certificate with its key.
type Leaf struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	// Chain is the issuing authority's certificate, then its issuer's, up to and with the root.
	Chain []*x509.Certificate
}

// Profile is a kind of certificate.
type Profile int

// Profiles.
const (
	DocumentSigning Profile = iota // key usage digitalSignature and nonRepudiation; EKU of RFC 9336
	Timestamping                   // critical EKU timeStamping
	OCSPResponder                  // EKU OCSPSigning and id-pkix-ocsp-nocheck
	Plain                          // no extended key usage
)

// Request describes a certificate to issue.
type Request struct {
	Profile   Profile
	Subject   pkix.Name        // required
	Key       crypto.Signer    // the subject's key; nil: a new P-256 key, unless Public is set
	Public    crypto.PublicKey // for keys that lie elsewhere; used when Key is nil
	NotBefore time.Time        // zero: now
	NotAfter  time.Time        // zero: two years after NotBefore, at most the issuer's end
	KeyUsage  x509.KeyUsage    // 0: by profile
	EKU       []asn1.ObjectIdentifier
	// EKUNotCritical makes the extension of a Timestamping profile non-critical, which verifiers must refuse.
	EKUNotCritical bool
	// NeedsCheck leaves id-pkix-ocsp-nocheck out of an OCSPResponder.
	NeedsCheck bool
	DNSNames   []string
	Serial     *big.Int         // nil: the next one
	Extra      []pkix.Extension // further extensions
}

var (
	oidEKU          = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidNoCheck      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
	ekuDocument     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
	ekuTimestamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	ekuOCSP         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 9}
)

// NewRoot makes a self-signed authority.
func NewRoot(c Config) (*Authority, error) { return newAuthority(c, nil) }

// NewIntermediate makes an authority certified by a.
func (a *Authority) NewIntermediate(c Config) (*Authority, error) {
	if c.Clock == nil {
		c.Clock = a.config.Clock
	}
	return newAuthority(c, a)
}

func newAuthority(c Config, parent *Authority) (*Authority, error) {
	if c.Clock == nil {
		return nil, errors.New("testca: no clock")
	}
	if c.Lifetime == 0 {
		c.Lifetime = 20 * 365 * 24 * time.Hour
	}
	var err error
	if c.Key == nil {
		if c.Key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	now := c.Clock().UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: c.Subject, NotBefore: now, NotAfter: now.Add(c.Lifetime),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
		MaxPathLen: c.PathLen, PermittedDNSDomains: c.PermittedDNS,
		PermittedDNSDomainsCritical: len(c.PermittedDNS) > 0,
	}
	if t.SubjectKeyId, err = keyID(c.Key.Public()); err != nil {
		return nil, err
	}
	if len(c.EKU) > 0 {
		t.UnknownExtKeyUsage = c.EKU
	}
	a := &Authority{Key: c.Key, Parent: parent, config: c, serial: 1}
	issuer, signer := t, a
	if parent != nil {
		issuer, signer = parent.Certificate, parent
		t.SerialNumber = parent.next()
		parent.urls(t)
		if t.NotAfter.After(issuer.NotAfter) {
			t.NotAfter = issuer.NotAfter
		}
	}
	a.Certificate, err = signer.certify(t, issuer, c.Key.Public())
	return a, err
}

func (a *Authority) next() *big.Int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.serial++
	return big.NewInt(a.serial)
}

func (a *Authority) urls(t *x509.Certificate) {
	if a.config.OCSPURL != "" {
		t.OCSPServer = []string{a.config.OCSPURL}
	}
	if a.config.CRLURL != "" {
		t.CRLDistributionPoints = []string{a.config.CRLURL}
	}
}

func (a *Authority) certify(t, issuer *x509.Certificate, pub crypto.PublicKey) (*x509.Certificate, error) {
	if a.config.PSS {
		t.SignatureAlgorithm = x509.SHA256WithRSAPSS
	}
	raw, err := x509.CreateCertificate(rand.Reader, t, issuer, pub, a.Key)
	if err != nil {
		return nil, fmt.Errorf("testca: %w", err)
	}
	return x509.ParseCertificate(raw)
}

// Chain returns the authority's certificate and those above it, the root last.
func (a *Authority) Chain() []*x509.Certificate {
	var out []*x509.Certificate
	for x := a; x != nil; x = x.Parent {
		out = append(out, x.Certificate)
	}
	return out
}

// Root returns the topmost certificate.
func (a *Authority) Root() *x509.Certificate { ch := a.Chain(); return ch[len(ch)-1] }

// Issue makes a certificate.
func (a *Authority) Issue(r Request) (*Leaf, error) {
	pub := r.Public
	if r.Key == nil && pub == nil {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		r.Key = k
	}
	if r.Key != nil {
		pub = r.Key.Public()
	}
	t, err := a.template(r, pub)
	if err != nil {
		return nil, err
	}
	cert, err := a.certify(t, a.Certificate, pub)
	if err != nil {
		return nil, err
	}
	return &Leaf{Certificate: cert, Key: r.Key, Chain: a.Chain()}, nil
}

func (a *Authority) template(r Request, pub crypto.PublicKey) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: r.Serial, Subject: r.Subject, NotBefore: r.NotBefore, NotAfter: r.NotAfter,
		KeyUsage: r.KeyUsage, BasicConstraintsValid: true, DNSNames: r.DNSNames, ExtraExtensions: r.Extra,
	}
	if t.SerialNumber == nil {
		t.SerialNumber = a.next()
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = a.config.Clock().UTC().Truncate(time.Second)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = t.NotBefore.AddDate(2, 0, 0)
		if t.NotAfter.After(a.Certificate.NotAfter) {
			t.NotAfter = a.Certificate.NotAfter
		}
	}
	if t.KeyUsage == 0 {
		t.KeyUsage = x509.KeyUsageDigitalSignature
		if r.Profile == DocumentSigning {
			t.KeyUsage |= x509.KeyUsageContentCommitment
		}
	}
	var err error
	if t.SubjectKeyId, err = keyID(pub); err != nil {
		return nil, err
	}
	ekus := r.EKU
	if ekus == nil {
		switch r.Profile {
		case DocumentSigning:
			ekus = []asn1.ObjectIdentifier{ekuDocument}
		case Timestamping:
			ekus = []asn1.ObjectIdentifier{ekuTimestamping}
		case OCSPResponder:
			ekus = []asn1.ObjectIdentifier{ekuOCSP}
		}
	}
	if len(ekus) > 0 {
		v, err := asn1.Marshal(ekus)
		if err != nil {
			return nil, err
		}
		critical := r.Profile == Timestamping && !r.EKUNotCritical
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: oidEKU, Critical: critical, Value: v})
	}
	if r.Profile == OCSPResponder && !r.NeedsCheck {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: oidNoCheck, Value: []byte{5, 0}})
	}
	if r.Profile != OCSPResponder {
		a.urls(t)
	}
	return t, nil
}

// Revoke records that a certificate is revoked from a time on, with a CRLReason (RFC 5280, section 5.3.1).
func (a *Authority) Revoke(serial *big.Int, at time.Time, reason int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked = append(a.revoked, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: at.UTC(), ReasonCode: reason})
}

func keyID(pub crypto.PublicKey) ([]byte, error) {
	bits, err := keyBits(pub)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(bits) // RFC 5280, section 4.2.1.2, method 1: an identifier, not a security measure
	return sum[:], nil
}

// keyBits returns the content of the subjectPublicKey bit string.
func keyBits(pub crypto.PublicKey) ([]byte, error) {
	raw, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("testca: %w", err)
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(raw, &spki); err != nil {
		return nil, fmt.Errorf("testca: %w", err)
	}
	return spki.Key.Bytes, nil
}
