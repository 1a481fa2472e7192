package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/httpapi/client"
	"github.com/chancery-dev/chancery/internal/service"
)

// syncBuffer is a log that several requests write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestClient calls every operation of the product plane through the client, and compares
// what it answers with what the use case did.
func TestClient(t *testing.T) {
	var log syncBuffer
	a, f := start(t, func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	s := httptest.NewServer(a)
	defer s.Close()
	c := &client.Client{BaseURL: s.URL, Token: keyA, Tenant: "tenant-a", HTTP: s.Client()}
	ctx := context.Background()
	p := service.Page{Limit: 2, WithTotal: true}
	file := service.Upload{Name: "d.pdf", Bytes: []byte("%PDF")}
	var zip, export bytes.Buffer
	until := clockTime

	same := func(name string, want any) func(got any, err error) {
		return func(got any, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			g, _ := json.Marshal(got, answerJSON)
			w, _ := json.Marshal(want, answerJSON)
			if !bytes.Equal(g, w) {
				t.Errorf("%s:\n%s\nwant\n%s", name, g, w)
			}
		}
	}
	draft := exampleCredential
	draft.State, draft.IssuedAt, draft.Digest, draft.Anchor, draft.Notify = service.StateDraft, nil, nil, nil, nil
	draft.Claims, draft.Artifacts = map[string]any{}, map[string]service.Artifact{}
	me := exampleMe
	me.Tenant.ID = "tenant-a"
	longType := exampleType
	longType.Fields = append(append([]service.Field{}, exampleFields...), service.Field{Key: "hours", Type: "number"}, service.Field{Key: "passed", Type: "boolean"})

	same("me", me)(any2(c.Me(ctx)))
	same("create key", withSecret(exampleKey))(any2(c.CreateKey(ctx, exampleNewKey, "k")))
	if f.idem.Key != "k" || !reflect.DeepEqual(f.last, exampleNewKey) {
		t.Errorf("the use case got %+v %+v", f.last, f.idem)
	}
	l, err := c.ListKeys(ctx, p)
	if err != nil || len(l.Items) != 1 || l.Next != "next" || l.Total != 2 || f.last != p {
		t.Errorf("list: %+v %v, asked %+v", l, err, f.last)
	}
	same("get key", exampleKey)(any2(c.GetKey(ctx, "x")))
	same("change key", exampleKey)(any2(c.ChangeKey(ctx, "x", service.KeyChange{Enabled: ptr(false)})))
	if got := f.last.(service.KeyChange); got.Enabled == nil || *got.Enabled || got.Name != nil {
		t.Errorf("a false that was said is lost: %+v", got)
	}
	same("revoke key", nil)(nil, c.RevokeKey(ctx, "x"))
	same("create issuer", exampleIssuer)(any2(c.CreateIssuer(ctx, exampleNewIssuer, "")))
	same("list issuers", exampleIssuer)(first(c.ListIssuers(ctx, p)))
	same("get issuer", exampleIssuer)(any2(c.GetIssuer(ctx, "x")))
	same("rotate key", exampleIssuer)(any2(c.RotateKey(ctx, "x", service.RotateKey{}, "")))
	same("create type", exampleType)(any2(c.CreateType(ctx, exampleNewType, "")))
	if !reflect.DeepEqual(f.last, exampleNewType) {
		t.Errorf("type: %+v", f.last)
	}
	same("list types", exampleType)(first(c.ListTypes(ctx, p)))
	same("get type", longType)(any2(c.GetType(ctx, "starter/classic")))
	same("change type", exampleType)(any2(c.ChangeType(ctx, "x", service.NewType{Active: ptr(false)})))
	same("input fields", exampleInputFields)(any2(c.InputFields(ctx, "x")))
	same("validate", service.Validation{Valid: true})(any2(c.Validate(ctx, "x", exampleItem)))
	png, err := c.Preview(ctx, "x", nil)
	same("preview", "PNG")(string(png.Bytes), err)
	_, err = c.Preview(ctx, "x", &exampleItem)
	same("preview of an item", nil)(nil, err)
	same("issue", exampleCredential)(any2(c.Issue(ctx, exampleNewCredential, "")))
	if !reflect.DeepEqual(f.last, exampleNewCredential) {
		t.Errorf("issue: %+v", f.last)
	}
	filter := service.CredentialFilter{Type: "t", RecipientEmail: "a+b@c.example", ClaimKey: "k", ClaimValue: "v&w", IssuedAfter: clockTime, Oldest: true, State: service.StateRevoked}
	same("list credentials", exampleCredential)(first(c.ListCredentials(ctx, filter, p)))
	if !reflect.DeepEqual(f.last, []any{filter, p}) {
		t.Errorf("filter: %+v", f.last)
	}
	same("get credential", exampleCredential)(any2(c.GetCredential(ctx, "x y/z")))
	same("change draft", draft)(any2(c.ChangeDraft(ctx, "x", service.DraftChange{Notify: ptr(false)})))
	same("delete draft", nil)(nil, c.DeleteDraft(ctx, "x"))
	vc, err := c.Artifact(ctx, "x", "vc")
	same("artifact", testFile("", "application/vc", `{"a":  1}`))(vc, err)
	same("publish", revokedExample())(any2(c.Publish(ctx, "x", "")))
	same("revoke", revokedExample())(any2(c.Revoke(ctx, "x", "why", "k")))
	if f.last != "why" {
		t.Errorf("reason: %v", f.last)
	}
	same("suspend", revokedExample())(any2(c.Suspend(ctx, "x", "why", "")))
	same("reinstate", revokedExample())(any2(c.Reinstate(ctx, "x", "why", "")))
	same("expiry", revokedExample())(any2(c.SetExpiry(ctx, "x", &until, "")))
	same("no expiry", revokedExample())(any2(c.SetExpiry(ctx, "x", nil, "")))
	if got := f.last.(*time.Time); got != nil {
		t.Errorf("expiry: %v", got)
	}
	same("supersede", revokedExample())(any2(c.Supersede(ctx, "x", exampleNewCredential, "")))
	same("send", revokedExample())(any2(c.Send(ctx, "x", "")))
	same("check batch", service.Validation{Valid: true})(any2(c.CheckBatch(ctx, exampleNewBatch)))
	same("create batch", exampleBatch)(any2(c.CreateBatch(ctx, exampleNewBatch, "k")))
	same("stream batch", exampleBatch)(any2(c.StreamBatch(ctx, service.NewBatch{Type: "t", Publish: ptr(false), Outputs: []string{"vc"}}, csvType, strings.NewReader("recipient.name\nAina\n"), "")))
	if len(f.rows) != 1 || f.rows[0].Recipient.Name != "Aina" {
		t.Errorf("rows: %+v", f.rows)
	}
	same("list batches", exampleBatch)(first(c.ListBatches(ctx, p)))
	same("get batch", exampleBatch)(any2(c.GetBatch(ctx, "x")))
	same("batch items", exampleBatchItem)(first(c.BatchItems(ctx, "x", "failed", p)))
	same("resume", exampleBatch)(any2(c.ResumeBatch(ctx, "x")))
	same("results", nil)(nil, c.WriteBatch(ctx, "x", &zip))
	same("verify id", exampleVerdict())(any2(c.VerifyID(ctx, examplePublic)))
	_, err = c.VerifyCredential(ctx, []byte(`{"a" : 1}`))
	same("verify", `{"a" : 1}`)(string(f.verified[0].Bytes), err)
	_, err = c.VerifyFiles(ctx, file, file)
	same("verify files", []service.Upload{file, file})(f.verified, err)
	unknown, err := c.VerifyHash(ctx, "sha-256", strings.Repeat("ab", 32))
	same("verify hash", "indeterminate")(unknown.Outcome, err)
	same("verifications", exampleVerification)(first(c.Verifications(ctx, p)))
	same("stamps", []service.Stamp{exampleStamp})(any2(c.CreateStamps(ctx, []service.NewStamp{exampleNewStamp}, "")))
	same("get stamp", exampleStamp)(any2(c.GetStamp(ctx, "x")))
	proof, err := c.StampProof(ctx, "x", true)
	same("proof", `{"version":1}`)(string(proof.Bytes), err)
	same("anchor", exampleAnchor)(any2(c.GetAnchor(ctx, 88)))
	same("documents", []service.Document{exampleDocument, exampleDocument})(any2(c.AddDocuments(ctx, []service.Upload{file, file}, "k")))
	same("get document", exampleDocument)(any2(c.GetDocument(ctx, "x")))
	same("delete document", nil)(nil, c.DeleteDocument(ctx, "x"))
	pdf, err := c.DocumentFile(ctx, "x")
	same("document file", "%PDF")(string(pdf.Bytes), err)
	same("signature", exampleSignature)(any2(c.AddSignature(ctx, "x", service.NewSignature{Kind: "institutional"}, "")))
	same("complete", exampleSignature)(any2(c.CompleteSignature(ctx, "x", "y", []byte{1, 2})))
	same("withdraw", nil)(nil, c.WithdrawSignature(ctx, "x", "y"))
	same("create webhook", withSigning(exampleWebhook))(any2(c.CreateWebhook(ctx, exampleNewWebhook, "")))
	same("list webhooks", exampleWebhook)(first(c.ListWebhooks(ctx, p)))
	same("get webhook", exampleWebhook)(any2(c.GetWebhook(ctx, "x")))
	same("change webhook", exampleWebhook)(any2(c.ChangeWebhook(ctx, "x", service.WebhookChange{Events: &[]string{}})))
	same("delete webhook", nil)(nil, c.DeleteWebhook(ctx, "x"))
	same("rotate secret", withSigning(exampleWebhook))(any2(c.RotateSecret(ctx, "x", "")))
	same("deliveries", exampleDelivery)(first(c.Deliveries(ctx, "x", p)))
	same("replay", exampleDelivery)(any2(c.Replay(ctx, "x")))
	same("get portfolio", examplePortfolio)(any2(c.GetPortfolio(ctx, "x")))
	same("put portfolio", examplePortfolio)(any2(c.PutPortfolio(ctx, "x", examplePortfolioInput)))
	same("audit", exampleAudit)(first(c.Audit(ctx, p)))
	same("export", nil)(nil, c.Export(ctx, &export))
	same("erase", exampleErasure)(any2(c.Erase(ctx, "x")))
	if zip.String() != "PK" || export.String() != "PK" {
		t.Errorf("downloads %q %q", zip.String(), export.String())
	}
	tok, err := c.GetToken(ctx, "k7Q2x9AbCd", "s3cret", service.MayIssue)
	same("token", "eyJ")(tok.AccessToken, err)

	called := log.String()
	for _, o := range contractOf(t, a).operations() {
		if !strings.HasPrefix(o.path, "/v1/") || strings.HasPrefix(o.path, "/v1/invitations") {
			continue
		}
		if !strings.Contains(called, `"method":"`+o.method+`","route":"`+o.path+`"`) {
			t.Errorf("the client has no %s", o.name())
		}
	}
}

func any2[T any](v T, err error) (any, error) { return v, err }

func first[T any](l service.List[T], err error) (any, error) {
	if err != nil || len(l.Items) != 1 {
		return nil, err
	}
	return l.Items[0], nil
}

func TestClientErrors(t *testing.T) {
	a, f := start(t)
	s := httptest.NewServer(a)
	defer s.Close()
	ctx := context.Background()
	foreign := &client.Client{BaseURL: s.URL, Token: keyB, HTTP: s.Client()}
	_, err := foreign.GetCredential(ctx, "x")
	var e *client.Error
	if !errors.Is(err, service.ErrNotFound) || !errors.As(err, &e) || e.Code != "CREDENTIAL_NOT_FOUND" || e.Status != 404 || e.RequestID == "" {
		t.Errorf("foreign: %v", err)
	}
	own := &client.Client{BaseURL: s.URL, Token: keyA, HTTP: s.Client()}
	_, err = own.Issue(ctx, service.NewCredential{}, "")
	if !errors.As(err, &e) || e.Status != 422 || e.Fields["type"] == nil {
		t.Errorf("invalid: %v", err)
	}
	_, err = own.StampProof(ctx, "pending", false)
	if !errors.As(err, &e) || e.Code != service.CodeState || e.RetryAfter != 90*time.Second {
		t.Errorf("pending: %v %+v", err, e)
	}
	if _, err = own.GetToken(ctx, "x", "y"); !errors.As(err, &e) || e.Code != "invalid_client" {
		t.Errorf("token: %v", err)
	}
	f.err = errors.New("gone")
	if err = own.WriteBatch(ctx, "x", &bytes.Buffer{}); err == nil {
		t.Error("a download that is broken off is taken for whole")
	}
	small := &client.Client{BaseURL: s.URL, Token: keyA, HTTP: s.Client(), MaxAnswer: 10}
	if _, err = small.Me(ctx); err == nil {
		t.Error("an answer above the limit is taken")
	}
	redirect := httptest.NewServer(http.RedirectHandler(s.URL, http.StatusTemporaryRedirect))
	defer redirect.Close()
	elsewhere := &client.Client{BaseURL: redirect.URL, Token: keyA, HTTP: redirect.Client()}
	if _, err = elsewhere.Me(ctx); err == nil {
		t.Error("a redirect is followed with a token")
	}
	if _, err = (&client.Client{}).Me(ctx); err == nil {
		t.Error("no address is taken")
	}
	if _, err = own.VerifyCredential(ctx, []byte("{")); err == nil {
		t.Error("no JSON is sent as JSON")
	}
}
