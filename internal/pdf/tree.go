package pdf

// Page is a leaf of the page tree.
type Page struct {
	Index int // from 0
	Ref   Ref
	Dict  *Dict
	// Ancestors are the page tree nodes above it, root first.
	Ancestors []Ref
	// Inherited holds /Resources, /MediaBox, /CropBox and /Rotate as the nodes above
	// give them, where the page itself has none (ISO 32000-2, table 31).
	Inherited *Dict
}

// Attribute returns an inheritable attribute: the page's own, else the inherited one.
func (p *Page) Attribute(key Name) Object {
	if o := p.Dict.Get(key); o != nil {
		return o
	}
	return p.Inherited.Get(key)
}

var inheritable = []Name{"Resources", "MediaBox", "CropBox", "Rotate"}

// Pages calls f for every page in order until f returns false. The tree must be a
// tree: every kid a reference to a node not met before, whose /Parent is the node
// above it, with a /Count that is right. Otherwise the error is CodePageTree.
func (v *view) Pages(f func(*Page) bool) error {
	cat, err := v.Catalog()
	if err != nil {
		return err
	}
	root, ok := cat.Get("Pages").(Ref)
	if !ok {
		return errAt(CodePageTree, cat.span.Start, "/Pages of the catalog is no reference")
	}
	w := pageWalk{view: v, seen: make(map[Ref]bool), f: f}
	_, err = w.node(root, Ref{}, nil, NewDict())
	return err
}

// PageCount walks the whole tree and returns the number of pages.
func (v *view) PageCount() (n int, err error) {
	err = v.Pages(func(*Page) bool { n++; return true })
	return n, err
}

type pageWalk struct {
	view *view
	seen map[Ref]bool
	f    func(*Page) bool
	n    int
	stop bool
}

// bad makes the error of a node.
func (w *pageWalk) bad(ref Ref, code Code, msg string) error {
	return &Error{Code: code, Offset: -1, Object: ref, Msg: msg}
}

// enter loads a node and checks its place in the tree.
func (w *pageWalk) enter(ref, parent Ref, depth int) (d *Dict, typ Name, err error) {
	lim := &w.view.doc.lim
	if w.seen[ref] {
		return nil, "", w.bad(ref, CodePageTree, "page tree node met twice")
	}
	w.seen[ref] = true
	if len(w.seen) > lim.TreeNodes || depth > lim.Depth {
		return nil, "", w.bad(ref, CodeLimit, "page tree too large or too deep")
	}
	o, err := w.view.get(ref)
	if err != nil {
		return nil, "", err
	}
	d, ok := o.(*Dict)
	if !ok {
		return nil, "", w.bad(ref, CodePageTree, "page tree node is no dictionary")
	}
	if p := d.Get("Parent"); parent.Num != 0 && p != parent || parent.Num == 0 && p != nil {
		return nil, "", w.bad(ref, CodePageTree, "/Parent is not the node above")
	}
	typ, err = w.view.NameAt(d, "Type")
	return d, typ, err
}

// node walks a node and returns the number of pages below it.
func (w *pageWalk) node(ref, parent Ref, path []Ref, inherited *Dict) (int64, error) {
	d, typ, err := w.enter(ref, parent, len(path))
	switch {
	case err != nil:
		return 0, err
	case typ == "Page" && parent.Num == 0:
		return 0, w.bad(ref, CodePageTree, "the root of the page tree is a page")
	case typ == "Page":
		p := &Page{Index: w.n, Ref: ref, Dict: d, Ancestors: path, Inherited: inherited}
		w.n++
		w.stop = !w.f(p)
		return 1, nil
	case typ != "Pages":
		return 0, w.bad(ref, CodePageTree, "page tree node of a type other than Page and Pages")
	}
	kids, err := w.view.ArrayAt(d, "Kids")
	if err != nil {
		return 0, err
	}
	if kids == nil {
		return 0, w.bad(ref, CodePageTree, "page tree node without /Kids")
	}
	below, path := inherit(d, inherited), append(path[:len(path):len(path)], ref)
	total := int64(0)
	for _, k := range kids.All() {
		kid, ok := k.(Ref)
		if !ok {
			return 0, w.bad(ref, CodePageTree, "/Kids holds something else than references")
		}
		n, err := w.node(kid, ref, path, below)
		if err != nil {
			return 0, err
		}
		if total += n; w.stop {
			return total, nil
		}
	}
	count, err := w.view.IntAt(d, "Count")
	if err == nil && count != total {
		err = w.bad(ref, CodePageTree, "/Count is not the number of pages below")
	}
	return total, err
}

// inherit returns what the pages below d inherit.
func inherit(d, inherited *Dict) *Dict {
	below := inherited
	for _, key := range inheritable {
		if o := d.Get(key); o != nil {
			if below == inherited {
				below = inherited.Clone()
			}
			below.Set(key, o)
		}
	}
	return below
}

// Widget is an annotation that shows a field.
type Widget struct {
	Ref  Ref // zero if direct in /Kids
	Dict *Dict
}

