package beacon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Trust is what the caller believes beforehand. It is only read.
type Trust struct {
	// Network is required.
	Network *Network

	// Committees holds trusted hash-tree-roots of sync committees by sync period
	// (Network.PeriodOf). Evidence that starts in a period without entry and without a
	// trusted checkpoint is indeterminate. Where an entry exists, any committee met in
	// that period must agree with it, however it was proven.
	Committees map[uint64]Root

	// TableName is how reports name Committees, for instance "table 14 of release 1.2".
	// Empty: "committee table".
	TableName string

	// Checkpoints are trusted beacon block roots.
	Checkpoints []Root

	// CheckEveryKey also decodes all keys of each committee, checks each one's subgroup
	// and that they add up to the committee's aggregate key. Off, it is relied on that
	// the chain whose committee root is trusted did so. It costs about 35 ms per
	// committee of 512, where the shortcut costs less than one, and suits those who
	// make tables.
	CheckEveryKey bool

	// Cache, when not nil, keeps decoded committees for later calls.
	Cache *CommitteeCache
}

// Finalized is what evidence proved. Every field is authenticated by the signatures and
// branches, or comes from Trust.
type Finalized struct {
	BlockHash    Root   // execution block, final
	BlockNumber  uint64 // of that block, as its other fields
	ParentHash   Root
	StateRoot    Root   // execution state: EIP-2935 and other account proofs end here
	ReceiptsRoot Root   // receipts trie root
	Timestamp    uint64 // seconds since 1970

	Slot         uint64 // beacon slot of the block
	BeaconRoot   Root   // beacon block root at Slot
	AttestedSlot uint64 // slot of the signed header
	Fork         string // fork that the signature is made under

	Period        uint64 // of the committee that signed
	Signers       int    // of CommitteeSize
	CommitteeSize int
	CommitteeRoot Root
	// Committees holds the committee roots proven on the way, by period, that of Period
	// included: how tables of committee roots are made from a checkpoint.
	Committees map[uint64]Root
	// WeakestSigners is the least number of signers over Updates and Finality.
	WeakestSigners int

	Network     string // Trust.Network's
	ChainID     uint64
	GenesisHash Root
	// Trust names what everything above rests on: the table or the checkpoint.
	Trust string
}

// Verify checks a pack against trust. A nil error means that the block is final under
// that trust. Errors are of type *Error; see Indeterminate. It does not change p or t.
func Verify(p *Pack, t *Trust) (*Finalized, error) {
	if t == nil {
		return nil, fail(ErrNoTrust, "expected trust, found none")
	}
	n := t.Network
	if err := n.check(); err != nil {
		return nil, err
	}
	if len(t.Committees) == 0 && len(t.Checkpoints) == 0 {
		return nil, fail(ErrNoTrust, "expected a table of committees or a checkpoint, found neither")
	}
	if p == nil {
		return nil, fail(ErrMalformed, "expected a pack, found none")
	}
	if err := p.checkShape(len(p.Committee.Pubkeys)); err != nil {
		return nil, err
	}
	if err := p.checkNetwork(n); err != nil {
		return nil, err
	}

	// 1. The committee at the start is trusted, by checkpoint or by table.
	out := &Finalized{
		Network: n.Name, ChainID: n.ChainID, GenesisHash: n.GenesisHash,
		CommitteeSize: n.Preset.CommitteeSize, WeakestSigners: n.Preset.CommitteeSize,
		Committees: make(map[uint64]Root, len(p.Updates)+1),
	}
	root := p.Committee.Root()
	if err := p.checkStart(t, root, out); err != nil {
		return nil, err
	}
	current, period := &p.Committee, p.Period
	out.Committees[period] = root

	// 2. Each update hands over to the committee of the next period.
	for i := range p.Updates {
		u := &p.Updates[i]
		next := u.NextCommittee.Root()
		signers, err := t.checkUpdate(u, next, t.Cache.get(current, root), period)
		if err != nil {
			return nil, at(err, "update %d: ", i)
		}
		out.WeakestSigners = min(out.WeakestSigners, signers)
		current, root, period = &u.NextCommittee, next, period+1
		if known, ok := t.Committees[period]; ok && known != root {
			return nil, fail(ErrWrongCommittee, "update %d: the committee of period %d differs from the trusted table's", i, period)
		}
		out.Committees[period] = root
	}

	// 3. The last committee signed a header in whose state the block is final.
	signers, err := t.checkFinality(p, t.Cache.get(current, root), period, out)
	if err != nil {
		return nil, err
	}
	out.Signers, out.WeakestSigners = signers, min(out.WeakestSigners, signers)
	out.Period, out.CommitteeRoot = period, root
	return out, nil
}

