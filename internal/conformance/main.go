// Command conformance runs the tests that compare this module with specifications and
// with documents by others, and writes what they found to docs/conformance.md:
//
//	go run ./internal/conformance           # writes
//	go run ./internal/conformance -check    # fails where the page differs
//
// The data by others lie in ../shared/vectors beside the checkout. Where they are
// absent nothing can be said: the program names them, writes nothing and succeeds. The
// page holds no times and no paths of the machine, so that the same code and data give
// the same page.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const page = "docs/conformance.md"

func main() {
	check := flag.Bool("check", false, "compare with "+page+" in place of writing it")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check bool) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	shared := filepath.Join(root, "..", "shared", "vectors")
	for _, name := range []string{"w3c", "badges", "contexts"} {
		if _, err := os.Stat(filepath.Join(shared, name)); errors.Is(err, fs.ErrNotExist) {
			fmt.Printf("conformance: skipped: ../shared/vectors/%s is absent\n", name)
			return nil
		}
	}
	var results results
	for _, s := range suites {
		if err := results.test(root, s.pkg, s.run); err != nil {
			return err
		}
	}
	text, err := render(&results, func(name string) string { return commit(shared, name) })
	if err != nil {
		return err
	}
	target := filepath.Join(root, filepath.FromSlash(page))
	if !check {
		return os.WriteFile(target, text, 0o644)
	}
	have, err := os.ReadFile(target)
	if err != nil {
		return fmt.Errorf("conformance: %w", err)
	}
	if !bytes.Equal(have, text) {
		return fmt.Errorf("conformance: %s is not what the tests give, first at line %d: run go run ./internal/conformance", page, firstDifference(have, text))
	}
	return nil
}

func firstDifference(a, b []byte) int {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return i + 1
		}
	}
	return min(len(x), len(y)) + 1
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("conformance: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("conformance: expected to be run inside the module")
		}
		dir = up
	}
}

// commit reads which commit of its repository a folder of vectors was taken from.
func commit(shared, name string) string {
	b, err := os.ReadFile(filepath.Join(shared, "w3c", name, "SOURCE.commit"))
	fields := bytes.Fields(b)
	if err != nil || len(fields) < 2 || len(fields[0]) < 12 {
		return "commit not recorded"
	}
	return fmt.Sprintf("commit `%s` of %s", fields[0][:12], fields[1])
}
