package document_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

func codeOf(err error) service.Code {
	var e *service.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// stranger signs with a certificate of an authority that nobody here knows.
func (f *fixture) stranger() *pades.Signer {
	f.Helper()
	return padestest.NewAt(f.T, padestest.P256, f.world.Now).Pades(pades.LevelB, padestest.P256)
}

// revise adds an update to a file.
func revise(t *testing.T, in []byte, f func(u *pdf.Update, page *pdf.Dict)) []byte {
	t.Helper()
	doc, err := pdf.Open(bytes.NewReader(in), int64(len(in)), pdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := doc.NewUpdate()
	if err != nil {
		t.Fatal(err)
	}
	var ref pdf.Ref
	if err := u.Pages(func(p *pdf.Page) bool { ref = p.Ref; return false }); err != nil {
		t.Fatal(err)
	}
	page, err := u.Edit(ref)
	if err != nil {
		t.Fatal(err)
	}
	f(u, page)
	tail, err := u.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(in), tail.Bytes...)
}

func dictOf(pairs ...any) *pdf.Dict {
	d := pdf.NewDict()
	for i := 0; i < len(pairs); i += 2 {
		d.Set(pdf.Name(pairs[i].(string)), pairs[i+1].(pdf.Object))
	}
	return d
}

func rect(a, b, c, d int) *pdf.Array {
	return pdf.NewArray(pdf.Integer(a), pdf.Integer(b), pdf.Integer(c), pdf.Integer(d))
}

func (f *fixture) person(email string) service.NewSignature {
	return service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: "Aina Rahman", Email: email}}
}

