package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnchanged: what is embedded is what this program writes. It needs the npm
// packages where go generate has left them.
func TestUnchanged(t *testing.T) {
	packages, err := defaultPackages()
	if err != nil {
		t.Skip(err)
	}
	files, err := assemble(packages)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("npm packages not present (go generate ./internal/ldcontext fetches them): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if string(got) != string(want) {
			t.Errorf("%s differs from what the generator writes", name)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	base := document(plain("a", "https://example.org/a"), scope("B", "https://example.org/B", plain("c", "https://example.org/c")))
	for name, e := range map[string]edit{
		"dropping what is not there":    drop("", "x"),
		"reaching into a plain term":    put("a", plain("x", "y")),
		"reaching into a missing term":  put("Z", plain("x", "y")),
		"reaching deeper than it goes":  drop("B/c", "x"),
		"dropping from the wrong scope": drop("B", "a"),
	} {
		if _, err := apply(base, []edit{e}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	got, err := apply(base, []edit{drop("B", "c"), put("B", plain("d", "https://example.org/d"))})
	if err != nil {
		t.Fatal(err)
	}
	b := got["@context"].(map[string]any)["B"].(map[string]any)["@context"].(map[string]any)
	if len(b) != 1 || b["d"] == nil {
		t.Errorf("found %v", b)
	}
	if len(base["@context"].(map[string]any)["B"].(map[string]any)["@context"].(map[string]any)) != 1 || base["@context"].(map[string]any)["B"].(map[string]any)["@context"].(map[string]any)["c"] == nil {
		t.Error("the base was changed")
	}
}

func TestEntries(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.file] {
			t.Errorf("%s twice", e.file)
		}
		seen[e.file] = true
		if len(e.urls) == 0 || e.version == "" || e.licence == "" {
			t.Errorf("%s: incomplete", e.file)
		}
		if e.npm != "" && !strings.Contains(e.npm[1:], "@") {
			t.Errorf("%s: %s has no pinned version", e.file, e.npm)
		}
	}
}
