package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestClockAhead: jobs that were made or put off while a clock was years ahead, the server's
// or that of a process, run when they would have, and periodic ones too, although a worker that
// was killed then claims to lead. Those of a time that is to come stay.
func TestClockAhead(t *testing.T) {
	dsn := database(t)
	st := open(t, dsn)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is read from it any more
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	ran := make(chan string, 100)
	handler := func(_ context.Context, r service.Run) error { ran <- r.Kind; return nil }
	handlers := map[string]service.JobHandler{"again": handler}
	for _, kind := range []string{"made", "failed", "putoff", "meant", "planned", service.JobExpire} {
		handlers[kind] = handler
		at := map[string]time.Time{"planned": time.Now().AddDate(0, 0, 30), service.JobExpire: time.Now().AddDate(5, 0, 0)}[kind]
		if err := st.Update(t.Context(), func(tx service.Tx) error { return tx.Enqueue(t.Context(), service.Job{Kind: kind, At: at}) }); err != nil {
			t.Fatal(err)
		}
	}
	for kind, set := range map[string]string{
		"made":   "created_at = now() + '10 years', scheduled_at = now() + '10 years'",
		"failed": "attempt = 1, state = 'retryable', attempted_at = now() + '10 years', scheduled_at = now() + '10 years 1 second'",
		"putoff": "attempt = 1, state = 'scheduled', attempted_at = now(), scheduled_at = now() + '10 years'", // by a process
		"meant":  "attempt = 1, state = 'scheduled', attempted_at = now() + '10 years', scheduled_at = now() + '10 years 1 day'",
	} {
		exec("UPDATE river_job SET "+set+" WHERE kind = $1", kind)
	}
	exec("INSERT INTO river_leader (leader_id, elected_at, expires_at) VALUES ('gone', now() + '10 years', now() + '10 years 15 seconds')")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- st.Work(ctx, service.WorkConfig{Handlers: handlers, Every: map[string]time.Duration{"again": time.Hour}})
	}()
	left := map[string]bool{"made": true, "failed": true, "putoff": true, "again": true}
	for patience := time.After(30 * time.Second); len(left) > 0; {
		select {
		case kind := <-ran:
			if !left[kind] {
				t.Errorf("%s ran", kind)
			}
			delete(left, kind)
		case err := <-ended:
			t.Fatalf("the worker ended: %v", err)
		case <-patience:
			t.Fatalf("never ran: %v", left)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for kind, days := range map[string]float64{"meant": 1, "planned": 30, service.JobExpire: 5 * 365} {
		var in float64
		if err := conn.QueryRow(t.Context(), "SELECT extract(epoch FROM scheduled_at - now()) / 86400 FROM river_job WHERE kind = $1", kind).Scan(&in); err != nil || in < days-0.01 || in > days+2 {
			t.Errorf("%s runs in %v days, expected %v, %v", kind, in, days, err)
		}
	}
}
