package vcalm_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/httpapi"
	vcalmhttp "github.com/chancery-dev/chancery/internal/httpapi/vcalm"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// base is the public address, which is not where the server of the tests listens.
const base = "https://chancery.example"

// directory is what the program has: instances of its own, and each issuer as one.
type directory struct {
	core *service.Service
	own  []*vcalm.Instance
}

func (d *directory) Open() []*vcalm.Instance { return d.own }
func (d *directory) Instance(ctx context.Context, s service.Scope, name string) (*vcalm.Instance, error) {
	i, err := d.core.GetIssuer(ctx, service.System(s), name)
	if err != nil {
		return nil, err
	}
	return &vcalm.Instance{Name: i.ID, Scope: s, Issuer: i.ID}, nil
}

// world is an installation behind TLS, with two tenants and open instances.
type world struct {
	t      testing.TB
	ctx    context.Context
	server *httptest.Server
	core   *service.Service
	plane  *vcalm.Plane
	store  *memstore.Store
	log    *bytes.Buffer

	mu  sync.Mutex
	now time.Time

	reading   sync.Mutex
	described *contract // by which answers are judged

	north, south service.Caller
	issuer       string // of north
	dids         map[string]string
	typed        bool // the tenant north has a credential type
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// own are the instances of the configuration: name, suite, key type, failure status.
var own = []struct {
	name, suite, key string
	failure          int
	closed           bool
}{
	{"eddsa", proof.EdDSARDFC2022, "Ed25519", 400, false}, {"eddsa-200", "", "Ed25519", 200, false},
	{"eddsa-jcs", proof.EdDSAJCS2022, "Ed25519", 400, false}, {"ed2020", proof.TypeEd25519Signature2020, "Ed25519", 400, false},
	{"p256", "", "P-256", 400, false}, {"p384", proof.ECDSARDFC2019, "P-384", 400, false},
	{"p256-jcs", proof.ECDSAJCS2019, "P-256", 400, false}, {"p384-jcs", proof.ECDSAJCS2019, "P-384", 400, false},
	{"p256-sd", proof.ECDSASD2023, "P-256", 400, false},
	{"jwt", vcalm.SuiteJWT, "Ed25519", 400, false}, {"jwt-p256", vcalm.SuiteJWT, "P-256", 400, false},
	{"closed", "", "Ed25519", 200, true},
}

func newWorld(t testing.TB, change ...func(*httpapi.Config)) *world {
	t.Helper()
	return newWorldOf(t, verifier.ProfileStrict, change...)
}

func newWorldOf(t testing.TB, profile verifier.Profile, change ...func(*httpapi.Config)) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), now: time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC), log: &bytes.Buffer{}, dids: map[string]string{}}
	w.store = memstore.New(w.clock)
	ring := must(service.NewKeyRing(service.GenerateMasterKey()))(t)
	w.core = must(service.New(service.Config{Store: w.store, Blobs: blob.NewMemory(0), Sealer: ring, Clock: w.clock, BaseURL: base}))(t)
	d := &directory{core: w.core}
	w.north, w.south = w.tenant("north"), w.tenant("south")
	w.issuer = must(w.core.CreateIssuer(w.ctx, w.north, service.NewIssuer{Key: "academy", Name: "Academy"}, service.Idempotency{}))(t).Value.ID
	plane := w.tenant("w3c")
	for _, o := range own {
		i := must(w.core.CreateIssuer(w.ctx, plane, service.NewIssuer{Key: "plane-" + o.name, Name: o.name, Method: "did:key", KeyType: o.key}, service.Idempotency{}))(t).Value
		w.dids[o.name] = i.DID
		d.own = append(d.own, &vcalm.Instance{Name: o.name, Scope: plane.Scope, Issuer: i.ID, Suite: o.suite, FailureStatus: o.failure, Open: !o.closed})
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	judge := must(w.core.PlaneVerifier(profile))(t)
	w.plane = must(vcalm.New(vcalm.Config{Store: w.store, Sealer: ring, Core: w.core, Directory: d, Verifier: judge, Credentials: w.core, BaseURL: base, Clock: w.clock, Logger: logger}))(t)
	h := must(vcalmhttp.New(vcalmhttp.Config{Plane: w.plane, Admit: httpapi.Admit, Logger: logger, RequestID: func(r *http.Request) string { return httpapi.RequestID(r.Context()) }}))(t)
	c := httpapi.Config{Keys: w.core, Issuers: w.core, Types: w.core, Credentials: w.core, Verifying: w.core, Public: w.core, BaseURL: base, Clock: w.clock, Logger: logger, VCALM: h, Origins: []string{"https://portal.example"}}
	for _, f := range change {
		f(&c)
	}
	w.server = httptest.NewTLSServer(must(httpapi.New(c))(t))
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) tenant(id string) service.Caller {
	w.t.Helper()
	if _, err := w.core.CreateTenant(w.ctx, id, id); err != nil {
		w.t.Fatal(err)
	}
	return service.System(service.Scope{Tenant: id, Environment: service.Test})
}

