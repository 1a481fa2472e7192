package vcalm

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

// operation is one operation of the plane: New makes a route of it, and Describe an entry
// of the OpenAPI document.
type operation struct {
	method, path string
	run          func(*http.Request, *call) error
	// open operations need no caller: whoever knows the address may.
	open  bool
	scope service.Permission // that the caller's key needs; "": none

	id, summary, text string
	in                *payload // nil: no body
	optional          bool     // the body may be absent
	creates           bool     // takes an Idempotency-Key
	out               []result
	fails             []int // beside those that every operation, or every one of its kind, has
	query             []*huma.Param
}

func (o operation) pattern() string { return o.method + " " + o.path }

// payload is a body by the names of its schemas, with | between those of which it is one.
type payload struct {
	media, schema string // media "": application/json
	example       string // JSON text
}

// result is an answer that is no problem.
type result struct {
	status  int
	text    string
	bodies  []payload
	headers map[string]string // what they say
}

const tag = "W3C plane"

// describe adds the plane to an OpenAPI document: its operations, and the schemas that they
// refer to. Problems, and the parameters X-Tenant and Idempotency-Key, are those of the
// document's other operations.
func (h *handler) describe(doc *huma.OpenAPI) {
	maps.Copy(doc.Components.Schemas.Map(), schemas())
	for _, o := range h.operations() {
		doc.AddOperation(o.entry())
	}
}

func (o operation) entry() *huma.Operation {
	d := &huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{tag}, Summary: o.summary, Description: o.text,
		Parameters: append(pathParams(o.path), o.query...), Responses: map[string]*huma.Response{},
	}
	switch {
	case o.open && o.scope != "": // tells callers more
		d.Security = []map[string][]string{{}, {"bearer": {}}}
	case o.open:
		d.Security = []map[string][]string{{}}
	default:
		d.Security = []map[string][]string{{"bearer": {}}}
		d.Description = strings.TrimSpace(d.Description + "\n\nNeeds the scope `" + string(o.scope) + "`; at an instance that the configuration opens to everybody, no key.")
		d.Parameters = append(d.Parameters, &huma.Param{Ref: "#/components/parameters/XTenant"})
	}
	if o.creates {
		d.Parameters = append(d.Parameters, &huma.Param{Ref: "#/components/parameters/IdempotencyKey"})
	}
	if o.in != nil {
		m := o.in.content()
		d.RequestBody = &huma.RequestBody{Required: !o.optional, Content: map[string]*huma.MediaType{}}
		for _, name := range bodyTypes {
			d.RequestBody.Content[name] = m
		}
	}
	for _, r := range o.out {
		res := &huma.Response{Description: r.text}
		for name, text := range r.headers {
			if res.Headers == nil {
				res.Headers = map[string]*huma.Param{}
			}
			res.Headers[name] = &huma.Param{Description: text, Schema: &huma.Schema{Type: "string"}}
		}
		for _, b := range r.bodies {
			if res.Content == nil {
				res.Content = map[string]*huma.MediaType{}
			}
			res.Content[b.name()] = b.content()
		}
		d.Responses[strconv.Itoa(r.status)] = res
	}
	for _, status := range o.failures() {
		if name := strconv.Itoa(status); d.Responses[name] == nil {
			d.Responses[name] = &huma.Response{Ref: "#/components/responses/" + strings.ReplaceAll(http.StatusText(status), " ", "")}
		}
	}
	return d
}

// failures are the statuses of problems that an operation can have.
func (o operation) failures() []int {
	s := append([]int{400, 429, 500, 503}, o.fails...)
	if o.path != "/interactions/{id}" { // which has a page for everybody else
		s = append(s, 406)
	}
	if strings.Contains(o.path, "{") {
		s = append(s, 404)
	}
	if !o.open || o.scope != "" {
		s = append(s, 401, 403, 404)
	}
	if o.in != nil {
		s = append(s, 413, 415)
	}
	if o.creates {
		s = append(s, 409, 422)
	}
	slices.Sort(s)
	return slices.Compact(s)
}

func (p payload) name() string {
	if p.media == "" {
		return "application/json"
	}
	return p.media
}

func (p payload) content() *huma.MediaType {
	m := &huma.MediaType{Schema: &huma.Schema{Type: "string"}}
	if first, second, two := strings.Cut(p.schema, "|"); two {
		m.Schema = either("", ref(first), ref(second))
	} else if p.schema != "" {
		m.Schema = ref(first)
	}
	switch {
	case p.name() == "text/html":
		m.Example = p.example
	case p.example != "":
		m.Example = jsonValue(p.example)
	}
	return m
}

var pathParam = regexp.MustCompile(`\{([a-z]+)\}`)

func pathParams(path string) (out []*huma.Param) {
	for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
		p := &huma.Param{Name: m[1], In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}
		switch {
		case m[1] == "issuer":
			p.Description, p.Example = "an instance: the id of an issuer, or a name in the configuration; `GET /vc` lists them", exampleIssuer
		case m[1] == "workflow":
			p.Schema.Enum, p.Example = []any{"claim", "verify"}, "verify"
		case strings.Contains(path, "/status-lists/"):
			p.Description, p.Example = "the last part of the URL of a list", "7"
		case strings.HasPrefix(path, "/interactions/"):
			p.Description, p.Example = "an exchange, or the public id of a credential", exampleExchange
		default:
			p.Example = exampleExchange
		}
		out = append(out, p)
	}
	return out
}
