package jsonld

import (
	"slices"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Flags of context processing (JSON-LD 1.1 API, section 4.1.2).
const (
	overrideProtected uint8 = 1 << iota
	noPropagate             // the parameter propagate is false
	viaURL                  // the context was named by URL: its @base counts for nothing
	returned                // no context is processed: the one before a type-scoped one is read again
)

// enter reads the @context of a node object.
func (r *run) enter(ac *active, s source) (*active, error) {
	if s.doc != r.doc || s.url != "" {
		return r.process(ac, s, 0, nil, true)
	}
	// Contexts named by URL are cached one by one; the parts in between are not.
	switch s.doc.Kind(s.node) {
	case strictjson.String:
		return r.byURL(ac, s, 0, nil, true)
	case strictjson.Array:
		if err := refusePropagate(r, s); err != nil {
			return nil, err
		}
		var err error
		for c := s.doc.First(s.node); c != strictjson.None; c = s.doc.Next(c) {
			if s.doc.Kind(c) == strictjson.Array {
				return nil, r.contextError(source{s.doc, c, s.url}, InvalidContext, "invalid local context: an array in an array")
			}
			if ac, err = r.enter(ac, source{s.doc, c, s.url}); err != nil {
				return nil, err
			}
		}
		return ac, nil
	}
	r.inline = true
	return r.process(ac, unwrapped(s), 0, nil, true)
}

// unwrapped reads {"@context": {…}} in the list of the root's contexts as the object within,
// as other processors do, though the grammar does not allow it: signed documents of the
// W3C's Data Integrity suites have it. Elsewhere, and with anything beside it, it is
// refused; where it is the only context, the suite of JSON-LD demands that (ter56).
func unwrapped(s source) source {
	d := s.doc
	inner := d.First(s.node)
	if d.Kind(s.node) != strictjson.Object || d.Len(s.node) != 1 || d.Name(inner) != "@context" || d.Kind(inner) != strictjson.Object {
		return s
	}
	if list := d.Parent(s.node); d.Kind(list) != strictjson.Array || d.Parent(list) != 0 {
		return s
	}
	return source{d, inner, s.url}
}

// scoped applies a scoped context, from the cache where it may be.
func (r *run) scoped(ac *active, s source, flags uint8) (*active, error) {
	k := kidKey{from: ac, doc: s.doc, node: s.node, flags: flags}
	if ac.shared {
		if n := ac.kid(k); n != nil {
			return n, nil
		}
	}
	if n := r.local[k]; n != nil {
		return n, nil
	}
	n, err := r.process(ac, s, flags, nil, false)
	if err != nil {
		return nil, err
	}
	return r.keep(ac, k, n, s.url != "" && !namesURL(s.doc, s.node)), nil
}

// keep caches what follows from ac: for the process if everything it depends on is
// pinned, else for this document.
func (r *run) keep(ac *active, k kidKey, n *active, pinned bool) *active {
	if ac.shared && pinned && n != ac && !n.shared {
		n.shared = true
		return ac.adopt(k, n)
	}
	if ac.shared && pinned {
		return ac.adopt(k, n)
	}
	if r.local == nil {
		r.local = make(map[kidKey]*active)
	}
	r.local[k] = n
	return n
}

// byURL applies the context behind the URL at s.
func (r *run) byURL(ac *active, s source, flags uint8, chain []string, validate bool) (*active, error) {
	url := s.doc.String(s.node)
	if r.remote++; r.remote > r.limits.Remote {
		return nil, r.contextError(s, LimitExceeded, "too many contexts named by URL")
	}
	if slices.Contains(chain, url) {
		if !validate {
			return ac, nil
		}
		return nil, r.contextError(s, InvalidContext, "recursive context inclusion")
	}
	v, ctx, err := r.load(s, url)
	if err != nil {
		return nil, err
	}
	k := kidKey{from: ac, doc: v.Doc, node: ctx, flags: flags | viaURL}
	if ac.shared {
		if n := ac.kid(k); n != nil {
			return n, nil
		}
	}
	if n := r.local[k]; n != nil {
		return n, nil
	}
	if len(chain) >= 16 {
		return nil, r.contextError(s, LimitExceeded, "contexts name each other too deeply")
	}
	n, err := r.process(ac, source{v.Doc, ctx, v.URL}, flags|viaURL, append(slices.Clip(chain), url), validate)
	if err != nil {
		return nil, err
	}
	if n.up != nil && n != ac { // looked up for every document from here on: one map
		r.work += n.size / 8
		n.own, n.up, n.layers = n.flat(), nil, 0
		n.size = len(n.own)
	}
	if !validate {
		return n, nil
	}
	return r.keep(ac, k, n, !namesURL(v.Doc, ctx)), nil
}

// load finds the version of a context and its @context member.
func (r *run) load(s source, url string) (*ldcontext.Version, strictjson.Node, error) {
	if scheme(url) == 0 {
		return nil, 0, r.contextError(s, RelativeIRI, "expected the absolute URL of a context")
	}
	var v *ldcontext.Version
	if r.opt.Contexts != nil {
		v = r.opt.Contexts(url)
	}
	if v == nil {
		return nil, 0, r.contextError(s, UnknownContext, "expected the URL of a known context, found \""+clip(url)+"\"")
	}
	if !slices.Contains(r.used, v) {
		r.used = append(r.used, v)
	}
	if v.Doc == nil {
		return nil, 0, r.contextError(s, InvalidContext, "invalid remote context: no document")
	}
	ctx := v.Doc.Get(0, "@context")
	if ctx == strictjson.None {
		return nil, 0, r.contextError(s, InvalidContext, "invalid remote context: no @context")
	}
	return v, ctx, nil
}

// namesURL tells whether a local context, or one scoped in it, names another by URL,
// so that it depends on the Resolver.
func namesURL(d *strictjson.Doc, n strictjson.Node) bool {
	switch d.Kind(n) {
	case strictjson.String:
		return true
	case strictjson.Array:
		for c := d.First(n); c != strictjson.None; c = d.Next(c) {
			if namesURL(d, c) {
				return true
			}
		}
	case strictjson.Object:
		for c := d.First(n); c != strictjson.None; c = d.Next(c) {
			if d.Name(c) == "@import" {
				return true
			}
			if d.Kind(c) == strictjson.Object && d.Get(c, "@context") != strictjson.None && namesURL(d, d.Get(c, "@context")) {
				return true
			}
		}
	}
	return false
}

// process is the Context Processing Algorithm (section 4.1.2). chain holds the URLs
// on the way to s; validate says whether scoped contexts are checked too.
func (r *run) process(ac *active, s source, flags uint8, chain []string, validate bool) (*active, error) {
	if r.depth++; r.depth > r.limits.Depth {
		return nil, r.contextError(s, LimitExceeded, "contexts nested too deeply")
	}
	defer func() { r.depth-- }()
	kind := s.doc.Kind(s.node)
	if kind == strictjson.Object { // 2
		if p := s.doc.Get(s.node, "@propagate"); p != strictjson.None {
			if b, ok := s.doc.Bool(p); !ok {
				return nil, r.contextError(source{s.doc, p, s.url}, InvalidContext, "invalid @propagate value")
			} else if b {
				flags &^= noPropagate
			} else {
				flags |= noPropagate
			}
		}
	}
	result := ac
	if flags&noPropagate != 0 && ac.prev == nil { // 3
		result = ac.next()
		result.prev = ac
	}
	if kind != strictjson.Array {
		return r.processOne(result, s, flags, chain, validate)
	}
	if err := refusePropagate(r, s); err != nil {
		return nil, err
	}
	for c := s.doc.First(s.node); c != strictjson.None; c = s.doc.Next(c) { // 5
		var err error
		if result, err = r.processOne(result, source{s.doc, c, s.url}, flags, chain, validate); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// refusePropagate refuses an array of contexts with @propagate in one of them, which
// implementations do not agree about.
func refusePropagate(r *run, s source) error {
	for c := s.doc.First(s.node); c != strictjson.None; c = s.doc.Next(c) {
		if p := s.doc.Get(c, "@propagate"); p != strictjson.None {
			e := r.contextError(source{s.doc, p, s.url}, UnsupportedThing, "@propagate in an array of contexts is not supported")
			e.Feature = "@propagate in an array of contexts"
			return e
		}
	}
	return nil
}

// processOne handles one item of a local context (section 4.1.2, step 5).
func (r *run) processOne(result *active, s source, flags uint8, chain []string, validate bool) (*active, error) {
	if r.work++; r.work > r.limits.ContextWork {
		return nil, r.contextError(s, LimitExceeded, "too much context to read")
	}
	switch s.doc.Kind(s.node) {
	case strictjson.Null: // 5.1
		if flags&overrideProtected == 0 && result.guarded > 0 {
			return nil, r.contextError(s, ProtectedTerm, "invalid context nullification: there are protected terms")
		}
		n := &active{}
		if flags&noPropagate != 0 {
			n.prev = result
		}
		return n, nil
	case strictjson.String: // 5.2
		n, err := r.byURL(result, s, flags&overrideProtected, chain, validate)
		return n, err
	case strictjson.Object:
		l := &localContext{r: r, s: s, flags: flags, chain: chain, validate: validate}
		return l.define(result)
	}
	return nil, r.contextError(s, InvalidContext, "invalid local context: expected null, a string or an object")
}

// contextError reports a fault within a context: in the document being read, or in
// another one that its URL names.
func (r *run) contextError(s source, code Code, detail string) *Error {
	return &Error{Code: code, Context: s.url, Pointer: s.doc.Pointer(s.node), Detail: detail}
}
