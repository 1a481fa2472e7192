package service

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"
)

// Seal is what an issuer's PDFs are sealed with: a key and the certificate that an
// authority has issued for it.
type Seal struct {
	// Key is the private key. Nil: KeyRef names one of the key provider.
	Key    crypto.Signer
	KeyRef string
	// Chain is the certificate, its issuer's and so on, up to where validators begin to
	// trust. Required.
	Chain []*x509.Certificate
}

// SetSeal has an issuer seal PDFs with a certificate of its own from now on. What was
// sealed before stays as it is, and is believed as before. It is for the command line,
// where the private key is at hand.
func (s *Service) SetSeal(ctx context.Context, c Caller, issuer string, in Seal) (Issuer, error) {
	if err := c.Need(MayKeys); err != nil {
		return Issuer{}, err
	}
	key := in.Key
	if key == nil {
		var bad Invalid
		s.checkKeyRef(&bad, c.Scope, in.KeyRef)
		if err := bad.Err(); err != nil {
			return Issuer{}, err
		}
		var err error
		if key, err = s.c.KeyProvider.Signer(ctx, in.KeyRef); err != nil {
			return Issuer{}, refused("keyRef", "names no key that can be used")
		}
	}
	if err := checkSealChain(in.Chain, key.Public(), s.now()); err != nil {
		return Issuer{}, err
	}
	known, err := s.issuer(ctx, c.Scope, issuer)
	if err != nil {
		return Issuer{}, err
	}
	cert := StoredCert{Ref: in.KeyRef}
	for _, x := range in.Chain {
		cert.Chain = append(cert.Chain, x.Raw)
	}
	if in.Key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(in.Key)
		if err != nil {
			return Issuer{}, refused("key", "is of a kind that cannot be kept")
		}
		cert.Ref = ""
		if cert.Sealed, err = s.c.Sealer.Seal(der, keyContext(c.Scope, known.issuer.ID, "certificate")); err != nil {
			return Issuer{}, err
		}
	}
	var out Issuer
	err = s.update(ctx, func(tx Tx) error {
		r, stored, err := Get[StoredIssuer](ctx, tx, c.Scope, KindIssuer, known.issuer.ID)
		if err != nil {
			return err
		}
		stored.Certs = append(stored.Certs, cert)
		r.Updated = s.now()
		if err := Put(ctx, tx, c.Scope, r, stored); err != nil {
			return err
		}
		if err := noteSeal(ctx, tx, c.Scope, stored.DID, cert.Chain[0], s.now()); err != nil {
			return err
		}
		out = issuerView(c.Scope, r, stored)
		return WriteAudit(ctx, tx, c, s.now(), "issuer.seal", stored.ID, map[string]any{"serial": in.Chain[0].SerialNumber.Text(16)})
	})
	if err == nil {
		s.forgetIssuer(known.issuer)
	}
	return out, err
}

func refused(field, message string) error {
	return &Error{Code: CodeValidation, Detail: field + " " + message, Fields: map[string][]string{field: {message}}}
}

// checkSealChain checks that a chain is one, is the key's, and may sign documents now.
func checkSealChain(chain []*x509.Certificate, key crypto.PublicKey, now time.Time) error {
	if len(chain) == 0 || len(chain) > 10 {
		return refused("chain", "must hold 1 to 10 certificates")
	}
	equal, ok := chain[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	leaf := chain[0]
	switch {
	case !ok || !equal.Equal(key):
		return refused("chain", "must begin with the certificate of the key")
	case now.Before(leaf.NotBefore) || now.After(leaf.NotAfter):
		return refused("chain", "must begin with a certificate that holds now")
	case leaf.IsCA && len(chain) > 1:
		return refused("chain", "must begin with a certificate that is not an authority's")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return refused("chain", "must begin with a certificate that may sign documents")
	}
	for i := 1; i < len(chain); i++ {
		if err := chain[i-1].CheckSignatureFrom(chain[i]); err != nil {
			return refused("chain", fmt.Sprintf("certificate %d must be that of the issuer of certificate %d", i+1, i))
		}
	}
	return nil
}
