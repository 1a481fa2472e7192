package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFeaturesPage: docs/features.md has every numbered row with a test or a reason, and
// every test that it names exists, subtests of TestFeatures too.
func TestFeaturesPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "features.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests, rows := map[string]bool{}, map[string]bool{}
	walk(t, func(file, pkg string, isTest bool, f *ast.File, fset *token.FileSet) {
		if !isTest {
			return
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				tests[fn.Name.Name] = true
			}
		}
		if pkg != "internal/httpapi" || !strings.Contains(filepath.Base(file), "features_") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool { // rows are {"D6", func…}
			if c, ok := n.(*ast.CompositeLit); ok && len(c.Elts) == 2 {
				if name, ok := c.Elts[0].(*ast.BasicLit); ok && name.Kind == token.STRING {
					rows[strings.Trim(name.Value, `"`)] = true
				}
			}
			return true
		})
	})
	if len(rows) < 60 {
		t.Fatalf("found %d rows in the tests", len(rows))
	}
	for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9_]+)(?:/([A-Z0-9]+))?`").FindAllStringSubmatch(string(text), -1) {
		if !tests[m[1]] {
			t.Errorf("docs/features.md names %s, which does not exist", m[1])
		}
		if m[2] != "" && !rows[m[2]] {
			t.Errorf("docs/features.md names %s/%s, which does not exist", m[1], m[2])
		}
	}
	for _, product := range []struct {
		letter string
		last   int
	}{{"D", 37}, {"T", 30}, {"V", 15}, {"C", 22}, {"H", 19}} {
		for n := 1; n <= product.last; n++ {
			name := fmt.Sprint(product.letter, n)
			line := regexp.MustCompile(`(?m)^\| `+name+` \|.*$`).FindAllString(string(text), -1)
			switch {
			case len(line) != 1:
				t.Errorf("%s: expected one row, found %d", name, len(line))
			case !strings.Contains(line[0], "`Test") && !strings.Contains(line[0], "no test: "):
				t.Errorf("%s: neither a test nor a reason", name)
			case rows[name] && !strings.Contains(line[0], "`TestFeatures/"+name+"`"):
				t.Errorf("%s: its own test is not named", name)
			}
		}
	}
}
