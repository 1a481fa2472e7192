package testca_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/cms/testca"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// An RSA-PSS authority works end to end, and its certificates carry what the configuration says.
func TestPSSAuthority(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	root, err := testca.NewRoot(testca.Config{
		Clock: clock, Subject: pkix.Name{CommonName: "PSS Root"}, Key: key, PSS: true,
		OCSPURL: "http://ocsp.example.edu/", CRLURL: "http://crl.example.edu/root.crl",
	})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(testca.Request{Subject: pkix.Name{CommonName: "Signer"}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := root.Issue(testca.Request{Subject: pkix.Name{CommonName: "Other"}})
	if err != nil {
		t.Fatal(err)
	}
	if leaf.Certificate.SignatureAlgorithm != x509.SHA256WithRSAPSS || leaf.Certificate.OCSPServer[0] != "http://ocsp.example.edu/" ||
		leaf.Certificate.CRLDistributionPoints[0] != "http://crl.example.edu/root.crl" ||
		leaf.Certificate.SerialNumber.Cmp(other.Certificate.SerialNumber) == 0 {
		t.Fatalf("%v %v %v", leaf.Certificate.SignatureAlgorithm, leaf.Certificate.OCSPServer, leaf.Certificate.SerialNumber)
	}
	p, err := chain.Build(leaf.Certificate, chain.Config{
		Anchors: []chain.Anchor{{Certificate: root.Root()}}, At: now, Purpose: chain.Signing, RequireEKU: true, RequireKeyUsage: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	root.Revoke(other.Certificate.SerialNumber, now, 1)
	ocsp, err := root.OCSP(testca.OCSPConfig{}, leaf.Certificate, other.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	crl, err := root.CRL(testca.CRLConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][2][][]byte{{{ocsp}, nil}, {nil, {crl}}} {
		s, err := revocation.NewStore(data[0], data[1])
		if err != nil {
			t.Fatal(err)
		}
		if a := s.CheckPath(p.Certificates, revocation.Query{At: now}); len(a) != 1 || a[0].Status != revocation.Good {
			t.Fatalf("%+v", a)
		}
		if a := s.Check(revocation.Query{Certificate: other.Certificate, Issuer: root.Certificate, At: now}); a.Status != revocation.Revoked {
			t.Fatalf("%+v", a)
		}
	}
}

func TestRefused(t *testing.T) {
	if _, err := testca.NewRoot(testca.Config{Subject: pkix.Name{CommonName: "No clock"}}); err == nil {
		t.Fatal("an authority without a clock")
	}
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Root"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.OCSP(testca.OCSPConfig{}); err == nil {
		t.Fatal("an answer about nothing")
	}
	if b, err := root.RespondOCSP([]byte("garbage"), testca.OCSPConfig{}); err != nil {
		t.Fatal(err)
	} else if _, err := revocation.ParseResponse(b); err == nil {
		t.Fatal("garbage answered")
	}
}
