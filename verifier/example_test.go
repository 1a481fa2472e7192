package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/evidence"
	"github.com/chancery-dev/chancery/verifier/foreign"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// What a stranger has: a trust file, and a credential from somewhere.
const (
	exampleTrust = `{"version": 1, "issuers": [{"id": "did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX", "name": "Example Academy"}]}`

	exampleCredential = `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential"],"name":"Diploma","issuer":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","credentialSubject":{"id":"did:example:holder"},"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2024-01-01T00:00:00Z","verificationMethod":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX#z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","proofPurpose":"assertionMethod","proofValue":"z4m2QpofPiuz2fnc2gPVo75kZxtMWzKbEU3eTSpNEfuYM9oXJLv1xwU5SoyVAUT3dEzSMVTQmta1iYoWVrTugPgd7"}}`
)

// verify is the code of the README.
func verify(ctx context.Context, trustFile, file []byte) error {
	trust, err := verifier.ParseTrust(trustFile)
	if err != nil {
		return err
	}
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: time.Now})
	if err != nil {
		return err
	}
	document, err := chancery.Detect(file)
	if err != nil {
		return err
	}
	verified, err := v.Verify(ctx, document)
	if err != nil { // invalid or indeterminate: errors.Is(err, verifier.CredentialRevoked), …
		return err
	}
	fmt.Println(verified.Credential().Issuer())
	return nil
}

// A credential is verified against a trust file, with nothing but the two: no network,
// and no other file.
func ExampleVerifier() {
	ctx := context.Background()
	if err := verify(ctx, []byte(exampleTrust), []byte(exampleCredential)); err != nil {
		fmt.Println(err)
	}
	forged := strings.Replace(exampleCredential, "Diploma", "Doctorate", 1)
	err := verify(ctx, []byte(exampleTrust), []byte(forged))
	fmt.Println(errors.Is(err, verifier.SignatureInvalid))
	fmt.Println(err)
	// Output:
	// did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX
	// true
	// verifier: invalid: The signature does not fit the document. (proof: signature does not verify)
}

// With the handlers of the packages below verifier, one Verifier judges files of every kind
// that Chancery reads; detect tells which one it is.
func ExampleConfig_handlers() {
	trust, err := verifier.ParseTrust([]byte(exampleTrust))
	if err != nil {
		fmt.Println(err)
		return
	}
	handlers := (&foreign.Handler{}).All() // OpenTimestamps, Blockcerts, Chainpoint, Truestamp
	handlers[chancery.MediaEvidence] = &evidence.Handler{}
	handlers[chancery.MediaPDF] = pades.Handler{}
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: time.Now, Handlers: handlers})
	if err != nil {
		fmt.Println(err)
		return
	}
	detect := func(file []byte) (chancery.Secured, error) {
		if document, ok := foreign.Detect(file); ok { // first: from outside they look like ours
			return document, nil
		}
		return chancery.Detect(file)
	}
	for _, file := range []string{exampleCredential, "%PDF-1.7\n%%EOF\n", "\xd9\xd9\xf7\xa0"} {
		document, err := detect([]byte(file))
		if err != nil {
			fmt.Println(err)
			continue
		}
		_, err = v.Verify(context.Background(), document)
		var rejected *verifier.Error
		switch {
		case err == nil:
			fmt.Println(document.MediaType, "valid")
		case errors.As(err, &rejected): // the report says why, and rejected.Reason.Info what to do
			fmt.Println(document.MediaType, rejected.Report.Outcome, string(rejected.Reason))
		}
	}
	// Output:
	// application/vc valid
	// application/pdf invalid pdf_malformed
	// application/vnd.chancery.evidence+cbor invalid evidence_malformed
}

// The report says what was checked, for a document that is valid as for one that is not.
func ExampleVerifier_Verify_report() {
	trust, err := verifier.ParseTrust([]byte(exampleTrust))
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := func() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	verified, err := v.Verify(context.Background(), chancery.Secured{Bytes: []byte(exampleCredential)})
	if err != nil {
		fmt.Println(err)
		return
	}
	report := verified.Report()
	fmt.Println(report.Outcome, report.Binding)
	for _, c := range report.Checks {
		if c.Required {
			fmt.Println(c.ID, c.Result)
		}
	}
	// Output:
	// valid did
	// model pass
	// context pass
	// signature pass
	// issuerBinding pass
	// issuerTrust pass
	// validity pass
}
