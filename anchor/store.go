package anchor

import (
	"context"
	"iter"
	"time"
)

// Store keeps the items and batches of one sequence: one issuer and tenant. Items have
// positions 0, 1, 2, … in the order in which they were added; batches have numbers
// 0, 1, 2, … and each holds the items at consecutive positions, from where the one
// before ends. All methods are safe for concurrent use, by several processes where the
// implementation says so. Package storetest holds the checks that every implementation
// passes.
//
// What every implementation guarantees:
//
//   - Durable: what a method that returned nil has written survives a crash of the
//     process and of the machine.
//   - Atomic: Add, Seal, Update, Reserve and Erase happen wholly or not at all,
//     whenever the process ends. An error of theirs other than ErrConflict,
//     ErrNotFound and ErrPending leaves open which of the two; repeating the call is safe.
//   - Consistent: reads see every write that returned before they began.
//
// What is read is a copy: changing it changes nothing in the store.
type Store interface {
	// Add appends items, in order. Of an item whose ID is there already, nothing is
	// written. It returns all of them as they are now stored, in the order of the
	// arguments; whether that is what the caller meant is for the caller to compare.
	Add(ctx context.Context, items []Item) ([]Item, error)
	// Item finds an item and its position, ErrNotFound where there is none.
	Item(ctx context.Context, id string) (Item, uint64, error)
	// Items yields n items from a position on. Fewer are there: ErrNotFound at the end.
	Items(ctx context.Context, from, n uint64) iter.Seq2[Item, error]
	// Queue tells which items are in no batch yet.
	Queue(ctx context.Context) (Queue, error)

	// Seal appends a batch with the leaf hashes of its trees, in the order of its roots,
	// concatenated. r.Seq must be the number of batches so far and r.First where the last
	// one ends, otherwise ErrConflict. It sets r.Version.
	Seal(ctx context.Context, r *Record, leaves [][]byte) error
	// Record returns a batch, ErrNotFound where there is none.
	Record(ctx context.Context, seq uint64) (*Record, error)
	// Holding returns the number of the batch that holds a position: ErrPending while
	// none does.
	Holding(ctx context.Context, position uint64) (uint64, error)
	// Leaves returns what Seal was given.
	Leaves(ctx context.Context, seq uint64) ([][]byte, error)
	// Digests returns Record.Digest of all batches from a number on.
	Digests(ctx context.Context, from uint64) ([][32]byte, error)
	// Open returns the numbers of batches whose Done is false, in order.
	Open(ctx context.Context) ([]uint64, error)

	// Update replaces a batch's record and increments Version, if the stored Version is
	// r.Version: otherwise ErrConflict. It must not be used to set HasNonce: see Reserve.
	Update(ctx context.Context, r *Record) error
	// Reserve gives a batch a nonce of an account: the larger of floor and one more than
	// every nonce of that account that any batch in this store ever had, for a store that
	// holds several sequences over all of them. It returns the updated record. A batch
	// that has a nonce keeps it. Like Update it compares r.Version.
	Reserve(ctx context.Context, r *Record, account Account, floor uint64) (*Record, error)

	// Erase forgets the subject and salt of an item in a sealed batch, for good: its leaf
	// hash stays, and cannot be linked to anything. ErrPending while it is in no batch.
	Erase(ctx context.Context, id string) error
}

// Queue are the items that wait for a batch.
type Queue struct {
	First  uint64    // position of the first
	Size   uint64    // how many
	Oldest time.Time // when the first was added; zero for none
	Seq    uint64    // number of the batch that they will be in
}
