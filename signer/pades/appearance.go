package pades

import (
	"bytes"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/go-text/typesetting/di"
	"rsc.io/qr"
)

// Appearance is a visible signature: a calm box with a seal to the left, text, and a QR code to the
// right. It says who signed and when, and leaves it to the reader's software to say whether that is true.
type Appearance struct {
	// Page counts from 0. With an existing field it is where that field is, and ignored.
	Page int
	// Rect is lower left and upper right corner in points of default user space, on a page turned by
	// /Rotate as the unturned page has it. An existing field keeps its own rectangle, and Rect must be zero.
	Rect [4]float64
	// Lines of text, the first one larger. Nil: the institution, the signer, the reason, the time with
	// its zone and the level. Empty but not nil: no text.
	Lines []string
	// Image is a seal or handwritten signature, PNG or JPEG; nil: none.
	Image []byte
	// PDF is a document whose first page is drawn instead of Image; nil: none. For a PDF/A input its
	// fonts must be embedded and its colours be device independent or fit the output intent.
	PDF []byte
	// QR is drawn as a QR code of dark squares, usually the address to verify the document at; empty: none.
	QR string
	// Fonts are tried in order for each character, then the built-in one, which has Latin, Greek and
	// Cyrillic. All text is embedded, so that a PDF/A file stays one.
	Fonts []*Font
	// NoBox leaves the frame and background out.
	NoBox bool
}

// Sizes in points.
const (
	minBox, maxBox   = 8.0, 14400.0
	minFont, maxFont = 4.0, 14.0
	padding          = 4.0
	lineHeight       = 1.25
	firstLine        = 1.2 // how much larger the first line is
)

// position takes the rectangle of a new field from the request.
func (s *slot) position(v *Appearance) error {
	if !s.isNew {
		if v.Rect != ([4]float64{}) {
			return fail(BadConfig, "an existing field keeps its rectangle, Appearance.Rect must be zero")
		}
		if !s.visible {
			return fail(BadAppearance, "the field is an invisible one")
		}
		return nil
	}
	r := v.Rect
	if w, h := r[2]-r[0], r[3]-r[1]; !(w >= minBox && h >= minBox && w <= maxBox && h <= maxBox) || !(r[0] > -maxBox && r[1] > -maxBox && r[0] < maxBox && r[1] < maxBox) {
		return fail(BadConfig, "Appearance.Rect is no rectangle of between %v and %v points a side", minBox, maxBox)
	}
	s.rect, s.visible = r, true
	return nil
}

// show draws the signature into the widget. A widget with a place on the page that is not to show
// anything gets an empty appearance, unless it has one: PDF/A wants one.
func (in *input) show(up *pdf.Update, widget *pdf.Dict, s *Signer, req *Request, sl *slot, name string, now time.Time) error {
	if req.Visible == nil {
		if sl.visible && !widget.Has("AP") {
			widget.Set("AP", pdf.NewDict(pdf.Name("N"), up.Add(form(sl.rect[2]-sl.rect[0], sl.rect[3]-sl.rect[1], 0, nil, nil))))
		}
		return nil
	}
	w, h := sl.rect[2]-sl.rect[0], sl.rect[3]-sl.rect[1]
	if sl.rotate%180 != 0 {
		w, h = h, w
	}
	if w < minBox || h < minBox {
		return fail(BadAppearance, "the field is too small to draw in")
	}
	d := &drawing{up: up, w: w, h: h, look: req.Visible, resources: pdf.NewDict()}
	lines := req.Visible.Lines
	if lines == nil {
		lines = defaultLines(s, req, name, now)
	}
	if err := d.draw(lines); err != nil {
		return err
	}
	widget.Set("AP", pdf.NewDict(pdf.Name("N"), up.Add(form(w, h, sl.rotate, d.resources, d.b.Bytes()))))
	flags, err := up.IntAt(widget, "F")
	if err != nil {
		return wrap(BadForm, err, "flags of the widget")
	}
	if want := (flags | 4) &^ (1 | 2 | 32); want != flags { // printed, not hidden
		widget.Set("F", pdf.Integer(want))
	}
	return nil
}

func defaultLines(s *Signer, req *Request, name string, now time.Time) []string {
	var lines []string
	if org := s.Chain[0].Subject.Organization; len(org) > 0 && org[0] != name {
		lines = append(lines, org[0])
	}
	lines = append(lines, name)
	if req.Reason != "" {
		lines = append(lines, req.Reason)
	}
	zone := now.Format("-07:00")
	if zone == "+00:00" {
		zone = "UTC"
	}
	lines = append(lines, now.Format("2006-01-02 15:04:05 ")+zone, "PAdES "+s.Level.String())
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(strings.ToValidUTF8(l, "\ufffd")), " ")
	}
	return lines
}

// form makes the appearance stream. Its matrix turns it so that it stands upright on a turned page.
func form(w, h float64, rotate int, resources *pdf.Dict, content []byte) *pdf.Stream {
	d := pdf.NewDict(pdf.Name("Type"), pdf.Name("XObject"), pdf.Name("Subtype"), pdf.Name("Form"), pdf.Name("BBox"), rectangle([4]float64{0, 0, w, h}))
	if m := map[int][4]int64{90: {0, 1, -1, 0}, 180: {-1, 0, 0, -1}, 270: {0, -1, 1, 0}}[rotate]; m != [4]int64{} {
		d.Set("Matrix", pdf.NewArray(pdf.Integer(m[0]), pdf.Integer(m[1]), pdf.Integer(m[2]), pdf.Integer(m[3]), pdf.Integer(0), pdf.Integer(0)))
	}
	if resources == nil {
		resources = pdf.NewDict()
	}
	d.Set("Resources", resources)
	if len(content) > 0 {
		d.Set("Filter", pdf.Name("FlateDecode"))
		content = pdf.Deflate(content)
	}
	return pdf.NewStream(d, content)
}

