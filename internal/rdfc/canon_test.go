package rdfc

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/cputime"
)

// clique links n blank nodes with each other, in both directions.
func clique(n int) *Dataset {
	d := NewDataset(n * n)
	p := d.IRI("urn:p")
	nodes := make([]TermID, n)
	for i := range nodes {
		nodes[i] = d.NewBlank()
	}
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b {
				d.Add(a, p, b, 0)
			}
		}
	}
	return d
}

// star has one hub that points at n indistinguishable blank nodes.
func star(n int) *Dataset {
	d := NewDataset(n)
	p, hub := d.IRI("urn:p"), d.NewBlank()
	for range n {
		d.Add(hub, p, d.NewBlank(), 0)
	}
	return d
}

// TestStarIsCheap: indistinguishable leaves of a node that is unique need no search.
func TestStarIsCheap(t *testing.T) {
	if _, err := Canonicalize(star(5000), Options{}); err != nil {
		t.Fatal(err)
	}
}

// ring is n blank nodes in a circle.
func ring(n int) *Dataset {
	d := NewDataset(n)
	p := d.IRI("urn:p")
	nodes := make([]TermID, n)
	for i := range nodes {
		nodes[i] = d.NewBlank()
	}
	for i, a := range nodes {
		d.Add(a, p, nodes[(i+1)%n], 0)
	}
	return d
}

