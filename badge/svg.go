package badge

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/limits"
)

const (
	svgNamespace = "http://www.w3.org/2000/svg"
	xmlNamespace = "xmlns" // what encoding/xml calls the space of namespace declarations
)

// An svgForm is how the badges of a family lie in an SVG. They are found by
// namespace, never by prefix.
type svgForm struct {
	family            family
	namespace, local  string
	preferredPrefixes []string
}

var svgForms = []svgForm{
	{famOB3, "https://purl.imsglobal.org/ob/v3p0", "credential", []string{"openbadges", "ob3"}},
	{famCLR, "https://purl.imsglobal.org/clr/v2p0", "credential", []string{"clr", "clr2"}},
	{famOB2, "http://openbadges.org", "assertion", []string{"openbadges"}},
}

func formOf(name xml.Name) (svgForm, bool) {
	for _, f := range svgForms {
		if name.Space == f.namespace && name.Local == f.local {
			return f, true
		}
	}
	return svgForm{}, false
}

// svgElement is one badge element of an SVG.
type svgElement struct {
	form       svgForm
	start, end int // offsets of the whole element
	verify     string
	hasVerify  bool
	text       []byte
	depth      int // 1 for a child of the root
}

// svgFile is what the one pass over an SVG learns.
type svgFile struct {
	rootEnd     int    // offset behind the root's start tag
	selfClosing bool   // the root is written <svg/>
	rootName    string // as it is written, prefix included
	prefixes    map[string]string
	badges      []svgElement
}

func svgError(code string, offset int, detail string) error {
	return imageError(code, int64(offset), detail)
}

// svgReader walks over an XML document in UTF-8. Document type declarations with a
// subset of their own are refused, others stepped over: entities are never expanded
// and nothing outside the text is read.
type svgReader struct {
	text   []byte
	dec    *xml.Decoder
	fs     *findings
	out    svgFile
	open   []xml.Name
	inside int // index into out.badges of the badge element that is open, -1 without
	done   bool
}

func readSVG(text []byte, fs *findings) (*svgFile, error) {
	r := &svgReader{text: text, dec: xml.NewDecoder(bytes.NewReader(text)), fs: fs, inside: -1}
	r.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // svgText has seen to it
	for tokens := 0; ; tokens++ {
		at := int(r.dec.InputOffset())
		t, err := r.dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, xmlError(err, int(r.dec.InputOffset()))
		}
		if tokens > maxXMLTokens {
			return nil, svgError("svg_too_many_tokens", at, fmt.Sprintf("expected at most %d tags and texts", maxXMLTokens))
		}
		if raw := text[at:r.dec.InputOffset()]; bytes.Contains(raw, []byte("&#")) && !bytes.HasPrefix(raw, []byte("<!")) && noCharacter.Match(raw) {
			return nil, svgError("svg_syntax", at, "expected references to characters of XML")
		}
		if err := r.token(t, at); err != nil {
			return nil, err
		}
	}
	if !r.done {
		return nil, svgError("svg_syntax", len(text), "expected one svg element")
	}
	return &r.out, nil
}

// noCharacter finds references to halves of characters, in the place of which the decoder gives
// another one. Comments, declarations and CDATA sections hold no references.
var noCharacter = regexp.MustCompile(`&#(?:x0*[dD][89a-fA-F][0-9a-fA-F]{2}|0*(?:5529[6-9]|55[3-9][0-9]{2}|56[0-9]{3}|57[0-2][0-9]{2}|573[0-3][0-9]|5734[0-3]));`)

func xmlError(err error, at int) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) && strings.Contains(syntax.Msg, "entity") {
		return svgError("svg_entity", at, "expected no entities but the five of XML: none is ever expanded")
	}
	return svgError("svg_syntax", at, "expected well-formed XML")
}

