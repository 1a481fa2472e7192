// Command gen compiles the verifier to WebAssembly and writes it, compressed, to
// internal/web/verify/assets, with the script that Go programs need in a browser.
//
//	go run ./internal/web/verify/gen          write them anew
//	go run ./internal/web/verify/gen -check   say whether they are what is there
//
// The same sources and the same Go give the same bytes on every machine.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/andybalholm/brotli"
)

// limit is how large the compressed verifier may be.
const limit = 2_500_000

func main() {
	check := flag.Bool("check", false, "compare only")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	root, err := command(".", nil, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	root = strings.TrimSpace(root)
	wasm, err := build(root)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(wasm)
	assets := filepath.Join(root, "internal", "web", "verify", "assets")
	if check {
		return compare(assets, hex.EncodeToString(sum[:]))
	}
	var packed bytes.Buffer
	w := brotli.NewWriterOptions(&packed, brotli.WriterOptions{Quality: 11, LGWin: 24})
	if _, err := w.Write(wasm); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	start, err := startScript()
	if err != nil {
		return err
	}
	facts := fmt.Sprintf("{\n  \"go\": %q,\n  \"sha256\": %q,\n  \"bytes\": %d,\n  \"brotliBytes\": %d\n}\n", runtime.Version(), hex.EncodeToString(sum[:]), len(wasm), packed.Len())
	for name, b := range map[string][]byte{"verifier.wasm.br": packed.Bytes(), "verifier.json": []byte(facts), "wasm_exec.js": start} {
		if err := os.WriteFile(filepath.Join(assets, name), b, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("verifier.wasm: %d bytes, %d compressed\n", len(wasm), packed.Len())
	if packed.Len() > limit {
		return fmt.Errorf("expected at most %d bytes compressed, found %d", limit, packed.Len())
	}
	return nil
}

// build compiles the verifier and thins it. Inlining is left out, which makes the program a tenth
// smaller; but not in field arithmetic, which would be slow without.
func build(root string) ([]byte, error) {
	const dir = "bin/verifier-build"
	args, err := trimmed(root, dir)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(root, filepath.FromSlash(dir), "verifier.wasm")
	args = append([]string{"build"}, args...)
	args = append(args, "-tags=tinygo", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
		"-gcflags=all=-l", "-gcflags=crypto/internal/fips140/edwards25519/field=", "-gcflags=crypto/internal/fips140/bigmod=", "-gcflags=github.com/consensys/gnark-crypto/ecc/bls12-381/fp=",
		"-o", out, "./internal/web/verify/wasm")
	if _, err := command(root, []string{"GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWASM=", "GOEXPERIMENT="}, "go", args...); err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return wasm, thin(wasm)
}

// startScript is the script of this Go that starts its programs in a browser.
func startScript() ([]byte, error) {
	root, err := command(".", nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(root), "lib", "wasm", "wasm_exec.js"))
}

// compare says whether the recorded program is the one just built. Another Go makes
// another program, so that nothing can be said then.
func compare(assets, sum string) error {
	facts, err := os.ReadFile(filepath.Join(assets, "verifier.json"))
	if err != nil {
		return err
	}
	if !bytes.Contains(facts, []byte(fmt.Sprintf("%q", runtime.Version()))) {
		fmt.Println("made by another Go: not compared")
		return nil
	}
	if !bytes.Contains(facts, []byte(sum)) {
		return fmt.Errorf("expected the program of %s, found %s: run go run ./internal/web/verify/gen", bytes.TrimSpace(facts), sum)
	}
	return nil
}
