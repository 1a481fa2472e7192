package badge

import (
	"strings"
	"testing"
)

func TestHashIdentity(t *testing.T) {
	// The check value of Open Badges 3.0, IdentityHash.
	const want = "sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399"
	if got := HashIdentity("a@example.com", "Kosher"); got != want {
		t.Errorf("found %s", got)
	}
}

func TestMatchIdentity(t *testing.T) {
	upper := "sha256$" + strings.ToUpper(strings.TrimPrefix(HashIdentity("a@example.com", "Kosher"), "sha256$"))
	subject := func(value, typ, hashed, salt string) string {
		return `{"identifier":[{"type":"IdentityObject","identityHash":"other","identityType":"name","hashed":false},{"type":"IdentityObject","identityHash":"` + value + `","identityType":"` + typ + `","hashed":` + hashed + `,"salt":"` + salt + `"}]}`
	}
	for _, tt := range []struct {
		name, doc, typ, identity string
		want                     bool
	}{
		{"hashed", subject(HashIdentity("a@example.com", "Kosher"), "emailAddress", "true", "Kosher"), "emailAddress", "a@example.com", true},
		{"any type", subject(HashIdentity("a@example.com", "Kosher"), "emailAddress", "true", "Kosher"), "", "a@example.com", true},
		{"upper case", subject(upper, "emailAddress", "true", "Kosher"), "emailAddress", "a@example.com", true},
		{"MD5", subject("md5$d41d8cd98f00b204e9800998ecf8427e", "emailAddress", "true", ""), "emailAddress", "", false},
		{"MD5 of a", subject("md5$0cc175b9c0f1b6a831c399e269772661", "emailAddress", "true", ""), "emailAddress", "a", true},
		{"other salt", subject(HashIdentity("a@example.com", "Kosher"), "emailAddress", "true", "kosher"), "emailAddress", "a@example.com", false},
		{"other type", subject(HashIdentity("a@example.com", ""), "emailAddress", "true", ""), "name", "a@example.com", false},
		{"other identity", subject(HashIdentity("a@example.com", ""), "emailAddress", "true", ""), "emailAddress", "b@example.com", false},
		{"case of the identity", subject(HashIdentity("a@example.com", ""), "emailAddress", "true", ""), "emailAddress", "A@example.com", false},
		{"plain", subject("a@example.com", "emailAddress", "false", "x"), "emailAddress", "a@example.com", true},
		{"the digest given as identity", subject(HashIdentity("a", ""), "emailAddress", "true", ""), "emailAddress", HashIdentity("a", ""), false},
		{"a digest that says it is plain", subject(HashIdentity("a", ""), "emailAddress", "false", ""), "emailAddress", "a", false},
		{"cut digest", subject("sha256$b580", "emailAddress", "true", ""), "emailAddress", "a", false},
		{"unknown algorithm", subject("sha1$86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", "emailAddress", "true", ""), "emailAddress", "a", false},
		{"hashed is no boolean", subject("a", "emailAddress", `"false"`, ""), "emailAddress", "a", false},
		{"single object", `{"identifier":{"identityHash":"a","identityType":"name","hashed":false}}`, "name", "a", true},
		{"nothing", `{"id":"a"}`, "", "a", false},
		{"Open Badges 2.0", `{"type":"email","hashed":true,"salt":"deadsea","identity":"` + HashIdentity("beth@example.org", "deadsea") + `"}`, "email", "beth@example.org", true},
		{"Open Badges 2.0, plain", `{"type":"email","hashed":false,"identity":"beth@example.org"}`, "email", "beth@example.org", true},
		{"Open Badges 2.0, other", `{"type":"email","hashed":false,"identity":"beth@example.org"}`, "url", "beth@example.org", false},
	} {
		if got := MatchIdentity(parse(t, tt.doc), 0, tt.typ, tt.identity); got != tt.want {
			t.Errorf("%s: found %v", tt.name, got)
		}
	}
}

func TestSameAndSupersedes(t *testing.T) {
	doc := func(issuer, id, from string) string {
		return `{"issuer":` + issuer + `,"id":"` + id + `","validFrom":"` + from + `"}`
	}
	const old, newer = "2026-01-01T00:00:00Z", "2026-01-01T02:00:00+01:00"
	for _, tt := range []struct {
		a, b             string
		same, supersedes bool
	}{
		{doc(`"urn:i"`, "urn:a", newer), doc(`{"id":"urn:i"}`, "urn:a", old), true, true},
		{doc(`"urn:i"`, "urn:a", old), doc(`"urn:i"`, "urn:a", newer), true, false},
		{doc(`"urn:i"`, "urn:a", old), doc(`"urn:i"`, "urn:a", old), true, false},
		{doc(`"urn:i"`, "https://x/%7Ea ", newer), doc(`"urn:i"`, "https://x/~a", old), true, true},
		{doc(`"urn:i"`, "urn:a", newer), doc(`"urn:j"`, "urn:a", old), false, false},
		{doc(`"urn:i"`, "urn:a", newer), doc(`"urn:i"`, "urn:b", old), false, false},
		{doc(`"urn:i"`, "", newer), doc(`"urn:i"`, "", old), false, false},
		{doc(`7`, "urn:a", newer), doc(`7`, "urn:a", old), false, false},
		{doc(`"urn:i"`, "urn:a", "soon"), doc(`"urn:i"`, "urn:a", old), true, false},
	} {
		a, b := parse(t, tt.a), parse(t, tt.b)
		if Same(a, b) != tt.same || Same(b, a) != tt.same || Supersedes(a, b) != tt.supersedes {
			t.Errorf("%s and %s: found %v, %v", tt.a, tt.b, Same(a, b), Supersedes(a, b))
		}
	}
}
