// Package document keeps uploaded files and has them signed: it implements
// service.Documents.
//
//	documents, err := document.New(document.Config{Store: store, Blobs: blobs, Sealer: sealer, Signing: core, Mailer: mailer, BaseURL: …, Clock: time.Now})
//	handlers, every := documents.Jobs()
//
// A PDF is signed by the institution at once, by a remote signing service in two phases,
// or by people who are invited one after the other by single-use links: what they hand in
// must be the file they were given with their signature added to it, and nothing else.
// Files of other types are kept, and cannot be signed.
//
// Caveats. Whether a third party's certificate is trusted is not asked unless
// Config.RequireTrust is set: that it signed these bytes is. A link is a secret; only its
// SHA-256 is stored once the mail with it is sent.
package document

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
	vpades "github.com/chancery-dev/chancery/verifier/pades"
)

// Signing finds who signs for an institution.
type Signing interface {
	// PDFSigner returns the signer with key and certificate of an issuer of the scope, by
	// its id or key; "": of the only one. level is one of PAdES, "": the highest that the
	// installation's authorities allow; a level that they do not is a CodeValidation error.
	PDFSigner(ctx context.Context, s service.Scope, issuer, level string) (*pades.Signer, error)
}

// Config says what Documents works with.
type Config struct {
	// Store, Blobs, Sealer and Signing are required. The Sealer keeps links until they are
	// mailed, and what is prepared for remote signing services.
	Store   service.Store
	Blobs   service.Blobs
	Sealer  service.Sealer
	Signing Signing
	// Mailer invites third parties. Nil: inviting is refused.
	Mailer service.Mailer
	// BaseURL is the public address of the installation. Required.
	BaseURL string
	// Clock tells the time. Required.
	Clock func() time.Time
	// MaxBytes bounds a file. 0: 10 MB.
	MaxBytes int64
	// InviteFor is how long a link is good for. 0: 14 days.
	InviteFor time.Duration
	// PreparedFor is how long a remote signature may take. 0: one hour.
	PreparedFor time.Duration
	// TSA and Revocation serve remote signatures of levels beyond B-B. Nil: refused.
	TSA        pades.Timestamper
	Revocation pades.RevocationSource
	// Roots and TSARoots are the certificates at which chains of third parties, and of
	// authorities that timestamped their signatures, may end. They decide only with
	// RequireTrust. Nil: none.
	Roots, TSARoots []vpades.Anchor
	// SignerRevocation answers for third parties' certificates. Nil: what the file holds.
	SignerRevocation vpades.RevocationSource
	// RequireTrust refuses signatures that do not pass wholly, with path and status of the
	// certificate. False: they must be whole and by the certificate they name.
	RequireTrust bool
}

// Documents implements service.Documents.
type Documents struct{ c Config }

var _ service.Documents = (*Documents)(nil)

const (
	mediaPDF = "application/pdf"
	maxName  = 200
)

