package algo

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Kind is a family of signature algorithms.
type Kind int

// The families this package verifies and makes. The zero Kind is none of them.
const (
	RSAPKCS1 Kind = iota + 1 // RSASSA-PKCS1-v1_5
	RSAPSS                   // RSASSA-PSS, MGF1 with the message's hash
	ECDSA                    // on P-256, P-384, P-521; DER signature value
	Ed25519                  // pure, over the message itself
)

// String returns the usual name.
func (k Kind) String() string {
	switch k {
	case RSAPKCS1:
		return "RSA-PKCS1-v1_5"
	case RSAPSS:
		return "RSA-PSS"
	case ECDSA:
		return "ECDSA"
	case Ed25519:
		return "Ed25519"
	}
	return "unknown"
}

// Scheme is a fully determined signature algorithm.
type Scheme struct {
	Kind Kind
	Hash crypto.Hash // the hash of the signed bytes; 0 for Ed25519, which hashes by itself
	Salt int         // RSA-PSS only: length of the salt in bytes
}

// String names scheme and hash.
func (s Scheme) String() string {
	if s.Hash == 0 {
		return s.Kind.String()
	}
	return s.Kind.String() + " with " + s.Hash.String()
}

// ParseSignature determines the scheme of a signature AlgorithmIdentifier. digest is the hash a
// separate digestAlgorithm field names (CMS); 0 where the format has none (certificates, OCSP, CRLs).
// A scheme that names another hash than digest is refused (RFC 8933, section 3); Ed25519 demands
// SHA-512 as digest (RFC 8419, section 3.1).
func ParseSignature(id Identifier, digest crypto.Hash) (Scheme, error) {
	var s Scheme
	switch id.OID {
	case OIDRSA:
		if digest == 0 {
			return s, fmt.Errorf("%w: rsaEncryption names no hash", ErrUnsupported)
		}
		s = Scheme{Kind: RSAPKCS1, Hash: digest}
	case OIDSHA256WithRSA:
		s = Scheme{Kind: RSAPKCS1, Hash: crypto.SHA256}
	case OIDSHA384WithRSA:
		s = Scheme{Kind: RSAPKCS1, Hash: crypto.SHA384}
	case OIDSHA512WithRSA:
		s = Scheme{Kind: RSAPKCS1, Hash: crypto.SHA512}
	case OIDSHA1WithRSA:
		s = Scheme{Kind: RSAPKCS1, Hash: crypto.SHA1}
	case OIDECDSAWithSHA256:
		s = Scheme{Kind: ECDSA, Hash: crypto.SHA256}
	case OIDECDSAWithSHA384:
		s = Scheme{Kind: ECDSA, Hash: crypto.SHA384}
	case OIDECDSAWithSHA512:
		s = Scheme{Kind: ECDSA, Hash: crypto.SHA512}
	case OIDECDSAWithSHA1:
		s = Scheme{Kind: ECDSA, Hash: crypto.SHA1}
	case OIDEd25519:
		s = Scheme{Kind: Ed25519}
	case OIDRSAPSS:
		var err error
		if s, err = parsePSS(id.Params); err != nil {
			return Scheme{}, err
		}
	default:
		return s, fmt.Errorf("%w: signature %s", ErrUnsupported, id.OID)
	}
	switch {
	case s.Kind == Ed25519 && id.Params != nil:
		return Scheme{}, fmt.Errorf("%w: Ed25519 must have none (RFC 8419, section 2.3)", ErrParameters)
	case s.Kind != RSAPSS && !id.noParams():
		return Scheme{}, fmt.Errorf("%w: signature %s must have none or NULL", ErrParameters, id.OID)
	case digest == 0:
	case s.Kind == Ed25519 && digest != crypto.SHA512:
		return Scheme{}, fmt.Errorf("%w: Ed25519 needs digest SHA-512, found %v", ErrMismatch, digest)
	case s.Kind != Ed25519 && s.Hash != digest:
		return Scheme{}, fmt.Errorf("%w: signature hash %v, digest %v", ErrMismatch, s.Hash, digest)
	}
	return s, nil
}

