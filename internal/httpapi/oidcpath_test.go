package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// keycloak is what an access token of Keycloak says of its holder's roles: those of the realm
// and those at each program, in members of members. The name of a program may have dots and
// slashes.
const keycloak = `"typ":"Bearer","azp":"portal","sid":"3b1f","acr":"1","allowed-origins":["https://portal.example.edu"],
"realm_access":{"roles":["offline_access","registrar","uma_authorization"]},
"resource_access":{"chancery":{"roles":["issuer"]},"https://portal.example.edu/~a":{"roles":"editor"},"account":{"roles":["manage-account","view-profile"]}},
"scope":"openid email chancery.issue","scp":["one two"],"email_verified":true,"preferred_username":"aina","level":7,"deep":[{"roles":["inner"]}],
"realm_access.roles":["forged"],"/realm_access/roles":["forged"],"":{"roles":["nameless"]}`

// TestOIDCPaths: rules that name a claim within others take what stands there and nothing
// else: not a claim whose name looks like the path, not what stands elsewhere, not a part.
func TestOIDCPaths(t *testing.T) {
	p := newIDP(t)
	claims := p.claims("aud", `["chancery","account"]`)
	token := p.token(`{"alg":"ES256","kid":"e","typ":"JWT"}`, claims[:len(claims)-1]+","+keycloak+"}")
	for _, c := range []struct {
		claim, value string
		in           bool
	}{
		{"/realm_access/roles", "registrar", true},
		{"/resource_access/chancery/roles", "issuer", true},
		{"/resource_access/https:~1~1portal.example.edu~1~0a/roles", "editor", true},
		{"/groups", "registrars", true},
		{"groups", "registrars", true},
		{"realm_access.roles", "forged", true}, // to the letter: a claim of that name
		{"scope", "chancery.issue", true},
		{"scope", "openid email chancery.issue", true},
		{"scp", "one two", true},
		{"/realm_access/roles", "forged", false},
		{"/realm_access/roles", "issuer", false},
		{"/realm_access/roles", "Registrar", false},
		{"/realm_access/roles", "regist", false},
		{"/realm_access/roles/1", "registrar", false}, // a place in a list is no name
		{"/realm_access", "roles", false},
		{"/resource_access", "chancery", false},
		{"/resource_access/account/roles", "issuer", false},
		{"/resource_access/none/roles", "issuer", false},
		{"/roles", "registrar", false},
		{"/deep/roles", "inner", false},
		{"/deep/0/roles", "inner", false},
		{"/level", "7", false},
		{"/email_verified", "true", false},
		{"realm_access", "registrar", false},
		{"scope", "chancery", false},
		{"scope", "openid email", false},
		{"scp", "two", false},
		{"/azp", "", false},
		{"preferred_username", "ai na", false},
	} {
		i := OIDCIssuer{Issuer: p.base, Audience: "chancery", Rules: []OIDCRule{{Claim: c.claim, Value: c.value, Tenant: "tenant-a", Environment: service.Test}}}
		o := OIDCConfig{Client: &http.Client{Timeout: 10 * time.Second}, Clock: p.clock, Issuers: []OIDCIssuer{i}}
		v, err := NewOIDC(context.Background(), o)
		if c.value == "" {
			if err == nil {
				t.Errorf("%s without a value is taken", c.claim)
			}
			continue
		}
		if err != nil {
			t.Fatal(c.claim, err)
		}
		want := service.CodeKey
		if c.in {
			want = ""
		}
		p.want(c.claim+" "+c.value, v.(*oidcVerifier), token, want)
	}
	for _, claim := range []string{"/", "//", "/a/", "/a//b", "/a~", "/a~2", "/~~0", "/a/~/b"} {
		i := OIDCIssuer{Issuer: p.base, Audience: "chancery", Rules: []OIDCRule{{Claim: claim, Value: "x", Tenant: "a", Environment: service.Test}}}
		if _, err := NewOIDC(context.Background(), OIDCConfig{Client: &http.Client{Timeout: 10 * time.Second}, Clock: time.Now, Issuers: []OIDCIssuer{i}}); err == nil {
			t.Errorf("the path %q is taken", claim)
		}
	}
}

// TestOIDCPathTwice: the first rule that fits decides, also where a path is longer.
func TestOIDCPathTwice(t *testing.T) {
	p := newIDP(t)
	claims := p.claims()
	token := p.token(plainHeader, claims[:len(claims)-1]+","+keycloak+"}")
	v := p.verifier(func(i *OIDCIssuer) {
		i.Rules = []OIDCRule{
			{Claim: "/resource_access/chancery/roles", Value: "admin", Tenant: "tenant-b", Environment: service.Live, Permissions: service.Permissions()},
			{Claim: "/realm_access/roles", Value: "registrar", Tenant: "tenant-a", Environment: service.Test, Permissions: []service.Permission{service.MayRead}},
			{Tenant: "tenant-c", Environment: service.Test},
		}
	})
	c, err := v.Authenticate(context.Background(), token)
	if err != nil || c.Tenant != "tenant-a" || c.Environment != service.Test || len(c.Permissions) != 1 || !c.May(service.MayRead) {
		t.Errorf("found %+v, %v", c, err)
	}
}
