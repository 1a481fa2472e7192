package beacon

import (
	"bytes"
	"math/bits"
	"sync"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
)

// committee is a sync committee ready for signature checks.
//
// Its keys are decoded only as needed. The committee's root, which covers
// aggregate_pubkey too, is always proven against the caller's trust before a committee
// is used, and the beacon chain computes aggregate_pubkey as the sum of all keys. So the
// sum of the signers is aggregate_pubkey minus the absent keys: with 510 of 512 present
// that is three points to decode, not 510.
//
// Subgroup membership is checked once, on that sum. This is sound: the pairing equation
// needs the sum in the subgroup, and single keys are bound by the trusted root to keys
// whose subgroup and possession the chain checked at deposit. Trust.CheckEveryKey does
// without this argument.
type committee struct {
	root Root
	raw  *SyncCommittee

	mu        sync.Mutex
	encodings bool                  // every seat's encoding was seen to be canonical
	complete  bool                  // every key was decoded, checked, and the sum compared
	aggregate *bls.G1Affine         // aggregate_pubkey, once decoded
	keys      map[int]*bls.G1Affine // by seat, those decoded so far
}

func newCommittee(c *SyncCommittee, root Root) *committee {
	return &committee{root: root, raw: c, keys: make(map[int]*bls.G1Affine)}
}

// signers adds up the keys whose bit is set and returns the sum, in the subgroup and not
// infinity. bits must hold one bit per seat.
func (c *committee) signers(bitfield []byte, every bool) (*bls.G1Affine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkEncodings(); err != nil {
		return nil, err
	}
	if every {
		if err := c.checkEvery(); err != nil {
			return nil, err
		}
	}
	// Add up whichever is less, the present or the absent.
	present := 2*countBits(bitfield) < len(c.raw.Pubkeys)
	var sum bls.G1Jac // zero Z: infinity
	for i := range c.raw.Pubkeys {
		if bit(bitfield, i) != present {
			continue
		}
		k, err := c.key(i)
		if err != nil {
			return nil, err
		}
		sum.AddMixed(k)
	}
	if !present {
		if c.aggregate == nil {
			k, err := decodeKey(&c.raw.AggregatePubkey)
			if err != nil {
				return nil, fail(ErrKey, "aggregate key of the committee: %v", err)
			}
			c.aggregate = k
		}
		sum.Neg(&sum)
		sum.AddMixed(c.aggregate)
	}
	out := new(bls.G1Affine).FromJacobian(&sum)
	if out.IsInfinity() {
		return nil, fail(ErrKey, "the signers' keys add up to the point at infinity")
	}
	if !out.IsInSubGroup() {
		return nil, fail(ErrKey, "the signers' keys add up to a point outside the subgroup")
	}
	return out, nil
}

// checkEncodings refuses every seat whose key is not a compressed, finite, reduced
// coordinate; decodeKey does so for the aggregate.
func (c *committee) checkEncodings() error {
	if c.encodings {
		return nil
	}
	for i := range c.raw.Pubkeys {
		if !canonicalKey(&c.raw.Pubkeys[i]) {
			return fail(ErrKey, "key %d of the committee is not a compressed finite point", i)
		}
	}
	c.encodings = true
	return nil
}

// checkEvery decodes every key with its own subgroup check and compares the sum.
func (c *committee) checkEvery() error {
	if c.complete {
		return nil
	}
	var sum bls.G1Jac
	for i := range c.raw.Pubkeys {
		k, err := c.key(i)
		if err != nil {
			return err
		}
		if !k.IsInSubGroup() {
			return fail(ErrKey, "key %d of the committee is outside the subgroup", i)
		}
		sum.AddMixed(k)
	}
	aggregate, err := decodeKey(&c.raw.AggregatePubkey)
	if err != nil {
		return fail(ErrKey, "aggregate key of the committee: %v", err)
	}
	if !new(bls.G1Affine).FromJacobian(&sum).Equal(aggregate) {
		return fail(ErrKey, "the committee's keys do not add up to its aggregate key")
	}
	c.aggregate, c.complete = aggregate, true
	return nil
}

func (c *committee) key(i int) (*bls.G1Affine, error) {
	if k := c.keys[i]; k != nil {
		return k, nil
	}
	k, err := decodeKey(&c.raw.Pubkeys[i])
	if err != nil {
		return nil, fail(ErrKey, "key %d of the committee: %v", i, err)
	}
	c.keys[i] = k
	return k, nil
}

