package register

import (
	"context"
	"encoding/pem"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
)

// Bounds of the trust file of an installation: what goes beyond is left out, so that a
// verdict by it is then indeterminate and never another one.
const (
	maxTrustIssuers = 2000
	maxTrustBatches = 2000 // of one scope, the newest
)

// InstallationTrust is a trust file (docs/formats/trust.md) that names every issuer of this
// installation, test issuers too, with their keys, their status lists as they are
// published now, and the blocks that their batches of anchored digests lead to. All of it
// is public. The verify page judges by it.
func (r *Register) InstallationTrust(ctx context.Context) ([]byte, error) {
	t := trustFile{Version: 1, Issuers: []trustIssuer{}, Documents: []trustDoc{}}
	var scopes []service.Scope
	err := r.c.Store.View(ctx, func(tx service.Tx) (err error) {
		scopes, err = tx.Scopes(ctx, service.KindIssuer)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, s := range scopes {
		if err := r.trustScope(ctx, &t, s); err != nil {
			return nil, err
		}
	}
	if len(t.Issuers) == 0 {
		return nil, nil
	}
	for _, c := range r.c.TSARoots {
		t.TSARoots = append(t.TSARoots, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	return json.Marshal(t, jsontext.WithIndent("  "), json.Deterministic(true))
}

func (r *Register) trustScope(ctx context.Context, t *trustFile, s service.Scope) error {
	err := r.c.Store.View(ctx, func(tx service.Tx) error {
		for p := (service.Page{Limit: service.MaxLimit}); ; {
			list, err := tx.List(ctx, s, service.KindIssuer, nil, p)
			if err != nil {
				return err
			}
			for _, record := range list.Items {
				if len(t.Issuers) >= maxTrustIssuers {
					return nil
				}
				if err := r.trustIssuer(ctx, tx, t, s.Environment, record); err != nil {
					return err
				}
			}
			if p.Cursor = list.Next; p.Cursor == "" {
				return nil
			}
		}
	})
	if err != nil {
		return err
	}
	return r.trustBatches(ctx, t, s)
}

// trustIssuer adds an issuer with his document and lists.
func (r *Register) trustIssuer(ctx context.Context, tx service.Tx, t *trustFile, e service.Environment, record service.Record) error {
	var i service.StoredIssuer
	if err := json.Unmarshal(record.Body, &i); err != nil {
		return err
	}
	doc, err := service.IssuerDocument(i)
	if err != nil {
		return err
	}
	out := exportedIssuer{ID: record.ID, Name: i.Name, DID: i.DID}
	for _, k := range i.Keys {
		out.Keys = append(out.Keys, exportedKey{Method: k.Method, Type: k.Type, Multibase: k.Multibase, From: k.From, Until: k.Until, Compromised: k.Compromised})
	}
	for _, c := range i.Certs {
		text, err := certificates(c.Chain)
		if err != nil {
			return err
		}
		out.Certificates = append(out.Certificates, text)
	}
	if err := t.issuer(e, out, doc, r.c.Clock()); err != nil {
		return err
	}
	for _, id := range i.Lists {
		for _, purpose := range []string{"revocation", "suspension"} {
			p, err := tx.Published(ctx, id, purpose)
			if errors.Is(err, service.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			// What is published now is what is read now, whenever it was signed.
			t.document("statusList", service.StatusListURL(r.c.BaseURL, id, purpose), p.Bytes, r.c.Clock())
		}
	}
	return nil
}

// trustBatches adds the chains, accounts and final blocks of the newest batches.
func (r *Register) trustBatches(ctx context.Context, t *trustFile, s service.Scope) error {
	store := r.c.Store.Anchors(s)
	digests, err := store.Digests(ctx, 0)
	if err != nil {
		return err
	}
	for seq := max(0, len(digests)-maxTrustBatches); seq < len(digests); seq++ {
		record, err := store.Record(ctx, uint64(seq))
		if errors.Is(err, anchor.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		t.batch(record)
	}
	return nil
}