// parsePSS reads RSASSA-PSS-params (RFC 4055, section 3.1). The trailer field must be 1. A mask
// generation hash that is not the message hash is allowed, and not supported.
func parsePSS(params []byte) (Scheme, error) {
	bad := func(what string) (Scheme, error) {
		return Scheme{}, fmt.Errorf("%w: RSASSA-PSS: %s", ErrParameters, what)
	}
	digest := func(from *cryptobyte.String) (crypto.Hash, error) {
		id, ok := ReadIdentifier(from)
		if !ok || !from.Empty() {
			return 0, ErrParameters
		}
		return ParseDigest(id)
	}
	if params == nil {
		return bad("absent in a signature")
	}
	in := cryptobyte.String(params)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() {
		return bad("not a SEQUENCE")
	}
	hash, mgf, salt, trailer := crypto.SHA1, crypto.SHA1, 20, 1
	var field cryptobyte.String
	var present bool
	if !seq.ReadOptionalASN1(&field, &present, tagExplicit(0)) {
		return bad("hashAlgorithm")
	}
	if present {
		var err error
		if hash, err = digest(&field); err != nil {
			return Scheme{}, fmt.Errorf("%w: RSASSA-PSS: hashAlgorithm", err)
		}
	}
	if !seq.ReadOptionalASN1(&field, &present, tagExplicit(1)) {
		return bad("maskGenAlgorithm")
	}
	if present {
		id, ok := ReadIdentifier(&field)
		if !ok || id.OID != OIDMGF1 || !field.Empty() {
			return bad("maskGenAlgorithm is not MGF1")
		}
		p := cryptobyte.String(id.Params)
		var err error
		if mgf, err = digest(&p); err != nil {
			return Scheme{}, fmt.Errorf("%w: RSASSA-PSS: maskGenAlgorithm hash", err)
		}
	}
	if !seq.ReadOptionalASN1(&field, &present, tagExplicit(2)) || present && (!field.ReadASN1Integer(&salt) || !field.Empty()) {
		return bad("saltLength")
	}
	if !seq.ReadOptionalASN1(&field, &present, tagExplicit(3)) || present && (!field.ReadASN1Integer(&trailer) || !field.Empty()) {
		return bad("trailerField")
	}
	switch {
	case !seq.Empty():
		return bad("extra fields")
	case trailer != 1:
		return bad("trailerField is not 1")
	case mgf != hash: // right, and crypto/rsa cannot check it
		return Scheme{}, fmt.Errorf("%w: RSASSA-PSS: mask generation hash differs from message hash", ErrUnsupported)
	case salt < 0 || salt > 512:
		return bad("saltLength out of range")
	}
	return Scheme{Kind: RSAPSS, Hash: hash, Salt: salt}, nil
}

func tagExplicit(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

// Add appends the AlgorithmIdentifier of the scheme.
func (s Scheme) Add(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		s.oid().Add(b)
		switch s.Kind {
		case RSAPKCS1:
			b.AddBytes(derNull) // RFC 4055, section 5: MUST be NULL
		case RSAPSS:
			s.addPSS(b)
		}
	})
}

func (s Scheme) addPSS(b *cryptobyte.Builder) {
	hash := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			DigestOID(s.Hash).Add(b)
			b.AddBytes(derNull) // as RFC 4055, section 2.1 wants them inside PSS parameters
		})
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tagExplicit(0), hash)
		b.AddASN1(tagExplicit(1), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				OIDMGF1.Add(b)
				hash(b)
			})
		})
		b.AddASN1(tagExplicit(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(s.Salt)) })
	})
}

func (s Scheme) oid() OID {
	switch {
	case s.Kind == RSAPSS:
		return OIDRSAPSS
	case s.Kind == Ed25519:
		return OIDEd25519
	case s.Kind == RSAPKCS1 && s.Hash == crypto.SHA256:
		return OIDSHA256WithRSA
	case s.Kind == RSAPKCS1 && s.Hash == crypto.SHA384:
		return OIDSHA384WithRSA
	case s.Kind == RSAPKCS1 && s.Hash == crypto.SHA512:
		return OIDSHA512WithRSA
	case s.Kind == RSAPKCS1 && s.Hash == crypto.SHA1:
		return OIDSHA1WithRSA
	case s.Kind == ECDSA && s.Hash == crypto.SHA256:
		return OIDECDSAWithSHA256
	case s.Kind == ECDSA && s.Hash == crypto.SHA384:
		return OIDECDSAWithSHA384
	case s.Kind == ECDSA && s.Hash == crypto.SHA512:
		return OIDECDSAWithSHA512
	case s.Kind == ECDSA && s.Hash == crypto.SHA1:
		return OIDECDSAWithSHA1
	}
	return ""
}

// Options returns what a crypto.Signer of the right key needs to sign with the scheme.
func (s Scheme) Options() crypto.SignerOpts {
	if s.Kind == RSAPSS {
		return &rsa.PSSOptions{SaltLength: s.Salt, Hash: s.Hash}
	}
	return s.Hash
}

