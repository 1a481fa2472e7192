package register_test

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

// TestErase: nothing of a person is left, what was issued to him can still be verified by
// who holds it, and others are not touched.
func TestErase(t *testing.T) {
	h := newHouse(t)
	h.courseOf(h.issuer("did:web").ID)
	cred := h.issue("CX-1", "Aina Rahman", "aina@example.com")
	h.issue("CX-3", "Aina Rahman", "aina@example.com")
	h.issue("CX-2", "Bo Chen", "bo@example.com")
	draft := false
	_, err := h.core.Issue(t.Context(), h.caller, service.NewCredential{Type: "course", Publish: &draft, ItemInput: service.ItemInput{
		ID: "DRAFT", Recipient: service.Recipient{Name: "Aina Rahman", Email: "aina@example.com"}, Claims: map[string]any{"trainer": "T"},
	}}, service.Idempotency{})
	check(t, err)
	vc, err := h.core.Artifact(t.Context(), h.caller, "CX-1", "vc")
	check(t, err)
	subject := cred.Recipient.ID
	_, err = h.shelves.PutPortfolio(t.Context(), h.caller, "aina-rahman", service.PortfolioInput{Title: "Aina Rahman", SubjectID: subject, Public: true, Items: []service.PortfolioItem{{Credential: "CX-1", Visible: true}}})
	check(t, err)
	rows := 0
	b, err := h.batches.CreateBatch(t.Context(), h.caller, service.NewBatch{Type: "course"}, func() (service.ItemInput, error) {
		if rows++; rows > 2 {
			return service.ItemInput{}, io.EOF
		}
		return service.ItemInput{Recipient: service.Recipient{Name: "Somebody", Email: []string{"AINA@example.com", "c@example.com"}[rows-1]}, Claims: map[string]any{"trainer": "T"}}, nil
	}, service.Idempotency{})
	check(t, err)
	nobody := h.caller
	nobody.Permissions = []service.Permission{service.MayRead, service.MayExport}
	if _, err := h.register.Erase(t.Context(), nobody, subject); err == nil {
		t.Error("erasing without the scope")
	}
	for _, c := range []service.Caller{h.caller, service.System(service.Scope{Tenant: "other", Environment: service.Live})} {
		id := subject
		if c.Tenant == "academy" {
			id = "nobody"
		}
		if _, err := h.register.Erase(t.Context(), c, id); !service.IsNotFound(err) {
			t.Errorf("erasing whom nobody knows: %v", err)
		}
	}
	before := len(h.files.Files())
	out, err := h.register.Erase(t.Context(), h.caller, subject)
	check(t, err)
	if out.Credentials != 3 || out.Artifacts < 6 || out.Subject != subject {
		t.Errorf("found %+v", out)
	}
	again, err := h.register.Erase(t.Context(), h.caller, subject)
	check(t, err)
	if !reflect.DeepEqual(again, out) {
		t.Errorf("again: found %+v, expected %+v", again, out)
	}
	if after := len(h.files.Files()); after >= before {
		t.Errorf("expected fewer than %d files, found %d", before, after)
	}
	h.run(500 * time.Millisecond)
	h.pass(2 * time.Minute)
	h.run(300 * time.Millisecond)
	h.pass(20 * time.Minute)
	h.run(300 * time.Millisecond)
	if got, err := h.batches.GetBatch(t.Context(), h.caller, b.Value.ID); err != nil || got.Counts.Failed != 1 || got.Counts.Issued != 1 {
		t.Errorf("found %+v, %v", got.Counts, err)
	}
	for name, content := range h.export() {
		for _, personal := range []string{"aina rahman", "aina-rahman", "aina@"} {
			if bytes.Contains(bytes.ToLower(content), []byte(personal)) {
				t.Errorf("%s holds %s", name, personal)
			}
		}
	}
	for _, content := range h.files.Files() {
		if bytes.Contains(content, []byte("Aina")) {
			t.Error("a file holds the name")
		}
	}
	// The holder's copy is as good as before.
	v, err := h.core.VerifyFiles(t.Context(), []service.Upload{{Name: "vc.json", Bytes: vc.Bytes}}, "api")
	check(t, err)
	if v.Report.Outcome != verifier.Valid {
		t.Errorf("the holder's copy: %s, %s", v.Report.Outcome, v.Report.Reason)
	}
	if _, err := h.core.Revoke(t.Context(), h.caller, "CX-1", "erased and wrong", service.Idempotency{}); err != nil {
		t.Errorf("what was erased can be revoked still: %v", err)
	}
	v, err = h.core.VerifyFiles(t.Context(), []service.Upload{{Name: "vc.json", Bytes: vc.Bytes}}, "api")
	check(t, err)
	if v.Report.Outcome != verifier.Invalid {
		t.Errorf("revoked after the erasure: %s, %s", v.Report.Outcome, v.Report.Reason)
	}
	if _, err := h.core.PublicPortfolio(t.Context(), "aina-rahman"); !service.IsNotFound(err) {
		t.Errorf("the portfolio: %v", err)
	}
	if err := h.store.View(t.Context(), func(tx service.Tx) error {
		for _, k := range []service.Kind{service.KindSubject, service.KindPortfolio, service.KindMail, service.KindBatch, service.KindSetting} {
			l, err := tx.List(t.Context(), h.caller.Scope, k, nil, service.Page{Limit: 1000})
			if err != nil {
				return err
			}
			for _, r := range l.Items {
				if bytes.Contains(r.Body, []byte("Aina")) || bytes.Contains(bytes.ToLower(r.Body), []byte("aina@")) {
					t.Errorf("a record of kind %s holds the person", k)
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// key is an Idempotency-Key.
func key(route, k string) service.Idempotency {
	return service.Idempotency{Key: k, Route: route}
}

type noMail struct{}

// TestEraseAnswers: calls that are repeated with their Idempotency-Key after the person was
// erased give nothing of him back, and bring nothing back; nor does a document that he was
// asked to sign. Nothing that is kept for them is in the clear.
func TestEraseAnswers(t *testing.T) {
	h := newHouse(t)
	h.courseOf(h.issuer("did:web").ID)
	upload := service.Upload{Name: "thesis of Aina Rahman.pdf", Bytes: padestest.Sample{Pages: 1}.Build(t)}
	doc, err := h.docs.AddDocument(t.Context(), h.caller, upload, key("documents", "k"))
	check(t, err)
	in := wish("CX-1", "Aina Rahman", "aina@example.com")
	in.DocumentID = doc.Value.ID
	first, err := h.core.Issue(t.Context(), h.caller, in, key("credentials", "k"))
	check(t, err)
	_, err = h.core.Revoke(t.Context(), h.caller, "CX-1", "Aina Rahman cheated", key("revoke", "k"))
	check(t, err)
	other, err := h.docs.AddDocument(t.Context(), h.caller, service.Upload{Name: "agreement.pdf", Bytes: padestest.Sample{Pages: 2}.Build(t)}, service.Idempotency{})
	check(t, err)
	for n, email := range []string{"AINA@example.com", "bo@example.com"} {
		name := []string{"Aina Rahman", "Bo Chen"}[n]
		_, err = h.docs.AddSignature(t.Context(), h.caller, other.Value.ID, service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: name, Email: email}}, key("signatures", strings.Fields(name)[0]))
		check(t, err)
	}
	_, err = h.register.Erase(t.Context(), h.caller, first.Value.Recipient.ID)
	check(t, err)

	files := len(h.files.Files())
	again, err := h.docs.AddDocument(t.Context(), h.caller, upload, key("documents", "k"))
	check(t, err)
	if !again.Replayed || again.Value.Name != "" || again.Value.ID != doc.Value.ID || len(h.files.Files()) != files {
		t.Errorf("the document: %+v, %d files where there were %d", again, len(h.files.Files()), files)
	}
	for n, f := range []func() (service.Result[service.Credential], error){
		func() (service.Result[service.Credential], error) {
			return h.core.Issue(t.Context(), h.caller, in, key("credentials", "k"))
		},
		func() (service.Result[service.Credential], error) {
			return h.core.Revoke(t.Context(), h.caller, "CX-1", "Aina Rahman cheated", key("revoke", "k"))
		},
	} {
		got, err := f()
		check(t, err)
		if v := got.Value; !got.Replayed || v.ID != "CX-1" || v.Recipient != (service.Recipient{}) || len(v.Claims)+len(v.PrivateFields)+len(v.Artifacts) != 0 || v.Reason != "" || v.DocumentID != "" {
			t.Errorf("answer %d: %+v", n, got)
		}
	}
	for n, name := range []string{"Aina Rahman", "Bo Chen"} {
		got, err := h.docs.AddSignature(t.Context(), h.caller, other.Value.ID, service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: name, Email: "a@example.com"}}, key("signatures", strings.Fields(name)[0]))
		check(t, err)
		if !got.Replayed || got.Value.Signer != []string{"", "Bo Chen"}[n] {
			t.Errorf("the signature of %s: %+v", name, got)
		}
	}
	got, err := h.docs.GetDocument(t.Context(), h.caller, other.Value.ID)
	check(t, err)
	if len(got.Signatures) != 2 || got.Signatures[0].State != "expired" || got.Signatures[0].Signer != "" || got.Signatures[1].State != "invited" || got.Signatures[1].Expires == nil {
		t.Errorf("found %+v", got.Signatures)
	}
	check(t, h.store.View(t.Context(), func(tx service.Tx) error {
		list, err := tx.List(t.Context(), h.caller.Scope, service.KindSignature, nil, service.Page{Limit: 10})
		for _, r := range list.Items {
			if bytes.Contains(bytes.ToLower(r.Body), []byte("aina")) {
				t.Errorf("a record holds the person: %s", r.Body)
			}
		}
		for _, k := range []service.Idempotency{key("documents", "k"), key("credentials", "k"), key("signatures", "Aina")} {
			a, err := tx.Recall(t.Context(), h.caller.Scope, k.Route, k.Key, h.clock())
			if err != nil {
				return err
			}
			if bytes.Contains(a.Body, []byte("Aina")) {
				t.Errorf("the answer kept for %s is in the clear", k.Route)
			}
		}
		return err
	}))
	h.pass(time.Minute)
	h.issue("CX-4", "Bo Chen", "bo@example.com") // others go on
}
