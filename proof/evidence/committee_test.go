package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/chancery-dev/chancery/proof/beacon"
)

// committee is a sync committee whose keys the test holds.
type committee struct {
	public  beacon.SyncCommittee
	secrets []*big.Int
}

const worldPeriod = 10

func newCommittee(seed int64, size int) *committee {
	c := &committee{}
	sum := new(big.Int)
	for i := range int64(size) {
		h := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(seed*1000+i)))
		sk := new(big.Int).SetBytes(h[:15])
		c.secrets = append(c.secrets, sk)
		sum.Add(sum, sk)
		var p bls.G1Affine
		p.ScalarMultiplicationBase(sk)
		c.public.Pubkeys = append(c.public.Pubkeys, p.Bytes())
	}
	var p bls.G1Affine
	p.ScalarMultiplicationBase(sum)
	c.public.AggregatePubkey = p.Bytes()
	return c
}

func (c *committee) sign(n *beacon.Network, object beacon.Root, version [4]byte, signers int) beacon.SyncAggregate {
	var v [32]byte
	copy(v[:], version[:])
	data := sha256.Sum256(append(v[:], n.GenesisValidatorsRoot[:]...))
	domain := append([]byte{7, 0, 0, 0}, data[:28]...)
	message := sha256.Sum256(append(object[:], domain...))
	a := beacon.SyncAggregate{Bits: make([]byte, len(c.secrets)/8)}
	sum := new(big.Int)
	for i := range signers {
		a.Bits[i/8] |= 1 << (i % 8)
		sum.Add(sum, c.secrets[i])
	}
	h, err := bls.HashToG2(message[:], []byte("BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"))
	if err != nil {
		panic(err)
	}
	h.ScalarMultiplication(&h, sum)
	a.Signature = h.Bytes()
	return a
}

// fold makes a branch from a leaf at a generalised index, and the root it leads to.
func fold(leaf beacon.Root, gindex int) (beacon.Root, []beacon.Root) {
	var branch []beacon.Root
	for ; gindex > 1; gindex /= 2 {
		sibling := sha256.Sum256([]byte{byte(gindex)})
		branch = append(branch, sibling)
		if gindex&1 == 1 {
			leaf = sha256.Sum256(append(sibling[:], leaf[:]...))
		} else {
			leaf = sha256.Sum256(append(leaf[:], sibling[:]...))
		}
	}
	return leaf, branch
}

// pack proves a block final.
func (w *world) pack(tb testing.TB, final *types.Header, forge func(*finalPlan)) []byte {
	tb.Helper()
	f := &finalPlan{final: final, attested: w.slot(worldPeriod, 40), finalized: w.slot(worldPeriod, 8), version: [4]byte{6, 9}, signers: len(w.committee.secrets) - 10, committee: w.committee}
	if forge != nil {
		forge(f)
	}
	x := &beacon.ExecutionHeader{BlockNumber: f.final.Number.Uint64(), Timestamp: f.final.Time, BlockHash: f.final.Hash(), StateRoot: f.final.Root, ParentHash: f.final.ParentHash, Blobs: true}
	body, executionBranch := fold(x.Root(), 25)
	finalized := beacon.Header{Slot: f.finalized, StateRoot: [32]byte{5}, BodyRoot: body}
	state, finalityBranch := fold(finalized.Root(), 169)
	attested := beacon.Header{Slot: f.attested, StateRoot: state}
	p := &beacon.Pack{GenesisValidatorsRoot: w.network.GenesisValidatorsRoot, ForkVersion: f.version, Period: (f.attested + 1) / w.slot(1, 0), Committee: f.committee.public,
		Finality: beacon.Finality{Attested: attested, FinalityBranch: finalityBranch,
			Finalized: beacon.LightClientHeader{Beacon: finalized, Execution: x, ExecutionBranch: executionBranch},
			Aggregate: f.committee.sign(w.network, attested.Root(), f.version, f.signers), SignatureSlot: f.attested + 1}}
	b, err := p.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
