package ethereum

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	gethcrypto "github.com/ethereum/go-ethereum/crypto"

	"github.com/chancery-dev/chancery/anchor"
)

// Key is an account's key: a crypto.Signer on the curve secp256k1.
type Key struct {
	signer  crypto.Signer
	public  []byte // uncompressed, 65 bytes
	address common.Address
}

// NewKey takes any crypto.Signer whose public key is an *ecdsa.PublicKey on secp256k1 or
// a *secp256k1.PublicKey, and whose signatures are ECDSA in ASN.1 DER: an HSM, for
// example. Its signatures need be neither deterministic nor of low s.
func NewKey(s crypto.Signer) (*Key, error) {
	var public []byte
	switch p := s.Public().(type) {
	case *ecdsa.PublicKey:
		// The curve may be another implementation of secp256k1: its parameters say so.
		params, want := p.Curve.Params(), gethcrypto.S256().Params()
		if params.P.Cmp(want.P) != 0 || params.B.Cmp(want.B) != 0 {
			return nil, fmt.Errorf("%w: expected a key on secp256k1, found %s", anchor.ErrConfig, params.Name)
		}
		public = gethcrypto.FromECDSAPub(p)
	case *secp256k1.PublicKey:
		public = p.SerializeUncompressed()
	default:
		return nil, fmt.Errorf("%w: expected a key on secp256k1, found %T", anchor.ErrConfig, p)
	}
	if _, err := secp256k1.ParsePubKey(public); err != nil {
		return nil, fmt.Errorf("%w: expected a point on secp256k1", anchor.ErrConfig)
	}
	return &Key{signer: s, public: public, address: common.BytesToAddress(gethcrypto.Keccak256(public[1:])[12:])}, nil
}

// maxKeystore bounds a keystore file in bytes.
const maxKeystore = 64 << 10

// ParseKeystore decrypts a keystore file (Web3 Secret Storage, version 3), as geth writes
// it. It takes as long and as much memory as the file asks for: a second and 256 MB with
// geth's defaults.
func ParseKeystore(file []byte, passphrase string) (*Key, error) {
	if len(file) > maxKeystore {
		return nil, fmt.Errorf("%w: expected a keystore file of at most %d bytes", anchor.ErrConfig, maxKeystore)
	}
	k, err := keystore.DecryptKey(file, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: keystore: %w", anchor.ErrConfig, err)
	}
	return SoftKey(gethcrypto.FromECDSA(k.PrivateKey))
}

// Address returns the account's address.
func (k *Key) Address() [20]byte { return k.address }

// sign returns r ‖ s ‖ v with low s (EIP-2), v being the recovery ID: it is found by
// trying which one leads to the key, since signers do not tell.
func (k *Key) sign(digest common.Hash) ([]byte, error) {
	der, err := k.signer.Sign(rand.Reader, digest[:], crypto.SHA256) // names the digest's length; what it is of is not looked at
	if err != nil {
		return nil, fmt.Errorf("ethereum: signing: %w", err)
	}
	parsed, err := secpecdsa.ParseDERSignature(der)
	if err != nil {
		return nil, fmt.Errorf("ethereum: expected an ECDSA signature in DER from the signer: %w", err)
	}
	r, s := parsed.R(), parsed.S()
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	sig := make([]byte, 65)
	r.PutBytesUnchecked(sig[:32])
	s.PutBytesUnchecked(sig[32:64])
	for v := byte(0); v < 2; v++ {
		sig[64] = v
		if public, err := gethcrypto.Ecrecover(digest[:], sig); err == nil && bytes.Equal(public, k.public) {
			return sig, nil
		}
	}
	return nil, fmt.Errorf("ethereum: the signer's signature does not fit its key")
}
