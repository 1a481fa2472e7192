package jsonld

import (
	"sync"
	"sync/atomic"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// container is a set of container mappings.
type container uint8

const (
	inGraph container = 1 << iota
	inID
	inIndex
	inLanguage
	inList
	inSet
	inType
)

var containers = map[string]container{
	"@graph": inGraph, "@id": inID, "@index": inIndex, "@language": inLanguage,
	"@list": inList, "@set": inSet, "@type": inType,
}

// coercion is the kind of a type mapping.
type coercion uint8

const (
	typeNone    coercion = iota // no type mapping
	typeID                      // @id
	typeVocab                   // @vocab
	typeJSON                    // @json
	typeUntyped                 // @none
	typeIRI                     // a datatype
)

// source is a local context: a value within a document that holds contexts. The URL
// is that of the document, empty for the one being read.
type source struct {
	doc  *strictjson.Doc
	node strictjson.Node
	url  string
}

// term is a term definition (JSON-LD 1.1 API, section 4.1). It is immutable once its
// context is complete.
type term struct {
	iri       string // the IRI mapping; a keyword when kw is set
	datatype  string // the type mapping
	index     string // the index mapping, "" for @index
	language  string // with hasLang; "" stands for null
	kw        keyword
	typ       coercion
	container container
	null      bool // the IRI mapping is null
	prefix    bool
	protected bool
	reverse   bool
	inline    bool // defined by the document itself, not by a pinned context
	hasLang   bool
	hasDir    bool
	direction string // the direction mapping, with hasDir; "" stands for null
	nest      string
	scope     source // the scoped context, doc nil without one
}

// active is an active context. Once built it is immutable; the definitions that it
// does not replace are those of up.
type active struct {
	own       map[string]*term
	up        *active
	layers    int
	size      int // bound on the number of definitions
	guarded   int // protected definitions
	vocab     string
	language  string
	direction string  // the default base direction: ltr, rtl or ""
	dirOuter  bool    // the direction was set by an earlier context than the last one
	prev      *active // what to return to below the node that set this context
	hasVocab  bool
	valueKey  bool // some term is an alias of @value
	shared    bool // made from pinned contexts only

	kids atomic.Pointer[map[kidKey]*active]
}

// kidKey names what an active context is followed by.
type kidKey struct {
	from  *active
	doc   *strictjson.Doc
	node  strictjson.Node
	flags uint8
}

func (a *active) lookup(name string) *term {
	for ; a != nil; a = a.up {
		if t := a.own[name]; t != nil {
			return t
		}
	}
	return nil
}

// maxLayers bounds how many maps a lookup visits.
const maxLayers = 6

// flat returns all definitions in one map.
func (a *active) flat() map[string]*term {
	m := make(map[string]*term, a.size)
	for l := a; l != nil; l = l.up {
		for name, t := range l.own {
			if m[name] == nil {
				m[name] = t
			}
		}
	}
	return m
}

// next returns a new context that begins as a copy of a.
func (a *active) next() *active {
	n := &active{up: a, layers: a.layers + 1, size: a.size, guarded: a.guarded, vocab: a.vocab, language: a.language,
		prev: a.prev, hasVocab: a.hasVocab, direction: a.direction, dirOuter: a.direction != "", valueKey: a.valueKey}
	if len(a.own) == 0 { // nothing of its own: skip the layer
		n.up, n.layers = a.up, a.layers
	}
	return n
}

// forest is the process-wide cache: a tree of active contexts from pinned contexts.
// A hostile document can name pinned contexts in any order, so the tree is bounded
// and starts anew when full; calls under way keep the old one alive.
var forest struct {
	root  atomic.Pointer[active]
	mu    sync.Mutex
	count int
}

// maxShared bounds the cached contexts, at some kilobytes each.
const maxShared = 4_096

// origin returns the initial context of the current tree.
func origin() *active {
	if a := forest.root.Load(); a != nil {
		return a
	}
	forest.mu.Lock()
	defer forest.mu.Unlock()
	if forest.root.Load() == nil {
		forest.root.Store(&active{shared: true})
	}
	return forest.root.Load()
}

// kid returns the cached follower of a, if there is one.
func (a *active) kid(k kidKey) *active {
	if m := a.kids.Load(); m != nil {
		return (*m)[k]
	}
	return nil
}

// adopt stores a follower, unless another call was faster, and returns the one to use.
func (a *active) adopt(k kidKey, n *active) *active {
	forest.mu.Lock()
	defer forest.mu.Unlock()
	old := a.kids.Load()
	if old != nil && (*old)[k] != nil {
		return (*old)[k]
	}
	if forest.count++; forest.count > maxShared {
		forest.count = 0
		forest.root.Store(&active{shared: true})
	}
	size := 1
	if old != nil {
		size += len(*old)
	}
	m := make(map[kidKey]*active, size)
	if old != nil {
		for key, v := range *old {
			m[key] = v
		}
	}
	m[k] = n
	a.kids.Store(&m)
	return n
}
