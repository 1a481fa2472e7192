package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
)

// The reference page is made from the OpenAPI document when the handler is made, and
// works without scripts. Its one script, from here, adds the forms to try operations.

//go:embed reference/reference.html
var referenceHTML string

//go:embed reference/problem.html
var problemHTML string

//go:embed reference/reference.css
var referenceCSS []byte

//go:embed reference/try.js
var tryJS []byte

const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var tags = []*huma.Tag{
	{Name: "Access", Description: "Keys, tokens, and who the caller is."},
	{Name: "Issuers", Description: "Who issues: DIDs and keys with their history."},
	{Name: "Credential types", Description: "Templates: fields, outputs, validity, layout."},
	{Name: "Credentials", Description: "Issued one at a time, and their lives."},
	{Name: "Batches", Description: "Many credentials in one request."},
	{Name: "Verify", Description: "Public: a verdict needs no key."},
	{Name: "Documents", Description: "Files and the signatures on them."},
	{Name: "Stamps", Description: "Hashes anchored in Ethereum, and their evidence."},
	{Name: "Webhooks", Description: "Endpoints that are told of events."},
	{Name: "Portfolios", Description: "Public selections of a recipient's credentials."},
	{Name: "Registry", Description: "Audit, export, erasure."},
	{Name: "W3C plane", Description: "Verifiable Credential API for Lifecycle Management 1.0 (VCALM) of the W3C, for each issuer. Its bodies are bare, as VCALM has them."},
	{Name: "Published", Description: "What verifiers fetch: status lists, DID documents, keys, schemas, files."},
	{Name: "Operation", Description: "Health, metrics and this document."},
}

// describe fills in what the document says as a whole.
func (a *api) describe() {
	doc := a.huma.OpenAPI()
	doc.Info.Description = "Issue and verify credentials. Answers of `/v1` are `{data, meta}`, those of `/vc` are bare; errors are problems (RFC 9457). Tenant and environment come from the key. Absent and null members of a body mean the same, but for `validUntil` of `/expiry`."
	doc.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	doc.Servers = []*huma.Server{{URL: a.BaseURL}}
	doc.Tags = tags
}

// publish writes the document and the pages made from it.
func (a *api) publish() error {
	raw, err := a.huma.OpenAPI().MarshalJSON()
	if err != nil {
		return err
	}
	v := jsontext.Value(raw)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	a.openAPI = fileOf("openapi.json", "application/vnd.oai.openapi+json", append(v, '\n'))
	a.openAPI.Name = "" // shown, not saved
	return a.renderReference()
}

func fileOf(name, mediaType string, b []byte) service.File {
	sum := sha256.Sum256(b)
	return service.File{Name: name, MediaType: mediaType, Digest: hex.EncodeToString(sum[:]), Bytes: b}
}

// addReference registers the page, its files and the explanations of problems. They are
// pages, and so not in the document.
func (a *api) addReference() {
	a.static("GET /docs/reference.css", func(*http.Request) (service.File, bool) {
		return fileOf("", "text/css; charset=utf-8", referenceCSS), true
	})
	a.static("GET /docs/try.js", func(*http.Request) (service.File, bool) {
		return fileOf("", "text/javascript; charset=utf-8", tryJS), true
	})
	a.static("GET /docs", func(*http.Request) (service.File, bool) { return a.reference, true })
	pages := problemPages()
	a.static("GET /problems/{code}", func(r *http.Request) (service.File, bool) {
		f, ok := pages[r.PathValue("code")]
		return f, ok
	})
}

func (a *api) static(pattern string, find func(*http.Request) (service.File, bool)) {
	o := &operation{Path: strings.TrimPrefix(pattern, "GET "), Public: true}
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r)
		x.route = o.Path
		c := &call{a: a, op: o, w: w, r: r, x: x}
		h := w.Header()
		if wait, ok := a.addresses.take(h, byAddress(x.addr), a.Clock()); !ok {
			a.fail(w, r, tooMany(wait))
			return
		}
		f, ok := find(r)
		if !ok {
			a.fail(w, r, &service.Error{Code: codeNotFound, Detail: "no such page"})
			return
		}
		h["Content-Security-Policy"] = []string{pagePolicy}
		h["Referrer-Policy"] = []string{"no-referrer"}
		_ = c.file(f, maxAge(a.PublicAge))
	})
}

// The page's data.
type (
	refPage struct {
		Title, Version, Description, BaseURL string
		Groups                               []refGroup
		Schemas                              []refSchema
	}
	refGroup struct {
		ID, Name, Description string
		Operations            []refOperation
	}
	refOperation struct {
		ID, Method, Path, Summary string
		Text                      []string
		Public, Binary            bool
		Params                    []refParam
		Bodies                    []refBody
		Answers                   []refAnswer
	}
	refParam struct {
		Name, In, Type, Text, Example string
		Required                      bool
	}
	refBody struct {
		Type, Example string
		Also          []string // further types of the same
		Schema        refType
	}
	refAnswer struct {
		Status, Text string
		Bodies       []refBody
	}
	refSchema struct {
		Name    string
		Members []refMember
	}
	refMember struct {
		Name, Text string
		Type       refType
		Required   bool
	}
	refType struct{ Text, Link string }
)

