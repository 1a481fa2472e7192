package httpapi

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
)

// operation is one operation: what New makes a route of, and the OpenAPI document an entry.
type operation struct {
	Method, Path string
	Pattern      string // of the mux, where a path parameter may hold slashes. "": Path
	ID, Tag      string
	Summary      string
	Description  string

	Public    bool               // no key
	Unlimited bool               // not counted by address: probes
	Scope     service.Permission // "": any key
	Creates   bool               // takes an Idempotency-Key
	Secret    bool               // the path holds a secret
	Streams   bool               // the work is not bounded by Timeout
	Params    []*huma.Param      // of the query; those of the path are found in Path
	Dynamic   string             // prefix of further parameters
	Consumes  []string           // media types of the body. nil: JSON where In is set
	MaxBody   int64              // 0: 1 MB
	Cache     []string           // Cache-Control. nil: no-store

	In       any       // example of the body, of the type that is decoded; nil: no body
	Bodies   []content // examples of bodies of other types
	Optional bool      // the body may be absent
	Out      []reply   // the good answers, the usual one first

	// Run answers. Where it returns an error nothing has been written.
	Run func(c *call) error

	in        *huma.Schema // of the type of In
	query     map[string]bool
	known     string
	consumes  string
	pattern   string // as the mux has it
	accept    []string
	emptyBody bool
}

// content is a body by its media type.
type content struct {
	Type    string
	Schema  *huma.Schema // nil: bytes
	Example any          // nil: none
}

// reply is one good answer.
type reply struct {
	Status      int
	Description string
	Content     []content
	Headers     map[string]*huma.Param
}

// add makes a route and a document entry of an operation.
func (a *api) add(op operation) {
	o := &op
	o.MaxBody = orDefault(o.MaxBody, min(smallBody, a.MaxBody))
	if o.In != nil && o.Consumes == nil {
		o.Consumes = []string{jsonType}
	}
	if o.Consumes == nil && o.Method == http.MethodPost {
		o.Consumes, o.emptyBody = []string{jsonType}, true
	}
	o.emptyBody = o.emptyBody || o.Optional
	o.consumes = strings.Join(o.Consumes, " or ")
	if o.In != nil {
		o.in = a.registry.Schema(reflect.TypeOf(o.In), true, "")
		a.inputs = append(a.inputs, o.in)
	}
	o.query = map[string]bool{}
	var names []string
	for _, p := range o.Params {
		if p.In == "query" {
			o.query[p.Name] = true
			names = append(names, p.Name)
		}
	}
	if o.known = strings.Join(names, ", "); o.known == "" {
		o.known = "none"
	}
	for _, out := range o.Out {
		for _, ct := range out.Content {
			if ct.Type != jsonType && !slices.Contains(o.accept, ct.Type) {
				o.accept = append(o.accept, ct.Type)
			}
		}
	}
	doc := a.document(o)
	a.huma.OpenAPI().AddOperation(doc)
	route := *doc
	if o.Pattern != "" {
		route.Path = o.Pattern
	}
	a.huma.Adapter().Handle(&route, func(hc huma.Context) {
		r, w := unwrap(hc)
		a.serve(o, w, r)
	})
	if o.pattern = o.Method + " " + route.Path; !strings.Contains(route.Path, "{") {
		a.direct[endpoint{o.Method, route.Path}] = o
	}
}

// endpoint is a method and a path that has no parts that vary.
type endpoint struct{ method, path string }

// find is the operation that the mux would find for a request, nil where only the mux can
// tell: finding one by its path alone takes a tenth of the mux's time.
func (a *api) find(r *http.Request) *operation {
	if r.URL.RawPath != "" { // written with escapes, which the mux looks at
		return nil
	}
	return a.direct[endpoint{r.Method, r.URL.Path}]
}

func (o *operation) takes(name string) bool {
	return o.query[name] || o.Dynamic != "" && strings.HasPrefix(name, o.Dynamic) && len(name) > len(o.Dynamic)
}

