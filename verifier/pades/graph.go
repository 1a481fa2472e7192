package pades

import (
	"github.com/chancery-dev/chancery/internal/pdf"
)

// kind is the part an object plays in a document, as far as its changing may be allowed.
type kind uint8

const (
	kindNone    kind = iota
	kindCatalog      // the catalog
	kindForm         // the form dictionary
	kindFields       // an indirect array of fields: /Fields, or the /Kids of one
	kindAnnot        // a field, a widget, or another annotation
	kindPage
	kindAnnots // the indirect /Annots of a page
	kindAP     // an indirect appearance dictionary
	kindShown  // an appearance stream
	kindValue  // the indirect value of a form field
	kindStore  // anything of the document security store
	kindInfo   // the document information dictionary
	kindMeta   // the catalog's metadata stream
	kindExtend // the catalog's /Extensions
)

// role is what is known of an object number: the part it plays and for whom, and
// whether anything else in the document uses it, so that it must not change.
type role struct {
	kind   kind
	owner  int32 // index into annots, pages: whose it is
	frozen bool
	drawn  bool // within what pages or appearances are drawn with
	walked bool // what it leads to is frozen too
}

// annot is a field, a widget, both in one, or another annotation.
type annot struct {
	ref      pdf.Ref
	name     string // of the field
	isField  bool
	isWidget bool
	ft       pdf.Name
	ff       int64
	subtype  pdf.Name
	page     int32 // index into pages, -1 if on none
	rect     [4]float64
	terminal bool
	parent   int32 // field above, -1 if none
	dict     *pdf.Dict
}

// graph is the document as of one revision: every object that is in use, with its role.
type graph struct {
	v      *validation
	rev    *pdf.Revision
	roles  map[uint32]role
	annots []annot
	byRef  map[pdf.Ref]int32 // annots
	pages  []pdf.Ref
	pageOf map[pdf.Ref]int32
	needAP bool              // /NeedAppearances
	onPage map[int32][]int32 // annots by page
	shows  map[int32][]int32 // widgets by field

	queue    []queued // of freeze
	draining bool
}

// newGraph builds the graph of a revision: first the objects whose changing may be
// allowed, by the structure that makes them what they are; then everything else that
// is in use, all of which is frozen. An object in both is frozen.
func (v *validation) newGraph(rev *pdf.Revision) (*graph, error) {
	g := &graph{v: v, rev: rev, roles: map[uint32]role{}, byRef: map[pdf.Ref]int32{}, pageOf: map[pdf.Ref]int32{}}
	cat, err := rev.Catalog()
	if err != nil {
		return nil, err
	}
	root, err := rev.CatalogRef()
	if err != nil {
		return nil, err
	}
	g.claim(root, kindCatalog, -1)
	if err := g.structure(cat); err != nil {
		return nil, err
	}
	g.index()
	// From here on nothing new becomes changeable.
	for i := range g.annots {
		if err := g.freezeAnnot(int32(i)); err != nil {
			return nil, err
		}
	}
	for _, ref := range g.pages {
		d, err := g.dict(ref)
		if err != nil {
			return nil, err
		}
		if err := g.freezePage(d); err != nil {
			return nil, err
		}
	}
	return g, g.freezeDocument(cat)
}

// index sorts the annotations by page, and the widgets by field.
func (g *graph) index() {
	g.onPage, g.shows = map[int32][]int32{}, map[int32][]int32{}
	for i := range g.annots {
		a := &g.annots[i]
		if a.page >= 0 {
			g.onPage[a.page] = append(g.onPage[a.page], int32(i))
		}
		if a.isWidget {
			g.shows[g.fieldOf(int32(i))] = append(g.shows[g.fieldOf(int32(i))], int32(i))
		}
	}
}

// fieldOf returns the field a widget belongs to, or the field itself; -1 for other
// annotations.
func (g *graph) fieldOf(i int32) int32 {
	a := &g.annots[i]
	switch {
	case a.isField:
		return i
	case a.isWidget:
		return a.parent
	}
	return -1
}

