package beacon

import (
	"encoding/hex"
	"math/big"
	"slices"
	"strconv"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// ParseBootstrap reads the answer of a beacon node to
// /eth/v1/beacon/light_client/bootstrap/{block_root}. Nothing in it is trusted yet.
func (n *Network) ParseBootstrap(b []byte) (*Bootstrap, error) {
	p, root, err := n.parseJSON(b)
	if err != nil {
		return nil, err
	}
	data := p.answer(root)
	out := &Bootstrap{
		Header:          p.lightHeader(p.member(data, "header")),
		Committee:       p.committee(p.member(data, "current_sync_committee")),
		CommitteeBranch: p.roots(p.member(data, "current_sync_committee_branch"), depth(p.rules.current)),
	}
	return out, p.err
}

// ParseUpdates reads the answer of a beacon node to
// /eth/v1/beacon/light_client/updates?start_period=…&count=…. Nothing in it is trusted yet.
func (n *Network) ParseUpdates(b []byte) ([]*Update, error) {
	p, root, err := n.parseJSON(b)
	if err != nil {
		return nil, err
	}
	if p.doc.Kind(root) != strictjson.Array {
		return nil, fail(ErrMalformed, "expected an array of updates, found %s", p.doc.Kind(root))
	}
	var out []*Update
	for c := p.doc.First(root); c != strictjson.None && p.err == nil; c = p.doc.Next(c) {
		data := p.answer(c)
		out = append(out, &Update{
			Attested:            p.lightHeader(p.member(data, "attested_header")),
			NextCommittee:       p.committee(p.member(data, "next_sync_committee")),
			NextCommitteeBranch: p.roots(p.member(data, "next_sync_committee_branch"), depth(p.rules.next)),
			Finalized:           p.lightHeader(p.member(data, "finalized_header")),
			FinalityBranch:      p.roots(p.member(data, "finality_branch"), depth(p.rules.finalized)),
			Aggregate:           p.aggregate(p.member(data, "sync_aggregate")),
			SignatureSlot:       p.u64(data, "signature_slot"),
		})
	}
	return out, p.err
}

// ParseFinalityUpdate reads the answer of a beacon node to
// /eth/v1/beacon/light_client/finality_update. Nothing in it is trusted yet.
func (n *Network) ParseFinalityUpdate(b []byte) (*FinalityUpdate, error) {
	p, root, err := n.parseJSON(b)
	if err != nil {
		return nil, err
	}
	data := p.answer(root)
	out := &FinalityUpdate{
		Attested:       p.lightHeader(p.member(data, "attested_header")),
		Finalized:      p.lightHeader(p.member(data, "finalized_header")),
		FinalityBranch: p.roots(p.member(data, "finality_branch"), depth(p.rules.finalized)),
		Aggregate:      p.aggregate(p.member(data, "sync_aggregate")),
		SignatureSlot:  p.u64(data, "signature_slot"),
	}
	return out, p.err
}

// jsonReader reads members in order; the first failure sticks.
type jsonReader struct {
	doc   *strictjson.Doc
	size  int // of the committee
	rules rules
	err   error
}

func (n *Network) parseJSON(b []byte) (*jsonReader, strictjson.Node, error) {
	if err := n.check(); err != nil {
		return nil, strictjson.None, err
	}
	doc, err := strictjson.Parse(b, strictjson.Limits{Bytes: MaxPackBytes, Depth: 16})
	if err != nil {
		return nil, strictjson.None, fail(ErrMalformed, "expected a beacon node's JSON: %v", err)
	}
	return &jsonReader{doc: doc, size: n.Preset.CommitteeSize}, 0, nil
}

func (p *jsonReader) fail(at strictjson.Node, expected string) {
	if p.err == nil {
		p.err = fail(ErrMalformed, "expected %s at %.120q", expected, p.doc.Pointer(at))
	}
}

// answer reads {"version": fork, "data": …} and sets the rules to read data by.
func (p *jsonReader) answer(n strictjson.Node) strictjson.Node {
	rules, err := rulesOf(p.doc.String(p.member(n, "version")))
	if err != nil && p.err == nil {
		p.err = err
	}
	p.rules = rules
	return p.member(n, "data")
}

func (p *jsonReader) member(n strictjson.Node, name string) strictjson.Node {
	c := p.doc.Get(n, name)
	if c == strictjson.None && p.err == nil {
		p.err = fail(ErrMalformed, "expected a member %s at %.120q", name, p.doc.Pointer(n))
	}
	return c
}

// bytes reads a hexadecimal string of exactly size bytes.
func (p *jsonReader) bytes(n strictjson.Node, size int) []byte {
	b := p.hex(n, size)
	if p.err == nil && len(b) != size {
		p.fail(n, strconv.Itoa(size)+" bytes in hexadecimal")
	}
	if p.err != nil {
		return make([]byte, size)
	}
	return b
}

// hex reads a hexadecimal string of at most size bytes.
func (p *jsonReader) hex(n strictjson.Node, size int) []byte {
	s := p.doc.String(n)
	if len(s) < 2 || s[:2] != "0x" || len(s) > 2+2*size {
		p.fail(n, "0x and at most "+strconv.Itoa(size)+" bytes in hexadecimal")
		return nil
	}
	b, err := hex.DecodeString(s[2:])
	if err != nil {
		p.fail(n, "hexadecimal digits")
	}
	return b
}

func (p *jsonReader) root(n strictjson.Node, name string) Root {
	return Root(p.bytes(p.member(n, name), 32))
}

func (p *jsonReader) roots(n strictjson.Node, count int) []Root {
	if p.doc.Kind(n) != strictjson.Array || p.doc.Len(n) != count {
		p.fail(n, "an array of "+strconv.Itoa(count)+" hashes")
		return nil
	}
	out := make([]Root, 0, count)
	for c := p.doc.First(n); c != strictjson.None; c = p.doc.Next(c) {
		out = append(out, Root(p.bytes(c, 32)))
	}
	return out
}

// u64 reads a number, which the beacon API writes as a decimal string.
func (p *jsonReader) u64(n strictjson.Node, name string) uint64 {
	c := p.member(n, name)
	s := p.doc.String(c)
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(v, 10) != s {
		p.fail(c, "an unsigned 64-bit number as a decimal string")
	}
	return v
}

func (p *jsonReader) u256(n strictjson.Node, name string) (out [32]byte) {
	c := p.member(n, name)
	s := p.doc.String(c)
	v := new(big.Int)
	if len(s) <= 78 {
		v, _ = v.SetString(s, 10)
	}
	if v == nil || v.Sign() < 0 || v.BitLen() > 256 || v.String() != s {
		p.fail(c, "an unsigned 256-bit number as a decimal string")
		return out
	}
	v.FillBytes(out[:])
	slices.Reverse(out[:])
	return out
}

func (p *jsonReader) header(n strictjson.Node) Header {
	return Header{
		Slot:          p.u64(n, "slot"),
		ProposerIndex: p.u64(n, "proposer_index"),
		ParentRoot:    p.root(n, "parent_root"),
		StateRoot:     p.root(n, "state_root"),
		BodyRoot:      p.root(n, "body_root"),
	}
}

func (p *jsonReader) lightHeader(n strictjson.Node) LightClientHeader {
	h := LightClientHeader{Beacon: p.header(p.member(n, "beacon"))}
	if p.err != nil || p.rules.form == noExecution {
		return h
	}
	h.Execution = p.execution(p.member(n, "execution"))
	h.ExecutionBranch = p.roots(p.member(n, "execution_branch"), executionDepth)
	return h
}

func (p *jsonReader) execution(n strictjson.Node) *ExecutionHeader {
	e := &ExecutionHeader{
		ParentHash:       p.root(n, "parent_hash"),
		FeeRecipient:     [20]byte(p.bytes(p.member(n, "fee_recipient"), 20)),
		StateRoot:        p.root(n, "state_root"),
		ReceiptsRoot:     p.root(n, "receipts_root"),
		LogsBloom:        [256]byte(p.bytes(p.member(n, "logs_bloom"), 256)),
		PrevRandao:       p.root(n, "prev_randao"),
		BlockNumber:      p.u64(n, "block_number"),
		GasLimit:         p.u64(n, "gas_limit"),
		GasUsed:          p.u64(n, "gas_used"),
		Timestamp:        p.u64(n, "timestamp"),
		ExtraData:        p.hex(p.member(n, "extra_data"), maxExtraData),
		BaseFeePerGas:    p.u256(n, "base_fee_per_gas"),
		BlockHash:        p.root(n, "block_hash"),
		TransactionsRoot: p.root(n, "transactions_root"),
		WithdrawalsRoot:  p.root(n, "withdrawals_root"),
		Blobs:            p.rules.form == withBlobs,
	}
	if e.Blobs {
		e.BlobGasUsed, e.ExcessBlobGas = p.u64(n, "blob_gas_used"), p.u64(n, "excess_blob_gas")
	}
	return e
}

func (p *jsonReader) committee(n strictjson.Node) SyncCommittee {
	var c SyncCommittee
	keys := p.member(n, "pubkeys")
	if p.doc.Kind(keys) != strictjson.Array || p.doc.Len(keys) != p.size {
		p.fail(keys, "an array of "+strconv.Itoa(p.size)+" keys")
		return c
	}
	c.Pubkeys = make([][48]byte, 0, p.size)
	for k := p.doc.First(keys); k != strictjson.None; k = p.doc.Next(k) {
		c.Pubkeys = append(c.Pubkeys, [48]byte(p.bytes(k, 48)))
	}
	c.AggregatePubkey = [48]byte(p.bytes(p.member(n, "aggregate_pubkey"), 48))
	return c
}

func (p *jsonReader) aggregate(n strictjson.Node) SyncAggregate {
	return SyncAggregate{
		Bits:      p.bytes(p.member(n, "sync_committee_bits"), p.size/8),
		Signature: [96]byte(p.bytes(p.member(n, "sync_committee_signature"), 96)),
	}
}
