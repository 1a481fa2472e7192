package beacon

import "bytes"

// Header is a BeaconBlockHeader (phase0/beacon-chain.md).
type Header struct {
	Slot          uint64
	ProposerIndex uint64
	ParentRoot    Root
	StateRoot     Root
	BodyRoot      Root
}

const headerBytes = 112

// Root is the hash-tree-root: the beacon block's root.
func (h *Header) Root() Root {
	return merkleize([]Root{uintChunk(h.Slot), uintChunk(h.ProposerIndex), h.ParentRoot, h.StateRoot, h.BodyRoot})
}

func (h *Header) appendSSZ(b []byte) []byte {
	b = appendU64(b, h.Slot)
	b = appendU64(b, h.ProposerIndex)
	return appendRoots(b, []Root{h.ParentRoot, h.StateRoot, h.BodyRoot})
}

func (r *reader) header() (h Header) {
	h.Slot = r.u64()
	h.ProposerIndex = r.u64()
	h.ParentRoot = r.root()
	h.StateRoot = r.root()
	h.BodyRoot = r.root()
	return h
}

// ExecutionHeader is an ExecutionPayloadHeader, Capella to Fulu.
type ExecutionHeader struct {
	ParentHash       Root
	FeeRecipient     [20]byte
	StateRoot        Root // execution state, as in the block header
	ReceiptsRoot     Root
	LogsBloom        [256]byte
	PrevRandao       Root
	BlockNumber      uint64
	GasLimit         uint64
	GasUsed          uint64
	Timestamp        uint64   // seconds since 1970
	ExtraData        []byte   // at most 32 bytes
	BaseFeePerGas    [32]byte // wei, little-endian
	BlockHash        Root     // keccak256 of the block header's RLP
	TransactionsRoot Root     // SSZ root: not the trie root of the block header
	WithdrawalsRoot  Root     // SSZ root, likewise
	Blobs            bool     // Deneb and later: the next two fields exist
	BlobGasUsed      uint64
	ExcessBlobGas    uint64
}

const (
	maxExtraData    = 32
	execFixed       = 568 // bytes before extra_data, Capella
	execFixedBlobs  = 584 // the same, Deneb and later
	executionDepth  = 4   // of executionIndex
	maxExecutionSSZ = execFixedBlobs + maxExtraData
)

func (e *ExecutionHeader) form() execForm {
	if e == nil {
		return noExecution
	}
	if e.Blobs {
		return withBlobs
	}
	return withoutBlobs
}

// Root is the hash-tree-root in the form that Blobs says.
func (e *ExecutionHeader) Root() Root {
	chunks := make([]Root, 0, 17)
	var fee, extra Root
	copy(fee[:], e.FeeRecipient[:])
	copy(extra[:], e.ExtraData)
	length := uintChunk(uint64(len(e.ExtraData)))
	bloom := make([]Root, 8)
	for i := range bloom {
		copy(bloom[i][:], e.LogsBloom[32*i:])
	}
	chunks = append(chunks, e.ParentHash, fee, e.StateRoot, e.ReceiptsRoot, merkleize(bloom), e.PrevRandao,
		uintChunk(e.BlockNumber), uintChunk(e.GasLimit), uintChunk(e.GasUsed), uintChunk(e.Timestamp),
		hashPair(&extra, &length), e.BaseFeePerGas, e.BlockHash, e.TransactionsRoot, e.WithdrawalsRoot)
	if e.Blobs {
		chunks = append(chunks, uintChunk(e.BlobGasUsed), uintChunk(e.ExcessBlobGas))
	}
	return merkleize(chunks)
}

func (e *ExecutionHeader) appendSSZ(b []byte) []byte {
	b = append(b, e.ParentHash[:]...)
	b = append(b, e.FeeRecipient[:]...)
	b = append(b, e.StateRoot[:]...)
	b = append(b, e.ReceiptsRoot[:]...)
	b = append(b, e.LogsBloom[:]...)
	b = append(b, e.PrevRandao[:]...)
	for _, v := range []uint64{e.BlockNumber, e.GasLimit, e.GasUsed, e.Timestamp} {
		b = appendU64(b, v)
	}
	fixed := execFixed
	if e.Blobs {
		fixed = execFixedBlobs
	}
	b = appendOffset(b, fixed)
	b = append(b, e.BaseFeePerGas[:]...)
	b = appendRoots(b, []Root{e.BlockHash, e.TransactionsRoot, e.WithdrawalsRoot})
	if e.Blobs {
		b = appendU64(b, e.BlobGasUsed)
		b = appendU64(b, e.ExcessBlobGas)
	}
	return append(b, e.ExtraData...)
}

