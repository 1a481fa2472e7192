package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

// The policies of pages. Nothing is allowed but what a page of ours needs: no script or
// style within the text, nothing from elsewhere, no frame around it but the one made for
// that.
const (
	policyBase  = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'"
	pagePolicy  = policyBase + "; frame-ancestors 'none'"
	embedPolicy = policyBase + "; frame-ancestors *"
	// signPolicy lets the page of an invitation show its document.
	signPolicy = policyBase + "; frame-src 'self'; frame-ancestors 'none'"
	// filePolicy: what a file brings along is not run, even opened by itself.
	filePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"
	// documentPolicy lets the page of an invitation frame its document. Without sandbox,
	// which browsers' own viewers of PDF do not work in.
	documentPolicy = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
)

func setHeaders(w http.ResponseWriter, policy string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// A verdict is of the moment.
	h.Set("Cache-Control", "no-store")
}

// answer sends a page, or the page of an internal fault where it could not be made.
func (s *site) answer(w http.ResponseWriter, r *http.Request, status int, body []byte, err error) {
	s.answerWith(w, r, status, pagePolicy, body, err)
}

func (s *site) answerWith(w http.ResponseWriter, r *http.Request, status int, policy string, body []byte, err error) {
	if err != nil {
		s.fault(w, r, err)
		return
	}
	send(w, status, policy, body)
}

func send(w http.ResponseWriter, status int, policy string, body []byte) {
	setHeaders(w, policy)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fault answers an error of the service. Of our own faults the reader learns nothing.
func (s *site) fault(w http.ResponseWriter, r *http.Request, err error) {
	var known *service.Error
	switch {
	case service.IsNotFound(err):
		s.failure(w, r, http.StatusNotFound)
	case errors.As(err, &known) && (known.Code == service.CodeUnavailable || known.Code == service.CodeRate):
		if known.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(known.RetryAfter.Seconds())+1))
		}
		s.failure(w, r, http.StatusServiceUnavailable)
	case r.Context().Err() != nil:
		// Nobody reads the answer any more.
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		s.logger.ErrorContext(r.Context(), "web: page failed", "route", r.Pattern, "error", err)
		s.failure(w, r, http.StatusInternalServerError)
	}
}

// failure sends the page of a status.
func (s *site) failure(w http.ResponseWriter, r *http.Request, status int) {
	path := "/"
	if r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "//") {
		path = r.URL.EscapedPath()
	}
	body, err := s.pages.Failure(s.request(r), path, status)
	if err != nil {
		s.logger.ErrorContext(r.Context(), "web: page of a failure failed", "error", err)
		http.Error(w, http.StatusText(status), status)
		return
	}
	send(w, status, pagePolicy, body)
}

// serveFile hands out exact bytes, never compressed.
func serveFile(w http.ResponseWriter, r *http.Request, f service.File, policy, disposition string) {
	setHeaders(w, policy)
	h := w.Header()
	h.Set("Content-Type", mediaType(f.MediaType))
	h.Set("Content-Disposition", disposition+`; filename="`+asciiName(f.Name)+`"`)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if f.Digest != "" {
		// An address may be hidden or erased tomorrow: caches ask each time.
		h.Set("Cache-Control", "private, no-cache")
		h.Set("ETag", `"`+asciiName(f.Digest)+`"`)
		if matches(r.Header.Get("If-None-Match"), h.Get("ETag")) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(f.Bytes)))
	_, _ = w.Write(f.Bytes)
}

// mediaType lets no type pass that a browser would run as a page of ours.
func mediaType(s string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(s)), ";")
	switch base {
	case "", "text/html", "application/xhtml+xml", "text/xml", "application/xml", "text/javascript", "application/javascript":
		return "application/octet-stream"
	}
	for _, c := range s {
		if c < 0x20 || c > 0x7e {
			return "application/octet-stream"
		}
	}
	return s
}

// asciiName makes a file name that needs no quoting.
func asciiName(s string) string {
	var b strings.Builder
	for _, c := range s {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_' {
			b.WriteRune(c)
		} else {
			b.WriteByte('_')
		}
		if b.Len() >= 120 {
			break
		}
	}
	if name := strings.TrimLeft(b.String(), "."); name != "" {
		return name
	}
	return "file"
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3) as far as is needed.
func acceptsGzip(header string) bool {
	for _, part := range strings.Split(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.TrimSpace(params)
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// matches reads If-None-Match (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for _, part := range strings.Split(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == "*" || part == etag {
			return header != ""
		}
	}
	return false
}
