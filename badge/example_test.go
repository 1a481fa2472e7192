package badge_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
)

// A signed badge, as a signer.DataIntegrity makes it.
const exampleBadge = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc34","type":["VerifiableCredential","OpenBadgeCredential"],"name":"Teamwork","issuer":{"id":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","type":["Profile"],"name":"Example Academy"},"validFrom":"2024-01-01T00:00:00Z","credentialSubject":{"type":["AchievementSubject"],"id":"did:example:holder","achievement":{"id":"https://example.com/achievements/teamwork","type":["Achievement"],"name":"Teamwork","description":"Works with others.","criteria":{"narrative":"Named by peers."}}},"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","created":"2024-01-01T00:00:00Z","verificationMethod":"did:key:z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX#z6MktRkPTGL8V6C26qpDpkJSarEzsQqkNFkwMpiP5vAsLiuX","proofPurpose":"assertionMethod","proofValue":"z3zG2QvdwEMXwreB6Bjk1r67oh6hYy3KZGAafGaHa4HkUXVynLcyxqiU3shjPQoR5vxRGKAnzkEKuxiZKKwy6gGqk"}}`

// A badge is baked into an image, and taken out again as it was. Unbake verifies
// nothing: that is the verifier's, which takes the image as well.
func ExampleBake() {
	image := strings.NewReader(`<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><circle cx="45" cy="45" r="40"/></svg>`)
	var baked bytes.Buffer
	signed := chancery.Secured{MediaType: chancery.MediaVC, Bytes: []byte(exampleBadge)}
	if err := badge.Bake(&baked, image, signed, badge.BakeOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	found, err := badge.Unbake(&baked)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found.Kind, found.Image, found.Payload.MediaType)
	fmt.Println(bytes.Equal(found.Payload.Bytes, signed.Bytes))
	// Output:
	// ob3-achievement image/svg+xml application/vc
	// true
}

// Check says what is wrong with the content of a badge, with the place.
func ExampleCheck() {
	credential, err := chancery.Parse([]byte(strings.Replace(exampleBadge, `"name":"Teamwork","description"`, `"description"`, 1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, finding := range badge.Check(credential.Document(), badge.Strict) {
		fmt.Println(finding)
	}
	// Output:
	// error property_missing at "/credentialSubject/achievement": expected the property name of Achievement
}

// Read gives what a badge says, for display.
func ExampleRead() {
	credential, err := chancery.Parse([]byte(exampleBadge))
	if err != nil {
		fmt.Println(err)
		return
	}
	view := badge.Read(credential.Document(), 0)
	fmt.Printf("%s, by %s: %s\n", view.Name, view.Issuer.Name, view.Achievements[0].Description)
	// Output:
	// Teamwork, by Example Academy: Works with others.
}