func (w *world) key(c service.Caller, scopes ...service.Permission) string {
	w.t.Helper()
	if len(scopes) == 0 {
		scopes = service.Permissions()
	}
	return must(w.core.CreateFirstKey(w.ctx, c.Scope, service.NewKey{Name: "key", Scopes: scopes}))(w.t).Secret
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	text   string
}

// at reads a member by its path.
func (a answer) at(path ...string) any {
	var v any
	if json.Unmarshal([]byte(a.text), &v) != nil {
		return nil
	}
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (a answer) str(path ...string) string { s, _ := a.at(path...).(string); return s }

// raw is the text of a member of the answer, as it stands there.
func (a answer) raw(t testing.TB, name string) string {
	t.Helper()
	var v map[string]vcalm.Value
	if err := json.Unmarshal([]byte(a.text), &v); err != nil || v[name] == nil {
		t.Fatalf("expected %s in %s", name, a.text)
	}
	return string(v[name])
}

// do sends a request. headers are names and values in turn; a "key" is a bearer token.
func (w *world) do(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r := must(http.NewRequestWithContext(w.ctx, method, w.server.URL+path, strings.NewReader(body)))(w.t)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "key":
			r.Header.Set("Authorization", "Bearer "+headers[i+1])
		case "Host":
			r.Host = headers[i+1]
		case "Content-Type":
			r.Header.Set("Content-Type", headers[i+1])
		default:
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	res := must(w.server.Client().Do(r))(w.t)
	defer res.Body.Close()
	text := must(io.ReadAll(res.Body))(w.t)
	if res.Header.Get("X-Request-Id") == "" {
		w.t.Errorf("%s %s: no request id", method, path)
	}
	a := answer{res.StatusCode, res.Header, string(text)}
	w.contract().check(w.t, method, path, a)
	return a
}

// want sends a request whose status is known.
func (w *world) want(status int, method, path, body string, headers ...string) answer {
	w.t.Helper()
	a := w.do(method, path, body, headers...)
	if a.status != status {
		w.t.Fatalf("%s %s %.200s: %d, expected %d: %s", method, path, body, a.status, status, a.text)
	}
	if status >= 400 && a.at("verified") == nil {
		w.problem(a)
	}
	return a
}

// problem judges the form of a problem.
func (w *world) problem(a answer) {
	w.t.Helper()
	for _, name := range []string{"type", "title", "detail", "code", "message", "requestId"} {
		if a.str(name) == "" {
			w.t.Errorf("a problem without %s: %s", name, a.text)
		}
	}
	if n, _ := a.at("status").(float64); int(n) != a.status || a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("a problem of another form: %d %v %s", a.status, a.header, a.text)
	}
}

// unsigned is a credential to issue.
func unsigned(issuer string, members ...string) string {
	members = append([]string{`"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"]`, `"issuer":"` + issuer + `"`, `"credentialSubject":{"id":"did:example:holder"}`}, members...)
	return "{" + strings.Join(members, ",") + "}"
}

// issue issues a credential at an open instance and returns its text.
func (w *world) issue(instance string, members ...string) string {
	w.t.Helper()
	return w.want(201, "POST", "/vc/"+instance+"/credentials/issue", `{"credential":`+unsigned(w.dids[instance], members...)+`}`).raw(w.t, "verifiableCredential")
}

// wallet is a holder with a did:key.
type wallet struct {
	key signer.Key
	did string
}

func newWallet(t testing.TB, seed byte) wallet {
	t.Helper()
	key := must(signer.NewKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))))(t)
	did, _, _ := strings.Cut(key.Method, "#")
	return wallet{key, did}
}

// presents makes a presentation, as the wallet of the holder would.
func (w *world) presents(h wallet, challenge, domain string, change ...func(*signer.DataIntegrity, *string)) string {
	w.t.Helper()
	s := &signer.DataIntegrity{Key: h.key, Created: w.clock(), Challenge: challenge}
	if domain != "" {
		s.Domain = []string{domain}
	}
	text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + h.did + `"}`
	for _, f := range change {
		f(s, &text)
	}
	p := must(chancery.ParsePresentation([]byte(text)))(w.t)
	return string(must(s.SignPresentation(w.ctx, p))(w.t).Bytes)
}

// must returns a value where there is no error: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
