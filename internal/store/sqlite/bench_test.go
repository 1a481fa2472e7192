package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/internal/service/storetest"
	"github.com/chancery-dev/chancery/internal/store"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// BenchmarkTargetIssue measures durable Updates of the kind that issuing makes.
func BenchmarkTargetIssue(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "a.db"))
	storetest.BenchmarkIssue(b, s, 5000)
}

func BenchmarkTargetJobs(b *testing.B) {
	storetest.BenchmarkJobs(b, open(b, filepath.Join(b.TempDir(), "a.db")), 600)
}

// BenchmarkTargetLookup compares finding by id in a small and a large store.
func BenchmarkTargetLookup(b *testing.B) {
	dir := b.TempDir()
	small, large := open(b, filepath.Join(dir, "small.db")), open(b, filepath.Join(dir, "large.db"))
	fill(b, small, 1000)
	fill(b, large, storetest.LookupSize())
	storetest.BenchmarkLookup(b, small, 1000, large, storetest.LookupSize())
}

func fill(b *testing.B, s *sqlite.Store, n int64) {
	b.Helper()
	if err := store.Fill(b.Context(), s, storetest.ScopeA, n); err != nil {
		b.Fatal(err)
	}
}
