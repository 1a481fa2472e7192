package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var signatureAlgs = []string{"Ed25519", "ES256", "ES384", "ES512", "PS256"}

func algFor(key crypto.PublicKey) string {
	switch key := key.(type) {
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return "Ed25519"
		}
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return "ES256"
		case elliptic.P384():
			return "ES384"
		case elliptic.P521():
			return "ES512"
		}
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n >= 2048 && n <= 8192 {
			return "PS256"
		}
	}
	return ""
}

// HashFor returns the hash that a signature algorithm applies to the signing input, 0
// for Ed25519, which takes the input itself.
func HashFor(alg string) crypto.Hash {
	switch alg {
	case "ES256", "PS256":
		return crypto.SHA256
	case "ES384":
		return crypto.SHA384
	case "ES512":
		return crypto.SHA512
	}
	return 0
}

// RawSignature converts what a crypto.Signer returns to Signature.Value: ECDSA
// signatures from DER to r ‖ s, others unchanged.
func RawSignature(key crypto.PublicKey, sig []byte) ([]byte, error) {
	ec, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return sig, nil
	}
	var r, s big.Int
	in := cryptobyte.String(sig)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(&r) || !seq.ReadASN1Integer(&s) || !seq.Empty() {
		return nil, fmt.Errorf("%w: expected an ECDSA signature in DER", ErrBuild)
	}
	size := (ec.Curve.Params().BitSize + 7) / 8
	if r.Sign() <= 0 || s.Sign() <= 0 || r.BitLen() > 8*size || s.BitLen() > 8*size {
		return nil, fmt.Errorf("%w: expected an ECDSA signature of the key's size", ErrBuild)
	}
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out, nil
}

// verifySignature checks a signature over a message. The algorithm must be the key's.
func verifySignature(key crypto.PublicKey, sig *Signature, message []byte) bool {
	if alg := algFor(key); alg == "" || alg != sig.Alg {
		return false
	}
	switch key := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, sig.Value)
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(sig.Value) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(sig.Value[:size]), new(big.Int).SetBytes(sig.Value[size:])
		return ecdsa.Verify(key, sumFor(sig.Alg, message), r, s)
	case *rsa.PublicKey:
		return rsa.VerifyPSS(key, crypto.SHA256, sumFor(sig.Alg, message), sig.Value, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	}
	return false
}

func sumFor(alg string, message []byte) []byte {
	switch HashFor(alg) {
	case crypto.SHA384:
		d := sha512.Sum384(message)
		return d[:]
	case crypto.SHA512:
		d := sha512.Sum512(message)
		return d[:]
	}
	d := sha256.Sum256(message)
	return d[:]
}
