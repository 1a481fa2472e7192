package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/store"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// TestUpgradeAlone: before tables that are there are changed for another version of the
// program it is asked whether they may be, and otherwise not.
func TestUpgradeAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	asked, answer := 0, error(nil)
	alone := func() error { asked++; return answer }
	opened := func() error {
		st, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: time.Now, Alone: alone})
		if err != nil {
			return err
		}
		return st.Close()
	}
	if err := errors.Join(opened(), opened()); err != nil || asked != 0 {
		t.Fatalf("asked %d times about tables that were not there, or new: %v", asked, err)
	}
	exec := func(text string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, change := range []string{
		"DELETE FROM schema_migration WHERE version = (SELECT max(version) FROM schema_migration)",
		"INSERT INTO schema_migration SELECT max(version) + 1 FROM schema_migration; DELETE FROM river_migration WHERE version = (SELECT max(version) FROM river_migration)",
	} {
		exec(change)
		answer = &store.InUseError{}
		var used *store.InUseError
		if err := opened(); !errors.As(err, &used) || asked == 0 {
			t.Errorf("expected a refusal, found %v", err)
		}
		asked = 0
	}
	exec("INSERT INTO schema_migration VALUES (99)")
	var newer *store.NewerError
	if err := opened(); !errors.As(err, &newer) || asked != 0 {
		t.Errorf("expected that the database is newer, found %v", err)
	}
}
