package pades_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

// tagged is a document with a structure tree, changed before it is written.
func tagged(t *testing.T, change func(b *pdf.Builder, tree, document *pdf.Dict)) []byte {
	t.Helper()
	b := pdf.Builder{}
	page, pages, root, doc := b.Alloc(), b.Alloc(), b.Alloc(), b.Alloc()
	b.Set(page, pdf.NewDict(pdf.Name("Type"), pdf.Name("Page"), pdf.Name("Parent"), pages, pdf.Name("MediaBox"), pdf.NewArray(pdf.Integer(0), pdf.Integer(0), pdf.Integer(595), pdf.Integer(842)),
		pdf.Name("Resources"), pdf.NewDict(), pdf.Name("StructParents"), pdf.Integer(0)))
	b.Set(pages, pdf.NewDict(pdf.Name("Type"), pdf.Name("Pages"), pdf.Name("Kids"), pdf.NewArray(page), pdf.Name("Count"), pdf.Integer(1)))
	document := pdf.NewDict(pdf.Name("Type"), pdf.Name("StructElem"), pdf.Name("S"), pdf.Name("Document"), pdf.Name("P"), root)
	tree := pdf.NewDict(pdf.Name("Type"), pdf.Name("StructTreeRoot"), pdf.Name("K"), doc, pdf.Name("ParentTree"), pdf.NewDict(pdf.Name("Nums"), pdf.NewArray(pdf.Integer(0), pdf.NewArray())),
		pdf.Name("ParentTreeNextKey"), pdf.Integer(1))
	change(&b, tree, document)
	b.Set(root, tree)
	b.Set(doc, document)
	b.Trailer().Set("Root", b.Add(pdf.NewDict(pdf.Name("Type"), pdf.Name("Catalog"), pdf.Name("Pages"), pages, pdf.Name("StructTreeRoot"), root,
		pdf.Name("MarkInfo"), pdf.NewDict(pdf.Name("Marked"), pdf.Bool(true)))))
	var out bytes.Buffer
	_, err := b.WriteTo(&out)
	check(t, err)
	return out.Bytes()
}

