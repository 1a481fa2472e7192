package badge

import (
	"errors"
	"testing"
)

// TestPatternsOfECMA: patterns of schemas match as ECMA-262 has them. Both columns were
// compared with what JavaScript says.
func TestPatternsOfECMA(t *testing.T) {
	for pattern, texts := range map[string][2][]string{
		`^\S+$`:               {{"ab", "\u0085", "\u200b", "\u180e"}, {"a b", "a\u00a0b", "a\u2028b", "a\ufeffb", "\v", "\u3000", ""}},
		`^\s$`:                {{" ", "\v", "\f", "\u00a0", "\u1680", "\u2029", "\ufeff"}, {"a", "\u0085", "\u200b"}},
		`^[\S]$`:              {{"a", "\u0085"}, {" ", "\u00a0", "\u2028"}},
		`^[^\S]$`:             {{" ", "\u00a0"}, {"a", "\u0085"}},
		`^[^\s]$`:             {{"a"}, {"\u00a0", "\v"}},
		`^[\s\S]$`:            {{"\n", "\u2028", "a", "😀"}, {"", "aa"}},
		`^a.b$`:               {{"a b", "a😀b", "a\u0085b"}, {"a\nb", "a\rb", "a\u2028b", "a\u2029b"}},
		`^.*$`:                {{"", "ab"}, {"a\rb", "a\n"}},
		`^\u00e9\u{1F600}$`:   {{"é😀"}, {"e😀"}},
		`^\ud83d\ude00$`:      {{"😀"}, {"\ufffd"}},
		`^[\u0061-\u0063]+$`:  {{"abc"}, {"d"}},
		`^\cJ\0\x41\/\-$`:     {{"\n\x00A/-"}, {"J0A/-"}},
		`^[[:alpha:]]$`:       {{"a]", ":]", "[]"}, {"a", "z", "b]"}},
		`^[\b]$`:              {{"\b"}, {"b", ""}},
		`x[]`:                 {nil, {"x", "x[]", "x]"}},
		`^[^]$`:               {{"\n", "]", "😀"}, {""}},
		`\bword\b`:            {{"a word."}, {"swords"}},
		`^\p{L}+\P{Lu}$`:      {{"Éa"}, {"1a", "aA"}},
		`^(?<year>\d{4})-\w$`: {{"2026-a"}, {"٢٠٢٦-a", "2026-é"}},
		`a$`:                  {{"a", "ba"}, {"a\n"}},
	} {
		re, err := compilePattern(pattern)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		if re.String() != pattern {
			t.Errorf("%q calls itself %q", pattern, re)
		}
		for i, list := range texts {
			for _, text := range list {
				if re.MatchString(text) != (i == 0) {
					t.Errorf("%q matches %q: %v", pattern, text, i != 0)
				}
			}
		}
	}
	for _, pattern := range []string{
		`(?=a)b`, `(?<!a)b`, `(a)\1`, `\k<n>`, `\A`, `a\z`, `\Qa\E`, `\a`, `\pL`, `\e`, `\c1`, `\01`, `\u12`, `\u{110000}`, `\u{}`, `\u{+41}`, `\ud800`, `\udc00\ud800`, `\xg1`, `\`, `[a`, `(`, `a**`, `\p{Nothing}`, "\xff",
	} {
		if re, err := compilePattern(pattern); err == nil {
			t.Errorf("%q is read as %v", pattern, re)
		}
	}
}

// TestPatternsOfSchemas: a schema that a document does not follow in JavaScript is not
// followed here.
func TestPatternsOfSchemas(t *testing.T) {
	for schema, good := range map[string]bool{
		`{"properties":{"a":{"pattern":"^\\S+$"}}}`:         false,
		`{"properties":{"a":{"pattern":"^x.y$"}}}`:          true,
		`{"patternProperties":{"^\\S$":{"type":"string"}}}`: true,
		`{"propertyNames":{"pattern":"^[^\\s]$"}}`:          true,
		`{"properties":{"a":{"not":{"pattern":"\\s"}}}}`:    false,
	} {
		if found, err := ValidateSchema([]byte(schema), parse(t, `{"a":"x\u00a0y"}`), 0); err != nil || (len(found) == 0) != good {
			t.Errorf("%s: found %v, %v", schema, found, err)
		}
	}
	if _, err := ValidateSchema([]byte(`{"pattern":"\\Aa\\z"}`), parse(t, `"a"`), 0); !errors.Is(err, ErrSchemaUnsupported) {
		t.Error(err)
	}
}
