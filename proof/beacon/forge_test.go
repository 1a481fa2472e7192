package beacon

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"slices"
	"sync"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// forge makes packs of a network whose secret keys the tests hold, so that every check
// can be broken alone, with everything else, signatures included, in order.
type forge struct {
	n       *Network
	mu      sync.Mutex
	periods map[uint64]*secretCommittee
}

type secretCommittee struct {
	public  SyncCommittee
	secrets []*big.Int
}

// forgeNetwork has one fork per sync period of 64 slots: Altair in period 1 to Fulu in
// period 6, Gloas, which is unknown, from period 7 on.
func forgeNetwork() *Network {
	n := &Network{Name: "forge", Preset: MinimalPreset(), ChainID: 1337, GenesisValidatorsRoot: sha256.Sum256([]byte("forge"))}
	for i, name := range []string{"altair", "bellatrix", "capella", "deneb", "electra", "fulu", "gloas"} {
		n.Forks = append(n.Forks, Fork{Name: name, Epoch: uint64(i+1) * 8, Version: [4]byte{byte(i + 1), 0xf0}})
	}
	return n
}

func newForge(n *Network) *forge { return &forge{n: n, periods: make(map[uint64]*secretCommittee)} }

var theForge = sync.OnceValue(func() *forge { return newForge(forgeNetwork()) })

func (f *forge) committee(period uint64) *secretCommittee {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.periods[period]; c != nil {
		return c
	}
	c := &secretCommittee{}
	sum := new(big.Int)
	for i := range f.n.Preset.CommitteeSize {
		h := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte{byte(i), byte(i >> 8)}, period))
		sk := new(big.Int).SetBytes(h[:15])
		c.secrets = append(c.secrets, sk)
		sum.Add(sum, sk)
		c.public.Pubkeys = append(c.public.Pubkeys, publicKey(sk))
	}
	c.public.AggregatePubkey = publicKey(sum)
	f.periods[period] = c
	return c
}

func publicKey(sk *big.Int) [48]byte {
	var p bls.G1Affine
	p.ScalarMultiplicationBase(sk)
	return p.Bytes()
}

// sign makes the aggregate of the committee's first present seats.
func (c *secretCommittee) sign(root Root, present int) SyncAggregate {
	a := SyncAggregate{Bits: make([]byte, len(c.secrets)/8)}
	sum := new(big.Int)
	for i := range present {
		a.Bits[i/8] |= 1 << (i % 8)
		sum.Add(sum, c.secrets[i])
	}
	h, _ := bls.HashToG2(root[:], suite)
	h.ScalarMultiplication(&h, sum)
	a.Signature = h.Bytes()
	return a
}

// tree is a Merkle tree with the given nodes and filler everywhere else.
type tree map[uint64]Root

func (t tree) node(g uint64) Root {
	if r, ok := t[g]; ok {
		return r
	}
	for k := range t {
		for ; k > 0; k >>= 1 {
			if k == g {
				l, r := t.node(2*g), t.node(2*g+1)
				return hashPair(&l, &r)
			}
		}
	}
	return sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("filler"), g))
}

func (t tree) branch(g uint64) (out []Root) {
	for ; g > 1; g >>= 1 {
		out = append(out, t.node(g^1))
	}
	return out
}

// plan says what pack to forge. Zero fields mean a pack that verifies.
type plan struct {
	start      uint64 // period, default 4
	updates    int
	checkpoint bool

	attested, finalized, signature uint64 // slots of the last step
	present                        int    // signers, default all

	update  func(i int, u *PeriodUpdate)     // changes slots before the update is signed
	exec    func(e *ExecutionHeader)         // changes the execution header before it is bound
	lc      func(h *LightClientHeader)       // changes the finalized header before it is bound
	version *[4]byte                         // signs under another fork
	genesis *Root                            // signs for another network
	signer  func(period uint64) uint64       // takes the committee of another period
	next    func(period uint64) (Root, bool) // puts another committee root in the state
}

