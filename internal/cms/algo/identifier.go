package algo

import (
	"bytes"
	"crypto"

	// The digests this package names must be linked in wherever it is used.
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	// ErrUnsupported: the algorithm is unknown to this package.
	ErrUnsupported = errors.New("algo: unsupported algorithm")
	// ErrParameters: the algorithm is known, its parameters are not what its specification demands.
	ErrParameters = errors.New("algo: wrong algorithm parameters")
	// ErrMismatch: two statements about the algorithm contradict each other.
	ErrMismatch = errors.New("algo: algorithms contradict each other")
	// ErrKey: the public key is of another kind than the signature algorithm needs, or malformed.
	ErrKey = errors.New("algo: key does not fit the algorithm")
	// ErrSignature: the signature does not verify.
	ErrSignature = errors.New("algo: signature does not verify")
)

// Identifier is an AlgorithmIdentifier (RFC 5280, section 4.1.1.2).
type Identifier struct {
	OID    OID
	Params []byte // the DER element of the parameters; nil when absent
	Raw    []byte // the whole element as received
}

var derNull = []byte{5, 0}

// ReadIdentifier reads an AlgorithmIdentifier. The parameters are kept, not judged.
func ReadIdentifier(s *cryptobyte.String) (Identifier, bool) {
	return readIdentifier(s, asn1.SEQUENCE)
}

// ReadIdentifierTagged reads an AlgorithmIdentifier under an implicit tag.
func ReadIdentifierTagged(s *cryptobyte.String, tag asn1.Tag) (Identifier, bool) {
	return readIdentifier(s, tag)
}

func readIdentifier(s *cryptobyte.String, tag asn1.Tag) (Identifier, bool) {
	var id Identifier
	var raw, in cryptobyte.String
	if !s.ReadASN1Element(&raw, tag) {
		return id, false
	}
	id.Raw = raw
	if !raw.ReadASN1(&in, tag) {
		return id, false
	}
	var ok bool
	if id.OID, ok = ReadOID(&in); !ok {
		return id, false
	}
	if !in.Empty() {
		var p cryptobyte.String
		var t asn1.Tag
		if !in.ReadAnyASN1Element(&p, &t) || !in.Empty() {
			return id, false
		}
		id.Params = p
	}
	return id, true
}

func (id Identifier) noParams() bool { return id.Params == nil || bytes.Equal(id.Params, derNull) }

// ParseDigest returns the hash an identifier names. Parameters must be absent or NULL (RFC 5754, section 2).
func ParseDigest(id Identifier) (crypto.Hash, error) {
	h, ok := HashOf(id.OID)
	if !ok {
		return 0, fmt.Errorf("%w: digest %s", ErrUnsupported, id.OID)
	}
	if !id.noParams() {
		return 0, fmt.Errorf("%w: digest %s must have none or NULL", ErrParameters, id.OID)
	}
	return h, nil
}

// HashOf returns the hash named by a digest OID.
func HashOf(o OID) (crypto.Hash, bool) {
	switch o {
	case OIDSHA256:
		return crypto.SHA256, true
	case OIDSHA384:
		return crypto.SHA384, true
	case OIDSHA512:
		return crypto.SHA512, true
	case OIDSHA1:
		return crypto.SHA1, true
	}
	return 0, false
}

// imprintHashes are those of timestamps alone.
var imprintHashes = map[OID]crypto.Hash{OIDSHA3_256: crypto.SHA3_256, OIDSHA3_384: crypto.SHA3_384, OIDSHA3_512: crypto.SHA3_512}

// ParseImprint returns the hash an identifier names as that of a timestamp's imprint (RFC
// 3161, section 2.4.1): those of ParseDigest, and SHA-3. Evidence has to outlive SHA-2, and
// nothing but the imprint is hashed with it: signatures and their digests stay with
// ParseDigest.
func ParseImprint(id Identifier) (crypto.Hash, error) {
	if h, ok := imprintHashes[id.OID]; ok {
		if !id.noParams() {
			return 0, fmt.Errorf("%w: digest %s must have none or NULL", ErrParameters, id.OID)
		}
		return h, nil
	}
	return ParseDigest(id)
}

// ImprintOID returns the OID of a hash for an imprint, or "" for one that ParseImprint does
// not read, and for SHA-1, with which no new imprints are made.
func ImprintOID(h crypto.Hash) OID {
	for o, known := range imprintHashes {
		if h == known {
			return o
		}
	}
	if h == crypto.SHA1 {
		return ""
	}
	return DigestOID(h)
}

// DigestOID returns the OID of a hash, or "" for one this package does not know.
func DigestOID(h crypto.Hash) OID {
	switch h {
	case crypto.SHA256:
		return OIDSHA256
	case crypto.SHA384:
		return OIDSHA384
	case crypto.SHA512:
		return OIDSHA512
	case crypto.SHA1:
		return OIDSHA1
	}
	return ""
}

// AddDigest appends the AlgorithmIdentifier of a hash, parameters absent as RFC 5754 recommends.
func AddDigest(b *cryptobyte.Builder, h crypto.Hash) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { DigestOID(h).Add(b) })
}

// Sum hashes b with h.
func Sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// ReadExtension reads an Extension (RFC 5280, section 4.1): used by certificates, CRLs, OCSP and RFC 3161.
func ReadExtension(s *cryptobyte.String) (typ OID, critical bool, value cryptobyte.String, ok bool) {
	var x cryptobyte.String
	if !s.ReadASN1(&x, asn1.SEQUENCE) {
		return "", false, nil, false
	}
	if typ, ok = ReadOID(&x); !ok {
		return "", false, nil, false
	}
	if x.PeekASN1Tag(asn1.BOOLEAN) && !x.ReadASN1Boolean(&critical) {
		return typ, false, nil, false
	}
	ok = x.ReadASN1(&value, asn1.OCTET_STRING) && x.Empty()
	return typ, critical, value, ok
}
