package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// fake answers every use case with the examples of the document: to tenant-a what it has,
// to everybody else that there is nothing. What it was given is kept in last.
type fake struct {
	mu       sync.Mutex
	last     any
	idem     service.Idempotency
	calls    map[string]int
	answers  map[string]service.Credential
	err      error // answered by Issue
	panics   bool
	revoked  string // a key
	block    chan struct{}
	rows     []service.ItemInput
	rowErr   error
	verified []service.Upload
	hidden   bool
	noCopy   bool
}

const (
	keyA    = "sk_test_a"
	keyB    = "sk_test_b"
	keyNone = "sk_test_none"
)

func (f *fake) note(v any, i ...service.Idempotency) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = v
	if len(i) > 0 {
		f.idem = i[0]
	}
}

// own answers v to the tenant that has it.
func own[T any](c service.Caller, resource string, v T) (T, error) {
	if c.Tenant != "tenant-a" {
		var zero T
		return zero, service.NotFound(resource)
	}
	return v, nil
}

func made[T any](v T) (service.Result[T], error) {
	return service.Result[T]{Value: v, Created: true}, nil
}

func changed[T any](c service.Caller, resource string, v T) (service.Result[T], error) {
	v, err := own(c, resource, v)
	return service.Result[T]{Value: v}, err
}

func some[T any](c service.Caller, v T) (service.List[T], error) {
	l := service.List[T]{Items: []T{}, Total: -1}
	if c.Tenant == "tenant-a" {
		l.Items, l.Next, l.Total = append(l.Items, v), "next", 2
	}
	return l, nil
}

func (f *fake) Authenticate(_ context.Context, token string) (service.Caller, error) {
	c := service.Caller{Scope: service.Scope{Tenant: "tenant-a", Environment: service.Test}, Actor: "key:a", Permissions: service.Permissions()}
	f.mu.Lock()
	revoked := f.revoked
	f.mu.Unlock()
	if token == revoked {
		token = ""
	}
	switch token {
	case keyA:
	case keyB:
		c.Tenant, c.Actor = "tenant-b", "key:b"
	case keyNone:
		c.Permissions, c.Actor = nil, "key:none"
	case "expired":
		return c, &service.Error{Code: service.CodeTokenExpired, Detail: "the token has expired"}
	default:
		return c, &service.Error{Code: service.CodeKey, Detail: "the key is not valid"}
	}
	return c, nil
}

