package multikey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"math/big"
)

// BLS12381G2 is a compressed BLS12-381 public key in G2. It is recognised, not
// checked: whoever uses it must check that it is in the subgroup.
type BLS12381G2 [96]byte

// Multicodec codes (https://github.com/multiformats/multicodec).
const (
	codeEd25519Public  = 0xed
	codeBLSG2Public    = 0xeb
	codeP256Public     = 0x1200
	codeP384Public     = 0x1201
	codeEd25519Private = 0x1300
	codeP256Private    = 0x1306
	codeP384Private    = 0x1307
)

// codecNames are the codes that deserve a name in an error.
var codecNames = map[uint64]string{
	0xe7: "secp256k1", 0xea: "BLS12-381 G1", 0xec: "X25519", 0xee: "BLS12-381 G1G2",
	0x1202: "P-521", 0x1203: "Ed448", 0x1204: "X448", 0x1205: "RSA", 0x1206: "SM2",
	0x1301: "secp256k1 private", 0x1302: "X25519 private", 0x1305: "RSA private",
	0x1308: "P-521 private", 0x130a: "BLS12-381 G2 private",
}

// splitCodec decodes a multibase key and splits off its multicodec.
func splitCodec(s string) (uint64, []byte, error) {
	if s == "" || s[0] != 'z' {
		return 0, nil, fmt.Errorf("%w: expected a key in base58btc, beginning with z", ErrEncoding)
	}
	// The longest key here is one of BLS12-381, 98 bytes in 134 characters.
	if len(s) > 160 {
		return 0, nil, fmt.Errorf("%w: expected at most 160 characters, found %d", ErrEncoding, len(s))
	}
	b, err := DecodeBase58(s[1:])
	if err != nil {
		return 0, nil, err
	}
	code, n, err := uvarint(b)
	if err != nil {
		return 0, nil, err
	}
	return code, b[n:], nil
}

// uvarint reads an unsigned varint of the multiformats kind: at most nine bytes,
// and no byte more than the value needs.
func uvarint(b []byte) (v uint64, n int, err error) {
	for n < len(b) && n < 9 {
		c := b[n]
		v |= uint64(c&0x7f) << (7 * n)
		n++
		if c < 0x80 {
			if c == 0 && n > 1 {
				return 0, 0, fmt.Errorf("%w: multicodec prefix is longer than its value needs", ErrEncoding)
			}
			return v, n, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: multicodec prefix has no end", ErrEncoding)
}

// appendUvarint appends v as an unsigned varint.
func appendUvarint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// Parse reads a public key in Multikey form, such as z6Mk… for Ed25519, zDna… for
// P-256, z82L… for P-384 and zUC7… for BLS12-381 G2. Errors: ErrEncoding,
// ErrUnsupported (RSA among others), ErrInvalidKey, ErrPrivate.
func Parse(s string) (crypto.PublicKey, error) {
	code, key, err := splitCodec(s)
	if err != nil {
		return nil, err
	}
	switch code {
	case codeEd25519Public:
		return orNil(ParseEd25519(key))
	case codeP256Public:
		return orNil(parseCompressed(elliptic.P256(), key))
	case codeP384Public:
		return orNil(parseCompressed(elliptic.P384(), key))
	case codeBLSG2Public:
		var k BLS12381G2
		// The high bit says that the point is compressed; the next, that it is
		// the point at infinity, which is no key.
		if len(key) != len(k) || key[0]&0x80 == 0 || key[0]&0x40 != 0 {
			return nil, fmt.Errorf("%w: expected a compressed BLS12-381 G2 point of %d bytes", ErrInvalidKey, len(k))
		}
		copy(k[:], key)
		return k, nil
	case codeEd25519Private, codeP256Private, codeP384Private:
		return nil, ErrPrivate
	}
	return nil, unsupported(code)
}

// orNil keeps a nil key from becoming an interface that is not nil.
func orNil[K crypto.PublicKey](key K, err error) (crypto.PublicKey, error) {
	if err != nil {
		return nil, err
	}
	return key, nil
}

func unsupported(code uint64) error {
	if name, ok := codecNames[code]; ok {
		return fmt.Errorf("%w: %s as Multikey", ErrUnsupported, name)
	}
	return fmt.Errorf("%w: multicodec 0x%x", ErrUnsupported, code)
}

// smallOrder holds the canonical encodings of the points whose order divides 8,
// without the sign bit. Under such a key a signature can be made without a secret.
var smallOrder = func() map[[32]byte]bool {
	m := map[[32]byte]bool{}
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		var y [32]byte
		if n, err := hex.Decode(y[:], []byte(s)); err == nil && n == len(y) { // they are constants, counted by a test
			m[y] = true
		}
	}
	return m
}()

// ParseEd25519 checks the 32 bytes of an Ed25519 public key (RFC 8032) as far as
// a key can be checked without a signature: its length, that its encoding is the
// canonical one, and that its order is not small.
func ParseEd25519(b []byte) (ed25519.PublicKey, error) {
	if len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: expected an Ed25519 key of %d bytes, found %d", ErrInvalidKey, ed25519.PublicKeySize, len(b))
	}
	y := [32]byte(b)
	y[31] &= 0x7f
	if smallOrder[y] {
		return nil, fmt.Errorf("%w: Ed25519 key of small order", ErrInvalidKey)
	}
	if y[31] == 0x7f && y[0] >= 0xed {
		inner := byte(0xff)
		for _, c := range y[1:31] {
			inner &= c
		}
		if inner == 0xff {
			return nil, fmt.Errorf("%w: Ed25519 key is not canonically encoded", ErrInvalidKey)
		}
	}
	return append(ed25519.PublicKey(nil), b...), nil
}

