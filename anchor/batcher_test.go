package anchor_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/proof/merkle"
	"github.com/chancery-dev/chancery/signer/pades"
)

func newBatcher(t testing.TB, c anchor.BatcherConfig) *anchor.Batcher {
	t.Helper()
	b, err := anchor.NewBatcher(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBatcherConfig(t *testing.T) {
	clock := newClock().Now
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*anchor.BatcherConfig){
		"no store":      func(c *anchor.BatcherConfig) { c.Store = nil },
		"no clock":      func(c *anchor.BatcherConfig) { c.Clock = nil },
		"no key":        func(c *anchor.BatcherConfig) { c.Key = nil },
		"no issuer":     func(c *anchor.BatcherConfig) { c.Issuer = "" },
		"no method":     func(c *anchor.BatcherConfig) { c.Method = "" },
		"P-224":         func(c *anchor.BatcherConfig) { c.Key = p224 },
		"negative size": func(c *anchor.BatcherConfig) { c.MaxItems = -1 },
		"huge size":     func(c *anchor.BatcherConfig) { c.MaxItems = anchor.MaxBatch + 1 },
		"negative age":  func(c *anchor.BatcherConfig) { c.MaxAge = -1 },
		"unknown tree":  func(c *anchor.BatcherConfig) { c.Trees = []merkle.Hash{99} },
		"same trees":    func(c *anchor.BatcherConfig) { c.Trees = []merkle.Hash{merkle.SHA256, merkle.SHA256} },
		"three trees":   func(c *anchor.BatcherConfig) { c.Trees = []merkle.Hash{merkle.SHA256, merkle.SHA512, merkle.SHA3_256} },
		"short tenant":  func(c *anchor.BatcherConfig) { c.Tenant = []byte{1} },
		"promise":       func(c *anchor.BatcherConfig) { c.Promise = []string{"soon"} },
		"promise twice": func(c *anchor.BatcherConfig) { c.Promise = []string{"rfc3161", "rfc3161"} },
	} {
		c := batcherConfig(anchor.NewMemStore(), clock)
		change(&c)
		if _, err := anchor.NewBatcher(c); !errors.Is(err, anchor.ErrConfig) {
			t.Errorf("%s: expected ErrConfig, found %v", name, err)
		}
	}
	for name, c := range map[string]anchor.AnchorerConfig{
		"nothing":   {},
		"no clock":  {Store: anchor.NewMemStore(), Chain: newFakeChain(clock)},
		"no chain":  {Store: anchor.NewMemStore(), Clock: clock},
		"no store":  {Chain: newFakeChain(clock), Clock: clock},
		"bad delay": {Store: anchor.NewMemStore(), Chain: newFakeChain(clock), Clock: clock, ReplaceAfter: -1},
	} {
		if _, err := anchor.NewAnchorer(c); !errors.Is(err, anchor.ErrConfig) {
			t.Errorf("%s: expected ErrConfig, found %v", name, err)
		}
	}
}

func TestUnfitItems(t *testing.T) {
	store := anchor.NewMemStore()
	b := newBatcher(t, batcherConfig(store, newClock().Now))
	for name, change := range map[string]func(*anchor.Item){
		"kind":        func(it *anchor.Item) { it.Subject.Type = "block" },
		"no kind":     func(it *anchor.Item) { it.Subject.Type = "" },
		"hash":        func(it *anchor.Item) { it.Subject.DigestAlg = "md5" },
		"long":        func(it *anchor.Item) { it.Subject.Digest = make([]byte, 33) },
		"short":       func(it *anchor.Item) { it.Subject.Digest = nil },
		"sha-512":     func(it *anchor.Item) { it.Subject.DigestAlg = "sha-512" },
		"blank ID":    func(it *anchor.Item) { it.ID = "a b" },
		"control ID":  func(it *anchor.Item) { it.ID = "a\x00" },
		"non-ASCII":   func(it *anchor.Item) { it.ID = "é" },
		"endless ID":  func(it *anchor.Item) { it.ID = strings.Repeat("a", anchor.MaxID+1) },
		"many wrongs": func(it *anchor.Item) { *it = anchor.Item{} },
	} {
		it := stamp("x")
		change(&it)
		if _, err := b.Add(t.Context(), stamp("fit"), it); !errors.Is(err, anchor.ErrItem) {
			t.Errorf("%s: expected ErrItem, found %v", name, err)
		}
	}
	if q, _ := store.Queue(t.Context()); q.Size != 0 {
		t.Fatalf("%d items were stored", q.Size)
	}
	if _, err := b.Seal(t.Context()); !errors.Is(err, anchor.ErrEmpty) {
		t.Fatalf("expected ErrEmpty, found %v", err)
	}
}

func TestAddAgain(t *testing.T) {
	b := newBatcher(t, batcherConfig(anchor.NewMemStore(), newClock().Now))
	first, err := b.Add(t.Context(), stamp("a"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Add(t.Context(), stamp("a"))
	if err != nil || !bytes.Equal(again[0].Salt, first[0].Salt) {
		t.Fatalf("the second Add drew another salt, or failed: %v", err)
	}
	other := stamp("b")
	other.ID = "a"
	if _, err := b.Add(t.Context(), other); !errors.Is(err, anchor.ErrConflict) {
		t.Fatalf("expected ErrConflict, found %v", err)
	}
	anonymous := stamp("")
	out, err := b.Add(t.Context(), anonymous, anonymous)
	if err != nil || out[0].ID == out[1].ID || len(out[0].ID) != 32 || bytes.Equal(out[0].Salt, out[1].Salt) {
		t.Fatalf("found %+v, %v", out, err)
	}
}

// TestDigests stamps a document under every hash and kind, and finds it again.
func TestDigests(t *testing.T) {
	clock := newClock()
	store := anchor.NewMemStore()
	b := newBatcher(t, batcherConfig(store, clock.Now))
	doc := []byte("a document that stays with its owner")
	for _, kind := range append(anchor.Kinds(), "") {
		for _, alg := range append(evidence.DigestAlgs(), "") {
			s, err := anchor.Digest(bytes.NewReader(doc), kind, alg)
			if err != nil {
				t.Fatal(err)
			}
			want, err := evidence.SumDigest(s.DigestAlg, doc)
			if err != nil || !bytes.Equal(want, s.Digest) {
				t.Fatalf("%s: another digest, %v", alg, err)
			}
			if _, err := b.Add(t.Context(), anchor.Item{Subject: s}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := anchor.Digest(bytes.NewReader(doc), "stamp", "sha-1"); !errors.Is(err, anchor.ErrItem) {
		t.Fatalf("expected ErrItem, found %v", err)
	}
	if _, err := b.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestWriters adds from many goroutines while batches are sealed: every item is in
// exactly one batch, and none has more than it may.
func TestWriters(t *testing.T) {
	store := anchor.NewMemStore()
	clock := newClock()
	c := batcherConfig(store, clock.Now)
	c.MaxItems = 50
	var mu sync.Mutex
	sealed := uint64(0)
	c.OnSeal = func(r *anchor.Record) {
		mu.Lock()
		defer mu.Unlock()
		sealed += r.Size
	}
	b := newBatcher(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx, time.Hour, func(err error) { t.Error(err) }) }()
	var wg sync.WaitGroup
	const writers, each = 16, 40
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := b.Add(t.Context(), stamp(fmt.Sprintf("%d-%d", w, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		q, err := store.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if q.Size < 50 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("full batches are not sealed")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for {
		if _, err := b.Seal(t.Context()); errors.Is(err, anchor.ErrEmpty) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if sealed != writers*each {
		t.Fatalf("expected %d items in batches, found %d", writers*each, sealed)
	}
	seen := map[string]bool{}
	var prev *anchor.Record
	for seq := uint64(0); ; seq++ {
		r, err := store.Record(t.Context(), seq)
		if errors.Is(err, anchor.ErrNotFound) {
			break
		}
		if err != nil || r.Size > 50 {
			t.Fatalf("batch of %d items, %v", r.Size, err)
		}
		if prev != nil {
			if err := evidence.VerifyNext(&prev.Signed, &r.Signed); err != nil {
				t.Fatal(err)
			}
		}
		prev = r
		for it, err := range store.Items(t.Context(), r.First, r.Size) {
			if err != nil || seen[it.ID] {
				t.Fatalf("item %s twice, or %v", it.ID, err)
			}
			seen[it.ID] = true
		}
	}
	if len(seen) != writers*each {
		t.Fatalf("expected %d items, found %d", writers*each, len(seen))
	}
}

func TestAge(t *testing.T) {
	store := anchor.NewMemStore()
	clock := newClock()
	c := batcherConfig(store, clock.Now)
	c.MaxAge, c.MaxItems = time.Minute, 3
	b := newBatcher(t, c)
	due := func(want ...uint64) {
		t.Helper()
		rs, err := b.SealDue(t.Context())
		if err != nil || len(rs) != len(want) {
			t.Fatalf("expected %d batches, found %d, %v", len(want), len(rs), err)
		}
		for i, r := range rs {
			if r.Size != want[i] {
				t.Fatalf("expected %d items, found %d", want[i], r.Size)
			}
		}
	}
	add := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			if _, err := b.Add(t.Context(), stamp(id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock.add(time.Hour)
	due()
	add("a")
	clock.add(59 * time.Second)
	due()
	add("b")
	clock.add(time.Second)
	due(2) // a is a minute old
	add("c", "d", "e", "f", "g", "h", "i")
	due(3, 3)
	clock.add(-time.Hour) // a clock that is set back
	due()
	clock.add(2 * time.Hour)
	due(1)
	clock.add(20 * 365 * 24 * time.Hour) // one that is years ahead, and right again
	add("j")
	clock.add(-20 * 365 * 24 * time.Hour)
	due(1)
	r, err := store.Record(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	before, err := store.Record(t.Context(), 2)
	if err != nil || r.Signed.Header.Time.Before(before.Signed.Header.Time) {
		t.Fatal("batches run backwards", err)
	}
}

// TestKeys signs headers with every kind of key that is taken, over two trees.
func TestKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"Ed25519": issuerKey, "PS256": rsaKey}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if keys[alg], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	for alg, key := range keys {
		w := newWorld()
		c := batcherConfig(w.store, w.clock.Now)
		c.Key, c.Trees, c.Tenant = key, []merkle.Hash{merkle.SHA256, merkle.SHA3_256}, bytes.Repeat([]byte{7}, 32)
		b := newBatcher(t, c)
		if _, err := b.Add(t.Context(), stamp("a"), stamp("b"), stamp("c")); err != nil {
			t.Fatal(err)
		}
		r, err := b.Seal(t.Context())
		if err != nil || r.Signed.Signature.Alg != alg {
			t.Fatalf("%s: found %s, %v", alg, r.Signed.Signature.Alg, err)
		}
		trees, err := anchor.Trees(t.Context(), w.store, r)
		if err != nil {
			t.Fatal(err)
		}
		it, pos, err := w.store.Item(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := (&evidence.Batch{SignedHeader: r.Signed, Trees: trees}).Bundle(evidence.Item{Index: int(pos), Subject: it.Subject, Salt: it.Salt})
		if err != nil {
			t.Fatal(err)
		}
		res, _ := bundle.Verify(evidence.Input{Digest: bundle.Subject.Digest}, &evidence.Trust{
			Now: w.clock.Now(), Keys: evidence.PinnedKeys{{Issuer: issuer, Key: key.Public()}}, Require: []string{},
		})
		for _, name := range []string{"inclusion", "signature"} {
			if s, ok := res.Step(name); !ok || s.Result != evidence.Pass {
				t.Errorf("%s: step %s: %+v", alg, name, s)
			}
		}
		if bundle.Second == nil || bundle.Second.Alg != "sha3-256" {
			t.Errorf("%s: no second tree", alg)
		}
	}
}

func TestErase(t *testing.T) {
	w := newWorld()
	p := w.start(t, 0)
	if _, err := p.batcher.Add(t.Context(), stamp("a"), stamp("b"), stamp("c")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.batcher.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Erase(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	prover := &anchor.Prover{Store: w.store}
	if _, err := prover.Bundle(t.Context(), "b", nil); !errors.Is(err, anchor.ErrErased) {
		t.Fatalf("expected ErrErased, found %v", err)
	}
	n := 0
	for proven, err := range prover.All(t.Context(), 0) {
		if err != nil || proven.ID == "b" || proven.Bundle.Tree.Size != 3 {
			t.Fatalf("found %s, %v", proven.ID, err)
		}
		n++
	}
	if n != 2 {
		t.Fatalf("expected evidence of two, found %d", n)
	}
	if _, err := prover.Bundle(t.Context(), "nobody", nil); !errors.Is(err, anchor.ErrNotFound) {
		t.Fatalf("expected ErrNotFound, found %v", err)
	}
	if _, err := prover.Bundle(t.Context(), "a", []byte("another document")); !errors.Is(err, evidence.ErrBuild) {
		t.Fatalf("expected ErrBuild, found %v", err)
	}
}

// tsa is a timestamping authority in the process.
func tsa(t *testing.T, clock func() time.Time) (*pades.LocalTSA, *x509.Certificate) {
	t.Helper()
	root, err := testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Test root"}})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Test TSA"}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := pades.NewLocalTSA(pades.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return a, leaf.Chain[len(leaf.Chain)-1]
}

// TestTimestamp has a chain that never answers: the token is there all the same, and
// evidence verifies by it.
func TestTimestamp(t *testing.T) {
	w := newWorld()
	authority, root := tsa(t, w.clock.Now)
	broken := true
	ts := anchor.TimestamperFunc(func(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
		if broken {
			other := sha256.Sum256([]byte("something else"))
			digest = other[:]
		}
		out, err := authority.Timestamp(ctx, h, digest)
		if err != nil {
			return nil, err
		}
		return out.Token, nil
	})
	w.chain.funds = false
	a, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: w.store, Chain: w.chain, Timestamper: ts, Clock: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	c := batcherConfig(w.store, w.clock.Now)
	c.Promise = []string{evidence.PromiseTimestamp}
	b := newBatcher(t, c)
	if _, err := b.Add(t.Context(), stamp("a"), stamp("b")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Step(t.Context()); !errors.Is(err, anchor.ErrFunds) || !strings.Contains(err.Error(), "something else") {
		t.Fatalf("expected both failures, found %v", err)
	}
	r, err := w.store.Record(t.Context(), 0)
	if err != nil || r.TSProblem == "" || r.Problem != anchor.ProblemFunds || r.Token != nil {
		t.Fatalf("found %+v, %v", r, err)
	}
	broken = false
	if err := a.Step(t.Context()); !errors.Is(err, anchor.ErrFunds) {
		t.Fatalf("expected ErrFunds, found %v", err)
	}
	if r, _ = w.store.Record(t.Context(), 0); r.Token == nil || r.TSProblem != "" || r.State != anchor.Sent || r.Done {
		t.Fatalf("found %s, %q", r.State, r.TSProblem)
	}
	bundle, err := (&anchor.Prover{Store: w.store}).Bundle(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	trust := &evidence.Trust{Now: w.clock.Now().Add(time.Hour), Keys: evidence.PinnedKeys{{Issuer: issuer, Key: issuerKey.Public()}}, Timestamping: []*x509.Certificate{root}}
	if _, err := bundle.Verify(evidence.Input{Document: []byte("a")}, trust); err != nil {
		t.Fatal(err)
	}
	w.acked = []string{"a", "b"}
	w.settle(t)
	if r, _ = w.store.Record(t.Context(), 0); !r.Done || r.Token == nil || r.Eth == nil {
		t.Fatalf("found %s", r.State)
	}
}
