package testca

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// CRLConfig describes a CRL. The zero value is one issued now and valid for seven days.
type CRLConfig struct {
	ThisUpdate time.Time        // zero: now
	NextUpdate time.Time        // zero: seven days after ThisUpdate
	Extra      []pkix.Extension // further CRL extensions
	Signer     *Authority       // whose key signs; nil: the authority itself, as it must be
}

// CRL makes a CRL in DER of everything revoked up to ThisUpdate.
func (a *Authority) CRL(c CRLConfig) ([]byte, error) {
	if c.ThisUpdate.IsZero() {
		c.ThisUpdate = a.config.Clock()
	}
	if c.NextUpdate.IsZero() {
		c.NextUpdate = c.ThisUpdate.AddDate(0, 0, 7)
	}
	a.mu.Lock()
	a.number++
	t := &x509.RevocationList{
		Number: big.NewInt(a.number), ThisUpdate: c.ThisUpdate.UTC(), NextUpdate: c.NextUpdate.UTC(), ExtraExtensions: c.Extra,
	}
	for _, r := range a.revoked {
		if !r.RevocationTime.After(c.ThisUpdate) {
			t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, r)
		}
	}
	a.mu.Unlock()
	if a.config.PSS {
		t.SignatureAlgorithm = x509.SHA256WithRSAPSS
	}
	issuer, key := a.Certificate, a.Key
	if c.Signer != nil {
		// The name stays the authority's: a CRL that someone else signed in its name.
		forged := *a.Certificate
		forged.PublicKey, key = c.Signer.Key.Public(), c.Signer.Key
		issuer = &forged
	}
	raw, err := x509.CreateRevocationList(rand.Reader, t, issuer, key)
	if err != nil {
		return nil, fmt.Errorf("testca: %w", err)
	}
	return raw, nil
}

// OCSPConfig describes an OCSP response. The zero value is an answer by the authority itself, issued
// now and valid for a day.
type OCSPConfig struct {
	Responder  *Leaf       // a delegated responder; nil: the authority itself
	ByName     bool        // responder named by its subject, not by its key
	Hash       crypto.Hash // of the certificate identifier; 0 means SHA-1, as responders commonly use
	ThisUpdate time.Time   // zero: now
	NextUpdate time.Time   // zero: a day after ThisUpdate
	NoNext     bool        // leave nextUpdate out
	ProducedAt time.Time   // zero: ThisUpdate
	Nonce      []byte      // nil: none
	OmitCerts  bool        // leave the responder's certificate out
	// SingleExtensions is the DER of an Extensions element for each answer; nil: none.
	SingleExtensions []byte
}

