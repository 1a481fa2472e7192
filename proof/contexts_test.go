package proof_test

import (
	"crypto/sha256"
	"testing"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/proof"
)

// The employment vectors use a context that is not embedded. This one gives the terms
// that occur in them the IRIs that their canonical forms show.
const employment = `{"@context": {
	"@protected": true, "id": "@id", "type": "@type",
	"EmploymentAuthorizationDocumentCredential": "https://w3id.org/citizenship#EmploymentAuthorizationDocumentCredential",
	"Person": {"@id": "https://schema.org/Person", "@context": {
		"additionalName": "https://schema.org/additionalName",
		"birthDate": {"@id": "https://schema.org/birthDate", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"},
		"familyName": "https://schema.org/familyName", "gender": "https://schema.org/gender", "givenName": "https://schema.org/givenName",
		"birthCountry": "https://w3id.org/citizenship#birthCountry",
		"residentSince": {"@id": "https://w3id.org/citizenship#residentSince", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}
	}},
	"image": {"@id": "https://schema.org/image", "@type": "@id"},
	"EmployablePerson": {"@id": "https://w3id.org/citizenship#EmployablePerson", "@context": {
		"employmentAuthorizationDocument": {"@id": "https://w3id.org/citizenship#employmentAuthorizationDocument", "@type": "@id"}
	}},
	"EmploymentAuthorizationDocument": {"@id": "https://w3id.org/citizenship#EmploymentAuthorizationDocument", "@context": {
		"identifier": "https://schema.org/identifier",
		"lprCategory": "https://w3id.org/citizenship#lprCategory",
		"lprNumber": "https://w3id.org/citizenship#lprNumber"
	}}
}}`

func contexts(tb testing.TB) proof.Resolver {
	tb.Helper()
	v, err := ldcontext.NewVersion("https://w3id.org/citizenship/v4rc1", []byte(employment), sha256.Sum256([]byte(employment)))
	if err != nil {
		tb.Fatal(err)
	}
	return proof.Newest(ldcontext.Default().With(v))
}
