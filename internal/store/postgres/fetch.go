package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// driver is River's, but for jobs that the server has given to a worker that did not hear of
// it, since the answer was lost: nobody runs them, and while the worker lives nobody takes
// them from it. Before its next look in that lane they are set to run again.
type driver struct {
	riverdriver.Driver[pgx.Tx]
	fetches *fetches
}

func newDriver(s *Store, worker string) driver {
	return driver{riverpgxv5.New(s.pool), &fetches{s: s, worker: worker, lanes: map[string]*lane{}}}
}

// GetExecutor implements riverdriver.Driver.
func (d driver) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.fetches}
}

type executor struct {
	riverdriver.Executor
	fetches *fetches
}

// JobGetAvailable implements riverdriver.Executor.
func (e executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	l := e.fetches.lane(p.Queue)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doubtful {
		if err := e.fetches.giveBack(ctx, p.Queue, l.last); err != nil {
			return nil, err
		}
		l.doubtful = false
	}
	found, err := e.Executor.JobGetAvailable(ctx, p)
	if err != nil {
		l.doubtful = true
		return nil, err
	}
	for _, j := range found.Jobs { // of one look, which has one time; it may be before the last one's, where the clock was set
		if j.AttemptedAt != nil {
			l.last = *j.AttemptedAt
		}
	}
	return found, nil
}

// fetches are the looks of one worker for jobs.
type fetches struct {
	s      *Store
	worker string

	mu    sync.Mutex
	lanes map[string]*lane // by River's name
}

type lane struct {
	mu       sync.Mutex
	last     time.Time // the server's, of the last look that found jobs
	doubtful bool      // the look after that was not answered
}

func (f *fetches) lane(name string) *lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lanes[name]
	if l == nil {
		l = &lane{}
		f.lanes[name] = l
	}
	return l
}

// giveBack sets jobs to run again that were given to this worker after a time.
func (f *fetches) giveBack(ctx context.Context, queue string, after time.Time) error {
	tag, err := f.s.pool.Exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = now(), max_attempts = greatest(max_attempts, attempt + 1)
		WHERE state = 'running' AND queue = $1 AND attempted_by[array_length(attempted_by, 1)] = $2 AND attempted_at > $3`, queue, f.worker, after)
	if err != nil {
		return mapError(err)
	}
	if n := tag.RowsAffected(); n > 0 {
		f.s.c.Logger.InfoContext(ctx, "postgres: jobs that were given to this process unheard run again", "jobs", n)
	}
	return nil
}
