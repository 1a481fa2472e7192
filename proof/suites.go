package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"fmt"
	"math/big"

	"github.com/chancery-dev/chancery/internal/multikey"
)

// Names of the cryptosuites.
const (
	EdDSARDFC2022 = "eddsa-rdfc-2022"
	EdDSAJCS2022  = "eddsa-jcs-2022"
	ECDSARDFC2019 = "ecdsa-rdfc-2019"
	ECDSAJCS2019  = "ecdsa-jcs-2019"
	ECDSASD2023   = "ecdsa-sd-2023"

	// The name that eddsa-rdfc-2022 had in drafts, still found in badges. The rules are
	// the same, the name being part of what is signed.
	legacyEdDSA2022 = "eddsa-2022"
)

var suites = []Suite{
	edDSA{name: EdDSARDFC2022, typ: TypeDataIntegrity, form: RDFC},
	edDSA{name: EdDSAJCS2022, typ: TypeDataIntegrity, form: JCS},
	ecDSA{name: ECDSARDFC2019, form: RDFC},
	ecDSA{name: ECDSAJCS2019, form: JCS},
	ecdsaSD{},
	edDSA{name: TypeEd25519Signature2020, typ: TypeEd25519Signature2020, form: RDFC},
	edDSA{name: legacyEdDSA2022, typ: TypeDataIntegrity, form: RDFC},
}

// expect refuses a proof of another suite: every suite's proof configuration step
// begins with it.
func expect(s Suite, p Proof) error {
	name := p.Cryptosuite
	if p.Type != TypeDataIntegrity {
		name = p.Type
	}
	if p.Type != s.ProofType() || name != s.Name() {
		return &Error{Err: ErrSuite, Pointer: p.Pointer, Detail: "expected a proof of " + s.Name()}
	}
	return nil
}

// edDSA is eddsa-rdfc-2022, eddsa-jcs-2022 (Data Integrity EdDSA Cryptosuites 1.0, 3.2
// and 3.3) and Ed25519Signature2020 (appendix A there).
type edDSA struct {
	name, typ string
	form      Canonicalization
}

func (s edDSA) Name() string                       { return s.name }
func (s edDSA) ProofType() string                  { return s.typ }
func (s edDSA) Canonicalization() Canonicalization { return s.form }

func (s edDSA) KeyAllowed(key crypto.PublicKey) error {
	k, ok := key.(ed25519.PublicKey)
	if !ok {
		return fmt.Errorf("%w: expected Ed25519, found %T", ErrKeyType, key)
	}
	if len(k) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: expected %d bytes, found %d", ErrKeyType, ed25519.PublicKeySize, len(k))
	}
	return nil
}

func (s edDSA) Hash(in Input) (Hashed, error) {
	if err := expect(s, in.Proof); err != nil {
		return Hashed{}, err
	}
	if s.form == JCS {
		return hashJCS(in, crypto.SHA256)
	}
	return hashRDFC(in, crypto.SHA256)
}

// Verify follows RFC 8032 as crypto/ed25519 does: S must be below the group order, R
// is compared by its bytes (so a non-canonical R fails), the cofactor is not used.
// Public keys that are not canonically encoded or of small order are what Multikey
// decoding and trust decide on; they are not singled out here.
func (s edDSA) Verify(key crypto.PublicKey, h Hashed, proofValue string) error {
	if err := s.KeyAllowed(key); err != nil {
		return err
	}
	sig, err := decodeProofValue(proofValue, ed25519.SignatureSize)
	if err != nil {
		return err
	}
	if !ed25519.Verify(key.(ed25519.PublicKey), h.Data, sig) {
		return ErrSignature
	}
	return nil
}

func (s edDSA) ProofValue(key crypto.PublicKey, signature []byte) (string, error) {
	if err := s.KeyAllowed(key); err != nil {
		return "", err
	}
	return encodeProofValue(signature, ed25519.SignatureSize)
}

// ecDSA is ecdsa-rdfc-2019 and ecdsa-jcs-2019 (Data Integrity ECDSA Cryptosuites 1.0,
// 3.2 and 3.3): P-256 with SHA-256, P-384 with SHA-384.
type ecDSA struct {
	name string
	form Canonicalization
}

