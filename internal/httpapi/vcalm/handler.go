// Package vcalm serves the W3C plane: the paths of VCALM 1.0 under /vc/{issuer}/ and the
// interaction URLs. Bodies are bare, as VCALM has them; what is not an answer of VCALM is
// a problem (RFC 9457).
package vcalm

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// MaxBody is the largest body that is read, in bytes.
const MaxBody = 10 << 20

// Config is what the handler needs.
type Config struct {
	// Plane does the work. Required.
	Plane *vcalm.Plane
	// Admit counts a request and finds its caller, nil for one without a token and for
	// public ones: httpapi.Admit. Required.
	Admit func(h http.Header, r *http.Request, public bool) (*service.Caller, error)
	// Logger is told of internal faults. Required.
	Logger *slog.Logger
	// RequestID names a request, for problems and logs. nil: no name.
	RequestID func(*http.Request) string
}

// Handler answers /vc, /vc/… and /interactions/…, and can say what it offers there.
type Handler struct {
	h   *handler
	mux http.Handler
}

// New makes the handler of /vc, /vc/ and /interactions/.
func New(c Config) (*Handler, error) {
	if c.Plane == nil || c.Admit == nil || c.Logger == nil {
		return nil, errors.New("httpapi/vcalm: expected a plane, who admits and a logger")
	}
	h := &handler{c}
	mux := http.NewServeMux()
	for _, o := range h.operations() {
		mux.Handle(o.pattern(), h.wrap(o))
	}
	return &Handler{h, h.unmatched(mux)}, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Describe adds the operations to an OpenAPI document.
func (h *Handler) Describe(doc *huma.OpenAPI) { h.h.describe(doc) }

type handler struct{ c Config }

// call is one request on its way through: who calls, and the answer.
type call struct {
	w        http.ResponseWriter
	caller   *service.Caller
	instance *vcalm.Instance
}

// wrap finds the instance and the caller and turns errors into problems.
func (h *handler) wrap(o operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if err := h.admit(r, c, o.open); err != nil {
			h.fail(w, r, err)
			return
		}
		if takesJSON(r) == 0 && r.Pattern != "GET /interactions/{id}" {
			h.fail(w, r, &service.Error{Code: codeAcceptable, Detail: "expected an Accept that allows application/json"})
			return
		}
		if err := o.run(r, c); err != nil {
			h.fail(w, r, err)
		}
	})
}

func (h *handler) admit(r *http.Request, c *call, open bool) (err error) {
	listing := r.Pattern == "GET /vc" // which tells callers more
	open = open && (!listing || r.Header["Authorization"] == nil)
	if c.caller, err = h.c.Admit(c.w.Header(), r, open); err != nil || open || listing {
		return err
	}
	c.instance, err = h.c.Plane.Instance(r.Context(), r.PathValue("issuer"), c.caller)
	return err
}

// unmatched answers for paths and methods that the mux does not know, as problems.
func (h *handler) unmatched(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		if _, err := h.c.Admit(w.Header(), r, true); err != nil {
			h.fail(w, r, err)
			return
		}
		probe := &headerOnly{header: http.Header{}}
		mux.ServeHTTP(probe, r)
		if probe.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", probe.header.Get("Allow"))
			h.problem(w, r, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "expected another method", nil)
			return
		}
		h.problem(w, r, http.StatusNotFound, "NOT_FOUND", "no such path", nil)
	})
}

// headerOnly keeps status and header of an answer.
type headerOnly struct {
	header http.Header
	status int
}

func (p *headerOnly) Header() http.Header         { return p.header }
func (p *headerOnly) WriteHeader(status int)      { p.status = status }
func (p *headerOnly) Write(b []byte) (int, error) { return len(b), nil }

var statuses = map[service.Code]int{
	service.CodeBody: 400, service.CodeParameter: 400, service.CodeKey: 401, service.CodeTokenExpired: 401, service.CodeScope: 403,
	service.CodeQuota: 402, service.CodeState: 409, service.CodeDuplicate: 409, service.CodeRevoked: 409, service.CodeInProgress: 409, service.CodeTooLarge: 413, service.CodeMedia: 415,
	codeAcceptable: 406, service.CodeValidation: 422, service.CodeMismatch: 422, service.CodeRate: 429, service.CodeUnavailable: 503,
}

// fail answers with a problem. Of internal faults callers learn nothing.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var bad *vcalm.BadRequest
	var known *service.Error
	switch {
	case errors.As(err, &bad):
		h.problem(w, r, 400, string(service.CodeBody), bad.Problem.Detail, &bad.Problem)
	case errors.As(err, &known):
		status, ok := statuses[known.Code]
		switch {
		case ok:
		case service.IsNotFound(err):
			status = 404
		default:
			status = 500
		}
		if status == 401 && w.Header().Get("WWW-Authenticate") == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="chancery"`)
		}
		if known.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(known.RetryAfter.Seconds())+1))
		}
		p := problemBody{Status: status, Detail: known.Detail, Code: string(known.Code)}
		if status == http.StatusUnprocessableEntity {
			p.Errors = known.Fields
		}
		h.write(w, r, p, nil)
	case errors.Is(err, service.ErrNotFound):
		h.problem(w, r, 404, "NOT_FOUND", "not found", nil)
	case errors.Is(err, service.ErrConflict), errors.Is(err, service.ErrExists):
		h.problem(w, r, 409, string(service.CodeState), "somebody else changed the same thing at the same moment", nil)
	case errors.Is(err, service.ErrUnavailable), r.Context().Err() != nil:
		h.log(r, err)
		h.problem(w, r, 503, string(service.CodeUnavailable), "try again later", nil)
	default:
		h.log(r, err)
		h.problem(w, r, 500, string(service.CodeInternal), "internal error", nil)
	}
}

func (h *handler) log(r *http.Request, err error) {
	h.c.Logger.ErrorContext(r.Context(), "vcalm: request failed", "operation", r.Pattern, "request", h.id(r), "error", err)
}

func (h *handler) id(r *http.Request) string {
	if h.c.RequestID == nil {
		return ""
	}
	return h.c.RequestID(r)
}

// problemBody is a problem in the form of API.md, 4.
type problemBody struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Instance  string `json:"instance,omitempty"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	RequestID string `json:"requestId,omitempty"`
	// Errors are messages by dotted path, of a 422.
	Errors map[string][]string `json:"errors,omitempty"`
}

