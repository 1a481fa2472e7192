package pades_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

// world is a public key infrastructure in the process: a signer below an intermediate, an authority
// for timestamps below a root of its own, and revocation data for all of it.
type world struct {
	now           time.Time
	root, issuing *testca.Authority
	signer        *testca.Leaf
	tsaRoot       *testca.Authority
	tsaLeaf       *testca.Leaf
	responder     *testca.Leaf
	tsa           *pades.LocalTSA
}

func (w *world) clock() time.Time { return w.now }

// start is fixed, so that files made by tests do not depend on the day.
var start = time.Date(2026, 6, 30, 10, 15, 0, 0, time.FixedZone("", 2*3600))

type keyKind string

const (
	rsa2048 keyKind = "RSA-2048"
	pss2048 keyKind = "RSA-PSS-2048"
	p256    keyKind = "P-256"
	p384    keyKind = "P-384"
	ed      keyKind = "Ed25519"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newKey(t testing.TB, kind keyKind) crypto.Signer {
	t.Helper()
	var k crypto.Signer
	var err error
	switch kind {
	case rsa2048, pss2048:
		return rsaKey()
	case p256:
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case p384:
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ed:
		_, k, err = ed25519.GenerateKey(rand.Reader)
	}
	check(t, err)
	return k
}

func newWorld(t testing.TB, kind keyKind) *world {
	t.Helper()
	return newWorldAt(t, kind, start)
}

func newWorldAt(t testing.TB, kind keyKind, at time.Time) *world {
	t.Helper()
	w := &world{now: at}
	var err error
	past := func() time.Time { return at.Add(-24 * time.Hour) }
	name := func(cn string) pkix.Name {
		return pkix.Name{CommonName: cn, Organization: []string{"Example University"}, Country: []string{"DE"}}
	}
	w.root, err = testca.NewRoot(testca.Config{Clock: past, Subject: name("Example Root")})
	check(t, err)
	w.issuing, err = w.root.NewIntermediate(testca.Config{Clock: past, Subject: name("Example Issuing CA"), OCSPURL: "http://ocsp.example/", CRLURL: "http://crl.example/issuing.crl"})
	check(t, err)
	w.signer, err = w.issuing.Issue(testca.Request{Profile: testca.DocumentSigning, Subject: name("Universität Grünau, Registrar"), Key: newKey(t, kind)})
	check(t, err)
	w.responder, err = w.issuing.Issue(testca.Request{Profile: testca.OCSPResponder, Subject: name("Example OCSP")})
	check(t, err)
	w.tsaRoot, err = testca.NewRoot(testca.Config{Clock: past, Subject: name("Example Time Root")})
	check(t, err)
	w.tsaLeaf, err = w.tsaRoot.Issue(testca.Request{Profile: testca.Timestamping, Subject: name("Example Time")})
	check(t, err)
	w.tsa, err = pades.NewLocalTSA(pades.LocalTSAConfig{Key: w.tsaLeaf.Key, Chain: append([]*x509.Certificate{w.tsaLeaf.Certificate}, w.tsaLeaf.Chain...), Clock: w.clock})
	check(t, err)
	return w
}

// Revocation answers for every certificate in the world: OCSP for those of the issuing authority, else CRLs.
func (w *world) Revocation(_ context.Context, cert, issuer *x509.Certificate) (pades.Revocation, error) {
	var a *testca.Authority
	for _, x := range []*testca.Authority{w.root, w.issuing, w.tsaRoot} {
		if x.Certificate.Equal(issuer) {
			a = x
		}
	}
	switch a {
	case nil:
		return pades.Revocation{}, errNobody
	case w.issuing:
		r, err := a.OCSP(testca.OCSPConfig{Responder: w.responder, ThisUpdate: w.now}, cert)
		return pades.Revocation{OCSP: [][]byte{r}}, err
	}
	crl, err := a.CRL(testca.CRLConfig{ThisUpdate: w.now})
	return pades.Revocation{CRLs: [][]byte{crl}}, err
}

type testError string

func (e testError) Error() string { return string(e) }

const errNobody = testError("nobody answers for this certificate")

func (w *world) chain() []*x509.Certificate {
	return append([]*x509.Certificate{w.signer.Certificate}, w.signer.Chain...)
}

func (w *world) pades(level pades.Level, kind keyKind) *pades.Signer {
	s := &pades.Signer{Key: w.signer.Key, Chain: w.chain(), Level: level, PSS: kind == pss2048, Clock: w.clock}
	if level >= pades.LevelT {
		s.TSA = w.tsa
	}
	if level >= pades.LevelLT {
		s.Revocation = w
	}
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sign signs bytes in memory.
func sign(t testing.TB, s *pades.Signer, in []byte, req pades.Request) ([]byte, pades.Result) {
	t.Helper()
	var out bytes.Buffer
	r, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, req)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), in) {
		t.Fatal("the input is not a prefix of the output")
	}
	if r.Size != int64(out.Len()) {
		t.Fatalf("Result.Size %d, wrote %d", r.Size, out.Len())
	}
	return out.Bytes(), r
}

