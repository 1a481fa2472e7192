package jsonld

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gowebpki/jcs"
	"github.com/piprate/json-gold/ld"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// newest resolves to the newest embedded version.
func newest(url string) *ldcontext.Version {
	if v := ldcontext.Default().Versions(url); len(v) > 0 {
		return v[0]
	}
	return nil
}

// closedLoader gives json-gold the contexts of a Resolver, and nothing else.
type closedLoader struct {
	resolve Resolver
	mu      *sync.Mutex
	docs    map[string]any
}

func newLoader(r Resolver) closedLoader {
	return closedLoader{r, new(sync.Mutex), map[string]any{}}
}

func (l closedLoader) LoadDocument(url string) (*ld.RemoteDocument, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.docs[url] == nil {
		v := l.resolve(url)
		if v == nil {
			return nil, fmt.Errorf("unknown context %s", url)
		}
		l.docs[url] = v.Doc.Any(0)
	}
	return &ld.RemoteDocument{DocumentURL: url, Document: l.docs[url]}, nil
}

var oracleLoader = newLoader(newest)

// oracle returns the N-Quads that json-gold makes of a document, in safe mode.
func oracle(document any, loader ld.DocumentLoader) (string, error) {
	opt := ld.NewJsonLdOptions("")
	opt.DocumentLoader = loader
	opt.SafeMode = true
	proc := ld.NewJsonLdProcessor()
	expanded, err := proc.Expand(document, opt)
	if err != nil {
		return "", err
	}
	if err := spellJSON(expanded); err != nil {
		return "", err
	}
	opt.Format = "application/n-quads"
	out, err := proc.ToRDF(expanded, opt)
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(out.(string), "<"+standsForJSON+">", "<"+rdfJSON+">"), nil
}

func canonical(t testing.TB, ds *rdfc.Dataset) string {
	t.Helper()
	c, err := rdfc.Canonicalize(ds, rdfc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return string(c.NQuads)
}

// quads converts a document and returns the canonical form of its quads.
func quads(t testing.TB, text string, opt Options) (string, error) {
	t.Helper()
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if opt.Contexts == nil {
		opt.Contexts = newest
	}
	ds := rdfc.NewDataset(8)
	if _, err := ToQuads(d, 0, opt, ds); err != nil {
		return "", err
	}
	c, err := rdfc.Canonicalize(ds, rdfc.Options{})
	if errors.Is(err, rdfc.ErrBudget) {
		return "", &Error{Code: LimitExceeded, Detail: "the generator made a poison graph"}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(c.NQuads), nil
}

// agree compares with json-gold; both must have an answer.
func agree(t testing.TB, text, found string) {
	t.Helper()
	d, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	nq, err := oracle(d.Any(0), oracleLoader)
	if err != nil {
		t.Fatalf("json-gold refuses what is accepted here: %v\n%s", err, text)
	}
	ds, err := rdfc.ParseNQuads([]byte(nq), rdfc.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, nq)
	}
	if want := canonical(t, ds); want != found {
		t.Fatalf("json-gold disagrees about\n%s\n%s", text, diff(want, found))
	}
}

// standsForJSON is the datatype of JSON literals on their way through json-gold.
const standsForJSON = "urn:x:json"

// spellJSON writes out the JSON literals of an expanded document, which json-gold
// gets wrong (T3) and panics on when it compares two of them.
func spellJSON(x any) error {
	switch x := x.(type) {
	case []any:
		for _, e := range x {
			if err := spellJSON(e); err != nil {
				return err
			}
		}
	case map[string]any:
		if x["@type"] == "@json" {
			b, err := json.Marshal(x["@value"])
			if err != nil {
				return err
			}
			if b, err = jcs.Transform([]byte("[" + string(b) + "]")); err != nil {
				return err
			}
			x["@value"], x["@type"] = string(b[1:len(b)-1]), standsForJSON
			return nil
		}
		for _, e := range x {
			if err := spellJSON(e); err != nil {
				return err
			}
		}
	}
	return nil
}

var unlabelled = regexp.MustCompile("_:c14n[0-9]+")

// diff lists the lines that only one of two canonical forms has.
func diff(want, found string) string {
	var b strings.Builder
	want, found = unlabelled.ReplaceAllString(want, "_:"), unlabelled.ReplaceAllString(found, "_:")
	for _, x := range []struct{ mark, in, other string }{{"only json-gold: ", want, found}, {"only here: ", found, want}} {
		for line := range strings.Lines(x.in) {
			if !strings.Contains(x.other, line) {
				b.WriteString(x.mark + line)
			}
		}
	}
	return b.String()
}

func readBadge(t testing.TB) string {
	b, err := os.ReadFile("testdata/badge.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBadgeAgreesWithPeer(t *testing.T) {
	text := readBadge(t)
	found, err := quads(t, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, text, found)
}

func itoa(i int) string { return strconv.Itoa(i) }
