package badge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

const assertion = `{"@context":"https://w3id.org/openbadges/v2","type":"Assertion","id":"https://example.org/a.json","recipient":{"type":"email","hashed":true,"salt":"s","identity":"sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399"},"issuedOn":"2026-01-01T00:00:00Z","badge":"https://example.org/b.json","verification":{"type":"hosted"}}`

func TestCheckOB2(t *testing.T) {
	if got := CheckOB2(parse(t, assertion), Strict); len(got) > 0 {
		t.Fatalf("found %v", got)
	}
	for _, tt := range []struct{ pointer, value, want string }{
		{"/@context", `"https://example.org/"`, "error ob2_context"},
		{"/type", `"BadgeAward"`, "error type_missing"},
		{"/recipient", "", "error not_a_badge"},
		{"/id", "", "error property_missing"},
		{"/id", `"a.json"`, "error id_not_absolute"},
		{"/issuedOn", "", "error property_missing"},
		{"/issuedOn", `"yesterday"`, "error not_a_time"},
		{"/issuedOn", `1767225600`, "error wrong_type"},
		{"/expires", `"2025-01-01T00:00:00Z"`, "error period_reversed"},
		{"/badge", `7`, "error wrong_type"},
		{"/badge", `{"type":"BadgeClass","id":"x","name":"x","description":"x","image":"x","criteria":"x"}`, "error property_missing"},
		{"/verification", "", "error property_missing"},
		{"/verification", `{"type":"magic"}`, "error ob2_verification"},
		{"/verification", `{"type":["hosted","signed"]}`, "error ob2_verification"},
		{"/recipient", `"beth@example.org"`, "error wrong_type"},
		{"/recipient/hashed", `"yes"`, "error wrong_type"},
		{"/recipient/identity", `"sha256$0"`, "error identity_hash_form"},
		{"/recipient/identity", "", "error property_missing"},
		{"/revoked", `true`, "error ob2_revoked"},
	} {
		text := edit(t, assertion, tt.pointer, tt.value)
		if tt.pointer == "/recipient" && tt.value == "" {
			text = edit(t, text, "/type", `"Award"`)
		}
		if got := codes(CheckOB2(parse(t, text), Strict)); got != tt.want {
			t.Errorf("%s %s: expected %q, found %q", tt.pointer, tt.value, tt.want, got)
		}
	}
	for text, want := range map[string]string{
		`{"@context":"https://w3id.org/openbadges/v2","type":"BadgeClass"}`: "property_missing",
		`{"@context":"https://w3id.org/openbadges/v2","type":"Issuer"}`:     "property_missing",
		`{"@context":"https://w3id.org/openbadges/v2","type":"Criteria"}`:   "not_a_badge",
		`{"type":"OpenBadgeCredential"}`:                                    "not_a_badge",
		`[]`:                                                                "not_a_badge",
	} {
		if got := codes(CheckOB2(parse(t, text), Strict)); !strings.Contains(got, "error "+want) {
			t.Errorf("%s: found %q", text, got)
		}
	}
}

func TestCheckOB2Samples(t *testing.T) {
	dir := testvectors.Shared(t, "badges", "1edtech-validator", "ob20")
	for file, want := range map[string]string{
		"basic-assertion.json":                                      "",
		"assertion-with-extension-node-basic.json":                  "",
		"basic-assertion-expired.json":                              "", // a clock decides
		"basic-assertion-invalid-context.json":                      "ob2_context",
		"basic-assertion-invalid-type.json":                         "type",
		"assets/badgeclass1.json":                                   "",
		"assets/organization.json":                                  "",
		"assets/organization-with-revocation-list.json":             "",
		"assets/issuer1.json":                                       "",
		"assets/badge-with-data-image.json":                         "",
		"rdf-validation/valid-badge-class-empty-criteria-type.json": "error property_missing", // a fragment: no image
	} {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		got := codes(CheckOB2(parse(t, string(b)), Strict))
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: expected %q, found %q", file, want, got)
		}
	}
}

