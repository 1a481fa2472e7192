package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
)

// farAway is longer than any job waits but those for the end of a credential: one that waits
// for longer was put off by a process whose clock, and not the server's, was ahead.
const farAway = 100 * 24 * time.Hour

// aheadOfTime are River's jobs that were made or tried at a time that is yet to come: each
// waits on for as long as it had to then.
const aheadOfTime = `UPDATE river_job SET
	scheduled_at = CASE WHEN greatest(created_at, attempted_at) > now() + $1 THEN now() + greatest(scheduled_at - greatest(created_at, attempted_at), '0') ELSE now() END,
	created_at = least(created_at, now()), attempted_at = CASE WHEN attempted_at > now() THEN now() ELSE attempted_at END
	WHERE state IN ('available', 'pending', 'scheduled', 'retryable')
	AND (greatest(created_at, attempted_at) > now() + $1 OR scheduled_at > now() + $2 AND kind <> $3)`

// leadsTooLong is the claim to lead of a worker that was killed while the server's clock was
// ahead, which nobody could take from it: River's scheduled and periodic jobs would not run.
const leadsTooLong = `DELETE FROM river_leader WHERE expires_at > now() + $1`

// clocks are those that a worker goes by: its own and the server's.
type clocks struct {
	own, server store.Clock
	round       int
}

// due reports whether one of them was set back, or it is time to look in any case.
func (c *clocks) due(own, server time.Time) bool {
	first := c.round%int(store.LookBack/lookAround) == 0
	c.round++
	// Each has to be asked.
	ownBack, serverBack := c.own.Back(own), c.server.Back(server)
	return first || ownBack || serverBack
}

// setRight makes good what a clock that was ahead has left.
func (w *watch) setRight(ctx context.Context) error {
	var server time.Time
	if err := w.conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&server); err != nil {
		return mapError(err)
	}
	if !w.clocks.due(w.s.c.Now(), server) {
		return nil
	}
	var jobs int64
	err := pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, leadsTooLong, store.AheadBy); err != nil {
			return err
		}
		done, err := tx.Exec(ctx, aheadOfTime, store.AheadBy, farAway, service.JobExpire)
		jobs = done.RowsAffected()
		return err
	})
	if err != nil {
		w.clocks.round = 0
		return fmt.Errorf("postgres: looking for jobs that a wrong clock made: %w", mapError(err))
	}
	if jobs > 0 {
		w.s.c.Logger.WarnContext(ctx, "postgres: jobs that were put off by a clock that was ahead are due in time again", "jobs", jobs)
	}
	return nil
}
