package ethereum

import (
	"encoding/binary"
	"fmt"
)

// The history contract of EIP-2935 keeps the hashes of the last 8191 blocks.
var HistoryContract = Address{0x00, 0x00, 0xF9, 0x08, 0x27, 0xF1, 0xC5, 0x3a, 0x10, 0xcb, 0x7A, 0x02, 0x33, 0x5B, 0x17, 0x53, 0x20, 0x00, 0x29, 0x35}

// HistoryWindow is how many blocks the history contract remembers.
const HistoryWindow = 8191

// HistorySlot returns the storage slot in which the hash of a block is kept.
func HistorySlot(number uint64) (slot [32]byte) {
	binary.BigEndian.PutUint64(slot[24:], number%HistoryWindow)
	return slot
}

// ProveHistory returns the hash of an older block, read from the history contract
// under the state of a newer header (EIP-2935).
func ProveHistory(newer Header, number uint64, accountProof, storageProof [][]byte) (Hash, error) {
	// The contract is written at the start of each block with the hash of its parent,
	// so block n's state covers n-1 down to n-8191.
	if number >= newer.Number || newer.Number-number > HistoryWindow {
		return Hash{}, fmt.Errorf("%w: block %d is not among the %d before block %d", ErrProof, number, HistoryWindow, newer.Number)
	}
	account, err := ProveAccount(newer.StateRoot, HistoryContract, accountProof)
	if err != nil {
		return Hash{}, fmt.Errorf("history contract: %w", err)
	}
	word, err := ProveStorage(account.StorageRoot, HistorySlot(number), storageProof)
	if err != nil {
		return Hash{}, fmt.Errorf("history contract: %w", err)
	}
	return Hash(word), nil
}
