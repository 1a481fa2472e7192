package pades_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// withCredential builds a document with a file embedded, associated or by name only.
func withCredential(tb testing.TB, w *world, data, media string, associated bool) *sample {
	tb.Helper()
	return buildSample(tb, true, func(b *pdf.Builder, s *sample, cat, page, form *pdf.Dict) {
		file := b.Add(pdf.NewStream(dict("Type", "/EmbeddedFile", "Subtype", "/"+media), []byte(data)))
		spec := b.Add(dict("Type", "/Filespec", "F", "credential.json", "UF", "credential.json", "AFRelationship", "/Source", "EF", dict("F", file)))
		if associated {
			cat.Set("AF", arr(spec))
		}
		cat.Set("Names", dict("EmbeddedFiles", dict("Names", arr("credential.json", spec))))
	})
}

func newVerifier(tb testing.TB, w *world, trust *verifier.Trust) *verifier.Verifier {
	tb.Helper()
	trust.Roots, trust.TSARoots = []*x509.Certificate{w.Root.Certificate}, []*x509.Certificate{w.TSARoot.Certificate}
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: w.Clock, Handlers: map[string]verifier.Handler{
		chancery.MediaPDF: pades.Handler{Config: pades.Config{Revocation: online{w.World}}},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func report(v *verifier.Verifier, b []byte) *verifier.Report {
	return readBack(reportOnly(v, b))
}

// readBack is a report that was written and read again: all that is looked at here is in it.
func readBack(r *verifier.Report) *verifier.Report {
	text, _ := r.MarshalJSON()
	back, err := verifier.ParseReport(text)
	if err != nil {
		panic(err)
	}
	return back
}

func reportOnly(v *verifier.Verifier, b []byte) *verifier.Report {
	ok, err := v.Verify(context.Background(), chancery.Secured{MediaType: chancery.MediaPDF, Bytes: b})
	var bad *verifier.Error
	if errors.As(err, &bad) {
		return bad.Report
	}
	return ok.Report()
}

// credential issues one, valid at the time of the world.
func credential(tb testing.TB, w *world, status ...chancery.StatusEntry) string {
	tb.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	mk, err := multikey.Encode(pub)
	if err != nil {
		tb.Fatal(err)
	}
	did := "did:key:" + mk
	c, err := chancery.Draft{ID: "urn:uuid:6d6ac8f1-6e7a-4b8c-9d0b-2f2f3a4b5c6d", Issuer: did, ValidFrom: w.Now.Add(-time.Hour), Status: status,
		Subject: map[string]any{"id": "did:example:ada"}}.Build()
	if err != nil {
		tb.Fatal(err)
	}
	s := &signer.DataIntegrity{Key: signer.Key{Signer: key, Method: did + "#" + mk}, Suite: proof.EdDSAJCS2022, Clock: w.Clock}
	out, err := s.Sign(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out.Bytes)
}

// TestHandler: the verifier's outcome is the document's, with the credential inside.
func TestHandler(t *testing.T) {
	w := newWorld(t)
	good := credential(t, w)
	broken := good[:len(good)-20] + "x" + good[len(good)-19:]
	listed := credential(t, w, chancery.StatusEntry{
		Type: "BitstringStatusListEntry", Purpose: "revocation", ListIndex: "7", ListCredential: "https://lists.example/1",
	})
	trusting := func() *verifier.Trust { return &verifier.Trust{Any: true} }
	for _, c := range []struct {
		name, data, media string
		associated        bool
		trust             *verifier.Trust
		outcome           verifier.Outcome
		reason            verifier.Reason
		subs              int
	}{
		{"credential", good, "application/vc", true, trusting(), verifier.Valid, "", 1},
		{"credential by name only", good, "application/json", false, trusting(), verifier.Valid, "", 1},
		{"credential by nobody who is trusted", good, "application/vc", true, &verifier.Trust{}, verifier.Valid, "", 1},
		{"credential broken", broken, "application/vc", true, trusting(), verifier.Invalid, verifier.InnerInvalid, 1},
		{"credential of which nobody knows whether it was revoked", listed, "application/vc", true, trusting(), verifier.Indeterminate, verifier.InnerIndeterminate, 1},
		{"the same by nobody who is trusted", listed, "application/vc", true, &verifier.Trust{}, verifier.Valid, "", 1},
		{"other file", `{"hello":"world"}`, "application/json", true, trusting(), verifier.Valid, "", 0},
	} {
		s := withCredential(t, w, c.data, c.media, c.associated)
		b := w.sign(sign.LevelLT, s.bytes, sign.Request{})
		r := report(newVerifier(t, w, c.trust), b)
		if r.Outcome != c.outcome || r.Reason != c.reason || len(r.Sub) != c.subs {
			t.Errorf("%s: %v %s, %d inside\n%+v", c.name, r.Outcome, string(r.Reason), len(r.Sub), r.Checks)
		}
		if r.MediaType != chancery.MediaPDF || len(r.Proofs) != 1 || r.Proofs[0].Result != verifier.Pass || r.Issuer.Name == "" {
			t.Errorf("%s: %+v", c.name, r)
		}
		if c.subs > 0 && (r.Lifecycle != r.Sub[0].Report.Lifecycle || !slices.Contains(r.TrustInputs, r.Proofs[0].Key) || !containsAll(r.TrustInputs, r.Sub[0].Report.TrustInputs)) {
			t.Errorf("%s: expected the lifecycle and the inputs of the credential inside, and the key, found %q %q", c.name, r.Lifecycle, r.TrustInputs)
		}
		if c.subs > 0 && (!r.ValidFrom.Equal(r.Sub[0].Report.ValidFrom) || !r.ValidUntil.Equal(r.Sub[0].Report.ValidUntil)) {
			t.Errorf("%s: expected to hold as long as the credential inside, not as the certificate: until %s", c.name, r.ValidUntil)
		}
		if c.subs > 0 && c.outcome == verifier.Valid {
			if k, ok := r.Check(verifier.CheckBadgeBinding); !ok || k.Result != verifier.Pass {
				t.Errorf("%s: expected the credential to belong to the document", c.name)
			}
		}
	}
}

// TestExpected: what is expected of a document fails where nothing in it can be compared
// with that; the credential inside says for whom it is.
func TestExpected(t *testing.T) {
	w := newWorld(t)
	plain := w.sign(sign.LevelLT, buildSample(t, true, nil).bytes, sign.Request{})
	s := withCredential(t, w, credential(t, w), "application/vc", true)
	inside := w.sign(sign.LevelLT, s.bytes, sign.Request{})
	ada, bob := verifier.Expect{Recipient: verifier.Recipient{Identity: "did:example:ada"}}, verifier.Expect{Recipient: verifier.Recipient{Identity: "did:example:bob"}}
	any := &verifier.Trust{Any: true}
	for _, c := range []struct {
		name   string
		file   []byte
		trust  *verifier.Trust
		expect verifier.Expect
		want   verifier.Reason
	}{
		{"nothing expected", plain, any, verifier.Expect{}, ""},
		{"a recipient, of a document that names none", plain, any, ada, verifier.RecipientMismatch},
		{"a domain", plain, any, verifier.Expect{Domain: "x.example"}, verifier.DomainMismatch},
		{"a challenge", inside, any, verifier.Expect{Challenge: "abc"}, verifier.ChallengeMismatch},
		{"the recipient", inside, any, ada, ""},
		{"another recipient", inside, any, bob, verifier.InnerInvalid},
		{"the recipient, says somebody who is not trusted", inside, &verifier.Trust{}, ada, verifier.RecipientMismatch},
	} {
		_, err := newVerifier(t, w, c.trust).VerifyExpecting(context.Background(), chancery.Secured{MediaType: chancery.MediaPDF, Bytes: c.file}, c.expect)
		if c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
			t.Errorf("%s: expected %q, found %v", c.name, string(c.want), err)
		}
	}
}

func containsAll(have, want []string) bool {
	for _, s := range want {
		if !slices.Contains(have, s) {
			return false
		}
	}
	return true
}

// TestHandlerAgrees: report and result come to the same outcome, whatever the file.
func TestHandlerAgrees(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w, &verifier.Trust{})
	for _, b := range bases(t, w)[:2] {
		files := [][]byte{b.signed, b.sample.bytes, nil}
		for _, a := range attacks {
			files = append(files, a.apply(t, b))
		}
		for _, f := range files {
			res, r := validate(t, f, w.config()), report(v, f)
			if len(f) > 0 && (res.Outcome != r.Outcome || res.Reason != r.Reason) {
				t.Errorf("result %v %s, report %v %s", res.Outcome, string(res.Reason), r.Outcome, string(r.Reason))
			}
			if r.Outcome == verifier.Valid && res.Outcome != verifier.Valid {
				t.Error("the report is milder than the result")
			}
		}
	}
}

// TestUnsignedCredential: a credential added after signing is not the document's.
func TestUnsignedCredential(t *testing.T) {
	w := newWorld(t)
	s := withCredential(t, w, credential(t, w), "application/vc", true)
	r := validate(t, s.bytes, w.config())
	if r.Reason != verifier.NoSignature || len(r.Attachments) != 0 {
		t.Error(explain(r))
	}
	plain := buildSample(t, true, nil)
	b := update(t, w.sign(sign.LevelB, plain.bytes, sign.Request{}), func(u *pdf.Update) {
		file := u.Add(pdf.NewStream(dict("Type", "/EmbeddedFile", "Subtype", "/application/vc"), []byte("{}")))
		edit(t, u, plain.catalog).Set("AF", arr(dict("Type", "/Filespec", "F", "credential.json", "EF", dict("F", file))))
	})
	if r := validate(t, b, w.config()); r.Reason != changed || len(r.Attachments) != 0 {
		t.Error(explain(r))
	}
	_ = padestest.P256
}
