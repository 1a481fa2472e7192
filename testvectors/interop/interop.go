// Package interop prepares peers by others for the interoperability tests below it.
package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Require skips a test unless the interoperability tests are asked for and the named
// programs are there.
func Require(tb testing.TB, programs ...string) {
	tb.Helper()
	if os.Getenv("CHANCERY_INTEROP") != "1" {
		tb.Skip("interoperability tests run with CHANCERY_INTEROP=1")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			tb.Skipf("%s not present", p)
		}
	}
}

// NPM installs the packages of dir/package-lock.json into a folder of the user's cache,
// once for each state of the lock file, copies the named files beside them, and returns
// the folder.
func NPM(tb testing.TB, dir string, files ...string) string {
	tb.Helper()
	Require(tb, "node", "npm")
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	into := filepath.Join(cache, "chancery-interop", hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(into, 0o755); err != nil {
		tb.Fatal(err)
	}
	for _, name := range append([]string{"package.json", "package-lock.json", ".npmrc"}, files...) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, name), b, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	done := filepath.Join(into, "installed")
	if _, err := os.Stat(done); err == nil {
		return into
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = into
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.WriteFile(done, nil, 0o644); err != nil {
		tb.Fatal(err)
	}
	return into
}

// Python makes a virtual environment with the packages of dir/requirements.txt in a folder
// of the user's cache, once for each state of that file, and returns its folder of programs.
func Python(tb testing.TB, dir string) string {
	tb.Helper()
	Require(tb, "python3")
	list, err := os.ReadFile(filepath.Join(dir, "requirements.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(list)
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	into := filepath.Join(cache, "chancery-interop", "py-"+hex.EncodeToString(sum[:8]))
	programs, done := filepath.Join(into, "bin"), filepath.Join(into, "installed")
	if _, err := os.Stat(done); err == nil {
		return programs
	}
	install := []string{filepath.Join(programs, "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "-r", filepath.Join(dir, "requirements.txt")}
	for _, c := range [][]string{{"python3", "-m", "venv", into}, install} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			tb.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	if err := os.WriteFile(done, nil, 0o644); err != nil {
		tb.Fatal(err)
	}
	return programs
}
