// Command crosscheck type-checks packages, and their tests, as other systems and processors
// would build them. It finds what a build there would: files that a system lacks, system
// calls that it does not have, constants too large for an int of 32 bits. Nothing is compiled, so
// it costs seconds where go vet costs minutes.
//
//	crosscheck [-tests=false] GOOS/GOARCH[,GOOS/GOARCH…] package…
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// listed is what go list says about a package.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	ImportMap  map[string]string
	Standard   bool
	Error      *struct{ Err string }
}

func main() {
	tests := flag.Bool("tests", true, "check the tests of the packages too")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: crosscheck [-tests=false] GOOS/GOARCH[,GOOS/GOARCH…] package…")
		os.Exit(2)
	}
	failed := false
	for target := range strings.SplitSeq(flag.Arg(0), ",") {
		if err := check(target, *tests, flag.Args()[1:]); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s:\n%v\n", target, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}

// check checks the packages for one target, dependencies first.
func check(target string, tests bool, patterns []string) error {
	system, arch, ok := strings.Cut(target, "/")
	sizes := types.SizesFor("gc", arch)
	if !ok || sizes == nil {
		return fmt.Errorf("expected GOOS/GOARCH, found %q", target)
	}
	packages, err := list(system, arch, tests, patterns)
	if err != nil {
		return err
	}
	c := checker{fset: token.NewFileSet(), done: map[string]*types.Package{"unsafe": types.Unsafe}, sizes: sizes}
	for _, p := range packages {
		c.check(p)
	}
	return errors.Join(c.errs...)
}

// list returns the packages with all that they need, each after what it imports.
func list(system, arch string, tests bool, patterns []string) ([]listed, error) {
	args := append([]string{"list", "-e", "-deps", fmt.Sprintf("-test=%t", tests), "-json=ImportPath,Dir,GoFiles,ImportMap,Standard,Error"}, patterns...)
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

type checker struct {
	fset  *token.FileSet
	done  map[string]*types.Package
	sizes types.Sizes
	errs  []error
}

func (c *checker) check(p listed) {
	// The main packages of tests are made by the go command.
	if p.ImportPath == "unsafe" || strings.HasSuffix(p.ImportPath, ".test") {
		return
	}
	if p.Error != nil {
		c.errs = append(c.errs, errors.New(p.Error.Err))
	}
	config := types.Config{
		Importer:         importer{c.done, p.ImportMap},
		Sizes:            c.sizes,
		IgnoreFuncBodies: p.Standard, // the standard library builds
		Error: func(err error) {
			if !p.Standard {
				c.errs = append(c.errs, err)
			}
		},
	}
	path, _, _ := strings.Cut(p.ImportPath, " ") // "x [x.test]" is x as its tests see it
	c.done[p.ImportPath], _ = config.Check(path, c.fset, c.parse(p), nil)
}

func (c *checker) parse(p listed) []*ast.File {
	files := make([]*ast.File, len(p.GoFiles))
	errs := make([]error, len(p.GoFiles))
	var wg sync.WaitGroup
	for i, name := range p.GoFiles {
		wg.Go(func() {
			files[i], errs[i] = parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			c.errs = append(c.errs, err)
		}
	}
	return files
}

// importer finds packages among those that were checked.
type importer struct {
	done map[string]*types.Package
	as   map[string]string // what the names in import lines stand for, where they differ
}

func (i importer) Import(path string) (*types.Package, error) {
	if as, ok := i.as[path]; ok {
		path = as
	}
	if p := i.done[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("package %s was not found", path)
}
