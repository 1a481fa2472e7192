// Package pdfa runs veraPDF over files, so that tests can hold our PDF/A against the
// validator of the PDF Association. It needs Maven, which fetches veraPDF at the version
// pom.xml pins, and Java.
package pdfa

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Validate checks files against a flavour of veraPDF ("3b", "3a", "ua1") and answers, for
// each file that fails, the rules it breaks.
func Validate(ctx context.Context, dir, flavour string, files ...string) (map[string]string, error) {
	_, self, _, _ := runtime.Caller(0)
	classes := filepath.Join(dir, "classpath.txt")
	mvn := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", filepath.Join(filepath.Dir(self), "pom.xml"), "dependency:build-classpath", "-Dmdep.outputFile="+classes)
	if out, err := mvn.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pdfa: mvn: %w: %s", err, out)
	}
	path, err := os.ReadFile(classes)
	if err != nil {
		return nil, fmt.Errorf("pdfa: %w", err)
	}
	args := append([]string{"-cp", strings.TrimSpace(string(path)), "org.verapdf.apps.GreenfieldCliWrapper", "--format", "text", "-v", "-f", flavour}, files...)
	var warnings strings.Builder
	java := exec.CommandContext(ctx, "java", args...)
	java.Stderr = &warnings
	out, err := java.Output() // the exit code is 1 where a file fails
	failed := map[string]string{}
	seen, last := 0, ""
	for line := range strings.Lines(string(out)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		indented := strings.HasPrefix(line, " ")
		switch {
		case word == "PASS" && !indented:
			seen++
		case word == "FAIL" && !indented:
			seen++
			last, _, _ = strings.Cut(rest, " "+flavour)
			failed[last] = ""
		case word == "FAIL":
			failed[last] = strings.TrimSpace(failed[last] + " " + rest)
		}
	}
	if seen != len(files) {
		return nil, fmt.Errorf("pdfa: expected a verdict on %d files, found %d: %w %s %s", len(files), seen, err, out, warnings.String())
	}
	return failed, nil
}
