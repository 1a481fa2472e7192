// Package padestest is a public key infrastructure in the process and a set of input files, for tests of
// packages that sign PDF files or verify what was signed.
package padestest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/signer/pades"
)

// World is a signer below an intermediate, an authority for timestamps below a root of its own, and
// revocation data for all of it. Now may be moved.
type World struct {
	Now           time.Time
	Root, Issuing *testca.Authority
	Signer        *testca.Leaf
	TSARoot       *testca.Authority
	TSALeaf       *testca.Leaf
	Responder     *testca.Leaf
	TSA           *pades.LocalTSA
}

// Clock is the clock of everything in the world.
func (w *World) Clock() time.Time { return w.Now }

// Start is fixed, so that files made by tests do not depend on the day.
var Start = time.Date(2026, 6, 30, 10, 15, 0, 0, time.FixedZone("", 2*3600))

// KeyKind is a kind of signing key.
type KeyKind string

// The kinds.
const (
	RSA2048 KeyKind = "RSA-2048"
	PSS2048 KeyKind = "RSA-PSS-2048"
	P256    KeyKind = "P-256"
	P384    KeyKind = "P-384"
	Ed25519 KeyKind = "Ed25519"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// NewKey makes a key. RSA keys are one and the same in a process, for making them takes long.
func NewKey(t testing.TB, kind KeyKind) crypto.Signer {
	t.Helper()
	var k crypto.Signer
	var err error
	switch kind {
	case RSA2048, PSS2048:
		return rsaKey()
	case P256:
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case Ed25519:
		_, k, err = ed25519.GenerateKey(rand.Reader)
	}
	check(t, err)
	return k
}

// New makes a world at Start.
func New(t testing.TB, kind KeyKind) *World {
	t.Helper()
	return NewAt(t, kind, Start)
}

// NewAt makes a world at another time.
func NewAt(t testing.TB, kind KeyKind, at time.Time) *World {
	t.Helper()
	w := &World{Now: at}
	var err error
	past := func() time.Time { return at.Add(-24 * time.Hour) }
	name := func(cn string) pkix.Name {
		return pkix.Name{CommonName: cn, Organization: []string{"Example University"}, Country: []string{"DE"}}
	}
	w.Root, err = testca.NewRoot(testca.Config{Clock: past, Subject: name("Example Root")})
	check(t, err)
	w.Issuing, err = w.Root.NewIntermediate(testca.Config{Clock: past, Subject: name("Example Issuing CA"), OCSPURL: "http://ocsp.example/", CRLURL: "http://crl.example/issuing.crl"})
	check(t, err)
	w.Signer, err = w.Issuing.Issue(testca.Request{Profile: testca.DocumentSigning, Subject: name("Universität Grünau, Registrar"), Key: NewKey(t, kind)})
	check(t, err)
	w.Responder, err = w.Issuing.Issue(testca.Request{Profile: testca.OCSPResponder, Subject: name("Example OCSP")})
	check(t, err)
	w.TSARoot, err = testca.NewRoot(testca.Config{Clock: past, Subject: name("Example Time Root")})
	check(t, err)
	w.TSALeaf, err = w.TSARoot.Issue(testca.Request{Profile: testca.Timestamping, Subject: name("Example Time")})
	check(t, err)
	w.TSA, err = pades.NewLocalTSA(pades.LocalTSAConfig{Key: w.TSALeaf.Key, Chain: append([]*x509.Certificate{w.TSALeaf.Certificate}, w.TSALeaf.Chain...), Clock: w.Clock})
	check(t, err)
	return w
}

// Revocation answers for every certificate in the world: OCSP for those of the issuing authority, else CRLs.
func (w *World) Revocation(_ context.Context, cert, issuer *x509.Certificate) (pades.Revocation, error) {
	var a *testca.Authority
	for _, x := range []*testca.Authority{w.Root, w.Issuing, w.TSARoot} {
		if x.Certificate.Equal(issuer) {
			a = x
		}
	}
	switch a {
	case nil:
		return pades.Revocation{}, ErrNobody
	case w.Issuing:
		r, err := a.OCSP(testca.OCSPConfig{Responder: w.Responder, ThisUpdate: w.Now}, cert)
		return pades.Revocation{OCSP: [][]byte{r}}, err
	}
	crl, err := a.CRL(testca.CRLConfig{ThisUpdate: w.Now})
	return pades.Revocation{CRLs: [][]byte{crl}}, err
}

type testError string

func (e testError) Error() string { return string(e) }

// ErrNobody is what Revocation returns for certificates of others.
const ErrNobody = testError("nobody answers for this certificate")

// Chain is the signer's certificate up to the root.
func (w *World) Chain() []*x509.Certificate {
	return append([]*x509.Certificate{w.Signer.Certificate}, w.Signer.Chain...)
}

// Pades is a Signer of a level with all it needs.
func (w *World) Pades(level pades.Level, kind KeyKind) *pades.Signer {
	s := &pades.Signer{Key: w.Signer.Key, Chain: w.Chain(), Level: level, PSS: kind == PSS2048, Clock: w.Clock}
	if level >= pades.LevelT {
		s.TSA = w.TSA
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
