package service_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
)

// sealed signs a PDF without a credential inside with a certificate.
func sealed(t *testing.T, w *world, leaf *testca.Leaf, page []byte) []byte {
	t.Helper()
	s := &pades.Signer{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Level: pades.LevelB, Clock: w.clock}
	var out bytes.Buffer
	if _, err := s.Sign(t.Context(), bytes.NewReader(page), int64(len(page)), &out, pades.Request{}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func isValidation(err error) bool {
	var e *service.Error
	return errors.As(err, &e) && e.Code == service.CodeValidation
}

// TestSeal: an issuer seals with a certificate that an authority has issued; others of the
// same authority are strangers.
func TestSeal(t *testing.T) {
	w := newWorld(t)
	c := w.school("acme", func(n *service.NewType) { n.Outputs = []string{"vc", "pdf"} })
	before := w.issue(c)
	ca, err := testca.NewRoot(testca.Config{Clock: w.clock, Subject: pkix.Name{CommonName: "National root"}})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(testca.Request{Profile: testca.DocumentSigning, Subject: pkix.Name{CommonName: "Registrar", Organization: []string{"Acme"}}})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ca.Issue(testca.Request{Profile: testca.DocumentSigning, Subject: pkix.Name{CommonName: "Registrar", Organization: []string{"Acme"}}})
	if err != nil {
		t.Fatal(err)
	}
	chain := append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...)
	issuers, err := w.s.ListIssuers(t.Context(), c, service.Page{})
	if err != nil {
		t.Fatal(err)
	}
	id := issuers.Items[0].ID
	other, err := signer.Generate(signer.P256)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		name string
		seal service.Seal
	}{
		{"no chain", service.Seal{Key: leaf.Key}},
		{"another key", service.Seal{Key: other, Chain: chain}},
		{"not a chain", service.Seal{Key: leaf.Key, Chain: []*x509.Certificate{leaf.Certificate, stranger.Certificate}}},
		{"a key of nobody", service.Seal{KeyRef: "acme/seal", Chain: chain}},
		{"an authority", service.Seal{Key: ca.Key, Chain: []*x509.Certificate{ca.Certificate, ca.Certificate}}},
	} {
		if _, err := w.s.SetSeal(t.Context(), c, id, bad.seal); !isValidation(err) {
			t.Errorf("%s: expected a validation error, found %v", bad.name, err)
		}
	}
	elsewhere := w.school("other")
	if _, err := w.s.SetSeal(t.Context(), elsewhere, id, service.Seal{Key: leaf.Key, Chain: chain}); !service.IsNotFound(err) {
		t.Errorf("another tenant's issuer: expected not found, found %v", err)
	}
	if _, err := w.s.SetSeal(t.Context(), c, id, service.Seal{Key: leaf.Key, Chain: chain}); err != nil {
		t.Fatal(err)
	}
	after := w.issue(c)
	for _, made := range []service.Credential{before, after} {
		if v := w.verify(w.file(c, made.ID, "pdf")); v.Report.Outcome != verifier.Valid {
			t.Errorf("expected valid, found %v, %v", v.Report.Outcome, v.Report.Reason)
		}
	}
	if !bytes.Contains(w.file(c, after.ID, "pdf"), []byte("Registrar")) {
		t.Error("the page does not name the certificate's holder")
	}
	page := w.pdf("letter")
	if v := w.verify(sealed(t, w, stranger, page)); v.Report.Outcome == verifier.Valid {
		t.Error("a stranger with a certificate by the same authority is believed")
	}
	w.pass(time.Hour)
}
