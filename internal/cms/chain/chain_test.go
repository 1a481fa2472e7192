package chain_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/testca"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

type env struct {
	tb          testing.TB
	root, inter *testca.Authority
}

func newEnv(tb testing.TB) *env {
	tb.Helper()
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Root"}})
	if err != nil {
		tb.Fatal(err)
	}
	inter, err := root.NewIntermediate(testca.Config{Subject: pkix.Name{CommonName: "Issuing"}})
	if err != nil {
		tb.Fatal(err)
	}
	return &env{tb, root, inter}
}

func (e *env) issue(a *testca.Authority, r testca.Request) *x509.Certificate {
	e.tb.Helper()
	if r.Subject.CommonName == "" {
		r.Subject.CommonName = "Signer"
	}
	l, err := a.Issue(r)
	if err != nil {
		e.tb.Fatal(err)
	}
	return l.Certificate
}

func (e *env) config() chain.Config {
	return chain.Config{
		Anchors: []chain.Anchor{{Certificate: e.root.Certificate}}, Candidates: []*x509.Certificate{e.inter.Certificate},
		At: now.Add(time.Hour), Purpose: chain.Signing,
	}
}

func (e *env) sub(c testca.Config) *testca.Authority {
	e.tb.Helper()
	c.Subject.CommonName = "Sub"
	a, err := e.root.NewIntermediate(c)
	if err != nil {
		e.tb.Fatal(err)
	}
	return a
}

func TestBuild(t *testing.T) {
	e := newEnv(t)
	leaf := e.issue(e.inter, testca.Request{})
	p, err := chain.Build(leaf, e.config())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Certificates) != 3 || !p.Certificates[2].Equal(e.root.Certificate) || len(p.Uses) != 2 {
		t.Fatalf("%d certificates, uses %v", len(p.Certificates), p.Uses)
	}
	// The shorter path wins, and a pinned certificate is its own path.
	c := e.config()
	c.Anchors = append(c.Anchors, chain.Anchor{Certificate: e.inter.Certificate, Name: "inter"})
	if p, err = chain.Build(leaf, c); err != nil || len(p.Certificates) != 2 || p.Anchor.Name != "inter" {
		t.Fatalf("%+v %v", p, err)
	}
	c.Anchors = []chain.Anchor{{Certificate: leaf}}
	if p, err = chain.Build(leaf, c); err != nil || len(p.Certificates) != 1 {
		t.Fatalf("%+v %v", p, err)
	}
	// An anchor that is no longer trusted does not spoil another that is.
	c = e.config()
	c.Anchors = append([]chain.Anchor{{Certificate: e.root.Certificate, NotAfter: now}}, c.Anchors...)
	if _, err = chain.Build(leaf, c); err != nil {
		t.Fatal(err)
	}
}

