package service

import (
	"context"
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

// IssuerDocument is the DID document of an issuer as it is published, with the keys that
// are in use and those that were.
func IssuerDocument(i StoredIssuer) ([]byte, error) { return issuerDocument(i) }