func TestReadAssertion(t *testing.T) {
	doc := parse(t, edit(t, assertion, "/verification", `{"type":"SignedBadge","creator":"https://example.org/key"}`))
	a := ReadAssertion(doc, 0)
	if a.ID != "https://example.org/a.json" || a.Badge != "https://example.org/b.json" || !a.Signed || a.Hosted || a.Creator != "https://example.org/key" || a.Revoked {
		t.Errorf("found %+v", a)
	}
	salted := parse(t, edit(t, assertion, "/recipient/salt", `"Kosher"`))
	if !MatchIdentity(salted, ReadAssertion(salted, 0).Recipient, "email", "a@example.com") || MatchIdentity(doc, a.Recipient, "email", "a@example.com") {
		t.Error("expected the recipient to match with its salt, and only so")
	}
	old := ReadAssertion(parse(t, `{"uid":"7","recipient":{},"badge":{"name":"x"},"verify":{"type":"hosted","url":"https://example.org/7"},"revoked":true}`), 0)
	if old.UID != "7" || !old.Hosted || old.HostedURL != "https://example.org/7" || old.BadgeNode == strictjson.None || !old.Revoked {
		t.Errorf("found %+v", old)
	}
}

func TestScope(t *testing.T) {
	profile := func(v string) string { return `{"id":"https://issuer.example:8443/p","verification":` + v + `}` }
	for _, tt := range []struct {
		profile, url string
		want         bool
	}{
		{`{"id":"https://issuer.example/p"}`, "https://issuer.example/a", true},
		{`{"id":"https://issuer.example/p"}`, "https://ISSUER.example/a", true},
		{`{"id":"https://issuer.example/p"}`, "https://other.example/a", false},
		{`{"id":"https://issuer.example/p"}`, "https://issuer.example.net/a", false},
		{`{"id":"https://issuer.example/p"}`, "https://issuer.example:444/a", false},
		{`{"id":"https://issuer.example/p"}`, "https://issuer.example@evil.example/a", false},
		{`{"id":"https://issuer.example/p"}`, "https://evil.example@issuer.example/a", false},
		{`{"id":"urn:uuid:1"}`, "https://issuer.example/a", false},
		{profile(`{"type":"x"}`), "https://issuer.example:8443/a", true},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/1", true},
		{profile(`{"startsWith":["https://a.example/","https://issuer.example/badges/"]}`), "https://issuer.example/badges/1", true},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/other/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "http://issuer.example/badges/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/../other/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), `https://issuer.example/badges/..\other`, false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/%2e%2e/other/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/.%2E/other/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/..%2fother/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/%2e%2e%2fother/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/..%5cother/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/..;x/other/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/%252e%252e/other/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/%2525252525252e%2e/other/1", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/%2e%2e", false},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/100%25.json?of=../other", true},
		{profile(`{"startsWith":"https://issuer.example/badges/"}`), "https://issuer.example/badges/a..b%20c/%C3%A9;v=1/...", true},
		{profile(`{"startsWith":"https://issuer.example"}`), "https://issuer.example.net/", false},
		{profile(`{"startsWith":"https://issuer.example"}`), "https://issuer.example/", true},
		{profile(`{"startsWith":"https"}`), "https://issuer.example/", false},
		{profile(`{"startsWith":""}`), "https://issuer.example:8443/", false},
		{profile(`{"startsWith":[]}`), "https://issuer.example:8443/", false},
		{profile(`{"allowedOrigins":"cdn.example"}`), "https://cdn.example/1", true},
		{profile(`{"allowedOrigins":["https://cdn.example/"]}`), "https://cdn.example/1", true},
		{profile(`{"allowedOrigins":["cdn.example"]}`), "https://issuer.example:8443/1", false},
		{profile(`{"allowedOrigins":["cdn.example"],"startsWith":"https://cdn.example/b/"}`), "https://cdn.example/a/1", false},
		{profile(`{"allowedOrigins":["cdn.example"],"startsWith":"https://cdn.example/b/"}`), "https://cdn.example/b/1", true},
		{profile(`{"startsWith":"file:///"}`), "file:///etc/passwd", false},
		{`{"id":"https://issuer.example/p"}`, "a", false},
	} {
		if got := ReadScope(parse(t, tt.profile), 0).Allows(tt.url); got != tt.want {
			t.Errorf("%s %s: found %v", tt.profile, tt.url, got)
		}
	}
	if !SameOrigin("https://a.example/x", "https://A.example/y") || SameOrigin("https://a.example/", "http://a.example/") || SameOrigin("a", "b") {
		t.Error("SameOrigin disagrees")
	}
}

