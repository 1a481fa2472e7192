package service

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/signer/pades"
)

// PDFSigner returns what signs PDFs for an issuer of the scope, by id or key; "": the only
// one; an unknown issuer is a CodeValidation error. level is one of PAdES, "": the highest that the configured authorities allow; one
// that they do not allow is a CodeValidation error too.
func (s *Service) PDFSigner(ctx context.Context, scope Scope, issuer, level string) (*pades.Signer, error) {
	var bad Invalid
	found, err := s.typeIssuer(ctx, Caller{Scope: scope}, &bad, issuer)
	if err != nil {
		return nil, err
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	cached, err := s.issuer(ctx, scope, found.ID)
	if err != nil {
		return nil, err
	}
	key, chain, err := cached.sealer(ctx, s)
	if err != nil {
		return nil, err
	}
	// A certificate of our own making has no authority that could be asked about it.
	highest := pades.LevelB
	if s.c.TSA != nil {
		highest = pades.LevelT
		if s.c.Revocation != nil && len(chain) > 1 {
			highest = pades.LevelLTA
		}
	}
	out := &pades.Signer{Key: key, Chain: chain, Level: highest, TSA: s.c.TSA, Clock: func() time.Time { return s.now() }}
	if level != "" {
		wanted, ok := pades.ParseLevel(level)
		if !ok || wanted > highest {
			bad.Add("level", "must be a level that the installation's authorities allow, "+highest.String()+" at most")
			return nil, bad.Err()
		}
		out.Level = wanted
	}
	if out.Level >= pades.LevelLT {
		out.Revocation = s.c.Revocation
	}
	return out, nil
}

// sealFault tells what an authority elsewhere is at fault for from what we are: callers try
// again when it answers.
func sealFault(err error) error {
	var known *Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, pades.Revoked):
		return &Error{Code: CodeState, Detail: "a certificate that the seal or its timestamp needs is revoked", Err: err}
	case errors.Is(err, pades.BadTimestamp):
		return &Error{Code: CodeUnavailable, Detail: "the timestamping authority does not answer as it should; try again", RetryAfter: authorityRetry, Err: err}
	case errors.Is(err, pades.NoRevocation):
		return &Error{Code: CodeUnavailable, Detail: "an authority does not tell whether a certificate is revoked; try again", RetryAfter: authorityRetry, Err: err}
	}
	return err
}

// authorityRetry is when to ask an authority again.
const authorityRetry = 5 * time.Second

// IssuerDocument is the DID document of an issuer as it is published, with the keys that
// are in use and those that were.
func IssuerDocument(i StoredIssuer) ([]byte, error) { return issuerDocument(i) }
