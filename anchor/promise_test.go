package anchor_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/proof/evidence"
)

// timestamper makes an anchor.Timestamper of the tests' authority.
func timestamper(t *testing.T, clock func() time.Time) (anchor.Timestamper, *x509.Certificate) {
	authority, root := tsa(t, clock)
	return anchor.TimestamperFunc(func(ctx context.Context, h crypto.Hash, digest []byte) ([]byte, error) {
		out, err := authority.Timestamp(ctx, h, digest)
		if err != nil {
			return nil, err
		}
		return out.Token, nil
	}), root
}

func newAnchorer(t *testing.T, c anchor.AnchorerConfig) *anchor.Anchorer {
	t.Helper()
	a, err := anchor.NewAnchorer(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sealed seals a batch of one item with these promises.
func (w *world) sealed(t *testing.T, promise ...string) {
	t.Helper()
	c := batcherConfig(w.store, w.clock.Now)
	c.Promise = promise
	b := newBatcher(t, c)
	if _, err := b.Add(t.Context(), stamp("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestPromiseKept: a batch is not done, and so not handed out, while an anchor lacks that its
// header promises, whatever is configured meanwhile: its evidence would never be valid.
func TestPromiseKept(t *testing.T) {
	fake := evidence.PromiseChain(fakeAccount.ChainID)
	for name, c := range map[string]struct {
		promise      []string
		first, later func(c *anchor.AnchorerConfig, w *world, ts anchor.Timestamper)
		problem      anchor.Problem
	}{
		"the chain is switched off": {[]string{fake, evidence.PromiseTimestamp},
			func(c *anchor.AnchorerConfig, _ *world, ts anchor.Timestamper) { c.Timestamper = ts },
			func(c *anchor.AnchorerConfig, w *world, ts anchor.Timestamper) { c.Chain, c.Timestamper = w.chain, ts }, anchor.ProblemLost},
		"the authority is switched off": {[]string{fake, evidence.PromiseTimestamp},
			func(c *anchor.AnchorerConfig, w *world, _ anchor.Timestamper) { c.Chain = w.chain },
			func(c *anchor.AnchorerConfig, w *world, ts anchor.Timestamper) { c.Chain, c.Timestamper = w.chain, ts }, anchor.ProblemTimestamp},
		"another chain": {[]string{"eip155:5", evidence.PromiseTimestamp},
			func(c *anchor.AnchorerConfig, w *world, ts anchor.Timestamper) { c.Chain, c.Timestamper = w.chain, ts }, nil, anchor.ProblemLost},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			ts, _ := timestamper(t, w.clock.Now)
			w.sealed(t, c.promise...)
			run := func(set func(c *anchor.AnchorerConfig, w *world, ts anchor.Timestamper)) *anchor.Record {
				cfg := anchor.AnchorerConfig{Store: w.store, Clock: w.clock.Now}
				set(&cfg, w, ts)
				a := newAnchorer(t, cfg)
				for range 3 {
					a.Step(t.Context()) // what it reports is in the record
					w.chain.mine()
					w.chain.finalize()
				}
				r, err := w.store.Record(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			if r := run(c.first); r.Done || r.Problem != c.problem || r.Detail == "" {
				t.Fatalf("done %v, %q %s", r.Done, r.Problem, r.Detail)
			}
			if name == "another chain" {
				if r := run(c.first); r.HasNonce || len(r.Txs) > 0 {
					t.Fatal("a transaction on a chain that was not promised")
				}
				return
			}
			if r := run(c.later); !r.Done || r.Problem != "" || r.Token == nil || r.Eth == nil {
				t.Fatalf("done %v, %q %s", r.Done, r.Problem, r.Detail)
			}
		})
	}
}

// TestClockAhead: one batch sealed by a clock that is a day ahead does not spoil the evidence of
// those after it.
func TestClockAhead(t *testing.T) {
	w := newWorld()
	ts, root := timestamper(t, w.clock.Now)
	b := newBatcher(t, batcherConfig(w.store, w.clock.Now))
	for _, id := range []string{"a", "b"} {
		if _, err := b.Add(t.Context(), stamp(id)); err != nil {
			t.Fatal(err)
		}
		if id == "a" {
			w.clock.add(24 * time.Hour)
		}
		if _, err := b.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if id == "a" {
			w.clock.add(-24 * time.Hour)
		}
	}
	if err := newAnchorer(t, anchor.AnchorerConfig{Store: w.store, Timestamper: ts, Clock: w.clock.Now}).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	bundle, err := (&anchor.Prover{Store: w.store}).Bundle(t.Context(), "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	trust := &evidence.Trust{Now: w.clock.Now().Add(48 * time.Hour), Keys: evidence.PinnedKeys{{Issuer: issuer, Key: issuerKey.Public()}}, Timestamping: []*x509.Certificate{root}}
	if _, err := bundle.Verify(evidence.Input{Document: []byte("b")}, trust); err != nil {
		t.Fatal(err)
	}
}

// TestAccountShared: what others with the account have waiting, such as the batches of another
// store, is no gap; a nonce that nobody holds is.
func TestAccountShared(t *testing.T) {
	w, other := newWorld(), newWorld()
	other.chain = w.chain
	w.chain.stored = nil
	for _, x := range []*world{w, other} {
		x.sealed(t)
		a := newAnchorer(t, anchor.AnchorerConfig{Store: x.store, Chain: w.chain, Clock: x.clock.Now})
		for range 2 {
			if err := a.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := x.store.Record(t.Context(), 0); err != nil || r.Problem != "" || r.State != anchor.Sent {
			t.Fatalf("%s, %q %s, %v", r.State, r.Problem, r.Detail, err)
		}
	}
	w.chain.forget()
	a := newAnchorer(t, anchor.AnchorerConfig{Store: other.store, Chain: w.chain, Clock: w.clock.Now})
	if err := a.Step(t.Context()); err == nil || errors.Is(err, anchor.ErrWrongChain) {
		t.Fatalf("expected the gap to be reported, found %v", err)
	}
	if r, _ := other.store.Record(t.Context(), 0); r.Problem != anchor.ProblemNonceGap {
		t.Fatalf("found %q", r.Problem)
	}
	if err := newAnchorer(t, anchor.AnchorerConfig{Store: w.store, Chain: w.chain, Clock: w.clock.Now}).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, _ := other.store.Record(t.Context(), 0); r.Problem != "" {
		t.Fatalf("found %q", r.Problem)
	}
}
