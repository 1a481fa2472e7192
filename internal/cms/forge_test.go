package cms_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// forge builds messages the writer refuses to build: every part can be replaced, and the result is
// signed correctly over whatever the parts say.
type forge struct {
	leaf        *testca.Leaf
	content     []byte
	inside      bool // content inside
	contentType cms.OID
	certs       [][]byte
	sid         []byte // whole element
	siVersion   int64
	digest      crypto.Hash
	digestID    []byte // replaces the digestAlgorithm element
	schemeID    []byte // replaces the signatureAlgorithm element
	scheme      algo.Scheme
	attrs       [][]byte // nil: the right ones
	noAttrs     bool
	unsorted    bool
	signSorted  bool // signs them in DER order all the same
	unsigned    [][]byte
	signers     int
	badSig      bool
}

func el(tb testing.TB, f func(b *cryptobyte.Builder)) []byte {
	tb.Helper()
	b := cryptobyte.NewBuilder(nil)
	f(b)
	out, err := b.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func attr(tb testing.TB, typ cms.OID, values ...[]byte) []byte {
	return el(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			typ.Add(b)
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
				for _, v := range values {
					b.AddBytes(v)
				}
			})
		})
	})
}

func octets(tb testing.TB, v []byte) []byte {
	return el(tb, func(b *cryptobyte.Builder) { b.AddASN1OctetString(v) })
}

func oid(tb testing.TB, o cms.OID) []byte {
	return el(tb, func(b *cryptobyte.Builder) { o.Add(b) })
}

// essV2 makes a signing-certificate-v2 value for a certificate.
func essV2(tb testing.TB, cert []byte) []byte {
	return el(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(algo.Sum(crypto.SHA256, cert))
				})
			})
		})
	})
}

// essV1 makes a signing-certificate value for a certificate.
func essV1(tb testing.TB, cert []byte) []byte {
	sum := sha1.Sum(cert)
	return el(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) })
			})
		})
	})
}

func signingTime(tb testing.TB, t time.Time) []byte {
	return el(tb, func(b *cryptobyte.Builder) { b.AddASN1UTCTime(t) })
}

func newForge(leaf *testca.Leaf, content []byte) *forge {
	s, h, _ := algo.SchemeFor(leaf.Key.Public(), 0, false)
	return &forge{
		leaf: leaf, content: content, contentType: cms.OIDData, certs: [][]byte{leaf.Certificate.Raw}, siVersion: 1,
		digest: h, scheme: s, signers: 1,
	}
}

// right returns the correct signed attributes.
func (f *forge) right(tb testing.TB) [][]byte {
	return [][]byte{
		attr(tb, cms.OIDContentType, oid(tb, f.contentType)),
		attr(tb, cms.OIDMessageDigest, octets(tb, algo.Sum(f.digest, f.content))),
		attr(tb, cms.OIDSigningCertificateV2, essV2(tb, f.leaf.Certificate.Raw)),
	}
}

func (f *forge) build(tb testing.TB) []byte {
	tb.Helper()
	attrs := f.attrs
	if attrs == nil {
		attrs = f.right(tb)
	}
	attrs = slices.Clone(attrs)
	if !f.unsorted {
		slices.SortFunc(attrs, bytes.Compare)
	} else {
		slices.SortFunc(attrs, func(a, b []byte) int { return bytes.Compare(b, a) })
	}
	set := el(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(attrs...)) })
	})
	signed := set
	if f.signSorted {
		slices.SortFunc(attrs, bytes.Compare)
		signed = el(tb, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(attrs...)) })
		})
	}
	if f.noAttrs {
		signed = f.content
	}
	sig, err := f.leaf.Key.Sign(rand.Reader, f.scheme.ToSign(signed), f.scheme.Options())
	if err != nil {
		tb.Fatal(err)
	}
	if f.badSig {
		sig[len(sig)-1] ^= 1
	}
	return el(tb, func(b *cryptobyte.Builder) { f.encode(b, set, sig) })
}

func (f *forge) encode(b *cryptobyte.Builder, set, sig []byte) {
	seq, ctx := asn1.SEQUENCE, func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	b.AddASN1(seq, func(b *cryptobyte.Builder) {
		cms.OIDSignedData.Add(b)
		b.AddASN1(ctx(0), func(b *cryptobyte.Builder) {
			b.AddASN1(seq, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { algo.AddDigest(b, f.digest) })
				b.AddASN1(seq, func(b *cryptobyte.Builder) {
					f.contentType.Add(b)
					if f.inside {
						b.AddASN1(ctx(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(f.content) })
					}
				})
				b.AddASN1(ctx(0), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(f.certs...)) })
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
					for range f.signers {
						b.AddASN1(seq, func(b *cryptobyte.Builder) { f.signerInfo(b, set, sig) })
					}
				})
			})
		})
	})
}

func (f *forge) signerInfo(b *cryptobyte.Builder, set, sig []byte) {
	b.AddASN1Int64(f.siVersion)
	if f.sid != nil {
		b.AddBytes(f.sid)
	} else {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(f.leaf.Certificate.RawIssuer)
			b.AddASN1BigInt(f.leaf.Certificate.SerialNumber)
		})
	}
	if f.digestID != nil {
		b.AddBytes(f.digestID)
	} else {
		algo.AddDigest(b, f.digest)
	}
	if !f.noAttrs {
		b.AddBytes([]byte{0xa0})
		b.AddBytes(set[1:])
	}
	if f.schemeID != nil {
		b.AddBytes(f.schemeID)
	} else {
		f.scheme.Add(b)
	}
	b.AddASN1OctetString(sig)
	if f.unsigned != nil {
		b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(f.unsigned...)) })
	}
}
