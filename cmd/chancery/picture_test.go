package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"github.com/rogpeppe/go-internal/testscript"
)

// testPNG draws the picture that scripts bake badges into.
func testPNG(ts *testscript.TestScript) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			img.Set(x, y, color.NRGBA{uint8(4 * x), uint8(4 * y), 0x3d, 0xff})
		}
	}
	var b bytes.Buffer
	ts.Check(png.Encode(&b, img))
	return b.Bytes()
}
