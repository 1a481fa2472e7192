package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
)

// Config says what to open.
type Config struct {
	// Path is the file. Its directory must exist; beside it lie the -wal and -shm files of
	// SQLite and a -work file that tells which process does jobs.
	Path string
	// Now is the clock, such as time.Now. It is needed.
	Now func() time.Time
	// Logger is told what goes on with jobs. nil: nobody is.
	Logger *slog.Logger
	// Readers is how many Views run at once. 0: twice the number of processors, at least 4.
	Readers int
	// CacheKiB is how much memory each connection keeps pages in. 0: 16 MiB.
	CacheKiB int
}

// Store is a service.Store in a SQLite file. Open makes one.
type Store struct {
	c       Config
	writeDB *sql.DB // one connection, shared with River
	readDB  *sql.DB
	free    chan struct{} // one for each idle reader
	idleMu  sync.Mutex
	idle    []*reader              // the one used last is used next: its cache is warm
	jobs    *river.Client[*sql.Tx] // inserts

	stirred atomic.Uint64 // see looking

	queue  chan *request
	quit   chan struct{}
	closed atomic.Bool
	writer sync.WaitGroup

	workMu   sync.Mutex
	workers  int
	workLock *os.File
}

var _ service.Store = (*Store)(nil)

// dsn is the data source name of a connection. Values that hold special characters are
// escaped; Path comes from the configuration and is trusted.
func (c Config) dsn(write bool) string {
	q := url.Values{}
	pragmas := []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)", "cache_size(-" + strconv.Itoa(c.CacheKiB) + ")"}
	if write {
		q.Set("_txlock", "immediate")
		pragmas = append(pragmas, "wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "secure_delete(1)") // what is erased is written over
	} else {
		// Readers look at the file through a mapping (of at most 2 GB, the rest is read): in a
		// store of a million credentials a look-up meets pages that no cache holds, and each
		// costs a system call otherwise. The mapping is read-only. What it costs: where the disk
		// fails to give a page, the process ends, instead of answering that it cannot.
		pragmas = append(pragmas, "query_only(1)", "mmap_size(2147418112)")
	}
	q["_pragma"] = pragmas
	return "file:" + (&url.URL{Path: filepath.ToSlash(c.Path)}).EscapedPath() + "?" + q.Encode()
}

// Open opens the file, makes it where it is not there, and migrates it. The store must be
// closed.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Path == "" || c.Now == nil {
		return nil, errors.New("sqlite: expected a path and a clock")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Readers <= 0 {
		c.Readers = max(4, 2*runtime.GOMAXPROCS(0))
	}
	if c.CacheKiB <= 0 {
		c.CacheKiB = 16 << 10
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	c.Path = path
	s := &Store{c: c, queue: make(chan *request), quit: make(chan struct{}), free: make(chan struct{}, c.Readers)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.closeDBs())
	}
	s.writer.Go(s.write)
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.writeDB, err = sql.Open("sqlite", s.c.dsn(true)); err != nil {
		return mapError(err)
	}
	s.writeDB.SetMaxOpenConns(1)
	s.writeDB.SetMaxIdleConns(1)
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.jobs, err = river.NewClient(riversqlite.New(s.writeDB), &river.Config{Logger: s.c.Logger}); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if s.readDB, err = sql.Open("sqlite", s.c.dsn(false)); err != nil {
		return mapError(err)
	}
	s.readDB.SetMaxIdleConns(s.c.Readers)
	for range s.c.Readers {
		conn, err := s.readDB.Conn(ctx)
		if err != nil {
			return mapError(err)
		}
		s.give(&reader{conn: conn, stmts: map[string]*sql.Stmt{}})
	}
	return nil
}

// migrate runs all migrations, ours and River's, in one transaction, which is the lock.
func (s *Store) migrate(ctx context.Context) error {
	tx, err := s.writeDB.BeginTx(ctx, nil)
	if err != nil {
		return mapError(err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := store.Migrate(ctx, &querier{prepare: preparing(tx), stmts: map[string]*sql.Stmt{}}, store.SQLite); err != nil {
		return err
	}
	m, err := rivermigrate.New(riversqlite.New(nil), &rivermigrate.Config{Logger: s.c.Logger})
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	//lint:ignore SA1019 What must not be in one transaction is of PostgreSQL; here the transaction is the lock.
	if _, err := m.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("sqlite: tables of jobs: %w", mapError(err))
	}
	return mapError(tx.Commit())
}

// Close ends the use of the store. Updates that wait fail with service.ErrUnavailable;
// Views that run are waited for.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	close(s.quit)
	s.writer.Wait()
	return s.closeDBs()
}

func (s *Store) closeDBs() error {
	var errs []error
	if s.readDB != nil {
		n := s.c.Readers
		if !s.closed.Load() {
			n = len(s.free) // Open has failed halfway
		}
		for range n {
			<-s.free
			errs = append(errs, s.take().close())
		}
		errs = append(errs, s.readDB.Close())
	}
	if s.writeDB != nil {
		errs = append(errs, s.writeDB.Close())
	}
	return errors.Join(errs...)
}

var errClosed = fmt.Errorf("sqlite: the store is closed: %w", service.ErrUnavailable)

// reader is a connection for Views, with its statements.
type reader struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (r *reader) close() error {
	for _, st := range r.stmts {
		st.Close() //nolint:errcheck // the connection is closed next
	}
	return r.conn.Close()
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
	q := &querier{prepare: preparing(r.conn), stmts: r.stmts}
	run := context.WithoutCancel(ctx)
	if _, err := q.Exec(run, "BEGIN"); err != nil {
		return err
	}
	// Also where f panics or ends its goroutine.
	defer q.Exec(run, "ROLLBACK") //nolint:errcheck // nothing was written
	t := store.NewTx(q, false)
	defer t.End() //nolint:errcheck // a View that failed says so by f
	return f(t)
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

// Backup writes a consistent copy to a file that must not exist yet. The store may be
// used meanwhile.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.closed.Load() {
		return errClosed
	}
	if strings.IndexByte(path, 0) >= 0 {
		return errors.New("sqlite: expected a path without NUL")
	}
	db, err := sql.Open("sqlite", s.c.dsn(false))
	if err != nil {
		return mapError(err)
	}
	defer db.Close()
	// VACUUM INTO writes to the other file alone; query_only refuses it none the less.
	if _, err := db.ExecContext(ctx, "PRAGMA query_only(0)"); err != nil {
		return mapError(err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO $1", path)
	return mapError(err)
}
