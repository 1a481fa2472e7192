package anchor_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/anchor"
)

// TestFillerOutbid: a transaction that fills a gap is outbid as a batch's own is, when fees have
// grown since: else the batches behind it would wait for ever.
func TestFillerOutbid(t *testing.T) {
	w := newWorld()
	w.sealed(t)
	w.chain.skipTo = 2 // once, the node invents waiting transactions
	p := w.start(t, 0)
	if err := p.anchorer.Step(t.Context()); err != nil {
		t.Log(err)
	}
	w.chain.skipTo, w.chain.minFee = 0, 20 // twice what Sign offers at first
	for range 60 {
		_ = p.anchorer.Step(t.Context()) // what keeps it is reported
		w.check(t)
		w.chain.mine()
		w.chain.finalize()
		w.clock.add(time.Minute)
	}
	r, err := w.store.Record(t.Context(), 0)
	if err != nil || r.State != anchor.Final || r.Problem != "" {
		t.Fatalf("found %s, %q %s, %d fillers, %v", r.State, r.Problem, r.Detail, len(r.Fillers), err)
	}
}
