package serving

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/config"
)

// TestOIDCRules: a token as Keycloak makes it is taken by a rule of the configuration that
// names its roles; a rule for a tenant that nobody has made lets nobody in, which the start
// and 'config check --open' say.
func TestOIDCRules(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	var idp *httptest.Server
	idp = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/realms/staff/certs" {
			fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","use":"sig","alg":"EdDSA","x":%q}]}`, b64(public))
			return
		}
		fmt.Fprintf(w, `{"issuer":"%[1]s/realms/staff","jwks_uri":"%[1]s/realms/staff/certs"}`, idp.URL)
	}))
	defer idp.Close()
	token := func(roles string) string {
		now := time.Now().Unix()
		signed := b64([]byte(`{"alg":"EdDSA","typ":"JWT","kid":"k"}`)) + "." + b64(fmt.Appendf(nil,
			`{"exp":%d,"iat":%d,"jti":"onrtac:1","iss":"%s/realms/staff","aud":["chancery","account"],"sub":"f:3","typ":"Bearer","azp":"portal","sid":"s","acr":"1","realm_access":{"roles":["offline_access"]},"resource_access":{"chancery.office":{"roles":[%q]},"account":{"roles":["registrar"]}},"scope":"openid email","email_verified":true,"preferred_username":"aina"}`,
			now+300, now, idp.URL, roles))
		return signed + "." + b64(ed25519.Sign(private, []byte(signed)))
	}
	text := fmt.Sprintf("[[oidc]]\nissuer = \"%s/realms/staff\"\naudience = \"chancery\"\nclaim = \"/resource_access/chancery.office/roles\"\nvalue = \"registrar\"\ntenant = \"grunau\"\nenvironment = \"live\"\nscopes = [\"read\"]\n", idp.URL)
	text += strings.Replace(text, `value = "registrar"`, `value = "clerk"`, 1)
	c, err := config.Load(config.Source{Name: "test.toml", File: []byte(text), Settings: map[string]string{"data": t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	in, err := Open(context.Background(), c, Options{Now: time.Now, Stderr: &log, Serve: true})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	const warning = "tenant that is not there"
	if n := strings.Count(log.String(), warning); n != 1 || !strings.Contains(log.String(), "grunau") {
		t.Errorf("the start warns %d times: %s", n, log.String())
	}
	if status := in.asked(token("registrar"), "GET", "/v1/me", "", "127.0.0.1:1", ""); status != 401 {
		t.Errorf("a tenant that is not there: %d", status)
	}
	log.Reset()
	if err := in.Try(context.Background()); err != nil || strings.Count(log.String(), warning) != 1 {
		t.Errorf("a check: %v, log: %s", err, log.String())
	}
	if _, err := in.Core.CreateTenant(context.Background(), "grunau", "Universität Grünau"); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if err := in.Try(context.Background()); err != nil || strings.Contains(log.String(), warning) {
		t.Errorf("a check of what is there: %v, log: %s", err, log.String())
	}
	for role, want := range map[string][2]int{"registrar": {200, 403}, "clerk": {200, 403}, "reader": {401, 401}} {
		for i, path := range []string{"/v1/credentials", "/v1/audit"} {
			if status := in.asked(token(role), "GET", path, "", "127.0.0.1:1", ""); status != want[i] {
				t.Errorf("the role %s at %s: %d, expected %d", role, path, status, want[i])
			}
		}
	}
}
