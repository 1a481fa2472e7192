package ethereum

import (
	"bytes"
	"fmt"
)

// Limits on trie proofs. A transaction trie of a full block is 4 nodes deep, the state
// trie of mainnet about 10.
const (
	MaxTrieNodes = 16
	MaxNodeBytes = 1 << 20 // a leaf holds the whole transaction
)

// ProveTrie walks the nodes of a proof from root along key and returns the value at
// its end (Ethereum yellow paper, appendix D). The nodes must be those on the way, in
// order, each used, and every reference by hash must be the hash of the next node.
func ProveTrie(root Hash, key []byte, nodes [][]byte) ([]byte, error) {
	if len(nodes) == 0 || len(nodes) > MaxTrieNodes {
		return nil, fmt.Errorf("%w: expected 1 to %d nodes, found %d", ErrProof, MaxTrieNodes, len(nodes))
	}
	path := nibbles(key)
	want := root[:]
	for i, raw := range nodes {
		if len(raw) > MaxNodeBytes {
			return nil, fmt.Errorf("%w: node %d is larger than %d bytes", ErrProof, i, MaxNodeBytes)
		}
		// A node below 32 bytes lies inside its parent; only the root is hashed whatever
		// its size.
		if i > 0 && len(raw) < 32 {
			return nil, fmt.Errorf("%w: node %d is too short to be referred to by hash", ErrProof, i)
		}
		if h := Keccak256(raw); !bytes.Equal(h[:], want) {
			return nil, fmt.Errorf("%w: node %d is not the one referred to", ErrProof, i)
		}
		value, next, rest, err := step(raw, path)
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", i, err)
		}
		if value != nil {
			if i != len(nodes)-1 {
				return nil, fmt.Errorf("%w: %d nodes after the value", ErrProof, len(nodes)-1-i)
			}
			return value, nil
		}
		want, path = next, rest
	}
	return nil, fmt.Errorf("%w: the nodes end before the key does", ErrProof)
}

// step follows path through one node, and through nodes that lie inside it, until it
// comes to a value or to a reference by hash.
func step(raw, path []byte) (value, next, rest []byte, err error) {
	for {
		items, err := decodeList(raw)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%w: %w", ErrProof, err)
		}
		var ref item
		switch len(items) {
		case 17:
			if len(path) == 0 {
				if items[16].list || len(items[16].payload) == 0 {
					return nil, nil, nil, fmt.Errorf("%w: no value at the end of the key", ErrProof)
				}
				return items[16].payload, nil, nil, nil
			}
			ref, path = items[path[0]], path[1:]
		case 2:
			part, leaf, err := compact(items[0])
			if err != nil {
				return nil, nil, nil, err
			}
			if !bytes.HasPrefix(path, part) {
				return nil, nil, nil, fmt.Errorf("%w: the key is not in the trie", ErrProof)
			}
			path = path[len(part):]
			if leaf {
				if len(path) != 0 || items[1].list || len(items[1].payload) == 0 {
					return nil, nil, nil, fmt.Errorf("%w: the key is not in the trie", ErrProof)
				}
				return items[1].payload, nil, nil, nil
			}
			if len(part) == 0 {
				return nil, nil, nil, fmt.Errorf("%w: an extension that extends nothing", ErrProof)
			}
			ref = items[1]
		default:
			return nil, nil, nil, fmt.Errorf("%w: expected a node of 2 or 17 items, found %d", ErrProof, len(items))
		}
		if !ref.list {
			if len(ref.payload) != 32 {
				return nil, nil, nil, fmt.Errorf("%w: the key is not in the trie", ErrProof)
			}
			return nil, ref.payload, path, nil
		}
		if len(ref.raw) >= 32 {
			return nil, nil, nil, fmt.Errorf("%w: a node inside another that is too long for it", ErrProof)
		}
		raw = ref.raw // each turn shortens raw, so this ends
	}
}

// compact decodes hex-prefix encoding (yellow paper, appendix C).
func compact(it item) (path []byte, leaf bool, err error) {
	if it.list || len(it.payload) == 0 || it.payload[0] >= 0x40 {
		return nil, false, fmt.Errorf("%w: malformed path", ErrProof)
	}
	all := nibbles(it.payload)
	leaf = all[0]&2 != 0
	if all[0]&1 != 0 {
		return all[1:], leaf, nil
	}
	if all[1] != 0 {
		return nil, false, fmt.Errorf("%w: malformed path", ErrProof)
	}
	return all[2:], leaf, nil
}

func nibbles(b []byte) []byte {
	out := make([]byte, 2*len(b))
	for i, c := range b {
		out[2*i], out[2*i+1] = c>>4, c&15
	}
	return out
}

// ProveTransaction returns the bytes of the transaction at an index of a block, given
// the block's transactions root and the trie nodes on the way.
func ProveTransaction(transactionsRoot Hash, index uint64, nodes [][]byte) ([]byte, error) {
	return ProveTrie(transactionsRoot, appendUint(nil, index), nodes)
}

// Account is an account as the state trie holds it.
type Account struct {
	Nonce       uint64
	Balance     []byte // big-endian
	StorageRoot Hash
	CodeHash    Hash
}

// ProveAccount returns the account at an address under a state root.
func ProveAccount(stateRoot Hash, address Address, nodes [][]byte) (a Account, err error) {
	key := Keccak256(address[:])
	value, err := ProveTrie(stateRoot, key[:], nodes)
	if err != nil {
		return a, fmt.Errorf("account: %w", err)
	}
	items, err := decodeList(value)
	if err != nil {
		return a, fmt.Errorf("account: %w", err)
	}
	if len(items) != 4 {
		return a, fmt.Errorf("%w: expected an account of 4 fields, found %d", ErrRLP, len(items))
	}
	if a.Nonce, err = items[0].uint64(); err != nil {
		return a, err
	}
	if a.Balance, err = items[1].big(); err != nil {
		return a, err
	}
	if a.StorageRoot, err = items[2].hash(); err != nil {
		return a, err
	}
	a.CodeHash, err = items[3].hash()
	return a, err
}

// ProveStorage returns the 32-byte word in a storage slot under an account's storage
// root. A slot that holds zero is not in the trie and cannot be proven.
func ProveStorage(storageRoot Hash, slot [32]byte, nodes [][]byte) (word [32]byte, err error) {
	key := Keccak256(slot[:])
	value, err := ProveTrie(storageRoot, key[:], nodes)
	if err != nil {
		return word, fmt.Errorf("storage: %w", err)
	}
	it, rest, err := decodeItem(value)
	if err != nil {
		return word, fmt.Errorf("storage: %w", err)
	}
	b, err := it.big()
	if err != nil || len(rest) > 0 || len(b) == 0 {
		return word, fmt.Errorf("%w: expected one word", ErrRLP)
	}
	copy(word[32-len(b):], b)
	return word, nil
}
