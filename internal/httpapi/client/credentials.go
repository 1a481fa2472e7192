package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/httpapi/verdict"
	"github.com/chancery-dev/chancery/internal/service"
)

// Issue issues a credential.
func (c *Client) Issue(ctx context.Context, in service.NewCredential, k Key) (service.Credential, error) {
	return sendJSON[service.Credential](ctx, c, http.MethodPost, at("credentials"), in, k)
}

// ListCredentials lists credentials.
func (c *Client) ListCredentials(ctx context.Context, f service.CredentialFilter, p service.Page) (service.List[service.Credential], error) {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("type", f.Type)
	set("state", string(f.State))
	set("recipientEmail", f.RecipientEmail)
	set("recipientName", f.RecipientName)
	set("batchId", f.BatchID)
	if f.ClaimKey != "" {
		q.Set("claim."+f.ClaimKey, f.ClaimValue)
	}
	if !f.IssuedAfter.IsZero() {
		q.Set("issuedAfter", f.IssuedAfter.UTC().Format(time.RFC3339Nano))
	}
	if !f.IssuedBefore.IsZero() {
		q.Set("issuedBefore", f.IssuedBefore.UTC().Format(time.RFC3339Nano))
	}
	if f.Oldest {
		q.Set("sort", "issuedAt")
	}
	return list[service.Credential](ctx, c, at("credentials"), q, p)
}

// GetCredential reads a credential.
func (c *Client) GetCredential(ctx context.Context, id string) (service.Credential, error) {
	return get[service.Credential](ctx, c, at("credentials", id))
}

// ChangeDraft changes a draft.
func (c *Client) ChangeDraft(ctx context.Context, id string, in service.DraftChange) (service.Credential, error) {
	return sendJSON[service.Credential](ctx, c, http.MethodPatch, at("credentials", id), in, "")
}

// DeleteDraft deletes a draft.
func (c *Client) DeleteDraft(ctx context.Context, id string) error {
	return c.none(ctx, http.MethodDelete, at("credentials", id), nil)
}

// Artifact reads a file of a credential: vc, vc.jwt, pdf, png, svg or evidence.
func (c *Client) Artifact(ctx context.Context, id, name string) (service.File, error) {
	return c.file(ctx, at("credentials", id, "artifacts", name), "*/*")
}

func (c *Client) action(ctx context.Context, id, name string, in any, k Key) (service.Credential, error) {
	return sendJSON[service.Credential](ctx, c, http.MethodPost, at("credentials", id, name), in, k)
}

type reason struct {
	Reason string `json:"reason,omitempty"`
}

// Publish publishes a draft.
func (c *Client) Publish(ctx context.Context, id string, k Key) (service.Credential, error) {
	return c.action(ctx, id, "publish", nil, k)
}

// Revoke revokes a credential; when it returns, the new status list is published.
func (c *Client) Revoke(ctx context.Context, id, why string, k Key) (service.Credential, error) {
	return c.action(ctx, id, "revoke", reason{why}, k)
}

// Suspend suspends a credential until Reinstate.
func (c *Client) Suspend(ctx context.Context, id, why string, k Key) (service.Credential, error) {
	return c.action(ctx, id, "suspend", reason{why}, k)
}

// Reinstate ends a suspension.
func (c *Client) Reinstate(ctx context.Context, id, why string, k Key) (service.Credential, error) {
	return c.action(ctx, id, "reinstate", reason{why}, k)
}

// SetExpiry sets the end of a credential; nil: for ever.
func (c *Client) SetExpiry(ctx context.Context, id string, until *time.Time, k Key) (service.Credential, error) {
	return c.action(ctx, id, "expiry", struct {
		ValidUntil *time.Time `json:"validUntil"`
	}{until}, k)
}

// Supersede issues a credential in place of another.
func (c *Client) Supersede(ctx context.Context, id string, in service.NewCredential, k Key) (service.Credential, error) {
	return c.action(ctx, id, "supersede", in, k)
}

// Send mails the recipient (again).
func (c *Client) Send(ctx context.Context, id string, k Key) (service.Credential, error) {
	return c.action(ctx, id, "send", nil, k)
}

// VerifyID judges a stored credential. An id that is not known is a verdict, too:
// indeterminate, not_found.
func (c *Client) VerifyID(ctx context.Context, publicID string) (verdict.Verdict, error) {
	return get[verdict.Verdict](ctx, c, at("verify", publicID))
}

