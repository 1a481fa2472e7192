package pades

import "github.com/chancery-dev/chancery/internal/pdf"

// freezeAnnot freezes what a field or annotation uses besides what is its own.
func (g *graph) freezeAnnot(i int32) error {
	a := &g.annots[i]
	for key, o := range a.dict.All() {
		switch key {
		case "Parent", "P", "Kids", "IRT", "Popup":
			if err := g.freezeUnknown(o, key != "P"); err != nil {
				return err
			}
			continue
		case "AP":
			if err := g.freezeShown(o, 0); err != nil {
				return err
			}
			continue
		case "V":
			if _, ok := o.(pdf.Ref); ok && a.ft != "Sig" {
				continue
			}
		}
		if err := g.freeze(o, false, 0); err != nil {
			return err
		}
	}
	return nil
}

// freezeUnknown freezes what an annotation names and nothing has given a role: a number that is not in
// use, which must not come to life, or else, if deep, what no list holds. Others keep their roles.
func (g *graph) freezeUnknown(o pdf.Object, deep bool) error {
	switch o := o.(type) {
	case *pdf.Array:
		for _, e := range o.All() {
			if ref, ok := e.(pdf.Ref); ok {
				if err := g.freezeUnknown(ref, deep); err != nil {
					return err
				}
			}
		}
	case pdf.Ref:
		if g.roles[o.Num].kind != kindNone {
			return nil
		}
		if loc, live := g.rev.Locate(o.Num); !live || loc.Gen != o.Gen {
			g.pin(o)
		} else if deep {
			return g.freeze(o, false, 0)
		}
	}
	return nil
}

// pin freezes an object, and not what it leads to.
func (g *graph) pin(ref pdf.Ref) {
	r := g.roles[ref.Num]
	r.frozen = true
	g.roles[ref.Num] = r
}

// pinChain freezes what stands between a place and the list, dictionary or stream that is meant there:
// references to references, and objects that are nothing of the kind, null where a number is not in use.
func (g *graph) pinChain(o pdf.Object) error {
	for n := 0; n < maxDepth; n++ {
		ref, ok := o.(pdf.Ref)
		if !ok {
			return nil
		}
		x, err := g.get(ref)
		if err != nil {
			return err
		}
		switch x.(type) {
		case *pdf.Dict, *pdf.Array, *pdf.Stream:
			if n > 0 {
				g.pin(ref)
			}
			return nil
		}
		g.pin(ref)
		o = x
	}
	return nil
}

// freezeShown freezes what appearance streams are drawn with, not the streams.
func (g *graph) freezeShown(o pdf.Object, depth int) error {
	if depth > 4 {
		return nil
	}
	x, err := g.rev.Resolve(o)
	if err != nil {
		return err
	}
	switch x := x.(type) {
	case *pdf.Dict:
		for _, e := range x.All() {
			if err := g.freezeShown(e, depth+1); err != nil {
				return err
			}
		}
	case *pdf.Stream:
		return g.freeze(x.Dict, true, 0)
	}
	return nil
}

// freezePage freezes all that a page is drawn with.
func (g *graph) freezePage(page *pdf.Dict) error {
	for key, o := range page.All() {
		if key == "Parent" {
			continue
		}
		if key == "Annots" { // those that are objects have their own roles
			continue
		}
		if err := g.freeze(o, true, 0); err != nil {
			return err
		}
	}
	return nil
}

// freezeDocument freezes the rest of the catalog and of the trailer.
func (g *graph) freezeDocument(cat *pdf.Dict) error {
	for key, o := range cat.All() {
		if key == "AcroForm" {
			continue
		}
		if _, ref := o.(pdf.Ref); ref && (key == "Metadata" || key == "Extensions" || key == "DSS") {
			continue
		}
		if key == "DSS" {
			continue
		}
		if err := g.freeze(o, key == "Pages", 0); err != nil {
			return err
		}
	}
	form, _, err := g.rev.AcroForm()
	if err != nil {
		return err
	}
	if form != nil {
		for key, o := range form.All() {
			if key == "Fields" {
				continue
			}
			if err := g.freeze(o, key == "DR", 0); err != nil {
				return err
			}
		}
	}
	return g.freeze(g.rev.Trailer.Get("Encrypt"), false, 0)
}

// freeze marks everything below an object as not to be changed. Fields, annotations,
// pages and the catalog keep their role where they are merely named; what may be drawn
// is frozen whatever else it is.
func (g *graph) freeze(o pdf.Object, drawn bool, depth int) error {
	if depth > maxDepth {
		return &limitError{"objects nested too deeply"}
	}
	switch o := o.(type) {
	case pdf.Ref:
		return g.freezeRef(o, drawn, depth)
	case *pdf.Array:
		for _, e := range o.All() {
			if err := g.freeze(e, drawn, depth+1); err != nil {
				return err
			}
		}
	case *pdf.Dict:
		for key, e := range o.All() {
			if key == "Parent" || key == "P" && !drawn {
				if _, ok := e.(pdf.Ref); ok && g.named(e) {
					continue
				}
			}
			if err := g.freeze(e, drawn, depth+1); err != nil {
				return err
			}
		}
	case *pdf.Stream:
		return g.freeze(o.Dict, drawn, depth+1)
	}
	return nil
}

// named tells the objects that others name without using what they hold.
func (g *graph) named(o pdf.Object) bool {
	ref, ok := o.(pdf.Ref)
	k := g.roles[ref.Num].kind
	return ok && (k == kindPage || k == kindAnnot || k == kindCatalog)
}

// freezeRef freezes an object and what it leads to. The queue keeps long chains of
// objects (outlines, threads) off the stack.
func (g *graph) freezeRef(ref pdf.Ref, drawn bool, depth int) error {
	r := g.roles[ref.Num]
	switch r.kind {
	case kindPage, kindCatalog:
		return nil
	case kindAnnot:
		if drawn {
			r.frozen = true
			g.roles[ref.Num] = r
		}
		return nil
	}
	if r.walked && (r.drawn || !drawn) {
		return nil
	}
	r.frozen, r.walked, r.drawn = true, true, r.drawn || drawn
	g.roles[ref.Num] = r
	o, err := g.get(ref)
	if err != nil {
		return err
	}
	g.queue = append(g.queue, queued{o, drawn})
	if g.draining {
		return nil
	}
	g.draining = true
	defer func() { g.draining = false }()
	for len(g.queue) > 0 {
		q := g.queue[len(g.queue)-1]
		g.queue = g.queue[:len(g.queue)-1]
		if err := g.freeze(q.o, q.drawn, 0); err != nil {
			g.queue = nil
			return err
		}
	}
	return nil
}

// queued is an object still to be frozen.
type queued struct {
	o     pdf.Object
	drawn bool
}
