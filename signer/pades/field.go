package pades

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// Flags of a widget (ISO 32000-2, table 167): printed, and kept from being moved by hand.
const widgetFlags = 4 | 128

// Flags of /SigFlags (ISO 32000-2, table 225): there are signatures, and only appending keeps them.
const sigFlags = 1 | 2

// slot is the field a signature goes into.
type slot struct {
	name    string
	isNew   bool
	field   *pdf.Field // of an existing one
	page    pdf.Ref
	rotate  int
	rect    [4]float64 // zero size: invisible
	visible bool
}

// chooseSlot finds the field to fill, or decides what new one to make. kind is the word new names begin with.
func (in *input) chooseSlot(name string, mustExist bool, kind string) (*slot, error) {
	if len(name) > maxFieldName || !utf8.ValidString(name) {
		return nil, fail(BadConfig, "field name of %d bytes, at most %d of UTF-8 are taken", len(name), maxFieldName)
	}
	if name == "" {
		if mustExist {
			return nil, fail(BadConfig, "MustExist without the name of a field")
		}
		return &slot{name: in.unusedName(kind), isNew: true}, nil
	}
	for i := range in.fields {
		f := &in.fields[i]
		if f.Name != name {
			if strings.HasPrefix(f.Name, name+".") || strings.HasPrefix(name, f.Name+".") && f.Terminal {
				return nil, fail(FieldKind, "the name given is, or is below, that of another field")
			}
			continue
		}
		if f.FT != "Sig" || !f.Terminal {
			return nil, fail(FieldKind, "the field of that name is no signature field")
		}
		if o, err := in.doc.Latest().Resolve(f.V); err != nil {
			return nil, wrap(BadForm, err, "value of a signature field")
		} else if _, null := o.(pdf.Null); o != nil && !null {
			return nil, fail(FieldSigned, "the field of that name is signed")
		}
		return in.existingSlot(f)
	}
	if mustExist {
		return nil, fail(FieldNotFound, "no field of that name")
	}
	if strings.Contains(name, ".") {
		return nil, fail(FieldNotFound, "no field of that name, and a new field cannot have a full stop in its name")
	}
	return &slot{name: name, isNew: true}, nil
}

func (in *input) unusedName(kind string) string {
	used := make(map[string]bool, len(in.fields))
	for i := range in.fields {
		top, _, _ := strings.Cut(in.fields[i].Name, ".")
		used[top] = true
	}
	for n := 1; ; n++ {
		if name := kind + strconv.Itoa(n); !used[name] {
			return name
		}
	}
}

// existingSlot finds rectangle and page of an empty field.
func (in *input) existingSlot(f *pdf.Field) (*slot, error) {
	if f.Ref == (pdf.Ref{}) {
		return nil, fail(BadForm, "the signature field is not an indirect object")
	}
	if len(f.Widgets) > 1 {
		return nil, fail(BadForm, "a signature field with %d widgets, one is allowed", len(f.Widgets))
	}
	s := &slot{name: f.Name, field: f}
	if len(f.Widgets) == 0 {
		return s, nil
	}
	w := f.Widgets[0]
	if w.Ref == (pdf.Ref{}) {
		return nil, fail(BadForm, "the widget of the signature field is not an indirect object")
	}
	rect, err := in.doc.Latest().NumbersAt(w.Dict, "Rect")
	if err != nil {
		return nil, wrap(BadForm, err, "rectangle of the signature field")
	}
	if len(rect) == 4 {
		s.rect = [4]float64{min(rect[0], rect[2]), min(rect[1], rect[3]), max(rect[0], rect[2]), max(rect[1], rect[3])}
		s.visible = s.rect[2] > s.rect[0] && s.rect[3] > s.rect[1]
	}
	return s, nil
}

// findPage returns page number index, or with a widget the page that has it or that it names.
func (in *input) findPage(index int, widget *pdf.Widget) (*pdf.Page, bool, error) {
	rev := in.doc.Latest()
	var named pdf.Ref
	if widget != nil {
		named, _ = widget.Dict.Get("P").(pdf.Ref)
	}
	var found *pdf.Page
	var listed bool
	var inner error
	last := -1
	err := rev.Pages(func(p *pdf.Page) bool {
		last = p.Index
		if widget == nil {
			if p.Index == index {
				found = p
			}
			return found == nil
		}
		annots, err := rev.ArrayAt(p.Dict, "Annots")
		if err != nil {
			inner = err
			return false
		}
		if annots != nil {
			for _, a := range annots.All() {
				if a == widget.Ref {
					found, listed = p, true
					return false
				}
			}
		}
		if p.Ref == named {
			found = p
		}
		return true
	})
	if err == nil {
		err = inner
	}
	switch {
	case err != nil:
		return nil, false, wrap(BadForm, err, "page tree")
	case found == nil && widget != nil:
		return nil, false, fail(BadForm, "the widget of the signature field is on no page")
	case found == nil:
		return nil, false, fail(BadConfig, "page %d asked for, the document has %d", index+1, last+1)
	}
	return found, listed, nil
}

