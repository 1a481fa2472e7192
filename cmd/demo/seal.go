package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
)

// sealSVG is the picture of the badge: a seal in the house colours.
const sealSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img" aria-label="Seal of Universität Grünau">
  <circle cx="100" cy="100" r="96" fill="#FBFAF6" stroke="#8A1C1C" stroke-width="4"/>
  <circle cx="100" cy="100" r="86" fill="none" stroke="#8A1C1C" stroke-width="1"/>
  <path d="M100 40 L114 82 L158 82 L122 108 L136 150 L100 124 L64 150 L78 108 L42 82 L86 82 Z" fill="none" stroke="#8A1C1C" stroke-width="3" stroke-linejoin="round"/>
  <text x="100" y="180" text-anchor="middle" font-family="serif" font-size="13" fill="#14213D">Universität Grünau</text>
</svg>
`

// sealPNG draws a seal: two rings around a rosette, smooth at the edges.
func sealPNG() ([]byte, error) {
	const size, samples = 360, 3
	paper, seal := [3]float64{0xFB, 0xFA, 0xF6}, [3]float64{0x8A, 0x1C, 0x1C}
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			var ink, disc float64
			for sy := range samples {
				for sx := range samples {
					dx := float64(x) + (float64(sx)+0.5)/samples - size/2
					dy := float64(y) + (float64(sy)+0.5)/samples - size/2
					i, d := sealAt(math.Hypot(dx, dy)/(size/2), math.Atan2(dy, dx))
					ink, disc = ink+i, disc+d
				}
			}
			ink, disc = ink/(samples*samples), disc/(samples*samples)
			mix := func(k int) uint8 { return uint8(paper[k] + (seal[k]-paper[k])*ink) }
			img.Set(x, y, color.NRGBA{mix(0), mix(1), mix(2), uint8(255 * disc)})
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

// sealAt says whether a point, by its distance from the centre (1 is the edge) and its
// angle, is inked and lies on the seal.
func sealAt(r, angle float64) (ink, disc float64) {
	if r > 0.97 {
		return 0, 0
	}
	wave := 0.06 * math.Cos(12*angle)
	for _, ring := range []struct{ at, width float64 }{{0.94, 0.03}, {0.86, 0.008}} {
		if math.Abs(r-ring.at) < ring.width {
			return 1, 1
		}
	}
	for k := range 7 {
		if math.Abs(r-(0.2+0.09*float64(k))-wave*float64(k)/6) < 0.008 {
			return 1, 1
		}
	}
	return 0, 1
}