// VerifyCredential judges a credential, by its exact bytes.
func (c *Client) VerifyCredential(ctx context.Context, credential []byte) (verdict.Verdict, error) {
	if !jsontext.Value(credential).IsValid() {
		return verdict.Verdict{}, fmt.Errorf("client: a credential is JSON; use VerifyFiles for others")
	}
	text := io.MultiReader(strings.NewReader(`{"credential":`), bytes.NewReader(credential), strings.NewReader("}"))
	e, _, err := bare[envelope[verdict.Verdict]](ctx, c, http.MethodPost, at("verify"), nil, &body{"application/json", text}, "")
	return e.Data, err
}

// VerifyHash looks a digest up; value is hex or base64.
func (c *Client) VerifyHash(ctx context.Context, alg, value string) (verdict.Verdict, error) {
	return sendJSON[verdict.Verdict](ctx, c, http.MethodPost, at("verify"), map[string]any{"hash": service.DigestValue{Alg: alg, Value: value}}, "")
}

// VerifyFiles judges a file; further ones are what the first needs.
func (c *Client) VerifyFiles(ctx context.Context, files ...service.Upload) (verdict.Verdict, error) {
	b, err := upload("file", files)
	if err != nil {
		return verdict.Verdict{}, err
	}
	e, _, err := bare[envelope[verdict.Verdict]](ctx, c, http.MethodPost, at("verify"), nil, b, "")
	return e.Data, err
}

// Verifications reads the verification log.
func (c *Client) Verifications(ctx context.Context, p service.Page) (service.List[service.Verification], error) {
	return list[service.Verification](ctx, c, at("verifications"), nil, p)
}

func upload(name string, files []service.Upload) (*body, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i, f := range files {
		if i > 0 {
			name = "files[]"
		}
		part, err := w.CreateFormFile(name, f.Name)
		if err != nil {
			return nil, err
		}
		part.Write(f.Bytes)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return &body{w.FormDataContentType(), &b}, nil
}

// CreateBatch issues many credentials. Of a dry run use CheckBatch.
func (c *Client) CreateBatch(ctx context.Context, in service.NewBatch, k Key) (service.Batch, error) {
	in.DryRun = false
	return sendJSON[service.Batch](ctx, c, http.MethodPost, at("batches"), in, k)
}

// CheckBatch checks every row and issues nothing.
func (c *Client) CheckBatch(ctx context.Context, in service.NewBatch) (service.Validation, error) {
	in.DryRun = true
	return sendJSON[service.Validation](ctx, c, http.MethodPost, at("batches"), in, "")
}

// StreamBatch issues the rows of r, which is text/csv or application/x-ndjson. in says the
// rest; its Items are not used.
func (c *Client) StreamBatch(ctx context.Context, in service.NewBatch, mediaType string, r io.Reader, k Key) (service.Batch, error) {
	q := url.Values{"type": {in.Type}}
	for name, v := range map[string]string{"name": in.Name, "mode": in.Mode, "outputs": strings.Join(in.Outputs, ",")} {
		if v != "" {
			q.Set(name, v)
		}
	}
	for name, v := range map[string]*bool{"publish": in.Publish, "anchor": in.Anchor, "notify": &in.Notify} {
		if v != nil {
			q.Set(name, strconv.FormatBool(*v))
		}
	}
	e, _, err := bare[envelope[service.Batch]](ctx, c, http.MethodPost, at("batches"), q, &body{mediaType, r}, k)
	return e.Data, err
}

// ListBatches lists batches.
func (c *Client) ListBatches(ctx context.Context, p service.Page) (service.List[service.Batch], error) {
	return list[service.Batch](ctx, c, at("batches"), nil, p)
}

// GetBatch reads a batch.
func (c *Client) GetBatch(ctx context.Context, id string) (service.Batch, error) {
	return get[service.Batch](ctx, c, at("batches", id))
}

// BatchItems lists rows of a state, "" for all.
func (c *Client) BatchItems(ctx context.Context, id, state string, p service.Page) (service.List[service.BatchItem], error) {
	q := url.Values{}
	if state != "" {
		q.Set("state", state)
	}
	return list[service.BatchItem](ctx, c, at("batches", id, "items"), q, p)
}

// ResumeBatch goes on after a fault.
func (c *Client) ResumeBatch(ctx context.Context, id string) (service.Batch, error) {
	return sendJSON[service.Batch](ctx, c, http.MethodPost, at("batches", id, "resume"), nil, "")
}

// WriteBatch writes the ZIP of all that was issued.
func (c *Client) WriteBatch(ctx context.Context, id string, w io.Writer) error {
	return c.download(ctx, at("batches", id, "results"), w)
}
