package layout

import "golang.org/x/text/unicode/bidi"

func (b *bidiText) brackets(s isolating) { // N0
	type pair struct{ open, close int } // positions in s.index
	type opened struct {
		mirror rune
		at     int
	}
	var pairs []pair
	var stack []opened
	for k, i := range s.index {
		if b.types[i] != bidi.ON {
			continue
		}
		r := canonicalBracket(b.text[i])
		p, _ := bidi.LookupRune(r)
		if !p.IsBracket() {
			continue
		}
		if p.IsOpeningBracket() {
			if len(stack) == 63 {
				return // BD16
			}
			stack = append(stack, opened{closingOf(r), k})
			continue
		}
		for j := len(stack) - 1; j >= 0; j-- {
			if stack[j].mirror == r {
				pairs = append(pairs, pair{stack[j].at, k})
				stack = stack[:j]
				break
			}
		}
	}
	for i := 1; i < len(pairs); i++ { // in order of the opening bracket
		for j := i; j > 0 && pairs[j].open < pairs[j-1].open; j-- {
			pairs[j], pairs[j-1] = pairs[j-1], pairs[j]
		}
	}
	embedding := strongOf(s.level)
	for _, p := range pairs {
		found := bidi.ON
		for k := p.open + 1; k < p.close; k++ {
			d := direction(b.types[s.index[k]])
			if d == embedding {
				found = embedding
				break
			}
			if d != bidi.ON {
				found = d
			}
		}
		if found == bidi.ON {
			continue
		}
		if found != embedding {
			context := s.sos
			for k := p.open - 1; k >= 0; k-- {
				if d := direction(b.types[s.index[k]]); d != bidi.ON {
					context = d
					break
				}
			}
			if context != found {
				found = embedding
			}
		}
		for _, at := range [2]int{p.open, p.close} {
			b.types[s.index[at]] = found
			for k := at + 1; k < len(s.index) && b.orig[s.index[k]] == bidi.NSM; k++ {
				b.types[s.index[k]] = found
			}
		}
	}
}

// canonicalBracket maps the angle brackets with canonical equivalents (BD14).
func canonicalBracket(r rune) rune {
	switch r {
	case 0x2329:
		return 0x3008
	case 0x232A:
		return 0x3009
	}
	return r
}

func closingOf(open rune) rune {
	m := []rune(bidi.ReverseString(string(open)))
	return m[0]
}
