package pades

import "github.com/chancery-dev/chancery/internal/pdf"

// tree is what is known of the structure of a tagged document (ISO 32000-2, 14.7).
type tree struct {
	root    pdf.Ref // StructTreeRoot
	first   pdf.Ref // its first element
	parents *pdf.Dict
	next    int64 // key that the parent tree does not have
}

// structure reads the structure tree. ok is false for a document that is not tagged, or
// tagged in a way that nothing can be added to.
func structure(up *pdf.Update) (t tree, ok bool) {
	cat, err := up.Catalog()
	if err != nil {
		return t, false
	}
	t.root, _ = cat.Get("StructTreeRoot").(pdf.Ref)
	root := dictOf(up, t.root)
	if root == nil {
		return t, false
	}
	if t.parents = dictOf(up, root.Get("ParentTree")); t.parents == nil {
		return t, false
	}
	last, ok := lastKey(up, t.parents)
	next, err := up.IntAt(root, "ParentTreeNextKey")
	if t.next = max(next, last+1); !ok || err != nil || t.next > 1<<30 {
		return t, false
	}
	kid := root.Get("K")
	if list, err := up.ArrayAt(root, "K"); err == nil && list != nil && list.Len() > 0 {
		kid = list.At(0)
	}
	t.first, _ = kid.(pdf.Ref)
	elem := dictOf(up, t.first)
	if elem == nil || elem.Get("P") != pdf.Object(t.root) {
		return t, false
	}
	kind := elem.Get("Type")
	return t, kind == nil || kind == pdf.Object(pdf.Name("StructElem"))
}

// dictOf is a dictionary, or the one that a reference leads to without others between: it
// can be edited. nil: it is neither.
func dictOf(up *pdf.Update, o pdf.Object) *pdf.Dict {
	if ref, ok := o.(pdf.Ref); ok {
		found, err := up.Get(ref)
		if err != nil {
			return nil
		}
		o = found
	}
	d, _ := o.(*pdf.Dict)
	return d
}

// lastKey is the greatest key of a number tree (ISO 32000-2, 7.9.7), -1 of an empty one.
func lastKey(up *pdf.Update, tree *pdf.Dict) (int64, bool) {
	nums, err := up.ArrayAt(tree, "Nums")
	if err != nil {
		return 0, false
	}
	if nums != nil {
		if nums.Len() == 0 {
			return -1, true
		}
		k, ok := nums.At((nums.Len() - 1) / 2 * 2).(pdf.Integer)
		return int64(k), ok && nums.Len()%2 == 0 && k >= 0
	}
	kids, err := up.ArrayAt(tree, "Kids")
	if err != nil || kids == nil || kids.Len() == 0 {
		return 0, false
	}
	leaf := dictOf(up, kids.At(kids.Len()-1))
	if leaf == nil {
		return 0, false
	}
	limits, err := up.NumbersAt(leaf, "Limits")
	if err != nil || len(limits) != 2 || limits[1] < 0 || limits[1] > 1<<30 {
		return 0, false
	}
	return int64(limits[1]), true
}

// tag makes a new widget part of the structure of a tagged document, which PDF/UA asks for
// (ISO 14289-1, 7.18.4). Only what nobody has signed is tagged: to whoever did, a change of
// the structure is one of the document.
func (in *input) tag(up *pdf.Update, s *slot, page *pdf.Page, ref pdf.Ref, widget *pdf.Dict) error {
	if !s.isNew || !s.visible || len(in.sigs) > 0 {
		return nil
	}
	t, ok := structure(up)
	if !ok {
		return nil
	}
	elem := up.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("StructElem"), pdf.Name("S"), pdf.Name("Form"), pdf.Name("P"), t.first, pdf.Name("Pg"), page.Ref,
		pdf.Name("K"), pdf.NewArray(pdf.NewDict(pdf.Name("Type"), pdf.Name("OBJR"), pdf.Name("Obj"), ref, pdf.Name("Pg"), page.Ref))))
	widget.Set("StructParent", pdf.Integer(t.next))
	if err := addKid(up, t.first, elem); err != nil {
		return err
	}
	root, err := up.Edit(t.root)
	if err != nil {
		return wrap(BadForm, err, "structure tree")
	}
	root.Set("ParentTreeNextKey", pdf.Integer(t.next+1))
	parents, _ := root.Get("ParentTree").(*pdf.Dict)
	if at, ok := root.Get("ParentTree").(pdf.Ref); ok {
		if parents, err = up.Edit(at); err != nil {
			return wrap(BadForm, err, "structure tree")
		}
	}
	entry := []pdf.Object{pdf.Integer(t.next), elem}
	if t.parents.Has("Nums") {
		old, err := up.ArrayAt(parents, "Nums")
		if err != nil {
			return wrap(BadForm, err, "structure tree")
		}
		list := old.Clone()
		list.Append(entry...)
		if err := replaceIn(up, parents, "Nums", list); err != nil {
			return err
		}
	} else {
		leaf := up.Add(pdf.NewDict(pdf.Name("Limits"), pdf.NewArray(entry[0], entry[0]), pdf.Name("Nums"), pdf.NewArray(entry...)))
		if err := appendIn(up, parents, "Kids", leaf); err != nil {
			return err
		}
	}
	if page.Dict.Has("Tabs") {
		return nil
	}
	p, err := up.Edit(page.Ref)
	if err != nil {
		return wrap(BadForm, err, "page")
	}
	p.Set("Tabs", pdf.Name("S"))
	return nil
}

// addKid adds a structure element to the kids of another one.
func addKid(up *pdf.Update, parent, kid pdf.Ref) error {
	d, err := up.Edit(parent)
	if err != nil {
		return wrap(BadForm, err, "structure element")
	}
	o, err := up.Resolve(d.Get("K"))
	if err != nil {
		return wrap(BadForm, err, "structure element")
	}
	if _, list := o.(*pdf.Array); list {
		return appendIn(up, d, "K", kid)
	}
	kids := pdf.NewArray()
	if _, null := o.(pdf.Null); o != nil && !null {
		kids.Append(d.Get("K"))
	}
	kids.Append(kid)
	d.Set("K", kids)
	return nil
}
