package proof

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms below
	_ "crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Errors of JWS, for errors.Is.
var (
	// ErrJWS: not a compact JWS as RFC 7515 3.1 describes it.
	ErrJWS = errors.New("proof: malformed JWS")
	// ErrJWSHeader: the header asks for something that is refused: critical
	// extensions, unencoded or compressed payloads.
	ErrJWSHeader = errors.New("proof: unsupported JWS header")
	// ErrAlgorithm: the algorithm is unknown, symmetric, none, or not among those
	// allowed.
	ErrAlgorithm = errors.New("proof: JWS algorithm not allowed")
	// ErrMediaType: typ, cty and container do not fit together.
	ErrMediaType = errors.New("proof: media types do not fit together")
	// ErrClaims: the claims of a token and the credential in it disagree.
	ErrClaims = errors.New("proof: claims disagree with the credential")
)

// Alg is a JWS algorithm (RFC 7518 3.1, RFC 8037, RFC 9864).
type Alg string

// The algorithms taken. All are asymmetric.
const (
	EdDSA   Alg = "EdDSA" // with Ed25519 only
	Ed25519 Alg = "Ed25519"
	ES256   Alg = "ES256" // P-256
	ES384   Alg = "ES384" // P-384
	ES512   Alg = "ES512" // P-521
	RS256   Alg = "RS256"
	RS384   Alg = "RS384"
	RS512   Alg = "RS512"
	PS256   Alg = "PS256"
	PS384   Alg = "PS384"
	PS512   Alg = "PS512"
)

// Bounds on RSA keys, in bits. Verifying with a larger key costs unreasonable time.
const (
	minRSA = 2048
	maxRSA = 8192
)

const maxJWSHeader = 64 << 10 // bytes of JSON: room for a certificate chain that nobody reads

// AlgsOf returns the algorithms that fit a key, the preferred one first, and none for
// a key of a type, curve or size that is not taken.
func AlgsOf(key crypto.PublicKey) []Alg {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return []Alg{EdDSA, Ed25519}
		}
	case *ecdsa.PublicKey:
		if !hasPoint(k) {
			return nil
		}
		switch k.Curve {
		case elliptic.P256():
			return []Alg{ES256}
		case elliptic.P384():
			return []Alg{ES384}
		case elliptic.P521():
			return []Alg{ES512}
		}
	case *rsa.PublicKey:
		if k != nil && k.N != nil && k.N.BitLen() >= minRSA && k.N.BitLen() <= maxRSA {
			return []Alg{RS256, PS256, RS384, PS384, RS512, PS512}
		}
	}
	return nil
}

// HashFunc returns the hash an algorithm signs, 0 for Ed25519, which signs the text.
func (a Alg) HashFunc() crypto.Hash {
	switch a {
	case ES256, RS256, PS256:
		return crypto.SHA256
	case ES384, RS384, PS384:
		return crypto.SHA384
	case ES512, RS512, PS512:
		return crypto.SHA512
	}
	return 0
}

func (a Alg) known() bool { return a == EdDSA || a == Ed25519 || a.HashFunc() != 0 }

// JWS is a compact JWS (RFC 7515 3.1) of which nothing is verified. Its header and
// payload are as received.
type JWS struct {
	Header  *strictjson.Doc
	Payload []byte // decoded; whatever was signed, not necessarily JSON
	Alg     Alg
	KeyID   string // kid, "" where absent: a name, to be looked up among trusted keys
	Typ     string
	Cty     string

	// JWK is the key in the header, None where absent. It says which key the signer
	// claims to have used. Verify does not look at it.
	JWK strictjson.Node

	// Ignored names the header members that point at keys or hold them, and that
	// nothing here follows or reads: jku, x5u, x5c, x5t, x5t#S256.
	Ignored []string

	signed    []byte // header and payload as received
	signature []byte
}

// base64url refuses padding and bits that hang over. It skips line ends, which are
// looked for beforehand.
var base64url = base64.RawURLEncoding.Strict()

// ParseJWS reads a compact JWS. Base64url is strict; the header is strict JSON without
// duplicate names; crit, b64 and zip are refused, as are the algorithms none and HS*.
// The b is not kept. Errors wrap ErrJWS, ErrJWSHeader or ErrAlgorithm.
func ParseJWS(b []byte) (*JWS, error) {
	if len(b) > limits.DocumentBytes/3*4+maxJWSHeader*2 {
		return nil, fmt.Errorf("%w: expected at most %d bytes of payload", ErrJWS, limits.DocumentBytes)
	}
	first := bytes.IndexByte(b, '.')
	if first <= 0 {
		return nil, fmt.Errorf("%w: expected three parts divided by dots", ErrJWS)
	}
	second := bytes.IndexByte(b[first+1:], '.') + first + 1
	if second <= first || bytes.IndexByte(b[second+1:], '.') >= 0 {
		return nil, fmt.Errorf("%w: expected three parts divided by dots", ErrJWS)
	}
	if first > base64url.EncodedLen(maxJWSHeader) {
		return nil, fmt.Errorf("%w: expected a header of at most %d bytes", ErrJWS, maxJWSHeader)
	}
	if len(b)-second > base64url.EncodedLen(maxRSA/8)+1 {
		return nil, fmt.Errorf("%w: expected a signature of at most %d bytes", ErrJWS, maxRSA/8)
	}
	header, err := decodePart("header", b[:first])
	if err != nil {
		return nil, err
	}
	j := &JWS{JWK: strictjson.None}
	if err := j.readHeader(header); err != nil {
		return nil, err
	}
	if j.Payload, err = decodePart("payload", b[first+1:second]); err != nil {
		return nil, err
	}
	if j.signature, err = decodePart("signature", b[second+1:]); err != nil {
		return nil, err
	}
	j.signed = bytes.Clone(b[:second])
	return j, nil
}

