package revocation_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/cms/testca"
)

// Whatever the bytes, only what an authority signed says good or revoked.
func FuzzOCSP(f *testing.F) {
	e := newEnv(f)
	seeds := [][]byte{
		e.ocsp(e.stranger, testca.OCSPConfig{}), e.ocsp(e.stranger, testca.OCSPConfig{Responder: e.otherIssuer, ByName: true}),
		{0x30, 3, 0x0a, 1, 3},
	}
	e.stranger.Revoke(e.leaf.Certificate.SerialNumber, now, 1)
	seeds = append(seeds, e.ocsp(e.stranger, testca.OCSPConfig{Nonce: []byte("x")}))
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if a := check(t, e.query(), one(b), nil); a.Status != revocation.Unknown {
			t.Fatalf("%v from bytes nobody signed", a.Status)
		}
		_, _, _ = revocation.ParseRequest(b)
	})
}

func FuzzCRL(f *testing.F) {
	e := newEnv(f)
	f.Add(e.crl(e.stranger, testca.CRLConfig{}))
	e.stranger.Revoke(e.leaf.Certificate.SerialNumber, now, 6)
	f.Add(e.crl(e.stranger, testca.CRLConfig{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a := check(t, e.query(), nil, one(b)); a.Status != revocation.Unknown {
			t.Fatalf("%v from bytes nobody signed", a.Status)
		}
	})
}
