package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
)

const (
	poll     = 500 * time.Millisecond // notifications come at once
	cooldown = 5 * time.Millisecond
	// lookAround is how often a process looks for jobs of processes that are gone.
	lookAround = 5 * time.Second
)

// Work implements service.Store. Several processes share the jobs. Each holds an advisory
// lock of its own on a connection of its own: where it can be had by another, the process
// is gone, and its jobs are run again.
func (s *Store) Work(ctx context.Context, c service.WorkConfig) error {
	if s.closed.Load() {
		return errClosed
	}
	w := &watch{s: s, id: "chancery-" + service.NewID()}
	if err := w.hold(ctx); err != nil {
		return err
	}
	defer w.release()
	if err := w.takeUp(ctx); err != nil {
		return err
	}
	if err := w.setRight(ctx); err != nil {
		return err
	}
	client, err := store.NewWorker(newDriver(s, w.id), s, store.WorkerConfig{
		WorkConfig: c, ID: w.id, Now: s.c.Now, Logger: s.c.Logger, Poll: poll, Cooldown: cooldown,
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	stopped := make(chan struct{})
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(stopped)
		w.run(watching)
	}()
	err = store.Work(ctx, client)
	stop()
	<-stopped
	if err != nil {
		return mapError(err)
	}
	return nil
}

// watch shows others that this process lives, and finds those that do not.
type watch struct {
	s    *Store
	id   string
	conn *pgxpool.Conn

	clocks clocks
}

// lockKey is the name of the lock of a worker.
const lockKey = "hashtextextended($1, 1667326319)"

func (w *watch) hold(ctx context.Context) error {
	conn, err := w.s.pool.Acquire(ctx)
	if err != nil {
		return mapError(err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock("+lockKey+")", w.id); err != nil {
		conn.Release()
		return mapError(err)
	}
	w.conn = conn
	return nil
}

// release closes the connection, which ends the lock, rather than to give it back.
func (w *watch) release() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	w.conn.Hijack().Close(ctx) //nolint:errcheck // it is gone in any case
	w.conn = nil
}

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(lookAround)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.round(ctx); err != nil && ctx.Err() == nil {
			w.s.c.Logger.WarnContext(ctx, "postgres: looking for jobs of processes that are gone", "error", err)
		}
		if err := w.gatherStatistics(ctx); err != nil && ctx.Err() == nil {
			w.s.c.Logger.WarnContext(ctx, "postgres: statistics of tables that have grown", "error", err)
		}
	}
}

// round holds the lock again where its connection was lost, and looks around.
func (w *watch) round(ctx context.Context) error {
	ctx, end := context.WithTimeout(ctx, w.s.c.RoundTrip)
	defer end()
	if w.conn != nil {
		if err := w.conn.Ping(ctx); err != nil {
			w.release()
		}
	}
	if w.conn == nil {
		if err := w.hold(ctx); err != nil {
			return err
		}
	}
	if err := w.takeUp(ctx); err != nil {
		return err
	}
	return w.setRight(ctx)
}

// takeUp sets jobs that run in processes which are gone to run again.
func (w *watch) takeUp(ctx context.Context) error {
	found, err := w.conn.Query(ctx, `SELECT DISTINCT attempted_by[array_length(attempted_by, 1)] FROM river_job WHERE state = 'running' AND attempted_by IS NOT NULL`)
	if err != nil {
		return mapError(err)
	}
	ids, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return mapError(err)
	}
	for _, id := range ids {
		if id == w.id {
			continue
		}
		if err := w.takeFrom(ctx, id); err != nil {
			return mapError(err)
		}
	}
	return nil
}

func (w *watch) takeFrom(ctx context.Context, id string) error {
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after Commit it does nothing
	var gone bool
	if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock("+lockKey+")", id).Scan(&gone); err != nil || !gone {
		return err
	}
	tag, err := tx.Exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = now(), max_attempts = greatest(max_attempts, attempt + 1)
		WHERE state = 'running' AND attempted_by[array_length(attempted_by, 1)] = $1`, id)
	if err != nil {
		return err
	}
	if n := tag.RowsAffected(); n > 0 {
		w.s.c.Logger.InfoContext(ctx, "postgres: jobs of a process that is gone run again", "jobs", n)
	}
	return tx.Commit(ctx)
}
