package cms_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/testca"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func ecKey(tb testing.TB, c elliptic.Curve) crypto.Signer {
	tb.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func edKey(tb testing.TB) crypto.Signer {
	tb.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// pki is a root, an intermediate and a signer.
type pki struct {
	root, inter *testca.Authority
	leaf        *testca.Leaf
}

func newPKI(tb testing.TB, key crypto.Signer) *pki {
	tb.Helper()
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Test Root", Country: []string{"DE"}}})
	if err != nil {
		tb.Fatal(err)
	}
	inter, err := root.NewIntermediate(testca.Config{Subject: pkix.Name{CommonName: "Test Issuing"}})
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := inter.Issue(testca.Request{Subject: pkix.Name{CommonName: "Registrar", Organization: []string{"Example University"}}, Key: key})
	if err != nil {
		tb.Fatal(err)
	}
	return &pki{root, inter, leaf}
}

func (p *pki) signer(tb testing.TB, c cms.SignerConfig) *cms.Signer {
	tb.Helper()
	c.Certificate = p.leaf.Certificate
	if c.Chain == nil {
		c.Chain = p.leaf.Chain[:1]
	}
	s, err := cms.NewSigner(c)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (p *pki) sign(tb testing.TB, c cms.SignerConfig, content []byte) []byte {
	tb.Helper()
	s := p.signer(tb, c)
	b, err := s.Sign(context.Background(), cms.KeySigner(p.leaf.Key), algo.Sum(s.Hash(), content))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func parse(tb testing.TB, b []byte) *cms.SignedData {
	tb.Helper()
	sd, err := cms.Parse(b, cms.ParseConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	return sd
}

// verify checks a detached signature over content at the test's time.
func verify(b, content []byte) (*cms.Verified, error) {
	sd, err := cms.Parse(b, cms.ParseConfig{})
	if err != nil {
		return nil, err
	}
	si, err := sd.Signer()
	if err != nil {
		return nil, err
	}
	h, err := si.Hash()
	if err != nil {
		return nil, err
	}
	return sd.Verify(cms.VerifyConfig{ContentDigest: algo.Sum(h, content), At: now})
}

func wantReason(tb testing.TB, err error, want cms.Reason) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("got %v, want %v", err, want)
	}
}

// variants are the ways to sign that must work.
func variants(tb testing.TB) map[string]struct {
	key    crypto.Signer
	config cms.SignerConfig
} {
	tb.Helper()
	type v = struct {
		key    crypto.Signer
		config cms.SignerConfig
	}
	return map[string]v{
		"rsa":            {rsaKey(), cms.SignerConfig{}},
		"rsa-sha512":     {rsaKey(), cms.SignerConfig{Hash: crypto.SHA512}},
		"rsa-pss":        {rsaKey(), cms.SignerConfig{PSS: true}},
		"rsa-pss-sha384": {rsaKey(), cms.SignerConfig{PSS: true, Hash: crypto.SHA384}},
		"p256":           {ecKey(tb, elliptic.P256()), cms.SignerConfig{}},
		"p256-sha384":    {ecKey(tb, elliptic.P256()), cms.SignerConfig{Hash: crypto.SHA384}},
		"p384":           {ecKey(tb, elliptic.P384()), cms.SignerConfig{}},
		"p521":           {ecKey(tb, elliptic.P521()), cms.SignerConfig{}},
		"ed25519":        {edKey(tb), cms.SignerConfig{}},
	}
}

func TestSignVerify(t *testing.T) {
	content := []byte("the bytes of a revision")
	for name, v := range variants(t) {
		t.Run(name, func(t *testing.T) {
			p := newPKI(t, v.key)
			b := p.sign(t, v.config, content)
			padded := append(bytes.Clone(b), make([]byte, 100)...)
			sd := parse(t, padded)
			if sd.BER || sd.ZeroPadding != 100 || !sd.Detached || !bytes.Equal(sd.DER, b) {
				t.Fatalf("BER %v, padding %d, detached %v", sd.BER, sd.ZeroPadding, sd.Detached)
			}
			got, err := verify(padded, content)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Certificate.Equal(p.leaf.Certificate) || len(got.Notes) != 0 || got.Reference.Version != 2 {
				t.Fatalf("certificate %v, notes %v, reference %+v", got.Certificate.Subject, got.Notes, got.Reference)
			}
			if _, present, err := got.Signer.SigningTime(); present || err != nil {
				t.Fatal("signing-time must be absent")
			}
			_, err = verify(padded, []byte("other bytes"))
			wantReason(t, err, cms.DigestMismatch)
			// The same content again gives the same bytes, where the scheme is deterministic.
			if name == "rsa" || name == "ed25519" {
				if !bytes.Equal(b, p.sign(t, v.config, content)) {
					t.Fatal("not deterministic")
				}
			}
		})
	}
}

func TestMaxSizeIsExact(t *testing.T) {
	content := []byte("x")
	token := parse(t, newPKI(t, nil).sign(t, cms.SignerConfig{}, content)).DER
	for name, v := range variants(t) {
		p := newPKI(t, v.key)
		s := p.signer(t, v.config)
		pre, err := s.Prepare(algo.Sum(s.Hash(), content))
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			sig, err := pre.SignWith(context.Background(), cms.KeySigner(v.key))
			if err != nil {
				t.Fatal(err)
			}
			if err := pre.Check(sig); err != nil {
				t.Fatal(err)
			}
			b, err := pre.Embed(sig, cms.TimestampAttribute(token))
			if err != nil {
				t.Fatal(err)
			}
			limit, err := pre.MaxSize(len(token))
			if err != nil {
				t.Fatal(err)
			}
			slack := algo.MaxSignature(v.key.Public()) - len(sig)
			if len(b) > limit || limit-len(b) > slack+8 || slack == 0 && len(b) != limit {
				t.Fatalf("%s: size %d, predicted %d, slack %d", name, len(b), limit, slack)
			}
			got, err := verify(b, content)
			if err != nil {
				t.Fatal(err)
			}
			if ts := got.Signer.Timestamps(); len(ts) != 1 || !bytes.Equal(ts[0], token) {
				t.Fatal("timestamp token lost")
			}
		}
	}
}

func TestPreparedState(t *testing.T) {
	content := []byte("document")
	for name, v := range variants(t) {
		p := newPKI(t, v.key)
		s := p.signer(t, v.config)
		pre, err := s.Prepare(algo.Sum(s.Hash(), content))
		if err != nil {
			t.Fatal(err)
		}
		state, err := pre.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back, err := cms.UnmarshalPrepared(state)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(back.ToSign(), pre.ToSign()) || back.Scheme() != pre.Scheme() {
			t.Fatalf("%s: state changed", name)
		}
		sig, err := v.key.Sign(rand.Reader, back.ToSign(), back.Options())
		if err != nil {
			t.Fatal(err)
		}
		if err := back.Check(sig); err != nil {
			t.Fatal(err)
		}
		b, err := back.Embed(sig)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify(b, content); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range state {
			if _, err := cms.UnmarshalPrepared(state[:i]); err == nil {
				t.Fatalf("%s: truncated state of %d bytes accepted", name, i)
			}
		}
		if _, err := cms.UnmarshalPrepared(append(state, 0)); err == nil {
			t.Fatal("trailing byte accepted")
		}
		if err := back.Check(append(sig[:len(sig)-1:len(sig)-1], sig[len(sig)-1]^1)); err == nil {
			t.Fatal("wrong signature passes Check")
		}
		if _, err := back.Embed(nil); err == nil {
			t.Fatal("empty signature embedded")
		}
		if _, err := back.Embed(make([]byte, 2000)); err == nil {
			t.Fatal("oversized signature embedded")
		}
	}
}

type batchKey struct {
	cms.DigestSigner
	calls int
	short bool
}

func (k *batchKey) SignDigests(ctx context.Context, digests [][]byte, opts crypto.SignerOpts) ([][]byte, error) {
	k.calls++
	var out [][]byte
	for _, d := range digests {
		s, err := k.SignDigest(ctx, d, opts)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if k.short {
		out = out[1:]
	}
	return out, nil
}

func TestSignBatch(t *testing.T) {
	p := newPKI(t, nil)
	s := p.signer(t, cms.SignerConfig{})
	var pre []*cms.Prepared
	contents := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
	for _, c := range contents {
		x, err := s.Prepare(algo.Sum(s.Hash(), c))
		if err != nil {
			t.Fatal(err)
		}
		pre = append(pre, x)
	}
	key := &batchKey{DigestSigner: cms.KeySigner(p.leaf.Key)}
	for _, k := range []cms.DigestSigner{key, cms.KeySigner(p.leaf.Key)} {
		sigs, err := cms.SignBatch(context.Background(), k, pre)
		if err != nil {
			t.Fatal(err)
		}
		for i, sig := range sigs {
			b, err := pre[i].Embed(sig)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verify(b, contents[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if key.calls != 1 {
		t.Fatalf("%d calls for a batch", key.calls)
	}
	if _, err := cms.SignBatch(context.Background(), &batchKey{DigestSigner: key.DigestSigner, short: true}, pre); err == nil {
		t.Fatal("short batch accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := cms.SignBatch(ctx, key, pre); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled context: %v", err)
	}
	if _, err := cms.SignBatch(context.Background(), cms.KeySigner(ecKey(t, elliptic.P256())), pre); err == nil {
		t.Fatal("another key signed")
	}
}

func TestSignerConfigRefused(t *testing.T) {
	p := newPKI(t, nil)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := newPKI(t, small)
	for name, c := range map[string]cms.SignerConfig{
		"no certificate":  {},
		"sha1":            {Certificate: p.leaf.Certificate, Hash: crypto.SHA1},
		"pss on ec":       {Certificate: p.leaf.Certificate, PSS: true},
		"rsa 1024":        {Certificate: weak.leaf.Certificate},
		"signing-time":    {Certificate: p.leaf.Certificate, Signed: []cms.Attribute{{Type: cms.OIDSigningTime, Values: [][]byte{{5, 0}}}}},
		"second digest":   {Certificate: p.leaf.Certificate, Signed: []cms.Attribute{{Type: cms.OIDMessageDigest, Values: [][]byte{{5, 0}}}}},
		"second ess":      {Certificate: p.leaf.Certificate, Signed: []cms.Attribute{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{{5, 0}}}}},
		"empty attribute": {Certificate: p.leaf.Certificate, Signed: []cms.Attribute{{Type: cms.OIDSignaturePolicy}}},
	} {
		if _, err := cms.NewSigner(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s := p.signer(t, cms.SignerConfig{})
	if _, err := s.Prepare(make([]byte, 20)); err == nil {
		t.Error("digest of the wrong length accepted")
	}
}

// Every byte of a signature, flipped, makes it fail, save in the parts no signature covers.
func TestEveryByteFlip(t *testing.T) {
	content := []byte("content")
	p := newPKI(t, nil)
	b := p.sign(t, cms.SignerConfig{Chain: nil}, content)
	covered := 0
	for i := range b {
		for _, bit := range []byte{1, 0x80} {
			m := bytes.Clone(b)
			m[i] ^= bit
			v, err := verify(m, content)
			if err != nil {
				covered++
				continue
			}
			if !v.Certificate.Equal(p.leaf.Certificate) {
				t.Fatalf("byte %d: verifies for another certificate", i)
			}
		}
	}
	if covered < len(b) {
		t.Fatalf("only %d of %d flips refused", covered, 2*len(b))
	}
}
