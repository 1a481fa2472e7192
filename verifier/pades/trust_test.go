package pades_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// TestForgedMessages: one flaw each in the message or its certificates, on files with
// either kind of cross-reference, beside a genuine one.
func TestForgedMessages(t *testing.T) {
	w := newWorld(t)
	victim := w.Signer.Certificate
	evil := lookalike(t, w)
	right := forgery{cert: victim, key: w.Signer.Key, bag: w.Chain()[:2], ess: victim}
	with := func(f func(*forgery)) forgery {
		c := right
		f(&c)
		return c
	}
	cases := []struct {
		name string
		f    forgery
		ind  pades.Indication
		sub  pades.SubIndication
		want verifier.Reason
	}{
		{"genuine", right, pades.TotalPassed, "", ""},
		{"genuine, certificates in another order", with(func(f *forgery) { f.bag = []*x509.Certificate{w.Issuing.Certificate, victim} }), pades.TotalPassed, "", ""},
		{"victim first in the bag", forgery{cert: evil.Certificate, key: evil.Key, bag: []*x509.Certificate{victim, w.Issuing.Certificate, evil.Certificate}, ess: evil.Certificate}, pades.Indeterminate, pades.NoCertificateChain, verifier.SignerUntrusted},
		{"lookalike chain", forgery{cert: evil.Certificate, key: evil.Key, bag: append([]*x509.Certificate{evil.Certificate}, evil.Chain...), ess: evil.Certificate}, pades.Indeterminate, pades.NoCertificateChain, verifier.SignerUntrusted},
		{"trusted root in the bag", forgery{cert: evil.Certificate, key: evil.Key, bag: []*x509.Certificate{evil.Certificate, w.Root.Certificate}, ess: evil.Certificate}, pades.Indeterminate, pades.NoCertificateChain, verifier.SignerUntrusted},
		{"signed by another key", with(func(f *forgery) { f.key = evil.Key }), pades.TotalFailed, pades.SigCryptoFailure, verifier.CMSSignature},
		{"reference to another certificate", with(func(f *forgery) { f.ess = w.Issuing.Certificate }), pades.TotalFailed, pades.SigConstraintsFailure, verifier.CMSSigner},
		{"no certificate reference", with(func(f *forgery) { f.ess = nil }), pades.Indeterminate, pades.SigConstraintsFailure, verifier.SignerUnbound},
		{"signer's certificate missing", with(func(f *forgery) { f.bag = w.Chain()[1:2] }), pades.Indeterminate, pades.NoSigningCertificate, verifier.SignerMissing},
		{"two signers", with(func(f *forgery) { f.signers = 2 }), pades.TotalFailed, pades.FormatFailure, verifier.CMSMalformed},
		{"content inside", with(func(f *forgery) { f.content = []byte("x") }), pades.TotalFailed, pades.FormatFailure, verifier.CMSMalformed},
		{"no signed attributes", with(func(f *forgery) { f.bare = true }), pades.TotalFailed, pades.FormatFailure, verifier.CMSMalformed},
		{"other digest", with(func(f *forgery) { f.digest = make([]byte, 32) }), pades.TotalFailed, pades.HashFailure, verifier.CMSDigest},
	}
	for _, streams := range []bool{false, true} {
		s := buildSample(t, streams, nil)
		for _, c := range cases {
			b := handmade{message: c.f.message(t)}.sign(t, s.bytes, s.page)
			r := validate(t, b, w.config())
			if len(r.Signatures) != 1 {
				t.Fatalf("%s\n%s", c.name, explain(r))
			}
			g := r.Signatures[0]
			if g.Indication != c.ind || g.SubIndication != c.sub || g.Reason != c.want || r.Reason != c.want {
				t.Errorf("%s: expected %s %s %s\n%s", c.name, c.ind, c.sub, string(c.want), explain(r))
			}
		}
	}
}

