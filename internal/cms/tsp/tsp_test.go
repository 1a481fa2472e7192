package tsp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/digitorus/timestamp"
)

var (
	now    = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)
	policy = algo.NewOID(1, 3, 6, 1, 4, 1, 99999, 1)
	data   = []byte("a signature value")
	digest = algo.Sum(crypto.SHA256, data)
)

func clock() time.Time { return now }

type tsa struct {
	root, inter *testca.Authority
	leaf        *testca.Leaf
	auth        *tsp.Authority
}

func newTSA(tb testing.TB, key crypto.Signer, bend func(*tsp.AuthorityConfig)) *tsa {
	tb.Helper()
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "TSA Root"}})
	if err != nil {
		tb.Fatal(err)
	}
	inter, err := root.NewIntermediate(testca.Config{Subject: pkix.Name{CommonName: "TSA Issuing"}})
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := inter.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "TSA 1"}, Key: key})
	if err != nil {
		tb.Fatal(err)
	}
	t := &tsa{root: root, inter: inter, leaf: leaf}
	c := tsp.AuthorityConfig{
		Certificate: leaf.Certificate, Chain: leaf.Chain[:1], Key: cms.KeySigner(leaf.Key), Clock: clock, Policy: policy,
		Accuracy: 1500 * time.Millisecond,
	}
	if bend != nil {
		bend(&c)
	}
	if t.auth, err = tsp.NewAuthority(c); err != nil {
		tb.Fatal(err)
	}
	return t
}

func (t *tsa) token(tb testing.TB, req *tsp.Request) *tsp.Token {
	tb.Helper()
	tok, err := t.exchange(tb, req, req)
	if err != nil {
		tb.Fatal(err)
	}
	return tok
}

// exchange sends one request and checks the answer against another.
func (t *tsa) exchange(tb testing.TB, send, check *tsp.Request) (*tsp.Token, error) {
	tb.Helper()
	b, err := send.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := t.auth.Respond(context.Background(), b)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := tsp.ParseResponse(answer)
	if err != nil {
		tb.Fatal(err)
	}
	return r.Token(check)
}

func (t *tsa) config() tsp.VerifyConfig {
	return tsp.VerifyConfig{Imprint: digest, Anchors: []chain.Anchor{{Certificate: t.root.Certificate}}, At: now}
}

func request() *tsp.Request {
	return &tsp.Request{Hash: crypto.SHA256, Digest: digest, Nonce: big.NewInt(0xfeed), Certificates: true}
}

func TestTokenRoundTrip(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key  crypto.Signer
		bend func(*tsp.AuthorityConfig)
	}{
		"p256": {}, "p384": {key: p384}, "rsa": {key: rsaKey},
		"pss":          {rsaKey, func(c *tsp.AuthorityConfig) { c.PSS = true }},
		"no accuracy":  {nil, func(c *tsp.AuthorityConfig) { c.Accuracy = 0 }},
		"microseconds": {nil, func(c *tsp.AuthorityConfig) { c.Accuracy, c.Resolution = 7*time.Microsecond, time.Microsecond }},
		"seconds":      {nil, func(c *tsp.AuthorityConfig) { c.Resolution, c.Ordering = time.Second, true }},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTSA(t, c.key, c.bend)
			for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
				req := request()
				req.Hash, req.Digest = h, algo.Sum(h, data)
				tok := a.token(t, req)
				again, err := tsp.ParseToken(append(bytes.Clone(tok.DER()), make([]byte, 50)...))
				if err != nil {
					t.Fatal(err)
				}
				vc := a.config()
				vc.Imprint = req.Digest
				v, err := again.Verify(vc)
				if err != nil {
					t.Fatal(err)
				}
				if len(v.Notes) != 0 || len(v.Path.Certificates) != 3 || v.Time.After(now) || now.Sub(v.Time) >= time.Second {
					t.Fatalf("notes %v, path %d, time %v", v.Notes, len(v.Path.Certificates), v.Time)
				}
				if v.Token.Info.Nonce.Cmp(req.Nonce) != 0 || v.Token.Info.Policy != policy {
					t.Fatal("nonce or policy lost")
				}
			}
		})
	}
}

func TestRequestRoundTrip(t *testing.T) {
	for _, r := range []*tsp.Request{
		request(), {Hash: crypto.SHA512, Digest: make([]byte, 64)}, {Hash: crypto.SHA384, Digest: make([]byte, 48), Policy: policy},
	} {
		b, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := tsp.ParseRequest(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := got.Marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x: %v", b, again, err)
		}
		for i := range b {
			if _, err := tsp.ParseRequest(b[:i]); err == nil {
				t.Fatalf("cut to %d bytes accepted", i)
			}
		}
	}
	for name, r := range map[string]*tsp.Request{
		"sha1": {Hash: crypto.SHA1, Digest: make([]byte, 20)}, "short": {Hash: crypto.SHA256, Digest: make([]byte, 31)},
		"nonce 0": {Hash: crypto.SHA256, Digest: digest, Nonce: new(big.Int)}, "no hash": {},
	} {
		if _, err := r.Marshal(); err == nil {
			t.Errorf("%s: marshalled", name)
		}
	}
}