func (h *handler) problem(w http.ResponseWriter, r *http.Request, status int, code, detail string, own *vcalm.Problem) {
	h.write(w, r, problemBody{Status: status, Detail: detail, Code: code}, own)
}

// write completes a problem and answers with it. Its type is that of VCALM, or the page
// that explains the code.
func (h *handler) write(w http.ResponseWriter, r *http.Request, p problemBody, own *vcalm.Problem) {
	p.Title, p.Message, p.Instance, p.RequestID = http.StatusText(p.Status), p.Detail, instanceOf(r), h.id(r)
	code := p.Code
	if p.Status == http.StatusNotFound {
		code = "NOT_FOUND"
	}
	p.Type = h.c.Plane.URL("/problems/" + strings.ReplaceAll(strings.ToLower(code), "_", "-"))
	if own != nil {
		p.Type, p.Title = own.Type, own.Title
	}
	for _, name := range []string{"Location", "ETag"} {
		w.Header().Del(name)
	}
	body, err := json.Marshal(p, jsontext.WithIndent("  "))
	if err != nil {
		body = []byte("{}")
	}
	media := "application/problem+json"
	if quality(r, media) == 0 && takesJSON(r) > 0 {
		media = "application/json"
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(body)
}

// instanceOf is the path, unless it holds a capability, or something else than names.
func instanceOf(r *http.Request) string {
	path := r.URL.Path
	odd := strings.Trim(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:/")
	if odd != "" || len(path) > 300 || strings.Contains(path, "/exchanges/") || strings.HasPrefix(path, "/interactions/") {
		return ""
	}
	return path
}

// body reads a JSON object of the media types that VCALM sends. An empty one is None.
func body(r *http.Request, allowed ...string) (*strictjson.Doc, error) {
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, &service.Error{Code: service.CodeTooLarge, Detail: "the body is larger than 10 MB"}
		}
		return nil, &service.Error{Code: service.CodeBody, Detail: "the body could not be read", Err: err}
	}
	if len(b) == 0 {
		return nil, nil
	}
	if err := mediaOf(r.Header); err != nil {
		return nil, err
	}
	doc, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		detail := "the body is not one strict JSON value"
		var fault *strictjson.Error
		if errors.As(err, &fault) {
			detail += ": " + string(fault.Code)
		}
		return nil, &service.Error{Code: service.CodeBody, Detail: detail, Err: err}
	}
	if doc.Kind(0) != strictjson.Object {
		return nil, &service.Error{Code: service.CodeBody, Detail: "the body: expected a JSON object"}
	}
	return doc, known(doc, 0, "", allowed)
}

// bodyTypes are the media types of bodies, all of them JSON.
var bodyTypes = []string{"application/json", "application/ld+json", "application/vc", "application/vp"}

// mediaOf checks that a body is said to be JSON, in UTF-8 and not packed.
func mediaOf(h http.Header) error {
	if coding, ok := h["Content-Encoding"]; ok && (len(coding) != 1 || !strings.EqualFold(coding[0], "identity")) {
		return &service.Error{Code: service.CodeMedia, Detail: "expected no Content-Encoding"}
	}
	expected := &service.Error{Code: service.CodeMedia, Detail: "Content-Type: expected application/json, in UTF-8"}
	if len(h["Content-Type"]) != 1 {
		return expected
	}
	media, params, err := mime.ParseMediaType(h["Content-Type"][0])
	if charset, ok := params["charset"]; err != nil || ok && !strings.EqualFold(charset, "utf-8") {
		return expected
	}
	if !slices.Contains(bodyTypes, media) {
		return expected
	}
	return nil
}

// known refuses members that an object may not have.
func known(doc *strictjson.Doc, object strictjson.Node, path string, allowed []string) error {
	for m := doc.First(object); m != strictjson.None; m = doc.Next(m) {
		if slices.Contains(allowed, doc.Name(m)) {
			continue
		}
		if path == "options" {
			return vcalm.UnknownOption()
		}
		return &service.Error{Code: service.CodeBody, Detail: strings.TrimPrefix(path+": expected no other members than "+strings.Join(allowed, ", "), ": ")}
	}
	return nil
}

// answer writes JSON text as it is.
func (c *call) answer(status int, text []byte) error {
	return c.answerAs("application/json", status, text)
}

func (c *call) answerAs(media string, status int, text []byte) error {
	c.w.Header().Set("Content-Type", media)
	c.w.WriteHeader(status)
	_, err := c.w.Write(text)
	if err != nil {
		return nil // the client has gone; nothing can be told
	}
	return nil
}

func (c *call) answerValue(status int, v any) error {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	return c.answer(status, text)
}