func TestRefused(t *testing.T) {
	e := newEnv(t)
	leaf := e.issue(e.inter, testca.Request{})
	oids := func(o ...asn1.ObjectIdentifier) []asn1.ObjectIdentifier { return o }
	serverAuth := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	email := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 4}
	shortLived := e.sub(testca.Config{Lifetime: 24 * time.Hour})
	tlsOnly := e.sub(testca.Config{EKU: oids(serverAuth)})
	named := e.sub(testca.Config{PermittedDNS: []string{"example.edu"}})
	stranger := newEnv(t)
	notCA, err := e.inter.Issue(testca.Request{Subject: pkix.Name{CommonName: "Not a CA"}, KeyUsage: x509.KeyUsageDigitalSignature})
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weakCA := e.sub(testca.Config{Key: weak})
	with := func(x ...*x509.Certificate) func(*chain.Config) {
		return func(c *chain.Config) { c.Candidates = append(c.Candidates, x...) }
	}
	for _, c := range []struct {
		name string
		cert *x509.Certificate
		bend func(*chain.Config)
		want chain.Reason
	}{
		{"no certificate", nil, nil, chain.BadConfig},
		{"no anchors", leaf, func(c *chain.Config) { c.Anchors = nil }, chain.BadConfig},
		{"empty anchor", leaf, func(c *chain.Config) { c.Anchors[0].Certificate = nil }, chain.BadConfig},
		{"no time", leaf, func(c *chain.Config) { c.At = time.Time{} }, chain.BadConfig},
		{"no purpose", leaf, func(c *chain.Config) { c.Purpose = 0 }, chain.BadConfig},
		{"too many candidates", leaf, func(c *chain.Config) { c.Candidates = make([]*x509.Certificate, chain.MaxCandidates+1) }, chain.BadConfig},
		{"no intermediate", leaf, func(c *chain.Config) { c.Candidates = nil }, chain.NoChain},
		{"other root", leaf, func(c *chain.Config) { c.Anchors[0].Certificate = stranger.root.Certificate }, chain.NoChain},
		{"root in the bag is no anchor", stranger.issue(stranger.root, testca.Request{}), with(stranger.root.Certificate), chain.NoChain},
		{"expired", leaf, func(c *chain.Config) { c.At = leaf.NotAfter.Add(time.Second) }, chain.Expired},
		{"not yet valid", leaf, func(c *chain.Config) { c.At = leaf.NotBefore.Add(-time.Second) }, chain.NotYetValid},
		{"issuer expired", e.issue(shortLived, testca.Request{NotAfter: now.AddDate(1, 0, 0)}), func(c *chain.Config) {
			c.Candidates, c.At = append(c.Candidates, shortLived.Certificate), now.AddDate(0, 6, 0)
		}, chain.IssuerNotValid},
		{"anchor not yet trusted", leaf, func(c *chain.Config) { c.Anchors[0].NotBefore = now.AddDate(1, 0, 0) }, chain.AnchorNotValid},
		{"anchor no longer trusted", leaf, func(c *chain.Config) { c.Anchors[0].NotAfter = now }, chain.AnchorNotValid},
		{"key encipherment only", e.issue(e.inter, testca.Request{KeyUsage: x509.KeyUsageKeyEncipherment}), nil, chain.KeyUsage},
		{"a CA's key", e.inter.Certificate, nil, chain.KeyUsage},
		{"TLS certificate", e.issue(e.inter, testca.Request{EKU: oids(serverAuth)}), nil, chain.ExtKeyUsage},
		{"e-mail, not accepted", e.issue(e.inter, testca.Request{EKU: oids(email)}), func(c *chain.Config) {
			c.SigningEKU = []algo.OID{chain.EKUDocumentSigning}
		}, chain.ExtKeyUsage},
		{"no EKU, required", e.issue(e.inter, testca.Request{Profile: testca.Plain}), func(c *chain.Config) { c.RequireEKU = true }, chain.ExtKeyUsage},
		{"issuer for TLS", e.issue(tlsOnly, testca.Request{}), with(tlsOnly.Certificate), chain.ExtKeyUsage},
		{"timestamping needs its EKU", leaf, func(c *chain.Config) { c.Purpose = chain.Timestamping }, chain.ExtKeyUsage},
		{"signing with a timestamping certificate", e.issue(e.inter, testca.Request{Profile: testca.Timestamping}), nil, chain.ExtKeyUsage},
		{"name constraints", e.issue(named, testca.Request{DNSNames: []string{"evil.example.com"}}), with(named.Certificate), chain.NameConstraints},
		{"issuer is no CA", e.forgeIssued(notCA), with(notCA.Certificate), chain.NoChain},
		{"critical extension", e.issue(e.inter, testca.Request{Extra: []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}}), nil, chain.CriticalExtension},
		{"RSA-1024 issuer", e.issue(weakCA, testca.Request{}), with(weakCA.Certificate), chain.WeakAlgorithm},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := e.config()
			if c.bend != nil {
				c.bend(&cfg)
			}
			p, err := chain.Build(c.cert, cfg)
			if !errors.Is(err, c.want) || p != nil {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if c.want.SubIndication() == "" {
				t.Fatal("no sub-indication")
			}
		})
	}
	// Each of the accepted purposes by itself, and name constraints kept.
	for _, eku := range chain.DefaultSigningEKU() {
		var id asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(append([]byte{6, byte(len(eku))}, eku...), &id); err != nil {
			t.Fatal(err)
		}
		if _, err := chain.Build(e.issue(e.inter, testca.Request{EKU: oids(id)}), e.config()); err != nil {
			t.Errorf("%s: %v", eku, err)
		}
	}
	ok := e.config()
	ok.Candidates = append(ok.Candidates, named.Certificate)
	if _, err := chain.Build(e.issue(named, testca.Request{DNSNames: []string{"a.example.edu"}}), ok); err != nil {
		t.Error(err)
	}
	past := e.config()
	past.AlgorithmsAt = now
	past.Candidates = append(past.Candidates, weakCA.Certificate)
	past.Policy = &algo.Policy{Name: "lenient", Hashes: algo.DefaultPolicy().Hashes, Keys: []algo.KeyRule{{Kind: algo.RSAPKCS1, MinBits: 1000}, {Kind: algo.ECDSA, MinBits: 256}}}
	if _, err := chain.Build(e.issue(weakCA, testca.Request{}), past); err != nil {
		t.Error(err)
	}
}

// forgeIssued makes a certificate signed by a key that may not sign certificates.
func (e *env) forgeIssued(by *testca.Leaf) *x509.Certificate {
	e.tb.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(99), Subject: pkix.Name{CommonName: "Forged"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, tmpl, by.Certificate, by.Key.Public(), by.Key)
	if err != nil {
		e.tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		e.tb.Fatal(err)
	}
	return c
}
