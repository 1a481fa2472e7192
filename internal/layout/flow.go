package layout

import (
	"context"
	"errors"
	"math"
	"strings"
)

// flow says how a list of facts goes on when it does not fit its box, or where it has none:
// as a table, on as many further pages as it takes.
type flow struct {
	box      [4]float64 // on further pages, mm from the upper left corner
	columns  int        // of tables beside each other, filled one after the other
	size     float64    // points
	headings []pattern  // of the two columns of the table, or none
}

// Measures of the table, in sizes of its type.
const (
	rowLeading  = 1.3
	rowPadding  = 0.55 // above the first and below the last line
	cellGutter  = 1.2  // between the cells of a row
	tableGutter = 2.6  // between tables beside each other
	headSize    = 0.8
	leastPart   = 2   // lines of a row that is cut in two, in either part
	longCell    = 200 // bytes of a text that goes over lines in any case
)

// cell is text broken into lines.
type cell struct {
	lines []shapedLine
	node  *node
}

// row is a fact as a row of the table.
type row struct {
	cells [2]cell
	lines int
}

// piece is the part of a row that a page holds: of each cell the lines from, up to to.
type piece struct {
	row      *row
	from, to int
}

// frame is a table on a page, or the part of one.
type frame struct {
	page, column int // page from 1: the first of all is 0
	pieces       []piece
}

// table is a list of facts that goes over further pages.
type table struct {
	*flow
	ctx    context.Context
	c      *composer
	e      *element
	root   *node   // /Table
	x, top float64 // upper left corner of the first frame
	w, h   float64 // of a frame
	rtl    bool
	labels float64 // width of the column of labels
	head   [2]cell
	headH  float64
	frames []frame
	pages  int
}

// paginate sets the facts that go over further pages and finds out where each row lies.
func (c *composer) paginate(ctx context.Context, e *element, facts []Fact) (*table, error) {
	t := &table{flow: e.flow, ctx: ctx, c: c, e: e, rtl: writtenLeft(c.o.Lang)}
	x, y, w, h := c.t.rect(e.flow.box)
	n := float64(t.columns)
	t.x, t.top, t.h = x, y+h, h
	t.w = (w - (n-1)*tableGutter*t.size) / n
	if err := t.measure(facts); err != nil {
		return nil, t.fits(err)
	}
	for _, f := range facts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &row{}
		for i, text := range []string{f.Label, f.Value} {
			lines, err := c.s.breakLines(text, t.style(i), t.size, t.cellWidth(i))
			if err != nil {
				return nil, t.fits(err)
			}
			r.cells[i].lines = lines
			r.lines = max(r.lines, len(lines))
		}
		if err := t.place(r); err != nil {
			return nil, t.fits(err)
		}
	}
	return t, nil
}

// fits completes what is wrong with a row.
func (t *table) fits(err error) error {
	var fit *FitError
	if errors.As(err, &fit) {
		fit.Element, fit.Min, fit.Fields = t.e.pointer, t.size, []string{"facts"}
	}
	return err
}

// style of the cells of a column: labels, values.
func (t *table) style(column int) textStyle {
	font := [2]string{"sans-bold", "sans"}[column]
	return textStyle{chain: t.c.chains[font], lang: t.c.o.Lang, base: -1}
}

func (t *table) cellWidth(column int) float64 {
	if column == 0 {
		return t.labels
	}
	return t.w - t.labels - cellGutter*t.size
}

// measure shares the width between the columns, after what is in them, and sets the heading.
func (t *table) measure(facts []Fact) error {
	var widest [2]float64
	for _, f := range facts {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		for i, text := range []string{f.Label, f.Value} {
			if len(text) > longCell {
				widest[i] = max(widest[i], t.w)
			}
			if widest[i] >= t.w {
				continue // no need for the exact width of what is broken anyway
			}
			for _, p := range strings.Split(text, "\n") {
				line, err := t.c.s.line([]rune(strings.TrimSpace(p)), t.style(i))
				if err != nil {
					return err
				}
				widest[i] = max(widest[i], line.width*t.size/1000)
			}
		}
	}
	room := t.w - cellGutter*t.size
	if widest[0]+widest[1] <= room {
		t.labels = min(max(room*0.62, widest[0]), room-widest[1])
	} else {
		t.labels = min(max(room*widest[0]/(widest[0]+widest[1]), room*0.3), room*0.7)
	}
	if len(t.headings) == 0 {
		return nil
	}
	lines := 0
	for i, p := range t.headings {
		text, _, missing := t.c.fill(p)
		if missing != "" {
			return &FieldError{Field: missing, Msg: "expected a value, which the template needs, found none"}
		}
		st := t.style(0)
		if !joined(text) {
			st.tracking = 40
		}
		set, err := t.c.s.breakLines(text, st, t.size*headSize, t.cellWidth(i))
		if err != nil {
			return err
		}
		t.head[i].lines = set
		lines = max(lines, len(set))
	}
	t.headH = t.height(lines) * headSize
	if t.headH > t.h/3 {
		return &FitError{Min: t.size}
	}
	return nil
}

// height of a row of lines.
func (t *table) height(lines int) float64 {
	return (float64(lines-1)*rowLeading + 1 + 2*rowPadding) * t.size
}

