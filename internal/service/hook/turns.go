package hook

import (
	"sync"
	"time"
)

// Attempts at one endpoint take turns, so that one that is slow, or is told much, does not
// hold all the workers: those of others do not wait for it.
const (
	atOnce     = 4                     // attempts at one endpoint, in this process
	firstGuess = 20 * time.Millisecond // of how long an attempt takes
	longest    = time.Minute           // that a delivery is told to wait for its turn
	shortest   = 50 * time.Millisecond
)

// turns are by endpoint. The zero value is ready.
type turns struct {
	mu  sync.Mutex
	now map[string]*turn
}

type turn struct {
	running int
	took    time.Duration // of late
	begun   time.Time     // the last one
	next    time.Time     // up to when those who were told to wait will keep it busy
}

// take begins an attempt, or tells how long to wait for a turn. What is told to wait is
// spread over the time in which its turn will come, so that few come in vain.
func (t *turns) take(endpoint string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = map[string]*turn{}
	}
	e := t.now[endpoint]
	if e == nil {
		e = &turn{took: firstGuess}
		t.now[endpoint] = e
	}
	if e.running < atOnce {
		e.running++
		e.begun = now
		return 0
	}
	if e.next.Before(now) {
		e.next = now
	}
	if e.next.Sub(now) < longest {
		e.next = e.next.Add(max(e.took, now.Sub(e.begun)) / atOnce)
	}
	return max(jitter(e.next.Sub(now)), shortest)
}

// end ends an attempt.
func (t *turns) end(endpoint string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.now[endpoint]
	e.running--
	e.took = (3*e.took + max(took, 0)) / 4
	if e.running == 0 {
		delete(t.now, endpoint)
	}
}
