package badge

import (
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// maxUserSchemaReady bounds how long a schema takes to be made ready, in steps of some
// 10 ns: the library looks for each subschema among all before it, compares and keeps the
// JSON pointers of all, and copies what it knows for each reference to a place where it
// expects no schema. A schema of 250 kB that people have written takes a tenth of that.
const maxUserSchemaReady = 40_000_000

// maxUserPatterns bounds the instructions of all patterns. With more of them no document
// of some size could be validated, see maxUserPatternWork. maxUserRunes bounds the ranges
// of characters in them: \p{L} alone has 1300.
const (
	maxUserPatterns = 200_000
	maxUserRunes    = 2_000_000
)

// Keywords whose values are subschemas (or lists of them), and those whose members are,
// in every draft. In draft-07 others mean nothing.
var (
	schemaKeywords   = []string{"additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "else", "if", "items", "not", "oneOf", "propertyNames", "then"}
	schemaMaps       = []string{"definitions", "dependencies", "patternProperties", "properties"}
	laterKeywords    = []string{"contentSchema", "unevaluatedItems", "unevaluatedProperties"}
	laterSchemaMaps  = []string{"$defs", "dependentSchemas"}
	laterSchemaLists = []string{"prefixItems"} // 2020-12 only
)

// role is what a value of a schema is to the library.
type role uint8

const (
	plain      role = iota // no schema, unless a reference leads there
	subschema              // a schema, or a list of them
	schemasMap             // an object whose members are schemas
)

// schemaCost measures what making a schema ready takes.
type schemaCost struct {
	doc      *strictjson.Doc
	later    bool // 2019-09 or 2020-12
	latest   bool // 2020-12
	known    map[strictjson.Node]bool
	schemas  int // subschemas where the library expects them
	pointers int // bytes of their JSON pointers
}

// steps returns how long the schema takes to be made ready.
func (s *userSchema) steps() int {
	draft := strings.TrimSuffix(s.doc.String(s.doc.Get(0, "$schema")), "#")
	c := &schemaCost{doc: s.doc, later: draft != drafts[2], known: make(map[strictjson.Node]bool)}
	c.latest = c.later && draft != drafts[1]
	c.walk(0, subschema, 0)
	n, length, elsewhere := c.schemas, c.pointers, 0
	for t, ref := range s.targets {
		if c.known[t] {
			continue
		}
		// What lies there is taken for a schema as a whole.
		size := span(s.doc, t)
		n += size
		length += size*ref + len(s.doc.Raw(t))
		elsewhere++
	}
	return 600*s.doc.Size() + n*n/2 + n*(length/500) + 4*length + 12*elsewhere*n + 3*s.runes + 60*s.patterns
}

// walk counts the subschemas from the value at n on, whose pointer has length bytes.
func (c *schemaCost) walk(n strictjson.Node, as role, length int) {
	d := c.doc
	kind := d.Kind(n)
	if as == subschema && kind != strictjson.Array {
		c.known[n] = true
		c.schemas++
		c.pointers += length
	}
	if as == plain {
		return
	}
	for m := d.First(n); m != strictjson.None; m = d.Next(m) {
		inner := length + len(d.Name(m)) + 8 // the separator, escapes, or an index
		switch {
		case kind == strictjson.Array, as == schemasMap:
			c.walk(m, subschema, inner)
		default:
			c.walk(m, c.roleOf(d.Name(m)), inner)
		}
	}
}

// roleOf says what the value of a keyword is.
func (c *schemaCost) roleOf(keyword string) role {
	switch {
	case slices.Contains(schemaKeywords, keyword), c.later && slices.Contains(laterKeywords, keyword), c.latest && slices.Contains(laterSchemaLists, keyword):
		return subschema
	case slices.Contains(schemaMaps, keyword), c.later && slices.Contains(laterSchemaMaps, keyword):
		return schemasMap
	}
	return plain
}
