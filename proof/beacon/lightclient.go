package beacon

import "bytes"

// SyncCommittee is the SSZ container of the same name.
type SyncCommittee struct {
	Pubkeys         [][48]byte // compressed G1 points, one per seat
	AggregatePubkey [48]byte   // their sum
}

// Root is the hash-tree-root: what tables of committee roots hold.
func (c *SyncCommittee) Root() Root {
	leaves := make([]Root, len(c.Pubkeys))
	for i := range c.Pubkeys {
		leaves[i] = keyRoot(&c.Pubkeys[i])
	}
	if len(leaves) == 0 {
		leaves = make([]Root, 1)
	}
	keys, aggregate := merkleize(leaves), keyRoot(&c.AggregatePubkey)
	return hashPair(&keys, &aggregate)
}

func keyRoot(k *[48]byte) Root {
	var l, r Root
	copy(l[:], k[:32])
	copy(r[:], k[32:])
	return hashPair(&l, &r)
}

func (c *SyncCommittee) appendSSZ(b []byte) []byte {
	for i := range c.Pubkeys {
		b = append(b, c.Pubkeys[i][:]...)
	}
	return append(b, c.AggregatePubkey[:]...)
}

func (r *reader) committee(size int) SyncCommittee {
	var c SyncCommittee
	keys := r.take(48 * size)
	r.fill(c.AggregatePubkey[:])
	if r.err != nil {
		return c
	}
	c.Pubkeys = make([][48]byte, size)
	for i := range c.Pubkeys {
		copy(c.Pubkeys[i][:], keys[48*i:])
	}
	return c
}

// SyncAggregate is the SSZ container of the same name.
type SyncAggregate struct {
	Bits      []byte // one bit per seat, least significant first
	Signature [96]byte
}

func (a *SyncAggregate) appendSSZ(b []byte) []byte {
	b = append(b, a.Bits...)
	return append(b, a.Signature[:]...)
}

func (r *reader) aggregate(size int) (a SyncAggregate) {
	a.Bits = bytes.Clone(r.take(size / 8))
	r.fill(a.Signature[:])
	return a
}

// Bootstrap is a LightClientBootstrap: the committee in force at a checkpoint.
type Bootstrap struct {
	Header          LightClientHeader
	Committee       SyncCommittee
	CommitteeBranch []Root // to Header.Beacon.StateRoot
}

// Update is a LightClientUpdate: it names the committee of the next period. In updates
// without committee or finality these parts are zero.
type Update struct {
	Attested            LightClientHeader
	NextCommittee       SyncCommittee
	NextCommitteeBranch []Root
	Finalized           LightClientHeader
	FinalityBranch      []Root
	Aggregate           SyncAggregate
	SignatureSlot       uint64
}

// FinalityUpdate is a LightClientFinalityUpdate.
type FinalityUpdate struct {
	Attested       LightClientHeader
	Finalized      LightClientHeader
	FinalityBranch []Root
	Aggregate      SyncAggregate
	SignatureSlot  uint64
}

// Finality gives the part of an update that is a finality update.
func (u *Update) Finality() *FinalityUpdate {
	return &FinalityUpdate{Attested: u.Attested, Finalized: u.Finalized, FinalityBranch: u.FinalityBranch, Aggregate: u.Aggregate, SignatureSlot: u.SignatureSlot}
}

// lightHeader reads a header that lies in place (before Capella) or gives its offset.
func (r *reader) lightHeader(form execForm) (h LightClientHeader, off int) {
	if form == noExecution {
		h.Beacon = r.header()
		return h, 0
	}
	return h, r.offset()
}

// DecodeBootstrap reads the SSZ form of the named fork ("capella"), all of b.
func (n *Network) DecodeBootstrap(fork string, b []byte) (*Bootstrap, error) {
	ru, err := n.decodeRules(fork)
	if err != nil {
		return nil, err
	}
	r := newReader(b, "bootstrap")
	out := &Bootstrap{}
	var off int
	out.Header, off = r.lightHeader(ru.form)
	out.Committee = r.committee(n.Preset.CommitteeSize)
	out.CommitteeBranch = r.roots(depth(ru.current))
	return out, r.lightHeaders(ru.form, []int{off}, &out.Header)
}

