package httpapi

import (
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

func marshalStrict(w io.Writer, v any) error { return json.MarshalWrite(w, v, answerJSON) }

func unmarshalStrict(b []byte, v any) error {
	if _, err := strictjson.Parse(b, strictjson.Limits{Depth: maxDepth}); err != nil {
		return jsonFault(err)
	}
	return json.Unmarshal(b, v, decodeJSON)
}

// schemaOf is the schema of a type, by reference where it has a name.
func (a *api) schemaOf(t reflect.Type) *huma.Schema { return a.registry.Schema(t, true, "") }

// envelopeOf is the schema of data in its envelope.
func (a *api) envelopeOf(data, metaSchema *huma.Schema) *huma.Schema {
	s := &huma.Schema{
		Type:                 "object",
		Properties:           map[string]*huma.Schema{"data": data, "meta": metaSchema},
		Required:             []string{"data", "meta"},
		AdditionalProperties: false,
	}
	s.PrecomputeMessages()
	return s
}

func dataReply[O any](a *api, status int, description string, example O) reply {
	s := a.schemaOf(reflect.TypeFor[O]())
	if t := reflect.TypeFor[O](); t.Kind() == reflect.Slice {
		s = &huma.Schema{Type: "array", Items: a.schemaOf(t.Elem())}
	}
	return reply{Status: status, Description: description, Content: []content{{
		Type: jsonType, Schema: a.envelopeOf(s, a.schemaOf(reflect.TypeFor[meta]())), Example: envelope[O]{Data: example},
	}}}
}

// finish says in the schemas which members may be null: pointers and maps that are not
// left out when they are empty. (huma knows that of scalars only.)
func (a *api) finish() {
	names := make([]string, 0)
	for name := range a.registry.Map() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if t := a.registry.TypeFromRef(schemaPrefix + name); t != nil && t.Kind() == reflect.Struct {
			nullable(a.registry.Map()[name], t)
		}
	}
	a.nullableInputs()
	doc := a.huma.OpenAPI()
	doc.Components.Responses = a.failureResponses()
	doc.Components.Parameters = map[string]*huma.Param{
		"IdempotencyKey": {Name: "Idempotency-Key", In: "header", Description: "Makes the call repeatable for 24 hours: the same key and body answer what was answered before, with `Idempotency-Replayed: true`; another body is 422.", Schema: &huma.Schema{Type: "string", MinLength: ptr(1), MaxLength: ptr(255)}, Example: "row-1"},
		"XTenant":        {Name: "X-Tenant", In: "header", Description: "An assertion: not the tenant of the key is 404. The tenant always comes from the key.", Schema: &huma.Schema{Type: "string"}},
	}
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An API key (`sk_test_…`, `sk_live_…`) or a token of `POST /v1/oauth/token`, interchangeable. Keys are for servers: never put one in a page or an app."},
	}
}

func ptr[T any](v T) *T { return &v }

func nullable(s *huma.Schema, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			e := f.Type
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			if e.Kind() == reflect.Struct {
				nullable(s, e)
			}
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[name]
		if p == nil || strings.Contains(options, "omit") {
			continue
		}
		switch f.Type.Kind() {
		case reflect.Pointer, reflect.Map:
			if p.Ref != "" {
				s.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
			} else {
				p.Nullable = true
				if len(p.Enum) > 0 && !slices.Contains(p.Enum, nil) {
					p.Enum = append(p.Enum, nil)
				}
			}
		}
	}
}

// nullableInputs says that in the types that callers send, null is what absence is, as it
// is for the decoder: members that need not be there may be null.
func (a *api) nullableInputs() {
	done := map[string]bool{}
	var visit func(*huma.Schema)
	visit = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if s.Ref != "" {
			name := strings.TrimPrefix(s.Ref, schemaPrefix)
			if !done[name] {
				done[name] = true
				visit(a.registry.Map()[name])
			}
			return
		}
		visit(s.Items)
		for _, alternatives := range [][]*huma.Schema{s.AnyOf, s.OneOf} {
			for _, alternative := range alternatives {
				visit(alternative)
			}
		}
		for name, p := range s.Properties {
			visit(p)
			switch {
			case slices.Contains(s.Required, name):
			case p.Ref != "":
				s.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
			case p.Type != "":
				p.Nullable = true
				if len(p.Enum) > 0 && !slices.Contains(p.Enum, nil) {
					p.Enum = append(p.Enum, nil)
				}
			}
		}
	}
	for _, s := range a.inputs {
		visit(s)
	}
}

// failureResponses are the answers that operations refer to, one for each status.
func (a *api) failureResponses() map[string]*huma.Response {
	out := map[string]*huma.Response{}
	schema := a.schemaOf(reflect.TypeFor[Problem]())
	done := map[int]bool{}
	for _, info := range codes {
		if done[info.status] || info.code == codeMethod { // the answer of no operation
			continue
		}
		done[info.status] = true
		example := Problem{Type: a.BaseURL + "/problems/" + slug(info.code), Title: info.title, Status: info.status, Detail: "what was expected", Message: "what was expected", Code: info.code, Instance: "/v1/credentials", RequestID: "0192f0c4-7b1e-7c3a-9d52-6f0e8a1b2c3d"}
		if info.status == http.StatusUnprocessableEntity {
			example.Detail = "recipient.email must be an e-mail address"
			example.Message = example.Detail
			example.Errors = map[string][]string{"recipient.email": {"must be an e-mail address"}}
		}
		var names []string
		for _, c := range codes {
			if c.status == info.status {
				names = append(names, "`"+string(c.code)+"`")
			}
		}
		m := mediaOf(content{Type: problemType, Schema: schema, Example: example})
		res := &huma.Response{Description: info.title + ": " + strings.Join(names, ", "), Content: map[string]*huma.MediaType{problemType: m, jsonType: m}}
		switch info.status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			res.Headers = map[string]*huma.Param{"Retry-After": {Description: "seconds", Schema: &huma.Schema{Type: "integer"}}}
			if info.status == http.StatusTooManyRequests {
				res.Headers["RateLimit"] = &huma.Param{Description: "what is left (`r`) and when it is full again (`t`, seconds); in every answer that is counted", Schema: &huma.Schema{Type: "string"}}
				res.Headers["RateLimit-Policy"] = &huma.Param{Description: "how many at once (`q`) in a window (`w`, seconds)", Schema: &huma.Schema{Type: "string"}}
			}
		case http.StatusUnauthorized, http.StatusForbidden:
			res.Headers = map[string]*huma.Param{"WWW-Authenticate": {Schema: &huma.Schema{Type: "string"}}}
		}
		out[strings.ReplaceAll(http.StatusText(info.status), " ", "")] = res
	}
	return out
}
