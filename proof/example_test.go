package proof_test

import (
	"crypto/ed25519"
	"fmt"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
)

// A token is taken apart. Its key is looked up among trusted ones by KeyID; a key in the
// header proves nothing.
func ExampleParseJWS() {
	const token = "eyJhbGciOiJFZERTQSIsImtpZCI6ImRpZDprZXk6ejZNa3RSa1BUR0w4VjZDMjZxcERwa0pTYXJFenNRcWtORmt3TXBpUDV2QXNMaXVYI3o2TWt0UmtQVEdMOFY2QzI2cXBEcGtKU2FyRXpzUXFrTkZrd01waVA1dkFzTGl1WCIsInR5cCI6InZjK2p3dCIsImN0eSI6InZjIn0." +
		"eyJAY29udGV4dCI6WyJodHRwczovL3d3dy53My5vcmcvbnMvY3JlZGVudGlhbHMvdjIiXSwiaWQiOiJ1cm46dXVpZDo1ODE3MmFhYy1kOGJhLTExZWQtODNkZC0wYjNhZWY1NmNjMzMiLCJ0eXBlIjpbIlZlcmlmaWFibGVDcmVkZW50aWFsIl0sIm5hbWUiOiJEaXBsb21hIiwiaXNzdWVyIjoiZGlkOmtleTp6Nk1rdFJrUFRHTDhWNkMyNnFwRHBrSlNhckV6c1Fxa05Ga3dNcGlQNXZBc0xpdVgiLCJjcmVkZW50aWFsU3ViamVjdCI6eyJpZCI6ImRpZDpleGFtcGxlOmhvbGRlciJ9fQ." +
		"p_wSAYemBYrU0OWRDOmog-bnTg2qp9bPzxAYnuoOygPybva2IDH-9Ocro7toiCU1rzdZoU-iKyup0Fk7_tfuDQ"
	jws, err := proof.ParseJWS([]byte(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(jws.Alg, jws.Typ, jws.KeyID[:20])
	claims, err := proof.ReadClaims(proof.TokenVC, jws.Payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(claims.Text()))
	key := ed25519.NewKeyFromSeed([]byte("32 bytes that everybody can read")).Public()
	fmt.Println(jws.Verify(key, proof.AlgsOf(key)))
	// Output:
	// EdDSA vc+jwt did:key:z6MktRkPTGL8
	// {"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential"],"name":"Diploma","issuer":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","credentialSubject":{"id":"did:example:holder"}}
	// <nil>
}

// The canonical form of a credential is the text that an RDFC suite hashes: what is not
// in it is not signed, so whatever would be left out is an error.
func ExampleSuite() {
	credential, err := chancery.Parse([]byte(`{
		"@context": ["https://www.w3.org/ns/credentials/v2"],
		"type": ["VerifiableCredential"],
		"issuer": "did:example:academy",
		"name": "Diploma",
		"credentialSubject": {"id": "did:example:holder"}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := proof.ParseConfig([]byte(`{"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofPurpose": "assertionMethod", "verificationMethod": "did:example:academy#key"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	suite, _ := proof.SuiteByName(config.Type, config.Cryptosuite)
	key := ed25519.NewKeyFromSeed([]byte("32 bytes that everybody can read")).Public()
	hashed, err := suite.Hash(proof.Input{Doc: credential.Document(), Proof: config, Key: key, Contexts: proof.Newest(nil)})
	if err != nil {
		fmt.Println(err)
		return
	}
	canonical, err := hashed.CanonicalDocument()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(canonical.Text))
	fmt.Printf("%x\n", hashed.Document)
	// Output:
	// _:c14n0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiableCredential> .
	// _:c14n0 <https://schema.org/name> "Diploma" .
	// _:c14n0 <https://www.w3.org/2018/credentials#credentialSubject> <did:example:holder> .
	// _:c14n0 <https://www.w3.org/2018/credentials#issuer> <did:example:academy> .
	// 73cae326a34ac7e0a1c155941dccd5c3aeec4359cc3f197a286bbdc5d93d2f85
}

// The proofs of a document are read before any is believed.
func ExampleProofs() {
	credential, err := chancery.Parse([]byte(`{
		"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "issuer": "did:example:academy", "credentialSubject": {},
		"proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofPurpose": "assertionMethod", "verificationMethod": "did:example:academy#key", "proofValue": "z3a"}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := proof.Proofs(credential.Document())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range all {
		_, known := proof.SuiteByName(p.Type, p.Cryptosuite)
		fmt.Println(p.Pointer, p.Cryptosuite, known, p.VerificationMethod)
	}
	// Output:
	// /proof eddsa-jcs-2022 true did:example:academy#key
}
