package pades_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// source is a RevocationSource.
type source func(cert, issuer *x509.Certificate) (pades.Revocation, error)

func (f source) Revocation(_ context.Context, cert, issuer *x509.Certificate) (pades.Revocation, error) {
	return f(cert, issuer)
}

// TestStampWithRevocation: what is known of the authority goes into the token, and a token of an
// authority that was revoked is refused.
func TestStampWithRevocation(t *testing.T) {
	for _, c := range []struct {
		name    string
		source  func(w *padestest.World) pades.RevocationSource
		pieces  int
		revoked bool
	}{
		{"good", func(w *padestest.World) pades.RevocationSource { return w }, 1, false},
		{"nobody answers", func(*padestest.World) pades.RevocationSource {
			return source(func(_, _ *x509.Certificate) (pades.Revocation, error) { return pades.Revocation{}, errors.New("away") })
		}, 0, false},
		{"junk", func(*padestest.World) pades.RevocationSource {
			return source(func(_, _ *x509.Certificate) (pades.Revocation, error) {
				return pades.Revocation{OCSP: [][]byte{{0x30, 0}}, CRLs: [][]byte{nil}}, nil
			})
		}, 0, false},
		{"junk beside a good answer", func(w *padestest.World) pades.RevocationSource {
			return source(func(cert, issuer *x509.Certificate) (pades.Revocation, error) {
				r, err := w.Revocation(t.Context(), cert, issuer)
				r.CRLs = append([][]byte{{0x30, 0}}, r.CRLs...)
				return r, err
			})
		}, 1, false},
		{"about another authority", func(w *padestest.World) pades.RevocationSource {
			return source(func(_, _ *x509.Certificate) (pades.Revocation, error) {
				return w.Revocation(t.Context(), w.Issuing.Certificate, w.Root.Certificate)
			})
		}, 0, false},
		{"revoked", func(w *padestest.World) pades.RevocationSource {
			w.TSARoot.Revoke(w.TSALeaf.Certificate.SerialNumber, w.Now.Add(-time.Hour), 4)
			return w
		}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := padestest.New(t, padestest.P256)
			stamp, err := w.TSA.Timestamp(t.Context(), crypto.SHA256, make([]byte, 32))
			if err != nil {
				t.Fatal(err)
			}
			token, err := stamp.WithRevocation(t.Context(), c.source(w), w.Now)
			if c.revoked {
				if !errors.Is(err, pades.Revoked) || token != nil {
					t.Fatalf("expected it to be refused, found %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := tsp.ParseToken(token)
			if err != nil {
				t.Fatal(err)
			}
			ocsp, crls := parsed.Signed.RevocationValues()
			if n := len(ocsp) + len(crls); n != c.pieces || bytes.Equal(token, stamp.Token) != (n == 0) {
				t.Fatalf("expected %d pieces, found %d", c.pieces, n)
			}
		})
	}
}
