//go:build pkcs11

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/ThalesGroup/crypto11"

	"github.com/chancery-dev/chancery/internal/multikey"
)

// Config says which token to open. One of Token, Serial and Slot is needed.
type Config struct {
	Module string // path of the vendor's PKCS#11 library; required
	Token  string // label of the token; empty: not chosen by label
	Serial string // serial number of the token; empty: not chosen by serial number
	Slot   *int   // slot number; nil: not chosen by slot
	PIN    string // of the user; kept by the library for as long as the token is open
	// MaxSessions bounds the sessions open at a time; 0 means the library's default (1024 or what the token allows).
	MaxSessions int
}

// ErrNotFound is returned where the token has no such key or certificate.
var ErrNotFound = errors.New("pkcs11: not found on the token")

// ErrReplaced is returned where a token signs with another key than the one that was opened: under
// its name there is another one now, or its public half belongs to another key.
var ErrReplaced = errors.New("pkcs11: the key on the token is not the one that was opened")

// Key returns the key pair of a label: RSA or ECDSA on P-256, P-384 or P-521. The error is ErrNotFound if there
// is none.
func (t *Token) Key(label string) (*Key, error) {
	k := &Key{token: t, label: label}
	err := t.use(func(ctx *crypto11.Context, opened int) error {
		s, err := find(ctx, label)
		if err != nil {
			return err
		}
		k.public, k.signer, k.opened = s.Public(), s, opened
		t.known.Store(&label)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

func find(ctx *crypto11.Context, label string) (crypto.Signer, error) {
	pairs, err := ctx.FindKeyPairs(nil, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("pkcs11: finding the key: %w", err)
	}
	switch len(pairs) {
	case 0:
		return nil, fmt.Errorf("%w: key pair", ErrNotFound)
	case 1:
	default:
		return nil, fmt.Errorf("pkcs11: %d key pairs have the label, expected one", len(pairs))
	}
	switch public := pairs[0].Public().(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return pairs[0], nil
	default:
		return nil, fmt.Errorf("pkcs11: key of type %T, expected RSA or ECDSA", public)
	}
}

// Certificate returns the certificate of a label. The error is ErrNotFound if there is none.
func (t *Token) Certificate(label string) (*x509.Certificate, error) {
	var found *x509.Certificate
	err := t.use(func(ctx *crypto11.Context, _ int) error {
		var err error
		if found, err = ctx.FindCertificate(nil, []byte(label), nil); err != nil {
			return fmt.Errorf("pkcs11: finding the certificate: %w", err)
		}
		if found == nil {
			return fmt.Errorf("%w: certificate", ErrNotFound)
		}
		return nil
	})
	return found, err
}

// Key is a private key on a token. It stays the same key: when the token was opened anew, it is looked
// up again, and another one under its label is not used.
type Key struct {
	token  *Token
	label  string
	public crypto.PublicKey

	mu     sync.Mutex
	signer crypto.Signer // of one opening of the token
	opened int
}

// Public returns the public key.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer. The token makes its own random numbers. What it returns is checked with
// the public key: no signature by another key, and none that a fault has spoilt, is given out.
func (k *Key) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	var sig []byte
	err := k.token.use(func(ctx *crypto11.Context, opened int) error {
		s, err := k.on(ctx, opened)
		if err != nil {
			return err
		}
		sig, err = s.Sign(random, digest, opts)
		return err
	})
	switch {
	case errors.Is(err, ErrReplaced), errors.Is(err, ErrNotFound):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("pkcs11: signing: %w", err)
	case !verifies(k.public, digest, sig, opts):
		return nil, ErrReplaced
	}
	return sig, nil
}

// on returns the key as the token has it open now.
func (k *Key) on(ctx *crypto11.Context, opened int) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.opened == opened {
		return k.signer, nil
	}
	s, err := find(ctx, k.label)
	if err != nil {
		return nil, err
	}
	if !multikey.Equal(s.Public(), k.public) {
		return nil, ErrReplaced
	}
	k.signer, k.opened = s, opened
	k.token.known.Store(&k.label)
	return s, nil
}

func verifies(public crypto.PublicKey, digest, sig []byte, opts crypto.SignerOpts) bool {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, sig)
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(key, pss.Hash, digest, sig, pss) == nil
		}
		return rsa.VerifyPKCS1v15(key, opts.HashFunc(), digest, sig) == nil
	}
	return false
}

// SignDigest is Sign with a context. The library cannot be interrupted: when the context ends first, the
// call returns and its signature, should it still come, is thrown away.
func (k *Key) SignDigest(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("pkcs11: signing: %w", err)
	}
	type result struct {
		sig []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		sig, err := k.Sign(rand.Reader, digest, opts)
		done <- result{sig, err}
	}()
	select {
	case r := <-done:
		return r.sig, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("pkcs11: signing: %w", ctx.Err())
	}
}
