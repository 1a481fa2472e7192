package jsonld

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// dice makes the choices of a generator: a number in [0, n).
type dice func(n int) int

func (d dice) pick(of ...string) string { return of[d(len(of))] }

// one tells true once in n times.
func (d dice) one(n int) bool { return d(n) == n-1 }

// stacks are lists of contexts that documents have in the field.
var stacks = [][]string{
	{"https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"},
	{"https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"},
	{"https://www.w3.org/2018/credentials/v1", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json", "https://w3id.org/security/suites/ed25519-2020/v1"},
	{"https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"},
	{"https://www.w3.org/2018/credentials/v1", "https://w3id.org/vc/status-list/2021/v1", "https://w3id.org/security/data-integrity/v2"},
	{"https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json", "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"},
	{"https://www.w3.org/ns/cid/v1"},
	{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1", "https://w3id.org/security/suites/jws-2020/v1"},
	{"https://www.w3.org/2018/credentials/v1", "https://w3id.org/vdl/v1", "https://w3id.org/vdl/aamva/v1"},
	{"https://w3id.org/openbadges/v2"},
}

// generator writes random but plausible documents.
type generator struct {
	dice
	inline bool // documents carry contexts of their own
	b      strings.Builder
	nodes  int
	ids    []string
	skewed bool // the document meets a known defect of json-gold
}

func (g *generator) str(s string) { g.b.WriteString(strictjson.Quote(s)) }

// document returns a document over one of the stacks.
func (g *generator) document() string {
	stack := stacks[g.dice(len(stacks))]
	entries := make([]string, 0, len(stack)+1)
	for _, url := range stack {
		entries = append(entries, strictjson.Quote(url))
	}
	if g.inline && g.one(2) || g.one(4) {
		entries = append(entries, g.context(2, ""))
	}
	text := "[" + strings.Join(entries, ",") + "]"
	d, err := strictjson.Parse([]byte(`{"@context":`+text+`}`), strictjson.Limits{})
	if err != nil {
		panic(err)
	}
	root, err := RootContext(d, 0, Options{Contexts: newest})
	if err != nil {
		root = Context{active: origin(), contexts: newest}
	}
	g.node(root, nil, text, 0)
	return g.b.String()
}

// context returns an inline context. It does not define the term that it is scoped to:
// json-gold would look that term's container up in the wrong context.
func (g *generator) context(depth int, scopedTo string) string {
	if g.one(3) {
		return `{"@vocab":` + strictjson.Quote(g.pick("https://vocab.example/#", "https://vocab.example/ns/", "urn:v:")) + `}`
	}
	entries := []string{`"ex":"https://ex.example/"`}
	for _, name := range []string{"p1", "p2", "p3", "ex:q", "Klass", "name", "https://ex.example/full"} {
		if !g.one(3) || name == scopedTo {
			continue
		}
		iri := "ex:" + strings.TrimPrefix(name, "ex:")
		if strings.HasPrefix(name, "https:") {
			iri = name
		}
		def := []string{`"@id":` + strictjson.Quote(iri)}
		if g.one(2) {
			def = append(def, `"@type":`+strictjson.Quote(g.pick("@id", "@vocab", "ex:datatype", "@json", "@none", "http://www.w3.org/2001/XMLSchema#double")))
		} else if g.one(3) {
			def = append(def, `"@language":`+g.pick(`"en"`, `"de-AT"`, `null`))
		}
		if g.one(3) {
			def = append(def, `"@container":`+g.pick(`"@list"`, `"@set"`, `"@language"`, `"@graph"`, `"@id"`, `"@type"`, `["@set","@language"]`, `["@graph","@id"]`, `["@graph","@set"]`))
		}
		if depth > 0 && g.one(3) {
			def = append(def, `"@context":`+g.context(depth-1, name))
		}
		if g.one(6) {
			def = append(def, `"@protected":`+g.pick("true", "false"))
		}
		entries = append(entries, strictjson.Quote(name)+":{"+strings.Join(def, ",")+"}")
	}
	if g.one(5) {
		entries = append(entries, `"rev":{"@reverse":"ex:rev"}`)
	}
	if g.one(6) {
		entries = append(entries, `"@language":`+g.pick(`"fr"`, `"pt-BR"`, `null`))
	}
	if g.one(8) {
		entries = append(entries, `"@propagate":`+g.pick("true", "false"))
	}
	if g.one(8) {
		entries = append(entries, `"@protected":true`)
	}
	if g.one(6) {
		entries = append(entries, `"ident":"@id"`, `"kind":"@type"`, `"wert":"@value"`)
	}
	if g.one(6) {
		entries = append(entries, `"@vocab":"https://vocab.example/#"`)
	}
	return "{" + strings.Join(entries, ",") + "}"
}

// names lists the terms of a context, sorted: properties or types.
func names(c Context, types bool) []string {
	var out []string
	for name, t := range c.active.flat() {
		class := t.scope.doc != nil && t.typ == typeNone && t.container == 0 && name[0] >= 'A' && name[0] <= 'Z' || name[0] >= 'A' && name[0] <= 'Z'
		if t.kw == noKeyword && !t.null && class == types {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (g *generator) iri() string {
	if len(g.ids) > 0 && g.one(4) {
		return g.ids[g.dice(len(g.ids))]
	}
	id := g.pick("https://a.example/x/", "did:example:", "urn:uuid:", "mailto:someone", "_:b", "http://b.example/?q=ü#") + strconv.Itoa(g.dice(20))
	g.ids = append(g.ids, id)
	return id
}

// node writes a node object read below property def, in context c before its types.
func (g *generator) node(c Context, def *term, context string, depth int) {
	g.nodes++
	g.b.WriteByte('{')
	sep := ""
	member := func(name string) {
		g.b.WriteString(sep)
		sep = ","
		g.str(name)
		g.b.WriteByte(':')
	}
	if context != "" {
		member("@context")
		g.b.WriteString(context)
	}
	idName, typeName := "@id", "@type"
	for name, t := range c.active.flat() {
		if t.kw == kwID && name == "id" && g.one(2) {
			idName = name
		}
		if t.kw == kwType && name == "type" {
			typeName = name
		}
	}
	if !g.one(3) {
		member(idName)
		g.str(g.iri())
	}
	var types []string
	if all := names(c, true); len(all) > 0 && !g.one(4) {
		for range 1 + g.dice(2) {
			if s := all[g.dice(len(all))]; !slices.Contains(types, s) {
				types = append(types, s)
			}
		}
		if depth == 0 && g.one(2) && slices.Contains(all, "VerifiableCredential") {
			types = []string{"VerifiableCredential"}
		}
		member(typeName)
		g.values(len(types), func(i int) { g.str(types[i]) })
	}
	if inner, err := c.typed(types); err == nil {
		c = inner
	}
	g.properties(c, member, depth)
	if depth < 3 && g.nodes <= 60 && g.one(12) {
		member("@included")
		g.node(c.below(), nil, "", depth+1)
	}
	if depth < 3 && g.nodes <= 60 && g.one(12) {
		member("@graph")
		g.node(c.below(), nil, "", depth+1)
	}
	if depth < 3 && g.nodes <= 60 && g.one(16) {
		member("@reverse")
		fmt.Fprintf(&g.b, `{"https://ex.example/r%d":`, g.dice(2))
		g.node(c.below(), nil, "", depth+1)
		g.b.WriteByte('}')
	}
	g.b.WriteByte('}')
}

func (g *generator) properties(c Context, member func(string), depth int) {
	all := names(c, false)
	used := map[string]bool{}
	count := 1 + g.dice(4)
	if depth == 0 {
		count += 4
	}
	for range count {
		name := ""
		switch k := g.dice(8); {
		case k == 0 || len(all) == 0:
			name = "https://p.example/" + strconv.Itoa(g.dice(3))
		case k == 1 && c.active.hasVocab:
			name = g.pick("free", "loose", "Unbound")
		default:
			name = all[g.dice(len(all))]
		}
		if used[name] {
			continue
		}
		used[name] = true
		member(name)
		g.property(c, name, depth)
	}
}

// property writes the value of a property.
func (g *generator) property(c Context, name string, depth int) {
	def := c.active.lookup(name)
	one := func(int) { g.value(c, name, def, depth) }
	if def != nil && def.scope.doc != nil {
		// json-gold looks the container up in the scoped context: verifiableCredential
		// of credentials/v2 loses its graph. jsonld.js and the specification do not.
		if inner := c.under(def).active.lookup(name); inner == nil || inner.container != def.container || inner.typ != def.typ {
			g.skewed = true
		}
	}
	if def == nil {
		g.values(1+g.dice(2), one)
		return
	}
	switch {
	case def.typ == typeJSON:
		g.b.WriteString(g.pick(`{"b":[1,2,{"z":null}],"a":"x"}`, `{}`, `{"kty":"OKP","x":"a/b"}`))
	case def.container&inLanguage != 0:
		g.b.WriteString(g.pick(`{"en":"x","de-AT":["y","z"]}`, `{"@none":"x","pt":"y"}`, `{}`))
	case def.container&(inID|inType) != 0 && def.container&inIndex == 0:
		key := "https://key.example/" + strconv.Itoa(g.dice(3))
		if all := names(c, true); def.container&inType != 0 && len(all) > 0 {
			key = all[g.dice(len(all))]
			g.skewed = true // json-gold lets the context of the type reach too far; jsonld.js does not
		}
		g.b.WriteString("{" + strictjson.Quote(key) + ":")
		if g.nodes > 60 {
			g.b.WriteString(`{"@type":"https://t.example/T"}`)
		} else {
			g.node(c.under(def), def, "", depth+1)
		}
		g.b.WriteByte('}')
	case def.container&inList != 0 && g.one(4):
		g.b.WriteString(`{"@list":[`)
		one(0)
		g.b.WriteString(`]}`)
	case def.container&inList != 0 && g.one(4):
		g.b.WriteString(`[[`)
		one(0)
		g.b.WriteString(`],"x"]`)
	case g.one(12):
		g.b.WriteString(`{"@set":[`)
		one(0)
		g.b.WriteString(`]}`)
	default:
		g.values(g.dice(3)+1, one)
	}
}

// values writes one value, or a list of n.
func (g *generator) values(n int, one func(int)) {
	if n == 1 && g.one(2) {
		one(0)
		return
	}
	g.b.WriteByte('[')
	for i := range n {
		if i > 0 {
			g.b.WriteByte(',')
		}
		one(i)
	}
	g.b.WriteByte(']')
}

// value writes one value fit for the definition.
func (g *generator) value(c Context, name string, def *term, depth int) {
	mustNode := def != nil && (def.container&(inGraph|inID|inType) != 0 || def.reverse)
	if mustNode || depth < 3 && g.nodes <= 60 && g.one(3) {
		context := ""
		if g.inline && g.one(5) {
			context = g.context(1, "")
		}
		if depth > 4 || g.nodes > 60 {
			g.b.WriteString(`{"@type":"https://t.example/T"}`)
			return
		}
		g.node(c.under(def), def, context, depth+1)
		return
	}
	typ := typeNone
	if def != nil {
		typ = def.typ
	}
	switch {
	case typ == typeID && !g.one(8):
		g.str(g.iri())
	case typ == typeVocab && !g.one(8):
		all := names(c.under(def), false)
		if len(all) > 0 && g.one(2) {
			g.str(all[g.dice(len(all))])
			return
		}
		g.str(g.iri())
	default:
		g.b.WriteString(g.pick(`"text"`, `"2024-01-01T00:00:00Z"`, `"with \"quotes\"\n\\ é 😀 \u0007\u007f"`, `""`, `5`, `-3`, `0`, `1.5`, `12e2`, `1.5e-7`, `0.1`, `123456789.125`, `true`, `false`,
			`{"@value":"v","@type":"https://t.example/D"}`, `{"@value":"v","@language":"en-GB"}`, `{"@value":2.5,"@type":"http://www.w3.org/2001/XMLSchema#double"}`,
			`{"@value":7,"@type":"http://www.w3.org/2001/XMLSchema#double"}`, `{"@value":true}`, `{"@value":{"q":[]},"@type":"@json"}`, `{"@id":"urn:n:1"}`, `{"@list":["l",3]}`, `{"@list":[]}`, `{}`, `[]`))
	}
}

// typed applies type-scoped contexts, ignoring faults: the guess is only a guide.
func (c Context) typed(types []string) (Context, error) {
	r := newRun(nil, &Options{Contexts: c.contexts, Limits: c.limits}, nil)
	defer r.release()
	r.types = append(r.types, types...)
	ac, err := r.applyTypes(0, c.active)
	if err != nil {
		return c, err
	}
	c.active = ac
	return c, nil
}

func (c Context) below() Context {
	if c.active.prev != nil {
		c.active = c.active.prev
	}
	return c
}

func (c Context) under(def *term) Context {
	c = c.below()
	if def != nil && def.scope.doc != nil {
		r := newRun(nil, &Options{Contexts: c.contexts, Limits: c.limits}, nil)
		defer r.release()
		if ac, err := r.scoped(c.active, def.scope, overrideProtected); err == nil {
			c.active = ac
		}
	}
	return c
}
