package ethereum

import "fmt"

// MaxHeaderBytes bounds the encoding of one block header; mainnet's are about 640.
const MaxHeaderBytes = 2048

// Header is what the proofs of this package need of an execution block header. All of
// it is bound by Hash.
type Header struct {
	Hash             Hash
	ParentHash       Hash
	StateRoot        Hash
	TransactionsRoot Hash
	ReceiptsRoot     Hash
	Number           uint64
	Time             uint64 // unix seconds
	BeaconRoot       Hash   // parent beacon block root (EIP-4788); zero before Cancun
}

// ParseHeader decodes the RLP of a block header (execution specification, Header). The
// fields that later forks append are covered by the hash and otherwise left alone.
func ParseHeader(b []byte) (Header, error) {
	if len(b) > MaxHeaderBytes {
		return Header{}, fmt.Errorf("%w: expected at most %d bytes, found %d", ErrHeader, MaxHeaderBytes, len(b))
	}
	items, err := decodeList(b)
	if err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	const frontier = 15 // fields of the first fork: all later ones have them too
	if len(items) < frontier {
		return Header{}, fmt.Errorf("%w: expected at least %d fields, found %d", ErrHeader, frontier, len(items))
	}
	h := Header{Hash: Keccak256(b)}
	for i, to := range map[int]*Hash{0: &h.ParentHash, 3: &h.StateRoot, 4: &h.TransactionsRoot, 5: &h.ReceiptsRoot} {
		if *to, err = items[i].hash(); err != nil {
			return Header{}, fmt.Errorf("%w: field %d: %w", ErrHeader, i, err)
		}
	}
	// The fields in between must have their form too, or a list of something else
	// could pass for a header.
	for i, size := range map[int]int{1: 32, 2: 20, 6: 256, 13: 32, 14: 8} {
		if items[i].list || len(items[i].payload) != size {
			return Header{}, fmt.Errorf("%w: field %d: expected %d bytes", ErrHeader, i, size)
		}
	}
	if _, err = items[7].big(); err != nil {
		return Header{}, fmt.Errorf("%w: difficulty: %w", ErrHeader, err)
	}
	if h.Number, err = items[8].uint64(); err != nil {
		return Header{}, fmt.Errorf("%w: number: %w", ErrHeader, err)
	}
	for _, i := range []int{9, 10} {
		if _, err = items[i].uint64(); err != nil {
			return Header{}, fmt.Errorf("%w: gas: %w", ErrHeader, err)
		}
	}
	if h.Time, err = items[11].uint64(); err != nil {
		return Header{}, fmt.Errorf("%w: timestamp: %w", ErrHeader, err)
	}
	if items[12].list || len(items[12].payload) > 32 {
		return Header{}, fmt.Errorf("%w: expected at most 32 bytes of extra data", ErrHeader)
	}
	const beaconRoot = 19
	if len(items) > beaconRoot {
		if h.BeaconRoot, err = items[beaconRoot].hash(); err != nil {
			return Header{}, fmt.Errorf("%w: parent beacon root: %w", ErrHeader, err)
		}
	}
	return h, nil
}

// ParseChain decodes headers of consecutive blocks, the oldest first, and checks that
// each is the parent of the next.
func ParseChain(headers [][]byte) ([]Header, error) {
	out := make([]Header, len(headers))
	for i, b := range headers {
		h, err := ParseHeader(b)
		if err != nil {
			return nil, fmt.Errorf("header %d: %w", i, err)
		}
		if i > 0 && (h.ParentHash != out[i-1].Hash || h.Number != out[i-1].Number+1) {
			return nil, fmt.Errorf("%w: header %d is not the child of the one before", ErrHeader, i)
		}
		out[i] = h
	}
	return out, nil
}
