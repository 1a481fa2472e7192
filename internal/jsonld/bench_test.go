package jsonld

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

func BenchmarkToQuads(b *testing.B) {
	d, err := strictjson.Parse([]byte(readBadge(b)), strictjson.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	ds := rdfc.NewDataset(128)
	opt := Options{Contexts: newest, DropRoot: []string{"proof"}}
	if _, err := ToQuads(d, 0, opt, ds); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes, %d quads, %d terms, %d blank nodes", len(d.Text()), len(ds.Quads()), ds.Terms(), strings.Count(canonical(b, ds), "_:"))
	b.ReportAllocs()
	for b.Loop() {
		ds.Reset()
		if _, err := ToQuads(d, 0, opt, ds); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProofToQuads(b *testing.B) {
	d, err := strictjson.Parse([]byte(readBadge(b)), strictjson.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	ds := rdfc.NewDataset(128)
	opt := Options{Contexts: newest, DropRoot: []string{"proofValue"}}
	b.ReportAllocs()
	for b.Loop() {
		ds.Reset()
		if err := ProofToQuads(d, 0, d.Get(0, "proof"), opt, ds); err != nil {
			b.Fatal(err)
		}
	}
}
