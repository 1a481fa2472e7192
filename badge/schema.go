package badge

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Flavour is one of the two readings of the classes that 1EdTech publishes schemas for.
type Flavour string

// The flavours: Canonical takes lists as lists and strings as strings; JSONLD also takes
// what JSON-LD reads the same, a single value for a list and a map of languages for a
// string.
const (
	Canonical Flavour = "canonical"
	JSONLD    Flavour = "json-ld"
)

const (
	maxSchemaFindings = 20
	maxSchemaNodes    = 100_000 // of the instance
	maxDetailNodes    = 10_000  // of an instance whose faults are told: the validator may keep a kB of errors for each value
)

// ErrSchemaUnsupported: a schema, or what is to be validated, is beyond what is
// evaluated here. It says nothing about the instance: the outcome is indeterminate.
var ErrSchemaUnsupported = errors.New("badge: expected a schema that can be evaluated offline and in bounded time")

// Schema returns the JSON Schema (2020-12) of a kind of credential, for
// the data model 2.0 or 1.1, as a generic value that can be written as JSON. ok is false for kinds that have none.
func Schema(k Kind, model chancery.ModelVersion, f Flavour) (schema map[string]any, ok bool) {
	name := className(k)
	if name == "" {
		return nil, false
	}
	b := schemaBuilder{v1: model == chancery.Model1_1, ld: f == JSONLD, defs: map[string]any{}}
	root := b.class(name)
	schema = map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": root["$ref"], "$defs": b.defs}
	return schema, true
}

type schemaKey struct {
	kind  Kind
	model chancery.ModelVersion
	f     Flavour
}

var compiled sync.Map // schemaKey to *validator

// ValidateBadge validates the credential at n by the schema of its kind and of the
// data model that its first context names, in a flavour. The findings are of the closest branch, at
// most 20, and all Errors; of a very large document there is one that says only that
// it is not valid. An error that wraps ErrSchemaUnsupported means that it
// could not be validated.
func ValidateBadge(doc *strictjson.Doc, n strictjson.Node, f Flavour) ([]Finding, error) {
	k := KindOf(doc, n)
	key := schemaKey{k, chancery.Model2_0, f}
	if firstContext(doc, n) == chancery.ContextV1 {
		key.model = chancery.Model1_1
	}
	s, ok := compiled.Load(key)
	if !ok {
		value, known := Schema(k, key.model, f)
		if !known {
			return nil, fmt.Errorf("%w: no schema for this kind of document", ErrSchemaUnsupported)
		}
		sch, err := compileSchema(value)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSchemaUnsupported, err)
		}
		s, _ = compiled.LoadOrStore(key, sch)
	}
	v := s.(*validator)
	if k == CLR {
		// What a record holds is validated in its own right, and may be a lot.
		if inner := doc.Path(n, "credentialSubject", "verifiableCredential"); doc.Kind(inner) == strictjson.Array {
			small, err := withoutInner(doc, n, inner)
			if err != nil {
				return nil, err
			}
			out, err := v.validate(small, 0, span(small, 0) <= maxDetailNodes)
			for i := range out {
				out[i].Pointer = doc.Pointer(n) + out[i].Pointer
			}
			return out, err
		}
	}
	return v.validate(doc, n, span(doc, n) <= maxDetailNodes)
}

// withoutInner returns the credential at n with the objects of the list inner emptied,
// so that every pointer stays the same.
func withoutInner(doc *strictjson.Doc, n, inner strictjson.Node) (*strictjson.Doc, error) {
	var list strings.Builder
	for e := doc.First(inner); e != strictjson.None; e = doc.Next(e) {
		if list.Len() > 0 {
			list.WriteByte(',')
		}
		if doc.Kind(e) == strictjson.Object {
			list.WriteString("{}")
		} else {
			list.WriteString(doc.Raw(e))
		}
	}
	subject := doc.Rewrite(doc.Get(n, "credentialSubject"), []strictjson.Member{{Name: "verifiableCredential", Value: "[" + list.String() + "]"}})
	return strictjson.Parse(doc.Rewrite(n, []strictjson.Member{{Name: "credentialSubject", Value: string(subject)}}), strictjson.Limits{})
}

// span counts the values of the subtree at n.
func span(doc *strictjson.Doc, n strictjson.Node) int {
	for at := n; at != strictjson.None; at = doc.Parent(at) {
		if next := doc.Next(at); next != strictjson.None {
			return int(next - n) // nodes are numbered in the order of the text
		}
	}
	return doc.Size() - int(n)
}

