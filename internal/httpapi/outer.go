package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// exchange is what is known of a request and its answer, for the log and for problems. It
// is the context of the request too, in which it is found.
type exchange struct {
	context.Context
	id     string
	begin  time.Time
	addr   netip.Addr
	route  string // the pattern that was found, never the path
	secret bool   // the path holds a secret
	caller service.Caller
	err    error  // cause of an answer of 500 and above
	end    func() // of a call that is alone with its Idempotency-Key; nil: none
	api    *api   // for Admit and Count, where a mounted handler answers
}

type exchangeKey struct{}

// Value implements context.Context.
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

// source is the part of the caller's address that may be kept.
func (x *exchange) source() string { return coarse(x.addr) }

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// RequestID returns the id of the request that ctx belongs to, "" outside of one. It is in
// the answer's X-Request-Id, in problems, in the log and in the audit log.
func RequestID(ctx context.Context) string {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x.id
	}
	return ""
}

// Source returns the part of the caller's address that may be kept, "" where not known.
func Source(ctx context.Context) string {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x.source()
	}
	return ""
}

// recorder notes what is answered. While guarded, the plain texts with which the mux
// answers what it does not know are held back.
type recorder struct {
	http.ResponseWriter
	request *http.Request
	guarded bool
	unknown int // status of an answer held back
	status  int
	bytes   int64
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if w.guarded && w.request.Pattern == "" {
		w.unknown = status
		return
	}
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.unknown != 0 {
		return len(b), nil
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ServeHTTP is the outermost handler: it names the request, survives a fault below, and
// writes the log line.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := a.Clock()
	both := &struct {
		exchange
		recorder
	}{exchange: exchange{Context: r.Context(), id: service.QuickID(begin), begin: begin, addr: a.address(r)}}
	x, rec := &both.exchange, &both.recorder
	r = r.WithContext(x)
	rec.ResponseWriter, rec.request = w, r
	h := w.Header()
	h["X-Request-Id"] = []string{x.id}
	h["X-Content-Type-Options"] = nosniff
	h["Date"] = a.date.at(begin)
	defer func() {
		if fault := recover(); fault != nil {
			if fault == http.ErrAbortHandler { // an answer broken off on purpose
				a.done(r, rec, x, a.Clock().Sub(begin))
				panic(fault)
			}
			x.err = fmt.Errorf("httpapi: panic: %v\n%s", fault, debug.Stack())
			if rec.status == 0 {
				rec.guarded, rec.unknown = false, 0
				a.fail(rec, r, x.err)
			}
		}
		a.done(r, rec, x, a.Clock().Sub(begin))
	}()
	a.metrics.begin()
	if a.cors(rec, r) {
		x.route = "preflight"
		return
	}
	a.route(rec, r, x)
}

var nosniff = []string{"nosniff"}

// dates makes the Date of answers (RFC 9110, 6.6.1), once for each second.
type dates struct{ last atomic.Pointer[dated] }

type dated struct {
	second int64
	value  []string
}

func (d *dates) at(t time.Time) []string {
	last := d.last.Load()
	if last == nil || last.second != t.Unix() {
		last = &dated{t.Unix(), []string{t.UTC().Format(http.TimeFormat)}}
		d.last.Store(last)
	}
	return last.value
}

// route finds who answers: an operation, a mounted handler, the pages, or nobody.
func (a *api) route(rec *recorder, r *http.Request, x *exchange) {
	path := r.URL.Path
	if a.ProxyOnly && a.inTheClear(r) {
		x.route, x.secret = "refused", true
		a.fail(rec, r, &service.Error{Code: codeTLS, Detail: "expected TLS, or a proxy that the setting trustedProxies names"})
		return
	}
	if a.VCALM != nil && (path == "/vc" || strings.HasPrefix(path, "/vc/") || strings.HasPrefix(path, "/interactions/")) {
		x.route, x.secret, x.api = "/vc", true, a
		a.VCALM.ServeHTTP(rec, r)
		return
	}
	if a.Web != nil && ofPage(r) {
		a.page(rec, r, x)
		return
	}
	if o := a.find(r); o != nil {
		r.Pattern = o.pattern
		a.serve(o, rec, r)
		return
	}
	if isClean(path) {
		rec.guarded = true
		a.mux.ServeHTTP(rec, r)
		rec.guarded = false
		if rec.unknown == 0 {
			return
		}
	} else {
		rec.unknown = http.StatusNotFound
	}
	status := rec.unknown
	rec.unknown = 0
	if a.Web != nil && status == http.StatusNotFound && !isMachine(path) && accepts(r.Header["Accept"], "text/html") {
		delete(rec.Header(), "Content-Type")
		a.page(rec, r, x)
		return
	}
	x.route, x.secret = "unknown", true
	if wait, ok := a.addresses.take(rec.Header(), byAddress(x.addr), a.Clock()); !ok {
		a.fail(rec, r, tooMany(wait))
		return
	}
	if status == http.StatusMethodNotAllowed {
		a.fail(rec, r, &service.Error{Code: codeMethod, Detail: "the method is not offered here; see Allow"})
		return
	}
	a.fail(rec, r, &service.Error{Code: codeNotFound, Detail: "nothing is offered under this path"})
}

// page has the pages answer. They are counted by address, as whatever needs no key, but for
// what they are drawn with, which is cheap and stays in caches.
func (a *api) page(rec *recorder, r *http.Request, x *exchange) {
	x.route, x.secret, x.api = "page", true, a
	if !strings.HasPrefix(r.URL.Path, "/assets/") {
		if wait, ok := a.addresses.take(rec.Header(), byAddress(x.addr), a.Clock()); !ok {
			a.refuse(rec, r, wait)
			return
		}
	}
	a.Web.ServeHTTP(rec, r)
}

// refuser are pages that say to a reader why there is no other.
type refuser interface {
	Refuse(w http.ResponseWriter, r *http.Request, status int)
}

// refuse answers who has asked for pages too often: a reader with a page.
func (a *api) refuse(rec *recorder, r *http.Request, wait time.Duration) {
	pages, ok := a.Web.(refuser)
	if accept := r.Header["Accept"]; !ok || quality(accept, "text/html") <= quality(accept, problemType) {
		a.fail(rec, r, tooMany(wait))
		return
	}
	rec.Header()["Retry-After"] = []string{seconds(wait)}
	pages.Refuse(rec, r, http.StatusTooManyRequests)
}

// ofPage reports whether a request below the page of a credential is for the pages, not for
// the operation that hands out its public files: the frame for other sites, and links that
// carry a signature of their own.
func ofPage(r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, "/c/")
	return ok && (strings.HasSuffix(rest, "/embed") || strings.Contains(r.URL.RawQuery, "signature="))
}

