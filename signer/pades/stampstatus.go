package pades

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/revocation"
)

// maxStampStatus bounds what is put into a token about one certificate, in bytes. An OCSP response
// has about two thousand; a large CRL is better asked for than carried with every timestamp.
const maxStampStatus = 128 << 10

// WithRevocation returns the token with what source knows of the certificates of its authority added
// to it, as evidence of the time carries it: in the unsigned attribute revocation-values, which
// changes nothing that is signed. Answers that say nothing about the time of the token, and those of
// more than 128 KB, are left out, as is what source does not know. now is the time to judge them at.
// A certificate that is revoked, or on hold, is an *Error with Revoked: the token is good for nothing.
// The token is returned as it was where ctx ends before source has answered.
func (t *Timestamp) WithRevocation(ctx context.Context, source RevocationSource, now time.Time) ([]byte, error) {
	var ocsp, crls [][]byte
	for i := 0; i+1 < len(t.Path); i++ {
		rev, err := source.Revocation(ctx, t.Path[i], t.Path[i+1])
		if err != nil {
			var e *Error
			if errors.As(err, &e) && e.Reason == Revoked {
				return nil, e
			}
			continue
		}
		store, err := revocation.NewStore(rev.OCSP, rev.CRLs)
		if err != nil {
			continue
		}
		ans := store.Check(revocation.Query{Certificate: t.Path[i], Issuer: t.Path[i+1], At: t.Time, Known: now})
		switch {
		case ans.Status == revocation.Revoked || !ans.RevokedAt.IsZero():
			return nil, fail(Revoked, "certificate %d of the timestamping authority was revoked on %s", i+1, ans.RevokedAt.UTC().Format(time.RFC3339))
		case ans.Status != revocation.Good:
			continue
		}
		from, to := rev.OCSP, &ocsp
		if ans.Source.Kind == revocation.CRL {
			from, to = rev.CRLs, &crls
		}
		if piece := from[ans.Source.Index]; len(piece) <= maxStampStatus {
			*to = append(*to, piece)
		}
	}
	if len(ocsp)+len(crls) == 0 {
		return t.Token, nil
	}
	token, err := cms.AddRevocationValues(t.Token, ocsp, crls)
	if err != nil {
		return nil, wrap(BadTimestamp, err, "adding revocation data")
	}
	return token, nil
}
