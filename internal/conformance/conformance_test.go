package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// feed makes the events of one test: its log, then its end.
func feed(name, action string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"Action":"run","Package":"p","Test":%q}`+"\n", name)
	for _, line := range lines {
		fmt.Fprintf(&b, `{"Action":"output","Package":"p","Test":%q,"Output":%q}`+"\n", name, line+"\n")
	}
	fmt.Fprintf(&b, `{"Action":"output","Package":"p","Test":%q,"Output":"--- PASS: x (0.03s)\n"}`+"\n", name)
	fmt.Fprintf(&b, `{"Action":%q,"Package":"p","Test":%q,"Elapsed":0.03}`+"\n", action, name)
	return b.String()
}

// sample is what every suite would say on a good day.
func sample(t *testing.T, change map[string]string) *results {
	t.Helper()
	var r results
	action := func(name string) string {
		if a := change[name]; a != "" {
			return a
		}
		return "pass"
	}
	read := func(pkg string, events ...string) {
		if _, err := r.read(strings.NewReader(strings.Join(events, "")), pkg); err != nil {
			t.Fatal(err)
		}
	}
	read("./internal/rdfc", feed("TestManifest", action("TestManifest"), "    manifest_test.go:84: rdf-canon: 86 of 86"))
	var toRdf []string
	for _, v := range verdicts {
		toRdf = append(toRdf, "    suite_test.go:170: toRdf\t"+v[0]+"\t7")
	}
	toRdf = append(toRdf, "    suite_test.go:168: toRdf\ttotal\t467", "    suite_test.go:178: toRdf\trefused\t@base\t1\tt0120")
	read("./internal/jsonld", feed("TestSuiteToRdf", "pass", toRdf...), feed("TestThirdVoice", "pass", "    thirdvoice_test.go:60: 1000 equal"))
	read("./internal/ldcontext", feed("TestAgainstPublished", "pass"))
	for _, row := range rows {
		read(row.pkg, feed(row.test, "pass"), feed(row.test+"/a/one", action(row.test)), feed(row.test+"/a", "pass"))
	}
	read("./proof", feed("TestMutateEveryLeaf", "pass"), feed("TestMutateEveryLeaf/eddsa-rdfc-2022_Ed25519", "pass", "        mutate_test.go:237: 1805 changes"))
	for _, row := range badgeRows {
		read("./badge", feed(row.test, "pass"))
	}
	read("./verifier", feed("TestContextVersions", "pass"), feed("TestVectorFiles", "pass", "    vectorfiles_test.go:344: 237 vectors"),
		feed("TestByOthers", "pass", "    outside_test.go:114: 2 documents by others: 1 agree, 1 differ and are explained, 0 unexplained.", "        ",
			"        | document | recorded | ours | |", "        |---|---|---|---|", "        | a.json | Valid | valid | agrees |", "        | b.json |  | invalid `expired` | too old |"))
	return &r
}

func page1(t *testing.T, r *results) (string, error) {
	t.Helper()
	b, err := render(r, func(name string) string { return "commit of " + name })
	return string(b), err
}

func TestRender(t *testing.T) {
	text, err := page1(t, sample(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"0 failed", "- rdf-canon: 86 of 86\n", "| the same quads | 7 |", "| refused | @base | 1 | t0120 |", "1000 equal", "| 2 of 2 |",
		"- a/one: pass\n- a: pass\n", "| eddsa-rdfc-2022 Ed25519 | 1805 changes; no other verifies |", "| too old | 1 |\n", "| b.json |  | invalid `expired` | too old |\n",
		"| a.json | Valid | valid |\n", "237 vectors",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("expected %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "0.03") || strings.Contains(text, "_test.go") {
		t.Error("the page holds times or places")
	}
}

func TestRenderFailures(t *testing.T) {
	text, err := page1(t, sample(t, map[string]string{"TestSpecificationVectors": "fail"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 failed", "- **failed**: `./proof TestSpecificationVectors/a/one`", "| **1 of 2** |", "- a/one: fail"} {
		if !strings.Contains(text, want) {
			t.Errorf("expected %q in\n%s", want, text)
		}
	}
}

// TestRenderRefuses: a section without its results is an error, not a shorter page.
func TestRenderRefuses(t *testing.T) {
	if _, err := page1(t, sample(t, map[string]string{"TestManifest": "skip"})); err == nil || !strings.Contains(err.Error(), "skipped") {
		t.Errorf("skipped: %v", err)
	}
	full := sample(t, nil)
	for _, name := range []string{"./internal/rdfc TestManifest", "./internal/jsonld TestSuiteToRdf", "./internal/jsonld TestThirdVoice", "./internal/ldcontext TestAgainstPublished",
		"./proof TestSpecificationVectors", "./badge TestCheckSamples", "./verifier TestByOthers", "./verifier TestVectorFiles", "./verifier TestContextVersions"} {
		kept := full.index[name]
		delete(full.index, name)
		if _, err := page1(t, full); err == nil {
			t.Errorf("without %s: a page", name)
		}
		full.index[name] = kept
	}
	for _, name := range []string{"./internal/rdfc TestManifest", "./internal/jsonld TestSuiteToRdf", "./verifier TestByOthers"} {
		log := full.index[name].log
		full.index[name].log = nil
		if _, err := page1(t, full); err == nil {
			t.Errorf("without the log of %s: a page", name)
		}
		full.index[name].log = log
	}
	var r results
	if _, err := r.read(strings.NewReader("ok\tx\n"), "p"); err == nil {
		t.Error("what is not JSON was read")
	}
}

// TestSuitesExist: every test that the page needs is asked for.
func TestSuitesExist(t *testing.T) {
	asked := map[string]string{}
	for _, s := range suites {
		asked[s.pkg] += s.run
	}
	for _, row := range rows {
		if !strings.Contains(asked[row.pkg], row.test) {
			t.Errorf("%s is not run", row.test)
		}
	}
	for _, row := range badgeRows {
		if !strings.Contains(asked["./badge"], row.test) {
			t.Errorf("%s is not run", row.test)
		}
	}
}

func TestCommit(t *testing.T) {
	dir := t.TempDir()
	if got := commit(dir, "x"); got != "commit not recorded" {
		t.Error(got)
	}
	if err := os.MkdirAll(filepath.Join(dir, "w3c", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "w3c", "x", "SOURCE.commit"), []byte("0123456789abcdef0123 2026-01-02\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := commit(dir, "x"); got != "commit `0123456789ab` of 2026-01-02" {
		t.Error(got)
	}
	if n := firstDifference([]byte("a\nb\n"), []byte("a\nc\n")); n != 2 {
		t.Error(n)
	}
}
