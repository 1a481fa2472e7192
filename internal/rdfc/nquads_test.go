package rdfc

import (
	"errors"
	"strings"
	"testing"
)

var nquadsSeeds = []string{
	"",
	"<urn:s> <urn:p> <urn:o> .\n",
	"# comment\n<urn:s>\t<urn:p>\"o\"@en-GB<urn:g>.#c\r\n\n_:a <urn:p> _:b.c _:g .",
	`<urn:s> <urn:p> "\t\b\n\r\f\"\'\\\u00e9\U0001F600"^^<urn:t> .`,
	"<urn:\\u00e9> <urn:p> \"\u00e9\" .\n",
	"_:a <urn:p> _:b .\n_:b <urn:p> _:a .\n_:c <urn:p> _:c .\n",
	"_:a <urn:p> _:b .\n_:b <urn:p> _:c .\n_:c <urn:p> _:a .\n_:a <urn:q> _:c _:b .\n",
	"_:0 <urn:p> \"\" _:\u00c0\u0300 .",
}

func TestParseNQuads(t *testing.T) {
	for i, want := range []int{0, 1, 2, 1, 1, 3, 4, 1} {
		d, err := ParseNQuads([]byte(nquadsSeeds[i]), Limits{})
		if err != nil {
			t.Errorf("%q: %v", nquadsSeeds[i], err)
		} else if len(d.Quads()) != want {
			t.Errorf("%q: got %d quads, want %d", nquadsSeeds[i], len(d.Quads()), want)
		}
	}
	d, err := ParseNQuads([]byte(nquadsSeeds[3]), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Term(d.Quads()[0].O), (Term{Literal, "\t\b\n\r\f\"'\\\u00e9\U0001F600", "urn:t", ""}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	d, err = ParseNQuads([]byte(nquadsSeeds[2]), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if q := d.Quads()[1]; d.Term(q.O).Value != "b.c" || d.Term(q.G).Value != "g" {
		t.Errorf("got labels %q and %q", d.Term(q.O).Value, d.Term(q.G).Value)
	}
}

func TestParseNQuadsRefuses(t *testing.T) {
	tests := map[string]string{
		"no dot":               "<urn:s> <urn:p> <urn:o>\n",
		"two on a line":        "<urn:s> <urn:p> <urn:o> . <urn:s> <urn:p> <urn:o> .",
		"junk after dot":       "<urn:s> <urn:p> <urn:o> . x\n",
		"relative subject":     "<s> <urn:p> <urn:o> .",
		"relative datatype":    `<urn:s> <urn:p> "x"^^<t> .`,
		"scheme starts digit":  "<1urn:s> <urn:p> <urn:o> .",
		"empty IRI":            "<> <urn:p> <urn:o> .",
		"only colon":           "<:a> <urn:p> <urn:o> .",
		"IRI with space":       "<urn:s s> <urn:p> <urn:o> .",
		"IRI escaped space":    `<urn:s\u0020s> <urn:p> <urn:o> .`,
		"IRI escaped >":        `<urn:s\u003e> <urn:p> <urn:o> .`,
		"IRI with ECHAR":       `<urn:s\n> <urn:p> <urn:o> .`,
		"IRI no end":           "<urn:s",
		"IRI no end on line":   "<urn:s\n> <urn:p> <urn:o> .",
		"literal subject":      `"s" <urn:p> <urn:o> .`,
		"literal predicate":    `<urn:s> "p" <urn:o> .`,
		"literal graph":        `<urn:s> <urn:p> <urn:o> "g" .`,
		"blank predicate":      "<urn:s> _:p <urn:o> .",
		"blank no label":       "_: <urn:p> <urn:o> .",
		"blank label dash":     "_:-a <urn:p> <urn:o> .",
		"blank label dot":      "_:.a <urn:p> <urn:o> .",
		"blank label bad":      "_:a! <urn:p> <urn:o> .",
		"no colon":             "_a <urn:p> <urn:o> .",
		"underscore":           "_",
		"newline in literal":   "<urn:s> <urn:p> \"a\nb\" .",
		"CR in literal":        "<urn:s> <urn:p> \"a\rb\" .",
		"literal no end":       `<urn:s> <urn:p> "a`,
		"literal bad escape":   `<urn:s> <urn:p> "\x" .`,
		"literal short escape": `<urn:s> <urn:p> "\u12" .`,
		"literal end escape":   `<urn:s> <urn:p> "\`,
		"not hexadecimal":      `<urn:s> <urn:p> "\u00gg" .`,
		"surrogate":            `<urn:s> <urn:p> "\ud83d\ude00" .`,
		"above Unicode":        `<urn:s> <urn:p> "\U00110000" .`,
		"far above Unicode":    `<urn:s> <urn:p> "\UFFFFFFFF" .`,
		"language empty":       `<urn:s> <urn:p> "a"@ .`,
		"language bad":         `<urn:s> <urn:p> "a"@en_GB .`,
		"language digit":       `<urn:s> <urn:p> "a"@1 .`,
		"direction":            `<urn:s> <urn:p> "a"@en--ltr .`,
		"one caret":            `<urn:s> <urn:p> "a"^<urn:t> .`,
		"lang and type":        `<urn:s> <urn:p> "a"@en^^<urn:t> .`,
		"not UTF-8":            "<urn:s> <urn:p> \"\xff\" .",
		"IRI not UTF-8":        "<urn:\xff> <urn:p> \"\" .",
		"comment not UTF-8":    "# \xff",
		"label not UTF-8":      "_:a\xff <urn:p> \"\" .",
		"triple term":          "<<( <urn:s> <urn:p> <urn:o> )>> <urn:p> <urn:o> .",
		"keyword":              "a <urn:p> <urn:o> .",
		"NUL":                  "\x00",
		"byte-order mark":      "\ufeff<urn:s> <urn:p> <urn:o> .",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseNQuads([]byte("<urn:a> <urn:b> <urn:c> .\n"+text), Limits{})
			if !errors.Is(err, ErrSyntax) {
				t.Fatalf("got %v, want ErrSyntax", err)
			}
			var at *SyntaxError
			if !errors.As(err, &at) || at.Line != 2 || at.Offset < 26 || at.Offset > 26+len(text) {
				t.Errorf("wrong place: %+v", at)
			}
		})
	}
	if _, err := ParseNQuads(nil, Limits{}); err != nil {
		t.Error(err)
	}
	line := "<urn:a> <urn:b> <urn:c> .\n"
	if _, err := ParseNQuads([]byte(strings.Repeat(line, 3)), Limits{MaxQuads: 2}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if _, err := ParseNQuads([]byte(line), Limits{MaxBytes: 10}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}
