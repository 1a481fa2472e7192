package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// benchmarkBadge is an Open Badge 3.0.3 of the size that the targets are stated for:
// 88 quads, 30 blank nodes and 3.1 kB with its proof.
func benchmarkBadge(tb testing.TB) string {
	tb.Helper()
	b, err := os.ReadFile("testdata/badge.json")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func TestBenchmarkBadge(t *testing.T) {
	text, _ := signedBadge(t, proof.EdDSARDFC2022, benchKeys().ed)
	d := parse(t, []byte(text))
	all, err := proof.Proofs(d)
	if err != nil {
		t.Fatal(err)
	}
	h, err := checkOne(t, d, all[0], all, benchKeys().ed.Public())
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.CanonicalDocument()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d quads, %d blank nodes, %d bytes canonical", len(text), c.RDF.Len(), c.RDF.Blanks(), len(c.Text))
	if c.RDF.Len() != 88 || c.RDF.Blanks() != 30 || len(text) < 3050 {
		t.Errorf("the badge is not of the size that the targets are stated for: %d bytes, %d quads, %d blank nodes", len(text), c.RDF.Len(), c.RDF.Blanks())
	}
}

// benchKeys are fixed, so that no run has a key of its own.
func benchKeys() keys {
	p256, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), []byte("a fixed scalar for measurements!"))
	if err != nil {
		panic(err) // the bytes are below the order, as everybody can see
	}
	return keys{ed: ed25519.NewKeyFromSeed([]byte("a fixed seed for measurements!!!")), p256: p256}
}

// signedBadge signs the badge as package signer does, which this package cannot import.
func signedBadge(tb testing.TB, suite string, key crypto.Signer) (text, value string) {
	tb.Helper()
	return signText(tb, benchmarkBadge(tb), suite, key)
}

