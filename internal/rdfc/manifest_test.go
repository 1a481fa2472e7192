package rdfc

import (
	"crypto"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cputime"
	"github.com/chancery-dev/chancery/testvectors"
)

// TestManifest runs the whole rdf-canon test suite.
func TestManifest(t *testing.T) {
	var manifest struct {
		Entries []struct {
			ID            string `json:"id"`
			Type          string `json:"type"`
			Action        string `json:"action"`
			Result        string `json:"result"`
			HashAlgorithm string `json:"hashAlgorithm"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(testvectors.ReadShared(t, "w3c", "rdf-canon", "tests", "manifest.jsonld"), &manifest); err != nil {
		t.Fatal(err)
	}
	passed, most := map[string]int{}, 0
	for _, e := range manifest.Entries {
		t.Run(e.ID[1:], func(t *testing.T) {
			var opt Options
			switch e.HashAlgorithm {
			case "":
			case "SHA384":
				opt.Hash = crypto.SHA384
			default:
				t.Fatalf("unknown hash %q", e.HashAlgorithm)
			}
			d, err := ParseNQuads(testvectors.ReadShared(t, "w3c", "rdf-canon", "tests", e.Action), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			start := cputime.Now()
			c, err := Canonicalize(d, opt)
			if e.Type == "rdfc:RDFC10NegativeEvalTest" {
				if !errors.Is(err, ErrBudget) {
					t.Fatalf("got %v, want ErrBudget", err)
				}
				if took := cputime.Since(start); !raceEnabled && took > 50*time.Millisecond {
					t.Fatalf("refused after %v, want 50ms", took)
				}
				passed[e.Type]++
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := testvectors.ReadShared(t, "w3c", "rdf-canon", "tests", e.Result)
			switch e.Type {
			case "rdfc:RDFC10EvalTest":
				if string(c.NQuads) != string(want) {
					t.Fatalf("got\n%s\nwant\n%s", c.NQuads, want)
				}
			case "rdfc:RDFC10MapTest":
				var m map[string]string
				if err := json.Unmarshal(want, &m); err != nil {
					t.Fatal(err)
				}
				if got := c.IssuedIdentifiers(d); !maps.Equal(got, m) {
					t.Fatalf("got %v, want %v", got, m)
				}
			default:
				t.Fatalf("unknown type %q", e.Type)
			}
			passed[e.Type]++
			most = max(most, workOf(t, d, opt))
		})
	}
	total := 0
	for typ, n := range passed {
		total += n
		t.Logf("%s: %d passed", typ, n)
	}
	t.Logf("rdf-canon: %d of %d; the costliest computable graph takes %d of %d steps", total, len(manifest.Entries), most, DefaultMaxWork)
	if total != 86 {
		t.Errorf("passed %d, want 86", total)
	}
}

// workOf returns the steps that a dataset takes.
func workOf(t *testing.T, d *Dataset, opt Options) int {
	opt, err := opt.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	s := new(scratch)
	s.nd.work = opt.MaxWork
	if err := s.run(d, opt); err != nil {
		t.Fatal(err)
	}
	return opt.MaxWork - s.nd.work
}
