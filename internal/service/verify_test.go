package service_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
)

// TestUnknown: C15: unknown is an answer.
func TestUnknown(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"", "nothing", strings.Repeat("x", 5000), "../../etc"} {
		expect(t, "unknown id", w.verifyID(id), "indeterminate", "not_found", "")
	}
	expect(t, "unknown hash", must(w.s.VerifyHash(w.ctx, "sha-256", sum([]byte("x")), "api"))(t), "indeterminate", "not_found", "")
	for alg, digest := range map[string][]byte{"sha-256": []byte("short"), "md5": sum(nil), "": nil} {
		_, err := w.s.VerifyHash(w.ctx, alg, digest, "api")
		refused(t, "hash "+alg, err, service.CodeValidation, "hash")
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "json": []byte(`{"a":1}`), "png": []byte("\x89PNG\r\n\x1a\n"), "pdf": []byte("%PDF-1.7\n"),
		"jwt": []byte("a.b.c"), "proof of nothing": []byte(`{"proof":{"type":"DataIntegrityProof"}}`), "cbor": {0xd9, 0xd9, 0xf7, 0xa0},
	} {
		if v := w.verify(b); v.Report.Outcome == verifier.Valid {
			t.Errorf("%s is valid", name)
		}
	}
	_, err := w.s.VerifyFiles(w.ctx, nil, "api")
	refused(t, "no file", err, service.CodeBody)
}

// TestForged: a good signature by others, or a changed byte, is never valid.
func TestForged(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	vc := w.file(c, w.issue(c).ID, "vc")
	expect(t, "as issued", w.verify(vc), "valid", "", "*")
	expect(t, "changed name", w.verify(bytes.Replace(vc, []byte("Aina Rahman"), []byte("Someone Else"), 1)), "invalid", "*", "*")
	expect(t, "changed trainer", w.verify(bytes.Replace(vc, []byte("Dr. Weir"), []byte("Dr. Woe"), 1)), "invalid", "*", "*")
	at := bytes.Index(vc, []byte(`,"proof":`))
	plain := append(append([]byte{}, vc[:at]...), '}')
	expect(t, "without proof", w.verify(plain), "invalid", "no_proof", "*")
	key := must(signer.NewKey(must(signer.Generate(signer.Ed25519))(t)))(t)
	forged := must((&signer.DataIntegrity{Key: key, Created: w.clock()}).Sign(w.ctx, must(chancery.Parse(plain))(t)))(t)
	expect(t, "another key", w.verify(forged.Bytes), "invalid", "issuer_mismatch", "*")
	did, _, err := signer.Identifier(key.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	own := must((&signer.DataIntegrity{Key: key, Created: w.clock()}).Sign(w.ctx, must(chancery.Draft{Issuer: did, Subject: map[string]any{"id": "urn:x:y"}}.Build())(t)))(t)
	expect(t, "an issuer nobody knows", w.verify(own.Bytes), "indeterminate", "issuer_not_trusted", "*")
}

// TestForeignIssuer: who is configured is believed, without a network.
func TestForeignIssuer(t *testing.T) {
	key := must(signer.NewKey(must(signer.Generate(signer.P256))(t)))(t)
	did, _, err := signer.Identifier(key.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *service.Config) {
		c.Trust = &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: did, Name: "Abroad"}}}
	})
	doc := must((&signer.DataIntegrity{Key: key, Created: w.clock()}).Sign(w.ctx, must(chancery.Draft{Issuer: did, Subject: map[string]any{"id": "urn:x:y"}}.Build())(t)))(t)
	v := w.verify(doc.Bytes)
	expect(t, "configured issuer", v, "valid", "", "*")
	if v.Issuer.Name != "Abroad" {
		t.Errorf("unexpected issuer %+v", v.Issuer)
	}
	// What it says of our addresses is not believed of our lists.
	c := w.school("north")
	mine := w.issue(c)
	claimed := must(chancery.Parse(w.file(c, mine.ID, "vc")))(t)
	status := claimed.Status()
	draft := chancery.Draft{Issuer: did, Subject: map[string]any{"id": "urn:x:y"}, Status: status}
	foreign := must((&signer.DataIntegrity{Key: key, Created: w.clock()}).Sign(w.ctx, must(draft.Build())(t)))(t)
	expect(t, "with our list", w.verify(foreign.Bytes), "indeterminate", "status_list_issuer", "*")
}