// at puts a place in front of an error's detail.
func at(err error, format string, args ...any) error {
	if e, ok := err.(*Error); ok {
		return &Error{Reason: e.Reason, Detail: fmt.Sprintf(format, args...) + e.Detail}
	}
	return err
}

// checkNetwork compares what the pack says about itself with the network.
func (p *Pack) checkNetwork(n *Network) error {
	if p.GenesisValidatorsRoot != n.GenesisValidatorsRoot {
		return fail(ErrWrongNetwork, "expected the genesis validators root of %.64q, found another", n.Name)
	}
	if len(p.Committee.Pubkeys) != n.Preset.CommitteeSize {
		return fail(ErrWrongNetwork, "expected a committee of %d keys, found %d", n.Preset.CommitteeSize, len(p.Committee.Pubkeys))
	}
	for _, f := range n.Forks {
		if f.Version == p.ForkVersion {
			_, err := rulesOf(f.Name)
			return err
		}
	}
	return fail(ErrUnknownFork, "fork version %x is not in the table of %.64q", p.ForkVersion, n.Name)
}

// checkStart establishes trust in the pack's first committee.
func (p *Pack) checkStart(t *Trust, root Root, out *Finalized) error {
	n := t.Network
	known, inTable := t.Committees[p.Period]
	if inTable && known != root {
		return fail(ErrWrongCommittee, "the committee of period %d differs from the trusted table's", p.Period)
	}
	cp := p.Checkpoint
	if cp == nil {
		if !inTable {
			return fail(ErrUnknownCommittee, "the trusted table has no committee for period %d", p.Period)
		}
		name := t.TableName
		if name == "" {
			name = "committee table"
		}
		out.Trust = fmt.Sprintf("%s, period %d", name, p.Period)
		return nil
	}
	block := cp.Header.Root()
	trusted := false
	for i := range t.Checkpoints {
		trusted = trusted || t.Checkpoints[i] == block
	}
	if !trusted {
		return fail(ErrUnknownCheckpoint, "the pack starts at block root %x, which is not a trusted checkpoint", block)
	}
	_, ru, err := n.forkAt(cp.Header.Slot)
	if err != nil {
		return err
	}
	if n.period(cp.Header.Slot) != p.Period {
		return fail(ErrWrongPeriod, "expected the checkpoint in period %d, found %d", p.Period, n.period(cp.Header.Slot))
	}
	if !checkBranch(root, cp.Branch, ru.current, cp.Header.StateRoot) {
		return fail(ErrCommitteeBranch, "the committee is not the current one of the checkpoint's state")
	}
	out.Trust = fmt.Sprintf("checkpoint 0x%s, slot %d", hex.EncodeToString(block[:]), cp.Header.Slot)
	return nil
}

// checkUpdate checks that the committee of period signed a state that names the next
// one, and whose period is final: a later reorganization cannot change it any more.
func (t *Trust) checkUpdate(u *PeriodUpdate, next Root, c *committee, period uint64) (int, error) {
	n := t.Network
	_, ru, err := n.forkAt(u.Attested.Slot)
	if err != nil {
		return 0, err
	}
	if err := n.checkOrder(u.SignatureSlot, u.Attested.Slot, u.Finalized.Slot); err != nil {
		return 0, err
	}
	for _, slot := range []uint64{u.SignatureSlot, u.Attested.Slot, u.Finalized.Slot} {
		if n.period(slot) != period {
			return 0, fail(ErrWrongPeriod, "expected all slots in period %d, found %d", period, n.period(slot))
		}
	}
	signers, err := enoughSigners(&u.Aggregate, n.Preset.CommitteeSize)
	if err != nil {
		return 0, err
	}
	if !checkBranch(u.Finalized.Root(), u.FinalityBranch, ru.finalized, u.Attested.StateRoot) {
		return 0, fail(ErrFinalityBranch, "the finalized header is not in the attested state")
	}
	if !checkBranch(next, u.NextBranch, ru.next, u.Attested.StateRoot) {
		return 0, fail(ErrCommitteeBranch, "the next committee is not in the attested state")
	}
	return signers, n.checkAggregate(c, &u.Attested, &u.Aggregate, u.SignatureSlot, t.CheckEveryKey)
}

