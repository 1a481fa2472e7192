package verifier

import (
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

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
	case hasType(doc, n, "1EdTechJsonSchemaValidator2019"):
		if kind, ok := schemaKind(url); ok {
			return c.embeddedSchema(kind)
		}
	case hasType(doc, n, "JsonSchema"):
	default:
		return SchemaUnknown, "expected JsonSchema or 1EdTechJsonSchemaValidator2019"
	}
	held, err := c.heldSchema(url)
	if err != nil {
		return SchemaUnavailable, fetchFault(err)
	}
	c.r.input(held.digest)
	if held.fault != nil {
		return SchemaUnavailable, held.fault.Error()
	}
	if !c.mayRead(2 * held.schema.Work(doc, 0)) {
		return SchemaUnavailable, "too much was to be validated"
	}
	findings, err := held.schema.Validate(doc, 0)
	switch {
	case err != nil:
		return SchemaUnavailable, err.Error()
	case len(findings) > 0:
		return SchemaInvalid, c.schemaFindings(findings)
	}
	return "", ""
}

// heldSchema is a schema that was read for one credential and serves the others within
// the same document.
type heldSchema struct {
	schema *badge.UserSchema
	fault  error
	digest string
}

// schemaWeight is how much longer it takes to measure a schema than to parse its text.
const schemaWeight = 20

func (c *run) heldSchema(url string) (*heldSchema, error) {
	if h := c.work.schemas[url]; h != nil {
		return h, nil
	}
	found, err := c.otherDocument(url, KindSchema)
	if err != nil {
		return nil, err
	}
	if !c.mayRead(schemaWeight * len(found.Bytes)) {
		return nil, fmt.Errorf("%w: too many schemas, or too large ones, were to be read", ErrUnreachable)
	}
	h := &heldSchema{digest: digestOf(found.Bytes)}
	steps, err := badge.SchemaWork(found.Bytes)
	switch {
	case !c.mayRead(steps): // a step takes as long as a byte of plain JSON
		return nil, fmt.Errorf("%w: too many schemas, or too large ones, were to be read", ErrUnreachable)
	case err != nil:
		h.fault = err
	default:
		h.schema, h.fault = badge.ReadSchema(found.Bytes)
	}
	if c.work.schemas == nil {
		c.work.schemas = map[string]*heldSchema{}
	}
	c.work.schemas[url] = h
	return h, nil
}

// schemaKind tells which embedded schema stands for one that 1EdTech publishes.
func schemaKind(url string) (badge.Kind, bool) {
	rest, ok := strings.CutPrefix(url, "https://purl.imsglobal.org/spec/")
	if !ok || !strings.Contains(rest, "/schema/") {
		return badge.Unknown, false
	}
	name := strings.TrimSuffix(rest[strings.LastIndexByte(rest, '/')+1:], ".json")
	for suffix, kind := range map[string]badge.Kind{
		"achievementcredential": badge.OB3Achievement, "endorsementcredential": badge.OB3Endorsement, "clrcredential": badge.CLR,
	} {
		if strings.HasSuffix(strings.TrimSuffix(name, "_schema"), suffix) {
			return kind, true
		}
	}
	return badge.Unknown, false
}

// embeddedSchema judges by our schema of the kind: the canonical flavour first; what
// passes only in the other reading gets a warning.
func (c *run) embeddedSchema(kind badge.Kind) (Reason, string) {
	if c.kind() != kind {
		return SchemaInvalid, "expected the schema of the credential's own kind, found that of " + string(kind)
	}
	findings, err := badge.ValidateBadge(c.doc, 0, badge.Canonical)
	if err != nil {
		return SchemaUnavailable, err.Error()
	}
	if len(findings) == 0 {
		return "", ""
	}
	if other, err := badge.ValidateBadge(c.doc, 0, badge.JSONLD); err == nil && len(other) == 0 {
		c.r.find(GradeWarning, "schema_json_ld_only", findings[0].Pointer, "follows the JSON-LD flavour of the schema only: "+findings[0].Message)
		return "", ""
	}
	return SchemaInvalid, c.schemaFindings(findings)
}

func (c *run) schemaFindings(findings []badge.Finding) string {
	for _, f := range findings {
		c.r.find(f.Grade, f.Code, f.Pointer, f.Message)
	}
	return findings[0].Message + " at " + findings[0].Pointer
}