// serve makes the checks of an operation in their order, and runs it.
func (a *api) serve(o *operation, w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r)
	x.route, x.secret = o.Path, o.Secret
	c := call{a: a, op: o, w: w, r: r, x: x, ctx: r.Context()}
	if !o.Streams {
		ctx := withDeadline(c.ctx, a.Clock, x.begin.Add(a.Timeout))
		defer ctx.end()
		c.ctx = ctx
	}
	if err := c.run(); err != nil {
		a.fail(w, r, err)
	}
}

func (c *call) run() error {
	o, h := c.op, c.w.Header()
	h["Cache-Control"] = noStore
	switch {
	case o.Unlimited:
	case o.Public:
		if wait, ok := c.a.addresses.take(h, byAddress(c.x.addr), c.a.Clock()); !ok {
			return tooMany(wait)
		}
	default:
		if err := c.authenticate(); err != nil {
			return err
		}
	}
	if !c.acceptable() {
		return &service.Error{Code: codeAcceptable, Detail: "expected an Accept that allows " + strings.Join(append([]string{jsonType}, o.accept...), " or ")}
	}
	if err := c.parseQuery(); err != nil {
		return err
	}
	if err := c.checkKey(); err != nil {
		return err
	}
	if o.Consumes != nil && (o.In != nil || o.emptyBody || slices.Contains(o.Consumes, formType)) && !o.ownBody() {
		if err := c.readJSON(); err != nil {
			return err
		}
	}
	if o.Cache != nil {
		h["Cache-Control"] = o.Cache
	}
	return o.Run(c)
}

// ownBody reports whether an operation takes bodies of several types and reads them itself.
func (o *operation) ownBody() bool { return len(o.Bodies) > 0 }

func (c *call) acceptable() bool {
	header := c.r.Header["Accept"]
	if len(header) == 0 || accepts(header, jsonType) {
		return true
	}
	for _, t := range c.op.accept {
		if accepts(header, t) {
			return true
		}
	}
	return false
}

// The registrars below fit an operation to the shape of a use case.

// get registers an operation that reads one thing.
func get[O any](a *api, o operation, example O, f func(*call) (O, error)) {
	o.Method = http.MethodGet
	o.Out = []reply{dataReply[O](a, http.StatusOK, "", example)}
	o.Run = func(c *call) error {
		v, err := f(c)
		if err != nil {
			return err
		}
		return data(c, http.StatusOK, v)
	}
	a.add(o)
}

// listing registers an operation that reads a part of a list.
func listing[O any](a *api, o operation, example O, f func(*call, service.Page) (service.List[O], error)) {
	o.Method = http.MethodGet
	o.Params = append(pageParams(), o.Params...)
	next := "0192f0c4-7b1e-7c3a-9d52-6f0e8a1b2c3d"
	o.Out = []reply{{Status: http.StatusOK, Description: "a part of the list", Content: []content{{
		Type:    jsonType,
		Schema:  a.envelopeOf(&huma.Schema{Type: "array", Items: a.schemaOf(reflect.TypeFor[O]())}, a.schemaOf(reflect.TypeFor[listMeta]())),
		Example: listEnvelope[O]{Data: []O{example}, Meta: listMeta{NextCursor: &next}},
	}}}}
	o.Run = func(c *call) error {
		p, err := c.page()
		if err != nil {
			return err
		}
		l, err := f(c, p)
		if err != nil {
			return err
		}
		return page(c, l)
	}
	a.add(o)
}

// create registers an operation that makes something: 201 with its place, or 200 where
// the same was there already.
func create[I, O any](a *api, o operation, in I, out O, f func(*call, I) (service.Result[O], error), at func(*call, O) string) {
	o.Method, o.In, o.Creates = http.MethodPost, in, true
	status := http.StatusCreated
	if o.Out != nil {
		status = o.Out[0].Status
	}
	made := dataReply[O](a, status, "created", out)
	if status == http.StatusAccepted {
		made.Description = "accepted; the work goes on"
	}
	made.Headers = map[string]*huma.Param{"Location": {Description: "where it is found", Schema: &huma.Schema{Type: "string"}}}
	o.Out = []reply{made, dataReply[O](a, http.StatusOK, "it was there already, with the same content", out)}
	o.Run = func(c *call) error {
		v, err := decode[I](c)
		if err != nil {
			return err
		}
		r, err := f(c, v)
		if err != nil {
			return err
		}
		return answerCreated(c, status, r, at)
	}
	a.add(o)
}

