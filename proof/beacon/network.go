package beacon

import (
	"encoding/hex"
)

// Fork is a line of a network's fork table.
type Fork struct {
	Name    string  // lower case, as the beacon API writes it: "altair" … "fulu"
	Epoch   uint64  // first epoch
	Version [4]byte // as mixed into signatures
}

// Preset holds the sizes fixed when a network is built.
type Preset struct {
	SlotsPerEpoch   uint64 // SLOTS_PER_EPOCH
	EpochsPerPeriod uint64 // EPOCHS_PER_SYNC_COMMITTEE_PERIOD
	CommitteeSize   int    // SYNC_COMMITTEE_SIZE: a power of two from 8 to 512
}

// MainnetPreset is that of mainnet and of the public test networks.
func MainnetPreset() Preset {
	return Preset{SlotsPerEpoch: 32, EpochsPerPeriod: 256, CommitteeSize: 512}
}

// MinimalPreset is that of the small networks that specification tests use.
func MinimalPreset() Preset {
	return Preset{SlotsPerEpoch: 8, EpochsPerPeriod: 8, CommitteeSize: 32}
}

// Network says which beacon chain is meant. Every field is part of what is trusted.
type Network struct {
	Name   string // shown in reports only
	Preset Preset

	// ChainID and GenesisHash are the execution chain's, copied to Finalized so that a
	// caller can tie transactions to this network. The light client itself does not use
	// them: zero means that the caller ties them in another way.
	ChainID     uint64
	GenesisHash Root

	// GenesisValidatorsRoot is mixed into every signature. Zero is refused.
	GenesisValidatorsRoot Root

	// Forks by ascending epoch, from the network's configuration. A name this package
	// does not know is allowed and ends what it can decide: evidence from that epoch on
	// is indeterminate. Empty is refused.
	Forks []Fork

	// KnownUntil is the first epoch about which this table says nothing, for instance
	// because a fork was announced without an epoch when the table was made. Evidence
	// from then on is indeterminate. Zero means no such bound.
	KnownUntil uint64
}

// Mainnet is Ethereum's main network as known in 2026: Altair to Fulu.
func Mainnet() *Network {
	return &Network{
		Name:                  "mainnet",
		Preset:                MainnetPreset(),
		ChainID:               1,
		GenesisHash:           mustRoot("d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"),
		GenesisValidatorsRoot: mustRoot("4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"),
		Forks: []Fork{
			{"altair", 74240, [4]byte{1}},
			{"bellatrix", 144896, [4]byte{2}},
			{"capella", 194048, [4]byte{3}},
			{"deneb", 269568, [4]byte{4}},
			{"electra", 364032, [4]byte{5}},
			{"fulu", 411392, [4]byte{6}},
		},
	}
}

// mustRoot reads the constants of this file; a typing error in them shows as a zero root
// in every test.
func mustRoot(s string) (r Root) {
	b, err := hex.DecodeString(s)
	if err == nil && len(b) == len(r) {
		copy(r[:], b)
	}
	return r
}

// rules are what a fork changes for light clients: generalized indices in the beacon
// state, and the form of the execution header.
type rules struct {
	name      string
	finalized uint64 // finalized_checkpoint.root
	current   uint64 // current_sync_committee
	next      uint64 // next_sync_committee
	form      execForm
}

// executionIndex is that of the execution payload in the block body, Capella to Fulu.
const executionIndex = 25

// execForm is the form of the execution header within a light-client header.
type execForm uint8

const (
	noExecution execForm = iota // the header ends with its beacon part
	withoutBlobs
	withBlobs // two more fields: blob_gas_used, excess_blob_gas
)

var knownForks = []rules{
	{"altair", 105, 54, 55, noExecution},
	{"bellatrix", 105, 54, 55, noExecution},
	{"capella", 105, 54, 55, withoutBlobs},
	{"deneb", 105, 54, 55, withBlobs},
	{"electra", 169, 86, 87, withBlobs},
	{"fulu", 169, 86, 87, withBlobs},
}

func rulesOf(name string) (rules, error) {
	for _, r := range knownForks {
		if r.name == name {
			return r, nil
		}
	}
	return rules{}, fail(ErrUnknownFork, "expected a fork from altair to fulu, found %.32q", name)
}

// check refuses tables that contradict themselves.
func (n *Network) check() error {
	if n == nil {
		return fail(ErrNoTrust, "expected a network, found none")
	}
	p := n.Preset
	if p.SlotsPerEpoch == 0 || p.SlotsPerEpoch > 1<<16 || p.EpochsPerPeriod == 0 || p.EpochsPerPeriod > 1<<16 || !committeeSize(p.CommitteeSize) {
		return fail(ErrNoTrust, "expected a preset with slots, epochs and a committee of 8 to 512 keys, found %d, %d, %d", p.SlotsPerEpoch, p.EpochsPerPeriod, p.CommitteeSize)
	}
	if n.GenesisValidatorsRoot == (Root{}) {
		return fail(ErrNoTrust, "expected a genesis validators root, found zero")
	}
	if len(n.Forks) == 0 || len(n.Forks) > 64 {
		return fail(ErrNoTrust, "expected 1 to 64 forks, found %d", len(n.Forks))
	}
	for i, f := range n.Forks {
		for _, g := range n.Forks[:i] {
			if g.Epoch > f.Epoch || g.Version == f.Version || g.Name == f.Name {
				return fail(ErrNoTrust, "expected forks by ascending epoch, each name and version once, found %.32q after %.32q", f.Name, g.Name)
			}
		}
	}
	return nil
}

func committeeSize(n int) bool { return n >= 8 && n <= 512 && n&(n-1) == 0 }

// forkAt gives the fork in force at a slot, from the table and nothing else.
func (n *Network) forkAt(slot uint64) (Fork, rules, error) {
	epoch := slot / n.Preset.SlotsPerEpoch
	if n.KnownUntil != 0 && epoch >= n.KnownUntil {
		return Fork{}, rules{}, fail(ErrUnknownFork, "the fork table of %.64q ends before epoch %d, found epoch %d", n.Name, n.KnownUntil, epoch)
	}
	for i := len(n.Forks) - 1; i >= 0; i-- {
		if f := n.Forks[i]; f.Epoch <= epoch {
			r, err := rulesOf(f.Name)
			return f, r, err
		}
	}
	return Fork{}, rules{}, fail(ErrUnknownFork, "the fork table of %.64q begins after epoch %d", n.Name, epoch)
}

// period is the sync committee period of a slot.
func (n *Network) period(slot uint64) uint64 {
	return slot / (n.Preset.SlotsPerEpoch * n.Preset.EpochsPerPeriod)
}

// PeriodOf gives the sync committee period of a slot, the key of Trust.Committees.
func (n *Network) PeriodOf(slot uint64) (uint64, error) {
	if err := n.check(); err != nil {
		return 0, err
	}
	return n.period(slot), nil
}