// place puts the signature into its field: the field and widget, the page's /Annots, /Fields and
// /SigFlags of the form. What is there already keeps its number, generation and keys.
func (in *input) place(up *pdf.Update, s *slot, sig pdf.Ref, pageIndex int, edit func(field, widget *pdf.Dict) error) error {
	var page *pdf.Page
	var listed bool
	var err error
	var fieldRef, widgetRef pdf.Ref
	var field, widget *pdf.Dict
	if s.isNew {
		if page, _, err = in.findPage(pageIndex, nil); err != nil {
			return err
		}
		field = pdf.NewDict(pdf.Name("Type"), pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Widget"), pdf.Name("FT"), pdf.Name("Sig"),
			pdf.Name("T"), pdf.EncodeText(s.name), pdf.Name("F"), pdf.Integer(widgetFlags), pdf.Name("Rect"), rectangle(s.rect), pdf.Name("P"), page.Ref)
		fieldRef = up.Add(field)
		widget, widgetRef = field, fieldRef
	} else {
		fieldRef = s.field.Ref
		if field, err = up.Edit(fieldRef); err != nil {
			return wrap(BadForm, err, "signature field")
		}
		if len(s.field.Widgets) == 1 {
			w := s.field.Widgets[0]
			widgetRef = w.Ref
			if page, listed, err = in.findPage(0, &w); err != nil {
				return err
			}
			if widget, err = up.Edit(widgetRef); err != nil {
				return wrap(BadForm, err, "widget of the signature field")
			}
		} else { // a field without any widget becomes its own (ISO 32000-2, 12.5.6.19)
			if page, _, err = in.findPage(pageIndex, nil); err != nil {
				return err
			}
			widget, widgetRef = field, fieldRef
			for _, kv := range []struct {
				k pdf.Name
				v pdf.Object
			}{{"Type", pdf.Name("Annot")}, {"Subtype", pdf.Name("Widget")}, {"F", pdf.Integer(widgetFlags)}, {"Rect", rectangle(s.rect)}, {"P", page.Ref}} {
				widget.Set(kv.k, kv.v)
			}
		}
	}
	field.Set("V", sig)
	s.page = page.Ref
	turned, err := up.Resolve(page.Attribute("Rotate"))
	if err != nil {
		return wrap(BadForm, err, "rotation of the page")
	}
	if r, ok := turned.(pdf.Integer); ok {
		s.rotate = int((r%360 + 360) % 360)
	}
	if err := edit(field, widget); err != nil {
		return err
	}
	if err := in.tag(up, s, page, widgetRef, widget); err != nil {
		return err
	}
	if !listed {
		if err := appendTo(up, page.Ref, "Annots", widgetRef); err != nil {
			return err
		}
	}
	return in.editForm(up, s, fieldRef)
}

func rectangle(r [4]float64) *pdf.Array {
	a := pdf.NewArray()
	for _, v := range r {
		a.Append(number(v))
	}
	return a
}

// number writes whole numbers as integers, and others with three decimals.
func number(v float64) pdf.Object {
	if v == float64(int64(v)) {
		return pdf.Integer(int64(v))
	}
	f, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', 3, 64), 64)
	if err != nil {
		return pdf.Integer(0)
	}
	return pdf.Real(f)
}

// appendTo appends to the array under a key of an object, where it lies: in the dictionary or in an object of its own.
func appendTo(up *pdf.Update, owner pdf.Ref, key pdf.Name, item pdf.Object) error {
	d, err := up.Edit(owner)
	if err != nil {
		return wrap(BadForm, err, string(key))
	}
	return appendIn(up, d, key, item)
}

func appendIn(up *pdf.Update, d *pdf.Dict, key pdf.Name, item pdf.Object) error {
	old, err := up.ArrayAt(d, key)
	if err != nil {
		return wrap(BadForm, err, string(key))
	}
	if old == nil {
		d.Set(key, pdf.NewArray(item))
		return nil
	}
	list := old.Clone()
	list.Append(item)
	return replaceIn(up, d, key, list)
}