// parseCompressed decompresses a point in SEC 1 form and checks that it is on its
// curve.
func parseCompressed(curve elliptic.Curve, b []byte) (*ecdsa.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	if len(b) != 1+size {
		return nil, fmt.Errorf("%w: expected a compressed %s point of %d bytes, found %d", ErrInvalidKey, curve.Params().Name, 1+size, len(b))
	}
	x, y := elliptic.UnmarshalCompressed(curve, b)
	if x == nil {
		return nil, fmt.Errorf("%w: expected a compressed point on %s", ErrInvalidKey, curve.Params().Name)
	}
	return uncompressed(curve, x.FillBytes(make([]byte, size)), y.FillBytes(make([]byte, size)))
}

// uncompressed makes a key of coordinates of full length, checked to be on the curve.
func uncompressed(curve elliptic.Curve, x, y []byte) (*ecdsa.PublicKey, error) {
	k, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, fmt.Errorf("%w: expected a point on %s", ErrInvalidKey, curve.Params().Name)
	}
	return k, nil
}

// Encode returns the Multikey form of an ed25519.PublicKey, an *ecdsa.PublicKey on
// P-256 or P-384, or a BLS12381G2. Errors: ErrUnsupported, ErrInvalidKey.
func Encode(key crypto.PublicKey) (string, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if _, err := ParseEd25519(k); err != nil {
			return "", err
		}
		return EncodeMultibase58(append(appendUvarint(nil, codeEd25519Public), k...)), nil
	case *ecdsa.PublicKey:
		code := uint64(0)
		if k == nil {
			return "", fmt.Errorf("%w: expected a public key", ErrInvalidKey)
		}
		switch k.Curve {
		case elliptic.P256():
			code = codeP256Public
		case elliptic.P384():
			code = codeP384Public
		default:
			return "", fmt.Errorf("%w: expected P-256 or P-384 as Multikey", ErrUnsupported)
		}
		point, err := k.Bytes()
		if err != nil {
			return "", fmt.Errorf("%w: not a point on its curve", ErrInvalidKey)
		}
		size := (len(point) - 1) / 2
		out := append(appendUvarint(nil, code), 2|point[len(point)-1]&1)
		return EncodeMultibase58(append(out, point[1:1+size]...)), nil
	case BLS12381G2:
		return EncodeMultibase58(append(appendUvarint(nil, codeBLSG2Public), k[:]...)), nil
	case *rsa.PublicKey:
		return "", fmt.Errorf("%w: RSA as Multikey", ErrUnsupported)
	}
	return "", fmt.Errorf("%w: %T", ErrUnsupported, key)
}

// ParseSecret reads a secret key in Multikey form (secretKeyMultibase, or the
// older privateKeyMultibase): Ed25519 (z3u2…), P-256 (z42t…), P-384 (z2fa…). It
// yields ed25519.PrivateKey or *ecdsa.PrivateKey. Errors say nothing of the key.
func ParseSecret(s string) (crypto.Signer, error) {
	code, key, err := splitCodec(s)
	if err != nil {
		return nil, err
	}
	switch code {
	case codeEd25519Private:
		if len(key) != ed25519.SeedSize {
			return nil, fmt.Errorf("%w: expected an Ed25519 secret of %d bytes", ErrInvalidKey, ed25519.SeedSize)
		}
		return ed25519.NewKeyFromSeed(key), nil
	case codeP256Private:
		return ecSecret(elliptic.P256(), key)
	case codeP384Private:
		return ecSecret(elliptic.P384(), key)
	}
	return nil, unsupported(code)
}

func ecSecret(curve elliptic.Curve, d []byte) (crypto.Signer, error) {
	k, err := ecdsa.ParseRawPrivateKey(curve, d)
	if err != nil {
		return nil, fmt.Errorf("%w: expected a secret scalar of %s in %d bytes", ErrInvalidKey, curve.Params().Name, (curve.Params().BitSize+7)/8)
	}
	return k, nil
}

// EncodeSecret returns the Multikey form of an ed25519.PrivateKey or an
// *ecdsa.PrivateKey on P-256 or P-384: for key files that others read.
func EncodeSecret(key crypto.PrivateKey) (string, error) {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		if len(k) != ed25519.PrivateKeySize {
			return "", fmt.Errorf("%w: Ed25519 secret of wrong length", ErrInvalidKey)
		}
		return EncodeMultibase58(append(appendUvarint(nil, codeEd25519Private), k.Seed()...)), nil
	case *ecdsa.PrivateKey:
		code := uint64(0)
		switch k.Curve {
		case elliptic.P256():
			code = codeP256Private
		case elliptic.P384():
			code = codeP384Private
		default:
			return "", fmt.Errorf("%w: expected P-256 or P-384 as Multikey", ErrUnsupported)
		}
		d, err := k.Bytes()
		if err != nil {
			return "", fmt.Errorf("%w: not a secret of its curve", ErrInvalidKey)
		}
		return EncodeMultibase58(append(appendUvarint(nil, code), d...)), nil
	}
	return "", fmt.Errorf("%w: %T", ErrUnsupported, key)
}

// newRSA checks an RSA public key.
func newRSA(n *big.Int, e int) (*rsa.PublicKey, error) {
	switch bits := n.BitLen(); {
	case bits < MinRSABits, bits > MaxRSABits:
		return nil, fmt.Errorf("%w: expected an RSA modulus of %d to %d bits, found %d", ErrInvalidKey, MinRSABits, MaxRSABits, bits)
	case n.Bit(0) == 0:
		return nil, fmt.Errorf("%w: RSA modulus is even", ErrInvalidKey)
	case e < 3 || e&1 == 0:
		return nil, fmt.Errorf("%w: expected an odd RSA exponent of at least 3", ErrInvalidKey)
	}
	return &rsa.PublicKey{N: n, E: e}, nil
}
