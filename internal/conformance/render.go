package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const intro = `# Conformance

Written by ` + "`go run ./internal/conformance`" + ` from test runs; ` + "`-check`" + ` fails where this page and the tests
part. The data by others lie beside the checkout and are not part of it: without them the
tests named here skip, and this page cannot be written.

Passing says what was compared, not that all is well: what no suite asks for is covered by
the project's own vectors (below), by changing every leaf of signed documents, and by fuzzing
against other implementations.

`

const outro = `## What is not claimed

- ` + "`bbs-2023`, SD-JWT and COSE are not supported: documents secured so are *indeterminate* (`proof_type_unknown`), never valid." + `
- The W3C's suites that speak HTTP need a server and are not part of this page.
- What other implementations accept of ours, and refuse, is tested by ` + "`CHANCERY_INTEROP=1 go test ./testvectors/interop/...`" + ` and needs a package registry.
`

// render writes the page. A table that the tests do not give is an error: a page that
// silently lacks a section would say more than was tested.
func render(r *results, commit func(string) string) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(intro)
	for _, section := range []func(*bytes.Buffer, *results, func(string) string) error{
		failures, canonicalization, jsonld, contexts, suitesOf, badges, outside, own,
	} {
		if err := section(&out, r, commit); err != nil {
			return nil, err
		}
	}
	out.WriteString(outro)
	return out.Bytes(), nil
}

func failures(out *bytes.Buffer, r *results, _ func(string) string) error {
	failed := r.failed()
	fmt.Fprintf(out, "Of the tests behind this page %d failed.\n\n", len(failed))
	for _, f := range failed {
		fmt.Fprintf(out, "- **failed**: `%s`\n", f)
	}
	if len(failed) > 0 {
		out.WriteString("\n")
	}
	return nil
}

func canonicalization(out *bytes.Buffer, r *results, commit func(string) string) error {
	t, err := r.get("./internal/rdfc", "TestManifest")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "## RDF Dataset Canonicalization 1.0\n\n[W3C Recommendation](https://www.w3.org/TR/rdf-canon/) of 2024-05-21; its test manifest, %s; SHA-256 and SHA-384, identifier maps included.\n\n", commit("rdf-canon"))
	if len(t.log) == 0 {
		return fmt.Errorf("conformance: TestManifest logged nothing")
	}
	for _, line := range slices.Sorted(slices.Values(t.log)) { // it counts by kind, in any order
		fmt.Fprintf(out, "- %s\n", line)
	}
	out.WriteString("\n")
	return nil
}

// verdicts of the toRdf suite, as internal/jsonld names them.
var verdicts = [][2]string{
	{"pass", "the same quads"},
	{"negative", "refused, as the suite demands"},
	{"refused", "refused here, by feature (below): an error, never another answer"},
	{"other", "for another version or another option of the processor, not run"},
	{"wrong", "**another answer than the suite's**"},
}

func jsonld(out *bytes.Buffer, r *results, commit func(string) string) error {
	t, err := r.get("./internal/jsonld", "TestSuiteToRdf")
	if err != nil {
		return err
	}
	count, lists := map[string]string{}, [][]string{}
	for _, line := range t.log {
		f := strings.Split(line, "\t")
		switch {
		case len(f) == 3 && f[0] == "toRdf":
			count[f[1]] = f[2]
		case len(f) == 5 && f[0] == "toRdf":
			lists = append(lists, f[1:])
		}
	}
	fmt.Fprintf(out, "## JSON-LD 1.1, to RDF\n\n[JSON-LD 1.1 API](https://www.w3.org/TR/json-ld11-api/), W3C Recommendation of 2020-07-16; the toRdf manifest, %s, %s entries. What is built is a closed subset in safe mode that cannot be switched off: whatever would be left out of the quads is refused.\n\n| | entries |\n|---|---|\n", commit("json-ld-api"), count["total"])
	for _, v := range verdicts {
		if count[v[0]] == "" {
			return fmt.Errorf("conformance: TestSuiteToRdf does not count %q", v[0])
		}
		fmt.Fprintf(out, "| %s | %s |\n", v[1], count[v[0]])
	}
	out.WriteString("\n| verdict | feature or error | entries | which |\n|---|---|---|---|\n")
	for _, f := range lists {
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", f[0], f[1], f[2], f[3])
	}
	t, err = r.get("./internal/jsonld", "TestThirdVoice")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nGenerated documents against stored outputs of jsonld.js 9.0.0: %s. The fuzz target `FuzzDifferential` compares with json-gold.\n\n", strings.Join(t.log, "; "))
	return nil
}

