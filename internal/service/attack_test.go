package service_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

// hsm is a KeyProvider with keys of several institutions.
type hsm map[string]crypto.Signer

func (h hsm) Signer(_ context.Context, ref string) (crypto.Signer, error) {
	if key := h[ref]; key != nil {
		return key, nil
	}
	return nil, errors.New("no such key")
}

// TestForeignKeyRef: an institution uses those keys of the provider that are its own, and
// does not learn which others there are.
func TestForeignKeyRef(t *testing.T) {
	key := must(signer.Generate(signer.Ed25519))(t)
	keys := hsm{"north/one": key, "south/one": key, "one": key, "northern/one": key, "north/": key, "north": key, "../south/one": key}
	w := newWorld(t, func(c *service.Config) { c.KeyProvider = keys })
	c := w.tenant("north", service.Test)
	var first string
	for _, ref := range []string{"one", "south/one", "northern/one", "north", "north/", "/north/one", "North/one", "north/../south/one", "../south/one", "nothing", "north/nothing"} {
		_, err := w.s.CreateIssuer(w.ctx, c, service.NewIssuer{Name: "N", KeyRef: ref}, once)
		refused(t, ref, err, service.CodeValidation, "keyRef")
		if first == "" {
			first = err.(*service.Error).Detail
		}
		if got := err.(*service.Error); got.Detail != first {
			t.Errorf("%s: the answer tells which keys there are: %s", ref, got.Detail)
		}
	}
	i := must(w.s.CreateIssuer(w.ctx, c, service.NewIssuer{Name: "N", KeyRef: "north/one"}, once))(t).Value
	w.newType(c)
	expect(t, "by the key of the provider", w.verifyID(w.issue(c).PublicID), "valid", "", service.StateIssued)
	if i.Keys[0].Type != "Ed25519" {
		t.Errorf("unexpected keys %+v", i.Keys)
	}
}

