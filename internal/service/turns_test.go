package service

import (
	"testing"
	"time"
)

// TestTurnsClock: whoever has to wait for a turn does not wait for years because the clock is
// set, in either direction, while others have theirs.
func TestTurnsClock(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	begin := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	for name, leap := range map[string]time.Duration{"ahead": years, "back": -years} {
		turns := Turns{Longest: 10 * time.Second}
		one := Bound{Name: "one", AtOnce: 1}
		if wait := turns.Take(begin, one); wait != 0 {
			t.Fatalf("%s: the first waits for %v", name, wait)
		}
		for i := range 5 {
			at := begin.Add(leap + time.Duration(i)*time.Second)
			if wait := turns.Take(at, one); wait <= 0 || wait > 25*time.Second {
				t.Errorf("%s: number %d waits for %v", name, i, wait)
			}
		}
		for i := range 5 { // and right again
			if wait := turns.Take(begin.Add(time.Duration(i)*time.Second), one); wait <= 0 || wait > 25*time.Second {
				t.Errorf("%s, and right again: number %d waits for %v", name, i, wait)
			}
		}
	}
}
