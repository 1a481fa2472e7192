package document_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	vpades "github.com/chancery-dev/chancery/verifier/pades"
)

// TestThirdParty: what is not the document with one good signature added is refused, says
// why, and leaves the link open; the right file is taken, and then the link is dead.
func TestThirdParty(t *testing.T) {
	f := setUp(t, nil)
	base := padestest.Sample{Pages: 1, Form: "indirect"}.Build(t)
	doc := f.add(base)
	sig := f.invite(doc.ID, "aina@example.com")
	if sig.State != "invited" || sig.Signer != "Aina Rahman" {
		t.Fatalf("found %+v", sig)
	}
	token := f.token("aina@example.com")
	in, err := f.docs.Invitation(t.Context(), token)
	if err != nil || !bytes.Equal(in.File.Bytes, base) || in.Issuer == "" || in.Signature.Expires == nil {
		t.Fatalf("found %+v, %v", in.Signature, err)
	}
	stranger := padestest.NewAt(t, padestest.P256, f.world.Now) // of an authority that nobody here knows
	other := stranger.Pades(pades.LevelB, padestest.P256)
	good := sign(t, other, base, pades.Request{Reason: "I agree"})

	flip := func(n int) []byte { b := bytes.Clone(good); b[n] ^= 1; return b }
	contents := bytes.Index(good[len(base):], []byte("/Contents")) + len(base)
	expired := padestest.NewAt(t, padestest.P256, f.world.Now.AddDate(-15, 0, 0))
	edited := func() []byte {
		b := edit(t, base)
		return sign(t, other, b, pades.Request{})
	}()
	twice := sign(t, other, good, pades.Request{})
	for name, c := range map[string]struct {
		file []byte
		why  string
	}{
		"nothing":                      {nil, "empty"},
		"no PDF":                       {[]byte("hello"), "does not begin"},
		"unsigned":                     {base, "no signature"},
		"another document, signed":     {sign(t, other, padestest.Sample{Pages: 2}.Build(t), pades.Request{}), "does not begin"},
		"first byte changed":           {flip(9), "does not begin"},
		"bytes after it":               {append(bytes.Clone(good), "garbage"...), ""},
		"bytes after the unsigned":     {append(bytes.Clone(base), "\n% signed\n"...), ""},
		"signature value changed":      {flip(contents + 2000), ""},
		"cut off":                      {good[:len(good)-30], ""},
		"a page changed, then signed":  {edited, "more than a signature"},
		"a page changed, not signed":   {edit(t, base), ""},
		"two signatures":               {twice, "one new signature"},
		"certificate of 15 years ago":  {sign(t, expired.Pades(pades.LevelB, padestest.P256), base, pades.Request{}), ""},
		"a page changed after signing": {edit(t, good), ""},
		"only a document timestamp":    {timestamped(t, f.world, base), ""},
	} {
		_, err := f.docs.Sign(t.Context(), token, service.Upload{Name: "x.pdf", Bytes: c.file})
		why := validation(err)
		if why == "" || !strings.Contains(why, c.why) {
			t.Errorf("%s: expected to be refused (%s), found %v", name, c.why, err)
		}
		if !bytes.Equal(f.file(doc.ID), base) {
			t.Fatalf("%s: the document was changed", name)
		}
	}
	for _, bad := range []string{"", "x", token + "A", token[:len(token)-1], strings.Repeat("A", 43)} {
		if _, err := f.docs.Invitation(t.Context(), bad); !service.IsNotFound(err) {
			t.Errorf("a wrong link: %v", err)
		}
	}
	got, err := f.docs.Sign(t.Context(), token, service.Upload{Name: "x.pdf", Bytes: good})
	if err != nil || got.State != "signed" || got.Level != "B-B" || got.SignedAt == nil {
		t.Fatalf("found %+v, %v", got, err)
	}
	if !bytes.Equal(f.file(doc.ID), good) {
		t.Fatal("the signed file is not that of the document")
	}
	if _, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: sign(t, other, good, pades.Request{})}); !service.IsNotFound(err) {
		t.Errorf("the link is good twice: %v", err)
	}
	if _, err := f.docs.Invitation(t.Context(), token); !service.IsNotFound(err) {
		t.Errorf("the link shows the document still: %v", err)
	}
	if n := f.events(service.EventSigned); n != 1 {
		t.Errorf("expected one event, found %d", n)
	}
	f.noTokens(token)
}

