package httpapi

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/httpapi/verdict"
)

// TestVerdictAsEverything: the writer made for verdicts writes what the one for everything
// writes, whatever is in them.
func TestVerdictAsEverything(t *testing.T) {
	// Texts with what has to be escaped, what must not be, and what is not UTF-8.
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "plain", "a\"b\\c/d", "\x00\x1f\x7f\u2028", "<script>&", "\xff\xc3(", "é🂡", strings.Repeat("x", 5000)}))
	optional := rapid.Custom(func(t *rapid.T) *string {
		if rapid.Bool().Draw(t, "absent") {
			return nil
		}
		s := text.Draw(t, "text")
		return &s
	})
	party := rapid.Custom(func(t *rapid.T) *verdict.Party {
		if rapid.Bool().Draw(t, "absent") {
			return nil
		}
		return &verdict.Party{ID: text.Draw(t, "id"), Name: text.Draw(t, "name"), Type: text.Draw(t, "type")}
	})
	check := rapid.Custom(func(t *rapid.T) verdict.Check {
		c := verdict.Check{ID: text.Draw(t, "id"), Result: text.Draw(t, "result"), Required: rapid.Bool().Draw(t, "required"), Code: optional.Draw(t, "code"), Detail: optional.Draw(t, "detail")}
		if rapid.Bool().Draw(t, "evidence") {
			facts := rapid.MapOfN(rapid.StringMatching("[a-zA-Z.0-9\"<]{0,6}"), text, 0, 4).Draw(t, "facts")
			c.Evidence = verdict.Facts{}
			for _, name := range slices.Sorted(maps.Keys(facts)) {
				c.Evidence = append(c.Evidence, verdict.Fact{Name: name, Value: facts[name]})
			}
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(text, 0, 3)
		v := verdict.Verdict{
			Outcome: text.Draw(t, "outcome"), Reason: optional.Draw(t, "reason"), Lifecycle: optional.Draw(t, "lifecycle"), Checks: rapid.SliceOfN(check, 0, 4).Draw(t, "checks"),
			Environment: text.Draw(t, "environment"), Subject: party.Draw(t, "subject"), Issuer: party.Draw(t, "issuer"),
			EvaluatedAt: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).In(time.FixedZone("", 3600)),
			Offline:     rapid.Bool().Draw(t, "offline"), TrustInputs: texts.Draw(t, "inputs"), Insecure: texts.Draw(t, "insecure"),
		}
		var want bytes.Buffer
		if err := json.MarshalWrite(&want, envelope[verdict.Verdict]{Data: v}, answerJSON); err != nil {
			t.Fatal(err)
		}
		want.WriteByte('\n')
		if got := appendVerdict(nil, &v); !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("got\n%s\nexpected\n%s", got, want.Bytes())
		}
	})
}

// TestPlainTexts: every byte at every place, beside every other that matters, is seen.
func TestPlainTexts(t *testing.T) {
	for _, beside := range []byte{'a', ' ', '"', '\\', 0x1f, 0x7f, 0x80, 0xff} {
		for length := 1; length <= 19; length++ {
			for place := range length {
				for c := range 256 {
					b := bytes.Repeat([]byte{'x'}, length)
					b[place] = byte(c)
					if place+1 < length {
						b[place+1] = beside
					}
					got := appendText(nil, string(b))
					want, _ := jsontext.AppendQuote(nil, b)
					if !bytes.Equal(got, want) {
						t.Fatalf("%q: expected %s, found %s", b, want, got)
					}
				}
			}
		}
	}
}
