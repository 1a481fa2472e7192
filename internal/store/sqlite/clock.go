package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/store"
)

// lookAtClock is how often the clock is looked at.
const lookAtClock = time.Second

// aheadOfTime are River's jobs that were made or tried at a time that is yet to come: each
// waits on for as long as it had to then.
const aheadOfTime = `UPDATE river_job SET
	scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now', printf('+%.3f seconds', max(0, 86400 * (julianday(scheduled_at) - julianday(max(created_at, coalesce(attempted_at, created_at))))))),
	created_at = min(created_at, datetime('now', 'subsec')),
	attempted_at = min(attempted_at, datetime('now', 'subsec'))
	WHERE state IN ('available', 'pending', 'scheduled', 'retryable') AND max(created_at, coalesce(attempted_at, created_at)) > datetime('now', 'subsec', $1)`

// watchClock makes good what a clock that was ahead has left, in the process that does jobs:
// when that begins, when the clock was set back, and from time to time.
func (s *Store) watchClock() {
	tick := time.NewTicker(lookAtClock)
	defer tick.Stop()
	var clock store.Clock
	var looked time.Time
	due := true
	for {
		select {
		case <-s.quit:
			return
		case now := <-tick.C:
			if clock.Back(s.c.Now()) || now.Sub(looked) > store.LookBack { // by the ticker's own clock, which is never set
				due = true
			}
			if !due || !s.works() {
				continue
			}
			if err := s.setRight(context.Background()); err != nil {
				s.c.Logger.Warn("sqlite: looking for jobs that a wrong clock made", "error", err)
				continue
			}
			due, looked = false, now
		}
	}
}

// works reports whether this is the process that does jobs.
func (s *Store) works() bool {
	s.workMu.Lock()
	defer s.workMu.Unlock()
	return s.workers > 0
}

func (s *Store) setRight(ctx context.Context) error {
	done, err := s.writeDB.ExecContext(ctx, aheadOfTime, fmt.Sprintf("+%d seconds", int(store.AheadBy.Seconds())))
	if err != nil {
		return mapError(err)
	}
	if n, err := done.RowsAffected(); err == nil && n > 0 {
		s.c.Logger.Warn("sqlite: jobs that were put off by a clock that was ahead are due in time again", "jobs", n)
	}
	return nil
}
