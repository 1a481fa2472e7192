package main

import (
	"context"
	"testing"
	"time"
)

// TestTour runs the whole tour and expects every expectation to hold.
func TestTour(t *testing.T) {
	tour := &tour{ctx: context.Background(), dir: t.TempDir(), listen: "127.0.0.1:0", started: time.Now(), now: time.Now().UTC().Truncate(time.Second)}
	if err := tour.run(); err != nil {
		t.Fatal(err)
	}
	if tour.failed > 0 {
		t.Errorf("%d expectations did not hold", tour.failed)
	}
	if len(tour.expected) < 15 {
		t.Errorf("judged %d files only", len(tour.expected))
	}
}