func (r *svgReader) token(t xml.Token, at int) error {
	switch t := t.(type) {
	case xml.StartElement:
		return r.start(t, at)
	case xml.EndElement:
		r.open = r.open[:len(r.open)-1]
		if r.inside >= 0 && len(r.open) == r.out.badges[r.inside].depth {
			r.out.badges[r.inside].end = int(r.dec.InputOffset())
			r.inside = -1
		}
		r.done = len(r.open) == 0
	case xml.CharData:
		if len(r.open) == 0 && len(bytes.Trim(t, " \t\r\n\ufeff")) > 0 {
			return svgError("svg_syntax", at, "expected no text outside of the svg element")
		}
		if r.inside >= 0 {
			e := &r.out.badges[r.inside]
			if e.text = append(e.text, t...); len(e.text) > limits.DocumentBytes {
				return svgError("payload_too_large", at, "expected a smaller badge")
			}
		}
	case xml.ProcInst:
		if t.Target == "xml" && at != 0 {
			return svgError("svg_syntax", at, "expected the XML declaration at the very beginning")
		}
	case xml.Directive:
		if !bytes.HasPrefix(t, []byte("DOCTYPE")) || len(r.open) > 0 || r.done {
			return svgError("svg_syntax", at, "expected no declaration here")
		}
		if bytes.ContainsAny(t, "[]<>") {
			return svgError("svg_doctype", at, "expected no document type declaration with declarations of its own")
		}
		r.fs.add(Note, "svg_doctype_ignored", "", "the document type declaration is stepped over; nothing it names is read")
	}
	return nil
}

func (r *svgReader) start(t xml.StartElement, at int) error {
	if r.done {
		return svgError("svg_syntax", at, "expected one svg element, found another element behind it")
	}
	if len(r.open) >= maxXMLDepth {
		return svgError("svg_too_deep", at, fmt.Sprintf("expected at most %d levels of elements", maxXMLDepth))
	}
	if len(t.Attr) > maxXMLAttributes {
		return svgError("svg_too_many_attributes", at, fmt.Sprintf("expected at most %d attributes", maxXMLAttributes))
	}
	for i, a := range t.Attr {
		if slices.ContainsFunc(t.Attr[:i], func(b xml.Attr) bool { return a.Name == b.Name }) {
			return svgError("svg_syntax", at, "expected unique attributes")
		}
	}
	if !qualified(t) {
		return svgError("svg_namespace", at, "expected every prefix to be declared, with an absolute namespace name")
	}
	depth := len(r.open)
	r.open = append(r.open, t.Name)
	if r.inside >= 0 {
		return svgError("svg_badge_children", at, "expected only text inside of the badge element")
	}
	if depth == 0 {
		return r.root(t, at)
	}
	form, ok := formOf(t.Name)
	if !ok {
		return nil
	}
	e := svgElement{form: form, start: at, depth: depth}
	for _, a := range t.Attr {
		if a.Name == (xml.Name{Local: "verify"}) {
			e.verify, e.hasVerify = a.Value, true
		}
	}
	r.out.badges = append(r.out.badges, e)
	r.inside = len(r.out.badges) - 1
	return nil
}

// qualified tells whether every prefix of a tag is declared. The decoder leaves an
// undeclared prefix in place of the namespace; a prefix cannot hold a colon, so that
// asking for one in every namespace name tells the two apart. An undeclared prefix
// would come to life when Bake declares it.
func qualified(t xml.StartElement) bool {
	good := func(n xml.Name) bool {
		return (n.Space == "" || strings.Contains(n.Space, ":")) && !strings.Contains(n.Local, ":")
	}
	if !good(t.Name) {
		return false
	}
	for _, a := range t.Attr {
		declares := a.Name.Space == xmlNamespace || a.Name == (xml.Name{Local: xmlNamespace})
		if declares && a.Value != "" && !strings.Contains(a.Value, ":") || !declares && !good(a.Name) {
			return false
		}
	}
	return true
}

func (r *svgReader) root(t xml.StartElement, at int) error {
	if t.Name != (xml.Name{Space: svgNamespace, Local: "svg"}) {
		return svgError("svg_root", 0, "expected an svg element of the SVG namespace as the root")
	}
	r.out.rootEnd = int(r.dec.InputOffset())
	r.out.selfClosing = bytes.HasSuffix(r.text[:r.out.rootEnd], []byte("/>"))
	tag := r.text[at+1 : r.out.rootEnd]
	r.out.rootName = string(tag[:bytes.IndexAny(tag, " \t\r\n/>")])
	r.out.prefixes = map[string]string{}
	for _, a := range t.Attr {
		if a.Name.Space == xmlNamespace {
			r.out.prefixes[a.Name.Local] = a.Value
		}
	}
	return nil
}