func TestOwnsKey(t *testing.T) {
	for profile, want := range map[string]bool{
		`{"publicKey":"urn:k"}`:                  true,
		`{"publicKey":{"id":"urn:k"}}`:           true,
		`{"publicKey":["urn:j",{"id":"urn:k"}]}`: true,
		`{"publicKey":"urn:j"}`:                  false,
		`{"publicKey":{"owner":"urn:k"}}`:        false,
		`{}`:                                     false,
	} {
		if got := OwnsKey(parse(t, profile), 0, "urn:k"); got != want {
			t.Errorf("%s: found %v", profile, got)
		}
	}
	if OwnsKey(parse(t, `{"publicKey":""}`), 0, "") {
		t.Error("an empty id is no key")
	}
}

func TestRevocationLists(t *testing.T) {
	for _, tt := range []struct {
		list        string
		revoked, ok bool
		reason      string
	}{
		{`{"revokedCredential":[{"id":"urn:a","revocationReason":"typo"}]}`, true, true, "typo"},
		{`{"revokedCredential":[{"id":"urn:a","revoked":true}]}`, true, true, ""},
		{`{"revokedCredential":[{"id":"urn:a","revoked":false}]}`, false, true, ""},
		{`{"revokedCredential":[{"id":"urn:a","revoked":false},{"id":"urn:a"}]}`, true, true, ""},
		{`{"revokedCredential":{"id":"urn:a"}}`, true, true, ""},
		{`{"revokedCredential":[{"id":"urn:b"}]}`, false, true, ""},
		{`{"revokedCredential":[]}`, false, true, ""},
		{`{"revokedCredential":[{"id":7}]}`, false, false, ""},
		{`{"revokedCredential":[{"id":"urn:a"},{"id":7}]}`, true, true, ""},
		{`{"revokedCredential":[{"id":"urn:a","revoked":"yes"}]}`, false, false, ""},
		{`{"revokedCredential":[{"id":7},{"id":"urn:a"}]}`, true, true, ""},
		{`{"revokedCredential":[{"id":"urn:%61"}]}`, true, true, ""},
		{`{"revokedCredential":"urn:a"}`, false, false, ""},
		{`{"revokedCredentials":[]}`, false, false, ""},
		{`{}`, false, false, ""},
		{`[]`, false, false, ""},
	} {
		rev, ok := InRevocationList(parse(t, tt.list), "urn:a")
		if ok != tt.ok || rev.Revoked != tt.revoked || rev.Reason != tt.reason {
			t.Errorf("%s: found %+v, %v", tt.list, rev, ok)
		}
	}
	if _, ok := InRevocationList(parse(t, `{"revokedCredential":[]}`), ""); ok {
		t.Error("a credential without id cannot be looked up")
	}
	for _, tt := range []struct {
		list        string
		revoked, ok bool
	}{
		{`{"revokedAssertions":["urn:a"]}`, true, true},
		{`{"revokedAssertions":[{"id":"urn:a","revocationReason":"x"}]}`, true, true},
		{`{"revokedAssertions":[{"uid":"7"}]}`, true, true},
		{`{"revokedAssertions":["7"]}`, true, true},
		{`{"revokedAssertions":"urn:a"}`, true, true},
		{`{"revokedAssertions":["urn:b",{"id":"urn:c"}]}`, false, true},
		{`{"revokedAssertions":["urn:b",8]}`, false, false},
		{`{"revokedAssertions":["urn:b",["urn:a"]]}`, false, false},
		{`{"revokedAssertions":[{"id":["urn:a"]}]}`, false, false},
		{`{"revokedAssertions":[8,"urn:a"]}`, true, true},
		{`{"revokedAssertions":["urn%3Aa "]}`, true, true},
		{`{"revokedAssertions":[]}`, false, true},
		{`{}`, false, false},
		{`[]`, false, false},
	} {
		rev, ok := InOB2RevocationList(parse(t, tt.list), "urn:a", "7")
		if ok != tt.ok || rev.Revoked != tt.revoked {
			t.Errorf("%s: found %+v, %v", tt.list, rev, ok)
		}
	}
	if rev, ok := InOB2RevocationList(parse(t, `{"revokedAssertions":["urn:b"]}`), "", ""); rev.Revoked || ok {
		t.Error("an assertion without id cannot be looked up")
	}
}