func TestOrder(t *testing.T) {
	f := setUp(t, nil)
	base := padestest.Sample{Pages: 1}.Build(t)
	doc := f.add(base)
	a, b, c := f.invite(doc.ID, "a@example.com"), f.invite(doc.ID, "refused@example.com"), f.invite(doc.ID, "c@example.com")
	if f.token("a@example.com") == "" || f.token("c@example.com") != "" {
		t.Fatal("expected the first alone to be asked")
	}
	one := padestest.NewAt(t, padestest.P256, f.world.Now).Pades(pades.LevelB, padestest.P256)
	first := sign(t, one, base, pades.Request{})
	if _, err := f.docs.Sign(t.Context(), f.token("a@example.com"), service.Upload{Bytes: first}); err != nil {
		t.Fatal(err)
	}
	f.run() // b's mail is refused, and c is asked
	f.run()
	token := f.token("c@example.com")
	if token == "" {
		t.Fatal("the third was not asked")
	}
	two := padestest.NewAt(t, padestest.RSA2048, f.world.Now).Pades(pades.LevelB, padestest.RSA2048)
	if _, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: sign(t, two, base, pades.Request{})}); validation(err) == "" {
		t.Errorf("a signature on the file of before: %v", err)
	}
	// The institution signs in between: c has to fetch the newest file.
	stale := sign(t, two, first, pades.Request{})
	if _, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: stale}); validation(err) == "" {
		t.Errorf("a signature on a file that is not the newest: %v", err)
	}
	in, err := f.docs.Invitation(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: sign(t, two, in.File.Bytes, pades.Request{})}); err != nil {
		t.Fatal(err)
	}
	got, err := f.docs.GetDocument(t.Context(), f.caller, doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, s := range got.Signatures {
		states[s.ID] = s.State
	}
	if len(got.Signatures) != 4 || states[a.ID] != "signed" || states[b.ID] != "expired" || states[c.ID] != "signed" {
		t.Errorf("found %v", states)
	}
	if res := f.validate(f.file(doc.ID)); len(res.Signatures) != 3 {
		t.Errorf("expected three signatures in the file, found %d", len(res.Signatures))
	}
}

func TestExpiredAndDeclined(t *testing.T) {
	f := setUp(t, nil)
	doc := f.add(padestest.Sample{Pages: 1}.Build(t))
	f.invite(doc.ID, "a@example.com")
	f.invite(doc.ID, "b@example.com")
	f.skew.Store(int64(14*24*time.Hour) + 1)
	if _, err := f.docs.Invitation(t.Context(), f.token("a@example.com")); !service.IsNotFound(err) {
		t.Errorf("an expired link: %v", err)
	}
	f.run()
	f.run()
	token := f.token("b@example.com")
	if token == "" {
		t.Fatal("the next was not asked when the time of the first was over")
	}
	if err := f.docs.Decline(t.Context(), token, strings.Repeat("x", 501)); validation(err) == "" {
		t.Errorf("a long reason: %v", err)
	}
	if err := f.docs.Decline(t.Context(), token, "not mine"); err != nil {
		t.Fatal(err)
	}
	if err := f.docs.Decline(t.Context(), token, "again"); !service.IsNotFound(err) {
		t.Errorf("declining twice: %v", err)
	}
	got, _ := f.docs.GetDocument(t.Context(), f.caller, doc.ID)
	if got.Signatures[0].State != "expired" || got.Signatures[1].State != "declined" {
		t.Errorf("found %+v", got.Signatures)
	}
}

func TestRequireTrust(t *testing.T) {
	f := setUp(t, func(c *document.Config) {
		c.RequireTrust = true
		c.Roots = []vpades.Anchor{{Certificate: padestest.New(t, padestest.P256).Root.Certificate}}
	})
	base := padestest.Sample{Pages: 1}.Build(t)
	doc := f.add(base)
	f.invite(doc.ID, "a@example.com")
	one := padestest.NewAt(t, padestest.P256, f.world.Now).Pades(pades.LevelB, padestest.P256)
	if _, err := f.docs.Sign(t.Context(), f.token("a@example.com"), service.Upload{Bytes: sign(t, one, base, pades.Request{})}); validation(err) == "" {
		t.Errorf("a signature by a stranger is taken: %v", err)
	}
}