func contexts(out *bytes.Buffer, r *results, _ func(string) string) error {
	t, err := r.get("./internal/ldcontext", "TestAgainstPublished")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "## Contexts\n\nEvery published byte version of a context that is at hand has the same meaning (JCS form) as the embedded one, and its digest is known: %s.\n\n", t.action)
	return nil
}

// rows are the tests of cryptosuites, with what they compare.
var rows = []struct{ pkg, test, spec, compared string }{
	{"./proof", "TestSpecificationVectors", "[EdDSA Cryptosuites 1.0](https://www.w3.org/TR/vc-di-eddsa/), [ECDSA Cryptosuites 1.0](https://www.w3.org/TR/vc-di-ecdsa/)", "canonical document, proof configuration, three hashes, signature, proof value"},
	{"./proof", "TestSDVectors", "ecdsa-sd-2023 of ECDSA Cryptosuites 1.0", "every intermediate of issuer, holder and verifier, both proof values byte for byte"},
	{"./proof", "TestEmploymentForms", "canonical forms in the vectors of ecdsa-sd-2023, bbs-2023 and the quantum-safe suites", "canonical document and its hash, SHA-256 and SHA-384"},
	{"./proof", "TestProofSetsAndChains", "[VC Data Integrity 1.0](https://www.w3.org/TR/vc-data-integrity/), sets and chains", "every proof verifies"},
	{"./proof", "TestProofSetsAndChainsSignedAnew", "the same", "signing anew gives the printed proof value"},
	{"./proof", "TestBadgeVectors", "[Open Badges 3.0](https://www.imsglobal.org/spec/ob/v3p0/), [CLR 2.0](https://www.imsglobal.org/spec/clr/v2p0/): the signed vectors", "every intermediate, proof value"},
	{"./proof", "TestJWSByOthers", "[RFC 7515](https://www.rfc-editor.org/rfc/rfc7515): tokens by other implementations", "verify, and refused when changed"},
}

func suitesOf(out *bytes.Buffer, r *results, commit func(string) string) error {
	fmt.Fprintf(out, "## Securing mechanisms\n\nVectors: vc-di-eddsa, %s; vc-di-ecdsa, %s; di-quantum-safe, %s; vc-di-bbs, %s.\n\n| vectors | compared | passed |\n|---|---|---|\n",
		commit("vc-di-eddsa"), commit("vc-di-ecdsa"), commit("di-quantum-safe"), commit("vc-di-bbs"))
	for _, row := range rows {
		passed, total, err := r.count(row.pkg, row.test)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", row.spec, row.compared, share(passed, total))
	}
	out.WriteString("\nVectors of the first row:\n\n")
	for _, t := range r.parts("./proof", "TestSpecificationVectors") {
		_, name, _ := strings.Cut(t.name, "/")
		fmt.Fprintf(out, "- %s: %s\n", name, t.action)
	}
	out.WriteString("\n**Mutate every leaf.** Each value of a signed credential changed, left out, added to; inside the proof as well. Changes without meaning have the same canonical form to the byte (order and repetition in sets); all others must fail.\n\n| suite | changes |\n|---|---|\n")
	for _, t := range r.parts("./proof", "TestMutateEveryLeaf") {
		_, name, _ := strings.Cut(t.name, "/")
		fmt.Fprintf(out, "| %s | %s; %s |\n", strings.ReplaceAll(name, "_", " "), strings.Join(t.log, " "), word(t.action))
	}
	out.WriteString("\n")
	return nil
}

func word(action string) string {
	if action == "pass" {
		return "no other verifies"
	}
	return "**" + action + "**"
}

// share is how many passed; one test that compares many things in a loop is one.
func share(passed, total int) string {
	switch {
	case passed < total:
		return fmt.Sprintf("**%d of %d**", passed, total)
	case total == 1:
		return "yes"
	}
	return fmt.Sprintf("%d of %d", passed, total)
}

