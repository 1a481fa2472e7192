package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/chancery-dev/chancery/internal/service"
)

// Jobs are River's, one kind of River for each of ours. What River cannot say is in the
// arguments around ours: the key that is unique while a job is waiting. River's own unique
// jobs count a running one too, for which a change that comes while the job runs would be
// lost; so the key is a row of job_key, which the job deletes when it begins. Whoever finds
// the row there locks it until its own commit, so that the job that begins sees what was
// committed by all who relied on it.

const (
	defaultAttempts = 25
	// interrupted is how often a job may be ended by the end of its process without
	// counting: beyond it, the job is what ends the process.
	interrupted = 5
	// stopAfter is how long jobs may go on when work ends.
	stopAfter = 30 * time.Second
	// stuckAfter is when River takes a job for lost. Those of dead processes are found at
	// once by other means.
	stuckAfter = 6 * time.Hour
)

// Job is a River job to be inserted.
type Job struct {
	Args     river.JobArgs
	At       time.Time // zero: now
	Attempts int
}

// Options are what River is told.
func (j Job) Options() *river.InsertOpts {
	return &river.InsertOpts{MaxAttempts: j.Attempts, ScheduledAt: j.At, Queue: service.Lane(j.Args.Kind())}
}

// jobArgs are the arguments of all kinds.
type jobArgs struct {
	kind     string
	Key      string         `json:"key,omitempty"`
	Attempts int            `json:"attempts"`
	Args     jsontext.Value `json:"args"`
}

// Kind implements river.JobArgs.
func (a jobArgs) Kind() string { return a.kind }

// MarshalJSON and UnmarshalJSON are for River, which knows the older JSON package.
func (a jobArgs) MarshalJSON() ([]byte, error) {
	type plain jobArgs
	return json.Marshal(plain(a))
}

// UnmarshalJSON reads what MarshalJSON wrote. PostgreSQL has changed its white space.
func (a *jobArgs) UnmarshalJSON(b []byte) error {
	type plain jobArgs
	err := json.Unmarshal(b, (*plain)(a))
	if err == nil {
		err = a.Args.Compact()
	}
	return err
}

func newArgs(j service.Job) jobArgs {
	a := jobArgs{kind: j.Kind, Key: j.Key, Attempts: j.Attempts, Args: j.Args}
	if a.Attempts <= 0 {
		a.Attempts = defaultAttempts
	}
	if len(a.Args) == 0 {
		a.Args = jsontext.Value("{}")
	}
	return a
}

// Enqueue implements service.Tx.
func (t *Tx) Enqueue(ctx context.Context, j service.Job) error {
	if err := t.ready(ctx, true, []any{j.Kind, string(j.Args), j.Key}); err != nil {
		return err
	}
	if j.Key != "" {
		n, err := t.markJob(ctx, j.Kind, j.Key)
		if err != nil || n > 1 {
			return err
		}
	}
	a := newArgs(j)
	return t.fail(t.q.Enqueue(ctx, Job{Args: a, At: j.At, Attempts: a.Attempts}))
}

func (t *Tx) markJob(ctx context.Context, kind, key string) (int64, error) {
	return row(ctx, t, true, scanInt, `INSERT INTO job_key (kind, job_key, n) VALUES ($1, $2, 1)
		ON CONFLICT (kind, job_key) DO UPDATE SET n = job_key.n + 1 RETURNING n`, kind, key)
}

// WorkerConfig is what Work of both engines gives to NewWorker.
type WorkerConfig struct {
	service.WorkConfig
	ID     string
	Now    func() time.Time
	Logger *slog.Logger
	// Poll is how often jobs are looked for; Cooldown the shortest time between two looks.
	Poll, Cooldown time.Duration
}

