package pades_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/chancery-dev/chancery/signer/pades"
	verifierpades "github.com/chancery-dev/chancery/verifier/pades"
)

// exampleDocument is a page that any program can have made.
func exampleDocument() []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, body := range []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>"} {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := b.Len()
	b.WriteString("xref\n0 4\n0000000000 65535 f \n")
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.Bytes()
}

// An institution signs a document, and somebody who knows its certificate validates it; then
// a copy of which one byte was changed.
func ExampleSigner_Sign() {
	ctx := context.Background()
	now := time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now } // a program takes time.Now

	// A program has its key in a file or a token, and a certificate by an authority. This one
	// is its own root. Document signing (RFC 9336) is what it is for.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Registrar", Organization: []string{"Example University"}},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}

	// B-B holds for as long as the certificate does. With a TSAClient and a Fetcher, LevelLTA
	// has in it all that is needed later.
	s := &pades.Signer{Key: key, Chain: []*x509.Certificate{certificate}, Level: pades.LevelB, Clock: clock}
	document := exampleDocument()
	var signed bytes.Buffer
	made, err := s.Sign(ctx, bytes.NewReader(document), int64(len(document)), &signed, pades.Request{Reason: "Issued by the registrar"})
	if err != nil {
		panic(err)
	}
	fmt.Println(made.Field, made.Level, bytes.HasPrefix(signed.Bytes(), document))

	validate := func(file []byte) {
		result, err := verifierpades.Validate(ctx, bytes.NewReader(file), int64(len(file)), verifierpades.Config{
			Roots: []verifierpades.Anchor{{Certificate: certificate}}, Clock: clock,
		})
		if err != nil { // the call was wrong; a broken file has an outcome
			panic(err)
		}
		one := result.Signatures[0]
		fmt.Printf("%s %q %s %q %s\n", result.Outcome, string(result.Reason), one.Indication, one.SubIndication, one.SignerName)
	}
	validate(signed.Bytes())
	validate(bytes.Replace(signed.Bytes(), []byte("[0 0 595 842]"), []byte("[0 0 595 942]"), 1))
	// Output:
	// Signature1 B-B true
	// valid "" TOTAL-PASSED "" Registrar
	// invalid "cms_digest" TOTAL-FAILED "HASH_FAILURE" Registrar
}
