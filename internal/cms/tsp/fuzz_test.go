package tsp_test

import (
	"context"
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// Tokens of an authority nobody trusts, and all that can be made of them, never verify.
func FuzzTSP(f *testing.F) {
	trusted, stranger := newTSA(f, nil, nil), newTSA(f, nil, nil)
	req := request()
	query, err := req.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	answer, err := stranger.auth.Respond(context.Background(), query)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(query)
	f.Add(answer)
	f.Add(stranger.token(f, req).DER())
	crl, err := stranger.inter.CRL(testca.CRLConfig{})
	if err != nil {
		f.Fatal(err)
	}
	status, err := stranger.inter.OCSP(testca.OCSPConfig{}, stranger.leaf.Certificate)
	if err != nil {
		f.Fatal(err)
	}
	told, err := cms.AddRevocationValues(stranger.token(f, req).DER(), [][]byte{status}, [][]byte{crl})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(told)
	cfg := trusted.config()
	cfg.Anchors = []chain.Anchor{{Certificate: trusted.root.Certificate}}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e *tsp.Error
		if _, err := tsp.ParseRequest(b); err != nil && !errors.As(err, &e) {
			t.Fatalf("untyped error %v", err)
		}
		if r, err := tsp.ParseResponse(b); err == nil {
			if tok, err := r.Token(req); err == nil {
				if _, err := tok.Verify(cfg); err == nil {
					t.Fatal("an untrusted token verifies")
				}
			}
		} else if !errors.As(err, &e) {
			t.Fatalf("untyped error %v", err)
		}
		if tok, err := tsp.ParseToken(b); err == nil {
			ocsp, crls := tok.Signed.RevocationValues()
			if more, err := cms.AddRevocationValues(tok.DER(), nil, crls); err == nil {
				again, err := tsp.ParseToken(more)
				if err != nil {
					t.Fatalf("a token with revocation data added does not parse: %v", err)
				}
				if o, c := again.Signed.RevocationValues(); len(o) != len(ocsp) || len(c) != 2*len(crls) && len(crls) > 0 && tok.Signed.CRLs == nil {
					t.Fatalf("found %d and %d pieces, expected %d and %d", len(o), len(c), len(ocsp), 2*len(crls))
				}
			}
			if _, err := tok.Verify(cfg); err == nil {
				t.Fatal("an untrusted token verifies")
			}
		}
	})
}
