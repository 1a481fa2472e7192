package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/store"
)

// DisagreementError is that other processes work on the database now which do not agree.
type DisagreementError struct{ Others int }

func (e *DisagreementError) Error() string {
	return fmt.Sprintf("postgres: expected to agree with all processes on the database, found %d that do not", e.Others)
}

const (
	// lockAgree is the first half of the names of advisory locks, of which the second is
	// what their holders agree on.
	lockAgree = 0x63686167
	// agreeAgain is how often it is made sure that the lock is still held.
	agreeAgain = 5 * time.Second
	// agreeWait is how long others may take to end, of which the server hears when they have.
	agreeWait  = 2 * time.Second
	agreeLooks = 20
)

// Agree refuses, with a *DisagreementError, where a process that works on the database now
// has said something else: what is written in two ways would be told apart by nobody. It is
// held until the store is closed. Processes that come one after the other need not agree.
func (s *Store) Agree(ctx context.Context, on string) error {
	h := fnv.New32a()
	h.Write([]byte(on)) //nolint:errcheck // does not fail
	a := &agreement{s: s, on: int32(h.Sum32()), stop: make(chan struct{}), ended: make(chan struct{})}
	if err := a.hold(ctx); err != nil {
		a.release()
		return err
	}
	s.agreed.Swap(a).end()
	go a.keep()
	return nil
}

// agreement is a shared advisory lock on a connection of its own.
type agreement struct {
	s           *Store
	on          int32
	conn        *pgx.Conn
	stop, ended chan struct{}
}

func (a *agreement) hold(ctx context.Context) error {
	ctx, end := context.WithTimeout(ctx, a.s.c.RoundTrip)
	defer end()
	pooled, err := a.s.pool.Acquire(ctx)
	if err != nil {
		return mapError(err)
	}
	a.conn = pooled.Hijack()
	// First the lock and then the look: of two that come at once, one at least sees the other.
	if err := a.lock(ctx); err != nil {
		return err
	}
	for look := 1; ; look++ {
		n, err := a.others(ctx)
		switch {
		case err != nil:
			return mapError(err)
		case n == 0:
			return nil
		case look == agreeLooks:
			return &DisagreementError{n}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(agreeWait / agreeLooks):
		}
	}
}

// others counts the processes that hold another lock.
func (a *agreement) others(ctx context.Context) (n int, err error) {
	err = a.conn.QueryRow(ctx, "SELECT count(*) "+agreements+" AND objid <> $2::int4::oid", int32(lockAgree), a.on).Scan(&n)
	return n, err
}

// agreements are the locks of processes that have agreed, $1 being lockAgree.
const agreements = `FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = $1::int4::oid`

// lock takes the lock, and refuses where the tables are of a newer version: whoever changes
// them looks for this lock first. The lock of migrations is held meanwhile, so that one
// of the two sees the other.
func (a *agreement) lock(ctx context.Context) error {
	for _, sql := range []string{"SET lock_timeout = 0", fmt.Sprintf("SELECT pg_advisory_lock_shared(%d, 0)", lockMigrate), "RESET lock_timeout"} {
		if _, err := a.conn.Exec(ctx, sql); err != nil {
			return mapError(err)
		}
	}
	if _, err := a.conn.Exec(ctx, "SELECT pg_advisory_lock_shared($1, $2)", int32(lockAgree), a.on); err != nil {
		return mapError(err)
	}
	q := &querier{conn: a.conn, plain: true}
	if _, err := store.Behind(ctx, q, store.PostgreSQL); err != nil {
		return errors.Join(err, q.rollback(ctx))
	}
	if err := q.commit(ctx); err != nil {
		return err
	}
	_, err := a.conn.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_unlock_shared(%d, 0)", lockMigrate))
	return mapError(err)
}

func (a *agreement) release() {
	if a.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	a.conn.Close(ctx) //nolint:errcheck // it is gone in any case
	a.conn = nil
}

// keep holds the lock again where its connection was lost.
func (a *agreement) keep() {
	defer close(a.ended)
	defer a.release()
	tick := time.NewTicker(agreeAgain)
	defer tick.Stop()
	ctx := context.Background()
	for {
		select {
		case <-a.stop:
			return
		case <-tick.C:
		}
		if a.conn != nil {
			ping, end := context.WithTimeout(ctx, a.s.c.RoundTrip)
			err := a.conn.Ping(ping)
			end()
			if err == nil {
				continue
			}
			a.release()
		}
		if err := a.hold(ctx); err != nil {
			a.release()
			var newer *store.NewerError
			if errors.As(err, &newer) { // they were changed while the lock was lost
				a.s.newer.Store(true)
			}
			a.s.c.Logger.WarnContext(ctx, "postgres: what processes have to agree on", "error", err)
		}
	}
}

// end lets others say something else.
func (a *agreement) end() {
	if a == nil {
		return
	}
	close(a.stop)
	<-a.ended
}
