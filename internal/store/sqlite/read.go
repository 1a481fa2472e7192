package sqlite

import (
	"context"
	"database/sql"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
)

// reader is a connection for Views, with its statements. conn is nil where it was lost.
type reader struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// mapped: it looks at the file through a mapping. In a store of a million credentials a
	// look-up meets pages that no cache holds, of which each costs a system call otherwise:
	// half as much again for the whole look-up. The mapping is read-only.
	mapped bool
}

func (r *reader) close() error {
	if r.conn == nil {
		return nil
	}
	for _, st := range r.stmts {
		st.Close() //nolint:errcheck // the connection is closed next
	}
	return r.conn.Close()
}

// ready opens a reader's connection where it has none, and sees to its mapping.
func (s *Store) ready(ctx context.Context, r *reader) error {
	if r.conn == nil {
		conn, err := s.readDB.Conn(ctx)
		if err != nil {
			return mapError(err)
		}
		*r = reader{conn: conn, stmts: map[string]*sql.Stmt{}}
		if s.unmapped.Load() {
			return nil
		}
		r.mapped = true
		return s.on(r, func(q *querier) error { return q.pragma(ctx, "PRAGMA mmap_size="+mappedBytes) })
	}
	if r.mapped && s.unmapped.Load() {
		if err := s.on(r, func(q *querier) error { return q.pragma(ctx, "PRAGMA mmap_size=0") }); err != nil {
			return err
		}
		r.mapped = false
	}
	return nil
}

// on runs f on a reader's connection, and gives the connection up where a page was missing.
func (s *Store) on(r *reader, f func(*querier) error) error {
	q := &querier{prepare: preparing(r.conn), stmts: r.stmts, mapped: r.mapped}
	defer func() {
		if q.lost {
			s.lose(r)
		}
	}()
	return f(q)
}

// take takes an idle reader after one was received from free.
func (s *Store) take() *reader {
	s.idleMu.Lock()
	defer s.idleMu.Unlock()
	r := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	return r
}

func (s *Store) give(r *reader) {
	s.idleMu.Lock()
	s.idle = append(s.idle, r)
	s.idleMu.Unlock()
	s.free <- struct{}{}
}

// View implements service.Store.
func (s *Store) View(ctx context.Context, f func(service.Tx) error) error {
	return s.RunView(ctx, func(t *store.Tx) error { return f(t) })
}

// RunView implements store.Runner.
func (s *Store) RunView(ctx context.Context, f func(*store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.quit:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	case <-s.free:
	}
	r := s.take()
	defer s.give(r)
	if s.closed.Load() {
		return errClosed
	}
	run := context.WithoutCancel(ctx)
	if err := s.ready(run, r); err != nil {
		return err
	}
	return s.on(r, func(q *querier) error {
		if _, err := q.Exec(run, "BEGIN"); err != nil {
			return err
		}
		// Also where f panics or ends its goroutine.
		defer q.Exec(run, "ROLLBACK") //nolint:errcheck // nothing was written
		t := store.NewTx(q, false)
		defer t.End() //nolint:errcheck // a View that failed says so by f
		return f(t)
	})
}
