package layout

import (
	"fmt"

	"rsc.io/qr"
)

// qrQuiet is the width of the light border in modules (ISO/IEC 18004, 9.1).
const qrQuiet = 4

// qrCode draws a QR code with its quiet zone into a square. Neighbouring modules are one
// outline, so that no hairlines show between them.
func qrCode(text string, x, y, side float64, dark rgb) ([]op, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, &OptionError{"VerifyURL", fmt.Sprintf("expected an address that fits a QR code: %v", err)}
	}
	n := code.Size
	unit := side / float64(n+2*qrQuiet)
	var light, p path
	light.rect(x, y, side, side)
	at := func(i, j int) point { // corner i from the left, j from the top
		return point{x + float64(i+qrQuiet)*unit, y + side - float64(j+qrQuiet)*unit}
	}
	black := func(i, j int) bool { return i >= 0 && j >= 0 && i < n && j < n && code.Black(i, j) }
	// Every side between dark and light is walked once, dark on the right hand.
	type edge struct{ i, j, dir int } // dir 0 right, 1 down, 2 left, 3 up
	steps := [4][2]int{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}
	isEdge := func(e edge) bool {
		i, j := e.i, e.j
		switch e.dir {
		case 0:
			return black(i, j) && !black(i, j-1)
		case 1:
			return black(i-1, j) && !black(i, j)
		case 2:
			return black(i-1, j-1) && !black(i-1, j)
		}
		return black(i, j-1) && !black(i-1, j-1)
	}
	done := map[edge]bool{}
	for j := range n {
		for i := range n {
			first := edge{i, j, 0}
			if done[first] || !isEdge(first) {
				continue
			}
			e, from := first, -1
			for {
				done[e] = true
				if e.dir != from {
					c := at(e.i, e.j)
					if from < 0 {
						p.move(c.X, c.Y)
					} else {
						p.line(c.X, c.Y)
					}
				}
				from = e.dir
				e.i, e.j = e.i+steps[e.dir][0], e.j+steps[e.dir][1]
				for _, turn := range [3]int{1, 0, 3} { // keep to the dark side
					if next := (edge{e.i, e.j, (from + turn) % 4}); isEdge(next) {
						e = next
						break
					}
				}
				if e == first {
					break
				}
			}
			p.close()
		}
	}
	return []op{opPath{path: light, fill: &rgb{255, 255, 255}}, opPath{path: p, fill: &dark}}, nil
}
