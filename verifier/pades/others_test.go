package pades_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier/pades"
)

func TestOthersProbe(t *testing.T) {
	files, _ := filepath.Glob(testvectors.Shared(t, "pdf") + "/*/*.pdf")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r := validate(t, b, pades.Config{Clock: func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }})
		t.Logf("== %s\n%s", filepath.Base(f), explain(r))
	}
}