// CheckSchema validates the credential at n the way 1EdTech asks: by the canonical
// flavour first; what passes in the JSON-LD flavour alone gets one Warning that names the
// first difference. Otherwise the findings are those of the JSON-LD flavour. The error
// is that of ValidateBadge.
func CheckSchema(doc *strictjson.Doc, n strictjson.Node) ([]Finding, error) {
	canonical, err := ValidateBadge(doc, n, Canonical)
	if err != nil || len(canonical) == 0 {
		return nil, err
	}
	ld, err := ValidateBadge(doc, n, JSONLD)
	if err != nil || len(ld) > 0 {
		return ld, err
	}
	first := canonical[0]
	return []Finding{{Warning, "schema_json_ld_only", first.Pointer, "valid in the JSON-LD flavour of the schema only: " + first.Message}}, nil
}

// SchemaBinding tells whether the credential at n asks to be validated by 1EdTech's
// schema: whether a credentialSchema has the type 1EdTechJsonSchemaValidator2019.
func SchemaBinding(doc *strictjson.Doc, n strictjson.Node) bool {
	found := false
	doc.Each(doc.Get(n, "credentialSchema"), func(e strictjson.Node) bool {
		found = hasType(doc, e, "1EdTechJsonSchemaValidator2019")
		return !found
	})
	return found
}

// closed refuses to load anything.
type closed struct{}

func (closed) Load(string) (any, error) { return nil, errors.New("badge: schemas are not loaded") }

const (
	schemaURL = "urn:badge:schema"
	gateURL   = "urn:badge:gate"
)

// validator is a compiled schema. gate asks the same and only whether; the keyword
// "if" makes the library stop at the first fault and keep none.
type validator struct{ gate, full *jsonschema.Schema }

func compileSchema(value any) (*validator, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(closed{})
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseRegexpEngine(compilePattern)
	if err := c.AddResource(schemaURL, value); err != nil {
		return nil, err
	}
	if err := c.AddResource(gateURL, map[string]any{"if": map[string]any{"$ref": schemaURL}, "else": false}); err != nil {
		return nil, err
	}
	var v validator
	var err error
	if v.full, err = c.Compile(schemaURL); err != nil {
		return nil, err
	}
	v.gate, err = c.Compile(gateURL)
	return &v, err
}

// validate tells the faults of the value at n; without detail, only that there are some.
func (s *validator) validate(doc *strictjson.Doc, n strictjson.Node, detail bool) ([]Finding, error) {
	if span(doc, n) > maxSchemaNodes {
		return nil, fmt.Errorf("%w: expected a document of at most %d values", ErrSchemaUnsupported, maxSchemaNodes)
	}
	value := doc.Any(n)
	if s.gate.Validate(value) == nil {
		return nil, nil
	}
	base := doc.Pointer(n)
	if !detail {
		return []Finding{{Error, "schema_invalid", base, "expected what the schema asks for; the document is too large for details"}}, nil
	}
	err := s.full.Validate(value)
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return nil, fmt.Errorf("%w: the validator gave up", ErrSchemaUnsupported)
	}
	var out []Finding
	for _, leaf := range leaves(ve) {
		if len(out) == maxSchemaFindings {
			break
		}
		out = append(out, Finding{Error, "schema_" + keyword(leaf), base + pointerOf(leaf.InstanceLocation), schemaMessage(leaf)})
	}
	return out, nil
}

// leaves returns the faults that matter: of alternatives, those of the one that the
// instance comes closest to.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		var best []*jsonschema.ValidationError
		bestScore := 0
		for _, c := range e.Causes {
			l := leaves(c)
			if score := distance(l, len(e.InstanceLocation)); best == nil || score < bestScore {
				best, bestScore = l, score
			}
		}
		return best
	}
	var out []*jsonschema.ValidationError
	for _, c := range e.Causes {
		if out = append(out, leaves(c)...); len(out) > maxSchemaFindings {
			break
		}
	}
	return out
}

// distance tells how far an alternative is: one of another JSON type is farthest, then
// those with most faults.
func distance(faults []*jsonschema.ValidationError, depth int) int {
	score := min(len(faults), 1000)
	for _, f := range faults {
		if _, isType := f.ErrorKind.(*kind.Type); isType && len(f.InstanceLocation) == depth {
			score += 10_000
		}
	}
	return score
}

func keyword(e *jsonschema.ValidationError) string {
	if p := e.ErrorKind.KeywordPath(); len(p) > 0 {
		return strings.TrimPrefix(p[0], "$")
	}
	return "false"
}

// schemaMessage says what was expected, without values of the document.
func schemaMessage(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return "expected the properties " + shorten(strings.Join(k.Missing, ", "))
	case *kind.Type:
		return "expected " + strings.Join(k.Want, " or ") + ", found " + k.Got
	case *kind.AdditionalProperties:
		return "expected no other properties than those of the class"
	case *kind.Enum, *kind.Const:
		return "expected one of the values that the schema lists"
	case *kind.Pattern:
		return "expected a string of the form " + shorten(k.Want)
	case *kind.Contains:
		return "expected the list to hold one of the values that the schema asks for"
	}
	return "expected what the keyword " + keyword(e) + " of the schema asks for"
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

