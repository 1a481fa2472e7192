package layout

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Format is the value of the member "format" of the templates this package reads.
const Format = "chancery-template/1"

// pageSizes are width and height in mm, portrait.
var pageSizes = map[string][2]float64{
	"A4":     {210, 297},
	"Letter": {215.9, 279.4},
}

// Parse reads a template (docs/formats/template.md). Errors are *TemplateError, or
// *strictjson.Error where the text is not JSON.
func Parse(b []byte) (*Template, error) {
	doc, err := strictjson.Parse(b, strictjson.Limits{Bytes: maxTemplateBytes, Depth: 8, Nodes: 20_000})
	if err != nil {
		return nil, fmt.Errorf("layout: template: %w", err)
	}
	r := &reader{doc: doc}
	t := r.template()
	if r.err != nil {
		return nil, r.err
	}
	t.pixels = r.pixels
	t.source = slices.Clone(b)
	return t, nil
}

// reader walks a template. After the first error every read answers zero values.
type reader struct {
	doc    *strictjson.Doc
	err    error
	pixels int // of the images so far
}

func (r *reader) fail(n strictjson.Node, format string, args ...any) {
	if r.err == nil {
		r.err = &TemplateError{r.doc.Pointer(n), fmt.Sprintf(format, args...)}
	}
}

// members calls f for each member of an object; f answers false for a name it does not know.
func (r *reader) members(n strictjson.Node, f func(name string, v strictjson.Node) bool) {
	if r.doc.Kind(n) != strictjson.Object {
		r.fail(n, "expected an object, found %s", r.doc.Kind(n))
		return
	}
	for v := r.doc.First(n); v != strictjson.None && r.err == nil; v = r.doc.Next(v) {
		if !f(r.doc.Name(v), v) {
			r.fail(v, "unknown member")
		}
	}
}

func (r *reader) str(n strictjson.Node, most int) string {
	s, ok := r.doc.Str(n)
	if !ok {
		r.fail(n, "expected a string, found %s", r.doc.Kind(n))
	} else if len(s) > most {
		r.fail(n, "expected at most %d bytes, found %d", most, len(s))
	}
	return s
}

func (r *reader) oneOf(n strictjson.Node, allowed ...string) string {
	s := r.str(n, 200)
	if r.err == nil && !slices.Contains(allowed, s) {
		r.fail(n, "expected one of %s, found another value", strings.Join(allowed, ", "))
	}
	return s
}

func (r *reader) num(n strictjson.Node, lo, hi float64) float64 {
	f, ok := r.doc.Float(n)
	if !ok {
		r.fail(n, "expected a number, found %s", r.doc.Kind(n))
	} else if f < lo || f > hi {
		r.fail(n, "expected a number from %g to %g, found another", lo, hi)
	}
	return f
}

func (r *reader) nums(n strictjson.Node, out []float64) {
	if r.doc.Kind(n) != strictjson.Array || r.doc.Len(n) != len(out) {
		r.fail(n, "expected an array of %d numbers", len(out))
		return
	}
	for i := range out {
		out[i] = r.num(r.doc.Index(n, i), -maxPageMM, maxPageMM)
	}
}

func (r *reader) flag(n strictjson.Node) bool {
	v, ok := r.doc.Bool(n)
	if !ok {
		r.fail(n, "expected true or false, found %s", r.doc.Kind(n))
	}
	return v
}

func (r *reader) pattern(n strictjson.Node) pattern {
	p, err := parsePattern(r.str(n, maxFieldBytes))
	if err != nil {
		r.fail(n, "%s", err)
	}
	return p
}

