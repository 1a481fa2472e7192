package jsonld

import (
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// localContext is a context definition (an object) while it is read into result.
type localContext struct {
	r        *run
	s        source
	flags    uint8
	chain    []string
	validate bool
	protect  bool // @protected of the whole context

	result  *active
	entries []entry
	index   map[string]int // into entries; nil for few
	scopes  []source       // scoped contexts to validate
}

// entry is a member of a context definition. With @import some come from another document.
type entry struct {
	name  string
	src   source
	state uint8
}

const (
	undefined uint8 = iota
	underway
	defined
)

// define reads the definition (section 4.1.2, steps 5.3 to 5.13).
func (l *localContext) define(ac *active) (*active, error) {
	d := l.s.doc
	for c := d.First(l.s.node); c != strictjson.None; c = d.Next(c) {
		l.entries = append(l.entries, entry{name: d.Name(c), src: source{d, c, l.s.url}})
	}
	if v := l.member("@version"); v != nil { // 5.5
		if f, ok := v.src.doc.Float(v.src.node); !ok || f != 1.1 {
			return nil, l.bad(v.src, "invalid @version value")
		}
	}
	if v := l.member("@import"); v != nil { // 5.6
		if err := l.imported(v.src); err != nil {
			return nil, err
		}
	}
	l.r.work += len(l.entries)
	if l.r.work > l.r.limits.ContextWork {
		return nil, l.r.contextError(l.s, LimitExceeded, "too much context to read")
	}
	if len(l.entries) > 8 {
		l.index = make(map[string]int, len(l.entries))
		for i := range l.entries {
			l.index[l.entries[i].name] = i
		}
	}
	l.result = ac.next()
	if l.result.layers > maxLayers {
		l.r.work += l.result.size / 8
		l.result.own, l.result.up, l.result.layers = l.result.flat(), nil, 0
	}
	if err := l.settings(); err != nil {
		return nil, err
	}
	for i := range l.entries { // 5.13
		if settingNames[l.entries[i].name] {
			continue
		}
		if err := l.need(l.entries[i].name); err != nil {
			return nil, err
		}
	}
	for _, s := range l.scopes {
		if err := l.check(s); err != nil {
			return nil, err
		}
	}
	if n := l.result; n.own == nil && n.vocab == ac.vocab && n.hasVocab == ac.hasVocab && n.language == ac.language && n.direction == ac.direction && n.dirOuter == ac.dirOuter {
		return ac, nil // nothing new: what is cached for ac stays useful
	}
	return l.result, nil
}

var settingNames = map[string]bool{"@base": true, "@direction": true, "@import": true, "@language": true,
	"@propagate": true, "@protected": true, "@version": true, "@vocab": true}

// check processes a scoped context to see that it is valid (create term definition,
// step 21). Its own scoped contexts are checked on the way.
func (l *localContext) check(s source) error {
	r := l.r
	if r.validated[s] {
		return nil
	}
	if r.validated == nil {
		r.validated = make(map[source]bool)
	}
	r.validated[s] = true
	used := len(r.used)
	_, err := r.process(l.result, s, overrideProtected, l.chain, false)
	r.used = r.used[:min(used, len(r.used))] // a context that is only checked is not used
	return err
}

func (l *localContext) find(name string) int {
	if l.index != nil {
		if i, ok := l.index[name]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(l.entries, func(e entry) bool { return e.name == name })
}

func (l *localContext) member(name string) *entry {
	if i := l.find(name); i >= 0 {
		return &l.entries[i]
	}
	return nil
}

func (l *localContext) bad(s source, detail string) error {
	return l.r.contextError(s, InvalidContext, detail)
}

func (l *localContext) unsupported(s source, feature string) error {
	e := l.r.contextError(s, UnsupportedThing, feature+" is not supported")
	e.Feature = feature
	return e
}

// imported merges the context that @import names under the present entries.
func (l *localContext) imported(s source) error {
	url, ok := s.doc.Str(s.node)
	if !ok {
		return l.bad(s, "invalid @import value")
	}
	if l.r.remote++; l.r.remote > l.r.limits.Remote {
		return l.r.contextError(s, LimitExceeded, "too many contexts named by URL")
	}
	v, ctx, err := l.r.load(s, url)
	if err != nil {
		return err
	}
	if v.Doc.Kind(ctx) != strictjson.Object {
		return l.bad(s, "invalid remote context: expected an object to import")
	}
	if v.Doc.Get(ctx, "@import") != strictjson.None {
		return l.bad(s, "invalid context entry: @import in an imported context")
	}
	own := make(map[string]bool, len(l.entries))
	for i := range l.entries {
		own[l.entries[i].name] = true
	}
	for c := v.Doc.First(ctx); c != strictjson.None; c = v.Doc.Next(c) {
		name := v.Doc.Name(c)
		src := source{v.Doc, c, v.URL}
		if name == "@propagate" && !own[name] {
			return l.unsupported(src, "@propagate in an imported context")
		}
		if name == "@base" {
			return l.unsupported(src, "@base")
		}
		if name == "@version" {
			if f, ok := v.Doc.Float(c); !ok || f != 1.1 {
				return l.bad(src, "invalid @version value")
			}
		}
		if !own[name] {
			l.entries = append(l.entries, entry{name: name, src: src})
		}
	}
	return nil
}

// settings reads what is not a term (steps 5.7 to 5.11).
func (l *localContext) settings() error {
	if e := l.member("@base"); e != nil && l.flags&viaURL == 0 {
		if e.src.doc.Kind(e.src.node) != strictjson.Null {
			if _, ok := e.src.doc.Str(e.src.node); !ok {
				return l.bad(e.src, "invalid base IRI")
			}
			return l.unsupported(e.src, "@base")
		}
	}
	if e := l.member("@protected"); e != nil {
		b, ok := e.src.doc.Bool(e.src.node)
		if !ok {
			return l.bad(e.src, "invalid @protected value")
		}
		l.protect = b
	}
	if e := l.member("@language"); e != nil { // 5.9
		lang, err := l.lang(e.src, "invalid default language")
		if err != nil {
			return err
		}
		l.result.language = lang
	}
	if e := l.member("@direction"); e != nil { // 5.10
		dir, err := l.direction(e.src)
		if err != nil {
			return err
		}
		l.result.direction, l.result.dirOuter = dir, false
	}
	e := l.member("@vocab") // 5.8
	if e == nil {
		return nil
	}
	if e.src.doc.Kind(e.src.node) == strictjson.Null {
		l.result.vocab, l.result.hasVocab = "", false
		return nil
	}
	value, ok := e.src.doc.Str(e.src.node)
	if !ok {
		return l.bad(e.src, "invalid vocab mapping")
	}
	x, err := expandIRI(l.result, value, true, nil)
	if err != nil {
		return l.at(e.src, err)
	}
	if x.kw != 0 || x.null {
		return l.bad(e.src, "invalid vocab mapping")
	}
	if !x.absolute() {
		return l.r.contextError(e.src, RelativeIRI, "relative @vocab without a base")
	}
	if !validIRI(x.iri) {
		return l.r.contextError(e.src, InvalidIRI, "@vocab holds a character that IRIs exclude")
	}
	l.result.vocab, l.result.hasVocab = x.iri, true
	return nil
}

// lang reads a language of a context: "" for null.
func (l *localContext) lang(s source, fault string) (string, error) {
	if s.doc.Kind(s.node) == strictjson.Null {
		return "", nil
	}
	lang, ok := s.doc.Str(s.node)
	if !ok {
		return "", l.bad(s, fault)
	}
	if !validLanguage(lang) {
		return "", l.r.contextError(s, InvalidLanguage, "expected a language tag")
	}
	return strings.ToLower(lang), nil
}

// direction reads a direction of a context: "" for null.
func (l *localContext) direction(s source) (string, error) {
	if s.doc.Kind(s.node) == strictjson.Null {
		return "", nil
	}
	v := s.doc.String(s.node)
	if v != "ltr" && v != "rtl" {
		return "", l.bad(s, "invalid base direction")
	}
	return v, nil
}

// at adds the place to an error of IRI expansion.
func (l *localContext) at(s source, err error) error {
	if err == error(errKeywordLike) {
		return l.r.contextError(s, KeywordLike, errKeywordLike.Detail)
	}
	return err
}
