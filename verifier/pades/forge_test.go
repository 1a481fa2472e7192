package pades_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	sign "github.com/chancery-dev/chancery/signer/pades"
)

// forgery is a CMS message written by hand: a right one unless told otherwise.
type forgery struct {
	cert    *x509.Certificate // named by the signer identifier
	key     crypto.Signer
	bag     []*x509.Certificate
	ess     *x509.Certificate // named by the signing-certificate attribute; nil: none
	content []byte            // encapsulated; nil: detached
	bare    bool              // no signed attributes
	signers int               // 0 means 1
	digest  []byte            // message-digest; nil: the right one
}

func (f forgery) message(tb testing.TB) func(digest []byte) []byte {
	return func(digest []byte) []byte {
		if f.digest != nil {
			digest = f.digest
		}
		attrs := f.attributes(digest)
		toSign := digest
		if !f.bare {
			sum := sha256.Sum256(attrs)
			toSign = sum[:]
		}
		sig, err := f.key.Sign(rand.Reader, toSign, crypto.SHA256)
		if err != nil {
			tb.Fatal(err)
		}
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			cms.OIDSignedData.Add(b)
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { f.signedData(b, attrs, sig) })
			})
		})
		return b.BytesOrPanic()
	}
}

func (f forgery) attributes(digest []byte) []byte {
	var list [][]byte
	add := func(typ cms.OID, value func(b *cryptobyte.Builder)) {
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			typ.Add(b)
			b.AddASN1(asn1.SET, value)
		})
		list = append(list, b.BytesOrPanic())
	}
	add(cms.OIDContentType, func(b *cryptobyte.Builder) { cms.OIDData.Add(b) })
	add(cms.OIDMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) })
	if f.ess != nil {
		sum := sha256.Sum256(f.ess.Raw)
		add(cms.OIDSigningCertificateV2, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
				})
			})
		})
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
		for _, a := range list {
			b.AddBytes(a)
		}
	})
	return b.BytesOrPanic()
}

func (f forgery) signedData(b *cryptobyte.Builder, attrs, sig []byte) {
	b.AddASN1Int64(1)
	b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { algo.AddDigest(b, crypto.SHA256) })
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		cms.OIDData.Add(b)
		if f.content != nil {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(f.content) })
		}
	})
	b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		for _, c := range f.bag {
			b.AddBytes(c.Raw)
		}
	})
	b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
		for range max(1, f.signers) {
			f.signerInfo(b, attrs, sig)
		}
	})
}

func (f forgery) signerInfo(b *cryptobyte.Builder, attrs, sig []byte) {
	scheme, _, err := algo.SchemeFor(f.key.Public(), crypto.SHA256, false)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(f.cert.RawIssuer)
			b.AddASN1BigInt(f.cert.SerialNumber)
		})
		algo.AddDigest(b, crypto.SHA256)
		if !f.bare {
			b.AddBytes(append([]byte{0xa0}, attrs[1:]...))
		}
		scheme.Add(b)
		b.AddASN1OctetString(sig)
	})
}

// lookalike is an infrastructure with the same names and serial numbers, and other keys.
func lookalike(tb testing.TB, w *world) *testca.Leaf {
	tb.Helper()
	must := func(a *testca.Authority, err error) *testca.Authority {
		if err != nil {
			tb.Fatal(err)
		}
		return a
	}
	subject := func(c *x509.Certificate) pkix.Name { return c.Subject }
	root := must(testca.NewRoot(testca.Config{Clock: func() time.Time { return w.Now.Add(-48 * time.Hour) }, Subject: subject(w.Root.Certificate)}))
	inter := must(root.NewIntermediate(testca.Config{Subject: subject(w.Issuing.Certificate)}))
	leaf, err := inter.Issue(testca.Request{Subject: subject(w.Signer.Certificate), Serial: new(big.Int).Set(w.Signer.Certificate.SerialNumber)})
	if err != nil {
		tb.Fatal(err)
	}
	return leaf
}

// ownTSA is a timestamping authority that nobody trusts.
func ownTSA(tb testing.TB, clock func() time.Time) sign.Timestamper {
	tb.Helper()
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Example Time Root"}})
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Example Time"}})
	if err != nil {
		tb.Fatal(err)
	}
	tsa, err := sign.NewLocalTSA(sign.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	return tsa
}