// structure finds the form, the pages and their annotations, and the rest that may change.
func (g *graph) structure(cat *pdf.Dict) error {
	form, ref, err := g.rev.AcroForm()
	if err != nil {
		return err
	}
	if ref != (pdf.Ref{}) {
		g.claim(ref, kindForm, -1)
	}
	if form != nil {
		if r, ok := form.Get("Fields").(pdf.Ref); ok {
			g.claim(r, kindFields, -1)
		}
		if g.needAP, err = g.rev.BoolAt(form, "NeedAppearances"); err != nil {
			return err
		}
	}
	if err := g.addFields(); err != nil {
		return err
	}
	if err := g.addPages(); err != nil {
		return err
	}
	if r, ok := g.rev.Trailer.Get("Info").(pdf.Ref); ok {
		g.claim(r, kindInfo, -1)
	}
	if r, ok := cat.Get("Metadata").(pdf.Ref); ok {
		g.claim(r, kindMeta, -1)
	}
	if r, ok := cat.Get("Extensions").(pdf.Ref); ok {
		g.claim(r, kindExtend, -1)
	}
	return g.claimAll(cat.Get("DSS"), kindStore, 0)
}

// claim gives an object its role. One that has another already serves two masters, and
// is frozen.
func (g *graph) claim(ref pdf.Ref, k kind, owner int32) {
	r, ok := g.roles[ref.Num]
	switch {
	case !ok || r.kind == kindNone:
		r.kind, r.owner = k, owner
	case r.kind != k || r.owner != owner:
		r.frozen = true
	}
	g.roles[ref.Num] = r
}

// claimAll gives a role to everything below an object.
func (g *graph) claimAll(o pdf.Object, k kind, depth int) error {
	if depth > maxDepth {
		return &limitError{"objects nested too deeply"}
	}
	switch o := o.(type) {
	case pdf.Ref:
		if g.roles[o.Num].kind == k {
			return nil
		}
		g.claim(o, k, -1)
		if g.roles[o.Num].kind != k {
			return nil
		}
		x, err := g.get(o)
		if err != nil {
			return err
		}
		return g.claimAll(x, k, depth+1)
	case *pdf.Array:
		for _, e := range o.All() {
			if err := g.claimAll(e, k, depth+1); err != nil {
				return err
			}
		}
	case *pdf.Dict:
		for _, e := range o.All() {
			if err := g.claimAll(e, k, depth+1); err != nil {
				return err
			}
		}
	case *pdf.Stream:
		return g.claimAll(o.Dict, k, depth+1)
	}
	return nil
}

// get reads an object and counts it.
func (g *graph) get(ref pdf.Ref) (pdf.Object, error) {
	if g.v.nodes--; g.v.nodes < 0 {
		return nil, &limitError{"too many objects to compare"}
	}
	if g.v.nodes%256 == 0 && g.v.ctx.Err() != nil {
		return nil, g.v.ctx.Err()
	}
	return g.rev.Get(ref)
}

func (g *graph) dict(ref pdf.Ref) (*pdf.Dict, error) {
	o, err := g.get(ref)
	if err != nil {
		return nil, err
	}
	d, ok := o.(*pdf.Dict)
	if !ok {
		return nil, &pdf.Error{Code: pdf.CodeType, Offset: -1, Object: ref, Msg: "expected a dictionary"}
	}
	return d, nil
}

// addFields adds the fields and their widgets.
func (g *graph) addFields() error {
	fields, err := g.rev.Fields()
	if err != nil {
		return err
	}
	g.v.nodes -= len(fields)
	index := make([]int32, len(fields))
	for i := range fields {
		f := &fields[i]
		a := annot{ref: f.Ref, name: f.Name, isField: true, ft: f.FT, ff: f.Ff, page: -1, terminal: f.Terminal, parent: -1, dict: f.Dict}
		if f.Parent >= 0 {
			a.parent = index[f.Parent]
		}
		index[i] = g.addAnnot(a)
		for _, w := range f.Widgets {
			if w.Ref == f.Ref && f.Ref != (pdf.Ref{}) || w.Dict == f.Dict {
				g.annots[index[i]].isWidget = true
				continue
			}
			g.addAnnot(annot{ref: w.Ref, name: f.Name, isWidget: true, ft: f.FT, ff: f.Ff, page: -1, terminal: true, parent: index[i], dict: w.Dict})
		}
	}
	return nil
}

