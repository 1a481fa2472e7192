package layout

import (
	"testing"

	"golang.org/x/text/unicode/bidi"
	"pgregory.net/rapid"
)

// TestBidiOracle compares directions with golang.org/x/text, which tells no levels. Brackets
// are left out: for "\u05D0a(a)" package bidi turns the closing one round, against rule N0;
// TestBidiOrder has such lines.
func TestBidiOracle(t *testing.T) {
	letters := []rune("ab 12,.+-%!אב\u0627\u0628\u0661\u0662\u0300\u200e\u200f!\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom(letters), 1, 24).Draw(t, "text")
		base := rapid.IntRange(-1, 1).Draw(t, "base")
		opts := []bidi.Option{}
		if base == 1 {
			opts = append(opts, bidi.DefaultDirection(bidi.RightToLeft))
		}
		if base == 0 {
			return // package bidi cannot be told to go left to right whatever comes first
		}
		var p bidi.Paragraph
		if _, err := p.SetString(string(text), opts...); err != nil {
			t.Fatal(err)
		}
		o, err := p.Order()
		if err != nil {
			t.Fatal(err)
		}
		levels, _ := bidiLevels(text, base)
		for i := range o.NumRuns() {
			run := o.Run(i)
			from, to := run.Pos()
			for k := from; k <= to; k++ {
				if (levels[k]&1 == 1) != (run.Direction() == bidi.RightToLeft) {
					t.Fatalf("%q (%U) base %d: character %d of levels %v, expected another direction", string(text), text, base, k, levels)
				}
			}
		}
	})
}

// TestBidiOrder checks lines whose order directions alone do not tell.
func TestBidiOrder(t *testing.T) {
	for _, c := range []struct {
		text string
		base int
		want string
	}{
		{"abc אבג 123 דה def", 0, "abc הד 123 גבא def"},
		{"אבג 123 abc", -1, "abc 123 גבא"},
		{"abc (אבג) def", -1, "abc (גבא) def"},
		{"אבג abc 12 דה", -1, "הד abc 12 גבא"},
		{"abc \u0627\u0628 12, 13 def", -1, "abc 13 ,12 \u0628\u0627 def"},
		{"אa(a)", -1, "a(a)א"},
		{"a (א) b", -1, "a (א) b"},
		{"א (a) ב 1", -1, "1 ב )a( א"},
		{"א(a[ב]a)1", -1, "1)a]ב[a(א"},
		{"", 0, ""},
		{"abc", 1, "abc"},
	} {
		text := []rune(c.text)
		levels, _ := bidiLevels(text, c.base)
		var got []rune
		for _, i := range visualOrder(levels) {
			got = append(got, text[i])
		}
		if string(got) != c.want {
			t.Errorf("%q: expected %q, found %q (%v)", c.text, c.want, string(got), levels)
		}
	}
}
