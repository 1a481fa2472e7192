package tsp

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// AuthorityConfig describes a timestamping authority.
type AuthorityConfig struct {
	Certificate *x509.Certificate   // with the critical EKU timeStamping; required
	Chain       []*x509.Certificate // further certificates for the token, usually the intermediates
	Key         cms.DigestSigner    // the certificate's key; required
	Clock       func() time.Time    // required
	Policy      OID                 // the policy tokens are issued under; required
	Hash        crypto.Hash         // of the tokens' signatures; 0 chooses by key
	PSS         bool                // RSA-PSS signatures
	Serial      func() (*big.Int, error)
	// Serial gives each token's serial number, never the same twice; nil draws 159 random bits.

	Accuracy time.Duration // of the clock; 0 leaves it out. Microseconds at the finest.
	Ordering bool          // promise that tokens are ordered by their times alone
	// Resolution times are cut to; 0 means a millisecond.
	Resolution time.Duration
}

// Authority answers timestamp requests. It may be used by several goroutines at once if Clock, Serial
// and Key may.
type Authority struct {
	c           AuthorityConfig
	with, plain *cms.Signer // with and without certificates in the token
}

// NewAuthority checks the configuration, in particular that verifiers will accept the certificate.
func NewAuthority(c AuthorityConfig) (*Authority, error) {
	switch {
	case c.Certificate == nil || c.Key == nil:
		return nil, fail(BadConfig, "an authority needs a certificate and its key")
	case c.Clock == nil:
		return nil, fail(BadConfig, "an authority needs a clock")
	case c.Policy == "":
		return nil, fail(BadConfig, "an authority needs a policy")
	case c.Accuracy < 0 || c.Accuracy > 366*24*time.Hour:
		return nil, fail(BadConfig, "accuracy out of range")
	}
	ekus, critical, present, ok := chain.EKUs(c.Certificate)
	if !ok || !present || !critical || len(ekus) != 1 || ekus[0] != chain.EKUTimestamping {
		return nil, fail(BadConfig, "the certificate must have a critical extended key usage timeStamping and no other")
	}
	if c.Resolution <= 0 {
		c.Resolution = time.Millisecond
	}
	if c.Serial == nil {
		c.Serial = randomSerial
	}
	a := &Authority{c: c}
	sc := cms.SignerConfig{Certificate: c.Certificate, Chain: c.Chain, Hash: c.Hash, PSS: c.PSS, ContentType: cms.OIDTSTInfo}
	var err error
	if a.with, err = cms.NewSigner(sc); err != nil {
		return nil, &Error{Reason: BadConfig, Err: err}
	}
	sc.OmitCertificates = true
	if a.plain, err = cms.NewSigner(sc); err != nil {
		return nil, &Error{Reason: BadConfig, Err: err}
	}
	return a, nil
}

func randomSerial() (*big.Int, error) {
	b := make([]byte, 20)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b), nil
}

// Respond answers a DER request with a DER response. Requests that cannot be served are answered with
// a rejection; an error means that the authority itself could not work, and the caller may send
// SystemFailure instead.
func (a *Authority) Respond(ctx context.Context, request []byte) ([]byte, error) {
	req, err := ParseRequest(request)
	switch {
	case errors.Is(err, Unsupported):
		return reject(FailBadAlgorithm, "hash or extension not supported")
	case err != nil:
		return reject(FailBadDataFormat, "malformed request")
	case req.Hash == crypto.SHA1:
		return reject(FailBadAlgorithm, "SHA-1 is not accepted")
	case req.Policy != "" && req.Policy != a.c.Policy:
		return reject(FailPolicy, "unknown policy")
	}
	token, err := a.Token(ctx, req)
	if err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(Granted)) })
		b.AddBytes(token)
	})
	return b.Bytes()
}

// SystemFailure is the response of an authority that cannot work at the moment.
func SystemFailure() ([]byte, error) { return reject(FailSystem, "the authority cannot answer now") }

func reject(bit int, text string) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(int64(Rejection))
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
			})
			bits := make([]byte, bit/8+1)
			bits[bit/8] = 0x80 >> (bit % 8)
			b.AddASN1(asn1.BIT_STRING, func(b *cryptobyte.Builder) {
				b.AddUint8(uint8(7 - bit%8)) // a named bit list ends at its last set bit
				b.AddBytes(bits)
			})
		})
	})
	return b.Bytes()
}

// Token issues a token for a request, without the response around it.
func (a *Authority) Token(ctx context.Context, req *Request) ([]byte, error) {
	if algo.ImprintOID(req.Hash) == "" || len(req.Digest) != req.Hash.Size() {
		return nil, fail(Unsupported, "hash %v with a digest of %d bytes", req.Hash, len(req.Digest))
	}
	serial, err := a.c.Serial()
	if err != nil {
		return nil, &Error{Reason: BadConfig, Detail: "no serial number", Err: err}
	}
	now := a.c.Clock().UTC().Truncate(a.c.Resolution)
	if now.Before(a.c.Certificate.NotBefore) || now.After(a.c.Certificate.NotAfter) {
		return nil, fail(BadConfig, "the authority's certificate is not valid at %s", now.Format(time.RFC3339))
	}
	info, err := a.encodeInfo(req, serial, now)
	if err != nil {
		return nil, err
	}
	s := a.plain
	if req.Certificates {
		s = a.with
	}
	return s.SignContent(ctx, a.c.Key, info)
}

func (a *Authority) encodeInfo(req *Request, serial *big.Int, now time.Time) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		a.c.Policy.Add(b)
		addImprint(b, req.Hash, slices.Clone(req.Digest))
		b.AddASN1BigInt(serial)
		b.AddASN1(asn1.GeneralizedTime, func(b *cryptobyte.Builder) {
			b.AddBytes([]byte(now.Format("20060102150405.999999999Z"))) // .999 drops trailing zeros
		})
		if a.c.Accuracy > 0 {
			addAccuracy(b, a.c.Accuracy)
		}
		if a.c.Ordering {
			b.AddASN1Boolean(true)
		}
		if req.Nonce != nil {
			b.AddASN1BigInt(req.Nonce)
		}
		b.AddASN1(implicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(implicit(4), func(b *cryptobyte.Builder) { b.AddBytes(a.c.Certificate.RawSubject) })
		})
	})
	return b.Bytes()
}

func addAccuracy(b *cryptobyte.Builder, d time.Duration) {
	d = (d + time.Microsecond - 1).Truncate(time.Microsecond) // never claim more than configured
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if s := int64(d / time.Second); s > 0 {
			b.AddASN1Int64(s)
		}
		if ms := int64(d % time.Second / time.Millisecond); ms > 0 {
			b.AddASN1Int64WithTag(ms, asn1.Tag(0).ContextSpecific())
		}
		if us := int64(d % time.Millisecond / time.Microsecond); us > 0 {
			b.AddASN1Int64WithTag(us, asn1.Tag(1).ContextSpecific())
		}
	})
}