// TestRotation: b: what a retired key signed stays valid; what a compromised one signed does
// not, and neither do lists that it signed.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
	first := w.issue(c)
	w.pass(time.Hour)
	rotated := must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{}, once))(t).Value
	if len(rotated.Keys) != 2 || rotated.Keys[0].ValidUntil == nil || rotated.Keys[1].ValidUntil != nil || rotated.DID != issuer.DID {
		t.Errorf("unexpected keys %+v", rotated.Keys)
	}
	expect(t, "by the retired key", w.verifyID(first.PublicID), "valid", "", service.StateIssued)
	second := w.issue(c)
	if !bytes.Contains(w.file(c, second.ID, "vc"), []byte(rotated.Keys[1].ID)) {
		t.Error("the new key does not sign")
	}
	for name := range second.Artifacts {
		expect(t, "by the new key: "+name, w.verify(w.file(c, second.ID, name)), "valid", "", "*")
	}
	w.pass(time.Hour)
	must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{KeyType: "P-256", Compromised: true}, once))(t)
	expect(t, "by the compromised key", w.verifyID(second.PublicID), "indeterminate", "key_revoked", "*")
	expect(t, "by the retired key", w.verifyID(first.PublicID), "valid", "", service.StateIssued)
	third := w.issue(c)
	expect(t, "by the third key", w.verifyID(third.PublicID), "valid", "", service.StateIssued)
	document := must(w.s.DIDDocument(w.ctx, "i/"+issuer.ID))(t)
	for n, want := range []bool{true, false, true} {
		keys := must(w.s.GetIssuer(w.ctx, c, issuer.ID))(t).Keys
		if got := bytes.Contains(document.Bytes, []byte(keys[n].ID)); got != want {
			t.Errorf("key %d in the document: %v", n, got)
		}
	}
	// A key that was retired long ago turns out to be known to others: it alone is no longer
	// believed, and no other key is made.
	distrust := service.RotateKey{Compromised: true, Key: rotated.Keys[0].ID}
	said := must(w.s.RotateKey(w.ctx, c, issuer.ID, distrust, once))(t)
	if keys := said.Value.Keys; said.Created || len(keys) != 3 || !keys[0].Compromised || !keys[1].Compromised || keys[2].Compromised || keys[2].ValidUntil != nil {
		t.Errorf("unexpected keys %+v", keys)
	}
	expect(t, "by a retired key that is compromised", w.verifyID(first.PublicID), "indeterminate", "key_revoked", "*")
	expect(t, "by the third key", w.verifyID(third.PublicID), "valid", "", service.StateIssued)
	if document := must(w.s.DIDDocument(w.ctx, "i/"+issuer.ID))(t); bytes.Contains(document.Bytes, []byte(distrust.Key)) {
		t.Error("the key is in the document still")
	}
	again := must(w.s.RotateKey(w.ctx, c, issuer.ID, distrust, once))(t)
	if len(again.Value.Keys) != 3 {
		t.Errorf("said twice: %+v", again.Value.Keys)
	}
	for name, in := range map[string]service.RotateKey{"another issuer's key": {Compromised: true, Key: "did:web:other#k"}, "not compromised": {Key: distrust.Key}} {
		_, err := w.s.RotateKey(w.ctx, c, issuer.ID, in, once)
		refused(t, name, err, service.CodeValidation)
	}
	current := must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{Compromised: true, Key: said.Value.Keys[2].ID}, once))(t)
	if keys := current.Value.Keys; !current.Created || len(keys) != 4 || !keys[2].Compromised || keys[3].ValidUntil != nil {
		t.Errorf("the key in use by its id: %+v", keys)
	}
	other := must(w.s.CreateIssuer(w.ctx, c, service.NewIssuer{Name: "Key", Method: "did:key"}, once))(t).Value
	_, err := w.s.RotateKey(w.ctx, c, other.ID, service.RotateKey{}, once)
	refused(t, "did:key", err, service.CodeState)
}

