package jsonld

import (
	"errors"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// differ generates a document and compares with json-gold; it reports whether the
// document was accepted here.
func differ(t testing.TB, g *generator, codes map[Code]int) bool {
	text := g.document()
	found, err := quads(t, text, Options{})
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("expected an *Error, found %v", err)
		}
		if codes != nil {
			codes[e.Code]++
			if codes[e.Code] < 3 {
				t.Logf("%v", err)
			}
		}
		return false
	}
	if !g.skewed {
		agree(t, text, found)
	}
	return true
}

func TestDifferential(t *testing.T) {
	for _, inline := range []bool{false, true} {
		accepted, total := 0, 300
		codes := map[Code]int{}
		for seed := range total {
			r := rand.New(rand.NewPCG(uint64(seed), 7))
			if differ(t, &generator{dice: r.IntN, inline: inline}, codes) {
				accepted++
			}
		}
		t.Logf("inline %v: %d of %d accepted, refused %v", inline, accepted, total, codes)
		if !inline && accepted < total/2 {
			t.Errorf("expected most documents to be accepted, found %d of %d", accepted, total)
		}
	}
}

func TestDifferentialProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "") }
		g := &generator{dice: d, inline: rapid.Bool().Draw(rt, "inline")}
		text := g.document()
		found, err := quads(t, text, Options{})
		if err == nil && !g.skewed {
			agree(t, text, found)
		}
	})
}

// FuzzDifferential lets the fuzzer make the generator's choices.
func FuzzDifferential(f *testing.F) {
	for seed := range 16 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, choices []byte, inline bool) {
		next := func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			c := int(choices[0])
			choices = choices[1:]
			return c % n
		}
		differ(t, &generator{dice: next, inline: inline}, nil)
	})
}