// drawing is an appearance in the making.
type drawing struct {
	up        *pdf.Update
	w, h      float64
	look      *Appearance
	resources *pdf.Dict
	b         bytes.Buffer
}

func (d *drawing) draw(lines []string) error {
	if !d.look.NoBox {
		d.b.WriteString("q 0.98 g 0.55 G 0.5 w\n")
		op(&d.b, "re", 0.25, 0.25, d.w-0.5, d.h-0.5)
		d.b.WriteString("B Q\n")
	}
	left, right := padding, d.w-padding
	if d.look.Image != nil || d.look.PDF != nil {
		used, err := d.picture(left, len(lines) == 0 && d.look.QR == "")
		if err != nil {
			return err
		}
		left += used + padding
	}
	if d.look.QR != "" {
		used, err := d.code(right)
		if err != nil {
			return err
		}
		right -= used + padding
	}
	if len(lines) == 0 {
		return nil
	}
	return d.text(lines, left, right)
}

// picture draws Image or PDF at the left edge and returns its width.
func (d *drawing) picture(left float64, alone bool) (float64, error) {
	var ref pdf.Ref
	var iw, ih float64
	var err error
	unit := 1.0 // an image fills a unit square, a form its own size
	if d.look.PDF != nil {
		ref, iw, ih, err = importPage(d.up, d.look.PDF)
		unit = 0
	} else {
		ref, iw, ih, err = addImage(d.up, d.look.Image)
	}
	if err != nil {
		return 0, err
	}
	maxW, maxH := d.w-2*padding, d.h-2*padding
	if !alone {
		maxW = d.w * 0.35
	}
	if maxW <= 0 || maxH <= 0 {
		return 0, fail(BadAppearance, "no room for the picture")
	}
	scale := min(maxW/iw, maxH/ih)
	w, h := iw*scale, ih*scale
	x, y := left, (d.h-h)/2
	if alone {
		x = (d.w - w) / 2
	}
	d.b.WriteString("q ")
	if unit == 1 {
		op(&d.b, "cm", w, 0, 0, h, x, y)
	} else {
		op(&d.b, "cm", scale, 0, 0, scale, x, y)
	}
	d.b.WriteString("/Im0 Do Q\n")
	d.resources.Set("XObject", pdf.NewDict(pdf.Name("Im0"), ref))
	return w, nil
}

// code draws the QR code at the right edge and returns its width.
func (d *drawing) code(right float64) (float64, error) {
	if len(d.look.QR) > maxText {
		return 0, fail(BadAppearance, "QR code of %d bytes", len(d.look.QR))
	}
	c, err := qr.Encode(d.look.QR, qr.M)
	if err != nil {
		return 0, wrap(BadAppearance, err, "QR code")
	}
	const quiet = 4 // modules of margin readers need (ISO/IEC 18004)
	side := min(d.h-2, d.w*0.45)
	module := side / float64(c.Size+2*quiet)
	if module < 0.5 {
		return 0, fail(BadAppearance, "no room for the QR code: its squares would be smaller than half a point")
	}
	x0, y0 := right+padding-1-side, (d.h-side)/2
	d.b.WriteString("q 1 g\n")
	op(&d.b, "re", x0, y0, side, side)
	d.b.WriteString("f 0 g\n")
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from { // one rectangle for a run: no hairlines between squares
				op(&d.b, "re", x0+float64(quiet+from)*module, y0+float64(c.Size+quiet-1-y)*module, float64(x-from)*module, module)
			}
		}
	}
	d.b.WriteString("f Q\n")
	return side - padding + 1, nil
}

// text sets the lines as large as the room allows.
func (d *drawing) text(lines []string, left, right float64) error {
	t, err := newTypesetter(d.look.Fonts)
	if err != nil {
		return err
	}
	if len(lines) > 32 {
		return fail(BadAppearance, "%d lines of text, at most 32 are drawn", len(lines))
	}
	size := min(maxFont, (d.h-2*padding)/(lineHeight*(float64(len(lines)-1)+firstLine)))
	set := make([]*line, len(lines))
	for i, s := range lines {
		if set[i], err = t.shape(s); err != nil {
			return err
		}
		if w := set[i].width * scaleOf(i); w > 0 {
			size = min(size, (right-left)/w)
		}
	}
	if size < minFont {
		return fail(BadAppearance, "no room for the text: it would be smaller than %v points", minFont)
	}
	height := size * lineHeight * (float64(len(lines)-1) + firstLine)
	y := (d.h + height) / 2
	d.b.WriteString("q 0.13 g\n")
	for i, l := range set {
		s := size * scaleOf(i)
		y -= s * lineHeight
		x := left
		if direction([]rune(l.text)) == di.DirectionRTL {
			x = right - l.width*s
		}
		l.show(&d.b, x, y+s*0.3, s)
	}
	d.b.WriteString("Q\n")
	fonts, err := t.fontResources(d.up)
	if err != nil {
		return err
	}
	d.resources.Set("Font", fonts)
	return nil
}

func scaleOf(i int) float64 {
	if i == 0 {
		return firstLine
	}
	return 1
}
