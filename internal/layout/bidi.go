package layout

import (
	"golang.org/x/text/unicode/bidi"
)

// bidiLevels gives every character of a paragraph its embedding level by the Unicode
// Bidirectional Algorithm (UAX #9, rules P2 to I2 and L1); odd levels run right to left.
// Package bidi of golang.org/x/text answers directions only, from which lines that nest
// numbers in Arabic cannot be put in order; its character classes are used. base is -1
// for the direction of the first strong character.
func bidiLevels(text []rune, base int) (levels []uint8, paragraph uint8) {
	n := len(text)
	types := make([]bidi.Class, n)
	plain := true // left to right throughout
	for i, r := range text {
		p, _ := bidi.LookupRune(r)
		types[i] = p.Class()
		switch types[i] {
		case bidi.R, bidi.AL, bidi.AN, bidi.LRE, bidi.RLE, bidi.LRO, bidi.RLO, bidi.PDF, bidi.LRI, bidi.RLI, bidi.FSI, bidi.PDI:
			plain = false
		}
	}
	levels = make([]uint8, n)
	if plain && base <= 0 {
		return levels, 0
	}
	b := bidiText{text: text, orig: types, types: append([]bidi.Class(nil), types...), levels: levels}
	b.matchIsolates()
	if base < 0 {
		paragraph = b.firstStrong(0, n)
	} else {
		paragraph = uint8(base)
	}
	b.explicit(paragraph)
	for _, seq := range b.sequences(paragraph) {
		b.weak(seq)
		b.brackets(seq)
		b.neutral(seq)
		b.implicit(seq)
	}
	b.finish(paragraph)
	return levels, paragraph
}

const maxBidiDepth = 125

type bidiText struct {
	text        []rune
	orig, types []bidi.Class
	levels      []uint8
	match       []int  // isolate initiator to its PDI and back, -1 without
	removed     []bool // by X9
}

// isolating is an isolating run sequence: indexes in logical order, with its level and the
// types at its borders (X10).
type isolating struct {
	index    []int
	level    uint8
	sos, eos bidi.Class
}

func isInitiator(c bidi.Class) bool { return c == bidi.LRI || c == bidi.RLI || c == bidi.FSI }

func strongOf(level uint8) bidi.Class {
	if level&1 == 1 {
		return bidi.R
	}
	return bidi.L
}

func (b *bidiText) matchIsolates() { // BD9
	b.match = make([]int, len(b.text))
	var open []int
	for i, t := range b.orig {
		b.match[i] = -1
		if isInitiator(t) {
			open = append(open, i)
		} else if t == bidi.PDI && len(open) > 0 {
			j := open[len(open)-1]
			open = open[:len(open)-1]
			b.match[i], b.match[j] = j, i
		}
	}
}

func (b *bidiText) firstStrong(from, to int) uint8 { // P2, P3
	for i := from; i < to; i++ {
		switch t := b.orig[i]; {
		case t == bidi.L:
			return 0
		case t == bidi.R || t == bidi.AL:
			return 1
		case isInitiator(t):
			if b.match[i] < 0 {
				return 0
			}
			i = b.match[i]
		}
	}
	return 0
}

