package jsonld

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

const suiteBase = "https://w3c.github.io/json-ld-api/tests/"

// suiteResult is what became of one test of the json-ld-api toRdf suite.
type suiteResult struct {
	ID, Name string
	Verdict  string // "pass", "refused", "negative", "wrong", "other"
	Feature  string // of a refusal; for "other" why the test does not apply
	Err      error
}

// relativeContext finds context URLs that are file names of the suite.
var relativeContext = regexp.MustCompile(`"([\w-]+/)?([\w-]+\.jsonld)"`)

// suiteResolver loads contexts from the suite's files.
func suiteResolver(t testing.TB, dir string) (Resolver, func([]byte) []byte) {
	absolute := func(b []byte) []byte {
		return relativeContext.ReplaceAllFunc(b, func(m []byte) []byte {
			name := strings.TrimPrefix(strings.Trim(string(m), `"`), "toRdf/")
			if _, err := os.Stat(filepath.Join(dir, "toRdf", name)); err != nil {
				return m
			}
			return []byte(`"` + suiteBase + "toRdf/" + name + `"`)
		})
	}
	known := map[string]*ldcontext.Version{}
	return func(url string) *ldcontext.Version {
		rel, ok := strings.CutPrefix(url, suiteBase)
		if !ok {
			return nil
		}
		if v := known[url]; v != nil {
			return v
		}
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(rel)))
		if err != nil {
			return nil
		}
		doc, err := strictjson.Parse(absolute(b), strictjson.Limits{})
		if err != nil {
			return nil
		}
		v := &ldcontext.Version{URL: url, Doc: doc}
		known[url] = v
		return v
	}, absolute
}

// runSuite runs every test of the toRdf manifest, in its order.
func runSuite(t testing.TB) []suiteResult {
	dir := testvectors.Shared(t, "w3c/json-ld-api/tests")
	text, err := os.ReadFile(filepath.Join(dir, "toRdf-manifest.jsonld"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	resolve, absolute := suiteResolver(t, dir)
	var out []suiteResult
	m.Each(m.Get(0, "sequence"), func(n strictjson.Node) bool {
		res := suiteResult{ID: m.String(m.Get(n, "@id")), Name: m.String(m.Get(n, "name"))}
		option := m.Get(n, "option")
		mode := m.String(m.Get(option, "processingMode"))
		switch {
		case mode == "json-ld-1.0" || m.String(m.Get(option, "specVersion")) == "json-ld-1.0":
			res.Verdict, res.Feature = "other", "JSON-LD 1.0"
		case m.String(m.Get(option, "rdfDirection")) == "compound-literal":
			res.Verdict, res.Feature = "other", "rdfDirection compound-literal"
		case m.Get(option, "expandContext") != strictjson.None:
			res.Verdict, res.Feature = "other", "expandContext"
		default:
			input, err := os.ReadFile(filepath.Join(dir, m.String(m.Get(n, "input"))))
			if err != nil {
				t.Fatal(err)
			}
			var expect []byte
			if e := m.String(m.Get(n, "expect")); e != "" {
				if expect, err = os.ReadFile(filepath.Join(dir, e)); err != nil {
					t.Fatal(err)
				}
			}
			types := m.Raw(m.Get(n, "@type"))
			keeps := res.judge(absolute(input), expect, resolve, strings.Contains(types, "Negative"), strings.Contains(types, "Syntax"))
			if keeps && m.Get(option, "rdfDirection") == strictjson.None {
				res.Verdict, res.Feature = "other", "rdfDirection null" // directions are never left out here
			}
		}
		out = append(out, res)
		return true
	})
	return out
}

// judge reports whether the quads keep a base direction.
func (res *suiteResult) judge(input, expect []byte, resolve Resolver, negative, syntax bool) (keeps bool) {
	ds := rdfc.NewDataset(16)
	d, err := strictjson.Parse(input, strictjson.Limits{})
	if err == nil {
		_, err = ToQuads(d, 0, Options{Contexts: resolve}, ds)
	}
	res.Err = err
	var e *Error
	switch {
	case negative && err == nil:
		res.Verdict = "wrong"
	case negative:
		res.Verdict = "negative"
	case err != nil:
		res.Verdict, res.Feature = "refused", "json"
		if errors.As(err, &e) {
			if res.Feature = string(e.Code); e.Feature != "" {
				res.Feature = e.Feature
			}
			if e.Code == InvalidContext || e.Code == InvalidDocument || e.Code == ProtectedTerm || e.Code == UnknownContext {
				res.Verdict = "wrong" // valid by the suite
			}
		}
	case syntax:
		res.Verdict = "pass"
	default:
		res.Verdict = "pass"
		want, err := rdfc.ParseNQuads(expect, rdfc.Limits{})
		if err == nil {
			var got, exp *rdfc.Canonical
			if exp, err = rdfc.Canonicalize(want, rdfc.Options{}); err == nil {
				got, err = rdfc.Canonicalize(ds, rdfc.Options{})
				keeps = err == nil && strings.Contains(string(got.NQuads), i18n)
				if err == nil && string(got.NQuads) != string(exp.NQuads) {
					err = fmt.Errorf("expected\n%sfound\n%s", exp.NQuads, got.NQuads)
				}
			}
		}
		if err != nil {
			res.Verdict, res.Err = "wrong", err
		}
	}
	return keeps
}

// TestSuiteToRdf runs json-ld-api toRdf. No answer may be wrong: what is not done
// exactly is refused. The table it logs is stable.
func TestSuiteToRdf(t *testing.T) {
	results := runSuite(t)
	count := map[string]int{}
	features := map[string][]string{}
	for _, r := range results {
		count[r.Verdict]++
		if r.Verdict == "wrong" {
			t.Errorf("%s %s: %v", r.ID, r.Name, r.Err)
		}
		if r.Verdict == "refused" || r.Verdict == "other" {
			key := r.Verdict + "\t" + r.Feature
			features[key] = append(features[key], strings.TrimPrefix(r.ID, "#"))
		}
	}
	t.Logf("toRdf\ttotal\t%d", len(results))
	for _, v := range []string{"pass", "negative", "refused", "other", "wrong"} {
		t.Logf("toRdf\t%s\t%d", v, count[v])
	}
	keys := make([]string, 0, len(features))
	for k := range features {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		t.Logf("toRdf\t%s\t%d\t%s", k, len(features[k]), strings.Join(features[k], " "))
	}
}
