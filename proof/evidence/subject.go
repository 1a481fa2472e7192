package evidence

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"fmt"
	"slices"

	"golang.org/x/crypto/blake2b"

	"github.com/chancery-dev/chancery/proof/merkle"
)

// SaltSize is the length of a salt in bytes.
const SaltSize = 32

// TenantSize is the length of a tenant's blinded name in bytes.
const TenantSize = 32

var digestSizes = map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64, "sha3-256": 32, "blake2b-256": 32, "blake2b-512": 64}

// DigestAlgs returns the names of the digest algorithms of subjects.
func DigestAlgs() []string {
	out := make([]string, 0, len(digestSizes))
	for name := range digestSizes {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// SumDigest returns the digest of a document. An unknown algorithm is ErrUnsupported.
func SumDigest(alg string, document []byte) ([]byte, error) {
	switch alg {
	case "sha-256":
		d := sha256.Sum256(document)
		return d[:], nil
	case "sha-384":
		d := sha512.Sum384(document)
		return d[:], nil
	case "sha-512":
		d := sha512.Sum512(document)
		return d[:], nil
	case "sha3-256":
		d := sha3.Sum256(document)
		return d[:], nil
	case "blake2b-256":
		d := blake2b.Sum256(document)
		return d[:], nil
	case "blake2b-512":
		d := blake2b.Sum512(document)
		return d[:], nil
	}
	return nil, unsupported("expected a digest algorithm that is known")
}

// LeafData returns the data of a document's leaf in a tree of hash h: the CBOR array
//
//	[1, "chancery-leaf", type, digestAlg, tenant, commitment]
//
// where commitment is h(salt ‖ digest). salt has SaltSize bytes, tenant TenantSize or
// none. Who has neither salt nor document learns nothing from a leaf, and once both are
// erased nobody can tell what it was.
func LeafData(h merkle.Hash, s Subject, salt, tenant []byte) ([]byte, error) {
	return appendLeafData(nil, h, s, salt, tenant)
}

func appendLeafData(b []byte, h merkle.Hash, s Subject, salt, tenant []byte) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(salt) != SaltSize || len(tenant) != 0 && len(tenant) != TenantSize {
		return nil, fmt.Errorf("%w: expected a salt of %d bytes and a tenant of %d or none", ErrBuild, SaltSize, TenantSize)
	}
	var in [SaltSize + 64]byte
	n := copy(in[:], salt)
	n += copy(in[n:], s.Digest)
	var commitment []byte
	switch h {
	case merkle.SHA256:
		d := sha256.Sum256(in[:n])
		commitment = d[:]
	case merkle.SHA512:
		d := sha512.Sum512(in[:n])
		commitment = d[:]
	case merkle.SHA3_256:
		d := sha3.Sum256(in[:n])
		commitment = d[:]
	default:
		return nil, merkle.ErrHash
	}
	b = appendHead(appendHead(b, kindArray, 6), kindUint, 1)
	b = appendText(appendText(appendText(b, "chancery-leaf"), s.Type), s.DigestAlg)
	return appendBytes(appendBytes(b, tenant), commitment), nil
}

// matches tells whether a document has the subject's digest.
func (s *Subject) matches(document []byte) bool {
	d, err := SumDigest(s.DigestAlg, document)
	return err == nil && bytes.Equal(d, s.Digest)
}
