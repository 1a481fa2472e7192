package layout

import "math"

// point is a place in points (1/72 inch), y upwards, or in thousandths of an em within
// a glyph.
type point struct{ X, Y float64 }

// matrix maps (x, y) to (a·x + c·y + e, b·x + d·y + f), as in PDF.
type matrix struct{ a, b, c, d, e, f float64 }

var identity = matrix{a: 1, d: 1}

func (m matrix) apply(p point) point {
	return point{m.a*p.X + m.c*p.Y + m.e, m.b*p.X + m.d*p.Y + m.f}
}

// mul is the map that does m first, then n.
func (m matrix) mul(n matrix) matrix {
	return matrix{
		m.a*n.a + m.b*n.c, m.a*n.b + m.b*n.d,
		m.c*n.a + m.d*n.c, m.c*n.b + m.d*n.d,
		m.e*n.a + m.f*n.c + n.e, m.e*n.b + m.f*n.d + n.f,
	}
}

func translate(x, y float64) matrix { return matrix{1, 0, 0, 1, x, y} }

func scale(x, y float64) matrix { return matrix{x, 0, 0, y, 0, 0} }

func rotate(angle float64) matrix {
	s, c := math.Sincos(angle)
	return matrix{c, s, -s, c, 0, 0}
}

// size is the factor by which m scales lengths, on average.
func (m matrix) size() float64 { return math.Sqrt(math.Abs(m.a*m.d - m.b*m.c)) }

// Segments of a path: how many points each takes.
const (
	segMove  = 'm' // 1
	segLine  = 'l' // 1
	segCurve = 'c' // 3
	segClose = 'h' // 0
)

// path is a sequence of subpaths.
type path struct {
	segs []byte
	pts  []point
}

func (p *path) move(x, y float64) {
	p.segs, p.pts = append(p.segs, segMove), append(p.pts, point{x, y})
}
func (p *path) line(x, y float64) {
	p.segs, p.pts = append(p.segs, segLine), append(p.pts, point{x, y})
}
func (p *path) close() { p.segs = append(p.segs, segClose) }

func (p *path) curve(x1, y1, x2, y2, x, y float64) {
	p.segs = append(p.segs, segCurve)
	p.pts = append(p.pts, point{x1, y1}, point{x2, y2}, point{x, y})
}

func (p *path) empty() bool { return len(p.segs) == 0 }

// add appends q, mapped by m.
func (p *path) add(q path, m matrix) {
	p.segs = append(p.segs, q.segs...)
	for _, pt := range q.pts {
		p.pts = append(p.pts, m.apply(pt))
	}
}

// each calls f for every segment with its points.
func (p *path) each(f func(seg byte, pts []point)) {
	at := 0
	for _, s := range p.segs {
		n := 1
		switch s {
		case segCurve:
			n = 3
		case segClose:
			n = 0
		}
		f(s, p.pts[at:at+n])
		at += n
	}
}

func (p *path) rect(x, y, w, h float64) {
	p.move(x, y)
	p.line(x+w, y)
	p.line(x+w, y+h)
	p.line(x, y+h)
	p.close()
}

// arcHandle is how far the control points of a quarter circle of radius 1 lie.
const arcHandle = 0.5522847498

func (p *path) ellipse(cx, cy, rx, ry float64) {
	kx, ky := rx*arcHandle, ry*arcHandle
	p.move(cx+rx, cy)
	p.curve(cx+rx, cy+ky, cx+kx, cy+ry, cx, cy+ry)
	p.curve(cx-kx, cy+ry, cx-rx, cy+ky, cx-rx, cy)
	p.curve(cx-rx, cy-ky, cx-kx, cy-ry, cx, cy-ry)
	p.curve(cx+kx, cy-ry, cx+rx, cy-ky, cx+rx, cy)
	p.close()
}

func (p *path) roundRect(x, y, w, h, r float64) {
	r = min(r, w/2, h/2)
	if r <= 0 {
		p.rect(x, y, w, h)
		return
	}
	k := r * (1 - arcHandle)
	p.move(x+r, y)
	p.line(x+w-r, y)
	p.curve(x+w-k, y, x+w, y+k, x+w, y+r)
	p.line(x+w, y+h-r)
	p.curve(x+w, y+h-k, x+w-k, y+h, x+w-r, y+h)
	p.line(x+r, y+h)
	p.curve(x+k, y+h, x, y+h-k, x, y+h-r)
	p.line(x, y+r)
	p.curve(x, y+k, x+k, y, x+r, y)
	p.close()
}

// smooth is a curve through f(0), f(1), … f(n), with tangents from its neighbours
// (Catmull-Rom); closed joins the end to the start, where f(n) must equal f(0).
func (p *path) smooth(n int, closed bool, f func(i int) point) {
	at := func(i int) point {
		if closed {
			return f(((i % n) + n) % n)
		}
		return f(max(0, min(n, i)))
	}
	prev, cur, next := at(-1), at(0), at(1)
	p.move(cur.X, cur.Y)
	for i := range n {
		after := at(i + 2)
		p.curve(cur.X+(next.X-prev.X)/6, cur.Y+(next.Y-prev.Y)/6,
			next.X-(after.X-cur.X)/6, next.Y-(after.Y-cur.Y)/6, next.X, next.Y)
		prev, cur, next = cur, next, after
	}
	if closed {
		p.close()
	}
}

// box returns the rectangle around all points, control points included.
func (p *path) box() (lo, hi point, ok bool) {
	if len(p.pts) == 0 {
		return point{}, point{}, false
	}
	lo, hi = p.pts[0], p.pts[0]
	for _, q := range p.pts[1:] {
		lo.X, lo.Y = min(lo.X, q.X), min(lo.Y, q.Y)
		hi.X, hi.Y = max(hi.X, q.X), max(hi.Y, q.Y)
	}
	return lo, hi, true
}