// New checks the configuration.
func New(c Config) (*Documents, error) {
	switch {
	case c.Store == nil || c.Blobs == nil || c.Sealer == nil || c.Signing == nil || c.Clock == nil:
		return nil, errors.New("document: expected a store, blobs, a sealer, who signs, and a clock")
	case !strings.HasPrefix(c.BaseURL, "https://") && !strings.HasPrefix(c.BaseURL, "http://"):
		return nil, errors.New("document: expected an absolute base URL")
	case c.MaxBytes < 0 || c.InviteFor < 0 || c.PreparedFor < 0:
		return nil, errors.New("document: expected limits that are not negative")
	case c.RequireTrust && len(c.Roots) == 0:
		return nil, errors.New("document: trust is required, and no roots are given: every signature would be refused")
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.MaxBytes == 0 {
		c.MaxBytes = 10 << 20
	}
	if c.InviteFor == 0 {
		c.InviteFor = 14 * 24 * time.Hour
	}
	if c.PreparedFor == 0 {
		c.PreparedFor = time.Hour
	}
	return &Documents{c: c}, nil
}

func (d *Documents) now() time.Time { return d.c.Clock().UTC().Truncate(time.Microsecond) }

// AddDocument implements service.Documents.
func (d *Documents) AddDocument(ctx context.Context, c service.Caller, f service.Upload, i service.Idempotency) (service.Result[service.Document], error) {
	var none service.Result[service.Document]
	if err := c.Need(service.MayDocuments); err != nil {
		return none, err
	}
	// First of all: the file of a document that was erased since is not kept again.
	if out, found, err := service.Replayed[service.Document](ctx, d.c.Store, d.now(), c.Scope, i, d.c.Sealer); err != nil || found {
		return out, err
	}
	if err := d.CheckDocument(f); err != nil {
		return none, err
	}
	sum := sha256.Sum256(f.Bytes)
	st := service.StoredDocument{Name: cleanName(f.Name), MediaType: mediaType(f.Bytes), Digest: hex.EncodeToString(sum[:]), Size: int64(len(f.Bytes))}
	st.File, st.FileSize = st.Digest, st.Size
	if err := d.keep(ctx, f.Bytes); err != nil {
		return none, err
	}
	id, now := service.NewID(), d.now()
	add := func(tx service.Tx) (service.Result[service.Document], error) { return d.add(ctx, tx, c, id, now, st) }
	var out service.Result[service.Document]
	var err error
	for attempt := 0; ; attempt++ {
		out, err = service.Once(ctx, d.c.Store, now, c.Scope, i, d.c.Sealer, add)
		// The same content at once: the other call has made it, or holds the file.
		if attempt < 10 && (errors.Is(err, service.ErrExists) || errors.Is(err, service.ErrConflict) || err == error(service.ErrNotFound)) {
			continue
		}
		break
	}
	if err != nil {
		return none, err
	}
	// An erasure of another document with this content may have removed the file while
	// nobody held it.
	if has, err := d.c.Blobs.Has(ctx, st.Digest); err != nil || !has {
		return out, errors.Join(err, d.keep(ctx, f.Bytes))
	}
	return out, nil
}

// add adds a document, unless there is one with the same content.
func (d *Documents) add(ctx context.Context, tx service.Tx, c service.Caller, id string, now time.Time, st service.StoredDocument) (service.Result[service.Document], error) {
	var none service.Result[service.Document]
	lookup := c.Tenant + "/" + string(c.Environment) + "/" + st.Digest
	_, r, err := tx.Find(ctx, service.KindDocument, lookup)
	if err == nil {
		out, err := d.view(ctx, tx, c.Scope, r.ID)
		return service.Result[service.Document]{Value: out}, err
	}
	if !errors.Is(err, service.ErrNotFound) {
		return none, err
	}
	r = service.Record{Kind: service.KindDocument, ID: id, Lookup: lookup, Created: now, Updated: now}
	if err := service.Put(ctx, tx, c.Scope, r, st); err != nil {
		return none, err
	}
	if err := service.HoldBlob(ctx, tx, c.Scope, now, st.Digest, owner(id)); err != nil {
		return none, err
	}
	if err := service.WriteAudit(ctx, tx, c, now, "document.add", id, nil); err != nil {
		return none, err
	}
	out, err := d.view(ctx, tx, c.Scope, id)
	return service.Result[service.Document]{Value: out, Created: true}, err
}

// CheckDocument implements service.Documents.
func (d *Documents) CheckDocument(f service.Upload) error {
	if err := d.checkSize(f); err != nil || mediaType(f.Bytes) != mediaPDF {
		return err
	}
	return checkPDF(f.Bytes)
}

func (d *Documents) checkSize(f service.Upload) error {
	switch {
	case len(f.Bytes) == 0:
		var v service.Invalid
		v.Add("file", "is empty")
		return v.Err()
	case int64(len(f.Bytes)) > d.c.MaxBytes:
		return &service.Error{Code: service.CodeTooLarge, Detail: fmt.Sprintf("a file has at most %d bytes", d.c.MaxBytes)}
	}
	return nil
}

// cleanName makes a sender's name fit to save a file under.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`<>:"|?*`, r) {
			return -1
		}
		return r
	}, name))
	for utf8.RuneCountInString(name) > maxName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if name == "" || strings.Trim(name, "./") == "" {
		return "document"
	}
	return name
}

func mediaType(b []byte) string {
	if bytes.HasPrefix(b, []byte("%PDF-")) {
		return mediaPDF
	}
	return "application/octet-stream"
}