// ToSign returns what is handed to a signer: the digest of message, or message itself for Ed25519.
func (s Scheme) ToSign(message []byte) []byte {
	if s.Hash == 0 {
		return message
	}
	return Sum(s.Hash, message)
}

// Verify checks sig over message with pub. It returns nil only when the signature is correct.
func (s Scheme) Verify(pub crypto.PublicKey, message, sig []byte) error {
	return s.VerifyDigest(pub, s.ToSign(message), sig)
}

// VerifyDigest is Verify for a message hashed already (for Ed25519: for the message itself).
func (s Scheme) VerifyDigest(pub crypto.PublicKey, digest, sig []byte) error {
	ok := false
	switch k := pub.(type) {
	case *rsa.PublicKey:
		switch {
		case k.N.BitLen() < minRSA:
			// crypto/rsa refuses them, which would not say that the signature is wrong.
			return fmt.Errorf("%w: RSA key of %d bits", ErrUnsupported, k.N.BitLen())
		case s.Kind == RSAPKCS1:
			ok = rsa.VerifyPKCS1v15(k, s.Hash, digest, sig) == nil
		case s.Kind == RSAPSS && s.Salt > 0:
			ok = rsa.VerifyPSS(k, s.Hash, digest, sig, &rsa.PSSOptions{SaltLength: s.Salt}) == nil
		case s.Kind == RSAPSS:
			// crypto/rsa takes length 0 for "any length", which would not check what was declared.
			return fmt.Errorf("%w: RSASSA-PSS without salt", ErrUnsupported)
		default:
			return fmt.Errorf("%w: RSA key, %v", ErrKey, s.Kind)
		}
	case *ecdsa.PublicKey:
		if s.Kind != ECDSA || !knownCurve(k.Curve) {
			return fmt.Errorf("%w: EC key, %v", ErrKey, s.Kind)
		}
		ok = ecdsa.VerifyASN1(k, digest, sig)
	case ed25519.PublicKey:
		if s.Kind != Ed25519 {
			return fmt.Errorf("%w: Ed25519 key, %v", ErrKey, s.Kind)
		}
		ok = len(k) == ed25519.PublicKeySize && ed25519.Verify(k, digest, sig)
	default:
		return fmt.Errorf("%w: key type %T", ErrKey, pub)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

// minRSA is the size in bits below which RSA keys are not used for anything.
const minRSA = 1024

func knownCurve(c elliptic.Curve) bool {
	return c == elliptic.P256() || c == elliptic.P384() || c == elliptic.P521()
}

// KeyBits returns the size of a key as algorithm policies count it: modulus for RSA, field for
// elliptic curves; 0 for a key type this package does not know.
func KeyBits(pub crypto.PublicKey) int {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen()
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return 256
	}
	return 0
}

// PublicKey returns the key of a certificate. crypto/x509 leaves the key of a certificate whose
// subjectPublicKeyInfo says id-RSASSA-PSS (RFC 4055, section 3.1) unread; it is read here.
func PublicKey(c *x509.Certificate) (crypto.PublicKey, error) {
	if c.PublicKey != nil {
		return c.PublicKey, nil
	}
	in := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var spki, key cryptobyte.String
	var bits []byte
	if !in.ReadASN1(&spki, asn1.SEQUENCE) {
		return nil, fmt.Errorf("%w: malformed key of certificate", ErrKey)
	}
	id, ok := ReadIdentifier(&spki)
	if !ok || !spki.ReadASN1BitStringAsBytes(&bits) {
		return nil, fmt.Errorf("%w: malformed key of certificate", ErrKey)
	}
	if id.OID != OIDRSAPSS {
		return nil, fmt.Errorf("%w: key type %s", ErrUnsupported, id.OID)
	}
	n, e := new(big.Int), 0
	raw := cryptobyte.String(bits)
	if !raw.ReadASN1(&key, asn1.SEQUENCE) || !raw.Empty() || !key.ReadASN1Integer(n) ||
		!key.ReadASN1Integer(&e) || !key.Empty() || n.Sign() <= 0 || n.BitLen() > 16384 || e < 3 || e&1 == 0 || e > 1<<31-1 {
		return nil, fmt.Errorf("%w: malformed RSASSA-PSS key", ErrKey)
	}
	return &rsa.PublicKey{N: n, E: e}, nil
}

// Permits checks that a certificate lets its key be used with a scheme: a key whose
// subjectPublicKeyInfo says id-RSASSA-PSS makes no other signatures, and where parameters stand
// beside it, those alone that have their hash and mask and a salt that is not shorter (RFC 4055, section 3.3).
func Permits(c *x509.Certificate, s Scheme) error {
	in := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var spki cryptobyte.String
	if !in.ReadASN1(&spki, asn1.SEQUENCE) {
		return fmt.Errorf("%w: malformed key of certificate", ErrKey)
	}
	id, ok := ReadIdentifier(&spki)
	switch {
	case !ok:
		return fmt.Errorf("%w: malformed key of certificate", ErrKey)
	case id.OID != OIDRSAPSS:
		return nil
	case s.Kind != RSAPSS:
		return fmt.Errorf("%w: the certificate's key is for RSASSA-PSS only, found %v", ErrMismatch, s.Kind)
	case id.Params == nil:
		return nil
	}
	least, err := parsePSS(id.Params)
	switch {
	case err != nil:
		return err
	case least.Hash != s.Hash || s.Salt < least.Salt:
		return fmt.Errorf("%w: the certificate's key is for %v with %d bytes of salt or more, found %v with %d", ErrMismatch, least, least.Salt, s, s.Salt)
	}
	return nil
}

// PSSOnly reports whether the certificate restricts its RSA key to RSASSA-PSS.
func PSSOnly(c *x509.Certificate) bool {
	in := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var spki cryptobyte.String
	if !in.ReadASN1(&spki, asn1.SEQUENCE) {
		return false
	}
	id, ok := ReadIdentifier(&spki)
	return ok && id.OID == OIDRSAPSS
}

// SchemeFor chooses the scheme to sign with: SHA-256 for RSA and P-256, SHA-384 for P-384, SHA-512
// for P-521 and for Ed25519's message digest. hash 0 takes that choice. pss asks for RSA-PSS with a
// salt of the hash's length. The second result is the digest algorithm for CMS.
func SchemeFor(pub crypto.PublicKey, hash crypto.Hash, pss bool) (Scheme, crypto.Hash, error) {
	def, kind := crypto.SHA256, RSAPKCS1
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return Scheme{}, 0, fmt.Errorf("%w: RSA key of %d bits, at least 2048 to sign", ErrKey, k.N.BitLen())
		}
		if pss {
			kind = RSAPSS
		}
	case *ecdsa.PublicKey:
		kind = ECDSA
		switch k.Curve {
		case elliptic.P256():
		case elliptic.P384():
			def = crypto.SHA384
		case elliptic.P521():
			def = crypto.SHA512
		default:
			return Scheme{}, 0, fmt.Errorf("%w: curve is none of P-256, P-384, P-521", ErrKey)
		}
	case ed25519.PublicKey:
		if hash != 0 && hash != crypto.SHA512 {
			return Scheme{}, 0, fmt.Errorf("%w: Ed25519 needs SHA-512 (RFC 8419)", ErrMismatch)
		}
		kind, def = Ed25519, crypto.SHA512
	default:
		return Scheme{}, 0, fmt.Errorf("%w: key type %T", ErrKey, pub)
	}
	if pss && kind != RSAPSS {
		return Scheme{}, 0, fmt.Errorf("%w: RSA-PSS asked for with another key", ErrKey)
	}
	if hash == 0 {
		hash = def
	}
	if hash == crypto.SHA1 || DigestOID(hash) == "" {
		return Scheme{}, 0, fmt.Errorf("%w: %v to sign", ErrUnsupported, hash)
	}
	s := Scheme{Kind: kind, Hash: hash}
	switch kind {
	case RSAPSS:
		s.Salt = hash.Size()
	case Ed25519:
		s.Hash = 0
	}
	return s, hash, nil
}

// MaxSignature returns the largest length in bytes a signature by the key can have. Only ECDSA
// signatures vary; theirs is an upper bound.
func MaxSignature(pub crypto.PublicKey) int {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return k.Size()
	case *ecdsa.PublicKey:
		n := (k.Curve.Params().BitSize + 7) / 8
		in := 2 * (n + 3) // two INTEGERs, each with tag, length and a possible leading zero
		if k.Curve.Params().BitSize%8 != 0 {
			in -= 2 // P-521: the top bit of the leading octet is never set
		}
		if in > 127 {
			return in + 3
		}
		return in + 2
	case ed25519.PublicKey:
		return ed25519.SignatureSize
	}
	return 0
}