// TestCompromisedConfigured: a key that is compromised counts no more, although the
// configured trust names it, or holds a copy of the document that lists it.
func TestCompromisedConfigured(t *testing.T) {
	for _, way := range []string{"key", "key by any method", "document", "name"} {
		trust := &verifier.Trust{}
		w := newWorld(t, func(c *service.Config) { c.Trust = trust })
		c := w.school("north", all)
		issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(t).Items[0]
		one := verifier.TrustedIssuer{ID: issuer.DID, Name: "North"}
		key := verifier.TrustedKey{Key: must(multikey.Parse(issuer.Keys[0].PublicKey))(t)}
		switch way {
		case "key":
			key.Method = issuer.Keys[0].ID
			fallthrough
		case "key by any method":
			one.Keys = []verifier.TrustedKey{key}
		case "document":
			document := must(w.s.DIDDocument(w.ctx, "i/"+issuer.ID))(t)
			trust.Documents = []verifier.PinnedDocument{{URL: issuer.DID, Kind: verifier.KindController, Document: document.Bytes}}
		}
		trust.Issuers = []verifier.TrustedIssuer{one}
		credential := w.issue(c)
		expect(t, way, w.verifyID(credential.PublicID), "valid", "", service.StateIssued)
		w.pass(time.Hour)
		must(w.s.RotateKey(w.ctx, c, issuer.ID, service.RotateKey{Compromised: true}, once))(t)
		expect(t, way+", compromised", w.verifyID(credential.PublicID), "indeterminate", "key_revoked", "*")
		if len(trust.Issuers[0].Keys) != len(one.Keys) {
			t.Errorf("%s: the configuration was changed", way)
		}
	}
}

// TestOldListConfigured: a copy of a list of ours in the configured trust, of before a
// credential was revoked, is no newer than the list.
func TestOldListConfigured(t *testing.T) {
	trust := &verifier.Trust{}
	w := newWorld(t, func(c *service.Config) { c.Trust = trust })
	c := w.school("north", all)
	credential := w.issue(c)
	text := w.file(c, credential.ID, "vc")
	parsed := must(chancery.Parse(text))(t)
	url := parsed.Status()[0].ListCredential
	list, _, err := w.s.StatusList(w.ctx, url[strings.LastIndexByte(url, '/')+1:])
	if err != nil {
		t.Fatal(err)
	}
	trust.Documents = []verifier.PinnedDocument{{URL: url, Kind: verifier.KindStatusList, Document: list.Bytes}}
	expect(t, "issued", w.verify(text), "valid", "", service.StateIssued)
	must(w.s.Revoke(w.ctx, c, credential.ID, "x", once))(t)
	expect(t, "revoked", w.verify(text), "invalid", "revoked", "*")
}

