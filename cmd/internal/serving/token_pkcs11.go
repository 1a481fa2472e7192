//go:build pkcs11

package serving

import (
	"context"
	"crypto"

	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pkcs11"
)

type token struct{ t *pkcs11.Token }

// Signer implements service.KeyProvider: ref is the label of a key.
func (k token) Signer(_ context.Context, ref string) (crypto.Signer, error) { return k.t.Key(ref) }

func openToken(c config.PKCS11) (service.KeyProvider, error) {
	t, err := pkcs11.Open(pkcs11.Config{Module: c.Module, Token: c.Token, Serial: c.Serial, PIN: c.PIN.Reveal()})
	if err != nil {
		return nil, err
	}
	return token{t}, nil
}
