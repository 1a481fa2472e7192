package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/rdfc"
)

// ecdsaSD is ecdsa-sd-2023 (Data Integrity ECDSA Cryptosuites 1.0, 3.4 to 3.6). As a
// Suite it verifies derived proofs; base proofs are made by NewSDBase and used by
// DeriveSD, and Hash refuses them with ErrBaseProof.
//
// Of what it hashes, Hashed.Document is the digest of the canonical document as
// disclosed, and Hashed.Data is what the issuer's key signed: the digest of the proof
// configuration, the public key that is scoped to the proof, and the digest of the
// mandatory statements.
type ecdsaSD struct{}

func (ecdsaSD) Name() string                       { return ECDSASD2023 }
func (ecdsaSD) ProofType() string                  { return TypeDataIntegrity }
func (ecdsaSD) Canonicalization() Canonicalization { return RDFC }

func (ecdsaSD) KeyAllowed(key crypto.PublicKey) error {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok || !hasPoint(k) || k.Curve != elliptic.P256() {
		return fmt.Errorf("%w: expected ECDSA P-256", ErrKeyType)
	}
	return nil
}

// ProofValue refuses: a proofValue of this suite holds many signatures.
func (ecdsaSD) ProofValue(crypto.PublicKey, []byte) (string, error) {
	return "", fmt.Errorf("%w: a base proof is made with NewSDBase, from many signatures", ErrSuite)
}

// sdStatements is what a derived proof says of each statement.
type sdStatements struct {
	value         string
	baseSignature []byte
	key           *ecdsa.PublicKey // scoped to the proof
	lines         [][]byte         // statements that are not mandatory
	signatures    [][]byte         // one for each of them
}

// prepareSD is prepare for this suite. A chain that begins before a proof of this suite
// would have to be disclosed in parts as well, which no specification describes.
func (in *Input) prepareSD() error {
	if err := expect(ecdsaSD{}, in.Proof); err != nil {
		return err
	}
	if len(in.Proof.PreviousProof) > 0 {
		return &Error{Err: ErrShape, Pointer: in.Proof.Pointer + "/previousProof", Detail: "expected none in a proof of " + ECDSASD2023}
	}
	return in.prepare()
}

// sdProofHash hashes the proof configuration.
func sdProofHash(in *Input) ([]byte, error) {
	set := rdfc.NewDataset(16)
	if err := quadsOfProof(in, set); err != nil {
		return nil, err
	}
	work := in.Work
	work.Hash = crypto.SHA256
	sum, err := rdfc.Digest(nil, set, work)
	if err != nil {
		return nil, fmt.Errorf("proof: proof configuration: %w", err)
	}
	return sum, nil
}

// Hash is createVerifyData (ECDSA Cryptosuites 3.5.9). Where the document has other
// statements, or other blank nodes, than the proof was made for, that is ErrSignature.
func (s ecdsaSD) Hash(in Input) (Hashed, error) {
	if err := in.prepareSD(); err != nil {
		return Hashed{}, err
	}
	v, err := parseSDDerived(in.Proof.ProofValue)
	if err != nil {
		return Hashed{}, err
	}
	key, err := sdKey(v.publicKey)
	if err != nil {
		return Hashed{}, err
	}
	config, err := sdProofHash(&in)
	if err != nil {
		return Hashed{}, err
	}
	set := rdfc.NewDataset(128)
	res, err := jsonld.ToQuads(in.Doc, in.Root, jsonld.Options{Contexts: in.Contexts, DropRoot: dropProof, ByName: true, Limits: sdLimits}, set)
	if err != nil {
		return Hashed{}, err
	}
	c, err := canonicalSD(&in, set)
	if err != nil {
		return Hashed{}, err
	}
	if len(v.labels) != c.Blanks() {
		return Hashed{}, fmt.Errorf("%w: expected labels for %d blank nodes, found %d", ErrSignature, c.Blanks(), len(v.labels))
	}
	labels := make([]string, len(v.labels))
	for n, label := range v.labels {
		labels[n] = multikey.EncodeMultibase64(label)
	}
	mandatory, others, err := split(sdLines(c, labels), v.mandatory)
	if err != nil {
		return Hashed{}, err
	}
	if len(others) != len(v.signatures) {
		return Hashed{}, fmt.Errorf("%w: expected signatures of %d statements, found %d", ErrSignature, len(others), len(v.signatures))
	}
	return Hashed{
		HashFunc: crypto.SHA256, ProofConfig: config, Document: c.Digest(nil), Data: sdSignData(config, v.publicKey, sdMandatoryHash(mandatory)),
		Contexts: res.Contexts, Inline: res.Inline, form: RDFC, in: in,
		sd: &sdStatements{in.Proof.ProofValue, v.baseSignature, key, others, v.signatures},
	}, nil
}

// split parts mandatory statements, whose ascending indexes are given, from the others.
func split(lines []sdLine, indexes []int) (mandatory, others [][]byte, err error) {
	if n := len(indexes); n > 0 && indexes[n-1] >= len(lines) {
		return nil, nil, fmt.Errorf("%w: expected indexes of %d statements", ErrSignature, len(lines))
	}
	for i, line := range lines {
		if len(indexes) > 0 && indexes[0] == i {
			mandatory, indexes = append(mandatory, line.text), indexes[1:]
		} else {
			others = append(others, line.text)
		}
	}
	return mandatory, others, nil
}

