package document_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

func (f *fixture) later(d time.Duration) {
	f.skew.Add(int64(d))
	f.run()
}

func (f *fixture) signed(base []byte) service.Document {
	f.Helper()
	doc := f.add(base)
	if _, err := f.docs.AddSignature(f.Context(), f.caller, doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{}); err != nil {
		f.Fatal(err)
	}
	return doc
}

// TestDelete: a document goes with its signatures, links and files, and nothing is left to
// sign or to read.
func TestDelete(t *testing.T) {
	f := setUp(t, nil)
	doc := f.signed(padestest.Sample{Pages: 1}.Build(t))
	asked := f.invite(doc.ID, "a@example.com")
	f.invite(doc.ID, "b@example.com")
	remote, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, f.everyKind()[1], service.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	token := f.token("a@example.com")
	answer := sign(t, f.stranger(), f.file(doc.ID), pades.Request{})
	if err := f.docs.DeleteDocument(t.Context(), f.caller, doc.ID); err != nil {
		t.Fatal(err)
	}
	f.later(time.Minute)
	if len(f.blobs.Files()) == 0 {
		t.Error("the files are gone before who is about to bind the document can have ended")
	}
	_, signErr := f.docs.Sign(t.Context(), token, service.Upload{Bytes: answer})
	for what, err := range map[string]error{
		"reading":   second2(f.docs.GetDocument(t.Context(), f.caller, doc.ID)),
		"its file":  second2(f.docs.DocumentFile(t.Context(), f.caller, doc.ID)),
		"deleting":  f.docs.DeleteDocument(t.Context(), f.caller, doc.ID),
		"signing":   second2(f.docs.AddSignature(t.Context(), f.caller, doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{})),
		"the link":  second2(f.docs.Invitation(t.Context(), token)),
		"its use":   signErr,
		"declining": f.docs.Decline(t.Context(), token, ""),
		"ending":    second2(f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, remote.Value.ID, []byte{1})),
		"asking":    second2(f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, asked.ID, []byte{1})),
	} {
		if !service.IsNotFound(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	f.later(15 * 24 * time.Hour) // the jobs of what is gone
	if n := len(f.blobs.Files()); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if f.token("b@example.com") != "" {
		t.Error("the next one was asked to sign what is gone")
	}
	err = f.store.View(t.Context(), func(tx service.Tx) error {
		for _, k := range []service.Kind{service.KindDocument, service.KindSignature} {
			if l, err := tx.List(t.Context(), scope, k, nil, service.Page{Limit: 10}); err != nil || len(l.Items) != 0 {
				t.Errorf("%s: %d are left, %v", k, len(l.Items), err)
			}
		}
		log, err := tx.Unchained(t.Context(), scope, 100)
		told := slices.ContainsFunc(log, func(e service.AuditEntry) bool {
			return e.Action == "document.delete" && e.Subject == doc.ID && e.Actor == f.caller.Actor
		})
		if !told {
			t.Error("the log does not tell")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDeleteRefused: not without the scope, not another's, not where a credential is bound.
func TestDeleteRefused(t *testing.T) {
	f := setUp(t, nil)
	doc := f.signed(padestest.Sample{Pages: 1}.Build(t))
	reader := f.caller
	reader.Permissions = []service.Permission{service.MayRead, service.MayErase}
	if err := f.docs.DeleteDocument(t.Context(), reader, doc.ID); codeOf(err) != service.CodeScope {
		t.Errorf("without the scope: %v", err)
	}
	for _, s := range []service.Scope{other, {Tenant: scope.Tenant, Environment: service.Test}} {
		if err := f.docs.DeleteDocument(t.Context(), service.System(s), doc.ID); !service.IsNotFound(err) {
			t.Errorf("in another scope: %v", err)
		}
	}
	bind := func(s service.Scope, digest string) error {
		return f.store.Update(t.Context(), func(tx service.Tx) error {
			id := service.NewID()
			return errors.Join(
				tx.AddCredential(t.Context(), s, service.StoredCredential{ID: id, PublicID: id, State: service.StateIssued, Body: []byte("{}"), Created: f.world.Now}),
				tx.AddArtifact(t.Context(), s, id, service.StoredArtifact{Name: "pdf", Issue: 1, MediaType: "application/pdf", Digest: digest, Created: f.world.Now}))
		})
	}
	_, mine, err := loadFile(f, doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := bind(scope, mine); err != nil {
		t.Fatal(err)
	}
	if err := f.docs.DeleteDocument(t.Context(), f.caller, doc.ID); codeOf(err) != service.CodeState || !strings.Contains(err.Error(), "credential") {
		t.Errorf("one that a credential is bound to: %v", err)
	}
	f.later(time.Hour)
	if _, err := f.docs.DocumentFile(t.Context(), f.caller, doc.ID); err != nil {
		t.Error(err)
	}
}

func loadFile(f *fixture, id string) ([]byte, string, error) {
	file, err := f.docs.DocumentFile(f.Context(), f.caller, id)
	return file.Bytes, file.Digest, err
}

// TestDeleteShared: a file stays for another document, of another institution too, for who
// uploads it again at once, and for the credential that was being bound meanwhile.
func TestDeleteShared(t *testing.T) {
	base := padestest.Sample{Pages: 1}.Build(t)
	for name, use := range map[string]func(f *fixture, digest string) func() ([]byte, error){
		"of another institution": func(f *fixture, _ string) func() ([]byte, error) {
			c := service.System(other)
			res, err := f.docs.AddDocument(t.Context(), c, service.Upload{Bytes: base}, service.Idempotency{})
			if err != nil {
				t.Fatal(err)
			}
			return func() ([]byte, error) {
				file, err := f.docs.DocumentFile(t.Context(), c, res.Value.ID)
				return file.Bytes, err
			}
		},
		"uploaded again": func(f *fixture, _ string) func() ([]byte, error) {
			doc := f.add(base)
			return func() ([]byte, error) { b, _, err := loadFile(f, doc.ID); return b, err }
		},
		"bound meanwhile": func(f *fixture, digest string) func() ([]byte, error) {
			err := f.store.Update(t.Context(), func(tx service.Tx) error {
				return errors.Join(
					tx.AddCredential(t.Context(), scope, service.StoredCredential{ID: "c", PublicID: "c", State: service.StateIssued, Body: []byte("{}"), Created: f.world.Now}),
					tx.AddArtifact(t.Context(), scope, "c", service.StoredArtifact{Name: "pdf", Issue: 1, MediaType: "application/pdf", Digest: digest, Created: f.world.Now}))
			})
			if err != nil {
				t.Fatal(err)
			}
			return func() ([]byte, error) {
				r, _, err := f.blobs.Get(t.Context(), digest)
				if err != nil {
					return nil, err
				}
				defer r.Close()
				var b bytes.Buffer
				_, err = b.ReadFrom(r)
				return b.Bytes(), err
			}
		},
	} {
		f := setUp(t, nil)
		doc := f.add(base)
		var read func() ([]byte, error)
		if name == "of another institution" {
			read = use(f, doc.Digest.Value)
		}
		if err := f.docs.DeleteDocument(t.Context(), f.caller, doc.ID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if read == nil {
			read = use(f, doc.Digest.Value)
		}
		f.later(time.Hour)
		if b, err := read(); err != nil || !bytes.Equal(b, base) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}
