package service

import (
	"context"
	"errors"
)

// personal is an answer that speaks of a person. What has been erased since it was kept is
// taken out of it, so that nobody learns it again by repeating a call.
type personal interface {
	forget(ctx context.Context, tx Tx, s Scope) error
}

func (c *Credential) forget(ctx context.Context, tx Tx, s Scope) error {
	stored, err := tx.Credential(ctx, s, c.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil {
		var body StoredBody
		if err := decode(stored.Body, &body); err != nil || body.Erased == nil {
			return err
		}
	}
	c.Recipient, c.Claims, c.PrivateFields, c.Reason, c.DocumentID = Recipient{}, map[string]any{}, []string{}, "", ""
	c.Artifacts, c.Notify = map[string]Artifact{}, nil
	return nil
}

func (d *Document) forget(ctx context.Context, tx Tx, s Scope) error {
	_, err := tx.Get(ctx, s, KindDocument, d.ID)
	if errors.Is(err, ErrNotFound) {
		d.Name, d.Signatures = "", []Signature{}
		return nil
	}
	for i := range d.Signatures {
		if err == nil {
			err = d.Signatures[i].forget(ctx, tx, s)
		}
	}
	return err
}

func (g *Signature) forget(ctx context.Context, tx Tx, s Scope) error {
	_, stored, err := Get[struct {
		Signer string `json:"signer"`
	}](ctx, tx, s, KindSignature, g.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if stored.Signer == "" {
		g.Signer, g.SignedBy = "", ""
	}
	return nil
}