// TestInviteRefused: nobody is mailed a link to a file that cannot take his signature.
func TestInviteRefused(t *testing.T) {
	f := setUp(t, func(c *document.Config) { c.MaxBytes = 1 << 20 })
	house := f.world.Pades(pades.LevelB, padestest.P256)
	plain := padestest.Sample{Pages: 1, Form: "indirect"}.Build(t)
	noChanges := sign(t, house, plain, pades.Request{Certify: pades.NoChanges})
	large := revise(t, plain, func(u *pdf.Update, _ *pdf.Dict) { u.Add(pdf.NewStream(pdf.NewDict(), make([]byte, 1<<20-32<<10))) })
	for name, b := range map[string][]byte{
		"certified, no changes":          noChanges,
		"certified, no changes, stamped": renewed(t, f.world, noChanges),
		"locked by the first signature":  sign(t, house, plain, pades.Request{Lock: &pades.Lock{Action: pades.LockAll}}),
		"bytes after its end":            append(bytes.Clone(plain), "% more\n"...),
		"no room for a signature":        large,
		"no PDF":                         []byte("hello"),
	} {
		doc := f.add(b)
		key := service.Idempotency{Key: "k", Route: name}
		_, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, f.person("a@example.com"), key)
		if codeOf(err) != service.CodeState {
			t.Errorf("%s: expected to be refused, found %v", name, err)
		}
		f.run()
		if got, _ := f.docs.GetDocument(t.Context(), f.caller, doc.ID); len(got.Signatures) != 0 || f.token("a@example.com") != "" || f.events(service.EventSigned) != 0 {
			t.Errorf("%s: %+v, and the link %q", name, got.Signatures, f.token("a@example.com"))
		}
		if !bytes.Equal(f.file(doc.ID), b) {
			t.Errorf("%s: the trial is in the file", name)
		}
	}
	for name, b := range map[string][]byte{
		"plain":                  plain,
		"signed":                 sign(t, house, plain, pades.Request{}),
		"certified, forms":       sign(t, house, plain, pades.Request{Certify: pades.FormFilling}),
		"certified, annotations": sign(t, house, plain, pades.Request{Certify: pades.Annotations}),
	} {
		doc, email := f.add(b), strings.ReplaceAll(name, ", ", ".")+"@example.com"
		f.invite(doc.ID, email)
		token := f.token(email)
		if token == "" {
			t.Errorf("%s: nobody was asked", name)
			continue
		}
		if _, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: sign(t, f.stranger(), b, pades.Request{})}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func renewed(t *testing.T, w *padestest.World, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	r := pades.Renewal{TSA: w.TSA, Revocation: w, Clock: w.Clock, Anchors: append(w.Root.Chain(), w.TSARoot.Chain()...)}
	if _, err := r.Renew(t.Context(), bytes.NewReader(in), int64(len(in)), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestEncrypted: a file that needs a password is not kept, since nobody here could judge it;
// one that opens without can be signed.
func TestEncrypted(t *testing.T) {
	f := setUp(t, nil)
	for _, in := range f.world.Inputs(t) {
		res, err := f.docs.AddDocument(t.Context(), f.caller, service.Upload{Name: in.Name, Bytes: in.Bytes}, service.Idempotency{})
		if in.Password != "" {
			if !strings.Contains(validation(err), "password") {
				t.Errorf("%s: expected to be refused for its password, found %v", in.Name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", in.Name, err)
			continue
		}
		email := in.Name + "@example.com"
		if _, err := f.docs.AddSignature(t.Context(), f.caller, res.Value.ID, f.person(email), service.Idempotency{}); err != nil {
			t.Errorf("%s: %v", in.Name, err)
			continue
		}
		f.run()
		if _, err := f.docs.Sign(t.Context(), f.token(email), service.Upload{Bytes: sign(t, f.stranger(), in.Bytes, pades.Request{})}); err != nil {
			t.Errorf("%s: %v", in.Name, err)
		}
	}
}

// TestAnnotationsKept: a file with annotations within the lists of its pages, as older
// programs write them, is signed in every way.
func TestAnnotationsKept(t *testing.T) {
	f := setUp(t, nil)
	for n, in := range []service.NewSignature{{Kind: "institutional"}, {Kind: "remote", Level: "B-B", Certificate: chainOf(f.world)}, f.person("a@example.com")} {
		doc := f.add(padestest.Sample{Pages: 1 + n, Notes: true}.Build(t))
		res, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, in, service.Idempotency{})
		if err == nil && in.Kind == "remote" {
			res.Value, err = f.docs.CompleteSignature(t.Context(), f.caller, doc.ID, res.Value.ID, signatureOver(t, f.world, res.Value))
		}
		if err != nil || in.Kind != "thirdParty" && res.Value.State != "signed" {
			t.Errorf("%s: %+v, %v", in.Kind, res.Value, err)
		}
	}
}

// TestSomebodyElse: who was invited is told from who has signed, and both can be seen.
func TestSomebodyElse(t *testing.T) {
	f := setUp(t, nil)
	base := padestest.Sample{Pages: 1}.Build(t)
	doc := f.add(base)
	f.invite(doc.ID, "aina@example.com")
	stranger := f.stranger()
	got, err := f.docs.Sign(t.Context(), f.token("aina@example.com"), service.Upload{Bytes: sign(t, stranger, base, pades.Request{Name: "Aina Rahman"})})
	if err != nil {
		t.Fatal(err)
	}
	holder := stranger.Chain[0].Subject.CommonName
	if got.Signer != "Aina Rahman" || got.SignedBy != holder || got.SignedBy == "" || got.Trusted == nil || *got.Trusted {
		t.Errorf("found %+v", got)
	}
	if n, err := f.docs.EraseSigner(t.Context(), scope, "AINA@example.com"); err != nil || n != 1 {
		t.Errorf("erased %d, %v", n, err)
	}
	seen, err := f.docs.GetDocument(t.Context(), f.caller, doc.ID)
	if err != nil || seen.Signatures[0].Signer != "" || seen.Signatures[0].SignedBy != "" || seen.Signatures[0].State != "signed" {
		t.Errorf("after the erasure: %+v, %v", seen.Signatures, err)
	}
}

// TestOtherLinks: a link is for one document and one signature.
func TestOtherLinks(t *testing.T) {
	f := setUp(t, nil)
	one, two := padestest.Sample{Pages: 1}.Build(t), padestest.Sample{Pages: 2}.Build(t)
	first, second := f.add(one), f.add(two)
	f.invite(first.ID, "a@example.com")
	f.invite(second.ID, "b@example.com")
	f.invite(first.ID, "c@example.com") // in the queue, without a link
	if f.token("c@example.com") != "" {
		t.Fatal("two were asked at once")
	}
	stranger := f.stranger()
	for _, c := range []struct {
		token string
		file  []byte
	}{{f.token("a@example.com"), two}, {f.token("b@example.com"), one}} {
		if _, err := f.docs.Sign(t.Context(), c.token, service.Upload{Bytes: sign(t, stranger, c.file, pades.Request{})}); validation(err) == "" {
			t.Errorf("the file of another link is taken: %v", err)
		}
	}
	// A lock would leave the one in the queue with a link of no use. To certify is not what
	// people are asked for.
	locked := pades.Request{Lock: &pades.Lock{Action: pades.LockAll}}
	if _, err := f.docs.Sign(t.Context(), f.token("a@example.com"), service.Upload{Bytes: sign(t, stranger, one, locked)}); !strings.Contains(validation(err), "others are asked") {
		t.Errorf("a lock: %v", err)
	}
	if _, err := f.docs.Sign(t.Context(), f.token("b@example.com"), service.Upload{Bytes: sign(t, stranger, two, pades.Request{Certify: pades.FormFilling})}); validation(err) == "" {
		t.Errorf("a certification: %v", err)
	}
	if _, err := f.docs.Sign(t.Context(), f.token("b@example.com"), service.Upload{Bytes: sign(t, stranger, two, locked)}); err != nil {
		t.Errorf("the last one may lock: %v", err)
	}
	// The link that is good once more is no better for having been good.
	signed := sign(t, stranger, one, pades.Request{})
	token := f.token("a@example.com")
	if _, err := f.docs.Sign(t.Context(), token, service.Upload{Bytes: signed}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"signing":  second2(f.docs.Sign(t.Context(), token, service.Upload{Bytes: sign(t, stranger, signed, pades.Request{})})),
		"the same": second2(f.docs.Sign(t.Context(), token, service.Upload{Bytes: signed})),
		"looking":  second2(f.docs.Invitation(t.Context(), token)),
		"refusing": f.docs.Decline(t.Context(), token, ""),
	} {
		if !service.IsNotFound(err) {
			t.Errorf("%s a second time: %v", name, err)
		}
	}
}

func second2[T any](_ T, err error) error { return err }

// TestAfterTheEnd: a link whose time is over, or whose signer or document was erased, shows
// and takes nothing, though no job has run since.
func TestAfterTheEnd(t *testing.T) {
	base := padestest.Sample{Pages: 1}.Build(t)
	for name, end := range map[string]func(f *fixture, doc string){
		"its time is over": func(f *fixture, _ string) { f.skew.Store(int64(14 * 24 * time.Hour)) },
		"signer erased": func(f *fixture, _ string) {
			if n, err := f.docs.EraseSigner(t.Context(), scope, "a@example.com"); n != 1 || err != nil {
				t.Errorf("erased %d, %v", n, err)
			}
		},
		"document erased": func(f *fixture, doc string) {
			err := f.store.Update(t.Context(), func(tx service.Tx) error {
				list, err := tx.List(t.Context(), scope, service.KindSignature, &doc, service.Page{Limit: 10})
				for _, r := range list.Items {
					err = errors.Join(err, tx.Delete(t.Context(), scope, service.KindSignature, r.ID))
				}
				return errors.Join(err, tx.Delete(t.Context(), scope, service.KindDocument, doc))
			})
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		f := setUp(t, nil)
		doc := f.add(base)
		f.invite(doc.ID, "a@example.com")
		token := f.token("a@example.com")
		signed := sign(t, f.stranger(), base, pades.Request{})
		end(f, doc.ID)
		files := len(f.blobs.Files())
		for what, err := range map[string]error{
			"looking":   second2(f.docs.Invitation(t.Context(), token)),
			"signing":   second2(f.docs.Sign(t.Context(), token, service.Upload{Bytes: signed})),
			"declining": f.docs.Decline(t.Context(), token, ""),
		} {
			if !service.IsNotFound(err) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if len(f.blobs.Files()) != files {
			t.Errorf("%s: a file was kept", name)
		}
	}
}

// TestAtOnce: of two who use one link at once, or sign while it is declined or erased, one
// comes first, and the other changes nothing.
func TestAtOnce(t *testing.T) {
	base := padestest.Sample{Pages: 1}.Build(t)
	for round := range 12 {
		f := setUp(t, nil)
		doc := f.add(base)
		f.invite(doc.ID, "a@example.com")
		token := f.token("a@example.com")
		files := [][]byte{sign(t, f.stranger(), base, pades.Request{}), sign(t, f.stranger(), base, pades.Request{Reason: "I too"})}
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for n, file := range files {
			wg.Go(func() { _, errs[n] = f.docs.Sign(t.Context(), token, service.Upload{Bytes: file}) })
		}
		errs[2], errs[3] = errors.New("not done"), errors.New("not done")
		switch round % 3 {
		case 1:
			wg.Go(func() { errs[2] = f.docs.Decline(t.Context(), token, "no") })
		case 2:
			wg.Go(func() {
				_, errs[3] = f.docs.AddSignature(t.Context(), f.caller, doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{})
			})
		}
		wg.Wait()
		got, err := f.docs.GetDocument(t.Context(), f.caller, doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		want, events := 0, 0
		for n, err := range errs[:2] {
			if err == nil {
				want, events = want+1, events+1
			} else if !service.IsNotFound(err) && codeOf(err) != service.CodeState && validation(err) == "" {
				t.Errorf("round %d, upload %d: %v", round, n, err)
			}
		}
		if errs[2] == nil && (want != 0 || got.Signatures[0].State != "declined") || errs[2] != nil && round%3 == 1 && want != 1 {
			t.Errorf("round %d: declined %v, %d signed, %+v", round, errs[2], want, got.Signatures)
		}
		if errs[3] == nil {
			want, events = want+1, events+1
		}
		if want > 1 && errs[3] != nil || round%3 == 0 && want != 1 || f.events(service.EventSigned) != events {
			t.Errorf("round %d: %d signed, %d events: %v", round, want, f.events(service.EventSigned), errs)
		}
		if res := f.validate(f.file(doc.ID)); len(res.Signatures) != want {
			t.Errorf("round %d: %d signatures in the file, %d taken", round, len(res.Signatures), want)
		}
		if n := len(f.blobs.Files()); n != 1+want {
			t.Errorf("round %d: %d files are kept, of which %d count", round, n, 1+want)
		}
	}
}

// TestRemoteSwapped: what a remote signature is for cannot be exchanged in the store, and a
// preparation ends once.
func TestRemoteSwapped(t *testing.T) {
	f := setUp(t, nil)
	one, two := f.add(padestest.Sample{Pages: 1}.Build(t)), f.add(padestest.Sample{Pages: 2}.Build(t))
	var chain bytes.Buffer
	for _, c := range f.world.Chain() {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	begin := func(doc string) service.Signature {
		t.Helper()
		res, err := f.docs.AddSignature(t.Context(), f.caller, doc, service.NewSignature{Kind: "remote", Level: "B-B", Certificate: chain.String()}, service.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
		return res.Value
	}
	value := func(s service.Signature) []byte {
		t.Helper()
		digest, err := base64.StdEncoding.DecodeString(s.Digest)
		if err != nil {
			t.Fatal(err)
		}
		v, err := f.world.Signer.Key.Sign(rand.Reader, digest, crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	body := func(id string, edit func(m map[string]any)) (before map[string]any) {
		t.Helper()
		err := f.store.Update(t.Context(), func(tx service.Tx) error {
			r, err := tx.Get(t.Context(), scope, service.KindSignature, id)
			if err != nil {
				return err
			}
			var m map[string]any
			if err := errors.Join(json.Unmarshal(r.Body, &before), json.Unmarshal(r.Body, &m)); err != nil || edit == nil {
				return err
			}
			edit(m)
			return service.Put(t.Context(), tx, scope, r, m)
		})
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	a, b := begin(one.ID), begin(two.ID)
	theirs := body(b.ID, nil)
	for name, edit := range map[string]func(m map[string]any){
		"the preparation of another":          func(m map[string]any) { m["prepared"] = theirs["prepared"] },
		"the file of another":                 func(m map[string]any) { m["base"] = theirs["base"] },
		"preparation and file of another":     func(m map[string]any) { m["prepared"], m["base"] = theirs["prepared"], theirs["base"] },
		"a digest that the caller never sees": func(m map[string]any) { m["base"] = strings.Repeat("0", 64) },
	} {
		kept := body(a.ID, edit)
		for what, v := range map[string][]byte{"its own value": value(a), "that of the other": value(b)} {
			if got, err := f.docs.CompleteSignature(t.Context(), f.caller, one.ID, a.ID, v); err == nil {
				t.Errorf("%s, %s: %+v", name, what, got)
			}
		}
		body(a.ID, func(m map[string]any) {
			clear(m)
			for k, v := range kept {
				m[k] = v
			}
		})
	}
	for what, err := range map[string]error{
		"under another document": second2(f.docs.CompleteSignature(t.Context(), f.caller, two.ID, a.ID, value(a))),
		"an invitation's id":     second2(f.docs.CompleteSignature(t.Context(), f.caller, one.ID, f.invite(one.ID, "a@example.com").ID, value(a))),
	} {
		if !service.IsNotFound(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	v := value(a)
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for n := range errs {
		wg.Go(func() { _, errs[n] = f.docs.CompleteSignature(t.Context(), f.caller, one.ID, a.ID, v) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else if codeOf(err) != service.CodeState {
			t.Errorf("at once: %v", err)
		}
	}
	if res := f.validate(f.file(one.ID)); done == 0 || len(res.Signatures) != 1 || f.events(service.EventSigned) != 1 {
		t.Errorf("%d of six succeeded, %d signatures in the file, %d events", done, len(res.Signatures), f.events(service.EventSigned))
	}
}
