package rdfc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/rdfc"
)

const labelled = `<urn:s> <urn:p> "a _:c14n0 \"b\" ."@en .
<urn:s> <urn:p> _:b0 .
<urn:s> <urn:p> _:b0 _:b1 .
<urn:s> <urn:p> "x y" _:b1 .
<urn:s> <urn:p> "x y"^^<urn:d> <urn:g> .
_:b0 <urn:p> "_:c14n1" .
_:b0 <urn:q> _:b1 <urn:g> .
_:b1 <urn:q> _:b0 _:b1 .
_:b1 <urn:r> <urn:o> .
`

// TestAppendLine: a line is written as it was but for the labels of its blank nodes,
// which texts and other terms may look like.
func TestAppendLine(t *testing.T) {
	d, err := rdfc.ParseNQuads([]byte(labelled), rdfc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := rdfc.Canonicalize(d, rdfc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Len() != strings.Count(labelled, "\n") {
		t.Fatalf("%d lines", c.Len())
	}
	names := make([]string, c.Blanks())
	for label, id := range c.IssuedIdentifiers(d) {
		var n int
		if _, err := fmt.Sscanf(id, "c14n%d", &n); err != nil {
			t.Fatal(err)
		}
		names[n] = label
	}
	original := map[string]bool{}
	for _, line := range strings.SplitAfter(labelled, "\n") {
		original[line] = true
	}
	for i := range c.Len() {
		same := c.AppendLine([]byte("before "), i, func(n int) string { return fmt.Sprintf("c14n%d", n) })
		if string(same) != "before "+string(c.Line(i)) {
			t.Errorf("expected %q, found %q", c.Line(i), same)
		}
		if own := c.AppendLine(nil, i, func(n int) string { return names[n] }); !original[string(own)] {
			t.Errorf("%q is not of the document", own)
		}
	}
}

// TestTake: a second set of quads over the same terms compares with the first.
func TestTake(t *testing.T) {
	d := rdfc.NewDataset(8)
	p, b := d.IRI("urn:p"), d.NewBlank()
	d.Add(b, p, d.Literal("one", "", ""), 0)
	d.Add(b, p, d.Literal("two", "", ""), 0)
	first := d.Take()
	if len(first) != 2 || len(d.Quads()) != 0 {
		t.Fatalf("%d taken, %d left", len(first), len(d.Quads()))
	}
	d.Add(b, d.IRI("urn:p"), d.Literal("two", "", ""), 0)
	if second := d.Take(); len(second) != 1 || second[0] != first[1] {
		t.Errorf("expected %v, found %v", first[1], second)
	}
	c, err := rdfc.Canonicalize(d, rdfc.Options{})
	if err != nil || c.Len() != 0 || c.Blanks() != 0 {
		t.Errorf("%d lines of nothing, %v", c.Len(), err)
	}
}
