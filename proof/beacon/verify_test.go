package beacon

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// TestForgedPacksVerify is the ground under the negative tests: the forge's packs are in
// order, in each fork, over fork and period boundaries, by table and by checkpoint.
func TestForgedPacksVerify(t *testing.T) {
	f := theForge()
	cases := []struct {
		name string
		plan plan
		fork string
	}{
		{"capella", plan{start: 3}, "capella"},
		{"deneb", plan{start: 4}, "deneb"},
		{"electra", plan{start: 5}, "electra"},
		{"fulu", plan{start: 6}, "fulu"},
		{"chain from altair to fulu", plan{start: 1, updates: 5, checkpoint: true}, "fulu"},
		{"chain from table", plan{start: 3, updates: 2}, "electra"},
		{"two thirds", plan{present: 22}, "deneb"},
		{"attested is finalized", plan{attested: 290, finalized: 290}, "deneb"},
		{"finalized in the fork before", plan{start: 5, attested: 330, finalized: 312}, "electra"},
		{"first slot of a fork signed under the old one", plan{start: 5, attested: 319, signature: 320, finalized: 300}, "deneb"},
		{"attested in the fork before, signed under the new one", plan{start: 5, attested: 319, signature: 321, finalized: 300}, "electra"},
		{"no extra data", plan{exec: func(e *ExecutionHeader) { e.ExtraData = nil }}, "deneb"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := clonePack(t, f.pack(t, c.plan))
			trust := f.trust(p.Period)
			if p.Checkpoint != nil {
				trust = &Trust{Network: f.n, Checkpoints: []Root{{5}, p.Checkpoint.Header.Root()}}
			}
			for _, every := range []bool{false, true} {
				trust.CheckEveryKey = every
				got, err := Verify(p, trust)
				if err != nil {
					t.Fatal(err)
				}
				e := p.Finality.Finalized.Execution
				if got.BlockHash != e.BlockHash || got.BlockNumber != e.BlockNumber || got.Timestamp != e.Timestamp || got.Fork != c.fork ||
					got.Signers != countBits(p.Finality.Aggregate.Bits) || got.ChainID != 1337 || len(got.Committees) != len(p.Updates)+1 {
					t.Errorf("unexpected %+v", got)
				}
				if (p.Checkpoint != nil) != strings.HasPrefix(got.Trust, "checkpoint 0x") {
					t.Errorf("trust is %q", got.Trust)
				}
			}
		})
	}
}

// refusal is one flaw: a pack or trust with one thing wrong and the reason expected.
type refusal struct {
	name   string
	plan   plan
	pack   func(p *Pack)
	trust  func(t *Trust)
	reason Reason
}

