package beacon

import (
	"encoding/binary"
)

// Pack is finality evidence for one execution block. Its committee is the one in force
// at its start; every update names the next period's. Encode and ParsePack are inverse:
// every pack has one encoding. In it, integers are little-endian, header is the SSZ form
// of BeaconBlockHeader (112 bytes), keys the committee's compressed keys and then their
// aggregate (48 bytes each), branch a byte that counts hashes and the hashes from the
// leaf upwards, aggregate one bit per seat and the signature (96 bytes):
//
//	"CFP" 01                    4
//	genesis validators root    32
//	fork version                4   of Finality's signature
//	committee size              2   8 to 512, a power of two
//	period                      8   of the committee below
//	start                       1   0: by table; 1: by checkpoint, which follows
//	  [header branch]               checkpoint block; current_sync_committee in its state
//	keys
//	updates                     2   how many, at most 400; each:
//	  header keys branch            attested; next committee, and where it is in its state
//	  header branch                 finalized, and where it is in the attested state
//	  aggregate slot                over the attested header; 8
//	header branch                   attested; finalized_checkpoint.root in its state
//	header                          finalized
//	length execution            2   SSZ form of ExecutionPayloadHeader of the slot's fork
//	branch                          the execution payload in the finalized block's body
//	aggregate slot                  over the attested header; 8
//
// Nothing may follow. Mainnet packs of one period have about 26,000 bytes; an update adds
// 25,400.
type Pack struct {
	GenesisValidatorsRoot Root    // network
	ForkVersion           [4]byte // fork that Finality's signature is made under
	Period                uint64  // of Committee

	// Checkpoint, when not nil, proves Committee from a checkpoint block; without it
	// the committee's root has to be in the table of the verifier.
	Checkpoint *CheckpointProof
	Committee  SyncCommittee
	Updates    []PeriodUpdate // one per period from Period on, possibly none
	Finality   Finality
}

// CheckpointProof ties a committee to a trusted block root.
type CheckpointProof struct {
	Header Header // its root is the checkpoint
	Branch []Root // current_sync_committee to Header.StateRoot
}

// PeriodUpdate proves the committee of the next period, from an attested state whose
// period is already final.
type PeriodUpdate struct {
	Attested       Header
	NextCommittee  SyncCommittee
	NextBranch     []Root // next_sync_committee to Attested.StateRoot
	Finalized      Header
	FinalityBranch []Root // finalized_checkpoint.root to Attested.StateRoot
	Aggregate      SyncAggregate
	SignatureSlot  uint64 // canonical, see Finality
}

// Finality proves an execution block from a signed header.
//
// SignatureSlot is in canonical form: of the slots after Attested.Slot with the same
// sync period, and the same fork one slot earlier, the first. The protocol signs neither
// more nor less about it, so that any other value would be an unauthenticated byte.
type Finality struct {
	Attested       Header
	FinalityBranch []Root
	Finalized      LightClientHeader // execution header in the form of its own slot's fork
	Aggregate      SyncAggregate
	SignatureSlot  uint64
}

const (
	packMagic   = "CFP"
	packVersion = 1

	// maxUpdates bounds the chain of periods: 400 are 15 months, 10 MB and about a
	// second of work. A longer way is for a newer table or checkpoint.
	maxUpdates = 400
	// maxBranch bounds any Merkle branch: Fulu's deepest index has 7 levels.
	maxBranch = 16
	// MaxPackBytes bounds what ParsePack accepts.
	MaxPackBytes = 11 << 20
)

// Encode gives the one encoding of a pack. It fails when a part does not fit the format:
// branches over 16 hashes, keys or bits of differing numbers, no execution header.
func (p *Pack) Encode() ([]byte, error) {
	size := len(p.Committee.Pubkeys)
	if err := p.checkShape(size); err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, 2200+(len(p.Updates)+1)*(48*size+1500)), packMagic...)
	b = append(b, packVersion)
	b = append(b, p.GenesisValidatorsRoot[:]...)
	b = append(b, p.ForkVersion[:]...)
	b = binary.LittleEndian.AppendUint16(b, uint16(size))
	b = appendU64(b, p.Period)
	if p.Checkpoint == nil {
		b = append(b, 0)
	} else {
		b = append(b, 1)
		b = p.Checkpoint.Header.appendSSZ(b)
		b = appendBranch(b, p.Checkpoint.Branch)
	}
	b = p.Committee.appendSSZ(b)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(p.Updates)))
	for i := range p.Updates {
		u := &p.Updates[i]
		b = u.Attested.appendSSZ(b)
		b = u.NextCommittee.appendSSZ(b)
		b = appendBranch(b, u.NextBranch)
		b = u.Finalized.appendSSZ(b)
		b = appendBranch(b, u.FinalityBranch)
		b = u.Aggregate.appendSSZ(b)
		b = appendU64(b, u.SignatureSlot)
	}
	f := &p.Finality
	b = f.Attested.appendSSZ(b)
	b = appendBranch(b, f.FinalityBranch)
	b = f.Finalized.Beacon.appendSSZ(b)
	exec := f.Finalized.Execution.appendSSZ(nil)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(exec)))
	b = append(b, exec...)
	b = appendBranch(b, f.Finalized.ExecutionBranch)
	b = f.Aggregate.appendSSZ(b)
	return appendU64(b, f.SignatureSlot), nil
}

