package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
)

// Config says where to connect.
type Config struct {
	// DSN is the data source name: a postgres:// URL or keywords and values. It may hold a
	// password and is never part of an error.
	DSN string
	// Now is the clock, such as time.Now. It is needed.
	Now func() time.Time
	// Logger is told what goes on with jobs. nil: nobody is.
	Logger *slog.Logger
	// Connections is how many are open at most. 0: pool_max_conns of the DSN, or 20.
	Connections int
	// RoundTrip is how long an answer of the server is waited for. 0: a minute.
	RoundTrip time.Duration
}

// Store is a service.Store in PostgreSQL. Open makes one.
type Store struct {
	c      Config
	pool   *pgxpool.Pool
	jobs   *river.Client[pgx.Tx] // inserts
	closed atomic.Bool
	newer  atomic.Bool // the tables are: see agreement.keep

	agreed atomic.Pointer[agreement]
}

var _ service.Store = (*Store)(nil)

const (
	// minVersion is the oldest server (server_version_num).
	minVersion = 150000
	// lockMigrate is an advisory lock.
	lockMigrate = 0x6368616e
)

// Open connects, and migrates the database. The store must be closed.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Now == nil {
		return nil, errors.New("postgres: expected a clock")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	pc, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, errors.New("postgres: malformed data source name")
	}
	switch {
	case c.Connections > 0:
		pc.MaxConns = int32(min(c.Connections, 10000))
	case pc.MaxConns < 20 && !hasPoolSize(c.DSN):
		pc.MaxConns = 20
	}
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	// Connections that have died without a word are found out before they are used.
	if pc.PingTimeout == 0 {
		pc.PingTimeout = 2 * time.Second
	}
	pc.BeforeClose = hangUp
	if c.RoundTrip <= 0 {
		c.RoundTrip = roundTrip
	}
	pc.ConnConfig.DialFunc, pc.ConnConfig.Tracer = dialer.DialContext, deadline{c.RoundTrip}
	for name, value := range serverSettings {
		if _, ok := pc.ConnConfig.RuntimeParams[name]; !ok {
			pc.ConnConfig.RuntimeParams[name] = value
		}
	}
	s := &Store{c: c}
	if s.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, mapError(err)
	}
	if err := s.open(ctx); err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var version int
	if err := s.pool.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return mapError(err)
	}
	if version < minVersion {
		return fmt.Errorf("postgres: expected server version %d or newer, found %d", minVersion, version)
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	var err error
	if s.jobs, err = river.NewClient(riverpgxv5.New(s.pool), &river.Config{Logger: s.c.Logger}); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// migrate runs all migrations, ours and River's, while it holds a lock: River's cannot all
// be in one transaction.
func (s *Store) migrate(ctx context.Context) error {
	ctx = unbounded(ctx)
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return mapError(err)
	}
	defer conn.Release()
	// The wait for others is not bounded by lock_timeout.
	for _, sql := range []string{"SET lock_timeout = 0", fmt.Sprintf("SELECT pg_advisory_lock(%d, 0)", lockMigrate), "RESET lock_timeout"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return mapError(err)
		}
	}
	defer conn.Exec(context.WithoutCancel(ctx), fmt.Sprintf("SELECT pg_advisory_unlock(%d, 0)", lockMigrate)) //nolint:errcheck // the end of the connection unlocks too
	m, err := rivermigrate.New(riverpgxv5.New(s.pool), &rivermigrate.Config{Logger: s.c.Logger})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if err := s.mayMigrate(ctx, conn.Conn(), m); err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("postgres: tables of jobs: %w", mapError(err))
	}
	q := &querier{conn: conn.Conn(), plain: true}
	if err := store.Migrate(ctx, q, store.PostgreSQL); err != nil {
		return errors.Join(err, q.rollback(ctx))
	}
	if err := q.commit(ctx); err != nil {
		return err
	}
	return whole(ctx, conn.Conn())
}

// whole refuses a database that was not restored to its end: indexes come last.
func whole(ctx context.Context, conn *pgx.Conn) error {
	all, err := store.Indexes(store.PostgreSQL)
	if err != nil {
		return err
	}
	found, err := conn.Query(ctx, "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NULL ORDER BY name", all)
	if err != nil {
		return mapError(err)
	}
	missing, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return mapError(err)
	}
	if len(missing) != 0 {
		return &store.TornError{Missing: missing}
	}
	return nil
}