func (f *fake) Token(_ context.Context, id, secret string, scopes []service.Permission) (service.Token, error) {
	f.note(scopes)
	if id != "k7Q2x9AbCd" || secret != "s3cret" {
		return service.Token{}, &service.Error{Code: service.CodeKey, Detail: "no"}
	}
	if len(scopes) > 0 && scopes[0] == "everything" {
		return service.Token{}, &service.Error{Code: service.CodeScope, Detail: "no"}
	}
	return service.Token{AccessToken: "eyJ", TokenType: "Bearer", ExpiresIn: 3600, Scope: "issue"}, nil
}
func (f *fake) Me(_ context.Context, c service.Caller) (service.Me, error) {
	m := exampleMe
	m.Tenant.ID = c.Tenant
	return m, nil
}
func (f *fake) CreateKey(_ context.Context, _ service.Caller, in service.NewKey, i service.Idempotency) (service.Result[service.APIKey], error) {
	f.note(in, i)
	return made(withSecret(exampleKey))
}
func (f *fake) ListKeys(_ context.Context, c service.Caller, p service.Page) (service.List[service.APIKey], error) {
	f.note(p)
	return some(c, exampleKey)
}
func (f *fake) GetKey(_ context.Context, c service.Caller, id string) (service.APIKey, error) {
	return own(c, "api-key", exampleKey)
}
func (f *fake) ChangeKey(_ context.Context, c service.Caller, id string, in service.KeyChange) (service.APIKey, error) {
	f.note(in)
	return own(c, "api-key", exampleKey)
}
func (f *fake) RevokeKey(_ context.Context, c service.Caller, id string) error {
	_, err := own(c, "api-key", 0)
	return err
}
func (f *fake) CreateIssuer(_ context.Context, _ service.Caller, in service.NewIssuer, i service.Idempotency) (service.Result[service.Issuer], error) {
	f.note(in, i)
	return made(exampleIssuer)
}
func (f *fake) ListIssuers(_ context.Context, c service.Caller, p service.Page) (service.List[service.Issuer], error) {
	return some(c, exampleIssuer)
}
func (f *fake) GetIssuer(_ context.Context, c service.Caller, id string) (service.Issuer, error) {
	return own(c, "issuer", exampleIssuer)
}
func (f *fake) RotateKey(_ context.Context, c service.Caller, id string, in service.RotateKey, i service.Idempotency) (service.Result[service.Issuer], error) {
	f.note(in, i)
	return changed(c, "issuer", exampleIssuer)
}
func (f *fake) CreateType(_ context.Context, _ service.Caller, in service.NewType, i service.Idempotency) (service.Result[service.Type], error) {
	f.note(in, i)
	return made(exampleType)
}
func (f *fake) ListTypes(_ context.Context, c service.Caller, p service.Page) (service.List[service.Type], error) {
	return some(c, exampleType)
}
func (f *fake) GetType(_ context.Context, c service.Caller, id string) (service.Type, error) {
	t := exampleType
	t.Fields = append(append([]service.Field{}, t.Fields...), service.Field{Key: "hours", Type: "number"}, service.Field{Key: "passed", Type: "boolean"})
	return own(c, "credential-type", t)
}
func (f *fake) ChangeType(_ context.Context, c service.Caller, id string, in service.NewType) (service.Type, error) {
	f.note(in)
	return own(c, "credential-type", exampleType)
}
func (f *fake) InputFields(_ context.Context, c service.Caller, id string) (service.InputFields, error) {
	return own(c, "credential-type", exampleInputFields)
}
func (f *fake) Validate(_ context.Context, c service.Caller, id string, in service.ItemInput) (service.Validation, error) {
	f.note(in)
	if in.Recipient.Name != "" {
		return own(c, "credential-type", service.Validation{Valid: true})
	}
	return own(c, "credential-type", exampleValidation)
}
func (f *fake) Preview(_ context.Context, c service.Caller, id string, in service.ItemInput) (service.File, error) {
	f.note(in)
	return own(c, "credential-type", testFile("preview.png", "image/png", "PNG"))
}

func testFile(name, mediaType, content string) service.File {
	sum := sha256.Sum256([]byte(content))
	return service.File{Name: name, MediaType: mediaType, Digest: hex.EncodeToString(sum[:]), Bytes: []byte(content)}
}

