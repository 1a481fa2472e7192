package pades

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// addImage writes a PNG or JPEG as an image object and returns its size in pixels.
func addImage(up *pdf.Update, b []byte) (ref pdf.Ref, w, h float64, err error) {
	if len(b) > maxImageBytes {
		return ref, 0, 0, fail(BadAppearance, "image of %d bytes, at most %d are taken", len(b), maxImageBytes)
	}
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		ref, w, h, err = addPNG(up, b)
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		ref, w, h, err = addJPEG(up, b)
	default:
		err = fail(BadAppearance, "image is neither PNG nor JPEG")
	}
	return ref, w, h, err
}

func imageDict(c image.Config, space pdf.Name, filter pdf.Name) *pdf.Dict {
	return pdf.NewDict(pdf.Name("Type"), pdf.Name("XObject"), pdf.Name("Subtype"), pdf.Name("Image"), pdf.Name("Width"), pdf.Integer(c.Width),
		pdf.Name("Height"), pdf.Integer(c.Height), pdf.Name("ColorSpace"), space, pdf.Name("BitsPerComponent"), pdf.Integer(8), pdf.Name("Filter"), filter)
}

func checkPixels(c image.Config) error {
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxImagePixels/c.Height {
		return fail(BadAppearance, "image of %d by %d pixels, at most %d in all are taken", c.Width, c.Height, maxImagePixels)
	}
	return nil
}

// addJPEG writes the file as it is.
func addJPEG(up *pdf.Update, b []byte) (pdf.Ref, float64, float64, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "JPEG")
	}
	if err := checkPixels(c); err != nil {
		return pdf.Ref{}, 0, 0, err
	}
	if _, err := jpeg.Decode(bytes.NewReader(b)); err != nil { // a broken one would spoil a signed page for good
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "JPEG")
	}
	var space pdf.Name
	switch c.ColorModel {
	case color.GrayModel:
		space = "DeviceGray"
	case color.YCbCrModel:
		space = "DeviceRGB"
	default:
		return pdf.Ref{}, 0, 0, fail(BadAppearance, "JPEG of a colour model other than grey and YCbCr")
	}
	return up.Add(pdf.NewStream(imageDict(c, space, "DCTDecode"), b)), float64(c.Width), float64(c.Height), nil
}

// addPNG writes samples and, where the image is transparent somewhere, a mask.
func addPNG(up *pdf.Update, b []byte) (pdf.Ref, float64, float64, error) {
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "PNG")
	}
	if err := checkPixels(c); err != nil {
		return pdf.Ref{}, 0, 0, err
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "PNG")
	}
	rgb, alpha := make([]byte, 0, 3*c.Width*c.Height), make([]byte, 0, c.Width*c.Height)
	opaque := true
	for y := range c.Height {
		for x := range c.Width {
			p := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			rgb = append(rgb, p.R, p.G, p.B)
			alpha = append(alpha, p.A)
			opaque = opaque && p.A == 0xff
		}
	}
	d := imageDict(c, "DeviceRGB", "FlateDecode")
	if !opaque {
		d.Set("SMask", up.Add(pdf.NewStream(imageDict(c, "DeviceGray", "FlateDecode"), pdf.Deflate(alpha))))
	}
	return up.Add(pdf.NewStream(d, pdf.Deflate(rgb))), float64(c.Width), float64(c.Height), nil
}