// TestTagged: a visible signature is part of the structure of a tagged document, where that
// can be added to and nobody has signed it; and signing works in any case.
func TestTagged(t *testing.T) {
	w := newWorld(t, p256)
	array := func(n ...int64) *pdf.Array {
		a := pdf.NewArray()
		for _, v := range n {
			a.Append(pdf.Integer(v))
		}
		return a
	}
	for name, c := range map[string]struct {
		change func(b *pdf.Builder, tree, document *pdf.Dict)
		key    int64 // 0: not tagged
	}{
		"as it is":        {func(*pdf.Builder, *pdf.Dict, *pdf.Dict) {}, 1},
		"a list of roots": {func(_ *pdf.Builder, tree, _ *pdf.Dict) { tree.Set("K", pdf.NewArray(tree.Get("K"))) }, 1},
		"a tree apart":    {func(b *pdf.Builder, tree, _ *pdf.Dict) { tree.Set("ParentTree", b.Add(tree.Get("ParentTree"))) }, 1},
		"numbers apart": {func(b *pdf.Builder, tree, _ *pdf.Dict) {
			tree.Set("ParentTree", pdf.NewDict(pdf.Name("Nums"), b.Add(array(0, 0, 8, 0))))
		}, 9},
		"no next key":  {func(_ *pdf.Builder, tree, _ *pdf.Dict) { tree.Delete("ParentTreeNextKey") }, 1},
		"a key in use": {func(_ *pdf.Builder, tree, _ *pdf.Dict) { tree.Set("ParentTreeNextKey", pdf.Integer(-3)) }, 1},
		"a tree of trees": {func(b *pdf.Builder, tree, _ *pdf.Dict) {
			tree.Set("ParentTree", pdf.NewDict(pdf.Name("Kids"), pdf.NewArray(b.Add(pdf.NewDict(pdf.Name("Limits"), array(0, 6), pdf.Name("Nums"), array(0, 0, 6, 0))))))
		}, 7},
		"one kid":      {func(_ *pdf.Builder, _, d *pdf.Dict) { d.Set("K", pdf.Integer(0)) }, 1},
		"kids":         {func(_ *pdf.Builder, _, d *pdf.Dict) { d.Set("K", array(0, 1)) }, 1},
		"no tree":      {func(_ *pdf.Builder, tree, _ *pdf.Dict) { tree.Delete("ParentTree") }, 0},
		"no root":      {func(_ *pdf.Builder, tree, _ *pdf.Dict) { tree.Delete("K") }, 0},
		"not its root": {func(_ *pdf.Builder, _, d *pdf.Dict) { d.Delete("P") }, 0},
		"another kind": {func(_ *pdf.Builder, _, d *pdf.Dict) { d.Set("Type", pdf.Name("Action")) }, 0},
		"odd numbers": {func(_ *pdf.Builder, tree, _ *pdf.Dict) {
			tree.Set("ParentTree", pdf.NewDict(pdf.Name("Nums"), array(0)))
		}, 0},
		"no numbers": {func(_ *pdf.Builder, tree, _ *pdf.Dict) { tree.Set("ParentTree", pdf.NewDict()) }, 0},
		"a huge key": {func(_ *pdf.Builder, tree, _ *pdf.Dict) { tree.Set("ParentTreeNextKey", pdf.Integer(1<<40)) }, 0},
	} {
		in := tagged(t, c.change)
		out, _ := sign(t, w.Pades(pades.LevelB, p256), in, pades.Request{Visible: &pades.Appearance{Rect: box}})
		widget := w.signatures(t, out, "")[0].field.Widgets[0]
		rev := opened(t, out, "").Latest()
		if tu, _ := widget.Dict.Get("TU").(pdf.String); len(tu.Value) == 0 {
			t.Errorf("%s: expected words for those who do not see the signature", name)
		}
		key, has := widget.Dict.Get("StructParent").(pdf.Integer)
		if int64(key) != c.key || has != (c.key > 0) {
			t.Errorf("%s: expected StructParent %d, found %d", name, c.key, key)
		}
		if c.key == 0 {
			continue
		}
		cat, err := rev.Catalog()
		check(t, err)
		tree, err := rev.DictAt(cat, "StructTreeRoot")
		check(t, err)
		elem := lookUp(t, rev, tree, key)
		dict := resolved(t, rev, elem)
		kid := dict.Get("K").(*pdf.Array).At(0).(*pdf.Dict)
		parent := resolved(t, rev, dict.Get("P"))
		kids := parent.Get("K").(*pdf.Array)
		if s, _ := rev.NameAt(dict, "S"); s != "Form" || kid.Get("Obj") != pdf.Object(widget.Ref) || kids.At(kids.Len()-1) != elem {
			t.Errorf("%s: expected an element that holds the widget, found %v", name, dict)
		}
		if next, _ := rev.IntAt(tree, "ParentTreeNextKey"); next != c.key+1 {
			t.Errorf("%s: expected the next key after %d, found %d", name, c.key, next)
		}
		// To whoever signed, a second signature changes nothing of it.
		twice, _ := sign(t, w.Pades(pades.LevelB, p256), out, pades.Request{Visible: &pades.Appearance{Rect: [4]float64{72, 300, 332, 380}}})
		if len(twice) <= len(out) || strings.Contains(string(twice[len(out):]), "ParentTree") || strings.Contains(string(twice[len(out):]), "StructElem") {
			t.Errorf("%s: a second signature changes the structure", name)
		}
	}
}

func resolved(t *testing.T, rev *pdf.Revision, o pdf.Object) *pdf.Dict {
	t.Helper()
	found, err := rev.Resolve(o)
	check(t, err)
	return found.(*pdf.Dict)
}

// lookUp finds the element of a key in the parent tree.
func lookUp(t *testing.T, rev *pdf.Revision, tree *pdf.Dict, key pdf.Integer) pdf.Object {
	t.Helper()
	parents, err := rev.DictAt(tree, "ParentTree")
	check(t, err)
	leaves := []*pdf.Dict{parents}
	if kids, _ := rev.ArrayAt(parents, "Kids"); kids != nil {
		for _, k := range kids.All() {
			leaves = append(leaves, resolved(t, rev, k))
		}
	}
	for _, leaf := range leaves {
		nums, err := rev.ArrayAt(leaf, "Nums")
		check(t, err)
		if nums == nil {
			continue
		}
		for i := 0; i+1 < nums.Len(); i += 2 {
			if nums.At(i) == pdf.Object(key) {
				return nums.At(i + 1)
			}
		}
	}
	t.Fatalf("expected key %d in the parent tree", key)
	return nil
}
