package vcalm_test

import (
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract judges answers by the OpenAPI document that the handler serves.
type contract struct {
	operations []documented // of the plane

	mu       sync.Mutex
	doc      map[string]any
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

const docURL = base + "/openapi.json"

// contracts are by the text of the document, which is the same in most tests.
var contracts sync.Map

// contract is that of the world's handler.
func (w *world) contract() *contract {
	w.t.Helper()
	w.reading.Lock()
	defer w.reading.Unlock()
	if w.described != nil {
		return w.described
	}
	r := httptest.NewRequest("GET", "/openapi.json", nil)
	r.RemoteAddr = "192.0.2.99:1" // which is counted for itself
	res := httptest.NewRecorder()
	w.server.Config.Handler.ServeHTTP(res, r)
	if c, ok := contracts.Load(res.Header().Get("ETag")); ok {
		w.described = c.(*contract)
		return w.described
	}
	v := must(jsonschema.UnmarshalJSON(res.Body))(w.t)
	c := &contract{doc: v.(map[string]any), compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(docURL, v); err != nil {
		w.t.Fatal(err)
	}
	for path, item := range c.doc["paths"].(map[string]any) {
		if path != "/vc" && !strings.HasPrefix(path, "/vc/") && !strings.HasPrefix(path, "/interactions/") {
			continue
		}
		for m, entry := range item.(map[string]any) {
			c.operations = append(c.operations, documented{strings.ToUpper(m), path, entry.(map[string]any)})
		}
	}
	slices.SortFunc(c.operations, func(a, b documented) int { return strings.Compare(a.name(), b.name()) })
	contracts.Store(res.Header().Get("ETag"), c)
	w.described = c
	return c
}

// documented is an operation of the document.
type documented struct {
	method, path string
	entry        map[string]any
}

func (o documented) name() string { return o.method + " " + o.path }

// public reports whether it needs no key, though one may tell it more.
func (o documented) public() bool {
	s, _ := o.entry["security"].([]any)
	return slices.ContainsFunc(s, func(one any) bool { return len(one.(map[string]any)) == 0 })
}

func (o documented) bodies() map[string]any {
	b, _ := o.entry["requestBody"].(map[string]any)
	m, _ := b["content"].(map[string]any)
	return m
}

// find is the operation that answers a request, ok is false where there is none.
func (c *contract) find(method, path string) (documented, bool) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for _, o := range c.operations {
		wanted := strings.Split(o.path, "/")
		fits := o.method == method && len(wanted) == len(parts)
		for i := range wanted {
			fits = fits && (wanted[i] == parts[i] || strings.HasPrefix(wanted[i], "{") && parts[i] != "")
		}
		if fits {
			return o, true
		}
	}
	return documented{}, false
}

func (c *contract) validate(pointer string, v any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.compiled[pointer]
	if s == nil {
		var err error
		if s, err = c.compiler.Compile(docURL + "#" + pointer); err != nil {
			return err
		}
		c.compiled[pointer] = s
	}
	return s.Validate(v)
}

func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

func (o documented) pointer() string {
	return "/paths/" + escape(o.path) + "/" + strings.ToLower(o.method)
}

// check fails where an answer is not one that the document describes.
func (c *contract) check(t testing.TB, method, path string, a answer) {
	t.Helper()
	o, ok := c.find(method, path)
	if !ok {
		return
	}
	status := strconv.Itoa(a.status)
	r, ok := o.entry["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		t.Errorf("%s: the document has no %d: %s", o.name(), a.status, a.text)
		return
	}
	pointer := o.pointer() + "/responses/" + status
	if to, ok := r["$ref"].(string); ok {
		pointer = strings.TrimPrefix(to, "#")
		r = c.doc["components"].(map[string]any)["responses"].(map[string]any)[to[strings.LastIndexByte(to, '/')+1:]].(map[string]any)
	}
	content, _ := r["content"].(map[string]any)
	if len(content) == 0 {
		if a.text != "" {
			t.Errorf("%s: %d has a body: %s", o.name(), a.status, a.text)
		}
		return
	}
	media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if content[media] == nil {
		t.Errorf("%s: %d is %q, which the document has not", o.name(), a.status, a.header.Get("Content-Type"))
		return
	}
	if media == "text/html" {
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(a.text))
	if err == nil {
		err = c.validate(pointer+"/content/"+escape(media)+"/schema", v)
	}
	if err != nil {
		t.Errorf("%s: %d is not as the document says: %v\n%s", o.name(), a.status, err, a.text)
	}
}

// TestDocumentDescribesThePlane: every operation, with examples that fit their schemas; and
// a schema for every request that the tests of hostile bodies take for a good one.
func TestDocumentDescribesThePlane(t *testing.T) {
	w := newWorld(t)
	c := w.contract()
	ops := c.operations
	if len(ops) != 16 {
		t.Errorf("%d operations", len(ops))
	}
	looked := 0
	for _, o := range ops {
		if s, _ := o.entry["summary"].(string); s == "" || o.entry["operationId"] == nil || o.entry["description"] == nil {
			t.Errorf("%s: %v", o.name(), o.entry)
		}
		contents := map[string]map[string]any{o.pointer() + "/requestBody": o.bodies()}
		for status, r := range o.entry["responses"].(map[string]any) {
			content, _ := r.(map[string]any)["content"].(map[string]any)
			contents[o.pointer()+"/responses/"+status] = content
		}
		for pointer, content := range contents {
			for media, m := range content {
				example, ok := m.(map[string]any)["example"]
				if !ok {
					t.Errorf("%s: no example at %s", o.name(), pointer)
				} else if err := c.validate(pointer+"/content/"+escape(media)+"/schema", example); err != nil {
					t.Errorf("%s: the example does not fit: %v", o.name(), err)
				}
				looked++
			}
		}
		params, _ := o.entry["parameters"].([]any)
		for _, p := range params {
			if p := p.(map[string]any); p["in"] == "path" && p["example"] == nil {
				t.Errorf("%s: no example of %s", o.name(), p["name"])
			}
		}
	}
	if looked < 60 {
		t.Errorf("only %d examples", looked)
	}
	for _, o := range w.operations(w.key(w.north)) {
		d, ok := c.find("POST", o.path)
		if !ok {
			t.Errorf("%s is not in the document", o.path)
			continue
		}
		v := must(jsonschema.UnmarshalJSON(strings.NewReader(o.body)))(t)
		if err := c.validate(d.pointer()+"/requestBody/content/application~1json/schema", v); err != nil {
			t.Errorf("%s: %v", o.name, err)
		}
	}
}

// TestReferenceShowsThePlane: with its shapes, a body once for all its media types, and which
// operations need no key.
func TestReferenceShowsThePlane(t *testing.T) {
	w := newWorld(t)
	a := w.do("GET", "/docs", "", "Accept", "text/html")
	_, page, found := strings.Cut(a.text, `<section id="w3c-plane">`)
	page, rest, _ := strings.Cut(page, "</section>")
	if a.status != 200 || !found || strings.Count(page, `<details class="operation"`) != 16 || !strings.Contains(rest, `id="schema-VCExample"`) {
		t.Fatalf("%d %.500s", a.status, page)
	}
	for _, o := range w.contract().operations {
		_, entry, ok := strings.Cut(page, `id="`+o.entry["operationId"].(string)+`" data-method="`+o.method+`" data-path="`+o.path+`"`)
		entry, _, _ = strings.Cut(entry, "</details>")
		if !ok || strings.Contains(entry, `<span class="public">`) != o.public() || strings.Count(entry, `<pre class="body"`) > 1 {
			t.Errorf("%s: %.1000s", o.name(), entry)
		}
	}
}

// TestDocumentKeys: every operation of the document that needs a key is 404 with one of
// another tenant, 401 with none and a bad one, and 403 with one that lacks the scope; the
// others show nothing of a tenant to anybody else.
func TestDocumentKeys(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north)
	good := w.operations(key)
	var url string
	for _, o := range good {
		if o.name == "participate" {
			url = o.path
		}
	}
	south, none := w.key(w.south), w.key(w.north, "audit")
	locked := 0
	for _, o := range w.contract().operations {
		if o.public() {
			continue
		}
		locked++
		path, body := strings.ReplaceAll(o.path, "{issuer}", w.issuer), ""
		for _, g := range good {
			if d, _ := w.contract().find("POST", g.path); d.path == o.path {
				path, body = g.path, g.body
			}
		}
		if strings.Contains(path, "{") {
			path = url
		}
		for _, body := range []string{body, `{}`} {
			if o.method == http.MethodGet {
				body = ""
			}
			w.want(404, o.method, path, body, "key", south)
			w.want(401, o.method, path, body)
			w.want(401, o.method, path, body, "key", "sk_test_unknown")
			w.want(404, o.method, path, body, "key", key, "X-Tenant", "south")
		}
		w.want(403, o.method, path, body, "key", none)
	}
	if locked != 9 {
		t.Errorf("%d operations need a key", locked)
	}
	if a := w.want(200, "GET", "/vc", "", "key", south); strings.Contains(a.text, w.issuer) {
		t.Errorf("%s", a.text)
	}
}

// leaves calls f with every value of a JSON value, and how to replace it.
func leaves(v any, set func(any), f func(replace func(any))) {
	f(set)
	set(v)
	switch v := v.(type) {
	case map[string]any:
		for k, was := range v {
			leaves(was, func(n any) { v[k] = n }, f)
		}
		f(func(n any) { v["another"] = n })
		delete(v, "another")
	case []any:
		for i, was := range v {
			leaves(was, func(n any) { v[i] = n }, f)
		}
	}
}

// TestDocumentFuzz: every value of every body that the document describes is replaced by
// others. Whatever is answered is as the document says, is no fault of the server, and
// repeats no value that was sent, but of what was taken (names of members are named); and what does not fit the schema
// is refused.
func TestDocumentFuzz(t *testing.T) {
	w := newWorld(t)
	key, c := w.key(w.north), w.contract()
	tried, unfit := 0, 0
	for _, o := range w.operations(key) {
		d, _ := c.find("POST", o.path)
		schema := d.pointer() + "/requestBody/content/application~1json/schema"
		var root any = must(jsonschema.UnmarshalJSON(strings.NewReader(o.body)))(t)
		leaves(root, func(n any) { root = n }, func(replace func(any)) {
			for _, n := range []any{secretText, 1.5, true, nil, []any{}, []any{secretText}, map[string]any{}, map[string]any{"other": secretText}, strings.Repeat(secretText, 300), -1e300} {
				replace(n)
				body := marshal(t, root)
				tried++
				a := w.do("POST", o.path, body, "key", key) // which compares the answer with the document
				if a.status >= 500 {
					t.Errorf("%s %.300s: %d %s", o.name, body, a.status, a.text)
				}
				if a.status >= 400 && strings.Contains(a.text, secretText) {
					t.Errorf("%s %.300s: echoes %s", o.name, body, a.text)
				}
				v := must(jsonschema.UnmarshalJSON(strings.NewReader(body)))(t)
				if c.validate(schema, v) != nil {
					if unfit++; a.status < 400 {
						t.Errorf("%s: the document refuses %.300s, which is answered with %d", o.name, body, a.status)
					}
				}
			}
		})
	}
	if tried < 1300 || unfit < 600 {
		t.Errorf("only %d bodies, %d of which do not fit", tried, unfit)
	}
	if strings.Contains(w.log.String(), secretText) {
		t.Error("the log repeats what was sent")
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	return string(must(json.Marshal(v))(t))
}
