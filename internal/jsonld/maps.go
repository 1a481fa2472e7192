package jsonld

import (
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// languageMap emits an object whose keys are languages (section 5.1.2, step 13.7).
func (r *run) languageMap(n strictjson.Node, ac *active, p property, pl *place) error {
	d := r.doc
	dir, err := r.directionOf(n, ac, p)
	if err != nil {
		return err
	}
	for c := d.First(n); c != strictjson.None; c = d.Next(c) {
		key := d.Name(c)
		lang := ""
		x, err := ac.expandIRI(key, true)
		if err != nil {
			return r.fail(KeywordLike, c, "expected a language, found the form of a keyword")
		}
		if x.kw != kwNone {
			if !validLanguage(key) {
				return r.fail(InvalidLanguage, c, "expected a language tag")
			}
			lang = strings.ToLower(key)
		}
		if d.Kind(c) == strictjson.Array {
			for e := d.First(c); e != strictjson.None && err == nil; e = d.Next(e) {
				err = r.languageValue(e, lang, dir, pl)
			}
		} else {
			err = r.languageValue(c, lang, dir, pl)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) languageValue(n strictjson.Node, lang, dir string, pl *place) error {
	switch r.doc.Kind(n) {
	case strictjson.Null:
		return r.fail(NullValue, n, "null, which JSON-LD leaves out")
	case strictjson.String:
		return r.text(n, r.doc.String(n), lang, dir, pl)
	}
	return r.fail(InvalidDocument, n, "invalid language map value")
}

// keyedMap emits an id map, type map or graph map (step 13.8). Index maps are refused:
// their keys are no part of the RDF.
func (r *run) keyedMap(n strictjson.Node, ac *active, p property, pl *place) error {
	d := r.doc
	if p.def.container&inIndex != 0 {
		if p.def.index != "" {
			return r.unsupported(n, "property-valued index")
		}
		return r.unsupported(n, "@index")
	}
	if ac.prev != nil { // 13.8.3.1, where implementations differ
		return r.unsupported(n, "an id or type map below a type-scoped context")
	}
	for c := d.First(n); c != strictjson.None; c = d.Next(c) {
		key := d.Name(c)
		mapCtx := ac
		if t := ac.lookup(key); p.def.container&inType != 0 && t != nil && t.scope.doc != nil {
			var err error
			if mapCtx, err = r.scoped(ac, t.scope, noPropagate); err != nil {
				return err
			}
		}
		sub := *pl
		if err := r.mapKey(c, key, ac, p.def, &sub); err != nil {
			return err
		}
		if err := r.items(c, mapCtx, p, &sub, true); err != nil {
			return err
		}
	}
	return nil
}

// mapKey sets what the key of a map says about its values.
func (r *run) mapKey(n strictjson.Node, key string, ac *active, def *term, pl *place) error {
	pl.wrap = def.container&inGraph != 0
	x, err := ac.expandIRI(key, true)
	if err != nil {
		return r.fail(KeywordLike, n, "expected a key, found the form of a keyword")
	}
	if x.kw == kwNone {
		return nil
	}
	if def.container&inType != 0 {
		pl.mapType, err = r.typeIRI(n, key, ac)
		return err
	}
	id, err := r.reference(n, key, ac, false)
	if err != nil {
		return err
	}
	if pl.wrap {
		pl.mapGraph = id
	} else {
		pl.mapID = id
	}
	return nil
}