func (b *bidiText) explicit(paragraph uint8) { // X1 to X8
	type status struct {
		level    uint8
		override bidi.Class // ON: none
		isolate  bool
	}
	stack := []status{{paragraph, bidi.ON, false}}
	overIsolates, overEmbeddings, validIsolates := 0, 0, 0
	b.removed = make([]bool, len(b.text))
	for i, t := range b.orig {
		top := stack[len(stack)-1]
		next := (top.level + 1) | 1 // next odd
		switch t {
		case bidi.LRE, bidi.LRO, bidi.LRI:
			next = (top.level + 2) &^ 1
		case bidi.FSI:
			to := b.match[i]
			if to < 0 {
				to = len(b.text)
			}
			if b.firstStrong(i+1, to) == 0 {
				next = (top.level + 2) &^ 1
			}
		}
		switch t {
		case bidi.RLE, bidi.LRE, bidi.RLO, bidi.LRO:
			b.removed[i], b.levels[i] = true, top.level
			if next > maxBidiDepth || overIsolates > 0 || overEmbeddings > 0 {
				if overIsolates == 0 {
					overEmbeddings++
				}
				continue
			}
			over := bidi.ON
			if t == bidi.RLO {
				over = bidi.R
			} else if t == bidi.LRO {
				over = bidi.L
			}
			stack = append(stack, status{next, over, false})
		case bidi.RLI, bidi.LRI, bidi.FSI:
			b.levels[i] = top.level
			if top.override != bidi.ON {
				b.types[i] = top.override
			}
			if next > maxBidiDepth || overIsolates > 0 || overEmbeddings > 0 {
				overIsolates++
				continue
			}
			validIsolates++
			stack = append(stack, status{next, bidi.ON, true})
		case bidi.PDI:
			if overIsolates > 0 {
				overIsolates--
			} else if validIsolates > 0 {
				overEmbeddings = 0
				for !stack[len(stack)-1].isolate {
					stack = stack[:len(stack)-1]
				}
				stack = stack[:len(stack)-1]
				validIsolates--
			}
			top = stack[len(stack)-1]
			b.levels[i] = top.level
			if top.override != bidi.ON {
				b.types[i] = top.override
			}
		case bidi.PDF:
			b.removed[i] = true
			if overIsolates == 0 {
				if overEmbeddings > 0 {
					overEmbeddings--
				} else if !top.isolate && len(stack) >= 2 {
					stack = stack[:len(stack)-1]
				}
			}
			b.levels[i] = stack[len(stack)-1].level
		case bidi.BN:
			b.removed[i], b.levels[i] = true, top.level
		case bidi.B:
			b.levels[i] = paragraph
		default:
			b.levels[i] = top.level
			if top.override != bidi.ON {
				b.types[i] = top.override
			}
		}
	}
}

func (b *bidiText) sequences(paragraph uint8) []isolating { // X10
	var runs [][]int
	runOf := make([]int, len(b.text)) // run that begins at an index
	last := -1
	for i := range b.text {
		runOf[i] = -1
		if b.removed[i] {
			continue
		}
		if last < 0 || b.levels[last] != b.levels[i] {
			runs = append(runs, nil)
			runOf[i] = len(runs) - 1
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], i)
		last = i
	}
	var out []isolating
	for _, run := range runs {
		if first := run[0]; b.orig[first] == bidi.PDI && b.match[first] >= 0 {
			continue // continues another
		}
		seq := isolating{level: b.levels[run[0]]}
		for {
			seq.index = append(seq.index, run...)
			end := run[len(run)-1]
			if !isInitiator(b.orig[end]) || b.match[end] < 0 || runOf[b.match[end]] < 0 {
				break
			}
			run = runs[runOf[b.match[end]]]
		}
		before, after := paragraph, paragraph
		for i := seq.index[0] - 1; i >= 0; i-- {
			if !b.removed[i] {
				before = b.levels[i]
				break
			}
		}
		end := seq.index[len(seq.index)-1]
		if !isInitiator(b.orig[end]) {
			for i := end + 1; i < len(b.text); i++ {
				if !b.removed[i] {
					after = b.levels[i]
					break
				}
			}
		}
		seq.sos, seq.eos = strongOf(max(seq.level, before)), strongOf(max(seq.level, after))
		out = append(out, seq)
	}
	return out
}

