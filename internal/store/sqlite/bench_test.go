package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/chancery-dev/chancery/internal/service/storetest"
)

// BenchmarkTargetIssue measures durable Updates of the kind that issuing makes.
func BenchmarkTargetIssue(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "a.db"))
	storetest.BenchmarkIssue(b, s, 5000)
}
