package multikey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// The sizes of RSA keys accepted, in bits of the modulus.
const (
	MinRSABits = 2048
	MaxRSABits = 8192
)

// JWK is a JSON Web Key that has been checked. Key is an ed25519.PublicKey, an
// *ecdsa.PublicKey on P-256, P-384 or P-521, or an *rsa.PublicKey. The other
// members are as they stand in the document, empty where absent.
type JWK struct {
	Key crypto.PublicKey
	ID  string   // kid
	Alg string   // alg
	Use string   // use
	Ops []string // key_ops
}

// privateMembers are the members of RFC 7518 that hold secrets.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// ParsePublicJWK reads the public key at n. Any member that RFC 7518 gives to
// secrets makes it ErrPrivate. Other errors: ErrEncoding, ErrUnsupported,
// ErrInvalidKey.
func ParsePublicJWK(doc *strictjson.Doc, n strictjson.Node) (JWK, error) {
	if doc.Kind(n) != strictjson.Object {
		return JWK{}, fmt.Errorf("%w: expected a JWK object", ErrInvalidKey)
	}
	for _, name := range privateMembers {
		if doc.Get(n, name) != strictjson.None {
			return JWK{}, fmt.Errorf("%w: JWK has member %s", ErrPrivate, name)
		}
	}
	return parseJWK(doc, n)
}

// ParsePublicJWKBytes is ParsePublicJWK of a whole document.
func ParsePublicJWKBytes(b []byte) (JWK, error) {
	doc, err := strictjson.Parse(b, jwkLimits)
	if err != nil {
		return JWK{}, fmt.Errorf("multikey: JWK: %w", err)
	}
	return ParsePublicJWK(doc, 0)
}

// jwkLimits bound a JWK that stands alone: an RSA key of 8192 bits is 2 kB, and
// certificates in x5c some kilobytes more.
var jwkLimits = strictjson.Limits{Bytes: 1 << 16, Depth: limits.JSONDepth}

// parseJWK reads the public members.
func parseJWK(doc *strictjson.Doc, n strictjson.Node) (JWK, error) {
	r := members{doc: doc, node: n}
	out := JWK{ID: r.optional("kid"), Alg: r.optional("alg"), Use: r.optional("use"), Ops: r.list("key_ops")}
	switch kty := r.required("kty"); kty {
	case "OKP":
		if crv := r.required("crv"); r.err == nil && crv != "Ed25519" {
			return JWK{}, fmt.Errorf("%w: expected OKP curve Ed25519", ErrUnsupported)
		}
		if x := r.bytes("x", ed25519.PublicKeySize); r.err == nil {
			out.Key, r.err = ParseEd25519(x)
		}
	case "EC":
		curve, err := curveOf(r.required("crv"))
		if r.err == nil && err != nil {
			return JWK{}, err
		}
		if r.err == nil {
			size := (curve.Params().BitSize + 7) / 8
			if x, y := r.bytes("x", size), r.bytes("y", size); r.err == nil {
				out.Key, r.err = uncompressed(curve, x, y)
			}
		}
	case "RSA":
		modulus, exponent := r.number("n", MaxRSABits/8), r.number("e", 4)
		if r.err == nil {
			e := new(big.Int).SetBytes(exponent).Uint64()
			if e > 1<<31-1 {
				return JWK{}, fmt.Errorf("%w: RSA exponent above 2^31-1", ErrInvalidKey)
			}
			out.Key, r.err = newRSA(new(big.Int).SetBytes(modulus), int(e))
		}
	default:
		if r.err == nil {
			return JWK{}, fmt.Errorf("%w: expected JWK kty OKP, EC or RSA", ErrUnsupported)
		}
	}
	if r.err != nil {
		return JWK{}, r.err
	}
	return out, nil
}