func (b *bidiText) weak(s isolating) { // W1 to W7
	prev, strong := s.sos, s.sos
	for k, i := range s.index {
		if b.types[i] == bidi.NSM { // W1
			if k > 0 && (isInitiator(b.orig[s.index[k-1]]) || b.orig[s.index[k-1]] == bidi.PDI) {
				b.types[i] = bidi.ON
			} else {
				b.types[i] = prev
			}
		}
		prev = b.types[i]
		switch b.types[i] {
		case bidi.L, bidi.R, bidi.AL:
			strong = b.types[i]
		case bidi.EN: // W2
			if strong == bidi.AL {
				b.types[i] = bidi.AN
			}
		}
	}
	for _, i := range s.index { // W3
		if b.types[i] == bidi.AL {
			b.types[i] = bidi.R
		}
	}
	for k := 1; k+1 < len(s.index); k++ { // W4
		i, before, after := s.index[k], b.types[s.index[k-1]], b.types[s.index[k+1]]
		if before == after && (b.types[i] == bidi.CS && (before == bidi.EN || before == bidi.AN) || b.types[i] == bidi.ES && before == bidi.EN) {
			b.types[i] = before
		}
	}
	for k := 0; k < len(s.index); k++ { // W5, W6
		if b.types[s.index[k]] != bidi.ET {
			continue
		}
		end := k
		for end < len(s.index) && b.types[s.index[end]] == bidi.ET {
			end++
		}
		to := bidi.ON
		if k > 0 && b.types[s.index[k-1]] == bidi.EN || end < len(s.index) && b.types[s.index[end]] == bidi.EN {
			to = bidi.EN
		}
		for ; k < end; k++ {
			b.types[s.index[k]] = to
		}
		k--
	}
	strong = s.sos
	for _, i := range s.index {
		switch b.types[i] {
		case bidi.ES, bidi.CS:
			b.types[i] = bidi.ON
		case bidi.L, bidi.R:
			strong = b.types[i]
		case bidi.EN: // W7
			if strong == bidi.L {
				b.types[i] = bidi.L
			}
		}
	}
}

// direction folds numbers to R, as N0 to N2 do, and answers ON for anything not strong.
func direction(t bidi.Class) bidi.Class {
	switch t {
	case bidi.L:
		return bidi.L
	case bidi.R, bidi.EN, bidi.AN:
		return bidi.R
	}
	return bidi.ON
}

func (b *bidiText) neutral(s isolating) { // N1, N2
	for k := 0; k < len(s.index); k++ {
		if direction(b.types[s.index[k]]) != bidi.ON {
			continue
		}
		end := k
		for end < len(s.index) && direction(b.types[s.index[end]]) == bidi.ON {
			end++
		}
		before, after := s.sos, s.eos
		if k > 0 {
			before = direction(b.types[s.index[k-1]])
		}
		if end < len(s.index) {
			after = direction(b.types[s.index[end]])
		}
		to := strongOf(s.level)
		if before == after {
			to = before
		}
		for ; k < end; k++ {
			b.types[s.index[k]] = to
		}
		k--
	}
}

func (b *bidiText) implicit(s isolating) { // I1, I2
	for _, i := range s.index {
		switch t := b.types[i]; {
		case s.level&1 == 0 && t == bidi.R, s.level&1 == 1 && t != bidi.R:
			b.levels[i] = s.level + 1
		case s.level&1 == 0 && (t == bidi.EN || t == bidi.AN):
			b.levels[i] = s.level + 2
		default:
			b.levels[i] = s.level
		}
	}
}

func (b *bidiText) finish(paragraph uint8) { // L1, and levels for what X9 removes
	white := func(t bidi.Class) bool {
		return t == bidi.WS || isInitiator(t) || t == bidi.PDI
	}
	last := paragraph
	for i := range b.text {
		if b.removed[i] {
			b.levels[i] = last
		}
		last = b.levels[i]
	}
	reset := true
	for i := len(b.text) - 1; i >= 0; i-- {
		switch t := b.orig[i]; {
		case t == bidi.B || t == bidi.S:
			b.levels[i], reset = paragraph, true
		case white(t) || b.removed[i]:
			if reset {
				b.levels[i] = paragraph
			}
		default:
			reset = false
		}
	}
}

// visualOrder puts runs of the given levels in the order they are drawn from left to
// right (L2).
func visualOrder(levels []uint8) []int {
	order := make([]int, len(levels))
	top, lowOdd := uint8(0), uint8(255)
	for i, l := range levels {
		order[i] = i
		top = max(top, l)
		if l&1 == 1 {
			lowOdd = min(lowOdd, l)
		}
	}
	for l := top; l >= lowOdd && l > 0; l-- {
		for i := 0; i < len(order); i++ {
			if levels[order[i]] < l {
				continue
			}
			end := i
			for end < len(order) && levels[order[end]] >= l {
				end++
			}
			for a, z := i, end-1; a < z; a, z = a+1, z-1 {
				order[a], order[z] = order[z], order[a]
			}
			i = end
		}
	}
	return order
}
