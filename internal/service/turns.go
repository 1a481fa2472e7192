package service

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Turns share the workers of a lane (see Lane): who has much to do, or is slow, does not hold
// all of them, and what others need done does not wait for him. They are of one process. The
// zero value is ready.
type Turns struct {
	// Longest is how long something is told to wait for its turn, at most. 0: a minute.
	Longest time.Duration

	mu  sync.Mutex
	now map[string]*turn
}

// Bound is how much may run at once in the name of something.
type Bound struct {
	Name   string
	AtOnce int
}

const (
	firstGuess = 20 * time.Millisecond // of how long something takes
	shortest   = 50 * time.Millisecond // that is waited
)

type turn struct {
	running int
	took    time.Duration // of late
	begun   time.Time     // the last one
	next    time.Time     // up to when those who were told to wait will keep it busy
}

// Take begins something that counts under all of some bounds, or tells how long to wait for a
// turn. What is told to wait is spread over the time in which its turn will come, so that
// few come in vain.
func (t *Turns) Take(now time.Time, bounds ...Bound) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = map[string]*turn{}
	}
	for _, b := range bounds {
		if e := t.now[b.Name]; e != nil && e.running >= b.AtOnce {
			return e.wait(now, b.AtOnce, orElse(t.Longest, time.Minute))
		}
	}
	for _, b := range bounds {
		e := t.now[b.Name]
		if e == nil {
			e = &turn{took: firstGuess}
			t.now[b.Name] = e
		}
		e.running++
		e.begun = now
	}
	return 0
}

// wait is how long to wait where n run at once. What was written down before the clock was
// set, in either direction, does not make it longer.
func (e *turn) wait(now time.Time, n int, longest time.Duration) time.Duration {
	if e.next.Before(now) || e.next.Sub(now) > 2*longest {
		e.next = now
	}
	if e.next.Sub(now) < longest {
		e.next = e.next.Add(min(max(e.took, now.Sub(e.begun))/time.Duration(n), longest))
	}
	return max(Jitter(e.next.Sub(now)), shortest)
}

// End ends what Take has begun, under the same bounds.
func (t *Turns) End(took time.Duration, bounds ...Bound) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range bounds {
		e := t.now[b.Name]
		e.running--
		e.took = (3*e.took + max(took, 0)) / 4
		if e.running == 0 {
			delete(t.now, b.Name)
		}
	}
}

// Jitter spreads a wait by a fifth, so that what failed together does not return together.
func Jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*0.4-0.2)*float64(d))
}