func (f *fake) Issue(_ context.Context, c service.Caller, in service.NewCredential, i service.Idempotency) (service.Result[service.Credential], error) {
	f.note(in, i)
	if f.block != nil {
		<-f.block
	}
	if f.panics {
		panic("boom " + in.Recipient.Name)
	}
	if f.err != nil {
		return service.Result[service.Credential]{}, f.err
	}
	if in.Type == "" {
		return service.Result[service.Credential]{}, &service.Error{Code: service.CodeValidation, Detail: "type is required", Fields: map[string][]string{"type": {"is required"}}}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i.Key != "" {
		if v, ok := f.answers[i.Key]; ok {
			return service.Result[service.Credential]{Value: v, Created: true, Replayed: true}, nil
		}
	}
	f.calls["issued"]++
	v := exampleCredential
	if in.ID == "existing" {
		return service.Result[service.Credential]{Value: v}, nil
	}
	if f.answers == nil {
		f.answers = map[string]service.Credential{}
	}
	f.answers[i.Key] = v
	return service.Result[service.Credential]{Value: v, Created: true}, nil
}
func (f *fake) ListCredentials(_ context.Context, c service.Caller, fl service.CredentialFilter, p service.Page) (service.List[service.Credential], error) {
	f.note([]any{fl, p})
	return some(c, exampleCredential)
}
func (f *fake) GetCredential(_ context.Context, c service.Caller, id string) (service.Credential, error) {
	return own(c, "credential", exampleCredential)
}
func (f *fake) ChangeDraft(_ context.Context, c service.Caller, id string, in service.DraftChange) (service.Credential, error) {
	f.note(in)
	v := exampleCredential // a draft has nothing yet
	v.State, v.IssuedAt, v.Digest, v.Artifacts, v.Anchor, v.Notify, v.Claims = service.StateDraft, nil, nil, nil, nil, nil, nil
	return own(c, "credential", v)
}
func (f *fake) DeleteDraft(_ context.Context, c service.Caller, id string) error {
	_, err := own(c, "credential", 0)
	return err
}
func (f *fake) Artifact(_ context.Context, c service.Caller, id, name string) (service.File, error) {
	if name == "pdf" {
		return own(c, "artifact", testFile("c.pdf", "application/pdf", "%PDF"))
	}
	if name != "vc" {
		return service.File{}, service.NotFound("artifact")
	}
	return own(c, "artifact", testFile("c.json", "application/vc", `{"a":  1}`))
}
func (f *fake) act(c service.Caller, in any, i service.Idempotency) (service.Result[service.Credential], error) {
	f.note(in, i)
	return changed(c, "credential", revokedExample())
}
func (f *fake) Publish(_ context.Context, c service.Caller, id string, i service.Idempotency) (service.Result[service.Credential], error) {
	return f.act(c, nil, i)
}
func (f *fake) Revoke(_ context.Context, c service.Caller, id, reason string, i service.Idempotency) (service.Result[service.Credential], error) {
	return f.act(c, reason, i)
}
func (f *fake) Suspend(_ context.Context, c service.Caller, id, reason string, i service.Idempotency) (service.Result[service.Credential], error) {
	return f.act(c, reason, i)
}
func (f *fake) Reinstate(_ context.Context, c service.Caller, id, reason string, i service.Idempotency) (service.Result[service.Credential], error) {
	return f.act(c, reason, i)
}
func (f *fake) SetExpiry(_ context.Context, c service.Caller, id string, until *time.Time, i service.Idempotency) (service.Result[service.Credential], error) {
	return f.act(c, until, i)
}
func (f *fake) Supersede(_ context.Context, c service.Caller, id string, in service.NewCredential, i service.Idempotency) (service.Result[service.Credential], error) {
	return f.act(c, in, i)
}
func (f *fake) Send(_ context.Context, c service.Caller, id string, i service.Idempotency) (service.Result[service.Credential], error) {
	return f.act(c, nil, i)
}

// exampleReport is the report behind the example of API.md, 7.
func exampleReport() *verifier.Report {
	return &verifier.Report{Outcome: verifier.Valid, Lifecycle: verifier.Issued, EvaluatedAt: *at("2026-05-10T10:00:00Z"), TrustInputs: []string{"sha-256:" + exampleDigest},
		Subject: verifier.Party{ID: "mailto:aina@example.com", Name: "Aina Rahman", Type: "Safety Training Certificate"}, Issuer: verifier.Party{ID: exampleDID, Name: "Academy"},
		Checks: []verifier.Check{
			{ID: verifier.CheckSignature, Result: verifier.Pass, Required: true, Detail: "eddsa-rdfc-2022 by " + exampleDID + "#k1", Evidence: []verifier.Fact{{Name: "keyValidFrom", Value: "2026-01-01T00:00:00Z"}}},
			{ID: verifier.CheckStatus, Result: verifier.Pass, Required: true, Detail: "list 7, read 12 s ago", Evidence: []verifier.Fact{{Name: "listDigest", Value: "sha-256:" + exampleDigest}}},
			{ID: verifier.CheckAnchor, Result: verifier.Skipped, Detail: "not yet anchored"},
		}}
}

func (f *fake) VerifyID(_ context.Context, publicID, source string) (service.Verdict, error) {
	if publicID != examplePublic {
		return service.Verdict{Report: verifier.NewNotFound(*at("2026-05-10T10:00:00Z"))}, nil
	}
	return service.Verdict{Report: exampleReport(), Lifecycle: service.StateIssued, Hidden: f.hidden}, nil
}
func (f *fake) VerifyFiles(_ context.Context, files []service.Upload, source string) (service.Verdict, error) {
	if !f.noCopy {
		f.mu.Lock()
		f.verified = files
		f.mu.Unlock()
	}
	return service.Verdict{Report: exampleReport()}, nil
}
func (f *fake) VerifyCredential(ctx context.Context, b []byte, source string) (service.Verdict, bool, error) {
	if _, err := strictjson.Parse(b, strictjson.Limits{}); err != nil || bytes.Contains(b, []byte("plain:no")) {
		return service.Verdict{}, false, nil
	}
	v, err := f.VerifyFiles(ctx, []service.Upload{{Bytes: b}}, source)
	return v, true, err
}
func (f *fake) VerifyHash(_ context.Context, alg string, digest []byte, source string) (service.Verdict, error) {
	f.note(alg + " " + hex.EncodeToString(digest))
	return service.Verdict{Report: verifier.NewNotFound(*at("2026-05-10T10:00:00Z"))}, nil
}
func (f *fake) Verifications(_ context.Context, c service.Caller, p service.Page) (service.List[service.Verification], error) {
	return some(c, exampleVerification)
}
func (f *fake) PublicCredential(context.Context, string) (service.PublicView, error) {
	return service.PublicView{}, service.ErrNotFound
}
func (f *fake) PublicArtifact(_ context.Context, id, name string) (service.File, error) {
	if id != examplePublic || name != "svg" && name != "vc" {
		return service.File{}, service.ErrNotFound
	}
	if name == "svg" {
		return testFile("b.svg", "image/svg+xml", "<svg/>"), nil
	}
	return testFile("c.json", "application/vc", `{"a":  1}`), nil
}
func (f *fake) PublicPortfolio(context.Context, string) (service.PublicPortfolioView, error) {
	return service.PublicPortfolioView{}, service.ErrNotFound
}
func (f *fake) StatusList(_ context.Context, id string) (service.File, time.Duration, error) {
	if id != "7" && id != "7/suspension" {
		return service.File{}, 0, service.NotFound("status-list")
	}
	return testFile("", "application/vc", `{"list":7}`), 90 * time.Second, nil
}
func (f *fake) DIDDocument(_ context.Context, path string) (service.File, error) {
	f.note(path)
	if strings.Contains(path, "none") {
		return service.File{}, service.NotFound("issuer")
	}
	return testFile("", "application/did+json", `{"id":"did:web:x"}`), nil
}
func (f *fake) JWKS(_ context.Context, path string) (service.File, error) {
	return testFile("", "application/jwk-set+json", `{"keys":[]}`), nil
}
func (f *fake) Schema(_ context.Context, id string) (service.File, error) {
	return testFile("", "application/schema+json", `{"type":"object"}`), nil
}

var clockTime = *at("2026-05-10T10:00:00Z")

func fakeConfig(f *fake) Config {
	return Config{Keys: f, Issuers: f, Types: f, Credentials: f, Verifying: f, Public: f, Batches: f, Stamps: f, Documents: f, Webhooks: f, Portfolios: f, Registry: f,
		BaseURL: exampleHost, Version: "1.2.3", Clock: func() time.Time { return clockTime }}
}

// start makes a handler over a fake; change may alter its configuration.
func start(t testing.TB, changes ...func(*Config)) (*api, *fake) {
	t.Helper()
	f := &fake{calls: map[string]int{}}
	c := fakeConfig(f)
	for _, change := range changes {
		change(&c)
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h.(*api), f
}

// ask sends a request; headers are pairs.
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(body))
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func bearerA(more ...string) []string {
	return append([]string{"Authorization", "Bearer " + keyA}, more...)
}

func jsonA(more ...string) []string {
	return bearerA(append([]string{"Content-Type", jsonType}, more...)...)
}
