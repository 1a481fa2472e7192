package sqlite_test

import (
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/storetest"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	var paths sync.Map
	storetest.Run(t, storetest.Suite{
		Parallel: true,
		New: func(t *testing.T) service.Store {
			path := filepath.Join(t.TempDir(), "a ?#%b.db")
			s := open(t, path)
			paths.Store(s, path)
			return s
		},
		Reopen: func(t *testing.T, s service.Store) service.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path, _ := paths.Load(s)
			again := open(t, path.(string))
			paths.Store(again, path)
			return again
		},
	})
}

// TestMigrateVerification: the lines of the log that an earlier version wrote are there
// after its table has got another form.
func TestMigrateVerification(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	old, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, stmt := range []string{
		`DROP TABLE verification`,
		`DELETE FROM schema_migration WHERE version >= 2`,
		`CREATE TABLE verification (tenant TEXT NOT NULL, environment TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, subject TEXT NOT NULL,
			method TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL, PRIMARY KEY (tenant, environment, id)) STRICT`,
		`CREATE INDEX verification_list ON verification (tenant, environment, at, id)`,
		`CREATE INDEX verification_age ON verification (at)`,
		`INSERT INTO verification VALUES ('t', 'live', 'b', 1000000, 's', 'upload', 'invalid', 'signature_invalid', 'web'), ('t', 'live', 'a', 2000000, '', 'id', 'valid', '', 'api')`,
	} {
		if _, err := old.Exec(stmt); err != nil {
			t.Fatal(stmt, err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	err = open(t, path).View(t.Context(), func(tx service.Tx) error {
		l, err := tx.Verifications(t.Context(), service.Scope{Tenant: "t", Environment: service.Live}, service.Page{})
		want := []service.LogEntry{
			{ID: "a", At: time.Unix(2, 0).UTC(), Method: "id", Outcome: "valid", Source: "api"},
			{ID: "b", At: time.Unix(1, 0).UTC(), Subject: "s", Method: "upload", Outcome: "invalid", Reason: "signature_invalid", Source: "web"},
		}
		if !slices.Equal(l.Items, want) {
			t.Errorf("expected %+v, found %+v", want, l.Items)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
