package httpapi

import (
	"bytes"
	"fmt"
	"mime"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chancery-dev/chancery"
)

// contract judges answers by the OpenAPI document that the handler serves.
type contract struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

const docURL = "https://chancery.example/openapi.json"

func contractOf(t testing.TB, a *api) *contract {
	t.Helper()
	w := ask(a, "GET", "/openapi.json", "")
	if w.Code != 200 {
		t.Fatalf("openapi.json: %d", w.Code)
	}
	v, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{doc: v.(map[string]any), compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(docURL, v); err != nil {
		t.Fatal(err)
	}
	return c
}

// op is an operation of the document.
type op struct {
	method, path string
	entry        map[string]any
}

func (o op) name() string { return o.method + " " + o.path }

func (o op) id() string { return o.entry["operationId"].(string) }

func (o op) public() bool {
	s, _ := o.entry["security"].([]any)
	return len(s) == 1 && len(s[0].(map[string]any)) == 0
}

func (o op) bodies() map[string]any {
	b, _ := o.entry["requestBody"].(map[string]any)
	m, _ := b["content"].(map[string]any)
	return m
}

func (c *contract) operations() []op {
	var out []op
	for _, path := range sortedKeys(c.doc["paths"].(map[string]any)) {
		item := c.doc["paths"].(map[string]any)[path].(map[string]any)
		for _, m := range sortedKeys(item) {
			out = append(out, op{strings.ToUpper(m), path, item[m].(map[string]any)})
		}
	}
	return out
}

func (c *contract) find(t testing.TB, method, path string) op {
	t.Helper()
	for _, o := range c.operations() {
		if o.method == method && o.path == path {
			return o
		}
	}
	t.Fatalf("the document has no %s %s", method, path)
	return op{}
}

func (c *contract) schema(t testing.TB, pointer string) *jsonschema.Schema {
	t.Helper()
	if s, ok := c.compiled[pointer]; ok {
		return s
	}
	s, err := c.compiler.Compile(docURL + "#" + pointer)
	if err != nil {
		t.Fatalf("%s: %v", pointer, err)
	}
	c.compiled[pointer] = s
	return s
}

func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

// check fails where an answer is not one that the document describes for an operation.
func (c *contract) check(t testing.TB, o op, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%s: no X-Request-Id", o.name())
	}
	responses := o.entry["responses"].(map[string]any)
	status := strconv.Itoa(w.Code)
	r, ok := responses[status].(map[string]any)
	if !ok {
		t.Errorf("%s: the document has no %d: %s", o.name(), w.Code, w.Body)
		return
	}
	pointer := "/paths/" + escape(o.path) + "/" + strings.ToLower(o.method) + "/responses/" + status
	if ref, ok := r["$ref"].(string); ok {
		pointer = strings.TrimPrefix(ref, "#")
		r = c.doc["components"].(map[string]any)["responses"].(map[string]any)[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any)
	}
	body := w.Body.Bytes()
	content, ok := r["content"].(map[string]any)
	if !ok {
		if len(body) > 0 {
			t.Errorf("%s: %d has a body: %s", o.name(), w.Code, body)
		}
		return
	}
	mediaType := w.Header().Get("Content-Type")
	if _, ok := content[mediaType]; !ok {
		mediaType, _, _ = mime.ParseMediaType(mediaType)
	}
	if _, ok := content[mediaType]; !ok {
		t.Errorf("%s: %d is %q, the document has %v", o.name(), w.Code, w.Header().Get("Content-Type"), sortedKeys(content))
		return
	}
	if !strings.HasSuffix(mediaType, "json") {
		return
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s: %d is no JSON: %v", o.name(), w.Code, err)
		return
	}
	if err := c.schema(t, pointer+"/content/"+escape(mediaType)+"/schema").Validate(v); err != nil {
		t.Errorf("%s: %d is not as the document says: %v\n%s", o.name(), w.Code, err, body)
	}
}

// fill puts the examples of path parameters in place.
func (o op) fill(values map[string]string) string {
	path := o.path
	params, _ := o.entry["parameters"].([]any)
	for _, p := range params {
		p := p.(map[string]any)
		if p["in"] != "path" {
			continue
		}
		name := p["name"].(string)
		v := fmt.Sprint(p["example"])
		if w, ok := values[name]; ok {
			v = w
		}
		path = strings.Replace(path, "{"+name+"}", v, 1)
	}
	return path
}

