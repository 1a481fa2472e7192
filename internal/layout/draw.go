package layout

// A document is composed once into a drawing: lists of marks in paint order, one for each
// page, that the PDF writer and the rasteriser both carry out. Coordinates are points from
// the lower left. Pages are of one size.
type drawing struct {
	width, height float64
	pages         [][]op
	root          *node          // structure tree, /Document
	boxes         []SignatureBox // on the first page
	// plain is true where nothing drawn keeps the document from being PDF/UA-1.
	plain bool
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
	artifact string // "", "Background", "Watermark", artifactPage
}

// artifactPage marks what belongs to a page rather than to what it says: its number, its
// head and foot, a heading that is repeated.
const artifactPage = "Pagination"

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
	// scope of a TH: "Column" or "Row".
	scope string
	// marks are filled in by the writer, in paint order.
	marks []mark
	// link is the annotation that belongs to a Link element, or nil.
	link *linkArea
	// field is the signature field that belongs to a Form element, or "".
	field string
}

// mark is marked content: the page, from 0, and its number there.
type mark struct{ page, id int }

func (n *node) child(role string) *node {
	k := &node{role: role}
	n.kids = append(n.kids, k)
	return k
}

// linkArea is a rectangle that leads to an address.
type linkArea struct {
	x, y, w, h float64
	uri, alt   string
}
