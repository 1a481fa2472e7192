package beacon

import (
	"testing"
	"time"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// rawKeys decodes a committee with the curve library, subgroup checks included, and adds
// up the signers: what a FastAggregateVerify on bytes costs before its pairing.
func rawKeys(tb testing.TB, c *SyncCommittee, bitfield []byte) *bls.G1Affine {
	var sum bls.G1Jac
	for i := range c.Pubkeys {
		var k bls.G1Affine
		if _, err := k.SetBytes(c.Pubkeys[i][:]); err != nil {
			tb.Fatal(err)
		}
		if bit(bitfield, i) {
			sum.AddMixed(&k)
		}
	}
	return new(bls.G1Affine).FromJacobian(&sum)
}

// rawVerify is the curve library's part of a signature check.
func rawVerify(tb testing.TB, key *bls.G1Affine, message Root, signature *[96]byte) {
	var sig bls.G2Affine
	if _, err := sig.SetBytes(signature[:]); err != nil {
		tb.Fatal(err)
	}
	h, err := bls.HashToG2(message[:], suite)
	if err != nil {
		tb.Fatal(err)
	}
	_, _, g1, _ := bls.Generators()
	g1.Neg(&g1)
	if ok, err := bls.PairingCheck([]bls.G1Affine{*key, g1}, []bls.G2Affine{h, sig}); err != nil || !ok {
		tb.Fatal("raw verification failed")
	}
}

// benchVerify measures parsing and verifying the mainnet pack of one period, and the raw
// operation, in turns.
func benchVerify(b *testing.B, trust *Trust, pack []byte, limit float64, raw func()) {
	var ours, theirs time.Duration
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		p, err := ParsePack(pack)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Verify(p, trust); err != nil {
			b.Fatal(err)
		}
		mid := time.Now()
		raw()
		ours, theirs = ours+mid.Sub(start), theirs+time.Since(mid)
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(b.N) }
	b.ReportMetric(ms(ours), "ms_op")
	b.ReportMetric(limit, "ms_limit")
	b.ReportMetric(ms(theirs), "ms_raw")
	b.ReportMetric(ms(ours)/ms(theirs), "x_raw")
	b.ReportMetric(0, "ns/op")
}

func benchParts(b *testing.B) (pack []byte, trust *Trust, p *Pack, message Root) {
	pack, trust = mainnetPack(b)
	p, err := ParsePack(pack)
	if err != nil {
		b.Fatal(err)
	}
	return pack, trust, p, trust.Network.signingRoot(p.Finality.Attested.Root(), p.ForkVersion)
}

// BenchmarkTargetColdVerify has no committee decoded. Raw: FastAggregateVerify on bytes.
func BenchmarkTargetColdVerify(b *testing.B) {
	pack, trust, p, message := benchParts(b)
	benchVerify(b, trust, pack, 30, func() {
		rawVerify(b, rawKeys(b, &p.Committee, p.Finality.Aggregate.Bits), message, &p.Finality.Aggregate.Signature)
	})
}

// BenchmarkTargetColdVerifyFewest is the worst participation that is accepted: 342 of
// 512 signers, so that 170 absent keys are decoded.
func BenchmarkTargetColdVerifyFewest(b *testing.B) {
	n := forgeNetwork()
	n.Preset.CommitteeSize = 512
	f := newForge(n)
	p := f.pack(b, plan{present: 342})
	pack, err := p.Encode()
	if err != nil {
		b.Fatal(err)
	}
	message := n.signingRoot(p.Finality.Attested.Root(), p.ForkVersion)
	benchVerify(b, f.trust(4), pack, 30, func() {
		rawVerify(b, rawKeys(b, &p.Committee, p.Finality.Aggregate.Bits), message, &p.Finality.Aggregate.Signature)
	})
}

// BenchmarkTargetWarmVerify has the committee in the cache. Raw: the same signature check
// with the keys already added up.
func BenchmarkTargetWarmVerify(b *testing.B) {
	pack, trust, p, message := benchParts(b)
	trust.Cache = new(CommitteeCache)
	key := rawKeys(b, &p.Committee, p.Finality.Aggregate.Bits)
	parsed, err := ParsePack(pack)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := Verify(parsed, trust); err != nil {
		b.Fatal(err)
	}
	benchVerify(b, trust, pack, 3, func() { rawVerify(b, key, message, &p.Finality.Aggregate.Signature) })
}

// BenchmarkEveryKey is the cold verification with Trust.CheckEveryKey, for comparison.
func BenchmarkEveryKey(b *testing.B) {
	pack, trust, _, _ := benchParts(b)
	trust.CheckEveryKey = true
	for range b.N {
		p, err := ParsePack(pack)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Verify(p, trust); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMainnetChain verifies five period updates and the finality update.
func BenchmarkMainnetChain(b *testing.B) {
	p, err := Mainnet().BuildPack(mainnetSource(b))
	if err != nil {
		b.Fatal(err)
	}
	trust := &Trust{Network: Mainnet(), Checkpoints: []Root{p.Checkpoint.Header.Root()}}
	for range b.N {
		if _, err := Verify(p, trust); err != nil {
			b.Fatal(err)
		}
	}
}