func signText(tb testing.TB, doc, suite string, key crypto.Signer) (text, value string) {
	tb.Helper()
	public, err := multikey.Encode(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	d := parse(tb, []byte(doc))
	typ, cryptosuite := proof.TypeDataIntegrity, `"cryptosuite":"`+suite+`",`
	if suite == proof.TypeEd25519Signature2020 {
		typ, cryptosuite = suite, ""
	}
	config := `{"type":"` + typ + `",` + cryptosuite + `"created":"2026-05-01T09:00:00Z","verificationMethod":"did:key:` + public + `#` + public + `","proofPurpose":"assertionMethod"`
	if strings.Contains(suite, "jcs") {
		config += `,"@context":` + d.Raw(d.Get(0, "@context"))
	}
	p, err := proof.ParseConfig([]byte(config + "}"))
	if err != nil {
		tb.Fatal(err)
	}
	s, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
	if !ok {
		tb.Fatal("suite unknown")
	}
	h, err := s.Hash(proof.Input{Doc: d, Proof: p, Key: key.Public(), Contexts: contexts(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	var sig []byte
	switch k := key.(type) {
	case ed25519.PrivateKey:
		sig = ed25519.Sign(k, h.Data)
	case *ecdsa.PrivateKey:
		digest := h.HashFunc.New()
		digest.Write(h.Data)
		r, s, err := ecdsa.Sign(nil, k, digest.Sum(nil))
		if err != nil {
			tb.Fatal(err)
		}
		n := h.HashFunc.Size()
		sig = make([]byte, 2*n)
		r.FillBytes(sig[:n])
		s.FillBytes(sig[n:])
	}
	if value, err = s.ProofValue(key.Public(), sig); err != nil {
		tb.Fatal(err)
	}
	signed := config + `,"proofValue":"` + value + `"}`
	return string(d.Rewrite(0, []strictjson.Member{{Name: "proof", Value: signed}})), value
}

// verifyReceived is the engine's path from received bytes to a signature that fits.
func verifyReceived(text []byte, key crypto.PublicKey, resolver proof.Resolver) error {
	c, err := chancery.Parse(text)
	if err != nil {
		return err
	}
	all, err := proof.Proofs(c.Document())
	if err != nil {
		return err
	}
	for _, p := range all {
		s, ok := proof.SuiteByName(p.Type, p.Cryptosuite)
		if !ok {
			return proof.ErrSuite
		}
		previous, err := proof.Previous(p, all)
		if err != nil {
			return err
		}
		h, err := s.Hash(proof.Input{Doc: c.Document(), Proof: p, Previous: previous, Key: key, Contexts: resolver})
		if err != nil {
			return err
		}
		if err := s.Verify(key, h, p.ProofValue); err != nil {
			return err
		}
	}
	return nil
}

// interleave runs raw and ours by turns in b.N rounds and reports the median of their
// ratios, since a machine that others use too is fast at one moment and slow at another.
func interleave(b *testing.B, limit float64, raw, ours func()) {
	const inner = 20
	for range 50 {
		raw()
		ours()
	}
	rounds := max(b.N/inner, 15)
	var ratios, rawTimes, ourTimes []float64
	b.ResetTimer()
	for range rounds {
		start := time.Now()
		for range inner {
			raw()
		}
		mid := time.Now()
		for range inner {
			ours()
		}
		end := time.Now()
		r, o := float64(mid.Sub(start)), float64(end.Sub(mid))
		ratios, rawTimes, ourTimes = append(ratios, o/r), append(rawTimes, r/inner), append(ourTimes, o/inner)
	}
	b.StopTimer()
	median := func(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }
	b.ReportMetric(median(ratios), "x_raw")
	b.ReportMetric(limit, "x_limit")
	b.ReportMetric(median(rawTimes)/1e3, "raw_µs")
	b.ReportMetric(median(ourTimes)/1e3, "ours_µs")
	b.ReportMetric(0, "ns/op")
}

func kilobytes(f func()) float64 {
	const n = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / n / 1e3
}

func benchVerify(b *testing.B, suite string, key crypto.Signer, limit, kB float64, raw func()) {
	text, _ := signedBadge(b, suite, key)
	doc, resolver, public := []byte(text), proof.Newest(nil), key.Public()
	ours := func() {
		if err := verifyReceived(doc, public, resolver); err != nil {
			b.Fatal(err)
		}
	}
	interleave(b, limit, raw, ours)
	b.ReportMetric(kilobytes(ours), "kB_op")
	if kB > 0 {
		b.ReportMetric(kB, "kB_limit")
	}
}

func rawEd25519(b *testing.B) func() {
	k := benchKeys().ed
	message := make([]byte, 64)
	sig := ed25519.Sign(k, message)
	public := k.Public().(ed25519.PublicKey)
	return func() {
		if !ed25519.Verify(public, message, sig) {
			b.Fatal("no signature")
		}
	}
}

func rawP256(b *testing.B) func() {
	k := benchKeys().p256
	digest := sha256.Sum256(make([]byte, 64))
	sig, err := ecdsa.SignASN1(nil, k, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if !ecdsa.VerifyASN1(&k.PublicKey, digest[:], sig) {
			b.Fatal("no signature")
		}
	}
}

func BenchmarkTargetVerifyEdDSARDFC(b *testing.B) {
	benchVerify(b, proof.EdDSARDFC2022, benchKeys().ed, 4, 60, rawEd25519(b))
}

func BenchmarkTargetVerifyEdDSAJCS(b *testing.B) {
	benchVerify(b, proof.EdDSAJCS2022, benchKeys().ed, 2, 0, rawEd25519(b))
}

func BenchmarkTargetVerifyECDSARDFC(b *testing.B) {
	benchVerify(b, proof.ECDSARDFC2019, benchKeys().p256, 3, 0, rawP256(b))
}

// BenchmarkVerifyParts shows where the time of a verify goes.
func BenchmarkVerifyParts(b *testing.B) {
	key := benchKeys().ed
	for _, suite := range []string{proof.EdDSARDFC2022, proof.EdDSAJCS2022} {
		text, value := signedBadge(b, suite, key)
		c, err := chancery.Parse([]byte(text))
		if err != nil {
			b.Fatal(err)
		}
		all, err := proof.Proofs(c.Document())
		if err != nil {
			b.Fatal(err)
		}
		s, _ := proof.SuiteByName(all[0].Type, all[0].Cryptosuite)
		in := proof.Input{Doc: c.Document(), Proof: all[0], Contexts: proof.Newest(nil)}
		h, err := s.Hash(in)
		if err != nil {
			b.Fatal(err)
		}
		for name, f := range map[string]func() error{
			"parse":  func() error { _, err := chancery.Parse([]byte(text)); return err },
			"proofs": func() error { _, err := proof.Proofs(c.Document()); return err },
			"hash":   func() error { _, err := s.Hash(in); return err },
			"verify": func() error { return s.Verify(key.Public(), h, value) },
		} {
			b.Run(fmt.Sprintf("%s/%s", suite, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
