package verifier_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

func testCertificate(tb testing.TB) string {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Root"}, NotAfter: now}, &x509.Certificate{Subject: pkix.Name{CommonName: "Root"}}, k.Public(), k)
	if err != nil {
		tb.Fatal(err)
	}
	return strictjson.Quote(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func TestParseTrust(t *testing.T) {
	k := newKey(t, "issuer")
	jwk, _ := multikey.EncodePublicJWK(newECKey(t, elliptic.P256()).priv.Public())
	context := `{"@context":{"grade":"https://example.com/grade"}}`
	sum := sha256.Sum256([]byte(context))
	h32, h20 := "0x"+strings.Repeat("ab", 32), "0x"+strings.Repeat("cd", 20)
	text := `{"version":1,"issuers":[{"id":"` + k.did + `","name":"Academy","statusIssuers":["did:example:s"],"keys":[
		{"method":"` + k.method + `","publicKeyMultibase":"` + k.multibase() + `","purposes":["assertionMethod","authentication"],"from":"2024-01-01T00:00:00Z","until":"2026-01-01T00:00:00+01:00","history":true,"revoked":"2026-02-01T00:00:00Z"},
		{"publicKeyJwk":` + string(jwk) + `}]}],
		"documents":[{"url":"https://example.com/l","kind":"statusList","document":{"a":1},"fetchedAt":"2026-01-01T00:00:00Z"},{"url":"https://example.com/t","kind":"badge","text":"x"}],
		"contexts":[{"url":"https://example.com/context","sha256":"` + hex.EncodeToString(sum[:]) + `","document":` + context + `}],
		"roots":[` + testCertificate(t) + `],"tsaRoots":[` + testCertificate(t) + `],
		"anchoring":{"chains":[{"chainId":1,"genesisHash":"` + h32 + `","senders":["` + h20 + `"]}],"checkpoints":[{"chainId":1,"number":7,"hash":"` + h32 + `","time":"2026-01-01T00:00:00Z"}],"committees":[{"chainId":1,"period":9,"root":"` + h32 + `"}]}}`
	trust, err := verifier.ParseTrust([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	key := trust.Issuers[0].Keys[0]
	if key.Until.UTC().Hour() != 23 || !key.History || key.Revoked.IsZero() || len(key.Purposes) != 2 || !multikey.Equal(key.Key, k.priv.Public()) || trust.Issuers[0].StatusIssuers[0] != "did:example:s" {
		t.Errorf("%+v", trust.Issuers[0])
	}
	if string(trust.Documents[0].Document) != `{"a":1}` || string(trust.Documents[1].Document) != "x" || len(trust.Contexts) != 1 || len(trust.Roots) != 1 || len(trust.TSARoots) != 1 {
		t.Errorf("%+v", trust)
	}
	a := trust.Anchoring
	if a.Chains[0].ChainID != 1 || a.Chains[0].Senders[0][0] != 0xcd || a.Checkpoints[0].Number != 7 || a.Committees[0].Root[31] != 0xab {
		t.Errorf("%+v", a)
	}
	if !strings.HasPrefix(trust.Digest(), "sha-256:") {
		t.Error(trust.Digest())
	}
	// A context of the trust file gives terms their meaning.
	credential := with(t, draft(t, k.did), `"@context":["https://www.w3.org/ns/credentials/v2","https://example.com/context"]`, `"credentialSubject":{"id":"did:example:subject","grade":"A"}`)
	only := &verifier.Trust{Any: true, Contexts: trust.Contexts}
	r := judge(t, setupTrust(t, verifier.Policy{}, only), raw(jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, credential)))
	if r.Outcome != verifier.Valid {
		t.Error(explain(r))
	}
}

func TestParseTrustRefuses(t *testing.T) {
	k := newKey(t, "issuer")
	key := `{"publicKeyMultibase":"` + k.multibase() + `"}`
	issuer := func(keys string) string {
		return `{"version":1,"issuers":[{"id":"did:example:x","keys":[` + keys + `]}]}`
	}
	for name, text := range map[string]string{
		"not JSON":                  `x`,
		"duplicate name":            `{"version":1,"version":1}`,
		"trailing data":             `{"version":1}{}`,
		"a list":                    `[]`,
		"no version":                `{"any":true}`,
		"another version":           `{"version":2,"any":true}`,
		"version a string":          `{"version":"1","any":true}`,
		"unknown member":            `{"version":1,"anyone":true}`,
		"any a string":              `{"version":1,"any":"yes"}`,
		"issuers an object":         `{"version":1,"issuers":{}}`,
		"issuer a string":           `{"version":1,"issuers":["x"]}`,
		"issuer without id":         `{"version":1,"issuers":[{}]}`,
		"issuer twice":              `{"version":1,"issuers":[{"id":"x"},{"id":"x"}]}`,
		"issuer with more":          `{"version":1,"issuers":[{"id":"x","trusted":true}]}`,
		"empty status issuer":       `{"version":1,"issuers":[{"id":"x","statusIssuers":[""]}]}`,
		"key without key":           issuer(`{}`),
		"key twice":                 issuer(`{"publicKeyMultibase":"` + k.multibase() + `","publicKeyJwk":{}}`),
		"key cut":                   issuer(`{"publicKeyMultibase":"` + k.multibase()[:40] + `"}`),
		"key in another base":       issuer(`{"publicKeyMultibase":"u7QE"}`),
		"private JWK":               issuer(`{"publicKeyJwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}}`),
		"key with more":             issuer(strings.Replace(key, "{", `{"expires":"2026-01-01T00:00:00Z",`, 1)),
		"unknown purpose":           issuer(strings.Replace(key, "{", `{"purposes":["signing"],`, 1)),
		"time without zone":         issuer(strings.Replace(key, "{", `{"from":"2026-01-01T00:00:00",`, 1)),
		"date":                      issuer(strings.Replace(key, "{", `{"until":"2026-01-01",`, 1)),
		"until before from":         issuer(strings.Replace(key, "{", `{"from":"2026-01-01T00:00:00Z","until":"2025-01-01T00:00:00Z",`, 1)),
		"until is from":             issuer(strings.Replace(key, "{", `{"from":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z",`, 1)),
		"history a string":          issuer(strings.Replace(key, "{", `{"history":"true",`, 1)),
		"document of no kind":       `{"version":1,"any":true,"documents":[{"url":"a","document":{}}]}`,
		"document of another kind":  `{"version":1,"any":true,"documents":[{"url":"a","kind":"x","document":{}}]}`,
		"document without document": `{"version":1,"any":true,"documents":[{"url":"a","kind":"jwks"}]}`,
		"document and text":         `{"version":1,"any":true,"documents":[{"url":"a","kind":"jwks","document":{},"text":"x"}]}`,
		"document of another sum":   `{"version":1,"any":true,"documents":[{"url":"a","kind":"jwks","document":{},"sha256":"00"}]}`,
		"context of another sum":    `{"version":1,"any":true,"contexts":[{"url":"a","sha256":"` + strings.Repeat("00", 32) + `","document":{}}]}`,
		"context without sum":       `{"version":1,"any":true,"contexts":[{"url":"a","document":{}}]}`,
		"root is no PEM":            `{"version":1,"roots":["x"]}`,
		"root is another PEM":       `{"version":1,"roots":["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]}`,
		"root is no certificate":    `{"version":1,"roots":["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]}`,
		"chain without id":          `{"version":1,"any":true,"anchoring":{"chains":[{"genesisHash":"0x` + strings.Repeat("00", 32) + `"}]}}`,
		"short hash":                `{"version":1,"any":true,"anchoring":{"chains":[{"chainId":1,"genesisHash":"0x00"}]}}`,
		"hash without 0x":           `{"version":1,"any":true,"anchoring":{"chains":[{"chainId":1,"genesisHash":"` + strings.Repeat("00", 32) + `"}]}}`,
		"negative number":           `{"version":1,"any":true,"anchoring":{"checkpoints":[{"chainId":1,"number":-1,"hash":"0x` + strings.Repeat("00", 32) + `"}]}}`,
		"anchoring with more":       `{"version":1,"any":true,"anchoring":{"confirmations":3}}`,
	} {
		trust, err := verifier.ParseTrust([]byte(text))
		var te *verifier.TrustError
		var je *strictjson.Error
		if trust != nil || !errors.As(err, &te) && !errors.As(err, &je) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if trust, err := verifier.ParseTrust([]byte(`{"version":1}`)); err != nil {
		t.Error(err)
	} else if _, err := verifier.New(verifier.Config{Trust: trust, Clock: clockAt(now)}); !errors.Is(err, verifier.ErrNoTrust) {
		t.Error("a trust file that names nobody was accepted")
	}
}

// TestKeyHistory: before, inside and after the time of a key, claimed and proven.
func TestKeyHistory(t *testing.T) {
	k := newKey(t, "issuer")
	text := sign(t, draft(t, k.did), k, proofOf{created: "2026-02-01T00:00:00Z"})
	for _, c := range []struct {
		name   string
		key    func(*verifier.TrustedKey)
		proven string
		want   verifier.Reason // "" is valid
	}{
		{"in use", nil, "", ""},
		{"in use since", func(k *verifier.TrustedKey) { k.From = day("2026-02-01") }, "", ""},
		{"in use until tomorrow", func(k *verifier.TrustedKey) { k.Until = now.Add(time.Hour) }, "", ""},
		{"in use from tomorrow", func(k *verifier.TrustedKey) { k.From = now.Add(time.Hour) }, "", verifier.KeyOutsideValidity},
		{"retired, history", func(k *verifier.TrustedKey) { k.Until, k.History = day("2026-03-01"), true }, "", ""},
		{"retired", func(k *verifier.TrustedKey) { k.Until = day("2026-03-01") }, "", verifier.KeyTimeUnproven},
		{"retired, proven in time", func(k *verifier.TrustedKey) { k.Until = day("2026-03-01") }, "2026-02-15", ""},
		{"retired, proven too late", func(k *verifier.TrustedKey) { k.Until = day("2026-03-01") }, "2026-03-01", verifier.KeyTimeUnproven},
		{"retired before", func(k *verifier.TrustedKey) { k.Until, k.History = day("2026-01-15"), true }, "", verifier.KeyOutsideValidity},
		{"revoked", func(k *verifier.TrustedKey) { k.Revoked = day("2026-03-01") }, "", verifier.KeyRevoked},
		{"revoked, proven in time", func(k *verifier.TrustedKey) { k.Revoked = day("2026-03-01") }, "2026-02-15", ""},
		{"revoked, proven too late", func(k *verifier.TrustedKey) { k.Revoked = day("2026-03-01") }, "2026-03-02", verifier.KeyRevoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := verifier.Expect{}
			if c.proven != "" {
				e.ExistedAt = day(c.proven)
			}
			r := judgeExpecting(t, setupTrust(t, verifier.Policy{}, pinned(k, c.key)), vc(text), e)
			if r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) {
				t.Fatalf("expected %q\n%s", string(c.want), explain(r))
			}
			if c.want == "" && (r.Binding != verifier.BindingPinned || r.Issuer.Name != "Example Academy") {
				t.Error(explain(r))
			}
			if c.name == "retired, history" && !strings.Contains(r.Proofs[0].Detail, "claimed, not proven") {
				t.Error(r.Proofs[0].Detail)
			}
		})
	}
}

// TestPinnedForAnyMethod: a method that cannot be looked up is no bad signature.
func TestPinnedForAnyMethod(t *testing.T) {
	k, next := newKey(t, "issuer"), newKey(t, "next")
	web := k.as("did:web:academy.example", "k0")
	trust := pinned(web, func(k *verifier.TrustedKey) { k.Method = "" })
	v := setupTrust(t, verifier.Policy{}, trust)
	if r := judge(t, v, vc(sign(t, draft(t, web.did), web, proofOf{}))); r.Outcome != verifier.Valid || r.Binding != verifier.BindingPinned {
		t.Error(explain(r))
	}
	rotated := next.as("did:web:academy.example", "k1")
	if r := judge(t, v, vc(sign(t, draft(t, web.did), rotated, proofOf{}))); r.Reason != verifier.KeyUnavailable {
		t.Error(explain(r))
	}
}

func TestReasonsFile(t *testing.T) {
	have, err := os.ReadFile(filepath.Join("..", "docs", "reasons.md"))
	if err != nil || !bytes.Equal(have, verifier.ReasonsMarkdown()) {
		t.Errorf("docs/reasons.md is not what the table says: run go run ./verifier/gen (%v)", err)
	}
}

// TestTrustDocExample: the example on the format's page is refused for nothing but
// what the page leaves out.
func TestTrustDocExample(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "formats", "trust.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	if _, err := verifier.ParseTrust([]byte(text)); err != nil {
		t.Error(err)
	}
}

func FuzzParseTrust(f *testing.F) {
	f.Add([]byte(`{"version":1,"any":true,"issuers":[{"id":"x","keys":[{"publicKeyMultibase":"z6Mk"}]}]}`))
	f.Add([]byte(`{"version":1,"anchoring":{"chains":[{"chainId":1,"genesisHash":"0x00","senders":[]}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		trust, err := verifier.ParseTrust(b)
		if (trust == nil) == (err == nil) {
			t.Fatal("both or neither")
		}
	})
}

// TestLargeTrust: reading a file of many issuers takes time in proportion to its size.
func TestLargeTrust(t *testing.T) {
	const n = 60_000
	var b strings.Builder
	b.WriteString(`{"version":1,"issuers":[{"id":"did:example:0"}`)
	for i := range n {
		fmt.Fprintf(&b, `,{"id":"did:web:academy%06d.example","name":"Academy","keys":[{"publicKeyMultibase":"z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"}]}`, i)
	}
	start := time.Now()
	trust, err := verifier.ParseTrust([]byte(b.String() + "]}"))
	if err != nil || len(trust.Issuers) != n+1 {
		t.Fatal(err)
	}
	setupTrust(t, verifier.Policy{}, trust)
	if took := time.Since(start); took > 30*time.Second { // the machine may be busy; comparing each with all took 40 s of a processor
		t.Errorf("%d issuers: %v", n, took)
	}
	if _, err := verifier.ParseTrust([]byte(b.String() + `,{"id":"did:web:academy000000.example"}]}`)); err == nil {
		t.Error("expected each issuer once")
	}
}