func want(t *testing.T, err error, reason error) {
	t.Helper()
	if !errors.Is(err, reason) {
		t.Fatalf("got %v, want %v", err, reason)
	}
}

// A client must notice each way an answer can be to another question.
func TestAnswersOtherRequests(t *testing.T) {
	a := newTSA(t, nil, nil)
	for name, c := range map[string]struct {
		send, check func(*tsp.Request)
		want        tsp.Reason
	}{
		"imprint":      {nil, func(r *tsp.Request) { r.Digest = make([]byte, 32) }, tsp.ImprintMismatch},
		"nonce":        {nil, func(r *tsp.Request) { r.Nonce = big.NewInt(1) }, tsp.NonceMismatch},
		"nonce absent": {func(r *tsp.Request) { r.Nonce = nil }, nil, tsp.NonceMismatch},
		"nonce added":  {nil, func(r *tsp.Request) { r.Nonce = nil }, tsp.NonceMismatch},
		"policy":       {nil, func(r *tsp.Request) { r.Policy = algo.NewOID(1, 2, 3) }, tsp.PolicyMismatch},
		"certificates": {func(r *tsp.Request) { r.Certificates = false }, nil, tsp.NoCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			s, k := request(), request()
			if c.send != nil {
				c.send(s)
			}
			if c.check != nil {
				c.check(k)
			}
			_, err := a.exchange(t, s, k)
			want(t, err, c.want)
		})
	}
}

func TestAuthorityRejects(t *testing.T) {
	a := newTSA(t, nil, nil)
	other := request()
	other.Policy = algo.NewOID(1, 2, 3)
	b, err := other.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sha1Req := []byte{0x30, 0x26, 2, 1, 1, 0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 0x14}
	sha1Req = append(sha1Req, make([]byte, 20)...)
	for name, c := range map[string]struct {
		req []byte
		bit int
	}{
		"policy": {b, tsp.FailPolicy}, "garbage": {[]byte("garbage"), tsp.FailBadDataFormat}, "empty": {nil, tsp.FailBadDataFormat},
		"sha1": {sha1Req, tsp.FailBadAlgorithm},
	} {
		answer, err := a.auth.Respond(context.Background(), c.req)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tsp.ParseResponse(answer)
		if err != nil || r.Status != tsp.Rejection || !slices.Equal(r.Failure, []int{c.bit}) {
			t.Fatalf("%s: %+v %v", name, r, err)
		}
		_, err = r.Token(request())
		want(t, err, tsp.Rejected)
	}
	if _, err := tsp.NewAuthority(tsp.AuthorityConfig{}); err == nil {
		t.Fatal("empty configuration accepted")
	}
}

func TestVerifyNegative(t *testing.T) {
	a := newTSA(t, nil, nil)
	tok := a.token(t, request())
	stranger := newTSA(t, nil, nil)
	for name, c := range map[string]struct {
		bend func(*tsp.VerifyConfig)
		want error
	}{
		"no imprint":      {func(c *tsp.VerifyConfig) { c.Imprint = nil }, tsp.BadConfig},
		"no anchors":      {func(c *tsp.VerifyConfig) { c.Anchors = nil }, tsp.BadConfig},
		"no time":         {func(c *tsp.VerifyConfig) { c.At = time.Time{} }, tsp.BadConfig},
		"other data":      {func(c *tsp.VerifyConfig) { c.Imprint = algo.Sum(crypto.SHA256, []byte("x")) }, tsp.ImprintMismatch},
		"cut imprint":     {func(c *tsp.VerifyConfig) { c.Imprint = digest[:31] }, tsp.ImprintMismatch},
		"untrusted":       {func(c *tsp.VerifyConfig) { c.Anchors[0].Certificate = stranger.root.Certificate }, chain.NoChain},
		"policy":          {func(c *tsp.VerifyConfig) { c.Policies = []tsp.OID{algo.NewOID(1, 2, 3)} }, tsp.PolicyMismatch},
		"from the future": {func(c *tsp.VerifyConfig) { c.At = now.Add(-time.Hour) }, tsp.FromFuture},
		"ended, no proof": {func(c *tsp.VerifyConfig) { c.At = now.AddDate(3, 0, 0) }, tsp.ExpiredNoPOE},
		"anchor interval": {func(c *tsp.VerifyConfig) { c.Anchors[0].NotAfter = now.Add(-time.Hour) }, chain.AnchorNotValid},
	} {
		t.Run(name, func(t *testing.T) {
			vc := a.config()
			c.bend(&vc)
			_, err := tok.Verify(vc)
			want(t, err, c.want)
		})
	}
	vc := a.config()
	vc.At, vc.InsecureExpired = now.AddDate(3, 0, 0), true
	if _, err := tok.Verify(vc); err != nil {
		t.Fatalf("an ended authority, accepted by configuration: %v", err)
	}
}

