package postgres_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/storetest"
	"github.com/chancery-dev/chancery/internal/store/postgres"
	"github.com/chancery-dev/chancery/internal/store/postgres/pgtest"
)

var server = pgtest.New(os.Getenv("CHANCERY_POSTGRES"))

func TestMain(m *testing.M) {
	if mode := os.Getenv("STORETEST_CHILD"); mode != "" {
		fmt.Fprintln(os.Stderr, "child:", runChild(mode))
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// migrated fills the template of databases.
func migrated(ctx context.Context, dsn string) error {
	s, err := postgres.Open(ctx, postgres.Config{DSN: dsn, Now: time.Now})
	if err != nil {
		return err
	}
	return s.Close()
}

func database(t testing.TB) string {
	t.Helper()
	return server.Database(t, "migrated", migrated)
}

func open(t testing.TB, dsn string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Now: time.Now})
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
	var dsns sync.Map
	storetest.Run(t, storetest.Suite{
		Parallel: true,
		New: func(t *testing.T) service.Store {
			dsn := database(t)
			s := open(t, dsn)
			dsns.Store(s, dsn)
			return s
		},
		Reopen: func(t *testing.T, s service.Store) service.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			dsn, _ := dsns.Load(s)
			again := open(t, dsn.(string))
			dsns.Store(again, dsn)
			return again
		},
	})
}