// TestIssuerKinds: every method, key and suite makes what verifies.
func TestIssuerKinds(t *testing.T) {
	w := newWorld(t, func(c *service.Config) { c.BaseURL = "http://127.0.0.1:8080" })
	c := w.tenant("north", service.Test)
	for _, method := range []string{"did:web", "did:key"} {
		for key, suites := range map[string][]string{"Ed25519": {"", "eddsa-jcs-2022"}, "P-256": {"", "ecdsa-jcs-2019"}, "P-384": {"ecdsa-rdfc-2019"}} {
			i := w.issuer(c, func(in *service.NewIssuer) {
				in.Key, in.Method, in.KeyType = strings.ReplaceAll(method+key, ":", "-"), method, key
			})
			for _, suite := range suites {
				name := i.Key + "." + suite
				typ := w.newType(c, all, func(in *service.NewType) { in.Key, in.Issuer, in.Suite = name, i.Key, suite })
				got := w.issue(c, func(in *service.NewCredential) { in.Type = typ.ID })
				expect(t, name, w.verifyID(got.PublicID), "valid", "", service.StateIssued)
				for artifact := range got.Artifacts {
					expect(t, name+" "+artifact, w.verify(w.file(c, got.ID, artifact)), "valid", "", "*")
				}
			}
		}
	}
	_, err := w.s.CreateType(w.ctx, c, service.NewType{Key: "bad", DisplayName: "Bad", Issuer: "did-webP-256", Suite: "eddsa-rdfc-2022"}, once)
	refused(t, "suite of another key", err, service.CodeValidation, "suite")
	_, err = w.s.CreateIssuer(w.ctx, c, service.NewIssuer{Name: "x", Key: "did-webP-256"}, once)
	refused(t, "key twice", err, service.CodeDuplicate)
	_, err = w.s.CreateIssuer(w.ctx, c, service.NewIssuer{Method: "did:ion", KeyType: "RSA", URL: "javascript:x", Image: "data:text/html,x", KeyRef: "x", Key: "/"}, once)
	refused(t, "all wrong", err, service.CodeValidation, "name", "method", "keyType", "url", "image", "keyRef", "key")
}