func (r *reader) template() *Template {
	t := &Template{lang: "en", colors: map[string]rgb{}, defaults: map[string]string{}, translations: map[string]map[string]string{}, assets: map[string]*asset{}}
	root := strictjson.Node(0)
	var elements, back strictjson.Node = strictjson.None, strictjson.None
	seen := map[string]bool{}
	r.members(root, func(name string, v strictjson.Node) bool {
		seen[name] = true
		switch name {
		case "format":
			r.oneOf(v, Format)
		case "name":
			t.name = r.str(v, 200)
			if why := badText(t.name, false); why != "" {
				r.fail(v, "%s", why)
			}
		case "lang":
			t.lang = r.lang(v)
		case "page":
			t.page = r.page(v)
		case "colors":
			r.colors(v, t)
		case "defaults":
			r.fields(v, t.defaults)
		case "translations":
			r.translations(v, t)
		case "assets":
			r.members(v, func(name string, v strictjson.Node) bool {
				t.assets[name] = r.asset(v)
				return isFieldName(name) && len(t.assets) <= maxAssets
			})
		case "background":
			back = v
		case "elements":
			elements = v
		default:
			return false
		}
		return true
	})
	for _, name := range []string{"format", "name", "page", "elements"} {
		if !seen[name] {
			r.fail(root, "expected a member %q, found none", name)
		}
	}
	if r.err != nil {
		return nil
	}
	if back != strictjson.None {
		t.background = r.background(back, t)
	}
	r.elements(elements, t)
	return t
}

func (r *reader) colors(n strictjson.Node, t *Template) {
	r.members(n, func(name string, v strictjson.Node) bool {
		c, ok := parseColor(r.str(v, 7))
		if !ok {
			r.fail(v, "expected a colour as #RRGGBB, found another string")
		}
		t.colors[name] = c
		return isFieldName(name) && len(t.colors) <= 64
	})
}

// fields reads the defaults of fields.
func (r *reader) fields(n strictjson.Node, to map[string]string) {
	r.members(n, func(name string, v strictjson.Node) bool {
		s := r.str(v, maxFieldBytes)
		if why := badText(s, true); why != "" {
			r.fail(v, "%s", why)
		}
		to[name] = s
		return isFieldName(name) && !isGiven(name) && len(to) <= maxFields
	})
}

// translations reads the defaults in other languages.
func (r *reader) translations(n strictjson.Node, t *Template) {
	r.members(n, func(tag string, v strictjson.Node) bool {
		if !isLang(tag) || len(tag) > 35 {
			r.fail(v, "expected a BCP 47 language tag, found another string")
			return true
		}
		tag = strings.ToLower(tag)
		if t.translations[tag] != nil {
			r.fail(v, "expected each language once, found one again")
		}
		t.translations[tag] = map[string]string{}
		r.fields(v, t.translations[tag])
		return len(t.translations) <= maxTranslations
	})
}

func (r *reader) elements(n strictjson.Node, t *Template) {
	if r.doc.Kind(n) != strictjson.Array {
		r.fail(n, "expected an array, found %s", r.doc.Kind(n))
		return
	}
	if count := r.doc.Len(n); count > maxElements {
		r.fail(n, "expected at most %d elements, found %d", maxElements, count)
		return
	}
	names, flows := map[string]bool{}, 0
	for v := r.doc.First(n); v != strictjson.None && r.err == nil; v = r.doc.Next(v) {
		e := r.element(v, t)
		if e.kind == kindSignature {
			if names[e.name] {
				r.fail(v, "expected names of signatures to differ, found one twice")
			}
			names[e.name] = true
		}
		if e.flow != nil {
			if flows++; flows > 1 {
				r.fail(v, "expected one list of facts that goes over further pages, found a second")
			}
		}
		t.elements = append(t.elements, e)
	}
}

func (r *reader) lang(n strictjson.Node) string {
	s := r.str(n, 35)
	if !isLang(s) {
		r.fail(n, "expected a BCP 47 language tag, found another string")
	}
	return s
}

// isLang checks the form of a language tag: subtags of one to eight letters or digits.
func isLang(s string) bool {
	for i, sub := range strings.Split(s, "-") {
		if len(sub) == 0 || len(sub) > 8 || i == 0 && (len(sub) < 2 || strings.ContainsAny(sub, "0123456789")) {
			return false
		}
		for _, c := range []byte(sub) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
				return false
			}
		}
	}
	return true
}

