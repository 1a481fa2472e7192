package layout

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"sync"
)

// picture is an image of a template or field, read and ready to draw.
type picture struct {
	mediaType     string
	width, height float64 // proportions
	pixels        *pixels
	vector        *symbol
}

// pixels is a bitmap as PDF takes it.
type pixels struct {
	width, height int
	gray          bool
	samples       []byte // rows of gray or RGB; nil where jpeg is set
	alpha         []byte // nil if opaque
	jpeg          []byte
	image         image.Image
}

var errPicture = errors.New("expected a PNG, JPEG or SVG image, found something else")

// readPicture tells the kind by the bytes.
func readPicture(data []byte) (*picture, error) {
	if len(data) > maxAssetBytes {
		return nil, fmt.Errorf("expected an image of at most %d bytes, found %d", maxAssetBytes, len(data))
	}
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return readPNG(data)
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return readJPEG(data)
	case looksLikeXML(data):
		s, err := readSVG(data)
		if err != nil {
			return nil, err
		}
		return &picture{mediaType: "image/svg+xml", width: s.hi.X - s.lo.X, height: s.hi.Y - s.lo.Y, vector: s}, nil
	}
	return nil, errPicture
}

func looksLikeXML(data []byte) bool {
	b := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(b) > 0 && b[0] == '<'
}

func checkSize(c image.Config) error {
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels || c.Height > maxPixels/c.Width {
		return fmt.Errorf("expected an image of 1 to %d pixels, found %d by %d", maxPixels, c.Width, c.Height)
	}
	return nil
}

// pixelCount is how many pixels a bitmap says it has; 0 where it is none.
func pixelCount(data []byte) int {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || checkSize(c) != nil {
		return 0 // readPicture says why
	}
	return c.Width * c.Height
}

// large pictures are read one at a time: one may take hundreds of megabytes meanwhile.
var large sync.Mutex

const largePixels = 1 << 20

func readPNG(data []byte) (*picture, error) {
	conf, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("expected a sound PNG: %w", err)
	}
	if err := checkSize(conf); err != nil {
		return nil, err
	}
	if conf.Width*conf.Height > largePixels {
		large.Lock()
		defer large.Unlock()
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("expected a sound PNG: %w", err)
	}
	p := &pixels{width: conf.Width, height: conf.Height, image: img}
	b := img.Bounds()
	n := conf.Width * conf.Height
	p.gray = img.ColorModel() == color.GrayModel || img.ColorModel() == color.Gray16Model
	alpha := make([]byte, 0, n)
	opaque := true
	if p.gray {
		p.samples = make([]byte, 0, n)
	} else {
		p.samples = make([]byte, 0, 3*n)
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if p.gray {
				p.samples = append(p.samples, c.R)
			} else {
				p.samples = append(p.samples, c.R, c.G, c.B)
			}
			alpha = append(alpha, c.A)
			opaque = opaque && c.A == 255
		}
	}
	if !opaque {
		p.alpha = alpha
	}
	if m := img.ColorModel(); m == color.RGBA64Model || m == color.NRGBA64Model || m == color.Gray16Model {
		p.image = p.narrow(alpha) // half of what it takes with 16 bits
	}
	return &picture{mediaType: "image/png", width: float64(p.width), height: float64(p.height), pixels: p}, nil
}

// narrow is the image with eight bits a sample.
func (p *pixels) narrow(alpha []byte) image.Image {
	r := image.Rect(0, 0, p.width, p.height)
	if p.gray {
		return &image.Gray{Pix: p.samples, Stride: p.width, Rect: r}
	}
	out := image.NewNRGBA(r)
	for i, a := range alpha {
		copy(out.Pix[4*i:], p.samples[3*i:3*i+3])
		out.Pix[4*i+3] = a
	}
	return out
}

func readJPEG(data []byte) (*picture, error) {
	conf, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("expected a sound JPEG: %w", err)
	}
	if err := checkSize(conf); err != nil {
		return nil, err
	}
	if conf.ColorModel == color.CMYKModel {
		return nil, errors.New("expected a JPEG in RGB or gray, found CMYK, which the page's output intent does not cover")
	}
	img, err := jpeg.Decode(bytes.NewReader(data)) // a reader of the page must not be the first to find damage
	if err != nil {
		return nil, fmt.Errorf("expected a sound JPEG: %w", err)
	}
	p := &pixels{width: conf.Width, height: conf.Height, gray: conf.ColorModel == color.GrayModel, jpeg: withoutMetadata(data), image: img}
	return &picture{mediaType: "image/jpeg", width: float64(p.width), height: float64(p.height), pixels: p}, nil
}

// withoutMetadata drops comments and application segments of a JPEG, which may tell where
// a photograph was taken; Adobe's segment stays, it says how colours are coded.
func withoutMetadata(data []byte) []byte {
	out := append([]byte(nil), data[:2]...)
	for i := 2; i+4 <= len(data); {
		if data[i] != 0xFF {
			return data
		}
		marker := data[i+1]
		if marker == 0xFF { // filling
			i++
			continue
		}
		n := int(data[i+2])<<8 | int(data[i+3])
		if marker == 0xDA || n < 2 || i+2+n > len(data) {
			return append(out, data[i:]...)
		}
		if !(marker >= 0xE1 && marker <= 0xEF && marker != 0xEE || marker == 0xFE) {
			out = append(out, data[i:i+2+n]...)
		}
		i += 2 + n
	}
	return data
}

// ops draws the picture into a box, keeping its proportions; cover fills the box exactly.
func (p *picture) ops(x, y, w, h float64, align, valign string, cover bool) []op {
	pw, ph := w, h
	if !cover {
		if k := min(w/p.width, h/p.height); true {
			pw, ph = p.width*k, p.height*k
		}
		switch align {
		case "center":
			x += (w - pw) / 2
		case "end", "right":
			x += w - pw
		}
		switch valign {
		case "middle":
			y += (h - ph) / 2
		case "top":
			y += h - ph
		}
	}
	if p.vector != nil {
		v := p.vector
		m := translate(-v.lo.X, -v.lo.Y).mul(scale(pw/p.width, ph/p.height)).mul(translate(x, y))
		return []op{opUse{v, m}}
	}
	return []op{opImage{p.pixels, matrix{a: pw, d: ph, e: x, f: y}}}
}
