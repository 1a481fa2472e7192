package anchor_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// manyItems is a Store of items that are computed, so that measurements show what the
// batch costs and not what a store does.
type manyItems struct {
	*anchor.MemStore
	n      uint64
	sealed *anchor.Record
	leaves [][]byte
}

func (s *manyItems) item(i uint64) anchor.Item {
	var in [9]byte
	binary.BigEndian.PutUint64(in[:], i)
	digest := sha256.Sum256(in[:8])
	in[8] = 1
	salt := sha256.Sum256(in[:])
	return anchor.Item{ID: fmt.Sprint(i), Salt: salt[:], Subject: evidence.Subject{Type: evidence.SubjectCredential, DigestAlg: "sha-256", Digest: digest[:]}}
}

func (s *manyItems) Queue(context.Context) (anchor.Queue, error) { return anchor.Queue{Size: s.n}, nil }

func (s *manyItems) Items(_ context.Context, from, n uint64) iter.Seq2[anchor.Item, error] {
	return func(yield func(anchor.Item, error) bool) {
		for i := from; i < from+n; i++ {
			if !yield(s.item(i), nil) {
				return
			}
		}
	}
}

func (s *manyItems) Seal(_ context.Context, r *anchor.Record, leaves [][]byte) error {
	s.sealed, s.leaves = r, leaves
	return nil
}

func (s *manyItems) Leaves(context.Context, uint64) ([][]byte, error) { return s.leaves, nil }

func sealMany(t testing.TB, n int) *manyItems {
	t.Helper()
	s := &manyItems{MemStore: anchor.NewMemStore(), n: uint64(n)}
	c := batcherConfig(s, newClock().Now)
	c.MaxItems = n
	c.Promise = []string{evidence.PromiseChain(1)}
	if _, err := newBatcher(t, c).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEvidenceSize measures the evidence of one item among a million: with an anchor as
// mainnet makes them, a transaction proof of 1,381 bytes (a block of 400 transactions)
// and a header of 638.
func TestEvidenceSize(t *testing.T) {
	const limit, partsLimit = 3500, 40_000
	s := sealMany(t, 1_000_000)
	trees, err := anchor.Trees(t.Context(), s, s.sealed)
	if err != nil {
		t.Fatal(err)
	}
	node := func(n int) []byte { return make([]byte, n) }
	mined, err := (&evidence.TxProof{Index: 399, Header: node(638), Nodes: [][]byte{node(532), node(532), node(167), node(70), node(80)}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	eth := &evidence.Eth{ChainID: 1, Tx: evidence.NewPart(mined)}
	link, pack := evidence.NewPart(make([]byte, 6500)), evidence.NewPart(make([]byte, 26_100))
	eth.Link, eth.Pack = &link, &pack
	b := &evidence.Batch{SignedHeader: s.sealed.Signed, Trees: trees, Anchors: []evidence.Anchor{
		{Type: evidence.AnchorEth, Eth: eth},
		{Type: evidence.AnchorTimestamp, Timestamp: &evidence.Timestamp{Token: evidence.NewPart(make([]byte, 5000))}},
	}}
	it := s.item(765_432)
	bundle, err := b.Bundle(evidence.Item{Index: 765_432, Subject: it.Subject, Salt: it.Salt})
	if err != nil {
		t.Fatal(err)
	}
	small, parts := bundle.Detach()
	file, err := small.Encode()
	if err != nil {
		t.Fatal(err)
	}
	shared, err := evidence.EncodeParts(parts)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("evidence of one of 1,000,000: %d bytes (limit %d), path %d; shared by the batch: %d bytes", len(file), limit, len(bundle.Tree.Path), len(shared))
	if len(file) > limit {
		t.Errorf("expected at most %d bytes, found %d", limit, len(file))
	}
	if len(shared) > partsLimit {
		t.Errorf("expected at most %d bytes shared, found %d", partsLimit, len(shared))
	}
	if len(bundle.Tree.Path) < 17*32 {
		t.Errorf("a path of %d bytes is none of a million leaves", len(bundle.Tree.Path))
	}
}

// BenchmarkBatch seals batches and prints time and memory for each item, and the time as
// a ratio to the hashes that cannot be avoided: one of 33 bytes for each leaf and one of
// 65 for each node, plus the salted commitment.
func BenchmarkBatch(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				floor := hashFloor(n)
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				start := time.Now()
				s := sealMany(b, n)
				took := time.Since(start)
				runtime.GC()
				runtime.ReadMemStats(&after)
				items := time.Duration(0)
				start = time.Now()
				for i := range uint64(n) {
					it := s.item(i)
					sinkByte ^= it.Salt[0]
				}
				items = time.Since(start)
				b.ReportMetric(float64(took-items)/float64(floor), "x_raw")
				b.ReportMetric(float64((took-items).Nanoseconds())/float64(n), "ns_item")
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "live_B_item")
				runtime.KeepAlive(s)
			}
		})
	}
}

var sinkByte byte

// hashFloor times the hashes of a batch of n: commitments of 64 bytes, leaves, nodes.
func hashFloor(n int) time.Duration {
	var buf [128]byte
	start := time.Now()
	for range n {
		c := sha256.Sum256(buf[:64])
		copy(buf[:], c[:])
		d := sha256.Sum256(buf[:74]) // prefix and leaf data
		copy(buf[:], d[:])
		e := sha256.Sum256(buf[:65])
		copy(buf[:], e[:])
	}
	sinkByte ^= buf[0]
	return time.Since(start)
}

// BenchmarkProve makes the evidence of single items of a batch of a million.
func BenchmarkProve(b *testing.B) {
	s := sealMany(b, 1_000_000)
	trees, err := anchor.Trees(b.Context(), s, s.sealed)
	if err != nil {
		b.Fatal(err)
	}
	batch := &evidence.Batch{SignedHeader: s.sealed.Signed, Trees: trees}
	i := uint64(0)
	for b.Loop() {
		it := s.item(i % s.n)
		if _, err := batch.Bundle(evidence.Item{Index: int(i % s.n), Subject: it.Subject, Salt: it.Salt}); err != nil {
			b.Fatal(err)
		}
		i += 7919
	}
}

// TestLeafData fixes how the batcher hashes leaves: as the verifying side does.
func TestLeafData(t *testing.T) {
	s := sealMany(t, 3)
	for i := range uint64(3) {
		it := s.item(i)
		data, err := evidence.LeafData(merkle.SHA256, it.Subject, it.Salt, nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(merkle.SHA256.LeafHash(data)) != string(s.leaves[0][32*i:32*i+32]) {
			t.Fatalf("leaf %d differs", i)
		}
	}
}