// TestWrappedRanges: a signer who covers less than he should is not believed either.
func TestWrappedRanges(t *testing.T) {
	w := newWorld(t)
	right := forgery{cert: w.Signer.Certificate, key: w.Signer.Key, bag: w.Chain()[:2], ess: w.Signer.Certificate}
	for _, c := range []struct {
		name string
		f    func(r [4]int64) [4]int64
		want verifier.Reason
	}{
		{"second part later", func(r [4]int64) [4]int64 { return [4]int64{0, r[1], r[2] + 20, r[3] - 20} }, verifier.PDFGap},
		{"second part earlier", func(r [4]int64) [4]int64 { return [4]int64{0, r[1], r[2] - 20, r[3] + 20} }, verifier.PDFGap},
		{"first part shorter", func(r [4]int64) [4]int64 { return [4]int64{0, r[1] - 50, r[2], r[3]} }, verifier.PDFGap},
		{"first part from the middle", func(r [4]int64) [4]int64 { return [4]int64{50, r[1] - 50, r[2], r[3]} }, verifier.PDFByteRange},
		{"parts overlap", func(r [4]int64) [4]int64 { return [4]int64{0, r[2] + 20, r[2], r[3]} }, verifier.PDFByteRange},
		{"end cut", func(r [4]int64) [4]int64 { return [4]int64{0, r[1], r[2], r[3] - 7} }, verifier.PDFCoverage},
		{"only the first part", func(r [4]int64) [4]int64 { return [4]int64{0, r[1], r[2], 1} }, verifier.PDFCoverage},
	} {
		for _, streams := range []bool{false, true} {
			s := buildSample(t, streams, nil)
			b := handmade{message: right.message(t), byteRange: c.f}.sign(t, s.bytes, s.page)
			if r := validate(t, b, w.config()); r.Outcome != verifier.Invalid || r.Reason != c.want || r.Signatures[0].SubIndication != pades.FormatFailure {
				t.Errorf("%s: expected %s\n%s", c.name, string(c.want), explain(r))
			}
		}
	}
}