func TestInstitutional(t *testing.T) {
	f := setUp(t, nil)
	base := padestest.Sample{Pages: 1}.Build(t)
	doc := f.add(base)
	key := service.Idempotency{Key: "k", Route: "r"}
	in := service.NewSignature{Kind: "institutional", Level: "B-LTA", Reason: "Issued"}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, in, key); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	file := f.file(doc.ID)
	if res := f.validate(file); !bytes.HasPrefix(file, base) || len(res.Signatures) != 2 || res.Signatures[0].Level != "PAdES-BASELINE-LTA" {
		t.Errorf("expected one signature and a document timestamp, found %d, %s", len(res.Signatures), res.Signatures[0].Level)
	}
	got, _ := f.docs.GetDocument(t.Context(), f.caller, doc.ID)
	if len(got.Signatures) != 1 || got.Signatures[0].Level != "B-LTA" || got.Digest.Value == "" {
		t.Errorf("found %+v", got)
	}
	if len(f.blobs.Files()) != 2 {
		t.Errorf("expected the file before and after, found %d files", len(f.blobs.Files()))
	}
	certified := sign(t, f.world.Pades(pades.LevelB, padestest.P256), padestest.Sample{Pages: 3}.Build(t), pades.Request{Certify: pades.NoChanges})
	locked := f.add(certified)
	var e *service.Error
	if _, err := f.docs.AddSignature(t.Context(), f.caller, locked.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeState {
		t.Errorf("a certified file: %v", err)
	}
}

func TestRemote(t *testing.T) {
	f := setUp(t, nil)
	f.config.TSA = f.world.TSA
	var err error
	if f.docs, err = document.New(f.config); err != nil {
		t.Fatal(err)
	}
	doc := f.add(padestest.Sample{Pages: 1}.Build(t))
	var chain bytes.Buffer
	for _, c := range f.world.Chain() {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	begin := func(level string) service.Signature {
		t.Helper()
		res, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, service.NewSignature{Kind: "remote", Level: level, Certificate: chain.String()}, service.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
		return res.Value
	}
	value := func(s service.Signature) []byte {
		t.Helper()
		digest, err := base64.StdEncoding.DecodeString(s.Digest)
		if err != nil || s.Hash != "SHA-256" {
			t.Fatalf("found %+v", s)
		}
		message, _ := base64.StdEncoding.DecodeString(s.ToSign)
		if sum := sha256.Sum256(message); !bytes.Equal(sum[:], digest) {
			t.Fatal("the digest is not that of toSign")
		}
		v, err := f.world.Signer.Key.Sign(rand.Reader, digest, crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if _, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, service.NewSignature{Kind: "remote", Level: "B-LTA", Certificate: chain.String()}, service.Idempotency{}); validation(err) == "" {
		t.Errorf("a level without revocation data: %v", err)
	}
	a, b, late := begin("B-T"), begin("B-B"), begin("")
	for name, v := range map[string][]byte{"none": nil, "random": []byte("nonsense"), "of another": value(b), "long": make([]byte, 1<<16)} {
		if _, err := f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, a.ID, v); validation(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.docs.CompleteSignature(t.Context(), service.System(other), doc.ID, a.ID, value(a)); !service.IsNotFound(err) {
		t.Errorf("by a stranger: %v", err)
	}
	done, err := f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, a.ID, value(a))
	if err != nil || done.State != "signed" || done.ToSign != "" {
		t.Fatalf("found %+v, %v", done, err)
	}
	if again, err := f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, a.ID, value(a)); err != nil || again.State != "signed" {
		t.Errorf("again: %+v, %v", again, err)
	}
	if res := f.validate(f.file(doc.ID)); len(res.Signatures) != 1 || done.Level != "B-T" {
		t.Errorf("found %d signatures, %s", len(res.Signatures), res.Signatures[0].Level)
	}
	var e *service.Error
	if _, err := f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, b.ID, value(b)); !errors.As(err, &e) || e.Code != service.CodeState {
		t.Errorf("prepared for the file of before: %v", err)
	}
	f.skew.Store(int64(2 * time.Hour))
	if _, err := f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, late.ID, value(late)); !errors.As(err, &e) || e.Code != service.CodeState {
		t.Errorf("too late: %v", err)
	}
}

