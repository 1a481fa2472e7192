package service

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
)

// keyRetry is when to ask a key provider again.
const keyRetry = 10 * time.Second

// keyAway is what callers are told where a key is held elsewhere and cannot be used.
func keyAway(err error) error {
	return &Error{Code: CodeUnavailable, Detail: "the issuer's key is held elsewhere, and cannot be used now; try again", RetryAfter: keyRetry, Err: err}
}

// otherKey is the error of a key that nobody who verifies would know. One that is kept here was
// changed in the store, together with what is published; that of a provider may come back.
func otherKey(ref string) error {
	if ref == "" {
		return fmt.Errorf("%w: its key is not the one that is published", ErrSealed)
	}
	return keyAway(errors.New("service: the key is not the one that is published: it was replaced where it is held"))
}

// held opens a key of the key provider.
func (s *Service) held(ctx context.Context, ref string) (crypto.Signer, error) {
	if s.c.KeyProvider == nil {
		return nil, keyAway(errors.New("service: there is no key provider"))
	}
	key, err := s.c.KeyProvider.Signer(ctx, ref)
	if err != nil {
		return nil, keyAway(err)
	}
	switch key.(type) {
	case ed25519.PrivateKey, *ecdsa.PrivateKey, *rsa.PrivateKey: // in memory: it cannot be away
		return key, nil
	}
	return heldKey{key}, nil
}

// heldKey tells a caller that its key is away, rather than that we are at fault.
type heldKey struct{ crypto.Signer }

// Sign implements crypto.Signer.
func (k heldKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	sig, err := k.Signer.Sign(random, digest, opts)
	if err != nil {
		return nil, keyAway(err)
	}
	return sig, nil
}

// heldBy is the body of a record in the scope of the installation: whose key one is that a
// provider holds. No two issuers have one, and so no two environments: what is issued to try
// things out would bear the signature of what counts.
type heldBy struct {
	Issuer string `json:"issuer"` // DID
}

// noteHeld writes down whose a provider's key is. It is a CodeValidation error where that is
// somebody's already.
func noteHeld(ctx context.Context, tx Tx, did string, key StoredIssuerKey, now time.Time) error {
	if key.Ref == "" {
		return nil
	}
	r := Record{Kind: KindSetting, ID: "key/" + key.Multibase, Created: now, Updated: now}
	_, err := tx.Get(ctx, Scope{}, KindSetting, r.ID)
	if errors.Is(err, ErrNotFound) {
		err = Put(ctx, tx, Scope{}, r, heldBy{Issuer: did})
	} else if err == nil {
		err = ErrExists
	}
	if errors.Is(err, ErrExists) {
		return refused("keyRef", "names the key of an issuer: each has its own")
	}
	return err
}

// checkSuccessor checks the key that an issuer's is to be followed by.
func checkSuccessor(old StoredIssuer, in RotateKey, key StoredIssuerKey) error {
	if slices.ContainsFunc(old.Keys, func(k StoredIssuerKey) bool { return k.Multibase == key.Multibase }) {
		return refused("keyRef", "names a key that the issuer has had")
	}
	if now, err := old.current(); err == nil && now.Ref != "" && in.KeyRef == "" && in.KeyType == "" {
		return refused("keyRef", "is required, as the key in use is held elsewhere; with a keyType instead, the new one is kept here")
	}
	return nil
}

// sameKey reports whether a key is the one that is published in Multikey form.
func sameKey(key crypto.Signer, multibase string) bool {
	published, err := multikey.Parse(multibase)
	return err == nil && multikey.Equal(key.Public(), published)
}