// answerCreated answers a creating call.
func answerCreated[O any](c *call, status int, r service.Result[O], at func(*call, O) string) error {
	c.replayed(r.Replayed)
	c.w.Header()["Location"] = []string{at(c, r.Value)}
	if !r.Created {
		status = http.StatusOK
	}
	return data(c, status, r.Value)
}

func (c *call) replayed(yes bool) {
	if yes {
		c.w.Header()["Idempotency-Replayed"] = []string{"true"}
	}
}

// act registers an action on something, repeatable by an Idempotency-Key. None as the
// type of the body: it takes none.
func act[I, O any](a *api, o operation, in I, out O, f func(*call, I) (service.Result[O], error)) {
	o.Method, o.Creates = http.MethodPost, true
	if _, ok := any(in).(none); !ok {
		o.In = in
	}
	o.Out = []reply{dataReply[O](a, http.StatusOK, "done", out)}
	o.Run = func(c *call) error {
		v, err := decode[I](c)
		if err != nil {
			return err
		}
		r, err := f(c, v)
		if err != nil {
			return err
		}
		c.replayed(r.Replayed)
		return data(c, http.StatusOK, r.Value)
	}
	a.add(o)
}

// none is the body of actions that take none.
type none struct{}

// change registers an operation that changes or replaces something.
func change[I, O any](a *api, method string, o operation, in I, out O, f func(*call, I) (O, error)) {
	o.Method, o.In = method, in
	o.Out = []reply{dataReply[O](a, http.StatusOK, "as it is now", out)}
	o.Run = func(c *call) error {
		v, err := decode[I](c)
		if err != nil {
			return err
		}
		out, err := f(c, v)
		if err != nil {
			return err
		}
		return data(c, http.StatusOK, out)
	}
	a.add(o)
}

// remove registers an operation that ends something.
func remove(a *api, o operation, f func(*call) error) {
	o.Method = http.MethodDelete
	o.Out = []reply{{Status: http.StatusNoContent, Description: "gone"}}
	o.Run = func(c *call) error {
		if err := f(c); err != nil {
			return err
		}
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	a.add(o)
}

// bytesOf registers an operation that answers a file as it is.
func bytesOf(a *api, o operation, types []string, f func(*call) (service.File, []string, error)) {
	o.Method = http.MethodGet
	out := reply{Status: http.StatusOK, Description: "the exact bytes", Headers: map[string]*huma.Param{
		"ETag": {Description: "SHA-256 of the bytes, in hexadecimal", Schema: &huma.Schema{Type: "string"}}}}
	for _, t := range types {
		out.Content = append(out.Content, content{Type: t, Example: fileExample(t)})
	}
	o.Out = []reply{out, {Status: http.StatusNotModified, Description: "as the ETag in If-None-Match says"}}
	plain := slices.Contains(types, jsonType)
	o.Run = func(c *call) error {
		f, cache, err := f(c)
		if err != nil {
			return err
		}
		if header := c.r.Header["Accept"]; !accepts(header, f.MediaType) && !accepts(header, jsonType) {
			return &service.Error{Code: codeAcceptable, Detail: "expected an Accept that allows " + f.MediaType}
		}
		if plain {
			c.w.Header().Add("Vary", "Accept")
			if isJSON(f.MediaType) && !accepts(c.r.Header["Accept"], f.MediaType) {
				f.MediaType = jsonType // libraries parse what is called JSON, and only that
			}
		}
		return c.file(f, cache)
	}
	a.add(o)
}

// isJSON reports whether a media type is one of JSON under another name.
func isJSON(mediaType string) bool {
	return mediaType == chancery.MediaVC || strings.HasSuffix(mediaType, "+json")
}