// example is the body of an operation's example in a media type.
func (o op) example(t testing.TB, mediaType string) (body, contentType string) {
	t.Helper()
	m := o.bodies()[mediaType].(map[string]any)
	switch v := m["example"].(type) {
	case string:
		return v, mediaType
	case map[string]any:
		switch mediaType {
		case formType:
			var parts []string
			for _, k := range sortedKeys(v) {
				parts = append(parts, k+"="+fmt.Sprint(v[k]))
			}
			return strings.Join(parts, "&"), mediaType
		case multipartType:
			return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"diploma.pdf\"\r\n\r\n%PDF\r\n--b--\r\n", multipartType + "; boundary=b"
		}
	}
	return exampleText(plainAny(m["example"])), mediaType
}

func TestDocumentDescribesItself(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	if c.doc["openapi"] != "3.1.0" {
		t.Errorf("openapi: %v", c.doc["openapi"])
	}
	ops := c.operations()
	if len(ops) < 70 {
		t.Errorf("only %d operations", len(ops))
	}
	ids := map[string]bool{}
	for _, o := range ops {
		if ids[o.id()] {
			t.Errorf("%s: the id %s is taken", o.name(), o.id())
		}
		ids[o.id()] = true
		if s, _ := o.entry["summary"].(string); s == "" {
			t.Errorf("%s: no summary", o.name())
		}
		if s, _ := o.entry["description"].(string); s == "" {
			t.Errorf("%s: no description", o.name())
		}
		base := "/paths/" + escape(o.path) + "/" + strings.ToLower(o.method)
		for mt, m := range o.bodies() {
			c.checkExample(t, o, base+"/requestBody/content/"+escape(mt), mt, m)
		}
		for status, r := range o.entry["responses"].(map[string]any) {
			content, _ := r.(map[string]any)["content"].(map[string]any)
			for mt, m := range content {
				c.checkExample(t, o, base+"/responses/"+status+"/content/"+escape(mt), mt, m)
			}
		}
	}
	for name, r := range c.doc["components"].(map[string]any)["responses"].(map[string]any) {
		for mt, m := range r.(map[string]any)["content"].(map[string]any) {
			c.checkExample(t, op{"component", name, nil}, "/components/responses/"+name+"/content/"+escape(mt), mt, m)
		}
	}
}

// TestNothingUnused: every component is referred to, and no schema has a name that programs
// make up for an enumeration within another.
func TestNothingUnused(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	text := ask(a, "GET", "/openapi.json", "").Body.String()
	components := c.doc["components"].(map[string]any)
	looked := 0
	for _, kind := range []string{"schemas", "responses", "parameters"} {
		for name := range components[kind].(map[string]any) {
			if !strings.Contains(text, `"#/components/`+kind+"/"+name+`"`) {
				t.Errorf("%s %s is not used", kind, name)
			}
			looked++
		}
	}
	schemas := components["schemas"].(map[string]any)
	for name, s := range schemas {
		members, _ := s.(map[string]any)["properties"].(map[string]any)
		for member, m := range members {
			made := name + strings.ToUpper(member[:1]) + member[1:]
			if m, _ := m.(map[string]any); m["enum"] != nil && schemas[made] != nil {
				t.Errorf("the enumeration %s of %s is called as the schema %s", member, name, made)
			}
		}
	}
	if looked < 60 {
		t.Errorf("only %d components", looked)
	}
}

// TestExamplesDiffer: what takes the place of another has an id of its own.
func TestExamplesDiffer(t *testing.T) {
	a, _ := start(t)
	c := contractOf(t, a)
	ids := map[string]string{}
	for _, o := range c.operations() {
		if o.id() == "issueCredential" || o.id() == "supersedeCredential" {
			body, _ := o.example(t, jsonType)
			_, rest, _ := strings.Cut(body, `"id":`)
			ids[o.id()], _, _ = strings.Cut(rest, ",")
		}
	}
	if len(ids) != 2 || ids["issueCredential"] == "" || ids["issueCredential"] == ids["supersedeCredential"] {
		t.Errorf("the ids are %v", ids)
	}
}

// checkExample fails where an example is missing or does not fit its schema. Files that
// are not text have none.
func (c *contract) checkExample(t *testing.T, o op, pointer, mediaType string, m any) {
	t.Helper()
	example, ok := m.(map[string]any)["example"]
	binary := []string{"application/pdf", "image/png", "image/svg+xml", cborType, chancery.MediaEvidence, zipType, "application/octet-stream"}
	if !ok {
		if !slices.Contains(binary, mediaType) {
			t.Errorf("%s: no example of %s at %s", o.name(), mediaType, pointer)
		}
		return
	}
	if err := c.schema(t, pointer+"/schema").Validate(example); err != nil {
		t.Errorf("%s: the example of %s does not fit: %v", o.name(), mediaType, err)
	}
}
