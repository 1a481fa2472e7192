package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestClockAhead: jobs that were made or put off while the clock was years ahead, which no
// clock that is right would reach, run when they would have; those of a time that is to come
// stay.
func TestClockAhead(t *testing.T) {
	s := openForJobs(t)
	for _, kind := range []string{"made", "failed", "soon", "meant", "planned"} {
		var at time.Time
		if kind == "planned" {
			at = time.Now().AddDate(1, 0, 0)
		}
		if err := s.Update(t.Context(), func(tx service.Tx) error { return tx.Enqueue(t.Context(), service.Job{Kind: kind, At: at}) }); err != nil {
			t.Fatal(err)
		}
	}
	for kind, set := range map[string]string{
		"made":   "created_at = datetime('now', 'subsec', '+10 years'), scheduled_at = datetime('now', 'subsec', '+10 years')",
		"failed": "attempt = 1, state = 'retryable', attempted_at = datetime('now', 'subsec', '+10 years'), scheduled_at = datetime('now', 'subsec', '+10 years', '+1 seconds')",
		"soon":   "attempt = 1, state = 'scheduled', attempted_at = datetime('now', 'subsec', '+10 years'), scheduled_at = datetime('now', 'subsec', '+10 years')",
		"meant":  "attempt = 1, state = 'scheduled', attempted_at = datetime('now', 'subsec', '+10 years'), scheduled_at = datetime('now', 'subsec', '+10 years', '+1 days')",
	} {
		if _, err := s.writeDB.ExecContext(t.Context(), "UPDATE river_job SET "+set+" WHERE kind = $1", kind); err != nil {
			t.Fatal(err)
		}
	}
	ran := make(chan string, 10)
	handler := func(_ context.Context, r service.Run) error { ran <- r.Kind; return nil }
	handlers := map[string]service.JobHandler{"made": handler, "failed": handler, "soon": handler, "meant": handler, "planned": handler}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Work(ctx, service.WorkConfig{Handlers: handlers}) }()
	left := map[string]bool{"made": true, "failed": true, "soon": true}
	for patience := time.After(20 * time.Second); len(left) > 0; {
		select {
		case kind := <-ran:
			if !left[kind] {
				t.Errorf("%s ran", kind)
			}
			delete(left, kind)
		case <-patience:
			t.Fatalf("never ran: %v", left)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for kind, days := range map[string]float64{"meant": 1, "planned": 365} {
		var in float64
		if err := s.writeDB.QueryRowContext(t.Context(), "SELECT julianday(scheduled_at) - julianday('now') FROM river_job WHERE kind = $1", kind).Scan(&in); err != nil || in < days-0.01 || in > days+1.01 {
			t.Errorf("%s runs in %v days, expected %v, %v", kind, in, days, err)
		}
	}
}

// TestPeriodicByTheClock: a periodic job is for now, by the clock that is set, however it was
// set since the worker began.
func TestPeriodicByTheClock(t *testing.T) {
	s := openByClock(t, func() time.Time { return time.Now().Add(-time.Hour) })
	ran := make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Work(ctx, service.WorkConfig{
			Handlers: map[string]service.JobHandler{"again": func(_ context.Context, r service.Run) error { ran <- r.Kind; return nil }},
			Every:    map[string]time.Duration{"again": time.Second},
		})
	}()
	for range 2 {
		select {
		case <-ran:
		case <-time.After(20 * time.Second):
			t.Fatal("the periodic job did not run")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var late int
	if err := s.writeDB.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'again' AND scheduled_at > datetime('now', 'subsec', '-59 minutes')").Scan(&late); err != nil || late != 0 {
		t.Errorf("%d periodic jobs are for another time than the clock's, %v", late, err)
	}
}