// NewWorker returns a client of River that does jobs once it is started.
func NewWorker[T any](d riverdriver.Driver[T], r Runner, c WorkerConfig) (*river.Client[T], error) {
	if c.Wait == nil {
		c.Wait = wait
	}
	workers := river.NewWorkers()
	for _, kind := range slices.Sorted(maps.Keys(c.Handlers)) {
		if kind == "" || len(kind) > 127 || c.Handlers[kind] == nil {
			return nil, fmt.Errorf("store: expected a kind of job of 1 to 127 bytes with its handler, found %q", kind)
		}
		river.AddWorkerArgs(workers, jobArgs{kind: kind}, &worker{handler: c.Handlers[kind], c: c, r: r})
	}
	var periodic []*river.PeriodicJob
	for _, kind := range slices.Sorted(maps.Keys(c.Every)) {
		if c.Every[kind] <= 0 {
			return nil, fmt.Errorf("store: expected a positive interval for %q", kind)
		}
		periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(c.Every[kind]), func() (river.JobArgs, *river.InsertOpts) {
			return newArgs(service.Job{Kind: kind}), periodicOptions(c.Now())
		}, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return river.NewClient(d, &river.Config{
		ID: c.ID, Logger: slog.New(ending{c.Logger.Handler()}), Workers: workers, PeriodicJobs: periodic, FetchOnlyKnownKinds: true,
		Queues:        queues(c),
		FetchCooldown: c.Cooldown, FetchPollInterval: c.Poll,
		JobTimeout: -1, RescueStuckJobsAfter: stuckAfter, SoftStopTimeout: stopAfter,
		CompletedJobRetentionPeriod: time.Hour,
	})
}

// queues are River's name for lanes.
func queues(c WorkerConfig) map[string]river.QueueConfig {
	own := 2 * runtime.GOMAXPROCS(0)
	out := map[string]river.QueueConfig{}
	for lane := range service.Lanes(c.Handlers) {
		n := service.LaneWidth(lane, own)
		q := river.QueueConfig{MaxWorkers: n}
		if c.Concurrency > 0 {
			q.MaxWorkers = c.Concurrency
		}
		if lane == "" {
			lane = river.QueueDefault
		}
		out[lane] = q
	}
	return out
}

// periodicOptions keep a second job of a kind from being added while there is one. Its time is
// now: River's own is the sum of all intervals since the worker began, so that after the clock
// was set back each of these jobs would wait for as long as the clock was ahead.
func periodicOptions(now time.Time) *river.InsertOpts {
	return &river.InsertOpts{ScheduledAt: now, MaxAttempts: defaultAttempts, UniqueOpts: river.UniqueOpts{ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}

func wait(_ string, failed int) time.Duration {
	f := float64(max(min(failed, 100), 1))
	return time.Duration(f * f * f * f * (0.9 + 0.2*rand.Float64()) * float64(time.Second))
}

// Work starts a client and stops it when ctx ends: jobs that run may go on for a while.
func Work[T any](ctx context.Context, client *river.Client[T]) error {
	run := context.WithoutCancel(ctx)
	if err := client.Start(run); err != nil {
		return err
	}
	<-ctx.Done()
	return client.Stop(run)
}

type worker struct {
	river.WorkerDefaults[jobArgs]
	handler service.JobHandler
	c       WorkerConfig
	r       Runner
}

var errJob = errors.New("store: the job failed; the log says why")

// Work implements river.Worker. What it returns is stored, so that it says nothing: the
// error itself goes to OnError.
func (w *worker) Work(ctx context.Context, j *river.Job[jobArgs]) error {
	run := service.Run{Kind: j.Kind, Args: j.Args.Args, Attempt: j.Attempt, Attempts: j.Args.Attempts}
	if run.Attempt > run.Attempts+interrupted {
		err := fmt.Errorf("store: ended by the end of its process %d times", interrupted)
		w.report(run, err, true)
		return river.JobCancel(errJob)
	}
	if err := w.begin(ctx, j); err != nil {
		w.report(run, err, false)
		return river.JobSnooze(time.Second)
	}
	err := w.handler(ctx, run)
	if err == nil {
		return nil
	}
	var later *service.Later
	var giveUp *service.GiveUp
	switch {
	case errors.As(err, &later):
		w.waiting(ctx, j)
		return river.JobSnooze(max(later.After, 0))
	case errors.As(err, &giveUp), run.Attempt >= run.Attempts:
		w.report(run, err, true)
		return river.JobCancel(errJob)
	}
	w.report(run, err, false)
	w.waiting(ctx, j)
	return errJob
}

func (w *worker) report(r service.Run, err error, last bool) {
	if w.c.OnError != nil {
		w.c.OnError(r, err, last)
	}
}

// begin ends the time in which the job's key keeps others from being added.
func (w *worker) begin(ctx context.Context, j *river.Job[jobArgs]) error {
	if j.Args.Key == "" {
		return nil
	}
	return w.r.RunUpdate(ctx, func(t *Tx) error {
		return t.later(ctx, `DELETE FROM job_key WHERE kind = $1 AND job_key = $2`, j.Kind, j.Args.Key)
	})
}

// waiting is for a job that will run again. That it fails does no harm: another job may be
// added beside it.
func (w *worker) waiting(ctx context.Context, j *river.Job[jobArgs]) {
	if j.Args.Key == "" {
		return
	}
	err := w.r.RunUpdate(ctx, func(t *Tx) error {
		_, err := t.markJob(ctx, j.Kind, j.Args.Key)
		return err
	})
	if err != nil {
		w.c.Logger.WarnContext(ctx, "store: the key of a waiting job is not held", "kind", j.Kind, "error", err)
	}
}

// NextRetry implements river.Worker.
func (w *worker) NextRetry(j *river.Job[jobArgs]) time.Time {
	return w.c.Now().Add(w.c.Wait(j.Kind, j.Attempt))
}
