package verifying

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/beside"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	evidencehandler "github.com/chancery-dev/chancery/verifier/evidence"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// registrar stamps digests, issues credentials with another key, and keeps a status list.
type registrar struct {
	t             testing.TB
	w             *padestest.World
	stamper, desk signer.Key
	did, deskDID  string
	list          *signer.StatusList
	trust         *verifier.Trust
}

const listURL = "https://registry.example.edu/status/1"

func newRegistrar(t testing.TB) *registrar {
	t.Helper()
	r := &registrar{t: t, w: padestest.New(t, padestest.P256)}
	r.did, r.stamper = newKey(t, "stamps")
	r.deskDID, r.desk = newKey(t, "desk")
	var err error
	if r.list, err = signer.NewStatusList(signer.StatusConfig{ID: listURL, Purpose: "revocation"}); err != nil {
		t.Fatal(err)
	}
	r.trust = &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: r.did}, {ID: r.deskDID}}, Roots: r.w.Root.Chain(), TSARoots: r.w.TSARoot.Chain()}
	return r
}

func newKey(t testing.TB, seed string) (string, signer.Key) {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	key := ed25519.NewKeyFromSeed(sum[:])
	multibase, err := multikey.Encode(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	did := "did:key:" + multibase
	return did, signer.Key{Signer: key, Method: did + "#" + multibase}
}

func (r *registrar) sign(c *chancery.Credential) []byte {
	r.t.Helper()
	s := &signer.DataIntegrity{Key: r.desk, Created: r.w.Now}
	out, err := s.Sign(r.t.Context(), c)
	if err != nil {
		r.t.Fatal(err)
	}
	return out.Bytes
}

// credential issues one with a status entry.
func (r *registrar) credential() (b []byte, index int) {
	r.t.Helper()
	index, err := r.list.Allocate()
	if err != nil {
		r.t.Fatal(err)
	}
	entry, err := r.list.Entry(index)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := chancery.Draft{ID: "https://registry.example.edu/c/1", Issuer: r.deskDID, ValidFrom: r.w.Now,
		Subject: map[string]any{"id": "did:example:holder", "name": "Aina Rahman"}, Status: []chancery.StatusEntry{entry}}.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	return r.sign(c), index
}

// publish pins the status list as it is now.
func (r *registrar) publish() {
	r.t.Helper()
	c, err := r.list.Credential(signer.StatusPublication{Issuer: r.deskDID, ValidFrom: r.w.Now, ValidUntil: r.w.Now.Add(24 * time.Hour)})
	if err != nil {
		r.t.Fatal(err)
	}
	r.trust.Documents = []verifier.PinnedDocument{{URL: listURL, Kind: verifier.KindStatusList, Document: r.sign(c)}}
}

// stamp is evidence that a document existed, of a kind of subject.
func (r *registrar) stamp(kind string, document []byte) []byte {
	r.t.Helper()
	ctx, store := r.t.Context(), anchor.NewMemStore()
	must := func(err error) {
		if r.t.Helper(); err != nil {
			r.t.Fatal(err)
		}
	}
	b, err := anchor.NewBatcher(anchor.BatcherConfig{Store: store, Issuer: r.did, Key: r.stamper.Signer, Method: r.stamper.Method, Promise: []string{evidence.PromiseTimestamp}, Clock: r.w.Clock})
	must(err)
	subject, err := anchor.Digest(bytes.NewReader(document), kind, "sha-256")
	must(err)
	_, err = b.Add(ctx, anchor.Item{ID: "it", Subject: subject})
	must(err)
	_, err = b.Seal(ctx)
	must(err)
	a, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Clock: r.w.Clock, Timestamper: anchor.TimestamperFunc(func(ctx context.Context, h crypto.Hash, d []byte) ([]byte, error) {
		ts, err := r.w.TSA.Timestamp(ctx, h, d)
		if err != nil {
			return nil, err
		}
		return ts.Token, nil
	})})
	must(err)
	must(a.Step(ctx))
	bundle, err := (&anchor.Prover{Store: store}).Bundle(ctx, "it", nil)
	must(err)
	out, err := bundle.Encode()
	must(err)
	return out
}

