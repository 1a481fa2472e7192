package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/filelock"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
)

const (
	cooldown = 2 * time.Millisecond
	// askAgain is how often a process asks whether the one that does jobs has ended.
	askAgain = time.Second
)

// Work implements service.Store. While another process does jobs, it waits for its end.
func (s *Store) Work(ctx context.Context, c service.WorkConfig) error {
	if s.closed.Load() {
		return errClosed
	}
	if err := s.lockWork(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer s.unlockWork()
	d := newRiverDriver(s)
	var err error
	if d.due, err = s.writeDB.PrepareContext(context.WithoutCancel(ctx), dueText); err != nil {
		return mapError(err)
	}
	defer d.due.Close() //nolint:errcheck // it was read
	client, err := store.NewWorker(d, s, store.WorkerConfig{
		WorkConfig: c, Now: s.c.Now, Logger: s.c.Logger, Poll: poll, Cooldown: cooldown,
	})
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return mapError(store.Work(ctx, client))
}

// lockWork makes this the process that does jobs. The first of its workers takes up what
// an earlier process left when it was killed.
func (s *Store) lockWork(ctx context.Context) error {
	s.workMu.Lock()
	defer s.workMu.Unlock()
	if s.workers > 0 {
		s.workers++
		return nil
	}
	for {
		f, err := filelock.Take(s.c.Path + "-work")
		if err == nil {
			s.workLock = f
			break
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return fmt.Errorf("sqlite: %w: %w", service.ErrUnavailable, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.quit:
			return errClosed
		case <-time.After(askAgain):
		}
	}
	if err := s.takeUp(ctx); err != nil {
		return errors.Join(err, s.workLock.Close())
	}
	s.workers++
	return nil
}

func (s *Store) unlockWork() {
	s.workMu.Lock()
	defer s.workMu.Unlock()
	if s.workers--; s.workers == 0 {
		s.workLock.Close() //nolint:errcheck // which ends the lock in any case
	}
}

// takeUp sets jobs that ran in a process which is gone to run again, forgets who led,
// and finds the keys that are held by jobs that wait.
func (s *Store) takeUp(ctx context.Context) error {
	tx, err := s.writeDB.BeginTx(ctx, nil)
	if err != nil {
		return mapError(err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	for _, stmt := range []string{
		`UPDATE river_job SET state = 'available', max_attempts = max(max_attempts, attempt + 1) WHERE state = 'running'`,
		`DELETE FROM river_leader`,
		`DELETE FROM job_key`,
		`INSERT INTO job_key (kind, job_key, n) SELECT DISTINCT kind, json_extract(args, '$.key'), 1 FROM river_job
			WHERE state IN ('available', 'scheduled', 'retryable', 'pending') AND coalesce(json_extract(args, '$.key'), '') <> ''`,
	} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return mapError(err)
		}
	}
	return mapError(tx.Commit())
}
