package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// DigestSigner is a private key, possibly far away. SignDigest signs a digest computed with
// opts.HashFunc(), or, when that is 0 (Ed25519), the message itself; opts is *rsa.PSSOptions for
// RSA-PSS. ECDSA signatures are in ASN.1 DER. It must return when ctx ends.
type DigestSigner interface {
	Public() crypto.PublicKey
	SignDigest(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

// BatchDigestSigner is a DigestSigner that signs many digests in one call, as remote signing services
// do. The result has one signature for each digest, in order, or an error and nothing.
type BatchDigestSigner interface {
	DigestSigner
	SignDigests(ctx context.Context, digests [][]byte, opts crypto.SignerOpts) ([][]byte, error)
}

// KeySigner makes a DigestSigner of a crypto.Signer. The context is looked at before signing; a
// crypto.Signer cannot be interrupted.
func KeySigner(key crypto.Signer) DigestSigner { return keySigner{key} }

type keySigner struct{ crypto.Signer }

func (k keySigner) SignDigest(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return k.Sign(rand.Reader, digest, opts)
}

// SignerConfig describes whose signatures are made and how.
type SignerConfig struct {
	Certificate *x509.Certificate   // the signer's; required
	Chain       []*x509.Certificate // further certificates to put into the message, usually the intermediates; may be empty
	Hash        crypto.Hash         // digest of content and attributes; 0 chooses by key: SHA-256, SHA-384 for P-384, SHA-512 for P-521 and Ed25519
	PSS         bool                // RSA-PSS instead of PKCS#1 v1.5; needs an RSA key
	ContentType OID                 // empty means id-data
	// OmitCertificates leaves all certificates out of the message, as RFC 3161 demands of tokens whose
	// request did not ask for them. A PAdES signature needs them.
	OmitCertificates bool
	Signed           []Attribute // further signed attributes, such as a signature policy; content-type, message-digest, signing-certificate and signing-time are refused
}

// Signer makes SignedData messages. It holds no key and may be used by several goroutines at once.
type Signer struct {
	pub         crypto.PublicKey
	scheme      algo.Scheme
	hash        crypto.Hash
	contentType OID
	certs       []byte   // certificates field
	siHead      []byte   // version, sid and digestAlgorithm of the SignerInfo
	attrs       [][]byte // all signed attributes but message-digest, encoded
}

// NewSigner prepares what all signatures with one certificate share.
func NewSigner(c SignerConfig) (*Signer, error) {
	if c.Certificate == nil {
		return nil, errors.New("cms: signer needs a certificate")
	}
	pub, err := algo.PublicKey(c.Certificate)
	if err != nil {
		return nil, err
	}
	scheme, hash, err := algo.SchemeFor(pub, c.Hash, c.PSS || algo.PSSOnly(c.Certificate))
	if err != nil {
		return nil, err
	}
	s := &Signer{pub: pub, scheme: scheme, hash: hash, contentType: c.ContentType}
	if s.contentType == "" {
		s.contentType = OIDData
	}
	raws := [][]byte{c.Certificate.Raw}
	for _, x := range c.Chain {
		if !slices.ContainsFunc(raws, func(r []byte) bool { return bytes.Equal(r, x.Raw) }) {
			raws = append(raws, x.Raw)
		}
	}
	if len(raws) > MaxCertificates {
		return nil, fmt.Errorf("cms: %d certificates, at most %d", len(raws), MaxCertificates)
	}
	if !c.OmitCertificates {
		if s.certs, err = encodeSet(explicit(0), raws); err != nil {
			return nil, err
		}
	}
	if s.siHead, err = s.encodeHead(c.Certificate); err != nil {
		return nil, err
	}
	return s, s.encodeAttributes(c)
}

func (s *Signer) encodeHead(cert *x509.Certificate) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1Int64(1)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(cert.RawIssuer)
		b.AddASN1BigInt(cert.SerialNumber)
	})
	algo.AddDigest(b, s.hash)
	return b.Bytes()
}

func (s *Signer) encodeAttributes(c SignerConfig) error {
	b := cryptobyte.NewBuilder(nil)
	s.contentType.Add(b)
	ct, err := b.Bytes()
	if err != nil {
		return err
	}
	ess, err := encodeESS(c.Certificate, s.hash)
	if err != nil {
		return err
	}
	attrs := append([]Attribute{{OIDContentType, [][]byte{ct}}, {OIDSigningCertificateV2, [][]byte{ess}}}, c.Signed...)
	for i, a := range attrs {
		switch {
		case i >= 2 && (a.Type == OIDMessageDigest || a.Type == OIDSigningCertificate || a.Type == OIDSigningTime),
			attribute(attrs[:i], a.Type) != nil:
			return fmt.Errorf("cms: signed attribute %s cannot be given by the caller", a.Type)
		}
		enc, err := encodeAttribute(a)
		if err != nil {
			return err
		}
		s.attrs = append(s.attrs, enc)
	}
	return nil
}

// encodeESS makes SigningCertificateV2 with one reference. A SHA-256 hash algorithm is the DEFAULT and
// therefore absent in DER (RFC 5035, section 4).
func encodeESS(cert *x509.Certificate, hash crypto.Hash) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	seq := asn1.SEQUENCE
	b.AddASN1(seq, func(b *cryptobyte.Builder) {
		b.AddASN1(seq, func(b *cryptobyte.Builder) {
			b.AddASN1(seq, func(b *cryptobyte.Builder) {
				if hash != crypto.SHA256 {
					algo.AddDigest(b, hash)
				}
				b.AddASN1OctetString(algo.Sum(hash, cert.Raw))
				b.AddASN1(seq, func(b *cryptobyte.Builder) {
					b.AddASN1(seq, func(b *cryptobyte.Builder) {
						b.AddASN1(explicit(4), func(b *cryptobyte.Builder) { b.AddBytes(cert.RawIssuer) })
					})
					b.AddASN1BigInt(cert.SerialNumber)
				})
			})
		})
	})
	return b.Bytes()
}

