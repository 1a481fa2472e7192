package proof_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"testing"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// signP256 signs as ecdsa-sd-2023 does.
func signP256(tb testing.TB, key *ecdsa.PrivateKey, message []byte) []byte {
	tb.Helper()
	sum := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(nil, key, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

// baseBadge is the benchmark badge with a base proof and four mandatory pointers, which
// other implementations were measured with (without the badge's ordered list, which they
// cannot process).
func baseBadge(tb testing.TB) string {
	tb.Helper()
	d := parse(tb, []byte(benchmarkBadge(tb)))
	key := benchKeys().p256
	public, err := multikey.Encode(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	config := `{"type":"DataIntegrityProof","cryptosuite":"ecdsa-sd-2023","created":"2026-05-01T09:00:00Z","verificationMethod":"did:key:` + public + `#` + public + `","proofPurpose":"assertionMethod"`
	p, err := proof.ParseConfig([]byte(config + "}"))
	if err != nil {
		tb.Fatal(err)
	}
	base, err := proof.NewSDBase(proof.Input{Doc: d, Proof: p}, bytes.Repeat([]byte{7}, 32), []string{"/type", "/issuer", "/validFrom", "/validUntil"})
	if err != nil {
		tb.Fatal(err)
	}
	scoped, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), []byte("another scalar for measurements!"))
	if err != nil {
		tb.Fatal(err)
	}
	var signatures [][]byte
	for _, line := range base.NonMandatory {
		signatures = append(signatures, signP256(tb, scoped, line))
	}
	data, err := base.SignData(&scoped.PublicKey)
	if err != nil {
		tb.Fatal(err)
	}
	value, err := base.ProofValue(signP256(tb, key, data), &scoped.PublicKey, signatures)
	if err != nil {
		tb.Fatal(err)
	}
	return string(d.Rewrite(0, []strictjson.Member{{Name: "proof", Value: config + `,"proofValue":"` + value + `"}`}}))
}

// disclosed is one member of the achievement.
var disclosed = []string{"/credentialSubject/achievement/name"}

// disclosedStatements are those that come with it and are not mandatory: the subject's
// type and that it is the subject's, the achievement's type and that it is the
// achievement, and its name.
const disclosedStatements = 5

func derivedBadge(tb testing.TB, base string, key *ecdsa.PublicKey) []byte {
	tb.Helper()
	d := parse(tb, []byte(base))
	all, err := proof.Proofs(d)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := proof.DeriveSD(proof.Input{Doc: d, Proof: all[0], Key: key}, disclosed)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// rawP256Times is what a disclosure costs in P-256 alone.
func rawP256Times(b *testing.B, n int) func() {
	one := rawP256(b)
	return func() {
		for range n {
			one()
		}
	}
}

// BenchmarkTargetVerifyECDSASD: a disclosure of one member costs at most twice what its
// six signatures cost.
func BenchmarkTargetVerifyECDSASD(b *testing.B) {
	key := &benchKeys().p256.PublicKey
	text, resolver := derivedBadge(b, baseBadge(b), key), proof.Newest(nil)
	ours := func() {
		if err := verifyReceived(text, key, resolver); err != nil {
			b.Fatal(err)
		}
	}
	interleave(b, 2, rawP256Times(b, disclosedStatements+1), ours)
	b.ReportMetric(kilobytes(ours), "kB_op")
}

// BenchmarkTargetDeriveECDSASD: to derive it, with those signatures checked, costs at most
// three times as much. The whole document is read and canonicalised, and two parts of it.
func BenchmarkTargetDeriveECDSASD(b *testing.B) {
	key := &benchKeys().p256.PublicKey
	base := baseBadge(b)
	ours := func() { derivedBadge(b, base, key) }
	interleave(b, 3, rawP256Times(b, disclosedStatements+1), ours)
	b.ReportMetric(kilobytes(ours), "kB_op")
}

func TestBenchmarkDisclosure(t *testing.T) {
	key := &benchKeys().p256.PublicKey
	text := derivedBadge(t, baseBadge(t), key)
	if err := verifyReceived(text, key, proof.Newest(nil)); err != nil {
		t.Fatal(err)
	}
	d := parse(t, text)
	// 64 bytes of signature and two before it: in base64url, 88 characters.
	if n := len(d.String(d.Path(0, "proof", "proofValue"))) / 88; n < disclosedStatements+1 || n > disclosedStatements+3 {
		t.Errorf("room for %d signatures in %s", n, text)
	}
}
