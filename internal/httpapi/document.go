package httpapi

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
)

const schemaPrefix = "#/components/schemas/"

var humaOnce sync.Once

// NewAPI is the one constructor of huma APIs. Left at their defaults these would add a
// $schema member with the Host header's value to bodies, repeat submitted values in
// errors, serve a viewer from a public CDN, and take JSON with duplicate names; all of
// that is off here. (The fifth, 404 and 405 as plain text, is the mux's: see route.)
func NewAPI(mux humago.Mux, title, version string) huma.API {
	humaOnce.Do(func() {
		huma.DefaultArrayNullable = false // package json writes [] for nil
		huma.NewError = newHumaError
	})
	registry := huma.NewMapRegistry(schemaPrefix, schemaName)
	format := huma.Format{Marshal: marshalStrict, Unmarshal: unmarshalStrict}
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: title, Version: version},
			Components: &huma.Components{Schemas: registry},
		},
		OpenAPIPath:      "", // served by ourselves, as it is when all operations are there
		DocsPath:         "",
		SchemasPath:      "",
		Formats:          map[string]huma.Format{jsonType: format, "json": format},
		DefaultFormat:    jsonType,
		NoFormatFallback: false, // true: huma panics where Accept is absent
		CreateHooks:      nil,
		Transformers:     nil,
	}
	return humago.New(mux, c)
}

// schemaName names the schema of a type. The enumeration in the member state of Anchor is
// called AnchorState by programs that make clients, which must not be another schema's name.
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[service.AnchorState]() || t == reflect.TypeFor[*service.AnchorState]() {
		return "CredentialAnchor"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// newHumaError keeps submitted values out of the errors that huma itself makes.
func newHumaError(status int, msg string, errs ...error) huma.StatusError {
	e := &humaError{Problem: Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: msg, Message: msg}}
	switch {
	case status == http.StatusUnprocessableEntity:
		e.Code = service.CodeValidation
	case status == http.StatusRequestEntityTooLarge:
		e.Code = service.CodeTooLarge
	case status == http.StatusUnsupportedMediaType:
		e.Code = service.CodeMedia
	case status >= 500:
		e.Code, e.Detail, e.Message = service.CodeInternal, "an internal error", "an internal error"
	default:
		e.Code = service.CodeBody
	}
	var bad service.Invalid
	for _, err := range errs {
		if d, ok := err.(*huma.ErrorDetail); ok {
			path, message := shapeMessage(strings.TrimPrefix(strings.TrimPrefix(d.Location, "body."), "query."), d.Message)
			bad.Add(clipPath(path), message)
		}
	}
	if status < 500 {
		e.Errors = bad.Fields()
	}
	return e
}

type humaError struct{ Problem }

func (e *humaError) Error() string  { return e.Detail }
func (e *humaError) GetStatus() int { return e.Status }
func (e *humaError) ContentType(string) string {
	return problemType
}

// document makes the OpenAPI entry of an operation.
func (a *api) document(o *operation) *huma.Operation {
	d := &huma.Operation{
		OperationID: o.ID, Method: o.Method, Path: o.Path, Tags: []string{o.Tag},
		Summary: o.Summary, Description: o.Description, Responses: map[string]*huma.Response{},
		Parameters: slices.Concat(pathParams(o.Path), o.Params),
	}
	if o.Public {
		d.Security = []map[string][]string{{}}
	} else {
		d.Security = []map[string][]string{{"bearer": {}}}
		if o.Scope != "" {
			d.Description = strings.TrimSpace(d.Description + "\n\nNeeds the scope `" + string(o.Scope) + "`.")
		}
		d.Parameters = append(d.Parameters, &huma.Param{Ref: "#/components/parameters/XTenant"})
	}
	if o.Creates {
		d.Parameters = append(d.Parameters, &huma.Param{Ref: "#/components/parameters/IdempotencyKey"})
	}
	a.documentBody(o, d)
	for _, out := range o.Out {
		res := &huma.Response{Description: out.Description, Headers: out.Headers}
		if res.Description == "" {
			res.Description = http.StatusText(out.Status)
		}
		for _, ct := range out.Content {
			if res.Content == nil {
				res.Content = map[string]*huma.MediaType{}
			}
			res.Content[ct.Type] = mediaOf(ct)
		}
		d.Responses[strconv.Itoa(out.Status)] = res
	}
	for _, status := range o.failures() {
		if d.Responses[strconv.Itoa(status)] != nil {
			continue // a failure of its own kind
		}
		d.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + strings.ReplaceAll(http.StatusText(status), " ", "")}
	}
	return d
}

