package httpapi

import (
	"net/http"
	"strings"
)

// Scripts of any origin may read the public plane, without credentials; the product and
// W3C planes only those of configured origins.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Tenant"
	corsExposed = "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
)

// cors sets what a browser asks for, and reports whether the request was a preflight,
// which is then answered.
func (a *api) cors(w http.ResponseWriter, r *http.Request) (done bool) {
	origin := r.Header.Get("Origin")
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if origin == "" && !preflight {
		return false
	}
	h := w.Header()
	allowed := ""
	if isPublic(r.URL.Path) {
		allowed = "*"
	} else {
		h.Add("Vary", "Origin")
		if a.origins[strings.ToLower(origin)] {
			allowed = origin
		}
	}
	if allowed != "" {
		h.Set("Access-Control-Allow-Origin", allowed)
		h.Set("Access-Control-Expose-Headers", corsExposed)
	}
	if !preflight {
		return false
	}
	if allowed != "" {
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// isPublic reports whether a path belongs to the public plane.
func isPublic(path string) bool {
	switch {
	case path == "/v1/verify" || strings.HasPrefix(path, "/v1/verify/"):
		return true
	case strings.HasPrefix(path, "/v1/"), path == "/vc", strings.HasPrefix(path, "/vc/"):
		return false
	}
	return true
}