// OCSP makes a response about certificates in DER.
func (a *Authority) OCSP(c OCSPConfig, certs ...*x509.Certificate) ([]byte, error) {
	if c.Hash == 0 {
		c.Hash = crypto.SHA1
	}
	var ids []revocation.CertID
	for _, x := range certs {
		id, err := revocation.NewCertID(x, a.Certificate, c.Hash)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return a.ocsp(c, ids)
}

// RespondOCSP answers an OCSP request as a responder does: unknown for certificates of others.
func (a *Authority) RespondOCSP(request []byte, c OCSPConfig) ([]byte, error) {
	ids, nonce, err := revocation.ParseRequest(request)
	if err != nil {
		return []byte{0x30, 3, 0x0a, 1, 1}, nil // malformedRequest
	}
	c.Nonce = nonce
	return a.ocsp(c, ids)
}

// status returns what the authority knows about an identifier at a time.
func (a *Authority) status(id revocation.CertID, at time.Time) (revocation.Status, x509.RevocationListEntry) {
	own, err := revocation.NewCertID(&x509.Certificate{RawIssuer: a.Certificate.RawSubject, SerialNumber: id.Serial}, a.Certificate, id.Hash)
	if err != nil || !bytes.Equal(own.NameHash, id.NameHash) || !bytes.Equal(own.KeyHash, id.KeyHash) {
		return revocation.Unknown, x509.RevocationListEntry{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.revoked {
		if r.SerialNumber.Cmp(id.Serial) == 0 && !r.RevocationTime.After(at) {
			return revocation.Revoked, r
		}
	}
	return revocation.Good, x509.RevocationListEntry{}
}

func (a *Authority) ocsp(c OCSPConfig, ids []revocation.CertID) ([]byte, error) {
	if c.ThisUpdate.IsZero() {
		c.ThisUpdate = a.config.Clock()
	}
	if c.NextUpdate.IsZero() {
		c.NextUpdate = c.ThisUpdate.AddDate(0, 0, 1)
	}
	if c.ProducedAt.IsZero() {
		c.ProducedAt = c.ThisUpdate
	}
	cert, key := a.Certificate, a.Key
	if c.Responder != nil {
		cert, key = c.Responder.Certificate, c.Responder.Key
	}
	scheme, _, err := algo.SchemeFor(key.Public(), 0, a.config.PSS && c.Responder == nil)
	if err != nil {
		return nil, err
	}
	tbs, err := a.responseData(c, ids, cert)
	if err != nil {
		return nil, err
	}
	sig, err := key.Sign(rand.Reader, scheme.ToSign(tbs), scheme.Options())
	if err != nil {
		return nil, fmt.Errorf("testca: %w", err)
	}
	seq := asn1.SEQUENCE
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(seq, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		scheme.Add(b)
		b.AddASN1BitString(sig)
		if c.Responder != nil && !c.OmitCerts {
			b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
				b.AddASN1(seq, func(b *cryptobyte.Builder) { b.AddBytes(cert.Raw) })
			})
		}
	})
	basic, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	b = cryptobyte.NewBuilder(nil)
	b.AddASN1(seq, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(seq, func(b *cryptobyte.Builder) {
				algo.NewOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 1).Add(b)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return b.Bytes()
}

func explicit(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

func (a *Authority) responseData(c OCSPConfig, ids []revocation.CertID, responder *x509.Certificate) ([]byte, error) {
	bits, err := keyBits(responder.PublicKey)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, errors.New("testca: no certificates to answer about")
	}
	seq := asn1.SEQUENCE
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(seq, func(b *cryptobyte.Builder) {
		if c.ByName {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddBytes(responder.RawSubject) })
		} else {
			sum := sha1.Sum(bits) // RFC 6960, section 4.2.1
			b.AddASN1(explicit(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
		}
		b.AddASN1GeneralizedTime(c.ProducedAt.UTC())
		b.AddASN1(seq, func(b *cryptobyte.Builder) {
			for _, id := range ids {
				a.addSingle(b, c, id)
			}
		})
		if c.Nonce != nil {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
				b.AddASN1(seq, func(b *cryptobyte.Builder) { revocation.AddNonce(b, c.Nonce) })
			})
		}
	})
	return b.Bytes()
}

func (a *Authority) addSingle(b *cryptobyte.Builder, c OCSPConfig, id revocation.CertID) {
	status, r := a.status(id, c.ThisUpdate)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		id.Add(b)
		switch status {
		case revocation.Good:
			b.AddASN1(asn1.Tag(0).ContextSpecific(), func(*cryptobyte.Builder) {})
		case revocation.Revoked:
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
				b.AddASN1GeneralizedTime(r.RevocationTime)
				if r.ReasonCode != 0 {
					b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(r.ReasonCode)) })
				}
			})
		default:
			b.AddASN1(asn1.Tag(2).ContextSpecific(), func(*cryptobyte.Builder) {})
		}
		b.AddASN1GeneralizedTime(c.ThisUpdate.UTC())
		if !c.NoNext {
			b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(c.NextUpdate.UTC()) })
		}
		if c.SingleExtensions != nil {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddBytes(c.SingleExtensions) })
		}
	})
}
