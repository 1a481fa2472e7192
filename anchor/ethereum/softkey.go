package ethereum

import (
	"crypto"
	"fmt"
	"io"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// softKey is a key in memory as crypto.Signer: the standard library does not sign on
// secp256k1 in constant time.
type softKey struct{ key *secp256k1.PrivateKey }

func (k *softKey) Public() crypto.PublicKey { return k.key.PubKey() }

// Sign makes a deterministic signature (RFC 6979) with low s, in DER.
func (k *softKey) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	if len(digest) != 32 {
		return nil, fmt.Errorf("ethereum: expected a digest of 32 bytes, found %d", len(digest))
	}
	return secpecdsa.Sign(k.key, digest).Serialize(), nil
}

// SoftKey returns the account key with a secret of 32 bytes.
func SoftKey(secret []byte) (*Key, error) {
	var s secp256k1.ModNScalar
	if len(secret) != 32 || s.SetByteSlice(secret) || s.IsZero() {
		return nil, fmt.Errorf("ethereum: expected a secret key of 32 bytes below the order of secp256k1")
	}
	return NewKey(&softKey{secp256k1.PrivKeyFromBytes(secret)})
}
