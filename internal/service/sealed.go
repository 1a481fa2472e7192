package service

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
)

// A PDF does not name the DID of who sealed it. The keys that issuers here seal with are
// written down by their digest, so that a document without a credential inside leads to its
// issuer too: what is judged must not hang on what was judged before.

// sealKeys is the body of a record in the scope of the installation.
type sealKeys struct {
	Issuers []string `json:"issuers"` // DIDs
}

func sealRecord(key string) string { return "seal/" + key }

// sealKey names the key of a certificate as reports do.
func sealKey(x *x509.Certificate) string {
	sum := sha256.Sum256(x.RawSubjectPublicKeyInfo)
	return "sha-256:" + hexOf(sum[:])
}

// noteSeal writes down that an issuer seals with the key of a certificate (DER).
func noteSeal(ctx context.Context, tx Tx, scope Scope, did string, certificate []byte, now time.Time) error {
	x, err := x509.ParseCertificate(certificate)
	if err != nil {
		return err
	}
	r, keys, err := Get[sealKeys](ctx, tx, Scope{}, KindSetting, sealRecord(sealKey(x)))
	if errors.Is(err, ErrNotFound) {
		r = Record{Kind: KindSetting, ID: sealRecord(sealKey(x)), Created: now}
	} else if err != nil {
		return err
	}
	if slices.Contains(keys.Issuers, did) {
		return nil
	}
	if err := sameEnvironment(ctx, tx, scope, keys.Issuers); err != nil {
		return err
	}
	keys.Issuers, r.Updated = append(keys.Issuers, did), now
	return Put(ctx, tx, Scope{}, r, keys)
}

// sameEnvironment refuses a key of issuers of the other environment: what is sealed to try
// things out would bear the seal of what counts.
func sameEnvironment(ctx context.Context, tx Tx, scope Scope, issuers []string) error {
	for _, did := range issuers {
		other, _, err := tx.Find(ctx, KindIssuer, did)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && other.Environment != scope.Environment {
			return refused("chain", "begins with the certificate of a key that seals in the other environment")
		}
	}
	return nil
}

// maxSealers bounds how many signatures of a PDF are looked up.
const maxSealers = 16

// signaturesOf collects the signatures of PDFs that a report, or one within it, is about.
func signaturesOf(r *verifier.Report, to []verifier.ProofReport, depth int) []verifier.ProofReport {
	if r == nil || depth > 8 {
		return to
	}
	if r.MediaType == chancery.MediaPDF {
		to = append(to, r.Proofs...)
	}
	for _, sub := range r.Sub {
		to = signaturesOf(sub.Report, to, depth+1)
	}
	return to
}

// sealers are the DIDs of issuers here who may have sealed a PDF that a report is about.
func (s *Service) sealers(ctx context.Context, r *verifier.Report) ([]string, error) {
	signatures := signaturesOf(r, nil, 0)
	if len(signatures) == 0 {
		return nil, nil
	}
	var out, ask []string
	issuers := s.trust.state.Load().issuers
	for _, p := range signatures[:min(len(signatures), maxSealers)] {
		known := false
		for did, i := range issuers {
			if i.seals[p.Key] {
				out, known = append(out, did), true
			}
		}
		if p.Key != "" && !known {
			ask = append(ask, p.Key)
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	var found []string
	err := s.view(ctx, func(tx Tx) error {
		found = nil
		for _, key := range ask {
			_, keys, err := Get[sealKeys](ctx, tx, Scope{}, KindSetting, sealRecord(key))
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			found = append(found, keys.Issuers...)
		}
		return nil
	})
	return append(out, found...), err
}

// sealedBy is the issuer here whose seal on a PDF is good; nil where there is none.
func (s *Service) sealedBy(r *verifier.Report) *knownIssuer {
	for _, p := range r.Proofs {
		if p.Result != verifier.Pass || !p.IsIssuer {
			continue
		}
		for _, known := range s.trust.state.Load().issuers {
			if known.seals[p.Key] {
				return known
			}
		}
	}
	return nil
}
