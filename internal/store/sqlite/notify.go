package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

const (
	// poll is how often River looks for jobs of which nobody has told: those that another
	// process has added.
	poll = time.Second
	// insertTopic is River's for jobs that were added; the payload names their queue.
	insertTopic = "river_insert"
)

func insertPayload(queue string) string { return fmt.Sprintf("{\"queue\": %q}", queue) }

// exchange carries River's notifications within this process, to those who work on its
// jobs. SQLite tells nobody of a row that was added: River's driver keeps notifications in a
// table and polls it. As one process at a time does jobs, and mostly adds them too, none of
// that is needed.
type exchange struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

// send gives payloads of a topic to all who listen.
func (x *exchange) send(topic string, payloads ...string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for l := range x.listeners {
		l.take(topic, payloads)
	}
}

// inserted tells of jobs that were committed to queues.
func (x *exchange) inserted(queues map[string]struct{}) {
	for queue := range queues {
		x.send(insertTopic, insertPayload(queue))
	}
}

// listener implements riverdriver.Listener.
type listener struct {
	x    *exchange
	wake chan struct{} // holds one while something waits

	mu      sync.Mutex
	topics  map[string]bool
	waiting []riverdriver.Notification // each once: what it tells is that there is something
}

var _ riverdriver.Listener = (*listener)(nil)

func (l *listener) take(topic string, payloads []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.topics[topic] {
		return
	}
next:
	for _, payload := range payloads {
		n := riverdriver.Notification{Topic: topic, Payload: payload}
		for _, w := range l.waiting {
			if w == n {
				continue next
			}
		}
		l.waiting = append(l.waiting, n)
	}
	l.stir()
}

func (l *listener) stir() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Connect implements riverdriver.Listener.
func (l *listener) Connect(context.Context) error {
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	if l.x.listeners == nil {
		l.x.listeners = map[*listener]struct{}{}
	}
	l.x.listeners[l] = struct{}{}
	return nil
}

// Close implements riverdriver.Listener.
func (l *listener) Close(context.Context) error {
	l.x.mu.Lock()
	delete(l.x.listeners, l)
	l.x.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.topics)
	l.waiting = nil
	return nil
}

// Listen implements riverdriver.Listener.
func (l *listener) Listen(_ context.Context, topic string) error { return l.set(topic, true) }

// Unlisten implements riverdriver.Listener.
func (l *listener) Unlisten(_ context.Context, topic string) error { return l.set(topic, false) }

func (l *listener) set(topic string, on bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.topics[topic] = on
	return nil
}

// Ping implements riverdriver.Listener.
func (l *listener) Ping(context.Context) error { return nil }

// Schema implements riverdriver.Listener.
func (l *listener) Schema() string { return "" }

// SetAfterConnectExec implements riverdriver.Listener; it is for River's own tests.
func (l *listener) SetAfterConnectExec(string) {}

