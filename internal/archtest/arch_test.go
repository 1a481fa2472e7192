// Package archtest enforces docs/ARCHITECTURE.md by reading source files: which
// package may import which, and which names may be used where. It reads with
// go/parser rather than asking the go command, so that a change to any file is seen
// and no cached result hides a violation.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/chancery-dev/chancery"

// floors lists the house from the ground up. A package imports only from lower
// floors. The longest matching prefix decides; "" is the root package.
var floors = []struct {
	prefix string
	floor  int
}{
	{"testvectors", 0},
	{"internal/limits", 0}, {"internal/strictjson", 0}, {"internal/ldcontext", 0}, {"internal/jsonld", 0}, {"internal/rdfc", 0},
	{"internal/multikey", 0}, {"internal/did", 0}, {"internal/cms", 0}, {"internal/pdf", 0}, {"internal/archtest", 0},
	{"internal/netguard", 0}, {"internal/filelock", 0}, {"internal/cputime", 0}, {"internal/webhook/signature", 0},
	{"", 1},
	{"proof", 2}, {"badge", 2},
	{"signer", 3}, {"verifier", 3}, {"anchor", 3},
	{"signer/pades", 4}, {"signer/pkcs11", 4}, {"verifier/pades", 4}, {"verifier/online", 4}, {"verifier/evidence", 4}, {"verifier/foreign", 4}, {"internal/beside", 4}, {"anchor/ethereum", 4},
	{"internal/web/words", 4},
	{"internal/service", 5}, {"internal/layout", 5}, {"internal/verifying", 5},
	{"internal/httpapi", 6}, {"internal/web", 6}, {"internal/webhook", 6}, {"internal/mail", 6}, {"internal/store", 6}, {"internal/blob", 6}, {"internal/config", 6},
	{"cmd", 7}, {"fuzz", 7}, {"testvectors/interop", 7}, {"internal/conformance", 7}, {"internal/performance", 7},
}

// siblings may see each other within their floor; on floors 0, 2, 5 and 6 the order
// is kept by the compiler's ban on cycles, and on these it is a rule.
var strangers = map[string]bool{"signer": true, "verifier": true, "anchor": true}

func floorOf(pkg string) (prefix string, floor int, ok bool) {
	best := -1
	for _, f := range floors {
		if f.prefix == "" && pkg != "" {
			continue
		}
		if pkg == f.prefix || strings.HasPrefix(pkg, f.prefix+"/") {
			if len(f.prefix) > best {
				best, prefix, floor, ok = len(f.prefix), f.prefix, f.floor, true
			}
		}
	}
	return prefix, floor, ok
}

// only says where an import may be used, by path prefix; test files may use
// everything but what is marked.
var only = []struct {
	importPath string
	where      []string
	why        string
}{
	{"net/http", []string{"verifier/online", "signer/pades", "anchor/ethereum", "internal/httpapi", "internal/web", "internal/webhook", "internal/blob", "cmd"}, "who may dial or listen"},
	{"github.com/ethereum/go-ethereum", []string{"anchor/ethereum", "cmd/devchain", "cmd/demo"}, "LGPL-3.0 stays outside the verifying side"},
	{"database/sql", []string{"internal/store"}, "SQL behind the Store interface"},
	{"github.com/jackc/pgx", []string{"internal/store"}, "SQL behind the Store interface"},
	{"github.com/riverqueue/river", []string{"internal/store", "internal/service/jobs"}, "jobs behind the Store interface"},
	{"encoding/json", []string{"cmd", "internal/ldcontext/gen", "internal/conformance", "internal/performance"}, "untrusted JSON goes through internal/strictjson"},
	{"log", []string{"cmd"}, "libraries take a logger"},
	{"github.com/piprate/json-gold", nil, "an oracle for tests"},
	{"github.com/digitorus/pdfsign", nil, "a peer for tests"},
	{"github.com/coreos/go-oidc", nil, "an oracle for tests"},
	{"github.com/chancery-dev/chancery/internal/cputime", nil, "a measure for tests"},
	{"unsafe", nil, "no need"},
}