func refusals(f *forge) []refusal {
	flip := func(r *Root) { r[3] ^= 1 }
	return []refusal{
		// Trust.
		{name: "no trust at all", trust: func(t *Trust) { t.Committees, t.Checkpoints = nil, nil }, reason: ErrNoTrust},
		{name: "no network", trust: func(t *Trust) { t.Network = nil }, reason: ErrNoTrust},
		{name: "period not in the table", trust: func(t *Trust) { t.Committees = map[uint64]Root{5: t.Committees[4]} }, reason: ErrUnknownCommittee},
		{name: "another committee in the table", trust: func(t *Trust) { t.Committees[4] = Root{1} }, reason: ErrWrongCommittee},
		{name: "another committee on the way", plan: plan{start: 3, updates: 2}, trust: func(t *Trust) { t.Committees[4] = Root{1} }, reason: ErrWrongCommittee},
		{name: "checkpoint unknown", plan: plan{checkpoint: true}, trust: func(t *Trust) { t.Checkpoints = []Root{{1}} }, reason: ErrUnknownCheckpoint},
		{name: "checkpoint unknown though the table has the period", plan: plan{checkpoint: true}, trust: func(t *Trust) { t.Checkpoints = nil }, reason: ErrUnknownCheckpoint},
		{name: "checkpoint and table differ", plan: plan{checkpoint: true}, trust: func(t *Trust) { t.Committees[4] = Root{1} }, reason: ErrWrongCommittee},

		// Network and fork.
		{name: "pack of another genesis", pack: func(p *Pack) { flip(&p.GenesisValidatorsRoot) }, reason: ErrWrongNetwork},
		{name: "signed for another genesis", plan: plan{genesis: &Root{7}}, reason: ErrSignature},
		{name: "trust of another genesis", trust: func(t *Trust) {
			n := *t.Network
			n.GenesisValidatorsRoot = Root{7}
			t.Network = &n
		}, reason: ErrWrongNetwork},
		{name: "committee of another preset", trust: func(t *Trust) {
			n := *t.Network
			n.Preset.CommitteeSize = 64
			t.Network = &n
		}, reason: ErrWrongNetwork},
		{name: "signed under the fork before", plan: plan{version: &[4]byte{3, 0xf0}}, reason: ErrSignature},
		{name: "signed under the fork after", plan: plan{version: &[4]byte{5, 0xf0}}, reason: ErrSignature},
		{name: "names the fork before", pack: func(p *Pack) { p.ForkVersion = [4]byte{3, 0xf0} }, reason: ErrWrongFork},
		{name: "names an unknown fork", pack: func(p *Pack) { p.ForkVersion = [4]byte{9, 9, 9, 9} }, reason: ErrUnknownFork},
		{name: "names gloas", pack: func(p *Pack) { p.ForkVersion = [4]byte{7, 0xf0} }, reason: ErrUnknownFork},
		{name: "lies in gloas", plan: plan{start: 7}, reason: ErrUnknownFork},
		{name: "update lies in gloas", plan: plan{start: 7, updates: 1}, reason: ErrUnknownFork},
		{name: "lies in gloas, named fulu", plan: plan{start: 7}, pack: func(p *Pack) { p.ForkVersion = [4]byte{6, 0xf0} }, reason: ErrUnknownFork},
		{name: "beyond what the table knows", trust: func(t *Trust) {
			n := *t.Network
			n.KnownUntil = 33
			t.Network = &n
		}, reason: ErrUnknownFork},
		{name: "before the table", plan: plan{start: 6, attested: 400, finalized: 40}, reason: ErrUnknownFork},
		{name: "finalized before capella", plan: plan{start: 3, attested: 200, finalized: 150}, reason: ErrNoExecution},

		// Slots and periods.
		{name: "signed before attested", plan: plan{attested: 290, signature: 289}, reason: ErrOrder},
		{name: "signed at the attested slot", plan: plan{attested: 290, signature: 290}, reason: ErrOrder},
		{name: "finalized after attested", plan: plan{attested: 290, finalized: 291, signature: 292}, reason: ErrOrder},
		{name: "signature slot not canonical", plan: plan{attested: 290, signature: 292}, reason: ErrOrder},
		{name: "signature slot zero", pack: func(p *Pack) { p.Finality.SignatureSlot = 0 }, reason: ErrOrder},
		{name: "signature slot at the end of time", pack: func(p *Pack) { p.Finality.SignatureSlot = 1<<64 - 1 }, reason: ErrUnknownFork},
		{name: "signed in the next period", plan: plan{attested: 319, signature: 320, signer: func(uint64) uint64 { return 4 }}, reason: ErrWrongPeriod},
		{name: "signed in the period before", plan: plan{attested: 250, signature: 251, signer: func(uint64) uint64 { return 4 }}, reason: ErrWrongPeriod},
		{name: "names another period", pack: func(p *Pack) { p.Period = 5 }, trust: func(t *Trust) { t.Committees[5] = t.Committees[4] }, reason: ErrWrongPeriod},
		{name: "checkpoint of another period", plan: plan{checkpoint: true}, pack: func(p *Pack) { p.Period = 3 }, reason: ErrWrongPeriod},
		{name: "checkpoint's committee signs in the period before", plan: plan{checkpoint: true, attested: 224, signature: 225, signer: func(uint64) uint64 { return 4 }}, pack: func(p *Pack) { p.Period = 3 }, trust: func(t *Trust) { t.Committees = nil }, reason: ErrWrongPeriod},
		{name: "update left out", plan: plan{start: 3, updates: 2}, pack: func(p *Pack) { p.Updates = p.Updates[1:] }, reason: ErrWrongPeriod},
		{name: "last update left out", plan: plan{start: 3, updates: 2}, pack: func(p *Pack) { p.Updates = p.Updates[:1] }, reason: ErrWrongPeriod},
		{name: "update twice", plan: plan{start: 3, updates: 1}, pack: func(p *Pack) { p.Updates = append(p.Updates, p.Updates[0]) }, reason: ErrWrongPeriod},
		{name: "updates swapped", plan: plan{start: 3, updates: 2}, pack: func(p *Pack) { p.Updates[0], p.Updates[1] = p.Updates[1], p.Updates[0] }, reason: ErrWrongPeriod},
		{name: "update attested in the period before", plan: plan{start: 3, updates: 1, update: func(_ int, u *PeriodUpdate) {
			u.Attested.Slot, u.Finalized.Slot, u.SignatureSlot = 191, 180, 192
		}}, reason: ErrWrongPeriod},
		{name: "update final in the period before", plan: plan{start: 3, updates: 1, update: func(_ int, u *PeriodUpdate) { u.Finalized.Slot = 191 }}, reason: ErrWrongPeriod},
		{name: "update signed before attested", plan: plan{start: 3, updates: 1, update: func(_ int, u *PeriodUpdate) { u.SignatureSlot = u.Attested.Slot }}, reason: ErrOrder},
		{name: "update finalized after attested", plan: plan{start: 3, updates: 1, update: func(_ int, u *PeriodUpdate) { u.Finalized.Slot = u.Attested.Slot + 1 }}, reason: ErrOrder},
		{name: "update's signature slot not canonical", plan: plan{start: 3, updates: 1, update: func(_ int, u *PeriodUpdate) { u.SignatureSlot += 2 }}, reason: ErrOrder},

		// Committees.
		{name: "stale committee signs", plan: plan{signer: func(p uint64) uint64 { return p - 1 }}, reason: ErrSignature},
		{name: "stale committee carried", pack: func(p *Pack) { p.Committee = f.committee(3).public }, reason: ErrWrongCommittee},
		{name: "current committee in place of the next", plan: plan{start: 3, updates: 1}, pack: func(p *Pack) { p.Updates[0].NextCommittee = p.Committee }, trust: func(t *Trust) { delete(t.Committees, 4) }, reason: ErrCommitteeBranch},
		{name: "next committee not in the state", plan: plan{start: 3, updates: 1, next: func(uint64) (Root, bool) { return Root{1}, true }}, reason: ErrCommitteeBranch},
		{name: "checkpoint's branch leads elsewhere", plan: plan{checkpoint: true}, pack: func(p *Pack) { flip(&p.Checkpoint.Branch[0]) }, reason: ErrCommitteeBranch},
		{name: "checkpoint names the next committee", plan: plan{start: 3, checkpoint: true}, pack: func(p *Pack) { p.Committee = f.committee(4).public }, trust: func(t *Trust) { t.Committees = nil }, reason: ErrCommitteeBranch},
		{name: "own committee without trust", plan: plan{signer: func(uint64) uint64 { return 99 }}, pack: func(p *Pack) { p.Committee = f.committee(99).public }, reason: ErrWrongCommittee},
		{name: "two keys swapped", pack: func(p *Pack) {
			k := p.Committee.Pubkeys
			k[0], k[1] = k[1], k[0]
		}, reason: ErrWrongCommittee},
		{name: "seat missing", pack: func(p *Pack) { p.Committee.Pubkeys = p.Committee.Pubkeys[:31] }, reason: ErrMalformed},

		// Participation and signature.
		{name: "below two thirds", plan: plan{present: 21}, reason: ErrParticipation},
		{name: "one signer", plan: plan{present: 1}, reason: ErrParticipation},
		{name: "no signer", pack: func(p *Pack) { clear(p.Finality.Aggregate.Bits) }, reason: ErrParticipation},
		{name: "one signer claimed more", plan: plan{present: 30}, pack: func(p *Pack) { p.Finality.Aggregate.Bits[3] |= 0x40 }, reason: ErrSignature},
		{name: "one signer claimed less", pack: func(p *Pack) { p.Finality.Aggregate.Bits[3] &^= 0x40 }, reason: ErrSignature},
		{name: "bits short", pack: func(p *Pack) { p.Finality.Aggregate.Bits = p.Finality.Aggregate.Bits[:3] }, reason: ErrMalformed},
		{name: "signature of zero bytes", pack: func(p *Pack) { p.Finality.Aggregate.Signature = [96]byte{} }, reason: ErrSignature},
		{name: "signature at infinity", pack: func(p *Pack) { p.Finality.Aggregate.Signature = [96]byte{0xc0} }, reason: ErrSignature},
		{name: "signature negated", pack: func(p *Pack) { p.Finality.Aggregate.Signature[0] ^= 0x20 }, reason: ErrSignature},
		{name: "signature outside the subgroup", pack: func(p *Pack) { p.Finality.Aggregate.Signature = strayG2() }, reason: ErrSignature},
		{name: "signature of the update on the finality", plan: plan{start: 3, updates: 1}, pack: func(p *Pack) { p.Finality.Aggregate = p.Updates[0].Aggregate }, reason: ErrSignature},
		{name: "update below two thirds", plan: plan{start: 3, updates: 1}, pack: func(p *Pack) { clear(p.Updates[0].Aggregate.Bits[:2]) }, reason: ErrParticipation},
		{name: "update signed by another committee", plan: plan{start: 3, updates: 1, signer: func(p uint64) uint64 { return 4 }}, reason: ErrSignature},

		// Headers and branches.
		{name: "attested header changed", pack: func(p *Pack) { p.Finality.Attested.ProposerIndex++ }, reason: ErrSignature},
		{name: "finalized header changed", pack: func(p *Pack) { p.Finality.Finalized.Beacon.ProposerIndex++ }, reason: ErrFinalityBranch},
		{name: "finality branch changed", pack: func(p *Pack) { flip(&p.Finality.FinalityBranch[2]) }, reason: ErrFinalityBranch},
		{name: "finality branch of another fork", plan: plan{start: 5}, pack: func(p *Pack) { p.Finality.FinalityBranch = p.Finality.FinalityBranch[1:] }, reason: ErrFinalityBranch},
		{name: "finality branch too long", pack: func(p *Pack) { p.Finality.FinalityBranch = append(p.Finality.FinalityBranch, Root{}) }, reason: ErrFinalityBranch},
		{name: "finality branch empty, root as leaf", pack: func(p *Pack) { p.Finality.FinalityBranch = nil }, reason: ErrFinalityBranch},
		{name: "update's finality branch", plan: plan{start: 3, updates: 1}, pack: func(p *Pack) { flip(&p.Updates[0].FinalityBranch[0]) }, reason: ErrFinalityBranch},
		{name: "update's committee branch too short", plan: plan{start: 3, updates: 1}, pack: func(p *Pack) { p.Updates[0].NextBranch = p.Updates[0].NextBranch[1:] }, reason: ErrCommitteeBranch},
		{name: "branch beyond the format", pack: func(p *Pack) { p.Finality.FinalityBranch = make([]Root, 17) }, reason: ErrMalformed},
		{name: "block hash changed", pack: func(p *Pack) { flip(&p.Finality.Finalized.Execution.BlockHash) }, reason: ErrExecutionBranch},
		{name: "time changed", pack: func(p *Pack) { p.Finality.Finalized.Execution.Timestamp -= 86400 }, reason: ErrExecutionBranch},
		{name: "number changed", pack: func(p *Pack) { p.Finality.Finalized.Execution.BlockNumber-- }, reason: ErrExecutionBranch},
		{name: "extra data padded", pack: func(p *Pack) {
			e := p.Finality.Finalized.Execution
			e.ExtraData = append(e.ExtraData, 0)
		}, reason: ErrExecutionBranch},
		{name: "extra data over 32 bytes", pack: func(p *Pack) { p.Finality.Finalized.Execution.ExtraData = make([]byte, 33) }, reason: ErrMalformed},
		{name: "execution branch changed", pack: func(p *Pack) { flip(&p.Finality.Finalized.ExecutionBranch[3]) }, reason: ErrExecutionBranch},
		{name: "execution branch too short", pack: func(p *Pack) { p.Finality.Finalized.ExecutionBranch = p.Finality.Finalized.ExecutionBranch[:3] }, reason: ErrExecutionBranch},
		{name: "execution header missing", pack: func(p *Pack) { p.Finality.Finalized.Execution = nil }, reason: ErrNoExecution},
		{name: "execution header in the form before", plan: plan{exec: func(e *ExecutionHeader) { e.Blobs = false }}, reason: ErrWrongFork},
		{name: "execution header in the form after", plan: plan{start: 3, exec: func(e *ExecutionHeader) { e.Blobs = true }}, reason: ErrWrongFork},
		{name: "execution header of another block", plan: plan{lc: func(h *LightClientHeader) { h.Beacon.BodyRoot = Root{1} }}, reason: ErrExecutionBranch},
	}
}

