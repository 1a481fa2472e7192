package evidence

import (
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/ethereum"
)

// best is the shortest of many short rounds in µs: what else the machine does can only
// make rounds longer.
func best(rounds []time.Duration) float64 {
	return float64(slices.Min(rounds).Nanoseconds()) / 1e3
}

// BenchmarkTargetVerifyEvidence reads and verifies the evidence of one document among
// 100,000 in a block of 150 transactions. Signature checks (the header's, and the
// recovery of the sender) are measured by themselves and taken off.
func BenchmarkTargetVerifyEvidence(b *testing.B) {
	w := theWorld()
	bundle := w.bundle(b, plan{n: 100_000, index: 41_700}, w.ethAnchor(b, ethPlan{txs: 150, index: 75, noPack: true}))
	enc, err := bundle.Encode()
	if err != nil {
		b.Fatal(err)
	}
	trust, in := w.trust(), Input{Document: document(41_700)}
	mined := minedIn(b, bundle)
	block, err := ethereum.ParseHeader(mined.Header)
	if err != nil {
		b.Fatal(err)
	}
	trust.Chains[0].Final = []Block{{block.Number, block.Hash}}
	raw, err := ethereum.ProveTransaction(block.TransactionsRoot, mined.Index, mined.Nodes)
	if err != nil {
		b.Fatal(err)
	}
	tx, err := ethereum.ParseTransaction(raw)
	if err != nil {
		b.Fatal(err)
	}
	message, err := bundle.Header.SigningInput()
	if err != nil {
		b.Fatal(err)
	}
	var ours, sigs, parse []time.Duration
	for b.Loop() {
		const n = 3
		start := time.Now()
		for range n {
			p, err := Parse(enc)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := p.Verify(in, trust); err != nil {
				b.Fatal(err)
			}
		}
		mid := time.Now()
		for range n {
			if !ed25519.Verify(w.issuer.Public().(ed25519.PublicKey), message, bundle.Signature.Value) {
				b.Fatal("signature")
			}
			if _, err := tx.Sender(); err != nil {
				b.Fatal(err)
			}
		}
		end := time.Now()
		for range n {
			if _, err := Parse(enc); err != nil {
				b.Fatal(err)
			}
		}
		ours, sigs, parse = append(ours, mid.Sub(start)/n), append(sigs, end.Sub(mid)/n), append(parse, time.Since(end)/n)
	}
	b.ReportMetric(best(ours)-best(sigs), "µs_op")
	b.ReportMetric(60, "µs_limit")
	b.ReportMetric(best(sigs), "µs_signatures")
	b.ReportMetric(best(parse), "µs_parse")
	b.ReportMetric(float64(len(enc)), "B_bundle")
	b.ReportMetric(0, "ns/op")
}

func benchFinality(b *testing.B, limit float64, fresh bool) {
	w := theWorld()
	bundle := w.bundle(b, plan{n: 1000, index: 417}, w.ethAnchor(b, ethPlan{txs: 150, index: 75}))
	enc, err := bundle.Encode()
	if err != nil {
		b.Fatal(err)
	}
	trust, in := w.trust(), Input{Document: document(417)}
	var rounds []time.Duration
	for b.Loop() {
		if fresh || trust.Chains[0].Beacon.Cache == nil {
			trust.Chains[0].Beacon.Cache = new(beacon.CommitteeCache)
			if !fresh {
				if _, err := bundle.Verify(in, trust); err != nil {
					b.Fatal(err)
				}
			}
		}
		start := time.Now()
		p, err := Parse(enc)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Verify(in, trust); err != nil {
			b.Fatal(err)
		}
		rounds = append(rounds, time.Since(start))
	}
	b.ReportMetric(best(rounds)/1e3, "ms_op")
	b.ReportMetric(limit, "ms_limit")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkTargetFinalityCold has no committee decoded.
func BenchmarkTargetFinalityCold(b *testing.B) { benchFinality(b, 30, true) }

// BenchmarkTargetFinalityWarm has the committee of the pack decoded before.
func BenchmarkTargetFinalityWarm(b *testing.B) { benchFinality(b, 3, false) }