// place puts a row where the last one ends. One that is not higher than a third of a page
// is kept together; a longer one is cut where the page ends.
func (t *table) place(r *row) error {
	for from := 0; from < r.lines; {
		if len(t.frames) == 0 {
			if err := t.turn(); err != nil {
				return err
			}
		}
		f := &t.frames[len(t.frames)-1]
		used := t.headH
		for _, p := range f.pieces {
			used += t.height(p.to - p.from)
		}
		left, rest := t.h-used, r.lines-from
		to := r.lines
		if t.height(rest) > left {
			fit := int(math.Floor((left/t.size-1-2*rowPadding)/rowLeading)) + 1
			if rest-fit < leastPart {
				fit = rest - leastPart
			}
			whole := from == 0 && t.height(rest) <= t.h/3
			if len(f.pieces) == 0 && (whole || fit < 1) {
				return &FitError{} // not even one line on a page of its own
			}
			if whole || fit < leastPart && len(f.pieces) > 0 {
				if err := t.turn(); err != nil {
					return err
				}
				continue
			}
			to = from + fit
		}
		f.pieces = append(f.pieces, piece{r, from, to})
		from = to
	}
	return nil
}

// turn begins the next frame, on a new page where the last one has no more.
func (t *table) turn() error {
	next := frame{page: 1}
	if n := len(t.frames); n > 0 {
		next.page, next.column = t.frames[n-1].page, t.frames[n-1].column+1
		if next.column == t.columns {
			next.page, next.column = next.page+1, 0
		}
	}
	if next.page >= maxPages {
		return &FitError{Pages: maxPages}
	}
	t.pages = next.page
	t.frames = append(t.frames, next)
	return nil
}

// draw draws the frames of a page. The heading is read out once: where it is repeated it is
// part of the page.
func (t *table) draw(page int, document *node) {
	if t.root == nil {
		t.root = document.child("Table")
	}
	root, e := t.root, t.e
	for i := range t.frames {
		f := &t.frames[i]
		if f.page != page {
			continue
		}
		column := f.column
		if t.rtl {
			column = t.columns - 1 - column
		}
		x, y := t.x+float64(column)*(t.w+tableGutter*t.size), t.top
		if t.headH > 0 {
			if i == 0 {
				tr := root.child("THead").child("TR")
				for k := range t.head {
					t.head[k].node = tr.child("TH")
					t.head[k].node.scope = "Column"
				}
			} else {
				t.head[0].node, t.head[1].node = nil, nil
			}
			t.cells(t.head, 0, max(len(t.head[0].lines), len(t.head[1].lines)), x, y, headSize, *t.c.color(e.color2), *t.c.color(e.color2))
			y -= t.headH
			t.rule(x, y, 0.8, e.color)
		}
		body := t.body(root)
		for n, p := range f.pieces {
			if p.from == 0 {
				tr := body.child("TR")
				p.row.cells[0].node, p.row.cells[1].node = tr.child("TH"), tr.child("TD")
				p.row.cells[0].node.scope = "Row"
			}
			t.cells(p.row.cells, p.from, p.to, x, y, 1, *t.c.color(e.color), *t.c.color(e.color))
			if label := p.row.cells[0]; len(label.lines) <= p.from { // what it is that goes on here
				label.node = nil
				t.cells([2]cell{label}, 0, p.to-p.from, x, y, 1, *t.c.color(e.color2), *t.c.color(e.color2))
			}
			y -= t.height(p.to - p.from)
			if e.stroke != "" && (n < len(f.pieces)-1 || t.headH > 0) {
				t.rule(x, y, 0.4, e.stroke)
			}
		}
	}
}

// body is the structure element of the rows.
func (t *table) body(root *node) *node {
	if n := len(root.kids); n > 0 && root.kids[n-1].role == "TBody" {
		return root.kids[n-1]
	}
	return root.child("TBody")
}

func (t *table) rule(x, y, width float64, color string) {
	var p path
	p.move(x, y)
	p.line(x+t.w, y)
	t.c.artifact("", opPath{path: p, stroke: t.c.color(color), width: width})
}

// cells draws the lines from, up to to, of the two cells of a row whose upper edge is at y.
func (t *table) cells(cells [2]cell, from, to int, x, y, scale float64, colors ...rgb) {
	size := t.size * scale
	for i, cl := range cells {
		lines := cl.lines[min(from, len(cl.lines)):min(to, len(cl.lines))]
		w := t.cellWidth(i)
		at := x
		if (i == 1) != t.rtl {
			at = x + t.w - w
		}
		if len(lines) == 0 {
			continue
		}
		begin := opBegin{node: cl.node}
		if cl.node == nil {
			begin.artifact = artifactPage
		}
		t.c.draw(begin)
		align := "left"
		if t.rtl {
			align = "right"
		}
		font := t.style(i).chain[0]
		h := (float64(len(lines)-1)*rowLeading + 1) * size
		t.c.lines(fitted{lines: lines, size: size}, font, at, y-rowPadding*size-h, w, h, align, "top", rowLeading, colors[i])
		t.c.draw(opEnd{})
	}
}