// isClean reports whether a path is in the form in which routes are compared; others
// would be redirected by the mux.
func isClean(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.Contains(path, "//") && !strings.Contains(path+"/", "/./") && !strings.Contains(path+"/", "/../")
}

// isMachine reports whether unknown paths there are answered for programs, not people.
func isMachine(path string) bool {
	for _, p := range []string{"/v1", "/vc", "/status", "/schemas", "/pictures", "/interactions"} {
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

func (a *api) done(r *http.Request, rec *recorder, x *exchange, took time.Duration) {
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	if x.route == "" {
		x.route = r.Pattern
	}
	a.metrics.end(x.route, r.Method, status, took)
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	ctx := r.Context()
	if !a.Logger.Enabled(ctx, level) {
		return
	}
	attrs := [10]slog.Attr{
		slog.String("requestId", x.id),
		slog.String("method", method(r.Method)),
		slog.String("route", x.route),
		slog.Int("status", status),
		slog.Int64("bytes", rec.bytes),
		slog.Duration("took", took),
		slog.String("source", x.source()),
	}
	n := 7
	if x.caller.Tenant != "" {
		attrs[n] = slog.String("tenant", x.caller.Tenant)
		attrs[n+1] = slog.String("actor", x.caller.Actor)
		n += 2
	}
	if x.err != nil {
		attrs[n] = slog.String("error", x.err.Error())
		n++
	}
	a.Logger.LogAttrs(ctx, level, "request", attrs[:n]...)
}

// method is a request's method, or OTHER: clients make up names.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "OTHER"
}