// calls says which selectors may be used where.
var calls = []struct {
	selector string
	where    []string
}{
	{"time.Now", []string{"cmd", "testvectors/interop", "internal/cputime"}},
	{"http.DefaultClient", []string{"cmd"}},
	{"http.DefaultTransport", nil},
	{"os.Getenv", []string{"cmd", "testvectors/interop"}},
	{"os.LookupEnv", []string{"cmd"}},
	{"slog.Default", []string{"cmd"}}, {"slog.SetDefault", []string{"cmd"}},
	{"slog.Debug", nil}, {"slog.Info", nil}, {"slog.Warn", nil}, {"slog.Error", nil},
}

func TestImports(t *testing.T) {
	seen := 0
	walk(t, func(file string, pkg string, isTest bool, f *ast.File, fset *token.FileSet) {
		seen++
		prefix, floor, ok := floorOf(pkg)
		if !ok {
			t.Errorf("%s: package %q has no floor in docs/ARCHITECTURE.md", file, pkg)
			return
		}
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !isTest {
				for _, rule := range only {
					if (p == rule.importPath || rule.importPath != "log" && strings.HasPrefix(p, rule.importPath+"/")) && !under(pkg, rule.where) { // log/slog is the type of the logger that libraries take
						t.Errorf("%s imports %s: %s", file, p, rule.why)
					}
				}
			}
			if p != module && !strings.HasPrefix(p, module+"/") {
				continue
			}
			target := strings.TrimPrefix(strings.TrimPrefix(p, module), "/")
			tPrefix, tFloor, ok := floorOf(target)
			if !ok {
				continue // reported where that package's own files are read
			}
			if isTest {
				continue
			}
			if tFloor > floor {
				t.Errorf("%s: floor %d imports %s of floor %d", file, floor, p, tFloor)
			}
			if tFloor == floor && tPrefix != prefix && strangers[prefix] {
				t.Errorf("%s: %s and %s are siblings that never import each other", file, prefix, tPrefix)
			}
		}
	})
	if seen < 20 {
		t.Fatalf("read only %d files: the walk is broken", seen)
	}
}

func TestCalls(t *testing.T) {
	walk(t, func(file string, pkg string, isTest bool, f *ast.File, fset *token.FileSet) {
		if isTest {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok {
					return true
				}
				for _, c := range calls {
					if x.Name+"."+n.Sel.Name == c.selector && !under(pkg, c.where) {
						t.Errorf("%s: %s belongs to cmd", fset.Position(n.Pos()), c.selector)
					}
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "recover" && pkg != "internal/httpapi" && pkg != "internal/store/sqlite" {
					t.Errorf("%s: recover hides a fault", fset.Position(n.Pos()))
				}
			}
			return true
		})
	})
}

// TestSizes keeps files readable. Generated files say so in their first line.
func TestSizes(t *testing.T) {
	walk(t, func(file string, pkg string, isTest bool, f *ast.File, fset *token.FileSet) {
		if ast.IsGenerated(f) || isTest {
			return
		}
		if lines := fset.Position(f.End()).Line; lines > 600 {
			t.Errorf("%s has %d lines, aim for 500", file, lines)
		}
	})
}

// TestPackageNames refuses names that say nothing.
func TestPackageNames(t *testing.T) {
	walk(t, func(file string, pkg string, isTest bool, f *ast.File, fset *token.FileSet) {
		switch f.Name.Name {
		case "utils", "util", "common", "models", "helpers", "misc":
			t.Errorf("%s: package %s says nothing about what it holds", file, f.Name.Name)
		}
	})
}

func under(pkg string, prefixes []string) bool {
	for _, p := range prefixes {
		if pkg == p || strings.HasPrefix(pkg, p+"/") {
			return true
		}
	}
	return false
}

func walk(t *testing.T, visit func(file, pkg string, isTest bool, f *ast.File, fset *token.FileSet)) {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if e.IsDir() {
			if base := path.Base(rel); rel != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" || rel == "tools" || rel == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		pkg := path.Dir(rel)
		if pkg == "." {
			pkg = ""
		}
		visit(rel, pkg, strings.HasSuffix(rel, "_test.go"), f, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
