package verifier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// maxSchema bounds a schema's text; those of Open Badges have 60 kB.
const maxSchema = 1 << 20

// maxSchemas bounds how many schemas of one credential are judged.
const maxSchemas = 8

// checkSchema judges the credential by every schema it names (VC Data Model 2.0,
// 4.11). Those of 1EdTech are embedded; others come from the trust file or a source.
func (c *run) checkSchema() {
	list := c.doc.Get(0, "credentialSchema")
	if list == strictjson.None {
		c.skip(CheckSchema, "the credential names no schema")
		return
	}
	count := 0
	var bad []Check
	c.doc.Each(list, func(n strictjson.Node) bool {
		if count++; count > maxSchemas {
			bad = append(bad, Check{Reason: SchemaUnavailable, Detail: fmt.Sprintf("more than %d schemas", maxSchemas)})
			return false
		}
		if reason, detail := c.schema(n); reason != "" {
			bad = append(bad, Check{Reason: reason, Detail: clip(c.doc.Pointer(n) + ": " + detail)})
		}
		return !c.stopped()
	})
	for _, b := range bad {
		b.ID, b.Required = CheckSchema, true
		if c.lenient() && b.Reason != SchemaInvalid {
			// 1EdTech's validator goes on without a schema that it does not know.
			c.r.find(GradeWarning, string(b.Reason), c.doc.Pointer(list), b.Reason.Text())
			b.Required = false
		}
		c.r.Add(b)
	}
	if len(bad) == 0 {
		c.pass(CheckSchema, fmt.Sprintf("follows %d schemas", count))
	}
}

// schema judges by one schema.
func (c *run) schema(n strictjson.Node) (Reason, string) {
	doc := c.doc
	url := doc.String(doc.Get(n, "id"))
	switch {
	case hasType(doc, n, "1EdTechJsonSchemaValidator2019"), hasType(doc, n, "JsonSchema"), hasType(doc, n, "JsonSchemaValidator2018"):
	default:
		return SchemaUnknown, "expected JsonSchema or 1EdTechJsonSchemaValidator2019"
	}
	found, err := c.v.otherDocument(c.ctx, url, KindSchema)
	if err != nil {
		return SchemaUnavailable, fetchFault(err)
	}
	c.r.input(digestOf(found.Bytes))
	return validate(c.ctx, url, found.Bytes, doc)
}

// validate judges a document by the JSON Schema that text holds. References lead
// nowhere outside of it.
func validate(ctx context.Context, url string, text []byte, doc *strictjson.Doc) (Reason, string) {
	parsed, err := strictjson.Parse(text, strictjson.Limits{Bytes: maxSchema})
	if err != nil {
		return SchemaUnavailable, err.Error()
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(closedLoader{})
	compiler.DefaultDraft(jsonschema.Draft2020)
	base, _ := splitFragment(url)
	if err := compiler.AddResource(base, parsed.Any(0)); err != nil {
		return SchemaUnavailable, "the schema cannot be used"
	}
	schema, err := compiler.Compile(base)
	if err != nil {
		return SchemaUnavailable, "the schema cannot be compiled: " + firstLine(err.Error())
	}
	err = schema.Validate(doc.Any(0))
	var invalid *jsonschema.ValidationError
	switch {
	case errors.As(err, &invalid):
		return SchemaInvalid, deepest(invalid)
	case err != nil:
		return SchemaUnavailable, "the schema cannot be applied"
	}
	return "", ""
}

// closedLoader answers no address: what a schema refers to must be in it.
type closedLoader struct{}

func (closedLoader) Load(string) (any, error) {
	return nil, errors.New("verifier: a schema that refers to another one")
}

// deepest names the place of the fault that lies deepest in the document: of a choice
// between branches, the one that came closest.
func deepest(e *jsonschema.ValidationError) string {
	best, depth := e, -1
	var walk func(e *jsonschema.ValidationError, level int)
	walk = func(e *jsonschema.ValidationError, level int) {
		if len(e.Causes) == 0 && len(e.InstanceLocation) > depth {
			best, depth = e, len(e.InstanceLocation)
		}
		if level < 64 {
			for _, c := range e.Causes {
				walk(c, level+1)
			}
		}
	}
	walk(e, 0)
	var b bytes.Buffer
	for _, s := range best.InstanceLocation {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
	}
	keyword := "schema"
	if best.ErrorKind != nil {
		keyword = strings.Join(best.ErrorKind.KeywordPath(), "/")
	}
	return fmt.Sprintf("expected %s to hold at %q", keyword, b.String())
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
