package badge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

func parse(tb testing.TB, text string) *strictjson.Doc {
	tb.Helper()
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestDump(t *testing.T) {
	dir := testvectors.Shared(t, "badges")
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if info.IsDir() || !strings.HasSuffix(path, ".json") || strings.Contains(path, "schemas") {
			return nil
		}
		b, _ := os.ReadFile(path)
		d, err := strictjson.Parse(b, strictjson.Limits{})
		if err != nil {
			t.Log(path, err)
			return nil
		}
		k := KindOf(d, 0)
		if className(k) == "" {
			t.Logf("%s: kind %q", strings.TrimPrefix(path, dir), k)
			return nil
		}
		t.Logf("%s: %v", strings.TrimPrefix(path, dir), k)
		for _, f := range Check(d, Strict) {
			t.Log("     ", f)
		}
		return nil
	})
}
