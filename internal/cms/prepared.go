package cms

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Prepared is a message that lacks only its signature value. It can be stored with MarshalBinary while
// the signature is made elsewhere. It is not changed by its methods.
type Prepared struct {
	pub    crypto.PublicKey
	scheme algo.Scheme
	head   []byte // SignedData up to and including certificates
	siHead []byte // SignerInfo up to and including digestAlgorithm
	attrs  []byte // signed attributes as SET OF: what is signed
}

// ToSign returns what a DigestSigner signs: the digest of the signed attributes, or for Ed25519 the
// attributes themselves.
func (p *Prepared) ToSign() []byte {
	if !p.made() {
		return nil
	}
	return p.scheme.ToSign(p.attrs)
}

// made tells whether there is a message: the zero value and nil are none.
func (p *Prepared) made() bool { return p != nil && p.pub != nil }

var errNotPrepared = errors.New("cms: expected a prepared message")

// Message returns the DER signed attributes, for keys that hash by themselves.
func (p *Prepared) Message() []byte {
	if !p.made() {
		return nil
	}
	return append([]byte(nil), p.attrs...)
}

// Options returns the options to sign ToSign with.
func (p *Prepared) Options() crypto.SignerOpts {
	if !p.made() {
		return crypto.Hash(0)
	}
	return p.scheme.Options()
}

// Scheme returns the signature scheme.
func (p *Prepared) Scheme() algo.Scheme { return p.scheme }

// Check verifies a signature value with the certificate's key. A signature that came from elsewhere
// should be checked before it is embedded; a local key need not be.
func (p *Prepared) Check(sig []byte) error {
	if !p.made() {
		return errNotPrepared
	}
	return p.scheme.Verify(p.pub, p.attrs, sig)
}

func (p *Prepared) fits(key DigestSigner) error {
	if !p.made() {
		return errNotPrepared
	}
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(p.pub) {
		return errors.New("cms: the key is not the certificate's")
	}
	return nil
}

// SignWith returns the signature value made by key, which must be the certificate's.
func (p *Prepared) SignWith(ctx context.Context, key DigestSigner) ([]byte, error) {
	if err := p.fits(key); err != nil {
		return nil, err
	}
	sig, err := key.SignDigest(ctx, p.ToSign(), p.Options())
	if err != nil {
		return nil, fmt.Errorf("cms: signing: %w", err)
	}
	return sig, nil
}

// TimestampAttribute is the unsigned attribute for a signature timestamp token over the hash of the
// signature value.
func TimestampAttribute(token []byte) Attribute {
	return Attribute{Type: OIDSignatureTimestamp, Values: [][]byte{token}}
}

// Embed returns the finished DER message with the signature value and unsigned attributes. It refuses
// a signature whose length the key cannot produce; Check verifies the value.
func (p *Prepared) Embed(sig []byte, unsigned ...Attribute) ([]byte, error) {
	limit := algo.MaxSignature(p.pub)
	if len(sig) == 0 || len(sig) > limit || p.scheme.Kind != algo.ECDSA && len(sig) != limit {
		return nil, fmt.Errorf("cms: signature value of %d bytes, the key makes %d", len(sig), limit)
	}
	return p.encode(sig, unsigned)
}

func (p *Prepared) encode(sig []byte, unsigned []Attribute) ([]byte, error) {
	var attrs [][]byte
	for _, a := range unsigned {
		enc, err := encodeAttribute(a)
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, enc)
	}
	var un []byte
	if attrs != nil {
		var err error
		if un, err = encodeSet(explicit(1), attrs); err != nil {
			return nil, err
		}
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(p.head)+len(p.siHead)+len(p.attrs)+len(sig)+len(un)+128))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		OIDSignedData.Add(b)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(p.head)
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddBytes(p.siHead)
						b.AddBytes([]byte{byte(explicit(0))})
						b.AddBytes(p.attrs[1:])
						p.scheme.Add(b)
						b.AddASN1OctetString(sig)
						b.AddBytes(un)
					})
				})
			})
		})
	})
	return b.Bytes()
}

// MaxSize returns the size Embed's result will have with one signature timestamp token for each of
// the given sizes, found by encoding a message of that shape. It is exact for RSA and Ed25519, and
// the largest possible for ECDSA, whose signatures vary by a few bytes.
func (p *Prepared) MaxSize(tokens ...int) (int, error) {
	var unsigned []Attribute
	for _, n := range tokens {
		if n < 2 || n > MaxSize {
			return 0, fmt.Errorf("cms: timestamp token of %d bytes", n)
		}
		unsigned = append(unsigned, TimestampAttribute(make([]byte, n)))
	}
	b, err := p.encode(make([]byte, algo.MaxSignature(p.pub)), unsigned)
	return len(b), err
}

const preparedVersion = 1

// MarshalBinary encodes the state: DER, SEQUENCE of a version, the public key and the parts.
func (p *Prepared) MarshalBinary() ([]byte, error) {
	if !p.made() {
		return nil, errNotPrepared
	}
	spki, err := x509.MarshalPKIXPublicKey(p.pub)
	if err != nil {
		return nil, fmt.Errorf("cms: %w", err)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(preparedVersion)
		b.AddBytes(spki)
		p.scheme.Add(b)
		for _, part := range [][]byte{p.head, p.siHead, p.attrs} {
			b.AddASN1OctetString(part)
		}
	})
	return b.Bytes()
}

// UnmarshalPrepared reads what MarshalBinary wrote. It checks that the parts form a message and that
// its message will parse; the state is otherwise as trustworthy as where it was kept.
func UnmarshalPrepared(data []byte) (*Prepared, error) {
	bad := errors.New("cms: malformed prepared signature")
	in := cryptobyte.String(data)
	var seq, spki cryptobyte.String
	var version int
	if len(data) > MaxSize || !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(&version) {
		return nil, bad
	}
	if version != preparedVersion {
		return nil, fmt.Errorf("cms: prepared signature of version %d, expected %d", version, preparedVersion)
	}
	if !seq.ReadASN1Element(&spki, asn1.SEQUENCE) {
		return nil, bad
	}
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bad, err)
	}
	id, ok := algo.ReadIdentifier(&seq)
	if !ok {
		return nil, bad
	}
	p := &Prepared{pub: pub}
	if p.scheme, err = algo.ParseSignature(id, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", bad, err)
	}
	for _, part := range []*[]byte{&p.head, &p.siHead, &p.attrs} {
		if !seq.ReadASN1Bytes(part, asn1.OCTET_STRING) || len(*part) == 0 {
			return nil, bad
		}
	}
	if !seq.Empty() || p.attrs[0] != byte(asn1.SET) {
		return nil, bad
	}
	n := algo.MaxSignature(pub)
	if n == 0 {
		return nil, bad
	}
	msg, err := p.encode(make([]byte, n), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bad, err)
	}
	sd, err := Parse(msg, ParseConfig{StrictDER: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bad, err)
	}
	if _, err := sd.Signer(); err != nil {
		return nil, fmt.Errorf("%w: %w", bad, err)
	}
	return p, nil
}
