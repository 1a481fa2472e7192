package layout

import (
	"fmt"
	"slices"
	"strings"
)

// Template is a page design: docs/formats/template.md describes it. It is immutable and
// safe for concurrent use.
type Template struct {
	name     string
	lang     string
	page     pageSize
	colors   map[string]rgb
	defaults map[string]string
	// translations are defaults in other languages, by BCP 47 tag.
	translations map[string]map[string]string
	assets       map[string]*asset
	background   background
	elements     []element
	source       []byte // the JSON text
	pixels       int    // of its images
}

// Pixels is how many pixels the images of a template have together. It holds up to eight
// bytes of memory for each.
func (t *Template) Pixels() int { return t.pixels }

type pageSize struct {
	size, orientation string  // size is "" where width and height were given
	width, height     float64 // mm
}

type background struct {
	color   string // name of a colour, or ""
	asset   string // image or PDF page, or ""
	preview string // image that stands for a PDF page in previews, or ""
}

// asset is a file inlined in a template.
type asset struct {
	mediaType string
	image     *picture      // image/png, image/jpeg, image/svg+xml
	form      *importedPage // application/pdf
}

// Kinds of elements.
const (
	kindText      = "text"
	kindFacts     = "facts"
	kindRule      = "rule"
	kindRect      = "rect"
	kindBorder    = "border"
	kindSeal      = "seal"
	kindImage     = "image"
	kindQR        = "qr"
	kindSignature = "signature"
)

// element is one thing on the page. Which members count depends on the kind.
type element struct {
	pointer string
	kind    string
	when    string     // field that must have a value; "!name": must have none
	further bool       // drawn on the further pages, not on the first
	box     [4]float64 // x, y, width, height in mm from the upper left corner

	text     pattern
	optional bool
	role     string
	font     string
	features []string
	size     float64 // points
	minSize  float64
	wrap     float64 // below this size a line is broken rather than shrunk
	leading  float64
	tracking float64 // thousandths of an em
	lines    int
	align    string
	valign   string
	link     bool

	color, color2, stroke string // names of colours
	width                 float64
	radius                float64
	depth                 float64
	to                    [2]float64
	from                  [2]float64
	dash                  bool

	image string
	alt   pattern
	name  string

	// Of facts.
	noBox bool    // all of them are on further pages
	flow  *flow   // nil: they are on the first page or not at all
	note  pattern // stands in the box where they go on
}

// pattern is text with {field} in it.
type pattern []patternPiece

// fields are the fields that a pattern names, in order.
func (p pattern) fields() []string {
	var out []string
	for _, piece := range p {
		if piece.field != "" {
			out = append(out, piece.field)
		}
	}
	return out
}

type patternPiece struct {
	literal string
	field   string // "" for a literal
}

func parsePattern(s string) (pattern, error) {
	var out pattern
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			out = append(out, patternPiece{literal: s})
			break
		}
		if i > 0 {
			out = append(out, patternPiece{literal: s[:i]})
		}
		if strings.HasPrefix(s[i:], "{{") || strings.HasPrefix(s[i:], "}}") {
			out = append(out, patternPiece{literal: s[i : i+1]})
			s = s[i+2:]
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if s[i] == '}' || end < 0 {
			return nil, fmt.Errorf("expected {field}, or {{ and }} for braces, found a single brace")
		}
		name := s[i+1 : i+end]
		if !isFieldName(name) {
			return nil, fmt.Errorf("expected a field name of letters, digits, dots, hyphens and underscores, found another")
		}
		out = append(out, patternPiece{field: name})
		s = s[i+end+1:]
	}
	return out, nil
}

func isFieldName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// Name returns the template's name.
func (t *Template) Name() string { return t.name }

// Size returns the size of the page in mm.
func (t *Template) Size() (width, height float64) { return t.page.width, t.page.height }

// JSON returns the template as text that Parse takes, for users who want to start their
// own from it.
func (t *Template) JSON() []byte { return slices.Clone(t.source) }

// Fields returns the names of the fields the template uses and does not fill in itself,
// sorted. Required are those without which a page cannot be made.
func (t *Template) Fields() (required, optional []string) {
	need := map[string]bool{}
	use := func(name string, must bool) {
		if name == "" || isGiven(name) {
			return
		}
		_, has := t.defaults[name]
		need[name] = need[name] || must && !has
	}
	// A field of two elements, one drawn with a thing and the other without it, is in one
	// of them on every page.
	depends := map[[2]string]bool{} // field, condition
	for _, e := range t.elements {
		pieces := append(slices.Clone(e.text), e.alt...)
		pieces = append(pieces, e.note...)
		if e.flow != nil {
			pieces = append(pieces, slices.Concat(e.flow.headings...)...)
		}
		for _, p := range pieces {
			must := !e.optional && e.when == ""
			if !e.optional && e.when != "" {
				depends[[2]string{p.field, e.when}] = true
				other, not := strings.CutPrefix(e.when, "!")
				if !not {
					other = "!" + e.when
				}
				must = depends[[2]string{p.field, other}]
			}
			use(p.field, must)
		}
		use(strings.TrimPrefix(e.when, "!"), false)
	}
	for name, must := range need {
		if must {
			required = append(required, name)
		} else {
			optional = append(optional, name)
		}
	}
	slices.Sort(required)
	slices.Sort(optional)
	return required, optional
}

// givenFields are filled in from Options.
var givenFields = []string{"id", "id.groups", "verify.url", "verify.short", "verify.host", "test", "page.lang", "page.number", "page.count"}

func isGiven(name string) bool { return slices.Contains(givenFields, name) }

// SignatureBox is room a template leaves for a visible signature.
type SignatureBox struct {
	Name string
	// Rect is [left bottom right top] in points from the lower left corner of the page, as
	// a widget's /Rect.
	Rect [4]float64
}

// HasFacts reports whether the template lists facts on its first page.
func (t *Template) HasFacts() bool {
	return slices.ContainsFunc(t.elements, func(e element) bool { return e.kind == kindFacts && !e.noBox })
}

// SignatureBoxes returns the room left for visible signatures, in the template's order.
func (t *Template) SignatureBoxes() []SignatureBox {
	var out []SignatureBox
	for _, e := range t.elements {
		if e.kind == kindSignature {
			x, y, w, h := t.rect(e.box)
			out = append(out, SignatureBox{e.name, [4]float64{x, y, x + w, y + h}})
		}
	}
	return out
}

const mm = 72 / 25.4 // points

// rect converts a box in mm from the upper left to points from the lower left.
func (t *Template) rect(b [4]float64) (x, y, w, h float64) {
	return b[0] * mm, (t.page.height - b[1] - b[3]) * mm, b[2] * mm, b[3] * mm
}