func (s ecDSA) Name() string                       { return s.name }
func (s ecDSA) ProofType() string                  { return TypeDataIntegrity }
func (s ecDSA) Canonicalization() Canonicalization { return s.form }

func (s ecDSA) KeyAllowed(key crypto.PublicKey) error {
	_, err := hashOf(key)
	return err
}

// hashOf returns the hash that goes with a key's curve.
func hashOf(key crypto.PublicKey) (crypto.Hash, error) {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok || !hasPoint(k) {
		return 0, fmt.Errorf("%w: expected ECDSA P-256 or P-384, found %T", ErrKeyType, key)
	}
	switch k.Curve {
	case elliptic.P256():
		return crypto.SHA256, nil
	case elliptic.P384():
		return crypto.SHA384, nil
	}
	return 0, fmt.Errorf("%w: expected ECDSA P-256 or P-384, found another curve", ErrKeyType)
}

// hasPoint tells whether a key is there at all: crypto/ecdsa panics without its point.
func hasPoint(k *ecdsa.PublicKey) bool {
	//lint:ignore SA1019 every other way of asking panics where the point is missing
	return k != nil && k.Curve != nil && k.X != nil && k.Y != nil
}

func (s ecDSA) Hash(in Input) (Hashed, error) {
	if err := expect(s, in.Proof); err != nil {
		return Hashed{}, err
	}
	alg, err := hashOf(in.Key)
	if err != nil {
		return Hashed{}, err
	}
	if s.form == JCS {
		return hashJCS(in, alg)
	}
	return hashRDFC(in, alg)
}

// Verify takes signatures with a high S as well as those with a low one: the
// cryptosuites ask for neither, so that issuers make both. What is signed is the same,
// only the proofValue has two forms; nothing here uses a proofValue as an identifier.
func (s ecDSA) Verify(key crypto.PublicKey, h Hashed, proofValue string) error {
	alg, err := hashOf(key)
	if err != nil {
		return err
	}
	if alg != h.HashFunc {
		return fmt.Errorf("%w: the document was hashed for another curve", ErrKeyType)
	}
	var digest [48]byte
	sig, err := decodeProofValue(proofValue, 2*alg.Size())
	if err != nil {
		return err
	}
	return verifyECDSA(key.(*ecdsa.PublicKey), appendSum(digest[:0], alg, h.Data), sig)
}

// verifyECDSA checks a signature of fixed size (IEEE P1363): r and s, each as long as
// the order of the curve.
func verifyECDSA(key *ecdsa.PublicKey, digest, sig []byte) error {
	half := len(sig) / 2
	r, s := new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])
	order := key.Params().N
	if r.Sign() == 0 || s.Sign() == 0 || r.Cmp(order) >= 0 || s.Cmp(order) >= 0 {
		return fmt.Errorf("%w: expected r and s between 1 and the order of the curve", ErrProofValue)
	}
	if !ecdsa.Verify(key, digest, r, s) {
		return ErrSignature
	}
	return nil
}

func (s ecDSA) ProofValue(key crypto.PublicKey, signature []byte) (string, error) {
	alg, err := hashOf(key)
	if err != nil {
		return "", err
	}
	return encodeProofValue(signature, 2*alg.Size())
}

// decodeProofValue decodes multibase base58-btc ("z") of exactly size bytes. Base58
// has one text for each value, so there is nothing else to be canonical about.
func decodeProofValue(s string, size int) ([]byte, error) {
	const most = 200 // characters; 96 bytes need 132
	if len(s) == 0 || s[0] != 'z' || len(s) > most {
		return nil, fmt.Errorf("%w: expected multibase base58-btc of %d bytes, beginning with z", ErrProofValue, size)
	}
	b, err := multikey.DecodeBase58(s[1:])
	if err != nil || len(b) != size {
		return nil, fmt.Errorf("%w: expected base58-btc of %d bytes", ErrProofValue, size)
	}
	return b, nil
}

func encodeProofValue(sig []byte, size int) (string, error) {
	if len(sig) != size {
		return "", fmt.Errorf("%w: expected a signature of %d bytes, found %d", ErrProofValue, size, len(sig))
	}
	return multikey.EncodeMultibase58(sig), nil
}