func pointerOf(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(t))
	}
	return b.String()
}

// schemaBuilder writes the table of classes as a schema.
type schemaBuilder struct {
	v1, ld bool
	defs   map[string]any
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

func (b *schemaBuilder) class(name string) map[string]any {
	if _, done := b.defs[name]; done {
		return ref(name)
	}
	object := map[string]any{"type": "object", "additionalProperties": true}
	b.defs[name] = object // before its properties: classes hold each other
	cl := classes()[name]
	properties, required := map[string]any{}, []any{}
	for _, p := range cl.properties {
		if b.v1 && isCredentialClass(name) {
			p = underV1(p)
		}
		properties[p.name] = b.property(name, p)
		if p.required {
			required = append(required, p.name)
		}
	}
	object["properties"] = properties
	if len(required) > 0 {
		object["required"] = required
	}
	if cl.closed {
		object["additionalProperties"] = false
	}
	return ref(name)
}

func (b *schemaBuilder) property(class string, p property) map[string]any {
	switch p.kinds[0] {
	case "context":
		return b.contexts(class)
	case "types":
		return b.types(class)
	}
	value := b.value(class, p.kinds[0])
	if len(p.kinds) > 1 {
		value = map[string]any{"anyOf": []any{value, b.value(class, p.kinds[1])}}
	}
	if !p.list {
		return value
	}
	list := map[string]any{"type": "array", "items": value}
	if p.required {
		list["minItems"] = 1
	}
	if b.ld || p.single {
		return map[string]any{"oneOf": []any{value, list}}
	}
	return list
}

func (b *schemaBuilder) value(class, k string) map[string]any {
	if _, isClass := classes()[k]; isClass {
		return b.class(k)
	}
	switch k {
	case "time", "date":
		return map[string]any{"type": "string", "format": map[string]string{"time": "date-time", "date": "date"}[k]}
	case "number", "any", "bool":
		return map[string]any{"type": map[string]string{"number": "number", "any": "object", "bool": "boolean"}[k]}
	case "jws":
		return b.text(map[string]any{"pattern": jwsForm.String()})
	case "lang":
		return b.text(map[string]any{"pattern": langForm.String()})
	case "type":
		return b.text(map[string]any{"enum": []any{class}})
	}
	vocabulary, isVocab := strings.CutPrefix(k, "vocab:")
	if !isVocab {
		return b.text(map[string]any{})
	}
	terms := []any{}
	for _, t := range vocabularies[vocabulary] {
		terms = append(terms, t)
	}
	value := map[string]any{"type": "string", "enum": terms}
	if !extensible(vocabulary) {
		return value
	}
	return map[string]any{"oneOf": []any{value, map[string]any{"type": "string", "pattern": `(ext:)[a-z|A-Z|0-9|.|-|_]+`}}}
}

// text is a string, or in JSON-LD a map of languages too.
func (b *schemaBuilder) text(s map[string]any) map[string]any {
	s["type"] = "string"
	if !b.ld {
		return s
	}
	return map[string]any{"oneOf": []any{s, map[string]any{"type": "object", "additionalProperties": s, "propertyNames": map[string]any{"pattern": mapForm.String()}}}}
}

func (b *schemaBuilder) types(class string) map[string]any {
	var all []any
	for _, group := range typeNames(class) {
		enum := []any{}
		for _, t := range group {
			enum = append(enum, t)
		}
		all = append(all, map[string]any{"type": "array", "minItems": 1, "items": b.text(map[string]any{}), "contains": map[string]any{"enum": enum}})
	}
	return map[string]any{"oneOf": []any{b.text(map[string]any{}), map[string]any{"allOf": all}}}
}

func (b *schemaBuilder) contexts(class string) map[string]any {
	base, second := chancery.ContextV2, obForm.String()
	if b.v1 {
		base = chancery.ContextV1
	}
	tuple := []any{map[string]any{"enum": []any{base}}, map[string]any{"type": "string", "pattern": second}}
	if class == "ClrCredential" {
		tuple = []any{tuple[0], map[string]any{"type": "string", "pattern": clrForm.String()}, tuple[1]}
	}
	other := map[string]any{"anyOf": []any{b.text(map[string]any{}), map[string]any{"type": "object"}}}
	list := map[string]any{"type": "array", "minItems": len(tuple), "prefixItems": tuple, "items": other}
	if !b.ld {
		return list
	}
	return map[string]any{"oneOf": []any{other, list}}
}