// TestSwaps: j: no artefact of one credential passes with that of another.
func TestSwaps(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	other := w.issuer(c, func(in *service.NewIssuer) { in.Name, in.Key = "Other", "other" })
	seal := w.newType(c, all, func(in *service.NewType) {
		in.Key, in.Issuer = "with-picture", "other"
		in.Achievement = &service.Achievement{Image: "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>`))}
	})
	a, b := w.issue(c), w.issue(c, func(in *service.NewCredential) { in.Type = seal.ID })
	expect(t, "own picture", w.verify(w.file(c, b.ID, "svg")), "valid", "", "*")

	// The credential of B in the picture of A.
	var swapped bytes.Buffer
	bVC := chancery.Secured{MediaType: chancery.MediaVC, Bytes: w.file(c, b.ID, "vc")}
	if err := badge.Bake(&swapped, bytes.NewReader(w.file(c, a.ID, "svg")), bVC, badge.BakeOptions{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	expect(t, "picture of A, credential of B", w.verify(swapped.Bytes()), "invalid", "related_resource_mismatch", "*")

	// The page of A with the credential of B inside, sealed by the other issuer.
	sealer := must(w.s.PDFSigner(w.ctx, c.Scope, other.ID, "B-B"))(t)
	aVC := w.file(c, a.ID, "vc")
	r := must(layout.New(layout.Config{}))(t)
	template := must(layout.Builtin(layout.Diploma, "A4"))(t)
	fields := layout.Fields{Text: map[string]string{"institution": "Academy of north", "recipient": "Somebody Else", "achievement": "Everything", "date": "today"}}
	page := must(r.Render(w.ctx, template, fields, layout.Options{Credential: aVC, CredentialMediaType: chancery.MediaVC, VerifyURL: a.VerificationURL, ID: a.PublicID, Created: w.clock()}))(t)
	expect(t, "a page without seal", w.verify(page), "invalid", "*", "*")
	var sealed bytes.Buffer
	if _, err := sealer.Sign(w.ctx, bytes.NewReader(page), int64(len(page)), &sealed, pades.Request{Certify: pades.NoChanges}); err != nil {
		t.Fatal(err)
	}
	expect(t, "page of another issuer around A", w.verify(sealed.Bytes()), "invalid", "pdf_credential_foreign", "*")

	// The row of A holds the credential of B.
	err := w.store.Update(w.ctx, func(tx service.Tx) error {
		stored, err := tx.Credential(w.ctx, c.Scope, a.ID)
		if err != nil {
			return err
		}
		stolen, err := tx.Credential(w.ctx, c.Scope, b.ID)
		if err != nil {
			return err
		}
		stored.PublicID, stolen.PublicID = "x", stored.PublicID
		if err := tx.SetCredential(w.ctx, c.Scope, stored); err != nil {
			return err
		}
		return tx.SetCredential(w.ctx, c.Scope, stolen)
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "B under the address of A", w.verifyID(a.PublicID), "invalid", "related_resource_mismatch", "*")
	// A damaged file is not handed out.
	digest := b.Artifacts["pdf"].Digest
	w.blobs.Spoil(digest, append([]byte("x"), w.blobs.Files()[digest]...))
	if _, err := w.s.Artifact(w.ctx, c, b.ID, "pdf"); err == nil {
		t.Error("a damaged file was handed out")
	}
}

// TestBoundDocument: D3: an uploaded PDF is bound by its digest.
func TestBoundDocument(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	r := must(layout.New(layout.Config{}))(t)
	page := func(name string) []byte {
		template := must(layout.Builtin(layout.Certificate, "A4"))(t)
		fields := layout.Fields{Text: map[string]string{"institution": "N", "recipient": name, "achievement": "E", "date": "today"}}
		return must(r.Render(w.ctx, template, fields, layout.Options{VerifyURL: base, ID: "x", Created: w.clock()}))(t)
	}
	mine, another := page("Aina"), page("Other")
	add := func(scope service.Scope, id, media string, b []byte) {
		digest, size, _ := w.blobs.Put(w.ctx, bytes.NewReader(b))
		err := w.store.Update(w.ctx, func(tx service.Tx) error {
			d := service.StoredDocument{Name: "a.pdf", MediaType: media, Digest: digest, Size: size, File: digest, FileSize: size}
			return service.Put(w.ctx, tx, scope, service.Record{Kind: service.KindDocument, ID: id, Created: w.clock(), Updated: w.clock()}, d)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(c.Scope, "doc", "application/pdf", mine)
	add(c.Scope, "text", "text/plain", []byte("x"))
	add(service.Scope{Tenant: "south", Environment: service.Test}, "theirs", "application/pdf", another)
	for _, id := range []string{"text", "theirs"} {
		in := aina()
		in.DocumentID = id
		_, err := w.s.Issue(w.ctx, c, in, once)
		refused(t, id, err, service.CodeValidation, "documentId")
	}
	got := w.issue(c, func(in *service.NewCredential) { in.DocumentID = "doc" })
	vc := w.file(c, got.ID, "vc")
	if !bytes.Equal(w.file(c, got.ID, "pdf"), mine) {
		t.Error("the artefact is not the document")
	}
	expect(t, "the document alone", w.verify(mine), "valid", "", service.StateIssued)
	expect(t, "both", w.verify(vc, mine), "valid", "", "*")
	expect(t, "both, in the other order", w.verify(mine, vc), "valid", "", "*")
	if v := w.verify(vc, another); v.Report.Outcome == verifier.Valid {
		t.Error("the credential with another document is valid")
	}
	expect(t, "another document alone", w.verify(another), "invalid", "*", "*")
	must(w.s.Revoke(w.ctx, c, got.ID, "x", once))(t)
	expect(t, "the document of a revoked credential", w.verify(mine), "invalid", "revoked", service.StateRevoked)
}

func zipped(t *testing.T, files map[string][]byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f := must(w.Create(name))(t)
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestZip: each file is judged, within bounds.
func TestZip(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	a, b := w.issue(c), w.issue(c)
	files := map[string][]byte{"a.json": w.file(c, a.ID, "vc"), "b.pdf": w.file(c, b.ID, "pdf"), "b.png": w.file(c, b.ID, "png")}
	v := w.verify(zipped(t, files))
	expect(t, "good", v, "valid", "", "*")
	if len(v.Report.Sub) != 3 {
		t.Errorf("expected three reports, found %d", len(v.Report.Sub))
	}
	must(w.s.Revoke(w.ctx, c, a.ID, "x", once))(t)
	expect(t, "one revoked", w.verify(zipped(t, files)), "invalid", "inner_invalid", "*")
	many := map[string][]byte{}
	for n := range 101 {
		many[fmt.Sprint(n)] = []byte("x")
	}
	for name, test := range map[string]struct {
		zip  []byte
		code service.Code
	}{
		"bomb":  {zipped(t, map[string][]byte{"x": make([]byte, 9<<20)}), service.CodeTooLarge},
		"large": {zipped(t, map[string][]byte{"x": make([]byte, 11<<20)}), service.CodeTooLarge},
		"many":  {zipped(t, many), service.CodeTooLarge},
	} {
		_, err := w.s.VerifyFiles(w.ctx, []service.Upload{{Bytes: test.zip}}, "api")
		refused(t, name, err, test.code)
	}
	// A file in which nothing can be verified is invalid, whatever kind it seems to be.
	good := map[string][]byte{"b.pdf": files["b.pdf"], "b.png": files["b.png"]}
	whole := zipped(t, good)
	for name, b := range map[string][]byte{
		"empty": zipped(t, nil), "cut": whole[:500], "only folders": zipped(t, map[string][]byte{"a/": nil, "b/": nil}),
	} {
		expect(t, name, w.verify(b), "invalid", "unknown_content", "")
	}
	// What is in a ZIP and could not be judged is not said to be invalid, nor the whole valid.
	broken := bytes.Replace(whole, []byte("PK\x03\x04"), []byte("PK\x03\x05"), 2) // the second file's head
	copy(broken, "PK\x03\x04")
	for name, b := range map[string][]byte{
		"nested": zipped(t, map[string][]byte{"x.zip": whole}), "damaged": broken, "a text": zipped(t, map[string][]byte{"x": []byte("a text")}),
		"nested beside a good one": zipped(t, map[string][]byte{"a": files["b.png"], "b": whole}),
		"a text beside a good one": zipped(t, map[string][]byte{"a": files["b.png"], "b": []byte("a text")}),
	} {
		v := w.verify(b)
		expect(t, name, v, "indeterminate", "not_judged", "")
		if len(v.Report.Sub) != 0 && v.Environment != service.Test {
			t.Errorf("%s: environment %q", name, v.Environment)
		}
	}
	expect(t, "a text beside a revoked one", w.verify(zipped(t, map[string][]byte{"a": files["a.json"], "b": []byte("a text")})), "invalid", "inner_invalid", "")
	v, err := w.s.VerifyFiles(w.ctx, []service.Upload{{Bytes: files["b.png"]}, {Bytes: []byte("a text")}}, "api")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "a text handed over beside a good one", v, "indeterminate", "not_judged", "")
	expect(t, "a text by itself", w.verify([]byte("a text")), "invalid", "unknown_content", "")
}

// TestPrivate: H10: the page of a private credential shows verdict and issuer, its files are
// had by links that end.
func TestPrivate(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c, func(in *service.NewCredential) { in.Visibility = "private" })
	page := must(w.s.PublicCredential(w.ctx, got.PublicID))(t)
	if !page.Verdict.Hidden || page.Claims != nil || len(page.Artifacts) != 0 || page.Verdict.Subject.Name != "" || page.Verdict.Report.Subject.Name != "" || page.Verdict.Issuer.Name == "" {
		t.Errorf("the page shows too much: %+v", page)
	}
	expect(t, "hidden", page.Verdict, "valid", "", service.StateIssued)
	report := must(page.Verdict.Report.MarshalJSON())(t)
	if strings.Contains(string(report), "Aina") || strings.Contains(string(report), "Weir") {
		t.Errorf("the report tells who it is about: %s", report)
	}
	if _, err := w.s.PublicArtifact(w.ctx, got.PublicID, "vc"); !service.IsNotFound(err) {
		t.Errorf("a private file is public: %v", err)
	}
	a := got.Artifacts["pdf"]
	u := must(url.Parse(a.URL))(t)
	q := u.Query()
	if a.ExpiresIn != 3600 || u.Path != "/c/"+got.PublicID+"/pdf" {
		t.Fatalf("unexpected link %+v", a)
	}
	if f := must(w.s.LinkedArtifact(w.ctx, got.PublicID, "pdf", q.Get("expires"), q.Get("signature")))(t); f.Digest != a.Digest {
		t.Error("the link gives another file")
	}
	second := w.issue(c, func(in *service.NewCredential) { in.Visibility = "private" })
	for name, call := range map[string]func() error{
		"other file": func() error {
			_, err := w.s.LinkedArtifact(w.ctx, got.PublicID, "vc", q.Get("expires"), q.Get("signature"))
			return err
		},
		"other credential": func() error {
			_, err := w.s.LinkedArtifact(w.ctx, second.PublicID, "pdf", q.Get("expires"), q.Get("signature"))
			return err
		},
		"later end": func() error {
			_, err := w.s.LinkedArtifact(w.ctx, got.PublicID, "pdf", "9999999999", q.Get("signature"))
			return err
		},
		"no signature": func() error {
			_, err := w.s.LinkedArtifact(w.ctx, got.PublicID, "pdf", q.Get("expires"), "")
			return err
		},
		"nothing": func() error { _, err := w.s.LinkedArtifact(w.ctx, got.PublicID, "pdf", "", ""); return err },
		"over": func() error {
			w.pass(time.Hour)
			_, err := w.s.LinkedArtifact(w.ctx, got.PublicID, "pdf", q.Get("expires"), q.Get("signature"))
			return err
		},
	} {
		if name == "over" {
			continue
		}
		if err := call(); !service.IsNotFound(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.pass(time.Hour)
	if _, err := w.s.LinkedArtifact(w.ctx, got.PublicID, "pdf", q.Get("expires"), q.Get("signature")); !service.IsNotFound(err) {
		t.Errorf("the link did not end: %v", err)
	}
}

// TestLog: C13, m: one line for each verification, without persons, and it can be off.
func TestLog(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c)
	vc := w.file(c, got.ID, "vc")
	w.verifyID(got.PublicID)
	w.verify(vc)
	must(w.s.VerifyHash(w.ctx, "sha-256", sum(vc), "192.0.2.1"))(t)
	w.verifyID("nothing")
	if err := w.s.Flush(w.ctx); err != nil {
		t.Fatal(err)
	}
	lines := must(w.s.Verifications(w.ctx, c, service.Page{}))(t).Items
	methods := map[string]bool{}
	for _, l := range lines {
		methods[l.Method] = true
		if l.Credential != got.ID || l.Outcome != "valid" || strings.Contains(l.Source, "192") {
			t.Errorf("unexpected line %+v", l)
		}
	}
	if len(lines) != 3 || len(methods) != 3 {
		t.Errorf("expected three lines, found %+v", lines)
	}
	if err := w.s.SetVerificationLog(w.ctx, "north", false); err != nil {
		t.Fatal(err)
	}
	w.verifyID(got.PublicID)
	if err := w.s.Flush(w.ctx); err != nil {
		t.Fatal(err)
	}
	if lines := must(w.s.Verifications(w.ctx, c, service.Page{}))(t).Items; len(lines) != 3 {
		t.Errorf("logged although switched off: %d lines", len(lines))
	}
}
