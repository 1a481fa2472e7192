package anchor_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/anchor"
)

const issuer = "did:web:university.example"

var issuerKey = ed25519.NewKeyFromSeed(make([]byte, 32))

func batcherConfig(store anchor.Store, clock func() time.Time) anchor.BatcherConfig {
	return anchor.BatcherConfig{Store: store, Issuer: issuer, Key: issuerKey, Method: issuer + "#1", Clock: clock}
}

func stamp(id string) anchor.Item {
	d := sha256.Sum256([]byte(id))
	s, err := anchor.Stamp("", "sha-256", d[:])
	if err != nil {
		panic(err)
	}
	return anchor.Item{ID: id, Subject: s}
}

// world is what outlives a process: store, chain and clock.
type world struct {
	store anchor.Store
	chain *fakeChain
	clock *testClock
	acked []string // items that Add has promised to keep
}

func newWorld() *world {
	w := &world{store: anchor.NewMemStore(), clock: newClock()}
	w.chain = newFakeChain(w.clock.Now)
	w.chain.stored = w.stored
	return w
}

// stored tells whether raw bytes are in the store.
func (w *world) stored(raw []byte) bool {
	open, err := w.store.Open(context.Background())
	if err != nil {
		return false
	}
	for _, seq := range open {
		r, err := w.store.Record(context.Background(), seq)
		if err != nil {
			return false
		}
		has := func(tx anchor.Tx) bool { return string(tx.Raw) == string(raw) }
		if slices.ContainsFunc(r.Txs, has) || slices.ContainsFunc(r.Fillers, func(f anchor.Spent) bool { return has(f.Tx) }) {
			return true
		}
	}
	return false
}

// process is a run of the program, until it crashes.
type process struct {
	*crasher
	batcher  *anchor.Batcher
	anchorer *anchor.Anchorer
}

func (w *world) start(t require, crashAt int) *process {
	c := &crasher{at: crashAt}
	store := crashStore{w.store, c}
	b, err := anchor.NewBatcher(batcherConfig(store, w.clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	a, err := anchor.NewAnchorer(anchor.AnchorerConfig{Store: store, Chain: crashChain{w.chain, c}, Clock: w.clock.Now, FillGaps: true})
	if err != nil {
		t.Fatal(err)
	}
	return &process{crasher: c, batcher: b, anchorer: a}
}

type require interface {
	Fatal(...any)
	Fatalf(string, ...any)
	Context() context.Context
}

// check looks at what must hold at any time.
func (w *world) check(t require) {
	if w.chain.failure != "" {
		t.Fatal(w.chain.failure)
	}
	digests, err := w.store.Digests(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for seq, d := range digests {
		n := w.chain.count(d)
		r, err := w.store.Record(t.Context(), uint64(seq))
		if err != nil {
			t.Fatal(err)
		}
		if n > 1 || n == 0 && r.State == anchor.Final {
			t.Fatalf("batch %d is %s and %d times in the chain", seq, r.State, n)
		}
	}
}

// settle runs without crashes, on a chain that works, until nothing is left to do.
func (w *world) settle(t require) {
	w.chain.mu.Lock()
	w.chain.funds, w.chain.maxFee, w.chain.minFee, w.chain.skipTo = true, 0, 1, 0
	w.chain.mu.Unlock()
	p := w.start(t, 0)
	if _, err := p.batcher.Seal(t.Context()); err != nil && !errors.Is(err, anchor.ErrEmpty) {
		t.Fatal(err)
	}
	var last error
	for range 200 {
		last = p.anchorer.Step(t.Context())
		w.check(t)
		open, err := w.store.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(open) == 0 {
			w.all(t)
			return
		}
		w.chain.mine()
		w.chain.finalize()
		w.clock.add(time.Minute)
	}
	t.Fatalf("batches are still open: %v", last)
}

// all checks that every promised item is in exactly one final batch that is in the chain
// once.
func (w *world) all(t require) {
	for _, id := range w.acked {
		st, err := anchor.Lookup(t.Context(), w.store, id)
		if err != nil {
			t.Fatalf("item %s is lost: %v", id, err)
		}
		if st.Batch == nil || st.Batch.State != anchor.Final || st.Batch.Eth == nil || w.chain.count(st.Batch.Digest) != 1 {
			t.Fatalf("item %s is not anchored once", id)
		}
	}
	w.check(t)
}

// TestCrashMatrix ends the process before and after each call that it makes, from the
// first item to the final proof, and starts it anew.
func TestCrashMatrix(t *testing.T) {
	points := map[string]bool{}
	for at := 1; ; at++ {
		w := newWorld()
		p := w.start(t, at)
		// Two batches, of which the first is replaced, mined, reorganised and mined again.
		script := []func() error{
			func() error {
				_, err := p.batcher.Add(t.Context(), stamp("a"), stamp("b"))
				if err == nil {
					w.acked = append(w.acked, "a", "b")
				}
				return err
			},
			func() error { _, err := p.batcher.Seal(t.Context()); return err },
			func() error { return p.anchorer.Step(t.Context()) },
			func() error { w.chain.forget(); return p.anchorer.Step(t.Context()) },
			func() error { w.clock.add(5 * time.Minute); return p.anchorer.Step(t.Context()) },
			func() error {
				_, err := p.batcher.Add(t.Context(), stamp("c"))
				if err == nil {
					w.acked = append(w.acked, "c")
				}
				return err
			},
			func() error { _, err := p.batcher.Seal(t.Context()); return err },
			func() error { w.chain.mine(); return p.anchorer.Step(t.Context()) },
			func() error { w.chain.reorg(1, false); return p.anchorer.Step(t.Context()) },
			func() error { w.chain.mine(); return p.anchorer.Step(t.Context()) },
			func() error { w.chain.finalize(); return p.anchorer.Step(t.Context()) },
		}
		for i := 0; i < len(script); i++ {
			err := script[i]()
			w.check(t)
			if p.done() {
				points[p.point] = true
				p = w.start(t, 0)
				// The caller of what failed cannot know how far it came, and repeats it.
				if err := script[i](); err != nil && !errors.Is(err, anchor.ErrEmpty) {
					t.Fatalf("crash %d, %s, repeated: %v", at, p.point, err)
				}
			} else if err != nil {
				t.Fatalf("crash %d: step %d: %v", at, i, err)
			}
		}
		w.settle(t)
		if len(w.acked) != 3 {
			t.Fatalf("crash %d: expected 3 items, found %v", at, w.acked)
		}
		if p.at > 0 { // the process ended before its point came: all are done
			break
		}
	}
	for _, want := range []string{"before Add", "after Add", "before Seal", "after Seal", "before Reserve", "after Reserve", "before Update sent", "after Update sent", "before Broadcast", "after Broadcast", "after Sign", "before Update mined", "after Update mined", "before Prove", "before Update final", "after Update final"} {
		if !points[want] {
			t.Errorf("never crashed %s", want)
		}
	}
	t.Logf("crashed at %d kinds of points", len(points))
}

// TestChaos lets anything happen in any order.
func TestChaos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		p := w.start(t, 0)
		items := 0
		restart := func(err error) {
			if p.done() {
				p = w.start(t, rapid.IntRange(0, 30).Draw(t, "crash at"))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id := fmt.Sprint("item-", items)
				items++
				_, err := p.batcher.Add(t.Context(), stamp(id))
				if err == nil {
					w.acked = append(w.acked, id)
				}
				restart(err)
			},
			"seal":    func(t *rapid.T) { _, err := p.batcher.Seal(t.Context()); restart(err) },
			"step":    func(t *rapid.T) { restart(p.anchorer.Step(t.Context())) },
			"mine":    func(t *rapid.T) { w.chain.mine() },
			"reorg":   func(t *rapid.T) { w.chain.reorg(rapid.IntRange(1, 5).Draw(t, "depth"), rapid.Bool().Draw(t, "keep")) },
			"final":   func(t *rapid.T) { w.chain.finalize() },
			"forget":  func(t *rapid.T) { w.chain.forget() },
			"gossip":  func(t *rapid.T) { w.chain.gossip() },
			"foreign": func(t *rapid.T) { w.chain.foreign(byte(items)) },
			"wait":    func(t *rapid.T) { w.clock.add(time.Duration(rapid.IntRange(1, 600).Draw(t, "s")) * time.Second) },
			"market": func(t *rapid.T) {
				w.chain.mu.Lock()
				defer w.chain.mu.Unlock()
				w.chain.minFee = uint64(rapid.SampledFrom([]int{1, 12, 100}).Draw(t, "least fee"))
				w.chain.funds = rapid.Bool().Draw(t, "funds")
				w.chain.skipTo = uint64(rapid.SampledFrom([]int{0, 0, 0, 7}).Draw(t, "lie"))
			},
			"crash": func(t *rapid.T) { p = w.start(t, rapid.IntRange(1, 12).Draw(t, "crash at")) },
			"":      func(t *rapid.T) { w.check(t) },
		})
		w.settle(t)
	})
}

