package revocation

import (
	"crypto"
	"crypto/x509"
	"math/big"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MaxRequestSize bounds an OCSP request in bytes.
const MaxRequestSize = 16 << 10

// CertID identifies a certificate in OCSP (RFC 6960, section 4.1.1).
type CertID struct {
	Hash              crypto.Hash
	NameHash, KeyHash []byte
	Serial            *big.Int
}

// NewCertID makes the identifier of a certificate. SHA-1 is what all responders understand; it serves
// to identify only.
func NewCertID(cert, issuer *x509.Certificate, hash crypto.Hash) (CertID, error) {
	key, ok := keyOctets(issuer)
	if !ok || algo.DigestOID(hash) == "" {
		return CertID{}, fail(BadConfig, "issuer's key or hash %v", hash)
	}
	return CertID{hash, algo.Sum(hash, cert.RawIssuer), algo.Sum(hash, key), cert.SerialNumber}, nil
}

// Add appends the identifier in DER.
func (id CertID) Add(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			algo.DigestOID(id.Hash).Add(b)
			b.AddASN1NULL() // what responders compare byte by byte have it
		})
		b.AddASN1OctetString(id.NameHash)
		b.AddASN1OctetString(id.KeyHash)
		b.AddASN1BigInt(id.Serial)
	})
}

// NewRequest makes an OCSP request about one certificate, with SHA-1 identifiers. nonce is left out
// when empty.
func NewRequest(cert, issuer *x509.Certificate, nonce []byte) ([]byte, error) {
	id, err := NewCertID(cert, issuer, crypto.SHA1)
	if err != nil {
		return nil, err
	}
	seq := asn1.SEQUENCE
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(seq, func(b *cryptobyte.Builder) {
		b.AddASN1(seq, func(b *cryptobyte.Builder) {
			b.AddASN1(seq, func(b *cryptobyte.Builder) { b.AddASN1(seq, id.Add) })
			if len(nonce) > 0 {
				b.AddASN1(explicit(2), func(b *cryptobyte.Builder) {
					b.AddASN1(seq, func(b *cryptobyte.Builder) { AddNonce(b, nonce) })
				})
			}
		})
	})
	return b.Bytes()
}

// AddNonce appends a nonce extension.
func AddNonce(b *cryptobyte.Builder, nonce []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidNonce.Add(b)
		b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) { b.AddASN1OctetString(nonce) })
	})
}

// ParseRequest reads an OCSP request: the certificates asked about, and the content of the nonce
// extension, nil when absent. A signature on the request is ignored. Errors are *Error.
func ParseRequest(b []byte) ([]CertID, []byte, error) {
	if len(b) > MaxRequestSize {
		return nil, nil, fail(TooLarge, "OCSP request of %d bytes, at most %d", len(b), MaxRequestSize)
	}
	in := cryptobyte.String(b)
	var s, tbs, list, exts cryptobyte.String
	version, present := 0, false
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !in.Empty() || !s.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1Integer(&version, explicit(0), 0) || version != 0 ||
		!tbs.SkipOptionalASN1(explicit(1)) || !tbs.ReadASN1(&list, asn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1(&exts, &present, explicit(2)) || !tbs.Empty() {
		return nil, nil, fail(Malformed, "OCSPRequest")
	}
	var ids []CertID
	for !list.Empty() {
		var one, id, name, key cryptobyte.String
		c := CertID{Serial: new(big.Int)}
		if !list.ReadASN1(&one, asn1.SEQUENCE) || !one.ReadASN1(&id, asn1.SEQUENCE) {
			return nil, nil, fail(Malformed, "OCSPRequest")
		}
		alg, ok := algo.ReadIdentifier(&id)
		if !ok || !id.ReadASN1(&name, asn1.OCTET_STRING) || !id.ReadASN1(&key, asn1.OCTET_STRING) ||
			!id.ReadASN1Integer(c.Serial) || !id.Empty() || len(ids) == 64 {
			return nil, nil, fail(Malformed, "OCSPRequest")
		}
		h, err := algo.ParseDigest(alg)
		if err != nil {
			return nil, nil, &Error{Reason: Unsupported, Err: err}
		}
		c.Hash, c.NameHash, c.KeyHash = h, name, key
		ids = append(ids, c)
	}
	var nonce []byte
	if present {
		if e := eachExtension(exts, func(typ algo.OID, critical bool, v cryptobyte.String) *Error {
			var inner cryptobyte.String
			switch {
			case typ == oidNonce && v.ReadASN1(&inner, asn1.OCTET_STRING) && v.Empty() && len(inner) <= 128:
				nonce = inner
			case typ == oidNonce || critical:
				return fail(Unsupported, "extension %s", typ)
			}
			return nil
		}); e != nil {
			return nil, nil, e
		}
	}
	return ids, nonce, nil
}

// NonceIs reports whether the response carries exactly this nonce.
func (r *Response) NonceIs(nonce []byte) bool {
	s := cryptobyte.String(r.Nonce)
	var v cryptobyte.String
	return s.ReadASN1(&v, asn1.OCTET_STRING) && s.Empty() && string(v) == string(nonce)
}
