package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatModel: every test that docs/threat-model.md names exists.
func TestThreatModel(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	walk(t, func(file, pkg string, isTest bool, f *ast.File, fset *token.FileSet) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && isTest && fn.Recv == nil {
				tests[fn.Name.Name] = true
			}
		}
	})
	named := 0
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(string(text), -1) {
		named++
		if !tests[m[1]] {
			t.Errorf("docs/threat-model.md names %s, which does not exist", m[1])
		}
	}
	if named < 40 {
		t.Errorf("docs/threat-model.md names %d tests only", named)
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (C\d+|T\d+) \|.*$`).FindAllString(string(text), -1) {
		if !strings.Contains(row, "`Test") && !strings.Contains(row, "*service*") && !strings.Contains(row, "waived: ") && !strings.Contains(row, "no test: ") {
			t.Errorf("neither a test nor a reason: %s", row)
		}
	}
}
