package evidence

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/proof/beacon"
)

// reparse takes a bundle through its encoding, as a reader gets it.
func reparse(tb testing.TB, b *Bundle) *Bundle {
	tb.Helper()
	enc, err := b.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := Parse(enc)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func describe(r *Result) string {
	s := r.Outcome.String() + " " + string(r.Code)
	for _, step := range r.Steps {
		s += "\n  " + step.Number + " " + step.Name + ": " + step.Result.String() + " " + string(step.Code) + " " + step.Detail
	}
	return s
}

func TestValid(t *testing.T) {
	w := theWorld()
	everything := plan{n: 1000, index: 417, second: true, tenant: saltOf(99), kind: SubjectCredential, content: true,
		promise: []string{PromiseChain(worldChain), PromiseTimestamp}}
	for name, b := range map[string]*Bundle{
		"block is final":    w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{})),
		"headers":           w.bundle(t, plan{n: 1}, w.ethAnchor(t, ethPlan{headers: 40})),
		"history":           w.bundle(t, plan{n: 6, index: 5}, w.ethAnchor(t, ethPlan{history: true})),
		"timestamp alone":   w.bundle(t, plan{alg: "blake2b-512"}, w.tsaAnchor(t)),
		"everything":        w.bundle(t, everything, w.ethAnchor(t, ethPlan{headers: 3, txs: 400, index: 300}), w.tsaAnchor(t)),
		"single tx, sha384": w.bundle(t, plan{alg: "sha-384"}, w.ethAnchor(t, ethPlan{txs: 1, index: 0})),
	} {
		small, parts := reparse(t, b).Detach()
		for i, c := range []struct {
			b  *Bundle
			in Input
		}{
			{reparse(t, b), Input{Digest: b.Subject.Digest}},
			{reparse(t, small), Input{Digest: b.Subject.Digest, Parts: parts}},
		} {
			r, err := c.b.Verify(c.in, w.trust())
			if err != nil || r.Outcome != Valid {
				t.Fatalf("%s, %d: %s", name, i, describe(r))
			}
			if r.Facts.Included == nil || r.Facts.Signed == nil || r.Facts.Proven.IsZero() || len(r.Facts.Existed) != len(b.Anchors) {
				t.Errorf("%s: facts missing: %+v", name, r.Facts)
			}
		}
		// Without the detached parts, nothing fails and nothing is valid.
		if r, err := small.Verify(Input{Digest: b.Subject.Digest}, w.trust()); err == nil || r.Outcome != Indeterminate {
			t.Errorf("%s, detached: %s", name, describe(r))
		}
		// Without trust of each kind, likewise.
		for what, drop := range map[string]func(*Trust){
			"all": func(t *Trust) { *t = Trust{Now: t.Now} }, "keys": func(t *Trust) { t.Keys = nil },
			"other keys": func(t *Trust) { t.Keys = PinnedKeys{} }, "time": func(t *Trust) { t.Now = time.Time{} },
		} {
			trust := w.trust()
			drop(trust)
			r, err := b.Verify(Input{Digest: b.Subject.Digest}, trust)
			if err == nil || r.Outcome != Indeterminate || r.Facts.Signed != nil {
				t.Errorf("%s without %s: %s", name, what, describe(r))
			}
		}
		if r, err := b.Verify(Input{Digest: b.Subject.Digest}, nil); err == nil || r.Outcome != Indeterminate {
			t.Errorf("%s without trust: %s", name, describe(r))
		}
	}
}

// TestFacts: each fact is what the world made.
func TestFacts(t *testing.T) {
	w := theWorld()
	b := w.bundle(t, plan{n: 1000, index: 417, seq: 0}, w.ethAnchor(t, ethPlan{headers: 2}), w.tsaAnchor(t))
	r, err := b.Verify(Input{Document: document(417)}, w.trust())
	if err != nil {
		t.Fatal(describe(r))
	}
	f := r.Facts
	if f.Included.Index != 417 || f.Included.Size != 1000 || f.Signed.Issuer != worldIssuer || f.Signed.Name != "Example University" || !f.Signed.Claimed.Equal(worldTime) {
		t.Errorf("found %+v, %+v", f.Included, f.Signed)
	}
	c := f.OnChain[0]
	if c.BlockNumber != 20_000_000 || !c.BlockTime.Equal(worldTime.Add(10*time.Minute)) || c.ChainID != worldChain || c.Network != "testnet" ||
		c.Final.Signers != 502 || c.Final.BlockNumber != 20_000_002 || c.Sender != w.trust().Chains[0].Senders[0] {
		t.Errorf("found %+v", c)
	}
	// The authority states an accuracy of a second.
	if !f.Proven.Equal(worldTime.Add(2*time.Minute+time.Second)) || len(f.Existed) != 2 {
		t.Errorf("found %v, %+v", f.Proven, f.Existed)
	}
}

// TestKnownBlock: a chain without a beacon, judged by a block that the trust names.
func TestKnownBlock(t *testing.T) {
	w := theWorld()
	b := w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{headers: 2, noPack: true}))
	trust := w.trust()
	trust.Chains[0].Beacon = nil
	r, err := b.Verify(Input{Document: document(0)}, trust)
	if err == nil || r.Code != FinalityUndecided {
		t.Fatal(describe(r))
	}
	_, final := w.transaction(t, ethPlan{headers: 2}, r.Digest)
	trust.Chains[0].Final = []Block{{final.Number.Uint64(), final.Hash()}}
	if r, err := b.Verify(Input{Document: document(0)}, trust); err != nil || r.Facts.OnChain[0].Final != nil {
		t.Error(describe(r))
	}
	trust.Chains[0].Final[0].Number++
	if r, err := b.Verify(Input{Document: document(0)}, trust); err == nil {
		t.Error(describe(r))
	}
}

// TestUndecidedFinality: what the trust does not know is left open, with the period named.
func TestUndecidedFinality(t *testing.T) {
	w := theWorld()
	for name, c := range map[string]struct {
		forge func(f *finalPlan)
		trust func(t *Trust)
	}{
		"unknown period": {nil, func(t *Trust) { t.Chains[0].Beacon.Committees = map[uint64]beacon.Root{9: {1}} }},
		"unknown fork": {func(f *finalPlan) {
			f.attested, f.finalized, f.version = w.slot(500, 40), w.slot(500, 8), [4]byte{7, 9}
		}, func(t *Trust) { t.Chains[0].Beacon.Committees[500] = w.committee.public.Root() }},
		"no committees":   {nil, func(t *Trust) { t.Chains[0].Beacon.Committees = nil }},
		"chain not named": {nil, func(t *Trust) { t.Chains = nil }},
		"no senders":      {nil, func(t *Trust) { t.Chains[0].Senders = nil }},
	} {
		trust := w.trust()
		c.trust(trust)
		b := w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{forge: c.forge}))
		if r, err := b.Verify(Input{Document: document(0)}, trust); err == nil || r.Outcome != Indeterminate || len(r.Facts.OnChain) > 0 || !r.Facts.Proven.IsZero() {
			t.Errorf("%s: %s", name, describe(r))
		}
	}
}
