package client

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"

	"github.com/chancery-dev/chancery/internal/service"
)

// CreateStamps has hashes anchored.
func (c *Client) CreateStamps(ctx context.Context, in []service.NewStamp, k Key) ([]service.Stamp, error) {
	return sendJSON[[]service.Stamp](ctx, c, http.MethodPost, at("stamps"), map[string]any{"hashes": in}, k)
}

// GetStamp tells how far a stamp has come.
func (c *Client) GetStamp(ctx context.Context, id string) (service.Stamp, error) {
	return get[service.Stamp](ctx, c, at("stamps", id))
}

// StampProof reads the evidence: the file, or its JSON view. Before it is there, the
// error's RetryAfter says when to ask again.
func (c *Client) StampProof(ctx context.Context, id string, json bool) (service.File, error) {
	accept := "application/cbor"
	if json {
		accept = "application/json"
	}
	return c.file(ctx, at("stamps", id, "proof"), accept)
}

// GetAnchor reads a batch of stamps on its chain.
func (c *Client) GetAnchor(ctx context.Context, number int64) (service.Anchor, error) {
	return get[service.Anchor](ctx, c, at("anchors", strconv.FormatInt(number, 10)))
}

// AddDocuments uploads files; the same content is the same document.
func (c *Client) AddDocuments(ctx context.Context, files []service.Upload, k Key) ([]service.Document, error) {
	b, err := upload("files[]", files)
	if err != nil {
		return nil, err
	}
	e, _, err := bare[envelope[[]service.Document]](ctx, c, http.MethodPost, at("documents"), nil, b, k)
	return e.Data, err
}

// GetDocument reads a document and its signatures.
func (c *Client) GetDocument(ctx context.Context, id string) (service.Document, error) {
	return get[service.Document](ctx, c, at("documents", id))
}

// DocumentFile reads the file as it is now.
func (c *Client) DocumentFile(ctx context.Context, id string) (service.File, error) {
	return c.file(ctx, at("documents", id, "file"), "*/*")
}

// DeleteDocument removes a document to which no credential is bound, with its signatures.
func (c *Client) DeleteDocument(ctx context.Context, id string) error {
	return c.none(ctx, http.MethodDelete, at("documents", id), nil)
}

// AddSignature asks for a signature.
func (c *Client) AddSignature(ctx context.Context, id string, in service.NewSignature, k Key) (service.Signature, error) {
	return sendJSON[service.Signature](ctx, c, http.MethodPost, at("documents", id, "signatures"), in, k)
}

// CompleteSignature ends a remote signature.
func (c *Client) CompleteSignature(ctx context.Context, id, signature string, value []byte) (service.Signature, error) {
	return sendJSON[service.Signature](ctx, c, http.MethodPost, at("documents", id, "signatures", signature, "complete"), map[string]any{"value": base64.StdEncoding.EncodeToString(value)}, "")
}

// WithdrawSignature ends an invitation, or a remote signature that was not ended.
func (c *Client) WithdrawSignature(ctx context.Context, id, signature string) error {
	return c.none(ctx, http.MethodDelete, at("documents", id, "signatures", signature), nil)
}

// CreateWebhook registers an endpoint; its SigningSecret is not shown again.
func (c *Client) CreateWebhook(ctx context.Context, in service.NewWebhook, k Key) (service.Webhook, error) {
	return sendJSON[service.Webhook](ctx, c, http.MethodPost, at("webhooks"), in, k)
}

// ListWebhooks lists endpoints.
func (c *Client) ListWebhooks(ctx context.Context, p service.Page) (service.List[service.Webhook], error) {
	return list[service.Webhook](ctx, c, at("webhooks"), nil, p)
}

// GetWebhook reads an endpoint.
func (c *Client) GetWebhook(ctx context.Context, id string) (service.Webhook, error) {
	return get[service.Webhook](ctx, c, at("webhooks", id))
}

// ChangeWebhook changes an endpoint.
func (c *Client) ChangeWebhook(ctx context.Context, id string, in service.WebhookChange) (service.Webhook, error) {
	return sendJSON[service.Webhook](ctx, c, http.MethodPatch, at("webhooks", id), in, "")
}

// DeleteWebhook removes an endpoint.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.none(ctx, http.MethodDelete, at("webhooks", id), nil)
}

// RotateSecret gives an endpoint a new secret.
func (c *Client) RotateSecret(ctx context.Context, id string, k Key) (service.Webhook, error) {
	return sendJSON[service.Webhook](ctx, c, http.MethodPost, at("webhooks", id, "rotate-secret"), nil, k)
}

// Deliveries lists what was sent to an endpoint.
func (c *Client) Deliveries(ctx context.Context, id string, p service.Page) (service.List[service.Delivery], error) {
	return list[service.Delivery](ctx, c, at("webhooks", id, "deliveries"), nil, p)
}

// Replay delivers once more.
func (c *Client) Replay(ctx context.Context, delivery string) (service.Delivery, error) {
	return sendJSON[service.Delivery](ctx, c, http.MethodPost, at("webhooks", "deliveries", delivery, "replay"), nil, "")
}

// GetPortfolio reads a portfolio.
func (c *Client) GetPortfolio(ctx context.Context, slug string) (service.Portfolio, error) {
	return get[service.Portfolio](ctx, c, at("portfolios", slug))
}

// PutPortfolio makes or replaces a portfolio.
func (c *Client) PutPortfolio(ctx context.Context, slug string, in service.PortfolioInput) (service.Portfolio, error) {
	return sendJSON[service.Portfolio](ctx, c, http.MethodPut, at("portfolios", slug), in, "")
}

// Audit reads the audit log.
func (c *Client) Audit(ctx context.Context, p service.Page) (service.List[service.AuditLine], error) {
	return list[service.AuditLine](ctx, c, at("audit"), nil, p)
}

// Export writes a ZIP of everything.
func (c *Client) Export(ctx context.Context, w io.Writer) error {
	return c.download(ctx, at("export"), w)
}

// Erase erases a person.
func (c *Client) Erase(ctx context.Context, subject string) (service.Erasure, error) {
	return sendJSON[service.Erasure](ctx, c, http.MethodDelete, at("subjects", subject), nil, "")
}