// pdf signs a document, with its revocation data inside.
func (r *registrar) pdf(in []byte) []byte {
	r.t.Helper()
	var out bytes.Buffer
	if _, err := r.w.Pades(sign.LevelLTA, padestest.P256).Sign(r.t.Context(), bytes.NewReader(in), int64(len(in)), &out, sign.Request{}); err != nil {
		r.t.Fatal(err)
	}
	return out.Bytes()
}

func (r *registrar) judge(proof, document []byte) *verifier.Report {
	r.t.Helper()
	r.w.Now = r.w.Now.Add(time.Hour)
	files := []File{Bytes("", document), Bytes("", proof)}
	cases := Arrange(files)
	if len(cases) != 1 || cases[0].Document != 0 {
		r.t.Fatalf("arranged as %v", cases)
	}
	out, err := Judge(r.t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: files[1], Document: &files[0]})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// library is the verdict that a program has which links the library, on a proof with the document
// beside it, nil for none: it has to be the same one.
func (r *registrar) library(proof, document []byte) (verifier.Outcome, verifier.Reason) {
	r.t.Helper()
	v, err := verifier.New(verifier.Config{Trust: r.trust, Clock: r.w.Clock, Handlers: map[string]verifier.Handler{
		chancery.MediaPDF: pades.Handler{}, chancery.MediaEvidence: &evidencehandler.Handler{Document: document},
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := report(v.Verify(r.t.Context(), chancery.Secured{Bytes: proof}))
	if err != nil {
		r.t.Fatal(err)
	}
	return out.Outcome, out.Reason
}

// TestBeside: a stamp of its bytes does not make a document better than it is, and one that
// says nothing of itself stands by the stamp.
func TestBeside(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	revoked, index := r.credential()
	if err := r.list.Set(index, 1); err != nil {
		t.Fatal(err)
	}
	r.publish()
	page := padestest.Sample{}.Build(t)
	signed := r.pdf(page)
	tampered := bytes.Replace(signed, []byte("/MediaBox"), []byte("/Mediabox"), 1)
	if bytes.Equal(tampered, signed) {
		t.Fatal("nothing to change")
	}
	replace := func(b []byte, old, changed string) []byte {
		out := bytes.Replace(b, []byte(old), []byte(changed), 1)
		if bytes.Equal(out, b) {
			t.Fatalf("no %q to change", old)
		}
		return out
	}
	proofless := []byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"` + r.deskDID + `","credentialSubject":{"id":"did:example:holder"}}`)
	for name, c := range map[string]struct {
		document []byte
		want     verifier.Outcome
		reason   verifier.Reason
		speaks   bool
	}{
		"a credential":             {good, verifier.Valid, "", true},
		"a revoked one":            {revoked, verifier.Invalid, verifier.CredentialRevoked, true},
		"a changed one":            {replace(good, "Aina", "Anna"), verifier.Invalid, verifier.SignatureInvalid, true},
		"one of a stranger":        {replace(good, r.deskDID, r.did), verifier.Invalid, "*", true},
		"one without its proof":    {proofless, verifier.Invalid, verifier.NoProof, true},
		"one with another context": {replace(good, `"https://www.w3.org/ns/credentials/v2"`, `"https://www.w3.org/ns/credentials/v2","https://example.org/own"`), verifier.Indeterminate, verifier.UnknownContext, true},
		"one with a name twice":    {replace(good, `"credentialSubject"`, `"issuer":"x","credentialSubject"`), verifier.Invalid, verifier.MalformedJSON, true},
		"a signed PDF":             {signed, verifier.Valid, "", true},
		"a changed PDF":            {tampered, verifier.Invalid, "*", true},
		"a damaged signed PDF":     {replace(signed, "startxref", "startxxxx"), verifier.Invalid, "*", true},
		"a PDF nobody signed":      {page, verifier.Valid, "", false},
		"a PDF no longer signed":   {append(bytes.Clone(page), "% /ByteRange[0 1 2 3]"...), verifier.Invalid, verifier.NoSignature, true},
		"a damaged PDF":            {replace(page, "startxref", "startxxxx"), verifier.Valid, "", false},
		"a text":                   {[]byte("the first document\n"), verifier.Valid, "", false},
		"an empty file":            {nil, verifier.Valid, "", false},
		"an address":               {[]byte("https://example.org/\n"), verifier.Valid, "", false},
		"some JSON":                {[]byte(`{"a":1}`), verifier.Valid, "", false},
		"a text in braces":         {[]byte(`{\rtf1 credential}`), verifier.Valid, "", false},
		"a web page":               {[]byte("<html><body>of openbadges and credentialSubject</body></html>"), verifier.Valid, "", false},
		"a damaged picture":        {[]byte("\x89PNG\r\n\x1a\nand so on"), verifier.Valid, "", false},
		"a damaged badge":          {[]byte("\x89PNG\r\n\x1a\nopenbadgecredential"), verifier.Invalid, verifier.ImageMalformed, true},
		"a large archive":          {append([]byte("PK credentialSubject"), make([]byte, limits.DocumentBytes)...), verifier.Valid, "", false},
		"a large credential":       {append(bytes.Clone(revoked), bytes.Repeat([]byte(" "), limits.DocumentBytes)...), verifier.Invalid, verifier.TooLarge, true},
	} {
		proof := r.stamp(evidence.SubjectStamp, c.document)
		got := r.judge(proof, c.document)
		if c.document == nil {
			c.document = []byte{}
		}
		if outcome, reason := r.library(proof, c.document); outcome != got.Outcome || reason != got.Reason {
			t.Errorf("%s: the library finds %s %q, the command %s %q", name, outcome, string(reason), got.Outcome, string(got.Reason))
		}
		if got.Outcome != c.want || c.reason != "*" && got.Reason != c.reason {
			t.Errorf("%s: expected %s %q, found %s %q", name, c.want, c.reason, got.Outcome, got.Reason)
			for _, k := range got.Checks {
				t.Logf("  %s %s %s %s", k.ID, k.Result, k.Reason, k.Detail)
			}
		}
		if said := len(got.Sub) == 1 && got.Sub[0].Relation == beside.RelationDocument; said != c.speaks {
			t.Errorf("%s: expected a report on it: %t, found %+v", name, c.speaks, got.Sub)
		}
		if check, ok := got.Check(verifier.CheckInner); ok != c.speaks || ok && (!check.Required || check.Result == verifier.Pass != (c.want == verifier.Valid)) {
			t.Errorf("%s: check %+v", name, check)
		}
	}
}

// TestBesideOther: a good document does not make up for a stamp of another one.
func TestBesideOther(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	r.publish()
	got := r.judge(r.stamp(evidence.SubjectStamp, []byte("another")), good)
	if got.Outcome != verifier.Invalid || got.Reason != verifier.EvidenceDocumentMismatch || len(got.Sub) != 1 || got.Sub[0].Report.Outcome != verifier.Valid {
		t.Errorf("found %s %s, %+v", got.Outcome, got.Reason, got.Sub)
	}
	r.trust.Issuers = r.trust.Issuers[1:]
	if got = r.judge(r.stamp(evidence.SubjectStamp, good), good); got.Outcome != verifier.Indeterminate || got.Reason != verifier.IssuerNotTrusted {
		t.Errorf("a stamp by a stranger: %s %s", got.Outcome, got.Reason)
	}
}

// TestBesideTime: what a key signed before it was revoked holds with a stamp of that time,
// and not with a later one.
func TestBesideTime(t *testing.T) {
	r := newRegistrar(t)
	c, err := chancery.Draft{ID: "https://registry.example.edu/c/2", Issuer: r.deskDID, ValidFrom: r.w.Now, Subject: map[string]any{"id": "did:example:holder"}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	b := r.sign(c)
	zip := archive("", entry{name: "a", content: b}, entry{name: "t", content: []byte("a text")}, entry{name: "b", content: b})
	early, earlyZIP := r.stamp(evidence.SubjectStamp, b), r.stamp(evidence.SubjectStamp, zip)
	r.w.Now = r.w.Now.Add(time.Hour)
	_, multibase, _ := strings.Cut(r.desk.Method, "#")
	text := `{"version":1,"issuers":[{"id":"` + r.did + `"},{"id":"` + r.deskDID + `","keys":[{"method":"` + r.desk.Method + `","publicKeyMultibase":"` + multibase + `","revoked":"` + r.w.Now.UTC().Format(time.RFC3339) + `"}]}]}`
	trust, err := verifier.ParseTrust([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	trust.TSARoots = r.trust.TSARoots
	r.trust = trust
	r.w.Now = r.w.Now.Add(time.Hour)
	late := r.stamp(evidence.SubjectStamp, b)
	for _, proof := range [][]byte{early, late} {
		got := r.judge(proof, b)
		if outcome, reason := r.library(proof, b); outcome != got.Outcome || reason != got.Reason {
			t.Errorf("the library finds %s %q, the command %s %q", outcome, string(reason), got.Outcome, string(got.Reason))
		}
	}
	if got := r.judge(early, b); got.Outcome != verifier.Valid {
		t.Errorf("stamped before: %s %s", got.Outcome, got.Reason)
	}
	if got := r.judge(late, b); got.Outcome != verifier.Indeterminate || got.Reason != verifier.KeyRevoked {
		t.Errorf("stamped after: %s %s", got.Outcome, got.Reason)
	}
	if got := r.judge(earlyZIP, zip); got.Outcome != verifier.Valid {
		t.Errorf("stamped before, in a ZIP: %s %s", got.Outcome, got.Reason)
	}
	lateZIP := r.stamp(evidence.SubjectStamp, zip)
	if got := r.judge(lateZIP, zip); got.Outcome != verifier.Indeterminate {
		t.Errorf("stamped after, in a ZIP: %s %s", got.Outcome, got.Reason)
	}
	// What one proof proves is not lent to another.
	set := NewSet([]File{Bytes("", zip), Bytes("", earlyZIP), Bytes("", lateZIP)})
	for i, want := range []verifier.Outcome{verifier.Valid, verifier.Indeterminate} {
		got, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, set.Input(set.Cases[i], Input{}))
		if err != nil || got.Outcome != want {
			t.Errorf("proof %d of one ZIP: %v: expected %s, found %+v", i, err, want, got)
		}
	}
	if got := r.judge(r.stamp(evidence.SubjectStamp, []byte("another")), b); got.Outcome != verifier.Invalid || got.Sub[0].Report.Outcome == verifier.Valid {
		t.Errorf("a stamp of another document: %s %s", got.Outcome, got.Reason)
	}
}

// TestBesideInside: what evidence of a credential judged already is not judged over again,
// and what the caller knows of it counts.
func TestBesideInside(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	r.publish()
	proof := r.stamp(evidence.SubjectCredential, good)
	if got := r.judge(proof, good); got.Outcome != verifier.Valid || len(got.Sub) != 1 || got.Sub[0].Relation != evidence.SubjectCredential {
		t.Errorf("found %s %s, %+v", got.Outcome, got.Reason, got.Sub)
	}
	document := Bytes("", good)
	known := func(_ context.Context, own *verifier.Report) (*verifier.Report, error) {
		out := *own
		out.Add(verifier.Check{ID: verifier.CheckBadgeBinding, Required: true, Reason: verifier.RelatedResourceMismatch})
		out.Decide()
		return &out, nil
	}
	for _, proof := range [][]byte{proof, r.stamp(evidence.SubjectStamp, good)} {
		got, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: Bytes("", proof), Document: &document, Known: known})
		if err != nil || got.Outcome != verifier.Invalid || got.Reason != verifier.RelatedResourceMismatch {
			t.Errorf("found %v %+v", err, got)
		}
	}
}

// TestBesideArchive: a stamp of a ZIP makes nothing in it better than it is.
func TestBesideArchive(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	revoked, index := r.credential()
	if err := r.list.Set(index, 1); err != nil {
		t.Fatal(err)
	}
	r.publish()
	is := func(name string, b []byte) entry { return entry{name: name, content: b} }
	text := is("t", []byte("a text"))
	hides := edited(is("x", []byte("x")), func(m *made) { m.unlisted = true })
	bad := archive("", is("a", revoked))
	for name, c := range map[string]struct {
		zip    []byte
		want   string
		inside bool // there is a report on what is in it
	}{
		"texts":                 {archive("", text, is("u", []byte("another"))), "valid ", false},
		"a good one":            {archive("", is("a", good)), "valid ", true},
		"good ones and a text":  {archive("", is("a", good), text, is("b", good)), "valid ", true},
		"hidden bytes":          {archive("", is("a", good), hides, text), "valid ", true},
		"a revoked one":         {bad, "invalid revoked", true},
		"a revoked one of two":  {archive("", is("a", good), is("b", revoked), text), "invalid inner_invalid", true},
		"damaged":               {bad[:len(bad)-30], "valid ", false},
		"beyond the bounds":     {archive("", is("a", revoked), is("z", make([]byte, 9<<20))), "valid ", false},
		"what was a credential": {archive("", is("a", good[:len(good)-9]), text), "invalid inner_invalid", true},
	} {
		proof := r.stamp(evidence.SubjectStamp, c.zip)
		out := r.judge(proof, c.zip)
		if got := out.Outcome.String() + " " + string(out.Reason); got != c.want || (len(out.Sub) != 0) != c.inside {
			t.Errorf("%s: expected %s, found %s, with %d reports", name, c.want, got, len(out.Sub))
		}
	}
	// One in another is not opened, and nothing is said of it: a ZIP can hold itself.
	for name, c := range map[string]struct{ zip []byte }{"bad": {bad}, "good": {archive("", is("a", good))}} {
		out := r.together(is("x.zip", c.zip), is("p", r.stamp(evidence.SubjectStamp, c.zip)))
		if out.Outcome != verifier.Indeterminate || out.Reason != verifier.NotJudged {
			t.Errorf("%s, in another: %s %s", name, out.Outcome, string(out.Reason))
		}
	}
}

// counting counts what is read of a file.
type counting struct {
	*bytes.Reader
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// TestBesideArchiveWork: an archive that many proofs are about is opened once.
func TestBesideArchiveWork(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	r.publish()
	zip := archive("", entry{name: "a", content: good, store: true}, entry{name: "b", content: good, store: true})
	read := func(proofs int) int64 {
		at := &counting{Reader: bytes.NewReader(zip)}
		files := []File{{Name: "x.zip", At: at, Size: int64(len(zip))}}
		for range proofs {
			files = append(files, Bytes("p", r.stamp(evidence.SubjectStamp, zip)))
		}
		r.w.Now = r.w.Now.Add(time.Hour)
		set := NewSet(files)
		if len(set.Cases) != proofs {
			t.Fatalf("arranged as %v", set.Cases)
		}
		for _, c := range set.Cases {
			out, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, set.Input(c, Input{}))
			if err != nil || out.Outcome != verifier.Valid || len(out.Sub) != 1 || len(out.Sub[0].Report.Sub) != 2 {
				t.Fatalf("%v: %+v", err, out)
			}
		}
		return at.n
	}
	if one, ten := read(1), read(10); ten > one+1000 {
		t.Errorf("one proof reads %d bytes of the archive, ten %d", one, ten)
	}
}