// sample builds a small document.
type sample struct {
	streams bool   // cross-reference stream and object streams
	form    string // "": none, "direct", "indirect"
	pages   int
	version string
	bulk    int // bytes of an incompressible stream
}

func (s sample) build(t testing.TB) []byte {
	t.Helper()
	b := &pdf.Builder{Version: s.version, Streams: s.streams}
	n := pdf.Name("Type")
	pagesRef := b.Alloc()
	kids := pdf.NewArray()
	var first *pdf.Dict
	font := b.Add(pdf.NewDict(n, pdf.Name("Font"), pdf.Name("Subtype"), pdf.Name("Type1"), pdf.Name("BaseFont"), pdf.Name("Helvetica")))
	for range max(1, s.pages) {
		content := b.Add(pdf.NewStream(pdf.NewDict(), []byte("BT /F1 24 Tf 72 720 Td (Diploma) Tj ET")))
		page := pdf.NewDict(n, pdf.Name("Page"), pdf.Name("Parent"), pagesRef, pdf.Name("MediaBox"),
			pdf.NewArray(pdf.Integer(0), pdf.Integer(0), pdf.Integer(595), pdf.Integer(842)), pdf.Name("Contents"), content,
			pdf.Name("Resources"), pdf.NewDict(pdf.Name("Font"), pdf.NewDict(pdf.Name("F1"), font)))
		if first == nil {
			first = page
		}
		kids.Append(b.Add(page))
	}
	b.Set(pagesRef, pdf.NewDict(n, pdf.Name("Pages"), pdf.Name("Kids"), kids, pdf.Name("Count"), pdf.Integer(kids.Len())))
	if s.bulk > 0 {
		data := make([]byte, s.bulk)
		if _, err := rand.Read(data); err != nil {
			t.Fatal(err)
		}
		b.Add(pdf.NewStream(pdf.NewDict(), data))
	}
	cat := pdf.NewDict(n, pdf.Name("Catalog"), pdf.Name("Pages"), pagesRef, pdf.Name("Lang"), pdf.EncodeText("en"))
	if s.form != "" {
		page := kids.At(0)
		text := pdf.NewDict(n, pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Widget"), pdf.Name("FT"), pdf.Name("Tx"), pdf.Name("T"), pdf.EncodeText("name"),
			pdf.Name("Rect"), pdf.NewArray(pdf.Integer(72), pdf.Integer(600), pdf.Integer(272), pdf.Integer(620)), pdf.Name("P"), page, pdf.Name("DA"), pdf.EncodeText("/Helv 12 Tf 0 g"))
		textRef := b.Add(text)
		empty := pdf.NewDict(n, pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Widget"), pdf.Name("FT"), pdf.Name("Sig"), pdf.Name("T"), pdf.EncodeText("Registrar"),
			pdf.Name("Rect"), pdf.NewArray(pdf.Integer(72), pdf.Integer(72), pdf.Integer(322), pdf.Integer(142)), pdf.Name("P"), page, pdf.Name("F"), pdf.Integer(4))
		emptyRef := b.Add(empty)
		form := pdf.NewDict(pdf.Name("Fields"), pdf.NewArray(textRef, emptyRef), pdf.Name("DA"), pdf.EncodeText("/Helv 0 Tf 0 g"), pdf.Name("DR"),
			pdf.NewDict(pdf.Name("Font"), pdf.NewDict(pdf.Name("Helv"), font)), pdf.Name("NeedAppearances"), pdf.Bool(false))
		if s.form == "direct" {
			cat.Set("AcroForm", form)
		} else {
			cat.Set("AcroForm", b.Add(form))
		}
		// The page's annotations, as an object of their own.
		annots := b.Add(pdf.NewArray(textRef, emptyRef))
		first.Set("Annots", annots)
	}
	b.Trailer().Set("Root", b.Add(cat))
	id := pdf.String{Value: []byte("0123456789abcdef"), Hex: true}
	b.Trailer().Set("ID", pdf.NewArray(id, id))
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func nan() float64 { return math.NaN() }

// refused checks that signing fails for a reason, before a byte is written.
func refused(t testing.TB, s *pades.Signer, in []byte, req pades.Request, reason pades.Reason) {
	t.Helper()
	var out bytes.Buffer
	_, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), &out, req)
	if !errors.Is(err, reason) {
		t.Fatalf("got %v, expected %s", err, reason)
	}
	if out.Len() > 0 {
		t.Fatalf("%d bytes were written before it was refused", out.Len())
	}
}
