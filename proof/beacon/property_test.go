package beacon

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestSlotsAgainstModel forges packs with random slots and signers, everything signed,
// and compares the verdict with the rules written down anew, slot by slot.
func TestSlotsAgainstModel(t *testing.T) {
	f := theForge()
	const span = 64
	period := func(slot uint64) uint64 { return slot / span }
	// Forks begin at each period; a slot before the first has none.
	fork := period
	rapid.Check(t, func(rt *rapid.T) {
		start := rapid.Uint64Range(2, 7).Draw(rt, "period")
		attested := rapid.Uint64Range(start*span-20, start*span+span-1).Draw(rt, "attested")
		finalized := attested - rapid.Uint64Range(0, 70).Draw(rt, "lag")
		if rapid.IntRange(0, 9).Draw(rt, "late") == 0 {
			finalized = attested + 1
		}
		signature := attested + rapid.Uint64Range(0, 4).Draw(rt, "signed after")
		if rapid.Bool().Draw(rt, "at the boundary") {
			signature = max(start*span+rapid.Uint64Range(0, 1).Draw(rt, "by"), attested)
		}
		present := rapid.IntRange(18, 32).Draw(rt, "signers")

		canonical := true
		for s := attested + 1; s < signature; s++ {
			if period(s) == period(signature) && fork(s-1) == fork(signature-1) {
				canonical = false
			}
		}
		want := signature > attested && attested >= finalized && canonical && period(signature) == start &&
			3*present >= 2*32 && fork(finalized) >= 3 && fork(attested) <= 6 && fork(signature-1) <= 6

		p := f.pack(t, plan{start: start, attested: attested, finalized: finalized, signature: signature, present: present,
			signer: func(uint64) uint64 { return start }})
		_, err := Verify(p, f.trust(start))
		if (err == nil) != want {
			rt.Fatalf("period %d, slots %d, %d, %d, %d signers: expected %t, found %v", start, signature, attested, finalized, present, want, err)
		}
	})
}

// TestBranches: a leaf verifies at its own index under its own root, and nowhere else.
func TestBranches(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := rapid.Uint64Range(2, 1<<12).Draw(rt, "index")
		leaf := Root{1: rapid.Byte().Draw(rt, "leaf")}
		tr := tree{g: leaf}
		root, branch := tr.node(1), tr.branch(g)
		if !checkBranch(leaf, branch, g, root) {
			rt.Fatal("own branch refused")
		}
		other := rapid.Uint64Range(1, 1<<12).Draw(rt, "other index")
		if other != g && checkBranch(leaf, branch, other, root) {
			rt.Fatalf("accepted at %d in place of %d", other, g)
		}
		at := rapid.IntRange(0, len(branch)-1).Draw(rt, "at")
		branch[at][rapid.IntRange(0, 31).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if checkBranch(leaf, branch, g, root) {
			rt.Fatal("changed branch accepted")
		}
	})
}

// TestMerkleizeAgainstDefinition compares with the recursive definition on padded leaves.
func TestMerkleizeAgainstDefinition(t *testing.T) {
	var define func(leaves []Root) Root
	define = func(leaves []Root) Root {
		if len(leaves) == 1 {
			return leaves[0]
		}
		l, r := define(leaves[:len(leaves)/2]), define(leaves[len(leaves)/2:])
		return hashPair(&l, &r)
	}
	for n := 1; n <= 70; n++ {
		size := 1
		for size < n {
			size *= 2
		}
		padded := make([]Root, size)
		for i := range n {
			padded[i] = Root{byte(i + 1)}
		}
		want := define(padded)
		if got := merkleize(padded[:n:n]); got != want {
			t.Errorf("%d leaves: roots differ", n)
		}
	}
}