func (r *results) count(pkg, name string) (passed, total int, err error) {
	if _, err := r.get(pkg, name); err != nil {
		return 0, 0, err
	}
	for _, t := range r.parts(pkg, name) {
		total++
		if t.action == "pass" {
			passed++
		}
	}
	return passed, total, nil
}

var badgeRows = []struct{ test, what string }{
	{"TestSchemaAgreesWithPublished", "our schemas and the published one (JSON Schema 2019-09), on samples and on changes of them: the same verdict"},
	{"TestChecksCoverSchemas", "what a schema finds, the checks find too"},
	{"TestCheckSamples", "findings on Open Badges 3.0 and CLR 2.0 documents by others"},
	{"TestJWTSamples", "claims of JWTs by others"},
	{"TestCheckOB2Samples", "findings on Open Badges 2.0 documents by others"},
	{"TestImagesByOthers", "badges taken out of PNG and SVG that others baked"},
}

func badges(out *bytes.Buffer, r *results, _ func(string) string) error {
	out.WriteString("## Open Badges content\n\n| compared | passed | |\n|---|---|---|\n")
	for _, row := range badgeRows {
		passed, total, err := r.count("./badge", row.test)
		if err != nil {
			return err
		}
		t, err := r.get("./badge", row.test)
		if err != nil {
			return err
		}
		said, _, _ := strings.Cut(strings.Join(t.log, "; "), ",") // how many are valid differs from run to run
		fmt.Fprintf(out, "| %s | %s | %s |\n", row.what, share(passed, total), said)
	}
	passed, total, err := r.count("./verifier", "TestContextVersions")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| badges signed under each byte version of a context verify, and the report names it | %s | |\n\n", share(passed, total))
	return nil
}

var summary = regexp.MustCompile(`^\d+ documents by others: `)

// outside turns the table of verdicts by others into one of differences, and a list of
// agreements.
func outside(out *bytes.Buffer, r *results, _ func(string) string) error {
	t, err := r.get("./verifier", "TestByOthers")
	if err != nil {
		return err
	}
	var head string
	var agree, differ [][]string
	for _, line := range t.log {
		if summary.MatchString(line) {
			head = line
		}
		f := strings.Split(strings.Trim(line, "|"), " | ")
		if !strings.HasPrefix(line, "| ") || len(f) != 4 || strings.TrimSpace(f[0]) == "document" {
			continue
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if f[3] == "agrees" {
			agree = append(agree, f)
		} else {
			differ = append(differ, f)
		}
	}
	if head == "" || len(agree) == 0 {
		return fmt.Errorf("conformance: TestByOthers logged no table")
	}
	fmt.Fprintf(out, "## Badges by others\n\nDocuments of 1EdTech's validator 1.11.0 (profile `1edtech`, with the keys they carry pinned) and of the Digital Credentials Consortium's verifier-core 1.0.0-beta.11, judged offline at 2026-11-22 and compared with the verdicts recorded upstream.\n\n%s\n", head)
	reasons := map[string]int{}
	var order []string
	for _, f := range differ {
		if reasons[f[3]]++; reasons[f[3]] == 1 {
			order = append(order, f[3])
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return reasons[b] - reasons[a] })
	out.WriteString("\n| why they differ | documents |\n|---|---|\n")
	for _, why := range order {
		fmt.Fprintf(out, "| %s | %d |\n", why, reasons[why])
	}
	out.WriteString("\n| document | recorded | ours | why |\n|---|---|---|---|\n")
	for _, f := range differ {
		fmt.Fprintf(out, "| %s |\n", strings.Join(f, " | "))
	}
	out.WriteString("\nIn agreement:\n\n| document | recorded | ours |\n|---|---|---|\n")
	for _, f := range agree {
		fmt.Fprintf(out, "| %s |\n", strings.Join(f[:3], " | "))
	}
	out.WriteString("\n")
	return nil
}

func own(out *bytes.Buffer, r *results, _ func(string) string) error {
	t, err := r.get("./verifier", "TestVectorFiles")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "## The project's own vectors\n\n[testvectors](../testvectors/README.md), one flaw each, through library and command alike: %s.\n\n", strings.Join(t.log, "; "))
	return nil
}
