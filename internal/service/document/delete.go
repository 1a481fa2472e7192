package document

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// JobForget removes a file of a deleted document, if nobody needs it.
const JobForget = "document.forget"

// forgetAfter is when. Who is about to bind a credential to the document has looked at it
// already: its file is there until that is done, and then for the credential.
const forgetAfter = 10 * time.Minute

type fileArgs struct {
	Digest string `json:"digest"`
}

// DeleteDocument implements service.Documents. Links to it are dead at once.
func (d *Documents) DeleteDocument(ctx context.Context, c service.Caller, id string) error {
	if err := c.Need(service.MayDocuments); err != nil {
		return err
	}
	defer service.Scrub(d.c.Store)
	return retry(func() error {
		return d.c.Store.Update(ctx, func(tx service.Tx) error { return d.remove(ctx, tx, c, id) })
	})
}

func (d *Documents) remove(ctx context.Context, tx service.Tx, c service.Caller, id string) error {
	if err := d.alone(ctx, tx, c.Scope, id); err != nil {
		return err
	}
	_, doc, err := load(ctx, tx, c.Scope, id)
	if err != nil {
		return err
	}
	files := append([]string{doc.Digest}, doc.Earlier...)
	if doc.File != doc.Digest {
		files = append(files, doc.File)
	}
	for _, digest := range files {
		switch s, _, err := tx.DigestCredential(ctx, digest); {
		case err == nil && s == c.Scope:
			return &service.Error{Code: service.CodeState, Detail: "the document is bound to a credential, and stays as long as that does"}
		case err != nil && !errors.Is(err, service.ErrNotFound):
			return err
		}
	}
	list, err := tx.List(ctx, c.Scope, service.KindSignature, &id, service.Page{Limit: service.MaxLimit})
	if err != nil {
		return err
	}
	for _, r := range list.Items {
		if err := tx.Delete(ctx, c.Scope, service.KindSignature, r.ID); err != nil {
			return err
		}
	}
	now := d.now()
	for _, digest := range files {
		if _, err := service.ReleaseBlob(ctx, tx, c.Scope, now, digest, owner(id)); err != nil {
			return err
		}
		args, err := service.EncodeArgs(fileArgs{Digest: digest})
		if err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, service.Job{Kind: JobForget, Args: args, Key: digest, At: now.Add(forgetAfter)}); err != nil {
			return err
		}
	}
	if err := tx.Delete(ctx, c.Scope, service.KindDocument, id); err != nil {
		return err
	}
	return service.WriteAudit(ctx, tx, c, now, "document.delete", id, nil)
}

// forget is the job that removes a file unless somebody needs it: another document, of
// whatever institution, or a credential.
func (d *Documents) forget(ctx context.Context, r service.Run) error {
	var a fileArgs
	if err := json.Unmarshal(r.Args, &a); err != nil {
		return &service.GiveUp{Err: err}
	}
	if b, err := hex.DecodeString(a.Digest); err != nil || len(b) != sha256.Size {
		return &service.GiveUp{Err: errors.New("document: expected the digest of a file")}
	}
	last := false
	err := retry(func() error {
		return d.c.Store.Update(ctx, func(tx service.Tx) (err error) {
			last, err = service.ReleaseBlob(ctx, tx, service.Scope{}, d.now(), a.Digest, "nobody")
			return err
		})
	})
	if err != nil || !last {
		return err
	}
	return d.c.Blobs.Delete(ctx, a.Digest)
}
