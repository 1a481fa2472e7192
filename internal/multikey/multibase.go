// Package multikey reads and writes public keys in the two forms that
// credentials use: Multikey (Controlled Identifiers 1.0 section 2.2.2, z6Mk…) and
// JSON Web Keys (RFC 7517, 7518, 8037). Parse is for Multikey, ParsePublicJWK for
// a JWK inside a document that has been parsed strictly.
//
// A key has one accepted spelling: multicodec prefixes, base58, base64url and
// coordinate lengths are all checked to be the canonical ones, points to be on
// their curve, and Ed25519 keys of small order, under which anyone can sign, are
// refused. Parse yields ed25519.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey or
// BLS12381G2. Secret keys are read for key files and test vectors only.
package multikey

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrEncoding: the text is not the canonical base58, base64url or multibase
	// form of anything, or is too long.
	ErrEncoding = errors.New("multikey: invalid encoding")
	// ErrUnsupported: the key is of a type that is recognised but not
	// supported, or not recognised at all.
	ErrUnsupported = errors.New("multikey: unsupported key type")
	// ErrInvalidKey: the key material is malformed, not on its curve, too
	// short, too long or weak.
	ErrInvalidKey = errors.New("multikey: invalid key")
	// ErrPrivate: a private or symmetric key stands where a public one belongs.
	ErrPrivate = errors.New("multikey: private key material where a public key was expected")
)

// MaxBase58 bounds the characters of a base58 text, since decoding takes
// quadratic time. Keys and signatures in base58 stay below 200.
const MaxBase58 = 1024

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

var base58Digit = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range base58Alphabet {
		t[base58Alphabet[i]] = byte(i)
	}
	return t
}()

// DecodeBase58 decodes base58btc without a multibase prefix. Every text of the
// alphabet is the canonical form of exactly one byte string.
func DecodeBase58(s string) ([]byte, error) {
	if len(s) > MaxBase58 {
		return nil, fmt.Errorf("%w: expected at most %d characters of base58, found %d", ErrEncoding, MaxBase58, len(s))
	}
	zeros := 0
	for zeros < len(s) && s[zeros] == '1' {
		zeros++
	}
	// The number so far, in limbs of 64 bits, the least significant first. One
	// character is worth less than 6 bits.
	var limbs [MaxBase58*6/64 + 1]uint64
	used := 0
	for i := zeros; i < len(s); {
		// Ten characters at a time fit in 64 bits.
		carry, factor := uint64(0), uint64(1)
		for end := min(i+10, len(s)); i < end; i++ {
			v := base58Digit[s[i]]
			if v == 0xff {
				return nil, fmt.Errorf("%w: character %d is not of the base58 alphabet", ErrEncoding, i)
			}
			carry, factor = carry*58+uint64(v), factor*58
		}
		for j := range used {
			hi, lo := bits.Mul64(limbs[j], factor)
			var c uint64
			limbs[j], c = bits.Add64(lo, carry, 0)
			carry = hi + c
		}
		if carry != 0 {
			limbs[used] = carry
			used++
		}
	}
	size := 0
	if used > 0 {
		size = 8*used - bits.LeadingZeros64(limbs[used-1])/8
	}
	out := make([]byte, zeros+size)
	for i := range size {
		out[len(out)-1-i] = byte(limbs[i/8] >> (8 * (i % 8)))
	}
	return out, nil
}

// EncodeBase58 encodes b in base58btc without a multibase prefix. It is meant for
// keys and signatures: its time is quadratic in the length.
func EncodeBase58(b []byte) string {
	zeros := 0
	for zeros < len(b) && b[zeros] == 0 {
		zeros++
	}
	number := append([]byte(nil), b[zeros:]...)
	var digits []byte // the least significant first
	for len(number) > 0 {
		const fiveDigits = 58 * 58 * 58 * 58 * 58
		rem := uint64(0)
		for i, c := range number {
			rem = rem<<8 | uint64(c)
			number[i] = byte(rem / fiveDigits)
			rem %= fiveDigits
		}
		for len(number) > 0 && number[0] == 0 {
			number = number[1:]
		}
		for range 5 {
			digits = append(digits, base58Alphabet[rem%58])
			rem /= 58
		}
	}
	for len(digits) > 0 && digits[len(digits)-1] == '1' {
		digits = digits[:len(digits)-1]
	}
	out := make([]byte, 0, zeros+len(digits))
	for range zeros {
		out = append(out, '1')
	}
	for i := len(digits) - 1; i >= 0; i-- {
		out = append(out, digits[i])
	}
	return string(out)
}

var base64URL = base64.RawURLEncoding.Strict()

// DecodeBase64URL decodes base64url (RFC 4648 section 5) without padding. Unused
// bits must be zero and line breaks, which Go's decoder skips, are refused.
func DecodeBase64URL(s string) ([]byte, error) {
	for i := 0; i < len(s); i++ {
		if s[i] == '\n' || s[i] == '\r' {
			return nil, fmt.Errorf("%w: line break in base64url", ErrEncoding)
		}
	}
	b, err := base64URL.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: expected base64url without padding", ErrEncoding)
	}
	return b, nil
}

// EncodeBase64URL encodes b in base64url without padding.
func EncodeBase64URL(b []byte) string { return base64URL.EncodeToString(b) }

// DecodeMultibase decodes a multibase text in base58btc ("z") or base64url
// without padding ("u"), the two that Data Integrity allows.
func DecodeMultibase(s string) ([]byte, error) {
	if s == "" {
		return nil, fmt.Errorf("%w: expected multibase, found an empty text", ErrEncoding)
	}
	switch s[0] {
	case 'z':
		return DecodeBase58(s[1:])
	case 'u':
		return DecodeBase64URL(s[1:])
	}
	return nil, fmt.Errorf("%w: expected multibase z (base58btc) or u (base64url)", ErrEncoding)
}

// EncodeMultibase58 encodes b as multibase in base58btc, beginning with "z".
func EncodeMultibase58(b []byte) string { return "z" + EncodeBase58(b) }

// EncodeMultibase64 encodes b as multibase in base64url, beginning with "u".
func EncodeMultibase64(b []byte) string { return "u" + EncodeBase64URL(b) }
