package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
)

// seal is what the institution signs PDFs with: a key and a certificate that is its own
// root, and a timestamping authority of the demo's own.
type seal struct {
	signer  *pades.Signer
	root    *x509.Certificate
	tsa     *pades.LocalTSA
	tsaRoot *x509.Certificate
}

// authority answers for the revocation of what it issued.
type authority struct{ *testca.Authority }

func (a authority) Revocation(_ context.Context, cert, _ *x509.Certificate) (pades.Revocation, error) {
	response, err := a.OCSP(testca.OCSPConfig{}, cert)
	return pades.Revocation{OCSP: [][]byte{response}}, err
}

// newAuthority makes a timestamping authority and the root that its times lead to.
func newAuthority(clock func() time.Time) (*pades.LocalTSA, *x509.Certificate, error) {
	ca, tsa, err := newAuthorities(clock)
	if err != nil {
		return nil, nil, err
	}
	return tsa, ca.Certificate, nil
}

func newAuthorities(clock func() time.Time) (*testca.Authority, *pades.LocalTSA, error) {
	ca, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Demo timestamping root", Organization: []string{"Chancery demo"}}})
	if err != nil {
		return nil, nil, err
	}
	leaf, err := ca.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Demo timestamping authority", Organization: []string{"Chancery demo"}}})
	if err != nil {
		return nil, nil, err
	}
	tsa, err := pades.NewLocalTSA(pades.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: clock})
	return ca, tsa, err
}

// cut makes the seal and the authority.
func (t *tour) cut() error {
	clock := func() time.Time { return t.now }
	ca, tsa, err := newAuthorities(clock)
	if err != nil {
		return err
	}
	key, err := signer.Generate(signer.P256)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: "Registrar", Organization: []string{university}, Country: []string{"DE"}},
		NotBefore: t.now.Add(-time.Hour), NotAfter: t.now.AddDate(10, 0, 0), BasicConstraintsValid: true,
		KeyUsage:           x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}}, // document signing, RFC 9336
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	t.seal = seal{
		signer: &pades.Signer{Key: key, Chain: []*x509.Certificate{cert}, Level: pades.LevelLTA, TSA: tsa, Revocation: authority{ca}, Clock: clock},
		root:   cert, tsa: tsa, tsaRoot: ca.Certificate,
	}
	return nil
}

// pages makes a certificate page for each diploma, with the badge embedded, and seals it.
func (t *tour) pages() error {
	if err := t.cut(); err != nil {
		return err
	}
	renderer, err := layout.New(layout.Config{})
	if err != nil {
		return err
	}
	template, err := layout.Builtin(layout.Diploma, "A4-landscape")
	if err != nil {
		return err
	}
	boxes := template.SignatureBoxes()
	if len(boxes) == 0 {
		return fmt.Errorf("the template has no room for a signature")
	}
	for i, s := range t.students {
		fields := layout.Fields{Text: map[string]string{
			"institution": university, "recipient": s.name, "achievement": "Bachelor of Science", "date": t.now.Format("2 January 2006"),
		}}
		options := layout.Options{
			Credential: s.badge.Bytes, CredentialMediaType: chancery.MediaVC, VerifyURL: fmt.Sprintf("https://gruenau.example/c/%d", i+1),
			ID: fmt.Sprintf("GRN2026%04d", i+1), Lang: "en", Title: "Diploma", Author: university, Created: t.now, SignatureField: boxes[0].Name,
		}
		page, err := renderer.Render(t.ctx, template, fields, options)
		if err != nil {
			return err
		}
		if i == 0 {
			picture, err := renderer.Preview(t.ctx, template, fields, options, layout.PreviewOptions{DPI: 110})
			if err != nil {
				return err
			}
			if err := t.write("page-1.png", picture); err != nil {
				return err
			}
		}
		var signed bytes.Buffer
		request := pades.Request{Field: boxes[0].Name, Certify: pades.NoChanges, Visible: &pades.Appearance{}}
		if _, err := t.seal.signer.Sign(t.ctx, bytes.NewReader(page), int64(len(page)), &signed, request); err != nil {
			return err
		}
		name := fmt.Sprintf("diploma-%d.pdf", i+1)
		t.students[i].pdf = signed.Bytes()
		if err := t.write(name, signed.Bytes()); err != nil {
			return err
		}
		t.expect(name, "valid", "")
	}
	return t.tamperPages()
}

// tamperPages changes a signed file within its signed bytes, and leaves one unsigned.
func (t *tour) tamperPages() error {
	signed := t.students[0].pdf
	at := bytes.Index(signed, []byte("(Registrar)"))
	if at < 0 {
		return fmt.Errorf("tampered-page.pdf: nothing to change")
	}
	changed := bytes.Clone(signed)
	changed[at+2] = 'a'
	t.expect("tampered-page.pdf", "invalid", string(verifier.CMSDigest))
	return t.write("tampered-page.pdf", changed)
}