func TestRefused(t *testing.T) {
	f := theForge()
	for _, c := range refusals(f) {
		t.Run(c.name, func(t *testing.T) {
			p := f.pack(t, c.plan)
			// The committees are shared with the forge: keep changes to them apart.
			p.Committee = *p.Committee.clone()
			trust := f.trust(p.Period)
			if p.Checkpoint != nil {
				trust.Checkpoints = []Root{p.Checkpoint.Header.Root()}
			}
			if c.pack != nil {
				c.pack(p)
			}
			if c.trust != nil {
				c.trust(trust)
			}
			got, err := Verify(p, trust)
			if !errors.Is(err, c.reason) || got != nil {
				t.Fatalf("expected %v, found %v, %v", c.reason, got, err)
			}
			if Indeterminate(err) != c.reason.Indeterminate() || !strings.HasPrefix(err.Error(), "beacon: ") {
				t.Errorf("error %q, indeterminate %t", err, Indeterminate(err))
			}
		})
	}
	if _, err := Verify(nil, f.trust(4)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, err := Verify(&Pack{}, nil); !errors.Is(err, ErrNoTrust) {
		t.Error(err)
	}
}

// strayG1 is a point of the curve outside the subgroup, compressed.
func strayG1(seed byte) [48]byte {
	for x := 1; ; x++ {
		k := [48]byte{0: 0x80, 46: seed, 47: byte(x)}
		if p, err := decodeKey(&k); err == nil && !p.IsInSubGroup() {
			return k
		}
	}
}

// strayG2 is the same on the twist.
func strayG2() [96]byte {
	for x := byte(1); ; x++ {
		var k [96]byte
		k[0], k[95] = 0x80, x
		var p bls.G2Affine
		if _, err := p.SetBytes(k[:]); err != nil && strings.Contains(err.Error(), "subgroup") {
			return k
		}
	}
}

// torsion gives points whose order divides the cofactor. Added to a key, such a point
// changes nothing in the pairing.
func torsion(tb testing.TB) (t1 bls.G1Affine, t2 bls.G2Affine) {
	k1, k2 := strayG1(0), strayG2()
	s1, err := decodeKey(&k1)
	if err != nil {
		tb.Fatal(err)
	}
	dec := bls.NewDecoder(bytes.NewReader(k2[:]), bls.NoSubgroupChecks())
	var s2 bls.G2Affine
	if err := dec.Decode(&s2); err != nil {
		tb.Fatal(err)
	}
	var j1, sum1 bls.G1Jac
	var j2, sum2 bls.G2Jac
	j1.FromAffine(s1)
	j2.FromAffine(&s2)
	r := fr.Modulus()
	for i := r.BitLen() - 1; i >= 0; i-- { // the library's own multiplication reduces mod r
		sum1.DoubleAssign()
		sum2.DoubleAssign()
		if r.Bit(i) == 1 {
			sum1.AddAssign(&j1)
			sum2.AddAssign(&j2)
		}
	}
	t1.FromJacobian(&sum1)
	t2.FromJacobian(&sum2)
	if t1.IsInfinity() || t2.IsInfinity() || t1.IsInSubGroup() || t2.IsInSubGroup() {
		tb.Fatal("expected points outside the subgroups")
	}
	return t1, t2
}

func addPoint(tb testing.TB, k *[48]byte, t *bls.G1Affine) {
	p, err := decodeKey(k)
	if err != nil {
		tb.Fatal(err)
	}
	*k = new(bls.G1Affine).Add(p, t).Bytes()
}

// TestBadKeys puts bad keys in committees whose roots are trusted, as a corrupt table
// would. What the aggregate key hides is found with CheckEveryKey, and stated here.
func TestBadKeys(t *testing.T) {
	f := newForge(forgeNetwork())
	offCurve := [48]byte{0: 0x80, 47: 1}
	for x := byte(1); ; x++ {
		offCurve[47] = x
		if _, err := decodeKey(&offCurve); err != nil {
			break
		}
	}
	t1, _ := torsion(t)
	var minus bls.G1Affine
	minus.Neg(&t1)
	cases := []struct {
		name         string
		present      int
		change       func(c *SyncCommittee)
		quick, every Reason // "" where accepted
	}{
		{"untouched", 30, func(*SyncCommittee) {}, "", ""},
		{"infinity, signing", 32, func(c *SyncCommittee) { c.Pubkeys[0] = [48]byte{0xc0} }, ErrKey, ErrKey},
		{"infinity, absent", 30, func(c *SyncCommittee) { c.Pubkeys[31] = [48]byte{0xc0} }, ErrKey, ErrKey},
		{"zero bytes", 32, func(c *SyncCommittee) { c.Pubkeys[0] = [48]byte{} }, ErrKey, ErrKey},
		{"all ones", 32, func(c *SyncCommittee) { c.Pubkeys[0] = [48]byte(bytesOf(48, 0xff)) }, ErrKey, ErrKey},
		{"not reduced", 32, func(c *SyncCommittee) {
			c.Pubkeys[0] = modulus
			c.Pubkeys[0][0] |= 0x80
		}, ErrKey, ErrKey},
		{"uncompressed flag", 32, func(c *SyncCommittee) { c.Pubkeys[0][0] &^= 0x80 }, ErrKey, ErrKey},
		{"off the curve, absent", 30, func(c *SyncCommittee) { c.Pubkeys[31] = offCurve }, ErrKey, ErrKey},
		{"off the curve, signing", 32, func(c *SyncCommittee) { c.Pubkeys[3] = offCurve }, "", ErrKey},
		{"aggregate at infinity", 32, func(c *SyncCommittee) { c.AggregatePubkey = [48]byte{0xc0} }, ErrKey, ErrKey},
		{"aggregate off the curve", 32, func(c *SyncCommittee) { c.AggregatePubkey = offCurve }, ErrKey, ErrKey},
		{"aggregate outside the subgroup", 32, func(c *SyncCommittee) { c.AggregatePubkey = strayG1(0) }, ErrKey, ErrKey},
		{"aggregate with torsion", 32, func(c *SyncCommittee) { addPoint(t, &c.AggregatePubkey, &t1) }, ErrKey, ErrKey},
		{"absent key with torsion", 30, func(c *SyncCommittee) { addPoint(t, &c.Pubkeys[31], &t1) }, ErrKey, ErrKey},
		{"torsion in two keys cancels", 32, func(c *SyncCommittee) {
			addPoint(t, &c.Pubkeys[0], &t1)
			addPoint(t, &c.Pubkeys[1], &minus)
		}, "", ErrKey},
		{"aggregate of other keys", 32, func(c *SyncCommittee) { c.AggregatePubkey = c.Pubkeys[0] }, ErrSignature, ErrKey},
		{"signing key of another", 32, func(c *SyncCommittee) { c.Pubkeys[0] = c.Pubkeys[1] }, "", ErrKey},
		{"absent keys cancel the aggregate", 31, func(c *SyncCommittee) { c.AggregatePubkey = c.Pubkeys[31] }, ErrKey, ErrKey},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := f.pack(t, plan{present: c.present})
			p.Committee = *p.Committee.clone()
			c.change(&p.Committee)
			trust := &Trust{Network: f.n, Committees: map[uint64]Root{4: p.Committee.Root()}, Cache: new(CommitteeCache)}
			for _, every := range []bool{false, true, false} {
				trust.CheckEveryKey = every
				want := c.quick
				if every {
					want = c.every
				}
				if _, err := Verify(p, trust); want == "" && err != nil || want != "" && !errors.Is(err, want) {
					t.Errorf("every key %t: expected %q, found %v", every, want, err)
				}
			}
		})
	}
}

