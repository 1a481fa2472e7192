package httpapi

import (
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// The examples of the OpenAPI document are those of API.md, 7, as values: they cannot
// name a member that is not there.

func at(s string) *time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic("httpapi: example: " + err.Error())
	}
	return &t
}

const (
	exampleUUID   = "0192f0c4-7b1e-7c3a-9d52-6f0e8a1b2c3d"
	exampleID     = "CX-CLIENT-0001"
	examplePublic = "Zk3rW8qYb1nT5uVxA9cDeF"
	exampleHost   = "https://chancery.example"
	exampleDID    = "did:web:chancery.example:i:academy"
)

var pathExamples = map[string]any{
	"id": exampleUUID, "publicId": examplePublic, "name": "vc", "number": 88, "slug": "aina-rahman", "signature": exampleUUID, "token": strings.Repeat("t", 22), "code": "validation-error", "list": "7", "picture": exampleDigest + ".svg", "digest": exampleDigest,
}

var (
	exampleDigest = "b7a5c0" + strings.Repeat("0", 58)

	exampleNewKey = service.NewKey{Name: "registry server", Scopes: []service.Permission{service.MayIssue, service.MayRead, service.MayStatus}, ExpiresAt: at("2027-05-10T08:00:00Z")}
	exampleKey    = service.APIKey{ID: "k7Q2x9AbCd", Name: "registry server", Environment: service.Test, Scopes: exampleNewKey.Scopes, Enabled: true, ExpiresAt: exampleNewKey.ExpiresAt, CreatedAt: *at("2026-05-10T08:00:00Z")}
	exampleMe     = service.Me{Tenant: service.Named{ID: exampleUUID, Name: "Academy"}, Environment: service.Test, Actor: "key:k7Q2x9AbCd", Scopes: exampleNewKey.Scopes, Limits: service.Limits{RequestsPerSecond: 50, Burst: 100}}

	exampleNewIssuer = service.NewIssuer{Key: "academy", Name: "Academy", URL: "https://academy.example"}
	exampleIssuer    = service.Issuer{ID: exampleUUID, Key: "academy", Environment: service.Test, Name: "Academy", URL: "https://academy.example", DID: exampleDID, CreatedAt: *at("2026-01-01T00:00:00Z"),
		Keys: []service.IssuerKey{{ID: exampleDID + "#k1", Type: "Ed25519", PublicKey: "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2", ValidFrom: *at("2026-01-01T00:00:00Z")}}}

	exampleFields = []service.Field{
		{Key: "trainerName", Label: "Trainer", Type: "text", Required: true, Visibility: "public"},
		{Key: "identificationNo", Label: "Identification No.", Type: "text", Visibility: "private"},
	}
	exampleNewType = service.NewType{Key: "safety-training", DisplayName: "Safety Training Certificate", Kind: "certificate", Issuer: "academy", From: "starter/classic",
		Fields: exampleFields, Outputs: []string{"vc", "pdf", "badge"}, Validity: &service.Validity{Years: 1}, Anchor: ptr(true)}
	exampleType = service.Type{ID: exampleUUID, Key: "safety-training", Environment: service.Test, Version: 1, Active: true, DisplayName: "Safety Training Certificate", Kind: "certificate", Issuer: exampleUUID,
		Fields: exampleFields, Outputs: []string{"vc", "pdf", "badge"}, Validity: &service.Validity{Years: 1}, Anchor: true, CreatedAt: *at("2026-05-01T08:00:00Z"), UpdatedAt: *at("2026-05-01T08:00:00Z")}
	exampleInputFields = service.InputFields{
		Example: service.ItemInput{Recipient: service.Recipient{Name: "Aina Rahman", Email: "aina@example.com"}, Claims: map[string]any{"trainerName": "text"}, Private: map[string]any{"identificationNo": "text"}},
		Fields:  exampleFields, Schema: map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}}
	exampleItem       = service.ItemInput{Recipient: service.Recipient{Name: "Aina Rahman", Email: "aina@example.com"}, Claims: map[string]any{"trainerName": "Academy"}}
	exampleValidation = service.Validation{Errors: map[string][]string{"claims.trainerName": {"is required"}, "recipient.name": {"is required"}}}

	exampleNewCredential = service.NewCredential{Type: "safety-training", ItemInput: service.ItemInput{ID: exampleID,
		Recipient: service.Recipient{Name: "Aina Rahman", Email: "aina@example.com"}, Claims: map[string]any{"trainerName": "Academy"}, Private: map[string]any{"identificationNo": "900101-14-1234"},
		ValidFrom: at("2026-05-10T08:00:00Z"), ValidUntil: at("2027-05-10T08:00:00Z"), Visibility: "public"},
		Publish: ptr(true), Outputs: []string{"vc", "pdf", "badge"}, Anchor: ptr(true), Notify: true}
	exampleCredential = service.Credential{ID: exampleID, PublicID: examplePublic, Environment: service.Test, State: service.StateIssued, Version: 1,
		Type:   service.TypeRef{ID: exampleUUID, Key: "safety-training", DisplayName: "Safety Training Certificate", Version: 1},
		Issuer: service.Named{ID: exampleDID, Name: "Academy"}, Recipient: service.Recipient{ID: exampleUUID, Name: "Aina Rahman", Email: "aina@example.com"},
		Claims: map[string]any{"trainerName": "Academy"}, PrivateFields: []string{"identificationNo"},
		CreatedAt: *at("2026-05-10T08:00:01Z"), IssuedAt: at("2026-05-10T08:00:01Z"), ValidFrom: at("2026-05-10T08:00:00Z"), ValidUntil: at("2027-05-10T08:00:00Z"), Visibility: "public",
		Digest: &service.DigestValue{Alg: "sha-256", Value: exampleDigest}, VerificationURL: exampleHost + "/c/" + examplePublic,
		Artifacts: map[string]service.Artifact{"vc": {MediaType: "application/vc", Digest: exampleDigest, Size: 2048, URL: exampleHost + "/c/" + examplePublic + "/vc", ExpiresIn: 3600}},
		Anchor:    &service.AnchorState{State: "pending", StampID: exampleUUID}, Notify: &service.Notification{State: "queued"}}

	exampleBatch = service.Batch{ID: exampleUUID, Name: "May 2026 Safety Training", Environment: service.Test, Type: exampleCredential.Type, State: "queued",
		Counts: service.Counts{Total: 1, Queued: 1}, CreatedAt: *at("2026-05-10T08:15:27Z")}
	exampleBatchItem = service.BatchItem{Index: 0, ID: "CX-BATCH-0001", State: "issued", Credential: &service.Named{ID: "CX-BATCH-0001", Name: exampleHost + "/c/" + examplePublic}}
	exampleNewBatch  = service.NewBatch{Name: "May 2026 Safety Training", Type: "safety-training", Mode: "allOrNothing",
		Items: []service.ItemInput{{IdempotencyKey: "row-1", ID: "CX-BATCH-0001", Recipient: exampleItem.Recipient, Claims: exampleItem.Claims}}}

	exampleDocument = service.Document{ID: exampleUUID, Environment: service.Test, Name: "diploma.pdf", MediaType: "application/pdf", Size: 16384, Digest: service.DigestValue{Alg: "sha-256", Value: exampleDigest},
		Signatures: []service.Signature{}, CreatedAt: *at("2026-05-10T08:00:00Z")}
	exampleSignature = service.Signature{ID: exampleUUID, Kind: "thirdParty", State: "invited", Signer: "Aina Rahman", Expires: at("2026-06-10T08:00:00Z")}

	exampleNewStamp = service.NewStamp{Alg: "sha-256", Value: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Meta: map[string]string{"name": "contract"}}
	exampleStamp    = service.Stamp{ID: exampleUUID, Environment: service.Test, Alg: "sha-256", Value: exampleNewStamp.Value, State: "pending", CreatedAt: *at("2026-05-10T08:00:00Z")}
	exampleAnchor   = service.Anchor{Number: 88, Environment: service.Test, State: "anchored", Size: 1000, Root: exampleDigest, Digest: exampleDigest, SealedAt: *at("2026-05-10T08:10:00Z"),
		Chain: "eip155:1", Transaction: "0x" + exampleDigest, Block: 21_000_000, BlockHash: "0x" + exampleDigest, FinalAt: at("2026-05-10T08:25:00Z"), Timestamped: true}

	exampleNewWebhook = service.NewWebhook{URL: "https://client.example.com/hook", Description: "Production events", Events: []string{service.EventIssued, service.EventRevoked}}
	exampleWebhook    = service.Webhook{ID: exampleUUID, Environment: service.Test, URL: exampleNewWebhook.URL, Description: "Production events", Events: exampleNewWebhook.Events, Active: true, Algorithm: "v1", CreatedAt: *at("2026-05-10T08:15:27Z")}
	exampleDelivery   = service.Delivery{ID: "msg_" + examplePublic, Webhook: exampleUUID, Event: service.EventRevoked, State: "delivered", CreatedAt: *at("2026-05-10T09:00:00Z"),
		Attempts: []service.Attempt{{At: *at("2026-05-10T09:00:01Z"), Status: 200, LatencyMS: 42}}}

	examplePortfolioInput = service.PortfolioInput{Title: "Aina Rahman", SubjectID: exampleUUID, Public: true, Items: []service.PortfolioItem{{Credential: exampleID, Visible: true}, {Credential: "CX-CLIENT-0002"}}}
	examplePortfolio      = service.Portfolio{Slug: "aina-rahman", Environment: service.Test, PortfolioInput: examplePortfolioInput, URL: exampleHost + "/p/aina-rahman", UpdatedAt: *at("2026-05-10T08:00:00Z")}

	exampleVerification = service.Verification{At: *at("2026-05-10T10:00:00Z"), Credential: exampleID, Method: "id", Outcome: "valid", Source: "api"}
	exampleAudit        = service.AuditLine{Seq: 17, At: *at("2026-05-10T09:00:00Z"), Actor: "key:k7Q2x9AbCd", Action: "credential.revoke", Subject: exampleID, Source: "192.0.2.0/24", Request: exampleUUID, Hash: exampleDigest}
	exampleErasure      = service.Erasure{Subject: exampleUUID, Credentials: 2, Artifacts: 5, At: *at("2026-05-10T08:00:00Z"), Kept: service.KeptAfterErasure()}

	exampleVC = map[string]any{"@context": []string{"https://www.w3.org/ns/credentials/v2"}}
)