// addDocument stores a PDF as package document does.
func (w *world) addDocument(scope service.Scope, id string, b []byte) {
	w.t.Helper()
	digest, size, _ := w.blobs.Put(w.ctx, bytes.NewReader(b))
	err := w.store.Update(w.ctx, func(tx service.Tx) error {
		d := service.StoredDocument{Name: "a.pdf", MediaType: "application/pdf", Digest: digest, Size: size, File: digest, FileSize: size}
		return service.Put(w.ctx, tx, scope, service.Record{Kind: service.KindDocument, ID: id, Created: w.clock(), Updated: w.clock()}, d)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) pdf(name string) []byte {
	w.t.Helper()
	r := must(layout.New(layout.Config{}))(w.t)
	template := must(layout.Builtin(layout.Certificate, "A4"))(w.t)
	fields := layout.Fields{Text: map[string]string{"institution": "N", "recipient": name, "achievement": "E", "date": "today"}}
	return must(r.Render(w.ctx, template, fields, layout.Options{VerifyURL: base, ID: "x", Created: w.clock()}))(w.t)
}

// TestBoundAgain: the document of a credential that was signed again belongs to the newest
// form, not to the one that was revoked for it.
func TestBoundAgain(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	mine := w.pdf("Aina")
	w.addDocument(c.Scope, "doc", mine)
	got := w.issue(c, func(in *service.NewCredential) { in.DocumentID = "doc" })
	old := w.file(c, got.ID, "vc")
	until := w.clock().AddDate(3, 0, 0)
	must(w.s.SetExpiry(w.ctx, c, got.ID, &until, once))(t)
	expect(t, "the document", w.verify(mine), "valid", "", service.StateIssued)
	expect(t, "its hash", must(w.s.VerifyHash(w.ctx, "sha-256", sum(mine), "api"))(t), "valid", "", service.StateIssued)
	expect(t, "the old form", w.verify(old), "invalid", "revoked", "*")
	expect(t, "the old form with its document", w.verify(old, mine), "invalid", "revoked", "*")
	must(w.s.Revoke(w.ctx, c, got.ID, "x", once))(t)
	expect(t, "revoked", w.verify(mine), "invalid", "revoked", service.StateRevoked)
}

// TestBoundSuccessor: the document of a superseded credential holds by the successor that is
// bound to it, and by no other.
func TestBoundSuccessor(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	mine := w.pdf("Aina")
	w.addDocument(c.Scope, "doc", mine)
	old := w.issue(c, func(in *service.NewCredential) { in.DocumentID = "doc" })
	in := aina()
	in.DocumentID = "doc"
	next := must(w.s.Supersede(w.ctx, c, old.ID, in, once))(t).Value
	expect(t, "bound to the successor too", w.verify(mine), "valid", "", service.StateIssued)
	must(w.s.Supersede(w.ctx, c, next.ID, aina(), once))(t)
	expect(t, "the last one is not bound to it", w.verify(mine), "invalid", "revoked", service.StateSuperseded)
}

// TestBoundBroken: a credential that is bound to a document does not heal a signature in it.
func TestBoundBroken(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	signer := padestest.NewAt(t, padestest.P256, w.clock())
	var signed bytes.Buffer
	in := padestest.Sample{}.Build(t)
	if _, err := signer.Pades(pades.LevelB, padestest.P256).Sign(w.ctx, bytes.NewReader(in), int64(len(in)), &signed, pades.Request{}); err != nil {
		t.Fatal(err)
	}
	broken := bytes.Replace(signed.Bytes(), []byte("/MediaBox"), []byte("/Mediabox"), 1)
	for id, document := range map[string][]byte{"signed": signed.Bytes(), "broken": broken} {
		w.addDocument(c.Scope, id, document)
		vc := w.file(c, w.issue(c, func(in *service.NewCredential) { in.DocumentID = id }).ID, "vc")
		for name, v := range map[string]service.Verdict{"alone": w.verify(document), "with the credential": w.verify(vc, document), "in the other order": w.verify(document, vc)} {
			if got := v.Report.Outcome; (got == verifier.Valid) != (id == "signed") || (got == verifier.Invalid) != (id == "broken") {
				t.Errorf("%s, %s: found %s %s", id, name, got, string(v.Report.Reason))
			}
		}
	}
}

// TestForeignBinding: a page of one institution that another one binds a credential of its
// own to is still judged by the credential inside.
func TestForeignBinding(t *testing.T) {
	w := newWorld(t)
	north, south := w.school("north", all), w.school("south")
	a := w.issue(north)
	page := w.file(north, a.ID, "pdf")
	w.addDocument(south.Scope, "stolen", page)
	w.pass(time.Minute)
	b := w.issue(south, func(in *service.NewCredential) { in.DocumentID = "stolen"; in.Recipient.Name = "Somebody Else" })
	bVC := w.file(south, b.ID, "vc")
	v := w.verify(page)
	expect(t, "in force", v, "valid", "", "*")
	if v.Subject.Name == "Somebody Else" {
		t.Error("the page of the one is told as a credential of the other")
	}
	must(w.s.Revoke(w.ctx, north, a.ID, "x", once))(t)
	expect(t, "revoked", w.verify(page), "invalid", "*", "*")
	expect(t, "revoked, with the credential of the other", w.verify(page, bVC), "invalid", "*", "*")
	expect(t, "revoked, in the other order", w.verify(bVC, page), "invalid", "*", "*")
	expect(t, "revoked, zipped", w.verify(zipped(t, map[string][]byte{"a.pdf": page, "b.json": bVC})), "invalid", "*", "*")
	subject := w.get(north, a.ID).Recipient.ID
	// As an erasure does: the files of the first are gone.
	err := w.store.Update(w.ctx, func(tx service.Tx) error {
		_, err := tx.DeleteArtifacts(w.ctx, north.Scope, a.ID)
		return err
	})
	if err != nil {
		t.Fatal(subject, err)
	}
	expect(t, "revoked and erased", w.verify(page), "invalid", "*", "*")
	expect(t, "revoked and erased, with the credential of the other", w.verify(page, bVC), "invalid", "*", "*")
}

// TestSupersedeBySomethingElse: an id that is there already supersedes nothing, and the
// answer does not say that it did.
func TestSupersedeBySomethingElse(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	in := aina()
	in.ID = "CX-2"
	other := must(w.s.Issue(w.ctx, c, in, once))(t).Value
	old := w.issue(c)
	got, err := w.s.Supersede(w.ctx, c, old.ID, in, once)
	if err == nil && w.get(c, old.ID).State != service.StateSuperseded {
		t.Errorf("answered as superseded, and is not: %+v", got.Value)
	}
	expect(t, "the old one is untouched", w.verifyID(old.PublicID), "valid", "", service.StateIssued)
	expect(t, "the other one is untouched", w.verifyID(other.PublicID), "valid", "", service.StateIssued)
	// Repeating what has happened is no fault.
	in.ID = "CX-3"
	first := must(w.s.Supersede(w.ctx, c, old.ID, in, once))(t)
	again, err := w.s.Supersede(w.ctx, c, old.ID, in, once)
	if err != nil || again.Created || again.Value.PublicID != first.Value.PublicID {
		t.Errorf("repeated: %v %+v", err, again.Value)
	}
}

// TestStrangePicture: a credential of ours in a picture that it does not name is not valid,
// whatever form it has in there.
func TestStrangePicture(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	drawing := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	drawing.Set(1, 1, color.Black)
	var strange bytes.Buffer
	if err := png.Encode(&strange, drawing); err != nil {
		t.Fatal(err)
	}
	full := w.issue(c)
	plain := w.issue(c, func(in *service.NewCredential) { in.Outputs = []string{"vc", "vc.jwt"} })
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><text>PhD</text></svg>`)
	bake := func(image, credential []byte, media string) []byte {
		var out bytes.Buffer
		if err := badge.Bake(&out, bytes.NewReader(image), chancery.Secured{MediaType: media, Bytes: credential}, badge.BakeOptions{}); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for name, file := range map[string][]byte{
		"credential in a strange PNG":              bake(strange.Bytes(), w.file(c, full.ID, "vc"), chancery.MediaVC),
		"credential in a strange SVG":              bake(svg, w.file(c, full.ID, "vc"), chancery.MediaVC),
		"JWT in a strange PNG":                     bake(strange.Bytes(), w.file(c, full.ID, "vc.jwt"), chancery.MediaJWT),
		"JWT in a strange SVG":                     bake(svg, w.file(c, full.ID, "vc.jwt"), chancery.MediaJWT),
		"credential without badge in a PNG":        bake(strange.Bytes(), w.file(c, plain.ID, "vc"), chancery.MediaVC),
		"credential without badge in a SVG":        bake(svg, w.file(c, plain.ID, "vc"), chancery.MediaVC),
		"JWT of a credential without badge in PNG": bake(strange.Bytes(), w.file(c, plain.ID, "vc.jwt"), chancery.MediaJWT),
	} {
		expect(t, name, w.verify(file), "invalid", "related_resource_mismatch", "*")
	}
	for _, name := range []string{"png", "svg"} {
		expect(t, "as issued: "+name, w.verify(w.file(c, full.ID, name)), "valid", "", "*")
	}
	// Its picture is not at hand: nobody can say.
	baked := w.file(c, full.ID, "png")
	var digests []string
	for digest, content := range w.blobs.Files() {
		if bytes.HasPrefix(content, []byte("\x89PNG")) && digest != full.Artifacts["png"].Digest {
			digests = append(digests, digest)
		}
	}
	for _, digest := range digests {
		if err := w.blobs.Delete(w.ctx, digest); err != nil {
			t.Fatal(err)
		}
	}
	if v := w.verify(baked); v.Report.Outcome != verifier.Indeterminate {
		t.Errorf("without the picture: expected indeterminate, found %s", v.Report.Outcome)
	}
}

// TestPictureOfADocument: the addresses of pictures do not hand out documents that happen
// to be pictures.
func TestPictureOfADocument(t *testing.T) {
	w := newWorld(t)
	w.school("north", all)
	var photo bytes.Buffer
	if err := png.Encode(&photo, image.NewNRGBA(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	digest, _, _ := w.blobs.Put(w.ctx, bytes.NewReader(photo.Bytes()))
	if f, err := w.s.Picture(w.ctx, digest+".png"); err == nil {
		t.Errorf("a private file of %d bytes was handed out by its digest", len(f.Bytes))
	}
	served := 0
	for digest, content := range w.blobs.Files() {
		for _, extension := range []string{"png", "svg"} {
			if f, err := w.s.Picture(w.ctx, digest+"."+extension); err == nil && bytes.Equal(f.Bytes, content) {
				served++
			}
		}
	}
	if served != 2 {
		t.Errorf("expected the two pictures of the type, found %d", served)
	}
}

// TestStampIsNoVerdict: a proof that a digest existed says nothing of the credential: a
// revoked one handed over with it is invalid still.
func TestStampIsNoVerdict(t *testing.T) {
	w, stamps, tsa := stampedWorld(t)
	c := w.school("north", all)
	a := w.issue(c)
	vc, page := w.file(c, a.ID, "vc"), w.file(c, a.ID, "pdf")
	made := must(stamps.CreateStamps(w.ctx, c, []service.NewStamp{{Alg: "sha-256", Value: hexSum(vc)}, {Alg: "sha-256", Value: hexSum(page)}, {Alg: "sha-256", Value: hexSum([]byte("plain text"))}}, once))(t).Value
	w.anchorAll(c, stamps, tsa)
	proof := func(n int) []byte { return must(stamps.StampProof(w.ctx, c, made[n].ID, false))(t).Bytes }
	expect(t, "in force", w.verify(proof(0), vc), "valid", "", "*")
	expect(t, "page in force", w.verify(proof(1), page), "valid", "", "*")
	expect(t, "a file that is nothing but stamped", w.verify(proof(2), []byte("plain text")), "valid", "", "*")
	must(w.s.Revoke(w.ctx, c, a.ID, "x", once))(t)
	for name, files := range map[string][][]byte{"credential": {proof(0), vc}, "other order": {vc, proof(0)}, "page": {proof(1), page}} {
		if v := w.verify(files...); v.Report.Outcome == verifier.Valid {
			t.Errorf("%s: a revoked credential with a stamp of its bytes is valid", name)
		}
	}
	if v := w.verify(zipped(t, map[string][]byte{"a.json": vc, "a.cbor": proof(0)})); v.Report.Outcome == verifier.Valid {
		t.Error("zipped: a revoked credential with a stamp of its bytes is valid")
	}
	// A document that a credential here is bound to says nothing by itself.
	document := w.pdf("Aina")
	w.addDocument(c.Scope, "doc", document)
	b := w.issue(c, func(in *service.NewCredential) { in.DocumentID = "doc" })
	made = must(stamps.CreateStamps(w.ctx, c, []service.NewStamp{{Alg: "sha-256", Value: hexSum(document)}}, once))(t).Value
	w.anchorAll(c, stamps, tsa)
	expect(t, "bound document in force", w.verify(proof(0), document), "valid", "", service.StateIssued)
	must(w.s.Revoke(w.ctx, c, b.ID, "x", once))(t)
	expect(t, "bound document, revoked", w.verify(proof(0), document), "invalid", "revoked", service.StateRevoked)
}

// TestForeignLog: an institution cannot write into the verification log of another one.
func TestForeignLog(t *testing.T) {
	w := newWorld(t)
	north, south := w.school("north"), w.school("south")
	a := w.issue(north)
	key, did, err := w.s.SigningKey(w.ctx, south.Scope, must(w.s.ListIssuers(w.ctx, south, service.Page{}))(t).Items[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	draft := chancery.Draft{ID: a.VerificationURL, Issuer: did, Subject: map[string]any{"id": "urn:x:y"}}
	doc := must((&signer.DataIntegrity{Key: key, Created: w.clock()}).Sign(w.ctx, must(draft.Build())(t)))(t)
	w.verify(doc.Bytes)
	if err := w.s.Flush(w.ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []service.Caller{north, south} {
		if lines := must(w.s.Verifications(w.ctx, c, service.Page{}))(t).Items; len(lines) != 0 {
			t.Errorf("%s: unexpected lines %+v", c.Tenant, lines)
		}
	}
}

// TestTestIsTold: a verdict says where what it is about was only a test.
func TestTestIsTold(t *testing.T) {
	w := newWorld(t)
	test := w.school("north", all)
	live := service.System(service.Scope{Tenant: "north", Environment: service.Live})
	w.issuer(live)
	w.newType(live, all)
	for _, c := range []service.Caller{test, live} {
		got := w.issue(c)
		verdicts := map[string]service.Verdict{"id": w.verifyID(got.PublicID), "hash": must(w.s.VerifyHash(w.ctx, "sha-256", sum(w.file(c, got.ID, "vc")), "api"))(t)}
		for name := range got.Artifacts {
			verdicts[name] = w.verify(w.file(c, got.ID, name))
		}
		for name, v := range verdicts {
			expect(t, name, v, "valid", "", "*")
			if v.Environment != c.Environment {
				t.Errorf("%s: expected %s, found %q", name, c.Environment, v.Environment)
			}
		}
	}
	if v := w.verifyID("nothing"); v.Environment != "" {
		t.Errorf("unknown: %q", v.Environment)
	}
}

// TestNothingInReports: of a private credential no answer names anybody.
func TestNothingInReports(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	got := w.issue(c, func(in *service.NewCredential) {
		in.Visibility, in.Recipient.DID = "private", "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
	})
	vc := w.file(c, got.ID, "vc")
	for name, v := range map[string]service.Verdict{
		"id": w.verifyID(got.PublicID), "hash": must(w.s.VerifyHash(w.ctx, "sha-256", sum(vc), "api"))(t),
		"hash of the page": must(w.s.VerifyHash(w.ctx, "sha-256", sum(w.file(c, got.ID, "pdf")), "api"))(t),
		"page":             must(w.s.PublicCredential(w.ctx, got.PublicID))(t).Verdict,
	} {
		text := string(must(v.Report.MarshalJSON())(t))
		for _, secret := range []string{"Aina", "aina", "Weir", "B 12", "900101", "z6Mkha"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the report holds %q: %s", name, secret, text)
			}
		}
	}
}

// stampedWorld is a world with a timestamping authority that anchors.
func stampedWorld(t *testing.T) (*world, *stamp.Stamps, *padestest.World) {
	t.Helper()
	tsa := padestest.New(t, padestest.P256)
	signers := &later{}
	var stamps *stamp.Stamps
	w := newWorld(t, func(c *service.Config) {
		clock := func() time.Time { return tsa.Now }
		c.Clock = clock
		var err error
		stamps, err = stamp.New(stamp.Config{
			Store: c.Store, Signers: signers, Clock: clock, MaxAge: time.Minute, Every: time.Second,
			Timestamper: anchor.TimestamperFunc(func(ctx context.Context, h crypto.Hash, d []byte) ([]byte, error) {
				ts, err := tsa.TSA.Timestamp(ctx, h, d)
				if err != nil {
					return nil, err
				}
				return ts.Token, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Stamper = stamps
		c.Trust = &verifier.Trust{TSARoots: tsa.TSARoot.Chain(), Issuers: []verifier.TrustedIssuer{{ID: "did:example:x"}}}
	})
	signers.s = w.s
	return w, stamps, tsa
}

// anchorAll runs the jobs until all is anchored.
func (w *world) anchorAll(c service.Caller, stamps *stamp.Stamps, tsa *padestest.World) {
	handlers, _ := stamps.Jobs()
	args, _ := service.EncodeArgs(service.ScopedID{Tenant: c.Tenant, Environment: c.Environment})
	for range 6 {
		for _, kind := range []string{stamp.JobAdd, stamp.JobRun} {
			if err := handlers[kind](w.ctx, service.Run{Kind: kind, Args: args, Attempt: 1, Attempts: 25}); err != nil {
				w.t.Log(kind, err) // "later"
			}
		}
		tsa.Now = tsa.Now.Add(time.Minute)
	}
}

func hexSum(b []byte) string { return hex.EncodeToString(sum(b)) }

// TestSealedDocument: a document that an institution has sealed is judged the same, whatever
// was verified before.
func TestSealedDocument(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", all)
	sealer := must(w.s.PDFSigner(w.ctx, c.Scope, "", "B-B"))(t)
	plain := w.pdf("Aina")
	var sealed bytes.Buffer
	if _, err := sealer.Sign(w.ctx, bytes.NewReader(plain), int64(len(plain)), &sealed, pades.Request{}); err != nil {
		t.Fatal(err)
	}
	vc := w.file(c, w.issue(c).ID, "vc")
	w.s = w.again()
	before := w.verify(sealed.Bytes())
	w.verify(vc)
	after := w.verify(sealed.Bytes())
	if before.Report.Outcome != after.Report.Outcome {
		t.Errorf("first %s (%s), then %s (%s)", before.Report.Outcome, string(before.Report.Reason), after.Report.Outcome, string(after.Report.Reason))
	}
	expect(t, "sealed", after, "valid", "", "*")
	if before.Environment != c.Environment || before.Environment != after.Environment {
		t.Errorf("expected %s, found %q and %q", c.Environment, before.Environment, after.Environment)
	}
}

// TestOneIdTwoThings: no two things in a credential share an id: under an RDFC suite their
// members could be exchanged, and the signature would hold.
func TestOneIdTwoThings(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	w.issuer(c)
	keys := []string{"achievement", "id", "type", "the_achievement", "recipient", "name", "credentialSubject", "status"}
	in := service.NewType{Key: "k", DisplayName: "Training", Outputs: []string{"vc", "badge"}}
	claims := map[string]any{}
	for _, key := range keys {
		in.Fields = append(in.Fields, service.Field{Key: key, Label: "Doctor of " + key, Type: "text"})
		claims[key] = "x"
	}
	must(w.s.CreateType(w.ctx, c, in, once))(t)
	got := must(w.s.Issue(w.ctx, c, service.NewCredential{Type: "k", ItemInput: service.ItemInput{Recipient: service.Recipient{Name: "Aina"}, Claims: claims}}, once))(t).Value
	vc := w.file(c, got.ID, "vc")
	expect(t, "as issued", w.verify(vc), "valid", "", "*")
	for _, key := range keys {
		swapped := bytes.ReplaceAll(vc, []byte(`"name":"Training","description"`), []byte(`"name":"@@","description"`))
		swapped = bytes.ReplaceAll(swapped, []byte(`"name":"Doctor of `+key+`"`), []byte(`"name":"Training"`))
		swapped = bytes.ReplaceAll(swapped, []byte(`"@@"`), []byte(`"Doctor of `+key+`"`))
		if bytes.Equal(swapped, vc) {
			t.Fatal("nothing was exchanged")
		}
		expect(t, "a name exchanged with that of "+key, w.verify(swapped), "invalid", "*", "*")
	}
}

// TestPrivateSuccessor: the page of a superseded credential does not tell the address of a
// private one.
func TestPrivateSuccessor(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	old := w.issue(c)
	in := aina()
	in.Visibility = "private"
	got := must(w.s.Supersede(w.ctx, c, old.ID, in, once))(t).Value
	if page := must(w.s.PublicCredential(w.ctx, old.PublicID))(t); page.SupersededBy == got.PublicID {
		t.Error("the page leads to a private credential")
	}
}

// TestStatusIsNotReading: who may change statuses alone does not learn whom they are of.
func TestStatusIsNotReading(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c, func(in *service.NewCredential) { in.Visibility = "private" })
	clerk := c
	clerk.Permissions = []service.Permission{service.MayStatus}
	key := service.Idempotency{Key: "k", Route: "r"}
	for name, f := range map[string]func() (service.Result[service.Credential], error){
		"suspend":        func() (service.Result[service.Credential], error) { return w.s.Suspend(w.ctx, clerk, got.ID, "x", key) },
		"suspend, again": func() (service.Result[service.Credential], error) { return w.s.Suspend(w.ctx, clerk, got.ID, "x", key) },
	} {
		out := must(f())(t)
		text := fmt.Sprintf("%+v", out.Value)
		for _, secret := range []string{"Aina", "aina@", "Weir", "signature=", "identificationNo"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the answer tells %q: %s", name, secret, text)
			}
		}
		if out.Value.State != service.StateSuspended || out.Value.StatusList == "" {
			t.Errorf("%s: unexpected %+v", name, out.Value)
		}
	}
	if full := must(w.s.Reinstate(w.ctx, c, got.ID, "x", once))(t).Value; full.Recipient.Name == "" {
		t.Error("who may read does not see it")
	}
}