// TestSignatureWithTorsion adds a point outside the subgroup to a good signature.
func TestSignatureWithTorsion(t *testing.T) {
	f := theForge()
	p := f.pack(t, plan{})
	_, t2 := torsion(t)
	var sig bls.G2Affine
	if _, err := sig.SetBytes(p.Finality.Aggregate.Signature[:]); err != nil {
		t.Fatal(err)
	}
	sig.Add(&sig, &t2)
	p.Finality.Aggregate.Signature = sig.Bytes()
	if _, err := Verify(p, f.trust(4)); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}

func bytesOf(n int, v byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = v
	}
	return b
}

// TestSignersAgree compares the sum by absence with the sum by presence, and key decoding
// with the curve library's, over every number of signers.
func TestSignersAgree(t *testing.T) {
	f := theForge()
	sc := f.committee(4)
	for present := 1; present <= 32; present++ {
		a := sc.sign(Root{1}, present)
		c := newCommittee(&sc.public, Root{})
		got, err := c.signers(a.Bits, present%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		var want bls.G1Jac
		for i := range present {
			var k bls.G1Affine
			if _, err := k.SetBytes(sc.public.Pubkeys[i][:]); err != nil {
				t.Fatal(err)
			}
			want.AddMixed(&k)
			if mine, err := decodeKey(&sc.public.Pubkeys[i]); err != nil || !mine.Equal(&k) {
				t.Fatalf("key %d decodes differently", i)
			}
		}
		if !got.Equal(new(bls.G1Affine).FromJacobian(&want)) {
			t.Fatalf("%d signers add up differently", present)
		}
		if err := checkSignature(got, Root{1}, &a.Signature); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNetworkTables(t *testing.T) {
	bad := map[string]func(n *Network){
		"no forks":         func(n *Network) { n.Forks = nil },
		"descending":       func(n *Network) { n.Forks[0].Epoch = 1 << 40 },
		"version twice":    func(n *Network) { n.Forks[0].Version = n.Forks[1].Version },
		"name twice":       func(n *Network) { n.Forks[0].Name = n.Forks[1].Name },
		"no genesis":       func(n *Network) { n.GenesisValidatorsRoot = Root{} },
		"no slots":         func(n *Network) { n.Preset.SlotsPerEpoch = 0 },
		"no epochs":        func(n *Network) { n.Preset.EpochsPerPeriod = 0 },
		"committee of 500": func(n *Network) { n.Preset.CommitteeSize = 500 },
		"committee of 4":   func(n *Network) { n.Preset.CommitteeSize = 4 },
		"negative":         func(n *Network) { n.Preset.CommitteeSize = -32 },
	}
	f := theForge()
	p := f.pack(t, plan{})
	for name, change := range bad {
		n := forgeNetwork()
		change(n)
		trust := f.trust(4)
		trust.Network = n
		if _, err := Verify(p, trust); !errors.Is(err, ErrNoTrust) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := n.DecodeUpdate("deneb", nil); !errors.Is(err, ErrNoTrust) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := new(Network).PeriodOf(1); !errors.Is(err, ErrNoTrust) {
		t.Error(err)
	}
	if _, err := (*Network)(nil).BuildPack(Source{}); !errors.Is(err, ErrNoTrust) {
		t.Error(err)
	}
	if _, err := f.n.DecodeUpdate("gloas", nil); !errors.Is(err, ErrUnknownFork) {
		t.Error(err)
	}
	if got, err := Mainnet().PeriodOf(7109431); got != 867 || err != nil {
		t.Error(got, err)
	}
	m := Mainnet()
	if m.GenesisHash == (Root{}) || m.GenesisValidatorsRoot == (Root{}) {
		t.Error("mainnet's constants did not decode")
	}
}

// TestUnchanged: Verify only reads, and a warm cache changes no answer.
func TestUnchanged(t *testing.T) {
	f := theForge()
	p, trust := f.pack(t, plan{start: 3, updates: 2, present: 29}), f.trust(3)
	before := clonePack(t, p)
	trust.Cache = new(CommitteeCache)
	var last *Finalized
	for range 3 {
		got, err := Verify(p, trust)
		if err != nil || last != nil && !reflect.DeepEqual(got, last) {
			t.Fatal(err, got)
		}
		last = got
	}
	if !reflect.DeepEqual(p, before) || len(trust.Cache.m) != 3 {
		t.Error("verification changed its input, or did not use its cache")
	}
	for _, c := range refusals(f) {
		if c.trust != nil {
			continue
		}
		p := f.pack(t, c.plan)
		p.Committee = *p.Committee.clone()
		tr := f.trust(p.Period)
		tr.Cache = trust.Cache
		if p.Checkpoint != nil {
			tr.Checkpoints = []Root{p.Checkpoint.Header.Root()}
		}
		if c.pack != nil {
			c.pack(p)
		}
		if _, err := Verify(p, tr); !errors.Is(err, c.reason) {
			t.Errorf("%s with a warm cache: %v", c.name, err)
		}
	}
	for i := range 200 {
		trust.Cache.get(&SyncCommittee{}, Root{byte(i), 1})
	}
	if len(trust.Cache.m) != cacheSize || len(trust.Cache.order) != cacheSize {
		t.Errorf("cache holds %d, %d", len(trust.Cache.m), len(trust.Cache.order))
	}
}
