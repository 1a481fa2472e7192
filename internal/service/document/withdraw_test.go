package document_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// TestWithdraw: who was asked by mistake has a link of no use, the next one is asked, and
// what was signed stays.
func TestWithdraw(t *testing.T) {
	f := setUp(t, nil)
	base := padestest.Sample{Pages: 1}.Build(t)
	doc, elsewhere := f.add(base), f.add(padestest.Sample{Pages: 2}.Build(t))
	wrong, right, waiting := f.invite(doc.ID, "a@example.com"), f.invite(doc.ID, "b@example.com"), f.invite(doc.ID, "c@example.com")
	link := f.token("a@example.com")
	reader := f.caller
	reader.Permissions = []service.Permission{service.MayRead, service.MayIssue, service.MayStatus}
	for name, err := range map[string]error{
		"another document": f.docs.WithdrawSignature(t.Context(), f.caller, elsewhere.ID, wrong.ID),
		"another scope":    f.docs.WithdrawSignature(t.Context(), service.System(other), doc.ID, wrong.ID),
		"no signature":     f.docs.WithdrawSignature(t.Context(), f.caller, doc.ID, doc.ID),
	} {
		if !service.IsNotFound(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.docs.WithdrawSignature(t.Context(), reader, doc.ID, wrong.ID); codeOf(err) != service.CodeScope {
		t.Errorf("without the scope: %v", err)
	}
	if _, err := f.docs.Invitation(t.Context(), link); err != nil {
		t.Fatalf("withdrawn by nobody: %v", err)
	}
	signedOf := func(file []byte) service.Upload {
		return service.Upload{Bytes: sign(t, f.stranger(), file, pades.Request{})}
	}
	for range 2 { // again is no error
		if err := f.docs.WithdrawSignature(t.Context(), f.caller, doc.ID, wrong.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.docs.WithdrawSignature(t.Context(), f.caller, doc.ID, waiting.ID); err != nil { // of whom nobody knows
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"looking": second2(f.docs.Invitation(t.Context(), link)), "signing": second2(f.docs.Sign(t.Context(), link, signedOf(base))), "declining": f.docs.Decline(t.Context(), link, ""),
	} {
		if !service.IsNotFound(err) {
			t.Errorf("%s with a link that was withdrawn: %v", name, err)
		}
	}
	f.run()
	next := f.token("b@example.com")
	if _, err := f.docs.Sign(t.Context(), next, signedOf(base)); err != nil {
		t.Fatal(err)
	}
	f.run()
	if f.token("c@example.com") != "" {
		t.Error("who was withdrawn in the queue was mailed")
	}
	if err := f.docs.WithdrawSignature(t.Context(), f.caller, doc.ID, right.ID); codeOf(err) != service.CodeState {
		t.Errorf("a signature that was made: %v", err)
	}
	got, err := f.docs.GetDocument(t.Context(), f.caller, doc.ID)
	if err != nil || len(got.Signatures) != 3 || got.Signatures[0].State != "withdrawn" || got.Signatures[1].State != "signed" || got.Signatures[2].State != "withdrawn" || got.Signatures[0].Expires != nil {
		t.Errorf("found %+v, %v", got.Signatures, err)
	}
	if res := f.validate(f.file(doc.ID)); len(res.Signatures) != 1 {
		t.Errorf("%d signatures in the file", len(res.Signatures))
	}
	f.noTokens(link)
}

// TestWithdrawPrepared: what was prepared for a signing service cannot be ended any more.
func TestWithdrawPrepared(t *testing.T) {
	f := setUp(t, nil)
	doc := f.add(padestest.Sample{Pages: 1}.Build(t))
	in := service.NewSignature{Kind: "remote", Level: "B-B", Certificate: chainOf(f.world)}
	res, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, in, service.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.docs.WithdrawSignature(t.Context(), f.caller, doc.ID, res.Value.ID); err != nil {
		t.Fatal(err)
	}
	got, err := f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, res.Value.ID, signatureOver(t, f.world, res.Value))
	if codeOf(err) != service.CodeState {
		t.Errorf("found %+v, %v", got, err)
	}
	if seen, _ := f.docs.GetDocument(t.Context(), f.caller, doc.ID); seen.Signatures[0].State != "withdrawn" || seen.Signatures[0].ToSign != "" {
		t.Errorf("found %+v", seen.Signatures)
	}
}

func chainOf(w *padestest.World) string {
	var chain bytes.Buffer
	for _, c := range w.Chain() {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return chain.String()
}

// signatureOver is what the signing service of a world answers.
func signatureOver(t *testing.T, w *padestest.World, s service.Signature) []byte {
	t.Helper()
	digest, err := base64.StdEncoding.DecodeString(s.Digest)
	if err != nil || len(digest) == 0 {
		t.Fatalf("no digest: %+v", s)
	}
	v, err := w.Signer.Key.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestOneAtATime: whoever was asked while another has a link waits, also where he is written
// down as asked before, as of many who are asked at once.
func TestOneAtATime(t *testing.T) {
	f := setUp(t, nil)
	doc := f.add(padestest.Sample{Pages: 1}.Build(t))
	f.invite(doc.ID, "a@example.com")
	f.skew.Store(int64(-time.Hour))
	f.invite(doc.ID, "b@example.com")
	f.run()
	if f.token("a@example.com") == "" || f.token("b@example.com") != "" {
		t.Error("two have a link at once")
	}
}
