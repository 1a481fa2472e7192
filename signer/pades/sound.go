package pades

import (
	"github.com/chancery-dev/chancery/internal/pdf"
)

// sound refuses files that could be signed, but that the next signature or timestamp would
// break: verifiers compare the revisions, by the tree of pages and by what an object is
// for. So the tree has to be one from end to end, and what signing changes may be used in
// one place only, or a signature would show on two pages, or stand in for a page.
func (in *input) sound() error {
	s := &sharing{rev: in.doc.Latest(), used: map[pdf.Ref]bool{}}
	cat, err := s.rev.Catalog()
	if err != nil {
		return wrap(BadInput, err, "")
	}
	root, err := s.rev.CatalogRef()
	if err != nil {
		return wrap(BadInput, err, "")
	}
	if err := s.claim(root); err != nil {
		return err
	}
	if err := s.pages(); err != nil {
		return err
	}
	for _, key := range []pdf.Name{"AcroForm", "Perms", "Extensions", "DSS"} {
		if err := s.claim(cat.Get(key)); err != nil {
			return err
		}
	}
	if err := s.fields(in.fields); err != nil {
		return err
	}
	dss, err := s.rev.DictAt(cat, "DSS")
	if err != nil {
		return wrap(BadForm, err, "document security store")
	}
	if dss == nil {
		return nil
	}
	return s.store(dss)
}

// sharing notes what is used where.
type sharing struct {
	rev  *pdf.Revision
	used map[pdf.Ref]bool
}

// claim notes a use of an object; what is no reference belongs to nothing else.
func (s *sharing) claim(o pdf.Object) error {
	ref, ok := o.(pdf.Ref)
	if !ok {
		return nil
	}
	if s.used[ref] {
		return fail(BadForm, "object %s, which signing may change, is used in two places", ref)
	}
	target, err := s.rev.Get(ref)
	if err != nil {
		return wrap(BadForm, err, "")
	}
	switch target.(type) {
	case pdf.Null, nil: // may be named by many: it holds nothing
		return nil
	case pdf.Ref:
		return fail(BadForm, "object %s is a mere reference to another one, which readers take for damage", ref)
	}
	s.used[ref] = true
	return nil
}

// pages walks the whole page tree, which fails where it is none.
func (s *sharing) pages() error {
	var inner error
	n := 0
	node := func(ref pdf.Ref, list pdf.Name) bool {
		o, err := s.rev.Get(ref)
		if err == nil {
			if d, ok := o.(*pdf.Dict); ok {
				err = s.claim(d.Get(list))
			}
		} else {
			err = wrap(BadForm, err, "page tree")
		}
		if err == nil {
			err = s.claim(ref)
		}
		inner = err
		return err == nil
	}
	err := s.rev.Pages(func(p *pdf.Page) bool {
		n++
		for _, ref := range p.Ancestors {
			if !s.used[ref] && !node(ref, "Kids") {
				return false
			}
		}
		return node(p.Ref, "Annots")
	})
	switch {
	case inner != nil:
		return inner
	case err != nil:
		return wrap(BadForm, err, "page tree")
	case n == 0:
		return fail(BadForm, "the document has no page")
	}
	return nil
}

// fields claims the nodes of the field tree; that it is a tree is known.
func (s *sharing) fields(fields []pdf.Field) error {
	form, _, err := s.rev.AcroForm()
	if err != nil || form == nil {
		return err
	}
	if err := s.claim(form.Get("Fields")); err != nil {
		return err
	}
	for i := range fields {
		f := &fields[i]
		if err := s.claim(f.Ref); err != nil {
			return err
		}
		if err := s.claim(f.Dict.Get("Kids")); err != nil {
			return err
		}
		for _, w := range f.Widgets {
			if w.Ref == f.Ref {
				continue
			}
			if err := s.claim(w.Ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// store claims the lists of validation data.
func (s *sharing) store(dss *pdf.Dict) error {
	for _, key := range []pdf.Name{"Certs", "OCSPs", "CRLs", "VRI"} {
		if err := s.claim(dss.Get(key)); err != nil {
			return err
		}
		if key == "VRI" {
			if _, err := s.rev.DictAt(dss, key); err != nil {
				return wrap(BadForm, err, "document security store")
			}
			continue
		}
		list, err := s.rev.ArrayAt(dss, key)
		if err != nil {
			return wrap(BadForm, err, "document security store")
		}
		if list == nil {
			continue
		}
		for _, o := range list.All() {
			item, err := s.rev.Resolve(o)
			if err != nil {
				return wrap(BadForm, err, "document security store")
			}
			if _, ok := item.(*pdf.Stream); !ok {
				return fail(BadForm, "document security store with an item that is no stream")
			}
		}
	}
	return nil
}
