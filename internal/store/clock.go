package store

import "time"

// A machine's clock that is wrong for a while, and set right again, leaves things behind that
// wait for a time which is far away: jobs, and the claim to lead of a worker that was killed
// meanwhile. Periodic jobs wait like others, and keep the next of their kind from being added,
// so that the audit log would not be chained and no status list be renewed until then.

// AheadBy is how far the clocks of machines that share a database may be apart: what says
// that it happened later than that happened by a clock that was wrong.
const AheadBy = time.Minute

// LookBack is how often a worker looks for what a clock that was ahead has left, where its
// own clocks did not go back: that of another machine may have.
const LookBack = time.Hour

// Clock finds out whether a clock was set back. The zero value is ready.
type Clock struct{ last time.Time }

// Back reports whether now is before the now of the call before.
func (c *Clock) Back(now time.Time) bool {
	now = now.Round(0) // the wall clock: the other one never goes back
	back := now.Before(c.last)
	c.last = now
	return back
}