// svgBadges finds the badges in an SVG.
func svgBadges(b []byte, fs *findings) ([]place, error) {
	text, _, err := svgText(b)
	if err != nil {
		return nil, err
	}
	f, err := readSVG(text, fs)
	if err != nil {
		return nil, err
	}
	var found []place
	for _, e := range f.badges {
		if e.depth != 1 {
			fs.add(Warning, "svg_badge_nested", "", "the badge element is not a child of the svg element")
		}
		p, err := e.place(fs)
		if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, nil
}

// place takes the badge from a badge element: the body wins where it holds one, since
// in Open Badges 2.0 both may stand, and the attribute verify is then only an address.
func (e *svgElement) place(fs *findings) (place, error) {
	p := place{family: e.form.family, offset: int64(e.start), where: "element " + e.form.local + " of " + e.form.namespace}
	body := bytes.Trim(e.text, " \t\r\n")
	switch {
	case len(body) > 0:
		p.text = body
		if _, err := jwsKind([]byte(strings.TrimSpace(e.verify))); err == nil && e.form.family != famOB2 { // others read that one first
			return p, duplicateBadge(e.form.family, int64(e.start))
		}
		if e.hasVerify && e.form.family != famOB2 {
			fs.add(Warning, "svg_verify_beside_body", "", "the badge element has a body and an attribute verify; the body is read")
		}
	case e.hasVerify && strings.TrimSpace(e.verify) != "":
		p.text, p.where = []byte(e.verify), p.where+", attribute verify"
	default:
		return p, svgError("payload_empty", e.start, "expected a badge in the badge element, as body or as attribute verify")
	}
	return p, nil
}

// bakeSVG puts the badge element directly behind the root's start tag and declares
// its namespace there.
func bakeSVG(b []byte, fam family, s chancery.Secured, opt BakeOptions) ([]byte, error) {
	text, enc, err := svgText(b)
	if err != nil {
		return nil, err
	}
	f, err := readSVG(text, new(findings))
	if err != nil {
		return nil, err
	}
	if len(f.badges) > 0 && !opt.Overwrite {
		return nil, ErrAlreadyBaked
	}
	form := svgForms[slices.IndexFunc(svgForms, func(f svgForm) bool { return f.family == fam })]
	prefix, declared := prefixFor(form, f.prefixes)
	element, err := badgeElement(prefix+":"+form.local, s)
	if err != nil {
		return nil, err
	}
	tagEnd := f.rootEnd - 1 // where a declaration goes: before ">" or "/>"
	if f.selfClosing {
		tagEnd--
	}
	out := make([]byte, 0, len(text)+len(element)+128)
	out = append(out, text[:tagEnd]...)
	if !declared {
		out = append(out, ` xmlns:`+prefix+`="`+form.namespace+`"`...)
	}
	out = append(append(out, '>'), element...)
	if f.selfClosing {
		out = append(out, "</"+f.rootName+">"...)
	}
	at := f.rootEnd
	for _, e := range f.badges { // in document order, and never inside each other
		out = append(out, text[at:e.start]...)
		at = e.end
	}
	out = append(out, text[at:]...)
	if out = enc.encode(out); len(out) > maxSVGBytes {
		return nil, imageError("image_too_large", 0, fmt.Sprintf("expected image and badge to stay within %d bytes", maxSVGBytes))
	}
	if _, _, err := svgText(out); err != nil { // an ASCII image under another encoding, and a badge that is more
		return nil, err
	}
	return out, nil
}

// prefixFor returns the prefix that the root binds to the form's namespace, or one
// that it leaves free.
func prefixFor(form svgForm, bound map[string]string) (prefix string, declared bool) {
	for p, ns := range bound {
		if ns == form.namespace && (prefix == "" || p < prefix) {
			prefix, declared = p, true
		}
	}
	if declared {
		return prefix, true
	}
	for _, p := range form.preferredPrefixes {
		if _, taken := bound[p]; !taken {
			return p, false
		}
	}
	for i := 1; ; i++ {
		p := fmt.Sprintf("badge%d", i)
		if _, taken := bound[p]; !taken {
			return p, false
		}
	}
}

// jsonInXML escapes what ends a CDATA section, or is no character of XML. Both can
// stand only within a JSON string, where the escape means the same.
var jsonInXML = strings.NewReplacer("]]>", `]]\u003e`, "\ufffe", `\ufffe`, "\uffff", `\uffff`)

// badgeElement writes a JWS as attribute verify, and JSON as one CDATA section.
func badgeElement(name string, s chancery.Secured) ([]byte, error) {
	if isJWS(s) {
		return []byte("<" + name + ` verify="` + string(s.Bytes) + `"></` + name + ">"), nil
	}
	body := []byte(jsonInXML.Replace(string(s.Bytes)))
	return slices.Concat([]byte("<"+name+"><![CDATA["), body, []byte("]]></"+name+">")), nil
}