// Single gives the last step alone: a pack of one period, for verifiers whose table has
// that period's committee. It shares the parts of p.
func (p *Pack) Single() *Pack {
	out := *p
	out.Checkpoint, out.Updates = nil, nil
	if n := len(p.Updates); n > 0 {
		out.Committee = p.Updates[n-1].NextCommittee
		out.Period += uint64(n)
	}
	return &out
}

func appendBranch(b []byte, branch []Root) []byte {
	return appendRoots(append(b, byte(len(branch))), branch)
}

// checkShape refuses packs that the format cannot hold, or not in one way.
func (p *Pack) checkShape(size int) error {
	if !committeeSize(size) || len(p.Updates) > maxUpdates {
		return fail(ErrMalformed, "expected a committee of 8 to 512 keys and at most %d updates, found %d and %d", maxUpdates, size, len(p.Updates))
	}
	e := p.Finality.Finalized.Execution
	if e == nil {
		return fail(ErrNoExecution, "expected an execution header of the finalized block, found none")
	}
	ok := len(e.ExtraData) <= maxExtraData && len(p.Finality.Aggregate.Bits)*8 == size
	branches := [][]Root{p.Finality.FinalityBranch, p.Finality.Finalized.ExecutionBranch}
	if p.Checkpoint != nil {
		branches = append(branches, p.Checkpoint.Branch)
	}
	for i := range p.Updates {
		u := &p.Updates[i]
		ok = ok && len(u.NextCommittee.Pubkeys) == size && len(u.Aggregate.Bits)*8 == size
		branches = append(branches, u.NextBranch, u.FinalityBranch)
	}
	for _, br := range branches {
		ok = ok && len(br) <= maxBranch
	}
	if !ok {
		return fail(ErrMalformed, "expected parts that fit a committee of %d keys, branches of at most %d hashes and extra_data of at most %d bytes", size, maxBranch, maxExtraData)
	}
	return nil
}

// ParsePack reads a pack. It accepts exactly what Encode writes; a format newer than
// this package is ErrUnknownVersion, anything else ErrMalformed. Nothing in the result
// is trusted yet.
func ParsePack(b []byte) (*Pack, error) {
	if len(b) > MaxPackBytes {
		return nil, fail(ErrMalformed, "expected a pack of at most %d bytes, found %d", MaxPackBytes, len(b))
	}
	r := newReader(b, "pack")
	magic, version := r.take(len(packMagic)), r.u8()
	if r.err != nil || string(magic) != packMagic {
		return nil, fail(ErrMalformed, "expected a pack to begin with %q", packMagic)
	}
	if version != packVersion {
		return nil, fail(ErrUnknownVersion, "expected pack version %d, found %d", packVersion, version)
	}
	p := &Pack{GenesisValidatorsRoot: r.root()}
	r.fill(p.ForkVersion[:])
	size := r.u16()
	p.Period = r.u64()
	start := r.u8()
	if r.err == nil && (!committeeSize(size) || start > 1) {
		return nil, fail(ErrMalformed, "expected a committee of 8 to 512 keys and a start of 0 or 1, found %d and %d", size, start)
	}
	if start == 1 {
		p.Checkpoint = &CheckpointProof{Header: r.header(), Branch: r.branch()}
	}
	p.Committee = r.committee(size)
	n := r.u16()
	if n > maxUpdates {
		return nil, fail(ErrMalformed, "expected at most %d updates, found %d", maxUpdates, n)
	}
	for i := 0; i < n && r.err == nil; i++ {
		p.Updates = append(p.Updates, PeriodUpdate{
			Attested: r.header(), NextCommittee: r.committee(size), NextBranch: r.branch(),
			Finalized: r.header(), FinalityBranch: r.branch(),
			Aggregate: r.aggregate(size), SignatureSlot: r.u64(),
		})
	}
	f := &p.Finality
	f.Attested = r.header()
	f.FinalityBranch = r.branch()
	f.Finalized.Beacon = r.header()
	exec := r.take(r.u16())
	f.Finalized.ExecutionBranch = r.branch()
	f.Aggregate = r.aggregate(size)
	f.SignatureSlot = r.u64()
	if err := r.end(); err != nil {
		return nil, err
	}
	var err error
	if f.Finalized.Execution, err = decodePackExecution(exec); err != nil {
		return nil, err
	}
	return p, nil
}

func (r *reader) branch() []Root {
	n := r.u8()
	if r.err == nil && n > maxBranch {
		r.err = fail(ErrMalformed, "%s: expected a branch of at most %d hashes, found %d", r.what, maxBranch, n)
	}
	return r.roots(n)
}

// decodePackExecution finds the form from the offset of extra_data, which SSZ fixes.
func decodePackExecution(b []byte) (*ExecutionHeader, error) {
	const at = execFixed - 32*4 - 4 // extra_data's offset field
	if len(b) > maxExecutionSSZ || len(b) < execFixed {
		return nil, fail(ErrMalformed, "expected an execution header of %d to %d bytes, found %d", execFixed, maxExecutionSSZ, len(b))
	}
	if binary.LittleEndian.Uint32(b[at:]) == execFixedBlobs {
		return decodeExecution(b, withBlobs)
	}
	return decodeExecution(b, withoutBlobs)
}
