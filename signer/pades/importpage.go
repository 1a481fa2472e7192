package pades

import (
	"bytes"
	"io"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// maxImported bounds the objects a drawn page may need.
const maxImported = 4096

// importPage copies the first page of a document as a form object and returns its size.
func importPage(up *pdf.Update, file []byte) (pdf.Ref, float64, float64, error) {
	doc, err := pdf.Open(bytes.NewReader(file), int64(len(file)), pdf.Options{})
	if err != nil {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "Appearance.PDF")
	}
	rev := doc.Latest()
	var page *pdf.Page
	if err := rev.Pages(func(p *pdf.Page) bool { page = p; return false }); err != nil || page == nil {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "Appearance.PDF has no page that can be read")
	}
	box, err := rev.NumbersAt(pdf.NewDict(pdf.Name("B"), page.Attribute("MediaBox")), "B")
	if err != nil || len(box) != 4 {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "Appearance.PDF: page without a size")
	}
	w, h := box[2]-box[0], box[3]-box[1]
	if !(w > 0 && h > 0 && w <= maxBox && h <= maxBox) {
		return pdf.Ref{}, 0, 0, fail(BadAppearance, "Appearance.PDF: page of an impossible size")
	}
	r, err := rev.Content(page.Dict, maxImageBytes)
	if err != nil {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "Appearance.PDF")
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return pdf.Ref{}, 0, 0, wrap(BadAppearance, err, "Appearance.PDF")
	}
	c := copier{up: up, rev: rev, done: make(map[pdf.Ref]pdf.Ref)}
	resources := page.Attribute("Resources")
	if resources == nil {
		resources = pdf.NewDict()
	}
	if resources, err = c.copy(resources, 0); err != nil {
		return pdf.Ref{}, 0, 0, err
	}
	d := pdf.NewDict(pdf.Name("Type"), pdf.Name("XObject"), pdf.Name("Subtype"), pdf.Name("Form"), pdf.Name("BBox"), rectangle([4]float64(box)),
		pdf.Name("Matrix"), pdf.NewArray(pdf.Integer(1), pdf.Integer(0), pdf.Integer(0), pdf.Integer(1), number(-box[0]), number(-box[1])),
		pdf.Name("Resources"), resources, pdf.Name("Filter"), pdf.Name("FlateDecode"))
	return up.Add(pdf.NewStream(d, pdf.Deflate(content))), w, h, nil
}

// copier copies objects from one document to another, each once.
type copier struct {
	up   *pdf.Update
	rev  *pdf.Revision
	done map[pdf.Ref]pdf.Ref
}

func (c *copier) copy(o pdf.Object, depth int) (pdf.Object, error) {
	if depth > 64 {
		return nil, fail(BadAppearance, "Appearance.PDF: resources nested too deeply")
	}
	switch o := o.(type) {
	case pdf.Ref:
		return c.ref(o, depth)
	case *pdf.Array:
		out := pdf.NewArray()
		for _, item := range o.All() {
			v, err := c.copy(item, depth+1)
			if err != nil {
				return nil, err
			}
			out.Append(v)
		}
		return out, nil
	case *pdf.Dict:
		out := pdf.NewDict()
		for k, item := range o.All() {
			if k == "Parent" || k == "StructParent" || k == "StructParents" {
				continue // would drag the whole document along
			}
			v, err := c.copy(item, depth+1)
			if err != nil {
				return nil, err
			}
			out.Set(k, v)
		}
		return out, nil
	case *pdf.Stream:
		d, err := c.copy(o.Dict, depth+1)
		if err != nil {
			return nil, err
		}
		r, err := o.Raw()
		if err != nil {
			return nil, wrap(BadAppearance, err, "Appearance.PDF")
		}
		data, err := io.ReadAll(io.LimitReader(r, maxImageBytes+1))
		if err != nil {
			return nil, wrap(BadAppearance, err, "Appearance.PDF")
		}
		if len(data) > maxImageBytes {
			return nil, fail(TooLarge, "Appearance.PDF: stream of more than %d bytes", maxImageBytes)
		}
		return pdf.NewStream(d.(*pdf.Dict), data), nil
	}
	return o, nil
}

func (c *copier) ref(ref pdf.Ref, depth int) (pdf.Object, error) {
	if to, ok := c.done[ref]; ok {
		return to, nil
	}
	if len(c.done) >= maxImported {
		return nil, fail(TooLarge, "Appearance.PDF: page of more than %d objects", maxImported)
	}
	to := c.up.Alloc()
	c.done[ref] = to
	o, err := c.rev.Get(ref)
	if err != nil {
		return nil, wrap(BadAppearance, err, "Appearance.PDF")
	}
	copied, err := c.copy(o, depth+1)
	if err != nil {
		return nil, err
	}
	if err := c.up.Set(to, copied); err != nil {
		return nil, wrap(BadAppearance, err, "Appearance.PDF")
	}
	return to, nil
}
