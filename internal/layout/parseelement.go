package layout

import (
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// roles are the structure types an element of text may have (ISO 32000-1, 14.8.4).
// An artifact is not read aloud: the number of a page, say.
var roles = []string{"H1", "H2", "H3", "P", "Caption", roleArtifact}

const roleArtifact = "Artifact"

// membersOf lists what each kind of element may hold, beside kind, when and pages.
var membersOf = map[string][]string{
	kindText: {"box", "text", "optional", "role", "font", "features", "size", "minSize", "wrapBelow", "leading", "tracking",
		"lines", "align", "valign", "color", "link"},
	kindFacts:     {"box", "size", "minSize", "color", "labelColor", "ruleColor", "flow", "note"},
	kindRule:      {"from", "to", "width", "color", "dashed"},
	kindRect:      {"box", "radius", "fill", "stroke", "width"},
	kindBorder:    {"box", "depth", "color", "accent"},
	kindSeal:      {"box", "color", "text", "font", "optional"},
	kindImage:     {"box", "image", "alt", "optional", "align", "valign"},
	kindQR:        {"box", "color", "alt"},
	kindSignature: {"box", "name"},
}

func (r *reader) element(n strictjson.Node, t *Template) element {
	e := element{pointer: r.doc.Pointer(n), role: "P", font: "sans", size: 10, leading: 1.25, lines: 1, align: "start", valign: "top", width: 0.5, depth: 8}
	if r.doc.Kind(n) != strictjson.Object {
		r.fail(n, "expected an object, found %s", r.doc.Kind(n))
		return e
	}
	kind := r.doc.Get(n, "kind")
	if kind == strictjson.None {
		r.fail(n, "expected a member \"kind\", found none")
		return e
	}
	allowed, ok := membersOf[r.str(kind, 64)]
	if !ok {
		r.fail(kind, "expected a kind of element, found another string")
		return e
	}
	e.kind = r.doc.String(kind)
	seen := map[string]bool{}
	r.members(n, func(name string, v strictjson.Node) bool {
		seen[name] = true
		switch {
		case name == "kind":
			return true
		case name == "when":
			e.when = r.str(v, 65)
			return isFieldName(strings.TrimPrefix(e.when, "!"))
		case name == "pages":
			e.further = r.oneOf(v, "first", "further") == "further"
			return true
		case !slices.Contains(allowed, name):
			return false
		}
		r.member(name, v, &e, t)
		return true
	})
	need := map[string][]string{
		kindText: {"box", "text", "color"}, kindFacts: {"color", "labelColor"}, kindRule: {"from", "to", "color"}, kindRect: {"box"},
		kindBorder: {"box", "color", "accent"}, kindSeal: {"box", "color"}, kindImage: {"box", "image", "alt"}, kindQR: {"box", "color"}, kindSignature: {"box", "name"},
	}
	for _, name := range need[e.kind] {
		if !seen[name] {
			r.fail(n, "expected a member %q, found none", name)
		}
	}
	if e.kind == kindFacts {
		e.noBox = !seen["box"]
		if e.noBox && e.flow == nil {
			r.fail(n, "expected a member \"box\", or \"flow\", found neither")
		}
	}
	if e.further && (e.kind == kindFacts || e.kind == kindSignature) {
		r.fail(n, "expected facts and signatures on the first page, found them on further ones")
	}
	r.defaults(n, &e, seen)
	return e
}

// member reads one member of an element.
func (r *reader) member(name string, v strictjson.Node, e *element, t *Template) {
	switch name {
	case "box":
		e.box = r.box(v, t)
	case "from":
		r.nums(v, e.from[:])
	case "to":
		r.nums(v, e.to[:])
	case "text":
		e.text = r.pattern(v)
	case "alt":
		e.alt = r.pattern(v)
	case "note":
		e.note = r.pattern(v)
	case "flow":
		e.flow = r.flow(v, t)
	case "optional":
		e.optional = r.flag(v)
	case "link":
		e.link = r.flag(v)
	case "dashed":
		e.dash = r.flag(v)
	case "role":
		e.role = r.oneOf(v, roles...)
	case "font":
		if e.font = r.str(v, 64); !isFont(e.font) {
			r.fail(v, "expected serif, serif-italic, sans, sans-bold or mono, found another font")
		}
	case "features":
		if r.doc.Kind(v) != strictjson.Array || r.doc.Len(v) > 16 {
			r.fail(v, "expected an array of at most 16 OpenType feature tags")
			return
		}
		r.doc.Each(v, func(tag strictjson.Node) bool {
			e.features = append(e.features, r.str(tag, 5))
			return true
		})
		if _, ok := parseFeatures(e.features); !ok {
			r.fail(v, "expected OpenType feature tags of four characters, found another string")
		}
	case "size":
		e.size = r.num(v, 3, 200)
	case "minSize":
		e.minSize = r.num(v, 2, 200)
	case "wrapBelow":
		e.wrap = r.num(v, 2, 200)
	case "leading":
		e.leading = r.num(v, 0.8, 3)
	case "tracking":
		e.tracking = r.num(v, -100, 1000)
	case "lines":
		e.lines = int(r.num(v, 1, maxTextLines))
	case "align":
		e.align = r.oneOf(v, "start", "center", "end", "left", "right")
	case "valign":
		e.valign = r.oneOf(v, "top", "middle", "bottom")
	case "color", "fill":
		e.color = r.color(v, t)
	case "labelColor", "accent":
		e.color2 = r.color(v, t)
	case "ruleColor", "stroke":
		e.stroke = r.color(v, t)
	case "width":
		e.width = r.num(v, 0.05, 50)
	case "radius":
		e.radius = r.num(v, 0, 200)
	case "depth":
		e.depth = r.num(v, 2, 40)
	case "image":
		if e.image = r.str(v, 64); !isFieldName(e.image) {
			r.fail(v, "expected the name of an image, found another string")
		}
	case "name":
		if e.name = r.str(v, 64); !isFieldName(e.name) || strings.Contains(e.name, ".") {
			r.fail(v, "expected a name of letters, digits, hyphens and underscores, found another string")
		}
	}
}

func (r *reader) box(n strictjson.Node, t *Template) (b [4]float64) {
	r.nums(n, b[:])
	if r.err == nil && (b[2] <= 0 || b[3] <= 0 || b[0] < 0 || b[1] < 0 || b[0]+b[2] > t.page.width+0.001 || b[1]+b[3] > t.page.height+0.001) {
		r.fail(n, "expected x, y, width and height of a box on the page, found one outside of it or empty")
	}
	return b
}

// flow reads how facts go over further pages.
func (r *reader) flow(n strictjson.Node, t *Template) *flow {
	f := &flow{columns: 1, size: 9.5}
	r.members(n, func(name string, v strictjson.Node) bool {
		switch name {
		case "box":
			f.box = r.box(v, t)
		case "columns":
			f.columns = int(r.num(v, 1, 4))
		case "size":
			f.size = r.num(v, 5, 30)
		case "headings":
			if r.doc.Kind(v) != strictjson.Array || r.doc.Len(v) != 2 {
				r.fail(v, "expected an array of two texts")
				return true
			}
			f.headings = []pattern{r.pattern(r.doc.Index(v, 0)), r.pattern(r.doc.Index(v, 1))}
		default:
			return false
		}
		return true
	})
	wide := float64(f.columns) * 12 * f.size // ten letters and more in either cell
	if r.err == nil && (f.box[2]*mm < wide || f.box[3]*mm < 12*f.size) {
		r.fail(n, "expected a box with room for a table of %d columns at %g pt, found a smaller one or none", f.columns, f.size)
	}
	return f
}

// defaults fills in what depends on other members and checks that they agree.
func (r *reader) defaults(n strictjson.Node, e *element, seen map[string]bool) {
	if !seen["minSize"] {
		e.minSize = e.size * 0.45
	}
	if !seen["wrapBelow"] {
		e.wrap = e.size * 0.7
	}
	if e.minSize > e.size || e.wrap > e.size {
		r.fail(n, "expected minSize and wrapBelow not above size, found one above")
	}
	if e.kind == kindSeal && !seen["font"] {
		e.font = "serif"
	}
	if e.kind == kindBorder && (e.box[2] < 4*e.depth || e.box[3] < 4*e.depth) {
		r.fail(n, "expected a border at least four times as wide and high as it is deep, found a smaller one")
	}
	if e.kind == kindQR && (e.box[2] < 15 || e.box[3] < 15) {
		r.fail(n, "expected a QR code of at least 15 mm, found a smaller one")
	}
}