func encodeAttribute(a Attribute) ([]byte, error) {
	if len(a.Values) == 0 {
		return nil, fmt.Errorf("cms: attribute %s without values", a.Type)
	}
	values, err := encodeSet(asn1.SET, a.Values)
	if err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		a.Type.Add(b)
		b.AddBytes(values)
	})
	return b.Bytes()
}

// encodeSet encodes elements as a SET OF in DER order under a tag.
func encodeSet(tag asn1.Tag, elems [][]byte) ([]byte, error) {
	if !sorted(elems) {
		elems = slices.Clone(elems)
		slices.SortFunc(elems, bytes.Compare)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, e := range elems {
			b.AddBytes(e)
		}
	})
	return b.Bytes()
}

// Hash returns the digest algorithm the content is to be hashed with.
func (s *Signer) Hash() crypto.Hash { return s.hash }

// Scheme returns the signature scheme.
func (s *Signer) Scheme() algo.Scheme { return s.scheme }

// Prepare makes everything but the signature value for detached content with the given digest
// (algorithm Hash).
func (s *Signer) Prepare(contentDigest []byte) (*Prepared, error) {
	return s.prepare(contentDigest, nil)
}

// PrepareContent is Prepare for content that goes into the message.
func (s *Signer) PrepareContent(content []byte) (*Prepared, error) {
	if content == nil {
		content = []byte{}
	}
	return s.prepare(algo.Sum(s.hash, content), content)
}

func (s *Signer) prepare(digest, content []byte) (*Prepared, error) {
	if len(digest) != s.hash.Size() {
		return nil, fmt.Errorf("cms: content digest of %d bytes, %v has %d", len(digest), s.hash, s.hash.Size())
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, 80))
	b.AddASN1OctetString(digest)
	value, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	md, err := encodeAttribute(Attribute{OIDMessageDigest, [][]byte{value}})
	if err != nil {
		return nil, err
	}
	attrs, err := encodeSet(asn1.SET, append(s.attrs[:len(s.attrs):len(s.attrs)], md))
	if err != nil {
		return nil, err
	}
	// Version 1 holds for id-data signed by an issuerAndSerialNumber, 3 for other content (RFC 5652, section 5.1).
	version := int64(3)
	if s.contentType == OIDData {
		version = 1
	}
	h := cryptobyte.NewBuilder(make([]byte, 0, len(s.certs)+len(content)+64))
	h.AddASN1Int64(version)
	h.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { algo.AddDigest(b, s.hash) })
	h.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		s.contentType.Add(b)
		if content != nil {
			b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
		}
	})
	h.AddBytes(s.certs)
	head, err := h.Bytes()
	if err != nil {
		return nil, err
	}
	return &Prepared{pub: s.pub, scheme: s.scheme, head: head, siHead: s.siHead, attrs: attrs}, nil
}

// Sign makes a detached signature in one go: Prepare, sign, Embed.
func (s *Signer) Sign(ctx context.Context, key DigestSigner, contentDigest []byte) ([]byte, error) {
	p, err := s.Prepare(contentDigest)
	if err != nil {
		return nil, err
	}
	return p.sign(ctx, key)
}

// SignContent makes a signature with the content inside.
func (s *Signer) SignContent(ctx context.Context, key DigestSigner, content []byte) ([]byte, error) {
	p, err := s.PrepareContent(content)
	if err != nil {
		return nil, err
	}
	return p.sign(ctx, key)
}

func (p *Prepared) sign(ctx context.Context, key DigestSigner) ([]byte, error) {
	sig, err := p.SignWith(ctx, key)
	if err != nil {
		return nil, err
	}
	return p.Embed(sig)
}

// SignBatch signs several prepared messages of one key, in one call where the key can.
func SignBatch(ctx context.Context, key DigestSigner, prepared []*Prepared) ([][]byte, error) {
	sigs := make([][]byte, 0, len(prepared))
	batch, ok := key.(BatchDigestSigner)
	if !ok {
		for i, p := range prepared {
			sig, err := p.SignWith(ctx, key)
			if err != nil {
				return nil, fmt.Errorf("cms: signing %d of %d: %w", i+1, len(prepared), err)
			}
			sigs = append(sigs, sig)
		}
		return sigs, nil
	}
	if len(prepared) == 0 {
		return nil, nil
	}
	digests := make([][]byte, len(prepared))
	for i, p := range prepared {
		if err := p.fits(key); err != nil {
			return nil, err
		}
		if p.scheme != prepared[0].scheme {
			return nil, errors.New("cms: a batch must be of one signature scheme")
		}
		digests[i] = p.ToSign()
	}
	sigs, err := batch.SignDigests(ctx, digests, prepared[0].Options())
	if err != nil {
		return nil, fmt.Errorf("cms: signing a batch: %w", err)
	}
	if len(sigs) != len(digests) {
		return nil, fmt.Errorf("cms: %d signatures for a batch of %d", len(sigs), len(digests))
	}
	return sigs, nil
}
