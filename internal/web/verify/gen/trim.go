package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The verifier has to be small: it is fetched before the first verdict. Two modules
// carry tables that it has no use for, and that the linker cannot tell so.

// trims says what is left out of which module.
var trims = []struct {
	module string
	leave  []string          // files left out
	add    map[string]string // files put in, from the directory trim
}{
	// Half a megabyte of multiples of the base point, which make signing fast. With the
	// tag tinygo, the module's own switch for small places, nothing reads them; but they
	// are linked all the same.
	{"github.com/decred/dcrd/dcrec/secp256k1/v4", []string{"compressedbytepoints.go"}, nil},
	// Tables of Asian character sets, of which QR codes for addresses make no use.
	{"github.com/makiuchi-d/gozxing", []string{"common/character_set_eci.go", "common/string_utils.go"}, map[string]string{"common/charset.go": "trim/charset.go.txt"}},
}

//go:embed trim/*.txt
var trimFiles embed.FS

// trimmed copies the modules, trimmed, into dir, and writes a go.mod beside them that
// puts them in the place of the whole ones. dir is relative to root, because it stands in
// the program's build information. It returns the arguments for the go command.
func trimmed(root, dir string) ([]string, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	for i, t := range trims {
		from, err := command(root, nil, "go", "list", "-m", "-f", "{{.Dir}}", t.module)
		if err != nil {
			return nil, err
		}
		name := filepath.ToSlash(filepath.Join(dir, fmt.Sprintf("trim%d", i)))
		to := filepath.Join(root, filepath.FromSlash(name))
		if err := copyModule(strings.TrimSpace(from), to, t.leave); err != nil {
			return nil, err
		}
		for file, source := range t.add {
			b, err := trimFiles.ReadFile(source)
			if err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(to, filepath.FromSlash(file)), b, 0o644); err != nil {
				return nil, err
			}
		}
		mod = fmt.Appendf(mod, "\nreplace %s => ./%s\n", t.module, name)
	}
	modfile := filepath.Join(root, filepath.FromSlash(dir), "go.mod")
	if err := os.WriteFile(modfile, mod, 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(strings.TrimSuffix(modfile, ".mod")+".sum", sum, 0o644); err != nil {
		return nil, err
	}
	return []string{"-modfile=" + modfile, "-mod=mod"}, nil
}

// copyModule copies what a build reads: Go files that are not tests, the licence, go.mod.
func copyModule(from, to string, leave []string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			if rel != "." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata") {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		goFile := strings.HasSuffix(rel, ".go") && !strings.HasSuffix(rel, "_test.go")
		if !goFile && rel != "go.mod" && !strings.HasPrefix(rel, "LICENSE") {
			return nil
		}
		for _, l := range leave {
			if filepath.ToSlash(rel) == l {
				return nil
			}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o644)
	})
}

// command runs a program in dir and returns what it prints.
func command(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var fault strings.Builder
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, fault.String())
	}
	return string(out), nil
}
