package sqlite

import (
	"context"
	"database/sql"
	"os"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

const (
	// scrubEvery is how long what was deleted without anybody calling Scrub, such as the
	// arguments of old jobs, may stay in the -wal file.
	scrubEvery = time.Hour
	// scrubPause is the time between two, so that erasing many people is no burden.
	scrubPause = time.Second
	// scrubWait is when it is tried again after a View was in the way, and scrubWaitMost
	// what that grows to: a backup of a large store takes minutes.
	scrubWait, scrubWaitMost = 100 * time.Millisecond, 30 * time.Second
	// scrubBusy is how long one attempt waits for Views, and so how long it may hold up
	// Updates.
	scrubBusy = "100"
)

var _ service.Scrubber = (*Store)(nil)

// Scrub implements service.Scrubber. In the database file what is deleted is written over
// with zeros (secure_delete), but the pages as they were before lie in the -wal file, also
// after they have been copied, until newer ones come to lie in their place. So the file is
// copied and emptied, by a connection of its own, which waits for nobody for long.
func (s *Store) Scrub() {
	select {
	case s.scrubs <- struct{}{}:
	default: // is going to be done, after what has been committed by now
	}
}

// scrubber is the goroutine that does it: when it is asked to, when the store is opened,
// since a process may have been killed before, and now and then.
func (s *Store) scrubber() {
	told := false
	for wait := scrubWait; ; {
		done, err := s.scrub()
		if done {
			wait, told = scrubWait, false
			if s.rest(scrubPause, nil) || s.rest(scrubEvery, s.scrubs) {
				return
			}
			continue
		}
		if !told && (err != nil || wait == scrubWaitMost) {
			s.c.Logger.Warn("sqlite: what was deleted is still in the -wal file; it is tried again and again", "error", err)
			told = true
		}
		if s.rest(wait, nil) {
			return
		}
		wait = min(2*wait, scrubWaitMost)
	}
}

// rest waits for a time, or until something comes, and reports whether the store is being
// closed.
func (s *Store) rest(d time.Duration, something <-chan struct{}) (closing bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-something:
	case <-s.quit:
		return true
	}
	return false
}

// scrub empties the -wal file, unless a View reads from it for longer than scrubBusy.
func (s *Store) scrub() (done bool, err error) {
	if f, err := os.Stat(s.c.Path + "-wal"); err == nil && f.Size() == 0 || os.IsNotExist(err) {
		return true, nil
	}
	db, err := sql.Open("sqlite", s.c.source("", "busy_timeout("+scrubBusy+")", "synchronous(FULL)"))
	if err != nil {
		return false, mapError(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	// What can be copied without a lock is copied first, so that Updates wait for little.
	for _, mode := range []string{"PASSIVE", "TRUNCATE"} {
		var busy, frames, copied int
		if err := db.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &copied); err != nil {
			return false, mapError(err)
		}
		done = busy == 0 && mode == "TRUNCATE"
	}
	return done, nil
}