// TestEveryForkSSZ: every container survives SSZ in the form of every fork.
func TestEveryForkSSZ(t *testing.T) {
	f := theForge()
	for _, ru := range knownForks {
		header := func(slot uint64, extra string) LightClientHeader {
			h := LightClientHeader{Beacon: Header{Slot: slot, ProposerIndex: 2, ParentRoot: Root{3}, StateRoot: Root{4}, BodyRoot: Root{5}}}
			if ru.form != noExecution {
				h.Execution = &ExecutionHeader{Blobs: ru.form == withBlobs, GasUsed: 6, ExtraData: []byte(extra), WithdrawalsRoot: Root{7}}
				h.ExecutionBranch = []Root{{1}, {2}, {3}, {4}}
			}
			return h
		}
		c := f.committee(3).public
		aggregate := f.committee(3).sign(Root{1}, 20)
		boot := &Bootstrap{Header: header(1, "boot"), Committee: c, CommitteeBranch: make([]Root, depth(ru.current))}
		update := &Update{Attested: header(3, "a"), NextCommittee: c, NextCommitteeBranch: make([]Root, depth(ru.next)),
			Finalized: header(2, "bc"), FinalityBranch: make([]Root, depth(ru.finalized)), Aggregate: aggregate, SignatureSlot: 4}
		final := update.Finality()
		for i, got := range []func() (any, error){
			func() (any, error) { return f.n.DecodeBootstrap(ru.name, boot.AppendSSZ(nil)) },
			func() (any, error) { return f.n.DecodeUpdate(ru.name, update.AppendSSZ(nil)) },
			func() (any, error) { return f.n.DecodeFinalityUpdate(ru.name, final.AppendSSZ(nil)) },
		} {
			want := []any{boot, update, final}[i]
			if v, err := got(); err != nil || !reflect.DeepEqual(v, want) {
				t.Errorf("%s, container %d: %v", ru.name, i, err)
			}
		}
		if _, err := f.n.DecodeUpdate(ru.name, append(update.AppendSSZ(nil), make([]byte, 33)...)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: 33 bytes more: %v", ru.name, err)
		}
	}
}

// TestOlderHeadersInNewerForms follows is_valid_light_client_header over forks.
func TestOlderHeadersInNewerForms(t *testing.T) {
	f := theForge()
	early := func(e *ExecutionHeader, branch []Root) *LightClientHeader {
		return &LightClientHeader{Beacon: Header{Slot: 130}, Execution: e, ExecutionBranch: branch} // Bellatrix
	}
	cases := []struct {
		name string
		h    *LightClientHeader
		want Reason
	}{
		{"bellatrix, bare", early(nil, nil), ""},
		{"bellatrix in capella's form", early(&ExecutionHeader{}, make([]Root, 4)), ""},
		{"bellatrix in deneb's form", early(&ExecutionHeader{Blobs: true}, make([]Root, 4)), ""},
		{"bellatrix with a block", early(&ExecutionHeader{GasUsed: 1}, make([]Root, 4)), ErrExecutionBranch},
		{"bellatrix with blob gas", early(&ExecutionHeader{Blobs: true, BlobGasUsed: 1}, make([]Root, 4)), ErrExecutionBranch},
		{"bellatrix with extra data", early(&ExecutionHeader{ExtraData: []byte{0}}, make([]Root, 4)), ErrExecutionBranch},
		{"bellatrix with a branch", early(&ExecutionHeader{}, []Root{{}, {}, {}, {1}}), ErrExecutionBranch},
		{"bellatrix with a branch only", early(nil, make([]Root, 4)), ErrExecutionBranch},
		{"capella, bare", &LightClientHeader{Beacon: Header{Slot: 200}}, ErrWrongFork},
		{"gloas", &LightClientHeader{Beacon: Header{Slot: 450}}, ErrUnknownFork},
		{"phase0", &LightClientHeader{Beacon: Header{Slot: 4}}, ErrUnknownFork},
	}
	for _, c := range cases {
		if err := f.n.checkExecution(c.h); c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestCacheConcurrent has many verifications share one cache.
func TestCacheConcurrent(t *testing.T) {
	f := theForge()
	trust := f.trust(4)
	trust.Cache = new(CommitteeCache)
	var wg sync.WaitGroup
	for i := range 8 {
		p := f.pack(t, plan{present: 24 + i})
		wg.Go(func() {
			for range 3 {
				if got, err := Verify(p, trust); err != nil || got.Signers != 24+i {
					t.Error(got, err)
				}
			}
		})
	}
	wg.Wait()
}
