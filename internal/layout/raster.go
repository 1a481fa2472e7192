package layout

import (
	"cmp"
	"context"
	"image"
	"image/color"
	"math"
	"slices"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
	"golang.org/x/image/vector"
)

// canvas carries out a drawing as pixels.
type canvas struct {
	img *image.RGBA
	s   *shaper
	z   vector.Rasterizer
}

// rasterize draws the page on white.
func rasterize(ctx context.Context, s *shaper, d *drawing, page int, dpi float64) (*image.RGBA, error) {
	k := dpi / 72
	w, h := int(math.Round(d.width*k)), int(math.Round(d.height*k))
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, w, h)), s: s}
	draw.Draw(c.img, c.img.Bounds(), image.White, image.Point{}, draw.Src)
	return c.img, c.ops(ctx, d.pages[page], matrix{a: k, d: -k, f: float64(h)})
}

func (c *canvas) ops(ctx context.Context, ops []op, m matrix) error {
	for _, o := range ops {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch o := o.(type) {
		case opPath:
			c.path(o, m)
		case opText:
			k := o.size / 1000
			var p path
			for _, g := range o.glyphs {
				p.add(c.s.glyphPath(g.cluster), matrix{k, 0, 0, k, o.x + g.x*k, o.y})
			}
			c.path(opPath{path: p, fill: &o.color}, m)
		case opUse:
			if err := c.ops(ctx, o.symbol.ops, o.m.mul(m)); err != nil {
				return err
			}
		case opImage:
			c.image(o.image, o.m.mul(m))
		case opForm:
			if o.preview != nil {
				w, h := o.form.width*o.m.a, o.form.height*o.m.d
				if err := c.ops(ctx, o.preview.image.ops(o.m.e, o.m.f, w, h, "center", "middle", true), m); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *canvas) path(o opPath, m matrix) {
	alpha := o.alpha
	if alpha == 0 {
		alpha = 1
	}
	var p path
	p.add(o.path, m)
	lines := flatten(p)
	if o.fill != nil {
		if o.evenOdd {
			c.evenOdd(lines, *o.fill, alpha)
		} else {
			c.fill(lines, *o.fill, alpha)
		}
	}
	if o.stroke != nil {
		dash := 0.0
		if o.dash {
			dash = 2 * m.size()
		}
		c.fill(strokes(lines, o.width*m.size(), dash), *o.stroke, alpha)
	}
}

// polyline is a flattened subpath.
type polyline struct {
	pts    []point
	closed bool
}

// flatten turns curves into lines good to a tenth of a pixel.
func flatten(p path) []polyline {
	var out []polyline
	p.each(func(seg byte, pts []point) {
		switch seg {
		case segMove:
			out = append(out, polyline{pts: []point{pts[0]}})
			return
		case segClose:
			if n := len(out); n > 0 && !out[n-1].closed {
				out[n-1].closed = true
				out = append(out, polyline{pts: []point{out[n-1].pts[0]}})
			}
			return
		}
		if len(out) == 0 {
			return
		}
		cur := &out[len(out)-1]
		from := cur.pts[len(cur.pts)-1]
		if seg == segLine {
			cur.pts = append(cur.pts, pts[0])
			return
		}
		// The second differences bound how far the curve lies from its chords.
		d := math.Hypot(from.X-2*pts[0].X+pts[1].X, from.Y-2*pts[0].Y+pts[1].Y) + math.Hypot(pts[0].X-2*pts[1].X+pts[2].X, pts[0].Y-2*pts[1].Y+pts[2].Y)
		n := int(math.Min(64, math.Ceil(math.Sqrt(d*2))+1))
		for i := 1; i <= n; i++ {
			t := float64(i) / float64(n)
			u := 1 - t
			a, b, e, f := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
			cur.pts = append(cur.pts, point{a*from.X + b*pts[0].X + e*pts[1].X + f*pts[2].X, a*from.Y + b*pts[0].Y + e*pts[1].Y + f*pts[2].Y})
		}
	})
	return out
}

// strokes makes a shape of each piece of line, all turning the same way so that overlaps
// do not cancel out.
func strokes(lines []polyline, width, dash float64) []polyline {
	r := width / 2
	var out []polyline
	piece := func(a, b point) {
		dx, dy := b.X-a.X, b.Y-a.Y
		l := math.Hypot(dx, dy)
		if l == 0 {
			return
		}
		nx, ny := -dy/l*r, dx/l*r
		out = append(out, polyline{pts: []point{{a.X + nx, a.Y + ny}, {a.X - nx, a.Y - ny}, {b.X - nx, b.Y - ny}, {b.X + nx, b.Y + ny}}, closed: true})
	}
	joint := func(p point) {
		if width < 1.5 {
			return
		}
		o := polyline{closed: true}
		for i := range 12 { // turns as the pieces do
			s, c := math.Sincos(-2 * math.Pi * float64(i) / 12)
			o.pts = append(o.pts, point{p.X + r*s, p.Y + r*c})
		}
		out = append(out, o)
	}
	for _, l := range lines {
		pts := l.pts
		if l.closed {
			pts = append(pts[:len(pts):len(pts)], pts[0])
		}
		walked := 0.0
		for i := 0; i+1 < len(pts); i++ {
			a, b := pts[i], pts[i+1]
			if dash <= 0 {
				piece(a, b)
				if i > 0 || l.closed {
					joint(a)
				}
				continue
			}
			length := math.Hypot(b.X-a.X, b.Y-a.Y)
			at := func(t float64) point { return point{a.X + (b.X-a.X)*t/length, a.Y + (b.Y-a.Y)*t/length} }
			for t := 0.0; t < length; {
				phase := math.Mod(walked+t, 2*dash)
				step := dash - math.Mod(phase, dash)
				end := math.Min(length, t+math.Max(step, 1e-6))
				if phase < dash {
					piece(at(t), at(end))
				}
				t = end
			}
			walked += length
		}
	}
	return out
}

// bounds is the rectangle of pixels that the lines touch on the page.
func (c *canvas) bounds(lines []polyline) image.Rectangle {
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, l := range lines {
		for _, p := range l.pts {
			lo.X, lo.Y = math.Min(lo.X, p.X), math.Min(lo.Y, p.Y)
			hi.X, hi.Y = math.Max(hi.X, p.X), math.Max(hi.Y, p.Y)
		}
	}
	edge := func(v float64) int { return int(math.Max(-1e6, math.Min(1e6, v))) }
	if lo.X > hi.X {
		return image.Rectangle{}
	}
	return image.Rect(edge(math.Floor(lo.X)), edge(math.Floor(lo.Y)), edge(math.Ceil(hi.X))+1, edge(math.Ceil(hi.Y))+1).Intersect(c.img.Bounds())
}

func (c *canvas) fill(lines []polyline, v rgb, alpha float64) {
	b := c.bounds(lines)
	if b.Empty() {
		return
	}
	c.z.Reset(b.Dx(), b.Dy())
	x, y := float32(b.Min.X), float32(b.Min.Y)
	for _, l := range lines {
		if len(l.pts) < 2 {
			continue
		}
		c.z.MoveTo(float32(l.pts[0].X)-x, float32(l.pts[0].Y)-y)
		for _, p := range l.pts[1:] {
			c.z.LineTo(float32(p.X)-x, float32(p.Y)-y)
		}
		c.z.ClosePath()
	}
	a := uint8(math.Round(alpha * 255))
	c.z.Draw(c.img, b, image.NewUniform(color.NRGBA{v.R, v.G, v.B, a}), image.Point{})
}

type edge struct{ from, to point }

// evenOdd fills by counting crossings, on four by four points in each pixel; the fast
// rasterizer knows only the other rule.
func (c *canvas) evenOdd(lines []polyline, v rgb, alpha float64) {
	b := c.bounds(lines)
	if b.Empty() {
		return
	}
	const sub = 4
	var edges []edge // upper end first
	for _, l := range lines {
		for i, p := range l.pts {
			q := l.pts[(i+1)%len(l.pts)]
			if p.Y > q.Y {
				p, q = q, p
			}
			if p.Y < q.Y {
				edges = append(edges, edge{p, q})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.from.Y, b.from.Y) })
	mask := image.NewAlpha(b)
	count := make([]int, b.Dx())
	var active []edge
	var xs []float64
	for y := b.Min.Y; y < b.Max.Y; y++ {
		clear(count)
		for k := range sub {
			sy := float64(y) + (float64(k)+0.5)/sub
			for len(edges) > 0 && edges[0].from.Y <= sy {
				active, edges = append(active, edges[0]), edges[1:]
			}
			active = slices.DeleteFunc(active, func(e edge) bool { return e.to.Y <= sy })
			xs = xs[:0]
			for _, e := range active {
				xs = append(xs, e.from.X+(sy-e.from.Y)*(e.to.X-e.from.X)/(e.to.Y-e.from.Y))
			}
			slices.Sort(xs)
			passed := 0
			for x := range count {
				for j := range sub {
					sx := float64(b.Min.X+x) + (float64(j)+0.5)/sub
					for passed < len(xs) && xs[passed] <= sx {
						passed++
					}
					count[x] += passed & 1
				}
			}
		}
		for x, n := range count {
			mask.SetAlpha(b.Min.X+x, y, color.Alpha{uint8(math.Round(float64(n) * 255 / (sub * sub) * alpha))})
		}
	}
	draw.DrawMask(c.img, b, image.NewUniform(color.NRGBA{v.R, v.G, v.B, 255}), image.Point{}, mask, b.Min, draw.Over)
}

func (c *canvas) image(p *pixels, m matrix) {
	b := p.image.Bounds()
	w, h := float64(b.Dx()), float64(b.Dy())
	// From pixels (y down) to the unit square (y up) to the page.
	t := matrix{1 / w, 0, 0, -1 / h, -float64(b.Min.X) / w, 1 + float64(b.Min.Y)/h}.mul(m)
	draw.CatmullRom.Transform(c.img, f64.Aff3{t.a, t.c, t.e, t.b, t.d, t.f}, p.image, b, draw.Over, nil)
}
