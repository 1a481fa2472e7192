package signer_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

func ExampleDataIntegrity_Sign() {
	// A real key comes from signer.Generate or signer.ReadKey.
	private := ed25519.NewKeyFromSeed([]byte("32 bytes that everybody can read"))
	key, err := signer.NewKey(private)
	if err != nil {
		fmt.Println(err)
		return
	}
	id, _, err := signer.Identifier(private.Public())
	if err != nil {
		fmt.Println(err)
		return
	}
	credential, err := chancery.Draft{
		ID: "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33", Issuer: id, Name: "Diploma",
		Subject: map[string]any{"id": "did:example:holder"},
	}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := func() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }
	s := &signer.DataIntegrity{Key: key, Suite: proof.EdDSARDFC2022, Clock: clock}
	secured, err := s.Sign(context.Background(), credential)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(secured.MediaType)
	fmt.Println(string(secured.Bytes))
	// Output:
	// application/vc
	// {"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential"],"name":"Diploma","issuer":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","credentialSubject":{"id":"did:example:holder"},"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2026-05-01T12:00:00Z","verificationMethod":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX#z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","proofPurpose":"assertionMethod","proofValue":"z4HfoUzMZbzTyUD2YkHzpaTpc7bpbkbebXJ9c7Pms9buEohrj3r6TdQRm6hRCG7ujA6U21i3z9L5oDuJ4HsgUMwbK"}}
}
