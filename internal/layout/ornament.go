package layout

import "math"

// Ornaments are computed: thin lines woven from sines, as on banknotes. A photocopier
// fills them in, and they print sharply in black and white at any size.

// guillocheBorder draws a frame: rails, a woven band cut into equal tiles, and a rosette
// at each corner.
func (s *shaper) guillocheBorder(x, y, w, h, d float64, ink, accent rgb) []op {
	var ops []op
	frame := func(inset, width float64, c rgb) {
		var p path
		p.rect(x+inset, y+inset, w-2*inset, h-2*inset)
		ops = append(ops, opPath{path: p, stroke: &c, width: width})
	}
	frame(0.6, 1.2, ink)
	frame(3.0, 0.35, ink)
	inner := d - 3.0
	frame(inner, 0.35, ink)
	frame(inner+2.4, 0.8, accent)

	band := inner - 3.0 // height of the woven band
	tile := s.ornament(ornamentKey{"weave", band, ink, accent}, weave)
	period := tile.hi.X
	side := func(length float64, m matrix) {
		n := math.Max(1, math.Round(length/period))
		k := length / (n * period)
		for i := range int(n) {
			ops = append(ops, opUse{tile, scale(k, 1).mul(translate(float64(i)*period*k, 0)).mul(m)})
		}
	}
	corner := d // the rosette's square
	side(w-2*corner, translate(x+corner, y+3.0))
	side(w-2*corner, translate(x+corner, y+h-inner))
	side(h-2*corner, rotate(math.Pi/2).mul(translate(x+inner, y+corner)))
	side(h-2*corner, rotate(math.Pi/2).mul(translate(x+w-3.0, y+corner)))

	r := d * 0.66
	rose := s.ornament(ornamentKey{"rosette", r, ink, accent}, rosette)
	for _, c := range [4]point{{x + d/2, y + d/2}, {x + w - d/2, y + d/2}, {x + w - d/2, y + h - d/2}, {x + d/2, y + h - d/2}} {
		ops = append(ops, opUse{rose, translate(c.X, c.Y)})
	}
	return ops
}

// ornamentKey is what an ornament is computed from.
type ornamentKey struct {
	kind        string
	size        float64
	ink, accent rgb
}

// ornament computes an ornament once for many pages.
func (s *shaper) ornament(key ornamentKey, make func(size float64, ink, accent rgb) *symbol) *symbol {
	if o, ok := s.ornaments[key]; ok {
		return o
	}
	if len(s.ornaments) >= maxOrnaments {
		clear(s.ornaments)
	}
	o := make(key.size, key.ink, key.accent)
	o.reused = true
	s.ornaments[key] = o
	return o
}

// weave is one period of the band: two families of strands in counter-motion.
func weave(h float64, ink, accent rgb) *symbol {
	period := h * 1.5
	s := &symbol{name: "Weave", lo: point{0, 0}, hi: point{period, h}}
	strands := func(n int, amplitude, harmonics float64, c rgb, width float64) {
		var p path
		for k := range n {
			phase := 2 * math.Pi * float64(k) / float64(n)
			p.smooth(16, false, func(i int) point {
				t := 2 * math.Pi * float64(i) / 16
				return point{period * float64(i) / 16, h/2 + amplitude*math.Sin(harmonics*t+phase)}
			})
		}
		s.ops = append(s.ops, opPath{path: p, stroke: &c, width: width})
	}
	strands(8, h*0.46, 1, mix(ink, 0.55), 0.28)
	strands(6, h*0.27, 2, accent, 0.35)
	return s
}

// mix thins a colour with white.
func mix(c rgb, part float64) rgb {
	f := func(v uint8) uint8 { return uint8(math.Round(255 - (255-float64(v))*part)) }
	return rgb{f(c.R), f(c.G), f(c.B)}
}

// rosette is a round ornament about the origin on a light ground.
func rosette(r float64, ink, accent rgb) *symbol {
	s := &symbol{name: "Rosette", lo: point{-r - 1, -r - 1}, hi: point{r + 1, r + 1}}
	var disc path
	disc.ellipse(0, 0, r, r)
	paper := rgb{0xFB, 0xFA, 0xF6}
	s.ops = append(s.ops, opPath{path: disc, fill: &paper, stroke: &ink, width: 0.8})
	s.ops = append(s.ops, opPath{path: petals(r*0.93, 0.45, 12, 4), stroke: &ink, width: 0.25})
	s.ops = append(s.ops, opPath{path: petals(r*0.52, 0.6, 8, 3), stroke: &accent, width: 0.3})
	var ring path
	ring.ellipse(0, 0, r*0.95, r*0.95)
	ring.ellipse(0, 0, r*0.14, r*0.14)
	s.ops = append(s.ops, opPath{path: ring, stroke: &accent, width: 0.4})
	return s
}

// petals draws closed waves around the origin, n petals each, one turned against the next;
// depth is how far they reach in, as a part of r.
func petals(r, depth float64, n, strands int) path {
	var p path
	steps := n * 6
	for k := range strands {
		phase := 2 * math.Pi * float64(k) / float64(strands)
		p.smooth(steps, true, func(i int) point {
			t := 2 * math.Pi * float64(i) / float64(steps)
			rr := r * (1 - depth/2 + depth/2*math.Cos(float64(n)*t+phase))
			return point{rr * math.Cos(t), rr * math.Sin(t)}
		})
	}
	return p
}

// sealOrnament draws a seal with an empty centre.
func sealOrnament(cx, cy, r float64, color, paper rgb) []op {
	shift := translate(cx, cy)
	at := func(p path) path {
		var out path
		out.add(p, shift)
		return out
	}
	var edge path
	const teeth = 36
	edge.smooth(teeth*4, true, func(i int) point {
		t := 2 * math.Pi * float64(i) / (teeth * 4)
		rr := r * (0.97 + 0.03*math.Cos(teeth*t))
		return point{rr * math.Cos(t), rr * math.Sin(t)}
	})
	ring := func(k float64) path {
		var p path
		p.ellipse(cx, cy, r*k, r*k)
		return p
	}
	return []op{
		opPath{path: at(edge), fill: &color},
		opPath{path: ring(0.9), stroke: &paper, width: r * 0.018},
		opPath{path: at(petals(r*0.85, 0.36, 24, 3)), stroke: &paper, width: r * 0.009},
		opPath{path: ring(0.53), fill: &color, stroke: &paper, width: r * 0.018},
		opPath{path: ring(0.49), stroke: &paper, width: r * 0.008},
	}
}