func decodePart(name string, b []byte) ([]byte, error) {
	out := make([]byte, base64url.DecodedLen(len(b)))
	n, err := base64url.Decode(out, b)
	if err != nil || bytes.IndexByte(b, '\n') >= 0 || bytes.IndexByte(b, '\r') >= 0 {
		return nil, fmt.Errorf("%w: expected the %s in base64url without padding", ErrJWS, name)
	}
	return out[:n], nil
}

func (j *JWS) readHeader(b []byte) error {
	d, err := strictjson.Parse(b, strictjson.Limits{Bytes: maxJWSHeader})
	if err != nil {
		return fmt.Errorf("%w: header: %w", ErrJWS, err)
	}
	if d.Kind(0) != strictjson.Object {
		return fmt.Errorf("%w: expected a JSON object as header, found %s", ErrJWS, d.Kind(0))
	}
	j.Header = d
	for c := d.First(0); c != strictjson.None; c = d.Next(c) {
		name := d.Name(c)
		want := strictjson.String
		var to *string
		switch name {
		case "crit", "b64", "zip":
			// RFC 7515 4.1.11: an extension not understood makes the JWS invalid.
			return fmt.Errorf("%w: %s", ErrJWSHeader, name)
		case "alg":
			to = (*string)(&j.Alg)
		case "kid":
			to = &j.KeyID
		case "typ":
			to = &j.Typ
		case "cty":
			to = &j.Cty
		case "jwk":
			want, j.JWK = strictjson.Object, c
		case "jku", "x5u", "x5c", "x5t", "x5t#S256":
			j.Ignored = append(j.Ignored, name)
			continue
		default:
			continue
		}
		if d.Kind(c) != want {
			return fmt.Errorf("%w: expected %s of type %s, found %s", ErrJWS, name, want, d.Kind(c))
		}
		if to != nil {
			*to = d.String(c)
		}
	}
	if !j.Alg.known() {
		return fmt.Errorf("%w: expected EdDSA, ES*, RS* or PS*", ErrAlgorithm)
	}
	if d.Get(j.JWK, "d") != strictjson.None {
		return fmt.Errorf("%w: a private key in the header", ErrJWSHeader)
	}
	return nil
}

// Verify checks the signature with key. The algorithm must be among allowed and be
// one that fits the key (AlgsOf); both are settled before any cryptography. Keys in
// the header are not looked at. Errors wrap ErrAlgorithm, ErrKeyType, ErrProofValue
// (encoding) or ErrSignature.
func (j *JWS) Verify(key crypto.PublicKey, allowed []Alg) error {
	if !slices.Contains(allowed, j.Alg) {
		return fmt.Errorf("%w: expected one of %v", ErrAlgorithm, allowed)
	}
	fitting := AlgsOf(key)
	if len(fitting) == 0 {
		return fmt.Errorf("%w: expected Ed25519, P-256, P-384, P-521 or RSA of %d to %d bits, found %T", ErrKeyType, minRSA, maxRSA, key)
	}
	if !slices.Contains(fitting, j.Alg) {
		return fmt.Errorf("%w: expected a JWS of algorithm %v, found %s", ErrKeyType, fitting, j.Alg)
	}
	hash := j.Alg.HashFunc()
	digest := j.signed
	if hash != 0 {
		h := hash.New()
		h.Write(j.signed)
		digest = h.Sum(nil)
	}
	switch k := key.(type) {
	case ed25519.PublicKey:
		if len(j.signature) != ed25519.SignatureSize {
			return fmt.Errorf("%w: expected %d bytes, found %d", ErrProofValue, ed25519.SignatureSize, len(j.signature))
		}
		if !ed25519.Verify(k, digest, j.signature) {
			return ErrSignature
		}
	case *ecdsa.PublicKey:
		// RFC 7518 3.4: r and s at full size; ASN.1 is refused by its length.
		if size := 2 * ((k.Params().BitSize + 7) / 8); len(j.signature) != size {
			return fmt.Errorf("%w: expected %d bytes, found %d", ErrProofValue, size, len(j.signature))
		}
		return verifyECDSA(k, digest, j.signature)
	case *rsa.PublicKey:
		if len(j.signature) != k.Size() {
			return fmt.Errorf("%w: expected %d bytes, found %d", ErrProofValue, k.Size(), len(j.signature))
		}
		if err := verifyRSA(k, j.Alg, hash, digest, j.signature); err != nil {
			return ErrSignature
		}
	}
	return nil
}

func verifyRSA(k *rsa.PublicKey, alg Alg, hash crypto.Hash, digest, sig []byte) error {
	if alg[0] == 'P' {
		// RFC 7518 3.5: the salt is as long as the hash.
		return rsa.VerifyPSS(k, hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return rsa.VerifyPKCS1v15(k, hash, digest, sig)
}