// withSecret is an example as the answer that made it shows it.
func withSecret(k service.APIKey) service.APIKey {
	k.Secret = "sk_test_k7Q2x9AbCd_…"
	return k
}

func withSigning(w service.Webhook) service.Webhook {
	w.SigningSecret = "whsec_…"
	return w
}

func revokedExample() service.Credential {
	c := exampleCredential
	c.State, c.RevokedAt, c.Reason, c.StatusList = service.StateRevoked, at("2026-05-10T09:00:00Z"), "Issued with incorrect recipient details", exampleHost+"/status/7"
	return c
}

// fileExample is an example of a file by its type: of binary ones there is none.
func fileExample(mediaType string) any {
	switch mediaType {
	case "application/vc", "application/did+json":
		return exampleVC
	case jsonType:
		return map[string]any{"version": 1}
	case "application/schema+json":
		return map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
	case "application/vnd.oai.openapi+json":
		return map[string]any{"openapi": "3.1.0"}
	case "application/did+ld+json", "application/vc+ld+json":
		return exampleVC
	case "application/ld+json":
		return map[string]any{"@context": map[string]any{}}
	case "application/jwk-set+json":
		return map[string]any{"keys": []any{}}
	case "application/vc+jwt", "application/jwt", "application/statuslist+jwt":
		return "eyJ…"
	}
	return nil
}