// TestNonceTaken has the account's key used elsewhere for a batch's nonce. The batch must
// wait until that is final: before, its own transaction might still be mined.
func TestNonceTaken(t *testing.T) {
	w := newWorld()
	p := w.start(t, 0)
	if _, err := p.batcher.Add(t.Context(), stamp("a")); err != nil {
		t.Fatal(err)
	}
	w.acked = []string{"a"}
	if _, err := p.batcher.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.anchorer.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.chain.foreign(1)
	w.chain.mine()
	if err := p.anchorer.Step(t.Context()); !errors.Is(err, anchor.ErrNonceUsed) {
		t.Fatalf("expected the nonce to be reported, found %v", err)
	}
	r, err := w.store.Record(t.Context(), 0)
	if err != nil || r.Problem != anchor.ProblemNonceTaken || r.State != anchor.Sent || r.Nonce != 0 {
		t.Fatalf("found %s, nonce %d, %q, %v", r.State, r.Nonce, r.Problem, err)
	}
	// The foreign transaction goes away, and ours, which some node kept, is mined.
	w.chain.reorg(1, false)
	w.chain.gossip()
	w.chain.mine()
	if err := p.anchorer.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, _ = w.store.Record(t.Context(), 0); r.State != anchor.Mined || r.Problem != "" || r.Nonce != 0 {
		t.Fatalf("found %s, nonce %d, %q", r.State, r.Nonce, r.Problem)
	}
	// Again, and now for good.
	w.chain.reorg(1, false)
	w.chain.foreign(2)
	w.chain.mine()
	w.chain.finalize()
	if err := p.anchorer.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, _ = w.store.Record(t.Context(), 0); r.State != anchor.Sent || r.Nonce != 1 || len(r.Dead) != 1 {
		t.Fatalf("found %s, nonce %d, %d dead", r.State, r.Nonce, len(r.Dead))
	}
	w.chain.gossip()
	w.settle(t)
}