// TestTimeAndStatus: certificates that end or are revoked, with and without proof of time.
func TestTimeAndStatus(t *testing.T) {
	year := 365 * 24 * time.Hour
	cases := []struct {
		name string
		make func(w *world, in []byte) ([]byte, pades.Config)
		sub  pades.SubIndication
		want verifier.Reason
	}{
		{"expired, no timestamp", func(w *world, in []byte) ([]byte, pades.Config) {
			b := w.sign(sign.LevelB, in, sign.Request{})
			w.Now = w.Now.Add(3 * year)
			return b, w.config()
		}, pades.OutOfBoundsNoPOE, verifier.SignerOutOfBounds},
		{"expired, own authority", func(w *world, in []byte) ([]byte, pades.Config) {
			s := w.Pades(sign.LevelT, padestest.P256)
			s.TSA = ownTSA(t, w.Clock)
			var out bytes.Buffer
			if _, err := s.Sign(context.Background(), bytes.NewReader(in), int64(len(in)), &out, sign.Request{}); err != nil {
				t.Fatal(err)
			}
			w.Now = w.Now.Add(3 * year)
			return out.Bytes(), w.config()
		}, pades.OutOfBoundsNoPOE, verifier.SignerOutOfBounds},
		{"expired, timestamp by a root for signers", func(w *world, in []byte) ([]byte, pades.Config) {
			b := w.sign(sign.LevelLT, in, sign.Request{})
			w.Now = w.Now.Add(3 * year)
			c := w.config()
			c.Roots, c.TSARoots = append(c.Roots, c.TSARoots...), nil
			return b, c
		}, pades.OutOfBoundsNoPOE, verifier.SignerOutOfBounds},
		{"not yet valid", func(w *world, in []byte) ([]byte, pades.Config) {
			b := w.sign(sign.LevelB, in, sign.Request{})
			w.Now = w.Now.Add(-year)
			return b, w.config()
		}, pades.NotYetValid, verifier.SignerNotYetValid},
		{"no roots", func(w *world, in []byte) ([]byte, pades.Config) {
			c := w.config()
			c.Roots = nil
			return w.sign(sign.LevelB, in, sign.Request{}), c
		}, pades.NoCertificateChain, verifier.SignerUntrusted},
		{"status unknown", func(w *world, in []byte) ([]byte, pades.Config) {
			return w.sign(sign.LevelB, in, sign.Request{}), w.offline()
		}, pades.TryLater, verifier.RevocationUnknown},
		{"status stale", func(w *world, in []byte) ([]byte, pades.Config) {
			b := w.sign(sign.LevelLT, in, sign.Request{})
			w.Now = w.Now.Add(year)
			c := w.offline()
			c.TSARoots = nil
			return b, c
		}, pades.TryLater, verifier.RevocationUnknown},
		{"revoked later, no timestamp", func(w *world, in []byte) ([]byte, pades.Config) {
			b := w.sign(sign.LevelB, in, sign.Request{})
			w.Issuing.Revoke(w.Signer.Certificate.SerialNumber, w.Now.Add(time.Hour), 1)
			w.Now = w.Now.Add(2 * time.Hour)
			return b, w.config()
		}, pades.RevokedNoPOE, verifier.SignerRevokedNoPOE},
		{"revoked before it claims to be signed", func(w *world, in []byte) ([]byte, pades.Config) {
			w.Issuing.Revoke(w.Signer.Certificate.SerialNumber, w.Now.Add(-time.Hour), 1)
			return w.sign(sign.LevelB, in, sign.Request{}), w.config()
		}, pades.Revoked, verifier.SignerRevoked},
		{"issuer revoked", func(w *world, in []byte) ([]byte, pades.Config) {
			b := w.sign(sign.LevelB, in, sign.Request{})
			w.Root.Revoke(w.Issuing.Certificate.SerialNumber, w.Now.Add(-time.Hour), 2)
			return b, w.config()
		}, pades.RevokedCANoPOE, verifier.SignerRevokedNoPOE},
		{"authority compromised", func(w *world, in []byte) ([]byte, pades.Config) {
			b := w.sign(sign.LevelT, in, sign.Request{})
			w.TSARoot.Revoke(w.TSALeaf.Certificate.SerialNumber, w.Now.Add(time.Hour), 1)
			w.Now = w.Now.Add(3 * year)
			return b, w.config()
		}, pades.OutOfBoundsNoPOE, verifier.SignerOutOfBounds},
		{"weak key", func(w *world, in []byte) ([]byte, pades.Config) {
			c := w.config()
			c.Algorithms = &pades.AlgorithmPolicy{Name: "nothing"}
			return w.sign(sign.LevelB, in, sign.Request{}), c
		}, pades.CryptoConstraintsFailure, verifier.WeakAlgorithm},
		{"certificate for another purpose", func(w *world, in []byte) ([]byte, pades.Config) {
			c := w.config()
			c.SigningEKU = []string{"1.3.6.1.5.5.7.3.4"}
			return w.sign(sign.LevelB, in, sign.Request{}), c
		}, pades.ChainConstraintsFailure, verifier.SignerConstraints},
		{"signed with the authority's certificate", func(w *world, in []byte) ([]byte, pades.Config) {
			leaf, err := w.Issuing.Issue(testca.Request{Profile: testca.OCSPResponder, Subject: pkix.Name{CommonName: "x"}})
			if err != nil {
				t.Fatal(err)
			}
			f := forgery{cert: leaf.Certificate, key: leaf.Key, bag: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), ess: leaf.Certificate}
			s := buildSample(t, false, nil)
			return handmade{message: f.message(t)}.sign(t, s.bytes, s.page), w.config()
		}, pades.ChainConstraintsFailure, verifier.SignerConstraints},
	}
	in := padestest.Sample{Form: "indirect"}.Build(t)
	for _, c := range cases {
		w := newWorld(t)
		b, conf := c.make(w, in)
		r := validate(t, b, conf)
		if r.Outcome == verifier.Valid || r.Outcome != c.want.Outcome() || r.Signatures[0].Reason != c.want || r.Signatures[0].SubIndication != c.sub {
			t.Errorf("%s: expected %s %s\n%s", c.name, c.sub, string(c.want), explain(r))
		}
	}
}

// TestNoSignature: documents without one are never valid.
func TestNoSignature(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	if r := validate(t, s.bytes, w.config()); r.Outcome != verifier.Invalid || r.Reason != verifier.NoSignature {
		t.Error(explain(r))
	}
	// A signature dictionary that no field leads to.
	b := update(t, s.bytes, func(u *pdf.Update) { u.Add(dict("Type", "/Sig", "ByteRange", arr(0, 1, 2, 3))) })
	if r := validate(t, b, w.config()); r.Reason != verifier.NoSignature {
		t.Error(explain(r))
	}
	for _, in := range [][]byte{nil, []byte("%PDF-1.7\n"), []byte("hello"), bytes.Repeat([]byte("%PDF-1.7\n"), 1000)} {
		if r := validate(t, in, w.config()); r.Outcome != verifier.Invalid || r.Reason != verifier.PDFMalformed {
			t.Error(explain(r))
		}
	}
	if _, err := pades.Validate(context.Background(), bytes.NewReader(nil), 0, pades.Config{}); err == nil {
		t.Error("expected a clock to be asked for")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := pades.Validate(ctx, bytes.NewReader(s.bytes), int64(len(s.bytes)), w.config()); err == nil {
		t.Error("expected the cancelled context to be told")
	}
}
