package service

import (
	"context"
	"fmt"
	"time"
)

// Job is work for later. It may run more than once: its effect is keyed by what is in
// Args, so that the second run changes nothing.
type Job struct {
	Kind string
	// Args is a JSON object. It holds ids, not data.
	Args []byte
	// Key keeps a second job of the same Kind from being added while one is waiting. "":
	// every one is added.
	Key string
	// At is when to run it. Zero: at once.
	At time.Time
	// Attempts is how often it is tried before it is given up. 0: 25.
	Attempts int
}

// Run is a job that runs.
type Run struct {
	Kind     string
	Args     []byte
	Attempt  int // from 1
	Attempts int
}

// JobHandler does a job. nil: done. A *Later runs it again at a time without counting the
// attempt, a *GiveUp ends it; any other error has it tried again later, until its
// attempts are used up.
type JobHandler func(ctx context.Context, r Run) error

// Later has a job run again after a while.
type Later struct{ After time.Duration }

func (l *Later) Error() string { return fmt.Sprintf("service: again in %v", l.After) }

// GiveUp ends a job without another attempt.
type GiveUp struct{ Err error }

func (g *GiveUp) Error() string { return "service: given up: " + g.Err.Error() }
func (g *GiveUp) Unwrap() error { return g.Err }

// WorkConfig says who does jobs.
type WorkConfig struct {
	// Handlers do jobs by kind. Jobs of other kinds are left to other processes.
	Handlers map[string]JobHandler
	// Every adds jobs of a kind, without Args, at intervals; with several processes, once.
	Every map[string]time.Duration
	// Concurrency is how many jobs run at once. 0: twice the number of processors.
	Concurrency int
	// Wait is how long to wait before an attempt after the first, by the number of
	// attempts that failed. nil: attempt⁴ seconds, with jitter.
	Wait func(kind string, failed int) time.Duration
	// OnError is told of every failed attempt, and whether the job was given up.
	OnError func(r Run, err error, last bool)
}
