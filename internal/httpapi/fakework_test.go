package httpapi

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func (f *fake) CreateBatch(_ context.Context, c service.Caller, in service.NewBatch, next func() (service.ItemInput, error), i service.Idempotency) (service.Result[service.Batch], error) {
	f.note(in, i)
	f.rows, f.rowErr = nil, nil
	for {
		item, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			f.rowErr = err
			return service.Result[service.Batch]{}, err
		}
		f.rows = append(f.rows, item)
	}
	return made(exampleBatch)
}

func (f *fake) ListBatches(_ context.Context, c service.Caller, p service.Page) (service.List[service.Batch], error) {
	return some(c, exampleBatch)
}

func (f *fake) GetBatch(_ context.Context, c service.Caller, id string) (service.Batch, error) {
	return own(c, "batch", exampleBatch)
}

func (f *fake) BatchItems(_ context.Context, c service.Caller, id, state string, p service.Page) (service.List[service.BatchItem], error) {
	if _, err := own(c, "batch", 0); err != nil {
		return service.List[service.BatchItem]{}, err
	}
	return some(c, exampleBatchItem)
}

func (f *fake) ResumeBatch(_ context.Context, c service.Caller, id string) (service.Batch, error) {
	return own(c, "batch", exampleBatch)
}

func (f *fake) WriteBatch(_ context.Context, c service.Caller, id string, w io.Writer) error {
	if _, err := own(c, "batch", 0); err != nil {
		return err
	}
	io.WriteString(w, "PK")
	if f.err != nil {
		return f.err
	}
	return nil
}

func (f *fake) CreateStamps(_ context.Context, c service.Caller, in []service.NewStamp, i service.Idempotency) (service.Result[[]service.Stamp], error) {
	f.note(in, i)
	return made([]service.Stamp{exampleStamp})
}

func (f *fake) GetStamp(_ context.Context, c service.Caller, id string) (service.Stamp, error) {
	return own(c, "stamp", exampleStamp)
}

func (f *fake) StampProof(_ context.Context, c service.Caller, id string, asJSON bool) (service.File, error) {
	if id == "pending" {
		return service.File{}, &service.Error{Code: service.CodeState, Detail: "not anchored yet", RetryAfter: 90 * time.Second}
	}
	if asJSON {
		return own(c, "stamp", testFile("p.json", "application/json", `{"version":1}`))
	}
	return own(c, "stamp", testFile("p.cbor", cborType, "\xa1"))
}

func (f *fake) GetAnchor(_ context.Context, c service.Caller, n int64) (service.Anchor, error) {
	return own(c, "anchor", exampleAnchor)
}

func (f *fake) CheckDocument(service.Upload) error { return nil }

func (f *fake) AddDocument(_ context.Context, c service.Caller, u service.Upload, i service.Idempotency) (service.Result[service.Document], error) {
	f.note(u, i)
	return made(exampleDocument)
}

func (f *fake) GetDocument(_ context.Context, c service.Caller, id string) (service.Document, error) {
	return own(c, "document", exampleDocument)
}

func (f *fake) DocumentFile(_ context.Context, c service.Caller, id string) (service.File, error) {
	return own(c, "document", testFile("d.pdf", "application/pdf", "%PDF"))
}

func (f *fake) DeleteDocument(_ context.Context, c service.Caller, id string) error {
	_, err := own(c, "document", id)
	return err
}

func (f *fake) AddSignature(_ context.Context, c service.Caller, id string, in service.NewSignature, i service.Idempotency) (service.Result[service.Signature], error) {
	f.note(in, i)
	s, err := own(c, "document", exampleSignature)
	return service.Result[service.Signature]{Value: s, Created: true}, err
}

func (f *fake) CompleteSignature(_ context.Context, c service.Caller, id, sig string, v []byte) (service.Signature, error) {
	f.note(v)
	return own(c, "signature", exampleSignature)
}

func (f *fake) WithdrawSignature(_ context.Context, c service.Caller, id, sig string) error {
	_, err := own(c, "signature", sig)
	return err
}

func (f *fake) Invitation(_ context.Context, token string) (service.Invited, error) {
	if token != "good" {
		return service.Invited{}, service.NotFound("invitation")
	}
	return service.Invited{Document: exampleDocument, Signature: exampleSignature, Issuer: "Academy", File: testFile("d.pdf", "application/pdf", "%PDF")}, nil
}

func (f *fake) Sign(_ context.Context, token string, u service.Upload) (service.Signature, error) {
	f.note(u)
	if token != "good" {
		return service.Signature{}, service.NotFound("invitation")
	}
	return exampleSignature, nil
}

func (f *fake) Decline(_ context.Context, token, reason string) error {
	f.note(reason)
	if token != "good" {
		return service.NotFound("invitation")
	}
	return nil
}

func (f *fake) CreateWebhook(_ context.Context, c service.Caller, in service.NewWebhook, i service.Idempotency) (service.Result[service.Webhook], error) {
	f.note(in, i)
	return made(withSigning(exampleWebhook))
}

func (f *fake) ListWebhooks(_ context.Context, c service.Caller, p service.Page) (service.List[service.Webhook], error) {
	return some(c, exampleWebhook)
}

func (f *fake) GetWebhook(_ context.Context, c service.Caller, id string) (service.Webhook, error) {
	return own(c, "webhook", exampleWebhook)
}

func (f *fake) ChangeWebhook(_ context.Context, c service.Caller, id string, in service.WebhookChange) (service.Webhook, error) {
	f.note(in)
	return own(c, "webhook", exampleWebhook)
}

func (f *fake) DeleteWebhook(_ context.Context, c service.Caller, id string) error {
	_, err := own(c, "webhook", 0)
	return err
}

func (f *fake) RotateSecret(_ context.Context, c service.Caller, id string, i service.Idempotency) (service.Result[service.Webhook], error) {
	return changed(c, "webhook", withSigning(exampleWebhook))
}

func (f *fake) Deliveries(_ context.Context, c service.Caller, id string, p service.Page) (service.List[service.Delivery], error) {
	if _, err := own(c, "webhook", 0); err != nil {
		return service.List[service.Delivery]{}, err
	}
	return some(c, exampleDelivery)
}

func (f *fake) Replay(_ context.Context, c service.Caller, id string) (service.Delivery, error) {
	return own(c, "delivery", exampleDelivery)
}

func (f *fake) GetPortfolio(_ context.Context, c service.Caller, slug string) (service.Portfolio, error) {
	return own(c, "portfolio", examplePortfolio)
}

func (f *fake) PutPortfolio(_ context.Context, c service.Caller, slug string, in service.PortfolioInput) (service.Portfolio, error) {
	f.note(in)
	return own(c, "portfolio", examplePortfolio)
}

func (f *fake) Audit(_ context.Context, c service.Caller, p service.Page) (service.List[service.AuditLine], error) {
	return some(c, exampleAudit)
}

func (f *fake) Export(_ context.Context, c service.Caller, w io.Writer) error {
	_, err := io.WriteString(w, "PK")
	return err
}

func (f *fake) Erase(_ context.Context, c service.Caller, subject string) (service.Erasure, error) {
	e := exampleErasure
	e.Kept = nil // which is told by the API
	return own(c, "subject", e)
}
