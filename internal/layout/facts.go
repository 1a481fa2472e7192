package layout

import "errors"

// factList is label and value pairs below each other, in the box of the first page.
type factList struct {
	blocks []factBlock
	size   float64 // points
}

type factBlock struct {
	label, value fitted
	at           float64 // height it takes
}

// listFacts sets facts in the box of an element, smaller together until they fit. A note,
// where there is one, stands before them.
func (c *composer) listFacts(e *element, note string, facts []Fact) (*factList, error) {
	_, _, w, h := c.t.rect(e.box)
	if note != "" {
		facts = append([]Fact{{Value: note}}, facts...)
	}
	for size := e.size; ; size *= 0.94 {
		if size < e.minSize {
			return nil, &FitError{Element: e.pointer, Min: e.minSize, Needed: size, Fields: []string{"facts"}}
		}
		l := &factList{size: size}
		least := 3.0
		if e.flow != nil { // a text that is too long for this size goes on a further page
			least = e.minSize
		}
		used := 0.0
		for _, fact := range facts {
			b, err := c.factBlock(e, fact, size, room{width: w, height: h, min: least, elementPointer: e.pointer})
			if err != nil {
				return nil, about(err, "facts")
			}
			l.blocks = append(l.blocks, b)
			if used += b.at; used-size*1.1 > h {
				break
			}
		}
		if used-size*1.1 <= h {
			return l, nil
		}
	}
}

func (c *composer) factBlock(e *element, fact Fact, size float64, r room) (factBlock, error) {
	var b factBlock
	var err error
	if fact.Label != "" { // a note has none
		st := textStyle{chain: c.chains["sans-bold"], tracking: 40, lang: c.o.Lang, base: -1}
		if joined(fact.Label) {
			st.tracking = 0
		}
		least := r.min
		r.size, r.wrap, r.lines, r.leading, r.min = size*0.68, size*0.6, 2, 1.25, max(3, least*0.6)
		if b.label, err = c.s.fit(fact.Label, st, r); err != nil {
			return b, err
		}
		b.at, r.min = b.label.high(1.25)+size*0.3, least
	}
	r.size, r.wrap, r.lines, r.leading = size, size*0.92, maxTextLines, 1.3
	b.value, err = c.s.fit(fact.Value, textStyle{chain: c.chains["sans"], lang: c.o.Lang, base: -1}, r)
	b.at += b.value.high(1.3) + size*1.1
	return b, err
}

// high is how high the lines are together.
func (f fitted) high(leading float64) float64 {
	return f.size * (float64(len(f.lines)-1)*leading + 1)
}

// leading sets what stays on the first page of facts that go over further ones: the note
// that says so, and the facts that lead. It answers the others.
func (c *composer) leading(e *element) ([]Fact, error) {
	var first, rest []Fact
	for _, f := range c.f.Facts {
		if f.Lead && !e.noBox {
			first = append(first, f)
		} else {
			rest = append(rest, f)
		}
	}
	if e.noBox {
		return rest, nil
	}
	note, _, missing := c.fill(e.note)
	if missing != "" {
		return nil, &FieldError{Field: missing, Msg: "expected a value, which the template needs, found none"}
	}
	var err error
	var fit *FitError
	if len(rest) == 0 { // one by itself is too long
		first, rest = nil, first
	}
	if c.facts, err = c.listFacts(e, note, first); errors.As(err, &fit) && len(first) > 0 {
		rest = c.f.Facts
		c.facts, err = c.listFacts(e, note, nil)
	}
	return rest, err
}

// drawFacts draws the list of facts of the first page.
func (c *composer) drawFacts(e *element) error {
	l := c.facts
	if e.flow == nil && len(c.f.Facts) > 0 {
		var err error
		if l, err = c.listFacts(e, "", c.f.Facts); err != nil {
			return err
		}
	}
	if c.dry || e.noBox || l == nil || len(l.blocks) == 0 {
		return nil
	}
	x, y, w, h := c.t.rect(e.box)
	list, top := c.d.root.child("L"), y+h
	for i, b := range l.blocks {
		item := list.child("LI")
		if i > 0 && e.stroke != "" {
			var p path
			at := top + l.size*0.55
			p.move(x, at)
			p.line(x+w, at)
			c.artifact("", opPath{path: p, stroke: c.color(e.stroke), width: 0.4})
		}
		at := top
		if len(b.label.lines) > 0 {
			lh := b.label.high(1.25)
			c.draw(opBegin{node: item.child("Lbl")})
			c.lines(b.label, c.chains["sans-bold"][0], x, at-lh, w, lh, "start", "top", 1.25, *c.color(e.color2))
			c.draw(opEnd{})
			at -= lh + l.size*0.3
		}
		vh := b.value.high(1.3)
		c.draw(opBegin{node: item.child("LBody")})
		c.lines(b.value, c.chains["sans"][0], x, at-vh, w, vh, "start", "top", 1.3, *c.color(e.color))
		c.draw(opEnd{})
		top -= b.at
	}
	return nil
}
