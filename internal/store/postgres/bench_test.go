package postgres_test

import (
	"testing"

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
	small, large := open(b, database(b)), open(b, database(b))
	fill(b, small, 1000)
	fill(b, large, storetest.LookupSize())
	storetest.BenchmarkLookup(b, small, 1000, large, storetest.LookupSize())
}

func fill(b *testing.B, s *postgres.Store, n int64) {
	b.Helper()
	if err := store.Fill(b.Context(), s, storetest.ScopeA, n); err != nil {
		b.Fatal(err)
	}
}