// WaitForNotification implements riverdriver.Listener.
func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	for {
		l.mu.Lock()
		if len(l.waiting) > 0 {
			n := l.waiting[0]
			l.waiting = l.waiting[1:]
			l.mu.Unlock()
			return &n, nil
		}
		l.mu.Unlock()
		select {
		case <-l.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// dueText finds out whether a queue has jobs at all, in the index that River fetches by.
const dueText = "SELECT 1 FROM river_job WHERE state = 'available' AND queue = ? LIMIT 1"

// riverDriver is River's for SQLite, but for notifications and for looking into queues that
// are empty.
type riverDriver struct {
	*riversqlite.Driver
	x   *exchange
	now func() time.Time
	due *sql.Stmt // dueText; nil where no jobs are fetched
}

var _ riverdriver.Driver[*sql.Tx] = (*riverDriver)(nil)

func newRiverDriver(s *Store) *riverDriver {
	return &riverDriver{Driver: riversqlite.New(s.writeDB), x: &s.exchange, now: s.c.Now}
}

// GetExecutor implements riverdriver.Driver.
func (d *riverDriver) GetExecutor() riverdriver.Executor {
	return &executor{d.Driver.GetExecutor(), d.x, d.now, d.due}
}

// GetListener implements riverdriver.Driver.
func (d *riverDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{x: d.x, wake: make(chan struct{}, 1), topics: map[string]bool{}}
}

// UnwrapExecutor implements riverdriver.Driver. Whoever brings a transaction of his own
// tells of its jobs after its commit.
func (d *riverDriver) UnwrapExecutor(tx *sql.Tx) riverdriver.ExecutorTx {
	return &executorTx{ExecutorTx: d.Driver.UnwrapExecutor(tx), told: func(string, []string) {}}
}

// UnwrapTx implements riverdriver.Driver.
func (d *riverDriver) UnwrapTx(tx riverdriver.ExecutorTx) *sql.Tx {
	for {
		own, ok := tx.(*executorTx)
		if !ok {
			return d.Driver.UnwrapTx(tx)
		}
		tx = own.ExecutorTx
	}
}

// executor runs River's statements outside of transactions.
type executor struct {
	riverdriver.Executor
	x   *exchange
	now func() time.Time
	due *sql.Stmt
}

// JobGetAvailable implements riverdriver.Executor. River's statement is compiled anew each
// time, twice, which takes a hundred times as long as seeing that there is nothing to fetch.
func (e *executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	if e.due != nil {
		var one int
		switch err := e.due.QueryRowContext(ctx, p.Queue).Scan(&one); {
		case errors.Is(err, sql.ErrNoRows):
			return &riverdriver.JobGetAvailableResult{}, nil
		case err != nil:
			return nil, err
		}
	}
	return e.Executor.JobGetAvailable(ctx, p)
}

// Begin implements riverdriver.Executor.
func (e *executor) Begin(ctx context.Context) (riverdriver.ExecutorTx, error) {
	tx, err := e.Executor.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &executorTx{ExecutorTx: tx, told: func(topic string, payloads []string) { e.x.send(topic, payloads...) }}, nil
}

// NotifyMany implements riverdriver.Executor.
func (e *executor) NotifyMany(_ context.Context, p *riverdriver.NotifyManyParams) error {
	e.x.send(p.Topic, p.Payload...)
	return nil
}

// JobSetStateIfRunningMany implements riverdriver.Executor. A job that has to wait for less
// than the next look is looked for when its time has come.
func (e *executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	jobs, err := e.Executor.JobSetStateIfRunningMany(ctx, p)
	now := e.now()
	for _, j := range jobs {
		if j.State != rivertype.JobStateAvailable {
			continue
		}
		queue := insertPayload(j.Queue)
		if wait := j.ScheduledAt.Sub(now); wait < poll {
			time.AfterFunc(max(wait, 0)+time.Millisecond, func() { e.x.send(insertTopic, queue) })
		}
	}
	return jobs, err
}

// executorTx tells after its commit what was notified within it.
type executorTx struct {
	riverdriver.ExecutorTx
	told   func(topic string, payloads []string)
	topics []string
	sent   [][]string
}

// Begin implements riverdriver.Executor.
func (t *executorTx) Begin(ctx context.Context) (riverdriver.ExecutorTx, error) {
	inner, err := t.ExecutorTx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &executorTx{ExecutorTx: inner, told: t.note}, nil
}

// NotifyMany implements riverdriver.Executor.
func (t *executorTx) NotifyMany(_ context.Context, p *riverdriver.NotifyManyParams) error {
	t.note(p.Topic, p.Payload)
	return nil
}

func (t *executorTx) note(topic string, payloads []string) {
	t.topics, t.sent = append(t.topics, topic), append(t.sent, payloads)
}

// Commit implements riverdriver.ExecutorTx.
func (t *executorTx) Commit(ctx context.Context) error {
	if err := t.ExecutorTx.Commit(ctx); err != nil {
		return err
	}
	for i, topic := range t.topics {
		t.told(topic, t.sent[i])
	}
	t.topics, t.sent = nil, nil
	return nil
}
