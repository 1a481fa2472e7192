package vcalm_test

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The shapes of VCALM's answers, after the components of its OpenAPI document. Where that
// contradicts its prose and examples, those are followed: a query's type is text, interact
// is an object.
const definitions = `"$defs": {
	"problem": {"type": "object", "required": ["type", "title"], "additionalProperties": false,
		"properties": {"type": {"type": "string", "format": "uri"}, "title": {"type": "string"}, "detail": {"type": "string"}}},
	"problems": {"type": "array", "items": {"$ref": "#/$defs/problem"}},
	"text": {"type": "object", "required": ["verified", "input"], "additionalProperties": false,
		"properties": {"verified": {"type": "boolean"}, "input": {"type": "string"}}},
	"objects": {"type": "array", "items": {"type": "object", "required": ["verified", "input"], "additionalProperties": false,
		"properties": {"verified": {"type": "boolean"}, "input": {"type": "object"}, "problemDetails": {"$ref": "#/$defs/problems"}}}},
	"credential": {"type": "object", "required": ["verified"], "additionalProperties": false, "properties": {
		"verified": {"type": "boolean"}, "credential": {"type": "object"}, "problemDetails": {"$ref": "#/$defs/problems"},
		"results": {"type": "object", "additionalProperties": false, "properties": {
			"validFrom": {"$ref": "#/$defs/text"}, "validUntil": {"$ref": "#/$defs/text"}, "credentialSchema": {"$ref": "#/$defs/objects"},
			"credentialStatus": {"type": "array", "items": {"type": "object", "required": ["verified", "input"], "additionalProperties": false, "properties": {"value": {"type": "integer"}, "verified": {"type": "boolean"}, "input": {"type": "object"}}}}, "proof": {"$ref": "#/$defs/objects"}}}}},
	"vc": {"type": "object", "required": ["@context", "type"]},
	"vp": {"type": "object", "required": ["@context", "type"]},
	"url": {"type": "string", "pattern": "^https://chancery\\.example/"}
}`

var shapes = map[string]string{
	"issue":        `{"type": "object", "required": ["verifiableCredential"], "additionalProperties": false, "properties": {"verifiableCredential": {"$ref": "#/$defs/vc"}}, ` + definitions + `}`,
	"credential":   `{"$ref": "#/$defs/credential", ` + definitions + `}`,
	"challenge":    `{"type": "object", "required": ["challenge"], "additionalProperties": false, "properties": {"challenge": {"type": "string", "minLength": 32}}}`,
	"statusList":   `{"type": "object", "required": ["id", "verifiableCredential"], "additionalProperties": false, "properties": {"id": {"$ref": "#/$defs/url"}, "verifiableCredential": {"$ref": "#/$defs/vc"}}, ` + definitions + `}`,
	"presentation": `{"type": "object", "required": ["verified"], "additionalProperties": false, "properties": {"verified": {"type": "boolean"}, "verifiablePresentation": {"type": "object"}, "problemDetails": {"$ref": "#/$defs/problems"}, "results": {"type": "object", "additionalProperties": false, "required": ["presentation", "credentials"], "properties": {"presentation": {"type": "object", "additionalProperties": false, "properties": {"challenge": {"$ref": "#/$defs/text"}, "domain": {"$ref": "#/$defs/text"}, "holder": {"$ref": "#/$defs/text"}, "proof": {"$ref": "#/$defs/objects"}}}, "credentials": {"type": "array", "items": {"$ref": "#/$defs/credential"}}}}}, ` + definitions + `}`,
	"request":      `{"type": "object", "required": ["verifiablePresentationRequest"], "additionalProperties": false, "properties": {"verifiablePresentationRequest": {"type": "object", "required": ["query", "challenge", "domain", "interact"], "additionalProperties": false, "properties": {"query": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}}, "challenge": {"type": "string", "minLength": 32}, "domain": {"const": "chancery.example"}, "interact": {"type": "object", "required": ["service"], "properties": {"service": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["type", "serviceEndpoint"], "properties": {"serviceEndpoint": {"$ref": "#/$defs/url"}}}}}}}}}, ` + definitions + `}`,
	"delivery":     `{"type": "object", "required": ["verifiablePresentation"], "additionalProperties": false, "properties": {"verifiablePresentation": {"$ref": "#/$defs/vp"}}, ` + definitions + `}`,
	"exchange":     `{"type": "object", "required": ["id", "sequence", "expires", "state"], "additionalProperties": false, "properties": {"id": {"type": "string"}, "sequence": {"type": "integer"}, "expires": {"type": "string", "format": "date-time"}, "step": {"type": "string"}, "state": {"enum": ["pending", "active", "complete", "invalid"]}, "lastError": {"$ref": "#/$defs/problem"}, "variables": {"type": "object"}}, ` + definitions + `}`,
	"protocols":    `{"type": "object", "required": ["protocols"], "additionalProperties": false, "properties": {"protocols": {"type": "object", "required": ["vcapi", "inviteRequest"], "additionalProperties": {"$ref": "#/$defs/url"}, "properties": {"vcapi": {"$ref": "#/$defs/url"}, "inviteRequest": {"$ref": "#/$defs/url"}}}}, ` + definitions + `}`,
	"vc":           `{"$ref": "#/$defs/vc", ` + definitions + `}`,
	"listing":      `{"type": "object", "required": ["issuers"], "additionalProperties": false, "properties": {"issuers": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["name", "url", "did", "keyType", "suite"], "properties": {"name": {"type": "string"}, "url": {"$ref": "#/$defs/url"}, "did": {"type": "string", "pattern": "^did:key:z"}, "keyType": {"enum": ["Ed25519", "P-256", "P-384"]}, "suite": {"enum": ["eddsa-rdfc-2022", "eddsa-jcs-2022", "Ed25519Signature2020", "ecdsa-rdfc-2019", "ecdsa-jcs-2019", "ecdsa-sd-2023", "vc+jwt"]}}}}}, ` + definitions + `}`,
}

// shape compares an answer with a shape of VCALM.
func shape(t testing.TB, name string, a answer) answer {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema := must(jsonschema.UnmarshalJSON(strings.NewReader(shapes[name])))(t)
	if err := c.AddResource("mem:"+name, schema); err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(a.text))
	if err == nil {
		err = must(c.Compile("mem:" + name))(t).Validate(v)
	}
	if err != nil {
		t.Errorf("expected an answer of the form %s: %v\n%s", name, err, a.text)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s: Content-Type %s", name, got)
	}
	return a
}

// TestShapesRefuse shows that the shapes tell answers apart.
func TestShapesRefuse(t *testing.T) {
	for name, text := range map[string]string{
		"credential": `{"verified":true,"errors":[]}`, "presentation": `{"verified":true,"results":{"presentation":{"extra":1},"credentials":[]}}`,
		"issue": `{"@context":[]}`, "challenge": `{"challenge":"short"}`, "protocols": `{"protocols":{"vcapi":"https://attacker.example/","inviteRequest":"https://chancery.example/"}}`,
		"exchange": `{"exchange":{}}`, "request": `{"verifiablePresentationRequest":{"query":[]}}`,
	} {
		c := jsonschema.NewCompiler()
		if err := c.AddResource("mem:x", must(jsonschema.UnmarshalJSON(strings.NewReader(shapes[name])))(t)); err != nil {
			t.Fatal(err)
		}
		if must(c.Compile("mem:x"))(t).Validate(must(jsonschema.UnmarshalJSON(strings.NewReader(text)))(t)) == nil {
			t.Errorf("%s takes %s", name, text)
		}
	}
}
