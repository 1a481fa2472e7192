package badge

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

func TestCheckJWT(t *testing.T) {
	const header = `{"alg":"RS256","kid":"https://example.edu/k","typ":"JWT"}`
	const claims = `{"iss":"https://example.edu/i","jti":"urn:uuid:1","sub":"did:example:1","nbf":1767225600,"exp":1798761600,
		"id":"urn:uuid:1","issuer":{"id":"https://example.edu/i"},"validFrom":"2026-01-01T00:00:00Z","validUntil":"2027-01-01T00:00:00Z","credentialSubject":{"id":"did:example:1"}}`
	vc := `{"iss":"https://example.edu/i","jti":"urn:uuid:1","sub":"did:example:1","nbf":1767225600,"vc":{"id":"urn:uuid:1","issuer":"https://example.edu/i","issuanceDate":"2026-01-01T02:00:00.9+02:00","credentialSubject":{"id":"did:example:1"}}}`
	for _, tt := range []struct{ name, header, claims, want string }{
		{"good", header, claims, ""},
		{"good, in a vc claim, with offset and fraction", header, vc, ""},
		{"good, jwk for kid", `{"alg":"ES256","jwk":{"kty":"EC"}}`, claims, ""},
		{"vc+jwt without claims", `{"alg":"ES256","typ":"vc+jwt"}`, `{"id":"urn:uuid:1","issuer":"https://example.edu/i"}`, ""},
		{"vc+jwt with a wrong claim", `{"alg":"ES256","typ":"vc+jwt"}`, `{"iss":"x","issuer":"https://example.edu/i"}`, "error jwt_claim_differs"},
		{"no key", `{"alg":"RS256"}`, claims, "lenient jwt_key_missing"},
		{"other typ", `{"alg":"RS256","kid":"x","typ":"at+jwt"}`, claims, "lenient jwt_typ"},
		{"other parameter", `{"alg":"RS256","kid":"x","crit":["exp"]}`, claims, "lenient jwt_header_unknown"},
		{"private key", `{"alg":"RS256","jwk":{"d":"x"}}`, claims, "error jwt_private_key"},
		{"none", `{"alg":"none","kid":"x"}`, claims, "error jwt_alg"},
		{"HMAC", `{"alg":"HS256","kid":"x"}`, claims, "error jwt_alg"},
		{"no alg", `{"kid":"x"}`, claims, "error jwt_alg"},
		{"iss of another", header, edit(t, claims, "/iss", `"https://example.com"`), "error jwt_claim_differs"},
		{"jti of another", header, edit(t, claims, "/jti", `"urn:uuid:2"`), "error jwt_claim_differs"},
		{"sub of another", header, edit(t, claims, "/sub", `"did:example:2"`), "error jwt_claim_differs"},
		{"sub a list", header, edit(t, claims, "/sub", `["did:example:1"]`), "error jwt_claim_type"},
		{"no iss", header, edit(t, claims, "/iss", ""), "lenient jwt_claim_missing"},
		{"no sub", header, edit(t, claims, "/sub", ""), "lenient jwt_claim_missing"},
		{"no nbf", header, edit(t, claims, "/nbf", ""), "lenient jwt_claim_missing"},
		{"no exp", header, edit(t, claims, "/exp", ""), "lenient jwt_claim_missing"},
		{"nbf differs", header, edit(t, claims, "/nbf", "1767225601"), "lenient jwt_claim_differs"},
		{"nbf a string", header, edit(t, claims, "/nbf", `"1767225600"`), "error jwt_claim_type"},
		{"nbf negative", header, edit(t, claims, "/nbf", "-1"), "error jwt_claim_type"},
		{"nbf huge", header, edit(t, claims, "/nbf", "253402300800"), "error jwt_claim_type"},
		{"exp without validUntil", header, edit(t, claims, "/validUntil", ""), "lenient jwt_claim_differs"},
		{"exp differs", header, edit(t, claims, "/exp", "1798761601"), "lenient jwt_claim_differs"},
		{"header no object", `[]`, claims, "error jwt_not_an_object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, p := parse(t, tt.header), parse(t, tt.claims)
			for profile, grade := range map[Profile]string{Strict: "error", OneEdTech: "warning"} {
				want := strings.Replace(tt.want, "lenient", grade, 1)
				if got := codes(CheckJWT(h, p, profile)); got != want {
					t.Errorf("%s: expected %q, found %q", profile, want, got)
				}
			}
		})
	}
}

// TestJWTSamples: 1EdTech's own valid JWTs break rules that strict insists on, and
// none that 1edtech does.
func TestJWTSamples(t *testing.T) {
	dir := testvectors.Shared(t, "badges", "1edtech-validator", "ob30")
	for file, strict := range map[string]string{
		"simple-jwt.png":    "error jwt_claim_missing",
		"simple-jwt.svg":    "error jwt_claim_missing",
		"simple-jwt_v1.png": "error jwt_claim_missing",
	} {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unbake(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(got.Payload.Bytes), ".")
		body, _, _ = strings.Cut(body, ".")
		var docs []*strictjson.Doc
		for _, part := range []string{head, body} {
			b, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, parse(t, string(b)))
		}
		if found := codes(CheckJWT(docs[0], docs[1], Strict)); !strings.Contains(found, strict) {
			t.Errorf("%s: found %s", file, found)
		}
		if g, ok := Worst(CheckJWT(docs[0], docs[1], OneEdTech)); ok && g == Error {
			t.Errorf("%s: found %v", file, CheckJWT(docs[0], docs[1], OneEdTech))
		}
		if errs := CheckAt(docs[1], JWTCredential(docs[1]), OneEdTech); len(errs) > 0 {
			t.Errorf("%s: found %v", file, errs)
		}
	}
}
