package memstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
)

// Store is a service.Store in memory. New makes one.
type Store struct {
	now func() time.Time

	mu     sync.RWMutex // writers run alone
	closed bool
	d      data

	anchorsMu sync.Mutex
	anchors   map[service.Scope]*anchor.MemStore
	nonces    map[anchor.Account]uint64 // the next

	jobs queue
}

// New returns an empty store. The clock, such as time.Now, decides when jobs are due.
func New(now func() time.Time) *Store {
	s := &Store{now: now, d: newData(), anchors: map[service.Scope]*anchor.MemStore{}, nonces: map[anchor.Account]uint64{}}
	s.jobs.init()
	return s
}

var _ service.Store = (*Store)(nil)

// View implements service.Store.
func (s *Store) View(ctx context.Context, f func(service.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.check(ctx); err != nil {
		return err
	}
	t := &tx{s: s, d: &s.d}
	defer t.end()
	return f(t)
}

// Update implements service.Store.
func (s *Store) Update(ctx context.Context, f func(service.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx); err != nil {
		return err
	}
	t := &tx{s: s, d: &s.d, write: true}
	done := false
	// Also where f panics or ends its goroutine: what it wrote is taken back.
	defer func() {
		t.end()
		if !done {
			t.rollback()
		}
	}()
	if err := f(t); err != nil {
		return err
	}
	if t.failed != nil {
		return t.failed
	}
	done = true
	s.jobs.add(t.jobs)
	return nil
}

func (s *Store) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed {
		return fmt.Errorf("memstore: closed: %w", service.ErrUnavailable)
	}
	return nil
}

// Anchors implements service.Store.
func (s *Store) Anchors(scope service.Scope) anchor.Store {
	s.anchorsMu.Lock()
	defer s.anchorsMu.Unlock()
	a := s.anchors[scope]
	if a == nil {
		a = anchor.NewMemStore()
		s.anchors[scope] = a
	}
	return accounts{a, s}
}

// accounts is the store of one scope, which shares accounts with those of the others.
type accounts struct {
	*anchor.MemStore
	s *Store
}

// Reserve implements anchor.Store.
func (a accounts) Reserve(ctx context.Context, r *anchor.Record, account anchor.Account, floor uint64) (*anchor.Record, error) {
	a.s.anchorsMu.Lock()
	defer a.s.anchorsMu.Unlock()
	out, err := a.MemStore.Reserve(ctx, r, account, max(floor, a.s.nonces[account]))
	if err == nil {
		a.s.nonces[account] = max(a.s.nonces[account], out.Nonce+1)
	}
	return out, err
}

// Ready implements service.Store.
func (s *Store) Ready(ctx context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.check(ctx)
}

// Close ends the use of the store: what follows is service.ErrUnavailable.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// tx is a transaction. What it writes is there at once, since nobody else looks, and
// taken back where it fails.
type tx struct {
	s      *Store
	d      *data
	write  bool
	dead   bool
	failed error
	undo   []func()
	jobs   []service.Job
}

var _ service.Tx = (*tx)(nil)

func (t *tx) end() { t.dead = true }

func (t *tx) rollback() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
}

// reading and writing refuse what the contract forbids, rather than to let a test pass
// that fails elsewhere.
func (t *tx) reading(ctx context.Context) error {
	if t.dead {
		return fmt.Errorf("memstore: the transaction has ended")
	}
	return ctx.Err()
}

func (t *tx) writing(ctx context.Context) error {
	if !t.write {
		return fmt.Errorf("memstore: writing in a View")
	}
	return t.reading(ctx)
}

// poison makes the transaction fail whatever its function returns, as SQL databases do
// after a change that met a unique key.
func (t *tx) poison(err error) error {
	t.failed = err
	return err
}

// set and remove change a map so that it can be taken back.
func set[K comparable, V any](t *tx, m map[K]V, k K, v V) {
	old, ok := m[k]
	t.undo = append(t.undo, func() { restore(m, k, old, ok) })
	m[k] = v
}

func remove[K comparable, V any](t *tx, m map[K]V, k K) {
	if old, ok := m[k]; ok {
		t.undo = append(t.undo, func() { m[k] = old })
		delete(m, k)
	}
}

func restore[K comparable, V any](m map[K]V, k K, old V, ok bool) {
	if ok {
		m[k] = old
	} else {
		delete(m, k)
	}
}

// inner returns a map within a map, making it.
func inner[K, L comparable, V any](m map[K]map[L]V, k K) map[L]V {
	if m[k] == nil {
		m[k] = map[L]V{}
	}
	return m[k]
}

func micro(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
