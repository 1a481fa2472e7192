package layout

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// readSVG reads the part of SVG that coats of arms and logos need: paths and basic shapes,
// groups, transforms, flat fills and strokes. What it does not know it refuses by name: a
// drawing with something left out is not the institution's arms.
func readSVG(data []byte) (*symbol, error) {
	if len(data) > maxSVGBytes {
		return nil, fmt.Errorf("expected an SVG of at most %d bytes, found %d", maxSVGBytes, len(data))
	}
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, errors.New("expected UTF-8")
	}
	r := &svgReader{out: &symbol{name: "SVG"}}
	stack := []svgState{{m: identity, fill: &rgb{}, width: 1}}
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("expected a sound SVG: %w", err)
		}
		switch tok := tok.(type) {
		case xml.Directive:
			if !strings.HasPrefix(string(tok), "DOCTYPE") || strings.Contains(string(tok), "[") {
				return nil, errors.New("expected an SVG without entity declarations, found some")
			}
		case xml.StartElement:
			if len(stack) > maxSVGDepth {
				return nil, fmt.Errorf("expected an SVG nested at most %d deep, found deeper", maxSVGDepth)
			}
			if r.count++; r.count > maxSVGElements {
				return nil, fmt.Errorf("expected an SVG of at most %d elements, found more", maxSVGElements)
			}
			if tok.Name.Space != "http://www.w3.org/2000/svg" && tok.Name.Space != "" || isSVGDescription(tok.Name.Local) {
				if err := dec.Skip(); err != nil {
					return nil, fmt.Errorf("expected a sound SVG: %w", err)
				}
				continue
			}
			st, err := r.element(tok, stack[len(stack)-1], len(stack) == 1)
			if err != nil {
				return nil, err
			}
			stack = append(stack, st)
		case xml.EndElement:
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
		}
	}
	if !r.root || !(r.out.hi.X > r.out.lo.X && r.out.hi.Y > r.out.lo.Y) {
		return nil, errors.New("expected an SVG with a viewBox, or width and height, found neither")
	}
	return r.out, nil
}

func isSVGDescription(name string) bool {
	return name == "title" || name == "desc" || name == "metadata"
}

type svgState struct {
	m            matrix
	fill, stroke *rgb
	width        float64
	evenOdd      bool
	hidden       bool
	round        bool
	alpha        float64 // 0 is opaque
}

type svgReader struct {
	out    *symbol
	root   bool
	count  int
	points int
}

