package verifier_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/verifier"
)

// TestNameOfTheHolder: whoever is shown a valid badge sees for whom it is, where the badge
// says so in the clear; and only what the signature covers.
func TestNameOfTheHolder(t *testing.T) {
	k := newKey(t, "issuer")
	identity := func(hashed, kind, value string) string {
		return `{"type":"IdentityObject","hashed":` + hashed + `,"identityType":"` + kind + `","identityHash":"` + value + `"}`
	}
	name, mail := identity("false", "name", "Aina Rahman"), identity("false", "emailAddress", "aina@example.com")
	subject := func(more string) string {
		return `"credentialSubject":{"id":"did:example:subject","type":["AchievementSubject"],` + more + `"achievement":{"id":"https://example.com/achievements/teamwork","type":["Achievement"],"name":"Teamwork","description":"Works with others.","criteria":{"narrative":"Named by peers."}}}`
	}
	for what, c := range map[string]struct{ more, want string }{
		"a name":     {`"identifier":[` + mail + `,` + name + `],`, "Aina Rahman"},
		"one alone":  {`"identifier":` + name + `,`, "Aina Rahman"},
		"none":       {``, ""},
		"an address": {`"identifier":[` + mail + `],`, ""},
		"a digest":   {`"identifier":[` + identity("true", "name", "sha256$"+strings.Repeat("00", 32)) + `],`, ""},
		"two":        {`"identifier":[` + name + `,` + identity("false", "name", "Nina Rahman") + `],`, ""},
		"said twice": {`"name":"A. Rahman","identifier":[` + name + `],`, "A. Rahman"},
	} {
		draft := badgeDraft(t, k.did, subject(c.more))
		r := judge(t, setup(t, verifier.Policy{}), vc(sign(t, draft, k, proofOf{})))
		if r.Outcome != verifier.Valid || r.Subject.Name != c.want {
			t.Errorf("%s: expected %q, found %q\n%s", what, c.want, r.Subject.Name, explain(r))
		}
	}
	// Names that only the document defines stand for what the holder likes.
	inline := func(term string) string {
		return `"@context":["https://www.w3.org/ns/credentials/v2",{"identifier":"https://example.com/terms#knows","hashed":"https://example.com/terms#tall","identityType":"https://example.com/terms#kind","` + term + `":"https://example.com/terms#nick"}]`
	}
	person := func(term string) string {
		return `"credentialSubject":{"id":"did:example:subject","identifier":{"hashed":false,"identityType":"name","` + term + `":"Somebody Else"}}`
	}
	signed := sign(t, draft(t, k.did, inline("nick"), person("nick")), k, proofOf{})
	r := judge(t, setup(t, verifier.Policy{}), vc(with(t, signed, inline("identityHash"), person("identityHash"))))
	if r.Outcome != verifier.Valid || r.Subject.Name != "" {
		t.Errorf("expected no name, found %q\n%s", r.Subject.Name, explain(r))
	}
}
