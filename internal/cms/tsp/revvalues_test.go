package tsp_test

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// TestRevocationValues: revocation data is added to a token without touching what is signed, reads
// back as it was, also when added in two steps, and other programs still accept the token.
func TestRevocationValues(t *testing.T) {
	a := newTSA(t, nil, nil)
	query := request()
	query.Certificates = true
	plain := a.token(t, query)
	ocsp := func(by *testca.Authority, cert *x509.Certificate) []byte {
		b, err := by.OCSP(testca.OCSPConfig{}, cert)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	crl, err := a.inter.CRL(testca.CRLConfig{})
	if err != nil {
		t.Fatal(err)
	}
	first, second := ocsp(a.inter, a.leaf.Certificate), ocsp(a.root, a.inter.Certificate)
	one, err := cms.AddRevocationValues(plain.DER(), [][]byte{first}, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := cms.AddRevocationValues(one, [][]byte{second}, [][]byte{crl})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tsp.ParseToken(whole)
	if err != nil || tok.Signed.BER || !bytes.Equal(tok.DER(), whole) {
		t.Fatalf("expected DER, found %v", err)
	}
	c := a.config()
	c.Anchors = []chain.Anchor{{Certificate: a.root.Certificate}}
	if _, err := tok.Verify(c); err != nil {
		t.Fatal(err)
	}
	gotOCSP, gotCRLs := tok.Signed.RevocationValues()
	if !slices.EqualFunc(gotOCSP, [][]byte{first, second}, bytes.Equal) || !slices.EqualFunc(gotCRLs, [][]byte{crl}, bytes.Equal) {
		t.Fatalf("found %d OCSP responses and %d CRLs", len(gotOCSP), len(gotCRLs))
	}
	if o, c := plain.Signed.RevocationValues(); len(o)+len(c) > 0 {
		t.Fatal("data where there is none")
	}
	for name, bad := range map[string]func() ([]byte, error){
		"no message":     func() ([]byte, error) { return cms.AddRevocationValues(nil, nil, nil) },
		"bytes after it": func() ([]byte, error) { return cms.AddRevocationValues(append(bytes.Clone(one), 0), nil, nil) },
		"no OCSP answer": func() ([]byte, error) { return cms.AddRevocationValues(one, [][]byte{{0x30, 3, 0x0a, 1, 6}}, nil) },
		"OCSP and more": func() ([]byte, error) {
			return cms.AddRevocationValues(one, [][]byte{append(bytes.Clone(first), 0)}, nil)
		},
		"not the whole OCSP": func() ([]byte, error) { return cms.AddRevocationValues(one, [][]byte{first[:40]}, nil) },
	} {
		if b, err := bad(); err == nil || b != nil {
			t.Errorf("%s: expected an error", name)
		}
	}
	dir := t.TempDir()
	writePEM(t, dir, "root.pem", "CERTIFICATE", a.root.Certificate.Raw)
	writePEM(t, dir, "inter.pem", "CERTIFICATE", a.inter.Certificate.Raw)
	write(t, dir, "token.der", whole)
	write(t, dir, "data", data)
	if out, err := openssl(t, dir, "ts", "-verify", "-data", "data", "-in", "token.der", "-token_in", "-CAfile", "root.pem", "-untrusted", "inter.pem", "-attime", "1772366400"); err != nil {
		t.Fatalf("openssl refuses the token: %s", out)
	}
}

// TestRevocationInMessage: CRLs and OCSP responses in SignedData.crls are read too.
func TestRevocationInMessage(t *testing.T) {
	a := newTSA(t, nil, nil)
	crl, err := a.inter.CRL(testca.CRLConfig{})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.inter.OCSP(testca.OCSPConfig{}, a.leaf.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	sd := &cms.SignedData{CRLs: [][]byte{crl}, OCSP: [][]byte{answer}, Signers: []*cms.SignerInfo{{
		UnsignedAttrs: []cms.Attribute{{Type: cms.OIDRevocationValues, Values: [][]byte{{0x30, 0x80}, {0x05, 0x00}, {0x30, 0x02, 0xa0, 0x00}, {0x30, 0x04, 0xa1, 0x02, 0x30, 0x01}}}},
	}}}
	if o, c := sd.RevocationValues(); len(o) != 1 || len(c) != 1 || !bytes.Equal(o[0], answer) || !bytes.Equal(c[0], crl) {
		t.Fatalf("found %d OCSP responses and %d CRLs", len(o), len(c))
	}
}