// addAnnot adds a field or annotation, with what belongs to it alone.
func (g *graph) addAnnot(a annot) int32 {
	i := int32(len(g.annots))
	a.subtype, _ = g.rev.NameAt(a.dict, "Subtype")
	if r, err := g.rev.NumbersAt(a.dict, "Rect"); err == nil && len(r) == 4 {
		a.rect = [4]float64{min(r[0], r[2]), min(r[1], r[3]), max(r[0], r[2]), max(r[1], r[3])}
	}
	g.annots = append(g.annots, a)
	if a.ref != (pdf.Ref{}) {
		g.claim(a.ref, kindAnnot, i)
		g.byRef[a.ref] = i
	}
	if r, ok := a.dict.Get("Kids").(pdf.Ref); ok {
		g.claim(r, kindFields, i)
	}
	if r, ok := a.dict.Get("V").(pdf.Ref); ok && a.ft != "Sig" {
		g.claim(r, kindValue, i)
	}
	g.claimAppearance(a.dict.Get("AP"), i)
	return i
}

// claimAppearance claims an appearance dictionary, its parts and their streams.
func (g *graph) claimAppearance(ap pdf.Object, owner int32) {
	if r, ok := ap.(pdf.Ref); ok {
		g.claim(r, kindAP, owner)
	}
	o, err := g.rev.Resolve(ap)
	if err != nil || g.pinChain(ap) != nil {
		return // who draws it will find the same
	}
	d, ok := o.(*pdf.Dict)
	if !ok {
		return
	}
	for _, e := range d.All() {
		g.claimShown(e, owner)
	}
}

func (g *graph) claimShown(o pdf.Object, owner int32) {
	x, err := g.rev.Resolve(o)
	if err != nil || g.pinChain(o) != nil {
		return
	}
	switch x := x.(type) {
	case *pdf.Stream:
		if r, ok := o.(pdf.Ref); ok {
			g.claim(r, kindShown, owner)
		}
	case *pdf.Dict: // one stream for each state
		if r, ok := o.(pdf.Ref); ok {
			g.claim(r, kindAP, owner)
		}
		for _, e := range x.All() {
			if r, ok := e.(pdf.Ref); ok {
				g.claim(r, kindShown, owner)
				if g.pinChain(e) != nil {
					return
				}
			}
		}
	}
}

// addPages adds the pages and the annotations that are no widgets of fields.
func (g *graph) addPages() error {
	var inner error
	err := g.rev.Pages(func(p *pdf.Page) bool {
		if g.v.nodes--; g.v.nodes < 0 {
			inner = &limitError{"too many objects to compare"}
			return false
		}
		i := int32(len(g.pages))
		g.pages = append(g.pages, p.Ref)
		g.pageOf[p.Ref] = i
		g.claim(p.Ref, kindPage, i)
		if r, ok := p.Dict.Get("Annots").(pdf.Ref); ok {
			g.claim(r, kindAnnots, i)
		}
		inner = g.addPageAnnots(p.Dict, i)
		return inner == nil
	})
	if err == nil {
		err = inner
	}
	return err
}

func (g *graph) addPageAnnots(page *pdf.Dict, at int32) error {
	list, err := g.rev.ArrayAt(page, "Annots")
	if err != nil || list == nil {
		return err
	}
	if err := g.pinChain(page.Get("Annots")); err != nil {
		return err
	}
	for _, o := range list.All() {
		ref, isRef := o.(pdf.Ref)
		if i, ok := g.byRef[ref]; isRef && ok {
			if g.annots[i].page >= 0 && g.annots[i].page != at {
				r := g.roles[ref.Num]
				r.frozen = true // on two pages
				g.roles[ref.Num] = r
			}
			g.annots[i].page = at
			continue
		}
		if isRef {
			if g.v.nodes--; g.v.nodes < 0 {
				return &limitError{"too many objects to compare"}
			}
		}
		x, err := g.rev.Resolve(o)
		if err != nil {
			return err
		}
		if err := g.pinChain(o); err != nil {
			return err
		}
		d, ok := x.(*pdf.Dict)
		if !ok {
			continue
		}
		a := annot{page: at, terminal: true, parent: -1, dict: d}
		if isRef {
			a.ref = ref
		}
		g.addAnnot(a)
	}
	return nil
}
