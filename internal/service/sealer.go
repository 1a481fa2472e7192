package service

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrSealed is what a KeyRing answers for what it cannot open. It says nothing of the
// content.
var ErrSealed = errors.New("service: sealed value cannot be opened")

// MasterKey is a key of a KeyRing: 32 random bytes.
type MasterKey [32]byte

// KeyRing is a Sealer with keys held in memory: AES-256-GCM, with the context as
// additional data. A sealed value is a version, the id of its key, a nonce and the
// ciphertext, so that values sealed under an old key open as long as that key is in the
// ring. It is safe for concurrent use.
//
// Each value gets a key of its own, derived from the master key with a random salt, so
// that the number of values sealed under one master key is not bounded by the length of
// GCM's nonce.
type KeyRing struct {
	current string
	keys    map[string]MasterKey
}

// NewKeyRing makes a ring that seals with the current key and opens with the old ones too.
func NewKeyRing(current MasterKey, old ...MasterKey) (*KeyRing, error) {
	r := &KeyRing{keys: make(map[string]MasterKey, 1+len(old))}
	for i, k := range append([]MasterKey{current}, old...) {
		if k == (MasterKey{}) {
			return nil, errors.New("service: expected a master key, found zeros")
		}
		id := keyID(k)
		if i == 0 {
			r.current = id
		}
		r.keys[id] = k
	}
	return r, nil
}

// GenerateMasterKey draws a key.
func GenerateMasterKey() MasterKey {
	var k MasterKey
	rand.Read(k[:])
	return k
}

// keyID names a key: 8 bytes of a digest that says nothing of it.
func keyID(k MasterKey) string {
	sum := sha256.Sum256(append([]byte("chancery master key id\x00"), k[:]...))
	return string(sum[:8])
}

// KeyID names the key that seals now, for logs.
func (r *KeyRing) KeyID() string { return hex.EncodeToString([]byte(r.current)) }

const (
	sealVersion = 1
	sealID      = 8
	sealSalt    = 32
	sealHead    = 1 + sealID + sealSalt
)

// Seal implements Sealer.
func (r *KeyRing) Seal(plain []byte, context string) ([]byte, error) {
	out := make([]byte, sealHead, sealHead+len(plain)+16)
	out[0] = sealVersion
	copy(out[1:], r.current)
	rand.Read(out[1+sealID : sealHead])
	aead, nonce, err := r.aead(r.keys[r.current], out[1+sealID:sealHead])
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, nonce, plain, bound(out[:sealHead], context)), nil
}

// Open implements Sealer. Errors match ErrSealed.
func (r *KeyRing) Open(sealed []byte, context string) ([]byte, error) {
	if len(sealed) < sealHead+16 || sealed[0] != sealVersion {
		return nil, fmt.Errorf("%w: expected a sealed value of version %d", ErrSealed, sealVersion)
	}
	key, ok := r.keys[string(sealed[1:1+sealID])]
	if !ok {
		return nil, fmt.Errorf("%w: its master key is not in the ring", ErrSealed)
	}
	aead, nonce, err := r.aead(key, sealed[1+sealID:sealHead])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce, sealed[sealHead:], bound(sealed[:sealHead], context))
	if err != nil {
		return nil, fmt.Errorf("%w: it was changed, or belongs elsewhere", ErrSealed)
	}
	return plain, nil
}

// aead derives key and nonce of one value.
func (r *KeyRing) aead(k MasterKey, salt []byte) (cipher.AEAD, []byte, error) {
	derived, err := hkdf.Key(sha256.New, k[:], salt, "chancery seal 1", 32+12)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(derived[:32])
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, derived[32:], err
}

// bound is the additional data: the head of the value, and its place.
func bound(head []byte, context string) []byte {
	return append(append(make([]byte, 0, len(head)+len(context)), head...), context...)
}
