package verifier_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme: the Go code of the README is compiled, since it stands in examples line
// by line.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	err = filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != ".." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "node_modules"):
			return filepath.SkipDir
		case e.Name() == "example_test.go":
			b, err := os.ReadFile(path)
			examples.WriteString(withoutIndent(string(b)))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	blocks := goBlocks(string(readme))
	if len(blocks) == 0 {
		t.Error("expected Go code in the README")
	}
	for _, block := range blocks {
		if !strings.Contains(examples.String(), withoutIndent(block)) {
			t.Errorf("no example holds this code of the README:\n%s", block)
		}
	}
}

// goBlocks returns the fenced blocks that start with ```go.
func goBlocks(markdown string) []string {
	var out []string
	for rest := markdown; ; {
		_, after, ok := strings.Cut(rest, "\n```go\n")
		if !ok {
			return out
		}
		block, next, _ := strings.Cut(after, "\n```")
		out = append(out, block+"\n")
		rest = "\n```" + next
	}
}

// withoutIndent strips tabs at the start of lines, so that code in a function and at
// the margin are the same. Nothing else may differ.
func withoutIndent(code string) string {
	var out strings.Builder
	for line := range strings.Lines(code) {
		out.WriteString(strings.TrimLeft(line, "\t"))
	}
	return out.String()
}

func TestGoBlocks(t *testing.T) {
	blocks := goBlocks("# x\n\n```sh\nls\n```\n\n```go\na := 1\n```\ntext\n\n```go\nb\n\tc\n```\n")
	if len(blocks) != 2 || blocks[0] != "a := 1\n" || blocks[1] != "b\n\tc\n" {
		t.Errorf("%q", blocks)
	}
	if strings.Contains(withoutIndent("\ta\n\t\tb\n"), withoutIndent("a\nc\n")) || !strings.Contains(withoutIndent("x\n\ta\n\t\tb\n"), withoutIndent("a\n\tb\n")) {
		t.Error("the comparison takes everything, or nothing")
	}
}
