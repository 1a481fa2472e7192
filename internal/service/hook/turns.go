package hook

import (
	"sync"
	"time"
)

// Attempts take turns, those at one endpoint and all those for one institution, so that who
// is slow, or is told much, does not hold all the workers (service.LaneWidth): the events of
// others do not wait for him.
const (
	atOnce      = 4                     // attempts at one endpoint, in this process
	atOnceOfOne = 12                    // attempts at all endpoints of one institution
	firstGuess  = 20 * time.Millisecond // of how long an attempt takes
	longest     = time.Minute           // that a delivery is told to wait for its turn
	shortest    = 50 * time.Millisecond
)

// turns are by endpoint and by institution. The zero value is ready.
type turns struct {
	mu  sync.Mutex
	now map[whose]*turn
}

// whose turn it is.
type whose struct {
	tenant   string
	endpoint string // "": any
}

type turn struct {
	running int
	took    time.Duration // of late
	begun   time.Time     // the last one
	next    time.Time     // up to when those who were told to wait will keep it busy
}

// take begins an attempt, or tells how long to wait for a turn. What is told to wait is
// spread over the time in which its turn will come, so that few come in vain.
func (t *turns) take(w whose, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = map[whose]*turn{}
	}
	one, all := t.of(w), t.of(whose{tenant: w.tenant})
	switch {
	case one.running >= atOnce:
		return one.wait(now, atOnce)
	case all.running >= atOnceOfOne:
		t.tidy(w)
		return all.wait(now, atOnceOfOne)
	}
	for _, e := range []*turn{one, all} {
		e.running++
		e.begun = now
	}
	return 0
}

func (t *turns) of(w whose) *turn {
	e := t.now[w]
	if e == nil {
		e = &turn{took: firstGuess}
		t.now[w] = e
	}
	return e
}

// wait is how long to wait where n attempts run at once.
func (e *turn) wait(now time.Time, n int) time.Duration {
	if e.next.Before(now) {
		e.next = now
	}
	if e.next.Sub(now) < longest {
		e.next = e.next.Add(max(e.took, now.Sub(e.begun)) / time.Duration(n))
	}
	return max(jitter(e.next.Sub(now)), shortest)
}

// end ends an attempt.
func (t *turns) end(w whose, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range []whose{w, {tenant: w.tenant}} {
		e := t.now[w]
		e.running--
		e.took = (3*e.took + max(took, 0)) / 4
		t.tidy(w)
	}
}

// tidy forgets what nothing runs of.
func (t *turns) tidy(w whose) {
	if t.now[w].running == 0 {
		delete(t.now, w)
	}
}
