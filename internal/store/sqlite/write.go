package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
)

// maxGroup bounds how many Updates are committed together, and so how long the first of
// them waits for the others.
const maxGroup = 128

// A request is an Update that waits for its turn. Its function runs in the goroutine of
// its caller, where it may panic or end without harm to others.
type request struct {
	state atomic.Int32 // waiting, taken or gone
	turn  chan store.Querier
	done  chan error // what the function returned
	ended chan error // after the commit
}

const (
	waiting = iota
	taken
	gone
)

// Update implements service.Store.
func (s *Store) Update(ctx context.Context, f func(service.Tx) error) error {
	return s.RunUpdate(ctx, func(t *store.Tx) error { return f(t) })
}

// RunUpdate implements store.Runner.
func (s *Store) RunUpdate(ctx context.Context, f func(*store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{turn: make(chan store.Querier, 1), done: make(chan error, 1), ended: make(chan error, 1)}
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quit:
		return errClosed
	}
	select {
	case q := <-r.turn:
		r.run(q, f)
		return <-r.ended
	case err := <-r.ended:
		return err
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, gone) {
			return ctx.Err()
		}
	}
	// Its turn has just come, or it has failed.
	select {
	case q := <-r.turn:
		r.run(q, f)
		return <-r.ended
	case err := <-r.ended:
		return err
	}
}

func (r *request) run(q store.Querier, f func(*store.Tx) error) {
	t := store.NewTx(q, true)
	err := fmt.Errorf("sqlite: the function did not return")
	defer func() { // also where f panics or ends its goroutine
		if failed := t.End(); err == nil {
			err = failed
		}
		r.done <- err
	}()
	err = f(t)
}

// write is the goroutine that owns the order of Updates.
func (s *Store) write() {
	prepared := map[string]*sql.Stmt{}
	defer func() {
		for _, st := range prepared {
			st.Close() //nolint:errcheck // the database is closed next
		}
	}()
	for {
		select {
		case <-s.quit:
			return
		case r := <-s.queue:
			var missed []string
			s.group(r, prepared, func(text string) { missed = append(missed, text) })
			for _, text := range missed {
				// Where this fails, the next group tries again.
				if st, err := s.writeDB.PrepareContext(context.Background(), positional(text)); err == nil {
					prepared[text] = st
				}
			}
		}
	}
}

// group runs a request and those that come meanwhile, and commits them together.
func (s *Store) group(r *request, prepared map[string]*sql.Stmt, missed func(string)) {
	ctx := context.Background()
	tx, err := s.writeDB.BeginTx(ctx, nil)
	if err != nil {
		r.end(mapError(err))
		return
	}
	q := &querier{tx: tx, jobs: s.jobs, stmts: map[string]*sql.Stmt{}}
	q.prepare = func(ctx context.Context, text string) (*sql.Stmt, error) {
		if st := prepared[text]; st != nil {
			return tx.StmtContext(ctx, st), nil
		}
		missed(text)
		return tx.PrepareContext(ctx, positional(text))
	}
	var good []*request
	failed := map[*request]error{}
	for n := 0; r != nil; n++ {
		var ferr error
		if r.state.CompareAndSwap(waiting, taken) {
			if ferr, err = one(ctx, q, r); err != nil {
				good = append(good, r)
				break
			}
			if ferr == nil {
				good = append(good, r)
			} else {
				failed[r] = ferr
			}
		}
		r = nil
		if n < maxGroup {
			select {
			case r = <-s.queue:
			default:
			}
		}
	}
	s.finish(tx, q, good, failed, err)
}

// finish commits a group, unless err keeps it from being committed, and answers its
// requests.
func (s *Store) finish(tx *sql.Tx, q *querier, good []*request, failed map[*request]error, err error) {
	switch {
	case err != nil, len(good) == 0:
		if rerr := tx.Rollback(); err == nil {
			err = mapError(rerr)
		}
	default:
		err = mapError(tx.Commit())
		s.exchange.inserted(q.enqueued) // also where the commit was not heard of
	}
	if err != nil {
		err = unavailable(err)
	}
	for _, r := range good {
		r.end(err)
	}
	// A failure that rests on what others of the group wrote is one only if they did.
	for r, ferr := range failed {
		if err != nil {
			ferr = err
		}
		r.end(ferr)
	}
}

// one runs a request within a savepoint. ferr is its own failure; err is one after which
// the transaction cannot go on.
func one(ctx context.Context, q *querier, r *request) (ferr, err error) {
	if _, err := q.Exec(ctx, "SAVEPOINT one"); err != nil {
		r.state.Store(taken)
		return nil, err
	}
	r.turn <- q
	if ferr = <-r.done; ferr != nil {
		if _, err := q.Exec(ctx, "ROLLBACK TO one"); err != nil {
			// SQLite has ended the whole transaction, as it does when the disk is full.
			return nil, fmt.Errorf("%w (%w)", ferr, err)
		}
	}
	_, err = q.Exec(ctx, "RELEASE one")
	return ferr, err
}

func (r *request) end(err error) { r.ended <- err }

// unavailable says that a group's failure is the store's.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w", service.ErrUnavailable, err)
}
