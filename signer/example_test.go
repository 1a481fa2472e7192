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

// exampleKey is a key that everybody has.
func exampleKey() (key signer.Key, id string) {
	private := ed25519.NewKeyFromSeed([]byte("32 bytes that everybody can read"))
	key, err := signer.NewKey(private)
	if err != nil {
		fmt.Println(err)
	}
	id, _, err = signer.Identifier(private.Public())
	if err != nil {
		fmt.Println(err)
	}
	return key, id
}

// A second proof is put beside the first, over both.
func ExampleDataIntegrity_Add() {
	key, id := exampleKey()
	credential, err := chancery.Draft{Issuer: id, Subject: map[string]any{"id": "did:example:holder"}}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	first := &signer.DataIntegrity{Key: key, Suite: proof.EdDSARDFC2022, ID: "urn:proof:1"}
	secured, err := first.Sign(context.Background(), credential)
	if err != nil {
		fmt.Println(err)
		return
	}
	second := &signer.DataIntegrity{Key: key, Suite: proof.EdDSAJCS2022, PreviousProof: []string{"urn:proof:1"}}
	if secured, err = second.Add(context.Background(), secured); err != nil {
		fmt.Println(err)
		return
	}
	both, err := chancery.Parse(secured.Bytes)
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := proof.Proofs(both.Document())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range all {
		fmt.Println(p.Cryptosuite, p.ID, p.PreviousProof)
	}
	// Output:
	// eddsa-rdfc-2022 urn:proof:1 []
	// eddsa-jcs-2022  [urn:proof:1]
}

// The same credential as a JWT.
func ExampleJOSE_Sign() {
	key, id := exampleKey()
	credential, err := chancery.Draft{Issuer: id, Subject: map[string]any{"id": "did:example:holder"}}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	secured, err := (&signer.JOSE{Key: key}).Sign(context.Background(), credential)
	if err != nil {
		fmt.Println(err)
		return
	}
	jws, err := proof.ParseJWS(secured.Bytes)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(secured.MediaType, jws.Alg, jws.Typ)
	fmt.Println(string(jws.Payload))
	// Output:
	// application/vc+jwt EdDSA vc+jwt
	// {"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","credentialSubject":{"id":"did:example:holder"}}
}

// A status list gives each credential an index of its own, and is published as a
// credential that is signed like any other.
func ExampleStatusList() {
	key, id := exampleKey()
	list, err := signer.NewStatusList(signer.StatusConfig{ID: "https://academy.example/status/1", Purpose: "revocation"})
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := list.Allocate()
	if err != nil {
		fmt.Println(err)
		return
	}
	entry, err := list.Entry(index)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(entry.Type, entry.Purpose, entry.ListCredential) // goes into chancery.Draft.Status

	// Later: the credential is revoked, and the list published anew.
	if err := list.Set(index, 1); err != nil {
		fmt.Println(err)
		return
	}
	credential, err := list.Credential(signer.StatusPublication{Issuer: id, ValidFrom: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		fmt.Println(err)
		return
	}
	secured, err := (&signer.DataIntegrity{Key: key}).Sign(context.Background(), credential)
	if err != nil {
		fmt.Println(err)
		return
	}
	value, err := list.Get(index)
	fmt.Println(secured.MediaType, list.Len(), list.Allocated(), value, err)
	// Output:
	// BitstringStatusListEntry revocation https://academy.example/status/1
	// application/vc 131072 1 1 <nil>
}

// The issuer secures a credential once; its holder shows parts of it.
func ExampleDisclosure() {
	private, err := signer.Generate(signer.P256)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := signer.NewKey(private)
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, _, err := signer.Identifier(private.Public())
	if err != nil {
		fmt.Println(err)
		return
	}
	credential, err := chancery.Draft{
		ID: "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33", Issuer: issuer, Name: "Diploma", Description: "For the holder's eyes",
		Subject: map[string]any{"id": "did:example:holder", "name": "Aina Rahman"},
	}.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &signer.DataIntegrity{Key: key, Suite: proof.ECDSASD2023, Clock: time.Now, MandatoryPointers: []string{"/name"}}
	base, err := s.Sign(context.Background(), credential)
	if err != nil {
		fmt.Println(err)
		return
	}
	shown, err := (&signer.Disclosure{Pointers: []string{"/credentialSubject/name"}}).Derive(context.Background(), base)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := chancery.Parse(shown.Bytes)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pointer := range []string{"/name", "/description", "/credentialSubject/name"} {
		fmt.Printf("%s %q\n", pointer, c.Document().String(c.Document().Lookup(pointer)))
	}
	// Output:
	// /name "Diploma"
	// /description ""
	// /credentialSubject/name "Aina Rahman"
}
