// Command gen writes docs/reasons.md from the table of Reasons in package verifier.
// Run it with "go run ./verifier/gen" at the root of the module; with -check it writes
// nothing, and fails where the file is not what it would write.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chancery-dev/chancery/verifier"
)

func main() {
	check := flag.Bool("check", false, "compare only")
	file := flag.String("file", filepath.Join("docs", "reasons.md"), "the file to write")
	flag.Parse()
	text := verifier.ReasonsMarkdown()
	if *check {
		have, err := os.ReadFile(*file)
		if err != nil || !bytes.Equal(have, text) {
			fmt.Fprintln(os.Stderr, *file, "is not what the table of reasons says: run go run ./verifier/gen")
			os.Exit(1)
		}
		return
	}
	if err := os.WriteFile(*file, text, 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