// decodeExecution reads an execution header of the given form.
func decodeExecution(b []byte, form execForm) (*ExecutionHeader, error) {
	r := newReader(b, "execution header")
	e := &ExecutionHeader{Blobs: form == withBlobs}
	e.ParentHash = r.root()
	r.fill(e.FeeRecipient[:])
	e.StateRoot = r.root()
	e.ReceiptsRoot = r.root()
	r.fill(e.LogsBloom[:])
	e.PrevRandao = r.root()
	e.BlockNumber = r.u64()
	e.GasLimit = r.u64()
	e.GasUsed = r.u64()
	e.Timestamp = r.u64()
	off := r.offset()
	e.BaseFeePerGas = r.root()
	e.BlockHash = r.root()
	e.TransactionsRoot = r.root()
	e.WithdrawalsRoot = r.root()
	if e.Blobs {
		e.BlobGasUsed = r.u64()
		e.ExcessBlobGas = r.u64()
	}
	e.ExtraData = bytes.Clone(r.tail(off)[0])
	if len(e.ExtraData) > maxExtraData {
		return nil, fail(ErrMalformed, "expected extra_data of at most %d bytes, found %d", maxExtraData, len(e.ExtraData))
	}
	return e, r.end()
}

// LightClientHeader is a beacon header with the execution header of its block.
type LightClientHeader struct {
	Beacon          Header
	Execution       *ExecutionHeader // nil before Capella
	ExecutionBranch []Root           // 4 hashes up to Beacon.BodyRoot; empty before Capella
}

const lightHeaderFixed = headerBytes + 4 + 32*executionDepth

func (h *LightClientHeader) appendSSZ(b []byte) []byte {
	b = h.Beacon.appendSSZ(b)
	if h.Execution == nil {
		return b
	}
	b = appendOffset(b, lightHeaderFixed)
	b = appendRoots(b, h.ExecutionBranch)
	return h.Execution.appendSSZ(b)
}

// decodeLightClientHeader reads a header in a form with execution.
func decodeLightClientHeader(b []byte, form execForm) (h LightClientHeader, err error) {
	r := newReader(b, "light client header")
	h.Beacon = r.header()
	off := r.offset()
	h.ExecutionBranch = r.roots(executionDepth)
	body := r.tail(off)[0]
	if err := r.end(); err != nil {
		return h, err
	}
	h.Execution, err = decodeExecution(body, form)
	return h, err
}

// checkExecution is is_valid_light_client_header: the execution header lies in the body
// of the beacon block. A header may be carried in the form of a later fork than its
// own; the fields its own fork does not have must then be zero, and its root is taken
// without them.
func (n *Network) checkExecution(h *LightClientHeader) error {
	_, own, err := n.forkAt(h.Beacon.Slot)
	if err != nil {
		return err
	}
	e := h.Execution
	if own.form == noExecution {
		if e != nil && (!e.isZero() || !allZero(h.ExecutionBranch)) || e == nil && len(h.ExecutionBranch) > 0 {
			return fail(ErrExecutionBranch, "expected no execution header at slot %d, before Capella", h.Beacon.Slot)
		}
		return nil
	}
	if e.form() < own.form {
		return fail(ErrWrongFork, "expected an execution header of fork %s at slot %d, found an older form", own.name, h.Beacon.Slot)
	}
	inner := *e
	if own.form == withoutBlobs && e.Blobs {
		if e.BlobGasUsed != 0 || e.ExcessBlobGas != 0 {
			return fail(ErrExecutionBranch, "expected no blob gas at slot %d, before Deneb", h.Beacon.Slot)
		}
		inner.Blobs = false
	}
	if !checkBranch(inner.Root(), h.ExecutionBranch, executionIndex, h.Beacon.BodyRoot) {
		return fail(ErrExecutionBranch, "the execution header does not lie in the body of the block at slot %d", h.Beacon.Slot)
	}
	return nil
}

func (e *ExecutionHeader) isZero() bool {
	c := *e
	c.Blobs = false
	zero := ExecutionHeader{}
	return len(e.ExtraData) == 0 && e.BlobGasUsed|e.ExcessBlobGas == 0 && c.Root() == zero.Root()
}

func allZero(roots []Root) bool {
	for i := range roots {
		if roots[i] != (Root{}) {
			return false
		}
	}
	return true
}