// The three top bits of a compressed point: compressed, infinity, larger root.
const (
	flagMask   = 0b111 << 5
	flagPoint  = 0b100 << 5
	flagLarger = 0b101 << 5
)

// modulus is the base field's prime, big-endian.
var modulus = [fp.Bytes]byte(fp.Modulus().FillBytes(make([]byte, fp.Bytes)))

func canonicalKey(k *[48]byte) bool {
	if f := k[0] & flagMask; f != flagPoint && f != flagLarger {
		return false
	}
	x := *k
	x[0] &^= flagMask
	return bytes.Compare(x[:], modulus[:]) < 0
}

type keyError string

func (e keyError) Error() string { return string(e) }

// decodeKey decompresses a point of the curve other than infinity. It does not check the
// subgroup: see committee.
func decodeKey(k *[48]byte) (*bls.G1Affine, error) {
	if !canonicalKey(k) {
		return nil, keyError("not a compressed finite point")
	}
	x := *k
	x[0] &^= flagMask
	var p bls.G1Affine
	if err := p.X.SetBytesCanonical(x[:]); err != nil {
		return nil, keyError("coordinate not reduced")
	}
	var y2, four fp.Element
	four.SetUint64(4)
	y2.Square(&p.X)
	y2.Mul(&y2, &p.X)
	y2.Add(&y2, &four)
	if p.Y.Sqrt(&y2) == nil {
		return nil, keyError("not on the curve")
	}
	if p.Y.LexicographicallyLargest() != (k[0]&flagMask == flagLarger) {
		p.Y.Neg(&p.Y)
	}
	return &p, nil
}

// suite is the hash-to-curve domain of Ethereum's BLS signatures.
var suite = []byte("BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_")

// checkSignature is FastAggregateVerify with the keys already added up.
func checkSignature(key *bls.G1Affine, message Root, signature *[96]byte) error {
	if f := signature[0] & flagMask; f != flagPoint && f != flagLarger {
		return fail(ErrSignature, "the signature is not a compressed finite point")
	}
	var sig bls.G2Affine
	// SetBytes checks the curve and the subgroup, and that coordinates are reduced.
	if _, err := sig.SetBytes(signature[:]); err != nil || sig.IsInfinity() {
		return fail(ErrSignature, "the signature is not a point of the group")
	}
	h, err := bls.HashToG2(message[:], suite)
	if err != nil {
		return fail(ErrSignature, "the signed message could not be hashed to the curve")
	}
	_, _, g1, _ := bls.Generators()
	g1.Neg(&g1)
	ok, err := bls.PairingCheck([]bls.G1Affine{*key, g1}, []bls.G2Affine{h, sig})
	if err != nil || !ok {
		return fail(ErrSignature, "the aggregate signature does not verify")
	}
	return nil
}

func bit(b []byte, i int) bool { return b[i/8]>>(i%8)&1 == 1 }

func countBits(b []byte) (n int) {
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}

// CommitteeCache keeps decoded committees between calls of Verify, by root: evidence of
// one period then costs a signature check only. Only committees proven against the
// caller's trust enter it. The zero value is ready; it holds 64 committees (about 2 MB
// to 8 MB) and drops the oldest. It is safe for concurrent use.
type CommitteeCache struct {
	mu    sync.Mutex
	m     map[Root]*committee
	order []Root
}

const cacheSize = 64

// get returns the cached committee with this root, or one made from c.
func (cc *CommitteeCache) get(c *SyncCommittee, root Root) *committee {
	if cc == nil {
		return newCommittee(c, root)
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if k := cc.m[root]; k != nil {
		return k
	}
	if cc.m == nil {
		cc.m = make(map[Root]*committee)
	}
	if len(cc.order) == cacheSize {
		delete(cc.m, cc.order[0])
		cc.order = append(cc.order[:0], cc.order[1:]...)
	}
	k := newCommittee(c.clone(), root)
	cc.m[root], cc.order = k, append(cc.order, root)
	return k
}

// clone keeps a cached committee apart from a pack that its owner may change.
func (c *SyncCommittee) clone() *SyncCommittee {
	return &SyncCommittee{Pubkeys: append([][48]byte(nil), c.Pubkeys...), AggregatePubkey: c.AggregatePubkey}
}