// Field is a node of the form field tree that has a partial name or none above it.
type Field struct {
	Ref  Ref   // zero if direct in /Fields or /Kids
	Dict *Dict // its own dictionary; for a field merged with its widget also the annotation
	// Name is the fully qualified name: partial names decoded and joined by full stops.
	Name string
	// Parent is the index of the field above in the result, or -1.
	Parent int
	// Terminal is true if no field is below it.
	Terminal bool
	// FT, Ff, V and DV are its own or inherited (ISO 32000-2, 12.7.4.1); nil or 0 if
	// absent. V and DV stand as in the file, a Ref is not followed.
	FT    Name
	Ff    int64
	V, DV Object
	// Widgets are its annotations: kids without /T, or the field itself.
	Widgets []Widget
}

// Fields returns every field of the AcroForm field tree, parents before their kids.
// The tree must be a tree; otherwise the error is CodeField. Two fields of one fully
// qualified name are not refused: the caller judges them.
func (v *view) Fields() ([]Field, error) {
	form, _, err := v.AcroForm()
	if form == nil || err != nil {
		return nil, err
	}
	fields, err := v.ArrayAt(form, "Fields")
	if err != nil {
		return nil, err
	}
	w := fieldWalk{view: v, seen: make(map[Ref]bool)}
	for _, o := range fields.All() {
		if err := w.node(o, -1, 0); err != nil {
			return nil, err
		}
	}
	return w.out, nil
}

type fieldWalk struct {
	view  *view
	seen  map[Ref]bool
	nodes int
	bytes int
	out   []Field
}

// enter loads one node of the tree.
func (w *fieldWalk) enter(o Object, depth int) (Ref, *Dict, error) {
	ref, _ := o.(Ref)
	bad := func(code Code, msg string) (Ref, *Dict, error) {
		return ref, nil, &Error{Code: code, Offset: -1, Object: ref, Msg: msg}
	}
	lim := &w.view.doc.lim
	if w.nodes++; w.nodes > lim.TreeNodes || depth > lim.Depth {
		return bad(CodeLimit, "field tree too large or too deep")
	}
	if ref.Num != 0 {
		if w.seen[ref] {
			return bad(CodeField, "field tree node met twice")
		}
		w.seen[ref] = true
	}
	o, err := w.view.Resolve(o)
	if err != nil {
		return ref, nil, err
	}
	d, ok := o.(*Dict)
	if !ok {
		return bad(CodeField, "field is no dictionary")
	}
	return ref, d, nil
}

func (w *fieldWalk) node(o Object, parent, depth int) error {
	ref, d, err := w.enter(o, depth)
	if err != nil {
		return err
	}
	f := Field{Ref: ref, Dict: d, Parent: parent, Terminal: true}
	if parent >= 0 {
		p := &w.out[parent]
		f.Name, f.FT, f.Ff, f.V, f.DV = p.Name, p.FT, p.Ff, p.V, p.DV
		if d.Get("Parent") != p.Ref {
			return &Error{Code: CodeField, Offset: -1, Object: ref, Msg: "/Parent is not the field above"}
		}
	} else if d.Has("Parent") {
		return &Error{Code: CodeField, Offset: -1, Object: ref, Msg: "field in /Fields has a /Parent"}
	}
	if err := w.attributes(&f); err != nil {
		return inObject(err, ref)
	}
	i := len(w.out)
	w.out = append(w.out, f)
	kids, err := w.view.ArrayAt(d, "Kids")
	if err != nil {
		return inObject(err, ref)
	}
	if kids == nil {
		if d.Get("Subtype") == Name("Widget") {
			w.out[i].Widgets = []Widget{{ref, d}}
		}
		return nil
	}
	for _, k := range kids.All() {
		o, err := w.view.Resolve(k)
		if err != nil {
			return err
		}
		if kd, ok := o.(*Dict); ok && kd.Has("T") {
			w.out[i].Terminal = false
			if err := w.node(k, i, depth+1); err != nil {
				return err
			}
			continue
		}
		kref, kd, err := w.enter(k, depth+1)
		if err != nil {
			return err
		}
		if kd.Has("Kids") {
			return &Error{Code: CodeField, Offset: -1, Object: kref, Msg: "kid of a field has /Kids but no /T"}
		}
		if p := kd.Get("Parent"); p != ref {
			return &Error{Code: CodeField, Offset: -1, Object: kref, Msg: "/Parent of a widget is not its field"}
		}
		w.out[i].Widgets = append(w.out[i].Widgets, Widget{kref, kd})
	}
	return nil
}

// attributes reads what the field itself says over what it inherits.
func (w *fieldWalk) attributes(f *Field) error {
	t, ok, err := w.view.StringAt(f.Dict, "T")
	if err != nil {
		return err
	}
	if ok {
		name := TextString(t)
		if f.Parent >= 0 && f.Name != "" {
			name = f.Name + "." + name
		}
		f.Name = name
		if w.bytes += len(name); w.bytes > 64<<20 {
			return errAt(CodeLimit, -1, "field names too long in all")
		}
	}
	ft, err := w.view.NameAt(f.Dict, "FT")
	if err != nil {
		return err
	}
	if ft != "" {
		f.FT = ft
	}
	if f.Dict.Has("Ff") {
		if f.Ff, err = w.view.IntAt(f.Dict, "Ff"); err != nil {
			return err
		}
	}
	if o := f.Dict.Get("V"); o != nil {
		f.V = o
	}
	if o := f.Dict.Get("DV"); o != nil {
		f.DV = o
	}
	return nil
}
