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
	// Concurrency is how many jobs of one lane run at once. 0: twice the number of
	// processors, and in lanes of jobs that wait for servers elsewhere what LaneWidth says.
	Concurrency int
	// Wait is how long to wait before an attempt after the first, by the number of
	// attempts that failed. nil: attempt⁴ seconds, with jitter.
	Wait func(kind string, failed int) time.Duration
	// OnError is told of every failed attempt, and whether the job was given up.
	OnError func(r Run, err error, last bool)
}

// lanes are the kinds of jobs that have workers of their own: those that wait for servers
// elsewhere, which may not answer, and those that run long. None of them holds up another,
// nor what is in no lane.
var lanes = map[string]string{
	JobMail: "mail", "document.invite": "mail", // the mail server
	JobDeliver:     "webhooks", // receivers of events, each where its customer wants it
	JobDeliverMany: "webhooks",
	"anchor.run":   "anchoring", // the chain's nodes and the timestamping authority
	"batch.chunk":  "batches",   // rows by the hundred, with files and timestamps
	JobSweep:       "files",     // where the files are, all of them
}

// laneWidth is how many jobs run at once in lanes whose jobs do nothing but wait.
var laneWidth = map[string]int{"mail": 4, "webhooks": 32, "anchoring": 4, "files": 1}

// Lane names the lane of a kind of job. "": that of all kinds that have none of their own.
func Lane(kind string) string { return lanes[kind] }

// LaneWidth is how many jobs of a lane run at once in a process that is not told
// otherwise; own is how many of those that keep a processor busy.
func LaneWidth(lane string, own int) int {
	if n, ok := laneWidth[lane]; ok {
		return n
	}
	return own
}

// Lanes sorts handlers by their lanes. The lane of those that have none is always there.
func Lanes(handlers map[string]JobHandler) map[string]map[string]JobHandler {
	out := map[string]map[string]JobHandler{"": {}}
	for kind, h := range handlers {
		lane := Lane(kind)
		if out[lane] == nil {
			out[lane] = map[string]JobHandler{}
		}
		out[lane][kind] = h
	}
	return out
}
