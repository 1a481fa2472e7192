package store_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/store"
)

// TestClock: a clock that goes back is noticed once, also where the machine's other clock,
// which is never set, went on.
func TestClock(t *testing.T) {
	var c store.Clock
	begin := time.Now()
	for i, step := range []struct {
		at   time.Time
		back bool
	}{
		{begin, false}, {begin.Add(time.Second), false}, {begin.Add(time.Second), false}, {begin.Round(0).AddDate(10, 0, 0), false},
		{begin.Add(2 * time.Second), true}, {begin.Add(3 * time.Second), false}, {begin.Round(0).Add(-time.Hour), true}, {begin.Round(0), false},
	} {
		if got := c.Back(step.at); got != step.back {
			t.Errorf("%d: found %v", i, got)
		}
	}
}