// mayMigrate refuses to change tables that processes of another version work with: those
// who have called Agree. The caller holds the lock of migrations.
func (s *Store) mayMigrate(ctx context.Context, conn *pgx.Conn, m *rivermigrate.Migrator[pgx.Tx]) error {
	q := &querier{conn: conn, plain: true}
	behind, err := store.Behind(ctx, q, store.PostgreSQL)
	if err != nil {
		return errors.Join(err, q.rollback(ctx))
	}
	if err := q.commit(ctx); err != nil {
		return err
	}
	there, err := m.ExistingVersions(ctx)
	if err != nil {
		return fmt.Errorf("postgres: tables of jobs: %w", mapError(err))
	}
	if n := len(there); !behind && (n == 0 || n == len(m.AllVersions())) {
		return nil
	}
	var n int
	if err := conn.QueryRow(ctx, "SELECT count(DISTINCT pid) "+agreements, int32(lockAgree)).Scan(&n); err != nil {
		return mapError(err)
	}
	if n != 0 {
		return &store.InUseError{Processes: n}
	}
	return nil
}

// Close ends the use of the store, when those that run have ended.
func (s *Store) Close() error {
	if !s.closed.Swap(true) {
		s.agreed.Swap(nil).end()
		s.pool.Close()
	}
	return nil
}

var errNewer = fmt.Errorf("postgres: a newer version of this program has changed the tables: end this process: %w", service.ErrUnavailable)

var errClosed = fmt.Errorf("postgres: the store is closed: %w", service.ErrUnavailable)

// View implements service.Store.
func (s *Store) View(ctx context.Context, f func(service.Tx) error) error {
	return s.RunView(ctx, func(t *store.Tx) error { return f(t) })
}

// Update implements service.Store.
func (s *Store) Update(ctx context.Context, f func(service.Tx) error) error {
	return s.RunUpdate(ctx, func(t *store.Tx) error { return f(t) })
}

// RunView implements store.Runner.
func (s *Store) RunView(ctx context.Context, f func(*store.Tx) error) error {
	return s.retry(ctx, func() error { return s.run(ctx, "begin isolation level repeatable read read only", false, f) })
}

// RunUpdate implements store.Runner.
func (s *Store) RunUpdate(ctx context.Context, f func(*store.Tx) error) error {
	return s.retry(ctx, func() error { return s.run(ctx, "begin", true, f) })
}

// retries bounds how often a transaction that met a deadlock is run again.
const retries = 20

func (s *Store) retry(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if n == retries || !again(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(rand.Int64N(int64(n) * int64(5*time.Millisecond)))):
		}
	}
}

func (s *Store) run(ctx context.Context, begin string, write bool, f func(*store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return errClosed
	}
	if s.newer.Load() {
		return errNewer
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return mapError(err)
	}
	defer conn.Release()
	q := &querier{conn: conn.Conn(), begin: begin, jobs: s.jobs}
	t := store.NewTx(q, write)
	done := false
	defer func() { // also where f panics or ends its goroutine
		if !done {
			rollback(ctx, q) //nolint:errcheck // a connection that is not idle is closed on release
		}
	}()
	err = f(t)
	// Whether it is run again is decided by what happened, whatever f made of it.
	if failed := t.End(); failed != nil && (err == nil || again(failed)) {
		err = failed
	}
	if err != nil || !write {
		return err
	}
	done = true
	if err := q.commit(ctx); err != nil {
		return errors.Join(err, rollback(ctx, q))
	}
	return nil
}

// hangUp ends a connection that was broken off. Before, pgx waits for the server's last
// words: where none come, its place in the pool would be taken all that time.
func hangUp(c *pgx.Conn) {
	if !c.IsClosed() {
		return
	}
	select {
	case <-c.PgConn().CleanupDone():
	case <-time.After(time.Second):
		c.PgConn().Conn().Close() //nolint:errcheck // it is gone in any case
	}
}

// rollback is tried also where ctx has ended, for a while: the connection may carry nothing.
func rollback(ctx context.Context, q *querier) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return q.rollback(ctx)
}

// Anchors implements service.Store.
func (s *Store) Anchors(scope service.Scope) anchor.Store { return store.Anchors(s, scope) }

// Ready implements service.Store.
func (s *Store) Ready(ctx context.Context) error {
	return s.RunUpdate(ctx, func(t *store.Tx) error {
		_, err := t.Count(ctx, service.Scope{}, "ready", 1)
		return err
	})
}