func (r *svgReader) element(tok xml.StartElement, st svgState, outermost bool) (svgState, error) {
	attr := map[string]string{}
	for _, a := range tok.Attr {
		if a.Name.Space == "" {
			attr[a.Name.Local] = strings.TrimSpace(a.Value)
		}
	}
	for _, part := range strings.Split(attr["style"], ";") {
		if k, v, ok := strings.Cut(part, ":"); ok {
			attr[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	if outermost {
		if tok.Name.Local != "svg" {
			return st, errors.New("expected an SVG, found other XML")
		}
		return st, r.viewport(attr, &st)
	}
	if st.hidden {
		return st, nil
	}
	if err := st.paint(attr); err != nil {
		return st, err
	}
	if t := attr["transform"]; t != "" {
		m, err := parseTransform(t)
		if err != nil {
			return st, err
		}
		st.m = m.mul(st.m)
	}
	for _, bad := range []string{"clip-path", "mask", "filter"} {
		if v := attr[bad]; v != "" && v != "none" {
			return st, fmt.Errorf("expected an SVG without %s, found one", bad)
		}
	}
	switch tok.Name.Local {
	case "g", "a":
		return st, nil
	case "defs":
		st.hidden = true // what is defined is drawn only by what shape refuses
		return st, nil
	}
	p, err := shape(tok.Name.Local, attr)
	if err != nil {
		return st, err
	}
	return st, r.draw(p, st)
}

// shape is the outline of an element that draws.
func shape(name string, attr map[string]string) (p path, err error) {
	n := func(key string) float64 {
		if attr[key] == "" {
			return 0
		}
		v, e := svgLength(attr[key])
		if e != nil && err == nil {
			err = e
		}
		return v
	}
	switch name {
	case "path":
		p, err = parsePathData(attr["d"])
	case "rect":
		rx := n("rx")
		if attr["rx"] == "" {
			rx = n("ry")
		}
		p.roundRect(n("x"), n("y"), n("width"), n("height"), rx)
	case "circle":
		p.ellipse(n("cx"), n("cy"), n("r"), n("r"))
	case "ellipse":
		p.ellipse(n("cx"), n("cy"), n("rx"), n("ry"))
	case "line":
		p.move(n("x1"), n("y1"))
		p.line(n("x2"), n("y2"))
	case "polyline", "polygon":
		p, err = parsePathData("M" + attr["points"])
		if name == "polygon" && err == nil {
			p.close()
		}
	default:
		err = fmt.Errorf("expected an SVG of paths and basic shapes, found the element %q (convert text to paths, and gradients to flat colours)", clip(name))
	}
	return p, err
}

// draw adds an outline to the drawing.
func (r *svgReader) draw(p path, st svgState) error {
	if r.points += len(p.pts); r.points > maxSVGPoints {
		return fmt.Errorf("expected an SVG of at most %d points, found more", maxSVGPoints)
	}
	var placed path
	placed.add(p, st.m)
	for _, q := range placed.pts {
		if math.IsNaN(q.X) || math.IsNaN(q.Y) || math.Abs(q.X) > 1e6 || math.Abs(q.Y) > 1e6 {
			return errors.New("expected an SVG within a million units, found a point outside")
		}
	}
	r.out.ops = append(r.out.ops, opPath{path: placed, fill: st.fill, stroke: st.stroke, width: st.width * st.m.size(), evenOdd: st.evenOdd, round: st.round, alpha: st.alpha})
	return nil
}

func clip(s string) string {
	if len(s) > 32 {
		return s[:32]
	}
	return s
}

// viewport reads viewBox, or width and height, and turns y upwards.
func (r *svgReader) viewport(attr map[string]string, st *svgState) error {
	r.root = true
	var box [4]float64
	if v := attr["viewBox"]; v != "" {
		nums := strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r' })
		if len(nums) != 4 {
			return errors.New("expected a viewBox of four numbers, found another")
		}
		for i, s := range nums {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil || math.Abs(f) > 1e6 || math.IsNaN(f) {
				return errors.New("expected a viewBox of four numbers, found another")
			}
			box[i] = f
		}
	} else {
		var err1, err2 error
		box[2], err1 = svgLength(attr["width"])
		box[3], err2 = svgLength(attr["height"])
		if err1 != nil || err2 != nil {
			return errors.New("expected an SVG with a viewBox, or width and height, found neither")
		}
	}
	if box[2] <= 0 || box[3] <= 0 {
		return errors.New("expected an SVG of some width and height, found none")
	}
	r.out.lo, r.out.hi = point{0, 0}, point{box[2], box[3]}
	st.m = matrix{1, 0, 0, -1, -box[0], box[1] + box[3]}
	return st.paint(attr)
}

func svgLength(s string) (float64, error) {
	s = strings.TrimSuffix(strings.TrimSpace(s), "px")
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e6 {
		return 0, errors.New("expected lengths in user units, found another")
	}
	return f, nil
}

// paint reads the properties this reader knows.
func (st *svgState) paint(attr map[string]string) error {
	var err error
	if v := attr["fill"]; v != "" {
		if st.fill, err = svgColor(v, st.fill); err != nil {
			return err
		}
	}
	if v := attr["stroke"]; v != "" {
		if st.stroke, err = svgColor(v, st.stroke); err != nil {
			return err
		}
	}
	if v := attr["stroke-width"]; v != "" {
		if st.width, err = svgLength(v); err != nil || st.width < 0 {
			return errors.New("expected a stroke-width in user units, found another")
		}
	}
	if v := attr["fill-rule"]; v != "" {
		st.evenOdd = v == "evenodd"
	}
	if v := attr["stroke-linejoin"]; v != "" {
		st.round = v == "round"
	}
	if v := attr["display"]; v == "none" {
		st.hidden = true
	}
	for _, key := range []string{"opacity", "fill-opacity", "stroke-opacity"} {
		if v := attr[key]; v != "" {
			f, e := strconv.ParseFloat(v, 64)
			if e != nil || !(f >= 0 && f <= 1) {
				return fmt.Errorf("expected %s from 0 to 1, found another", key)
			}
			before := st.alpha
			if before == 0 {
				before = 1
			}
			if st.alpha = before * f; st.alpha == 0 {
				st.hidden = true
			}
		}
	}
	if attr["stroke-dasharray"] != "" && attr["stroke-dasharray"] != "none" {
		return errors.New("expected an SVG without dashed lines, found some")
	}
	return nil
}

var svgColors = map[string]rgb{
	"black": {}, "white": {255, 255, 255}, "red": {255, 0, 0}, "green": {0, 128, 0}, "blue": {0, 0, 255}, "yellow": {255, 255, 0},
	"gray": {128, 128, 128}, "grey": {128, 128, 128}, "silver": {192, 192, 192}, "maroon": {128, 0, 0}, "navy": {0, 0, 128}, "olive": {128, 128, 0},
	"purple": {128, 0, 128}, "teal": {0, 128, 128}, "aqua": {0, 255, 255}, "fuchsia": {255, 0, 255}, "lime": {0, 255, 0}, "orange": {255, 165, 0},
	"gold": {255, 215, 0}, "currentcolor": {},
}

func svgColor(s string, inherited *rgb) (*rgb, error) {
	l := strings.ToLower(s)
	switch {
	case l == "none" || l == "transparent":
		return nil, nil
	case l == "inherit":
		return inherited, nil
	case len(l) == 4 && l[0] == '#':
		l = string([]byte{'#', l[1], l[1], l[2], l[2], l[3], l[3]})
	case strings.HasPrefix(l, "rgb(") && strings.HasSuffix(l, ")"):
		parts := strings.Split(l[4:len(l)-1], ",")
		if len(parts) == 3 {
			var v [3]uint8
			for i, p := range parts {
				n, err := strconv.ParseUint(strings.TrimSpace(p), 10, 8)
				if err != nil {
					return nil, errors.New("expected colours as rgb(0-255, …), found another")
				}
				v[i] = uint8(n)
			}
			return &rgb{v[0], v[1], v[2]}, nil
		}
	}
	if c, ok := parseColor(l); ok {
		return &c, nil
	}
	if c, ok := svgColors[l]; ok {
		return &c, nil
	}
	return nil, errors.New("expected flat colours, #RRGGBB or a basic name, found another (gradients and patterns are not drawn)")
}

func parseTransform(s string) (matrix, error) {
	m := identity
	bad := errors.New("expected a transform of matrix, translate, scale, rotate, skewX or skewY, found another")
	for s = strings.TrimLeft(s, " ,\n\t\r"); s != ""; s = strings.TrimLeft(s, " ,\n\t\r") {
		name, rest, ok := strings.Cut(s, "(")
		args, after, ok2 := strings.Cut(rest, ")")
		if !ok || !ok2 {
			return m, bad
		}
		s = after
		sc := pathScanner{s: args}
		var v []float64
		for sc.more() && len(v) < 7 {
			f, err := sc.number()
			if err != nil {
				return m, bad
			}
			v = append(v, f)
		}
		var t matrix
		switch n := strings.TrimSpace(name); {
		case n == "matrix" && len(v) == 6:
			t = matrix{v[0], v[1], v[2], v[3], v[4], v[5]}
		case n == "translate" && len(v) == 1:
			t = translate(v[0], 0)
		case n == "translate" && len(v) == 2:
			t = translate(v[0], v[1])
		case n == "scale" && len(v) == 1:
			t = scale(v[0], v[0])
		case n == "scale" && len(v) == 2:
			t = scale(v[0], v[1])
		case n == "rotate" && len(v) == 1:
			t = rotate(v[0] * math.Pi / 180)
		case n == "rotate" && len(v) == 3:
			t = translate(-v[1], -v[2]).mul(rotate(v[0] * math.Pi / 180)).mul(translate(v[1], v[2]))
		case n == "skewX" && len(v) == 1:
			t = matrix{a: 1, c: math.Tan(v[0] * math.Pi / 180), d: 1}
		case n == "skewY" && len(v) == 1:
			t = matrix{a: 1, b: math.Tan(v[0] * math.Pi / 180), d: 1}
		default:
			return m, bad
		}
		m = t.mul(m)
	}
	return m, nil
}
