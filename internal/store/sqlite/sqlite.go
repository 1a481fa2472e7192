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
	// Alone is asked before tables that are there are changed for this version of the
	// program: its error is that of Open. nil: nobody is asked.
	Alone func() error
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

	unmapped atomic.Bool // see lose

	exchange exchange // tells who does jobs of those that were added

	queue  chan *request
	scrubs chan struct{} // see Scrub
	quit   chan struct{}
	closed atomic.Bool
	own    sync.WaitGroup // the goroutines of the store

	workMu   sync.Mutex
	workers  int
	workLock *os.File
}

var _ service.Store = (*Store)(nil)

// source is the data source name of a connection. Values that hold special characters are
// escaped; Path comes from the configuration and is trusted.
func (c Config) source(lock string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas}
	if lock != "" {
		q.Set("_txlock", lock)
	}
	return "file:" + (&url.URL{Path: filepath.ToSlash(c.Path)}).EscapedPath() + "?" + q.Encode()
}

func (c Config) pragmas(more ...string) []string {
	return append([]string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)", "cache_size(-" + strconv.Itoa(c.CacheKiB) + ")"}, more...)
}

// writing is the source of the connection that writes. What is deleted is written over.
func (c Config) writing() string {
	return c.source("immediate", c.pragmas("wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "secure_delete(1)")...)
}

// reading is the source of connections for Views.
func (c Config) reading() string { return c.source("", c.pragmas("query_only(1)")...) }

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
	s := &Store{c: c, queue: make(chan *request), scrubs: make(chan struct{}, 1), quit: make(chan struct{}), free: make(chan struct{}, c.Readers)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.closeDBs())
	}
	s.own.Go(s.write)
	s.own.Go(s.scrubber)
	s.own.Go(s.watchClock)
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.writeDB, err = sql.Open("sqlite", s.c.writing()); err != nil {
		return mapError(err)
	}
	s.writeDB.SetMaxOpenConns(1)
	s.writeDB.SetMaxIdleConns(1)
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.jobs, err = river.NewClient(newRiverDriver(s), &river.Config{Logger: s.c.Logger}); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if s.readDB, err = sql.Open("sqlite", s.c.reading()); err != nil {
		return mapError(err)
	}
	s.readDB.SetMaxIdleConns(s.c.Readers)
	for range s.c.Readers {
		r := &reader{}
		if err := s.ready(ctx, r); err != nil {
			return errors.Join(err, r.close())
		}
		s.give(r)
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
	m, err := rivermigrate.New(riversqlite.New(nil), &rivermigrate.Config{Logger: s.c.Logger})
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	q := &querier{prepare: preparing(tx), stmts: map[string]*sql.Stmt{}}
	if err := s.mayMigrate(ctx, tx, q, m); err != nil {
		return err
	}
	if err := store.Migrate(ctx, q, store.SQLite); err != nil {
		return err
	}
	//lint:ignore SA1019 What must not be in one transaction is of PostgreSQL; here the transaction is the lock.
	if _, err := m.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("sqlite: tables of jobs: %w", mapError(err))
	}
	return mapError(tx.Commit())
}

// mayMigrate asks whether tables that are there may be changed, where they would be.
func (s *Store) mayMigrate(ctx context.Context, tx *sql.Tx, q store.Querier, m *rivermigrate.Migrator[*sql.Tx]) error {
	behind, err := store.Behind(ctx, q, store.SQLite)
	if err != nil {
		return err
	}
	there, err := m.ExistingVersionsTx(ctx, tx)
	if err != nil {
		return fmt.Errorf("sqlite: tables of jobs: %w", mapError(err))
	}
	if n := len(there); s.c.Alone == nil || !behind && (n == 0 || n == len(m.AllVersions())) {
		return nil
	}
	return s.c.Alone()
}

// Close ends the use of the store. Updates that wait fail with service.ErrUnavailable;
// Views that run are waited for.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	close(s.quit)
	s.own.Wait()
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

// Anchors implements service.Store.
func (s *Store) Anchors(scope service.Scope) anchor.Store { return store.Anchors(s, scope) }

// Ready implements service.Store.
func (s *Store) Ready(ctx context.Context) error {
	return s.RunUpdate(ctx, func(t *store.Tx) error {
		_, err := t.Count(ctx, service.Scope{}, "ready", 1)
		return err
	})
}

// Backup writes a consistent copy to a file that must not exist yet, or be empty. The store
// may be used meanwhile. In the copy the places of all status lists are taken: what the
// store gives out after the copy was made, a store restored from it must not give again.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.closed.Load() {
		return errClosed
	}
	if strings.IndexByte(path, 0) >= 0 {
		return errors.New("sqlite: expected a path without NUL")
	}
	db, err := sql.Open("sqlite", s.c.reading())
	if err != nil {
		return mapError(err)
	}
	defer db.Close()
	// VACUUM INTO writes to the other file alone; query_only refuses it none the less.
	if _, err := db.ExecContext(ctx, "PRAGMA query_only(0)"); err != nil {
		return mapError(err)
	}
	if _, err = db.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		return mapError(err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	copied, err := sql.Open("sqlite", Config{Path: path}.source("", "journal_mode(MEMORY)", "synchronous(FULL)"))
	if err != nil {
		return mapError(err)
	}
	_, err = copied.ExecContext(ctx, "UPDATE status_list SET taken = entries WHERE taken < entries")
	if err == nil {
		// Where the copy is restored, the audit log says from when on what was done is lost.
		_, err = copied.ExecContext(ctx, `INSERT INTO audit (tenant, environment, id, at, actor, action, subject, source, request, seq)
			SELECT DISTINCT tenant, environment, $1, $2, 'cli', $3, tenant, '', '', 0 FROM record WHERE kind = $4`,
			service.NewID(), s.c.Now().UnixMicro(), service.ActionCopied, string(service.KindIssuer))
	}
	return mapError(errors.Join(err, copied.Close()))
}
