package layout

import "github.com/chancery-dev/chancery/internal/pdf"

// structWriter writes the structure tree (ISO 32000-1, 14.7) and the annotations that
// belong to it.
type structWriter struct {
	w      *pdfWriter
	pages  []pdf.Ref
	tree   pdf.Ref
	annots *pdf.Array // all of them on the first page
	signs  string     // what the signature field is for
	field  pdf.Ref
	byMCID [][]pdf.Ref  // by page
	later  []pdf.Object // number tree entries of annotations
	next   int          // StructParent
}

func (s *structWriter) write(d *drawing) {
	for _, parents := range s.w.parents {
		s.byMCID = append(s.byMCID, make([]pdf.Ref, len(parents)))
	}
	s.next = len(s.pages)
	root := s.element(d.root, s.tree, d)
	nums := pdf.NewArray()
	for i, refs := range s.byMCID {
		marks := pdf.NewArray()
		for _, r := range refs {
			marks.Append(r)
		}
		nums.Append(pdf.Integer(int64(i)), s.w.b.Add(marks))
	}
	nums.Append(s.later...)
	s.w.b.Set(s.tree, pdf.NewDict(pdf.Name("Type"), pdf.Name("StructTreeRoot"), pdf.Name("K"), pdf.NewArray(root),
		pdf.Name("ParentTree"), s.w.b.Add(pdf.NewDict(pdf.Name("Nums"), nums)), pdf.Name("ParentTreeNextKey"), pdf.Integer(s.next)))
}

func (s *structWriter) element(n *node, parent pdf.Ref, d *drawing) pdf.Ref {
	ref := s.w.b.Alloc()
	kids := pdf.NewArray()
	page := 0 // that of the element: its kids on others name theirs
	if len(n.marks) > 0 {
		page = n.marks[0].page
	}
	for _, m := range n.marks {
		s.byMCID[m.page][m.id] = ref
		if m.page == page {
			kids.Append(pdf.Integer(int64(m.id)))
			continue
		}
		kids.Append(pdf.NewDict(pdf.Name("Type"), pdf.Name("MCR"), pdf.Name("Pg"), s.pages[m.page], pdf.Name("MCID"), pdf.Integer(int64(m.id))))
	}
	for _, k := range n.kids {
		kids.Append(s.element(k, ref, d))
	}
	if n.link != nil {
		kids.Append(s.annotation(ref, linkAnnotation(n.link)))
	}
	if n.field != "" {
		for _, box := range d.boxes {
			if box.Name == n.field {
				kids.Append(s.signatureField(ref, box))
			}
		}
	}
	e := pdf.NewDict(pdf.Name("Type"), pdf.Name("StructElem"), pdf.Name("S"), pdf.Name(n.role), pdf.Name("P"), parent)
	if len(n.marks) > 0 {
		e.Set("Pg", s.pages[page])
	}
	e.Set("K", kids)
	if n.lang != "" {
		e.Set("Lang", text(n.lang))
	}
	if n.alt != "" {
		e.Set("Alt", text(n.alt))
	}
	if n.bbox != nil {
		e.Set("A", pdf.NewDict(pdf.Name("O"), pdf.Name("Layout"), pdf.Name("Placement"), pdf.Name("Block"), pdf.Name("BBox"), reals(n.bbox[:]...)))
	}
	if n.scope != "" {
		e.Set("A", pdf.NewDict(pdf.Name("O"), pdf.Name("Table"), pdf.Name("Scope"), pdf.Name(n.scope)))
	}
	s.w.b.Set(ref, e)
	return ref
}

// annotation adds an annotation to page and number tree, and answers the object reference
// its structure element holds.
func (s *structWriter) annotation(elem pdf.Ref, a *pdf.Dict) *pdf.Dict {
	a.Set("P", s.pages[0])
	a.Set("F", pdf.Integer(4)) // printed, neither hidden nor without view
	a.Set("StructParent", pdf.Integer(s.next))
	ref := s.w.b.Add(a)
	s.annots.Append(ref)
	s.later = append(s.later, pdf.Integer(s.next), elem)
	s.next++
	if a.Get("FT") != nil {
		s.field = ref
	}
	return pdf.NewDict(pdf.Name("Type"), pdf.Name("OBJR"), pdf.Name("Obj"), ref, pdf.Name("Pg"), s.pages[0])
}

func linkAnnotation(l *linkArea) *pdf.Dict {
	return pdf.NewDict(pdf.Name("Type"), pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Link"), pdf.Name("Rect"), reals(l.x, l.y, l.x+l.w, l.y+l.h),
		pdf.Name("Border"), ints(0, 0, 0), pdf.Name("Contents"), text(l.alt),
		pdf.Name("A"), pdf.NewDict(pdf.Name("Type"), pdf.Name("Action"), pdf.Name("S"), pdf.Name("URI"), pdf.Name("URI"), pdf.String{Value: []byte(l.uri)}))
}

// signatureField is an empty signature field with an empty appearance: PDF/A wants one, and
// a signer replaces it.
func (s *structWriter) signatureField(elem pdf.Ref, box SignatureBox) *pdf.Dict {
	r := box.Rect
	empty := s.w.b.Add(pdf.NewStream(pdf.NewDict(pdf.Name("Type"), pdf.Name("XObject"), pdf.Name("Subtype"), pdf.Name("Form"),
		pdf.Name("BBox"), reals(0, 0, r[2]-r[0], r[3]-r[1]), pdf.Name("Resources"), pdf.NewDict()), nil))
	return s.annotation(elem, pdf.NewDict(pdf.Name("Type"), pdf.Name("Annot"), pdf.Name("Subtype"), pdf.Name("Widget"), pdf.Name("FT"), pdf.Name("Sig"),
		pdf.Name("T"), text(box.Name), pdf.Name("TU"), text(s.signs), pdf.Name("Rect"), reals(r[:]...), pdf.Name("AP"), pdf.NewDict(pdf.Name("N"), empty)))
}
