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

	"github.com/ThalesGroup/crypto11"
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

// Token is an open token. It may be used by several goroutines at once.
type Token struct{ ctx *crypto11.Context }

// Open loads the library and logs in. The caller closes the Token.
func Open(c Config) (*Token, error) {
	if c.Module == "" {
		return nil, errors.New("pkcs11: Config.Module is empty, the path of a PKCS#11 library is needed")
	}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: c.Module, TokenLabel: c.Token, TokenSerial: c.Serial, SlotNumber: c.Slot, Pin: c.PIN,
		MaxSessions: c.MaxSessions})
	if err != nil {
		return nil, fmt.Errorf("pkcs11: opening the token: %w", err)
	}
	return &Token{ctx}, nil
}

// Close logs out and unloads the library. Keys of the token can no longer be used.
func (t *Token) Close() error {
	if err := t.ctx.Close(); err != nil {
		return fmt.Errorf("pkcs11: closing the token: %w", err)
	}
	return nil
}

// Key returns the key pair of a label: RSA or ECDSA on P-256, P-384 or P-521. The error is ErrNotFound if there
// is none.
func (t *Token) Key(label string) (*Key, error) {
	pairs, err := t.ctx.FindKeyPairs(nil, []byte(label))
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
	s := pairs[0]
	switch s.Public().(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return &Key{signer: s}, nil
	}
	return nil, fmt.Errorf("pkcs11: key of type %T, expected RSA or ECDSA", s.Public())
}

// Certificate returns the certificate of a label. The error is ErrNotFound if there is none.
func (t *Token) Certificate(label string) (*x509.Certificate, error) {
	c, err := t.ctx.FindCertificate(nil, []byte(label), nil)
	if err != nil {
		return nil, fmt.Errorf("pkcs11: finding the certificate: %w", err)
	}
	if c == nil {
		return nil, fmt.Errorf("%w: certificate", ErrNotFound)
	}
	return c, nil
}

// Key is a private key on a token.
type Key struct{ signer crypto11.Signer }

// Public returns the public key.
func (k *Key) Public() crypto.PublicKey { return k.signer.Public() }

// Sign implements crypto.Signer. The token makes its own random numbers.
func (k *Key) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	sig, err := k.signer.Sign(random, digest, opts)
	if err != nil {
		return nil, fmt.Errorf("pkcs11: signing: %w", err)
	}
	return sig, nil
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
