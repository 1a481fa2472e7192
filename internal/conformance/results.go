package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// A suite is a run of tests. Names of tests are unique within a package.
type suite struct{ pkg, run string }

var suites = []suite{
	{"./internal/rdfc", "^TestManifest$"},
	{"./internal/jsonld", "^(TestSuiteToRdf|TestThirdVoice|TestSpecificationVectors)$"},
	{"./internal/ldcontext", "^TestAgainstPublished$"},
	{"./proof", "^(TestSpecificationVectors|TestSDVectors|TestEmploymentForms|TestProofSetsAndChains|TestProofSetsAndChainsSignedAnew|TestBadgeVectors|TestMutateEveryLeaf|TestJWSByOthers)$"},
	{"./badge", "^(TestSchemaAgreesWithPublished|TestImagesByOthers|TestCheckSamples|TestJWTSamples|TestCheckOB2Samples|TestChecksCoverSchemas)$"},
	{"./verifier", "^(TestByOthers|TestVectorFiles|TestContextVersions)$"},
}

// test is what one test, or subtest, came to.
type test struct {
	pkg, name string
	action    string   // pass, fail or skip
	log       []string // lines it logged, without file and line
}

// results holds every test in the order in which they began.
type results struct {
	tests []*test
	index map[string]*test
}

// event is a line of go test -json (cmd/test2json).
type event struct{ Action, Package, Test, Output string }

// test runs tests and reads what they say. Tests that fail are results; a package that
// does not build, or has none of the tests, is an error.
func (r *results) test(root, pkg, run string) error {
	cmd := exec.Command("go", "test", "-json", "-count=1", "-run", run, pkg)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, runErr := cmd.Output()
	n, err := r.read(bytes.NewReader(out), pkg)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("conformance: no test of %s ran: %v", pkg, runErr)
	}
	return nil
}

// read adds the events of one package and returns how many tests it had.
func (r *results) read(events io.Reader, pkg string) (int, error) {
	if r.index == nil {
		r.index = make(map[string]*test)
	}
	n := 0
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return 0, fmt.Errorf("conformance: %s: %w", pkg, err)
		}
		if e.Test == "" {
			continue
		}
		key := pkg + " " + e.Test
		t := r.index[key]
		if t == nil {
			t = &test{pkg: pkg, name: e.Test}
			r.index[key], r.tests, n = t, append(r.tests, t), n+1
		}
		switch e.Action {
		case "pass", "fail", "skip":
			t.action = e.Action
		case "output":
			if line, ok := logged(e.Output); ok {
				t.log = append(t.log, line)
			}
		}
	}
	return n, lines.Err()
}

var place = regexp.MustCompile(`^\s+[a-z0-9_]+_test\.go:\d+: `)

// logged strips what the testing package puts around a line of a test's log.
func logged(line string) (string, bool) {
	if !strings.HasPrefix(line, "    ") || strings.HasPrefix(strings.TrimSpace(line), "---") {
		return "", false
	}
	line = strings.TrimRight(line, "\n")
	if at := place.FindString(line); at != "" {
		return line[len(at):], true
	}
	return strings.TrimLeft(line, " "), true
}

// get finds a test that must have run.
func (r *results) get(pkg, name string) (*test, error) {
	t := r.index[pkg+" "+name]
	switch {
	case t == nil:
		return nil, fmt.Errorf("conformance: %s of %s did not run", name, pkg)
	case t.action == "skip":
		return nil, fmt.Errorf("conformance: %s of %s was skipped: %s", name, pkg, strings.Join(t.log, " "))
	}
	return t, nil
}

// parts are the subtests of a test, or the test itself where it has none.
func (r *results) parts(pkg, name string) []*test {
	var out []*test
	for _, t := range r.tests {
		if t.pkg == pkg && strings.HasPrefix(t.name, name+"/") {
			out = append(out, t)
		}
	}
	if t := r.index[pkg+" "+name]; len(out) == 0 && t != nil {
		out = append(out, t)
	}
	return out
}

// failed names every test that failed.
func (r *results) failed() []string {
	var out []string
	for _, t := range r.tests {
		if t.action != "pass" && t.action != "skip" {
			out = append(out, t.pkg+" "+t.name)
		}
	}
	return out
}
