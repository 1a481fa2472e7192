package httpapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// Codes that only HTTP has.
const (
	codeNotFound   service.Code = "NOT_FOUND"
	codeMethod     service.Code = "METHOD_NOT_ALLOWED"
	codeAcceptable service.Code = "NOT_ACCEPTABLE"
	codeTLS        service.Code = "TLS_REQUIRED"
)

// Problem is the body of every error (RFC 9457 and API.md, 4).
type Problem struct {
	Type      string              `json:"type" doc:"a page that explains the code"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Detail    string              `json:"detail"`
	Instance  string              `json:"instance,omitempty"`
	Code      service.Code        `json:"code"`
	Message   string              `json:"message" doc:"the same as detail"`
	Errors    map[string][]string `json:"errors,omitempty" doc:"of 422: messages by dotted path"`
	RequestID string              `json:"requestId"`
}

type codeInfo struct {
	code   service.Code
	status int
	title  string
}

// codes lists every code with its status, in the order of the documentation.
var codes = []codeInfo{
	{service.CodeBody, 400, "The body cannot be read"},
	{service.CodeParameter, 400, "A parameter or header is malformed"},
	{service.CodeKey, 401, "No valid API key or token"},
	{service.CodeTokenExpired, 401, "The token has expired"},
	{service.CodeQuota, 402, "The quota is used up"},
	{service.CodeScope, 403, "The key may not do this"},
	{codeTLS, 403, "Not without TLS"},
	{codeNotFound, 404, "Not found"},
	{codeMethod, 405, "The method is not offered here"},
	{codeAcceptable, 406, "Nothing that Accept allows"},
	{service.CodeRevoked, 409, "The credential is revoked"},
	{service.CodeState, 409, "Not possible in this state"},
	{service.CodeDuplicate, 409, "The id is taken"},
	{service.CodeInProgress, 409, "The same request is still running"},
	{service.CodeTooLarge, 413, "The body is too large"},
	{service.CodeMedia, 415, "The Content-Type is not taken here"},
	{service.CodeValidation, 422, "Validation failed"},
	{service.CodeMismatch, 422, "The Idempotency-Key was used before"},
	{service.CodeRate, 429, "Too many requests"},
	{service.CodeInternal, 500, "An internal error"},
	{service.CodeUnavailable, 503, "Not available at the moment"},
}

var codeByName = func() map[service.Code]codeInfo {
	m := make(map[service.Code]codeInfo, len(codes))
	for _, c := range codes {
		m[c.code] = c
	}
	return m
}()

// infoOf gives a code's status and title; <RESOURCE>_NOT_FOUND counts as NOT_FOUND.
func infoOf(c service.Code) (codeInfo, bool) {
	if i, ok := codeByName[c]; ok {
		return i, true
	}
	if strings.HasSuffix(string(c), "_NOT_FOUND") {
		return codeInfo{c, 404, "Not found"}, true
	}
	return codeInfo{}, false
}

// slug is the last part of a problem's type: VALIDATION_ERROR is validation-error.
func slug(c service.Code) string {
	return strings.ReplaceAll(strings.ToLower(string(c)), "_", "-")
}

func tooMany(wait time.Duration) error {
	return &service.Error{Code: service.CodeRate, Detail: "too many requests; see Retry-After", RetryAfter: wait}
}

// asError turns any error into one that callers may see. What is not a service.Error is
// internal: its text stays here.
func asError(err error) *service.Error {
	var e *service.Error
	if errors.As(err, &e) {
		if _, ok := infoOf(e.Code); ok {
			return e
		}
		return internalError(err)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &service.Error{Code: service.CodeTooLarge, Detail: "the body has more than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"}
	case errors.Is(err, service.ErrNotFound):
		return &service.Error{Code: codeNotFound, Detail: "no such thing", Err: err}
	case errors.Is(err, service.ErrConflict):
		return &service.Error{Code: service.CodeState, Detail: "it was changed in between; try again", Err: err}
	case errors.Is(err, service.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &service.Error{Code: service.CodeUnavailable, Detail: "not available at the moment; try again", RetryAfter: time.Second, Err: err}
	}
	return internalError(err)
}

func internalError(err error) *service.Error {
	return &service.Error{Code: service.CodeInternal, Detail: "an internal error; give the requestId to the operator", Err: err}
}

// problemOf is the one function that makes a problem body.
func (a *api) problemOf(r *http.Request, err error) (Problem, *service.Error) {
	e := asError(err)
	info, _ := infoOf(e.Code)
	p := Problem{
		Type: a.BaseURL + "/problems/" + slug(e.Code), Title: info.title, Status: info.status,
		Detail: e.Detail, Message: e.Detail, Code: e.Code, Instance: r.URL.Path,
	}
	if info.status == http.StatusNotFound {
		p.Type = a.BaseURL + "/problems/not-found"
	}
	if p.Status == http.StatusUnprocessableEntity {
		p.Errors = e.Fields
	}
	if x := exchangeOf(r); x != nil {
		p.RequestID = x.id
		if info.status >= 500 && x.err == nil {
			x.err = err
		}
		if x.secret {
			p.Instance = ""
		}
		if x.end != nil {
			x.end()
		}
	}
	if !plainPath(p.Instance) {
		p.Instance = ""
	}
	return p, e
}

// plainPath reports whether a path holds nothing but ids, so that it may be repeated.
func plainPath(s string) bool {
	if len(s) > 300 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' || c == '-' || c == '_' || c == '.' || c == ':') {
			return false
		}
	}
	return true
}

// fail answers an error.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, e := a.problemOf(r, err)
	h := w.Header()
	for _, name := range []string{"Location", "ETag", "Content-Disposition", "Content-Length", "Content-Encoding"} {
		delete(h, name)
	}
	h["Cache-Control"] = noStore
	if e.RetryAfter > 0 {
		h.Set("Retry-After", seconds(e.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", challenge(r, e.Code))
	}
	mediaType := problemType
	if onlyPlainJSON(r.Header["Accept"]) {
		mediaType = jsonType
	}
	a.writeJSON(w, r, p.Status, mediaType, p)
}

// seconds is a time to wait, as Retry-After has it.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10)
}

// WriteProblem answers an error as API.md, 4 says, for handlers mounted beside the
// operations. h is a handler made by New.
func WriteProblem(h http.Handler, w http.ResponseWriter, r *http.Request, err error) {
	h.(*api).fail(w, r, err)
}