func (r *reader) page(n strictjson.Node) pageSize {
	p := pageSize{orientation: "portrait"}
	r.members(n, func(name string, v strictjson.Node) bool {
		switch name {
		case "size":
			p.size = r.oneOf(v, "A4", "Letter")
		case "orientation":
			p.orientation = r.oneOf(v, "portrait", "landscape")
		case "width":
			p.width = r.num(v, minPageMM, maxPageMM)
		case "height":
			p.height = r.num(v, minPageMM, maxPageMM)
		default:
			return false
		}
		return true
	})
	switch {
	case p.size != "" && (p.width != 0 || p.height != 0):
		r.fail(n, "expected either size or width and height, found both")
	case p.size == "" && (p.width == 0 || p.height == 0):
		r.fail(n, "expected a size, or width and height in mm")
	case p.size != "":
		p.width, p.height = pageSizes[p.size][0], pageSizes[p.size][1]
		if p.orientation == "landscape" {
			p.width, p.height = p.height, p.width
		}
	}
	return p
}

func (r *reader) background(n strictjson.Node, t *Template) background {
	var b background
	r.members(n, func(name string, v strictjson.Node) bool {
		switch name {
		case "color":
			b.color = r.color(v, t)
		case "asset":
			b.asset = r.str(v, 64)
			if t.assets[b.asset] == nil {
				r.fail(v, "expected the name of an asset, found another string")
			}
		case "preview":
			b.preview = r.str(v, 64)
			if a := t.assets[b.preview]; a == nil || a.image == nil {
				r.fail(v, "expected the name of an image among the assets, found another string")
			}
		default:
			return false
		}
		return true
	})
	return b
}

func (r *reader) color(n strictjson.Node, t *Template) string {
	s := r.str(n, 64)
	if _, ok := t.colors[s]; !ok {
		r.fail(n, "expected the name of a colour, found another string")
	}
	return s
}

func parseColor(s string) (rgb, bool) {
	if len(s) != 7 || s[0] != '#' {
		return rgb{}, false
	}
	var v [3]uint8
	for i := range 6 {
		c := s[1+i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return rgb{}, false
		}
		v[i/2] = v[i/2]<<4 | c
	}
	return rgb{v[0], v[1], v[2]}, true
}

func (r *reader) asset(n strictjson.Node) *asset {
	a := &asset{}
	var data []byte
	r.members(n, func(name string, v strictjson.Node) bool {
		switch name {
		case "type":
			a.mediaType = r.oneOf(v, "image/png", "image/jpeg", "image/svg+xml", "application/pdf")
		case "data":
			s := r.str(v, maxTemplateBytes)
			var err error
			if data, err = base64.StdEncoding.Strict().DecodeString(s); err != nil {
				r.fail(v, "expected base64 (RFC 4648, section 4, padded), found another string")
			} else if len(data) > maxAssetBytes {
				r.fail(v, "expected at most %d bytes, found %d", maxAssetBytes, len(data))
			}
		default:
			return false
		}
		return true
	})
	if r.err != nil {
		return a
	}
	var err error
	switch a.mediaType {
	case "":
		err = errors.New("expected a type, found none")
	case "application/pdf":
		a.form, err = importPage(data)
	default:
		if r.pixels += pixelCount(data); r.pixels > maxPixels {
			r.fail(n, "expected images of at most %d pixels together", maxPixels)
			return a
		}
		a.image, err = readPicture(data)
		if err == nil && a.image.mediaType != a.mediaType {
			err = fmt.Errorf("expected %s, found %s", a.mediaType, a.image.mediaType)
		}
	}
	if err != nil {
		r.fail(n, "%s", strings.TrimPrefix(err.Error(), "layout: "))
	}
	return a
}