// sdMandatoryHash is hashMandatoryNQuads (ECDSA Cryptosuites 3.4.17).
func sdMandatoryHash(lines [][]byte) []byte {
	h := sha256.New()
	for _, line := range lines {
		h.Write(line)
	}
	return h.Sum(nil)
}

// sdSignData is serializeSignData (ECDSA Cryptosuites 3.5.1).
func sdSignData(proofHash, publicKey, mandatoryHash []byte) []byte {
	b := make([]byte, 0, 2*sha256.Size+sdPublicKey)
	return append(append(append(b, proofHash...), publicKey...), mandatoryHash...)
}

// Verify is the second half of Verify Derived Proof (ECDSA Cryptosuites 3.6.7). The
// issuer's signature comes first, so that a forger's document costs one operation.
func (s ecdsaSD) Verify(key crypto.PublicKey, h Hashed, proofValue string) error {
	if err := s.KeyAllowed(key); err != nil {
		return err
	}
	if h.sd == nil || h.sd.value != proofValue {
		return sdError("expected the proofValue that was hashed with the document")
	}
	if err := verifyES256(key.(*ecdsa.PublicKey), h.Data, h.sd.baseSignature); err != nil {
		return err
	}
	return verifyStatements(h.sd.key, h.sd.lines, h.sd.signatures)
}

// verifyStatements checks one signature for each line.
func verifyStatements(key *ecdsa.PublicKey, lines, signatures [][]byte) error {
	if len(lines) != len(signatures) {
		return fmt.Errorf("%w: expected signatures of %d statements, found %d", ErrSignature, len(lines), len(signatures))
	}
	for i, line := range lines {
		if err := verifyES256(key, line, signatures[i]); err != nil {
			return err
		}
	}
	return nil
}

// verifyES256 checks a P-256 signature over the SHA-256 of a message.
func verifyES256(key *ecdsa.PublicKey, message, sig []byte) error {
	sum := sha256.Sum256(message)
	return verifyECDSA(key, sum[:], sig)
}

// SDBase is what an issuer signs for a base proof of ecdsa-sd-2023: the result of its
// transformation and hashing (ECDSA Cryptosuites 3.6.2 and 3.6.3).
//
// The issuer makes a P-256 key for this one proof, signs every line of NonMandatory with
// it, and SignData with its own key; both with SHA-256, as r and s of 32 bytes each.
// ProofValue puts that together. The key of the proof and the HMAC key must be new for
// each proof: with the same ones, statements of two documents could be mixed.
type SDBase struct {
	ProofHash     []byte   // SHA-256 of the canonical proof configuration
	MandatoryHash []byte   // SHA-256 of the mandatory statements
	Mandatory     [][]byte // the statements that every disclosure has, in order
	NonMandatory  [][]byte // the statements to sign one by one, in order

	hmacKey   []byte
	pointers  []string
	mandatory map[rdfc.Quad]bool
}

// NewSDBase transforms and hashes a document and a proof configuration (from ParseConfig)
// for a base proof. hmacKey is 32 secret random bytes; pointers are the JSON pointers
// (RFC 6901) to what every disclosure must contain, none meaning that nothing must.
//
// Errors: those of Hash of the other suites; ErrPointer where a pointer selects nothing;
// rdfc.ErrTooLarge, or an error of JSON-LD, where there are more statements or blank nodes
// than package limits says.
func NewSDBase(in Input, hmacKey []byte, pointers []string) (*SDBase, error) {
	if err := in.prepareSD(); err != nil {
		return nil, err
	}
	if len(hmacKey) != sdHMAC {
		return nil, fmt.Errorf("%w: expected an HMAC key of %d bytes, found %d", ErrShape, sdHMAC, len(hmacKey))
	}
	if err := checkPointers(pointers); err != nil {
		return nil, err
	}
	d, err := newSDDocument(&in, hmacKey)
	if err != nil {
		return nil, err
	}
	return d.base(hmacKey, pointers)
}

// ProofValue encodes a base proof (ECDSA Cryptosuites 3.6.5): the signature over
// SignData, the public key of this proof, and one signature for each of NonMandatory, all
// of 64 bytes (r and s). What comes back is the proofValue, in base64url with the prefix u.
//
// Errors: ErrProofValue where a signature is of another length or one is missing,
// ErrKeyType where the key is not on P-256.
func (b *SDBase) ProofValue(baseSignature []byte, key *ecdsa.PublicKey, signatures [][]byte) (string, error) {
	public, err := sdKeyBytes(key)
	if err != nil {
		return "", err
	}
	if len(baseSignature) != sdSignature || len(signatures) != len(b.NonMandatory) {
		return "", sdError("expected a base signature of %d bytes and %d signatures of statements", sdSignature, len(b.NonMandatory))
	}
	for _, s := range signatures {
		if len(s) != sdSignature {
			return "", sdError("expected signatures of %d bytes, found %d", sdSignature, len(s))
		}
	}
	v := sdBaseValue{baseSignature, public, b.hmacKey, signatures, b.pointers}
	return v.encode(), nil
}

// SignData is what the issuer's key signs, given the public key of this proof (ECDSA
// Cryptosuites 3.6.5): 32 bytes of ProofHash, the key with its multicodec prefix, 32 bytes
// of MandatoryHash. ErrKeyType where the key is not on P-256.
func (b *SDBase) SignData(key *ecdsa.PublicKey) ([]byte, error) {
	public, err := sdKeyBytes(key)
	if err != nil {
		return nil, err
	}
	return sdSignData(b.ProofHash, public, b.MandatoryHash), nil
}
