package rdfc

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/piprate/json-gold/ld"
	"pgregory.net/rapid"
)

// oracle canonicalises with json-gold. Its defects are kept out by the caller: it
// escapes neither \b, \f nor other control characters, has no SHA-384, and no
// limit on work; and it counts a quad that mentions a blank node twice as two
// quads of that node, where section 4.4.3 step 2.1 makes one reference per quad.
func oracle(d *Dataset) string {
	node := func(id TermID) ld.Node {
		switch t := d.Term(id); t.Kind {
		case IRI:
			return ld.NewIRI(t.Value)
		case BlankNode:
			return ld.NewBlankNode("_:" + t.Value)
		default:
			datatype := t.Datatype
			switch {
			case t.Lang != "":
				datatype = RDFLangString
			case datatype == "":
				datatype = XSDString
			}
			return ld.NewLiteral(t.Value, datatype, t.Lang)
		}
	}
	dataset := ld.NewRDFDataset()
	seen := map[Quad]bool{}
	for _, q := range d.Quads() {
		if seen[q] {
			continue
		}
		seen[q] = true
		graph := "@default"
		if q.G != 0 {
			graph = node(q.G).GetValue()
		}
		dataset.Graphs[graph] = append(dataset.Graphs[graph], ld.NewQuad(node(q.S), node(q.P), node(q.O), graph))
	}
	opts := ld.NewJsonLdOptions("")
	opts.Algorithm = ld.AlgorithmURDNA2015
	opts.Format = "application/n-quads"
	out, err := ld.NewJsonLdApi().Normalize(dataset, opts)
	if err != nil {
		return "error: " + err.Error()
	}
	return out.(string)
}

// TestBlankNodeTwiceInQuad pins the reading of step 2.1 that json-gold does not
// share, with the hashes of the first-degree lines worked out by hand.
func TestBlankNodeTwiceInQuad(t *testing.T) {
	d := NewDataset(2)
	x, y, p := d.Blank("x"), d.Blank("y"), d.IRI("urn:p")
	d.Add(y, p, y, d.IRI("urn:a"))
	d.Add(y, p, x, d.IRI("urn:ab"))
	hx := sha256.Sum256([]byte("_:z <urn:p> _:a <urn:ab> .\n"))
	hy := sha256.Sum256([]byte("_:a <urn:p> _:a <urn:a> .\n_:a <urn:p> _:z <urn:ab> .\n"))
	want := map[string]string{"x": "c14n0", "y": "c14n1"}
	if bytes.Compare(hx[:], hy[:]) > 0 {
		want = map[string]string{"x": "c14n1", "y": "c14n0"}
	}
	c, err := Canonicalize(d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.IssuedIdentifiers(d); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// plain reports whether json-gold gets a dataset right.
func plain(d *Dataset) bool {
	for _, q := range d.quads {
		for _, pair := range [][2]TermID{{q.S, q.O}, {q.S, q.G}, {q.O, q.G}} {
			if pair[0] == pair[1] && d.terms[pair[0]].Kind == BlankNode {
				return false
			}
		}
	}
	for _, t := range d.terms {
		if strings.IndexFunc(t.Value, func(r rune) bool {
			return r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
		}) >= 0 {
			return false
		}
	}
	return true
}

// compare checks d against the oracle, where both can tell.
func compare(t interface {
	Fatalf(string, ...any)
	Helper()
}, d *Dataset) bool {
	t.Helper()
	// A graph that takes us many steps would take the oracle minutes.
	c, err := Canonicalize(d, Options{MaxWork: 400})
	if errors.Is(err, ErrBudget) || !plain(d) {
		return false
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	if want := oracle(d); string(c.NQuads) != want {
		t.Fatalf("got\n%s\nwant\n%s", c.NQuads, want)
	}
	return true
}

func TestAgainstOracle(t *testing.T) {
	compared := 0
	for n := 3; n < 8; n++ {
		d := ring(n)
		for i := range d.terms {
			if d.terms[i].Kind == BlankNode {
				d.terms[i].Value = "b" + strings.Repeat("x", i)
			}
		}
		if compare(t, d) {
			compared++
		}
	}
	d := NewDataset(96)
	badge(d, func(n int) TermID { return d.Blank("b" + strings.Repeat("y", n)) })
	if compare(t, d) {
		compared++
	}
	if compared != 6 {
		t.Errorf("%d of 6 graphs compared", compared)
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			if compare(t, genDataset(t)) {
				compared++
			}
		}
	})
	t.Logf("%d datasets compared", compared)
	if compared < 500 {
		t.Errorf("only %d datasets compared", compared)
	}
}

// FuzzCanonicalize parses N-Quads, canonicalises what parses, demands that the
// result parses to itself, and compares with json-gold.
func FuzzCanonicalize(f *testing.F) {
	for _, s := range nquadsSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseNQuads(b, Limits{MaxBytes: 1 << 14, MaxQuads: 200})
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if !utf8.Valid(b) {
			t.Fatal("accepted what is not UTF-8")
		}
		c, err := Canonicalize(d, Options{})
		if errors.Is(err, ErrBudget) {
			return
		}
		if err != nil {
			t.Fatalf("parsed but not canonicalised: %v", err)
		}
		again, err := ParseNQuads(c.NQuads, Limits{})
		if err != nil {
			t.Fatalf("canonical form does not parse: %v", err)
		}
		c2, err := Canonicalize(again, Options{})
		if err != nil || string(c2.NQuads) != string(c.NQuads) {
			t.Fatalf("not a fixed point: %v\n%s\n%s", err, c.NQuads, c2.NQuads)
		}
		checkLines(t, d, c)
		compare(t, d)
	})
}