// checkPDF refuses what could not be signed: a file that two programs may read differently.
func checkPDF(b []byte) error {
	doc, err := pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Options{})
	if err == nil {
		err = doc.Check()
	}
	if err == nil {
		return nil
	}
	var v service.Invalid
	var pe *pdf.Error
	if errors.As(err, &pe) {
		v.Add("file", fmt.Sprintf("is no PDF that can be kept: %s at byte %d", pe.Code, pe.Offset))
	} else {
		v.Add("file", "is no PDF that can be kept")
	}
	return v.Err()
}

// keep stores a file.
func (d *Documents) keep(ctx context.Context, b []byte) error {
	_, _, err := d.c.Blobs.Put(ctx, bytes.NewReader(b))
	return err
}

// read gets a file into memory.
func (d *Documents) read(ctx context.Context, digest string) ([]byte, error) {
	r, size, err := d.c.Blobs.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != size {
		return nil, fmt.Errorf("document: expected a file of %d bytes", size)
	}
	return b, nil
}

func owner(document string) string { return "document/" + document }

// GetDocument implements service.Documents.
func (d *Documents) GetDocument(ctx context.Context, c service.Caller, id string) (out service.Document, err error) {
	if err := needRead(c); err != nil {
		return out, err
	}
	err = d.c.Store.View(ctx, func(tx service.Tx) error {
		out, err = d.view(ctx, tx, c.Scope, id)
		return err
	})
	return out, err
}

// DocumentFile implements service.Documents.
func (d *Documents) DocumentFile(ctx context.Context, c service.Caller, id string) (service.File, error) {
	if err := needRead(c); err != nil {
		return service.File{}, err
	}
	var st service.StoredDocument
	err := d.c.Store.View(ctx, func(tx service.Tx) (err error) {
		_, st, err = load(ctx, tx, c.Scope, id)
		return err
	})
	if err != nil {
		return service.File{}, err
	}
	return d.file(ctx, st)
}

func (d *Documents) file(ctx context.Context, st service.StoredDocument) (service.File, error) {
	b, err := d.read(ctx, st.File)
	return service.File{Name: st.Name, MediaType: st.MediaType, Digest: st.File, Bytes: b}, err
}

func needRead(c service.Caller) error {
	if c.May(service.MayRead) {
		return nil
	}
	return c.Need(service.MayDocuments)
}

func load(ctx context.Context, tx service.Tx, s service.Scope, id string) (service.Record, service.StoredDocument, error) {
	r, st, err := service.Get[service.StoredDocument](ctx, tx, s, service.KindDocument, id)
	if errors.Is(err, service.ErrNotFound) {
		err = service.NotFound("document")
	}
	return r, st, err
}

// view tells about a document with its signatures, the oldest first.
func (d *Documents) view(ctx context.Context, tx service.Tx, s service.Scope, id string) (service.Document, error) {
	r, st, err := load(ctx, tx, s, id)
	if err != nil {
		return service.Document{}, err
	}
	out := service.Document{
		ID: id, Environment: s.Environment, Name: st.Name, MediaType: st.MediaType, Size: st.Size,
		Digest: service.DigestValue{Alg: "sha-256", Value: st.Digest}, Signatures: []service.Signature{}, CreatedAt: r.Created.UTC(),
	}
	list, err := signatures(ctx, tx, s, id)
	for _, sig := range list {
		out.Signatures = append(out.Signatures, d.viewSignature(sig))
	}
	return out, err
}

// held is a signature with its record.
type held struct {
	service.Record
	storedSignature
}

// signatures returns those of a document, the oldest first.
func signatures(ctx context.Context, tx service.Tx, s service.Scope, document string) ([]held, error) {
	list, err := tx.List(ctx, s, service.KindSignature, &document, service.Page{Limit: maxSignatures + 1})
	if err != nil {
		return nil, err
	}
	out := make([]held, len(list.Items))
	for n, r := range list.Items {
		h := held{Record: r}
		if err := json.Unmarshal(r.Body, &h.storedSignature); err != nil {
			return nil, err
		}
		out[len(out)-1-n] = h
	}
	return out, nil
}

// retry repeats what another transaction came in between of.
func retry(f func() error) error {
	for attempt := 0; ; attempt++ {
		if err := f(); attempt >= 10 || !errors.Is(err, service.ErrConflict) {
			return err
		}
	}
}
