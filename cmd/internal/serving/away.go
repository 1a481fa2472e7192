package serving

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
)

// timestamps are of an authority elsewhere. That it fails is no fault of this installation:
// callers are told to try again, as they are when the database is away.
type timestamps struct{ pades.Timestamper }

// Timestamp implements pades.Timestamper.
func (t timestamps) Timestamp(ctx context.Context, hash crypto.Hash, digest []byte) (*pades.Timestamp, error) {
	stamp, err := t.Timestamper.Timestamp(ctx, hash, digest)
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("timestamp authority: %w: %w", service.ErrUnavailable, err)
	}
	return stamp, err
}

// revocationTime bounds one question, over all the addresses that a certificate names.
const revocationTime = 20 * time.Second

// revocations are told by authorities elsewhere too.
type revocations struct{ pades.RevocationSource }

// revocationsAndIssuers can find certificates of issuers besides.
type revocationsAndIssuers struct {
	revocations
	pades.IssuerSource
}

func newRevocations(s pades.RevocationSource) pades.RevocationSource {
	r := revocations{s}
	if issuers, ok := s.(pades.IssuerSource); ok {
		return revocationsAndIssuers{r, issuers}
	}
	return r
}

// Revocation implements pades.RevocationSource.
func (r revocations) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (pades.Revocation, error) {
	bound, cancel := context.WithTimeout(ctx, revocationTime)
	defer cancel()
	rev, err := r.RevocationSource.Revocation(bound, cert, issuer)
	switch {
	case err == nil || ctx.Err() != nil:
		return rev, err
	case !asksOver(cert.OCSPServer) && !asksOver(cert.CRLDistributionPoints):
		return rev, &service.Error{Code: service.CodeState, Err: err, Detail: "the certificate with serial number " + cert.SerialNumber.String() +
			" names nobody who tells whether it is revoked, which signatures that keep need"}
	}
	return rev, &service.Error{Code: service.CodeUnavailable, RetryAfter: 5 * time.Second, Err: fmt.Errorf("%w: %w", service.ErrUnavailable, err),
		Detail: "the certification authority does not tell whether the certificate with serial number " + cert.SerialNumber.String() + " is revoked; try again"}
}

// asksOver reports whether one of the addresses can be asked.
func asksOver(addresses []string) bool {
	for _, a := range addresses {
		if strings.HasPrefix(a, "http://") || strings.HasPrefix(a, "https://") {
			return true
		}
	}
	return false
}

// readyTime bounds what /readyz waits for one part: who asks has not much patience.
const readyTime = 3 * time.Second

// soon makes a part that hangs one that is not ready.
func soon(ready func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		bound, cancel := context.WithTimeout(ctx, readyTime)
		defer cancel()
		err := ready(bound)
		if err != nil && bound.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no answer within %v: %w", readyTime, err)
		}
		return err
	}
}
