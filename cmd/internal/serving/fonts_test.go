package serving

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/internal/config"
)

// TestFonts: the service writes other scripts with the fonts that its configuration names.
func TestFonts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "font.ttf")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	defaults, err := config.Load(config.Source{})
	if err != nil {
		t.Fatal(err)
	}
	system := []string{}
	if _, err := os.Stat(systemFonts); err == nil {
		system = []string{systemFonts}
	}
	for _, c := range []struct {
		name string
		in   []string
		want []string // nil: refused
	}{
		{"by default", defaults.Fonts, system},
		{"a directory", []string{dir}, []string{dir}},
		{"one that is not there", []string{filepath.Join(dir, "none")}, nil},
		{"a file", []string{file}, nil},
	} {
		op := &opener{c: &config.Config{Fonts: c.in}, p: &Parts{}}
		switch err := op.fonts(); {
		case c.want == nil && err == nil:
			t.Errorf("%s: expected an error", c.name)
		case c.want != nil && (err != nil || !slices.Equal(op.p.FontDirs, c.want)):
			t.Errorf("%s: expected %v, found %v, %v", c.name, c.want, op.p.FontDirs, err)
		}
	}
}
