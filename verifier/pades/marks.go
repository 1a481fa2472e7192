package pades

import (
	"errors"
	"io"
	"math"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// marks are where a page shows text and images, roughly: glyphs are taken to be half as
// wide as high, for no font is read.
type marks struct {
	text   []textMark
	images [][4]float64
	area   float64 // of the page
	err    error
}

type textMark struct {
	box    [4]float64
	glyphs int // that are not the same as all others: a row of dots or underscores has none
}

// marksOf finds the marks of a page, which no later revision may change.
func (v *validation) marksOf(rev *pdf.Revision, page pdf.Ref) (*marks, error) {
	if m, ok := v.marks[page]; ok {
		return m, m.err
	}
	if v.marks == nil {
		v.marks = map[pdf.Ref]*marks{}
	}
	m := &marks{}
	v.marks[page] = m
	m.err = m.read(v, rev, page)
	return m, m.err
}

func (m *marks) read(v *validation, rev *pdf.Revision, ref pdf.Ref) error {
	var found *pdf.Page
	if err := rev.Pages(func(p *pdf.Page) bool {
		if p.Ref == ref {
			found = p
		}
		return found == nil
	}); err != nil || found == nil {
		return err
	}
	if !v.spend(found.Index / 8) {
		return &limitError{"too many pages to compare"}
	}
	holder := pdf.NewDict(pdf.Name("R"), found.Attribute("Resources"), pdf.Name("B"), found.Attribute("MediaBox"))
	res, err := rev.DictAt(holder, "R")
	if err != nil {
		return err
	}
	if b, err := rev.NumbersAt(holder, "B"); err == nil && len(b) == 4 {
		m.area = math.Abs((b[2] - b[0]) * (b[3] - b[1]))
	}
	content, err := rev.ContentWithin(found.Dict, maxContent, &v.contentLeft)
	if err != nil {
		return err
	}
	k := &marker{v: v, rev: rev, m: m}
	return k.run(content, res, identity, 0)
}

// matrix is a transformation as six numbers (ISO 32000-2, 8.3.3).
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// mul returns a followed by b.
func (a matrix) mul(b matrix) matrix {
	return matrix{a[0]*b[0] + a[1]*b[2], a[0]*b[1] + a[1]*b[3], a[2]*b[0] + a[3]*b[2], a[2]*b[1] + a[3]*b[3],
		a[4]*b[0] + a[5]*b[2] + b[4], a[4]*b[1] + a[5]*b[3] + b[5]}
}

// scale is how much longer the transformation makes things at most.
func (a matrix) scale() float64 {
	return max(math.Hypot(a[0], a[1]), math.Hypot(a[2], a[3]))
}

// box returns the rectangle around a rectangle after the transformation.
func (a matrix) box(x0, y0, x1, y1 float64) [4]float64 {
	out := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range [4][2]float64{{x0, y0}, {x1, y0}, {x0, y1}, {x1, y1}} {
		x, y := p[0]*a[0]+p[1]*a[2]+a[4], p[0]*a[1]+p[1]*a[3]+a[5]
		out = [4]float64{min(out[0], x), min(out[1], y), max(out[2], x), max(out[3], y)}
	}
	return out
}

// marker reads content streams and records marks.
type marker struct {
	v                        *validation
	rev                      *pdf.Revision
	m                        *marks
	operators, forms         int
	filled, painted, blended bool // fills areas, paints shadings, blends
}

// state is the part of the graphics state that places text (ISO 32000-2, 9.3).
type state struct {
	ctm, tm, line        matrix
	size, leading, scale float64
	char, word, rise     float64
	wide                 bool // codes of two bytes
	hidden               bool // text render mode 3
}

// run reads one content stream.
func (k *marker) run(r io.Reader, res *pdf.Dict, ctm matrix, depth int) error {
	sc := pdf.NewContentScanner(r, pdf.Limits{})
	st := state{ctm: ctm, tm: identity, line: identity, scale: 1}
	var stack []state
	for {
		op, err := sc.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if k.operators++; k.operators > 16*maxMarks || len(k.m.text)+len(k.m.images) > maxMarks {
			return &limitError{"too much content on one page"}
		}
		if k.operators%1024 == 0 && k.v.ctx.Err() != nil {
			return k.v.ctx.Err()
		}
		switch op.Operator {
		case "q":
			if len(stack) < 512 {
				stack = append(stack, st)
			}
		case "Q":
			if n := len(stack); n > 0 {
				st, stack = stack[n-1], stack[:n-1]
			}
		case "cm":
			if n, ok := numbers(op.Operands, 6); ok {
				st.ctm = matrix(n).mul(st.ctm)
			}
		case "Do":
			if err := k.object(op, res, st.ctm, depth); err != nil {
				return err
			}
		case "BI":
			k.m.images = append(k.m.images, st.ctm.box(0, 0, 1, 1))
		case "sh":
			k.painted = true
		case "f", "F", "f*", "B", "B*", "b", "b*":
			k.filled = true
		case "w":
			if n, ok := numbers(op.Operands, 1); ok && n[0]*st.ctm.scale() > thinLine {
				k.painted = true // a line as thick as text is high hides it
			}
		case "gs":
			k.blended = k.blended || k.multiplies(op, res)
		default:
			k.text(op, &st, res)
		}
	}
}

func numbers(ops []pdf.Object, n int) (out [6]float64, ok bool) {
	if len(ops) != n || n > 6 {
		return out, false
	}
	for i, o := range ops {
		switch o := o.(type) {
		case pdf.Integer:
			out[i] = float64(o)
		case pdf.Real:
			out[i] = float64(o)
		default:
			return out, false
		}
	}
	return out, true
}

// text handles the text operators (ISO 32000-2, 9.4).
func (k *marker) text(op pdf.Operation, st *state, res *pdf.Dict) {
	one := func(to *float64, scale float64) {
		if n, ok := numbers(op.Operands, 1); ok {
			*to = n[0] * scale
		}
	}
	move := func(x, y float64) {
		st.line = matrix{1, 0, 0, 1, x, y}.mul(st.line)
		st.tm = st.line
	}
	switch op.Operator {
	case "BT":
		st.tm, st.line = identity, identity
	case "Tf":
		if len(op.Operands) == 2 {
			if n, ok := numbers(op.Operands[1:], 1); ok {
				st.size = n[0]
			}
			st.wide = k.wideFont(res, op.Operands[0])
		}
	case "TL":
		one(&st.leading, 1)
	case "Tz":
		one(&st.scale, 0.01)
	case "Tc":
		one(&st.char, 1)
	case "Tw":
		one(&st.word, 1)
	case "Ts":
		one(&st.rise, 1)
	case "Tr":
		if n, ok := numbers(op.Operands, 1); ok {
			st.hidden = n[0] == 3
		}
	case "Tm":
		if n, ok := numbers(op.Operands, 6); ok {
			st.tm, st.line = matrix(n), matrix(n)
		}
	case "Td", "TD":
		if n, ok := numbers(op.Operands, 2); ok {
			if op.Operator == "TD" {
				st.leading = -n[1]
			}
			move(n[0], n[1])
		}
	case "T*":
		move(0, -st.leading)
	case "'", "\"":
		move(0, -st.leading)
		k.show(op, st)
	case "Tj", "TJ":
		k.show(op, st)
	}
}

// wideFont tells whether a font's codes have two bytes, as composite fonts commonly do.
func (k *marker) wideFont(res *pdf.Dict, name pdf.Object) bool {
	key, ok := name.(pdf.Name)
	if !ok || res == nil {
		return false
	}
	fonts, err := k.rev.DictAt(res, "Font")
	if err != nil || fonts == nil {
		return false
	}
	f, err := k.rev.DictAt(fonts, key)
	if err != nil || f == nil {
		return false
	}
	sub, err := k.rev.NameAt(f, "Subtype")
	return err == nil && sub == "Type0"
}

// show records the boxes of what a text-showing operator shows, and advances. Where it moves on by more
// than the height of the font, what follows is apart from what was shown before: a line of text may have
// room in it for a field.
func (k *marker) show(op pdf.Operation, st *state) {
	if len(op.Operands) == 0 {
		return
	}
	type run struct {
		from, to float64
		glyphs   int
	}
	runs := []run{{}}
	width := 0.0
	differ, first := false, -1
	count := func(b []byte) {
		step := 1
		if st.wide {
			step = 2
		}
		now := &runs[len(runs)-1]
		for i := 0; i+step <= len(b); i += step {
			c := int(b[i])
			if st.wide {
				c = c<<8 | int(b[i+1])
			}
			width += 0.5*st.size + st.char
			if c == ' ' && !st.wide {
				width += st.word
				continue
			}
			now.glyphs++
			now.to = width
			differ = differ || first >= 0 && c != first
			first = c
		}
	}
	move := func(thousandths float64) {
		width -= thousandths / 1000 * st.size
		if math.Abs(thousandths) <= 1000 {
			return
		}
		if now := &runs[len(runs)-1]; now.glyphs == 0 {
			now.from = width
		} else {
			runs = append(runs, run{from: width})
		}
	}
	switch last := op.Operands[len(op.Operands)-1].(type) {
	case pdf.String:
		count(last.Value)
	case *pdf.Array:
		for _, e := range last.All() {
			switch e := e.(type) {
			case pdf.String:
				count(e.Value)
			case pdf.Integer:
				move(float64(e))
			case pdf.Real:
				move(float64(e))
			}
		}
	}
	total := 0
	for _, r := range runs {
		total += r.glyphs
	}
	for _, r := range runs {
		if r.glyphs == 0 || st.hidden {
			continue
		}
		if !differ && total > 1 {
			r.glyphs = 0 // a row of one sign is a line to write on
		}
		box := st.tm.mul(st.ctm).box(r.from*st.scale, st.rise-0.2*st.size, r.to*st.scale, st.rise+0.7*st.size)
		k.m.text = append(k.m.text, textMark{box, r.glyphs})
	}
	st.tm = matrix{1, 0, 0, 1, width * st.scale, 0}.mul(st.tm)
}

// object handles Do: images are marked, forms are read.
func (k *marker) object(op pdf.Operation, res *pdf.Dict, ctm matrix, depth int) error {
	if len(op.Operands) != 1 || res == nil {
		return nil
	}
	name, ok := op.Operands[0].(pdf.Name)
	if !ok {
		return nil
	}
	xobjects, err := k.rev.DictAt(res, "XObject")
	if err != nil || xobjects == nil {
		return err
	}
	x, err := k.rev.StreamAt(xobjects, name)
	if err != nil || x == nil {
		return err
	}
	sub, err := k.rev.NameAt(x.Dict, "Subtype")
	switch {
	case err != nil:
		return err
	case sub == "Image":
		k.m.images = append(k.m.images, ctm.box(0, 0, 1, 1))
		return nil
	case sub == "Form" && depth < 8:
		return k.form(x, ctm, depth+1)
	}
	return nil
}

// form reads a form XObject.
func (k *marker) form(x *pdf.Stream, ctm matrix, depth int) error {
	if n, err := k.rev.NumbersAt(x.Dict, "Matrix"); err == nil && len(n) == 6 {
		ctm = matrix{n[0], n[1], n[2], n[3], n[4], n[5]}.mul(ctm)
	}
	if k.forms++; k.forms > maxForms {
		return &limitError{"too many forms drawn on one page"}
	}
	res, err := k.rev.DictAt(x.Dict, "Resources")
	if err != nil {
		return err
	}
	r, err := x.OpenWithin(maxContent, &k.v.contentLeft)
	if err != nil {
		return err
	}
	return k.run(r, res, ctm, depth)
}

// multiplies tells whether a graphics state sets a blend mode that lets what lies below
// show through.
func (k *marker) multiplies(op pdf.Operation, res *pdf.Dict) bool {
	if len(op.Operands) != 1 || res == nil {
		return false
	}
	name, ok := op.Operands[0].(pdf.Name)
	states, err := k.rev.DictAt(res, "ExtGState")
	if !ok || err != nil || states == nil {
		return false
	}
	gs, err := k.rev.DictAt(states, name)
	if err != nil || gs == nil {
		return false
	}
	if gs.Has("LW") {
		k.painted = true // a line width from elsewhere: not followed
	}
	bm, err := k.rev.NameAt(gs, "BM")
	return err == nil && (bm == "Multiply" || bm == "Darken")
}
