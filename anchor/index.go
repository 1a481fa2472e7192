package anchor

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// index is what both stores keep in memory: where things are, and what is taken.
type index struct {
	ids     map[idKey]uint64 // positions
	count   uint64           // of items
	oldest  time.Time        // of the items that wait, the first's
	batches []batchIndex
	nonces  map[Account]uint64 // one more than the highest that was ever reserved
}

type batchIndex struct {
	first, size uint64
	digest      [32]byte
	done        bool
	version     uint64
}

var errNoRecord = errors.New("anchor: expected a record")

// idKey stands for an ID at a size that does not depend on it.
type idKey [16]byte

func keyOf(id string) idKey {
	d := sha256.Sum256([]byte(id))
	return idKey(d[:16])
}

func newIndex() index {
	return index{ids: map[idKey]uint64{}, nonces: map[Account]uint64{}}
}

func (x *index) end() uint64 {
	if len(x.batches) == 0 {
		return 0
	}
	b := x.batches[len(x.batches)-1]
	return b.first + b.size
}

// put notes where an item is.
func (x *index) put(id string, pos uint64) {
	if x.ids == nil {
		x.ids = map[idKey]uint64{}
	}
	x.ids[keyOf(id)] = pos
}

func (x *index) canSeal(r *Record, leaves [][]byte) error {
	if r == nil {
		return errNoRecord
	}
	if r.Seq != uint64(len(x.batches)) || r.First != x.end() || r.First+r.Size > x.count || r.Size == 0 {
		return fmt.Errorf("%w: batch %d of %d items from %d is not the next", ErrConflict, r.Seq, r.Size, r.First)
	}
	if len(leaves) == 0 || len(leaves) != len(r.Signed.Header.Roots) {
		return fmt.Errorf("anchor: expected the leaves of %d trees, found %d", len(r.Signed.Header.Roots), len(leaves))
	}
	return nil
}

// current checks that a record is the stored version.
func (x *index) current(r *Record) error {
	if r == nil {
		return errNoRecord
	}
	if r.Seq >= uint64(len(x.batches)) {
		return fmt.Errorf("%w: batch %d", ErrNotFound, r.Seq)
	}
	if b := x.batches[r.Seq]; b.version != r.Version || b.digest != r.Digest {
		return fmt.Errorf("%w: batch %d was changed meanwhile", ErrConflict, r.Seq)
	}
	return nil
}

// note takes a record's new form in.
func (x *index) note(r *Record) {
	b := batchIndex{first: r.First, size: r.Size, digest: r.Digest, done: r.Done, version: r.Version}
	if r.Seq == uint64(len(x.batches)) {
		x.batches = append(x.batches, b)
	} else {
		x.batches[r.Seq] = b
	}
	if x.nonces == nil {
		x.nonces = map[Account]uint64{}
	}
	use := func(nonce uint64) { x.nonces[r.Account] = max(x.nonces[r.Account], nonce+1) }
	if r.HasNonce {
		use(r.Nonce)
	}
	for _, d := range r.Dead {
		use(d.Nonce)
	}
}

// reserve returns the record with a nonce.
// reserve returns a copy of a record that has a nonce; nil of nil, which current refuses.
func (x *index) reserve(r *Record, account Account, floor uint64) *Record {
	if r == nil {
		return nil
	}
	out := r.clone()
	if !out.HasNonce {
		out.Account, out.HasNonce, out.Nonce = account, true, max(floor, x.nonces[account])
	}
	return out
}

func (x *index) holding(pos uint64) (uint64, error) {
	if pos >= x.end() {
		return 0, ErrPending
	}
	i, _ := slices.BinarySearchFunc(x.batches, pos, func(b batchIndex, pos uint64) int {
		switch {
		case b.first+b.size <= pos:
			return -1
		case b.first > pos:
			return 1
		}
		return 0
	})
	return uint64(i), nil
}

func (x *index) queue() Queue {
	q := Queue{First: x.end(), Size: x.count - x.end(), Seq: uint64(len(x.batches))}
	if q.Size > 0 {
		q.Oldest = x.oldest
	}
	return q
}

func (x *index) digests(from uint64) [][32]byte {
	var out [][32]byte
	for i := from; i < uint64(len(x.batches)); i++ {
		out = append(out, x.batches[i].digest)
	}
	return out
}

func (x *index) open() []uint64 {
	var out []uint64
	for i, b := range x.batches {
		if !b.done {
			out = append(out, uint64(i))
		}
	}
	return out
}
