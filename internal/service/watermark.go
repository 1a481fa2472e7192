package service

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/chancery-dev/chancery"
)

// Pictures of badges of the test environment carry the word TEST across them, so that
// nobody who is shown one takes it for a real one.

// testWord is the word in letters of five by seven.
var testWord = [7]string{
	"##### ##### ##### #####",
	"  #   #     #       #  ",
	"  #   #     #       #  ",
	"  #   ####  #####   #  ",
	"  #   #         #   #  ",
	"  #   #         #   #  ",
	"  #   ##### #####   #  ",
}

const (
	testBand = 0.24 // of the height: the band that the word stands on
	testTop  = 0.58 // where it begins
)

// testLetters puts the word into a band: the size of a dot, and the corner of the first.
func testLetters(width, band float64) (dot, x, y float64) {
	dot = min(width*0.86/float64(len(testWord[0])), band*0.72/float64(len(testWord)))
	return dot, (width - dot*float64(len(testWord[0]))) / 2, (band - dot*float64(len(testWord))) / 2
}

// watermark puts the word on a picture.
func watermark(media string, b []byte) ([]byte, error) {
	if media == chancery.MediaPNG {
		return watermarkPNG(b)
	}
	return watermarkSVG(b)
}

// marking: one picture at a time, which may take a hundred megabytes unpacked.
var marking sync.Mutex

var (
	testPaper = color.NRGBA{0xFB, 0xFA, 0xF6, 0xEE}
	testInk   = color.NRGBA{0x8A, 0x1C, 0x1C, 0xFF}
)

func watermarkPNG(b []byte) ([]byte, error) {
	marking.Lock()
	defer marking.Unlock()
	in, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("service: expected a PNG: %w", err)
	}
	out := image.NewNRGBA(image.Rectangle{Max: in.Bounds().Size()})
	draw.Draw(out, out.Bounds(), in, in.Bounds().Min, draw.Src)
	for {
		marked := image.NewNRGBA(out.Bounds())
		copy(marked.Pix, out.Pix)
		drawTest(marked)
		var w bytes.Buffer
		if err := png.Encode(&w, marked); err != nil {
			return nil, err
		}
		if w.Len() <= maxPicture {
			return w.Bytes(), nil
		}
		out = halved(out) // it was packed better than we do
	}
}

// drawTest draws the band and the word.
func drawTest(img *image.NRGBA) {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	top, band := int(math.Round(testTop*float64(height))), max(1, int(math.Round(testBand*float64(height))))
	draw.Draw(img, image.Rect(0, top, width, top+band), image.NewUniform(testPaper), image.Point{}, draw.Over)
	dot, x, y := testLetters(float64(width), float64(band))
	for row, line := range testWord {
		for column, c := range line {
			if c != '#' {
				continue
			}
			at := func(corner float64, n int) int { return int(math.Round(corner + float64(n)*dot)) }
			r := image.Rect(at(x, column), top+at(y, row), at(x, column+1), top+at(y, row+1))
			draw.Draw(img, r, image.NewUniform(testInk), image.Point{}, draw.Src)
		}
	}
}

// halved is a picture of half the size, each dot the mean of four.
func halved(in *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, max(1, in.Rect.Dx()/2), max(1, in.Rect.Dy()/2)))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			var r, g, b, a uint32
			for n := range 4 {
				p := in.NRGBAAt(min(2*x+n%2, in.Rect.Dx()-1), min(2*y+n/2, in.Rect.Dy()-1))
				r, g, b, a = r+uint32(p.R)*uint32(p.A), g+uint32(p.G)*uint32(p.A), b+uint32(p.B)*uint32(p.A), a+uint32(p.A)
			}
			if a > 0 {
				out.SetNRGBA(x, y, color.NRGBA{uint8(r / a), uint8(g / a), uint8(b / a), uint8(a / 4)})
			}
		}
	}
	return out
}

// watermarkSVG puts the word last into the outermost element, so that it lies above
// everything, in a viewport that covers that of the picture. Colours are style attributes,
// which rules of the picture's own style sheet do not change.
func watermarkSVG(b []byte) ([]byte, error) {
	var mark strings.Builder
	band := 100 * testBand
	dot, x, y := testLetters(100, band)
	fmt.Fprintf(&mark, `<path style="fill:#FBFAF6;fill-opacity:.93;stroke:none;display:inline" d="M0 %gh100v%gh-100z"/>`, 100*testTop, band)
	mark.WriteString(`<path style="fill:#8A1C1C;fill-opacity:1;stroke:none;display:inline" d="`)
	for row, line := range testWord {
		for column := 0; column < len(line); column++ {
			run := len(line[column:]) - len(strings.TrimLeft(line[column:], "#"))
			if run == 0 {
				continue
			}
			fmt.Fprintf(&mark, "M%.3f %.3fh%.3fv%.3fh-%.3fz", x+float64(column)*dot, 100*testTop+y+float64(row)*dot, float64(run)*dot, dot, float64(run)*dot)
			column += run
		}
	}
	mark.WriteString(`"/></svg>`)

	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	origin := ""
	for depth := 0; ; {
		at := d.InputOffset()
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("service: expected an SVG picture")
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				origin = viewOrigin(t)
			}
		case xml.EndElement:
			if depth--; depth > 0 {
				continue
			}
			if !bytes.HasPrefix(b[at:], []byte("</")) {
				return nil, errors.New("service: expected an SVG picture with something in it")
			}
			open := `<svg xmlns="http://www.w3.org/2000/svg"` + origin + ` width="100%" height="100%" viewBox="0 0 100 100" style="display:inline;opacity:1">`
			out := bytes.Join([][]byte{b[:at], []byte(open + mark.String()), b[at:]}, nil)
			if len(out) > maxPicture {
				return nil, fmt.Errorf("service: expected a picture of at most %d bytes", maxPicture-len(out)+len(b))
			}
			return out, nil
		}
	}
}

// viewOrigin is where the corner of the picture's own coordinates lies.
func viewOrigin(root xml.StartElement) string {
	for _, a := range root.Attr {
		if a.Name.Space != "" || a.Name.Local != "viewBox" {
			continue
		}
		f := strings.FieldsFunc(a.Value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
		if len(f) != 4 {
			return ""
		}
		x, errX := strconv.ParseFloat(f[0], 64)
		y, errY := strconv.ParseFloat(f[1], 64)
		if errX != nil || errY != nil || !(math.Abs(x) <= 1e6 && math.Abs(y) <= 1e6) {
			return ""
		}
		return fmt.Sprintf(` x="%g" y="%g"`, x, y)
	}
	return ""
}
