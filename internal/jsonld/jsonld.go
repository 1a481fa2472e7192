// Package jsonld turns JSON-LD 1.1 documents straight into RDF quads, without an
// expanded tree, under contexts that are known beforehand.
//
// ToQuads is the way in for documents, ProofToQuads for the configuration of a Data
// Integrity proof. There is one mode, and it is safe: whatever ordinary JSON-LD
// processors leave out of the result without a word (undefined terms and types,
// relative identifiers, null values, index keys, values that hang on nothing) is an
// error with a JSON pointer to the place. Nothing dials: a context is one that the
// Resolver knows, or an error.
//
// The base IRI is null, rdfDirection is null, the processing mode is json-ld-1.1.
// What the package does not do exactly as the specification says it refuses with
// ErrUnsupported; it never gives another answer.
//
// A context is compiled once per process into an immutable table of terms. Contexts
// that a document carries inline go through the same compiler, every time.
package jsonld

import (
	"errors"
	"sync"

	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Resolver returns the version of a context to use for a URL, and nil when the URL
// is unknown. It must answer alike within one call of ToQuads.
type Resolver func(url string) *ldcontext.Version

// Limits bounds the work on one document. A zero field means the default.
type Limits struct {
	Quads       int // statements; 100,000
	Depth       int // nesting of values below the root; 128
	ContextWork int // term definitions read from contexts that are not compiled yet; 20,000
	Remote      int // contexts named by URL, with repetitions; 4,096
}

// The defaults of Limits. The largest stack of contexts known here has some 600
// definitions.
const (
	defaultQuads       = 100_000 // as many as package rdfc takes
	defaultDepth       = 128
	defaultContextWork = 20_000
	defaultRemote      = 4_096

	maxMembers = 16_384 // of objects being read at one time: they are held while they are
)

// Options says how a document is read.
type Options struct {
	Contexts Resolver // required as soon as a context is named by URL; nil knows none
	DropRoot []string // members of the root object left out, such as "proof", by their names in the text; the root is then an object
	Limits   Limits

	// ByName refuses, with ErrUnsupported, every form of a document that hides a member
	// from readers who go by names: properties written as IRIs or under names of the
	// document's own, @nest, @included, @graph, @reverse, @set, and a root that is
	// described twice. False reads all that JSON-LD allows, for comparison with others:
	// a document that is signed by its RDF and read by its names needs true.
	ByName bool

	// Blank, where it is there, makes the blank nodes that have no identifier in the
	// document, in place of Dataset.NewBlank: it is given the value that a node stands for
	// and how. Selective disclosure needs it, to find the nodes of a document again in a
	// part of it. No two calls of one conversion have the same arguments.
	Blank func(n strictjson.Node, role BlankRole) rdfc.TermID
}

// BlankRole says how a blank node stands for a JSON value.
type BlankRole uint8

// The roles.
const (
	BlankSubject BlankRole = iota // the object is the node
	BlankCell                     // the node of an ordered list that holds the value
	BlankGraph                    // the graph that the object lies in
)

// Result says what a document was read with. It is valid as long as the document is.
type Result struct {
	Contexts []*ldcontext.Version // every version used, once, in the order of first use
	Inline   bool                 // the document carries contexts of its own, beside those named by URL
	Root     Context              // the context that the members of the root object were read in
}

// ToQuads appends the quads of the value at root, which is read as a whole JSON-LD
// document (an object, or an array of them), to out. The errors are of type *Error;
// after one, what was appended to out means nothing.
func ToQuads(d *strictjson.Doc, root strictjson.Node, opt Options, out *rdfc.Dataset) (Result, error) {
	r := newRun(d, &opt, out)
	defer r.release()
	r.drop = opt.DropRoot
	if len(r.drop) > 0 && d.Kind(root) != strictjson.Object {
		return Result{}, r.fail(InvalidDocument, root, "expected an object")
	}
	if err := r.document(root, r.origin, strictjson.None); err != nil {
		return Result{}, err
	}
	return r.result(), nil
}

// ProofToQuads appends the quads of the proof configuration (VC Data Integrity 1.0,
// section 4.2): the object at proof, without the members that opt.DropRoot names
// (such as "proofValue"), under the @context of the object contextOf. An @context
// within the proof must be equal to that one, unless DropRoot names "@context".
func ProofToQuads(d *strictjson.Doc, contextOf, proof strictjson.Node, opt Options, out *rdfc.Dataset) error {
	r := newRun(d, &opt, out)
	defer r.release()
	r.drop = opt.DropRoot
	if d.Kind(proof) != strictjson.Object {
		return r.fail(InvalidDocument, proof, "expected a proof that is an object")
	}
	ctx := d.Get(contextOf, "@context")
	ac := r.origin
	if ctx != strictjson.None {
		var err error
		if ac, err = r.enter(ac, source{doc: d, node: ctx}); err != nil {
			return err
		}
	}
	own := d.Get(proof, "@context")
	if own != strictjson.None && !r.dropped("@context") && (ctx == strictjson.None || !equalJSON(d, own, d, ctx)) {
		return r.fail(InvalidDocument, own, "a proof whose @context is not that of the document")
	}
	return r.document(proof, ac, own)
}

// RootContext returns the context that the members of the object at n are read in,
// when it is the root of a document. No quads are made and no values are read.
func RootContext(d *strictjson.Doc, n strictjson.Node, opt Options) (Context, error) {
	r := newRun(d, &opt, nil)
	defer r.release()
	ac := r.origin
	if c := d.Get(n, "@context"); c != strictjson.None {
		var err error
		if ac, err = r.enter(ac, source{doc: d, node: c}); err != nil {
			return Context{}, err
		}
	}
	base := len(r.members)
	if err := r.resolve(n, ac, strictjson.None); err != nil {
		return Context{}, err
	}
	ac, err := r.typeScoped(base, ac)
	if err != nil {
		return Context{}, err
	}
	return Context{active: ac, contexts: opt.Contexts, limits: r.limits}, nil
}

// run is the state of one conversion.
type run struct {
	doc    *strictjson.Doc
	out    *rdfc.Dataset
	opt    *Options
	limits Limits
	drop   []string
	origin *active

	members []member // a stack: those of the objects being read
	types   []string // scratch of typeScoped
	depth   int
	quads   int
	work    int // term definitions read
	remote  int // contexts named by URL

	used      []*ldcontext.Version
	inline    bool
	rootCtx   *active
	rootID    rdfc.TermID
	hasRoot   bool
	local     map[kidKey]*active // contexts of this document
	named     map[*active]map[string]bool
	said      map[saying]strictjson.Node // with ByName
	validated map[source]bool
	first     rdfc.TermID // rdf:first, rdf:rest, rdf:type once interned
	rest      rdfc.TermID
	rdfType   rdfc.TermID
}

var runs = sync.Pool{New: func() any { return new(run) }}

func newRun(d *strictjson.Doc, opt *Options, out *rdfc.Dataset) *run {
	r := runs.Get().(*run)
	r.doc, r.opt, r.out = d, opt, out
	r.limits = opt.Limits
	for _, l := range []struct {
		v *int
		d int
	}{{&r.limits.Quads, defaultQuads}, {&r.limits.Depth, defaultDepth}, {&r.limits.ContextWork, defaultContextWork}, {&r.limits.Remote, defaultRemote}} {
		if *l.v <= 0 {
			*l.v = l.d
		}
	}
	r.origin = origin()
	return r
}

// blank makes a blank node for a value without identifier.
func (r *run) blank(n strictjson.Node, role BlankRole) rdfc.TermID {
	if r.opt.Blank != nil {
		return r.opt.Blank(n, role)
	}
	return r.out.NewBlank()
}

// release returns the scratch memory to the pool, without the caller's document.
func (r *run) release() {
	const keep = 4096 // members; a larger stack was a rare document
	members, types := r.members[:cap(r.members)], r.types[:cap(r.types)]
	if len(members) > keep || len(types) > keep {
		members, types = nil, nil
	}
	clear(members)
	clear(types)
	said := r.said
	if len(said) > keep {
		said = nil
	}
	clear(said)
	*r = run{members: members[:0], types: types[:0], said: said}
	runs.Put(r)
}

func (r *run) result() Result {
	return Result{Contexts: r.used, Inline: r.inline,
		Root: Context{active: r.rootCtx, contexts: r.opt.Contexts, limits: r.limits}}
}

func (r *run) dropped(name string) bool {
	for _, d := range r.drop {
		if d == name {
			return true
		}
	}
	return false
}

// Context is the meaning of names at one place of a document.
type Context struct {
	active   *active
	contexts Resolver
	limits   Limits
}

// Term is what a name stands for.
type Term struct {
	IRI     string // the property or class; a keyword such as "@id" for an alias
	Type    string // type coercion: "@id", "@vocab", "@json", "@none", a datatype IRI, or ""
	List    bool   // values are an ordered list
	Graph   bool   // values are graphs of their own
	Reverse bool
}

// Term returns what a member name or type stands for in this context; ok is false
// where it stands for nothing.
func (c Context) Term(name string) (t Term, ok bool) {
	if c.active == nil {
		return Term{}, false
	}
	if def := c.active.lookup(name); def != nil {
		if def.null {
			return Term{}, false
		}
		t = Term{IRI: def.iri, List: def.container&inList != 0, Graph: def.container&inGraph != 0, Reverse: def.reverse}
		if def.typ != typeNone {
			t.Type = def.datatype
		}
		return t, true
	}
	x, err := c.active.expandIRI(name, true)
	if err != nil || x.kw == 0 && !x.absolute() {
		return Term{}, false
	}
	return Term{IRI: x.iri}, true
}

// IRI returns the IRI or keyword that a name stands for, and "" for none.
func (c Context) IRI(name string) string {
	t, _ := c.Term(name)
	return t.IRI
}

// Under returns the context in which the members of an object are read that is the
// value of property and has the given types. An empty property is no property.
func (c Context) Under(property string, types ...string) (Context, error) {
	if c.active == nil {
		return c, errors.New("jsonld: expected a context")
	}
	r := newRun(nil, &Options{Contexts: c.contexts, Limits: c.limits}, nil)
	defer r.release()
	ac := c.active
	var scope source
	if def := ac.lookup(property); property != "" && def != nil {
		scope = def.scope
	}
	if ac.prev != nil {
		ac = ac.prev
	}
	var err error
	if scope.doc != nil {
		if ac, err = r.scoped(ac, scope, overrideProtected); err != nil {
			return c, err
		}
	}
	r.types = append(r.types, types...)
	ac, err = r.applyTypes(0, ac)
	if err != nil {
		return c, err
	}
	c.active = ac
	return c, nil
}