// checkFinality checks the pack's last step and reports the block.
func (t *Trust) checkFinality(p *Pack, c *committee, period uint64, out *Finalized) (int, error) {
	n, f := t.Network, &p.Finality
	_, ru, err := n.forkAt(f.Attested.Slot)
	if err != nil {
		return 0, err
	}
	if err := n.checkOrder(f.SignatureSlot, f.Attested.Slot, f.Finalized.Beacon.Slot); err != nil {
		return 0, err
	}
	if n.period(f.SignatureSlot) != period {
		return 0, fail(ErrWrongPeriod, "expected the signature in period %d, found %d", period, n.period(f.SignatureSlot))
	}
	signed, _, err := n.forkAt(f.SignatureSlot - 1)
	if err != nil {
		return 0, err
	}
	if signed.Version != p.ForkVersion {
		return 0, fail(ErrWrongFork, "expected fork version %x at the signature's slot, found %x", signed.Version, p.ForkVersion)
	}
	signers, err := enoughSigners(&f.Aggregate, n.Preset.CommitteeSize)
	if err != nil {
		return 0, err
	}
	_, own, err := n.forkAt(f.Finalized.Beacon.Slot)
	if err != nil {
		return 0, err
	}
	if own.form == noExecution {
		return 0, fail(ErrNoExecution, "fork %s of slot %d has no execution header for light clients", own.name, f.Finalized.Beacon.Slot)
	}
	if f.Finalized.Execution.form() != own.form {
		return 0, fail(ErrWrongFork, "expected an execution header in the form of %s at slot %d", own.name, f.Finalized.Beacon.Slot)
	}
	block := f.Finalized.Beacon.Root()
	if !checkBranch(block, f.FinalityBranch, ru.finalized, f.Attested.StateRoot) {
		return 0, fail(ErrFinalityBranch, "the finalized header is not in the attested state")
	}
	if err := n.checkExecution(&f.Finalized); err != nil {
		return 0, err
	}
	if err := n.checkAggregate(c, &f.Attested, &f.Aggregate, f.SignatureSlot, t.CheckEveryKey); err != nil {
		return 0, err
	}
	e := f.Finalized.Execution
	out.BlockHash, out.BlockNumber, out.ParentHash, out.StateRoot = e.BlockHash, e.BlockNumber, e.ParentHash, e.StateRoot
	out.ReceiptsRoot, out.Timestamp = e.ReceiptsRoot, e.Timestamp
	out.Slot, out.BeaconRoot, out.AttestedSlot, out.Fork = f.Finalized.Beacon.Slot, block, f.Attested.Slot, signed.Name
	return signers, nil
}

// checkOrder: signature slot > attested slot >= finalized slot, the first in its
// canonical form (see Finality).
func (n *Network) checkOrder(signature, attested, finalized uint64) error {
	if signature <= attested || attested < finalized {
		return fail(ErrOrder, "expected signature slot > attested slot >= finalized slot, found %d, %d, %d", signature, attested, finalized)
	}
	canonical, err := n.canonicalSlot(signature, attested)
	if err != nil {
		return err
	}
	if signature != canonical {
		return fail(ErrOrder, "expected the signature slot in canonical form %d, found %d", canonical, signature)
	}
	return nil
}

// canonicalSlot gives the first slot after attested with the period of signature, and
// the fork of signature one slot earlier. It needs signature > attested.
func (n *Network) canonicalSlot(signature, attested uint64) (uint64, error) {
	fork, _, err := n.forkAt(signature - 1)
	if err != nil {
		return 0, err
	}
	perPeriod := n.Preset.SlotsPerEpoch * n.Preset.EpochsPerPeriod
	first := max(attested+1, n.period(signature)*perPeriod)
	// Epochs of this table's forks that were reached by signature-1 cannot overflow.
	return max(first, fork.Epoch*n.Preset.SlotsPerEpoch+1), nil
}

// enoughSigners counts the bits: two thirds of the committee, rounded up.
func enoughSigners(a *SyncAggregate, size int) (int, error) {
	signers := countBits(a.Bits)
	if 3*signers < 2*size {
		return 0, fail(ErrParticipation, "expected at least two thirds of %d signers, found %d", size, signers)
	}
	return signers, nil
}

// checkAggregate verifies the signature of a committee over a header. The committee's
// root must have been proven, and the number of signers checked.
func (n *Network) checkAggregate(c *committee, h *Header, a *SyncAggregate, signatureSlot uint64, every bool) error {
	fork, _, err := n.forkAt(signatureSlot - 1)
	if err != nil {
		return err
	}
	key, err := c.signers(a.Bits, every)
	if err != nil {
		return err
	}
	return checkSignature(key, n.signingRoot(h.Root(), fork.Version), &a.Signature)
}

// signingRoot is compute_signing_root with DOMAIN_SYNC_COMMITTEE (07000000).
func (n *Network) signingRoot(object Root, version [4]byte) Root {
	var v Root
	copy(v[:], version[:])
	forkData := hashPair(&v, &n.GenesisValidatorsRoot)
	domain := Root{0: 7}
	copy(domain[4:], forkData[:28])
	return sha256.Sum256(append(object[:], domain[:]...))
}