// DecodeUpdate reads the SSZ form of the named fork, all of b.
func (n *Network) DecodeUpdate(fork string, b []byte) (*Update, error) {
	ru, err := n.decodeRules(fork)
	if err != nil {
		return nil, err
	}
	r := newReader(b, "update")
	out := &Update{}
	var attested, finalized int
	out.Attested, attested = r.lightHeader(ru.form)
	out.NextCommittee = r.committee(n.Preset.CommitteeSize)
	out.NextCommitteeBranch = r.roots(depth(ru.next))
	out.Finalized, finalized = r.lightHeader(ru.form)
	out.FinalityBranch = r.roots(depth(ru.finalized))
	out.Aggregate = r.aggregate(n.Preset.CommitteeSize)
	out.SignatureSlot = r.u64()
	return out, r.lightHeaders(ru.form, []int{attested, finalized}, &out.Attested, &out.Finalized)
}

// DecodeFinalityUpdate reads the SSZ form of the named fork, all of b.
func (n *Network) DecodeFinalityUpdate(fork string, b []byte) (*FinalityUpdate, error) {
	ru, err := n.decodeRules(fork)
	if err != nil {
		return nil, err
	}
	r := newReader(b, "finality update")
	out := &FinalityUpdate{}
	var attested, finalized int
	out.Attested, attested = r.lightHeader(ru.form)
	out.Finalized, finalized = r.lightHeader(ru.form)
	out.FinalityBranch = r.roots(depth(ru.finalized))
	out.Aggregate = r.aggregate(n.Preset.CommitteeSize)
	out.SignatureSlot = r.u64()
	return out, r.lightHeaders(ru.form, []int{attested, finalized}, &out.Attested, &out.Finalized)
}

func (n *Network) decodeRules(fork string) (rules, error) {
	if err := n.check(); err != nil {
		return rules{}, err
	}
	return rulesOf(fork)
}

// lightHeaders reads the headers behind the fixed part, and ends the container.
func (r *reader) lightHeaders(form execForm, offsets []int, dst ...*LightClientHeader) error {
	if form == noExecution {
		return r.end()
	}
	parts := r.tail(offsets...)
	if err := r.end(); err != nil {
		return err
	}
	for i := range dst {
		h, err := decodeLightClientHeader(parts[i], form)
		if err != nil {
			return err
		}
		*dst[i] = h
	}
	return nil
}

// AppendSSZ appends the SSZ encoding, in the form its headers and branches have.
func (x *Bootstrap) AppendSSZ(b []byte) []byte {
	e := newEncoder(b)
	e.lightHeader(&x.Header)
	e.b = x.Committee.appendSSZ(e.b)
	e.b = appendRoots(e.b, x.CommitteeBranch)
	return e.end()
}

// AppendSSZ appends the SSZ encoding, in the form its headers and branches have.
func (u *Update) AppendSSZ(b []byte) []byte {
	e := newEncoder(b)
	e.lightHeader(&u.Attested)
	e.b = u.NextCommittee.appendSSZ(e.b)
	e.b = appendRoots(e.b, u.NextCommitteeBranch)
	e.lightHeader(&u.Finalized)
	e.b = appendRoots(e.b, u.FinalityBranch)
	e.b = u.Aggregate.appendSSZ(e.b)
	e.b = appendU64(e.b, u.SignatureSlot)
	return e.end()
}

// AppendSSZ appends the SSZ encoding, in the form its headers and branches have.
func (f *FinalityUpdate) AppendSSZ(b []byte) []byte {
	e := newEncoder(b)
	e.lightHeader(&f.Attested)
	e.lightHeader(&f.Finalized)
	e.b = appendRoots(e.b, f.FinalityBranch)
	e.b = f.Aggregate.appendSSZ(e.b)
	e.b = appendU64(e.b, f.SignatureSlot)
	return e.end()
}

// encoder writes a container: fixed part with room for offsets, then variable parts.
type encoder struct {
	b     []byte
	start int
	at    []int // where offsets go
	parts []*LightClientHeader
}

func newEncoder(b []byte) *encoder { return &encoder{b: b, start: len(b)} }

func (e *encoder) lightHeader(h *LightClientHeader) {
	if h.Execution == nil {
		e.b = h.appendSSZ(e.b)
		return
	}
	e.at, e.parts = append(e.at, len(e.b)), append(e.parts, h)
	e.b = appendOffset(e.b, 0)
}

func (e *encoder) end() []byte {
	for i, h := range e.parts {
		appendOffset(e.b[:e.at[i]], len(e.b)-e.start)
		e.b = h.appendSSZ(e.b)
	}
	return e.b
}
