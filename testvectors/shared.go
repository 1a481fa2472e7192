// Package testvectors embeds the project's own vectors and finds those of others.
package testvectors

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Shared returns the path of a file or folder of the conformance data by others,
// which lie beside the checkout and are not part of it. The test is skipped, with
// the missing path named, where they are absent.
func Shared(tb testing.TB, elem ...string) string {
	tb.Helper()
	_, self, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(self), "..", "..", "shared", "vectors")
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("conformance data by others not present: %s", filepath.Join(elem...))
	}
	return path
}

// ReadShared returns the content of a file of the conformance data by others, and
// skips the test where it is absent.
func ReadShared(tb testing.TB, elem ...string) []byte {
	tb.Helper()
	b, err := os.ReadFile(Shared(tb, elem...))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