func (a *api) renderReference() error {
	doc := a.huma.OpenAPI()
	p := refPage{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description, BaseURL: a.BaseURL}
	for _, tag := range doc.Tags {
		g := refGroup{ID: strings.ReplaceAll(strings.ToLower(tag.Name), " ", "-"), Name: tag.Name, Description: tag.Description}
		for _, path := range sortedKeys(doc.Paths) {
			for _, op := range operationsOf(doc.Paths[path]) {
				if slices.Contains(op.Tags, tag.Name) {
					g.Operations = append(g.Operations, a.refOperation(op))
				}
			}
		}
		if len(g.Operations) > 0 {
			p.Groups = append(p.Groups, g)
		}
	}
	for _, name := range sortedKeys(a.registry.Map()) {
		p.Schemas = append(p.Schemas, refSchema{Name: name, Members: members(a.registry.Map()[name])})
	}
	t, err := template.New("reference").Funcs(template.FuncMap{"prose": prose, "odd": func(i int) bool { return i%2 == 1 }}).Parse(referenceHTML)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return err
	}
	a.reference = fileOf("", "text/html; charset=utf-8", b.Bytes())
	return nil
}

// prose parts a text at its backquotes: every second part is code.
func prose(s string) []string { return strings.Split(s, "`") }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func operationsOf(item *huma.PathItem) []*huma.Operation {
	var out []*huma.Operation
	for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if op != nil {
			out = append(out, op)
		}
	}
	return out
}

func (a *api) refOperation(op *huma.Operation) refOperation {
	o := refOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Public: slices.ContainsFunc(op.Security, func(s map[string][]string) bool { return len(s) == 0 })}
	if op.Description != "" {
		o.Text = strings.Split(op.Description, "\n\n")
	}
	for _, p := range op.Parameters {
		if p.Ref != "" {
			p = a.huma.OpenAPI().Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
		}
		r := refParam{Name: p.Name, In: p.In, Type: typeText(p.Schema).Text, Text: p.Description, Required: p.Required}
		if p.Example != nil {
			r.Example = exampleText(p.Example)
		}
		o.Params = append(o.Params, r)
	}
	if op.RequestBody != nil {
		o.Bodies = bodiesOf(op.RequestBody.Content)
	}
	for _, status := range sortedKeys(op.Responses) {
		res := op.Responses[status]
		if res.Ref != "" {
			res = a.huma.OpenAPI().Components.Responses[strings.TrimPrefix(res.Ref, "#/components/responses/")]
			o.Answers = append(o.Answers, refAnswer{Status: status, Text: res.Description})
			continue
		}
		o.Answers = append(o.Answers, refAnswer{Status: status, Text: res.Description, Bodies: bodiesOf(res.Content)})
	}
	return o
}

func bodiesOf(m map[string]*huma.MediaType) []refBody {
	var out []refBody
	for _, t := range sortedKeys(m) {
		b := refBody{Type: t, Schema: typeText(m[t].Schema)}
		if m[t].Example != nil {
			b.Example = exampleText(m[t].Example)
		}
		if i := slices.IndexFunc(out, func(o refBody) bool { return o.Schema == b.Schema && o.Example == b.Example }); i >= 0 {
			out[i].Also = append(out[i].Also, t)
			continue
		}
		out = append(out, b)
	}
	return out
}

func exampleText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return ""
	}
	return string(b)
}

func members(s *huma.Schema) []refMember {
	var out []refMember
	for _, name := range sortedKeys(s.Properties) {
		p := s.Properties[name]
		out = append(out, refMember{Name: name, Text: p.Description, Type: typeText(p), Required: slices.Contains(s.Required, name)})
	}
	return out
}

// typeText says in words what a schema allows.
func typeText(s *huma.Schema) refType {
	switch {
	case s == nil || reflect.DeepEqual(*s, huma.Schema{}):
		return refType{Text: "anything"}
	case s.Ref != "":
		name := strings.TrimPrefix(s.Ref, schemaPrefix)
		return refType{Text: name, Link: "schema-" + name}
	case len(s.AnyOf) == 2 && s.AnyOf[1].Type == "null":
		t := typeText(s.AnyOf[0])
		t.Text += " or null"
		return t
	case len(s.AnyOf) > 0, len(s.OneOf) > 0 && len(s.Properties) == 0:
		var all []string
		for _, one := range slices.Concat(s.AnyOf, s.OneOf) {
			all = append(all, typeText(one).Text)
		}
		return refType{Text: "one of: " + strings.Join(all, "; ")}
	case s.Type == "array":
		t := typeText(s.Items)
		t.Text = "list of " + t.Text
		return t
	case s.Type == "object" && s.Properties["data"] != nil:
		return typeText(s.Properties["data"])
	case s.Type == "object" && len(s.Properties) > 0:
		return refType{Text: "object of " + strings.Join(sortedKeys(s.Properties), ", ")}
	}
	text := s.Type
	if s.Format != "" {
		text += " (" + s.Format + ")"
	}
	if len(s.Enum) > 0 {
		var values []string
		for _, v := range s.Enum {
			values = append(values, exampleText(v))
		}
		text = strings.Join(values, " | ")
	}
	if s.Nullable {
		text += " or null"
	}
	if text == "" {
		text = "anything"
	}
	return refType{Text: text}
}

// problemPages explain the types of problems.
func problemPages() map[string]service.File {
	t := template.Must(template.New("problem").Parse(problemHTML))
	out := map[string]service.File{}
	for _, info := range codes {
		var b bytes.Buffer
		if err := t.Execute(&b, map[string]string{"Code": string(info.code), "Title": info.title, "Status": strconv.Itoa(info.status) + " " + http.StatusText(info.status)}); err != nil {
			panic("httpapi: problem page: " + err.Error())
		}
		out[slug(info.code)] = fileOf("", "text/html; charset=utf-8", b.Bytes())
	}
	return out
}
