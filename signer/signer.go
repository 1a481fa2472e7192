// Package signer is the private-key side: it secures credentials and presentations.
//
// DataIntegrity embeds proofs, JOSE makes compact JWS; both take a Key, which is any
// crypto.Signer with the URL of its verification method. NewKey names a key by its
// did:key. Before anything is signed, the rules of issuing (chancery.CheckIssue) and
// JSON-LD's safe mode are applied: what they refuse is never signed, and a call that
// fails returns nothing.
//
//	key, err := signer.NewKey(private)
//	s := &signer.DataIntegrity{Key: key, Suite: proof.EdDSARDFC2022, Clock: time.Now}
//	secured, err := s.Sign(ctx, credential)
//
// Nothing here reads back what it signed: callers verify. StatusList makes and updates
// the lists that credentialStatus refers to.
package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrConfig: a required field is missing, or fields do not go together.
	ErrConfig = errors.New("signer: incomplete configuration")
	// ErrSecured: the document carries a proof already; Add puts another beside it.
	ErrSecured = errors.New("signer: document is secured already")
	// ErrKey: the key cannot be used for what is asked.
	ErrKey = errors.New("signer: unusable key")
	// ErrSigning: the key failed to sign, or gave something that is no signature.
	ErrSigning = errors.New("signer: signing failed")
)

// errNothing: a nil or zero credential or presentation.
var errNothing = fmt.Errorf("%w: expected a document, found none", ErrConfig)

// Key is a private key with its name.
type Key struct {
	// Signer signs: a private key of the standard library or any other, such as one in
	// an HSM. Required.
	Signer crypto.Signer

	// Method is the URL of the verification method that holds the public key, such as
	// did:key:z6Mk…#z6Mk…. Required. A did:key or did:jwk of another key is ErrKey.
	Method string
}

// NewKey names a key by itself: did:key for Ed25519, P-256 and P-384, did:jwk for P-521
// and RSA. Errors wrap ErrKey.
func NewKey(s crypto.Signer) (Key, error) {
	if s == nil {
		return Key{}, fmt.Errorf("%w: expected a private key, found none", ErrKey)
	}
	_, method, err := Identifier(s.Public())
	if err != nil {
		return Key{}, err
	}
	return Key{Signer: s, Method: method}, nil
}

// Identifier returns the DID of a public key and the DID URL of its verification
// method: did:key where there is one, did:jwk otherwise (P-521, RSA).
func Identifier(key crypto.PublicKey) (id, method string, err error) {
	if err := checkPublic(key); err != nil {
		return "", "", err
	}
	if id, method, err = did.FromKey(key); err == nil {
		return id, method, nil
	}
	if id, method, err = did.FromJWK(key); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrKey, err)
	}
	return id, method, nil
}

// checkPublic refuses keys of types and sizes that nothing here signs with.
func checkPublic(key crypto.PublicKey) error {
	if len(proof.AlgsOf(key)) == 0 {
		return fmt.Errorf("%w: expected Ed25519, P-256, P-384, P-521 or RSA of at least 2048 bits, found %T", ErrKey, key)
	}
	return nil
}

func (k Key) check() error {
	if k.Signer == nil {
		return fmt.Errorf("%w: expected a Signer", ErrConfig)
	}
	if k.Method == "" {
		return fmt.Errorf("%w: expected the URL of the verification method", ErrConfig)
	}
	if err := checkPublic(k.Signer.Public()); err != nil {
		return err
	}
	return k.checkMethod()
}

// sign signs a message: with Ed25519 as it is, otherwise its hash. ECDSA signatures are
// turned into r and s of fixed size (IEEE P1363).
//
// ECDSA keys of the standard library sign deterministically (RFC 6979), so that the
// same document gives the same bytes, and no weak source of randomness can leak the
// key. Other signers get crypto/rand and do as they like.
func (k Key) sign(message []byte, opts crypto.SignerOpts) ([]byte, error) {
	random := rand.Reader
	_, software := k.Signer.(*ecdsa.PrivateKey)
	if software {
		random = nil
	}
	sig, err := crypto.SignMessage(k.Signer, random, message, opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigning, err)
	}
	switch pub := k.Signer.Public().(type) {
	case *ecdsa.PublicKey:
		return fixedSize(sig, (pub.Params().BitSize+7)/8)
	case ed25519.PublicKey:
		if len(sig) != ed25519.SignatureSize {
			return nil, fmt.Errorf("%w: expected %d bytes, found %d", ErrSigning, ed25519.SignatureSize, len(sig))
		}
	case *rsa.PublicKey:
		if len(sig) != pub.Size() {
			return nil, fmt.Errorf("%w: expected %d bytes, found %d", ErrSigning, pub.Size(), len(sig))
		}
	}
	return sig, nil
}