// TestPoison: expensive graphs are refused, and soon.
func TestPoison(t *testing.T) {
	before, err := Canonicalize(ring(5), Options{})
	if err != nil {
		t.Fatal(err)
	}
	long := ring(64)
	long.terms[1].Value = "urn:" + strings.Repeat("p", 200_000)
	leaves := star(2)
	for range 5000 { // many quads that mention one of the indistinguishable nodes
		q := leaves.quads[0]
		leaves.Add(q.O, leaves.IRI("urn:q"), leaves.NewBlank(), 0)
		leaves.Add(leaves.quads[1].O, leaves.IRI("urn:q"), leaves.NewBlank(), 0)
	}
	for name, d := range map[string]*Dataset{
		"clique 10": clique(10), "clique 100": clique(100), "clique 300": clique(300),
		"star 40000": star(40_000),
		"ring 1000":  ring(1000), "ring 40000": ring(40_000), "long predicate": long, "two bushes": leaves,
	} {
		t.Run(name, func(t *testing.T) {
			var took []time.Duration
			for range 3 {
				start := cputime.Now()
				_, err := Canonicalize(d, Options{})
				took = append(took, cputime.Since(start))
				if !errors.Is(err, ErrBudget) {
					t.Fatalf("got %v, want ErrBudget", err)
				}
			}
			t.Log(slices.Min(took))
			if !raceEnabled && slices.Min(took) > 50*time.Millisecond {
				t.Errorf("refused after %v, want 50ms", slices.Min(took))
			}
			// The scratch that gave up must not spoil the next use.
			if c, err := Canonicalize(ring(5), Options{}); err != nil || !bytes.Equal(c.NQuads, before.NQuads) {
				t.Fatalf("after a refusal: %v", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	long := NewDataset(8)
	iri := long.IRI("urn:" + strings.Repeat("x", 1<<20))
	for i := range 100 {
		long.Add(iri, long.IRI("urn:p"), long.Literal(fmt.Sprint(i), "", ""), 0)
	}
	tests := map[string]struct {
		d   *Dataset
		opt Options
		err error
	}{
		"quads":         {ring(4), Options{MaxQuads: 3}, ErrTooLarge},
		"quads met":     {ring(4), Options{MaxQuads: 4}, nil},
		"blanks":        {ring(4), Options{MaxBlankNodes: 3}, ErrTooLarge},
		"blanks met":    {ring(4), Options{MaxBlankNodes: 4}, nil},
		"bytes":         {ring(4), Options{MaxBytes: 100}, ErrTooLarge},
		"bytes met":     {ring(4), Options{MaxBytes: 140}, nil},
		"one long IRI":  {long, Options{}, ErrTooLarge},
		"work":          {ring(4), Options{MaxWork: 10}, ErrBudget},
		"SHA-512":       {ring(4), Options{Hash: crypto.SHA512}, ErrHash},
		"SHA-1":         {ring(4), Options{Hash: crypto.SHA1}, ErrHash},
		"default quads": {func() *Dataset { d := ring(2); d.quads = make([]Quad, DefaultMaxQuads+1); return d }(), Options{}, ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Canonicalize(tt.d, tt.opt)
			if !errors.Is(err, tt.err) {
				t.Errorf("Canonicalize: got %v, want %v", err, tt.err)
			}
			if (c == nil) != (tt.err != nil) {
				t.Errorf("Canonicalize: got %v with error %v", c, err)
			}
			if b, err := Digest([]byte("x"), tt.d, tt.opt); !errors.Is(err, tt.err) || (err != nil && string(b) != "x") {
				t.Errorf("Digest: got %q, %v, want %v", b, err, tt.err)
			}
		})
	}
}

// TestInvalidTerms: what has no N-Quads form is refused and never written out,
// where it could pass for something else.
func TestInvalidTerms(t *testing.T) {
	iri := func(v string) Term { return Term{Kind: IRI, Value: v} }
	p, o := iri("urn:p"), Term{Kind: Literal, Value: "o"}
	blank := Term{Kind: BlankNode, Value: "b"}
	tests := map[string][4]Term{
		"IRI with space":            {iri("urn:a b"), p, o},
		"IRI with >":                {iri("urn:a> <urn:p> <urn:o> .\n<urn:b"), p, o},
		"IRI with newline":          {iri("urn:a\n"), p, o},
		"IRI with {":                {p, iri("urn:{"), o},
		"IRI with }":                {p, iri("urn:aaaaaaaaaaaaaa}"), o},
		"IRI with |":                {p, iri("urn:aaaaaa|aaaaaaaaaaaaa"), o},
		"IRI with ^":                {p, p, iri("^urn:")},
		"IRI with `":                {p, p, iri("urn:`1234567")},
		"IRI with backslash":        {p, p, iri("urn:1234567\\")},
		"IRI with quote":            {p, p, iri("urn:\"1234567")},
		"IRI with <":                {p, p, iri("<1234567")},
		"IRI with NUL":              {p, p, iri("urn:12345\x00")},
		"empty IRI":                 {p, p, iri("")},
		"IRI not UTF-8":             {p, p, iri("urn:\xff")},
		"IRI with surrogate":        {p, p, iri("urn:\xed\xa0\x80")},
		"literal not UTF-8":         {p, p, {Kind: Literal, Value: "a\xff"}},
		"literal surrogate":         {p, p, {Kind: Literal, Value: "\xed\xa0\x80"}},
		"datatype with >":           {p, p, {Kind: Literal, Value: "a", Datatype: "urn:t> <urn:g"}},
		"datatype empty in Lang":    {p, p, {Kind: Literal, Value: "a", Lang: "en "}},
		"language with newline":     {p, p, {Kind: Literal, Value: "a", Lang: "en\n"}},
		"language digit first":      {p, p, {Kind: Literal, Value: "a", Lang: "1en"}},
		"language ends in -":        {p, p, {Kind: Literal, Value: "a", Lang: "en-"}},
		"language with --":          {p, p, {Kind: Literal, Value: "a", Lang: "en--ltr"}},
		"literal subject":           {o, p, o},
		"literal predicate":         {p, o, o},
		"literal graph":             {p, p, o, o},
		"blank node predicate":      {p, blank, o},
		"no subject":                {{}, p, o},
		"no predicate":              {p, {}, o},
		"no object":                 {p, p, {}},
		"a kind that there is none": {p, p, {Kind: 9, Value: "x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := NewDataset(1)
			var ids [4]TermID
			for i, term := range tt {
				if term != (Term{}) {
					ids[i] = d.Intern(term)
				}
			}
			d.Add(ids[0], ids[1], ids[2], ids[3])
			if c, err := Canonicalize(d, Options{}); !errors.Is(err, ErrTerm) {
				t.Fatalf("got %v, %v, want ErrTerm", c, err)
			}
		})
	}
	d := NewDataset(1)
	d.Add(d.IRI("urn:s"), d.IRI("urn:p"), 77, 0)
	if _, err := Canonicalize(d, Options{}); !errors.Is(err, ErrTerm) {
		t.Errorf("foreign term: got %v, want ErrTerm", err)
	}
}

// TestValidIRI compares the eight-bytes-at-a-time scan with the table, for every
// byte in every position.
func TestValidIRI(t *testing.T) {
	for c := range 0x80 {
		for at := range 24 {
			for _, fill := range []string{"a", "~", "\x7f", "!", "]", "z", "="} {
				s := strings.Repeat(fill, at) + string(rune(c)) + strings.Repeat(fill, 23-at)
				if got, want := validIRI(s), !iriForbidden[c]; got != want {
					t.Fatalf("%q: got %v, want %v", s, got, want)
				}
			}
		}
	}
}

// TestEscapes: every character of the first 256, in every position of a machine
// word, is written as the canonical form demands and read back.
func TestEscapes(t *testing.T) {
	want := func(r rune) string {
		switch r {
		case '\b':
			return `\b`
		case '\t':
			return `\t`
		case '\n':
			return `\n`
		case '\f':
			return `\f`
		case '\r':
			return `\r`
		case '"':
			return `\"`
		case '\\':
			return `\\`
		}
		if r < 0x20 || r == 0x7f {
			return fmt.Sprintf(`\u%04X`, r)
		}
		return string(r)
	}
	for r := range rune(256) {
		for at := range 17 {
			pad := strings.Repeat("\u00ff", at/2) + strings.Repeat("x", at%2+at/3)
			d := NewDataset(1)
			d.Add(d.IRI("urn:s"), d.IRI("urn:p"), d.Literal(pad+string(r)+pad, "", ""), 0)
			c, err := Canonicalize(d, Options{})
			if err != nil {
				t.Fatal(err)
			}
			line := `<urn:s> <urn:p> "` + pad + want(r) + pad + "\" .\n"
			if string(c.NQuads) != line {
				t.Fatalf("U+%04X: got %q, want %q", r, c.NQuads, line)
			}
			again, err := ParseNQuads(c.NQuads, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := again.Term(again.Quads()[0].O).Value; got != pad+string(r)+pad {
				t.Fatalf("U+%04X: read back as %q", r, got)
			}
		}
	}
}

// genDataset draws small datasets with many equal first-degree hashes.
func genDataset(t *rapid.T) *Dataset {
	d := NewDataset(8)
	nodes := rapid.IntRange(1, 6).Draw(t, "nodes")
	blank := func() TermID { return d.Blank(fmt.Sprintf("n%d", rapid.IntRange(0, nodes-1).Draw(t, "blank"))) }
	iri := func() TermID { return d.IRI(rapid.SampledFrom([]string{"urn:a", "urn:ab", "urn:b"}).Draw(t, "iri")) }
	for range rapid.IntRange(0, 12).Draw(t, "quads") {
		var s, o, g TermID
		if s = blank(); rapid.IntRange(0, 3).Draw(t, "s") == 0 {
			s = iri()
		}
		switch rapid.IntRange(0, 4).Draw(t, "o") {
		case 0:
			o = iri()
		case 1:
			o = d.Literal(rapid.SampledFrom([]string{"", "a", "a b", "\x7f\n"}).Draw(t, "lexical"),
				rapid.SampledFrom([]string{"", XSDString, "urn:t"}).Draw(t, "datatype"),
				rapid.SampledFrom([]string{"", "", "en", "en-GB"}).Draw(t, "lang"))
		default:
			o = blank()
		}
		switch rapid.IntRange(0, 5).Draw(t, "g") {
		case 0:
			g = iri()
		case 1:
			g = blank()
		}
		d.Add(s, d.IRI(rapid.SampledFrom([]string{"urn:p", "urn:pq"}).Draw(t, "p")), o, g)
	}
	return d
}

// relabelled copies d with its quads shuffled, some of them twice, and every blank
// node under another label or none.
func relabelled(d *Dataset, r *rand.Rand) *Dataset {
	out := NewDataset(len(d.quads))
	nodes := map[TermID]TermID{}
	order := r.Perm(len(d.terms))
	for _, i := range order {
		id := TermID(i)
		switch t := d.Term(id); {
		case id == 0:
			nodes[id] = 0
		case t.Kind == BlankNode && r.IntN(2) == 0:
			nodes[id] = out.NewBlank()
		case t.Kind == BlankNode:
			nodes[id] = out.Blank(fmt.Sprintf("x%d", i))
		default:
			nodes[id] = out.Intern(t)
		}
	}
	quads := slices.Clone(d.quads)
	if len(quads) > 0 {
		quads = append(quads, quads[r.IntN(len(quads))])
	}
	r.Shuffle(len(quads), func(i, j int) { quads[i], quads[j] = quads[j], quads[i] })
	for _, q := range quads {
		out.Add(nodes[q.S], nodes[q.P], nodes[q.O], nodes[q.G])
	}
	return out
}

// TestMetamorphic: neither order nor labels matter, every line is sorted and
// parsed back to itself, and the digest is that of the bytes.
func TestMetamorphic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDataset(t)
		opt := Options{Hash: rapid.SampledFrom([]crypto.Hash{0, crypto.SHA384}).Draw(t, "hash")}
		c, err := Canonicalize(d, opt)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range 3 {
			other, err := Canonicalize(relabelled(d, r), opt)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(c.NQuads, other.NQuads) {
				t.Fatalf("shuffled:\n%s\nbefore:\n%s", other.NQuads, c.NQuads)
			}
		}
		back, err := ParseNQuads(c.NQuads, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		again, err := Canonicalize(back, opt)
		if err != nil || !bytes.Equal(again.NQuads, c.NQuads) {
			t.Fatalf("canonicalised twice: %v\n%s\nonce:\n%s", err, again.NQuads, c.NQuads)
		}
		sum, err := Digest(nil, d, opt)
		if err != nil || !bytes.Equal(sum, c.Digest(nil)) {
			t.Fatalf("digests differ: %x, %x, %v", sum, c.Digest(nil), err)
		}
		checkLines(t, d, c)
	})
}

// checkLines holds every accessor of c against its bytes.
func checkLines(t interface{ Fatalf(string, ...any) }, d *Dataset, c *Canonical) {
	var all []byte
	for i := range c.Len() {
		line := c.Line(i)
		if i > 0 && bytes.Compare(c.Line(i-1), line) >= 0 {
			t.Fatalf("line %q does not come after %q", line, c.Line(i-1))
		}
		q := c.Quad(i)
		text := func(id TermID) string {
			term := d.Term(id)
			if term.Kind == BlankNode {
				n, ok := c.Index(id)
				if !ok || c.Identifier(id) != fmt.Sprintf("c14n%d", n) {
					t.Fatalf("no identifier for a blank node of line %q", line)
				}
				return "_:" + c.Identifier(id)
			}
			b, err := appendTerm(nil, &term)
			if err != nil {
				t.Fatalf("%v", err)
			}
			return string(b)
		}
		want := text(q.S) + " " + text(q.P) + " " + text(q.O)
		if q.G != 0 {
			want += " " + text(q.G)
		}
		if string(line) != want+" .\n" {
			t.Fatalf("line %q is not its quad, %q", line, want)
		}
		all = append(all, line...)
	}
	if !bytes.Equal(all, c.NQuads) {
		t.Fatalf("lines do not make up the document")
	}
}

// TestEveryLeafCounts: changing any quad's object of the badge changes the hash,
// as does dropping it.
func TestEveryLeafCounts(t *testing.T) {
	d := newBadge()
	want, err := Digest(nil, d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.quads {
		for _, change := range []func(e *Dataset){
			func(e *Dataset) { e.quads[i].O = e.Literal("changed", "", "") },
			func(e *Dataset) { e.quads[i].P = e.IRI("urn:changed") },
			func(e *Dataset) { e.quads[i].S = e.NewBlank() },
			func(e *Dataset) { e.quads[i].G = e.IRI("urn:graph") },
			func(e *Dataset) { e.quads = slices.Delete(e.quads, i, i+1) },
		} {
			e := newBadge()
			change(e)
			got, err := Digest(nil, e, Options{})
			if err == nil && bytes.Equal(got, want) {
				t.Fatalf("quad %d changed, hash did not", i)
			}
		}
	}
}

// TestNoSharing: a result stays as it is when the dataset and the pool are used again.
func TestNoSharing(t *testing.T) {
	d := newBadge()
	c, err := Canonicalize(d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := sha256.Sum256(c.NQuads)
	d.Reset()
	for i := range 50 {
		d.Add(d.NewBlank(), d.IRI("urn:p"), d.Literal(strings.Repeat("z", 200+i), "", ""), 0)
	}
	for range 10 {
		if _, err := Canonicalize(d, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if sha256.Sum256(c.NQuads) != before || c.Len() != 88 || c.Blanks() != 30 {
		t.Error("a later canonicalisation changed an earlier result")
	}
	if n := testing.AllocsPerRun(100, func() {
		d.Reset()
		badge(d, blanksOf(d))
	}); !raceEnabled && n > 40 { // the strings that badge formats, and nothing for the dataset
		t.Errorf("%v allocations to refill a dataset", n)
	}
}

// TestIntern: equal terms share an identifier, different ones do not, however many.
func TestIntern(t *testing.T) {
	d := NewDataset(0)
	seen := map[TermID]Term{}
	for round := range 2 {
		for i := range 3000 {
			for _, term := range []Term{
				{Kind: IRI, Value: fmt.Sprint(i)}, {Kind: BlankNode, Value: fmt.Sprint(i)}, {Kind: Literal, Value: fmt.Sprint(i)},
				{Kind: Literal, Value: "x", Datatype: fmt.Sprint("urn:", i)}, {Kind: Literal, Value: "x", Lang: fmt.Sprint("en-", i)},
			} {
				id := d.Intern(term)
				old, ok := seen[id]
				if ok != (round == 1) || ok && old != term {
					t.Fatalf("%v got the identifier of %v", term, old)
				}
				seen[id] = term
			}
		}
	}
	if d.Literal("a", XSDString, "") != d.Literal("a", "", "") || d.Literal("a", XSDString, "en") != d.Literal("a", RDFLangString, "en") {
		t.Error("spellings of one datatype are told apart")
	}
	if a, b := d.NewBlank(), d.NewBlank(); a == b || b == d.Blank("") {
		t.Error("fresh blank nodes are not fresh")
	}
}