func TestUpload(t *testing.T) {
	f := setUp(t, func(c *document.Config) { c.MaxBytes = 1 << 20 })
	pdfFile := padestest.Sample{Pages: 1}.Build(t)
	for name, b := range map[string][]byte{"empty": nil, "cut off": pdfFile[:len(pdfFile)-40], "header alone": []byte("%PDF-1.7\n")} {
		if _, err := f.docs.AddDocument(t.Context(), f.caller, service.Upload{Name: "x.pdf", Bytes: b}, service.Idempotency{}); validation(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var e *service.Error
	if _, err := f.docs.AddDocument(t.Context(), f.caller, service.Upload{Bytes: make([]byte, 1<<20+1)}, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeTooLarge {
		t.Errorf("too large: %v", err)
	}
	if len(f.blobs.Files()) != 0 {
		t.Errorf("%d refused files are kept", len(f.blobs.Files()))
	}
	var ids sync.Map
	var wg sync.WaitGroup
	var created atomic.Int32
	for range 8 {
		wg.Go(func() {
			res, err := f.docs.AddDocument(t.Context(), f.caller, service.Upload{Name: "../../etc/pass\x00wd.pdf", Bytes: pdfFile}, service.Idempotency{})
			if err != nil {
				t.Error(err)
			}
			if res.Created {
				created.Add(1)
			}
			if res.Value.Name != "passwd.pdf" || res.Value.MediaType != "application/pdf" {
				t.Errorf("found %+v", res.Value)
			}
			ids.Store(res.Value.ID, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	if n != 1 || created.Load() != 1 {
		t.Errorf("expected one document, found %d", n)
	}
	text := f.add([]byte("evidence of something"))
	if text.MediaType != "application/octet-stream" {
		t.Errorf("found %+v", text)
	}
	if _, err := f.docs.AddSignature(t.Context(), f.caller, text.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeState {
		t.Errorf("signing what is no PDF: %v", err)
	}
	theirs, err := f.docs.AddDocument(t.Context(), service.System(other), service.Upload{Name: "x.pdf", Bytes: pdfFile}, service.Idempotency{})
	if err != nil || !theirs.Created {
		t.Fatalf("the same content of another institution: %v", err)
	}
	if _, err := f.docs.GetDocument(t.Context(), f.caller, theirs.Value.ID); !service.IsNotFound(err) {
		t.Errorf("a document of another: %v", err)
	}
	if _, err := f.docs.DocumentFile(t.Context(), f.caller, theirs.Value.ID); !service.IsNotFound(err) {
		t.Errorf("a file of another: %v", err)
	}
}

func TestSignatureInput(t *testing.T) {
	f := setUp(t, nil)
	doc := f.add(padestest.Sample{Pages: 1}.Build(t))
	person := func(name, email string) service.NewSignature {
		return service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: name, Email: email}}
	}
	for name, in := range map[string]service.NewSignature{
		"no kind": {}, "unknown kind": {Kind: "wet"}, "unknown level": {Kind: "institutional", Level: "B-X"}, "nobody": {Kind: "thirdParty"},
		"no name": person("", "a@example.com"), "no address": person("A", ""), "two addresses": person("A", "a@example.com,b@example.com"),
		"header": person("A", "a@example.com\r\nBcc: x@example.com"), "name with a line": person("A\r\nBcc: x", "a@example.com"), "no domain": person("A", "a@b"),
		"signer of the institution": {Kind: "institutional", Signer: &service.Signer{Name: "A", Email: "a@example.com"}},
		"certificate":               {Kind: "institutional", Certificate: "x"}, "no certificate": {Kind: "remote"}, "broken certificate": {Kind: "remote", Certificate: "-----BEGIN"},
		"reason with a line": {Kind: "institutional", Reason: "a\nb"},
	} {
		if _, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, in, service.Idempotency{}); validation(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.docs.AddSignature(t.Context(), service.System(other), doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{}); !service.IsNotFound(err) {
		t.Errorf("by a stranger: %v", err)
	}
	reader := f.caller
	reader.Permissions = []service.Permission{service.MayRead}
	if _, err := f.docs.AddSignature(t.Context(), reader, doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{}); err == nil {
		t.Error("signing without the scope")
	}
}
