package document

import (
	"context"
	"errors"

	"github.com/chancery-dev/chancery/internal/service"
)

// WithdrawSignature implements service.Documents: of whoever was asked by mistake the link is
// dead at once, also where its mail is on the way.
func (d *Documents) WithdrawSignature(ctx context.Context, c service.Caller, id, signature string) error {
	if err := c.Need(service.MayDocuments); err != nil {
		return err
	}
	err := d.change(ctx, c.Scope, signature, func(tx service.Tx, h *held) error {
		switch {
		case h.Parent != id:
			return service.NotFound("signature")
		case h.State == signed:
			return &service.Error{Code: service.CodeState, Detail: "the signature was made: it stays with the document"}
		case h.State != invited && h.State != prepared:
			return nil
		}
		h.State, h.Lookup, h.Token, h.Expires = withdrawn, "", nil, nil
		h.Prepared, h.Chain, h.ToSign, h.Digest = nil, nil, "", ""
		return service.WriteAudit(ctx, tx, c, d.now(), "document.withdraw", id, map[string]any{"signature": signature})
	})
	if errors.Is(err, service.ErrNotFound) {
		err = service.NotFound("signature")
	}
	return err
}