// fixedSize turns an ECDSA signature in ASN.1 (RFC 3279 2.2.3) into r and s, each of
// size bytes.
func fixedSize(der []byte, size int) ([]byte, error) {
	var r, s big.Int
	var inner cryptobyte.String
	in := cryptobyte.String(der)
	if !in.ReadASN1(&inner, asn1.SEQUENCE) || !in.Empty() || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() ||
		r.Sign() <= 0 || s.Sign() <= 0 || r.BitLen() > 8*size || s.BitLen() > 8*size {
		return nil, fmt.Errorf("%w: expected an ECDSA signature", ErrSigning)
	}
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out, nil
}

// Algorithm names a kind of key to generate.
type Algorithm string

// The algorithms of Generate. RSA keys are for JOSE only.
const (
	Ed25519 Algorithm = "Ed25519"
	P256    Algorithm = "P-256"
	P384    Algorithm = "P-384"
	RSA2048 Algorithm = "RSA-2048"
	RSA3072 Algorithm = "RSA-3072"
	RSA4096 Algorithm = "RSA-4096"
)

// Algorithms returns every algorithm of Generate.
func Algorithms() []Algorithm { return []Algorithm{Ed25519, P256, P384, RSA2048, RSA3072, RSA4096} }

// Generate makes a new private key with the operating system's randomness: an
// ed25519.PrivateKey, *ecdsa.PrivateKey or *rsa.PrivateKey.
func Generate(alg Algorithm) (crypto.Signer, error) {
	var random io.Reader = rand.Reader
	bits := map[Algorithm]int{RSA2048: 2048, RSA3072: 3072, RSA4096: 4096}[alg]
	switch {
	case alg == Ed25519:
		_, key, err := ed25519.GenerateKey(random)
		return generated(key, err)
	case alg == P256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), random)
		return generated(key, err)
	case alg == P384:
		key, err := ecdsa.GenerateKey(elliptic.P384(), random)
		return generated(key, err)
	case bits != 0:
		key, err := rsa.GenerateKey(random, bits)
		return generated(key, err)
	}
	return nil, fmt.Errorf("%w: expected one of %v as algorithm", ErrConfig, Algorithms())
}

func generated(key crypto.Signer, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, fmt.Errorf("signer: generating a key: %w", err)
	}
	return key, nil
}

// safe reads a document as JSON-LD in safe mode and throws the result away: for
// securing mechanisms that do not need it, so that they sign nothing that others would
// refuse. Base directions are left out of the reading: RDF has no place for them, but
// these mechanisms sign them with the text.
func safe(d *strictjson.Doc, contexts *ldcontext.Set) error {
	opt := jsonld.Options{Contexts: proof.Newest(contexts), DropRoot: []string{"proof"}, ByName: true}
	_, err := jsonld.ToQuads(d, 0, opt, rdfc.NewDataset(128))
	var e *jsonld.Error
	if !errors.As(err, &e) || e.Feature != "@direction" {
		return err
	}
	d, parseErr := strictjson.Parse(withoutDirection(d, 0, nil), strictjson.Limits{})
	if parseErr != nil {
		return parseErr
	}
	_, err = jsonld.ToQuads(d, 0, opt, rdfc.NewDataset(128))
	return err
}

// withoutDirection appends a value without the @direction of value objects (VC Data
// Model 2.0, 11.1).
func withoutDirection(d *strictjson.Doc, n strictjson.Node, out []byte) []byte {
	kind := d.Kind(n)
	if kind != strictjson.Object && kind != strictjson.Array {
		return append(out, d.Raw(n)...)
	}
	open, end := byte('{'), byte('}')
	if kind == strictjson.Array {
		open, end = '[', ']'
	}
	out = append(out, open)
	isValue := d.Get(n, "@value") != strictjson.None
	for c := d.First(n); c != strictjson.None; c = d.Next(c) {
		if isValue && d.Name(c) == "@direction" {
			continue
		}
		if out[len(out)-1] != open {
			out = append(out, ',')
		}
		if kind == strictjson.Object {
			out = append(append(out, strictjson.Quote(d.Name(c))...), ':')
		}
		out = withoutDirection(d, c, out)
	}
	return append(out, end)
}
