package proof

import (
	"crypto"

	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Proof types.
const (
	TypeDataIntegrity        = "DataIntegrityProof"
	TypeEd25519Signature2020 = "Ed25519Signature2020"
)

// Suite is a Data Integrity cryptosuite. Implementations are stateless and safe for
// concurrent use; the closed set of them is behind SuiteByName.
type Suite interface {
	// Name returns the cryptosuite's name, such as eddsa-rdfc-2022; for a legacy
	// suite it is that of the proof type.
	Name() string

	// ProofType returns the type of its proofs.
	ProofType() string

	// Canonicalization tells what the signature covers: the RDF of the document, or
	// its JSON text.
	Canonicalization() Canonicalization

	// KeyAllowed returns nil, or an error wrapping ErrKeyType for a key that this
	// suite does not take.
	KeyAllowed(key crypto.PublicKey) error

	// Hash transforms and hashes document and proof configuration (VC Data Integrity
	// 4.2 to 4.6 and the suite's own sections). Whatever would not be covered by the
	// signature is an error, never left out.
	Hash(in Input) (Hashed, error)

	// Verify checks a proofValue. Errors wrap ErrKeyType, ErrProofValue (encoding) or
	// ErrSignature.
	Verify(key crypto.PublicKey, h Hashed, proofValue string) error

	// ProofValue encodes a raw signature over Hashed.Data, checking its length: for
	// Ed25519 the 64 bytes, for ECDSA r and s at the size of the curve's order.
	ProofValue(key crypto.PublicKey, signature []byte) (string, error)
}

// Canonicalization names the canonical form that a suite hashes.
type Canonicalization uint8

// The canonical forms.
const (
	RDFC Canonicalization = iota + 1 // RDF Dataset Canonicalization 1.0
	JCS                              // JSON Canonicalization Scheme, RFC 8785
)

func (c Canonicalization) String() string {
	switch c {
	case RDFC:
		return "RDFC-1.0"
	case JCS:
		return "JCS"
	}
	return "unknown"
}

// Input is what a suite hashes.
type Input struct {
	// Doc holds the document at node Root (0 for a document of its own). Its proof
	// member is left out of the hash; those of Previous are put in its place.
	Doc  *strictjson.Doc
	Root strictjson.Node

	// Proof is the proof as parsed, or its configuration from ParseConfig.
	Proof Proof

	// Previous holds the proofs that Proof.PreviousProof names, from Previous.
	Previous []Proof

	// Key is the public key that will verify: ECDSA suites choose the hash by its
	// curve. Suites with one hash do not look at it.
	Key crypto.PublicKey

	// Contexts answers which context a URL names. Needed by RDFC suites only; nil
	// means the embedded contexts in their newest versions.
	Contexts Resolver

	// Work bounds canonicalisation. The zero value means the defaults of package
	// rdfc; its Hash is set by the suite.
	Work rdfc.Options

	// InsecureContextSuffix lets a document secured with a JCS suite have more
	// contexts, after those that its proof names, as the EdDSA and ECDSA cryptosuites
	// (3.3.2) allow. Such contexts are not signed and change what terms mean. The
	// zero value refuses them.
	InsecureContextSuffix bool
}

// SuiteByName returns the suite of a proof by its type and cryptosuite. ok is false
// for suites this package does not have. The legacy name eddsa-2022 means the rules of
// eddsa-rdfc-2022; Name then returns the legacy name.
func SuiteByName(proofType, cryptosuite string) (s Suite, ok bool) {
	for _, s := range suites {
		if s.ProofType() == proofType && (s.Name() == cryptosuite || proofType != TypeDataIntegrity && cryptosuite == "") {
			return s, true
		}
	}
	return nil, false
}

// Suites returns every suite, those for new proofs first.
func Suites() []Suite { return append([]Suite(nil), suites...) }
