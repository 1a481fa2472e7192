package anchor

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
)

// MemStore is a Store in memory, for tests and for what need not outlive the process: it
// is not durable. The zero value is empty, like that of NewMemStore.
type MemStore struct {
	mu      sync.Mutex
	x       index
	items   []Item
	records [][]byte // encoded, as in other stores
	leaves  [][][]byte
}

// NewMemStore returns an empty store.
func NewMemStore() *MemStore { return &MemStore{} }

func copyItem(it Item) Item {
	it.Salt, it.Subject.Digest = slices.Clone(it.Salt), slices.Clone(it.Subject.Digest)
	return it
}

// Add implements Store.
func (s *MemStore) Add(ctx context.Context, items []Item) ([]Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]Item, len(items))
	for i, it := range items {
		pos, ok := s.x.ids[keyOf(it.ID)]
		if !ok {
			pos = s.x.count
			if pos == s.x.end() {
				s.x.oldest = it.Added
			}
			s.x.put(it.ID, pos)
			s.x.count++
			s.items = append(s.items, copyItem(it))
		}
		out[i] = copyItem(s.items[pos])
	}
	return out, nil
}

// Item implements Store.
func (s *MemStore) Item(_ context.Context, id string) (Item, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pos, ok := s.x.ids[keyOf(id)]
	if !ok {
		return Item{}, 0, fmt.Errorf("%w: item %q", ErrNotFound, id)
	}
	return copyItem(s.items[pos]), pos, nil
}

// Items implements Store.
func (s *MemStore) Items(ctx context.Context, from, n uint64) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for pos := from; pos < from+n; pos++ {
			s.mu.Lock()
			if pos >= s.x.count {
				s.mu.Unlock()
				yield(Item{}, fmt.Errorf("%w: item %d", ErrNotFound, pos))
				return
			}
			it := copyItem(s.items[pos])
			s.mu.Unlock()
			if !yield(it, nil) {
				return
			}
		}
	}
}

// Queue implements Store.
func (s *MemStore) Queue(context.Context) (Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.queue(), nil
}

// Seal implements Store.
func (s *MemStore) Seal(ctx context.Context, r *Record, leaves [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.x.canSeal(r, leaves); err != nil {
		return err
	}
	c := r.clone()
	c.Version = 1
	b, err := c.Encode()
	if err != nil {
		return err
	}
	s.records = append(s.records, b)
	// The caller's trees own the leaves, so that they are copied.
	kept := make([][]byte, len(leaves))
	for i := range leaves {
		kept[i] = slices.Clone(leaves[i])
	}
	s.leaves = append(s.leaves, kept)
	r.Version = 1
	s.x.note(r)
	if s.x.count > s.x.end() {
		s.x.oldest = s.items[s.x.end()].Added
	}
	return nil
}

// Record implements Store.
func (s *MemStore) Record(_ context.Context, seq uint64) (*Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq >= uint64(len(s.records)) {
		return nil, fmt.Errorf("%w: batch %d", ErrNotFound, seq)
	}
	return ParseRecord(s.records[seq])
}

// Holding implements Store.
func (s *MemStore) Holding(_ context.Context, position uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.holding(position)
}

// Leaves implements Store.
func (s *MemStore) Leaves(_ context.Context, seq uint64) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq >= uint64(len(s.leaves)) {
		return nil, fmt.Errorf("%w: batch %d", ErrNotFound, seq)
	}
	out := make([][]byte, len(s.leaves[seq]))
	for i := range out {
		out[i] = slices.Clone(s.leaves[seq][i])
	}
	return out, nil
}

// Digests implements Store.
func (s *MemStore) Digests(_ context.Context, from uint64) ([][32]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.digests(from), nil
}

// Open implements Store.
func (s *MemStore) Open(context.Context) ([]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.open(), nil
}

// Update implements Store.
func (s *MemStore) Update(_ context.Context, r *Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(r)
}

func (s *MemStore) put(r *Record) error {
	if err := s.x.current(r); err != nil {
		return err
	}
	c := r.clone()
	c.Version++
	b, err := c.Encode()
	if err != nil {
		return err
	}
	s.records[r.Seq] = b
	r.Version++
	s.x.note(r)
	return nil
}

// Reserve implements Store.
func (s *MemStore) Reserve(_ context.Context, r *Record, account Account, floor uint64) (*Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.x.reserve(r, account, floor)
	if err := s.put(out); err != nil {
		return nil, err
	}
	return out, nil
}

// Erase implements Store.
func (s *MemStore) Erase(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pos, ok := s.x.ids[keyOf(id)]
	if !ok {
		return fmt.Errorf("%w: item %q", ErrNotFound, id)
	}
	if _, err := s.x.holding(pos); err != nil {
		return err
	}
	s.items[pos] = Item{ID: id, Added: s.items[pos].Added}
	return nil
}