func curveOf(crv string) (elliptic.Curve, error) {
	switch crv {
	case "P-256":
		return elliptic.P256(), nil
	case "P-384":
		return elliptic.P384(), nil
	case "P-521":
		return elliptic.P521(), nil
	}
	return nil, fmt.Errorf("%w: expected EC curve P-256, P-384 or P-521", ErrUnsupported)
}

// members reads the members of a JWK; the first failure stays in err.
type members struct {
	doc  *strictjson.Doc
	node strictjson.Node
	err  error
}

func (r *members) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *members) optional(name string) string {
	n := r.doc.Get(r.node, name)
	if n == strictjson.None {
		return ""
	}
	s, ok := r.doc.Str(n)
	if !ok {
		r.fail(fmt.Errorf("%w: expected JWK member %s to be a string", ErrInvalidKey, name))
	}
	return s
}

func (r *members) required(name string) string {
	if r.doc.Get(r.node, name) == strictjson.None {
		r.fail(fmt.Errorf("%w: JWK has no member %s", ErrInvalidKey, name))
		return ""
	}
	return r.optional(name)
}

func (r *members) list(name string) []string {
	n := r.doc.Get(r.node, name)
	if n == strictjson.None {
		return nil
	}
	if r.doc.Kind(n) != strictjson.Array {
		r.fail(fmt.Errorf("%w: expected JWK member %s to be an array", ErrInvalidKey, name))
		return nil
	}
	out := []string{} // present, if empty: then nothing is allowed
	for c := r.doc.First(n); c != strictjson.None; c = r.doc.Next(c) {
		s, ok := r.doc.Str(c)
		if !ok {
			r.fail(fmt.Errorf("%w: expected JWK member %s to hold strings", ErrInvalidKey, name))
			return nil
		}
		out = append(out, s)
	}
	return out
}

// bytes reads base64url of exactly size bytes.
func (r *members) bytes(name string, size int) []byte {
	b := r.decoded(name, size)
	if r.err == nil && len(b) != size {
		r.fail(fmt.Errorf("%w: expected JWK member %s of %d bytes, found %d", ErrInvalidKey, name, size, len(b)))
	}
	return b
}

// number reads base64url of at most size bytes that begins with no zero byte.
func (r *members) number(name string, size int) []byte {
	b := r.decoded(name, size)
	if r.err == nil && (len(b) == 0 || b[0] == 0) {
		r.fail(fmt.Errorf("%w: expected JWK member %s without leading zeros", ErrInvalidKey, name))
	}
	return b
}

func (r *members) decoded(name string, size int) []byte {
	s := r.required(name)
	if r.err != nil {
		return nil
	}
	if len(s) > (size+3)*4/3 { // three bytes more, for the length to be told in bytes
		r.fail(fmt.Errorf("%w: expected JWK member %s of at most %d bytes", ErrInvalidKey, name, size))
		return nil
	}
	b, err := DecodeBase64URL(s)
	if err != nil {
		r.fail(fmt.Errorf("%w, in JWK member %s", err, name))
	}
	return b
}

// EncodePublicJWK returns the JWK of a public key with its required members only,
// in the form whose hash is the thumbprint (RFC 7638 section 3.2). Errors:
// ErrUnsupported, ErrInvalidKey.
func EncodePublicJWK(key crypto.PublicKey) ([]byte, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if _, err := ParseEd25519(k); err != nil {
			return nil, err
		}
		return []byte(`{"crv":"Ed25519","kty":"OKP","x":"` + EncodeBase64URL(k) + `"}`), nil
	case *ecdsa.PublicKey:
		if k.Curve == nil {
			return nil, fmt.Errorf("%w: EC key without a curve", ErrInvalidKey)
		}
		name := k.Params().Name
		if _, err := curveOf(name); err != nil {
			return nil, err
		}
		point, err := k.Bytes()
		if err != nil {
			return nil, fmt.Errorf("%w: not a point on %s", ErrInvalidKey, name)
		}
		size := (len(point) - 1) / 2
		return []byte(`{"crv":"` + name + `","kty":"EC","x":"` + EncodeBase64URL(point[1:1+size]) +
			`","y":"` + EncodeBase64URL(point[1+size:]) + `"}`), nil
	case *rsa.PublicKey:
		if k.N == nil {
			return nil, fmt.Errorf("%w: RSA key without a modulus", ErrInvalidKey)
		}
		if _, err := newRSA(k.N, k.E); err != nil {
			return nil, err
		}
		return []byte(`{"e":"` + EncodeBase64URL(big.NewInt(int64(k.E)).Bytes()) + `","kty":"RSA","n":"` +
			EncodeBase64URL(k.N.Bytes()) + `"}`), nil
	}
	return nil, fmt.Errorf("%w: %T as JWK", ErrUnsupported, key)
}

// Thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638) in
// base64url. Errors are those of EncodePublicJWK.
func Thumbprint(key crypto.PublicKey) (string, error) {
	b, err := EncodePublicJWK(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return EncodeBase64URL(sum[:]), nil
}

// Equal reports whether two public keys are the same key. Keys of different types
// are not.
func Equal(a, b crypto.PublicKey) bool {
	if x, ok := a.(BLS12381G2); ok {
		y, ok := b.(BLS12381G2)
		return ok && x == y
	}
	x, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && x.Equal(b)
}

// errPrivateJWK says nothing of the secret that it was found in.
var errPrivateJWK = errors.New("the secret does not fit the public key")

// ParsePrivateJWK reads a private key: a key file of a JOSE suite, say. The secret
// must fit the public members. It yields ed25519.PrivateKey, *ecdsa.PrivateKey or
// *rsa.PrivateKey (of two primes).
func ParsePrivateJWK(b []byte) (crypto.Signer, JWK, error) {
	doc, err := strictjson.Parse(b, jwkLimits)
	if err != nil {
		return nil, JWK{}, fmt.Errorf("multikey: JWK: %w", err)
	}
	jwk, err := parseJWK(doc, 0)
	if err != nil {
		return nil, JWK{}, err
	}
	r := members{doc: doc, node: 0}
	var signer crypto.Signer
	switch k := jwk.Key.(type) {
	case ed25519.PublicKey:
		if d := r.bytes("d", ed25519.SeedSize); r.err == nil {
			signer = ed25519.NewKeyFromSeed(d)
		}
	case *ecdsa.PublicKey:
		if d := r.bytes("d", (k.Params().BitSize+7)/8); r.err == nil {
			signer, r.err = ecSecret(k.Curve, d)
		}
	case *rsa.PublicKey:
		signer, r.err = rsaSecret(&r, k)
	}
	if r.err != nil {
		return nil, JWK{}, r.err
	}
	if !Equal(signer.Public(), jwk.Key) {
		return nil, JWK{}, fmt.Errorf("%w: %w", ErrInvalidKey, errPrivateJWK)
	}
	return signer, jwk, nil
}

func rsaSecret(r *members, pub *rsa.PublicKey) (crypto.Signer, error) {
	if r.doc.Get(r.node, "oth") != strictjson.None {
		return nil, fmt.Errorf("%w: RSA key of more than two primes", ErrUnsupported)
	}
	d, p, q := r.number("d", MaxRSABits/8), r.number("p", MaxRSABits/16), r.number("q", MaxRSABits/16)
	if r.err != nil {
		return nil, r.err
	}
	k := &rsa.PrivateKey{PublicKey: *pub, D: new(big.Int).SetBytes(d),
		Primes: []*big.Int{new(big.Int).SetBytes(p), new(big.Int).SetBytes(q)}}
	// The product tells a wrong prime at once; Validate then does the rest.
	if product := new(big.Int).Mul(k.Primes[0], k.Primes[1]); subtle.ConstantTimeCompare(product.Bytes(), pub.N.Bytes()) != 1 {
		return nil, fmt.Errorf("%w: %w", ErrInvalidKey, errPrivateJWK)
	}
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidKey, errPrivateJWK)
	}
	k.Precompute()
	return k, nil
}
