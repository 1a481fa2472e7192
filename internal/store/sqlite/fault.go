package sqlite

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/chancery-dev/chancery/internal/service"
)

// mappedBytes is how much of the file readers look at through a mapping; the rest is read.
const mappedBytes = "2147418112"

// errLost is of calls on a connection that has met a fault.
var errLost = fmt.Errorf("sqlite: a page of the file could not be read: %w", service.ErrUnavailable)

// guard makes a call of the driver and puts its error in our words. On a connection that looks at the file through a
// mapping, a page that the disk fails to give, or that is not in the file any more, is told
// by the kernel with a signal instead of an error: Go ends the process, unless the goroutine
// has asked for a panic instead. That panic, and no other, becomes an error here.
//
// SQLite was left in the middle then, with its locks held and its cursors between two
// states. So that connection is never touched again, not even to be closed: see lose. What
// it leaves behind is its own, since SQLite reads pages under no lock that connections
// share, but for the mark up to which it reads in the -wal file: the file cannot be begun
// anew until the process is.
func (q *querier) guard(call func() error) (err error) {
	if !q.mapped {
		return mapError(call())
	}
	if q.lost {
		return errLost
	}
	defer func(before bool) {
		debug.SetPanicOnFault(before)
		p := recover()
		if p == nil {
			return
		}
		q.lost = true
		fault, ok := p.(interface {
			runtime.Error
			Addr() uintptr
		})
		if !ok {
			panic(p)
		}
		err = fmt.Errorf("%w: %w", errLost, fault)
	}(debug.SetPanicOnFault(true))
	return mapError(call())
}

// lose gives up a reader's connection after a fault. From now on no reader looks through a
// mapping: of those, where the disk fails, just the call that needs the page fails.
func (s *Store) lose(r *reader) {
	*r = reader{}
	if !s.unmapped.Swap(true) {
		s.c.Logger.Error("sqlite: a page of the database file could not be read. Look after the disk, and begin the service anew: until then lookups are slower and the -wal file grows")
	}
}
