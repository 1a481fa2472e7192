package sqlite

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

const (
	// poll is how often River looks for jobs.
	poll = 25 * time.Millisecond
	// lookAnyhow is after how many looks the database is asked although nobody has told of a
	// job: a second. There are those that River puts back itself.
	lookAnyhow = 40
)

// looking is River's for SQLite, but for looking for jobs. SQLite cannot tell of a row that
// was added, so that River asks at short intervals; each time takes about a millisecond,
// most of it for parsing the statement. What is added here is known here: until then, the
// answer is that there is none.
type looking struct {
	*riversqlite.Driver
	stirred *atomic.Uint64 // grows with every commit that adds jobs
	queues  *sync.Map      // of *looked, by the queue's name
}

func newLooking(s *Store) *looking {
	return &looking{Driver: riversqlite.New(s.writeDB), stirred: &s.stirred, queues: &sync.Map{}}
}

// GetExecutor implements riverdriver.Driver.
func (d *looking) GetExecutor() riverdriver.Executor {
	return &executor{Executor: d.Driver.GetExecutor(), d: d}
}

var _ riverdriver.Driver[*sql.Tx] = (*looking)(nil)

// executor runs River's statements outside of transactions.
type executor struct {
	riverdriver.Executor
	d *looking
}

// looked is what was found in a queue when the database was asked last.
type looked struct {
	mu      sync.Mutex
	stirred uint64
	since   int  // looks since then
	found   bool // jobs, so that there may be more
}

// JobGetAvailable implements riverdriver.Executor.
func (e *executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	v, ok := e.d.queues.Load(p.Queue)
	if !ok {
		v, _ = e.d.queues.LoadOrStore(p.Queue, &looked{found: true}) // or there were some before
	}
	last := v.(*looked)
	last.mu.Lock()
	defer last.mu.Unlock()
	// The count is read first: what is added while the database is asked is looked for again.
	stirred := e.d.stirred.Load()
	if last.since++; !last.found && stirred == last.stirred && last.since < lookAnyhow {
		return &riverdriver.JobGetAvailableResult{}, nil
	}
	r, err := e.Executor.JobGetAvailable(ctx, p)
	if err != nil {
		return r, err
	}
	last.stirred, last.since, last.found = stirred, 0, len(r.Jobs) > 0
	return r, nil
}
