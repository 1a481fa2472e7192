package httpapi

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends after a while, as that of context.WithTimeout does, whose
// timer starts when somebody first waits for it. Most calls are answered without anybody
// waiting, and a timer that nothing hears costs more than the rest of what surrounds a
// verification. Who only asks whether it has ended is told so by the clock.
type deadline struct {
	context.Context
	at    time.Time
	clock func() time.Time

	mu    sync.Mutex
	timed context.Context // nil: nobody has waited
	stop  context.CancelFunc
	ended bool
}

// withDeadline returns a context that ends at a time of the clock, or when end is called.
func withDeadline(parent context.Context, clock func() time.Time, at time.Time) *deadline {
	return &deadline{Context: parent, at: at, clock: clock}
}

// end ends it, and frees what it holds.
func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.stop != nil {
		d.stop()
	}
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) {
	if at, ok := d.Context.Deadline(); ok && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil {
		d.timed, d.stop = context.WithTimeout(d.Context, d.at.Sub(d.clock()))
		if d.ended {
			d.stop()
		}
	}
	return d.timed.Done()
}

// Err implements context.Context.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.timed != nil:
		return d.timed.Err()
	case d.Context.Err() != nil:
		return d.Context.Err()
	case d.ended:
		return context.Canceled
	case !d.clock().Before(d.at):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context. The inner context is asked, so that contexts made of
// this one join it instead of watching it with a goroutine each.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	timed := d.timed
	d.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return d.Context.Value(key)
}
