package chancery_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
)

// A credential is made from a draft; what the data model forbids is refused.
func ExampleDraft_Build() {
	draft := chancery.Draft{
		ID:        "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
		Issuer:    "did:example:academy",
		Name:      "Diploma",
		ValidFrom: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Subject:   map[string]any{"id": "did:example:holder"},
	}
	credential, err := draft.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(credential.Raw()))

	draft.ID = "diploma 17"
	_, err = draft.Build()
	var faults chancery.ShapeErrors
	fmt.Println(errors.As(err, &faults))
	fmt.Println(err)
	// Output:
	// {"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential"],"name":"Diploma","issuer":"did:example:academy","validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"did:example:holder"}}
	// true
	// chancery: expected a URL at "/id" (VC Data Model 2.0, 4.4)
}

// Parse reads the shape alone: nothing in the result is trusted before a verifier has
// seen it.
func ExampleParse() {
	credential, err := chancery.Parse([]byte(`{
		"@context": ["https://www.w3.org/ns/credentials/v2"],
		"type": ["VerifiableCredential"],
		"issuer": {"id": "did:example:academy", "name": "Example Academy"},
		"credentialSubject": {"id": "did:example:holder"}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(credential.Model(), credential.Issuer(), credential.SubjectIDs(), credential.HasProof())

	_, err = chancery.Parse([]byte(`{"issuer": "did:example:academy", "issuer": "did:example:other"}`))
	fmt.Println(err)
	// Output:
	// 2.0 did:example:academy [did:example:holder] false
	// strictjson: expected unique member names at "/issuer", byte 34
}

// Detect tells what a file is by its content.
func ExampleDetect() {
	for _, file := range []string{`{"@context": "https://www.w3.org/ns/credentials/v2", "type": "VerifiableCredential"}`, "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJ4In0.c2ln\n", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "hello"} {
		document, err := chancery.Detect([]byte(strings.TrimSpace(file)))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(document.MediaType)
	}
	// Output:
	// application/vc
	// application/jwt
	// image/svg+xml
	// chancery: expected a credential (JSON or JWT), PNG, SVG, PDF or evidence, found something else
}
