package layout

import (
	"errors"
	"math"
	"strconv"
)

// pathScanner reads the numbers of path data (SVG 2, 9.3.9).
type pathScanner struct {
	s  string
	at int
}

var errPathData = errors.New("expected SVG path data, found another string")

func (p *pathScanner) skip() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == ',' || p.s[p.at] == '\n' || p.s[p.at] == '\t' || p.s[p.at] == '\r') {
		p.at++
	}
}

func (p *pathScanner) more() bool { p.skip(); return p.at < len(p.s) }

func (p *pathScanner) number() (float64, error) {
	p.skip()
	from := p.at
	digits := func() {
		for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
			p.at++
		}
	}
	if p.at < len(p.s) && (p.s[p.at] == '+' || p.s[p.at] == '-') {
		p.at++
	}
	digits()
	if p.at < len(p.s) && p.s[p.at] == '.' {
		p.at++
		digits()
	}
	if p.at+1 < len(p.s) && (p.s[p.at] == 'e' || p.s[p.at] == 'E') {
		p.at++
		if p.s[p.at] == '+' || p.s[p.at] == '-' {
			p.at++
		}
		digits()
	}
	f, err := strconv.ParseFloat(p.s[from:p.at], 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, errPathData
	}
	return f, nil
}

// flag reads one digit 0 or 1, which may touch the number after it.
func (p *pathScanner) flag() (bool, error) {
	p.skip()
	if p.at < len(p.s) && (p.s[p.at] == '0' || p.s[p.at] == '1') {
		p.at++
		return p.s[p.at-1] == '1', nil
	}
	return false, errPathData
}

// pathOperands is how many numbers each command takes.
var pathOperands = map[byte]int{'m': 2, 'l': 2, 'h': 1, 'v': 1, 'c': 6, 's': 4, 'q': 4, 't': 2, 'a': 7, 'z': 0}

// operands reads the numbers of a command.
func (p *pathScanner) operands(kind byte, n int) (v [7]float64, err error) {
	for i := range n {
		if kind == 'a' && (i == 3 || i == 4) {
			var set bool
			if set, err = p.flag(); set {
				v[i] = 1
			}
		} else {
			v[i], err = p.number()
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

func parsePathData(d string) (path, error) {
	var p pathPen
	sc := pathScanner{s: d}
	var cmd byte
	for sc.more() {
		c := sc.s[sc.at]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			cmd = c
			sc.at++
		} else if cmd == 0 || cmd|0x20 == 'z' {
			return p.path, errPathData
		}
		n, ok := pathOperands[cmd|0x20]
		if !ok || p.empty() && cmd|0x20 != 'm' {
			return p.path, errPathData
		}
		if len(p.pts) > maxSVGPoints {
			return p.path, errors.New("expected an SVG of fewer points, found more")
		}
		v, err := sc.operands(cmd|0x20, n)
		if err != nil {
			return p.path, err
		}
		p.command(cmd, v)
		if cmd|0x20 == 'm' {
			cmd -= 'm' - 'l' // further pairs are lines
		}
	}
	return p.path, nil
}

// pathPen draws what commands say.
type pathPen struct {
	path
	cur, start point
	handle     point // the last control point, for s and t
	last       byte  // the last command, in lower case
}

func (p *pathPen) command(cmd byte, v [7]float64) {
	origin, cur := point{}, p.cur
	if cmd >= 'a' {
		origin = cur
	}
	at := func(i int) point { return point{origin.X + v[i], origin.Y + v[i+1]} }
	kind := cmd | 0x20
	switch kind {
	case 'm':
		cur = at(0)
		p.start = cur
		p.move(cur.X, cur.Y)
	case 'l':
		cur = at(0)
		p.line(cur.X, cur.Y)
	case 'h':
		cur.X = origin.X + v[0]
		p.line(cur.X, cur.Y)
	case 'v':
		cur.Y = v[0]
		if cmd == 'v' {
			cur.Y = origin.Y + v[0]
		}
		p.line(cur.X, cur.Y)
	case 'c':
		p.handle = at(2)
		a, e := at(0), at(4)
		p.curve(a.X, a.Y, p.handle.X, p.handle.Y, e.X, e.Y)
		cur = e
	case 's':
		a := cur
		if p.last == 'c' || p.last == 's' {
			a = point{2*cur.X - p.handle.X, 2*cur.Y - p.handle.Y}
		}
		p.handle = at(0)
		e := at(2)
		p.curve(a.X, a.Y, p.handle.X, p.handle.Y, e.X, e.Y)
		cur = e
	case 'q', 't':
		var q, e point
		if kind == 'q' {
			q, e = at(0), at(2)
		} else {
			q, e = cur, at(0)
			if p.last == 'q' || p.last == 't' {
				q = point{2*cur.X - p.handle.X, 2*cur.Y - p.handle.Y}
			}
		}
		p.curve(cur.X+(q.X-cur.X)*2/3, cur.Y+(q.Y-cur.Y)*2/3, e.X+(q.X-e.X)*2/3, e.Y+(q.Y-e.Y)*2/3, e.X, e.Y)
		cur, p.handle = e, q
	case 'a':
		e := at(5)
		p.arc(cur, e, v[0], v[1], v[2]*math.Pi/180, v[3] != 0, v[4] != 0)
		cur = e
	case 'z':
		p.close()
		cur = p.start
	}
	p.cur, p.last = cur, kind
}

// arc appends an elliptical arc (SVG 2, appendix B.2).
func (p *path) arc(from, to point, rx, ry, phi float64, large, sweep bool) {
	rx, ry = math.Abs(rx), math.Abs(ry)
	if rx == 0 || ry == 0 || from == to {
		p.line(to.X, to.Y)
		return
	}
	s, c := math.Sincos(phi)
	dx, dy := (from.X-to.X)/2, (from.Y-to.Y)/2
	x1, y1 := c*dx+s*dy, -s*dx+c*dy
	if l := x1*x1/(rx*rx) + y1*y1/(ry*ry); l > 1 {
		rx, ry = rx*math.Sqrt(l), ry*math.Sqrt(l)
	}
	q := rx*rx*y1*y1 + ry*ry*x1*x1
	k := math.Sqrt(math.Max(0, (rx*rx*ry*ry-q)/q))
	if large == sweep {
		k = -k
	}
	cx1, cy1 := k*rx*y1/ry, -k*ry*x1/rx
	cx, cy := c*cx1-s*cy1+(from.X+to.X)/2, s*cx1+c*cy1+(from.Y+to.Y)/2
	a1 := math.Atan2((y1-cy1)/ry, (x1-cx1)/rx)
	a2 := math.Atan2((-y1-cy1)/ry, (-x1-cx1)/rx)
	da := a2 - a1
	if sweep && da < 0 {
		da += 2 * math.Pi
	} else if !sweep && da > 0 {
		da -= 2 * math.Pi
	}
	n := int(math.Ceil(math.Abs(da)/(math.Pi/2) - 1e-9))
	m := matrix{rx * c, rx * s, -ry * s, ry * c, cx, cy}
	step := da / float64(max(n, 1))
	h := 4.0 / 3 * math.Tan(step/4)
	for i := range n {
		s1, c1 := math.Sincos(a1 + float64(i)*step)
		s2, c2 := math.Sincos(a1 + float64(i+1)*step)
		a, b, e := m.apply(point{c1 - h*s1, s1 + h*c1}), m.apply(point{c2 + h*s2, s2 - h*c2}), m.apply(point{c2, s2})
		if i == n-1 {
			e = to
		}
		p.curve(a.X, a.Y, b.X, b.Y, e.X, e.Y)
	}
}
