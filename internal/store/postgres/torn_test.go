package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/store"
	"github.com/chancery-dev/chancery/internal/store/postgres"
)

// TestTorn: pg_restore makes tables first, then their rows, then their indexes. A database in
// which it was stopped is not served from: without its indexes a place in a status list can
// be given twice. Every index that there is is looked for.
func TestTorn(t *testing.T) {
	dsn := database(t)
	if err := open(t, dsn).Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'river%' AND tablename <> 'schema_migration' ORDER BY indexname COLLATE "C"`)
	if err != nil {
		t.Fatal(err)
	}
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.Indexes(store.PostgreSQL)
	if err != nil || len(all) < 30 || !slices.Equal(all, there) {
		t.Fatalf("expected %q, found %q (%v)", there, all, err)
	}
	for n, sql := range []string{"DROP INDEX credential_slot", "ALTER TABLE status_list DROP CONSTRAINT status_list_pkey"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		st, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Now: time.Now})
		if err == nil {
			st.Close()
		}
		var torn *store.TornError
		if !errors.As(err, &torn) || len(torn.Missing) != n+1 || torn.Missing[0] != "credential_slot" {
			t.Errorf("%s: found %v", sql, err)
		}
	}
}