// replaceIn puts another array where the one is that d has under key.
func replaceIn(up *pdf.Update, d *pdf.Dict, key pdf.Name, list *pdf.Array) error {
	// The last reference of a chain is the object to replace; chains of references are rare but legal.
	ref, ok := d.Get(key).(pdf.Ref)
	if !ok {
		d.Set(key, list)
		return nil
	}
	for {
		o, err := up.Get(ref)
		if err != nil {
			return wrap(BadForm, err, string(key))
		}
		next, ok := o.(pdf.Ref)
		if !ok {
			break
		}
		ref = next
	}
	if err := up.Set(ref, list); err != nil {
		return wrap(BadForm, err, string(key))
	}
	return nil
}

// editForm lists a new field and sets the flags. Only /Fields and /SigFlags change.
func (in *input) editForm(up *pdf.Update, s *slot, field pdf.Ref) error {
	form, ref, err := up.AcroForm()
	if err != nil {
		return wrap(BadForm, err, "")
	}
	if form == nil {
		form = pdf.NewDict(pdf.Name("Fields"), pdf.NewArray(field), pdf.Name("SigFlags"), pdf.Integer(sigFlags))
		cat, err := editCatalog(up)
		if err != nil {
			return err
		}
		cat.Set("AcroForm", up.Add(form))
		return nil
	}
	flags, err := up.IntAt(form, "SigFlags")
	if err != nil {
		return wrap(BadForm, err, "SigFlags")
	}
	if !s.isNew && flags&sigFlags == sigFlags {
		return nil
	}
	if flags&sigFlags != sigFlags || ref == (pdf.Ref{}) || !isRef(form.Get("Fields")) {
		if form, err = editForm(up, ref); err != nil {
			return err
		}
	}
	if flags&sigFlags != sigFlags {
		form.Set("SigFlags", pdf.Integer(flags|sigFlags))
	}
	if !s.isNew {
		return nil
	}
	return appendIn(up, form, "Fields", field)
}

func isRef(o pdf.Object) bool { _, ok := o.(pdf.Ref); return ok }

func editForm(up *pdf.Update, ref pdf.Ref) (*pdf.Dict, error) {
	if ref != (pdf.Ref{}) {
		d, err := up.Edit(ref)
		if err != nil {
			return nil, wrap(BadForm, err, "form")
		}
		return d, nil
	}
	cat, err := editCatalog(up)
	if err != nil {
		return nil, err
	}
	d, ok := cat.Get("AcroForm").(*pdf.Dict)
	if !ok {
		return nil, fail(BadForm, "the form is no dictionary")
	}
	return d, nil
}

func editCatalog(up *pdf.Update) (*pdf.Dict, error) {
	ref, err := up.CatalogRef()
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	cat, err := up.Edit(ref)
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	return cat, nil
}

// annotations makes every annotation an object of its own, as ISO 32000-2, table 31 has it. Older
// documents have them within /Annots, and validators that compare pages by references (pyHanko does)
// call everything suspicious that is done to such a document once it is signed. After a signature it is too late.
func (in *input) annotations(up *pdf.Update) error {
	rev := in.doc.Latest()
	type page struct {
		ref  pdf.Ref
		list *pdf.Array
	}
	var pages []page
	total := 0
	err := rev.Pages(func(p *pdf.Page) bool {
		list, err := rev.ArrayAt(p.Dict, "Annots")
		if err != nil || list == nil {
			return true // what cannot be read stays as it is
		}
		n := 0
		for _, o := range list.All() {
			if _, ok := o.(*pdf.Dict); ok {
				n++
			}
		}
		if n > 0 {
			pages = append(pages, page{p.Ref, list})
		}
		total += n
		return total <= maxMovedAnnots
	})
	if err != nil {
		return wrap(BadForm, err, "annotations")
	}
	if total > maxMovedAnnots {
		return nil
	}
	for _, p := range pages {
		list := p.list.Clone()
		for i, o := range list.All() {
			if d, ok := o.(*pdf.Dict); ok {
				list.Set(i, up.Add(d))
			}
		}
		d, err := up.Edit(p.ref)
		if err != nil {
			return wrap(BadForm, err, "annotations")
		}
		if err := replaceIn(up, d, "Annots", list); err != nil {
			return err
		}
	}
	return nil
}