func (f *forge) pack(tb testing.TB, pl plan) *Pack {
	tb.Helper()
	n := f.n
	span := n.Preset.SlotsPerEpoch * n.Preset.EpochsPerPeriod
	if pl.start == 0 {
		pl.start = 4
	}
	if pl.signer == nil {
		pl.signer = func(p uint64) uint64 { return p }
	}
	if pl.present == 0 {
		pl.present = n.Preset.CommitteeSize
	}
	last := pl.start + uint64(pl.updates)
	p := &Pack{GenesisValidatorsRoot: n.GenesisValidatorsRoot, Period: pl.start, Committee: f.committee(pl.start).public}
	if pl.checkpoint {
		h := Header{Slot: pl.start*span + 3, ProposerIndex: 7}
		_, ru, err := n.forkAt(h.Slot)
		if err != nil {
			tb.Fatal(err)
		}
		st := tree{ru.current: p.Committee.Root()}
		h.StateRoot = st.node(1)
		p.Checkpoint = &CheckpointProof{Header: h, Branch: st.branch(ru.current)}
	}
	for i := range pl.updates {
		period := pl.start + uint64(i)
		u := PeriodUpdate{
			Attested:      Header{Slot: period*span + span/2, ProposerIndex: 11},
			NextCommittee: f.committee(period + 1).public,
			Finalized:     Header{Slot: period*span + span/4, ProposerIndex: 12},
			SignatureSlot: period*span + span/2 + 1,
		}
		if pl.update != nil {
			pl.update(i, &u)
		}
		next := u.NextCommittee.Root()
		if pl.next != nil {
			if r, ok := pl.next(period); ok {
				next = r
			}
		}
		u.NextBranch, u.FinalityBranch = f.state(tb, &u.Attested, u.Finalized.Root(), next)
		u.Aggregate = f.signed(tb, &u.Attested, u.SignatureSlot, pl.signer(period), n.Preset.CommitteeSize, nil, nil)
		p.Updates = append(p.Updates, u)
	}
	f.finality(tb, p, &pl, last*span+span/2)
	return p
}

func (f *forge) finality(tb testing.TB, p *Pack, pl *plan, slot uint64) {
	if pl.attested == 0 {
		pl.attested = slot
	}
	if pl.finalized == 0 {
		pl.finalized = pl.attested - 16
	}
	if pl.signature == 0 {
		pl.signature = pl.attested + 1
	}
	fi := &p.Finality
	fi.Finalized = f.block(tb, pl.finalized, pl.exec)
	if pl.lc != nil {
		pl.lc(&fi.Finalized)
	}
	fi.Attested = Header{Slot: pl.attested, ProposerIndex: 42}
	fi.SignatureSlot = pl.signature
	_, fi.FinalityBranch = f.state(tb, &fi.Attested, fi.Finalized.Beacon.Root(), Root{1})
	fi.Aggregate = f.signed(tb, &fi.Attested, pl.signature, pl.signer(f.n.period(pl.signature)), pl.present, pl.version, pl.genesis)
	fork, _, _ := f.n.forkAt(pl.signature - 1)
	p.ForkVersion = fork.Version
}

// block makes a beacon header whose body holds an execution header.
func (f *forge) block(tb testing.TB, slot uint64, change func(*ExecutionHeader)) LightClientHeader {
	h := LightClientHeader{Beacon: Header{Slot: slot, ProposerIndex: 13, ParentRoot: Root{9}}}
	_, ru, err := f.n.forkAt(slot)
	form := withBlobs
	if err == nil {
		form = ru.form
	}
	e := &ExecutionHeader{
		BlockNumber: slot + 1000, Timestamp: 12*slot + 5, ExtraData: []byte("forge"), GasLimit: 30_000_000,
		BlockHash: sha256.Sum256([]byte{byte(slot), byte(slot >> 8), 1}), StateRoot: Root{31: 5}, Blobs: form == withBlobs,
	}
	if e.Blobs {
		e.BlobGasUsed, e.ExcessBlobGas = 131072, 7
	}
	if change != nil {
		change(e)
	}
	h.Execution = e
	body := tree{executionIndex: e.Root()}
	h.Beacon.BodyRoot, h.ExecutionBranch = body.node(1), body.branch(executionIndex)
	return h
}

// state sets the state root of a header and gives the branches of its fork. Slots of
// unknown forks get Fulu's indices.
func (f *forge) state(tb testing.TB, h *Header, finalized, next Root) (nextBranch, finalityBranch []Root) {
	_, ru, err := f.n.forkAt(h.Slot)
	if err != nil {
		ru = knownForks[len(knownForks)-1]
	}
	st := tree{ru.next: next, ru.finalized: finalized}
	h.StateRoot = st.node(1)
	return st.branch(ru.next), st.branch(ru.finalized)
}

func (f *forge) signed(tb testing.TB, h *Header, slot, period uint64, present int, version *[4]byte, genesis *Root) SyncAggregate {
	n := *f.n
	var v [4]byte
	for _, fork := range n.Forks { // unknown forks too
		if fork.Epoch*n.Preset.SlotsPerEpoch <= slot-1 {
			v = fork.Version
		}
	}
	if version != nil {
		v = *version
	}
	if genesis != nil {
		n.GenesisValidatorsRoot = *genesis
	}
	return f.committee(period).sign(n.signingRoot(h.Root(), v), present)
}

// trust gives a table of the roots of the periods named.
func (f *forge) trust(periods ...uint64) *Trust {
	t := &Trust{Network: f.n, Committees: make(map[uint64]Root)}
	for _, p := range periods {
		c := f.committee(p).public
		t.Committees[p] = c.Root()
	}
	return t
}

func clonePack(tb testing.TB, p *Pack) *Pack {
	tb.Helper()
	b, err := p.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	q, err := ParsePack(slices.Clone(b))
	if err != nil {
		tb.Fatal(err)
	}
	return q
}
