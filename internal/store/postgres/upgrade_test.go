package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store"
	"github.com/chancery-dev/chancery/internal/store/postgres"
)

// TestUpgradeAlone: tables that have to be changed are not changed while a process of
// another version serves from them, and one does not serve from tables that are newer, not
// even where they were changed while its connection was lost.
func TestUpgradeAlone(t *testing.T) {
	dsn := database(t)
	old := open(t, dsn)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(old.Agree(t.Context(), "a"))
	conn, err := pgx.Connect(t.Context(), dsn)
	must(err)
	defer conn.Close(t.Context())
	exec := func(sql string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), sql)
		must(err)
	}
	refused := func(n int) {
		t.Helper()
		st, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Now: time.Now})
		if err == nil {
			st.Close()
		}
		var used *store.InUseError
		if !errors.As(err, &used) || used.Processes != n {
			t.Errorf("expected %d processes at work, found %v", n, err)
		}
	}
	// As if a version of the program were to come that knows one change more.
	exec("DELETE FROM schema_migration WHERE version = (SELECT max(version) FROM schema_migration)")
	refused(1)
	exec("INSERT INTO schema_migration SELECT max(version) + 1 FROM schema_migration")
	exec("DELETE FROM river_migration WHERE version = (SELECT max(version) FROM river_migration WHERE line = 'main')")
	refused(1)
	exec("INSERT INTO river_migration (line, version) SELECT 'main', max(version) + 1 FROM river_migration WHERE line = 'main'")
	late := open(t, dsn) // beside one of its own version

	exec("INSERT INTO schema_migration VALUES (99)")
	var newer *store.NewerError
	if err := late.Agree(t.Context(), "a"); !errors.As(err, &newer) || newer.Has != 99 {
		t.Errorf("serves from newer tables: %v", err)
	}
	if _, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Now: time.Now}); !errors.As(err, &newer) {
		t.Errorf("opens newer tables: %v", err)
	}
	must(old.Ready(t.Context()))
	exec("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 1667785063")
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		err := old.Ready(t.Context())
		if errors.Is(err, service.ErrUnavailable) {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("goes on with newer tables: %v", err)
		}
	}
}