func (a *api) documentBody(o *operation, d *huma.Operation) {
	if o.In == nil && len(o.Bodies) == 0 {
		return
	}
	d.RequestBody = &huma.RequestBody{Required: !o.Optional, Content: map[string]*huma.MediaType{}}
	if o.In != nil {
		for _, t := range o.Consumes {
			if slices.ContainsFunc(o.Bodies, func(c content) bool { return c.Type == t }) {
				continue
			}
			d.RequestBody.Content[t] = mediaOf(content{Type: t, Schema: a.schemaOf(reflect.TypeOf(o.In)), Example: o.In})
		}
	}
	for _, b := range o.Bodies {
		d.RequestBody.Content[b.Type] = mediaOf(b)
	}
}

func mediaOf(c content) *huma.MediaType {
	m := &huma.MediaType{Schema: c.Schema}
	if m.Schema == nil {
		m.Schema = &huma.Schema{Type: "string", Format: "binary"}
		if strings.HasSuffix(c.Type, "json") || c.Type == "application/vc" {
			m.Schema = &huma.Schema{Type: "object"}
		}
	}
	if c.Example != nil {
		m.Example = plainValue(c.Example)
	}
	return m
}

// plainValue is a value as it goes over the wire, with its members in their order.
func plainValue(v any) any {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v, plainJSON)
	if err != nil {
		panic("httpapi: an example cannot be written: " + err.Error())
	}
	return jsontext.Value(b)
}

// failures are the statuses of errors that an operation can have.
func (o *operation) failures() []int {
	s := []int{400, 406, 429, 500, 503}
	if !o.Public {
		s = append(s, 401, 403, 404, 409)
	}
	if strings.Contains(o.Path, "{") {
		s = append(s, 404)
	}
	if o.Secret {
		s = append(s, 409)
	}
	if o.Creates {
		s = append(s, 402, 422)
	}
	if o.Consumes != nil {
		s = append(s, 413, 415, 422)
	}
	slices.Sort(s)
	return slices.Compact(s)
}

var pathParam = regexp.MustCompile(`\{([A-Za-z]+)\}`)

func pathParams(path string) []*huma.Param {
	var out []*huma.Param
	for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
		s := &huma.Schema{Type: "string"}
		if m[1] == "number" {
			s = &huma.Schema{Type: "integer", Format: "int64"}
		}
		out = append(out, &huma.Param{Name: m[1], In: "path", Required: true, Schema: s, Example: pathExamples[m[1]]})
	}
	return out
}

// query describes a parameter of the query.
func query(name, description string, s *huma.Schema) *huma.Param {
	if s == nil {
		s = &huma.Schema{Type: "string"}
	}
	return &huma.Param{Name: name, In: "query", Description: description, Schema: s}
}

func queryEnum(name, description string, values ...string) *huma.Param {
	s := &huma.Schema{Type: "string"}
	for _, v := range values {
		s.Enum = append(s.Enum, v)
	}
	return query(name, description, s)
}

func queryTime(name, description string) *huma.Param {
	return query(name, description, &huma.Schema{Type: "string", Format: "date-time"})
}

func queryBool(name, description string) *huma.Param {
	return query(name, description, &huma.Schema{Type: "boolean"})
}

func pageParams() []*huma.Param {
	one, most := 1.0, float64(service.MaxLimit)
	limit := &huma.Schema{Type: "integer", Minimum: &one, Maximum: &most, Default: service.DefaultLimit}
	return []*huma.Param{
		query("limit", "how many", limit),
		query("cursor", "`meta.nextCursor` of the page before; absent: the beginning", nil),
		queryBool("withTotal", "count all, in `meta.total`"),
		query("pageSize", "the same as limit, which is then not given", &huma.Schema{Type: "integer", Minimum: &one, Maximum: &most}),
		query("pageToken", "the same as cursor, which is then not given; 0 is the beginning", nil),
	}
}
