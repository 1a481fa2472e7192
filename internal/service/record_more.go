package service

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// StoredStamp is the body of a KindStamp record. Its id is that of the item in the
// scope's anchor store.
type StoredStamp struct {
	Type       string            `json:"type"` // of the evidence's subject
	Alg        string            `json:"alg"`
	Value      string            `json:"value"`                // hex of the digest
	Salt       string            `json:"salt,omitempty"`       // hex; the caller's own, until the anchor store has it
	Credential string            `json:"credential,omitempty"` // id of the credential it is about
	Meta       map[string]string `json:"meta,omitempty"`
}

// StampWaiting is the Parent of stamps that the anchor store does not have yet.
const StampWaiting = "waiting"

// StampLookup is the Lookup of an environment's first stamp of a digest, by which
// verification by hash finds it: what is tried out stands in the way of nothing that counts.
func StampLookup(e Environment, alg string, digest []byte) string {
	out := alg + ":" + hex.EncodeToString(digest)
	if e != Live {
		out += ":" + string(e)
	}
	return out
}

// StoredPortfolio is the body of a KindPortfolio record. Its id and its Lookup are the slug.
type StoredPortfolio struct {
	Title   string          `json:"title"`
	Subject string          `json:"subject"`
	Public  bool            `json:"public"`
	Items   []PortfolioItem `json:"items"`
}

// StoredDocument is the body of a KindDocument record. Digest is that of the file as it
// was uploaded, and File that of the newest form, with the signatures made since: both
// are in the Blobs, and held (HoldBlob) by this document.
type StoredDocument struct {
	Name      string `json:"name"`
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	File      string `json:"file"`
	FileSize  int64  `json:"fileSize"`
	// Earlier are the forms between the two.
	Earlier []string `json:"earlier,omitempty"`
}

// blobOwners is the body of the record, in the scope of the installation, that says who
// needs a file: the same content may belong to several institutions.
type blobOwners struct {
	Owners []string `json:"owners"`
}

func blobRecord(digest string) string { return "blob/" + digest }

func blobOwner(s Scope, owner string) string {
	return s.Tenant + "/" + string(s.Environment) + "/" + owner
}

// HoldBlob notes that something of a scope, such as "document/<id>", needs a file.
func HoldBlob(ctx context.Context, tx Tx, s Scope, now time.Time, digest, owner string) error {
	r, held, err := Get[blobOwners](ctx, tx, Scope{}, KindSetting, blobRecord(digest))
	if errors.Is(err, ErrNotFound) {
		r = Record{Kind: KindSetting, ID: blobRecord(digest), Created: now}
	} else if err != nil {
		return err
	}
	name := blobOwner(s, owner)
	if slices.Contains(held.Owners, name) {
		return nil
	}
	held.Owners = append(held.Owners, name)
	r.Updated = now
	return Put(ctx, tx, Scope{}, r, held)
}

// ReleaseBlob takes the note back, and reports whether nobody needs the file any more:
// it is then deleted once the transaction is committed.
func ReleaseBlob(ctx context.Context, tx Tx, s Scope, now time.Time, digest, owner string) (last bool, err error) {
	r, held, err := Get[blobOwners](ctx, tx, Scope{}, KindSetting, blobRecord(digest))
	if errors.Is(err, ErrNotFound) {
		return unused(ctx, tx, digest)
	}
	if err != nil {
		return false, err
	}
	name := blobOwner(s, owner)
	held.Owners = slices.DeleteFunc(held.Owners, func(o string) bool { return o == name })
	if len(held.Owners) != 0 {
		r.Updated = now
		return false, Put(ctx, tx, Scope{}, r, held)
	}
	if err := tx.Delete(ctx, Scope{}, KindSetting, r.ID); err != nil {
		return false, err
	}
	return unused(ctx, tx, digest)
}

// unused reports whether no credential has the file among its artefacts, and no badge as
// its picture.
func unused(ctx context.Context, tx Tx, digest string) (bool, error) {
	if _, err := tx.Get(ctx, Scope{}, KindSetting, pictureRecord(digest)); !errors.Is(err, ErrNotFound) {
		return false, err
	}
	_, _, err := tx.DigestCredential(ctx, digest)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return false, err
}

// EncodeArgs writes the Args of a job.
func EncodeArgs(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }
