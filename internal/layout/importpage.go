package layout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// importedPage is a page of another document, made a form: its content, and copies of the
// objects it needs. References lead to objects[Num-1].
type importedPage struct {
	width, height float64 // points
	origin        point
	content       []byte // compressed
	resources     *pdf.Dict
	group         *pdf.Dict // transparency group, or nil
	objects       []pdf.Object
}

// importPage takes the only page of a document as a background. What would make the
// result something else than PDF/A is refused by name: encryption, fonts that are not
// embedded, CMYK without a profile, LZW, JPEG 2000, optional content.
func importPage(b []byte) (*importedPage, error) {
	doc, err := pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Options{Limits: pdf.Limits{StreamBytes: maxImportedBytes, InflateBytes: 4 * maxImportedBytes, Entries: 100_000}})
	if err != nil {
		return nil, fmt.Errorf("expected a sound PDF: %w", err)
	}
	if doc.Encrypted() {
		return nil, errors.New("expected a PDF that is not encrypted, found an encrypted one")
	}
	if err := doc.Check(); err != nil {
		return nil, fmt.Errorf("expected a sound PDF: %w", err)
	}
	im := &importer{rev: doc.Latest(), seen: map[pdf.Ref]pdf.Ref{}, out: &importedPage{}}
	var page *pdf.Page
	n := 0
	if err := im.rev.Pages(func(p *pdf.Page) bool { page, n = p, n+1; return n < 2 }); err != nil {
		return nil, fmt.Errorf("expected a sound PDF: %w", err)
	}
	if n != 1 {
		return nil, errors.New("expected a PDF of one page, found another number")
	}
	if err := im.page(page); err != nil {
		return nil, err
	}
	return im.out, nil
}

type importer struct {
	rev   *pdf.Revision
	seen  map[pdf.Ref]pdf.Ref
	out   *importedPage
	bytes int
}

func (im *importer) page(p *pdf.Page) error {
	attrs := pdf.NewDict()
	for _, key := range []pdf.Name{"MediaBox", "CropBox", "Rotate", "Resources"} {
		if v := p.Attribute(key); v != nil {
			attrs.Set(key, v)
		}
	}
	if turn, err := im.rev.IntAt(attrs, "Rotate"); err != nil || turn%360 != 0 {
		return errors.New("expected a page that is not rotated, found a rotated one")
	}
	key := pdf.Name("MediaBox")
	if attrs.Has("CropBox") {
		key = "CropBox"
	}
	box, err := im.rev.NumbersAt(attrs, key)
	if err != nil || len(box) != 4 {
		return errors.New("expected a page with a MediaBox of four numbers, found another")
	}
	lo, hi := point{math.Min(box[0], box[2]), math.Min(box[1], box[3])}, point{math.Max(box[0], box[2]), math.Max(box[1], box[3])}
	im.out.origin, im.out.width, im.out.height = lo, hi.X-lo.X, hi.Y-lo.Y
	if !(im.out.width >= 10 && im.out.height >= 10 && im.out.width < 15000 && im.out.height < 15000) {
		return errors.New("expected a page of 10 to 15000 points, found another size")
	}
	r, err := im.rev.Content(p.Dict, maxImportedBytes)
	if err != nil {
		return fmt.Errorf("expected a sound PDF: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxImportedBytes+1))
	if err != nil {
		return fmt.Errorf("expected a sound PDF: %w", err)
	}
	if len(data) > maxImportedBytes {
		return fmt.Errorf("expected at most %d bytes of content, found more", maxImportedBytes)
	}
	if err := checkContent(data); err != nil {
		return err
	}
	im.out.content = pdf.Deflate(data)
	res, err := im.rev.DictAt(attrs, "Resources")
	if err != nil {
		return fmt.Errorf("expected a sound PDF: %w", err)
	}
	im.out.resources = pdf.NewDict()
	if res != nil {
		if im.out.resources, err = im.dict(res, 0); err != nil {
			return err
		}
	}
	if g, err := im.rev.DictAt(p.Dict, "Group"); err == nil && g != nil {
		if im.out.group, err = im.dict(g, 0); err != nil {
			return err
		}
	}
	return nil
}

var errCMYK = errors.New("expected colours in RGB, gray or with a profile, found DeviceCMYK")

// checkContent looks for what the page's colour profile does not cover.
func checkContent(data []byte) error {
	sc := pdf.NewContentScanner(bytes.NewReader(data), pdf.Limits{})
	depth := 0
	for {
		o, err := sc.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("expected sound page content: %w", err)
		}
		switch o.Operator {
		case "k", "K":
			return errCMYK
		case "q":
			if depth++; depth > 24 {
				return errors.New("expected graphics states nested at most 24 deep, found deeper")
			}
		case "Q":
			if depth--; depth < 0 {
				return errors.New("expected as many q as Q in the page content, found more Q")
			}
		case "cs", "CS":
			if len(o.Operands) == 1 && o.Operands[0] == pdf.Name("DeviceCMYK") {
				return errCMYK
			}
		case "BI":
			return errors.New("expected images as objects, found one inline")
		}
	}
	if depth != 0 {
		return errors.New("expected as many q as Q in the page content, found more q")
	}
	return nil
}

// droppedKeys lead out of the page or mean nothing in a form.
var droppedKeys = map[pdf.Name]bool{"Metadata": true, "PieceInfo": true, "StructParent": true, "StructParents": true, "OPI": true, "Alternates": true,
	"AF": true, "LastModified": true, "Interpolate": true, "Thumb": true, "ID": true, "Parent": true, "Properties": true, "ProcSet": true}

func (im *importer) copy(o pdf.Object, depth int) (pdf.Object, error) {
	if depth > 32 {
		return nil, errors.New("expected objects nested at most 32 deep, found deeper")
	}
	switch o := o.(type) {
	case pdf.Ref:
		if to, ok := im.seen[o]; ok {
			return to, nil
		}
		if len(im.out.objects) >= maxImportedObjects {
			return nil, fmt.Errorf("expected a page of at most %d objects, found more", maxImportedObjects)
		}
		im.out.objects = append(im.out.objects, nil)
		to := pdf.Ref{Num: uint32(len(im.out.objects))}
		im.seen[o] = to
		v, err := im.rev.Get(o)
		if err != nil {
			return nil, fmt.Errorf("expected a sound PDF: %w", err)
		}
		c, err := im.copy(v, depth+1)
		im.out.objects[to.Num-1] = c
		return to, err
	case *pdf.Array:
		out := pdf.NewArray()
		for _, v := range o.All() {
			c, err := im.copy(v, depth+1)
			if err != nil {
				return nil, err
			}
			out.Append(c)
		}
		return out, nil
	case *pdf.Dict:
		return im.dict(o, depth)
	case *pdf.Stream:
		return im.stream(o, depth)
	case pdf.Name:
		switch o {
		case "DeviceCMYK":
			return nil, errCMYK
		}
		return o, nil
	}
	return pdf.Clone(o), nil
}

func (im *importer) dict(d *pdf.Dict, depth int) (*pdf.Dict, error) {
	if err := im.allowed(d); err != nil {
		return nil, err
	}
	out := pdf.NewDict()
	for k, v := range d.All() {
		if droppedKeys[k] {
			continue
		}
		c, err := im.copy(v, depth+1)
		if err != nil {
			return nil, err
		}
		out.Set(k, c)
	}
	return out, nil
}

// allowed refuses what ISO 19005-3 forbids, as far as a background may hold it.
func (im *importer) allowed(d *pdf.Dict) error {
	kind, _ := im.rev.NameAt(d, "Type")
	sub, _ := im.rev.NameAt(d, "Subtype")
	switch {
	case d.Has("OC") || kind == "OCG" || kind == "OCMD":
		return errors.New("expected a page without optional content, found some")
	case d.Has("TR") || d.Has("HTP"):
		return errors.New("expected a page without transfer functions, found one")
	case sub == "PS" || d.Has("Subtype2"):
		return errors.New("expected a page without PostScript, found some")
	case kind == "Font" && sub == "Type3":
		return errors.New("expected fonts of outlines, found one of drawings (Type 3)")
	case kind == "Font" && sub != "Type0":
		fd, err := im.rev.DictAt(d, "FontDescriptor")
		if err != nil || fd == nil || !fd.Has("FontFile") && !fd.Has("FontFile2") && !fd.Has("FontFile3") {
			return errors.New("expected a page whose fonts are embedded, found one that is not")
		}
	}
	return nil
}

func (im *importer) stream(s *pdf.Stream, depth int) (pdf.Object, error) {
	if s.Dict.Has("F") || s.Dict.Has("FFilter") {
		return nil, errors.New("expected streams within the file, found one outside")
	}
	filters, err := s.Filters()
	if err != nil {
		return nil, fmt.Errorf("expected a sound PDF: %w", err)
	}
	for _, f := range filters {
		switch f {
		case "LZWDecode", "JPXDecode", "Crypt":
			return nil, fmt.Errorf("expected streams without the filter %s, found one with it", f)
		}
	}
	r, err := s.Raw()
	if err != nil {
		return nil, fmt.Errorf("expected a sound PDF: %w", err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("expected a sound PDF: %w", err)
	}
	if im.bytes += len(data); im.bytes > maxImportedBytes {
		return nil, fmt.Errorf("expected at most %d bytes of streams, found more", maxImportedBytes)
	}
	if sub, _ := im.rev.NameAt(s.Dict, "Subtype"); sub == "Form" || s.Dict.Has("PatternType") {
		content, err := s.Decode(maxImportedBytes)
		if err != nil {
			return nil, fmt.Errorf("expected a sound PDF: %w", err)
		}
		if err := checkContent(content); err != nil {
			return nil, err
		}
	}
	d, err := im.dict(s.Dict, depth)
	if err != nil {
		return nil, err
	}
	return pdf.NewStream(d, data), nil
}

// imported writes the form and what it needs, once.
func (w *pdfWriter) imported(f *importedPage) pdf.Name {
	w.clear = true // for all that is known
	refs := make([]pdf.Ref, len(f.objects))
	for i := range refs {
		refs[i] = w.b.Alloc()
	}
	for i, o := range f.objects {
		w.b.Set(refs[i], moved(o, refs))
	}
	d := pdf.NewDict(pdf.Name("Type"), pdf.Name("XObject"), pdf.Name("Subtype"), pdf.Name("Form"),
		pdf.Name("BBox"), reals(f.origin.X, f.origin.Y, f.origin.X+f.width, f.origin.Y+f.height),
		pdf.Name("Matrix"), reals(1, 0, 0, 1, -f.origin.X, -f.origin.Y),
		pdf.Name("Resources"), moved(f.resources, refs), pdf.Name("Filter"), pdf.Name("FlateDecode"))
	if f.group != nil {
		d.Set("Group", moved(f.group, refs))
	}
	name := pdf.Name(fmt.Sprintf("X%d", w.xobject.Len()))
	w.xobject.Set(name, w.b.Add(pdf.NewStream(d, f.content)))
	return name
}

// moved copies an object with its references changed; the template's own stays as it is.
func moved(o pdf.Object, refs []pdf.Ref) pdf.Object {
	switch o := o.(type) {
	case pdf.Ref:
		return refs[o.Num-1]
	case *pdf.Array:
		out := pdf.NewArray()
		for _, v := range o.All() {
			out.Append(moved(v, refs))
		}
		return out
	case *pdf.Dict:
		out := pdf.NewDict()
		for k, v := range o.All() {
			out.Set(k, moved(v, refs))
		}
		return out
	case *pdf.Stream:
		s := *o // the data are shared and not written to
		s.Dict = moved(o.Dict, refs).(*pdf.Dict)
		return &s
	case nil:
		return pdf.Null{}
	}
	return o
}
