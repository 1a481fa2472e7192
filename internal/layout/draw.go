package layout

// A page is composed once into a drawing: a list of marks in paint order that the PDF
// writer and the rasteriser both carry out. Coordinates are points from the lower left.
type drawing struct {
	width, height float64
	ops           []op
	root          *node      // structure tree, /Document
	links         []linkArea // link annotations
	boxes         []SignatureBox
}

type op interface{ isOp() }

// rgb is a colour of sRGB.
type rgb struct{ R, G, B uint8 }

// opPath paints a path. nil colours are not painted; dash nil is solid.
type opPath struct {
	path         path
	fill, stroke *rgb
	width        float64
	evenOdd      bool
	dash         bool
	alpha        float64 // 0 is opaque
	round        bool    // round caps and joins
}

// opText paints glyphs at a baseline. Glyph positions are in thousandths of an em from x.
type opText struct {
	x, y, size float64
	color      rgb
	glyphs     []placed
}

// opImage paints an image into the unit square mapped by m.
type opImage struct {
	image *pixels
	m     matrix
}

// symbol is a drawing used many times.
type symbol struct {
	name   string
	lo, hi point
	ops    []op
	// reused is true for ornaments kept from page to page by one worker; packed is then
	// their compressed content.
	reused bool
	packed []byte
}

// opUse paints a symbol mapped by m.
type opUse struct {
	symbol *symbol
	m      matrix
}

// opForm paints an imported PDF page, scaled to fill the page.
type opForm struct {
	form    *importedPage
	m       matrix
	preview *asset // drawn in its place where PDF cannot be, or nil
}

// opBegin starts marked content: of a structure element, or an artifact where node is nil.
type opBegin struct {
	node     *node
	artifact string // "", "Background", "Pagination", "Watermark"
}

// opEnd ends the marked content.
type opEnd struct{}

func (opPath) isOp()  {}
func (opText) isOp()  {}
func (opImage) isOp() {}
func (opUse) isOp()   {}
func (opForm) isOp()  {}
func (opBegin) isOp() {}
func (opEnd) isOp()   {}

// node is a structure element.
type node struct {
	role string
	alt  string
	lang string
	bbox *[4]float64 // of a Figure
	kids []*node
	// mcids are filled in by the writer, in paint order.
	mcids []int
	// link is the annotation that belongs to a Link element, or nil.
	link *linkArea
	// field is the signature field that belongs to a Form element, or "".
	field string
}

func (n *node) child(role string) *node {
	k := &node{role: role}
	n.kids = append(n.kids, k)
	return k
}

// linkArea is a rectangle that leads to an address.
type linkArea struct {
	x, y, w, h float64
	uri, alt   string
	node       *node
}
