package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/service/storetest"
	"github.com/chancery-dev/chancery/internal/store"
	"github.com/chancery-dev/chancery/internal/store/postgres"
)

// BenchmarkTargetIssue measures durable Updates of the kind that issuing makes.
func BenchmarkTargetIssue(b *testing.B) {
	storetest.BenchmarkIssue(b, open(b, database(b)), 2000)
}

func BenchmarkTargetJobs(b *testing.B) { storetest.BenchmarkJobs(b, open(b, database(b)), 2000) }

// BenchmarkTargetLookup compares finding by id in a small and a large store.
func BenchmarkTargetLookup(b *testing.B) {
	small, large := filled(b, 1000), filled(b, storetest.LookupSize())
	storetest.BenchmarkLookup(b, small, 1000, large, storetest.LookupSize())
}

// filled is a store of n credentials as it is some time later: what they were added with
// has been cleaned up, as autovacuum and the checkpointer would while something else is
// measured.
func filled(b *testing.B, n int64) *postgres.Store {
	b.Helper()
	dsn := database(b)
	s := open(b, dsn)
	if err := store.Fill(b.Context(), s, storetest.ScopeA, n); err != nil {
		b.Fatal(err)
	}
	c, err := pgx.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close(b.Context()) //nolint:errcheck // of a connection for this alone
	for _, sql := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		if _, err := c.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	return s
}