// Certificates of authorities that may not issue timestamps.
func TestAuthorityCertificates(t *testing.T) {
	for name, r := range map[string]testca.Request{
		"document signing": {Profile: testca.DocumentSigning},
		"no EKU":           {Profile: testca.Plain},
		"not critical":     {Profile: testca.Timestamping, EKUNotCritical: true},
		"second purpose":   {Profile: testca.Timestamping, EKU: []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}, {1, 3, 6, 1, 5, 5, 7, 3, 4}}},
		"key usage":        {Profile: testca.Timestamping, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment},
		"wrong key usage":  {Profile: testca.Timestamping, KeyUsage: x509.KeyUsageKeyAgreement},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTSA(t, nil, nil)
			r.Subject = pkix.Name{CommonName: "Odd TSA"}
			leaf, err := a.inter.Issue(r)
			if err != nil {
				t.Fatal(err)
			}
			s, err := cms.NewSigner(cms.SignerConfig{Certificate: leaf.Certificate, Chain: leaf.Chain[:1], ContentType: cms.OIDTSTInfo})
			if err != nil {
				t.Fatal(err)
			}
			good := a.token(t, request())
			b, err := s.SignContent(context.Background(), cms.KeySigner(leaf.Key), good.Signed.Content)
			if err != nil {
				t.Fatal(err)
			}
			tok, err := tsp.ParseToken(b)
			if err != nil {
				t.Fatal(err)
			}
			_, err = tok.Verify(a.config())
			want(t, err, tsp.Untrusted)
			if !errors.Is(err, chain.ExtKeyUsage) && !errors.Is(err, chain.KeyUsage) {
				t.Fatal(err)
			}
		})
	}
}

// Every bit of a token matters, or the token still says the same.
func TestTokenByteFlips(t *testing.T) {
	a := newTSA(t, nil, nil)
	good := a.token(t, request())
	b := good.DER()
	refused := 0
	for i := range b {
		m := bytes.Clone(b)
		m[i] ^= 1 << (i % 8)
		tok, err := tsp.ParseToken(m)
		if err == nil {
			_, err = tok.Verify(a.config())
		}
		if err != nil {
			refused++
		} else if !bytes.Equal(tok.Signed.Content, good.Signed.Content) {
			t.Fatalf("byte %d: another content verifies", i)
		}
	}
	if refused < len(b)/2 {
		t.Fatalf("%d of %d flips refused", refused, len(b))
	}
}

func TestOrdering(t *testing.T) {
	at := func(ms int, acc time.Duration, ord bool) *tsp.Info {
		return &tsp.Info{GenTime: now.Add(time.Duration(ms) * time.Millisecond), Accuracy: acc, Ordering: ord}
	}
	for _, c := range []struct {
		a, b *tsp.Info
		same bool
		want bool
	}{
		{at(0, 0, false), at(1, 0, false), true, true}, {at(1, 0, false), at(0, 0, false), true, false},
		{at(0, time.Second, false), at(1500, time.Second, false), true, false},
		{at(0, time.Second, false), at(2500, time.Second, false), false, true},
		{at(0, time.Second, true), at(1, time.Second, true), true, true},
		{at(0, time.Second, true), at(1, time.Second, true), false, false},
		{at(0, 0, true), at(0, 0, true), true, false},
	} {
		if got := c.a.CertainlyBefore(c.b, c.same); got != c.want {
			t.Errorf("%+v before %+v: %v", c.a, c.b, got)
		}
	}
}

// A peer in Go reads our tokens, and we answer its requests.
func TestDigitorusPeer(t *testing.T) {
	a := newTSA(t, nil, nil)
	peer := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest, Certificates: true, Nonce: big.NewInt(77)}
	b, err := peer.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.auth.Respond(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	ts, err := timestamp.ParseResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	if !ts.Time.Equal(now) || !bytes.Equal(ts.HashedMessage, digest) || ts.Nonce.Int64() != 77 || ts.Accuracy != 1500*time.Millisecond {
		t.Fatalf("%+v", ts)
	}
	ts.AddTSACertificate, ts.Time = true, now
	ts.Policy = asn1.ObjectIdentifier{1, 2, 3}
	ts.Certificates = []*x509.Certificate{a.inter.Certificate}
	theirs, err := ts.CreateResponseWithOpts(a.leaf.Certificate, a.leaf.Key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tsp.ParseResponse(theirs)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := r.Token(&tsp.Request{Hash: crypto.SHA256, Digest: digest, Nonce: big.NewInt(77), Certificates: true})
	if err != nil {
		t.Fatal(err)
	}
	vc := a.config()
	vc.Candidates = []*x509.Certificate{a.inter.Certificate}
	if _, err := tok.Verify(vc); err != nil {
		t.Fatal(err)
	}
}
